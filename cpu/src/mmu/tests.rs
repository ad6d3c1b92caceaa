//! Paging and segmentation as a program sees them: rights, error codes, A and D, stale translations,
//! limits.

use crate::testing::*;
use arch::control::efer;
use arch::control::{cr0, cr4};
use arch::exception::Vector;
use arch::exception::page_fault::{I, P as PRESENT, RSVD, U, W};
use arch::paging::pte::{self, A, D, G, NX, P, PS, RW, US};
use arch::rflags;
use arch::segment::{SegReg, Segment, attr};

/// The page the tests access.
const PAGE: u64 = 0x3_0000;
/// Its entry in the page table.
const ENTRY: u64 = TABLES + 0x3000 + (PAGE >> 12) * 8;

/// `mov eax, [rbx]`
const READ: &[u8] = &[0x8b, 0x03];
/// `mov [rbx], eax`
const WRITE: &[u8] = &[0x89, 0x03];
/// `add [rbx], eax`
const MODIFY: &[u8] = &[0x01, 0x03];
/// `cmpxchg [rbx], ecx`: writes whatever it compares.
const CMPXCHG: &[u8] = &[0x0f, 0xb1, 0x0b];
/// `jmp rbx`, and the instruction there.
const FETCH: &[u8] = &[0xff, 0xe3];

fn machine(bits: u32, cpl: u16) -> Machine {
    let mut machine = Machine::new(bits);
    machine.set_segments(bits, cpl);
    machine.regs.efer |= efer::NXE;
    machine.regs.gpr[3] = PAGE;
    machine.write(PAGE, &[0x90]);
    machine
}

/// The error code of the page fault that an access to the page raises.
fn page_fault_of(machine: &mut Machine, access: &[u8]) -> Option<u32> {
    machine.run(&[access, &[0x90]].concat(), 2);
    let fault = machine.fault()?;
    assert_eq!((fault.vector, fault.address), (Vector::PF, machine.regs.gpr[3]));
    assert_eq!(machine.regs.cr2, fault.address);
    Some(fault.error_code)
}

#[test]
fn page_fault_error_codes_say_what_was_tried_and_why_it_failed() {
    let cases: &[(u64, u16, &[u8], Option<u32>)] = &[
        (0, 0, READ, Some(0)),
        (0, 3, READ, Some(U)),
        (0, 0, WRITE, Some(W)),
        (0, 0, MODIFY, Some(W)),
        (0, 3, CMPXCHG, Some(W | U)),
        (0, 0, FETCH, Some(I)),
        (P | RW | US, 3, WRITE, None),
        (P | RW, 3, READ, Some(PRESENT | U)),
        (P | RW, 3, WRITE, Some(PRESENT | U | W)),
        (P | RW, 3, FETCH, Some(PRESENT | U | I)),
        (P | US, 3, READ, None),
        (P | US, 3, WRITE, Some(PRESENT | U | W)),
        (P | US, 3, MODIFY, Some(PRESENT | U | W)),
        (P, 0, WRITE, Some(PRESENT | W)),
        (P, 0, CMPXCHG, Some(PRESENT | W)),
        (P | RW | NX, 0, FETCH, Some(PRESENT | I)),
        (P | RW | NX, 0, WRITE, None),
        (P | RW | 1 << 45, 0, READ, Some(PRESENT | RSVD)),
        (P | RW | 1 << 45, 3, WRITE, Some(PRESENT | RSVD | U | W)),
        // A reserved bit in an entry that is not present says nothing.
        (1 << 45, 0, READ, Some(0)),
    ];
    for &(bits, cpl, access, expected) in cases {
        let mut machine = machine(64, cpl);
        machine.map(PAGE, bits);
        assert_eq!(page_fault_of(&mut machine, access), expected, "{bits:#x} {cpl} {access:x?}");
    }
}

