//! Conversions between the formats, to and from integers, and rounding to an integral value.
//! SDM Vol. 2, CVTxx2xx, ROUNDPS, FLD, FST, FILD, FIST, FISTTP, FRNDINT.

use super::round::{Number, rounds_up, shift_right_sticky};
use super::{
    Env, Exceptions, F80, Float, INTEGER, Kind, Operand, Rounding, invalid, note_denormals, quieted,
};

/// To another format: CVTSS2SD, CVTSD2SS, FLD m32fp, FLD m64fp. A denormal raises DE (which,
/// unmasked, does not keep FLD from pushing the value: seen on AMD Zen).
pub fn resize<F: Float, G: Float>(env: &mut Env, value: F) -> G {
    let operand = value.unpack(env);
    note_denormals(env, &[&operand]);
    converted(env, &operand)
}

/// To a format in memory: FST m32fp, FST m64fp. A denormal raises no DE. An unmasked OE or UE
/// keeps the value from being stored, so there is no PE then.
pub fn store<G: Float>(env: &mut Env, value: F80) -> G {
    let mut attempt = Env { flags: Exceptions::NONE, ..*env };
    let stored = converted(&mut attempt, &value.unpack(env));
    let mut raised = attempt.flags;
    env.rounded_up = attempt.rounded_up;
    if attempt.unmasked().any(Exceptions::OE.or(Exceptions::UE)) {
        raised = raised.and(Exceptions::PE.complement());
        env.rounded_up = false;
    }
    env.raise(raised);
    stored
}

fn converted<G: Float>(env: &mut Env, operand: &Operand) -> G {
    match operand.kind {
        Kind::Zero => G::zero(operand.sign),
        Kind::Infinity => G::infinity(operand.sign),
        Kind::Unsupported => invalid(env),
        Kind::SignallingNan => {
            env.raise(Exceptions::IE);
            quieted(operand)
        }
        Kind::QuietNan => quieted(operand),
        Kind::Normal | Kind::Denormal => G::round_full(env, operand.number()),
    }
}

/// From a signed integer: CVTSI2SS, CVTDQ2PS, FILD (exact there).
pub fn from_int<F: Float>(env: &mut Env, value: i64) -> F {
    let magnitude = (value.unsigned_abs() as u128) << 64;
    match Number::normalised(value < 0, 63, magnitude) {
        Some(number) => F::round_full(env, number),
        None => F::zero(false),
    }
}

/// A magnitude rounded to an integer.
struct Integral {
    magnitude: u128,
    inexact: bool,
    up: bool,
}

/// Rounds a finite value of an exponent below 127 to an integer.
fn integral(number: Number, rounding: Rounding) -> Integral {
    let fraction_bits = (127 - number.exponent) as u32;
    let (kept, rest) = match fraction_bits {
        1..128 => {
            (number.significand >> fraction_bits, number.significand << (128 - fraction_bits))
        }
        _ => (0, shift_right_sticky(number.significand, fraction_bits - 128)),
    };
    let up = rounds_up(rounding, number.sign, kept & 1 != 0, rest);
    Integral { magnitude: kept + up as u128, inexact: rest != 0, up }
}

/// To a signed integer of `bits` bits (16, 32, 64): CVTSS2SI, CVTPS2DQ, FIST with
/// `env.rounding`, CVTTSS2SI, FISTTP with [`Rounding::Zero`].
/// What does not fit raises IE and gives the "integer indefinite", the most negative integer.
/// A denormal raises no DE here.
pub fn to_int<F: Float>(env: &mut Env, value: F, bits: u32, rounding: Rounding) -> i64 {
    let mut attempt = *env;
    if let Some(integer) = value.ordinary_integer(&mut attempt, rounding)
        && integer == integer << (64 - bits) >> (64 - bits)
    {
        *env = attempt;
        return integer;
    }
    general_integer(env, value, bits, rounding)
}

/// The integer in every case.
pub(super) fn general_integer<F: Float>(
    env: &mut Env,
    value: F,
    bits: u32,
    rounding: Rounding,
) -> i64 {
    let operand = value.unpack(env);
    let indefinite = i64::MIN >> (64 - bits);
    let limit = 1u128 << (bits - 1);
    let integral = match operand.kind {
        Kind::Zero => return 0,
        Kind::Normal | Kind::Denormal if operand.exponent < 64 => {
            integral(operand.number(), rounding)
        }
        _ => {
            env.raise(Exceptions::IE);
            return indefinite;
        }
    };
    if integral.magnitude >= limit + operand.sign as u128 {
        env.raise(Exceptions::IE);
        return indefinite;
    }
    note_rounding(env, &integral);
    let magnitude = integral.magnitude as u64 as i64;
    if operand.sign { magnitude.wrapping_neg() } else { magnitude }
}

/// A magnitude below `limit` after rounding with `env.rounding`; else IE and `None`.
pub(super) fn to_magnitude<F: Float>(env: &mut Env, value: F, limit: u64) -> Option<u64> {
    let operand = value.unpack(env);
    let integral = match operand.kind {
        Kind::Zero => return Some(0),
        Kind::Normal | Kind::Denormal if operand.exponent < 64 => {
            integral(operand.number(), env.rounding)
        }
        _ => Integral { magnitude: u128::MAX, inexact: false, up: false },
    };
    if integral.magnitude >= limit as u128 {
        env.raise(Exceptions::IE);
        return None;
    }
    note_rounding(env, &integral);
    Some(integral.magnitude as u64)
}

fn note_rounding(env: &mut Env, integral: &Integral) {
    env.rounded_up = integral.up;
    if integral.inexact {
        env.raise(Exceptions::PE);
    }
}

/// Rounds to an integral value in the same format: ROUNDSS, ROUNDPS. Raises no DE. A caller
/// that must suppress PE takes it from a copy of the environment.
pub fn round_to_integral<F: Float>(env: &mut Env, value: F) -> F {
    let operand = value.unpack(env);
    match operand.kind {
        Kind::Unsupported => invalid(env),
        Kind::SignallingNan => {
            env.raise(Exceptions::IE);
            quieted(&operand)
        }
        Kind::Normal | Kind::Denormal if operand.exponent < 63 => {
            let integral = integral(operand.number(), env.rounding);
            note_rounding(env, &integral);
            match Number::normalised(operand.sign, 127, integral.magnitude) {
                Some(Number { exponent, significand, .. }) => {
                    let biased = exponent + F::EXPONENT_MAX / 2;
                    F::pack(operand.sign, biased, (significand >> 64) as u64)
                }
                None => F::zero(operand.sign),
            }
        }
        Kind::Zero => F::zero(operand.sign), // a denormal under DAZ
        _ => value,
    }
}

/// FRNDINT: as [`round_to_integral`], but a denormal raises DE.
pub fn frndint<F: Float>(env: &mut Env, value: F) -> F {
    note_denormals(env, &[&value.unpack(env)]);
    round_to_integral(env, value)
}

/// One, exactly.
pub(super) fn one<F: Float>(sign: bool) -> F {
    F::pack(sign, F::EXPONENT_MAX / 2, INTEGER)
}
