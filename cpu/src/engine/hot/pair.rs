//! MOV between registers fused with the instruction behind it: one dispatch for two instructions.
//!
//! Compilers copy a register before they change it, so a quarter of all instructions are such moves
//! (`--profile` of a Debian boot). The block keeps both ops in their places; only the move's handler
//! changes, and does the other's work too. Neither can fault.

use super::forward::{Dst, Imm, Last, Src, Taken, Value};
use super::select::{Shape, width_of};
use super::{alu, muldiv, set_slot, shift};
use crate::cpu::Cpu;
use crate::decode::op::{HIGH_BYTE, Op};
use crate::engine::{Handler, next};
use crate::insn::alu::{Add, Alu, And, Or, Sub, Xor};
use crate::insn::shift::{Sar, Shift, Shl, Shr};
use core::marker::PhantomData;
use iced_x86::{Instruction, Mnemonic};

/// The two handlers of a pair: with the second instruction's flags, and without.
pub(crate) type Handlers = (Handler, Handler);

/// The second instruction of a pair.
trait Step: 'static {
    /// Executes it; the result is what it passes on.
    ///
    /// # Safety
    /// As for [`Handler`].
    unsafe fn step(cpu: *mut Cpu, op: *const Op, last: u64) -> u64;
}

struct Arithmetic<O, D, S, const FLAGS: bool>(PhantomData<(O, D, S)>);
struct Product<A, B, const FLAGS: bool>(PhantomData<(A, B)>);
struct Shifted<S, D, const FLAGS: bool>(PhantomData<(S, D)>);
struct Copied<S>(PhantomData<S>);
struct Shortened<S>(PhantomData<S>);

impl<O: Alu, D: Value, S: Value, const FLAGS: bool> Step for Arithmetic<O, D, S, FLAGS> {
    #[inline(always)]
    unsafe fn step(cpu: *mut Cpu, op: *const Op, last: u64) -> u64 {
        // SAFETY: as for `Handler`.
        unsafe { alu::reg_step::<O, u64, D, S, FLAGS>(cpu, op, last) }
    }
}

impl<A: Value, B: Value, const FLAGS: bool> Step for Product<A, B, FLAGS> {
    #[inline(always)]
    unsafe fn step(cpu: *mut Cpu, op: *const Op, last: u64) -> u64 {
        // SAFETY: as for `Handler`.
        unsafe { muldiv::imul_step::<u64, A, B, FLAGS>(cpu, op, last) }
    }
}

impl<S: Shift, D: Value, const FLAGS: bool> Step for Shifted<S, D, FLAGS> {
    #[inline(always)]
    unsafe fn step(cpu: *mut Cpu, op: *const Op, last: u64) -> u64 {
        // SAFETY: as for `Handler`.
        unsafe { shift::immediate_step::<S, u64, D, FLAGS>(cpu, op, last) }
    }
}

impl<S: Value> Step for Copied<S> {
    #[inline(always)]
    unsafe fn step(cpu: *mut Cpu, op: *const Op, last: u64) -> u64 {
        // SAFETY: as for `Handler`.
        unsafe { set_slot::<u64>(cpu, (*op).dst, S::get(cpu, op, last)) }
    }
}

impl<S: Value> Step for Shortened<S> {
    #[inline(always)]
    unsafe fn step(cpu: *mut Cpu, op: *const Op, last: u64) -> u64 {
        // SAFETY: as for `Handler`.
        unsafe { set_slot::<u32>(cpu, (*op).dst, S::get(cpu, op, last)) }
    }
}

/// `MOV r64, r64` from `S`, and the instruction behind it.
unsafe fn move_and<S: Value, B: Step>(cpu: *mut Cpu, op: *const Op, last: u64) -> *const Op {
    // SAFETY: as for `Handler`; the op behind this one is the second instruction.
    unsafe {
        let moved = set_slot::<u64>(cpu, (*op).dst, S::get(cpu, op, last));
        let op = op.add(1);
        let last = B::step(cpu, op, moved);
        next(cpu, op, last)
    }
}

