//! Floating point and packed integers.
//!
//! Elements are instructions, so a rate in Melem/s is MIPS. The kernels: `guests/asm/src/workloads`.

use criterion::{Criterion, criterion_group, criterion_main};

mod guest;

fn sse(criterion: &mut Criterion) {
    guest::measure(criterion, "sse", &["sse_integer", "sse_scalar", "sse_packed", "x87"]);
}

criterion_group! {
    name = benches;
    config = guest::short();
    targets = sse
}
criterion_main!(benches);
