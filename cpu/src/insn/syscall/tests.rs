//! SYSCALL and its kin by AMD's rules.

use super::*;
use crate::testing::*;
use arch::exception::Vector;

fn machine() -> Machine {
    let mut machine = Machine::with_system_tables(64);
    machine.user(64);
    machine.regs.efer |= efer::SCE;
    machine.cpu.msrs.star = 0x10 << 48 | 0x08 << 32;
    machine.cpu.msrs.lstar = HANDLERS;
    machine.cpu.msrs.fmask = rflags::IF | rflags::DF;
    machine
}

#[test]
fn syscall_saves_rip_and_flags_and_masks_them() {
    let mut machine = machine();
    machine.regs.rflags |= rflags::IF | rflags::CF;

    machine.run(&[0x0f, 0x05], 1);

    let flags = rflags::IF | rflags::CF | 2;
    assert_eq!((machine.regs.gpr[1], machine.regs.gpr[11]), (crate::testing::CODE + 2, flags));
    assert_eq!((machine.regs.rip, machine.regs.rflags), (HANDLERS, rflags::CF | 2));
    assert_eq!((machine.cpu.cpl(), machine.regs.segments[1].selector.0), (0, 8));
    assert_eq!(machine.regs.segments[2].selector.0, 0x10);
    assert_eq!(machine.regs.gpr[4], STACK);
}

#[test]
fn syscall_without_sce_and_sysenter_in_long_mode_are_undefined() {
    for (sce, code) in [(0, [0x0f, 0x05]), (efer::SCE, [0x0f, 0x34]), (efer::SCE, [0x0f, 0x35])] {
        let mut machine = machine();
        machine.regs.efer = machine.regs.efer & !efer::SCE | sce;
        machine.run(&code, 1);
        assert_eq!(machine.fault().unwrap().vector, Vector::UD, "{code:x?}");
    }
}

#[test]
fn sysret_to_a_non_canonical_address_faults_in_the_program() {
    let mut machine = machine();
    machine.set_segments(64, 0);
    machine.regs.gpr[1] = 1 << 47;
    machine.regs.gpr[11] = 2;

    machine.run(&[0x48, 0x0f, 0x07], 3);

    let record = machine.cpu.recent_faults()[0];
    assert_eq!((record.exception.vector, record.rip, record.cpl), (Vector::GP, 1 << 47, 3));
    assert_eq!((machine.handled(), machine.stack(2, 8)), (Some(13), 0x23));
}

#[test]
fn sysret_at_cpl_3_is_refused() {
    let mut machine = machine();
    machine.run(&[0x48, 0x0f, 0x07], 1);
    assert_eq!(machine.fault().unwrap().vector, Vector::GP);
}
