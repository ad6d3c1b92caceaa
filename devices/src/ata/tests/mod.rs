//! A small driver that speaks the protocols of ATA/ATAPI-6, clause 9, to a channel, and asserts at each
//! step what the standard says of BSY, DRQ and INTRQ.

mod bus_master;
mod cd;
mod channel;
mod disk;
mod media;

use super::spec::{SECTOR, command as c, device, register as r, status as s};
use super::*;
use std::sync::Arc;

/// What an access to a port of an ISA bus takes.
const ACCESS_NS: u64 = 1_000;

/// An image whose every sector is different: byte n of sector s is s * 7 + n, and s in the first two.
fn pattern(sectors: usize) -> Vec<u8> {
    let mut bytes: Vec<u8> =
        (0..sectors * SECTOR).map(|at| (at / SECTOR * 7 + at % SECTOR) as u8).collect();
    for (sector, bytes) in bytes.chunks_exact_mut(SECTOR).enumerate() {
        bytes[..2].copy_from_slice(&(sector as u16).to_le_bytes());
    }
    bytes
}

fn disk(sectors: usize) -> Drive {
    Drive::disk(Arc::new(Bytes(pattern(sectors))), false, 0)
}

/// An image with a sector that cannot be read.
#[derive(Debug)]
struct Scratched {
    bytes: Bytes,
    bad_sector: u64,
}

impl Media for Scratched {
    fn size_bytes(&self) -> u64 {
        self.bytes.size_bytes()
    }
    fn read_at(&self, offset: u64, out: &mut [u8]) -> Result<(), MediaError> {
        let bad = self.bad_sector * SECTOR as u64;
        let touched = offset < bad + SECTOR as u64 && bad < offset + out.len() as u64;
        if touched { Err(MediaError) } else { self.bytes.read_at(offset, out) }
    }
}

/// What a command ended with.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct End {
    status: u8,
    error: u8,
}

/// Ended well.
const GOOD: End = End { status: s::DRDY | s::DSC, error: 0 };

fn failed(error: u8) -> End {
    End { status: s::DRDY | s::DSC | s::ERR, error }
}

struct Host {
    channel: Channel,
    now: Instant,
}

impl Host {
    fn new(drives: [Option<Drive>; 2]) -> Self {
        Self { channel: Channel::new(drives), now: Instant::ZERO }
    }

    fn with_disk(sectors: usize) -> Self {
        Self::new([Some(disk(sectors)), None])
    }

    fn pass(&mut self, ns: u64) {
        self.now = self.now.after(ns);
        self.channel.advance(self.now);
    }

    fn read(&mut self, offset: u8) -> u8 {
        self.pass(ACCESS_NS);
        self.channel.read(offset)
    }

    fn write(&mut self, offset: u8, value: u8) {
        self.pass(ACCESS_NS);
        self.channel.write(offset, value);
    }

    fn control(&mut self, value: u8) {
        self.pass(ACCESS_NS);
        self.channel.write_control(value);
    }

    fn alt(&self) -> u8 {
        self.channel.read_control()
    }

    /// Time passes until the device interrupts.
    fn wait(&mut self) {
        let event = self.channel.next_event().expect("a busy device is done at some time");
        assert!(!self.channel.irq() && self.alt() & s::BSY != 0, "busy until {event:?}");
        self.now = self.now.max(event);
        self.channel.advance(self.now);
        assert_eq!(self.alt() & s::BSY, 0);
    }

    /// Writes LBA, count and command; 48 bits if `ext`.
    fn lba_command(&mut self, code: u8, lba: u64, count: u16, ext: bool) {
        let bytes = lba.to_le_bytes();
        let [count, count_high] = count.to_le_bytes();
        self.write(r::DEVICE, device::OBSOLETE | device::LBA | if ext { 0 } else { bytes[3] & 15 });
        if ext {
            self.write(r::COUNT, count_high);
            self.write(r::LBA_LOW, bytes[3]);
            self.write(r::LBA_MID, bytes[4]);
            self.write(r::LBA_HIGH, bytes[5]);
        }
        self.write(r::COUNT, count);
        self.write(r::LBA_LOW, bytes[0]);
        self.write(r::LBA_MID, bytes[1]);
        self.write(r::LBA_HIGH, bytes[2]);
        self.write(r::STATUS, code);
        assert_eq!(self.alt() & (s::BSY | s::DRQ), s::BSY, "BSY within 400 ns of the command");
    }

    /// Reads the status, which acknowledges, and the error.
    fn end(&mut self) -> End {
        let status = self.read(r::STATUS);
        assert!(!self.channel.irq(), "reading the status acknowledges");
        End { status, error: self.read(r::ERROR) }
    }

    /// PIO data-in: an interrupt for every block, none at the end.
    fn data_in(&mut self, blocks: usize, block_bytes: usize) -> Result<Vec<u8>, End> {
        let mut data = Vec::new();
        for _ in 0..blocks {
            self.wait();
            assert!(self.channel.irq());
            let status = self.read(r::STATUS);
            if status & s::ERR != 0 {
                let error = self.read(r::ERROR);
                return Err(End { status, error });
            }
            assert_eq!(status, s::DRDY | s::DSC | s::DRQ);
            assert_eq!(self.channel.readable(), block_bytes - 1);
            for _ in 0..block_bytes / 2 {
                assert_eq!(self.alt() & s::DRQ, s::DRQ);
                data.extend(self.channel.read_data().to_le_bytes());
            }
            assert_eq!(self.alt() & s::DRQ, 0);
        }
        assert_eq!((self.alt(), self.channel.irq()), (GOOD.status, false));
        Ok(data)
    }

    /// PIO data-out: no interrupt before the first block, one after each.
    fn data_out(&mut self, data: &[u8], block_bytes: usize) -> End {
        for (index, block) in data.chunks(block_bytes).enumerate() {
            self.wait();
            assert_eq!(self.channel.irq(), index > 0 || self.alt() & s::ERR != 0);
            if self.alt() & s::DRQ == 0 {
                return self.end();
            }
            assert_eq!(self.read(r::STATUS), s::DRDY | s::DSC | s::DRQ);
            for word in block.chunks(2) {
                assert_eq!(self.alt() & s::DRQ, s::DRQ);
                self.channel.write_data(u16::from_le_bytes([word[0], word[1]]));
            }
        }
        self.wait();
        assert!(self.channel.irq());
        self.end()
    }

    /// A command without data.
    fn no_data(&mut self) -> End {
        self.wait();
        assert!(self.channel.irq());
        self.end()
    }

    fn identify(&mut self) -> [u16; 256] {
        self.write(r::DEVICE, device::OBSOLETE);
        self.write(r::STATUS, c::IDENTIFY_DEVICE);
        words(&self.data_in(1, SECTOR).unwrap())
    }
}

fn words(bytes: &[u8]) -> [u16; 256] {
    let pairs: Vec<u16> = bytes.chunks(2).map(|it| u16::from_le_bytes([it[0], it[1]])).collect();
    pairs.try_into().unwrap()
}

/// ATA strings: two characters a word, the first in the high byte.
fn text(words: &[u16]) -> String {
    let bytes = words.iter().flat_map(|word| word.to_be_bytes()).collect();
    String::from_utf8(bytes).unwrap().trim_end().to_owned()
}
