//! Where published ops live: chunks that never move, freed all at once.

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

    /// Copies a block's ops in; the result points at the first.
    pub(crate) fn store(&mut self, ops: &[Op]) -> *const Op {
        debug_assert!(ops.len() <= CHUNK);
        if self.chunks.last().is_none_or(|chunk| chunk.len() + ops.len() > CHUNK) {
            self.chunks.push(Vec::with_capacity(CHUNK));
        }
        let Some(chunk) = self.chunks.last_mut() else { unreachable!("a chunk was just pushed") };
        let at = chunk.len();
        // Within capacity, so earlier ops do not move.
        chunk.extend_from_slice(ops);
        // A mutable provenance: links are filled in through it later.
        // SAFETY: `at` is within the vector's length.
        unsafe { chunk.as_mut_ptr().add(at).cast_const() }
    }

    pub(crate) fn is_full(&self) -> bool {
        self.chunks.len() > CHUNKS
    }

    pub(crate) fn clear(&mut self) {
        self.chunks.clear();
    }
}
