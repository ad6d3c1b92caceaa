//! The registers of the I/O APIC in the datasheet's words: Intel 82093AA (290566), "Register
//! Description", and the EOI register of ICH I/O APICs (version 0x20).

use arch::apic::DeliveryMode;
use serde::{Deserialize, Serialize};

/// Interrupt input pins.
pub const PINS: usize = 24;

/// Version register: version 0x20, highest redirection entry 23.
pub const VERSION: u32 = 0x0017_0020;

/// A register of the memory window.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum WindowRegister {
    /// I/O register select.
    IoRegSel,
    /// The register selected.
    IoWin,
    /// End of interrupt, write-only.
    Eoi,
}

impl WindowRegister {
    /// The register at an offset in bytes from the base of the window.
    pub const fn decode(offset: u16) -> Option<Self> {
        match offset {
            0x00 => Some(Self::IoRegSel),
            0x10 => Some(Self::IoWin),
            0x40 => Some(Self::Eoi),
            _ => None,
        }
    }
}

/// A register behind the select register.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Register {
    /// Identification, in bits 24 to 27.
    Id,
    /// [`VERSION`].
    Version,
    /// Arbitration: the ID again.
    Arbitration,
    /// Low half of a redirection entry.
    RedirectionLow(usize),
    /// High half of a redirection entry.
    RedirectionHigh(usize),
}

impl Register {
    /// The register with this index, `None` for the reserved ones.
    pub const fn decode(index: u8) -> Option<Self> {
        match index {
            0 => Some(Self::Id),
            1 => Some(Self::Version),
            2 => Some(Self::Arbitration),
            0x10..=0x3f if index & 1 == 0 => {
                Some(Self::RedirectionLow((index as usize - 0x10) / 2))
            }
            0x10..=0x3f => Some(Self::RedirectionHigh((index as usize - 0x10) / 2)),
            _ => None,
        }
    }
}

/// An entry of the I/O redirection table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Redirection(pub u64);

impl Redirection {
    /// After reset: masked.
    pub const RESET: Self = Self(Self::MASKED);
    /// Bits of the low half that hold what is written; delivery status (12) and remote IRR (14) are
    /// read-only.
    pub const WRITABLE_LOW: u64 = 0x0001_afff;
    /// Bits of the high half that hold what is written.
    pub const WRITABLE_HIGH: u64 = 0xff00_0000;
    /// A level-triggered interrupt was accepted and awaits its EOI.
    pub const REMOTE_IRR: u64 = 1 << 14;
    const LOGICAL: u64 = 1 << 11;
    const LEVEL: u64 = 1 << 15;
    const MASKED: u64 = 1 << 16;

    /// Interrupt vector.
    pub const fn vector(self) -> u8 {
        self.0 as u8
    }

    /// Delivery mode.
    pub const fn mode(self) -> DeliveryMode {
        DeliveryMode::from_bits(self.0 as u32 >> 8)
    }

    /// Destination mode is logical.
    pub const fn logical(self) -> bool {
        self.0 & Self::LOGICAL != 0
    }

    /// Interrupt mask.
    pub const fn masked(self) -> bool {
        self.0 & Self::MASKED != 0
    }

    /// Remote IRR.
    pub const fn remote_irr(self) -> bool {
        self.0 & Self::REMOTE_IRR != 0
    }

    /// Behaves as level-triggered. SMI, NMI, INIT and ExtINT are edges whatever bit 15 says
    /// ("Delivery Mode").
    pub const fn level(self) -> bool {
        self.0 & Self::LEVEL != 0
            && matches!(self.mode(), DeliveryMode::Fixed | DeliveryMode::LowestPriority)
    }

    /// Destination field.
    pub const fn destination(self) -> u8 {
        (self.0 >> 56) as u8
    }
}
