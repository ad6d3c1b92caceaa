use super::*;

const INDEX: u8 = 0;
const DATA: u8 = 1;
const SECOND_NS: u64 = 1_000_000_000;

fn get(rtc: &mut Rtc, index: u8) -> u8 {
    rtc.write(INDEX, index);
    rtc.read(DATA)
}

fn put(rtc: &mut Rtc, index: u8, value: u8) {
    rtc.write(INDEX, index);
    rtc.write(DATA, value);
}

/// Century, year, month, day, hour, minute, second, day of the week as the registers hold them.
fn time(rtc: &mut Rtc) -> [u8; 8] {
    [0x32, 0x09, 0x08, 0x07, 0x04, 0x02, 0x00, 0x06].map(|index| get(rtc, index))
}

/// A clock set to `unix_s`, in the format `b` of register B.
fn clock(unix_s: u64, b: u8) -> Rtc {
    let mut rtc = Rtc::new();
    put(&mut rtc, register::B, b);
    rtc.set_time(unix_s);
    rtc
}

fn after_s(seconds: u64) -> Instant {
    Instant(seconds * SECOND_NS)
}

#[test]
fn power_on_is_2020_in_bcd_with_a_good_battery() {
    let mut rtc = Rtc::new();

    assert_eq!(time(&mut rtc), [0x20, 0x20, 0x01, 0x01, 0, 0, 0, 4], "a Wednesday");
    assert_eq!([0x0a, 0x0b, 0x0c, 0x0d].map(|it| get(&mut rtc, it)), [0x26, 0x02, 0x00, 0x80]);
}

/// Values of `date -u -d @N`.
#[test]
fn unix_times_become_calendar_dates() {
    for (unix_s, expected) in [
        (0, [0x19, 0x70, 0x01, 0x01, 0, 0, 0, 5]),
        (951_782_400, [0x20, 0x00, 0x02, 0x29, 0, 0, 0, 3]),
        (1_709_251_199, [0x20, 0x24, 0x02, 0x29, 0x23, 0x59, 0x59, 5]),
        (4_107_542_400, [0x21, 0x00, 0x03, 0x01, 0, 0, 0, 2]),
        (u64::MAX, [0x99, 0x99, 0x12, 0x31, 0x23, 0x59, 0x59, 6]),
    ] {
        assert_eq!(time(&mut clock(unix_s, 0x02)), expected, "{unix_s}");
    }
}

#[test]
fn seconds_carry_through_to_the_century() {
    let mut rtc = clock(4_102_444_799, 0x02); // 2099-12-31T23:59:59, a Thursday

    rtc.advance(after_s(1));

    assert_eq!(time(&mut rtc), [0x21, 0x00, 0x01, 0x01, 0, 0, 0, 6]);
}

#[test]
fn a_long_sleep_and_single_seconds_give_the_same_time() {
    let (mut sleeper, mut waker) = (Rtc::new(), Rtc::new());

    sleeper.advance(after_s(100_000));
    for second in 1..=100_000 {
        waker.advance(after_s(second));
    }

    assert_eq!(sleeper, waker);
}

#[test]
fn binary_and_twelve_hour_formats_are_honoured() {
    // 2020-01-01T12:59:58
    let mut rtc = clock(DEFAULT_START_UNIX_S + 46_798, b::DM);
    assert_eq!(time(&mut rtc), [20, 20, 1, 1, 0x80 | 12, 59, 58, 4]);

    rtc.advance(after_s(2));
    assert_eq!(time(&mut rtc), [20, 20, 1, 1, 0x80 | 1, 0, 0, 4]);
    rtc.advance(after_s(2 + 11 * 3600));
    assert_eq!(time(&mut rtc), [20, 20, 1, 2, 12, 0, 0, 5], "midnight is 12 AM");
}

#[test]
fn the_day_of_the_week_is_counted_not_derived() {
    let mut rtc = clock(DEFAULT_START_UNIX_S + 86_399, 0x02);
    put(&mut rtc, register::DAY_OF_WEEK, 7);

    rtc.advance(after_s(1));

    assert_eq!(get(&mut rtc, register::DAY_OF_WEEK), 1);
}

