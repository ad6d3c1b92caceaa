//! Hostile input to every door: the bodies of the fuzz targets.
//!
//! | module | what it is fed |
//! |---|---|
//! | [`kernel`] | `boot::inspect`, `boot::plan` by every protocol, `boot::firmware::plan` |
//! | [`payload`] | every unpacker |
//! | [`cpio`] | the writer of initramfs archives |
//! | [`domain`] | XML and S-expressions |
//! | [`names`] | symbol tables, lists of symbols, kallsyms |
//! | [`gdb`] | packets of a debugger |
//! | [`chips`], [`disks`], [`screen`] | devices as plain values: accesses and time |
//! | [`restored`] | the same, in any state that a snapshot may hold |
//! | [`guest`] | a whole board: a program of port, memory and DMA accesses |
//! | [`ring0`] | any bytes as code with all rights: firmware, boot sectors, kernels |
//!
//! A body takes any bytes. It panics only where the emulator has a defect: it asserts what must hold
//! whatever comes in (a refusal has a code and a hint, what is planned lies in RAM, time moves on). So the
//! same body serves cargo-fuzz, which looks for bytes by coverage (`fuzz/fuzz_targets`), and
//! [`Target::run_seeded`], which damages valid inputs with a seeded generator: the short run of each
//! target in `tests/`, and the long ones of `examples/long.rs`.
//!
//! Not here: the values of the command's options, whose parsers are in the command (`src/`).
#![forbid(unsafe_code)]

pub mod chips;
pub mod cpio;
pub mod disks;
pub mod domain;
pub mod gdb;
pub mod guest;
pub mod kernel;
pub mod names;
pub mod payload;
mod program;
pub mod restored;
pub mod ring0;
pub mod screen;
mod stream;
mod timed;

use seeds::{Damage, Random};

pub use stream::Stream;

/// What became of an input.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// It was taken for valid, or ran to its end.
    Accepted,
    /// It was refused in a way that holds the rules.
    Refused,
}

/// Something that is fed.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// Its name, also that of its file in `fuzz/fuzz_targets`.
    pub name: &'static str,
    /// The body.
    pub run: fn(&[u8]) -> Outcome,
    /// Valid inputs to damage.
    pub seeds: fn() -> Vec<Vec<u8>>,
    /// How they are damaged.
    pub damage: Damage,
    /// Inputs of the short run.
    pub inputs: u64,
    /// What a run of damaged inputs must show at least once in twenty: otherwise the damage is too mild or
    /// too harsh to test anything.
    pub shows: &'static [Outcome],
}

/// Every target.
pub const ALL: &[&Target] = &[
    &kernel::TARGET,
    &payload::TARGET,
    &cpio::TARGET,
    &domain::TARGET,
    &names::TARGET,
    &gdb::TARGET,
    &chips::TARGET,
    &restored::TARGET,
    &disks::TARGET,
    &disks::FW_CFG,
    &screen::VGA,
    &screen::I8042,
    &guest::TARGET,
    &ring0::TARGET,
];

/// How many inputs ended how.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct Tally {
    /// [`Outcome::Accepted`].
    pub accepted: u64,
    /// [`Outcome::Refused`].
    pub refused: u64,
}

impl Tally {
    fn count(&mut self, outcome: Outcome) {
        match outcome {
            Outcome::Accepted => self.accepted += 1,
            Outcome::Refused => self.refused += 1,
        }
    }

    /// How often an outcome was seen.
    pub fn of(&self, outcome: Outcome) -> u64 {
        match outcome {
            Outcome::Accepted => self.accepted,
            Outcome::Refused => self.refused,
        }
    }
}

/// Prints the input that panicked.
struct Culprit<'a> {
    target: &'static str,
    number: u64,
    input: &'a [u8],
}

impl Drop for Culprit<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let hex: String = self.input.iter().map(|byte| format!("{byte:02x}")).collect();
            eprintln!("{}: input {} panicked: {hex}", self.target, self.number);
        }
    }
}

impl Target {
    /// Input `number` of the run of a seed: a valid input in its turn, damaged.
    pub fn input(&self, valid: &[Vec<u8>], seed: u64, number: u64) -> Vec<u8> {
        // Each input has its own generator, so that a failure can be repeated alone.
        let mut random = Random(Random(seed ^ number.wrapping_mul(0x9e37)).next() ^ number);
        let Some(other) = valid.get(random.place(valid.len())) else { return random.bytes(64) };
        let mut input = valid[(number % valid.len() as u64) as usize].clone();
        // The valid inputs themselves come first.
        if number >= valid.len() as u64 {
            self.damage.apply(&mut input, other, &mut random);
        }
        input
    }

    /// Runs the body on some damaged inputs, from number `first` on, and tells `after` of each.
    pub fn run_seeded(
        &self,
        seed: u64,
        numbers: core::ops::Range<u64>,
        mut after: impl FnMut(u64, &[u8]),
    ) -> Tally {
        let valid = (self.seeds)();
        let mut tally = Tally::default();
        for number in numbers {
            let input = self.input(&valid, seed, number);
            let culprit = Culprit { target: self.name, number, input: &input };
            tally.count((self.run)(&input));
            drop(culprit);
            after(number, &input);
        }
        tally
    }
}
