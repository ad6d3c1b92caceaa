//! The architectural layer of the TLB: which translations the guest can observe as cached.
//!
//! Direct-mapped tables of fixed geometry, part of the machine's state: their size decides when a walk
//! happens, and a walk sets A bits and sees what a program has written to its tables
//! (docs/decisions/0011).

use super::walk::Translation;
use arch::paging::PAGE_MASK;
use serde::{Deserialize, Serialize};

/// Page of a vacant slot: no linear page, its low bits are set.
const VACANT_PAGE: u64 = u64::MAX;

/// Slot of a linear address in a table of `size` entries.
#[inline(always)]
pub(super) fn slot(linear: u64, size: usize) -> usize {
    (linear >> 12) as usize & (size - 1)
}

/// An architectural entry, as snapshots write it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) struct Entry {
    /// Linear page.
    pub page: u64,
    /// What it translates to.
    pub translation: Translation,
}

/// A slot of a table.
#[derive(Clone, Copy)]
pub(super) struct Slot {
    /// Linear page, or [`VACANT_PAGE`].
    pub(super) page: u64,
    /// The translation; in its unused bits, for each context, whether it has tags for the page.
    word: u64,
}

const VACANT: Slot = Slot { page: VACANT_PAGE, word: 0 };

/// Contexts that a slot can keep notes for.
pub(super) const TAGS: u32 = Translation::UNUSED.count_ones();
const TAGS_SHIFT: u32 = Translation::UNUSED.trailing_zeros();

impl Slot {
    #[inline(always)]
    pub(super) fn translation(self) -> Translation {
        Translation::from_word(self.word)
    }

    /// Contexts that may have tags for the page, one bit each.
    #[inline(always)]
    pub(super) fn tagged(self) -> u64 {
        (self.word & Translation::UNUSED) >> TAGS_SHIFT
    }

    /// Notes that a context has tags for the page.
    #[inline(always)]
    pub(super) fn note_tags(&mut self, context: u32) {
        self.word |= 1 << (TAGS_SHIFT + context);
    }

    /// The contexts noted, which are forgotten.
    pub(super) fn take_tags(&mut self) -> u64 {
        let tagged = self.tagged();
        self.word &= !Translation::UNUSED;
        tagged
    }

    pub(super) fn is_occupied(self) -> bool {
        self.page != VACANT_PAGE
    }

    /// True for a piece of a large page in the region that begins at `start`.
    pub(super) fn is_large_piece_of(self, start: u64) -> bool {
        self.is_occupied() && self.page & !(REGION_BYTES - 1) == start && self.translation().large()
    }
}

/// One architectural table, direct mapped: N slots, and which are occupied, in words of 64.
pub(super) struct Table<const N: usize> {
    pub(super) slots: Box<[Slot; N]>,
    used: Box<[u64]>,
    /// Of the occupied slots those whose translation is not global: what MOV to CR3 forgets.
    local: Box<[u64]>,
}

/// Numbers of the slots in word `at` of a set.
fn members(at: usize, mut left: u64) -> impl Iterator<Item = usize> {
    core::iter::from_fn(move || {
        let bit = (left != 0).then(|| left.trailing_zeros() as usize)?;
        left &= left - 1;
        Some(at * 64 + bit)
    })
}

impl<const N: usize> Table<N> {
    pub(super) fn new() -> Self {
        let set = || vec![0; N / 64].into_boxed_slice();
        Self { slots: Box::new([VACANT; N]), used: set(), local: set() }
    }

    #[inline(always)]
    pub(super) fn lookup(&self, linear: u64) -> Option<Translation> {
        let slot = self.slots[slot(linear, N)];
        (slot.page == linear & !PAGE_MASK).then_some(slot.translation())
    }

    /// Fills the slot of a linear address and returns what was there.
    #[inline(always)]
    pub(super) fn insert(&mut self, linear: u64, translation: Translation) -> Slot {
        let at = slot(linear, N);
        let bit = 1 << (at % 64);
        self.used[at / 64] |= bit;
        let local = &mut self.local[at / 64];
        *local = if translation.global() { *local & !bit } else { *local | bit };
        let new = Slot { page: linear & !PAGE_MASK, word: translation.word() };
        core::mem::replace(&mut self.slots[at], new)
    }

    pub(super) fn vacate(&mut self, at: usize) -> Slot {
        self.used[at / 64] &= !(1 << (at % 64));
        self.local[at / 64] &= !(1 << (at % 64));
        core::mem::replace(&mut self.slots[at], VACANT)
    }

    /// Words of the set of occupied slots.
    pub(super) fn words(&self) -> usize {
        self.used.len()
    }

    /// Numbers of the occupied slots of one word of the set. A caller may vacate them meanwhile.
    pub(super) fn occupied(&self, word: usize) -> impl Iterator<Item = usize> + use<N> {
        members(word, self.used[word])
    }

    /// The same of those whose translation is not global.
    pub(super) fn local(&self, word: usize) -> impl Iterator<Item = usize> + use<N> {
        members(word, self.local[word])
    }

    pub(super) fn entries(&self) -> Vec<Entry> {
        let occupied = self.slots.iter().filter(|slot| slot.is_occupied());
        occupied.map(|slot| Entry { page: slot.page, translation: slot.translation() }).collect()
    }
}

/// Size of the smallest large page.
pub(super) const REGION_BYTES: u64 = 2 << 20;

/// Where pieces of large pages may be cached: a bit for each region of `BYTES`, many regions to a bit.
/// A clear bit is certain.
pub(super) struct LargeRegions<const BYTES: u64>([u64; 64]);

impl<const BYTES: u64> Default for LargeRegions<BYTES> {
    fn default() -> Self {
        Self([0; 64])
    }
}

impl<const BYTES: u64> LargeRegions<BYTES> {
    fn place(linear: u64) -> (usize, u64) {
        let mixed = (linear / BYTES).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        ((mixed >> 58) as usize, 1 << (mixed >> 52 & 63))
    }

    /// Notes that a piece at `linear` is cached.
    pub(super) fn add(&mut self, linear: u64) {
        let (word, bit) = Self::place(linear);
        self.0[word] |= bit;
    }

    /// False if no piece of the region at `linear` is cached.
    pub(super) fn may_hold(&self, linear: u64) -> bool {
        let (word, bit) = Self::place(linear);
        self.0[word] & bit != 0
    }
}
