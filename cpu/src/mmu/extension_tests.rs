//! Five levels, pages of 1 GiB, protection keys, process-context identifiers: SDM Vol. 3A, "Paging".

use crate::features::{MAX, Model, feature};
use crate::testing::{CODE, Machine, TABLES};
use arch::control::{cr0, cr4};
use arch::exception::{Vector, page_fault};
use arch::paging::pte;

const DATA: u64 = 0x2_0000;
const RIGHTS: u64 = pte::P | pte::RW | pte::US;
/// mov rbx, [rcx]
const LOAD: [u8; 3] = [0x48, 0x8b, 0x19];
/// mov [rcx], rbx
const STORE: [u8; 3] = [0x48, 0x89, 0x19];
/// mov cr3, rax
const SET_CR3: [u8; 3] = [0x0f, 0x22, 0xd8];
/// mov cr4, rax
const SET_CR4: [u8; 3] = [0x0f, 0x22, 0xe0];

fn max() -> Machine {
    Machine::with_model(64, MAX)
}

/// Five levels: the one-to-one map at 0 and again from `entry` of the top table on.
fn five_levels(entry: u64) -> Machine {
    let mut machine = max();
    machine.regs.cr4 |= cr4::LA57;
    machine.regs.cr3 = 0x3_0000;
    machine.write(0x3_0000, &(TABLES | RIGHTS).to_le_bytes());
    machine.write(0x3_0000 + 8 * entry, &(TABLES | RIGHTS).to_le_bytes());
    machine
}

#[test]
fn with_la57_a_fifth_level_translates_57_bits() {
    for (entry, linear) in [(1, 1 << 48 | DATA), (256, 0xff00_0000_0000_0000 | DATA)] {
        let mut machine = five_levels(entry);
        machine.write(DATA, &[7]);
        machine.regs.gpr[1] = linear;

        machine.run(&LOAD, 1);

        assert_eq!((machine.fault(), machine.regs.gpr[3] & 0xff), (None, 7));
    }
    let mut bad = five_levels(1);
    bad.regs.gpr[1] = 1 << 56;
    assert_eq!(bad.run_to_fault(&LOAD), Some(Vector::GP));
    let mut missing = five_levels(1);
    missing.regs.gpr[1] = 2 << 48;
    assert_eq!(missing.run_to_fault(&LOAD), Some(Vector::PF));
    let mut four = max();
    four.regs.gpr[1] = 1 << 48;
    assert_eq!(four.run_to_fault(&LOAD), Some(Vector::GP), "48 bits without LA57");
}

#[test]
fn ps_in_the_top_entry_of_five_levels_is_reserved() {
    let mut machine = five_levels(1);
    machine.write(0x3_0008, &(TABLES | RIGHTS | pte::PS).to_le_bytes());
    machine.regs.gpr[1] = 1 << 48 | DATA;
    machine.run(&LOAD, 1);
    assert_eq!(
        machine.fault().map(|fault| fault.error_code),
        Some(page_fault::P | page_fault::RSVD)
    );
}

#[test]
fn la57_cannot_change_in_long_mode_and_code_runs_above_48_bits() {
    let mut machine = max();
    machine.regs.gpr[0] = machine.regs.cr4 | cr4::LA57;
    assert_eq!(machine.run_to_fault(&SET_CR4), Some(Vector::GP));

    let mut machine = five_levels(1);
    machine.regs.gpr[0] = 1 << 48 | (CODE + 0x100);
    machine.write(CODE + 0x100, &[0x48, 0xff, 0xc1]); // inc rcx
    machine.run(&[0xff, 0xe0], 2); // jmp rax
    assert_eq!((machine.fault(), machine.regs.rip), (None, 1 << 48 | (CODE + 0x103)));
}

/// A page of 1 GiB at 1 GiB, onto the first of memory.
fn huge(model: Model) -> Machine {
    let mut machine = Machine::with_model(64, model);
    machine.write(TABLES + 0x1008, &(RIGHTS | pte::PS).to_le_bytes());
    machine.write(DATA, &[9]);
    machine.regs.gpr[1] = 1 << 30 | DATA;
    machine
}

#[test]
fn a_page_of_1_gib_translates_and_is_reserved_without_the_feature() {
    let mut machine = huge(MAX);
    machine.run(&LOAD, 1);
    assert_eq!((machine.fault(), machine.regs.gpr[3] & 0xff), (None, 9));
    let entry = machine.read(TABLES + 0x1008, 8);
    assert_eq!(u64::from(entry[0]) & (pte::A | pte::D), pte::A);

    let mut model = MAX;
    model.remove(feature("pdpe1gb").unwrap());
    let mut without = huge(model);
    without.run(&LOAD, 1);
    let code = without.fault().map(|fault| fault.error_code);
    assert_eq!(code, Some(page_fault::P | page_fault::RSVD));

    let mut misplaced = huge(MAX);
    misplaced.write(TABLES + 0x1008, &(RIGHTS | pte::PS | 1 << 29).to_le_bytes());
    assert_eq!(misplaced.run_to_fault(&LOAD), Some(Vector::PF));
}

#[test]
fn invlpg_anywhere_in_a_page_of_1_gib_forgets_all_of_it() {
    let mut machine = huge(MAX);
    machine.regs.gpr[0] = 1 << 30 | 0x3f00_0000;
    let invlpg = [0x0f, 0x01, 0x38]; // invlpg [rax]
    machine.run(&[&LOAD[..], &invlpg, &LOAD].concat(), 1);
    machine.write(TABLES + 0x1008, &[0; 8]);
    machine.resume(2);
    assert_eq!(machine.fault().map(|fault| fault.vector), Some(Vector::PF));
}

