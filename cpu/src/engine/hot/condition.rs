//! SETcc and CMOVcc on registers.

use super::forward::{Choice, Dst, Last, Src, Taken, Value};
use super::select::Shape;
use super::set_slot;
use crate::cpu::Cpu;
use crate::decode::op::Op;
use crate::engine::{Handler, next};
use crate::flags::{self, Condition, Width};
use iced_x86::ConditionCode;

/// A handler whose last type parameter is a condition; none for the rare ones.
macro_rules! by_condition {
    ($condition:expr, $handler:ident $(::<$($parameter:ty),*>)?) => {
        {
            let chosen: Option<Handler> = match $condition {
            ConditionCode::b => Some($handler::<$($($parameter,)*)? flags::B>),
            ConditionCode::ae => Some($handler::<$($($parameter,)*)? flags::Ae>),
            ConditionCode::e => Some($handler::<$($($parameter,)*)? flags::E>),
            ConditionCode::ne => Some($handler::<$($($parameter,)*)? flags::Ne>),
            ConditionCode::be => Some($handler::<$($($parameter,)*)? flags::Be>),
            ConditionCode::a => Some($handler::<$($($parameter,)*)? flags::A>),
            ConditionCode::s => Some($handler::<$($($parameter,)*)? flags::S>),
            ConditionCode::ns => Some($handler::<$($($parameter,)*)? flags::Ns>),
            ConditionCode::l => Some($handler::<$($($parameter,)*)? flags::L>),
            ConditionCode::ge => Some($handler::<$($($parameter,)*)? flags::Ge>),
            ConditionCode::le => Some($handler::<$($($parameter,)*)? flags::Le>),
            ConditionCode::g => Some($handler::<$($($parameter,)*)? flags::G>),
            ConditionCode::o | ConditionCode::no | ConditionCode::p | ConditionCode::np
            | ConditionCode::None => None,
        };
            chosen
        }
    };
}

pub(super) use by_condition;

/// SETcc of a register.
unsafe fn set<C: Condition>(cpu: *mut Cpu, op: *const Op, _last: u64) -> *const Op {
    // SAFETY: as for `Handler`.
    unsafe {
        let last = set_slot::<u8>(cpu, (*op).dst, u64::from(C::holds((*cpu).status)));
        next(cpu, op, last)
    }
}

/// CMOVcc between registers. A 32-bit destination is zero-extended whatever the condition.
unsafe fn mov<W: Width, D: Value, S: Value, C: Condition>(
    cpu: *mut Cpu,
    op: *const Op,
    last: u64,
) -> *const Op {
    // SAFETY: as for `Handler`.
    unsafe {
        let (dst, src) = (D::get(cpu, op, last), S::get(cpu, op, last));
        let value = if C::holds((*cpu).status) { src } else { dst };
        let last = set_slot::<W>(cpu, (*op).dst, value);
        next(cpu, op, last)
    }
}

/// The form of SETcc.
pub(super) fn pick_set(shape: Shape, condition: ConditionCode, op: &Op) -> Option<Choice> {
    if shape != Shape::Reg {
        return None;
    }
    by_condition!(condition, set).map(|handler| Choice::value(handler, op))
}

/// The form of CMOVcc.
pub(super) fn pick_mov(
    shape: Shape,
    condition: ConditionCode,
    width: u32,
    op: &Op,
    taken: Taken,
) -> Option<Choice> {
    let handler = match width {
        32 => of_width::<u32>(shape, condition, taken),
        64 => of_width::<u64>(shape, condition, taken),
        _ => None,
    };
    handler.map(|handler| Choice::value(handler, op))
}

fn of_width<W: Width>(shape: Shape, condition: ConditionCode, taken: Taken) -> Option<Handler> {
    match (shape, taken.dst, taken.src) {
        (Shape::RegReg, true, false) => by_condition!(condition, mov::<W, Last, Src>),
        (Shape::RegReg, _, true) => by_condition!(condition, mov::<W, Dst, Last>),
        (Shape::RegReg, false, false) => by_condition!(condition, mov::<W, Dst, Src>),
        _ => None,
    }
}
