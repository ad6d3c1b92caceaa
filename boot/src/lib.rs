//! Boot protocols: images and a plan in, placements and an entry state out.
//!
//! [`detect`] says which protocols a file offers, [`plan`] validates everything and decides where each
//! byte goes, [`BootPlan::write`] copies it into guest memory. Nothing here ever runs anything, opens
//! a file or sees a CPU: an image is a byte provider ([`Image`]), the result is an [`Entry`].
//!
//! | module | document it follows |
//! |---|---|
//! | [`pvh`] | Xen `docs/misc/pvh.pandoc`, `public/arch-x86/hvm/start_info.h`, `public/elfnote.h` |
//! | [`elf`] | System V gABI, ELF header, program header, note section |
//! | [`e820`], [`acpi`] | ACPI Specification 6.x |
//!
//! Not built yet, and refused by name: multiboot 2, the 32-bit and 16-bit Linux entries, firmware.
#![forbid(unsafe_code)]

pub mod acpi;
pub mod cpio;
mod detect;
pub mod e820;
pub mod elf;
pub mod entry;
pub mod error;
pub mod image;
pub mod layout;
pub mod ledger;
pub mod payload;
mod plan;
pub mod platform;
pub mod protocol;
pub mod pvh;
mod reader;

pub use detect::{Offer, detect};
pub use entry::Entry;
pub use error::{At, BootError, Part};
pub use image::{Blob, GuestRange, Image, ReadError};
pub use ledger::{Content, Placement};
pub use plan::{BootPlan, Module, Request, Source};
pub use platform::{AcpiProfile, Platform};
pub use protocol::Protocol;

/// Validates a request and decides where everything goes. Reads the images, writes nothing.
pub fn plan<'a>(request: &Request<'a>) -> Result<BootPlan<'a>, BootError> {
    let protocol = match request.protocol {
        Some(protocol) => protocol,
        None => detect::choose(request.kernel)?.0,
    };
    match protocol {
        Protocol::Pvh => pvh::plan(request, Source::Given(request.kernel)),
        protocol => Err(BootError::NotBuilt { protocol }),
    }
}
