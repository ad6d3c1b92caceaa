//! How long an undefined instruction is.
//!
//! iced-x86 stops at the opcode. The processor (seen on Zen 5) takes in ModRM, displacement and immediate
//! that the opcode map gives, so that one at the end of a page first misses the next page (#PF), and one of
//! more than fifteen bytes is #GP before it is #UD. AMD APM Vol. 3, "Opcode Map".
//!
//! REX directly in front of C4, C5 or 62 makes them what they are in other modes, LES, LDS and BOUND, of which
//! ModRM and displacement are taken in.

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
    /// One of XOP, with so many bytes of immediate.
    Xop(usize),
}

/// The length of the undefined instruction that begins with `bytes`; more than there are if they are not
/// all of it, more than [`MAX_INSN`] if it is too long.
pub(crate) fn length(bytes: &[u8], size: CodeSize, options: u32) -> usize {
    if let Some(length) = length_by_opcode(bytes, size) {
        return length;
    }
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

/// The length of what is undefined whatever stands behind its opcode; more than there are bytes if they are not all
/// of it. As AMD's processors take it in: also UD0 and UD1 without ModRM. `None`: that is not for the opcode to
/// say. Asked only of bytes that iced-x86 refuses or finds too few: ranges of opcodes here have valid ones in
/// them, which it would have taken.
pub(crate) fn length_by_opcode(bytes: &[u8], size: CodeSize) -> Option<usize> {
    let mut reader = Reader { bytes, at: 0, short: false };
    let prefixes = prefixes(&mut reader, size);
    let (map, opcode) = opcode(&mut reader, prefixes.rex, size);
    let undefined = match map {
        Map::One => {
            // Behind REX, 8F is POP, which wants a register field of 0.
            let pop = opcode == 0x8f && reader.peek() & 0x18 != 0;
            size == CodeSize::Bits64
                && (prefixes.rex && (is_vex(opcode) || pop) || is_removed(opcode))
        }
        Map::Two => !has_modrm(map, opcode),
        _ => false,
    };
    (undefined && !reader.short).then(|| by_map(bytes, size))
}

/// True for LOCK, REP, REPNE, a segment override, and the overrides of operand and address size.
pub(crate) fn is_legacy_prefix(byte: u8) -> bool {
    matches!(byte, 0x26 | 0x2e | 0x36 | 0x3e | 0x64..=0x67 | 0xf0 | 0xf2 | 0xf3)
}

/// The opcode and what follows it, or REX or VEX in front of it.
pub(crate) fn behind_legacy_prefixes(bytes: &[u8]) -> &[u8] {
    let first = bytes.iter().position(|&byte| !is_legacy_prefix(byte));
    &bytes[first.unwrap_or(bytes.len())..]
}

/// True if the bytes begin with a VEX prefix in which W is set.
pub(crate) fn has_vex_w(bytes: &[u8]) -> bool {
    matches!(behind_legacy_prefixes(bytes), [0xc4, _, 0x80..=0xff, ..])
}

/// True for the first byte of a VEX or EVEX prefix.
fn is_vex(byte: u8) -> bool {
    matches!(byte, 0xc4 | 0xc5 | 0x62)
}

/// One-byte opcodes that 64-bit mode does not have.
fn is_removed(opcode: u8) -> bool {
    matches!(
        opcode,
        0x06 | 0x07
            | 0x0e
            | 0x16
            | 0x17
            | 0x1e
            | 0x1f
            | 0x27
            | 0x2f
            | 0x37
            | 0x3f
            | 0x60
            | 0x61
            | 0x82
            | 0x9a
            | 0xce
            | 0xd4..=0xd6 | 0xea
    )
}

/// What the prefixes say.
struct Prefixes {
    operand16: bool,
    address_override: bool,
    /// REX stands directly in front of the opcode.
    rex: bool,
    /// REX.W.
    wide: bool,
}

/// True if the opcode has REX.W.
pub(crate) fn has_rex_w(bytes: &[u8], size: CodeSize) -> bool {
    prefixes(&mut Reader { bytes, at: 0, short: false }, size).wide
}

/// Reads the prefixes.
fn prefixes(reader: &mut Reader<'_>, size: CodeSize) -> Prefixes {
    let operand16 = size == CodeSize::Bits16;
    let mut found = Prefixes { operand16, address_override: false, rex: false, wide: false };
    while reader.at < reader.bytes.len() {
        (found.rex, found.wide) = match reader.peek() {
            0x66 => {
                found.operand16 = size != CodeSize::Bits16;
                (false, false)
            }
            0x67 => {
                found.address_override = true;
                (false, false)
            }
            rex @ 0x40..=0x4f if size == CodeSize::Bits64 => (true, rex & 8 != 0),
            byte if is_legacy_prefix(byte) => (false, false),
            _ => break,
        };
        reader.next();
    }
    found
}

fn by_map(bytes: &[u8], size: CodeSize) -> usize {
    let mut reader = Reader { bytes, at: 0, short: false };
    let Prefixes { operand16, address_override, rex, wide } = prefixes(&mut reader, size);
    let (map, opcode) = opcode(&mut reader, rex, size);
    if reader.short {
        return reader.at;
    }
    match (map, opcode) {
        // As Jcc, in a VEX prefix.
        (Map::Two, 0x80..=0x8f) => return reader.at + 4,
        // Far pointers.
        (Map::One, 0x9a | 0xea) => return reader.at + if operand16 && !wide { 4 } else { 6 },
        (Map::One, 0xd4 | 0xd5) => return reader.at + 1,
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
        (Map::Xop(bytes), _) => bytes,
        (Map::Three3A, _) | (Map::Two, 0x0f) => 1,
        // EXTRQ and INSERTQ, also where it is VMREAD for others.
        (Map::Two, 0x78) => 2,
        (Map::Two, 0x70..=0x73 | 0xa4 | 0xac | 0xba | 0xc2 | 0xc4..=0xc6) => 1,
        (Map::One, 0x82 | 0xc6) => 1,
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

/// The map and the opcode, behind escape bytes or a VEX prefix. Behind REX there is none, and outside 64-bit mode
/// none that would be the ModRM of an operand in memory.
fn opcode(reader: &mut Reader<'_>, rex: bool, size: CodeSize) -> (Map, u8) {
    let first = reader.next();
    if is_vex(first) && (rex || size != CodeSize::Bits64 && reader.peek() < 0xc0) {
        return (Map::One, first);
    }
    match first {
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
        // XOP, which only Bulldozer and its kin had; without it, as behind REX, 8F is POP.
        0x8f if !rex && reader.peek() & 0x18 != 0 => {
            let immediate = match reader.next() & 31 {
                8 => 1,
                10 => 4,
                _ => 0,
            };
            reader.next();
            (Map::Xop(immediate), reader.next())
        }
        opcode => (Map::One, opcode),
    }
}

/// True if ModRM follows an opcode that iced-x86 refuses or finds too few bytes of: of the one-byte opcodes a few, of
/// the others all but a few. Of what it takes, this says nothing.
fn has_modrm(map: Map, opcode: u8) -> bool {
    match map {
        Map::One => {
            is_vex(opcode)
                || matches!(
                    opcode,
                    0x82 | 0xc6 | 0xc7 | 0xfe | 0xff | 0x8f | 0x8c | 0x8e | 0x8d | 0xd8..=0xdf
                )
        }
        Map::Two => !matches!(
            opcode,
            0x04..=0x0c | 0x0e | 0x24..=0x27 | 0x30..=0x3f | 0x77 | 0x7a | 0x7b | 0xa0..=0xa2 | 0xa6..=0xaa
                | 0xb9 | 0xc8..=0xcf | 0xff
        ),
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
