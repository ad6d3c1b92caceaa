//! MUL IMUL DIV IDIV: SDM Vol. 2, the instructions' own pages.

use crate::cpu::{Cpu, Done, Fault, reg};
use crate::decode::op::{HIGH_BYTE, Op};
use crate::flags::{Status, Width};
use arch::exception::{Exception, Vector};
use arch::rflags;

/// MUL: accumulator times operand, twice as wide.
#[inline(always)]
pub(crate) fn mul<W: Width>(cpu: &mut Cpu, op: &Op) -> Done {
    let src: W = cpu.read_operand(op, op.dst)?;
    let product = u128::from(cpu.reg::<W>(reg::RAX).to_u64()) * u128::from(src.to_u64());
    set_wide::<W>(cpu, product as u64, (product >> W::BITS) as u64);
    let overflow = product >> W::BITS != 0;
    cpu.status = product_status(cpu.status, overflow);
    Ok(())
}

/// IMUL with one operand.
#[inline(always)]
pub(crate) fn imul<W: Width>(cpu: &mut Cpu, op: &Op) -> Done {
    let src: W = cpu.read_operand(op, op.dst)?;
    let product = signed_product::<W>(cpu.reg::<W>(reg::RAX).to_u64(), src.to_u64());
    set_wide::<W>(cpu, product as u64, (product >> W::BITS) as u64);
    cpu.status = product_status(cpu.status, !fits::<W>(product));
    Ok(())
}

/// IMUL with two operands.
#[inline(always)]
pub(crate) fn imul_two<W: Width>(cpu: &mut Cpu, op: &Op) -> Done {
    let src: W = cpu.read_operand(op, op.src)?;
    let factor: W = cpu.reg(op.dst);
    imul_into::<W>(cpu, op, src.to_u64(), factor.to_u64())
}

/// IMUL with three operands, the last an immediate.
#[inline(always)]
pub(crate) fn imul_three<W: Width>(cpu: &mut Cpu, op: &Op) -> Done {
    let src: W = cpu.read_operand(op, op.src)?;
    imul_into::<W>(cpu, op, src.to_u64(), op.imm)
}

#[inline(always)]
fn imul_into<W: Width>(cpu: &mut Cpu, op: &Op, a: u64, b: u64) -> Done {
    let product = signed_product::<W>(a, b);
    cpu.set_reg(op.dst, W::from_u64(product as u64));
    cpu.status = product_status(cpu.status, !fits::<W>(product));
    Ok(())
}

fn signed_product<W: Width>(a: u64, b: u64) -> i128 {
    i128::from(W::sign_extend(a) as i64) * i128::from(W::sign_extend(b) as i64)
}

/// True if the product is its lower half, sign-extended.
fn fits<W: Width>(product: i128) -> bool {
    i128::from(W::sign_extend(product as u64) as i64) == product
}

/// CF and OF tell of a significant upper half; the others are undefined, and Zen keeps them.
fn product_status(before: Status, overflow: bool) -> Status {
    before.with_cf_of(overflow, overflow)
}

/// Sets AX, or rDX and rAX.
fn set_wide<W: Width>(cpu: &mut Cpu, low: u64, high: u64) {
    if W::BITS == 8 {
        cpu.set_reg(reg::RAX, low as u8);
        cpu.set_reg(reg::RAX | HIGH_BYTE, high as u8);
    } else {
        cpu.set_reg(reg::RAX, W::from_u64(low));
        cpu.set_reg(reg::RDX, W::from_u64(high));
    }
}

/// The dividend: AX, or rDX and rAX.
fn wide<W: Width>(cpu: &Cpu) -> u128 {
    if W::BITS == 8 {
        return u128::from(cpu.reg::<u16>(reg::RAX));
    }
    let (high, low): (W, W) = (cpu.reg(reg::RDX), cpu.reg(reg::RAX));
    u128::from(high.to_u64()) << W::BITS | u128::from(low.to_u64())
}

fn divide_error() -> Fault {
    Exception::new(Vector::DE).into()
}

/// The flags after a division are undefined: Zen sets AF, clears SF, ZF and PF, and keeps CF and OF.
fn quotient_status(before: Status) -> Status {
    let kept = before.to_rflags() & (rflags::CF | rflags::OF);
    Status::from_rflags(kept | rflags::AF)
}

/// DIV: #DE for a zero divisor, or a quotient that does not fit.
#[inline(always)]
pub(crate) fn div<W: Width>(cpu: &mut Cpu, op: &Op) -> Done {
    let divisor: W = cpu.read_operand(op, op.dst)?;
    let divisor = u128::from(divisor.to_u64());
    let dividend = wide::<W>(cpu);
    let quotient = dividend.checked_div(divisor).ok_or_else(divide_error)?;
    if quotient > u128::from(W::MASK) {
        return Err(divide_error());
    }
    set_wide::<W>(cpu, quotient as u64, (dividend % divisor) as u64);
    cpu.status = quotient_status(cpu.status);
    Ok(())
}

/// IDIV: rounds towards zero; the remainder has the dividend's sign.
#[inline(always)]
pub(crate) fn idiv<W: Width>(cpu: &mut Cpu, op: &Op) -> Done {
    let divisor: W = cpu.read_operand(op, op.dst)?;
    let divisor = i128::from(W::sign_extend(divisor.to_u64()) as i64);
    let unused = 128 - 2 * W::BITS;
    let dividend = ((wide::<W>(cpu) << unused) as i128) >> unused;
    // The most negative dividend of 128 bits by -1 overflows even here.
    let quotient = dividend.checked_div(divisor).ok_or_else(divide_error)?;
    if !fits::<W>(quotient) {
        return Err(divide_error());
    }
    set_wide::<W>(cpu, quotient as u64, (dividend % divisor) as u64);
    cpu.status = quotient_status(cpu.status);
    Ok(())
}
