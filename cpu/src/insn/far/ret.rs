//! Far RET, and the checks that IRET shares with it.
//!
//! SDM Vol. 2B, "RET"; Vol. 3A, "Returning From a Called Procedure".

use super::Target;
use crate::cpu::{Cpu, Done, Fault, gp};
use crate::decode::op::Op;
use crate::flags::Width;
use crate::mmu::descriptor::selector_fault;
use crate::mmu::rules;
use arch::exception::Vector;
use arch::segment::{Descriptor, SegReg, Segment, Selector, attr};

/// SS and the stack pointer of another level.
pub(super) type Outer = (Selector, u64);

/// A return in protected mode: what was on the stack.
pub(super) struct Back {
    /// CS.
    pub(super) selector: Selector,
    /// The instruction pointer.
    pub(super) ip: u64,
    /// RFLAGS, of an IRET.
    pub(super) flags: Option<u64>,
    /// The stack to go on with, if it is another.
    pub(super) outer: Option<Outer>,
    /// Bytes to release if it is not.
    pub(super) released: u64,
}

impl Cpu {
    /// Far RET with words of width `W`, releasing `extra` bytes.
    fn far_return<W: Width>(&mut self, extra: u64) -> Done {
        let word = u64::from(W::BYTES);
        // The selector is read first, which shows where both words are missing.
        let selector = Selector(self.stack_read::<W>(word)?.to_u64() as u16);
        let ip = self.stack_read::<W>(0)?.to_u64();
        if self.real_addressing() {
            let target = self.real_target(selector.0, ip)?;
            self.release(2 * word + extra);
            self.enter(&target);
            return Ok(());
        }
        let outer = self.outer_stack::<W>(selector, 2 * word + extra)?;
        let outer = outer.map(|(ss, sp)| (ss, sp.wrapping_add(extra)));
        self.go_back::<W>(&Back { selector, ip, flags: None, outer, released: 2 * word + extra })
    }

    /// SS and the stack pointer of another level, `at` bytes above the stack pointer, if the selector's RPL is
    /// not CPL. They are read before anything is checked, and SS first (seen on Zen 5).
    pub(super) fn outer_stack<W: Width>(
        &mut self,
        selector: Selector,
        at: u64,
    ) -> Result<Option<Outer>, Fault> {
        if selector.rpl() == self.cpl {
            return Ok(None);
        }
        self.read_outer_stack::<W>(at).map(Some)
    }

    /// The same whatever the level.
    pub(super) fn read_outer_stack<W: Width>(&mut self, at: u64) -> Result<Outer, Fault> {
        let ss = self.stack_read::<W>(at + u64::from(W::BYTES))?.to_u64();
        Ok((Selector(ss as u16), self.stack_read::<W>(at)?.to_u64()))
    }

    /// Goes where a return in protected mode leads, if its code and stack segments are good.
    pub(super) fn go_back<W: Width>(&mut self, back: &Back) -> Done {
        let (selector, cpl) = (back.selector, back.selector.rpl());
        let descriptor = self.return_descriptor(selector)?;
        // The instruction pointer before SS, as on Zen 5 and in AMD's pseudo-code; Intel's looks at SS first.
        let ip = self.checked_ip(descriptor, back.ip)?;
        let outer = match back.outer {
            Some((ss, sp)) => Some((self.outer_ss(ss, cpl, descriptor)?, sp)),
            None => None,
        };
        let descriptor = self.mark_accessed(selector, descriptor)?;
        // Nothing can fail from here on. The flags are those that the old level may change.
        if let Some(flags) = back.flags {
            self.return_flags::<W>(flags);
        }
        if let Some((stack, _)) = outer {
            self.set_segment(SegReg::Ss, stack);
            self.leave_to_outer(cpl);
        }
        self.enter(&Target { cs: Segment::from_descriptor(selector, descriptor), ip });
        // In the width that the stack has in the new mode.
        match outer {
            Some((_, sp)) => self.set_stack_pointer(sp),
            None => self.release(back.released),
        }
        Ok(())
    }

    /// Linear address of the stack's word at `delta` bytes above its pointer, within its limits.
    pub(super) fn stack_slot<W: Width>(&self, delta: u64) -> Result<u64, Fault> {
        self.linear_in(SegReg::Ss as usize, self.stack_offset(delta), W::BYTES.into(), false)
    }

    /// The code segment a RET or IRET goes back to.
    fn return_descriptor(&mut self, selector: Selector) -> Result<Descriptor, Fault> {
        let descriptor = self.far_descriptor(selector)?;
        rules::back_to(self.cpl, selector, descriptor, self.long_mode())
            .map_err(|vector| selector_fault(vector, selector))?;
        Ok(descriptor)
    }

    /// SS of a less privileged level, on RET and IRET. Null is legal only for a return to 64-bit mode
    /// outside CPL 3.
    fn outer_ss(
        &mut self,
        selector: Selector,
        cpl: u8,
        code: Descriptor,
    ) -> Result<Segment, Fault> {
        if selector.is_null() {
            let long = self.long_mode() && code.attributes() & attr::L != 0;
            if !long || cpl == 3 || selector.rpl() != cpl {
                return Err(gp(0));
            }
            return Ok(Segment::null_stack(selector, cpl));
        }
        let descriptor = self.read_descriptor(selector, Vector::GP)?;
        rules::stack(cpl, selector, descriptor, Vector::GP)
            .map_err(|vector| selector_fault(vector, selector))?;
        let descriptor = self.mark_accessed(selector, descriptor)?;
        Ok(Segment::from_descriptor(selector, descriptor))
    }

    /// Sets CPL on the way out; data segments that the new level may not use become null.
    fn leave_to_outer(&mut self, cpl: u8) {
        let outer = cpl > self.cpl;
        self.set_cpl(cpl);
        if !outer {
            return;
        }
        for register in [SegReg::Ds, SegReg::Es, SegReg::Fs, SegReg::Gs] {
            let segment = self.segments[register as usize];
            let conforming = segment.attributes & (attr::CODE | attr::EXPAND_DOWN_OR_CONFORMING)
                == attr::CODE | attr::EXPAND_DOWN_OR_CONFORMING;
            if !segment.usable() {
                // Of null selectors the RPL goes; the base stays, which FS and GS have in 64-bit mode.
                let selector = Selector::default();
                self.set_segment(register, Segment { selector, ..segment });
            } else if !conforming && segment.dpl() < cpl {
                self.set_segment(register, Segment::default());
            }
        }
    }
}

/// RETF, RETF imm16.
pub(crate) fn retf<W: Width>(cpu: &mut Cpu, op: &Op) -> Done {
    cpu.far_return::<W>(op.imm & 0xffff)
}
