//! IN and OUT: how the register that the [port map](crate::port_map) names answers.
//!
//! A 16 or 32-bit access to 8-bit registers is split into bytes, the lowest first, as the ISA bridge
//! does. The VBE registers are 16 bits wide and answer no other width.

use crate::board::{Board, Counted, Request};
use crate::clock::Timed;
use crate::drives::IdeRegister;
use crate::port_map::Register;
use devices::debug_port::DebugExit;
use devices::pm::Reset;
use memory::Memory;

/// Offset of the 16550's scratch register.
const UART_SCRATCH: u8 = 7;
/// PCI configuration mechanism 1; byte accesses to 0xcf9 in its middle reset.
const PCI_CONFIG: core::ops::RangeInclusive<u16> = 0xcf8..=0xcff;

/// All-ones of an access size in bytes.
pub(crate) const fn ones(size: u8) -> u32 {
    if size >= 4 { u32::MAX } else { (1 << (8 * size)) - 1 }
}

impl Board {
    /// IN of 1, 2 or 4 bytes.
    pub(crate) fn read_port(&mut self, port: u16, size: u8) -> u32 {
        if self.is_debug_exit(port) {
            self.count(Counted::DebugExit);
            return self.debug_exit.read();
        }
        match self.ports.register(port) {
            Register::Ide(channel, IdeRegister::Data) => {
                self.read_ide(channel, IdeRegister::Data, size)
            }
            Register::Ide(channel, register) if size == 1 => self.read_ide(channel, register, 1),
            Register::Pm(offset) => {
                self.count(Counted::Pm);
                self.bring(Timed::Pm);
                let value = self.pm.read(offset, size);
                self.watch_level(Timed::Pm);
                value
            }
            Register::Gpe0(offset) => {
                self.count(Counted::Pm);
                let value = self.pm.read_gpe0(offset, size);
                self.watch_level(Timed::Pm);
                value
            }
            Register::FwCfgDma(offset) => {
                self.count(Counted::FwCfg);
                self.fw_cfg.read_dma(offset, size)
            }
            Register::Pci(0) if size == 4 => {
                self.count_register(Register::Pci(0));
                self.chipset.as_ref().map_or(ones(4), |chipset| chipset.pci.address())
            }
            Register::Vbe(offset) if size == 2 => {
                self.count_register(Register::Vbe(offset));
                self.read_vbe(offset)
            }
            register if size == 1 => u32::from(self.read_byte(register)),
            _ if self.chipset.is_none() && PCI_CONFIG.contains(&port) => {
                self.count(Counted::Absent);
                ones(size)
            }
            _ => {
                let mut value = 0;
                for at in 0..u16::from(size) {
                    let byte = self.read_port(port.wrapping_add(at), 1);
                    value |= byte << (8 * at);
                }
                value
            }
        }
    }

    #[inline(always)]
    fn read_byte(&mut self, register: Register) -> u8 {
        self.count_register(register);
        match register {
            Register::Pic(which, a0) => {
                self.unsettled = true; // a poll acknowledges
                self.pic.read(which, a0)
            }
            Register::Elcr(which) => self.pic.read_elcr(which),
            Register::BusMaster(offset) => self.read_bus_master(offset),
            Register::Pit(offset) => {
                self.bring(Timed::Pit);
                let value = self.pit.read(offset);
                self.watch_level(Timed::Pit);
                value
            }
            Register::Port61 => {
                self.bring(Timed::Pit);
                let value = self.pit.read_port61();
                self.watch_level(Timed::Pit);
                value
            }
            Register::Rtc(offset) => {
                self.bring(Timed::Rtc);
                let value = self.rtc.read(offset);
                self.refresh(Timed::Rtc);
                self.watch_level(Timed::Rtc);
                value
            }
            Register::Uart(offset) => {
                let value = self.uart.read(offset);
                self.refresh(Timed::SerialLine); // a read may have made room
                self.watch_level(Timed::SerialLine);
                value
            }
            // QEMU answers a byte read of either port with data.
            Register::FwCfg(_) => self.fw_cfg.read_data(),
            Register::DebugConsole if self.debugcon => self.debug_console.read(),
            Register::Keyboard(offset) => self.read_keyboard(offset),
            Register::Vga(offset) => self.read_vga(offset),
            Register::Port92 => self.port92.read(),
            Register::Pci(offset) => self.read_pci(offset),
            Register::Apm(offset) => {
                self.chipset.as_ref().map_or(0xff, |chipset| chipset.apm[usize::from(offset & 1)])
            }
            Register::ResetControl => self.reset_control.read(),
            _ => 0xff,
        }
    }

