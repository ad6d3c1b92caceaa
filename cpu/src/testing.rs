//! A small machine for tests inside the crate: flat RAM, code bytes in, registers out.
//!
//! ```text
//! 0x00600-0x00fff  with system tables: GDT at GDT, 64-bit or 32-bit TSS at TSS
//! 0x01000-0x04fff  page tables: PML4, page directory pointers, directory, table of the first 2 MiB
//! 0x05000          with system tables: IDT
//! 0x06000          with system tables: handlers, a HLT every 16 bytes
//! 0x07c00          code of 16 bits
//! 0x10000          CODE, of 32 and 64 bits
//! 0x20000-0x9ffff  free for data; 0x90000 is the top of the stack
//! 0xa0000-0xbffff  no RAM: accesses go to the bus
//! 0x100000-        free
//! ```
//!
//! Paging (64-bit mode only, until a test sets CR0.PG) maps the first 4 MiB one to one, the first 2
//! of them by 4 KiB pages, all present, writable and for users.

use crate::bus::{Access, Bus, Lines, Outcome};
use crate::features::Model;
use crate::{Config, Cpu, Exit, Registers};
use arch::control::{cr0, cr4, efer};
use arch::exception::{Exception, Vector};
use arch::paging::pte;
use arch::segment::{Descriptor, SegReg, Segment, Selector, TableRegister, attr};
use arch::time::Instant;
use memory::{Memory, PhysAddr};

pub(crate) use seeds::Random;

/// Where code of 32 and 64 bits is placed and starts.
pub(crate) const CODE: u64 = 0x1_0000;
/// First stack pointer.
pub(crate) const STACK: u64 = 0x9_0000;
pub(crate) const TABLES: u64 = 0x1000;
/// Where [`Machine::with_system_tables`] puts the GDT: code and data of CPL 0 at selectors 8 and 0x10, of
/// CPL 3 at 0x18 and 0x20, the TSS at 0x28, the rest free from 0x38.
pub(crate) const GDT: u64 = 0x600;
/// The TSS: RSP0 (or ESP0) is [`INNER_STACK`].
pub(crate) const TSS: u64 = 0x800;
/// The IDT.
pub(crate) const IDT: u64 = 0x5000;
/// Handler of vector 0; that of `n` is 16 * `n` behind it.
pub(crate) const HANDLERS: u64 = 0x6000;
/// Stack of CPL 0 for what comes from CPL 3.
pub(crate) const INNER_STACK: u64 = 0x8_0000;

/// One access to the bus.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct BusAccess {
    /// Port, or physical address of MMIO.
    pub(crate) at: u64,
    pub(crate) size: u8,
    /// The value of a write.
    pub(crate) written: Option<u64>,
    /// Virtual time of the access.
    pub(crate) now: u64,
}

/// A bus whose reads all answer the same, that remembers what was asked.
pub(crate) struct TestBus {
    /// What reads answer, cut to their size.
    pub(crate) answer: u64,
    pub(crate) accesses: Vec<BusAccess>,
    /// What every access reports.
    pub(crate) outcome: Outcome,
    /// A write to a port asserts the interrupt line.
    pub(crate) interrupts: bool,
    /// Levels that FERR# took; asserted, it asserts the interrupt line.
    pub(crate) ferr: Vec<bool>,
    /// Offsets of the time stamp counter that were set.
    pub(crate) tsc_offsets: Vec<u64>,
}

impl TestBus {
    fn note(&mut self, access: Access<'_>, at: u64, size: u8, written: Option<u64>) -> Outcome {
        self.accesses.push(BusAccess { at, size, written, now: access.now.ns() });
        self.outcome
    }
}

