//! What is said about a run when it has ended. The words are `debug`'s; the host's times are ours.

mod summary;

pub(crate) use summary::summary;

use crate::failure::Failure;
use crate::outcome::{Outcome, Reason};
use crate::values::Dump;
use boot::BootPlan;
use debug::report::{Facts, Modes};
use debug::symbols::Symbols;
use debug::{dump, explain};
use machine::{Machine, Milestone};
use memory::PhysAddr;
use std::time::Duration;

/// What the command itself measured.
#[derive(Default)]
pub(crate) struct Measures {
    /// Process start to first guest instruction.
    pub(crate) startup: Duration,
    /// Host time in which the guest ran.
    pub(crate) guest: Duration,
    /// Milestones with the host time at which they were reached: within a slice, in proportion to the
    /// instructions.
    seen: Vec<(Milestone, Duration)>,
    modes: Option<Modes>,
}

impl Measures {
    /// Keeps the mode switches of a booted machine, for the boot report.
    pub(crate) fn watch_modes(&mut self, machine: &mut Machine) {
        let modes = Modes::new(machine.cpu());
        machine.attach_log(modes.sink(), Modes::KINDS);
        self.modes = Some(modes);
    }

    /// The milestones so far, each with the host time in which the guest had run by then.
    pub(crate) fn seen(&self) -> &[(Milestone, Duration)] {
        &self.seen
    }

    /// Notes new milestones after a slice that began at `from` (instructions, host time) and ended at
    /// this count of instructions.
    pub(crate) fn note(&mut self, milestones: Vec<Milestone>, from: (u64, Duration), end: u64) {
        if milestones.len() == self.seen.len() {
            return;
        }
        let before = std::mem::take(&mut self.seen);
        let took = self.guest.saturating_sub(from.1);
        let within = |instructions: u64| {
            let part = instructions.saturating_sub(from.0) as f64 / (end - from.0).max(1) as f64;
            from.1 + took.mul_f64(part.clamp(0.0, 1.0))
        };
        let host = |milestone: &Milestone| match milestone.instructions {
            0 => Duration::ZERO,
            _ => {
                let old = before.iter().find(|(old, _)| old == milestone);
                old.map_or_else(|| within(milestone.instructions), |(_, host)| *host)
            }
        };
        let timed = |milestone: Milestone| {
            let host = host(&milestone);
            (milestone, host)
        };
        self.seen = milestones.into_iter().map(timed).collect();
    }

    /// Everything known about a run that has ended.
    pub(crate) fn facts(
        &self,
        machine: &Machine,
        plan: &BootPlan<'_>,
        outcome: &Outcome,
        hash: u128,
    ) -> Facts {
        Facts {
            stop: outcome.sentence(),
            protocol: plan.protocol.name().to_owned(),
            entry: Some(plan.entry.rip),
            host_ns: nanoseconds(self.guest),
            startup_ns: Some(nanoseconds(self.startup)),
            state_hash: Some(hash),
            switches: self.modes.as_ref().map_or(Vec::new(), Modes::switches),
            ..Facts::of(machine)
        }
    }
}

/// A duration as the summary counts it.
fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

/// The story of a bad end, without the last line end; `None` for a good one.
pub(crate) fn story(machine: &Machine, reason: &Reason, symbols: &Symbols) -> Option<String> {
    let (cpu, memory) = (machine.cpu(), machine.memory());
    let story = match reason {
        Reason::TripleFault => explain::triple_fault(cpu, memory, symbols),
        Reason::Halted => explain::halted(cpu, memory, symbols),
        Reason::Unimplemented(what) => Failure::internal(
            format!("the guest needs what is not emulated: {what}"),
            explain::unimplemented_line(cpu, memory, what, symbols),
            "report it with the kernel's name and these lines",
        )
        .to_string(),
        Reason::GaveUp(interrupt) => {
            let error = format!("the guest gave the boot back to the BIOS by {interrupt}");
            let place = explain::bios_caller_line(cpu, memory);
            let hint = "there is no other device to start from: see what it said before; a firmware \
                        (--bios bios-256k.bin) would try the next disk";
            Failure::usage(error, place, hint).to_string()
        }
        Reason::KernelIgnored => {
            let error = "the firmware boots something else: it has not asked for the kernel";
            let hint =
                "take SeaBIOS or qboot, which know of fw_cfg, or leave out --bios or --kernel";
            Failure::usage(error, "option --bios", hint).to_string()
        }
        _ => return None,
    };
    Some(story.trim_end().to_owned())
}

/// The text of one item of `--dump`.
pub(crate) fn dump(machine: &Machine, item: &Dump) -> String {
    let (cpu, memory) = (machine.cpu(), machine.memory());
    match *item {
        Dump::Regs => dump::registers(&cpu.registers()),
        Dump::Mem { addr, len } => dump::memory(memory, PhysAddr(addr), len),
        Dump::Walk(linear) => dump::walk(cpu, memory, linear),
    }
}
