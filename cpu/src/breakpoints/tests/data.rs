//! Data and I/O breakpoints.

use super::*;
use arch::exception::Vector;

/// `mov [rbx], al` and so on, then NOPs.
const STORES: [(u64, &[u8]); 4] =
    [(1, &[0x88, 0x03]), (2, &[0x66, 0x89, 0x03]), (4, &[0x89, 0x03]), (8, &[0x48, 0x89, 0x03])];
const LOADS: [(u64, &[u8]); 4] =
    [(1, &[0x8a, 0x03]), (2, &[0x66, 0x8b, 0x03]), (4, &[0x8b, 0x03]), (8, &[0x48, 0x8b, 0x03])];

/// The instruction, one more, HLT.
fn with_tail(code: &[u8]) -> Vec<u8> {
    [code, &[0x90, 0xf4]].concat()
}

/// RBX, RSI and RDI at `at`; the code; true if the trap came behind its first instruction.
fn traps(machine: &mut Machine, sets: &[Set], at: u64, code: &[u8]) -> bool {
    for n in [3, 6, 7] {
        machine.regs.gpr[n] = at;
    }
    arm(machine, sets);
    machine.cpu.set_extended(&crate::Extended::default());
    machine.run(&with_tail(code), 20);
    match trapped_at(machine) {
        Some(ip) => {
            assert_eq!(ip, CODE + code.len() as u64, "{code:x?}");
            assert_eq!(pushed_flags(machine) & rflags::RF, 0);
            true
        }
        None => {
            assert_eq!(machine.regs.rip, CODE + code.len() as u64 + 2, "{code:x?}");
            false
        }
    }
}

#[test]
fn a_store_traps_where_it_overlaps_the_watched_bytes() {
    for form in forms() {
        for base in [DATA, DATA + 0x800] {
            for len in [1u64, 2, 4, 8] {
                for (bytes, code) in STORES {
                    for at in base - 9..base + 9 {
                        let mut machine = Machine::with_system_tables(64);
                        machine.cpu.form = form;
                        let hit = traps(&mut machine, &[write(base, len)], at, code);
                        let overlaps = at < base + len && base < at + bytes;
                        assert_eq!(hit, overlaps, "{len} at {base:#x}: {bytes} at {at:#x}");
                        assert_eq!(conditions(&machine), u64::from(hit));
                    }
                }
            }
        }
    }
}

#[test]
fn a_load_traps_a_watch_of_accesses_alone() {
    for form in forms() {
        for (bytes, code) in LOADS {
            for at in [DATA - 8, DATA - bytes, DATA - bytes + 1, DATA, DATA + 3, DATA + 4] {
                for (set, sees) in [(write(DATA, 4), false), (access(DATA, 4), true)] {
                    let mut machine = Machine::with_system_tables(64);
                    machine.cpu.form = form;
                    let overlaps = at < DATA + 4 && DATA < at + bytes;
                    assert_eq!(traps(&mut machine, &[set], at, code), overlaps && sees);
                }
            }
        }
    }
}

#[test]
fn the_length_masks_the_address() {
    everywhere(64, |machine| {
        assert!(traps(machine, &[write(DATA + 3, 4)], DATA, &[0x88, 0x03]));
    });
    everywhere(64, |machine| {
        assert!(!traps(machine, &[write(DATA + 3, 4)], DATA + 4, &[0x88, 0x03]));
    });
}

