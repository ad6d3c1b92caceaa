//! The board through the eyes of the CPU: ports, MMIO, interrupt lines, time.

use crate::board::{Board, Request};
use crate::clock::NEVER;
use crate::config::MachineConfig;
use arch::time::Instant;
use cpu::bus::{Access, Bus, Outcome};
use memory::{Memory, PhysAddr};
use std::rc::Rc;

const LAPIC: u64 = 0xfee0_0000;
const IOAPIC: u64 = 0xfec0_0000;

/// A board with a bus master that keeps time.
pub(super) struct Bench {
    pub(super) board: Board,
    pub(super) memory: Memory,
    now: Instant,
    last: Outcome,
}

impl Bench {
    fn new() -> Self {
        Self::with(&MachineConfig::default())
    }

    pub(super) fn with(config: &MachineConfig) -> Self {
        let board = Board::new(config, config.rtc_base, Rc::default());
        let memory = Memory::new(1 << 20, 3 << 30).unwrap();
        let last = board.state();
        Self { board, memory, now: Instant::ZERO, last }
    }

    pub(super) fn input(&mut self, port: u16, size: u8) -> u32 {
        let access = Access { now: self.now, memory: &self.memory, cpu: 0 };
        let (value, outcome) = self.board.port_in(access, port, size);
        self.last = outcome;
        value
    }

    pub(super) fn out(&mut self, port: u16, size: u8, value: u32) {
        let access = Access { now: self.now, memory: &self.memory, cpu: 0 };
        self.last = self.board.port_out(access, port, size, value);
    }

    pub(super) fn outb(&mut self, port: u16, values: &[u8]) {
        for &value in values {
            self.out(port, 1, u32::from(value));
        }
    }

    fn load(&mut self, addr: u64) -> u32 {
        let access = Access { now: self.now, memory: &self.memory, cpu: 0 };
        let (value, outcome) = self.board.mmio_read(access, PhysAddr(addr), 4);
        self.last = outcome;
        value as u32
    }

    fn store(&mut self, addr: u64, value: u32) {
        let access = Access { now: self.now, memory: &self.memory, cpu: 0 };
        self.last = self.board.mmio_write(access, PhysAddr(addr), 4, u64::from(value));
    }

    fn redirect(&mut self, pin: u32, entry: u32) {
        self.store(IOAPIC, 0x10 + 2 * pin);
        self.store(IOAPIC + 0x10, entry);
    }

    /// Lets time pass; the CPU's part is done by its own event exits.
    pub(super) fn wait(&mut self, ns: u64) {
        self.now = self.now.after(ns);
        self.board.catch_up(self.now);
        self.last = self.board.state();
    }

    pub(super) fn acknowledge(&mut self) -> u8 {
        assert!(self.board.state().lines.intr, "INTA needs a request");
        let access = Access { now: self.now, memory: &self.memory, cpu: 0 };
        let (vector, outcome) = self.board.acknowledge(access);
        self.last = outcome;
        vector
    }

    /// 8259A pair as Linux programs it: vectors from 0x30 and 0x38, everything unmasked.
    pub(super) fn program_pic(&mut self) {
        for (command, data, base, cascade) in [(0x20, 0x21, 0x30, 4), (0xa0, 0xa1, 0x38, 2)] {
            self.outb(command, &[0x11]);
            self.outb(data, &[base, cascade, 1, 0]);
        }
    }

    /// Counter 0 in mode 2 with this divisor. OUT0, low at power-on, rises with the control word.
    fn program_pit(&mut self, divisor: u16) {
        self.outb(0x43, &[0x34]);
        self.outb(0x40, &divisor.to_le_bytes());
    }
}

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

