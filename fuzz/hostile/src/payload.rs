//! Packed kernels: every unpacker, on a stream alone and inside a bzImage.

use crate::{Outcome, Target};
use boot::BootError;
use boot::payload::{Compression, compression_of, unpack, vmlinux_from_bzimage};
use seeds::Damage;
use seeds::packed;

/// Most bytes that are unpacked. The command's own limit is 1 GiB, which no input here may reach.
const MAX: u64 = 1 << 20;

/// A stream whose first byte says by which unpacker, or a bzImage.
pub const TARGET: Target = Target {
    name: "payload",
    run,
    seeds,
    damage: Damage { window: usize::MAX, changes: 3, words: WORDS },
    inputs: 6000,
    shows: &[Outcome::Accepted, Outcome::Refused],
};

const WORDS: &[&[u8]] = &[
    b"\x1f\x8b\x08",
    b"BZh9",
    b"\xfd7zXZ\0",
    b"\x02\x21\x4c\x18",
    b"\x04\x22\x4d\x18",
    b"\x28\xb5\x2f\xfd",
    b"\x50\x2a\x4d\x18",
];

const FORMATS: [Compression; 8] = [
    Compression::Gzip,
    Compression::Bzip2,
    Compression::Lzma,
    Compression::Xz,
    Compression::Lz4Legacy,
    Compression::Lz4Frame,
    Compression::Zstd,
    Compression::Lzo,
];

fn seeds() -> Vec<Vec<u8>> {
    let whole = packed::sample().len() as u32;
    let streams = packed::samples().enumerate().flat_map(|(number, (format, bytes))| {
        let image = packed::bzimage_around(format, &bytes, whole);
        [[&[number as u8], &bytes[..]].concat(), [&[0xff], &image[..]].concat()]
    });
    streams.collect()
}

/// Unpacks.
pub fn run(bytes: &[u8]) -> Outcome {
    let Some((&which, stream)) = bytes.split_first() else { return Outcome::Refused };
    let _ = compression_of(stream);
    let unpacked = match FORMATS.get(usize::from(which)) {
        Some(&format) => unpack(format, stream, MAX),
        None => match bounded(stream) {
            true => vmlinux_from_bzimage(&stream.to_vec()),
            false => return Outcome::Refused,
        },
    };
    match unpacked {
        Ok(bytes) => {
            assert!(bytes.len() as u64 <= MAX);
            Outcome::Accepted
        }
        Err(error) => {
            let refused = matches!(
                error,
                BootError::PayloadMissing { .. }
                    | BootError::PayloadUnknown { .. }
                    | BootError::PayloadCorrupt { .. }
                    | BootError::PayloadTooLarge { .. }
                    | BootError::Compressed { .. }
                    | BootError::Truncated { .. }
                    | BootError::UnknownFormat { .. }
                    | BootError::Read { .. }
            );
            assert!(refused && !error.hint().is_empty(), "{error:?}");
            Outcome::Refused
        }
    }
}

/// A bzImage says itself how much it unpacks to, up to 1 GiB: more than a short run has time for.
fn bounded(image: &[u8]) -> bool {
    let word = |at: usize| {
        image.get(at..at + 4).map(|word| u32::from_le_bytes(word.try_into().unwrap_or_default()))
    };
    let (Some(offset), Some(len)) = (word(0x248), word(0x24c)) else { return true };
    let start = (u64::from(image[0x1f1]) + 1) * 512;
    let end = start + u64::from(offset) + u64::from(len);
    let size = end.checked_sub(4).and_then(|at| word(usize::try_from(at).ok()?));
    size.is_none_or(|size| u64::from(size) <= MAX)
}
