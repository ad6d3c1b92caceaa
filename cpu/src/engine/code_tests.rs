//! Code that changes under the engine, in every way a guest has; what is dropped for it, and what is not.
//!
//! Every guest runs in every engine form, whole and cut into budgets of one and of a few instructions.
//! The step form decodes each instruction afresh, so it is what the cached blocks are compared with.

use super::dispatch::EngineForm;
use crate::run::{Config, Exit};
use crate::testing::*;
use crate::{CacheStats, Cpu};
use arch::control::cr0;
use arch::exception::Vector;
use arch::paging::pte;

/// A function on a page of its own.
const FAR: u64 = 0x2_0000;
/// The page behind it, and its page table entry.
const BEHIND: u64 = 0x2_1000;
const BEHIND_ENTRY: u64 = TABLES + 0x3000 + (BEHIND >> 12) * 8;

/// Runs a guest for a number of instructions in every form and expects the same end of all; the result is
/// the machine that ran it in one go.
fn in_every_form(instructions: u64, prepare: impl Fn(&mut Machine)) -> Machine {
    let run = |form, cut: u64| {
        let mut machine = Machine::with_system_tables(64);
        machine.cpu = Cpu::new(&Config { form, ..Config::default() });
        prepare(&mut machine);
        machine.cpu.set_registers(&machine.regs);
        let mut exit = Exit::Limit;
        while exit == Exit::Limit && machine.cpu.retired() < instructions {
            exit = machine.resume(cut.min(instructions - machine.cpu.retired()));
        }
        machine
    };
    let end = |machine: &Machine| (machine.cpu.state(), machine.read(0, 0xa_0000));
    let whole = run(EngineForm::BEST, u64::MAX);
    for (form, cut) in [
        (EngineForm::Step, u64::MAX),
        (EngineForm::Hybrid, u64::MAX),
        (EngineForm::BEST, 1),
        (EngineForm::BEST, 3),
        (EngineForm::Hybrid, 50),
        (EngineForm::BEST, 101),
    ] {
        assert!(end(&run(form, cut)) == end(&whole), "{form:?} by {cut} instructions");
    }
    whole
}

/// The same for code at [`CODE`].
fn code_in_every_form(instructions: u64, code: &[u8]) -> Machine {
    in_every_form(instructions, |machine| machine.write(CODE, code))
}

fn stats(machine: &Machine) -> CacheStats {
    machine.cpu.cache_stats()
}

fn sum_to(n: u64) -> u64 {
    n * (n + 1) / 2
}

// ---- who writes ----------------------------------------------------------------------------------

#[test]
fn a_store_changes_the_next_instruction_each_time() {
    // again: inc ecx; mov [rip + 1], cl; mov al, 0; add ebx, eax; jmp again
    let code = [0xff, 0xc1, 0x88, 0x0d, 1, 0, 0, 0, 0xb0, 0, 0x01, 0xc3, 0xeb, 0xf2];
    let machine = code_in_every_form(5 * 20, &code);
    assert_eq!(machine.regs.gpr[3], sum_to(20));
}

#[test]
fn a_store_changes_the_next_block_each_time() {
    // again: inc ecx; mov [target + 1], cl; jmp target; nop; target: mov al, 0; add ebx, eax; jmp again
    let code = [0xff, 0xc1, 0x88, 0x0d, 4, 0, 0, 0, 0xeb, 1, 0x90, 0xb0, 0, 0x01, 0xc3, 0xeb, 0xef];
    let machine = code_in_every_form(6 * 40, &code);
    assert_eq!(machine.regs.gpr[3], sum_to(40));
    let stats = stats(&machine);
    assert_eq!((stats.dropped, stats.rebuilt, stats.built), (39, 39, 41), "{stats:?}");
}

