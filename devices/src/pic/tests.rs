use super::Which::{Master, Slave};
use super::*;

/// A pair as Linux sets it up: vectors 0x30 and 0x38, nothing masked.
fn linux_pics() -> PicPair {
    let mut pics = PicPair::new();
    for (which, base, icw3) in [(Master, 0x30, 4), (Slave, 0x38, 2)] {
        pics.write(which, 0, 0x11);
        pics.write(which, 1, base);
        pics.write(which, 1, icw3);
        pics.write(which, 1, 0x01);
    }
    pics
}

fn pulse(pics: &mut PicPair, line: u8) {
    pics.set_irq(line, false);
    pics.set_irq(line, true);
}

#[test]
fn an_edge_asks_once_and_is_in_service_until_eoi() {
    let mut pics = linux_pics();

    pics.set_irq(0, true);
    assert!(pics.intr());
    assert_eq!(pics.acknowledge(), 0x30);

    assert!(!pics.intr());
    assert_eq!(pics.chip(Master).isr(), 1);
    pics.write(Master, 0, 0x20);
    assert_eq!(pics.chip(Master).isr(), 0);
    assert!(!pics.intr(), "the line is still high but an edge is needed");
    pulse(&mut pics, 0);
    assert!(pics.intr());
}

#[test]
fn the_lowest_number_wins_and_blocks_lower_priorities() {
    let mut pics = linux_pics();

    pics.set_irq(4, true);
    pics.set_irq(1, true);

    assert_eq!(pics.acknowledge(), 0x31);
    assert!(!pics.intr());
    pics.set_irq(0, true);
    assert_eq!(pics.acknowledge(), 0x30);
    pics.write(Master, 0, 0x60); // specific EOI 0
    assert!(!pics.intr());
    pics.write(Master, 0, 0x61);
    assert_eq!(pics.acknowledge(), 0x34);
}

#[test]
fn a_slave_request_sets_in_service_on_both_chips() {
    let mut pics = linux_pics();

    pics.set_irq(8, true);

    assert_eq!(pics.acknowledge(), 0x38);
    assert_eq!((pics.chip(Master).isr(), pics.chip(Slave).isr()), (4, 1));
    pics.write(Slave, 0, 0x60);
    pics.write(Master, 0, 0x62);
    assert_eq!((pics.chip(Master).isr(), pics.chip(Slave).isr()), (0, 0));
}

/// The slave's INT must make a fresh edge on the master's IR2 for the request that waited.
#[test]
fn a_second_slave_request_is_seen_after_both_eois() {
    let mut pics = linux_pics();
    pics.set_irq(12, true);
    pics.set_irq(9, true);

    assert_eq!(pics.acknowledge(), 0x39);
    pics.write(Slave, 0, 0x20);
    pics.write(Master, 0, 0x20);

    assert!(pics.intr());
    assert_eq!(pics.acknowledge(), 0x3c);
}

#[test]
fn a_second_slave_request_is_seen_with_auto_eoi_on_the_slave() {
    let mut pics = linux_pics();
    for byte in [0x38, 2, 3] {
        if byte == 0x38 {
            pics.write(Slave, 0, 0x11);
        }
        pics.write(Slave, 1, byte);
    }
    pics.set_irq(12, true);
    pics.set_irq(9, true);

    assert_eq!(pics.acknowledge(), 0x39);
    pics.write(Master, 0, 0x20);

    assert_eq!(pics.acknowledge(), 0x3c);
}

#[test]
fn a_withdrawn_request_is_spurious_seven_without_in_service() {
    let mut pics = linux_pics();

    pics.set_irq(4, true);
    pics.set_irq(4, false);

    assert!(!pics.intr());
    assert_eq!(pics.acknowledge(), 0x37);
    assert_eq!(pics.chip(Master).isr(), 0);
}

#[test]
fn a_mask_hides_a_request_but_keeps_it() {
    let mut pics = linux_pics();

    pics.write(Master, 1, 0xff);
    pics.set_irq(4, true);

    assert!(!pics.intr());
    assert_eq!(pics.read(Master, 1), 0xff);
    assert_eq!(pics.read(Master, 0), 0x10, "OCW3 default reads the IRR");
    pics.write(Master, 1, 0xef);
    assert_eq!(pics.acknowledge(), 0x34);
}

/// Linux takes the 8259A for present when a mask written to it reads back (`probe_8259A`).
#[test]
fn the_mask_reads_back() {
    let mut pics = linux_pics();

    pics.write(Slave, 1, 0xff);
    pics.write(Master, 1, 0xfb);

    assert_eq!(pics.read(Master, 1), 0xfb);
    assert_eq!(pics.read(Slave, 1), 0xff);
}

#[test]
fn ocw3_selects_what_the_even_port_reads() {
    let mut pics = linux_pics();
    pics.set_irq(3, true);
    pics.acknowledge();
    pics.set_irq(5, true);

    pics.write(Master, 0, 0x0b);
    assert_eq!(pics.read(Master, 0), 0x08);
    pics.write(Master, 0, 0x0a);
    assert_eq!(pics.read(Master, 0), 0x20);
}

