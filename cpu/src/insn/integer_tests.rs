//! What the host cannot be asked about the integer instructions: faults and what they leave,
//! privileges, 16-bit code, virtual-8086 mode. Expected values: SDM Vol. 2, the instructions' own pages.

use crate::Exit;
use crate::testing::{CODE, Machine, STACK};
use arch::exception::{Exception, Vector};
use arch::paging::pte;
use arch::rflags;
use arch::segment::SegReg;

const RAX: usize = 0;
const RCX: usize = 1;
const RDX: usize = 2;
const RBX: usize = 3;
const RSP: usize = 4;
const RBP: usize = 5;
const DATA: u64 = 0x2_0000;

/// Runs one instruction of 64-bit mode and expects a fault that leaves registers and flags.
fn fault(machine: &mut Machine, code: &[u8]) -> Exception {
    let before = machine.regs;
    machine.run(code, 1);
    assert_eq!((machine.regs.gpr, machine.regs.rip), (before.gpr, before.rip));
    assert_eq!((machine.regs.rflags ^ before.rflags) & rflags::STATUS, 0);
    machine.fault().expect("the instruction faults")
}

#[test]
fn divisions_that_do_not_fit_raise_divide_error() {
    const MIN: u64 = 1 << 63;
    let cases: [(&[u8], u64, u64, u64); 7] = [
        (&[0xf7, 0xf1], 0, 1, 0),                       // div ecx: by 0
        (&[0xf7, 0xf1], 1, 0, 1),                       // div ecx: quotient 2^32
        (&[0x48, 0xf7, 0xf1], 2, 0, 2),                 // div rcx
        (&[0xf6, 0xf1], 0, 0x200, 2),                   // div cl: quotient 100h
        (&[0x48, 0xf7, 0xf9], u64::MAX, MIN, u64::MAX), // idiv rcx: quotient 2^63
        (&[0x48, 0xf7, 0xf9], MIN, 0, u64::MAX),        // idiv rcx: -2^127 by -1
        (&[0xf6, 0xf9], 0, 0xff80, 0xff),               // idiv cl: quotient 80h
    ];
    for (code, rdx, rax, rcx) in cases {
        let mut machine = Machine::new(64);
        (machine.regs.gpr[RAX], machine.regs.gpr[RCX], machine.regs.gpr[RDX]) = (rax, rcx, rdx);

        assert_eq!(fault(&mut machine, code), Exception::new(Vector::DE), "{code:02x?}");
    }
}

#[test]
fn aam_by_zero_raises_divide_error() {
    let mut machine = Machine::new(32);

    machine.run(&[0xd4, 0], 1); // aam 0

    assert_eq!(machine.fault(), Some(Exception::new(Vector::DE)));
}

/// Silicon reports W = 1 for every read-modify-write; TCG reports the read.
#[test]
fn read_modify_write_of_an_absent_page_faults_as_a_write() {
    let instructions: [&[u8]; 10] = [
        &[0x01, 0x08],             // add [rax], ecx
        &[0xff, 0x00],             // inc dword [rax]
        &[0xf7, 0x18],             // neg dword [rax]
        &[0xd3, 0x20],             // shl dword [rax], cl
        &[0x87, 0x08],             // xchg [rax], ecx
        &[0x0f, 0xc1, 0x08],       // xadd [rax], ecx
        &[0x0f, 0xb1, 0x08],       // cmpxchg [rax], ecx
        &[0x0f, 0xc7, 0x08],       // cmpxchg8b [rax]
        &[0x48, 0x0f, 0xc7, 0x08], // cmpxchg16b [rax]
        &[0x0f, 0xab, 0x08],       // bts [rax], ecx
    ];
    for code in instructions {
        let mut machine = Machine::new(64);
        machine.map(DATA, 0);
        machine.regs.gpr[RAX] = DATA;

        let exception = fault(&mut machine, code);

        assert_eq!(exception, Exception::page_fault(DATA, 2), "{code:02x?}");
    }
}

/// CMPXCHG writes its destination even when the comparison fails: 86Box#7734.
#[test]
fn cmpxchg_that_fails_to_compare_needs_the_write_right() {
    let mut machine = Machine::new(64);
    machine.map(DATA, pte::P);
    (machine.regs.gpr[RAX], machine.regs.gpr[RBX]) = (1, DATA);

    let exception = fault(&mut machine, &[0x0f, 0xb1, 0x0b]); // cmpxchg [rbx], ecx

    assert_eq!(exception, Exception::page_fault(DATA, 3));
}

#[test]
fn compare_and_test_read_pages_that_may_not_be_written() {
    for code in [&[0x39, 0x08][..], &[0x85, 0x08], &[0x0f, 0xa3, 0x08]] {
        let mut machine = Machine::new(64); // cmp, test, bt [rax], ecx
        machine.map(DATA, pte::P);
        machine.regs.gpr[RAX] = DATA;

        assert_eq!((machine.run(code, 1), machine.fault()), (Exit::Limit, None), "{code:02x?}");
    }
}

