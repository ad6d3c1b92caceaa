//! The ordinary case of 80-bit arithmetic and of what goes with it: normal numbers, rounded to nearest even, far
//! from both ends of the range. `None`, with nothing raised, everywhere else: the general way
//! (`arith.rs`, `convert.rs`) is the definition, and `host_tests` compares the two.

use super::{Env, Exceptions, F64, F80, INTEGER, Precision, Rounding};

/// Half a unit in the last place, as the part cut off.
const HALF: u64 = 1 << 63;
/// Bias of the 80-bit format.
const BIAS: i32 = 0x3fff;

/// A normal number taken apart.
#[derive(Clone, Copy)]
struct Parts {
    negative: bool,
    /// Biased.
    exponent: i32,
    significand: u64,
}

/// The parts of a normal number.
#[inline(always)]
fn parts(value: F80) -> Option<Parts> {
    let exponent = i32::from(value.sign_exponent & 0x7fff);
    let normal = value.significand & INTEGER != 0 && (1..0x7fff).contains(&exponent);
    normal.then_some(Parts { negative: value.sign(), exponent, significand: value.significand })
}

/// True under the rules that this file is for.
#[inline(always)]
fn applies(env: &Env) -> bool {
    env.rounding == Rounding::NearestEven
}

/// Rounds to the precision of the control word a significand and the part below it, a fraction of 64 bits of
/// which the lowest may be sticky.
#[inline(always)]
fn rounded(env: &mut Env, exact: Parts, below: u64) -> Option<F80> {
    if env.precision != Precision::Extended {
        return rounded_short(env, exact, below);
    }
    let up = below > HALF || below == HALF && exact.significand & 1 != 0;
    finished(env, exact, u64::from(up), below != 0)
}

/// The same to 24 or 53 bits.
#[inline(always)]
fn rounded_short(env: &mut Env, exact: Parts, below: u64) -> Option<F80> {
    let unit = 1u64 << (64 - env.precision.bits());
    let rest = exact.significand & (unit - 1);
    let kept = exact.significand - rest;
    let half = unit >> 1;
    let up = rest > half || rest == half && (below != 0 || kept & unit != 0);
    let exact = Parts { significand: kept, ..exact };
    finished(env, exact, if up { unit } else { 0 }, rest != 0 || below != 0)
}

/// A significand with what rounding adds.
#[inline(always)]
fn finished(env: &mut Env, kept: Parts, increment: u64, inexact: bool) -> Option<F80> {
    let (sum, carry) = kept.significand.overflowing_add(increment);
    let exponent = kept.exponent + i32::from(carry);
    if !(2..0x7fff).contains(&exponent) {
        return None;
    }
    env.rounded_up = increment != 0;
    if inexact {
        env.raise(Exceptions::PE);
    }
    let sign_exponent = u16::from(kept.negative) << 15 | exponent as u16;
    Some(F80 { significand: if carry { INTEGER } else { sum }, sign_exponent })
}

/// `a + b`, or `a - b`.
pub(super) fn sum(env: &mut Env, a: F80, b: F80, negate_b: bool) -> Option<F80> {
    if !applies(env) {
        return None;
    }
    let (a, b) = (parts(a)?, parts(b)?);
    let b = Parts { negative: b.negative ^ negate_b, ..b };
    let b_larger = (b.exponent, b.significand) > (a.exponent, a.significand);
    let (large, small) = if b_larger { (b, a) } else { (a, b) };
    // Units of 2^-63 of the larger one's last place; one bit is left above for the carry.
    let x = u128::from(large.significand) << 63;
    let whole = u128::from(small.significand) << 63;
    let distance = (large.exponent - small.exponent) as u32;
    let y = match distance {
        0..64 => whole >> distance, // nothing falls out
        64..128 => whole >> distance | u128::from(whole << (128 - distance) != 0),
        _ => 1,
    };
    let total = if large.negative == small.negative { x + y } else { x - y };
    if total == 0 {
        return None;
    }
    let shift = total.leading_zeros();
    let total = total << shift;
    let exponent = large.exponent + 1 - shift as i32;
    let exact = Parts { negative: large.negative, exponent, significand: (total >> 64) as u64 };
    rounded(env, exact, total as u64)
}

/// `a * b`.
pub(super) fn product(env: &mut Env, a: F80, b: F80) -> Option<F80> {
    if !applies(env) {
        return None;
    }
    let (a, b) = (parts(a)?, parts(b)?);
    let product = u128::from(a.significand) * u128::from(b.significand);
    let top = (product >> 127) as i32; // 1 if the product is 2 or more
    let product = product << (1 - top);
    let exact = Parts {
        negative: a.negative ^ b.negative,
        exponent: a.exponent + b.exponent - BIAS + top,
        significand: (product >> 64) as u64,
    };
    rounded(env, exact, product as u64)
}

/// `a / b`.
pub(super) fn quotient(env: &mut Env, a: F80, b: F80) -> Option<F80> {
    if !applies(env) {
        return None;
    }
    let (a, b) = (parts(a)?, parts(b)?);
    let below_one = a.significand < b.significand;
    let divisor = u128::from(b.significand);
    let dividend = u128::from(a.significand) << (63 + u32::from(below_one));
    let quotient = dividend / divisor;
    let rest = (dividend - quotient * divisor) as u64;
    // What is left over, against half a divisor.
    let below = match (rest, rest.cmp(&(b.significand - rest))) {
        (0, _) => 0,
        (_, core::cmp::Ordering::Less) => 1,
        (_, core::cmp::Ordering::Equal) => HALF,
        (_, core::cmp::Ordering::Greater) => HALF + 1,
    };
    let exact = Parts {
        negative: a.negative ^ b.negative,
        exponent: a.exponent - b.exponent + BIAS - i32::from(below_one),
        significand: quotient as u64,
    };
    rounded(env, exact, below)
}

