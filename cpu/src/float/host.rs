//! The host's own arithmetic where it provably gives the bits and flags that soft-float would give.
//!
//! Rust promises IEEE 754 results, rounded to nearest even, for + - * / and square root on every host, and
//! leaves only NaNs open. So a result is taken from the host if no NaN, infinity or denormal is among the
//! operands, the result is a normal number above the smallest or an exact zero (then there is neither overflow
//! nor underflow, and DAZ and FTZ mean nothing), and the only flag that can be raised, PE, is known: either it
//! is set already and masked, or the result is shown to be exact. Everything else is `None`: soft-float
//! decides. It is the definition, and `host_tests` compares the two.
//!
//! Not for hosts that compute with excess precision (32-bit x86 without SSE2): there all answers are `None`.

use super::Rounding;
use core::ops::{Add, Div, Mul, Neg, Sub};

/// False where the host's operations round twice.
pub(crate) const TRUSTED: bool = !(cfg!(target_arch = "x86") && !cfg!(target_feature = "sse2"));

/// What is known beforehand about the exception PE.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Inexact {
    /// It is set in MXCSR already, and masked: nothing to find out.
    Known,
    /// A result must be shown to be exact.
    Open,
}

/// f32 or f64.
pub(crate) trait Native:
    Copy
    + PartialEq
    + PartialOrd
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + Neg<Output = Self>
    + 'static
{
    /// Bits of the fraction.
    const FRACTION: u32;
    /// The exponent field of infinities; also twice the bias plus one.
    const EXPONENT_MAX: u64;
    /// The smallest normal number.
    const SMALLEST: Self;
    /// The largest finite number.
    const LARGEST: Self;
    /// 2^63 and 2^31.
    const LIMITS: [Self; 2];
    const ZERO: Self;
    fn bits(self) -> u64;
    fn from_bits(bits: u64) -> Self;
    fn abs(self) -> Self;
    fn root(self) -> Self;
    /// `self * b + c` with one rounding, which Rust promises too, but is slow on a host without such an instruction.
    fn fused(self, b: Self, c: Self) -> Self;
    fn to_i64(self) -> i64;
    fn from_i64(value: i64) -> Self;
    fn to_f64(self) -> f64;
    /// Of a value that needs no rounding.
    fn from_f64(value: f64) -> Self;
    fn is_negative(self) -> bool;

    /// Neither zero nor denormal nor a NaN.
    #[inline(always)]
    fn is_large(self) -> bool {
        self.abs() >= Self::SMALLEST
    }
    /// Denormal. Asked of the bits, where zero is out of the way without a branch of its own.
    #[inline(always)]
    fn is_denormal(self) -> bool {
        let magnitude =
            self.bits() & (Self::EXPONENT_MAX << Self::FRACTION | ((1 << Self::FRACTION) - 1));
        magnitude.wrapping_sub(1) < (1 << Self::FRACTION) - 1
    }
    /// Zero or normal. Asked of the value: where its bits are wanted too, the compiler loads every operand
    /// by way of a general register, also on the short way.
    #[inline(always)]
    fn is_plain(self) -> bool {
        (self.is_large() || self == Self::ZERO) && self.abs() <= Self::LARGEST
    }
    /// Normal, and above the smallest normal number, to which a tiny result may have been rounded.
    #[inline(always)]
    fn is_settled(self) -> bool {
        self.abs() > Self::SMALLEST && self.abs() <= Self::LARGEST
    }
    /// Biased exponent.
    fn exponent(self) -> i64 {
        (self.bits() >> Self::FRACTION & Self::EXPONENT_MAX) as i64
    }
    /// Zero bits at the end of the significand of a normal number.
    fn zeros(self) -> i64 {
        i64::from((self.bits() | 1 << Self::FRACTION).trailing_zeros())
    }
}

