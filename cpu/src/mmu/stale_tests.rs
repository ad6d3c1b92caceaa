//! Page tables changed behind the TLB: what may stay, what has to go. SDM Vol. 3A, "Caching Translation
//! Information".

use crate::testing::*;
use arch::control::{cr0, cr4, efer};
use arch::exception::page_fault::{P as PRESENT, W};
use arch::paging::pte::{A, D, G, P, PS, RW};

/// The page the tests access, and its entry in the page table.
const PAGE: u64 = 0x3_0000;
const ENTRY: u64 = TABLES + 0x3000 + (PAGE >> 12) * 8;
/// Another frame.
const OTHER: u64 = 0x4_0000;
/// The directory's entry of the large page from 2 MiB.
const LARGE_ENTRY: u64 = TABLES + 0x2008;

const READ: &[u8] = &[0x8b, 0x03]; // mov eax, [rbx]
const WRITE: &[u8] = &[0x89, 0x0b]; // mov [rbx], ecx
const INVLPG: &[u8] = &[0x0f, 0x01, 0x3b]; // invlpg [rbx]
const INVLPG_SI: &[u8] = &[0x0f, 0x01, 0x3e]; // invlpg [rsi]
const RELOAD_CR3: &[u8] = &[0x0f, 0x20, 0xda, 0x0f, 0x22, 0xda]; // mov rdx, cr3; mov cr3, rdx

fn machine() -> Machine {
    let mut machine = Machine::new(64);
    machine.regs.gpr[3] = PAGE;
    machine.write(PAGE, &[0x11]);
    machine.write(OTHER, &[0x77]);
    machine
}

fn entry(machine: &Machine) -> u64 {
    u64::from_le_bytes(machine.read(ENTRY, 8).try_into().unwrap())
}

/// Goes on with other code at the same place; translations stay.
fn go(machine: &mut Machine, code: &[u8], instructions: u64) {
    machine.write(CODE, code);
    machine.cpu.rip = CODE;
    machine.cpu.regs[..16].copy_from_slice(&machine.regs.gpr);
    machine.resume(instructions);
}

/// What the program reads at an address.
fn read_at(machine: &mut Machine, linear: u64) -> u64 {
    machine.regs.gpr[3] = linear;
    go(machine, READ, 1);
    machine.regs.gpr[0] & 0xff
}

#[test]
fn a_missing_page_is_never_remembered() {
    let mut machine = Machine::with_system_tables(64);
    machine.regs.gpr[3] = PAGE;
    machine.write(PAGE, &[0x11]);
    machine.map(PAGE, 0);
    machine.run(READ, 1);
    assert_eq!(machine.fault().unwrap().address, PAGE);
    machine.map(PAGE, P | RW);
    go(&mut machine, READ, 1);
    assert_eq!(machine.regs.gpr[0], 0x11);
}

#[test]
fn a_page_written_before_may_be_written_until_invlpg_though_its_entry_forbids_it_now() {
    let mut machine = machine();
    machine.regs.gpr[1] = 0x55;
    machine.map(PAGE, P | RW);
    machine.run(WRITE, 1);
    machine.map(PAGE, P);
    machine.regs.gpr[1] = 0x66;
    go(&mut machine, WRITE, 1);
    assert_eq!((machine.fault(), machine.read(PAGE, 1)[0]), (None, 0x66));
    go(&mut machine, &[INVLPG, WRITE].concat(), 2);
    assert_eq!(machine.fault().unwrap().error_code, PRESENT | W);
}

#[test]
fn accessed_and_dirty_bits_cleared_in_memory_are_set_again_after_invlpg() {
    let mut machine = machine();
    machine.map(PAGE, P | RW);
    machine.run(WRITE, 1);
    assert_eq!(entry(&machine) & (A | D), A | D);
    machine.map(PAGE, P | RW);
    go(&mut machine, &[READ, WRITE].concat(), 2);
    assert_eq!(entry(&machine) & (A | D), 0, "the TLB knows that they are set");
    go(&mut machine, &[INVLPG, READ].concat(), 2);
    assert_eq!(entry(&machine) & (A | D), A);
    go(&mut machine, WRITE, 1);
    assert_eq!(entry(&machine) & (A | D), A | D);
}

#[test]
fn a_page_read_before_gets_its_dirty_bit_at_the_first_write() {
    let mut machine = machine();
    machine.map(PAGE, P | RW);
    machine.run(READ, 1);
    for _ in 0..2 {
        go(&mut machine, READ, 1);
        assert_eq!(entry(&machine) & (A | D), A);
    }
    go(&mut machine, WRITE, 1);
    assert_eq!(entry(&machine) & (A | D), A | D);
}

