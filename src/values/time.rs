//! The value of `--rtc-base`: a time of the Gregorian calendar, without time zones and leap seconds.

use super::{Parsed, number};
use crate::failure::BadValue;

/// Seconds since 1970-01-01T00:00:00, for the clock chip.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct UnixTime(pub(crate) u64);

/// `2020-01-01`, `2020-01-01T00:00:00`, `@SECONDS`, or `utc` for the host's clock.
pub(crate) fn time(text: &str) -> Parsed<UnixTime> {
    let hint = "write 2020-01-01T00:00:00, @SECONDS since 1970, or utc for the host's clock";
    if text == "utc" {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        return Ok(UnixTime(now.map_or(0, |now| now.as_secs())));
    }
    let parsed = match text.strip_prefix('@') {
        Some(seconds) => number(seconds).ok().and_then(|seconds| i64::try_from(seconds).ok()),
        None => calendar(text),
    };
    match parsed {
        // The clock chip has two digits for the century and two for the year.
        Some(seconds) if (0..253_402_300_800).contains(&seconds) => {
            Ok(UnixTime(seconds.unsigned_abs()))
        }
        _ => Err(BadValue::new("not a time from 1970 to 9999", hint)),
    }
}

/// Seconds since 1970 of `YYYY-MM-DD[THH:MM:SS]` in the Gregorian calendar.
fn calendar(text: &str) -> Option<i64> {
    let text = text.strip_suffix('Z').unwrap_or(text);
    let (date, clock) = text.split_once(['T', ' ']).unwrap_or((text, "00:00:00"));
    let [year, month, day] = fields(date, '-')?;
    let [hour, minute, second] = fields(clock, ':')?;
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let lengths = [31, if leap { 29 } else { 28 }, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let &length = lengths.get(usize::try_from(month - 1).ok()?)?;
    let valid = (1970..=9999).contains(&year)
        && (1..=length).contains(&day)
        && (0..24).contains(&hour)
        && (0..60).contains(&minute)
        && (0..60).contains(&second);
    let before = |year: i64| year * 365 + year / 4 - year / 100 + year / 400;
    let days = before(year - 1) - before(1969)
        + lengths.iter().take(month as usize - 1).sum::<i64>()
        + day
        - 1;
    valid.then_some(days * 86_400 + hour * 3_600 + minute * 60 + second)
}

fn fields(text: &str, separator: char) -> Option<[i64; 3]> {
    let mut parts = text.split(separator).map(|part| {
        let digits = (1..=4).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit());
        if digits { part.parse().ok() } else { None }
    });
    let fields = [parts.next()??, parts.next()??, parts.next()??];
    parts.next().is_none().then_some(fields)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The seconds are those of `date -u -d ... +%s`.
    #[test]
    fn times_are_seconds_since_1970() {
        for (text, seconds) in [
            ("1970-01-01", 0),
            ("2020-01-01T00:00:00", 1_577_836_800),
            ("2000-02-29 12:34:56", 951_827_696),
            ("2100-03-01", 4_107_542_400),
            ("@1577836800", 1_577_836_800),
        ] {
            assert_eq!(time(text), Ok(UnixTime(seconds)), "{text}");
        }
        for text in [
            "1969-12-31",
            "2021-02-29",
            "2020-13-01",
            "2020-00-10",
            "2020-01-01T24:00:00",
            "x",
            "2020",
        ] {
            assert!(time(text).is_err(), "{text}");
        }
    }
}
