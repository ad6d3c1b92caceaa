//! The one door for the outside: what comes into the machine, and exactly when.
//!
//! Without input a run is a function of its configuration and its images. Everything else that can
//! influence it comes through here and is stamped with the place in the run where it arrived, so that
//! a record of the inputs repeats the run exactly.
//!
//! Serial bytes travel as on a cable: one at a time, at the pace of 115,200 baud with start and stop
//! bit, and they wait while the receiver is full, as with hardware flow control. Not modelled: other
//! line rates (the divisor that a guest programs is ignored).

use arch::time::Instant;
use devices::i8042::Stroke;
use devices::uart16550::Uart16550;
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// Ten bits at 115,200 baud, in nanoseconds.
const BYTE_NS: u64 = 86_806;

/// A place in a run. Instructions do not suffice: while the CPU is halted only time moves.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Debug, Serialize, Deserialize)]
pub struct Stamp {
    /// Instructions retired.
    pub retired: u64,
    /// Virtual time.
    pub now: Instant,
}

/// What was typed, and when.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Input {
    /// Where in the run they arrived.
    pub stamp: Stamp,
    /// Bytes at the serial console.
    pub serial: Vec<u8>,
    /// Strokes at the keyboard.
    pub keys: Vec<Stroke>,
}

/// What came in so far, and what a record says will come.
#[derive(Clone, Default, Debug)]
pub(crate) struct Inputs {
    record: Vec<Input>,
    replay: VecDeque<Input>,
}

impl Inputs {
    /// Notes an input that arrives now.
    pub(crate) fn note(&mut self, stamp: Stamp, serial: &[u8], keys: &[Stroke]) {
        self.record.push(Input { stamp, serial: serial.to_vec(), keys: keys.to_vec() });
    }

    /// All inputs so far, in order.
    pub(crate) fn record(&self) -> &[Input] {
        &self.record
    }

    /// Sets what will come by itself.
    pub(crate) fn replay(&mut self, inputs: Vec<Input>) {
        self.replay = inputs.into();
    }

    /// Takes the next input of the record if its place is reached.
    pub(crate) fn take_due(&mut self, stamp: Stamp) -> Option<Input> {
        if self.replay.front()?.stamp > stamp {
            return None;
        }
        self.replay.pop_front()
    }

    /// Instruction count at which the next input of the record comes, if one is to come later than
    /// `retired`.
    pub(crate) fn next_after(&self, retired: u64) -> Option<u64> {
        self.replay.front().map(|input| input.stamp.retired).filter(|&next| next > retired)
    }
}

/// The cable that ends at a serial port: bytes on their way to it.
#[derive(Clone, Default, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct SerialLine {
    waiting: VecDeque<u8>,
    /// When the next byte can be through.
    free_at: Instant,
}

impl SerialLine {
    /// Bytes are sent.
    pub(crate) fn send(&mut self, bytes: &[u8], now: Instant) {
        self.free_at = self.free_at.max(now);
        self.waiting.extend(bytes);
    }

    /// Bytes on their way.
    pub(crate) fn len(&self) -> usize {
        self.waiting.len()
    }

    /// True if no byte is on its way.
    pub(crate) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// When the next byte arrives; `None` while there is none or the receiver does not take it.
    pub(crate) fn next_event(&self, uart: &Uart16550) -> Option<Instant> {
        (!self.waiting.is_empty() && uart.can_receive()).then_some(self.free_at)
    }

    /// Delivers the byte that is due.
    pub(crate) fn advance(&mut self, now: Instant, uart: &mut Uart16550) {
        if now < self.free_at {
            return;
        }
        if let Some(&byte) = self.waiting.front()
            && uart.receive(byte)
        {
            self.waiting.pop_front();
            self.free_at = now.after(BYTE_NS);
        }
    }
}
