//! Delivery: frames, stacks, error codes, double faults.

use super::*;
use crate::run::Exit;
use crate::testing::*;
use arch::control::{cr0, cr4};
use arch::paging::pte;
use arch::segment::{Segment, attr};

const UD2: [u8; 2] = [0x0f, 0x0b];

#[test]
fn a_real_mode_frame_wraps_around_the_stack_between_words() {
    let mut machine = Machine::real();
    machine.regs.gpr[4] = 2;
    machine.regs.idtr.limit = 0x3ff;
    machine.write(6 * 4, &[0, 0x90, 0, 0]);
    machine.write(0x9000, &[0xf4]);

    let exit = machine.run(&UD2, 10);

    assert_eq!((exit, machine.regs.rip, machine.regs.gpr[4]), (Exit::Halted, 0x9001, 0xfffc));
    assert_eq!(machine.read(0xfffc, 2), [0, 0x7c]);
    assert_eq!(machine.read(0, 2)[0], 2);
}

#[test]
fn a_64_bit_frame_that_wraps_around_the_address_space_faults_where_no_page_is() {
    let mut machine = Machine::with_system_tables(64);
    machine.regs.gpr[4] = 0x10;

    // The faults of the fault push to the same stack.
    assert_eq!(machine.run(&[0xcc], 5), Exit::Shutdown);
    assert_eq!(machine.regs.cr2, 0xffff_ffff_ffff_fff8);
}

#[test]
fn a_real_mode_stack_too_odd_for_a_frame_shuts_down() {
    let mut machine = Machine::real();
    machine.regs.gpr[4] = 1;

    assert_eq!(machine.run(&UD2, 10), Exit::Shutdown);
}

#[test]
fn an_exception_from_cpl_3_switches_to_the_inner_stack_in_every_width() {
    for bits in [32, 64] {
        let mut machine = Machine::with_system_tables(bits);
        machine.user(bits);

        let exit = machine.run(&UD2, 10);

        let word = bits as usize / 8;
        assert_eq!((exit, machine.handled()), (Exit::Halted, Some(6)));
        let frame: Vec<u64> = (0..5).map(|n| machine.stack(n, word)).collect();
        assert_eq!(frame, [CODE, 0x1b, rflags::RF | 2, STACK, 0x23], "{bits} bits");
        assert_eq!(machine.cpu.cpl(), 0);
    }
}

#[test]
fn error_codes_name_the_idt_entry_and_who_raised_them() {
    // A gate that is not present: #NP with IDT set, EXT clear for INT n and set for exceptions.
    let mut machine = Machine::with_system_tables(64);
    machine.set_gate(0x80, 0x0e00, 8, 0);
    machine.run(&[0xcd, 0x80], 10);
    assert_eq!((machine.handled(), machine.stack(0, 8)), (Some(11), 0x80 << 3 | 2));
    assert_eq!(machine.stack(1, 8), CODE);

    let mut machine = Machine::with_system_tables(64);
    machine.set_gate(6, 0x0e00, 8, 0);
    machine.run(&UD2, 10);
    assert_eq!((machine.handled(), machine.stack(0, 8)), (Some(11), 6 << 3 | 3));

    // Beyond the IDT's limit: #GP.
    let mut machine = Machine::with_system_tables(64);
    machine.regs.idtr.limit = 0x7ff;
    machine.run(&[0xcd, 0x80], 10);
    assert_eq!((machine.handled(), machine.stack(0, 8)), (Some(13), 0x80 << 3 | 2));

    // A gate closed to CPL 3.
    let mut machine = Machine::with_system_tables(64);
    machine.user(64);
    machine.set_gate(0x80, 0x8e00, 8, HANDLERS);
    machine.run(&[0xcd, 0x80], 10);
    assert_eq!((machine.handled(), machine.stack(0, 8)), (Some(13), 0x80 << 3 | 2));
}

