//! A CD-ROM: how a BIOS starts one. Phoenix and IBM, "El Torito" Bootable CD-ROM Format Specification 1.0
//! (1995), sections 2 to 4; ISO 9660 (ECMA-119), 8.2, for the boot record.
//!
//! ```text
//! sector 17   boot record: "CD001", "EL TORITO SPECIFICATION", at 47h the sector of the catalog
//! catalog     validation entry: 01, platform, 55 aa, words that sum to zero
//!             initial entry: 88, kind of emulation, segment, 512-byte sectors, first 2048-byte sector
//! ```
//! The boot image goes to its segment, 07C0h if it names none, and starts in real mode with DL naming the drive,
//! E0h. What it then reads are sectors of 2048 bytes, by INT 13h, 42h. Not modelled: emulation of diskettes and
//! hard disks, which boot images of our time do not ask for, and section entries: a BIOS takes the initial one.

use crate::entry::{Entry, gpr};
use crate::error::BootError;
use crate::image::Image;
use crate::layout;
use crate::plan::{BootPlan, Draft, Request, Source};
use crate::protocol::Protocol;
use crate::reader::{Reader, u8_at, u16_at, u32_at};
use arch::rflags;

/// The first CD-ROM drive.
pub const DRIVE: u8 = 0xe0;
/// Length of a sector of the disc, and of those that the catalog counts.
const SECTOR: u64 = 2048;
const VIRTUAL_SECTOR: u64 = 512;
/// Where the boot record is, and what it begins with.
const BOOT_RECORD: u64 = 17 * SECTOR;
const SIGNATURE: &[u8] = b"\0CD001\x01EL TORITO SPECIFICATION\0";
/// Length of an entry of the catalog.
const ENTRY_LEN: usize = 32;
/// First byte of the validation entry, and of an initial entry that can be booted.
const VALIDATION: u8 = 1;
const BOOTABLE: u8 = 0x88;
/// The segment that 0 stands for.
const DEFAULT_SEGMENT: u16 = 0x07c0;

/// The initial entry of a boot catalog.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct BootImage {
    /// Where it is loaded.
    pub segment: u16,
    /// How many sectors of 512 bytes are loaded.
    pub sectors: u16,
    /// First sector of 2048 bytes.
    pub first: u32,
}

/// True if the image has the boot record of a CD-ROM.
pub(crate) fn has_boot_record(image: &dyn Image) -> bool {
    let mut found = [0; SIGNATURE.len()];
    image.len() > BOOT_RECORD + SECTOR
        && image.read_at(BOOT_RECORD, &mut found).is_ok()
        && found == SIGNATURE
}

impl BootImage {
    /// Follows boot record and catalog.
    pub fn parse(image: &dyn Image) -> Result<Self, BootError> {
        let reader = Reader::new(image);
        let record = reader.bytes("the boot record", BOOT_RECORD, SECTOR)?;
        let refuse =
            |offset: u64, what: &str| Err(BootError::ElTorito { offset, what: what.to_owned() });
        if !record.starts_with(SIGNATURE) {
            return refuse(BOOT_RECORD, "sector 17 is no El Torito boot record");
        }
        let at = u64::from(u32_at(&record, 0x47)) * SECTOR;
        let catalog = reader.bytes("the boot catalog", at, 2 * ENTRY_LEN as u64)?;
        let (validation, entry) = catalog.split_at(ENTRY_LEN);
        let words = validation.chunks_exact(2).map(|word| u16_at(word, 0));
        let sum = words.fold(0, u16::wrapping_add);
        if u8_at(validation, 0) != VALIDATION || u16_at(validation, 30) != 0xaa55 || sum != 0 {
            return refuse(
                at,
                "the boot catalog has no validation entry, or it does not sum to zero",
            );
        }
        if u8_at(validation, 1) != 0 {
            let what = format!("the boot catalog is for platform {}, not 80x86 (0)", validation[1]);
            return refuse(at + 1, &what);
        }
        let at = at + ENTRY_LEN as u64;
        if u8_at(entry, 0) != BOOTABLE {
            return refuse(at, "the boot catalog's initial entry is marked as not bootable");
        }
        let emulation = u8_at(entry, 1) & 0xf;
        if emulation != 0 {
            let what = format!("the disc asks for emulation of media type {emulation}");
            return refuse(at + 1, &what);
        }
        let (segment, sectors) = (u16_at(entry, 2), u16_at(entry, 6));
        if sectors == 0 {
            return refuse(at + 6, "the boot catalog's initial entry loads no sector");
        }
        let segment = if segment == 0 { DEFAULT_SEGMENT } else { segment };
        Ok(Self { segment, sectors, first: u32_at(entry, 8) })
    }

    /// What `--explain-boot` says.
    pub(crate) fn words(&self) -> String {
        let Self { segment, sectors, first } = self;
        format!(
            "El Torito boot image of {} bytes at sector {first}, for {segment:04x}:0000",
            u64::from(*sectors) * VIRTUAL_SECTOR
        )
    }

    /// Where it is loaded.
    pub(crate) fn address(&self) -> u64 {
        u64::from(self.segment) << 4
    }
}

/// Plans the start of the disc `source`.
pub(crate) fn plan<'a>(
    request: &Request<'a>,
    source: Source<'a>,
) -> Result<BootPlan<'a>, BootError> {
    let boot_image = BootImage::parse(source.image())?;
    let (count, len) = (request.modules.len(), request.cmdline.len());
    if count > 0 {
        return Err(BootError::TooManyModules { protocol: Protocol::ElTorito, count, max: 0 });
    }
    if len > 0 {
        return Err(BootError::CommandLineTooLong { len, max: 0 });
    }
    let (from, len) = (u64::from(boot_image.first) * SECTOR, u64::from(boot_image.sectors));
    let len = len * VIRTUAL_SECTOR;
    Reader::new(source.image()).check("the boot image", from, len)?;
    let mut draft = Draft::with_bios(request, source)?;
    draft.image("boot image", boot_image.address(), len, 0, from)?;
    draft.explain(format!("{}: as a BIOS starts CD-ROM {DRIVE:#x}", boot_image.words()));
    // As SeaBIOS: as much as can be in IP, so that 07c0:0000 is 0000:7c00.
    let (code, ip) = (boot_image.segment & 0xf000, boot_image.segment << 4);
    let mut entry = Entry::real_mode(code, ip, 0, layout::BOOT_SECTOR as u16);
    entry.gprs[gpr::RDX] = DRIVE.into();
    entry.rflags |= rflags::IF; // the clock ticks
    Ok(draft.finish(Protocol::ElTorito, entry))
}
