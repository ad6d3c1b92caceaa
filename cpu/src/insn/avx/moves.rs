//! Moves between vector registers, memory and general registers: SDM Vol. 2. Non-temporal stores are ordinary stores
//! here. Also VZEROUPPER and VZEROALL, and MXCSR in VEX encoding.

use super::Length;
use crate::cpu::{Cpu, Done};
use crate::decode::block::CodeSize;
use crate::decode::op::Op;
use crate::flags::Width;
use crate::insn::sse::operation::binary;
use crate::insn::sse::{control, high, join, low, moves};

// ---- whole registers ----

/// VMOVAPS VMOVAPD VMOVDQA VMOVNTDQA (aligned), VMOVUPS VMOVUPD VMOVDQU VLDDQU (not): to a register.
#[inline(always)]
pub(crate) fn load<L: Length, const ALIGNED: bool>(cpu: &mut Cpu, op: &Op) -> Done {
    cpu.avx_ready()?;
    let value = match Cpu::is_memory(op.src) {
        true if ALIGNED => cpu.load_ymm_aligned::<L>(op)?,
        true => cpu.load_ymm::<L>(op)?,
        false => L::cut(cpu.ymm(op.src)),
    };
    cpu.set_ymm(op.dst, value);
    Ok(())
}

/// The same to a register or memory; VMOVNTPS VMOVNTPD VMOVNTDQ.
#[inline(always)]
pub(crate) fn store<L: Length, const ALIGNED: bool>(cpu: &mut Cpu, op: &Op) -> Done {
    cpu.avx_ready()?;
    let value = cpu.ymm(op.src);
    match Cpu::is_memory(op.dst) {
        true if ALIGNED => cpu.store_ymm_aligned::<L>(op, value),
        true => cpu.store_ymm::<L>(op, value),
        false => {
            cpu.set_ymm(op.dst, L::cut(value));
            Ok(())
        }
    }
}

/// VMASKMOVDQU.
pub(crate) fn maskmovdqu(cpu: &mut Cpu, op: &Op) -> Done {
    cpu.avx_ready()?;
    let (data, mask) = (cpu.xmm(op.src), cpu.xmm(op.third()));
    cpu.store_masked(op, &data.to_le_bytes(), &mask.to_le_bytes())
}

/// Vector registers that the mode can name.
fn registers(cpu: &Cpu) -> usize {
    if cpu.code_size == CodeSize::Bits64 { 16 } else { 8 }
}

/// VZEROUPPER. Outside 64-bit mode YMM8-15 stay.
pub(crate) fn vzeroupper(cpu: &mut Cpu, _op: &Op) -> Done {
    cpu.avx_ready()?;
    let count = registers(cpu);
    cpu.sse.upper[..count].fill(0);
    Ok(())
}

/// VZEROALL.
pub(crate) fn vzeroall(cpu: &mut Cpu, _op: &Op) -> Done {
    cpu.avx_ready()?;
    let count = registers(cpu);
    cpu.sse.xmm[..count].fill(0);
    cpu.sse.upper[..count].fill(0);
    Ok(())
}

/// VLDMXCSR m32.
pub(crate) fn ldmxcsr(cpu: &mut Cpu, op: &Op) -> Done {
    cpu.avx_ready()?;
    control::load_mxcsr(cpu, op)
}

/// VSTMXCSR m32.
pub(crate) fn stmxcsr(cpu: &mut Cpu, op: &Op) -> Done {
    cpu.avx_ready()?;
    cpu.store_mem(op, cpu.sse.mxcsr)
}

// ---- parts ----

/// The low part of a register or memory, the rest zero: VMOVSS, VMOVSD from memory, VMOVQ xmm, xmm/m64.
#[inline(always)]
pub(crate) fn load_low<W: Width>(cpu: &mut Cpu, op: &Op) -> Done {
    cpu.avx_ready()?;
    let value = cpu.xmm_source_low::<W>(op)?;
    cpu.set_ymm(op.dst, [value.to_u64().into(), 0]);
    Ok(())
}

