//! The host CPU as the oracle: random encodings of every integer instruction, with random operands in
//! registers and memory, in 64-bit and in 32-bit mode. Registers, flags and memory must agree, flags
//! that the manual leaves undefined too, where the host is an AMD processor.
//!
//! Faults are not compared here: what the emulator says faults is not run on the host.
#![allow(unsafe_code, reason = "only the instructions themselves can be the oracle")]

mod host;

use crate::cpu::World;
use crate::decode::lower::lower;
use crate::decode::op::Op;
use crate::decode::table;
use crate::testing::{Machine, Random};
use crate::{Cpu, Exit};
use arch::rflags;
use arch::segment::{SegReg, Selector};
use host::{DATA, DATA_LEN, Host, INSN};
use iced_x86::{
    Code, CpuidFeature, Decoder, DecoderOptions, Instruction, Mnemonic, OpKind, Register,
    RflagsBits,
};
use std::collections::BTreeMap;

/// Values at whose edges carries, signs and shifts turn.
fn value(random: &mut Random) -> u64 {
    let (any, shift) = (random.next(), random.below(64));
    match random.below(8) {
        0 => random.below(20),
        1 => random.below(20).wrapping_neg(),
        2 => u64::MAX << shift,
        3 => (1 << shift) - 1,
        4 => any >> shift,
        5 => 0x8000_8000_8000_8080_u64.rotate_left(8 * shift as u32) ^ any & 1,
        _ => any,
    }
}

/// Somewhere in the data, with room on both sides.
fn address(random: &mut Random) -> u64 {
    u64::from(DATA) + 0x400 + random.below(u64::from(DATA_LEN) - 0x800)
}

/// The families compared, by mnemonic; CMOVcc and SETcc are named by their prefix.
fn covered(code: Code) -> bool {
    use Mnemonic::*;
    #[rustfmt::skip]
    const FAMILIES: &[Mnemonic] = &[
        Add, Adc, Sub, Sbb, Cmp, And, Or, Xor, Test, Inc, Dec, Neg, Not,
        Mov, Movzx, Movsx, Movsxd, Lea, Bswap, Xlatb, Movbe, Movnti, Nop, Pause, Endbr32, Endbr64,
        Cbw, Cwde, Cdqe, Cwd, Cdq, Cqo, Lahf, Sahf, Clc, Stc, Cmc, Cld, Std, Salc,
        Prefetch, Prefetchw, Prefetchnta, Prefetcht0, Prefetcht1, Prefetcht2, Reservednop,
        Xchg, Xadd, Cmpxchg, Cmpxchg8b, Cmpxchg16b,
        Shl, Shr, Sar, Rol, Ror, Rcl, Rcr, Shld, Shrd, Mul, Imul, Div, Idiv,
        Bt, Bts, Btr, Btc, Bsf, Bsr, Popcnt, Lzcnt, Tzcnt, Andn, Bextr, Blsi, Blsmsk, Blsr, Bzhi,
        Pdep, Pext, Rorx, Sarx, Shlx, Shrx, Mulx, Adcx, Adox, Crc32,
        Daa, Das, Aaa, Aas, Aam, Aad,
        Push, Pop, Pusha, Pushad, Popa, Popad, Pushf, Pushfd, Pushfq, Popf, Popfd, Popfq,
        Enter, Leave, Bound,
    ];
    let name = format!("{code:?}");
    // Shadow stacks, and encodings that no model has.
    if ["Setssbsy", "XOP_", "VEX_KNC_", "Cmpxchg486"].iter().any(|other| name.starts_with(other)) {
        return false;
    }
    let other =
        ["_Sreg", "Sreg_", "_cr", "cr_", "_dr", "dr_", "_tr", "tr_", "Popw_", "Popd_", "Popq_"];
    if other.iter().any(|part| name.contains(part)) {
        return false;
    }
    FAMILIES.contains(&code.mnemonic()) || name.starts_with("Cmov") || name.starts_with("Set")
}

/// True if the host has what the instruction needs.
fn host_has(code: Code) -> bool {
    code.cpuid_features().iter().all(|feature| match feature {
        CpuidFeature::BMI1 => is_x86_feature_detected!("bmi1"),
        CpuidFeature::BMI2 => is_x86_feature_detected!("bmi2"),
        CpuidFeature::ADX => is_x86_feature_detected!("adx"),
        CpuidFeature::LZCNT => is_x86_feature_detected!("lzcnt"),
        CpuidFeature::POPCNT => is_x86_feature_detected!("popcnt"),
        CpuidFeature::MOVBE => is_x86_feature_detected!("movbe"),
        CpuidFeature::SSE4_2 => is_x86_feature_detected!("sse4.2"),
        _ => true,
    })
}

