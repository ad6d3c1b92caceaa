//! Control registers, system segments, queries, MSRs: what is refused, and how.

use super::*;
use crate::run::Exit;
use crate::testing::*;
use arch::control::*;
use arch::debug::{dr6, dr7};
use arch::exception::Vector;
use arch::paging::pte;
use arch::segment::*;

/// Vector and error code of the first exception.
type Raised = Option<(Vector, u32)>;

fn raised(machine: &Machine) -> Raised {
    machine.fault().map(|fault| (fault.vector, fault.error_code))
}

/// Runs an instruction with RAX as given.
fn with_rax(bits: u32, rax: u64, code: &[u8]) -> Raised {
    let mut machine = Machine::with_system_tables(bits);
    machine.regs.gpr[0] = rax;
    machine.run(code, 1);
    raised(&machine)
}

const GP0: Raised = Some((Vector::GP, 0));
const UD: Raised = Some((Vector::UD, 0));

#[test]
fn control_registers_refuse_what_the_manual_reserves() {
    let (cr0, cr3, cr4) = ([0x0f, 0x22, 0xc0], [0x0f, 0x22, 0xd8], [0x0f, 0x22, 0xe0]);
    let on = cr0::PE | cr0::PG | cr0::ET;
    let cases: &[(u64, &[u8], Raised)] = &[
        (on, &cr0, None),
        (cr0::PG, &cr0, GP0),
        (on | cr0::NW, &cr0, GP0),
        (on | cr0::NW | cr0::CD, &cr0, None),
        (on | 1 << 32, &cr0, GP0),
        // 64-bit mode cannot turn paging off, nor PAE.
        (cr0::PE, &cr0, GP0),
        (0, &cr4, GP0),
        (cr4::PAE, &cr4, None),
        (cr4::PAE | cr4::PCIDE, &cr4, GP0),
        (cr4::PAE | cr4::VMXE, &cr4, GP0),
        (cr4::PAE | 1 << 40, &cr4, GP0),
        (TABLES, &cr3, None),
        (TABLES | 1 << 40, &cr3, GP0),
        (0, &[0x0f, 0x22, 0xc8], UD),
        (16, &[0x44, 0x0f, 0x22, 0xc0], GP0),
        (0, &[0xf0, 0x0f, 0x22, 0xc0], UD),
        (1 << 32, &[0x0f, 0x23, 0xf0], GP0),
        (1 << 32, &[0x0f, 0x23, 0xf8], GP0),
    ];
    for &(rax, code, expected) in cases {
        assert_eq!(with_rax(64, rax, code), expected, "{rax:#x} {code:x?}");
    }
}

#[test]
fn registers_that_do_not_exist_are_undefined_even_at_cpl_3() {
    let mut machine = Machine::with_system_tables(64);
    machine.user(64);
    machine.run(&[0x0f, 0x20, 0xc8], 1); // mov rax, cr1
    assert_eq!(raised(&machine), UD);

    let mut machine = Machine::with_system_tables(64);
    machine.regs.cr4 |= cr4::DE;
    machine.run(&[0x0f, 0x21, 0xe0], 1); // mov rax, dr4
    assert_eq!(raised(&machine), UD);
}

#[test]
fn general_detect_traps_a_debug_register_access_once() {
    let mut machine = Machine::with_system_tables(64);
    machine.cpu.dr7 |= dr7::GD;
    machine.run(&[0x0f, 0x21, 0xc0], 5); // mov rax, dr0
    assert_eq!((machine.handled(), machine.stack(0, 8)), (Some(1), CODE));
    assert_eq!((machine.cpu.dr6 & dr6::BD, machine.cpu.dr7 & dr7::GD), (dr6::BD, 0));
}

#[test]
fn msrs_that_hold_addresses_refuse_non_canonical_ones() {
    for number in [0x175u32, 0x176, 0xc000_0082, 0xc000_0083, 0xc000_0100, 0xc000_0101, 0xc000_0102]
    {
        for (high, expected) in [(0x8000u64, GP0), (0xffff_8000, None)] {
            let mut machine = Machine::with_system_tables(64);
            machine.regs.gpr[1] = number.into();
            machine.regs.gpr[2] = high;
            machine.run(&[0x0f, 0x30], 1);
            assert_eq!(raised(&machine), expected, "{number:#x}");
        }
    }
}

#[test]
fn lme_does_not_change_under_paging() {
    let mut machine = Machine::with_system_tables(64);
    machine.regs.gpr[1] = 0xc000_0080;
    machine.run(&[0x0f, 0x30], 1);
    assert_eq!(raised(&machine), GP0);
}

