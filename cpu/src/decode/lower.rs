//! iced-x86's instruction into our op: registers to slots, memory operands, immediates, prefixes.

use super::op::{
    AddressSize, FOURTH_SHIFT, HIGH_BYTE, MEMORY, Op, PAGE_SLOT, THIRD_SHIFT, ZERO_SLOT,
};
use crate::engine::Handler;
use iced_x86::{Code, CodeSize, Instruction, Mnemonic, OpKind, Register};

/// Bit 3 of [`Op::attr`]: the displacement is the encoded one, relative to the next instruction,
/// because relative to the page it does not fit 32 bits.
pub(crate) const ATTR_RIP_FULL: u8 = 8;

/// Fills an op from a decoded instruction. The instruction was decoded with its page offset as
/// instruction pointer, so branch targets and RIP-relative addresses come out relative to the page.
pub(crate) fn lower(instruction: &Instruction, handler: Handler, place: u8) -> Op {
    let mut op = Op {
        handler,
        imm: 0,
        link: core::ptr::null(),
        disp: 0,
        dst: 0,
        src: 0,
        base: ZERO_SLOT,
        index: ZERO_SLOT,
        scale: 0,
        attr: 0,
        place,
        len: instruction.len() as u8,
        offset: instruction.ip() as u16,
        code: instruction.code() as u16,
    };
    for i in 0..instruction.op_count() {
        operand(&mut op, instruction, i);
    }
    if instruction.mnemonic() == Mnemonic::Monitor {
        monitored(&mut op, instruction);
    }
    op.attr |= u8::from(instruction.has_rep_prefix()) << 6;
    op.attr |= u8::from(instruction.has_repne_prefix()) << 7;
    op
}

fn operand(op: &mut Op, instruction: &Instruction, i: u32) {
    let number = match instruction.op_kind(i) {
        OpKind::Register => register_number(instruction.op_register(i)),
        OpKind::Memory => {
            memory_operand(op, instruction);
            MEMORY
        }
        OpKind::NearBranch16 | OpKind::NearBranch32 | OpKind::NearBranch64 => {
            op.imm = branch_target(instruction);
            return;
        }
        OpKind::FarBranch16 | OpKind::FarBranch32 => {
            let offset = match instruction.op_kind(i) {
                OpKind::FarBranch16 => u64::from(instruction.far_branch16()),
                _ => u64::from(instruction.far_branch32()),
            };
            op.imm = offset | u64::from(instruction.far_branch_selector()) << 32;
            return;
        }
        OpKind::Immediate8_2nd => {
            op.imm |= u64::from(instruction.immediate8_2nd()) << 32;
            return;
        }
        OpKind::MemorySegSI | OpKind::MemorySegDI | OpKind::MemoryESDI => {
            string_operand(op, instruction, AddressSize::A16);
            MEMORY
        }
        OpKind::MemorySegESI | OpKind::MemorySegEDI | OpKind::MemoryESEDI => {
            string_operand(op, instruction, AddressSize::A32);
            MEMORY
        }
        OpKind::MemorySegRSI | OpKind::MemorySegRDI | OpKind::MemoryESRDI => {
            string_operand(op, instruction, AddressSize::A64);
            MEMORY
        }
        _ => {
            op.imm |= instruction.immediate(i);
            return;
        }
    };
    match i {
        0 => op.dst = number,
        1 => op.src = number,
        // They share the field of the immediate, of which such forms have 8 bits or none.
        2 => op.imm |= u64::from(number) << THIRD_SHIFT,
        _ => op.imm |= u64::from(number) << FOURTH_SHIFT,
    }
}

/// MONITOR's implied memory operand: DS:rAX, whose segment may be overridden.
fn monitored(op: &mut Op, instruction: &Instruction) {
    let size = match instruction.code() {
        Code::Monitorw => AddressSize::A16,
        Code::Monitord => AddressSize::A32,
        _ => AddressSize::A64,
    };
    let segment = match instruction.segment_prefix() {
        Register::None => Register::DS,
        prefix => prefix,
    };
    op.base = 0;
    op.attr = (size as u8) << 4 | (segment as u8 - Register::ES as u8);
}

/// The source of a string instruction may be overridden; the destination is always ES.
fn string_operand(op: &mut Op, instruction: &Instruction, size: AddressSize) {
    op.attr = op.attr & 0xc0 | (size as u8) << 4;
    op.attr |= if instruction.memory_segment() == Register::None {
        0
    } else {
        segment_number(instruction)
    };
}

