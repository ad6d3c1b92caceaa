//! What is not compared, and what may differ: data, each row with its reason.

use crate::emulator::model;
use crate::state::{Case, Outcome, State};
use iced_x86::{Code, Instruction, Mnemonic, OpKind, Register};

/// Forms that user mode cannot execute twice with the same answer, or that the operating system takes
/// over.
pub(crate) const EXCLUDED: &[(Mnemonic, &str)] = &[
    (Mnemonic::Rdtsc, "reads the clock"),
    (Mnemonic::Rdtscp, "reads the clock"),
    (Mnemonic::Rdpmc, "whether CR4.PCE is set depends on who measures"),
    (Mnemonic::Rdpid, "reads the number of the host's processor"),
    (Mnemonic::Cpuid, "tells of the host, not of the model"),
    (Mnemonic::Xgetbv, "XCR0 is the host's, with AVX-512"),
    (Mnemonic::Rdrand, "random"),
    (Mnemonic::Rdseed, "random"),
    (Mnemonic::Syscall, "enters the operating system"),
    (Mnemonic::Sysenter, "enters the operating system"),
    (Mnemonic::Vmcall, "enters the hypervisor"),
    (Mnemonic::Vmmcall, "enters the hypervisor"),
    (Mnemonic::Int1, "the hypervisor intercepts #DB and answers with another instruction pointer"),
    (Mnemonic::Sysexit, "KVM intercepts #UD and answers #GP"),
    (Mnemonic::Sysexitq, "KVM intercepts #UD and answers #GP"),
    (Mnemonic::Sgdt, "Linux answers in place of UMIP's fault"),
    (Mnemonic::Sidt, "Linux answers in place of UMIP's fault"),
    (Mnemonic::Sldt, "Linux answers in place of UMIP's fault"),
    (Mnemonic::Str, "Linux answers in place of UMIP's fault"),
    (Mnemonic::Smsw, "Linux answers in place of UMIP's fault"),
];

/// Why a form is not compared.
pub(crate) fn excluded(code: Code) -> Option<&'static str> {
    let mnemonic = code.mnemonic();
    EXCLUDED.iter().find(|row| row.0 == mnemonic).map(|row| row.1)
}

/// True for operands of a form that lead out of the test: system calls, and branches into the
/// instruction itself, which would execute anything.
pub(crate) fn excluded_case(case: &Case, instruction: &Instruction) -> bool {
    if instruction.mnemonic() == Mnemonic::Int && instruction.immediate8() == 0x80 {
        return true;
    }
    let near = matches!(
        instruction.op0_kind(),
        OpKind::NearBranch16 | OpKind::NearBranch32 | OpKind::NearBranch64
    );
    if near {
        let back = instruction.next_ip().wrapping_sub(instruction.near_branch_target()) as u16;
        return (1..=case.code.len() as u16).contains(&back);
    }
    false
}

/// Differences that are accepted: what they are and why. Each row's test makes the same in `host` what it
/// covers; what it does not cover still counts.
const ACCEPTED: &[(&str, Test)] = &[
    ("FXSAVE and XSAVE tell of MXCSR.MM, which is not modelled", mxcsr_mask),
    ("XSAVE of components that the host has beside the model's: AVX-512", other_components),
    ("RCPPS, RSQRTPS: the manuals give a bound, not a value", approximations),
    (
        "x87 transcendentals: correctly rounded here, within one unit in the last place",
        transcendentals,
    ),
    (
        "Zen refuses a non-canonical offset in FS and GS even where the address is canonical",
        offsets,
    ),
    ("which bytes behind an undefined opcode are fetched at the end of a page", undefined_at_end),
    ("#UD or #GP: which an undefined opcode of more than fifteen bytes raises", undefined_too_long),
    (
        "far CALL to compatibility mode: the stack pointer is cut before the push",
        call_out_of_64_bits,
    ),
    ("gathers: in which order elements fault or are trapped is the implementation's", gathers),
    ("LOCK with VERW: the operand is read before #UD", locked_verw),
    ("RF between two iterations of a string instruction that is single-stepped", resume_flag),
];

