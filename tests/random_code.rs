//! Random bytes executed in ring 3 cannot stop the emulator: the test kernel `random_code` runs to its
//! end, whatever the bytes are, in 64-, 32- and 16-bit code, with paging on and under a timer.
//!
//! This profile has overflow checks and assertions, so that an arithmetic slip ends in a failure (so no
//! `--release`, which has neither). A few ten million instructions run by default;
//! `BOOTSCOPE_RANDOM_INSNS=1000000000` runs that many, with
//! seeds from `BOOTSCOPE_RANDOM_SEED` (hexadecimal) upwards. A failure's message has the seed:
//! `bootscope KERNEL --append "SEED 10000" -m 16M` repeats the run, and
//! `cargo run -p bootscope-guests -- random_code KERNEL` writes the kernel.

mod runs;

use runs::{Boot, Scratch, answers, boot};
use std::env;

/// Events of one run: some 15 million instructions, most of them in loops that the timer ends.
const EVENTS: u32 = 0x1_0000;
const INSTRUCTIONS: u64 = 30_000_000;

fn number(variable: &str, radix: u32) -> Option<u64> {
    let text = env::var(variable).ok()?;
    Some(u64::from_str_radix(&text, radix).unwrap_or_else(|_| panic!("{variable} is a number")))
}

fn run_seed(kernel: &str, seed: u64, args: &[&str]) -> Boot {
    let append = format!("--append={seed:x} {EVENTS:x}");
    let name = format!("random-{seed:x}{}", args.concat());
    let fixed = [kernel, &append, "-m", "16M", "-q", "--max-insns=400M"];
    boot(&name, &[&fixed[..], args].concat())
}

#[track_caller]
fn assert_survived(seed: u64, run: &Boot) {
    let told = format!("seed {seed:x}\n{}\n{}", run.console, run.said);
    assert!(run.console.ends_with("RANDOM OK\n"), "{told}");
    assert_eq!((run.status, run.text("stop")), (Some(0), "poweroff"), "{told}");
    // #DB, #UD, #GP, #PF, the timer, a breakpoint: no run of this length is without them.
    for vector in ["001", "006", "00d", "00e", "020", "103"] {
        assert_eq!(answers(&run.console, vector).len(), 1, "vector {vector}: {told}");
    }
}

/// Runs seeds until they have executed so many instructions together.
fn survive(args: &[&str], first: u64, instructions: u64) {
    let scratch = Scratch::new(&format!("random-kernel{}", args.concat()));
    let kernel = scratch.kernel("random_code");
    let (mut seed, mut done, mut events) = (first, 0, 0);
    while done < instructions {
        let run = run_seed(&kernel, seed, args);
        assert_survived(seed, &run);
        done += run.number("instructions");
        events += u64::from(EVENTS);
        seed += 1;
    }
    runs::ledger::ran(&format!(
        "random code{}: {done} instructions, {events} events, seeds {first:x} to {:x}",
        args.concat(),
        seed - 1
    ));
}

#[test]
fn random_bytes_in_ring_3_cannot_stop_the_default_processor() {
    let first = number("BOOTSCOPE_RANDOM_SEED", 16).unwrap_or(1);

    survive(&[], first, number("BOOTSCOPE_RANDOM_INSNS", 10).unwrap_or(INSTRUCTIONS));
}

#[test]
fn random_bytes_in_ring_3_cannot_stop_a_processor_with_everything() {
    let first = number("BOOTSCOPE_RANDOM_SEED", 16).unwrap_or(0x1_0001);
    let instructions = number("BOOTSCOPE_RANDOM_INSNS", 10).unwrap_or(INSTRUCTIONS);

    survive(&["--cpu=max"], first, instructions);
}
