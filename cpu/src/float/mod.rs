//! Soft-float: the arithmetic of SSE and AVX (binary32, binary64; conversions of binary16) and of the x87 FPU
//! (80-bit extended), defined in integers only, so that every host gives the same bits and flags.
//!
//! Follows IEEE 754 as the SDM narrows it: Vol. 1, "Programming with the x87 FPU", "Programming
//! with Streaming SIMD Extensions" and the appendices on numeric and SIMD exceptions.
//! All functions are pure: operands and an [`Env`] in, a value out, what was raised in the `Env`.
//!
//! Where the host's own operation, or a shorter way through integers, provably gives the same bits and flags, it
//! may be taken (`host.rs`, `ordinary.rs`); the definition is the general way.
//!
//! The path of an operation: [`Float::unpack`] into an [`Operand`], the exact (or sticky) result
//! as a `Number`, then [`Float::round`] into the format, which is where OE, UE and PE come from.
//!
//! The comparisons with a real processor (`native_tests.rs`, `native_tests/x87.rs`) ran on an AMD
//! Zen 5. Transcendental functions are rounded correctly here; processors may differ from that,
//! and from each other, in the last place.
//!
//! Not modelled here: the register stack and its faults, tag word, CPU state, delivery of #MF and
//! #XM; the approximate RCPPS and RSQRTPS, which are AMD Zen's (`insn/sse/approximate.rs`).

mod arith;
mod bcd;
mod binary;
mod compare;
mod constant;
mod convert;
mod exponential;
mod extended;
mod fixed;
mod half;
pub(crate) mod host;
pub(crate) mod ordinary;
mod remainder;
mod round;
mod scale;
mod trigonometric;

pub use arith::{add, div, fma, mul, sqrt, sub};
pub use bcd::{from_bcd, to_bcd};
pub use binary::{F32, F64};
pub use compare::{Order, Predicate, compare, compare_quiet, max, min};
pub use constant::{Constant, constant};
pub use convert::{frndint, from_int, resize, round_to_integral, store, to_int};
pub use exponential::{exp2_minus_1, y_log2_x, y_log2_x_plus_1};
pub use extended::{Class, F80};
pub use half::F16;
pub use remainder::{Remainder, rem_nearest, rem_truncated};
pub use scale::{extract, scale};
pub use trigonometric::{atan2, cos, sin, sin_cos, tan};

use round::{Format, Number};

/// The four rounding modes, in the order of MXCSR.RC and of the x87 control word's RC.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Rounding {
    /// To the nearest representable value, ties to the even one.
    NearestEven,
    /// Toward minus infinity.
    Down,
    /// Toward plus infinity.
    Up,
    /// Toward zero (truncation).
    Zero,
}

impl Rounding {
    /// From a two-bit RC field; higher bits are ignored.
    pub const fn from_bits(bits: u32) -> Self {
        match bits & 3 {
            0 => Self::NearestEven,
            1 => Self::Down,
            2 => Self::Up,
            _ => Self::Zero,
        }
    }
}

/// Significand width that x87 add, subtract, multiply, divide and square root round to: the
/// control word's PC field. It never narrows the exponent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Precision {
    /// 24 bits.
    Single,
    /// 53 bits.
    Double,
    /// 64 bits.
    Extended,
}

impl Precision {
    /// From the two-bit PC field. 01b is reserved; processors take it as 64 bits.
    pub const fn from_bits(bits: u32) -> Self {
        match bits & 3 {
            0 => Self::Single,
            2 => Self::Double,
            _ => Self::Extended,
        }
    }

    /// Bits of significand, the integer bit included.
    pub const fn bits(self) -> u32 {
        match self {
            Self::Single => 24,
            Self::Double => 53,
            Self::Extended => 64,
        }
    }
}

/// A set of numeric exceptions, in the bit order of MXCSR and of the x87 status word.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct Exceptions(pub u8);

