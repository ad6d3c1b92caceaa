//! Forms of 128 or 256 bits under VEX, made of those of 16 bytes: the destination is a register of its own, and
//! what is above the vector's length becomes zero.

use super::form::{Form, Need, Operand, upper};
use super::host_operation::HostOperation;
use super::sse::{Lane, Produce, With, get, xmm};
use super::vector::{V, join};
use crate::cpu::Cpu;
use crate::decode::op::Op;
use crate::insn::avx::Length;
use core::marker::PhantomData;

// ---- registers ----

/// Writes both halves of YMM register `n`.
///
/// # Safety
/// `cpu` is valid.
#[inline(always)]
pub(super) unsafe fn set_lanes(cpu: *mut Cpu, n: u8, low: V, high: V) {
    // SAFETY: registers are aligned to 16 bytes, as `u128` is.
    unsafe {
        xmm(cpu, n).cast::<V>().write(low);
        upper(cpu, n).cast::<V>().write(high);
    }
}

/// Writes XMM register `n` and clears what is above it.
///
/// # Safety
/// `cpu` is valid.
#[inline(always)]
pub(super) unsafe fn set_low_lane(cpu: *mut Cpu, n: u8, low: V) {
    // SAFETY: see above.
    unsafe { set_lanes(cpu, n, low, join(0, 0)) }
}

// ---- lane by lane ----

/// An operation that not every x86-64 host has.
pub(crate) struct OfHost<O>(PhantomData<O>);

impl<O: HostOperation> Lane for OfHost<O> {
    const NEED: Need = O::NEED;
    #[inline(always)]
    unsafe fn eval(imm: u64, first: *const u8, second: *const u8) -> V {
        // SAFETY: see the trait.
        unsafe { O::eval(get(first, 0), get(second, 0), join(0, 0), imm as u8) }
    }
}

/// `K` of the second and the last operand. Of the immediate, the upper lane takes the bits above `STEP`.
pub(crate) struct OfTwo<K, L, const STEP: u32>(PhantomData<(K, L)>);
/// `K` of one operand.
pub(crate) struct OfOne<K, L, const STEP: u32>(PhantomData<(K, L)>);
/// `K` of the second operand and the low lane of the last: shifts.
pub(crate) struct ByLow<K, L>(PhantomData<(K, L)>);

impl<K: Lane, L: Length, const STEP: u32> Form for OfTwo<K, L, STEP> {
    const BYTES: u8 = if L::WIDE { 32 } else { K::BYTES };
    const NEED: Need = K::NEED;
    #[inline(always)]
    unsafe fn apply(cpu: *mut Cpu, op: *const Op, src: Operand) -> bool {
        // SAFETY: see the trait.
        unsafe {
            let first = Operand::register(cpu, (*op).src);
            let imm = (*op).imm & 0xff;
            let low = K::eval(imm, first.low, src.low);
            let high =
                if L::WIDE { K::eval(imm >> STEP, first.high, src.high) } else { join(0, 0) };
            set_lanes(cpu, (*op).dst, low, high);
        }
        true
    }
}

impl<K: Lane, L: Length, const STEP: u32> Form for OfOne<K, L, STEP> {
    const BYTES: u8 = if L::WIDE { 32 } else { K::BYTES };
    const NEED: Need = K::NEED;
    #[inline(always)]
    unsafe fn apply(cpu: *mut Cpu, op: *const Op, src: Operand) -> bool {
        // SAFETY: see the trait.
        unsafe {
            let imm = (*op).imm & 0xff;
            let low = K::eval(imm, src.low, src.low);
            let high = if L::WIDE { K::eval(imm >> STEP, src.high, src.high) } else { join(0, 0) };
            set_lanes(cpu, (*op).dst, low, high);
        }
        true
    }
}

impl<K: Lane, L: Length> Form for ByLow<K, L> {
    const BYTES: u8 = 16;
    const NEED: Need = K::NEED;
    #[inline(always)]
    unsafe fn apply(cpu: *mut Cpu, op: *const Op, src: Operand) -> bool {
        // SAFETY: see the trait.
        unsafe {
            let first = Operand::register(cpu, (*op).src);
            let low = K::eval(0, first.low, src.low);
            let high = if L::WIDE { K::eval(0, first.high, src.low) } else { join(0, 0) };
            set_lanes(cpu, (*op).dst, low, high);
        }
        true
    }
}

// ---- half by half ----

/// `P` of both halves, or of one and the rest zero. Nothing is written before all of it is known.
pub(crate) struct ByHalves<L, P>(PhantomData<(L, P)>);

impl<L: Length, P: Produce> Form for ByHalves<L, P> {
    const BYTES: u8 = if L::WIDE { 2 * P::BYTES } else { P::BYTES };
    #[inline(always)]
    unsafe fn apply(cpu: *mut Cpu, op: *const Op, src: Operand) -> bool {
        // SAFETY: see the trait. Operations of one operand do not look at the first.
        unsafe {
            let with = With::new(cpu, op);
            let first = Operand::register(cpu, (*op).src);
            let Some(low) = P::produce(with, first.low, src.low) else { return false };
            let mut high = join(0, 0);
            if L::WIDE {
                // A narrower source has both its parts in the low half.
                let part =
                    if P::BYTES == 16 { src.high } else { src.low.add(usize::from(P::BYTES)) };
                let Some(produced) = P::produce(with, first.high, part) else { return false };
                high = produced;
            }
            set_lanes(cpu, (*op).dst, low, high);
        }
        true
    }
}
