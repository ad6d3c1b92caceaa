//! A Linux kernel as its ELF file describes it: what lies where, as linked, and what it calls its parts.
//!
//! The file is the image itself, or what a bzImage carries compressed. Not here: kernels of 32 bits, and
//! other systems, whose images are no `Kernel`.

use crate::kallsyms;
use crate::symbols::{HIGH_HALF, Symbols};
use boot::elf::{Class, Elf, Segment};
use boot::{Image, linux, payload};

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
    /// Its names, as linked.
    pub symbols: Symbols,
    /// Address, as linked, and bytes of a piece that is the same for as long as the kernel runs.
    mark: (u64, Vec<u8>),
}

impl Kernel {
    /// The kernel in an image: an ELF file, or what a bzImage carries.
    pub fn of(image: &dyn Image) -> Option<Self> {
        let mut prefix = vec![0; image.len().min(0x206) as usize];
        image.read_at(0, &mut prefix).ok()?;
        let bytes = if linux::is_bzimage(&prefix) {
            payload::vmlinux_from_bzimage(image).ok()?
        } else {
            let len = image.len();
            let mut bytes = vec![0; usize::try_from(len).ok().filter(|_| len <= FILE_MAX)?];
            image.read_at(0, &mut bytes).ok()?;
            bytes
        };
        let elf = Elf::parse(&bytes).ok()?;
        let segments = elf.loads(bytes.len() as u64).ok()?;
        let entry = elf.entry;
        if elf.class != Class::Elf64 || segments.iter().all(|s| s.vaddr < HIGH_HALF) {
            return None;
        }
        let table = kallsyms::find(&bytes);
        let tokens = table.as_ref().map(|table| table.tokens.clone());
        let own = table.map_or_else(Symbols::default, |table| Symbols::of_kallsyms(table.names));
        let symbols = Symbols::of(&bytes).or(&own);
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
