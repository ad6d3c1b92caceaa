//! Instruction boundaries: single steps, shadows, interrupts, HLT, counting.

use super::*;
use crate::testing::*;
use arch::control::efer;
use arch::rflags;
use memory::PhysAddr;

/// A 64-bit machine with handlers and an interrupt request.
fn interrupted() -> Machine {
    let mut machine = Machine::with_system_tables(64);
    machine.bus.outcome.lines.intr = true;
    machine
}

#[test]
fn a_debugger_steps_over_each_iteration_of_a_repeated_string_instruction() {
    let mut machine = Machine::with_system_tables(64);
    machine.regs.rflags |= rflags::TF;
    machine.regs.gpr[1] = 5;
    machine.regs.gpr[7] = 0x2_0000;

    machine.run(&[0xf3, 0xaa], 3); // rep stosb

    assert_eq!(machine.handled(), Some(1));
    assert_eq!((machine.regs.gpr[1], machine.stack(0, 8)), (4, CODE));
    assert_eq!(machine.cpu.state(), machine.cpu.state());
    assert_eq!(machine.cpu.dr6 & dr6::BS, dr6::BS);
}

/// Zen 5, asked in user mode.
#[test]
fn a_step_between_two_iterations_finds_rf_as_it_was() {
    for rf in [0, rflags::RF] {
        let mut machine = Machine::with_system_tables(64);
        machine.regs.rflags |= rflags::TF | rf;
        machine.regs.gpr[1] = 5;
        machine.regs.gpr[7] = 0x2_0000;

        machine.run(&[0xf3, 0xaa], 3); // rep stosb

        assert_eq!((machine.handled(), machine.stack(0, 8)), (Some(1), CODE));
        assert_eq!(machine.stack(2, 8) & rflags::RF, rf);
    }
}

#[test]
fn a_debugger_steps_over_one_instruction_at_a_time_across_branches() {
    let mut machine = Machine::with_system_tables(64);
    // Warm the code cache so that blocks are linked.
    machine.run(&[0x90, 0xeb, 0x00, 0x90, 0xeb, 0xfa], 400); // nop; jmp +0; nop; jmp back
    machine.regs.rip = CODE;
    machine.regs.rflags |= rflags::TF;
    machine.cpu.set_registers(&machine.regs.clone());

    machine.resume(3);

    assert_eq!((machine.handled(), machine.stack(0, 8)), (Some(1), CODE + 1));
}

#[test]
fn a_software_interrupt_under_a_debugger_raises_no_step_in_its_handler() {
    let mut machine = Machine::with_system_tables(64);
    machine.regs.rflags |= rflags::TF;

    let exit = machine.run(&[0xcd, 0x80], 10); // int 0x80

    assert_eq!((exit, machine.handled()), (Exit::Halted, Some(0x80)));
    assert_eq!(machine.stack(2, 8) & rflags::TF, rflags::TF);
}

#[test]
fn a_step_behind_mov_ss_comes_after_the_next_instruction() {
    let mut machine = Machine::with_system_tables(64);
    machine.regs.gpr[0] = 0x10;
    machine.regs.rflags |= rflags::TF;

    machine.run(&[0x8e, 0xd0, 0x90, 0x90], 4); // mov ss, ax; nop; nop

    assert_eq!((machine.handled(), machine.stack(0, 8)), (Some(1), CODE + 3));
}

#[test]
fn a_fault_under_a_debugger_raises_no_step() {
    let mut machine = Machine::with_system_tables(64);
    machine.regs.rflags |= rflags::TF;

    machine.run(&[0x0f, 0x0b], 10); // ud2

    assert_eq!(machine.handled(), Some(6));
    assert_eq!(machine.stack(2, 8), rflags::TF | rflags::RF | rflags::FIXED);
    assert_eq!(machine.cpu.dr6 & dr6::BS, 0);
}

#[test]
fn popf_that_sets_tf_steps_after_the_instruction_behind_it() {
    let mut machine = Machine::with_system_tables(64);

    // push 0x102; popfq; nop; nop
    machine.run(&[0x68, 0x02, 0x01, 0, 0, 0x9d, 0x90, 0x90], 6);

    assert_eq!((machine.handled(), machine.stack(0, 8)), (Some(1), CODE + 7));
}

