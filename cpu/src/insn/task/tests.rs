//! Task switches: what they save and load, who stays busy, and which task a fault belongs to.

mod refusals;

use super::*;
use crate::run::Exit;
use crate::testing::*;
use arch::control::{cr3, cr4};
use arch::paging::pte;
use arch::segment::{Segment, attr};

/// Vector and error code of the first exception.
type Raised = Option<(Vector, u32)>;

fn raised(machine: &Machine) -> Raised {
    machine.fault().map(|fault| (fault.vector, fault.error_code))
}

/// The TSS of the other task, at selector [`OTHER`]; a gate to it is at [`GATE`].
const NEW: u64 = 0xa00;
const OTHER: u16 = 0x38;
const GATE: u16 = 0x40;
const LDT: u16 = 0x48;
/// Where the other task's code is: HLT.
const START: u64 = HANDLERS + 16 * 0xf0;
/// And its stack.
const TASK_STACK: u64 = 0x7_0000;

/// `jmp SELECTOR:0`, `call SELECTOR:0`
fn jump(selector: u16) -> [u8; 7] {
    let [low, high] = selector.to_le_bytes();
    [0xea, 0, 0, 0, 0, low, high]
}
fn call(selector: u16) -> [u8; 7] {
    let mut bytes = jump(selector);
    bytes[0] = 0x9a;
    bytes
}

fn put32(machine: &mut Machine, at: u16, value: u32) {
    machine.write(NEW + u64::from(at), &value.to_le_bytes());
}

/// Protected mode with a second task, of a 32-bit TSS, ready to run at CPL 0.
fn machine() -> Machine {
    let mut machine = Machine::with_system_tables(32);
    let tss = Descriptor::new(NEW as u32, 0x67, attr::P | 9);
    machine.set_descriptor(OTHER.into(), tss);
    machine.set_descriptor(GATE.into(), Descriptor(u64::from(OTHER) << 16 | 0x85 << 40));
    put32(&mut machine, tss32::EIP, START as u32);
    put32(&mut machine, tss32::EIP + 4, 2);
    for n in 0..8u16 {
        put32(&mut machine, tss32::EIP + 8 + 4 * n, 0x1234_0000 | u32::from(n));
    }
    put32(&mut machine, tss32::EIP + 8 + 16, TASK_STACK as u32);
    for (n, selector) in (0u16..).zip([0x10, 8, 0x10, 0x10, 0, 0]) {
        put32(&mut machine, tss32::ES + 4 * n, selector);
    }
    machine
}

/// The same with a 16-bit TSS.
fn machine16() -> Machine {
    let mut machine = machine();
    machine.set_descriptor(OTHER.into(), Descriptor::new(NEW as u32, 0x2b, attr::P | 1));
    machine.write(NEW, &[0; 0x68]);
    let words =
        [0x4000u16, 2, 0xa0, 0xa1, 0xa2, 0xa3, 0x8000, 0xa5, 0xa6, 0xa7, 0x10, 8, 0x10, 0x10, 0];
    for (at, word) in (0u64..).zip(words) {
        machine.write(NEW + u64::from(tss16::IP) + 2 * at, &word.to_le_bytes());
    }
    machine.write(0x4000, &[0xf4]);
    machine
}

/// Type field of a descriptor in the GDT.
fn kind(machine: &Machine, selector: u16) -> u8 {
    machine.read(GDT + u64::from(selector) + 5, 1)[0] & 0xf
}

fn tss(machine: &Machine, base: u64, at: u16) -> u32 {
    let bytes = machine.read(base + u64::from(at), 4);
    u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]])
}

