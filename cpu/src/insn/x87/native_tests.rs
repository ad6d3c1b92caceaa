//! The host as the oracle: FRSTOR, one instruction, FNSAVE, in our CPU and natively at the same
//! addresses, from random states with empty and full registers, pending and masked exceptions.
//! Everything FNSAVE shows must agree: registers, words, tags and pointers; and memory and flags.
#![allow(unsafe_code, reason = "only the instructions themselves can be the oracle")]

use crate::float::{Class, F80};
use crate::insn::sse::native_tests::host_is_amd;
use crate::testing::{Machine, Random};
use arch::rflags;
use arch::segment::Selector;
use iced_x86::{Code, Decoder, DecoderOptions};

fn fraction(random: &mut Random) -> u64 {
    let (x, shift) = (random.next(), random.below(64) as u32);
    match random.below(6) {
        0 => 0,
        1 => x,
        2 => x << shift,
        3 => u64::MAX << shift,
        4 => 1 << shift,
        _ => x & 0xffff_ff80_0000_0000,
    }
}

/// Any kind of register contents.
fn f80(random: &mut Random) -> F80 {
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
    let integer = exponent != 0 && random.below(24) != 0 || random.below(16) == 0;
    let significand = fraction(random) >> 1 | (integer as u64) << 63;
    F80 { significand, sign_exponent: sign | exponent }
}

/// Operands of every format at the front of a block of memory.
fn operand(random: &mut Random) -> [u8; AREA] {
    let mut bytes = [0; AREA];
    for chunk in bytes.chunks_exact_mut(8) {
        chunk.copy_from_slice(&random.next().to_le_bytes());
    }
    let sign = random.next() << 63;
    match random.below(5) {
        0 => bytes[..10].copy_from_slice(&f80(random).to_bytes()),
        1 => {
            let exponent = random.pick(&[0, 1, 0x3ff, 0x400, 0x43e, 0x7fe, 0x7ff]);
            let bits = sign | exponent << 52 | fraction(random) >> 12;
            bytes[..8].copy_from_slice(&bits.to_le_bytes());
        }
        2 => {
            let exponent = random.pick(&[0, 1, 0x7f, 0x80, 0x9e, 0xfe, 0xff]);
            let bits = (sign | exponent << 55 | fraction(random) >> 41 << 32) >> 32;
            bytes[..4].copy_from_slice(&(bits as u32).to_le_bytes());
        }
        3 => bytes[..8].copy_from_slice(&fraction(random).to_le_bytes()),
        _ => {
            // BCD; the digits above 9 are undefined.
            for byte in &mut bytes[..9] {
                *byte = random.below(10) as u8 * 16 + random.below(10) as u8;
            }
        }
    }
    bytes
}

/// An image for FRSTOR. With a waiting instruction to follow, no exception may be pending.
fn image(random: &mut Random, waits: bool) -> [u8; 108] {
    let masks = random.pick(&[0x3f, 0x3f, 0x3f, 0, 0x3e, random.0 as u16 & 0x3f]);
    let control = (random.next() as u16) << 8 & 0x1f00 | masks;
    let flags = if waits { masks } else { 0x3f };
    let status = random.next() as u16 & (0xff40 | flags) & random.pick(&[0xffff, 0xff80, 0x3800]);
    let tags = match random.below(4) {
        0 => 0,
        1 => 0xffff,
        _ => (0..8).fold(0, |word: u16, _| word << 2 | random.pick(&[0, 0, 0, 3])),
    };
    let mut image = [0; 108];
    let words = [control, status, tags];
    for (at, word) in [0, 4, 8].into_iter().zip(words) {
        image[at..at + 2].copy_from_slice(&word.to_le_bytes());
    }
    for byte in &mut image[12..28] {
        *byte = random.next() as u8;
    }
    for register in image[28..].chunks_exact_mut(10) {
        register.copy_from_slice(&f80(random).to_bytes());
    }
    image
}

