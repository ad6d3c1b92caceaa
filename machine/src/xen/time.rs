//! Time as Xen tells it: system time by the TSC (`public/xen.h`, `vcpu_time_info`), the wall clock, and the
//! timers behind VIRQ_TIMER; set_timer_op.
//!
//! System time is the virtual time of the machine, in nanoseconds since power-on. The TSC runs at its own fixed
//! rate, so the relation is written once, and again if the guest sets its TSC.

use super::Xen;
use super::caller::{Answer, Caller, Errno};
use crate::config::TSC_CLOCK;
use arch::time::Instant;
use memory::{Memory, PhysAddr};
use serde::Serialize;

/// `vcpu_time_info.flags`: the relation holds for every processor and never steps.
const TSC_STABLE: u8 = 1;
/// Bytes of `vcpu_time_info`.
pub(super) const INFO: u64 = 32;
/// The shortest period of the periodic timer.
const PERIOD_MIN_NS: u64 = 1_000_000;
/// Times are signed in Xen.
const NS_MAX: u64 = i64::MAX as u64;

/// Multiplier and shift that make nanoseconds of ticks: `(ticks << shift) * multiplier >> 32`.
pub(super) fn scale(hz: u64) -> (u32, i8) {
    const SECOND_NS: u128 = 1_000_000_000;
    let (mut hz, mut shift) = (u128::from(hz.max(1)), 0i8);
    while hz > 2 * SECOND_NS {
        hz >>= 1;
        shift -= 1;
    }
    while hz <= SECOND_NS {
        hz <<= 1;
        shift += 1;
    }
    (((SECOND_NS << 32) / hz) as u32, shift)
}

/// `vcpu_time_info` of a moment: system time in nanoseconds, TSC. Version 2.
pub(super) fn info(system_ns: u64, tsc: u64) -> [u8; INFO as usize] {
    let (mul, shift) = scale(TSC_CLOCK.ticks(1_000_000_000));
    let mut out = [0; INFO as usize];
    out[0] = 2;
    out[8..16].copy_from_slice(&tsc.to_le_bytes());
    out[16..24].copy_from_slice(&system_ns.to_le_bytes());
    out[24..28].copy_from_slice(&mul.to_le_bytes());
    out[28] = shift as u8;
    out[29] = TSC_STABLE;
    out
}

/// The two timers of a vCPU.
#[derive(Clone, PartialEq, Default, Debug, Serialize)]
pub(super) struct Timers {
    single: Option<Instant>,
    /// Period in nanoseconds and the next end.
    periodic: Option<(u64, Instant)>,
    /// One is due, and nobody has looked since.
    due: bool,
}

impl Timers {
    fn earliest(&self) -> Option<Instant> {
        let periodic = self.periodic.map(|(_, next)| next);
        self.single.into_iter().chain(periodic).min()
    }

    pub(super) fn next_event(&self) -> Option<Instant> {
        self.earliest().filter(|_| !self.due)
    }

    pub(super) fn advance(&mut self, to: Instant) {
        self.due |= self.earliest().is_some_and(|at| at <= to);
    }

    pub(super) fn is_due(&self) -> bool {
        self.due
    }

    /// True if a timer has ended; a periodic one goes on behind the present.
    pub(super) fn expire(&mut self, now: Instant) -> bool {
        self.due = false;
        let single = self.single.take_if(|at| *at <= now).is_some();
        let Some((period, next)) = self.periodic.filter(|(_, next)| *next <= now) else {
            return single;
        };
        let periods = now.since(next) / period.max(1) + 1;
        self.periodic = Some((period, next.after(periods.saturating_mul(period))));
        true
    }

    /// Sets or stops the single-shot timer.
    pub(super) fn set_single(&mut self, at: Option<Instant>) {
        self.single = at;
    }

    /// Sets the periodic timer, from now on.
    pub(super) fn set_periodic(&mut self, period_ns: u64, now: Instant) -> Result<(), Errno> {
        if !(PERIOD_MIN_NS..=NS_MAX).contains(&period_ns) {
            return Err(Errno::Inval);
        }
        self.periodic = Some((period_ns, now.after(period_ns)));
        Ok(())
    }

    /// Stops it.
    pub(super) fn stop_periodic(&mut self) {
        self.periodic = None;
    }
}

impl Xen {
    fn tsc(&self, now: Instant) -> u64 {
        TSC_CLOCK.ticks(now.ns()).wrapping_add(self.tsc_offset)
    }

    /// Writes the relation of TSC and system time wherever the guest reads it.
    pub(super) fn update_time(&mut self, memory: &Memory, now: Instant) {
        let mut info = info(now.ns(), self.tsc(now));
        self.shared.write_time(memory, &mut info);
        if let Some(area) = self.time_area {
            let _ = memory.write(PhysAddr(area), &info);
        }
    }
}

/// set_timer_op: the single-shot timer at an absolute system time; 0 stops it. A 32-bit guest gives the time in
/// two arguments. A time that is negative or more than 2^50 ns ahead means 100 ms from now.
pub(super) fn set_timer_op(xen: &mut Xen, caller: &Caller<'_>, args: &[u64; 6]) -> Answer {
    const FAR_NS: u64 = 1 << 50;
    const SOON_NS: u64 = 100_000_000;
    let timeout = if caller.wide { args[0] } else { args[0] | args[1] << 32 };
    let at = match Instant(timeout) {
        Instant::ZERO => None,
        at if timeout > NS_MAX || at.since(caller.now) >= FAR_NS => Some(caller.now.after(SOON_NS)),
        at => Some(at),
    };
    xen.timers.set_single(at);
    Ok(0)
}
