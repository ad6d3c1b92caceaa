//! A Linux kernel as its ELF file describes it: what lies where, as linked, and what it calls its parts.
//!
//! The file is the image itself, or what a bzImage carries compressed. Not here: kernels of 32 bits, and
//! other systems, whose images are no `Kernel`.

use crate::kallsyms;
use crate::symbols::{HIGH_HALF, Symbols};
use boot::elf::{Class, Elf, Segment};
use boot::{Image, linux, payload};
use std::rc::Rc;

/// Bytes by which a piece of code is recognised.
pub const SAMPLE: usize = 16;
/// Bytes by which the kernel is recognised in memory.
const MARK: usize = 64;
/// Largest file that is read.
const FILE_MAX: u64 = 1 << 30;

/// The kernel.
pub struct Kernel {
    bytes: Vec<u8>,
    segments: Vec<Segment>,
    /// Physical address of its entry (`startup_64`), as linked.
    pub entry: u64,
    /// Its names, as linked, but for those of the image's own symbol table: those of a table that a bzImage
    /// carries, and those that Linux has for itself.
    pub symbols: Rc<Symbols>,
    /// Address, as linked, and bytes of a piece that is the same for as long as the kernel runs.
    mark: (u64, Vec<u8>),
}

impl Kernel {
    /// The kernel in an image: an ELF file, or what a bzImage carries.
    pub fn of(image: &dyn Image) -> Option<Self> {
        let mut prefix = vec![0; image.len().min(0x206) as usize];
        image.read_at(0, &mut prefix).ok()?;
        let carried = match linux::is_bzimage(&prefix) {
            true => Some(payload::vmlinux_from_bzimage(image).ok()?),
            false => None,
        };
        let file = carried.as_ref().map_or(image, |bytes| bytes);
        let elf = Elf::parse(file).ok()?;
        let segments = elf.loads(file.len()).ok()?;
        let entry = elf.entry;
        if elf.class != Class::Elf64 || segments.iter().all(|s| s.vaddr < HIGH_HALF) {
            return None;
        }
        let listed = carried.as_ref().map_or_else(Symbols::default, |bytes| Symbols::of(bytes));
        let bytes = carried.map_or_else(|| whole(image), Some)?;
        let table = kallsyms::find(&bytes);
        let tokens = table.as_ref().map(|table| table.tokens.clone());
        let own = table.map_or_else(Symbols::default, |table| Symbols::of_kallsyms(table.names));
        let symbols = Rc::new(listed).or(&Rc::new(own));
        // Without a table: the first code, of which little is patched.
        let high = segments.iter().find(|segment| segment.vaddr >= HIGH_HALF)?;
        let offset = tokens.map_or(high.offset, |tokens| tokens.start as u64);
        let mark = mark(&bytes, &segments, offset)?;
        Some(Self { bytes, segments, entry, symbols, mark })
    }

    /// [`SAMPLE`] bytes of the file at an address, by `place` of a segment.
    pub fn at(&self, address: u64, place: fn(&Segment) -> u64) -> Option<&[u8]> {
        self.segments.iter().find_map(|segment| {
            let distance = address.checked_sub(place(segment))?;
            let from = usize::try_from(segment.offset.checked_add(distance)?).ok()?;
            (distance.checked_add(SAMPLE as u64)? <= segment.filesz)
                .then(|| self.bytes.get(from..from + SAMPLE))?
        })
    }

    /// Address, as linked, and bytes of what the kernel is recognised by.
    pub fn mark(&self) -> (u64, &[u8]) {
        (self.mark.0, &self.mark.1)
    }
}

/// The image's bytes; `None` if they cannot be read, or are too many.
fn whole(image: &dyn Image) -> Option<Vec<u8>> {
    let len = image.len();
    let mut bytes = vec![0; usize::try_from(len).ok().filter(|_| len <= FILE_MAX)?];
    image.read_at(0, &mut bytes).ok()?;
    Some(bytes)
}

/// What lies at an offset of the file, and at which address it is linked.
fn mark(bytes: &[u8], segments: &[Segment], offset: u64) -> Option<(u64, Vec<u8>)> {
    let high = segments.iter().filter(|segment| segment.vaddr >= HIGH_HALF);
    high.filter_map(|segment| {
        let distance = offset.checked_sub(segment.offset)?;
        let len = segment.filesz.checked_sub(distance)?.min(MARK as u64) as usize;
        let from = usize::try_from(offset).ok()?;
        let piece = bytes.get(from..from.checked_add(len)?).filter(|piece| !piece.is_empty())?;
        Some((segment.vaddr.wrapping_add(distance), piece.to_vec()))
    })
    .next()
}

#[cfg(test)]
mod tests {
    use super::*;
    use boot::ReadError;
    use std::cell::Cell;

    /// An image of 512 MiB that begins with some bytes, and the largest read of it.
    struct Huge(&'static [u8], Cell<usize>);

    impl Image for Huge {
        fn name(&self) -> &str {
            "huge"
        }
        fn len(&self) -> u64 {
            512 << 20
        }
        fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<(), ReadError> {
            self.1.set(self.1.get().max(buf.len()));
            for (at, byte) in buf.iter_mut().enumerate() {
                *byte = self.0.get(offset as usize + at).copied().unwrap_or(0);
            }
            Ok(())
        }
    }

    #[test]
    fn a_file_that_is_no_kernel_is_not_read_whole() {
        for first in [&b"\xeb\xfe"[..], b"\x7fELF\x01\x01\x01", b"\x7fELF\x02\x01\x01"] {
            let image = Huge(first, Cell::new(0));

            assert!(Kernel::of(&image).is_none());
            assert!(image.1.get() <= 4096, "{} bytes at once", image.1.get());
        }
    }
}
