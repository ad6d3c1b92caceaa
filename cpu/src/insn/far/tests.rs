//! Far transfers between levels and modes, and loads of segment registers.

use super::*;
use crate::run::Exit;
use crate::testing::*;
use arch::rflags;

/// Vector and error code of the first exception.
type Raised = Option<(Vector, u32)>;

/// What was raised first: vector and error code.
fn raised(machine: &Machine) -> Raised {
    machine.fault().map(|fault| (fault.vector, fault.error_code))
}

/// A 32-bit call gate at selector 0x38, for CPL 3, to the HLT of handler 0.
fn with_gate(parameters: u64, kind: u64, code: u64) -> Machine {
    let mut machine = Machine::with_system_tables(32);
    machine.user(32);
    let gate = HANDLERS | code << 16 | parameters << 32 | (0xe0 | kind) << 40;
    machine.set_descriptor(0x38, Descriptor(gate));
    for i in 0..31u32 {
        machine.write(STACK + 4 * u64::from(i), &(0x1000 + i).to_le_bytes());
    }
    machine
}

/// `call 0x3b:0`
const CALL_GATE: &[u8] = &[0x9a, 0, 0, 0, 0, 0x3b, 0];

#[test]
fn a_call_gate_to_an_inner_level_copies_up_to_31_parameters() {
    for count in [0, 1, 31] {
        let mut machine = with_gate(count, 12, 8);

        let exit = machine.run(CALL_GATE, 5);

        assert_eq!((exit, machine.handled(), machine.cpu.cpl()), (Exit::Halted, Some(0), 0));
        assert_eq!((machine.stack(0, 4), machine.stack(1, 4)), (CODE + 7, 0x1b));
        for i in 0..count {
            assert_eq!(machine.stack(2 + i, 4), 0x1000 + i);
        }
        assert_eq!((machine.stack(2 + count, 4), machine.stack(3 + count, 4)), (STACK, 0x23));
        assert_eq!(machine.regs.segments[1].selector.0, 8);
    }
}

#[test]
fn a_16_bit_call_gate_pushes_words() {
    let mut machine = with_gate(1, 4, 8);

    machine.run(CALL_GATE, 5);

    let words: Vec<u64> = (0..5).map(|n| machine.stack(n, 2)).collect();
    assert_eq!(words, [(CODE + 7) & 0xffff, 0x1b, 0x1000, STACK & 0xffff, 0x23]);
}

#[test]
fn call_gates_check_their_level_presence_and_code_segment() {
    let case = |change: fn(&mut Machine)| {
        let mut machine = with_gate(0, 12, 8);
        change(&mut machine);
        machine.run(CALL_GATE, 1);
        raised(&machine)
    };
    let gate = |bits: u64, code: u64| Descriptor(HANDLERS | code << 16 | bits << 40);
    let put: [(Descriptor, Raised); 5] = [
        (gate(0x8c, 8), Some((Vector::GP, 0x38))),
        (gate(0x6c, 8), Some((Vector::NP, 0x38))),
        (gate(0xec, 0), Some((Vector::GP, 0))),
        (gate(0xec, 0x10), Some((Vector::GP, 0x10))),
        (gate(0xec, 0x1f8), Some((Vector::GP, 0x1f8))),
    ];
    for (descriptor, expected) in put {
        let mut machine = with_gate(0, 12, 8);
        machine.set_descriptor(0x38, descriptor);
        machine.run(CALL_GATE, 1);
        assert_eq!(raised(&machine), expected, "{descriptor:x?}");
        assert_eq!(machine.cpu.recent_faults()[0].rip, CODE);
    }
    // The new SS: null, of another level, not present.
    assert_eq!(case(|m| m.write(TSS + 8, &[0, 0])), Some((Vector::TS, 0)));
    assert_eq!(case(|m| m.write(TSS + 8, &[0x23, 0])), Some((Vector::TS, 0x20)));
    let absent = |m: &mut Machine| m.set_descriptor(0x10, Descriptor::new(0, 0xfffff, 0xc013));
    assert_eq!(case(absent), Some((Vector::SS, 0x10)));
    assert_eq!(case(|m| m.regs.tr.limit = 8), Some((Vector::TS, 0x28)));
}

