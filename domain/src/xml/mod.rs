//! libvirt's domain XML.
//!
//! Follows "Domain XML format" of libvirt's documentation for the elements that [`crate::Domain`] has.
//! The tree is roxmltree's: no document type, no entities but XML's own five, no file ever fetched.
//!
//! Not read: encodings but UTF-8, and what `element` reports as a gap.

mod devices;
mod element;
mod read;
mod write;

pub(crate) use read::read;
pub use write::to_xml;
