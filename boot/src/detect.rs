//! Which protocols an image offers, and why or why not.
//!
//! The order is the order of preference: bzImage (64-bit, 32-bit, 16-bit entry), PVH, multiboot 2,
//! multiboot 1, other ELF vmlinux, CD-ROM, boot sector. Protocols that cannot be had are recognised too, so that
//! the user learns that they were skipped.

use crate::boot_sector;
use crate::el_torito::{self, BootImage};
use crate::elf::{Class, Elf, is_elf};
use crate::error::{BootError, Part};
use crate::image::Image;
use crate::linux::{self, SetupHeader, Way};
use crate::multiboot1;
use crate::multiboot2;
use crate::payload::compression_of;
use crate::protocol::{BIOS_SERVICES, Protocol};
use crate::pvh;
use crate::reader::Reader;

/// What tells the formats apart lies in so many bytes.
const PREFIX: u64 = 0x206;

/// One protocol and what the image has for it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Offer {
    /// The protocol.
    pub protocol: Protocol,
    /// Why it is offered, or why not.
    pub outcome: Result<String, BootError>,
}

/// What the image is for each protocol it shows a sign of, best first. An image without any sign has
/// no offer; every ELF file is asked for a PVH note.
pub fn detect(image: &dyn Image) -> Vec<Offer> {
    detect_for(image, BIOS_SERVICES)
}

/// The same on a machine with or without BIOS services.
fn detect_for(image: &dyn Image, bios_services: bool) -> Vec<Offer> {
    let Ok(prefix) = Reader::new(image).prefix(PREFIX) else {
        return Vec::new();
    };
    let mut offers = if linux::is_bzimage(&prefix) {
        // A bzImage holds a megabyte of compressed bytes; four of them may look like a magic.
        bzimage(image)
    } else {
        kernels(image, &prefix)
    };
    for Offer { protocol, outcome } in &mut offers {
        if outcome.is_ok() && !protocol.is_built_for(bios_services) {
            *outcome = Err(BootError::NotBuilt { protocol: *protocol });
        }
    }
    offers
}

/// The three entries of a bzImage. One whose own 64-bit entry is broken is not entered by another way.
fn bzimage(image: &dyn Image) -> Vec<Offer> {
    let header = SetupHeader::parse(image);
    let version = header.as_ref().map_or(0, |header| header.version);
    let words = |way: &str| {
        format!("Linux setup header, boot protocol {}.{:02}, {way}", version >> 8, version & 0xff)
    };
    let by_64 = linux::Kernel::parse(image, Way::Entry64).map(|_| words("64-bit entry"));
    let mut offers = Vec::new();
    let mut offer = |protocol, outcome| offers.push(Offer { protocol, outcome });
    offer(Protocol::Linux64, by_64.clone());
    let Ok(header) = header else {
        return offers;
    };
    let by_32 = match by_64.clone() {
        Err(error) if !has_no_64_bit_entry(&error) => Err(error),
        _ if header.wants_setup() => {
            let why = words("whose setup code runs first (--protocol linux32 skips it)");
            Err(BootError::NotOffered { wanted: Protocol::Linux32, why })
        }
        _ => linux::Kernel::parse(image, Way::Entry32).map(|_| words("32-bit entry")),
    };
    offer(Protocol::Linux32, by_32);
    let by_16 = match by_64 {
        Err(error) if !has_no_64_bit_entry(&error) => Err(error),
        _ => linux::check_real_mode(&header).map(|()| words("setup code, which calls the BIOS")),
    };
    offer(Protocol::Linux16, by_16);
    offers
}

fn has_no_64_bit_entry(error: &BootError) -> bool {
    matches!(error, BootError::LinuxNo64Entry { .. } | BootError::LinuxVersion { .. })
}

