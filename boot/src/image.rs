//! Images as byte providers: the loaders read kernels, modules and ramdisks through [`Image`] only.
//!
//! Bytes in memory and ranges of guest RAM are here; the file on disk lives in the command, because
//! this crate does no file I/O. An image is read at any offset, never as a stream, and its length does
//! not change: a provider whose bytes vanish answers with [`ReadError`].

use core::fmt;
use core::ops::Range;
use memory::{Memory, PhysAddr};

/// Named bytes that can be read at any offset.
pub trait Image {
    /// What the user knows it by: a path or a description.
    fn name(&self) -> &str;

    /// Length in bytes.
    fn len(&self) -> u64;

    /// Fills `buf` with the bytes from `offset` on; an error if the image ends before.
    fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<(), ReadError>;

    /// True if it holds no byte.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Where it lies in the guest's own RAM, if it does: nothing may be placed there before it is read.
    fn guest_range(&self) -> Option<Range<u64>> {
        None
    }
}

/// Bytes of an image could not be read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ReadError {
    /// Name of the image.
    pub name: String,
    /// First byte of the attempt.
    pub offset: u64,
    /// Length of the attempt in bytes.
    pub len: u64,
    /// Why, in the words of whoever failed.
    pub reason: String,
}

impl ReadError {
    /// The attempt reaches past the end of the image.
    pub fn past_end(image: &(impl Image + ?Sized), offset: u64, len: u64) -> Self {
        let reason = format!("the image ends at {:#x}", image.len());
        Self { name: image.name().to_owned(), offset, len, reason }
    }
}

impl core::error::Error for ReadError {}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, offset, len, reason } = self;
        write!(f, "cannot read {len} bytes at {offset:#x} of {name}: {reason}")
    }
}

/// The bytes of `all` that a read of `buf` at `offset` asks for.
fn copy_from(all: &[u8], offset: u64, buf: &mut [u8]) -> Option<()> {
    let start = usize::try_from(offset).ok()?;
    let piece = all.get(start..start.checked_add(buf.len())?)?;
    buf.copy_from_slice(piece);
    Some(())
}

impl Image for &[u8] {
    fn name(&self) -> &str {
        "bytes in memory"
    }
    fn len(&self) -> u64 {
        <[u8]>::len(self) as u64
    }
    fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<(), ReadError> {
        copy_from(self, offset, buf)
            .ok_or_else(|| ReadError::past_end(self, offset, buf.len() as u64))
    }
}

impl Image for Vec<u8> {
    fn name(&self) -> &str {
        "bytes in memory"
    }
    fn len(&self) -> u64 {
        self.as_slice().len() as u64
    }
    fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<(), ReadError> {
        self.as_slice().read_at(offset, buf)
    }
}

/// Owned bytes with a name: an unpacked kernel, a built-in ramdisk.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Blob {
    /// What messages call it.
    pub name: String,
    /// The content.
    pub bytes: Vec<u8>,
}

impl Image for Blob {
    fn name(&self) -> &str {
        &self.name
    }
    fn len(&self) -> u64 {
        self.bytes.len() as u64
    }
    fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<(), ReadError> {
        copy_from(&self.bytes, offset, buf)
            .ok_or_else(|| ReadError::past_end(self, offset, buf.len() as u64))
    }
}

/// An image that already lies in guest RAM, as a toolstack or a firmware may leave it.
pub struct GuestRange<'a> {
    /// What messages call it.
    pub name: String,
    /// The memory it lies in.
    pub memory: &'a Memory,
    /// Physical address of its first byte.
    pub addr: PhysAddr,
    /// Length in bytes.
    pub len: u64,
}

impl Image for GuestRange<'_> {
    fn name(&self) -> &str {
        &self.name
    }
    fn len(&self) -> u64 {
        self.len
    }
    fn guest_range(&self) -> Option<Range<u64>> {
        Some(self.addr.0..self.addr.0.saturating_add(self.len))
    }
    fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<(), ReadError> {
        let want = buf.len() as u64;
        let end = offset.checked_add(want).filter(|&end| end <= self.len);
        let (Some(_), Some(addr)) = (end, self.addr.checked_add(offset)) else {
            return Err(ReadError::past_end(self, offset, want));
        };
        self.memory.read(addr, buf).map_err(|not_ram| ReadError {
            name: self.name.clone(),
            offset,
            len: want,
            reason: format!("physical address {} is not RAM", not_ram.addr),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_read_past_the_end_of_bytes_is_an_error_and_not_a_panic() {
        let bytes: &[u8] = b"kernel";
        let mut buf = [0; 4];

        assert_eq!(bytes.read_at(2, &mut buf), Ok(()));
        assert_eq!(&buf, b"rnel");
        assert!(bytes.read_at(3, &mut buf).is_err());
        assert!(bytes.read_at(u64::MAX, &mut buf).is_err());
    }

    #[test]
    fn a_guest_range_reads_ram_and_stops_at_its_own_end() {
        let memory = Memory::new(1 << 20, 0xc000_0000).unwrap();
        memory.write(PhysAddr(0x1ffe), b"abcd").unwrap();
        let image = GuestRange {
            name: "left by firmware".into(),
            memory: &memory,
            addr: PhysAddr(0x1ffe),
            len: 4,
        };
        let mut buf = [0; 4];

        assert_eq!(image.read_at(0, &mut buf), Ok(()));
        assert_eq!(&buf, b"abcd");
        assert!(image.read_at(1, &mut buf).is_err());
    }
}
