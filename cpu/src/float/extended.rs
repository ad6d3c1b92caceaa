//! The 80-bit extended format under the rules of the x87 FPU: SDM Vol. 1, "x87 FPU Data Types"
//! and "Unsupported Double Extended-Precision Floating-Point Encodings and Pseudo-Denormals".

use super::round::Format;
use super::{Env, Float, INTEGER, Kind, Operand, QUIET, Rounding, ordinary};

/// The bits of a double extended-precision value, as in an x87 register.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct F80 {
    /// Bits 63:0, the explicit integer bit in bit 63.
    pub significand: u64,
    /// Bits 79:64: the sign in bit 15, the biased exponent below.
    pub sign_exponent: u16,
}

/// The answer of FXAM: C3, C2 and C0 name one of these.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Class {
    /// An encoding that the 387 and later no longer produce and refuse to compute with.
    Unsupported,
    /// A NaN, quiet or signalling.
    Nan,
    /// A normal finite number.
    Normal,
    /// An infinity.
    Infinity,
    /// A zero.
    Zero,
    /// A denormal or pseudo-denormal number.
    Denormal,
}

impl F80 {
    /// From ten bytes in memory, little-endian.
    pub const fn from_bytes(bytes: [u8; 10]) -> Self {
        let [s0, s1, s2, s3, s4, s5, s6, s7, e0, e1] = bytes;
        Self {
            significand: u64::from_le_bytes([s0, s1, s2, s3, s4, s5, s6, s7]),
            sign_exponent: u16::from_le_bytes([e0, e1]),
        }
    }

    /// To ten bytes in memory, little-endian.
    pub const fn to_bytes(self) -> [u8; 10] {
        let [s0, s1, s2, s3, s4, s5, s6, s7] = self.significand.to_le_bytes();
        let [e0, e1] = self.sign_exponent.to_le_bytes();
        [s0, s1, s2, s3, s4, s5, s6, s7, e0, e1]
    }

    /// The sign bit.
    pub const fn sign(self) -> bool {
        self.sign_exponent >> 15 != 0
    }

    /// The value with the sign cleared: FABS. Raises nothing, even for a signalling NaN.
    pub const fn abs(self) -> Self {
        Self { sign_exponent: self.sign_exponent & 0x7fff, ..self }
    }

    /// The value with the sign inverted: FCHS. Raises nothing, even for a signalling NaN.
    pub const fn negate(self) -> Self {
        Self { sign_exponent: self.sign_exponent ^ 0x8000, ..self }
    }

    /// What FXAM says of a register that is not empty.
    pub fn class(self) -> Class {
        match self.unpack(&Env::DEFAULT).kind {
            Kind::Zero => Class::Zero,
            Kind::Normal => Class::Normal,
            Kind::Denormal => Class::Denormal,
            Kind::Infinity => Class::Infinity,
            Kind::QuietNan | Kind::SignallingNan => Class::Nan,
            Kind::Unsupported => Class::Unsupported,
        }
    }
}

#[allow(private_interfaces, reason = "see the trait")]
impl Float for F80 {
    const EXPONENT_MAX: i32 = 0x7fff;
    const FULL: Format = Format { precision: 64, emin: -16382, wrap: 24576 };

    #[inline]
    fn unpack(self, _env: &Env) -> Operand {
        let sign = self.sign();
        let exponent = (self.sign_exponent & 0x7fff) as i32;
        let significand = self.significand;
        let special = |kind| Operand::special(sign, kind, significand);
        match (exponent, significand >> 62) {
            (0, _) if significand == 0 => special(Kind::Zero),
            (0, _) => Operand::finite(sign, Kind::Denormal, -16382, significand),
            (_, 0 | 1) => special(Kind::Unsupported),
            (0x7fff, 2) if significand == INTEGER => special(Kind::Infinity),
            (0x7fff, 2) => special(Kind::SignallingNan),
            (0x7fff, _) => special(Kind::QuietNan),
            _ => Operand::finite(sign, Kind::Normal, exponent - 0x3fff, significand),
        }
    }

    #[inline]
    fn pack(sign: bool, exponent: i32, significand: u64) -> Self {
        Self { significand, sign_exponent: (sign as u16) << 15 | exponent as u16 & 0x7fff }
    }

    fn format(env: &Env) -> Format {
        Format { precision: env.precision.bits(), ..Self::FULL }
    }

    #[inline]
    fn ordinary_sum(env: &mut Env, a: Self, b: Self, negate_b: bool) -> Option<Self> {
        ordinary::sum(env, a, b, negate_b)
    }
    #[inline]
    fn ordinary_product(env: &mut Env, a: Self, b: Self) -> Option<Self> {
        ordinary::product(env, a, b)
    }
    #[inline]
    fn ordinary_quotient(env: &mut Env, a: Self, b: Self) -> Option<Self> {
        ordinary::quotient(env, a, b)
    }
    #[inline]
    fn ordinary_root(env: &mut Env, a: Self) -> Option<Self> {
        ordinary::root(env, a)
    }
    #[inline]
    fn ordinary_order(a: Self, b: Self) -> Option<core::cmp::Ordering> {
        ordinary::compare(a, b)
    }
    #[inline]
    fn ordinary_integer(self, env: &mut Env, rounding: Rounding) -> Option<i64> {
        ordinary::to_integer(env, self, rounding)
    }

    /// A quiet NaN goes before a signalling one; of two of a kind the larger significand wins,
    /// of equal significands the positive NaN.
    fn choose_nan(a: &Operand, b: &Operand) -> Operand {
        if a.is_nan() != b.is_nan() {
            return if a.is_nan() { *a } else { *b };
        }
        if a.kind != b.kind {
            return if a.kind == Kind::QuietNan { *a } else { *b };
        }
        let key = |nan: &Operand| (nan.significand & !QUIET, !nan.sign);
        if key(b) > key(a) { *b } else { *a }
    }
}
