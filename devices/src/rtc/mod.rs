//! MC146818 real-time clock with 128 bytes of CMOS RAM, as behind ports 0x70 and 0x71.
//!
//! Follows: Motorola MC146818 datasheet (1984); the second 64 bytes and the century byte 0x32 are
//! those of later PC chips. The time lives in the registers themselves: once a second the update
//! cycle decodes them in the format of register B, adds one and writes them back, so a guest that
//! changes the format must set the time anew, as on silicon.
//!
//! Time: the divider is clocked by the 32,768 Hz crystal and counted exactly from the moment it was
//! released. An update ends (new time, UF, AF) on the whole second; UIP is high for the 2,228 us
//! before: 244 us of warning and 1,984 us of update cycle.
//!
//! Listeners: [`Rtc::next_event`] names the next rise of the interrupt line and nothing else; UIP and
//! the flags are computed when read.
//!
//! Not modelled: other crystals (with DV other than 010 the divider stands still), daylight saving
//! (DSE reads back), the SQW pin, undefined time bytes during the update cycle (the old ones are
//! read), power failure.

mod calendar;
pub mod spec;
#[cfg(test)]
mod tests;

use arch::time::{Instant, Ratio};
use calendar::{Calendar, DAY_S, Format};
use serde::{Deserialize, Serialize};
use spec::{a, b, c, d, register};

/// The crystal.
pub const CLOCK: Ratio = Ratio::hz(32_768);
/// 2020-01-01T00:00:00, the time at power-on unless another one is set, in seconds since 1970.
pub const DEFAULT_START_UNIX_S: u64 = 1_577_836_800;

const TICKS_PER_S: u64 = 32_768;
/// Update cycle, 1,984 us: datasheet, "Update Cycle", 32.768 kHz time base.
const UPDATE_TICKS: u64 = 65;
/// UIP rises 244 us before the update cycle begins.
const UIP_TICKS: u64 = UPDATE_TICKS + 8;
/// The divider at its release: the first update cycle begins half a second later.
const RELEASED_AT_TICK: u64 = TICKS_PER_S / 2 - UPDATE_TICKS;
/// Bit 7 of port 0x70 masks NMI.
const NMI_MASK: u8 = 0x80;
/// Alarm bytes from 0xc0 match every value.
const DONT_CARE: u8 = 0xc0;

/// One clock with its RAM.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rtc {
    /// Port 0x70: register number and NMI mask.
    index: u8,
    /// All 128 bytes, 32 to a row; registers A, C and D are kept apart or computed.
    cmos: [[u8; 32]; 4],
    /// Bits 6-4 of register C.
    flags: u8,

    // Time
    now: Instant,
    /// When the divider last began to run, and at which tick of a second.
    divider_start: Instant,
    divider_start_tick: u64,
}

impl Default for Rtc {
    fn default() -> Self {
        Self::new()
    }
}

impl Rtc {
    /// Power-on with a good battery: 24-hour BCD, no interrupt enabled, CMOS zero, time
    /// [`DEFAULT_START_UNIX_S`].
    pub fn new() -> Self {
        let mut rtc = Self {
            index: 0,
            cmos: [[0; 32]; 4],
            flags: 0,
            now: Instant::ZERO,
            divider_start: Instant::ZERO,
            divider_start_tick: 0,
        };
        rtc.set_cmos(register::A, a::DV_32768_HZ | 6);
        rtc.set_cmos(register::B, b::HOURS_24);
        rtc.set_time(DEFAULT_START_UNIX_S);
        rtc
    }

    /// The reset pin: datasheet, "RESET". Interrupts are disabled and forgotten; time, RAM and the
    /// rest of the registers stay.
    pub fn reset(&mut self) {
        self.flags = 0;
        let kept = self.cmos(register::B) & !(b::PIE | b::AIE | b::UIE | b::SQWE);
        self.set_cmos(register::B, kept);
    }

    /// Sets the time registers, in seconds since 1970-01-01T00:00:00.
    pub fn set_time(&mut self, unix_s: u64) {
        self.write_calendar(&Calendar::from_unix(unix_s));
    }

