//! Where published ops live: chunks that never move, freed all at once.
//!
//! A block does not change while it is published. Once it is dropped its head leads to the dispatcher,
//! or on to another place, until a new block takes the place.

use super::dispatch::resync;
use crate::decode::op::Op;

/// Ops in a chunk.
const CHUNK: usize = 16 * 1024;
/// Chunks after which the cache is emptied: 640 K ops, 25 MiB.
const CHUNKS: usize = 40;

/// Storage of ops with stable addresses.
pub(crate) struct Arena {
    chunks: Vec<Chunk>,
}

struct Chunk {
    ops: Vec<Op>,
    /// Where they begin; kept because through it heads and links are written later.
    base: *mut Op,
}

impl Chunk {
    fn new() -> Self {
        let mut ops = Vec::with_capacity(CHUNK);
        let base = ops.as_mut_ptr();
        Self { ops, base }
    }
}

/// The number of a block's first op: half the size of its address.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Place(u32);

impl Arena {
    pub(crate) fn new() -> Self {
        Self { chunks: Vec::new() }
    }

    /// Copies a block's ops into a new place with room for `capacity`.
    pub(crate) fn store(&mut self, ops: &[Op], capacity: usize) -> Place {
        debug_assert!(!ops.is_empty() && ops.len() <= capacity && capacity <= CHUNK);
        if self.chunks.last().is_none_or(|chunk| chunk.ops.len() + capacity > CHUNK) {
            self.chunks.push(Chunk::new());
        }
        let number = self.chunks.len() - 1;
        let chunk = &mut self.chunks[number].ops;
        let at = chunk.len();
        // Within capacity, so earlier ops do not move.
        chunk.extend_from_slice(ops);
        chunk.resize(at + capacity, ops[0]);
        Place((number * CHUNK + at) as u32)
    }

    /// The first op of a place.
    #[inline]
    pub(crate) fn head(&self, place: Place) -> *const Op {
        let place = place.0 as usize;
        let chunk = &self.chunks[place / CHUNK];
        debug_assert!(place % CHUNK < chunk.ops.len());
        // SAFETY: places are made by `store` and given up by `clear`, so the op is within the chunk.
        unsafe { chunk.base.add(place % CHUNK) }
    }

    /// True if an op is in the arena.
    pub(crate) fn holds(&self, op: *const Op) -> bool {
        let mut chunks = self.chunks.iter();
        chunks.any(|chunk| chunk.ops.as_ptr_range().contains(&op))
    }

    /// True if an op is one of the `capacity` of a place.
    pub(crate) fn contains(&self, place: Place, capacity: u8, op: *const Op) -> bool {
        let head = self.head(place);
        (head..head.wrapping_add(usize::from(capacity))).contains(&op)
    }

    /// Copies ops to the place of a dropped block, which has room for them. Only the dispatcher may,
    /// when no block is being executed.
    pub(crate) fn overwrite(&mut self, place: Place, ops: &[Op]) {
        let head = self.head(place).cast_mut();
        // SAFETY: the cache compared the capacity; no reference to an op exists while the dispatcher
        // runs.
        unsafe { core::ptr::copy_nonoverlapping(ops.as_ptr(), head, ops.len()) }
    }

    /// Makes a dropped block's head lead to the dispatcher. The block must not be the one that is being
    /// executed.
    pub(crate) fn retire(&mut self, place: Place) {
        let head = self.head(place).cast_mut();
        // SAFETY: a head of this arena, to which no reference exists.
        unsafe {
            (&raw mut (*head).handler).write(resync);
            (&raw mut (*head).link).write(core::ptr::null());
        }
    }

    /// Makes a retired head lead to another block.
    pub(crate) fn forward(&mut self, from: Place, to: Place) {
        let (from, to) = (self.head(from).cast_mut(), self.head(to));
        // SAFETY: as for `retire`.
        unsafe { (&raw mut (*from).link).write(to.cast()) }
    }

    pub(crate) fn is_full(&self) -> bool {
        self.chunks.len() > CHUNKS
    }

    pub(crate) fn clear(&mut self) {
        self.chunks.clear();
    }
}
