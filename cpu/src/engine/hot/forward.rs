//! Values handed from op to op in a host register.
//!
//! The guest's registers live in memory. A chain of dependent instructions would wait at every link
//! for a store to come back as a load, some four or five cycles where the addition takes one. So a
//! handler passes what it wrote to the next one as its last argument, and the block builder, which
//! knows both, picks for a reader of that register the variant that takes the argument. The slot is
//! written all the same, so every other reader, and every way out of the block, finds it there.
//! Measured: docs/decisions/0010.

use super::{Handler, slot};
use crate::cpu::Cpu;
use crate::decode::op::{MEMORY, Op, ZERO_SLOT};

/// Where a value comes from.
pub(super) trait Value: 'static {
    /// The 64-bit value.
    ///
    /// # Safety
    /// As for [`Handler`].
    unsafe fn get(cpu: *const Cpu, op: *const Op, last: u64) -> u64;
}

macro_rules! values {
    ($($(#[$doc:meta])* $name:ident = |$cpu:ident, $op:ident| $value:expr;)*) => {$(
        $(#[$doc])*
        pub(super) struct $name;
        impl Value for $name {
            #[inline(always)]
            unsafe fn get($cpu: *const Cpu, $op: *const Op, _last: u64) -> u64 {
                // SAFETY: as for `Handler`.
                unsafe { $value }
            }
        }
    )*};
}
values! {
    /// The register of the first operand.
    Dst = |cpu, op| slot(cpu, (*op).dst);
    /// The register of the second operand.
    Src = |cpu, op| slot(cpu, (*op).src);
    /// The immediate.
    Imm = |_cpu, op| (*op).imm;
    /// The base register of the address.
    Base = |cpu, op| slot(cpu, (*op).base);
    /// The index register of the address.
    Index = |cpu, op| slot(cpu, (*op).index);
}

/// What the op before wrote.
pub(super) struct Last;
impl Value for Last {
    #[inline(always)]
    unsafe fn get(_cpu: *const Cpu, _op: *const Op, last: u64) -> u64 {
        last
    }
}

/// The general register whose value an op passes on, if any.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Leaves {
    /// None: the argument means nothing.
    Nothing,
    /// The one it was passed itself.
    Same,
    /// This one.
    Register(u8),
}

impl Leaves {
    /// What is in the argument behind an op, given what was in it before.
    pub(crate) fn after(self, before: Option<u8>) -> Option<u8> {
        match self {
            Self::Nothing => None,
            Self::Same => before,
            Self::Register(n) => Some(n),
        }
    }
}

/// Which operands of an op the op before has just written.
#[derive(Clone, Copy, Debug)]
pub(super) struct Taken {
    pub(super) dst: bool,
    pub(super) src: bool,
    pub(super) base: bool,
    pub(super) index: bool,
}

impl Taken {
    pub(super) fn of(op: &Op, last: Option<u8>) -> Self {
        let is = |n: u8| last == Some(n) && n != MEMORY && n != ZERO_SLOT;
        Self { dst: is(op.dst), src: is(op.src), base: is(op.base), index: is(op.index) }
    }
}

/// The handler chosen for an op.
#[derive(Clone, Copy)]
pub(crate) struct Choice {
    pub(crate) handler: Handler,
    /// One that leaves the flags alone, for where they are dead.
    pub(crate) flagless: Option<Handler>,
    /// It touches only registers and flags, so it cannot fault.
    pub(crate) registers: bool,
    pub(crate) leaves: Leaves,
}

impl Choice {
    /// A form with a memory operand, which passes nothing on.
    pub(super) fn memory(handler: Handler) -> Self {
        Self { handler, flagless: None, registers: false, leaves: Leaves::Nothing }
    }
    /// A form on registers that writes the first operand and no flags.
    pub(super) fn value(handler: Handler, op: &Op) -> Self {
        Self { handler, flagless: None, registers: true, leaves: Leaves::Register(op.dst) }
    }
    /// A form on registers that writes the first operand and flags.
    pub(super) fn arithmetic(handler: Handler, flagless: Handler, op: &Op) -> Self {
        Self { flagless: Some(flagless), ..Self::value(handler, op) }
    }
    /// The same choice, passing on the first operand.
    pub(super) fn leaving(self, register: u8) -> Self {
        Self { leaves: Leaves::Register(register), ..self }
    }
}