/// The handlers of a 64-bit MOV between registers and the instruction behind it. `last` is the register
/// passed on to the move.
pub(crate) fn pair(
    first: &Instruction,
    op: &Op,
    last: Option<u8>,
    second: &Instruction,
    second_op: &Op,
) -> Option<Handlers> {
    if first.mnemonic() != Mnemonic::Mov
        || (second_op.dst | second_op.src) & HIGH_BYTE != 0
        || width_of(first) != 64
        || Shape::of(first, op, Taken::of(op, last))? != Shape::RegReg
    {
        return None;
    }
    if Taken::of(op, last).src {
        behind::<Last>(second, second_op, op.dst)
    } else {
        behind::<Src>(second, second_op, op.dst)
    }
}

fn behind<M: Value>(second: &Instruction, op: &Op, moved: u8) -> Option<Handlers> {
    let taken = Taken::of(op, Some(moved));
    let shape = Shape::of(second, op, taken)?;
    let plain = |handler: Handler| Some((handler, handler));
    match (second.mnemonic(), width_of(second), shape) {
        (Mnemonic::Add, 64, _) => arithmetic::<M, Add>(shape, taken),
        (Mnemonic::Sub, 64, _) => arithmetic::<M, Sub>(shape, taken),
        (Mnemonic::And, 64, _) => arithmetic::<M, And>(shape, taken),
        (Mnemonic::Or, 64, _) => arithmetic::<M, Or>(shape, taken),
        (Mnemonic::Xor, 64, _) => arithmetic::<M, Xor>(shape, taken),
        (Mnemonic::Imul, 64, Shape::RegReg) if second.op_count() == 2 => product::<M>(taken),
        (Mnemonic::Shl, 64, Shape::RegImm) => shifted::<M, Shl>(op, taken),
        (Mnemonic::Shr, 64, Shape::RegImm) => shifted::<M, Shr>(op, taken),
        (Mnemonic::Sar, 64, Shape::RegImm) => shifted::<M, Sar>(op, taken),
        (Mnemonic::Mov, 64, Shape::RegReg) if taken.src => plain(move_and::<M, Copied<Last>>),
        (Mnemonic::Mov, 64, Shape::RegReg) => plain(move_and::<M, Copied<Src>>),
        (Mnemonic::Mov, 32, Shape::RegReg) if taken.src => plain(move_and::<M, Shortened<Last>>),
        (Mnemonic::Mov, 32, Shape::RegReg) => plain(move_and::<M, Shortened<Src>>),
        _ => None,
    }
}

fn arithmetic<M: Value, O: Alu>(shape: Shape, taken: Taken) -> Option<Handlers> {
    fn of<M: Value, O: Alu, D: Value, S: Value>() -> Option<Handlers> {
        Some((move_and::<M, Arithmetic<O, D, S, true>>, move_and::<M, Arithmetic<O, D, S, false>>))
    }
    match (shape, taken.dst, taken.src) {
        (Shape::RegImm, true, _) => of::<M, O, Last, Imm>(),
        (Shape::RegImm, false, _) => of::<M, O, Dst, Imm>(),
        (Shape::RegReg, true, true) => of::<M, O, Last, Last>(),
        (Shape::RegReg, true, false) => of::<M, O, Last, Src>(),
        (Shape::RegReg, false, true) => of::<M, O, Dst, Last>(),
        (Shape::RegReg, false, false) => of::<M, O, Dst, Src>(),
        _ => None,
    }
}

fn product<M: Value>(taken: Taken) -> Option<Handlers> {
    fn of<M: Value, A: Value, B: Value>() -> Option<Handlers> {
        Some((move_and::<M, Product<A, B, true>>, move_and::<M, Product<A, B, false>>))
    }
    match (taken.dst, taken.src) {
        (true, true) => of::<M, Last, Last>(),
        (true, false) => of::<M, Last, Src>(),
        (false, true) => of::<M, Dst, Last>(),
        (false, false) => of::<M, Dst, Src>(),
    }
}

fn shifted<M: Value, S: Shift>(op: &Op, taken: Taken) -> Option<Handlers> {
    // A count of 0 leaves the flags, which the step does not look at.
    if op.imm & 63 == 0 {
        return None;
    }
    Some(if taken.dst {
        (move_and::<M, Shifted<S, Last, true>>, move_and::<M, Shifted<S, Last, false>>)
    } else {
        (move_and::<M, Shifted<S, Dst, true>>, move_and::<M, Shifted<S, Dst, false>>)
    })
}
