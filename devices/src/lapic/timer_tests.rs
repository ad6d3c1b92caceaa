//! The timer against a plain model of "APIC Timer", and the truth of `next_event`.

use super::tests::config;
use super::*;

const LVT_TIMER: u16 = 0x320;
const TMICT: u16 = 0x380;
const TMCCT: u16 = 0x390;
const TDCR: u16 = 0x3e0;
const MASKED: u32 = 1 << 16;
const PERIODIC: u32 = 1 << 17;
const TSC_DEADLINE: u32 = 1 << 18;
const VECTOR: u32 = 0xec;
/// Divide by 16, what Linux uses.
const DIVIDE_BY_16: u32 = 3;

/// 25 MHz timer clock: a tick is 40 ns, a count by 16 is 640 ns.
fn lapic(lvt: u32) -> Lapic {
    let mut lapic = Lapic::new(config());
    lapic.write(0xf0, 0x1ff);
    lapic.write(TDCR, DIVIDE_BY_16);
    lapic.write(LVT_TIMER, lvt);
    lapic
}

/// Serves the interrupt if there is one.
fn fired(lapic: &mut Lapic) -> bool {
    let fired = lapic.pending() == Some(VECTOR as u8);
    if fired {
        lapic.acknowledge();
        lapic.write(0xb0, 0);
    }
    fired
}

/// A small generator of test steps (Knuth's MMIX constants).
fn random(state: &mut u64) -> u64 {
    *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    *state >> 33
}

#[test]
fn all_divisors_are_the_manuals() {
    let divisors: Vec<_> = [0, 1, 2, 3, 8, 9, 10, 11].map(spec::divisor).to_vec();
    assert_eq!(divisors, [2, 4, 8, 16, 32, 64, 128, 1]);
}

#[test]
fn one_shot_counts_down_and_stays_at_0() {
    let mut lapic = lapic(VECTOR);
    lapic.advance(Instant(1_000));
    lapic.write(TMICT, 100);
    assert_eq!(lapic.read(TMCCT), 100);
    assert_eq!(lapic.next_event(), Some(Instant(1_000 + 64_000)));

    lapic.advance(Instant(1_639));
    assert_eq!(lapic.read(TMCCT), 100);
    lapic.advance(Instant(1_640));
    assert_eq!(lapic.read(TMCCT), 99);
    lapic.advance(Instant(64_999));
    assert_eq!((lapic.read(TMCCT), fired(&mut lapic)), (1, false));
    lapic.advance(Instant(65_000));
    assert_eq!((lapic.read(TMCCT), fired(&mut lapic)), (0, true));
    assert_eq!((lapic.read(TMICT), lapic.next_event()), (100, None));
}

#[test]
fn periodic_reloads_and_never_drifts() {
    let mut lapic = Lapic::new(LapicConfig { timer_clock: Ratio::hz(66_666_667), ..config() });
    lapic.write(0xf0, 0x1ff);
    lapic.write(TDCR, DIVIDE_BY_16);
    lapic.write(LVT_TIMER, PERIODIC | VECTOR);
    lapic.write(TMICT, 16_667);
    for period in 1..=10_000u128 {
        let at = lapic.next_event().expect("an event");
        let exact = (period * 16_667 * 16 * 1_000_000_000).div_ceil(66_666_667);
        assert_eq!(u128::from(at.ns()), exact);
        lapic.advance(at);
        assert!(fired(&mut lapic));
    }
}

