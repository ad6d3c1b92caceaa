//! The 64-bit and the 32-bit entry: `boot.rst`, "64-bit Boot Protocol" and "32-bit Boot Protocol".
//!
//! RSI or ESI points at boot_params. A bzImage's protected-mode part goes to its preferred address or,
//! if it is relocatable, to the lowest place that suits its alignment: below 4 GiB, else above if it
//! says so. An ELF vmlinux is not moved.

use super::boot_params::{self, BootParams};
use super::header::{SetupHeader, Way, XLF_ABOVE_4G, is_bzimage};
use super::page_tables::{MAPPABLE_END, identity};
use super::{check_request, place_ramdisk, vmlinux};
use crate::elf::{self, Class, Elf};
use crate::entry::{Entry, gdt_linux32, gdt64, gpr};
use crate::error::{BootError, Part};
use crate::image::Image;
use crate::layout;
use crate::ledger::Content;
use crate::multiboot1::{self, Load, place};
use crate::plan::{BootPlan, Draft, Request, Source, Strings};
use crate::reader::{Reader, align_up};
use core::ops::Range;

/// A kernel for one of the entries, fully checked as far as that needs no machine.
pub(crate) struct Kernel {
    pub(crate) header: SetupHeader,
    /// Set for an ELF file: what goes where.
    pub(crate) elf: Option<Load>,
}

impl Kernel {
    pub(crate) fn parse(image: &dyn Image, way: Way) -> Result<Self, BootError> {
        let prefix = Reader::new(image).prefix(0x206)?;
        if is_bzimage(&prefix) {
            let header = SetupHeader::parse(image)?;
            header.check_entry(image, way)?;
            return Ok(Self { header, elf: None });
        }
        let wanted = way.protocol();
        if !elf::is_elf(&prefix) {
            let why = "it has no Linux setup header (\"HdrS\" at 0x202) and is no ELF file";
            return Err(BootError::NotOffered { wanted, why: why.to_owned() });
        }
        let class = Elf::parse(image)?.class;
        if (class == Class::Elf64) != (way == Way::Entry64) {
            let bits = if class == Class::Elf64 { 64 } else { 32 };
            let why = format!("it is an ELF file of {bits} bits");
            return Err(BootError::NotOffered { wanted, why });
        }
        let load = multiboot1::by_segments(0, image, None)?;
        let Range { start, end } = load.span();
        let header = vmlinux::header(start, end - start, image.len());
        Ok(Self { header, elf: Some(load) })
    }

    /// Entry and end of the RAM it needs, where it is linked.
    pub(crate) fn place(&self, way: Way) -> (u64, u64) {
        match &self.elf {
            Some(load) => (load.entry.into(), load.span().end),
            None => {
                let start = self.header.start();
                let end = start.saturating_add(self.header.room());
                (start.saturating_add(way.offset()), end)
            }
        }
    }
}

/// Plans a boot of the bzImage or vmlinux `source`.
pub(crate) fn plan<'a>(
    request: &Request<'a>,
    source: Source<'a>,
    way: Way,
) -> Result<BootPlan<'a>, BootError> {
    let kernel = Kernel::parse(source.image(), way)?;
    let header = &kernel.header;
    check_request(request, header, way.protocol())?;
    let gdt = if way == Way::Entry64 { gdt64() } else { gdt_linux32() };
    let mut draft = Draft::new(request, source, gdt)?;
    let mut strings = Strings::default();
    let cmdline = strings.add(Part::CommandLine, request.cmdline)?;
    strings.pad(cmdline, layout::CMDLINE_READABLE);
    strings.place(&mut draft)?;
    draft.ledger.claim("boot_params", layout::BOOT_PARAMS..layout::BOOT_PARAMS + 0x1000)?;
    let setup_data = place_setup_data(&mut draft)?;
    if way == Way::Entry64 {
        draft.put("entry stack", layout::STACK, memory::PAGE_SIZE, Content::Zero)?;
        let tables = layout::PAGE_TABLES..layout::PAGE_TABLES + layout::PAGE_TABLES_LEN;
        draft.ledger.claim("entry page tables", tables)?;
    }
    let (range, rip) = match &kernel.elf {
        None => {
            let load = place_kernel(&mut draft, request, header, way)?;
            (load..load + header.room(), load + way.offset())
        }
        Some(elf) => {
            place::kernel(&mut draft, elf)?;
            (elf.span(), elf.entry.into())
        }
    };
    let load = range.start;
    let above_4g = way == Way::Entry64 && header.xloadflags & XLF_ABOVE_4G != 0;
    let ramdisk = place_ramdisk(&mut draft, request, header, above_4g)?;
    let params = BootParams {
        header,
        load,
        cmdline: cmdline as u32,
        ramdisk,
        rsdp: draft.rsdp,
        e820: &draft.e820,
        setup_data,
        vga_text: request.platform.vga,
    };
    let page = params.to_bytes();
    draft.claimed("boot_params", layout::BOOT_PARAMS, page);
    let entry = enter(&mut draft, way, rip, range)?;
    explain(&mut draft, &kernel, way, load);
    Ok(draft.finish(way.protocol(), entry))
}

