//! The multiboot header inside an OS image: Multiboot Specification 0.6.96, "OS image format".

use crate::error::BootError;
use crate::image::Image;
use crate::reader::{Reader, u32_at};

/// First word of the header.
pub const MAGIC: u32 = 0x1bad_b002;
/// The header lies completely within this many bytes.
const SEARCH: u64 = 8192;
/// How far a header that lies too far is looked for, to say so.
const SEARCH_FAR: u64 = 1 << 20;

/// Flag: modules are page aligned.
pub const PAGE_ALIGN: u32 = 1 << 0;
/// Flag: memory information is wanted.
pub const MEMORY_INFO: u32 = 1 << 1;
/// Flag: the video mode table is wanted.
pub const VIDEO_MODE: u32 = 1 << 2;
/// Flag: the address fields are valid and overrule an ELF header.
pub const ADDRESSES: u32 = 1 << 16;
/// Bits that a loader must refuse if it does not know them.
const REQUIRED: u32 = 0xffff;

/// The address fields of a header with [`ADDRESSES`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs, reason = "the fields are the specification's")]
pub struct Addresses {
    pub header_addr: u32,
    pub load_addr: u32,
    pub load_end_addr: u32,
    pub bss_end_addr: u32,
    pub entry_addr: u32,
}

/// The graphics fields of a header with [`VIDEO_MODE`]; 0 means no preference.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct VideoMode {
    /// 0 linear graphics, 1 EGA text.
    pub mode_type: u32,
    /// Pixels or characters in a line.
    pub width: u32,
    /// Lines.
    pub height: u32,
    /// Bits per pixel.
    pub depth: u32,
}

/// `mode_type` of the text mode, which a VGA adapter starts in.
const EGA_TEXT: u32 = 1;

/// A header with a good checksum.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Header {
    /// Offset in the file.
    pub offset: u64,
    /// Feature bits.
    pub flags: u32,
    /// Present if flag bit 16 is.
    pub addresses: Option<Addresses>,
    /// Present if flag bit 2 is.
    pub video: Option<VideoMode>,
}

/// The header, `None` if nothing in the image looks like one. A magic with a bad checksum, or one
/// beyond the first 8192 bytes, is an error that says so.
pub fn find(image: &dyn Image) -> Result<Option<Header>, BootError> {
    let bytes = Reader::new(image).prefix(SEARCH_FAR)?;
    let mut bad_checksum = None;
    for at in (0..bytes.len().saturating_sub(11)).step_by(4) {
        if u32_at(&bytes, at) != MAGIC {
            continue;
        }
        let (flags, offset) = (u32_at(&bytes, at + 4), at as u64);
        let sum = MAGIC.wrapping_add(flags).wrapping_add(u32_at(&bytes, at + 8));
        match (sum, offset + header_len(flags) <= SEARCH) {
            (0, true) => return parse(&bytes, at, flags).map(Some),
            (0, false) => {
                let too_far = BootError::MultibootTooFar { offset, max: SEARCH };
                return Err(bad_checksum.unwrap_or(too_far));
            }
            (_, true) => {
                bad_checksum.get_or_insert(BootError::MultibootChecksum { offset, sum });
            }
            // Far from the place and without a checksum, it is four bytes of something else.
            (_, false) => {}
        }
    }
    bad_checksum.map_or(Ok(None), Err)
}

fn header_len(flags: u32) -> u64 {
    match flags {
        flags if flags & VIDEO_MODE != 0 => 48,
        flags if flags & ADDRESSES != 0 => 32,
        _ => 12,
    }
}

fn parse(bytes: &[u8], at: usize, flags: u32) -> Result<Header, BootError> {
    let (offset, len) = (at as u64, bytes.len() as u64);
    let end = offset + header_len(flags);
    if end > len {
        return Err(BootError::Truncated { what: "the multiboot header", offset, end, len });
    }
    let word = |index: usize| u32_at(bytes, at + index);
    let addresses = (flags & ADDRESSES != 0).then(|| Addresses {
        header_addr: word(12),
        load_addr: word(16),
        load_end_addr: word(20),
        bss_end_addr: word(24),
        entry_addr: word(28),
    });
    let video = (flags & VIDEO_MODE != 0).then(|| VideoMode {
        mode_type: word(32),
        width: word(36),
        height: word(40),
        depth: word(44),
    });
    Ok(Header { offset, flags, addresses, video })
}

impl Header {
    /// Refuses features that no loader of this specification knows.
    pub fn check_features(&self) -> Result<(), BootError> {
        let &Self { offset, flags, .. } = self;
        let unknown = flags & REQUIRED & !(PAGE_ALIGN | MEMORY_INFO | VIDEO_MODE);
        if unknown != 0 {
            return Err(BootError::MultibootFlags { offset, flags, unknown });
        }
        Ok(())
    }

    /// Refuses a video mode that the machine does not start in; the text mode of a VGA adapter is one
    /// that it does.
    pub fn check_video(&self, vga: bool, ignore: bool) -> Result<(), BootError> {
        match self.video {
            Some(mode) if !(ignore || vga && mode.mode_type == EGA_TEXT) => {
                Err(BootError::MultibootVideo { offset: self.offset })
            }
            _ => Ok(()),
        }
    }
}
