//! Workloads: one kernel for each kind of work that an emulator can be slow at.
//!
//! Each is a kernel of its own (PVH and multiboot 1, ELF32) that goes to 64-bit mode, repeats its
//! work a number of times that is assembled into it, prints `NAME=CHECKSUM` on COM1 and on the debug
//! console, and powers the machine off. Two users: the benches run one for so many instructions, and `benches/compare` runs
//! them all in several emulators and compares checksums and CPU time. The checksum depends on every
//! step of the work and on nothing else: not on time, not on what a loader leaves in memory.
//!
//! | file | kind |
//! |---|---|
//! | `start` | 32-bit entries, page tables, descriptors, long mode |
//! | `disk` | the same kernel as a floppy disk |
//! | `finish` | the checksum, power off, what every workload may call |
//! | `integer` | loops over registers and small tables; calls, jumps, switches |
//! | `memory` | loads and stores: in order, scattered, across pages, through the TLB |
//! | `strings` | REP MOVS, STOS, SCAS, CMPS |
//! | `system` | faults, flushes, address spaces, system calls, interrupts, ports |
//! | `code` | code that changes, code that is new, code that is large |
//! | `float` | x87, scalar and packed SSE, integer SSE |
//! | `avx` | scalar and packed AVX, FMA |
//!
//! Not here: workloads for more than one CPU, for 16- and 32-bit code, for devices beyond COM1's
//! scratch register, the port of POST codes and the local APIC's self-interrupt.

mod avx;
mod code;
mod disk;
mod finish;
mod float;
mod integer;
mod memory;
mod start;
mod strings;
mod system;

pub(crate) use finish::print;
use iced_x86::IcedError;

use crate::asm::{Part, Program, assemble};
use crate::elf::{CODE_OFFSET, Class, Image, KERNEL_BASE};

/// Source of a workload: entered with R15 = how often to repeat and all else undefined but RSP;
/// leaves by a jump to `finish` with the checksum in RAX.
type Source = fn(&mut Program) -> Result<(), IcedError>;

/// A kind of work.
#[derive(Clone, Copy)]
pub struct Workload {
    /// What it is called on the console and in tables.
    pub name: &'static str,
    /// What it is about, in a few words.
    pub kind: &'static str,
    /// Repetitions that keep QEMU's TCG busy for about half a second.
    pub repeat: u32,
    /// It needs a processor with AVX2 and FMA.
    pub avx: bool,
    source: Source,
}

impl Workload {
    const fn new(name: &'static str, repeat: u32, source: Source, kind: &'static str) -> Self {
        Self { name, kind, repeat, avx: false, source }
    }

    const fn avx(name: &'static str, repeat: u32, source: Source, kind: &'static str) -> Self {
        Self { avx: true, ..Self::new(name, repeat, source, kind) }
    }

    /// Its kernel, with this many repetitions. The work begins with the repetition: what is set up
    /// before takes the same instructions whatever their number.
    pub fn kernel(&self, repeat: u32) -> Vec<u8> {
        self.image(repeat).expect("the workload's source assembles").bytes()
    }

    /// The same as the first sectors of a floppy disk, for a BIOS to boot.
    pub fn disk(&self, repeat: u32) -> Vec<u8> {
        let image = self.image(repeat).expect("the workload's source assembles");
        disk::image(&image.bytes(), image.entry).expect("the boot sector's source assembles")
    }

    fn image(&self, repeat: u32) -> Result<Image, IcedError> {
        let start = assemble(32, START, start::source)?;
        let program = assemble(64, LONG_MODE, |a| {
            a.comment(" How often to repeat, then the work.");
            start::long_mode(a, repeat)?;
            (self.source)(a)?;
            finish::source(a, self.name)
        })?;
        Ok(image(vec![start, program]))
    }
}

/// The workload of this name.
pub fn find(name: &str) -> Option<&'static Workload> {
    ALL.iter().find(|workload| workload.name == name)
}