impl Exceptions {
    /// No exception.
    pub const NONE: Self = Self(0);
    /// Invalid operation.
    pub const IE: Self = Self(1 << 0);
    /// Denormal operand.
    pub const DE: Self = Self(1 << 1);
    /// Division by zero.
    pub const ZE: Self = Self(1 << 2);
    /// Overflow.
    pub const OE: Self = Self(1 << 3);
    /// Underflow.
    pub const UE: Self = Self(1 << 4);
    /// Inexact result ("precision").
    pub const PE: Self = Self(1 << 5);
    /// All six.
    pub const ALL: Self = Self(0x3f);
    /// Those found on the operands, before there is a result: SDM Vol. 1, "Exception Conditions".
    pub const PRE_COMPUTATION: Self = Self(0x07);

    /// Whether any of `other` is in the set.
    pub const fn any(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// Those in both sets.
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// Those in either set.
    pub const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Those not in the set.
    pub const fn complement(self) -> Self {
        Self(!self.0 & Self::ALL.0)
    }

    /// Whether the set is empty.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }
}

impl core::fmt::Debug for Exceptions {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        const NAMES: [&str; 6] = ["IE", "DE", "ZE", "OE", "UE", "PE"];
        let mut set = f.debug_set();
        for (bit, name) in NAMES.iter().enumerate() {
            if self.0 >> bit & 1 != 0 {
                set.entry(&format_args!("{name}"));
            }
        }
        set.finish()
    }
}

/// Under which rules an operation runs, and what it raised: the arithmetic half of MXCSR or of
/// the x87 control and status words.
///
/// Make one per instruction (for packed SSE one for all lanes) and read [`Env::raised`] at the
/// end. When [`Env::unmasked`] is not empty, an SSE instruction stores no result; an x87
/// instruction stores none if [`Env::blocks_result`], and none to memory or of integer type.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Env {
    /// Rounding mode.
    pub rounding: Rounding,
    /// x87 only: width that results are rounded to.
    pub precision: Precision,
    /// SSE only: denormal operands count as zero (MXCSR.DAZ).
    pub daz: bool,
    /// SSE only: tiny results become zero while UE is masked (MXCSR.FTZ).
    pub ftz: bool,
    /// Masked exceptions: those whose mask bit is 1.
    pub masks: Exceptions,
    /// x87 only: the last rounding increased the magnitude (C1 after an inexact result).
    pub rounded_up: bool,
    flags: Exceptions,
    /// Raised by earlier stages of the instruction.
    earlier: Exceptions,
}

impl Env {
    /// Round to nearest, 64 bits, all exceptions masked: FNINIT, and MXCSR = 1F80h.
    pub const DEFAULT: Self = Self {
        rounding: Rounding::NearestEven,
        precision: Precision::Extended,
        daz: false,
        ftz: false,
        masks: Exceptions::ALL,
        rounded_up: false,
        flags: Exceptions::NONE,
        earlier: Exceptions::NONE,
    };

    /// The rules in MXCSR: SDM Vol. 1, "MXCSR Control and Status Register". Its sticky flags are
    /// not taken over.
    pub const fn from_mxcsr(mxcsr: u32) -> Self {
        Self {
            rounding: Rounding::from_bits(mxcsr >> 13),
            daz: mxcsr >> 6 & 1 != 0,
            ftz: mxcsr >> 15 & 1 != 0,
            masks: Exceptions((mxcsr >> 7) as u8 & 0x3f),
            ..Self::DEFAULT
        }
    }

    /// The rules in the x87 control word: SDM Vol. 1, "x87 FPU Control Word".
    pub const fn from_control_word(fcw: u16) -> Self {
        Self {
            rounding: Rounding::from_bits(fcw as u32 >> 10),
            precision: Precision::from_bits(fcw as u32 >> 8),
            masks: Exceptions(fcw as u8 & 0x3f),
            ..Self::DEFAULT
        }
    }

    /// The same rules with another rounding mode (truncating conversions, ROUNDPS).
    pub const fn with_rounding(self, rounding: Rounding) -> Self {
        Self { rounding, ..self }
    }

