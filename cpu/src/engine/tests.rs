//! Exact counts, whatever the budget; code that changes under the engine; random bytes as code.

use super::dispatch::EngineForm;
use crate::cpu::Cpu;
use crate::run::{Config, Exit};
use crate::state::CpuState;
use crate::testing::*;
use arch::control::{cr0, cr4};
use arch::exception::Vector;
use arch::paging::pte;
use arch::rflags;
use arch::segment::{SegReg, Segment, Selector, attr};
use memory::PhysAddr;

/// A bit of everything: REP across a page end, CALL, RET, INT n, a page fault, STI with an interrupt
/// raised by OUT, a store into the next instruction, MOV SS, #UD, single steps, LOOP, indirect JMP.
///
/// ```text
///        mov ecx, 3
/// outer: push rcx; mov rdi, 0x20ff8; mov ecx, 5; mov al, 0x5a; cld; rep stosb; call sub; int 0x80
///        mov [0x30000], eax; sti; nop; out 0x80, al; inc byte [rip + 1]; mov al, 0; add rbx, rax
///        mov eax, ss; mov ss, eax; add rbx, 1; ud2; pushfq; or dword [rsp], 0x100; popfq; nop; nop
///        pushfq; and dword [rsp], ~0x100; popfq; cli; pop rcx; loop outer; hlt
/// sub:   xor eax, eax; mov edx, 4
/// again: add eax, edx; dec edx; jnz again; test eax, eax; je 1f; jmp 2f
/// 1:     nop
/// 2:     lea r8, [rip + 3]; jmp r8; ret
/// ```
pub(super) const MIXED: &[u8] = &[
    0xb9, 0x03, 0x00, 0x00, 0x00, 0x51, 0x48, 0xc7, 0xc7, 0xf8, 0x0f, 0x02, 0x00, 0xb9, 0x05, 0x00,
    0x00, 0x00, 0xb0, 0x5a, 0xfc, 0xf3, 0xaa, 0xe8, 0x3b, 0x00, 0x00, 0x00, 0xcd, 0x80, 0x89, 0x04,
    0x25, 0x00, 0x00, 0x03, 0x00, 0xfb, 0x90, 0xe6, 0x80, 0xfe, 0x05, 0x01, 0x00, 0x00, 0x00, 0xb0,
    0x00, 0x48, 0x01, 0xc3, 0x8c, 0xd0, 0x8e, 0xd0, 0x48, 0x83, 0xc3, 0x01, 0x0f, 0x0b, 0x9c, 0x81,
    0x0c, 0x24, 0x00, 0x01, 0x00, 0x00, 0x9d, 0x90, 0x90, 0x9c, 0x81, 0x24, 0x24, 0xff, 0xfe, 0xff,
    0xff, 0x9d, 0xfa, 0x59, 0xe2, 0xaf, 0xf4, 0x31, 0xc0, 0xba, 0x04, 0x00, 0x00, 0x00, 0x01, 0xd0,
    0xff, 0xca, 0x75, 0xfa, 0x85, 0xc0, 0x74, 0x02, 0xeb, 0x01, 0x90, 0x4c, 0x8d, 0x05, 0x03, 0x00,
    0x00, 0x00, 0x41, 0xff, 0xe0, 0xc3,
];

pub(super) fn mixed(form: EngineForm) -> Machine {
    let mut machine = Machine::with_system_tables(64);
    machine.cpu = Cpu::new(&Config { form, ..Config::default() });
    machine.bus.interrupts = true;
    machine.bus.outcome.cost_ns = 70;
    machine.map(0x3_0000, 0);
    let handler = |machine: &mut Machine, vector: u64, code: &[u8]| {
        machine.write(HANDLERS + 16 * vector, code);
    };
    let skip_2 = [0x48, 0x83, 0x04, 0x24, 0x02, 0x48, 0xcf]; // add qword [rsp], 2; iretq
    let count = [0x48, 0xff, 0x04, 0x25, 0, 0x10, 3, 0, 0x48, 0xcf]; // inc qword [0x31000]; iretq
    // add qword [rsp + 8], 7; add rsp, 8; iretq
    let skip_7 = [0x48, 0x83, 0x44, 0x24, 8, 7, 0x48, 0x83, 0xc4, 8, 0x48, 0xcf];
    handler(&mut machine, 6, &skip_2);
    handler(&mut machine, 1, &count);
    handler(&mut machine, 14, &skip_7);
    handler(&mut machine, 0x20, &count);
    handler(&mut machine, 0x80, &[0x48, 0xcf]);
    machine
}

