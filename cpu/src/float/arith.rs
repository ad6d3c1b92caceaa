//! Add, subtract, multiply, divide, square root and fused multiply-add, for all three formats.
//! SDM Vol. 1, "Invalid Operation Exception (#I)" lists what is invalid.

use super::round::{Number, shift_right_sticky};
use super::{Env, Exceptions, Float, Kind, Operand, invalid, nan_result, note_denormals, quieted};

/// `a + b`: ADDSS, ADDSD, FADD.
pub fn add<F: Float>(env: &mut Env, a: F, b: F) -> F {
    F::ordinary_sum(env, a, b, false).unwrap_or_else(|| general_sum(env, a, b, false))
}

/// `a - b`: SUBSS, SUBSD, FSUB.
pub fn sub<F: Float>(env: &mut Env, a: F, b: F) -> F {
    F::ordinary_sum(env, a, b, true).unwrap_or_else(|| general_sum(env, a, b, true))
}

/// The sum or difference in every case.
pub(super) fn general_sum<F: Float>(env: &mut Env, a: F, b: F, negate_b: bool) -> F {
    let (a, b) = (a.unpack(env), b.unpack(env));
    add_operands(env, &a, &b, negate_b)
}

/// The second operand's sign is inverted only after the NaN rules: a NaN keeps its sign.
fn add_operands<F: Float>(env: &mut Env, a: &Operand, b: &Operand, negate_b: bool) -> F {
    if let Some(nan) = nan_result(env, a, b) {
        return nan;
    }
    let b = Operand { sign: b.sign ^ negate_b, ..*b };
    match (a.kind, b.kind) {
        (Kind::Infinity, Kind::Infinity) if a.sign != b.sign => return invalid(env),
        _ => note_denormals(env, &[a, &b]),
    }
    match (a.kind, b.kind) {
        (Kind::Infinity, _) => F::infinity(a.sign),
        (_, Kind::Infinity) => F::infinity(b.sign),
        (Kind::Zero, Kind::Zero) if a.sign == b.sign => F::zero(a.sign),
        (Kind::Zero, Kind::Zero) => F::cancelled(env),
        (_, Kind::Zero) => F::round(env, a.number()),
        (Kind::Zero, _) => F::round(env, b.number()),
        _ => match add_numbers(a.number(), b.number()) {
            Some(sum) => F::round(env, sum),
            None => F::cancelled(env),
        },
    }
}

/// The sum, sticky in the lowest bit; `None` if the numbers cancel. Each number may use the
/// upper 106 bits: then nothing is lost where the leading bits can cancel.
pub(super) fn add_numbers(a: Number, b: Number) -> Option<Number> {
    let (large, small) =
        if (a.exponent, a.significand) >= (b.exponent, b.significand) { (a, b) } else { (b, a) };
    let distance = (large.exponent - small.exponent) as u32;
    let x = large.significand >> 1; // room for the carry
    let y = shift_right_sticky(small.significand >> 1, distance);
    let sum = if a.sign == b.sign { x + y } else { x - y };
    Number::normalised(large.sign, large.exponent + 1, sum)
}

/// `a * b`: MULSS, MULSD, FMUL.
pub fn mul<F: Float>(env: &mut Env, a: F, b: F) -> F {
    F::ordinary_product(env, a, b).unwrap_or_else(|| general_product(env, a, b))
}

/// The product in every case.
pub(super) fn general_product<F: Float>(env: &mut Env, a: F, b: F) -> F {
    let (a, b) = (a.unpack(env), b.unpack(env));
    if let Some(nan) = nan_result(env, &a, &b) {
        return nan;
    }
    let sign = a.sign ^ b.sign;
    match (a.kind, b.kind) {
        (Kind::Infinity, Kind::Zero) | (Kind::Zero, Kind::Infinity) => return invalid(env),
        _ => note_denormals(env, &[&a, &b]),
    }
    match (a.kind, b.kind) {
        (Kind::Infinity, _) | (_, Kind::Infinity) => F::infinity(sign),
        (Kind::Zero, _) | (_, Kind::Zero) => F::zero(sign),
        _ => F::round(env, mul_operands(&a, &b)),
    }
}

/// The exact product of two finite operands that are not zero.
fn mul_operands(a: &Operand, b: &Operand) -> Number {
    let product = a.significand as u128 * b.significand as u128;
    let top = (product >> 127) as u32; // 1 if the product is 2 or more
    Number {
        sign: a.sign ^ b.sign,
        exponent: a.exponent + b.exponent + top as i32,
        significand: product << (1 - top),
    }
}

/// `a / b`: DIVSS, DIVSD, FDIV.
pub fn div<F: Float>(env: &mut Env, a: F, b: F) -> F {
    F::ordinary_quotient(env, a, b).unwrap_or_else(|| general_quotient(env, a, b))
}