/// True on the processors whose undefined flags we follow.
fn host_is_amd() -> bool {
    let leaf = core::arch::x86_64::__cpuid(0);
    (leaf.ebx, leaf.edx, leaf.ecx) == (0x6874_7541, 0x6974_6e65, 0x444d_4163)
}

/// An instruction, and the registers and flags before it.
struct Case {
    code: Vec<u8>,
    instruction: Instruction,
    regs: [u64; 16],
    flags: u64,
}

/// Random bytes that decode to a covered instruction with operands that both sides can reach.
fn case(random: &mut Random, bits: u32, wanted: &mut impl FnMut(Code) -> bool) -> Option<Case> {
    let mut bytes = encoding(random, bits);
    let (mut instruction, offsets) = decode(&bytes, bits)?;
    // iced-x86 takes F3 REX.B 90 for PAUSE; it is XCHG R8, rAX.
    if !wanted(instruction.code()) || instruction.code() == Code::Pause && instruction.len() > 2 {
        return None;
    }
    let mut regs: [u64; 16] = core::array::from_fn(|_| value(random));
    regs[4] = address(random);
    regs[5] = address(random);
    match instruction.mnemonic() {
        Mnemonic::Xlatb if out_of_reach(&instruction) => return None,
        Mnemonic::Xlatb => regs[3] = u64::from(DATA) + 0x400,
        Mnemonic::Enter => bytes[offsets.immediate_offset() + 1] &= 3,
        Mnemonic::Div | Mnemonic::Idiv if random.below(4) != 0 => {
            regs[2] = [0, 0, 1, u64::MAX][random.below(4) as usize];
            regs[0] >>= random.below(64);
        }
        _ => {}
    }
    if (0..instruction.op_count()).any(|i| instruction.op_kind(i) == OpKind::Memory)
        && instruction.mnemonic() != Mnemonic::Xlatb
    {
        aim(random, bits, &instruction, &offsets, &mut bytes, &mut regs)?;
        (instruction, _) = decode(&bytes, bits)?;
    }
    if bits == 32 {
        regs = regs.map(|value| value & 0xffff_ffff);
        regs[8..].fill(0);
    }
    let data = u64::from(DATA)..u64::from(DATA + DATA_LEN);
    if uses_stack(&instruction) && !(data.contains(&regs[4]) && data.contains(&regs[5])) {
        return None;
    }
    bytes.truncate(instruction.len());
    let flags = random.next() & (rflags::STATUS | rflags::DF) | rflags::IF | rflags::FIXED;
    Some(Case { code: bytes, instruction, regs, flags })
}

fn uses_stack(instruction: &Instruction) -> bool {
    instruction.is_stack_instruction() || instruction.mnemonic() == Mnemonic::Leave
}

fn decode(bytes: &[u8], bits: u32) -> Option<(Instruction, iced_x86::ConstantOffsets)> {
    let mut decoder = Decoder::with_ip(bits, bytes, 0, DecoderOptions::NONE);
    let instruction = decoder.decode();
    (instruction.code() != Code::INVALID && covered(instruction.code()))
        .then(|| (instruction, decoder.get_constant_offsets(&instruction)))
}

/// Random bytes that are likely to be an integer instruction.
fn encoding(random: &mut Random, bits: u32) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(24);
    for (prefix, odds) in [(0x66, 3), (0x67, 16), (0xf0, 12), (0xf3, 10), (0xf2, 16)] {
        if random.below(odds) == 0 {
            bytes.push(prefix);
        }
    }
    if bits == 64 && random.below(5) < 3 {
        bytes.push(0x40 | random.below(16) as u8);
    }
    match random.below(8) {
        0..4 => {}
        4..6 => bytes.push(0x0f),
        6 => bytes.extend([0x0f, 0x38, 0xf0 | random.below(8) as u8]),
        _ => {
            // Three-byte VEX, L = 0, without operand or repeat prefix in front.
            bytes.clear();
            let map = 2 + random.below(2) as u8;
            bytes.extend([0xc4, random.next() as u8 & 0xe0 | map]);
            bytes.extend([random.next() as u8 & !4, 0xf0 | random.below(8) as u8]);
        }
    }
    bytes.extend((0..12).map(|_| random.next() as u8));
    bytes
}

/// True if the memory operand has a 16-bit address, or a segment whose base the host chooses.
fn out_of_reach(instruction: &Instruction) -> bool {
    let narrow = |register: Register| register.size() == 2;
    narrow(instruction.memory_base())
        || narrow(instruction.memory_index())
        || matches!(instruction.memory_segment(), Register::FS | Register::GS)
}

