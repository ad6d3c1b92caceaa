//! DAA DAS AAA AAS AAM AAD: SDM Vol. 2, the instructions' own pages. Not in 64-bit mode.

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
    decimal_adjust(cpu, u8::wrapping_add)
}

/// DAS.
#[inline(always)]
pub(crate) fn das(cpu: &mut Cpu, _op: &Op) -> Done {
    decimal_adjust(cpu, u8::wrapping_sub)
}

/// Both digits are judged by the AL before the adjustment.
fn decimal_adjust(cpu: &mut Cpu, adjust: fn(u8, u8) -> u8) -> Done {
    let before = al(cpu);
    let low = before & 15 > 9 || cpu.status.af();
    let high = before > 0x99 || cpu.status.cf();
    let by = if low { 6 } else { 0 } + if high { 0x60 } else { 0 };
    let result = adjust(before, by);
    // DAS borrows from an AL below 6 that only its low digit is adjusted in.
    let borrow = low && adjust(before, 6) > before && adjust(0, 1) == 0xff;
    let of = false;
    cpu.set_reg(reg::RAX, result);
    cpu.status = Status::with::<u8>(result.into(), high || borrow, of, low);
    Ok(())
}

/// AAA.
#[inline(always)]
pub(crate) fn aaa(cpu: &mut Cpu, _op: &Op) -> Done {
    ascii_adjust(cpu, u16::wrapping_add)
}

/// AAS.
#[inline(always)]
pub(crate) fn aas(cpu: &mut Cpu, _op: &Op) -> Done {
    ascii_adjust(cpu, u16::wrapping_sub)
}

fn ascii_adjust(cpu: &mut Cpu, adjust: fn(u16, u16) -> u16) -> Done {
    let adjusts = al(cpu) & 15 > 9 || cpu.status.af();
    let ax: u16 = cpu.reg(reg::RAX);
    let result = if adjusts { adjust(ax, 0x106) } else { ax } & 0xff0f;
    cpu.set_reg(reg::RAX, result);
    cpu.status = Status::with::<u8>(result.into(), adjusts, false, adjusts);
    Ok(())
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
    let result = al(cpu).wrapping_add(ah(cpu).wrapping_mul(op.imm as u8));
    cpu.set_reg(reg::RAX, u16::from(result));
    cpu.status = Status::logic::<u8>(result.into());
    Ok(())
}
