//! The timer of the local APIC: SDM Vol. 3A, "APIC Timer".
//!
//! Nothing counts here. The state is the tick at which the count reaches zero; the current count and
//! the next expiry are derived from it, so that no rounding adds up.

use super::spec::{TimerMode, divisor};
use arch::time::{Instant, Ratio};
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Timer {
    /// Clock before the divider.
    clock: Ratio,
    /// The time-stamp counter is `tsc_clock.ticks(now) + tsc_offset`, modulo 2^64.
    tsc_clock: Ratio,
    tsc_offset: u64,
    mode: TimerMode,
    /// As written, reserved bits cleared.
    divide_configuration: u32,
    initial_count: u32,
    /// Tick of `clock` at which the count reaches zero; `None` when it stands at zero.
    zero_at: Option<u64>,
    /// IA32_TSC_DEADLINE, 0 when disarmed.
    tsc_deadline: u64,
}

impl Timer {
    pub(super) fn new(clock: Ratio, tsc_clock: Ratio) -> Self {
        Self {
            clock,
            tsc_clock,
            tsc_offset: 0,
            mode: TimerMode::OneShot,
            divide_configuration: 0,
            initial_count: 0,
            zero_at: None,
            tsc_deadline: 0,
        }
    }

    /// The time-stamp counter is the processor's and survives.
    pub(super) fn reset(&mut self) {
        *self = Self { tsc_offset: self.tsc_offset, ..Self::new(self.clock, self.tsc_clock) };
    }

    /// Lets the timer run to `now`; true if it expired at least once since it last ran.
    pub(super) fn run(&mut self, now: Instant) -> bool {
        if self.mode == TimerMode::TscDeadline {
            let expired = self.tsc_deadline != 0 && self.tsc(now) >= self.tsc_deadline;
            if expired {
                self.tsc_deadline = 0;
            }
            return expired;
        }
        let ticks = self.clock.ticks(now.ns());
        let Some(zero_at) = self.zero_at.filter(|&zero_at| zero_at <= ticks) else {
            return false;
        };
        self.zero_at = None;
        if self.mode == TimerMode::Periodic {
            // The count is not 0 while it runs; `max` is for a forged snapshot.
            let period = self.ticks_of(self.initial_count).max(1);
            let into_period = (ticks - zero_at) % period;
            self.zero_at = ticks.checked_add(period - into_period);
        }
        true
    }

    /// The next instant at which [`Timer::run`] returns true, later than `now` if it ran to `now`.
    pub(super) fn next_expiry(&self, now: Instant) -> Option<Instant> {
        let at = match self.mode {
            TimerMode::TscDeadline => {
                if self.tsc_deadline == 0 {
                    return None;
                }
                let left = self.tsc_deadline.saturating_sub(self.tsc(now));
                self.tsc_clock.ns(self.tsc_clock.ticks(now.ns()).checked_add(left)?)
            }
            _ => self.clock.ns(self.zero_at?),
        };
        (at != u64::MAX).then_some(Instant(at))
    }

    /// A change to or from TSC-deadline mode disarms. One-shot and periodic share the count, which
    /// goes on: the SDM says that any change disarms, bare metal was seen not to (Linux commit
    /// dedf9c5e2169, "KVM: LAPIC: Keep timer running when switching between one-shot and periodic
    /// mode"; kvm-unit-tests `apic.c`, `test_apic_change_mode`).
    pub(super) fn set_mode(&mut self, mode: TimerMode) {
        let counts = |mode| matches!(mode, TimerMode::OneShot | TimerMode::Periodic);
        if mode != self.mode && !(counts(mode) && counts(self.mode)) {
            self.zero_at = None;
            self.initial_count = 0;
            self.tsc_deadline = 0;
        }
        self.mode = mode;
    }

    pub(super) fn divide_configuration(&self) -> u32 {
        self.divide_configuration
    }

    /// The running count keeps its value and goes on at the new rate.
    pub(super) fn set_divide_configuration(&mut self, value: u32, now: Instant) {
        let count = self.current_count(now);
        self.divide_configuration = value & 0xb;
        if count != 0 {
            self.start(count, now);
        }
    }

    pub(super) fn initial_count(&self) -> u32 {
        self.initial_count
    }

    /// Starts the count, or stops it with 0. Ignored in TSC-deadline mode.
    pub(super) fn set_initial_count(&mut self, count: u32, now: Instant) {
        if matches!(self.mode, TimerMode::OneShot | TimerMode::Periodic) {
            self.initial_count = count;
            self.start(count, now);
        }
    }

    pub(super) fn current_count(&self, now: Instant) -> u32 {
        let Some(zero_at) = self.zero_at else { return 0 };
        let left = zero_at.saturating_sub(self.clock.ticks(now.ns()));
        left.div_ceil(divisor(self.divide_configuration)) as u32 // at most the count it started with
    }

    pub(super) fn tsc_deadline(&self) -> u64 {
        self.tsc_deadline
    }

    /// Arms TSC-deadline mode, or disarms it with 0. Ignored in the other modes.
    pub(super) fn set_tsc_deadline(&mut self, deadline: u64) {
        if self.mode == TimerMode::TscDeadline {
            self.tsc_deadline = deadline;
        }
    }

    pub(super) fn set_tsc_offset(&mut self, offset: u64) {
        self.tsc_offset = offset;
    }

    fn tsc(&self, now: Instant) -> u64 {
        self.tsc_clock.ticks(now.ns()).wrapping_add(self.tsc_offset)
    }

    fn ticks_of(&self, count: u32) -> u64 {
        u64::from(count) * divisor(self.divide_configuration)
    }

    fn start(&mut self, count: u32, now: Instant) {
        let ticks = self.clock.ticks(now.ns());
        self.zero_at = if count == 0 { None } else { ticks.checked_add(self.ticks_of(count)) };
    }
}
