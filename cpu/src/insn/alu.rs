//! ADD ADC SUB SBB CMP AND OR XOR TEST INC DEC NEG NOT: SDM Vol. 2, the instructions' own pages.
//!
//! An operation knows two values and CF; a form knows operands. A LOCK prefix needs nothing here: one
//! vCPU runs at a time. What LOCK may stand before is the decoder's concern.

use crate::cpu::{Cpu, Done};
use crate::decode::op::Op;
use crate::flags::{Status, Width};

/// An operation on two values, zero-extended from their width.
pub(crate) trait Alu: Copy + 'static {
    /// False for CMP and TEST, which only read their first operand.
    const WRITES: bool = true;
    /// True for ADC and SBB.
    const READS_CF: bool = false;
    /// Result (bits above the width are meaningless) and flags.
    fn eval<W: Width>(dst: u64, src: u64, cf: bool) -> (u64, Status);
}

/// ADD.
#[derive(Clone, Copy)]
pub(crate) struct Add;
/// ADC.
#[derive(Clone, Copy)]
pub(crate) struct Adc;
/// SUB.
#[derive(Clone, Copy)]
pub(crate) struct Sub;
/// SBB.
#[derive(Clone, Copy)]
pub(crate) struct Sbb;
/// CMP.
#[derive(Clone, Copy)]
pub(crate) struct Cmp;
/// AND.
#[derive(Clone, Copy)]
pub(crate) struct And;
/// OR.
#[derive(Clone, Copy)]
pub(crate) struct Or;
/// XOR.
#[derive(Clone, Copy)]
pub(crate) struct Xor;
/// TEST.
#[derive(Clone, Copy)]
pub(crate) struct Test;

impl Alu for Add {
    #[inline(always)]
    fn eval<W: Width>(dst: u64, src: u64, _cf: bool) -> (u64, Status) {
        Adc::eval::<W>(dst, src, false)
    }
}

impl Alu for Adc {
    const READS_CF: bool = true;
    #[inline(always)]
    fn eval<W: Width>(dst: u64, src: u64, cf: bool) -> (u64, Status) {
        let sum = dst.wrapping_add(src).wrapping_add(u64::from(cf));
        let carries = (dst & src) | ((dst | src) & !sum); // carry out of each bit
        (sum, Status::from_carries::<W>(sum, carries))
    }
}

impl Alu for Sub {
    #[inline(always)]
    fn eval<W: Width>(dst: u64, src: u64, _cf: bool) -> (u64, Status) {
        Sbb::eval::<W>(dst, src, false)
    }
}

impl Alu for Sbb {
    const READS_CF: bool = true;
    #[inline(always)]
    fn eval<W: Width>(dst: u64, src: u64, cf: bool) -> (u64, Status) {
        let diff = dst.wrapping_sub(src).wrapping_sub(u64::from(cf));
        let borrows = (!dst & src) | ((!dst | src) & diff); // borrow out of each bit
        (diff, Status::from_carries::<W>(diff, borrows))
    }
}

impl Alu for Cmp {
    const WRITES: bool = false;
    #[inline(always)]
    fn eval<W: Width>(dst: u64, src: u64, cf: bool) -> (u64, Status) {
        Sub::eval::<W>(dst, src, cf)
    }
}

macro_rules! logic {
    ($($name:ident = |$dst:ident, $src:ident| $result:expr, writes $writes:expr;)*) => {$(
        impl Alu for $name {
            const WRITES: bool = $writes;
            #[inline(always)]
            fn eval<W: Width>($dst: u64, $src: u64, _cf: bool) -> (u64, Status) {
                let result = $result;
                (result, Status::logic::<W>(result))
            }
        }
    )*};
}
// AF is undefined after these; Zen clears it, which is what `Status::logic` does.
logic! {
    And = |dst, src| dst & src, writes true;
    Or = |dst, src| dst | src, writes true;
    Xor = |dst, src| dst ^ src, writes true;
    Test = |dst, src| dst & src, writes false;
}

