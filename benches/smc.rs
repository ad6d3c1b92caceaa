//! Code as data: loops that patch themselves, stores near running code, code that runs once.
//!
//! Elements are instructions, so a rate in Melem/s is MIPS. The kernels: `guests/asm/src/workloads`.

use criterion::{Criterion, criterion_group, criterion_main};

mod guest;

fn smc(criterion: &mut Criterion) {
    guest::measure(criterion, "smc", &["self_modifying", "data_beside_code", "fresh_code"]);
}

criterion_group! {
    name = benches;
    config = guest::short();
    targets = smc
}
criterion_main!(benches);
