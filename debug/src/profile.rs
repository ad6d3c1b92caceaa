//! The profile of a run as text: the hottest instruction kinds, the hottest code, the slow paths.
//!
//! What the numbers mean: an instruction counts when it retires; of a repeated string instruction each
//! iteration does. So all instructions and the deliveries of interrupts and exceptions add up to the
//! instructions of the run. A share is one of that sum. Code is shown as straight runs: from where a block
//! begins, or behind a conditional branch, to the next branch. Two runs may overlap, where one begins in the
//! middle of another; none is counted twice.
//!
//! Addresses are the instruction pointers under which code was decoded first. Not here: time (a kind that
//! is executed often need not be the one that takes long), call graphs.

use crate::disassembly;
use crate::report::grouped;
use crate::symbols::Symbols;
use core::fmt::Write;
use cpu::{Executed, Profile, Stretch};
use iced_x86::{Code, Mnemonic};
use machine::Machine;
use std::collections::HashMap;

/// Rows of the table of instruction kinds.
const KINDS: usize = 40;
/// Rows of the table of straight runs.
const RUNS: usize = 30;
/// Straight runs whose instructions are listed.
const LISTED: usize = 8;
/// Rows of each table of slow paths.
const SLOW: usize = 15;

/// The profile of a machine that was built with one, in lines, each ended by `\n`; empty without one.
pub fn text(machine: &Machine, symbols: &Symbols) -> String {
    let Some(profile) = machine.cpu().profile() else { return String::new() };
    let mut stretches: Vec<Stretch<'_>> = profile.stretches().collect();
    stretches.sort_by_key(|stretch| (core::cmp::Reverse(retired(stretch)), stretch.rip));
    let sum = Sum::of(profile, &stretches);
    let mut out = sum.head(machine.retired());
    out += &kinds(&stretches, &sum);
    out += &runs(&stretches, &sum, symbols);
    for stretch in stretches.iter().take(LISTED) {
        out += &listing(stretch, symbols);
    }
    out += &slow_paths(&stretches, machine);
    out
}

/// Instructions of a stretch that retired.
fn retired(stretch: &Stretch<'_>) -> u64 {
    stretch.insns.iter().map(all).sum()
}

/// Times an instruction retired, with its iterations.
fn all(insn: &Executed) -> u64 {
    insn.executed + insn.repeated
}

/// What shares are shares of.
struct Sum {
    counted: u64,
    deliveries: u64,
    stretches: usize,
}