#[test]
fn without_nx_and_smep_fetches_are_not_told_apart_and_bit_63_is_reserved() {
    let mut plain = machine(64, 0);
    plain.regs.efer &= !efer::NXE;
    plain.map(PAGE, 0);
    assert_eq!(page_fault_of(&mut plain, FETCH), Some(0));

    let mut reserved = machine(64, 0);
    reserved.regs.efer &= !efer::NXE;
    reserved.map(PAGE, P | RW | NX);
    assert_eq!(page_fault_of(&mut reserved, READ), Some(PRESENT | RSVD));
}

#[test]
fn wp_smep_and_smap_guard_the_supervisor() {
    let case = |set: fn(&mut Machine), bits: u64, access: &[u8]| {
        let mut machine = machine(64, 0);
        set(&mut machine);
        // The program itself is the supervisor's.
        machine.map(CODE, P | RW);
        machine.map(PAGE, bits);
        page_fault_of(&mut machine, access)
    };
    assert_eq!(case(|m| m.regs.cr0 &= !cr0::WP, P, WRITE), None);
    assert_eq!(case(|m| m.regs.cr4 |= cr4::SMEP, P | US, FETCH), Some(PRESENT | I));
    assert_eq!(case(|m| m.regs.cr4 |= cr4::SMEP, P | US, READ), None);
    assert_eq!(case(|m| m.regs.cr4 |= cr4::SMAP, P | US, READ), Some(PRESENT));
    assert_eq!(case(|m| m.regs.cr4 |= cr4::SMAP, P | US | RW, WRITE), Some(PRESENT | W));
    let ac = |m: &mut Machine| {
        m.regs.cr4 |= cr4::SMAP;
        m.regs.rflags |= rflags::AC;
    };
    assert_eq!(case(ac, P | US, READ), None);
}

#[test]
fn every_level_has_to_allow_the_access() {
    // The page directory's entry is read-only and the supervisor's.
    let mut machine = machine(64, 3);
    machine.map(PAGE, P | RW | US);
    machine.write(TABLES + 0x2000, &((TABLES + 0x3000) | P | RW).to_le_bytes());
    machine.run(READ, 1);
    assert_eq!(machine.fault().unwrap().error_code, PRESENT | U | I);
}

#[test]
fn accessed_and_dirty_bits_follow_reads_and_writes() {
    let entry = |machine: &Machine| {
        u64::from_le_bytes(machine.read(ENTRY, 8).try_into().unwrap()) & (A | D)
    };
    let mut machine = machine(64, 0);
    machine.map(PAGE, P | RW);
    machine.run(READ, 1);
    assert_eq!(entry(&machine), A);
    machine.regs.rip = CODE;
    machine.run(WRITE, 1);
    assert_eq!(entry(&machine), A | D);
    let top = machine.read(TABLES, 1)[0];
    assert_eq!(u64::from(top) & (A | D), A);
}

#[test]
fn a_faulting_write_sets_no_dirty_bit() {
    let mut machine = machine(64, 0);
    machine.map(PAGE, P);
    machine.run(WRITE, 1);
    assert_eq!(u64::from(machine.read(ENTRY, 1)[0]) & D, 0);
}

#[test]
fn an_access_across_pages_faults_at_the_missing_page_and_changes_nothing() {
    for (access, code) in [(WRITE, W), (MODIFY, W), (READ, 0)] {
        let mut machine = machine(64, 0);
        machine.regs.gpr[3] = PAGE - 2;
        machine.regs.gpr[0] = 0x1234_5678;
        machine.map(PAGE, 0);
        machine.run(access, 1);
        let fault = machine.fault().unwrap();
        assert_eq!((fault.address, fault.error_code), (PAGE, code));
        assert_eq!(machine.read(PAGE - 2, 2), [0, 0]);
        assert_eq!(machine.regs.gpr[0], 0x1234_5678);
    }
}