    /// A byte of CMOS as it lies there, without side effects: what firmware and machine agree on.
    pub const fn cmos(&self, index: u8) -> u8 {
        self.cmos[(index >> 5 & 3) as usize][(index & 0x1f) as usize]
    }

    /// Presets a byte of CMOS, as if it had been kept by the battery.
    pub const fn set_cmos(&mut self, index: u8, value: u8) {
        self.cmos[(index >> 5 & 3) as usize][(index & 0x1f) as usize] = value;
    }

    /// Whether the guest has masked NMI through bit 7 of port 0x70.
    pub const fn nmi_masked(&self) -> bool {
        self.index & NMI_MASK != 0
    }

    /// Reads port 0x70 + `offset` (bit 0). The index cannot be read back.
    pub fn read(&mut self, offset: u8) -> u8 {
        if offset & 1 == 0 {
            return 0xff;
        }
        let index = self.index & !NMI_MASK;
        match index {
            register::A if self.update_in_progress() => self.cmos(index) | a::UIP,
            register::C => {
                let irqf = if self.irq() { c::IRQF } else { 0 };
                irqf | std::mem::take(&mut self.flags)
            }
            register::D => d::VRT,
            _ => self.cmos(index),
        }
    }

    /// Writes port 0x70 + `offset` (bit 0).
    pub fn write(&mut self, offset: u8, value: u8) {
        if offset & 1 == 0 {
            self.index = value;
            return;
        }
        let index = self.index & !NMI_MASK;
        match index {
            register::A => self.write_a(value),
            // SET ends the update in progress and clears UIE: datasheet, "Register B".
            register::B if value & b::SET != 0 => self.set_cmos(index, value & !b::UIE),
            register::C | register::D => {}
            _ => self.set_cmos(index, value),
        }
    }

    /// The interrupt line (IRQ 8): any flag with its enable.
    pub const fn irq(&self) -> bool {
        self.flags & self.cmos(register::B) & (c::PF | c::AF | c::UF) != 0
    }

    /// Brings the device to `now`; earlier instants change nothing.
    pub fn advance(&mut self, now: Instant) {
        if now <= self.now {
            return;
        }
        let before = self.divider();
        self.now = now;
        let Some((before, after)) = before.zip(self.divider()) else { return };
        if let Some(period) = self.periodic_ticks()
            && after / period > before / period
        {
            self.flags |= c::PF;
        }
        let updates = after / TICKS_PER_S - before / TICKS_PER_S;
        if updates > 0 && !self.is_set() {
            self.update(updates);
        }
    }

    /// When the interrupt line rises next, if the guest leaves it to itself.
    pub fn next_event(&self) -> Option<Instant> {
        if self.irq() {
            return None;
        }
        let divider = self.divider()?;
        let enabled = |bit: u8| self.cmos(register::B) & bit != 0;
        let update_after = |updates: u64| {
            (divider / TICKS_PER_S).saturating_add(updates).saturating_mul(TICKS_PER_S)
        };
        let periodic = self
            .periodic_ticks()
            .filter(|_| enabled(b::PIE))
            .map(|period| (divider / period + 1).saturating_mul(period));
        let updates = !self.is_set();
        let update = (updates && enabled(b::UIE)).then(|| update_after(1));
        let alarm = (updates && enabled(b::AIE))
            .then(|| self.updates_to_alarm())
            .flatten()
            .map(update_after);
        [periodic, update, alarm].into_iter().flatten().min().map(|tick| self.instant_of(tick))
    }

    /// Ticks of the running divider, such that updates end at whole seconds of ticks. `None` while
    /// it is held in reset.
    fn divider(&self) -> Option<u64> {
        let runs = self.cmos(register::A) & a::DV == a::DV_32768_HZ;
        let ticks = CLOCK.ticks(self.now.since(self.divider_start));
        runs.then(|| ticks.saturating_add(self.divider_start_tick))
    }

    /// The first instant at which the divider shows `tick`.
    fn instant_of(&self, tick: u64) -> Instant {
        self.divider_start.after(CLOCK.ns(tick.saturating_sub(self.divider_start_tick)))
    }

    fn is_set(&self) -> bool {
        self.cmos(register::B) & b::SET != 0
    }

