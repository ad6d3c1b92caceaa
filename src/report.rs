//! What is said about a run when it has ended: the last line, the summary, counters, the boot report,
//! the story of a triple fault.

mod crash;
mod modes;
mod summary;

pub(crate) use crash::{triple_fault, unimplemented};
pub(crate) use modes::Modes;
pub(crate) use summary::summary;

use crate::outcome::Outcome;
use crate::run::Seen;
use boot::BootPlan;
use machine::{Machine, Milestone};
use std::fmt::Write;
use std::time::Duration;

/// What the command itself measured.
#[derive(Default)]
pub(crate) struct Measures {
    /// Process start to first guest instruction.
    pub(crate) startup: Duration,
    /// Host time in which the guest ran.
    pub(crate) guest: Duration,
    /// Milestones with the host time of the slice's end that brought them.
    seen: Vec<Seen>,
    modes: Option<Modes>,
}

impl Measures {
    /// Keeps the mode switches of a run, for the boot report.
    pub(crate) fn watch_modes(&mut self, machine: &mut Machine) {
        self.modes = Some(Modes::attach(machine));
    }

    /// Notes new milestones.
    pub(crate) fn note(&mut self, milestones: Vec<Milestone>) {
        if milestones.len() == self.seen.len() {
            return;
        }
        let before = std::mem::take(&mut self.seen);
        let host = |milestone: &Milestone| match &*milestone.name {
            "entry" if milestone.instructions == 0 => Duration::ZERO,
            _ => {
                let old = before.iter().find(|(old, _)| old == milestone);
                old.map_or(self.guest, |(_, host)| *host)
            }
        };
        self.seen =
            milestones.into_iter().map(|milestone| (milestone.clone(), host(&milestone))).collect();
    }

    /// Millions of guest instructions in a second of the host's time.
    fn mips(&self, machine: &Machine) -> f64 {
        let seconds = self.guest.as_secs_f64();
        if seconds > 0.0 { machine.retired() as f64 / seconds / 1e6 } else { 0.0 }
    }
}

/// The last line of a run.
pub(crate) fn last_line(
    machine: &Machine,
    outcome: &Outcome,
    measures: &Measures,
    hash: u128,
) -> String {
    let virtual_s = machine.now().ns() as f64 / 1e9;
    let host_s = measures.guest.as_secs_f64();
    format!(
        "bootscope: {}; {} instructions, {virtual_s:.6} s virtual, {host_s:.3} s host, {:.1} MIPS, \
         state {hash:032x}",
        outcome.sentence(),
        machine.retired(),
        measures.mips(machine),
    )
}

/// `--stats`.
pub(crate) fn stats(machine: &Machine) -> String {
    let mut out = String::from("device accesses:\n");
    for (device, count) in machine.device_accesses().into_iter().filter(|(_, count)| *count > 0) {
        let _ = writeln!(out, "  {device:12} {count:>12}");
    }
    let stats = machine.cpu().event_stats();
    let _ = writeln!(out, "interrupts     {:>12}", stats.interrupts);
    out + &exceptions(machine)
}

fn exceptions(machine: &Machine) -> String {
    let mut out = String::new();
    let counts = machine.cpu().event_stats().exceptions;
    for (vector, count) in counts.iter().enumerate().filter(|(_, count)| **count > 0) {
        let _ = writeln!(out, "exception {:4} {count:>12}", crash::vector_name(vector));
    }
    out
}

/// What happened, for somebody who has never seen a PC boot.
pub(crate) fn boot_report(machine: &Machine, plan: &BootPlan<'_>, measures: &Measures) -> String {
    let mut out = String::from("\nBoot report\n");
    let _ = writeln!(out, "  protocol      {}, entry at {:#x}", plan.protocol, plan.entry.rip);
    let _ = writeln!(out, "  milestones");
    for (Milestone { name, instructions, virtual_ns }, _) in &measures.seen {
        let virtual_ms = *virtual_ns as f64 / 1e6;
        let _ =
            writeln!(out, "    {name:14} after {instructions:>9} instructions, {virtual_ms:.3} ms");
    }
    if let Some(modes) = &measures.modes {
        let _ = writeln!(out, "  mode switches");
        for line in modes.lines() {
            let _ = writeln!(out, "    {line}");
        }
    }
    let stats = machine.cpu().event_stats();
    let _ = writeln!(out, "  interrupts    {}", stats.interrupts);
    let faults = stats.exceptions.iter().enumerate().filter(|(_, count)| **count > 0);
    let faults: Vec<String> =
        faults.map(|(vector, count)| format!("{count} {}", crash::vector_name(vector))).collect();
    let faults = if faults.is_empty() { "none".to_owned() } else { faults.join(", ") };
    let _ = writeln!(out, "  faults        {faults}");
    let devices: Vec<String> = machine
        .device_accesses()
        .into_iter()
        .filter(|(_, count)| *count > 0)
        .map(|(device, count)| format!("{count} {device}"))
        .collect();
    let _ = writeln!(out, "  device access {}", devices.join(", "));
    let _ = writeln!(out, "  instructions  {}", machine.retired());
    let _ = writeln!(out, "  virtual time  {:.3} ms", machine.now().ns() as f64 / 1e6);
    let _ = writeln!(out, "  speed         {:.1} MIPS", measures.mips(machine));
    out
}
