//! What IDENTIFY DEVICE and IDENTIFY PACKET DEVICE answer: ATA/ATAPI-6, "IDENTIFY DEVICE" and
//! "IDENTIFY PACKET DEVICE", word by word. Words that are not here are 0: "not reported".

use super::disk::Disk;
use super::spec::{LBA28_SECTORS_MAX, MULTIPLE_MAX, SECTOR};

/// Ultra DMA modes 0 to 5.
const UDMA_MODES: u16 = 0x3f;
/// Multiword DMA modes 0 to 2.
const MWDMA_MODES: u16 = 0x07;
/// Bits 14 and 13: an 80-conductor cable; bit 0: the device determined its number by its jumper.
const RESET_RESULT: u16 = 0x6001;

/// 256 words.
struct Words([u16; 256]);

impl Words {
    fn text(&mut self, first: usize, words: usize, text: &str) {
        let mut bytes = text.bytes().chain(core::iter::repeat(b' '));
        for word in &mut self.0[first..first + words] {
            let pair = [bytes.next(), bytes.next()].map(|byte| byte.unwrap_or(b' '));
            *word = u16::from_be_bytes(pair); // the first character is the high byte
        }
    }

    fn long(&mut self, first: usize, value: u64, words: usize) {
        for at in 0..words {
            self.0[first + at] = (value >> (16 * at)) as u16;
        }
    }

    /// What both kinds of device say of themselves and of their interface.
    fn common(&mut self, unit: u8, model: &str, transfer_mode: u8) {
        self.text(10, 10, &format!("BS{:05}", u32::from(unit) + 1));
        self.text(23, 4, "1.0");
        self.text(27, 20, model);
        self.0[53] = 0x0006; // words 64-70 and 88 are valid
        self.0[63] = MWDMA_MODES | selected(transfer_mode, 0x20);
        self.0[64] = 0x0003; // PIO modes 3 and 4
        for cycle in 65..=68 {
            self.0[cycle] = 120; // ns
        }
        self.0[80] = 0x007e; // ATA-1 to ATA/ATAPI-6
        self.0[88] = UDMA_MODES | selected(transfer_mode, 0x40);
        self.0[93] = RESET_RESULT;
    }

    /// The words as the host reads them, with the checksum of word 255.
    fn bytes(mut self) -> Vec<u8> {
        self.0[255] = 0x00a5;
        let mut bytes: Vec<u8> = self.0.into_iter().flat_map(u16::to_le_bytes).collect();
        let sum = bytes.iter().fold(0_u8, |sum, byte| sum.wrapping_add(*byte));
        if let Some(last) = bytes.last_mut() {
            *last = sum.wrapping_neg();
        }
        bytes
    }
}

/// The bit of the DMA mode that is selected, if it is of this kind.
fn selected(transfer_mode: u8, kind: u8) -> u16 {
    if transfer_mode & !7 == kind { 0x100 << (transfer_mode & 7) } else { 0 }
}

/// IDENTIFY DEVICE.
pub(super) fn disk(disk: &Disk, sectors: u64, unit: u8) -> Vec<u8> {
    let mut words = Words([0; 256]);
    words.common(unit, "BOOTSCOPE HARDDISK", disk.transfer_mode);
    let (default, current) = (disk.default_geometry(), disk.current);
    words.0[0] = 0x0040; // not removable
    words.0[1] = default.cylinders;
    words.0[3] = u16::from(default.heads);
    words.0[6] = u16::from(default.track_sectors);
    words.0[47] = 0x8000 | u16::from(MULTIPLE_MAX);
    words.0[49] = 0x0f00; // IORDY, may be disabled, LBA, DMA
    words.0[50] = 0x4000;
    words.0[51] = 0x0200; // PIO mode 2, for hosts that do not look at word 64
    words.0[53] |= 0x0001; // words 54-58 are valid
    words.0[54] = current.cylinders;
    words.0[55] = u16::from(current.heads);
    words.0[56] = u16::from(current.track_sectors);
    words.long(57, u64::from(current.sectors()).min(sectors), 2);
    words.0[59] = if disk.multiple == 0 { 0 } else { 0x100 | u16::from(disk.multiple) };
    words.long(60, sectors.min(LBA28_SECTORS_MAX), 2);
    let caches = |write: bool, ahead: bool| u16::from(write) << 5 | u16::from(ahead) << 6;
    words.0[82] = 0x4008 | caches(true, true); // NOP, power management
    words.0[83] = 0x7400; // FLUSH CACHE EXT, FLUSH CACHE, 48-bit addresses
    words.0[84] = 0x4000;
    words.0[85] = 0x4008 | caches(disk.write_cache, disk.look_ahead);
    words.0[86] = 0x3400;
    words.0[87] = 0x4000;
    words.long(100, sectors, 4);
    words.bytes()
}

/// IDENTIFY PACKET DEVICE.
pub(super) fn cd(transfer_mode: u8, unit: u8) -> Vec<u8> {
    let mut words = Words([0; 256]);
    words.common(unit, "BOOTSCOPE CD-ROM", transfer_mode);
    words.0[0] = 0x85c0; // ATAPI, CD-ROM, removable, DRQ within 50 us, packets of 12 bytes
    words.0[49] = 0x0f00; // IORDY, may be disabled, LBA, DMA
    words.0[82] = 0x4210; // NOP, DEVICE RESET, packet commands
    words.0[83] = 0x4000;
    words.0[84] = 0x4000;
    words.0[85] = 0x4210;
    words.0[87] = 0x4000;
    words.bytes()
}

const _: () = assert!(SECTOR == 256 * 2);