#[test]
fn invlpg_of_one_page_leaves_the_others_stale() {
    let mut machine = machine();
    machine.regs.gpr[6] = PAGE + 0x1000;
    machine.run(READ, 1);
    machine.write(ENTRY, &(OTHER | P | RW).to_le_bytes());
    go(&mut machine, &[INVLPG_SI, READ].concat(), 2);
    assert_eq!(machine.regs.gpr[0] & 0xff, 0x11);
    go(&mut machine, &[INVLPG, READ].concat(), 2);
    assert_eq!(machine.regs.gpr[0] & 0xff, 0x77);
}

#[test]
fn invlpg_of_a_page_in_the_same_slot_leaves_the_one_that_is_cached() {
    // 16 MiB apart: the address itself is not mapped, which INVLPG does not mind.
    let mut machine = machine();
    machine.regs.gpr[6] = PAGE + (16 << 20);
    machine.run(READ, 1);
    machine.write(ENTRY, &(OTHER | P | RW).to_le_bytes());
    go(&mut machine, &[INVLPG_SI, READ].concat(), 2);
    assert_eq!((machine.fault(), machine.regs.gpr[0] & 0xff), (None, 0x11));
}

#[test]
fn invlpg_forgets_global_pages_too() {
    let mut machine = machine();
    machine.regs.cr4 |= cr4::PGE;
    machine.map(PAGE, P | RW | G);
    machine.run(READ, 1);
    machine.write(ENTRY, &(OTHER | P | RW | G).to_le_bytes());
    go(&mut machine, &[RELOAD_CR3, READ].concat(), 3);
    assert_eq!(machine.regs.gpr[0] & 0xff, 0x11);
    go(&mut machine, &[INVLPG, READ].concat(), 2);
    assert_eq!(machine.regs.gpr[0] & 0xff, 0x77);
}

/// The large page from 2 MiB, with pieces cached at its start and its end.
fn large(global: u64) -> Machine {
    let mut machine = machine();
    machine.regs.cr4 |= cr4::PGE;
    machine.write(LARGE_ENTRY, &(0x20_0000 | P | RW | PS | global).to_le_bytes());
    machine.write(0x20_0000, &[0x11]);
    machine.write(0x3f_f000, &[0x22]);
    machine.write(0x1f_f000, &[0x77]);
    machine.write(0, &[0x66]);
    machine.run(READ, 1);
    assert_eq!(read_at(&mut machine, 0x20_0000), 0x11);
    assert_eq!(read_at(&mut machine, 0x3f_f000), 0x22);
    // The first 2 MiB now appear there.
    machine.write(LARGE_ENTRY, &(P | RW | PS | global).to_le_bytes());
    machine
}

#[test]
fn invlpg_anywhere_in_a_large_page_forgets_all_of_it() {
    for global in [0, G] {
        let mut machine = large(global);
        machine.regs.gpr[6] = 0x2a_bcde;
        go(&mut machine, INVLPG_SI, 1);
        assert_eq!(read_at(&mut machine, 0x20_0000), 0x66);
        assert_eq!(read_at(&mut machine, 0x3f_f000), 0x77);
    }
}

#[test]
fn invlpg_elsewhere_leaves_a_large_page() {
    let mut machine = large(0);
    for elsewhere in [PAGE, 0x1f_f000, 0x40_0000, 1 << 32 | 0x20_0000] {
        machine.regs.gpr[6] = elsewhere;
        go(&mut machine, INVLPG_SI, 1);
        assert_eq!(read_at(&mut machine, 0x20_0000), 0x11, "{elsewhere:#x}");
        assert_eq!(read_at(&mut machine, 0x3f_f000), 0x22, "{elsewhere:#x}");
    }
}

#[test]
fn a_load_of_cr3_forgets_large_pages_unless_they_are_global() {
    for (global, expected) in [(0, 0x66), (G, 0x11)] {
        let mut machine = large(global);
        go(&mut machine, RELOAD_CR3, 2);
        assert_eq!(read_at(&mut machine, 0x20_0000), expected);
        // What stayed is still known to be large.
        machine.regs.gpr[6] = 0x3a_0000;
        go(&mut machine, INVLPG_SI, 1);
        assert_eq!(read_at(&mut machine, 0x20_0000), 0x66);
    }
}