    /// The flags to set in MXCSR or the status word. An unmasked pre-computation exception stops the
    /// instruction before it has a result, so nothing about the result is reported then; with
    /// packed operands that holds for all lanes together (SDM Vol. 1, "Handling SIMD
    /// Floating-Point Exceptions").
    pub const fn raised(&self) -> Exceptions {
        if self.blocks_result() {
            return self.earlier.or(self.flags.and(Exceptions::PRE_COMPUTATION));
        }
        self.earlier.or(self.flags)
    }

    /// Ends a stage of an instruction whose steps are operations of their own (DPPS): what was raised so far stays,
    /// whatever the next stage raises. False if it must not come: an exception is unmasked.
    pub(crate) const fn next_stage(&mut self) -> bool {
        self.earlier = self.raised();
        self.flags = Exceptions::NONE;
        self.unmasked().is_empty()
    }

    /// The raised exceptions that are not masked: those to deliver as #XM or #MF.
    pub const fn unmasked(&self) -> Exceptions {
        self.raised().and(self.masks.complement())
    }

    /// An unmasked IE, DE or ZE was raised: the destination keeps its value.
    pub const fn blocks_result(&self) -> bool {
        self.flags.and(self.masks.complement()).any(Exceptions::PRE_COMPUTATION)
    }

    /// Adds to the raised exceptions. For callers that find a condition themselves, such as a
    /// stack fault.
    pub const fn raise(&mut self, exceptions: Exceptions) {
        self.flags = self.flags.or(exceptions);
    }

    const fn is_masked(&self, exception: Exceptions) -> bool {
        self.masks.any(exception)
    }
}

/// What kind of value an operand is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Kind {
    Zero,
    Normal,
    /// Denormal or pseudo-denormal: raises DE.
    Denormal,
    Infinity,
    QuietNan,
    SignallingNan,
    /// An 80-bit encoding that the FPU refuses: raises IE.
    Unsupported,
}

/// An operand taken apart.
#[derive(Clone, Copy, Debug)]
pub struct Operand {
    sign: bool,
    kind: Kind,
    /// Of a finite value, as in [`Number`]; meaningless otherwise.
    exponent: i32,
    /// Integer bit in bit 63 (finite: normalised; NaN: the payload below it).
    significand: u64,
}

impl Operand {
    const fn is_nan(&self) -> bool {
        matches!(self.kind, Kind::QuietNan | Kind::SignallingNan)
    }

    const fn number(&self) -> Number {
        let significand = (self.significand as u128) << 64;
        Number { sign: self.sign, exponent: self.exponent, significand }
    }

    /// A finite operand of which `significand` need not be normalised; not zero.
    const fn finite(sign: bool, kind: Kind, exponent: i32, significand: u64) -> Self {
        let shift = significand.leading_zeros();
        Self { sign, kind, exponent: exponent - shift as i32, significand: significand << shift }
    }

    const fn special(sign: bool, kind: Kind, significand: u64) -> Self {
        Self { sign, kind, exponent: 0, significand }
    }
}

/// The quiet bit of a left-aligned NaN significand.
const QUIET: u64 = 1 << 62;
/// The integer bit of a left-aligned significand.
const INTEGER: u64 = 1 << 63;

/// A floating-point format with its rules: [`F32`] and [`F64`] follow SSE, [`F80`] follows x87.
#[allow(private_interfaces, reason = "only the formats of this module implement it")]
pub trait Float: Copy + PartialEq + core::fmt::Debug {
    /// Exponent field of infinities and NaNs; also twice the bias plus one.
    const EXPONENT_MAX: i32;

    /// Takes the value apart; applies DAZ where the format has it.
    fn unpack(self, env: &Env) -> Operand;

    /// Puts fields together: biased exponent, significand with the integer bit in bit 63.
    fn pack(sign: bool, exponent: i32, significand: u64) -> Self;

    /// The whole format.
    const FULL: Format;

