//! PUSH POP ENTER LEAVE PUSHF POPF PUSHA POPA, and the stack access that others use.

use crate::cpu::{Cpu, Done, Fault, reg};
use crate::flags::Width;
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
        let mask = self.stack_mask();
        let old = self.regs[reg::RSP as usize];
        self.regs[reg::RSP as usize] =
            if mask == 0xffff { old & !mask | offset & mask } else { offset & mask };
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
