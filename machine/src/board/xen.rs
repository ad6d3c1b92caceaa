//! Xen on the board: its hypercalls, and what they bring about elsewhere. A machine without `--xen` has none of it.

use super::{Board, Counted, Request};
use crate::clock::Timed;
use crate::xen::{Served, Shutdown, Xen};
use arch::apic::DeliveryMode;
use arch::time::Instant;
use boot::e820::Region;
use cpu::Cpu;
use memory::Memory;

/// What a hypercall asks of the CPU.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Answered {
    pub(crate) served: Served,
    /// It waits for an interrupt.
    pub(crate) wait: bool,
    /// It forgets its translations.
    pub(crate) flush: bool,
}

impl Board {
    /// Tells Xen the guest's memory map.
    pub(crate) fn set_xen_map(&mut self, map: &[Region]) {
        if let Some(xen) = &mut self.xen {
            xen.set_map(map);
        }
    }

    /// Serves the hypercall that the CPU has just executed. `None` on a machine without Xen, whose CPU
    /// executes none.
    pub(crate) fn hypercall(&mut self, cpu: &Cpu, memory: &Memory) -> Option<Answered> {
        self.catch_up(cpu.now());
        self.count(Counted::Xen);
        let served = self.xen.as_mut()?.hypercall(cpu, memory, self.now);
        let (wait, flush) = self.carry_effects();
        Some(Answered { served, wait, flush })
    }

    /// True if Xen has work on guest memory, to be done before the next instruction.
    pub(crate) fn xen_is_due(&self) -> bool {
        self.xen.as_ref().is_some_and(|xen| xen.is_due())
    }

    /// Does it.
    pub(crate) fn attend_xen(&mut self, memory: &Memory) {
        let now = self.now;
        if let Some(xen) = self.xen.as_mut().filter(|xen| xen.is_due()) {
            xen.attend(memory, now);
            self.carry_effects();
        }
    }

    /// Carries what Xen did to where it belongs; whether the CPU has to wait, and to forget translations.
    fn carry_effects(&mut self) -> (bool, bool) {
        let Some(xen) = &mut self.xen else { return (false, false) };
        let effects = xen.take_effects();
        self.put_console(&effects.output);
        if !effects.input.is_empty() {
            self.serial_line.send(&effects.input, self.now);
            self.refresh(Timed::SerialLine);
        }
        match effects.shutdown {
            Some(Shutdown::PowerOff) => self.request(Request::PowerOff),
            Some(Shutdown::Reboot) => self.request(Request::Reset),
            Some(Shutdown::Crash) => self.request(Request::Crash),
            None => {}
        }
        self.lines.nmi |= effects.nmi;
        if let Some(vector) = effects.lapic_vector {
            self.bring(Timed::Lapic);
            self.lapic.receive(DeliveryMode::Fixed, vector, false);
            self.refresh(Timed::Lapic);
        }
        self.refresh(Timed::Xen);
        self.settle();
        (effects.wait, effects.flush)
    }

    /// True if Xen interrupts the CPU past the local APIC.
    #[inline]
    pub(super) fn has_xen_upcall(&self) -> bool {
        self.xen.as_ref().is_some_and(|xen| xen.callback().is_some())
    }

    /// Xen, if its console is where input goes.
    pub(super) fn xen_console(&self) -> Option<&Xen> {
        self.xen.as_deref().filter(|xen| xen.takes_input())
    }

    /// When Xen's timer is due.
    pub(crate) fn xen_event(&self) -> Option<Instant> {
        self.xen.as_ref().and_then(|xen| xen.next_event())
    }
}
