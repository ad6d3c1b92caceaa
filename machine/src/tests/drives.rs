//! Drives on the board: ports, interrupts, what guests write.

use super::board::Bench;
use super::guests::{Deaf, POWER_OFF, load, machine_with, out8};
use crate::{
    DriveConfig, DriveKind, Machine, MachineConfig, MachineError, Media, MediaBytes, MediaError,
    Stop,
};
use cpu::event_log::kind;
use memory::PhysAddr;
use std::sync::Arc;

/// Sectors of the test image; byte n of sector s is s + n.
const SECTORS: usize = 64;

fn image() -> MediaBytes {
    MediaBytes((0..SECTORS * 512).map(|at| (at / 512 + at % 512) as u8).collect())
}

fn disk() -> Option<DriveConfig> {
    let kind = DriveKind::Disk { read_only: false };
    Some(DriveConfig { kind, image: Arc::new(image()) })
}

fn cd() -> Option<DriveConfig> {
    Some(DriveConfig { kind: DriveKind::Cd, image: Arc::new(image()) })
}

fn config() -> MachineConfig {
    MachineConfig { ram_bytes: 2 << 20, drives: [disk(), None, cd(), None], ..Default::default() }
}

#[test]
fn each_channel_interrupts_by_its_own_irq() {
    let mut bench = Bench::with(&config());
    bench.program_pic();
    for (base, control, command, irq) in [(0x1f0, 0x3f6, 0xec, 14), (0x170, 0x376, 0xa1, 15)] {
        bench.out(control, 1, 0);
        bench.out(base + 7, 1, command);
        assert_eq!(bench.input(control, 1) & 0x80, 0x80, "busy");
        bench.wait(20_000);
        assert_eq!(bench.acknowledge(), 0x30 + irq);
        bench.outb(0xa0, &[0x20]);
        bench.outb(0x20, &[0x20]);
        assert_eq!(bench.input(base + 7, 1), 0x58, "ready, with data");
        let words: Vec<u32> = (0..128).map(|_| bench.input(base, 4)).collect();
        assert_eq!(words[0] & 0xffff, if irq == 14 { 0x0040 } else { 0x85c0 });
        assert_eq!(bench.input(base, 2), 0xffff, "the block is through");
    }
}

#[test]
fn an_empty_place_is_told_from_a_drive_and_an_empty_channel_floats() {
    let drives = [disk(), None, None, None];
    let mut bench = Bench::with(&MachineConfig { drives, ..MachineConfig::default() });
    bench.out(0x1f6, 1, 0xb0);
    assert_eq!(bench.input(0x1f7, 1), 0);
    assert_eq!(bench.input(0x177, 1), 0x7f);
    let counts: Vec<_> = bench.board.accesses().filter(|(_, count)| *count != 0).collect();
    assert_eq!(counts, [("ide", 3)]);
}

/// IBM AT Technical Reference, "CMOS RAM Address Map"; SeaBIOS `get_translation` for 0x39.
#[test]
fn firmware_finds_types_and_geometries_of_disks_in_cmos() {
    let bench = Bench::with(&config());
    let cmos = |index: u8| bench.board.rtc.cmos(index);
    assert_eq!((cmos(0x12), cmos(0x19), cmos(0x1a), cmos(0x39)), (0xf0, 47, 0, 0));
    let geometry: Vec<u8> = (0x1b..0x24).map(cmos).collect();
    assert_eq!(geometry, [1, 0, 16, 0xff, 0xff, 0xc8, 1, 0, 63]);
}

#[test]
fn an_empty_image_is_refused() {
    let kind = DriveKind::Cd;
    let empty = Some(DriveConfig { kind, image: Arc::new(MediaBytes(Vec::new())) });
    let config = MachineConfig { drives: [None, None, empty, None], ..config() };
    let refused = Machine::new(&config).err();
    assert!(matches!(refused, Some(MachineError::DriveSize { place: 2, bytes: 0 })), "{refused:?}");
}

/// mov dx, 0x1f7; in al, dx; test al, 0x80; jnz to in
const WAIT: &[u8] = &[0xba, 0xf7, 0x01, 0xec, 0xa8, 0x80, 0x75, 0xfb];

/// Programs the primary channel for one command; interrupts are off.
fn command(code: u8, sector: u8, count: u8) -> Vec<u8> {
    let registers = [(0x3f6, 2), (0x1f6, 0xe0), (0x1f2, count), (0x1f3, sector), (0x1f4, 0)];
    let rest = [(0x1f5, 0), (0x1f7, code)];
    let writes = registers.into_iter().chain(rest);
    writes.flat_map(|(port, value)| out8(port, value)).chain(WAIT.iter().copied()).collect()
}