/// Linux and Xen wait for UIP to rise and fall to find the edge of a second.
#[test]
fn uip_pulses_for_2228_us_before_each_second() {
    let mut rtc = Rtc::new();
    let uip = |rtc: &mut Rtc, ns: u64| {
        rtc.advance(Instant(ns));
        get(rtc, register::A) & a::UIP != 0
    };

    assert!(!uip(&mut rtc, SECOND_NS - 2_229_000));
    assert!(uip(&mut rtc, SECOND_NS - 2_227_000));
    assert_eq!(get(&mut rtc, register::SECONDS), 0);
    assert!(uip(&mut rtc, SECOND_NS - 1));
    assert!(!uip(&mut rtc, SECOND_NS));
    assert_eq!(get(&mut rtc, register::SECONDS), 1);
    assert!(uip(&mut rtc, 2 * SECOND_NS - 1));
}

#[test]
fn set_stops_updates_and_uip_and_clears_uie() {
    let mut rtc = Rtc::new();

    put(&mut rtc, register::B, b::SET | b::UIE | b::HOURS_24);
    assert_eq!(get(&mut rtc, register::B), b::SET | b::HOURS_24);
    rtc.advance(Instant(3 * SECOND_NS - 1));
    assert_eq!(get(&mut rtc, register::A), 0x26);
    put(&mut rtc, register::SECONDS, 0x30);
    put(&mut rtc, register::B, b::HOURS_24);

    rtc.advance(after_s(3));
    assert_eq!(get(&mut rtc, register::SECONDS), 0x31);
}

/// Datasheet, "Divider Control": the first update begins half a second after the release. Linux
/// `mc146818_set_time` counts on it.
#[test]
fn a_released_divider_updates_half_a_second_later() {
    let mut rtc = Rtc::new();
    rtc.advance(Instant(123_456_789));

    put(&mut rtc, register::A, 0x70 | 6);
    rtc.advance(after_s(10));
    assert_eq!(get(&mut rtc, register::SECONDS), 0);
    put(&mut rtc, register::A, 0x26);
    put(&mut rtc, register::B, b::UIE | b::HOURS_24);

    let event = rtc.next_event().unwrap();
    let expected_ns = 500_000_000 + 1_984_000; // half a second, and the update cycle itself
    assert!(event.since(after_s(10)).abs_diff(expected_ns) < 31_000);
}

#[test]
fn the_update_ended_interrupt_comes_every_second() {
    let mut rtc = clock(0, b::UIE | b::HOURS_24);

    for second in 1..5 {
        assert_eq!(rtc.next_event(), Some(after_s(second)));
        rtc.advance(after_s(second));
        assert!(rtc.irq());
        assert_eq!(rtc.next_event(), None, "the line is up already");
        assert_eq!(get(&mut rtc, register::C) & !c::PF, c::IRQF | c::UF);
        assert!(!rtc.irq());
    }
}

#[test]
fn the_periodic_interrupt_follows_the_rate() {
    for (rate, hz) in [(6, 1024), (15, 2), (3, 8192), (1, 256), (2, 128)] {
        let mut rtc = clock(0, b::PIE | b::HOURS_24);
        put(&mut rtc, register::A, 0x20 | rate);
        let mut interrupts = 0;
        while let Some(event) = rtc.next_event().filter(|it| *it <= after_s(1)) {
            rtc.advance(event);
            interrupts += 1;
            assert_eq!(get(&mut rtc, register::C) & c::PF, c::PF);
        }
        assert_eq!(interrupts, hz, "rate {rate}");
    }
}

#[test]
fn rate_zero_is_no_rate() {
    let mut rtc = clock(0, b::PIE | b::HOURS_24);
    put(&mut rtc, register::A, 0x20);

    assert_eq!(rtc.next_event(), None);
    rtc.advance(after_s(5));
    assert_eq!(get(&mut rtc, register::C), c::UF, "flags are set, but not enabled");
}

#[test]
fn an_alarm_rings_at_its_time_each_day() {
    let mut rtc = clock(DEFAULT_START_UNIX_S, b::AIE | b::HOURS_24);
    for (index, byte) in [(0x05, 0x07), (0x03, 0x30), (0x01, 0x15)] {
        put(&mut rtc, index, byte);
    }
    let alarm = 7 * 3600 + 30 * 60 + 15;

    for day in 0..3 {
        let at = after_s(day * 86_400 + alarm);
        assert_eq!(rtc.next_event(), Some(at));
        rtc.advance(at);
        assert!(rtc.irq());
        assert_eq!(get(&mut rtc, register::C) & c::AF, c::AF);
    }
}

#[test]
fn dont_care_bytes_ring_every_hour_minute_or_second() {
    for (bytes, first_s) in [
        ([0xff, 0xff, 0xff], 1),
        ([0xc0, 0xc0, 0x10], 10),
        ([0xff, 0x01, 0x00], 60),
        ([0x00, 0x00, 0x00], 86_400),
    ] {
        let mut rtc = clock(DEFAULT_START_UNIX_S, b::AIE | b::HOURS_24);
        for (index, byte) in [0x05, 0x03, 0x01].into_iter().zip(bytes) {
            put(&mut rtc, index, byte);
        }
        assert_eq!(rtc.next_event(), Some(after_s(first_s)), "{bytes:02x?}");
    }
}

