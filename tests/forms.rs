//! The engine's forms are the same machine: equal state hash, count and virtual time, whether blocks are
//! threaded, returned from, or every instruction is decoded and run by itself (`--engine step`).
//!
//! Step takes 0.1 us an instruction, so a whole Linux boot is left to the forms that run blocks: tests
//! compare step up to a limit into it, and to a limit in every workload, which between them have every kind
//! of work. In this profile the full-tail form is not sound; `.ci/same-forms` compares it on a whole boot in
//! a release binary.

mod runs;

use bootscope_guests::{kernels, workloads};
use runs::{Boot, Scratch, boot, guest};

fn state(boot: &Boot) -> (&str, &str, u64, u64) {
    let number = |key| boot.number(key);
    (boot.text("stop"), boot.text("state_hash"), number("instructions"), number("virtual_ns"))
}

/// Runs with each form and compares; `name` is the scratch folder's.
#[track_caller]
fn assert_forms_agree(name: &str, kernel: &str, args: &[&str]) {
    let run = |form: &str| boot(name, &[&[kernel, "-q", form], args].concat());
    let best = run("--engine=auto");
    for form in ["--engine=hybrid", "--engine=step"] {
        let other = run(form);
        assert_eq!(state(&other), state(&best), "{form} {kernel}");
        assert_eq!(other.console, best.console, "{form} {kernel}");
    }
}

#[test]
fn every_test_kernel_is_the_same_in_all_forms() {
    let scratch = Scratch::new("forms-kernels");
    for (name, _) in kernels::ALL {
        let kernel = scratch.kernel(name);
        assert_forms_agree(
            "forms-kernels-run",
            &kernel,
            &["--max-insns=300k", "--no-reboot", "-m", "16M"],
        );
    }
}

/// Faults, flushes, aliases, address spaces, interrupts, code that changes: a part of each.
#[test]
fn a_part_of_every_workload_is_the_same_in_all_forms() {
    let scratch = Scratch::new("forms-workloads");
    for workload in workloads::ALL {
        let kernel = scratch.file(workload.name, &workload.kernel(workload.repeat));
        let model = if workload.avx { "--cpu=x86-64-v3" } else { "--cpu=qemu64" };
        assert_forms_agree("forms-workloads-run", &kernel, &["--max-insns=1500k", model]);
    }
}

/// Random bytes in ring 3: code that overwrites itself by other addresses, every fault, every mode.
#[test]
fn random_code_is_the_same_in_all_forms_to_its_end() {
    let scratch = Scratch::new("forms-random");
    let kernel = scratch.kernel("random_code");
    for seed in ["--append=51 1000", "--append=52 1000"] {
        assert_forms_agree("forms-random-run", &kernel, &[seed, "-m", "16M"]);
    }
}

#[test]
fn the_demo_guest_is_the_same_in_all_forms_to_its_end() {
    let scratch = Scratch::new("forms-demo");

    assert_forms_agree("forms-demo-run", &scratch.kernel("demo_pvh"), &[]);
}

#[test]
fn the_beginning_of_linux_is_the_same_in_all_forms() {
    let Some(kernel) = guest("engine forms", "cloud/vmlinux") else { return };
    let args = ["--append=console=ttyS0", "--protocol=pvh", "--max-insns=60M"];

    assert_forms_agree("forms-linux-run", &kernel, &args);
}
