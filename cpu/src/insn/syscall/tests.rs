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

/// A machine like an Intel processor, at CPL 0 in 64-bit mode.
fn intel() -> Machine {
    let mut model = crate::features::QEMU64;
    model.vendor = b"GenuineIntel";
    let mut machine = Machine::with_model(64, model);
    machine.regs.efer |= efer::SCE;
    machine.cpu.msrs.star = 0x10 << 48 | 0x08 << 32;
    machine.cpu.msrs.lstar = HANDLERS;
    machine.cpu.msrs.sysenter_cs = 0x38;
    machine.cpu.msrs.sysenter_eip = 0xffff_8000_0000_1000;
    machine.cpu.msrs.sysenter_esp = 0xffff_8000_0000_2000;
    machine
}

#[test]
fn on_intel_sysenter_and_sysexit_work_in_long_mode() {
    let mut machine = intel();
    machine.regs.rflags |= rflags::IF;
    machine.set_segments(64, 3);
    machine.run(&[0x0f, 0x34], 1);
    assert_eq!(
        (machine.regs.rip, machine.regs.gpr[4]),
        (0xffff_8000_0000_1000, 0xffff_8000_0000_2000)
    );
    assert_eq!((machine.cpu.cpl(), machine.regs.rflags, machine.cpu.mode64()), (0, 2, true));
    assert_eq!(
        (machine.regs.segments[1].selector.0, machine.regs.segments[2].selector.0),
        (0x38, 0x40)
    );

    // SYSEXIT with REX.W to 64-bit code, without to 32-bit code.
    for (code, cs, mode64, mask) in [
        (&[0x48, 0x0f, 0x35][..], 0x5b, true, u64::MAX),
        (&[0x0f, 0x35][..], 0x4b, false, 0xffff_ffff),
    ] {
        let mut machine = intel();
        machine.regs.gpr[1] = 0x7fff_1234_5678;
        machine.regs.gpr[2] = 0x6fff_1234_5678;
        machine.run(code, 1);
        assert_eq!(machine.regs.gpr[4], 0x7fff_1234_5678 & mask);
        assert_eq!(machine.regs.rip, 0x6fff_1234_5678 & mask);
        assert_eq!((machine.cpu.cpl(), machine.cpu.mode64()), (3, mode64));
        let selectors = (machine.regs.segments[1].selector.0, machine.regs.segments[2].selector.0);
        assert_eq!(selectors, (cs, cs + 8));
    }
}

#[test]
fn on_intel_sysexit_and_sysret_refuse_non_canonical_addresses_in_the_kernel() {
    for code in [[0x48, 0x0f, 0x35], [0x48, 0x0f, 0x07]] {
        let mut machine = intel();
        machine.regs.gpr[1] = 1 << 47;
        machine.run(&code, 1);
        let record = machine.cpu.recent_faults()[0];
        assert_eq!(
            (record.exception.vector, record.rip, record.cpl),
            (Vector::GP, crate::testing::CODE, 0)
        );
    }
}

#[test]
fn on_intel_syscall_is_undefined_outside_64_bit_mode_and_on_amd_it_works() {
    let mut machine = intel();
    machine.set_segments(32, 3);
    assert_eq!(machine.run_to_fault(&[0x0f, 0x05]), Some(Vector::UD));

    let mut machine = self::machine();
    machine.user(32);
    machine.cpu.msrs.cstar = 0xffff_8000_0000_3000;
    machine.run(&[0x0f, 0x05], 1);
    assert_eq!((machine.regs.rip, machine.cpu.mode64()), (0xffff_8000_0000_3000, true));
}

#[test]
fn sysret_on_amd_leaves_the_hidden_part_of_ss_and_on_intel_makes_it_flat() {
    for (amd, usable) in [(true, false), (false, true)] {
        let mut machine = if amd { machine() } else { intel() };
        machine.set_segments(64, 0);
        machine.regs.segments[2] = Segment::default();
        machine.regs.gpr[1] = 0x2_0000;
        machine.regs.gpr[11] = 2;

        machine.run(&[0x48, 0x0f, 0x07], 1);

        let ss = machine.regs.segments[2];
        assert_eq!((ss.selector.0, ss.dpl(), ss.usable()), (0x1b, 3, usable));
    }
}
