//! Moves between XMM registers, memory and general registers, and the non-temporal and masked stores:
//! SDM Vol. 2. Non-temporal stores are ordinary stores here.
//!
//! Forms that store ask first of all whether they store to memory: where the block builder has found a
//! register, the compiler then drops the memory path with its frame (`engine::registers_only`).

use super::float::merged;
use super::operation::binary;
use super::{high, join, low};
use crate::cpu::{Cpu, Done, reg};
use crate::decode::op::Op;
use crate::flags::Width;
use crate::mmu::Privilege;
use crate::mmu::walk::Intent;

/// MOVAPS MOVAPD MOVDQA (aligned), MOVUPS MOVUPD MOVDQU LDDQU (not): to a register.
#[inline(always)]
pub(crate) fn load<const ALIGNED: bool>(cpu: &mut Cpu, op: &Op) -> Done {
    cpu.sse_ready()?;
    let value = if Cpu::is_memory(op.src) { cpu.load_xmm::<ALIGNED>(op)? } else { cpu.xmm(op.src) };
    cpu.set_xmm(op.dst, value);
    Ok(())
}

/// The same to a register or memory; MOVNTPS MOVNTPD MOVNTDQ.
#[inline(always)]
pub(crate) fn store<const ALIGNED: bool>(cpu: &mut Cpu, op: &Op) -> Done {
    if Cpu::is_memory(op.dst) {
        cpu.sse_ready()?;
        return cpu.store_xmm::<ALIGNED>(op, cpu.xmm(op.src));
    }
    cpu.sse_ready()?;
    cpu.set_xmm(op.dst, cpu.xmm(op.src));
    Ok(())
}

/// MOVSS, MOVSD to a register: from memory the rest becomes zero, from a register it stays.
#[inline(always)]
pub(crate) fn load_scalar<W: Width>(cpu: &mut Cpu, op: &Op) -> Done {
    cpu.sse_ready()?;
    if Cpu::is_memory(op.src) {
        let value = cpu.load_mem::<W>(op)?.to_u64();
        cpu.set_xmm(op.dst, u128::from(value));
    } else {
        cpu.merge_low::<W>(op.dst, W::from_u64(low(cpu.xmm(op.src))));
    }
    Ok(())
}

/// MOVSS, MOVSD to a register or memory.
#[inline(always)]
pub(crate) fn store_scalar<W: Width>(cpu: &mut Cpu, op: &Op) -> Done {
    if Cpu::is_memory(op.dst) {
        return store_low::<W>(cpu, op);
    }
    cpu.sse_ready()?;
    cpu.merge_low::<W>(op.dst, W::from_u64(low(cpu.xmm(op.src))));
    Ok(())
}

/// MOVLPS, MOVLPD xmm, m64; MOVHLPS is [`movhlps`].
pub(crate) fn movlps_load(cpu: &mut Cpu, op: &Op) -> Done {
    cpu.sse_ready()?;
    let value = cpu.load_mem::<u64>(op)?;
    cpu.merge_low(op.dst, value);
    Ok(())
}

/// MOVHPS, MOVHPD xmm, m64.
pub(crate) fn movhps_load(cpu: &mut Cpu, op: &Op) -> Done {
    cpu.sse_ready()?;
    let value = cpu.load_mem::<u64>(op)?;
    cpu.set_xmm(op.dst, join(low(cpu.xmm(op.dst)), value));
    Ok(())
}

/// MOVLPS, MOVLPD m64, xmm; MOVSS, MOVSD, MOVD, MOVQ to memory.
pub(crate) fn store_low<W: Width>(cpu: &mut Cpu, op: &Op) -> Done {
    cpu.sse_ready()?;
    cpu.store_mem(op, W::from_u64(low(cpu.xmm(op.src))))
}

/// MOVHPS, MOVHPD m64, xmm.
pub(crate) fn movhps_store(cpu: &mut Cpu, op: &Op) -> Done {
    cpu.sse_ready()?;
    cpu.store_mem(op, high(cpu.xmm(op.src)))
}

/// MOVHLPS xmm, xmm.
#[inline(always)]
pub(crate) fn movhlps(cpu: &mut Cpu, op: &Op) -> Done {
    cpu.sse_ready()?;
    cpu.merge_low(op.dst, high(cpu.xmm(op.src)));
    Ok(())
}

/// MOVLHPS xmm, xmm.
#[inline(always)]
pub(crate) fn movlhps(cpu: &mut Cpu, op: &Op) -> Done {
    cpu.sse_ready()?;
    cpu.set_xmm(op.dst, join(low(cpu.xmm(op.dst)), low(cpu.xmm(op.src))));
    Ok(())
}

binary! {
    /// MOVSLDUP.
    Movsldup = |_, src| src & EVEN | (src & EVEN) << 32;
    /// MOVSHDUP.
    Movshdup = |_, src| src & !EVEN | (src & !EVEN) >> 32;
}

