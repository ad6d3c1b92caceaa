use super::*;

/// The PM timer as ACPI 6.4, "Power Management Timer", defines it, with plain 128-bit arithmetic.
fn timer_at(ns: u64) -> u32 {
    (u128::from(ns) * 3_579_545 / 1_000_000_000 % (1 << 24)) as u32
}

#[test]
fn the_timer_counts_3579545_times_a_second_and_wraps_at_24_bits() {
    let mut pm = Pm::new();
    for ns in [0, 279, 280, 1_000_000_000, 4_686_999_999, 4_687_000_000, 86_400_000_000_000] {
        pm.advance(Instant(ns));
        assert_eq!(pm.read(8, 4), timer_at(ns));
        assert_eq!(pm.timer(), timer_at(ns));
    }
    assert_eq!(pm.read(9, 1), timer_at(86_400_000_000_000) >> 8 & 0xff);
}

/// The write sequence of a Linux 6.1 boot and power-off on QEMU's pc.
#[test]
fn the_accesses_of_linux_end_in_a_power_off() {
    let mut pm = Pm::new();
    assert_eq!(pm.read(4, 2), 1, "SCI_EN from power-on: no handshake by SMI");
    pm.write(0, 2, 0xc731);
    pm.write(2, 2, 0x20);
    pm.write(2, 2, 0x420);
    assert_eq!(pm.read(2, 2), 0x420);
    pm.write(4, 2, 0x0001);
    assert_eq!(pm.take_sleep(), None);

    pm.write(4, 2, 0x2001);

    assert_eq!(pm.take_sleep(), Some(Sleep::PowerOff));
    assert_eq!(pm.take_sleep(), None);
    assert_eq!(pm.read(4, 2), 1, "SLP_EN reads 0");
}

#[test]
fn another_sleep_type_is_told_apart_and_byte_writes_work() {
    let mut pm = Pm::new();

    pm.write(5, 1, 0x20 | 5 << 2);

    assert_eq!(pm.take_sleep(), Some(Sleep::Other(5)));
    assert_eq!(pm.read(4, 2), 0x1401);
}

#[test]
fn sci_en_cannot_be_cleared() {
    let mut pm = Pm::new();
    pm.write(4, 2, 0);
    assert_eq!(pm.read(4, 2), 1);
}

#[test]
fn status_is_cleared_by_writing_ones_to_it_only() {
    let mut pm = Pm::new();
    pm.press_power_button();
    pm.write(2, 2, u32::from(spec::PWRBTN));
    assert!(pm.sci());

    pm.write(0, 2, !u32::from(spec::PWRBTN) & 0xffff);
    assert!(pm.sci());
    pm.write(0, 2, u32::from(spec::PWRBTN));
    assert!(!pm.sci());
}

#[test]
fn a_status_without_its_enable_is_silent() {
    let mut pm = Pm::new();
    pm.press_power_button();
    assert!(!pm.sci());
    pm.write(2, 1, u32::from(spec::TMR));
    assert!(!pm.sci());
}

/// Stepped by any means, SCI rises at the announced instant and not one nanosecond earlier.
#[test]
fn the_timer_event_is_the_first_nanosecond_of_the_carry() {
    let mut pm = Pm::new();
    pm.advance(Instant(12_345));
    assert_eq!(pm.next_event(), None, "nobody listens");
    pm.write(2, 2, u32::from(spec::TMR));
    for carry in 1..=5u64 {
        let at = pm.next_event().expect("an event");
        assert_eq!(timer_at(at.ns()) & 0x80_0000, (carry as u32 & 1) << 23);
        pm.advance(Instant(at.ns() - 1));
        assert!(!pm.sci());
        pm.advance(at);
        assert!(pm.sci());
        assert_eq!(pm.next_event(), None, "already standing");
        pm.write(0, 2, u32::from(spec::TMR));
    }
}

#[test]
fn a_carry_in_a_long_unobserved_time_is_not_lost() {
    let mut pm = Pm::new();
    pm.advance(Instant(9_000_000_000)); // almost two full turns
    assert_eq!(pm.read(0, 2), u32::from(spec::TMR));
}

#[test]
fn an_asserted_gpe_cannot_be_cleared() {
    let mut pm = Pm::new();
    pm.write_gpe0(2, 1, 0x02);
    pm.set_gpe0(1, true);
    pm.set_gpe0(16, true);
    pm.write_gpe0(0, 2, 0xffff);
    assert!(pm.sci());
    assert_eq!(pm.read_gpe0(0, 4), 0x0002_0002);

    pm.set_gpe0(1, false);
    pm.write_gpe0(0, 1, 0x02);

    assert!(!pm.sci());
}

#[test]
fn bytes_outside_the_registers_read_0_and_hold_nothing() {
    let mut pm = Pm::new();
    pm.write(6, 4, u32::MAX);
    pm.write(0xffff, 4, u32::MAX);
    assert_eq!(pm.read(6, 2), 0);
    assert_eq!(pm.read(0xffff, 4), 0);
    assert_eq!(pm.read_gpe0(3, 4), 0);
}

#[test]
fn reset_keeps_the_time() {
    let mut pm = Pm::new();
    pm.advance(Instant(1_000_000));
    pm.write(2, 2, 0x20);
    pm.write(4, 2, 0x3c00);

    pm.reset();

    let mut fresh = Pm::new();
    fresh.advance(Instant(1_000_000));
    assert_eq!(pm, fresh);
}

/// Linux writes 0x02 and then 0x06 (or 0x0e at once, as the FADT reset register).
#[test]
fn reset_control_acts_on_the_rise_of_bit_2() {
    let mut control = ResetControl::new();
    assert_eq!(control.write(0x02), None);
    assert_eq!(control.write(0x06), Some(Reset::Hard));
    assert_eq!(control.write(0x06), None);
    assert_eq!(control.read(), 0x06);
    assert_eq!(control.write(0xf0), None);
    assert_eq!(control.read(), 0);
    assert_eq!(control.write(0x04), Some(Reset::Soft));
    assert_eq!(ResetControl::new().write(0x0f), Some(Reset::Hard));
}

#[test]
fn port_92_gates_a20_and_pulses_init() {
    let mut port = Port92::new();
    assert!(port.a20());
    assert_eq!(port.write(0x00), None);
    assert!(!port.a20());
    assert_eq!(port.write(0x01), Some(Reset::Soft));
    assert_eq!(port.write(0x03), None, "no second rise");
    assert_eq!((port.a20(), port.read()), (true, 0x03));
}