macro_rules! native {
    ($($type:ty, $bits:ty;)*) => {$(
        impl Native for $type {
            const FRACTION: u32 = <$type>::MANTISSA_DIGITS - 1;
            const EXPONENT_MAX: u64 = 2 * <$type>::MAX_EXP as u64 - 1;
            const SMALLEST: Self = <$type>::MIN_POSITIVE;
            const LARGEST: Self = <$type>::MAX;
            const LIMITS: [Self; 2] = [(1u64 << 63) as $type, (1u64 << 31) as $type];
            const ZERO: Self = 0.0;
            #[inline(always)]
            fn bits(self) -> u64 {
                u64::from(self.to_bits())
            }
            #[inline(always)]
            fn from_bits(bits: u64) -> Self {
                <$type>::from_bits(bits as $bits)
            }
            #[inline(always)]
            fn abs(self) -> Self {
                <$type>::abs(self)
            }
            #[inline(always)]
            fn root(self) -> Self {
                self.sqrt()
            }
            #[inline(always)]
            fn fused(self, b: Self, c: Self) -> Self {
                self.mul_add(b, c)
            }
            #[inline(always)]
            fn to_i64(self) -> i64 {
                self as i64
            }
            #[inline(always)]
            fn from_i64(value: i64) -> Self {
                value as $type
            }
            #[inline(always)]
            fn to_f64(self) -> f64 {
                f64::from(self)
            }
            #[inline(always)]
            fn from_f64(value: f64) -> Self {
                value as $type
            }
            #[inline(always)]
            fn is_negative(self) -> bool {
                self.is_sign_negative()
            }
        }
    )*};
}
native! {
    f32, u32;
    f64, u64;
}

/// An operation of two values; a function of one takes the second.
pub(crate) trait Operation: 'static {
    /// False for MIN and MAX, which do not round: they hold whatever MXCSR says.
    const ROUNDS: bool = true;
    /// The result under [`Inexact::Known`].
    #[inline(always)]
    fn quick<N: Native>(a: N, b: N) -> Option<N> {
        Self::careful(a, b, Inexact::Known)
    }
    /// The result wherever it can be vouched for: of zeros too, and shown to be exact.
    fn careful<N: Native>(a: N, b: N, inexact: Inexact) -> Option<N>;
}

/// `a + b`.
pub(crate) struct Sum;
/// `a - b`.
pub(crate) struct Difference;
/// `a * b`.
pub(crate) struct Product;
/// `a / b`.
pub(crate) struct Quotient;
/// The square root of `b`.
pub(crate) struct Root;
/// The second unless the first is less.
pub(crate) struct Lesser;
/// The second unless the first is greater.
pub(crate) struct Greater;

/// A result of two operands if they are normal and it can be taken; an infinity among them, or a NaN, shows
/// in the result.
#[inline(always)]
fn settled<N: Native>(a: N, b: N, result: N) -> Option<N> {
    let smaller = if a.abs() < b.abs() { a.abs() } else { b.abs() };
    (smaller >= N::SMALLEST && result.is_settled()).then_some(result)
}

/// True if two operands can be compared without an exception.
#[inline(always)]
fn are_ordered<N: Native>(a: N, b: N) -> bool {
    !a.is_denormal() && !b.is_denormal() && (a <= b || a > b)
}

/// True if the product of two normal numbers needs no rounding; `product` is it, rounded and settled.
fn is_exact_product<N: Native>(a: N, b: N, product: N) -> bool {
    // The significands' product has 2p - 1 or 2p bits, of which p can be kept.
    let bias = (N::EXPONENT_MAX / 2) as i64;
    let longer = product.exponent() - (a.exponent() + b.exponent() - bias);
    a.zeros() + b.zeros() >= i64::from(N::FRACTION) + longer
}

/// True if `sum` is just `a + b`. Knuth's two-sum: the error of a sum is itself a number, and is found
/// without rounding.
fn is_exact_sum<N: Native>(a: N, b: N, sum: N) -> bool {
    let b_seen = sum - a;
    (a - (sum - b_seen)) + (b - b_seen) == N::ZERO
}

