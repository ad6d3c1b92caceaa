//! SHA1RNDS4 SHA1NEXTE SHA1MSG1 SHA1MSG2 SHA256RNDS2 SHA256MSG1 SHA256MSG2: SDM Vol. 2; FIPS 180-4.
//!
//! SHA-1's words stand with the first one in the highest doubleword, SHA-256's with the first in the lowest.

use super::operation::{binary, binary_imm, ternary};

/// The doublewords of a value, the lowest first.
#[inline(always)]
fn doublewords(value: u128) -> [u32; 4] {
    [0, 32, 64, 96].map(|shift| (value >> shift) as u32)
}

/// And back.
#[inline(always)]
fn value([a, b, c, d]: [u32; 4]) -> u128 {
    u128::from(a) | u128::from(b) << 32 | u128::from(c) << 64 | u128::from(d) << 96
}

/// Bits of `b` where `a` is set, of `c` elsewhere.
#[inline(always)]
fn choose(a: u32, b: u32, c: u32) -> u32 {
    a & b ^ !a & c
}

#[inline(always)]
fn majority(a: u32, b: u32, c: u32) -> u32 {
    a & b ^ a & c ^ b & c
}

/// Four rounds of SHA-1 with its function and constant number `imm`. E of the first round is in the first word.
#[inline(always)]
fn sha1_rounds(state: u128, message: u128, imm: u8) -> u128 {
    let [mut d, mut c, mut b, mut a] = doublewords(state);
    let mut e = 0;
    for word in doublewords(message).into_iter().rev() {
        let (function, constant) = match imm & 3 {
            0 => (choose(b, c, d), 0x5a82_7999u32),
            1 => (b ^ c ^ d, 0x6ed9_eba1),
            2 => (majority(b, c, d), 0x8f1b_bcdc),
            _ => (b ^ c ^ d, 0xca62_c1d6),
        };
        let sum = function.wrapping_add(a.rotate_left(5)).wrapping_add(word);
        let sum = sum.wrapping_add(e).wrapping_add(constant);
        (a, b, c, d, e) = (sum, a, b.rotate_left(30), c, d);
    }
    value([d, c, b, a])
}

binary_imm! {
    /// SHA1RNDS4.
    Sha1rnds4 = |dst, src, imm| sha1_rounds(dst, src, imm);
}

binary! {
    /// SHA1NEXTE: E of four rounds on, added to the first of the next words.
    Sha1nexte = |dst, src| {
        let [.., a] = doublewords(dst);
        let [w3, w2, w1, w0] = doublewords(src);
        value([w3, w2, w1, w0.wrapping_add(a.rotate_left(30))])
    };
    /// SHA1MSG1: the first half of the schedule of four words.
    Sha1msg1 = |dst, src| dst ^ (dst << 64 | src >> 64);
    /// SHA1MSG2: the second half.
    Sha1msg2 = |dst, src| {
        let [x3, x2, x1, x0] = doublewords(dst);
        let [w15, w14, w13, _] = doublewords(src);
        let w16 = (x0 ^ w13).rotate_left(1);
        let (w17, w18) = ((x1 ^ w14).rotate_left(1), (x2 ^ w15).rotate_left(1));
        value([(x3 ^ w16).rotate_left(1), w18, w17, w16])
    };
    /// SHA256MSG1: the first half of the schedule of four words.
    Sha256msg1 = |dst, src| {
        let small = |w: u32| w.rotate_right(7) ^ w.rotate_right(18) ^ w >> 3;
        let [w0, w1, w2, w3] = doublewords(dst);
        let [w4, ..] = doublewords(src);
        let sums = [(w0, w1), (w1, w2), (w2, w3), (w3, w4)];
        value(sums.map(|(w, next)| w.wrapping_add(small(next))))
    };
    /// SHA256MSG2: the second half.
    Sha256msg2 = |dst, src| {
        let small = |w: u32| w.rotate_right(17) ^ w.rotate_right(19) ^ w >> 10;
        let [x0, x1, x2, x3] = doublewords(dst);
        let [_, _, w14, w15] = doublewords(src);
        let (w16, w17) = (x0.wrapping_add(small(w14)), x1.wrapping_add(small(w15)));
        value([w16, w17, x2.wrapping_add(small(w16)), x3.wrapping_add(small(w17))])
    };
}

ternary! {
    /// SHA256RNDS2: C D G H in the destination, A B E F in the source, two words with their constants in the third.
    Sha256rnds2 = |dst, src, third| {
        let [mut h, mut g, mut d, mut c] = doublewords(dst);
        let [mut f, mut e, mut b, mut a] = doublewords(src);
        for word in [third as u32, (third >> 32) as u32] {
            let big = e.rotate_right(6) ^ e.rotate_right(11) ^ e.rotate_right(25);
            let sum = choose(e, f, g).wrapping_add(big).wrapping_add(word).wrapping_add(h);
            let big = a.rotate_right(2) ^ a.rotate_right(13) ^ a.rotate_right(22);
            let new = sum.wrapping_add(majority(a, b, c)).wrapping_add(big);
            (a, b, c, d, e, f, g, h) = (new, a, b, c, sum.wrapping_add(d), e, f, g);
        }
        value([f, e, b, a])
    };
}
