//! A pair of IDE channels, as in PIIX3 and PIIX4: disks and CD-ROM drives, by PIO and by bus master.
//!
//! Follows: INCITS 361 (ATA/ATAPI-6), clauses 7 to 9: registers, commands and the protocol state
//! machines; SFF-8020i and INCITS 360 (MMC-3) for the packets of a CD-ROM drive; Intel 82371AB
//! (PIIX4), "IDE Controller", with "Programming Interface for Bus Master IDE Controller" (SFF-8038i).
//!
//! | file | subject |
//! |---|---|
//! | here | [`Channel`]: the cable, device selection, INTRQ; [`Ide`]: two of them |
//! | `front.rs` | what every device has: task file, DRQ block, BSY, times |
//! | `drive.rs` | [`Drive`]: a front, a command set, a medium |
//! | `disk.rs`, `disk/dma.rs`, `identify.rs` | the commands of a disk; by DMA; what IDENTIFY tells |
//! | `cd/` | the packets of a CD-ROM drive |
//! | [`media`] | the image, and what was written above it |
//! | `bus_master.rs` | [`BusMaster`]: DMA to and from guest memory |
//!
//! Time: a command is busy for [`COMMAND_NS`] before its first block of data or its end, for
//! [`BLOCK_NS`] between blocks; a software reset takes [`RESET_NS`], a DMA transfer [`DMA_NS`] for each
//! 64 KiB. Data of a DMA transfer moves at the access that starts it; its interrupt comes later.
//!
//! Listeners: [`Channel::next_event`] names the instant at which a device stops being busy while
//! interrupts are enabled, and nothing else.
//!
//! A device that is not there: with device 0 alone, device 0 answers for both, with a status of 0 (ATA/
//! ATAPI-6, "Single device configurations"); else nobody drives the bus, and its pull-down on DD7
//! makes every byte 0x7f.
//!
//! Not modelled: seek and rotation; a cache that could lose data; security, SMART, HPA, streaming,
//! queued commands, CompactFlash; the timer of STANDBY and IDLE, and what SLEEP switches off; PIO and
//! DMA timing registers (every mode is as fast); an unfinished block after a drive error; of CD-ROM
//! drives audio, READ CD, subchannels, MODE SELECT, and the unit attention of power-on and reset, which
//! guests that grew up on emulators do not expect. A byte access to the data register takes a whole
//! word.

mod bus_master;
mod cd;
mod disk;
mod drive;
mod front;
mod identify;
pub mod media;
pub mod spec;
#[cfg(test)]
mod tests;

pub use bus_master::BusMaster;
pub use drive::Drive;
pub use front::{BLOCK_NS, COMMAND_NS, DMA_NS, RESET_NS};
pub use media::{Bytes, Media, MediaError, Medium, Written};

use arch::time::Instant;
use memory::Memory;
use serde::{Deserialize, Serialize};
use spec::{command, control, device, register};

/// What a bus reads that nobody drives: DD7 is pulled down, the other lines are not.
const FLOATING: u8 = 0x7f;

/// A cable with its two places.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Channel {
    drives: [Option<Drive>; 2],
    /// Device Control as last written.
    control: u8,
    /// DEV as last written; what a device on the cable has in its own register follows it.
    selected: u8,
}

impl Channel {
    /// A cable with device 0 and device 1 at power-on.
    pub fn new(drives: [Option<Drive>; 2]) -> Self {
        Self { drives, control: 0, selected: 0 }
    }

    /// The same cable and media, switched off and on again.
    pub fn power_cycled(self) -> Self {
        Self::new(self.drives.map(|drive| drive.map(Drive::power_cycled)))
    }

    /// The drive at a place, 0 or 1.
    pub fn drive(&self, place: u8) -> Option<&Drive> {
        self.drives[usize::from(place & 1)].as_ref()
    }

    /// The drive at a place, 0 or 1, to take what was written to it.
    pub fn drive_mut(&mut self, place: u8) -> Option<&mut Drive> {
        self.drives[usize::from(place & 1)].as_mut()
    }

    /// True if no device is on the cable.
    pub fn is_empty(&self) -> bool {
        self.drives.iter().all(Option::is_none)
    }

    fn selected(&self) -> Option<&Drive> {
        self.drive(self.selected)
    }