#[test]
fn lidt_and_lgdt_refuse_non_canonical_bases() {
    for modrm in [0x13, 0x1b] {
        let mut machine = Machine::with_system_tables(64);
        machine.regs.gpr[3] = 0x3_0000;
        machine.write(0x3_0000, &[0, 0, 0, 0, 0, 0, 0, 0x80, 0, 0]);
        machine.run(&[0x0f, 0x01, modrm], 1);
        assert_eq!(raised(&machine), GP0);
    }
}

#[test]
fn ltr_takes_an_available_tss_and_marks_it_busy() {
    let ltr = [0x0f, 0x00, 0xd8];
    let case = |selector: u64, attributes: u16| {
        let mut machine = Machine::with_system_tables(64);
        machine.set_descriptor(0x38, Descriptor::new(0x1234, 0x67, attributes));
        machine.regs.gpr[0] = selector;
        machine.run(&ltr, 1);
        (raised(&machine), machine.read(GDT + 0x3d, 1)[0])
    };
    assert_eq!(case(0x38, attr::P | 9), (None, 0x8b));
    assert_eq!(case(0x38, attr::P | 11).0, Some((Vector::GP, 0x38)));
    assert_eq!(case(0x38, 9).0, Some((Vector::NP, 0x38)));
    assert_eq!(case(0x38, attr::P | 2).0, Some((Vector::GP, 0x38)));
    assert_eq!(case(0x3c, attr::P | 9).0, Some((Vector::GP, 0x3c)));
    assert_eq!(case(0, 0).0, GP0);
    assert_eq!(case(0x1f8, 0).0, Some((Vector::GP, 0x1f8)));
}

#[test]
fn lldt_takes_an_ldt_or_null() {
    let lldt = [0x0f, 0x00, 0xd0];
    let case = |selector: u64, attributes: u16| {
        let mut machine = Machine::with_system_tables(32);
        machine.set_descriptor(0x38, Descriptor::new(0x1234, 0x67, attributes));
        machine.regs.gpr[0] = selector;
        machine.run(&lldt, 1);
        raised(&machine)
    };
    assert_eq!(case(0x38, attr::P | 2), None);
    assert_eq!(case(0x38, 2), Some((Vector::NP, 0x38)));
    assert_eq!(case(0x38, attr::P | 9), Some((Vector::GP, 0x38)));
    assert_eq!(case(2, 0), None);
}

#[test]
fn segment_queries_clear_zf_for_what_the_program_may_not_see() {
    // Attributes; whether LAR, LSL, VERR and VERW succeed at CPL 3 in 32-bit mode.
    let cases: &[(u16, [bool; 4])] = &[
        (0xc0f3, [true, true, true, true]),
        (0xc0f1, [true, true, true, false]),
        (0xc093, [false; 4]),
        (0xc0f9, [true, true, false, false]),
        (0xc0fb, [true, true, true, false]),
        (0xc09f, [true, true, true, false]),
        (0x00e2, [true, true, false, false]),
        (0x00e9, [true, true, false, false]),
        (0x00ec, [true, false, false, false]),
        (0x00ee, [false; 4]),
        // Presence does not matter to LAR and LSL.
        (0xc073, [true, true, true, true]),
    ];
    let codes: [&[u8]; 4] =
        [&[0x0f, 0x02, 0xc8], &[0x0f, 0x03, 0xc8], &[0x0f, 0x00, 0xe0], &[0x0f, 0x00, 0xe8]];
    for &(attributes, expected) in cases {
        let zf = codes.map(|code| {
            let mut machine = Machine::with_system_tables(32);
            machine.user(32);
            machine.set_descriptor(0x38, Descriptor::new(0, 0xfffff, attributes));
            machine.regs.gpr[0] = 0x3b;
            assert_eq!(machine.run(code, 1), Exit::Limit);
            machine.regs.rflags & rflags::ZF != 0
        });
        assert_eq!(zf, expected, "{attributes:#x}");
    }
}

#[test]
fn invlpg_in_64_bit_mode_ignores_the_base_of_ds() {
    let mut machine = Machine::new(64);
    machine.regs.segments[SegReg::Ds as usize].base = 0x1000;
    machine.regs.gpr[3] = 0x3_0000;
    machine.write(0x4_0000, &[7]);
    // mov eax, [rbx]; invlpg [rbx]; mov eax, [rbx]
    machine.run(&[0x8b, 0x03, 0x0f, 0x01, 0x3b, 0x8b, 0x03], 1);
    machine.write(TABLES + 0x3000 + 0x30 * 8, &(0x4_0000 | pte::P).to_le_bytes());
    machine.resume(2);
    assert_eq!(machine.regs.gpr[0], 7);
}
