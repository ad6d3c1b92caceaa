//! One small file, packed by every format that is unpacked.
//!
//! The packed samples were made by the formats' own tools from [`sample`], not by our crates:
//! `gzip -9n`, `bzip2 -9`, `xz --format=lzma`, `xz --check=crc32 --x86 --lzma2=dict=64KiB` (the options
//! of the kernel's build), `lz4 -l -9`, `lz4 -9`, `zstd -19`.

const SAMPLES: [(&str, &str); 7] = [
    (
        "gzip",
        "1f8b0800000000000203ab77f57153284ecc2dc849e50a7dc120c0c0107b7842e88beffc50c63b18e3298c71\
         07c6b80c639c82310ec2183b608cf530c63218632e8c3105c6e886319a608c4a18a300c6488731e2608c5018\
         c307c6708631ac600c43080300b81327d8e4000000",
    ),
    (
        "bzip2",
        "425a683931415926535958731ce0000046ffffc010c000400020100b04020322864820900844020100804028\
         10080402410080200048842006800f5069e907a40948800000000c8580883148c0001b669ea6d9763996bbf0\
         ee4dfdf9ea43e711ec284b7a8e0228400238d62f362dac5c2a3e011427c02283b01147e2ee48a70a120b0e63\
         9c00",
    ),
    (
        "lzma",
        "5d00008000ffffffffffffffff003f914584694db2d59964b69e5f7d67ae75a570867f6b7f1348827772933f\
         548c3182a0206e99abf47e54a60a2930e3dc72c5d05c0e3a0a6c42741ec97fab431ca22b34d0f1e460eecaff\
         fe9a0000",
    ),
    (
        "xz",
        "fd377a585a0000016922de360201040021010800d2b974cbe000e3001d5d003f914584694db2d59964b69e5f\
         7d67af289c72868c823254c7bf70000000000000b81327d8000135e401000000b9440af23e300d8b02000000\
         0001595a",
    ),
    (
        "lz4 legacy",
        "02214c1879000000f30a7f454c462073616d706c650a55e8001000005dc39055e8f70f090014ee090014e509\
         0014dc090014d3090014ca090014c1090014b8090014af090014a60900149d090014940900148b0900148209\
         00147909001470090014670900145e090014550900144c090014430900143a090070310f00005dc390",
    ),
    (
        "lz4",
        "04224d186440a779000000f30a7f454c462073616d706c650a55e8001000005dc39055e8f70f090014ee0900\
         14e5090014dc090014d3090014ca090014c1090014b8090014af090014a60900149d090014940900148b0900\
         14820900147909001470090014670900145e090014550900144c090014430900143a090070310f00005dc390\
         000000002de8f1d4",
    ),
    (
        "zstd",
        "28b52ffd24e445020054037f454c462073616d706c650a55e8001000005dc39055e8f70feee5dcd3cac1b8af\
         a69d948b827970675e554c433a310f00005dc39016a810f8fadf01f0d510667c96941148193e1402ad",
    ),
];

/// What was packed: text, then calls to one place from many, which the xz branch filter makes equal.
pub fn sample() -> Vec<u8> {
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

/// The sample by each format, with the format's name.
pub fn samples() -> impl Iterator<Item = (&'static str, Vec<u8>)> {
    SAMPLES.into_iter().map(|(format, text)| (format, from_hex(text)))
}

/// A bzImage that holds nothing but what its payload is found by, and a payload at 0x600 with the size
/// word `unpacked` behind it: gzip brings its own.
pub fn bzimage_around(format: &str, packed: &[u8], unpacked: u32) -> Vec<u8> {
    let mut payload = packed.to_vec();
    if format != "gzip" {
        payload.extend(unpacked.to_le_bytes());
    }
    bzimage_of(&payload)
}

/// A bzImage that holds nothing but the fields that unpacking reads, and a payload at 0x600.
pub fn bzimage_of(payload: &[u8]) -> Vec<u8> {
    let mut image = vec![0; 0x600];
    image[0x1f1] = 1; // setup_sects: protected mode begins at 0x400
    image[0x202..0x206].copy_from_slice(b"HdrS");
    image[0x206..0x208].copy_from_slice(&0x020fu16.to_le_bytes());
    image[0x248..0x24c].copy_from_slice(&0x200u32.to_le_bytes());
    image[0x24c..0x250].copy_from_slice(&(payload.len() as u32).to_le_bytes());
    image.extend(payload);
    image
}
