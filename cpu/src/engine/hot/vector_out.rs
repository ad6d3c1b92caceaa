//! What leaves vector registers: moves to general registers, stores, masks and tests. Both encodings have them alike.

use super::form::{Form, Operand, Store};
use super::set_slot;
use super::sse::get;
use super::vector::{V, byte_signs, doubleword_signs};
use crate::cpu::Cpu;
use crate::decode::op::Op;
use crate::flags::{Status, Width};
use crate::insn::avx::Length;
use crate::insn::avx::test::Tested;
use crate::insn::sse::insert::extract;
use core::marker::PhantomData;

// ---- to general registers ----

/// The low part to a general register.
pub(crate) struct ToGeneral<W>(PhantomData<W>);
/// An element to a general register: PEXTR.
pub(crate) struct Extracted<W>(PhantomData<W>);

impl<W: Width> Form for ToGeneral<W> {
    const BYTES: u8 = W::BYTES;
    #[inline(always)]
    unsafe fn apply(cpu: *mut Cpu, op: *const Op, src: Operand) -> bool {
        // SAFETY: see the trait.
        unsafe { set_slot::<W>(cpu, (*op).dst, get::<W>(src.low, 0).to_u64()) };
        true
    }
}

impl<W: Width> Form for Extracted<W> {
    const BYTES: u8 = 16;
    #[inline(always)]
    unsafe fn apply(cpu: *mut Cpu, op: *const Op, src: Operand) -> bool {
        // SAFETY: see the trait.
        unsafe {
            let element = extract::<W>(get(src.low, 0), (*op).imm);
            set_slot::<u64>(cpu, (*op).dst, element.to_u64());
        }
        true
    }
}

// ---- stores ----

/// All bytes of the vector's length to memory.
pub(crate) struct StoreWhole<L, const ALIGNED: bool>(PhantomData<L>);
/// The low part to memory.
pub(crate) struct StoreLow<W>(PhantomData<W>);
/// The high half of the low lane to memory.
pub(crate) struct StoreHigh;
/// The lane that the immediate names to memory.
pub(crate) struct StoreLane;
/// The element that the immediate names to memory.
pub(crate) struct StoreElement<W>(PhantomData<W>);

impl<L: Length, const ALIGN: bool> Store for StoreWhole<L, ALIGN> {
    const BYTES: u8 = L::BYTES as u8;
    const ALIGNED: bool = ALIGN;
    #[inline(always)]
    unsafe fn store(_op: *const Op, register: Operand, to: *mut u8) {
        // SAFETY: see the trait.
        unsafe {
            to.cast::<V>().write_unaligned(get(register.low, 0));
            if L::WIDE {
                to.add(16).cast::<V>().write_unaligned(get(register.high, 0));
            }
        }
    }
}

impl<W: Width> Store for StoreLow<W> {
    const BYTES: u8 = W::BYTES;
    #[inline(always)]
    unsafe fn store(_op: *const Op, register: Operand, to: *mut u8) {
        // SAFETY: see the trait.
        unsafe { to.cast::<W>().write_unaligned(get(register.low, 0)) }
    }
}

impl Store for StoreHigh {
    const BYTES: u8 = 8;
    #[inline(always)]
    unsafe fn store(_op: *const Op, register: Operand, to: *mut u8) {
        // SAFETY: see the trait.
        unsafe { to.cast::<u64>().write_unaligned(get(register.low, 8)) }
    }
}

impl Store for StoreLane {
    const BYTES: u8 = 16;
    #[inline(always)]
    unsafe fn store(op: *const Op, register: Operand, to: *mut u8) {
        // SAFETY: see the trait.
        unsafe { to.cast::<V>().write_unaligned(get(named(op, register), 0)) }
    }
}

impl<W: Width> Store for StoreElement<W> {
    const BYTES: u8 = W::BYTES;
    #[inline(always)]
    unsafe fn store(op: *const Op, register: Operand, to: *mut u8) {
        // SAFETY: see the trait.
        unsafe { to.cast::<W>().write_unaligned(extract::<W>(get(register.low, 0), (*op).imm)) }
    }
}

/// The lane that bit 0 of the immediate names.
#[inline(always)]
pub(super) unsafe fn named(op: *const Op, from: Operand) -> *const u8 {
    // SAFETY: as for `Form::apply`.
    unsafe { if (*op).imm & 1 != 0 { from.high } else { from.low } }
}

// ---- masks and tests ----

/// PMOVMSKB (`W` of 8 bits), MOVMSKPS, MOVMSKPD.
pub(crate) struct TopBits<W, L>(PhantomData<(W, L)>);
/// PTEST VTESTPS VTESTPD.
pub(crate) struct Test<T, L>(PhantomData<(T, L)>);

#[inline(always)]
unsafe fn top_bits<W: Width>(lane: *const u8) -> u64 {
    // SAFETY: as for `Form::apply`.
    unsafe {
        match W::BITS {
            8 => u64::from(byte_signs(get(lane, 0))),
            32 => u64::from(doubleword_signs(get(lane, 0))),
            _ => get::<u64>(lane, 0) >> 63 | get::<u64>(lane, 8) >> 63 << 1,
        }
    }
}

impl<W: Width, L: Length> Form for TopBits<W, L> {
    const BYTES: u8 = 16;
    #[inline(always)]
    unsafe fn apply(cpu: *mut Cpu, op: *const Op, src: Operand) -> bool {
        // SAFETY: see the trait.
        unsafe {
            let low = top_bits::<W>(src.low);
            let high = if L::WIDE { top_bits::<W>(src.high) << (128 / W::BITS) } else { 0 };
            set_slot::<u64>(cpu, (*op).dst, low | high);
        }
        true
    }
}

impl<T: Tested, L: Length> Form for Test<T, L> {
    const BYTES: u8 = L::BYTES as u8;
    #[inline(always)]
    unsafe fn apply(cpu: *mut Cpu, op: *const Op, src: Operand) -> bool {
        // SAFETY: see the trait.
        unsafe {
            let first = Operand::register(cpu, (*op).dst);
            let bits = T::bits() as u64;
            let both = |a: *const u8, b: *const u8, at| get::<u64>(a, at) & get::<u64>(b, at);
            let alone = |a: *const u8, b: *const u8, at| !get::<u64>(a, at) & get::<u64>(b, at);
            let mut together = both(first.low, src.low, 0) | both(first.low, src.low, 8);
            let mut second = alone(first.low, src.low, 0) | alone(first.low, src.low, 8);
            if L::WIDE {
                together |= both(first.high, src.high, 0) | both(first.high, src.high, 8);
                second |= alone(first.high, src.high, 0) | alone(first.high, src.high, 8);
            }
            (*cpu).status = Status::ordered(second & bits == 0, together & bits == 0);
        }
        true
    }
}
