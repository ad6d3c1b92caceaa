//! The block cache: blocks by RAM address and mode, dropped when their bytes change.
//!
//! Dropping is exact: a write drops the blocks whose bytes it overlaps, and no other. A dropped block's
//! head is overwritten by an op that leads to the dispatcher, so links and jump cache entries that lead
//! there need not be found. Its place in the arena is kept for the next block of the same key, which then
//! is linked already.

use super::block::{self, Built, CodeSize, Crosses, Dialect, Draft, MAX_BLOCK, MAX_INSN, Request};
use super::op::Op;
use super::page_code::PageCode;
use crate::engine::arena::{Arena, Place};
use crate::engine::branch::Form;
use crate::features::Model;
use arch::paging::{PAGE_MASK, PAGE_SIZE};
use memory::{CodeMap, Memory, StaleBytes};
use std::collections::{HashMap, hash_map};
use std::hash::{BuildHasherDefault, Hasher};

/// Where a block is: RAM offset and mode in one word (bits 0-1 code size, bit 2 whether VEX-encoded
/// instructions exist, above them the address, above that the fields below).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Key(u64);

/// Marks the key of a block that crosses into the next page: nothing may lead there directly, so it
/// must not take the place of one that something leads to.
const CROSSING: u64 = 1 << 63;
/// Marks the key of an instruction that runs alone. Nothing but the dispatcher leads there.
const SINGLE: u64 = 1 << 62;
/// Marks the key of a block that is cut where breakpoints are.
const CUT: u64 = 1 << 61;
/// Where in the block's page its segment begins.
const SEGMENT: u32 = 49;

const _: () = assert!(SEGMENT + PAGE_SIZE.trailing_zeros() == CUT.trailing_zeros());

impl Key {
    pub(crate) fn new(offset: u64, size: CodeSize, vex: bool) -> Self {
        debug_assert!(offset >> (SEGMENT - 3) == 0, "RAM of 64 TiB");
        Self(offset << 3 | u64::from(vex) << 2 | size as u64)
    }
    /// Of a block whose segment begins at this offset in its page. Where that is not 0, the page has
    /// one instruction pointer: a branch within it always leads to the same place, in the page or,
    /// below the segment's beginning, out of it.
    pub(crate) fn of_segment_from(self, begin: u16) -> Self {
        Self(self.0 | u64::from(begin) << SEGMENT)
    }
    pub(crate) fn single(self) -> Self {
        Self(self.0 | SINGLE)
    }
    pub(crate) fn cut(self) -> Self {
        Self(self.0 | CUT)
    }
    fn is_cut(self) -> bool {
        self.0 & CUT != 0
    }
    fn crossing(self) -> Self {
        Self(self.0 | CROSSING)
    }
    fn offset(self) -> u64 {
        (self.0 & ((1 << SEGMENT) - 1)) >> 3
    }
    fn page(self) -> u64 {
        self.offset() / PAGE_SIZE
    }
    /// Offset within the page.
    fn in_page(self) -> u16 {
        (self.offset() & PAGE_MASK) as u16
    }
}

/// [`Block::second`] of an instruction that crosses to where no memory is: that holds for one use.
pub(crate) const NOWHERE: u64 = u64::MAX;

/// A published block, to the dispatcher.
#[derive(Clone, Copy)]
pub(crate) struct Block {
    /// Its first op.
    pub(crate) head: *const Op,
    /// Instructions in it.
    pub(crate) instructions: u8,
    /// RAM offset of the page its single instruction crosses into.
    pub(crate) second: Option<u64>,
}

/// A block as the cache keeps it: small, because looking one up mostly waits for this to arrive from
/// memory.
#[derive(Clone, Copy)]
struct Entry {
    /// Where its ops are.
    place: Place,
    /// Instructions in it; 0 once it is dropped.
    instructions: u8,
    /// Ops that fit in its place.
    capacity: u8,
}

const _: () = assert!(size_of::<(Key, Entry)>() == 16);

/// What a write to decoded code did.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub(crate) struct Dropped {
    /// Blocks were dropped.
    pub(crate) any: bool,
    /// The block that is being executed is one of them, or may be.
    pub(crate) current: bool,
}

/// Hashes one word by multiplication: keys are addresses, spread enough.
#[derive(Default)]
pub(crate) struct WordHasher(u64);

impl Hasher for WordHasher {
    fn finish(&self) -> u64 {
        self.0
    }
    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.write_u64(u64::from(byte));
        }
    }
    fn write_u64(&mut self, word: u64) {
        let mixed = (self.0 ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        self.0 = mixed ^ mixed >> 32;
    }
}

type WordMap<K, V> = HashMap<K, V, BuildHasherDefault<WordHasher>>;

