//! What a byte written to an 8254 means: Intel 8254 datasheet (231164), "Programming the 8254".
//!
//! Decoding is total: every byte of every write is one of these values.

use serde::{Deserialize, Serialize};

/// A byte written to port 0x43: 8254 datasheet, "Control Word Format".
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Command {
    /// "Counter Latch Command".
    LatchCount {
        /// 0-2.
        counter: u8,
    },
    /// A control word: the counter starts over and waits for a count.
    Program {
        /// 0-2.
        counter: u8,
        /// RW1, RW0.
        access: Access,
        /// M2-M0.
        mode: Mode,
        /// Four decimal digits instead of 16 bits.
        bcd: bool,
    },
    /// "Read-Back Command".
    ReadBack {
        /// Bit n selects counter n.
        counters: u8,
        /// Latch the counts.
        count: bool,
        /// Latch the status bytes.
        status: bool,
    },
}

/// Which bytes of the count a read or write of the counter's port means.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Access {
    /// Least significant byte only.
    Lsb,
    /// Most significant byte only.
    Msb,
    /// Least, then most significant byte.
    Word,
}

/// "Mode Definitions".
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Mode {
    /// Mode 0.
    InterruptOnTerminalCount,
    /// Mode 1.
    RetriggerableOneShot,
    /// Mode 2.
    RateGenerator,
    /// Mode 3.
    SquareWave,
    /// Mode 4.
    SoftwareTriggeredStrobe,
    /// Mode 5.
    HardwareTriggeredStrobe,
}

impl Command {
    /// Bits 7-6 select a counter, or read-back; bits 5-4 all clear mean latch.
    pub const fn decode(byte: u8) -> Self {
        let counter = byte >> 6;
        if counter == 3 {
            let (count, status) = (byte & 0x20 == 0, byte & 0x10 == 0); // active low
            return Self::ReadBack { counters: byte >> 1 & 7, count, status };
        }
        let Some(access) = Access::from_bits(byte >> 4) else {
            return Self::LatchCount { counter };
        };
        Self::Program { counter, access, mode: Mode::from_bits(byte >> 1), bcd: byte & 1 != 0 }
    }
}

impl Access {
    /// RW1 and RW0 in bits 1-0; `None` is the latch command.
    pub const fn from_bits(bits: u8) -> Option<Self> {
        match bits & 3 {
            0 => None,
            1 => Some(Self::Lsb),
            2 => Some(Self::Msb),
            _ => Some(Self::Word),
        }
    }
}

impl Mode {
    /// M2-M0 in bits 2-0; 6 and 7 repeat 2 and 3.
    pub const fn from_bits(bits: u8) -> Self {
        match bits & 7 {
            0 => Self::InterruptOnTerminalCount,
            1 => Self::RetriggerableOneShot,
            2 | 6 => Self::RateGenerator,
            3 | 7 => Self::SquareWave,
            4 => Self::SoftwareTriggeredStrobe,
            _ => Self::HardwareTriggeredStrobe,
        }
    }

    /// Modes 1 and 5 count only after a rising edge of GATE.
    pub const fn is_hardware_triggered(self) -> bool {
        matches!(self, Self::RetriggerableOneShot | Self::HardwareTriggeredStrobe)
    }

    /// Modes 2 and 3 reload themselves.
    pub const fn is_periodic(self) -> bool {
        matches!(self, Self::RateGenerator | Self::SquareWave)
    }

    /// Modes 4 and 5 answer with a pulse of one CLK.
    pub const fn is_strobe(self) -> bool {
        matches!(self, Self::SoftwareTriggeredStrobe | Self::HardwareTriggeredStrobe)
    }
}

/// The status byte of the read-back command: 8254 datasheet, "Status Byte". Bits 5-0 are those of the
/// last control word.
pub mod status {
    /// OUT pin.
    pub const OUT: u8 = 1 << 7;
    /// The count written last has not been loaded yet.
    pub const NULL_COUNT: u8 = 1 << 6;
    /// RW, M and BCD as programmed.
    pub const CONTROL: u8 = 0x3f;
}
