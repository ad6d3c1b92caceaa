//! Sizes of memory: libvirt's "Domain XML format", "Memory Allocation", attribute `unit`.

use crate::error::{Refusal, shown};
use crate::model::At;
use crate::words;

/// The letters of binary and decimal multiples, each a power above the one before.
const LETTERS: &[u8] = b"kmgtpe";
const HINT: &str =
    "units are b, KB, KiB (also k), MB, MiB (M), GB, GiB (G), TB, TiB (T); KiB if none";

/// Bytes of a unit; letters are the same in either case, as in libvirt.
fn bytes_of(unit: &str) -> Option<u64> {
    let unit = unit.to_ascii_lowercase();
    if matches!(&*unit, "b" | "byte" | "bytes") {
        return Some(1);
    }
    let (letter, rest) = unit.as_bytes().split_first()?;
    let base: u64 = match rest {
        b"" | b"ib" => 1024,
        b"b" => 1000,
        _ => return None,
    };
    let power = LETTERS.iter().position(|known| known == letter)?;
    base.checked_pow(power as u32 + 1)
}

/// A size in bytes of a number and its unit.
pub(crate) fn size(number: &At<String>, unit: Option<&At<String>>) -> Result<At<u64>, Refusal> {
    let factor = match unit {
        None => 1024,
        Some(unit) => bytes_of(unit).ok_or_else(|| {
            Refusal::new(unit.offset, format!("no unit of memory {}", shown(unit)), HINT)
        })?,
    };
    let value = words::number(number, "a size", u64::MAX)?;
    let size = value.checked_mul(factor).ok_or_else(|| {
        let what = format!("{} times {factor} bytes is more than 64 bits hold", value.value);
        Refusal::new(number.offset, what, HINT)
    })?;
    match size {
        0 => Err(Refusal::new(number.offset, "a machine without memory", "give it some")),
        _ => Ok(At::new(size, number.offset)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(number: &str, unit: Option<&str>) -> Option<u64> {
        let number = At::new(number.to_owned(), 0);
        let unit = unit.map(|unit| At::new(unit.to_owned(), 0));
        size(&number, unit.as_ref()).ok().map(|size| size.value)
    }

    /// The values are libvirt's documentation's.
    #[test]
    fn units_are_powers_of_1000_with_b_and_of_1024_with_ib_or_alone() {
        for (unit, bytes) in [
            ("b", 1),
            ("bytes", 1),
            ("KB", 1000),
            ("k", 1024),
            ("KiB", 1024),
            ("MB", 1_000_000),
            ("M", 1 << 20),
            ("MiB", 1 << 20),
            ("GB", 1_000_000_000),
            ("G", 1 << 30),
            ("GiB", 1 << 30),
            ("TB", 1_000_000_000_000),
            ("T", 1 << 40),
            ("TiB", 1 << 40),
        ] {
            assert_eq!(read("3", Some(unit)), Some(3 * bytes), "{unit}");
        }
        assert_eq!(read("540672", None), Some(528 << 20), "KiB");
    }

    #[test]
    fn what_is_no_size_is_refused() {
        for (number, unit) in [
            ("", None),
            ("0", None),
            ("-1", None),
            ("+1", None),
            ("0x10", None),
            ("1.5", Some("GiB")),
            ("18446744073709551616", Some("b")),
            ("18014398509481984", None),
            ("16", Some("EiB")),
            ("1", Some("")),
            ("1", Some("ib")),
            ("1", Some("KiBs")),
            ("1", Some("ZiB")),
            ("1", Some("\u{212a}iB")),
        ] {
            assert_eq!(read(number, unit), None, "{number} {unit:?}");
        }
    }
}