/// Counters of the code cache, for `--stats`. None is counted where blocks lead to one another without
/// the dispatcher.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct CacheStats {
    /// Blocks built.
    pub built: u64,
    /// Instructions decoded into them.
    pub decoded: u64,
    /// Of the blocks built, those that took the place of a dropped one, with the links that lead there.
    pub rebuilt: u64,
    /// Blocks dropped because their bytes were written.
    pub dropped: u64,
    /// Writes of the CPU to pages with decoded code that touched none of it: nothing was dropped.
    pub harmless: u64,
    /// Times the whole cache was emptied.
    pub emptied: u64,
    /// Blocks cut short to end a budget exactly, or at a segment's limit: built for one use.
    pub cut: u64,
    /// Times the dispatcher looked a block up.
    pub dispatched: u64,
    /// Branches linked to the block they lead to.
    pub linked: u64,
    /// Virtual targets entered into the jump cache: each was a miss.
    pub jump_misses: u64,
}

impl CacheStats {
    /// Every counter with its name, in the order of reports.
    pub fn rows(&self) -> Vec<(&'static str, u64)> {
        let Self {
            built,
            decoded,
            rebuilt,
            dropped,
            harmless,
            emptied,
            cut,
            dispatched,
            linked,
            jump_misses,
        } = *self;
        vec![
            ("blocks built", built),
            ("instructions decoded", decoded),
            ("blocks rebuilt in place", rebuilt),
            ("blocks dropped", dropped),
            ("harmless writes to code pages", harmless),
            ("cache emptied", emptied),
            ("blocks cut for an exact stop", cut),
            ("dispatcher entries", dispatched),
            ("branches linked", linked),
            ("jump cache misses", jump_misses),
        ]
    }
}

/// All decoded code of one machine.
pub(crate) struct CodeCache {
    /// Live blocks, and dropped ones whose places are kept.
    blocks: WordMap<Key, Entry>,
    /// Of blocks that cross into the next page, its RAM offset or [`NOWHERE`].
    seconds: WordMap<Key, u64>,
    /// By RAM page.
    pages: WordMap<u64, PageCode>,
    /// The live blocks that are cut where breakpoints are.
    cut: WordMap<Key, ()>,
    arena: Arena,
    /// The block that was dropped while it was being executed.
    left: Option<Place>,
    /// The jump cache led to a dropped block: the dispatcher must not ask it again.
    pub(crate) resynced: bool,
    /// Where blocks are built. One for one use is executed there.
    pub(crate) draft: Draft,
    dialect: Dialect,
    pub(crate) stats: CacheStats,
}

impl CodeCache {
    pub(crate) fn new(model: &Model, hypercalls: bool) -> Self {
        Self {
            blocks: WordMap::default(),
            seconds: WordMap::default(),
            pages: WordMap::default(),
            cut: WordMap::default(),
            arena: Arena::new(),
            left: None,
            resynced: false,
            draft: Draft::new(),
            dialect: Dialect::of(model, hypercalls),
            stats: CacheStats::default(),
        }
    }

    /// The block at a key.
    #[inline]
    pub(crate) fn find(&self, key: Key) -> Option<Block> {
        if let Some(entry) = self.live(key) {
            return Some(self.block(entry, None));
        }
        if u64::from(key.in_page()) + MAX_INSN as u64 <= PAGE_SIZE {
            return None;
        }
        let key = key.crossing();
        self.live(key).map(|entry| self.block(entry, self.seconds.get(&key).copied()))
    }

    #[inline]
    fn live(&self, key: Key) -> Option<Entry> {
        self.blocks.get(&key).copied().filter(|entry| entry.instructions != 0)
    }

    fn block(&self, entry: Entry, second: Option<u64>) -> Block {
        Block { head: self.arena.head(entry.place), instructions: entry.instructions, second }
    }

    /// Builds a block into the draft.
    pub(crate) fn build<F: Form>(
        &mut self,
        memory: &Memory,
        request: &Request,
        second: Option<Option<u64>>,
    ) -> Result<Built, Crosses> {
        block::build::<F>(memory, &self.dialect, request, second, &mut self.draft)
    }

    /// Publishes the block of the draft. The caller marks its bytes.
    pub(crate) fn publish(&mut self, key: Key, built: &Built) -> Block {
        let second = built.second.map(|page| page.unwrap_or(NOWHERE));
        let (bytes, rest) = built.extent(key.in_page());
        let key = if second.is_some() { key.crossing() } else { key };
        let entry = self.settle(key, built.instructions);
        if key.is_cut() {
            self.cut.insert(key, ());
        }
        self.pages.entry(key.page()).or_default().add(key, &bytes);
        if let Some(second) = second {
            self.seconds.insert(key, second);
            if let (true, Some(rest)) = (second != NOWHERE, rest) {
                self.pages.entry(second / PAGE_SIZE).or_default().add(key, &rest);
            }
        }
        self.stats.built += 1;
        self.stats.decoded += u64::from(built.instructions);
        self.block(entry, second)
    }

