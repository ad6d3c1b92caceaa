//! SSE moves, packed integers, shuffles and masks as frameless handlers.
//!
//! The operations on packed integers are in `vector.rs`; what is only moved about is moved here, in pieces
//! that the host reads straight from where they are.

use super::form::{Form, Operand};
use super::sse::{Lane, get, set_value};
use super::vector::{self, Native, V, join};
use crate::cpu::Cpu;
use crate::decode::op::Op;
use crate::flags::Width;
use core::marker::PhantomData;

// ---- packed integers ----

/// A packed operation of two operands.
pub(crate) struct Lanes<N>(PhantomData<N>);
/// A packed shift by an immediate.
pub(crate) struct ByImmediate<N>(PhantomData<N>);
/// PSLLDQ (left) and PSRLDQ.
pub(crate) struct Bytes<const LEFT: bool>;

impl<N: Native> Lane for Lanes<N> {
    #[inline(always)]
    unsafe fn eval(_imm: u64, first: *const u8, second: *const u8) -> V {
        // SAFETY: see the trait.
        unsafe { N::eval(get(first, 0), get(second, 0)) }
    }
}

impl<N: Native> Lane for ByImmediate<N> {
    #[inline(always)]
    unsafe fn eval(imm: u64, first: *const u8, _second: *const u8) -> V {
        // SAFETY: see the trait.
        unsafe { N::eval(get(first, 0), join(imm, 0)) }
    }
}

impl<const LEFT: bool> Lane for Bytes<LEFT> {
    #[inline(always)]
    unsafe fn eval(imm: u64, first: *const u8, _second: *const u8) -> V {
        let bits = imm as u32 * 8;
        // SAFETY: see the trait.
        let before = unsafe { get::<u128>(first, 0) };
        let shifted = if LEFT { before.checked_shl(bits) } else { before.checked_shr(bits) };
        let after = shifted.unwrap_or(0);
        join(after as u64, (after >> 64) as u64)
    }
}

// ---- moves ----

/// All 16 bytes; in memory aligned or not.
pub(crate) struct Whole<const ALIGNED: bool>;
/// The low part replaced.
pub(crate) struct Merged<W>(PhantomData<W>);
/// The low part, the rest zero.
pub(crate) struct Extended<W>(PhantomData<W>);
/// The high half replaced: MOVHPS, MOVLHPS.
pub(crate) struct High;
/// The low half replaced by the high one of the source: MOVHLPS.
pub(crate) struct HighToLow;
/// Both halves the same: MOVDDUP.
pub(crate) struct Doubled;

impl<const ALIGN: bool> Form for Whole<ALIGN> {
    const BYTES: u8 = 16;
    const ALIGNED: Option<bool> = Some(ALIGN);
    #[inline(always)]
    unsafe fn apply(cpu: *mut Cpu, op: *const Op, src: Operand) -> bool {
        // SAFETY: see the trait.
        unsafe { set_value(cpu, (*op).dst, get(src.low, 0)) }
        true
    }
}

impl<W: Width> Lane for Merged<W> {
    const BYTES: u8 = W::BYTES;
    #[inline(always)]
    unsafe fn eval(_imm: u64, first: *const u8, second: *const u8) -> V {
        // SAFETY: see the trait.
        unsafe {
            let before: u64 = if W::BITS == 64 { 0 } else { get(first, 0) };
            join(before & !W::MASK | get::<W>(second, 0).to_u64(), get(first, 8))
        }
    }
}

impl<W: Width> Lane for Extended<W> {
    const BYTES: u8 = W::BYTES;
    #[inline(always)]
    unsafe fn eval(_imm: u64, _first: *const u8, second: *const u8) -> V {
        // SAFETY: see the trait.
        unsafe { join(get::<W>(second, 0).to_u64(), 0) }
    }
}

impl Lane for High {
    const BYTES: u8 = 8;
    #[inline(always)]
    unsafe fn eval(_imm: u64, first: *const u8, second: *const u8) -> V {
        // SAFETY: see the trait.
        unsafe { join(get(first, 0), get(second, 0)) }
    }
}

impl Lane for HighToLow {
    #[inline(always)]
    unsafe fn eval(_imm: u64, first: *const u8, second: *const u8) -> V {
        // SAFETY: see the trait.
        unsafe { join(get(second, 8), get(first, 8)) }
    }
}

