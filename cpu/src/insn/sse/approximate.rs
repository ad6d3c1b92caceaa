//! RCPPS RCPSS RSQRTPS RSQRTSS: SDM Vol. 2.
//!
//! The manuals define these only by a bound, a relative error of at most 1.5 * 2^-12, and processors differ: AMD's
//! give 1/1 as 0.99976 (3F7FF000h). Here they are AMD Zen's, bit for bit: 13 significant bits from the twelve leading
//! bits of the operand's fraction, near the exact value of the middle of the values that share them
//! (`corrections.rs` has the rest). Compared with a Zen 5 for all 2^32 operands.
//!
//! Denormal operands count as zeros and tiny results become zeros whatever MXCSR says, no exception is raised, a
//! NaN comes back quieted.

use super::corrections::{self, Corrections};
use super::float::{lane, lanes};
use crate::cpu::{Cpu, Done};
use crate::decode::op::Op;
use crate::float::F32;

/// An approximation of one single-precision value.
pub(crate) trait Approximate: 'static {
    /// Of the bits of a value.
    fn of(value: u32) -> u32;
}

const SIGN: u32 = 1 << 31;
const INFINITY: u32 = 0xff << 23;
const QUIET: u32 = 1 << 22;
const FRACTION: u32 = (1 << 23) - 1;

/// RCPPS RCPSS.
pub(crate) struct Rcp;
impl Approximate for Rcp {
    fn of(value: u32) -> u32 {
        let (sign, exponent) = (value & SIGN, value >> 23 & 0xff);
        match exponent {
            0 => sign | INFINITY,
            0xff => infinity_or_nan(value, sign),
            _ => {
                // 2^14 / M in 14 bits, where M in [1, 2) is the significand.
                let quotient = (1 << 37) / middle(value);
                let fixed = approximated(quotient, &corrections::RCP, value);
                sign | half_to_one(fixed, 127 - (exponent as i32 - 127))
            }
        }
    }
}

/// RSQRTPS RSQRTSS.
pub(crate) struct Rsqrt;
impl Approximate for Rsqrt {
    fn of(value: u32) -> u32 {
        let (sign, exponent) = (value & SIGN, value >> 23 & 0xff);
        if exponent == 0 {
            return sign | INFINITY;
        }
        if exponent == 0xff && (sign == 0 || value & FRACTION != 0) {
            return infinity_or_nan(value, 0);
        }
        if sign != 0 {
            return SIGN | INFINITY | QUIET;
        }
        // x = M * 4^k with M in [1, 4); 2^14 / sqrt(M) in 14 bits.
        let odd = (exponent as i32 - 127) & 1;
        let root = ((1 << 51) / (middle(value) << odd)).isqrt();
        let table = if odd == 0 { &corrections::RSQRT_EVEN } else { &corrections::RSQRT_ODD };
        half_to_one(approximated(root, table, value), 127 - (exponent as i32 - 127 - odd) / 2)
    }
}

/// The significand, an integer of 24 bits, in the middle of those with the same leading bits.
fn middle(value: u32) -> u64 {
    u64::from(value & FRACTION & !0x7ff | 1 << 10 | 1 << 23)
}

/// 14 bits rounded to 13, and corrected.
fn approximated(exact: u64, corrections: &Corrections, value: u32) -> u32 {
    let rounded = (exact as u32 + 1) >> 1;
    rounded.wrapping_add_signed(corrections.get(value >> 11 & 0xfff))
}

/// A NaN quieted; of an infinity, zero.
fn infinity_or_nan(value: u32, sign: u32) -> u32 {
    if value & FRACTION != 0 { value | QUIET } else { sign }
}

/// `fixed / 2^13`, in (1/2, 1], times `2^(exponent - 127)`; a tiny result is zero.
fn half_to_one(fixed: u32, exponent: i32) -> u32 {
    let (exponent, significand) =
        if fixed == 1 << 13 { (exponent, 1 << 23) } else { (exponent - 1, fixed << 11) };
    if exponent <= 0 { 0 } else { (exponent as u32) << 23 | significand & FRACTION }
}

/// `op xmm, xmm/m128`.
pub(crate) fn approximate_packed<O: Approximate>(cpu: &mut Cpu, op: &Op) -> Done {
    cpu.sse_ready()?;
    let src = cpu.xmm_source(op)?;
    cpu.set_xmm(op.dst, lanes(4, |i| F32(O::of(lane::<F32>(src, i).0))));
    Ok(())
}

/// `op xmm, xmm/m32`.
pub(crate) fn approximate_scalar<O: Approximate>(cpu: &mut Cpu, op: &Op) -> Done {
    cpu.sse_ready()?;
    let src = cpu.xmm_source_low::<u32>(op)?;
    cpu.merge_low(op.dst, O::of(src));
    Ok(())
}
