//! The rules of SDM Vol. 3B, "Debug Exceptions", each in every engine form.

mod code;
mod data;
mod debugger;
mod steps;

use crate::EngineForm;
use crate::testing::*;
use arch::control::cr4;
use arch::debug::{dr6, dr7};
use arch::rflags;

/// Data that tests watch: in the middle of a page of its own.
const DATA: u64 = 0x3_0800;
/// The #DB handler.
const HANDLER: u64 = HANDLERS + 16;

/// What a debug register watches.
#[derive(Clone, Copy)]
pub(super) struct Set {
    at: u64,
    kind: u64,
    len: u64,
}

fn execute(at: u64) -> Set {
    Set { at, kind: dr7::EXECUTE, len: 1 }
}
pub(super) fn write(at: u64, len: u64) -> Set {
    Set { at, kind: dr7::WRITE, len }
}
pub(super) fn access(at: u64, len: u64) -> Set {
    Set { at, kind: dr7::ACCESS, len }
}

/// Fills DR0, DR1 ... and enables them.
pub(super) fn arm(machine: &mut Machine, sets: &[Set]) {
    machine.cpu.dr7 = dr7::FIXED;
    for (n, set) in sets.iter().enumerate() {
        machine.cpu.dr[n] = set.at;
        let len = [1, 2, 8, 4].iter().position(|&len| len == set.len).unwrap() as u64;
        machine.cpu.dr7 |= 2 << (2 * n) | (set.kind | len << 2) << (16 + 4 * n);
    }
    machine.cpu.rearm();
}

fn forms() -> impl Iterator<Item = EngineForm> {
    [EngineForm::FullTail, EngineForm::Hybrid, EngineForm::Step]
        .into_iter()
        .filter(|form| form.is_sound())
}

/// The same test with a fresh machine in every engine form, with and without the code already cached.
fn everywhere(bits: u32, test: impl Fn(&mut Machine)) {
    for form in forms() {
        let mut machine = Machine::with_system_tables(bits);
        machine.cpu.form = form;
        test(&mut machine);
    }
}

/// The conditions that DR6 tells of.
pub(super) fn conditions(machine: &Machine) -> u64 {
    machine.cpu.dr6 ^ dr6::FIXED
}

/// The #DB handler has been entered from this address.
pub(super) fn trapped_at(machine: &Machine) -> Option<u64> {
    (machine.handled() == Some(1)).then(|| machine.stack(0, 8))
}

/// The flags in the frame of a 64-bit handler.
pub(super) fn pushed_flags(machine: &Machine) -> u64 {
    machine.stack(2, 8)
}
