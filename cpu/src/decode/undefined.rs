//! How long an undefined instruction is.
//!
//! iced-x86 stops at the opcode. The processor (seen on Zen 5) takes in ModRM, displacement and immediate
//! that the opcode map gives, so that one at the end of a page first misses the next page (#PF), and one of
//! more than fifteen bytes is #GP before it is #UD. AMD APM Vol. 3, "Opcode Map".
//!
//! Not covered: the one-byte opcodes that are undefined in 64-bit mode, which end at the opcode.

use super::block::{CodeSize, MAX_INSN};
use iced_x86::{Decoder, DecoderOptions};

/// What was read before the opcode.
struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
    /// A byte was wanted behind the last.
    short: bool,
}

impl Reader<'_> {
    fn next(&mut self) -> u8 {
        let byte = self.bytes.get(self.at).copied();
        self.short |= byte.is_none();
        self.at += 1;
        byte.unwrap_or(0)
    }
    fn peek(&self) -> u8 {
        self.bytes.get(self.at).copied().unwrap_or(0)
    }
}

/// An opcode map.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Map {
    One,
    Two,
    Three38,
    Three3A,
}

/// The length of the undefined instruction that begins with `bytes`; more than there are if they are not
/// all of it, more than [`MAX_INSN`] if it is too long.
pub(crate) fn length(bytes: &[u8], size: CodeSize, options: u32) -> usize {
    // What is undefined only by a prefix or a field decodes without those checks.
    let options = options | DecoderOptions::NO_INVALID_CHECK;
    let instruction = Decoder::new(size.bits(), bytes, options).decode();
    if !instruction.is_invalid() {
        instruction.len()
    } else if instruction.len() >= MAX_INSN {
        MAX_INSN + 1
    } else {
        by_map(bytes, size).max(instruction.len())
    }
}

/// True if the bytes are prefixes and UD1, whose ModRM AMD's processors do not take in.
pub(crate) fn is_ud1(bytes: &[u8], size: CodeSize) -> bool {
    let is_prefix = |byte: u8| {
        let rex = size == CodeSize::Bits64 && byte & 0xf0 == 0x40;
        rex || matches!(
            byte,
            0x66 | 0x67 | 0xf0 | 0xf2 | 0xf3 | 0x26 | 0x2e | 0x36 | 0x3e | 0x64 | 0x65
        )
    };
    let prefixes = bytes.iter().take_while(|&&byte| is_prefix(byte)).count();
    bytes[prefixes..].starts_with(&[0x0f, 0xb9])
}

fn by_map(bytes: &[u8], size: CodeSize) -> usize {
    let mut reader = Reader { bytes, at: 0, short: false };
    let (mut operand16, mut address_override, mut wide) = (size == CodeSize::Bits16, false, false);
    loop {
        match reader.peek() {
            0x66 => operand16 = size != CodeSize::Bits16,
            0x67 => address_override = true,
            0xf0 | 0xf2 | 0xf3 | 0x26 | 0x2e | 0x36 | 0x3e | 0x64 | 0x65 => {}
            0x40..=0x4f if size == CodeSize::Bits64 => {
                wide = reader.next() & 8 != 0;
                continue;
            }
            _ => break,
        }
        wide = false;
        reader.next();
        if reader.at > bytes.len() {
            return reader.at;
        }
    }
    let (map, opcode) = opcode(&mut reader);
    if reader.short {
        return reader.at;
    }
    match (map, opcode) {
        // One byte more is taken in, whatever it is.
        (Map::Two, 0x04 | 0x0a | 0x0c | 0x3e) => return reader.at + 1,
        // As Jcc, in a VEX prefix.
        (Map::Two, 0x80..=0x8f) => return reader.at + 4,
        _ if !has_modrm(map, opcode) => return reader.at,
        _ => {}
    }
    let narrow = match size {
        CodeSize::Bits16 => !address_override,
        CodeSize::Bits32 => address_override,
        CodeSize::Bits64 => false,
    };
    modrm(&mut reader, narrow);
    let immediate = match (map, opcode) {
        (Map::Three3A, _) | (Map::Two, 0x0f) => 1,
        (Map::Two, 0x70..=0x73 | 0xa4 | 0xac | 0xba | 0xc2 | 0xc4..=0xc6) => 1,
        (Map::One, 0xc6) => 1,
        (Map::One, 0xc7) => {
            if operand16 && !wide {
                2
            } else {
                4
            }
        }
        _ => 0,
    };
    reader.at + immediate
}

/// The map and the opcode, behind escape bytes or a VEX prefix.
fn opcode(reader: &mut Reader<'_>) -> (Map, u8) {
    match reader.next() {
        0x0f => match reader.next() {
            0x38 => (Map::Three38, reader.next()),
            0x3a => (Map::Three3A, reader.next()),
            opcode => (Map::Two, opcode),
        },
        0xc5 => {
            reader.next();
            (Map::Two, reader.next())
        }
        0xc4 => {
            let map = reader.next() & 31;
            reader.next();
            let map = match map {
                1 => Map::Two,
                3 => Map::Three3A,
                // Those without a meaning have ModRM and no immediate, too.
                _ => Map::Three38,
            };
            (map, reader.next())
        }
        opcode => (Map::One, opcode),
    }
}

/// Of the undefined opcodes only a few have no ModRM.
fn has_modrm(map: Map, opcode: u8) -> bool {
    match map {
        Map::One => {
            matches!(opcode, 0xc6 | 0xc7 | 0xfe | 0xff | 0x8f | 0x8c | 0x8e | 0x8d | 0xd8..=0xdf)
        }
        Map::Two => {
            !matches!(opcode, 0x05..=0x09 | 0x0b | 0x0e | 0x30..=0x37 | 0x77 | 0xa0..=0xa2 | 0xa8..=0xaa | 0xc8..=0xcf)
        }
        _ => true,
    }
}

fn modrm(reader: &mut Reader<'_>, narrow: bool) {
    let modrm = reader.next();
    let (mode, rm) = (modrm >> 6, modrm & 7);
    if mode == 3 {
        return;
    }
    let displacement = if narrow {
        match (mode, rm) {
            (0, 6) | (2, _) => 2,
            (1, _) => 1,
            _ => 0,
        }
    } else {
        let base = if rm == 4 { reader.next() & 7 } else { rm };
        match (mode, base) {
            (0, 5) | (2, _) => 4,
            (1, _) => 1,
            _ => 0,
        }
    };
    reader.at += displacement;
}