#[test]
fn an_ist_stack_is_taken_and_aligned_without_a_change_of_level() {
    let mut machine = Machine::with_system_tables(64);
    machine.set_gate(6, 0x8e03, 8, HANDLERS + 0x60);
    machine.write(TSS + 0x24 + 16, &0x7_0009u64.to_le_bytes());

    machine.run(&UD2, 10);

    assert_eq!((machine.handled(), machine.regs.gpr[4]), (Some(6), 0x7_0000 - 40));
    assert_eq!((machine.stack(3, 8), machine.stack(4, 8)), (STACK, 0x10));
    assert_eq!(machine.regs.segments[2].selector.0, 0x10);
}

#[test]
fn a_page_fault_that_cannot_be_delivered_is_a_double_fault_and_cr2_is_the_latest() {
    let mut machine = Machine::with_system_tables(64);
    machine.map(0x3_0000, 0);
    machine.map(0x4_0000, 0);
    machine.set_gate(14, 0x8e01, 8, HANDLERS);
    machine.write(TSS + 0x24, &0x4_0800u64.to_le_bytes());

    machine.run(&[0xa1, 0, 0, 3, 0, 0, 0, 0, 0], 10); // mov eax, [0x30000]

    assert_eq!((machine.handled(), machine.stack(0, 8)), (Some(8), 0));
    assert_eq!(machine.regs.cr2, 0x4_0800 - 8);
}

#[test]
fn a_general_protection_fault_leaves_cr2_alone() {
    let mut machine = Machine::with_system_tables(64);
    machine.regs.cr2 = 0x1234;
    machine.regs.gpr[0] = 1 << 47;

    machine.run(&[0x8b, 0x00], 10); // mov eax, [rax]

    assert_eq!((machine.handled(), machine.regs.cr2), (Some(13), 0x1234));
}

#[test]
fn a_failing_double_fault_shuts_down() {
    let mut machine = Machine::with_system_tables(64);
    machine.regs.idtr.limit = 0;

    assert_eq!(machine.run(&UD2, 10), Exit::Shutdown);
}

#[test]
fn smap_lets_a_frame_onto_a_user_page_while_ac_is_set() {
    for (ac, handled) in [(rflags::AC, Some(6)), (0, Some(8))] {
        let mut machine = Machine::with_system_tables(64);
        machine.regs.cr4 |= cr4::SMAP;
        machine.regs.rflags |= ac;
        // Everything but the current stack is a supervisor's.
        for page in 0..512u64 {
            machine.map(page << 12, pte::P | pte::RW);
        }
        machine.map(STACK - 0x1000, pte::P | pte::RW | pte::US);
        machine.set_gate(8, 0x8e01, 8, HANDLERS + 0x80);
        machine.write(TSS + 0x24, &0x4_0800u64.to_le_bytes());

        machine.run(&UD2, 10);

        assert_eq!(machine.handled(), handled, "AC {ac:#x}");
    }
}

#[test]
fn an_interrupt_in_virtual_8086_mode_saves_and_clears_the_data_segments() {
    let mut machine = Machine::with_system_tables(32);
    machine.regs.rflags |= rflags::VM | rflags::IOPL;
    for segment in &mut machine.regs.segments {
        *segment = Segment::real_mode(0x1000);
        segment.attributes |= 3 << attr::DPL_SHIFT;
    }
    machine.regs.rip = 0;
    machine.write(0x1_0000, &UD2);
    machine.cpu.set_registers(&machine.regs.clone());

    machine.resume(10);

    assert_eq!(machine.handled(), Some(6));
    let frame: Vec<u64> = (0..9).map(|n| machine.stack(n, 4)).collect();
    let flags = rflags::VM | rflags::IOPL | rflags::RF | 2;
    assert_eq!(frame, [0, 0x1000, flags, STACK, 0x1000, 0x1000, 0x1000, 0x1000, 0x1000]);
    assert_eq!(machine.regs.segments[3], Segment::default());
    assert_eq!(machine.regs.rflags & rflags::VM, 0);
}

