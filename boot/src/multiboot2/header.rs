//! The multiboot 2 header inside an OS image: Multiboot2 Specification 2.0, "OS image format".
//!
//! Tags are read to the end tag, each inside the header and 8-byte aligned. A tag this loader does not
//! know is skipped if its flag says optional, and refused otherwise.

use crate::error::BootError;
use crate::image::Image;
use crate::multiboot1::Addresses;
use crate::reader::{Reader, u16_at, u32_at};

/// First word of the header.
pub const MAGIC: u32 = 0xe852_50d6;
/// The header lies completely within this many bytes, 8-byte aligned.
const SEARCH: u64 = 32768;
/// How far a header that lies too far is looked for, to say so.
const SEARCH_FAR: u64 = 1 << 20;
/// `architecture`: 32-bit protected mode of i386.
const ARCHITECTURE_I386: u32 = 0;
/// Magic, architecture, header_length, checksum.
const FIXED_LEN: u64 = 16;
/// Flag of a tag that a loader may skip.
const OPTIONAL: u16 = 1;

/// Header tag types.
#[allow(missing_docs, reason = "the names are the specification's")]
pub mod tag {
    pub const END: u16 = 0;
    pub const INFORMATION_REQUEST: u16 = 1;
    pub const ADDRESS: u16 = 2;
    pub const ENTRY_ADDRESS: u16 = 3;
    pub const CONSOLE_FLAGS: u16 = 4;
    pub const FRAMEBUFFER: u16 = 5;
    pub const MODULE_ALIGN: u16 = 6;
    pub const EFI_BOOT_SERVICES: u16 = 7;
    pub const ENTRY_ADDRESS_EFI32: u16 = 8;
    pub const ENTRY_ADDRESS_EFI64: u16 = 9;
    pub const RELOCATABLE: u16 = 10;
}

/// A header tag as it lies in the file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Tag {
    /// Offset in the file.
    pub offset: u64,
    /// Type, see [`tag`].
    pub kind: u16,
    /// A loader may skip it.
    pub optional: bool,
    /// Length in bytes, without padding.
    pub size: u32,
    /// Its 32-bit words behind the first eight bytes.
    pub words: Vec<u32>,
}

impl Tag {
    fn word(&self, index: usize) -> u32 {
        self.words.get(index).copied().unwrap_or(0)
    }
}

/// Where the kernel prefers to lie within its window.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Preference {
    /// Where it is linked, if that will do.
    Linked,
    /// As low as possible.
    Lowest,
    /// As high as possible.
    Highest,
}

/// The relocatable tag.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Relocatable {
    /// Lowest address of the first byte.
    pub min: u32,
    /// Highest address of the last byte.
    pub max: u32,
    /// Alignment of the first byte, a power of two.
    pub align: u32,
    /// Which of the places.
    pub preference: Preference,
}

/// A header with a good checksum and good tags.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Header {
    /// Offset in the file.
    pub offset: u64,
    /// All tags but the end tag.
    pub tags: Vec<Tag>,
}

/// The header, `None` if nothing in the image looks like one. A magic with a bad checksum, for another
/// architecture, or beyond the first 32 KiB, is an error that says so.
pub fn find(image: &dyn Image) -> Result<Option<Header>, BootError> {
    let bytes = Reader::new(image).prefix(SEARCH_FAR)?;
    let mut refusal = None;
    for at in (0..bytes.len().saturating_sub(FIXED_LEN as usize - 1)).step_by(8) {
        if u32_at(&bytes, at) != MAGIC {
            continue;
        }
        let word = |index: usize| u32_at(&bytes, at + 4 * index);
        let sum = word(0).wrapping_add(word(1)).wrapping_add(word(2)).wrapping_add(word(3));
        let (offset, len) = (at as u64, u64::from(word(2)));
        match (sum, offset + len.max(FIXED_LEN) <= SEARCH) {
            (0, _) if word(1) != ARCHITECTURE_I386 => {
                let architecture = word(1);
                refusal.get_or_insert(BootError::Multiboot2Architecture { offset, architecture });
            }
            (0, true) => return parse(&bytes, offset, len).map(Some),
            (0, false) => {
                refusal.get_or_insert(BootError::Multiboot2TooFar { offset, len, max: SEARCH });
            }
            (_, true) => {
                refusal.get_or_insert(BootError::Multiboot2Checksum { offset, sum });
            }
            // Far from the place and without a checksum, it is four bytes of something else.
            (_, false) => {}
        }
    }
    refusal.map_or(Ok(None), Err)
}

fn parse(bytes: &[u8], offset: u64, len: u64) -> Result<Header, BootError> {
    let end = offset + len;
    if end > bytes.len() as u64 {
        let (what, len) = ("the multiboot 2 header", bytes.len() as u64);
        return Err(BootError::Truncated { what, offset, end, len });
    }
    let (mut at, mut tags) = (offset + FIXED_LEN, Vec::new());
    loop {
        if at + 8 > end {
            return Err(BootError::Multiboot2NoEnd { offset, end });
        }
        let start = at as usize;
        let (kind, flags) = (u16_at(bytes, start), u16_at(bytes, start + 2));
        let size = u32_at(bytes, start + 4);
        if u64::from(size) < min_size(kind) || at + u64::from(size) > end {
            let left = end - at;
            return Err(BootError::Multiboot2Tag { offset: at, kind, size, left });
        }
        if kind == tag::END {
            return Ok(Header { offset, tags });
        }
        let optional = flags & OPTIONAL != 0;
        if kind > tag::RELOCATABLE && !optional {
            return Err(BootError::Multiboot2TagUnknown { offset: at, kind });
        }
        let words = (8..size as usize / 4 * 4).step_by(4).map(|word| u32_at(bytes, start + word));
        tags.push(Tag { offset: at, kind, optional, size, words: words.collect() });
        at = (at + u64::from(size)).next_multiple_of(8);
    }
}

