//! VEX-encoded vector instructions as frameless handlers: the operations of the legacy encodings (`sse_float.rs`)
//! on one half of a YMM register or both, with a destination of their own and its rest cleared.
//!
//! Memory operands need no alignment. As with SSE the complete form decides everything that is not ordinary, and
//! nothing is written before every lane is known to be.

use super::forward::{Base, Index};
use super::newer::Need;
use super::sse::{Form, Forms, Produce, With, set_value, xmm};
use super::vector::{V, join};
use super::{Address, Based, Indexed, Simple, complete};
use crate::cpu::Cpu;
use crate::decode::op::Op;
use crate::engine::next;
use crate::insn::avx::{L128, L256, Length};
use core::marker::PhantomData;

/// Where the operands are.
pub(crate) trait Operands: 'static {
    /// Sixteen bytes of the first source.
    ///
    /// # Safety
    /// As for [`crate::engine::Handler`].
    unsafe fn first(cpu: *mut Cpu, op: *const Op, half: usize) -> *const u8;
    /// The last source, if it is a register.
    ///
    /// # Safety
    /// The same.
    unsafe fn last(cpu: *mut Cpu, op: *const Op, half: usize) -> *const u8;
}

/// `op ymm1, ymm2, ymm3/m256`.
pub(crate) struct Three;
/// `op ymm1, ymm2/m256`.
pub(crate) struct Two;
/// `op xmm1, xmm2, r/m64`.
pub(crate) struct General;

impl Operands for Three {
    #[inline(always)]
    unsafe fn first(cpu: *mut Cpu, op: *const Op, half: usize) -> *const u8 {
        // SAFETY: as for `Handler`.
        unsafe { register(cpu, (*op).src, half) }
    }
    #[inline(always)]
    unsafe fn last(cpu: *mut Cpu, op: *const Op, half: usize) -> *const u8 {
        // SAFETY: as for `Handler`.
        unsafe { register(cpu, (*op).third(), half) }
    }
}

impl Operands for Two {
    #[inline(always)]
    unsafe fn first(cpu: *mut Cpu, op: *const Op, half: usize) -> *const u8 {
        // SAFETY: as for `Handler`. Operations of one operand look at the last alone.
        unsafe { register(cpu, (*op).dst, half) }
    }
    #[inline(always)]
    unsafe fn last(cpu: *mut Cpu, op: *const Op, half: usize) -> *const u8 {
        // SAFETY: as for `Handler`.
        unsafe { register(cpu, (*op).src, half) }
    }
}

impl Operands for General {
    #[inline(always)]
    unsafe fn first(cpu: *mut Cpu, op: *const Op, half: usize) -> *const u8 {
        // SAFETY: as for `Handler`.
        unsafe { Three::first(cpu, op, half) }
    }
    #[inline(always)]
    unsafe fn last(cpu: *mut Cpu, op: *const Op, _half: usize) -> *const u8 {
        // SAFETY: as for `Handler`; the mask keeps the slot below 16.
        unsafe { (&raw const (*cpu).regs).cast::<u64>().add(((*op).third() & 15) as usize).cast() }
    }
}

/// The first byte of a half of YMM register `n`.
///
/// # Safety
/// `cpu` is valid.
#[inline(always)]
pub(super) unsafe fn register(cpu: *mut Cpu, n: u8, half: usize) -> *const u8 {
    // SAFETY: see above.
    unsafe { if half == 0 { xmm(cpu, n) } else { upper(cpu, n) } }
}

#[inline(always)]
unsafe fn upper(cpu: *mut Cpu, n: u8) -> *mut u8 {
    // SAFETY: the mask keeps the number below 16.
    unsafe { (&raw mut (*cpu).sse.upper).cast::<u8>().add((n & 15) as usize * 16) }
}

/// Writes YMM register `n`.
///
/// # Safety
/// `cpu` is valid.
#[inline(always)]
pub(super) unsafe fn set_ymm(cpu: *mut Cpu, n: u8, low: V, high: V) {
    // SAFETY: registers are aligned to 16 bytes, as `u128` is.
    unsafe {
        set_value(cpu, n, low);
        upper(cpu, n).cast::<V>().write(high);
    }
}

