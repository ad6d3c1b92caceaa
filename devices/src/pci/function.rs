//! The 256 bytes of configuration space of one PCI function.
//!
//! Follows the PCI Local Bus Specification 2.3, "Configuration Space". A function is its reset values
//! and, byte by byte, which bits a guest can write. Bits of the status register that are cleared by
//! writing 1 never become 1 here, so that they need no rule.

use serde::{Deserialize, Serialize};

/// Offsets of the header that every function has.
#[allow(missing_docs, reason = "the names are the specification's")]
pub mod header {
    pub const VENDOR_ID: u8 = 0x00;
    pub const DEVICE_ID: u8 = 0x02;
    pub const COMMAND: u8 = 0x04;
    pub const STATUS: u8 = 0x06;
    pub const REVISION_ID: u8 = 0x08;
    pub const CLASS_CODE: u8 = 0x09;
    pub const HEADER_TYPE: u8 = 0x0e;
    pub const SUBSYSTEM_VENDOR_ID: u8 = 0x2c;
    pub const SUBSYSTEM_ID: u8 = 0x2e;
    pub const INTERRUPT_LINE: u8 = 0x3c;
    pub const INTERRUPT_PIN: u8 = 0x3d;
}

/// Bits of the command register.
pub mod command {
    /// The function answers in I/O space.
    pub const IO: u16 = 1 << 0;
    /// The function answers in memory space.
    pub const MEMORY: u16 = 1 << 1;
    /// The function may access memory itself.
    pub const MASTER: u16 = 1 << 2;
}

/// Header type bit 7: the device has further functions.
pub const MULTIFUNCTION: u8 = 0x80;

/// One field: offset, length in bytes, reset value, bits a guest can write.
pub type Field = (u8, u8, u32, u32);

/// A function's configuration space.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Function {
    bytes: Vec<u8>,
    writable: Vec<u8>,
}

impl Function {
    /// A function that is described by its fields; what no field names is 0 and read-only.
    pub fn new(fields: &[Field]) -> Self {
        let mut function = Self { bytes: vec![0; 256], writable: vec![0; 256] };
        for &(offset, len, reset, writable) in fields {
            for at in 0..usize::from(len.min(4)) {
                let place = usize::from(offset) + at;
                function.bytes[place] = (reset >> (8 * at)) as u8;
                function.writable[place] = (writable >> (8 * at)) as u8;
            }
        }
        function
    }

    /// Byte at an offset.
    pub fn byte(&self, offset: u8) -> u8 {
        self.bytes.get(usize::from(offset)).copied().unwrap_or(0)
    }

    /// Little-endian 16 bits at an offset.
    pub fn word(&self, offset: u8) -> u16 {
        u16::from_le_bytes([self.byte(offset), self.byte(offset.wrapping_add(1))])
    }

    /// Little-endian 32 bits at an offset.
    pub fn dword(&self, offset: u8) -> u32 {
        let high = self.word(offset.wrapping_add(2));
        u32::from(high) << 16 | u32::from(self.word(offset))
    }

    /// A guest writes a byte.
    pub fn write_byte(&mut self, offset: u8, value: u8) {
        let place = usize::from(offset);
        if let (Some(byte), Some(&mask)) = (self.bytes.get_mut(place), self.writable.get(place)) {
            *byte = *byte & !mask | value & mask;
        }
    }
}
