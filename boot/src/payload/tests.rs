//! The packed samples are `seeds::packed`'s, made by the formats' own tools.

use super::*;
use seeds::packed::{self, bzimage_of as bzimage, sample};

const FORMATS: [(&str, Compression); 7] = [
    ("gzip", Compression::Gzip),
    ("bzip2", Compression::Bzip2),
    ("lzma", Compression::Lzma),
    ("xz", Compression::Xz),
    ("lz4 legacy", Compression::Lz4Legacy),
    ("lz4", Compression::Lz4Frame),
    ("zstd", Compression::Zstd),
];

fn samples() -> impl Iterator<Item = (Compression, Vec<u8>)> {
    FORMATS.iter().zip(packed::samples()).map(|(&(known, compression), (name, bytes))| {
        assert_eq!(known, name);
        (compression, bytes)
    })
}

/// A payload as the kernel's build makes it: gzip brings the size word, the others get it appended.
fn payload(compression: Compression, mut packed: Vec<u8>, size: u32) -> Vec<u8> {
    if compression != Compression::Gzip {
        packed.extend(size.to_le_bytes());
    }
    packed
}

#[test]
fn every_format_is_recognised_by_its_first_bytes_and_unpacks_to_the_sample() {
    for (compression, packed) in samples() {
        assert_eq!(compression_of(&packed), Some(compression));
        assert_eq!(unpack(compression, &packed, 1 << 20), Ok(sample()), "{compression:?}");
        assert_eq!(unpack_image(&packed), Ok(Some(sample())), "{compression:?}");
    }
    assert_eq!(compression_of(b"\x7fELF"), None);
    assert_eq!(compression_of(b""), None);
    assert_eq!(unpack_image(&b"\x7fELF".as_slice()), Ok(None));
}

#[test]
fn the_kernel_of_a_bzimage_unpacks_from_every_format() {
    for (compression, packed) in samples() {
        let image = bzimage(&payload(compression, packed, sample().len() as u32));

        assert_eq!(vmlinux_from_bzimage(&image), Ok(sample()), "{compression:?}");
    }
}

#[test]
fn output_of_exactly_the_limit_is_accepted_and_one_byte_more_is_refused() {
    let len = sample().len() as u64;
    for (compression, packed) in samples() {
        let format = compression.name();

        assert_eq!(unpack(compression, &packed, len), Ok(sample()), "{compression:?}");
        let refusal = Err(BootError::PayloadTooLarge { format, max: len - 1 });
        assert_eq!(unpack(compression, &packed, len - 1), refusal, "{compression:?}");
        assert_eq!(
            unpack(compression, &packed, 0),
            Err(BootError::PayloadTooLarge { format, max: 0 }),
        );
    }
}

#[test]
fn a_size_word_that_does_not_fit_the_stream_is_refused() {
    let (compression, packed) = samples().last().unwrap();
    for wrong in [0, 227, 229, 1 << 20] {
        let image = bzimage(&payload(compression, packed.clone(), wrong));

        let Err(BootError::PayloadCorrupt { format: "zstd", why }) = vmlinux_from_bzimage(&image)
        else {
            panic!("size word {wrong} was accepted");
        };
        assert!(why.contains(&format!("{wrong}")), "{why}");
    }
    let image = bzimage(&payload(compression, packed, u32::MAX));
    assert_eq!(
        vmlinux_from_bzimage(&image),
        Err(BootError::PayloadTooLarge { format: "zstd", max: MAX_UNPACKED }),
    );
}

#[test]
fn streams_that_follow_one_another_unpack_one_after_the_other() {
    for (compression, packed) in samples() {
        if compression == Compression::Lzma {
            continue; // its decoder cannot tell where a stream ends without an end in sight
        }
        let twice = [packed.clone(), packed].concat();

        let unpacked = unpack(compression, &twice, 1 << 20);

        assert_eq!(unpacked, Ok([sample(), sample()].concat()), "{compression:?}");
    }
}

/// A zstd file may begin with frames for other programs: RFC 8878, "Skippable Frames".
#[test]
fn skippable_zstd_frames_are_skipped() {
    let (_, packed) = samples().last().unwrap();
    let skippable = [0x50, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3];
    let with = [&skippable, packed.as_slice()].concat();

    assert_eq!(unpack(Compression::Zstd, &with, 1 << 20), Ok(sample()));
    assert!(unpack(Compression::Zstd, &skippable[..10], 1 << 20).is_err());
}

/// Formats with a checksum must notice any change of the content; no format may panic or yield more
/// than the limit.
#[test]
fn damaged_streams_give_an_error_or_bounded_bytes_and_never_panic() {
    for (compression, packed) in samples() {
        for at in 0..packed.len() {
            for flip in [0x01, 0x80, 0xff] {
                let mut damaged = packed.clone();
                damaged[at] ^= flip;
                if let Ok(bytes) = unpack(compression, &damaged, 4096) {
                    assert!(bytes.len() <= 4096);
                    let unchecked =
                        matches!(compression, Compression::Lzma | Compression::Lz4Legacy);
                    assert!(
                        unchecked || bytes == sample(),
                        "{compression:?}, byte {at} ^ {flip:#x}"
                    );
                }
            }
        }
    }
}

