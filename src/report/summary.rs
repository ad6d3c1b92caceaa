//! `--summary`: the result of a run for programs. The keys are stable.

use super::Measures;
use crate::outcome::Outcome;
use boot::BootPlan;
use machine::{Machine, Milestone};
use serde_json::{Map, Value, json};
use std::time::Duration;

/// The summary.
pub(crate) fn summary(
    machine: &Machine,
    plan: &BootPlan<'_>,
    outcome: &Outcome,
    measures: &Measures,
    hash: u128,
) -> Value {
    let devices: Map<String, Value> = machine
        .device_accesses()
        .into_iter()
        .map(|(device, count)| (device.to_owned(), json!(count)))
        .collect();
    json!({
        "stop": outcome.word(),
        "exit_code": outcome.status(),
        "protocol": plan.protocol.name(),
        "engine": "interp",
        "instructions": machine.retired(),
        "virtual_ns": machine.now().ns(),
        "host_ns": nanoseconds(measures.guest),
        "startup_ns": nanoseconds(measures.startup),
        "mips": (measures.mips(machine) * 1000.0).round() / 1000.0,
        "state_hash": format!("{hash:032x}"),
        "devices": devices,
        "milestones": milestones(measures),
        "version": env!("CARGO_PKG_VERSION"),
    })
}

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

/// Rows of the timeline; `host_ns` is the end of the slice that brought the milestone.
fn milestones(measures: &Measures) -> Vec<Value> {
    let mut before = 0;
    let row = |(milestone, host): &(Milestone, Duration)| {
        let Milestone { name, instructions, virtual_ns } = milestone;
        let delta = instructions.saturating_sub(before);
        before = *instructions;
        json!({
            "name": name,
            "instructions": instructions,
            "delta_instructions": delta,
            "virtual_ns": virtual_ns,
            "host_ns": nanoseconds(*host),
        })
    };
    measures.seen.iter().map(row).collect()
}
