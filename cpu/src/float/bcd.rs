//! Packed BCD integers, 18 digits and a sign: SDM Vol. 2, FBLD and FBSTP.

use super::convert::to_magnitude;
use super::{Env, F80, Float};

/// One above the largest magnitude.
const LIMIT: u64 = 1_000_000_000_000_000_000;

/// FBLD: exact; raises nothing. Digits above 9 are undefined by the manual; they count by their
/// value here, and the unused bits of the sign byte are ignored.
pub fn from_bcd(bytes: [u8; 10]) -> F80 {
    let mut magnitude = 0u64; // at most 15 * (10^18 - 1) / 9, which fits
    for byte in bytes[..9].iter().rev() {
        magnitude = magnitude * 100 + (byte >> 4) as u64 * 10 + (byte & 15) as u64;
    }
    let shift = magnitude.leading_zeros();
    let value = match magnitude {
        0 => F80::zero(false),
        _ => F80::pack(false, 0x3fff + 63 - shift as i32, magnitude << shift),
    };
    if bytes[9] & 0x80 != 0 { value.negate() } else { value }
}

/// FBSTP: rounds to an integer. What has more than 18 digits raises IE and gives the "packed
/// BCD indefinite".
pub fn to_bcd(env: &mut Env, value: F80) -> [u8; 10] {
    let Some(mut magnitude) = to_magnitude(env, value, LIMIT) else {
        return [0, 0, 0, 0, 0, 0, 0, 0xc0, 0xff, 0xff];
    };
    let mut bytes = [0; 10];
    for byte in &mut bytes[..9] {
        let pair = (magnitude % 100) as u8;
        *byte = ((pair / 10) << 4) | (pair % 10);
        magnitude /= 100;
    }
    bytes[9] = (value.sign() as u8) << 7;
    bytes
}
