//! MUL IMUL DIV IDIV: SDM Vol. 2, the instructions' own pages.

use crate::cpu::{Cpu, Done, Fault, reg};
use crate::decode::op::{HIGH_BYTE, Op};
use crate::flags::{Status, Width};
use arch::exception::{Exception, Vector};

/// The lower and the upper half of an unsigned product.
#[inline(always)]
pub(crate) fn product<W: Width>(a: u64, b: u64) -> (u64, u64) {
    if W::BITS == 64 {
        let product = u128::from(a) * u128::from(b);
        return (product as u64, (product >> 64) as u64);
    }
    let product = a * b;
    (product & W::MASK, product >> W::BITS)
}

/// The lower and the upper half of a signed product.
#[inline(always)]
fn wide_signed_product<W: Width>(a: u64, b: u64) -> (u64, u64) {
    let (a, b) = (W::sign_extend(a) as i64, W::sign_extend(b) as i64);
    if W::BITS == 64 {
        let product = i128::from(a) * i128::from(b);
        return (product as u64, (product >> 64) as u64);
    }
    let product = (a * b) as u64;
    (product & W::MASK, product >> W::BITS & W::MASK)
}

/// The lower half of a signed product, and whether the whole is more than that.
#[inline(always)]
pub(crate) fn signed_product<W: Width>(a: u64, b: u64) -> (u64, bool) {
    let (a, b) = (W::sign_extend(a) as i64, W::sign_extend(b) as i64);
    let (product, overflow) = a.overflowing_mul(b);
    let low = product as u64;
    (low, if W::BITS == 64 { overflow } else { W::sign_extend(low) != low })
}

/// MUL: accumulator times operand, twice as wide.
#[inline(always)]
pub(crate) fn mul<W: Width>(cpu: &mut Cpu, op: &Op) -> Done {
    let src: W = cpu.read_operand(op, op.dst)?;
    let (low, high) = product::<W>(cpu.reg::<W>(reg::RAX).to_u64(), src.to_u64());
    set_wide::<W>(cpu, low, high);
    cpu.status = product_status(cpu.status, high != 0);
    Ok(())
}

/// IMUL with one operand.
#[inline(always)]
pub(crate) fn imul<W: Width>(cpu: &mut Cpu, op: &Op) -> Done {
    let src: W = cpu.read_operand(op, op.dst)?;
    let accumulator = cpu.reg::<W>(reg::RAX).to_u64();
    let (low, high) = wide_signed_product::<W>(accumulator, src.to_u64());
    set_wide::<W>(cpu, low, high);
    let (_, overflow) = signed_product::<W>(accumulator, src.to_u64());
    cpu.status = product_status(cpu.status, overflow);
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
    let (low, overflow) = signed_product::<W>(a, b);
    cpu.set_reg(op.dst, W::from_u64(low));
    cpu.status = product_status(cpu.status, overflow);
    Ok(())
}

/// CF and OF tell of a significant upper half; the others are undefined, and Zen keeps them.
#[inline(always)]
pub(crate) fn product_status(before: Status, overflow: bool) -> Status {
    before.with_cf_of(overflow, overflow)
}

/// Sets AX, or rDX and rAX.
#[inline(always)]
fn set_wide<W: Width>(cpu: &mut Cpu, low: u64, high: u64) {
    if W::BITS == 8 {
        cpu.set_reg(reg::RAX, low as u8);
        cpu.set_reg(reg::RAX | HIGH_BYTE, high as u8);
    } else {
        cpu.set_reg(reg::RAX, W::from_u64(low));
        cpu.set_reg(reg::RDX, W::from_u64(high));
    }
}

/// The dividend's upper and lower half: AH and AL, or rDX and rAX.
#[inline(always)]
fn halves<W: Width>(cpu: &Cpu) -> (u64, u64) {
    let low = cpu.reg::<W>(reg::RAX).to_u64();
    let high: W = cpu.reg(if W::BITS == 8 { reg::RAX | HIGH_BYTE } else { reg::RDX });
    (high.to_u64(), low)
}

fn divide_error() -> Fault {
    Exception::new(Vector::DE).into()
}