/// Zen 5, asked in user mode.
#[test]
fn the_first_word_of_a_far_call_stays_in_memory_where_the_second_faults() {
    let mut machine = Machine::with_system_tables(64);
    machine.regs.gpr[4] = 0x3_1004;
    machine.regs.gpr[3] = 0x4_0000;
    machine.write(0x4_0000, &[0, 0, 1, 0, 8, 0]);
    machine.map(0x3_0000, 0);
    machine.set_gate(14, 0x8e01, 8, HANDLERS + 0xe0);
    machine.write(TSS + 0x24, &INNER_STACK.to_le_bytes());

    machine.run(&[0xff, 0x1b], 5); // call far [rbx], with 32-bit words
    let first = raised(&machine);

    assert_eq!(first.map(|(vector, _)| vector), Some(Vector::PF));
    assert_eq!((machine.regs.cr2, machine.read(0x3_1000, 4)), (0x3_0ffc, vec![8, 0, 0, 0]));
    assert_eq!(machine.cpu.recent_faults()[0].rip, CODE);
}

#[test]
fn a_return_to_an_outer_level_takes_away_inner_data_segments() {
    for (code, words) in [(0xcb, 4u64), (0xcf, 5)] {
        let mut machine = Machine::with_system_tables(32);
        let mut frame = vec![HANDLERS as u32, 0x1b, 0x5_0000, 0x23];
        if words == 5 {
            frame.insert(2, 0x202);
        }
        for (i, word) in (0..).zip(&frame) {
            machine.write(STACK + 4 * i, &word.to_le_bytes());
        }
        machine.regs.segments[3].selector = Selector(0x10);
        machine.regs.segments[0].attributes |= 3 << attr::DPL_SHIFT;

        machine.run(&[code], 1);

        assert_eq!((machine.cpu.cpl(), machine.regs.gpr[4]), (3, 0x5_0000));
        assert_eq!(machine.regs.segments[3], Segment::default());
        assert!(machine.regs.segments[0].usable());
        assert_eq!(machine.regs.rflags & rflags::IF != 0, words == 5);
    }
}

#[test]
fn a_program_keeps_its_thread_pointer_over_an_interrupt_return() {
    let mut machine = Machine::with_system_tables(64);
    for (i, word) in (0..).zip([HANDLERS, 0x1b, 2, 0x5_0000, 0x23]) {
        machine.write(STACK + 8 * i, &word.to_le_bytes());
    }
    let fs = SegReg::Fs as usize;
    machine.regs.segments[fs] =
        Segment { selector: Selector(3), base: 0x7000_1234, ..Segment::default() };

    machine.run(&[0x48, 0xcf], 1);

    let segment = machine.regs.segments[fs];
    assert_eq!((machine.cpu.cpl(), segment.selector.0, segment.base), (3, 0, 0x7000_1234));
}

/// As on Zen 5, where IRETQ in user mode pops SS too.
#[test]
fn iretq_beyond_the_limit_of_the_code_segment_faults_before_it_looks_at_ss() {
    for (ip, error) in [(0x1_0000u64, 0), (0xffff, 0x1f0)] {
        let mut machine = Machine::with_system_tables(64);
        machine.set_descriptor(0x38, Descriptor::new(0, 0xffff, 0x409b));
        // Selector 0x1f0 names nothing.
        for (i, word) in (0..).zip([ip, 0x38, 2, 0x5_0000, 0x1f0]) {
            machine.write(STACK + 8 * i, &word.to_le_bytes());
        }

        machine.run(&[0x48, 0xcf], 1);

        assert_eq!(raised(&machine), Some((Vector::GP, error)), "{ip:#x}");
    }
}

#[test]
fn iretq_returns_to_a_null_stack_segment_of_the_same_level_alone() {
    let case = |cs: u64, ss: u64| {
        let mut machine = Machine::with_system_tables(64);
        for (i, word) in (0..).zip([HANDLERS, cs, 2, 0x5_0000, ss]) {
            machine.write(STACK + 8 * i, &word.to_le_bytes());
        }
        machine.run(&[0x48, 0xcf], 1);
        (raised(&machine), machine.regs.gpr[4] == 0x5_0000)
    };
    assert_eq!(case(8, 0), (None, true));
    assert_eq!(case(8, 0x10), (None, true));
    assert_eq!(case(0x1b, 0x23), (None, true));
    assert_eq!(case(0x1b, 0).0, Some((Vector::GP, 0)));
    assert_eq!(case(0x1b, 0x20).0, Some((Vector::GP, 0x20)));
    assert_eq!(case(0x10, 0x10).0, Some((Vector::GP, 0x10)));
}

#[test]
fn iret_at_cpl_3_changes_neither_iopl_nor_if_nor_vm() {
    let mut machine = Machine::with_system_tables(32);
    machine.user(32);
    let flags = (rflags::VM | rflags::IF | rflags::IOPL | rflags::CF | 2) as u32;
    for (i, word) in (0..).zip([HANDLERS as u32, 0x1b, flags]) {
        machine.write(STACK + 4 * i, &word.to_le_bytes());
    }

    machine.run(&[0xcf], 1);

    assert_eq!((raised(&machine), machine.regs.rflags), (None, rflags::CF | 2));
}