    fn selected_mut(&mut self) -> Option<&mut Drive> {
        self.drive_mut(self.selected)
    }

    // ---- registers ----

    /// Reads the register at `offset` (bits 2-0) of the command block. Of the data register the low
    /// byte of the next word.
    pub fn read(&mut self, offset: u8) -> u8 {
        let offset = offset & 7;
        if offset == register::DATA {
            return self.read_data().to_le_bytes()[0];
        }
        let value = self.look(offset);
        if offset == register::STATUS
            && let Some(drive) = self.selected_mut()
        {
            drive.front.irq = false;
        }
        value
    }

    /// A register's value, without the side effect of reading the status.
    fn look(&self, offset: u8) -> u8 {
        let hob = self.control & control::HOB != 0;
        if let Some(drive) = self.selected() {
            return drive.front.read(offset, hob);
        }
        match self.drive(0) {
            Some(_) if offset == register::STATUS => 0,
            Some(drive) => drive.front.read(offset, hob),
            None => FLOATING,
        }
    }

    /// Writes the register at `offset` (bits 2-0) of the command block. Both devices listen.
    pub fn write(&mut self, offset: u8, value: u8) {
        match offset & 7 {
            register::DATA => self.write_data(u16::from(value)),
            register::STATUS => self.write_command(value),
            offset => {
                self.control &= !control::HOB;
                let occupied = self.selected().is_some_and(|drive| drive.front.is_occupied());
                if offset == register::DEVICE && !occupied {
                    self.selected = u8::from(value & device::DEV != 0);
                }
                for drive in self.drives.iter_mut().flatten() {
                    drive.front.write(offset, value);
                }
            }
        }
    }

    fn write_command(&mut self, code: u8) {
        self.control &= !control::HOB;
        if self.is_held() {
            return;
        }
        if code == command::EXECUTE_DEVICE_DIAGNOSTIC {
            self.diagnose();
        } else if let Some(drive) = self.selected_mut() {
            drive.write_command(code);
        }
    }

    /// Both devices carry it out, whichever is selected, and device 0 answers.
    fn diagnose(&mut self) {
        if self.selected().is_some_and(|drive| drive.front.is_occupied()) {
            return;
        }
        let first = self.drives.iter().position(Option::is_some);
        self.selected = 0;
        for (place, drive) in self.drives.iter_mut().enumerate() {
            if let Some(drive) = drive {
                drive.diagnose(Some(place) == first);
            }
        }
    }

    /// Reads the Alternate Status register: no interrupt is acknowledged.
    pub fn read_control(&self) -> u8 {
        self.look(register::STATUS)
    }

    /// Writes the Device Control register.
    pub fn write_control(&mut self, value: u8) {
        let held = self.is_held();
        self.control = value;
        if self.is_held() {
            self.selected = 0;
        }
        for drive in self.drives.iter_mut().flatten() {
            match (held, value & control::SRST != 0) {
                (_, true) => drive.hold_in_reset(),
                (true, false) => drive.leave_reset(),
                (false, false) => {}
            }
        }
    }

    fn is_held(&self) -> bool {
        self.control & control::SRST != 0
    }

    // ---- data ----

    /// Reads a word of the data register; all-ones where there is no data.
    pub fn read_data(&mut self) -> u16 {
        let mut word = [0xff; 2];
        self.read_data_to(&mut word);
        u16::from_le_bytes(word)
    }

    /// Reads the data register once for each word.
    pub fn read_data_to(&mut self, out: &mut [u8]) {
        match self.selected_mut() {
            Some(drive) => {
                for part in out.chunks_mut(drive.front.left_to_read().max(2)) {
                    drive.read_data(part);
                }
            }
            None => out.fill(0xff),
        }
    }

    /// Writes a word to the data register.
    pub fn write_data(&mut self, word: u16) {
        self.write_data_from(&word.to_le_bytes());
    }

    /// Writes the data register once for each word.
    pub fn write_data_from(&mut self, data: &[u8]) {
        if let Some(drive) = self.selected_mut() {
            drive.write_data(data);
        }
    }

    /// Bytes that can be read from the data register without ending its block: such reads change
    /// nothing but how much is left.
    pub fn readable(&self) -> usize {
        self.selected().map_or(0, |drive| drive.front.left_to_read().saturating_sub(1))
    }

