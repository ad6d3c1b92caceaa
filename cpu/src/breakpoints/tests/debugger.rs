//! What a debugger outside sets.

use super::*;
use crate::{DebugStop, Exit, WatchKind, Watchpoint};

const LOOP: [u8; 8] = [0xff, 0xc0, 0xff, 0xc0, 0xff, 0xc0, 0xeb, 0xf8];

fn at(linear: u64) -> Exit {
    Exit::Debug(DebugStop::Breakpoint { linear })
}

#[test]
fn a_breakpoint_stops_before_the_instruction_once_and_again_in_the_next_turn() {
    everywhere(64, |machine| {
        assert!(machine.cpu.set_breakpoint(CODE + 2));

        assert_eq!(machine.run(&LOOP, 100), at(CODE + 2));
        assert_eq!((machine.regs.gpr[0], machine.cpu.retired()), (1, 1));
        assert_eq!(machine.resume(100), at(CODE + 2));
        assert_eq!((machine.regs.gpr[0], machine.cpu.retired()), (4, 5));
        assert!(machine.cpu.clear_breakpoint(CODE + 2));
        assert!(!machine.cpu.clear_breakpoint(CODE + 2));
        assert_eq!(machine.resume(100), Exit::Limit);
    });
}

#[test]
fn a_breakpoint_that_was_passed_does_not_stop_at_its_place() {
    everywhere(64, |machine| {
        assert_eq!(machine.run(&LOOP, 1), Exit::Limit);
        machine.cpu.set_breakpoint(CODE + 2);
        machine.cpu.pass_breakpoint();

        assert_eq!(machine.resume(100), at(CODE + 2));
        assert_eq!(machine.cpu.retired(), 5);
    });
}

#[test]
fn a_debugger_leaves_no_trace_in_the_state() {
    for form in forms() {
        let run = |debugged: bool| {
            let mut machine = Machine::with_system_tables(64);
            machine.cpu.form = form;
            machine.regs.gpr[3] = DATA;
            // mov [rbx], eax; mov ss, ecx; inc eax; sti; inc eax; jmp back
            machine.regs.gpr[1] = 0x10;
            let code = [0x89, 0x03, 0x8e, 0xd1, 0xff, 0xc0, 0xfb, 0xff, 0xc0, 0xeb, 0xf5];
            let limit = 1000;
            if debugged {
                for offset in [0, 2, 4, 6, 7, 9] {
                    machine.cpu.set_breakpoint(CODE + offset);
                }
                let watch = Watchpoint { linear: DATA, bytes: 4, kind: WatchKind::Access };
                machine.cpu.set_watchpoint(watch);
            }
            let mut stops = 0;
            let mut exit = machine.run(&code, limit);
            while let Exit::Debug(_) = exit {
                stops += 1;
                let left = limit - machine.cpu.retired();
                exit = machine.resume(left);
            }
            machine.cpu.clear_debugger();
            (stops > 0, exit, machine.cpu.state())
        };
        let (plain, debugged) = (run(false), run(true));
        assert!(!plain.0 && debugged.0);
        assert!((plain.1, &plain.2) == (debugged.1, &debugged.2), "{form:?}");
    }
}

#[test]
fn a_watchpoint_of_any_length_stops_behind_the_instruction() {
    everywhere(64, |machine| {
        let watchpoint = Watchpoint { linear: DATA + 5, bytes: 0x2003, kind: WatchKind::Write };
        assert!(machine.cpu.set_watchpoint(watchpoint));
        machine.regs.gpr[1] = 0x4000;
        machine.regs.gpr[7] = DATA;

        let exit = machine.run(&[0xf3, 0xaa, 0xf4], 0x5000); // rep stosb

        let linear = DATA + 5;
        assert_eq!(exit, Exit::Debug(DebugStop::Watchpoint { watchpoint, linear }));
        assert_eq!((machine.regs.rip, machine.regs.gpr[7]), (CODE, DATA + 6));
        // Each of the watched bytes stops, and none behind them.
        let mut stops = 1;
        while let Exit::Debug(_) = machine.resume(0x5000) {
            stops += 1;
        }
        assert_eq!((stops, machine.regs.gpr[1]), (0x2003, 0));
    });
}

#[test]
fn kinds_of_watchpoints_see_their_accesses() {
    for (kind, load, store) in [
        (WatchKind::Write, false, true),
        (WatchKind::Read, true, false),
        (WatchKind::Access, true, true),
    ] {
        for (code, expected) in [([0x8b, 0x03, 0xf4], load), ([0x89, 0x03, 0xf4], store)] {
            everywhere(64, |machine| {
                machine.cpu.set_watchpoint(Watchpoint { linear: DATA, bytes: 1, kind });
                machine.regs.gpr[3] = DATA;
                let exit = machine.run(&code, 10);
                assert_eq!(matches!(exit, Exit::Debug(_)), expected, "{kind:?}");
            });
        }
    }
}

#[test]
fn guest_and_debugger_do_not_disturb_each_other() {
    everywhere(64, |machine| {
        arm(machine, &[execute(CODE + 2), write(DATA, 4)]);
        machine.cpu.set_breakpoint(CODE + 2);

        // The debugger sees the instruction first, then the guest gets its #DB.
        assert_eq!(machine.run(&LOOP, 100), at(CODE + 2));
        assert_eq!((conditions(machine), machine.handled()), (0, None));
        machine.resume(100);
        assert_eq!((trapped_at(machine), conditions(machine)), (Some(CODE + 2), 1));
    });
}

#[test]
fn a_repetition_that_was_cut_by_a_limit_does_not_stop_again() {
    everywhere(64, |machine| {
        machine.cpu.set_breakpoint(CODE);
        machine.regs.gpr[1] = 100;
        machine.regs.gpr[7] = DATA;
        assert_eq!(machine.run(&[0xf3, 0xaa, 0xf4], 40), at(CODE));
        assert_eq!(machine.resume(40), Exit::Limit);
        assert_eq!(machine.resume(200), Exit::Halted);
        assert_eq!(machine.regs.gpr[1], 0);
    });
}

#[test]
fn a_debugger_cannot_set_without_bound() {
    let mut machine = Machine::new(64);
    let set = (0..5000).filter(|&n| machine.cpu.set_breakpoint(n)).count();
    let watch = |n| Watchpoint { linear: n, bytes: u64::MAX, kind: WatchKind::Access };
    let watched = (0..5000).filter(|&n| machine.cpu.set_watchpoint(watch(n))).count();
    assert_eq!((set, watched), (crate::DEBUGGER_MAX, crate::DEBUGGER_MAX));
}
