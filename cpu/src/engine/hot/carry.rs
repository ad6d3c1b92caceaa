//! ADD and the ADC behind it, SUB and the SBB behind it: one dispatch, and the carry in a host register.
//!
//! Numbers of many words are added so. The block keeps both ops in their places; the second one writes
//! all flags and cannot fault, so those of the first are not kept.

use super::forward::{Base, Dst, Imm, Index, Last, Src, Taken, Value};
use super::select::{AddressForm, Shape, width_of};
use super::{Address, Indexed, Simple, complete, read_host, set_slot, write_host};
use crate::cpu::Cpu;
use crate::decode::op::Op;
use crate::engine::{Handler, next};
use crate::insn::alu::{Adc, Add, Alu, Sbb, Sub};
use iced_x86::{Instruction, Mnemonic};

/// `op r, r`, and the second instruction with the operand `T`.
unsafe fn registers<O: Alu, P: Alu, D: Value, S: Value, T: Value>(
    cpu: *mut Cpu,
    op: *const Op,
    last: u64,
) -> *const Op {
    // SAFETY: as for `Handler`; the op behind this one is the second instruction.
    unsafe {
        let (dst, src) = (D::get(cpu, op, last), S::get(cpu, op, last));
        let (result, status) = O::eval::<u64>(dst, src, false);
        set_slot::<u64>(cpu, (*op).dst, result);
        second::<P, T>(cpu, op.add(1), status.cf())
    }
}

/// `op m, r`, and the second instruction with the operand `T`.
unsafe fn memory<O: Alu, P: Alu, S: Value, A: Address, T: Value>(
    cpu: *mut Cpu,
    op: *const Op,
    last: u64,
) -> *const Op {
    // SAFETY: as for `Handler`; the op behind this one is the second instruction. The complete form
    // goes on with it too. A write tag implies that the page can be read.
    unsafe {
        let Some(host) = (*cpu).tlb.write_host(A::linear(cpu, op, last), 8) else {
            return complete(cpu, op, last);
        };
        let (result, status) = O::eval::<u64>(read_host::<u64>(host), S::get(cpu, op, last), false);
        write_host::<u64>(host, result);
        second::<P, T>(cpu, op.add(1), status.cf())
    }
}

/// # Safety
/// As for [`Handler`].
#[inline(always)]
unsafe fn second<P: Alu, T: Value>(cpu: *mut Cpu, op: *const Op, cf: bool) -> *const Op {
    // SAFETY: as for `Handler`.
    unsafe {
        let (result, status) = P::eval::<u64>(Dst::get(cpu, op, 0), T::get(cpu, op, 0), cf);
        (*cpu).status = status;
        let last = set_slot::<u64>(cpu, (*op).dst, result);
        next(cpu, op, last)
    }
}

/// The fused handler of two 64-bit instructions, the second on registers. `last` is the register passed
/// on to the first.
pub(crate) fn carry(
    first: &Instruction,
    op: &Op,
    last: Option<u8>,
    behind: &Instruction,
    behind_op: &Op,
) -> Option<Handler> {
    let none = Taken::of(behind_op, None);
    let immediate = match Shape::of(behind, behind_op, none)? {
        Shape::RegReg => false,
        Shape::RegImm => true,
        _ => return None,
    };
    if width_of(first) != 64 || width_of(behind) != 64 {
        return None;
    }
    let taken = Taken::of(op, last);
    let shape = || Shape::of(first, op, taken);
    match (first.mnemonic(), behind.mnemonic(), immediate) {
        (Mnemonic::Add, Mnemonic::Adc, false) => pick::<Add, Adc, Src>(shape()?, taken),
        (Mnemonic::Add, Mnemonic::Adc, true) => pick::<Add, Adc, Imm>(shape()?, taken),
        (Mnemonic::Sub, Mnemonic::Sbb, false) => pick::<Sub, Sbb, Src>(shape()?, taken),
        (Mnemonic::Sub, Mnemonic::Sbb, true) => pick::<Sub, Sbb, Imm>(shape()?, taken),
        _ => None,
    }
}

fn pick<O: Alu, P: Alu, T: Value>(shape: Shape, taken: Taken) -> Option<Handler> {
    Some(match (shape, taken.dst, taken.src) {
        (Shape::RegReg, true, _) => registers::<O, P, Last, Src, T>,
        (Shape::RegReg, false, true) => registers::<O, P, Dst, Last, T>,
        (Shape::RegReg, false, false) => registers::<O, P, Dst, Src, T>,
        (Shape::MemReg(AddressForm::Simple), _, true) => memory::<O, P, Last, Simple<Base>, T>,
        (Shape::MemReg(AddressForm::Simple), _, false) => memory::<O, P, Src, Simple<Base>, T>,
        (Shape::MemReg(AddressForm::Indexed), _, true) => {
            memory::<O, P, Last, Indexed<Base, Index>, T>
        }
        (Shape::MemReg(AddressForm::Indexed), _, false) => {
            memory::<O, P, Src, Indexed<Base, Index>, T>
        }
        _ => return None,
    })
}
