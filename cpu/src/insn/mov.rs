//! MOV MOVZX MOVSX MOVSXD LEA CMOVcc SETcc BSWAP XLAT MOVBE MOVNTI, the conversions of the accumulator,
//! single flags, NOPs and the undefined instructions.
//!
//! Not here: MOV to and from segment, control and debug registers. Prefetches and cache hints do
//! nothing: there are no caches.

use crate::cpu::{Cpu, Done, reg, ud};
use crate::decode::op::{HIGH_BYTE, Op};
use crate::flags::{Condition, Status, Width};
use arch::rflags;

/// `MOV dst, src` between registers and memory; MOVNTI.
#[inline(always)]
pub(crate) fn mov<W: Width>(cpu: &mut Cpu, op: &Op) -> Done {
    let value: W = cpu.read_operand(op, op.src)?;
    cpu.write_operand(op, op.dst, value)
}

/// `MOV dst, imm`.
#[inline(always)]
pub(crate) fn mov_imm<W: Width>(cpu: &mut Cpu, op: &Op) -> Done {
    cpu.write_operand(op, op.dst, W::from_u64(op.imm))
}

/// `MOV accumulator, moffs`.
#[inline(always)]
pub(crate) fn mov_from_moffs<W: Width>(cpu: &mut Cpu, op: &Op) -> Done {
    let linear = cpu.linear(op, moffs(op), W::BYTES, false)?;
    let value: W = cpu.load(linear)?;
    cpu.set_reg(reg::RAX, value);
    Ok(())
}

/// `MOV moffs, accumulator`.
#[inline(always)]
pub(crate) fn mov_to_moffs<W: Width>(cpu: &mut Cpu, op: &Op) -> Done {
    let linear = cpu.linear(op, moffs(op), W::BYTES, true)?;
    cpu.store(linear, cpu.reg::<W>(reg::RAX))
}

/// The absolute address of a moffs operand: it may have 64 bits.
fn moffs(op: &Op) -> u64 {
    op.imm & op.address_mask()
}

/// MOVZX from width `S` to width `D`.
#[inline(always)]
pub(crate) fn movzx<S: Width, D: Width>(cpu: &mut Cpu, op: &Op) -> Done {
    let value: S = cpu.read_operand(op, op.src)?;
    cpu.set_reg(op.dst, D::from_u64(value.to_u64()));
    Ok(())
}

/// MOVSX and MOVSXD from width `S` to width `D`.
#[inline(always)]
pub(crate) fn movsx<S: Width, D: Width>(cpu: &mut Cpu, op: &Op) -> Done {
    let value: S = cpu.read_operand(op, op.src)?;
    cpu.set_reg(op.dst, D::from_u64(S::sign_extend(value.to_u64())));
    Ok(())
}

/// LEA: the offset alone, no segment, no access.
#[inline(always)]
pub(crate) fn lea<W: Width>(cpu: &mut Cpu, op: &Op) -> Done {
    let address = cpu.effective_address(op);
    cpu.set_reg(op.dst, W::from_u64(address));
    Ok(())
}

/// CMOVcc: the source is read, and a 32-bit destination zero-extended, whatever the condition.
#[inline(always)]
pub(crate) fn cmov<C: Condition, W: Width>(cpu: &mut Cpu, op: &Op) -> Done {
    let src: W = cpu.read_operand(op, op.src)?;
    let value = if C::holds(cpu.status) { src } else { cpu.reg(op.dst) };
    cpu.set_reg(op.dst, value);
    Ok(())
}

/// SETcc.
#[inline(always)]
pub(crate) fn setcc<C: Condition>(cpu: &mut Cpu, op: &Op) -> Done {
    let value = u8::from(C::holds(cpu.status));
    cpu.write_operand(op, op.dst, value)
}

/// BSWAP of 32 and 64 bits.
#[inline(always)]
pub(crate) fn bswap<W: Width>(cpu: &mut Cpu, op: &Op) -> Done {
    let value: W = cpu.reg(op.dst);
    cpu.set_reg(op.dst, swapped(value));
    Ok(())
}

/// BSWAP of a 16-bit register is undefined: Zen clears the register's low half.
#[inline(always)]
pub(crate) fn bswap16(cpu: &mut Cpu, op: &Op) -> Done {
    cpu.set_reg(op.dst, 0u16);
    Ok(())
}

/// MOVBE.
#[inline(always)]
pub(crate) fn movbe<W: Width>(cpu: &mut Cpu, op: &Op) -> Done {
    let value: W = cpu.read_operand(op, op.src)?;
    cpu.write_operand(op, op.dst, swapped(value))
}

