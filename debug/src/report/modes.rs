//! The CPU's mode switches, kept as they happen.
//!
//! Only the first ones are kept: a guest that switches for ever must not fill the host's memory.

use crate::mode::{Control, Mode};
use core::cell::RefCell;
use core::fmt;
use cpu::Cpu;
use cpu::event_log::{Event, Sink, kind};
use std::rc::Rc;

/// Mode switches kept.
const SWITCHES_MAX: usize = 32;

/// One switch.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Switch {
    /// Instructions retired before it.
    pub instructions: u64,
    /// Mode before.
    pub from: Mode,
    /// Mode after.
    pub to: Mode,
    /// Where.
    pub rip: u64,
}

impl fmt::Display for Switch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let instructions = super::grouped(self.instructions);
        write!(f, "{} to {} after {instructions} instructions", self.from, self.to)?;
        write!(f, ", at {:#x}", self.rip)
    }
}

#[derive(Default)]
struct Seen {
    control: Control,
    switches: Vec<Switch>,
}

/// Collects mode switches: `machine.attach_log(modes.sink(), Modes::KINDS)`.
pub struct Modes(Rc<RefCell<Seen>>);

impl Modes {
    /// The kinds of events they are made of.
    pub const KINDS: u32 = kind::MODE;

    /// Begins with the mode of a CPU after its boot entry has been set.
    pub fn new(cpu: &Cpu) -> Self {
        Self(Rc::new(RefCell::new(Seen { control: Control::of(cpu), switches: Vec::new() })))
    }

    /// The end that listens to the machine.
    pub fn sink(&self) -> Box<dyn Sink> {
        Box::new(Self(Rc::clone(&self.0)))
    }

    /// The switches so far, at most the first 32.
    pub fn switches(&self) -> Vec<Switch> {
        self.0.borrow().switches.clone()
    }
}

impl Sink for Modes {
    fn event(&mut self, retired: u64, event: Event) {
        let seen = &mut *self.0.borrow_mut();
        let Some((from, to)) = seen.control.follow(&event) else { return };
        if let Event::Mode { rip, .. } = event
            && seen.switches.len() < SWITCHES_MAX
        {
            seen.switches.push(Switch { instructions: retired, from, to, rip });
        }
    }
}
