//! What every frameless SSE form shares: its handlers, and the way to registers and operands.
//!
//! A form gets a pointer to its second operand, be it a register or guest memory that a tag has proved
//! accessible. Before that its handler has seen that SSE may be used and, where the instruction wants it, that
//! the operand is aligned; in every other case the complete form from `insn/sse/` decides.
//!
//! Registers are numbers of 16 bytes whose lowest byte comes first in memory only on a little-endian host:
//! other hosts always use the complete forms.

use super::forward::{Base, Index};
use super::newer::Need;
use super::vector::V;
use super::{Address, Based, Indexed, Simple, complete};
use crate::cpu::Cpu;
use crate::decode::block::CodeSize;
use crate::decode::lower::ATTR_RIP_FULL;
use crate::decode::op::{AddressSize, MEMORY, Op, ZERO_SLOT};
use crate::engine::{Handler, next};

/// What a frameless instruction does with its second operand.
pub(crate) trait Form: 'static {
    /// Bytes of it in memory.
    const BYTES: u8;
    /// In memory it must be aligned to 16 bytes.
    const ALIGNED: bool = Self::BYTES == 16;

    /// Computes and writes the destination register. False, with nothing changed, if the complete form
    /// has to do it.
    ///
    /// # Safety
    /// As for [`Handler`]; `src` can be read for [`Form::BYTES`] at any alignment.
    unsafe fn apply(cpu: *mut Cpu, op: *const Op, src: *const u8) -> bool;
}

/// What a frameless instruction makes of sixteen bytes of its operands, in whatever encoding: in a legacy one the
/// first operand is the destination, in a VEX one (`vex.rs`) a register of its own.
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
    /// As for [`Handler`].
    #[inline(always)]
    pub(super) unsafe fn new(cpu: *const Cpu, op: *const Op) -> Self {
        // SAFETY: see above.
        unsafe { Self { mxcsr: (*cpu).sse.mxcsr, imm: (*op).imm } }
    }
}

impl<P: Produce> Form for P {
    const BYTES: u8 = P::BYTES;

    #[inline(always)]
    unsafe fn apply(cpu: *mut Cpu, op: *const Op, src: *const u8) -> bool {
        // SAFETY: as for `Form::apply`.
        unsafe {
            let with = With::new(cpu, op);
            let Some(value) = P::produce(with, xmm(cpu, (*op).dst), src) else { return false };
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

/// What a frameless instruction stores.
pub(crate) trait Store: 'static {
    /// Bytes.
    const BYTES: u8;
    /// They must be aligned to 16 bytes.
    const ALIGNED: bool = false;

    /// Copies from a register to memory.
    ///
    /// # Safety
    /// `to` can be written for [`Store::BYTES`] at any alignment.
    unsafe fn store(register: *const u8, to: *mut u8);
}

/// Where a second operand in a register is.
pub(crate) trait File: 'static {
    /// Its first byte.
    ///
    /// # Safety
    /// As for [`Handler`].
    unsafe fn operand(cpu: *mut Cpu, op: *const Op) -> *const u8;
}

/// XMM registers.
pub(crate) struct Xmms;
/// General registers.
pub(crate) struct General;

impl File for Xmms {
    #[inline(always)]
    unsafe fn operand(cpu: *mut Cpu, op: *const Op) -> *const u8 {
        // SAFETY: as for `Handler`.
        unsafe { xmm(cpu, (*op).src) }
    }
}

impl File for General {
    #[inline(always)]
    unsafe fn operand(cpu: *mut Cpu, op: *const Op) -> *const u8 {
        // SAFETY: as for `Handler`; the decoder made the slot number, below 16.
        unsafe {
            debug_assert!((*op).src < 16);
            (&raw const (*cpu).regs).cast::<u64>().add((*op).src as usize).cast()
        }
    }
}

/// The frameless handlers of an instruction.
pub(crate) struct Forms {
    /// What the host must have for them.
    pub(super) need: Need,
    pub(super) register: Handler,
    /// With base and displacement, with an index too, with a segment base too.
    pub(super) memory: [Handler; 3],
}

impl Forms {
    /// Of an instruction that reads its second operand, `R` from a register and `M` from memory.
    pub(crate) const fn of<L: File, R: Form, M: Form>() -> &'static Self {
        const {
            &Self {
                need: Need::Nothing,
                register: register::<L, R>,
                memory: [
                    load::<M, Simple<Base>>,
                    load::<M, Indexed<Base, Index>>,
                    load::<M, Based>,
                ],
            }
        }
    }

    /// Of an instruction that stores an XMM register, or copies it as `R` does.
    pub(crate) const fn storing<R: Form, M: Store>() -> &'static Self {
        const {
            &Self {
                need: Need::Nothing,
                register: register::<Xmms, R>,
                memory: [
                    store::<M, Simple<Base>>,
                    store::<M, Indexed<Base, Index>>,
                    store::<M, Based>,
                ],
            }
        }
    }
}

/// The handler for an op's operands, if they allow a frameless one.
pub(crate) fn frameless(forms: &Forms, op: &Op, size: CodeSize) -> Option<Handler> {
    if cfg!(target_endian = "big") || !forms.need.is_met() {
        return None;
    }
    // Nothing else looks like a third operand in memory: an immediate that long has no such forms.
    if op.dst != MEMORY && op.src != MEMORY && op.third() != MEMORY {
        return Some(forms.register);
    }
    let flat = size == CodeSize::Bits64
        && op.address_size() == AddressSize::A64
        && op.attr & ATTR_RIP_FULL == 0;
    let address = match (op.segment() >= 4, op.index == ZERO_SLOT) {
        (true, _) => 2,
        (false, true) => 0,
        (false, false) => 1,
    };
    flat.then(|| forms.memory[address])
}

/// Handler of a form with register operands.
///
/// # Safety
/// As for [`Handler`].
#[inline(always)]
pub(super) unsafe fn register<L: File, F: Form>(
    cpu: *mut Cpu,
    op: *const Op,
    last: u64,
) -> *const Op {
    // SAFETY: as for `Handler`.
    unsafe {
        if (*cpu).sse_off || !F::apply(cpu, op, L::operand(cpu, op)) {
            return complete(cpu, op, last);
        }
        next(cpu, op, 0)
    }
}

/// Handler of a form with its second operand in memory.
///
/// # Safety
/// As for [`Handler`].
#[inline(always)]
pub(super) unsafe fn load<F: Form, A: Address>(
    cpu: *mut Cpu,
    op: *const Op,
    last: u64,
) -> *const Op {
    // SAFETY: as for `Handler`; a tag covers the operand.
    unsafe {
        let linear = A::linear(cpu, op, last);
        if (*cpu).sse_off || F::ALIGNED && linear & 15 != 0 {
            return complete(cpu, op, last);
        }
        let Some(host) = (*cpu).tlb.read_host(linear, F::BYTES) else {
            return complete(cpu, op, last);
        };
        if F::apply(cpu, op, host) { next(cpu, op, 0) } else { complete(cpu, op, last) }
    }
}

unsafe fn store<S: Store, A: Address>(cpu: *mut Cpu, op: *const Op, last: u64) -> *const Op {
    // SAFETY: as for `Handler`; a tag covers the operand.
    unsafe {
        let linear = A::linear(cpu, op, last);
        if (*cpu).sse_off || S::ALIGNED && linear & 15 != 0 {
            return complete(cpu, op, last);
        }
        let Some(host) = (*cpu).tlb.write_host(linear, S::BYTES) else {
            return complete(cpu, op, last);
        };
        S::store(xmm(cpu, (*op).src), host);
        next(cpu, op, 0)
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
