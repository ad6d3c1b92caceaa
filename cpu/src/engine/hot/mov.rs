//! MOV, MOVZX, MOVSX, LEA, PUSH and POP.

use super::forward::{Base, Choice, Dst, Imm, Index, Last, Leaves, Src, Taken, Value};
use super::select::{AddressForm, Shape, by_form};
use super::{Address, Based, Indexed, Simple, complete, read_host, set_slot, slot, write_host};
use crate::cpu::{Cpu, reg};
use crate::decode::op::Op;
use crate::engine::{Handler, next};
use crate::flags::Width;
use iced_x86::{Instruction, Mnemonic, OpKind, Register};

/// `MOV r, m`, and MOVZX where the destination `D` is wider than the source `W`.
unsafe fn load<D: Width, W: Width, A: Address>(
    cpu: *mut Cpu,
    op: *const Op,
    last: u64,
) -> *const Op {
    // SAFETY: as for `Handler`.
    unsafe {
        let Some(host) = (*cpu).tlb.read_host(A::linear(cpu, op, last), W::BYTES) else {
            return complete(cpu, op, last);
        };
        let last = set_slot::<D>(cpu, (*op).dst, read_host::<W>(host));
        next(cpu, op, last)
    }
}

/// `MOVSX r, m`.
unsafe fn load_signed<D: Width, W: Width, A: Address>(
    cpu: *mut Cpu,
    op: *const Op,
    last: u64,
) -> *const Op {
    // SAFETY: as for `Handler`.
    unsafe {
        let Some(host) = (*cpu).tlb.read_host(A::linear(cpu, op, last), W::BYTES) else {
            return complete(cpu, op, last);
        };
        let last = set_slot::<D>(cpu, (*op).dst, W::sign_extend(read_host::<W>(host)));
        next(cpu, op, last)
    }
}

/// `MOV m, r` and `MOV m, imm`.
unsafe fn store<W: Width, S: Value, A: Address>(
    cpu: *mut Cpu,
    op: *const Op,
    last: u64,
) -> *const Op {
    // SAFETY: as for `Handler`.
    unsafe {
        let Some(host) = (*cpu).tlb.write_host(A::linear(cpu, op, last), W::BYTES) else {
            return complete(cpu, op, last);
        };
        write_host::<W>(host, S::get(cpu, op, last));
        next(cpu, op, 0)
    }
}

/// `MOV r, r`, `MOV r, imm`, and MOVZX.
unsafe fn mov<D: Width, W: Width, S: Value>(cpu: *mut Cpu, op: *const Op, last: u64) -> *const Op {
    // SAFETY: as for `Handler`.
    unsafe {
        let last = set_slot::<D>(cpu, (*op).dst, S::get(cpu, op, last) & W::MASK);
        next(cpu, op, last)
    }
}

/// MOVSX and MOVSXD between registers.
unsafe fn mov_signed<D: Width, W: Width, S: Value>(
    cpu: *mut Cpu,
    op: *const Op,
    last: u64,
) -> *const Op {
    // SAFETY: as for `Handler`.
    unsafe {
        let last = set_slot::<D>(cpu, (*op).dst, W::sign_extend(S::get(cpu, op, last)));
        next(cpu, op, last)
    }
}

/// LEA: `A` is a form without a segment, whatever the segment.
unsafe fn lea<W: Width, A: Address>(cpu: *mut Cpu, op: *const Op, last: u64) -> *const Op {
    // SAFETY: as for `Handler`.
    unsafe {
        let last = set_slot::<W>(cpu, (*op).dst, A::linear(cpu, op, last));
        next(cpu, op, last)
    }
}

/// `PUSH r64` and `PUSH imm`.
unsafe fn push<S: Value>(cpu: *mut Cpu, op: *const Op, last: u64) -> *const Op {
    // SAFETY: as for `Handler`.
    unsafe {
        let rsp = slot(cpu, reg::RSP).wrapping_sub(8);
        let Some(host) = (*cpu).tlb.write_host(rsp, 8) else { return complete(cpu, op, last) };
        write_host::<u64>(host, S::get(cpu, op, last));
        set_slot::<u64>(cpu, reg::RSP, rsp);
        next(cpu, op, 0)
    }
}

/// `POP r64`.
unsafe fn pop(cpu: *mut Cpu, op: *const Op, last: u64) -> *const Op {
    // SAFETY: as for `Handler`.
    unsafe {
        let rsp = slot(cpu, reg::RSP);
        let Some(host) = (*cpu).tlb.read_host(rsp, 8) else { return complete(cpu, op, last) };
        let value = read_host::<u64>(host);
        set_slot::<u64>(cpu, reg::RSP, rsp.wrapping_add(8));
        // Last, so that POP RSP keeps the value popped.
        set_slot::<u64>(cpu, (*op).dst, value);
        next(cpu, op, value)
    }
}