#[test]
fn poll_acknowledges_and_reports_nothing_when_idle() {
    let mut pics = linux_pics();

    pics.write(Master, 0, 0x0c);
    assert_eq!(pics.read(Master, 0), 0);
    pics.set_irq(6, true);
    pics.write(Master, 0, 0x0c);

    assert_eq!(pics.read(Master, 0), 0x86);
    assert_eq!(pics.chip(Master).isr(), 0x40);
    assert_eq!(pics.read(Master, 0), 0, "the poll is used up");
}

#[test]
fn automatic_eoi_leaves_nothing_in_service() {
    let mut pics = linux_pics();
    pics.write(Master, 0, 0x11);
    for byte in [0x30, 4, 3] {
        pics.write(Master, 1, byte);
    }

    pics.set_irq(0, true);

    assert_eq!(pics.acknowledge(), 0x30);
    assert_eq!(pics.chip(Master).isr(), 0);
}

#[test]
fn rotation_on_eoi_makes_the_ended_level_the_lowest() {
    let mut pics = linux_pics();
    pics.set_irq(3, true);
    pics.acknowledge();
    pics.write(Master, 0, 0xa0); // rotate on non-specific EOI

    pulse(&mut pics, 3);
    pics.set_irq(7, true);

    assert_eq!(pics.acknowledge(), 0x37);
    pics.write(Master, 0, 0xc7); // set priority: 7 lowest again
    pics.write(Master, 0, 0x67);
    assert_eq!(pics.acknowledge(), 0x33);
}

#[test]
fn special_mask_mode_lets_lower_levels_through() {
    let mut pics = linux_pics();
    pics.set_irq(1, true);
    pics.acknowledge();
    pics.set_irq(6, true);
    assert!(!pics.intr());

    pics.write(Master, 1, 0x02);
    pics.write(Master, 0, 0x68); // ESMM + SMM

    assert_eq!(pics.acknowledge(), 0x36);
    pics.write(Master, 0, 0x20);
    assert_eq!(pics.chip(Master).isr(), 0x02, "the masked level is not ended");
}

#[test]
fn special_fully_nested_master_takes_a_higher_slave_request() {
    let mut pics = linux_pics();
    pics.write(Master, 0, 0x11);
    for byte in [0x30, 4, 0x11] {
        pics.write(Master, 1, byte);
    }
    pics.set_irq(12, true);
    assert_eq!(pics.acknowledge(), 0x3c);

    pics.set_irq(9, true);

    assert!(pics.intr());
    assert_eq!(pics.acknowledge(), 0x39);
}

#[test]
fn a_level_triggered_input_asks_as_long_as_it_is_high() {
    let mut pics = linux_pics();
    pics.write_elcr(Slave, 0xff);
    assert_eq!(pics.read_elcr(Slave), 0xde, "IRQ 8 and 13 stay edge triggered");
    pics.write_elcr(Master, 0xff);
    assert_eq!(pics.read_elcr(Master), 0xf8, "IRQ 0, 1, 2 stay edge triggered");

    pics.set_irq(10, true);
    assert_eq!(pics.acknowledge(), 0x3a);
    pics.write(Slave, 0, 0x62);
    pics.write(Master, 0, 0x62);

    assert!(pics.intr());
    pics.set_irq(10, false);
    assert!(!pics.intr());
}

#[test]
fn icw1_forgets_requests_masks_and_services_but_not_the_wires() {
    let mut pics = linux_pics();
    pics.write(Master, 1, 0x55);
    pics.set_irq(0, true);

    pics.write(Master, 0, 0x11);

    assert_eq!((pics.chip(Master).imr(), pics.chip(Master).irr()), (0, 0));
    pics.set_irq(1, true);
    assert!(!pics.intr(), "not before the last ICW");
    for byte in [0x08, 4, 1] {
        pics.write(Master, 1, byte);
    }
    assert_eq!(pics.acknowledge(), 0x09);
}

#[test]
fn single_mode_without_icw4_expects_only_icw2() {
    let mut pics = PicPair::new();

    pics.write(Master, 0, 0x12);
    pics.write(Master, 1, 0x47);
    pics.write(Master, 1, 0xa5);

    assert_eq!(pics.chip(Master).imr(), 0xa5);
    assert_eq!(pics.chip(Master).vector_base(), 0x40);
}

#[test]
fn no_sequence_of_writes_panics() {
    let mut pics = PicPair::new();
    let mut seed = 1u32;
    for _ in 0..20_000 {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let (value, what) = ((seed >> 24) as u8, seed >> 8 & 0xff);
        let which = if what & 1 == 0 { Master } else { Slave };
        match what >> 1 & 7 {
            0..=2 => pics.write(which, (what >> 4) as u8, value),
            3 => drop(pics.read(which, value)),
            4 => drop(pics.acknowledge()),
            5 => pics.write_elcr(which, value),
            _ => pics.set_irq(value & 0x1f, what & 0x10 != 0),
        }
    }
}
