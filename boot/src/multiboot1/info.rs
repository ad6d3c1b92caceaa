//! The multiboot information structure: Multiboot Specification 0.6.96, "Boot information format".
//!
//! Memory sizes, command line, modules, ELF section headers, memory map, loader name and, with a VGA
//! adapter, its text screen. Not given: boot device (no BIOS disk was booted), drives, configuration
//! table, APM, VBE, a.out symbols; their flags stay 0.

use crate::e820::{Kind, Region};

const FLAG_MEMORY: u32 = 1 << 0;
const FLAG_CMDLINE: u32 = 1 << 2;
const FLAG_MODULES: u32 = 1 << 3;
const FLAG_ELF_SECTIONS: u32 = 1 << 5;
const FLAG_MEMORY_MAP: u32 = 1 << 6;
const FLAG_LOADER_NAME: u32 = 1 << 9;
const FLAG_FRAMEBUFFER: u32 = 1 << 12;

/// The text screen of a VGA adapter as both versions of multiboot describe a framebuffer: address u64,
/// bytes per line u32, columns u32, lines u32, bits per character u8, type u8 (2: EGA text).
pub fn text_screen() -> [u8; 22] {
    const EGA_TEXT: u8 = 2;
    let mut out = [0; 22];
    out[0..8].copy_from_slice(&0xb_8000u64.to_le_bytes());
    for (word, value) in out[8..20].chunks_exact_mut(4).zip([160u32, 80, 25]) {
        word.copy_from_slice(&value.to_le_bytes());
    }
    out[20] = 16;
    out[21] = EGA_TEXT;
    out
}

/// What the kernel is told.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Info {
    /// KiB from 0 on.
    pub mem_lower: u32,
    /// KiB from 1 MiB to the first hole.
    pub mem_upper: u32,
    /// Address of the command line.
    pub cmdline: u32,
    /// Number of modules and address of their list.
    pub modules: (u32, u32),
    /// ELF section headers: number, bytes each, address, index of the names.
    pub sections: Option<[u32; 4]>,
    /// Length in bytes and address of the memory map.
    pub memory_map: (u32, u32),
    /// Address of the loader's name.
    pub loader_name: u32,
    /// A VGA text screen of 80 x 25 is on.
    pub vga_text: bool,
}

impl Info {
    /// Length in bytes up to and including the framebuffer fields.
    pub const SIZE: usize = 116;

    /// The structure as it lies in guest memory.
    pub fn to_bytes(&self) -> [u8; Self::SIZE] {
        let mut flags =
            FLAG_MEMORY | FLAG_CMDLINE | FLAG_MODULES | FLAG_MEMORY_MAP | FLAG_LOADER_NAME;
        if self.sections.is_some() {
            flags |= FLAG_ELF_SECTIONS;
        }
        if self.vga_text {
            flags |= FLAG_FRAMEBUFFER;
        }
        let sections = self.sections.unwrap_or_default();
        let fields = [
            (0, flags),
            (4, self.mem_lower),
            (8, self.mem_upper),
            (16, self.cmdline),
            (20, self.modules.0),
            (24, self.modules.1),
            (28, sections[0]),
            (32, sections[1]),
            (36, sections[2]),
            (40, sections[3]),
            (44, self.memory_map.0),
            (48, self.memory_map.1),
            (64, self.loader_name),
        ];
        let mut out = [0; Self::SIZE];
        for (at, value) in fields {
            out[at..at + 4].copy_from_slice(&value.to_le_bytes());
        }
        if self.vga_text {
            out[88..110].copy_from_slice(&text_screen());
        }
        out
    }
}

/// One module: first byte, one past the last, string.
pub fn module_entry(start: u32, end: u32, string: u32) -> [u8; 16] {
    let mut out = [0; 16];
    for (word, value) in out.chunks_exact_mut(4).zip([start, end, string]) {
        word.copy_from_slice(&value.to_le_bytes());
    }
    out
}

/// One row of the memory map; its size field does not count itself.
pub fn map_entry(region: &Region) -> [u8; 24] {
    let mut out = [0; 24];
    out[0..4].copy_from_slice(&20u32.to_le_bytes());
    out[4..12].copy_from_slice(&region.addr.to_le_bytes());
    out[12..20].copy_from_slice(&region.len.to_le_bytes());
    out[20..24].copy_from_slice(&(region.kind as u32).to_le_bytes());
    out
}

/// `mem_lower` and `mem_upper` in KiB: RAM from 0 and from 1 MiB, each up to its first hole.
pub fn memory_sizes(map: &[Region]) -> (u32, u32) {
    let kib_from = |start: u64| {
        let found = map.iter().find(|r| r.kind == Kind::Ram && r.addr == start);
        found.map_or(0, |region| u32::try_from(region.len >> 10).unwrap_or(u32::MAX))
    };
    (kib_from(0), kib_from(0x10_0000))
}
