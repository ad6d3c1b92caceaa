//! DMA: the order in which Linux's libata and SeaBIOS program it, and what may go wrong.

use super::spec::error;
use super::*;
use memory::{Memory, PhysAddr};

const BM_COMMAND: u8 = 0;
const BM_STATUS: u8 = 2;
const BM_TABLE: u8 = 4;
const START: u8 = 1;
const TO_MEMORY: u8 = 8;
const ACTIVE: u8 = 1;
const BM_ERROR: u8 = 2;
const INTERRUPT: u8 = 4;

const TABLE: u32 = 0x1_0000;
const BUFFER: u32 = 0x2_0000;

struct Bench {
    ide: Ide,
    memory: Memory,
    now: Instant,
}

impl Bench {
    fn new(drive: Drive) -> Self {
        let ide = Ide::new([Some(drive), None, None, None]);
        Self { ide, memory: Memory::new(4 << 20, 3 << 30).unwrap(), now: Instant::ZERO }
    }

    fn disk() -> Self {
        Self::new(super::disk(200))
    }

    fn write(&mut self, offset: u8, value: u8) {
        self.ide.channels[0].write(offset, value);
        self.ide.run_dma(&self.memory);
    }

    fn bus_master(&mut self, offset: u8, value: u8) {
        self.ide.write_bus_master(offset, value);
        self.ide.run_dma(&self.memory);
    }

    /// Entries of address and length; the last one ends the table.
    fn table(&mut self, entries: &[(u32, u16)]) {
        for (index, &(base, len)) in entries.iter().enumerate() {
            let last = index + 1 == entries.len();
            let at = u64::from(TABLE) + 8 * index as u64;
            let flags = u32::from(len) | u32::from(last) << 31;
            self.memory.write(PhysAddr(at), &base.to_le_bytes()).unwrap();
            self.memory.write(PhysAddr(at + 4), &flags.to_le_bytes()).unwrap();
        }
        for (at, byte) in TABLE.to_le_bytes().into_iter().enumerate() {
            self.bus_master(BM_TABLE + at as u8, byte);
        }
    }

    fn command(&mut self, code: u8, lba: u8, count: u8) {
        self.write(r::DEVICE, 0xe0);
        for (offset, value) in
            [(r::COUNT, count), (r::LBA_LOW, lba), (r::LBA_MID, 0), (r::LBA_HIGH, 0)]
        {
            self.write(offset, value);
        }
        self.write(r::STATUS, code);
    }

    fn wait(&mut self) {
        self.now = self.ide.next_event().expect("the command ends");
        self.ide.advance(self.now);
    }

    fn bytes(&self, addr: u32, len: usize) -> Vec<u8> {
        let mut bytes = vec![0; len];
        self.memory.read(PhysAddr(u64::from(addr)), &mut bytes).unwrap();
        bytes
    }

    fn status(&self) -> u8 {
        self.ide.read_bus_master(BM_STATUS)
    }
}

#[test]
fn a_read_fills_the_regions_of_the_table_and_interrupts_later() {
    for command_first in [true, false] {
        let mut bench = Bench::disk();
        // Regions that end within sectors.
        bench.table(&[(BUFFER, 700), (BUFFER + 0x8000, 36), (BUFFER + 0x4000, 800)]);
        bench.bus_master(BM_STATUS, INTERRUPT | BM_ERROR);
        bench.bus_master(BM_COMMAND, TO_MEMORY);
        if command_first {
            bench.command(c::READ_DMA, 50, 3);
            assert_eq!(bench.ide.channels[0].read_control() & (s::BSY | s::DRQ), s::BSY);
            bench.bus_master(BM_COMMAND, TO_MEMORY | START);
        } else {
            bench.bus_master(BM_COMMAND, TO_MEMORY | START);
            assert_eq!(bench.status(), ACTIVE);
            bench.command(c::READ_DMA, 50, 3);
        }
        assert!(!bench.ide.irq(0));
        bench.wait();

        assert!(bench.ide.irq(0));
        assert_eq!(bench.status(), INTERRUPT);
        let read = [
            bench.bytes(BUFFER, 700),
            bench.bytes(BUFFER + 0x8000, 36),
            bench.bytes(BUFFER + 0x4000, 800),
        ];
        assert_eq!(read.concat(), pattern(200)[50 * SECTOR..53 * SECTOR]);
        assert_eq!(bench.ide.channels[0].read(r::STATUS), GOOD.status);
        bench.bus_master(BM_COMMAND, 0);
        bench.bus_master(BM_STATUS, INTERRUPT);
        assert_eq!((bench.status(), bench.ide.irq(0)), (0, false));
    }
}

