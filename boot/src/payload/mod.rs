//! Compressed kernels: the vmlinux inside a bzImage, and kernels that were packed as a whole file.
//!
//! A bzImage carries its kernel as one compressed stream and unpacks it itself, which costs a guest
//! about a hundred million instructions. Unpacking it here gives the ELF file that the PVH protocol
//! boots. Follows Linux `Documentation/x86/boot.rst` (`payload_offset`, `payload_length`) and
//! `arch/x86/boot/compressed/Makefile` (the size word).
//!
//! ```text
//!  bzImage:  | setup, setup_sects * 512 | protected mode: ... | payload          | ... |
//!                                         payload_offset ---->| stream | size u32 |
//! ```
//!
//! The size word is the length of the unpacked kernel; for gzip it is the stream's own last field.
//! What unpacks is the ELF file, followed in kernels with `CONFIG_X86_NEED_RELOCS` by a table of
//! relocations, which no program header covers.
//!
//! All unpackers are Rust alone. xz needs its x86 branch filter, which the kernel's build applies.
//!
//! Not modelled: LZO (recognised and named only), kernels without compression inside a bzImage, LZ4
//! dictionaries.

mod unpack;

#[cfg(test)]
mod tests;

use crate::error::BootError;
use crate::image::Image;
pub use unpack::unpack;

/// No kernel unpacks to more. A stream that claims or yields more is refused, so that a damaged or
/// hostile file cannot take the host's memory.
pub const MAX_UNPACKED: u64 = 1 << 30;

/// A compressed format that Linux packs kernels with.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Compression {
    /// RFC 1952.
    Gzip,
    /// bzip2 1.0.
    Bzip2,
    /// The .lzma file of LZMA Utils ("LZMA alone").
    Lzma,
    /// The .xz File Format 1.2.
    Xz,
    /// lzop; recognised, not unpacked.
    Lzo,
    /// LZ4 legacy frame: magic 0x184c2102, blocks of 8 MiB. What `lz4 -l` and the kernel's build write.
    Lz4Legacy,
    /// LZ4 Frame Format 1.6.
    Lz4Frame,
    /// RFC 8878.
    Zstd,
}

/// The first bytes of each format, as `lib/decompress.c` of Linux tells them apart.
const MAGICS: [(&[u8], Compression); 9] = [
    (&[0x1f, 0x8b], Compression::Gzip),
    (&[0x1f, 0x9e], Compression::Gzip), // as very old gzip wrote it
    (b"BZh", Compression::Bzip2),
    (&[0x5d, 0, 0], Compression::Lzma),
    (&[0xfd, b'7', b'z', b'X', b'Z', 0], Compression::Xz),
    (&[0x89, b'L', b'Z', b'O', 0, 0x0d, 0x0a, 0x1a, 0x0a], Compression::Lzo),
    (&[0x02, 0x21, 0x4c, 0x18], Compression::Lz4Legacy),
    (&[0x04, 0x22, 0x4d, 0x18], Compression::Lz4Frame),
    (&[0x28, 0xb5, 0x2f, 0xfd], Compression::Zstd),
];

impl Compression {
    /// The name users know it by.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Bzip2 => "bzip2",
            Self::Lzma => "lzma",
            Self::Xz => "xz",
            Self::Lzo => "lzo",
            Self::Lz4Legacy | Self::Lz4Frame => "lz4",
            Self::Zstd => "zstd",
        }
    }
}

/// The compression of a file that begins with `first_bytes`; 16 of them are enough.
pub fn compression_of(first_bytes: &[u8]) -> Option<Compression> {
    let found = MAGICS.iter().find(|(magic, _)| first_bytes.starts_with(magic));
    found.map(|&(_, compression)| compression)
}

/// Unpacks a kernel that was compressed as a whole file (`vmlinux.gz`); `None` if it is not such a
/// file.
pub fn unpack_image(image: &dyn Image) -> Result<Option<Vec<u8>>, BootError> {
    let mut first = vec![0; image.len().min(16) as usize];
    image.read_at(0, &mut first)?;
    let Some(compression) = compression_of(&first) else {
        return Ok(None);
    };
    let packed = read(image, 0, image.len(), compression)?;
    unpack(compression, &packed, MAX_UNPACKED).map(Some)
}