#[test]
fn iret_enters_virtual_8086_mode_from_cpl_0() {
    let mut machine = Machine::with_system_tables(32);
    let flags = (rflags::VM | 2) as u32;
    let frame = [0x10u32, 0x1000, flags, 0x800, 0x2000, 0x3000, 0x4000, 0x5000, 0x6000];
    for (i, word) in (0..).zip(frame) {
        machine.write(STACK + 4 * i, &word.to_le_bytes());
    }

    machine.run(&[0xcf], 1);

    assert_eq!((machine.cpu.cpl(), machine.regs.rip, machine.regs.gpr[4]), (3, 0x10, 0x800));
    let bases: Vec<u64> = machine.regs.segments.iter().map(|segment| segment.base).collect();
    assert_eq!(bases, [0x3_0000, 0x1_0000, 0x2_0000, 0x4_0000, 0x5_0000, 0x6_0000]);
    // CLI needs IOPL 3 there.
    machine.write(0x1_0010, &[0xfa]);
    machine.resume(1);
    assert_eq!(raised(&machine), Some((Vector::GP, 0)));
}

#[test]
fn an_iret_with_a_16_bit_stack_keeps_the_upper_half_of_esp() {
    let mut machine = Machine::with_system_tables(32);
    machine.set_descriptor(0x38, Descriptor::new(0, 0xffff, 0x00f3));
    for (i, word) in (0..).zip([HANDLERS as u32, 0x1b, 2, 0x1234_5678, 0x3b]) {
        machine.write(STACK + 4 * i, &word.to_le_bytes());
    }

    machine.run(&[0xcf], 1);

    assert_eq!(machine.regs.gpr[4], STACK & !0xffff | 0x5678);
}

#[test]
fn segment_register_loads_check_type_level_and_presence() {
    // Selector, descriptor attributes, register (0 ES, 2 SS), expected.
    let cases: &[(u16, u16, u8, Raised)] = &[
        (0x38, 0xc093, 0, None),
        (0x38, 0xc093, 2, None),
        (0x39, 0xc093, 2, Some((Vector::GP, 0x38))),
        (0x3b, 0xc093, 0, Some((Vector::GP, 0x38))),
        (0x38, 0xc0f3, 2, Some((Vector::GP, 0x38))),
        (0x38, 0xc091, 2, Some((Vector::GP, 0x38))),
        (0x38, 0xc091, 0, None),
        (0x38, 0xc013, 0, Some((Vector::NP, 0x38))),
        (0x38, 0xc013, 2, Some((Vector::SS, 0x38))),
        (0x38, 0xc099, 0, Some((Vector::GP, 0x38))),
        (0x3b, 0xc09f, 0, None),
        (0x38, 0x0082, 0, Some((Vector::GP, 0x38))),
        (0x200, 0, 0, Some((Vector::GP, 0x200))),
        (0x3c, 0, 0, Some((Vector::GP, 0x3c))),
        (0x03, 0, 0, None),
        (0x00, 0, 2, Some((Vector::GP, 0))),
        (0x38, 0xc093, 1, Some((Vector::UD, 0))),
    ];
    for &(selector, attributes, register, expected) in cases {
        let mut machine = Machine::with_system_tables(32);
        machine.regs.ldtr = Segment::default();
        machine.set_descriptor(0x38, Descriptor::new(0, 0xfffff, attributes));
        machine.regs.gpr[0] = selector.into();
        machine.run(&[0x8e, 0xc0 | register << 3], 1);
        assert_eq!(raised(&machine), expected, "{selector:#x} {attributes:#x} {register}");
    }
}

#[test]
fn a_segment_load_marks_the_descriptor_accessed() {
    let mut machine = Machine::with_system_tables(32);
    machine.set_descriptor(0x38, Descriptor::new(0, 0xfffff, 0xc092));
    machine.regs.gpr[0] = 0x38;

    machine.run(&[0x8e, 0xc0], 1);

    assert_eq!(machine.read(GDT + 0x3d, 1), [0x93]);
    assert_eq!(machine.regs.segments[0].attributes, 0xc093);
}

#[test]
fn a_far_pointer_at_the_end_of_4_gib_wraps_around() {
    // With a base, offset ffff_fffe of an expanded segment lies below the base.
    let mut machine = Machine::with_system_tables(32);
    machine.regs.segments[3].base = 0x3_0004;
    machine.regs.gpr[3] = 0xffff_fff8; // linear 0x2fffc
    machine.write(0x2_fffc, &[0, 0x60, 0, 0, 8, 0]);

    machine.run(&[0xff, 0x2b], 1); // jmp far [ebx]

    assert_eq!((raised(&machine), machine.regs.rip), (None, 0x6000));
}

