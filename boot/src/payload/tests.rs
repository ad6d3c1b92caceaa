//! The packed samples were made by the formats' own tools from [`sample`], not by our crates:
//! `gzip -9n`, `bzip2 -9`, `xz --format=lzma`, `xz --check=crc32 --x86 --lzma2=dict=64KiB` (the options
//! of the kernel's build), `lz4 -l -9`, `lz4 -9`, `zstd -19`.

use super::*;

const SAMPLES: [(Compression, &str); 7] = [
    (
        Compression::Gzip,
        "1f8b0800000000000203ab77f57153284ecc2dc849e50a7dc120c0c0107b7842e88beffc50c63b18e3298c71\
         07c6b80c639c82310ec2183b608cf530c63218632e8c3105c6e886319a608c4a18a300c6488731e2608c5018\
         c307c6708631ac600c43080300b81327d8e4000000",
    ),
    (
        Compression::Bzip2,
        "425a683931415926535958731ce0000046ffffc010c000400020100b04020322864820900844020100804028\
         10080402410080200048842006800f5069e907a40948800000000c8580883148c0001b669ea6d9763996bbf0\
         ee4dfdf9ea43e711ec284b7a8e0228400238d62f362dac5c2a3e011427c02283b01147e2ee48a70a120b0e63\
         9c00",
    ),
    (
        Compression::Lzma,
        "5d00008000ffffffffffffffff003f914584694db2d59964b69e5f7d67ae75a570867f6b7f1348827772933f\
         548c3182a0206e99abf47e54a60a2930e3dc72c5d05c0e3a0a6c42741ec97fab431ca22b34d0f1e460eecaff\
         fe9a0000",
    ),
    (
        Compression::Xz,
        "fd377a585a0000016922de360201040021010800d2b974cbe000e3001d5d003f914584694db2d59964b69e5f\
         7d67af289c72868c823254c7bf70000000000000b81327d8000135e401000000b9440af23e300d8b02000000\
         0001595a",
    ),
    (
        Compression::Lz4Legacy,
        "02214c1879000000f30a7f454c462073616d706c650a55e8001000005dc39055e8f70f090014ee090014e509\
         0014dc090014d3090014ca090014c1090014b8090014af090014a60900149d090014940900148b0900148209\
         00147909001470090014670900145e090014550900144c090014430900143a090070310f00005dc390",
    ),
    (
        Compression::Lz4Frame,
        "04224d186440a779000000f30a7f454c462073616d706c650a55e8001000005dc39055e8f70f090014ee0900\
         14e5090014dc090014d3090014ca090014c1090014b8090014af090014a60900149d090014940900148b0900\
         14820900147909001470090014670900145e090014550900144c090014430900143a090070310f00005dc390\
         000000002de8f1d4",
    ),
    (
        Compression::Zstd,
        "28b52ffd24e445020054037f454c462073616d706c650a55e8001000005dc39055e8f70feee5dcd3cac1b8af\
         a69d948b827970675e554c433a310f00005dc39016a810f8fadf01f0d510667c96941148193e1402ad",
    ),
];

/// Text, then calls to one place from many, which the xz branch filter makes equal.
fn sample() -> Vec<u8> {
    let mut bytes = b"\x7fELF sample\n".to_vec();
    for call in 0..24u32 {
        bytes.extend([0x55, 0xe8]);
        bytes.extend((0x1000 - 9 * call).to_le_bytes());
        bytes.extend([0x5d, 0xc3, 0x90]);
    }
    bytes
}

fn from_hex(text: &str) -> Vec<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16).unwrap() as u8;
    text.as_bytes().chunks(2).map(|pair| digit(pair[0]) << 4 | digit(pair[1])).collect()
}

fn samples() -> impl Iterator<Item = (Compression, Vec<u8>)> {
    SAMPLES.into_iter().map(|(compression, text)| (compression, from_hex(text)))
}

/// A bzImage that holds nothing but the fields this module reads and a payload at 0x600.
fn bzimage(payload: &[u8]) -> Vec<u8> {
    let mut image = vec![0; 0x600];
    image[0x1f1] = 1; // setup_sects: protected mode begins at 0x400
    image[0x202..0x206].copy_from_slice(b"HdrS");
    image[0x206..0x208].copy_from_slice(&0x020fu16.to_le_bytes());
    image[0x248..0x24c].copy_from_slice(&0x200u32.to_le_bytes());
    image[0x24c..0x250].copy_from_slice(&(payload.len() as u32).to_le_bytes());
    image.extend(payload);
    image
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