#[test]
fn large_pages_translate_and_check_their_reserved_bits() {
    let mut machine = machine(64, 0);
    machine.regs.gpr[3] = 0x20_1000;
    assert_eq!(page_fault_of(&mut machine, WRITE), None);
    let entry = |machine: &Machine| machine.read(TABLES + 0x2008, 1)[0];
    assert_eq!(u64::from(entry(&machine)) & (A | D), A | D);

    let mut machine = self::machine(64, 0);
    machine.regs.gpr[3] = 0x20_1000;
    machine.write(TABLES + 0x2008, &(0x20_0000 | P | RW | PS | 1 << 13).to_le_bytes());
    assert_eq!(page_fault_of(&mut machine, READ), Some(PRESENT | RSVD));
}

/// 32-bit paging: a directory at 0x60000 whose first entry is a page table at 0x61000, identical.
fn paging_32() -> Machine {
    let mut machine = machine(32, 0);
    machine.regs.cr0 |= cr0::PG;
    machine.regs.cr4 = 0;
    machine.regs.efer = 0;
    machine.regs.cr3 = 0x6_0000;
    machine.write(0x6_0000, &(0x6_1000u32 | 7).to_le_bytes());
    for page in 0..1024u32 {
        machine.write(0x6_1000 + 4 * u64::from(page), &(page << 12 | 7).to_le_bytes());
    }
    machine
}

#[test]
fn paging_of_32_bits_has_4_kib_and_4_mib_pages_and_36_bit_addresses() {
    let mut machine = paging_32();
    machine.write(0x6_1000 + 4 * (PAGE >> 12), &0u32.to_le_bytes());
    assert_eq!(page_fault_of(&mut machine, MODIFY), Some(W));

    // 4 MiB page at 4 MiB: the same RAM as at 0.
    let mut machine = paging_32();
    machine.regs.cr4 = cr4::PSE;
    machine.write(0x6_0004, &0x87u32.to_le_bytes());
    machine.regs.gpr[3] = 0x40_0000 + PAGE;
    machine.regs.gpr[0] = 0x5555;
    assert_eq!(page_fault_of(&mut machine, WRITE), None);
    assert_eq!(machine.read(PAGE, 2), [0x55, 0x55]);
    assert_eq!(u64::from(machine.read(0x6_0004, 1)[0]) & (A | D), A | D);

    // PSE-36: bit 13 is address bit 32, where there is no memory; bit 21 is reserved.
    let mut machine = paging_32();
    machine.regs.cr4 = cr4::PSE;
    machine.write(0x6_0004, &(0x87u32 | 1 << 13).to_le_bytes());
    machine.regs.gpr[3] = 0x40_0000;
    assert_eq!(page_fault_of(&mut machine, READ), None);
    assert_eq!(machine.bus.accesses[0].at, 1 << 32);
    let mut machine = paging_32();
    machine.regs.cr4 = cr4::PSE;
    machine.write(0x6_0004, &(0x87u32 | 1 << 21).to_le_bytes());
    machine.regs.gpr[3] = 0x40_0000;
    assert_eq!(page_fault_of(&mut machine, READ), Some(PRESENT | RSVD));

    // Without CR4.PSE the PS bit means nothing: a page table at 0, whose first entry is 0.
    let mut machine = paging_32();
    machine.write(0x6_0004, &0x87u32.to_le_bytes());
    machine.regs.gpr[3] = 0x40_0000;
    assert_eq!(page_fault_of(&mut machine, READ), Some(0));
}

#[test]
fn a_stale_translation_serves_until_invlpg_and_a_missing_right_is_looked_up_afresh() {
    let other = 0x4_0000;
    let mut machine = machine(64, 0);
    machine.write(other, &[0x77]);
    machine.write(PAGE, &[0x11]);
    // mov eax, [rbx] ; invlpg [rbx] ; mov eax, [rbx]
    machine.run(&[0x8b, 0x03, 0x8b, 0x03, 0x0f, 0x01, 0x3b, 0x8b, 0x03], 1);
    machine.write(ENTRY, &(other | P | RW).to_le_bytes());
    machine.resume(1);
    assert_eq!(machine.regs.gpr[0], 0x11);
    machine.resume(2);
    assert_eq!(machine.regs.gpr[0], 0x77);

    let mut machine = self::machine(64, 0);
    machine.map(PAGE, P);
    machine.run(&[0x8b, 0x03, 0x89, 0x03], 1);
    machine.map(PAGE, P | RW);
    machine.resume(1);
    assert_eq!(machine.fault(), None);
}