impl Operation for Sum {
    #[inline(always)]
    fn careful<N: Native>(a: N, b: N, inexact: Inexact) -> Option<N> {
        let sum = a + b;
        if let Some(sum) = settled(a, b, sum) {
            return (inexact == Inexact::Known || is_exact_sum(a, b, sum)).then_some(sum);
        }
        // With a zero the sum is the other operand; a sum that cancels is exact too.
        let exact = a == N::ZERO || b == N::ZERO || sum == N::ZERO;
        let plain = a.is_plain() && b.is_plain() && (sum.is_settled() || sum == N::ZERO);
        (exact && plain).then_some(sum)
    }
}

impl Operation for Difference {
    #[inline(always)]
    fn careful<N: Native>(a: N, b: N, inexact: Inexact) -> Option<N> {
        Sum::careful(a, -b, inexact) // no NaN gets through, so the sign of one does not matter
    }
}

impl Operation for Product {
    #[inline(always)]
    fn careful<N: Native>(a: N, b: N, inexact: Inexact) -> Option<N> {
        if let Some(product) = settled(a, b, a * b) {
            let known = inexact == Inexact::Known || is_exact_product(a, b, product);
            return known.then_some(product);
        }
        let exact = a == N::ZERO || b == N::ZERO;
        (exact && a.is_plain() && b.is_plain()).then_some(a * b)
    }
}

impl Operation for Quotient {
    #[inline(always)]
    fn careful<N: Native>(a: N, b: N, inexact: Inexact) -> Option<N> {
        if let Some(quotient) = settled(a, b, a / b) {
            let product = quotient * b;
            let exact = || product == a && is_exact_product(quotient, b, product);
            return (inexact == Inexact::Known || exact()).then_some(quotient);
        }
        (a == N::ZERO && b.is_large() && b.is_plain()).then_some(a / b)
    }
}

impl Operation for Root {
    #[inline(always)]
    fn careful<N: Native>(_a: N, b: N, inexact: Inexact) -> Option<N> {
        // The root of a positive normal number is one too, and well inside the range.
        if b >= N::SMALLEST && b <= N::LARGEST {
            let root = b.root();
            let product = root * root;
            let exact = || product == b && is_exact_product(root, root, product);
            return (inexact == Inexact::Known || exact()).then_some(root);
        }
        (b == N::ZERO).then_some(b)
    }
}

impl Operation for Lesser {
    const ROUNDS: bool = false;
    #[inline(always)]
    fn careful<N: Native>(a: N, b: N, _inexact: Inexact) -> Option<N> {
        are_ordered(a, b).then_some(if a < b { a } else { b })
    }
}

impl Operation for Greater {
    const ROUNDS: bool = false;
    #[inline(always)]
    fn careful<N: Native>(a: N, b: N, _inexact: Inexact) -> Option<N> {
        are_ordered(a, b).then_some(if a > b { a } else { b })
    }
}

/// `a * b + c`, rounded once, under [`Inexact::Known`]. Of operands that are not denormal a settled result has no
/// other flag.
#[inline(always)]
pub(crate) fn fused<N: Native>(a: N, b: N, c: N) -> Option<N> {
    let denormal = a.is_denormal() | b.is_denormal() | c.is_denormal();
    let result = a.fused(b, c);
    (!denormal && result.is_settled()).then_some(result)
}

/// Whether `a` is less, and whether they are equal.
#[inline(always)]
pub(crate) fn compare<N: Native>(a: N, b: N) -> Option<(bool, bool)> {
    are_ordered(a, b).then_some((a < b, a == b))
}

/// From an integer.
#[inline(always)]
pub(crate) fn from_int<N: Native>(value: i64, inexact: Inexact) -> Option<N> {
    let exact = value.unsigned_abs() <= 1 << (N::FRACTION + 1);
    (exact || inexact == Inexact::Known).then(|| N::from_i64(value))
}