#[test]
fn a_store_changes_a_function_on_another_page_each_time() {
    // again: inc ecx; mov [FAR + 1], cl; mov edx, FAR; call rdx; add ebx, eax; call FAR; add ebx, eax
    //        jmp again
    let code = [
        0xff, 0xc1, 0x88, 0x0c, 0x25, 1, 0, 2, 0, 0xba, 0, 0, 2, 0, 0xff, 0xd2, 0x01, 0xc3, 0xe8,
        0xe9, 0xff, 0, 0, 0x01, 0xc3, 0xeb, 0xe5,
    ];
    let machine = in_every_form(12 * 20, |machine| {
        machine.write(CODE, &code);
        machine.write(FAR, &[0xb0, 0, 0xc3]); // mov al, 0; ret
    });
    assert_eq!(machine.regs.gpr[3], 2 * sum_to(20));
    assert_eq!(stats(&machine).dropped, 19, "the function alone, once a round");
}

#[test]
fn a_store_through_an_alias_changes_cached_code_each_time() {
    // again: inc ecx; mov [0x30009], cl; nop; mov al, 0; add ebx, eax; jmp again
    let code = [0xff, 0xc1, 0x88, 0x0c, 0x25, 0x0b, 0, 3, 0, 0x90, 0xb0, 0, 0x01, 0xc3, 0xeb, 0xf0];
    let machine = in_every_form(6 * 20, |machine| {
        let entry = (CODE | pte::P | pte::RW | pte::US).to_le_bytes();
        machine.write(TABLES + 0x3000 + 0x30 * 8, &entry);
        machine.write(CODE, &code);
    });
    assert_eq!(machine.regs.gpr[3], sum_to(20));
}

#[test]
fn a_store_across_pages_changes_the_code_of_both() {
    // again: inc ecx; mov esi, ecx; shl rsi, 8; add rsi, 0xba; shl rsi, 32; or rsi, rcx
    //        mov [FAR + 0xffc], rsi; call FAR + 0xff6; add rbx, rax; add rbp, rdx; jmp again
    // FAR + 0xff6: mov rax, imm64; BEHIND: mov edx, imm32; ret
    let code = [
        0xff, 0xc1, 0x89, 0xce, 0x48, 0xc1, 0xe6, 8, 0x48, 0x81, 0xc6, 0xba, 0, 0, 0, 0x48, 0xc1,
        0xe6, 0x20, 0x48, 0x09, 0xce, 0x48, 0x89, 0x34, 0x25, 0xfc, 0x0f, 2, 0, 0xe8, 0xd3, 0x0f,
        1, 0, 0x48, 0x01, 0xc3, 0x48, 0x01, 0xd5, 0xeb, 0xd5,
    ];
    let machine = in_every_form(14 * 20, |machine| {
        machine.write(CODE, &code);
        machine.write(FAR + 0xff6, &[0x48, 0xb8]);
        machine.write(BEHIND + 5, &[0xc3]);
    });
    assert_eq!(machine.regs.gpr[3], sum_to(20) << 32);
    assert_eq!(machine.regs.gpr[5], sum_to(20));
    assert_eq!(stats(&machine).dropped, 2 * 19);
}

#[test]
fn rep_stos_over_a_function_that_crosses_pages_is_seen_each_time() {
    // again: mov edi, FAR + 0xffc; mov ecx, 8; rep stosb; mov edx, FAR + 0xffc; call rdx; adc ebx, ebx
    //        xor al, 1; jmp again
    // The function: eight times CLC or STC; ret.
    let code = [
        0xbf, 0xfc, 0x0f, 2, 0, 0xb9, 8, 0, 0, 0, 0xf3, 0xaa, 0xba, 0xfc, 0x0f, 2, 0, 0xff, 0xd2,
        0x11, 0xdb, 0x34, 1, 0xeb, 0xe7,
    ];
    let machine = in_every_form(24 * 10, |machine| {
        machine.write(CODE, &code);
        machine.write(FAR + 0x1004, &[0xc3]);
        machine.regs.gpr[0] = 0xf8;
    });
    assert_eq!(machine.regs.gpr[3], 0b01_0101_0101);
}

