//! A bus master of the IDE controller: SFF-8038i, "Programming Interface for Bus Master IDE
//! Controller"; 82371AB (PIIX4), "Bus Master IDE I/O Registers".
//!
//! Not modelled: a transfer that stops in its middle when the start bit is cleared (it moves as a whole
//! at its start), timing, bit 7 of the status (simplex).

use super::Drive;
use super::spec::SECTOR;
use memory::{Memory, PhysAddr};
use serde::{Deserialize, Serialize};

/// Offsets of one channel's registers.
mod register {
    pub(super) const COMMAND: u8 = 0;
    pub(super) const STATUS: u8 = 2;
    pub(super) const TABLE: u8 = 4;
}

/// Command register.
mod command {
    pub(super) const START: u8 = 0x01;
    /// To memory; a write of the bus master.
    pub(super) const TO_MEMORY: u8 = 0x08;
    pub(super) const MASK: u8 = START | TO_MEMORY;
}

/// Status register.
mod status {
    pub(super) const ACTIVE: u8 = 0x01;
    /// A transfer could not be carried out; cleared by writing 1.
    pub(super) const ERROR: u8 = 0x02;
    /// The channel's interrupt has risen; cleared by writing 1.
    pub(super) const INTERRUPT: u8 = 0x04;
    /// The drives can do DMA: for software alone.
    pub(super) const CAPABLE: u8 = 0x60;
}

/// Most entries of a table, which may not cross a 64 KiB boundary.
const ENTRIES_MAX: u32 = (64 << 10) / ENTRY_BYTES;
const ENTRY_BYTES: u32 = 8;
/// The last entry of a table.
const END_OF_TABLE: u32 = 1 << 31;

/// One channel's bus master.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct BusMaster {
    command: u8,
    status: u8,
    table: u32,
    /// Level of the channel's interrupt when it was last looked at.
    irq: bool,
}

/// How a transfer ended, besides well.
enum Failed {
    /// Memory: a table or a region of it is not RAM.
    Memory,
    /// The drive has failed the command.
    Drive,
}

impl BusMaster {
    /// At power-on.
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads the register byte at `offset` (bits 2-0).
    pub fn read(&self, offset: u8) -> u8 {
        match offset & 7 {
            register::COMMAND => self.command,
            register::STATUS => self.status,
            offset @ register::TABLE.. => self.table.to_le_bytes()[usize::from(offset & 3)],
            _ => 0,
        }
    }

    /// Writes the register byte at `offset` (bits 2-0).
    pub fn write(&mut self, offset: u8, value: u8) {
        match offset & 7 {
            register::COMMAND => {
                let started = value & !self.command & command::START != 0;
                self.command = value & command::MASK;
                match (started, value & command::START != 0) {
                    (true, _) => self.status |= status::ACTIVE,
                    (_, false) => self.status &= !status::ACTIVE,
                    _ => {}
                }
            }
            register::STATUS => {
                let kept = self.status & !(value & (status::ERROR | status::INTERRUPT));
                self.status = kept & !status::CAPABLE | value & status::CAPABLE;
            }
            offset @ register::TABLE.. => {
                let mut bytes = self.table.to_le_bytes();
                bytes[usize::from(offset & 3)] = value;
                self.table = u32::from_le_bytes(bytes) & !3;
            }
            _ => {}
        }
    }

    /// The start bit is set, and nothing was transferred since.
    pub(super) fn is_started(&self) -> bool {
        self.status & status::ACTIVE != 0
    }

    /// The status remembers that the channel's interrupt rose.
    pub(super) fn watch_irq(&mut self, level: bool) {
        if level && !self.irq {
            self.status |= status::INTERRUPT;
        }
        self.irq = level;
    }