/// The bytes in reverse order.
fn swapped<W: Width>(value: W) -> W {
    W::from_u64(value.to_u64().swap_bytes() >> (64 - W::BITS))
}

/// XLAT: AL from the table at rBX, by the old AL.
#[inline(always)]
pub(crate) fn xlat(cpu: &mut Cpu, op: &Op) -> Done {
    let table: u64 = cpu.reg(reg::RBX);
    let entry: u8 = cpu.reg(reg::RAX);
    let ea = table.wrapping_add(u64::from(entry)) & op.address_mask();
    let linear = cpu.linear(op, ea, 1, false)?;
    let value: u8 = cpu.load(linear)?;
    cpu.set_reg(reg::RAX, value);
    Ok(())
}

/// CBW, CWDE, CDQE: the accumulator of width `S` sign-extended to width `D`.
#[inline(always)]
pub(crate) fn extend_accumulator<S: Width, D: Width>(cpu: &mut Cpu, _op: &Op) -> Done {
    let value: S = cpu.reg(reg::RAX);
    cpu.set_reg(reg::RAX, D::from_u64(S::sign_extend(value.to_u64())));
    Ok(())
}

/// CWD, CDQ, CQO: rDX filled with the accumulator's sign.
#[inline(always)]
pub(crate) fn spread_sign<W: Width>(cpu: &mut Cpu, _op: &Op) -> Done {
    let value: W = cpu.reg(reg::RAX);
    let sign = W::sign_extend(value.to_u64()) as i64 >> 63;
    cpu.set_reg(reg::RDX, W::from_u64(sign as u64));
    Ok(())
}

/// NOP, hints, and hint space of absent features: memory operands are not accessed.
pub(crate) fn nop(_cpu: &mut Cpu, _op: &Op) -> Done {
    Ok(())
}

/// UD0, UD1, UD2, and the shadow stack instructions while CR4.CET is clear, as it always is.
pub(crate) fn undefined(_cpu: &mut Cpu, _op: &Op) -> Done {
    Err(ud())
}

/// The flags of LAHF and SAHF.
const AH_FLAGS: u64 = rflags::SF | rflags::ZF | rflags::AF | rflags::PF | rflags::CF;

/// LAHF.
#[inline(always)]
pub(crate) fn lahf(cpu: &mut Cpu, _op: &Op) -> Done {
    let flags = cpu.status.to_rflags() & AH_FLAGS | rflags::FIXED;
    cpu.set_reg(reg::RAX | HIGH_BYTE, flags as u8);
    Ok(())
}

/// SAHF: OF stays.
#[inline(always)]
pub(crate) fn sahf(cpu: &mut Cpu, _op: &Op) -> Done {
    let ah: u8 = cpu.reg(reg::RAX | HIGH_BYTE);
    let of = cpu.status.to_rflags() & rflags::OF;
    cpu.status = Status::from_rflags(of | u64::from(ah) & AH_FLAGS);
    Ok(())
}

/// CLC.
#[inline(always)]
pub(crate) fn clc(cpu: &mut Cpu, _op: &Op) -> Done {
    cpu.status = cpu.status.with_cf(false);
    Ok(())
}

/// STC.
#[inline(always)]
pub(crate) fn stc(cpu: &mut Cpu, _op: &Op) -> Done {
    cpu.status = cpu.status.with_cf(true);
    Ok(())
}

/// CMC.
#[inline(always)]
pub(crate) fn cmc(cpu: &mut Cpu, _op: &Op) -> Done {
    cpu.status = cpu.status.with_cf(!cpu.status.cf());
    Ok(())
}

/// CLD.
#[inline(always)]
pub(crate) fn cld(cpu: &mut Cpu, _op: &Op) -> Done {
    cpu.system_flags &= !rflags::DF;
    Ok(())
}

/// STD.
#[inline(always)]
pub(crate) fn std(cpu: &mut Cpu, _op: &Op) -> Done {
    cpu.system_flags |= rflags::DF;
    Ok(())
}

/// SALC: AL filled with CF. Undocumented by Intel, present in every processor outside 64-bit mode.
#[inline(always)]
pub(crate) fn salc(cpu: &mut Cpu, _op: &Op) -> Done {
    let value = if cpu.status.cf() { 0xffu8 } else { 0 };
    cpu.set_reg(reg::RAX, value);
    Ok(())
}
