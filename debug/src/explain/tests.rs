use super::*;
use crate::testing::{CODE, IDT, STACK, Small, put};
use arch::control::cr4;
use arch::exception::{Exception, Vector};
use arch::paging::pte;
use cpu::Exit;
use cpu::walk::Intent;

/// mov [rax], ecx
const STORE: [u8; 2] = [0x89, 0x08];

fn contains(story: &str, parts: &[&str]) {
    for part in parts {
        assert!(story.contains(part), "{part:?} is not in:\n{story}");
    }
}

#[test]
fn a_page_fault_without_an_idt_is_told_from_the_walk_to_the_shutdown() {
    let mut guest = Small::long(&STORE).with(|registers| registers.gpr[0] = 0xffff_8000_0000_1234);

    assert_eq!(guest.run(10), Exit::Shutdown);

    let story = triple_fault(&guest.cpu, &guest.memory, &Symbols::default());
    contains(
        &story,
        &[
            "triple fault after 0 instructions: #PF -> #GP -> #DF -> #GP -> shutdown; the guest has \
             no IDT",
            "1. #PF(0x2: write, not present, supervisor) at 0xffff800000001234 (page fault) at rip \
             0x10000",
            "PML4E[256] at 0x1800 = 0x0000000000000000: none",
            "refused: bit 0 (P) of the PML4E[256] is clear: not present",
            "2. #GP(0x73: IDT entry 14, external event)",
            "raised by the delivery of #PF:",
            "IDT entry 14 would be at 0x60e0, beyond the IDT (base 0x6000, limit 0x0)",
            "#PF and then #GP make a double fault",
            "3. #GP(0x43: IDT entry 8, external event)",
            "#GP during a double fault: the CPU shuts down",
            "0x10000: 89 08",
            "mov [rax], ecx",
            "rip=0000000000010000",
            "state: long mode, 64-bit code, CPL 0, interrupts off",
        ],
    );
}

/// The code of these tests has a name.
fn names() -> Symbols {
    Symbols::of_file(&b"10000 T store\n20000 T caller\n".to_vec())
}

#[test]
fn addresses_in_the_story_of_a_triple_fault_are_named() {
    // call +0; mov [rax], ecx
    let mut guest = Small::long(&[&[0xe8, 0, 0, 0, 0], &STORE[..]].concat())
        .with(|registers| registers.gpr[0] = 0x7fff_0000_0000);
    put(&guest.memory, STACK, 0x2_0010);

    assert_eq!(guest.run(10), Exit::Shutdown);

    let story = triple_fault(&guest.cpu, &guest.memory, &names());
    let parts =
        ["at rip 0x10005 <store+0x5>, CPL 0", "\n  0x10005 <store+0x5>\n  0x20010 <caller+0x10>"];
    contains(&story, &parts);
}

/// The usual end of a kernel whose stack has run over: the handler's frame cannot be pushed.
#[test]
fn a_stack_that_is_not_mapped_is_named_as_the_reason() {
    let mut guest = Small::long(&STORE)
        .gate(14, 0x2_0000)
        .gate(8, 0x2_0000)
        .page(STACK - 0x1000, 0)
        .with(|registers| registers.gpr[0] = 0x7fff_0000_0000);

    assert_eq!(guest.run(10), Exit::Shutdown);

    let story = triple_fault(&guest.cpu, &guest.memory, &Symbols::default());
    contains(
        &story,
        &[
            "#PF -> #PF -> #DF -> #PF -> shutdown; 0x8fff8 is in the handler's stack",
            "the same walk as in 2",
            "64-bit interrupt gate to 0008:0x20000, DPL 0",
            "is in the handler's stack, whose top is 0x90000",
            "bit 0 (P) of the PTE[143] is clear: not present",
        ],
    );
}

#[test]
fn faults_that_were_delivered_are_told_apart_from_the_chain() {
    // The first #UD goes to a handler at CODE + 16, whose own #UD finds a gate that is not present.
    let mut code = vec![0x0f, 0x0b];
    code.resize(16, 0x90);
    code.extend(STORE);
    let mut guest =
        Small::long(&code).gate(6, CODE + 16).with(|registers| registers.gpr[0] = 0x7fff_0000_0000);
    put(&guest.memory, IDT + 14 * 16, 0x0000_0e00_0008_0000);

    assert_eq!(guest.run(10), Exit::Shutdown);

    let story = triple_fault(&guest.cpu, &guest.memory, &Symbols::default());
    contains(
        &story,
        &[
            "exceptions before it, which were delivered:\n  #UD (invalid opcode) at rip 0x10000",
            "#PF -> #NP -> #DF -> ",
            "64-bit interrupt gate to 0008:0x0, DPL 0, NOT PRESENT",
        ],
    );
}

fn walk(guest: &Small, linear: u64, intent: Intent, user: bool) -> String {
    let cr3 = guest.cpu.registers().cr3;
    let state = page_walk::state_at(&guest.cpu, &guest.memory, cr3, user);
    page_walk::lines(&guest.memory, &state, linear, intent).pop().unwrap()
}