    fn update_in_progress(&self) -> bool {
        let tick = self.divider().map(|divider| divider % TICKS_PER_S);
        !self.is_set() && tick.is_some_and(|tick| tick >= TICKS_PER_S - UIP_TICKS)
    }

    /// Period of the periodic interrupt: datasheet, "Table 5. Periodic Interrupt Rate", 32.768 kHz.
    fn periodic_ticks(&self) -> Option<u64> {
        match self.cmos(register::A) & a::RS {
            0 => None,
            rate @ 1..=2 => Some(1 << (rate + 6)), // 256 Hz and 128 Hz, as rates 8 and 9
            rate => Some(1 << (rate - 1)),
        }
    }

    fn write_a(&mut self, value: u8) {
        let ran = self.divider().is_some();
        self.set_cmos(register::A, value & !a::UIP);
        let runs = value & a::DV == a::DV_32768_HZ;
        if runs && !ran {
            self.divider_start = self.now;
            self.divider_start_tick = RELEASED_AT_TICK;
        }
    }

    /// Ends `updates` update cycles at once.
    fn update(&mut self, updates: u64) {
        self.flags |= c::UF;
        if self.updates_to_alarm().is_some_and(|due| due <= updates) {
            self.flags |= c::AF;
        }
        let later = self.calendar().after(updates);
        self.write_calendar(&later);
    }

    fn format(&self) -> Format {
        Format(self.cmos(register::B))
    }

    /// The time registers as numbers; values no calendar has are taken to the nearest one.
    fn calendar(&self) -> Calendar {
        let format = self.format();
        let number =
            |index: u8, least: u32, most: u32| format.decode(self.cmos(index)).clamp(least, most);
        let hour = format.decode_hour(self.cmos(register::HOURS)).min(23);
        let century = number(register::CENTURY, 0, 99);
        Calendar {
            year: century * 100 + number(register::YEAR, 0, 99),
            month: number(register::MONTH, 1, 12),
            day: number(register::DAY_OF_MONTH, 1, 31),
            second_of_day: hour * 3600
                + number(register::MINUTES, 0, 59) * 60
                + number(register::SECONDS, 0, 59),
            day_of_week: number(register::DAY_OF_WEEK, 1, 7),
        }
    }

    fn write_calendar(&mut self, time: &Calendar) {
        let format = self.format();
        let second = time.second_of_day;
        let bytes = [
            (register::SECONDS, format.encode(second % 60)),
            (register::MINUTES, format.encode(second / 60 % 60)),
            (register::HOURS, format.encode_hour(second / 3600)),
            (register::DAY_OF_WEEK, format.encode(time.day_of_week)),
            (register::DAY_OF_MONTH, format.encode(time.day)),
            (register::MONTH, format.encode(time.month)),
            (register::YEAR, format.encode(time.year % 100)),
            (register::CENTURY, format.encode(time.year / 100)),
        ];
        for (index, byte) in bytes {
            self.set_cmos(index, byte);
        }
    }

    /// After how many update cycles, 1 to a day, the time matches the alarm bytes. `None`: never.
    fn updates_to_alarm(&self) -> Option<u64> {
        let format = self.format();
        let wanted = |index: u8| {
            let byte = self.cmos(index);
            (byte < DONT_CARE).then_some(byte)
        };
        let (hour, minute, second) = (
            wanted(register::HOURS_ALARM),
            wanted(register::MINUTES_ALARM),
            wanted(register::SECONDS_ALARM),
        );
        let matches = |wanted: Option<u8>, byte: u8| wanted.is_none_or(|it| it == byte);
        let start = self.calendar().second_of_day + 1;
        let mut at = start;
        // Skips whole hours and minutes that cannot match: at most 25 + 60 + 60 steps.
        while at < start + DAY_S {
            if !matches(hour, format.encode_hour(at / 3600 % 24)) {
                at = (at / 3600 + 1) * 3600;
            } else if !matches(minute, format.encode(at / 60 % 60)) {
                at = (at / 60 + 1) * 60;
            } else if !matches(second, format.encode(at % 60)) {
                at += 1;
            } else {
                return Some(u64::from(at - start + 1));
            }
        }
        None
    }
}
