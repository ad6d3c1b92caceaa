//! What moves elements across lanes: broadcasts, VINSERT/VEXTRACT/VPERM2 of 128 bits, VPERMQ VPERMPD VPERMD VPERMPS;
//! VPERMILPS and VPERMILPD by a register, and the widening VPMOVSX and VPMOVZX. SDM Vol. 2.

use super::{L128, Lanes, Length, words};
use crate::cpu::{Cpu, Done, Fault};
use crate::decode::op::Op;
use crate::flags::Width;
use crate::insn::sse::extend::Extend;
use crate::insn::sse::operation::binary;
use crate::insn::sse::{high, join, low};

/// VPBROADCASTB VPBROADCASTW VPBROADCASTD VPBROADCASTQ VBROADCASTSS VBROADCASTSD: the low element everywhere.
#[inline(always)]
pub(crate) fn broadcast<W: Width, L: Length>(cpu: &mut Cpu, op: &Op) -> Done {
    cpu.avx_ready()?;
    let element = cpu.xmm_source_low::<W>(op)?;
    let lane = u128::from(element.to_u64()) * (u128::MAX / u128::from(W::MASK));
    cpu.set_ymm(op.dst, L::lanes(|_| lane));
    Ok(())
}

/// VBROADCASTF128 VBROADCASTI128 ymm, m128.
pub(crate) fn broadcast128(cpu: &mut Cpu, op: &Op) -> Done {
    cpu.avx_ready()?;
    let [lane, _] = cpu.load_ymm::<L128>(op)?;
    cpu.set_ymm(op.dst, [lane; 2]);
    Ok(())
}

/// VINSERTF128 VINSERTI128 ymm1, ymm2, xmm3/m128, imm8.
#[inline(always)]
pub(crate) fn insert128(cpu: &mut Cpu, op: &Op) -> Done {
    cpu.avx_ready()?;
    let [lane, _] = cpu.ymm_source::<L128>(op, op.third())?;
    let mut value = cpu.ymm(op.src);
    value[(op.imm & 1) as usize] = lane;
    cpu.set_ymm(op.dst, value);
    Ok(())
}

/// VEXTRACTF128 VEXTRACTI128 xmm1/m128, ymm2, imm8.
#[inline(always)]
pub(crate) fn extract128(cpu: &mut Cpu, op: &Op) -> Done {
    cpu.avx_ready()?;
    let lane = cpu.ymm(op.src)[(op.imm & 1) as usize];
    if Cpu::is_memory(op.dst) {
        return cpu.store_ymm::<L128>(op, [lane, 0]);
    }
    cpu.set_ymm(op.dst, [lane, 0]);
    Ok(())
}

/// VPERM2F128 VPERM2I128: each lane is one of four, or zero.
#[inline(always)]
pub(crate) fn perm2(cpu: &mut Cpu, op: &Op) -> Done {
    cpu.avx_ready()?;
    let second = cpu.ymm_source::<super::L256>(op, op.third())?;
    let first = cpu.ymm(op.src);
    let lane = |control: u64| match control & 0xb {
        0 | 1 => first[(control & 1) as usize],
        2 | 3 => second[(control & 1) as usize],
        _ => 0,
    };
    cpu.set_ymm(op.dst, [lane(op.imm), lane(op.imm >> 4)]);
    Ok(())
}

/// VPERMQ VPERMPD ymm1, ymm2/m256, imm8: two bits for each quadword.
#[inline(always)]
pub(crate) fn permq(cpu: &mut Cpu, op: &Op) -> Done {
    cpu.avx_ready()?;
    let from = words(cpu.ymm_source::<super::L256>(op, op.src)?);
    let word = |i: u32| from[(op.imm >> (2 * i) & 3) as usize];
    cpu.set_ymm(op.dst, [join(word(0), word(1)), join(word(2), word(3))]);
    Ok(())
}

/// VPERMD VPERMPS ymm1, ymm2, ymm3/m256: the second operand's doublewords choose among the last's.
#[inline(always)]
pub(crate) fn permd(cpu: &mut Cpu, op: &Op) -> Done {
    cpu.avx_ready()?;
    let from = cpu.ymm_source::<super::L256>(op, op.third())?;
    let indices = cpu.ymm(op.src);
    let element = |index: u128| {
        let index = index as usize & 7;
        from[index / 4] >> (32 * (index & 3)) & 0xffff_ffff
    };
    let lane =
        |i: usize| (0..4).fold(0, |lane, k| lane | element(indices[i] >> (32 * k)) << (32 * k));
    cpu.set_ymm(op.dst, [lane(0), lane(1)]);
    Ok(())
}

binary! {
    /// VPERMILPS by a register: two bits for each doubleword of the lane.
    Permilps = |first, control| (0..4).fold(0, |lane, i| {
        let from = (control >> (32 * i)) as u32 & 3;
        lane | (first >> (32 * from) & 0xffff_ffff) << (32 * i)
    });
    /// VPERMILPD by a register: bit 1 of each quadword.
    Permilpd = |first, control| {
        let choose = |control: u64| if control & 2 != 0 { high(first) } else { low(first) };
        join(choose(low(control)), choose(high(control)))
    };
}

/// VPMOVSX VPMOVZX: as many low lanes of the source as the widened ones fill a register.
#[inline(always)]
pub(crate) fn extend<O: Extend, L: Length>(cpu: &mut Cpu, op: &Op) -> Done {
    cpu.avx_ready()?;
    let bytes = u64::from(O::Source::BYTES) * L::BYTES / 16;
    let src = low_source(cpu, op, bytes)?;
    let lane = |i: usize| O::eval((src >> (i as u32 * O::Source::BITS)) as u64 & O::Source::MASK);
    cpu.set_ymm(op.dst, L::lanes(lane));
    Ok(())
}

/// The low bytes of a register, with others above them, or just those of memory.
#[inline(always)]
fn low_source(cpu: &mut Cpu, op: &Op, bytes: u64) -> Result<u128, Fault> {
    if !Cpu::is_memory(op.src) {
        return Ok(cpu.xmm(op.src));
    }
    let linear = cpu.linear_in(op.segment(), cpu.effective_address(op), bytes, false)?;
    let [lane, _]: Lanes = cpu.load_lanes(linear, bytes)?;
    Ok(lane)
}
