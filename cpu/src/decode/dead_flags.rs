//! Strict dead-flag elimination: an instruction whose flags the block overwrites before anything can see
//! them runs in its flagless form.
//!
//! "Anything" counts every instruction that can fault, reach a device or leave the block as a reader, so
//! the flags are right in every interrupt frame. Measured share of the Debian boot's flag writers that this
//! finds: engine.md, part 4 (56.6 of 70.5 points of what a block could drop).

use super::op::Op;
use crate::engine::Handler;
use crate::engine::hot::{self, Choice};
use iced_x86::{Instruction, Mnemonic, OpKind};

/// What an instruction means to the flags before it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Use {
    /// Writes all six, reads none, and cannot fault.
    Kills,
    /// Writes some, reads none, and cannot fault.
    Writes,
    /// Neither reads nor writes, and cannot fault.
    Ignores,
    /// Reads, may fault, or may leave the block.
    Reads,
}

/// One op of a block as this pass sees it.
#[derive(Clone, Copy)]
pub(super) struct FlagUse {
    kind: Use,
    flagless: Option<Handler>,
    /// Handlers of this op and the one behind it in one, by whether the second's flags are live.
    pair: Option<hot::Handlers>,
}

impl FlagUse {
    /// Classifies an instruction by its chosen handler.
    pub(super) fn of(instruction: &Instruction, choice: &Choice) -> Self {
        let flagless = choice.flagless;
        if !choice.registers {
            return Self { kind: Use::Reads, flagless: None, pair: None };
        }
        let kind = match instruction.mnemonic() {
            Mnemonic::Add
            | Mnemonic::Sub
            | Mnemonic::Cmp
            | Mnemonic::And
            | Mnemonic::Or
            | Mnemonic::Xor
            | Mnemonic::Test
            | Mnemonic::Neg => Use::Kills,
            Mnemonic::Mul => Use::Writes,
            Mnemonic::Inc
            | Mnemonic::Dec
            | Mnemonic::Shl
            | Mnemonic::Sal
            | Mnemonic::Shr
            | Mnemonic::Sar
            | Mnemonic::Rol
            | Mnemonic::Ror
            | Mnemonic::Imul
                if flagless.is_some() =>
            {
                Use::Writes
            }
            _ if ignores_flags(instruction) => Use::Ignores,
            _ => Use::Reads,
        };
        Self { kind, flagless, pair: None }
    }
}

impl FlagUse {
    /// Fuses the op with the one behind it, or takes that back.
    pub(super) fn set_pair(&mut self, pair: Option<hot::Handlers>) {
        self.pair = pair;
    }
}

/// True for moves and their like between general registers.
fn ignores_flags(instruction: &Instruction) -> bool {
    let general =
        |i| instruction.op_kind(i) != OpKind::Register || instruction.op_register(i).is_gpr();
    instruction.rflags_read() == 0
        && instruction.rflags_modified() == 0
        && (0..instruction.op_count()).all(general)
}

/// Gives the ops of a block whose flags are dead their flagless handlers.
pub(super) fn eliminate(ops: &mut [Op], uses: &[FlagUse]) {
    let mut live = true;
    // Behind the op behind.
    let mut live_behind = true;
    for (op, flag_use) in ops.iter_mut().zip(uses).rev() {
        if let Some((with_flags, flagless)) = flag_use.pair {
            op.handler = if live_behind { with_flags } else { flagless };
        } else if let (false, Some(flagless)) = (live, flag_use.flagless) {
            op.handler = flagless;
        }
        live_behind = live;
        match flag_use.kind {
            Use::Kills => live = false,
            Use::Writes | Use::Ignores => {}
            Use::Reads => live = true,
        }
    }
}
