//! What every ATA device has in front of its command set: the task file, one DRQ block, BSY, and the
//! interrupt.
//!
//! Follows: INCITS 361 (ATA/ATAPI-6), clause 9, "Protocol". A command set is called when its device has
//! something to do and says what comes next with one of [`Front::offer`], [`Front::request`],
//! [`Front::finish`], [`Front::fail`], [`Front::fault`] and [`Front::wait_for_dma`].

use super::spec::{SECTOR, device, error, register, status};
use arch::time::Instant;
use serde::{Deserialize, Serialize};

/// What a device takes from a command to its first block of data or to its end.
pub const COMMAND_NS: u64 = 20_000;
/// What it takes from one DRQ block to the next.
pub const BLOCK_NS: u64 = 10_000;
/// What it takes to come out of a reset.
pub const RESET_NS: u64 = 1_000_000;
/// What a DMA transfer takes for each started 64 KiB, beyond the command: about 130 MB/s.
pub const DMA_NS: u64 = 500_000;

/// A register that is written twice for a 48-bit command.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Pair {
    /// Most recently written.
    pub(super) now: u8,
    /// Written before that.
    pub(super) before: u8,
}

impl Pair {
    fn write(&mut self, value: u8) {
        *self = Self { now: value, before: self.now };
    }

    /// Both, the earlier one as the high byte.
    pub(super) fn word(self) -> u16 {
        u16::from_le_bytes([self.now, self.before])
    }
}

/// The registers of the command block.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct TaskFile {
    pub(super) features: Pair,
    pub(super) count: Pair,
    pub(super) lba_low: Pair,
    pub(super) lba_mid: Pair,
    pub(super) lba_high: Pair,
    pub(super) device: u8,
    pub(super) error: u8,
    pub(super) status: u8,
}

/// What a busy device will do when it is done being busy.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(super) enum Work {
    /// A reset ends; with an interrupt where it was EXECUTE DEVICE DIAGNOSTIC.
    Reset {
        /// This device interrupts at its end.
        interrupt: bool,
    },
    /// A command begins.
    Command(u8),
    /// A DRQ block is through: the command goes on.
    Block,
    /// A DMA transfer is through: the command ends.
    DmaDone,
}

/// Who may move data through the data register.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
enum Direction {
    ToHost,
    ToDevice,
}

/// The front of a device.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Front {
    pub(super) file: TaskFile,
    /// The device wants to interrupt: INTRQ, before device selection and nIEN.
    pub(super) irq: bool,
    /// The device would transfer by DMA now.
    pub(super) dma_ready: bool,
    /// What is due, and when. `None` in a busy device: it is held in reset, or waits for DMA.
    work: Option<(Work, Instant)>,
    direction: Direction,
    /// The DRQ block, and how much of it is through. While the device transfers by DMA, what it has of a
    /// sector of which the bus master has moved a part.
    block: Vec<u8>,
    at: u64,
    now: Instant,
}

impl Front {
    /// Power-on, before the signature.
    pub(super) fn new() -> Self {
        Self {
            file: TaskFile::default(),
            irq: false,
            dma_ready: false,
            work: None,
            direction: Direction::ToHost,
            block: Vec::new(),
            at: 0,
            now: Instant::ZERO,
        }
    }

    /// Reads a register but the data register; with `hob` what was written before the last write.
    pub(super) fn read(&self, offset: u8, hob: bool) -> u8 {
        let of = |pair: Pair| if hob { pair.before } else { pair.now };
        match offset {
            register::ERROR => self.file.error,
            register::COUNT => of(self.file.count),
            register::LBA_LOW => of(self.file.lba_low),
            register::LBA_MID => of(self.file.lba_mid),
            register::LBA_HIGH => of(self.file.lba_high),
            register::DEVICE => self.file.device | device::OBSOLETE,
            _ => self.file.status,
        }
    }

    /// Writes a register but data and command. A device that is busy or transfers does not look.
    pub(super) fn write(&mut self, offset: u8, value: u8) {
        if self.is_occupied() {
            return;
        }
        match offset {
            register::ERROR => self.file.features.write(value),
            register::COUNT => self.file.count.write(value),
            register::LBA_LOW => self.file.lba_low.write(value),
            register::LBA_MID => self.file.lba_mid.write(value),
            register::LBA_HIGH => self.file.lba_high.write(value),
            register::DEVICE => self.file.device = value & !device::OBSOLETE,
            _ => {}
        }
    }

    /// BSY or DRQ is set: only resets are listened to.
    pub(super) fn is_occupied(&self) -> bool {
        self.file.status & (status::BSY | status::DRQ) != 0
    }

    // ---- time ----

    /// Sets the present. What is due is taken by [`Front::take_due`].
    pub(super) fn set_now(&mut self, now: Instant) {
        self.now = self.now.max(now);
    }

    /// When the device will have done what it is busy with.
    pub(super) fn due(&self) -> Option<Instant> {
        self.work.map(|(_, due)| due)
    }

    /// Takes what is due until `now`; the present is then the instant it was due.
    pub(super) fn take_due(&mut self, now: Instant) -> Option<Work> {
        let (work, due) = self.work.filter(|&(_, due)| due <= now)?;
        self.work = None;
        self.set_now(due);
        Some(work)
    }

    // ---- what a device says next ----

    /// BSY; after `delay_ns` this work is due.
    pub(super) fn begin(&mut self, work: Work, delay_ns: u64) {
        self.hold();
        self.work = Some((work, self.now.after(delay_ns)));
    }

