//! Refusals with their place, and what a document says beyond the model.
//!
//! Readers work with byte offsets; a line and a column are counted only when somebody is told.

use core::fmt;

/// A place in a document, as editors count: from 1, columns in characters.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Place {
    /// Line.
    pub line: usize,
    /// Character in the line.
    pub column: usize,
}

impl Place {
    /// The place of a byte; past the end, the place after the last character.
    pub(crate) fn of(bytes: &[u8], offset: usize) -> Self {
        let before = &bytes[..offset.min(bytes.len())];
        let line_start = before.iter().rposition(|&byte| byte == b'\n').map_or(0, |at| at + 1);
        // Bytes 10xxxxxx continue a character.
        let column = before[line_start..].iter().filter(|&&byte| byte & 0xc0 != 0x80).count();
        let line = before.iter().filter(|&&byte| byte == b'\n').count();
        Self { line: line + 1, column: column + 1 }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}", self.line, self.column)
    }
}

/// Why a document describes no domain. Display says what is wrong.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DomainError {
    what: String,
    place: Place,
    hint: String,
}

impl DomainError {
    /// Where it is.
    pub fn place(&self) -> Place {
        self.place
    }

    /// What to do about it.
    pub fn hint(&self) -> &str {
        &self.hint
    }
}

impl core::error::Error for DomainError {}

impl fmt::Display for DomainError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)
    }
}

/// Something that a document says and that cannot be kept.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Gap {
    /// What it is, as in `element <video> in <devices>`.
    pub what: String,
    /// The byte where it stands.
    pub offset: usize,
}

/// What a reader met besides the domain.
#[derive(Default)]
pub(crate) struct Notes {
    pub(crate) gaps: Vec<Gap>,
    pub(crate) remarks: Vec<Gap>,
}

impl Notes {
    pub(crate) fn gap(&mut self, offset: usize, what: impl Into<String>) {
        self.gaps.push(Gap { what: what.into(), offset });
    }

    pub(crate) fn remark(&mut self, offset: usize, what: impl Into<String>) {
        self.remarks.push(Gap { what: what.into(), offset });
    }
}

/// Where a reader stopped.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Where {
    Byte(usize),
    Place(Place),
}

/// A refusal before its place is counted.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Refusal {
    at: Where,
    what: String,
    hint: String,
}

impl Refusal {
    pub(crate) fn new(offset: usize, what: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { at: Where::Byte(offset), what: what.into(), hint: hint.into() }
    }

    /// A refusal whose place somebody else has counted.
    pub(crate) fn counted(place: Place, what: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { at: Where::Place(place), ..Self::new(0, what, hint) }
    }

    /// The refusal as its reader sees it.
    pub(crate) fn at(self, bytes: &[u8]) -> DomainError {
        let place = match self.at {
            Where::Byte(offset) => Place::of(bytes, offset),
            Where::Place(place) => place,
        };
        DomainError { what: self.what, place, hint: self.hint }
    }
}

/// Words of a document for a message: quoted, without control characters, not endless.
pub(crate) fn shown(words: &str) -> String {
    const MOST: usize = 60;
    match words.char_indices().nth(MOST) {
        Some((end, _)) => format!("{:?}...", &words[..end]),
        None => format!("{words:?}"),
    }
}

/// A name of a document for a message.
pub(crate) fn named(name: &str) -> String {
    let quoted = shown(name);
    match quoted.strip_suffix("...") {
        Some(cut) => format!("{}...", cut.trim_matches('"')),
        None => quoted.trim_matches('"').to_owned(),
    }
}

/// The bytes as text without control characters.
pub(crate) fn text(bytes: &[u8]) -> Result<&str, Refusal> {
    const HINT: &str = "store the file as UTF-8";
    if matches!(bytes, [0xff, 0xfe, ..] | [0xfe, 0xff, ..]) {
        return Err(Refusal::new(0, "the file is UTF-16", HINT));
    }
    let text = core::str::from_utf8(bytes).map_err(|error| {
        let at = error.valid_up_to();
        let what = format!("byte {:#04x} is no UTF-8", bytes.get(at).copied().unwrap_or(0));
        Refusal::new(at, what, HINT)
    })?;
    let control = |byte: &u8| *byte < 0x20 && !matches!(byte, b'\t' | b'\r' | b'\n');
    match bytes.iter().position(control) {
        Some(at) => {
            let what = format!("the control character {:#04x}", bytes[at]);
            Err(Refusal::new(at, what, "take it out: a description is plain text"))
        }
        None => Ok(text),
    }
}
