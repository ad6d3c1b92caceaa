//! The I/O APIC: Intel 82093AA datasheet (290566), with the EOI register that its version, 0x20,
//! promises to guests (ICH datasheets, "EOIR").
//!
//! Pins go in as logical levels, interrupt messages come out; the board carries them to the local
//! APICs and brings EOI broadcasts back.
//!
//! Not modelled: the polarity bit (a pin is given as asserted or not; it is stored), delivery status
//! (a message never waits), the APIC bus and its arbitration. A message that no local APIC accepts
//! counts as accepted.

pub mod spec;
#[cfg(test)]
mod tests;

use arch::apic::DeliveryMode;
use serde::{Deserialize, Serialize};
use spec::{PINS, Redirection, Register, WindowRegister};

/// An interrupt message for the local APICs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Delivery {
    /// Interrupt vector, for fixed and lowest-priority messages.
    pub vector: u8,
    /// What the receivers shall do.
    pub mode: DeliveryMode,
    /// Destination field.
    pub dest: u8,
    /// Destination mode is logical.
    pub logical: bool,
    /// Level-triggered: the EOI of the vector must come back by [`Ioapic::eoi`].
    pub level: bool,
}

/// An I/O APIC with 24 pins.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ioapic {
    id: u8,
    ioregsel: u8,
    redirection: [Redirection; PINS],
    /// Asserted pins, by bit.
    lines: u32,
    /// Edges seen and not yet sent, by pin.
    edges: u32,
}

impl Default for Ioapic {
    fn default() -> Self {
        Self::new()
    }
}

impl Ioapic {
    /// An I/O APIC at power-on: ID 0, every entry masked.
    pub fn new() -> Self {
        Self { id: 0, ioregsel: 0, redirection: [Redirection::RESET; PINS], lines: 0, edges: 0 }
    }

    /// The reset pin. The levels of the input pins are not ours to reset.
    pub fn reset(&mut self) {
        *self = Self { lines: self.lines, ..Self::new() };
    }

    /// Reads 32 bits of the memory window; `offset` in bytes from its base. Reserved registers read 0.
    pub fn read(&self, offset: u16) -> u32 {
        match WindowRegister::decode(offset) {
            Some(WindowRegister::IoRegSel) => u32::from(self.ioregsel),
            Some(WindowRegister::IoWin) => self.read_selected(),
            Some(WindowRegister::Eoi) | None => 0,
        }
    }

    fn read_selected(&self) -> u32 {
        match Register::decode(self.ioregsel) {
            Some(Register::Id | Register::Arbitration) => u32::from(self.id) << 24,
            Some(Register::Version) => spec::VERSION,
            Some(Register::RedirectionLow(pin)) => self.redirection[pin].0 as u32,
            Some(Register::RedirectionHigh(pin)) => (self.redirection[pin].0 >> 32) as u32,
            None => 0,
        }
    }

    /// Writes 32 bits of the memory window; `offset` in bytes from its base.
    pub fn write(&mut self, offset: u16, value: u32) {
        match WindowRegister::decode(offset) {
            Some(WindowRegister::IoRegSel) => self.ioregsel = value as u8,
            Some(WindowRegister::IoWin) => self.write_selected(value),
            Some(WindowRegister::Eoi) => self.eoi(value as u8),
            None => {}
        }
    }

    fn write_selected(&mut self, value: u32) {
        match Register::decode(self.ioregsel) {
            Some(Register::Id) => self.id = (value >> 24 & 0xf) as u8,
            Some(Register::RedirectionLow(pin)) => self.write_low(pin, u64::from(value)),
            Some(Register::RedirectionHigh(pin)) => {
                let high = u64::from(value) & Redirection::WRITABLE_HIGH;
                let entry = &mut self.redirection[pin].0;
                *entry = *entry & 0xffff_ffff | high << 32;
            }
            Some(Register::Version | Register::Arbitration) | None => {}
        }
    }

    /// An entry that is made edge-triggered loses its remote IRR; Linux uses this to acknowledge on
    /// parts without an EOI register.
    fn write_low(&mut self, pin: usize, low: u64) {
        let old = self.redirection[pin].0;
        let keep = 0xffff_ffff_0000_0000 | Redirection::REMOTE_IRR;
        let mut new = Redirection(old & keep | low & Redirection::WRITABLE_LOW);
        if new.level() {
            self.edges &= !(1 << pin);
        } else {
            new.0 &= !Redirection::REMOTE_IRR;
        }
        self.redirection[pin] = new;
    }

    /// Sets an input pin, 0 to 23; `asserted` is its logical state, whatever the polarity. An edge on
    /// a masked pin is lost ("Interrupt Mask").
    pub fn set_irq(&mut self, pin: u8, asserted: bool) {
        let Some(&entry) = self.redirection.get(usize::from(pin)) else { return };
        let bit = 1 << pin;
        let rising = asserted && self.lines & bit == 0;
        if asserted {
            self.lines |= bit;
        } else {
            self.lines &= !bit;
        }
        if rising && !entry.masked() && !entry.level() {
            self.edges |= bit;
        }
    }

    /// The state of an input pin.
    pub fn irq(&self, pin: u8) -> bool {
        pin < PINS as u8 && self.lines >> pin & 1 != 0
    }

    /// Takes the next message, of the lowest pin that has one. To be called until `None` after each
    /// write, EOI and change of a pin.
    pub fn take_delivery(&mut self) -> Option<Delivery> {
        for (pin, entry) in self.redirection.iter_mut().enumerate() {
            let bit = 1 << pin;
            let due = if entry.level() {
                self.lines & bit != 0 && !entry.remote_irr()
            } else {
                self.edges & bit != 0
            };
            if entry.masked() || !due {
                continue;
            }
            self.edges &= !bit;
            if entry.level() {
                entry.0 |= Redirection::REMOTE_IRR;
            }
            if matches!(entry.mode(), DeliveryMode::Reserved | DeliveryMode::StartUp) {
                continue; // both encodings are reserved here
            }
            return Some(Delivery {
                vector: entry.vector(),
                mode: entry.mode(),
                dest: entry.destination(),
                logical: entry.logical(),
                level: entry.level(),
            });
        }
        None
    }

    /// An EOI for a level-triggered vector arrives, by broadcast or by the EOI register. Pins that
    /// are still asserted interrupt again.
    pub fn eoi(&mut self, vector: u8) {
        for entry in &mut self.redirection {
            if entry.vector() == vector {
                entry.0 &= !Redirection::REMOTE_IRR;
            }
        }
    }
}