#[test]
fn cmov_reads_its_memory_operand_even_if_the_condition_fails() {
    let mut machine = Machine::new(64);
    machine.map(DATA, 0);
    machine.regs.gpr[RAX] = DATA;

    let exception = fault(&mut machine, &[0x0f, 0x44, 0x08]); // cmove ecx, [rax], with ZF clear

    assert_eq!(exception, Exception::page_fault(DATA, 0));
}

#[test]
fn cmpxchg16b_of_a_misaligned_operand_is_a_general_protection_fault() {
    let mut machine = Machine::new(64);
    machine.regs.gpr[RAX] = DATA + 8;

    assert_eq!(fault(&mut machine, &[0x48, 0x0f, 0xc7, 0x08]), Exception::gp0());
}

#[test]
fn pop_to_memory_that_faults_leaves_the_stack_pointer() {
    let mut machine = Machine::new(64);
    machine.map(DATA, 0);
    machine.regs.gpr[RSP] = DATA - 16;

    let exception = fault(&mut machine, &[0x8f, 0x44, 0x24, 0x08]); // pop qword [rsp+8]

    // The address is computed with the pointer behind the popped value.
    assert_eq!(exception, Exception::page_fault(DATA, 2));
}

#[test]
fn enter_that_faults_leaves_frame_and_stack_pointer() {
    let mut machine = Machine::new(64);
    machine.map(DATA, 0);
    machine.regs.gpr[RSP] = DATA + 0x1010;

    // enter 10h, 0: rBP fits above the page, the last slot of the frame does not.
    let exception = fault(&mut machine, &[0xc8, 0x10, 0, 0]);

    assert_eq!(exception, Exception::page_fault(DATA + 0xff8, 2));
}

#[test]
fn mov_from_moffs_takes_a_64_bit_address() {
    let mut machine = Machine::new(64);

    let exception = fault(&mut machine, &[0xa1, 0, 0x20, 0, 0, 0x10, 0, 0, 0]);

    assert_eq!(exception, Exception::page_fault(0x10_0000_2000, 0));
}

#[test]
fn non_canonical_addresses_fault_by_segment() {
    let cases: [(&[u8], Vector); 3] = [
        (&[0x8b, 0x08], Vector::GP),       // mov ecx, [rax]
        (&[0x8b, 0x4d, 0x00], Vector::SS), // mov ecx, [rbp]
        (&[0x01, 0x0c, 0x24], Vector::SS), // add [rsp], ecx
    ];
    for (code, vector) in cases {
        let mut machine = Machine::new(64);
        for register in [RAX, RBP, RSP] {
            machine.regs.gpr[register] = 0x8000_0000_0000;
        }

        assert_eq!(fault(&mut machine, code), Exception::new(vector), "{code:02x?}");
    }
}

#[test]
fn undefined_instructions_raise_invalid_opcode() {
    // ud2; ud1 eax, eax; ud0 eax, eax; prefetch with a register; setssbsy without CET
    let codes: [&[u8]; 5] = [
        &[0x0f, 0x0b],
        &[0x0f, 0xb9, 0xc0],
        &[0x0f, 0xff, 0xc0],
        &[0x0f, 0x0d, 0xc8],
        &[0xf3, 0x0f, 0x01, 0xe8],
    ];
    for code in codes {
        let mut machine = Machine::new(64);

        assert_eq!(fault(&mut machine, code), Exception::ud(), "{code:02x?}");
    }
}

/// Code for Intel CET runs on processors without it.
#[test]
fn hints_of_absent_features_do_nothing() {
    let code = [
        0xf3, 0x0f, 0x1e, 0xfa, // endbr64
        0xf3, 0x48, 0x0f, 0x1e, 0xc8, // rdsspq rax
        0xf3, 0x90, // pause
        0x0f, 0x18, 0x00, // prefetchnta [rax], of an absent page
    ];
    let mut machine = Machine::new(64);
    machine.map(DATA, 0);
    machine.regs.gpr[RAX] = DATA;

    let exit = machine.run(&code, 4);

    assert_eq!((exit, machine.fault()), (Exit::Limit, None));
    assert_eq!((machine.regs.gpr[RAX], machine.regs.rip), (DATA, CODE + code.len() as u64));
}

/// A bit number in a register reaches below the operand, and the address wraps at its size.
#[test]
fn bit_test_of_a_negative_number_wraps_at_the_address_size() {
    let mut machine = Machine::real();
    machine.regs.gpr[RAX] = 0xfff3; // -13: bit 3 of the word below
    machine.regs.gpr[RBX] = 0;

    machine.run(&[0x0f, 0xab, 0x07], 1); // bts [bx], ax

    assert_eq!(machine.fault(), None);
    assert_eq!(machine.read(0xfffe, 2), [8, 0]);
}

