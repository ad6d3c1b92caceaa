//! MUL, and IMUL with two or three operands.

use super::forward::{Base, Choice, Dst, Imm, Index, Last, Leaves, Src, Taken, Value};
use super::select::{AddressForm, Shape, by_form};
use super::{Address, Based, Indexed, Simple, complete, read_host, set_slot, slot};
use crate::cpu::{Cpu, reg};
use crate::decode::op::Op;
use crate::engine::{Handler, next};
use crate::flags::Width;
use crate::insn::muldiv::{product, product_status, signed_product};
use iced_x86::{Instruction, OpKind};

/// `IMUL r, r` and `IMUL r, r, imm`: `B` is the second factor.
unsafe fn imul<W: Width, A: Value, B: Value, const FLAGS: bool>(
    cpu: *mut Cpu,
    op: *const Op,
    last: u64,
) -> *const Op {
    // SAFETY: as for `Handler`.
    unsafe {
        let last = imul_step::<W, A, B, FLAGS>(cpu, op, last);
        next(cpu, op, last)
    }
}

/// What IMUL does; the result is what it passes on.
///
/// # Safety
/// As for [`Handler`].
#[inline(always)]
pub(super) unsafe fn imul_step<W: Width, A: Value, B: Value, const FLAGS: bool>(
    cpu: *mut Cpu,
    op: *const Op,
    last: u64,
) -> u64 {
    // SAFETY: as for `Handler`.
    unsafe {
        let (a, b) = (A::get(cpu, op, last), B::get(cpu, op, last));
        let (result, overflow) = signed_product::<W>(a, b);
        if FLAGS {
            (*cpu).status = product_status((*cpu).status, overflow);
        }
        set_slot::<W>(cpu, (*op).dst, result)
    }
}

/// `IMUL r, m`.
unsafe fn imul_mem<W: Width, D: Value, A: Address>(
    cpu: *mut Cpu,
    op: *const Op,
    last: u64,
) -> *const Op {
    // SAFETY: as for `Handler`.
    unsafe {
        let Some(host) = (*cpu).tlb.read_host(A::linear(cpu, op, last), W::BYTES) else {
            return complete(cpu, op, last);
        };
        let (result, overflow) = signed_product::<W>(D::get(cpu, op, last), read_host::<W>(host));
        (*cpu).status = product_status((*cpu).status, overflow);
        let last = set_slot::<W>(cpu, (*op).dst, result);
        next(cpu, op, last)
    }
}

/// MUL of the accumulator.
///
/// # Safety
/// As for [`Handler`].
#[inline(always)]
unsafe fn mul_by<W: Width>(cpu: *mut Cpu, op: *const Op, a: u64, b: u64) -> *const Op {
    // SAFETY: as for `Handler`.
    unsafe {
        let (low, high) = product::<W>(a & W::MASK, b & W::MASK);
        let last = set_slot::<W>(cpu, reg::RAX, low);
        set_slot::<W>(cpu, reg::RDX, high);
        (*cpu).status = product_status((*cpu).status, high != 0);
        next(cpu, op, last)
    }
}

/// `MUL r`: `D` is the operand.
unsafe fn mul<W: Width, D: Value>(cpu: *mut Cpu, op: *const Op, last: u64) -> *const Op {
    // SAFETY: as for `Handler`.
    unsafe { mul_by::<W>(cpu, op, slot(cpu, reg::RAX), D::get(cpu, op, last)) }
}

/// `MUL r` behind the instruction that made the accumulator.
unsafe fn mul_last<W: Width>(cpu: *mut Cpu, op: *const Op, last: u64) -> *const Op {
    // SAFETY: as for `Handler`.
    unsafe { mul_by::<W>(cpu, op, last, slot(cpu, (*op).dst)) }
}

/// `MUL m`.
unsafe fn mul_mem<W: Width, A: Address>(cpu: *mut Cpu, op: *const Op, last: u64) -> *const Op {
    // SAFETY: as for `Handler`.
    unsafe {
        let Some(host) = (*cpu).tlb.read_host(A::linear(cpu, op, last), W::BYTES) else {
            return complete(cpu, op, last);
        };
        mul_by::<W>(cpu, op, slot(cpu, reg::RAX), read_host::<W>(host))
    }
}

/// The form of IMUL.
pub(super) fn pick_imul(
    instruction: &Instruction,
    shape: Shape,
    width: u32,
    op: &Op,
    taken: Taken,
) -> Option<Choice> {
    match width {
        32 => imul_of::<u32>(instruction, shape, op, taken),
        64 => imul_of::<u64>(instruction, shape, op, taken),
        _ => None,
    }
}

fn imul_of<W: Width>(
    instruction: &Instruction,
    shape: Shape,
    op: &Op,
    taken: Taken,
) -> Option<Choice> {
    if instruction.op_count() == 3 {
        let register = instruction.op1_kind() == OpKind::Register;
        return register.then(|| match taken.src {
            true => factors::<W, Last, Imm>(op),
            false => factors::<W, Src, Imm>(op),
        });
    }
    Some(match shape {
        Shape::RegReg => match (taken.dst, taken.src) {
            (false, false) => factors::<W, Dst, Src>(op),
            (true, false) => factors::<W, Last, Src>(op),
            (false, true) => factors::<W, Dst, Last>(op),
            (true, true) => factors::<W, Last, Last>(op),
        },
        Shape::RegMem(form) => {
            let handler: Handler = match form {
                AddressForm::Simple if taken.dst => imul_mem::<W, Last, Simple<Base>>,
                AddressForm::Indexed if taken.dst => imul_mem::<W, Last, Indexed<Base, Index>>,
                _ => by_form!(form, imul_mem::<W, Dst>),
            };
            Choice::memory(handler).leaving(op.dst)
        }
        _ => return None,
    })
}

fn factors<W: Width, A: Value, B: Value>(op: &Op) -> Choice {
    Choice::arithmetic(imul::<W, A, B, true>, imul::<W, A, B, false>, op)
}

/// The form of MUL. It writes two registers, and passes the accumulator on.
pub(super) fn pick_mul(
    shape: Shape,
    width: u32,
    op: &Op,
    taken: Taken,
    last: Option<u8>,
) -> Option<Choice> {
    match width {
        32 => mul_of::<u32>(shape, op, taken, last),
        64 => mul_of::<u64>(shape, op, taken, last),
        _ => None,
    }
}

fn mul_of<W: Width>(shape: Shape, op: &Op, taken: Taken, last: Option<u8>) -> Option<Choice> {
    let handler: Handler = match shape {
        Shape::Reg if taken.dst => mul::<W, Last>,
        Shape::Reg if last == Some(reg::RAX) => mul_last::<W>,
        Shape::Reg => mul::<W, Dst>,
        Shape::Mem(form) => {
            return Some(Choice::memory(by_form!(form, mul_mem::<W>)));
        }
        _ => return None,
    };
    Some(Choice { leaves: Leaves::Register(reg::RAX), ..Choice::value(handler, op) })
}