/// Reads sectors 5 and 6 to 0x2000, by words and by double words; writes 0x2100-0x22ff to sector 9.
fn copying() -> Vec<u8> {
    [
        &out8(0x43, 0x34)[..], // the timer: its events cut the strings, though no interrupt is taken
        &out8(0x40, 0x00),
        &out8(0x40, 0x01),
        &[0xfc, 0xbf, 0x00, 0x20], // cld; mov di, 0x2000
        &command(0x20, 5, 2),
        &[0xb9, 0x00, 0x01, 0xba, 0xf0, 0x01, 0xf3, 0x6d], // mov cx, 256; mov dx, 0x1f0; rep insw
        WAIT,
        &[0xb9, 0x80, 0x00, 0xba, 0xf0, 0x01, 0x66, 0xf3, 0x6d], // the same with 128 double words
        &command(0x30, 9, 1),
        &[0xbe, 0x00, 0x21],                               // mov si, 0x2100
        &[0xb9, 0x00, 0x01, 0xba, 0xf0, 0x01, 0xf3, 0x6f], // mov cx, 256; mov dx, 0x1f0; rep outsw
        WAIT,
        POWER_OFF,
    ]
    .concat()
}

#[test]
fn strings_move_sectors_as_exactly_as_single_accesses() {
    let run = |one_by_one: bool, slice: u64| {
        let mut machine = machine_with(&config(), &[&copying()]);
        if one_by_one {
            machine.attach_log(Box::new(Deaf), kind::IO);
        }
        let mut limit = slice;
        while machine.run(limit) == Stop::Slice {
            limit = limit.saturating_add(slice);
        }
        let mut read = vec![0; 1024];
        machine.memory().read(PhysAddr(0x2000), &mut read).unwrap();
        assert_eq!(read, image().0[5 * 512..7 * 512]);
        let written = machine.take_drive_writes(0);
        assert_eq!((written.len(), written[0].offset), (1, 9 * 512));
        assert_eq!(written[0].bytes, read[0x100..0x300]);
        (machine.state_hash(), machine.retired(), machine.now(), machine.device_accesses())
    };

    let expected = run(true, u64::MAX);

    assert_eq!(run(false, u64::MAX), expected);
    assert_eq!(run(false, 97), expected, "cut into slices");
}

#[test]
fn what_was_written_survives_a_power_cycle_and_is_part_of_the_state() {
    let mut machine = machine_with(&config(), &[&copying()]);
    let before = machine.state_hash();
    assert_eq!(machine.run(u64::MAX), Stop::PowerOff);
    assert_eq!(machine.take_drive_writes(0).len(), 1);
    machine.reset().unwrap();
    load(&mut machine, &[&copying()]);
    assert_ne!(machine.state_hash(), before, "the sector is another one");

    let read = [&[0xfc, 0xbf, 0x00, 0x30][..], &command(0x20, 9, 1)].concat();
    let data = [0xb9, 0x00, 0x01, 0xba, 0xf0, 0x01, 0xf3, 0x6d]; // mov cx, 256; mov dx, 0x1f0; rep insw
    load(&mut machine, &[&read, &data, POWER_OFF]);
    assert_eq!(machine.run(u64::MAX), Stop::PowerOff);
    let mut sector = vec![0; 512];
    machine.memory().read(PhysAddr(0x3000), &mut sector).unwrap();
    assert_eq!(sector[..256], image().0[5 * 512 + 256..6 * 512]);
    assert!(machine.take_drive_writes(0).is_empty());
}

/// A machine without drives is the one it was before there were any.
#[test]
fn without_drives_the_ports_are_absent() {
    let mut bench = Bench::with(&MachineConfig::default());
    for port in [0x1f0, 0x1f7, 0x170, 0x177, 0x376, 0x3f6] {
        assert_eq!(bench.input(port, 1), 0xff, "{port:#x}");
        assert_eq!(bench.input(port, 2), 0xffff, "{port:#x}");
    }
    let counts: Vec<_> = bench.board.accesses().filter(|(_, count)| *count != 0).collect();
    assert_eq!(counts, [("absent", 18)]);
}

/// Where the bench puts the bus master registers, a table and its region.
const BUS_MASTER: u16 = 0xc000;
const TABLE: u32 = 0x2000;
const REGION: u32 = 0x3000;

