//! Arithmetic and logic: registers, and a memory operand on one side.

use super::forward::{Base, Choice, Dst, Imm, Index, Last, Leaves, Src, Taken, Value};
use super::select::{AddressForm, Shape, by_form};
use super::{Address, Based, Indexed, Simple, complete, read_host, set_slot, write_host};
use crate::cpu::Cpu;
use crate::decode::op::Op;
use crate::engine::{Handler, next};
use crate::flags::{Status, Width};
use crate::insn::alu::{Alu, Unary};

/// `op r, r` and `op r, imm`.
unsafe fn reg<O: Alu, W: Width, D: Value, S: Value, const FLAGS: bool>(
    cpu: *mut Cpu,
    op: *const Op,
    last: u64,
) -> *const Op {
    // SAFETY: as for `Handler`.
    unsafe {
        let last = reg_step::<O, W, D, S, FLAGS>(cpu, op, last);
        next(cpu, op, last)
    }
}

/// What `op r, r` and `op r, imm` do; the result is what they pass on.
///
/// # Safety
/// As for [`Handler`].
#[inline(always)]
pub(super) unsafe fn reg_step<O: Alu, W: Width, D: Value, S: Value, const FLAGS: bool>(
    cpu: *mut Cpu,
    op: *const Op,
    last: u64,
) -> u64 {
    // SAFETY: as for `Handler`.
    unsafe {
        let dst = D::get(cpu, op, last) & W::MASK;
        let src = S::get(cpu, op, last) & W::MASK;
        let cf = O::READS_CF && (*cpu).status.cf();
        let (result, status) = O::eval::<W>(dst, src, cf);
        if FLAGS {
            (*cpu).status = status;
        }
        if O::WRITES { set_slot::<W>(cpu, (*op).dst, result) } else { last }
    }
}

/// INC, DEC, NEG and NOT of a register.
unsafe fn unary<O: Unary, W: Width, D: Value, const FLAGS: bool>(
    cpu: *mut Cpu,
    op: *const Op,
    last: u64,
) -> *const Op {
    // SAFETY: as for `Handler`.
    unsafe {
        let before: Status = (*cpu).status;
        let (result, status) = O::eval::<W>(before, D::get(cpu, op, last) & W::MASK);
        if FLAGS {
            (*cpu).status = status;
        }
        let last = set_slot::<W>(cpu, (*op).dst, result);
        next(cpu, op, last)
    }
}

/// `op r, m`.
unsafe fn reg_mem<O: Alu, W: Width, D: Value, A: Address>(
    cpu: *mut Cpu,
    op: *const Op,
    last: u64,
) -> *const Op {
    // SAFETY: as for `Handler`.
    unsafe {
        let Some(host) = (*cpu).tlb.read_host(A::linear(cpu, op, last), W::BYTES) else {
            return complete(cpu, op, last);
        };
        let src = read_host::<W>(host);
        let cf = O::READS_CF && (*cpu).status.cf();
        let (result, status) = O::eval::<W>(D::get(cpu, op, last) & W::MASK, src, cf);
        (*cpu).status = status;
        let last = if O::WRITES { set_slot::<W>(cpu, (*op).dst, result) } else { last };
        next(cpu, op, last)
    }
}

/// `op m, r` and `op m, imm`.
unsafe fn mem<O: Alu, W: Width, S: Value, A: Address>(
    cpu: *mut Cpu,
    op: *const Op,
    last: u64,
) -> *const Op {
    // SAFETY: as for `Handler`. A write tag implies that the page can be read.
    unsafe {
        let linear = A::linear(cpu, op, last);
        let src = S::get(cpu, op, last) & W::MASK;
        let cf = O::READS_CF && (*cpu).status.cf();
        if O::WRITES {
            let Some(host) = (*cpu).tlb.write_host(linear, W::BYTES) else {
                return complete(cpu, op, last);
            };
            let (result, status) = O::eval::<W>(read_host::<W>(host), src, cf);
            write_host::<W>(host, result);
            (*cpu).status = status;
        } else {
            let Some(host) = (*cpu).tlb.read_host(linear, W::BYTES) else {
                return complete(cpu, op, last);
            };
            (*cpu).status = O::eval::<W>(read_host::<W>(host), src, cf).1;
        }
        next(cpu, op, 0)
    }
}