/// Bytes of memory that an instruction may access: as FXSAVE.
const AREA: usize = 512;

/// One instruction in a state.
#[derive(Clone, Copy)]
struct Case {
    image: [u8; 108],
    operand: [u8; AREA],
    flags: u64,
}

/// What is left.
#[derive(Clone, Copy, PartialEq)]
struct Outcome {
    image: [u8; 108],
    operand: [u8; AREA],
    flags: u64,
    rax: u64,
}

impl core::fmt::Debug for Outcome {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        describe(f, &self.image)?;
        write!(
            f,
            "  flags {:#x} rax {:#x} operand {:02x?}",
            self.flags,
            self.rax,
            &self.operand[..32]
        )
    }
}

impl core::fmt::Debug for Case {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        describe(f, &self.image)?;
        write!(f, "  flags {:#x} operand {:02x?}", self.flags, &self.operand[..32])
    }
}

fn describe(f: &mut core::fmt::Formatter<'_>, image: &[u8; 108]) -> core::fmt::Result {
    for (name, field) in
        ["FCW", "FSW", "FTW", "FIP", "FCS/FOP", "FDP", "FDS"].iter().zip(image.chunks_exact(4))
    {
        write!(f, "{name} {:08x} ", u32::from_le_bytes(field.try_into().unwrap()))?;
    }
    writeln!(f)?;
    for (i, register) in image[28..].chunks_exact(10).enumerate() {
        let value = F80::from_bytes(register.try_into().unwrap());
        write!(f, "  st{i} {:04x}:{:016x}", value.sign_exponent, value.significand)?;
    }
    writeln!(f)
}

const SIZE: usize = 0x5000;
const OPERAND: u64 = 0x1000;
const IN: u64 = 0x2000;
const OUT: u64 = 0x3000;
const REST: u64 = 0x4000;
/// Bytes of the code before FRSTOR.
const PROLOGUE: u64 = 4;
/// Flags that instructions may read or write.
const FLAGS: u64 = rflags::STATUS;

unsafe extern "C" {
    fn mmap(addr: *mut u8, len: usize, prot: i32, flags: i32, fd: i32, offset: i64) -> *mut u8;
}

/// Executable memory at an address that our CPU's RAM has too.
struct Native {
    base: u64,
}

impl Native {
    fn new(base: u64) -> Option<Self> {
        const READ_WRITE_EXECUTE: i32 = 7;
        const PRIVATE_ANONYMOUS_FIXED_NOREPLACE: i32 = 0x10_0022;
        // SAFETY: the flags refuse to replace an existing mapping, so no memory of Rust changes.
        let got = unsafe {
            mmap(
                base as *mut u8,
                SIZE,
                READ_WRITE_EXECUTE,
                PRIVATE_ANONYMOUS_FIXED_NOREPLACE,
                -1,
                0,
            )
        };
        (got as u64 == base).then_some(Self { base })
    }

    fn put(&self, at: u64, bytes: &[u8]) {
        assert!(at as usize + bytes.len() <= SIZE);
        // SAFETY: within the mapping made by `new`, which nothing else refers to.
        unsafe {
            core::ptr::copy_nonoverlapping(
                bytes.as_ptr(),
                (self.base + at) as *mut u8,
                bytes.len(),
            );
        }
    }

    fn get<const N: usize>(&self, at: u64) -> [u8; N] {
        assert!(at as usize + N <= SIZE);
        // SAFETY: as for `put`.
        unsafe { ((self.base + at) as *const [u8; N]).read() }
    }

    fn run(&self, case: &Case) -> Outcome {
        self.put(IN, &case.image);
        self.put(OPERAND, &case.operand);
        // SAFETY: the code placed by `set_code` is such a function: it changes RAX and the flags,
        // the x87 unit, which FNSAVE leaves as FNINIT does, and the mapping.
        let function: extern "sysv64" fn(u64) =
            unsafe { core::mem::transmute(self.base as *const u8) };
        function(case.flags);
        Outcome {
            image: self.get(OUT),
            operand: self.get(OPERAND),
            flags: u64::from_le_bytes(self.get(REST)) & FLAGS,
            rax: u64::from_le_bytes(self.get(REST + 8)),
        }
    }
}