#[test]
fn global_pages_survive_a_load_of_cr3_and_not_one_of_cr4_pge() {
    let case = |pge: u64| {
        let mut machine = machine(64, 0);
        machine.regs.cr4 |= pge;
        machine.map(PAGE, P | RW | G);
        machine.write(PAGE, &[0x11]);
        machine.write(0x4_0000, &[0x77]);
        // mov ecx, [rbx]; mov rax, cr3; mov cr3, rax; mov edx, [rbx]
        // mov rax, cr4; btc rax, 7 twice through cr4; mov esi, [rbx]
        let code = [
            0x8b, 0x0b, 0x0f, 0x20, 0xd8, 0x0f, 0x22, 0xd8, 0x8b, 0x13, 0x0f, 0x20, 0xe0, 0x48,
            0x0f, 0xba, 0xf8, 7, 0x0f, 0x22, 0xe0, 0x8b, 0x33,
        ];
        machine.run(&code, 1);
        machine.write(ENTRY, &(0x4_0000 | P | RW | G).to_le_bytes());
        machine.resume(7);
        [machine.regs.gpr[1], machine.regs.gpr[2], machine.regs.gpr[6]]
    };
    assert_eq!(case(cr4::PGE), [0x11, 0x11, 0x77]);
    assert_eq!(case(0), [0x11, 0x77, 0x77]);
}

#[test]
fn alignment_checks_bite_at_cpl_3_alone() {
    for (cpl, vector) in [(3, Some(Vector::AC)), (0, None)] {
        let mut machine = machine(64, cpl);
        machine.regs.cr0 |= cr0::AM;
        machine.regs.rflags |= rflags::AC;
        machine.regs.gpr[3] = PAGE + 1;
        machine.run(READ, 1);
        assert_eq!(machine.fault().map(|fault| fault.vector), vector);
    }
}

/// The exception of `mov eax, [ebx]` (or a store) through DS with a hidden part of the test's own.
fn through_ds(write: bool, offset: u64, change: impl Fn(&mut Segment)) -> Option<Vector> {
    let mut machine = machine(32, 0);
    change(&mut machine.regs.segments[SegReg::Ds as usize]);
    machine.regs.gpr[3] = offset;
    machine.run(if write { WRITE } else { READ }, 1);
    machine.fault().map(|fault| fault.vector)
}

#[test]
fn segments_hold_to_their_limits_types_and_directions() {
    let gp = Some(Vector::GP);
    let limit = |s: &mut Segment| s.limit = 0x3_0003;
    assert_eq!(through_ds(false, 0x3_0000, limit), None);
    assert_eq!(through_ds(false, 0x3_0001, limit), gp);
    let down = |s: &mut Segment| {
        s.limit = 0x2_ffff;
        s.attributes |= attr::EXPAND_DOWN_OR_CONFORMING;
    };
    assert_eq!(through_ds(false, 0x3_0000, down), None);
    assert_eq!(through_ds(false, 0x2_ffff, down), gp);
    let down16 = |s: &mut Segment| {
        s.limit = 0xfff;
        s.attributes = s.attributes & !attr::DB | attr::EXPAND_DOWN_OR_CONFORMING;
    };
    assert_eq!(through_ds(false, 0xfffc, down16), None);
    assert_eq!(through_ds(false, 0xfffd, down16), gp);
    assert_eq!(through_ds(true, 0, |s| s.attributes &= !attr::WRITABLE_OR_READABLE), gp);
    assert_eq!(through_ds(false, 0, |s| s.attributes &= !attr::WRITABLE_OR_READABLE), None);
    assert_eq!(through_ds(false, 0, |s| *s = Segment::default()), gp);
    let execute_only = |s: &mut Segment| s.attributes = attr::P | attr::S | attr::CODE | attr::DB;
    assert_eq!(through_ds(false, 0, execute_only), gp);
    let readable = |s: &mut Segment| {
        s.attributes = attr::P | attr::S | attr::CODE | attr::WRITABLE_OR_READABLE;
    };
    assert_eq!(through_ds(false, 0, readable), None);
    assert_eq!(through_ds(true, 0, readable), gp);
}

