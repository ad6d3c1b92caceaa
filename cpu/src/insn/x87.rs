//! x87 state and instructions.

use crate::cpu::{Cpu, Done};
use arch::exception::{Exception, Vector};
use serde::{Deserialize, Serialize};

/// The x87 unit; the MMX registers are the significands of its registers.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct X87State {
    /// Physical registers R0-R7: significand and sign-exponent.
    pub registers: [(u64, u16); 8],
    /// Control word.
    pub control: u16,
    /// Status word without TOP.
    pub status: u16,
    /// Top of stack, 0-7.
    pub top: u8,
    /// Bit n set: physical register n is empty.
    pub empty: u8,
    /// Last non-control instruction's opcode, 11 bits.
    pub opcode: u16,
    /// Its instruction pointer.
    pub ip: u64,
    /// Its code segment.
    pub cs: u16,
    /// Its memory operand's offset.
    pub dp: u64,
    /// Its memory operand's segment.
    pub ds: u16,
}

impl X87State {
    /// After RESET (not FNINIT): SDM Vol. 3A, "Processor State After Power-up".
    pub fn new() -> Self {
        Self {
            registers: [(0, 0); 8],
            control: 0x40,
            status: 0,
            top: 0,
            // After reset the tag word reads 5555h: valid zeros.
            empty: 0,
            opcode: 0,
            ip: 0,
            cs: 0,
            dp: 0,
            ds: 0,
        }
    }
}

impl Default for X87State {
    fn default() -> Self {
        Self::new()
    }
}

impl Cpu {
    /// What a waiting x87 or MMX instruction checks first: an unmasked exception of an earlier x87
    /// instruction is reported now.
    pub(crate) fn x87_check_pending(&self) -> Done {
        if self.x87.status & !self.x87.control & 0x3f != 0 {
            return Err(Exception::new(Vector::MF).into());
        }
        Ok(())
    }
}
