//! A machine with firmware: the reset vector, and what memory shows below 1 MiB. The ROMs are a few
//! bytes, assembled by hand.

use crate::{Machine, MachineConfig, Stop};
use memory::PhysAddr;

/// A ROM of 128 KiB with code at linear 0xf0000; the reset vector jumps there.
fn rom(code: &[u8]) -> Vec<u8> {
    let mut rom = vec![0xaa; 0x2_0000];
    rom[0x1_0000..0x1_0000 + code.len()].copy_from_slice(code);
    rom[0x1_fff0..0x1_fff5].copy_from_slice(&[0xea, 0x00, 0x00, 0x00, 0xf0]); // jmp f000:0000
    rom
}

/// mov eax, 0x80000000 | register; mov dx, 0xcf8; out dx, eax; mov dx, 0xcfc + byte; mov al, value;
/// out dx, al
fn write_pci(register: u8, value: u8) -> Vec<u8> {
    let mut code = vec![0x66, 0xb8, register & !3, 0, 0, 0x80, 0xba, 0xf8, 0x0c, 0x66, 0xef];
    code.extend([0xba, 0xfc + (register & 3), 0x0c, 0xb0, value, 0xee]);
    code
}

/// mov ax, segment; mov ds, ax
fn data_segment(segment: u16) -> Vec<u8> {
    let [low, high] = segment.to_le_bytes();
    vec![0xb8, low, high, 0x8e, 0xd8]
}

/// mov al, [0x10]; mov es:[bx], al; inc bx -- keeps what memory shows, at 0x500 on
const KEEP: &[u8] = &[0xa0, 0x10, 0x00, 0x26, 0x88, 0x07, 0x43];
/// mov byte [0x10], value
fn store(value: u8) -> Vec<u8> {
    vec![0xc6, 0x06, 0x10, 0x00, value]
}

fn run(code: &[Vec<u8>]) -> Machine {
    let start = [&[0x31, 0xc0, 0x8e, 0xc0, 0xbb, 0x00, 0x05][..]]; // xor ax, ax; mov es, ax; mov bx, 0x500
    let end = [0xfa, 0xf4]; // cli; hlt
    let code = [&start.concat()[..], &code.concat(), &end].concat();
    let rom = Some(rom(&code).into());
    let config = MachineConfig { ram_bytes: 2 << 20, rom, ..MachineConfig::default() };
    let mut machine = Machine::new(&config).unwrap();
    assert_eq!(machine.run(100_000), Stop::HaltedForever);
    machine
}

fn kept(machine: &Machine, len: usize) -> Vec<u8> {
    let mut kept = vec![0; len];
    machine.memory().read(PhysAddr(0x500), &mut kept).unwrap();
    kept
}

/// 82441FX, PAM: bit 0 reads RAM, bit 1 writes RAM. The code runs from the segment that it changes, so
/// that what it reads there first is its own ROM.
#[test]
fn each_setting_of_a_pam_register_sends_reads_and_writes_where_the_datasheet_says() {
    let at = data_segment(0xe000); // PAM5, lower nibble
    let machine = run(&[
        at.clone(),
        KEEP.to_vec(), // the ROM
        store(1),
        KEEP.to_vec(), // still the ROM
        write_pci(0x5e, 0x02),
        store(2),
        KEEP.to_vec(), // written to RAM, read from ROM
        write_pci(0x5e, 0x01),
        KEEP.to_vec(), // RAM
        store(3),
        KEEP.to_vec(), // RAM, not written
        write_pci(0x5e, 0x03),
        store(4),
        KEEP.to_vec(),
        write_pci(0x5e, 0x00),
        KEEP.to_vec(), // the ROM again
    ]);

    assert_eq!(kept(&machine, 7), [0xaa, 0xaa, 0xaa, 2, 2, 4, 0xaa]);
}

/// SeaBIOS does this in its first instructions: it copies itself into RAM and goes on there.
#[test]
fn code_goes_on_in_ram_that_takes_the_place_of_the_rom_under_it() {
    let copy = [
        0xb8, 0x00, 0xf0, 0x8e, 0xd8, // mov ax, 0xf000; mov ds, ax
        0x06, 0x8e, 0xc0, // push es; mov es, ax
        0x31, 0xf6, 0x31, 0xff, 0xb9, 0x00, 0x80, // xor si, si; xor di, di; mov cx, 0x8000
        0xf3, 0xa5, // rep movsw
        0x07, // pop es
    ];
    let machine = run(&[
        vec![0xbc, 0x00, 0x70], // mov sp, 0x7000
        write_pci(0x59, 0x20),  // reads ROM, writes RAM
        copy.to_vec(),
        write_pci(0x59, 0x30),
        data_segment(0xf000),
        vec![0xc6, 0x06, 0x10, 0xf0, 0x5a, 0xa0, 0x10, 0xf0], // mov byte [0xf010], 0x5a; mov al, [0xf010]
        vec![0x26, 0x88, 0x07],
    ]);

    assert_eq!(kept(&machine, 1), [0x5a]);
    let mut reset = [0; 5];
    machine.memory().read(PhysAddr(0xf_fff0), &mut reset).unwrap();
    assert_eq!(reset, [0xea, 0x00, 0x00, 0x00, 0xf0], "the copy");
}

/// SDM Vol. 3A, "First Instruction Executed"; the ROM is seen at the end of 4 GiB and of 1 MiB.
#[test]
fn the_machine_begins_at_the_end_of_4_gib_and_a_reset_goes_there_again() {
    let rom = rom(&[0xfa, 0xf4]);
    let config =
        MachineConfig { ram_bytes: 2 << 20, rom: Some(rom.into()), ..MachineConfig::default() };
    let mut machine = Machine::new(&config).unwrap();
    assert_eq!(machine.stopped_at().linear, 0xffff_fff0);
    assert_eq!(machine.stopped_at().bytes[..5], [0xea, 0x00, 0x00, 0x00, 0xf0]);
    assert_eq!(machine.run(10), Stop::HaltedForever);
    assert_eq!(machine.stopped_at().linear, 0xf_0002);

    machine.reset().unwrap();

    assert_eq!(machine.stopped_at().linear, 0xffff_fff0);
    assert_eq!(machine.run(20), Stop::HaltedForever);
}

#[test]
fn a_rom_that_is_no_whole_number_of_64_kib_makes_no_machine() {
    for len in [0, 1, 0xffff, 0x1_8000, 9 << 20] {
        let rom = Some(vec![0; len].into());
        let config = MachineConfig { rom, ..MachineConfig::default() };

        assert!(Machine::new(&config).is_err(), "{len:#x}");
    }
}
