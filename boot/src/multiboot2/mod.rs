//! Multiboot 2: Multiboot2 Specification 2.0, for i386 machines.
//!
//! A header with tags in the first 32 KiB of the image marks it; the image is ELF32, ELF64 or described
//! by its address tag. It starts in 32-bit protected mode with EBX pointing at the boot information. A
//! relocatable image goes where its tag allows and prefers. Strings begin with the file's name, as with
//! multiboot 1. Not modelled: graphics modes, starts from EFI; the tags of both are refused when they
//! are required.

mod header;
mod info;

pub use header::{Header, MAGIC, Preference, Relocatable, Tag, find, tag};

use crate::acpi;
use crate::entry::{Entry, gdt32, gpr};
use crate::error::{BootError, Part};
use crate::image::Image;
use crate::layout;
use crate::multiboot1::{self, LOADER_NAME, Load, Sections, memory_sizes, named, place};
use crate::plan::{BootPlan, Draft, Request, Source, check_string};
use crate::protocol::Protocol;
use crate::smbios;
use core::ops::Range;
use info::Info;

/// EAX at the entry.
pub const BOOTLOADER_MAGIC: u64 = 0x36d7_6289;

/// A multiboot 2 kernel, validated as far as that needs no machine.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Kernel {
    /// The header.
    pub header: Header,
    /// What goes where, as it is linked.
    pub load: Load,
    /// Where it may be moved, if anywhere.
    pub relocatable: Option<Relocatable>,
}

impl Kernel {
    /// Finds the header and checks everything it leads to; `None` without a sign of multiboot 2.
    pub fn parse(image: &dyn Image) -> Result<Option<Self>, BootError> {
        let Some(header) = find(image)? else {
            return Ok(None);
        };
        header.check_features()?;
        let load = match header.addresses()? {
            Some(addresses) => multiboot1::by_addresses(header.offset, &addresses, image.len())?,
            None => multiboot1::by_segments(header.offset, image, header.entry())?,
        };
        let relocatable = header.relocatable()?;
        Ok(Some(Self { header, load, relocatable }))
    }
}

/// Plans a multiboot 2 boot of `source`.
pub(crate) fn plan<'a>(
    request: &Request<'a>,
    source: Source<'a>,
) -> Result<BootPlan<'a>, BootError> {
    let kernel = Kernel::parse(source.image())?.ok_or_else(|| {
        let why = "it has no multiboot 2 header in its first 32768 bytes".to_owned();
        BootError::NotOffered { wanted: Protocol::Multiboot2, why }
    })?;
    kernel.header.check_video(request.platform.vga, request.ignore_video)?;
    multiboot1::check_module_count(request, Protocol::Multiboot2)?;
    let sections = match kernel.header.addresses()? {
        Some(_) => None,
        None => Sections::of(source.image())?,
    };
    let mut draft = Draft::new(request, source, gdt32())?;
    draft.explain(format!("multiboot 2: header at file offset {:#x}", kernel.header.offset));
    let load = settle(&mut draft, &kernel)?;
    let top = place::kernel(&mut draft, &load)?;
    let modules = place::modules(&mut draft, request.modules.len(), top)?;
    let mut info = Info::new();
    describe(&mut info, request, &draft, &modules)?;
    if let Some(mut sections) = sections {
        sections.place_tables(&mut draft, top)?;
        info.sections(sections.words(), sections.headers());
    }
    if kernel.relocatable.is_some() {
        info.load_base(load.span().start as u32);
    }
    let bytes = info.finish();
    let addr = place::table(&draft, layout::MULTIBOOT_INFO, bytes.len() as u64);
    draft.bytes("multiboot 2 information", addr, bytes)?;

    let mut entry = Entry::protected32(load.entry);
    entry.gprs[gpr::RAX] = BOOTLOADER_MAGIC;
    entry.gprs[gpr::RBX] = addr;
    Ok(draft.finish(Protocol::Multiboot2, entry))
}

/// Moves a relocatable kernel to where its tag wants it.
fn settle(draft: &mut Draft<'_>, kernel: &Kernel) -> Result<Load, BootError> {
    let Some(tag) = kernel.relocatable else {
        return Ok(kernel.load.clone());
    };
    let span = kernel.load.span();
    let len = span.end - span.start;
    let window = u64::from(tag.min)..u64::from(tag.max) + 1;
    let align = u64::from(tag.align);
    let fits = |range: &Range<u64>| {
        let inside = window.start <= range.start && range.end <= window.end;
        inside && range.start.is_multiple_of(align) && draft.ledger.is_free(range)
    };
    let at = match tag.preference {
        Preference::Linked if fits(&span) => Some(span.start),
        Preference::Linked | Preference::Lowest => draft.ledger.lowest(len, align, &window),
        Preference::Highest => draft.ledger.highest(len, align, &window),
    };
    let at = at.ok_or_else(|| BootError::Multiboot2NoPlace {
        len,
        window: window.clone(),
        align: tag.align,
        free: draft.ledger.free(),
    })?;
    if at != span.start {
        draft.explain(format!("relocatable: kernel moved from {:#x} to {at:#x}", span.start));
    }
    Ok(kernel.load.clone().moved(at.wrapping_sub(span.start)))
}

/// The tags that do not depend on the kernel's own file.
fn describe(
    info: &mut Info,
    request: &Request<'_>,
    draft: &Draft<'_>,
    modules: &[Range<u64>],
) -> Result<(), BootError> {
    let text = |part, image: &dyn Image, arguments: &str| {
        let text = named(image, arguments);
        check_string(part, &text).map(|()| text)
    };
    info.command_line(&text(Part::CommandLine, request.kernel, request.cmdline)?);
    info.loader_name(LOADER_NAME);
    for (index, (module, range)) in request.modules.iter().zip(modules).enumerate() {
        info.module(range, &text(Part::Module(index), module.image, module.cmdline)?);
    }
    info.memory_sizes(memory_sizes(&draft.e820));
    info.memory_map(&draft.e820);
    if request.platform.vga {
        info.text_screen();
    }
    info.smbios(&smbios::build(request.platform, request.ram_bytes).tables);
    if let Some(rsdp) = draft.placed("RSDP") {
        info.rsdp(&acpi::rsdp_version_1(rsdp), rsdp);
    }
    Ok(())
}
