//! FSIN, FCOS, FSINCOS, FPTAN, FPATAN: SDM Vol. 2, and Vol. 1, "Approximation of Pi".
//!
//! The first four reduce their operand with the 66-bit pi of that section, exactly: what they
//! return for large operands is the sine of another angle, as on the processors. The rest is
//! correct to far below one unit in the last place. FPATAN has nothing to reduce and uses a
//! full pi.

use super::arith::add_numbers;
use super::convert::one;
use super::fixed::{alternating, odd_reciprocals};
use super::{Env, F80, Float, Kind, Number, Operand, invalid, nan_result, note_denormals};

/// pi / 2 by the SDM's 66 bits, in units of 2^-65. It is odd: no operand is a multiple.
const HALF_PI_66: u128 = 0x3_243f_6a88_85a3_08d3;

/// An operand brought to at most pi / 4.
struct Reduced {
    /// Signed, never zero.
    angle: Number,
    /// Multiples of pi / 2 taken off, modulo 4.
    quadrant: u8,
}

/// Of an exponent below 63.
fn reduce(operand: &Operand) -> Reduced {
    let number = operand.number();
    if operand.exponent < -1 {
        return Reduced { angle: number, quadrant: 0 };
    }
    // In units of 2^-65 the operand is an integer below 2^128.
    let units = (operand.significand as u128) << (operand.exponent + 2);
    let (quotient, rest) = (units / HALF_PI_66, units % HALF_PI_66);
    let beyond = rest > HALF_PI_66 / 2;
    let (rest, quotient) =
        if beyond { (HALF_PI_66 - rest, quotient + 1) } else { (rest, quotient) };
    let angle = Number::from_fixed(operand.sign ^ beyond, rest, 65).unwrap_or(number);
    let quadrant = (quotient & 3) as u8;
    // Taking whole turns off a negative angle leaves the other quadrants.
    Reduced { angle, quadrant: if operand.sign { quadrant.wrapping_neg() & 3 } else { quadrant } }
}

/// The sine of an angle of at most pi / 4.
fn sine(angle: Number) -> Number {
    let w = angle.times(angle).fraction();
    angle.scaled(alternating(w, (1..18).map(|n| 2 * n * (2 * n + 1))))
}

/// The cosine of an angle of at most pi / 4.
fn cosine(angle: Number) -> Number {
    let w = angle.times(angle).fraction();
    let one = Number { sign: false, exponent: 0, significand: 1 << 127 };
    one.scaled(alternating(w, (1..18).map(|n| (2 * n - 1) * 2 * n)))
}

impl Reduced {
    fn sine(&self) -> Number {
        let value = if self.quadrant & 1 == 0 { sine(self.angle) } else { cosine(self.angle) };
        Number { sign: value.sign ^ (self.quadrant & 2 != 0), ..value }
    }

    fn cosine(&self) -> Number {
        Self { quadrant: (self.quadrant + 1) & 3, ..*self }.sine()
    }

    fn tangent(&self) -> Number {
        // Below 2^-64 the tangent exceeds its angle by less than the quotient could show.
        if self.quadrant & 1 == 0 && self.angle.exponent < -64 {
            return self.angle.irrational();
        }
        self.sine().over(self.cosine()).irrational()
    }
}

/// What the four functions share: the answer for operands without a reduced angle.
enum Angle {
    Reduced(Reduced),
    /// A zero of this sign.
    Zero(bool),
    /// A NaN, or the indefinite after IE.
    Nan(F80),
    /// Not within 2^63: C2 is set, nothing else happens.
    OutOfRange,
}

fn angle(env: &mut Env, value: F80) -> Angle {
    let operand = value.unpack(env);
    if let Some(nan) = nan_result(env, &operand, &operand) {
        return Angle::Nan(nan);
    }
    match operand.kind {
        Kind::Infinity => Angle::Nan(invalid(env)),
        Kind::Zero => Angle::Zero(operand.sign),
        _ if operand.exponent >= 63 => Angle::OutOfRange,
        _ => {
            note_denormals(env, &[&operand]);
            Angle::Reduced(reduce(&operand))
        }
    }
}

/// FSIN. `None`: the operand is not within 2^63; C2 is set and the operand stays.
pub fn sin(env: &mut Env, value: F80) -> Option<F80> {
    Some(match angle(env, value) {
        Angle::Reduced(reduced) => F80::round_full(env, reduced.sine()),
        Angle::Zero(sign) => F80::zero(sign),
        Angle::Nan(nan) => nan,
        Angle::OutOfRange => return None,
    })
}

/// FCOS. `None` as for [`sin`].
pub fn cos(env: &mut Env, value: F80) -> Option<F80> {
    Some(match angle(env, value) {
        Angle::Reduced(reduced) => F80::round_full(env, reduced.cosine()),
        Angle::Zero(_) => one(false),
        Angle::Nan(nan) => nan,
        Angle::OutOfRange => return None,
    })
}

/// FSINCOS: the sine, which replaces ST(0), and the cosine, which is pushed. C1 tells of the
/// sine. `None` as for [`sin`].
pub fn sin_cos(env: &mut Env, value: F80) -> Option<(F80, F80)> {
    Some(match angle(env, value) {
        Angle::Reduced(reduced) => {
            let cosine = F80::round_full(env, reduced.cosine());
            (F80::round_full(env, reduced.sine()), cosine)
        }
        Angle::Zero(sign) => (F80::zero(sign), one(false)),
        Angle::Nan(nan) => (nan, nan),
        Angle::OutOfRange => return None,
    })
}

