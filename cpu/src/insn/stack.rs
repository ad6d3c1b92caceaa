//! PUSH POP PUSHA POPA PUSHF POPF ENTER LEAVE BOUND, and the stack access that others use: SDM Vol. 2,
//! the instructions' own pages. POP of a segment register is in `segment.rs`. PUSHF and
//! POPF in virtual-8086 mode: Vol. 3B, "Virtual-8086 Mode Extensions".

use crate::cpu::{Cpu, Done, Fault, gp, reg};
use crate::decode::op::Op;
use crate::flags::Width;
use arch::control::cr4;
use arch::exception::{Exception, Vector};
use arch::rflags;
use arch::segment::SegReg;

impl Cpu {
    /// Mask of the stack pointer: RSP, ESP or SP by mode and SS.B.
    #[inline(always)]
    pub(crate) fn stack_mask(&self) -> u64 {
        if self.ip_mask == u64::MAX {
            u64::MAX
        } else if self.segments[SegReg::Ss as usize].big() {
            0xffff_ffff
        } else {
            0xffff
        }
    }

    /// Stack pointer plus `delta` at the stack's width.
    #[inline(always)]
    pub(crate) fn stack_offset(&self, delta: u64) -> u64 {
        self.regs[reg::RSP as usize].wrapping_add(delta) & self.stack_mask()
    }

    /// Sets the stack pointer at the stack's width; a 16-bit one keeps the upper bits.
    #[inline(always)]
    pub(crate) fn set_stack_pointer(&mut self, offset: u64) {
        self.regs[reg::RSP as usize] = self.stack_pointer_at(offset);
    }

    /// What the stack pointer would become.
    #[inline(always)]
    fn stack_pointer_at(&self, offset: u64) -> u64 {
        let mask = self.stack_mask();
        let old = self.regs[reg::RSP as usize];
        if mask == 0xffff { old & !mask | offset & mask } else { offset & mask }
    }

    /// Faults if a word of width `W` cannot be pushed.
    #[cold]
    pub(crate) fn probe_push<W: Width>(&mut self) -> Done {
        probe_slot::<W>(self, u64::from(W::BYTES).wrapping_neg())
    }

    /// Pushes; RSP changes only once the store has succeeded.
    #[inline(always)]
    pub(crate) fn push<W: Width>(&mut self, value: W) -> Done {
        let offset = self.stack_offset((W::BYTES as u64).wrapping_neg());
        let linear = self.linear_in(SegReg::Ss as usize, offset, u64::from(W::BYTES), true)?;
        self.store(linear, value)?;
        self.set_stack_pointer(offset);
        Ok(())
    }

    /// Reads the stack at `delta` bytes above its pointer, which stays.
    #[inline(always)]
    pub(crate) fn stack_read<W: Width>(&mut self, delta: u64) -> Result<W, Fault> {
        let offset = self.stack_offset(delta);
        let linear = self.linear_in(SegReg::Ss as usize, offset, u64::from(W::BYTES), false)?;
        self.load(linear)
    }

    /// Releases `bytes` of the stack.
    #[inline(always)]
    pub(crate) fn release(&mut self, bytes: u64) {
        let offset = self.stack_offset(bytes);
        self.set_stack_pointer(offset);
    }
}

/// PUSH r/m; PUSH rSP pushes the pointer before the instruction.
pub(crate) fn push<W: Width>(cpu: &mut Cpu, op: &Op) -> Done {
    let value: W = cpu.read_operand(op, op.dst)?;
    cpu.push(value)
}

/// PUSH imm.
pub(crate) fn push_imm<W: Width>(cpu: &mut Cpu, op: &Op) -> Done {
    cpu.push(W::from_u64(op.imm))
}

/// PUSH of a segment register: zero-extended.
pub(crate) fn push_segment<W: Width>(cpu: &mut Cpu, op: &Op) -> Done {
    let selector = cpu.segments[usize::from(op.dst) % 6].selector.0;
    cpu.push(W::from_u64(selector.into()))
}

/// POP r; POP rSP leaves the popped value in the pointer.
pub(crate) fn pop<W: Width>(cpu: &mut Cpu, op: &Op) -> Done {
    let value: W = cpu.stack_read(0)?;
    cpu.release(W::BYTES.into());
    cpu.set_reg(op.dst, value);
    Ok(())
}

