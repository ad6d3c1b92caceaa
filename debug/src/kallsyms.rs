//! Names of a Linux kernel that was stripped: its own symbol table, kallsyms, found in its bytes.
//!
//! Follows Linux `scripts/kallsyms.c` and `kernel/kallsyms.c`, as they are from 4.20 on. The kernel
//! carries its names for its own messages, packed:
//!
//! ```text
//! to 6.3   offsets, relative_base, num_syms, names, markers, [seqs_of_names,] token_table, token_index
//! from 6.4 num_syms, names, markers, token_table, token_index, offsets, relative_base, seqs_of_names
//! ```
//! `token_table` is found by its look: 256 strings, of which those of the digits stand in their places.
//! `token_index`, the place of each string, must agree with it. `markers` and `names` are found backwards
//! from there: every 256th name begins where a marker says.
//!
//! Works on the file of the kernel and on a copy of guest RAM alike. Not here: modules, kernels without
//! `CONFIG_KALLSYMS_BASE_RELATIVE`, big-endian ones, kernels of 32 bits.

use crate::symbols::{ALL_NAMES_MAX, NAME_MAX, NAMES_MAX};
use core::ops::Range;

/// Tokens in the table.
const TOKENS: usize = 256;
/// Names between two markers.
const NAMES_PER_MARKER: usize = 256;
/// Fewest names that are believed: fewer would be a coincidence.
const NAMES_MIN: usize = 256;
/// Where the kernel's image is linked, at the lowest.
const KERNEL_BASE: u64 = 0xffff_ffff_8000_0000;
/// Token tables that are looked at: a kernel has one.
const TABLES_MAX: usize = 8;
/// Places of the digits that are looked at: each takes as long as a table may be.
const DIGITS_MAX: usize = 65_536;
/// Bytes of the token table: Linux' has about a thousand.
const TOKENS_LEN_MAX: usize = 16 << 10;
/// Places that are tried as the first name.
const STARTS_MAX: usize = 16;
/// `.balign 8` before each array.
const ALIGNMENT: usize = 8;
/// The digits' strings, as they stand in the token table of every kernel.
const DIGITS: &[u8] = b"0\x001\x002\x003\x004\x005\x006\x007\x008\x009\0";

/// The table as found.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Table {
    /// Address and name of every symbol.
    pub names: Vec<(u64, String)>,
    /// Where the token table is in the bytes: strings that no kernel changes while it runs.
    pub tokens: Range<usize>,
}

/// The names and where they were; `None` if there is no table.
pub fn find(bytes: &[u8]) -> Option<Table> {
    let (mut from, mut tables) = (0, 0);
    for _ in 0..DIGITS_MAX {
        let digits = from + position(&bytes[from..], DIGITS)?;
        if let Some(tokens) = token_table(bytes, digits) {
            if let Some(names) = names(bytes, &tokens) {
                return Some(Table { names, tokens: tokens.start..tokens.end });
            }
            tables += 1;
            if tables == TABLES_MAX {
                return None;
            }
        }
        from = digits + 1;
    }
    None
}

fn position(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    let (&first, rest) = wanted.split_first()?;
    let mut from = 0;
    loop {
        let at = from + bytes.get(from..)?.iter().position(|&byte| byte == first)?;
        if bytes.get(at + 1..)?.starts_with(rest) {
            return Some(at);
        }
        from = at + 1;
    }
}

/// The token table and where it and its index are.
struct Tokens<'a> {
    strings: Vec<&'a [u8]>,
    start: usize,
    /// End of `token_index`.
    end: usize,
}

/// The table around the string of the digit 0.
fn token_table(bytes: &[u8], digits: usize) -> Option<Tokens<'_>> {
    let lowest = digits.saturating_sub(TOKENS_LEN_MAX);
    let mut start = digits;
    for _ in 0..b'0' {
        let before = bytes.get(lowest..start.checked_sub(1)?)?;
        start = match before.iter().rposition(|&byte| byte == 0) {
            Some(at) => lowest + at + 1,
            None if lowest == 0 => 0,
            None => return None,
        };
    }
    // The string before may end in the table's alignment.
    let mut strings = Vec::with_capacity(TOKENS);
    let mut offsets = Vec::with_capacity(TOKENS);
    let mut at = start;
    for _ in 0..TOKENS {
        if at - start > TOKENS_LEN_MAX {
            return None;
        }
        let len = bytes.get(at..)?.iter().take(NAME_MAX).position(|&byte| byte == 0)?;
        offsets.push(u16::try_from(at - start).ok()?);
        strings.push(bytes.get(at..at + len)?);
        at += len + 1;
    }
    // The index follows, aligned. The first string may have swallowed padding: the index tells.
    let index = (at..at + 16).find(|&index| {
        let found = bytes.get(index..index + 2 * TOKENS);
        found.is_some_and(|found| {
            found.chunks_exact(2).zip(&offsets).all(|(a, b)| a == b.to_le_bytes())
        })
    })?;
    Some(Tokens { strings, start, end: index + 2 * TOKENS })
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..at + 4)?.try_into().ok().map(u32::from_le_bytes)
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    bytes.get(at..at + 8)?.try_into().ok().map(u64::from_le_bytes)
}