fn branch_target(instruction: &Instruction) -> u64 {
    let next = instruction.next_ip();
    // iced wraps targets at the operand size; undo that, so that backward branches come out negative.
    match instruction.op0_kind() {
        OpKind::NearBranch16 => {
            let delta = instruction.near_branch16().wrapping_sub(next as u16) as i16;
            next.wrapping_add(delta as i64 as u64)
        }
        OpKind::NearBranch32 => {
            let delta = instruction.near_branch32().wrapping_sub(next as u32) as i32;
            next.wrapping_add(delta as i64 as u64)
        }
        _ => instruction.near_branch64(),
    }
}

/// Number of the memory operand's segment register. In 64-bit mode prefixes of ES, CS, SS and DS mean
/// nothing, not even for which fault a bad address raises.
fn segment_number(instruction: &Instruction) -> u8 {
    let named = instruction.memory_segment();
    let counts = matches!(named, Register::FS | Register::GS);
    let segment = if instruction.code_size() != CodeSize::Code64 || counts {
        named
    } else if matches!(
        instruction.memory_base(),
        Register::RSP | Register::ESP | Register::RBP | Register::EBP
    ) {
        Register::SS
    } else {
        Register::DS
    };
    segment as u8 - Register::ES as u8
}

fn memory_operand(op: &mut Op, instruction: &Instruction) {
    let base = instruction.memory_base();
    let index = instruction.memory_index();
    let wide = |register: Register| register.size() == 8;
    let narrow = |register: Register| register.size() == 2;
    let size = if wide(base) || wide(index) {
        AddressSize::A64
    } else if narrow(base) || narrow(index) {
        AddressSize::A16
    } else if base != Register::None || index.is_gpr() {
        AddressSize::A32
    } else {
        // A vector register as the index says nothing of the address size.
        match instruction.memory_displ_size() {
            8 => AddressSize::A64,
            2 => AddressSize::A16,
            _ => AddressSize::A32,
        }
    };
    op.attr = (size as u8) << 4;
    op.attr |= segment_number(instruction);
    let displacement = instruction.memory_displacement64();
    if matches!(base, Register::RIP | Register::EIP) {
        op.base = PAGE_SLOT;
        match i32::try_from(displacement as i64) {
            Ok(disp) => op.disp = disp,
            Err(_) if base == Register::EIP => op.disp = displacement as i32,
            Err(_) => {
                op.disp = displacement.wrapping_sub(instruction.next_ip()) as i32;
                op.attr |= ATTR_RIP_FULL;
            }
        }
        return;
    }
    op.disp = displacement as i32;
    // Only the moffs forms of MOV have a displacement beyond 32 bits, and neither an immediate nor a
    // third operand.
    let moves = instruction.op_count() == 2 && instruction.immediate_count() == 0;
    if base == Register::None && index == Register::None && moves {
        op.imm = displacement;
    }
    if base != Register::None {
        op.base = base.number() as u8;
    }
    if index != Register::None {
        op.index = index.number() as u8;
        op.scale = instruction.memory_index_scale().trailing_zeros() as u8;
    }
}

/// Slot of a general register, or the number of any other.
fn register_number(register: Register) -> u8 {
    match register {
        Register::AH => HIGH_BYTE,
        Register::CH => HIGH_BYTE | 1,
        Register::DH => HIGH_BYTE | 2,
        Register::BH => HIGH_BYTE | 3,
        // iced counts SPL-DIL after the high bytes.
        Register::SPL | Register::BPL | Register::SIL | Register::DIL => {
            4 + (register as u8 - Register::SPL as u8)
        }
        _ if register.is_gpr8() => {
            let n = register as u8 - Register::AL as u8;
            if n < 4 { n } else { 8 + (register as u8 - Register::R8L as u8) }
        }
        _ => register.number() as u8,
    }
}

/// Immediate operands of an instruction.
trait Immediates {
    fn immediate_count(&self) -> usize;
}

impl Immediates for Instruction {
    fn immediate_count(&self) -> usize {
        (0..self.op_count())
            .filter(|&i| !matches!(self.op_kind(i), OpKind::Register | OpKind::Memory))
            .count()
    }
}
