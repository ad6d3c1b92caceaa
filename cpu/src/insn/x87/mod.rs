//! x87 state and instructions: SDM Vol. 1, "Programming with the x87 FPU", and Vol. 2, F2XM1 to
//! FYL2XP1. The arithmetic is [`crate::float`]; here are the register stack with its faults, the
//! words, the delivery of exceptions and the pointers to the last instruction.
//!
//! Where the manual leaves room, what AMD Zen 5 does is done: `native_tests.rs` compares.
//!
//! With CR0.NE clear an exception is reported outside, by FERR#: the next waiting instruction freezes
//! until an interrupt comes, before it has changed anything (SDM Vol. 1, "MS-DOS Compatibility Sub-mode").
//! FERR# is asserted by that instruction, not by the one that raised the exception, as since the P6.

mod arithmetic;
mod compare;
mod control;
mod environment;
mod numeric;
mod operand;
mod stack;
mod state;
mod transcendental;
mod transfer;

pub(crate) use arithmetic::*;
pub(crate) use compare::*;
pub(crate) use control::*;
pub(crate) use environment::*;
pub(crate) use operand::*;
pub(crate) use stack::*;
pub(crate) use state::X87State;
pub(crate) use transcendental::*;
pub(crate) use transfer::*;

use crate::cpu::{Activity, Cpu, Done, Fault};
use crate::decode::op::Op;
use crate::mmu::Privilege;
use crate::mmu::walk::Intent;
use arch::control::cr0;
use arch::exception::{Exception, Vector};
use arch::paging::{PAGE_MASK, PAGE_SIZE};

/// #NM.
fn nm() -> Fault {
    Exception::new(Vector::NM).into()
}

impl Cpu {
    /// What a waiting x87 or MMX instruction checks first: an unmasked exception of an earlier x87
    /// instruction is reported now.
    #[inline(always)]
    pub(crate) fn x87_check_pending(&self) -> Done {
        if !self.x87.is_pending() {
            return Ok(());
        }
        if self.cr0 & cr0::NE != 0 {
            return Err(Exception::new(Vector::MF).into());
        }
        if self.lines.ignne { Ok(()) } else { Err(Fault::Frozen) }
    }

    /// A waiting instruction has met a pending exception: FERR# tells the machine.
    pub(crate) fn freeze(&mut self) {
        self.activity = Activity::Frozen;
        if !self.ferr {
            self.drive_ferr(true);
        }
    }

    /// Called where an exception may have been cleared or masked: FERR# falls with it.
    #[inline(always)]
    pub(crate) fn settle_ferr(&mut self) {
        if self.ferr && !self.x87.is_pending() {
            self.drive_ferr(false);
        }
    }

    #[cold]
    fn drive_ferr(&mut self, level: bool) {
        self.ferr = level;
        let access = self.access(self.memory());
        let outcome = self.bus().set_ferr(access, level);
        self.settle(outcome);
    }

    /// What a non-waiting x87 instruction checks first: the unit is there and its state is the
    /// running task's.
    #[inline(always)]
    pub(crate) fn x87_check_available(&self) -> Done {
        if self.cr0 & (cr0::EM | cr0::TS) != 0 { Err(nm()) } else { Ok(()) }
    }

    /// What a waiting x87 instruction checks first.
    #[inline(always)]
    pub(crate) fn x87_check(&self) -> Done {
        self.x87_check_available()?;
        self.x87_check_pending()
    }

    /// Linear address of the op's memory operand of `bytes` bytes.
    fn x87_operand(&self, op: &Op, bytes: u8, write: bool) -> Result<u64, Fault> {
        self.linear(op, self.effective_address(op), bytes, write)
    }

    /// Linear address of `bytes` that lie `behind` the first byte of the op's memory operand, whose offset wraps around
    /// at the address size.
    fn x87_operand_behind(
        &self,
        op: &Op,
        behind: u64,
        bytes: u8,
        write: bool,
    ) -> Result<u64, Fault> {
        let offset = self.effective_address(op).wrapping_add(behind) & op.address_mask();
        self.linear(op, offset, bytes, write)
    }

    /// Linear addresses of the significand and of the upper two bytes of an operand of ten bytes: two accesses, of
    /// which only the first wants to be aligned, to eight (seen on AMD Zen). Both are tried.
    fn x87_operand10(&mut self, op: &Op, intent: Intent) -> Result<(u64, u64), Fault> {
        let write = intent == Intent::Write;
        let low = self.x87_operand(op, 8, write)?;
        self.check_alignment(low, 8)?;
        self.probe(low, 8, intent, Privilege::Current)?;
        let high = self.x87_operand_behind(op, 8, 2, write)?;
        self.probe(high, 2, intent, Privilege::Current)?;
        Ok((low, high))
    }

    /// Linear address of an operand of ten bytes where both accesses may be done at once: in one page, without a wrap.
    fn x87_operand10_at_once(&self, op: &Op, write: bool) -> Option<u64> {
        let offset = self.effective_address(op);
        let linear = self.linear(op, offset, 10, write).ok()?;
        (offset <= op.address_mask() - 9 && linear & PAGE_MASK <= PAGE_SIZE - 10).then_some(linear)
    }

    /// Loads an operand of ten bytes.
    fn x87_load10(&mut self, op: &Op) -> Result<[u8; 10], Fault> {
        let mut bytes = [0; 10];
        if let Some(at) = self.x87_operand10_at_once(op, false)
            && let (Some(low), Some(high)) =
                (self.tlb.read::<u64>(at), self.tlb.read::<u16>(at + 8))
        {
            bytes[..8].copy_from_slice(&low.to_le_bytes());
            bytes[8..].copy_from_slice(&high.to_le_bytes());
            return Ok(bytes);
        }
        let (low, high) = self.x87_operand10(op, Intent::Read)?;
        self.read_linear(low, &mut bytes[..8], Privilege::Current)?;
        self.read_linear(high, &mut bytes[8..], Privilege::Current)?;
        Ok(bytes)
    }

    /// Stores one.
    fn x87_store10(&mut self, op: &Op, bytes: &[u8; 10]) -> Done {
        let [low @ .., a, b] = *bytes;
        if let Some(at) = self.x87_operand10_at_once(op, true)
            && self.tlb.write(at, u64::from_le_bytes(low))
            && self.tlb.write(at + 8, u16::from_le_bytes([a, b]))
        {
            return Ok(());
        }
        let (low, high) = self.x87_operand10(op, Intent::Write)?;
        self.write_linear(low, &bytes[..8], Privilege::Current)?;
        self.write_linear(high, &bytes[8..], Privilege::Current)
    }
}

#[cfg(all(test, target_arch = "x86_64", target_os = "linux"))]
mod native_tests;
#[cfg(test)]
mod tests;
