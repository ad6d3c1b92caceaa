//! Single elements into and out of registers: VPINSR VPEXTR VINSERTPS VEXTRACTPS, and the string comparisons, whose
//! result goes to ECX or XMM0. SDM Vol. 2.

use super::L128;
use crate::cpu::{Cpu, Done, Fault};
use crate::decode::op::Op;
use crate::flags::Width;
use crate::insn::sse::insert::{extract, insert, insert_single};
use crate::insn::sse::string::{Comparison, Lengths};

/// VPINSRB VPINSRW VPINSRD VPINSRQ xmm1, xmm2, r/m, imm8.
#[inline(always)]
pub(crate) fn pinsr<W: Width>(cpu: &mut Cpu, op: &Op) -> Done {
    cpu.avx_ready()?;
    let n = op.third();
    // The low byte of SIL or R8, never AH: as a word or more, a register is named as it is.
    let element = if W::BITS == 8 && !Cpu::is_memory(n) {
        W::from_u64(cpu.reg::<u64>(n))
    } else {
        cpu.read_operand::<W>(op, n)?
    };
    cpu.set_ymm(op.dst, [insert::<W>(cpu.xmm(op.src), element, op.imm), 0]);
    Ok(())
}

/// VPEXTRB VPEXTRW VPEXTRD VPEXTRQ VEXTRACTPS r/m, xmm, imm8: a register's rest becomes zero.
#[inline(always)]
pub(crate) fn pextr<W: Width>(cpu: &mut Cpu, op: &Op) -> Done {
    cpu.avx_ready()?;
    let element = extract::<W>(cpu.xmm(op.src), op.imm);
    if Cpu::is_memory(op.dst) {
        return cpu.store_mem(op, element);
    }
    cpu.set_reg::<u64>(op.dst, element.to_u64());
    Ok(())
}

/// VINSERTPS xmm1, xmm2, xmm3/m32, imm8: bits 6-7 choose an element of a register.
#[inline(always)]
pub(crate) fn insertps(cpu: &mut Cpu, op: &Op) -> Done {
    cpu.avx_ready()?;
    let element = if Cpu::is_memory(op.third()) {
        cpu.load_mem::<u32>(op)?
    } else {
        extract::<u32>(cpu.xmm(op.third()), op.imm >> 6)
    };
    cpu.set_ymm(op.dst, [insert_single(cpu.xmm(op.src), element, op.imm as u8), 0]);
    Ok(())
}

/// The comparison of an op's texts.
#[inline(always)]
fn compared<L: Lengths>(cpu: &mut Cpu, op: &Op) -> Result<Comparison, Fault> {
    cpu.avx_ready()?;
    let [src, _] = cpu.ymm_source::<L128>(op, op.src)?;
    Ok(Comparison::of::<L>(cpu, [cpu.xmm(op.dst), src], op.imm as u8))
}

/// VPCMPESTRI, VPCMPISTRI xmm, xmm/m128, imm8.
pub(crate) fn pcmpstri<L: Lengths>(cpu: &mut Cpu, op: &Op) -> Done {
    compared::<L>(cpu, op)?.put_index(cpu);
    Ok(())
}

/// VPCMPESTRM, VPCMPISTRM xmm, xmm/m128, imm8.
pub(crate) fn pcmpstrm<L: Lengths>(cpu: &mut Cpu, op: &Op) -> Done {
    let comparison = compared::<L>(cpu, op)?;
    cpu.set_ymm(0, [comparison.mask(), 0]);
    cpu.status = comparison.status;
    Ok(())
}