#[test]
fn a_large_page_that_became_small_ones_is_forgotten_as_one() {
    // SDM: several entries may exist for one address then; INVLPG ends all of them.
    let mut machine = large(0);
    machine.write(LARGE_ENTRY, &((TABLES + 0x3000) | P | RW).to_le_bytes());
    machine.regs.gpr[6] = 0x3f_f000;
    go(&mut machine, INVLPG_SI, 1);
    assert_eq!(read_at(&mut machine, 0x20_0000), 0x66);
    assert_eq!(read_at(&mut machine, 0x3f_f000), 0x77);
}

#[test]
fn invlpg_in_a_page_of_4_mib_forgets_both_halves() {
    let mut machine = Machine::new(32);
    machine.regs.cr0 |= cr0::PG;
    machine.regs.cr4 = cr4::PSE;
    machine.regs.efer &= !efer::LMA;
    machine.regs.cr3 = 0x6_0000;
    machine.write(0x6_0000, &0x87u32.to_le_bytes());
    machine.write(0x6_0004, &0x87u32.to_le_bytes());
    machine.write(PAGE, &[0x11]);
    machine.write(0x20_0000 + PAGE, &[0x22]);
    machine.run(READ, 1);
    let (low, high) = (0x40_0000 + PAGE, 0x60_0000 + PAGE);
    assert_eq!(read_at(&mut machine, low), 0x11);
    assert_eq!(read_at(&mut machine, high), 0x22);
    // Nothing is there any more, so that what is fresh faults.
    machine.write(0x6_0004, &0u32.to_le_bytes());
    assert_eq!(read_at(&mut machine, high), 0x22);
    machine.regs.gpr[6] = low;
    go(&mut machine, INVLPG_SI, 1);
    read_at(&mut machine, high);
    assert_eq!(machine.fault().unwrap().address, high);
}

/// At PAGE: mov al, 1; ret. In the other frame: mov al, 7; ret. Called through RBX.
fn code() -> Machine {
    let mut machine = machine();
    machine.write(PAGE, &[0xb0, 0x01, 0xc3]);
    machine.write(OTHER, &[0xb0, 0x07, 0xc3]);
    machine.run(&[0xff, 0xd3], 3);
    machine
}

#[test]
fn code_is_fetched_through_a_stale_translation_until_invlpg() {
    let call: &[u8] = &[0xff, 0xd3]; // call rbx
    let mut machine = code();
    assert_eq!(machine.regs.gpr[0] & 0xff, 1);
    machine.write(ENTRY, &(OTHER | P | RW).to_le_bytes());
    // Twice, so that the second goes through the jump cache.
    go(&mut machine, &[call, call].concat(), 6);
    assert_eq!(machine.regs.gpr[0] & 0xff, 1);
    machine.regs.gpr[6] = PAGE + 0x1000;
    go(&mut machine, &[INVLPG_SI, call].concat(), 4);
    assert_eq!(machine.regs.gpr[0] & 0xff, 1, "of another page");
    go(&mut machine, &[INVLPG, call].concat(), 4);
    assert_eq!(machine.regs.gpr[0] & 0xff, 7);
}

#[test]
fn invlpg_of_its_own_page_fetches_what_follows_anew() {
    // invlpg [rip - 7]; mov al, 1. Elsewhere the same, with a 7.
    let invlpg = [0x0f, 0x01, 0x3d, 0xf9, 0xff, 0xff, 0xff];
    let mut machine = machine();
    for (page, value) in [(PAGE, 1), (OTHER, 7)] {
        machine.write(page, &[0xeb, 0, 0x90, 0x90]);
        machine.write(page + 4, &[&invlpg[..], &[0xb0, value]].concat());
    }
    machine.run(&[0xff, 0xe3], 4); // jmp rbx; jmp $ + 2; nop; nop
    machine.write(ENTRY, &(OTHER | P | RW).to_le_bytes());
    machine.resume(2);
    assert_eq!(machine.regs.gpr[0] & 0xff, 7);
}

#[test]
fn invlpg_of_a_non_canonical_address_does_nothing() {
    let mut machine = machine();
    machine.run(READ, 1);
    machine.write(ENTRY, &(OTHER | P | RW).to_le_bytes());
    machine.regs.gpr[6] = 1 << 47 | PAGE;
    go(&mut machine, &[INVLPG_SI, READ].concat(), 2);
    assert_eq!((machine.fault(), machine.regs.gpr[0] & 0xff), (None, 0x11));
}
