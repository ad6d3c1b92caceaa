//! The boot protocols through the crate's public door: images made here, byte by byte, from the
//! documents the loaders follow; expected values are those documents', not the loaders'.

mod detection;
mod firmware;
mod linux;
mod linux_entries;
mod multiboot1;
mod multiboot2;
mod pvh;
mod refusals;
mod requests;
mod writing;
