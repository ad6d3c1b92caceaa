//! Draws cases: for every form of the model an encoding with random prefixes and operands, registers
//! that make its memory operand meet something, and the state around it; and raw random bytes.
//!
//! An encoding (`encoding.rs`) is taken if it decodes to the form.

use crate::accepted;
use crate::contents::word;
use crate::emulator::model;
use crate::encoding;
use crate::layout::*;
use crate::state::{Case, Contents, POINTERS};
use iced_x86::*;

/// Draws cases.
pub(crate) struct Generator {
    random: Random,
    /// True if the host can execute a form that needs the feature.
    host: fn(CpuidFeature) -> bool,
}

/// True if `code` can be compared: the model has it, and no written reason speaks against it.
pub(crate) fn is_drawn(code: Code) -> bool {
    model().offers(code) && accepted::excluded(code).is_none() && is_decoded(code)
}

/// True for what the decoder can give: it has other forms for the same bytes, or only a 386, a 486 or another
/// maker's processor had them.
pub(crate) fn is_decoded(code: Code) -> bool {
    let info = code.op_code();
    info.is_instruction()
        && matches!(info.encoding(), EncodingKind::Legacy | EncodingKind::VEX)
        && !info.fwait()
        && info.decoder_option() == DecoderOptions::NONE
}

/// True if a form exists in a mode.
pub(crate) fn exists(code: Code, bits: u32) -> bool {
    let info = code.op_code();
    match bits {
        64 => info.amd_decoder64(),
        32 => info.amd_decoder32(),
        _ => info.amd_decoder16(),
    }
}

/// The forms that exist in a mode.
pub(crate) fn forms(bits: u32) -> Vec<Code> {
    Code::values().filter(|&code| is_drawn(code) && exists(code, bits)).collect()
}

/// Decodes as the emulator does.
pub(crate) fn decode(bits: u32, bytes: &[u8], ip: u64) -> (Instruction, ConstantOffsets) {
    let options = DecoderOptions::NO_WBNOINVD | DecoderOptions::AMD;
    let mut decoder = Decoder::with_ip(bits, bytes, ip, options);
    let instruction = decoder.decode();
    (instruction, decoder.get_constant_offsets(&instruction))
}

/// The form of a case.
pub(crate) fn form(case: &Case) -> Instruction {
    // What lies behind: INT3.
    let mut bytes = case.code.clone();
    bytes.resize(20, 0xcc);
    decode(case.bits.into(), &bytes, CODE + u64::from(case.offset)).0
}

impl Generator {
    /// A generator whose draws depend on nothing but the seed, for a host with some features.
    pub(crate) fn new(seed: u64, host: fn(CpuidFeature) -> bool) -> Self {
        Self { random: Random(seed), host }
    }

    /// A case of a form; `None` if it could not be drawn.
    pub(crate) fn of(&mut self, code: Code, bits: u32) -> Option<Case> {
        if !code.cpuid_features().iter().all(|&feature| (self.host)(feature)) {
            return None;
        }
        for _ in 0..400 {
            let bytes = encoding::of(&mut self.random, code, bits);
            let (instruction, offsets) = decode(bits, &bytes, CODE);
            if instruction.code() == code
                && let Some(case) = self.case(bits, bytes, &instruction, &offsets)
            {
                return Some(case);
            }
        }
        None
    }

    /// A case of any bytes that both sides may execute.
    pub(crate) fn any(&mut self, bits: u32) -> Case {
        loop {
            let bytes = encoding::any(&mut self.random, bits);
            let (instruction, offsets) = decode(bits, &bytes, CODE);
            let code = instruction.code();
            let comparable = if code == Code::INVALID {
                // What bytes behind the prefixes mean to a newer host is not known here.
                !bytes.starts_with(&[0x62])
            } else if model().offers(code) {
                code.cpuid_features().iter().all(|&feature| (self.host)(feature))
            } else {
                !code.cpuid_features().iter().all(|&feature| (self.host)(feature))
            };
            if comparable
                && accepted::excluded(code).is_none()
                && let Some(case) = self.case(bits, bytes, &instruction, &offsets)
            {
                return case;
            }
        }
    }

