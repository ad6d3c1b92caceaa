//! Which protocols an image offers, and why or why not.
//!
//! The order is the order of preference: bzImage, PVH, multiboot 2, multiboot 1. Protocols without a
//! loader are recognised too, so that the user learns that they were skipped.

use crate::elf::is_elf;
use crate::error::{BootError, Part};
use crate::image::Image;
use crate::linux;
use crate::multiboot1;
use crate::payload::compression_of;
use crate::protocol::Protocol;
use crate::pvh;
use crate::reader::{Reader, u32_at};

/// Multiboot 2 headers lie in the first 32 KiB, 8-byte aligned.
const MULTIBOOT2_SEARCH: u64 = 32768;
/// First word of a multiboot 2 header; the second, architecture, is 0 for i386, and the four sum to 0.
const MULTIBOOT2_MAGIC: u32 = 0xe852_50d6;

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
    let Ok(prefix) = Reader::new(image).prefix(MULTIBOOT2_SEARCH) else {
        return Vec::new();
    };
    let mut offers = Vec::new();
    let mut offer = |protocol, outcome| offers.push(Offer { protocol, outcome });
    let not_built = |protocol| Err(BootError::NotBuilt { protocol });
    if linux::is_bzimage(&prefix) {
        let (major, minor) = (u32_at(&prefix, 0x206) >> 8 & 0xff, u32_at(&prefix, 0x206) & 0xff);
        let words = format!("Linux setup header, boot protocol {major}.{minor:02}, 64-bit entry");
        offer(Protocol::Linux64, linux::parse64(image).map(|_| words));
        if linux::SetupHeader::parse(image).is_ok() {
            offer(Protocol::Linux32, not_built(Protocol::Linux32));
            offer(Protocol::Linux16, not_built(Protocol::Linux16));
        }
    }
    if is_elf(&prefix) {
        let words =
            |kernel: pvh::Kernel| format!("ELF with a PVH note, entry {:#x}", kernel.notes.entry);
        offer(Protocol::Pvh, pvh::Kernel::parse(image).map(words));
    }
    if has_multiboot2_header(&prefix) {
        offer(Protocol::Multiboot2, not_built(Protocol::Multiboot2));
    }
    // A bzImage holds a megabyte of compressed bytes; four of them may look like a magic.
    if !linux::is_bzimage(&prefix) {
        match multiboot1::Kernel::parse(image, true) {
            Ok(None) => {}
            Ok(Some(kernel)) => offer(Protocol::Multiboot1, Ok(multiboot1_words(&kernel))),
            Err(error) => offer(Protocol::Multiboot1, Err(error)),
        }
    }
    offers
}

fn multiboot1_words(kernel: &multiboot1::Kernel) -> String {
    format!(
        "multiboot header at offset {:#x}, entry {:#x}",
        kernel.header.offset, kernel.load.entry
    )
}

fn has_multiboot2_header(prefix: &[u8]) -> bool {
    prefix.chunks_exact(8).enumerate().any(|(index, chunk)| {
        let word = |at: usize| u32_at(prefix, 8 * index + at);
        let sum = word(0).wrapping_add(word(4)).wrapping_add(word(8)).wrapping_add(word(12));
        u32_at(chunk, 0) == MULTIBOOT2_MAGIC && sum == 0
    })
}

/// The best protocol that is offered and built, and all offers; else the refusal that tells most.
pub(crate) fn choose(image: &dyn Image) -> Result<(Protocol, Vec<Offer>), BootError> {
    let offers = detect(image);
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
        BootError::NotBuilt { protocol: Protocol::Multiboot2 } => 1,
        BootError::NoPvhNote { .. } => 2,
        BootError::NotBuilt { .. } => 3,
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
         and multiboot headers"
    );
    BootError::UnknownFormat { found }
}
