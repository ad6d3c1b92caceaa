//! F2XM1, FYL2X, FYL2XP1: SDM Vol. 2. Errors are far below one unit in the last place.
//!
//! Outside the operand ranges of the manual (F2XM1 beyond 1, FYL2XP1 beyond about 0.29) results
//! are undefined there; here they are those of AMD Zen. As there, PE is raised for every result
//! that was computed, even if it happens to be exact.

use super::arith::add_numbers;
use super::fixed::{multiply_high, odd_reciprocals};
use super::{
    Class, Env, Exceptions, F80, Float, Kind, Number, Operand, invalid, nan_result, note_denormals,
};

const ONE: Number = Number { sign: false, exponent: 0, significand: 1 << 127 };
/// The natural logarithm of 2.
const LN_2: Number =
    Number { sign: false, exponent: -1, significand: 0xb172_17f7_d1cf_79ab_c9e3_b398_03f2_f6af };
/// The logarithm of e to base 2, twice.
const TWO_LOG2_E: Number =
    Number { sign: false, exponent: 1, significand: 0xb8aa_3b29_5c17_f0bb_be87_fed0_691d_3e88 };

/// F2XM1: `2^x - 1`.
pub fn exp2_minus_1(env: &mut Env, value: F80) -> F80 {
    let x = value.unpack(env);
    if let Some(nan) = nan_result(env, &x, &x) {
        return nan;
    }
    note_denormals(env, &[&x]);
    match x.kind {
        Kind::Zero => value,
        Kind::Infinity if x.sign => F80::pack(true, 0x3fff, 1 << 63),
        Kind::Infinity => value,
        // Exact at -1; beyond, the operand comes back.
        _ if x.exponent >= 0 => {
            env.raise(Exceptions::PE);
            let half = x.sign && x.exponent == 0 && x.significand == 1 << 63;
            if half { F80::pack(true, 0x3ffe, 1 << 63) } else { value }
        }
        _ => F80::round_full(env, exponential(x.number().times(LN_2))),
    }
}

/// `e^t - 1` for a magnitude below ln 2, as `t (1 + t/2 (1 + t/3 (...)))`.
fn exponential(t: Number) -> Number {
    const UNIT: u128 = 1 << 126; // the sum stays below 2
    let fraction = t.fraction();
    let mut sum = UNIT;
    for n in (2..36).rev() {
        let tail = multiply_high(fraction, sum) / n;
        sum = if t.sign { UNIT - tail } else { UNIT + tail };
    }
    t.scaled(sum << 1)
}

/// FYL2X: `y * log2(x)`, where `x` is ST(0) and `y` is ST(1).
pub fn y_log2_x(env: &mut Env, y: F80, x: F80) -> F80 {
    let (y, x) = (y.unpack(env), x.unpack(env));
    if let Some(nan) = nan_result(env, &x, &y) {
        return nan;
    }
    let is_one = x.exponent == 0 && x.significand == 1 << 63;
    match (x.kind, y.kind) {
        (Kind::Zero, Kind::Zero) | (Kind::Infinity, Kind::Zero) => return invalid(env),
        (Kind::Zero, Kind::Infinity) => return F80::infinity(!y.sign),
        (Kind::Zero, _) => {
            env.raise(Exceptions::ZE);
            return F80::infinity(!y.sign);
        }
        _ if x.sign => return invalid(env),
        (Kind::Normal, Kind::Infinity) if is_one => return invalid(env),
        _ => note_denormals(env, &[&x, &y]),
    }
    let below_one = x.kind != Kind::Infinity && x.exponent < 0;
    match (x.kind, y.kind) {
        (Kind::Infinity, _) | (_, Kind::Infinity) => F80::infinity(y.sign ^ below_one),
        (_, Kind::Zero) => F80::zero(y.sign ^ below_one),
        _ => times_logarithm(env, &y, logarithm(x.number())),
    }
}

/// FYL2XP1: `y * log2(x + 1)`, where `x` is ST(0) and `y` is ST(1).
pub fn y_log2_x_plus_1(env: &mut Env, y: F80, x: F80) -> F80 {
    let (operand, y) = (x.unpack(env), y.unpack(env));
    if let Some(nan) = nan_result(env, &operand, &y) {
        return nan;
    }
    let sign = operand.sign ^ y.sign;
    match (operand.kind, y.kind) {
        (Kind::Infinity, Kind::Zero) | (Kind::Zero, Kind::Infinity) => return invalid(env),
        (Kind::Infinity, _) if operand.sign => return invalid(env),
        _ => note_denormals(env, &[&operand, &y]),
    }
    match (operand.kind, y.kind) {
        (Kind::Infinity, _) | (_, Kind::Infinity) => F80::infinity(sign),
        (Kind::Zero, _) | (_, Kind::Zero) => F80::zero(sign),
        // No logarithm: the operand comes back.
        _ if operand.sign && operand.exponent >= 0 => {
            env.raise(Exceptions::PE);
            x
        }
        _ => times_logarithm(env, &y, logarithm_plus_1(operand.number())),
    }
}

fn times_logarithm(env: &mut Env, y: &Operand, logarithm: Option<Number>) -> F80 {
    match logarithm {
        Some(logarithm) => {
            env.raise(Exceptions::PE);
            let result = F80::round_full(env, y.number().times(logarithm));
            if result.class() == Class::Denormal {
                env.raise(Exceptions::UE); // tiny, and inexact as it were
            }
            result
        }
        None => F80::zero(y.sign),
    }
}

/// log2 of a positive value; `None` for the logarithm of 1.
fn logarithm(x: Number) -> Option<Number> {
    /// The significand of the square root of 2.
    const SQRT_2: u128 = 0xb504_f333_f9de_6484_597d_89b3_754a_be9f;
    // x = m * 2^e with m between the square roots of 1/2 and 2; z = (m - 1) / (m + 1).
    let high = x.significand > SQRT_2;
    let exponent = x.exponent + high as i32;
    let m = Number { exponent: -(high as i32), ..x };
    let integer = Number::from_fixed(exponent < 0, exponent.unsigned_abs() as u128, 0);
    let minus_one = Number { sign: true, ..ONE };
    let (Some(numerator), Some(denominator)) = (add_numbers(m, minus_one), add_numbers(m, ONE))
    else {
        return integer;
    };
    let fraction = double_inverse_tanh(numerator.over(denominator));
    match integer {
        Some(integer) => add_numbers(integer, fraction),
        None => Some(fraction),
    }
}

/// log2(1 + x) for x above -1, not zero.
fn logarithm_plus_1(x: Number) -> Option<Number> {
    if x.exponent >= -2 {
        return logarithm(add_numbers(x, ONE)?);
    }
    let two = Number { exponent: 1, ..ONE };
    Some(double_inverse_tanh(x.over(add_numbers(x, two)?)))
}

/// 2 / ln 2 * atanh(z) for a magnitude of at most 0.172: log2((1 + z) / (1 - z)).
fn double_inverse_tanh(z: Number) -> Number {
    let w = z.times(z).fraction();
    z.scaled(odd_reciprocals(w, 27, false)).times(TWO_LOG2_E).irrational()
}
