//! Virtual-8086 mode: what needs IOPL 3, what CR4.VME and CR4.PVI make of it, and ways in and out.

use crate::event_log::{Event, Sink, kind};
use crate::run::Exit;
use crate::testing::*;
use arch::control::cr4;
use arch::exception::Vector;
use arch::rflags::{AC, CF, DF, IF, IOPL, NT, TF, VIF, VIP, VM};
use arch::segment::{Segment, attr};
use std::cell::RefCell;
use std::rc::Rc;

/// Vector and error code of the first exception.
fn raised(machine: &Machine) -> Option<(Vector, u32)> {
    machine.fault().map(|fault| (fault.vector, fault.error_code))
}

const GP0: Option<(Vector, u32)> = Some((Vector::GP, 0));
/// Linear address of the 8086 program and its stack's segment; both at paragraph 0x1000.
const PROGRAM: u64 = 0x1_0000;
const SP: u64 = 0x8000;

/// An 8086 program with these flags beside VM. The TSS has a redirection map of all zeros at 0x68.
fn v8086(vme: bool, flags: u64) -> Machine {
    let mut machine = Machine::with_system_tables(32);
    machine.regs.rflags = VM | flags | 2;
    machine.regs.cr4 = if vme { cr4::VME } else { 0 };
    for segment in &mut machine.regs.segments {
        *segment = Segment::real_mode(0x1000);
        segment.attributes |= 3 << attr::DPL_SHIFT;
    }
    machine.regs.rip = 0;
    machine.regs.gpr[4] = SP;
    machine.write(TSS + 0x66, &0x88u16.to_le_bytes());
    machine.regs.tr.limit = 0x100;
    machine
}

/// Runs code of the 8086 program.
fn run(machine: &mut Machine, code: &[u8], instructions: u64) -> Exit {
    machine.write(PROGRAM, code);
    machine.cpu.set_registers(&machine.regs.clone());
    machine.resume(instructions)
}

/// Words on the program's stack, from SP.
fn words(machine: &Machine, count: u64) -> Vec<u64> {
    let at = PROGRAM + (machine.regs.gpr[4] & 0xffff);
    (0..count)
        .map(|n| {
            machine.read(at + 2 * n, 2).iter().rev().fold(0, |word, &b| word << 8 | u64::from(b))
        })
        .collect()
}

#[test]
fn without_iopl_3_and_vme_every_sensitive_instruction_faults() {
    let sensitive: [&[u8]; 9] = [
        &[0xfa],
        &[0xfb],
        &[0x9c],
        &[0x9d],
        &[0xcf],
        &[0xcd, 0x21],
        &[0x66, 0x9c],
        &[0x66, 0x9d],
        &[0x66, 0xcf],
    ];
    for code in sensitive {
        for iopl in 0..3 {
            let mut machine = v8086(false, iopl << 12);
            run(&mut machine, code, 1);
            assert_eq!(raised(&machine), GP0, "{code:x?} IOPL {iopl}");
        }
    }
    // HLT is for CPL 0 whatever IOPL says; INT3 and INTO are not sensitive.
    let mut machine = v8086(false, IOPL);
    run(&mut machine, &[0xf4], 1);
    assert_eq!(raised(&machine), GP0);
    let mut machine = v8086(false, 0);
    run(&mut machine, &[0xcc], 5);
    assert_eq!((raised(&machine), machine.handled()), (None, Some(3)));
}

#[test]
fn with_iopl_3_cli_and_sti_change_if_and_with_vme_below_it_vif() {
    // VME, flags before, CLI or STI, flags after.
    let cases = [
        (false, IOPL | IF, 0xfa, Some(IOPL)),
        (false, IOPL, 0xfb, Some(IOPL | IF)),
        (true, IOPL | IF | VIF, 0xfa, Some(IOPL | VIF)),
        (true, IF | VIF, 0xfa, Some(IF)),
        (true, IF, 0xfb, Some(IF | VIF)),
        (true, IF | VIP, 0xfa, Some(IF | VIP)),
        (true, IF | VIP, 0xfb, None),
    ];
    for (vme, before, code, after) in cases {
        let mut machine = v8086(vme, before);
        run(&mut machine, &[code], 1);
        match after {
            Some(after) => {
                assert_eq!((raised(&machine), machine.regs.rflags), (None, VM | after | 2));
            }
            None => assert_eq!(raised(&machine), GP0),
        }
    }
}