#[test]
fn a_jump_to_a_tss_saves_one_task_and_loads_the_other() {
    for selector in [OTHER, GATE] {
        let mut machine = machine();
        machine.regs.gpr[3] = 0x5555_aaaa;
        machine.regs.rflags = 0x8d7 & !rflags::TF | 2;

        let exit = machine.run(&jump(selector), 5);

        assert_eq!((exit, machine.regs.rip, raised(&machine)), (Exit::Halted, START + 1, None));
        let registers: Vec<u64> = (0..8).map(|n| machine.regs.gpr[n]).collect();
        let expected = |n: u64| if n == 4 { TASK_STACK } else { 0x1234_0000 | n };
        assert_eq!(registers, (0..8).map(expected).collect::<Vec<u64>>());
        assert_eq!(machine.regs.tr.selector.0, OTHER);
        assert_eq!(machine.regs.tr.attributes & 0xf, 11);
        assert_eq!((machine.regs.rflags, machine.regs.cr0 & cr0::TS), (2, cr0::TS));
        // The old task is available again, the new one busy and without a link.
        assert_eq!((kind(&machine, 0x28), kind(&machine, OTHER)), (9, 11));
        assert_eq!(machine.read(NEW, 2), [0, 0]);
        assert_eq!(u64::from(tss(&machine, TSS, tss32::EIP)), CODE + 7);
        assert_eq!(tss(&machine, TSS, tss32::EIP + 4), 0x8d7 & !0x100 | 2);
        assert_eq!(tss(&machine, TSS, tss32::EIP + 8 + 12), 0x5555_aaaa);
        assert_eq!(u64::from(tss(&machine, TSS, tss32::EIP + 8 + 16)), STACK);
        let selectors: Vec<u32> = (0..6).map(|n| tss(&machine, TSS, tss32::ES + 4 * n)).collect();
        assert_eq!(selectors, [0x10, 8, 0x10, 0x10, 0x10, 0x10]);
    }
}

#[test]
fn a_call_nests_and_iret_goes_back_behind_it() {
    let mut machine = machine();
    machine.write(START, &[0xcf, 0xf4]); // iret; hlt
    machine.write(CODE + 7, &[0xf4]);

    machine.run(&call(GATE), 1);
    assert_eq!((machine.regs.rip, machine.regs.rflags), (START, rflags::NT | 2));
    assert_eq!(machine.read(NEW, 2), [0x28, 0]);
    assert_eq!((kind(&machine, 0x28), kind(&machine, OTHER)), (11, 11));
    machine.regs.gpr[0] = 0x77;
    machine.cpu.set_registers(&machine.regs.clone());

    let exit = machine.resume(5);

    assert_eq!((exit, machine.regs.rip, raised(&machine)), (Exit::Halted, CODE + 8, None));
    assert_eq!((machine.regs.gpr[4], machine.regs.rflags), (STACK, 2));
    assert_eq!((kind(&machine, 0x28), kind(&machine, OTHER)), (11, 9));
    assert_eq!(machine.regs.tr.selector.0, 0x28);
    // What was left behind goes on behind its IRET, and is nested no more.
    assert_eq!(u64::from(tss(&machine, NEW, tss32::EIP)), START + 1);
    assert_eq!(tss(&machine, NEW, tss32::EIP + 4), 2);
    assert_eq!(tss(&machine, NEW, tss32::EIP + 8), 0x77);
}

#[test]
fn a_16_bit_tss_holds_the_lower_halves_and_loads_ones_above_them() {
    let mut machine = machine16();
    machine.regs.segments[4].selector = Selector(0x10);

    machine.run(&call(OTHER), 1);

    let registers: Vec<u64> = (0..8).map(|n| machine.regs.gpr[n]).collect();
    let low = [0xa0, 0xa1, 0xa2, 0xa3, 0x8000, 0xa5, 0xa6, 0xa7];
    assert_eq!(registers, low.map(|word| 0xffff_0000 | word));
    assert_eq!((machine.regs.rip, machine.regs.rflags), (0x4000, rflags::NT | 2));
    assert_eq!(machine.regs.segments[4], Segment::default());
    assert_eq!(machine.read(NEW, 2), [0x28, 0]);
    assert_eq!((kind(&machine, OTHER), machine.regs.tr.attributes & 0xf), (3, 3));

    // Back, and in again: the words were saved, and nothing behind the DS word was touched.
    machine.write(0x4000, &[0x90, 0xcf, 0xf4]); // nop; iret; hlt
    machine.write(NEW + 0x2c, &[0xee; 4]);
    machine.resume(2);
    assert_eq!((machine.regs.rip, raised(&machine)), (CODE + 7, None));
    assert_eq!(machine.read(NEW + 0xe, 6), [2, 0x40, 2, 0, 0xa0, 0]);
    assert_eq!(machine.read(NEW + 0x2a, 6), [0, 0, 0xee, 0xee, 0xee, 0xee]);
}