    /// Bytes that can be written to the data register without ending its block.
    pub fn writable(&self) -> usize {
        self.selected().map_or(0, |drive| drive.front.left_to_write().saturating_sub(1))
    }

    // ---- outputs and time ----

    /// Level of INTRQ: of the selected device, unless nIEN is set.
    pub fn irq(&self) -> bool {
        self.control & control::NIEN == 0 && self.selected().is_some_and(|drive| drive.front.irq)
    }

    /// Brings both devices to `now`.
    pub fn advance(&mut self, now: Instant) {
        for drive in self.drives.iter_mut().flatten() {
            drive.advance(now);
        }
    }

    /// When a device is done being busy, if its interrupt is listened to.
    pub fn next_event(&self) -> Option<Instant> {
        if self.control & control::NIEN != 0 {
            return None;
        }
        self.drives.iter().flatten().filter_map(|drive| drive.front.due()).min()
    }
}

/// The two channels, primary and secondary, and their bus masters.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ide {
    /// Primary and secondary channel.
    pub channels: [Channel; 2],
    bus_masters: [BusMaster; 2],
}

impl Ide {
    /// At power-on. `drives`: primary device 0 and 1, secondary device 0 and 1.
    pub fn new(drives: [Option<Drive>; 4]) -> Self {
        let [a, b, c, d] = drives;
        Self {
            channels: [Channel::new([a, b]), Channel::new([c, d])],
            bus_masters: [BusMaster::new(), BusMaster::new()],
        }
    }

    /// The same drives with the same media, switched off and on again.
    pub fn power_cycled(self) -> Self {
        Self {
            channels: self.channels.map(Channel::power_cycled),
            bus_masters: [BusMaster::new(), BusMaster::new()],
        }
    }

    /// The drives in the order of [`Ide::new`].
    pub fn drives_mut(&mut self) -> impl Iterator<Item = Option<&mut Drive>> {
        self.channels.iter_mut().flat_map(|channel| channel.drives.iter_mut().map(Option::as_mut))
    }

    /// Takes how many bytes of all media were read and written since the last call.
    pub fn take_moved(&self) -> u64 {
        let drives = self.channels.iter().flat_map(|channel| channel.drives.iter().flatten());
        drives.map(|drive| drive.medium().take_moved()).sum()
    }

    /// Brings everything to `now`.
    pub fn advance(&mut self, now: Instant) {
        for channel in &mut self.channels {
            channel.advance(now);
        }
        self.watch();
    }

    /// The earliest [`Channel::next_event`].
    pub fn next_event(&self) -> Option<Instant> {
        self.channels.iter().filter_map(Channel::next_event).min()
    }

    /// Level of a channel's interrupt (IRQ 14 and 15): INTRQ of its cable.
    pub fn irq(&self, channel: u8) -> bool {
        self.channels[usize::from(channel & 1)].irq()
    }

    /// Reads the byte at `offset` of the 16 bytes of bus master registers: the primary channel's, then
    /// the secondary's.
    pub fn read_bus_master(&self, offset: u8) -> u8 {
        self.bus_masters[usize::from(offset >> 3 & 1)].read(offset & 7)
    }

    /// Writes a byte of the bus master registers. [`Ide::run_dma`] is to follow.
    pub fn write_bus_master(&mut self, offset: u8, value: u8) {
        self.bus_masters[usize::from(offset >> 3 & 1)].write(offset & 7, value);
    }

    /// Lets DMA transfers happen that a drive and its bus master are both ready for: to be called after
    /// each write to either of them, with the memory they move data to and from.
    pub fn run_dma(&mut self, memory: &Memory) {
        for (channel, bus_master) in self.channels.iter_mut().zip(&mut self.bus_masters) {
            let wants = |drive: &&mut Drive| drive.dma_wanted().is_some();
            if bus_master.is_started()
                && let Some(drive) = channel.drives.iter_mut().flatten().find(wants)
            {
                bus_master.transfer(drive, memory);
            }
        }
        self.watch();
    }

    /// The bus masters see the interrupts of their channels. To be called after each access to one.
    pub fn watch(&mut self) {
        for (channel, bus_master) in self.channels.iter().zip(&mut self.bus_masters) {
            bus_master.watch_irq(channel.irq());
        }
    }
}
