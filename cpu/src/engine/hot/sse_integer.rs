//! SSE moves, packed integers, shuffles and masks as frameless handlers.
//!
//! The operations on packed integers are in `vector.rs`; what is only moved about is moved here, in pieces
//! that the host reads straight from where they are.

use super::set_slot;
use super::sse::{Form, Store, get, set_low, set_value, value, xmm};
use super::vector::{self, Native, V, byte_signs, doubleword_signs, join};
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

impl<N: Native> Form for Lanes<N> {
    const BYTES: u8 = 16;
    #[inline(always)]
    unsafe fn apply(cpu: *mut Cpu, op: *const Op, src: *const u8) -> bool {
        // SAFETY: see the trait.
        unsafe {
            let result = N::eval(value(cpu, (*op).dst), get(src, 0));
            set_value(cpu, (*op).dst, result);
        }
        true
    }
}

impl<N: Native> Form for ByImmediate<N> {
    const BYTES: u8 = 0;
    #[inline(always)]
    unsafe fn apply(cpu: *mut Cpu, op: *const Op, _src: *const u8) -> bool {
        // SAFETY: see the trait.
        unsafe {
            let result = N::eval(value(cpu, (*op).dst), join((*op).imm & 0xff, 0));
            set_value(cpu, (*op).dst, result);
        }
        true
    }
}