#[test]
fn pvi_gives_cpl_3_a_virtual_interrupt_flag_for_cli_and_sti_alone() {
    let cases = [
        (0xfa, VIF, cr4::PVI, Some(0)),
        (0xfb, 0, cr4::PVI, Some(VIF)),
        (0xfb, VIP, cr4::PVI, None),
        (0xfb, 0, cr4::VME, None),
        (0xfb, IOPL, cr4::PVI, Some(IOPL | IF)),
    ];
    for (code, before, cr4, after) in cases {
        let mut machine = Machine::with_system_tables(32);
        machine.user(32);
        machine.regs.cr4 = cr4;
        machine.regs.rflags = before | 2;
        machine.run(&[code], 1);
        match after {
            Some(after) => assert_eq!((raised(&machine), machine.regs.rflags), (None, after | 2)),
            None => assert_eq!(raised(&machine), GP0, "{code:x} {before:x}"),
        }
    }
    // PUSHF shows the true IF.
    let mut machine = Machine::with_system_tables(32);
    machine.user(32);
    machine.regs.cr4 = cr4::PVI;
    machine.regs.rflags = VIF | 2;
    machine.run(&[0x66, 0x9c], 1);
    assert_eq!(machine.stack(0, 2), 2);
}

#[test]
fn pushf_with_vme_shows_vif_as_if_and_iopl_3() {
    for (flags, pushed) in [(VIF | CF, IF | IOPL | CF), (IF | CF, IOPL | CF), (NT, IOPL | NT)] {
        let mut machine = v8086(true, flags);
        run(&mut machine, &[0x9c], 1);
        assert_eq!((raised(&machine), words(&machine, 1)), (None, vec![pushed | 2]), "{flags:x}");
        let mut machine = v8086(true, flags);
        run(&mut machine, &[0x66, 0x9c], 1);
        assert_eq!(raised(&machine), GP0, "the 32-bit form has no virtual flag");
    }
}

#[test]
fn popf_and_iret_with_vme_give_vif_back_and_keep_if_and_iopl() {
    // Flags before, the image, flags after.
    let cases = [
        (IF, CF | IF, Some(IF | VIF | CF)),
        (IF | VIF, DF | IOPL, Some(IF | DF)),
        (IF | VIF, TF, None),
        (VIP, IF, None),
        (VIP, CF, Some(VIP | CF)),
        (IF | AC | CF, NT, Some(IF | AC | NT)),
    ];
    for (before, image, after) in cases {
        for iret in [false, true] {
            let mut machine = v8086(true, before);
            let frame: &[u64] = if iret { &[0x40, 0x1000, image] } else { &[image] };
            for (at, word) in (0..).zip(frame) {
                machine.write(PROGRAM + SP + 2 * at, &(*word as u16).to_le_bytes());
            }
            run(&mut machine, &[if iret { 0xcf } else { 0x9d }], 1);
            let Some(after) = after else {
                assert_eq!((raised(&machine), iret), (GP0, iret), "{before:x} {image:x}");
                continue;
            };
            let (rip, sp) = if iret { (0x40, SP + 6) } else { (1, SP + 2) };
            assert_eq!((raised(&machine), machine.regs.rflags), (None, VM | after | 2));
            assert_eq!((machine.regs.rip, machine.regs.gpr[4]), (rip, sp));
        }
    }
}

#[test]
fn popf_with_iopl_3_changes_if_but_never_iopl_vm_vif_or_vip() {
    let mut machine = v8086(false, IOPL | VIP);
    machine.write(PROGRAM + SP, &((VIF | IF | CF) as u32).to_le_bytes());

    run(&mut machine, &[0x66, 0x9d], 1);

    assert_eq!((raised(&machine), machine.regs.rflags), (None, VM | IOPL | VIP | IF | CF | 2));
}

#[test]
fn int_n_with_vme_goes_where_the_redirection_map_says() {
    // Bit of the map, IOPL flags, VIF; what happens: the program's handler, #GP(0), the monitor's gate.
    #[derive(PartialEq, Debug)]
    enum To {
        Program(u64),
        Fault,
        Monitor,
    }
    let cases = [
        (0, IF | VIF, To::Program(IOPL | IF)),
        (0, IF, To::Program(IOPL)),
        (0, IOPL | IF, To::Program(IOPL | IF)),
        (1, IF, To::Fault),
        (1, IOPL | IF, To::Monitor),
    ];
    for (bit, flags, expected) in cases {
        let mut machine = v8086(true, flags | CF);
        machine.write(TSS + 0x68 + 0x21 / 8, &[bit << (0x21 % 8)]);
        machine.write(4 * 0x21, &[0x34, 0x12, 0x00, 0x20]);

        run(&mut machine, &[0xcd, 0x21], 1);

        let what = if raised(&machine) == GP0 {
            To::Fault
        } else if machine.regs.rip == HANDLERS + 16 * 0x21 {
            To::Monitor
        } else {
            assert_eq!((machine.regs.rip, machine.regs.segments[1].base), (0x1234, 0x2_0000));
            let [ip, cs, pushed] = words(&machine, 3)[..] else { unreachable!() };
            assert_eq!((ip, cs), (2, 0x1000));
            let cleared = if flags & IOPL == IOPL { IF } else { VIF };
            assert_eq!(machine.regs.rflags, VM | (flags & !cleared) | CF | 2);
            assert_eq!((machine.cpu.cpl(), machine.cpu.retired()), (3, 1));
            To::Program(pushed & !(CF | 2))
        };
        assert_eq!(what, expected, "bit {bit}, flags {flags:x}");
    }
}

