//! Which bytes of RAM decoded code was made from, as everybody who writes memory has to know it.
//!
//! For each page one word: a bit for each [granule](GRANULE) of 64 bytes from which the engine has decoded.
//! A write that touches no marked granule concerns nobody. Any other is recorded, by page and bytes,
//! until the engine takes the record, before the next instruction; the engine knows exactly which bytes
//! its blocks were made from and drops those that overlap.

use crate::PAGE_SIZE;
use core::cell::RefCell;
use core::ops::RangeInclusive;
use std::collections::BTreeMap;

/// Bytes of a page that one bit of its word stands for.
pub const GRANULE: u64 = PAGE_SIZE / 64;

/// Written bytes of one page, first and last.
pub type StaleBytes = RangeInclusive<u16>;

/// Marks and record. Offsets are RAM offsets, page numbers RAM offset / 4096.
#[derive(Debug)]
pub struct CodeMap {
    granules: RefCell<Vec<u64>>,
    /// One entry a page, however long a transfer goes on: the range that holds all that was written.
    stale: RefCell<BTreeMap<u64, StaleBytes>>,
}

impl CodeMap {
    /// No code in `pages` pages.
    pub(crate) fn new(pages: u64) -> Self {
        Self {
            granules: RefCell::new(vec![0; pages as usize]),
            stale: RefCell::new(BTreeMap::new()),
        }
    }

    /// The granules that `len` bytes at a RAM offset touch; they lie in one page.
    #[inline]
    pub fn granules_of(offset: u64, len: u64) -> u64 {
        let in_page = offset % PAGE_SIZE;
        let (first, last) = (in_page / GRANULE, (in_page + len.max(1) - 1) / GRANULE);
        debug_assert!(last < 64, "a range within one page");
        u64::MAX << first & u64::MAX >> (63 - last)
    }

    /// The marked granules of a page.
    #[inline]
    pub fn granules(&self, page: u64) -> u64 {
        self.granules.borrow()[page as usize]
    }

    /// True if a page holds decoded code.
    #[inline]
    pub fn contains(&self, page: u64) -> bool {
        self.granules(page) != 0
    }

    /// Marks granules of a page as decoded; true if the page had none before.
    pub fn mark(&self, page: u64, granules: u64) -> bool {
        let marked = &mut self.granules.borrow_mut()[page as usize];
        let first = *marked == 0;
        *marked |= granules;
        first
    }

    /// Replaces the marks of a page.
    pub fn set(&self, page: u64, granules: u64) {
        self.granules.borrow_mut()[page as usize] = granules;
    }

    /// Records a write of `len` bytes, within one page, if it may change decoded code.
    #[inline]
    pub(crate) fn note_write(&self, offset: u64, len: u64) {
        if self.granules(offset / PAGE_SIZE) & Self::granules_of(offset, len) != 0 {
            self.record(offset, len);
        }
    }

    #[cold]
    fn record(&self, offset: u64, len: u64) {
        let first = (offset % PAGE_SIZE) as u16;
        let last = first + (len.max(1) - 1) as u16;
        self.stale
            .borrow_mut()
            .entry(offset / PAGE_SIZE)
            .and_modify(|range| *range = first.min(*range.start())..=last.max(*range.end()))
            .or_insert(first..=last);
    }

    /// True if [`CodeMap::take_stale`] would return something.
    #[inline]
    pub fn has_stale(&self) -> bool {
        !self.stale.borrow().is_empty()
    }

    /// Takes the record of pages with decoded code that were written since the last call. Their marks
    /// are the caller's to bring up to date.
    pub fn take_stale(&self) -> BTreeMap<u64, StaleBytes> {
        core::mem::take(&mut *self.stale.borrow_mut())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Memory, PhysAddr};

    fn memory_with_code(page: u64, granules: u64) -> Memory {
        let memory = Memory::new(1 << 20, 3 << 30).unwrap();
        memory.code().mark(page, granules);
        memory
    }

    #[test]
    fn a_range_touches_the_granules_of_its_first_to_its_last_byte() {
        assert_eq!(CodeMap::granules_of(0x2000, 1), 1);
        assert_eq!(CodeMap::granules_of(0x203f, 2), 3);
        assert_eq!(CodeMap::granules_of(0x2fff, 1), 1 << 63);
        assert_eq!(CodeMap::granules_of(0x2000, 4096), u64::MAX);
    }

    #[test]
    fn a_write_beside_the_marked_granules_is_not_recorded() {
        let memory = memory_with_code(2, 1 << 5);
        memory.write(PhysAddr(0x2000), &[0; 5 * 64]).unwrap();
        memory.write(PhysAddr(0x2000 + 6 * 64), &[0; 64]).unwrap();
        memory.fill(PhysAddr(0x3000), 0x1000, 0).unwrap();
        assert!(!memory.code().has_stale());
    }

    #[test]
    fn writes_to_a_pages_code_are_recorded_as_one_range() {
        let memory = memory_with_code(2, u64::MAX);
        memory.write(PhysAddr(0x1ffe), &[0; 4]).unwrap();
        memory.write(PhysAddr(0x2800), &[0; 4]).unwrap();
        memory.fill(PhysAddr(0x2400), 4, 0).unwrap();
        let record = memory.code().take_stale();
        assert_eq!(record.into_iter().collect::<Vec<_>>(), [(2, 0..=0x803)]);
        assert!(!memory.code().has_stale());
    }
}
