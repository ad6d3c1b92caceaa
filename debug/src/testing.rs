//! A CPU on a memory of 2 MiB for tests: code in, story out.
//!
//! ```text
//! 0x01000-0x04fff  page tables, which map the first 2 MiB one to one by 4 KiB pages
//! 0x05000          GDT: null, 64-bit code at 8, data at 16
//! 0x06000          IDT, empty
//! 0x10000          CODE
//! 0x90000          top of the stack
//! ```

use arch::control::{cr0, cr4, efer};
use arch::paging::pte;
use arch::segment::{Descriptor, SegReg, Segment, Selector, TableRegister};
use arch::time::Instant;
use cpu::bus::{Access, Bus, Lines, Outcome};
use cpu::{Config, Cpu, Exit, Registers};
use memory::{Memory, PhysAddr};

pub(crate) const CODE: u64 = 0x1_0000;
pub(crate) const STACK: u64 = 0x9_0000;
pub(crate) const TABLES: u64 = 0x1000;
pub(crate) const GDT: u64 = 0x5000;
pub(crate) const IDT: u64 = 0x6000;

/// A bus without devices.
pub(crate) struct NoDevices;

impl Bus for NoDevices {
    fn port_in(&mut self, _: Access<'_>, _: u16, _: u8) -> (u32, Outcome) {
        (u32::MAX, self.state())
    }
    fn port_out(&mut self, _: Access<'_>, _: u16, _: u8, _: u32) -> Outcome {
        self.state()
    }
    fn mmio_read(&mut self, _: Access<'_>, _: PhysAddr, _: u8) -> (u64, Outcome) {
        (u64::MAX, self.state())
    }
    fn mmio_write(&mut self, _: Access<'_>, _: PhysAddr, _: u8, _: u64) -> Outcome {
        self.state()
    }
    fn state(&self) -> Outcome {
        Outcome { cost_ns: 0, next_event: Instant(u64::MAX), lines: Lines::default(), stop: false }
    }
    fn acknowledge(&mut self, _: Access<'_>) -> (u8, Outcome) {
        (0x20, self.state())
    }
    fn take_nmi(&mut self) -> Outcome {
        self.state()
    }
    fn msr_read(&mut self, _: Access<'_>, _: u32) -> Option<(u64, Outcome)> {
        None
    }
    fn msr_write(&mut self, _: Access<'_>, _: u32, _: u64) -> Option<Outcome> {
        None
    }
    fn set_tsc_offset(&mut self, _: Access<'_>, _: u64) -> Outcome {
        self.state()
    }
    fn task_priority(&self) -> u8 {
        0
    }
    fn set_task_priority(&mut self, _: Access<'_>, _: u8) -> Outcome {
        self.state()
    }
}

/// CPU and memory.
pub(crate) struct Small {
    pub(crate) cpu: Cpu,
    pub(crate) memory: Memory,
}

impl Small {
    /// At CPL 0 in 64-bit mode, with an IDT of no entries.
    pub(crate) fn long(code: &[u8]) -> Self {
        let memory = Memory::new(2 << 20, 2 << 20).unwrap();
        let rights = pte::P | pte::RW | pte::US;
        for level in 0..3 {
            put(&memory, TABLES + level * 0x1000, (TABLES + (level + 1) * 0x1000) | rights);
        }
        for page in 0..512 {
            put(&memory, TABLES + 0x3000 + page * 8, (page * 0x1000) | rights);
        }
        put(&memory, GDT + 8, Descriptor::new(0, 0xf_ffff, 0xa09b).0);
        put(&memory, GDT + 16, Descriptor::new(0, 0xf_ffff, 0xc093).0);
        memory.write(PhysAddr(CODE), code).unwrap();
        let mut cpu = Cpu::new(&Config::default());
        cpu.set_registers(&long_registers());
        Self { cpu, memory }
    }

    /// Changes registers.
    pub(crate) fn with(mut self, change: impl FnOnce(&mut Registers)) -> Self {
        let mut registers = self.cpu.registers();
        change(&mut registers);
        self.cpu.set_registers(&registers);
        self
    }

    /// Changes the paging entry of a page below 2 MiB.
    pub(crate) fn page(self, linear: u64, entry: u64) -> Self {
        put(&self.memory, TABLES + 0x3000 + (linear >> 12) * 8, entry);
        self
    }

    /// Makes a 64-bit interrupt gate.
    pub(crate) fn gate(self, vector: u64, handler: u64) -> Self {
        let low = handler & 0xffff | 8 << 16 | 0x8e << 40 | (handler >> 16 & 0xffff) << 48;
        put(&self.memory, IDT + vector * 16, low);
        put(&self.memory, IDT + vector * 16 + 8, handler >> 32);
        self.with(|registers| registers.idtr.limit = 0xfff)
    }

    pub(crate) fn run(&mut self, limit: u64) -> Exit {
        self.cpu.run(&mut NoDevices, &self.memory, limit)
    }
}

pub(crate) fn put(memory: &Memory, addr: u64, value: u64) {
    memory.write(PhysAddr(addr), &value.to_le_bytes()).unwrap();
}

fn long_registers() -> Registers {
    let mut registers = Registers { rip: CODE, rflags: 2, ..Registers::default() };
    registers.gpr[4] = STACK;
    registers.cr0 = cr0::PE | cr0::PG | cr0::NE | cr0::WP;
    registers.cr3 = TABLES;
    registers.cr4 = cr4::PAE;
    registers.efer = efer::LME | efer::LMA | efer::NXE;
    registers.gdtr = TableRegister { base: GDT, limit: 0x17 };
    registers.idtr = TableRegister { base: IDT, limit: 0 };
    let data = Segment::from_descriptor(Selector(16), Descriptor::new(0, 0xf_ffff, 0xc093));
    registers.segments = [data; 6];
    let code = Descriptor::new(0, 0xf_ffff, 0xa09b);
    registers.segments[SegReg::Cs as usize] = Segment::from_descriptor(Selector(8), code);
    registers
}
