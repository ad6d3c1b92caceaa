//! How fast the engine goes from one instruction to the next: straight code, loops, calls, jumps.
//!
//! Elements are instructions, so a rate in Melem/s is MIPS. The kernels: `guests/asm/src/workloads`.

use criterion::{Criterion, criterion_group, criterion_main};

mod guest;

fn dispatch(criterion: &mut Criterion) {
    guest::measure(
        criterion,
        "dispatch",
        &["mixed", "alu", "branches", "bignum", "calls", "indirect_calls", "switch"],
    );
}

criterion_group! {
    name = benches;
    config = guest::short();
    targets = dispatch
}
criterion_main!(benches);
