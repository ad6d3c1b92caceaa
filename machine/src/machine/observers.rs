//! Who looks on while the machine runs: logs, milestones, the code that is new.

use super::Machine;
use crate::milestones::{Milestone, NewCode, Tap};
use cpu::event_log::Sink;
use std::rc::Rc;

impl Machine {
    /// Sends the CPU's events of these kinds to `sink`, from now on and over restarts. Several may
    /// listen; `retired` counts since the first power-on.
    pub fn attach_log(&mut self, sink: Box<dyn Sink>, kinds: u32) {
        self.listeners.borrow_mut().add(sink, kinds);
        self.connect_log();
    }

    /// The milestones so far, in order.
    pub fn milestones(&self) -> Vec<Milestone> {
        self.listeners.borrow().milestones().to_vec()
    }

    /// Adds a milestone that somebody else has found.
    pub fn add_milestone(&mut self, milestone: Milestone) {
        self.listeners.borrow_mut().add_milestone(milestone);
    }

    /// Keeps what code is decoded from now on, for [`Machine::take_new_code`], or does so no longer.
    pub fn keep_new_code(&mut self, keep: bool) {
        self.listeners.borrow_mut().keep_new_code(keep);
        self.connect_log();
    }

    /// Code that was decoded since this was last called, in the order in which it ran first. To be
    /// taken after each slice: of very much the rest is dropped.
    pub fn take_new_code(&mut self) -> Vec<NewCode> {
        self.listeners.borrow_mut().take_new_code()
    }

    /// The last access to the firmware configuration device: instructions, virtual nanoseconds and
    /// accesses then. `None` before the first, and on a machine without firmware.
    pub fn last_firmware_query(&self) -> Option<NewCode> {
        self.board.last_query().map(|(retired, now, accesses)| NewCode {
            rip: 0,
            offset: 0,
            instructions: self.before.retired + retired,
            virtual_ns: self.before.now.ns() + now.ns(),
            accesses,
        })
    }

    pub(super) fn connect_log(&mut self) {
        let kinds = self.listeners.borrow().kinds();
        self.cpu.log_mut().attach(Box::new(Tap(Rc::clone(&self.listeners))), kinds);
    }

    pub(super) fn reach(&mut self, name: &str) {
        self.listeners.borrow_mut().reach(name, self.cpu.retired(), self.cpu.now());
    }

    /// The board knows when the first byte went out; which instruction sent it follows from the
    /// time: no other time is charged between.
    pub(super) fn note_first_console(&mut self) {
        if let Some(when) = self.board.take_first_console() {
            self.listeners.borrow_mut().reach_after("first_console", when);
        }
    }
}