/// The state at `rip`, with page tables for the kernel's range where the entry has them.
fn enter(
    draft: &mut Draft<'_>,
    way: Way,
    rip: u64,
    kernel: Range<u64>,
) -> Result<Entry, BootError> {
    let mut entry = match way {
        Way::Entry32 => Entry::linux32(rip as u32), // placed below 4 GiB
        Way::Entry64 => {
            let (tables, high) = identity(&kernel);
            draft.claimed("entry page tables", layout::PAGE_TABLES, tables);
            draft.bytes("entry page tables, high", layout::HIGH_PAGE_TABLES, high)?;
            let mut entry = Entry::long_mode(rip, layout::PAGE_TABLES);
            entry.gprs[gpr::RSP] = layout::STACK_TOP;
            entry
        }
    };
    entry.gprs[gpr::RSI] = layout::BOOT_PARAMS;
    Ok(entry)
}

fn explain(draft: &mut Draft<'_>, kernel: &Kernel, way: Way, load: u64) {
    let bits = if way == Way::Entry64 { 64 } else { 32 };
    let header = &kernel.header;
    let (major, minor) = (header.version >> 8, header.version & 0xff);
    draft.explain(match kernel.elf {
        Some(_) => format!("Linux vmlinux (ELF), {bits}-bit entry, loaded at {load:#x}"),
        None => {
            format!("Linux boot protocol {major}.{minor:02}, {bits}-bit entry, loaded at {load:#x}")
        }
    });
    if kernel.elf.is_none() && load != header.start() {
        let (start, room, align) = (header.start(), header.room(), header.kernel_alignment);
        draft.explain(format!(
            "moved from {start:#x}: {room:#x} bytes by alignment {align:#x} are free there"
        ));
    }
}

/// The rows of the memory map that boot_params has no room for. Returns their address, 0 for none.
fn place_setup_data(draft: &mut Draft<'_>) -> Result<u64, BootError> {
    /// boot_params' own, and what the room beside it holds behind the 16 bytes of header.
    const ROWS_MAX: usize = 128 + (layout::SETUP_DATA_LEN as usize - 16) / 20;
    draft.check_map(ROWS_MAX)?;
    let Some(data) = boot_params::setup_data(&draft.e820) else {
        return Ok(0);
    };
    draft.bytes("setup_data (memory map)", layout::SETUP_DATA, data)?;
    Ok(layout::SETUP_DATA)
}

/// The kernel runs from its preferred address or, if relocatable, any aligned one above it (below it,
/// the decompressor moves itself up): `room` bytes from there must be free RAM.
fn place_kernel(
    draft: &mut Draft<'_>,
    request: &Request<'_>,
    header: &SetupHeader,
    way: Way,
) -> Result<u64, BootError> {
    let (start, size) = (header.start(), header.room());
    let end = start.saturating_add(size);
    let reach = match way {
        Way::Entry64 if header.xloadflags & XLF_ABOVE_4G != 0 => MAPPABLE_END,
        _ => layout::LOW_RAM_END,
    };
    let align = u64::from(header.kernel_alignment.max(1));
    // A relocatable kernel moves itself up to its alignment, and needs its room from there.
    let stays = !header.relocatable_kernel || start.is_multiple_of(align);
    let load = if stays && end <= reach && draft.ledger.is_free(&(start..end)) {
        start
    } else if header.relocatable_kernel {
        let lowest = |from: u64, to: u64| {
            let from = align_up(from, align)?;
            draft.ledger.lowest(size, align, &(from..to))
        };
        let low = lowest(start.max(layout::ACPI_END), layout::LOW_RAM_END);
        let high = || lowest(start.max(layout::HIGH_RAM), reach);
        let too_small = BootError::KernelNeedsRam { needed: end, ram: request.ram_bytes };
        low.or_else(high).ok_or(too_small)?
    } else {
        return Err(no_place(draft, request, start..end));
    };
    let len = header.load_len();
    draft.image("kernel", load, len, 0, header.kernel_offset())?;
    draft.put("kernel, room to unpack", load + len, size.saturating_sub(len), Content::Reserved)?;
    Ok(load)
}

/// Why a kernel that cannot be moved has no place.
fn no_place(draft: &Draft<'_>, request: &Request<'_>, range: Range<u64>) -> BootError {
    let name = "kernel".to_owned();
    match draft.ledger.claimant(&range) {
        Some((other, taken)) => {
            BootError::Conflict { first: (other.to_owned(), taken), second: (name, range) }
        }
        // More RAM helps only if all there is ends before.
        None if draft.ledger.usable().iter().all(|ram| ram.end < range.end) => {
            BootError::KernelNeedsRam { needed: range.end, ram: request.ram_bytes }
        }
        None => BootError::OutsideRam { name, range, ram: draft.ledger.usable().to_vec() },
    }
}
