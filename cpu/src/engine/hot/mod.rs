//! The hottest forms as frameless handlers: no call, no stack, one tag compare an access.
//!
//! Each memory form has its complete form from `insn/` in [`Op::link`] and jumps there whenever the fast path does
//! not apply (no tag, a page end, a device), before it has changed anything. The complete forms are their
//! test oracle. Only 64-bit mode with 64-bit addresses comes here.

mod alu;
mod atomic;
pub(crate) mod avx;
pub(crate) mod avx_integer;
mod branch;
mod carry;
mod condition;
pub(crate) mod form;
mod forward;
mod fuse;
pub(crate) mod fused;
pub(crate) mod host_operation;
mod mov;
mod muldiv;
mod pair;
mod select;
mod shift;
pub(crate) mod sse;
pub(crate) mod sse4;
pub(crate) mod sse_float;
pub(crate) mod sse_integer;
pub(crate) mod sse_round;
pub(crate) mod sse_text;
pub(crate) mod vector;
pub(crate) mod vector_out;
pub(crate) mod wide;

pub(crate) use branch::select_branch;
pub(crate) use carry::carry;
pub(crate) use form::{Forms, frameless};
pub(crate) use forward::{Choice, Leaves};
pub(crate) use fuse::fuse;
pub(crate) use pair::{Handlers, pair};
pub(crate) use select::select;

use crate::cpu::Cpu;
use crate::decode::op::Op;
use crate::engine::Handler;
use crate::flags::Width;
use crate::mmu::tlb::{read_host, write_host};
use core::marker::PhantomData;
use core::mem::transmute;
use forward::{Base, Index, Value};

/// How a memory operand's linear address is made.
trait Address: 'static {
    /// The linear address.
    ///
    /// # Safety
    /// As for [`Handler`].
    unsafe fn linear(cpu: *const Cpu, op: *const Op, last: u64) -> u64;
}

/// Base and displacement (RIP-relative and absolute ones too).
struct Simple<B>(PhantomData<B>);
/// Base, scaled index and displacement.
struct Indexed<B, I>(PhantomData<(B, I)>);
/// The same plus the base of FS or GS. An offset that is not canonical, or nearly so, gives an address that no tag has, and
/// so leads to the complete form: AMD's processors refuse it.
struct Based;

impl<B: Value> Address for Simple<B> {
    #[inline(always)]
    unsafe fn linear(cpu: *const Cpu, op: *const Op, last: u64) -> u64 {
        // SAFETY: as for `Handler`.
        unsafe { B::get(cpu, op, last).wrapping_add((*op).disp as i64 as u64) }
    }
}

impl<B: Value, I: Value> Address for Indexed<B, I> {
    #[inline(always)]
    unsafe fn linear(cpu: *const Cpu, op: *const Op, last: u64) -> u64 {
        // SAFETY: as for `Handler`.
        unsafe {
            let index = I::get(cpu, op, last) << ((*op).scale & 3);
            Simple::<B>::linear(cpu, op, last).wrapping_add(index)
        }
    }
}

impl Address for Based {
    #[inline(always)]
    unsafe fn linear(cpu: *const Cpu, op: *const Op, last: u64) -> u64 {
        // SAFETY: as for `Handler`; FS and GS are segment registers 4 and 5.
        unsafe {
            const CANONICAL: u64 = 1 << 47;
            const LONGEST: u64 = 64;
            const NOWHERE: u64 = 1 << 62;
            let base = *(*cpu).seg_base.get_unchecked(((*op).attr & 7) as usize);
            let offset = Indexed::<Base, Index>::linear(cpu, op, last);
            let good = offset.wrapping_add(CANONICAL) < 2 * CANONICAL - LONGEST;
            if good { offset.wrapping_add(base) } else { NOWHERE }
        }
    }
}

/// A register slot.
///
/// # Safety
/// `n` is a slot number, below 18: the decoder put it there.
#[inline(always)]
unsafe fn slot(cpu: *const Cpu, n: u8) -> u64 {
    // SAFETY: see above.
    unsafe {
        debug_assert!(n < 18);
        *(&raw const (*cpu).regs).cast::<u64>().add(n as usize)
    }
}

/// Writes a general register at a width; the result is the whole register.
///
/// # Safety
/// `n` is a general register, below 16.
#[inline(always)]
unsafe fn set_slot<W: Width>(cpu: *mut Cpu, n: u8, value: u64) -> u64 {
    // SAFETY: see above.
    unsafe {
        debug_assert!(n < 16);
        let slot = (&raw mut (*cpu).regs).cast::<u64>().add(n as usize);
        let whole =
            if W::BITS >= 32 { value & W::MASK } else { *slot & !W::MASK | value & W::MASK };
        *slot = whole;
        whole
    }
}

/// Takes the complete form instead.
///
/// # Safety
/// As for [`Handler`]; the op's link holds its complete form.
#[inline(always)]
unsafe fn complete(cpu: *mut Cpu, op: *const Op, last: u64) -> *const Op {
    // SAFETY: `select` was given the complete form and the block builder stored it.
    unsafe {
        debug_assert!(!(*op).link.is_null());
        let form = transmute::<*const (), Handler>((*op).link);
        form(cpu, op, last)
    }
}
