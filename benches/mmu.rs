//! What loads and stores cost: in order, strided, missing the TLB, across pages, aliased.
//!
//! Elements are instructions, so a rate in Melem/s is MIPS. The kernels: `guests/asm/src/workloads`.

use criterion::{Criterion, criterion_group, criterion_main};

mod guest;

fn mmu(criterion: &mut Criterion) {
    guest::measure(criterion, "mmu", &["sequential", "strided", "chase", "crossing", "aliasing"]);
}

criterion_group! {
    name = benches;
    config = guest::short();
    targets = mmu
}
criterion_main!(benches);
