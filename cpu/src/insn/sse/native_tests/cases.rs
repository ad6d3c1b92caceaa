//! What the comparison runs: every encoding of `instructions.txt` with registers, operands, MXCSR and
//! pages drawn from a seeded generator.

use super::{Case, Layout, State, WINDOW};
use crate::testing::Random;

/// Single precision: special exponents and fractions, or anything.
fn single(random: &mut Random) -> u32 {
    let (any, sign) = (random.next() as u32, (random.next() as u32) << 31);
    let near = 127 + random.below(34) as u32 - 1;
    let exponent = random.pick(&[0, 0, 1, 2, 254, 255, 255, 127, 158, near, any >> 8 & 0xff]);
    let ones = (1 << 23) - 1;
    let fraction = random.pick(&[0, 1, 1 << 22, ones, any & ones, any & 0x7f_f000, 1 << 22 | 1]);
    sign | exponent << 23 | fraction
}

/// Double precision: as [`single`]; also what single precision just holds.
fn double(random: &mut Random) -> u64 {
    let (any, sign) = (random.next(), random.next() << 63);
    let near = 1023 + random.below(66) - 1;
    let single = 1023 - 127 + random.pick(&[0, 1, 253, 254, 255]);
    let narrow = 1023 - 150 + random.below(26);
    let choices = [0, 0, 1, 2046, 2047, 2047, 1023, near, near, single, narrow, any & 0x7ff];
    let exponent = random.pick(&choices);
    let ones = (1 << 52) - 1;
    let middle = any & 0xf_ffff_e000_0000;
    let fraction = random.pick(&[0, 1, 1 << 51, ones, any & ones, middle, 1 << 51 | 1, 1 << 28]);
    sign | exponent << 52 | fraction
}

pub(in crate::insn) fn half(random: &mut Random) -> u64 {
    match random.below(8) {
        0 => random.next(),
        1 | 2 => u64::from(single(random)) | u64::from(single(random)) << 32,
        3 | 4 => double(random),
        5 => (0..8).fold(0, |v, _| v << 8 | byte(random)),
        6 => (0..4).fold(0, |v, _| v << 16 | word(random)),
        _ => random.below(80),
    }
}

fn byte(random: &mut Random) -> u64 {
    let any = random.next() & 0xff;
    random.pick(&[0, 1, 0x7f, 0x80, 0x81, 0xff, any])
}

fn word(random: &mut Random) -> u64 {
    let any = random.next() & 0xffff;
    random.pick(&[0, 1, 0x7f, 0x80, 0xff, 0x100, 0x7fff, 0x8000, 0xff7f, 0xffff, any])
}

fn register(random: &mut Random) -> u128 {
    let low = half(random);
    let high = if random.one_in(4) { low } else { half(random) };
    u128::from(low) | u128::from(high) << 64
}

/// Sixteen bytes or eight words of a text over few characters, with perhaps an end in it.
fn text(random: &mut Random) -> u128 {
    let ends = random.pick(&[2, 8, 30, 1000]);
    let (bits, letters) = if random.one_in(2) {
        (8, [0x61, 0x62, 0x63, 0x7f, 0x80, 0xff])
    } else {
        (16, [0x61, 0x62, 0x7fff, 0x8000, 0x8001, 0xffff])
    };
    (0..128 / bits).fold(0, |text, _| {
        let letter = if random.one_in(ends) { 0 } else { random.pick(&letters) };
        text << bits | letter
    })
}

/// Operands of a text instruction: texts, and lengths of either sign.
pub(in crate::insn) fn texts(random: &mut Random, case: &mut Case) {
    for register in &mut case.state.xmm {
        *register = text(random);
    }
    for halves in case.window.chunks_exact_mut(2) {
        let text = text(random);
        (halves[0], halves[1]) = (text as u64, (text >> 64) as u64);
    }
    for length in &mut case.state.gpr {
        let near = random.below(40).wrapping_sub(20);
        let any = random.next();
        *length = random.pick(&[near, near, near & 0xffff_ffff, 1 << 31, 1 << 63, any]);
    }
}

