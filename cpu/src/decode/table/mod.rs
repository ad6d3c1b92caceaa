//! One row per iced `Code`: which handler executes it, and whether it ends its block.
//!
//! The rows stand in the files of this folder by group; a `Code` without a row is refused loudly when
//! it is executed.

mod avx;
mod avx_float;
mod avx_moves;
mod branch;
mod crypto;
mod fma;
mod integer;
mod mmx;
mod sse;
mod sse4;
mod sse_float;
mod ssse3;
mod state;
mod string;
mod system;
mod x87;

pub(crate) use branch::branch_row;

use crate::engine::Handler;
use crate::engine::hot::Forms;
use iced_x86::Code;

/// What executes a `Code`.
#[derive(Clone, Copy)]
pub(crate) struct Row {
    pub(crate) handler: Handler,
    /// A leaner one for register operands, where the form touches nothing else.
    pub(crate) registers: Option<Handler>,
    /// And one that leaves the flags alone, for where they are dead.
    pub(crate) flagless: Option<Handler>,
    /// Frameless ones that fall back on `handler`, for register and memory operands: vector
    /// instructions, VEX-encoded ones too.
    pub(crate) frameless: Option<&'static Forms>,
    /// Nothing behind it belongs to the block.
    pub(crate) ends: bool,
    /// Its immediate is the x87 unit's FOP, which the block builder takes from the bytes.
    pub(crate) keeps_opcode: bool,
}

impl Row {
    /// The block goes on behind it.
    pub(crate) const fn goes_on(handler: Handler) -> Self {
        Self {
            handler,
            registers: None,
            flagless: None,
            frameless: None,
            ends: false,
            keeps_opcode: false,
        }
    }
    /// An x87 instruction, which remembers its opcode.
    pub(crate) const fn x87(handler: Handler) -> Self {
        Self { keeps_opcode: true, ..Self::goes_on(handler) }
    }
    /// The last of its block.
    pub(crate) const fn ends(handler: Handler) -> Self {
        Self { ends: true, ..Self::goes_on(handler) }
    }
    /// A form that touches only its operands and the flags: in line where they are registers.
    pub(crate) const fn value(handler: Handler, registers: Handler) -> Self {
        Self { registers: Some(registers), ..Self::goes_on(handler) }
    }
    /// The same for a form that writes flags, which may be dead.
    pub(crate) const fn arithmetic(
        handler: Handler,
        registers: Handler,
        flagless: Handler,
    ) -> Self {
        Self { flagless: Some(flagless), ..Self::value(handler, registers) }
    }
    /// A form with frameless ones that do not call.
    pub(crate) const fn frameless(handler: Handler, forms: &'static Forms) -> Self {
        Self { frameless: Some(forms), ..Self::goes_on(handler) }
    }
}

/// Rows of one group.
pub(crate) type Rows = &'static [(Code, Row)];

/// Number of `Code` values that a table indexed by it needs.
const CODES: usize = 8192;

static TABLE: [Option<Row>; CODES] = index(&[
    integer::ROWS,
    string::ROWS,
    state::ROWS,
    system::ROWS,
    sse::ROWS,
    sse_float::ROWS,
    ssse3::ROWS,
    sse4::ROWS,
    crypto::ROWS,
    avx::ROWS,
    avx_float::ROWS,
    fma::ROWS,
    avx_moves::ROWS,
    mmx::ROWS,
    x87::ROWS,
]);

const fn index(groups: &[Rows]) -> [Option<Row>; CODES] {
    let mut table = [None; CODES];
    let mut group = 0;
    while group < groups.len() {
        let rows = groups[group];
        let mut i = 0;
        while i < rows.len() {
            let (code, row) = rows[i];
            assert!(table[code as usize].is_none(), "a Code has one row");
            table[code as usize] = Some(row);
            i += 1;
        }
        group += 1;
    }
    table
}

/// The row of a `Code`, if there is one.
pub(crate) fn row(code: Code) -> Option<Row> {
    TABLE[code as usize]
}