#[test]
fn a_write_takes_the_regions_of_the_table() {
    let mut bench = Bench::disk();
    let data: Vec<u8> = (0..2 * SECTOR).map(|at| (at * 5) as u8).collect();
    bench.memory.write(PhysAddr(u64::from(BUFFER)), &data).unwrap();
    bench.table(&[(BUFFER, 100), (BUFFER + 100, 924)]);
    bench.command(c::WRITE_DMA, 9, 2);
    bench.bus_master(BM_COMMAND, START);
    bench.wait();

    assert_eq!((bench.status(), bench.ide.channels[0].read(r::STATUS)), (INTERRUPT, GOOD.status));
    let mut read = vec![0; 2 * SECTOR];
    let drive = bench.ide.channels[0].drive_mut(0).unwrap();
    drive.medium().read(9, &mut read).unwrap();
    assert_eq!(read, data);
    assert_eq!(drive.medium_mut().take_writes().len(), 1);
}

#[test]
fn a_length_of_zero_is_64_kib_and_a_longer_table_leaves_the_master_active() {
    let mut bench = Bench::disk();
    bench.table(&[(BUFFER, 0)]);
    bench.command(c::READ_DMA, 0, 128);
    bench.bus_master(BM_COMMAND, TO_MEMORY | START);
    bench.wait();
    assert_eq!(bench.status(), INTERRUPT);
    assert_eq!(bench.bytes(BUFFER, 1 << 16), pattern(200)[..1 << 16]);

    bench.bus_master(BM_COMMAND, 0);
    bench.bus_master(BM_STATUS, INTERRUPT);
    bench.command(c::READ_DMA, 1, 1);
    bench.bus_master(BM_COMMAND, TO_MEMORY | START);
    bench.wait();
    assert_eq!(bench.status(), INTERRUPT | ACTIVE);
}

/// SFF-8038i, "Bus Master IDE Status Register": neither active nor interrupt nor error.
#[test]
fn a_table_that_is_too_short_stops_the_master_and_another_one_goes_on() {
    for to_memory in [true, false] {
        let mut bench = Bench::disk();
        let data: Vec<u8> = (0..2 * SECTOR).map(|at| (at * 3) as u8).collect();
        bench.memory.write(PhysAddr(u64::from(BUFFER)), &data).unwrap();
        let (code, direction) =
            if to_memory { (c::READ_DMA, TO_MEMORY) } else { (c::WRITE_DMA, 0) };
        bench.table(&[(BUFFER, 512), (BUFFER + 512, 100)]); // ends within the second sector
        bench.command(code, 20, 2);
        bench.bus_master(BM_COMMAND, direction | START);
        assert_eq!((bench.status(), bench.ide.next_event()), (0, None));
        assert_eq!(bench.ide.channels[0].read_control() & s::BSY, s::BSY, "the drive waits");

        bench.bus_master(BM_COMMAND, direction);
        bench.table(&[(BUFFER + 612, 412)]);
        bench.bus_master(BM_COMMAND, direction | START);
        bench.wait();

        assert_eq!(bench.status(), INTERRUPT);
        assert_eq!(bench.ide.channels[0].read(r::STATUS), GOOD.status);
        let mut sectors = vec![0; 2 * SECTOR];
        bench.ide.channels[0].drive(0).unwrap().medium().read(20, &mut sectors).unwrap();
        assert_eq!(bench.bytes(BUFFER, 2 * SECTOR), sectors);
        assert_eq!(sectors == data, !to_memory);
    }
}

#[test]
fn a_command_without_a_new_start_goes_on_in_the_table_and_ends_with_it() {
    let mut bench = Bench::disk();
    bench.table(&[(BUFFER, 512), (BUFFER + 0x1000, 1024)]);
    bench.bus_master(BM_COMMAND, TO_MEMORY | START);
    for (lba, status) in [(30, INTERRUPT | ACTIVE), (31, INTERRUPT | ACTIVE), (32, INTERRUPT)] {
        bench.bus_master(BM_STATUS, INTERRUPT);
        bench.command(c::READ_DMA, lba, 1);
        bench.wait();
        assert_eq!(bench.status(), status, "{lba}");
    }
    let read = [bench.bytes(BUFFER, 512), bench.bytes(BUFFER + 0x1000, 1024)].concat();
    assert_eq!(read, pattern(200)[30 * SECTOR..33 * SECTOR]);

    bench.bus_master(BM_STATUS, INTERRUPT);
    bench.command(c::READ_DMA, 33, 1);
    assert_eq!((bench.status(), bench.ide.next_event()), (0, None), "the table is through");
    bench.bus_master(BM_COMMAND, TO_MEMORY);
    bench.bus_master(BM_COMMAND, TO_MEMORY | START);
    bench.wait();
    assert_eq!(bench.bytes(BUFFER, 512), pattern(200)[33 * SECTOR..34 * SECTOR]);
}

