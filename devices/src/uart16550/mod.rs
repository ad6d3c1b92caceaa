//! 16550A serial port with its 16-byte FIFOs.
//!
//! Follows: National Semiconductor PC16550D datasheet. Eight registers, offsets 0-7. Guest output is
//! collected until the board takes it ([`Uart16550::take_output`]); input is pushed with
//! [`Uart16550::receive`]; [`Uart16550::irq`] is the interrupt line of the PC, gated by OUT2.
//!
//! Not modelled: time. A byte is sent the moment it is written, so THR is always empty; the character
//! timeout (4 character times of silence) is immediate. The divisor and the line format read back
//! and change nothing. No break, parity or framing error arises; no DMA pins.

pub mod spec;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};
use spec::{fcr, ier, iir, lcr, lsr, mcr, msr};
use std::collections::VecDeque;

/// Depth of the receiver FIFO in bytes.
pub const FIFO_BYTES: usize = 16;
/// Sent bytes kept for a board that does not take them; later ones are lost. A board that empties
/// the output after each write sees every byte.
pub const OUTPUT_BYTES_MAX: usize = 4096;

/// One 16550A.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Uart16550 {
    // Pins
    /// CTS, DSR, RI, DCD from the outside, in the bits of the MSR.
    modem_inputs: u8,

    // Registers
    ier: u8,
    lcr: u8,
    mcr: u8,
    scr: u8,
    dll: u8,
    dlm: u8,
    fifos_on: bool,
    trigger_bytes: u8,
    overrun: bool,
    /// Bits 3-0 of the MSR.
    modem_deltas: u8,
    /// The THRE interrupt is due: set when THR empties or ETBEI rises, cleared by reading it.
    thr_empty_due: bool,

    // Data
    received: VecDeque<u8>,
    output: VecDeque<u8>,
}

impl Default for Uart16550 {
    fn default() -> Self {
        Self::new()
    }
}

impl Uart16550 {
    /// Power-on with a terminal attached: CTS, DSR and DCD are on. The divisor, undefined in the
    /// datasheet, is that of 9600 baud.
    pub const fn new() -> Self {
        Self {
            modem_inputs: msr::CTS | msr::DSR | msr::DCD,
            ier: 0,
            lcr: 0,
            mcr: 0,
            scr: 0,
            dll: 0x0c,
            dlm: 0,
            fifos_on: false,
            trigger_bytes: 1,
            overrun: false,
            modem_deltas: 0,
            thr_empty_due: false,
            received: VecDeque::new(),
            output: VecDeque::new(),
        }
    }

    /// Master reset: PC16550D datasheet, "Table I. UART Reset Configuration". Divisor and scratch
    /// register survive, and so do sent bytes that the board has not taken yet.
    pub fn reset(&mut self) {
        *self = Self {
            modem_inputs: self.modem_inputs,
            scr: self.scr,
            dll: self.dll,
            dlm: self.dlm,
            output: std::mem::take(&mut self.output),
            ..Self::new()
        };
    }

    /// Reads the register at `offset` (bits 2-0).
    pub fn read(&mut self, offset: u8) -> u8 {
        match (offset & 7, self.lcr & lcr::DLAB != 0) {
            (0, true) => self.dll,
            (0, false) => self.received.pop_front().unwrap_or(0),
            (1, true) => self.dlm,
            (1, false) => self.ier,
            // Whatever LCR says: a 16650 would show its EFR here for LCR = 0xbf.
            (2, _) => self.read_iir(),
            (3, _) => self.lcr,
            (4, _) => self.mcr,
            (5, _) => self.read_lsr(),
            (6, _) => self.read_msr(),
            (_, _) => self.scr,
        }
    }

    /// Writes the register at `offset` (bits 2-0).
    pub fn write(&mut self, offset: u8, value: u8) {
        match (offset & 7, self.lcr & lcr::DLAB != 0) {
            (0, true) => self.dll = value,
            (0, false) => self.transmit(value),
            (1, true) => self.dlm = value,
            (1, false) => self.write_ier(value),
            (2, _) => self.write_fcr(value),
            (3, _) => self.lcr = value,
            (4, _) => self.write_mcr(value),
            // LSR is "intended for read operations only"; MSR writes are factory tests.
            (5 | 6, _) => {}
            (_, _) => self.scr = value,
        }
    }

    /// The interrupt line: INTR of the chip, which a PC passes on only while OUT2 is active. In
    /// loopback the OUT2 pin is inactive: PC16550D datasheet, "Modem Control Register", bit 4.
    #[inline]
    pub fn irq(&self) -> bool {
        self.mcr & (mcr::OUT2 | mcr::LOOP) == mcr::OUT2 && self.interrupt() != iir::NONE
    }

    /// True if a write to the register at `offset` ends the interrupt on the line: a byte for THR ends
    /// THRE until it is sent (PC16550D datasheet, "Table V. Interrupt Control Functions"), here for no
    /// time at all. A board with edge-triggered inputs lets the line fall for such a write.
    #[inline]
    pub fn write_ends_interrupt(&self, offset: u8) -> bool {
        let to_thr = offset & 7 == 0 && self.lcr & lcr::DLAB == 0;
        to_thr && self.irq() && self.interrupt() == iir::THR_EMPTY
    }

    /// The oldest byte the guest sent and nobody has taken yet.
    #[inline]
    pub fn take_output(&mut self) -> Option<u8> {
        self.output.pop_front()
    }