/// SDM Vol. 3A, "Access Rights": each refusal names its bit.
#[test]
fn a_refused_walk_names_the_entry_and_the_bit() {
    let page = 0x5_0000;
    let (p, rw, us) = (pte::P, pte::RW, pte::US);
    let rows = [
        (
            page | p | us,
            0,
            Intent::Write,
            false,
            "bit 1 (RW) is clear in PTE[80], and CR0.WP is set",
        ),
        (page | p | us, 0, Intent::Write, true, "bit 1 (RW) is clear in PTE[80]"),
        (page | p | rw, 0, Intent::Read, true, "bit 2 (US) is clear in PTE[80]"),
        (page | p | pte::NX, 0, Intent::Fetch, false, "bit 63 (NX) is set in PTE[80]"),
        (page | p | 1 << 45, 0, Intent::Read, false, "PTE[80] has reserved bits set: 45"),
        (page | p | us, cr4::SMEP, Intent::Fetch, false, "CR4.SMEP is set"),
        (page | p | us, cr4::SMAP, Intent::Read, false, "CR4.SMAP is set"),
    ];
    for (entry, cr4_bits, intent, user, reason) in rows {
        let guest = Small::long(&[]).page(page, entry).with(|registers| registers.cr4 |= cr4_bits);

        let end = walk(&guest, page, intent, user);

        assert!(end.starts_with("refused: ") && end.contains(reason), "{end}\nnot: {reason}");
    }
}

#[test]
fn a_walk_that_succeeds_ends_with_the_physical_address_and_the_rights() {
    let guest = Small::long(&[]).page(0x5_0000, 0x7_0000 | pte::P | pte::NX | pte::D);

    let end = walk(&guest, 0x5_0123, Intent::Read, false);

    assert_eq!(end, "physical 0x70123: read only, supervisor, no execute, dirty");
}

#[test]
fn error_codes_become_words() {
    assert_eq!(error_code::page_fault(0), "read, not present, supervisor");
    assert_eq!(error_code::page_fault(0b0_0111), "write, not allowed, user");
    assert_eq!(error_code::page_fault(0b1_0101), "instruction fetch, not allowed, user");
    assert_eq!(error_code::page_fault(0b0_1001), "read, reserved bit set, supervisor");
    assert_eq!(error_code::page_fault(1 << 15), "read, not present, supervisor, other bits 0x8000");
    assert_eq!(error_code::selector(0x18), "GDT selector 0x18");
    assert_eq!(error_code::selector(0x1c), "LDT selector 0x1c");
    assert_eq!(error_code::selector(0x103), "IDT entry 32, external event");
    assert_eq!(error_code::exception(&Exception::gp0()), "#GP(0)");
    assert_eq!(error_code::exception(&Exception::ud()), "#UD");
    assert_eq!(
        error_code::exception(&Exception::with_code(Vector::NP, 0x20)),
        "#NP(0x20: GDT selector 0x20)"
    );
}

#[test]
fn what_is_not_emulated_is_shown_with_its_bytes_and_mode() {
    let guest = Small::long(&[0x0f, 0x01, 0xc1]);

    let (names, none) = (names(), Symbols::default());
    let line = unimplemented_line(&guest.cpu, &guest.memory, "VMCALL", &none);
    let named = unimplemented_line(&guest.cpu, &guest.memory, "VMCALL", &names);
    let story = unimplemented(&guest.cpu, &guest.memory, "VMCALL", &names);

    contains(&line, &["VMCALL: 0x10000: 0f 01 c1", "vmcall", "(long mode, 64-bit code, CPL 0"]);
    contains(&named, &["vmcall (in store, long mode"]);
    contains(&story, &["VMCALL\nat 0008:0x10000 (linear 0x10000 <store>) after 0", "rax="]);
}

#[test]
fn a_halt_with_interrupts_off_is_told_as_such() {
    let mut guest = Small::long(&[0xf4, 0x90]);
    assert_eq!(guest.run(10), Exit::Halted);

    let story = halted(&guest.cpu, &guest.memory, &names());

    contains(&story, &["RFLAGS.IF is clear", "(linear 0x10001 <store+0x1>)", "0x10001: 90"]);
}

#[test]
fn a_cpu_at_power_on_can_be_explained_too() {
    let cpu = Cpu::new(&cpu::Config::default());
    let memory = Memory::new(1 << 20, 1 << 20).unwrap();

    let story = triple_fault(&cpu, &memory, &Symbols::default());

    contains(&story, &["no exception is on record", "no memory can be read there", "real mode"]);
}

#[test]
fn an_instruction_that_the_model_lacks_is_named_with_its_feature() {
    let vpaddb = [0x62, 0xf1, 0x7d, 0x48, 0xfc, 0xc0]; // vpaddb zmm0, zmm0, zmm0
    let mut guest = Small::long(&vpaddb);

    assert_eq!(guest.run(10), Exit::Shutdown);

    let story = triple_fault(&guest.cpu, &guest.memory, &Symbols::default());
    contains(&story, &["1. #UD", "VPADDB needs AVX512BW, which CPU model", "62 f1 7d 48 fc c0"]);
}
