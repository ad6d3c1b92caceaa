//! Accesses across a page end: SDM Vol. 3A, "Page-Fault Exceptions"; both pages are judged before either
//! is touched.

use crate::testing::*;
use arch::control::cr0;
use arch::exception::Vector;
use arch::exception::page_fault::{P as PRESENT, W};
use arch::paging::pte::{P, RW};
use arch::segment::SegReg;

/// The second page of the accesses.
const PAGE: u64 = 0x3_0000;
/// Its entry in the page table.
const ENTRY: u64 = TABLES + 0x3000 + (PAGE >> 12) * 8;
/// Where the second page's bytes are, when the two are not neighbours.
const ELSEWHERE: u64 = 0x5_0000;
/// Eight bytes in the VGA window, where no RAM is.
const DEVICE: u64 = 0xa_0000;

/// `mov rax, [rbx]` and narrower ones, by bytes.
fn load(bytes: u64) -> &'static [u8] {
    match bytes {
        2 => &[0x66, 0x8b, 0x03],
        4 => &[0x8b, 0x03],
        _ => &[0x48, 0x8b, 0x03],
    }
}

/// `mov [rbx], rcx` and narrower ones.
fn store(bytes: u64) -> &'static [u8] {
    match bytes {
        2 => &[0x66, 0x89, 0x0b],
        4 => &[0x89, 0x0b],
        _ => &[0x48, 0x89, 0x0b],
    }
}

/// `add [rbx], rcx` and narrower ones.
fn add(bytes: u64) -> &'static [u8] {
    match bytes {
        2 => &[0x66, 0x01, 0x0b],
        4 => &[0x01, 0x0b],
        _ => &[0x48, 0x01, 0x0b],
    }
}

/// The program's bytes around the page end: 8 in front, 8 behind, as the second page is mapped.
fn around(machine: &Machine) -> [u8; 16] {
    let bytes = [machine.read(PAGE - 8, 8), machine.read(ELSEWHERE, 8)].concat();
    bytes.try_into().unwrap()
}

/// Pages that are no neighbours, with a pattern around the end of the first.
fn apart() -> Machine {
    let mut machine = Machine::new(64);
    machine.write(ENTRY, &(ELSEWHERE | P | RW).to_le_bytes());
    machine.write(PAGE - 8, &[0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88]);
    machine.write(ELSEWHERE, &[0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff, 0x01]);
    machine
}

/// Every width and split, each without tags at first and then with them.
fn every_split(mut case: impl FnMut(&mut Machine, u64, u64)) {
    for bytes in [2, 4, 8] {
        for in_first in 1..bytes {
            let mut machine = apart();
            machine.run(&[0x90], 1);
            machine.regs.gpr[3] = PAGE - in_first;
            for _ in 0..3 {
                case(&mut machine, bytes, in_first);
            }
        }
    }
}

fn run_at_code(machine: &mut Machine, access: &[u8]) {
    machine.write(CODE, access);
    // Not by setting all registers, which would forget translations.
    machine.cpu.regs[..16].copy_from_slice(&machine.regs.gpr);
    machine.cpu.rip = CODE;
    machine.resume(1);
}

#[test]
fn loads_take_their_bytes_from_both_pages() {
    every_split(|machine, bytes, in_first| {
        let at = (8 - in_first) as usize;
        let mut expected = [0; 8];
        expected[..bytes as usize].copy_from_slice(&around(machine)[at..at + bytes as usize]);
        machine.regs.gpr[0] = 0;
        run_at_code(machine, load(bytes));
        assert_eq!(machine.regs.gpr[0], u64::from_le_bytes(expected), "{bytes} bytes {in_first}");
    });
}

#[test]
fn stores_put_their_bytes_into_both_pages_and_nothing_beside_them() {
    let mut value = 0x0102_0304_0506_0708u64;
    every_split(|machine, bytes, in_first| {
        let mut expected = around(machine);
        value = value.rotate_left(13) ^ 0x5a;
        let at = (8 - in_first) as usize;
        expected[at..at + bytes as usize].copy_from_slice(&value.to_le_bytes()[..bytes as usize]);
        machine.regs.gpr[1] = value;
        run_at_code(machine, store(bytes));
        assert_eq!(around(machine), expected, "{bytes} bytes {in_first}");
    });
}

