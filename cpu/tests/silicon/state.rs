//! The state of one test: what is stored of it, and what it is expanded to.
//!
//! A [`Case`] holds the bytes of the instruction, a seed and the few values that were chosen to make the
//! instruction meet something; [`Case::expand`] gives the whole state. Stored vectors are replayed through
//! it: a change here makes them worthless, so change [`VERSION`] with it and record them anew.

use crate::contents::{vectors, word, x87};
use crate::layout::*;

/// Version of the expansion and of the stored format.
pub(crate) const VERSION: u32 = 1;

/// Bytes of the x87 and SSE part of a state: the FXSAVE image without its unused end.
pub(crate) const FX: usize = 416;

/// Everything an instruction at CPL 3 can see or change, but memory.
#[repr(C)]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct State {
    /// General registers in encoding order.
    pub(crate) gpr: [u64; 16],
    /// Instruction pointer.
    pub(crate) rip: u64,
    /// Flags.
    pub(crate) rflags: u64,
    /// ES CS SS DS FS GS, two unused.
    pub(crate) selectors: [u16; 8],
    /// Bases of FS and GS.
    pub(crate) bases: [u64; 2],
    /// FXSAVE64 image: x87 (registers from ST(0)), MXCSR, XMM.
    pub(crate) fx: [u8; FX],
    /// Bits 255:128 of YMM0-15.
    pub(crate) upper: [u8; 256],
}

/// Words of a [`State`].
pub(crate) const WORDS: usize = size_of::<State>() / 8;

impl State {
    /// All zero.
    pub(crate) const ZERO: Self = Self {
        gpr: [0; 16],
        rip: 0,
        rflags: 0,
        selectors: [0; 8],
        bases: [0; 2],
        fx: [0; FX],
        upper: [0; 256],
    };

    /// As words, in the order of the fields.
    pub(crate) fn words(&self) -> [u64; WORDS] {
        let mut words = [0; WORDS];
        words[..16].copy_from_slice(&self.gpr);
        words[16] = self.rip;
        words[17] = self.rflags;
        for (n, &selector) in self.selectors.iter().enumerate() {
            words[18 + n / 4] |= u64::from(selector) << (16 * (n % 4));
        }
        words[20..22].copy_from_slice(&self.bases);
        for (n, bytes) in self.fx.chunks_exact(8).chain(self.upper.chunks_exact(8)).enumerate() {
            words[22 + n] = u64::from_le_bytes(bytes.try_into().expect("eight bytes"));
        }
        words
    }

    /// From words.
    pub(crate) fn from_words(words: &[u64; WORDS]) -> Self {
        let mut state = Self::ZERO;
        state.gpr.copy_from_slice(&words[..16]);
        state.rip = words[16];
        state.rflags = words[17];
        for (n, selector) in state.selectors.iter_mut().enumerate() {
            *selector = (words[18 + n / 4] >> (16 * (n % 4))) as u16;
        }
        state.bases.copy_from_slice(&words[20..22]);
        let images = state.fx.chunks_exact_mut(8).chain(state.upper.chunks_exact_mut(8));
        for (bytes, word) in images.zip(&words[22..]) {
            bytes.copy_from_slice(&word.to_le_bytes());
        }
        state
    }

    /// A 16-bit field of the FXSAVE image.
    pub(crate) fn fx16(&self, at: usize) -> u16 {
        u16::from_le_bytes([self.fx[at], self.fx[at + 1]])
    }
    /// A 32-bit field of it.
    pub(crate) fn fx32(&self, at: usize) -> u32 {
        u32::from(self.fx16(at)) | u32::from(self.fx16(at + 2)) << 16
    }
    /// A 64-bit field of it.
    pub(crate) fn fx64(&self, at: usize) -> u64 {
        u64::from(self.fx32(at)) | u64::from(self.fx32(at + 4)) << 32
    }
    /// Sets bytes of it.
    pub(crate) fn set_fx(&mut self, at: usize, bytes: &[u8]) {
        self.fx[at..at + bytes.len()].copy_from_slice(bytes);
    }
}

/// Bytes in memory that belong to a case.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Patch {
    /// Linear address; all of it lies in mapped data pages.
    pub(crate) at: u64,
    /// What is placed there.
    pub(crate) bytes: Vec<u8>,
}

/// What the bytes at a memory operand are like.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub(crate) enum Contents {
    /// The background stays.
    None,
    /// Words of any kind.
    Words,
    /// Single precision numbers.
    Singles,
    /// Double precision numbers.
    Doubles,
    /// An 80-bit number, then words.
    Extended,
    /// Decimal digits.
    Decimal,
    /// What a far pointer or an interrupt frame may hold.
    Pointers,
    /// An image for FXRSTOR and XRSTOR.
    Image,
    /// An image for FLDENV and FRSTOR, 28 and 108 bytes.
    Environment,
    /// The same in 16 bits.
    Environment16,
    /// An MXCSR value, then words.
    Mxcsr,
    /// Half precision numbers.
    Halves,
}