/// One go, random steps and event by event see the same counts, and an interrupt comes exactly when
/// `next_event` said.
#[test]
fn next_event_tells_the_truth_however_time_is_stepped() {
    for seed in 0..40 {
        let mut state = seed;
        let mut by_event = lapic(if seed & 1 == 0 { VECTOR } else { PERIODIC | VECTOR });
        by_event.advance(Instant(random(&mut state) % 1_000));
        by_event.write(TDCR, [0, 1, 2, 3, 8, 9, 10, 11][random(&mut state) as usize % 8]);
        by_event.write(TMICT, 1 + random(&mut state) as u32 % 500);
        let (mut in_one_go, mut in_steps) = (by_event.clone(), by_event.clone());
        let end = by_event.now.after(1_000_000 + random(&mut state));

        let mut events = 0;
        while let Some(at) = by_event.next_event().filter(|&at| at <= end) {
            assert!(at > by_event.now, "always ahead");
            by_event.advance(Instant(at.ns() - 1));
            assert!(!fired(&mut by_event), "not a nanosecond early");
            by_event.advance(at);
            assert!(fired(&mut by_event));
            events += 1;
        }
        by_event.advance(end);
        while in_steps.now < end {
            let step = in_steps.now.after(random(&mut state) % 5_000);
            in_steps.advance(step.min(end));
        }
        in_one_go.advance(end);

        assert!(events > 0);
        assert!(fired(&mut in_one_go) && fired(&mut in_steps));
        assert_eq!(in_one_go, in_steps, "seed {seed}");
        assert_eq!(in_one_go, by_event, "seed {seed}");
        assert_eq!(in_one_go.read(TMCCT), by_event.read(TMCCT));
    }
}

#[test]
fn a_masked_timer_counts_without_events() {
    let mut lapic = lapic(MASKED | PERIODIC | VECTOR);
    lapic.write(TMICT, 100);
    assert_eq!(lapic.next_event(), None);
    lapic.advance(Instant(64_000 * 7 + 6_400));
    assert_eq!(lapic.read(TMCCT), 90);
    assert!(!fired(&mut lapic));

    lapic.write(LVT_TIMER, PERIODIC | VECTOR);
    assert_eq!(lapic.next_event(), Some(Instant(64_000 * 8)));
}

#[test]
fn writing_0_stops_the_timer() {
    let mut lapic = lapic(PERIODIC | VECTOR);
    lapic.write(TMICT, 100);
    lapic.write(TMICT, 0);
    assert_eq!((lapic.next_event(), lapic.read(TMCCT)), (None, 0));
}

/// The shortest period there is, on a clock faster than time's own resolution.
#[test]
fn a_period_below_a_nanosecond_is_survived() {
    let mut lapic = Lapic::new(LapicConfig { timer_clock: Ratio::hz(4_000_000_000), ..config() });
    lapic.write(0xf0, 0x1ff);
    lapic.write(TDCR, 0xb);
    lapic.write(LVT_TIMER, PERIODIC | VECTOR);
    lapic.write(TMICT, 1);
    for ns in 1..=3 {
        assert_eq!(lapic.next_event(), Some(Instant(ns)));
        lapic.advance(Instant(ns));
    }
    lapic.advance(Instant(3_600_000_000_000));
    assert!(fired(&mut lapic));
}

#[test]
fn a_new_divisor_keeps_the_count_and_changes_its_pace() {
    let mut lapic = lapic(VECTOR);
    lapic.write(TMICT, 100);
    lapic.advance(Instant(32_000));
    assert_eq!(lapic.read(TMCCT), 50);
    lapic.write(TDCR, 0); // by 2: 80 ns a count
    assert_eq!(lapic.read(TMCCT), 50);
    assert_eq!(lapic.next_event(), Some(Instant(32_000 + 50 * 80)));
}

/// kvm-unit-tests `apic.c`, `test_apic_change_mode`.
#[test]
fn one_shot_and_periodic_share_a_running_count() {
    let mut lapic = lapic(VECTOR);
    lapic.write(TMICT, 100);
    lapic.advance(Instant(32_000));
    lapic.write(LVT_TIMER, PERIODIC | VECTOR);
    assert_eq!((lapic.read(TMICT), lapic.read(TMCCT)), (100, 50));
    lapic.advance(Instant(64_000 + 6_400));
    assert_eq!(lapic.read(TMCCT), 90);

    lapic.write(LVT_TIMER, VECTOR);
    lapic.advance(Instant(128_000));
    assert_eq!(lapic.read(TMCCT), 0);
    lapic.write(LVT_TIMER, PERIODIC | VECTOR);
    assert_eq!((lapic.read(TMCCT), lapic.next_event()), (0, None), "stays at zero");
}

