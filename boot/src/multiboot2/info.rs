//! The multiboot 2 information structure: Multiboot2 Specification 2.0, "Boot information format".
//!
//! A total size, then tags on 8-byte boundaries up to the end tag. Given: command line, loader name,
//! modules, memory sizes and map, ELF sections, the text screen of a VGA adapter, SMBIOS, both RSDPs,
//! load base address. Not given, because no machine here has it: BIOS boot device, VBE, APM, network,
//! everything of EFI.

use crate::e820::Region;
use crate::multiboot1::text_screen;
use core::ops::Range;

/// Tags in the making.
pub(super) struct Info {
    bytes: Vec<u8>,
}

/// The parts of a tag as bytes.
macro_rules! bytes {
    ($($part:expr),*) => { [$(&$part.to_le_bytes()[..]),*].concat() };
}

impl Info {
    /// An empty structure: total size and reserved word.
    pub(super) fn new() -> Self {
        Self { bytes: vec![0; 8] }
    }

    /// A tag of any type.
    fn tag(&mut self, kind: u32, content: &[u8]) {
        self.bytes.extend(kind.to_le_bytes());
        self.bytes.extend((8 + content.len() as u32).to_le_bytes());
        self.bytes.extend(content);
        self.bytes.resize(self.bytes.len().next_multiple_of(8), 0);
    }

    fn text(&mut self, kind: u32, text: &str) {
        self.tag(kind, &[text.as_bytes(), &[0]].concat());
    }

    pub(super) fn command_line(&mut self, text: &str) {
        self.text(1, text);
    }

    pub(super) fn loader_name(&mut self, name: &str) {
        self.text(2, name);
    }

    /// A module below 4 GiB.
    pub(super) fn module(&mut self, range: &Range<u64>, text: &str) {
        let words = bytes!(range.start as u32, range.end as u32);
        self.tag(3, &[&words, text.as_bytes(), &[0]].concat());
    }

    /// KiB from 0 and from 1 MiB up to the first hole.
    pub(super) fn memory_sizes(&mut self, (lower, upper): (u32, u32)) {
        self.tag(4, &bytes!(lower, upper));
    }

    pub(super) fn memory_map(&mut self, map: &[Region]) {
        const ENTRY_SIZE: u32 = 24;
        const VERSION: u32 = 0;
        let mut content = bytes!(ENTRY_SIZE, VERSION);
        for region in map {
            content.extend(bytes!(region.addr, region.len, region.kind as u32, 0u32));
        }
        self.tag(6, &content);
    }

    /// The text screen of a VGA adapter.
    pub(super) fn text_screen(&mut self) {
        self.tag(8, &[&text_screen()[..], &[0; 2]].concat());
    }

    /// ELF section headers; number, bytes each and index of the names as GRUB's `multiboot2.h` has
    /// them, in 32 bits.
    pub(super) fn sections(&mut self, [count, size, names]: [u32; 3], headers: &[u8]) {
        self.tag(9, &[&bytes!(count, size, names), headers].concat());
    }

    /// The structures of an SMBIOS of version 2.8.
    pub(super) fn smbios(&mut self, tables: &[u8]) {
        self.tag(13, &[&[2, 8, 0, 0, 0, 0, 0, 0], tables].concat());
    }

    /// Copies of the RSDP as ACPI 1.0 and as later versions have it.
    pub(super) fn rsdp(&mut self, old: &[u8], new: &[u8]) {
        self.tag(14, old);
        self.tag(15, new);
    }

    /// Where the first byte of a relocatable image lies.
    pub(super) fn load_base(&mut self, addr: u32) {
        self.tag(21, &addr.to_le_bytes());
    }

    /// The structure as it lies in guest memory.
    pub(super) fn finish(mut self) -> Vec<u8> {
        self.tag(0, &[]);
        let total = self.bytes.len() as u32;
        self.bytes[0..4].copy_from_slice(&total.to_le_bytes());
        self.bytes
    }
}
