//! The serial port.

use super::Bench;
use crate::clock::NEVER;
use arch::time::Instant;

#[test]
fn sent_bytes_are_collected_and_the_first_is_timed() {
    let mut bench = Bench::new();
    bench.now = Instant(5_000);
    bench.outb(0x3f8, b"ok");
    assert_eq!(bench.board.take_serial_output(), b"ok");
    assert_eq!(bench.board.take_first_console(), Some((5_000, Instant(5_000), 1)));
    assert_eq!(bench.board.take_first_console(), None);
}

/// 115200 baud: 86.8 us a byte, as long as there is room.
#[test]
fn serial_input_arrives_byte_by_byte_and_waits_for_room() {
    let mut bench = Bench::new();
    bench.redirect(4, 0x34);
    bench.outb(0x3fc, &[0x0b]);
    bench.outb(0x3f9, &[0x01]);
    assert!(bench.board.listens_to_serial());
    bench.board.send_serial(b"xyz", bench.now);
    bench.wait(0);
    assert_eq!(bench.acknowledge(), 0x34);
    assert_eq!(bench.last.next_event, NEVER, "no FIFO: the receiver is full");
    bench.wait(1_000_000);
    assert_eq!(bench.board.serial_backlog(), 2);
    assert_eq!(bench.input(0x3f8, 1), u32::from(b'x'));
    bench.wait(bench.last.next_event.since(bench.now));
    assert_eq!(bench.input(0x3f8, 1), u32::from(b'y'));
    assert_eq!(bench.last.next_event, bench.now + 86_806);
}

/// A handler that never reads IIR: each byte ends THRE and being sent raises it, so the edge-triggered
/// input sees one edge a byte.
#[test]
fn each_byte_sent_interrupts_again_through_the_edge_triggered_8259a() {
    let mut bench = Bench::new();
    bench.program_pic();
    bench.outb(0x3fc, &[0x08]); // OUT2
    bench.outb(0x3f9, &[0x02]); // ETBEI
    for byte in *b"abc" {
        assert_eq!(bench.acknowledge(), 0x34);
        bench.outb(0x20, &[0x20]);
        assert!(!bench.last.lines.intr, "one edge, one interrupt");
        bench.outb(0x3f8, &[byte]);
    }

    assert_eq!(bench.acknowledge(), 0x34);
    assert_eq!(bench.board.take_serial_output(), b"abc");
}
