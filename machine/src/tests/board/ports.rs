//! Ports: who answers, how wide, at what cost, and what leaves the machine by them.

use super::{Bench, LAPIC};
use crate::board::Request;
use crate::config::MachineConfig;
use arch::time::Instant;
use memory::PhysAddr;

#[test]
fn ports_of_absent_devices_read_all_ones_in_every_width() {
    let mut bench = Bench::new();
    for port in [0x64, 0x2f8, 0x3e8, 0x1f7, 0xcf8, 0xcfc, 0xb2, 0xfff0, 0xffff] {
        assert_eq!(bench.input(port, 1), 0xff, "{port:#x}");
        assert_eq!(bench.input(port, 2), 0xffff, "{port:#x}");
        assert_eq!(bench.input(port, 4), 0xffff_ffff, "{port:#x}");
    }
    assert_eq!(bench.load(0xfed0_0000), u32::MAX, "no HPET");
}

/// The PM timer's block has 32-bit registers, the 16550 8-bit ones.
#[test]
fn wide_accesses_to_byte_registers_are_split_the_lowest_byte_first() {
    let mut bench = Bench::new();
    bench.outb(0x3fb, &[0x80]);
    bench.out(0x3f8, 2, 0x0123);
    assert_eq!((bench.input(0x3f8, 1), bench.input(0x3f9, 1)), (0x23, 0x01));
    assert_eq!(bench.input(0x3f8, 4) & 0xffff, 0x0123);
    bench.now = Instant(1_000_000_000);
    assert_eq!(bench.input(0x608, 4), 3_579_545, "PM timer after a second");
}

/// What the guest's time is made of: boot-and-machine.md asks for 1 us a port, 0.5 us an MMIO access.
#[test]
fn a_port_access_costs_a_microsecond_and_an_mmio_access_half_of_it() {
    let mut bench = Bench::new();
    bench.input(0x61, 1);
    assert_eq!(bench.last.cost_ns, 1000);
    bench.load(LAPIC + 0x20);
    assert_eq!(bench.last.cost_ns, 500);
}

/// A PCI probe writes addresses to 0xcf8 as 32 bits; 0xcf9 in their middle is another register, which
/// answers bytes alone (82371AB, "Reset Control Register").
#[test]
fn only_byte_writes_reach_the_reset_register() {
    let mut bench = Bench::new();
    bench.out(0xcf8, 4, 0x8000_0600);
    assert_eq!(bench.board.take_request(), None);
    assert_eq!(bench.input(0xcf8, 4), u32::MAX, "no PCI");
    bench.outb(0xcf9, &[0x02, 0x06]);
    assert!(bench.last.stop);
    assert_eq!(bench.board.take_request(), Some(Request::Reset));
}

#[test]
fn every_way_to_reset_or_power_off_is_heard() {
    let cases: [(u16, u8, u32, Request); 4] = [
        (0x64, 1, 0xfe, Request::Reset),
        (0x92, 1, 0x03, Request::Reset),
        (0xcf9, 1, 0x0e, Request::Reset),
        (0x604, 2, 0x2001, Request::PowerOff),
    ];
    for (port, size, value, expected) in cases {
        let mut bench = Bench::new();
        bench.out(port, size, value);
        assert!(bench.last.stop, "{port:#x}");
        assert_eq!(bench.board.take_request(), Some(expected), "{port:#x}");
    }
    let mut bench = Bench::new();
    bench.out(0x604, 2, 0x2401);
    assert_eq!(bench.board.take_request(), None, "a sleep type that no table offers");
}

#[test]
fn a_debug_exit_port_that_the_user_named_wins_over_the_device_there() {
    let config = MachineConfig { debug_exit: Some((0x3f8, 4)), ..MachineConfig::default() };
    let mut bench = Bench::with(&config);
    bench.out(0x3fa, 4, 0x10);
    assert_eq!(bench.board.take_request(), Some(Request::DebugExit(0x21)));
    assert_eq!(bench.board.take_serial_output(), b"");
    let mut bench = Bench::new();
    bench.outb(0xf4, &[0]);
    assert_eq!(bench.board.take_request(), None, "not there unless named");
}

#[test]
fn both_debug_consoles_collect_and_are_absent_when_switched_off() {
    let mut bench = Bench::new();
    assert_eq!((bench.input(0xe9, 1), bench.input(0x402, 1)), (0xe9, 0xe9));
    bench.outb(0xe9, b"a");
    bench.outb(0x402, b"b");
    assert_eq!(bench.board.take_debugcon_output(), b"ab");
    let mut bench = Bench::with(&MachineConfig { debugcon: false, ..MachineConfig::default() });
    assert_eq!(bench.input(0x402, 1), 0xff);
    bench.outb(0x402, b"b");
    assert_eq!(bench.board.take_debugcon_output(), b"");
}

/// QEMU `docs/specs/fw_cfg.rst`: selector 16 bits, data bytes, DMA address big-endian.
#[test]
fn fw_cfg_answers_by_port_and_by_dma() {
    let mut bench = Bench::new();
    bench.out(0x510, 2, 0x0000);
    let signature: Vec<u8> = (0..4).map(|_| bench.input(0x511, 1) as u8).collect();
    assert_eq!(signature, b"QEMU");
    let descriptor: Vec<u8> =
        [(0x0003_000a_u32).to_be_bytes(), 8_u32.to_be_bytes(), [0; 4], 0x2000_u32.to_be_bytes()]
            .concat();
    bench.memory.write(PhysAddr(0x1000), &descriptor).unwrap();
    bench.out(0x518, 4, 0x1000_u32.swap_bytes());
    assert_eq!(bench.memory.read_u64(PhysAddr(0x2000)), Ok(512 << 20), "RAM size");
}

#[test]
fn accesses_are_counted_by_device() {
    let mut bench = Bench::new();
    bench.input(0x61, 1);
    bench.out(0x3f8, 2, 0);
    bench.load(LAPIC);
    let counts: Vec<_> = bench.board.accesses().filter(|(_, count)| *count != 0).collect();
    assert_eq!(counts, [("uart", 2), ("pit", 1), ("lapic", 1)]);
}