/// DATA with protection key 5, `rights` for it in PKRU, at a privilege level.
fn keyed(rights: u32, cpl: u16) -> Machine {
    let mut machine = max();
    machine.map(DATA, RIGHTS | 5 << 59);
    machine.regs.cr4 |= cr4::PKE;
    machine.regs.gpr[1] = DATA;
    machine.set_segments(64, cpl);
    machine.cpu.pkru = rights << 10;
    machine
}

fn code_of(mut machine: Machine, code: &[u8]) -> Option<u32> {
    machine.run(code, 1);
    machine.fault().map(|fault| fault.error_code)
}

#[test]
fn a_protection_key_denies_accesses_and_writes_to_user_pages() {
    use page_fault::{P, PK, U, W};
    for cpl in [0, 3] {
        let user = if cpl == 3 { U } else { 0 };
        assert_eq!(code_of(keyed(0, cpl), &STORE), None);
        assert_eq!(code_of(keyed(1, cpl), &LOAD), Some(P | PK | user));
        assert_eq!(code_of(keyed(2, cpl), &LOAD), None);
        assert_eq!(code_of(keyed(2, cpl), &STORE), Some(P | PK | W | user));
        assert_eq!(code_of(keyed(3, cpl), &LOAD), Some(P | PK | user));
    }
    // A supervisor with CR0.WP clear may write; a supervisor page has no key.
    let mut unprotected = keyed(2, 0);
    unprotected.regs.cr0 &= !cr0::WP;
    assert_eq!(code_of(unprotected, &STORE), None);
    let mut supervisor = keyed(3, 0);
    supervisor.map(DATA, (RIGHTS & !pte::US) | 5 << 59);
    assert_eq!(code_of(supervisor, &STORE), None);
    let mut off = keyed(3, 3);
    off.regs.cr4 &= !cr4::PKE;
    assert_eq!(code_of(off, &STORE), None);
}

#[test]
fn wrpkru_takes_access_away_from_pages_that_were_just_used() {
    let mut machine = keyed(0, 3);
    machine.regs.gpr[0] = 2 << 10;
    machine.regs.gpr[1] = 0;
    machine.regs.gpr[6] = DATA;
    let store = [0x48, 0x89, 0x1e]; // mov [rsi], rbx
    let load = [0x48, 0x8b, 0x1e]; // mov rbx, [rsi]
    let wrpkru = [0x0f, 0x01, 0xef];
    machine.run(&[&store[..], &wrpkru, &load, &store].concat(), 3);
    assert_eq!(machine.fault(), None);
    machine.resume(1);
    assert_eq!(machine.fault().map(|fault| fault.vector), Some(Vector::PF));
    assert_eq!(machine.cpu.pkru, 2 << 10);
}

#[test]
fn a_fetch_needs_no_key() {
    let mut machine = keyed(3, 3);
    machine.map(CODE, RIGHTS | 5 << 59);
    machine.run(&[0x90], 1);
    assert_eq!(machine.fault(), None);
}

#[test]
fn pcide_wants_long_mode_and_an_empty_identifier() {
    let mut machine = max();
    machine.regs.gpr[0] = machine.regs.cr4 | cr4::PCIDE;
    machine.run(&SET_CR4, 1);
    assert_eq!((machine.fault(), machine.regs.cr4 & cr4::PCIDE != 0), (None, true));

    let mut busy = max();
    busy.regs.cr3 |= 8;
    busy.regs.gpr[0] = busy.regs.cr4 | cr4::PCIDE;
    assert_eq!(busy.run_to_fault(&SET_CR4), Some(Vector::GP));
    let mut legacy = Machine::with_model(32, MAX);
    legacy.regs.gpr[0] = legacy.regs.cr4 | cr4::PCIDE;
    assert_eq!(legacy.run_to_fault(&SET_CR4), Some(Vector::GP));
}

#[test]
fn bit_63_of_cr3_is_dropped_with_pcide_and_reserved_without() {
    let mut machine = max();
    machine.regs.cr4 |= cr4::PCIDE;
    machine.regs.gpr[0] = TABLES | 5 | 1 << 63;
    machine.run(&SET_CR3, 1);
    assert_eq!((machine.fault(), machine.regs.cr3), (None, TABLES | 5));

    let mut without = max();
    without.regs.gpr[0] = TABLES | 1 << 63;
    assert_eq!(without.run_to_fault(&SET_CR3), Some(Vector::GP));
}

#[test]
fn paging_cannot_be_left_with_pcide() {
    let mut machine = max();
    machine.set_segments(32, 0);
    machine.regs.cr4 |= cr4::PCIDE;
    machine.regs.gpr[0] = machine.regs.cr0 & !cr0::PG;
    let set_cr0 = [0x0f, 0x22, 0xc0];
    assert_eq!(machine.run_to_fault(&set_cr0), Some(Vector::GP));
}

#[test]
fn the_tables_are_hidden_from_programs_with_umip() {
    // sgdt [rcx]; sidt [rcx]; sldt eax; str eax; smsw eax
    let forms: [&[u8]; 5] = [
        &[0x0f, 0x01, 0x01],
        &[0x0f, 0x01, 0x09],
        &[0x0f, 0x00, 0xc0],
        &[0x0f, 0x00, 0xc8],
        &[0x0f, 0x01, 0xe0],
    ];
    for form in forms {
        for (cpl, umip, fault) in [(3, true, Some(Vector::GP)), (3, false, None), (0, true, None)] {
            let mut machine = max();
            machine.regs.gpr[1] = DATA;
            machine.set_segments(64, cpl);
            machine.regs.cr4 |= if umip { cr4::UMIP } else { 0 };
            assert_eq!(machine.run_to_fault(form), fault, "{form:x?} {cpl} {umip}");
        }
    }
}
