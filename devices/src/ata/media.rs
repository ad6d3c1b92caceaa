//! What a drive reads and writes: an immutable image, and above it what the guest has written.
//!
//! The image is never written, so that a run is a function of what it was at the start. Written sectors
//! stay in the device, in chunks of 4 KiB, and are part of its state; who owns the image may take
//! them ([`Medium::take_writes`]) and put them into it without any effect on the run. They take host
//! memory, [`OVERLAY_MAX_BYTES`] at most: a write beyond fails, as on a drive that has no more spare
//! sectors.
//!
//! An image that ends within a sector is padded with zeros.

use super::spec::SECTOR;
use core::cell::Cell;
use core::fmt;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Bytes that are read from somewhere.
pub trait Media: fmt::Debug + Send + Sync {
    /// Length in bytes; always the same.
    fn size_bytes(&self) -> u64;
    /// Reads the bytes from `offset` on; the range is within [`Media::size_bytes`].
    fn read_at(&self, offset: u64, out: &mut [u8]) -> Result<(), MediaError>;
}

/// The image cannot be read there.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct MediaError;

/// An image in memory.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Bytes(pub Vec<u8>);

impl Media for Bytes {
    fn size_bytes(&self) -> u64 {
        self.0.len() as u64
    }
    fn read_at(&self, offset: u64, out: &mut [u8]) -> Result<(), MediaError> {
        let from = usize::try_from(offset).map_err(|_| MediaError)?;
        let bytes = self.0.get(from..).and_then(|rest| rest.get(..out.len()));
        out.copy_from_slice(bytes.ok_or(MediaError)?);
        Ok(())
    }
}

/// Sectors of a chunk: as many as a byte has bits.
const CHUNK_SECTORS: u64 = 8;

/// Most bytes of host memory that the written sectors of one medium take, in chunks.
pub const OVERLAY_MAX_BYTES: u64 = 1 << 30;
const CHUNKS_MAX: u64 = OVERLAY_MAX_BYTES / (CHUNK_SECTORS * SECTOR as u64);

/// Eight neighbouring sectors, of which some were written.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Chunk {
    /// A bit for each sector that was written.
    written: u8,
    bytes: Vec<u8>,
}

/// A run of sectors that the guest has written.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Written {
    /// Offset in the image, in bytes.
    pub offset: u64,
    /// The bytes, whole sectors.
    pub bytes: Vec<u8>,
}

/// The image, and who may share it.
#[derive(Clone, Default)]
struct Base(Option<Arc<dyn Media>>);

/// Contents are not compared: which image it is belongs to the machine's configuration.
impl PartialEq for Base {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl fmt::Debug for Base {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "Base" } else { "no Base" })
    }
}

/// An image with what was written to it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Medium {
    /// Not saved: after a restore the machine calls [`Medium::attach`].
    #[serde(skip)]
    base: Base,
    sectors: u64,
    read_only: bool,
    overlay: BTreeMap<u64, Chunk>,
    #[serde(skip)]
    outside: Outside,
}

/// What whoever runs the machine wants to know. Output, not state.
#[derive(Clone, Debug, Default)]
struct Outside {
    /// Chunks with the sectors of them that nobody has taken yet.
    fresh: BTreeMap<u64, u8>,
    /// A write has failed, because the overlay is full.
    overflowed: bool,
    /// Bytes that were read and written since somebody last took the count.
    moved: Cell<u64>,
    /// Instead of [`CHUNKS_MAX`].
    #[cfg(test)]
    few: Option<u64>,
}

impl PartialEq for Outside {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Medium {
    /// The whole of `image`.
    pub fn new(image: Arc<dyn Media>, read_only: bool) -> Self {
        let sectors = image.size_bytes().div_ceil(SECTOR as u64);
        Self {
            base: Base(Some(image)),
            sectors,
            read_only,
            overlay: BTreeMap::new(),
            outside: Outside::default(),
        }
    }

    /// Gives the image back after a restore. How long it is, the image says.
    pub fn attach(&mut self, image: Arc<dyn Media>) {
        self.sectors = image.size_bytes().div_ceil(SECTOR as u64);
        self.base = Base(Some(image));
    }

    /// Number of sectors.
    pub const fn sectors(&self) -> u64 {
        self.sectors
    }

    /// True if nothing may be written.
    pub const fn is_read_only(&self) -> bool {
        self.read_only
    }

    /// Reads whole sectors from sector `first` on. `Err`: the number of the first that cannot be read.
    pub fn read(&self, first: u64, out: &mut [u8]) -> Result<(), u64> {
        self.count(out.len());
        if self.read_image(first, out).is_some() {
            return Ok(());
        }
        // The sectors in this order: behind the last one there may be no number.
        for (out, sector) in out.chunks_exact_mut(SECTOR).zip(first..) {
            self.read_sector(sector, out).map_err(|MediaError| sector)?;
        }
        Ok(())
    }

