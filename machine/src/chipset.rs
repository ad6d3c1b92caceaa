//! What the chipset adds on a machine with firmware or with drives: PCI configuration ports, the memory shown
//! below 1 MiB, and where the power management ports answer.
//!
//! With firmware it begins at reset. Without, it is there for the sake of the IDE function, by which drivers
//! find the drives, and as firmware would leave it: low memory is RAM, the ports answer where the ACPI tables
//! say. A machine without either has none of it, nor has one whose tables name no PCI bus
//! ([`MachineConfig::has_pci`]): the ports of configuration mechanism 1 are absent.
//!
//! ```text
//! 000c0000-000fffff  by PAM registers, 13 segments: RAM or the bus; on the bus answers
//! 000e0000-000fffff  the last 128 KiB of ROM, below it nobody
//! 100000000 - len    all of ROM, to the end of 4 GiB
//! ```

use crate::board::{Board, Counted, Request};
use crate::config::MachineConfig;
use devices::pci::Pci;
use devices::pci::i440fx::{self, Attributes, SEGMENTS, SHADOW_END, SHADOW_START};
use memory::{Memory, PhysAddr, Region, RegionKind};

/// Where ROM ends.
const ROM_END: u64 = 1 << 32;
/// How much of ROM's end the bus shows below 1 MiB.
const LOW_ROM_MAX: u64 = 0x2_0000;
/// Largest ROM: what QEMU's `pc` takes, and well above the I/O APIC.
pub(crate) const ROM_LEN_MAX: u64 = 0x80_0000;

/// The chipset's state.
pub(crate) struct Chipset {
    /// PCI functions.
    pub(crate) pci: Pci,
    /// APM control and status, ports 0xb2 and 0xb3: bytes between firmware and an SMI handler that is
    /// not there.
    pub(crate) apm: [u8; 2],
    /// What memory shows now.
    shown: [Attributes; SEGMENTS],
}

impl Chipset {
    /// The chipset of a machine at its start; `None` if it has no PCI.
    pub(crate) fn of(config: &MachineConfig) -> Option<Self> {
        let pci = match config.rom {
            Some(_) => Pci::new(config.has_drives()),
            None => Pci::set_up(config.has_drives(), boot::acpi::PM1A_EVT_PORT),
        };
        // Low memory is RAM unless a ROM is shown.
        let shown = pci.shadow();
        config.has_pci().then_some(Self { pci, apm: [0; 2], shown })
    }
}

/// Shows ROM at the end of 4 GiB, and below 1 MiB what the bus has there: the map at reset.
pub(crate) fn show_rom(memory: &Memory) {
    let offset = memory.rom_offset();
    let len = memory.ram().len() - offset;
    memory.show(Region { start: ROM_END - len, len, offset, kind: RegionKind::Rom });
    for index in 0..SEGMENTS {
        show(memory, index, Attributes::default());
    }
}

/// Shows what one segment's attributes say.
fn show(memory: &Memory, index: usize, attributes: Attributes) {
    let (start, len) = i440fx::segment(index);
    let (rom, end) = (memory.rom_offset(), memory.ram().len());
    let region = match attributes {
        Attributes { read_ram: true, write_ram } => {
            let kind = if write_ram { RegionKind::Ram } else { RegionKind::Rom };
            Some(Region { start, len, offset: start, kind })
        }
        Attributes { read_ram: false, .. } => {
            let low = (end - rom).min(LOW_ROM_MAX);
            let from = SHADOW_END - low;
            (start >= from).then(|| {
                let offset = end - low + (start - from);
                Region { start, len, offset, kind: RegionKind::Rom }
            })
        }
    };
    match region {
        Some(region) => memory.show(region),
        None => memory.hide(start, len),
    }
}

impl Board {
    /// 32 bits of the address register, or one byte of the data window.
    pub(crate) fn read_pci(&mut self, offset: u8) -> u8 {
        self.chipset.as_ref().map_or(0xff, |chipset| match offset {
            4..=7 => chipset.pci.read_data(offset - 4),
            _ => 0xff,
        })
    }

    /// A write to the data window; from now on memory may show something else, and a bus master that
    /// waits for its permission may go on.
    pub(crate) fn write_pci(&mut self, offset: u8, value: u8, memory: &Memory) {
        let Some(chipset) = &mut self.chipset else { return };
        if let 4..=7 = offset {
            let was_master = chipset.pci.ide_is_master();
            chipset.pci.write_data(offset - 4, value);
            let becomes_master = chipset.pci.ide_is_master() && !was_master;
            if chipset.pci.shadow() != chipset.shown {
                self.request(Request::Remap);
            }
            self.ports.follow(self.present());
            if becomes_master {
                self.start_bus_masters(memory);
            }
        }
    }

    /// Lets memory show what the PAM registers say; true if that is something else than before.
    pub(crate) fn remap(&mut self, memory: &Memory) -> bool {
        let Some(chipset) = &mut self.chipset else { return false };
        let wanted = chipset.pci.shadow();
        let changed = wanted != chipset.shown;
        for (index, attributes) in wanted.into_iter().enumerate() {
            if chipset.shown[index] != attributes {
                show(memory, index, attributes);
            }
        }
        chipset.shown = wanted;
        changed
    }

    /// A write below 1 MiB that no memory took: true if it goes to RAM that reads do not see.
    pub(crate) fn write_shadow(&mut self, addr: PhysAddr, bytes: &[u8], memory: &Memory) -> bool {
        let Some(chipset) = &self.chipset else { return false };
        if !(SHADOW_START..SHADOW_END).contains(&addr.0) {
            return false;
        }
        let covers = |&index: &usize| {
            let (start, len) = i440fx::segment(index);
            (start..start + len).contains(&addr.0)
        };
        let index = (0..SEGMENTS).find(covers);
        let writable = index.is_some_and(|index| chipset.shown[index].write_ram);
        if writable {
            memory.note_write(addr.0, bytes.len() as u64);
            memory.ram().write(addr.0, bytes);
        }
        self.count(Counted::Absent);
        true
    }
}