/// The kernel inside a bzImage: an ELF file, exactly as long as the size word says.
pub fn vmlinux_from_bzimage(image: &dyn Image) -> Result<Vec<u8>, BootError> {
    let payload = locate(image)?;
    let mut magic = [0; 8];
    let known = magic.len().min(payload.len as usize);
    image.read_at(payload.offset, &mut magic[..known])?;
    let Some(compression) = compression_of(&magic) else {
        return Err(BootError::PayloadUnknown { magic });
    };
    let mut packed = read(image, payload.offset, payload.len, compression)?;

    let corrupt = |why| BootError::PayloadCorrupt { format: compression.name(), why };
    let Some((_, &size_word)) = packed.split_last_chunk::<4>() else {
        return Err(corrupt("it is too short for the size word".into()));
    };
    let size = u64::from(u32::from_le_bytes(size_word));
    if size > MAX_UNPACKED {
        return Err(BootError::PayloadTooLarge { format: compression.name(), max: MAX_UNPACKED });
    }
    // gzip ends with this very word; the other formats do not know of it.
    if compression != Compression::Gzip {
        packed.truncate(packed.len() - size_word.len());
    }
    let vmlinux = unpack(compression, &packed, size).map_err(|error| match error {
        BootError::PayloadTooLarge { .. } => {
            corrupt(format!("it unpacks to more than the {size} bytes its size word says"))
        }
        other => other,
    })?;
    if vmlinux.len() as u64 != size {
        let unpacked = vmlinux.len();
        return Err(corrupt(format!("it unpacks to {unpacked} bytes, its size word says {size}")));
    }
    Ok(vmlinux)
}

/// Where the payload lies in the image.
struct Payload {
    offset: u64,
    len: u64,
}

/// Reads the header fields that lead to the payload.
fn locate(image: &dyn Image) -> Result<Payload, BootError> {
    /// First protocol version with the payload fields.
    const VERSION_WITH_PAYLOAD: u16 = 0x0208;
    /// End of `payload_length`.
    const HEADER_END: u64 = 0x250;
    /// Protected-mode part begins behind this many sectors if the header says 0.
    const DEFAULT_SETUP_SECTS: u8 = 4;

    let mut header = [0; HEADER_END as usize];
    if image.len() < HEADER_END {
        return Err(BootError::Truncated {
            what: "the bzImage header",
            offset: 0,
            end: HEADER_END,
            len: image.len(),
        });
    }
    image.read_at(0, &mut header)?;
    let u32_at = |at: usize| {
        u32::from_le_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]])
    };
    if &header[0x202..0x206] != b"HdrS" {
        return Err(BootError::UnknownFormat { found: "no \"HdrS\" at 0x202".into() });
    }
    let version = u16::from_le_bytes([header[0x206], header[0x207]]);
    let (payload_offset, payload_length) = (u32_at(0x248), u32_at(0x24c));
    if version < VERSION_WITH_PAYLOAD || payload_length == 0 {
        return Err(BootError::PayloadMissing { version });
    }
    let setup_sects = if header[0x1f1] == 0 { DEFAULT_SETUP_SECTS } else { header[0x1f1] };
    // None of these sums can overflow: three 32-bit numbers.
    let offset = (u64::from(setup_sects) + 1) * 512 + u64::from(payload_offset);
    let len = u64::from(payload_length);
    if offset + len > image.len() {
        return Err(BootError::Truncated {
            what: "the payload of the bzImage",
            offset,
            end: offset + len,
            len: image.len(),
        });
    }
    Ok(Payload { offset, len })
}

/// Reads a packed stream into memory; one larger than anything it may unpack to is refused.
fn read(
    image: &dyn Image,
    offset: u64,
    len: u64,
    compression: Compression,
) -> Result<Vec<u8>, BootError> {
    if len > MAX_UNPACKED {
        return Err(BootError::PayloadTooLarge { format: compression.name(), max: MAX_UNPACKED });
    }
    let mut packed = vec![0; len as usize];
    image.read_at(offset, &mut packed)?;
    Ok(packed)
}
