//! SMBIOS: what the machine is made of, in words for inventories.
//!
//! Follows the System Management BIOS Reference Specification 2.8 (DSP0134), "SMBIOS Structure Table
//! Entry Point" and "Structure Definitions". [`build`] makes the structures; a direct boot places them
//! behind their entry point at 0xf0000 ([`Smbios::placed_at`]), a firmware gets the same bytes as the
//! fw_cfg files `etc/smbios/smbios-tables` and `etc/smbios/smbios-anchor` and fills in address and
//! checksums itself.
//!
//! The structures are those of QEMU's `pc` with SeaBIOS: BIOS (0), system (1), chassis (3), a processor
//! each (4), memory array (16), devices (17) and mapped ranges (19), boot status (32), end (127). The
//! platform's name is the chassis' asset tag, the words an owner gives to a machine.
//!
//! Not modelled: the 64-bit entry point (`_SM3_`), base board, caches, slots, ports, OEM strings.

mod structures;

#[cfg(test)]
mod tests;

use crate::platform::Platform;

/// Length of the entry point in bytes.
const ANCHOR_LEN: usize = 31;
/// First byte of the second part, which has a checksum of its own.
const INTERMEDIATE: usize = 16;

/// Entry point and structures.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Smbios {
    /// The entry point as a firmware expects it: address of the structures and both checksums are 0.
    pub anchor: Vec<u8>,
    /// The structures.
    pub tables: Vec<u8>,
}

/// The structures that describe `platform` with `ram_bytes` of RAM.
pub fn build(platform: &Platform, ram_bytes: u64) -> Smbios {
    let structures = structures::all(platform, ram_bytes);
    let longest = structures.iter().map(Vec::len).max().unwrap_or(0) as u16;
    let count = structures.len() as u16;
    let tables = structures.concat();
    let mut anchor = vec![0; ANCHOR_LEN];
    let mut put = |at: usize, bytes: &[u8]| anchor[at..at + bytes.len()].copy_from_slice(bytes);
    put(0, b"_SM_");
    put(5, &[ANCHOR_LEN as u8, 2, 8]); // version 2.8
    put(8, &longest.to_le_bytes());
    put(INTERMEDIATE, b"_DMI_");
    put(22, &(tables.len() as u16).to_le_bytes());
    put(28, &count.to_le_bytes());
    put(30, &[0x28]); // version as BCD
    Smbios { anchor, tables }
}

impl Smbios {
    /// Entry point and, on the next 16-byte boundary, the structures, for a copy at `addr`.
    pub fn placed_at(&self, addr: u32) -> Vec<u8> {
        let mut out = self.anchor.clone();
        let tables = ANCHOR_LEN.next_multiple_of(16);
        out[24..28].copy_from_slice(&(addr + tables as u32).to_le_bytes());
        let sum = |bytes: &[u8]| bytes.iter().fold(0u8, |sum, &byte| sum.wrapping_sub(byte));
        out[21] = sum(&out[INTERMEDIATE..]);
        out[4] = sum(&out);
        out.resize(tables, 0);
        out.extend(&self.tables);
        out
    }
}
