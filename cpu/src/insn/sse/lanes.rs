//! Packed integer arithmetic on eight bytes in an ordinary register.
//!
//! Every function is generic over the lane's width. Sums and differences keep carries inside the lanes
//! by treating the top bits apart; conditions are found as the top bit of each lane and spread with
//! [`fill`]. On every host this is a handful of operations, where lane by lane it would be dozens.

use crate::flags::Width;

/// Bit 0 of every lane.
pub(super) const fn ones<W: Width>() -> u64 {
    u64::MAX / W::MASK
}

/// The top bit of every lane.
pub(super) const fn signs<W: Width>() -> u64 {
    ones::<W>() << (W::BITS - 1)
}

/// Lanes of all ones where the top bit of the lane is set in `tops` (which has no other bits).
#[inline(always)]
pub(super) fn fill<W: Width>(tops: u64) -> u64 {
    (tops >> (W::BITS - 1)).wrapping_mul(W::MASK)
}

/// `a` where `mask` is set, else `b`.
#[inline(always)]
pub(super) fn select(mask: u64, a: u64, b: u64) -> u64 {
    a & mask | b & !mask
}

/// Lane by lane `a + b`, modulo.
#[inline(always)]
pub(super) fn add<W: Width>(a: u64, b: u64) -> u64 {
    let signs = signs::<W>();
    (a & !signs).wrapping_add(b & !signs) ^ (a ^ b) & signs
}

/// Lane by lane `a - b`, modulo.
#[inline(always)]
pub(super) fn sub<W: Width>(a: u64, b: u64) -> u64 {
    let signs = signs::<W>();
    (a | signs).wrapping_sub(b & !signs) ^ !(a ^ b) & signs
}

/// Unsigned `a < b`, as the borrow out of the lane.
#[inline(always)]
pub(super) fn below<W: Width>(a: u64, b: u64) -> u64 {
    let borrows = !a & b | !(a ^ b) & sub::<W>(a, b);
    fill::<W>(borrows & signs::<W>())
}

/// Signed `a < b`.
#[inline(always)]
pub(super) fn less<W: Width>(a: u64, b: u64) -> u64 {
    below::<W>(a ^ signs::<W>(), b ^ signs::<W>())
}

/// `a == b`.
#[inline(always)]
pub(super) fn equal<W: Width>(a: u64, b: u64) -> u64 {
    let signs = signs::<W>();
    let differ = a ^ b;
    let nonzero = (differ & !signs).wrapping_add(!signs) | differ;
    fill::<W>(!nonzero & signs)
}

/// Lanes of all ones where `a` is negative.
#[inline(always)]
pub(super) fn negative<W: Width>(a: u64) -> u64 {
    fill::<W>(a & signs::<W>())
}

/// `-a` in the lanes where `mask` is set, `a` in the others.
#[inline(always)]
pub(super) fn negate_where<W: Width>(mask: u64, a: u64) -> u64 {
    sub::<W>(a ^ mask, mask)
}

/// Unsigned sum, at most the maximum.
#[inline(always)]
pub(super) fn add_unsigned<W: Width>(a: u64, b: u64) -> u64 {
    let sum = add::<W>(a, b);
    let carries = a & b | (a | b) & !sum;
    sum | fill::<W>(carries & signs::<W>())
}

/// Unsigned difference, at least 0.
#[inline(always)]
pub(super) fn sub_unsigned<W: Width>(a: u64, b: u64) -> u64 {
    sub::<W>(a, b) & !below::<W>(a, b)
}

/// The most negative value where `a` is negative, else the most positive.
#[inline(always)]
fn limit<W: Width>(a: u64) -> u64 {
    (!signs::<W>()).wrapping_add(a >> (W::BITS - 1) & ones::<W>())
}

/// Signed sum, kept within the lane's range.
#[inline(always)]
pub(super) fn add_signed<W: Width>(a: u64, b: u64) -> u64 {
    let sum = add::<W>(a, b);
    let overflow = fill::<W>(!(a ^ b) & (a ^ sum) & signs::<W>());
    select(overflow, limit::<W>(a), sum)
}

/// Signed difference, kept within the lane's range.
#[inline(always)]
pub(super) fn sub_signed<W: Width>(a: u64, b: u64) -> u64 {
    let difference = sub::<W>(a, b);
    let overflow = fill::<W>((a ^ b) & (a ^ difference) & signs::<W>());
    select(overflow, limit::<W>(a), difference)
}

/// Unsigned average, rounded up.
#[inline(always)]
pub(super) fn average<W: Width>(a: u64, b: u64) -> u64 {
    (a | b).wrapping_sub((a ^ b) >> 1 & !signs::<W>())
}

/// Lane by lane `a << count`.
#[inline(always)]
pub(super) fn shift_left<W: Width>(a: u64, count: u64) -> u64 {
    if count >= u64::from(W::BITS) {
        return 0;
    }
    a << count & (W::MASK << count & W::MASK).wrapping_mul(ones::<W>())
}

/// Lane by lane `a >> count`, zeros coming in.
#[inline(always)]
pub(super) fn shift_right<W: Width>(a: u64, count: u64) -> u64 {
    if count >= u64::from(W::BITS) {
        return 0;
    }
    a >> count & (W::MASK >> count).wrapping_mul(ones::<W>())
}

/// Lane by lane `a >> count`, the sign coming in.
#[inline(always)]
pub(super) fn shift_right_signed<W: Width>(a: u64, count: u64) -> u64 {
    let count = count.min(u64::from(W::BITS) - 1);
    let sign = signs::<W>() >> count;
    sub::<W>(shift_right::<W>(a, count) ^ sign, sign)
}

/// Word `i`.
#[inline(always)]
pub(super) fn word(a: u64, i: u32) -> u16 {
    (a >> (16 * i)) as u16
}

/// Doubleword `i`.
#[inline(always)]
pub(super) fn doubleword(a: u64, i: u32) -> u32 {
    (a >> (32 * i)) as u32
}

/// Four words, the lowest first.
#[inline(always)]
pub(super) fn words(lanes: [u16; 4]) -> u64 {
    let [a, b, c, d] = lanes.map(u64::from);
    a | b << 16 | c << 32 | d << 48
}

/// Two doublewords, the lower first.
#[inline(always)]
pub(super) fn doublewords(low: u32, high: u32) -> u64 {
    u64::from(low) | u64::from(high) << 32
}

/// The low four bytes (or two words, or one doubleword) moved to the even lanes.
#[inline(always)]
fn spread<W: Width>(a: u64) -> u64 {
    let mut a = a & 0xffff_ffff;
    if W::BITS <= 16 {
        a = (a | a << 16) & 0x0000_ffff_0000_ffff;
    }
    if W::BITS == 8 {
        a = (a | a << 8) & 0x00ff_00ff_00ff_00ff;
    }
    a
}

/// The lanes of the low halves of `a` and `b` in turn, `a`'s first.
#[inline(always)]
pub(super) fn interleave<W: Width>(a: u64, b: u64) -> u64 {
    spread::<W>(a) | spread::<W>(b) << W::BITS
}