/// Everything that is no bzImage.
fn kernels(image: &dyn Image, prefix: &[u8]) -> Vec<Offer> {
    let mut offers = Vec::new();
    let mut offer = |protocol, outcome| offers.push(Offer { protocol, outcome });
    if is_elf(prefix) {
        let words =
            |kernel: pvh::Kernel| format!("ELF with a PVH note, entry {:#x}", kernel.notes.entry);
        offer(Protocol::Pvh, pvh::Kernel::parse(image).map(words));
    }
    match multiboot2::Kernel::parse(image) {
        Ok(None) => {}
        Ok(Some(kernel)) => offer(Protocol::Multiboot2, Ok(multiboot2_words(&kernel))),
        Err(error) => offer(Protocol::Multiboot2, Err(error)),
    }
    match multiboot1::Kernel::parse(image) {
        Ok(None) => {}
        Ok(Some(kernel)) => offer(Protocol::Multiboot1, Ok(multiboot1_words(&kernel))),
        Err(error) => offer(Protocol::Multiboot1, Err(error)),
    }
    if is_elf(prefix) && linux::says_linux(image) {
        let is_64 = Elf::parse(image).is_ok_and(|elf| elf.class == Class::Elf64);
        let (way, bits) = if is_64 { (Way::Entry64, 64) } else { (Way::Entry32, 32) };
        let words = |_| format!("ELF with notes of Linux, {bits}-bit entry");
        offer(way.protocol(), linux::Kernel::parse(image, way).map(words));
    }
    if el_torito::has_boot_record(image) {
        let words = |it: BootImage| it.words();
        offer(Protocol::ElTorito, BootImage::parse(image).map(words));
    }
    if !is_elf(prefix) && boot_sector::has_signature(prefix) {
        offer(Protocol::BootSector, Ok("boot sector, 55 aa at its end".to_owned()));
    }
    offers
}

fn multiboot1_words(kernel: &multiboot1::Kernel) -> String {
    let (offset, entry) = (kernel.header.offset, kernel.load.entry);
    format!("multiboot header at offset {offset:#x}, entry {entry:#x}")
}

fn multiboot2_words(kernel: &multiboot2::Kernel) -> String {
    let (offset, entry) = (kernel.header.offset, kernel.load.entry);
    format!("multiboot 2 header at offset {offset:#x}, entry {entry:#x}")
}

/// The best protocol that is offered and built, and all offers; else the refusal that tells most.
pub(crate) fn choose(
    image: &dyn Image,
    bios_services: bool,
) -> Result<(Protocol, Vec<Offer>), BootError> {
    let offers = detect_for(image, bios_services);
    if let Some(offer) = offers.iter().find(|offer| offer.outcome.is_ok()) {
        return Ok((offer.protocol, offers));
    }
    Err(refusal(image, offers))
}

/// The refusal that tells most of an image that offers nothing.
pub(crate) fn refusal(image: &dyn Image, offers: Vec<Offer>) -> BootError {
    let refusals = offers.into_iter().filter_map(|offer| offer.outcome.err());
    refusals.min_by_key(vagueness).unwrap_or_else(|| unknown(image))
}

/// A part without bytes is refused whatever the protocol.
pub(crate) fn check_not_empty(image: &dyn Image, part: Part) -> Result<(), BootError> {
    if image.is_empty() { Err(BootError::Empty { part }) } else { Ok(()) }
}

/// An image that shows no sign of a feature was probably not meant to have it: other refusals first.
fn vagueness(refusal: &BootError) -> u8 {
    match refusal {
        BootError::NotBuilt { .. } => 1,
        BootError::NoPvhNote { .. } => 2,
        BootError::LinuxNo64Entry { .. } => 3,
        BootError::LinuxVersion { min, .. } if *min > 0x200 => 3,
        BootError::NotOffered { .. } => 4,
        _ => 0,
    }
}

/// The refusal of an image with no sign of any protocol.
pub(crate) fn unknown(image: &dyn Image) -> BootError {
    let first = match Reader::new(image).prefix(16) {
        Ok(first) => first,
        Err(error) => return error,
    };
    if let Some(compression) = compression_of(&first) {
        return BootError::Compressed { format: compression.name() };
    }
    let (len, first) = (image.len(), &first[..first.len().min(8)]);
    let found = format!(
        "{len} bytes beginning with {first:02x?}; looked for a Linux setup header, ELF with a PVH note, \
         multiboot headers, and a boot sector's 55 aa"
    );
    BootError::UnknownFormat { found }
}
