//! A picture as a PNG file: W3C "Portable Network Graphics (PNG) Specification (Second Edition)".
//!
//! One form only: 8 bits red, green, blue, no interlacing, each row unfiltered, one IDAT chunk.

use flate2::write::ZlibEncoder;
use flate2::{Compression, Crc};
use machine::Picture;
use std::io::{self, Write};

const SIGNATURE: [u8; 8] = [0x89, b'P', b'N', b'G', 0x0d, 0x0a, 0x1a, 0x0a];
/// IHDR: bit depth 8, truecolor, deflate, adaptive filtering, no interlacing.
const FORM: [u8; 5] = [8, 2, 0, 0, 0];
/// Filter type of every row: none.
const UNFILTERED: u8 = 0;

/// The bytes of the file.
pub(crate) fn encode(picture: &Picture) -> io::Result<Vec<u8>> {
    let [width, height] = [picture.width, picture.height].map(|size| size as u32);
    let mut header = Vec::new();
    header.extend(width.to_be_bytes());
    header.extend(height.to_be_bytes());
    header.extend(FORM);
    let mut packer = ZlibEncoder::new(Vec::new(), Compression::default());
    for row in picture.rgb.chunks(3 * picture.width.max(1)) {
        packer.write_all(&[UNFILTERED])?;
        packer.write_all(row)?;
    }
    let mut out = SIGNATURE.to_vec();
    chunk(&mut out, *b"IHDR", &header);
    chunk(&mut out, *b"IDAT", &packer.finish()?);
    chunk(&mut out, *b"IEND", &[]);
    Ok(out)
}

/// Length, type, data, and the CRC of type and data.
fn chunk(out: &mut Vec<u8>, kind: [u8; 4], data: &[u8]) {
    out.extend((data.len() as u32).to_be_bytes());
    let from = out.len();
    out.extend(kind);
    out.extend(data);
    let mut crc = Crc::new();
    crc.update(&out[from..]);
    out.extend(crc.sum().to_be_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::read::ZlibDecoder;
    use std::io::Read;

    /// The CRC of IEND is the specification's own example: every PNG file ends with these 12 bytes.
    #[test]
    fn a_picture_has_its_size_its_rows_and_the_end_of_every_png() {
        let rgb = vec![1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12];
        let bytes = encode(&Picture { width: 2, height: 2, rgb }).unwrap();

        assert_eq!(&bytes[..16], b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR");
        assert_eq!(&bytes[16..29], [0, 0, 0, 2, 0, 0, 0, 2, 8, 2, 0, 0, 0]);
        assert_eq!(&bytes[bytes.len() - 12..], b"\0\0\0\0IEND\xae\x42\x60\x82");
        let len = u32::from_be_bytes(bytes[33..37].try_into().unwrap()) as usize;
        assert_eq!(&bytes[37..41], b"IDAT");
        let mut rows = Vec::new();
        ZlibDecoder::new(&bytes[41..41 + len]).read_to_end(&mut rows).unwrap();
        assert_eq!(rows, [0, 1, 2, 3, 4, 5, 6, 0, 7, 8, 9, 10, 11, 12]);
    }
}
