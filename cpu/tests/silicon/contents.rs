//! Draws what registers and memory hold: numbers of all classes, x87 and vector state, and the images and pointers
//! that instructions load. All of it is part of the format of stored vectors (`state.rs`).

use crate::layout::*;
use crate::state::{Case, Contents, State};

/// A word at whose edges carries, signs and shifts turn.
pub(crate) fn word(random: &mut Random) -> u64 {
    let (any, shift) = (random.next(), random.below(64));
    match random.below(10) {
        0 => random.below(20),
        1 => random.below(20).wrapping_neg(),
        2 => u64::MAX << shift,
        3 => (1 << shift) - 1,
        4 => any >> shift,
        5 => 0x8000_8000_8000_8080_u64.rotate_left(8 * shift as u32) ^ any & 1,
        6 => u64::from_le_bytes([any as u8; 8]),
        7 => u64::from(single(random)) | u64::from(single(random)) << 32,
        8 => double(random),
        _ => any,
    }
}

fn fraction(random: &mut Random) -> u64 {
    let (any, shift) = (random.next(), random.below(64) as u32);
    match random.below(6) {
        0 => 0,
        1 | 2 => any,
        3 => any << shift,
        4 => u64::MAX << shift,
        _ => 1 << shift,
    }
}

/// A single precision number of any class.
fn single(random: &mut Random) -> u32 {
    let exponent = match random.below(10) {
        0 => 0,
        1 => 0xff,
        2 => random.pick(&[1, 0xfe, 0x96, 0x9d, 0x9e, 0xbd, 0xbe, 0x67]),
        3 => random.next() as u32 & 0xff,
        _ => 0x70 + random.below(32) as u32,
    };
    (random.next() as u32) << 31 | exponent << 23 | (fraction(random) >> 41) as u32
}

/// A double precision number of any class.
fn double(random: &mut Random) -> u64 {
    let exponent = match random.below(10) {
        0 => 0,
        1 => 0x7ff,
        2 => {
            random.pick(&[1, 0x7fe, 0x433, 0x41d, 0x41e, 0x43d, 0x43e, 0x381, 0x380, 0x36a, 0x47e])
        }
        3 => random.next() & 0x7ff,
        _ => 0x3f0 + random.below(32),
    };
    random.next() << 63 | exponent << 52 | fraction(random) >> 12
}

/// Any 80-bit pattern: significand, sign and exponent.
fn extended(random: &mut Random) -> (u64, u16) {
    let sign = (random.next() as u16) << 15;
    let exponent = match random.below(12) {
        0 => 0,
        1 => 1,
        2 => 0x7fff,
        3 => 0x7ffe,
        4 => random.next() as u16 & 0x7fff,
        5 => 0x3fff,
        6 | 7 => 0x3f80 + random.below(256) as u16,
        8 => 0x3c00 + random.below(0x800) as u16,
        _ => 0x3ff0 + random.below(80) as u16,
    };
    let integer = exponent != 0 && !random.one_in(24) || random.one_in(16);
    (fraction(random) >> 1 | u64::from(integer) << 63, sign | exponent)
}

fn half(random: &mut Random) -> u16 {
    let any = random.next() as u16 & 31;
    let exponent = random.pick(&[0, 31, 1, 30, any, 15]);
    (random.next() as u16) << 15 | exponent << 10 | (fraction(random) >> 54) as u16
}

fn mxcsr(random: &mut Random) -> u32 {
    let any = random.next() as u32;
    match random.below(6) {
        0 => any & 0xffff,
        1 => any & 0xe03f | 0x1f80,
        2 => any & 0x6000 | 0x1f80,
        3 => any & 0x1f80,
        _ => 0x1f80,
    }
}

/// Control, status and abridged tag word.
fn x87_words(random: &mut Random) -> (u16, u16, u8) {
    let any = random.next() as u16;
    let masks = random.pick(&[0x3f, 0x3f, 0x3f, 0, 0x3e, any & 0x3f]);
    let control = match random.below(3) {
        0 => 0x340 | masks,
        _ => (random.next() as u16) << 8 & 0x1f00 | 0x40 | masks,
    };
    let mut status = random.next() as u16 & random.pick(&[0x7f7f, 0x4700, 0x3f00, 0x3800]);
    // Most states have no exception pending, so that waiting instructions do something.
    if !random.one_in(8) {
        status &= !0x3f | masks;
    }
    if status & !control & 0x3f != 0 {
        status |= 0x8080;
    }
    let tags = match random.below(4) {
        0 | 1 => 0xff,
        2 => 0,
        _ => random.next() as u8 | random.next() as u8,
    };
    (control, status, tags)
}

/// Draws the x87 state.
pub(crate) fn x87(random: &mut Random, state: &mut State) {
    let (control, status, tags) = x87_words(random);
    state.set_fx(0, &control.to_le_bytes());
    state.set_fx(2, &status.to_le_bytes());
    state.set_fx(4, &[tags]);
    // Registers that hold what MMX instructions left.
    let packed = random.one_in(3);
    for n in 0..8 {
        let (significand, exponent) = match packed {
            true => (word(random), 0xffff),
            false => extended(random),
        };
        state.set_fx(32 + 16 * n, &significand.to_le_bytes());
        state.set_fx(40 + 16 * n, &exponent.to_le_bytes());
    }
}

