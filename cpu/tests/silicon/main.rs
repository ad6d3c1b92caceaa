//! The processor itself as the judge: random instructions in random states, on silicon and in the emulator,
//! with everything compared that a program can see: registers, flags, x87, MXCSR, YMM, memory, and the
//! exception with its vector, error code and CR2.
//!
//! | file | what |
//! |---|---|
//! | `generate.rs` | draws instructions and states: every form of the model, and raw bytes |
//! | `encoding.rs` | draws the bytes of an instruction |
//! | `state.rs` | a state, and how a stored case is expanded to it |
//! | `contents.rs` | draws what registers and memory hold |
//! | `layout.rs` | where pages and segments lie, on both sides |
//! | `native.rs` | one instruction on the host, by a forged signal frame; `native/child.rs` is the process that does it |
//! | `emulator.rs` | the same in the emulator |
//! | `compare.rs` | what differs, in words and figures |
//! | `accepted.rs` | what is not compared and what may differ, with reasons |
//! | `stored.rs` | the format of the stored answers |
//! | `edges.rs` | which fault comes first where random states seldom lead; how long undefined opcodes are |
//! | `exhaustive.rs` | all inputs of the 8-bit operations |
//! | `coverage.rs` | every form of every feature is executed, or listed with a reason |
//!
//! `vectors-zen5.bin` holds answers of an AMD Zen 5, replayed in process on every host. To record them
//! anew, on an AMD host (after a change of the generator, of the state's expansion or of the model):
//!
//! ```text
//! SILICON_RECORD=$PWD/cpu/tests/silicon/vectors-zen5.bin \
//!     cargo test --release -p bootscope-cpu --test silicon -- recorded --nocapture
//! ```
//!
//! The live test draws fresh states on an x86-64 Linux host; the environment says how many, from which
//! seed, and of which forms (the beginning of iced-x86's name of the `Code`, or `INVALID`):
//!
//! ```text
//! SILICON_COUNT=1000000 SILICON_SEED=42 SILICON_ONLY=Fadd \
//!     cargo test --release -p bootscope-cpu --test silicon -- live --nocapture
//! ```
//!
//! `SILICON_WITHOUT` takes a row away from the accepted differences: the beginning of its reason.
//!
//! Not covered: what `accepted::EXCLUDED` lists; CPL 0, real mode, virtual-8086 mode, gates; AVX-512,
//! which no model has.

mod accepted;
mod compare;
mod contents;
mod coverage;
mod edges;
mod emulator;
mod encoding;
mod exhaustive;
mod generate;
mod layout;
#[cfg(all(target_arch = "x86_64", target_os = "linux"))]
mod live;
#[cfg(all(target_arch = "x86_64", target_os = "linux"))]
mod native;
mod state;
mod stored;

use compare::{Tally, compare};
use coverage::NOT_MODELLED;
use emulator::Emulator;
use iced_x86::Code;
use state::End;

/// Answers of an AMD Zen 5.
const ZEN5: &[u8] = include_bytes!("vectors-zen5.bin");

#[test]
fn stored_answers_of_silicon_are_the_emulators() {
    let (processor, vectors) = stored::unpack(ZEN5).expect("stored vectors of this version");
    let mut emulator = Emulator::new();
    let mut tally = Tally::default();
    let mut forms = std::collections::BTreeSet::new();

    for (case, answer) in &vectors {
        let ours = emulator.run(case);
        tally.add(case, &compare(case, &End::Exception(Box::new(answer.clone())), &ours));
        forms.insert((case.bits, generate::form(case).code() as u32));
    }

    println!("{} answers of {processor}, of {} forms", vectors.len(), forms.len());
    println!("{}", tally.report());
    let drawn = [64, 32, 16]
        .map(|bits| generate::forms(bits).into_iter().map(move |code| (bits as u8, code)));
    let without: Vec<_> = drawn
        .into_iter()
        .flatten()
        .filter(|&(bits, code)| !forms.contains(&(bits, code as u32)))
        .collect();
    let unexplained = |&(_, code): &(u8, Code)| NOT_MODELLED.iter().all(|row| row.0 != code);
    let without: Vec<_> = without.into_iter().filter(unexplained).collect();
    assert!(without.is_empty(), "{} forms without an answer: {without:?}", without.len());
    assert!(vectors.len() >= 50_000);
    assert_eq!(tally.unexplained(), 0);
    assert!(tally.same() as usize > 9 * vectors.len() / 10, "{} are the same", tally.same());
}
