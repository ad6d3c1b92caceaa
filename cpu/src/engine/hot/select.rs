//! Which instructions have a frameless form: by mnemonic, operand shape and width.

use super::{Based, Indexed, Simple, alu, mov};
use crate::decode::lower::ATTR_RIP_FULL;
use crate::decode::op::{AddressSize, HIGH_BYTE, MEMORY, Op, ZERO_SLOT};
use crate::engine::Handler;
use crate::flags::Width;
use crate::insn::alu::{Adc, Add, Alu, And, Cmp, Or, Sbb, Sub, Test, Xor};
use iced_x86::{Instruction, Mnemonic, OpKind, Register};

/// The frameless form of a 64-bit mode instruction, if it has one. The caller keeps the complete form in
/// the op's link.
pub(crate) fn select(instruction: &Instruction, op: &Op) -> Option<Handler> {
    if (op.dst | op.src) & HIGH_BYTE != 0 {
        return None;
    }
    let shape = Shape::of(instruction, op)?;
    let width = width_of(instruction);
    match instruction.mnemonic() {
        Mnemonic::Add => alu_form::<Add>(shape, width),
        Mnemonic::Adc => alu_form::<Adc>(shape, width),
        Mnemonic::Sub => alu_form::<Sub>(shape, width),
        Mnemonic::Sbb => alu_form::<Sbb>(shape, width),
        Mnemonic::And => alu_form::<And>(shape, width),
        Mnemonic::Or => alu_form::<Or>(shape, width),
        Mnemonic::Xor => alu_form::<Xor>(shape, width),
        Mnemonic::Cmp => alu_form::<Cmp>(shape, width),
        Mnemonic::Test => alu_form::<Test>(shape, width),
        Mnemonic::Mov => mov_form(instruction, shape, width),
        Mnemonic::Movzx => extend_form(instruction, shape, width, false),
        Mnemonic::Movsx | Mnemonic::Movsxd => extend_form(instruction, shape, width, true),
        Mnemonic::Lea => lea_form(shape, width),
        Mnemonic::Push if width == 64 && shape == Shape::Reg => Some(mov::push),
        Mnemonic::Pop if width == 64 && shape == Shape::Reg => Some(mov::pop),
        _ => None,
    }
}

/// True if the form that [`select`] chose for an op touches only registers: then it cannot fault.
pub(crate) fn touches_registers_only(instruction: &Instruction, op: &Op) -> bool {
    match instruction.mnemonic() {
        Mnemonic::Lea => true,
        Mnemonic::Mov | Mnemonic::Movzx => op.dst != MEMORY && op.src != MEMORY,
        _ => false,
    }
}

/// What the two operands are.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Shape {
    Reg,
    RegReg,
    RegImm,
    RegMem(Form),
    MemReg(Form),
    MemImm(Form),
}

/// How the address is made.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    Simple,
    Indexed,
    Based,
}

