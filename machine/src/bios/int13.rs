//! INT 13h: the machine's hard disks, in the order of their places, from 80h on, and its CD-ROMs from E0h on.
//!
//! Follows: IBM BIOS Interface Technical Reference, "INT 13H - Fixed Disk"; Phoenix, Enhanced Disk
//! Drive Specification 3.0, functions 41h to 48h (fixed disk access subset, without device parameters);
//! Phoenix and IBM, "El Torito" Bootable CD-ROM Format Specification 1.0, section 5 and function 4Bh. CD-ROMs
//! have sectors of 2048 bytes, which packets alone name. Geometries are translated as SeaBIOS does: by size, where there are more than 1,024 cylinders.
//!
//! The bytes are those of the IDE disks' media; the IDE controller itself is not touched.

use super::{After, Call};
use crate::bios::call::reg;
use arch::segment::SegReg;
use boot::bios::bda;
use boot::el_torito::{BootImage, DRIVE as FIRST_CD};
use devices::ata::{Drive, Medium};

/// The first hard disk.
const FIRST: u8 = 0x80;
const SECTOR: usize = 512;
/// Bytes of a CD-ROM's sector.
const CD_SECTOR: u16 = 2048;
/// Most sectors of one call: 64 KiB.
const SECTORS_MAX: u16 = 128;
/// Most sectors of one call with a packet.
const PACKET_SECTORS_MAX: u16 = 127;
/// Cylinders that a call can name.
const CYLINDERS_MAX: u32 = 1024;

/// What AH says.
mod status {
    pub(super) const BAD_PARAMETER: u8 = 0x01;
    pub(super) const WRITE_PROTECTED: u8 = 0x03;
    pub(super) const READ_ERROR: u8 = 0x10;
    pub(super) const WRITE_FAULT: u8 = 0xcc;
}

/// What to do with sectors.
#[derive(Clone, Copy)]
enum Transfer {
    Read,
    Write,
    Verify,
}

/// Cylinders, heads and sectors a track as callers name them.
struct Geometry {
    cylinders: u32,
    heads: u32,
    sectors: u32,
}

impl Geometry {
    /// SeaBIOS `block.c`, "setup_translation": none, or by size.
    fn of(drive: &Drive) -> Self {
        let (cylinders, heads, sectors) = drive.geometry().unwrap_or((1, 1, 1));
        let total = drive.medium().sectors();
        if u32::from(cylinders) <= CYLINDERS_MAX {
            let (heads, sectors) = (heads.into(), sectors.into());
            return Self { cylinders: cylinders.into(), heads, sectors };
        }
        let tracks_of_1024 = total / 63 / u64::from(CYLINDERS_MAX);
        let heads = [16, 32, 64, 128].into_iter().find(|&heads| tracks_of_1024 <= heads);
        let heads = heads.unwrap_or(255);
        let cylinders = (total / (63 * heads)).clamp(1, u64::from(CYLINDERS_MAX));
        Self { cylinders: cylinders as u32, heads: heads as u32, sectors: 63 }
    }
}