/// `xor eax, eax; push rdi; popfq; frstor; instruction; fnsave; pushfq; pop; mov; ret`
fn code_around(base: u64, instruction: &[u8]) -> Vec<u8> {
    let at = |offset: u64| ((base + offset) as u32).to_le_bytes();
    let mut code = vec![0x31, 0xc0, 0x57, 0x9d, 0xdd, 0x24, 0x25];
    code.extend(at(IN));
    code.extend(instruction);
    code.extend([0xdd, 0x34, 0x25]);
    code.extend(at(OUT));
    code.extend([0x9c, 0x8f, 0x04, 0x25]);
    code.extend(at(REST));
    code.extend([0x48, 0x89, 0x04, 0x25]);
    code.extend(at(REST + 8));
    code.push(0xc3);
    code
}

/// The same in our CPU.
struct Ours {
    machine: Machine,
    base: u64,
}

impl Ours {
    fn new(base: u64) -> Self {
        let mut machine = Machine::new(64);
        // The selectors that a Linux process has: they are in FCS and FDS.
        machine.regs.segments.iter_mut().for_each(|s| s.selector = Selector(0));
        machine.regs.segments[1].selector = Selector(0x33);
        machine.regs.segments[2].selector = Selector(0x2b);
        Self { machine, base }
    }

    fn run(&mut self, case: &Case) -> Outcome {
        let (machine, base) = (&mut self.machine, self.base);
        machine.write(base + IN, &case.image);
        machine.write(base + OPERAND, &case.operand);
        machine.regs.rip = base + PROLOGUE;
        machine.regs.rflags = case.flags | rflags::FIXED;
        machine.regs.gpr[0] = 0;
        machine.cpu.set_registers(&machine.regs);
        machine.cpu.x87.init();
        let exit = machine.resume(3);
        assert_eq!((exit, machine.fault()), (crate::Exit::Limit, None));
        Outcome {
            image: machine.read(base + OUT, 108).try_into().unwrap(),
            operand: machine.read(base + OPERAND, AREA).try_into().unwrap(),
            flags: machine.regs.rflags & FLAGS,
            rax: machine.regs.gpr[0],
        }
    }
}

/// All x87 instructions and FXSAVE, FXRSTOR, memory forms with an absolute address; with prefixes,
/// of which only 66h changes anything (the layout of FNSTENV and its kin).
fn instructions(base: u64) -> Vec<(Code, Vec<u8>)> {
    let address = ((base + OPERAND) as u32).to_le_bytes();
    let mut all = Vec::new();
    let mut add = |prefix: &[u8], opcode: &[u8], modrm: u8| {
        let mut bytes = [prefix, opcode, &[modrm]].concat();
        if modrm < 0xc0 {
            bytes.push(0x25);
            bytes.extend(address);
        }
        let code = Decoder::new(64, &bytes, DecoderOptions::NONE).decode().code();
        if code != Code::INVALID {
            all.push((code, bytes));
        }
    };
    let prefixes: [&[u8]; 6] = [&[], &[0x66], &[0x48], &[0xf3, 0x41], &[0xf2, 0x4d], &[0x3e]];
    for prefix in prefixes {
        for opcode in 0xd8..=0xdfu8 {
            let memory = (0..8u8).map(|reg| reg << 3 | 4);
            for modrm in memory.chain(0xc0..=0xff) {
                add(prefix, &[opcode], modrm);
            }
        }
    }
    for prefix in [&[][..], &[0x48]] {
        add(prefix, &[0x0f, 0xae], 0x04);
        add(prefix, &[0x0f, 0xae], 0x0c);
    }
    all
}

