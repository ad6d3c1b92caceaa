//! The host bridge: what the 82441FX's configuration registers decide.
//!
//! Follows: Intel 82441FX (290549), "PAM - Programmable Attribute Map Registers". Sub-vendor and
//! sub-device are QEMU's, by which SeaBIOS knows that it may ask fw_cfg.
//!
//! Not emulated: DRAM timing and row registers (stored, without effect), SMRAM, error reporting.

use super::function::{Field, Function};

/// Registers and reset values.
pub(super) const FIELDS: &[Field] = &[
    (0x00, 4, 0x1237_8086, 0),
    (0x04, 2, 0x0006, 0x0140), // memory and bus master, always
    (0x06, 2, 0x0280, 0),      // fast back-to-back, medium DEVSEL
    (0x08, 4, 0x0600_0002, 0), // revision 2, host bridge
    (0x0d, 1, 0, 0xf8),        // latency timer
    (0x2c, 4, 0x1100_1af4, 0),
    (0x50, 4, 0, 0x00ff_ffff), // PMC configuration, DETURBO control, buffer control
    (0x55, 2, 0, 0xffff),      // DRAM timing
    (0x57, 2, 0x0001, 0xffff), // DRAM control
    (0x59, 3, 0, 0x33_3330),   // PAM0: the lower half does not exist
    (0x5c, 4, 0, 0x3333_3333),
    (0x60, 4, 0, 0xffff_ffff), // DRAM row boundaries
    (0x64, 4, 0, 0xffff_ffff),
    (0x72, 1, 0x02, 0x7f), // SMRAM
];

/// First PAM register.
const PAM0: u8 = 0x59;
/// First address of the PAM area.
pub const SHADOW_START: u64 = 0xc_0000;
/// End of the PAM area.
pub const SHADOW_END: u64 = 0x10_0000;
/// Bytes of all segments but the last.
const SEGMENT: u64 = 0x4000;
/// The last segment has 64 KiB.
const BIOS_START: u64 = 0xf_0000;
/// Number of segments.
pub const SEGMENTS: usize = 13;

/// Where a segment's accesses go.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Attributes {
    /// Reads come from RAM, not from the bus (ROM).
    pub read_ram: bool,
    /// Writes go to RAM, not to the bus.
    pub write_ram: bool,
}

/// First address and length in bytes of segment `index`, ascending from [`SHADOW_START`].
pub const fn segment(index: usize) -> (u64, u64) {
    let start = SHADOW_START + index as u64 * SEGMENT;
    (start, if start == BIOS_START { SHADOW_END - BIOS_START } else { SEGMENT })
}

/// What the PAM registers say of every segment.
pub(super) fn attributes(bridge: &Function) -> [Attributes; SEGMENTS] {
    core::array::from_fn(|index| {
        // PAM0's upper half is the last segment; PAM1 to PAM6 hold two each.
        let (register, shift) = match index {
            12 => (PAM0, 4),
            _ => (PAM0 + 1 + (index / 2) as u8, 4 * (index % 2)),
        };
        let bits = bridge.byte(register) >> shift;
        Attributes { read_ram: bits & 1 != 0, write_ram: bits & 2 != 0 }
    })
}
