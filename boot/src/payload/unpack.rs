//! One unpacker per compression, all writing into one bounded buffer.
//!
//! Memory: the output never grows past the caller's limit; besides it a decoder holds its dictionary
//! or window, of which [`MAX_DICTIONARY`] is the largest accepted (the kernel's build asks for up to
//! 128 MiB with `zstd -22 --ultra`, 64 MiB with `lzma -9`, 32 MiB with xz).

use super::Compression;
use crate::error::BootError;
use lz4_flex::block::DecompressError;
use ruzstd::decoding::StreamingDecoder;
use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};
use std::io::Read;

/// Largest dictionary or window that a stream may ask for, in bytes.
const MAX_DICTIONARY: u64 = 128 << 20;
/// The same for the LZMA decoders: they count in KiB and add a little for their tables.
const LZMA_MEMORY_KIB: u32 = (MAX_DICTIONARY >> 10) as u32 + 4096;
/// How much the output grows at a time.
const PIECE: usize = 1 << 20;
/// Most streams that follow one another. A decoder's buffers cost milliseconds for each, whatever it
/// unpacks to, so a small file of nothing but empty streams would take hours.
const STREAMS_MAX: usize = 1024;

/// Unpacks `packed` whole. More than `max` bytes of output are an error, and so is a damaged stream.
/// Streams that follow one another, as `cat a.gz b.gz` makes them, unpack one after the other.
pub fn unpack(compression: Compression, packed: &[u8], max: u64) -> Result<Vec<u8>, BootError> {
    let mut output = Output { bytes: Vec::new(), max, format: compression.name() };
    match compression {
        Compression::Gzip => output.drain(flate2::read::MultiGzDecoder::new(packed))?,
        Compression::Bzip2 => bzip2_streams(packed, &mut output)?,
        Compression::Lzma => lzma(packed, &mut output)?,
        Compression::Xz => {
            output.drain(lzma_rust2::XzReader::new_mem_limit(packed, true, LZMA_MEMORY_KIB))?;
        }
        Compression::Lz4Legacy => lz4_legacy(packed, &mut output)?,
        Compression::Lz4Frame => lz4_frames(packed, &mut output)?,
        Compression::Zstd => zstd(packed, &mut output)?,
        Compression::Lzo => return Err(BootError::Compressed { format: compression.name() }),
    }
    Ok(output.bytes)
}

/// The unpacked bytes so far.
struct Output {
    bytes: Vec<u8>,
    /// Limit in bytes.
    max: u64,
    /// For messages.
    format: &'static str,
}

impl Output {
    /// Takes all that `reader` yields. The first error ends it: decoders are not read on after one.
    fn drain(&mut self, mut reader: impl Read) -> Result<(), BootError> {
        loop {
            let filled = self.bytes.len();
            let room = self.room().min(PIECE);
            if room == 0 {
                // One byte more tells an output that just fits from one that is too long.
                return match reader.read(&mut [0]) {
                    Ok(0) => Ok(()),
                    Ok(_) => Err(self.too_large()),
                    Err(error) => Err(self.corrupt(error)),
                };
            }
            self.grow(room)?;
            // Several reads into one piece: zeroing a piece for each short read would cost more than
            // the decoding.
            let mut end = filled;
            while end < self.bytes.len() {
                match reader.read(&mut self.bytes[end..]) {
                    Ok(0) => {
                        self.bytes.truncate(end);
                        return Ok(());
                    }
                    Ok(got) => end += got,
                    Err(error) => return Err(self.corrupt(error)),
                }
            }
        }
    }

    /// Bytes that may still come.
    fn room(&self) -> usize {
        usize::try_from(self.max).unwrap_or(usize::MAX) - self.bytes.len()
    }

    /// Appends `more` zeros, at most [`Self::room`]. The capacity doubles, but not past the limit.
    fn grow(&mut self, more: usize) -> Result<(), BootError> {
        let needed = self.bytes.len() + more;
        if needed > self.bytes.capacity() {
            let limit = self.bytes.len() + self.room();
            let capacity = self.bytes.capacity().saturating_mul(2).clamp(needed, limit);
            let additional = capacity - self.bytes.len();
            self.bytes.try_reserve_exact(additional).map_err(|_| self.too_large())?;
        }
        self.bytes.resize(needed, 0);
        Ok(())
    }

