//! Rounding: from an exact or sticky result to the bits of a format, with OE, UE, PE and C1.
//! SDM Vol. 1, "Rounding", "Numeric Overflow Exception (#O)", "Numeric Underflow Exception (#U)".
//!
//! x86 detects tininess after rounding: a result is tiny if, rounded as though the exponent had
//! no limit, it is still below the smallest normal number.

use super::{Env, Exceptions, INTEGER, Rounding};

/// A nonzero finite value: `significand * 2^(exponent - 127)`, bit 127 of the significand set.
/// Bits below the format's precision may be represented by a sticky lowest bit.
#[derive(Clone, Copy, Debug)]
pub(super) struct Number {
    pub(super) sign: bool,
    pub(super) exponent: i32,
    pub(super) significand: u128,
}

impl Number {
    /// Normalises `significand * 2^(exponent - 127)`; `None` for zero.
    pub(super) const fn normalised(sign: bool, exponent: i32, significand: u128) -> Option<Self> {
        if significand == 0 {
            return None;
        }
        let shift = significand.leading_zeros();
        let exponent = exponent - shift as i32;
        Some(Self { sign, exponent, significand: significand << shift })
    }
}

/// What rounding needs to know of a destination.
#[derive(Clone, Copy, Debug)]
pub(super) struct Format {
    /// Bits of significand, the integer bit included: 24, 53 or 64.
    pub(super) precision: u32,
    /// Exponent of the smallest normal number; the largest is `1 - emin`.
    pub(super) emin: i32,
    /// Added to or taken from the exponent of a result whose overflow or underflow is unmasked:
    /// 24576 for x87 registers, 0 for destinations that are not written then.
    pub(super) wrap: i32,
}

/// Shifts right; bits that fall out are remembered in the lowest bit.
pub(super) const fn shift_right_sticky(value: u128, count: u32) -> u128 {
    match count {
        0 => value,
        1..128 => value >> count | (value << (128 - count) != 0) as u128,
        _ => (value != 0) as u128,
    }
}

/// Whether a magnitude goes up, given its lowest kept bit and the part cut off (as a binary
/// fraction of 128 bits).
pub(super) const fn rounds_up(rounding: Rounding, sign: bool, odd: bool, rest: u128) -> bool {
    const HALF: u128 = 1 << 127;
    match rounding {
        Rounding::NearestEven => rest > HALF || (rest == HALF && odd),
        Rounding::Down => sign && rest != 0,
        Rounding::Up => !sign && rest != 0,
        Rounding::Zero => false,
    }
}

/// A significand cut to a precision.
struct Cut {
    /// Left-aligned in 64 bits.
    significand: u64,
    /// The increment carried out: `significand` is 1.0 and the exponent one more.
    carry: bool,
    inexact: bool,
    up: bool,
}

const fn cut(significand: u128, precision: u32, rounding: Rounding, sign: bool) -> Cut {
    let unit = 64 - precision;
    let kept = (significand >> (128 - precision)) as u64;
    let rest = significand << precision;
    let up = rounds_up(rounding, sign, kept & 1 != 0, rest);
    let (sum, carry) = (kept << unit).overflowing_add((up as u64) << unit);
    Cut { significand: if carry { INTEGER } else { sum }, carry, inexact: rest != 0, up }
}

/// Rounds to `format`: the biased exponent and the significand with the integer bit in bit 63.
pub(super) fn round(env: &mut Env, format: Format, number: Number) -> (i32, u64) {
    let Number { sign, exponent, significand } = number;
    let cut = cut(significand, format.precision, env.rounding, sign);
    let exponent = exponent.saturating_add(cut.carry as i32);
    let bias = 1 - format.emin;
    if exponent < format.emin {
        return underflow(env, format, number, &cut, exponent + bias);
    }
    if exponent > bias {
        return overflow(env, format, sign, &cut, exponent.saturating_add(bias));
    }
    note_inexact(env, cut.inexact, cut.up);
    (exponent + bias, cut.significand)
}

fn note_inexact(env: &mut Env, inexact: bool, up: bool) {
    env.rounded_up = up;
    if inexact {
        env.raise(Exceptions::PE);
    }
}

/// A tiny result; `cut` and `biased` are what it rounds to without a limit to the exponent.
fn underflow(
    env: &mut Env,
    format: Format,
    number: Number,
    unlimited: &Cut,
    biased: i32,
) -> (i32, u64) {
    if !env.is_masked(Exceptions::UE) {
        env.raise(Exceptions::UE);
        note_inexact(env, unlimited.inexact, unlimited.up);
        return wrapped(env, format, biased.saturating_add(format.wrap), unlimited.significand);
    }
    if env.ftz {
        env.raise(Exceptions::UE.or(Exceptions::PE));
        return (0, 0);
    }
    let depth = (format.emin - number.exponent) as u32;
    let shifted = shift_right_sticky(number.significand, depth);
    let cut = cut(shifted, format.precision, env.rounding, number.sign);
    if cut.inexact {
        env.raise(Exceptions::UE);
    }
    note_inexact(env, cut.inexact, cut.up);
    ((cut.significand >> 63) as i32, cut.significand)
}

/// A result beyond the largest finite number.
fn overflow(env: &mut Env, format: Format, sign: bool, cut: &Cut, biased: i32) -> (i32, u64) {
    env.raise(Exceptions::OE);
    if !env.is_masked(Exceptions::OE) {
        note_inexact(env, cut.inexact, cut.up);
        return wrapped(env, format, biased.saturating_sub(format.wrap), cut.significand);
    }
    let to_infinity = match env.rounding {
        Rounding::NearestEven => true,
        Rounding::Down => sign,
        Rounding::Up => !sign,
        Rounding::Zero => false,
    };
    note_inexact(env, true, to_infinity);
    let largest = 2 * (1 - format.emin);
    if to_infinity {
        (largest + 1, INTEGER)
    } else {
        (largest, u64::MAX << (64 - format.precision))
    }
}

/// The fields of a result whose exponent was wrapped around; zero where nothing is written. What
/// wrapping does not bring back into range (only FSCALE gets there) becomes zero or infinity:
/// SDM Vol. 1, "Numeric Overflow Exception (#O)".
fn wrapped(env: &mut Env, format: Format, biased: i32, significand: u64) -> (i32, u64) {
    match biased {
        _ if format.wrap == 0 => (0, 0),
        ..=0 => {
            note_inexact(env, true, false);
            (0, 0)
        }
        1..0x7fff => (biased, significand),
        _ => {
            note_inexact(env, true, true);
            (0x7fff, INTEGER)
        }
    }
}
