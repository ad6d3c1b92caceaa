//! FSCALE and FXTRACT: SDM Vol. 2.

use super::{
    Env, Exceptions, F80, Float, Kind, Number, Operand, Rounding, from_int, invalid, nan_result,
    note_denormals, to_int,
};

/// FSCALE: `a * 2^trunc(b)`.
pub fn scale(env: &mut Env, a: F80, b: F80) -> F80 {
    let (x, y) = (a.unpack(env), b.unpack(env));
    if let Some(nan) = nan_result(env, &x, &y) {
        return nan;
    }
    match (x.kind, y.kind, y.sign) {
        (Kind::Infinity, Kind::Infinity, true) | (Kind::Zero, Kind::Infinity, false) => {
            return invalid(env);
        }
        _ => note_denormals(env, &[&x, &y]),
    }
    match (x.kind, y.kind) {
        (Kind::Zero | Kind::Infinity, _) => a,
        (_, Kind::Infinity) if y.sign => F80::zero(x.sign),
        (_, Kind::Infinity) => F80::infinity(x.sign),
        _ => {
            let exponent = x.exponent + truncated(b, &y);
            F80::round_full(env, Number { exponent, ..x.number() })
        }
    }
}

/// The scale factor, held within what moves any value out of any range.
fn truncated(b: F80, operand: &Operand) -> i32 {
    const FAR: i32 = 0x2_0000;
    match operand.kind {
        Kind::Zero => 0,
        _ if operand.exponent >= 17 => {
            if operand.sign {
                -FAR
            } else {
                FAR
            }
        }
        _ => {
            let mut unheard = Env::DEFAULT;
            to_int(&mut unheard, b, 32, Rounding::Zero) as i32
        }
    }
}

/// FXTRACT: the exponent as a value, and the significand with exponent 0.
pub fn extract(env: &mut Env, a: F80) -> (F80, F80) {
    let x = a.unpack(env);
    if let Some(nan) = nan_result(env, &x, &x) {
        return (nan, nan);
    }
    match x.kind {
        Kind::Zero => {
            env.raise(Exceptions::ZE);
            (F80::infinity(true), a)
        }
        Kind::Infinity => (F80::infinity(false), a),
        _ => {
            note_denormals(env, &[&x]);
            let significand = F80::pack(x.sign, F80::EXPONENT_MAX / 2, x.significand);
            (from_int(env, x.exponent as i64), significand)
        }
    }
}