    /// OUT of 1, 2 or 4 bytes.
    pub(crate) fn write_port(&mut self, port: u16, size: u8, value: u32, memory: &Memory) {
        if self.is_debug_exit(port) {
            self.count(Counted::DebugExit);
            self.debug_exit.write(value);
            if let Some(value) = self.debug_exit.take_request() {
                self.request(Request::DebugExit(DebugExit::exit_status(value)));
            }
            return;
        }
        match (self.ports.register(port), size) {
            (Register::Ide(channel, IdeRegister::Data), _) => {
                self.write_ide(channel, IdeRegister::Data, size, value, memory);
            }
            (Register::Ide(channel, register), 1) => {
                self.write_ide(channel, register, 1, value, memory);
            }
            (Register::BusMaster(offset), 1) => {
                self.write_bus_master(offset, value as u8, memory);
            }
            (Register::Pm(offset), _) => {
                self.count(Counted::Pm);
                self.bring(Timed::Pm);
                self.pm.write(offset, size, value);
                self.take_sleep();
                self.refresh(Timed::Pm);
                self.watch_level(Timed::Pm);
            }
            (Register::Gpe0(offset), _) => {
                self.count(Counted::Pm);
                self.pm.write_gpe0(offset, size, value);
                self.watch_level(Timed::Pm);
            }
            (Register::FwCfg(0), 2) => {
                self.count(Counted::FwCfg);
                self.fw_cfg.select(value as u16);
            }
            (Register::FwCfgDma(offset), 4) => {
                self.count(Counted::FwCfg);
                let bytes = self.fw_cfg.write_dma(offset, value, memory);
                self.note_moved(bytes);
            }
            (Register::Pci(0), 4) => {
                self.count_register(Register::Pci(0));
                if let Some(chipset) = &mut self.chipset {
                    chipset.pci.set_address(value);
                }
            }
            (Register::Vbe(offset), 2) => {
                self.count_register(Register::Vbe(offset));
                self.write_vbe(offset, value as u16);
            }
            (register, 1) => self.write_byte(register, value as u8, memory),
            _ if self.chipset.is_none() && PCI_CONFIG.contains(&port) => {
                self.count(Counted::Absent)
            }
            _ => {
                for at in 0..u16::from(size) {
                    self.write_port(port.wrapping_add(at), 1, value >> (8 * at) & 0xff, memory);
                }
            }
        }
    }

    #[inline(always)]
    fn write_byte(&mut self, register: Register, value: u8, memory: &Memory) {
        self.count_register(register);
        match register {
            Register::Pic(which, a0) => {
                self.pic.write(which, a0, value);
                self.unsettled = true;
            }
            Register::Elcr(which) => {
                self.pic.write_elcr(which, value);
                self.unsettled = true;
            }
            Register::Pit(offset) => {
                self.bring(Timed::Pit);
                self.pit.write(offset, value);
                self.refresh(Timed::Pit);
                self.watch_level(Timed::Pit);
            }
            Register::Port61 => {
                self.bring(Timed::Pit);
                self.pit.write_port61(value);
                self.refresh(Timed::Pit);
                self.watch_level(Timed::Pit);
            }
            Register::Rtc(offset) => {
                self.bring(Timed::Rtc);
                self.rtc.write(offset, value);
                self.refresh(Timed::Rtc);
                self.watch_level(Timed::Rtc);
            }
            Register::Uart(offset) => {
                if self.uart.write_ends_interrupt(offset) {
                    self.drop_com1_irq();
                }
                self.uart.write(offset, value);
                self.take_serial_bytes();
                self.refresh(Timed::SerialLine);
                self.watch_level(Timed::SerialLine);
            }
            Register::DebugConsole if self.debugcon => {
                self.debug_console.write(value);
                self.take_debug_bytes();
            }
            Register::CoprocessorError => {
                self.ferr.write();
                self.unsettled = true;
            }
            Register::Port92 => {
                let reset = self.port92.write(value);
                self.obey(reset);
            }
            Register::Pci(offset) => self.write_pci(offset, value, memory),
            Register::Apm(offset) => {
                if let Some(chipset) = &mut self.chipset {
                    chipset.apm[usize::from(offset & 1)] = value;
                }
            }
            Register::ResetControl => {
                let reset = self.reset_control.write(value);
                self.obey(reset);
            }
            Register::Keyboard(offset) => self.write_keyboard(offset, value),
            Register::Bios if self.bios.is_some() => self.request(Request::Bios),
            Register::Vga(offset) => self.write_vga(offset, value),
            _ => {}
        }
    }