type Test = fn(&Subject<'_>, &mut Outcome, &Outcome);

/// What a test may look at.
struct Subject<'a> {
    case: &'a Case,
    instruction: &'a Instruction,
    before: State,
}

/// The reason for which the two may differ; what it covers is made the same in `host`.
pub(crate) fn reason(
    case: &Case,
    instruction: &Instruction,
    host: &mut Outcome,
    ours: &Outcome,
) -> Option<&'static str> {
    let subject = Subject { case, instruction, before: case.expand().0 };
    for (reason, test) in ACCEPTED {
        let mut candidate = host.clone();
        test(&subject, &mut candidate, ours);
        if candidate == *ours {
            *host = candidate;
            return Some(reason);
        }
    }
    None
}

fn mxcsr_mask(subject: &Subject<'_>, host: &mut Outcome, ours: &Outcome) {
    const MM: u64 = 1 << (32 + 17);
    let name = format!("{:?}", subject.instruction.mnemonic());
    if !name.starts_with("Fxsave") && !name.starts_with("Xsave") {
        return;
    }
    for (host, ours) in host.memory.iter_mut().zip(&ours.memory) {
        if host.0 == ours.0 && host.1 ^ ours.1 == MM {
            host.1 = ours.1;
        }
    }
}

fn other_components(subject: &Subject<'_>, host: &mut Outcome, ours: &Outcome) {
    let name = format!("{:?}", subject.instruction.mnemonic());
    let asked = subject.before.gpr[0] & 0xe0 != 0;
    if asked && (name.starts_with("Xsave") || name.starts_with("Xrstor")) {
        *host = ours.clone();
    }
}

/// Takes over single precision lanes that are near enough.
fn approximations(subject: &Subject<'_>, host: &mut Outcome, ours: &Outcome) {
    use Mnemonic::*;
    let approximate = matches!(
        subject.instruction.mnemonic(),
        Rcpps | Rcpss | Rsqrtps | Rsqrtss | Vrcpps | Vrcpss | Vrsqrtps | Vrsqrtss
    );
    if !approximate {
        return;
    }
    const XMM: usize = 42;
    let near = |a: u64, b: u64| {
        let lanes = |word: u64| [f32::from_bits(word as u32), f32::from_bits((word >> 32) as u32)];
        // Each within 1.5 * 2^-12 of the exact value.
        let close = |(a, b): (f32, f32)| {
            a.to_bits() == b.to_bits() || (a - b).abs() <= a.abs() * 3.0 / 4096.0
        };
        lanes(a).into_iter().zip(lanes(b)).all(close)
    };
    let mut words = host.state.words();
    let ours = ours.state.words();
    for (host, ours) in words[XMM..].iter_mut().zip(&ours[XMM..]) {
        if near(*host, *ours) {
            *host = *ours;
        }
    }
    host.state = State::from_words(&words);
}

/// Takes over the last place of x87 registers, and C1.
fn transcendentals(subject: &Subject<'_>, host: &mut Outcome, ours: &Outcome) {
    use Mnemonic::*;
    let transcendental = matches!(
        subject.instruction.mnemonic(),
        F2xm1 | Fyl2x | Fyl2xp1 | Fptan | Fpatan | Fsin | Fcos | Fsincos
    );
    if !transcendental {
        return;
    }
    for n in 0..8 {
        let at = 32 + 16 * n;
        let linear = |state: &State| {
            let exponent = state.fx16(at + 8);
            let magnitude =
                u128::from(exponent & 0x7fff) << 63 | u128::from(state.fx64(at) & (u64::MAX >> 1));
            (exponent >> 15, magnitude)
        };
        let (a, b) = (linear(&host.state), linear(&ours.state));
        if a.0 == b.0 && a.1.abs_diff(b.1) <= 1 {
            host.state.fx[at..at + 10].copy_from_slice(&ours.state.fx[at..at + 10]);
        }
    }
    const C1: u8 = 2;
    host.state.fx[3] = host.state.fx[3] & !C1 | ours.state.fx[3] & C1;
}