/// `op dst, src`: registers, or memory on one side.
#[inline(always)]
pub(crate) fn alu<O: Alu, W: Width>(cpu: &mut Cpu, op: &Op) -> Done {
    let src: W = cpu.read_operand(op, op.src)?;
    apply::<O, W>(cpu, op, src.to_u64())
}

/// `op dst, imm`.
#[inline(always)]
pub(crate) fn alu_imm<O: Alu, W: Width>(cpu: &mut Cpu, op: &Op) -> Done {
    apply::<O, W>(cpu, op, op.imm & W::MASK)
}

#[inline(always)]
fn apply<O: Alu, W: Width>(cpu: &mut Cpu, op: &Op, src: u64) -> Done {
    let cf = O::READS_CF && cpu.status.cf();
    if O::WRITES {
        modify::<W>(cpu, op, |_, dst| O::eval::<W>(dst, src, cf))
    } else {
        let dst: W = cpu.read_operand(op, op.dst)?;
        cpu.status = O::eval::<W>(dst.to_u64(), src, cf).1;
        Ok(())
    }
}

/// Replaces the first operand and the flags by what `eval` makes of the flags before and the operand.
/// A missing write right is found before anything happens.
#[inline(always)]
pub(crate) fn modify<W: Width>(
    cpu: &mut Cpu,
    op: &Op,
    eval: impl FnOnce(Status, u64) -> (u64, Status),
) -> Done {
    if Cpu::is_memory(op.dst) {
        let linear = cpu.linear(op, cpu.effective_address(op), W::BYTES, true)?;
        let value: W = cpu.load_for_write(linear)?;
        let (result, status) = eval(cpu.status, value.to_u64());
        cpu.store(linear, W::from_u64(result))?;
        cpu.status = status;
    } else {
        let value: W = cpu.reg(op.dst);
        let (result, status) = eval(cpu.status, value.to_u64());
        cpu.set_reg(op.dst, W::from_u64(result));
        cpu.status = status;
    }
    Ok(())
}

/// An operation on one value, given the flags before it.
pub(crate) trait Unary: Copy + 'static {
    /// False for NOT, which leaves the flags.
    const FLAGS: bool = true;
    /// Result (bits above the width are meaningless) and flags.
    fn eval<W: Width>(before: Status, value: u64) -> (u64, Status);
}

/// INC.
#[derive(Clone, Copy)]
pub(crate) struct Inc;
/// DEC.
#[derive(Clone, Copy)]
pub(crate) struct Dec;
/// NEG.
#[derive(Clone, Copy)]
pub(crate) struct Neg;
/// NOT.
#[derive(Clone, Copy)]
pub(crate) struct Not;

impl Unary for Inc {
    /// CF stays.
    #[inline(always)]
    fn eval<W: Width>(before: Status, value: u64) -> (u64, Status) {
        let (result, status) = Add::eval::<W>(value, 1, false);
        (result, status.with_cf(before.cf()))
    }
}

impl Unary for Dec {
    /// CF stays.
    #[inline(always)]
    fn eval<W: Width>(before: Status, value: u64) -> (u64, Status) {
        let (result, status) = Sub::eval::<W>(value, 1, false);
        (result, status.with_cf(before.cf()))
    }
}

impl Unary for Neg {
    #[inline(always)]
    fn eval<W: Width>(_before: Status, value: u64) -> (u64, Status) {
        Sub::eval::<W>(0, value, false)
    }
}

impl Unary for Not {
    const FLAGS: bool = false;
    #[inline(always)]
    fn eval<W: Width>(before: Status, value: u64) -> (u64, Status) {
        (!value, before)
    }
}

/// `op dst`.
#[inline(always)]
pub(crate) fn unary<O: Unary, W: Width>(cpu: &mut Cpu, op: &Op) -> Done {
    modify::<W>(cpu, op, O::eval::<W>)
}
