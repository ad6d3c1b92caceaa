//! Images around assembled parts: ELF32, ELF64, or none at all (the multiboot header's address
//! fields say where everything goes), with a PVH note, a multiboot header, or both.
//!
//! Sources: System V ABI, "Object Files" (ELF header, program header, note); Xen
//! `public/elfnote.h`, `XEN_ELFNOTE_PHYS32_ENTRY`; Multiboot Specification 0.6.96, "OS image
//! format".
//!
//! One drawing serves them all. The file's first byte belongs at the base address, so a byte's
//! file offset is its address less the base:
//!
//! ```text
//! base + 0x000   ELF header, program headers (absent from a plain multiboot image)
//!        0x0b0   PVH note
//!        0x0d0   multiboot header
//!        0x100   the parts, each where it was assembled for
//!        ...     up to `end`: no bytes in the file, zeroed by the loader
//! ```
//!
//! Not here: section headers, symbols, more than one PT_LOAD.

use crate::asm::Part;
use crate::listing::Line;

/// Base address of every kernel: the first byte above 1 MiB.
pub const KERNEL_BASE: u32 = 0x10_0000;
/// Where the first part of an image may begin, from its base.
pub const CODE_OFFSET: u32 = 0x100;

const NOTE_OFFSET: u32 = 0xb0;
const MULTIBOOT_OFFSET: u32 = 0xd0;

/// How the file begins.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Class {
    /// ELFCLASS32, EM_386.
    Elf32,
    /// ELFCLASS64, EM_X86_64.
    Elf64,
    /// No ELF header: the multiboot header's address fields describe the file.
    Flat,
}

/// An image before it is bytes.
pub struct Image {
    /// File format.
    pub class: Class,
    /// Where the file's first byte belongs.
    pub base: u32,
    /// First address after the memory the image takes.
    pub end: u32,
    /// e_entry; also the multiboot header's entry_addr in a flat image.
    pub entry: u32,
    /// The PVH entry and the size of the note's descriptor (4 by the ABI, 8 in Linux).
    pub pvh: Option<(u32, u32)>,
    /// The flags of a multiboot header, without bit 16 (that one follows `class`).
    pub multiboot: Option<u32>,
    /// Code and data, in ascending order.
    pub parts: Vec<Part>,
}

impl Image {
    /// The file.
    ///
    /// # Panics
    /// When the parts overlap each other or the header.
    pub fn bytes(&self) -> Vec<u8> {
        let mut file = Vec::new();
        for line in self.header() {
            if let Line::Bytes { address, bytes, .. } = line {
                put(&mut file, address - self.base, &bytes);
            }
        }
        assert!(file.len() as u32 <= CODE_OFFSET, "the headers outgrew their place");
        file.resize(CODE_OFFSET as usize, 0);
        for part in &self.parts {
            put(&mut file, part.address - self.base, &part.bytes);
        }
        assert!(self.base + file.len() as u32 <= self.end, "the parts outgrew the image");
        file
    }

    /// The listing: header fields, then each part.
    pub fn listing(&self) -> String {
        let mut text = String::new();
        let mut after_bytes = false;
        for line in self.header().iter().chain(self.parts.iter().flat_map(|part| &part.lines)) {
            // What a comment begins stands apart from what came before.
            if after_bytes && matches!(line, Line::Comment(_)) {
                text.push('\n');
            }
            after_bytes = matches!(line, Line::Bytes { .. } | Line::Define(..));
            text.push_str(&line.to_string());
        }
        let file_end = self.base + self.file_size();
        if file_end < self.end {
            let zeroed = self.end - file_end;
            text.push_str(&format!("\n; {file_end:08x}: {zeroed:#x} bytes zeroed by the loader\n"));
        }
        text
    }

    fn header(&self) -> Vec<Line> {
        let mut fields = Fields { at: self.base, lines: Vec::new() };
        match self.class {
            Class::Elf32 => self.elf32(&mut fields),
            Class::Elf64 => self.elf64(&mut fields),
            Class::Flat => {}
        }
        if let Some((entry, descriptor_size)) = self.pvh {
            fields.part(
                "The PVH note: a loader that knows it enters here, in 32-bit protected mode.",
            );
            fields.at = self.base + NOTE_OFFSET;
            fields.word(4, "n_namesz");
            fields.word(descriptor_size, "n_descsz");
            fields.word(18, "n_type: XEN_ELFNOTE_PHYS32_ENTRY");
            fields.bytes(b"Xen\0", "n_name");
            fields.number(
                entry.into(),
                descriptor_size as usize,
                "n_desc: the entry's physical address",
            );
        }
        if let Some(flags) = self.multiboot {
            self.multiboot_header(flags, &mut fields);
        }
        fields.lines
    }

    fn file_size(&self) -> u32 {
        self.parts
            .last()
            .map_or(CODE_OFFSET, |part| part.address + part.bytes.len() as u32 - self.base)
    }