impl Bus for TestBus {
    fn port_in(&mut self, access: Access<'_>, port: u16, size: u8) -> (u32, Outcome) {
        let value = self.answer as u32 & u32::MAX >> (32 - 8 * u32::from(size));
        (value, self.note(access, u64::from(port), size, None))
    }
    fn port_out(&mut self, access: Access<'_>, port: u16, size: u8, value: u32) -> Outcome {
        self.outcome.lines.intr |= self.interrupts;
        self.note(access, u64::from(port), size, Some(u64::from(value)))
    }
    fn mmio_read(&mut self, access: Access<'_>, addr: PhysAddr, size: u8) -> (u64, Outcome) {
        (self.answer, self.note(access, addr.0, size, None))
    }
    fn mmio_write(&mut self, access: Access<'_>, addr: PhysAddr, size: u8, value: u64) -> Outcome {
        self.note(access, addr.0, size, Some(value))
    }
    fn state(&self) -> Outcome {
        self.outcome
    }
    fn acknowledge(&mut self, _: Access<'_>) -> (u8, Outcome) {
        self.outcome.lines.intr = false;
        (0x20, self.outcome)
    }
    fn take_nmi(&mut self) -> Outcome {
        self.outcome.lines.nmi = false;
        self.outcome
    }
    fn set_ferr(&mut self, _: Access<'_>, level: bool) -> Outcome {
        self.ferr.push(level);
        self.outcome.lines.intr |= level;
        self.outcome
    }
    fn msr_read(&mut self, _: Access<'_>, _: u32) -> Option<(u64, Outcome)> {
        None
    }
    fn msr_write(&mut self, _: Access<'_>, _: u32, _: u64) -> Option<Outcome> {
        None
    }
    fn set_tsc_offset(&mut self, _: Access<'_>, offset: u64) -> Outcome {
        self.tsc_offsets.push(offset);
        self.outcome
    }
    fn task_priority(&self) -> u8 {
        0
    }
    fn set_task_priority(&mut self, _: Access<'_>, _: u8) -> Outcome {
        self.outcome
    }
}

/// CPU, memory and bus.
pub(crate) struct Machine {
    pub(crate) cpu: Cpu,
    pub(crate) memory: Memory,
    pub(crate) bus: TestBus,
    /// What [`Machine::run`] starts from, and what it left.
    pub(crate) regs: Registers,
}

impl Machine {
    /// At CPL 0 in 64-bit mode, or in protected mode with flat 32-bit or 16-bit segments. There is no
    /// IDT, so that an exception shuts the CPU down; [`Machine::fault`] tells which it was.
    pub(crate) fn new(bits: u32) -> Self {
        Self::with_model(bits, Config::default().model)
    }

    /// The same with another CPU model.
    pub(crate) fn with_model(bits: u32, model: Model) -> Self {
        let memory = Memory::new(4 << 20, 4 << 20).unwrap();
        write_tables(&memory);
        let mut regs = Registers {
            rip: if bits == 16 { 0x7c00 } else { CODE },
            rflags: 2,
            ..Registers::default()
        };
        regs.gpr[4] = STACK;
        regs.cr0 = cr0::PE | cr0::MP | cr0::NE | cr0::WP;
        regs.cr3 = TABLES;
        regs.cr4 = cr4::PAE | cr4::OSFXSR | cr4::OSXMMEXCPT;
        if bits == 64 {
            regs.cr0 |= cr0::PG;
            regs.efer = efer::LME | efer::LMA;
        }
        let mut machine = Self {
            cpu: Cpu::new(&Config { model, ..Config::default() }),
            memory,
            bus: TestBus {
                answer: u64::MAX,
                accesses: Vec::new(),
                interrupts: false,
                ferr: Vec::new(),
                tsc_offsets: Vec::new(),
                outcome: Outcome {
                    cost_ns: 0,
                    next_event: Instant(u64::MAX),
                    lines: Lines::default(),
                    stop: false,
                },
            },
            regs,
        };
        machine.set_segments(bits, 0);
        machine
    }

    /// In real mode, all segments 0, code and stack at 0x7c00.
    pub(crate) fn real() -> Self {
        let mut machine = Self::new(16);
        machine.regs.cr0 = 0;
        machine.regs.segments = [Segment::real_mode(0); 6];
        machine.regs.rip = 0x7c00;
        machine.regs.gpr[4] = 0x7c00;
        machine
    }

