//! Boot protocols: images and a plan in, placements and an entry state out.
//!
//! [`detect`] says which protocols a file offers, [`plan`] validates everything and decides where each
//! byte goes, [`BootPlan::write`] copies it into guest memory. Nothing here ever runs anything, opens
//! a file or sees a CPU: an image is a byte provider ([`Image`]), the result is an [`Entry`].
//!
//! | module | document it follows |
//! |---|---|
//! | [`acpi`] | ACPI Specification 6.x |
//!
//! Not built yet, and refused by name: multiboot 2, the 32-bit and 16-bit Linux entries, firmware.
#![forbid(unsafe_code)]

pub mod acpi;
pub mod cpio;
pub mod error;
pub mod image;
pub mod layout;
pub mod payload;
pub mod platform;
pub mod protocol;

pub use error::{At, BootError, Part};
pub use image::{Blob, GuestRange, Image, ReadError};
pub use platform::{AcpiProfile, Platform};
pub use protocol::Protocol;