    /// One byte arrives from the line. `false`: the receiver is full (or in loopback, where the line
    /// is disconnected), and the caller keeps the byte for later, as a sender under RTS/CTS would.
    pub fn receive(&mut self, byte: u8) -> bool {
        if self.mcr & mcr::LOOP != 0 || self.received.len() >= self.capacity() {
            return false;
        }
        self.received.push_back(byte);
        true
    }

    /// Whether [`Self::receive`] would take a byte now.
    pub fn can_receive(&self) -> bool {
        self.mcr & mcr::LOOP == 0 && self.received.len() < self.capacity()
    }

    /// Drives the four modem inputs; `levels` in the bits of [`spec::msr`] 7-4.
    pub fn set_modem_inputs(&mut self, levels: u8) {
        let before = self.modem_status();
        self.modem_inputs = levels & 0xf0;
        self.note_modem_change(before);
    }

    fn capacity(&self) -> usize {
        if self.fifos_on { FIFO_BYTES } else { 1 }
    }

    fn transmit(&mut self, byte: u8) {
        if self.mcr & mcr::LOOP != 0 {
            self.loop_back(byte);
        } else if self.output.len() < OUTPUT_BYTES_MAX {
            self.output.push_back(byte);
        }
        // Sent at once: THR is empty again, which is what the interrupt reports.
        self.thr_empty_due = true;
    }

    /// A full FIFO keeps its bytes and loses the new one; the single RBR is overwritten:
    /// PC16550D datasheet, "Line Status Register", bit 1.
    fn loop_back(&mut self, byte: u8) {
        if self.received.len() >= self.capacity() {
            self.overrun = true;
            if self.fifos_on {
                return;
            }
            self.received.clear();
        }
        self.received.push_back(byte);
    }

    /// ETBEI turned on while THR is empty asks at once: that is how every driver starts sending.
    fn write_ier(&mut self, value: u8) {
        let risen = value & !self.ier;
        self.ier = value & ier::MASK;
        if risen & ier::THR_EMPTY != 0 {
            self.thr_empty_due = true;
        }
    }

    fn write_fcr(&mut self, value: u8) {
        let fifos_on = value & fcr::ENABLE != 0;
        if fifos_on != self.fifos_on || (fifos_on && value & fcr::CLEAR_RX != 0) {
            self.received.clear();
        }
        self.fifos_on = fifos_on;
        // The other bits are not programmed unless bit 0 is set in the same write.
        if fifos_on {
            self.trigger_bytes = fcr::TRIGGER_LEVELS[usize::from(value >> 6)] as u8;
        }
    }

    fn write_mcr(&mut self, value: u8) {
        let before = self.modem_status();
        self.mcr = value & mcr::MASK;
        self.note_modem_change(before);
    }

    /// Reading reports the highest pending interrupt, and withdraws THRE if that is the one.
    fn read_iir(&mut self) -> u8 {
        let interrupt = self.interrupt();
        if interrupt == iir::THR_EMPTY {
            self.thr_empty_due = false;
        }
        if self.fifos_on { interrupt | iir::FIFOS_ON } else { interrupt }
    }

    fn read_lsr(&mut self) -> u8 {
        let mut value = lsr::THR_EMPTY | lsr::TX_EMPTY;
        if !self.received.is_empty() {
            value |= lsr::DATA_READY;
        }
        if std::mem::take(&mut self.overrun) {
            value |= lsr::OVERRUN;
        }
        value
    }

    fn read_msr(&mut self) -> u8 {
        self.modem_status() | std::mem::take(&mut self.modem_deltas)
    }

    /// The four inputs; in loopback the outputs RTS, DTR, OUT1, OUT2 take their place.
    fn modem_status(&self) -> u8 {
        if self.mcr & mcr::LOOP == 0 {
            return self.modem_inputs;
        }
        let wires = [
            (mcr::RTS, msr::CTS),
            (mcr::DTR, msr::DSR),
            (mcr::OUT1, msr::RI),
            (mcr::OUT2, msr::DCD),
        ];
        wires
            .iter()
            .filter(|(out, _)| self.mcr & out != 0)
            .fold(0, |status, (_, input)| status | input)
    }

    fn note_modem_change(&mut self, before: u8) {
        let now = self.modem_status();
        let changed = before ^ now;
        let deltas = [
            (changed & msr::CTS, msr::DELTA_CTS),
            (changed & msr::DSR, msr::DELTA_DSR),
            (changed & before & msr::RI, msr::TRAILING_RI), // only its end counts
            (changed & msr::DCD, msr::DELTA_DCD),
        ];
        for (_, delta) in deltas.iter().filter(|(change, _)| *change != 0) {
            self.modem_deltas |= delta;
        }
    }

    /// The pending interrupt of the highest priority: PC16550D datasheet, "Table V. Interrupt
    /// Control Functions".
    fn interrupt(&self) -> u8 {
        let on = |bit: u8| self.ier & bit != 0;
        if on(ier::LINE_STATUS) && self.overrun {
            iir::LINE_STATUS
        } else if on(ier::RECEIVED_DATA) && !self.received.is_empty() {
            let due = !self.fifos_on || self.received.len() >= usize::from(self.trigger_bytes);
            if due { iir::RECEIVED_DATA } else { iir::TIMEOUT }
        } else if on(ier::THR_EMPTY) && self.thr_empty_due {
            iir::THR_EMPTY
        } else if on(ier::MODEM_STATUS) && self.modem_deltas != 0 {
            iir::MODEM_STATUS
        } else {
            iir::NONE
        }
    }
}