/// Draws MXCSR and the vector registers.
pub(crate) fn vectors(random: &mut Random, state: &mut State) {
    let value = mxcsr(random);
    state.set_fx(24, &value.to_le_bytes());
    let kind = random.below(5);
    for lane in 0..64 {
        let value = match kind {
            0 | 1 => u64::from(single(random)) | u64::from(single(random)) << 32,
            2 => double(random),
            3 => random.next(),
            _ => word(random),
        };
        let bytes = value.to_le_bytes();
        let (register, part) = (lane / 4, lane % 4);
        if part < 2 {
            state.set_fx(160 + 16 * register + 8 * part, &bytes);
        } else {
            let at = 16 * register + 8 * (part - 2);
            state.upper[at..at + 8].copy_from_slice(&bytes);
        }
    }
}

impl Case {
    /// What memory holds at the window.
    pub(crate) fn window_bytes(&self, random: &mut Random) -> Vec<u8> {
        let mut bytes = match self.contents {
            Contents::None => return Vec::new(),
            Contents::Words => words(random, 8, |random| word(random).to_le_bytes()),
            Contents::Singles => words(random, 16, |random| single(random).to_le_bytes()),
            Contents::Doubles => words(random, 8, |random| double(random).to_le_bytes()),
            Contents::Halves => words(random, 32, |random| half(random).to_le_bytes()),
            Contents::Extended => {
                let (significand, exponent) = extended(random);
                let mut bytes = significand.to_le_bytes().to_vec();
                bytes.extend(exponent.to_le_bytes());
                bytes
            }
            Contents::Decimal => {
                let digit = |random: &mut Random| random.below(10) as u8;
                let mut bytes: Vec<u8> =
                    (0..9).map(|_| digit(random) * 16 + digit(random)).collect();
                bytes.push(random.next() as u8);
                bytes
            }
            Contents::Mxcsr => {
                let any = random.next() as u32;
                let value = if random.one_in(5) { any & !(1 << 17) } else { mxcsr(random) };
                value.to_le_bytes().to_vec()
            }
            Contents::Pointers => self.pointers(random),
            Contents::Image => image(random),
            Contents::Environment => environment(random, 4),
            Contents::Environment16 => environment(random, 2),
        };
        // Only what lies in data pages.
        let room = bytes.iter().enumerate().take_while(|(n, _)| {
            index(self.window.wrapping_add(*n as u64)).is_some_and(|at| at >= DATA_AT)
        });
        let room = room.count();
        bytes.truncate(room);
        bytes
    }

    fn pointers(&self, random: &mut Random) -> Vec<u8> {
        let base = if self.bits == 16 { 0 } else { CODE };
        let offset = match random.below(8) {
            0 => word(random),
            1 => DATA + random.below(0x2000),
            2 => (random.next() | 1 << 63) & !(1 << 62),
            _ => base + random.below(0x1800),
        };
        let selectors = [
            CS32,
            CS64,
            FLAT,
            CS16,
            DS16,
            0,
            3,
            0x10,
            0x13,
            0x18,
            0x40,
            0x50,
            0x63,
            0x83,
            0xff,
            local_selector(2),
            local_selector(5),
            local_selector(6),
            local_selector(7),
            local_selector(8),
            local_selector(9),
            local_selector(10),
            CS32,
            CS64,
            CS64,
        ];
        let selector = u64::from(random.pick(&selectors));
        let size = random.pick(&[2, 4, 4, 8]);
        let flags = random.next() & 0xcd5 | 0x202;
        let frame = [offset, selector, flags, DATA + random.below(0x2000), u64::from(FLAT)];
        let mut bytes = Vec::new();
        for value in frame {
            bytes.extend(&value.to_le_bytes()[..size]);
        }
        bytes
    }
}

fn words<const N: usize>(
    random: &mut Random,
    count: usize,
    mut draw: impl FnMut(&mut Random) -> [u8; N],
) -> Vec<u8> {
    (0..count).flat_map(|_| draw(random)).collect()
}

/// 512 bytes of FXSAVE, the header and 256 bytes of an XSAVE area.
fn image(random: &mut Random) -> Vec<u8> {
    let mut state = State::ZERO;
    x87(random, &mut state);
    vectors(random, &mut state);
    if random.one_in(8) {
        let reserved = (random.next() as u32 & !(1 << 17)).to_le_bytes();
        state.set_fx(24, &reserved);
    }
    let mut bytes = state.fx.to_vec();
    bytes.resize(512, 0);
    let present = random.pick(&[7, 7, 7, 3, 4, 2, 1, 0, 6, 5]);
    let compacted =
        if random.one_in(3) { 1 << 63 | present | random.pick(&[0, 3, 4, 7]) } else { 0 };
    bytes.extend(u64::to_le_bytes(present));
    bytes.extend(u64::to_le_bytes(compacted));
    bytes.resize(576, 0);
    if random.one_in(16) {
        let at = 512 + random.below(64) as usize;
        bytes[at] = random.next() as u8;
    }
    bytes.extend(state.upper);
    bytes
}

/// FSTENV and FSAVE images in fields of `size` bytes.
fn environment(random: &mut Random, size: usize) -> Vec<u8> {
    let (control, status, tags) = x87_words(random);
    let full = (0..8).rev().fold(0, |word, n| word << 2 | if tags >> n & 1 != 0 { 0 } else { 3 });
    let mut bytes = Vec::new();
    for word in [control, status, full] {
        bytes.extend(&u32::from(word).to_le_bytes()[..size]);
    }
    for _ in 0..4 {
        bytes.extend(&random.next().to_le_bytes()[..size]);
    }
    for _ in 0..8 {
        let (significand, exponent) = extended(random);
        bytes.extend(significand.to_le_bytes());
        bytes.extend(exponent.to_le_bytes());
    }
    bytes
}