/// Makes the memory operand point into the data: by its base register, or by its displacement where
/// it has none.
fn aim(
    random: &mut Random,
    bits: u32,
    instruction: &Instruction,
    offsets: &iced_x86::ConstantOffsets,
    bytes: &mut [u8],
    regs: &mut [u64; 16],
) -> Option<()> {
    let (base, index) = (instruction.memory_base(), instruction.memory_index());
    if out_of_reach(instruction) {
        return None;
    }
    let target = if instruction.code() == Code::Cmpxchg16b_m128 {
        address(random) & !15
    } else {
        address(random)
    };
    let mut rest = target;
    if index != Register::None {
        let value = random.below(0x100);
        regs[index.number()] = value;
        rest = rest.wrapping_sub(value * u64::from(instruction.memory_index_scale()));
    }
    if matches!(base, Register::None | Register::RIP | Register::EIP) {
        let size = offsets.displacement_size();
        if !matches!(size, 4 | 8) {
            return None;
        }
        if base != Register::None {
            rest = rest.wrapping_sub(u64::from(INSN) + instruction.len() as u64);
        }
        let at = offsets.displacement_offset();
        bytes[at..at + size].copy_from_slice(&rest.to_le_bytes()[..size]);
    } else {
        if base == index {
            return None;
        }
        regs[base.number()] = rest.wrapping_sub(instruction.memory_displacement64());
        if base.size() == 4 && bits == 64 {
            let upper = random.next() << 32;
            regs[base.number()] = regs[base.number()] & 0xffff_ffff | upper;
        }
    }
    aim_bit(random, instruction, regs)
}

/// Keeps the bit number of BT and its kin near enough, if it is in a register.
fn aim_bit(random: &mut Random, instruction: &Instruction, regs: &mut [u64; 16]) -> Option<()> {
    let bits = matches!(
        instruction.mnemonic(),
        Mnemonic::Bt | Mnemonic::Bts | Mnemonic::Btr | Mnemonic::Btc
    );
    if !bits || instruction.op1_kind() != OpKind::Register {
        return Some(());
    }
    let register = instruction.op1_register();
    let full = register.full_register();
    if full == instruction.memory_base().full_register()
        || full == instruction.memory_index().full_register()
    {
        return None;
    }
    let number = random.below(0x2000).wrapping_sub(0x1000);
    let keep = u64::MAX >> (64 - 8 * register.size());
    regs[register.number()] = number & keep | random.next() & !keep;
    Some(())
}

/// Ends the two-op block of [`run_alone`].
unsafe fn stop(_cpu: *mut Cpu, _op: *const Op, _last: u64) -> *const Op {
    core::ptr::null()
}

/// Executes an instruction that the model does not offer, by its table row. False on a fault.
fn run_alone(machine: &mut Machine, instruction: &Instruction) -> bool {
    let row = table::row(instruction.code()).expect("every covered instruction has a row");
    let ops = [lower(instruction, row.handler, 0), lower(&Instruction::default(), stop, 1)];
    let cpu = &mut machine.cpu;
    cpu.set_registers(&machine.regs);
    cpu.regs[17] = INSN.into();
    cpu.leave = false;
    cpu.world = World::new(&mut machine.bus, &machine.memory);
    cpu.last_memory = &raw const machine.memory;
    // SAFETY: a block of two ops, alive during the call; the CPU is not otherwise borrowed.
    unsafe { (ops[0].handler)(cpu, &raw const ops[0], 0) };
    cpu.world = World::none();
    machine.regs = cpu.registers();
    cpu.fault.take().is_none()
}

/// The emulator's side. False on a fault.
fn run(machine: &mut Machine, bits: u32, case: &Case) -> bool {
    machine.set_segments(bits, 3);
    let segments = &mut machine.regs.segments;
    // The selectors that Linux gives a program.
    for (register, selector) in [(SegReg::Cs, if bits == 64 { 0x33 } else { 0x23 })]
        .into_iter()
        .chain([(SegReg::Ss, 0x2b), (SegReg::Ds, 0x2b), (SegReg::Es, 0x2b)])
        .chain([(SegReg::Fs, 0), (SegReg::Gs, 0)])
    {
        segments[register as usize].selector = Selector(selector);
    }
    machine.regs.gpr = case.regs;
    machine.regs.rflags = case.flags;
    machine.regs.rip = INSN.into();
    if machine.cpu.model().offers(case.instruction.code()) {
        machine.run(&case.code, 1) == Exit::Limit
            && machine.regs.rip == u64::from(INSN) + case.code.len() as u64
    } else {
        run_alone(machine, &case.instruction)
    }
}

