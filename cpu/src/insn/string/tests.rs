//! Expected values: SDM Vol. 2, the instructions' pages and "REP"; single choices measured on Zen 5
//! (see `native_tests`). One piece against single steps is the oracle for the fast forms.

use crate::Exit;
use crate::testing::{BusAccess, CODE, HANDLERS, Machine, Random};
use arch::control::{cr0, efer};
use arch::exception::{Exception, Vector, page_fault};
use arch::paging::pte;
use arch::rflags;
use arch::segment::{SegReg, attr};

const RAX: usize = 0;
const RCX: usize = 1;
const RSI: usize = 6;
const RDI: usize = 7;

/// Two data pages that are apart from code, stack and each other.
const FROM: u64 = 0x2_0000;
const TO: u64 = 0x4_0000;

fn machine(bits: u32, from: u64, to: u64, count: u64) -> Machine {
    let mut machine = Machine::new(bits);
    machine.regs.gpr[RSI] = from;
    machine.regs.gpr[RDI] = to;
    machine.regs.gpr[RCX] = count;
    let pattern: Vec<u8> = (0..0x2000u32).map(|i| (i * 7 + i / 256) as u8).collect();
    machine.write(FROM, &pattern);
    machine
}

fn pointers(machine: &Machine) -> (u64, u64, u64) {
    (machine.regs.gpr[RCX], machine.regs.gpr[RSI], machine.regs.gpr[RDI])
}

#[test]
fn one_iteration_counts_one_instruction() {
    let mut m = machine(64, FROM, TO, 5);

    let exit = m.run(&[0xf3, 0xa4], 5); // rep movsb

    assert_eq!(exit, Exit::Limit);
    assert_eq!((m.regs.rip, m.cpu.retired()), (CODE + 2, 5));
    assert_eq!(pointers(&m), (0, FROM + 5, TO + 5));
    assert_eq!(m.read(TO, 6), [&m.read(FROM, 5)[..], &[0]].concat());
}

#[test]
fn a_budget_that_ends_within_a_repetition_ends_there_exactly() {
    let mut m = machine(64, FROM, TO, 1000);

    m.run(&[0xf3, 0x48, 0xa5], 300); // rep movsq

    assert_eq!((m.regs.rip, m.cpu.retired()), (CODE, 300));
    assert_eq!(pointers(&m), (700, FROM + 2400, TO + 2400));
    assert_eq!(m.read(TO + 2400, 8), [0; 8]);
    m.resume(700);
    assert_eq!((m.regs.rip, m.cpu.retired()), (CODE + 3, 1000));
    assert_eq!(m.read(TO, 8000), m.read(FROM, 8000));
}

/// Measured on Zen 5: with ECX = 0 not even the upper halves are cleared.
#[test]
fn a_repetition_of_none_counts_one_and_writes_no_register() {
    let mut m = machine(64, 0x11_0002_0000, 0x22_0004_0000, 0x99_0000_0000);
    let before = pointers(&m);

    m.run(&[0x67, 0xf3, 0xa4], 1); // rep movsb with 32-bit addresses

    assert_eq!((m.regs.rip, m.cpu.retired()), (CODE + 3, 1));
    assert_eq!(pointers(&m), before);
}

#[test]
fn address_size_32_in_64_bit_mode_clears_the_upper_halves() {
    let mut m = machine(64, 0x11_0002_0000, 0x22_0004_0000, 0x99_0000_0003);

    m.run(&[0x67, 0xf3, 0xa4], 3);

    assert_eq!(pointers(&m), (0, FROM + 3, TO + 3));
    assert_eq!(m.read(TO, 3), m.read(FROM, 3));
}

