//! Loads and stores of segment registers: MOV, POP, and the far pointer loads LES to LSS.
//!
//! SDM Vol. 2 ("MOV", "POP", "LDS"). The checks of a descriptor are in `mmu/descriptor.rs`.

use super::far::far_pointer;
use crate::cpu::{Cpu, Done, ud};
use crate::decode::op::Op;
use crate::flags::Width;
use arch::segment::{SegReg, Selector};

/// MOV Sreg, r/m16.
pub(crate) fn mov_sreg_rm(cpu: &mut Cpu, op: &Op) -> Done {
    let selector = Selector(cpu.read_operand::<u16>(op, op.src)?);
    load_sreg(cpu, op.dst, selector)
}

/// Loads a segment register other than CS; a load of SS shadows the next instruction.
fn load_sreg(cpu: &mut Cpu, number: u8, selector: Selector) -> Done {
    let register = match number {
        0 => SegReg::Es,
        2 => SegReg::Ss,
        3 => SegReg::Ds,
        4 => SegReg::Fs,
        5 => SegReg::Gs,
        // MOV CS is #UD; 6 and 7 name no register.
        _ => return Err(ud()),
    };
    cpu.load_data_segment(register, selector)?;
    if register == SegReg::Ss {
        cpu.shadow_mov_ss();
    }
    Ok(())
}

/// MOV r/m, Sreg: 16 bits to memory, zero-extended to the operand size in a register.
pub(crate) fn mov_rm_sreg<W: Width>(cpu: &mut Cpu, op: &Op) -> Done {
    let selector = u64::from(cpu.segments[(op.src & 7) as usize % 6].selector.0);
    if Cpu::is_memory(op.dst) {
        return cpu.store_mem(op, selector as u16);
    }
    cpu.set_reg(op.dst, W::from_u64(selector));
    Ok(())
}

/// POP Sreg at operand width `W`.
pub(crate) fn pop_sreg<W: Width>(cpu: &mut Cpu, op: &Op) -> Done {
    let selector = Selector(cpu.stack_read::<W>(0)?.to_u64() as u16);
    let released = u64::from(W::BYTES);
    // The stack pointer moves at the old stack's width: SS may be what is popped.
    let sp = cpu.stack_offset(released);
    let mask = cpu.stack_mask();
    load_sreg(cpu, op.dst, selector)?;
    let old = cpu.regs[4];
    cpu.regs[4] = if mask == 0xffff { old & !mask | sp } else { sp };
    Ok(())
}

/// LES LDS LSS LFS LGS: `REGISTER` is the segment register's number.
pub(crate) fn load_far<W: Width, const REGISTER: u8>(cpu: &mut Cpu, op: &Op) -> Done {
    let (selector, offset) = far_pointer::<W>(cpu, op)?;
    // LSS does not open a shadow: it loads the pointer itself.
    cpu.load_data_segment(SegReg::ALL[usize::from(REGISTER)], selector)?;
    cpu.set_reg(op.dst, W::from_u64(offset));
    Ok(())
}

impl Cpu {
    /// MOV SS and POP SS hold off interrupts and debug traps for one instruction.
    fn shadow_mov_ss(&mut self) {
        self.shadow = crate::cpu::Shadow::MovSs;
        self.leave = true;
    }
}
