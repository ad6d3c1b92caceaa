//! Forms of sixteen bytes: what they are made of, and the way to XMM registers.

use super::form::{Form, Need, Operand};
use super::vector::V;
use crate::cpu::Cpu;
use crate::decode::op::Op;

/// What a frameless instruction makes of sixteen bytes of its operands, in whatever encoding: in a legacy one the
/// first operand is the destination, in a VEX one (`avx::ByHalves`) a register of its own.
pub(crate) trait Produce: 'static {
    /// Bytes of the last operand in memory.
    const BYTES: u8;

    /// Sixteen bytes of the destination. `None` if the complete form has to do it.
    ///
    /// # Safety
    /// `first` can be read for 16 bytes and `last` for [`Produce::BYTES`], at any alignment.
    unsafe fn produce(with: With, first: *const u8, last: *const u8) -> Option<V>;
}

/// What besides its operands a production may look at.
#[derive(Clone, Copy)]
pub(crate) struct With {
    pub(super) mxcsr: u32,
    /// The immediate, with whatever operands share its field.
    pub(super) imm: u64,
}

impl With {
    /// # Safety
    /// As for [`crate::engine::Handler`].
    #[inline(always)]
    pub(super) unsafe fn new(cpu: *const Cpu, op: *const Op) -> Self {
        // SAFETY: see above.
        unsafe { Self { mxcsr: (*cpu).sse.mxcsr, imm: (*op).imm } }
    }
}

impl<P: Produce> Form for P {
    const BYTES: u8 = P::BYTES;

    #[inline(always)]
    unsafe fn apply(cpu: *mut Cpu, op: *const Op, src: Operand) -> bool {
        // SAFETY: as for `Form::apply`.
        unsafe {
            let with = With::new(cpu, op);
            let Some(value) = P::produce(with, xmm(cpu, (*op).dst), src.low) else { return false };
            set_value(cpu, (*op).dst, value);
        }
        true
    }
}

/// A production that always succeeds and looks at nothing but its operands and the immediate byte.
pub(crate) trait Lane: 'static {
    /// Bytes of the second in memory.
    const BYTES: u8 = 16;
    /// What the host must have.
    const NEED: Need = Need::Nothing;

    /// The result.
    ///
    /// # Safety
    /// `first` can be read for 16 bytes, `second` for [`Lane::BYTES`], at any alignment. The host has what is needed.
    unsafe fn eval(imm: u64, first: *const u8, second: *const u8) -> V;
}

impl<L: Lane> Produce for L {
    const BYTES: u8 = L::BYTES;

    #[inline(always)]
    unsafe fn produce(with: With, first: *const u8, last: *const u8) -> Option<V> {
        // SAFETY: as for `Produce::produce`.
        Some(unsafe { L::eval(with.imm & 0xff, first, last) })
    }
}

// ---- registers and bytes ----

/// The first byte of XMM register `n`.
///
/// # Safety
/// `cpu` is valid.
#[inline(always)]
pub(super) unsafe fn xmm(cpu: *mut Cpu, n: u8) -> *mut u8 {
    // SAFETY: the mask keeps the number below 16.
    unsafe { (&raw mut (*cpu).sse.xmm).cast::<u8>().add((n & 15) as usize * 16) }
}

/// Reads at any alignment.
///
/// # Safety
/// `from + at` can be read for the type's size.
#[inline(always)]
pub(super) unsafe fn get<T: Copy>(from: *const u8, at: usize) -> T {
    // SAFETY: see above.
    unsafe { from.add(at).cast::<T>().read_unaligned() }
}

/// The value of XMM register `n`.
///
/// # Safety
/// `cpu` is valid.
#[inline(always)]
pub(super) unsafe fn value(cpu: *mut Cpu, n: u8) -> V {
    // SAFETY: registers are aligned to 16 bytes, as `u128` is.
    unsafe { xmm(cpu, n).cast::<V>().read() }
}

/// Writes XMM register `n`.
///
/// # Safety
/// `cpu` is valid.
#[inline(always)]
pub(super) unsafe fn set_value(cpu: *mut Cpu, n: u8, value: V) {
    // SAFETY: as in `value`.
    unsafe { xmm(cpu, n).cast::<V>().write(value) }
}
