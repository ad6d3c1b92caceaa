//! Compares two ends of a test and says in words what differs.

use crate::accepted;
use crate::generate::form;
use crate::layout::linear;
use crate::state::{Case, End, Outcome, State};
use iced_x86::{Code, Instruction};
use std::collections::BTreeMap;
use std::fmt::Write;

/// First address that Linux does not give to programs: of a page fault there it tells that the page is
/// present, whether or not it is.
const KERNEL: u64 = 0x7fff_ffff_f000;
/// Bit 0 of a page fault's error code.
const PRESENT: u32 = 1;

/// What became of a comparison.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Verdict {
    /// Bit for bit the same.
    Same,
    /// Different for a written reason.
    Accepted(&'static str),
    /// The emulator does not have it yet.
    Unimplemented,
    /// The host did not give an answer: a loop without end, a system call.
    NoAnswer,
    /// Different.
    Different(String),
}

/// Sets what the host's answer says against what the emulator's does.
pub(crate) fn compare(case: &Case, host: &End, ours: &End) -> Verdict {
    match (host, ours) {
        (End::Endless | End::Left, _) => Verdict::NoAnswer,
        (_, End::Unimplemented(_)) => Verdict::Unimplemented,
        (End::Exception(host), End::Exception(ours)) => outcomes(case, host, ours),
        _ => Verdict::Different(format!("host {}, ours {}", name(host), name(ours))),
    }
}

fn name(end: &End) -> String {
    match end {
        End::Exception(outcome) => format!("vector {}", outcome.vector),
        other => format!("{other:?}"),
    }
}

fn outcomes(case: &Case, host: &Outcome, ours: &Outcome) -> Verdict {
    let mut host = host.clone();
    if ours.vector == 14 && ours.cr2 >= KERNEL {
        host.error = host.error & !PRESENT | ours.error & PRESENT;
    }
    let ours = &without_null_selectors(ours);
    if host == *ours {
        return Verdict::Same;
    }
    match accepted::reason(case, &form(case), &mut host, ours) {
        Some(reason) if host == *ours => Verdict::Accepted(reason),
        _ => Verdict::Different(describe(case, &host, ours)),
    }
}

/// Linux returns to the signal handler by IRET, which clears null selectors.
fn without_null_selectors(outcome: &Outcome) -> Outcome {
    let mut outcome = outcome.clone();
    for n in [0, 3, 4, 5] {
        let selector = &mut outcome.state.selectors[n];
        *selector = if *selector < 4 { 0 } else { *selector };
    }
    outcome
}

fn describe(case: &Case, host: &Outcome, ours: &Outcome) -> String {
    let mut text = String::new();
    let mut line = |name: &str, before: u64, host: u64, ours: u64| {
        if host != ours {
            let _ = writeln!(
                text,
                "    {name:8} was {before:#018x} host {host:#018x} ours {ours:#018x}"
            );
        }
    };
    let before = case.expand().0;
    line("vector", 0, host.vector.into(), ours.vector.into());
    line("error", 0, host.error.into(), ours.error.into());
    line("cr2", 0, host.cr2, ours.cr2);
    let words = before.words().into_iter().zip(host.state.words()).zip(ours.state.words());
    for (n, ((before, host), ours)) in words.enumerate() {
        line(&word_name(n), before, host, ours);
    }
    let memory = |outcome: &Outcome| outcome.memory.iter().copied().collect::<BTreeMap<_, _>>();
    let (host, ours) = (memory(host), memory(ours));
    for at in host.keys().chain(ours.keys()).collect::<std::collections::BTreeSet<_>>() {
        if host.get(at) != ours.get(at) {
            let value = |side: &BTreeMap<u16, u64>| {
                side.get(at).map_or("unchanged".into(), |value| format!("{value:#018x}"))
            };
            let address = linear(usize::from(*at) * 8);
            let _ =
                writeln!(text, "    [{address:#x}] host {} ours {}", value(&host), value(&ours));
        }
    }
    text
}

/// The name of a word of a state.
fn word_name(n: usize) -> String {
    const GENERAL: [&str; 16] = [
        "rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12",
        "r13", "r14", "r15",
    ];
    match n {
        0..16 => GENERAL[n].into(),
        16 => "rip".into(),
        17 => "rflags".into(),
        18 => "es-ds".into(),
        19 => "fs gs".into(),
        20 => "fs base".into(),
        21 => "gs base".into(),
        22 => "fcw..fop".into(),
        23 => "fip".into(),
        24 => "fdp".into(),
        25 => "mxcsr".into(),
        26..42 => format!("st{}.{}", (n - 26) / 2, (n - 26) % 2),
        42..74 => format!("xmm{}.{}", (n - 42) / 2, (n - 42) % 2),
        _ => format!("ymm{}.{}", (n - 74) / 2, 2 + (n - 74) % 2),
    }
}

/// The case in words.
pub(crate) fn story(case: &Case) -> String {
    let instruction = form(case);
    let (state, patch) = case.expand();
    let mut text = format!(
        "    {} bits, at {:#x}: {:02x?} {instruction}\n    {case:x?}\n    memory at {:#x}: {:02x?}\n   ",
        case.bits,
        state.rip,
        case.code,
        patch.at,
        &patch.bytes[..patch.bytes.len().min(32)],
    );
    for (n, word) in state.words().into_iter().enumerate().take(26) {
        let _ = write!(text, " {} {word:x}", word_name(n));
    }
    if let Some(line) = vectors(&instruction, &state) {
        text.push_str(&line);
    }
    text.push('\n');
    text
}