#[test]
fn pointers_and_counter_of_16_bits_wrap_and_keep_their_upper_bits() {
    let mut m = Machine::real();
    m.regs.segments[SegReg::Ds as usize].base = FROM;
    m.regs.segments[SegReg::Es as usize].base = TO;
    m.regs.gpr[RSI] = 0xaaaa_fffe;
    m.regs.gpr[RDI] = 0xbbbb_fffc;
    m.regs.gpr[RCX] = 0xcccc_0004;
    m.write(FROM + 0xfffe, &[1, 2]);
    m.write(FROM, &[3, 4, 5, 6, 7, 8]);

    m.run(&[0xf3, 0xa5], 4); // rep movsw

    assert_eq!(pointers(&m), (0xcccc_0000, 0xaaaa_0006, 0xbbbb_0004));
    assert_eq!(m.read(TO + 0xfffc, 4), [1, 2, 3, 4]);
    assert_eq!(m.read(TO, 4), [5, 6, 7, 8]);
}

/// 286 and later: an operand does not wrap within itself.
#[test]
fn a_word_at_the_end_of_a_real_mode_segment_faults() {
    let mut m = Machine::real();
    m.regs.gpr[RSI] = 0xfffd;
    m.regs.gpr[RDI] = 0x6000;
    m.regs.gpr[RCX] = 4;

    m.run(&[0xf3, 0xa5], 10);

    assert_eq!(m.fault(), Some(Exception::gp0()));
    assert_eq!(m.cpu.recent_faults()[0].retired, 1, "the first word was copied");
}

#[test]
fn a_fault_leaves_the_completed_iterations_done() {
    for (code, width) in
        [(&[0xf3, 0xa4][..], 1), (&[0xf3, 0x66, 0xab], 2), (&[0xf3, 0x48, 0xa5], 8)]
    {
        let mut m = machine(64, FROM, TO + 0x1000 - 16, 100);
        m.map(TO + 0x1000, 0);

        let exit = m.run(code, 1000);

        let done = 16 / width;
        let code = page_fault::W;
        assert_eq!(exit, Exit::Shutdown);
        assert_eq!(m.fault(), Some(Exception::page_fault(TO + 0x1000, code)));
        let record = m.cpu.recent_faults()[0];
        assert_eq!((record.retired, record.rip), (done, CODE));
        assert_eq!((m.regs.gpr[RCX], m.regs.gpr[RDI]), (100 - done, TO + 0x1000));
    }
}

#[test]
fn an_element_across_a_page_end_is_written_whole_or_not_at_all() {
    let mut m = machine(64, FROM, TO + 0x1000 - 12, 3);
    m.map(TO + 0x1000, pte::P | pte::US); // read-only, CR0.WP set

    m.run(&[0xf3, 0x48, 0xa5], 10); // rep movsq

    let code = page_fault::W | page_fault::P;
    assert_eq!(m.fault(), Some(Exception::page_fault(TO + 0x1000, code)));
    assert_eq!(pointers(&m), (2, FROM + 8, TO + 0x1000 - 4));
    assert_eq!(m.read(TO + 0x1000 - 4, 4), [0; 4]);
}

/// Measured on Zen 5, for CMPS too, and for #GP against #PF.
#[test]
fn the_source_faults_before_the_destination() {
    for code in [&[0xa4][..], &[0xa6]] {
        let mut m = machine(64, FROM, TO, 1);
        m.map(FROM, 0);
        m.map(TO, 0);

        m.run(code, 1);

        assert_eq!(m.fault(), Some(Exception::page_fault(FROM, 0)));
        assert_eq!(pointers(&m), (1, FROM, TO));
    }
}

#[test]
fn an_overlapping_copy_repeats_what_lies_before_the_destination() {
    // Distances below the width (an element overlaps its own copy), equal to it, and above.
    for (opcode, width) in
        [(&[0xa4u8][..], 1usize), (&[0x66, 0xa5], 2), (&[0xa5], 4), (&[0x48, 0xa5], 8)]
    {
        for ahead in 0..20u64 {
            let count = 100;
            let mut m = machine(64, FROM + 3, FROM + 3 + ahead, count);
            let mut expected = m.read(FROM, 0x1000);
            for i in 0..count as usize {
                let from = 3 + i * width;
                expected.copy_within(from..from + width, from + ahead as usize);
            }

            m.run(&[&[0xf3], opcode].concat(), count);

            assert_eq!(m.read(FROM, 0x1000), expected, "width {width}, ahead {ahead}");
        }
    }
}

