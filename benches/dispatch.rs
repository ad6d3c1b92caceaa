//! How fast the engine goes from one instruction to the next: straight code, loops, calls, jumps;
//! what each form of the engine makes of them; and what floating point and packed integers cost.
//!
//! Elements are instructions, so a rate in Melem/s is MIPS. The kernels: `guests/asm/src/workloads`.

use crate::guest;
use cpu::EngineForm;
use criterion::{Criterion, Throughput, criterion_group};
use machine::MachineConfig;

fn dispatch(criterion: &mut Criterion) {
    let loops = ["mixed", "alu", "branches", "sieve", "crc", "bignum", "divide", "atomics"];
    guest::measure(criterion, "dispatch", &loops);
    guest::measure(criterion, "dispatch", &["calls", "indirect_calls", "switch"]);
}

/// The same loop in each form of the engine that is sound here, and under a profile.
fn forms(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("forms");
    group.throughput(Throughput::Elements(guest::SLICE));
    let plain = MachineConfig::default();
    let form = |engine| MachineConfig { engine, ..plain.clone() };
    let configs = [
        ("tail", form(EngineForm::FullTail)),
        ("hybrid", form(EngineForm::Hybrid)),
        ("step", form(EngineForm::Step)),
        ("profile", MachineConfig { profile: true, ..plain.clone() }),
    ];
    for (name, config) in configs.iter().filter(|(_, config)| config.engine.is_sound()) {
        let mut machine = guest::start("mixed", config);
        group.bench_function(*name, |bencher| {
            bencher.iter(|| guest::run(&mut machine, guest::SLICE));
        });
    }
}

fn sse(criterion: &mut Criterion) {
    guest::measure(
        criterion,
        "sse",
        &["sse_integer", "sse_scalar", "sse_packed", "x87", "x87_double"],
    );
    guest::measure(criterion, "avx", &["avx_scalar", "avx_packed", "avx_fma"]);
}

criterion_group! {
    name = benches;
    config = guest::short();
    targets = dispatch, forms, sse
}