#[test]
fn rep_movs_over_the_next_instruction_is_seen_each_time() {
    // again: lea edi, [next]; mov ecx, 5; rep movsb; next: mov edx, 0; add ebx, edx; jmp again
    let code = [
        0x8d, 0x3d, 7, 0, 0, 0, 0xb9, 5, 0, 0, 0, 0xf3, 0xa4, 0xba, 0, 0, 0, 0, 0x01, 0xd3, 0xeb,
        0xea,
    ];
    let machine = in_every_form(10 * 20, |machine| {
        machine.write(CODE, &code);
        for i in 0..20 {
            machine.write(0x3_0000 + 5 * i, &[0xba, i as u8 + 1, 0, 0, 0]);
        }
        machine.regs.gpr[6] = 0x3_0000;
    });
    assert_eq!(machine.regs.gpr[3], sum_to(20));
}

#[test]
fn push_onto_the_next_instruction_is_seen_each_time() {
    // again: inc ecx; lea rsp, [next + 10]; push rcx; next: mov rax, 0; add rbx, rax; jmp again
    let code = [
        0xff, 0xc1, 0x48, 0x8d, 0x25, 0x0b, 0, 0, 0, 0x51, 0x48, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0,
        0x48, 0x01, 0xc3, 0xeb, 0xe7,
    ];
    let machine = code_in_every_form(6 * 20, &code);
    assert_eq!(machine.regs.gpr[3], sum_to(20));
}

#[test]
fn call_that_pushes_onto_the_function_it_calls_is_seen() {
    // again: lea rsp, [func + 10]; call func; nop; nop; func: mov rax, 0; add rbx, rax; jmp again
    let code = [
        0x48, 0x8d, 0x25, 0x11, 0, 0, 0, 0xe8, 2, 0, 0, 0, 0x90, 0x90, 0x48, 0xb8, 0, 0, 0, 0, 0,
        0, 0, 0, 0x48, 0x01, 0xc3, 0xeb, 0xe3,
    ];
    let machine = code_in_every_form(5 * 20, &code);
    assert_eq!(machine.regs.gpr[3], 20 * (CODE + 12));
    assert_eq!(machine.regs.gpr[0], CODE + 12);
}

#[test]
fn an_interrupts_frame_becomes_code() {
    // At FAR + 0xd8 40 NOPs, later the frame, and some more; then mov esp, FAR + 0x100;
    // cmp esp, FAR + 0xff; int 0x80. The handler (jmp rdx) goes to the frame, whose words are ADD, ADC,
    // OR and AND of [rax] or [rcx] and al.
    let machine = in_every_form(2000, |machine| {
        machine.write(FAR + 0xd8, &[0x90; 40 + 19]);
        let push = [0xbc, 0, 1, 2, 0, 0x81, 0xfc, 0xff, 0, 2, 0, 0xcd, 0x80];
        machine.write(FAR + 0x120 - push.len() as u64, &push);
        machine.write(HANDLERS + 16 * 0x80, &[0xff, 0xe2]);
        machine.regs.gpr[..3].copy_from_slice(&[0x3_0001, 0x3_0800, FAR + 0xd8]);
        machine.regs.rip = FAR + 0xd8;
    });
    assert_eq!(machine.cpu.retired(), 2000);
    assert_ne!(machine.read(0x3_0800, 8), [0; 8], "what was pushed was executed");
}

// ---- where code lies -----------------------------------------------------------------------------

