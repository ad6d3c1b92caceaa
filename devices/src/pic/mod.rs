//! The pair of 8259A interrupt controllers of a PC and their edge/level control registers.
//!
//! Follows: Intel 8259A datasheet (231468); Intel 82371AB (PIIX4) datasheet, "Interrupt Controller
//! Registers", for the ELCR at 0x4d0/0x4d1. The chips see a request only as an edge or a level on
//! [`PicPair::set_irq`]; [`PicPair::intr`] is the pin to the processor (or to LINT0 of its LAPIC) and
//! [`PicPair::acknowledge`] the INTA cycle.
//!
//! Not modelled: MCS-80/85 mode (the vector is always the 8086 one), ICW1.LTIM (the ELCR rules),
//! ICW3 (the cascade is soldered: slave on IR2), buffered mode, the time between two INTA pulses.

mod chip;
mod spec;
#[cfg(test)]
mod tests;

pub use chip::Chip;
pub use spec::{Command, Icw4, Ocw2, StatusRegister, Which};

use serde::{Deserialize, Serialize};

/// The master's input that the slave's INT pin drives.
const CASCADE: u8 = 2;
/// IRQ 0, 1 and 2 are always edge triggered: PIIX4, "ELCR1 - Edge/Level Control Register".
const ELCR_MASTER: u8 = 0xf8;
/// IRQ 8 and 13 are always edge triggered: PIIX4, "ELCR2 - Edge/Level Control Register".
const ELCR_SLAVE: u8 = 0xde;

/// Two cascaded 8259A: IRQ 0-7 on the master, IRQ 8-15 on the slave.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PicPair {
    master: Chip,
    slave: Chip,
}

impl Default for PicPair {
    fn default() -> Self {
        Self::new()
    }
}

impl PicPair {
    /// Power-on: nothing masked, nothing asked, all inputs edge triggered and low.
    pub const fn new() -> Self {
        Self { master: Chip::new(), slave: Chip::new() }
    }

    /// Chipset reset. Inputs keep their levels; one that is high must fall before it asks again.
    pub fn reset(&mut self) {
        self.master.reset();
        self.slave.reset();
        self.cascade();
    }

    /// One chip, to look at its registers.
    pub const fn chip(&self, which: Which) -> &Chip {
        match which {
            Which::Master => &self.master,
            Which::Slave => &self.slave,
        }
    }

    /// Reads the even (`a0` = 0) or odd (1) port. A read after the poll command acknowledges.
    pub fn read(&mut self, which: Which, a0: u8) -> u8 {
        let value = self.chip_mut(which).read(a0);
        self.cascade();
        value
    }

    /// Writes the even (`a0` = 0) or odd (1) port.
    pub fn write(&mut self, which: Which, a0: u8, value: u8) {
        self.chip_mut(which).write(a0, value);
        self.cascade();
    }

    /// Reads the edge/level control register (0x4d0 master, 0x4d1 slave); a set bit means level.
    pub const fn read_elcr(&self, which: Which) -> u8 {
        self.chip(which).elcr()
    }

    /// Writes the edge/level control register; bits of the always-edge inputs stay 0.
    pub fn write_elcr(&mut self, which: Which, value: u8) {
        let mask = if which == Which::Master { ELCR_MASTER } else { ELCR_SLAVE };
        self.chip_mut(which).set_elcr(value & mask);
        self.cascade();
    }

    /// Drives input IRQ `line` (0-15). IRQ 2 is taken by the cascade; it and lines above 15 are not
    /// connected.
    pub fn set_irq(&mut self, line: u8, level: bool) {
        match line {
            CASCADE => return,
            0..=7 => self.master.set_line(line, level),
            8..=15 => self.slave.set_line(line - 8, level),
            _ => return,
        }
        self.cascade();
    }

    /// The INTR pin.
    pub const fn intr(&self) -> bool {
        self.master.int()
    }

    /// The INTA cycle: takes the winning request into service and returns its vector. With no
    /// request left it is the spurious vector, level 7 of the chip that answers, and no in-service
    /// bit is set there: 8259A datasheet, "Interrupt Sequence".
    pub fn acknowledge(&mut self) -> u8 {
        let vector = match self.master.acknowledge() {
            Some(CASCADE) => {
                let ir = self.slave.acknowledge().unwrap_or(7);
                self.slave.vector(ir)
            }
            Some(ir) => self.master.vector(ir),
            None => self.master.vector(7),
        };
        // The slave's INT falls during INTA even when more requests wait there, so that the
        // edge-triggered IR2 sees the next one.
        self.master.set_line(CASCADE, false);
        self.cascade();
        vector
    }

    fn chip_mut(&mut self, which: Which) -> &mut Chip {
        match which {
            Which::Master => &mut self.master,
            Which::Slave => &mut self.slave,
        }
    }

    /// The one wire between the chips.
    fn cascade(&mut self) {
        self.master.set_line(CASCADE, self.slave.int());
    }
}
