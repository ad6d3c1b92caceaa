//! ELF32 and ELF64 images: header, program headers, sections and notes, validated before use.
//!
//! System V gABI, "Object Files" and "Program Loading". Only what a loader needs: no relocation, no
//! dynamic linking, no symbol lookup. Segments load at `p_paddr`. Files with more than 65534 program
//! headers (PN_XNUM) are refused.

mod note;

pub use note::{Note, notes};

use crate::error::BootError;
use crate::image::Image;
use crate::reader::{Reader, overlap, u8_at, u16_at, u32_at, u64_at};
use core::ops::Range;

/// First four bytes of every ELF file.
pub const MAGIC: [u8; 4] = *b"\x7fELF";
/// `e_machine` of 32-bit x86.
pub const EM_386: u16 = 3;
/// `e_machine` of x86-64.
pub const EM_X86_64: u16 = 62;
/// `p_type` of a loaded segment.
pub const PT_LOAD: u32 = 1;
/// `p_type` of notes.
pub const PT_NOTE: u32 = 4;
/// `sh_type` of a symbol table.
pub const SHT_SYMTAB: u32 = 2;
/// `sh_type` of a string table.
pub const SHT_STRTAB: u32 = 3;
/// `sh_type` of notes.
pub const SHT_NOTE: u32 = 7;
/// `sh_type` of a section without bytes in the file.
pub const SHT_NOBITS: u32 = 8;
/// `sh_flags`: occupies memory.
pub const SHF_ALLOC: u64 = 2;

const ET_EXEC: u16 = 2;
const ET_DYN: u16 = 3;
const PN_XNUM: u16 = 0xffff;

/// Width of the file's addresses.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Class {
    /// ELFCLASS32.
    Elf32,
    /// ELFCLASS64.
    Elf64,
}

/// One program header.
#[derive(Clone, PartialEq, Eq, Debug)]
#[allow(missing_docs, reason = "the fields are the gABI's p_ fields")]
pub struct Segment {
    /// Position in the program header table.
    pub index: usize,
    pub kind: u32,
    pub flags: u32,
    pub offset: u64,
    pub vaddr: u64,
    pub paddr: u64,
    pub filesz: u64,
    pub memsz: u64,
    pub align: u64,
}

impl Segment {
    /// Physical range in memory; meaningful once [`Elf::loads`] has checked it.
    pub fn range(&self) -> Range<u64> {
        self.paddr..self.paddr.saturating_add(self.memsz)
    }
}

/// One section header.
#[derive(Clone, PartialEq, Eq, Debug)]
#[allow(missing_docs, reason = "the fields are the gABI's sh_ fields")]
pub struct Section {
    pub kind: u32,
    pub flags: u64,
    pub addr: u64,
    pub offset: u64,
    pub size: u64,
    pub link: u32,
    pub align: u64,
}

/// The section header table as the file has it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SectionTable {
    /// Offset in the file.
    pub offset: u64,
    /// Bytes per header.
    pub entry_size: u16,
    /// Index of the section-name string table.
    pub names: u16,
    /// The headers.
    pub sections: Vec<Section>,
}

/// A validated ELF header with its program headers.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Elf {
    /// Width of addresses.
    pub class: Class,
    /// EM_386 or EM_X86_64.
    pub machine: u16,
    /// `e_entry`.
    pub entry: u64,
    /// `e_flags`: x86 defines none.
    pub flags: u32,
    /// All program headers, in file order.
    pub segments: Vec<Segment>,
    /// `e_shoff`, `e_shentsize`, `e_shnum`, `e_shstrndx`: optional for a kernel, so unchecked.
    section_fields: (u64, u16, u16, u16),
}

/// True if the image begins with the ELF magic.
pub fn is_elf(prefix: &[u8]) -> bool {
    prefix.starts_with(&MAGIC)
}

impl Elf {
    /// Reads and validates header and program header table.
    pub fn parse(image: &dyn Image) -> Result<Self, BootError> {
        let reader = Reader::new(image);
        let ident = reader.bytes("the ELF identification", 0, 16)?;
        if !is_elf(&ident) {
            return Err(BootError::ElfMagic { found: ident[..4].to_vec() });
        }
        let class = match u8_at(&ident, 4) {
            1 => Class::Elf32,
            2 => Class::Elf64,
            class => return Err(BootError::ElfClass { class }),
        };
        if u8_at(&ident, 5) != 1 {
            return Err(BootError::ElfByteOrder { data: u8_at(&ident, 5) });
        }
        let header_len = if class == Class::Elf32 { 52 } else { 64 };
        let header = reader.bytes("the ELF header", 0, header_len)?;
        Self::check_identity(&header)?;
        let (entry, phoff, shoff, flags_at) = match class {
            Class::Elf32 => (
                u32_at(&header, 24).into(),
                u32_at(&header, 28).into(),
                u32_at(&header, 32).into(),
                36,
            ),
            Class::Elf64 => (u64_at(&header, 24), u64_at(&header, 32), u64_at(&header, 40), 48),
        };
        let half = |index: usize| u16_at(&header, flags_at + 6 + 2 * index);
        let segments = Self::segments(&reader, class, phoff, half(0), half(1))?;
        let section_fields = (shoff, half(2), half(3), half(4));
        let (machine, flags) = (u16_at(&header, 18), u32_at(&header, flags_at));
        Ok(Self { class, machine, entry, flags, segments, section_fields })
    }

