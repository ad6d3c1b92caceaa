//! PSLLx PSRLx PSRAx PSLLDQ PSRLDQ: SDM Vol. 2. A count beyond the lane gives zeros (or signs); the
//! whole 64-bit count counts.

use super::operation::binary_imm;
use super::{Bank, Mm, Xmm, high, join, lanes, low};
use crate::cpu::{Cpu, Done};
use crate::decode::op::Op;
use crate::flags::Width;
use core::marker::PhantomData;

/// A shift of the lanes of eight bytes.
pub(crate) trait Shift: 'static {
    fn shift(lanes: u64, count: u64) -> u64;
}

/// PSLLW PSLLD PSLLQ.
pub(crate) struct Psll<W>(PhantomData<W>);
/// PSRLW PSRLD PSRLQ.
pub(crate) struct Psrl<W>(PhantomData<W>);
/// PSRAW PSRAD.
pub(crate) struct Psra<W>(PhantomData<W>);

impl<W: Width> Shift for Psll<W> {
    #[inline(always)]
    fn shift(lanes: u64, count: u64) -> u64 {
        lanes::shift_left::<W>(lanes, count)
    }
}

impl<W: Width> Shift for Psrl<W> {
    #[inline(always)]
    fn shift(lanes: u64, count: u64) -> u64 {
        lanes::shift_right::<W>(lanes, count)
    }
}

impl<W: Width> Shift for Psra<W> {
    #[inline(always)]
    fn shift(lanes: u64, count: u64) -> u64 {
        lanes::shift_right_signed::<W>(lanes, count)
    }
}

/// Of both halves.
#[inline(always)]
pub(crate) fn both<S: Shift>(value: u128, count: u64) -> u128 {
    join(S::shift(low(value), count), S::shift(high(value), count))
}

/// `op mm, mm/m64`.
#[inline(always)]
pub(crate) fn shift_mm<S: Shift>(cpu: &mut Cpu, op: &Op) -> Done {
    cpu.mmx_ready()?;
    let count = Mm::source(cpu, op)?;
    cpu.set_mm(op.dst, S::shift(cpu.mm(op.dst), count));
    Ok(())
}

/// `op mm, imm8`.
#[inline(always)]
pub(crate) fn shift_mm_imm<S: Shift>(cpu: &mut Cpu, op: &Op) -> Done {
    cpu.mmx_ready()?;
    cpu.set_mm(op.dst, S::shift(cpu.mm(op.dst), op.imm & 0xff));
    Ok(())
}

/// `op xmm, xmm/m128`: the count is the low half.
#[inline(always)]
pub(crate) fn shift_xmm<S: Shift>(cpu: &mut Cpu, op: &Op) -> Done {
    cpu.sse_ready()?;
    let count = low(Xmm::source(cpu, op)?);
    cpu.set_xmm(op.dst, both::<S>(cpu.xmm(op.dst), count));
    Ok(())
}

/// `op xmm, imm8`.
#[inline(always)]
pub(crate) fn shift_xmm_imm<S: Shift>(cpu: &mut Cpu, op: &Op) -> Done {
    cpu.sse_ready()?;
    cpu.set_xmm(op.dst, both::<S>(cpu.xmm(op.dst), op.imm & 0xff));
    Ok(())
}

binary_imm! {
    /// PSLLDQ: by bytes.
    Pslldq = |dst, _, imm| dst.checked_shl(u32::from(imm) * 8).unwrap_or(0);
    /// PSRLDQ: by bytes.
    Psrldq = |dst, _, imm| dst.checked_shr(u32::from(imm) * 8).unwrap_or(0);
}