    /// The state around an encoding; `None` if it may not be executed.
    fn case(
        &mut self,
        bits: u32,
        mut bytes: Vec<u8>,
        instruction: &Instruction,
        offsets: &ConstantOffsets,
    ) -> Option<Case> {
        let invalid = instruction.is_invalid();
        let len = if invalid { bytes.len().min(16) } else { instruction.len() };
        bytes.truncate(len.max(1));
        let random = &mut self.random;
        let offset = match random.below(32) {
            0 => 0x2000 - 1 - random.below(len as u64),
            1 => 0x2000 - len as u64,
            2 => 0x1000 - random.below(len as u64),
            _ => 0x400 + random.below(0x800),
        };
        let mut case = Case {
            bits: bits as u8,
            offset: offset as u16,
            code: bytes,
            seed: random.next() as u32,
            flags: self.flags(),
            chosen: Vec::new(),
            selectors: Vec::new(),
            offsets: None,
            contents: Contents::None,
            window: DATA,
        };
        self.segments(&mut case);
        self.registers(&mut case, instruction);
        self.operand(&mut case, instruction, offsets)?;
        if accepted::excluded_case(&case, instruction) {
            return None;
        }
        let room = BYTES.min(0x2000) - usize::from(case.offset);
        case.code.truncate(room);
        Some(case)
    }

    fn flags(&mut self) -> u32 {
        let random = &mut self.random;
        let mut flags = random.next() as u32 & 0x8d5;
        for (bit, odds) in [(0x400, 4), (0x4_0000, 12), (0x100, 14), (0x1_0000, 24)] {
            if random.one_in(odds) {
                flags |= bit;
            }
        }
        flags
    }

    /// Segment registers besides the usual ones.
    fn segments(&mut self, case: &mut Case) {
        let random = &mut self.random;
        let odds = if case.bits == 64 { 20 } else { 6 };
        for n in [0, 3, 4, 5] {
            if random.one_in(odds) {
                let data = [2, 3, 4, 7, 9].map(local_selector);
                let selector = match random.below(8) {
                    0 => 0,
                    1 => random.pick(&[CS32, local_selector(6)]),
                    2 => FLAT,
                    _ => random.pick(&data),
                };
                case.selectors.push((n, selector));
            }
        }
        if case.bits == 16 && random.one_in(3) {
            case.selectors.push((2, FLAT));
        } else if case.bits == 32 && random.one_in(12) {
            case.selectors.push((2, local_selector(random.pick(&[2, 3, 4, 9]))));
        }
    }

    /// Registers that instructions use without naming them.
    fn registers(&mut self, case: &mut Case, instruction: &Instruction) {
        let stack = self.target(case, 2, 8);
        case.chosen.push((4, stack));
        if instruction.is_stack_instruction() || self.random.one_in(3) {
            case.window = self.linear(case, 2, stack);
            case.contents = self.random.pick(&[Contents::Pointers, Contents::Words]);
        }
        use Mnemonic::*;
        match instruction.mnemonic() {
            _ if instruction.is_string_instruction() => {
                let source = if instruction.memory_segment() == Register::None {
                    3
                } else {
                    segment_number(instruction.memory_segment())
                };
                let (from, to) = (self.target(case, source, 8), self.target(case, 0, 8));
                let count = match self.random.below(6) {
                    0 => word(&mut self.random),
                    1 => 0,
                    _ => self.random.below(70),
                };
                case.chosen.extend([(6, from), (7, to), (1, count)]);
                case.window = self.linear(case, source, from);
                case.contents = self.random.pick(&[Contents::None, Contents::Words]);
            }
            Maskmovq | Maskmovdqu | Vmaskmovdqu => {
                let to = self.target(case, 3, 16);
                case.chosen.push((7, to));
            }
            Xlatb => {
                let table = self.target(case, 3, 1);
                case.chosen.push((3, table));
            }
            Enter | Leave => {
                let frame = self.target(case, 2, 8);
                case.chosen.push((5, frame));
                case.window = self.linear(case, 2, frame);
                case.contents = Contents::Pointers;
            }
            Div | Idiv if !self.random.one_in(4) => {
                let high = self.random.pick(&[0, 0, 1, u64::MAX]);
                let low = word(&mut self.random) >> self.random.below(64);
                case.chosen.extend([(2, high), (0, low)]);
            }
            Loop | Loope | Loopne | Jcxz | Jecxz | Jrcxz if self.random.one_in(2) => {
                let count = self.random.below(3) | self.random.pick(&[0, 1 << 16, 1 << 32]);
                case.chosen.push((1, count));
            }
            Xsave | Xsave64 | Xsaveopt | Xsaveopt64 | Xsavec | Xsavec64 | Xrstor | Xrstor64
            | Xsaves | Xsaves64 | Xrstors | Xrstors64 => {
                // Without the components that the host has beside the model's.
                let mask = match self.random.below(3) {
                    0 => 7,
                    1 => self.random.below(8),
                    _ => self.random.next() & 0xffff_fd1f,
                };
                let upper = self.random.pick(&[0, 0, u64::from(u32::MAX)]);
                case.chosen.extend([(0, mask), (2, upper)]);
            }
            _ => {}
        }
        self.named_registers(case, instruction);
    }

