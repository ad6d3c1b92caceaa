//! binary32 and binary64 under the rules of SSE: SDM Vol. 1, "SSE and SSE2 SIMD Floating-Point
//! Exception Conditions".

use super::round::Format;
use super::{Env, Float, INTEGER, Kind, Operand, QUIET};

/// The bits of a single-precision value.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct F32(pub u32);

/// The bits of a double-precision value.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct F64(pub u64);

/// Takes a binary interchange format apart. `fraction` is left-aligned below the integer bit.
pub(super) const fn unpack(
    sign: bool,
    exponent: i32,
    fraction: u64,
    max: i32,
    daz: bool,
) -> Operand {
    let emin = 1 - max / 2;
    if exponent == max {
        let kind = match fraction {
            0 => Kind::Infinity,
            _ if fraction & QUIET != 0 => Kind::QuietNan,
            _ => Kind::SignallingNan,
        };
        return Operand::special(sign, kind, fraction | INTEGER);
    }
    if exponent != 0 {
        return Operand::finite(sign, Kind::Normal, exponent - max / 2, fraction | INTEGER);
    }
    if fraction == 0 || daz {
        return Operand::special(sign, Kind::Zero, 0);
    }
    Operand::finite(sign, Kind::Denormal, emin, fraction)
}

/// SSE keeps the first source's NaN: SDM Vol. 1, "Rules for Handling NaNs".
pub(super) const fn choose_first(a: &Operand, b: &Operand) -> Operand {
    if a.is_nan() { *a } else { *b }
}

#[allow(private_interfaces, reason = "see the trait")]
impl Float for F32 {
    const EXPONENT_MAX: i32 = 0xff;
    const FULL: Format = Format { precision: 24, emin: -126, wrap: 0 };

    #[inline]
    fn unpack(self, env: &Env) -> Operand {
        let exponent = (self.0 >> 23 & 0xff) as i32;
        let fraction = (self.0 as u64 & 0x7f_ffff) << 40;
        unpack(self.0 >> 31 != 0, exponent, fraction, Self::EXPONENT_MAX, env.daz)
    }

    #[inline]
    fn pack(sign: bool, exponent: i32, significand: u64) -> Self {
        let fraction = (significand >> 40) as u32 & 0x7f_ffff;
        Self((sign as u32) << 31 | (exponent as u32) << 23 | fraction)
    }

    fn choose_nan(a: &Operand, b: &Operand) -> Operand {
        choose_first(a, b)
    }
}

#[allow(private_interfaces, reason = "see the trait")]
impl Float for F64 {
    const EXPONENT_MAX: i32 = 0x7ff;
    const FULL: Format = Format { precision: 53, emin: -1022, wrap: 0 };

    #[inline]
    fn unpack(self, env: &Env) -> Operand {
        let exponent = (self.0 >> 52 & 0x7ff) as i32;
        let fraction = (self.0 & 0xf_ffff_ffff_ffff) << 11;
        unpack(self.0 >> 63 != 0, exponent, fraction, Self::EXPONENT_MAX, env.daz)
    }

    #[inline]
    fn pack(sign: bool, exponent: i32, significand: u64) -> Self {
        let fraction = significand >> 11 & 0xf_ffff_ffff_ffff;
        Self((sign as u64) << 63 | (exponent as u64) << 52 | fraction)
    }

    fn choose_nan(a: &Operand, b: &Operand) -> Operand {
        choose_first(a, b)
    }
}
