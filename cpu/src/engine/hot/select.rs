//! Which instructions have a hot form: by mnemonic, operand shape and width.

use super::forward::{Choice, Taken};
use super::{alu, atomic, condition, mov, muldiv, shift};
use crate::decode::lower::ATTR_RIP_FULL;
use crate::decode::op::{AddressSize, HIGH_BYTE, MEMORY, Op, ZERO_SLOT};
use crate::insn::alu::{Adc, Add, And, Cmp, Dec, Inc, Neg, Not, Or, Sbb, Sub, Test, Xor};
use iced_x86::{Code, ConditionCode, Instruction, Mnemonic, OpKind};

/// The hot form of a 64-bit mode instruction, if it has one, behind an op that passed on the register
/// `last`. For forms with a memory operand the caller keeps the complete form in the op's link.
pub(crate) fn select(instruction: &Instruction, op: &Op, last: Option<u8>) -> Option<Choice> {
    if (op.dst | op.src) & HIGH_BYTE != 0 {
        return None;
    }
    let taken = Taken::of(op, last);
    let shape = Shape::of(instruction, op, taken)?;
    let width = width_of(instruction);
    match instruction.mnemonic() {
        Mnemonic::Add => alu::pick::<Add>(shape, width, op, taken),
        Mnemonic::Adc => alu::pick::<Adc>(shape, width, op, taken),
        Mnemonic::Sub => alu::pick::<Sub>(shape, width, op, taken),
        Mnemonic::Sbb => alu::pick::<Sbb>(shape, width, op, taken),
        Mnemonic::And => alu::pick::<And>(shape, width, op, taken),
        Mnemonic::Or => alu::pick::<Or>(shape, width, op, taken),
        Mnemonic::Xor => alu::pick::<Xor>(shape, width, op, taken),
        Mnemonic::Cmp => alu::pick::<Cmp>(shape, width, op, taken),
        Mnemonic::Test => alu::pick::<Test>(shape, width, op, taken),
        Mnemonic::Inc => alu::pick_unary::<Inc>(shape, width, op, taken),
        Mnemonic::Dec => alu::pick_unary::<Dec>(shape, width, op, taken),
        Mnemonic::Neg => alu::pick_unary::<Neg>(shape, width, op, taken),
        Mnemonic::Not => alu::pick_unary::<Not>(shape, width, op, taken),
        Mnemonic::Mul => muldiv::pick_mul(shape, width, op, taken, last),
        Mnemonic::Imul => muldiv::pick_imul(instruction, shape, width, op, taken),
        Mnemonic::Mov => mov::pick(instruction, shape, width, op, taken),
        Mnemonic::Movzx | Mnemonic::Movsx | Mnemonic::Movsxd => {
            mov::pick_extend(instruction, shape, width, op, taken)
        }
        Mnemonic::Lea => mov::pick_lea(shape, width, op),
        Mnemonic::Push => match instruction.code() {
            Code::Push_r64 | Code::Push_rm64 => mov::pick_push(shape, taken),
            Code::Pushq_imm8 | Code::Pushq_imm32 => Some(mov::push_immediate()),
            _ => None,
        },
        Mnemonic::Pop if width == 64 => mov::pick_pop(shape, op),
        mnemonic => {
            let condition = instruction.condition_code();
            if condition == ConditionCode::None {
                atomic::pick(mnemonic, shape, width)
                    .or_else(|| shift::pick(mnemonic, shape, width, op, taken))
            } else if instruction.op0_kind() != OpKind::Register {
                // A branch, or SETcc of memory.
                None
            } else if instruction.op_count() == 1 {
                condition::pick_set(shape, condition, op)
            } else {
                condition::pick_mov(shape, condition, width, op, taken)
            }
        }
    }
}

/// What the operands are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Shape {
    Reg,
    Mem(AddressForm),
    RegReg,
    RegImm,
    RegMem(AddressForm),
    MemReg(AddressForm),
    MemImm(AddressForm),
}

/// How the address is made, and which part of it the op before has just written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum AddressForm {
    Simple,
    SimpleLast,
    Indexed,
    BaseLast,
    IndexLast,
    Based,
}

/// A handler whose last type parameter is the address of a [`AddressForm`].
macro_rules! by_form {
    ($form:expr, $handler:ident::<$($parameter:ty),*>) => {
        match $form {
            AddressForm::Simple => $handler::<$($parameter,)* Simple<Base>> as Handler,
            AddressForm::SimpleLast => $handler::<$($parameter,)* Simple<Last>>,
            AddressForm::Indexed => $handler::<$($parameter,)* Indexed<Base, Index>>,
            AddressForm::BaseLast => $handler::<$($parameter,)* Indexed<Last, Index>>,
            AddressForm::IndexLast => $handler::<$($parameter,)* Indexed<Base, Last>>,
            AddressForm::Based => $handler::<$($parameter,)* Based>,
        }
    };
}
pub(super) use by_form;

impl Shape {
    pub(super) fn of(instruction: &Instruction, op: &Op, taken: Taken) -> Option<Self> {
        let memory = op.dst == MEMORY || op.src == MEMORY;
        let form = if memory { AddressForm::of(op, taken)? } else { AddressForm::Simple };
        let immediate = |n| !matches!(instruction.op_kind(n), OpKind::Register | OpKind::Memory);
        let general =
            |n| instruction.op_kind(n) != OpKind::Register || instruction.op_register(n).is_gpr();
        if !(0..instruction.op_count()).all(general) {
            return None;
        }
        match instruction.op_count() {
            1 if op.dst == MEMORY => Some(Self::Mem(form)),
            1 => Some(Self::Reg),
            // The third operand is an immediate, and the form's own concern.
            2 | 3 => Some(match (op.dst == MEMORY, op.src == MEMORY, immediate(1)) {
                (false, false, false) => Self::RegReg,
                (false, false, true) => Self::RegImm,
                (false, true, _) => Self::RegMem(form),
                (true, _, false) => Self::MemReg(form),
                (true, _, true) => Self::MemImm(form),
            }),
            _ => None,
        }
    }
}

impl AddressForm {
    pub(super) fn of(op: &Op, taken: Taken) -> Option<Self> {
        if op.address_size() != AddressSize::A64 || op.attr & ATTR_RIP_FULL != 0 {
            return None;
        }
        Some(match (op.segment() >= 4, op.index == ZERO_SLOT) {
            (true, _) => Self::Based,
            (false, true) if taken.base => Self::SimpleLast,
            (false, true) => Self::Simple,
            (false, false) if taken.base => Self::BaseLast,
            (false, false) if taken.index => Self::IndexLast,
            (false, false) => Self::Indexed,
        })
    }
}

/// Operand width in bits: of the first operand.
pub(super) fn width_of(instruction: &Instruction) -> u32 {
    match instruction.op0_kind() {
        OpKind::Register => instruction.op0_register().size() as u32 * 8,
        _ => instruction.memory_size().size() as u32 * 8,
    }
}