#[test]
fn with_df_the_pointers_go_down() {
    let mut m = machine(64, FROM + 0x100, FROM + 0x104, 8);
    let expected = m.read(FROM + 0x100 - 28, 32);
    m.regs.rflags |= rflags::DF;

    m.run(&[0xf3, 0xa5], 8); // rep movsd

    assert_eq!(pointers(&m), (0, FROM + 0x100 - 32, FROM + 0x104 - 32));
    assert_eq!(m.read(FROM + 0x104 - 28, 32), expected, "as memmove");
}

#[test]
fn repe_cmps_stops_behind_the_first_difference() {
    let mut m = machine(64, FROM, TO, 100);
    let same = m.read(FROM, 100);
    m.write(TO, &same);
    m.write(TO + 41, &[same[41].wrapping_add(1)]);

    m.run(&[0xf3, 0xa6], 42); // repe cmpsb

    assert_eq!((m.regs.rip, m.cpu.retired()), (CODE + 2, 42));
    assert_eq!(pointers(&m), (58, FROM + 42, TO + 42));
    assert_eq!(m.regs.rflags & (rflags::ZF | rflags::CF), rflags::CF, "source - destination");
}

#[test]
fn repne_scas_stops_behind_the_first_match() {
    let mut m = machine(64, 0, FROM, u64::MAX);
    m.regs.gpr[RAX] = 0xffff_0000;
    m.write(FROM, b"length of me\0rest");

    m.run(&[0xf2, 0xae], 13); // repne scasb: strlen

    assert_eq!((m.regs.rip, m.cpu.retired()), (CODE + 2, 13));
    assert_eq!(!m.regs.gpr[RCX] - 1, 12, "the string's length");
    assert_ne!(m.regs.rflags & rflags::ZF, 0);
}

#[test]
fn a_compare_whose_count_ends_keeps_the_last_flags() {
    let mut m = machine(64, 0, FROM, 3);
    m.regs.gpr[RAX] = 5;
    m.write(FROM, &[5, 5, 5, 5]);

    m.run(&[0xf3, 0xae], 3); // repe scasb

    assert_eq!((m.regs.rip, m.regs.gpr[RCX]), (CODE + 2, 0));
    assert_ne!(m.regs.rflags & rflags::ZF, 0);
}

/// Measured on Zen 5; Intel's manual restores the flags from before the instruction instead, which
/// would make them depend on where the repetition was last interrupted.
#[test]
fn a_compare_that_faults_keeps_the_flags_of_its_completed_iterations() {
    let mut m = machine(64, 0, TO + 0x1000 - 4, 100);
    m.regs.gpr[RAX] = 0x44;
    m.write(TO + 0x1000 - 4, &[0x55; 4]);
    m.map(TO + 0x1000, 0);

    m.run(&[0xf2, 0xae], 100); // repne scasb

    let expected = rflags::CF | rflags::AF | rflags::SF;
    assert_eq!(m.regs.rflags & rflags::STATUS, expected);
    assert_eq!((m.regs.gpr[RCX], m.cpu.recent_faults()[0].retired), (96, 4));
}

#[test]
fn repne_acts_as_rep_where_nothing_is_compared() {
    let mut m = machine(64, 0, TO, 4);
    m.regs.gpr[RAX] = 0x1122_3344_5566_7788;

    m.run(&[0xf2, 0x48, 0xab], 4); // repne stosq

    assert_eq!(m.regs.gpr[RCX], 0);
    assert_eq!(
        m.read(TO, 33),
        [&0x1122_3344_5566_7788u64.to_le_bytes().repeat(4)[..], &[0]].concat()
    );
}