impl Contents {
    /// By number.
    pub(crate) fn by_number(number: u8) -> Option<Self> {
        use Contents::*;
        let all = [
            None,
            Words,
            Singles,
            Doubles,
            Extended,
            Decimal,
            Pointers,
            Image,
            Environment,
            Environment16,
            Mxcsr,
            Halves,
        ];
        all.get(usize::from(number)).copied()
    }
}

/// Bit of [`Case::offsets`]: the register holds addresses.
pub(crate) const POINTERS: u8 = 1 << 4;

/// One test: an instruction and what it starts from.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Case {
    /// Size of the code segment: 16, 32 or 64.
    pub(crate) bits: u8,
    /// Where the instruction stands, from [`CODE`].
    pub(crate) offset: u16,
    /// Its bytes, and what follows before INT3 fills the rest.
    pub(crate) code: Vec<u8>,
    /// What everything not chosen is drawn from.
    pub(crate) seed: u32,
    /// Flags: status, DF, AC, TF, RF.
    pub(crate) flags: u32,
    /// General registers that were chosen.
    pub(crate) chosen: Vec<(u8, u64)>,
    /// Segment registers that are not flat: number, selector.
    pub(crate) selectors: Vec<(u8, u16)>,
    /// A vector register that holds four small offsets, for gathers; with [`POINTERS`], from the window on,
    /// divided by the scale whose logarithm is in bits 5 and 6.
    pub(crate) offsets: Option<u8>,
    /// The bytes at the memory operand.
    pub(crate) contents: Contents,
    /// Where they are.
    pub(crate) window: u64,
}

impl Case {
    /// The whole state before the instruction, and what memory holds at the window.
    pub(crate) fn expand(&self) -> (State, Patch) {
        let mut random = Random(u64::from(self.seed) << 8);
        let mut state = State::ZERO;
        for value in &mut state.gpr {
            *value = word(&mut random);
        }
        x87(&mut random, &mut state);
        vectors(&mut random, &mut state);
        for &(n, value) in &self.chosen {
            state.gpr[usize::from(n)] = value;
        }
        if self.bits != 64 {
            // What the upper halves become is undefined.
            state.gpr = state.gpr.map(|value| value & 0xffff_ffff);
        }
        let (code, data) = match self.bits {
            64 => (CS64, FLAT),
            32 => (CS32, FLAT),
            _ => (CS16, DS16),
        };
        state.selectors = [data, code, data, data, data, data, 0, 0];
        state.rip = u64::from(self.offset) + if self.bits == 16 { 0 } else { CODE };
        for &(n, selector) in &self.selectors {
            state.selectors[usize::from(n)] = selector;
        }
        for (base, &selector) in state.bases.iter_mut().zip(&state.selectors[4..6]) {
            *base = match selector {
                selector if selector & 4 != 0 => LDT[usize::from(selector >> 3)].base.into(),
                // What WRFSBASE may have put there.
                _ if self.bits == 64 => random.pick(&[0, 0x10, 0x1000, 0u64.wrapping_sub(0x20)]),
                _ => 0,
            };
        }
        if let Some(n) = self.offsets {
            self.small_offsets(&mut random, n, &mut state);
        }
        state.rflags = u64::from(self.flags) | 0x202;
        (state, Patch { at: self.window, bytes: self.window_bytes(&mut random) })
    }

    fn small_offsets(&self, random: &mut Random, n: u8, state: &mut State) {
        // In dwords and qwords alike: small numbers whose upper halves are 0 or all ones.
        let wide = random.one_in(2);
        let first = self.window >> (n >> 5 & 3);
        for part in 0..4 {
            let value = if n & POINTERS != 0 {
                first.wrapping_add(random.below(0x100)).wrapping_sub(0x80)
            } else if wide {
                (random.below(0x800) as i64 - 0x400) as u64
            } else {
                let (a, b) =
                    (random.below(0x800) as i32 - 0x400, random.below(0x800) as i32 - 0x400);
                u64::from(a as u32) | u64::from(b as u32) << 32
            };
            let bytes = value.to_le_bytes();
            let at = 16 * usize::from(n & 15) + 8 * (part & 1);
            if part < 2 {
                state.set_fx(160 + at, &bytes);
            } else {
                state.upper[at..at + 8].copy_from_slice(&bytes);
            }
        }
    }
}

/// What an instruction left.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Outcome {
    /// Registers at the next exception.
    pub(crate) state: State,
    /// Its vector.
    pub(crate) vector: u8,
    /// Its error code.
    pub(crate) error: u32,
    /// CR2 of a page fault, else 0.
    pub(crate) cr2: u64,
    /// Words of memory that changed: index among all words, new value.
    pub(crate) memory: Vec<(u16, u64)>,
}

/// How a test ended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum End {
    /// With an exception, as all tests should: INT3 behind the instruction at the latest.
    Exception(Box<Outcome>),
    /// It never ended.
    Endless,
    /// It called the operating system.
    Left,
    /// The emulator does not have it.
    Unimplemented(String),
    /// It killed the process, or the emulator.
    Lost(String),
}
