//! Execution breakpoints.

use super::*;
use arch::paging::pte;

/// `inc eax` (2 bytes) three times, `jmp` back to the first.
const LOOP: [u8; 8] = [0xff, 0xc0, 0xff, 0xc0, 0xff, 0xc0, 0xeb, 0xf8];

/// A handler that lets the instruction go on: `or dword [rsp + 16], RF; iretq`.
const RESUME: [u8; 10] = [0x81, 0x4c, 0x24, 0x10, 0, 0, 1, 0, 0x48, 0xcf];

#[test]
fn the_instruction_has_not_started_and_rf_is_pushed_clear() {
    everywhere(64, |machine| {
        arm(machine, &[execute(CODE + 4)]);

        machine.run(&LOOP, 100);

        assert_eq!(trapped_at(machine), Some(CODE + 4));
        assert_eq!((machine.regs.gpr[0], conditions(machine)), (2, 1));
        assert_eq!(pushed_flags(machine) & rflags::RF, 0);
        // Two instructions, the delivery, HLT.
        assert_eq!(machine.cpu.retired(), 4);
    });
}

#[test]
fn rf_of_the_return_lets_the_instruction_pass_once() {
    everywhere(64, |machine| {
        machine.write(HANDLER, &RESUME);
        arm(machine, &[execute(CODE + 2)]);

        machine.run(&LOOP, 1);
        for turn in 1..=3 {
            // Delivery, or, iretq; inc, inc, jmp, inc.
            machine.resume(3);
            assert_eq!((machine.regs.rip, machine.regs.gpr[0]), (CODE + 2, 3 * turn - 2));
            assert_ne!(machine.regs.rflags & rflags::RF, 0);
            machine.resume(4);
            assert_eq!((machine.regs.rip, machine.regs.gpr[0]), (CODE + 2, 3 * turn + 1));
            assert_eq!(machine.regs.rflags & rflags::RF, 0);
        }
    });
}

#[test]
fn breakpoints_come_and_go_in_code_that_is_cached_and_linked() {
    everywhere(64, |machine| {
        machine.run(&LOOP, 4000);
        for at in [CODE, CODE + 2, CODE + 4, CODE + 6] {
            arm(machine, &[execute(at)]);
            machine.resume(100);
            assert_eq!(trapped_at(machine), Some(at));

            arm(machine, &[]);
            machine.regs.rip = at;
            machine.regs.gpr[4] = STACK;
            machine.cpu.set_registers(&machine.regs.clone());
            machine.resume(4000);
            assert_eq!(machine.regs.rip, at);
        }
    });
}

#[test]
fn mov_to_dr7_takes_effect_at_the_next_instruction_and_dr7_off_ends_it() {
    everywhere(64, |machine| {
        machine.cpu.dr[0] = CODE + 3;
        machine.regs.gpr[0] = 2;
        machine.run(&[0x0f, 0x23, 0xf8, 0x90, 0xeb, 0xfd], 50); // mov dr7, rax; nop; jmp the nop
        assert_eq!(trapped_at(machine), Some(CODE + 3));

        machine.regs.gpr[0] = 0;
        machine.regs.rip = CODE;
        machine.run(&[0x0f, 0x23, 0xf8, 0x90, 0xeb, 0xfd], 50);
        assert!((CODE + 3..CODE + 6).contains(&machine.regs.rip));
    });
}

#[test]
fn flags_are_exact_where_a_compare_and_its_branch_are_cut_apart() {
    everywhere(64, |machine| {
        machine.regs.gpr[0] = 5;
        arm(machine, &[execute(CODE + 3)]);

        machine.run(&[0x83, 0xf8, 0x05, 0x74, 0xfb], 10); // cmp eax, 5; je back

        assert_eq!(trapped_at(machine), Some(CODE + 3));
        assert_eq!(pushed_flags(machine) & rflags::STATUS, rflags::ZF | rflags::PF);
    });
}

#[test]
fn of_two_mappings_of_a_page_the_watched_one_alone_stops() {
    let alias = CODE + 0x5000;
    everywhere(64, |machine| {
        let entry = CODE | pte::P | pte::RW | pte::US;
        machine.write(TABLES + 0x3000 + (alias >> 12) * 8, &entry.to_le_bytes());
        machine.run(&LOOP, 400);
        machine.regs.rip = alias;
        arm(machine, &[execute(alias + 2)]);
        machine.run(&LOOP, 40);
        assert_eq!(trapped_at(machine), Some(alias + 2));

        // The other mapping goes on, warm and at its own offsets.
        machine.regs.rip = CODE;
        machine.run(&LOOP, 400);
        assert_eq!(machine.regs.rip, CODE);

        // Both watched at different offsets: each stops at its own.
        arm(machine, &[execute(alias + 2), execute(CODE + 4)]);
        for (start, stop) in [(CODE, CODE + 4), (alias, alias + 2), (CODE + 6, CODE + 4)] {
            machine.regs.rip = start;
            machine.regs.gpr[4] = STACK;
            machine.cpu.set_registers(&machine.regs.clone());
            machine.resume(40);
            assert_eq!(trapped_at(machine), Some(stop), "from {start:#x}");
        }
    });
}

