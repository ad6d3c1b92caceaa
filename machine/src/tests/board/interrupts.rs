//! Timers, interrupt controllers, and time.

use super::{Bench, LAPIC};
use crate::clock::NEVER;
use crate::config::MachineConfig;
use arch::time::Instant;
use cpu::bus::{Access, Bus};

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
