//! The bytes of RAM: one host allocation, accessed only through raw pointers.
//!
//! One of the few files with `unsafe` (docs/decisions/0003): no reference into the allocation ever
//! exists, so the engine may read and write it through host addresses at the same time.
//! Everything is little-endian, at any alignment.
#![allow(unsafe_code)]

use core::marker::PhantomData;
use core::ptr::NonNull;

/// Guest RAM, addressed by offset. Reads and writes out of range are programming errors and panic;
/// guest addresses are translated and checked before they get here.
pub struct Ram {
    base: NonNull<u8>,
    len: u64,
    /// Owns the allocation; only `base` is used for access.
    _owner: Owner,
    /// All access happens on the machine's thread: not `Sync`, and not `Send` while shared.
    _not_sync: PhantomData<*mut u8>,
}

#[cfg(feature = "mmap")]
type Owner = memmap2::MmapMut;
#[cfg(not(feature = "mmap"))]
type Owner = OwnedBytes;

/// A zeroed heap allocation of whole `u64`s, kept as a raw pointer so that no `Box` asserts that it
/// is the only way in.
#[cfg(not(feature = "mmap"))]
struct OwnedBytes(NonNull<[u64]>);

#[cfg(not(feature = "mmap"))]
impl Drop for OwnedBytes {
    fn drop(&mut self) {
        // SAFETY: the pointer came from `Box::into_raw` in `Ram::new` and is dropped once.
        drop(unsafe { Box::from_raw(self.0.as_ptr()) });
    }
}

impl Ram {
    /// `bytes` of zeroed RAM (rounded down to whole pages). The host provides pages as they are
    /// touched, so an untouched gigabyte costs nothing.
    #[cfg(feature = "mmap")]
    pub fn new(bytes: u64) -> std::io::Result<Self> {
        let len = bytes & !(crate::PAGE_SIZE - 1);
        let too_large = || std::io::Error::other("RAM larger than the host's address space");
        let size = usize::try_from(len).map_err(|_| too_large())?;
        let mut owner =
            memmap2::MmapOptions::new().len(size.max(1)).no_reserve_swap().map_anon()?;
        // Fewer page faults while a kernel is copied in, and a better hit rate of the host's TLB
        // afterwards: start-up of a 50 MB kernel took half the time. A host that has no huge pages
        // says so, and nothing is lost.
        #[cfg(target_os = "linux")]
        let _ = owner.advise(memmap2::Advice::HugePage);
        let base = NonNull::new(owner.as_mut_ptr()).ok_or_else(too_large)?;
        Ok(Self { base, len, _owner: owner, _not_sync: PhantomData })
    }

    /// `bytes` of zeroed RAM (rounded down to whole pages).
    #[cfg(not(feature = "mmap"))]
    pub fn new(bytes: u64) -> std::io::Result<Self> {
        let len = bytes & !(crate::PAGE_SIZE - 1);
        let words = usize::try_from(len / 8)
            .map_err(|_| std::io::Error::other("RAM larger than the host's address space"))?;
        let owner = Box::into_raw(vec![0u64; words].into_boxed_slice());
        // SAFETY: `Box::into_raw` never returns null.
        let owner = OwnedBytes(unsafe { NonNull::new_unchecked(owner) });
        let base = owner.0.cast::<u8>();
        Ok(Self { base, len, _owner: owner, _not_sync: PhantomData })
    }

    /// Size in bytes.
    #[inline]
    pub fn len(&self) -> u64 {
        self.len
    }

    /// True for a machine without RAM.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Host address of RAM offset 0, for the engine's soft TLB. Valid for [`Ram::len`] bytes as long
    /// as `self` lives; to be used through raw pointers only.
    #[inline]
    pub fn host_base(&self) -> NonNull<u8> {
        self.base
    }

    #[inline(always)]
    fn at(&self, offset: u64, len: u64) -> *mut u8 {
        assert!(
            offset.checked_add(len).is_some_and(|end| end <= self.len),
            "RAM access at {offset:#x}+{len:#x} beyond {:#x}",
            self.len
        );
        // SAFETY: the offset lies within the allocation (asserted above).
        unsafe { self.base.as_ptr().add(offset as usize) }
    }

    /// Copies RAM into `out`.
    pub fn read(&self, offset: u64, out: &mut [u8]) {
        let from = self.at(offset, out.len() as u64);
        // SAFETY: `from` is valid for the length; `out` is a Rust slice and so never overlaps RAM,
        // into which no reference exists.
        unsafe { core::ptr::copy_nonoverlapping(from, out.as_mut_ptr(), out.len()) }
    }

    /// Copies bytes into RAM.
    pub fn write(&self, offset: u64, bytes: &[u8]) {
        let to = self.at(offset, bytes.len() as u64);
        // SAFETY: as for `read`.
        unsafe { core::ptr::copy_nonoverlapping(bytes.as_ptr(), to, bytes.len()) }
    }

    /// Fills RAM with a byte.
    pub fn fill(&self, offset: u64, len: u64, byte: u8) {
        let to = self.at(offset, len);
        // SAFETY: `to` is valid for `len` bytes.
        unsafe { core::ptr::write_bytes(to, byte, len as usize) }
    }

    /// Copies within RAM as if through a buffer (ranges may overlap).
    pub fn copy(&self, from: u64, to: u64, len: u64) {
        let (from, to) = (self.at(from, len), self.at(to, len));
        // SAFETY: both are valid for `len` bytes; `copy` allows overlap.
        unsafe { core::ptr::copy(from, to, len as usize) }
    }
}

macro_rules! typed_access {
    ($($read:ident $write:ident $type:ty;)*) => {
        impl Ram {
            $(
                #[doc = concat!("Little-endian `", stringify!($type), "` at any alignment.")]
                #[inline]
                pub fn $read(&self, offset: u64) -> $type {
                    let from = self.at(offset, size_of::<$type>() as u64).cast::<$type>();
                    // SAFETY: valid for the size (checked by `at`); unaligned read.
                    <$type>::from_le(unsafe { from.read_unaligned() })
                }
                #[doc = concat!("Writes a little-endian `", stringify!($type), "` at any alignment.")]
                #[inline]
                pub fn $write(&self, offset: u64, value: $type) {
                    let to = self.at(offset, size_of::<$type>() as u64).cast::<$type>();
                    // SAFETY: valid for the size (checked by `at`); unaligned write.
                    unsafe { to.write_unaligned(value.to_le()) }
                }
            )*
        }
    };
}

typed_access! {
    read_u8 write_u8 u8;
    read_u16 write_u16 u16;
    read_u32 write_u32 u32;
    read_u64 write_u64 u64;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_little_endian_at_any_alignment() {
        let ram = Ram::new(8192).unwrap();
        ram.write_u32(4093, 0x1122_3344);
        let mut bytes = [0; 4];
        ram.read(4093, &mut bytes);
        assert_eq!(bytes, [0x44, 0x33, 0x22, 0x11]);
        ram.copy(4093, 4094, 4);
        assert_eq!(ram.read_u64(4092), 0x1122_3344_4400);
    }

    #[test]
    #[should_panic(expected = "beyond")]
    fn an_access_past_the_end_is_a_bug_of_the_caller() {
        Ram::new(4096).unwrap().read_u16(4095);
    }
}