/// Every workload. `empty` does nothing: what an emulator takes to start and to end.
pub const ALL: &[Workload] = &[
    Workload::new("empty", 0, integer::empty, "start and power off, no work"),
    Workload::new("mixed", 28_000_000, integer::mixed, "loads, stores, ALU, branches in 16 KiB"),
    Workload::new("alu", 200_000_000, integer::alu, "register arithmetic"),
    Workload::new("branches", 90_000_000, integer::branches, "branches that depend on data"),
    Workload::new("sieve", 400, integer::sieve, "prime sieve over 128 KiB"),
    Workload::new("crc", 80_000_000, integer::crc, "table look-ups in a dependent chain"),
    Workload::new("bignum", 17_000_000, integer::bignum, "MUL and ADC chains"),
    Workload::new("divide", 80_000_000, integer::divide, "DIV and IDIV, 32 and 64 bits"),
    Workload::new("atomics", 28_000_000, integer::atomics, "LOCK XADD, CMPXCHG, XCHG, BTS"),
    Workload::new("calls", 1000, integer::calls, "CALL and RET, recursion"),
    Workload::new("indirect_calls", 20_000_000, integer::indirect_calls, "CALL through a table"),
    Workload::new("switch", 300_000, integer::switch, "a byte-code interpreter's JMP table"),
    Workload::new("sequential", 500, memory::sequential, "loads and stores over 4 MiB in order"),
    Workload::new("strided", 200, memory::strided, "a load and a store each 4160 bytes of 64 MiB"),
    Workload::new("chase", 1_500_000, memory::chase, "pointer chase over 64 MiB of 4 KiB pages"),
    Workload::new("crossing", 6_000_000, memory::crossing, "accesses across a page end"),
    Workload::new("aliasing", 400_000, memory::aliasing, "pages 16 MiB apart"),
    Workload::new("rep_movs", 130_000, strings::movs, "REP MOVSB and MOVSQ, 1 to 4096 bytes"),
    Workload::new("rep_stos", 220_000, strings::stos, "REP STOSB and STOSQ, 1 to 4096 bytes"),
    Workload::new("rep_scan", 60_000, strings::scan, "REPNE SCASB, REPE CMPSB over 4 KiB"),
    Workload::new("page_faults", 700_000, system::page_faults, "a page fault that maps a page"),
    Workload::new("invlpg", 2_000_000, system::invlpg, "INVLPG and the access after it"),
    Workload::new("tlb_flush", 150_000, system::tlb_flush, "CR3 reload, then 16 pages"),
    Workload::new("cr3_switch", 120_000, system::cr3_switch, "two address spaces, 4 pages each"),
    Workload::new("syscall", 5_000_000, system::syscall, "SYSCALL and SYSRET"),
    Workload::new("int_iret", 1_600_000, system::int_iret, "INT from user mode, IRET"),
    Workload::new("interrupts", 700_000, system::interrupts, "APIC self-interrupt, EOI, IRET"),
    Workload::new(
        "masked_interrupt",
        110_000_000,
        system::masked_interrupt,
        "short blocks while an interrupt waits with IF clear",
    ),
    Workload::new("port_io", 6_000_000, system::port_io, "OUT and IN at COM1's scratch register"),
    Workload::new("string_io", 40_000, system::string_io, "REP OUTSB, INSB and OUTSW"),
    Workload::new("self_modifying", 30_000, code::self_modifying, "a loop that patches itself"),
    Workload::new(
        "data_beside_code",
        1_700_000,
        code::data_beside_code,
        "stores near running code",
    ),
    Workload::new("fresh_code", 40_000, code::fresh_code, "code written, run once, written again"),
    Workload::new("large_code", 600, code::large_code, "400 KiB of code, round and round"),
    Workload::new("x87", 1_500_000, float::x87, "FADD FMUL FDIV FSQRT, 80 bits"),
    Workload::new("x87_double", 1_500_000, float::x87_double, "the same, rounded to 53 bits"),
    Workload::new("sse_scalar", 8_000_000, float::scalar, "ADDSD MULSD DIVSD SQRTSD, converts"),
    Workload::new("sse_packed", 7_000_000, float::packed, "ADDPS MULPS SUBPD MULPD, shuffles"),
    Workload::new("sse_integer", 10_000_000, float::integer, "PADDx PMULx PXOR PSHUFD, shifts"),
    Workload::avx("avx_scalar", 8_000_000, avx::scalar, "VADDSD VMULSD VDIVSD VSQRTSD, converts"),
    Workload::avx("avx_packed", 3_000_000, avx::packed, "VADDPS VMULPS VDIVPS VMULPD, 256 bits"),
    Workload::avx("avx_fma", 4_000_000, avx::fma, "VFMADD VFMSUB VFNMADD, packed and scalar"),
];