/// INC, DEC, NEG and NOT of memory.
unsafe fn unary_mem<O: Unary, W: Width, A: Address>(
    cpu: *mut Cpu,
    op: *const Op,
    last: u64,
) -> *const Op {
    // SAFETY: as for `Handler`. A write tag implies that the page can be read.
    unsafe {
        let Some(host) = (*cpu).tlb.write_host(A::linear(cpu, op, last), W::BYTES) else {
            return complete(cpu, op, last);
        };
        let (result, status) = O::eval::<W>((*cpu).status, read_host::<W>(host));
        write_host::<W>(host, result);
        (*cpu).status = status;
        next(cpu, op, 0)
    }
}

/// The form of a two-operand instruction.
pub(super) fn pick<O: Alu>(shape: Shape, width: u32, op: &Op, taken: Taken) -> Option<Choice> {
    match width {
        8 => of_width::<O, u8>(shape, op, taken),
        32 => of_width::<O, u32>(shape, op, taken),
        64 => of_width::<O, u64>(shape, op, taken),
        _ => None,
    }
}

fn of_width<O: Alu, W: Width>(shape: Shape, op: &Op, taken: Taken) -> Option<Choice> {
    Some(match shape {
        Shape::RegReg => match (taken.dst, taken.src) {
            (false, false) => registers::<O, W, Dst, Src>(op),
            (true, false) => registers::<O, W, Last, Src>(op),
            (false, true) => registers::<O, W, Dst, Last>(op),
            (true, true) => registers::<O, W, Last, Last>(op),
        },
        Shape::RegImm if taken.dst => registers::<O, W, Last, Imm>(op),
        Shape::RegImm => registers::<O, W, Dst, Imm>(op),
        Shape::RegMem(form) => {
            let handler = match form {
                AddressForm::Simple if taken.dst => reg_mem::<O, W, Last, Simple<Base>>,
                AddressForm::Indexed if taken.dst => reg_mem::<O, W, Last, Indexed<Base, Index>>,
                _ => by_form!(form, reg_mem::<O, W, Dst>),
            };
            let leaves = if O::WRITES { Leaves::Register(op.dst) } else { Leaves::Nothing };
            Choice { leaves, ..Choice::memory(handler) }
        }
        Shape::MemReg(AddressForm::Simple) if taken.src => {
            Choice::memory(mem::<O, W, Last, Simple<Base>>)
        }
        Shape::MemReg(AddressForm::Indexed) if taken.src => {
            Choice::memory(mem::<O, W, Last, Indexed<Base, Index>>)
        }
        Shape::MemReg(form) => Choice::memory(by_form!(form, mem::<O, W, Src>)),
        Shape::MemImm(form) => Choice::memory(by_form!(form, mem::<O, W, Imm>)),
        Shape::Reg | Shape::Mem(_) => return None,
    })
}

fn registers<O: Alu, W: Width, D: Value, S: Value>(op: &Op) -> Choice {
    let choice = Choice::arithmetic(reg::<O, W, D, S, true>, reg::<O, W, D, S, false>, op);
    if O::WRITES { choice } else { Choice { leaves: Leaves::Same, ..choice } }
}

/// The form of INC, DEC, NEG or NOT.
pub(super) fn pick_unary<O: Unary>(
    shape: Shape,
    width: u32,
    op: &Op,
    taken: Taken,
) -> Option<Choice> {
    match width {
        8 => unary_of_width::<O, u8>(shape, op, taken),
        32 => unary_of_width::<O, u32>(shape, op, taken),
        64 => unary_of_width::<O, u64>(shape, op, taken),
        _ => None,
    }
}

fn unary_of_width<O: Unary, W: Width>(shape: Shape, op: &Op, taken: Taken) -> Option<Choice> {
    let choice = match shape {
        Shape::Reg if taken.dst => {
            Choice::arithmetic(unary::<O, W, Last, true>, unary::<O, W, Last, false>, op)
        }
        Shape::Reg => Choice::arithmetic(unary::<O, W, Dst, true>, unary::<O, W, Dst, false>, op),
        Shape::Mem(form) => {
            let handler: Handler = by_form!(form, unary_mem::<O, W>);
            return Some(Choice::memory(handler));
        }
        _ => return None,
    };
    Some(if O::FLAGS { choice } else { Choice { flagless: None, ..choice } })
}
