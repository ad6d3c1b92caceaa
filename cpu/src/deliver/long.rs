//! Through gates of 64 bits: SDM Vol. 3A, "Interrupt and Exception Handling in 64-bit Mode".

use super::frame::privilege;
use super::{Delivery, Frame};
use crate::cpu::{Cpu, Done, Fault, reg};
use arch::exception::{Exception, Vector};
use arch::gate::{Gate, tss64};
use arch::paging::PAGE_MASK;
use arch::rflags;
use arch::segment::{Descriptor, SegReg, Segment, Selector, system_type};

impl Cpu {
    pub(super) fn deliver_long(&mut self, delivery: &Delivery) -> Done {
        let gate = self.read_gate(delivery, 16)?;
        let known = matches!(gate.kind(), system_type::INTERRUPT_GATE | system_type::TRAP_GATE);
        if !gate.is_system() || !known {
            return Err(delivery.idt_fault(Vector::GP));
        }
        self.check_gate(delivery, gate)?;
        let (descriptor, cpl) = self.enter_gate(delivery, gate)?;
        let sp = self.long_stack(gate, cpl, delivery.ext())?;
        let words = self.long_frame(delivery);
        let words = &words[..5 + usize::from(delivery.error_code.is_some())];
        let len = 8 * words.len() as u64;
        let sp = (sp & !15).wrapping_sub(len);
        if !self.is_canonical(sp) || !self.is_canonical(sp.wrapping_add(len - 1)) {
            return Err(Exception::with_code(Vector::SS, delivery.ext()).into());
        }
        if !self.is_canonical(gate.offset()) {
            return Err(Exception::with_code(Vector::GP, delivery.ext()).into());
        }
        let descriptor = self.mark_accessed(gate.selector(), descriptor)?;
        self.write_long_frame(sp, words, cpl)?;
        self.enter_long_handler(gate, descriptor, cpl);
        self.regs[reg::RSP as usize] = sp;
        Ok(())
    }

    /// The stack pointer to align and push at: of the IST, of another level, or as it is.
    fn long_stack(&mut self, gate: Gate, cpl: u8, ext: u32) -> Result<u64, Fault> {
        if gate.ist() != 0 {
            self.tss64_stack(tss64::ist(gate.ist()), ext)
        } else if cpl < self.cpl {
            self.tss64_stack(tss64::rsp(cpl), ext)
        } else {
            Ok(self.regs[reg::RSP as usize])
        }
    }

    /// What is pushed; the error code last, if there is one.
    fn long_frame(&self, delivery: &Delivery) -> [u64; 6] {
        [
            u64::from(self.segments[SegReg::Ss as usize].selector.0),
            // Compatibility mode has no upper half.
            self.regs[reg::RSP as usize] & if self.mode64() { u64::MAX } else { 0xffff_ffff },
            delivery.flags,
            u64::from(self.segments[SegReg::Cs as usize].selector.0),
            delivery.ip,
            u64::from(delivery.error_code.unwrap_or(0)),
        ]
    }

    /// Code segment, level and flags of the handler.
    fn enter_long_handler(&mut self, gate: Gate, descriptor: Descriptor, cpl: u8) {
        let interrupt_gate = gate.kind() == system_type::INTERRUPT_GATE;
        let cleared = if interrupt_gate { rflags::IF } else { 0 };
        self.clear_flags(cleared | rflags::TF | rflags::NT | rflags::RF);
        if cpl < self.cpl {
            self.set_segment(SegReg::Ss, Segment::null_stack(Selector(u16::from(cpl)), cpl));
        }
        self.set_cpl(cpl);
        let selector = Selector(gate.selector().0 & !3 | u16::from(cpl));
        self.set_segment(SegReg::Cs, Segment::from_descriptor(selector, descriptor));
        self.rip = gate.offset();
    }

    /// Writes a frame of 64-bit words, the highest first, whose last word is at `sp`; all or nothing.
    fn write_long_frame(&mut self, sp: u64, words: &[u64], cpl: u8) -> Done {
        let context = self.context_of(privilege(cpl));
        // A frame may wrap around from the top of the address space.
        let last = sp.wrapping_add(8 * words.len() as u64 - 1);
        let one_page = (sp ^ last) & !PAGE_MASK == 0;
        // What covers one word of a page covers them all.
        let mut places = words.iter().rev().zip(0..);
        if one_page && places.all(|(&word, n)| self.tlb.write_in(context, sp + 8 * n, word)) {
            return Ok(());
        }
        let mut frame = Frame::new(8);
        for &word in words {
            frame.push(word);
        }
        self.write_words(sp, &frame, cpl)
    }

    /// A stack pointer at `at` of the 64-bit TSS; `ext` is the EXT bit of an error code.
    pub(crate) fn tss64_stack(&mut self, at: u16, ext: u32) -> Result<u64, Fault> {
        if u32::from(at) + 7 > self.tr.limit {
            let code = self.tr.selector.error_code() | ext;
            return Err(Exception::with_code(Vector::TS, code).into());
        }
        let sp = self.load_system::<u64>(self.tr.base.wrapping_add(u64::from(at)))?;
        if !self.is_canonical(sp) {
            return Err(Exception::with_code(Vector::SS, ext).into());
        }
        Ok(sp)
    }
}