impl Sum {
    fn of(profile: &Profile, stretches: &[Stretch<'_>]) -> Self {
        let counted = stretches.iter().map(retired).sum();
        Self { counted, deliveries: profile.deliveries(), stretches: stretches.len() }
    }

    fn head(&self, retired: u64) -> String {
        let uncounted = retired.saturating_sub(self.counted + self.deliveries);
        let uncounted = match uncounted {
            0 => String::new(),
            more => format!(", {} in code beyond what a profile holds", grouped(more)),
        };
        format!(
            "Profile: {} instructions in {} straight runs, {} deliveries{uncounted}\n",
            grouped(self.counted),
            grouped(self.stretches as u64),
            grouped(self.deliveries),
        )
    }

    fn share(&self, count: u64) -> String {
        format!("{:.2} %", count as f64 * 100.0 / (self.counted + self.deliveries).max(1) as f64)
    }
}

/// A kind's counts.
#[derive(Clone, Copy, Default)]
struct Kind {
    retired: u64,
    executed: u64,
    complete: u64,
    dispatched: u64,
}

/// Counts by kind, the kinds as iced-x86 calls them.
fn by_kind(stretches: &[Stretch<'_>]) -> Vec<(u16, Kind)> {
    let mut kinds: HashMap<u16, Kind> = HashMap::new();
    for insn in stretches.iter().flat_map(|stretch| &stretch.insns) {
        let kind = kinds.entry(insn.code).or_default();
        kind.retired += all(insn);
        kind.executed += insn.executed;
        kind.complete += insn.complete;
        kind.dispatched += insn.dispatched;
    }
    kinds.into_iter().collect()
}

/// The first rows of a table, the largest counts first, zeros left out.
fn largest(rows: &mut Vec<(u16, Kind)>, count: impl Fn(&Kind) -> u64, most: usize) {
    rows.retain(|(_, kind)| count(kind) > 0);
    rows.sort_by_key(|(code, kind)| (core::cmp::Reverse(count(kind)), *code));
    rows.truncate(most);
}

fn kinds(stretches: &[Stretch<'_>], sum: &Sum) -> String {
    let mut out = format!("\n{:>16} {:>9}  instruction kind\n", "retired", "share");
    let mut rows = by_kind(stretches);
    largest(&mut rows, |kind| kind.retired, KINDS);
    for (code, kind) in rows {
        let _ = writeln!(
            out,
            "{:>16} {:>9}  {}",
            grouped(kind.retired),
            sum.share(kind.retired),
            name(code)
        );
    }
    out
}

fn runs(stretches: &[Stretch<'_>], sum: &Sum, symbols: &Symbols) -> String {
    let mut out = format!(
        "\n{:>16} {:>9} {:>16} {:>5}  straight run\n",
        "retired", "share", "entered", "insns"
    );
    for stretch in stretches.iter().take(RUNS) {
        let _ = writeln!(
            out,
            "{:>16} {:>9} {:>16} {:>5}  {}",
            grouped(retired(stretch)),
            sum.share(retired(stretch)),
            grouped(stretch.entered),
            stretch.insns.len(),
            symbols.place(stretch.rip),
        );
    }
    out
}

/// A run's instructions, each with how often it retired.
fn listing(stretch: &Stretch<'_>, symbols: &Symbols) -> String {
    let mut out = format!("\n{}:\n", symbols.place(stretch.rip));
    let most = stretch.insns.len();
    let lines = disassembly::disassemble(stretch.bits, stretch.rip, stretch.bytes, most);
    for (insn, line) in stretch.insns.iter().zip(lines) {
        let _ = writeln!(out, "{:>16}  {}", grouped(all(insn)), line.named(symbols));
    }
    out
}

fn slow_paths(stretches: &[Stretch<'_>], machine: &Machine) -> String {
    let all = by_kind(stretches);
    let mut out = format!("\n{:>16} {:>9}  complete forms entered from fast ones\n", "times", "of");
    let mut rows = all.clone();
    largest(&mut rows, |kind| kind.complete, SLOW);
    for (code, kind) in rows {
        let of = kind.complete as f64 * 100.0 / kind.executed.max(1) as f64;
        let times = grouped(kind.complete);
        let _ = writeln!(out, "{times:>16} {:>9}  {}", format!("{of:.3} %"), name(code));
    }
    let _ = writeln!(out, "\n{:>16} {:>9}  dispatcher entered behind", "times", "of");
    let mut rows = all;
    largest(&mut rows, |kind| kind.dispatched, SLOW);
    for (code, kind) in rows {
        let of = kind.dispatched as f64 * 100.0 / kind.executed.max(1) as f64;
        let times = grouped(kind.dispatched);
        let _ = writeln!(out, "{times:>16} {:>9}  {}", format!("{of:.3} %"), name(code));
    }
    out.push('\n');
    let (cache, tlb) = (machine.cpu().cache_stats().rows(), machine.cpu().tlb_stats().rows());
    for (name, count) in cache.into_iter().chain(tlb) {
        let _ = writeln!(out, "{:>16} {:>9}  {name}", grouped(count), "");
    }
    out
}

/// iced-x86's name of an instruction kind.
fn name(code: u16) -> String {
    let code = Code::try_from(usize::from(code)).unwrap_or(Code::INVALID);
    match code.mnemonic() {
        Mnemonic::INVALID => "(no instruction)".to_owned(),
        _ => format!("{code:?}"),
    }
}
