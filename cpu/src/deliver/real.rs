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
        self.through_ivt(entry, delivery.flags, delivery.ip)?;
        self.clear_flags(rflags::IF | rflags::TF | rflags::AC | rflags::RF);
        Ok(())
    }
    /// Pushes flags, CS and the return address, and goes where an entry of the table says; at CPL 0, or 3
    /// in virtual-8086 mode.
    pub(crate) fn through_ivt(&mut self, entry: u32, flags: u64, ip: u64) -> Done {
        let cs = self.segments[SegReg::Cs as usize];
        let mut frame = Frame::new(2);
        for word in [flags, u64::from(cs.selector.0), ip] {
            frame.push(word);
        }
        let ss = self.segments[SegReg::Ss as usize];
        let sp = self.regs[reg::RSP as usize];
        let sp = self.write_frame_at(&frame, &ss, sp, Vector::SS, 0, self.cpl)?;
        self.set_stack_pointer(sp);
        let selector = (entry >> 16) as u16;
        let base = u64::from(selector) << 4;
        self.set_segment(SegReg::Cs, Segment { selector: Selector(selector), base, ..cs });
        self.rip = u64::from(entry & 0xffff);
        Ok(())
    }
}
