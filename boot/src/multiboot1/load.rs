//! What of a multiboot image goes where: by the header's address fields or by the ELF segments.

use super::header::{Addresses, Header};
use crate::elf::{Elf, Segment};
use crate::error::BootError;
use crate::image::Image;
use core::ops::Range;

/// A piece of the kernel in memory: bytes of the file, then zeros.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Piece {
    /// ELF program header it comes from; 0 for an image with address fields.
    pub index: usize,
    /// Physical range, file bytes and zeros.
    pub range: Range<u64>,
    /// Offset of its bytes in the file.
    pub offset: u64,
    /// How many bytes come from the file.
    pub filesz: u64,
}

/// A multiboot kernel's pieces and its entry.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Load {
    /// The pieces, not overlapping.
    pub pieces: Vec<Piece>,
    /// Physical address of the first instruction.
    pub entry: u32,
}

impl Load {
    /// Address fields win over an ELF header, as the specification says of flag bit 16.
    pub fn of(header: &Header, image: &dyn Image) -> Result<Self, BootError> {
        match header.addresses {
            Some(addresses) => by_addresses(header.offset, &addresses, image.len()),
            None => by_segments(header.offset, image, None),
        }
    }

    /// From the first to the last byte the kernel occupies.
    pub fn span(&self) -> Range<u64> {
        let start = self.pieces.iter().map(|piece| piece.range.start).min().unwrap_or(0);
        start..self.pieces.iter().map(|piece| piece.range.end).max().unwrap_or(0)
    }

    /// The same kernel moved by a wrapping distance that keeps it below 4 GiB.
    pub(crate) fn moved(mut self, distance: u64) -> Self {
        for piece in &mut self.pieces {
            let Range { start, end } = piece.range;
            piece.range = start.wrapping_add(distance)..end.wrapping_add(distance);
        }
        self.entry = self.entry.wrapping_add(distance as u32);
        self
    }
}

/// The one piece that a header at file offset `offset` describes in a file of `len` bytes.
pub(crate) fn by_addresses(offset: u64, fields: &Addresses, len: u64) -> Result<Load, BootError> {
    let order = |what, low: u32, high: u32| match high < low {
        true => {
            Err(BootError::MultibootAddresses { offset, what, low: low.into(), high: high.into() })
        }
        false => Ok(()),
    };
    let &Addresses { header_addr, load_addr, load_end_addr, bss_end_addr, entry_addr } = fields;
    order("header_addr below load_addr", load_addr, header_addr)?;
    let start = i128::from(offset) - i128::from(header_addr - load_addr);
    let end = if load_end_addr == 0 {
        len
    } else {
        order("load_end_addr below load_addr", load_addr, load_end_addr)?;
        (start + i128::from(load_end_addr - load_addr)).max(0) as u64
    };
    if start < 0 || end > len || start as u64 >= end {
        return Err(BootError::MultibootBeyondFile { start, end, len });
    }
    let (start, load) = (start as u64, u64::from(load_addr));
    let load_end = load + (end - start);
    let bss_end = if bss_end_addr == 0 { load_end } else { bss_end_addr.into() };
    if bss_end < load_end {
        let what = "bss_end_addr below the end of the loaded bytes";
        return Err(BootError::MultibootAddresses { offset, what, low: load_end, high: bss_end });
    }
    let range = load..bss_end;
    if !range.contains(&entry_addr.into()) {
        return Err(BootError::EntryOutsideSegments { entry: entry_addr.into() });
    }
    let piece = Piece { index: 0, range, offset: start, filesz: end - start };
    Ok(Load { pieces: vec![piece], entry: entry_addr })
}

/// The segments of an ELF file whose header lies at file offset `offset`; `entry` overrules the file's.
pub(crate) fn by_segments(
    offset: u64,
    image: &dyn Image,
    entry: Option<u32>,
) -> Result<Load, BootError> {
    let elf = Elf::parse(image).map_err(|error| match error {
        BootError::ElfMagic { .. } => BootError::MultibootNotElf { offset },
        error => error,
    })?;
    let loads = elf.loads(image.len())?;
    let entry = match entry {
        None => elf_entry(&elf, &loads)?,
        Some(entry) if loads.iter().any(|s| s.range().contains(&entry.into())) => entry,
        Some(entry) => return Err(BootError::EntryOutsideSegments { entry: entry.into() }),
    };
    let pieces = loads.iter().map(|segment| Piece {
        index: segment.index,
        range: segment.range(),
        offset: segment.offset,
        filesz: segment.filesz,
    });
    Ok(Load { pieces: pieces.collect(), entry })
}

fn elf_entry(elf: &Elf, loads: &[Segment]) -> Result<u32, BootError> {
    // A kernel linked high may give its entry as a virtual address; the segment it lies in tells.
    let by_virtual = loads.iter().find_map(|segment| {
        let distance = elf.entry.checked_sub(segment.vaddr)?;
        (distance < segment.memsz).then(|| segment.paddr + distance)
    });
    let is_physical = loads.iter().any(|segment| segment.range().contains(&elf.entry));
    let entry = match by_virtual {
        Some(entry) => entry,
        None if is_physical => elf.entry,
        None => return Err(BootError::EntryOutsideSegments { entry: elf.entry }),
    };
    u32::try_from(entry).map_err(|_| BootError::EntryAbove4G { entry })
}