/// A board with firmware and the primary disk, whose bus master answers and is not allowed to transfer.
fn bench_with_bus_master() -> Bench {
    let rom = Some(vec![0; 0x1_0000].into());
    let mut bench = Bench::with(&MachineConfig { rom, ..config() });
    pci_write(&mut bench, 0x20, 4, u32::from(BUS_MASTER));
    pci_write(&mut bench, 0x04, 2, 1);
    bench
}

/// Writes configuration space of the IDE interface, 00:01.1.
fn pci_write(bench: &mut Bench, register: u16, size: u8, value: u32) {
    bench.out(0xcf8, 4, 0x8000_0900 | u32::from(register & !3));
    bench.out(0xcfc + (register & 3), size, value);
}

/// READ DMA of a sector to [`REGION`], and the bus master's start.
fn start_reading(bench: &mut Bench, sector: u8) {
    for (at, value) in [(0, REGION), (4, 1 << 31 | 512)] {
        bench.memory.write(PhysAddr(u64::from(TABLE) + at), &value.to_le_bytes()).unwrap();
    }
    bench.out(BUS_MASTER + 4, 4, TABLE);
    for (port, value) in [(0x1f6, 0xe0), (0x1f2, 1), (0x1f3, sector), (0x1f4, 0), (0x1f5, 0)] {
        bench.out(port, 1, u32::from(value));
    }
    bench.out(0x1f7, 1, 0xc8);
    bench.out(BUS_MASTER, 1, 9);
}

fn region(bench: &Bench) -> Vec<u8> {
    let mut bytes = vec![0; 512];
    bench.memory.read(PhysAddr(u64::from(REGION)), &mut bytes).unwrap();
    bytes
}

/// PCI Local Bus Specification 2.3, "Device Control": bit 2. A driver may set it last.
#[test]
fn nothing_is_transferred_before_the_function_may_be_a_master() {
    let mut bench = bench_with_bus_master();
    start_reading(&mut bench, 5);
    bench.wait(1_000_000);
    assert_eq!((region(&bench), bench.input(BUS_MASTER + 2, 1)), (vec![0; 512], 1), "active");
    assert_eq!(bench.input(0x3f6, 1) & 0x80, 0x80, "the drive waits");

    pci_write(&mut bench, 0x04, 2, 5);
    bench.wait(1_000_000);

    assert_eq!(region(&bench), image().0[5 * 512..6 * 512]);
    assert_eq!(bench.input(BUS_MASTER + 2, 1), 4, "through, with an interrupt");
}

/// A disk of 32 MiB full of zeros, of which no byte exists.
#[derive(Debug)]
struct Zeros;

impl Media for Zeros {
    fn size_bytes(&self) -> u64 {
        32 << 20
    }
    fn read_at(&self, _: u64, out: &mut [u8]) -> Result<(), MediaError> {
        out.fill(0);
        Ok(())
    }
}

/// READ VERIFY EXT of 65,536 sectors, `times` times; interrupts are off.
fn verifying(times: u8) -> Vec<u8> {
    let twice = [0x1f2, 0x1f3, 0x1f4, 0x1f5].into_iter().flat_map(|port| [(port, 0); 2]);
    let registers = [(0x3f6, 2), (0x1f6, 0xe0)].into_iter().chain(twice).chain([(0x1f7, 0x42)]);
    let once = registers.flat_map(|(port, value)| out8(port, value));
    let once: Vec<u8> = once.chain(WAIT.iter().copied()).collect();
    let back = -(once.len() as i8 + 3);
    let start = [0xb9, times, 0]; // mov cx, times
    [&start[..], &once, &[0x49, 0x75, back as u8], POWER_OFF].concat() // dec cx; jnz to the first out
}

/// A guest that has a drive move much in few instructions does not keep the host from its clock, and
/// does not notice.
#[test]
fn much_that_a_drive_moves_ends_the_slice_and_leaves_no_trace() {
    let kind = DriveKind::Disk { read_only: false };
    let disk = Some(DriveConfig { kind, image: Arc::new(Zeros) });
    let config = MachineConfig { drives: [disk, None, None, None], ..config() };
    let run = |step: u64| {
        let mut machine = machine_with(&config, &[&verifying(9)]);
        let mut slices = 1;
        while machine.run(machine.retired().saturating_add(step)) == Stop::Slice {
            slices += 1;
        }
        (slices, (machine.state_hash(), machine.retired(), machine.now()))
    };

    let (slices, end) = run(u64::MAX);

    assert_eq!(slices, 5, "two commands move 64 MiB");
    let (slices, same) = run(50);
    assert!(slices > 5);
    assert_eq!(same, end);
}
