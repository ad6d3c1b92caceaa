//! An instruction fused with the conditional branch behind it: one dispatch for two instructions.
//!
//! The block keeps both ops in their places; only the first one's handler changes, and takes the
//! branch's op along. Counting, faults and links are those of the two ops; what the first one passes on
//! goes on behind the branch.

use super::condition::by_condition;
use super::forward::{Base, Dst, Imm, Index, Last, Src, Taken, Value};
use super::select::{AddressForm, Shape, width_of};
use super::{Address, Indexed, Simple, complete, read_host, set_slot};
use crate::cpu::Cpu;
use crate::decode::op::{HIGH_BYTE, Op};
use crate::engine::branch::{Form, take};
use crate::engine::{Handler, next};
use crate::flags::{self, Condition, Status, Width};
use crate::insn::alu::{Add, Alu, And, Cmp, Dec, Inc, Sub, Test, Unary};
use iced_x86::{ConditionCode, Instruction, Mnemonic};

/// `op r, r` or `op r, imm`, and a branch on condition `C`.
unsafe fn registers<F: Form, O: Alu, W: Width, D: Value, S: Value, C: Condition>(
    cpu: *mut Cpu,
    op: *const Op,
    last: u64,
) -> *const Op {
    // SAFETY: as for `Handler`; the op behind this one is the branch.
    unsafe {
        let (dst, src) = (D::get(cpu, op, last) & W::MASK, S::get(cpu, op, last) & W::MASK);
        let (result, status) = O::eval::<W>(dst, src, false);
        (*cpu).status = status;
        let last = if O::WRITES { set_slot::<W>(cpu, (*op).dst, result) } else { last };
        branch::<F, C>(cpu, op.add(1), status, last)
    }
}

/// INC or DEC of a register, and a branch on condition `C`.
unsafe fn counter<F: Form, O: Unary, W: Width, D: Value, C: Condition>(
    cpu: *mut Cpu,
    op: *const Op,
    last: u64,
) -> *const Op {
    // SAFETY: as for `Handler`; the op behind this one is the branch.
    unsafe {
        let (result, status) = O::eval::<W>((*cpu).status, D::get(cpu, op, last) & W::MASK);
        (*cpu).status = status;
        let last = set_slot::<W>(cpu, (*op).dst, result);
        branch::<F, C>(cpu, op.add(1), status, last)
    }
}

/// CMP or TEST of memory with a register or an immediate, and a branch on condition `C`.
unsafe fn memory<F: Form, O: Alu, W: Width, S: Value, A: Address, C: Condition>(
    cpu: *mut Cpu,
    op: *const Op,
    last: u64,
) -> *const Op {
    // SAFETY: as for `Handler`; the op behind this one is the branch. The complete form goes on with
    // it too.
    unsafe {
        let Some(host) = (*cpu).tlb.read_host(A::linear(cpu, op, last), W::BYTES) else {
            return complete(cpu, op, last);
        };
        let src = S::get(cpu, op, last) & W::MASK;
        let (_, status) = O::eval::<W>(read_host::<W>(host), src, false);
        (*cpu).status = status;
        branch::<F, C>(cpu, op.add(1), status, 0)
    }
}

/// # Safety
/// As for [`Handler`], `branch` being the op of a Jcc.
#[inline(always)]
unsafe fn branch<F: Form, C: Condition>(
    cpu: *mut Cpu,
    branch: *const Op,
    status: Status,
    last: u64,
) -> *const Op {
    // SAFETY: as for `Handler`.
    unsafe {
        if C::holds(status) {
            take::<F>(cpu, branch, i64::from((*branch).place) + 1, u64::MAX)
        } else {
            next(cpu, branch, last)
        }
    }
}

/// The fused handler of a 64-bit mode instruction and the branch behind it. `last` is the register
/// passed on to the first of the two.
pub(crate) fn fuse<F: Form>(
    first: &Instruction,
    op: &Op,
    last: Option<u8>,
    branch: &Instruction,
) -> Option<Handler> {
    if !branch.is_jcc_short_or_near() || (op.dst | op.src) & HIGH_BYTE != 0 {
        return None;
    }
    let pair = Pair { taken: Taken::of(op, last), condition: branch.condition_code(), op };
    let shape = || Shape::of(first, op, pair.taken);
    match first.mnemonic() {
        Mnemonic::Cmp => pair.compare::<F, Cmp>(shape()?, width_of(first)),
        Mnemonic::Test => pair.compare::<F, Test>(shape()?, width_of(first)),
        Mnemonic::Sub => pair.modify::<F, Sub>(shape()?, width_of(first)),
        Mnemonic::Add => pair.modify::<F, Add>(shape()?, width_of(first)),
        Mnemonic::And => pair.modify::<F, And>(shape()?, width_of(first)),
        Mnemonic::Inc => pair.count::<F, Inc>(shape()?, width_of(first)),
        Mnemonic::Dec => pair.count::<F, Dec>(shape()?, width_of(first)),
        _ => None,
    }
}

