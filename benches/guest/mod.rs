//! A workload of `guests/asm` in a machine, past its set-up: what the benches run by the instruction.

use boot::{Blob, Protocol, Request};
use bootscope_guests::workloads;
use criterion::{Criterion, Throughput};
use machine::{Machine, MachineConfig, Stop};
use std::hint::black_box;
use std::time::Duration;

/// Instructions of one iteration: long against what a call of `Machine::run` costs, short enough
/// for the slowest workloads.
pub(crate) const SLICE: u64 = 100_000;

/// Settings that keep a whole bench under a minute.
pub(crate) fn short() -> Criterion {
    Criterion::default()
        .sample_size(10)
        .warm_up_time(Duration::from_millis(200))
        .measurement_time(Duration::from_secs(1))
}

/// A machine at the entry of a workload that repeats so often.
fn machine(name: &str, repeat: u32, config: &MachineConfig) -> Machine {
    let workload = workloads::find(name).expect("a workload of this name");
    let bytes = workload.kernel(repeat);
    let kernel = Blob { name: name.to_owned(), bytes };
    let platform = config.platform();
    let request = Request {
        protocol: Some(Protocol::Pvh),
        ..Request::new(&kernel, config.ram_bytes, &platform)
    };
    let plan = boot::plan(&request).expect("the workload can be booted");
    let mut machine = Machine::new(config).expect("a machine of 512 MiB");
    machine.boot(&plan).expect("the plan fits");
    machine
}

/// A machine in the middle of the workload: without repetitions, it would have ended.
pub(crate) fn start(name: &str, config: &MachineConfig) -> Machine {
    let mut idle = machine(name, 0, config);
    assert_eq!(idle.run(u64::MAX), Stop::PowerOff, "{name} without repetitions");
    let mut busy = machine(name, u32::MAX, config);
    run(&mut busy, idle.retired());
    busy
}

/// Runs so many instructions of the workload.
pub(crate) fn run(machine: &mut Machine, instructions: u64) {
    let limit = machine.retired() + instructions;
    assert_eq!(machine.run(black_box(limit)), Stop::Slice, "the workload came to its end");
}

/// Measures workloads in instructions per second.
pub(crate) fn measure(criterion: &mut Criterion, group: &str, names: &[&str]) {
    let mut group = criterion.benchmark_group(group);
    group.throughput(Throughput::Elements(SLICE));
    for name in names {
        let mut machine = start(name, &MachineConfig::default());
        group.bench_function(*name, |bencher| bencher.iter(|| run(&mut machine, SLICE)));
    }
}
