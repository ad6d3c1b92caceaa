//! The host CPU as the oracle for VEX-encoded instructions, by the comparison of `insn/sse/native_tests.rs`: registers
//! of all 256 bits, flags, memory, and faults with their error codes must agree bit for bit.
//!
//! What to compare is found by decoding: every opcode under every map, prefix, W and L, with a register and with
//! memory. So each encoding that the decoder knows and the table has a row for is there, also those whose W or L is
//! ignored. Seen on AMD Zen 5.

use crate::decode::table;
use crate::features::{MAX, Offered};
use crate::insn::sse::native_tests::cases::{drawn_state, half, layout, offset, texts};
use crate::insn::sse::native_tests::{
    Case, HOST, Host, Layout, State, describe, emulate, host_is_amd, machine,
};
use crate::testing::Random;
use iced_x86::{Code, Decoder, DecoderOptions, EncodingKind, Instruction, OpKind, Register};
use std::collections::BTreeMap;

/// An encoding up to its register numbers.
#[derive(Clone)]
struct Template {
    code: Code,
    map: u8,
    pp: u8,
    wide: bool,
    long: bool,
    opcode: u8,
    operand: Operand,
    /// Values of ModRM.reg that mean this instruction.
    digits: Vec<u8>,
}

/// What ModRM.rm is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Operand {
    Register,
    /// `[rdi]`.
    Memory,
    /// `[rdi + xmm * scale]`.
    Gather,
}

/// Bits and register numbers of one encoding.
struct Fields {
    reg: u8,
    vvvv: u8,
    rm: u8,
    scale: u8,
    imm: u8,
}

impl Template {
    fn bytes(&self, fields: &Fields) -> Vec<u8> {
        let Fields { reg, vvvv, rm, scale, imm } = *fields;
        let (index, base) = if self.operand == Operand::Gather { (rm, 7) } else { (0, rm) };
        let inverted = (!reg & 8) << 4 | (!index & 8) << 3 | (!base & 8) << 2;
        let last = u8::from(self.wide) << 7 | (!vvvv & 15) << 3 | u8::from(self.long) << 2;
        let mut bytes = vec![0xc4, inverted | self.map, last | self.pp, self.opcode];
        let modrm = (reg & 7) << 3;
        match self.operand {
            Operand::Register => bytes.push(0xc0 | modrm | rm & 7),
            Operand::Memory => bytes.push(modrm | 7),
            Operand::Gather => bytes.extend([modrm | 4, scale << 6 | (index & 7) << 3 | 7]),
        }
        bytes.push(imm);
        bytes
    }
}

fn decode(bytes: &[u8]) -> Instruction {
    Decoder::new(64, bytes, DecoderOptions::NONE).decode()
}

/// Every encoding that has a row and that the fullest model offers.
fn templates() -> Vec<Template> {
    let offered = Offered::by(&MAX);
    let mut found: BTreeMap<(u16, u32, Operand), Template> = BTreeMap::new();
    for opcode in 0..3 * 4 * 4 * 256u32 {
        for operand in [Operand::Register, Operand::Memory, Operand::Gather] {
            for digit in 0..8 {
                let mut template = Template {
                    code: Code::INVALID,
                    map: (opcode >> 12) as u8 + 1,
                    pp: (opcode >> 10 & 3) as u8,
                    wide: opcode >> 9 & 1 != 0,
                    long: opcode >> 8 & 1 != 0,
                    opcode: opcode as u8,
                    operand,
                    digits: vec![digit],
                };
                let fields = Fields { reg: digit, vvvv: 0, rm: 7, scale: 0, imm: 0 };
                let instruction = decode(&template.bytes(&fields));
                template.code = instruction.code();
                let gathers = instruction.is_vsib();
                let fits = instruction.encoding() == EncodingKind::VEX
                    && offered.contains(template.code)
                    && table::row(template.code).is_some()
                    && gathers == (operand == Operand::Gather);
                if fits {
                    let key = (template.code as u16, opcode, operand);
                    let entry = found
                        .entry(key)
                        .or_insert_with(|| Template { digits: Vec::new(), ..template.clone() });
                    entry.digits.push(digit);
                }
            }
        }
    }
    found
        .into_values()
        .filter(|template| host_is_amd() || !is_the_implementations(template.code))
        .collect()
}

/// Where the manuals leave bits to the processor: RCP and RSQRT all beyond an error's bound, BEXTR three flags, the
/// dot products which exceptions come of two at once. AMD's are the same here.
fn is_the_implementations(code: Code) -> bool {
    let name = format!("{code:?}");
    ["rcp", "rsqrt", "Bextr", "Vdp"].iter().any(|part| name.contains(part))
}

