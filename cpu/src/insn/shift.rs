//! SHL SHR SAR ROL ROR RCL RCR SHLD SHRD: SDM Vol. 2, "SAL/SAR/SHL/SHR", "RCL/RCR/ROL/ROR", "SHLD",
//! "SHRD".
//!
//! The count is masked to 5 bits (6 for 64-bit operands) before anything else; a masked count of 0
//! leaves every flag. Where the manual leaves flags undefined, this is what Zen does.

use super::alu::modify;
use crate::cpu::{Cpu, Done, reg};
use crate::decode::op::Op;
use crate::flags::{Status, Width};

/// A shift or rotation by a masked count that is not 0.
pub(crate) trait Shift: Copy + 'static {
    /// Result and flags.
    fn eval<W: Width>(before: Status, value: u64, count: u32) -> (u64, Status);
}

/// SHL, and its alias SAL.
#[derive(Clone, Copy)]
pub(crate) struct Shl;
/// SHR.
#[derive(Clone, Copy)]
pub(crate) struct Shr;
/// SAR.
#[derive(Clone, Copy)]
pub(crate) struct Sar;
/// ROL.
#[derive(Clone, Copy)]
pub(crate) struct Rol;
/// ROR.
#[derive(Clone, Copy)]
pub(crate) struct Ror;
/// RCL.
#[derive(Clone, Copy)]
pub(crate) struct Rcl;
/// RCR.
#[derive(Clone, Copy)]
pub(crate) struct Rcr;

/// Bit `n` of a value; 0 beyond its 128 bits.
fn bit(value: u128, n: u32) -> bool {
    value.checked_shr(n).unwrap_or(0) & 1 != 0
}

#[inline(always)]
fn sign<W: Width>(value: u64) -> bool {
    value & W::SIGN != 0
}

impl Shl {
    /// Result and CF.
    #[inline(always)]
    fn parts<W: Width>(value: u64, count: u32) -> (u64, bool) {
        if W::BITS == 64 {
            return (value << count, value >> (64 - count) & 1 != 0);
        }
        let wide = value << count;
        (wide, wide >> W::BITS & 1 != 0)
    }
}

impl Shift for Shl {
    #[inline(always)]
    fn eval<W: Width>(_before: Status, value: u64, count: u32) -> (u64, Status) {
        let (result, cf) = Self::parts::<W>(value, count);
        (result, Status::with::<W>(result, cf, sign::<W>(result) != cf, true))
    }
}

impl Shift for Shr {
    #[inline(always)]
    fn eval<W: Width>(_before: Status, value: u64, count: u32) -> (u64, Status) {
        let result = value >> count;
        let cf = value >> (count - 1) & 1 != 0;
        // For a count of 1 this is the operand's sign.
        let of = sign::<W>(result) != sign::<W>(result << 1);
        (result, Status::with::<W>(result, cf, of, true))
    }
}

impl Shift for Sar {
    #[inline(always)]
    fn eval<W: Width>(_before: Status, value: u64, count: u32) -> (u64, Status) {
        let wide = W::sign_extend(value) as i64;
        let result = (wide >> count) as u64;
        let cf = wide >> (count - 1) & 1 != 0;
        (result, Status::with::<W>(result, cf, false, true))
    }
}

impl Shift for Rol {
    #[inline(always)]
    fn eval<W: Width>(before: Status, value: u64, count: u32) -> (u64, Status) {
        let result = rotated::<W>(value, count % W::BITS);
        let cf = result & 1 != 0;
        (result, before.with_cf_of(cf, sign::<W>(result) != cf))
    }
}

impl Shift for Ror {
    #[inline(always)]
    fn eval<W: Width>(before: Status, value: u64, count: u32) -> (u64, Status) {
        let result = rotated::<W>(value, (W::BITS - count % W::BITS) % W::BITS);
        let of = sign::<W>(result) != sign::<W>(result << 1);
        (result, before.with_cf_of(sign::<W>(result), of))
    }
}

/// Rotated left by less than the width.
#[inline(always)]
fn rotated<W: Width>(value: u64, count: u32) -> u64 {
    match W::BITS {
        64 => value.rotate_left(count),
        32 => u64::from((value as u32).rotate_left(count)),
        16 => u64::from((value as u16).rotate_left(count)),
        _ => u64::from((value as u8).rotate_left(count)),
    }
}

/// CF and the value as one number of `BITS + 1` bits, CF on top, rotated left: the result and CF.
fn rotated_with_cf<W: Width>(cf: bool, value: u64, count: u32) -> (u64, bool) {
    let bits = W::BITS + 1;
    let mask = (1u128 << bits) - 1;
    let number = u128::from(cf) << W::BITS | u128::from(value);
    let result = (number << count | number >> (bits - count)) & mask;
    (result as u64 & W::MASK, bit(result, W::BITS))
}

