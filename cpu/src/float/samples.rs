//! Operands for comparisons: corners of the formats, and random values that dwell near them.

use super::*;
use crate::testing::Random;

/// Bits with long runs of equal ones, where carries and ties live, or any bits.
fn significand(random: &mut Random) -> u64 {
    let (x, shift) = (random.next(), random.below(64) as u32);
    match random.below(8) {
        0 => x,
        1 => x << shift,
        2 => u64::MAX << shift,
        3 => u64::MAX << shift ^ 1 << random.below(64),
        4 => 1 << shift,
        5 => 1 << shift | 1 << random.below(64),
        6 => x & 0xffff_ff80_0000_0000,
        _ => x & 0xffff_ffff_ffff_f800,
    }
}

/// A biased exponent: near the ends, near the middle, or anywhere.
fn exponent(random: &mut Random, max: u64) -> u64 {
    match random.below(8) {
        0 => random.below(4),
        1 => max - random.below(4),
        2 | 3 => max / 2 - 70 + random.below(140),
        4 => max / 2 - 2 + random.below(5),
        5 => max / 4 + random.below(8),
        6 => max / 4 * 3 + random.below(8),
        _ => random.below(max + 1),
    }
}

/// A format of which the tests can make operands.
pub(super) trait Sample: Float {
    fn sample(random: &mut Random) -> Self;
    fn corners() -> Vec<Self>;
}

const FRACTIONS: [u64; 8] =
    [0, 1, 2, 1 << 51, (1 << 52) - 1, (1 << 52) - 2, 0x8_0000_2000_0000, 0x5_5555_5555_5555];

impl Sample for F32 {
    fn sample(random: &mut Random) -> Self {
        let fraction = (significand(random) >> 41) as u32;
        let exponent = exponent(random, 0xff) as u32;
        Self((random.next() as u32) << 31 | exponent << 23 | fraction)
    }

    fn corners() -> Vec<Self> {
        let fractions = [0, 1, 2, 0x40_0000, 0x7f_ffff, 0x7f_fffe, 0x40_0001, 0x2a_aaaa];
        let signed = |bits: u32| [Self(bits), Self(bits | 1 << 31)];
        [0, 1, 2, 0x3f, 0x7e, 0x7f, 0x80, 0x95, 0x96, 0x9d, 0x9e, 0xbd, 0xbe, 0xfd, 0xfe, 0xff]
            .into_iter()
            .flat_map(|e: u32| fractions.map(|f| e << 23 | f))
            .flat_map(signed)
            .collect()
    }
}

impl Sample for F64 {
    fn sample(random: &mut Random) -> Self {
        let fraction = significand(random) >> 12;
        let exponent = exponent(random, 0x7ff);
        Self(random.next() << 63 | exponent << 52 | fraction)
    }

    fn corners() -> Vec<Self> {
        let signed = |bits: u64| [Self(bits), Self(bits | 1 << 63)];
        [0, 1, 2, 0x1ff, 0x36a, 0x381, 0x3fe, 0x3ff, 0x400, 0x41e, 0x43d, 0x43e, 0x47e, 0x47f]
            .into_iter()
            .chain([0x7fd, 0x7fe, 0x7ff])
            .flat_map(|e: u64| FRACTIONS.map(|f| e << 52 | f))
            .flat_map(signed)
            .collect()
    }
}

impl Sample for F80 {
    /// With the odd pseudo-denormal and unsupported encoding.
    fn sample(random: &mut Random) -> Self {
        let exponent = exponent(random, 0x7fff);
        let integer = if random.below(16) == 0 { exponent == 0 } else { exponent != 0 };
        Self {
            significand: significand(random) & !INTEGER | (integer as u64) << 63,
            sign_exponent: (random.next() << 15 | exponent) as u16,
        }
    }

    fn corners() -> Vec<Self> {
        let significands = [0, 1 << 63, 1 << 63 | 1, 3 << 62, 3 << 62 | 1, u64::MAX, 1]
            .into_iter()
            .chain([u64::MAX - 1, 0xffff_ff80_0000_0000, 0xffff_ffff_ffff_fc00, 1 << 62, !0 >> 1]);
        let exponents = [0, 1, 2, 0x3fbe, 0x3ffe, 0x3fff, 0x4000, 0x401e, 0x403d, 0x403e, 0x7ffe];
        significands
            .flat_map(|s| exponents.map(|e| (s, e)).into_iter().chain([(s, 0x7fff)]))
            .flat_map(|(s, e)| [(s, e), (s, e | 0x8000)])
            .map(|(significand, sign_exponent)| Self { significand, sign_exponent })
            .collect()
    }
}

/// Calls `case` with all pairs of corners (thinned out) and with `count` random pairs.
pub(super) fn each_pair<A: Sample, B: Sample>(
    seed: u64,
    count: u64,
    mut case: impl FnMut(A, B, u64),
) {
    let mut random = Random(seed);
    let (corners_a, corners_b) = (A::corners(), B::corners());
    for &a in &corners_a {
        for &b in &corners_b {
            case(a, b, random.next());
        }
    }
    for _ in 0..count {
        let (a, b) = (A::sample(&mut random), B::sample(&mut random));
        case(a, b, random.next());
        case(a, corners_b[random.below(corners_b.len() as u64) as usize], random.next());
    }
}