#[test]
fn a_breakpoint_stays_with_its_linear_address_when_the_page_is_mapped_elsewhere() {
    everywhere(64, |machine| {
        let other = CODE + 0x7000;
        machine.write(other, &[0x90, 0x90, 0x90, 0x90, 0x90, 0xeb, 0xf9]); // nop ...; jmp back
        arm(machine, &[execute(CODE + 4)]);
        machine.run(&LOOP, 2);
        let entry = other | pte::P | pte::RW | pte::US;
        machine.write(TABLES + 0x3000 + (CODE >> 12) * 8, &entry.to_le_bytes());
        machine.regs.rip = CODE;
        machine.cpu.set_registers(&machine.regs.clone());

        machine.resume(20);

        assert_eq!(trapped_at(machine), Some(CODE + 4));
        assert_eq!(machine.regs.gpr[0], 2);
    });
}

#[test]
fn code_that_is_written_anew_keeps_its_breakpoint() {
    everywhere(64, |machine| {
        // A NOP of two bytes becomes two of one, the second with a breakpoint.
        machine.regs.gpr[3] = CODE + 7;
        arm(machine, &[execute(CODE + 8)]);

        // mov word [rbx], 0x9090; inc eax; xchg ax, ax; jmp back
        machine.run(&[0x66, 0xc7, 0x03, 0x90, 0x90, 0xff, 0xc0, 0x66, 0x90, 0xeb, 0xf5], 40);

        assert_eq!((trapped_at(machine), machine.regs.gpr[0]), (Some(CODE + 8), 1));
    });
}

#[test]
fn a_repetition_stops_before_its_first_iteration_and_no_other() {
    everywhere(64, |machine| {
        machine.write(HANDLER, &RESUME);
        machine.regs.gpr[1] = 50;
        machine.regs.gpr[7] = DATA;
        arm(machine, &[execute(CODE)]);
        machine.memory.write(memory::PhysAddr(CODE), &[0xf3, 0xaa, 0xf4]).unwrap();
        machine.cpu.set_registers(&machine.regs.clone());

        machine.resume(3); // delivery, or, iretq
        machine.resume(20);
        assert_eq!((machine.regs.rip, machine.regs.gpr[1]), (CODE, 30));
        assert_ne!(machine.regs.rflags & rflags::RF, 0);
        machine.resume(100);
        assert_eq!((machine.regs.rip, machine.regs.gpr[1]), (CODE + 3, 0));
    });
}

#[test]
fn an_interrupt_between_two_iterations_pushes_rf_and_one_behind_the_last_does_not() {
    for (iterations, expected) in [(20, rflags::RF), (50, 0)] {
        everywhere(64, |machine| {
            machine.regs.gpr[1] = 50;
            machine.regs.gpr[7] = DATA;
            machine.regs.rflags |= rflags::IF;
            machine.run(&[0xf3, 0xaa, 0x90], iterations); // rep stosb; nop
            machine.bus.outcome.lines.intr = true;

            machine.resume(1);

            assert_eq!(machine.regs.rip, HANDLERS + 16 * 0x20);
            assert_eq!(pushed_flags(machine) & rflags::RF, expected);
        });
    }
}

/// Seen on Zen 5; Intel suppresses it.
#[test]
fn behind_a_load_of_ss_a_breakpoint_is_met_all_the_same() {
    everywhere(64, |machine| {
        machine.regs.gpr[0] = 0x10;
        arm(machine, &[execute(CODE + 4), execute(CODE + 2)]);

        machine.run(&[0x8e, 0xd0, 0xff, 0xc1, 0x90, 0x90], 20); // mov ss, eax; inc ecx; nop

        assert_eq!((trapped_at(machine), machine.regs.gpr[1]), (Some(CODE + 2), 0));
        assert_eq!(conditions(machine), 2);
    });
}

#[test]
fn a_breakpoint_comes_before_the_faults_of_its_fetch() {
    everywhere(64, |machine| {
        machine.map(0x7_0000, 0);
        machine.regs.gpr[0] = 0x7_0000;
        arm(machine, &[execute(0x7_0000)]);

        machine.run(&[0xff, 0xe0], 20); // jmp rax

        assert_eq!((trapped_at(machine), machine.regs.cr2), (Some(0x7_0000), 0));
    });
}