fn offsets(subject: &Subject<'_>, host: &mut Outcome, ours: &Outcome) {
    let (case, instruction) = (subject.case, subject.instruction);
    let relocated = matches!(instruction.memory_segment(), Register::FS | Register::GS);
    let refused = matches!(host.vector, 12 | 13) && host.error == 0;
    if case.bits != 64 || !relocated || !refused {
        return;
    }
    let operand = (0..instruction.op_count()).find(|&i| {
        !matches!(instruction.op_kind(i), OpKind::Register)
            && instruction.op_kind(i) >= OpKind::MemorySegSI
    });
    let Some(operand) = operand else { return };
    let offset = instruction.virtual_address(operand, 0, |register, _, _| {
        let general = register.full_register();
        let value = match register {
            _ if register.is_segment_register() => 0,
            _ if register.is_gpr() => subject.before.gpr[general.number()],
            _ => return None,
        };
        let keep = u64::MAX >> (64 - 8 * register.size().clamp(1, 8) as u32);
        Some(value & keep)
    });
    let canonical = |address: u64| (address as i64) << 16 >> 16 == address as i64;
    // Of an operand whose size is not known, as of FXSAVE's, any size counts.
    if offset.is_some_and(|offset| !canonical(offset) || !canonical(offset.wrapping_add(1024))) {
        *host = ours.clone();
    }
}

fn undefined_at_end(subject: &Subject<'_>, host: &mut Outcome, ours: &Outcome) {
    let end = usize::from(subject.case.offset) + subject.case.code.len();
    let fetch =
        |outcome: &Outcome| outcome.vector == 6 || (outcome.vector, outcome.error) == (14, 0x14);
    let undefined = subject.instruction.is_invalid() || !model().offers(subject.instruction.code());
    if undefined && end == 0x2000 && fetch(host) && fetch(ours) {
        *host = ours.clone();
    }
}

fn undefined_too_long(subject: &Subject<'_>, host: &mut Outcome, ours: &Outcome) {
    let refused = |outcome: &Outcome| matches!((outcome.vector, outcome.error), (6 | 13, 0));
    let long = subject.case.code.len() >= 15;
    if subject.instruction.is_invalid() && long && refused(host) && refused(ours) {
        *host = ours.clone();
    }
}

fn call_out_of_64_bits(subject: &Subject<'_>, host: &mut Outcome, ours: &Outcome) {
    let far = matches!(subject.instruction.code(), Code::Call_m1616 | Code::Call_m1632);
    let cut = subject.before.gpr[4] >> 32 != 0;
    if subject.case.bits == 64 && far && cut && ours.state.selectors[1] != 0x33 {
        *host = ours.clone();
    }
}

fn gathers(subject: &Subject<'_>, host: &mut Outcome, ours: &Outcome) {
    const BREAKPOINT: u8 = 3;
    let name = format!("{:?}", subject.instruction.mnemonic());
    let interrupted = host.vector != BREAKPOINT || ours.vector != BREAKPOINT;
    if interrupted && (name.starts_with("Vgather") || name.starts_with("Vpgather")) {
        *host = ours.clone();
    }
}

fn locked_verw(subject: &Subject<'_>, host: &mut Outcome, ours: &Outcome) {
    let code = &subject.case.code;
    let group6 = code.windows(3).any(|bytes| bytes[..2] == [0x0f, 0] && bytes[2] >> 3 & 7 == 5);
    if subject.instruction.is_invalid() && group6 && code.contains(&0xf0) && ours.vector == 6 {
        *host = ours.clone();
    }
}

fn resume_flag(subject: &Subject<'_>, host: &mut Outcome, ours: &Outcome) {
    const RF: u64 = 1 << 16;
    const TF: u64 = 1 << 8;
    let flags = subject.before.rflags;
    if subject.instruction.is_string_instruction() && flags & TF != 0 && host.vector == 1 {
        host.state.rflags = host.state.rflags & !RF | ours.state.rflags & RF;
    }
}
