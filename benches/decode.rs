//! What an instruction costs the first time: decoding, building and publishing its block, and
//! running it once. Beside it, the same code when it is decoded already; and code that changes.
//!
//! The code is 400 KiB of short blocks that jump all over it (`guests/asm/src/workloads/code.rs`).
//! Before each cold iteration its bytes are written again from outside, as a DMA would, which drops
//! every block; that the engine drops them then, and not while the clock runs, is not assured, so
//! dropping is in the figure.

use crate::guest;
use criterion::{Criterion, Throughput, criterion_group};
use machine::MachineConfig;
use memory::PhysAddr;
use std::time::{Duration, Instant};

/// Where the workload writes its code, and how much: `CODE`, `SLOTS` and `SLOT_BYTES` there.
const CODE: PhysAddr = PhysAddr(0x200_0000);
const CODE_BYTES: usize = 400 << 10;
/// A little less than one round through the code: no instruction runs twice.
const ROUND: u64 = 70_000;

fn decode(criterion: &mut Criterion) {
    guest::measure(criterion, "decode", &["large_code"]);
    let mut machine = guest::start("large_code", &MachineConfig::default());
    let mut code = vec![0; CODE_BYTES];
    machine.memory().read(CODE, &mut code).expect("the code lies in RAM");

    let mut group = criterion.benchmark_group("decode");
    group.throughput(Throughput::Elements(ROUND));
    group.bench_function("large_code_cold", |bencher| {
        bencher.iter_custom(|iterations| {
            let mut spent = Duration::ZERO;
            for _ in 0..iterations {
                machine.memory().write(CODE, &code).expect("the code lies in RAM");
                let start = Instant::now();
                guest::run(&mut machine, ROUND);
                spent += start.elapsed();
            }
            spent
        });
    });
}

fn smc(criterion: &mut Criterion) {
    guest::measure(criterion, "smc", &["self_modifying", "data_beside_code", "fresh_code"]);
}

criterion_group! {
    name = benches;
    config = guest::short();
    targets = decode, smc
}