/// The vector registers that the instruction names.
fn vectors(instruction: &Instruction, state: &State) -> Option<String> {
    let mut text = String::new();
    for i in 0..instruction.op_count() {
        let register = instruction.op_register(i);
        if register.is_vector_register() {
            let n = register.number() & 15;
            let low = &state.words()[42 + 2 * n..44 + 2 * n];
            let high = &state.words()[74 + 2 * n..76 + 2 * n];
            let _ = write!(text, "\n    {register:?} {low:016x?} {high:016x?}");
        } else if register.is_st() || register.is_mm() {
            for n in 0..8 {
                let words = &state.words()[26 + 2 * n..28 + 2 * n];
                let _ = write!(text, "\n    st{n} {words:016x?}");
            }
        }
    }
    (!text.is_empty()).then_some(text)
}

/// Which group a form is reported under.
pub(crate) fn group(code: Code) -> String {
    if code == Code::INVALID {
        return "invalid".into();
    }
    let features = code.cpuid_features();
    let integer = features.iter().all(|feature| {
        let name = format!("{feature:?}");
        name.starts_with("INTEL") || matches!(&name[..], "X64" | "CMOV" | "MULTIBYTENOP" | "CX8")
    });
    match features.first() {
        _ if integer => "integer and system".into(),
        Some(feature) if format!("{feature:?}").starts_with("FPU") => "x87".into(),
        Some(feature) => format!("{feature:?}").to_lowercase(),
        None => "other".into(),
    }
}

/// Counts by group.
#[derive(Default)]
pub(crate) struct Tally {
    groups: BTreeMap<String, Counts>,
    /// Forms with differences: how many, and the first of them.
    pub(crate) different: BTreeMap<String, (u32, String)>,
    /// Forms that are missing.
    pub(crate) missing: BTreeMap<String, u32>,
    /// Reasons, and how often each was the reason.
    pub(crate) reasons: BTreeMap<&'static str, u32>,
}

#[derive(Default, Clone, Copy)]
struct Counts {
    same: u32,
    accepted: u32,
    unimplemented: u32,
    no_answer: u32,
    different: u32,
}

impl Tally {
    /// Counts one verdict.
    pub(crate) fn add(&mut self, case: &Case, verdict: &Verdict) {
        let code = form(case).code();
        let counts = self.groups.entry(group(code)).or_default();
        match verdict {
            Verdict::Same => counts.same += 1,
            Verdict::Accepted(reason) => {
                counts.accepted += 1;
                *self.reasons.entry(reason).or_default() += 1;
            }
            Verdict::Unimplemented => {
                counts.unimplemented += 1;
                *self.missing.entry(format!("{code:?}")).or_default() += 1;
            }
            Verdict::NoAnswer => counts.no_answer += 1,
            Verdict::Different(text) => {
                counts.different += 1;
                let first = self.different.entry(if code == Code::INVALID {
                    format!("{code:?}/{} {:x} {:02x?}", case.bits, case.offset, case.code)
                } else {
                    format!("{code:?}/{}", case.bits)
                });
                let first = first.or_insert_with(|| (0, story(case) + text));
                first.0 += 1;
            }
        }
    }

    /// How many differ without a reason, or are not implemented.
    pub(crate) fn unexplained(&self) -> u32 {
        self.groups.values().map(|counts| counts.different + counts.unimplemented).sum()
    }

    /// How many are the same to the last bit.
    pub(crate) fn same(&self) -> u32 {
        self.groups.values().map(|counts| counts.same).sum()
    }

    /// The whole count as a table, and the differences.
    pub(crate) fn report(&self) -> String {
        let mut text = format!(
            "{:22} {:>9} {:>9} {:>9} {:>9} {:>9}\n",
            "group", "same", "accepted", "different", "missing", "no answer"
        );
        let mut all = Counts::default();
        let mut row = |name: &str, c: &Counts| {
            let _ = writeln!(
                text,
                "{name:22} {:9} {:9} {:9} {:9} {:9}",
                c.same, c.accepted, c.different, c.unimplemented, c.no_answer
            );
        };
        for (name, counts) in &self.groups {
            row(name, counts);
            all.same += counts.same;
            all.accepted += counts.accepted;
            all.different += counts.different;
            all.unimplemented += counts.unimplemented;
            all.no_answer += counts.no_answer;
        }
        row("all", &all);
        for (reason, count) in &self.reasons {
            let _ = writeln!(text, "accepted {count}: {reason}");
        }
        if !self.missing.is_empty() {
            let _ = writeln!(
                text,
                "{} forms are not implemented: {:?}",
                self.missing.len(),
                self.missing.keys()
            );
        }
        // In full the first of each kind; what differs is the words at the beginning of the lines.
        let mut seen = BTreeMap::<String, u32>::new();
        for (form, (count, first)) in &self.different {
            let what =
                first.lines().filter_map(|line| line.split_once(" host ")).map(|(name, _)| name);
            let what: Vec<&str> = what.filter_map(|name| name.split_whitespace().next()).collect();
            let what = what.join(" ");
            let _ = writeln!(text, "{count} differences in {form}: {what}");
            let mnemonic = form.split('_').next().unwrap_or_default();
            let times = seen.entry(format!("{mnemonic} {what}")).or_default();
            *times += 1;
            if *times <= 1 + 40 * u32::from(std::env::var("SILICON_ONLY").is_ok()) {
                text.push_str(first);
            }
        }
        text
    }
}
