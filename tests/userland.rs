//! Real programs under Debian's kernel answer what they answer on a real processor: stress-ng with
//! --verify, openssl on each of its paths, CPython's own tests, gcc and what it compiles, 32-bit programs.
//!
//! The jobs are in `guests/userland`, the guest is `initrd-userland.cpio` (`guests/fetch`), and
//! `guests/userland/native.txt` holds what the same jobs said natively (`guests/userland/record`). A job
//! says a line with its status and a checksum of its output; every line must be there and equal.
//!
//! By default the short jobs run. `BOOTSCOPE_USERLAND=all` runs all of them, on every model below: some
//! hundred thousand million instructions, so run it in a release binary:
//! `BOOTSCOPE_USERLAND=all cargo test --release --test userland`. Names of jobs, with commas between,
//! run those; `BOOTSCOPE_USERLAND_CPU` names one model instead of all.

mod runs;

use runs::{boot, guest};
use std::env;

/// What the jobs answered on a real processor.
const NATIVE: &str = include_str!("../guests/userland/native.txt");

/// Jobs of the default run, each group one boot; the groups run side by side.
const QUICK: [&str; 2] =
    ["stress-cpu,stress-vector,ssl-quick,i386-busybox", "python-quick,gcc-quick,i386-quick"];

/// Models that the whole list runs on: without SSSE3 to AVX2, the default, and with everything.
const MODELS: [&str; 3] = ["qemu64", "x86-64-v3", "max"];

/// The line that a job printed natively.
fn native(job: &str) -> &'static str {
    let name = format!("JOB {job} ");
    NATIVE.lines().find(|line| line.starts_with(&name)).unwrap_or_else(|| panic!("no job {job}"))
}

fn every_job() -> Vec<&'static str> {
    let jobs = NATIVE.lines().filter_map(|line| line.strip_prefix("JOB "));
    jobs.map(|line| line.split(' ').next().expect("a name")).collect()
}

/// Runs jobs in one boot and compares; `args` choose the model.
fn assert_same_as_native(name: &str, jobs: &str, args: &[&str]) {
    let Some(kernel) = guest(name, "cloud/vmlinux") else { return };
    let Some(initrd) = guest(name, "initrd-userland.cpio") else { return };
    let append = format!("--append=console=ttyS0 loglevel=1 jobs={jobs}");
    let fixed = [&*kernel, "--initrd", &*initrd, &*append, "-m", "1G", "-q"];
    let limits = ["--max-insns=400G", "--wall-timeout=7200"];

    let boot = boot(name, &[&fixed[..], &limits, args].concat());

    let console = boot.console.replace('\r', "");
    for job in jobs.split(',') {
        let start = format!("JOB {job} ");
        let said = console.lines().find(|line| line.starts_with(&start));
        // Programs for x86-64-v2 and v3 say so and do nothing where the model lacks them.
        if said != Some(&*format!("{start}0 absent")) || args != ["--cpu=qemu64"] {
            assert_eq!(said, Some(native(job)), "{args:?}\n{console}\n{}", boot.said);
        }
    }
    assert!(console.contains("\nJOBS-DONE\n"), "{console}");
    assert_eq!((boot.status, boot.text("stop")), (Some(0), "poweroff"), "{}", boot.said);
    runs::ledger::ran(&format!(
        "userland {jobs} {}: {} instructions",
        args.concat(),
        boot.number("instructions")
    ));
}

fn wanted() -> Option<String> {
    env::var("BOOTSCOPE_USERLAND").ok().filter(|jobs| !jobs.is_empty())
}

#[test]
fn short_jobs_of_stress_ng_and_openssl_answer_as_natively() {
    if wanted().is_none() {
        assert_same_as_native("userland-first", QUICK[0], &[]);
    }
}

#[test]
fn short_jobs_of_python_gcc_and_32_bit_programs_answer_as_natively() {
    if wanted().is_none() {
        assert_same_as_native("userland-second", QUICK[1], &[]);
    }
}

#[test]
fn all_jobs_that_were_asked_for_answer_as_natively_on_every_model() {
    let Some(jobs) = wanted() else { return };
    let jobs = if jobs == "all" { every_job().join(",") } else { jobs };
    let chosen = env::var("BOOTSCOPE_USERLAND_CPU");
    for model in MODELS {
        if chosen.as_ref().is_ok_and(|one| one != model) {
            continue;
        }
        assert_same_as_native("userland-asked", &jobs, &[&format!("--cpu={model}")]);
    }
}
