//! `hvm_start_info` and its tables, byte by byte: Xen `public/arch-x86/hvm/start_info.h`.
//!
//! Version 1. Little endian on every host; the offsets are the header's own drawing.

use crate::e820::Region;

/// `struct hvm_start_info`, version 1.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct StartInfo {
    /// Physical address of the command line.
    pub cmdline: u64,
    /// Physical address of the RSDP, 0 without ACPI.
    pub rsdp: u64,
    /// Module list: physical address (0 if empty) and number of entries.
    pub modules: (u64, u32),
    /// Memory map: physical address and number of entries.
    pub memmap: (u64, u32),
}

impl StartInfo {
    /// "xEn3" with the 0x80 bit of the "E" set.
    pub const MAGIC: u32 = 0x336e_c578;
    /// Length in bytes.
    pub const SIZE: usize = 56;

    /// The structure as it lies in guest memory.
    pub fn to_bytes(&self) -> [u8; Self::SIZE] {
        let mut out = [0; Self::SIZE];
        let mut put = |at: usize, bytes: &[u8]| out[at..at + bytes.len()].copy_from_slice(bytes);
        put(0, &Self::MAGIC.to_le_bytes());
        put(4, &1u32.to_le_bytes()); // version; flags at 8 stay 0: they speak to a Xen dom0
        put(12, &self.modules.1.to_le_bytes());
        put(16, &self.modules.0.to_le_bytes());
        put(24, &self.cmdline.to_le_bytes());
        put(32, &self.rsdp.to_le_bytes());
        put(40, &self.memmap.0.to_le_bytes());
        put(48, &self.memmap.1.to_le_bytes()); // reserved at 52 stays 0
        out
    }
}

/// `struct hvm_modlist_entry`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ModuleEntry {
    /// Physical address.
    pub addr: u64,
    /// Length in bytes.
    pub len: u64,
    /// Physical address of its string, never 0: FreeBSD compares without looking.
    pub cmdline: u64,
}

impl ModuleEntry {
    /// The entry as it lies in guest memory; the reserved word is 0.
    pub fn to_bytes(&self) -> [u8; 32] {
        let mut out = [0; 32];
        for (word, value) in out.chunks_exact_mut(8).zip([self.addr, self.len, self.cmdline]) {
            word.copy_from_slice(&value.to_le_bytes());
        }
        out
    }
}

/// `struct hvm_memmap_table_entry`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct MapEntry(Region);

impl From<Region> for MapEntry {
    fn from(region: Region) -> Self {
        Self(region)
    }
}

impl MapEntry {
    /// The entry as it lies in guest memory; types are E820's, the reserved word is 0.
    pub fn to_bytes(&self) -> [u8; 24] {
        let mut out = [0; 24];
        out[0..8].copy_from_slice(&self.0.addr.to_le_bytes());
        out[8..16].copy_from_slice(&self.0.len.to_le_bytes());
        out[16..20].copy_from_slice(&(self.0.kind as u32).to_le_bytes());
        out
    }
}
