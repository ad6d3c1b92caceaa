//! The boot report: what happened during a run, in numbers and for somebody who has never seen a PC
//! boot.
//!
//! Host times are given by the caller, which has the clock. Not here: JSON (the command writes it).

mod modes;
#[cfg(test)]
mod tests;

pub use modes::{Modes, Switch};

use crate::explain::error_code;
use crate::symbols::Symbols;
use core::fmt::Write;
use machine::{Machine, Milestone};
use std::rc::Rc;

/// The facts of a finished run. [`Facts::of`] takes from the machine what it knows.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Facts {
    /// Why the run stopped, as a sentence without a full stop.
    pub stop: String,
    /// The boot protocol; empty if unknown.
    pub protocol: String,
    /// First instruction pointer of the guest.
    pub entry: Option<u64>,
    /// Instructions retired since the first power-on.
    pub instructions: u64,
    /// Virtual time since the first power-on, nanoseconds.
    pub virtual_ns: u64,
    /// Host time in which the guest ran, nanoseconds.
    pub host_ns: u64,
    /// Host time from process start to the first guest instruction, nanoseconds.
    pub startup_ns: Option<u64>,
    /// Hash of the machine's state; `None` if nobody has computed it.
    pub state_hash: Option<u128>,
    /// Steps of the boot.
    pub milestones: Vec<Milestone>,
    /// Mode switches, if they were watched.
    pub switches: Vec<Switch>,
    /// External interrupts since the last restart.
    pub interrupts: u64,
    /// Exceptions by vector since the last restart.
    pub exceptions: [u64; 32],
    /// Accesses by device.
    pub devices: Vec<(String, u64)>,
    /// Blocks of code decoded, and instructions in them.
    pub decoded: (u64, u64),
    /// The engine's own counters since the last restart, by name: code cache, soft TLB, deliveries.
    pub counters: Vec<(&'static str, u64)>,
    /// RAM in bytes, and how much of it was ever written, by pages.
    pub ram: (u64, u64),
    /// Names for the addresses.
    pub symbols: Rc<Symbols>,
}

impl Facts {
    /// What the machine itself can tell; the caller fills in the rest.
    pub fn of(machine: &Machine) -> Self {
        let (events, cache) = (*machine.cpu().event_stats(), machine.cpu().cache_stats());
        let memory = machine.memory();
        let touched = memory.touched_pages().to_vec().len() as u64;
        Self {
            instructions: machine.retired(),
            virtual_ns: machine.now().ns(),
            milestones: machine.milestones(),
            interrupts: events.interrupts,
            exceptions: events.exceptions,
            devices: machine
                .device_accesses()
                .into_iter()
                .map(|(device, count)| (device.to_owned(), count))
                .collect(),
            decoded: (cache.built, cache.decoded),
            counters: counters(machine),
            ram: (memory.ram().len(), touched * memory::PAGE_SIZE),
            ..Self::default()
        }
    }

    /// Millions of guest instructions in a second of the host's time; 0 if none has passed.
    pub fn mips(&self) -> f64 {
        if self.host_ns == 0 { 0.0 } else { self.instructions as f64 * 1e3 / self.host_ns as f64 }
    }
}

/// What the engine counts on its slow paths.
fn counters(machine: &Machine) -> Vec<(&'static str, u64)> {
    let events = machine.cpu().event_stats();
    let mut rows = machine.cpu().cache_stats().rows();
    rows.extend(machine.cpu().tlb_stats().rows());
    rows.extend([
        ("interrupts", events.interrupts),
        ("non-maskable interrupts", events.nmis),
        ("software interrupts", events.software),
        ("exceptions", events.exceptions.iter().sum()),
    ]);
    rows
}

/// The last line of a run: why it stopped, instructions, virtual time, host time, MIPS, state hash.
pub fn last_line(facts: &Facts) -> String {
    let hash = facts.state_hash.map_or(String::new(), |hash| format!(", state {hash:032x}"));
    format!(
        "bootscope: {}; {} instructions, {:.6} s virtual, {:.3} s host, {:.1} MIPS{hash}",
        facts.stop,
        facts.instructions,
        facts.virtual_ns as f64 / 1e9,
        facts.host_ns as f64 / 1e9,
        facts.mips(),
    )
}