/// Everything the guest can see at the end.
pub(super) fn end(machine: &Machine) -> (CpuState, Vec<u8>, usize) {
    let memory = machine.read(0, 0xa_0000);
    (machine.cpu.state(), memory, machine.bus.accesses.len())
}

pub(super) fn uninterrupted(form: EngineForm) -> Machine {
    let mut machine = mixed(form);
    let exit = machine.run(MIXED, 100_000);
    assert_eq!((exit, machine.read(0x3_1000, 1)), (Exit::Halted, vec![3 * (1 + 5)]));
    machine
}

#[test]
fn a_run_cut_after_any_instruction_ends_as_an_uncut_one() {
    let whole = uninterrupted(EngineForm::BEST);
    for cut in 0..whole.cpu.retired() {
        let mut machine = mixed(EngineForm::BEST);
        let exit = machine.run(MIXED, cut);
        assert_eq!((exit, machine.cpu.retired()), (Exit::Limit, cut));
        machine.resume(100_000);
        assert!(end(&machine) == end(&whole), "cut after {cut} instructions");
    }
}

#[test]
fn a_run_in_single_instructions_ends_as_an_uncut_one() {
    let whole = uninterrupted(EngineForm::BEST);
    let mut machine = mixed(EngineForm::BEST);
    machine.run(MIXED, 0);
    while machine.resume(1) == Exit::Limit {}
    assert!(end(&machine) == end(&whole));
}

#[test]
fn both_engine_forms_end_alike() {
    let (hybrid, best) = (uninterrupted(EngineForm::Hybrid), uninterrupted(EngineForm::BEST));
    assert!(end(&hybrid) == end(&best));
}

#[test]
fn an_instruction_crossing_the_code_segments_limit_faults() {
    // In real mode at ffff: the second byte is beyond the limit.
    let mut machine = Machine::real();
    machine.regs.rip = 0xffff;
    machine.run(&[0xb0, 0x55], 1); // mov al, 0x55
    let fault = machine.fault().unwrap();
    assert_eq!((fault.vector, machine.regs.gpr[0]), (Vector::GP, 0));

    // With the next page absent the limit still comes first.
    let mut machine = Machine::new(32);
    machine.regs.segments[SegReg::Cs as usize].limit = 0x2_0fff;
    machine.regs.cr0 |= cr0::PG;
    machine.regs.rip = 0x2_0fff;
    pae_identity(&mut machine);
    machine.map(0x2_1000, 0);
    machine.run(&[0xb0], 1);
    assert_eq!(machine.fault().unwrap().vector, Vector::GP);
}

/// PAE paging over the test machine's lower tables.
fn pae_identity(machine: &mut Machine) {
    machine.write(0x6_0000, &((TABLES + 0x2000) | pte::P).to_le_bytes());
    machine.regs.cr3 = 0x6_0000;
}

#[test]
fn pae_paging_works_with_registers_set_from_outside() {
    let mut machine = Machine::new(32);
    machine.regs.cr0 |= cr0::PG;
    pae_identity(&mut machine);
    assert_eq!(machine.run(&[0xb0, 7], 1), Exit::Limit);
    assert_eq!(machine.regs.gpr[0], 7);
}

#[test]
fn code_that_falls_off_the_segments_end_faults_there_and_not_before() {
    let mut machine = Machine::real();
    machine.regs.rip = 0xfffe;
    machine.run(&[0xb0, 0x55], 2); // mov al, 0x55
    let record = machine.cpu.recent_faults()[0];
    assert_eq!((record.exception.vector, record.rip, record.retired), (Vector::GP, 0x1_0000, 1));
    assert_eq!(machine.regs.gpr[0], 0x55);
}

