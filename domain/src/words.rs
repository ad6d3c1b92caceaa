//! Values as both forms write them: closed lists of words, numbers, names, UUIDs, hardware addresses.

use crate::error::{Refusal, shown};
use crate::model::{At, Uuid};

/// A closed list of words.
pub trait Word: Copy + PartialEq + 'static {
    /// Each word and its meaning; of two words for one meaning the first is written.
    const WORDS: &'static [(&'static str, Self)];

    /// The meaning of a word.
    fn of(word: &str) -> Option<Self> {
        Self::WORDS.iter().find(|(known, _)| *known == word).map(|(_, meaning)| *meaning)
    }

    /// The word for it.
    fn word(self) -> &'static str {
        Self::WORDS.iter().find(|(_, meaning)| *meaning == self).map_or("", |(word, _)| word)
    }

    /// All words, for advice.
    fn list() -> String {
        Self::WORDS.iter().map(|(word, _)| *word).collect::<Vec<_>>().join(", ")
    }
}

/// A word that has to be one of a list; `what` names the list, as in `an action`.
pub(crate) fn one_of<T: Word>(text: &At<String>, what: &str) -> Result<At<T>, Refusal> {
    match T::of(text) {
        Some(meaning) => Ok(At::new(meaning, text.offset)),
        None => {
            let error = format!("{} is not {what} that is known", shown(text));
            Err(Refusal::new(text.offset, error, format!("one of {}", T::list())))
        }
    }
}

/// A decimal number up to `max`; `what` is what it counts.
pub(crate) fn number(text: &At<String>, what: &str, max: u64) -> Result<At<u64>, Refusal> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let value = if digits { text.parse::<u64>().ok() } else { None };
    match value {
        Some(value) if value <= max => Ok(At::new(value, text.offset)),
        Some(_) => {
            let error = format!("{} is too much for {what}: at most {max}", text.value);
            Err(Refusal::new(text.offset, error, "write a smaller number"))
        }
        None => {
            let error = format!("{} is not {what}", shown(text));
            Err(Refusal::new(text.offset, error, "write a whole number in decimal"))
        }
    }
}

/// As [`number`], for what counts in 32 bits.
pub(crate) fn small(text: &At<String>, what: &str) -> Result<At<u32>, Refusal> {
    // i32::MAX: both forms hold these in a C `int`.
    number(text, what, i32::MAX as u64).map(|value| At::new(value.value as u32, value.offset))
}

/// `0` or `1`.
pub(crate) fn switch(text: &At<String>) -> Result<bool, Refusal> {
    match &*text.value {
        "0" => Ok(false),
        "1" => Ok(true),
        _ => {
            let what = format!("{} is neither 0 nor 1", shown(text));
            Err(Refusal::new(text.offset, what, "write 1 for on, 0 for off"))
        }
    }
}

/// The text without white space around it, as XML knows white space.
pub(crate) fn trimmed(text: &str) -> &str {
    text.trim_matches([' ', '\t', '\r', '\n'])
}

/// Words of one line, without white space around them.
pub(crate) fn line(text: &str, offset: usize, what: &str) -> Result<At<String>, Refusal> {
    let trimmed = trimmed(text);
    let offset = offset + (text.len() - text.trim_start_matches([' ', '\t', '\r', '\n']).len());
    if trimmed.contains(['\t', '\r', '\n']) {
        let error = format!("{what} goes over more than one line, or has a tab in it");
        return Err(Refusal::new(offset, error, "write it on one line, with spaces"));
    }
    Ok(At::new(trimmed.to_owned(), offset))
}

/// Refuses a value that is there and empty.
pub(crate) fn filled(text: At<String>, what: &str) -> Result<At<String>, Refusal> {
    if text.is_empty() {
        let hint = "write its value, or take it out";
        return Err(Refusal::new(text.offset, format!("{what} is empty"), hint));
    }
    Ok(text)
}

/// A domain's name: libvirt refuses a slash, which would be a path.
pub(crate) fn name(text: At<String>) -> Result<At<String>, Refusal> {
    if text.contains('/') {
        let what = format!("the name {} has a slash in it", shown(&text));
        return Err(Refusal::new(text.offset, what, "choose a name without one"));
    }
    Ok(text)
}

/// 32 hexadecimal digits, alone or in groups of 8-4-4-4-12.
pub(crate) fn uuid(text: &At<String>) -> Result<At<Uuid>, Refusal> {
    let bytes = text.as_bytes();
    let digits: Vec<u8> = match bytes.len() {
        32 => bytes.to_vec(),
        36 if [8, 13, 18, 23].iter().all(|&at| bytes[at] == b'-') => {
            let dash = |at: &usize| matches!(at, 8 | 13 | 18 | 23);
            (0..36).filter(|at| !dash(at)).map(|at| bytes[at]).collect()
        }
        _ => Vec::new(),
    };
    hex(&digits).map(|bytes: [u8; 16]| At::new(Uuid(bytes), text.offset)).ok_or_else(|| {
        let what = format!("{} is no UUID", shown(text));
        let hint = "write 32 hexadecimal digits, as in 06ed00fe-1162-4fc4-b5d8-11993ee4a8b9";
        Refusal::new(text.offset, what, hint)
    })
}

/// Six bytes with colons; comes back in small letters.
pub(crate) fn mac(text: &At<String>) -> Result<String, Refusal> {
    let bytes = text.as_bytes();
    let colons = bytes.len() == 17 && bytes.iter().skip(2).step_by(3).all(|&byte| byte == b':');
    let digits: Vec<u8> = bytes.iter().copied().filter(|&byte| byte != b':').collect();
    match colons.then(|| hex::<6>(&digits)).flatten() {
        Some(_) => Ok(text.to_ascii_lowercase()),
        None => {
            let what = format!("{} is no hardware address", shown(text));
            Err(Refusal::new(text.offset, what, "write six bytes, as in 00:16:3e:0e:e8:b7"))
        }
    }
}

/// `N` bytes of `2 * N` hexadecimal digits.
fn hex<const N: usize>(digits: &[u8]) -> Option<[u8; N]> {
    let mut out = [0; N];
    if digits.len() != 2 * N {
        return None;
    }
    for (byte, pair) in out.iter_mut().zip(digits.chunks_exact(2)) {
        let digit = |at: usize| char::from(pair[at]).to_digit(16);
        *byte = (digit(0)? << 4 | digit(1)?) as u8;
    }
    Some(out)
}