    fn elf32(&self, fields: &mut Fields) {
        fields.part("ELF header");
        fields
            .bytes(b"\x7fELF\x01\x01\x01\0\0\0\0\0\0\0\0\0", "e_ident: ELFCLASS32, little endian");
        fields.half(2, "e_type: ET_EXEC");
        fields.half(3, "e_machine: EM_386");
        fields.word(1, "e_version");
        fields.word(self.entry, "e_entry");
        fields.word(52, "e_phoff: program headers follow");
        fields.word(0, "e_shoff: no section headers");
        fields.word(0, "e_flags");
        fields.half(52, "e_ehsize");
        fields.half(32, "e_phentsize");
        fields.half(1 + u16::from(self.pvh.is_some()), "e_phnum");
        fields.bytes(&[0; 6], "e_shentsize, e_shnum, e_shstrndx");
        fields.part("Program header: the whole file, and zeroes up to the end");
        fields.word(1, "p_type: PT_LOAD");
        fields.word(0, "p_offset");
        fields.word(self.base, "p_vaddr");
        fields.word(self.base, "p_paddr");
        fields.word(self.file_size(), "p_filesz");
        fields.word(self.end - self.base, "p_memsz");
        fields.word(7, "p_flags: read, write, execute");
        fields.word(0x1000, "p_align");
        if let Some((_, descriptor_size)) = self.pvh {
            fields.part("Program header: the notes");
            fields.word(4, "p_type: PT_NOTE");
            fields.word(NOTE_OFFSET, "p_offset");
            fields.word(self.base + NOTE_OFFSET, "p_vaddr");
            fields.word(self.base + NOTE_OFFSET, "p_paddr");
            fields.word(16 + descriptor_size, "p_filesz");
            fields.word(16 + descriptor_size, "p_memsz");
            fields.word(4, "p_flags: read");
            fields.word(4, "p_align");
        }
    }

    fn elf64(&self, fields: &mut Fields) {
        fields.part("ELF header");
        fields
            .bytes(b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0", "e_ident: ELFCLASS64, little endian");
        fields.half(2, "e_type: ET_EXEC");
        fields.half(62, "e_machine: EM_X86_64");
        fields.word(1, "e_version");
        fields.giant(self.entry, "e_entry");
        fields.giant(64, "e_phoff: program headers follow");
        fields.giant(0, "e_shoff: no section headers");
        fields.word(0, "e_flags");
        fields.half(64, "e_ehsize");
        fields.half(56, "e_phentsize");
        fields.half(1 + u16::from(self.pvh.is_some()), "e_phnum");
        fields.bytes(&[0; 6], "e_shentsize, e_shnum, e_shstrndx");
        fields.part("Program header: the whole file, and zeroes up to the end");
        fields.word(1, "p_type: PT_LOAD");
        fields.word(7, "p_flags: read, write, execute");
        fields.giant(0, "p_offset");
        fields.giant(self.base, "p_vaddr");
        fields.giant(self.base, "p_paddr");
        fields.giant(self.file_size(), "p_filesz");
        fields.giant(self.end - self.base, "p_memsz");
        fields.giant(0x1000, "p_align");
        if let Some((_, descriptor_size)) = self.pvh {
            fields.part("Program header: the notes");
            fields.word(4, "p_type: PT_NOTE");
            fields.word(4, "p_flags: read");
            fields.giant(NOTE_OFFSET, "p_offset");
            fields.giant(self.base + NOTE_OFFSET, "p_vaddr");
            fields.giant(self.base + NOTE_OFFSET, "p_paddr");
            fields.giant(16 + descriptor_size, "p_filesz");
            fields.giant(16 + descriptor_size, "p_memsz");
            fields.giant(4, "p_align");
        }
    }

    fn multiboot_header(&self, flags: u32, fields: &mut Fields) {
        const MAGIC: u32 = 0x1bad_b002;
        const ADDRESS_FIELDS: u32 = 1 << 16;
        let header = self.base + MULTIBOOT_OFFSET;
        let flat = self.class == Class::Flat;
        let flags = if flat { flags | ADDRESS_FIELDS } else { flags };
        fields.part("Multiboot header: found by its magic in the first 8 KiB");
        fields.at = header;
        fields.word(MAGIC, "magic");
        fields.word(flags, "flags");
        fields
            .word(0u32.wrapping_sub(MAGIC).wrapping_sub(flags), "checksum: the three add up to 0");
        if flat {
            fields.word(header, "header_addr: where this header belongs");
            fields.word(self.base, "load_addr");
            fields.word(self.base + self.file_size(), "load_end_addr");
            fields.word(self.end, "bss_end_addr");
            fields.word(self.entry, "entry_addr");
        }
    }
}

/// Copies `bytes` to `offset`, which lies at or after all that is there.
fn put(file: &mut Vec<u8>, offset: u32, bytes: &[u8]) {
    assert!(file.len() <= offset as usize, "two parts overlap at {offset:#x}");
    file.resize(offset as usize, 0);
    file.extend_from_slice(bytes);
}

/// Header fields in file order, as listing lines.
struct Fields {
    at: u32,
    lines: Vec<Line>,
}

impl Fields {
    fn part(&mut self, text: &str) {
        self.lines.push(Line::Comment(text.to_owned()));
    }

    fn bytes(&mut self, bytes: &[u8], remark: &str) {
        let remark = remark.to_owned();
        self.lines.push(Line::Bytes {
            address: self.at,
            bytes: bytes.to_vec(),
            text: String::new(),
            remark,
        });
        self.at += bytes.len() as u32;
    }

    fn number(&mut self, value: u64, size: usize, remark: &str) {
        let text =
            format!("{}    {value:#x}", ["dw", "dd", "dq"][size.trailing_zeros() as usize - 1]);
        let (bytes, remark) = (value.to_le_bytes()[..size].to_vec(), remark.to_owned());
        self.lines.push(Line::Bytes { address: self.at, bytes, text, remark });
        self.at += size as u32;
    }

    fn half(&mut self, value: u16, remark: &str) {
        self.number(value.into(), 2, remark);
    }

    fn word(&mut self, value: u32, remark: &str) {
        self.number(value.into(), 4, remark);
    }

    fn giant(&mut self, value: u32, remark: &str) {
        self.number(value.into(), 8, remark);
    }
}