/// Operands as ordinary programs have them: of moderate size, now and then zero, rounded to nearest, with PE
/// set already. Such take the frameless forms.
pub(super) fn ordinary_floats(random: &mut Random, case: &mut Case) {
    let half = |random: &mut Random| {
        let (bits, near) = (random.next(), random.below(48));
        match random.below(16) {
            0 => 0,
            n if n % 2 == 0 => bits & 0x800f_ffff_ffff_ffff | (1000 + near) << 52,
            _ => bits & 0x807f_ffff_807f_ffff | (104 + near) << 23 | (127 + near / 2) << 55,
        }
    };
    for register in case.state.xmm.iter_mut().chain(&mut case.state.upper) {
        *register = u128::from(half(random)) | u128::from(half(random)) << 64;
    }
    if !is_x86_feature_detected!("avx") {
        case.state.upper = [0; 16];
    }
    case.window = core::array::from_fn(|_| half(random));
    case.state.mxcsr = 0x1fa0 | random.next() as u32 & 0x801f;
}

pub(in crate::insn) fn drawn_state(random: &mut Random) -> State {
    let avx = is_x86_feature_detected!("avx");
    let mut state = State {
        xmm: core::array::from_fn(|_| register(random)),
        upper: core::array::from_fn(|_| if avx { register(random) } else { 0 }),
        mxcsr: 0x1f80,
        registers: core::array::from_fn(|_| (half(random), random.next() as u16)),
        top: random.below(8) as u8,
        empty: random.next() as u8,
        gpr: core::array::from_fn(|_| half(random)),
        control: 0x37f,
        status: (random.next() & 0x3f) as u16,
        flags: 2 | random.next() & 0x8d5,
    };
    if random.one_in(16) {
        state.control = 0x340 | random.next() as u16 & 0x3f; // perhaps #MF is pending
    }
    if random.one_in(8) {
        state.flags |= arch::rflags::AC;
    }
    if random.one_in(3) {
        state.xmm[2] = state.xmm[1]; // equal operands matter to comparisons
        state.upper[2] = state.upper[1];
    }
    state.mxcsr |= (random.next() as u32) & 0x603f;
    if random.one_in(3) {
        state.mxcsr |= (random.next() as u32) & 0x8040;
    }
    if random.one_in(4) {
        state.mxcsr ^= (random.next() as u32) & 0x1f80;
    }
    state
}

/// Which registers an operand field names.
#[derive(Clone, Copy, PartialEq, Eq)]
enum File {
    Xmm,
    Mm,
    General,
    None,
}

/// An encoding: a line of `instructions.txt`, in the notation of SDM Vol. 2.
pub(super) struct Encoding {
    pub(super) text: &'static str,
    prefix: Option<u8>,
    wide: bool,
    opcode: Vec<u8>,
    digit: Option<u8>,
    modrm: bool,
    /// Immediate bytes.
    imm8: u8,
    reg: File,
    rm: File,
    memory: bool,
    vex: Option<Vex>,
}

/// What a VEX prefix says beside register numbers.
#[derive(Clone, Copy)]
struct Vex {
    /// VEX.mmmmm and VEX.pp.
    map: u8,
    pp: u8,
    /// VEX.W and VEX.L, where they matter.
    wide: Option<bool>,
    long: Option<bool>,
    /// VEX.vvvv names a register.
    vvvv: bool,
}

impl Vex {
    /// From `VEX.256.66.0F38.W0` and its kin.
    fn parse(text: &str) -> Self {
        let mut vex = Self { map: 1, pp: 0, wide: None, long: None, vvvv: false };
        for part in text.split('.') {
            match part {
                "128" | "L0" | "LZ" => vex.long = Some(false),
                "256" | "L1" => vex.long = Some(true),
                "W0" => vex.wide = Some(false),
                "W1" => vex.wide = Some(true),
                "66" => vex.pp = 1,
                "F3" => vex.pp = 2,
                "F2" => vex.pp = 3,
                "0F38" => vex.map = 2,
                "0F3A" => vex.map = 3,
                _ => {}
            }
        }
        vex
    }