/// Flags to compare: on another maker's host not those that the manual leaves undefined.
fn compared_flags(instruction: &Instruction, amd: bool) -> u64 {
    let undefined = if amd { 0 } else { instruction.rflags_undefined() };
    [
        (RflagsBits::OF, rflags::OF),
        (RflagsBits::SF, rflags::SF),
        (RflagsBits::ZF, rflags::ZF),
        (RflagsBits::AF, rflags::AF),
        (RflagsBits::CF, rflags::CF),
        (RflagsBits::PF, rflags::PF),
    ]
    .into_iter()
    .fold(
        rflags::DEFINED,
        |kept, (bit, flag)| if undefined & bit != 0 { kept & !flag } else { kept },
    )
}

/// Gives both sides the same data, and POPF something that a program may load.
fn prepare(random: &mut Random, host: &Host, machine: &mut Machine, case: &Case) {
    let pops_flags =
        matches!(case.instruction.mnemonic(), Mnemonic::Popf | Mnemonic::Popfd | Mnemonic::Popfq);
    let kept = if pops_flags { !(rflags::TF | rflags::AC | rflags::NT) } else { u64::MAX };
    let value = (value(random) & kept).to_le_bytes();
    let address = case.regs[4] as u32;
    let within = (DATA..=DATA + DATA_LEN - 8).contains(&address);
    let address = if within { address } else { DATA };
    host.place(address, &value);
    machine.write(address.into(), &value);
}

/// Draws `attempts` encodings and compares each instruction up to `most` times; at least `distinct`
/// instructions must turn up, where the host has them all.
fn compare(bits: u32, seed: u64, attempts: u64, most: u32, distinct: usize) {
    let Some(mut host) = Host::new() else {
        println!("not compared: the host refuses a mapping at fixed addresses");
        return;
    };
    let amd = host_is_amd();
    let mut random = Random(seed);
    let mut machine = Machine::new(bits);
    let data: Vec<u8> = (0..DATA_LEN).map(|_| random.next() as u8).collect();
    host.place(DATA, &data);
    machine.write(DATA.into(), &data);
    let mut counts: BTreeMap<Code, u32> = BTreeMap::new();
    let mut failures: BTreeMap<Code, (u32, String)> = BTreeMap::new();
    for _ in 0..attempts {
        let mut wanted = |code| counts.get(&code).is_none_or(|&n| n < most) && host_has(code);
        let Some(case) = case(&mut random, bits, &mut wanted) else { continue };
        prepare(&mut random, &host, &mut machine, &case);
        if !run(&mut machine, bits, &case) {
            machine = Machine::new(bits);
            machine.write(DATA.into(), host.data());
            continue;
        }
        let code = case.instruction.code();
        *counts.entry(code).or_default() += 1;
        let (mut regs, mut flags) = (case.regs, case.flags);
        host.run(bits, &case.code, &mut regs, &mut flags);
        let differs = difference(&case, &machine, &host, &regs, flags, amd);
        if let Some(text) = differs {
            machine.write(DATA.into(), host.data());
            let entry = failures.entry(code).or_insert((0, text));
            entry.0 += 1;
        }
    }
    for (code, (n, text)) in &failures {
        println!("{code:?}: {n} of {}: {text}", counts[code]);
    }
    let all = Code::values().filter(|&code| covered(code)).all(host_has);
    assert!(!all || counts.len() >= distinct, "only {} instructions were compared", counts.len());
    assert!(failures.is_empty(), "{} instructions differ from the host", failures.len());
}

/// What is not as on the host.
fn difference(
    case: &Case,
    machine: &Machine,
    host: &Host,
    regs: &[u64; 16],
    flags: u64,
    amd: bool,
) -> Option<String> {
    let mut text = String::new();
    for (n, (ours, theirs)) in machine.regs.gpr.iter().zip(regs).enumerate() {
        if ours != theirs {
            text += &format!(" r{n} {ours:x} host {theirs:x}");
        }
    }
    let changed = (machine.regs.rflags ^ flags) & compared_flags(&case.instruction, amd);
    if changed != 0 {
        text += &format!(" flags {:x} host {flags:x} differ {changed:x}", machine.regs.rflags);
    }
    if machine.read(DATA.into(), DATA_LEN as usize) != host.data() {
        text += " memory";
    }
    (!text.is_empty())
        .then(|| format!("{:02x?} flags {:x} regs {:x?}:{text}", case.code, case.flags, case.regs))
}

#[test]
fn every_integer_instruction_has_a_row() {
    let without: Vec<_> =
        Code::values().filter(|&code| covered(code) && table::row(code).is_none()).collect();

    assert_eq!(without, []);
}

#[test]
fn integer_instructions_act_as_on_the_host_in_64_bit_mode() {
    compare(64, 1, 6_000_000, 60, 570);
}

#[test]
fn integer_instructions_act_as_on_the_host_in_32_bit_mode() {
    compare(32, 2, 6_000_000, 60, 450);
}
