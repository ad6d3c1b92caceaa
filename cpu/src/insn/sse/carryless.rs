//! PCLMULQDQ: SDM Vol. 2. A product of polynomials over GF(2): sums without carries.

use super::operation::binary_imm;
use super::{high, low};

/// The product of two polynomials of 64 coefficients.
pub(crate) fn multiply(a: u64, b: u64) -> u128 {
    // Sixteen multiples of `a`, and four coefficients of `b` at a time.
    let mut multiples = [0u128; 16];
    multiples[1] = u128::from(a);
    for i in 1..8 {
        multiples[2 * i] = multiples[i] << 1;
        multiples[2 * i + 1] = multiples[2 * i] ^ multiples[1];
    }
    (0..16).rev().fold(0, |product, i| product << 4 ^ multiples[(b >> (4 * i) & 15) as usize])
}

binary_imm! {
    /// PCLMULQDQ: of a half of the destination (bit 0 of the immediate) and one of the source (bit 4).
    Pclmulqdq = |dst, src, imm| {
        let half = |value, bit: u8| if imm & bit != 0 { high(value) } else { low(value) };
        multiply(half(dst, 1), half(src, 0x10))
    };
}
