//! INT 1Ah: ticks and the clock of the wall; INT 08h: a tick; INT 70h: the real-time clock's interrupt.
//!
//! Follows: IBM BIOS Interface Technical Reference, "INT 1AH - Real-Time Clock and Time of Day". A tick is
//! 65536 periods of the 8254's clock. The numbers of 02h to 05h are as the chip has them, which a BIOS leaves
//! in BCD and 24 hours.

use super::{After, Call};
use crate::bios::call::reg;
use crate::board::Board;
use crate::clock::Timed;
use boot::bios::bda;
use devices::rtc::spec::{b, register};

/// Ticks of a day.
const TICKS_A_DAY: u32 = 0x18_00b0;
/// The 8254's clock in Hz and the count of a tick.
const PIT_HZ: u64 = 1_193_182;
const PIT_COUNT: u64 = 0x1_0000;

/// Ticks since midnight, by the real-time clock.
pub(super) fn ticks_of_day(board: &mut Board) -> u32 {
    board.bring(Timed::Rtc);
    let binary = |index| {
        let bcd = board.rtc.cmos(index);
        u64::from(bcd >> 4) * 10 + u64::from(bcd & 0xf)
    };
    let (hours, minutes) = (binary(register::HOURS), binary(register::MINUTES));
    let seconds = hours * 3600 + minutes * 60 + binary(register::SECONDS);
    (seconds * PIT_HZ / PIT_COUNT) as u32
}

impl Call<'_> {
    pub(super) fn int1a(&mut self) -> After {
        match self.ah() {
            0x00 => {
                let (ticks, passed) = (self.bda32(bda::TICKS), self.bda8(bda::MIDNIGHT));
                self.set_bda8(bda::MIDNIGHT, 0);
                self.set_word(reg::RCX, (ticks >> 16) as u16);
                self.set_word(reg::RDX, ticks as u16);
                self.set_al(passed);
                self.set_ah(0);
            }
            0x01 => {
                let high = u32::from(self.word(reg::RCX)) << 16;
                let ticks = high | u32::from(self.word(reg::RDX));
                self.set_bda32(bda::TICKS, ticks);
                self.set_bda8(bda::MIDNIGHT, 0);
                self.set_ah(0);
            }
            0x02 => self.tell_time(),
            0x03 => self.set_time(),
            0x04 => self.tell_date(),
            0x05 => self.set_date(),
            // Without firmware there is no PCI, and nobody who could be asked for it.
            _ => return self.unknown(),
        }
        self.succeed();
        After::GoOn
    }

    fn cmos(&mut self, index: u8) -> u8 {
        self.board.bring(Timed::Rtc);
        self.board.rtc.cmos(index)
    }

    fn set_cmos(&mut self, index: u8, value: u8) {
        self.outb(0x70, index);
        self.outb(0x71, value);
    }

    fn tell_time(&mut self) {
        let [hours, minutes, seconds, b] =
            [register::HOURS, register::MINUTES, register::SECONDS, register::B]
                .map(|index| self.cmos(index));
        self.set_high(reg::RCX, hours);
        self.set_low(reg::RCX, minutes);
        self.set_high(reg::RDX, seconds);
        self.set_low(reg::RDX, b & 1); // daylight saving
        self.set_ah(0);
        self.set_al(hours);
    }

    fn tell_date(&mut self) {
        let [century, year, month, day] =
            [register::CENTURY, register::YEAR, register::MONTH, register::DAY_OF_MONTH]
                .map(|index| self.cmos(index));
        self.set_high(reg::RCX, century);
        self.set_low(reg::RCX, year);
        self.set_high(reg::RDX, month);
        self.set_low(reg::RDX, day);
        self.set_ah(0);
        self.set_al(century);
    }

    fn set_time(&mut self) {
        let (hours, minutes) = (self.high(reg::RCX), self.low(reg::RCX));
        let seconds = self.high(reg::RDX);
        self.set_clock(&[
            (register::HOURS, hours),
            (register::MINUTES, minutes),
            (register::SECONDS, seconds),
        ]);
    }

    fn set_date(&mut self) {
        let (century, year) = (self.high(reg::RCX), self.low(reg::RCX));
        let (month, day) = (self.high(reg::RDX), self.low(reg::RDX));
        self.set_clock(&[
            (register::CENTURY, century),
            (register::YEAR, year),
            (register::MONTH, month),
            (register::DAY_OF_MONTH, day),
        ]);
    }

    /// Writes time registers while updates are held.
    fn set_clock(&mut self, values: &[(u8, u8)]) {
        let before = self.cmos(register::B);
        self.set_cmos(register::B, before | b::SET);
        for &(index, value) in values {
            self.set_cmos(index, value);
        }
        self.set_cmos(register::B, before & !b::SET);
        self.set_ah(0);
    }

    // ---- interrupts ----

    /// IRQ 0.
    pub(super) fn tick(&mut self) -> After {
        let ticks = self.bda32(bda::TICKS).wrapping_add(1);
        if ticks >= TICKS_A_DAY {
            self.set_bda8(bda::MIDNIGHT, 1);
        }
        self.set_bda32(bda::TICKS, if ticks >= TICKS_A_DAY { 0 } else { ticks });
        After::GoOn
    }

    /// IRQ 8: reading register C ends it.
    pub(super) fn clock(&mut self) -> After {
        self.outb(0x70, register::C);
        self.inb(0x71);
        After::GoOn
    }
}