#[test]
fn an_alarm_no_clock_shows_never_rings() {
    let mut rtc = clock(0, b::AIE | b::HOURS_24);
    put(&mut rtc, register::MINUTES_ALARM, 0x61);

    assert_eq!(rtc.next_event(), None);
    rtc.advance(after_s(200_000));
    assert!(!rtc.irq());
}

#[test]
fn the_index_hides_bit_7_as_nmi_mask_and_reads_as_ones() {
    let mut rtc = Rtc::new();

    put(&mut rtc, 0x8f, 0x5a);

    assert!(rtc.nmi_masked());
    assert_eq!(rtc.read(INDEX), 0xff);
    assert_eq!(get(&mut rtc, 0x0f), 0x5a);
    assert!(!rtc.nmi_masked());
}

#[test]
fn all_ram_bytes_keep_what_is_written() {
    let mut rtc = Rtc::new();
    rtc.set_cmos(0x5f, 3);

    for index in 0x0e..0x80 {
        if index != 0x5f {
            put(&mut rtc, index, !index);
        }
    }

    assert!((0x0e..0x80).all(|index| index == 0x5f || rtc.cmos(index) == !index));
    assert_eq!(get(&mut rtc, 0x5f), 3);
}

#[test]
fn reset_disables_interrupts_and_keeps_time() {
    let mut rtc = clock(0, 0x7e);
    rtc.advance(after_s(5));

    rtc.reset();

    assert!(!rtc.irq());
    assert_eq!(get(&mut rtc, register::B), b::DM | b::HOURS_24);
    assert_eq!(get(&mut rtc, register::C), 0);
    assert_eq!(get(&mut rtc, register::SECONDS), 5);
}

#[test]
fn registers_c_and_d_cannot_be_written() {
    let mut rtc = Rtc::new();

    put(&mut rtc, register::C, 0xff);
    put(&mut rtc, register::D, 0x00);
    put(&mut rtc, register::A, 0xa6);

    assert_eq!([0x0c, 0x0d, 0x0a].map(|it| get(&mut rtc, it)), [0x00, 0x80, 0x26]);
}

/// `next_event` against the truth: crystal tick by crystal tick, the line rises where it was foretold
/// and nowhere else; strides and one jump end in the same state.
#[test]
fn jumping_stepping_and_prediction_agree() {
    let mut dice = 5u64;
    let mut roll = |below: u64| {
        dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (dice >> 33) % below
    };
    let (mut jumps, mut steps) = (Rtc::new(), Rtc::new());
    let mut tick = 0;
    for _ in 0..60 {
        let writes = [
            (register::A, 0x20 | [0, 6, 11, 15][roll(4) as usize]),
            (register::B, (roll(8) as u8) << 4 | b::HOURS_24),
            (register::SECONDS_ALARM, 0xff),
            (register::MINUTES_ALARM, 0xff),
            (register::HOURS_ALARM, if roll(3) == 0 { 0x61 } else { 0xff }),
        ];
        for (index, value) in writes {
            put(&mut jumps, index, value);
            put(&mut steps, index, value);
        }
        assert_eq!(get(&mut jumps, register::C), get(&mut steps, register::C));
        let end = tick + roll(60_000);
        let mut predicted = steps.next_event();
        while tick < end {
            tick += 1;
            let (now, before) = (Instant(CLOCK.ns(tick)), steps.irq());
            steps.advance(now);
            assert_eq!(!before && steps.irq(), predicted == Some(now), "tick {tick}");
            predicted = steps.next_event();
        }
        jumps.advance(Instant(CLOCK.ns(tick)));
        assert_eq!(jumps, steps);
    }
}

#[test]
fn garbage_in_the_time_registers_is_survived() {
    for byte in [0x00, 0x7f, 0xaa, 0xff] {
        for format in [0, b::DM, b::HOURS_24, b::DM | b::HOURS_24] {
            let mut rtc = clock(0, format);
            for index in (0..10).chain([0x32]) {
                put(&mut rtc, index, byte);
            }
            rtc.advance(Instant(u64::MAX / 2));
            put(&mut rtc, register::B, 0x70);
            rtc.next_event();
            rtc.advance(Instant(u64::MAX));
        }
    }
}
