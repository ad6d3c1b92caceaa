//! Where hostile input comes from: seeded randomness, damage, and valid images to damage.
//!
//! | module | subject |
//! |---|---|
//! | [`Random`] | the generator |
//! | [`Damage`] | flips, cuts, corner values, splices |
//! | [`images`] | kernels of every protocol, made byte by byte |
//! | [`packed`] | one small file, packed by every format that is unpacked |
//! | [`code`] | programs of system instructions and any bytes |
//! | [`roms`] | option ROMs and firmware of sound and odd sizes |
//! | [`symbols`] | tables of names: an ELF file's, a stripped Linux' |
//!
//! Everything is made by the code here from the documents that the readers follow; no file of anybody
//! else's is in it. For tests and fuzz targets alone: no product crate depends on it.
//!
//! Not here: what is done with the input (`fuzz/hostile`), and expected values, which belong to the
//! tests.
#![forbid(unsafe_code)]

pub mod code;
mod damage;
pub mod images;
pub mod packed;
mod random;
pub mod roms;
pub mod symbols;

pub use damage::{Damage, EDGES};
pub use random::Random;
