//! PUNPCK, UNPCK, PSHUF, SHUF, PALIGNR: SDM Vol. 2. Single elements are in `insert.rs`.

use super::lanes::{self, word, words};
use super::operation::{binary, binary_imm};
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

binary! {
    /// PUNPCKLQDQ, UNPCKLPD.
    Punpcklqdq = |dst, src| join(low(dst), low(src));
    /// PUNPCKHQDQ, UNPCKHPD.
    Punpckhqdq = |dst, src| join(high(dst), high(src));
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

binary_imm! {
    /// PSHUFD.
    Pshufd = |_, src, imm| shuffle_doublewords(src, src, imm.into());
    /// PSHUFLW.
    Pshuflw = |_, src, imm| join(shuffle_words(low(src), imm.into()), high(src));
    /// PSHUFHW.
    Pshufhw = |_, src, imm| join(low(src), shuffle_words(high(src), imm.into()));
    /// SHUFPS.
    Shufps = |dst, src, imm| shuffle_doublewords(dst, src, imm.into());
    /// SHUFPD.
    Shufpd = |dst, src, imm| {
        let choose = |from, bit: u32| if imm >> bit & 1 != 0 { high(from) } else { low(from) };
        join(choose(dst, 0), choose(src, 1))
    };
    /// PALIGNR: sixteen bytes of both values in a row, the source below, from byte `imm` on.
    Palignr = |dst, src, imm| {
        let bits = u32::from(imm) * 8;
        match bits {
            0 => src,
            1..128 => src >> bits | dst << (128 - bits),
            _ => dst.checked_shr(bits - 128).unwrap_or(0),
        }
    };
}

/// PALIGNR mm, mm/m64, imm8: the same with eight bytes.
#[inline(always)]
pub(crate) fn palignr_mm(cpu: &mut Cpu, op: &Op) -> Done {
    cpu.mmx_ready()?;
    let src = cpu.mm_source::<u64>(op)?;
    let bits = (op.imm as u32 & 0xff) * 8;
    let both = join(src, cpu.mm(op.dst));
    cpu.set_mm(op.dst, low(both.checked_shr(bits).unwrap_or(0)));
    Ok(())
}

/// PSHUFB: bytes of the destination chosen by those of the source, zero where their top bit is set.
pub(crate) struct Pshufb;
impl Packed for Pshufb {
    #[inline(always)]
    fn mm(dst: u64, src: u64) -> u64 {
        let zeros = lanes::negative::<u8>(src);
        let chosen = src.to_le_bytes().map(|i| (dst >> (8 * (i & 7))) as u8);
        u64::from_le_bytes(chosen) & !zeros
    }
    #[inline(always)]
    fn xmm(dst: u128, src: u128) -> u128 {
        let zeros = join(lanes::negative::<u8>(low(src)), lanes::negative::<u8>(high(src)));
        let from = dst.to_le_bytes();
        let chosen = src.to_le_bytes().map(|i| from[usize::from(i & 15)]);
        u128::from_le_bytes(chosen) & !zeros
    }
}