#[test]
fn an_instruction_whose_second_page_goes_absent_faults_and_does_nothing() {
    // mov edx, FAR + 0xffc; call rdx; mov qword [BEHIND_ENTRY], 0; invlpg [BEHIND]; call rdx
    let code = [
        0xba, 0xfc, 0x0f, 2, 0, 0xff, 0xd2, 0x48, 0xc7, 0x04, 0x25, 0x08, 0x41, 0, 0, 0, 0, 0, 0,
        0x0f, 0x01, 0x3c, 0x25, 0, 0x10, 2, 0, 0xff, 0xd2,
    ];
    let machine = in_every_form(100, |machine| {
        machine.write(CODE, &code);
        // inc ebx; mov eax, 0x1010101; ret
        machine.write(FAR + 0xffc, &[0xff, 0xc3, 0xb8, 1, 1, 1, 1, 0xc3]);
        machine.regs.gpr[0] = 7;
    });
    assert_eq!(BEHIND_ENTRY, 0x4108);
    let record = machine.cpu.recent_faults()[0];
    assert_eq!((record.exception.vector, record.exception.address), (Vector::PF, BEHIND));
    assert_eq!((record.rip, record.exception.error_code), (FAR + 0xffe, 0));
    // What came before it in the page is done, twice.
    assert_eq!((machine.regs.gpr[3], machine.regs.gpr[0]), (2, 0x101_0101));
    assert_eq!(record.retired, 9);
}

#[test]
fn an_instruction_across_pages_is_followed_when_its_second_page_is_written() {
    // again: inc ecx; mov [BEHIND], cl; mov edx, FAR + 0xffe; call rdx; add ebx, eax; jmp again
    let code = [
        0xff, 0xc1, 0x88, 0x0c, 0x25, 0, 0x10, 2, 0, 0xba, 0xfe, 0x0f, 2, 0, 0xff, 0xd2, 0x01,
        0xc3, 0xeb, 0xec,
    ];
    let machine = in_every_form(8 * 20, |machine| {
        machine.write(CODE, &code);
        machine.write(FAR + 0xffe, &[0xb8, 0, 0, 0, 0, 0xc3]); // mov eax, 0; ret
    });
    assert_eq!(machine.regs.gpr[3], sum_to(20) << 8);
}

/// again: mov edx, `target`; call rdx; add ebx, eax; xor dword [BEHIND_ENTRY], 0x3000; invlpg [BEHIND];
/// jmp again
fn remapping(target: u64) -> Vec<u8> {
    let mut code = vec![0xba];
    code.extend((target as u32).to_le_bytes());
    code.extend([0xff, 0xd2, 0x01, 0xc3]);
    code.extend([0x81, 0x34, 0x25, 0x08, 0x41, 0, 0, 0, 0x30, 0, 0]);
    code.extend([0x0f, 0x01, 0x3c, 0x25, 0, 0x10, 2, 0, 0xeb, 0xe2]);
    code
}

#[test]
fn an_instruction_across_pages_is_followed_when_its_second_page_is_remapped() {
    let machine = in_every_form(8 * 20, |machine| {
        machine.write(CODE, &remapping(FAR + 0xffe));
        machine.write(FAR + 0xffe, &[0xb8, 1, 0, 0, 0, 0xc3]); // mov eax, 1; ret
        machine.write(BEHIND + 0x1000, &[1, 0, 0, 0xc3]); // mov eax, 0x101; ret
    });
    assert_eq!(machine.regs.gpr[3], 10 * (1 + 0x101));
    assert_eq!(stats(&machine).dropped, 0, "no byte changed");
}

#[test]
fn code_whose_page_is_mapped_elsewhere_is_followed_and_kept() {
    let machine = in_every_form(8 * 40, |machine| {
        machine.write(CODE, &remapping(BEHIND));
        machine.write(BEHIND, &[0xb8, 1, 0, 0, 0, 0xc3]);
        machine.write(BEHIND + 0x1000, &[0xb8, 2, 0, 0, 0, 0xc3]);
    });
    assert_eq!(machine.regs.gpr[3], 20 * 3);
    let stats = stats(&machine);
    assert_eq!((stats.dropped, stats.built), (0, 5), "{stats:?}");
}

