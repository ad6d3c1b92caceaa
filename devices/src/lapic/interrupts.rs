//! Interrupts inside the local APIC: acceptance, priority, acknowledgement, EOI, errors, LINT pins.
//! SDM Vol. 3A, "Handling Interrupts", "Task Priority in IA-32e Mode", "Error Handling".

use super::spec::{self, LvtEntry};
use super::{Lapic, Request};
use arch::apic::DeliveryMode;

/// A local interrupt pin.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Lint {
    /// On a PC: INTR of the 8259A pair.
    Lint0,
    /// On a PC: NMI.
    Lint1,
}

impl Lint {
    const fn entry(self) -> LvtEntry {
        match self {
            Self::Lint0 => LvtEntry::Lint0,
            Self::Lint1 => LvtEntry::Lint1,
        }
    }
}

/// Who answers an interrupt-acknowledge cycle of the processor.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Inta {
    /// The local APIC, with this vector.
    Vector(u8),
    /// The 8259A pair, with a vector of its own.
    ExtInt,
}

impl Lapic {
    /// A fixed interrupt message arrives. Ignored when software-disabled; vectors below 16 are
    /// errors.
    pub fn accept(&mut self, vector: u8, level: bool) {
        if !self.software_enabled() {
            return;
        }
        if vector < spec::FIRST_LEGAL_VECTOR {
            self.error(spec::ESR_RECEIVE_ILLEGAL_VECTOR);
            return;
        }
        self.irr.insert(vector);
        if level {
            self.tmr.insert(vector);
        } else {
            self.tmr.remove(vector);
        }
    }

    /// Processor priority register: the task priority or the class in service, whichever is higher.
    pub fn ppr(&self) -> u8 {
        let in_service = self.isr.highest().unwrap_or(0);
        if self.tpr >> 4 >= in_service >> 4 { self.tpr } else { in_service & 0xf0 }
    }

    /// Task priority register.
    pub fn tpr(&self) -> u8 {
        self.tpr
    }

    /// Writes the task priority register.
    pub fn set_tpr(&mut self, tpr: u8) {
        self.tpr = tpr;
    }

    /// CR8: the task priority class.
    pub fn cr8(&self) -> u8 {
        self.tpr >> 4
    }

    /// A write to CR8 clears the sub-class.
    pub fn set_cr8(&mut self, class: u8) {
        self.tpr = class << 4;
    }

    /// The requested vector that may interrupt the processor now.
    pub fn pending(&self) -> Option<u8> {
        let vector = self.irr.highest()?;
        (vector >> 4 > self.ppr() >> 4).then_some(vector)
    }

    /// An external interrupt asks for the processor: the 8259A pair answers the INTA cycle. Priority
    /// does not hold it back.
    pub fn extint(&self) -> bool {
        if !self.enabled() {
            return self.lint[0];
        }
        let through = |pin: Lint| {
            let lvt = self.lvt[pin.entry() as usize];
            self.lint[pin as usize]
                && lvt & spec::LVT_MASKED == 0
                && DeliveryMode::from_bits(lvt >> 8) == DeliveryMode::ExtInt
        };
        self.extint || through(Lint::Lint0) || through(Lint::Lint1)
    }

    /// The INTR signal to the processor.
    #[inline]
    pub fn intr(&self) -> bool {
        self.extint() || self.pending().is_some()
    }

    /// The processor acknowledges [`Lapic::intr`]. A request that has gone in between yields the
    /// spurious vector, which is not in service and wants no EOI.
    pub fn acknowledge(&mut self) -> Inta {
        if let Some(vector) = self.pending() {
            self.irr.remove(vector);
            self.isr.insert(vector);
            return Inta::Vector(vector);
        }
        if self.extint() {
            self.extint = false;
            return Inta::ExtInt;
        }
        Inta::Vector(self.svr as u8)
    }

    /// End of interrupt: the highest vector leaves service; a level-triggered one is broadcast.
    pub(super) fn eoi(&mut self) {
        let Some(vector) = self.isr.highest() else { return };
        self.isr.remove(vector);
        if self.tmr.contains(vector) {
            self.eoi_broadcasts.insert(vector);
        }
        for pin in [Lint::Lint0, Lint::Lint1] {
            let lvt = &mut self.lvt[pin.entry() as usize];
            if *lvt & spec::LVT_REMOTE_IRR != 0 && *lvt as u8 == vector {
                *lvt &= !spec::LVT_REMOTE_IRR;
                self.sense_level(pin);
            }
        }
    }

    /// Takes a vector whose EOI the I/O APICs must hear. To be called until `None` after each write.
    pub fn take_eoi(&mut self) -> Option<u8> {
        let vector = self.eoi_broadcasts.highest()?;
        self.eoi_broadcasts.remove(vector);
        Some(vector)
    }

    /// Sets a local pin; `asserted` is its logical state, whatever the polarity.
    pub fn set_lint(&mut self, pin: Lint, asserted: bool) {
        let rising = asserted && !self.lint[pin as usize];
        self.lint[pin as usize] = asserted;
        if !self.enabled() {
            if rising && pin == Lint::Lint1 {
                self.requests.raise(Request::Nmi);
            }
            return;
        }
        if rising && !Self::level_sensitive(self.lvt[pin.entry() as usize]) {
            self.signal(pin.entry());
        }
        self.sense_level(pin);
    }

    /// Only fixed interrupts can be level-sensitive: NMI, SMI and INIT are edges, ExtINT a level of
    /// its own kind.
    pub(super) fn level_sensitive(lvt: u32) -> bool {
        lvt & spec::LVT_LEVEL != 0 && DeliveryMode::from_bits(lvt >> 8) == DeliveryMode::Fixed
    }

    /// Requests the interrupt of a level-sensitive pin that is asserted and not yet in the works.
    pub(super) fn sense_level(&mut self, pin: Lint) {
        let lvt = self.lvt[pin.entry() as usize];
        let busy = lvt & (spec::LVT_MASKED | spec::LVT_REMOTE_IRR) != 0;
        if self.lint[pin as usize] && Self::level_sensitive(lvt) && !busy {
            self.lvt[pin.entry() as usize] |= spec::LVT_REMOTE_IRR;
            self.accept(lvt as u8, true);
        }
    }

    /// An event of the local vector table happens.
    pub(super) fn signal(&mut self, entry: LvtEntry) {
        let lvt = self.lvt[entry as usize];
        if lvt & spec::LVT_MASKED != 0 {
            return;
        }
        // The timer's and the error entry have no delivery mode: those bits stay 0, fixed.
        match DeliveryMode::from_bits(lvt >> 8) {
            DeliveryMode::Fixed => self.accept(lvt as u8, false),
            DeliveryMode::Nmi => self.requests.raise(Request::Nmi),
            DeliveryMode::Smi => self.requests.raise(Request::Smi),
            DeliveryMode::Init => self.requests.raise(Request::Init),
            _ => {} // ExtINT is a level, see `extint`; the others are reserved in an LVT entry
        }
    }

    /// Records an error. The first since the status register was written interrupts.
    pub(super) fn error(&mut self, error: u32) {
        let armed = self.errors == 0;
        self.errors |= error;
        if armed {
            self.signal(LvtEntry::Error);
        }
    }
}
