//! The page tables of the 64-bit entry: the first 4 GiB mapped to themselves by 2 MiB pages
//! (SDM Vol. 3A, "4-Level Paging"). `boot.rst` asks for the kernel, boot_params and command line;
//! everything this loader places lies below 4 GiB.

use crate::layout;
use arch::paging::pte;

const TABLE: u64 = 0x1000;
const LARGE_PAGE: u64 = 2 << 20;

/// PML4, PDPT and four page directories, to be placed at [`layout::PAGE_TABLES`].
pub fn identity_4_gib() -> Vec<u8> {
    let flags = pte::P | pte::RW;
    let table = |index: u64| layout::PAGE_TABLES + index * TABLE;
    let mut out = vec![0; layout::PAGE_TABLES_LEN as usize];
    let mut put = |at: u64, entry: u64| {
        let at = at as usize;
        out[at..at + 8].copy_from_slice(&entry.to_le_bytes());
    };
    put(0, table(1) | flags);
    for gib in 0..4 {
        put(TABLE + 8 * gib, table(2 + gib) | flags);
    }
    for page in 0..2048 {
        put(2 * TABLE + 8 * page, (page * LARGE_PAGE) | flags | pte::PS);
    }
    out
}