/// Zen 5, asked in user mode: `48 FF /3` and `/5` and `48 0F B5` take six bytes, zero-extend the offset,
/// and CALL pushes words of 64 bits.
#[test]
fn with_rex_w_far_pointers_have_32_bit_offsets_on_amd_and_64_bit_ones_on_intel() {
    let mut intel = crate::features::QEMU64;
    intel.vendor = b"GenuineIntel";
    for (model, offset) in [(crate::features::QEMU64, 0x9000_0000u64), (intel, 0x0008_9000_0000)] {
        let run = |code: &[u8], pointer: &[u8]| {
            let mut machine = Machine::with_model(64, model);
            machine.regs.gdtr = arch::segment::TableRegister { base: GDT, limit: 0x7f };
            machine.set_descriptor(8, Descriptor::new(0, 0xfffff, 0xa09b));
            machine.write(0x4_0000, pointer);
            machine.regs.gpr[3] = 0x4_0000;
            machine.run(code, 1);
            machine
        };
        // Offset 90000000 and selector 8; or offset 8_90000000 and selector 8.
        let pointer = [0, 0, 0, 0x90, 8, 0, 0, 0, 8, 0];
        assert_eq!(run(&[0x48, 0xff, 0x2b], &pointer).regs.rip, offset);
        let machine = run(&[0x48, 0xff, 0x1b], &pointer);
        assert_eq!((machine.regs.rip, machine.regs.gpr[4]), (offset, STACK - 16));
        let null = [0, 0, 0, 0x90, 0, 0, 0, 0, 0, 0];
        assert_eq!(run(&[0x48, 0x0f, 0xb5, 0x03], &null).regs.gpr[0], 0x9000_0000);
    }
}

/// Selector of a 32-bit code segment of CPL 0 in the tests of changes between 64-bit and compatibility mode.
const CODE32: u64 = 0x30;

/// In 64-bit or compatibility mode, with code segments of both sizes.
fn long_mode(bits: u32) -> Machine {
    let mut machine = Machine::with_system_tables(64);
    machine.set_descriptor(CODE32, Descriptor::new(0, 0xfffff, 0xc09b));
    machine.set_segments(bits, 0);
    machine
}

/// Zen 5, asked in user mode.
#[test]
fn a_far_call_pushes_in_the_mode_that_it_enters() {
    // From 64-bit mode: the stack pointer is cut to 32 bits first.
    let mut machine = long_mode(64);
    machine.regs.gpr[4] = 7 << 32 | STACK;
    machine.regs.gpr[3] = 0x4_0000;
    machine.write(0x4_0000, &[0, 0x60, 0, 0, CODE32 as u8, 0]);

    machine.run(&[0xff, 0x1b], 1); // call far [rbx]

    assert_eq!(
        (raised(&machine), machine.regs.rip, machine.regs.gpr[4]),
        (None, 0x6000, STACK - 8)
    );
    assert_eq!((machine.stack(0, 4), machine.stack(1, 4)), (CODE + 2, 8));

    // To 64-bit mode: SS has no limit there.
    let mut machine = long_mode(32);
    machine.regs.segments[SegReg::Ss as usize].limit = 0xfff;

    machine.run(&[0x9a, 0, 0x60, 0, 0, 8, 0], 1); // call 8:6000h

    assert_eq!(
        (raised(&machine), machine.regs.rip, machine.regs.gpr[4]),
        (None, 0x6000, STACK - 8)
    );
}

/// Zen 5, asked in user mode: a 16-bit stack pointer that would wrap around does not in 64-bit mode.
#[test]
fn far_returns_release_the_stack_in_the_mode_that_they_enter() {
    for (code, words) in [(0xcb, 2), (0xcf, 3)] {
        for (cs, expected) in [(8, 0x1_0000), (CODE32, 0)] {
            let mut machine = long_mode(32);
            machine.regs.segments[SegReg::Ss as usize].attributes &= !attr::DB;
            machine.regs.gpr[4] = 0x1_0000 - 4 * words;
            let frame = [0x6000, cs as u32, 2].map(u32::to_le_bytes).concat();
            machine.write(machine.regs.gpr[4], &frame[..4 * words as usize]);

            machine.run(&[code], 1);

            let after = (raised(&machine), machine.regs.rip, machine.regs.gpr[4]);
            assert_eq!(after, (None, 0x6000, expected), "{code:x} {cs:x}");
        }
    }
}