/// Every way to touch memory: code, whether it writes at DATA, RBX = RSI = RDI = RSP = DATA.
const WAYS: &[(&str, &[u8], bool)] = &[
    ("add [rbx], eax", &[0x01, 0x03], true),
    ("xchg [rbx], eax", &[0x87, 0x03], true),
    ("lock xadd [rbx], eax", &[0xf0, 0x0f, 0xc1, 0x03], true),
    ("cmpxchg [rbx], ecx", &[0x0f, 0xb1, 0x0b], true),
    ("cmpxchg8b [rbx]", &[0x0f, 0xc7, 0x0b], true),
    ("cmpxchg16b [rbx]", &[0x48, 0x0f, 0xc7, 0x0b], true),
    ("bts [rbx], eax", &[0x0f, 0xab, 0x03], true),
    ("inc byte [rbx]", &[0xfe, 0x03], true),
    ("shl dword [rbx], 3", &[0xc1, 0x23, 0x03], true),
    ("sete [rbx]", &[0x0f, 0x94, 0x03], true),
    ("cmp eax, [rbx]", &[0x3b, 0x03], false),
    ("test [rbx], eax", &[0x85, 0x03], false),
    ("imul eax, [rbx]", &[0x0f, 0xaf, 0x03], false),
    ("movsb", &[0xa4], true),
    ("stosq", &[0x48, 0xab], true),
    ("lodsd", &[0xad], false),
    ("scasb", &[0xae], false),
    ("cmpsb", &[0xa6], false),
    ("movups xmm0, [rbx]", &[0x0f, 0x10, 0x03], false),
    ("movups [rbx], xmm0", &[0x0f, 0x11, 0x03], true),
    ("movaps [rbx], xmm0", &[0x0f, 0x29, 0x03], true),
    ("addss xmm0, [rbx]", &[0xf3, 0x0f, 0x58, 0x03], false),
    ("movq [rbx], xmm0", &[0x66, 0x0f, 0xd6, 0x03], true),
    ("pxor xmm0, [rbx]", &[0x66, 0x0f, 0xef, 0x03], false),
    ("movq mm0, [rbx]", &[0x0f, 0x6f, 0x03], false),
    ("fld tword [rbx]", &[0xdb, 0x2b], false),
    ("fld dword [rbx]", &[0xd9, 0x03], false),
    ("fst qword [rbx]", &[0xdd, 0x13], true),
    ("fnstcw [rbx]", &[0xd9, 0x3b], true),
    ("fldcw [rbx]", &[0xd9, 0x2b], false),
    ("fnsave [rbx]", &[0xdd, 0x33], true),
    ("fxsave [rbx]", &[0x0f, 0xae, 0x03], true),
    ("fxrstor [rbx]", &[0x0f, 0xae, 0x0b], false),
    ("stmxcsr [rbx]", &[0x0f, 0xae, 0x1b], true),
    ("sgdt [rbx]", &[0x0f, 0x01, 0x03], true),
    ("mov [rbx], ds", &[0x8c, 0x1b], true),
    ("shl dword [rbx], cl", &[0xd3, 0x23], true),
    ("rcl dword [rbx], cl", &[0xd3, 0x13], true),
    ("shld [rbx], eax, cl", &[0x0f, 0xa5, 0x03], true),
    ("btr [rbx], eax", &[0x0f, 0xb3, 0x03], true),
    ("bt [rbx], eax", &[0x0f, 0xa3, 0x03], false),
    ("cmovne eax, [rbx]", &[0x0f, 0x45, 0x03], false),
    ("fnstenv [rbx]", &[0xd9, 0x33], true),
    ("clflush [rbx]", &[0x0f, 0xae, 0x3b], false),
    ("push qword [rbx]", &[0xff, 0x33], false),
    ("pop qword [rbx]", &[0x8f, 0x03], true),
];

#[test]
fn every_kind_of_access_is_seen_and_warm_code_sees_it_too() {
    for form in forms() {
        for &(name, code, writes) in WAYS {
            for (set, sees) in [(write(DATA, 1), writes), (access(DATA, 1), true)] {
                for warm in [false, true] {
                    let mut machine = Machine::with_system_tables(64);
                    machine.cpu.form = form;
                    machine.write(DATA + 24, &0x1f80u32.to_le_bytes());
                    let start = machine.regs;
                    if warm {
                        traps(&mut machine, &[], DATA, code);
                        machine.write(DATA, &[0; 512]);
                        machine.write(DATA + 24, &0x1f80u32.to_le_bytes());
                        machine.regs = start;
                    }
                    let hit = traps(&mut machine, &[set], DATA, code);
                    assert_eq!(hit, sees, "{name}, {form:?}, warm: {warm}");
                }
            }
        }
    }
}

/// A count of 0, a comparison that fails and a move not taken access their operand too: Zen 5.
#[test]
fn what_changes_nothing_is_an_access_too() {
    for (name, code) in [
        ("mov eax, 1; cmpxchg [rbx], ecx", &[0x0f, 0xb1, 0x0b][..]),
        ("cmpxchg8b [rbx]", &[0x0f, 0xc7, 0x0b]),
        ("lock cmpxchg [rbx], ecx", &[0xf0, 0x0f, 0xb1, 0x0b]),
    ] {
        everywhere(64, |machine| {
            machine.regs.gpr[0] = 1;
            assert!(traps(machine, &[write(DATA, 4)], DATA, code), "{name}");
        });
    }
    for (name, code) in [
        ("prefetcht0 [rbx]", &[0x0f, 0x18, 0x0b][..]),
        ("prefetchw [rbx]", &[0x0f, 0x0d, 0x0b]),
        ("nop [rbx]", &[0x0f, 0x1f, 0x03]),
        ("lea eax, [rbx]", &[0x8d, 0x03]),
        ("fxsave [rbx - 416]", &[0x0f, 0xae, 0x83, 0x60, 0xfe, 0xff, 0xff]),
    ] {
        everywhere(64, |machine| {
            assert!(!traps(machine, &[access(DATA, 8)], DATA, code), "{name}");
        });
    }
}