#[test]
fn a_function_that_comes_to_cross_its_page_is_entered_by_its_translation() {
    // In FAR: again: xor byte [FAR + 0xffd], 0x7b (RET or MOV EAX, imm32); call FAR + 0xffd;
    //         add ebx, eax; xor dword [BEHIND_ENTRY], 0x3000; invlpg [BEHIND]; call FAR + 0xffd
    //         add ebx, eax; jmp again
    let code = [
        0x80, 0x34, 0x25, 0xfd, 0x0f, 2, 0, 0x7b, 0xe8, 0xf0, 0x0f, 0, 0, 0x01, 0xc3, 0x81, 0x34,
        0x25, 0x08, 0x41, 0, 0, 0, 0x30, 0, 0, 0x0f, 0x01, 0x3c, 0x25, 0, 0x10, 2, 0, 0xe8, 0xd6,
        0x0f, 0, 0, 0x01, 0xc3, 0xeb, 0xd5,
    ];
    let round = [8 + 4, 8 + 2];
    let machine = in_every_form(10 * (round[0] + round[1]), |machine| {
        machine.write(FAR, &code);
        machine.write(FAR + 0xffd, &[0xc3, 5, 0, 0, 0, 0xc3]);
        machine.write(BEHIND + 0x1000, &[1, 0, 0xc3]);
        machine.regs.rip = FAR;
    });
    // MOV EAX gives 5, then behind the remapping 0x10005, which RET leaves twice; then the other way.
    let rounds = [5 + 0x1_0005 + 2 * 0x1_0005; 10];
    assert_eq!(machine.regs.gpr[3], rounds.iter().sum::<u64>());
}

#[test]
fn a_function_that_grows_and_shrinks_is_what_its_bytes_say() {
    // again: mov [func], rsi; xchg rsi, rdi; call func; jmp again. func: RET, or three INC EBX and RET.
    let code = [0x48, 0x89, 0x35, 0x39, 0, 0, 0, 0x48, 0x87, 0xfe, 0xe8, 0x31, 0, 0, 0, 0xeb, 0xef];
    let machine = in_every_form((5 + 8) * 20, |machine| {
        machine.write(CODE, &code);
        machine.write(CODE + 0x40, &[0xc3]);
        machine.regs.gpr[6] = 0xc3;
        machine.regs.gpr[7] = u64::from_le_bytes([0xff, 0xc3, 0xff, 0xc3, 0xff, 0xc3, 0xc3, 0]);
    });
    assert_eq!(machine.regs.gpr[3], 3 * 20);
    let stats = stats(&machine);
    assert_eq!((stats.dropped, stats.rebuilt), (39, 39), "{stats:?}");
}

#[test]
fn the_same_bytes_run_as_16_32_and_64_bit_code_in_turn() {
    // 48 b8 + 8 bytes: MOV RAX, imm64; DEC EAX, MOV EAX, imm32; DEC AX, MOV AX, imm16.
    let code = [0x48, 0xb8, 1, 0, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90];
    for form in [EngineForm::BEST, EngineForm::Hybrid] {
        let mut machine = Machine::new(64);
        machine.cpu = Cpu::new(&Config { form, ..Config::default() });
        machine.write(CODE, &code);
        for (bits, instructions, value, bytes) in [
            (64, 1, 0x9090_9090_9090_0001, 10),
            (32, 2, 0x9090_0001, 6),
            (16, 2, 0x5_0001, 4),
            (64, 1, 0x9090_9090_9090_0001, 10),
            (16, 2, 0x5_0001, 4),
            (32, 2, 0x9090_0001, 6),
        ] {
            machine.set_segments(bits, 0);
            (machine.regs.rip, machine.regs.gpr[0]) = (CODE, 0x5_0000);
            machine.cpu.set_registers(&machine.regs);
            machine.resume(instructions);
            let seen = (machine.regs.gpr[0], machine.regs.rip - CODE);
            assert_eq!(seen, (value, bytes), "{form:?}, {bits} bits");
            assert!(machine.regs.cr0 & cr0::PG != 0);
        }
    }
}

// ---- what is not dropped -------------------------------------------------------------------------

