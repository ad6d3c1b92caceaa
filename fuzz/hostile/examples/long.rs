//! A long run of a target: `long TARGET INPUTS [SEED]`, or `long TARGET FILE` for one input. Prints how
//! inputs ended and which took longest; an input that panics is printed as hexadecimal bytes.
//! `long TARGET --seeds DIRECTORY` writes the valid inputs, as a corpus for cargo-fuzz. See
//! `docs/fuzzing.md`.

use hostile::{ALL, Outcome};
use std::process::ExitCode;
use std::time::{Duration, Instant};

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let target = words.first().and_then(|name| ALL.iter().find(|target| target.name == name));
    let (Some(target), Some(what)) = (target, words.get(1)) else {
        let names: Vec<&str> = ALL.iter().map(|target| target.name).collect();
        eprintln!("long TARGET INPUTS [SEED], or long TARGET FILE; targets: {}", names.join(" "));
        return ExitCode::from(2);
    };
    if let ("--seeds", Some(directory)) = (&**what, words.get(2)) {
        for (number, seed) in (target.seeds)().iter().enumerate() {
            std::fs::write(format!("{directory}/seed-{number}"), seed).expect("a directory");
        }
        return ExitCode::SUCCESS;
    }
    if let Ok(file) = std::fs::read(what) {
        println!("{:?}", (target.run)(&file));
        return ExitCode::SUCCESS;
    }
    let Ok(inputs) = what.parse::<u64>() else {
        eprintln!("{what} is neither a file nor a number");
        return ExitCode::from(2);
    };
    let seed = words.get(2).and_then(|seed| seed.parse().ok()).unwrap_or(1);
    let start = Instant::now();
    let (mut last, mut slowest) = (start, (Duration::ZERO, 0, 0));
    let tally = target.run_seeded(seed, 0..inputs, |number, input| {
        let now = Instant::now();
        slowest = slowest.max((now - last, number, input.len()));
        last = now;
    });
    let (took, number, len) = slowest;
    let count = |outcome| tally.of(outcome);
    println!(
        "{}: seed {seed}, {} accepted, {} refused in {:.1} s; input {number} ({len} bytes) took {:.1} ms",
        target.name,
        count(Outcome::Accepted),
        count(Outcome::Refused),
        (last - start).as_secs_f64(),
        took.as_secs_f64() * 1e3,
    );
    ExitCode::SUCCESS
}