/// The handlers of a VEX instruction of length `L`.
struct Vex<S, L, P>(PhantomData<(S, L, P)>);

impl Forms {
    /// Of a VEX instruction of 128 or 256 bits.
    pub(crate) const fn vex<S: Operands, L: Length, P: Produce>() -> &'static Self {
        const {
            &Self {
                need: Need::Nothing,
                register: Vex::<S, L, P>::registers,
                memory: [
                    Vex::<S, L, P>::load::<Simple<Base>>,
                    Vex::<S, L, P>::load::<Indexed<Base, Index>>,
                    Vex::<S, L, P>::load::<Based>,
                ],
            }
        }
    }

    /// Of a VEX instruction that writes no vector register.
    pub(crate) const fn vex_reading<F: Form>() -> &'static Self {
        const {
            &Self {
                need: Need::Nothing,
                register: reading::<F>,
                memory: [
                    reading_memory::<F, Simple<Base>>,
                    reading_memory::<F, Indexed<Base, Index>>,
                    reading_memory::<F, Based>,
                ],
            }
        }
    }
}

impl<S: Operands, L: Length, P: Produce> Vex<S, L, P> {
    const LONG: bool = L::BYTES == 32;

    unsafe fn registers(cpu: *mut Cpu, op: *const Op, last: u64) -> *const Op {
        // SAFETY: as for `Handler`.
        unsafe {
            if (*cpu).avx_off {
                return complete(cpu, op, last);
            }
            // A narrower source has both its parts in the low half.
            let (source, wide) = (S::last(cpu, op, 0), P::BYTES == 16);
            let high = if wide { S::last(cpu, op, 1) } else { source.add(P::BYTES as usize) };
            if Self::apply(cpu, op, source, high) {
                return next(cpu, op, 0);
            }
            complete(cpu, op, last)
        }
    }

    unsafe fn load<A: Address>(cpu: *mut Cpu, op: *const Op, last: u64) -> *const Op {
        // SAFETY: as for `Handler`; a tag covers the operand.
        unsafe {
            let linear = A::linear(cpu, op, last);
            let bytes = P::BYTES * if Self::LONG { 2 } else { 1 };
            if (*cpu).avx_off {
                return complete(cpu, op, last);
            }
            let Some(host) = (*cpu).tlb.read_host(linear, bytes) else {
                return complete(cpu, op, last);
            };
            if Self::apply(cpu, op, host, host.add(P::BYTES as usize)) {
                return next(cpu, op, 0);
            }
            complete(cpu, op, last)
        }
    }

    /// Computes and writes all of the destination, or nothing of it.
    #[inline(always)]
    unsafe fn apply(cpu: *mut Cpu, op: *const Op, source: *const u8, high: *const u8) -> bool {
        // SAFETY: as for `Handler`; the sources can be read.
        unsafe {
            let with = With::new(cpu, op);
            let Some(low) = P::produce(with, S::first(cpu, op, 0), source) else { return false };
            let high = if Self::LONG {
                let Some(high) = P::produce(with, S::first(cpu, op, 1), high) else { return false };
                high
            } else {
                join(0, 0)
            };
            set_ymm(cpu, (*op).dst, low, high);
        }
        true
    }
}

unsafe fn reading<F: Form>(cpu: *mut Cpu, op: *const Op, last: u64) -> *const Op {
    // SAFETY: as for `Handler`.
    unsafe {
        if (*cpu).avx_off || !F::apply(cpu, op, xmm(cpu, (*op).src)) {
            return complete(cpu, op, last);
        }
        next(cpu, op, 0)
    }
}

unsafe fn reading_memory<F: Form, A: Address>(
    cpu: *mut Cpu,
    op: *const Op,
    last: u64,
) -> *const Op {
    // SAFETY: as for `Handler`; a tag covers the operand.
    unsafe {
        let linear = A::linear(cpu, op, last);
        if (*cpu).avx_off {
            return complete(cpu, op, last);
        }
        let Some(host) = (*cpu).tlb.read_host(linear, F::BYTES) else {
            return complete(cpu, op, last);
        };
        if F::apply(cpu, op, host) { next(cpu, op, 0) } else { complete(cpu, op, last) }
    }
}

const _: () = assert!(L128::BYTES == 16 && L256::BYTES == 32);
