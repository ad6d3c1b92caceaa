//! Single-stepping on branches: with IA32_DEBUGCTL.BTF, RFLAGS.TF traps behind taken branches alone. SDM
//! Vol. 3B, "Single-Stepping on Branches"; AMD APM Vol. 2, "Control-Transfer Breakpoint".
//!
//! Only a stepped instruction comes here, so it is decoded once more to see what it will do.

use crate::cpu::{Cpu, reg};
use crate::flags::holds;
use iced_x86::{Decoder, DecoderOptions, FlowControl, Instruction, Mnemonic};

/// IA32_DEBUGCTL.BTF.
pub(crate) const BTF: u64 = 1 << 1;

impl Cpu {
    /// True if the single-step trap follows the instruction that is about to start.
    pub(crate) fn step_traps(&self) -> bool {
        !self.steps_branches() || self.branch_ahead()
    }

    fn steps_branches(&self) -> bool {
        self.debugctl() & BTF != 0
    }

    /// A #DB ends branch steps.
    pub(super) fn end_branch_steps(&mut self) {
        if self.steps_branches() {
            self.set_debugctl(self.debugctl() & !BTF);
        }
    }

    /// True if the instruction at the instruction pointer will take a branch.
    fn branch_ahead(&self) -> bool {
        let mut bytes = [0; 15];
        let len = self.debug_read(self.memory(), self.linear_ip(), &mut bytes);
        let mut decoder = Decoder::new(self.code_bits(), &bytes[..len], DecoderOptions::NONE);
        let instruction = decoder.decode();
        match instruction.flow_control() {
            FlowControl::Next | FlowControl::Exception | FlowControl::XbeginXabortXend => false,
            FlowControl::ConditionalBranch => self.takes(&instruction),
            FlowControl::UnconditionalBranch
            | FlowControl::IndirectBranch
            | FlowControl::Call
            | FlowControl::IndirectCall
            | FlowControl::Return => true,
            FlowControl::Interrupt => instruction.mnemonic() != Mnemonic::Into || self.status.of(),
        }
    }

    fn takes(&self, instruction: &Instruction) -> bool {
        let zf = self.status.zf();
        let counter = |bytes: u64| match bytes {
            2 => self.regs[reg::RCX as usize] & 0xffff,
            4 => self.regs[reg::RCX as usize] & 0xffff_ffff,
            _ => self.regs[reg::RCX as usize],
        };
        let bytes = counter_bytes(instruction);
        match instruction.mnemonic() {
            Mnemonic::Jcxz | Mnemonic::Jecxz | Mnemonic::Jrcxz => counter(bytes) == 0,
            Mnemonic::Loop => counter(bytes) != 1,
            // The prefixes turn one into the other, as they do when it runs.
            Mnemonic::Loope => counter(bytes) != 1 && zf != instruction.has_repne_prefix(),
            Mnemonic::Loopne => counter(bytes) != 1 && zf == instruction.has_rep_prefix(),
            // iced-x86 counts conditions from 1, in the order of the opcodes.
            _ => (instruction.condition_code() as u8)
                .checked_sub(1)
                .is_some_and(|code| holds(code, self.status)),
        }
    }
}

/// Width of the counter that LOOP and JCXZ look at: the address size, part of iced-x86's code names.
fn counter_bytes(instruction: &Instruction) -> u64 {
    use iced_x86::Code::*;
    match instruction.code() {
        Loop_rel8_16_CX | Loop_rel8_32_CX | Loope_rel8_16_CX | Loope_rel8_32_CX
        | Loopne_rel8_16_CX | Loopne_rel8_32_CX | Jcxz_rel8_16 | Jcxz_rel8_32 => 2,
        Loop_rel8_16_ECX | Loop_rel8_32_ECX | Loop_rel8_64_ECX | Loope_rel8_16_ECX
        | Loope_rel8_32_ECX | Loope_rel8_64_ECX | Loopne_rel8_16_ECX | Loopne_rel8_32_ECX
        | Loopne_rel8_64_ECX | Jecxz_rel8_16 | Jecxz_rel8_32 | Jecxz_rel8_64 => 4,
        _ => 8,
    }
}
