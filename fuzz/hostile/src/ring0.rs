//! Any bytes as code with all rights, in every mode: hostile firmware, option ROMs, boot sectors, kernels.
//!
//! `tests/random_code.rs` of the command does this in ring 3 of a 64-bit kernel that survives it. Here
//! nothing survives for long, so runs are short and many: a byte for the mode, two for the machine, then
//! code. Exceptions go on one byte further. Whatever happens, the machine stops in one of the known ways,
//! and a second run stops alike.

use crate::guest::{config, outcome_of};
use crate::program::{self, Mode};
use crate::{Outcome, Stream, Target};
use machine::Machine;
use seeds::{Damage, Random, code};

/// Mode, configuration, code.
pub const TARGET: Target = Target {
    name: "ring0",
    run,
    seeds,
    damage: Damage { window: usize::MAX, changes: 12, words: code::WORDS },
    inputs: 800,
    shows: &[Outcome::Accepted],
};

/// Instructions of one run.
const INSTRUCTIONS: u64 = 20_000;
/// ROMs come in multiples of this.
const ROM: usize = 0x1_0000;

/// How a run begins.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Start {
    Mode(Mode),
    /// At the reset vector of a ROM of these bytes.
    Rom,
}

const STARTS: [Start; 4] =
    [Start::Mode(Mode::Real), Start::Rom, Start::Mode(Mode::Protected), Start::Mode(Mode::Long)];

/// Programs for each mode.
fn seeds() -> Vec<Vec<u8>> {
    let program = |seed: u64| {
        let configuration = Random(seed).bytes(2);
        [&[seed as u8][..], &configuration, &code::privileged(seed, 400)].concat()
    };
    (0..64).map(program).collect()
}

fn machine(start: Start, bits: u16, code: &[u8]) -> Machine {
    match start {
        Start::Mode(mode) => {
            let rom = vec![0xf4; ROM];
            program::machine(&config(bits, &rom), mode, code)
        }
        Start::Rom => {
            let rom: Vec<u8> = match code {
                [] => vec![0; ROM],
                code => code.iter().copied().cycle().take(ROM).collect(),
            };
            Machine::new(&config(bits | 1, &rom)).expect("a machine of a few MiB")
        }
    }
}

/// Runs the code, often twice.
pub fn run(bytes: &[u8]) -> Outcome {
    let mut stream = Stream::new(bytes);
    let (start, bits) = (STARTS[usize::from(stream.u8() % 4)], stream.u16());
    // A PC without virtual time to speak of: what takes long is not what this looks for.
    let bits = bits & !0x600;
    let code = stream.rest();
    let first = outcome_of(&mut machine(start, bits, code), INSTRUCTIONS);
    if bytes.len().is_multiple_of(4) {
        let again = outcome_of(&mut machine(start, bits, code), INSTRUCTIONS);
        assert_eq!(again, first, "the second run differs");
    }
    Outcome::Accepted
}
