//! The Xen notes of an ELF kernel: `public/elfnote.h`.
//!
//! Only PHYS32_ENTRY (18) and PHYS32_RELOC (19) matter to a PVH loader. A Linux vmlinux carries a
//! dozen others, addressed to Xen's paravirtual loader; they are listed and ignored.

use crate::elf::{Elf, Note, notes};
use crate::error::BootError;
use crate::image::Image;
use crate::multiboot1;
use crate::reader::{u32_at, u64_at};

/// XEN_ELFNOTE_PHYS32_ENTRY.
pub const ENTRY_NOTE: u32 = 18;
/// XEN_ELFNOTE_PHYS32_RELOC.
pub const RELOC_NOTE: u32 = 19;

/// Alignment a relocatable kernel gets if neither note nor segments ask for one.
const DEFAULT_ALIGN: u32 = 0x20_0000;

/// XEN_ELFNOTE_PHYS32_RELOC with its defaults filled in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Reloc {
    /// Alignment of the load address in bytes, a power of two.
    pub align: u32,
    /// Lowest address the kernel may start at.
    pub min: u32,
    /// Highest address its last byte may have.
    pub max: u32,
}

/// What the notes of a PVH kernel say.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PvhNotes {
    /// Physical address of the 32-bit entry.
    pub entry: u32,
    /// Where the kernel may be moved, if anywhere.
    pub reloc: Option<Reloc>,
}

impl PvhNotes {
    /// Finds and checks them.
    pub fn find(elf: &Elf, image: &dyn Image) -> Result<Self, BootError> {
        let is_entry = |note: &Note| note.is_xen() && note.kind == ENTRY_NOTE;
        let notes = notes(elf, image, is_entry)?;
        let mut entry = None;
        for note in notes.iter().filter(|note| is_entry(note)) {
            let second = entry_address(note)?;
            match entry {
                Some(first) if first != second => {
                    return Err(BootError::PvhNotesDisagree { first, second });
                }
                _ => entry = Some(second),
            }
        }
        let Some(entry) = entry else {
            let xen = notes.iter().filter(|note| note.is_xen());
            let seen = xen.map(|note| note.kind).take(64).collect();
            let multiboot = !matches!(multiboot1::find(image), Ok(None));
            return Err(BootError::NoPvhNote { seen, multiboot });
        };
        let entry = u32::try_from(entry).map_err(|_| BootError::EntryAbove4G { entry })?;
        let reloc = notes.iter().find(|note| note.is_xen() && note.kind == RELOC_NOTE);
        let reloc = reloc.map(|note| Reloc::from_note(note, elf)).transpose()?;
        Ok(Self { entry, reloc })
    }
}

/// The content is 4 bytes by Xen's document and 8 as 64-bit Linux writes it; little endian.
fn entry_address(note: &Note) -> Result<u64, BootError> {
    match note.descsz {
        0..4 => Err(BootError::PvhNoteShort { offset: note.offset, descsz: note.descsz }),
        4..8 => Ok(u32_at(&note.desc, 0).into()),
        _ => Ok(u64_at(&note.desc, 0)),
    }
}

impl Reloc {
    /// Up to three u32: alignment, minimum start, maximum last byte; absent ones have defaults.
    fn from_note(note: &Note, elf: &Elf) -> Result<Self, BootError> {
        let field = |index: usize, default| {
            if note.desc.len() >= 4 * (index + 1) { u32_at(&note.desc, 4 * index) } else { default }
        };
        let (align, min, max) = (field(0, 0), field(1, 0), field(2, u32::MAX));
        let align = if align == 0 { largest_alignment(elf) } else { align };
        if !align.is_power_of_two() || min >= max {
            return Err(BootError::PvhReloc { align, min, max });
        }
        Ok(Self { align, min, max })
    }
}

fn largest_alignment(elf: &Elf) -> u32 {
    let loads = elf.segments.iter().filter(|s| s.kind == crate::elf::PT_LOAD);
    let aligns = loads.filter_map(|s| u32::try_from(s.align).ok());
    aligns.filter(|&a| a >= 0x1000 && a.is_power_of_two()).max().unwrap_or(DEFAULT_ALIGN)
}

/// Name of a Xen note type (`public/elfnote.h`), for `inspect`.
pub fn xen_note_name(kind: u32) -> Option<&'static str> {
    Some(match kind {
        0 => "INFO",
        1 => "ENTRY",
        2 => "HYPERCALL_PAGE",
        3 => "VIRT_BASE",
        4 => "PADDR_OFFSET",
        5 => "XEN_VERSION",
        6 => "GUEST_OS",
        7 => "GUEST_VERSION",
        8 => "LOADER",
        9 => "PAE_MODE",
        10 => "FEATURES",
        11 => "BSD_SYMTAB",
        12 => "HV_START_LOW",
        13 => "L1_MFN_VALID",
        14 => "SUSPEND_CANCEL",
        15 => "INIT_P2M",
        16 => "MOD_START_PFN",
        17 => "SUPPORTED_FEATURES",
        18 => "PHYS32_ENTRY",
        19 => "PHYS32_RELOC",
        _ => return None,
    })
}
