//! Boot protocols: images and a plan in, placements and an entry state out.
//!
//! [`detect`] says which protocols a file offers, [`plan`] validates everything and decides where each
//! byte goes, [`BootPlan::write`] copies it into guest memory. Nothing here ever runs anything, opens
//! a file or sees a CPU: an image is a byte provider ([`Image`]), the result is an [`Entry`].
//!
//! | module | document it follows |
//! |---|---|
//! | [`pvh`] | Xen `docs/misc/pvh.pandoc`, `public/arch-x86/hvm/start_info.h`, `public/elfnote.h` |
//! | [`linux`] | Linux `Documentation/x86/boot.rst`, `zero-page.rst` |
//! | [`multiboot1`] | Multiboot Specification 0.6.96 |
//! | [`multiboot2`] | Multiboot2 Specification 2.0 |
//! | [`firmware`] | QEMU `docs/specs/fw_cfg.rst`, `hw/i386/x86.c`, `hw/i386/multiboot.c` |
//! | [`elf`] | System V gABI, ELF header, program header, note section |
//! | [`e820`], [`acpi`] | ACPI Specification 6.x |
//! | [`mp_table`] | Intel MultiProcessor Specification 1.4 |
//! | [`smbios`] | System Management BIOS Reference Specification 2.8 |
//! | [`bios`] | IBM PC/AT Technical Reference, "ROM BIOS" |
//!
//! Linux's setup code and boot sectors call a BIOS: their plans place what [`bios`] says, and the
//! machine answers. Without a PIC and a PIT it cannot ([`Request::bios_services`]).
#![forbid(unsafe_code)]

pub mod acpi;
pub mod bios;
mod boot_sector;
pub mod cpio;
mod detect;
pub mod e820;
pub mod el_torito;
pub mod elf;
pub mod entry;
pub mod error;
pub mod firmware;
pub mod image;
pub mod inspect;
pub mod layout;
pub mod ledger;
pub mod linux;
pub mod mp_table;
pub mod multiboot1;
pub mod multiboot2;
pub mod payload;
mod plan;
pub mod platform;
pub mod protocol;
pub mod pvh;
mod reader;
pub mod smbios;

pub use detect::{Offer, detect};
pub use entry::Entry;
pub use error::{At, BootError, Part};
pub use image::{Blob, GuestRange, Image, ReadError};
pub use inspect::{Inspection, inspect};
pub use ledger::{Content, Placement};
pub use plan::{BootPlan, Module, Request, Source, Start};
pub use platform::{AcpiProfile, Platform};
pub use protocol::Protocol;

use linux::Way;
use payload::Compression;

/// Validates a request and decides where everything goes. Reads the images, writes nothing.
///
/// A gzip file is unpacked first and the kernel in it is booted; a bzImage with `--protocol pvh` has
/// its payload unpacked. Other compressed files are refused by name.
pub fn plan<'a>(request: &Request<'a>) -> Result<BootPlan<'a>, BootError> {
    detect::check_not_empty(request.kernel, Part::Kernel)?;
    for (index, module) in request.modules.iter().enumerate() {
        detect::check_not_empty(module.image, Part::Module(index))?;
    }
    let source = match unpack_gzip(request.kernel)? {
        Some(blob) => Source::Owned(blob),
        None => Source::Given(request.kernel),
    };
    let (protocol, reasons) = choose(request, &source)?;
    if !protocol.is_built_for(request.bios_services) {
        return Err(BootError::NotBuilt { protocol });
    }
    let mut plan = match protocol {
        Protocol::Pvh => pvh::plan(request, pvh_source(source)?)?,
        Protocol::Linux64 => linux::plan_protected(request, source, Way::Entry64)?,
        Protocol::Linux32 => linux::plan_protected(request, source, Way::Entry32)?,
        Protocol::Linux16 => linux::plan_real_mode(request, source)?,
        Protocol::Multiboot1 => multiboot1::plan(request, source)?,
        Protocol::Multiboot2 => multiboot2::plan(request, source)?,
        Protocol::BootSector => boot_sector::plan(request, source)?,
        Protocol::ElTorito => el_torito::plan(request, source)?,
        wanted @ Protocol::Firmware => {
            let why = "it takes a firmware ROM (--bios F)".to_owned();
            return Err(BootError::NotOffered { wanted, why });
        }
    };
    plan.explanation.splice(0..0, reasons);
    Ok(plan)
}

/// The protocol to follow, and why, for `--explain-boot`.
fn choose(
    request: &Request<'_>,
    source: &Source<'_>,
) -> Result<(Protocol, Vec<String>), BootError> {
    if let Some(protocol) = request.protocol {
        return Ok((protocol, vec![format!("protocol {protocol}: asked for by --protocol")]));
    }
    let (protocol, offers) = detect::choose(source.image(), request.bios_services)?;
    let mut reasons = Vec::new();
    for Offer { protocol: other, outcome } in offers {
        match outcome {
            Ok(why) if other == protocol => reasons.push(format!("protocol {other}: {why}")),
            Ok(why) => reasons.push(format!("also offers {other}: {why}")),
            Err(why_not) => reasons.push(format!("not {other}: {why_not}")),
        }
    }
    Ok((protocol, reasons))
}

/// The kernel inside a gzip file, `None` for any other file.
fn unpack_gzip(image: &dyn Image) -> Result<Option<Blob>, BootError> {
    let first = reader::Reader::new(image).prefix(16)?;
    if payload::compression_of(&first) != Some(Compression::Gzip) {
        return Ok(None);
    }
    let name = image.name().to_owned();
    Ok(payload::unpack_image(image)?.map(|bytes| Blob { name, bytes }))
}

/// PVH starts an ELF file; from a bzImage it takes the one inside.
fn pvh_source(source: Source<'_>) -> Result<Source<'_>, BootError> {
    let prefix = reader::Reader::new(source.image()).prefix(0x206)?;
    if linux::is_bzimage(&prefix) {
        let name = source.image().name().to_owned();
        let bytes = payload::vmlinux_from_bzimage(source.image())?;
        return Ok(Source::Owned(Blob { name, bytes }));
    }
    if !elf::is_elf(&prefix) {
        let why = "it is no ELF file".to_owned();
        return Err(BootError::NotOffered { wanted: Protocol::Pvh, why });
    }
    Ok(source)
}