/// "TSC-Deadline Mode": fires at the first nanosecond at which TSC >= deadline, once.
#[test]
fn tsc_deadline_fires_once_and_disarms() {
    let config = LapicConfig { tsc_clock: Ratio::hz(2_600_000_000), ..config() };
    let mut lapic = Lapic::new(config);
    lapic.write(0xf0, 0x1ff);
    lapic.write(LVT_TIMER, TSC_DEADLINE | VECTOR);
    lapic.set_tsc_offset(1_000_000);
    lapic.set_tsc_deadline(1_000_000 + 2_600_001);

    assert_eq!(lapic.next_event(), Some(Instant(1_000_001)));
    lapic.advance(Instant(1_000_000));
    assert!(!fired(&mut lapic));
    assert_eq!(lapic.tsc_deadline(), 3_600_001);
    lapic.advance(Instant(1_000_001));
    assert!(fired(&mut lapic));
    assert_eq!((lapic.tsc_deadline(), lapic.next_event()), (0, None));
}

#[test]
fn a_deadline_in_the_past_fires_at_once() {
    let mut lapic = lapic(TSC_DEADLINE | VECTOR);
    lapic.advance(Instant(5_000));
    lapic.set_tsc_deadline(5_000);
    assert!(fired(&mut lapic));
    lapic.set_tsc_deadline(6_000);
    assert!(!fired(&mut lapic));
    lapic.set_tsc_offset(1_000); // the guest moves its TSC forward
    assert!(fired(&mut lapic));
}

/// Linux arms with the far future to stop the timer's interrupts.
#[test]
fn a_deadline_beyond_the_end_of_time_is_no_event() {
    let mut lapic = lapic(TSC_DEADLINE | VECTOR);
    lapic.advance(Instant(5_000));
    lapic.set_tsc_deadline(u64::MAX);
    assert_eq!(lapic.next_event(), None);
    lapic.set_tsc_offset(u64::MAX - 10_000);
    assert_eq!(lapic.next_event(), Some(Instant(10_000)));
}

#[test]
fn the_modes_exclude_each_other() {
    let mut lapic = lapic(VECTOR);
    lapic.set_tsc_deadline(1_000_000);
    assert_eq!(lapic.tsc_deadline(), 0, "not in one-shot mode");
    lapic.write(TMICT, 100);
    lapic.write(LVT_TIMER, TSC_DEADLINE | VECTOR);
    assert_eq!((lapic.next_event(), lapic.read(TMCCT)), (None, 0));
    lapic.write(TMICT, 100);
    assert_eq!(lapic.read(TMICT), 0, "ignored");
    lapic.set_tsc_deadline(1_000_000);
    lapic.write(LVT_TIMER, VECTOR);
    assert_eq!((lapic.next_event(), lapic.tsc_deadline()), (None, 0));
    lapic.write(LVT_TIMER, 3 << 17 | VECTOR);
    lapic.write(TMICT, 100);
    assert_eq!((lapic.next_event(), lapic.read(TMCCT)), (None, 0), "reserved mode");
}

#[test]
fn without_the_feature_the_mode_bit_does_not_exist() {
    let mut lapic = Lapic::new(LapicConfig { tsc_deadline: false, ..config() });
    lapic.write(0xf0, 0x1ff);
    lapic.write(LVT_TIMER, TSC_DEADLINE | VECTOR);
    assert_eq!(lapic.read(LVT_TIMER), VECTOR);
}

#[test]
fn reset_stops_the_timer_and_leaves_the_tsc_alone() {
    let mut lapic = lapic(VECTOR);
    lapic.set_tsc_offset(77);
    lapic.write(TMICT, 100);

    lapic.reset();

    let mut fresh = Lapic::new(config());
    fresh.set_tsc_offset(77);
    assert_eq!(lapic, fresh);
}