#[test]
fn a_32_bit_lods_clears_the_upper_half() {
    let mut m = machine(64, FROM, 0, 2);
    m.regs.gpr[RAX] = u64::MAX;
    m.write(FROM, &[1, 2, 3, 4, 5, 6, 7, 8]);

    m.run(&[0xf3, 0xad], 2); // rep lodsd

    assert_eq!(m.regs.gpr[RAX], 0x0807_0605);
    assert_eq!(pointers(&m), (0, FROM + 8, 0));
}

#[test]
fn an_override_moves_the_source_and_never_the_destination() {
    let mut m = machine(32, 0x10, 0x20, 1);
    m.regs.segments[SegReg::Gs as usize].base = FROM;
    m.regs.segments[SegReg::Es as usize].base = TO;

    m.run(&[0x65, 0xa5], 1); // movs dword es:[edi], gs:[esi]

    assert_eq!(m.read(TO + 0x20, 4), m.read(FROM + 0x10, 4));

    let mut m = machine(32, 0, 0x20, 1);
    m.regs.segments[SegReg::Gs as usize].base = FROM;
    m.regs.segments[SegReg::Es as usize].base = TO;
    m.regs.gpr[RAX] = 0xabcd;

    m.run(&[0x65, 0xab], 1); // stosd, the prefix has no effect

    assert_eq!(m.read(TO + 0x20, 2), [0xcd, 0xab]);
}

#[test]
fn in_64_bit_mode_ss_overrides_nothing_and_fs_adds_its_base() {
    let mut m = machine(64, 0x8000_0000_0000, TO, 1);
    m.run(&[0x36, 0xa4], 1); // movsb with SS
    assert_eq!(m.fault(), Some(Exception::gp0()));

    let mut m = machine(64, 0x10, TO, 8);
    m.regs.segments[SegReg::Fs as usize].base = FROM;
    m.run(&[0x64, 0xf3, 0xa4], 8);
    assert_eq!(m.read(TO, 8), m.read(FROM + 0x10, 8));
}

#[test]
fn a_source_beyond_the_stack_segment_is_a_stack_fault() {
    let mut m = machine(32, FROM, TO, 8);
    m.regs.segments[SegReg::Ss as usize].limit = FROM as u32 + 9;
    m.regs.segments[SegReg::Ss as usize].attributes &= !attr::G;

    m.run(&[0x36, 0xf3, 0xa5], 8); // rep movsd with SS

    assert_eq!(m.fault().map(|fault| fault.vector), Some(Vector::SS));
    assert_eq!(pointers(&m), (6, FROM + 8, TO + 8));
}

#[test]
fn a_read_only_destination_segment_faults_and_nothing_is_read() {
    let mut m = machine(32, 0xa_0000, TO, 8);
    m.regs.segments[SegReg::Es as usize].attributes &= !attr::WRITABLE_OR_READABLE;

    m.run(&[0xf3, 0xa4], 8);

    assert_eq!(m.fault(), Some(Exception::gp0()));
    assert_eq!(m.bus.accesses, []);
}

/// One nanosecond an instruction, so the clock tells the iteration.
#[test]
fn each_iteration_that_touches_a_device_does_so_at_its_own_time() {
    let mut m = machine(64, FROM, 0xa_0000 - 2, 5);
    m.write(FROM, &[1, 2, 3, 4, 5]);

    m.run(&[0x90, 0xf3, 0xa4], 6); // nop; rep movsb

    let access = |at, value, now| BusAccess { at, size: 1, written: Some(value), now };
    let expected = [access(0xa_0000, 3, 3), access(0xa_0001, 4, 4), access(0xa_0002, 5, 5)];
    assert_eq!(m.bus.accesses, expected);
    assert_eq!((m.regs.rip, m.cpu.retired()), (CODE + 3, 6));
}