#[test]
fn a_stream_cut_off_anywhere_is_refused_by_the_size_word() {
    for (compression, packed) in samples() {
        for len in 0..packed.len() {
            let cut = payload(Compression::Zstd, packed[..len].to_vec(), sample().len() as u32);
            // LZMA may have all its bytes before its end mark; that is no loss.
            let result = vmlinux_from_bzimage(&bzimage(&cut));
            assert!(
                result.is_err() || result == Ok(sample()),
                "{compression:?} cut at {len} gave {result:?}",
            );
        }
    }
}

#[test]
fn a_window_larger_than_any_kernel_needs_is_refused_before_it_is_allocated() {
    // Frame header: no content size, window 1 << (10 + 31) bytes; RFC 8878, "Window Descriptor".
    let zstd = [0x28, 0xb5, 0x2f, 0xfd, 0x00, 31 << 3, 1, 0, 0];
    // Properties, dictionary of 1.5 GiB, unknown size.
    let lzma = [0x5d, 0, 0, 0, 0x60, 255, 255, 255, 255, 255, 255, 255, 255, 0, 0, 0, 0, 0];

    for (compression, packed) in [(Compression::Zstd, &zstd[..]), (Compression::Lzma, &lzma[..])] {
        let result = unpack(compression, packed, MAX_UNPACKED);
        assert!(matches!(result, Err(BootError::PayloadCorrupt { .. })), "{result:?}");
    }
}

#[test]
fn lzo_is_named_and_not_unpacked() {
    let lzo = b"\x89LZO\0\r\n\x1a\n rest".as_slice();

    assert_eq!(unpack_image(&lzo), Err(BootError::Compressed { format: "lzo" }));
}

#[test]
fn a_header_without_a_payload_inside_the_file_is_refused() {
    let good = bzimage(&payload(Compression::Zstd, samples().last().unwrap().1, 228));
    let with = |at: usize, bytes: &[u8]| {
        let mut image = good.clone();
        image[at..at + bytes.len()].copy_from_slice(bytes);
        vmlinux_from_bzimage(&image)
    };

    assert!(vmlinux_from_bzimage(&good).is_ok());
    let cut = vmlinux_from_bzimage(&good[..0x24f].to_vec());
    assert!(matches!(cut, Err(BootError::Truncated { what: "the bzImage header", .. })));
    assert!(matches!(with(0x202, b"HdrX"), Err(BootError::UnknownFormat { .. })));
    assert_eq!(with(0x206, &[7, 2]), Err(BootError::PayloadMissing { version: 0x0207 }));
    assert_eq!(with(0x24c, &[0; 4]), Err(BootError::PayloadMissing { version: 0x020f }));
    assert!(matches!(with(0x24c, &[0xff; 4]), Err(BootError::Truncated { .. })));
    assert!(matches!(with(0x248, &[0xff; 8]), Err(BootError::Truncated { .. })));
    assert!(matches!(with(0x24c, &[2, 0, 0, 0]), Err(BootError::PayloadUnknown { .. })));
    assert!(matches!(with(0x600, b"????"), Err(BootError::PayloadUnknown { .. })));
}

/// A block or stream that unpacks to nothing costs a decoder its buffers nonetheless.
#[test]
fn a_small_file_of_very_many_empty_streams_ends_soon() {
    let many = |magic: &[u8], piece: &[u8], count| [magic, &piece.repeat(count)].concat();
    // A length of 1, and the token of no literal and no match.
    let blocks = many(&[0x02, 0x21, 0x4c, 0x18], &[1, 0, 0, 0, 0], 100_000);
    assert_eq!(unpack(Compression::Lz4Legacy, &blocks, 1 << 20), Ok(Vec::new()));

    // bzip2 1.0: the magic of a stream's end, and a checksum of no block.
    let bzip2 = *b"BZh9\x17\x72\x45\x38\x50\x90\0\0\0\0";
    // LZ4 Frame Format 1.6: version 1, blocks independent, 4 MiB at most; its checksum; the end mark.
    let lz4 = [0x04, 0x22, 0x4d, 0x18, 0x60, 0x70, 0x73, 0, 0, 0, 0];
    // RFC 8878: a window of 1 KiB, a last raw block of 0 bytes.
    let zstd = [0x28, 0xb5, 0x2f, 0xfd, 0, 0, 1, 0, 0];
    let streams = [
        (Compression::Bzip2, &bzip2[..]),
        (Compression::Lz4Frame, &lz4),
        (Compression::Zstd, &zstd),
    ];
    for (compression, frame) in streams {
        assert_eq!(unpack(compression, &frame.repeat(1024), 100), Ok(Vec::new()));
        let refused = unpack(compression, &frame.repeat(1025), 100);
        let Err(BootError::PayloadCorrupt { why, .. }) = refused else { panic!("{refused:?}") };
        assert!(why.contains("1024 streams"), "{why}");
    }
}
