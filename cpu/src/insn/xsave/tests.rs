//! What a program cannot show on the host: control bits, privilege, faults, modes, PKRU.

use crate::features::{MAX, Model, QEMU64, feature};
use crate::insn::xsave::{compacted_bytes, standard_bytes};
use crate::testing::{CODE, Machine};
use arch::control::{cr0, cr4, xcr0};
use arch::exception::Vector;

const AREA: u64 = 0x2_0000;
const ALL: u64 = xcr0::X87 | xcr0::SSE | xcr0::AVX | xcr0::PKRU;

/// `0F C7 /n` or `0F AE /n` on [rcx], with REX.W.
fn on_area(opcode: u8, n: u8) -> [u8; 4] {
    [0x48, 0x0f, opcode, n << 3 | 1]
}

const XSAVE: (u8, u8) = (0xae, 4);
const XRSTOR: (u8, u8) = (0xae, 5);
const XSAVEC: (u8, u8) = (0xc7, 4);
const XSAVES: (u8, u8) = (0xc7, 5);
const XRSTORS: (u8, u8) = (0xc7, 3);
const XGETBV: [u8; 3] = [0x0f, 0x01, 0xd0];
const XSETBV: [u8; 3] = [0x0f, 0x01, 0xd1];

/// All components enabled, all asked for, the area full of CCh but for its header.
fn machine(model: Model) -> Machine {
    let mut machine = Machine::with_model(64, model);
    machine.regs.cr4 |= cr4::OSXSAVE | cr4::PKE;
    machine.regs.gpr[0] = 0xffff_ffff;
    machine.regs.gpr[1] = AREA;
    machine.regs.gpr[2] = 0xffff_ffff;
    machine.cpu.xcr0 = ALL;
    machine.write(AREA, &[0xcc; 1024]);
    machine.write(AREA + 512, &[0; 64]);
    machine
}

fn word(machine: &Machine, at: u64) -> u64 {
    u64::from_le_bytes(machine.read(AREA + at, 8).try_into().unwrap())
}

#[test]
fn all_need_osxsave_and_a_clear_ts() {
    for (opcode, n) in [XSAVE, XRSTOR, XSAVEC, XSAVES, XRSTORS] {
        let mut off = machine(MAX);
        off.regs.cr4 &= !cr4::OSXSAVE;
        assert_eq!(off.run_to_fault(&on_area(opcode, n)), Some(Vector::UD));
        let mut switched = machine(MAX);
        switched.regs.cr0 |= cr0::TS;
        assert_eq!(switched.run_to_fault(&on_area(opcode, n)), Some(Vector::NM));
        let mut misaligned = machine(MAX);
        misaligned.regs.gpr[1] += 16;
        assert_eq!(misaligned.run_to_fault(&on_area(opcode, n)), Some(Vector::GP));
    }
    let mut off = machine(MAX);
    off.regs.cr4 &= !cr4::OSXSAVE;
    off.regs.gpr[1] = 0;
    assert_eq!(off.run_to_fault(&XGETBV), Some(Vector::UD));
}

#[test]
fn the_supervisor_forms_need_level_0_and_the_compacted_format() {
    for (opcode, n) in [XSAVES, XRSTORS] {
        let mut user = machine(MAX);
        user.set_segments(64, 3);
        assert_eq!(user.run_to_fault(&on_area(opcode, n)), Some(Vector::GP));
    }
    let (opcode, n) = XRSTORS;
    assert_eq!(machine(MAX).run_to_fault(&on_area(opcode, n)), Some(Vector::GP), "standard form");
}