#[test]
fn a_store_changes_the_next_instruction_of_its_block() {
    let mut machine = Machine::new(64);
    // mov byte [rip + 1], 7; mov al, 0
    machine.run(&[0xc6, 0x05, 1, 0, 0, 0, 7, 0xb0, 0], 2);
    assert_eq!(machine.regs.gpr[0], 7);
}

#[test]
fn a_store_through_an_alias_changes_cached_code() {
    let mut machine = Machine::new(64);
    // 0x30000 and 0x10000 (CODE) are the same frame.
    machine
        .memory
        .write(
            PhysAddr(TABLES + 0x3000 + 0x30 * 8),
            &(CODE | pte::P | pte::RW | pte::US).to_le_bytes(),
        )
        .unwrap();
    // mov al, 1; inc byte [0x30001]; jmp back
    let code = [0xb0, 1, 0xfe, 0x04, 0x25, 1, 0, 3, 0, 0xeb, 0xf5];
    machine.run(&code, 3 * 5 + 1);
    assert_eq!(machine.regs.gpr[0], 6);
}

#[test]
fn rep_movs_over_the_next_instruction_is_seen() {
    let mut machine = Machine::new(64);
    machine.write(0x3_0000, &[0xb0, 9]);
    (machine.regs.gpr[6], machine.regs.gpr[7], machine.regs.gpr[1]) = (0x3_0000, CODE + 2, 2);
    machine.run(&[0xf3, 0xa4, 0xb0, 0], 3); // rep movsb; mov al, 0
    assert_eq!(machine.regs.gpr[0], 9);
}

#[test]
fn a_devices_write_between_runs_changes_cached_code() {
    let mut machine = Machine::new(64);
    machine.run(&[0xb0, 1, 0xeb, 0xfc], 20); // mov al, 1; jmp back
    machine.write(CODE + 1, &[5]);
    machine.resume(2);
    assert_eq!(machine.regs.gpr[0], 5);
}

#[test]
fn a_jump_into_the_middle_of_an_instruction_decodes_from_there() {
    let mut machine = Machine::new(64);
    // mov eax, 0x04b0; jmp into its immediate: mov al, 4; add [rax], al ...
    machine.run(&[0xb8, 0xb0, 4, 0x90, 0x90, 0xeb, 0xfa], 5);
    assert_eq!(machine.regs.gpr[0], 0x9090_0404);
}

#[test]
fn an_instruction_across_pages_follows_its_second_page() {
    let mut machine = Machine::new(64);
    let at = 0x2_0ffe;
    machine.regs.rip = at;
    machine.map(0x2_1000, 0);
    machine.run(&[0xb8, 1, 0, 0, 0, 0xeb, 0xf9], 1); // mov eax, 1; jmp back
    let fault = machine.fault().unwrap();
    assert_eq!((fault.vector, fault.address, fault.error_code), (Vector::PF, 0x2_1000, 0));

    let mut machine = Machine::new(64);
    machine.regs.rip = at;
    machine.run(&[0xb8, 1, 0, 0, 0, 0xeb, 0xf9], 200);
    machine.write(0x2_1000, &[2]);
    machine.resume(2);
    assert_eq!(machine.regs.gpr[0] & 0xff00, 0x200);

    // The page is another one after a flush.
    machine.write(0x4_0000, &[3, 0, 0, 0xeb, 0xf9]);
    let entry = (0x4_0000 | pte::P | pte::RW).to_le_bytes();
    machine.write(TABLES + 0x3000 + 0x21 * 8, &entry);
    machine.cpu.set_registers(&machine.regs.clone());
    machine.resume(2);
    assert_eq!(machine.regs.gpr[0] & 0xff00, 0x300);
}