/// The flags after a division are undefined: Zen sets AF, clears SF, ZF and PF, and keeps CF and OF.
#[inline(always)]
fn quotient_status(before: Status) -> Status {
    Status::with::<u64>(1, before.cf(), before.of(), true)
}

/// DIV: #DE for a zero divisor, or a quotient that does not fit.
#[inline(always)]
pub(crate) fn div<W: Width>(cpu: &mut Cpu, op: &Op) -> Done {
    let divisor = cpu.read_operand::<W>(op, op.dst)?.to_u64();
    let (high, low) = halves::<W>(cpu);
    // Then the quotient does not fit, or there is none.
    if high >= divisor {
        return Err(divide_error());
    }
    let (quotient, remainder) = divided::<W>(high, low, divisor);
    set_wide::<W>(cpu, quotient, remainder);
    cpu.status = quotient_status(cpu.status);
    Ok(())
}

/// Quotient and remainder of `high:low` by a divisor above `high`.
#[inline(always)]
fn divided<W: Width>(high: u64, low: u64, divisor: u64) -> (u64, u64) {
    if W::BITS == 64 && high != 0 {
        return divided_by_128(high, low, divisor);
    }
    let dividend = if W::BITS == 64 { low } else { high << W::BITS | low };
    let quotient = dividend / divisor;
    // One division is dear enough.
    (quotient, dividend - quotient * divisor)
}

/// The same for 128 bits by 64: rare, and a division of the host's library.
#[inline(never)]
fn divided_by_128(high: u64, low: u64, divisor: u64) -> (u64, u64) {
    let dividend = u128::from(high) << 64 | u128::from(low);
    let divisor = u128::from(divisor);
    ((dividend / divisor) as u64, (dividend % divisor) as u64)
}

/// IDIV: rounds towards zero; the remainder has the dividend's sign.
#[inline(always)]
pub(crate) fn idiv<W: Width>(cpu: &mut Cpu, op: &Op) -> Done {
    let divisor = W::sign_extend(cpu.read_operand::<W>(op, op.dst)?.to_u64()) as i64;
    let (high, low) = halves::<W>(cpu);
    let (quotient, remainder) = divided_signed::<W>(high, low, divisor).ok_or_else(divide_error)?;
    set_wide::<W>(cpu, quotient, remainder);
    cpu.status = quotient_status(cpu.status);
    Ok(())
}

/// Quotient and remainder of the signed `high:low`; none by zero, or where the quotient does not fit.
#[inline(always)]
fn divided_signed<W: Width>(high: u64, low: u64, divisor: i64) -> Option<(u64, u64)> {
    let dividend = match W::BITS {
        // The upper half only extends the sign.
        64 if high == (low as i64 >> 63) as u64 => low as i64,
        64 => return divided_signed_by_128(high, low, divisor),
        _ => (W::sign_extend(high) << W::BITS | low) as i64,
    };
    // By magnitudes: the compiler tests whether a dividend is short, and of signed ones with random
    // signs that test would be mispredicted half the time.
    let (of, by) = (dividend.unsigned_abs(), divisor.unsigned_abs());
    let quotient = of.checked_div(by)?;
    let remainder = of - quotient * by;
    let negative = (dividend ^ divisor) < 0;
    if quotient > (W::MASK >> 1) + u64::from(negative) {
        return None;
    }
    let signed = |value: u64, negative: bool| {
        let sign = u64::from(negative).wrapping_neg();
        (value ^ sign).wrapping_sub(sign)
    };
    Some((signed(quotient, negative), signed(remainder, dividend < 0)))
}

/// The same for 128 bits by 64: rare, and a division of the host's library.
#[inline(never)]
fn divided_signed_by_128(high: u64, low: u64, divisor: i64) -> Option<(u64, u64)> {
    let dividend = (u128::from(high) << 64 | u128::from(low)) as i128;
    let divisor = i128::from(divisor);
    let quotient = dividend.checked_div(divisor)?;
    let remainder = dividend.checked_rem(divisor)?;
    i64::try_from(quotient).ok().map(|quotient| (quotient as u64, remainder as u64))
}
