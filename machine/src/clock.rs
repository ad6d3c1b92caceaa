//! Who is due next: the agenda of everything on the board that does something by itself.
//!
//! A device is brought to the present only when it is looked at or when its own next event is due;
//! the agenda remembers those instants, so that an access costs nothing for the devices it does not
//! touch. A device is never advanced past its own earliest event, and events of the same instant go
//! in the order of [`Timed`].
//!
//! Virtual time itself is made by the CPU: instructions times their duration, plus what device
//! accesses cost, plus idle time.

use crate::board::Board;
use arch::time::Instant;
use cpu::bus::Outcome;

/// The end of time: the entry of who has nothing to do.
pub(crate) const NEVER: Instant = Instant(u64::MAX);

/// What has events of its own, in the order in which those of one instant happen.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(usize)]
pub(crate) enum Timed {
    Pit,
    Rtc,
    Pm,
    Lapic,
    /// The far end of the serial cable.
    SerialLine,
    /// The keyboard controller and what is at it.
    Keyboard,
    /// Both IDE channels.
    Ide,
    /// Xen's timer.
    Xen,
}

impl Timed {
    const ALL: [Self; 8] = [
        Self::Pit,
        Self::Rtc,
        Self::Pm,
        Self::Lapic,
        Self::SerialLine,
        Self::Keyboard,
        Self::Ide,
        Self::Xen,
    ];
}

/// The next event of each.
#[derive(Clone, Debug)]
pub(crate) struct Agenda {
    due: [Instant; Timed::ALL.len()],
    next: Instant,
}

impl Agenda {
    pub(crate) const fn new() -> Self {
        Self { due: [NEVER; Timed::ALL.len()], next: NEVER }
    }

    /// The earliest event of all, [`NEVER`] without one.
    pub(crate) const fn next(&self) -> Instant {
        self.next
    }

    /// Enters the next event of one.
    fn set(&mut self, who: Timed, at: Option<Instant>) {
        let at = at.unwrap_or(NEVER);
        let entry = &mut self.due[who as usize];
        if *entry != at {
            *entry = at;
            self.next = self.due.iter().copied().min().unwrap_or(NEVER);
        }
    }

    /// The first in order whose event is the earliest.
    fn first(&self) -> Timed {
        let due = |who: Timed| self.due[who as usize] == self.next;
        Timed::ALL.into_iter().find(|&who| due(who)).unwrap_or(Timed::Pit)
    }
}

impl Board {
    /// Lets everything happen that is due until `now`, event by event, and makes it the present.
    #[inline]
    pub(crate) fn catch_up(&mut self, now: Instant) {
        if self.agenda.next() <= now {
            self.let_happen(now);
        }
        self.now = self.now.max(now);
    }

    #[cold]
    #[inline(never)]
    fn let_happen(&mut self, now: Instant) {
        while self.agenda.next() <= now && self.agenda.next() != NEVER {
            let who = self.agenda.first();
            self.now = self.now.max(self.agenda.next());
            self.advance(who, self.now);
            self.refresh(who);
            self.settle();
        }
    }

    /// Of `most` accesses to a port from the present on, `step_ns` and their cost apart, how many come
    /// before the next event; at least one.
    pub(crate) fn elements_before_event(&self, step_ns: u32, most: usize) -> usize {
        let pace_ns = u64::from(step_ns) + u64::from(self.cost_port_ns);
        let free = self.agenda.next().since(self.now).div_ceil(pace_ns.max(1));
        // The cost of all of them is told in 32 bits.
        let payable = u64::from(u32::MAX) / u64::from(self.cost_port_ns.max(1));
        most.min(usize::try_from(free.min(payable)).unwrap_or(usize::MAX)).max(1)
    }

    /// The outcome of so many accesses, none of which had anything happen: the present is that of the
    /// last.
    pub(crate) fn finish_many(&mut self, step_ns: u32, elements: usize) -> Outcome {
        let pace_ns = u64::from(step_ns) + u64::from(self.cost_port_ns);
        self.now = self.now.after((elements as u64 - 1) * pace_ns);
        self.finish(self.cost_port_ns * elements as u32)
    }

    /// Brings a device to the present, before it is looked at.
    pub(crate) fn bring(&mut self, who: Timed) {
        self.advance(who, self.now);
    }

    /// Enters a device's next event, after it was touched. Who that is, is known where it is called.
    #[inline(always)]
    pub(crate) fn refresh(&mut self, who: Timed) {
        let at = match who {
            Timed::Pit => self.pit.next_event(),
            Timed::Rtc => self.rtc.next_event(),
            Timed::Pm => self.pm.next_event(),
            Timed::Lapic => self.lapic.next_event(),
            Timed::SerialLine => self.serial_line.next_event(&self.uart),
            Timed::Keyboard => self.keyboard.as_ref().and_then(|chip| chip.next_event()),
            Timed::Ide => {
                let moved = self.ide.as_ref().map_or(0, |ide| ide.take_moved());
                self.note_moved(moved);
                self.ide.as_ref().and_then(|ide| ide.next_event())
            }
            Timed::Xen => self.xen_event(),
        };
        self.agenda.set(who, at);
    }

    /// Brings every device to the present, so that equal states look equal.
    pub(crate) fn bring_all(&mut self) {
        for who in Timed::ALL {
            self.bring(who);
            self.refresh(who);
        }
        self.settle();
    }

    fn advance(&mut self, who: Timed, to: Instant) {
        match who {
            Timed::Pit => self.pit.advance(to),
            Timed::Rtc => self.rtc.advance(to),
            Timed::Pm => self.pm.advance(to),
            Timed::Lapic => self.lapic.advance(to),
            Timed::SerialLine => self.serial_line.advance(to, &mut self.uart),
            Timed::Keyboard => {
                if let Some(chip) = &mut self.keyboard {
                    chip.advance(to);
                }
            }
            Timed::Ide => {
                if let Some(ide) = &mut self.ide {
                    ide.advance(to);
                }
            }
            Timed::Xen => {
                if let Some(xen) = &mut self.xen {
                    xen.advance(to);
                }
            }
        }
    }
}