/// VMOVSS, VMOVSD xmm1, xmm2, xmm3: the low part of the last, the rest of the second.
#[inline(always)]
pub(crate) fn merge<W: Width>(cpu: &mut Cpu, op: &Op) -> Done {
    cpu.avx_ready()?;
    cpu.set_vex_scalar(op, W::from_u64(low(cpu.xmm(op.third()))));
    Ok(())
}

/// VMOVSS, VMOVSD, VMOVLPS, VMOVLPD to memory.
#[inline(always)]
pub(crate) fn store_low<W: Width>(cpu: &mut Cpu, op: &Op) -> Done {
    cpu.avx_ready()?;
    cpu.store_mem(op, W::from_u64(low(cpu.xmm(op.src))))
}

/// VMOVHPS, VMOVHPD m64, xmm.
pub(crate) fn store_high(cpu: &mut Cpu, op: &Op) -> Done {
    cpu.avx_ready()?;
    cpu.store_mem(op, high(cpu.xmm(op.src)))
}

/// VMOVLPS, VMOVLPD xmm1, xmm2, m64: the other half is the second's.
pub(crate) fn load_into_low(cpu: &mut Cpu, op: &Op) -> Done {
    cpu.avx_ready()?;
    let value = cpu.load_mem::<u64>(op)?;
    cpu.set_vex_scalar(op, value);
    Ok(())
}

/// VMOVHPS, VMOVHPD xmm1, xmm2, m64.
pub(crate) fn load_into_high(cpu: &mut Cpu, op: &Op) -> Done {
    cpu.avx_ready()?;
    let value = cpu.load_mem::<u64>(op)?;
    cpu.set_ymm(op.dst, [join(low(cpu.xmm(op.src)), value), 0]);
    Ok(())
}

binary! {
    /// VMOVHLPS.
    Movhlps = |first, src| join(high(src), high(first));
    /// VMOVLHPS.
    Movlhps = |first, src| join(low(first), low(src));
    /// VMOVDDUP ymm, ymm/m256.
    Movddup = |_, src| join(low(src), low(src));
}

/// VMOVDDUP xmm, xmm/m64.
#[inline(always)]
pub(crate) fn movddup(cpu: &mut Cpu, op: &Op) -> Done {
    cpu.avx_ready()?;
    let value = cpu.xmm_source_low::<u64>(op)?;
    cpu.set_ymm(op.dst, [join(value, value), 0]);
    Ok(())
}

// ---- general registers ----

/// VMOVD, VMOVQ xmm, r/m: the rest becomes zero.
#[inline(always)]
pub(crate) fn movd_load<W: Width>(cpu: &mut Cpu, op: &Op) -> Done {
    cpu.avx_ready()?;
    let value = cpu.read_operand::<W>(op, op.src)?;
    cpu.set_ymm(op.dst, [value.to_u64().into(), 0]);
    Ok(())
}

/// VMOVD, VMOVQ r/m, xmm.
#[inline(always)]
pub(crate) fn movd_store<W: Width>(cpu: &mut Cpu, op: &Op) -> Done {
    cpu.avx_ready()?;
    let value = W::from_u64(low(cpu.xmm(op.src)));
    cpu.write_operand(op, op.dst, value)
}

/// VMOVQ xmm/m64, xmm: also in a register the rest becomes zero.
#[inline(always)]
pub(crate) fn movq_store(cpu: &mut Cpu, op: &Op) -> Done {
    cpu.avx_ready()?;
    let value = low(cpu.xmm(op.src));
    if Cpu::is_memory(op.dst) {
        return cpu.store_mem(op, value);
    }
    cpu.set_ymm(op.dst, [value.into(), 0]);
    Ok(())
}

/// VPMOVMSKB, VMOVMSKPS, VMOVMSKPD: the top bit of every lane of `W`.
#[inline(always)]
pub(crate) fn movmsk<W: Width, L: Length>(cpu: &mut Cpu, op: &Op) -> Done {
    cpu.avx_ready()?;
    let lanes = cpu.ymm(op.src);
    let count = 128 / W::BITS;
    let upper = if L::WIDE { moves::signs::<W>(lanes[1]) << count } else { 0 };
    cpu.set_reg::<u64>(op.dst, moves::signs::<W>(lanes[0]) | upper);
    Ok(())
}
