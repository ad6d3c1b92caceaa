//! BLENDPS BLENDPD PBLENDW, by an immediate, and BLENDVPS BLENDVPD PBLENDVB, by the top bits of a third value: SDM
//! Vol. 2.

use super::operation::{BinaryImm, Ternary};
use super::{high, join, lanes, low};
use crate::flags::Width;
use core::marker::PhantomData;

/// PBLENDW, BLENDPS, BLENDPD: the source's lanes where the immediate's bits are set.
pub(crate) struct Blend<W>(PhantomData<W>);

/// PBLENDVB, BLENDVPS, BLENDVPD: the source's lanes where the third value's have their top bit set.
pub(crate) struct Blendv<W>(PhantomData<W>);

/// Lanes of eight bytes of all ones where `bits` has a one.
#[inline(always)]
pub(crate) fn spread<W: Width>(bits: u64) -> u64 {
    let lane = |i: u32| (bits >> i & 1) << (i * W::BITS);
    let ones = (0..64 / W::BITS).fold(0, |ones, i| ones | lane(i));
    ones.wrapping_mul(W::MASK)
}

impl<W: Width> BinaryImm for Blend<W> {
    #[inline(always)]
    fn eval(dst: u128, src: u128, imm: u8) -> u128 {
        let bits = u64::from(imm);
        let mask = join(spread::<W>(bits), spread::<W>(bits >> (64 / W::BITS)));
        src & mask | dst & !mask
    }
}

impl<W: Width> Ternary for Blendv<W> {
    #[inline(always)]
    fn eval(dst: u128, src: u128, third: u128) -> u128 {
        let mask = join(lanes::negative::<W>(low(third)), lanes::negative::<W>(high(third)));
        src & mask | dst & !mask
    }
}