    /// The prefix of three bytes.
    fn bytes(self, random: &mut Random, reg: u8, rm: u8, vvvv: u8) -> [u8; 3] {
        let wide = self.wide.unwrap_or(random.one_in(2));
        let long = self.long.unwrap_or(random.one_in(2));
        let vvvv = if self.vvvv { vvvv } else { 0 };
        let extensions = (!reg & 8) << 4 | 0x40 | (!rm & 8) << 2;
        let last = u8::from(wide) << 7 | (!vvvv & 15) << 3 | u8::from(long) << 2 | self.pp;
        [0xc4, extensions | self.map, last]
    }
}

fn file(operand: &str) -> File {
    match operand {
        _ if operand.starts_with("xmm") || operand.starts_with("ymm") => File::Xmm,
        _ if operand.starts_with("mm") => File::Mm,
        _ if operand.starts_with('r') => File::General,
        _ => File::None,
    }
}

/// Contains `m` followed by a size.
fn is_memory(operand: &str) -> bool {
    let size = |part: &str| part.strip_prefix('m').is_some_and(|rest| rest.parse::<u16>().is_ok());
    operand.split('/').any(size) && !operand.starts_with("imm")
}

pub(super) fn encodings() -> Vec<Encoding> {
    include_str!("instructions.txt").lines().map(parse).collect()
}

/// Those of `extensions.txt` that the host has.
pub(super) fn extensions() -> Vec<Encoding> {
    listed(include_str!("extensions.txt"))
}

/// Those of a list that the host has: a third column names the feature.
pub(super) fn listed(list: &'static str) -> Vec<Encoding> {
    let lines = list.lines().filter_map(|line| line.rsplit_once(" | "));
    lines.filter(|(_, feature)| host_has(feature)).map(|(line, _)| parse(line)).collect()
}

fn host_has(feature: &str) -> bool {
    match feature {
        "ssse3" => is_x86_feature_detected!("ssse3"),
        "sse4.1" => is_x86_feature_detected!("sse4.1"),
        "sse4.2" => is_x86_feature_detected!("sse4.2"),
        "sse4a" => is_x86_feature_detected!("sse4a"),
        "aes" => is_x86_feature_detected!("aes"),
        "pclmulqdq" => is_x86_feature_detected!("pclmulqdq"),
        "sha" => is_x86_feature_detected!("sha"),
        "gfni" => is_x86_feature_detected!("gfni"),
        "avx" => is_x86_feature_detected!("avx"),
        "fma" => is_x86_feature_detected!("fma"),
        "f16c" => is_x86_feature_detected!("f16c"),
        _ => panic!("no such feature: {feature}"),
    }
}

fn parse(line: &'static str) -> Encoding {
    let (text, code) = line.split_once(" | ").unwrap();
    let operands: Vec<&str> =
        text.split_once(' ').map_or(vec![], |(_, operands)| operands.split(", ").collect());
    let mut encoding = Encoding {
        text,
        prefix: None,
        wide: false,
        opcode: vec![],
        digit: None,
        modrm: false,
        imm8: 0,
        reg: File::None,
        rm: File::None,
        memory: operands.iter().any(|operand| is_memory(operand)),
        vex: None,
    };
    for word in code.split(' ') {
        match word {
            "NP" => {}
            _ if word.starts_with("VEX.") => encoding.vex = Some(Vex::parse(word)),
            "66" | "F3" | "F2" if encoding.opcode.is_empty() => {
                encoding.prefix = u8::from_str_radix(word, 16).ok();
            }
            "o64" => encoding.wide = true,
            "/r" => encoding.modrm = true,
            "ib" => encoding.imm8 += 1,
            _ if word.starts_with('/') => {
                encoding.modrm = true;
                encoding.digit = word[1..].parse().ok();
            }
            _ => encoding.opcode.push(u8::from_str_radix(word, 16).unwrap()),
        }
    }
    let rm = operands.iter().position(|operand| is_memory(operand));
    let rm = rm.unwrap_or(if encoding.digit.is_some() { 0 } else { 1 });
    if let Some(vex) = &mut encoding.vex {
        vex.vvvv = rm == 2;
    }
    for (i, operand) in operands.iter().enumerate() {
        match i {
            _ if i == rm => encoding.rm = file(operand),
            1 if rm == 2 => {} // VEX.vvvv, of the same kind as operand 0
            0 | 1 => encoding.reg = file(operand),
            _ => {}
        }
    }
    encoding
}