impl Shape {
    fn of(instruction: &Instruction, op: &Op) -> Option<Self> {
        let memory = op.dst == MEMORY || op.src == MEMORY;
        let form = if memory { Form::of(op)? } else { Form::Simple };
        let immediate = |n| !matches!(instruction.op_kind(n), OpKind::Register | OpKind::Memory);
        let general =
            |n| instruction.op_kind(n) != OpKind::Register || instruction.op_register(n).is_gpr();
        if !(0..instruction.op_count()).all(general) {
            return None;
        }
        match instruction.op_count() {
            1 if !memory && !immediate(0) => Some(Self::Reg),
            2 => Some(match (op.dst == MEMORY, op.src == MEMORY, immediate(1)) {
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

impl Form {
    fn of(op: &Op) -> Option<Self> {
        if op.address_size() != AddressSize::A64 || op.attr & ATTR_RIP_FULL != 0 {
            return None;
        }
        Some(match (op.segment() >= 4, op.index == ZERO_SLOT) {
            (true, _) => Self::Based,
            (false, true) => Self::Simple,
            (false, false) => Self::Indexed,
        })
    }
}

/// Operand width in bits: of the first operand.
fn width_of(instruction: &Instruction) -> u32 {
    match instruction.op0_kind() {
        OpKind::Register => instruction.op0_register().size() as u32 * 8,
        _ => instruction.memory_size().size() as u32 * 8,
    }
}

fn alu_form<O: Alu>(shape: Shape, width: u32) -> Option<Handler> {
    match width {
        8 => alu_width::<O, u8>(shape),
        32 => alu_width::<O, u32>(shape),
        64 => alu_width::<O, u64>(shape),
        _ => None,
    }
}

fn alu_width<O: Alu, W: Width>(shape: Shape) -> Option<Handler> {
    Some(match shape {
        Shape::RegMem(Form::Simple) => alu::reg_mem::<O, W, Simple>,
        Shape::RegMem(Form::Indexed) => alu::reg_mem::<O, W, Indexed>,
        Shape::RegMem(Form::Based) => alu::reg_mem::<O, W, Based>,
        Shape::MemReg(Form::Simple) => alu::mem_reg::<O, W, Simple>,
        Shape::MemReg(Form::Indexed) => alu::mem_reg::<O, W, Indexed>,
        Shape::MemReg(Form::Based) => alu::mem_reg::<O, W, Based>,
        Shape::MemImm(Form::Simple) => alu::mem_imm::<O, W, Simple>,
        Shape::MemImm(Form::Indexed) => alu::mem_imm::<O, W, Indexed>,
        Shape::MemImm(Form::Based) => alu::mem_imm::<O, W, Based>,
        Shape::Reg | Shape::RegReg | Shape::RegImm => return None,
    })
}

fn mov_form(instruction: &Instruction, shape: Shape, width: u32) -> Option<Handler> {
    // The moffs forms keep their address in the immediate.
    if instruction.memory_base() == Register::None
        && instruction.memory_displ_size() == 8
        && instruction.len() >= 9
    {
        return None;
    }
    match width {
        8 => mov_width::<u8>(shape),
        16 => mov_width::<u16>(shape),
        32 => mov_width::<u32>(shape),
        64 => mov_width::<u64>(shape),
        _ => None,
    }
}

fn mov_width<W: Width>(shape: Shape) -> Option<Handler> {
    Some(match shape {
        Shape::RegMem(form) => return Some(load_form::<W, W>(form)),
        Shape::MemReg(Form::Simple) => mov::store::<W, Simple>,
        Shape::MemReg(Form::Indexed) => mov::store::<W, Indexed>,
        Shape::MemReg(Form::Based) => mov::store::<W, Based>,
        Shape::MemImm(Form::Simple) => mov::store_imm::<W, Simple>,
        Shape::MemImm(Form::Indexed) => mov::store_imm::<W, Indexed>,
        Shape::MemImm(Form::Based) => mov::store_imm::<W, Based>,
        Shape::RegReg => mov::mov_reg::<W, W>,
        Shape::RegImm => mov::mov_imm::<W>,
        Shape::Reg => return None,
    })
}

fn load_form<D: Width, W: Width>(form: Form) -> Handler {
    match form {
        Form::Simple => mov::load::<D, W, Simple>,
        Form::Indexed => mov::load::<D, W, Indexed>,
        Form::Based => mov::load::<D, W, Based>,
    }
}

fn load_signed_form<D: Width, W: Width>(form: Form) -> Handler {
    match form {
        Form::Simple => mov::load_signed::<D, W, Simple>,
        Form::Indexed => mov::load_signed::<D, W, Indexed>,
        Form::Based => mov::load_signed::<D, W, Based>,
    }
}

/// MOVZX and MOVSX to 32 and 64 bits.
fn extend_form(
    instruction: &Instruction,
    shape: Shape,
    width: u32,
    signed: bool,
) -> Option<Handler> {
    let source = match instruction.op1_kind() {
        OpKind::Register => instruction.op1_register().size() as u32 * 8,
        _ => instruction.memory_size().size() as u32 * 8,
    };
    match (shape, width, source, signed) {
        (Shape::RegMem(form), 32, 8, false) => Some(load_form::<u32, u8>(form)),
        (Shape::RegMem(form), 32, 16, false) => Some(load_form::<u32, u16>(form)),
        (Shape::RegMem(form), 64, 8, false) => Some(load_form::<u64, u8>(form)),
        (Shape::RegMem(form), 64, 16, false) => Some(load_form::<u64, u16>(form)),
        (Shape::RegMem(form), 32, 8, true) => Some(load_signed_form::<u32, u8>(form)),
        (Shape::RegMem(form), 32, 16, true) => Some(load_signed_form::<u32, u16>(form)),
        (Shape::RegMem(form), 64, 8, true) => Some(load_signed_form::<u64, u8>(form)),
        (Shape::RegMem(form), 64, 16, true) => Some(load_signed_form::<u64, u16>(form)),
        (Shape::RegMem(form), 64, 32, true) => Some(load_signed_form::<u64, u32>(form)),
        (Shape::RegReg, 32 | 64, 8, false) => Some(mov::mov_reg::<u32, u8>),
        (Shape::RegReg, 32 | 64, 16, false) => Some(mov::mov_reg::<u32, u16>),
        _ => None,
    }
}

/// LEA ignores segments; FS and GS overrides are rare enough to go the complete way.
fn lea_form(shape: Shape, width: u32) -> Option<Handler> {
    match (shape, width) {
        (Shape::RegMem(Form::Simple), 64) => Some(mov::lea::<u64, Simple>),
        (Shape::RegMem(Form::Indexed), 64) => Some(mov::lea::<u64, Indexed>),
        (Shape::RegMem(Form::Simple), 32) => Some(mov::lea::<u32, Simple>),
        (Shape::RegMem(Form::Indexed), 32) => Some(mov::lea::<u32, Indexed>),
        _ => None,
    }
}
