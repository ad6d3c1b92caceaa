//! VEX conditions: when the instructions exist, and that the upper half is cleared.

use crate::Exit;
use crate::features::X86_64_V3;
use crate::testing::{CODE, Machine};
use arch::control::{cr0, cr4, xcr0};
use arch::exception::Vector;

/// `VPXOR xmm1, xmm2, xmm3`.
const VPXOR: [u8; 4] = [0xc5, 0xe9, 0xef, 0xcb];

fn machine(enabled: u64) -> Machine {
    let mut machine = Machine::with_model(64, X86_64_V3);
    machine.regs.cr4 |= cr4::OSXSAVE;
    let mut extended = machine.cpu.extended();
    extended.xcr0 = enabled;
    extended.ymm = core::array::from_fn(|n| [n as u128; 2]);
    machine.cpu.set_extended(&extended);
    machine
}

#[test]
fn a_vex_128_instruction_clears_the_upper_half() {
    let mut machine = machine(xcr0::X87 | xcr0::SSE | xcr0::AVX);

    assert_eq!(machine.run(&VPXOR, 1), Exit::Limit);

    assert_eq!(machine.regs.rip, CODE + 4);
    assert_eq!(machine.cpu.extended().ymm[1], [2 ^ 3, 0]);
}

#[test]
fn vex_needs_osxsave_and_the_avx_state_in_xcr0_and_then_no_task_switch() {
    let mut without_state = machine(xcr0::X87 | xcr0::SSE);
    assert_eq!(without_state.run_to_fault(&VPXOR), Some(Vector::UD));

    let mut without_osxsave = machine(xcr0::X87 | xcr0::SSE | xcr0::AVX);
    without_osxsave.regs.cr4 &= !cr4::OSXSAVE;
    assert_eq!(without_osxsave.run_to_fault(&VPXOR), Some(Vector::UD));

    let mut switched = machine(xcr0::X87 | xcr0::SSE | xcr0::AVX);
    switched.regs.cr0 |= cr0::TS;
    assert_eq!(switched.run_to_fault(&VPXOR), Some(Vector::NM));
}