/// POP r/m: an address based on rSP is computed with the pointer after the pop.
pub(crate) fn pop_rm<W: Width>(cpu: &mut Cpu, op: &Op) -> Done {
    if !Cpu::is_memory(op.dst) {
        return pop::<W>(cpu, op);
    }
    let value: W = cpu.stack_read(0)?;
    let before = cpu.regs[reg::RSP as usize];
    cpu.release(W::BYTES.into());
    let stored = cpu.store_mem(op, value);
    if stored.is_err() {
        cpu.regs[reg::RSP as usize] = before;
    }
    stored
}

/// Checks that a word can be pushed at `delta` from the stack pointer.
fn probe_slot<W: Width>(cpu: &mut Cpu, delta: u64) -> Done {
    let offset = cpu.stack_offset(delta);
    let linear = cpu.linear_in(SegReg::Ss as usize, offset, W::BYTES.into(), true)?;
    cpu.load_for_write::<W>(linear).map(|_| ())
}

/// PUSHA, PUSHAD. A fault leaves the stack pointer, but what was pushed before it stays in memory, as on
/// silicon.
pub(crate) fn pusha<W: Width>(cpu: &mut Cpu, _op: &Op) -> Done {
    let bytes = u64::from(W::BYTES);
    for n in 0..8 {
        let value: W = cpu.reg(n);
        store_slot(cpu, (u64::from(n + 1) * bytes).wrapping_neg(), value)?;
    }
    cpu.release((8 * bytes).wrapping_neg());
    Ok(())
}

/// POPA, POPAD: the slot of the stack pointer is skipped. A fault leaves the stack pointer, but the
/// registers popped before it stay popped, as on silicon.
pub(crate) fn popa<W: Width>(cpu: &mut Cpu, _op: &Op) -> Done {
    let bytes = u64::from(W::BYTES);
    for (n, slot) in (0..8).rev().zip(0..) {
        let value: W = cpu.stack_read(slot * bytes)?;
        if n != reg::RSP {
            cpu.set_reg(n, value);
        }
    }
    cpu.release(8 * bytes);
    Ok(())
}

/// In virtual-8086 mode PUSHF and POPF need IOPL 3. With CR4.VME the 16-bit forms do without: true if
/// they have VIF in the place of IF.
fn flags_access<W: Width>(cpu: &Cpu) -> Result<bool, Fault> {
    if !cpu.v8086() || cpu.iopl() == 3 {
        Ok(false)
    } else if cpu.vme() && W::BITS == 16 {
        Ok(true)
    } else {
        Err(gp(0))
    }
}

/// PUSHF, PUSHFD, PUSHFQ: VM and RF are pushed as 0.
pub(crate) fn pushf<W: Width>(cpu: &mut Cpu, _op: &Op) -> Done {
    let is_virtual = flags_access::<W>(cpu)?;
    let mut flags = cpu.rflags() & !(rflags::VM | rflags::RF);
    if is_virtual {
        let virtual_if = if flags & rflags::VIF != 0 { rflags::IF } else { 0 };
        flags = flags & !rflags::IF | virtual_if | rflags::IOPL;
    }
    cpu.push(W::from_u64(flags))
}

impl Cpu {
    /// CR4.VME in virtual-8086 mode.
    pub(crate) fn vme(&self) -> bool {
        self.cr4 & cr4::VME != 0
    }

    /// Sets FLAGS from a 16-bit image in virtual-8086 mode with VME and IOPL below 3: IF of the image
    /// goes to VIF, IF and IOPL stay. #GP where the monitor has to look: TF, or VIP with IF.
    pub(crate) fn set_virtual_flags(&mut self, image: u64) -> Done {
        let pending = self.system_flags & rflags::VIP != 0;
        if image & rflags::TF != 0 || pending && image & rflags::IF != 0 {
            return Err(gp(0));
        }
        let changeable = rflags::STATUS | rflags::TF | rflags::DF | rflags::NT;
        let vif = if image & rflags::IF != 0 { rflags::VIF } else { 0 };
        let kept = self.system_flags & !(changeable | rflags::VIF | rflags::RF);
        self.set_rflags(kept | image & changeable | vif);
        Ok(())
    }
}

