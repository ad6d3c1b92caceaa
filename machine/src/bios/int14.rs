//! INT 14h: COM1, which is the only serial port.
//!
//! Follows: IBM BIOS Interface Technical Reference, "INT 14H - Asynchronous Communications".

use super::{After, Call};
use crate::bios::call::reg;

/// COM1.
const BASE: u16 = 0x3f8;
const LINE_CONTROL: u16 = BASE + 3;
const LINE_STATUS: u16 = BASE + 5;
const MODEM_STATUS: u16 = BASE + 6;
/// Line control: the divisor is at the first two ports.
const DLAB: u8 = 0x80;
/// Line status: a byte has come in; one can be sent.
const DATA_READY: u8 = 1 << 0;
const THR_EMPTY: u8 = 1 << 5;
/// In AH: nothing came in time.
const TIME_OUT: u8 = 0x80;
/// Divisors of 110 to 9,600 baud, as AL numbers them in bits 7-5.
const DIVISORS: [u16; 8] = [1047, 768, 384, 192, 96, 48, 24, 12];

impl Call<'_> {
    pub(super) fn int14(&mut self) -> After {
        if self.word(reg::RDX) != 0 {
            self.set_ah(TIME_OUT); // no such port
            return After::GoOn;
        }
        match self.ah() {
            0x00 => {
                let al = self.al();
                let [low, high] = DIVISORS[usize::from(al >> 5)].to_le_bytes();
                self.outb(LINE_CONTROL, DLAB);
                self.outb(BASE, low);
                self.outb(BASE + 1, high);
                self.outb(LINE_CONTROL, al & 0x1f);
                self.tell_serial_status();
            }
            0x01 => {
                let ready = self.inb(LINE_STATUS);
                let al = self.al();
                self.outb(BASE, al);
                self.set_ah(ready & !TIME_OUT);
            }
            0x02 => match self.take_serial_byte() {
                Some(byte) => {
                    self.set_al(byte);
                    self.set_ah(0);
                }
                None => self.set_ah(TIME_OUT),
            },
            0x03 => self.tell_serial_status(),
            _ => return self.unknown(),
        }
        After::GoOn
    }

    fn tell_serial_status(&mut self) {
        let status = self.inb(LINE_STATUS);
        self.set_ah(status);
        let status = self.inb(MODEM_STATUS);
        self.set_al(status);
    }

    /// A byte that came in at COM1, unless its divisor is being set.
    pub(super) fn take_serial_byte(&mut self) -> Option<u8> {
        let ready = self.inb(LINE_STATUS) & DATA_READY != 0;
        (ready && self.inb(LINE_CONTROL) & DLAB == 0).then(|| self.inb(BASE))
    }

    /// Sends a byte to COM1, unless its divisor is being set or it has no room.
    pub(super) fn send_serial_byte(&mut self, byte: u8) {
        let free = self.inb(LINE_STATUS) & THR_EMPTY != 0;
        if free && self.inb(LINE_CONTROL) & DLAB == 0 {
            self.outb(BASE, byte);
        }
    }
}
