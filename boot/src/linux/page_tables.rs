//! The page tables of the 64-bit entry: memory mapped to itself by 2 MiB pages (SDM Vol. 3A, "4-Level
//! Paging").
//!
//! `boot.rst` asks for the kernel, boot_params and command line. The first 4 GiB are always mapped; a
//! kernel above them has its own page directories, each for 1 GiB.

use crate::layout;
use arch::paging::pte;
use core::ops::Range;

const TABLE: u64 = 0x1000;
const LARGE_PAGE: u64 = 2 << 20;
const GIB: u64 = 1 << 30;
/// End of what one PDPT maps.
pub(super) const MAPPABLE_END: u64 = 512 << 30;

const FLAGS: u64 = pte::P | pte::RW;

/// The page directory that maps gibibyte `gib`.
fn directory(gib: u64) -> impl Iterator<Item = u8> {
    let pages = (0..GIB / LARGE_PAGE).map(move |page| gib * GIB + page * LARGE_PAGE);
    pages.flat_map(|page| (page | FLAGS | pte::PS).to_le_bytes())
}

/// The gibibytes above 4 GiB that a range touches.
fn high_gibs(range: &Range<u64>) -> Range<u64> {
    let first = (range.start / GIB).max(4);
    first..range.end.min(MAPPABLE_END).div_ceil(GIB).max(first)
}

/// PML4, PDPT and four page directories, to be placed at [`layout::PAGE_TABLES`], and the directories
/// that also map `kernel`, to be placed at [`layout::HIGH_PAGE_TABLES`].
pub fn identity(kernel: &Range<u64>) -> (Vec<u8>, Vec<u8>) {
    let table = |index: u64| layout::PAGE_TABLES + index * TABLE;
    let mut out = vec![0; 2 * TABLE as usize];
    let mut put = |at: u64, entry: u64| {
        let at = at as usize;
        out[at..at + 8].copy_from_slice(&(entry | FLAGS).to_le_bytes());
    };
    put(0, table(1));
    for gib in 0..4 {
        put(TABLE + 8 * gib, table(2 + gib));
    }
    let high = high_gibs(kernel);
    for (index, gib) in high.clone().enumerate() {
        put(TABLE + 8 * gib, layout::HIGH_PAGE_TABLES + index as u64 * TABLE);
    }
    out.extend((0..4).flat_map(directory));
    (out, high.flat_map(directory).collect())
}
