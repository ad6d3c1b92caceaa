//! Profiled runs are the same runs, and the counts are exact: with the deliveries they add up to the
//! instructions retired, wherever a run is cut.

use super::super::tests::{MIXED, end, mixed, random_machine, uninterrupted};
use super::Stretch;
use crate::cpu::Cpu;
use crate::engine::dispatch::EngineForm;
use crate::run::Config;
use crate::testing::{CODE, Machine};

/// The same machine with a profile.
fn profiled(mut machine: Machine, form: EngineForm) -> Machine {
    machine.cpu = Cpu::new(&Config { form, profile: true, ..Config::default() });
    machine
}

/// What was counted: instructions and deliveries.
fn counted(machine: &Machine) -> u64 {
    let profile = machine.cpu.profile().unwrap();
    profile.executed() + profile.deliveries()
}

#[test]
fn a_profiled_run_ends_as_another_and_its_counts_add_up() {
    let whole = uninterrupted(EngineForm::BEST);
    for form in [EngineForm::BEST, EngineForm::Hybrid, EngineForm::Step] {
        let mut machine = profiled(mixed(form), form);

        machine.run(MIXED, 100_000);

        assert!(end(&machine) == end(&whole), "{form:?}");
        assert_eq!(counted(&machine), machine.cpu.retired(), "{form:?}");
    }
}

#[test]
fn the_counts_of_a_profile_add_up_after_any_instruction() {
    let whole = uninterrupted(EngineForm::BEST).cpu.retired();
    for cut in 0..whole {
        let mut machine = profiled(mixed(EngineForm::BEST), EngineForm::BEST);
        machine.run(MIXED, cut);
        assert_eq!(counted(&machine), cut);
        machine.resume(100_000);
        assert_eq!(counted(&machine), whole, "cut after {cut}");
    }
}

#[test]
fn random_bytes_as_code_are_counted_as_they_retire() {
    for seed in 0..600 {
        let plain = || random_machine(seed, EngineForm::BEST);
        let [mut machine, mut other] = [plain(), profiled(plain(), EngineForm::BEST)];
        for machine in [&mut machine, &mut other] {
            machine.cpu.set_registers(&machine.regs.clone());
            machine.resume(1000);
        }
        assert!(end(&machine) == end(&other), "seed {seed}");
        assert_eq!(counted(&other), other.cpu.retired(), "seed {seed}");
    }
}

#[test]
fn a_profile_counts_what_lies_behind_a_taken_branch_only_when_it_is_reached() {
    let mut machine = profiled(Machine::new(64), EngineForm::BEST);
    // mov ecx, 5; again: inc eax; dec ecx; jnz again; nop; hlt
    machine.run(&[0xb9, 5, 0, 0, 0, 0xff, 0xc0, 0xff, 0xc9, 0x75, 0xfa, 0x90, 0xf4], 100);

    let profile = machine.cpu.profile().unwrap();
    let times = |rip: u64| -> u64 {
        let of = |stretch: Stretch<'_>| {
            let mut at = stretch.rip;
            let lens = instruction_lengths(stretch.bytes);
            let found = lens.zip(&stretch.insns).find_map(|(len, insn)| {
                let here = at == rip;
                at += len;
                here.then_some(insn.executed)
            });
            found.unwrap_or(0)
        };
        profile.stretches().map(of).sum()
    };
    let counts = [0, 5, 7, 9, 11, 12].map(|offset| times(CODE + offset));
    assert_eq!(counts, [1, 5, 5, 5, 1, 1]);
}

fn instruction_lengths(bytes: &[u8]) -> impl Iterator<Item = u64> {
    let decoder = iced_x86::Decoder::new(64, bytes, iced_x86::DecoderOptions::NONE);
    decoder.into_iter().map(|insn| insn.len() as u64).collect::<Vec<_>>().into_iter()
}