#[test]
fn syscall_with_tf_in_fmask_is_not_stepped_in_the_kernel_and_sysret_is_at_its_target() {
    let mut machine = Machine::with_system_tables(64);
    machine.user(64);
    machine.regs.efer |= efer::SCE;
    machine.regs.rflags |= rflags::TF;
    machine.cpu.msrs.star = 0x10 << 48 | 0x08 << 32;
    machine.cpu.msrs.lstar = 0x2_0000;
    machine.cpu.msrs.fmask = rflags::TF;
    machine.write(0x2_0000, &[0x48, 0x0f, 0x07]); // sysretq

    machine.run(&[0x0f, 0x05, 0x90], 4); // syscall; nop

    assert_eq!((machine.handled(), machine.stack(0, 8)), (Some(1), CODE + 2));
    assert_eq!(machine.cpu.retired(), 4); // syscall, sysret, delivery, hlt
}

#[test]
fn rf_of_an_interrupt_return_covers_one_instruction() {
    let mut machine = interrupted();
    machine.bus.outcome.lines.intr = false;
    machine.regs.rflags |= rflags::RF;

    machine.run(&[0x90, 0x90], 1);

    assert_eq!(machine.regs.rflags & rflags::RF, 0);
}

#[test]
fn interrupts_wait_for_the_instruction_behind_sti() {
    let mut machine = interrupted();

    machine.run(&[0xfb, 0x90, 0x90], 10); // sti; nop; nop

    assert_eq!((machine.handled(), machine.stack(0, 8)), (Some(0x20), CODE + 2));
}

#[test]
fn interrupts_wait_for_one_iteration_of_a_repeated_instruction_behind_sti() {
    let mut machine = interrupted();
    machine.regs.gpr[1] = 100;
    machine.regs.gpr[7] = 0x2_0000;

    machine.run(&[0xfb, 0xf3, 0xaa], 500); // sti; rep stosb

    assert_eq!((machine.handled(), machine.stack(0, 8)), (Some(0x20), CODE + 1));
    assert_eq!(machine.regs.gpr[1], 99);
}

#[test]
fn an_interrupt_request_ends_sti_hlt() {
    let mut machine = interrupted();

    machine.run(&[0xfb, 0xf4, 0x90], 10); // sti; hlt

    assert_eq!((machine.handled(), machine.stack(0, 8)), (Some(0x20), CODE + 2));
}

#[test]
fn of_consecutive_loads_of_ss_only_the_first_holds_interrupts_off() {
    let mut machine = interrupted();
    machine.regs.gpr[0] = 0x10;
    machine.regs.rflags |= rflags::IF;
    machine.bus.outcome.lines.intr = false;
    // out 0x80, al raises the request; mov ss, ax three times
    let code = [0x8e, 0xd0, 0x8e, 0xd0, 0x8e, 0xd0, 0x90];
    machine.memory.write(PhysAddr(CODE), &code).unwrap();
    machine.cpu.set_registers(&machine.regs.clone());
    machine.resume(1);
    machine.bus.outcome.lines.intr = true;

    machine.resume(5);

    assert_eq!((machine.handled(), machine.stack(0, 8)), (Some(0x20), CODE + 4));
}

#[test]
fn popf_that_sets_if_lets_a_pending_interrupt_in_at_once() {
    let mut machine = interrupted();

    // push 0x202; popfq; nop
    machine.run(&[0x68, 0x02, 0x02, 0, 0, 0x9d, 0x90], 10);

    assert_eq!((machine.handled(), machine.stack(0, 8)), (Some(0x20), CODE + 6));
}

#[test]
fn a_second_nmi_waits_for_iret_even_if_that_faults() {
    let mut machine = Machine::with_system_tables(64);
    machine.write(HANDLERS + 0x20, &[0x90, 0x48, 0xcf]); // nop; iretq
    machine.bus.outcome.lines.nmi = true;
    machine.run(&[0x90, 0x90], 1); // delivery
    assert!(machine.cpu.nmi_blocked);
    machine.bus.outcome.lines.nmi = true;
    machine.resume(1);
    assert_eq!(machine.regs.rip, HANDLERS + 0x21);
    // The frame's CS becomes bad: #GP.
    machine.write(machine.regs.gpr[4] + 8, &[0xf8, 1]);

    machine.resume(1); // the #GP's delivery
    machine.resume(1);

    assert_eq!((machine.regs.rip, machine.stack(0, 8)), (HANDLERS + 0x20, HANDLERS + 0xd0));
}

#[test]
fn hlt_with_a_debugger_steps_instead_of_sleeping() {
    let mut machine = Machine::with_system_tables(64);
    machine.regs.rflags |= rflags::TF;

    machine.run(&[0xf4, 0x90], 2);

    assert_eq!((machine.regs.rip, machine.stack(0, 8)), (HANDLERS + 0x10, CODE + 1));
}