#[test]
fn an_instruction_across_the_canonical_hole_faults() {
    // The last user page maps frame 0x30000; behind the hole's edge a page table would answer.
    let mut machine = Machine::new(64);
    let entries = [
        (TABLES + 255 * 8, 0x6_0000),
        (TABLES + 256 * 8, TABLES + 0x1000),
        (0x6_0ff8, 0x6_1000),
        (0x6_1ff8, 0x6_2000),
        (0x6_2ff8, 0x3_0000),
    ];
    for (at, table) in entries {
        machine.write(at, &(table | pte::P | pte::RW).to_le_bytes());
    }
    machine.write(0x3_0ffe, &[0xb8, 1]); // mov eax, imm32
    machine.regs.rip = 0x7fff_ffff_fffe;
    machine.cpu.set_registers(&machine.regs.clone());

    machine.resume(1);

    let record = machine.cpu.recent_faults()[0];
    assert_eq!((record.exception.vector, record.rip), (Vector::GP, 0x7fff_ffff_fffe));
}

#[test]
fn rewriting_code_that_crosses_pages_for_ever_takes_no_memory() {
    let mut machine = Machine::new(64);
    machine.regs.rip = 0x2_0ffe;
    machine.run(&[0xb8, 1, 0, 0, 0, 0xeb, 0xf9], 20);
    for i in 0..100u8 {
        machine.write(0x2_0800 + 0x800 * u64::from(i & 1) + 8, &[i]);
        machine.resume(2);
    }
    assert!(machine.cpu.code.listed() < 10);
}

#[test]
fn the_same_bytes_run_by_the_mode_of_their_segment() {
    // 48 b8 + 10 bytes: REX.W MOV RAX, imm64; DEC EAX, MOV EAX, imm32 in 32-bit code; 16-bit alike.
    let code = [0x48, 0xb8, 1, 0, 0, 0, 0x90, 0x90, 0x90, 0x90];
    let mut results = Vec::new();
    let mut machine = Machine::new(32);
    for bits in [32, 16, 32] {
        machine.set_segments(bits, 0);
        (machine.regs.rip, machine.regs.gpr[0]) = (CODE, 0x5_0000);
        machine.run(&code, 2);
        results.push((machine.regs.gpr[0], machine.regs.rip - CODE));
    }
    assert_eq!(results, [(1, 6), (0x5_0001, 4), (1, 6)]);
}

#[test]
fn a_16_bit_jump_above_64_kib_is_cut_whatever_its_alias_below_linked() {
    // Frame 0xf000 also at 0x1f000: JMP $+2 with a 16-bit operand goes on below 64 KiB.
    let mut machine = Machine::new(32);
    machine.regs.cr0 |= cr0::PG;
    pae_identity(&mut machine);
    machine.write(TABLES + 0x3000 + 0x1f * 8, &(0xf000 | pte::P | pte::RW).to_le_bytes());
    machine.write(0xf000, &[0x66, 0xeb, 0, 0x66, 0xeb, 0xfa]); // jmp $+3; jmp back
    machine.regs.rip = 0xf000;
    machine.cpu.set_registers(&machine.regs.clone());
    machine.resume(200);
    machine.regs.rip = 0x1_f000;
    machine.cpu.set_registers(&machine.regs.clone());
    machine.resume(101);
    assert_eq!(machine.regs.rip, 0xf003);
}