#[test]
fn an_exception_through_a_task_gate_finds_its_error_code_on_the_new_stack() {
    for bits in [32, 16] {
        let mut machine = if bits == 32 { machine() } else { machine16() };
        machine.set_gate(13, 0x8500, OTHER.into(), 0);
        machine.regs.gpr[0] = 0x1f8;

        let exit = machine.run(&[0x8e, 0xd8], 5); // mov ds, ax

        assert_eq!(exit, Exit::Halted);
        // The stack of both is flat and of 32 bits, and that of a 16-bit TSS starts beyond RAM.
        let sp = if bits == 32 { TASK_STACK - 4 } else { 0xffff_7ffe };
        assert_eq!(machine.regs.gpr[4], sp);
        if bits == 32 {
            assert_eq!(machine.read(sp, 4), 0x1f8u32.to_le_bytes());
        }
        // The old task goes on at the instruction that faulted, with RF set.
        assert_eq!(u64::from(tss(&machine, TSS, tss32::EIP)), CODE);
        assert_eq!(tss(&machine, TSS, tss32::EIP + 4), rflags::RF as u32 | 2);
        assert_eq!(machine.regs.rflags, rflags::NT | 2);
        assert_eq!(machine.read(NEW, 2), [0x28, 0]);
    }
}

#[test]
fn int_n_through_a_task_gate_checks_the_gates_level_and_returns_behind_itself() {
    let mut machine = machine();
    machine.set_gate(0x80, 0x8500, OTHER.into(), 0);
    machine.user(32);
    machine.run(&[0xcd, 0x80], 1);
    assert_eq!(raised(&machine), Some((Vector::GP, 0x80 << 3 | 2)));

    let mut machine = self::machine();
    machine.set_gate(0x80, 0xe500, OTHER.into(), 0);
    machine.user(32);
    machine.run(&[0xcd, 0x80], 1);
    assert_eq!((raised(&machine), machine.regs.rip, machine.cpu.cpl()), (None, START, 0));
    assert_eq!(u64::from(tss(&machine, TSS, tss32::EIP)), CODE + 2);
    assert_eq!((machine.regs.gpr[4], machine.cpu.retired()), (TASK_STACK, 1));
}

#[test]
fn a_bad_task_behind_an_interrupt_is_reported_with_ext_set_and_by_int_n_without() {
    for (code, ext) in [(&[0x0f, 0x0b][..], 1), (&[0xcd, 0x06][..], 0)] {
        let mut machine = machine();
        machine.set_gate(6, 0x8500, OTHER.into(), 0);
        put32(&mut machine, tss32::ES + 8, 0);

        machine.run(code, 1);

        assert_eq!(
            raised(&machine),
            Some((Vector::UD, 0)).filter(|_| ext == 1).or(raised(&machine))
        );
        let faults = machine.cpu.recent_faults();
        let bad = faults.iter().find(|fault| fault.exception.vector == Vector::TS);
        assert_eq!(bad.map(|fault| (fault.exception.error_code, fault.rip)), Some((ext, START)));
    }
}

#[test]
fn a_double_fault_task_runs_where_the_stack_of_the_program_is_lost() {
    let mut machine = machine();
    machine.set_gate(8, 0x8500, OTHER.into(), 0);
    machine.regs.segments[2].limit = 0xf;
    machine.regs.segments[2].attributes &= !attr::G;

    let exit = machine.run(&[0x0f, 0x0b], 5);

    assert_eq!((exit, machine.regs.rip), (Exit::Halted, START + 1));
    assert_eq!(machine.read(TASK_STACK - 4, 4), [0; 4]);
    assert_eq!(u64::from(tss(&machine, TSS, tss32::EIP)), CODE);
}

