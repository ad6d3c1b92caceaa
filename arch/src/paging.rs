//! Paging entries and addresses: SDM Vol. 3A, "Paging".

/// Bytes in the smallest page.
pub const PAGE_SIZE: u64 = 4096;
/// Offset bits within it.
pub const PAGE_MASK: u64 = PAGE_SIZE - 1;

/// Bits of a paging-structure entry.
pub mod pte {
    /// Present.
    pub const P: u64 = 1 << 0;
    /// Writable.
    pub const RW: u64 = 1 << 1;
    /// User-accessible.
    pub const US: u64 = 1 << 2;
    /// Write-through.
    pub const PWT: u64 = 1 << 3;
    /// Cache disable.
    pub const PCD: u64 = 1 << 4;
    /// Accessed.
    pub const A: u64 = 1 << 5;
    /// Dirty (entries that map a page).
    pub const D: u64 = 1 << 6;
    /// Page size: this entry maps a large page.
    pub const PS: u64 = 1 << 7;
    /// Global (entries that map a page).
    pub const G: u64 = 1 << 8;
    /// PAT bit of large pages; reserved part of the frame otherwise.
    pub const PAT_LARGE: u64 = 1 << 12;
    /// Protection key of a user page (with CR4.PKE, in entries that map a page).
    pub const KEY: u64 = 0xf << KEY_SHIFT;
    /// Where the key is.
    pub const KEY_SHIFT: u32 = 59;
    /// No execute (with EFER.NXE).
    pub const NX: u64 = 1 << 63;
}

/// True if the upper bits of `address` repeat the highest of its low `bits`: 48, or 57 with 5-level paging.
#[inline(always)]
pub const fn is_canonical(address: u64, bits: u32) -> bool {
    let unused = 64 - bits;
    ((address as i64) << unused >> unused) as u64 == address
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn canonical_addresses_repeat_their_highest_bit() {
        for good in [0, 0x7fff_ffff_ffff, 0xffff_8000_0000_0000, u64::MAX] {
            assert!(is_canonical(good, 48) && is_canonical(good, 57));
        }
        for bad in [0x8000_0000_0000, 0xffff_7fff_ffff_ffff, 1 << 63] {
            assert!(!is_canonical(bad, 48));
            assert_eq!(is_canonical(bad, 57), bad != 1 << 63);
        }
        assert!(!is_canonical(1 << 56, 57) && is_canonical(0xff00_0000_0000_0000, 57));
    }
}
