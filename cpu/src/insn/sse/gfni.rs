//! GF2P8MULB GF2P8AFFINEQB GF2P8AFFINEINVQB: SDM Vol. 2. Bytes are elements of GF(2^8) with the polynomial
//! x^8 + x^4 + x^3 + x + 1, that of AES.

use super::operation::BinaryImm;
use super::{Packed, high, join, lanes, low};

/// `a * x` of one element.
pub(super) const fn double(a: u8) -> u8 {
    a << 1 ^ if a & 0x80 != 0 { 0x1b } else { 0 }
}

/// The product of two elements.
pub(super) const fn product(a: u8, b: u8) -> u8 {
    let (mut a, mut result, mut i) = (a, 0, 0);
    while i < 8 {
        if b >> i & 1 != 0 {
            result ^= a;
        }
        a = double(a);
        i += 1;
    }
    result
}

/// The multiplicative inverses; that of 0 is 0.
pub(super) const INVERSES: [u8; 256] = inverses();

const fn inverses() -> [u8; 256] {
    // The powers of 3 run through all elements but 0, and 3^n times 3^(255 - n) is 1.
    let mut powers = [1u8; 256];
    let mut n = 1;
    while n < 256 {
        powers[n] = product(powers[n - 1], 3);
        n += 1;
    }
    let mut table = [0; 256];
    let mut n = 0;
    while n < 255 {
        table[powers[n] as usize] = powers[255 - n];
        n += 1;
    }
    table
}

/// GF2P8MULB.
pub(crate) struct Gf2p8mulb;
impl Packed for Gf2p8mulb {
    #[inline(always)]
    fn mm(dst: u64, src: u64) -> u64 {
        let ones = lanes::ones::<u8>();
        let (mut a, mut result) = (dst, 0);
        for i in 0..8 {
            result ^= a & ((src >> i & ones) * 0xff);
            a = lanes::add::<u8>(a, a) ^ ((a >> 7 & ones) * 0x1b);
        }
        result
    }
}

/// Eight bytes, each times a matrix of bits: row `i`, which gives bit `i` of the result, is byte `7 - i`.
#[inline(always)]
fn times_matrix(bytes: u64, matrix: u64) -> u64 {
    let columns = transposed(matrix.swap_bytes()).to_le_bytes();
    // Bit k of a byte brings in column k.
    (0..8).fold(0, |result, k| {
        result ^ ((bytes >> k & lanes::ones::<u8>()) * u64::from(columns[k as usize]))
    })
}

/// Bit `i` of byte `k` becomes bit `k` of byte `i`: exchanges in blocks of one, two and four.
#[inline(always)]
fn transposed(a: u64) -> u64 {
    let exchange = |a: u64, distance: u32, upper: u64| {
        let differ = (a ^ a >> distance) & upper;
        a ^ differ ^ differ << distance
    };
    let a = exchange(a, 7, 0x00aa_00aa_00aa_00aa);
    let a = exchange(a, 14, 0x0000_cccc_0000_cccc);
    exchange(a, 28, 0x0000_0000_f0f0_f0f0)
}

#[inline(always)]
fn affine(bytes: u128, matrices: u128, imm: u8) -> u128 {
    let constant = u64::from(imm) * lanes::ones::<u8>();
    join(
        times_matrix(low(bytes), low(matrices)) ^ constant,
        times_matrix(high(bytes), high(matrices)) ^ constant,
    )
}

/// GF2P8AFFINEQB: the destination's bytes times the source's matrices, plus the immediate.
pub(crate) struct Gf2p8affineqb;
impl BinaryImm for Gf2p8affineqb {
    #[inline(always)]
    fn eval(dst: u128, src: u128, imm: u8) -> u128 {
        affine(dst, src, imm)
    }
}

/// GF2P8AFFINEINVQB: the same with the inverses of the destination's bytes.
pub(crate) struct Gf2p8affineinvqb;
impl BinaryImm for Gf2p8affineinvqb {
    #[inline(always)]
    fn eval(dst: u128, src: u128, imm: u8) -> u128 {
        static TABLE: [u8; 256] = INVERSES;
        let inverted = dst.to_le_bytes().map(|byte| TABLE[usize::from(byte)]);
        affine(u128::from_le_bytes(inverted), src, imm)
    }
}
