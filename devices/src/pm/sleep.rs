//! Sleep and reset registers of hardware-reduced ACPI: ACPI 6.5, "Sleep Control and Status Registers",
//! "Reset Register", in the layout of QEMU's generic event device.
//!
//! ```text
//! +0  sleep control  SLP_TYP in bits 2-4, SLP_EN in bit 5 (reads 0)
//! +1  sleep status   WAK_STS in bit 7, write 1 to clear
//! +2  reset          0x42 resets (reads 0)
//! ```
//! Not emulated: sleep types but S5; nothing ever wakes, so WAK_STS stays 0.

use serde::{Deserialize, Serialize};

/// Number of registers.
pub const SLEEP_BLOCK_LEN: u8 = 3;
const SLP_EN: u8 = 1 << 5;
const SLP_TYP_SHIFT: u8 = 2;
const SLP_TYP_MASK: u8 = 7;
/// SLP_TYP of S5, as the tables say.
const S5: u8 = 5;
const RESET: u8 = 0x42;

/// What a write asks for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SleepRequest {
    /// S5.
    PowerOff,
    /// Reset of processor and devices.
    Reset,
}

/// The three registers.
#[derive(Clone, Copy, Default, PartialEq, Debug, Serialize, Deserialize)]
pub struct SleepBlock {
    sleep_type: u8,
}

impl SleepBlock {
    /// Reads the register at an offset.
    pub fn read(&self, offset: u8) -> u8 {
        match offset {
            0 => self.sleep_type << SLP_TYP_SHIFT,
            _ => 0,
        }
    }

    /// Writes the register at an offset.
    pub fn write(&mut self, offset: u8, value: u8) -> Option<SleepRequest> {
        match offset {
            0 => {
                self.sleep_type = value >> SLP_TYP_SHIFT & SLP_TYP_MASK;
                let off = value & SLP_EN != 0 && self.sleep_type == S5;
                off.then_some(SleepRequest::PowerOff)
            }
            2 if value == RESET => Some(SleepRequest::Reset),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What Linux 6.1 writes on QEMU's microvm: 0x80 to the status, 0x34 to the control register.
    #[test]
    fn the_guest_powers_off_by_s5_and_resets_by_its_value_alone() {
        let mut block = SleepBlock::default();

        assert_eq!(block.write(1, 0x80), None);
        assert_eq!(block.write(0, 0x14), None, "without SLP_EN");
        assert_eq!((block.read(0), block.read(1), block.read(2)), (0x14, 0, 0));
        assert_eq!(block.write(0, 0x2c), None, "S3 is not offered");
        assert_eq!(block.write(0, 0x34), Some(SleepRequest::PowerOff));
        assert_eq!((block.write(2, 1), block.write(2, 0x42)), (None, Some(SleepRequest::Reset)));
    }
}
