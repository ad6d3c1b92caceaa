//! An ELF kernel with a PVH note for `pvh.bin` and qboot: QEMU `hw/i386/x86.c`, `load_elfboot`.
//!
//! The segments are in RAM before the first instruction; the firmware only builds start_info.

use super::{Draft, ELF_HEADER_LEN, Item, add_ramdisk, bytes_of, nul_terminated};
use crate::error::{BootError, Part};
use crate::layout;
use crate::ledger::{Content, Placement};
use crate::plan::Request;
use crate::protocol::Protocol;
use crate::pvh::Kernel;
use memory::PhysAddr;

/// `pvh.bin` copies the command line into a buffer of 4096 bytes; Linux keeps half of it.
const CMDLINE_MAX: usize = 2047;

/// Adds the kernel's items and places its segments.
pub(super) fn add(draft: &mut Draft, request: &Request<'_>) -> Result<(), BootError> {
    let len = request.cmdline.len();
    if len > CMDLINE_MAX {
        return Err(BootError::CommandLineTooLong { len, max: CMDLINE_MAX });
    }
    let kernel = Kernel::parse(request.kernel)?;
    for segment in &kernel.loads {
        let range = segment.range();
        if !draft.ledger.is_ram(&range) {
            let (index, ram) = (segment.index, draft.ledger.usable().to_vec());
            return Err(BootError::SegmentOutsideRam { index, range, ram });
        }
        let name = format!("kernel segment {}", segment.index);
        draft.claim(&name, range.clone())?;
        let image = Content::Image { which: 0, offset: segment.offset };
        let bss = range.start + segment.filesz;
        for (name, addr, len, content) in [
            (name.clone(), range.start, segment.filesz, image),
            (format!("{name} bss"), bss, range.end - bss, Content::Zero),
        ] {
            if len != 0 {
                draft.placements.push(Placement { name, addr: PhysAddr(addr), len, content });
            }
        }
    }
    add_ramdisk(draft, request, Protocol::Pvh, layout::LOW_RAM_END)?;
    let header = request.kernel.len().min(ELF_HEADER_LEN);
    let items = &mut draft.items;
    let setup = bytes_of(request.kernel, Part::Kernel, 0, header)?;
    items.setup = Some(Item { addr: 0, bytes: setup });
    let span = kernel.span();
    items.loaded = Some((span.start as u32, (span.end - span.start) as u32)); // in RAM below 4 GiB
    items.entry = Some(kernel.notes.entry);
    items.cmdline = Some(Item { addr: 0, bytes: nul_terminated(request.cmdline) });
    draft.explanation.push(format!("PVH: note 18 names the entry {:#x}", kernel.notes.entry));
    Ok(())
}
