//! FPREM and FPREM1: SDM Vol. 2, "FPREM - Partial Remainder", "FPREM1 - Partial Remainder".

use super::round::Number;
use super::{Env, F80, Float, Kind, Operand, invalid, nan_result, note_denormals};

/// The outcome of a partial remainder.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Remainder {
    /// What goes to ST(0).
    pub value: F80,
    /// The three low bits of the quotient: bit 2 to C0, bit 1 to C3, bit 0 to C1. Zero while
    /// the reduction is incomplete.
    pub quotient: u8,
    /// The reduction is complete: C2 is clear. Otherwise the instruction is to be repeated.
    pub complete: bool,
}

impl Remainder {
    const fn done(value: F80) -> Self {
        Self { value, quotient: 0, complete: true }
    }
}

/// FPREM: the quotient is truncated; the remainder has the sign of `a`.
pub fn rem_truncated(env: &mut Env, a: F80, b: F80) -> Remainder {
    remainder(env, a, b, false)
}

/// FPREM1: the quotient is rounded to nearest even, as IEEE 754 has it.
pub fn rem_nearest(env: &mut Env, a: F80, b: F80) -> Remainder {
    remainder(env, a, b, true)
}

fn remainder(env: &mut Env, a: F80, b: F80, nearest: bool) -> Remainder {
    let (x, y) = (a.unpack(env), b.unpack(env));
    if let Some(nan) = nan_result(env, &x, &y) {
        return Remainder::done(nan);
    }
    if x.kind == Kind::Infinity || y.kind == Kind::Zero {
        return Remainder::done(invalid(env));
    }
    note_denormals(env, &[&x, &y]);
    match (x.kind, y.kind) {
        (Kind::Zero, _) => Remainder::done(a),
        (_, Kind::Infinity) => Remainder::done(F80::round_full(env, x.number())),
        _ => reduce(env, &x, &y, nearest),
    }
}

/// Of two finite operands that are not zero.
fn reduce(env: &mut Env, a: &Operand, b: &Operand, nearest: bool) -> Remainder {
    let distance = a.exponent - b.exponent;
    if distance >= 64 {
        return reduce_partially(env, a, b, distance);
    }
    if distance < -1 {
        return Remainder::done(F80::round_full(env, a.number()));
    }
    // Both on the scale of the smaller exponent; below 2^127.
    let dividend = (a.significand as u128) << distance.max(0);
    let divisor = (b.significand as u128) << (-distance).max(0);
    let (mut quotient, mut rest) = (dividend / divisor, dividend % divisor);
    let mut sign = a.sign;
    let twice = rest << 1;
    if nearest && (twice > divisor || (twice == divisor && quotient & 1 != 0)) {
        quotient += 1;
        rest = divisor - rest;
        sign = !sign;
    }
    let exponent = a.exponent.min(b.exponent);
    let value = exact(env, if rest == 0 { a.sign } else { sign }, exponent, rest);
    Remainder { value, quotient: (quotient & 7) as u8, complete: true }
}

/// Takes 32 to 63 bits off the difference of the exponents and leaves a multiple of 32, so that
/// the low bits of the quotient are not touched. The manual leaves the number to the processor.
fn reduce_partially(env: &mut Env, a: &Operand, b: &Operand, distance: i32) -> Remainder {
    let taken = distance & 31 | 32;
    let rest = ((a.significand as u128) << taken) % b.significand as u128;
    let value = exact(env, a.sign, a.exponent - taken, rest);
    Remainder { value, quotient: 0, complete: false }
}

/// `significand * 2^(exponent - 63)`.
fn exact(env: &mut Env, sign: bool, exponent: i32, significand: u128) -> F80 {
    match Number::normalised(sign, exponent + 64, significand) {
        Some(number) => F80::round_full(env, number),
        None => F80::zero(sign),
    }
}
