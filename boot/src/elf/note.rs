//! ELF notes: gABI, "Note Section".
//!
//! Real files disagree on padding: name and content are padded to 4 bytes, but in a segment with
//! alignment 8 some tools pad to 8, and linkers merge both kinds into one segment. So a walk with 4 is
//! tried first and one with 8 second where the header says 8, and whoever looks for a note takes the
//! walk that finds it. Only file offsets are used: Xen 4.17's PT_NOTE has an address that lies nowhere.

use super::{Elf, PT_NOTE, SHT_NOTE};
use crate::error::BootError;
use crate::image::Image;
use crate::reader::{Reader, u32_at};

/// Real files have a few hundred bytes of notes. More than this is not walked, all segments and
/// sections together: a header table can name the same bytes 65,534 times.
const NOTES_MAX: u64 = 1 << 20;
/// What an area costs of that at least, so that empty ones are not walked without end either.
const AREA_COST: u64 = 1 << 10;
/// More areas than that are never walked.
const AREAS_MAX: usize = (NOTES_MAX / AREA_COST) as usize;
/// Bytes of a note's content that are kept.
const DESC_KEPT: usize = 64;

/// One note.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Note {
    /// Offset of its header in the file.
    pub offset: u64,
    /// Owner, without the terminating NUL, made printable.
    pub owner: String,
    /// Length of the owner's name in the file, NUL included.
    pub namesz: u32,
    /// Type; its meaning is the owner's.
    pub kind: u32,
    /// Length of the content in bytes.
    pub descsz: u32,
    /// The first bytes of the content, up to 64.
    pub desc: Vec<u8>,
}

impl Note {
    /// True for the owner "Xen", spelled with its NUL in exactly four bytes.
    pub fn is_xen(&self) -> bool {
        self.namesz == 4 && self.owner == "Xen"
    }
}

/// What a walk over one note area found, and the first malformed note that ended it.
struct Walk {
    notes: Vec<Note>,
    error: Option<BootError>,
}

/// All notes of PT_NOTE segments or, if `wanted` is in none of them, of SHT_NOTE sections too.
///
/// A malformed note is an error only if no wanted note was found.
pub fn notes(
    elf: &Elf,
    image: &dyn Image,
    wanted: impl Fn(&Note) -> bool,
) -> Result<Vec<Note>, BootError> {
    let segments = elf.segments.iter().filter(|s| s.kind == PT_NOTE);
    let areas: Vec<_> = segments.map(|s| (s.offset, s.filesz, s.align)).collect();
    let mut budget = NOTES_MAX;
    let (mut found, mut error) = collect(image, &areas, &mut budget, &wanted);
    if !found.iter().any(&wanted) {
        let sections = elf.section_table(image).map_or(Vec::new(), |table| table.sections);
        let walked = &areas[..areas.len().min(AREAS_MAX)];
        let areas: Vec<_> = sections
            .iter()
            .filter(|s| s.kind == SHT_NOTE)
            .map(|s| (s.offset, s.size, s.align))
            .filter(|area| !walked.iter().any(|&(at, len, _)| at <= area.0 && area.0 - at < len))
            .collect();
        let (more, later) = collect(image, &areas, &mut budget, &wanted);
        found.extend(more);
        error = error.or(later);
    }
    match error {
        Some(error) if !found.iter().any(&wanted) => Err(error),
        _ => Ok(found),
    }
}

fn collect(
    image: &dyn Image,
    areas: &[(u64, u64, u64)],
    budget: &mut u64,
    wanted: &impl Fn(&Note) -> bool,
) -> (Vec<Note>, Option<BootError>) {
    let (mut found, mut error) = (Vec::new(), None);
    for &(offset, len, align) in areas {
        let cost = len.max(AREA_COST);
        if cost > *budget {
            error = error.or(Some(BootError::NotesTooLarge { offset, len, max: NOTES_MAX }));
            continue;
        }
        *budget -= cost;
        match area(image, offset, len, align, wanted) {
            Ok(walk) => {
                found.extend(walk.notes);
                error = error.or(walk.error);
            }
            Err(refusal) => error = error.or(Some(refusal)),
        }
    }
    (found, error)
}

fn area(
    image: &dyn Image,
    offset: u64,
    len: u64,
    align: u64,
    wanted: &impl Fn(&Note) -> bool,
) -> Result<Walk, BootError> {
    let bytes = Reader::new(image).bytes("a note segment", offset, len)?;
    let by_4 = walk(&bytes, offset, 4);
    if align == 8 && !by_4.notes.iter().any(wanted) {
        let by_8 = walk(&bytes, offset, 8);
        if by_8.notes.iter().any(wanted) || (by_4.error.is_some() && by_8.error.is_none()) {
            return Ok(by_8);
        }
    }
    Ok(by_4)
}

fn walk(bytes: &[u8], base: u64, align: usize) -> Walk {
    let mut notes = Vec::new();
    let mut at = 0;
    while bytes.len() - at >= 12 {
        let (namesz, descsz) = (u32_at(bytes, at), u32_at(bytes, at + 4));
        let Some((note, next)) = note(bytes, base, at, align) else {
            let (offset, available) = (base + at as u64, (bytes.len() - at) as u64);
            let error = BootError::NoteMalformed { offset, namesz, descsz, available };
            return Walk { notes, error: Some(error) };
        };
        notes.push(note);
        at = next.min(bytes.len()); // the last note may lack its padding
    }
    Walk { notes, error: None }
}

/// The note at `at` and the position of the next, `None` if its sizes pass the end.
fn note(bytes: &[u8], base: u64, at: usize, align: usize) -> Option<(Note, usize)> {
    let namesz = usize::try_from(u32_at(bytes, at)).ok()?;
    let descsz = usize::try_from(u32_at(bytes, at + 4)).ok()?;
    let name_at = at + 12;
    let name = bytes.get(name_at..name_at.checked_add(namesz)?)?;
    // Positions count from the start of the area, as the padding of the merged sections does.
    let desc_at = name_at.checked_add(namesz)?.checked_next_multiple_of(align)?;
    let desc_end = desc_at.checked_add(descsz)?;
    let desc = if descsz == 0 { &[][..] } else { bytes.get(desc_at..desc_end)? };
    let note = Note {
        offset: base + at as u64,
        owner: owner(name),
        namesz: namesz as u32,
        kind: u32_at(bytes, at + 8),
        descsz: descsz as u32,
        desc: desc[..desc.len().min(DESC_KEPT)].to_vec(),
    };
    Some((note, desc_end.checked_next_multiple_of(align)?))
}

fn owner(name: &[u8]) -> String {
    let name = name.strip_suffix(b"\0").unwrap_or(name);
    name.iter().take(DESC_KEPT).flat_map(|byte| byte.escape_ascii()).map(char::from).collect()
}
