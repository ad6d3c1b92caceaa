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
    chunks: Vec<Vec<Op>>,
}

impl Arena {
    pub(crate) fn new() -> Self {
        Self { chunks: Vec::new() }
    }

    /// Copies a block's ops into a new place with room for `capacity`; the result points at the first.
    pub(crate) fn store(&mut self, ops: &[Op], capacity: usize) -> *const Op {
        debug_assert!(!ops.is_empty() && ops.len() <= capacity && capacity <= CHUNK);
        if self.chunks.last().is_none_or(|chunk| chunk.len() + capacity > CHUNK) {
            self.chunks.push(Vec::with_capacity(CHUNK));
        }
        let Some(chunk) = self.chunks.last_mut() else { unreachable!("a chunk was just pushed") };
        let at = chunk.len();
        // Within capacity, so earlier ops do not move.
        chunk.extend_from_slice(ops);
        chunk.resize(at + capacity, ops[0]);
        // A mutable provenance: links are filled in through it later.
        // SAFETY: `at` is within the vector's length.
        unsafe { chunk.as_mut_ptr().add(at).cast_const() }
    }

    /// Copies ops to the place of a dropped block, which has room for them. Only the dispatcher may,
    /// when no block is being executed.
    pub(crate) fn overwrite(&mut self, head: *const Op, ops: &[Op]) {
        // SAFETY: the cache gives heads of this arena and compared the capacity; no reference to an op
        // exists while the dispatcher runs.
        unsafe { core::ptr::copy_nonoverlapping(ops.as_ptr(), head.cast_mut(), ops.len()) }
    }

    /// Makes a dropped block's head lead to the dispatcher. The block must not be the one that is being
    /// executed.
    pub(crate) fn retire(&mut self, head: *const Op) {
        // SAFETY: a head of this arena, to which no reference exists.
        unsafe {
            let head = head.cast_mut();
            (&raw mut (*head).handler).write(resync);
            (&raw mut (*head).link).write(core::ptr::null());
        }
    }

    /// Makes a retired head lead to another block.
    pub(crate) fn forward(&mut self, from: *const Op, to: *const Op) {
        // SAFETY: as for `retire`.
        unsafe { (&raw mut (*from.cast_mut()).link).write(to.cast()) }
    }

    pub(crate) fn is_full(&self) -> bool {
        self.chunks.len() > CHUNKS
    }

    pub(crate) fn clear(&mut self) {
        self.chunks.clear();
    }
}
