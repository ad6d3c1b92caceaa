//! The command set of a disk: ATA/ATAPI-6, "Command descriptions", with the older commands that PC
//! firmware and old kernels still give (ATA-1 to ATA-3: RECALIBRATE, SEEK, cylinders and heads).
//!
//! Every command is decoded to an [`Operation`] first; what is not in that table is aborted. DMA is in
//! `disk/dma.rs`.

mod dma;

use super::front::{Front, TaskFile};
use super::identify;
use super::media::Medium;
use super::spec::{LBA28_SECTORS_MAX, MULTIPLE_MAX, SECTOR, command as c, device, error, feature};
use serde::{Deserialize, Serialize};

/// Heads and sectors a track of the default translation.
const DEFAULT_HEADS: u8 = 16;
const DEFAULT_TRACK: u8 = 63;
/// Most cylinders that the default translation tells.
const CYLINDERS_MAX: u64 = 16_383;
/// What CHECK POWER MODE answers: active or idle, standby.
const ACTIVE: u8 = 0xff;
const STANDBY: u8 = 0x00;

/// What a command code asks for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Operation {
    Read {
        ext: bool,
        multiple: bool,
    },
    Write {
        ext: bool,
        multiple: bool,
    },
    ReadDma {
        ext: bool,
    },
    WriteDma {
        ext: bool,
    },
    Verify {
        ext: bool,
    },
    Seek,
    NativeMax {
        ext: bool,
    },
    Identify,
    Features,
    Parameters,
    Multiple,
    Power(Power),
    /// Ends well and does nothing else.
    Nothing,
    Abort,
}

/// The power management commands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Power {
    Standby,
    Idle,
    Check,
}

impl Operation {
    /// Total: a code outside the table is aborted, and so is NOP by its definition.
    const fn decode(code: u8) -> Self {
        let (ext, multiple) = (true, true);
        match code {
            c::READ_SECTORS | c::READ_SECTORS_NO_RETRY => {
                Self::Read { ext: false, multiple: false }
            }
            c::READ_SECTORS_EXT => Self::Read { ext, multiple: false },
            c::READ_MULTIPLE => Self::Read { ext: false, multiple },
            c::READ_MULTIPLE_EXT => Self::Read { ext, multiple },
            c::WRITE_SECTORS | c::WRITE_SECTORS_NO_RETRY => {
                Self::Write { ext: false, multiple: false }
            }
            c::WRITE_SECTORS_EXT => Self::Write { ext, multiple: false },
            c::WRITE_MULTIPLE => Self::Write { ext: false, multiple },
            c::WRITE_MULTIPLE_EXT => Self::Write { ext, multiple },
            c::READ_DMA | c::READ_DMA_NO_RETRY => Self::ReadDma { ext: false },
            c::READ_DMA_EXT => Self::ReadDma { ext },
            c::WRITE_DMA | c::WRITE_DMA_NO_RETRY => Self::WriteDma { ext: false },
            c::WRITE_DMA_EXT => Self::WriteDma { ext },
            c::READ_VERIFY | c::READ_VERIFY_NO_RETRY => Self::Verify { ext: false },
            c::READ_VERIFY_EXT => Self::Verify { ext },
            c::SEEK_FIRST..=c::SEEK_LAST => Self::Seek,
            c::READ_NATIVE_MAX => Self::NativeMax { ext: false },
            c::READ_NATIVE_MAX_EXT => Self::NativeMax { ext },
            c::IDENTIFY_DEVICE => Self::Identify,
            c::SET_FEATURES => Self::Features,
            c::INITIALIZE_DEVICE_PARAMETERS => Self::Parameters,
            c::SET_MULTIPLE_MODE => Self::Multiple,
            c::STANDBY | c::STANDBY_OLD | c::STANDBY_IMMEDIATE | c::STANDBY_IMMEDIATE_OLD => {
                Self::Power(Power::Standby)
            }
            c::SLEEP | c::SLEEP_OLD => Self::Power(Power::Standby),
            c::IDLE | c::IDLE_OLD | c::IDLE_IMMEDIATE | c::IDLE_IMMEDIATE_OLD => {
                Self::Power(Power::Idle)
            }
            c::CHECK_POWER_MODE | c::CHECK_POWER_MODE_OLD => Self::Power(Power::Check),
            c::FLUSH_CACHE | c::FLUSH_CACHE_EXT => Self::Nothing,
            c::RECALIBRATE_FIRST..=c::RECALIBRATE_LAST => Self::Nothing,
            _ => Self::Abort,
        }
    }
}