/// Everything else, from the token table backwards.
fn names(bytes: &[u8], tokens: &Tokens<'_>) -> Option<Vec<(u64, String)>> {
    // Padding to 8 bytes may stand before the table, and one more array of three bytes a name.
    let lowest = tokens.start.saturating_sub(NAMES_MAX * 3);
    let mut end = tokens.start;
    let (markers, values) = loop {
        if end <= lowest {
            return None;
        }
        match markers_ending_at(bytes, end) {
            Ok(found) => break found,
            Err(next) => end = next,
        }
    };
    let (start, count) = names_before(bytes, markers, &values)?;
    let addresses = addresses(bytes, (start, count), tokens.end)?;
    let mut out = Vec::with_capacity(count);
    let (mut at, mut total) = (start, 0);
    for address in addresses {
        let (len, from) = length(bytes, at)?;
        let mut name = String::new();
        for &token in bytes.get(from..from + len)? {
            let text = core::str::from_utf8(tokens.strings[usize::from(token)]).ok()?;
            if name.len() + text.len() > NAME_MAX {
                return None;
            }
            name.push_str(text);
        }
        total += name.len();
        if total > ALL_NAMES_MAX {
            return None;
        }
        // The first character is the symbol's type.
        out.push((address, name.get(1..)?.to_owned()));
        at = from + len;
    }
    Some(out)
}

/// Ascending numbers from 0 that end at `end`: where they begin, and they. A name has 2 to 128 bytes. Else the
/// next end worth a try: every end within a run that failed fails at the same place.
fn markers_ending_at(bytes: &[u8], end: usize) -> Result<(usize, Vec<u32>), usize> {
    let mut values = Vec::new();
    let mut at = end;
    let mut next = u32::MAX;
    loop {
        at = at.checked_sub(4).ok_or(0_usize)?;
        let value = u32_at(bytes, at).ok_or(0_usize)?;
        let step = next.wrapping_sub(value);
        let plausible = value < 0x1000_0000 && (next == u32::MAX || (512..=32768).contains(&step));
        if !plausible {
            return Err(if values.is_empty() { at } else { at + 4 });
        }
        values.push(value);
        if value == 0 {
            break;
        }
        next = value;
    }
    values.reverse();
    if values.len() > 1 { Ok((at, values)) } else { Err(at) }
}

/// Length of the name at `at` in tokens, and where they begin: one byte, or two from 128 on.
fn length(bytes: &[u8], at: usize) -> Option<(usize, usize)> {
    let first = usize::from(*bytes.get(at)?);
    if first & 0x80 == 0 {
        return Some((first, at + 1));
    }
    Some((first & 0x7f | usize::from(*bytes.get(at + 1)?) << 7, at + 2))
}

/// Where the names before the markers begin, and how many there are.
fn names_before(bytes: &[u8], markers: usize, values: &[u32]) -> Option<(usize, usize)> {
    let last = *values.last()? as usize;
    let most = values.len() * NAMES_PER_MARKER;
    // The last, incomplete group has 1 to 256 names of at most 128 bytes.
    let highest = markers.checked_sub(last)? / ALIGNMENT * ALIGNMENT;
    let starts = (0..NAMES_PER_MARKER * 128 / ALIGNMENT).filter_map(|step| {
        let start = highest.checked_sub(ALIGNMENT * step)?;
        let count = u32_at(bytes, start.checked_sub(ALIGNMENT)?)? as usize;
        let fits = count <= most && count > most - NAMES_PER_MARKER;
        let believed = (NAMES_MIN..=NAMES_MAX).contains(&count);
        (fits && believed).then_some((start, count))
    });
    starts.take(STARTS_MAX).find(|&(start, _)| markers_agree(bytes, start, values))
}