#[test]
fn pkru_is_saved_restored_and_set_back_to_zero() {
    let mut saved = machine(MAX);
    saved.cpu.pkru = 0x5555_5554;
    let code = [on_area(XSAVE.0, XSAVE.1), on_area(XRSTOR.0, XRSTOR.1)].concat();
    saved.run(&code, 1);
    assert_eq!((saved.fault(), word(&saved, 832)), (None, 0x5555_5554));
    assert_eq!(word(&saved, 512) & xcr0::PKRU, xcr0::PKRU);
    saved.cpu.pkru = 0;
    saved.resume(1);
    assert_eq!((saved.fault(), saved.cpu.pkru), (None, 0x5555_5554));

    let mut cleared = machine(MAX);
    cleared.cpu.pkru = 4;
    cleared.write(AREA + 24, &0x1f80u32.to_le_bytes());
    cleared.run(&on_area(XRSTOR.0, XRSTOR.1), 1);
    assert_eq!((cleared.fault(), cleared.cpu.pkru), (None, 0));
}

#[test]
fn compacted_components_follow_the_header_without_gaps() {
    let mut machine = machine(MAX);
    machine.cpu.pkru = 8;
    machine.regs.gpr[0] = (xcr0::X87 | xcr0::PKRU) as u32 as u64;
    machine.run(&on_area(XSAVES.0, XSAVES.1), 1);
    assert_eq!(machine.fault(), None);
    assert_eq!(word(&machine, 520), 1 << 63 | xcr0::X87 | xcr0::PKRU);
    assert_eq!(word(&machine, 576), 8);
    assert_eq!((standard_bytes(ALL), compacted_bytes(ALL)), (840, 840));
    assert_eq!((standard_bytes(3 | xcr0::PKRU), compacted_bytes(3 | xcr0::PKRU)), (840, 584));
    assert_eq!((standard_bytes(3), compacted_bytes(7)), (576, 832));
}

#[test]
fn what_xsaves_saved_xrstors_restores() {
    let mut machine = machine(MAX);
    machine.cpu.sse.xmm = core::array::from_fn(|n| n as u128 + 1);
    machine.cpu.sse.upper = core::array::from_fn(|n| !(n as u128));
    machine.cpu.sse.mxcsr = 0x1fa1;
    let code = [on_area(XSAVES.0, XSAVES.1), on_area(XRSTORS.0, XRSTORS.1)].concat();
    machine.run(&code, 1);
    let before = (machine.cpu.sse.clone(), machine.cpu.x87.clone());
    machine.cpu.sse = Default::default();
    machine.cpu.x87.init();
    machine.resume(1);
    assert_eq!(machine.fault(), None);
    assert!((&machine.cpu.sse, &machine.cpu.x87) == (&before.0, &before.1));
}

#[test]
fn xsetbv_refuses_what_cannot_be() {
    let set = |index: u64, value: u64, cpl: u16| {
        let mut machine = machine(MAX);
        machine.regs.gpr[1] = index;
        machine.regs.gpr[0] = value;
        machine.regs.gpr[2] = 0;
        machine.set_segments(64, cpl);
        machine.run(&XSETBV, 1);
        (machine.fault().map(|fault| fault.vector), machine.cpu.xcr0)
    };
    assert_eq!(set(0, ALL, 0), (None, ALL));
    assert_eq!(set(0, 1, 0), (None, 1));
    for (index, value, cpl) in
        [(0, 0, 0), (0, 5, 0), (0, 9, 0), (0, 0x10001, 0), (1, 1, 0), (0, 1, 3)]
    {
        assert_eq!(set(index, value, cpl).0, Some(Vector::GP), "{index} {value:#x} {cpl}");
    }
    let mut model = MAX;
    model.remove(feature("avx").unwrap());
    assert_eq!(model.xcr0_mask(), ALL & !xcr0::AVX);
    assert_eq!(QEMU64.xcr0_mask(), 0);
}

