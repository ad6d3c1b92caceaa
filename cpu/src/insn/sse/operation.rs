//! Operations on whole XMM values, apart from operands and encodings: values in, a value out. The forms of the
//! legacy encodings stand here; those with a VEX prefix and the frameless ones are made of the same operations.
//!
//! An operation that does not read its destination ignores it. Those on MMX registers too are [`Packed`]; all of
//! them count as operations of two XMM values.

use super::Packed;
use crate::cpu::{Cpu, Done, Fault};
use crate::decode::op::Op;

/// An operation of two values.
pub(crate) trait Binary: 'static {
    /// The new destination.
    fn eval(dst: u128, src: u128) -> u128;
}

/// An operation of two values and an immediate byte.
pub(crate) trait BinaryImm: 'static {
    /// The new destination.
    fn eval(dst: u128, src: u128, imm: u8) -> u128;
}

/// An operation of three values: the third is XMM0 in the legacy encodings.
pub(crate) trait Ternary: 'static {
    /// The new destination.
    fn eval(dst: u128, src: u128, third: u128) -> u128;
}

impl<O: Packed> Binary for O {
    #[inline(always)]
    fn eval(dst: u128, src: u128) -> u128 {
        O::xmm(dst, src)
    }
}

/// Types that are operations of two XMM values alone.
macro_rules! binary {
    ($($(#[$doc:meta])* $name:ident = |$dst:pat_param, $src:pat_param| $result:expr;)*) => {$(
        $(#[$doc])*
        pub(crate) struct $name;
        impl $crate::insn::sse::operation::Binary for $name {
            #[inline(always)]
            fn eval($dst: u128, $src: u128) -> u128 {
                $result
            }
        }
    )*};
}

/// Types that are operations of two XMM values and an immediate.
macro_rules! binary_imm {
    ($($(#[$doc:meta])* $name:ident = |$dst:pat_param, $src:pat_param, $imm:ident| $result:expr;)*) => {$(
        $(#[$doc])*
        pub(crate) struct $name;
        impl $crate::insn::sse::operation::BinaryImm for $name {
            #[inline(always)]
            fn eval($dst: u128, $src: u128, $imm: u8) -> u128 {
                $result
            }
        }
    )*};
}

/// Types that are operations of three XMM values.
macro_rules! ternary {
    ($($(#[$doc:meta])* $name:ident = |$dst:pat_param, $src:pat_param, $third:ident| $result:expr;)*) => {$(
        $(#[$doc])*
        pub(crate) struct $name;
        impl $crate::insn::sse::operation::Ternary for $name {
            #[inline(always)]
            fn eval($dst: u128, $src: u128, $third: u128) -> u128 {
                $result
            }
        }
    )*};
}

pub(crate) use {binary, binary_imm, ternary};

/// `op xmm, xmm/m128`.
#[inline(always)]
pub(crate) fn two<O: Binary>(cpu: &mut Cpu, op: &Op) -> Done {
    two_of::<O, true>(cpu, op)
}

/// `op xmm, xmm/m128` whose memory operand must be aligned or need not be.
#[inline(always)]
pub(crate) fn two_of<O: Binary, const ALIGNED: bool>(cpu: &mut Cpu, op: &Op) -> Done {
    cpu.sse_ready()?;
    let src = source::<ALIGNED>(cpu, op)?;
    cpu.set_xmm(op.dst, O::eval(cpu.xmm(op.dst), src));
    Ok(())
}

/// `op xmm, xmm/m128, imm8`.
#[inline(always)]
pub(crate) fn two_imm<O: BinaryImm>(cpu: &mut Cpu, op: &Op) -> Done {
    two_imm_of::<O, true>(cpu, op)
}

/// `op xmm, xmm/m128, imm8` whose memory operand must be aligned or need not be.
#[inline(always)]
pub(crate) fn two_imm_of<O: BinaryImm, const ALIGNED: bool>(cpu: &mut Cpu, op: &Op) -> Done {
    cpu.sse_ready()?;
    let src = source::<ALIGNED>(cpu, op)?;
    cpu.set_xmm(op.dst, O::eval(cpu.xmm(op.dst), src, op.imm as u8));
    Ok(())
}

/// `op xmm, imm8`: PSLLDQ PSRLDQ.
#[inline(always)]
pub(crate) fn one_imm<O: BinaryImm>(cpu: &mut Cpu, op: &Op) -> Done {
    cpu.sse_ready()?;
    let value = cpu.xmm(op.dst);
    cpu.set_xmm(op.dst, O::eval(value, value, op.imm as u8));
    Ok(())
}

/// `op xmm, xmm/m128, <XMM0>`.
#[inline(always)]
pub(crate) fn three<O: Ternary>(cpu: &mut Cpu, op: &Op) -> Done {
    three_of::<O, true>(cpu, op)
}

/// `op xmm, xmm/m128, <XMM0>` whose memory operand must be aligned or need not be.
#[inline(always)]
pub(crate) fn three_of<O: Ternary, const ALIGNED: bool>(cpu: &mut Cpu, op: &Op) -> Done {
    cpu.sse_ready()?;
    let src = source::<ALIGNED>(cpu, op)?;
    cpu.set_xmm(op.dst, O::eval(cpu.xmm(op.dst), src, cpu.xmm(0)));
    Ok(())
}

#[inline(always)]
fn source<const ALIGNED: bool>(cpu: &mut Cpu, op: &Op) -> Result<u128, Fault> {
    if Cpu::is_memory(op.src) { cpu.load_xmm::<ALIGNED>(op) } else { Ok(cpu.xmm(op.src)) }
}
