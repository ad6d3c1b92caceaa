//! What all numeric instructions share: the rules they run under, stack faults, the report to the
//! status word, and the pointers to the last instruction.
//!
//! A numeric instruction checks availability and pending exceptions, reads memory, computes with a
//! [`Work`], changes registers as far as no unmasked exception forbids it, and ends with
//! [`Cpu::x87_finish`]. SDM Vol. 1, "x87 FPU Floating-Point Exception Conditions".

use super::X87State;
use super::state::{C1, SF};
use crate::cpu::Cpu;
use crate::decode::op::{MEMORY, Op};
use crate::float::{Env, Exceptions, F80, Float};
use arch::segment::SegReg;

/// A stack fault: IE with SF, and C1 to tell which.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum StackFault {
    /// An operand was taken from an empty register.
    Underflow,
    /// A push found the register not empty.
    Overflow,
}

/// One numeric instruction in progress.
pub(super) struct Work {
    /// Rules, and what was raised.
    pub(super) env: Env,
    fault: Option<StackFault>,
}

impl Work {
    /// Notes that an operand is missing and gives the masked response.
    pub(super) fn underflow(&mut self) -> F80 {
        self.stack_fault(StackFault::Underflow)
    }

    /// Notes that there is no room to push and gives the masked response.
    pub(super) fn overflow(&mut self) -> F80 {
        self.stack_fault(StackFault::Overflow)
    }

    fn stack_fault(&mut self, fault: StackFault) -> F80 {
        self.env.raise(Exceptions::IE);
        self.fault = Some(fault);
        F80::indefinite()
    }

    /// The destination keeps its value: an unmasked IE, DE or ZE.
    pub(super) fn blocks(&self) -> bool {
        self.env.blocks_result()
    }

    /// IE was raised and is not masked: what keeps a load from pushing.
    pub(super) fn is_invalid(&self) -> bool {
        self.env.unmasked().any(Exceptions::IE)
    }

    /// Memory keeps its value: anything unmasked but PE.
    pub(super) fn blocks_store(&self) -> bool {
        self.env.unmasked().any(Exceptions::PE.complement())
    }

    /// C1 as the instruction leaves it.
    fn c1(&self) -> bool {
        match self.fault {
            Some(fault) => fault == StackFault::Overflow,
            None => self.env.rounded_up && !self.blocks(),
        }
    }
}

impl X87State {
    /// Starts a numeric instruction under the control word's rules.
    pub(super) fn work(&self) -> Work {
        Work { env: Env::from_control_word(self.control), fault: None }
    }

    /// ST(i) as an operand; `None` after a stack underflow.
    pub(super) fn operand(&self, work: &mut Work, i: u8) -> Option<F80> {
        if self.is_empty(i) {
            work.underflow();
            return None;
        }
        Some(self.st(i))
    }

    /// Two operands; `None` after a stack underflow.
    pub(super) fn operands(&self, work: &mut Work, i: u8, j: u8) -> Option<(F80, F80)> {
        let (a, b) = (self.operand(work, i), self.operand(work, j));
        Some((a?, b?))
    }

    /// Writes the condition codes of `mask`.
    pub(super) fn set_conditions(&mut self, mask: u16, conditions: u16) {
        self.status = self.status & !mask | conditions;
    }
}

impl Cpu {
    /// Ends a numeric instruction: exceptions, SF and C1 to the status word, and the pointers.
    pub(super) fn x87_finish(&mut self, op: &Op, work: &Work) {
        let c1 = if work.c1() { C1 } else { 0 };
        let fault = if work.fault.is_some() { SF } else { 0 };
        let raised = u16::from(work.env.raised().0);
        self.x87.status = self.x87.status & !C1 | c1 | fault | raised;
        self.x87_note(op);
    }

    /// As [`Cpu::x87_finish`] for FCMOVcc and FCOMI, which touch C1 only with a stack fault.
    pub(super) fn x87_finish_keeping_c1(&mut self, op: &Op, work: &Work) {
        let before = self.x87.status & C1;
        self.x87_finish(op, work);
        if work.fault.is_none() {
            self.x87.set_conditions(C1, before);
        }
    }

    /// Points FIP, FCS and FOP at the op, and FDP and FDS at its memory operand if it has one.
    pub(super) fn x87_note(&mut self, op: &Op) {
        self.x87.ip = self.ip_of(op);
        self.x87.cs = self.segments[SegReg::Cs as usize].selector.0;
        self.x87.opcode = op.imm as u16; // the block builder put it there
        if op.dst == MEMORY || op.src == MEMORY {
            self.x87.dp = self.effective_address(op);
            self.x87.ds = self.segments[op.segment()].selector.0;
        }
    }
}