impl Call<'_> {
    pub(super) fn int13(&mut self) -> After {
        let drive = self.low(reg::RDX);
        let ah = self.ah();
        match ah {
            _ if self.is_cd() => self.int13_of_a_cd(ah),
            _ if drive < FIRST || drive - FIRST >= self.bda8(bda::DISKS) => {
                self.no_disk(ah);
                After::GoOn
            }
            0x00 | 0x0c | 0x0d | 0x10 | 0x11 | 0x14 | 0x47 => self.disk_done(0),
            0x01 => self.tell_status(),
            0x02 => self.by_place(Transfer::Read),
            0x03 => self.by_place(Transfer::Write),
            0x04 => self.by_place(Transfer::Verify),
            0x08 => self.tell_geometry(),
            0x15 => self.tell_type(),
            0x41 => self.tell_extensions(),
            0x42 => self.by_packet(Transfer::Read),
            0x43 => self.by_packet(Transfer::Write),
            0x44 => self.by_packet(Transfer::Verify),
            0x48 => self.tell_parameters(),
            _ => self.no_function(),
        }
    }

    /// The functions that a CD-ROM has.
    fn int13_of_a_cd(&mut self, ah: u8) -> After {
        match ah {
            0x00 | 0x0d | 0x10 | 0x11 | 0x14 | 0x47 => self.disk_done(0),
            0x01 => self.tell_status(),
            0x41 => self.tell_extensions(),
            0x42 => self.by_packet(Transfer::Read),
            0x43 => self.by_packet(Transfer::Write),
            0x44 => self.by_packet(Transfer::Verify),
            0x48 => self.tell_parameters(),
            0x4b => self.tell_boot_image(),
            _ => self.no_function(),
        }
    }

    fn no_function(&mut self) -> After {
        self.disk_done(status::BAD_PARAMETER);
        After::Unknown
    }

    /// 01h: how the last call ended.
    fn tell_status(&mut self) -> After {
        let last = self.bda8(bda::DISK_STATUS);
        self.set_ah(last);
        if last == 0 {
            self.succeed()
        } else {
            self.fail(last)
        }
        After::GoOn
    }

    /// There is no such drive; 08h still tells how many of its kind there are: of diskettes none.
    fn no_disk(&mut self, ah: u8) {
        if ah == 0x08 {
            let disks = if self.low(reg::RDX) < FIRST { 0 } else { self.bda8(bda::DISKS) };
            self.set_low(reg::RDX, disks);
        }
        self.set_bda8(bda::DISK_STATUS, status::BAD_PARAMETER);
        self.fail(status::BAD_PARAMETER);
    }

    fn disk_done(&mut self, status: u8) -> After {
        self.set_bda8(bda::DISK_STATUS, status);
        if status == 0 {
            self.set_ah(0);
            self.succeed();
        } else {
            self.fail(status);
        }
        After::GoOn
    }

    /// What DL names: a CD-ROM or not, and its number among those.
    fn named(&self) -> Option<(bool, usize)> {
        let dl = self.low(reg::RDX);
        let cd = dl >= FIRST_CD;
        let number = dl.checked_sub(if cd { FIRST_CD } else { FIRST })?;
        Some((cd, number.into()))
    }

    /// The drive that DL names.
    fn disk(&self) -> Option<&Drive> {
        let (cd, number) = self.named()?;
        let channels = &self.board.ide.as_ref()?.channels;
        let drives = channels.iter().flat_map(|channel| [channel.drive(0), channel.drive(1)]);
        drives.flatten().filter(|drive| drive.is_cd() == cd).nth(number)
    }

    fn medium_mut(&mut self) -> Option<&mut Medium> {
        let (cd, number) = self.named()?;
        let drives = self.board.ide.as_mut()?.drives_mut().flatten();
        drives.filter(|drive| drive.is_cd() == cd).nth(number).map(|drive| drive.medium_mut())
    }

    fn is_cd(&self) -> bool {
        self.disk().is_some_and(Drive::is_cd)
    }

    /// How many of the medium's sectors one of the drive is.
    fn medium_sectors(&self) -> u16 {
        if self.is_cd() { CD_SECTOR / SECTOR as u16 } else { 1 }
    }

    fn geometry(&self) -> Option<Geometry> {
        self.disk().map(Geometry::of)
    }

    // ---- by cylinder, head and sector ----

    fn by_place(&mut self, transfer: Transfer) -> After {
        let count = u16::from(self.al());
        let place = self.sector_named().filter(|_| (1..=SECTORS_MAX).contains(&count));
        let Some(first) = place else {
            return self.disk_done(status::BAD_PARAMETER);
        };
        let buffer = self.linear(SegReg::Es, self.word(reg::RBX));
        let status = self.transfer(transfer, first, count, buffer);
        if status != 0 {
            self.set_al(0);
        }
        self.disk_done(status)
    }

    /// The sector that CH, CL and DH name.
    fn sector_named(&self) -> Option<u64> {
        let geometry = self.geometry()?;
        let (ch, cl) = (u32::from(self.high(reg::RCX)), u32::from(self.low(reg::RCX)));
        let (cylinder, sector) = (ch | (cl & 0xc0) << 2, cl & 0x3f);
        let head = u32::from(self.high(reg::RDX));
        let inside = cylinder < geometry.cylinders
            && head < geometry.heads
            && (1..=geometry.sectors).contains(&sector);
        let track = u64::from(cylinder * geometry.heads + head);
        inside.then(|| track * u64::from(geometry.sectors) + u64::from(sector - 1))
    }

    /// Moves sectors; the status.
    fn transfer(&mut self, transfer: Transfer, first: u64, count: u16, buffer: u64) -> u8 {
        let each = self.medium_sectors();
        let (first, count) = (first.saturating_mul(each.into()), count * each);
        self.board.note_moved(u64::from(count) * SECTOR as u64);
        let Some(medium) = self.disk().map(Drive::medium) else { return status::BAD_PARAMETER };
        let end = first.checked_add(count.into());
        if end.is_none_or(|end| end > medium.sectors()) {
            return status::BAD_PARAMETER;
        }
        let mut bytes = vec![0; usize::from(count) * SECTOR];
        match transfer {
            Transfer::Write if medium.is_read_only() => return status::WRITE_PROTECTED,
            Transfer::Write => {
                self.read(buffer, &mut bytes);
                let medium = self.medium_mut();
                if medium.is_some_and(|medium| medium.write(first, &bytes).is_err()) {
                    return status::WRITE_FAULT;
                }
            }
            Transfer::Read | Transfer::Verify => {
                if medium.read(first, &mut bytes).is_err() {
                    return status::READ_ERROR;
                }
                if matches!(transfer, Transfer::Read) {
                    self.write(buffer, &bytes);
                }
            }
        }
        0
    }

    /// 08h: the last cylinder, head and sector, and the number of disks. No cylinder is kept for
    /// diagnostics, as IBM's BIOS did.
    fn tell_geometry(&mut self) -> After {
        let Some(geometry) = self.geometry() else {
            return self.disk_done(status::BAD_PARAMETER);
        };
        let [low, high] = ((geometry.cylinders - 1) as u16).to_le_bytes();
        self.set_al(0);
        self.set_high(reg::RCX, low);
        self.set_low(reg::RCX, high << 6 | geometry.sectors as u8);
        self.set_high(reg::RDX, (geometry.heads - 1) as u8);
        let disks = self.bda8(bda::DISKS);
        self.set_low(reg::RDX, disks);
        self.disk_done(0)
    }

    /// 15h: a fixed disk, and its sectors in CX:DX.
    fn tell_type(&mut self) -> After {
        const FIXED_DISK: u8 = 3;
        let Some(Geometry { cylinders, heads, sectors }) = self.geometry() else {
            return self.disk_done(status::BAD_PARAMETER);
        };
        let total = cylinders * heads * sectors;
        self.disk_done(0);
        self.set_word(reg::RCX, (total >> 16) as u16);
        self.set_word(reg::RDX, total as u16);
        self.set_ah(FIXED_DISK);
        After::GoOn
    }

    // ---- by packet ----

    /// 41h: version 1.1, the fixed disk access subset.
    fn tell_extensions(&mut self) -> After {
        const VERSION: u8 = 0x21;
        const FIXED_DISK_ACCESS: u16 = 1;
        if self.word(reg::RBX) != 0x55aa {
            return self.disk_done(status::BAD_PARAMETER);
        }
        self.disk_done(0);
        self.set_word(reg::RBX, 0xaa55);
        self.set_ah(VERSION);
        self.set_word(reg::RCX, FIXED_DISK_ACCESS);
        After::GoOn
    }

    /// The packet at DS:SI: length, sectors, buffer as offset and segment, first sector.
    fn by_packet(&mut self, transfer: Transfer) -> After {
        let at = self.linear(SegReg::Ds, self.word(reg::RSI));
        let mut packet = [0; 16];
        self.read(at, &mut packet);
        let word = |at: usize| u16::from_le_bytes([packet[at], packet[at + 1]]);
        let first = packet[8..].iter().rev().fold(0, |value, &byte| value << 8 | u64::from(byte));
        let (count, buffer) = (word(2), u64::from(word(6)) * 16 + u64::from(word(4)));
        if packet[0] < 16 || count > PACKET_SECTORS_MAX {
            return self.disk_done(status::BAD_PARAMETER);
        }
        let status = self.transfer(transfer, first, count, buffer);
        if status != 0 {
            self.write(at + 2, &[0, 0]);
        }
        self.disk_done(status)
    }

    /// 48h: the 26 bytes of version 1 at DS:SI.
    fn tell_parameters(&mut self) -> After {
        const LEN: u16 = 26;
        const GEOMETRY_VALID: u16 = 1 << 1;
        const REMOVABLE: u16 = 1 << 2;
        let at = self.linear(SegReg::Ds, self.word(reg::RSI));
        let mut wanted = [0; 2];
        self.read(at, &mut wanted);
        let each = self.medium_sectors();
        let found = self.disk().map(|drive| (drive.geometry(), drive.medium().sectors()));
        let Some((geometry, total)) = found.filter(|_| u16::from_le_bytes(wanted) >= LEN) else {
            return self.disk_done(status::BAD_PARAMETER);
        };
        let (flags, [cylinders, heads, sectors]) = match geometry {
            Some((cylinders, heads, sectors)) => {
                (GEOMETRY_VALID, [cylinders.into(), heads.into(), sectors.into()])
            }
            None => (REMOVABLE, [u32::MAX; 3]),
        };
        let fields: [&[u8]; 7] = [
            &LEN.to_le_bytes(),
            &flags.to_le_bytes(),
            &cylinders.to_le_bytes(),
            &heads.to_le_bytes(),
            &sectors.to_le_bytes(),
            &(total / u64::from(each)).to_le_bytes(),
            &(SECTOR as u16 * each).to_le_bytes(),
        ];
        self.write(at, &fields.concat());
        self.disk_done(0)
    }

    // ---- El Torito ----

    /// 4Bh: the packet of 13h bytes at DS:SI tells what the disc was booted with. There is no emulation that
    /// AL = 00h could end.
    fn tell_boot_image(&mut self) -> After {
        const LEN: u8 = 0x13;
        let drive = self.low(reg::RDX);
        let found = self.disk().map(|drive| BootImage::parse(&Disc(drive.medium())));
        let Some(Ok(BootImage { segment, sectors, first })) = found.filter(|_| self.al() <= 1)
        else {
            return self.disk_done(status::BAD_PARAMETER);
        };
        let at = self.linear(SegReg::Ds, self.word(reg::RSI));
        let fields: [&[u8]; 6] = [
            &[LEN, 0, drive, 0], // no emulation; the first controller
            &first.to_le_bytes(),
            &[0; 4], // no device specification, no buffer
            &segment.to_le_bytes(),
            &sectors.to_le_bytes(),
            &[0; 3], // no geometry
        ];
        self.write(at, &fields.concat());
        self.disk_done(0)
    }
}

/// A disc as the loaders read images.
struct Disc<'a>(&'a Medium);

impl boot::Image for Disc<'_> {
    fn name(&self) -> &str {
        "CD-ROM"
    }

    fn len(&self) -> u64 {
        self.0.sectors() * SECTOR as u64
    }

    fn read_at(&self, offset: u64, out: &mut [u8]) -> Result<(), boot::ReadError> {
        let refused = || boot::ReadError::past_end(self, offset, out.len() as u64);
        let end = offset.checked_add(out.len() as u64).filter(|&end| end <= self.len());
        let end = end.ok_or_else(refused)?;
        let (first, last) = (offset / SECTOR as u64, end.div_ceil(SECTOR as u64));
        let mut bytes = vec![0; (last - first) as usize * SECTOR];
        self.0.read(first, &mut bytes).map_err(|_| refused())?;
        let from = (offset - first * SECTOR as u64) as usize;
        out.copy_from_slice(&bytes[from..from + out.len()]);
        Ok(())
    }
}