/// True if every 256th name from `start` on begins where its marker says.
fn markers_agree(bytes: &[u8], start: usize, values: &[u32]) -> bool {
    let mut at = start;
    values.iter().enumerate().all(|(group, &value)| {
        let agrees = at - start == value as usize;
        if agrees && group + 1 < values.len() {
            for _ in 0..NAMES_PER_MARKER {
                match length(bytes, at) {
                    Some((len, from)) if len != 0 => at = from + len,
                    _ => return false,
                }
            }
        }
        agrees
    })
}

/// The addresses: before the names, or behind the token index. Each array begins at a multiple of
/// [`ALIGNMENT`], in memory and so in the file; an odd number of offsets is followed by padding.
fn addresses(bytes: &[u8], (names, count): (usize, usize), tokens_end: usize) -> Option<Vec<u64>> {
    let offsets_len = (4 * count).next_multiple_of(ALIGNMENT);
    let before = || {
        let base = names.checked_sub(16)?;
        relative(bytes, base.checked_sub(offsets_len)?, count, base)
    };
    let behind = || {
        let offsets = tokens_end.next_multiple_of(ALIGNMENT);
        relative(bytes, offsets, count, offsets + offsets_len)
    };
    before().or_else(behind)
}

/// Addresses by offsets from a base (`CONFIG_KALLSYMS_BASE_RELATIVE`): a negative one counts from the
/// base down, a positive one is absolute (per-CPU variables), unless none is negative.
fn relative(bytes: &[u8], offsets: usize, count: usize, base: usize) -> Option<Vec<u64>> {
    let base = u64_at(bytes, base).filter(|&base| base >= KERNEL_BASE)?;
    let offset = |index: usize| u32_at(bytes, offsets + 4 * index).map(|value| value as i32);
    let offsets: Vec<i32> = (0..count).map(offset).collect::<Option<_>>()?;
    let absolute = offsets.iter().any(|&offset| offset < 0);
    let address = |&offset: &i32| match offset {
        _ if !absolute => base.wrapping_add(u64::from(offset as u32)),
        0.. => offset as u64,
        _ => base.wrapping_sub(1).wrapping_sub(i64::from(offset) as u64),
    };
    let addresses: Vec<u64> = offsets.iter().map(address).collect();
    // The linker sorts them, but for the per-CPU ones in front.
    let descents = addresses.windows(2).filter(|pair| pair[0] > pair[1]).count();
    (descents * 100 <= count).then_some(addresses)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    pub(crate) use seeds::symbols::kallsyms as table;

    #[test]
    fn the_names_of_either_layout_come_back_with_their_addresses() {
        for (newer, count) in [(false, 1000), (true, 1000), (false, 1001), (true, 1001)] {
            let bytes = table(count, newer);
            let Table { names, tokens } = find(&bytes).unwrap();

            assert_eq!(names.len(), count, "newer: {newer}");
            assert_eq!(names[0], (0xffff_ffff_8100_0000, "f0".into()));
            assert_eq!(names[999], (0xffff_ffff_8100_0000 + 16 * 999, "f999".into()));
            assert!(bytes[tokens].starts_with(b"x0\0x1\0"), "the first token is where it begins");
        }
    }

    /// Runs of numbers that look like markers but begin nowhere, and many token tables.
    #[test]
    fn an_image_made_to_take_long_is_given_up_soon() {
        let run: Vec<u8> = (1..400_000u32).flat_map(|n| (n * 512).to_le_bytes()).collect();
        let tables = table(300, false);
        let hostile = [&run[..], &tables[4096 + 8 * 300..], &run, &run].concat();
        let many = [hostile.as_slice(); 12].concat();

        assert!(find(&many).is_none());
    }

    /// Each place of the digits is one to look at, although no table begins there.
    #[test]
    fn behind_more_digits_than_any_kernel_has_no_table_is_looked_for() {
        let real = table(300, false);
        let few = [&DIGITS.repeat(1000)[..], &real].concat();
        let dense = [&DIGITS.repeat(DIGITS_MAX)[..], &real].concat();

        assert!(find(&few).is_some());
        assert!(find(&dense).is_none());
    }

    #[test]
    fn a_damaged_table_is_no_table_and_never_a_panic() {
        let whole = table(600, false);
        assert!(find(&whole[..whole.len() - 4400]).is_none());
        for at in (0..whole.len()).step_by(7) {
            let mut damaged = whole.clone();
            damaged[at] ^= 0xff;
            let _ = find(&damaged);
            let _ = find(&whole[..at]);
        }
    }
}