/// The even doublewords.
const EVEN: u128 = 0x0000_0000_ffff_ffff_0000_0000_ffff_ffff;

/// MOVDDUP xmm, xmm/m64.
#[inline(always)]
pub(crate) fn movddup(cpu: &mut Cpu, op: &Op) -> Done {
    cpu.sse_ready()?;
    let value = cpu.xmm_source_low::<u64>(op)?;
    cpu.set_xmm(op.dst, join(value, value));
    Ok(())
}

/// MOVD, MOVQ xmm, r/m: the rest becomes zero.
#[inline(always)]
pub(crate) fn movd_load<W: Width>(cpu: &mut Cpu, op: &Op) -> Done {
    cpu.sse_ready()?;
    let value = cpu.read_operand::<W>(op, op.src)?;
    cpu.set_xmm(op.dst, u128::from(value.to_u64()));
    Ok(())
}

/// MOVD, MOVQ r/m, xmm.
#[inline(always)]
pub(crate) fn movd_store<W: Width>(cpu: &mut Cpu, op: &Op) -> Done {
    if Cpu::is_memory(op.dst) {
        return store_low::<W>(cpu, op);
    }
    cpu.sse_ready()?;
    cpu.set_reg::<W>(op.dst, W::from_u64(low(cpu.xmm(op.src))));
    Ok(())
}

/// MOVQ xmm, xmm/m64: the rest becomes zero.
#[inline(always)]
pub(crate) fn movq_load(cpu: &mut Cpu, op: &Op) -> Done {
    cpu.sse_ready()?;
    let value = cpu.xmm_source_low::<u64>(op)?;
    cpu.set_xmm(op.dst, u128::from(value));
    Ok(())
}

/// MOVQ xmm/m64, xmm: also in a register the rest becomes zero.
#[inline(always)]
pub(crate) fn movq_store(cpu: &mut Cpu, op: &Op) -> Done {
    if Cpu::is_memory(op.dst) {
        return store_low::<u64>(cpu, op);
    }
    cpu.sse_ready()?;
    cpu.set_xmm(op.dst, u128::from(low(cpu.xmm(op.src))));
    Ok(())
}

/// The top bit of every lane of `W`, the lowest lane's in bit 0.
#[inline(always)]
pub(crate) fn signs<W: Width>(value: u128) -> u64 {
    (0..128 / W::BITS).fold(0, |mask, i| {
        let sign = (value >> ((i + 1) * W::BITS - 1)) as u64 & 1;
        mask | sign << i
    })
}

/// MOVMSKPS MOVMSKPD.
#[inline(always)]
pub(crate) fn movmsk<W: Width>(cpu: &mut Cpu, op: &Op) -> Done {
    cpu.sse_ready()?;
    cpu.set_reg::<u64>(op.dst, signs::<W>(cpu.xmm(op.src)));
    Ok(())
}

/// MASKMOVDQU: the bytes of the second operand whose mask byte in the third has its top bit set, to
/// DS:rDI (the segment can be overridden).
pub(crate) fn maskmovdqu(cpu: &mut Cpu, op: &Op) -> Done {
    cpu.sse_ready()?;
    let (data, mask) = (cpu.xmm(op.src), cpu.xmm(op.third()));
    cpu.store_masked(op, &data.to_le_bytes(), &mask.to_le_bytes())
}

impl Cpu {
    /// Replaces the low part of an XMM register.
    #[inline(always)]
    pub(super) fn merge_low<W: Width>(&mut self, n: u8, value: W) {
        self.set_xmm(n, merged(self.xmm(n), value));
    }

    /// Stores the bytes that `mask` selects at rDI. SDM leaves open what else is touched; AMD Zen checks every eight
    /// bytes as an operand of their own (limit, alignment to 8, page), whatever the mask selects, and wraps at the
    /// address size with each byte: a fault behind such a wrap comes after the bytes in front of it are stored.
    pub(crate) fn store_masked(&mut self, op: &Op, data: &[u8], mask: &[u8]) -> Done {
        let offset = self.reg::<u64>(reg::RDI);
        for part in (0..data.len() as u64).step_by(8) {
            let linear = self.linear(op, offset.wrapping_add(part) & op.address_mask(), 8, true)?;
            self.check_alignment(linear, 8)?;
            self.probe(linear, 8, Intent::Write, Privilege::Current)?;
        }
        for (i, (&byte, &mask)) in (0..).zip(data.iter().zip(mask)) {
            if mask & 0x80 != 0 {
                let offset = offset.wrapping_add(i) & op.address_mask();
                let linear = self.linear(op, offset, 1, true)?;
                self.store(linear, byte)?;
            }
        }
        Ok(())
    }
}