    /// BSY until further notice; whatever was going on is forgotten.
    pub(super) fn hold(&mut self) {
        self.file.status = status::BSY | self.file.status & status::DRDY;
        self.work = None;
        self.dma_ready = false;
        self.irq = false;
        self.block.clear();
        self.at = 0;
    }

    /// BSY, and DMARQ: data moves as soon as the host's bus master does.
    pub(super) fn wait_for_dma(&mut self) {
        self.hold();
        self.dma_ready = true;
    }

    /// A block for the host: DRQ, with an interrupt.
    pub(super) fn offer(&mut self, bytes: Vec<u8>) {
        self.start_block(Direction::ToHost, bytes);
        self.irq = true;
    }

    /// A block from the host: DRQ, with an interrupt unless it is the first.
    pub(super) fn request(&mut self, len: usize, interrupt: bool) {
        self.start_block(Direction::ToDevice, vec![0; len]);
        self.irq = interrupt;
    }

    fn start_block(&mut self, direction: Direction, bytes: Vec<u8>) {
        self.file.status = status::DRDY | status::DSC | status::DRQ;
        self.file.error = 0;
        self.direction = direction;
        (self.block, self.at) = (bytes, 0);
    }

    /// The command has ended well: interrupt.
    pub(super) fn finish(&mut self) {
        self.end(status::DRDY | status::DSC, 0);
        self.irq = true;
    }

    /// The command has failed, for the reasons in `error`: interrupt.
    pub(super) fn fail(&mut self, error: u8) {
        self.end(status::DRDY | status::DSC | status::ERR, error);
        self.irq = true;
    }

    /// The command has failed with a fault of the device: interrupt. ATA/ATAPI-6, "Status register",
    /// DF; ERR and ABRT besides, for hosts that look at nothing else.
    pub(super) fn fault(&mut self) {
        self.end(status::DRDY | status::DF | status::DSC | status::ERR, error::ABRT);
        self.irq = true;
    }

    /// The command is not carried out.
    pub(super) fn abort(&mut self) {
        self.fail(error::ABRT);
    }

    /// Idle with this status and error; no interrupt.
    pub(super) fn end(&mut self, status: u8, error: u8) {
        self.hold();
        (self.file.status, self.file.error) = (status, error);
    }

    /// The signature of a device in its registers: ATA/ATAPI-6, "Signature and persistence".
    pub(super) fn sign(&mut self, lba_mid: u8, lba_high: u8) {
        let byte = |now| Pair { now, before: 0 };
        self.file.count = byte(1);
        self.file.lba_low = byte(1);
        self.file.lba_mid = byte(lba_mid);
        self.file.lba_high = byte(lba_high);
    }

    // ---- the data register ----

    fn left(&self, direction: Direction) -> usize {
        let asked = self.file.status & status::DRQ != 0 && self.direction == direction;
        if asked { self.block.len().saturating_sub(self.at as usize) } else { 0 }
    }

    /// Bytes of the block that the host has not read yet.
    pub(super) fn left_to_read(&self) -> usize {
        self.left(Direction::ToHost)
    }

    /// Bytes of the block that the host has not written yet.
    pub(super) fn left_to_write(&self) -> usize {
        self.left(Direction::ToDevice)
    }

    /// Moves bytes to the host; true if they were the last of the block. What no block holds is
    /// all-ones.
    pub(super) fn read_block(&mut self, out: &mut [u8]) -> bool {
        let left = self.left_to_read();
        let len = out.len().min(left);
        let (data, beyond) = out.split_at_mut(len);
        beyond.fill(0xff);
        if len > 0 {
            data.copy_from_slice(&self.block[self.at as usize..][..len]);
        }
        self.at += len as u64;
        len > 0 && len == left
    }

    /// Moves bytes to the device; true if they were the last of the block.
    pub(super) fn write_block(&mut self, data: &[u8]) -> bool {
        let left = self.left_to_write();
        let len = data.len().min(left);
        if len > 0 {
            self.block[self.at as usize..][..len].copy_from_slice(&data[..len]);
        }
        self.at += len as u64;
        len > 0 && len == left
    }

    /// Takes the block that the host has written.
    pub(super) fn take_block(&mut self) -> Vec<u8> {
        core::mem::take(&mut self.block)
    }

    // ---- DMA ----

    /// Bytes of a sector that wait for the rest of it to be moved.
    pub(super) fn waiting(&self) -> u64 {
        self.block.len() as u64
    }

    /// Moves bytes that wait to the host; returns how many.
    pub(super) fn take_waiting(&mut self, out: &mut [u8]) -> usize {
        let len = self.block.len().min(out.len());
        for (byte, moved) in out.iter_mut().zip(self.block.drain(..len)) {
            *byte = moved;
        }
        len
    }

    /// Lets the rest of a sector wait for the host.
    pub(super) fn keep_waiting(&mut self, rest: &[u8]) {
        self.block.extend_from_slice(rest);
    }

    /// Takes bytes of the host, behind those that wait; returns the whole sectors of them all.
    pub(super) fn take_sectors(&mut self, data: &[u8]) -> Vec<u8> {
        self.block.extend_from_slice(data);
        let whole = self.block.len() / SECTOR * SECTOR;
        let rest = self.block.split_off(whole);
        core::mem::replace(&mut self.block, rest)
    }
}
