//! The wires between devices, and from them to the CPU: carried in one place, [`Board::settle`].
//!
//! ```text
//! PIT OUT0 ---- IRQ 0 --+                          +-- GSI 2 --+
//! keyboard ---- IRQ 1 --+                          |           |
//! UART INTR --- IRQ 4 --+--> 8259A pair --INTR-->  |           |
//! RTC IRQ ----- IRQ 8 --+                  LINT0 --+-- GSI n --+--> I/O APIC --messages--> LAPIC --+
//! PM SCI ------ IRQ 9 --+                                                      <--EOI---     ^     |
//! mouse ------- IRQ 12 -+                                                                    |     v
//! FERR# latch - IRQ 13 -+                            Xen --upcall vector: message------------+    CPU
//! IDE INTRQ - IRQ 14, 15 +                              +--callback vector: past the LAPIC---------^
//! ```
//! Interrupts of the 8259A pair pass the local APIC by LINT0 (virtual wire mode); IRQ 0 is on pin 2
//! of the I/O APIC, as the MADT's override says, every other IRQ on the pin of its number. Of two that
//! want the CPU, Xen's callback goes first (`bus.rs`, `acknowledge`); Xen's timer and hypercalls are in
//! `xen.rs`.

use super::{Board, Request};
use crate::clock::Timed;
use cpu::bus::{Bus, Outcome};
use devices::lapic::{self, Lint};

/// IRQ numbers of a PC.
mod irq {
    pub(super) const PIT: u8 = 0;
    pub(super) const KEYBOARD: u8 = 1;
    pub(super) const COM1: u8 = 4;
    pub(super) const RTC: u8 = 8;
    pub(super) const SCI: u8 = boot::acpi::SCI_IRQ;
    pub(super) const MOUSE: u8 = 12;
    pub(super) const FERR: u8 = 13;
    pub(super) const IDE: [u8; 2] = [14, 15];
}

/// Levels of the interrupt wires that leave devices.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(super) struct Levels {
    pit: bool,
    com1: bool,
    rtc: bool,
    sci: bool,
    ferr: bool,
    keyboard: bool,
    mouse: bool,
    ide: [bool; 2],
}

impl Board {
    /// Carries every output to the inputs it is soldered to. The one place where that happens; to be
    /// called after each event and each access that may have changed an output.
    pub(crate) fn settle(&mut self) {
        self.unsettled = false;
        let (keyboard, mouse) = self.keyboard_levels();
        let levels = Levels {
            pit: self.pit.out(0),
            com1: self.uart.irq(),
            rtc: self.rtc.irq(),
            sci: self.pm.sci(),
            ferr: self.ferr.irq(),
            keyboard,
            mouse,
            ide: self.ide_irqs(),
        };
        if levels != self.levels {
            self.levels = levels;
            self.set_irq(irq::PIT, levels.pit);
            self.set_irq(irq::COM1, levels.com1);
            self.set_irq(irq::RTC, levels.rtc);
            self.set_irq(irq::SCI, levels.sci);
            self.set_irq(irq::FERR, levels.ferr);
            self.set_irq(irq::KEYBOARD, levels.keyboard);
            self.set_irq(irq::MOUSE, levels.mouse);
            for (irq, level) in irq::IDE.into_iter().zip(levels.ide) {
                self.set_irq(irq, level);
            }
        }
        self.lapic.set_lint(Lint::Lint0, self.pic.intr());
        self.carry_messages();
        while let Some(request) = self.lapic.take_request() {
            match request {
                lapic::Request::Nmi => self.lines.nmi = true,
                lapic::Request::Init => self.request(Request::Reset),
                // A running processor ignores start-up messages; there is no SMM.
                lapic::Request::StartUp(_) | lapic::Request::Smi => {}
            }
        }
        self.lines.intr = self.lapic.intr() || self.has_xen_upcall();
        self.lines.ignne = self.ferr.ignne();
    }

    /// The interrupt wire of COM1 falls; [`Board::settle`] raises it again if it is still asserted,
    /// which is an edge.
    pub(crate) fn drop_com1_irq(&mut self) {
        self.levels.com1 = false;
        self.set_irq(irq::COM1, false);
        self.unsettled = true;
    }

    /// A device whose only output is an interrupt wire was touched: have the wires settled if it
    /// drives another level now.
    #[inline(always)]
    pub(crate) fn watch_level(&mut self, who: Timed) {
        self.unsettled |= match who {
            Timed::Pit => self.pit.out(0) != self.levels.pit,
            Timed::Rtc => self.rtc.irq() != self.levels.rtc,
            Timed::Pm => self.pm.sci() != self.levels.sci,
            Timed::SerialLine => self.uart.irq() != self.levels.com1,
            Timed::Keyboard => self.keyboard_levels() != (self.levels.keyboard, self.levels.mouse),
            Timed::Lapic => true,
            Timed::Ide => self.ide_irqs() != self.levels.ide,
            Timed::Xen => true,
        };
    }

    fn set_irq(&mut self, irq: u8, level: bool) {
        self.pic.set_irq(irq, level);
        self.ioapic.set_irq(if irq == irq::PIT { 2 } else { irq }, level);
        self.ioapic_touched = true;
    }

    /// EOI broadcasts to the I/O APIC, its messages and those of the local APIC to the local APIC.
    #[inline]
    fn carry_messages(&mut self) {
        while let Some(vector) = self.lapic.take_eoi() {
            self.ioapic.eoi(vector);
            self.ioapic_touched = true;
        }
        if let Some(message) = self.lapic.take_message()
            && self.lapic.is_addressed(message.destination, true)
        {
            self.lapic.receive(message.mode, message.vector, message.level);
        }
        if std::mem::take(&mut self.ioapic_touched) {
            while let Some(delivery) = self.ioapic.take_delivery() {
                if self.lapic.matches(u32::from(delivery.dest), delivery.logical) {
                    self.lapic.receive(delivery.mode, delivery.vector, delivery.level);
                }
            }
        }
    }

    /// The outcome of an access, after the wires have settled.
    pub(crate) fn finish(&mut self, cost_ns: u32) -> Outcome {
        if self.unsettled {
            self.settle();
        }
        self.charged.ns.set(self.charged.ns.get().saturating_add(u64::from(cost_ns)));
        Outcome { cost_ns, ..self.state() }
    }
}
