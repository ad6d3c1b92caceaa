//! Virtual time: instants in nanoseconds, and exact conversion to the ticks of a clock.
//!
//! Guest time is a function of retired instructions and device accesses only. All arithmetic is
//! integer; a tick count is always derived from the instant, never accumulated, so no clock drifts
//! against another.

use core::ops::{Add, Sub};
use serde::{Deserialize, Serialize};

/// A point of virtual time, in nanoseconds since power-on.
#[derive(
    Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Debug, Serialize, Deserialize,
)]
pub struct Instant(pub u64);

impl Instant {
    /// Power-on.
    pub const ZERO: Self = Self(0);

    /// Nanoseconds since power-on.
    pub const fn ns(self) -> u64 {
        self.0
    }

    /// This instant plus `ns` nanoseconds; stays at the end of time instead of wrapping.
    #[must_use]
    pub const fn after(self, ns: u64) -> Self {
        Self(self.0.saturating_add(ns))
    }

    /// Nanoseconds from `earlier` to here, 0 if `earlier` is later.
    pub const fn since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}

impl Add<u64> for Instant {
    type Output = Self;
    fn add(self, ns: u64) -> Self {
        self.after(ns)
    }
}

impl Sub for Instant {
    type Output = u64;
    fn sub(self, earlier: Self) -> u64 {
        self.since(earlier)
    }
}

/// The frequency of a clock as an exact fraction of Hz: `num / den` ticks a second.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(try_from = "Saved")]
pub struct Ratio {
    num: u64,
    den: u64,
}

/// A ratio as a snapshot holds it, which may be none.
#[derive(Deserialize)]
struct Saved {
    num: u64,
    den: u64,
}

impl TryFrom<Saved> for Ratio {
    type Error = &'static str;
    fn try_from(saved: Saved) -> Result<Self, Self::Error> {
        let sound = saved.num != 0 && saved.den != 0 && saved.den <= DEN_MAX;
        if sound { Ok(Self { num: saved.num, den: saved.den }) } else { Err("no clock") }
    }
}

const NS_PER_S: u128 = 1_000_000_000;
/// Largest denominator: ticks, it and [`NS_PER_S`] are multiplied in 128 bits.
const DEN_MAX: u64 = u32::MAX as u64;

impl Ratio {
    /// A clock of `hz` ticks a second.
    pub const fn hz(hz: u64) -> Self {
        Self::new(hz, 1)
    }

    /// A clock of `num / den` ticks a second. Panics on a zero and on a denominator of more than 32 bits,
    /// at compile time for constants.
    pub const fn new(num: u64, den: u64) -> Self {
        assert!(num != 0 && den != 0 && den <= DEN_MAX, "a clock has a frequency");
        Self { num, den }
    }

    /// Whole ticks in `ns` nanoseconds, rounded down.
    pub const fn ticks(self, ns: u64) -> u64 {
        // One tick a nanosecond is the TSC's usual rate; a 128-bit division costs more than RDTSC.
        if self.den == 1 && self.num as u128 == NS_PER_S {
            return ns;
        }
        (ns as u128 * self.num as u128 / (self.den as u128 * NS_PER_S)) as u64
    }

    /// The least number of nanoseconds after which `ticks` whole ticks have passed:
    /// `self.ticks(self.ns(t)) == t`, and one nanosecond less gives `t - 1`. Saturates.
    pub const fn ns(self, ticks: u64) -> u64 {
        let ns = (ticks as u128 * self.den as u128 * NS_PER_S).div_ceil(self.num as u128);
        if ns > u64::MAX as u128 { u64::MAX } else { ns as u64 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ns_is_the_first_nanosecond_of_a_tick() {
        for clock in
            [Ratio::hz(1_193_182), Ratio::hz(3_579_545), Ratio::new(3, 7), Ratio::hz(5_000_000_000)]
        {
            for tick in [0, 1, 2, 3, 65_536, 1_193_182, 1 << 30] {
                let ns = clock.ns(tick);
                assert!(clock.ticks(ns) >= tick);
                assert!(ns == 0 || clock.ticks(ns - 1) < tick);
            }
        }
    }

    #[test]
    fn a_ratio_that_is_no_clock_is_not_restored() {
        let restored = |num, den| Ratio::try_from(Saved { num, den }).ok();
        assert_eq!(restored(1_193_182, 3), Some(Ratio::new(1_193_182, 3)));
        for (num, den) in [(0, 1), (1, 0), (1, 1 << 32), (1, u64::MAX)] {
            assert_eq!(restored(num, den), None, "{num}/{den}");
        }
        assert_eq!(Ratio::new(1, DEN_MAX).ns(u64::MAX), u64::MAX);
    }

    #[test]
    fn the_far_end_of_time_saturates() {
        assert_eq!(Ratio::hz(1).ns(u64::MAX), u64::MAX);
        assert_eq!(Instant(u64::MAX).after(5), Instant(u64::MAX));
    }
}
