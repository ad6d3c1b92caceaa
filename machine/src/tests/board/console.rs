//! Screen and keyboard.

use super::Bench;
use crate::board::Request;
use crate::config::MachineConfig;
use arch::time::Instant;
use cpu::bus::Bus;

/// The default machine has neither: Linux takes 0xff at port 0x64 for no keyboard controller.
#[test]
fn without_screen_and_keyboard_their_ports_and_addresses_are_nobodys() {
    let mut bench = Bench::new();
    bench.outb(0x60, &[0xf4]);
    assert_eq!(bench.input(0x60, 1), 0xff); // a word would reach port 0x61, which is there
    for port in [0x64, 0x1ce, 0x1cf, 0x3b5, 0x3c0, 0x3c9, 0x3cc, 0x3da] {
        bench.outb(port, &[0x20]);
        bench.out(port, 2, 0x0e00);
        assert_eq!((bench.input(port, 1), bench.input(port, 2)), (0xff, 0xffff), "{port:#x}");
    }
    bench.store(0xb_8000, 0x0741_0742);
    assert_eq!(bench.load(0xb_8000), u32::MAX);
    assert_eq!((bench.board.text_page(), bench.board.press(&[], bench.now)), (None, 0));
    let counts: Vec<_> = bench.board.accesses().filter(|(_, count)| *count != 0).collect();
    assert!(matches!(counts[..], [("absent", _)]), "{counts:?}");
}

fn with_console() -> Bench {
    Bench::with(&MachineConfig { vga: true, keyboard: true, ..MachineConfig::default() })
}

/// Index and data of a register in one OUT, as every driver writes the CRT controller.
#[test]
fn text_is_written_through_the_window_and_scrolled_through_the_ports() {
    let mut bench = with_console();
    bench.store(0xb_8000 + 160, 0x0e69_0e48);
    bench.out(0x3d4, 2, 80 << 8 | 0x0d);
    bench.out(0x3d4, 2, 81 << 8 | 0x0f);
    let page = bench.board.text_page().unwrap();
    assert_eq!(page.lines()[..2], ["Hi", ""]);
    assert_eq!(page.cursor.map(|cursor| (cursor.row, cursor.column)), Some((0, 1)));
    assert_eq!(bench.load(0xb_8000 + 160), 0x0e69_0e48);
    assert_eq!(bench.load(0xa_0000), u32::MAX, "not in this memory map");
    bench.out(0x1ce, 2, 0);
    assert_eq!(bench.input(0x1cf, 2), 0xb0c5);
    assert_eq!(bench.input(0x1cf, 1), 0xff);
}

/// 880 us for a byte on the line; set 1 codes of the key A.
#[test]
fn a_key_interrupts_by_irq_1_through_the_8259a() {
    let mut bench = with_console();
    bench.program_pic();
    assert_eq!(bench.board.press(&devices::i8042::strokes_of('a').unwrap(), bench.now), 2);
    let next = bench.board.state().next_event;
    assert_eq!(next, Instant(880_000));
    bench.wait(880_000);
    assert_eq!(bench.acknowledge(), 0x31);
    assert_eq!(bench.input(0x60, 1), 0x1e);
    bench.outb(0x20, &[0x20]);
    assert!(!bench.last.lines.intr);
    // Two bytes on the line: the translator keeps the prefix of the release for itself.
    bench.wait(bench.last.next_event.since(bench.now));
    assert!(!bench.last.lines.intr);
    bench.wait(bench.last.next_event.since(bench.now));
    assert_eq!(bench.acknowledge(), 0x31);
    assert_eq!(bench.input(0x60, 1), 0x9e);
}

#[test]
fn the_mouse_interrupts_by_irq_12_through_the_second_8259a() {
    let mut bench = with_console();
    bench.program_pic();
    bench.outb(0x64, &[0x60]);
    bench.outb(0x60, &[0x47]);
    bench.outb(0x64, &[0xd3]);
    bench.outb(0x60, &[0x5a]);
    assert_eq!(bench.acknowledge(), 0x3c);
    assert_eq!(bench.input(0x60, 1), 0x5a);
}

#[test]
fn the_keyboard_controller_resets_the_machine() {
    for value in [0xfe, 0xf0] {
        let mut bench = with_console();
        bench.outb(0x64, &[value]);
        assert!(bench.last.stop);
        assert_eq!(bench.board.take_request(), Some(Request::Reset));
    }
}
