//! Time, and the timers.

use super::*;
use crate::config::TSC_CLOCK;
use crate::xen::time::scale;

#[test]
fn ticks_become_nanoseconds_by_multiplier_and_shift() {
    for hz in [1_000_000_000, 25_000_000, 3_579_545, 2_999_999_999, 5_000_000_000, 1, u64::MAX] {
        let (mul, shift) = scale(hz);
        let ticks = (hz / 7).min(1 << 40);
        let shifted =
            if shift < 0 { u128::from(ticks) >> -shift } else { u128::from(ticks) << shift };
        let ns = (shifted * u128::from(mul)) >> 32;
        let exact = u128::from(ticks) * 1_000_000_000 / u128::from(hz);
        assert!(mul >= 1 << 31, "{hz}: the full width is used");
        assert!(ns.abs_diff(exact) <= 1 + (exact >> 29), "{hz}: {ns} for {exact}");
    }
    assert_eq!(scale(1_000_000_000), (1 << 31, 1));
}

#[test]
fn shared_info_has_the_time_and_the_wall_clock_wherever_it_is_shown() {
    for wide in [true, false] {
        let mut domain = Domain::new(wide);
        domain.set_up();
        let clock = if wide { 3072 } else { 2304 };
        assert_eq!(domain.u32(SHARED + clock + 4), 1_600_000_000);
        assert_eq!(domain.u32(SHARED + clock) % 2, 0);
        assert_eq!(domain.u32(SHARED + 32) % 2, 0, "version of the time");
        assert_eq!((domain.u32(SHARED + 32 + 24), domain.get(SHARED + 32 + 28)), (1 << 31, [1, 1]));
        // The TSC and system time of the same moment.
        assert_eq!(domain.u64(SHARED + 40), TSC_CLOCK.ticks(domain.u64(SHARED + 48)));
    }
}

#[test]
fn a_guest_that_sets_its_tsc_finds_the_time_as_it_was() {
    let mut domain = Domain::new(true);
    domain.set_up();
    let area = 0x3_0000u64.to_le_bytes();
    assert_eq!(domain.vcpu_op(13, &[&area]), 0);
    let version = domain.u32(SHARED + 32);

    domain.xen.set_tsc_offset(1000);
    domain.attend(9_000);

    assert_eq!(domain.u32(SHARED + 32), version + 2);
    assert_eq!((domain.u64(SHARED + 40), domain.u64(SHARED + 48)), (10_000, 9_000));
    assert_eq!(domain.get::<32>(0x3_0000), domain.get::<32>(SHARED + 32));
    assert_eq!(domain.vcpu_op(13, &[&0x3_0ff0u64.to_le_bytes()]), EINVAL, "across pages");
}

#[test]
fn the_timers_raise_their_virq_when_they_are_due() {
    let mut domain = Domain::new(true);
    domain.set_up();
    domain.event_op(1, &[0, 0, 0]);
    let single = |at: u64, flags: u32| [&at.to_le_bytes()[..], &flags.to_le_bytes()].concat();

    assert_eq!(domain.vcpu_op(8, &[&single(4_999, 1)]), ETIME);
    assert_eq!(domain.vcpu_op(8, &[&single(7_000, 1)]), 0);
    assert_eq!(domain.xen.next_event(), Some(Instant(7_000)));
    domain.attend(6_999);
    assert_eq!(domain.xen.callback(), None);
    domain.attend(7_000);
    assert_eq!((domain.xen.take_callback(), domain.u32(SHARED + 2048)), (Some(0xf3), 1 << 2));
    assert_eq!(domain.xen.next_event(), None);

    // Nothing shorter than a millisecond; what was missed comes once.
    assert_eq!(domain.vcpu_op(6, &[&999_999u64.to_le_bytes()]), EINVAL);
    assert_eq!(domain.vcpu_op(6, &[&1_000_000u64.to_le_bytes()]), 0);
    domain.attend(3_500_000);
    assert_eq!(domain.xen.next_event(), Some(Instant(4_007_000)));
    assert_eq!(domain.vcpu_op(7, &[]), 0);
    assert_eq!(domain.xen.next_event(), None);
}

#[test]
fn set_timer_op_takes_an_absolute_time_or_none() {
    for wide in [true, false] {
        let mut domain = Domain::new(wide);
        let at = 5 << 32;
        let args = if wide { [at, 0, 0] } else { [0, 5, 0] };
        assert_eq!(domain.call(SET_TIMER_OP, args), 0);
        assert_eq!(domain.xen.next_event(), Some(Instant(at)));
        domain.call(SET_TIMER_OP, if wide { [1 << 63, 0, 0] } else { [0, 1 << 31, 0] });
        assert_eq!(domain.xen.next_event(), Some(Instant(100_005_000)));
        domain.call(SET_TIMER_OP, [0; 3]);
        assert_eq!(domain.xen.next_event(), None);
    }
}
