//! Packet commands and their answers' codes: SFF-8020i ("ATA Packet Interface for CD-ROMs") and INCITS
//! 360 (MMC-3).

use serde::{Deserialize, Serialize};

/// Bytes of a sector.
pub(super) const SECTOR: usize = 2048;
/// Sectors of the longest CD, of 80 minutes; what is longer is a DVD.
pub(super) const CD_SECTORS_MAX: u64 = 80 * 60 * 75;
/// Sectors before the first one in minutes, seconds and frames: two seconds.
pub(super) const MSF_OFFSET: u32 = 150;

/// Operation codes.
pub(super) mod op {
    pub(crate) const TEST_UNIT_READY: u8 = 0x00;
    pub(crate) const REQUEST_SENSE: u8 = 0x03;
    pub(crate) const INQUIRY: u8 = 0x12;
    pub(crate) const START_STOP_UNIT: u8 = 0x1b;
    pub(crate) const PREVENT_ALLOW: u8 = 0x1e;
    pub(crate) const READ_CAPACITY: u8 = 0x25;
    pub(crate) const READ_10: u8 = 0x28;
    pub(crate) const READ_TOC: u8 = 0x43;
    pub(crate) const GET_CONFIGURATION: u8 = 0x46;
    pub(crate) const GET_EVENT_STATUS: u8 = 0x4a;
    pub(crate) const READ_DISC_INFORMATION: u8 = 0x51;
    pub(crate) const MODE_SENSE_10: u8 = 0x5a;
    pub(crate) const READ_12: u8 = 0xa8;
    pub(crate) const MECHANISM_STATUS: u8 = 0xbd;
}

/// Sense key, additional sense code and its qualifier.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Sense {
    pub(super) key: u8,
    pub(super) asc: u8,
    pub(super) ascq: u8,
}

impl Sense {
    pub(super) const NONE: Self = Self::new(0, 0, 0);
    pub(super) const NO_MEDIUM: Self = Self::new(2, 0x3a, 0);
    pub(super) const UNREADABLE: Self = Self::new(3, 0x11, 0);
    pub(super) const INVALID_OPCODE: Self = Self::new(5, 0x20, 0);
    pub(super) const OUT_OF_RANGE: Self = Self::new(5, 0x21, 0);
    pub(super) const INVALID_FIELD: Self = Self::new(5, 0x24, 0);
    pub(super) const SAVING_NOT_SUPPORTED: Self = Self::new(5, 0x39, 0);
    pub(super) const REMOVAL_PREVENTED: Self = Self::new(5, 0x53, 2);
    pub(super) const MEDIUM_CHANGED: Self = Self::new(6, 0x28, 0);

    const fn new(key: u8, asc: u8, ascq: u8) -> Self {
        Self { key, asc, ascq }
    }
}

/// A command packet: its bytes by their place.
#[derive(Clone, Copy)]
pub(super) struct Packet(pub(super) [u8; 12]);

impl Packet {
    /// What the host has written, zeros where it wrote less.
    pub(super) fn new(block: &[u8]) -> Self {
        let mut bytes = [0; 12];
        for (byte, written) in bytes.iter_mut().zip(block) {
            *byte = *written;
        }
        Self(bytes)
    }

    pub(super) const fn byte(self, at: usize) -> u8 {
        self.0[at]
    }

    pub(super) const fn word(self, at: usize) -> u16 {
        u16::from_be_bytes([self.0[at], self.0[at + 1]])
    }

    pub(super) const fn long(self, at: usize) -> u32 {
        u32::from_be_bytes([self.0[at], self.0[at + 1], self.0[at + 2], self.0[at + 3]])
    }
}