    /// Moves all that the drive wants, along the table.
    pub(super) fn transfer(&mut self, drive: &mut Drive, memory: &Memory) {
        let Some((wanted, to_memory)) = drive.dma_wanted() else { return };
        let agreed = to_memory == (self.command & command::TO_MEMORY != 0);
        let outcome = if agreed { self.walk(drive, wanted, memory) } else { Err(Failed::Memory) };
        match outcome {
            Ok(table_is_longer) => {
                // SFF-8038i, "Status": active and interrupt together: the table was longer.
                if !table_is_longer {
                    self.status &= !status::ACTIVE;
                }
                drive.dma_done(wanted);
            }
            Err(Failed::Drive) => {}
            // The drive waits for data that does not come, until it is reset.
            Err(Failed::Memory) => {
                self.status = self.status & !status::ACTIVE | status::ERROR;
            }
        }
    }

    /// `Ok(true)`: the table has room for more than was wanted.
    fn walk(&self, drive: &mut Drive, wanted: u64, memory: &Memory) -> Result<bool, Failed> {
        let to_memory = self.command & command::TO_MEMORY != 0;
        let mut moved = Carry { left: wanted, bytes: Vec::new() };
        for entry in 0..ENTRIES_MAX {
            // The offset wraps within the 64 KiB that a table lies in.
            let at = self.table & !0xffff | self.table.wrapping_add(entry * ENTRY_BYTES) & 0xffff;
            let word = |at: u32| memory.read_u32(PhysAddr(u64::from(at)));
            let base = word(at).map_err(|_| Failed::Memory)? & !1;
            let flags = word(at.wrapping_add(4)).map_err(|_| Failed::Memory)?;
            let len = match flags & 0xfffe {
                0 => 1 << 16,
                len => u64::from(len),
            };
            let addr = PhysAddr(u64::from(base));
            let used = match to_memory {
                true => moved.fill_region(drive, memory, addr, len)?,
                false => moved.empty_region(drive, memory, addr, len)?,
            };
            let done = moved.left == 0 && moved.bytes.is_empty();
            if done {
                return Ok(used < len || flags & END_OF_TABLE == 0);
            }
            if flags & END_OF_TABLE != 0 {
                return Err(Failed::Memory);
            }
        }
        Err(Failed::Memory)
    }
}

/// Bytes between the drive, which moves whole sectors, and regions of any even length.
struct Carry {
    /// What the drive has still to move.
    left: u64,
    bytes: Vec<u8>,
}

impl Carry {
    /// Fills a region; returns how many bytes of it.
    fn fill_region(
        &mut self,
        drive: &mut Drive,
        memory: &Memory,
        addr: PhysAddr,
        len: u64,
    ) -> Result<u64, Failed> {
        let lacking = len.saturating_sub(self.bytes.len() as u64);
        let fetched = lacking.next_multiple_of(SECTOR as u64).min(self.left);
        let from = self.bytes.len();
        self.bytes.resize(from + fetched as usize, 0);
        if fetched > 0 && !drive.dma_read(&mut self.bytes[from..]) {
            return Err(Failed::Drive);
        }
        self.left -= fetched;
        let used = len.min(self.bytes.len() as u64);
        let region: Vec<u8> = self.bytes.drain(..used as usize).collect();
        memory.write(addr, &region).map_err(|_| Failed::Memory)?;
        Ok(used)
    }

    /// Empties a region; returns how many bytes of it.
    fn empty_region(
        &mut self,
        drive: &mut Drive,
        memory: &Memory,
        addr: PhysAddr,
        len: u64,
    ) -> Result<u64, Failed> {
        let used = len.min(self.left);
        let from = self.bytes.len();
        self.bytes.resize(from + used as usize, 0);
        memory.read(addr, &mut self.bytes[from..]).map_err(|_| Failed::Memory)?;
        self.left -= used;
        let whole = self.bytes.len() / SECTOR * SECTOR;
        let sectors: Vec<u8> = self.bytes.drain(..whole).collect();
        drive.dma_write(&sectors);
        Ok(used)
    }
}