/// The specification's size of each tag; an information request may ask for nothing.
fn min_size(kind: u16) -> u64 {
    match kind {
        tag::ADDRESS | tag::RELOCATABLE => 24,
        tag::FRAMEBUFFER => 20,
        tag::ENTRY_ADDRESS
        | tag::CONSOLE_FLAGS
        | tag::ENTRY_ADDRESS_EFI32
        | tag::ENTRY_ADDRESS_EFI64 => 12,
        _ => 8,
    }
}

impl Header {
    fn tag(&self, kind: u16) -> Option<&Tag> {
        self.tags.iter().find(|tag| tag.kind == kind)
    }

    /// Refuses required tags that ask for what no machine here has: information of an EFI firmware,
    /// and its boot services. EFI entry addresses are for EFI machines only, and ignored.
    pub fn check_features(&self) -> Result<(), BootError> {
        /// EFI system tables, memory map, boot services, image handles.
        const EFI_INFORMATION: [u32; 6] = [11, 12, 17, 18, 19, 20];
        /// The last information tag of the specification.
        const KNOWN_MAX: u32 = 21;
        for tag in self.tags.iter().filter(|tag| !tag.optional) {
            let offset = tag.offset;
            if tag.kind == tag::EFI_BOOT_SERVICES {
                return Err(BootError::Multiboot2Efi { offset });
            }
            let impossible = |wanted: &&u32| {
                **wanted == 0 || **wanted > KNOWN_MAX || EFI_INFORMATION.contains(wanted)
            };
            let requested = tag.kind == tag::INFORMATION_REQUEST;
            if let Some(&wanted) = tag.words.iter().find(impossible).filter(|_| requested) {
                return Err(BootError::Multiboot2Request { offset, wanted });
            }
        }
        Ok(())
    }

    /// Refuses a required graphics mode, and a required console on a machine without a screen. A
    /// framebuffer of depth 0 is the text mode that a VGA adapter starts in.
    pub fn check_video(&self, vga: bool, ignore: bool) -> Result<(), BootError> {
        const CONSOLE_REQUIRED: u32 = 1;
        let unfit = |tag: &&Tag| match tag.kind {
            tag::FRAMEBUFFER => !(vga && tag.word(2) == 0),
            tag::CONSOLE_FLAGS => tag.word(0) & CONSOLE_REQUIRED != 0 && !vga,
            _ => false,
        };
        match self.tags.iter().filter(|tag| !tag.optional).find(unfit) {
            Some(tag) if !ignore => Err(BootError::MultibootVideo { offset: tag.offset }),
            _ => Ok(()),
        }
    }

    /// The address tag in the words of multiboot 1, with the entry tag's address. A `load_addr` of all
    /// ones loads from the start of the file.
    pub fn addresses(&self) -> Result<Option<Addresses>, BootError> {
        let Some(tag) = self.tag(tag::ADDRESS) else {
            return Ok(None);
        };
        let Some(entry_addr) = self.entry() else {
            return Err(BootError::Multiboot2NoEntry { offset: tag.offset });
        };
        let (header_addr, mut load_addr) = (tag.word(0), tag.word(1));
        if load_addr == u32::MAX {
            let offset = self.offset as u32; // below 32 KiB
            load_addr = header_addr.checked_sub(offset).ok_or({
                let what = "header_addr below the header's offset in the file";
                let (low, high) = (self.offset, header_addr.into());
                BootError::MultibootAddresses { offset: tag.offset, what, low, high }
            })?;
        }
        let (load_end_addr, bss_end_addr) = (tag.word(2), tag.word(3));
        Ok(Some(Addresses { header_addr, load_addr, load_end_addr, bss_end_addr, entry_addr }))
    }

    /// The entry address tag.
    pub fn entry(&self) -> Option<u32> {
        self.tag(tag::ENTRY_ADDRESS).map(|tag| tag.word(0))
    }

    /// The relocatable tag.
    pub fn relocatable(&self) -> Result<Option<Relocatable>, BootError> {
        let Some(tag) = self.tag(tag::RELOCATABLE) else {
            return Ok(None);
        };
        let [min, max, align, preference] = [0, 1, 2, 3].map(|index| tag.word(index));
        let align = align.max(1);
        let preference = match preference {
            0 => Some(Preference::Linked),
            1 => Some(Preference::Lowest),
            2 => Some(Preference::Highest),
            _ => None,
        };
        match preference {
            Some(preference) if align.is_power_of_two() && min < max => {
                Ok(Some(Relocatable { min, max, align, preference }))
            }
            _ => Err(BootError::Multiboot2Reloc { offset: tag.offset, min, max, align }),
        }
    }
}