    /// Refuses a stream past [`STREAMS_MAX`].
    fn check_streams(&self, streams: usize) -> Result<(), BootError> {
        match streams > STREAMS_MAX {
            true => Err(self.corrupt(format!("more than {STREAMS_MAX} streams in one file"))),
            false => Ok(()),
        }
    }

    fn too_large(&self) -> BootError {
        BootError::PayloadTooLarge { format: self.format, max: self.max }
    }

    fn corrupt(&self, why: impl ToString) -> BootError {
        BootError::PayloadCorrupt { format: self.format, why: why.to_string() }
    }
}

fn lzma(packed: &[u8], output: &mut Output) -> Result<(), BootError> {
    let reader = lzma_rust2::LzmaReader::new_mem_limit(packed, LZMA_MEMORY_KIB, None)
        .map_err(|error| output.corrupt(error))?;
    output.drain(reader)
}

/// The legacy frame: after the magic, blocks of a little-endian length and that many packed bytes,
/// each of which unpacks to 8 MiB or, the last one, to less. Nothing marks the end. A length that is
/// the magic starts another frame.
fn lz4_legacy(packed: &[u8], output: &mut Output) -> Result<(), BootError> {
    const MAGIC: u32 = 0x184c_2102;
    const BLOCK: usize = 8 << 20;
    let mut rest = packed;
    // One for all: a block that unpacks to nothing must not cost what a whole one does.
    let mut unpacked = Vec::new();
    while !rest.is_empty() {
        let cut_off = || output.corrupt("a block is cut off");
        let (word, after) = rest.split_first_chunk::<4>().ok_or_else(cut_off)?;
        rest = after;
        let len = u32::from_le_bytes(*word);
        if len == MAGIC {
            continue;
        }
        let (block, after) = rest.split_at_checked(len as usize).ok_or_else(cut_off)?;
        rest = after;

        let room = output.room().min(BLOCK);
        unpacked.resize(BLOCK, 0);
        let got = lz4_flex::block::decompress_into(block, &mut unpacked[..room]);
        let got = got.map_err(|error| match error {
            DecompressError::OutputTooSmall { .. } if room < BLOCK => output.too_large(),
            error => output.corrupt(error),
        })?;
        let start = output.bytes.len();
        output.grow(got)?;
        output.bytes[start..].copy_from_slice(&unpacked[..got]);
    }
    Ok(())
}

fn bzip2_streams(packed: &[u8], output: &mut Output) -> Result<(), BootError> {
    let mut rest = packed;
    let mut streams = 0;
    while !rest.is_empty() {
        streams += 1;
        output.check_streams(streams)?;
        output.drain(bzip2::bufread::BzDecoder::new(&mut rest))?;
    }
    Ok(())
}

fn lz4_frames(packed: &[u8], output: &mut Output) -> Result<(), BootError> {
    let mut rest = packed;
    let mut streams = 0;
    while !rest.is_empty() {
        streams += 1;
        output.check_streams(streams)?;
        output.drain(lz4_flex::frame::FrameDecoder::new(&mut rest))?;
    }
    Ok(())
}

/// Frame by frame; the decoder leaves skippable frames and the comparison of checksums to us.
fn zstd(packed: &[u8], output: &mut Output) -> Result<(), BootError> {
    let mut rest = packed;
    let mut streams = 0;
    while !rest.is_empty() {
        streams += 1;
        output.check_streams(streams)?;
        match StreamingDecoder::new_with_max_window_size(&mut rest, MAX_DICTIONARY) {
            Ok(mut frame) => {
                output.drain(&mut frame)?;
                let stored = frame.decoder.get_checksum_from_data();
                if stored.is_some() && stored != frame.decoder.get_calculated_checksum() {
                    return Err(output.corrupt("a frame's checksum does not match its content"));
                }
            }
            Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame {
                length,
                ..
            })) => {
                let cut_off = || output.corrupt("a skippable frame is cut off");
                rest = rest.get(length as usize..).ok_or_else(cut_off)?;
            }
            Err(error) => return Err(output.corrupt(error)),
        }
    }
    Ok(())
}
