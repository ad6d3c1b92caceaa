//! The calendar: bytes of the time registers to numbers and back, and the passing of seconds.
//!
//! Gregorian leap years. The MC146818 knows only "every fourth year", right from 1901 to 2099; a PC's
//! century byte is what makes the difference matter.

use super::spec::b;

/// Seconds in a day.
pub(super) const DAY_S: u32 = 86_400;

/// A point of calendar time. The day of the week is counted apart: the chip never derives it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Calendar {
    /// Full year, 0-9999.
    pub year: u32,
    /// 1-12.
    pub month: u32,
    /// 1-31.
    pub day: u32,
    /// 0-86,399.
    pub second_of_day: u32,
    /// 1 (Sunday) to 7.
    pub day_of_week: u32,
}

impl Calendar {
    /// From seconds since 1970-01-01T00:00:00; stays within the years the registers can hold.
    pub(super) fn from_unix(seconds: u64) -> Self {
        const YEAR_9999_END: u64 = 253_402_300_799;
        let seconds = seconds.min(YEAR_9999_END);
        let days = seconds / u64::from(DAY_S);
        let epoch = Self { year: 1970, month: 1, day: 1, second_of_day: 0, day_of_week: 5 };
        let (year, month, day) = civil(days_before(&epoch) + days);
        Self {
            year,
            month,
            day,
            second_of_day: (seconds % u64::from(DAY_S)) as u32,
            day_of_week: ((days + 4) % 7) as u32 + 1,
        }
    }

    /// This time, `seconds` later. The year wraps from 9999 to 0, as two pairs of digits do.
    pub(super) fn after(&self, seconds: u64) -> Self {
        let total = u64::from(self.second_of_day) + seconds % CYCLE_S;
        let days = total / u64::from(DAY_S);
        let (year, month, day) = civil((days_before(self) + days) % CYCLE_DAYS);
        Self {
            year,
            month,
            day,
            second_of_day: (total % u64::from(DAY_S)) as u32,
            day_of_week: ((u64::from(self.day_of_week) - 1 + days) % 7) as u32 + 1,
        }
    }
}

/// Days in the 10,000 years that four digits can tell; a multiple of 7, so weekdays repeat too.
const CYCLE_DAYS: u64 = 25 * 146_097;
const CYCLE_S: u64 = CYCLE_DAYS * DAY_S as u64;

const fn is_leap(year: u64) -> bool {
    year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
}

const fn days_in_month(year: u64, month: u64) -> u64 {
    match month {
        2 => 28 + is_leap(year) as u64,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days from 0000-01-01 to the first of January of `year`.
const fn days_before_year(year: u64) -> u64 {
    let full = year.saturating_sub(1);
    let leaps = if year == 0 { 0 } else { full / 4 - full / 100 + full / 400 + 1 };
    year * 365 + leaps
}

/// Days from 0000-01-01 to the date.
fn days_before(date: &Calendar) -> u64 {
    let year = u64::from(date.year);
    let months: u64 = (1..u64::from(date.month)).map(|month| days_in_month(year, month)).sum();
    days_before_year(year) + months + u64::from(date.day) - 1
}

/// The date `days` after 0000-01-01.
fn civil(mut days: u64) -> (u32, u32, u32) {
    let mut year = days / 366;
    while days_before_year(year + 1) <= days {
        year += 1;
    }
    days -= days_before_year(year);
    let mut month = 1;
    while days >= days_in_month(year, month) {
        days -= days_in_month(year, month);
        month += 1;
    }
    (year as u32, month as u32, days as u32 + 1)
}

/// The format register B selects: DM and 24/12.
#[derive(Clone, Copy)]
pub(super) struct Format(pub u8);

impl Format {
    /// A number below 100 as the registers hold it.
    pub(super) const fn encode(self, value: u32) -> u8 {
        if self.0 & b::DM != 0 { value as u8 } else { (value / 10 % 10 * 16 + value % 10) as u8 }
    }

    /// The number a register holds; a digit above 9 counts as its value.
    pub(super) const fn decode(self, byte: u8) -> u32 {
        let byte = byte as u32;
        if self.0 & b::DM != 0 { byte } else { (byte >> 4) * 10 + (byte & 0xf) }
    }

    /// An hour of 0-23 as the registers hold it.
    pub(super) const fn encode_hour(self, hour: u32) -> u8 {
        if self.0 & b::HOURS_24 != 0 {
            return self.encode(hour);
        }
        let twelve = if hour.is_multiple_of(12) { 12 } else { hour % 12 };
        let pm = if hour >= 12 { 0x80 } else { 0 };
        self.encode(twelve) | pm
    }

    /// The hour a register holds.
    pub(super) const fn decode_hour(self, byte: u8) -> u32 {
        if self.0 & b::HOURS_24 != 0 {
            return self.decode(byte);
        }
        let pm = if byte & 0x80 != 0 { 12 } else { 0 };
        self.decode(byte & 0x7f) % 12 + pm
    }
}