#[test]
fn limits_are_checked_before_pages() {
    let mut machine = paging_32();
    machine.write(0x6_1000 + 4 * (PAGE >> 12), &0u32.to_le_bytes());
    machine.regs.segments[SegReg::Ds as usize].limit = 0xffff;
    machine.run(READ, 1);
    assert_eq!(machine.fault().unwrap().vector, Vector::GP);
}

#[test]
fn the_stack_segment_raises_ss_and_a_real_mode_word_at_ffff_faults() {
    let mut machine = Machine::real();
    machine.regs.gpr[3] = 0xffff;
    machine.run(&[0x8b, 0x07], 1); // mov ax, [bx]
    assert_eq!(machine.fault().unwrap().vector, Vector::GP);

    let mut machine = Machine::real();
    machine.regs.gpr[5] = 0xffff;
    machine.run(&[0x8b, 0x46, 0], 1); // mov ax, [bp]
    assert_eq!(machine.fault().unwrap().vector, Vector::SS);

    for (code, vector) in [
        (&[0x8b, 0x03][..], Vector::GP), // mov eax, [rbx]
        (&[0x8b, 0x45, 0], Vector::SS),  // mov eax, [rbp]
        (&[0x8b, 0x04, 0x24], Vector::SS),
        (&[0x50], Vector::SS), // push rax
    ] {
        let mut machine = Machine::new(64);
        for n in [3, 4, 5] {
            machine.regs.gpr[n] = 1 << 47;
        }
        machine.regs.gpr[4] += 8;
        machine.run(code, 1);
        let fault = machine.fault().unwrap();
        assert_eq!((fault.vector, fault.error_code), (vector, 0), "{code:x?}");
    }
}

#[test]
fn pae_checks_its_upper_bits() {
    let case = |bits: u64| {
        let mut machine = machine(32, 0);
        machine.regs.cr0 |= cr0::PG;
        machine.write(0x6_0000, &((TABLES + 0x2000) | pte::P).to_le_bytes());
        machine.regs.cr3 = 0x6_0000;
        machine.map(PAGE, bits);
        page_fault_of(&mut machine, READ)
    };
    assert_eq!(case(P), None);
    assert_eq!(case(P | 1 << 52), Some(PRESENT | RSVD));
    assert_eq!(case(P | 1 << 62), Some(PRESENT | RSVD));
    assert_eq!(case(P | NX), None);
}

/// Zen 5; Intel checks the sum alone. Also where the page has its fast tag.
#[test]
fn amd_refuses_an_offset_in_gs_that_is_not_canonical() {
    const ODD: u64 = 1 << 47;
    let mut intel = crate::features::QEMU64;
    intel.vendor = b"GenuineIntel";
    for (model, expected) in [(crate::features::QEMU64, Some(Vector::GP)), (intel, None)] {
        for (offset, expected) in [(ODD, expected), (ODD - 2, expected), (ODD - 4, None), (0, None)]
        {
            let mut machine = Machine::with_model(64, model);
            machine.regs.segments[SegReg::Gs as usize].base = PAGE.wrapping_sub(offset);
            machine.regs.gpr[3] = PAGE;
            machine.regs.gpr[6] = offset;
            // mov eax, [rbx]; mov eax, gs:[rsi]
            machine.run(&[0x8b, 0x03, 0x65, 0x8b, 0x06], 2);
            assert_eq!(machine.fault().map(|fault| fault.vector), expected, "{offset:x}");
        }
    }
}
