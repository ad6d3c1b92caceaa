//! The demo guest: a kernel that says who it is, what it was given, and that faults and
//! interrupts work; then it powers the machine off. It is what `bootscope` boots when it is
//! given nothing, and it is written to be read: every step a PC kernel takes from protected mode
//! to 64-bit code with a running timer is here once, in the order of running.
//!
//! One ELF32 file for two protocols. A PVH loader enters at `pvh_entry`, a multiboot loader at
//! `multiboot_entry`; both give 32-bit protected mode without paging, a pointer in EBX, and
//! nothing else worth keeping.
//!
//! | file | part |
//! |---|---|
//! | `start` | 32-bit entries, page tables, GDT, long mode |
//! | `tour` | the 64-bit program, step by step; power off |
//! | `report` | the CPU's name, the loader's memory map |
//! | `interrupts` | IDT, two faults taken on purpose, PIC and PIT |
//! | `output` | COM1: characters, text, numbers |
//!
//! Not here: user mode, more than one CPU, the APICs, any memory allocation.

mod interrupts;
mod output;
mod report;
mod start;
mod tour;

use iced_x86::IcedError;

use crate::asm::{Part, Program, assemble};
use crate::elf::{CODE_OFFSET, Class, Image, KERNEL_BASE};

/// The 32-bit part.
const START: u32 = KERNEL_BASE + CODE_OFFSET;
/// The 64-bit part; its first instruction is where the 32-bit part jumps to.
const LONG_MODE: u32 = KERNEL_BASE + 0x280;

// Memory without bytes in the file. Loaders zero it, and the tables below count on that.
const VARIABLES: u32 = KERNEL_BASE + 0x1000;
const IDT: u32 = KERNEL_BASE + 0x2000;
const PML4: u32 = KERNEL_BASE + 0x3000;
const PDPT: u32 = KERNEL_BASE + 0x4000;
/// Four page directories, one behind the other: 4 GiB.
const PAGE_DIRECTORIES: u32 = KERNEL_BASE + 0x5000;
const STACK_TOP: u32 = KERNEL_BASE + 0xb000;
const END: u32 = STACK_TOP;

/// GDT selectors.
mod selector {
    pub(super) const CODE64: u16 = 0x08;
    pub(super) const DATA: u16 = 0x10;
}

/// What EBP says between the entries and the report.
mod protocol {
    pub(super) const PVH: u32 = 0;
    pub(super) const MULTIBOOT: u32 = 1;
}

/// Multiboot: modules on page boundaries, and tell the memory.
const MULTIBOOT_FLAGS: u32 = 0b11;

/// The demo, for both protocols.
pub fn image() -> Image {
    image_for(Some(MULTIBOOT_FLAGS))
}

/// The demo without a multiboot header, for loaders that would prefer that over PVH.
pub fn pvh_only() -> Vec<u8> {
    image_for(None).bytes()
}

fn image_for(multiboot: Option<u32>) -> Image {
    let parts = parts().expect("the source of the demo assembles");
    let (pvh_entry, entry) = (parts[0].symbol("pvh_entry"), parts[0].symbol("multiboot_entry"));
    let (class, pvh) = (Class::Elf32, Some((pvh_entry, 4)));
    Image { class, base: KERNEL_BASE, end: END, entry, pvh, multiboot, parts }
}

fn parts() -> Result<Vec<Part>, IcedError> {
    let start = assemble(32, START, start::source)?;
    let program = assemble(64, LONG_MODE, |a| {
        variables(a);
        tour::source(a)?;
        report::source(a)?;
        interrupts::source(a)?;
        output::source(a)
    })?;
    Ok(vec![start, program])
}

/// What the 64-bit program remembers, on a page of its own: a CPU looks at writes near code as
/// a change of the code.
fn variables(a: &mut Program) {
    a.comment(" The variables, zeroed by the loader.");
    a.define("protocol", VARIABLES);
    a.define("information", VARIABLES + 4);
    a.define("usable_bytes", VARIABLES + 8);
    a.define("ticks", VARIABLES + 16);
    a.define("name", VARIABLES + 32); // 48 characters and a NUL
}
