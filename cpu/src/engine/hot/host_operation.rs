//! Operations that not every x86-64 host has, and their forms in the legacy encodings.
//!
//! On an x86-64 host with the extension an operation is the very instruction that the guest executes; its handlers
//! are compiled for such hosts, and chosen only on one. Without the extension the complete forms do all the work.
//! Hosts of other kinds take the portable operation from `insn/sse/`, which is the definition and the test oracle.
//! The operations are in `sse4.rs` and `sse_text.rs`.

use super::form::{Form, Need, Operand};
use super::sse::{get, set_value, value};
use super::vector::V;
use crate::cpu::Cpu;
use crate::decode::op::Op;
use core::marker::PhantomData;

/// An operation of up to three values and an immediate.
pub(crate) trait HostOperation: 'static {
    const NEED: Need;
    /// In memory the second value must be aligned.
    const ALIGNED: bool = true;
    /// The new destination. The third value is XMM0 in the legacy encodings.
    ///
    /// # Safety
    /// The host has what the operation needs.
    unsafe fn eval(dst: V, src: V, third: V, imm: u8) -> V;
}

/// An operation whose first value is the destination, and whose third is XMM0.
pub(crate) struct Replacing<O>(PhantomData<O>);

impl<O: HostOperation> Form for Replacing<O> {
    const BYTES: u8 = 16;
    const ALIGNED: Option<bool> = Some(O::ALIGNED);
    const NEED: Need = O::NEED;
    #[inline(always)]
    unsafe fn apply(cpu: *mut Cpu, op: *const Op, src: Operand) -> bool {
        // SAFETY: see the trait; the handler needs what the operation needs.
        unsafe {
            let (dst, third) = (value(cpu, (*op).dst), value(cpu, 0));
            set_value(cpu, (*op).dst, O::eval(dst, get(src.low, 0), third, (*op).imm as u8));
        }
        true
    }
}