/// The square root.
pub(super) fn root(env: &mut Env, a: F80) -> Option<F80> {
    if !applies(env) || a.sign() {
        return None;
    }
    let a = parts(a)?;
    let unbiased = a.exponent - BIAS;
    let radicand = u128::from(a.significand) << (63 + (unbiased & 1));
    let root = integer_root(radicand);
    let rest = radicand - u128::from(root) * u128::from(root);
    // (root + 1/2)^2 is no integer, so there is no tie.
    let below = if rest > u128::from(root) { HALF + 1 } else { u64::from(rest != 0) };
    let exponent = (unbiased >> 1) + BIAS;
    rounded(env, Parts { negative: false, exponent, significand: root }, below)
}

/// The integer part of the square root of a number of 127 or 128 bits: the host's root of its leading bits and
/// one step of Newton's, then put right, so that it does not matter how good they were.
fn integer_root(radicand: u128) -> u64 {
    let square = |x: u64| u128::from(x) * u128::from(x);
    let first = (((radicand >> 64) as u64 as f64).sqrt() * 4_294_967_296.0) as u64; // * 2^32
    let error = radicand.wrapping_sub(square(first)) as i128;
    // Off by some 2^12 at most; 2^20 is what the shift takes away.
    let correction = ((error >> 20) as i64 as f64) * 524_288.0 / first as f64;
    let mut root = first.saturating_add_signed(correction as i64);
    while square(root) > radicand {
        root -= 1;
    }
    while root < u64::MAX && square(root + 1) <= radicand {
        root += 1;
    }
    root
}

/// Whether `a` is less, and whether they are equal.
pub(super) fn compare(a: F80, b: F80) -> Option<core::cmp::Ordering> {
    let (a, b) = (parts(a)?, parts(b)?);
    let order = (a.exponent, a.significand).cmp(&(b.exponent, b.significand));
    Some(match (a.negative, b.negative) {
        (false, false) => order,
        (true, true) => order.reverse(),
        (negative, _) => {
            if negative {
                core::cmp::Ordering::Less
            } else {
                core::cmp::Ordering::Greater
            }
        }
    })
}

/// From double precision: exact, of a normal number or zero.
#[inline(always)]
pub(crate) fn from_double(value: F64) -> Option<F80> {
    let (exponent, fraction) = (value.0 >> 52 & 0x7ff, value.0 & 0xf_ffff_ffff_ffff);
    let sign = (value.0 >> 48) as u16 & 0x8000;
    if value.0 << 1 == 0 {
        return Some(F80 { significand: 0, sign_exponent: sign });
    }
    let normal = (1..0x7ff).contains(&exponent);
    let rebiased = exponent as u16 + (0x3fff - 0x3ff);
    let significand = INTEGER | fraction << 11;
    normal.then_some(F80 { significand, sign_exponent: sign | rebiased })
}

/// From an integer: exact.
#[inline(always)]
pub(crate) fn from_integer(value: i64) -> F80 {
    if value == 0 {
        return F80::default();
    }
    let magnitude = value.unsigned_abs();
    let shift = magnitude.leading_zeros();
    let sign_exponent = u16::from(value < 0) << 15 | (0x3fff + 63 - shift) as u16;
    F80 { significand: magnitude << shift, sign_exponent }
}

/// To double precision.
pub(crate) fn to_double(env: &mut Env, value: F80) -> Option<F64> {
    let value = parts(value)?;
    let exponent = value.exponent - BIAS + 0x3ff;
    if env.rounding != Rounding::NearestEven || !(2..0x7fe).contains(&exponent) {
        return None;
    }
    let (kept, below) = (value.significand >> 11, value.significand & 0x7ff);
    let up = below > 0x400 || below == 0x400 && kept & 1 != 0;
    env.rounded_up = up;
    if below != 0 {
        env.raise(Exceptions::PE);
    }
    // The integer bit counts one exponent; a carry makes it the next, with a fraction of zero.
    let magnitude = ((exponent as u64 - 1) << 52) + kept + u64::from(up);
    Some(F64(u64::from(value.negative) << 63 | magnitude))
}

/// To an integer below 2^62 in magnitude.
pub(super) fn to_integer(env: &mut Env, value: F80, rounding: Rounding) -> Option<i64> {
    let value = parts(value)?;
    let exponent = value.exponent - BIAS;
    if !(0..62).contains(&exponent) {
        return None;
    }
    let shift = 63 - exponent as u32;
    let (kept, below) = (value.significand >> shift, value.significand << (64 - shift));
    let up = match rounding {
        Rounding::NearestEven => below > HALF || below == HALF && kept & 1 != 0,
        Rounding::Zero => false,
        Rounding::Down | Rounding::Up => return None,
    };
    env.rounded_up = up;
    if below != 0 {
        env.raise(Exceptions::PE);
    }
    let magnitude = (kept + u64::from(up)) as i64;
    Some(if value.negative { -magnitude } else { magnitude })
}
