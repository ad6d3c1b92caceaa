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
use crate::flags::Width;
use crate::insn::alu::{Add, Alu, And, Or, Sub, Xor};
use crate::insn::shift::{Sar, Shift, Shl, Shr, masked};
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

struct Arithmetic<O, W, D, S, const FLAGS: bool>(PhantomData<(O, W, D, S)>);
struct Product<W, A, B, const FLAGS: bool>(PhantomData<(W, A, B)>);
struct Shifted<S, W, D, const FLAGS: bool>(PhantomData<(S, W, D)>);
struct Copied<S>(PhantomData<S>);
struct Shortened<S>(PhantomData<S>);

impl<O: Alu, W: Width, D: Value, S: Value, const FLAGS: bool> Step
    for Arithmetic<O, W, D, S, FLAGS>
{
    #[inline(always)]
    unsafe fn step(cpu: *mut Cpu, op: *const Op, last: u64) -> u64 {
        // SAFETY: as for `Handler`.
        unsafe { alu::reg_step::<O, W, D, S, FLAGS>(cpu, op, last) }
    }
}

impl<W: Width, A: Value, B: Value, const FLAGS: bool> Step for Product<W, A, B, FLAGS> {
    #[inline(always)]
    unsafe fn step(cpu: *mut Cpu, op: *const Op, last: u64) -> u64 {
        // SAFETY: as for `Handler`.
        unsafe { muldiv::imul_step::<W, A, B, FLAGS>(cpu, op, last) }
    }
}

impl<S: Shift, W: Width, D: Value, const FLAGS: bool> Step for Shifted<S, W, D, FLAGS> {
    #[inline(always)]
    unsafe fn step(cpu: *mut Cpu, op: *const Op, last: u64) -> u64 {
        // SAFETY: as for `Handler`.
        unsafe { shift::immediate_step::<S, W, D, FLAGS>(cpu, op, last) }
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

/// `MOV r, r` from `S`, and the instruction behind it.
unsafe fn move_and<W: Width, S: Value, B: Step>(
    cpu: *mut Cpu,
    op: *const Op,
    last: u64,
) -> *const Op {
    // SAFETY: as for `Handler`; the op behind this one is the second instruction.
    unsafe {
        let moved = set_slot::<W>(cpu, (*op).dst, S::get(cpu, op, last));
        let op = op.add(1);
        let last = B::step(cpu, op, moved);
        next(cpu, op, last)
    }
}

/// The handlers of a MOV between registers of 32 or 64 bits and the instruction behind it. `last` is the
/// register passed on to the move.
pub(crate) fn pair(
    first: &Instruction,
    op: &Op,
    last: Option<u8>,
    second: &Instruction,
    second_op: &Op,
) -> Option<Handlers> {
    let taken = Taken::of(op, last);
    if first.mnemonic() != Mnemonic::Mov
        || (second_op.dst | second_op.src) & HIGH_BYTE != 0
        || Shape::of(first, op, taken)? != Shape::RegReg
    {
        return None;
    }
    match (width_of(first), taken.src) {
        (32, true) => behind::<u32, Last>(second, second_op, op.dst),
        (32, false) => behind::<u32, Src>(second, second_op, op.dst),
        (64, true) => behind::<u64, Last>(second, second_op, op.dst),
        (64, false) => behind::<u64, Src>(second, second_op, op.dst),
        _ => None,
    }
}

fn behind<W: Width, M: Value>(second: &Instruction, op: &Op, moved: u8) -> Option<Handlers> {
    let taken = Taken::of(op, Some(moved));
    let shape = Shape::of(second, op, taken)?;
    let width = width_of(second);
    if second.mnemonic() == Mnemonic::Mov && shape == Shape::RegReg {
        let handler: Handler = match (width, taken.src) {
            (64, true) => move_and::<W, M, Copied<Last>>,
            (64, false) => move_and::<W, M, Copied<Src>>,
            (32, true) => move_and::<W, M, Shortened<Last>>,
            (32, false) => move_and::<W, M, Shortened<Src>>,
            _ => return None,
        };
        return Some((handler, handler));
    }
    if width != W::BITS {
        return None;
    }
    match (second.mnemonic(), shape) {
        (Mnemonic::Add, _) => arithmetic::<W, M, Add>(shape, taken),
        (Mnemonic::Sub, _) => arithmetic::<W, M, Sub>(shape, taken),
        (Mnemonic::And, _) => arithmetic::<W, M, And>(shape, taken),
        (Mnemonic::Or, _) => arithmetic::<W, M, Or>(shape, taken),
        (Mnemonic::Xor, _) => arithmetic::<W, M, Xor>(shape, taken),
        (Mnemonic::Imul, Shape::RegReg) if second.op_count() == 2 => product::<W, M>(taken),
        (Mnemonic::Shl, Shape::RegImm) => shifted::<W, M, Shl>(op, taken),
        (Mnemonic::Shr, Shape::RegImm) => shifted::<W, M, Shr>(op, taken),
        (Mnemonic::Sar, Shape::RegImm) => shifted::<W, M, Sar>(op, taken),
        _ => None,
    }
}

fn arithmetic<W: Width, M: Value, O: Alu>(shape: Shape, taken: Taken) -> Option<Handlers> {
    fn of<W: Width, M: Value, O: Alu, D: Value, S: Value>() -> Option<Handlers> {
        Some((
            move_and::<W, M, Arithmetic<O, W, D, S, true>>,
            move_and::<W, M, Arithmetic<O, W, D, S, false>>,
        ))
    }
    match (shape, taken.dst, taken.src) {
        (Shape::RegImm, true, _) => of::<W, M, O, Last, Imm>(),
        (Shape::RegImm, false, _) => of::<W, M, O, Dst, Imm>(),
        (Shape::RegReg, true, true) => of::<W, M, O, Last, Last>(),
        (Shape::RegReg, true, false) => of::<W, M, O, Last, Src>(),
        (Shape::RegReg, false, true) => of::<W, M, O, Dst, Last>(),
        (Shape::RegReg, false, false) => of::<W, M, O, Dst, Src>(),
        _ => None,
    }
}

fn product<W: Width, M: Value>(taken: Taken) -> Option<Handlers> {
    fn of<W: Width, M: Value, A: Value, B: Value>() -> Option<Handlers> {
        Some((move_and::<W, M, Product<W, A, B, true>>, move_and::<W, M, Product<W, A, B, false>>))
    }
    match (taken.dst, taken.src) {
        (true, true) => of::<W, M, Last, Last>(),
        (true, false) => of::<W, M, Last, Src>(),
        (false, true) => of::<W, M, Dst, Last>(),
        (false, false) => of::<W, M, Dst, Src>(),
    }
}

fn shifted<W: Width, M: Value, S: Shift>(op: &Op, taken: Taken) -> Option<Handlers> {
    // A count of 0 leaves the flags, which the step does not look at.
    if masked::<W>(op.imm) == 0 {
        return None;
    }
    Some(if taken.dst {
        (move_and::<W, M, Shifted<S, W, Last, true>>, move_and::<W, M, Shifted<S, W, Last, false>>)
    } else {
        (move_and::<W, M, Shifted<S, W, Dst, true>>, move_and::<W, M, Shifted<S, W, Dst, false>>)
    })
}
