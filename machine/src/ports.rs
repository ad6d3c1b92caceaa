//! THE port map: which register of which device answers at an I/O port.
//!
//! Follows: Intel 82371AB (PIIX4) datasheet, "I/O Address Map", for what a PC fixes; the constants of
//! the ACPI tables for what they announce; QEMU for the ports that exist only in emulators.
//!
//! A 16 or 32-bit access to 8-bit registers is split into bytes, the lowest first, as the ISA bridge
//! does. Ports of absent devices read all-ones and swallow writes; guests rely on it to find out what
//! is not there (further serial ports, PCI). VGA and keyboard controller are there if the machine has
//! them. The VBE registers are 16 bits wide and answer no other width.

use crate::board::{Board, Counted, Request};
use crate::clock::Timed;
use crate::drives::IdeRegister;
use boot::acpi;
use devices::debug_port::DebugExit;
use devices::pic::Which;
use devices::pm::{Reset, spec as pm};
use memory::Memory;

/// A device register as its port names it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Register {
    /// 8259A; the address line A0.
    Pic(Which, u8),
    /// Edge/level control register.
    Elcr(Which),
    /// 8254 at this offset.
    Pit(u8),
    /// The timer bits of port 0x61.
    Port61,
    /// CMOS index (0) or data (1).
    Rtc(u8),
    /// 16550 at this offset.
    Uart(u8),
    /// PM1 event, control and timer block at this offset.
    Pm(u16),
    /// General-purpose events at this offset.
    Gpe0(u16),
    /// fw_cfg selector (0) or data (1).
    FwCfg(u8),
    /// fw_cfg DMA address at this offset.
    FwCfgDma(u8),
    /// IDE channel (0 or 1) and its register.
    Ide(u8, IdeRegister),
    /// IDE bus masters at this offset.
    BusMaster(u8),
    /// Debug console.
    DebugConsole,
    /// Coprocessor error: IGNNE# and the end of IRQ 13.
    CoprocessorError,
    /// System control port A.
    Port92,
    /// Reset control.
    ResetControl,
    /// PCI configuration mechanism 1: address register (0) and data window (4 to 7).
    Pci(u8),
    /// APM control (0) or status (1).
    Apm(u8),
    /// Keyboard controller: data (0), status and command (4).
    Keyboard(u8),
    /// VGA register at this offset from 0x3b0.
    Vga(u8),
    /// Bochs VBE index (0) or data (1).
    Vbe(u8),
    /// Written for a delay or a side effect that is not modelled: POST codes.
    Ignored,
    /// No device.
    Absent,
}

const PM_END: u16 = acpi::PM1A_EVT_PORT + pm::BLOCK_LEN - 1;
const GPE0_END: u16 = acpi::GPE0_PORT + pm::GPE0_LEN - 1;
/// Offset of the 16550's scratch register.
const UART_SCRATCH: u8 = 7;
/// PCI configuration mechanism 1; byte accesses to 0xcf9 in its middle reset.
const PCI_CONFIG: core::ops::RangeInclusive<u16> = 0xcf8..=0xcff;
/// First port of the VGA.
const VGA_BASE: u16 = 0x3b0;

/// Ports below this have a table: all that guests access often.
const TABLE_PORTS: usize = 0x700;

static TABLE: [Register; TABLE_PORTS] = {
    let mut table = [Register::Absent; TABLE_PORTS];
    let mut port = 0;
    while port < TABLE_PORTS {
        table[port] = map(port as u16);
        port += 1;
    }
    table
};

/// The register at a port.
#[inline]
pub(crate) fn decode(port: u16) -> Register {
    TABLE.get(usize::from(port)).copied().unwrap_or_else(|| map(port))
}

