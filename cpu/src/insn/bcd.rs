//! DAA DAS AAA AAS AAM AAD: SDM Vol. 2, the instructions' own pages. Not in 64-bit mode.
//!
//! Undefined flags as on Zen: OF is that of the addition or subtraction, as are CF and AF of AAD; SF, ZF
//! and PF of AAA and AAS are those of AX before its bits 4-7 are cleared.

use super::alu::{Add, Alu, Sub};
use crate::cpu::{Cpu, Done, reg};
use crate::decode::op::{HIGH_BYTE, Op};
use crate::flags::Status;
use arch::exception::{Exception, Vector};

/// AL.
fn al(cpu: &Cpu) -> u8 {
    cpu.reg(reg::RAX)
}

/// AH.
fn ah(cpu: &Cpu) -> u8 {
    cpu.reg(reg::RAX | HIGH_BYTE)
}

/// DAA.
#[inline(always)]
pub(crate) fn daa(cpu: &mut Cpu, _op: &Op) -> Done {
    let (by, low, high) = decimal_adjustment(cpu);
    let (result, sum) = Add::eval::<u8>(al(cpu).into(), by, false);
    cpu.set_reg(reg::RAX, result as u8);
    cpu.status = Status::with::<u8>(result, high, sum.of(), low);
    Ok(())
}

/// DAS: a low digit that borrows sets CF too.
#[inline(always)]
pub(crate) fn das(cpu: &mut Cpu, _op: &Op) -> Done {
    let (by, low, high) = decimal_adjustment(cpu);
    let borrows = low && al(cpu) < 6;
    let (result, difference) = Sub::eval::<u8>(al(cpu).into(), by, false);
    cpu.set_reg(reg::RAX, result as u8);
    cpu.status = Status::with::<u8>(result, high || borrows, difference.of(), low);
    Ok(())
}

/// What DAA adds and DAS subtracts, and whether the low and the high digit need it. Both are judged by
/// AL before the adjustment.
fn decimal_adjustment(cpu: &Cpu) -> (u64, bool, bool) {
    let low = al(cpu) & 15 > 9 || cpu.status.af();
    let high = al(cpu) > 0x99 || cpu.status.cf();
    (if low { 6 } else { 0 } + if high { 0x60 } else { 0 }, low, high)
}

/// AAA.
#[inline(always)]
pub(crate) fn aaa(cpu: &mut Cpu, _op: &Op) -> Done {
    let (ax, by) = ascii_adjustment(cpu);
    let (result, sum) = Add::eval::<u16>(ax, by, false);
    set_ascii(cpu, result, by != 0, sum.of());
    Ok(())
}

/// AAS.
#[inline(always)]
pub(crate) fn aas(cpu: &mut Cpu, _op: &Op) -> Done {
    let (ax, by) = ascii_adjustment(cpu);
    let (result, difference) = Sub::eval::<u16>(ax, by, false);
    set_ascii(cpu, result, by != 0, difference.of());
    Ok(())
}

/// AX, and what AAA adds to it and AAS subtracts.
fn ascii_adjustment(cpu: &Cpu) -> (u64, u64) {
    let adjusts = al(cpu) & 15 > 9 || cpu.status.af();
    (cpu.reg::<u16>(reg::RAX).into(), if adjusts { 0x106 } else { 0 })
}

fn set_ascii(cpu: &mut Cpu, result: u64, adjusted: bool, of: bool) {
    cpu.set_reg(reg::RAX, result as u16 & 0xff0f);
    cpu.status = Status::with::<u16>(result, adjusted, of, adjusted);
}

/// AAM: a base of 0 is #DE.
#[inline(always)]
pub(crate) fn aam(cpu: &mut Cpu, op: &Op) -> Done {
    let base = op.imm as u8;
    if base == 0 {
        return Err(Exception::new(Vector::DE).into());
    }
    let (quotient, remainder) = (al(cpu) / base, al(cpu) % base);
    cpu.set_reg(reg::RAX, u16::from_le_bytes([remainder, quotient]));
    cpu.status = Status::logic::<u8>(remainder.into());
    Ok(())
}

/// AAD.
#[inline(always)]
pub(crate) fn aad(cpu: &mut Cpu, op: &Op) -> Done {
    let tens = ah(cpu).wrapping_mul(op.imm as u8);
    let (result, status) = Add::eval::<u8>(al(cpu).into(), tens.into(), false);
    cpu.set_reg(reg::RAX, u16::from(result as u8));
    cpu.status = status;
    Ok(())
}
