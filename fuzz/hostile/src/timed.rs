//! Time for a device that is fed alone, by the rules that the board holds: never past its own next
//! event.

use arch::time::Instant;
use devices::ata::Ide;
use devices::i8042::I8042;
use devices::lapic::Lapic;
use devices::pit::Pit;
use devices::pm::Pm;
use devices::rtc::Rtc;

/// Most events of one step in time. A guest may ask for millions a second, and gets them, but not here.
const EVENTS_MAX: u32 = 300;

/// A device that does something by itself.
pub(crate) trait Timed {
    fn advance(&mut self, now: Instant);
    fn next_event(&self) -> Option<Instant>;
}

macro_rules! timed {
    ($($device:ty),*) => {
        $(impl Timed for $device {
            fn advance(&mut self, now: Instant) {
                <$device>::advance(self, now);
            }
            fn next_event(&self) -> Option<Instant> {
                <$device>::next_event(self)
            }
        })*
    };
}
timed!(Pit, Rtc, Pm, Lapic, I8042, Ide);

/// A device with the time it has reached.
#[derive(Clone, Debug)]
pub(crate) struct Clocked<T> {
    pub(crate) device: T,
    now: Instant,
}

impl<T: Timed> Clocked<T> {
    pub(crate) fn new(device: T) -> Self {
        Self { device, now: Instant::ZERO }
    }

    pub(crate) fn now(&self) -> Instant {
        self.now
    }

    /// Lets so much time pass, or as much as many events take.
    pub(crate) fn pass(&mut self, ns: u64) {
        let to = self.now.after(ns);
        for _ in 0..EVENTS_MAX {
            match self.device.next_event().filter(|&at| at <= to) {
                Some(at) => {
                    self.now = self.now.max(at);
                    self.device.advance(self.now);
                    // Else the board would never come past this instant.
                    let next = self.device.next_event();
                    assert!(next.is_none_or(|next| next > self.now), "stands still at {at:?}");
                }
                None => {
                    self.now = to;
                    self.device.advance(to);
                    return;
                }
            }
        }
    }
}

/// A step in time by one byte: 0 for none, then powers of two of nanoseconds, up to half a minute.
pub(crate) fn step_ns(byte: u8) -> u64 {
    match byte {
        0..64 => 0,
        _ => 1 << ((byte - 64) % 36),
    }
}
