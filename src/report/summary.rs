//! `--summary`: the result of a run for programs. The keys are stable.

use super::{Measures, nanoseconds};
use crate::outcome::Outcome;
use debug::report::Facts;
use machine::Milestone;
use serde_json::{Map, Value, json};
use std::time::Duration;

/// The summary.
pub(crate) fn summary(facts: &Facts, outcome: &Outcome, measures: &Measures) -> Value {
    let devices: Map<String, Value> =
        facts.devices.iter().map(|(device, count)| (device.clone(), json!(count))).collect();
    let counters =
        facts.counters.iter().map(|(name, count)| (name.replace(' ', "_"), json!(count)));
    let counters: Map<String, Value> = counters.collect();
    json!({
        "stop": outcome.word(),
        "exit_code": outcome.status(),
        "protocol": facts.protocol,
        "engine": "interp",
        "instructions": facts.instructions,
        "virtual_ns": facts.virtual_ns,
        "host_ns": facts.host_ns,
        "startup_ns": facts.startup_ns,
        "mips": (facts.mips() * 1000.0).round() / 1000.0,
        "state_hash": facts.state_hash.map(|hash| format!("{hash:032x}")),
        "devices": devices,
        "counters": counters,
        "milestones": milestones(measures),
        "version": env!("CARGO_PKG_VERSION"),
    })
}

/// Rows of the timeline; `host_ns` is the end of the slice that brought the milestone.
fn milestones(measures: &Measures) -> Vec<Value> {
    let mut before = 0;
    let row = |(milestone, host): &(Milestone, Duration)| {
        let Milestone { name, instructions, virtual_ns, accesses } = milestone;
        let delta = instructions.saturating_sub(before);
        before = *instructions;
        json!({
            "name": name,
            "instructions": instructions,
            "delta_instructions": delta,
            "virtual_ns": virtual_ns,
            "host_ns": nanoseconds(*host),
            "accesses": accesses,
        })
    };
    measures.seen.iter().map(row).collect()
}
