//! Moves of MMX registers, and those between MMX and XMM registers: SDM Vol. 2.

use crate::cpu::{Cpu, Done};
use crate::decode::op::Op;
use crate::flags::Width;

/// MOVD, MOVQ mm, r/m: the rest becomes zero.
#[inline(always)]
pub(crate) fn movd_load<W: Width>(cpu: &mut Cpu, op: &Op) -> Done {
    cpu.mmx_ready()?;
    let value = cpu.read_operand::<W>(op, op.src)?;
    cpu.set_mm(op.dst, value.to_u64());
    Ok(())
}

/// MOVD, MOVQ r/m, mm.
pub(crate) fn movd_store<W: Width>(cpu: &mut Cpu, op: &Op) -> Done {
    cpu.mmx_ready()?;
    let value = W::from_u64(cpu.mm(op.src));
    cpu.write_operand(op, op.dst, value)?;
    cpu.touch_mmx();
    Ok(())
}

/// MOVQ mm, mm/m64.
#[inline(always)]
pub(crate) fn movq_load(cpu: &mut Cpu, op: &Op) -> Done {
    cpu.mmx_ready()?;
    let value = cpu.mm_source::<u64>(op)?;
    cpu.set_mm(op.dst, value);
    Ok(())
}

/// MOVQ mm/m64, mm; MOVNTQ.
pub(crate) fn movq_store(cpu: &mut Cpu, op: &Op) -> Done {
    cpu.mmx_ready()?;
    let value = cpu.mm(op.src);
    if Cpu::is_memory(op.dst) {
        cpu.store_mem(op, value)?;
        cpu.touch_mmx();
    } else {
        cpu.set_mm(op.dst, value);
    }
    Ok(())
}

/// MOVQ2DQ xmm, mm.
pub(crate) fn movq2dq(cpu: &mut Cpu, op: &Op) -> Done {
    cpu.sse_ready()?;
    cpu.x87_check_pending()?;
    cpu.set_xmm(op.dst, u128::from(cpu.mm(op.src)));
    cpu.touch_mmx();
    Ok(())
}

/// MOVDQ2Q mm, xmm.
pub(crate) fn movdq2q(cpu: &mut Cpu, op: &Op) -> Done {
    cpu.sse_ready()?;
    cpu.x87_check_pending()?;
    cpu.set_mm(op.dst, super::low(cpu.xmm(op.src)));
    Ok(())
}

/// MASKMOVQ: as MASKMOVDQU, with MMX registers.
pub(crate) fn maskmovq(cpu: &mut Cpu, op: &Op) -> Done {
    cpu.mmx_ready()?;
    let (data, mask) = (cpu.mm(op.src), cpu.mm(op.third()));
    cpu.touch_mmx(); // a page fault does not undo it: seen on AMD Zen
    cpu.store_masked(op, &data.to_le_bytes(), &mask.to_le_bytes())
}

/// EMMS: all x87 registers become empty.
pub(crate) fn emms(cpu: &mut Cpu, _op: &Op) -> Done {
    cpu.mmx_ready()?;
    cpu.x87.top = 0;
    cpu.x87.empty = 0xff;
    Ok(())
}