/// 8,192 entries fill the 64 KiB of a table; the numbers of the sectors that two bytes each take.
#[test]
fn a_table_without_an_end_ends_with_its_64_kib() {
    let mut bench = Bench::disk();
    bench.table(&[(BUFFER, 2)]);
    for entry in 0..1 << 13 {
        let at = u64::from(TABLE) + 8 * entry;
        bench.memory.write(PhysAddr(at), &BUFFER.to_le_bytes()).unwrap();
        bench.memory.write(PhysAddr(at + 4), &2_u32.to_le_bytes()).unwrap();
    }
    bench.command(c::READ_DMA, 0, 33);
    bench.bus_master(BM_COMMAND, TO_MEMORY | START);

    assert_eq!((bench.status(), bench.ide.next_event()), (0, None), "512 bytes too short");
    assert_eq!(bench.bytes(BUFFER, 2), pattern(200)[32 * SECTOR - 2..32 * SECTOR]);
}

#[test]
fn a_region_that_is_not_ram_is_an_error_and_the_drive_waits_for_a_reset() {
    let mut bench = Bench::disk();
    bench.table(&[(0xfff0_0000, 0)]);
    bench.command(c::READ_DMA, 0, 2);
    bench.bus_master(BM_COMMAND, TO_MEMORY | START);

    assert_eq!((bench.status(), bench.ide.next_event()), (BM_ERROR, None));
    assert_eq!(bench.ide.channels[0].read_control() & s::BSY, s::BSY);
    bench.ide.channels[0].write_control(control::SRST);
    bench.ide.channels[0].write_control(0);
    bench.now = bench.now.after(RESET_NS);
    bench.ide.advance(bench.now);
    assert_eq!(bench.ide.channels[0].read_control(), GOOD.status);
}

#[test]
fn a_bad_sector_ends_the_command_with_its_error() {
    let image = Scratched { bytes: Bytes(pattern(64)), bad_sector: 5 };
    let mut bench = Bench::new(Drive::disk(Arc::new(image), false, 0));
    bench.table(&[(BUFFER, 4096)]);
    bench.command(c::READ_DMA, 4, 4);
    bench.bus_master(BM_COMMAND, TO_MEMORY | START);

    assert!(bench.ide.irq(0));
    assert_eq!(bench.status() & INTERRUPT, INTERRUPT);
    assert_eq!(bench.ide.channels[0].read(r::STATUS) & s::ERR, s::ERR);
    assert_eq!(bench.ide.channels[0].read(r::ERROR), error::UNC);
    assert_eq!(bench.ide.channels[0].read(r::LBA_LOW), 5);
}

#[test]
fn a_write_without_room_ends_the_command_with_a_device_fault() {
    let mut drive = super::disk(64);
    drive.medium_mut().shrink(1);
    let mut bench = Bench::new(drive);
    bench.table(&[(BUFFER, 4096)]);
    bench.command(c::WRITE_DMA, 6, 8);
    bench.bus_master(BM_COMMAND, START);

    assert!(bench.ide.irq(0));
    assert_eq!(bench.status() & (INTERRUPT | BM_ERROR), INTERRUPT);
    assert_eq!(bench.ide.channels[0].read(r::STATUS) & (s::DF | s::ERR), s::DF | s::ERR);
    assert_eq!(bench.ide.channels[0].read(r::LBA_LOW), 8);
    assert!(bench.ide.channels[0].drive(0).unwrap().medium().has_overflowed());
}

#[test]
fn packets_move_their_data_by_dma_too() {
    let mut bench = Bench::new(Drive::cd(Arc::new(Bytes(pattern(100))), 0));
    bench.table(&[(BUFFER, 4096)]);
    bench.write(r::ERROR, 1);
    bench.write(r::STATUS, c::PACKET);
    bench.wait();
    let packet = [0x28, 0, 0, 0, 0, 7, 0, 0, 2, 0, 0, 0_u8];
    for word in packet.chunks(2) {
        bench.ide.channels[0].write_data(u16::from_le_bytes([word[0], word[1]]));
        bench.ide.run_dma(&bench.memory);
    }
    bench.bus_master(BM_COMMAND, TO_MEMORY | START);
    bench.wait();

    assert!(bench.ide.irq(0));
    assert_eq!(bench.ide.channels[0].read(r::STATUS), GOOD.status);
    assert_eq!(bench.ide.channels[0].read(r::COUNT), 3);
    assert_eq!(bench.bytes(BUFFER, 4096), pattern(100)[7 * 2048..9 * 2048]);
}

#[test]
fn the_registers_hold_what_has_a_meaning() {
    let mut bench = Bench::disk();
    for offset in 0..16 {
        bench.bus_master(offset, 0xff);
    }
    let read: Vec<u8> = (0..16).map(|offset| bench.ide.read_bus_master(offset)).collect();
    let channel = [9, 0, 0x60 | ACTIVE, 0, 0xfc, 0xff, 0xff, 0xff];
    assert_eq!(read, [channel, channel].concat());
}
