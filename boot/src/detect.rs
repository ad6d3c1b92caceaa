//! Which protocols an image offers, and why or why not.
//!
//! The order is the order of preference: bzImage, PVH, multiboot 2, multiboot 1. Protocols without a
//! loader are recognised too, so that the user learns that they were skipped.

use crate::elf::is_elf;
use crate::error::{BootError, Part};
use crate::image::Image;
use crate::payload::compression_of;
use crate::protocol::Protocol;
use crate::pvh;
use crate::reader::Reader;

/// One protocol and what the image has for it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Offer {
    /// The protocol.
    pub protocol: Protocol,
    /// Why it is offered, or why not.
    pub outcome: Result<String, BootError>,
}

/// What the image is for each protocol it shows a sign of, best first. An image without any sign has
/// no offer.
pub fn detect(image: &dyn Image) -> Vec<Offer> {
    let Ok(prefix) = Reader::new(image).prefix(MULTIBOOT2_SEARCH) else {
        return Vec::new();
    };
    let mut offers = Vec::new();
    if is_elf(&prefix) {
        let outcome = pvh::Kernel::parse(image)
            .map(|kernel| format!("ELF with PVH note, entry {:#x}", kernel.notes.entry));
        offers.push(Offer { protocol: Protocol::Pvh, outcome });
    }
    offers
}

/// Multiboot 2 headers lie in the first 32 KiB.
const MULTIBOOT2_SEARCH: u64 = 32768;

/// The best protocol that is offered and built; else the refusal that tells most.
pub(crate) fn choose(image: &dyn Image) -> Result<(Protocol, Vec<Offer>), BootError> {
    if image.is_empty() {
        return Err(BootError::Empty { part: Part::Kernel });
    }
    let offers = detect(image);
    if let Some(offer) = offers.iter().find(|offer| offer.outcome.is_ok()) {
        return Ok((offer.protocol, offers));
    }
    let refusals = offers.into_iter().filter_map(|offer| offer.outcome.err());
    Err(refusals.min_by_key(vagueness).unwrap_or_else(|| unknown(image)))
}

/// An image that shows no sign of a feature was probably not meant to have it: other refusals first.
fn vagueness(refusal: &BootError) -> u8 {
    match refusal {
        BootError::NotBuilt { .. } => 1,
        BootError::NoPvhNote { .. } => 2,
        _ => 0,
    }
}

/// The refusal of an image with no sign of any protocol.
fn unknown(image: &dyn Image) -> BootError {
    let first = match Reader::new(image).prefix(8) {
        Ok(first) => first,
        Err(error) => return error,
    };
    if let Some(compression) = compression_of(&first) {
        return BootError::Compressed { format: compression.name() };
    }
    let len = image.len();
    let found = format!(
        "{len} bytes beginning with {first:02x?}; looked for a Linux header, ELF, multiboot"
    );
    BootError::UnknownFormat { found }
}