    fn check_identity(header: &[u8]) -> Result<(), BootError> {
        let (ident_version, version) = (u8_at(header, 6), u32_at(header, 20));
        if ident_version != 1 || version != 1 {
            let version = if ident_version != 1 { ident_version.into() } else { version };
            return Err(BootError::ElfVersion { version });
        }
        match u16_at(header, 18) {
            EM_386 | EM_X86_64 => {}
            machine => return Err(BootError::ElfMachine { machine }),
        }
        match u16_at(header, 16) {
            ET_EXEC | ET_DYN => Ok(()),
            kind => Err(BootError::ElfType { kind }),
        }
    }

    fn segments(
        reader: &Reader<'_>,
        class: Class,
        offset: u64,
        size: u16,
        count: u16,
    ) -> Result<Vec<Segment>, BootError> {
        if count == 0 {
            return Err(BootError::ElfNothingToLoad);
        }
        if count == PN_XNUM {
            return Err(BootError::ElfTooManyHeaders);
        }
        let expected = if class == Class::Elf32 { 32 } else { 56 };
        if size != expected {
            return Err(BootError::ElfPhentsize { size, expected });
        }
        let len = u64::from(count) * u64::from(size);
        let table = reader.bytes("the program header table", offset, len)?;
        let rows = table.chunks_exact(expected.into()).enumerate();
        Ok(rows.map(|(index, row)| segment(class, index, row)).collect())
    }

    /// PT_LOAD segments that occupy memory: inside the file, not larger there than in memory, not
    /// wrapping, not overlapping. At least one.
    pub fn loads(&self, file_len: u64) -> Result<Vec<Segment>, BootError> {
        let loads = self.segments.iter().filter(|s| s.kind == PT_LOAD && (s.memsz | s.filesz) != 0);
        let loads: Vec<Segment> = loads.cloned().collect();
        for segment in &loads {
            check_segment(segment, file_len)?;
        }
        if loads.is_empty() {
            return Err(BootError::ElfNothingToLoad);
        }
        let mut by_address: Vec<&Segment> = loads.iter().collect();
        by_address.sort_by_key(|segment| (segment.paddr, segment.index));
        for pair in by_address.windows(2) {
            if overlap(&pair[0].range(), &pair[1].range()) {
                let [first, second] = [pair[0], pair[1]].map(|s| (s.index, s.range()));
                return Err(BootError::SegmentsOverlap { first, second });
            }
        }
        Ok(loads)
    }

    /// The section header table, if the file has a sound one.
    pub fn section_table(&self, image: &dyn Image) -> Option<SectionTable> {
        let (offset, entry_size, count, names) = self.section_fields;
        let expected = if self.class == Class::Elf32 { 40 } else { 64 };
        if offset == 0 || count == 0 || entry_size != expected {
            return None;
        }
        let len = u64::from(count) * u64::from(entry_size);
        let table = Reader::new(image).bytes("the section header table", offset, len).ok()?;
        let rows = table.chunks_exact(entry_size.into());
        let sections = rows.map(|row| section(self.class, row)).collect();
        Some(SectionTable { offset, entry_size, names, sections })
    }
}

fn segment(class: Class, index: usize, row: &[u8]) -> Segment {
    let word = |at| u64::from(u32_at(row, at));
    match class {
        Class::Elf32 => Segment {
            index,
            kind: u32_at(row, 0),
            offset: word(4),
            vaddr: word(8),
            paddr: word(12),
            filesz: word(16),
            memsz: word(20),
            flags: u32_at(row, 24),
            align: word(28),
        },
        Class::Elf64 => Segment {
            index,
            kind: u32_at(row, 0),
            flags: u32_at(row, 4),
            offset: u64_at(row, 8),
            vaddr: u64_at(row, 16),
            paddr: u64_at(row, 24),
            filesz: u64_at(row, 32),
            memsz: u64_at(row, 40),
            align: u64_at(row, 48),
        },
    }
}

fn section(class: Class, row: &[u8]) -> Section {
    let word = |at| u64::from(u32_at(row, at));
    let kind = u32_at(row, 4);
    match class {
        Class::Elf32 => Section {
            kind,
            flags: word(8),
            addr: word(12),
            offset: word(16),
            size: word(20),
            link: u32_at(row, 24),
            align: word(32),
        },
        Class::Elf64 => Section {
            kind,
            flags: u64_at(row, 8),
            addr: u64_at(row, 16),
            offset: u64_at(row, 24),
            size: u64_at(row, 32),
            link: u32_at(row, 40),
            align: u64_at(row, 48),
        },
    }
}

fn check_segment(segment: &Segment, file_len: u64) -> Result<(), BootError> {
    let &Segment { index, offset, paddr, filesz, memsz, .. } = segment;
    if offset.checked_add(filesz).is_none_or(|end| end > file_len) {
        let end = offset.saturating_add(filesz);
        return Err(BootError::Truncated { what: "a segment", offset, end, len: file_len });
    }
    if filesz > memsz {
        return Err(BootError::SegmentFileLarger { index, filesz, memsz });
    }
    if paddr.checked_add(memsz).is_none() {
        return Err(BootError::SegmentWraps { index, paddr, memsz });
    }
    Ok(())
}