/// What is left of a command that moves sectors.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Transfer {
    next: u64,
    left: u64,
    to_device: bool,
    ext: bool,
    block_sectors: u64,
    /// A block from the host, to be written.
    received: Vec<u8>,
}

impl Transfer {
    /// So many sectors are through. A damaged snapshot may hold any numbers.
    fn pass(&mut self, sectors: u64) {
        self.next = self.next.saturating_add(sectors);
        self.left = self.left.saturating_sub(sectors);
    }
}

/// A translation of cylinders, heads and sectors.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Geometry {
    pub(super) cylinders: u16,
    pub(super) heads: u8,
    pub(super) track_sectors: u8,
}

impl Geometry {
    /// As many whole cylinders as the disk has.
    fn new(sectors: u64, heads: u8, track_sectors: u8) -> Self {
        let cylinder = (u64::from(heads) * u64::from(track_sectors)).max(1);
        let cylinders = (sectors / cylinder).clamp(1, CYLINDERS_MAX) as u16;
        Self { cylinders, heads, track_sectors }
    }

    /// Sectors that the translation reaches.
    pub(super) fn sectors(self) -> u32 {
        u32::from(self.cylinders) * u32::from(self.heads) * u32::from(self.track_sectors)
    }
}

/// The state of a disk's command set.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Disk {
    default: Geometry,
    pub(super) current: Geometry,
    /// Sectors of a block of READ and WRITE MULTIPLE; 0 until it is set.
    pub(super) multiple: u8,
    pub(super) write_cache: bool,
    pub(super) look_ahead: bool,
    /// SET FEATURES, transfer mode: bits 7-3 the kind, 2-0 the mode.
    pub(super) transfer_mode: u8,
    standby: bool,
    transfer: Option<Transfer>,
}

impl Disk {
    /// A disk of this size at power-on.
    pub(super) fn new(sectors: u64) -> Self {
        let default = Geometry::new(sectors, DEFAULT_HEADS, DEFAULT_TRACK);
        Self {
            default,
            current: default,
            multiple: 0,
            write_cache: true,
            look_ahead: true,
            transfer_mode: 0,
            standby: false,
            transfer: None,
        }
    }

    /// A reset ends what is going on. Settings survive a software reset, as after SET FEATURES 66h.
    pub(super) fn reset(&mut self) {
        self.transfer = None;
    }

    /// The translation at power-on.
    pub(super) const fn default_geometry(&self) -> Geometry {
        self.default
    }

    /// A command begins.
    pub(super) fn command(&mut self, code: u8, front: &mut Front, medium: &Medium, unit: u8) {
        self.transfer = None;
        match Operation::decode(code) {
            Operation::Read { ext, multiple } => self.start(front, medium, ext, multiple, false),
            Operation::Write { ext, multiple } => self.start(front, medium, ext, multiple, true),
            Operation::ReadDma { ext } => self.start_dma(front, medium, ext, false),
            Operation::WriteDma { ext } => self.start_dma(front, medium, ext, true),
            Operation::Verify { ext } => self.verify(front, medium, ext),
            Operation::Seek => match self.address(&front.file, false) {
                Some(sector) if sector < medium.sectors() => front.finish(),
                _ => front.fail(error::IDNF),
            },
            Operation::NativeMax { ext } => self.native_max(front, medium, ext),
            Operation::Identify => front.offer(identify::disk(self, medium.sectors(), unit)),
            Operation::Features => self.set_features(front),
            Operation::Parameters => self.set_parameters(front, medium.sectors()),
            Operation::Multiple => self.set_multiple(front),
            Operation::Power(power) => self.power(power, front),
            Operation::Nothing => front.finish(),
            Operation::Abort => front.abort(),
        }
    }

    // ---- addresses ----

    /// The sector that the registers name; `None` if they cannot name any.
    fn address(&self, file: &TaskFile, ext: bool) -> Option<u64> {
        let bytes = [file.lba_low, file.lba_mid, file.lba_high];
        let low = bytes.map(|pair| u64::from(pair.now));
        let high = bytes.map(|pair| u64::from(pair.before));
        let three = |[a, b, c]: [u64; 3]| a | b << 8 | c << 16;
        let head = u64::from(file.device & device::HEAD);
        match (file.device & device::LBA != 0, ext) {
            (true, true) => Some(three(low) | three(high) << 24),
            (true, false) => Some(three(low) | head << 24),
            (false, true) => None,
            (false, false) => {
                let cylinder = low[1] | low[2] << 8;
                let (heads, track) =
                    (u64::from(self.current.heads), u64::from(self.current.track_sectors));
                let exists = low[0] != 0 && low[0] <= track && head < heads;
                exists.then(|| (cylinder * heads + head) * track + low[0] - 1)
            }
        }
    }

