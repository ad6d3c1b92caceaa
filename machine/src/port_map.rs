//! THE port map: which register of which device is at an I/O port.
//!
//! Follows: Intel 82371AB (PIIX4) datasheet, "I/O Address Map", for what a PC fixes; the constants of
//! the ACPI tables for what they announce; QEMU for the ports that exist only in emulators.
//!
//! Ports of absent devices read all-ones and swallow writes; guests rely on it to find out what is not
//! there (further serial ports, PCI). VGA, keyboard controller and BIOS services keep their names here
//! where they are absent: the reset line that the controller pulses is the chipset's.

use crate::chipset::Chipset;
use crate::drives::{BUS_MASTER_PORTS, IdeRegister};
use boot::acpi;
use devices::pic::Which;
use devices::pm::spec as pm;

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
    /// Entry code of BIOS services.
    Bios,
    /// Written for a delay or a side effect that is not modelled: POST codes.
    Ignored,
    /// No device.
    Absent,
}

const GPE0_END: u16 = acpi::GPE0_PORT + pm::GPE0_LEN - 1;
/// First port of the VGA.
const VGA_BASE: u16 = 0x3b0;

/// Ports below this have a table: all that guests access often.
const TABLE_PORTS: usize = 0x700;

/// What decides which of the ports answer on a machine.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Present {
    /// IDE channels.
    ide: bool,
    /// Everything that hardware-reduced ACPI leaves out.
    whole: bool,
    /// First port of the power management block.
    pm: Option<u16>,
    /// First port of the IDE bus masters.
    bus_master: Option<u16>,
}

/// The map of one machine: not every machine has every device, and firmware decides where some of
/// them are. A table, since every access to a port begins here.
pub(crate) struct PortMap {
    present: Present,
    table: Box<[Register; TABLE_PORTS]>,
}

impl PortMap {
    /// The map of a machine that has this.
    pub(crate) fn new(present: Present) -> Self {
        let mut table = Box::new([Register::Absent; TABLE_PORTS]);
        for (port, register) in (0..).zip(table.iter_mut()) {
            *register = present.register(port);
        }
        Self { present, table }
    }

    /// The register at a port.
    #[inline]
    pub(crate) fn register(&self, port: u16) -> Register {
        let by_table = self.table.get(usize::from(port)).copied();
        by_table.unwrap_or_else(|| self.present.register(port))
    }

    /// Follows what firmware has decided.
    pub(crate) fn follow(&mut self, present: Present) {
        if present != self.present {
            *self = Self::new(present);
        }
    }
}

impl Present {
    /// What a machine has with these parts.
    pub(crate) fn new(chipset: Option<&Chipset>, ide: bool, reduced: bool) -> Self {
        let fixed = Some(acpi::PM1A_EVT_PORT);
        Self {
            ide,
            whole: !reduced,
            pm: chipset.map_or(fixed, |chipset| chipset.pci.pm_base()),
            bus_master: chipset.filter(|_| ide).and_then(|chipset| chipset.pci.bus_master_base()),
        }
    }

    /// The register at a port. Where a block that moves lies on something fixed, the fixed one answers.
    fn register(self, port: u16) -> Register {
        match map(port) {
            Register::Ide(..) if !self.ide => Register::Absent,
            register if !self.whole && is_reduced_away(register) => Register::Absent,
            Register::Absent => {
                let pm = offset(port, self.pm, pm::BLOCK_LEN).map(Register::Pm);
                let bus_master = || offset(port, self.bus_master, BUS_MASTER_PORTS);
                let bus_master = || bus_master().map(|offset| Register::BusMaster(offset as u8));
                pm.filter(|_| self.whole).or_else(bus_master).unwrap_or(Register::Absent)
            }
            register => register,
        }
    }
}

/// Offset of a port in a block that begins at `base`, if it is there.
fn offset(port: u16, base: Option<u16>, len: u16) -> Option<u16> {
    let offset = port.wrapping_sub(base?);
    (offset < len).then_some(offset)
}

/// The ports that a PC fixes, and those of the ACPI tables but the power management block.
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
        boot::bios::PORT => Register::Bios,
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
            | Register::Gpe0(_)
    )
}
