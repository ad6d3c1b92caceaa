//! Debug register access, single steps, branch steps, INT1.

use super::*;
use arch::msr::IA32_DEBUGCTL;

/// Sets IA32_DEBUGCTL.BTF.
fn branch_steps(machine: &mut Machine) {
    machine.cpu.set_debugctl(2);
}

#[test]
fn with_gd_an_access_faults_before_it_happens_and_the_handler_may_use_the_registers() {
    everywhere(64, |machine| {
        machine.cpu.dr7 |= dr7::GD;
        machine.cpu.dr6 |= 0b11;
        machine.regs.gpr[0] = 0x1234;

        machine.run(&[0x0f, 0x23, 0xc0, 0x90], 20); // mov dr0, rax

        assert_eq!(trapped_at(machine), Some(CODE));
        assert_eq!((conditions(machine), machine.cpu.dr[0]), (dr6::BD, 0));
        assert_eq!(
            (machine.cpu.dr7 & dr7::GD, pushed_flags(machine) & rflags::RF),
            (0, rflags::RF)
        );
    });
}

#[test]
fn bits_without_a_feature_read_as_fixed() {
    everywhere(64, |machine| {
        // mov dr6, rax; mov dr7, rax; mov rbx, dr6; mov rcx, dr7
        machine.regs.gpr[0] = 0xffff_ffff & !0x2000;
        let code = [0x0f, 0x23, 0xf0, 0x0f, 0x23, 0xf8, 0x0f, 0x21, 0xf3, 0x0f, 0x21, 0xf9];
        machine.run(&code, 4);

        assert_eq!((machine.regs.gpr[3], machine.regs.gpr[1]), (0xffff_cff0 | 0xf, 0xffff_07ff));
    });
}

#[test]
fn int1_tells_of_no_condition_and_takes_a_suppressed_step_with_it() {
    everywhere(64, |machine| {
        machine.regs.gpr[0] = 0x10;
        machine.regs.rflags |= rflags::TF;

        machine.run(&[0x8e, 0xd0, 0xf1, 0x90], 20); // mov ss, eax; int1

        assert_eq!((trapped_at(machine), conditions(machine)), (Some(CODE + 3), 0));
    });
}

#[test]
fn the_step_of_a_load_of_ss_is_suppressed_and_the_next_one_comes() {
    everywhere(64, |machine| {
        machine.regs.gpr[0] = 0x10;
        machine.regs.rflags |= rflags::TF;

        machine.run(&[0x8e, 0xd0, 0x90, 0x90], 20); // mov ss, eax; nop; nop

        assert_eq!((trapped_at(machine), conditions(machine)), (Some(CODE + 3), dr6::BS));
    });
}

/// Seen on Zen 5.
#[test]
fn the_steps_of_consecutive_loads_of_ss_are_all_suppressed() {
    everywhere(64, |machine| {
        machine.regs.gpr[0] = 0x10;
        machine.regs.rflags |= rflags::TF;

        machine.run(&[0x8e, 0xd0, 0x8e, 0xd0, 0x8e, 0xd0, 0x90, 0x90], 20);

        assert_eq!((trapped_at(machine), conditions(machine)), (Some(CODE + 7), dr6::BS));
    });
}

#[test]
fn branch_steps_trap_behind_taken_branches_alone_and_end_with_the_trap() {
    // nop; jz +0 (not taken: ZF is clear); nop; jnz +1; nop; nop
    let code = [0x90, 0x74, 0x00, 0x90, 0x75, 0x01, 0x90, 0x90, 0xf4];
    everywhere(64, |machine| {
        machine.regs.rflags |= rflags::TF;
        branch_steps(machine);

        machine.run(&code, 20);

        assert_eq!((trapped_at(machine), conditions(machine)), (Some(CODE + 7), dr6::BS));
        assert_eq!(machine.cpu.debugctl(), 0);
    });
}

#[test]
fn branch_steps_know_every_branch() {
    for (code, rcx, target) in [
        (&[0xe2, 0x02, 0xf4][..], 2, CODE + 4), // loop
        (&[0xe3, 0x02, 0xf4], 0, CODE + 4),     // jrcxz
        (&[0xe8, 0, 0, 0, 0], 0, CODE + 5),     // call next
        (&[0xff, 0xe0], 0, CODE + 0x80),        // jmp rax
        (&[0xeb, 0x00], 0, CODE + 2),           // jmp next
    ] {
        everywhere(64, |machine| {
            machine.regs.rflags |= rflags::TF;
            machine.regs.gpr[0] = CODE + 0x80;
            machine.regs.gpr[1] = rcx;
            branch_steps(machine);

            machine.run(code, 20);

            assert_eq!(trapped_at(machine), Some(target), "{code:x?}");
        });
    }
}

/// Behind each stands `jmp next`: that is where a branch that is not taken lets the trap come.
#[test]
fn branch_steps_know_whether_a_conditional_branch_is_taken() {
    for (bits, code, flags, taken) in [
        (64, &[0xe1, 3][..], rflags::ZF, true), // loope
        (64, &[0xe1, 3], 0, false),
        (64, &[0xf2, 0xe1, 3], 0, true), // as loopne
        (64, &[0xe0, 3], 0, true),       // loopne
        (64, &[0xf3, 0xe0, 3], rflags::ZF, true),
        (64, &[0x70, 3], rflags::OF, true),  // jo
        (64, &[0x72, 3], rflags::CF, true),  // jb
        (64, &[0x73, 3], rflags::CF, false), // jae
        (64, &[0x77, 3], 0, true),           // ja
        (64, &[0x7c, 3], rflags::OF, true),  // jl
        (64, &[0x7f, 3], rflags::ZF, false), // jg
        (32, &[0xce], 0, false),             // into
    ] {
        everywhere(bits, |machine| {
            machine.regs.rflags |= rflags::TF | flags;
            machine.regs.gpr[1] = 2;
            branch_steps(machine);
            let next = CODE + code.len() as u64;

            // jmp next; nop; nop; nop; hlt
            machine.run(&[code, &[0xeb, 0, 0x90, 0x90, 0x90, 0xf4]].concat(), 20);

            let target = if taken { next + 3 } else { next + 2 };
            // A frame of 32 bits has CS behind the instruction pointer.
            let at = trapped_at(machine).map(|at| at & 0xffff_ffff);
            assert_eq!(at, Some(target), "{code:x?}");
        });
    }
}

#[test]
fn last_branch_records_are_refused() {
    everywhere(64, |machine| {
        machine.regs.gpr[0] = 1;
        machine.regs.gpr[1] = u64::from(IA32_DEBUGCTL);

        let exit = machine.run(&[0x0f, 0x30], 20);

        assert!(matches!(exit, crate::Exit::Unimplemented(_)), "{exit:?}");
    });
}