#[test]
fn an_area_that_ends_in_a_missing_page_is_not_touched() {
    let mut machine = machine(MAX);
    let at = AREA + 0x1000 - 640;
    machine.write(at, &[0xcc; 640]);
    machine.map(AREA + 0x1000, 0);
    machine.cpu.sse.upper[15] = 1;
    machine.regs.gpr[1] = at & !63;
    machine.run(&on_area(XSAVEC.0, XSAVEC.1), 1);
    // The last byte is tried before the rest: x87, SSE, AVX and PKRU.
    let last = at + 576 + 256 + 8 - 1;
    assert_eq!(
        machine.fault().map(|fault| (fault.vector, fault.address)),
        Some((Vector::PF, last))
    );
    assert_eq!(machine.read(at, 640), [0xcc; 640]);
}

#[test]
fn rdpkru_and_wrpkru_want_zero_in_ecx_and_the_control_bit() {
    let (rdpkru, wrpkru) = ([0x0f, 0x01, 0xee], [0x0f, 0x01, 0xef]);
    for code in [rdpkru, wrpkru] {
        assert_eq!(machine(MAX).run_to_fault(&code), Some(Vector::GP), "rcx is not 0");
        let mut off = machine(MAX);
        off.regs.cr4 &= !cr4::PKE;
        assert_eq!(off.run_to_fault(&code), Some(Vector::UD));
    }
    let mut good = machine(MAX);
    (good.regs.gpr[0], good.regs.gpr[1], good.regs.gpr[2]) = (0x30, 0, 0);
    good.run(&[&wrpkru[..], &rdpkru].concat(), 2);
    assert_eq!((good.regs.gpr[0], good.regs.rip), (0x30, CODE + 6));
}

/// Seen on Zen 5 in compatibility mode.
#[test]
fn outside_64_bit_mode_registers_8_to_15_stay_but_count_as_in_use() {
    let mut machine = Machine::with_model(32, MAX);
    machine.regs.cr4 |= cr4::OSXSAVE;
    machine.regs.gpr[0] = 6;
    machine.regs.gpr[1] = AREA;
    machine.cpu.xcr0 = 7;
    machine.write(AREA, &[0xcc; 1024]);
    machine.write(AREA + 512, &[0; 64]);
    machine.cpu.sse.xmm[9] = 1;
    machine.cpu.sse.upper[15] = 2;
    let (xsave, xrstor) = ([0x0f, 0xae, 0x21], [0x0f, 0xae, 0x29]);
    machine.run(&[xsave, xrstor].concat(), 1);
    assert_eq!((machine.fault(), word(&machine, 512)), (None, 6));
    for (from, to, value) in [(160, 288, 0), (288, 512, 0xcc), (576, 704, 0), (704, 832, 0xcc)] {
        assert_eq!(
            machine.read(AREA + from, (to - from) as usize),
            vec![value; (to - from) as usize]
        );
    }
    machine.cpu.sse.xmm[0] = 3;
    machine.resume(1);
    assert_eq!((machine.cpu.sse.xmm[0], machine.cpu.sse.xmm[9]), (0, 1));
    assert_eq!(machine.cpu.sse.upper[15], 2);
}

/// Zen 5: the standard form needs room for all components asked for, whichever are there; the compacted form for
/// those that are loaded.
#[test]
fn xrstor_touches_the_end_of_the_standard_form_and_loaded_components_alone_of_the_compacted_one() {
    for (xcomp_bv, expected) in [(0, Some(Vector::PF)), (1 << 63 | 7, None)] {
        let mut machine = machine(MAX);
        machine.regs.gpr[1] = AREA + 0x1000 - 576;
        machine.regs.gpr[0] = 7;
        machine.write(AREA + 0x1000 - 64, &[0; 64]);
        machine.write(AREA + 0x1000 - 56, &u64::to_le_bytes(xcomp_bv));
        machine.write(AREA + 0x1000 - 576 + 24, &[0x80, 0x1f, 0, 0]);
        machine.map(AREA + 0x1000, 0);

        assert_eq!(machine.run_to_fault(&on_area(XRSTOR.0, XRSTOR.1)), expected);
        assert_eq!(machine.regs.cr2, if xcomp_bv == 0 { AREA + 0x10ff } else { 0 });
    }
}
