//! The stored answers: how they are packed, and how they are read back on any host.
//!
//! ```text
//! 8 bytes   "SILICON" and a line feed
//! 4         version (state::VERSION)
//! 2 + n     name of the processor that answered
//! 4         number of vectors
//! then for each of the columns: 4 bytes of packed length, raw DEFLATE data
//! ```
//!
//! All numbers are little-endian. A column holds one kind of thing of all vectors, one after the other, so
//! that like packs with like: the small numbers of the cases, their code bytes, their chosen values, then of
//! the answers which words changed, and what they became. What a case does not choose is drawn from its
//! seed again ([`Case::expand`]), so that code is part of the format.

use crate::state::{Case, Contents, Outcome, State, VERSION, WORDS};
use flate2::Compression;
use flate2::read::DeflateDecoder;
use flate2::write::DeflateEncoder;
use std::io::{Read, Write};

const MAGIC: &[u8; 8] = b"SILICON\n";
const COLUMNS: usize = 5;

/// Columns being written, or read.
#[derive(Default)]
struct Columns {
    bytes: [Vec<u8>; COLUMNS],
    at: [usize; COLUMNS],
}

const SMALL: usize = 0;
const CODE: usize = 1;
const CHOSEN: usize = 2;
const WHICH: usize = 3;
const VALUES: usize = 4;

impl Columns {
    fn put(&mut self, column: usize, value: u64, bytes: usize) {
        self.bytes[column].extend(&value.to_le_bytes()[..bytes]);
    }

    fn take(&mut self, column: usize, bytes: usize) -> Option<u64> {
        let at = self.at[column];
        let from = self.bytes[column].get(at..at + bytes)?;
        let mut word = [0; 8];
        word[..bytes].copy_from_slice(from);
        self.at[column] += bytes;
        Some(u64::from_le_bytes(word))
    }

    fn put_case(&mut self, case: &Case) {
        self.put(SMALL, case.bits.into(), 1);
        self.put(SMALL, case.offset.into(), 2);
        self.put(SMALL, case.flags.into(), 3);
        self.put(SMALL, case.contents as u64, 1);
        self.put(SMALL, case.offsets.unwrap_or(0xff).into(), 1);
        self.put(CODE, case.code.len() as u64, 1);
        self.bytes[CODE].extend(&case.code);
        self.put(CHOSEN, case.seed.into(), 4);
        self.put(CHOSEN, case.window, 8);
        self.put(SMALL, case.chosen.len() as u64, 1);
        for &(n, value) in &case.chosen {
            self.put(SMALL, n.into(), 1);
            self.put(CHOSEN, value, 8);
        }
        self.put(SMALL, case.selectors.len() as u64, 1);
        for &(n, selector) in &case.selectors {
            self.put(SMALL, n.into(), 1);
            self.put(SMALL, selector.into(), 2);
        }
    }

    fn take_case(&mut self) -> Option<Case> {
        let bits = self.take(SMALL, 1)? as u8;
        let offset = self.take(SMALL, 2)? as u16;
        let flags = self.take(SMALL, 3)? as u32;
        let contents = Contents::by_number(self.take(SMALL, 1)? as u8)?;
        let offsets = Some(self.take(SMALL, 1)? as u8).filter(|&n| n != 0xff);
        let len = self.take(CODE, 1)?;
        let code = (0..len).map(|_| Some(self.take(CODE, 1)? as u8)).collect::<Option<_>>()?;
        let seed = self.take(CHOSEN, 4)? as u32;
        let window = self.take(CHOSEN, 8)?;
        let mut chosen = Vec::new();
        for _ in 0..self.take(SMALL, 1)? {
            chosen.push((self.take(SMALL, 1)? as u8, self.take(CHOSEN, 8)?));
        }
        let mut selectors = Vec::new();
        for _ in 0..self.take(SMALL, 1)? {
            selectors.push((self.take(SMALL, 1)? as u8, self.take(SMALL, 2)? as u16));
        }
        Some(Case { bits, offset, code, seed, flags, chosen, selectors, offsets, contents, window })
    }

