//! The board through the eyes of the CPU: ports, MMIO, interrupt lines, time.

use crate::board::Board;
use crate::config::MachineConfig;
use arch::time::Instant;
use cpu::bus::{Access, Bus, Outcome};
use memory::{Memory, PhysAddr};
use std::rc::Rc;

mod console;
mod interrupts;
mod ports;
mod serial;

const LAPIC: u64 = 0xfee0_0000;
const IOAPIC: u64 = 0xfec0_0000;

/// A board with a bus master that keeps time.
pub(super) struct Bench {
    pub(super) board: Board,
    pub(super) memory: Memory,
    now: Instant,
    last: Outcome,
}

impl Bench {
    fn new() -> Self {
        Self::with(&MachineConfig::default())
    }

    pub(super) fn with(config: &MachineConfig) -> Self {
        let board = Board::new(config, config.rtc_base, Rc::default());
        let memory = Memory::new(1 << 20, 3 << 30).unwrap();
        let last = board.state();
        Self { board, memory, now: Instant::ZERO, last }
    }

    pub(super) fn input(&mut self, port: u16, size: u8) -> u32 {
        let access = Access { now: self.now, memory: &self.memory, cpu: 0 };
        let (value, outcome) = self.board.port_in(access, port, size);
        self.last = outcome;
        value
    }

    pub(super) fn out(&mut self, port: u16, size: u8, value: u32) {
        let access = Access { now: self.now, memory: &self.memory, cpu: 0 };
        self.last = self.board.port_out(access, port, size, value);
    }

    pub(super) fn outb(&mut self, port: u16, values: &[u8]) {
        for &value in values {
            self.out(port, 1, u32::from(value));
        }
    }

    fn load(&mut self, addr: u64) -> u32 {
        let access = Access { now: self.now, memory: &self.memory, cpu: 0 };
        let (value, outcome) = self.board.mmio_read(access, PhysAddr(addr), 4);
        self.last = outcome;
        value as u32
    }

    fn store(&mut self, addr: u64, value: u32) {
        let access = Access { now: self.now, memory: &self.memory, cpu: 0 };
        self.last = self.board.mmio_write(access, PhysAddr(addr), 4, u64::from(value));
    }

    fn redirect(&mut self, pin: u32, entry: u32) {
        self.store(IOAPIC, 0x10 + 2 * pin);
        self.store(IOAPIC + 0x10, entry);
    }

    /// Lets time pass; the CPU's part is done by its own event exits.
    pub(super) fn wait(&mut self, ns: u64) {
        self.now = self.now.after(ns);
        self.board.catch_up(self.now);
        self.last = self.board.state();
    }

    pub(super) fn acknowledge(&mut self) -> u8 {
        assert!(self.board.state().lines.intr, "INTA needs a request");
        let access = Access { now: self.now, memory: &self.memory, cpu: 0 };
        let (vector, outcome) = self.board.acknowledge(access);
        self.last = outcome;
        vector
    }

    /// 8259A pair as Linux programs it: vectors from 0x30 and 0x38, everything unmasked.
    pub(super) fn program_pic(&mut self) {
        for (command, data, base, cascade) in [(0x20, 0x21, 0x30, 4), (0xa0, 0xa1, 0x38, 2)] {
            self.outb(command, &[0x11]);
            self.outb(data, &[base, cascade, 1, 0]);
        }
    }

    /// Counter 0 in mode 2 with this divisor. OUT0, low at power-on, rises with the control word.
    fn program_pit(&mut self, divisor: u16) {
        self.outb(0x43, &[0x34]);
        self.outb(0x40, &divisor.to_le_bytes());
    }
}
