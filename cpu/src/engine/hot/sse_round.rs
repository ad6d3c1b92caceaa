//! ROUNDPS ROUNDPD ROUNDSS ROUNDSD as frameless handlers: with the host's arithmetic, as in `sse_float.rs`. DPPS and
//! DPPD have none: so many lanes at once need a frame.

use super::sse::Produce;
use super::sse_float::{Lanes, lane, produced};
use super::vector::{V, gather, join};
use crate::cpu::Cpu;
use crate::decode::op::Op;
use crate::float::Rounding;
use crate::float::host::{self, Inexact};
use crate::insn::sse::round::rounding_of;
use core::marker::PhantomData;

/// ROUNDSS ROUNDSD.
pub(crate) struct Round<N>(PhantomData<N>);
/// ROUNDPS ROUNDPD.
pub(crate) struct RoundLanes<N>(PhantomData<N>);

/// An integral value under an immediate.
#[inline(always)]
fn integral<N: Lanes>(value: N, imm: u64, mxcsr: u32) -> Option<N> {
    let suppressed = imm & 8 != 0;
    let inexact = if suppressed { Inexact::Known } else { host::inexact(mxcsr) };
    let rounding = rounding_of(imm as u8, Rounding::from_bits(mxcsr >> 13));
    host::integral(value, rounding, inexact)
}

impl<N: Lanes> Produce for Round<N> {
    const BYTES: u8 = N::BYTES;
    #[inline(always)]
    unsafe fn produce(
        cpu: *mut Cpu,
        op: *const Op,
        first: *const u8,
        last: *const u8,
    ) -> Option<V> {
        // SAFETY: see the trait.
        unsafe {
            let result = integral::<N>(lane(last, 0), (*op).imm, (*cpu).sse.mxcsr)?;
            Some(result.merge(first))
        }
    }
}

impl<N: Lanes> Produce for RoundLanes<N> {
    const BYTES: u8 = 16;
    #[inline(always)]
    unsafe fn produce(
        cpu: *mut Cpu,
        op: *const Op,
        _first: *const u8,
        last: *const u8,
    ) -> Option<V> {
        // SAFETY: see the trait.
        unsafe {
            let (imm, mxcsr) = ((*op).imm, (*cpu).sse.mxcsr);
            produced!(N::COUNT, |i| { integral::<N>(lane(last, i), imm, mxcsr).map(N::bits) })
        }
    }
}
