//! THE map above RAM: memory-mapped registers at physical addresses without RAM.
//!
//! | address | what answers |
//! |---|---|
//! | 0x000a_0000, 128 KiB | VGA, where its memory map says so |
//! | 0xfec0_0000, 4 KiB | I/O APIC |
//! | IA32_APIC_BASE, 4 KiB (0xfee0_0000) | local APIC, in xAPIC mode |
//! | 0xc_0000 to 0xf_ffff, with PCI | writes to RAM that is not shown (`chipset.rs`) |
//! | 0xfea0_0200, 3 bytes, with `--acpi reduced` | sleep and reset registers |
//! | else | nobody: all-ones |
//!
//! Display memory is made of bytes. The APICs have 32-bit registers. A narrower read takes its part of the
//! register; a 64-bit read gets zeros above. A write narrower than 32 bits to the local APIC does nothing
//! (SDM Vol. 3A, "APIC Register Address Map": such accesses are undefined); the I/O APIC takes any width.

use crate::board::{Board, Counted, Request};
use crate::clock::Timed;
use boot::acpi;
use devices::pm::{SLEEP_BLOCK_LEN, SleepRequest};
use memory::{Memory, PAGE_SIZE, PhysAddr};

/// A register as its address names it: byte offset within the device's page.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Register {
    Lapic(u16),
    Ioapic(u16),
    /// Sleep and reset registers at this offset.
    Sleep(u8),
    /// Display memory at this offset in the VGA's window.
    Vga(u32),
    Absent,
}

/// Registers of hardware-reduced ACPI.
const SLEEP_BLOCK: core::ops::Range<u64> =
    acpi::SLEEP_CONTROL_ADDR..acpi::SLEEP_CONTROL_ADDR + SLEEP_BLOCK_LEN as u64;
const _: () = assert!(acpi::REDUCED_RESET_ADDR == acpi::SLEEP_CONTROL_ADDR + 2);
const IOAPIC_PAGE: u64 = acpi::IOAPIC_ADDR as u64;
const _: () = assert!(IOAPIC_PAGE.is_multiple_of(PAGE_SIZE));

impl Board {
    fn decode_mmio(&self, addr: PhysAddr) -> Register {
        let (page, offset) = (addr.page_base().0, addr.page_offset() as u16);
        if page == self.lapic.page() && self.lapic.has_page() {
            Register::Lapic(offset)
        } else if page == IOAPIC_PAGE {
            Register::Ioapic(offset)
        } else if self.sleep_block.is_some() && SLEEP_BLOCK.contains(&addr.0) {
            Register::Sleep((addr.0 - SLEEP_BLOCK.start) as u8)
        } else if let Some(offset) = self.in_vga_window(addr.0) {
            Register::Vga(offset)
        } else {
            Register::Absent
        }
    }

    /// Read of 1, 2, 4 or 8 bytes.
    pub(crate) fn read_mmio(&mut self, addr: PhysAddr, size: u8) -> u64 {
        let register = match self.decode_mmio(addr) {
            Register::Lapic(offset) => {
                self.count(Counted::Lapic);
                self.bring(Timed::Lapic);
                self.unsettled = true; // a register that does not exist is an error, which interrupts
                self.lapic.read(offset & !3)
            }
            Register::Ioapic(offset) => {
                self.count(Counted::Ioapic);
                self.ioapic.read(offset & !3)
            }
            Register::Sleep(offset) => {
                self.count(Counted::Pm);
                return self.sleep_block.map_or(0, |block| block.read(offset).into());
            }
            Register::Vga(offset) => {
                self.count(Counted::Vga);
                return self.read_vga_memory(offset, size);
            }
            Register::Absent => {
                self.count(Counted::Absent);
                return u64::MAX >> (64 - 8 * u32::from(size.clamp(1, 8)));
            }
        };
        u64::from(register) >> (8 * (addr.0 & 3))
    }

    /// Write of 1, 2, 4 or 8 bytes.
    pub(crate) fn write_mmio(&mut self, addr: PhysAddr, size: u8, value: u64, memory: &Memory) {
        match self.decode_mmio(addr) {
            Register::Lapic(offset) => {
                self.count(Counted::Lapic);
                if size < 4 {
                    return;
                }
                self.bring(Timed::Lapic);
                self.lapic.write(offset, value as u32);
                self.refresh(Timed::Lapic);
                self.unsettled = true;
            }
            Register::Ioapic(offset) => {
                self.count(Counted::Ioapic);
                self.ioapic.write(offset, value as u32);
                self.ioapic_touched = true;
                self.unsettled = true;
            }
            Register::Sleep(offset) => {
                self.count(Counted::Pm);
                let block = self.sleep_block.as_mut();
                match block.and_then(|block| block.write(offset, value as u8)) {
                    Some(SleepRequest::PowerOff) => self.request(Request::PowerOff),
                    Some(SleepRequest::Reset) => self.request(Request::Reset),
                    None => {}
                }
            }
            Register::Vga(offset) => {
                self.count(Counted::Vga);
                self.write_vga_memory(offset, size, value);
            }
            Register::Absent => {
                let bytes = value.to_le_bytes();
                if !self.write_shadow(addr, &bytes[..usize::from(size.clamp(1, 8))], memory) {
                    self.count(Counted::Absent);
                }
            }
        }
    }
}
