//! Accesses by physical address: RAM, ROM, and what answers on the bus.
//!
//! Naturally aligned accesses of at most 8 bytes reach a device; wider and unaligned ones are cut. Writes
//! to decoded code are noticed here.

use crate::cpu::Cpu;
use crate::flags::Width;
use memory::{Backing, PhysAddr};

impl Cpu {
    /// Reads a value within one page.
    pub(super) fn load_physical<W: Width>(&mut self, addr: PhysAddr) -> W {
        let mut bytes = [0; 8];
        self.read_physical(addr, &mut bytes[..W::BYTES as usize]);
        W::from_u64(u64::from_le_bytes(bytes))
    }

    /// Writes a value within one page.
    pub(super) fn store_physical<W: Width>(&mut self, addr: PhysAddr, value: W) {
        let bytes = value.to_u64().to_le_bytes();
        self.write_physical(addr, &bytes[..W::BYTES as usize]);
    }

    /// Reads physical memory within one page: RAM, ROM or MMIO.
    pub(super) fn read_physical(&mut self, addr: PhysAddr, out: &mut [u8]) {
        let memory = self.memory();
        match memory.backing(addr) {
            Backing::Ram { offset } | Backing::Rom { offset } => {
                memory.ram().read(offset + addr.page_offset(), out);
            }
            Backing::Hole => self.mmio(addr, out.len(), |cpu, addr, at, len| {
                let value = cpu.mmio_read(addr, len as u8).to_le_bytes();
                out[at..at + len].copy_from_slice(&value[..len]);
            }),
        }
    }

    /// Writes physical memory within one page. Bytes written where no RAM is go to the board.
    pub(super) fn write_physical(&mut self, addr: PhysAddr, bytes: &[u8]) {
        let memory = self.memory();
        if let Backing::Ram { offset } = memory.backing(addr) {
            let offset = offset + addr.page_offset();
            memory.note_write(offset, bytes.len() as u64);
            memory.ram().write(offset, bytes);
            self.drain_stale_code();
            return;
        }
        self.mmio(addr, bytes.len(), |cpu, addr, at, len| {
            let mut value = [0; 8];
            value[..len].copy_from_slice(&bytes[at..at + len]);
            cpu.mmio_write(addr, len as u8, u64::from_le_bytes(value));
        });
    }

    /// Cuts a range into naturally aligned accesses of at most 8 bytes; `access` gets the place and
    /// the length of each within the range.
    fn mmio(
        &mut self,
        addr: PhysAddr,
        bytes: usize,
        mut access: impl FnMut(&mut Self, PhysAddr, usize, usize),
    ) {
        let mut at = 0;
        while at < bytes {
            let addr = addr.0 + at as u64;
            let aligned = 1 << addr.trailing_zeros().min(3);
            let len = (1 << (bytes - at).min(8).ilog2()).min(aligned);
            access(self, PhysAddr(addr), at, len);
            at += len;
        }
    }

    fn mmio_read(&mut self, addr: PhysAddr, size: u8) -> u64 {
        let memory = self.memory();
        let access = self.access(memory);
        let (value, outcome) = self.bus().mmio_read(access, addr, size);
        self.log.mmio(self.retired(), addr, size, value, false);
        self.settle(outcome);
        value
    }

    fn mmio_write(&mut self, addr: PhysAddr, size: u8, value: u64) {
        let memory = self.memory();
        let access = self.access(memory);
        self.log.mmio(self.retired(), addr, size, value, true);
        let outcome = self.bus().mmio_write(access, addr, size, value);
        self.settle(outcome);
        self.drain_stale_code();
    }
}