#[test]
fn data_beside_code_drops_nothing() {
    // again: inc dword [data]; add qword [data + 256], 1; push rax; pop rax; jmp again; data:
    let code =
        [0xff, 0x05, 0x0c, 0, 0, 0, 0x48, 0x83, 0x05, 0x04, 1, 0, 0, 1, 0x50, 0x58, 0xeb, 0xee];
    let rounds = 100;
    let machine = in_every_form(5 * rounds, |machine| {
        machine.write(CODE, &code);
        machine.regs.gpr[4] = CODE + 0x1000;
    });
    // In the granule of the code, in another one, and the stack.
    assert_eq!(machine.read(CODE + 0x12, 4), (rounds as u32).to_le_bytes());
    let stats = stats(&machine);
    assert_eq!((stats.dropped, stats.built), (0, 1), "{stats:?}");
    assert!(stats.harmless >= 3 * (rounds - 1), "{stats:?}");
}

#[test]
fn a_store_drops_the_blocks_it_overlaps_and_not_their_neighbours() {
    // again: inc byte [f + 1]; call f; call g; jmp again; f: mov al, 0; ret; g: inc ebx; ret
    let code = [
        0xfe, 0x05, 0x0d, 0, 0, 0, 0xe8, 0x07, 0, 0, 0, 0xe8, 0x05, 0, 0, 0, 0xeb, 0xee, 0xb0, 0,
        0xc3, 0xff, 0xc3, 0xc3,
    ];
    let machine = code_in_every_form(8 * 50, &code);
    assert_eq!((machine.regs.gpr[0], machine.regs.gpr[3]), (50, 50));
    let stats = stats(&machine);
    assert_eq!((stats.dropped, stats.rebuilt), (49, 49), "{stats:?}");
    assert_eq!(stats.built - stats.rebuilt, 5, "again, f, behind it, g, behind that: {stats:?}");
}

#[test]
fn a_page_whose_code_is_gone_is_written_as_fast_as_any() {
    // mov edx, FAR; call rdx; again: inc dword [FAR]; jmp again
    let code = [0xba, 0, 0, 2, 0, 0xff, 0xd2, 0xff, 0x04, 0x25, 0, 0, 2, 0, 0xeb, 0xf7];
    let machine = in_every_form(3 + 2 * 100, |machine| {
        machine.write(CODE, &code);
        machine.write(FAR, &[0xc3]);
    });
    assert_eq!(machine.read(FAR, 4), (0xc3u32 + 100).to_le_bytes());
    let (stats, tlb) = (stats(&machine), machine.cpu.tlb.stats);
    assert_eq!(stats.dropped, 1);
    assert!(tlb.slow_stores <= 3, "the call, the drop, the new tag: {tlb:?}");
}

#[test]
fn accessed_bits_set_in_a_page_table_beside_code_drop_nothing() {
    // again: mov eax, [rsi]; add esi, 0x1000; jmp again, in the table of the pages it reads.
    let machine = in_every_form(3 * 0x30, |machine| {
        machine.write(TABLES + 0x3f00, &[0x8b, 0x06, 0x81, 0xc6, 0, 0x10, 0, 0, 0xeb, 0xf6]);
        machine.regs.rip = TABLES + 0x3f00;
        machine.regs.gpr[6] = 0x4_0000;
    });
    assert_ne!(machine.read(TABLES + 0x3000 + 0x6f * 8, 1)[0] & pte::A as u8, 0);
    let stats = stats(&machine);
    assert_eq!((stats.dropped, stats.built), (0, 1), "{stats:?}");
}

#[test]
fn rewriting_code_that_crosses_into_its_own_page_mapped_again_takes_no_memory() {
    // again: inc ecx; mov [BEHIND], cl; mov edx, FAR + 0xffe; call rdx; add ebx, eax; jmp again
    let code = [
        0xff, 0xc1, 0x88, 0x0c, 0x25, 0, 0x10, 2, 0, 0xba, 0xfe, 0x0f, 2, 0, 0xff, 0xd2, 0x01,
        0xc3, 0xeb, 0xec,
    ];
    let machine = in_every_form(1600, |machine| {
        machine.write(BEHIND_ENTRY, &(FAR | pte::P | pte::RW | pte::US).to_le_bytes());
        machine.write(CODE, &code);
        // mov eax, imm32, whose last bytes and RET are at the beginning of the same page.
        machine.write(FAR + 0xffe, &[0xb8, 0]);
        machine.write(FAR, &[0, 0, 0, 0xc3]);
    });
    assert!(machine.cpu.code.listed() < 10, "{} blocks are listed", machine.cpu.code.listed());
}

