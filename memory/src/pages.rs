//! Sets of pages.

use bitvec::vec::BitVec;
use core::cell::RefCell;

/// A set of RAM page numbers, changed through `&` like the memory it describes.
#[derive(Debug)]
pub struct PageSet {
    bits: RefCell<BitVec<usize>>,
}

impl PageSet {
    /// The empty set over `pages` pages.
    pub fn new(pages: u64) -> Self {
        Self { bits: RefCell::new(BitVec::repeat(false, pages as usize)) }
    }

    /// Adds a page; out-of-range numbers are a programming error.
    #[inline]
    pub fn insert(&self, page: u64) {
        self.bits.borrow_mut().set(page as usize, true);
    }

    /// Removes a page.
    #[inline]
    pub fn remove(&self, page: u64) {
        self.bits.borrow_mut().set(page as usize, false);
    }

    /// True if the page is in the set.
    #[inline]
    pub fn contains(&self, page: u64) -> bool {
        self.bits.borrow()[page as usize]
    }

    /// The pages of the set, ascending.
    pub fn to_vec(&self) -> Vec<u64> {
        self.bits.borrow().iter_ones().map(|page| page as u64).collect()
    }
}
