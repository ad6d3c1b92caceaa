//! Multiboot 1: Multiboot Specification 0.6.96.
//!
//! A header in the first 8 KiB of the image marks it; the image is ELF32, ELF64 (as GRUB accepts) or
//! described by address fields. It starts in 32-bit protected mode with EBX pointing at the multiboot
//! information. Segments are loaded one by one and gaps are left alone. A video mode that the header
//! requires is refused, but for a VGA adapter's text mode; its absence can be accepted by the request.
//! Not modelled: graphics modes, drives, BIOS calls.

mod header;
mod info;
mod load;
pub(crate) mod place;
mod sections;

pub use header::{
    ADDRESSES, Addresses, Header, MAGIC, MEMORY_INFO, PAGE_ALIGN, VIDEO_MODE, VideoMode, find,
};
pub use info::{Info, map_entry, memory_sizes, module_entry, text_screen};
pub use load::{Load, Piece};
pub(crate) use load::{by_addresses, by_segments};
pub(crate) use sections::Sections;

use crate::entry::{Entry, gdt32, gpr};
use crate::error::{BootError, Part};
use crate::image::Image;
use crate::layout;
use crate::plan::{BootPlan, Draft, Request, Source, Strings};
use crate::protocol::Protocol;

/// EAX at the entry.
pub const BOOTLOADER_MAGIC: u64 = 0x2bad_b002;
/// `boot_loader_name`.
pub(crate) const LOADER_NAME: &str = "bootscope";

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
    pub fn parse(image: &dyn Image) -> Result<Option<Self>, BootError> {
        let Some(header) = find(image)? else {
            return Ok(None);
        };
        header.check_features()?;
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
    let kernel = Kernel::parse(source.image())?.ok_or_else(|| {
        let why = "it has no multiboot header in its first 8192 bytes".to_owned();
        BootError::NotOffered { wanted: Protocol::Multiboot1, why }
    })?;
    kernel.header.check_video(request.platform.vga, request.ignore_video)?;
    check_module_count(request, Protocol::Multiboot1)?;
    let sections = match kernel.header.addresses {
        Some(_) => None,
        None => Sections::of(source.image())?,
    };
    let mut draft = Draft::new(request, source, gdt32())?;
    // First, because it has no choice; the tables below move out of its way.
    let top = place::kernel(&mut draft, &kernel.load)?;
    let strings = place_strings(&mut draft, request)?;
    let map: Vec<u8> = draft.e820.iter().flat_map(map_entry).collect();
    let map_len = map.len() as u32;
    let memory_map = place_table(&mut draft, "memory map", layout::MULTIBOOT_MEMMAP, map)?;
    let modules = place_modules(&mut draft, &strings, top)?;
    let (mem_lower, mem_upper) = memory_sizes(&draft.e820);
    let info = Info {
        mem_lower,
        mem_upper,
        cmdline: strings.cmdline as u32,
        modules,
        sections: sections.map(|found| place_sections(&mut draft, found, top)).transpose()?,
        memory_map: (map_len, memory_map),
        loader_name: strings.loader_name as u32,
        vga_text: request.platform.vga,
    };
    let bytes = info.to_bytes().to_vec();
    let info = place_table(&mut draft, "information", layout::MULTIBOOT_INFO, bytes)?;

    let mut entry = Entry::protected32(kernel.load.entry);
    entry.gprs[gpr::RAX] = BOOTLOADER_MAGIC;
    entry.gprs[gpr::RBX] = info.into();
    draft.explain(format!("multiboot 1: header at file offset {:#x}", kernel.header.offset));
    Ok(draft.finish(Protocol::Multiboot1, entry))
}

/// Refuses more modules than the module list has room for.
pub(crate) fn check_module_count(
    request: &Request<'_>,
    protocol: Protocol,
) -> Result<(), BootError> {
    let (count, max) = (request.modules.len(), layout::MODULES_MAX);
    if count > max {
        return Err(BootError::TooManyModules { protocol, count, max });
    }
    Ok(())
}

/// Every string begins with the file's name, as with GRUB 1 and QEMU: Xen drops the first word.
pub(crate) fn named(image: &dyn Image, arguments: &str) -> String {
    match arguments {
        "" => image.name().to_owned(),
        _ => format!("{} {arguments}", image.name()),
    }
}

fn place_strings(
    draft: &mut Draft<'_>,
    request: &Request<'_>,
) -> Result<StringAddresses, BootError> {
    let own = place::table(draft, layout::STRINGS, layout::STRINGS_LEN);
    let mut strings = Strings::at(own);
    let cmdline = strings.add(Part::CommandLine, &named(request.kernel, request.cmdline))?;
    let loader_name = strings.add(Part::CommandLine, LOADER_NAME)?;
    let modules = request.modules.iter().enumerate().map(|(index, module)| {
        strings.add(Part::Module(index), &named(module.image, module.cmdline))
    });
    let modules = modules.collect::<Result<_, _>>()?;
    strings.place(draft)?;
    Ok(StringAddresses { cmdline, loader_name, modules })
}

/// Places a table at its own address or where the kernel leaves room; returns the address, which the
/// places' windows keep below 4 GiB.
fn place_table(
    draft: &mut Draft<'_>,
    name: &str,
    own: u64,
    bytes: Vec<u8>,
) -> Result<u32, BootError> {
    let addr = place::table(draft, own, bytes.len() as u64);
    draft.bytes(&format!("multiboot {name}"), addr, bytes)?;
    Ok(addr as u32)
}

/// Places symbol tables and section headers; returns the four words of the information structure.
fn place_sections(
    draft: &mut Draft<'_>,
    mut sections: Sections,
    kernel_end: u64,
) -> Result<[u32; 4], BootError> {
    sections.place_tables(draft, kernel_end)?;
    let [count, size, names] = sections.words();
    let headers = sections.headers().to_vec();
    let addr = place_table(draft, "section headers", layout::MULTIBOOT_SECTIONS, headers)?;
    Ok([count, size, addr, names])
}

/// Places modules and their list. Returns count and list, which is 0 for none.
fn place_modules(
    draft: &mut Draft<'_>,
    strings: &StringAddresses,
    kernel_end: u64,
) -> Result<(u32, u32), BootError> {
    let count = strings.modules.len();
    let ranges = place::modules(draft, count, kernel_end)?;
    let rows = ranges.iter().zip(&strings.modules);
    let list: Vec<u8> = rows
        .flat_map(|(range, &string)| {
            module_entry(range.start as u32, range.end as u32, string as u32)
        })
        .collect();
    let addr = place_table(draft, "module list", layout::MULTIBOOT_MODULES, list)?;
    Ok((count as u32, if count == 0 { 0 } else { addr }))
}