    /// An answer, by what differs from the state before.
    fn put_outcome(&mut self, before: &State, outcome: &Outcome) {
        self.put(WHICH, outcome.vector.into(), 1);
        self.put(WHICH, outcome.error.into(), 2);
        if outcome.vector == 14 {
            self.put(VALUES, outcome.cr2, 8);
        }
        let after = outcome.state.words();
        let changed = before.words().into_iter().zip(after).enumerate();
        let changed: Vec<_> = changed.filter(|(_, (before, after))| before != after).collect();
        self.put(WHICH, changed.len() as u64, 1);
        for (n, (before, after)) in changed {
            self.put(WHICH, n as u64, 1);
            self.put(VALUES, before ^ after, 8);
        }
        self.put(WHICH, outcome.memory.len() as u64, 2);
        for &(at, value) in &outcome.memory {
            self.put(WHICH, at.into(), 2);
            self.put(VALUES, value, 8);
        }
    }

    fn take_outcome(&mut self, before: &State) -> Option<Outcome> {
        let vector = self.take(WHICH, 1)? as u8;
        let error = self.take(WHICH, 2)? as u32;
        let cr2 = if vector == 14 { self.take(VALUES, 8)? } else { 0 };
        let mut words = before.words();
        for _ in 0..self.take(WHICH, 1)? {
            let n = self.take(WHICH, 1)? as usize;
            *words.get_mut(n).filter(|_| n < WORDS)? ^= self.take(VALUES, 8)?;
        }
        let mut memory = Vec::new();
        for _ in 0..self.take(WHICH, 2)? {
            memory.push((self.take(WHICH, 2)? as u16, self.take(VALUES, 8)?));
        }
        Some(Outcome { state: State::from_words(&words), vector, error, cr2, memory })
    }
}

/// Packs vectors with the name of the processor that answered.
pub(crate) fn pack(processor: &str, vectors: &[(Case, Outcome)]) -> Vec<u8> {
    let mut columns = Columns::default();
    for (case, outcome) in vectors {
        columns.put_case(case);
        columns.put_outcome(&case.expand().0, outcome);
    }
    let mut file = MAGIC.to_vec();
    file.extend(VERSION.to_le_bytes());
    file.extend((processor.len() as u16).to_le_bytes());
    file.extend(processor.as_bytes());
    file.extend((vectors.len() as u32).to_le_bytes());
    for column in &columns.bytes {
        let mut encoder = DeflateEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(column).expect("memory takes everything");
        let packed = encoder.finish().expect("memory takes everything");
        file.extend((packed.len() as u32).to_le_bytes());
        file.extend(packed);
    }
    file
}

/// Reads them back: the processor's name and the vectors. `None` if the file is not of this version.
pub(crate) fn unpack(file: &[u8]) -> Option<(String, Vec<(Case, Outcome)>)> {
    let mut rest = file.strip_prefix(MAGIC)?;
    let mut part = |len: usize| {
        let (part, behind) = rest.split_at_checked(len)?;
        rest = behind;
        Some(part)
    };
    let number = |bytes: &[u8]| bytes.iter().rev().fold(0, |n, &byte| n << 8 | usize::from(byte));
    if number(part(4)?) != VERSION as usize {
        return None;
    }
    let len = number(part(2)?);
    let name = String::from_utf8(part(len)?.to_vec()).ok()?;
    let count = number(part(4)?);
    let mut columns = Columns::default();
    for column in &mut columns.bytes {
        let len = number(part(4)?);
        DeflateDecoder::new(part(len)?).read_to_end(column).ok()?;
    }
    let mut vectors = Vec::with_capacity(count);
    for _ in 0..count {
        let case = columns.take_case()?;
        let outcome = columns.take_outcome(&case.expand().0)?;
        vectors.push((case, outcome));
    }
    Some((name, vectors))
}
