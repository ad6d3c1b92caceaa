use super::*;
use crate::testing::{CODE, Small};

#[test]
fn a_dump_shows_hex_text_holes_and_runs_of_equal_lines() {
    let memory = Memory::new(16 << 20, 16 << 20).unwrap();
    memory.write(PhysAddr(0x9_ff42), b"Linux\0").unwrap();

    let text = super::memory(&memory, PhysAddr(0x9_ff40), 0xd8);

    let lines: Vec<&str> = text.lines().collect();
    let first =
        "000000000009ff40  00 00 4c 69 6e 75 78 00 00 00 00 00 00 00 00 00  |..Linux.........|";
    assert_eq!(lines[0], first);
    assert_eq!(lines[2], "*");
    let hole =
        "00000000000a0000  -- -- -- -- -- -- -- -- -- -- -- -- -- -- -- --  |                |";
    assert_eq!(lines[3], hole);
    assert_eq!(lines.last().unwrap().len(), 18 + 47 + 2 + 10);
}

#[test]
fn a_dump_at_the_end_of_the_address_space_ends() {
    let memory = Memory::new(1 << 20, 1 << 20).unwrap();
    assert_eq!(super::memory(&memory, PhysAddr(u64::MAX - 3), 100).lines().count(), 1);
}

#[test]
fn registers_are_shown_with_the_words_of_their_bits() {
    let text = registers(&Small::long(&[]).cpu.registers());
    for part in [
        "rsp=0000000000090000",
        "rip=0000000000010000 rflags=00000002 [none, IOPL 0]",
        " cs=0008 base 0000000000000000 limit ffffffff attributes a09b (64-bit code, readable, DPL 0)",
        "cr0=80010031 [PG WP NE ET PE]",
        "efer=00000d00 [NXE LMA LME], long mode",
    ] {
        assert!(text.contains(part), "{part:?} is not in:\n{text}");
    }
}

#[test]
fn a_walk_is_shown_entry_by_entry() {
    let guest = Small::long(&[]);
    let text = walk(&guest.cpu, &guest.memory, CODE + 5);
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[0], "walk of 0x0000000000010005, cr3=0x1000");
    assert_eq!(lines[4], "  PTE[16] at 0x4080 = 0x0000000000010007: P RW US");
    assert_eq!(lines[5], "  physical 0x10005: writable, user");
}
