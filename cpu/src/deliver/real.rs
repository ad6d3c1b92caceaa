//! Through the interrupt vector table: SDM Vol. 3A, "Interrupt and Exception Handling" of real-address
//! mode.

use super::{Delivery, Frame};
use crate::cpu::{Cpu, Done, reg};
use arch::exception::Vector;
use arch::rflags;
use arch::segment::{SegReg, Segment, Selector};

impl Cpu {
    /// Through the interrupt vector table: SDM Vol. 3A, "Interrupt and Exception Handling" of
    /// real-address mode.
    pub(super) fn deliver_real(&mut self, delivery: &Delivery) -> Done {
        let offset = u64::from(delivery.vector) * 4;
        if offset + 3 > u64::from(self.idtr.limit) {
            return Err(delivery.idt_fault(Vector::GP));
        }
        let entry =
            self.load_system::<u32>(self.system_linear(self.idtr.base.wrapping_add(offset)))?;
        let mut frame = Frame::new(2);
        frame.push(delivery.flags);
        frame.push(u64::from(self.segments[SegReg::Cs as usize].selector.0));
        frame.push(delivery.ip);
        let ss = self.segments[SegReg::Ss as usize];
        let sp =
            self.write_frame_at(&frame, &ss, self.regs[reg::RSP as usize], Vector::SS, 0, 0)?;
        self.set_stack_pointer(sp);
        let selector = (entry >> 16) as u16;
        let cs = Segment {
            selector: Selector(selector),
            base: u64::from(selector) << 4,
            ..self.segments[SegReg::Cs as usize]
        };
        self.set_segment(SegReg::Cs, cs);
        self.rip = u64::from(entry & 0xffff);
        self.clear_flags(rflags::IF | rflags::TF | rflags::AC | rflags::RF);
        Ok(())
    }
}