#[test]
fn the_ldt_is_there_before_the_segments_that_lie_in_it() {
    let mut machine = machine();
    machine.set_descriptor(LDT.into(), Descriptor::new(0xc00, 0x3f, attr::P | 2));
    machine.write(0xc08, &Descriptor::new(0, 0xfffff, 0xc09b).0.to_le_bytes());
    machine.write(0xc10, &Descriptor::new(0x1000, 0xfffff, 0xc093).0.to_le_bytes());
    put32(&mut machine, tss32::LDT, LDT.into());
    put32(&mut machine, tss32::ES + 4, 0x0c);
    put32(&mut machine, tss32::ES + 12, 0x14);

    let exit = machine.run(&jump(OTHER), 5);

    assert_eq!((exit, raised(&machine)), (Exit::Halted, None));
    assert_eq!((machine.regs.ldtr.base, machine.regs.segments[3].base), (0xc00, 0x1000));
}

#[test]
fn a_task_of_cpl_3_comes_with_its_level_and_one_with_vm_set_is_an_8086() {
    let mut machine = machine();
    for (n, selector) in (0u16..).zip([0x23, 0x1b, 0x23, 0x23, 0, 0]) {
        put32(&mut machine, tss32::ES + 4 * n, selector);
    }
    machine.run(&jump(OTHER), 1);
    assert_eq!((raised(&machine), machine.cpu.cpl()), (None, 3));

    let mut machine = self::machine();
    put32(&mut machine, tss32::EIP, 0x100);
    put32(&mut machine, tss32::EIP + 4, (rflags::VM | rflags::IOPL) as u32 | 2);
    for n in 0..6 {
        put32(&mut machine, tss32::ES + 4 * n, 0x2000 + u32::from(n));
    }
    machine.run(&jump(OTHER), 1);
    assert_eq!((raised(&machine), machine.cpu.cpl(), machine.cpu.v8086()), (None, 3, true));
    let bases: Vec<u64> = machine.regs.segments.iter().map(|segment| segment.base).collect();
    assert_eq!(bases, [0x2_0000, 0x2_0010, 0x2_0020, 0x2_0030, 0x2_0040, 0x2_0050]);
}

#[test]
fn the_t_bit_raises_a_debug_trap_before_the_first_instruction() {
    for code in [&jump(OTHER)[..], &[0xcd, 0x80][..]] {
        let mut machine = machine();
        machine.set_gate(0x80, 0x8500, OTHER.into(), 0);
        put32(&mut machine, tss32::TRAP, 1);
        machine.cpu.dr7 |= dr7::LOCAL | 2;

        machine.run(code, 3);

        assert_eq!((machine.handled(), u64::from(machine.stack(0, 4) as u32)), (Some(1), START));
        assert_eq!(machine.cpu.dr6 & dr6::BT, dr6::BT);
        assert_eq!(machine.cpu.dr7 & (dr7::LOCAL | 2), 2);
    }
}

#[test]
fn iret_wants_a_busy_task_behind_the_link() {
    // Link, TSS descriptor attributes, expected.
    let cases: &[(u16, u16, Raised)] = &[
        (OTHER, attr::P | 9, Some((Vector::TS, 0x38))),
        (OTHER, 11, Some((Vector::NP, 0x38))),
        (0x10, attr::P | 11, Some((Vector::TS, 0x10))),
        (0x3c, attr::P | 11, Some((Vector::TS, 0x3c))),
        (0, attr::P | 11, Some((Vector::TS, 0))),
        (OTHER, attr::P | 11, None),
    ];
    for &(link, attributes, expected) in cases {
        let mut machine = machine();
        machine.set_descriptor(OTHER.into(), Descriptor::new(NEW as u32, 0x67, attributes));
        machine.write(TSS, &link.to_le_bytes());
        machine.regs.rflags |= rflags::NT;

        machine.run(&[0xcf], 1);

        assert_eq!(raised(&machine), expected, "{link:#x} {attributes:#x}");
        let at = machine.cpu.recent_faults().first().map(|fault| fault.rip);
        assert_eq!(at, expected.map(|_| CODE));
    }
}

