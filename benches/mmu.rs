//! What memory costs: loads and stores in order, strided, missing the TLB, across pages, aliased;
//! string instructions; and what an operating system does to it and around it: faults, flushes,
//! system calls, interrupts, ports.
//!
//! Elements are instructions, so a rate in Melem/s is MIPS; an iteration under a REP prefix counts
//! as one. The kernels: `guests/asm/src/workloads`.

use crate::guest;
use criterion::{Criterion, criterion_group};

fn mmu(criterion: &mut Criterion) {
    let names = ["sequential", "strided", "chase", "crossing", "aliasing"];
    guest::measure(criterion, "mmu", &names);
}

fn strings(criterion: &mut Criterion) {
    guest::measure(criterion, "strings", &["rep_movs", "rep_stos", "rep_scan"]);
}

fn system(criterion: &mut Criterion) {
    let translations = ["page_faults", "invlpg", "tlb_flush", "cr3_switch"];
    guest::measure(criterion, "system", &translations);
    guest::measure(criterion, "system", &["syscall", "int_iret", "interrupts"]);
    guest::measure(criterion, "system", &["masked_interrupt", "port_io", "string_io"]);
}

criterion_group! {
    name = benches;
    config = guest::short();
    targets = mmu, strings, system
}