#[test]
fn an_interrupt_of_the_8086_program_is_logged_whoever_handles_it() {
    struct Keep(Rc<RefCell<Vec<Event>>>);
    impl Sink for Keep {
        fn event(&mut self, _retired: u64, event: Event) {
            self.0.borrow_mut().push(event);
        }
    }
    for bit in [0, 1] {
        let mut machine = v8086(true, IOPL);
        machine.write(TSS + 0x68 + 0x21 / 8, &[bit << (0x21 % 8)]);
        let kept = Rc::new(RefCell::new(Vec::new()));
        machine.cpu.log_mut().attach(Box::new(Keep(kept.clone())), kind::INTERRUPT);

        run(&mut machine, &[0xcd, 0x21], 1);

        let expected =
            Event::Interrupt { vector: 0x21, external: false, cs: 0x1000, rip: 0, cpl: 3 };
        assert_eq!(*kept.borrow(), [expected], "bit {bit}");
    }
}

#[test]
fn a_redirection_map_beyond_the_tss_or_in_a_16_bit_tss_is_a_fault() {
    let change: [fn(&mut Machine); 2] =
        [|m| m.regs.tr.limit = 0x6b, |m| m.regs.tr.attributes = attr::P | 3];
    for change in change {
        let mut machine = v8086(true, IOPL);
        change(&mut machine);
        run(&mut machine, &[0xcd, 0x21], 1);
        assert_eq!(raised(&machine), GP0);
    }
}

#[test]
fn an_8086_program_leaves_by_gates_of_both_sizes_to_cpl_0_alone() {
    for (bits, word) in [(0x8e00u64, 4), (0x8600, 2)] {
        let mut machine = v8086(false, CF);
        machine.set_gate(6, bits, 0x08, HANDLERS + 0x60);
        run(&mut machine, &[0x0f, 0x0b], 5);
        assert_eq!((machine.handled(), machine.cpu.cpl()), (Some(6), 0));
        let frame: Vec<u64> = (0..9).map(|n| machine.stack(n, word)).collect();
        let flags = (VM | CF | 2 | arch::rflags::RF) & if word == 4 { u64::MAX } else { 0xffff };
        assert_eq!(frame, [0, 0x1000, flags, SP, 0x1000, 0x1000, 0x1000, 0x1000, 0x1000]);
    }
    // Handlers at CPL 3, and conforming ones, are refused by the selector.
    for attributes in [0xc0fb, 0xc09f] {
        let mut machine = v8086(false, 0);
        machine.set_descriptor(0x38, arch::segment::Descriptor::new(0, 0xfffff, attributes));
        machine.set_gate(6, 0x8e00, 0x38, HANDLERS);
        run(&mut machine, &[0x0f, 0x0b], 1);
        let second = machine.cpu.recent_faults()[1].exception;
        assert_eq!((second.vector, second.error_code), (Vector::GP, 0x39), "{attributes:x}");
    }
}

#[test]
fn offsets_of_virtual_8086_segments_end_at_64_kib() {
    // mov ax, [0xffff]; mov al, [0xffff]; push with SP 1
    for (code, sp, expected) in [
        (&[0xa1, 0xff, 0xff][..], SP, GP0),
        (&[0xa0, 0xff, 0xff][..], SP, None),
        (&[0x50][..], 1, Some((Vector::SS, 0))),
        (&[0x50][..], 2, None),
        (&[0x50][..], 0, None),
    ] {
        let mut machine = v8086(false, 0);
        machine.regs.gpr[4] = sp;
        run(&mut machine, code, 1);
        assert_eq!(raised(&machine), expected, "{code:x?} SP {sp:x}");
    }
}
