//! A bus master of the IDE controller: SFF-8038i, "Programming Interface for Bus Master IDE
//! Controller"; 82371AB (PIIX4), "Bus Master IDE I/O Registers".
//!
//! The status tells how a transfer stands by three bits (SFF-8038i, "Bus Master IDE Status Register"):
//!
//! | active | interrupt | error | meaning |
//! |---|---|---|---|
//! | 1 | 0 | 0 | it goes on, or waits for the drive |
//! | 0 | 1 | 0 | the drive is done, and the table is through |
//! | 1 | 1 | 0 | the drive is done, and the table has room left |
//! | 0 | 0 | 0 | the table is through, and the drive wants more |
//! | 0 | 0 | 1 | a region or the table is not RAM |
//!
//! The place in the table stays from one command to the next until the start bit is set anew. A table
//! without an end ends with the 64 KiB that it may lie in. A transfer in the other direction than the
//! drive's, of which SFF-8038i says nothing, is an error.
//!
//! Not modelled: a transfer that stops in its middle when the start bit is cleared (it moves as a whole
//! at its start), timing, bit 7 of the status (simplex).

use super::Drive;
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
    place: Place,
    /// Level of the channel's interrupt when it was last looked at.
    irq: bool,
}

/// Where a bus master stands in its table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Place {
    /// Number of the entry; [`ENTRIES_MAX`] behind the last one.
    entry: u32,
    /// Bytes of its region that are through.
    done: u32,
}

impl Place {
    const END: Self = Self { entry: ENTRIES_MAX, done: 0 };

    const fn is_end(self) -> bool {
        self.entry >= ENTRIES_MAX
    }
}

/// An entry of a table.
struct Region {
    addr: u64,
    len: u32,
    is_last: bool,
}

/// Why a transfer did not come to its end.
enum Failed {
    /// The table has fewer bytes than the drive wants.
    Short,
    /// A table or a region of it is not RAM.
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
                if started {
                    self.status |= status::ACTIVE;
                    self.place = Place::default();
                } else if value & command::START == 0 {
                    self.status &= !status::ACTIVE;
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

    /// The start bit is set, and the table is not through.
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
        let outcome = if agreed { self.walk(drive, memory) } else { Err(Failed::Memory) };
        if self.place.is_end() {
            self.status &= !status::ACTIVE;
        }
        match outcome {
            Ok(()) => drive.dma_done(wanted),
            Err(Failed::Drive) => {}
            // The drive waits for the rest, with another table, or for a reset.
            Err(Failed::Short) => self.status &= !status::ACTIVE,
            Err(Failed::Memory) => self.status = self.status & !status::ACTIVE | status::ERROR,
        }
    }

    /// Goes along the table until the drive wants no more.
    fn walk(&mut self, drive: &mut Drive, memory: &Memory) -> Result<(), Failed> {
        loop {
            let (left, to_memory) = drive.dma_wanted().ok_or(Failed::Drive)?;
            if left == 0 {
                return Ok(());
            }
            if self.place.is_end() {
                return Err(Failed::Short);
            }
            let region = self.region(memory)?;
            let rest = u64::from(region.len.saturating_sub(self.place.done));
            let len = rest.min(left);
            let addr = PhysAddr(region.addr + u64::from(self.place.done));
            match to_memory {
                true => fill(drive, memory, addr, len)?,
                false => empty(drive, memory, addr, len)?,
            }
            self.place.done += len as u32;
            if len == rest {
                self.place = match region.is_last {
                    true => Place::END,
                    false => Place { entry: self.place.entry + 1, done: 0 },
                };
            }
        }
    }

    /// The entry of the table where the master stands.
    fn region(&self, memory: &Memory) -> Result<Region, Failed> {
        // The offset wraps within the 64 KiB that a table lies in.
        let offset = self.table.wrapping_add(self.place.entry * ENTRY_BYTES) & 0xffff;
        let at = self.table & !0xffff | offset;
        let word = |at: u32| memory.read_u32(PhysAddr(u64::from(at))).map_err(|_| Failed::Memory);
        let (base, flags) = (word(at)?, word(at.wrapping_add(4))?);
        let len = match flags & 0xfffe {
            0 => 1 << 16,
            len => len,
        };
        Ok(Region { addr: u64::from(base & !1), len, is_last: flags & END_OF_TABLE != 0 })
    }
}

/// Fills a piece of memory from the drive.
fn fill(drive: &mut Drive, memory: &Memory, addr: PhysAddr, len: u64) -> Result<(), Failed> {
    let mut bytes = vec![0; len as usize];
    if !drive.dma_read(&mut bytes) {
        return Err(Failed::Drive);
    }
    memory.write(addr, &bytes).map_err(|_| Failed::Memory)
}

/// Hands a piece of memory to the drive.
fn empty(drive: &mut Drive, memory: &Memory, addr: PhysAddr, len: u64) -> Result<(), Failed> {
    let mut bytes = vec![0; len as usize];
    memory.read(addr, &mut bytes).map_err(|_| Failed::Memory)?;
    if drive.dma_write(&bytes) { Ok(()) } else { Err(Failed::Drive) }
}