/// A machine of random code, registers, descriptors and page rights.
pub(super) fn random_machine(seed: u64, form: EngineForm) -> Machine {
    let mut random = Random(seed * 0x9e37_79b9 + 1);
    let bits = [16, 32, 64][(random.next() % 3) as usize];
    let real = bits == 16 && random.next() & 1 == 0;
    let mut machine = Machine::with_system_tables(bits);
    machine.cpu = Cpu::new(&Config { form, ..Config::default() });
    machine.bus.interrupts = true;
    machine.bus.outcome.cost_ns = 3;
    let cpl = if random.next() & 1 == 0 { 0 } else { 3 };
    if cpl == 3 {
        machine.user(bits);
    }
    if real {
        machine.regs.cr0 = 0;
        machine.regs.segments = [Segment::real_mode(0); 6];
        machine.regs.idtr = Machine::real().regs.idtr;
    } else if bits != 64 && random.next() & 1 == 0 {
        machine.regs.cr0 |= cr0::PG;
        pae_identity(&mut machine);
        if random.next() & 1 == 0 {
            machine.regs.cr4 &= !cr4::PAE;
        }
    }
    let mut code = vec![0; 0x3000];
    random.fill(&mut code);
    machine.write(CODE - 0x1000, &code);
    machine.write(0x7000, &code);
    for gpr in &mut machine.regs.gpr {
        let pick = random.next();
        *gpr = if pick & 3 == 0 { random.next() } else { pick >> 8 & 0x1f_ffff };
    }
    machine.regs.rflags = random.next() & rflags::DEFINED & !rflags::VM | 2;
    if bits == 32 && cpl == 3 && random.next() & 1 == 0 {
        machine.regs.rflags |= rflags::VM;
        for segment in &mut machine.regs.segments {
            *segment = Segment::real_mode(0);
            segment.attributes |= 3 << attr::DPL_SHIFT;
        }
        machine.regs.rip = 0x7000;
    }
    // Handlers go on with random code, so that runs are long.
    let base = if bits == 16 { 0x7000 } else { CODE - 0x1000 };
    for vector in 0..256 {
        let target = base + random.next() % 0x2f00;
        let at = HANDLERS + 16 * vector;
        let relative = target.wrapping_sub(at + if bits == 16 { 3 } else { 5 }) as u32;
        machine.write(at, &[0xe9]);
        machine.write(at + 1, &relative.to_le_bytes());
        machine.write(4 * vector, &(0x7000 + random.next() as u32 % 0x2f00).to_le_bytes());
    }
    // Handlers, descriptors and gates of chance, and pages with odd rights.
    let mut table = vec![0; 0x100];
    random.fill(&mut table);
    machine.write(GDT + 0x40, &table);
    for _ in 0..20 {
        let vector = random.next() % 64;
        let gate = random.next();
        machine.write(IDT + 8 * vector, &gate.to_le_bytes());
        let page = random.next() % 0x180;
        machine.map(page << 12, random.next() & (0xfff | pte::NX));
        random.fill(&mut table[..16]);
        machine.write(HANDLERS + 16 * (random.next() % 32), &table[..16]);
    }
    machine.regs.segments[SegReg::Gs as usize].selector = Selector(random.next() as u16);
    machine
}

#[test]
fn random_bytes_as_code_never_panic_and_end_alike_however_they_are_cut() {
    let mut instructions = 0;
    for seed in 0..1500 {
        let mut machine = random_machine(seed, EngineForm::BEST);
        machine.cpu.set_registers(&machine.regs.clone());
        let exit = machine.resume(1000);
        instructions += machine.cpu.retired();
        let mut other = random_machine(seed, EngineForm::Hybrid);
        other.cpu.set_registers(&other.regs.clone());
        let mut cut = other.resume(seed % 97);
        while cut == Exit::Limit && other.cpu.retired() < 1000 {
            cut = other.resume((1000 - other.cpu.retired()).min(1 + seed % 61));
        }
        assert_eq!((cut, other.regs), (exit, machine.regs), "seed {seed}");
        assert!(end(&machine) == end(&other), "seed {seed}");
    }
    assert!(instructions > 500_000, "{instructions} instructions were random enough");
}

/// General registers that the chains below use: not RBX (data), not the stack pointer.
const CHAINED: [u8; 6] = [0, 1, 2, 6, 7, 5];

