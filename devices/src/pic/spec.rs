//! What a byte written to an 8259A means: Intel 8259A datasheet (231468), "Programming the 8259A".
//!
//! Decoding is total: every byte of every write is one of these values.

use serde::{Deserialize, Serialize};

/// One of the two chips of a PC.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Which {
    /// IRQ 0-7; its INT pin goes to the processor.
    Master,
    /// IRQ 8-15; its INT pin goes to the master's IR2.
    Slave,
}

/// A write to the even port (A0 = 0): "Initialization Command Words" and "Operation Command Words".
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Command {
    /// ICW1 starts the initialisation sequence. LTIM (bit 3) is ignored as in every PC since EISA:
    /// the edge/level control register takes its place.
    Icw1 {
        /// SNGL: no ICW3 follows.
        single: bool,
        /// IC4: an ICW4 follows.
        icw4: bool,
    },
    /// OCW2: end of interrupt and rotation.
    Ocw2(Ocw2),
    /// OCW3: special mask mode, poll, register read.
    Ocw3 {
        /// ESMM and SMM: the new special mask mode, if it changes.
        special_mask: Option<bool>,
        /// P: the next read is a poll.
        poll: bool,
        /// RR and RIS: the register that later reads return, if it changes.
        read: Option<StatusRegister>,
    },
}

/// The eight commands of OCW2: 8259A datasheet, "Operation Control Word 2 (OCW2)".
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Ocw2 {
    /// Clears the highest in-service bit; with `rotate` that level becomes the lowest.
    NonSpecificEoi {
        /// Rotate on non-specific EOI.
        rotate: bool,
    },
    /// Clears the named in-service bit; with `rotate` that level becomes the lowest.
    SpecificEoi {
        /// L2-L0, the level to end.
        level: u8,
        /// Rotate on specific EOI.
        rotate: bool,
    },
    /// Sets or clears rotation in automatic EOI mode.
    RotateInAutoEoi(bool),
    /// The named level becomes the lowest.
    SetPriority {
        /// L2-L0, the new bottom level.
        level: u8,
    },
    /// No operation.
    Nop,
}

/// Which register a read of the even port returns.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum StatusRegister {
    /// Interrupt request register.
    Irr,
    /// In-service register.
    Isr,
}

impl Command {
    /// Bit 4 selects ICW1, else bit 3 tells OCW3 from OCW2.
    pub const fn decode(byte: u8) -> Self {
        if byte & 0x10 != 0 {
            return Self::Icw1 { single: byte & 2 != 0, icw4: byte & 1 != 0 };
        }
        if byte & 8 == 0 {
            return Self::Ocw2(Ocw2::decode(byte));
        }
        let special_mask = if byte & 0x40 != 0 { Some(byte & 0x20 != 0) } else { None };
        let read = match byte & 3 {
            2 => Some(StatusRegister::Irr),
            3 => Some(StatusRegister::Isr),
            _ => None,
        };
        Self::Ocw3 { special_mask, poll: byte & 4 != 0, read }
    }
}

impl Ocw2 {
    /// Bits 7-5 are R, SL, EOI; bits 2-0 the level.
    pub const fn decode(byte: u8) -> Self {
        let level = byte & 7;
        match byte >> 5 {
            0b000 => Self::RotateInAutoEoi(false),
            0b001 => Self::NonSpecificEoi { rotate: false },
            0b011 => Self::SpecificEoi { level, rotate: false },
            0b100 => Self::RotateInAutoEoi(true),
            0b101 => Self::NonSpecificEoi { rotate: true },
            0b110 => Self::SetPriority { level },
            0b111 => Self::SpecificEoi { level, rotate: true },
            _ => Self::Nop,
        }
    }
}

/// ICW4 in 8086 mode: 8259A datasheet, "Initialization Command Word 4 (ICW4)". All off without ICW4.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Icw4 {
    /// AEOI: the second INTA pulse ends the interrupt.
    pub auto_eoi: bool,
    /// SFNM: an interrupt in service does not block its own level (a master with a busy slave).
    pub special_fully_nested: bool,
}

impl Icw4 {
    /// Bit 1 and bit 4; the buffered-mode bits have no meaning in a PC.
    pub const fn decode(byte: u8) -> Self {
        Self { auto_eoi: byte & 2 != 0, special_fully_nested: byte & 0x10 != 0 }
    }
}
