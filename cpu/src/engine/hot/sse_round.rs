//! ROUNDPS ROUNDPD ROUNDSS ROUNDSD as frameless handlers: with the host's arithmetic, as in `sse_float.rs`. DPPS and
//! DPPD have none: so many lanes at once need a frame.

use super::sse::{Produce, With};
use super::sse_float::{Lanes, lane, produced};
use super::vector::{V, gather, join};
use crate::float::Rounding;
use crate::float::host::{self, Inexact};
use crate::insn::sse::round::rounding_of;
use core::marker::PhantomData;

/// ROUNDSS ROUNDSD.
pub(crate) struct Round<N>(PhantomData<N>);
/// ROUNDPS ROUNDPD.
pub(crate) struct RoundLanes<N>(PhantomData<N>);

/// An integral value under the immediate.
#[inline(always)]
fn integral<N: Lanes>(value: N, with: With) -> Option<N> {
    let suppressed = with.imm & 8 != 0;
    let inexact = if suppressed { Inexact::Known } else { host::inexact(with.mxcsr) };
    let rounding = rounding_of(with.imm as u8, Rounding::from_bits(with.mxcsr >> 13));
    host::integral(value, rounding, inexact)
}

impl<N: Lanes> Produce for Round<N> {
    const BYTES: u8 = N::BYTES;
    #[inline(always)]
    unsafe fn produce(with: With, first: *const u8, last: *const u8) -> Option<V> {
        // SAFETY: see the trait.
        unsafe {
            let result = integral::<N>(lane(last, 0), with)?;
            Some(result.merge(first))
        }
    }
}

impl<N: Lanes> Produce for RoundLanes<N> {
    const BYTES: u8 = 16;
    #[inline(always)]
    unsafe fn produce(with: With, _first: *const u8, last: *const u8) -> Option<V> {
        // SAFETY: see the trait.
        unsafe { produced!(N::COUNT, |i| { integral::<N>(lane(last, i), with).map(N::bits) }) }
    }
}
