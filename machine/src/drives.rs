//! The drives of the machine: what is configured, the IDE ports, what guests have written.
//!
//! Where no drive is configured there is no IDE controller: its ports read all-ones.
//!
//! The bus master registers are where firmware puts them by the controller's PCI function (without firmware at
//! 0xc000), and they transfer nothing before its command register lets it access memory. A machine without
//! PCI (`chipset.rs`) has neither.

use crate::board::{Board, Counted};
use crate::clock::Timed;
use crate::machine::Machine;
use devices::ata::{Drive, Ide, Media, Written};
use memory::Memory;
use std::sync::Arc;

/// Places for drives: primary device 0 and 1, secondary device 0 and 1.
pub const DRIVES: usize = 4;

/// Bytes, in chunks of 4 KiB, that a guest can write to a drive: they stay in memory. Further writes
/// fail.
pub const DRIVE_WRITES_MAX: u64 = devices::ata::media::OVERLAY_MAX_BYTES;

/// Ports of the bus master registers of both channels.
pub(crate) const BUS_MASTER_PORTS: u16 = 16;

/// What a drive is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DriveKind {
    /// A disk.
    Disk {
        /// Writes are refused.
        read_only: bool,
    },
    /// A CD-ROM drive with a disc in it.
    Cd,
}

/// A drive and the image in it.
#[derive(Clone, Debug)]
pub struct DriveConfig {
    /// What it is.
    pub kind: DriveKind,
    /// What it holds at the start. It may change afterwards only by what
    /// [`Machine::take_drive_writes`] hands out.
    pub image: Arc<dyn Media>,
}

impl DriveConfig {
    fn build(&self, place: u8) -> Drive {
        let image = Arc::clone(&self.image);
        match self.kind {
            DriveKind::Disk { read_only } => Drive::disk(image, read_only, place),
            DriveKind::Cd => Drive::cd(image, place),
        }
    }
}

/// The controller with the drives of a configuration; `None` without any.
pub(crate) fn build(drives: &[Option<DriveConfig>; DRIVES]) -> Option<Box<Ide>> {
    drives.iter().any(Option::is_some).then(|| {
        let drive = |place: usize| drives[place].as_ref().map(|it| it.build(place as u8));
        Box::new(Ide::new([0, 1, 2, 3].map(drive)))
    })
}

/// A register of a channel as its port names it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum IdeRegister {
    /// The data register, 16 bits.
    Data,
    /// The command block at this offset, but data.
    Command(u8),
    /// Alternate status and device control.
    Control,
}

impl Board {
    /// Reads a register of a channel; the data register by 16 or 32 bits, or a word for its low byte.
    pub(crate) fn read_ide(&mut self, channel: u8, register: IdeRegister, size: u8) -> u32 {
        self.count(Counted::Ide);
        self.bring(Timed::Ide);
        let Some(ide) = &mut self.ide else { return u32::MAX };
        let channel = &mut ide.channels[usize::from(channel & 1)];
        let value = match register {
            IdeRegister::Data if size == 4 => {
                u32::from(channel.read_data()) | u32::from(channel.read_data()) << 16
            }
            IdeRegister::Data if size == 2 => u32::from(channel.read_data()),
            IdeRegister::Data => u32::from(channel.read(0)),
            IdeRegister::Command(offset) => u32::from(channel.read(offset)),
            IdeRegister::Control => u32::from(channel.read_control()),
        };
        self.touched_ide();
        value
    }

    /// Writes a register of a channel, as [`Board::read_ide`] reads it. It may start a transfer by DMA.
    pub(crate) fn write_ide(
        &mut self,
        channel: u8,
        register: IdeRegister,
        size: u8,
        value: u32,
        memory: &Memory,
    ) {
        self.count(Counted::Ide);
        self.bring(Timed::Ide);
        let Some(ide) = &mut self.ide else { return };
        let channel = &mut ide.channels[usize::from(channel & 1)];
        match register {
            IdeRegister::Data => {
                channel.write_data(value as u16);
                if size == 4 {
                    channel.write_data((value >> 16) as u16);
                }
            }
            IdeRegister::Command(offset) => channel.write(offset, value as u8),
            IdeRegister::Control => channel.write_control(value as u8),
        }
        self.run_dma(memory);
        self.touched_ide();
    }

