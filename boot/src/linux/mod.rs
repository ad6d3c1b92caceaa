//! The Linux boot protocol by its 64-bit entry: Linux `Documentation/x86/boot.rst`, "64-bit Boot
//! Protocol", and `zero-page.rst`.
//!
//! The protected-mode part of a bzImage goes to its preferred address, RSI points at boot_params, and
//! the processor is in 64-bit mode with identity page tables. The kernel unpacks and, with KASLR,
//! moves itself. Not modelled: the 32-bit and 16-bit entries, kernels or ramdisks above 4 GiB, DTB and
//! other setup_data (a seed from here would defeat determinism).

mod boot_params;
mod header;
mod page_tables;

pub use boot_params::BootParams;
pub use header::{ENTRY64, LOADED_HIGH, SetupHeader, XLF_KERNEL_64, is_bzimage};
pub use page_tables::identity_4_gib;

use crate::entry::{Entry, gdt64, gpr};
use crate::error::{BootError, Part};
use crate::image::Image;
use crate::layout;
use crate::ledger::Content;
use crate::plan::{BootPlan, Draft, Request, Source, Strings};
use crate::protocol::Protocol;
use crate::reader::{Reader, align_up};

/// The header of a kernel that has the 64-bit entry, fully checked.
pub(crate) fn parse64(image: &dyn Image) -> Result<SetupHeader, BootError> {
    let header = SetupHeader::parse(image)?;
    header.check_64_bit(image)?;
    Ok(header)
}

/// Plans a boot of the bzImage `source` by its 64-bit entry.
pub(crate) fn plan64<'a>(
    request: &Request<'a>,
    source: Source<'a>,
) -> Result<BootPlan<'a>, BootError> {
    if !is_bzimage(&Reader::new(source.image()).prefix(0x206)?) {
        let why = "it has no Linux setup header (\"HdrS\" at 0x202)".to_owned();
        return Err(BootError::NotOffered { wanted: Protocol::Linux64, why });
    }
    let header = parse64(source.image())?;
    check_request(request, &header)?;
    let mut draft = Draft::new(request, source, gdt64())?;
    let mut strings = Strings::default();
    let cmdline = strings.add(Part::CommandLine, request.cmdline)?;
    strings.pad(cmdline, layout::CMDLINE_READABLE);
    strings.place(&mut draft)?;
    draft.put("entry stack", layout::STACK, memory::PAGE_SIZE, Content::Zero)?;
    draft.bytes("entry page tables", layout::PAGE_TABLES, identity_4_gib())?;
    draft.ledger.claim("boot_params", layout::BOOT_PARAMS..layout::BOOT_PARAMS + 0x1000)?;
    let load = place_kernel(&mut draft, request, &header)?;
    let ramdisk = place_ramdisk(&mut draft, request, &header)?;

    let params = BootParams {
        header: &header,
        load: load as u32,
        cmdline: cmdline as u32,
        ramdisk,
        rsdp: draft.rsdp,
        e820: &draft.e820,
        vga_text: request.platform.vga,
    };
    let page = params.to_bytes();
    draft.claimed("boot_params", layout::BOOT_PARAMS, page);
    let mut entry = Entry::long_mode(load + ENTRY64, layout::PAGE_TABLES);
    entry.gprs[gpr::RSI] = layout::BOOT_PARAMS;
    entry.gprs[gpr::RSP] = layout::STACK_TOP;
    let (major, minor) = (header.version >> 8, header.version & 0xff);
    draft.explain(format!(
        "Linux boot protocol {major}.{minor:02}, 64-bit entry, loaded at {load:#x}"
    ));
    Ok(draft.finish(Protocol::Linux64, entry))
}

fn check_request(request: &Request<'_>, header: &SetupHeader) -> Result<(), BootError> {
    let (len, max) = (request.cmdline.len(), header.cmdline_size as usize);
    if len > max {
        return Err(BootError::CommandLineTooLong { len, max });
    }
    match request.modules.as_slice() {
        [] | [_] => Ok(()),
        more => {
            let (protocol, count) = (Protocol::Linux64, more.len());
            Err(BootError::TooManyModules { protocol, count, max: 1 })
        }
    }
}

/// The kernel runs from its preferred address or, if relocatable, any aligned one above it (below it,
/// the decompressor moves itself up): `init_size` bytes from there must be free RAM.
fn place_kernel(
    draft: &mut Draft<'_>,
    request: &Request<'_>,
    header: &SetupHeader,
) -> Result<u64, BootError> {
    let (pref, size) = (header.pref_address, u64::from(header.init_size));
    let align = u64::from(header.kernel_alignment);
    let too_small =
        BootError::KernelNeedsRam { needed: pref.saturating_add(size), ram: request.ram_bytes };
    let range = pref..pref.saturating_add(size);
    // A relocatable kernel moves itself up to its alignment, and needs its room from there.
    let stays = !header.relocatable_kernel || pref.is_multiple_of(align);
    let free = draft.ledger.is_ram(&range) && draft.ledger.claimant(&range).is_none();
    let fits = stays && free;
    let load = if fits {
        pref
    } else if header.relocatable_kernel {
        let start = align_up(pref.max(layout::ACPI_END), align).ok_or_else(|| too_small.clone())?;
        let found = draft.ledger.lowest(size, align, &(start..layout::LOW_RAM_END));
        found.ok_or(too_small)?
    } else if let Some((name, taken)) = draft.ledger.claimant(&range) {
        let first = (name.to_owned(), taken);
        return Err(BootError::Conflict { first, second: ("kernel".to_owned(), range) });
    } else {
        return Err(too_small);
    };
    if load.saturating_add(size) > layout::LOW_RAM_END {
        let ram = draft.ledger.usable().to_vec();
        let range = load..load.saturating_add(size);
        return Err(BootError::OutsideRam { name: "kernel".to_owned(), range, ram });
    }
    let len = header.load_len();
    draft.image("kernel", load, len, 0, header.kernel_offset())?;
    draft.put("kernel, room to unpack", load + len, size.saturating_sub(len), Content::Reserved)?;
    Ok(load)
}

/// As high in low RAM as the kernel reaches: whatever the kernel unpacks to, it is out of the way.
fn place_ramdisk(
    draft: &mut Draft<'_>,
    request: &Request<'_>,
    header: &SetupHeader,
) -> Result<(u32, u32), BootError> {
    if request.modules.is_empty() {
        return Ok((0, 0));
    }
    let below = (u64::from(header.initrd_addr_max) + 1).min(layout::LOW_RAM_END);
    let len = draft.module_len(0);
    let at = draft.ledger.highest(len, memory::PAGE_SIZE, &(layout::ACPI_END..below));
    let addr = draft.module(0, at, below)?;
    Ok((addr as u32, len as u32)) // both below 4 GiB by the window
}