    /// Flat segments for code of `bits` at a privilege level.
    pub(crate) fn set_segments(&mut self, bits: u32, cpl: u16) {
        let size = match bits {
            64 => attr::L | attr::G,
            32 => attr::DB | attr::G,
            _ => attr::G,
        };
        let flat = |selector: u16, attributes: u16| Segment {
            selector: Selector(selector | cpl),
            attributes: attributes
                | cpl << attr::DPL_SHIFT
                | attr::P
                | attr::S
                | attr::WRITABLE_OR_READABLE
                | attr::ACCESSED,
            limit: 0xffff_ffff,
            base: 0,
        };
        self.regs.segments = [flat(0x10, attr::DB | attr::G); 6];
        self.regs.segments[SegReg::Cs as usize] = flat(0x08, attr::CODE | size);
    }

    /// GDT, TSS and an IDT whose interrupt gates lead to a HLT each: [`Machine::handled`] then tells
    /// which was entered, and its frame is on the stack. Gates are open to CPL 3.
    pub(crate) fn with_system_tables(bits: u32) -> Self {
        let mut machine = Self::new(bits);
        let size = match bits {
            64 => attr::L,
            32 => attr::DB,
            _ => 0,
        };
        let rw = attr::P | attr::S | attr::G | attr::WRITABLE_OR_READABLE | attr::ACCESSED;
        for (selector, attributes) in [
            (0x08, rw | attr::CODE | size),
            (0x10, rw | attr::DB),
            (0x18, rw | attr::CODE | size | 3 << attr::DPL_SHIFT),
            (0x20, rw | attr::DB | 3 << attr::DPL_SHIFT),
        ] {
            machine.set_descriptor(selector, Descriptor::new(0, 0xfffff, attributes));
        }
        machine.regs.gdtr = TableRegister { base: GDT, limit: 0x1ff };
        machine.regs.idtr = TableRegister { base: IDT, limit: 0xfff };
        machine.regs.tr =
            Segment { selector: Selector(0x28), attributes: attr::P | 11, limit: 0x67, base: TSS };
        machine.set_descriptor(0x28, Descriptor::new(TSS as u32, 0x67, attr::P | 11));
        machine.write(TSS + 4, &INNER_STACK.to_le_bytes());
        if bits != 64 {
            machine.write(TSS + 8, &0x10u64.to_le_bytes());
        }
        for vector in 0..=255u64 {
            machine.set_gate(vector, 0x8e00 | 3 << 13, 0x08, HANDLERS + 16 * vector);
            machine.write(HANDLERS + 16 * vector, &[0xf4]);
        }
        machine
    }

    /// Puts a descriptor into the GDT.
    pub(crate) fn set_descriptor(&mut self, selector: u64, descriptor: Descriptor) {
        self.write(GDT + (selector & !7), &descriptor.0.to_le_bytes());
    }

    /// Puts a gate into the IDT: `bits` are bits 32-47 of a gate (IST, type, DPL, P).
    pub(crate) fn set_gate(&mut self, vector: u64, bits: u64, selector: u64, offset: u64) {
        let low = offset & 0xffff | selector << 16 | bits << 32 | (offset >> 16 & 0xffff) << 48;
        if self.regs.efer & efer::LMA != 0 {
            self.write(IDT + 16 * vector, &low.to_le_bytes());
            self.write(IDT + 16 * vector + 8, &(offset >> 32).to_le_bytes());
        } else {
            self.write(IDT + 8 * vector, &low.to_le_bytes());
        }
    }

    /// Goes to CPL 3 with the selectors of the system tables.
    pub(crate) fn user(&mut self, bits: u32) {
        self.set_segments(bits, 3);
        for segment in &mut self.regs.segments {
            segment.selector = Selector(0x23);
        }
        self.regs.segments[SegReg::Cs as usize].selector = Selector(0x1b);
    }

