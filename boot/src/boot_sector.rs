//! A boot sector: how an IBM PC's BIOS starts a disk (IBM PC/AT Technical Reference, BIOS listing,
//! bootstrap loader; BIOS Boot Specification 1.01, section 6).
//!
//! The first 512 bytes of the image go to 0x7c00 and start in real mode with DL naming the disk, 0x80;
//! the last two must be 55 aa. What the BIOS then reads from is the machine's first disk, its answers are
//! those of [`crate::bios`]. CD-ROMs: [`crate::el_torito`]. Not modelled: floppies (DL 0).

use crate::entry::{Entry, gpr};
use crate::error::BootError;
use crate::image::Image;
use crate::layout;
use crate::plan::{BootPlan, Draft, Request, Source};
use crate::protocol::Protocol;
use crate::reader::{Reader, u16_at};
use arch::rflags;

/// Length of a sector.
const LEN: u64 = 512;
/// Last word of a boot sector.
const SIGNATURE: u16 = 0xaa55;
/// The first hard disk.
const DRIVE: u64 = 0x80;

/// True if the image begins with a sector that a BIOS would start.
pub(crate) fn has_signature(prefix: &[u8]) -> bool {
    u16_at(prefix, LEN as usize - 2) == SIGNATURE
}

/// Plans the start of the boot sector of `source`.
pub(crate) fn plan<'a>(
    request: &Request<'a>,
    source: Source<'a>,
) -> Result<BootPlan<'a>, BootError> {
    check(source.image())?;
    let (count, len) = (request.modules.len(), request.cmdline.len());
    if count > 0 {
        return Err(BootError::TooManyModules { protocol: Protocol::BootSector, count, max: 0 });
    }
    if len > 0 {
        return Err(BootError::CommandLineTooLong { len, max: 0 });
    }
    let mut draft = Draft::with_bios(request, source)?;
    draft.image("boot sector", layout::BOOT_SECTOR, LEN, 0, 0)?;
    draft.explain("boot sector: as a BIOS starts disk 0x80");
    let mut entry = Entry::real_mode(0, layout::BOOT_SECTOR as u16, 0, layout::BOOT_SECTOR as u16);
    entry.gprs[gpr::RDX] = DRIVE;
    entry.rflags |= rflags::IF; // the clock ticks
    Ok(draft.finish(Protocol::BootSector, entry))
}

fn check(image: &dyn Image) -> Result<(), BootError> {
    let sector = Reader::new(image).bytes("the boot sector", 0, LEN)?;
    if has_signature(&sector) {
        return Ok(());
    }
    Err(BootError::BootSectorSignature { found: u16_at(&sector, LEN as usize - 2) })
}
