//! xend's S-expression: `(vm (name 'x') (memory 512) (image (hvm ...)) (device (vbd ...)))`.
//!
//! Follows libvirt's driver for xend, of which the exchange on libvir-list of February 2008 ("Allow Xen
//! HVM kernel+initrd booting") is the part that counts here: an old document gives the firmware of a PC
//! as its `kernel`; with a `loader` beside it, `kernel` is a kernel. Both are read; a domain without a
//! kernel is written in the old spelling, one with a kernel in the new.
//!
//! Not read: several documents in one file, numbers in other bases than ten.

mod devices;
mod form;
mod read;
mod syntax;
mod write;

pub(crate) use read::read;
pub use write::to_sexpr;
