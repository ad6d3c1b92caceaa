//! Kernels that tests boot: each asks one question of the machine and answers in text.
//!
//! | kernel | question | answers on | ends by |
//! |---|---|---|---|
//! | [`pvh_entry_state`] | which state does a PVH loader hand over? | port 0xe9 | port 0xf4, value 0x10 |
//! | [`pae`] | does PAE paging work, and fault as it should? | COM1 | power off |
//! | [`paging`] | the same of five levels, 1 GiB pages, keys, PCIDs? | COM1 | power off |
//! | [`segments`], [`gates`], [`tasks`], [`v86`] | what does protected mode allow, and how does it refuse? | COM1 | power off |
//! | [`mb1_elf32`], [`mb1_elf64`], [`mb1_flat`] | what does a multiboot loader hand over? | COM1 | power off |
//! | [`mb2_elf32`], [`mb2_elf64`] | and a multiboot 2 loader? | COM1 | power off |
//! | [`init_i386`] | no kernel: a 32-bit Linux's `/init` | its console | power off |
//! | [`disk`] | does an IDE disk read and write by PIO, with its interrupt? | COM1 | power off |
//! | [`modes`] | does a debugger keep its way through all modes? | | port 0xf4, value 0x10 |
//! | [`echo`] | do characters reach COM1's receiver? | COM1 | power off, at `q` |
//! | [`jump_nowhere`], [`triple_fault`] | what if the guest crashes? | | triple fault |
//! | [`screen`] | are there a VGA and a keyboard controller? | VGA text | power off |
//! | [`random_code`] | do random bytes in ring 3 leave the machine standing? | COM1 | power off |
//! | [`xen()`] | is there a Xen, and how does it refuse? | COM1 | SCHEDOP_shutdown |
//! | [`xen_crash`] | what if the guest tells Xen of a crash? | | SCHEDOP_shutdown, crash |
//! | [`spin`], [`serial_flood`], [`halt`] | what if it never ends? | COM1 (flood) | never |
//! | [`reset_cf9`], [`reset_8042`] | is a reset seen? | | reset |
//!
//! They are 32-bit code at 1 MiB that sets its own stack and, where needed, its own GDT, IDT and
//! page tables; those for PVH have no multiboot header, so that no loader has a choice.
//! [`random_code`] goes on in 64-bit mode.

mod astray;
mod console;
mod disk;
mod entry_state;
mod init_i386;
mod modes;
mod multiboot1;
mod multiboot2;
mod pae;
mod paging;
mod protected;
mod random_code;
mod screen;
mod xen;

pub use astray::{
    echo, halt, jump_nowhere, reset_8042, reset_cf9, serial_flood, spin, triple_fault,
};
pub use disk::disk;
pub use entry_state::pvh_entry_state;
pub use init_i386::init_i386;
pub use modes::{Places, modes, modes_places};
pub use multiboot1::{mb1_elf32, mb1_elf64, mb1_flat};
pub use multiboot2::{mb2_elf32, mb2_elf64};
pub use pae::pae;
pub use paging::paging;
pub use protected::{gates, segments, tasks, v86};
pub use random_code::random_code;
pub use screen::screen;
pub use xen::{xen, xen_crash};

use iced_x86::IcedError;

use crate::asm::{Part, Program, assemble};
use crate::elf::{CODE_OFFSET, Class, Image, KERNEL_BASE};

/// A kernel's name and what makes its file.
pub type Kernel = (&'static str, fn() -> Vec<u8>);

/// Programs for a kernel's ramdisk: no loader of ours starts them.
pub const PROGRAMS: &[Kernel] = &[("init_i386", init_i386)];

/// Every test kernel, for tools that take names.
pub const ALL: &[Kernel] = &[
    ("demo_pvh", crate::demo::pvh_only),
    ("disk", disk),
    ("echo", echo),
    ("gates", gates),
    ("halt", halt),
    ("jump_nowhere", jump_nowhere),
    ("mb1_elf32", mb1_elf32),
    ("mb1_elf64", mb1_elf64),
    ("mb1_flat", mb1_flat),
    ("mb2_elf32", mb2_elf32),
    ("mb2_elf64", mb2_elf64),
    ("modes", modes),
    ("pae", pae),
    ("paging", paging),
    ("pvh_elf32_note4", || pvh_entry_state(Class::Elf32, 4)),
    ("pvh_elf32_note8", || pvh_entry_state(Class::Elf32, 8)),
    ("pvh_elf64_note4", || pvh_entry_state(Class::Elf64, 4)),
    ("pvh_elf64_note8", || pvh_entry_state(Class::Elf64, 8)),
    ("random_code", random_code),
    ("reset_8042", reset_8042),
    ("reset_cf9", reset_cf9),
    ("screen", screen),
    ("segments", segments),
    ("serial_flood", serial_flood),
    ("spin", spin),
    ("tasks", tasks),
    ("triple_fault", triple_fault),
    ("v86", v86),
    ("xen", xen),
    ("xen_crash", xen_crash),
];

const STACK_TOP: u32 = KERNEL_BASE + 0xa000;
/// Room for page tables and the like, below the stack: zeroed by the loader.
const TABLES: u32 = KERNEL_BASE + 0x2000;

/// Assembles a kernel's only part; its first instruction is the entry.
fn kernel_part(source: fn(&mut Program) -> Result<(), IcedError>) -> Part {
    assemble(32, KERNEL_BASE + CODE_OFFSET, source).expect("the kernel's source assembles")
}

fn pvh_image(class: Class, note_size: u32, part: Part) -> Image {
    let (base, end, entry) = (KERNEL_BASE, STACK_TOP, part.address);
    Image {
        class,
        base,
        end,
        entry,
        pvh: Some((entry, note_size)),
        multiboot: None,
        parts: vec![part],
    }
}

/// ELF32 with a note as the ABI has it.
fn pvh_kernel(source: fn(&mut Program) -> Result<(), IcedError>) -> Vec<u8> {
    pvh_image(Class::Elf32, 4, kernel_part(source)).bytes()
}
