//! Far RET, and the checks that IRET shares with it.
//!
//! SDM Vol. 2B, "RET"; Vol. 3A, "Returning From a Called Procedure".

use super::{Target, rules};
use crate::cpu::{Cpu, Done, Fault, gp};
use crate::decode::op::Op;
use crate::flags::Width;
use crate::mmu::descriptor::selector_fault;
use arch::exception::Vector;
use arch::segment::{Descriptor, SegReg, Segment, Selector, attr};

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
        self.probe_outer_stack::<W>(selector, 2 * word + extra)?;
        let descriptor = self.return_descriptor(selector)?;
        let cpl = selector.rpl();
        if cpl == self.cpl {
            let ip = self.checked_ip(descriptor, ip)?;
            let descriptor = self.mark_accessed(selector, descriptor)?;
            let cs = Segment::from_descriptor(selector, descriptor);
            self.enter(&Target { cs, ip });
            // In the width that the stack has in the new mode (seen on Zen 5).
            self.release(2 * word + extra);
            return Ok(());
        }
        let ss = self.stack_slot::<W>(3 * word + extra)?;
        let sp = self.stack_read::<W>(2 * word + extra)?.to_u64();
        let ss = Selector(self.load::<W>(ss)?.to_u64() as u16);
        let stack = self.outer_ss(ss, cpl, descriptor)?;
        let ip = self.checked_ip(descriptor, ip)?;
        let descriptor = self.mark_accessed(selector, descriptor)?;
        self.set_segment(SegReg::Ss, stack);
        self.leave_to_outer(cpl);
        let cs = Segment::from_descriptor(selector, descriptor);
        self.enter(&Target { cs, ip });
        self.set_stack_pointer(sp.wrapping_add(extra));
        Ok(())
    }

    /// Linear address of the stack's word at `delta` bytes above its pointer, within its limits.
    pub(super) fn stack_slot<W: Width>(&self, delta: u64) -> Result<u64, Fault> {
        self.linear_in(SegReg::Ss as usize, self.stack_offset(delta), W::BYTES.into(), false)
    }

    /// Before anything is checked, the outer stack is read where the selector's RPL is not CPL (seen on
    /// Zen 5).
    pub(super) fn probe_outer_stack<W: Width>(&mut self, selector: Selector, at: u64) -> Done {
        if selector.rpl() != self.cpl {
            self.stack_read::<W>(at + u64::from(W::BYTES))?;
            self.stack_read::<W>(at)?;
        }
        Ok(())
    }

    /// The code segment a RET or IRET goes back to.
    pub(super) fn return_descriptor(&mut self, selector: Selector) -> Result<Descriptor, Fault> {
        let descriptor = self.far_descriptor(selector)?;
        rules::back_to(self.cpl, selector, descriptor, self.long_mode())
            .map_err(|vector| selector_fault(vector, selector))?;
        Ok(descriptor)
    }

    /// SS of a less privileged level, on RET and IRET. Null is legal only for a return to 64-bit mode
    /// outside CPL 3.
    pub(super) fn outer_ss(
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
            let attributes = u16::from(cpl) << attr::DPL_SHIFT;
            return Ok(Segment { selector, attributes, ..Segment::default() });
        }
        let descriptor = self.read_descriptor(selector, Vector::GP)?;
        rules::stack(cpl, selector, descriptor, Vector::GP)
            .map_err(|vector| selector_fault(vector, selector))?;
        let descriptor = self.mark_accessed(selector, descriptor)?;
        Ok(Segment::from_descriptor(selector, descriptor))
    }

    /// Sets CPL on the way out; data segments that the new level may not use become null.
    pub(super) fn leave_to_outer(&mut self, cpl: u8) {
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