/// POPF, POPFD, POPFQ: SDM Vol. 2, "Effect of POPF/POPFD/POPFQ on the EFLAGS Register".
pub(crate) fn popf<W: Width>(cpu: &mut Cpu, op: &Op) -> Done {
    let is_virtual = flags_access::<W>(cpu)?;
    let value: W = cpu.stack_read(0)?;
    if is_virtual {
        cpu.set_virtual_flags(value.to_u64())?;
        cpu.release(W::BYTES.into());
        return Ok(());
    }
    let mut writable =
        rflags::STATUS | rflags::TF | rflags::DF | rflags::NT | rflags::AC | rflags::ID;
    if cpu.cpl == 0 {
        writable |= rflags::IOPL;
    }
    if cpu.cpl <= cpu.iopl() {
        writable |= rflags::IF;
    }
    writable &= W::MASK;
    cpu.release(W::BYTES.into());
    // The status flags are all among those that change.
    let before = cpu.system_flags;
    let after = before & !writable & !rflags::RF | value.to_u64() & writable;
    cpu.set_rflags(after);
    // Single-stepping starts, or an interrupt may be taken, at the next boundary.
    let turned_on = after & !before;
    cpu.leave |=
        turned_on & rflags::TF != 0 || turned_on & rflags::IF != 0 && cpu.boundary_matters(op);
    Ok(())
}

/// Offset below the frame pointer, at the stack's width.
fn below_frame(cpu: &Cpu, delta: u64) -> u64 {
    cpu.regs[reg::RBP as usize].wrapping_sub(delta) & cpu.stack_mask()
}

/// Stores a word at `delta` from the stack pointer, which stays.
fn store_slot<W: Width>(cpu: &mut Cpu, delta: u64, value: W) -> Done {
    let offset = cpu.stack_offset(delta);
    let linear = cpu.linear_in(SegReg::Ss as usize, offset, W::BYTES.into(), true)?;
    cpu.store(linear, value)
}

/// ENTER: SDM Vol. 2, "ENTER", with its display of outer frame pointers. The last slot of the new
/// frame must be writable. A fault leaves the registers as they were, but what was pushed before it
/// stays in memory, as on silicon.
pub(crate) fn enter<W: Width>(cpu: &mut Cpu, op: &Op) -> Done {
    let (size, level) = (op.imm & 0xffff, op.imm >> 32 & 31);
    let bytes = u64::from(W::BYTES);
    let words = 1 + level; // rBP, outer frame pointers, the new one
    let below = |slot: u64| (slot * bytes).wrapping_neg();
    store_slot(cpu, below(1), cpu.reg::<W>(reg::RBP))?;
    let frame = cpu.stack_pointer_at(cpu.stack_offset(below(1)));
    for outer in 1..level {
        let offset = below_frame(cpu, outer * bytes);
        let linear = cpu.linear_in(SegReg::Ss as usize, offset, bytes, false)?;
        let pointer: W = cpu.load(linear)?;
        store_slot(cpu, below(1 + outer), pointer)?;
    }
    if level > 0 {
        store_slot(cpu, below(words), W::from_u64(frame))?;
    }
    probe_slot::<W>(cpu, below(words).wrapping_sub(size))?;
    cpu.release(below(words).wrapping_sub(size));
    cpu.set_reg(reg::RBP, W::from_u64(frame));
    Ok(())
}

/// LEAVE.
pub(crate) fn leave<W: Width>(cpu: &mut Cpu, _op: &Op) -> Done {
    let frame = below_frame(cpu, 0);
    let linear = cpu.linear_in(SegReg::Ss as usize, frame, W::BYTES.into(), false)?;
    let outer: W = cpu.load(linear)?;
    cpu.set_stack_pointer(frame.wrapping_add(W::BYTES.into()));
    cpu.set_reg(reg::RBP, outer);
    Ok(())
}

/// BOUND: #BR if the signed index is outside the two bounds in memory.
pub(crate) fn bound<W: Width>(cpu: &mut Cpu, op: &Op) -> Done {
    let ea = cpu.effective_address(op);
    let lower = cpu.linear(op, ea, W::BYTES, false)?;
    let lower: W = cpu.load(lower)?;
    let upper =
        cpu.linear(op, ea.wrapping_add(W::BYTES.into()) & op.address_mask(), W::BYTES, false)?;
    let upper: W = cpu.load(upper)?;
    let signed = |value: W| W::sign_extend(value.to_u64()) as i64;
    let bounds = signed(lower)..=signed(upper);
    if bounds.contains(&signed(cpu.reg(op.dst))) {
        Ok(())
    } else {
        Err(Exception::new(Vector::BR).into())
    }
}
