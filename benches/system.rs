//! What an operating system asks for: faults, flushes, system calls, interrupts, ports.
//!
//! Elements are instructions, so a rate in Melem/s is MIPS. The kernels: `guests/asm/src/workloads`.

use criterion::{Criterion, criterion_group, criterion_main};

mod guest;

fn system(criterion: &mut Criterion) {
    guest::measure(
        criterion,
        "system",
        &[
            "page_faults",
            "invlpg",
            "tlb_flush",
            "cr3_switch",
            "syscall",
            "int_iret",
            "interrupts",
            "port_io",
        ],
    );
}

criterion_group! {
    name = benches;
    config = guest::short();
    targets = system
}
criterion_main!(benches);