#[test]
fn a_word_across_the_segment_limit_faults_in_real_mode() {
    let mut machine = Machine::real();
    machine.regs.gpr[RBX] = 0xffff;

    machine.run(&[0x8b, 0x07], 1); // mov ax, [bx]

    assert_eq!(machine.fault(), Some(Exception::gp0()));
}

#[test]
fn the_16_bit_stack_wraps_and_keeps_the_upper_half_of_its_pointer() {
    let mut machine = Machine::real();
    machine.regs.gpr[RSP] = 0x1234_0000;

    machine.run(&[0x54], 1); // push sp: the value before the push

    assert_eq!(machine.regs.gpr[RSP], 0x1234_fffe);
    assert_eq!(machine.read(0xfffe, 2), [0, 0]);
}

#[test]
fn popf_changes_what_the_privilege_level_allows() {
    const ALL: u64 = rflags::IF | rflags::IOPL | rflags::ID | rflags::CF;
    let cases = [
        (0, 0, ALL | rflags::FIXED),
        (3, 0, rflags::ID | rflags::CF | rflags::FIXED),
        (3, rflags::IOPL, ALL | rflags::FIXED),
    ];
    for (cpl, before, after) in cases {
        let mut machine = Machine::new(32);
        machine.set_segments(32, cpl);
        machine.regs.rflags = before | rflags::FIXED;
        machine.write(STACK, &(ALL | rflags::VM | rflags::RF | rflags::VIF).to_le_bytes());

        machine.run(&[0x9d], 1); // popfd

        assert_eq!(machine.regs.rflags, after, "at CPL {cpl}");
    }
}

#[test]
fn a_16_bit_popf_leaves_the_upper_flags() {
    let mut machine = Machine::new(32);
    machine.regs.rflags = rflags::ID | rflags::AC | rflags::FIXED;
    machine.write(STACK, &0u32.to_le_bytes());

    machine.run(&[0x66, 0x9d], 1);

    assert_eq!(machine.regs.rflags, rflags::ID | rflags::AC | rflags::FIXED);
    assert_eq!(machine.regs.gpr[RSP], STACK + 2);
}

#[test]
fn popf_that_enables_interrupts_lets_a_pending_one_in_before_the_next_instruction() {
    let mut machine = Machine::new(64);
    machine.write(STACK, &(rflags::IF | rflags::FIXED).to_le_bytes());
    machine.bus.outcome.lines.intr = true;

    machine.run(&[0x9d, 0xb0, 1], 2); // popfq; mov al, 1

    // There is no IDT: the delivery ends in a shutdown, at the instruction that did not run.
    assert_eq!((machine.regs.gpr[RAX], machine.regs.rip), (0, CODE + 1));
}

#[test]
fn pushf_and_popf_need_iopl_3_in_virtual_8086_mode() {
    for code in [0x9c, 0x9d] {
        for (iopl, fault) in [(0, Some(Exception::gp0())), (rflags::IOPL, None)] {
            let mut machine = Machine::new(32);
            machine.regs.segments = Machine::real().regs.segments;
            machine.regs.rflags = rflags::VM | iopl | rflags::FIXED;
            machine.regs.gpr[RSP] = 0x7000;
            machine.regs.rip = 0x7c00;

            machine.run(&[code], 1);

            assert_eq!(machine.fault(), fault, "opcode {code:x}");
        }
    }
}

#[test]
fn bound_outside_its_limits_raises_bound_range_exceeded() {
    for (index, fault) in [(-5i32, None), (7, None), (8, Some(Vector::BR)), (-6, Some(Vector::BR))]
    {
        let mut machine = Machine::new(32);
        (machine.regs.gpr[RAX], machine.regs.gpr[RBX]) = (index as u32 as u64, DATA);
        machine.write(DATA, &(-5i32).to_le_bytes());
        machine.write(DATA + 4, &7i32.to_le_bytes());

        machine.run(&[0x62, 0x03], 1); // bound eax, [ebx]

        assert_eq!(machine.fault().map(|exception| exception.vector), fault, "index {index}");
    }
}

/// As silicon does it (`tests/silicon`).
#[test]
fn pusha_into_a_segment_too_small_leaves_what_it_pushed_and_the_stack_pointer() {
    let mut machine = Machine::new(32);
    let ss = &mut machine.regs.segments[SegReg::Ss as usize];
    (ss.base, ss.limit) = (DATA, 0xffff);
    machine.regs.gpr[RSP] = 0x10; // the fifth push goes beyond the limit
    machine.regs.gpr[RAX] = 0xdead_beef;

    machine.run(&[0x60], 1); // pushad

    assert_eq!(machine.fault().map(|exception| exception.vector), Some(Vector::SS));
    assert_eq!(machine.read(DATA + 12, 4), 0xdead_beef_u32.to_le_bytes());
    assert_eq!(machine.regs.gpr[RSP], 0x10);
}