    /// A soft reset is an INIT: without firmware nothing would go on from there, so that both reset.
    fn obey(&mut self, reset: Option<Reset>) {
        if reset.is_some() {
            self.request(Request::Reset);
        }
    }

    fn is_debug_exit(&self, port: u16) -> bool {
        self.debug_exit_ports.is_some_and(|(base, size)| port.wrapping_sub(base) < size)
    }

    #[inline(always)]
    fn count_register(&mut self, register: Register) {
        let there = match register {
            Register::Keyboard(_) => self.keyboard.is_some(),
            Register::Vga(_) | Register::Vbe(_) => self.vga.is_some(),
            Register::Bios => self.bios.is_some(),
            _ => true,
        };
        self.count(if there { Self::counted(register) } else { Counted::Absent });
    }

    const fn counted(register: Register) -> Counted {
        match register {
            Register::Pic(..) | Register::Elcr(_) => Counted::Pic,
            Register::Pit(_) | Register::Port61 => Counted::Pit,
            Register::Rtc(_) => Counted::Rtc,
            Register::Uart(_) => Counted::Uart,
            Register::Pm(_) | Register::Gpe0(_) => Counted::Pm,
            Register::FwCfg(_) | Register::FwCfgDma(_) => Counted::FwCfg,
            Register::Ide(..) | Register::BusMaster(_) => Counted::Ide,
            Register::DebugConsole => Counted::DebugConsole,
            Register::CoprocessorError => Counted::Ferr,
            Register::Port92 | Register::ResetControl => Counted::Reset,
            Register::Pci(_) => Counted::Pci,
            Register::Keyboard(_) => Counted::Keyboard,
            Register::Vga(_) | Register::Vbe(_) => Counted::Vga,
            Register::Bios => Counted::Bios,
            Register::Apm(_) | Register::Ignored | Register::Absent => Counted::Absent,
        }
    }

    // ---- many accesses at once ----

    /// The register behind a port if its accesses depend on nothing but their order and change nothing
    /// but the register: no time, wire, event, request or output; and of `most` accesses how many are
    /// so. Where an access is split into bytes, all of them have to lead to such registers, alike.
    pub(crate) fn plain_register(
        &mut self,
        port: u16,
        size: u8,
        most: usize,
        write: bool,
    ) -> Option<(Register, usize)> {
        if self.debug_exit_ports.is_some() {
            return None;
        }
        match self.ports.register(port) {
            register @ (Register::Ignored | Register::Absent) if self.chipset.is_none() => {
                let rest = (1..u16::from(size)).map(|at| port.wrapping_add(at));
                let alike = |port| {
                    matches!(self.ports.register(port), Register::Ignored | Register::Absent)
                };
                let plain = !PCI_CONFIG.contains(&port) && rest.into_iter().all(alike);
                plain.then_some((register, most))
            }
            register @ (Register::FwCfg(_) | Register::Uart(UART_SCRATCH)) if size == 1 => {
                Some((register, most))
            }
            register @ Register::Ide(channel, IdeRegister::Data) if size > 1 => {
                let elements = self.plain_ide_elements(channel, size, most, write);
                (elements > 0).then_some((register, elements))
            }
            _ => None,
        }
    }

    /// As many reads of a plain register as there are bytes.
    pub(crate) fn read_plain(&mut self, register: Register, size: u8, out: &mut [u8]) {
        let accesses = Self::counted_elements(register, size, out);
        self.count_many(Self::counted(register), accesses);
        match register {
            Register::Ide(channel, _) => self.read_ide_data_to(channel, out),
            Register::FwCfg(_) => self.fw_cfg.read_data_to(out),
            Register::Uart(offset) => out.fill(self.uart.read(offset)),
            _ => out.fill(0xff),
        }
    }

    /// As many writes to a plain register as there are bytes.
    pub(crate) fn write_plain(&mut self, register: Register, size: u8, data: &[u8]) {
        let accesses = Self::counted_elements(register, size, data);
        self.count_many(Self::counted(register), accesses);
        match (register, data.last()) {
            (Register::Uart(offset), Some(&last)) => self.uart.write(offset, last),
            (Register::Ide(channel, _), _) => self.write_ide_data_from(channel, data),
            _ => {}
        }
    }

    /// Accesses by which these bytes are counted: each of a split access counts.
    fn counted_elements(register: Register, size: u8, data: &[u8]) -> u64 {
        let whole = matches!(register, Register::Ide(..));
        (data.len() / if whole { usize::from(size.max(1)) } else { 1 }) as u64
    }
}
