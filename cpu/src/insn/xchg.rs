//! XCHG XADD CMPXCHG CMPXCHG8B CMPXCHG16B: SDM Vol. 2, the instructions' own pages.
//!
//! Atomic without effort: one vCPU runs at a time, and devices see memory only between instructions.

use super::alu::{Add, Alu, Cmp};
use crate::cpu::{Cpu, Done, gp, reg};
use crate::decode::op::Op;
use crate::flags::Width;
use crate::mmu::Privilege;
use crate::mmu::walk::Intent;

/// XCHG.
#[inline(always)]
pub(crate) fn xchg<W: Width>(cpu: &mut Cpu, op: &Op) -> Done {
    let dst: W = cpu.read_operand_for_write(op, op.dst)?;
    let src: W = cpu.reg(op.src);
    cpu.write_operand(op, op.dst, src)?;
    cpu.set_reg(op.src, dst);
    Ok(())
}

/// XADD: of one register with itself, the sum stays.
#[inline(always)]
pub(crate) fn xadd<W: Width>(cpu: &mut Cpu, op: &Op) -> Done {
    let dst: W = cpu.read_operand_for_write(op, op.dst)?;
    let src: W = cpu.reg(op.src);
    let (sum, status) = Add::eval::<W>(dst.to_u64(), src.to_u64(), false);
    if Cpu::is_memory(op.dst) {
        cpu.store_mem(op, W::from_u64(sum))?;
        cpu.set_reg(op.src, dst);
    } else {
        cpu.set_reg(op.src, dst);
        cpu.set_reg(op.dst, W::from_u64(sum));
    }
    cpu.status = status;
    Ok(())
}

/// CMPXCHG. Memory is always written, if only with itself; a register destination only on equality,
/// the accumulator only on inequality: the upper half of the other one survives.
#[inline(always)]
pub(crate) fn cmpxchg<W: Width>(cpu: &mut Cpu, op: &Op) -> Done {
    let dst: W = cpu.read_operand_for_write(op, op.dst)?;
    let accumulator: W = cpu.reg(reg::RAX);
    let (_, status) = Cmp::eval::<W>(accumulator.to_u64(), dst.to_u64(), false);
    let equal = accumulator.to_u64() == dst.to_u64();
    if equal {
        let src: W = cpu.reg(op.src);
        cpu.write_operand(op, op.dst, src)?;
    } else {
        if Cpu::is_memory(op.dst) {
            cpu.store_mem(op, dst)?;
        }
        cpu.set_reg(reg::RAX, dst);
    }
    cpu.status = status;
    Ok(())
}

/// CMPXCHG8B: only ZF changes.
#[inline(always)]
pub(crate) fn cmpxchg8b(cpu: &mut Cpu, op: &Op) -> Done {
    let value: u64 = cpu.load_mem_for_write(op)?;
    let pair = |cpu: &Cpu, high: u8, low: u8| {
        u64::from(cpu.reg::<u32>(high)) << 32 | u64::from(cpu.reg::<u32>(low))
    };
    let equal = value == pair(cpu, reg::RDX, reg::RAX);
    let stored = if equal { pair(cpu, reg::RCX, reg::RBX) } else { value };
    cpu.store_mem(op, stored)?;
    if !equal {
        cpu.set_reg(reg::RAX, value as u32);
        cpu.set_reg(reg::RDX, (value >> 32) as u32);
    }
    cpu.status = cpu.status.with_zf(equal);
    Ok(())
}

/// CMPXCHG16B: only ZF changes; a misaligned operand is #GP(0), before the #SS of a non-canonical address (seen on
/// AMD Zen).
#[inline(always)]
pub(crate) fn cmpxchg16b(cpu: &mut Cpu, op: &Op) -> Done {
    let offset = cpu.effective_address(op);
    if cpu.is_misaligned(op, offset, 16) {
        return Err(gp(0));
    }
    let linear = cpu.linear(op, offset, 16, true)?;
    let mut bytes = [0; 16];
    cpu.probe(linear, 16, Intent::Write, Privilege::Current)?;
    cpu.read_linear(linear, &mut bytes, Privilege::Current)?;
    let value = u128::from_le_bytes(bytes);
    let pair = |cpu: &Cpu, high: u8, low: u8| {
        u128::from(cpu.reg::<u64>(high)) << 64 | u128::from(cpu.reg::<u64>(low))
    };
    let equal = value == pair(cpu, reg::RDX, reg::RAX);
    let stored = if equal { pair(cpu, reg::RCX, reg::RBX) } else { value };
    cpu.write_linear(linear, &stored.to_le_bytes(), Privilege::Current)?;
    if !equal {
        cpu.set_reg(reg::RAX, value as u64);
        cpu.set_reg(reg::RDX, (value >> 64) as u64);
    }
    cpu.status = cpu.status.with_zf(equal);
    Ok(())
}