    /// Registers whose value is a selector, a branch target or a bit number.
    fn named_registers(&mut self, case: &mut Case, instruction: &Instruction) {
        use Mnemonic::*;
        if instruction.op_count() == 0 {
            return;
        }
        let last = instruction.op_count() - 1;
        if instruction.op_kind(last) != OpKind::Register {
            return;
        }
        let register = instruction.op_register(last).full_register();
        let number = register.number() as u8;
        match instruction.mnemonic() {
            Jmp | Call => {
                let base = if case.bits == 16 { 0 } else { CODE };
                let to = match self.random.below(6) {
                    0 => word(&mut self.random),
                    1 => self.target(case, 1, 1),
                    _ => base + self.random.below(0x1ffc),
                };
                case.chosen.push((number, to));
            }
            Lar | Lsl | Verr | Verw => {
                let selector = self.selector();
                case.chosen.push((number, selector));
            }
            Mov if instruction.op0_register().is_segment_register() => {
                let selector = self.selector();
                case.chosen.push((number, selector));
            }
            Bt | Bts | Btr | Btc => {
                let bit = self.random.below(0x4000).wrapping_sub(0x2000);
                case.chosen.push((number, bit));
            }
            _ => {}
        }
    }

    fn selector(&mut self) -> u64 {
        let random = &mut self.random;
        let upper = random.next() << 16;
        let low = match random.below(4) {
            0 => random.pick(&[0, 1, 2, 3, 0x10, 0x13, 0x18, 0x1b, 0x40, 0x50, 0x63, 0x6b, 0x83]),
            1 => random.pick(&[CS32, CS64, FLAT, CS32 & !3, FLAT & !2, CS64 & !1]),
            2 => local_selector(random.below(11) as usize) & !random.pick(&[0, 1, 2, 3]),
            _ => random.next() as u16 & 0x1fff | 0x100,
        };
        upper | u64::from(low)
    }

    /// An offset in segment register `n` that meets something.
    fn target(&mut self, case: &Case, n: usize, size: u64) -> u64 {
        let linear = self.meeting_place(case.bits, size.max(1));
        linear.wrapping_sub(base_of(case, n)) & address_mask(case.bits)
    }

    /// Linear address of an offset in segment register `n`.
    fn linear(&self, case: &Case, n: usize, offset: u64) -> u64 {
        let sum = offset.wrapping_add(base_of(case, n));
        if case.bits == 64 { sum } else { sum & 0xffff_ffff }
    }

    /// A linear address: mostly within writable pages.
    fn meeting_place(&mut self, bits: u8, size: u64) -> u64 {
        let random = &mut self.random;
        let wide = bits == 64;
        // So that an operand crosses the boundary, or ends or begins there.
        let around = |random: &mut Random, boundary: u64| {
            let at = boundary.wrapping_sub(random.below(2 * size + 1));
            if random.one_in(2) { at & !(size - 1) } else { at }
        };
        match random.below(26) {
            0 => around(random, DATA + 0x1000),
            1 => around(random, DATA + 0x2000),
            2 => around(random, DATA),
            3 => around(random, DATA + 0x3000),
            4 => around(random, DATA + 0x4000),
            5 => around(random, DATA + 0x5000),
            6 => around(random, DATA + 0x6000),
            7 => (DATA + 0x3000 + random.below(0xf00)) & !(size - 1),
            8 => DATA + 0x2000 + random.below(0x1000),
            9 => CODE + random.below(0x2000),
            10 if wide => (HIGH + random.below(0xf00)) & !(size - 1),
            11 if wide => around(random, HIGH + 0x1000),
            12 if wide => {
                let shift = random.below(15);
                (random.next() | 1 << 63 >> shift) & !(1 << 62 >> shift)
            }
            13 if wide => around(random, 1 << 47),
            14 if wide => around(random, (1u64 << 47).wrapping_neg()),
            15 => word(random),
            n => {
                let at = DATA + 0x100 + random.below(0x1d00);
                if n % 4 == 0 { at } else { at & !(size.next_power_of_two() - 1) }
            }
        }
    }