    /// Where results of arithmetic are rounded: narrower under x87 precision control.
    fn format(_env: &Env) -> Format {
        Self::FULL
    }

    /// Which of two operands, at least one of them a NaN, gives its payload.
    fn choose_nan(a: &Operand, b: &Operand) -> Operand;

    /// `a + b` (or `a - b`) in the ordinary case, where the format has a short way for it.
    fn ordinary_sum(_env: &mut Env, _a: Self, _b: Self, _negate_b: bool) -> Option<Self> {
        None
    }
    /// `a * b` likewise.
    fn ordinary_product(_env: &mut Env, _a: Self, _b: Self) -> Option<Self> {
        None
    }
    /// `a / b` likewise.
    fn ordinary_quotient(_env: &mut Env, _a: Self, _b: Self) -> Option<Self> {
        None
    }
    /// The square root likewise.
    fn ordinary_root(_env: &mut Env, _a: Self) -> Option<Self> {
        None
    }
    /// A comparison likewise.
    fn ordinary_order(_a: Self, _b: Self) -> Option<core::cmp::Ordering> {
        None
    }
    /// To an integer of a magnitude below 2^62, likewise.
    fn ordinary_integer(self, _env: &mut Env, _rounding: Rounding) -> Option<i64> {
        None
    }

    /// Rounds an exact or sticky result and raises OE, UE, PE.
    fn round(env: &mut Env, number: Number) -> Self {
        let (exponent, significand) = round::round(env, Self::format(env), number);
        Self::pack(number.sign, exponent, significand)
    }

    /// As [`Float::round`], whatever the precision control says.
    fn round_full(env: &mut Env, number: Number) -> Self {
        let (exponent, significand) = round::round(env, Self::FULL, number);
        Self::pack(number.sign, exponent, significand)
    }

    /// Signed zero.
    fn zero(sign: bool) -> Self {
        Self::pack(sign, 0, 0)
    }

    /// Signed infinity.
    fn infinity(sign: bool) -> Self {
        Self::pack(sign, Self::EXPONENT_MAX, INTEGER)
    }

    /// The "QNaN floating-point indefinite": the answer to an invalid operation.
    fn indefinite() -> Self {
        Self::pack(true, Self::EXPONENT_MAX, INTEGER | QUIET)
    }

    /// The sign of a sum of two values that cancel exactly.
    fn cancelled(env: &Env) -> Self {
        Self::zero(env.rounding == Rounding::Down)
    }
}

/// IE and the indefinite value.
fn invalid<F: Float>(env: &mut Env) -> F {
    env.raise(Exceptions::IE);
    F::indefinite()
}

/// A NaN as a result: quieted.
fn quieted<F: Float>(nan: &Operand) -> F {
    F::pack(nan.sign, F::EXPONENT_MAX, nan.significand | INTEGER | QUIET)
}

/// The result if an operand is a NaN or unsupported: SDM Vol. 1, "Operating on SNaNs and QNaNs".
/// These come before every other condition, DE included.
fn nan_result<F: Float>(env: &mut Env, a: &Operand, b: &Operand) -> Option<F> {
    if a.kind == Kind::Unsupported || b.kind == Kind::Unsupported {
        return Some(invalid(env));
    }
    if !a.is_nan() && !b.is_nan() {
        return None;
    }
    if a.kind == Kind::SignallingNan || b.kind == Kind::SignallingNan {
        env.raise(Exceptions::IE);
    }
    Some(quieted(&F::choose_nan(a, b)))
}

/// DE if one of the operands is denormal.
fn note_denormals(env: &mut Env, operands: &[&Operand]) {
    if operands.iter().any(|o| o.kind == Kind::Denormal) {
        env.raise(Exceptions::DE);
    }
}

#[cfg(test)]
mod apfloat_tests;
#[cfg(test)]
mod host_tests;
#[cfg(all(test, target_arch = "x86_64", target_os = "linux"))]
mod native_tests;
#[cfg(test)]
mod samples;
#[cfg(test)]
mod tests;