/// One instruction (or two) whose operands are registers in use, memory at RBX, or an address that
/// the instruction before made.
fn link_of_a_chain(random: &mut Random, code: &mut Vec<u8>) {
    let mut pick = |list: &[u8]| list[(random.next() >> 9) as usize % list.len()];
    let (a, b) = (pick(&CHAINED), pick(&CHAINED));
    let wide = pick(&[0x48, 0x40]);
    let byte = pick(&[0x08, 0x10, 0x18, 0x7f, 0x81, 1, 31, 33]);
    let registers = 0xc0 | a << 3 | b;
    let arithmetic =
        [0x01, 0x03, 0x09, 0x0b, 0x11, 0x13, 0x19, 0x1b, 0x21, 0x23, 0x29, 0x2b, 0x31, 0x33];
    match pick(&[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 11, 12, 13, 14, 15, 16, 17, 18]) {
        0 => code.extend([wide, pick(&arithmetic), registers]),
        1 => code.extend([wide, pick(&[0x39, 0x3b, 0x85, 0x38, 0x84]), registers]),
        2 => code.extend([wide, pick(&arithmetic), 0x43 | a << 3, byte & 0x7f]), // with [rbx + n]
        3 => code.extend([wide, 0x83, 0xc0 | pick(&[0, 1, 2, 3, 4, 5, 6, 7]) << 3 | a, byte]),
        4 => code.extend([wide, 0x83, 0x43 | pick(&[0, 1, 4, 5, 7]) << 3, 8, byte]),
        5 => code.extend([wide, pick(&[0xc1, 0xc1, 0xd3]), 0xc0 | pick(&[0, 1, 4, 5, 7]) << 3 | a]),
        6 => code.extend([wide, 0xff, 0xc0 | pick(&[0, 1]) << 3 | a]),
        7 => code.extend([wide, 0xf7, 0xc0 | pick(&[2, 3, 4]) << 3 | a]),
        8 => code.extend([wide, 0x0f, 0xaf, registers]),
        9 => code.extend([wide, 0x6b, registers, byte]),
        10 => code.extend([wide, 0x0f, pick(&[0xb6, 0xb7, 0xbe, 0xbf]), registers]),
        11 => code.extend([wide, pick(&[0x63, 0x89, 0x8b, 0x88]), registers]),
        12 => code.extend([wide, 0x8d, 0x44 | a << 3, pick(&[0x40, 0x80]) | b << 3 | a, byte]),
        17 => code.extend([wide, 0x0f, 0x40 | byte & 15, registers]),
        18 => code.extend([0x40, 0x0f, 0x90 | byte >> 2 & 15, 0xc0 | a]),
        // A branch to the next instruction.
        13 => code.extend([0x70 | pick(&[0, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 13, 14, 15]), 0]),
        14 => code.extend([0x50 | a, 0x58 | b]),
        // movzx a, b; then an access at [rbx + a * 8].
        15 => {
            code.extend([0x40, 0x0f, 0xb6, registers, 0x48, pick(&[0x8b, 0x03, 0x89, 0x39])]);
            code.extend([0x04 | b << 3, 0xc3 | a << 3]);
        }
        // lea a, [rbx + n]; then an access at [a + n].
        _ => {
            code.extend([0x48, 0x8d, 0x43 | a << 3, byte & 0x7f, wide]);
            code.extend([pick(&[0x8b, 0x03, 0x01, 0x89, 0x3b]), 0x40 | b << 3 | a, 8]);
        }
    }
    // The immediate of a shift by one.
    if code.len() >= 2 && code[code.len() - 2] == 0xc1 && code[code.len() - 3] & 0xf0 == 0x40 {
        code.push(byte);
    }
}

#[test]
fn a_chain_of_dependent_instructions_in_one_block_ends_as_one_at_a_time() {
    let mut random = Random(0x5eed);
    for round in 0..3000 {
        let mut code = Vec::new();
        for _ in 0..40 {
            link_of_a_chain(&mut random, &mut code);
        }
        code.push(0xf4);
        let registers: Vec<u64> = (0..16).map(|_| random.next()).collect();
        let start = |form| {
            let mut machine = Machine::with_system_tables(64);
            machine.cpu = Cpu::new(&Config { form, ..Config::default() });
            let rsp = machine.regs.gpr[4];
            machine.regs.gpr.copy_from_slice(&registers);
            (machine.regs.gpr[3], machine.regs.gpr[4]) = (0x3_0000, rsp);
            machine
        };
        let mut whole = start(EngineForm::BEST);
        let exit = whole.run(&code, 1000);
        let mut single = start(EngineForm::Hybrid);
        single.run(&code, 0);
        while single.resume(1) == Exit::Limit {}
        assert_eq!(exit, Exit::Halted, "round {round}: {code:02x?}");
        assert!(end(&whole) == end(&single), "round {round}: {code:02x?}");
    }
}
