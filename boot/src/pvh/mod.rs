//! PVH direct boot: Xen `docs/misc/pvh.pandoc` (entry state), `public/arch-x86/hvm/start_info.h`
//! (structures), `public/elfnote.h` (notes 18 and 19).
//!
//! The kernel is an ELF file with a note that names a 32-bit entry; it starts in protected mode
//! without paging with EBX pointing at `hvm_start_info`. Linux, FreeBSD and others accept this without
//! Xen. Not modelled: Xen's own interface (hypercall page, shared info), which no CPUID leaf announces.

mod note;
mod start_info;

pub use note::{ENTRY_NOTE, PvhNotes, RELOC_NOTE, Reloc, xen_note_name};
pub use start_info::{MapEntry, ModuleEntry, StartInfo};

use crate::elf::{Elf, Segment};
use crate::entry::{Entry, gdt32, gpr};
use crate::error::{BootError, Part};
use crate::image::Image;
use crate::layout;
use crate::ledger::Content;
use crate::plan::{BootPlan, Draft, Request, Source, Strings};
use crate::protocol::Protocol;
use crate::reader::align_up;
use core::ops::Range;

/// Linux keeps COMMAND_LINE_SIZE bytes including the NUL.
const CMDLINE_MAX: usize = 2047;
/// Bits of e_flags that QEMU's `load_elfboot` refuses.
const REFUSED_FLAGS: u32 = 0x0001_0004;
/// Modules end below this: 32-bit kernels reach no further for a ramdisk (initrd_addr_max of every
/// Linux 2.15 header).
const MODULES_END: u64 = 0x8000_0000;

/// A PVH kernel, validated as far as that needs no machine.
pub(crate) struct Kernel {
    pub(crate) notes: PvhNotes,
    pub(crate) loads: Vec<Segment>,
}

impl Kernel {
    pub(crate) fn parse(image: &dyn Image) -> Result<Self, BootError> {
        let elf = Elf::parse(image)?;
        if elf.flags & REFUSED_FLAGS != 0 {
            return Err(BootError::ElfFlags { flags: elf.flags });
        }
        let notes = PvhNotes::find(&elf, image)?;
        let loads = elf.loads(image.len())?;
        let entry = u64::from(notes.entry);
        if !loads.iter().any(|segment| segment.range().contains(&entry)) {
            return Err(BootError::EntryOutsideSegments { entry });
        }
        Ok(Self { notes, loads })
    }

    /// From the first to the last byte the kernel occupies.
    pub(crate) fn span(&self) -> Range<u64> {
        let start = self.loads.iter().map(|s| s.range().start).min().unwrap_or(0);
        start..self.loads.iter().map(|s| s.range().end).max().unwrap_or(0)
    }
}

/// Plans a PVH boot of `kernel`, the request's own image or one unpacked from it.
pub(crate) fn plan<'a>(
    request: &Request<'a>,
    source: Source<'a>,
) -> Result<BootPlan<'a>, BootError> {
    let kernel = Kernel::parse(source.image())?;
    check_strings(request)?;
    let mut draft = Draft::new(request, source, gdt32())?;
    claim_tables(&mut draft, request)?;
    let slide = place_kernel(&mut draft, &kernel)?;
    let modules = place_modules(&mut draft, request)?;
    place_start_info(&mut draft, &modules)?;

    let mut entry = Entry::protected32(kernel.notes.entry.wrapping_add(slide as u32));
    entry.gprs[gpr::RBX] = layout::START_INFO;
    draft.explain(format!("PVH: note 18 names the entry {:#x}", kernel.notes.entry));
    if slide != 0 {
        draft.explain(format!("note 19: kernel moved by {slide:#x}"));
    }
    Ok(draft.finish(Protocol::Pvh, entry))
}

fn check_strings(request: &Request<'_>) -> Result<(), BootError> {
    let len = request.cmdline.len();
    if len > CMDLINE_MAX {
        return Err(BootError::CommandLineTooLong { len, max: CMDLINE_MAX });
    }
    let (count, max) = (request.modules.len(), layout::MODULES_MAX);
    if count > max {
        return Err(BootError::TooManyModules { protocol: Protocol::Pvh, count, max });
    }
    Ok(())
}

/// Strings and map go first, so that a kernel linked over them is the one that is named as intruder.
fn claim_tables(draft: &mut Draft<'_>, request: &Request<'_>) -> Result<(), BootError> {
    let mut strings = Strings::default();
    let cmdline = strings.add(Part::CommandLine, request.cmdline)?;
    for (index, module) in request.modules.iter().enumerate() {
        strings.add(Part::Module(index), module.cmdline)?;
    }
    strings.pad(cmdline, layout::CMDLINE_READABLE);
    strings.place(draft)?;
    draft.check_map(layout::MEMMAP_MAX)?;
    let map: Vec<u8> = draft.e820.iter().flat_map(|r| MapEntry::from(*r).to_bytes()).collect();
    draft.bytes("PVH memory map", layout::MEMMAP, map)
}

