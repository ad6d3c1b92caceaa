//! Bounds-checked little-endian reads: the only way loaders look into an image.
//!
//! Every range is checked with `u64` arithmetic against the image's length before a byte is read or
//! a buffer allocated, so that no header can ask for more memory than the file is long.

use crate::error::BootError;
use crate::image::Image;
use core::ops::Range;

/// Checked access to an image.
#[derive(Clone, Copy)]
pub(crate) struct Reader<'a> {
    image: &'a dyn Image,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(image: &'a dyn Image) -> Self {
        Self { image }
    }

    pub(crate) fn len(&self) -> u64 {
        self.image.len()
    }

    /// Fails, naming the structure, unless `len` bytes at `offset` lie in the image.
    pub(crate) fn check(&self, what: &'static str, offset: u64, len: u64) -> Result<(), BootError> {
        let end = offset.saturating_add(len);
        if end > self.len() || offset.checked_add(len).is_none() {
            return Err(BootError::Truncated { what, offset, end, len: self.len() });
        }
        Ok(())
    }

    /// `len` bytes at `offset`; callers bound `len`, the file bounds it again.
    pub(crate) fn bytes(
        &self,
        what: &'static str,
        offset: u64,
        len: u64,
    ) -> Result<Vec<u8>, BootError> {
        self.check(what, offset, len)?;
        let mut out = vec![0; len as usize];
        self.image.read_at(offset, &mut out)?;
        Ok(out)
    }

    /// Up to `max` bytes from the start of the image.
    pub(crate) fn prefix(&self, max: u64) -> Result<Vec<u8>, BootError> {
        self.bytes("the image", 0, self.len().min(max))
    }
}

fn field<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    let mut out = [0; N];
    if let Some(found) = bytes.get(at..).and_then(|rest| rest.get(..N)) {
        out.copy_from_slice(found);
    }
    out
}

/// u8 at `at`; 0 past the end, as every field past the end of a header reads.
pub(crate) fn u8_at(bytes: &[u8], at: usize) -> u8 {
    bytes.get(at).copied().unwrap_or(0)
}

/// Little-endian u16 at `at`; 0 if the bytes end before.
pub(crate) fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes(field(bytes, at))
}

/// Little-endian u32 at `at`; 0 if the bytes end before.
pub(crate) fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(field(bytes, at))
}

/// Little-endian u64 at `at`; 0 if the bytes end before.
pub(crate) fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(field(bytes, at))
}

/// `value` rounded up to a multiple of `align`, a power of two.
pub(crate) fn align_up(value: u64, align: u64) -> Option<u64> {
    Some(value.checked_add(align - 1)? & !(align - 1))
}

/// True if the half-open ranges share a byte.
pub(crate) fn overlap(a: &Range<u64>, b: &Range<u64>) -> bool {
    a.start < b.end && b.start < a.end
}
