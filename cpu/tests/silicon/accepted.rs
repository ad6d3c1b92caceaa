//! What is not compared, and what may differ: data, each row with its reason.

use crate::emulator::model;
use crate::state::{Case, Outcome, State};
use iced_x86::{Code, Instruction, Mnemonic, OpKind};
use std::sync::OnceLock;

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
    ("XSAVE of components that the host has in use beside these: AVX-512, PKRU", other_components),
    (
        "x87 transcendentals: correctly rounded here, within one unit in the last place",
        transcendentals,
    ),
    ("which bytes behind an undefined opcode are fetched at the end of a page", undefined_at_end),
    ("#UD or #GP: which an undefined opcode of more than fifteen bytes raises", undefined_too_long),
    ("gathers: a step is taken before the fault of an element behind others", gathers),
    ("LOCK with VERW: the operand is read before #UD", locked_verw),
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
    for (reason, test) in ACCEPTED.iter().filter(|row| !is_switched_off(row.0)) {
        let mut candidate = host.clone();
        test(&subject, &mut candidate, ours);
        if candidate == *ours {
            *host = candidate;
            return Some(reason);
        }
    }
    None
}

/// True for the rows that `SILICON_WITHOUT` names by the beginning of their reason, to see what they cover.
fn is_switched_off(reason: &str) -> bool {
    static WITHOUT: OnceLock<Option<String>> = OnceLock::new();
    let without = WITHOUT.get_or_init(|| std::env::var("SILICON_WITHOUT").ok());
    without.as_ref().is_some_and(|without| reason.starts_with(without))
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
    // XSTATE_BV and XCOMP_BV, with bits that the host's XCR0 has.
    let (_, image) = subject.case.expand();
    let named = image.bytes.get(512..528).is_some_and(|header| {
        (header[0] | header[8]) & 0xe0 != 0 || (header[1] | header[9]) & 2 != 0
    });
    if (asked || named) && (name.starts_with("Xsave") || name.starts_with("Xrstor")) {
        *host = ours.clone();
    }
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

fn gathers(subject: &Subject<'_>, host: &mut Outcome, ours: &Outcome) {
    const TF: u64 = 1 << 8;
    let name = format!("{:?}", subject.instruction.mnemonic());
    let stepped =
        subject.before.rflags & TF != 0 && host.vector == 1 && matches!(ours.vector, 12..=14);
    if stepped && (name.starts_with("Vgather") || name.starts_with("Vpgather")) {
        const RF: u64 = 1 << 16;
        (host.vector, host.error, host.cr2) = (ours.vector, ours.error, ours.cr2);
        host.state.rflags = host.state.rflags & !RF | ours.state.rflags & RF;
    }
}

fn locked_verw(subject: &Subject<'_>, host: &mut Outcome, ours: &Outcome) {
    let code = &subject.case.code;
    let group6 = code.windows(3).any(|bytes| bytes[..2] == [0x0f, 0] && bytes[2] >> 3 & 7 == 5);
    if subject.instruction.is_invalid() && group6 && code.contains(&0xf0) && ours.vector == 6 {
        *host = ours.clone();
    }
}
