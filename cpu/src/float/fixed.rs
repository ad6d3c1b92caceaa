//! 128-bit fractions for the transcendental functions: products, quotients, polynomial tails.
//!
//! Every operation truncates; with some thirty of them in a row a result is off by less than
//! 2^-120 of its value, which leaves more than 50 correct bits beyond a 64-bit significand.

use super::Number;

/// The upper half of the 256-bit product, and whether the lower half is not zero.
pub(super) const fn multiply(a: u128, b: u128) -> (u128, bool) {
    const LOW: u128 = u64::MAX as u128;
    let (a1, a0, b1, b0) = (a >> 64, a & LOW, b >> 64, b & LOW);
    let (high, low) = (a1 * b1, a0 * b0);
    let (cross1, cross2) = (a1 * b0, a0 * b1);
    let middle = (low >> 64) + (cross1 & LOW) + (cross2 & LOW);
    let lower = middle << 64 | low & LOW;
    (high + (cross1 >> 64) + (cross2 >> 64) + (middle >> 64), lower != 0)
}

/// The upper half of the 256-bit product: `a * b / 2^128`.
pub(super) const fn multiply_high(a: u128, b: u128) -> u128 {
    multiply(a, b).0
}

/// `numerator * 2^128 / denominator`, truncated; the numerator is the smaller one.
fn divide(numerator: u128, denominator: u128) -> u128 {
    let (mut rest, mut quotient) = (numerator, 0);
    for _ in 0..128 {
        let carry = rest >> 127 != 0;
        rest <<= 1;
        let bit = carry || rest >= denominator;
        if bit {
            rest = rest.wrapping_sub(denominator);
        }
        quotient = quotient << 1 | bit as u128;
    }
    quotient
}

impl Number {
    /// The product; the lowest bit is sticky.
    pub(super) fn times(self, other: Self) -> Self {
        let (high, rest) = multiply(self.significand, other.significand);
        let top = (high >> 127) as u32; // 1 if the product of the significands is 2 or more
        Self {
            sign: self.sign ^ other.sign,
            exponent: self.exponent + other.exponent + top as i32,
            significand: high << (1 - top) | rest as u128,
        }
    }

    /// The quotient, truncated to 127 bits.
    pub(super) fn over(self, other: Self) -> Self {
        let halved = self.significand >= other.significand;
        Self {
            sign: self.sign ^ other.sign,
            exponent: self.exponent - other.exponent - !halved as i32,
            significand: divide(self.significand >> halved as u32, other.significand),
        }
    }

    /// Marks a value that stands for an irrational one: not exact at any width.
    pub(super) const fn irrational(self) -> Self {
        Self { significand: self.significand | 1, ..self }
    }

    /// The magnitude of a value below 1, in units of 2^-128.
    pub(super) const fn fraction(self) -> u128 {
        match -1 - self.exponent {
            shift @ 0..128 => self.significand >> shift,
            _ => 0,
        }
    }

    /// From a magnitude in units of 2^-`scale`; `None` for zero.
    pub(super) const fn from_fixed(sign: bool, magnitude: u128, scale: i32) -> Option<Self> {
        Self::normalised(sign, 127 - scale, magnitude)
    }

    /// Scales the magnitude by `factor / 2^127`, a factor between 1/2 and 2.
    pub(super) const fn scaled(self, factor: u128) -> Self {
        let product = multiply_high(self.significand, factor) | 1;
        let shift = product.leading_zeros();
        let exponent = self.exponent + 1 - shift as i32;
        Self { exponent, significand: product << shift, ..self }
    }
}

/// 1.0 in the series below.
const ONE: u128 = 1 << 127;

/// `1 - w / d[0] * (1 - w / d[1] * (...))` in units of 2^-127, for `w` in units of 2^-128. A tail
/// too small to count still makes the sum less than one.
pub(super) fn alternating(w: u128, divisors: impl DoubleEndedIterator<Item = u32>) -> u128 {
    let mut sum = ONE;
    for divisor in divisors.rev() {
        sum = ONE - multiply_high(w, sum) / divisor as u128;
    }
    sum.min(ONE - 1)
}

/// `1 + s w / 3 + w^2 / 5 + s w^3 / 7 ...` in units of 2^-127 for `w` in units of 2^-128, with
/// s = -1 (arc tangent) or 1 (its hyperbolic sister).
pub(super) fn odd_reciprocals(w: u128, terms: u32, alternate: bool) -> u128 {
    let mut sum = 0;
    for n in (0..terms).rev() {
        let tail = multiply_high(w, sum);
        let term = ONE / (2 * n + 1) as u128;
        sum = if alternate { term - tail } else { term + tail };
    }
    if alternate { sum.min(ONE - 1) } else { sum }
}