    /// The vector whose handler's HLT was executed last.
    pub(crate) fn handled(&self) -> Option<u64> {
        let place = self.regs.rip.checked_sub(HANDLERS + 1)?;
        (place.is_multiple_of(16) && place < 16 * 256).then_some(place / 16)
    }

    /// Word `n` of the stack, of `size` bytes.
    pub(crate) fn stack(&self, n: u64, size: usize) -> u64 {
        let mut word = [0; 8];
        word[..size].copy_from_slice(&self.read(self.regs.gpr[4] + n * size as u64, size));
        u64::from_le_bytes(word)
    }

    /// Places code at the instruction pointer and runs exactly `instructions` of it, or less if it
    /// ends otherwise.
    pub(crate) fn run(&mut self, code: &[u8], instructions: u64) -> Exit {
        self.memory.write(PhysAddr(self.regs.rip), code).unwrap();
        self.cpu.set_registers(&self.regs);
        self.resume(instructions)
    }

    /// Runs one instruction and tells which exception it raised.
    pub(crate) fn run_to_fault(&mut self, code: &[u8]) -> Option<Vector> {
        self.run(code, 1);
        self.fault().map(|exception| exception.vector)
    }

    /// Goes on where the CPU is.
    pub(crate) fn resume(&mut self, instructions: u64) -> Exit {
        let limit = self.cpu.retired() + instructions;
        let exit = self.cpu.run(&mut self.bus, &self.memory, limit);
        self.regs = self.cpu.registers();
        exit
    }

    /// The first exception raised, if there was one.
    pub(crate) fn fault(&self) -> Option<Exception> {
        self.cpu.recent_faults().first().map(|record| record.exception)
    }

    /// Sets the entry of a 4 KiB page of the first 2 MiB: [`pte`] bits, 0 to unmap it.
    pub(crate) fn map(&mut self, linear: u64, bits: u64) {
        let entry = linear & !0xfff | bits;
        self.memory
            .write(PhysAddr(TABLES + 0x3000 + (linear >> 12) * 8), &entry.to_le_bytes())
            .unwrap();
    }

    /// Places data.
    pub(crate) fn write(&mut self, address: u64, bytes: &[u8]) {
        self.memory.write(PhysAddr(address), bytes).unwrap();
    }

    /// Data at an address.
    pub(crate) fn read(&self, address: u64, len: usize) -> Vec<u8> {
        let mut bytes = vec![0; len];
        self.memory.read(PhysAddr(address), &mut bytes).unwrap();
        bytes
    }
}

fn write_tables(memory: &Memory) {
    const RIGHTS: u64 = pte::P | pte::RW | pte::US;
    let put = |at: u64, entry: u64| memory.write(PhysAddr(at), &entry.to_le_bytes()).unwrap();
    put(TABLES, (TABLES + 0x1000) | RIGHTS);
    put(TABLES + 0x1000, (TABLES + 0x2000) | RIGHTS);
    put(TABLES + 0x2000, (TABLES + 0x3000) | RIGHTS);
    put(TABLES + 0x2008, 0x20_0000 | RIGHTS | pte::PS);
    for page in 0..512 {
        put(TABLES + 0x3000 + page * 8, page << 12 | RIGHTS);
    }
}

#[test]
fn the_test_machine_counts_exactly() {
    let mut machine = Machine::new(64);

    let exit = machine.run(&[0xeb, 0xfe], 7); // jmp $

    assert_eq!((exit, machine.cpu.retired(), machine.regs.rip), (Exit::Limit, 7, CODE));
}

/// How many samples to take: `BOOTSCOPE_SAMPLES`, or what an ordinary run of the tests takes.
pub(crate) fn samples(ordinary: u64) -> u64 {
    std::env::var("BOOTSCOPE_SAMPLES").map_or(ordinary, |text| {
        text.parse().unwrap_or_else(|_| panic!("BOOTSCOPE_SAMPLES={text} is no number"))
    })
}
