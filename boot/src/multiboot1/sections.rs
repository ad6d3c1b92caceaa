//! The kernel's ELF section headers, for kernels that look up their own symbols.
//!
//! Multiboot Specification, "Boot information format", `syms` with flag bit 5. Symbol and string tables
//! that are no part of a segment are loaded above the kernel and their `sh_addr` set, as GRUB does. Left
//! out where they do not fit: the specification makes them optional.

use super::place;
use crate::elf::{self, Class, Elf, SectionTable};
use crate::error::BootError;
use crate::image::Image;
use crate::layout;
use crate::plan::Draft;
use crate::reader::Reader;

/// Section headers on their way to the guest.
pub(crate) struct Sections {
    class: Class,
    table: SectionTable,
    /// The table as the file has it.
    headers: Vec<u8>,
    file_len: u64,
}

impl Sections {
    /// The headers of an ELF kernel, if it has any and they fit.
    pub(crate) fn of(image: &dyn Image) -> Result<Option<Self>, BootError> {
        let elf = Elf::parse(image)?;
        let Some(table) = elf.section_table(image) else {
            return Ok(None);
        };
        let len = table.sections.len() as u64 * u64::from(table.entry_size);
        if len > layout::MULTIBOOT_SECTIONS_LEN {
            return Ok(None);
        }
        let headers = Reader::new(image).bytes("the section header table", table.offset, len)?;
        Ok(Some(Self { class: elf.class, table, headers, file_len: image.len() }))
    }

    /// Places the loose tables above the kernel.
    pub(crate) fn place_tables(
        &mut self,
        draft: &mut Draft<'_>,
        kernel_end: u64,
    ) -> Result<(), BootError> {
        for index in 0..self.table.sections.len() {
            let Some((offset, size)) = self.loose_table(index) else { continue };
            let Some(addr) = place::above(draft, kernel_end, size) else { continue };
            draft.image(&format!("kernel section {index}"), addr, size, 0, offset)?;
            self.set_address(index, addr);
        }
        Ok(())
    }

    /// Number of headers, bytes of each, index of the section names.
    pub(crate) fn words(&self) -> [u32; 3] {
        let count = self.table.sections.len() as u32;
        [count, self.table.entry_size.into(), self.table.names.into()]
    }

    /// The headers as the guest gets them.
    pub(crate) fn headers(&self) -> &[u8] {
        &self.headers
    }

    /// Offset and size of a symbol or string table that no segment brings to memory.
    fn loose_table(&self, index: usize) -> Option<(u64, u64)> {
        let section = self.table.sections.get(index)?;
        let is_table = matches!(section.kind, elf::SHT_SYMTAB | elf::SHT_STRTAB);
        let end = section.offset.checked_add(section.size)?;
        let loose =
            section.flags & elf::SHF_ALLOC == 0 && section.size != 0 && end <= self.file_len;
        (is_table && loose).then_some((section.offset, section.size))
    }

    fn set_address(&mut self, index: usize, addr: u64) {
        let at = index * usize::from(self.table.entry_size);
        match self.class {
            Class::Elf32 => {
                self.headers[at + 12..at + 16].copy_from_slice(&(addr as u32).to_le_bytes());
            }
            Class::Elf64 => self.headers[at + 16..at + 24].copy_from_slice(&addr.to_le_bytes()),
        }
    }
}