    /// Reads a byte of the bus master registers.
    pub(crate) fn read_bus_master(&mut self, offset: u8) -> u8 {
        self.bring(Timed::Ide);
        self.ide.as_ref().map_or(0xff, |ide| ide.read_bus_master(offset))
    }

    /// Writes a byte of the bus master registers. It may start a transfer by DMA.
    pub(crate) fn write_bus_master(&mut self, offset: u8, value: u8, memory: &Memory) {
        self.count(Counted::Ide);
        self.bring(Timed::Ide);
        if let Some(ide) = &mut self.ide {
            ide.write_bus_master(offset, value);
        }
        self.run_dma(memory);
        self.touched_ide();
    }

    /// The controller may access memory from now on: what was waiting for that goes on.
    pub(crate) fn start_bus_masters(&mut self, memory: &Memory) {
        self.bring(Timed::Ide);
        self.run_dma(memory);
        self.touched_ide();
    }

    fn run_dma(&mut self, memory: &Memory) {
        let may = self.chipset.as_ref().is_some_and(|chipset| chipset.pci.ide_is_master());
        if let Some(ide) = self.ide.as_mut().filter(|_| may) {
            ide.run_dma(memory);
        }
    }

    /// The controller was accessed: bus masters, agenda and wires follow.
    fn touched_ide(&mut self) {
        if let Some(ide) = &mut self.ide {
            ide.watch();
        }
        self.refresh(Timed::Ide);
        self.watch_level(Timed::Ide);
    }

    /// Of `most` elements how many the data register of a channel moves without ending its block.
    pub(crate) fn plain_ide_elements(
        &mut self,
        channel: u8,
        size: u8,
        most: usize,
        write: bool,
    ) -> usize {
        self.bring(Timed::Ide);
        let Some(ide) = &self.ide else { return 0 };
        let channel = &ide.channels[usize::from(channel & 1)];
        let bytes = if write { channel.writable() } else { channel.readable() };
        most.min(bytes / usize::from(size.max(1)))
    }

    /// As many reads of the data register as there are elements, none of which ends its block.
    pub(crate) fn read_ide_data_to(&mut self, channel: u8, out: &mut [u8]) {
        if let Some(ide) = &mut self.ide {
            ide.channels[usize::from(channel & 1)].read_data_to(out);
        }
    }

    /// As many writes to the data register as there are elements, none of which ends its block.
    pub(crate) fn write_ide_data_from(&mut self, channel: u8, data: &[u8]) {
        if let Some(ide) = &mut self.ide {
            ide.channels[usize::from(channel & 1)].write_data_from(data);
        }
    }

    /// Levels of IRQ 14 and 15.
    #[inline]
    pub(crate) fn ide_irqs(&self) -> [bool; 2] {
        let level = |channel| self.ide.as_ref().is_some_and(|ide| ide.irq(channel));
        [level(0), level(1)]
    }
}

impl Machine {
    /// Takes what the guest has written to a drive (0 to 3) since the last call, in ascending order:
    /// whoever owns the image may put it there. The run does not depend on it.
    pub fn take_drive_writes(&mut self, place: usize) -> Vec<Written> {
        let Some(ide) = self.board_mut().ide.as_mut() else { return Vec::new() };
        let drive = ide.drives_mut().nth(place).flatten();
        drive.map(|drive| drive.medium_mut().take_writes()).unwrap_or_default()
    }

    /// True if the guest has written more to a drive (0 to 3) than this machine keeps
    /// ([`DRIVE_WRITES_MAX`]): commands have failed.
    pub fn drive_overflowed(&self, place: usize) -> bool {
        let Some(ide) = self.board().ide.as_ref() else { return false };
        let channel = ide.channels.get(place / 2);
        let drive = channel.and_then(|channel| channel.drive(place as u8 % 2));
        drive.is_some_and(|drive| drive.medium().has_overflowed())
    }
}
