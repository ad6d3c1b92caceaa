//! Random bytes executed in ring 3: whatever they do, the kernel gets the machine back and goes on.
//!
//! Sources: SDM Vol. 3A, "4-Level Paging", "Interrupt and Exception Handling in 64-bit Mode", "Fast
//! System Calls in 64-Bit Mode"; Intel 8259A (231468) and 8254 (231164) for the timer.
//!
//! The command line is `SEED EVENTS`, both hexadecimal; there are defaults. The user's half of the
//! address space, all of it but the kernel's first GiB, shows one [`ARENA`] of 64 frames over and over:
//! writable, read-only, not executable, absent, the supervisor's, with a reserved bit, with a protection
//! key, and in 2 MiB pages. So a random address mostly has memory behind it, code overwrites itself by
//! other addresses, and every kind of page fault happens.
//!
//! An event is a way into the kernel: an exception, INT n, the timer (the way out of a loop), SYSCALL,
//! SYSENTER, a call gate. It is counted; then the program goes on a few bytes further, or another one
//! begins elsewhere in 64-, 32- or 16-bit code with random registers, flags, FPU state and breakpoints (DR0 to DR3, DR7).
//! After EVENTS of them the counts are printed, `VV=count`, then `arena=` and a checksum, `RANDOM OK`,
//! and the machine powers off. An exception in the kernel itself, where none may be, is `RANDOM FAILED`.
//!
//! Whatever of FSGSBASE, SMEP, SMAP, UMIP, PKU and XSAVE the processor has is turned on. Not here:
//! IOPL 3, VM86, ring 1 and 2, an LDT.

mod begin;
mod events;
mod report;
mod start;

use super::STACK_TOP as KERNEL_END;
use crate::asm::assemble;
use crate::elf::{CODE_OFFSET, Class, Image, KERNEL_BASE};

const START: u32 = KERNEL_BASE + CODE_OFFSET;
const LONG_MODE: u32 = KERNEL_BASE + 0x400;

// Memory without bytes in the file, zeroed by the loader.
const VARIABLES: u32 = KERNEL_BASE + 0x1_0000;
const SEED: u32 = VARIABLES;
const LEFT: u32 = VARIABLES + 8;
const COMMAND_LINE: u32 = VARIABLES + 16;
/// Not 0 if there are protection keys.
const HAS_KEYS: u32 = VARIABLES + 24;
/// The user's general registers, in the order of their numbers.
const REGISTERS: u32 = VARIABLES + 0x100;
/// A count for each vector, then [`SYSCALL`], [`SYSENTER`], [`GATE`], [`BREAKPOINT`].
const COUNTS: u32 = VARIABLES + 0x200;
const IDT: u32 = KERNEL_BASE + 0x1_1000;
const PML4: u32 = KERNEL_BASE + 0x1_2000;
const LOW_PDPT: u32 = KERNEL_BASE + 0x1_3000;
const KERNEL_DIRECTORY: u32 = KERNEL_BASE + 0x1_4000;
const USER_PDPT: u32 = KERNEL_BASE + 0x1_5000;
const USER_DIRECTORY: u32 = KERNEL_BASE + 0x1_6000;
const USER_TABLE: u32 = KERNEL_BASE + 0x1_7000;
const TSS: u32 = KERNEL_BASE + 0x1_8000;
const IST_TOP: u32 = KERNEL_BASE + 0x1_a000;
const STACK_TOP: u32 = KERNEL_BASE + 0x1_c000;
const END: u32 = STACK_TOP;
const _: () = assert!(KERNEL_END < VARIABLES, "the other kernels' stack is no part of this one");

/// The only memory that user code reaches.
const ARENA: u32 = 0x20_0000;
const ARENA_BYTES: u32 = 64 << 12;

const SYSCALL: u32 = 0x100;
const SYSENTER: u32 = 0x101;
const GATE: u32 = 0x102;
/// A #DB for which DR6 names a breakpoint; it counts as a #DB as well.
const BREAKPOINT: u32 = 0x103;
const EVENT_KINDS: u32 = 0x104;
const TIMER: u32 = 0x20;

/// GDT selectors; SYSRET's are in the order that it asks for.
mod selector {
    pub(super) const CODE64: u16 = 0x08;
    pub(super) const DATA: u32 = 0x10;
    pub(super) const USER_CODE32: u32 = 0x18 | 3;
    pub(super) const USER_DATA: u32 = 0x20 | 3;
    pub(super) const USER_CODE64: u32 = 0x28 | 3;
    pub(super) const TSS: u32 = 0x30;
    pub(super) const USER_CODE16: u32 = 0x40 | 3;
    pub(super) const USER_DATA16: u32 = 0x48 | 3;
    /// A 64-bit call gate for ring 3, two descriptors long.
    pub(super) const GATE: u32 = 0x68;
}

/// Events unless the command line says how many: about a million instructions.
const SOME_EVENTS: u32 = 5000;
const SOME_SEED: u64 = 0x2545_f491_4f6c_dd1d;

/// The kernel: ELF32, PVH.
pub fn random_code() -> Vec<u8> {
    let start = assemble(32, START, start::source).expect("the kernel's source assembles");
    let program = assemble(64, LONG_MODE, |a| {
        begin::source(a)?;
        events::source(a)?;
        report::source(a)
    });
    let parts = vec![start, program.expect("the kernel's source assembles")];
    let (class, base, end, entry) = (Class::Elf32, KERNEL_BASE, END, parts[0].symbol("entry"));
    Image { class, base, end, entry, pvh: Some((entry, 4)), multiboot: None, parts }.bytes()
}