    /// Puts a sector's address into the registers, in the form in which the command was given.
    fn set_address(&self, file: &mut TaskFile, ext: bool, sector: u64) {
        let byte = |value: u64, at: u32| (value >> at) as u8;
        if file.device & device::LBA != 0 {
            let pairs = [&mut file.lba_low, &mut file.lba_mid, &mut file.lba_high];
            for (pair, at) in pairs.into_iter().zip([0, 8, 16]) {
                pair.now = byte(sector, at);
                if ext {
                    pair.before = byte(sector, at + 24);
                }
            }
            if !ext {
                file.device = file.device & !device::HEAD | byte(sector, 24) & device::HEAD;
            }
            return;
        }
        let track = u64::from(self.current.track_sectors).max(1);
        let heads = u64::from(self.current.heads).max(1);
        let cylinder = sector / track / heads;
        file.lba_low.now = byte(sector % track + 1, 0);
        (file.lba_mid.now, file.lba_high.now) = (byte(cylinder, 0), byte(cylinder, 8));
        file.device = file.device & !device::HEAD | byte(sector / track % heads, 0) & device::HEAD;
    }

    /// The range that the registers name.
    fn range(&self, file: &TaskFile, ext: bool) -> Option<(u64, u64)> {
        let count = match (ext, u64::from(file.count.now), u64::from(file.count.word())) {
            (false, 0, _) => 256,
            (false, count, _) => count,
            (true, _, 0) => 65_536,
            (true, _, count) => count,
        };
        Some((self.address(file, ext)?, count))
    }

    // ---- data ----

    fn start(
        &mut self,
        front: &mut Front,
        medium: &Medium,
        ext: bool,
        multiple: bool,
        to_device: bool,
    ) {
        if (to_device && medium.is_read_only()) || (multiple && self.multiple == 0) {
            return front.abort();
        }
        let Some((next, left)) = self.range(&front.file, ext) else {
            return front.fail(error::IDNF);
        };
        self.standby = false;
        let block_sectors = if multiple { u64::from(self.multiple) } else { 1 };
        let received = Vec::new();
        self.transfer = Some(Transfer { next, left, to_device, ext, block_sectors, received });
        match to_device {
            true => self.ask(front, medium, false),
            false => self.give(front, medium),
        }
    }

    /// Offers the next block of a read.
    fn give(&mut self, front: &mut Front, medium: &Medium) {
        let Some(Transfer { next, left, block_sectors, .. }) = self.transfer else { return };
        let sectors = left.min(block_sectors).min(u64::from(MULTIPLE_MAX));
        let mut bytes = vec![0; sectors as usize * SECTOR];
        match read(medium, next, &mut bytes) {
            Ok(()) => {
                if let Some(transfer) = &mut self.transfer {
                    transfer.pass(sectors);
                }
                front.offer(bytes);
            }
            Err(bad) => self.fail_at(front, bad),
        }
    }

    /// Asks for the next block of a write.
    fn ask(&mut self, front: &mut Front, medium: &Medium, interrupt: bool) {
        let Some(Transfer { next, left, block_sectors, .. }) = self.transfer else { return };
        let sectors = left.min(block_sectors).min(u64::from(MULTIPLE_MAX));
        match within(medium, next, sectors) {
            Ok(()) => front.request(sectors as usize * SECTOR, interrupt),
            Err(bad) => self.fail_at(front, bad),
        }
    }

    /// The host has filled the block.
    pub(super) fn receive(&mut self, block: Vec<u8>) {
        if let Some(transfer) = &mut self.transfer {
            transfer.received = block;
        }
    }

    /// True if more blocks follow for the host.
    pub(super) fn has_more(&self) -> bool {
        self.transfer.as_ref().is_some_and(|transfer| transfer.left > 0)
    }

    /// A DRQ block is through.
    pub(super) fn next_block(&mut self, front: &mut Front, medium: &mut Medium) {
        let Some(transfer) = &mut self.transfer else { return front.abort() };
        if !transfer.to_device {
            return self.give(front, medium);
        }
        let block = core::mem::take(&mut transfer.received);
        let sectors = (block.len() / SECTOR) as u64;
        if let Err(sector) = medium.write(transfer.next, &block) {
            return self.fault_at(front, sector);
        }
        transfer.pass(sectors);
        match transfer.left {
            0 => front.finish(),
            _ => self.ask(front, medium, true),
        }
    }