#[test]
fn implicit_accesses_to_the_stack_are_seen() {
    const CALL: &[u8] = &[0xe8, 0, 0, 0, 0];
    for (name, code, bytes_below) in [
        ("push rax", &[0x50][..], 8),
        ("pushfq", &[0x9c], 8),
        ("call next", CALL, 8),
        ("enter 0, 0", &[0xc8, 0, 0, 0], 8),
        ("pop rax", &[0x58], 0),
        ("leave", &[0xc9], 0),
    ] {
        everywhere(64, |machine| {
            machine.regs.gpr[5] = STACK;
            let set = access(STACK - bytes_below, 8);
            assert!(traps(machine, &[set], DATA, code), "{name}");
        });
    }
}

#[test]
fn a_return_traps_at_its_target() {
    everywhere(64, |machine| {
        machine.write(STACK, &(CODE + 0x100).to_le_bytes());
        machine.write(CODE + 0x100, &[0x90, 0xf4]);
        arm(machine, &[access(STACK, 8)]);

        machine.run(&[0xc3], 20);

        assert_eq!(trapped_at(machine), Some(CODE + 0x100));
    });
}

#[test]
fn the_frame_of_an_exception_traps_at_the_first_instruction_of_its_handler() {
    everywhere(64, |machine| {
        arm(machine, &[write(STACK - 16, 8)]);

        machine.run(&[0x0f, 0x0b], 20); // ud2

        assert_eq!(trapped_at(machine), Some(HANDLERS + 16 * 6));
    });
}

#[test]
fn a_repetition_traps_behind_the_iteration_that_touched_and_pushes_rf() {
    for code in [&[0xf3, 0xaa][..], &[0xf3, 0xa4], &[0xf2, 0xae]] {
        everywhere(64, |machine| {
            machine.regs.gpr[0] = 1;
            machine.regs.gpr[1] = 100;
            machine.regs.gpr[6] = 0x4_0000;
            machine.regs.gpr[7] = DATA - 30;
            arm(machine, &[access(DATA, 1)]);

            machine.run(&with_tail(code), 200);

            assert_eq!((trapped_at(machine), machine.regs.gpr[1]), (Some(CODE), 69), "{code:x?}");
            assert_eq!(machine.regs.gpr[7], DATA + 1);
            assert_eq!(pushed_flags(machine) & rflags::RF, rflags::RF);
            // 31 iterations, the delivery, HLT.
            assert_eq!(machine.cpu.retired(), 33);
        });
    }
}

#[test]
fn the_last_iteration_of_a_repetition_traps_behind_the_instruction() {
    everywhere(64, |machine| {
        machine.regs.gpr[1] = 31;
        machine.regs.gpr[7] = DATA - 30;
        arm(machine, &[write(DATA, 1)]);

        machine.run(&with_tail(&[0xf3, 0xaa]), 200);

        assert_eq!((trapped_at(machine), machine.regs.gpr[1]), (Some(CODE + 2), 0));
        assert_eq!(pushed_flags(machine) & rflags::RF, 0);
    });
}

#[test]
fn an_instruction_that_faults_reports_nothing() {
    everywhere(64, |machine| {
        machine.map(0x7_0000, 0);
        machine.regs.gpr[6] = DATA;
        machine.regs.gpr[4] = 0x7_0800;
        arm(machine, &[access(DATA, 8)]);
        machine.regs.gpr[7] = 0x7_0000;

        machine.run(&[0xa4, 0xf4], 20); // movsb: reads the watched byte, cannot write

        assert_eq!(machine.fault().map(|fault| fault.vector), Some(Vector::PF));
        assert_eq!(conditions(machine), 0);
    });
}

#[test]
fn a_step_and_a_watchpoint_are_reported_together() {
    everywhere(64, |machine| {
        machine.regs.rflags |= rflags::TF;
        assert!(traps(machine, &[write(DATA, 4)], DATA, &[0x89, 0x03]));
        assert_eq!(conditions(machine), dr6::BS | 1);
    });
}