/// Instructions that do not look for a pending exception.
fn waits(code: Code) -> bool {
    use Code::*;
    !matches!(
        code,
        Fninit
            | Fnclex
            | Fneni
            | Fndisi
            | Fnsetpm
            | Fnstcw_m2byte
            | Fnstsw_m2byte
            | Fnstsw_AX
            | Fnstenv_m14byte
            | Fnstenv_m28byte
            | Fnsave_m94byte
            | Fnsave_m108byte
            | Fxsave_m512byte
            | Fxsave64_m512byte
            | Fxrstor_m512byte
            | Fxrstor64_m512byte
    )
}

/// Results of these may differ in the last place.
fn is_transcendental(code: Code) -> bool {
    use Code::*;
    matches!(code, F2xm1 | Fyl2x | Fyl2xp1 | Fptan | Fpatan | Fsin | Fcos | Fsincos)
}

/// Takes over what may differ: the last place of registers, and C1.
fn forgive(got: &Outcome, expected: &mut Outcome) {
    for at in (28..108).step_by(10) {
        let value = |image: &[u8]| F80::from_bytes(image[at..at + 10].try_into().unwrap());
        let (a, b) = (value(&got.image), value(&expected.image));
        let linear = |v: F80| {
            (v.abs().sign_exponent as u128) << 63 | (v.significand & (u64::MAX >> 1)) as u128
        };
        let ordinary = !matches!(a.class(), Class::Nan | Class::Unsupported);
        if ordinary && a.sign() == b.sign() && linear(a).abs_diff(linear(b)) <= 1 {
            expected.image[at..at + 10].copy_from_slice(&got.image[at..at + 10]);
        }
    }
    expected.image[5] = expected.image[5] & !2 | got.image[5] & 2;
}

fn compare(base: u64, seed: u64, cases: u32) {
    let Some(native) = Native::new(base) else {
        println!("skipped: {base:#x} cannot be mapped");
        return;
    };
    let mut random = Random(seed);
    let mut failures = 0;
    for (code, bytes) in instructions(base) {
        let mut ours = Ours::new(base);
        let around = code_around(base, &bytes);
        native.put(0, &around);
        ours.machine.write(base, &around);
        let mut here = 0;
        for _ in 0..cases {
            let mut case = Case {
                image: image(&mut random, waits(code)),
                operand: operand(&mut random),
                flags: random.next() & FLAGS,
            };
            if matches!(code, Code::Fxrstor_m512byte | Code::Fxrstor64_m512byte) {
                case.operand[24..28].copy_from_slice(&0x1f80u32.to_le_bytes());
            }
            let got = ours.run(&case);
            let mut expected = native.run(&case);
            // A context switch in between loses FDP and FDS: the kernel's XSAVE writes zeros.
            for _ in 0..3 {
                if got != expected {
                    expected = native.run(&case);
                }
            }
            if matches!(code, Code::Fxsave_m512byte | Code::Fxsave64_m512byte) {
                // MXCSR, in which our own arithmetic sets flags too, MXCSR_MASK and the XMM registers.
                expected.operand[24..32].copy_from_slice(&got.operand[24..32]);
                expected.operand[160..416].copy_from_slice(&got.operand[160..416]);
            }
            if is_transcendental(code) {
                forgive(&got, &mut expected);
            }
            if got != expected {
                here += 1;
                if here <= 2 {
                    println!(
                        "{code:?} {bytes:02x?}\n  case {case:?}\n  host {expected:?}\n  ours {got:?}"
                    );
                }
            }
        }
        if here > 0 {
            println!("{code:?} {bytes:02x?}: {here} of {cases}");
        }
        failures += here;
    }
    assert_eq!(failures, 0);
}

/// Not on Intel's processors, which save the pointers in other circumstances and leave C1 otherwise.
#[test]
fn every_x87_instruction_leaves_the_state_that_the_host_leaves() {
    if !host_is_amd() {
        println!("skipped: the host is no AMD processor");
        return;
    }
    compare(0x10_0000, 1, 200);
}