#[test]
fn long_mode_has_no_tasks() {
    for (attributes, selector) in [(attr::P | 9, OTHER), (attr::P | 5, OTHER)] {
        let mut machine = Machine::with_system_tables(64);
        machine.set_descriptor(OTHER.into(), Descriptor::new(NEW as u32, 0x67, attributes));
        machine.write(0x4_0000, &[0, 0, 0, 0, selector as u8, 0]);
        machine.regs.gpr[3] = 0x4_0000;
        machine.run(&[0xff, 0x2b], 1); // jmp far [rbx]
        assert_eq!(raised(&machine), Some((Vector::GP, 0x38)));
    }
    let mut machine = Machine::with_system_tables(64);
    machine.regs.rflags |= rflags::NT;
    machine.run(&[0x48, 0xcf], 1);
    assert_eq!(raised(&machine), Some((Vector::GP, 0)));
}

/// Turns PAE paging on with two page-directory-pointer tables; the second, at 0x3_0000, maps the same.
fn paged() -> Machine {
    let mut machine = machine();
    machine.regs.cr0 |= cr0::PG | cr0::WP;
    machine.regs.cr4 |= cr4::PAE;
    let directory = TABLES + 0x2000;
    machine.regs.cr3 = 0x3_0000;
    for at in [0x3_0000u64, 0x3_0020] {
        machine.write(at, &(directory | pte::P).to_le_bytes());
    }
    put32(&mut machine, tss32::CR3, 0x3_0020 | cr3::PWT as u32);
    machine
}

#[test]
fn cr3_and_the_pdptes_are_those_of_the_new_task() {
    let mut machine = paged();
    machine.write(0x3_0028, &(0x4_0000 | pte::P).to_le_bytes());

    let exit = machine.run(&jump(OTHER), 5);

    assert_eq!((exit, raised(&machine)), (Exit::Halted, None));
    assert_eq!(machine.regs.cr3, 0x3_0020 | cr3::PWT);
    assert_eq!(machine.cpu.pdptes[1], 0x4_0000 | pte::P);
    assert_eq!(machine.read(TSS + 0x1c, 4), [0; 4], "CR3 is not saved");
}

#[test]
fn a_reserved_bit_in_a_new_pdpte_is_a_fault_of_the_old_task() {
    let mut machine = paged();
    machine.write(0x3_0028, &(0x4_0000 | pte::P | pte::RW).to_le_bytes());

    machine.run(&jump(OTHER), 1);

    assert_eq!((raised(&machine), kind(&machine, 0x28)), (Some((Vector::GP, 0)), 11));
    assert_eq!((machine.regs.cr3, machine.regs.tr.selector.0), (0x3_0000, 0x28));
}

#[test]
fn a_missing_page_of_either_tss_faults_before_anything_is_saved() {
    // Page, what it becomes, and the fault: of the new TSS, read; of the old one, written.
    for (page, entry, expected) in [(0x2_2000, 0, (0x2_2000, 0)), (0x2_1000, pte::P, (0x2_1000, 3))]
    {
        let mut machine = paged();
        // What is saved of the old TSS begins in its second page, at offset 0x20.
        machine.regs.tr.base = 0x2_0fe0;
        let old = machine.read(TSS, 0x68);
        machine.write(0x2_0fe0, &old);
        let new = machine.read(NEW, 0x68);
        machine.write(0x2_1fe0, &new);
        machine.set_descriptor(OTHER.into(), Descriptor::new(0x2_1fe0, 0x67, attr::P | 9));
        machine.map(page, entry);

        machine.run(&jump(OTHER), 1);

        let fault = machine.fault().map(|fault| (fault.address, fault.error_code));
        assert_eq!(fault, Some(expected));
        assert_eq!((kind(&machine, 0x28), kind(&machine, OTHER)), (11, 9));
        assert_eq!(machine.read(0x2_1000, 8), [0; 8]);
    }
}
