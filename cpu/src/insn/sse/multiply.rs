//! Packed arithmetic with an order of its own: the products PMADDUBSW PMULHRSW of SSSE3 and PMULLD PMULDQ of SSE4.1,
//! and the searches MPSADBW PHMINPOSUW: SDM Vol. 2.

use super::lanes::{doubleword, doublewords, word, words};
use super::{Packed, high, low};

/// PMADDUBSW: unsigned bytes of the destination times signed ones of the source; neighbours added with saturation.
pub(crate) struct Pmaddubsw;
impl Packed for Pmaddubsw {
    #[inline(always)]
    fn mm(dst: u64, src: u64) -> u64 {
        words([0, 1, 2, 3].map(|i| {
            let (a, b) = (word(dst, i), word(src, i) as i16);
            // Neither product overflows: 255 * -128 is above -32768.
            let even = (a & 0xff) as i16 * i16::from(b as i8);
            let odd = (a >> 8) as i16 * (b >> 8);
            even.saturating_add(odd) as u16
        }))
    }
}

/// PMULHRSW: the product's upper 17 bits, rounded to 16.
pub(crate) struct Pmulhrsw;
impl Packed for Pmulhrsw {
    #[inline(always)]
    fn mm(dst: u64, src: u64) -> u64 {
        words([0, 1, 2, 3].map(|i| {
            let product = i32::from(word(dst, i) as i16) * i32::from(word(src, i) as i16);
            (((product >> 14) + 1) >> 1) as u16
        }))
    }
}

/// PMULLD.
pub(crate) struct Pmulld;
impl Packed for Pmulld {
    #[inline(always)]
    fn mm(dst: u64, src: u64) -> u64 {
        let product = |i| doubleword(dst, i).wrapping_mul(doubleword(src, i));
        doublewords(product(0), product(1))
    }
}

/// PMULDQ: of the even signed doublewords.
pub(crate) struct Pmuldq;
impl Packed for Pmuldq {
    #[inline(always)]
    fn mm(dst: u64, src: u64) -> u64 {
        (i64::from(dst as i32) * i64::from(src as i32)) as u64
    }
}

/// The absolute difference of two bytes.
#[inline(always)]
fn distance(a: u8, b: u8) -> u16 {
    u16::from(a.abs_diff(b))
}

/// MPSADBW on one group of sixteen bytes: for eight places in a row, how far four bytes of the destination are from
/// four of the source. The immediate's bit 2 chooses the destination's half, bits 0-1 the source's quarter.
pub(crate) struct Mpsadbw;
impl super::operation::BinaryImm for Mpsadbw {
    #[inline(always)]
    fn eval(dst: u128, src: u128, imm: u8) -> u128 {
        let from = (dst >> (u32::from(imm & 4) * 8)).to_le_bytes();
        let with = ((src >> (u32::from(imm & 3) * 32)) as u32).to_le_bytes();
        (0..8).rev().fold(0, |result, place| {
            let sum: u16 = (0..4).map(|i| distance(from[place + i], with[i])).sum();
            result << 16 | u128::from(sum)
        })
    }
}

/// PHMINPOSUW: the least of the source's unsigned words in the lowest word, its place in the next.
pub(crate) struct Phminposuw;
impl super::operation::Binary for Phminposuw {
    #[inline(always)]
    fn eval(_dst: u128, src: u128) -> u128 {
        let word = |i: u32| (word(if i < 4 { low(src) } else { high(src) }, i & 3), i);
        let (least, place) = (0..8).map(word).min().unwrap_or((0, 0));
        u128::from(least) | u128::from(place) << 16
    }
}
