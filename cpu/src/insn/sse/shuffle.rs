//! PUNPCK, UNPCK, PSHUF, SHUF, PINSRW, PEXTRW: SDM Vol. 2.

use super::lanes::{self, word, words};
use super::{Packed, high, join, low};
use crate::cpu::{Cpu, Done};
use crate::decode::op::Op;
use crate::flags::Width;
use core::marker::PhantomData;

/// PUNPCKLBW PUNPCKLWD PUNPCKLDQ, and UNPCKLPS.
pub(crate) struct Punpckl<W>(PhantomData<W>);
/// PUNPCKHBW PUNPCKHWD PUNPCKHDQ, and UNPCKHPS.
pub(crate) struct Punpckh<W>(PhantomData<W>);

/// All lanes of the halves `a` and `b` in turn.
#[inline(always)]
fn interleave_halves<W: Width>(a: u64, b: u64) -> u128 {
    join(lanes::interleave::<W>(a, b), lanes::interleave::<W>(a >> 32, b >> 32))
}

impl<W: Width> Packed for Punpckl<W> {
    #[inline(always)]
    fn mm(dst: u64, src: u64) -> u64 {
        lanes::interleave::<W>(dst, src)
    }
    #[inline(always)]
    fn xmm(dst: u128, src: u128) -> u128 {
        interleave_halves::<W>(low(dst), low(src))
    }
}

impl<W: Width> Packed for Punpckh<W> {
    #[inline(always)]
    fn mm(dst: u64, src: u64) -> u64 {
        lanes::interleave::<W>(dst >> 32, src >> 32)
    }
    #[inline(always)]
    fn xmm(dst: u128, src: u128) -> u128 {
        interleave_halves::<W>(high(dst), high(src))
    }
}

/// PUNPCKLBW PUNPCKLWD PUNPCKLDQ mm, mm/m32: only four bytes are read.
#[inline(always)]
pub(crate) fn punpckl_mm<W: Width>(cpu: &mut Cpu, op: &Op) -> Done {
    cpu.mmx_ready()?;
    let src = cpu.mm_source::<u32>(op)?;
    cpu.set_mm(op.dst, Punpckl::<W>::mm(cpu.mm(op.dst), src));
    Ok(())
}

/// PUNPCKLQDQ, UNPCKLPD xmm, xmm/m128.
#[inline(always)]
pub(crate) fn punpcklqdq(cpu: &mut Cpu, op: &Op) -> Done {
    cpu.sse_ready()?;
    let src = cpu.xmm_source(op)?;
    cpu.set_xmm(op.dst, join(low(cpu.xmm(op.dst)), low(src)));
    Ok(())
}

/// PUNPCKHQDQ, UNPCKHPD xmm, xmm/m128.
#[inline(always)]
pub(crate) fn punpckhqdq(cpu: &mut Cpu, op: &Op) -> Done {
    cpu.sse_ready()?;
    let src = cpu.xmm_source(op)?;
    cpu.set_xmm(op.dst, join(high(cpu.xmm(op.dst)), high(src)));
    Ok(())
}

/// Two-bit selector `i` of an immediate.
#[inline(always)]
fn selector(imm: u64, i: u32) -> u32 {
    (imm >> (2 * i) & 3) as u32
}

/// Four words chosen from four.
#[inline(always)]
fn shuffle_words(from: u64, imm: u64) -> u64 {
    words([0, 1, 2, 3].map(|i| word(from, selector(imm, i))))
}

/// PSHUFW mm, mm/m64, imm8.
#[inline(always)]
pub(crate) fn pshufw(cpu: &mut Cpu, op: &Op) -> Done {
    cpu.mmx_ready()?;
    let src = cpu.mm_source::<u64>(op)?;
    cpu.set_mm(op.dst, shuffle_words(src, op.imm));
    Ok(())
}

/// PSHUFLW xmm, xmm/m128, imm8.
#[inline(always)]
pub(crate) fn pshuflw(cpu: &mut Cpu, op: &Op) -> Done {
    cpu.sse_ready()?;
    let src = cpu.xmm_source(op)?;
    cpu.set_xmm(op.dst, join(shuffle_words(low(src), op.imm), high(src)));
    Ok(())
}

