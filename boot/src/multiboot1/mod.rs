//! Multiboot 1: Multiboot Specification 0.6.96.
//!
//! A header in the first 8 KiB of the image marks it; the image is ELF32, ELF64 (as GRUB accepts) or
//! described by address fields. It starts in 32-bit protected mode with EBX pointing at the multiboot
//! information. Segments are loaded one by one and gaps are left alone. Not modelled: video modes, drives,
//! BIOS calls.

mod header;
mod info;
mod load;
mod sections;

pub use header::{ADDRESSES, Addresses, Header, MAGIC, MEMORY_INFO, PAGE_ALIGN, VIDEO_MODE, find};
pub use info::{Info, map_entry, memory_sizes, module_entry};
pub use load::{Load, Piece};

use crate::entry::{Entry, gdt32, gpr};
use crate::error::{BootError, Part};
use crate::image::Image;
use crate::layout;
use crate::ledger::Content;
use crate::plan::{BootPlan, Draft, Request, Source, Strings};
use crate::protocol::Protocol;
use sections::Sections;

/// EAX at the entry.
pub const BOOTLOADER_MAGIC: u64 = 0x2bad_b002;
/// `boot_loader_name`.
const LOADER_NAME: &str = "bootscope";

/// A multiboot kernel, validated as far as that needs no machine.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Kernel {
    /// The header.
    pub header: Header,
    /// What goes where.
    pub load: Load,
}

impl Kernel {
    /// Finds the header and checks everything it leads to; `None` without a sign of multiboot.
    pub fn parse(image: &dyn Image, ignore_video: bool) -> Result<Option<Self>, BootError> {
        let Some(header) = find(image)? else {
            return Ok(None);
        };
        header.check_features(ignore_video)?;
        let load = Load::of(&header, image)?;
        Ok(Some(Self { header, load }))
    }
}

/// Where the strings of a boot lie.
struct StringAddresses {
    cmdline: u64,
    loader_name: u64,
    modules: Vec<u64>,
}

/// Plans a multiboot 1 boot of `source`.
pub(crate) fn plan<'a>(
    request: &Request<'a>,
    source: Source<'a>,
) -> Result<BootPlan<'a>, BootError> {
    let kernel = Kernel::parse(source.image(), request.ignore_video)?.ok_or_else(|| {
        let why = "it has no multiboot header in its first 8192 bytes".to_owned();
        BootError::NotOffered { wanted: Protocol::Multiboot1, why }
    })?;
    let (count, max) = (request.modules.len(), layout::MODULES_MAX);
    if count > max {
        return Err(BootError::TooManyModules { protocol: Protocol::Multiboot1, count, max });
    }
    let sections = Sections::of(&kernel, source.image())?;
    let mut draft = Draft::new(request, source, gdt32())?;
    let strings = place_strings(&mut draft, request)?;
    let map: Vec<u8> = draft.e820.iter().flat_map(map_entry).collect();
    let memory_map = (map.len() as u32, layout::MULTIBOOT_MEMMAP as u32);
    draft.bytes("multiboot memory map", layout::MULTIBOOT_MEMMAP, map)?;
    let top = place_kernel(&mut draft, &kernel.load)?;
    let modules = place_modules(&mut draft, &strings, top)?;
    let (mem_lower, mem_upper) = memory_sizes(&draft.e820);
    let info = Info {
        mem_lower,
        mem_upper,
        cmdline: strings.cmdline as u32,
        modules,
        sections: sections.map(|sections| sections.place(&mut draft, top)).transpose()?,
        memory_map,
        loader_name: strings.loader_name as u32,
    };
    draft.bytes("multiboot information", layout::MULTIBOOT_INFO, info.to_bytes().to_vec())?;

    let mut entry = Entry::protected32(kernel.load.entry);
    entry.gprs[gpr::RAX] = BOOTLOADER_MAGIC;
    entry.gprs[gpr::RBX] = layout::MULTIBOOT_INFO;
    draft.explain(format!("multiboot 1: header at file offset {:#x}", kernel.header.offset));
    Ok(draft.finish(Protocol::Multiboot1, entry))
}

/// Every string begins with the file's name, as with GRUB and QEMU: Xen drops the first word.
fn place_strings(
    draft: &mut Draft<'_>,
    request: &Request<'_>,
) -> Result<StringAddresses, BootError> {
    let named = |image: &dyn Image, arguments: &str| match arguments {
        "" => image.name().to_owned(),
        _ => format!("{} {arguments}", image.name()),
    };
    let mut strings = Strings::default();
    let cmdline = strings.add(Part::CommandLine, &named(request.kernel, request.cmdline))?;
    let loader_name = strings.add(Part::CommandLine, LOADER_NAME)?;
    let modules = request.modules.iter().enumerate().map(|(index, module)| {
        strings.add(Part::Module(index), &named(module.image, module.cmdline))
    });
    let modules = modules.collect::<Result<_, _>>()?;
    strings.place(draft)?;
    Ok(StringAddresses { cmdline, loader_name, modules })
}

/// Places the pieces; returns the end of the highest.
fn place_kernel(draft: &mut Draft<'_>, load: &Load) -> Result<u64, BootError> {
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
    Ok(load.pieces.iter().map(|piece| piece.range.end).max().unwrap_or(0))
}

/// Modules lie above the kernel, page aligned whether asked or not. Returns count and list.
fn place_modules(
    draft: &mut Draft<'_>,
    strings: &StringAddresses,
    kernel_end: u64,
) -> Result<(u32, u32), BootError> {
    let mut list = Vec::new();
    let mut from = kernel_end.max(layout::ACPI_END);
    for (index, &string) in strings.modules.iter().enumerate() {
        let len = draft.module_len(index);
        let window = from..layout::LOW_RAM_END;
        let at = draft.ledger.lowest(len, memory::PAGE_SIZE, &window);
        let addr = draft.module(index, at, layout::LOW_RAM_END)?;
        from = addr + len;
        list.extend(module_entry(addr as u32, from as u32, string as u32));
    }
    draft.bytes("multiboot module list", layout::MULTIBOOT_MODULES, list)?;
    let list = if strings.modules.is_empty() { 0 } else { layout::MULTIBOOT_MODULES };
    Ok((strings.modules.len() as u32, list as u32))
}