#[test]
fn code_of_another_memory_is_not_taken_for_the_first_ones() {
    let mut machine = Machine::new(64);
    machine.run(&[0xb0, 1, 0xeb, 0xfc], 10); // mov al, 1; jmp back
    let mut other = Machine::new(64);
    other.write(CODE, &[0xb0, 2, 0xeb, 0xfc]);
    machine.memory = other.memory;
    machine.regs.rip = CODE;
    machine.cpu.set_registers(&machine.regs.clone());

    machine.resume(4);

    assert_eq!(machine.regs.gpr[0], 2);
}

#[test]
fn an_access_that_brings_the_next_event_nearer_ends_the_run_at_the_boundary_where_it_is_due() {
    for before in [0, 1, 20, 40] {
        let mut machine = Machine::new(64);
        machine.bus.outcome.next_event = Instant(1500);
        let mut code = vec![0x90; before];
        code.extend([0xe6, 0x80]); // out 0x80, al: 1000 ns
        code.extend([0x90; 600]);
        machine.bus.outcome.cost_ns = 1000;

        let exit = machine.run(&code, 10_000);

        assert_eq!((exit, machine.cpu.retired()), (Exit::Event, 500), "{before} NOPs before it");
        assert_eq!(machine.regs.rip, CODE + 500 + 1);
        assert_eq!(machine.bus.accesses[0].now, before as u64);
    }
}

#[test]
fn an_access_that_takes_longer_than_the_time_left_is_the_last_instruction_before_the_event() {
    let mut machine = Machine::new(64);
    machine.bus.outcome.next_event = Instant(900);
    machine.bus.outcome.cost_ns = 1000;

    let exit = machine.run(&[0x90, 0xe6, 0x80, 0x90, 0x90], 100); // nop; out 0x80, al; nop; nop

    assert_eq!((exit, machine.regs.rip, machine.cpu.retired()), (Exit::Event, CODE + 3, 2));
}

#[test]
fn a_request_raised_while_interrupts_are_off_waits_for_the_instruction_behind_sti() {
    let mut machine = Machine::with_system_tables(64);
    machine.bus.interrupts = true;

    // out 0x80, al; nop; nop; sti; nop; nop
    machine.run(&[0xe6, 0x80, 0x90, 0x90, 0xfb, 0x90, 0x90], 20);

    assert_eq!((machine.handled(), machine.stack(0, 8)), (Some(0x20), CODE + 6));
}

#[test]
fn a_request_raised_while_interrupts_are_on_is_taken_behind_the_access() {
    let mut machine = Machine::with_system_tables(64);
    machine.bus.interrupts = true;
    machine.regs.rflags |= rflags::IF;

    machine.run(&[0xe6, 0x80, 0x90, 0x90], 20); // out 0x80, al; nop; nop

    assert_eq!((machine.handled(), machine.stack(0, 8)), (Some(0x20), CODE + 2));
}

#[test]
fn an_interrupt_return_that_sets_if_lets_a_pending_interrupt_in_at_its_target() {
    let mut machine = interrupted();
    // The handler of vector 0x80 is where the program goes back from.
    machine.write(HANDLERS + 0x800, &[0x48, 0xcf]); // iretq
    machine.regs.gpr[3] = STACK;
    // push 0x10; push rbx; push 0x202; push 8; push CODE + 0x40; iretq
    let code = [
        &[0x6a, 0x10, 0x53, 0x68, 0x02, 0x02, 0, 0, 0x6a, 0x08, 0x68][..],
        &(CODE as u32 + 0x40).to_le_bytes(),
        &[0x48, 0xcf],
    ];

    machine.run(&code.concat(), 7);

    assert_eq!((machine.regs.rip, machine.stack(0, 8)), (HANDLERS + 0x200, CODE + 0x40));
    assert_eq!(machine.cpu.retired(), 7); // six instructions and the delivery
}

#[test]
fn a_fault_whose_handler_may_be_interrupted_is_counted_before_the_interrupt() {
    let mut machine = interrupted();
    machine.bus.outcome.lines.intr = false;
    machine.bus.interrupts = true;
    machine.regs.rflags |= rflags::IF;
    machine.set_gate(6, 0x8f00, 8, HANDLERS + 0x60); // a trap gate: IF stays
    machine.write(HANDLERS + 0x60, &[0x90, 0xe6, 0x80, 0x90]); // nop; out 0x80, al; nop

    machine.run(&[0x90, 0x0f, 0x0b], 20); // nop; ud2

    assert_eq!((machine.handled(), machine.stack(0, 8)), (Some(0x20), HANDLERS + 0x63));
    assert_eq!(machine.cpu.retired(), 6); // nop, delivery, nop, out, delivery, hlt
}