/// What is fused.
struct Pair<'a> {
    taken: Taken,
    condition: ConditionCode,
    op: &'a Op,
}

impl Pair<'_> {
    fn compare<F: Form, O: Alu>(&self, shape: Shape, width: u32) -> Option<Handler> {
        match width {
            8 => self.compare_width::<F, O, u8>(shape),
            32 => self.compare_width::<F, O, u32>(shape),
            64 => self.compare_width::<F, O, u64>(shape),
            _ => None,
        }
    }

    fn compare_width<F: Form, O: Alu, W: Width>(&self, shape: Shape) -> Option<Handler> {
        type Plain = Simple<Base>;
        type Scaled = Indexed<Base, Index>;
        let condition = self.condition;
        match shape {
            Shape::RegReg | Shape::RegImm => self.on_registers::<F, O, W>(shape),
            // A slot that the op before wrote is read like any other.
            Shape::MemImm(AddressForm::Simple) => {
                by_condition!(condition, memory::<F, O, W, Imm, Plain>)
            }
            Shape::MemImm(AddressForm::SimpleLast) => {
                by_condition!(condition, memory::<F, O, W, Imm, Simple<Last>>)
            }
            Shape::MemImm(AddressForm::Based) | Shape::MemReg(AddressForm::Based) => None,
            Shape::MemImm(_) => by_condition!(condition, memory::<F, O, W, Imm, Scaled>),
            Shape::MemReg(AddressForm::Simple | AddressForm::SimpleLast) => {
                by_condition!(condition, memory::<F, O, W, Src, Plain>)
            }
            Shape::MemReg(_) => by_condition!(condition, memory::<F, O, W, Src, Scaled>),
            Shape::Reg | Shape::Mem(_) | Shape::RegMem(_) => None,
        }
    }

    fn modify<F: Form, O: Alu>(&self, shape: Shape, width: u32) -> Option<Handler> {
        match width {
            32 => self.on_registers::<F, O, u32>(shape),
            64 => self.on_registers::<F, O, u64>(shape),
            _ => None,
        }
    }

    fn on_registers<F: Form, O: Alu, W: Width>(&self, shape: Shape) -> Option<Handler> {
        let condition = self.condition;
        match (shape, self.taken.dst, self.taken.src) {
            (Shape::RegImm, false, _) => by_condition!(condition, registers::<F, O, W, Dst, Imm>),
            (Shape::RegImm, true, _) => by_condition!(condition, registers::<F, O, W, Last, Imm>),
            (Shape::RegReg, true, true) => {
                by_condition!(condition, registers::<F, O, W, Last, Last>)
            }
            (Shape::RegReg, true, false) => {
                by_condition!(condition, registers::<F, O, W, Last, Src>)
            }
            (Shape::RegReg, false, true) => {
                by_condition!(condition, registers::<F, O, W, Dst, Last>)
            }
            (Shape::RegReg, false, false) if self.op.dst == self.op.src => {
                by_condition!(condition, registers::<F, O, W, Dst, Dst>)
            }
            (Shape::RegReg, false, false) => {
                by_condition!(condition, registers::<F, O, W, Dst, Src>)
            }
            _ => None,
        }
    }

    fn count<F: Form, O: Unary>(&self, shape: Shape, width: u32) -> Option<Handler> {
        let condition = self.condition;
        match (shape, width, self.taken.dst) {
            (Shape::Reg, 32, false) => by_condition!(condition, counter::<F, O, u32, Dst>),
            (Shape::Reg, 32, true) => by_condition!(condition, counter::<F, O, u32, Last>),
            (Shape::Reg, 64, false) => by_condition!(condition, counter::<F, O, u64, Dst>),
            (Shape::Reg, 64, true) => by_condition!(condition, counter::<F, O, u64, Last>),
            _ => None,
        }
    }
}