    /// Reads all of it at once, if no sector was written and none is padded.
    fn read_image(&self, first: u64, out: &mut [u8]) -> Option<()> {
        let base = self.base.0.as_ref()?;
        let offset = first.checked_mul(SECTOR as u64)?;
        let whole = offset.checked_add(out.len() as u64)? <= base.size_bytes();
        let chunks = first / CHUNK_SECTORS..=(first + (out.len() / SECTOR) as u64) / CHUNK_SECTORS;
        let untouched = whole && self.overlay.range(chunks).next().is_none();
        untouched.then(|| base.read_at(offset, out).ok()).flatten()
    }

    fn read_sector(&self, sector: u64, out: &mut [u8]) -> Result<(), MediaError> {
        let (number, place) = (sector / CHUNK_SECTORS, (sector % CHUNK_SECTORS) as usize);
        if let Some(chunk) = self.overlay.get(&number)
            && chunk.written >> place & 1 != 0
        {
            let bytes = chunk.bytes.get(place * SECTOR..).and_then(|rest| rest.get(..SECTOR));
            out.copy_from_slice(bytes.ok_or(MediaError)?);
            return Ok(());
        }
        let base = self.base.0.as_ref().filter(|_| sector < self.sectors).ok_or(MediaError)?;
        let offset = sector.checked_mul(SECTOR as u64).ok_or(MediaError)?;
        let there = base.size_bytes().checked_sub(offset).ok_or(MediaError)?.min(SECTOR as u64);
        let (there, padding) = out.split_at_mut(there as usize);
        base.read_at(offset, there)?;
        padding.fill(0);
        Ok(())
    }

    /// Writes whole sectors from sector `first` on; what would lie past the end is dropped. `Err`: the
    /// number of the first that cannot be written, for which there is no room.
    pub fn write(&mut self, first: u64, data: &[u8]) -> Result<(), u64> {
        self.count(data.len());
        for (sector, bytes) in (first..self.sectors).zip(data.chunks_exact(SECTOR)) {
            let (number, place) = (sector / CHUNK_SECTORS, (sector % CHUNK_SECTORS) as usize);
            let is_full = self.overlay.len() as u64 >= self.chunks_max();
            if is_full && !self.overlay.contains_key(&number) {
                self.outside.overflowed = true;
                return Err(sector);
            }
            let empty = || Chunk { written: 0, bytes: vec![0; SECTOR * CHUNK_SECTORS as usize] };
            let chunk = self.overlay.entry(number).or_insert_with(empty);
            // A restored chunk is as long as the snapshot says.
            chunk.bytes.resize(SECTOR * CHUNK_SECTORS as usize, 0);
            chunk.bytes[place * SECTOR..][..SECTOR].copy_from_slice(bytes);
            chunk.written |= 1 << place;
            *self.outside.fresh.entry(number).or_default() |= 1 << place;
        }
        Ok(())
    }

    fn count(&self, bytes: usize) {
        self.outside.moved.set(self.outside.moved.get().saturating_add(bytes as u64));
    }

    /// Takes how many bytes were read and written since the last call: what the host had to do, whatever
    /// the drive did with them.
    pub fn take_moved(&self) -> u64 {
        self.outside.moved.take()
    }

    /// Most chunks of the overlay.
    const fn chunks_max(&self) -> u64 {
        #[cfg(test)]
        if let Some(few) = self.outside.few {
            return few;
        }
        CHUNKS_MAX
    }

    /// Takes what was written since the last call, in ascending order, in runs of at most a chunk.
    pub fn take_writes(&mut self) -> Vec<Written> {
        let mut runs = Vec::new();
        for (number, sectors) in core::mem::take(&mut self.outside.fresh) {
            let Some(chunk) = self.overlay.get(&number) else { continue };
            let mut place = 0;
            while place < CHUNK_SECTORS as usize {
                let len = (sectors >> place).trailing_ones() as usize;
                if len > 0 {
                    let offset = number * (CHUNK_SECTORS * SECTOR as u64) + (place * SECTOR) as u64;
                    let bytes = chunk.bytes[place * SECTOR..][..len * SECTOR].to_vec();
                    runs.push(Written { offset, bytes });
                }
                place += len.max(1);
            }
        }
        runs
    }

    /// True if something was written that nobody has taken yet.
    pub fn has_writes(&self) -> bool {
        !self.outside.fresh.is_empty()
    }

    /// Lets the overlay be full with a few chunks.
    #[cfg(test)]
    pub(super) fn shrink(&mut self, chunks: u64) {
        self.outside.few = Some(chunks);
    }

    /// True if a write has failed since this medium was made or restored, because [`OVERLAY_MAX_BYTES`]
    /// were written.
    pub fn has_overflowed(&self) -> bool {
        self.outside.overflowed
    }
}
