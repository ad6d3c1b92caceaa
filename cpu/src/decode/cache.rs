//! The block cache: blocks by RAM address and mode, dropped by page when their bytes change.

use super::block::CodeSize;
use super::op::Op;
use crate::engine::arena::Arena;
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

/// Entries of the virtual jump cache, a power of two.
const JUMPS: usize = 4096;

/// Where a block is: RAM offset and mode in one word (bits 0-1 mode, above them the address).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Key(u64);

impl Key {
    pub(crate) fn new(offset: u64, size: CodeSize) -> Self {
        Self(offset << 2 | size as u64)
    }
    fn page(self) -> u64 {
        self.0 >> 14
    }
}

/// [`Block::second`] of an instruction that crosses to where no memory is: that holds for one use.
pub(crate) const NOWHERE: u64 = u64::MAX;

/// A published block.
#[derive(Clone, Copy)]
pub(crate) struct Block {
    /// Its first op.
    pub(crate) head: *const Op,
    /// Instructions in it.
    pub(crate) instructions: u8,
    /// RAM offset of the page its single instruction crosses into.
    pub(crate) second: Option<u64>,
}

/// An entry of the virtual jump cache.
#[derive(Clone, Copy)]
pub(crate) struct Jump {
    /// Instruction pointer of the target.
    ip: u64,
    /// Translation epoch and mode under which it holds.
    tag: u64,
    /// The block's first op.
    pub(crate) op: *const Op,
    /// Instruction pointer of the target page's first byte.
    pub(crate) page_ip: u64,
}

const NO_JUMP: Jump = Jump { ip: 0, tag: 0, op: core::ptr::null(), page_ip: 0 };

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

/// Counters of the code cache, for `--stats`.
#[derive(Clone, Copy, Default, Debug)]
pub struct CacheStats {
    /// Blocks built.
    pub built: u64,
    /// Instructions decoded into them.
    pub decoded: u64,
    /// Blocks dropped because their page was written.
    pub dropped: u64,
    /// Times the whole cache was emptied.
    pub emptied: u64,
    /// Blocks cut short to end a budget exactly.
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
        let Self { built, decoded, dropped, emptied, cut, dispatched, linked, jump_misses } = *self;
        vec![
            ("blocks built", built),
            ("instructions decoded", decoded),
            ("blocks dropped", dropped),
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
    blocks: WordMap<Key, Block>,
    /// Keys of the blocks whose bytes lie (also) in a RAM page.
    pages: WordMap<u64, Vec<Key>>,
    arena: Arena,
    jumps: Box<[Jump; JUMPS]>,
    /// A block built for one use.
    pub(crate) scratch: Vec<Op>,
    pub(crate) stats: CacheStats,
}

impl CodeCache {
    pub(crate) fn new() -> Self {
        Self {
            blocks: WordMap::default(),
            pages: WordMap::default(),
            arena: Arena::new(),
            jumps: Box::new([NO_JUMP; JUMPS]),
            scratch: Vec::with_capacity(64),
            stats: CacheStats::default(),
        }
    }

    /// The block at a key.
    #[inline]
    pub(crate) fn find(&self, key: Key) -> Option<Block> {
        self.blocks.get(&key).copied()
    }

    /// Publishes a block whose ops are `ops`.
    pub(crate) fn publish(
        &mut self,
        key: Key,
        ops: &[Op],
        instructions: u8,
        second: Option<u64>,
    ) -> Block {
        let block = Block { head: self.arena.store(ops), instructions, second };
        self.blocks.insert(key, block);
        self.pages.entry(key.page()).or_default().push(key);
        if let Some(page) = second.filter(|&page| page != NOWHERE) {
            self.pages.entry(page >> 12).or_default().push(key);
        }
        self.stats.built += 1;
        self.stats.decoded += u64::from(instructions);
        block
    }

    /// Keys listed by page.
    #[cfg(test)]
    pub(crate) fn listed(&self) -> usize {
        self.pages.values().map(Vec::len).sum()
    }

    /// True if the arena is so full that the dispatcher should empty the cache.
    pub(crate) fn is_full(&self) -> bool {
        self.arena.is_full()
    }

    /// Drops the blocks of a RAM page. Their ops stay readable until the dispatcher runs. Links lead only
    /// within a page, so none leads here from outside; the jump cache does, and the caller ends its
    /// epoch.
    pub(crate) fn drop_page(&mut self, page: u64) {
        let Some(keys) = self.pages.remove(&page) else { return };
        for key in keys {
            let Some(block) = self.blocks.remove(&key) else { continue };
            self.stats.dropped += 1;
            // A block of two pages is listed under both.
            let other =
                if page == key.page() { block.second.map(|at| at >> 12) } else { Some(key.page()) };
            if let Some(others) = other.and_then(|other| self.pages.get_mut(&other)) {
                others.retain(|&listed| listed != key);
            }
        }
    }

    /// Empties the cache. Only the dispatcher may, when no block is being executed.
    pub(crate) fn empty(&mut self) -> Vec<u64> {
        let pages = self.pages.drain().map(|(page, _)| page).collect();
        self.blocks.clear();
        self.jumps.fill(NO_JUMP);
        self.arena.clear();
        self.stats.emptied += 1;
        pages
    }

    /// The jump cache's answer for a target.
    #[inline(always)]
    pub(crate) fn jump_target(&self, ip: u64, tag: u64) -> Option<&Jump> {
        let entry = &self.jumps[slot(ip)];
        (entry.ip == ip && entry.tag == tag).then_some(entry)
    }

    /// Remembers where a virtual address leads.
    pub(crate) fn remember_jump(&mut self, ip: u64, tag: u64, op: *const Op, page_ip: u64) {
        self.jumps[slot(ip)] = Jump { ip, tag, op, page_ip };
    }
}

#[inline(always)]
fn slot(ip: u64) -> usize {
    (ip ^ ip >> 12) as usize & (JUMPS - 1)
}