/// Claims and places the segments, moved as a whole if note 19 allows and their own place does not
/// suit. Returns the distance, wrapping.
fn place_kernel(draft: &mut Draft<'_>, kernel: &Kernel) -> Result<u64, BootError> {
    let slide = match (first_misfit(draft, kernel), kernel.notes.reloc) {
        (None, _) => 0,
        (Some(error), None) => return Err(error),
        (Some(error), Some(reloc)) => relocate(draft, kernel, reloc).ok_or(error)?,
    };
    for segment in &kernel.loads {
        let at = segment.paddr.wrapping_add(slide);
        let name = format!("kernel segment {}", segment.index);
        draft.image(&name, at, segment.filesz, 0, segment.offset)?;
        let bss = segment.memsz - segment.filesz;
        draft.put(&format!("{name} bss"), at + segment.filesz, bss, Content::Zero)?;
    }
    Ok(slide)
}

/// Why the segments cannot lie where they are linked; of those outside RAM the highest, whose end says
/// how much RAM would do.
fn first_misfit(draft: &Draft<'_>, kernel: &Kernel) -> Option<BootError> {
    let misfits = kernel.loads.iter().filter_map(|segment| segment_fits(draft, segment).err());
    misfits.max_by_key(|error| match error {
        BootError::SegmentOutsideRam { range, .. } => range.end,
        _ => 0,
    })
}

/// True to its ELF address, a segment must lie in RAM that nobody else has.
pub(crate) fn segment_fits(draft: &Draft<'_>, segment: &Segment) -> Result<(), BootError> {
    let range = segment.range();
    if !draft.ledger.is_ram(&range) {
        let (index, ram) = (segment.index, draft.ledger.usable().to_vec());
        return Err(BootError::SegmentOutsideRam { index, range, ram });
    }
    match draft.ledger.claimant(&range) {
        None => Ok(()),
        Some((name, taken)) => {
            let second = (format!("kernel segment {}", segment.index), range);
            Err(BootError::Conflict { first: (name.to_owned(), taken), second })
        }
    }
}

/// Xen `elfnote.h`, PHYS32_RELOC: the load address becomes the lowest aligned one that fits.
fn relocate(draft: &Draft<'_>, kernel: &Kernel, reloc: Reloc) -> Option<u64> {
    let span = kernel.span();
    let window = u64::from(reloc.min)..u64::from(reloc.max) + 1;
    let len = align_up(span.end - span.start, memory::PAGE_SIZE)?;
    let at = draft.ledger.lowest(len, reloc.align.into(), &window)?;
    Some(at.wrapping_sub(span.start))
}

/// High in low RAM but not at its top: FreeBSD's first allocations start above the highest module.
fn place_modules(
    draft: &mut Draft<'_>,
    request: &Request<'_>,
) -> Result<Vec<ModuleEntry>, BootError> {
    let low_end =
        draft.e820.iter().map(|r| r.range().end).filter(|&end| end <= layout::LOW_RAM_END);
    let top = low_end.max().unwrap_or(0);
    let spare = (top / 8).min(64 << 20) & !(memory::PAGE_SIZE - 1);
    let mut string = layout::STRINGS + request.cmdline.len() as u64 + 1;
    let mut entries = Vec::new();
    for (index, module) in request.modules.iter().enumerate() {
        let len = draft.module_len(index);
        let find = |end: u64| {
            let window = layout::ACPI_END..end.min(MODULES_END);
            draft.ledger.highest(len, memory::PAGE_SIZE, &window)
        };
        let at = find(top - spare).or_else(|| find(top));
        let addr = draft.module(index, at, top.min(MODULES_END))?;
        entries.push(ModuleEntry { addr, len, cmdline: string });
        string += module.cmdline.len() as u64 + 1;
    }
    Ok(entries)
}

fn place_start_info(draft: &mut Draft<'_>, modules: &[ModuleEntry]) -> Result<(), BootError> {
    let list: Vec<u8> = modules.iter().flat_map(ModuleEntry::to_bytes).collect();
    draft.bytes("PVH module list", layout::MODLIST, list)?;
    let info = StartInfo {
        cmdline: layout::STRINGS,
        rsdp: draft.rsdp,
        // FreeBSD halts on a list of no modules, so no modules means no list.
        modules: (if modules.is_empty() { 0 } else { layout::MODLIST }, modules.len() as u32),
        memmap: (layout::MEMMAP, draft.e820.len() as u32),
    };
    draft.bytes("PVH start_info", layout::START_INFO, info.to_bytes().to_vec())
}