    /// Makes the memory operand point at something.
    fn operand(
        &mut self,
        case: &mut Case,
        instruction: &Instruction,
        offsets: &ConstantOffsets,
    ) -> Option<()> {
        let memory = (0..instruction.op_count()).any(|i| instruction.op_kind(i) == OpKind::Memory);
        if !memory || instruction.is_invalid() || instruction.mnemonic() == Mnemonic::Xlatb {
            return Some(());
        }
        let size = (instruction.memory_size().size() as u64).clamp(1, 64).next_power_of_two();
        let size = if size == 1 { self.random.pick(&[1, 2, 4, 8, 16, 64]) } else { size };
        let n = segment_number(instruction.memory_segment());
        let offset = self.target(case, n, size);
        case.window = self.linear(case, n, offset);
        case.contents = self.contents(instruction);
        let (base, index) = (instruction.memory_base(), instruction.memory_index());
        let scale = u64::from(instruction.memory_index_scale());
        let mut rest = offset;
        if index.is_vector_register() {
            case.offsets = Some(index.number() as u8);
            if base == Register::None && instruction.is_vsib64() && self.random.one_in(2) {
                let scale_bits = instruction.memory_index_scale().trailing_zeros() as u8;
                case.offsets = Some(index.number() as u8 | POINTERS | scale_bits << 5);
                rest &= scale - 1;
                if self.random.one_in(2) {
                    case.window = (HIGH + self.random.below(0xc00)) & !7;
                }
            }
        } else if index != Register::None && index != base {
            let value = match (base == Register::None, self.random.one_in(2)) {
                (true, _) => rest.wrapping_sub(instruction.memory_displacement64()) / scale,
                (_, true) => word(&mut self.random),
                _ => self.random.below(0x100),
            };
            choose(case, index, value, &mut self.random);
            rest = rest.wrapping_sub(value.wrapping_mul(scale));
        }
        if matches!(base, Register::None | Register::RIP | Register::EIP) {
            if index == Register::None || index.is_vector_register() {
                let size = offsets.displacement_size();
                let at = offsets.displacement_offset();
                if base != Register::None {
                    let next = CODE + u64::from(case.offset) + instruction.len() as u64;
                    rest = rest.wrapping_sub(next);
                }
                case.code[at..at + size].copy_from_slice(&rest.to_le_bytes()[..size]);
            }
            return Some(());
        }
        rest = rest.wrapping_sub(instruction.memory_displacement64());
        if base == index {
            rest /= scale + 1;
        }
        choose(case, base, rest, &mut self.random);
        Some(())
    }

    fn contents(&mut self, instruction: &Instruction) -> Contents {
        use MemorySize::*;
        if instruction.mnemonic() == Mnemonic::Ldmxcsr
            || instruction.mnemonic() == Mnemonic::Vldmxcsr
        {
            return Contents::Mxcsr;
        }
        let info = instruction.memory_size().info();
        match info.element_type() {
            Float32 => Contents::Singles,
            Float64 => Contents::Doubles,
            Float16 => Contents::Halves,
            Float80 => Contents::Extended,
            Bcd => Contents::Decimal,
            FpuEnv14 | FpuState94 => Contents::Environment16,
            FpuEnv28 | FpuState108 => Contents::Environment,
            Fxsave_512Byte | Fxsave64_512Byte | Xsave | Xsave64 => Contents::Image,
            SegPtr16 | SegPtr32 | SegPtr64 => Contents::Pointers,
            _ if instruction.is_jmp_near_indirect() || instruction.is_call_near_indirect() => {
                Contents::Pointers
            }
            _ if self.random.one_in(4) => Contents::None,
            _ => self.random.pick(&[
                Contents::Words,
                Contents::Words,
                Contents::Singles,
                Contents::Doubles,
            ]),
        }
    }
}

/// Chooses an address register; of the wider register around it the rest is any.
fn choose(case: &mut Case, register: Register, value: u64, random: &mut Random) {
    let keep = u64::MAX >> (64 - 8 * register.size() as u32);
    let upper = if random.one_in(2) { random.next() & !keep } else { 0 };
    case.chosen.push((register.full_register().number() as u8, value & keep | upper));
}

/// Base of a segment register as the case sets it.
fn base_of(case: &Case, n: usize) -> u64 {
    let usual = if case.bits == 16 && n != 1 { DS16 } else { FLAT };
    let found = case.selectors.iter().rev().find(|row| usize::from(row.0) == n);
    let selector = match (n, case.bits) {
        (1, 16) => CS16,
        _ => found.map_or(usual, |row| row.1),
    };
    if case.bits == 64 && n < 4 || selector & 4 == 0 {
        return 0;
    }
    LDT[usize::from(selector >> 3)].base.into()
}

fn address_mask(bits: u8) -> u64 {
    match bits {
        64 => u64::MAX,
        32 => 0xffff_ffff,
        _ => 0xffff,
    }
}

fn segment_number(register: Register) -> usize {
    match register {
        Register::ES => 0,
        Register::CS => 1,
        Register::SS => 2,
        Register::FS => 4,
        Register::GS => 5,
        _ => 3,
    }
}