/// Toward zero, to an integer of `bits` bits, 32 or 64. `inexact` speaks of PE alone, not of the rounding
/// mode.
#[inline(always)]
pub(crate) fn truncate<N: Native>(value: N, bits: u32, inexact: Inexact) -> Option<i64> {
    // Below the limit in magnitude; the most negative integer goes the long way.
    let fits = value.abs() < N::LIMITS[usize::from(bits == 32)]; // false for NaNs
    if !fits || value.is_denormal() {
        return None;
    }
    let integer = value.to_i64();
    (inexact == Inexact::Known || N::from_i64(integer) == value).then_some(integer)
}

/// To the nearest integer of `bits` bits, ties to even.
#[inline(always)]
pub(crate) fn nearest<N: Native>(value: N, bits: u32, inexact: Inexact) -> Option<i64> {
    const LIMIT: f64 = (1u64 << 51) as f64;
    /// Its last place is worth 1, and so is that of its neighbours up to 2^51 away.
    const MAGIC: f64 = 1.5 * (1u64 << 52) as f64;
    let wide = value.to_f64();
    let fits = wide.abs() < LIMIT; // false for NaNs
    if !fits || value.is_denormal() {
        return None;
    }
    let integer = (wide + MAGIC).to_bits().wrapping_sub(MAGIC.to_bits()) as i64;
    let fits = integer >> (bits - 1) == integer >> 63;
    (fits && (inexact == Inexact::Known || integer as f64 == wide)).then_some(integer)
}

/// To an integral value of the same format.
#[inline(always)]
pub(crate) fn integral<N: Native>(value: N, rounding: Rounding, inexact: Inexact) -> Option<N> {
    /// From here on every double is integral.
    const INTEGRAL: f64 = (1u64 << 52) as f64;
    let wide = value.to_f64();
    let magnitude = wide.abs();
    if !TRUSTED || value.is_denormal() || magnitude.is_nan() {
        return None;
    }
    if magnitude >= INTEGRAL {
        return Some(value);
    }
    // A sum from 2^52 on has no fraction, and so is rounded to nearest even.
    let nearest = (magnitude + INTEGRAL) - INTEGRAL;
    let away = match rounding {
        Rounding::NearestEven => None,
        Rounding::Down => Some(value.is_negative()),
        Rounding::Up => Some(!value.is_negative()),
        Rounding::Zero => Some(false),
    };
    let rounded = match away {
        Some(true) if nearest < magnitude => nearest + 1.0,
        Some(false) if nearest > magnitude => nearest - 1.0,
        _ => nearest,
    };
    let exact = rounded == magnitude;
    let result = N::from_f64(if value.is_negative() { -rounded } else { rounded });
    (exact || inexact == Inexact::Known).then_some(result)
}

/// From double to single precision.
#[inline(always)]
pub(crate) fn narrow(value: f64, inexact: Inexact) -> Option<f32> {
    let result = value as f32;
    if value.is_large() && result.is_settled() {
        return (inexact == Inexact::Known || f64::from(result) == value).then_some(result);
    }
    (value == 0.0).then_some(result)
}

/// From single to double precision: always exact.
#[inline(always)]
pub(crate) fn widen(value: f32) -> Option<f64> {
    (!value.is_denormal() && value <= f32::INFINITY).then(|| f64::from(value))
}

/// What MXCSR says of results rounded to nearest even; `None` under another rounding mode.
#[inline(always)]
pub(crate) fn rounding(mxcsr: u32) -> Option<Inexact> {
    (TRUSTED && mxcsr & RC == 0).then_some(inexact(mxcsr))
}

/// What MXCSR says of PE alone.
#[inline(always)]
pub(crate) fn inexact(mxcsr: u32) -> Inexact {
    if mxcsr & (PM | PE) == PM | PE { Inexact::Known } else { Inexact::Open }
}

/// True if results are rounded to nearest even and PE is of no interest any more.
#[inline(always)]
pub(crate) fn is_quick(mxcsr: u32) -> bool {
    TRUSTED && mxcsr & (RC | PM | PE) == PM | PE
}

/// MXCSR: rounding control.
const RC: u32 = 3 << 13;
/// PE is masked.
const PM: u32 = 1 << 12;
/// PE is set.
const PE: u32 = 1 << 5;