/// The shadow of STI ends with the first iteration, not with the repetition.
#[test]
fn an_interrupt_that_waited_for_sti_comes_after_the_first_iteration() {
    let mut m = machine(64, 0, TO, 500);
    m.bus.outcome.lines.intr = true;

    let exit = m.run(&[0xfb, 0xf3, 0xaa], 100); // sti; rep stosb

    assert_eq!(exit, Exit::Shutdown, "the interrupt was delivered, and there is no IDT");
    assert_eq!((m.regs.gpr[RCX], m.cpu.retired()), (499, 2));
}

#[test]
fn a_source_that_is_a_device_is_not_read_when_the_destination_faults() {
    let mut m = machine(64, 0xa_0000, TO, 1);
    m.map(TO, 0);

    m.run(&[0xa4], 1);

    assert_eq!(m.fault(), Some(Exception::page_fault(TO, page_fault::W)));
    assert_eq!(m.bus.accesses, []);
}

#[test]
fn a_single_step_trap_comes_after_each_iteration() {
    let mut m = machine(64, FROM, TO, 100);
    m.regs.rflags |= rflags::TF;

    m.run(&[0xf3, 0xa4], 100);

    assert_eq!(m.fault().map(|fault| fault.vector), Some(Vector::DB));
    assert_eq!((m.cpu.recent_faults()[0].retired, m.regs.gpr[RCX]), (1, 99));
}

#[test]
fn code_that_a_repetition_writes_is_executed_as_written() {
    let mut m = machine(64, 0, CODE + 0x10, 0x10);
    m.regs.gpr[RAX] = 0x90;
    let mut code = vec![0xf3, 0xaa]; // rep stosb
    code.resize(0x20, 0xcc); // its bytes 0x10.. become NOPs
    code[2..4].copy_from_slice(&[0xeb, 0x0c]); // jmp to them
    m.run(&code, 0x10 + 1 + 0x10);

    assert_eq!(m.fault(), None);
    assert_eq!(m.regs.rip, CODE + 0x20);
}

#[test]
fn ac_is_raised_by_a_misaligned_element_before_its_page_fault() {
    let mut m = machine(32, FROM + 1, TO, 2);
    m.set_segments(32, 3);
    m.regs.cr0 |= cr0::AM;
    m.regs.rflags |= rflags::AC;

    m.run(&[0xf3, 0xa5], 2);

    assert_eq!(m.fault().map(|fault| fault.vector), Some(Vector::AC));
    assert_eq!(pointers(&m), (2, FROM + 1, TO));
}

// ---- the fast forms against single steps ----

/// A repetition at random places: around page ends, overlapping, near limits, unmapped pages, devices.
fn random_case(seed: u64) -> (Machine, Vec<u8>, u64) {
    let mut random = Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    let bits = [64, 32, 16][random.below(3) as usize];
    let from = FROM + random.below(0x2800);
    let to = match random.below(4) {
        0 => from + random.below(40),
        1 => from - random.below(40),
        2 => 0xa_0000 - random.below(0x1800),
        _ => TO + random.below(0x2800),
    };
    let count = random.below(0x900);
    let mut m = machine(bits, from, to, count);
    m.regs.gpr[RAX] = [0, 0x0101_0101_0101_0101, 0x1122_3344_5566_7788][random.below(3) as usize];
    for _ in 0..random.below(3) {
        let page = [FROM, TO][random.below(2) as usize] + 0x1000 * random.below(4);
        m.map(page, [0, pte::P, pte::P | pte::RW][random.below(3) as usize]);
    }
    if bits != 64 {
        for register in [SegReg::Es, SegReg::Ds] {
            let segment = &mut m.regs.segments[register as usize];
            match random.below(4) {
                0 => segment.limit = (from + random.below(0x1800)) as u32,
                1 => segment.limit = (to + random.below(0x1800)) as u32,
                2 => {
                    segment.attributes |= attr::EXPAND_DOWN_OR_CONFORMING;
                    segment.limit = (from - random.below(0x100)) as u32;
                }
                _ => {}
            }
        }
        if random.below(2) == 0 {
            m.regs.cr0 |= cr0::PG;
            m.regs.efer = efer::LME | efer::LMA; // compatibility mode
        }
    }
    if random.below(4) == 0 {
        m.regs.rflags |= rflags::DF;
    }
    let mut code = vec![[0xf3, 0xf2][random.below(2) as usize]];
    let opcodes = [0xa4, 0xa5, 0xaa, 0xab, 0xa4, 0xa5, 0xa6, 0xa7, 0xac, 0xae, 0xaf];
    match random.below(4) {
        0 => code.push(0x66),
        1 => code.push(0x67),
        _ => {}
    }
    if bits == 64 && random.below(2) == 0 {
        code.push(0x48);
    }
    code.push(opcodes[random.below(opcodes.len() as u64) as usize]);
    code.extend([0xeb, 0xfe]); // jmp $, where a comparison ends early
    (m, code, count)
}

