//! Shifts and rotations of registers by an immediate, and SHL, SHR and SAR by CL.

use super::forward::{Choice, Dst, Last, Taken, Value};
use super::select::Shape;
use super::{set_slot, slot};
use crate::cpu::{Cpu, reg};
use crate::decode::op::Op;
use crate::engine::next;
use crate::flags::Width;
use crate::insn::shift::{Rol, Ror, Sar, Shift, Shl, Shr, masked};
use iced_x86::Mnemonic;

/// By an immediate whose masked value is not 0.
unsafe fn by_immediate<S: Shift, W: Width, D: Value, const FLAGS: bool>(
    cpu: *mut Cpu,
    op: *const Op,
    last: u64,
) -> *const Op {
    // SAFETY: as for `Handler`.
    unsafe {
        let last = immediate_step::<S, W, D, FLAGS>(cpu, op, last);
        next(cpu, op, last)
    }
}

/// What a shift by an immediate does; the result is what it passes on.
///
/// # Safety
/// As for [`Handler`].
#[inline(always)]
pub(super) unsafe fn immediate_step<S: Shift, W: Width, D: Value, const FLAGS: bool>(
    cpu: *mut Cpu,
    op: *const Op,
    last: u64,
) -> u64 {
    // SAFETY: as for `Handler`.
    unsafe {
        let value = D::get(cpu, op, last) & W::MASK;
        let (result, status) = S::eval::<W>((*cpu).status, value, masked::<W>((*op).imm));
        if FLAGS {
            (*cpu).status = status;
        }
        set_slot::<W>(cpu, (*op).dst, result)
    }
}

/// By CL. A count of 0 leaves the flags, and still zero-extends a 32-bit register.
unsafe fn by_cl<S: Shift, W: Width, D: Value>(
    cpu: *mut Cpu,
    op: *const Op,
    last: u64,
) -> *const Op {
    // SAFETY: as for `Handler`.
    unsafe {
        let mut value = D::get(cpu, op, last) & W::MASK;
        let count = masked::<W>(slot(cpu, reg::RCX));
        if count != 0 {
            let (result, status) = S::eval::<W>((*cpu).status, value, count);
            (*cpu).status = status;
            value = result;
        }
        let last = set_slot::<W>(cpu, (*op).dst, value);
        next(cpu, op, last)
    }
}

/// The form of a shift or rotation.
pub(super) fn pick(
    mnemonic: Mnemonic,
    shape: Shape,
    width: u32,
    op: &Op,
    taken: Taken,
) -> Option<Choice> {
    match (mnemonic, width) {
        (Mnemonic::Shl | Mnemonic::Sal, 32) => of::<Shl, u32>(shape, op, taken),
        (Mnemonic::Shl | Mnemonic::Sal, 64) => of::<Shl, u64>(shape, op, taken),
        (Mnemonic::Shr, 32) => of::<Shr, u32>(shape, op, taken),
        (Mnemonic::Shr, 64) => of::<Shr, u64>(shape, op, taken),
        (Mnemonic::Sar, 32) => of::<Sar, u32>(shape, op, taken),
        (Mnemonic::Sar, 64) => of::<Sar, u64>(shape, op, taken),
        (Mnemonic::Rol, 32) => of::<Rol, u32>(shape, op, taken),
        (Mnemonic::Rol, 64) => of::<Rol, u64>(shape, op, taken),
        (Mnemonic::Ror, 32) => of::<Ror, u32>(shape, op, taken),
        (Mnemonic::Ror, 64) => of::<Ror, u64>(shape, op, taken),
        _ => None,
    }
}

fn of<S: Shift, W: Width>(shape: Shape, op: &Op, taken: Taken) -> Option<Choice> {
    Some(match shape {
        Shape::RegImm if masked::<W>(op.imm) == 0 => return None,
        Shape::RegImm if taken.dst => Choice::arithmetic(
            by_immediate::<S, W, Last, true>,
            by_immediate::<S, W, Last, false>,
            op,
        ),
        Shape::RegImm => Choice::arithmetic(
            by_immediate::<S, W, Dst, true>,
            by_immediate::<S, W, Dst, false>,
            op,
        ),
        // The second operand is CL.
        Shape::RegReg if taken.dst => Choice::value(by_cl::<S, W, Last>, op),
        Shape::RegReg => Choice::value(by_cl::<S, W, Dst>, op),
        _ => return None,
    })
}