#[test]
fn a_32_bit_program_of_long_mode_gets_its_frame_across_a_page_end() {
    // Compatibility mode wraps at 4 GiB, the kernel's stack does not.
    let mut machine = Machine::with_system_tables(64);
    machine.user(32);
    machine.set_descriptor(0x18, Descriptor::new(0, 0xfffff, 0xc0fb));
    let top = 0xffff_8000_0001_0010u64;
    // PML4 entry 256 maps what entry 0 maps.
    let entry = machine.read(TABLES, 8);
    machine.write(TABLES + 256 * 8, &entry);
    machine.write(TSS + 4, &top.to_le_bytes());

    machine.run(&UD2, 10);

    assert_eq!((machine.handled(), machine.cpu.gpr(4)), (Some(6), top - 40));
    assert_eq!(machine.read(0x1_0008, 8), 0x23u64.to_le_bytes());
    assert_eq!(machine.regs.cr0 & cr0::PG, cr0::PG);
}

#[test]
fn room_on_the_stack_is_looked_at_before_the_handlers_address() {
    // The gate leads beyond its code segment, and the stack has no room: #SS wins; with room, #GP.
    for (limit, expected) in [(0xf, Vector::SS), (0xffff_ffff, Vector::GP)] {
        let mut machine = Machine::with_system_tables(32);
        machine.set_descriptor(0x38, Descriptor::new(0, 0xfff, 0x409b));
        machine.set_gate(6, 0x8e00, 0x38, 0x1000);
        machine.regs.segments[2].limit = limit;
        machine.run(&UD2, 1);
        let second = machine.cpu.recent_faults()[1].exception;
        assert_eq!((second.vector, second.error_code), (expected, 1));
    }
}

#[test]
fn a_vector_beyond_the_real_mode_table_is_a_general_protection_fault() {
    let mut machine = Machine::real();
    machine.regs.idtr.limit = 14 * 4 - 1;
    machine.write(13 * 4, &[0, 0x90, 0, 0]);
    machine.write(0x9000, &[0xf4]);

    let exit = machine.run(&[0xcd, 0x10], 10); // int 0x10

    assert_eq!((exit, machine.regs.rip), (Exit::Halted, 0x9001));
    // No error code in real mode.
    assert_eq!((machine.regs.gpr[4], machine.read(0x7bfa, 2)), (0x7bfa, vec![0, 0x7c]));
}

#[test]
fn a_machine_check_without_mce_shuts_down() {
    for (cr4, down) in [(0, true), (cr4::MCE, false)] {
        let mut machine = Machine::with_system_tables(64);
        machine.regs.cr4 |= cr4;
        machine.run(&[0x90], 0);
        machine.cpu.world = crate::cpu::World::new(&mut machine.bus, &machine.memory);
        machine.cpu.raise(Exception::new(Vector::MC));
        machine.cpu.world = crate::cpu::World::none();
        assert_eq!(machine.cpu.activity() == Activity::Shutdown, down);
    }
}

#[test]
fn conforming_handlers_and_16_bit_gates_serve_cpl_3_on_its_own_stack() {
    let mut machine = Machine::with_system_tables(32);
    machine.user(32);
    machine.set_descriptor(0x38, Descriptor::new(0, 0xfffff, 0xc09f));
    machine.set_gate(6, 0x8600, 0x38, HANDLERS);
    machine.write(HANDLERS, &[0x90]);

    machine.run(&UD2, 1);

    assert_eq!((machine.cpu.cpl(), machine.regs.segments[1].selector.0), (3, 0x3b));
    assert_eq!(machine.regs.gpr[4], STACK - 6);
    let frame: Vec<u64> = (0..3).map(|n| machine.stack(n, 2)).collect();
    assert_eq!(frame, [CODE & 0xffff, 0x1b, 2]);
}