impl Lane for Doubled {
    const BYTES: u8 = 8;
    #[inline(always)]
    unsafe fn eval(_imm: u64, _first: *const u8, second: *const u8) -> V {
        // SAFETY: see the trait.
        unsafe {
            let low = get(second, 0);
            join(low, low)
        }
    }
}

// ---- shuffles ----

/// PSHUFD; SHUFPS, whose lower two come from the destination.
pub(crate) struct Doublewords<const BOTH: bool>;
/// PSHUFLW (false) and PSHUFHW.
pub(crate) struct Words<const HIGH: bool>;
/// SHUFPD.
pub(crate) struct Quadwords;
/// PUNPCKLQDQ (false) and PUNPCKHQDQ.
pub(crate) struct Halves<const HIGH: bool>;
/// MOVSLDUP (0) and MOVSHDUP (1).
pub(crate) struct Twice<const ODD: usize>;

/// Two-bit selector `i` of an immediate.
#[inline(always)]
fn selector(imm: u64, i: u32) -> usize {
    (imm >> (2 * i) & 3) as usize
}

impl<const BOTH: bool> Lane for Doublewords<BOTH> {
    #[inline(always)]
    unsafe fn eval(imm: u64, first: *const u8, second: *const u8) -> V {
        // SAFETY: see the trait.
        unsafe {
            let first = if BOTH { first } else { second };
            let of = |from, i| get::<u32>(from, 4 * selector(imm, i));
            vector::gather([of(first, 0), of(first, 1), of(second, 2), of(second, 3)])
        }
    }
}

impl<const HIGH: bool> Lane for Words<HIGH> {
    #[inline(always)]
    unsafe fn eval(imm: u64, _first: *const u8, second: *const u8) -> V {
        // SAFETY: see the trait.
        unsafe {
            let half = if HIGH { 8 } else { 0 };
            let word = |i| u64::from(get::<u16>(second, half + 2 * selector(imm, i))) << (16 * i);
            let shuffled = word(0) | word(1) | word(2) | word(3);
            let other = get(second, 8 - half);
            if HIGH { join(other, shuffled) } else { join(shuffled, other) }
        }
    }
}

impl Lane for Quadwords {
    #[inline(always)]
    unsafe fn eval(imm: u64, first: *const u8, second: *const u8) -> V {
        // SAFETY: see the trait.
        unsafe {
            let imm = imm as usize;
            join(get(first, 8 * (imm & 1)), get(second, 8 * (imm >> 1 & 1)))
        }
    }
}

impl<const HIGH: bool> Lane for Halves<HIGH> {
    #[inline(always)]
    unsafe fn eval(_imm: u64, first: *const u8, second: *const u8) -> V {
        // SAFETY: see the trait.
        unsafe {
            let half = if HIGH { 8 } else { 0 };
            join(get(first, half), get(second, half))
        }
    }
}

impl<const ODD: usize> Lane for Twice<ODD> {
    #[inline(always)]
    unsafe fn eval(_imm: u64, _first: *const u8, second: *const u8) -> V {
        // SAFETY: see the trait.
        unsafe {
            let (a, b) = (get(second, 4 * ODD), get(second, 4 * ODD + 8));
            vector::gather([a, a, b, b])
        }
    }
}

/// PINSRB PINSRW PINSRD PINSRQ.
pub(crate) struct Inserted<W>(PhantomData<W>);

impl<W: Width> Lane for Inserted<W> {
    const BYTES: u8 = W::BYTES;
    #[inline(always)]
    unsafe fn eval(imm: u64, first: *const u8, second: *const u8) -> V {
        // SAFETY: see the trait.
        unsafe {
            let at = imm as u32 & (128 / W::BITS - 1);
            let (shift, upper) = ((at * W::BITS) & 63, at * W::BITS >= 64);
            let element = get::<W>(second, 0).to_u64() << shift;
            let replaced = |half: u64| half & !(W::MASK << shift) | element;
            let (low, high) = (get(first, 0), get(first, 8));
            if upper { join(low, replaced(high)) } else { join(replaced(low), high) }
        }
    }
}