#[test]
fn a_jump_of_a_block_for_one_use_is_not_linked() {
    // At the end of a real mode segment blocks are for one use; the target's takes more room.
    for profile in [false, true] {
        let mut machine = Machine::real();
        machine.cpu = Cpu::new(&Config { profile, ..Config::default() });
        machine.write(0xff00, &[0x90; 70]);
        machine.write(0xff46, &[0xf4]);
        machine.write(0xfff8, &[0xe9, 0x05, 0xff]); // jmp 0xff00
        machine.regs.rip = 0xfff8;
        machine.cpu.set_registers(&machine.regs);
        let exit = machine.resume(500);
        assert_eq!((exit, machine.cpu.retired()), (Exit::Halted, 1 + 70 + 1));
    }
}

#[test]
fn code_of_segments_that_begin_within_its_page_runs_from_the_cache_and_branches_as_each_has_it() {
    // at 0x400 of the page: mov cx, 20; again: inc ax; loop again; jmp back to 0x250
    let code = [0xb9, 20, 0, 0x40, 0xe2, 0xfd, 0xe9, 0x47, 0xfe];
    // The page's beginning, two within it; below the last one's beginning a jump wraps by 64 KiB.
    let entries: [[u16; 2]; 3] = [[0x400, 0x1200], [0x200, 0x1220], [0x100, 0x1230]];
    let machine = in_every_form(10_000, |machine| {
        machine.regs = Machine::real().regs;
        machine.regs.rip = 0x500;
        machine.write(0x500, &[0xcb]); // retf
        machine.write(0x501, &[0xf4]);
        machine.write(0x1_2400, &code);
        machine.write(0x1_2250, &[0x43, 0xcb]); // inc bx; retf
        machine.write(0x2_2250, &[0x42, 0xcb]); // inc dx; retf
        let mut random = Random(7);
        let stack = (0..90).map(|at| entries[(at % 3 + random.next() as usize % 2) % 3]);
        for (at, [ip, cs]) in stack.chain([[0x501, 0]]).enumerate() {
            let slot = machine.regs.gpr[4] + 4 * at as u64;
            machine.write(slot, &ip.to_le_bytes());
            machine.write(slot + 2, &cs.to_le_bytes());
        }
    });
    let [ax, _, dx, bx] = [0, 1, 2, 3].map(|at| machine.regs.gpr[at]);
    assert_eq!((ax, dx + bx), (90 * 20, 90));
    assert!(dx > 20 && bx > 40, "{dx} of {bx} wrapped");
    let stats = stats(&machine);
    // Where the segment ends within a page, blocks are for one use.
    assert!(stats.cut == 2 * dx && stats.dispatched < 300, "{stats:?}");
}

#[test]
fn a_32_bit_branch_below_its_segment_that_begins_in_the_page_is_beyond_its_limit() {
    // at 0x400 of the page: jmp dword to 0x250
    let machine = in_every_form(100, |machine| {
        machine.regs = Machine::real().regs;
        machine.regs.idtr.limit = 0x3ff;
        machine.write(4 * 13, &[0x01, 0x05, 0, 0]); // #GP: at 0:501
        machine.write(0x501, &[0xf4]);
        machine.write(0x1_2400, &[0x66, 0xe9, 0x4a, 0xfe, 0xff, 0xff]);
        machine.write(0x1_2250, &[0xea, 0x00, 0x01, 0x30, 0x12]); // jmp 1230:100
        machine.write(0x7000, &[0xea, 0x00, 0x04, 0x00, 0x12]); // jmp 1200:400
        machine.regs.rip = 0x7000;
    });
    // Three jumps, the delivery of #GP, HLT.
    assert_eq!(machine.cpu.retired(), 5);
    assert_eq!(machine.regs.rip, 0x502);
}