/// FPTAN: the tangent, which replaces ST(0), and what is pushed: 1.0, or the same NaN. `None` as
/// for [`sin`].
pub fn tan(env: &mut Env, value: F80) -> Option<(F80, F80)> {
    Some(match angle(env, value) {
        Angle::Reduced(reduced) => (F80::round_full(env, reduced.tangent()), one(false)),
        Angle::Zero(sign) => (F80::zero(sign), one(false)),
        Angle::Nan(nan) => (nan, nan),
        Angle::OutOfRange => return None,
    })
}

/// pi * 2^`exponent`.
const fn pi_times_power(exponent: i32) -> Number {
    let significand = 0xc90f_daa2_2168_c234_c4c6_628b_80dc_1cd1;
    Number { sign: false, exponent: 1 + exponent, significand }
}

/// FPATAN: the angle of the point (`x`, `y`), where `x` is ST(0) and `y` is ST(1).
pub fn atan2(env: &mut Env, y: F80, x: F80) -> F80 {
    let (y, x) = (y.unpack(env), x.unpack(env));
    if let Some(nan) = nan_result(env, &x, &y) {
        return nan;
    }
    note_denormals(env, &[&x, &y]);
    let magnitude = match (y.kind, x.kind) {
        (Kind::Zero, _) | (_, Kind::Infinity) if y.kind != Kind::Infinity => {
            if !x.sign {
                return F80::zero(y.sign);
            }
            pi_times_power(0)
        }
        (Kind::Infinity, Kind::Infinity) if x.sign => {
            pi_times_power(0).times(Number { sign: false, exponent: -1, significand: 3 << 126 })
        }
        (Kind::Infinity, Kind::Infinity) => pi_times_power(-2),
        (Kind::Infinity, _) | (_, Kind::Zero) => pi_times_power(-1),
        _ => angle_of(y.number(), x.number()),
    };
    F80::round_full(env, Number { sign: y.sign, ..magnitude }.irrational())
}

/// The magnitude of the angle of a point off the axes.
fn angle_of(y: Number, x: Number) -> Number {
    let absolute = |n: Number| Number { sign: false, ..n };
    let (abs_y, abs_x) = (absolute(y), absolute(x));
    let steep = (y.exponent, y.significand) > (x.exponent, x.significand);
    let base = arc_tangent(if steep { abs_x.over(abs_y) } else { abs_y.over(abs_x) });
    // Between the axis that is nearer and the point, to the side that the signs say.
    let (axis, away) = match (steep, x.sign) {
        (false, false) => return base,
        (false, true) => (pi_times_power(0), true),
        (true, negative) => (pi_times_power(-1), !negative),
    };
    add_numbers(axis, Number { sign: away, ..base }).unwrap_or(axis)
}

/// The arc tangent of a value of at most 1:
/// atan(t) = atan(c) + atan((t - c) / (1 + t c)) with c = k / 16, the nearest one below.
fn arc_tangent(t: Number) -> Number {
    let k = match t.exponent {
        0.. => 16,
        -4..0 => (t.fraction() >> 124) as usize,
        _ => return arc_tangent_series(t),
    };
    let (exponent, significand) = ARC_TANGENTS[k - 1];
    let base = Number { sign: false, exponent, significand };
    let one = Number { sign: false, exponent: 0, significand: 1 << 127 };
    let Some(c) = Number::from_fixed(false, k as u128, 4) else {
        return base;
    };
    match (add_numbers(t, Number { sign: true, ..c }), add_numbers(one, t.times(c))) {
        (Some(numerator), Some(denominator)) => {
            let rest = arc_tangent_series(numerator.over(denominator));
            add_numbers(base, rest).unwrap_or(base)
        }
        _ => base, // t is c
    }
}

/// The arc tangent of a value of at most 1/16.
fn arc_tangent_series(value: Number) -> Number {
    let w = value.times(value).fraction();
    value.scaled(odd_reciprocals(w, 17, true))
}

/// atan(k / 16) for k = 1 to 16: exponent and significand.
const ARC_TANGENTS: [(i32, u128); 16] = [
    (-5, 0xffaa_ddb9_67ef_4e36_cb27_92dc_0e2e_0d51),
    (-4, 0xfead_d4d5_617b_6e32_c897_989f_3e88_8ef7),
    (-3, 0xbdcb_da5e_72d8_1134_7b0b_4f88_1c9c_7487),
    (-3, 0xfadb_afc9_6406_eb15_6dc7_9ef5_f7a2_17e5),
    (-2, 0x9b13_b9b8_3f5e_5e69_c5ab_b498_d27a_f328),
    (-2, 0xb7b0_ca0f_26f7_8473_8aa3_2122_dcfe_4483),
    (-2, 0xd327_761e_611f_e5b6_427c_95e9_001e_7136),
    (-2, 0xed63_382b_0dda_7b45_6fe4_45ec_bc3a_8d03),
    (-1, 0x832b_f4a6_d986_7e2a_4b6a_09cb_61a5_15c0),
    (-1, 0x8f00_5d5e_f7f5_9f9b_5c83_5e16_65c4_3747),
    (-1, 0x9a2f_80e6_71bd_da20_4226_f8e2_204f_f3bc),
    (-1, 0xa4bc_7d19_34f7_0924_19a8_7f2a_457d_ac9e),
    (-1, 0xaeac_4c38_b4d8_c080_1472_5e2f_3e52_070a),
    (-1, 0xb805_3e2b_c231_9e73_cb2d_a552_10a4_443d),
    (-1, 0xc0ce_85b8_ac52_6640_89dd_62c4_6e92_fa24),
    (-1, 0xc90f_daa2_2168_c234_c4c6_628b_80dc_1cd1),
];