#[test]
fn a_sum_carries_from_one_page_to_the_other() {
    every_split(|machine, bytes, in_first| {
        let mut expected = u128::from_le_bytes(around(machine));
        let shift = 8 * (8 - in_first);
        let mask = ((1u128 << (8 * bytes)) - 1) << shift;
        let sum = expected.wrapping_add(0x7bf1_90f3_23c4_95e7u128 << shift);
        expected = expected & !mask | sum & mask;
        machine.regs.gpr[1] = 0x7bf1_90f3_23c4_95e7;
        run_at_code(machine, add(bytes));
        assert_eq!(around(machine), expected.to_le_bytes(), "{bytes} bytes {in_first}");
    });
}

#[test]
fn a_second_page_that_is_read_only_stops_a_store_and_not_a_load() {
    for access in [store(4), add(4)] {
        let mut machine = Machine::new(64);
        machine.regs.cr0 |= cr0::WP;
        machine.regs.gpr[3] = PAGE - 1;
        machine.regs.gpr[1] = 0x1234_5678;
        machine.map(PAGE, P);
        machine.run(&[load(4), access].concat(), 1);
        assert_eq!(machine.fault(), None, "the load");
        machine.resume(1);
        let fault = machine.fault().unwrap();
        assert_eq!((fault.vector, fault.address), (Vector::PF, PAGE));
        assert_eq!(fault.error_code, PRESENT | W);
        assert_eq!(machine.read(PAGE - 1, 4), [0; 4], "nothing is written");
    }
}

#[test]
fn of_two_missing_pages_the_first_is_named_at_the_accesss_own_address() {
    let mut machine = Machine::new(64);
    machine.regs.gpr[3] = PAGE - 3;
    machine.map(PAGE - 0x1000, 0);
    machine.map(PAGE, 0);
    machine.run(store(8), 1);
    let fault = machine.fault().unwrap();
    assert_eq!((fault.address, fault.error_code), (PAGE - 3, W));
}

#[test]
fn a_second_page_of_a_device_gets_its_own_bytes_and_no_more() {
    let mut machine = Machine::new(64);
    machine.bus.answer = 0xddcc_bbaa;
    machine.write(ENTRY, &(DEVICE | P | RW).to_le_bytes());
    machine.write(PAGE - 2, &[0x11, 0x22]);
    machine.regs.gpr[3] = PAGE - 2;
    machine.regs.gpr[1] = 0x4433_8877;
    machine.run(&[load(4), store(4)].concat(), 2);
    assert_eq!(machine.regs.gpr[0], 0xbbaa_2211);
    assert_eq!(machine.read(PAGE - 2, 2), [0x77, 0x88]);
    let seen: Vec<_> = machine.bus.accesses.iter().map(|a| (a.at, a.size, a.written)).collect();
    assert_eq!(seen, [(DEVICE, 2, None), (DEVICE, 2, Some(0x4433))]);
}

#[test]
fn a_store_that_reaches_into_code_changes_what_is_executed() {
    // At PAGE: mov al, 1; ret. Twice called, the first byte of the immediate overwritten between.
    let mut machine = Machine::new(64);
    machine.write(PAGE, &[0xb0, 0x01, 0xc3]);
    machine.regs.gpr[3] = PAGE - 2;
    machine.regs.gpr[6] = PAGE;
    machine.regs.gpr[1] = 0x07b0_0000;
    // mov eax, [rbx]; mov [rbx], eax: both pages have write tags; call rsi; mov [rbx], ecx; call rsi
    let code = [load(4), &[0x89, 0x03, 0xff, 0xd6][..], store(4), &[0xff, 0xd6]].concat();
    machine.run(&code, 5);
    assert_eq!(machine.regs.gpr[0] & 0xff, 1);
    machine.resume(3);
    assert_eq!(machine.regs.gpr[0] & 0xff, 7);
}

#[test]
fn addresses_of_32_bits_wrap_around_to_the_first_page() {
    let mut machine = Machine::new(32);
    machine.bus.answer = 0x2211;
    machine.write(0, &[0x33, 0x44]);
    // Within the segment: its base makes the address wrap.
    let ds = &mut machine.regs.segments[SegReg::Ds as usize];
    ds.base = 0x1000;
    machine.regs.gpr[3] = 0xffff_effe;
    machine.regs.gpr[1] = 0x8877_6655;
    machine.run(&[load(4), store(4)].concat(), 2);
    assert_eq!(machine.regs.gpr[0], 0x4433_2211);
    assert_eq!(machine.read(0, 2), [0x77, 0x88]);
    assert_eq!(machine.bus.accesses[1].written, Some(0x6655));
}