impl Shift for Rcl {
    #[inline(always)]
    fn eval<W: Width>(before: Status, value: u64, count: u32) -> (u64, Status) {
        let (result, cf) = rotated_with_cf::<W>(before.cf(), value, count % (W::BITS + 1));
        (result, before.with_cf_of(cf, sign::<W>(result) != cf))
    }
}

impl Shift for Rcr {
    #[inline(always)]
    fn eval<W: Width>(before: Status, value: u64, count: u32) -> (u64, Status) {
        let bits = W::BITS + 1;
        let (result, cf) = rotated_with_cf::<W>(before.cf(), value, (bits - count % bits) % bits);
        let of = sign::<W>(result) != sign::<W>(result << 1);
        (result, before.with_cf_of(cf, of))
    }
}

/// The count as the processor takes it.
#[inline(always)]
pub(crate) fn masked<W: Width>(count: u64) -> u32 {
    (count & if W::BITS == 64 { 63 } else { 31 }) as u32
}

#[inline(always)]
fn shift_by<S: Shift, W: Width>(cpu: &mut Cpu, op: &Op, count: u64) -> Done {
    let count = masked::<W>(count);
    // A count of 0 still writes: a 32-bit register is zero-extended, memory needs the write right.
    modify::<W>(cpu, op, |before, value| match count {
        0 => (value, before),
        _ => S::eval::<W>(before, value, count),
    })
}

/// By an immediate, or by 1.
#[inline(always)]
pub(crate) fn shift_imm<S: Shift, W: Width>(cpu: &mut Cpu, op: &Op) -> Done {
    shift_by::<S, W>(cpu, op, op.imm)
}

/// By CL.
#[inline(always)]
pub(crate) fn shift_cl<S: Shift, W: Width>(cpu: &mut Cpu, op: &Op) -> Done {
    let count: u8 = cpu.reg(reg::RCX);
    shift_by::<S, W>(cpu, op, count.into())
}

/// SHLD: bits of the source follow from below.
#[inline(always)]
pub(crate) fn shld_imm<W: Width>(cpu: &mut Cpu, op: &Op) -> Done {
    shld_by::<W>(cpu, op, op.imm)
}

/// SHLD by CL.
#[inline(always)]
pub(crate) fn shld_cl<W: Width>(cpu: &mut Cpu, op: &Op) -> Done {
    let count: u8 = cpu.reg(reg::RCX);
    shld_by::<W>(cpu, op, count.into())
}

/// SHRD: bits of the source follow from above.
#[inline(always)]
pub(crate) fn shrd_imm<W: Width>(cpu: &mut Cpu, op: &Op) -> Done {
    shrd_by::<W>(cpu, op, op.imm)
}

/// SHRD by CL.
#[inline(always)]
pub(crate) fn shrd_cl<W: Width>(cpu: &mut Cpu, op: &Op) -> Done {
    let count: u8 = cpu.reg(reg::RCX);
    shrd_by::<W>(cpu, op, count.into())
}

#[inline(always)]
fn shld_by<W: Width>(cpu: &mut Cpu, op: &Op, count: u64) -> Done {
    let count = masked::<W>(count);
    let src = cpu.reg::<W>(op.src).to_u64();
    modify::<W>(cpu, op, |before, value| {
        if count == 0 {
            return (value, before);
        }
        // Counts beyond 16 of 16-bit operands: Zen repeats the source.
        let (high, low) = (u128::from(value), u128::from(src));
        let line = match W::BITS {
            16 => high << 32 | low << 16 | low,
            _ => high << W::BITS | low,
        };
        let above = if W::BITS == 16 { 48 } else { 2 * W::BITS };
        let result = (line >> (above - W::BITS - count)) as u64 & W::MASK;
        // The flags follow from the destination's bits alone, as those of SHL do.
        let (shifted, cf) = Shl::parts::<W>(value, count);
        let of = sign::<W>(shifted) != cf;
        (result, Status::with::<W>(result, cf, of, true))
    })
}

#[inline(always)]
fn shrd_by<W: Width>(cpu: &mut Cpu, op: &Op, count: u64) -> Done {
    let count = masked::<W>(count);
    let src = cpu.reg::<W>(op.src).to_u64();
    modify::<W>(cpu, op, |before, value| {
        if count == 0 {
            return (value, before);
        }
        let (high, low) = (u128::from(src), u128::from(value));
        let line = match W::BITS {
            16 => high << 32 | high << 16 | low,
            _ => high << W::BITS | low,
        };
        let result = (line >> count) as u64 & W::MASK;
        let cf = bit(low, count - 1);
        let of = sign::<W>(result) != sign::<W>(result << 1);
        (result, Status::with::<W>(result, cf, of, true))
    })
}
