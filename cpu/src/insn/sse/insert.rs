//! Single elements into and out of registers: PINSR PEXTR INSERTPS EXTRACTPS, and the bit fields of SSE4A, EXTRQ and
//! INSERTQ. SDM Vol. 2; APM Vol. 4.

use super::lanes::word;
use super::{high, low};
use crate::cpu::{Cpu, Done};
use crate::decode::op::Op;
use crate::flags::Width;

/// Bit offset of the element that an immediate names.
#[inline(always)]
fn place<W: Width>(imm: u64) -> u32 {
    (imm as u32 & (128 / W::BITS - 1)) * W::BITS
}

/// A value with one element replaced: PINSRB PINSRW PINSRD PINSRQ.
#[inline(always)]
pub(crate) fn insert<W: Width>(value: u128, element: W, imm: u64) -> u128 {
    let at = place::<W>(imm);
    value & !(u128::from(W::MASK) << at) | u128::from(element.to_u64()) << at
}

/// One element: PEXTRB PEXTRW PEXTRD PEXTRQ EXTRACTPS.
#[inline(always)]
pub(crate) fn extract<W: Width>(value: u128, imm: u64) -> W {
    W::from_u64((value >> place::<W>(imm)) as u64)
}

/// PINSRB PINSRW PINSRD PINSRQ xmm, r/m, imm8.
#[inline(always)]
pub(crate) fn pinsr<W: Width>(cpu: &mut Cpu, op: &Op) -> Done {
    cpu.sse_ready()?;
    let element = cpu.read_operand::<W>(op, op.src)?;
    cpu.set_xmm(op.dst, insert::<W>(cpu.xmm(op.dst), element, op.imm));
    Ok(())
}

/// PEXTRB PEXTRW PEXTRD PEXTRQ EXTRACTPS r/m, xmm, imm8: a register's rest becomes zero. Asks first of all whether it
/// stores to memory, as in `moves.rs`.
#[inline(always)]
pub(crate) fn pextr<W: Width>(cpu: &mut Cpu, op: &Op) -> Done {
    if Cpu::is_memory(op.dst) {
        cpu.sse_ready()?;
        return cpu.store_mem(op, extract::<W>(cpu.xmm(op.src), op.imm));
    }
    cpu.sse_ready()?;
    cpu.set_reg::<u64>(op.dst, extract::<W>(cpu.xmm(op.src), op.imm).to_u64());
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

/// PEXTRW r32, mm, imm8.
#[inline(always)]
pub(crate) fn pextrw_mm(cpu: &mut Cpu, op: &Op) -> Done {
    cpu.mmx_ready()?;
    let value = word(cpu.mm(op.src), op.imm as u32 & 3);
    cpu.touch_mmx();
    cpu.set_reg::<u64>(op.dst, u64::from(value));
    Ok(())
}

/// INSERTPS: `element` to the place in bits 4-5 of the immediate; then bits 0-3 zero places.
#[inline(always)]
pub(crate) fn insert_single(value: u128, element: u32, imm: u8) -> u128 {
    let placed = insert::<u32>(value, element, u64::from(imm >> 4));
    let imm = u64::from(imm);
    let zeros = super::blend::spread::<u32>(imm);
    placed & !super::join(zeros, super::blend::spread::<u32>(imm >> 2))
}

/// INSERTPS xmm, xmm/m32, imm8: bits 6-7 choose an element of a register.
#[inline(always)]
pub(crate) fn insertps(cpu: &mut Cpu, op: &Op) -> Done {
    cpu.sse_ready()?;
    let element = if Cpu::is_memory(op.src) {
        cpu.load_mem::<u32>(op)?
    } else {
        extract::<u32>(cpu.xmm(op.src), op.imm >> 6)
    };
    cpu.set_xmm(op.dst, insert_single(cpu.xmm(op.dst), element, op.imm as u8));
    Ok(())
}

// ---- SSE4A ----

/// A bit field of the low half: its place and its ones. Six bits of each number count, a length of 0 is 64. What the
/// APM leaves undefined is as on AMD Zen: what lies beyond bit 63 is cut off, and the high half becomes zero.
fn field(length: u64, index: u64) -> (u32, u64) {
    let length = length & 63;
    (index as u32 & 63, if length == 0 { u64::MAX } else { (1 << length) - 1 })
}

fn extracted(value: u64, length: u64, index: u64) -> u64 {
    let (at, ones) = field(length, index);
    value >> at & ones
}

fn inserted(value: u64, element: u64, length: u64, index: u64) -> u64 {
    let (at, ones) = field(length, index);
    value & !(ones << at) | (element & ones) << at
}

/// EXTRQ xmm, imm8, imm8: length, index.
pub(crate) fn extrq_imm(cpu: &mut Cpu, op: &Op) -> Done {
    cpu.sse_ready()?;
    let result = extracted(low(cpu.xmm(op.dst)), op.imm, op.imm >> 32);
    cpu.set_xmm(op.dst, u128::from(result));
    Ok(())
}

/// EXTRQ xmm, xmm: the source's bytes 0 and 1 are length and index.
pub(crate) fn extrq(cpu: &mut Cpu, op: &Op) -> Done {
    cpu.sse_ready()?;
    let control = low(cpu.xmm(op.src));
    let result = extracted(low(cpu.xmm(op.dst)), control, control >> 8);
    cpu.set_xmm(op.dst, u128::from(result));
    Ok(())
}

/// INSERTQ xmm, xmm, imm8, imm8: length, index.
pub(crate) fn insertq_imm(cpu: &mut Cpu, op: &Op) -> Done {
    cpu.sse_ready()?;
    let element = low(cpu.xmm(op.src));
    let result = inserted(low(cpu.xmm(op.dst)), element, op.imm, op.imm >> 32);
    cpu.set_xmm(op.dst, u128::from(result));
    Ok(())
}

/// INSERTQ xmm, xmm: bytes 8 and 9 of the source are length and index.
pub(crate) fn insertq(cpu: &mut Cpu, op: &Op) -> Done {
    cpu.sse_ready()?;
    let src = cpu.xmm(op.src);
    let result = inserted(low(cpu.xmm(op.dst)), low(src), high(src), high(src) >> 8);
    cpu.set_xmm(op.dst, u128::from(result));
    Ok(())
}