/// The quotient in every case.
pub(super) fn general_quotient<F: Float>(env: &mut Env, a: F, b: F) -> F {
    let (a, b) = (a.unpack(env), b.unpack(env));
    if let Some(nan) = nan_result(env, &a, &b) {
        return nan;
    }
    let sign = a.sign ^ b.sign;
    match (a.kind, b.kind) {
        (Kind::Infinity, Kind::Infinity) | (Kind::Zero, Kind::Zero) => return invalid(env),
        (Kind::Normal | Kind::Denormal, Kind::Zero) => env.raise(Exceptions::ZE),
        _ => note_denormals(env, &[&a, &b]),
    }
    match (a.kind, b.kind) {
        (Kind::Infinity, _) | (_, Kind::Zero) => F::infinity(sign),
        (Kind::Zero, _) | (_, Kind::Infinity) => F::zero(sign),
        _ => F::round(env, div_operands(&a, &b)),
    }
}

/// The quotient of two finite operands that are not zero: 65 bits and a sticky one.
fn div_operands(a: &Operand, b: &Operand) -> Number {
    let divisor = b.significand as u128;
    let below_one = a.significand < b.significand;
    // Halved when it is 1 or more, so that the quotient has 64 bits either way; then one more.
    let dividend = (a.significand as u128) << (63 + below_one as u32);
    let (quotient, rest) = (dividend / divisor, (dividend % divisor) << 1);
    let (bit, rest) = if rest >= divisor { (1, rest - divisor) } else { (0, rest) };
    Number {
        sign: a.sign ^ b.sign,
        exponent: a.exponent - b.exponent - below_one as i32,
        significand: (quotient << 1 | bit) << 63 | (rest != 0) as u128,
    }
}

/// The square root: SQRTSS, SQRTSD, FSQRT.
pub fn sqrt<F: Float>(env: &mut Env, a: F) -> F {
    F::ordinary_root(env, a).unwrap_or_else(|| general_root(env, a))
}

/// The square root in every case.
pub(super) fn general_root<F: Float>(env: &mut Env, a: F) -> F {
    let a = a.unpack(env);
    if let Some(nan) = nan_result(env, &a, &a) {
        return nan;
    }
    match a.kind {
        Kind::Zero => return F::zero(a.sign),
        _ if a.sign => return invalid(env),
        Kind::Infinity => return F::infinity(false),
        _ => note_denormals(env, &[&a]),
    }
    // sqrt(m * 2^e) with e even: the radicand has 127 or 128 bits, the root 64.
    let odd = a.exponent & 1;
    let radicand = (a.significand as u128) << (63 + odd);
    let root = radicand.isqrt();
    let rest = radicand - root * root;
    // The next bit of the root is set if (root + 1/2)^2 <= radicand; a tie is impossible.
    let bit = (rest > root) as u128;
    let significand = (root << 1 | bit) << 63 | (rest != 0) as u128;
    F::round(env, Number { sign: false, exponent: a.exponent >> 1, significand })
}

/// `a * b + c` with one rounding: the FMA instructions, so of single and double precision alone. For VFNMADD
/// and VFMSUB the caller passes which of product and addend is negated; a NaN keeps its sign. The first NaN
/// of `a`, `b`, `c` is kept: they stand for the operands in the order of the mnemonic's digits (213: the
/// second operand, the first, the third). With a quiet NaN as `c`, infinity times zero raises no IE.
pub fn fma<F: Float>(
    env: &mut Env,
    a: F,
    b: F,
    c: F,
    negate_product: bool,
    negate_addend: bool,
) -> F {
    let (a, b, c) = (a.unpack(env), b.unpack(env), c.unpack(env));
    let invalid_product =
        matches!((a.kind, b.kind), (Kind::Infinity, Kind::Zero) | (Kind::Zero, Kind::Infinity));
    if let Some(nan) = [&a, &b, &c].into_iter().find(|o| o.is_nan()) {
        if [&a, &b, &c].into_iter().any(|o| o.kind == Kind::SignallingNan) {
            env.raise(Exceptions::IE);
        }
        return quieted(nan);
    }
    let sign = a.sign ^ b.sign ^ negate_product;
    let c = Operand { sign: c.sign ^ negate_addend, ..c };
    let infinite_product = a.kind == Kind::Infinity || b.kind == Kind::Infinity;
    let zero_product = a.kind == Kind::Zero || b.kind == Kind::Zero;
    if invalid_product || (infinite_product && c.kind == Kind::Infinity && c.sign != sign) {
        return invalid(env);
    }
    note_denormals(env, &[&a, &b, &c]);
    match c.kind {
        _ if infinite_product => F::infinity(sign),
        Kind::Infinity => F::infinity(c.sign),
        Kind::Zero if zero_product && c.sign == sign => F::zero(sign),
        Kind::Zero if zero_product => F::cancelled(env),
        _ if zero_product => F::round(env, c.number()),
        Kind::Zero => F::round(env, Number { sign, ..mul_operands(&a, &b) }),
        _ => match add_numbers(Number { sign, ..mul_operands(&a, &b) }, c.number()) {
            Some(sum) => F::round(env, sum),
            None => F::cancelled(env),
        },
    }
}
