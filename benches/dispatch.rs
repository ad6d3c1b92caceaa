//! How fast the engine goes from one instruction to the next: straight code, loops, calls, jumps;
//! and what floating point and packed integers cost.
//!
//! Elements are instructions, so a rate in Melem/s is MIPS. The kernels: `guests/asm/src/workloads`.

use criterion::{Criterion, criterion_group, criterion_main};

mod guest;

fn dispatch(criterion: &mut Criterion) {
    let names = ["mixed", "alu", "branches", "bignum", "calls", "indirect_calls", "switch"];
    guest::measure(criterion, "dispatch", &names);
}

fn sse(criterion: &mut Criterion) {
    guest::measure(criterion, "sse", &["sse_integer", "sse_scalar", "sse_packed", "x87"]);
}

criterion_group! {
    name = benches;
    config = guest::short();
    targets = dispatch, sse
}
criterion_main!(benches);
