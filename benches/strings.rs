//! String instructions with a REP prefix; an iteration counts as an instruction.
//!
//! Elements are instructions, so a rate in Melem/s is MIPS. The kernels: `guests/asm/src/workloads`.

use criterion::{Criterion, criterion_group, criterion_main};

mod guest;

fn strings(criterion: &mut Criterion) {
    guest::measure(criterion, "strings", &["rep_movs", "rep_stos", "rep_scan"]);
}

criterion_group! {
    name = benches;
    config = guest::short();
    targets = strings
}
criterion_main!(benches);