#[test]
fn a_load_of_ss_holds_its_trap_off_until_the_next_instruction_is_done() {
    everywhere(64, |machine| {
        machine.regs.gpr[3] = DATA;
        machine.write(DATA, &[0x10, 0]);
        arm(machine, &[access(DATA, 2)]);

        machine.run(&[0x8e, 0x13, 0x90, 0x90, 0xf4], 20); // mov ss, [rbx]; nop; nop; hlt

        assert_eq!((trapped_at(machine), conditions(machine)), (Some(CODE + 3), 1));
    });
}

/// Seen on Zen 5: each of them holds its own trap off.
#[test]
fn of_consecutive_loads_of_ss_each_holds_debug_traps_off() {
    everywhere(64, |machine| {
        machine.regs.gpr[3] = DATA;
        machine.write(DATA, &[0x10, 0]);
        arm(machine, &[access(DATA, 2)]);

        machine.run(&[0x8e, 0x13, 0x8e, 0x13, 0x8e, 0x13, 0x90, 0x90], 20);

        assert_eq!((trapped_at(machine), conditions(machine)), (Some(CODE + 7), 1));
    });
}

#[test]
fn behind_a_load_of_ss_an_interrupt_instruction_takes_the_trap_to_its_handler() {
    everywhere(64, |machine| {
        machine.regs.gpr[3] = DATA;
        machine.write(DATA, &[0x10, 0]);
        arm(machine, &[access(DATA, 2)]);

        machine.run(&[0x8e, 0x13, 0xcc], 20); // mov ss, [rbx]; int3

        assert_eq!((trapped_at(machine), conditions(machine)), (Some(HANDLERS + 16 * 3), 1));
    });
}

#[test]
fn reads_of_descriptors_are_seen() {
    everywhere(64, |machine| {
        machine.regs.gpr[0] = 0x10;
        assert!(traps(machine, &[access(GDT + 0x10, 8)], DATA, &[0x8e, 0xd8])); // mov ds, eax
    });
}

#[test]
fn a_watchpoint_changes_no_count_and_no_state_beside_its_own() {
    // A loop over the page of the watched byte, which it never touches.
    let code = [0x89, 0x03, 0x03, 0x43, 0x04, 0xff, 0xc9, 0x75, 0xf7, 0xf4];
    for form in forms() {
        let states = [None, Some(access(DATA + 64, 8)), Some(write(DATA + 64, 8))].map(|set| {
            let mut machine = Machine::with_system_tables(64);
            machine.cpu.form = form;
            machine.regs.gpr[3] = DATA;
            machine.regs.gpr[1] = 500;
            arm(&mut machine, set.as_slice());
            machine.run(&code, 3000);
            machine.cpu.dr = [0; 4];
            machine.cpu.dr7 = dr7::FIXED;
            machine.cpu.state()
        });
        assert!(states[0] == states[1] && states[0] == states[2], "{form:?}");
    }
}

#[test]
fn ports_trap_behind_the_access_with_cr4_de_alone() {
    let port = Set { at: 0x60, kind: dr7::PORT, len: 2 };
    for (de, at, code, expected) in [
        (true, 0x60, 0xecu8, true), // in al, dx
        (true, 0x61, 0xee, true),   // out dx, al
        (true, 0x62, 0xee, false),
        (true, 0x5d, 0xef, true), // out dx, eax: four ports
        (true, 0x5c, 0xef, false),
        (false, 0x60, 0xee, false),
    ] {
        everywhere(64, |machine| {
            machine.regs.cr4 |= if de { cr4::DE } else { 0 };
            machine.regs.gpr[2] = at;
            assert_eq!(traps(machine, &[port], DATA, &[code]), expected, "{code:x} {at:#x}");
            assert_eq!(machine.bus.accesses.len(), 1);
        });
    }
}

#[test]
fn strings_to_a_watched_port_trap_behind_each_element() {
    everywhere(64, |machine| {
        machine.regs.cr4 |= cr4::DE;
        machine.regs.gpr[1] = 5;
        machine.regs.gpr[2] = 0x3f8;
        machine.regs.gpr[6] = DATA;
        arm(machine, &[Set { at: 0x3f8, kind: dr7::PORT, len: 1 }]);

        machine.run(&with_tail(&[0xf3, 0x6e]), 20); // rep outsb

        assert_eq!((trapped_at(machine), machine.regs.gpr[1]), (Some(CODE), 4));
        assert_eq!(machine.bus.accesses.len(), 1);
    });
}
