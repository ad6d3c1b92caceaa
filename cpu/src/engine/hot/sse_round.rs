//! ROUNDPS ROUNDPD ROUNDSS ROUNDSD DPPS DPPD as frameless handlers: with the host's arithmetic, as in `sse_float.rs`.

use super::sse::{Form, set_value, xmm};
use super::sse_float::{Lanes, lane, set_lanes, set_lowest};
use super::vector::{gather, join};
use crate::cpu::Cpu;
use crate::decode::op::Op;
use crate::float::Rounding;
use crate::float::host::{self, Inexact, Operation, Product, Sum};
use core::marker::PhantomData;

/// ROUNDSS ROUNDSD.
pub(crate) struct Round<N>(PhantomData<N>);
/// ROUNDPS ROUNDPD.
pub(crate) struct RoundLanes<N>(PhantomData<N>);
/// DPPS DPPD.
pub(crate) struct Dot<N>(PhantomData<N>);

/// An integral value under an immediate.
#[inline(always)]
fn integral<N: Lanes>(value: N, imm: u64, mxcsr: u32) -> Option<N> {
    let suppressed = imm & 8 != 0;
    let inexact = if suppressed { Inexact::Known } else { host::inexact(mxcsr) };
    let rounding = Rounding::from_bits(if imm & 4 != 0 { mxcsr >> 13 } else { imm as u32 });
    host::integral(value, rounding, inexact)
}

impl<N: Lanes> Form for Round<N> {
    const BYTES: u8 = N::BYTES;
    #[inline(always)]
    unsafe fn apply(cpu: *mut Cpu, op: *const Op, src: *const u8) -> bool {
        // SAFETY: see the trait.
        unsafe {
            let result = integral::<N>(lane(src, 0), (*op).imm, (*cpu).sse.mxcsr);
            let Some(result) = result else { return false };
            set_lowest(cpu, (*op).dst, result);
        }
        true
    }
}

impl<N: Lanes> Form for RoundLanes<N> {
    const BYTES: u8 = 16;
    #[inline(always)]
    unsafe fn apply(cpu: *mut Cpu, op: *const Op, src: *const u8) -> bool {
        // SAFETY: see the trait.
        unsafe {
            let (imm, mxcsr) = ((*op).imm, (*cpu).sse.mxcsr);
            set_lanes!(cpu, op, N::COUNT, |i| {
                integral::<N>(lane(src, i), imm, mxcsr).map(N::bits)
            })
        }
    }
}

/// A sum whose operands may be the +0 of a product that was not chosen.
#[inline(always)]
fn plus<N: Lanes>(a: N, b: N) -> Option<N> {
    if a == N::ZERO {
        return Some(b);
    }
    if b == N::ZERO { Some(a) } else { Sum::quick(a, b) }
}

impl<N: Lanes> Form for Dot<N> {
    const BYTES: u8 = 16;
    #[inline(always)]
    unsafe fn apply(cpu: *mut Cpu, op: *const Op, src: *const u8) -> bool {
        // SAFETY: see the trait.
        unsafe {
            if !host::is_quick((*cpu).sse.mxcsr) {
                return false;
            }
            let (dst, imm) = (xmm(cpu, (*op).dst), (*op).imm);
            // No chosen product is a zero: such a one is left to the complete form.
            let product = |i: usize| {
                if i >= N::COUNT || imm >> (4 + i) & 1 == 0 {
                    return Some(N::ZERO);
                }
                Product::quick(lane::<N>(dst, i), lane::<N>(src, i))
            };
            let (Some(a), Some(b)) = (product(0), product(1)) else { return false };
            let (Some(c), Some(d)) = (product(2), product(3)) else { return false };
            let (Some(lower), Some(upper)) = (plus(a, b), plus(c, d)) else { return false };
            let Some(sum) = plus(lower, upper) else { return false };
            set_lanes!(cpu, op, N::COUNT, |i| {
                Some(if imm >> i & 1 != 0 { sum.bits() } else { 0 })
            })
        }
    }
}
