//! The two reset registers of a PC chipset: reset control at 0xcf9 (Intel 82371SB/82371AB, "Reset
//! Control Register") and system control port A at 0x92 (IBM PS/2 Technical Reference; ICH
//! datasheets, "PORT92").

use serde::{Deserialize, Serialize};

/// What a write to a reset register asks for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Reset {
    /// INIT to the processor; devices keep their state.
    Soft,
    /// Reset of processor and devices.
    Hard,
}

/// Reset control register, 0xcf9.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ResetControl {
    value: u8,
}

impl ResetControl {
    const SYS_RST: u8 = 1 << 1;
    const RST_CPU: u8 = 1 << 2;
    const FULL_RST: u8 = 1 << 3;

    /// The register at power-on.
    pub const fn new() -> Self {
        Self { value: 0 }
    }

    /// The reset pin.
    pub fn reset(&mut self) {
        *self = Self::new();
    }

    /// Reads the register.
    pub const fn read(self) -> u8 {
        self.value
    }

    /// Writes the register. A rise of bit 2 resets: hard if bit 1 is set, otherwise soft. A full
    /// reset (bit 3, a power cycle) is no different from a hard one here.
    pub fn write(&mut self, value: u8) -> Option<Reset> {
        let rises = value & !self.value & Self::RST_CPU != 0;
        self.value = value & (Self::SYS_RST | Self::RST_CPU | Self::FULL_RST);
        let kind = if value & Self::SYS_RST != 0 { Reset::Hard } else { Reset::Soft };
        rises.then_some(kind)
    }
}

/// System control port A, 0x92.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Port92 {
    value: u8,
}

impl Default for Port92 {
    fn default() -> Self {
        Self::new()
    }
}

impl Port92 {
    const INIT_NOW: u8 = 1 << 0;
    const ALT_A20: u8 = 1 << 1;

    /// The port at power-on. A20 is open: no keyboard controller is there to open it, and firmware
    /// and every boot protocol want it so.
    pub const fn new() -> Self {
        Self { value: Self::ALT_A20 }
    }

    /// The reset pin.
    pub fn reset(&mut self) {
        *self = Self::new();
    }

    /// Reads the port.
    pub const fn read(self) -> u8 {
        self.value
    }

    /// Writes the port. A rise of bit 0 pulses INIT.
    pub fn write(&mut self, value: u8) -> Option<Reset> {
        let rises = value & !self.value & Self::INIT_NOW != 0;
        self.value = value & (Self::INIT_NOW | Self::ALT_A20);
        rises.then_some(Reset::Soft)
    }

    /// Address line 20 passes.
    pub const fn a20(self) -> bool {
        self.value & Self::ALT_A20 != 0
    }
}