/// The form of MOV.
pub(super) fn pick(
    instruction: &Instruction,
    shape: Shape,
    width: u32,
    op: &Op,
    taken: Taken,
) -> Option<Choice> {
    // The moffs forms keep their address in the immediate.
    if instruction.memory_base() == Register::None
        && instruction.memory_displ_size() == 8
        && instruction.len() >= 9
    {
        return None;
    }
    match width {
        8 => of_width::<u8>(shape, op, taken),
        16 => of_width::<u16>(shape, op, taken),
        32 => of_width::<u32>(shape, op, taken),
        64 => of_width::<u64>(shape, op, taken),
        _ => None,
    }
}

fn of_width<W: Width>(shape: Shape, op: &Op, taken: Taken) -> Option<Choice> {
    Some(match shape {
        Shape::RegMem(form) => load_form::<W, W>(form, op),
        Shape::MemReg(AddressForm::Simple) if taken.src => {
            Choice::memory(store::<W, Last, Simple<Base>>)
        }
        Shape::MemReg(AddressForm::Indexed) if taken.src => {
            Choice::memory(store::<W, Last, Indexed<Base, Index>>)
        }
        Shape::MemReg(form) => Choice::memory(by_form!(form, store::<W, Src>)),
        Shape::MemImm(form) => Choice::memory(by_form!(form, store::<W, Imm>)),
        Shape::RegReg if taken.src => Choice::value(mov::<W, W, Last>, op),
        Shape::RegReg => Choice::value(mov::<W, W, Src>, op),
        Shape::RegImm => Choice::value(mov::<W, W, Imm>, op),
        Shape::Reg | Shape::Mem(_) => return None,
    })
}

fn load_form<D: Width, W: Width>(form: AddressForm, op: &Op) -> Choice {
    Choice::memory(by_form!(form, load::<D, W>)).leaving(op.dst)
}

/// The form of MOVZX and MOVSX to 32 and 64 bits.
pub(super) fn pick_extend(
    instruction: &Instruction,
    shape: Shape,
    width: u32,
    op: &Op,
    taken: Taken,
) -> Option<Choice> {
    let signed = instruction.mnemonic() != Mnemonic::Movzx;
    let source = match instruction.op1_kind() {
        OpKind::Register => instruction.op1_register().size() as u32 * 8,
        _ => instruction.memory_size().size() as u32 * 8,
    };
    match (width, source, signed) {
        // The upper half is zero either way.
        (32 | 64, 8, false) => Some(zero_extend::<u8>(shape, op, taken)),
        (32 | 64, 16, false) => Some(zero_extend::<u16>(shape, op, taken)),
        (32, 8, true) => Some(sign_extend::<u32, u8>(shape, op, taken)),
        (32, 16, true) => Some(sign_extend::<u32, u16>(shape, op, taken)),
        (64, 8, true) => Some(sign_extend::<u64, u8>(shape, op, taken)),
        (64, 16, true) => Some(sign_extend::<u64, u16>(shape, op, taken)),
        (64, 32, true) => Some(sign_extend::<u64, u32>(shape, op, taken)),
        _ => None,
    }
}

fn zero_extend<W: Width>(shape: Shape, op: &Op, taken: Taken) -> Choice {
    match shape {
        Shape::RegMem(form) => load_form::<u32, W>(form, op),
        _ if taken.src => Choice::value(mov::<u32, W, Last>, op),
        _ => Choice::value(mov::<u32, W, Src>, op),
    }
}

fn sign_extend<D: Width, W: Width>(shape: Shape, op: &Op, taken: Taken) -> Choice {
    match shape {
        Shape::RegMem(form) => Choice::memory(by_form!(form, load_signed::<D, W>)).leaving(op.dst),
        _ if taken.src => Choice::value(mov_signed::<D, W, Last>, op),
        _ => Choice::value(mov_signed::<D, W, Src>, op),
    }
}

/// The form of LEA, which ignores segments; FS and GS overrides are rare enough to go the complete way.
pub(super) fn pick_lea(shape: Shape, width: u32, op: &Op) -> Option<Choice> {
    let Shape::RegMem(form) = shape else { return None };
    let handler = match (form, width) {
        (AddressForm::Based, _) => return None,
        (form, 64) => by_form!(form, lea::<u64>),
        (form, 32) => by_form!(form, lea::<u32>),
        _ => return None,
    };
    Some(Choice::value(handler, op))
}

/// The form of PUSH of a register. The stack pointer is pushed as it was before.
pub(super) fn pick_push(shape: Shape, taken: Taken) -> Option<Choice> {
    match shape {
        Shape::Reg if taken.dst => Some(Choice::memory(push::<Last>)),
        Shape::Reg => Some(Choice::memory(push::<Dst>)),
        _ => None,
    }
}

/// The form of PUSH of an immediate.
pub(super) fn push_immediate() -> Choice {
    Choice::memory(push::<Imm>)
}

/// The form of POP.
pub(super) fn pick_pop(shape: Shape, op: &Op) -> Option<Choice> {
    let choice = Choice::memory(pop);
    (shape == Shape::Reg).then_some(Choice { leaves: Leaves::Register(op.dst), ..choice })
}