/// PSHUFHW xmm, xmm/m128, imm8.
#[inline(always)]
pub(crate) fn pshufhw(cpu: &mut Cpu, op: &Op) -> Done {
    cpu.sse_ready()?;
    let src = cpu.xmm_source(op)?;
    cpu.set_xmm(op.dst, join(low(src), shuffle_words(high(src), op.imm)));
    Ok(())
}

/// Doubleword `i` of an XMM value at place `at`.
#[inline(always)]
fn place(from: u128, i: u32, at: u32) -> u128 {
    u128::from((from >> (32 * i)) as u32) << (32 * at)
}

/// Doublewords chosen by `imm`: the lower two from `first`, the upper two from `second`.
#[inline(always)]
fn shuffle_doublewords(first: u128, second: u128, imm: u64) -> u128 {
    place(first, selector(imm, 0), 0)
        | place(first, selector(imm, 1), 1)
        | place(second, selector(imm, 2), 2)
        | place(second, selector(imm, 3), 3)
}

/// PSHUFD xmm, xmm/m128, imm8.
#[inline(always)]
pub(crate) fn pshufd(cpu: &mut Cpu, op: &Op) -> Done {
    cpu.sse_ready()?;
    let src = cpu.xmm_source(op)?;
    cpu.set_xmm(op.dst, shuffle_doublewords(src, src, op.imm));
    Ok(())
}

/// SHUFPS xmm, xmm/m128, imm8.
#[inline(always)]
pub(crate) fn shufps(cpu: &mut Cpu, op: &Op) -> Done {
    cpu.sse_ready()?;
    let src = cpu.xmm_source(op)?;
    cpu.set_xmm(op.dst, shuffle_doublewords(cpu.xmm(op.dst), src, op.imm));
    Ok(())
}

/// SHUFPD xmm, xmm/m128, imm8.
#[inline(always)]
pub(crate) fn shufpd(cpu: &mut Cpu, op: &Op) -> Done {
    cpu.sse_ready()?;
    let src = cpu.xmm_source(op)?;
    let choose = |from, bit: u32| if op.imm >> bit & 1 != 0 { high(from) } else { low(from) };
    cpu.set_xmm(op.dst, join(choose(cpu.xmm(op.dst), 0), choose(src, 1)));
    Ok(())
}

/// PINSRW mm, r32/m16, imm8.
#[inline(always)]
pub(crate) fn pinsrw_mm(cpu: &mut Cpu, op: &Op) -> Done {
    cpu.mmx_ready()?;
    let value = u64::from(cpu.read_operand::<u16>(op, op.src)?);
    let at = (op.imm as u32 & 3) * 16;
    cpu.set_mm(op.dst, cpu.mm(op.dst) & !(0xffff << at) | value << at);
    Ok(())
}

/// PINSRW xmm, r32/m16, imm8.
#[inline(always)]
pub(crate) fn pinsrw_xmm(cpu: &mut Cpu, op: &Op) -> Done {
    cpu.sse_ready()?;
    let value = u128::from(cpu.read_operand::<u16>(op, op.src)?);
    let at = (op.imm as u32 & 7) * 16;
    cpu.set_xmm(op.dst, cpu.xmm(op.dst) & !(0xffff << at) | value << at);
    Ok(())
}

/// PEXTRW r32, mm, imm8.
#[inline(always)]
pub(crate) fn pextrw_mm(cpu: &mut Cpu, op: &Op) -> Done {
    cpu.mmx_ready()?;
    let value = word(cpu.mm(op.src), op.imm as u32 & 3);
    cpu.touch_mmx();
    cpu.set_reg::<u64>(op.dst, u64::from(value));
    Ok(())
}

/// PEXTRW r32, xmm, imm8.
#[inline(always)]
pub(crate) fn pextrw_xmm(cpu: &mut Cpu, op: &Op) -> Done {
    cpu.sse_ready()?;
    let value = (cpu.xmm(op.src) >> ((op.imm as u32 & 7) * 16)) as u16;
    cpu.set_reg::<u64>(op.dst, u64::from(value));
    Ok(())
}