impl Template {
    fn case(&self, random: &mut Random) -> Case {
        let (bytes, instruction) = loop {
            let number = |random: &mut Random| {
                let most = random.pick(&[3, 8, 16]);
                random.below(most) as u8
            };
            let digit = random.pick(&self.digits);
            let high = if self.digits.len() == 8 { random.next() as u8 & 8 } else { 0 };
            let small = random.below(40) as u8;
            let fields = Fields {
                reg: if random.one_in(2) { digit } else { digit | high },
                vvvv: if random.one_in(2) { 0 } else { number(random) },
                rm: if self.operand == Operand::Memory { 7 } else { number(random) },
                scale: random.below(4) as u8,
                imm: if random.one_in(2) { random.next() as u8 } else { small },
            };
            let bytes = self.bytes(&fields);
            let instruction = decode(&bytes);
            let invalid = instruction.is_invalid() && random.one_in(16);
            if invalid || instruction.code() == self.code && is_tame(&instruction) {
                break (bytes, instruction);
            }
        };
        let mut state = drawn_state(random);
        if instruction.is_vsib() {
            tame_indices(&mut state, &instruction, random);
        }
        if self.operand != Operand::Register && random.one_in(2) {
            // Where there is a mask, it is the register of VEX.vvvv.
            let n = usize::from(!bytes[2] >> 3 & 15);
            (state.xmm[n], state.upper[n]) = (mask(random), mask(random));
        }
        let mut window = core::array::from_fn(|_| half(random));
        if self.code == Code::VEX_Vldmxcsr_m32 {
            // Values that are mostly accepted, never with AMD's MM, which the host has and we have not.
            window = window.map(|half: u64| half & 0x0000_ffff_8000_ffff);
        }
        let offset = offset(random);
        let offset = if random.one_in(3) { offset & !31 } else { offset };
        let bytes = bytes[..instruction.len().min(bytes.len())].to_vec();
        let mut case = Case { bytes, offset, window, state, layout: layout(random) };
        if format!("{:?}", self.code).contains("str") && random.one_in(2) {
            texts(random, &mut case);
        }
        case
    }
}

/// General registers are those that a case has, and memory is at RDI.
fn is_tame(instruction: &Instruction) -> bool {
    (0..instruction.op_count()).all(|i| match instruction.op_kind(i) {
        OpKind::Register => {
            let register = instruction.op_register(i);
            !register.is_gpr()
                || matches!(register.full_register(), Register::RAX | Register::RCX | Register::RDX)
        }
        OpKind::Memory => instruction.memory_base() == Register::RDI,
        _ => true,
    })
}

/// Elements with or without their top bit.
fn mask(random: &mut Random) -> u128 {
    let lane = (0..4).fold(0, |mask, _| mask << 32 | u128::from(random.next() as u32));
    lane & random.pick(&[0, u128::MAX, u128::MAX, (u128::MAX / 0xffff_ffff) << 31])
}

/// Indices that stay on the two pages, and another mask.
fn tame_indices(state: &mut State, instruction: &Instruction, random: &mut Random) {
    let mask_register = instruction.op2_register().number();
    (state.xmm[mask_register], state.upper[mask_register]) = (mask(random), mask(random));
    let wide = instruction.is_vsib64();
    let scale = u64::from(instruction.memory_index_scale());
    let mut lane = || {
        let mut index = || (random.below(80 / scale)).wrapping_sub(40 / scale);
        if wide {
            return u128::from(index()) | u128::from(index()) << 64;
        }
        (0..4).fold(0, |lane, _| lane << 32 | u128::from(index() as u32))
    };
    let n = instruction.memory_index().number();
    (state.xmm[n], state.upper[n]) = (lane(), lane());
}

fn compare(samples: u32, seed: u64) {
    if !is_x86_feature_detected!("avx2") {
        return;
    }
    let _alone = HOST.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    let host = Host::new();
    let mut machine = machine();
    let mut random = Random(seed);
    let (mut report, mut cases, mut differences) = (String::new(), 0, 0);
    for template in templates() {
        let mut wrong = 0;
        for _ in 0..samples {
            let case = template.case(&mut random);
            let native = host.run(&case);
            let cold = [false, true];
            let forms = if case.layout == Layout::Both { &cold[..] } else { &cold[..1] };
            for &warm in forms {
                cases += 1;
                let ours = emulate(&mut machine, &case, warm);
                if native != ours {
                    wrong += 1;
                    if wrong <= 2 {
                        let name = format!("{:?} warm {warm}", template.code);
                        report += &describe(&name, &case, &native, &ours);
                    }
                }
            }
        }
        if wrong > 0 {
            let (code, operand) = (template.code, template.operand);
            report += &format!("\n{code:?} {operand:?}: {wrong} of {samples}");
        }
        differences += wrong;
    }
    eprintln!("{cases} cases, {differences} differences");
    assert!(report.is_empty(), "{report}");
}

#[test]
fn every_vex_instruction_does_what_the_host_does() {
    compare(100, 1);
}