#[test]
fn the_step_of_the_instruction_before_comes_first() {
    everywhere(64, |machine| {
        machine.regs.rflags |= rflags::TF;
        arm(machine, &[execute(CODE + 2)]);

        machine.run(&LOOP, 2);
        assert_eq!((machine.regs.rip, conditions(machine)), (HANDLER, dr6::BS));
        // Back with TF: the breakpoint is next, and nothing was executed between.
        machine.write(HANDLER, &[0x48, 0xcf]);
        machine.resume(2);
        assert_eq!((machine.regs.rip, machine.regs.gpr[0]), (HANDLER, 1));
        // Nobody clears BS but software.
        assert_eq!(conditions(machine), 1 | dr6::BS);
    });
}

#[test]
fn an_interrupt_comes_first() {
    everywhere(64, |machine| {
        machine.regs.rflags |= rflags::IF;
        machine.bus.outcome.lines.intr = true;
        arm(machine, &[execute(CODE)]);

        machine.run(&LOOP, 1);

        assert_eq!((machine.regs.rip, conditions(machine)), (HANDLERS + 16 * 0x20, 0));
    });
}

#[test]
fn registers_that_agree_are_all_reported_and_others_are_cleared() {
    everywhere(64, |machine| {
        machine.cpu.dr6 |= 0b1010 | dr6::BT;
        arm(machine, &[execute(CODE + 2), write(DATA, 4), execute(CODE + 2)]);

        machine.run(&LOOP, 20);

        assert_eq!(conditions(machine), 0b101 | dr6::BT);
    });
}

#[test]
fn a_length_or_no_enable_matches_nothing() {
    everywhere(64, |machine| {
        arm(machine, &[Set { at: CODE + 2, kind: dr7::EXECUTE, len: 4 }]);
        machine.cpu.dr[1] = CODE + 4;
        machine.cpu.rearm();

        machine.run(&LOOP, 40);

        assert_eq!((machine.regs.rip, conditions(machine)), (CODE, 0));
    });
}

#[test]
fn the_first_byte_decides_also_where_an_instruction_crosses_pages() {
    everywhere(64, |machine| {
        let start = CODE + 0xffd;
        machine.regs.rip = start;
        arm(machine, &[execute(start + 3), execute(start + 7)]);

        // mov eax, imm32 is at the page's end; its fourth byte is in the next page.
        machine.run(&[0x90, 0x90, 0xb8, 1, 2, 3, 4, 0x90, 0x90], 20);

        assert_eq!((trapped_at(machine), machine.regs.gpr[0]), (Some(start + 7), 0x0403_0201));
        assert_eq!(conditions(machine), 2);
    });
}

#[test]
fn in_real_mode_the_base_of_the_code_segment_counts() {
    for form in forms() {
        let mut machine = Machine::real();
        machine.cpu.form = form;
        machine.regs.segments[1] = arch::segment::Segment {
            base: 0x7000,
            selector: arch::segment::Selector(0x700),
            ..machine.regs.segments[1]
        };
        machine.regs.rip = 0xc00;
        machine.regs.idtr.limit = 0x3ff;
        machine.write(4, &[0x00, 0x50, 0, 0]); // IVT entry 1: 0000:5000
        machine.write(0x5000, &[0xf4]);
        machine.write(0x7c00, &[0x40, 0x40, 0xeb, 0xfc]); // inc ax; inc ax; jmp back
        arm(&mut machine, &[execute(0x7c01)]);
        machine.cpu.set_registers(&machine.regs.clone());

        machine.resume(20);

        assert_eq!(
            (machine.regs.rip, machine.stack(0, 2), machine.regs.gpr[0]),
            (0x5001, 0xc01, 1)
        );
    }
}

#[test]
fn every_form_stops_at_the_same_counts_of_random_loops() {
    let mut random = Random(0x5eed_b4ea);
    for _ in 0..60 {
        let mut code: Vec<u8> = Vec::new();
        while code.len() < 40 {
            code.extend(random.pick(&[
                &[0xff, 0xc0][..],   // inc eax
                &[0x83, 0xf8, 0x10], // cmp eax, 16
                &[0x74, 0x00],       // je next
                &[0x89, 0x03],       // mov [rbx], eax
                &[0x03, 0x03],       // add eax, [rbx]
                &[0x50, 0x59],       // push rax; pop rcx
                &[0x90],
            ]));
        }
        let back = -(code.len() as i8) - 2;
        code.extend([0xeb, back as u8]);
        let sets: Vec<Set> = (0..3).map(|_| execute(CODE + random.below(44))).collect();
        let limits: Vec<u64> = (0..12).map(|_| 1 + random.below(90)).collect();
        let mut seen: Option<Vec<_>> = None;
        for form in forms() {
            let mut machine = Machine::with_system_tables(64);
            machine.cpu.form = form;
            machine.regs.gpr[3] = DATA;
            machine.write(HANDLER, &RESUME);
            arm(&mut machine, &sets);
            machine.run(&code, 0);
            let states: Vec<_> =
                limits.iter().map(|&n| (machine.resume(n), machine.cpu.state())).collect();
            match &seen {
                None => seen = Some(states),
                Some(first) => assert!(*first == states, "{form:?}: {code:x?}"),
            }
        }
    }
}
