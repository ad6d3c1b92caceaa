//! The command set of an ATAPI CD-ROM drive: ATA/ATAPI-6, "PACKET Command feature set", for the few
//! commands by register and the protocol of PACKET; SFF-8020i and MMC-3 for the packets.

mod answers;
mod packet;
mod spec;
mod toc;

use super::disk::is_transfer_mode;
use super::front::Front;
use super::identify;
use super::media::Medium;
use super::spec::{SECTOR as MEDIUM_SECTOR, command as c, error, feature, reason};
use serde::{Deserialize, Serialize};
use spec::{Packet, SECTOR, Sense};

/// Bytes of a command packet.
const PACKET_BYTES: usize = 12;
/// Features register of PACKET: data is moved by DMA.
const BY_DMA: u8 = 1;
/// Bits of the Error register above the sense key's place.
const SENSE_KEY_SHIFT: u32 = 4;

/// Data for the host.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum Data {
    Answer(Vec<u8>),
    /// Bytes of the disc.
    Disc {
        next: u64,
        end: u64,
    },
}

impl Data {
    fn left(&self) -> u64 {
        match self {
            Self::Answer(bytes) => bytes.len() as u64,
            Self::Disc { next, end } => end.saturating_sub(*next),
        }
    }
}

/// The state of a CD-ROM drive's command set.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Cd {
    sense: Sense,
    /// A disc was put in: the next command hears of it.
    changed: bool,
    tray_open: bool,
    locked: bool,
    /// An event that GET EVENT STATUS NOTIFICATION has not told yet.
    event: u8,
    transfer_mode: u8,
    /// The packet that is to be carried out.
    packet: Option<[u8; PACKET_BYTES]>,
    by_dma: bool,
    /// The command is PACKET: status follows its data.
    status_follows: bool,
    /// Most bytes of a DRQ block.
    byte_count_limit: u16,
    data: Option<Data>,
}

impl Cd {
    /// LBA Mid and LBA High of a packet device's signature.
    pub(super) const SIGNATURE: (u8, u8) = (0x14, 0xeb);

    /// At power-on, with a disc in the closed tray.
    pub(super) fn new() -> Self {
        Self {
            sense: Sense::NONE,
            changed: false,
            tray_open: false,
            locked: false,
            event: 0,
            transfer_mode: 0,
            packet: None,
            by_dma: false,
            status_follows: false,
            byte_count_limit: 0,
            data: None,
        }
    }

    /// A reset ends what is going on.
    pub(super) fn reset(&mut self) {
        (self.packet, self.data) = (None, None);
        self.locked = false;
        self.sense = Sense::NONE;
    }

    /// A command by register begins.
    pub(super) fn command(&mut self, code: u8, front: &mut Front, unit: u8) {
        (self.packet, self.data) = (None, None);
        self.status_follows = code == c::PACKET;
        match code {
            c::PACKET => self.ask_for_packet(front),
            c::IDENTIFY_PACKET_DEVICE => front.offer(identify::cd(self.transfer_mode, unit)),
            c::SET_FEATURES => self.set_features(front),
            c::CHECK_POWER_MODE => {
                front.file.count.now = 0xff; // active or idle
                front.finish();
            }
            c::IDLE_IMMEDIATE | c::STANDBY_IMMEDIATE | c::SLEEP | c::FLUSH_CACHE => front.finish(),
            // Hosts that take the drive for a disk are told by its signature what it is.
            c::IDENTIFY_DEVICE | c::READ_SECTORS => {
                front.sign(Self::SIGNATURE.0, Self::SIGNATURE.1);
                front.abort();
            }
            _ => front.abort(),
        }
    }

    fn set_features(&mut self, front: &mut Front) {
        let mode = front.file.count.now;
        match front.file.features.now {
            feature::SET_TRANSFER_MODE if is_transfer_mode(mode) => self.transfer_mode = mode,
            feature::ENABLE_REVERTING | feature::DISABLE_REVERTING => {}
            _ => return front.abort(),
        }
        front.finish();
    }

    // ---- PACKET ----

    fn ask_for_packet(&mut self, front: &mut Front) {
        self.by_dma = front.file.features.now & BY_DMA != 0;
        let limit = u16::from_le_bytes([front.file.lba_mid.now, front.file.lba_high.now]);
        // ATA/ATAPI-6, "Byte Count": 65,535 is taken as 65,534.
        self.byte_count_limit = if limit == 0xffff { 0xfffe } else { limit };
        front.file.count.now = reason::CD;
        front.request(PACKET_BYTES, false);
    }

