//! Our own guests, as assembler source in Rust: the demo guest, the built-in initramfs's `/init`
//! and the kernels that tests boot.
//!
//! A development tool, no part of the product. The product embeds two files that this crate
//! writes (`cargo run -p bootscope-guests`), committed with their commented listings:
//! `guests/demo/demo.elf` and `guests/init/init.elf`; a test assembles both again and compares.
//! Test kernels are never files: [`kernels`] assembles each when a test asks for it.
//!
//! The instruction encoder is iced-x86's `code_asm`; [`mod@asm`] adds names, comments and a listing.
//! Not here: a linker, relocations, or any format but ELF and the plain multiboot image.

pub mod asm;
pub mod demo;
mod descriptors;
pub mod elf;
pub mod init;
pub mod kernels;
pub mod listing;
mod power;
pub mod roms;
pub mod sectors;
pub mod workloads;
pub mod zimage;

/// The guests that are files in the repository: `guests/NAME.elf` and `guests/NAME.lst`.
pub fn committed() -> [(&'static str, elf::Image); 2] {
    [("demo/demo", demo::image()), ("init/init", init::image())]
}