#[test]
fn a_repetition_in_one_go_leaves_what_single_steps_leave() {
    for seed in 1..1500 {
        let (mut whole, code, count) = random_case(seed);
        let (mut stepped, ..) = random_case(seed);

        let exit = whole.run(&code, count + 2);
        let mut last = stepped.run(&code, 1);
        while last == Exit::Limit && stepped.cpu.retired() < count + 2 {
            last = stepped.resume(1);
        }

        let case = format!("seed {seed}, code {code:x?}, {:x?}", whole.regs);
        assert_eq!(exit, last, "{case}");
        assert_eq!(whole.cpu.retired(), stepped.cpu.retired(), "{case}");
        assert_eq!(whole.fault(), stepped.fault(), "{case}");
        assert!(whole.cpu.state() == stepped.cpu.state(), "{case}\n{:x?}", stepped.regs);
        assert_eq!(whole.bus.accesses, stepped.bus.accesses, "{case}");
        for page in [FROM - 0x1000, TO] {
            assert_eq!(whole.read(page, 0x6000), stepped.read(page, 0x6000), "{case}");
        }
    }
}

/// Across two page ends, so that the repetition goes in several pieces anyway.
#[test]
fn an_interrupt_at_any_boundary_of_a_long_repetition_is_taken_there_and_returns_into_it() {
    const COUNT: u64 = 0x1100;
    for at in (1..COUNT).step_by(61).chain([0xfff - 8, 0x1000 - 8, 0x1001 - 8, COUNT - 1]) {
        let mut m = Machine::with_system_tables(64);
        (m.regs.gpr[RCX], m.regs.gpr[RDI], m.regs.gpr[RAX]) = (COUNT, TO + 8, 0x5a);
        m.write(HANDLERS + 16 * 0x20, &[0x48, 0xcf]); // iretq
        let frame = (m.regs.gpr[4] & !15) - 40;

        m.run(&[0xfb, 0xf3, 0xaa, 0xf4], 1 + at); // sti; rep stosb; hlt
        m.bus.outcome.lines.intr = true;
        let delivered = m.resume(1);

        assert_eq!((delivered, m.regs.gpr[RCX]), (Exit::Limit, COUNT - at), "at iteration {at}");
        assert_eq!(
            (m.regs.rip, m.read(frame, 8)),
            (HANDLERS + 16 * 0x20, (CODE + 1).to_le_bytes().to_vec())
        );
        assert_eq!(m.resume(u64::MAX >> 1), Exit::Halted);
        // STI, the iterations, HLT; the delivery and IRET.
        assert_eq!(m.cpu.retired(), 1 + COUNT + 1 + 2);
        assert!(m.read(TO + 8, COUNT as usize).iter().all(|&byte| byte == 0x5a));
    }
}