impl Encoding {
    /// Forms: with registers alone, with memory.
    pub(super) fn forms(&self) -> Vec<bool> {
        let registers = !self.modrm || self.rm != File::None;
        [(registers, false), (self.memory, true)]
            .into_iter()
            .filter_map(|(exists, memory)| exists.then_some(memory))
            .collect()
    }

    /// As [`Encoding::case`], with texts for operands and a certain immediate.
    pub(super) fn text_case(&self, random: &mut Random, memory: bool, imm: u8) -> Case {
        let mut case = self.case(random, memory);
        case.layout = Layout::Both;
        texts(random, &mut case);
        if let Some(last) = case.bytes.last_mut() {
            *last = imm;
        }
        case
    }

    pub(super) fn case(&self, random: &mut Random, memory: bool) -> Case {
        let number = |random: &mut Random, file: File| match file {
            File::Xmm => random.below(16) as u8,
            File::General => random.below(3) as u8,
            _ => random.below(8) as u8,
        };
        let mut reg = number(random, self.reg);
        let mut rm = number(random, self.rm);
        if random.one_in(2) {
            (reg, rm) = (1, 2); // the registers that may be equal
        }
        if memory {
            rm = 7; // [rdi]
        }
        if let Some(digit) = self.digit {
            reg = digit;
        }
        let mut bytes: Vec<u8> = self.prefix.into_iter().collect();
        let rex = 0x40 | u8::from(self.wide) << 3 | reg >> 3 << 2 | rm >> 3;
        if let Some(vex) = self.vex {
            let vvvv = if random.one_in(2) { 2 } else { random.below(16) as u8 };
            bytes.extend(vex.bytes(random, reg, rm, vvvv));
        } else if rex != 0x40 {
            bytes.push(rex);
        }
        bytes.extend(&self.opcode);
        if self.modrm {
            bytes.push(if memory { 0 } else { 0xc0 } | (reg & 7) << 3 | rm & 7);
        }
        for _ in 0..self.imm8 {
            let small = random.below(40) as u8;
            bytes.push(if random.one_in(2) { random.next() as u8 } else { small });
        }
        let mut window = core::array::from_fn(|_| half(random));
        if self.text.starts_with("LDMXCSR") {
            // Values that are mostly accepted, never with AMD's MM, which the host has and we have not.
            window = window.map(|half: u64| half & 0x0000_ffff_8000_ffff);
        }
        Case {
            bytes,
            offset: offset(random),
            window,
            state: drawn_state(random),
            layout: layout(random),
        }
    }
}

/// Where rdi points: around the boundary of the two pages, aligned as often as not.
pub(in crate::insn) fn offset(random: &mut Random) -> u64 {
    let offset = 4096 - 48 + random.below(64);
    match random.below(4) {
        0 | 1 => offset & !15,
        2 => offset & !3,
        _ => offset,
    }
}

pub(in crate::insn) fn layout(random: &mut Random) -> Layout {
    match random.below(12) {
        0 => Layout::NoSecond,
        1 => Layout::NoFirst,
        2 => Layout::ReadOnlyFirst,
        3 => Layout::ReadOnlySecond,
        _ => Layout::Both,
    }
}

const _: () = assert!(WINDOW == 96);