/// Writes rows as `Name => plain(form::<..>);` for the block to go on, `Name => jump(form) ends;`.
/// `value(form)` says that the form touches nothing but its explicit operands and the flags; `arith(form)`
/// that it also writes flags which may turn out dead. `sse(form, R, M)` names beside the complete form the
/// frameless ones for a register and a memory operand (`engine::hot::form`), and so on with its kin; `host(operation)`
/// the one of an operation that not every host has (`engine::hot::host_operation`).
macro_rules! rows {
    ($($code:ident => $kind:ident($($form:tt)*) $($ends:ident)?;)*) => {
        &[$((iced_x86::Code::$code, $crate::decode::table::rows!(@row $kind($($form)*) $($ends)?)),)*]
    };
    (@row x87($form:expr)) => {
        $crate::decode::table::Row::x87($crate::engine::plain($form))
    };
    (@row lanes($operation:ty)) => {
        $crate::decode::table::rows!(@row sse(packed::<$operation, Xmm>, Lanes<$operation>))
    };
    (@row host($operation:ty)) => {
        $crate::decode::table::rows!(@row sse(two::<$operation>, Replacing<$operation>))
    };
    (@row sse($form:expr, $both:ty)) => {
        $crate::decode::table::rows!(@row sse($form, $both, $both))
    };
    (@row sse($form:expr, $register:ty, $memory:ty)) => {
        $crate::decode::table::rows!(@frameless Legacy, Second, $form, $register, $memory)
    };
    (@row sse_general($form:expr, $both:ty)) => {
        $crate::decode::table::rows!(@frameless Legacy, GeneralSecond, $form, $both, $both)
    };
    (@row sse_store($form:expr, $register:ty, $memory:ty)) => {
        $crate::decode::table::rows!(@storing Legacy, $form, $register, $memory)
    };
    (@row vex($form:expr, $place:ty, $length:ty, $hot:ty)) => {
        $crate::decode::table::rows!(@vex $place, $form, ByHalves<$length, $hot>)
    };
    (@row fused($form:expr, $signs:ty, $order:ty, $hot:ty)) => {
        $crate::decode::table::rows!(@vex Third, $form, Fused<$signs, $order, $hot>)
    };
    (@row vex_packed($o:ty, $l:ty, $lane:ty)) => {
        $crate::decode::table::rows!(@vex Third, vex_packed::<$o, $l>, OfTwo<$lane, $l, 0>)
    };
    (@row vex_single($o:ty, $l:ty, $lane:ty)) => {
        $crate::decode::table::rows!(@vex Second, vex_single::<$o, $l>, OfOne<$lane, $l, 0>)
    };
    (@row vex_imm($o:ty, $l:ty, $step:literal, $lane:ty)) => {
        $crate::decode::table::rows!(
            @vex Third, vex_packed_imm::<$o, $l, $step>, OfTwo<$lane, $l, $step>
        )
    };
    (@row vex_single_imm($o:ty, $l:ty, $step:literal, $lane:ty)) => {
        $crate::decode::table::rows!(
            @vex Second, vex_single_imm::<$o, $l, $step>, OfOne<$lane, $l, $step>
        )
    };
    (@row vex_shift($o:ty, $l:ty)) => {
        $crate::decode::table::rows!(@vex Third, vex_shift::<$o, $l>, ByLow<Lanes<$o>, $l>)
    };
    (@row vex_shift_imm($o:ty, $l:ty)) => {
        $crate::decode::table::rows!(
            @vex Second, vex_shift_imm::<$o, $l>, OfOne<ByImmediate<$o>, $l, 0>
        )
    };
    (@row vex_blendv($w:ty, $l:ty)) => {
        $crate::decode::table::rows!(@vex Third, vex_ternary::<Blendv<$w>, $l>, BlendedBy<$w, $l>)
    };
    (@row vex_extend($o:ty, $l:ty)) => {
        $crate::decode::table::rows!(@vex Second, extend::<$o, $l>, Widened<$o, $l>)
    };
    (@row vex_test($o:ty, $l:ty)) => {
        $crate::decode::table::rows!(@vex Second, vex_test::<$o, $l>, Test<$o, $l>)
    };
    (@row vex_broadcast($o:ty, $l:ty)) => {
        $crate::decode::table::rows!(@vex Second, broadcast::<$o, $l>, Broadcast<$o, $l>)
    };
    (@row vex_second($form:expr, $both:ty)) => {
        $crate::decode::table::rows!(@vex Second, $form, $both)
    };
    (@row vex_third($form:expr, $both:ty)) => {
        $crate::decode::table::rows!(@vex Third, $form, $both)
    };
    (@row vex_general($form:expr, $both:ty)) => {
        $crate::decode::table::rows!(@vex GeneralSecond, $form, $both)
    };
    (@row vex_general_third($form:expr, $both:ty)) => {
        $crate::decode::table::rows!(@vex GeneralThird, $form, $both)
    };
    (@row vex_store($form:expr, $register:ty, $memory:ty)) => {
        $crate::decode::table::rows!(@storing Vex, $form, $register, $memory)
    };
    (@vex $place:ty, $form:expr, $both:ty) => {
        $crate::decode::table::rows!(@frameless Vex, $place, $form, $both, $both)
    };
    (@frameless $encoding:ty, $place:ty, $form:expr, $register:ty, $memory:ty) => {
        $crate::decode::table::Row::frameless(
            $crate::engine::plain($form), Forms::of::<$encoding, $place, $register, $memory>(),
        )
    };
    (@storing $encoding:ty, $form:expr, $register:ty, $memory:ty) => {
        $crate::decode::table::Row::frameless(
            $crate::engine::plain($form), Forms::storing::<$encoding, $register, $memory>(),
        )
    };
    (@row value($form:expr)) => {
        $crate::decode::table::Row::value(
            $crate::engine::plain($form),
            // A closure of its own, used once, is inlined into its handler; the function item's `call`
            // would be shared with the complete form and stay out of line.
            $crate::engine::registers_only(|cpu: &mut $crate::cpu::Cpu, op: &$crate::decode::op::Op| {
                $form(cpu, op)
            }),
        )
    };
    (@row arith($form:expr)) => {
        $crate::decode::table::Row::arithmetic(
            $crate::engine::plain($form),
            $crate::engine::registers_only(|cpu: &mut $crate::cpu::Cpu, op: &$crate::decode::op::Op| {
                $form(cpu, op)
            }),
            $crate::engine::registers_only_flagless(
                |cpu: &mut $crate::cpu::Cpu, op: &$crate::decode::op::Op| $form(cpu, op),
            ),
        )
    };
    (@row $kind:ident($form:expr)) => {
        $crate::decode::table::Row::goes_on($crate::engine::$kind($form))
    };
    (@row $kind:ident($form:expr) ends) => {
        $crate::decode::table::Row::ends($crate::engine::$kind($form))
    };
}
pub(crate) use rows;