    /// The host has written the packet; true if it is to be carried out at once, because a bus master
    /// may be waiting for its data.
    pub(super) fn receive(&mut self, block: &[u8]) -> bool {
        self.packet = Some(Packet::new(block).0);
        self.by_dma
    }

    /// True if something follows a DRQ block.
    pub(super) fn has_more(&self) -> bool {
        self.status_follows
    }

    /// The packet or a block of data is through.
    pub(super) fn next_block(&mut self, front: &mut Front, medium: &Medium) {
        if let Some(bytes) = self.packet.take() {
            match self.carry_out(Packet(bytes), disc_sectors(medium)) {
                Ok(data) => self.data = data.filter(|data| data.left() > 0),
                Err(sense) => return self.check(front, sense),
            }
            if self.data.is_some() && self.by_dma {
                return front.wait_for_dma();
            }
            if self.data.is_some() && self.byte_count_limit < 2 {
                self.data = None;
                front.file.count.now = reason::IO | reason::CD;
                return front.abort();
            }
        }
        if self.data.is_none() {
            return self.end(front);
        }
        self.give(front, medium);
    }

    /// The next DRQ block, its size in the byte count registers.
    fn give(&mut self, front: &mut Front, medium: &Medium) {
        let left = self.data.as_ref().map_or(0, Data::left);
        // Only the last block may be of an odd size.
        let limit = u64::from(self.byte_count_limit);
        let len = if left <= limit { left } else { limit & !1 };
        match self.take(len as usize, medium) {
            Ok(bytes) => {
                let [low, high] = (bytes.len() as u16).to_le_bytes();
                (front.file.lba_mid.now, front.file.lba_high.now) = (low, high);
                front.file.count.now = reason::IO;
                front.offer(bytes);
            }
            Err(sense) => self.check(front, sense),
        }
    }

    /// Takes so many bytes of the data; of the last ones none are left.
    fn take(&mut self, len: usize, medium: &Medium) -> Result<Vec<u8>, Sense> {
        let Some(data) = &mut self.data else { return Ok(Vec::new()) };
        let bytes = match data {
            Data::Answer(bytes) => {
                let rest = bytes.split_off(len.min(bytes.len()));
                core::mem::replace(bytes, rest)
            }
            Data::Disc { next, end } => {
                let len = (len as u64).min(end.saturating_sub(*next));
                let bytes = read(medium, *next, len)?;
                *next += len;
                bytes
            }
        };
        self.data = self.data.take().filter(|data| data.left() > 0);
        Ok(bytes)
    }

    /// The command has ended well.
    pub(super) fn end(&mut self, front: &mut Front) {
        self.data = None;
        front.file.count.now = reason::IO | reason::CD;
        front.finish();
    }

    /// CHECK CONDITION: REQUEST SENSE tells why.
    fn check(&mut self, front: &mut Front, sense: Sense) {
        self.data = None;
        self.sense = sense;
        front.file.count.now = reason::IO | reason::CD;
        front.fail(sense.key << SENSE_KEY_SHIFT | error::ABRT);
    }

    // ---- DMA ----

    /// Bytes of the data that are left.
    pub(super) fn dma_wanted(&self) -> u64 {
        self.data.as_ref().map_or(0, Data::left)
    }

    /// The next bytes, to memory.
    pub(super) fn dma_read(&mut self, front: &mut Front, medium: &Medium, out: &mut [u8]) -> bool {
        match self.take(out.len(), medium) {
            Ok(bytes) => {
                let len = bytes.len().min(out.len());
                out[..len].copy_from_slice(&bytes[..len]);
                true
            }
            Err(sense) => {
                self.check(front, sense);
                false
            }
        }
    }
}

/// Sectors of the disc.
fn disc_sectors(medium: &Medium) -> u64 {
    medium.sectors().div_ceil((SECTOR / MEDIUM_SECTOR) as u64)
}

/// Bytes of the disc; what its last sector lacks is zeros.
fn read(medium: &Medium, from: u64, len: u64) -> Result<Vec<u8>, Sense> {
    let small = MEDIUM_SECTOR as u64;
    let (first, end) = (from / small, (from + len).div_ceil(small));
    let mut bytes = vec![0; ((end - first) * small) as usize];
    let there = medium.sectors().saturating_sub(first).min(end - first) as usize * MEDIUM_SECTOR;
    medium.read(first, &mut bytes[..there]).map_err(|_| Sense::UNREADABLE)?;
    bytes.drain(..(from % small) as usize);
    bytes.truncate(len as usize);
    Ok(bytes)
}
