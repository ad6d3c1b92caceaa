//! Through gates of 16 and 32 bits: SDM Vol. 3A, "Exception- and Interrupt-Handler Procedures".
//! Not modelled: task gates (refused as unimplemented).

use super::{Delivery, Frame};
use crate::cpu::{Cpu, Done, Fault, reg};
use arch::exception::{Exception, Vector};
use arch::gate::{tss16, tss32};
use arch::rflags;
use arch::segment::{Descriptor, SegReg, Segment, Selector, system_type};

impl Cpu {
    pub(super) fn deliver_protected(&mut self, delivery: &Delivery) -> Done {
        let gate = self.read_gate(delivery, 8)?;
        let wide = match gate.kind() {
            _ if !gate.is_system() => return Err(delivery.idt_fault(Vector::GP)),
            system_type::INTERRUPT_GATE | system_type::TRAP_GATE => true,
            system_type::INTERRUPT_GATE16 | system_type::TRAP_GATE16 => false,
            system_type::TASK_GATE => return Err(Fault::Unimplemented("task gate in the IDT")),
            _ => return Err(delivery.idt_fault(Vector::GP)),
        };
        let (descriptor, cpl) = self.enter_gate(delivery, gate)?;
        let selector = gate.selector();
        if self.v8086() && cpl != 0 {
            return Err(delivery.selector_fault(Vector::GP, selector));
        }
        let target = if wide { gate.offset() } else { gate.offset() & 0xffff };
        let mut frame = Frame::new(if wide { 4 } else { 2 });
        let old_sp = self.regs[reg::RSP as usize];
        let (stack, sp) = if cpl < self.cpl {
            let (stack, sp) = self.inner_stack(delivery, cpl)?;
            if self.v8086() {
                for register in [SegReg::Gs, SegReg::Fs, SegReg::Ds, SegReg::Es] {
                    frame.push(u64::from(self.segments[register as usize].selector.0));
                }
            }
            frame.push(u64::from(self.segments[SegReg::Ss as usize].selector.0));
            frame.push(old_sp);
            (stack, sp)
        } else {
            (self.segments[SegReg::Ss as usize], old_sp)
        };
        frame.push(delivery.flags);
        frame.push(u64::from(self.segments[SegReg::Cs as usize].selector.0));
        frame.push(delivery.ip);
        if let Some(code) = delivery.error_code {
            frame.push(u64::from(code));
        }
        if target > u64::from(descriptor.limit()) {
            return Err(Exception::with_code(Vector::GP, delivery.ext()).into());
        }
        let code = if cpl < self.cpl {
            stack.selector.error_code() | delivery.ext()
        } else {
            delivery.ext()
        };
        let sp = self.write_frame_at(&frame, &stack, sp, Vector::SS, code, cpl)?;
        // Nothing can fail from here on.
        if self.v8086() {
            for register in [SegReg::Gs, SegReg::Fs, SegReg::Ds, SegReg::Es] {
                self.set_segment(register, Segment::default());
            }
        }
        let interrupt_gate =
            matches!(gate.kind(), system_type::INTERRUPT_GATE | system_type::INTERRUPT_GATE16);
        let cleared = if interrupt_gate { rflags::IF } else { 0 };
        self.clear_flags(cleared | rflags::TF | rflags::NT | rflags::VM | rflags::RF);
        self.set_segment(SegReg::Ss, stack);
        self.set_stack_pointer(sp);
        self.set_cpl(cpl);
        let selector = Selector(selector.0 & !3 | u16::from(cpl));
        self.set_segment(SegReg::Cs, Segment::from_descriptor(selector, descriptor));
        self.rip = target;
        Ok(())
    }

    /// Stack segment and pointer for a more privileged level, from the TSS, checked.
    fn inner_stack(&mut self, delivery: &Delivery, cpl: u8) -> Result<(Segment, u64), Fault> {
        let wide = self.tr.attributes & 8 != 0;
        let (at, size) = if wide { (tss32::esp(cpl), 4) } else { (tss16::sp(cpl), 2) };
        if u32::from(at) + size + 1 > self.tr.limit {
            return Err(delivery.selector_fault(Vector::TS, self.tr.selector));
        }
        let address = self.system_linear(self.tr.base.wrapping_add(u64::from(at)));
        let (sp, selector) = if wide {
            let sp = self.load_system::<u32>(address)?;
            (u64::from(sp), self.load_system::<u16>(self.system_linear(address + 4))?)
        } else {
            let sp = self.load_system::<u16>(address)?;
            (u64::from(sp), self.load_system::<u16>(self.system_linear(address + 2))?)
        };
        let selector = Selector(selector);
        let stack = self.checked_inner_ss(selector, cpl, delivery.ext())?;
        Ok((stack, sp))
    }

    /// SS of an inner stack, taken from a TSS: faults are #TS, or #SS if not present.
    pub(crate) fn checked_inner_ss(
        &mut self,
        selector: Selector,
        cpl: u8,
        ext: u32,
    ) -> Result<Segment, Fault> {
        let fault =
            |vector| Fault::Exception(Exception::with_code(vector, selector.error_code() | ext));
        let Some(address) = self.descriptor_address(selector, 8) else {
            return Err(fault(Vector::TS));
        };
        let descriptor = Descriptor(self.load_system::<u64>(address)?);
        if selector.rpl() != cpl || descriptor.dpl() != cpl || !descriptor.is_writable_data() {
            return Err(fault(Vector::TS));
        }
        if !descriptor.present() {
            return Err(fault(Vector::SS));
        }
        let descriptor = self.mark_accessed(selector, descriptor)?;
        Ok(Segment::from_descriptor(selector, descriptor))
    }
}