#[test]
fn sent_bytes_are_collected_and_the_first_is_timed() {
    let mut bench = Bench::new();
    bench.now = Instant(5_000);
    bench.outb(0x3f8, b"ok");
    assert_eq!(bench.board.take_serial_output(), b"ok");
    assert_eq!(bench.board.take_first_console(), Some((5_000, Instant(5_000), 1)));
    assert_eq!(bench.board.take_first_console(), None);
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

/// 1193182 Hz / 11932: the 100 Hz tick. OUT0 falls for one CLK before each rise (mode 2).
#[test]
fn the_timer_interrupts_through_the_8259a_and_lint0() {
    let mut bench = Bench::new();
    assert_eq!(bench.last.next_event, NEVER, "nothing is programmed at power-on");
    bench.program_pic();
    bench.program_pit(11_932);
    assert_eq!(bench.acknowledge(), 0x30, "OUT0 rises with the control word");
    bench.outb(0x20, &[0x60]);
    while !bench.last.lines.intr {
        let next = bench.last.next_event;
        assert!(next > bench.now && next != NEVER);
        bench.wait(next.since(bench.now));
    }
    // The count is loaded by the first CLK; the pulse ends 11932 CLKs later.
    assert_eq!(bench.now, Instant(devices::pit::CLOCK.ns(11_933)));
    assert_eq!(bench.acknowledge(), 0x30);
    assert!(!bench.last.lines.intr, "edge-triggered: one request a tick");
    bench.outb(0x20, &[0x60]);
    bench.wait(15_000_000);
    assert_eq!(bench.acknowledge(), 0x30, "the next tick");
}

/// The MADT's override: IRQ 0 is pin 2.
#[test]
fn the_timer_interrupts_through_pin_2_of_the_ioapic() {
    let mut bench = Bench::new();
    bench.redirect(2, 0x51);
    bench.program_pit(11_932);
    assert_eq!(bench.acknowledge(), 0x51, "OUT0 rises with the control word");
    bench.store(LAPIC + 0xb0, 0);
    bench.wait(15_000_000);
    assert_eq!(bench.load(LAPIC + 0x220), 1 << 0x11, "IRR shows vector 0x51");
    assert_eq!(bench.acknowledge(), 0x51);
    assert!(!bench.last.lines.intr);
}

/// TMR_STS with TMR_EN: SCI stays asserted until the status is cleared, so that its level-triggered
/// pin interrupts again after an EOI that did not help.
#[test]
fn an_sci_that_is_not_served_interrupts_again_after_eoi() {
    let mut bench = Bench::new();
    bench.redirect(9, 0x8000 | 0x41);
    bench.out(0x602, 2, 1);
    let half_wrap = devices::pm::spec::TIMER_CLOCK.ns(1 << 23);
    assert_eq!(bench.last.next_event, Instant(half_wrap));
    bench.wait(half_wrap);
    assert_eq!(bench.acknowledge(), 0x41);
    bench.store(LAPIC + 0xb0, 0);
    assert!(bench.last.lines.intr, "still asserted");
    assert_eq!(bench.acknowledge(), 0x41);
    bench.out(0x600, 2, 1);
    bench.store(LAPIC + 0xb0, 0);
    assert!(!bench.last.lines.intr);
}

/// 25 MHz / 16, 1000 counts: 640 us.
#[test]
fn the_local_apic_timer_expires_at_its_exact_instant() {
    let mut bench = Bench::new();
    bench.store(LAPIC + 0x3e0, 3);
    bench.store(LAPIC + 0x320, 0x60);
    bench.store(LAPIC + 0x380, 1000);
    assert_eq!(bench.last.next_event, Instant(640_000));
    bench.wait(639_999);
    assert!(!bench.last.lines.intr);
    bench.wait(1);
    assert_eq!(bench.acknowledge(), 0x60);
    assert_eq!(bench.last.next_event, NEVER, "one-shot");
}

#[test]
fn a_high_task_priority_holds_local_interrupts_back() {
    let mut bench = Bench::new();
    let access = Access { now: bench.now, memory: &bench.memory, cpu: 0 };
    bench.board.set_task_priority(access, 5);
    assert_eq!(bench.board.task_priority(), 5);
    bench.store(LAPIC + 0x300, 0x4_0051); // to itself, vector 0x51
    assert!(!bench.last.lines.intr);
    let access = Access { now: bench.now, memory: &bench.memory, cpu: 0 };
    assert!(bench.board.set_task_priority(access, 4).lines.intr);
}

#[test]
fn an_nmi_message_to_the_own_processor_is_latched_until_taken() {
    let mut bench = Bench::new();
    bench.store(LAPIC + 0x310, 0); // physical destination 0
    bench.store(LAPIC + 0x300, 0x400);
    assert!(bench.last.lines.nmi);
    assert_eq!(bench.load(LAPIC + 0x300) & 1 << 12, 0, "delivered");
    assert!(!bench.board.take_nmi().lines.nmi);
}

#[test]
fn the_local_apic_page_moves_with_its_base_and_goes_when_disabled() {
    let model = cpu::features::QEMU64;
    let mut bench = Bench::with(&MachineConfig { model, ..MachineConfig::default() });
    let write = |bench: &mut Bench, value: u64| {
        let access = Access { now: bench.now, memory: &bench.memory, cpu: 0 };
        bench.board.msr_write(access, 0x1b, value).is_some()
    };
    let (base, _) = bench
        .board
        .msr_read(Access { now: Instant::ZERO, memory: &bench.memory, cpu: 0 }, 0x1b)
        .unwrap();
    assert_eq!(base, LAPIC | 0x900, "enabled, bootstrap processor");
    assert!(write(&mut bench, 0xd000_0900));
    assert_eq!(bench.load(0xd000_0030), 0x0005_0014);
    assert_eq!(bench.load(LAPIC + 0x30), u32::MAX);
    assert!(!write(&mut bench, 0xd000_0d00), "this model has no x2APIC");
    assert!(write(&mut bench, 0xd000_0100));
    assert_eq!(bench.load(0xd000_0030), u32::MAX);
}

/// The deadline is a value of the time stamp counter: whoever moves the counter moves the interrupt.
#[test]
fn a_deadline_comes_earlier_when_the_time_stamp_counter_is_set_forward() {
    let mut bench =
        Bench::with(&MachineConfig { model: cpu::features::MAX, ..MachineConfig::default() });
    bench.store(LAPIC + 0xf0, 0x1ff);
    bench.store(LAPIC + 0x320, 0x4_0061); // LVT timer: TSC deadline, vector 0x61
    let access = Access { now: bench.now, memory: &bench.memory, cpu: 0 };
    let ticks = 1_000_000_000;
    let armed = bench.board.msr_write(access, 0x6e0, ticks).unwrap();
    assert_ne!(armed.next_event, NEVER);
    assert_eq!(bench.board.msr_read(access, 0x6e0).unwrap().0, ticks);

    let moved = bench.board.set_tsc_offset(access, ticks / 2);
    assert!(moved.next_event < armed.next_event && !moved.lines.intr);
    let passed = bench.board.set_tsc_offset(access, ticks);

    assert!(passed.lines.intr, "it has passed");
    assert_eq!(bench.board.msr_read(access, 0x6e0).unwrap().0, 0, "disarmed");
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

/// The invariant behind the lazy clock: looking often or seldom makes no difference.
#[test]
fn devices_that_are_looked_at_often_end_in_the_same_state() {
    let run = |steps: u64| {
        let mut bench = Bench::new();
        bench.program_pic();
        bench.program_pit(0x1234);
        bench.outb(0x70, &[0x0b]);
        bench.outb(0x71, &[0x72]); // RTC: 24 hours, periodic, update and alarm interrupts
        bench.store(LAPIC + 0x320, 0x2_0060);
        bench.store(LAPIC + 0x380, 77_777);
        for step in 1..=steps {
            bench.now = Instant(1_234_567_890 * step / steps);
            bench.board.catch_up(bench.now);
            if step % 3 == 0 {
                bench.board.bring_all();
            }
        }
        bench.board.bring_all();
        let board = &bench.board;
        (
            (board.pic.clone(), board.pit.clone(), board.rtc.clone(), board.pm.clone()),
            (board.lapic.clone(), board.ioapic.clone(), bench.board.state().next_event),
        )
    };
    let seldom = run(1);
    assert_eq!(seldom, run(7));
    assert_eq!(seldom, run(50_000));
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