    /// Puts the ops of the draft where the dropped block of the same key was, or in a new place.
    fn settle(&mut self, key: Key, instructions: u8) -> Entry {
        let ops = &self.draft.ops;
        let new = |place, capacity| Entry { place, instructions, capacity: capacity as u8 };
        let entry = match self.blocks.entry(key) {
            hash_map::Entry::Vacant(vacant) => {
                let place = self.arena.store(ops, ops.len());
                return *vacant.insert(new(place, ops.len()));
            }
            hash_map::Entry::Occupied(occupied) => occupied.into_mut(),
        };
        debug_assert!(entry.instructions == 0, "a live block is not built again");
        self.stats.rebuilt += 1;
        if ops.len() <= usize::from(entry.capacity) {
            self.arena.overwrite(entry.place, ops);
            entry.instructions = instructions;
        } else {
            // Whatever changes, the new place will do, and one step leads there from the old one.
            let capacity = ops.len().max(MAX_BLOCK + 1);
            let place = self.arena.store(ops, capacity);
            self.arena.forward(entry.place, place);
            *entry = new(place, capacity);
        }
        *entry
    }

    /// Keys listed by page.
    #[cfg(test)]
    pub(crate) fn listed(&self) -> usize {
        self.pages.values().map(PageCode::len).sum()
    }

    /// True if the arena is so full that the dispatcher should empty the cache.
    pub(crate) fn is_full(&self) -> bool {
        self.arena.is_full()
    }

    /// Drops the blocks that overlap written bytes of a RAM page and brings the page's marks up to
    /// date. `current` is the op being executed, if any: its block stays as it is until the dispatcher
    /// calls [`CodeCache::retire_left`].
    pub(crate) fn drop_written(
        &mut self,
        page: u64,
        bytes: &StaleBytes,
        current: *const Op,
        code: &CodeMap,
    ) -> Dropped {
        let mut dropped = Dropped::default();
        let Some(listing) = self.pages.get_mut(&page).filter(|listing| listing.is_hit_by(bytes))
        else {
            return dropped;
        };
        for key in listing.take_hit(bytes) {
            if let Some(entry) = self.blocks.get_mut(&key) {
                self.stats.dropped += 1;
                entry.instructions = 0;
                dropped.any = true;
                if self.arena.contains(entry.place, entry.capacity, current) {
                    // Its handler is at work and may be the head's own.
                    dropped.current = true;
                    self.left = Some(entry.place);
                } else {
                    self.arena.retire(entry.place);
                }
            }
            if let Some(second) = self.seconds.remove(&key).filter(|second| *second != NOWHERE) {
                // A block of two pages is listed under both, which may be one page mapped twice in a
                // row.
                let first = key.page();
                self.unlist(if first == page { second / PAGE_SIZE } else { first }, key, code);
            }
        }
        self.mark(page, code);
        // A block for one use is a copy of the beginning of a published one.
        dropped.current |= dropped.any && (current.is_null() || self.is_scratch(current));
        dropped
    }

    /// Drops every block that is cut where breakpoints were. No block is being executed.
    pub(crate) fn drop_cut(&mut self, code: &CodeMap) {
        let keys: Vec<Key> = self.cut.drain().map(|(key, ())| key).collect();
        for key in keys {
            let Some(entry) = self.blocks.get_mut(&key) else { continue };
            entry.instructions = 0;
            self.arena.retire(entry.place);
            let second = self.seconds.remove(&key).filter(|second| *second != NOWHERE);
            for page in [Some(key.page()), second.map(|second| second / PAGE_SIZE)] {
                let Some(page) = page else { continue };
                self.unlist(page, key, code);
            }
        }
    }

    /// Retires the block that was dropped while it was being executed. Before anything is looked up.
    #[inline]
    pub(crate) fn retire_left(&mut self) {
        if let Some(place) = self.left.take() {
            self.arena.retire(place);
        }
    }

    /// Takes a block out of a page's list.
    fn unlist(&mut self, page: u64, key: Key, code: &CodeMap) {
        if let Some(listing) = self.pages.get_mut(&page) {
            listing.remove(key);
            self.mark(page, code);
        }
    }

    /// Marks what is left of a page's list.
    fn mark(&mut self, page: u64, code: &CodeMap) {
        code.set(page, self.pages.get(&page).map_or(0, PageCode::granules));
        if self.pages.get(&page).is_some_and(PageCode::is_empty) {
            self.pages.remove(&page);
        }
    }

    /// True for an op of the block built for one use.
    pub(crate) fn is_scratch(&self, op: *const Op) -> bool {
        self.draft.ops.as_ptr_range().contains(&op)
    }

    /// True for an op of a published block, dropped ones included.
    pub(crate) fn holds(&self, op: *const Op) -> bool {
        self.arena.holds(op)
    }

    /// Empties the cache; the result is the pages that were in it. Only the dispatcher may, when no
    /// block is being executed.
    pub(crate) fn empty(&mut self) -> Vec<u64> {
        let pages = self.pages.drain().map(|(page, _)| page).collect();
        self.blocks.clear();
        self.left = None;
        self.cut.clear();
        self.seconds.clear();
        self.arena.clear();
        pages
    }
}