impl<const LEFT: bool> Form for Bytes<LEFT> {
    const BYTES: u8 = 0;
    #[inline(always)]
    unsafe fn apply(cpu: *mut Cpu, op: *const Op, _src: *const u8) -> bool {
        // SAFETY: see the trait.
        unsafe {
            let bits = ((*op).imm as u32 & 0xff) * 8;
            let before = get::<u128>(xmm(cpu, (*op).dst), 0);
            let shifted = if LEFT { before.checked_shl(bits) } else { before.checked_shr(bits) };
            let after = shifted.unwrap_or(0);
            set_value(cpu, (*op).dst, join(after as u64, (after >> 64) as u64));
        }
        true
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
/// The low part to a general register: MOVD, MOVQ.
pub(crate) struct ToGeneral<W>(PhantomData<W>);

impl<const ALIGN: bool> Form for Whole<ALIGN> {
    const BYTES: u8 = 16;
    const ALIGNED: bool = ALIGN;
    #[inline(always)]
    unsafe fn apply(cpu: *mut Cpu, op: *const Op, src: *const u8) -> bool {
        // SAFETY: see the trait.
        unsafe { set_value(cpu, (*op).dst, get(src, 0)) }
        true
    }
}

impl<W: Width> Form for Merged<W> {
    const BYTES: u8 = W::BYTES;
    #[inline(always)]
    unsafe fn apply(cpu: *mut Cpu, op: *const Op, src: *const u8) -> bool {
        // SAFETY: see the trait.
        unsafe {
            let before: u64 = if W::BITS == 64 { 0 } else { get(xmm(cpu, (*op).dst), 0) };
            set_low(cpu, (*op).dst, before & !W::MASK | get::<W>(src, 0).to_u64());
        }
        true
    }
}

impl<W: Width> Form for Extended<W> {
    const BYTES: u8 = W::BYTES;
    #[inline(always)]
    unsafe fn apply(cpu: *mut Cpu, op: *const Op, src: *const u8) -> bool {
        // SAFETY: see the trait.
        unsafe { set_value(cpu, (*op).dst, join(get::<W>(src, 0).to_u64(), 0)) }
        true
    }
}

impl Form for High {
    const BYTES: u8 = 8;
    #[inline(always)]
    unsafe fn apply(cpu: *mut Cpu, op: *const Op, src: *const u8) -> bool {
        // SAFETY: see the trait.
        unsafe { set_value(cpu, (*op).dst, join(get(xmm(cpu, (*op).dst), 0), get(src, 0))) }
        true
    }
}

impl Form for HighToLow {
    const BYTES: u8 = 16;
    #[inline(always)]
    unsafe fn apply(cpu: *mut Cpu, op: *const Op, src: *const u8) -> bool {
        // SAFETY: see the trait.
        unsafe { set_low(cpu, (*op).dst, get(src, 8)) }
        true
    }
}

impl Form for Doubled {
    const BYTES: u8 = 8;
    #[inline(always)]
    unsafe fn apply(cpu: *mut Cpu, op: *const Op, src: *const u8) -> bool {
        // SAFETY: see the trait.
        unsafe {
            let low = get(src, 0);
            set_value(cpu, (*op).dst, join(low, low));
        }
        true
    }
}

impl<W: Width> Form for ToGeneral<W> {
    const BYTES: u8 = W::BYTES;
    #[inline(always)]
    unsafe fn apply(cpu: *mut Cpu, op: *const Op, src: *const u8) -> bool {
        // SAFETY: see the trait.
        unsafe { set_slot::<W>(cpu, (*op).dst, get::<W>(src, 0).to_u64()) };
        true
    }
}

/// All 16 bytes to memory, aligned or not.
pub(crate) struct StoreWhole<const ALIGNED: bool>;
/// The low part to memory.
pub(crate) struct StoreLow<W>(PhantomData<W>);
/// The high half to memory.
pub(crate) struct StoreHigh;

impl<const ALIGN: bool> Store for StoreWhole<ALIGN> {
    const BYTES: u8 = 16;
    const ALIGNED: bool = ALIGN;
    #[inline(always)]
    unsafe fn store(register: *const u8, to: *mut u8) {
        // SAFETY: see the trait.
        unsafe { to.cast::<V>().write_unaligned(get(register, 0)) }
    }
}

impl<W: Width> Store for StoreLow<W> {
    const BYTES: u8 = W::BYTES;
    #[inline(always)]
    unsafe fn store(register: *const u8, to: *mut u8) {
        // SAFETY: see the trait.
        unsafe { to.cast::<W>().write_unaligned(get(register, 0)) }
    }
}

impl Store for StoreHigh {
    const BYTES: u8 = 8;
    #[inline(always)]
    unsafe fn store(register: *const u8, to: *mut u8) {
        // SAFETY: see the trait.
        unsafe { to.cast::<u64>().write_unaligned(get(register, 8)) }
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

impl<const BOTH: bool> Form for Doublewords<BOTH> {
    const BYTES: u8 = 16;
    #[inline(always)]
    unsafe fn apply(cpu: *mut Cpu, op: *const Op, src: *const u8) -> bool {
        // SAFETY: see the trait.
        unsafe {
            let first = if BOTH { xmm(cpu, (*op).dst) } else { src };
            let of = |from, i| get::<u32>(from, 4 * selector((*op).imm, i));
            let result = vector::gather([of(first, 0), of(first, 1), of(src, 2), of(src, 3)]);
            set_value(cpu, (*op).dst, result);
        }
        true
    }
}

impl<const HIGH: bool> Form for Words<HIGH> {
    const BYTES: u8 = 16;
    #[inline(always)]
    unsafe fn apply(cpu: *mut Cpu, op: *const Op, src: *const u8) -> bool {
        // SAFETY: see the trait.
        unsafe {
            let half = if HIGH { 8 } else { 0 };
            let word =
                |i| u64::from(get::<u16>(src, half + 2 * selector((*op).imm, i))) << (16 * i);
            let shuffled = word(0) | word(1) | word(2) | word(3);
            let other = get(src, 8 - half);
            let result = if HIGH { join(other, shuffled) } else { join(shuffled, other) };
            set_value(cpu, (*op).dst, result);
        }
        true
    }
}

impl Form for Quadwords {
    const BYTES: u8 = 16;
    #[inline(always)]
    unsafe fn apply(cpu: *mut Cpu, op: *const Op, src: *const u8) -> bool {
        // SAFETY: see the trait.
        unsafe {
            let imm = (*op).imm as usize;
            let low = get(xmm(cpu, (*op).dst), 8 * (imm & 1));
            set_value(cpu, (*op).dst, join(low, get(src, 8 * (imm >> 1 & 1))));
        }
        true
    }
}

impl<const HIGH: bool> Form for Halves<HIGH> {
    const BYTES: u8 = 16;
    #[inline(always)]
    unsafe fn apply(cpu: *mut Cpu, op: *const Op, src: *const u8) -> bool {
        // SAFETY: see the trait.
        unsafe {
            let half = if HIGH { 8 } else { 0 };
            let low = get(xmm(cpu, (*op).dst), half);
            set_value(cpu, (*op).dst, join(low, get(src, half)));
        }
        true
    }
}

impl<const ODD: usize> Form for Twice<ODD> {
    const BYTES: u8 = 16;
    #[inline(always)]
    unsafe fn apply(cpu: *mut Cpu, op: *const Op, src: *const u8) -> bool {
        // SAFETY: see the trait.
        unsafe {
            let (a, b) = (get(src, 4 * ODD), get(src, 4 * ODD + 8));
            set_value(cpu, (*op).dst, vector::gather([a, a, b, b]));
        }
        true
    }
}

/// PINSRB PINSRW PINSRD PINSRQ.
pub(crate) struct Inserted<W>(PhantomData<W>);

impl<W: Width> Form for Inserted<W> {
    const BYTES: u8 = W::BYTES;
    #[inline(always)]
    unsafe fn apply(cpu: *mut Cpu, op: *const Op, src: *const u8) -> bool {
        // SAFETY: see the trait.
        unsafe {
            let at = (*op).imm as u32 & (128 / W::BITS - 1);
            let (shift, upper) = ((at * W::BITS) & 63, at * W::BITS >= 64);
            let element = get::<W>(src, 0).to_u64() << shift;
            let replaced = |half: u64| half & !(W::MASK << shift) | element;
            let dst = xmm(cpu, (*op).dst);
            let (low, high) = (get(dst, 0), get(dst, 8));
            let result = if upper { join(low, replaced(high)) } else { join(replaced(low), high) };
            set_value(cpu, (*op).dst, result);
        }
        true
    }
}

// ---- masks ----

/// PMOVMSKB.
pub(crate) struct ByteSigns;
/// MOVMSKPS.
pub(crate) struct DoublewordSigns;
/// MOVMSKPD.
pub(crate) struct QuadwordSigns;

impl Form for ByteSigns {
    const BYTES: u8 = 16;
    #[inline(always)]
    unsafe fn apply(cpu: *mut Cpu, op: *const Op, src: *const u8) -> bool {
        // SAFETY: see the trait.
        unsafe { set_slot::<u64>(cpu, (*op).dst, u64::from(byte_signs(get(src, 0)))) };
        true
    }
}

impl Form for DoublewordSigns {
    const BYTES: u8 = 16;
    #[inline(always)]
    unsafe fn apply(cpu: *mut Cpu, op: *const Op, src: *const u8) -> bool {
        // SAFETY: see the trait.
        unsafe { set_slot::<u64>(cpu, (*op).dst, u64::from(doubleword_signs(get(src, 0)))) };
        true
    }
}

impl Form for QuadwordSigns {
    const BYTES: u8 = 16;
    #[inline(always)]
    unsafe fn apply(cpu: *mut Cpu, op: *const Op, src: *const u8) -> bool {
        // SAFETY: see the trait.
        unsafe {
            let signs = get::<u64>(src, 0) >> 63 | get::<u64>(src, 8) >> 63 << 1;
            set_slot::<u64>(cpu, (*op).dst, signs);
        }
        true
    }
}