/// The boot report, in lines, each ended by `\n`.
pub fn boot(facts: &Facts) -> String {
    let mut out = String::from("Boot report\n");
    let mut row = |name: &str, text: &str| {
        // Writing to a string does not fail.
        let _ = writeln!(out, "  {name:<14}{text}");
    };
    let place = |at| facts.symbols.place(at);
    let entry = facts.entry.map_or(String::new(), |entry| format!(", entry at {}", place(entry)));
    if !facts.protocol.is_empty() {
        row("protocol", &format!("{}{entry}", facts.protocol));
    }
    for (number, line) in milestone_lines(facts).iter().enumerate() {
        row(if number == 0 { "milestones" } else { "" }, line);
    }
    for (number, switch) in facts.switches.iter().enumerate() {
        let text = format!("{switch}{}", facts.symbols.suffix(switch.rip));
        row(if number == 0 { "mode switches" } else { "" }, &text);
    }
    row("interrupts", &grouped(facts.interrupts));
    row("faults", &listed(&exceptions(&facts.exceptions)));
    row("devices", &listed(&devices(facts)));
    let (blocks, decoded) = facts.decoded;
    row(
        "code",
        &format!("{} instructions decoded, in {} blocks", grouped(decoded), grouped(blocks)),
    );
    let (ram, touched) = facts.ram;
    row("memory", &format!("{} KiB of {} KiB written", grouped(touched >> 10), grouped(ram >> 10)));
    row("instructions", &grouped(facts.instructions));
    row("virtual time", &milliseconds(facts.virtual_ns));
    let startup = facts.startup_ns.map_or(String::new(), |ns| {
        format!(", after {} to the first instruction", milliseconds(ns))
    });
    row("host time", &format!("{}{startup}", milliseconds(facts.host_ns)));
    row("speed", &format!("{:.1} MIPS", facts.mips()));
    if let Some(hash) = facts.state_hash {
        row("state", &format!("{hash:032x}"));
    }
    row("ended", &facts.stop);
    out
}

/// Counters of a run (`--stats`), in lines, each ended by `\n`. Those of the engine are all there, a zero
/// being an answer too; exceptions and devices only where there were any.
pub fn stats(facts: &Facts) -> String {
    let mut out = String::new();
    let mut row = |name: &str, count: u64| {
        let _ = writeln!(out, "{name:<32}{:>16}", grouped(count));
    };
    row("instructions", facts.instructions);
    for (name, count) in &facts.counters {
        row(name, *count);
    }
    for (name, count) in exception_counts(&facts.exceptions) {
        row(&format!("exception {name}"), count);
    }
    for (device, count) in facts.devices.iter().filter(|(_, count)| *count > 0) {
        row(&format!("accesses {device}"), *count);
    }
    row("bytes of RAM written", facts.ram.1);
    out
}

fn milestone_lines(facts: &Facts) -> Vec<String> {
    let line = |milestone: &Milestone| {
        format!(
            "{:<14}after {:>14} instructions, {:>14}",
            milestone.name,
            grouped(milestone.instructions),
            milliseconds(milestone.virtual_ns),
        )
    };
    facts.milestones.iter().map(line).collect()
}

fn exception_counts(counts: &[u64; 32]) -> Vec<(String, u64)> {
    let counts = (0u8..).zip(counts).filter(|(_, count)| **count > 0);
    counts.map(|(vector, count)| (error_code::vector(vector), *count)).collect()
}

fn exceptions(counts: &[u64; 32]) -> Vec<String> {
    let counts = exception_counts(counts).into_iter();
    counts.map(|(name, count)| format!("{} {name}", grouped(count))).collect()
}

fn devices(facts: &Facts) -> Vec<String> {
    let used = facts.devices.iter().filter(|(_, count)| *count > 0);
    used.map(|(device, count)| format!("{device} {}", grouped(*count))).collect()
}

fn listed(items: &[String]) -> String {
    if items.is_empty() { "none".to_owned() } else { items.join(", ") }
}

fn milliseconds(ns: u64) -> String {
    format!("{}.{:03} ms", grouped(ns / 1_000_000), ns / 1000 % 1000)
}

/// A number with its thousands apart: `12,345,678`.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() * 4 / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}