    fn verify(&mut self, front: &mut Front, medium: &Medium, ext: bool) {
        let Some((first, count)) = self.range(&front.file, ext) else {
            return front.fail(error::IDNF);
        };
        let mut sector = vec![0; SECTOR];
        for number in first..first + count {
            if let Err(bad) = read(medium, number, &mut sector) {
                return self.fail_address(front, ext, bad);
            }
        }
        front.finish();
    }

    /// Ends the transfer with the address of the sector it failed at.
    fn fail_at(&mut self, front: &mut Front, bad: Bad) {
        let ext = self.transfer.take().is_some_and(|transfer| transfer.ext);
        self.fail_address(front, ext, bad);
    }

    /// Ends the transfer with the address of the sector that could not be written.
    fn fault_at(&mut self, front: &mut Front, sector: u64) {
        let ext = self.transfer.take().is_some_and(|transfer| transfer.ext);
        self.set_address(&mut front.file, ext, sector);
        front.fault();
    }

    fn fail_address(&self, front: &mut Front, ext: bool, bad: Bad) {
        self.set_address(&mut front.file, ext, bad.sector);
        front.fail(bad.error);
    }

    // ---- settings ----

    fn native_max(&self, front: &mut Front, medium: &Medium, ext: bool) {
        let last = medium.sectors().saturating_sub(1);
        let last = if ext { last } else { last.min(LBA28_SECTORS_MAX - 1) };
        front.file.device |= device::LBA;
        self.set_address(&mut front.file, ext, last);
        front.finish();
    }

    /// Heads less one in the Device register, sectors a track in the count: ATA-3, "INITIALIZE DEVICE
    /// PARAMETERS".
    fn set_parameters(&mut self, front: &mut Front, sectors: u64) {
        let (heads, track) = ((front.file.device & device::HEAD) + 1, front.file.count.now);
        if track == 0 {
            return front.abort();
        }
        self.current = Geometry::new(sectors, heads, track);
        front.finish();
    }

    fn set_multiple(&mut self, front: &mut Front) {
        let sectors = front.file.count.now;
        let possible = sectors == 0 || sectors.is_power_of_two() && sectors <= MULTIPLE_MAX;
        if !possible {
            return front.abort();
        }
        self.multiple = sectors;
        front.finish();
    }

    fn set_features(&mut self, front: &mut Front) {
        match front.file.features.now {
            feature::ENABLE_WRITE_CACHE => self.write_cache = true,
            feature::DISABLE_WRITE_CACHE => self.write_cache = false,
            feature::ENABLE_READ_LOOK_AHEAD => self.look_ahead = true,
            feature::DISABLE_READ_LOOK_AHEAD => self.look_ahead = false,
            feature::ENABLE_REVERTING | feature::DISABLE_REVERTING => {}
            feature::SET_TRANSFER_MODE if is_transfer_mode(front.file.count.now) => {
                self.transfer_mode = front.file.count.now;
            }
            _ => return front.abort(),
        }
        front.finish();
    }

    fn power(&mut self, power: Power, front: &mut Front) {
        match power {
            Power::Standby => self.standby = true,
            Power::Idle => self.standby = false,
            Power::Check => front.file.count.now = if self.standby { STANDBY } else { ACTIVE },
        }
        front.finish();
    }
}

/// Transfer modes that IDENTIFY announces: PIO to mode 4, multiword DMA to 2, Ultra DMA to 5.
pub(super) const fn is_transfer_mode(value: u8) -> bool {
    matches!(value, 0x00 | 0x01 | 0x08..=0x0c | 0x20..=0x22 | 0x40..=0x45)
}

/// A sector that cannot be had, and why.
#[derive(Clone, Copy)]
struct Bad {
    sector: u64,
    error: u8,
}

/// Refuses a range that leaves the disk, by the first sector outside.
fn within(medium: &Medium, first: u64, count: u64) -> Result<(), Bad> {
    let end = medium.sectors();
    match first.checked_add(count) {
        Some(last) if last <= end => Ok(()),
        _ => Err(Bad { sector: first.max(end), error: error::IDNF }),
    }
}

fn read(medium: &Medium, first: u64, out: &mut [u8]) -> Result<(), Bad> {
    within(medium, first, (out.len() / SECTOR) as u64)?;
    medium.read(first, out).map_err(|sector| Bad { sector, error: error::UNC })
}
