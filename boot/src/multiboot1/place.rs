//! Where a multiboot kernel, its modules and its tables go; version 2 places them alike.

use super::load::Load;
use crate::error::BootError;
use crate::layout;
use crate::ledger::Content;
use crate::plan::Draft;
use core::ops::Range;

/// Low memory for tables whose own place the kernel has taken: above vectors and BIOS data, below what
/// application processors need.
const LOW: Range<u64> = 0x1000..0x8_0000;

/// Places the pieces; returns the end of the highest.
pub(crate) fn kernel(draft: &mut Draft<'_>, load: &Load) -> Result<u64, BootError> {
    for piece in &load.pieces {
        if !draft.ledger.is_ram(&piece.range) {
            let (index, range) = (piece.index, piece.range.clone());
            let ram = draft.ledger.usable().to_vec();
            return Err(BootError::SegmentOutsideRam { index, range, ram });
        }
        let name = format!("kernel segment {}", piece.index);
        let (start, bss) = (piece.range.start, piece.range.start + piece.filesz);
        draft.image(&name, start, piece.filesz, 0, piece.offset)?;
        draft.put(&format!("{name} bss"), bss, piece.range.end - bss, Content::Zero)?;
    }
    Ok(load.span().end)
}

/// The lowest page-aligned place above the kernel or, where that is at the end of RAM, above 1 MiB.
pub(crate) fn above(draft: &Draft<'_>, from: u64, len: u64) -> Option<u64> {
    let lowest =
        |from: u64| draft.ledger.lowest(len, memory::PAGE_SIZE, &(from..layout::LOW_RAM_END));
    lowest(from.max(layout::ACPI_END)).or_else(|| lowest(layout::ACPI_END))
}

/// Places every module above the kernel, page aligned whether asked or not; first byte and end of each.
pub(crate) fn modules(
    draft: &mut Draft<'_>,
    count: usize,
    kernel_end: u64,
) -> Result<Vec<Range<u64>>, BootError> {
    let mut out: Vec<Range<u64>> = Vec::new();
    let mut from = kernel_end;
    for index in 0..count {
        let len = draft.module_len(index);
        let addr = draft.module(index, above(draft, from, len), layout::LOW_RAM_END)?;
        from = addr + len;
        out.push(addr..from);
    }
    Ok(out)
}

/// A place for a table: its own, or another one where the kernel has taken that. If there is none, its
/// own, for the conflict to be named.
pub(crate) fn table(draft: &Draft<'_>, own: u64, len: u64) -> u64 {
    if draft.ledger.is_free(&(own..own + len)) {
        return own;
    }
    let windows = [LOW, layout::ACPI_END..layout::LOW_RAM_END];
    windows.iter().find_map(|window| draft.ledger.lowest(len, 16, window)).unwrap_or(own)
}
