//! Joining neighbours: where the engine has one handler for an op and the one behind it, the first gets
//! it. The second stays as it is, for jumps to it and for exact stops.

use super::dead_flags::FlagUse;
use super::op::Op;
use crate::engine::branch::Form;
use crate::engine::hot::{self, Leaves};
use iced_x86::Instruction;

/// What the builder knows of the ops before the current one.
pub(super) struct Chain {
    previous: Instruction,
    /// The register that the op before the previous one passed on.
    before: Option<u8>,
    /// The register that the previous op passed on.
    last: Option<u8>,
    /// The previous op is the second of a pair.
    paired: bool,
}

impl Chain {
    /// At the beginning of a block.
    pub(super) fn new() -> Self {
        Self { previous: Instruction::default(), before: None, last: None, paired: false }
    }

    /// The register that the previous op passes on.
    pub(super) fn last(&self) -> Option<u8> {
        self.last
    }

    /// Joins the last of `ops`, which `uses` describe, with the instruction that follows.
    pub(super) fn join<F: Form>(
        &mut self,
        ops: &mut [Op],
        uses: &mut [FlagUse],
        instruction: &Instruction,
        op: &Op,
    ) {
        let Some(first) = ops.last_mut() else { return };
        let fused = hot::fuse::<F>(&self.previous, first, self.before, instruction)
            .or_else(|| hot::carry(&self.previous, first, self.before, instruction, op));
        if let Some(fused) = fused {
            first.handler = fused;
            // It is no longer the second of a pair.
            if self.paired
                && let [.., earlier, _] = uses
            {
                earlier.set_pair(None);
            }
            self.paired = false;
            return;
        }
        let pair = match self.paired {
            true => None,
            false => hot::pair(&self.previous, first, self.before, instruction, op),
        };
        self.paired = pair.is_some();
        if let Some(use_of_first) = uses.last_mut() {
            use_of_first.set_pair(pair);
        }
    }

    /// Goes on behind an instruction that leaves a register to the next.
    pub(super) fn advance(&mut self, instruction: &Instruction, leaves: Leaves) {
        self.previous = *instruction;
        (self.before, self.last) = (self.last, leaves.after(self.last));
    }
}