// ---- where everything lies: all of it below 512 MiB of RAM ----

/// The 32-bit part.
const START: u32 = KERNEL_BASE + CODE_OFFSET;
/// The 64-bit part; its first instruction is where the 32-bit part jumps to.
const LONG_MODE: u32 = KERNEL_BASE + 0x300;

// Memory without bytes in the file, zeroed by the loader.
const VARIABLES: u32 = KERNEL_BASE + 0x1_0000;
const IDT: u32 = KERNEL_BASE + 0x1_1000;
const PML4: u32 = KERNEL_BASE + 0x1_2000;
const PDPT: u32 = KERNEL_BASE + 0x1_3000;
/// Four page directories, one behind the other: 4 GiB mapped to themselves by 2 MiB pages.
const PAGE_DIRECTORIES: u32 = KERNEL_BASE + 0x1_4000;
/// The page directory of [`WINDOW`].
const WINDOW_DIRECTORY: u32 = KERNEL_BASE + 0x1_8000;
/// The TSS: only RSP0 in it is ever looked at.
const TSS: u32 = KERNEL_BASE + 0x1_9000;
const USER_STACK_TOP: u32 = KERNEL_BASE + 0x1_b000;
const STACK_TOP: u32 = KERNEL_BASE + 0x2_0000;
const END: u32 = STACK_TOP;

// Memory beyond the image, that workloads write before they read it.
/// Page tables of [`WINDOW`]: 32 of them, for 64 MiB.
const WINDOW_TABLES: u32 = 0x20_0000;
/// Tables and buffers, up to 16 MiB.
const DATA: u32 = 0x40_0000;
/// Code that a workload writes.
const CODE: u32 = 0x200_0000;
/// What [`WINDOW`] shows.
const WINDOW_FRAMES: u32 = 0x1000_0000;
const WINDOW_BYTES: u32 = 64 << 20;
/// Linear address of 64 MiB mapped by 4 KiB pages: the fifth GiB.
const WINDOW: u64 = 0x1_0000_0000;

/// GDT selectors, in the order that SYSCALL and SYSRET ask for.
mod selector {
    pub(super) const CODE64: u16 = 0x08;
    pub(super) const USER_DATA: u32 = 0x20 | 3;
    pub(super) const USER_CODE64: u32 = 0x28 | 3;
    pub(super) const TSS: u32 = 0x30;
}

/// Page-table entries: SDM Vol. 3A, "4-Level Paging". Everything is open to user mode.
mod pte {
    pub(super) const TABLE: u32 = 0b111; // present, writable, user
    pub(super) const LARGE_PAGE: u32 = 0b1000_0111; // and a page of 2 MiB, no table
}

/// Multiboot: modules on page boundaries, and tell the memory.
const MULTIBOOT_FLAGS: u32 = 0b11;

fn image(parts: Vec<Part>) -> Image {
    let entry = parts[0].symbol("entry");
    Image {
        class: Class::Elf32,
        base: KERNEL_BASE,
        end: END,
        entry,
        pvh: Some((entry, 4)),
        multiboot: Some(MULTIBOOT_FLAGS),
        parts,
    }
}
