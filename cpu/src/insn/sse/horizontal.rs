//! PHADDW PHADDD PHADDSW PHSUBW PHSUBD PHSUBSW of SSSE3: sums and differences of neighbours, the destination's in the
//! lower half. SDM Vol. 2.

use super::{Packed, high, join, lanes, low};
use crate::flags::Width;
use core::marker::PhantomData;

/// The even lanes of eight bytes, put together in the low half.
#[inline(always)]
fn even<W: Width>(a: u64) -> u64 {
    if W::BITS == 32 {
        return a & 0xffff_ffff;
    }
    a & 0xffff | a >> 16 & 0xffff_0000
}

/// The even lanes of two operands.
#[inline(always)]
fn evens<W: Width>(dst: u64, src: u64) -> u64 {
    even::<W>(dst) | even::<W>(src) << 32
}

/// And the odd ones.
#[inline(always)]
fn odds<W: Width>(dst: u64, src: u64) -> u64 {
    evens::<W>(dst >> W::BITS, src >> W::BITS)
}

macro_rules! horizontal {
    ($($(#[$doc:meta])* $name:ident = $function:expr;)*) => {$(
        $(#[$doc])*
        pub(crate) struct $name<W>(PhantomData<W>);
        impl<W: Width> Packed for $name<W> {
            #[inline(always)]
            fn mm(dst: u64, src: u64) -> u64 {
                $function(evens::<W>(dst, src), odds::<W>(dst, src))
            }
            #[inline(always)]
            fn xmm(dst: u128, src: u128) -> u128 {
                join(Self::mm(low(dst), high(dst)), Self::mm(low(src), high(src)))
            }
        }
    )*};
}

horizontal! {
    /// PHADDW PHADDD.
    Phadd = lanes::add::<W>;
    /// PHADDSW.
    Phadds = lanes::add_signed::<W>;
    /// PHSUBW PHSUBD: the odd neighbour is subtracted.
    Phsub = lanes::sub::<W>;
    /// PHSUBSW.
    Phsubs = lanes::sub_signed::<W>;
}
