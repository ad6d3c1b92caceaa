//! Through gates of 16 and 32 bits: SDM Vol. 3A, "Exception- and Interrupt-Handler Procedures",
//! "Interrupt Tasks"; Vol. 3B, "Class 1: Hardware Interrupt and Exception Handling in Virtual-8086 Mode".
//!
//! The order of the checks is that of the pseudo-code of INT n: gate, code segment, stack, room on it,
//! instruction pointer.

use super::{Delivery, Frame};
use crate::cpu::{Cpu, Done, Fault, reg};
use crate::insn::task::{Cause, Switch};
use crate::mmu::rules;
use arch::exception::{Exception, Vector};
use arch::gate::{Gate, tss16, tss32};
use arch::rflags;
use arch::segment::{Descriptor, SegReg, Segment, Selector, system_type};

/// The data segments that an interrupt of virtual-8086 mode saves and clears, in the order of the pushes.
const SAVED: [SegReg; 4] = [SegReg::Gs, SegReg::Fs, SegReg::Ds, SegReg::Es];

impl Cpu {
    pub(super) fn deliver_protected(&mut self, delivery: &Delivery) -> Done {
        let gate = self.read_gate(delivery, 8)?;
        let wide = match gate.kind() {
            _ if !gate.is_system() => return Err(delivery.idt_fault(Vector::GP)),
            system_type::INTERRUPT_GATE | system_type::TRAP_GATE => true,
            system_type::INTERRUPT_GATE16 | system_type::TRAP_GATE16 | system_type::TASK_GATE => {
                false
            }
            _ => return Err(delivery.idt_fault(Vector::GP)),
        };
        self.check_gate(delivery, gate)?;
        if gate.kind() == system_type::TASK_GATE {
            let cause = Cause::Event(delivery.error_code);
            let (ip, flags) = (delivery.ip, delivery.flags);
            let switch = Switch { cause, ext: delivery.ext(), ip, flags };
            return self.switch_task(gate.selector(), &switch);
        }
        let (descriptor, cpl) = self.enter_gate(delivery, gate)?;
        if self.v8086() && cpl != 0 {
            return Err(delivery.selector_fault(Vector::GP, gate.selector()));
        }
        let inner = cpl < self.cpl;
        let (stack, sp, error) = self.handler_stack(cpl, delivery.ext())?;
        let frame = self.interrupt_frame(delivery, wide, inner);
        let place = self.frame_place(&frame, &stack, sp, Vector::SS, error)?;
        let target = if wide { gate.offset() } else { gate.offset() & 0xffff };
        if target > u64::from(descriptor.limit()) {
            return Err(Exception::with_code(Vector::GP, delivery.ext()).into());
        }
        let descriptor = self.mark_accessed(gate.selector(), descriptor)?;
        let sp = self.write_frame(&frame, &place, cpl)?;
        // Nothing can fail from here on.
        if inner {
            self.set_segment(SegReg::Ss, stack);
        }
        self.set_stack_pointer(sp);
        self.enter_handler(gate, descriptor, cpl, target);
        Ok(())
    }

    /// The stack of a handler at `cpl`, its pointer, and the error code of what is wrong with it.
    fn handler_stack(&mut self, cpl: u8, ext: u32) -> Result<(Segment, u64, u32), Fault> {
        if cpl < self.cpl {
            let (stack, sp) = self.inner_stack(cpl, ext)?;
            return Ok((stack, sp, stack.selector.error_code() | ext));
        }
        Ok((self.segments[SegReg::Ss as usize], self.regs[reg::RSP as usize], ext))
    }

    /// Code segment, level and flags of the handler.
    fn enter_handler(&mut self, gate: Gate, descriptor: Descriptor, cpl: u8, target: u64) {
        if self.v8086() {
            for register in SAVED {
                self.set_segment(register, Segment::default());
            }
        }
        let interrupt_gate =
            matches!(gate.kind(), system_type::INTERRUPT_GATE | system_type::INTERRUPT_GATE16);
        let cleared = if interrupt_gate { rflags::IF } else { 0 };
        self.clear_flags(cleared | rflags::TF | rflags::NT | rflags::VM | rflags::RF);
        self.set_cpl(cpl);
        let selector = Selector(gate.selector().0 & !3 | u16::from(cpl));
        self.set_segment(SegReg::Cs, Segment::from_descriptor(selector, descriptor));
        self.rip = target;
    }

    /// What a gate of 32 (`wide`) or 16 bits pushes; `inner` with the outer stack, and from virtual-8086
    /// mode with the data segments.
    fn interrupt_frame(&self, delivery: &Delivery, wide: bool, inner: bool) -> Frame {
        let selector = |register: SegReg| u64::from(self.segments[register as usize].selector.0);
        let mut frame = Frame::new(if wide { 4 } else { 2 });
        if inner {
            if self.v8086() {
                for register in SAVED {
                    frame.push(selector(register));
                }
            }
            frame.push(selector(SegReg::Ss));
            frame.push(self.regs[reg::RSP as usize]);
        }
        frame.push(delivery.flags);
        frame.push(selector(SegReg::Cs));
        frame.push(delivery.ip);
        if let Some(code) = delivery.error_code {
            frame.push(u64::from(code));
        }
        frame
    }

    /// Stack segment and pointer for a more privileged level, from the TSS, checked: faults are #TS, or
    /// #SS if the segment is not present.
    pub(crate) fn inner_stack(&mut self, cpl: u8, ext: u32) -> Result<(Segment, u64), Fault> {
        let fault = |vector, selector: Selector| {
            Fault::Exception(Exception::with_code(vector, selector.error_code() | ext))
        };
        let wide = self.tr.attributes & 8 != 0;
        let (at, size) = if wide { (tss32::esp(cpl), 4) } else { (tss16::sp(cpl), 2) };
        if u32::from(at) + size + 1 > self.tr.limit {
            return Err(fault(Vector::TS, self.tr.selector));
        }
        let address = self.system_linear(self.tr.base.wrapping_add(u64::from(at)));
        let behind = self.system_linear(address.wrapping_add(size.into()));
        let sp = if wide {
            u64::from(self.load_system::<u32>(address)?)
        } else {
            u64::from(self.load_system::<u16>(address)?)
        };
        let selector = Selector(self.load_system::<u16>(behind)?);
        let Some(address) = self.descriptor_address(selector, 8) else {
            return Err(fault(Vector::TS, selector));
        };
        let descriptor = Descriptor(self.load_system::<u64>(address)?);
        rules::stack(cpl, selector, descriptor, Vector::TS)
            .map_err(|vector| fault(vector, selector))?;
        let descriptor = self.mark_accessed(selector, descriptor)?;
        Ok((Segment::from_descriptor(selector, descriptor), sp))
    }
}