/// The map.
const fn map(port: u16) -> Register {
    match port {
        0x020 | 0x021 => Register::Pic(Which::Master, port as u8 & 1),
        0x040..=0x043 => Register::Pit(port as u8 & 3),
        0x061 => Register::Port61,
        0x060 | 0x064 => Register::Keyboard(port as u8 & 4),
        0x070 | 0x071 => Register::Rtc(port as u8 & 1),
        0x080 | 0x0ed => Register::Ignored,
        0x092 => Register::Port92,
        0x0a0 | 0x0a1 => Register::Pic(Which::Slave, port as u8 & 1),
        0x0b2 | 0x0b3 => Register::Apm(port as u8 & 1),
        0x0e9 | 0x402 => Register::DebugConsole,
        0x0f0 => Register::CoprocessorError,
        0x1ce | 0x1cf => Register::Vbe(port as u8 & 1),
        0x3b4 | 0x3b5 | 0x3ba | 0x3c0..=0x3cf | 0x3d4 | 0x3d5 | 0x3da => {
            Register::Vga((port - VGA_BASE) as u8)
        }
        0x170 => Register::Ide(1, IdeRegister::Data),
        0x171..=0x177 => Register::Ide(1, IdeRegister::Command(port as u8 & 7)),
        0x1f0 => Register::Ide(0, IdeRegister::Data),
        0x1f1..=0x1f7 => Register::Ide(0, IdeRegister::Command(port as u8 & 7)),
        0x376 => Register::Ide(1, IdeRegister::Control),
        0x3f6 => Register::Ide(0, IdeRegister::Control),
        0x3f8..=0x3ff => Register::Uart(port as u8 & 7),
        0x4d0 => Register::Elcr(Which::Master),
        0x4d1 => Register::Elcr(Which::Slave),
        0x510 | 0x511 => Register::FwCfg(port as u8 & 1),
        0x514..=0x51b => Register::FwCfgDma((port - 0x514) as u8),
        acpi::PM1A_EVT_PORT..=PM_END => Register::Pm(port - acpi::PM1A_EVT_PORT),
        acpi::RESET_PORT => Register::ResetControl,
        0xcf8..=0xcff => Register::Pci((port - 0xcf8) as u8),
        acpi::GPE0_PORT..=GPE0_END => Register::Gpe0(port - acpi::GPE0_PORT),
        _ => Register::Absent,
    }
}

// The tables announce one block; the device has one layout.
const _: () = assert!(
    acpi::PM1A_CNT_PORT == acpi::PM1A_EVT_PORT + pm::PM1_CNT
        && acpi::PM_TMR_PORT == acpi::PM1A_EVT_PORT + pm::PM_TMR
);

/// True for what a machine with hardware-reduced ACPI does not have.
const fn is_reduced_away(register: Register) -> bool {
    matches!(
        register,
        Register::Pic(..)
            | Register::Elcr(_)
            | Register::Pit(_)
            | Register::Port61
            | Register::Rtc(_)
            | Register::Pm(_)
            | Register::Gpe0(_)
    )
}

/// All-ones of an access size in bytes.
pub(crate) const fn ones(size: u8) -> u32 {
    if size >= 4 { u32::MAX } else { (1 << (8 * size)) - 1 }
}

impl Board {
    /// The register at a port of this machine: not every machine has every device, and firmware decides
    /// where some of them are.
    fn decode(&self, port: u16) -> Register {
        match decode(port) {
            Register::Ide(..) if self.ide.is_none() => Register::Absent,
            register if self.sleep_block.is_some() && is_reduced_away(register) => Register::Absent,
            Register::Absent | Register::Pm(_) if self.chipset.is_some() => {
                let bus_master = || self.bus_master_offset(port).map(Register::BusMaster);
                let pm = self.pm_offset(port).map(Register::Pm);
                pm.or_else(bus_master).unwrap_or(Register::Absent)
            }
            register => register,
        }
    }

    /// IN of 1, 2 or 4 bytes.
    pub(crate) fn read_port(&mut self, port: u16, size: u8) -> u32 {
        if self.is_debug_exit(port) {
            self.count(Counted::DebugExit);
            return self.debug_exit.read();
        }
        match self.decode(port) {
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
        match (self.decode(port), size) {
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
                self.fw_cfg.write_dma(offset, value, memory);
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
            (register, 1) => self.write_byte(register, value as u8),
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

    fn write_byte(&mut self, register: Register, value: u8) {
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
            Register::Pci(offset) => self.write_pci(offset, value),
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

    fn count_register(&mut self, register: Register) {
        let there = match register {
            Register::Keyboard(_) => self.keyboard.is_some(),
            Register::Vga(_) | Register::Vbe(_) => self.vga.is_some(),
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
        match self.decode(port) {
            register @ (Register::Ignored | Register::Absent) if self.chipset.is_none() => {
                let rest = (1..u16::from(size)).map(|at| port.wrapping_add(at));
                let alike =
                    |port| matches!(self.decode(port), Register::Ignored | Register::Absent);
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
