//! Delivery of exceptions and interrupts through the IVT or IDT: privilege and stack switches, IST,
//! error codes, double and triple faults.
//!
//! SDM Vol. 3A, "Exception- and Interrupt-Handling Procedures", "Interrupt and Exception Handling in
//! 64-bit Mode"; Vol. 2A, "INT n". Not modelled: task gates (refused as unimplemented).

use crate::cpu::{Activity, Cpu, Done, Fault, reg};
use crate::event_log::{Event, kind};
use crate::mmu::Privilege;
use crate::mmu::segment::within_limit;
use crate::mmu::walk::Intent;
use arch::debug::dr7;
use arch::exception::{Class, Exception, Vector, selector_code};
use arch::gate::{Gate, tss16, tss32, tss64};
use arch::paging::{PAGE_MASK, is_canonical48};
use arch::rflags;
use arch::segment::{Descriptor, SegReg, Segment, Selector, attr, system_type};

/// Where an event comes from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Source {
    /// A fault or trap of the running program.
    Exception,
    /// An interrupt or NMI.
    External,
    /// INT n, INT3, INTO: the gate's DPL is checked.
    Software,
    /// INT1: like software, but the gate's DPL is not checked.
    Privileged,
}

/// An event on its way to its handler.
#[derive(Clone, Copy)]
struct Delivery {
    vector: u8,
    error_code: Option<u32>,
    source: Source,
    /// RFLAGS to push.
    flags: u64,
    /// Return address to push.
    ip: u64,
}

impl Delivery {
    /// The EXT bit of error codes raised on the way.
    fn ext(&self) -> u32 {
        if matches!(self.source, Source::Software) { 0 } else { selector_code::EXT }
    }

    /// A fault that names the IDT entry.
    fn idt_fault(&self, vector: Vector) -> Fault {
        let code = u32::from(self.vector) << 3 | selector_code::IDT | self.ext();
        Fault::Exception(Exception::with_code(vector, code))
    }

    /// A fault that names a selector met on the way.
    fn selector_fault(&self, vector: Vector, selector: Selector) -> Fault {
        Fault::Exception(Exception::with_code(vector, selector.error_code() | self.ext()))
    }
}

impl Cpu {
    /// Delivers a fault, escalating to a double and a triple fault. Faults push RF = 1, so that an
    /// instruction breakpoint does not fire again on return: SDM Vol. 3B, "Resume Flag".
    pub(crate) fn raise(&mut self, exception: Exception) {
        self.raise_with(exception, rflags::RF);
    }

    /// Delivers a trap, whose instruction is complete: RF is pushed as it is.
    pub(crate) fn raise_trap(&mut self, exception: Exception) {
        self.raise_with(exception, 0);
    }

    fn raise_with(&mut self, exception: Exception, mut rf: u64) {
        self.remember_fault(exception);
        let mut current = exception;
        loop {
            if current.vector == Vector::PF {
                self.cr2 = current.address;
            }
            match self.deliver_exception(current, rf) {
                Ok(()) => return,
                Err(Fault::Unimplemented(what)) => {
                    self.fault = Some(Fault::Unimplemented(what));
                    return;
                }
                Err(Fault::Exception(second)) => {
                    self.remember_fault(second);
                    rf = rflags::RF;
                    // CR2 tells of the latest page fault even if another exception comes of it.
                    if second.vector == Vector::PF {
                        self.cr2 = second.address;
                    }
                    let Some(next) = escalate(current, second) else {
                        self.activity = Activity::Shutdown;
                        self.leave = true;
                        return;
                    };
                    current = next;
                }
            }
        }
    }

    /// Delivers an external interrupt or NMI.
    pub(crate) fn interrupt(&mut self, vector: u8) {
        let (retired, rip, cpl) = (self.retired(), self.rip, self.cpl);
        let cs = self.segments[SegReg::Cs as usize].selector.0;
        self.log.emit(kind::INTERRUPT, retired, || Event::Interrupt {
            vector,
            external: true,
            cs,
            rip,
            cpl,
        });
        self.stats.interrupts += 1;
        let delivery = Delivery {
            vector,
            error_code: None,
            source: Source::External,
            flags: self.rflags(),
            ip: self.rip,
        };
        match self.deliver(delivery) {
            Ok(()) => {}
            Err(Fault::Exception(exception)) => self.raise(exception),
            Err(fault) => self.fault = Some(fault),
        }
    }

    /// INT n, INT3, INTO and INT1: the return address is the next instruction.
    pub(crate) fn software_interrupt(&mut self, vector: u8, next_ip: u64, source: Source) -> Done {
        let (retired, rip, cpl) = (self.retired(), self.rip, self.cpl);
        let cs = self.segments[SegReg::Cs as usize].selector.0;
        self.log.emit(kind::INTERRUPT, retired, || Event::Interrupt {
            vector,
            external: false,
            cs,
            rip,
            cpl,
        });
        let flags = self.rflags();
        self.deliver(Delivery { vector, error_code: None, source, flags, ip: next_ip })?;
        // The instruction itself counts; its delivery is part of it.
        self.remaining += 1;
        if let Some(profile) = &mut self.profile {
            profile.deliver(false);
        }
        self.stats.software += 1;
        Ok(())
    }

    fn deliver_exception(&mut self, exception: Exception, rf: u64) -> Done {
        let vector = exception.vector;
        let (retired, rip, cpl, cr2) = (self.retired(), self.rip, self.cpl, self.cr2);
        let cs = self.segments[SegReg::Cs as usize].selector.0;
        let error_code = vector.has_error_code().then_some(exception.error_code);
        self.log.emit(kind::EXCEPTION, retired, || Event::Exception {
            vector: vector as u8,
            error_code,
            cr2,
            cs,
            rip,
            cpl,
        });
        self.stats.exceptions[vector as usize] += 1;
        self.deliver(Delivery {
            vector: vector as u8,
            error_code,
            source: Source::Exception,
            flags: self.rflags() | rf,
            ip: self.rip,
        })?;
        if vector == Vector::DB {
            // The handler may use the debug registers.
            self.dr7 &= !dr7::GD;
        }
        Ok(())
    }

    /// Delivery counts one instruction, so that a handler that faults on its first instruction cannot
    /// stop time.
    fn deliver(&mut self, delivery: Delivery) -> Done {
        if !self.protected_mode() {
            self.deliver_real(&delivery)?;
        } else if self.long_mode() {
            self.deliver_long(&delivery)?;
        } else {
            self.deliver_protected(&delivery)?;
        }
        self.activity = Activity::Running;
        // A single step that was due after the interrupted instruction is lost, as TF is now clear.
        self.step = false;
        self.pending_debug = 0;
        self.remaining -= 1;
        if let Some(profile) = &mut self.profile {
            profile.deliver(true);
        }
        Ok(())
    }

    /// Through the interrupt vector table: SDM Vol. 3A, "Interrupt and Exception Handling" of
    /// real-address mode.
    fn deliver_real(&mut self, delivery: &Delivery) -> Done {
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
        let sp = self.write_frame(&frame, &ss, self.regs[reg::RSP as usize], Vector::SS, 0)?;
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

    fn read_gate(&mut self, delivery: &Delivery, size: u64) -> Result<Gate, Fault> {
        let offset = u64::from(delivery.vector) * size;
        if offset + size - 1 > u64::from(self.idtr.limit) {
            return Err(delivery.idt_fault(Vector::GP));
        }
        let address = self.idtr.base.wrapping_add(offset);
        let low = self.load_system::<u64>(self.system_linear(address))?;
        let high = if size == 16 { self.load_system::<u64>(address.wrapping_add(8))? } else { 0 };
        Ok(Gate { low, high })
    }

    /// Checks a gate and its code segment; returns the segment's descriptor and the CPL to run at.
    fn enter_gate(&mut self, delivery: &Delivery, gate: Gate) -> Result<(Descriptor, u8), Fault> {
        if delivery.source == Source::Software && gate.dpl() < self.cpl {
            return Err(delivery.idt_fault(Vector::GP));
        }
        if !gate.present() {
            return Err(delivery.idt_fault(Vector::NP));
        }
        let selector = gate.selector();
        if selector.is_null() {
            return Err(delivery.selector_fault(Vector::GP, Selector(0)));
        }
        let Some(address) = self.descriptor_address(selector, 8) else {
            return Err(delivery.selector_fault(Vector::GP, selector));
        };
        let descriptor = Descriptor(self.load_system::<u64>(address)?);
        let long = descriptor.attributes() & (attr::L | attr::DB) == attr::L;
        if !descriptor.is_code() || descriptor.dpl() > self.cpl || self.long_mode() && !long {
            return Err(delivery.selector_fault(Vector::GP, selector));
        }
        if !descriptor.present() {
            return Err(delivery.selector_fault(Vector::NP, selector));
        }
        let cpl = if descriptor.is_conforming() { self.cpl } else { descriptor.dpl() };
        Ok((self.mark_accessed(selector, descriptor)?, cpl))
    }

    fn deliver_protected(&mut self, delivery: &Delivery) -> Done {
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

    fn deliver_long(&mut self, delivery: &Delivery) -> Done {
        let gate = self.read_gate(delivery, 16)?;
        let known = matches!(gate.kind(), system_type::INTERRUPT_GATE | system_type::TRAP_GATE);
        if !gate.is_system() || !known {
            return Err(delivery.idt_fault(Vector::GP));
        }
        let (descriptor, cpl) = self.enter_gate(delivery, gate)?;
        if !is_canonical48(gate.offset()) {
            return Err(Exception::with_code(Vector::GP, delivery.ext()).into());
        }
        let switches = cpl < self.cpl;
        let sp = if gate.ist() != 0 {
            self.tss64_stack(delivery, tss64::ist(gate.ist()))?
        } else if switches {
            self.tss64_stack(delivery, tss64::rsp(cpl))?
        } else {
            self.regs[reg::RSP as usize]
        };
        let words = [
            u64::from(self.segments[SegReg::Ss as usize].selector.0),
            self.regs[reg::RSP as usize],
            delivery.flags,
            u64::from(self.segments[SegReg::Cs as usize].selector.0),
            delivery.ip,
            u64::from(delivery.error_code.unwrap_or(0)),
        ];
        let words = &words[..5 + usize::from(delivery.error_code.is_some())];
        let len = 8 * words.len() as u64;
        let sp = (sp & !15).wrapping_sub(len);
        if !is_canonical48(sp) || !is_canonical48(sp.wrapping_add(len - 1)) {
            return Err(Exception::with_code(Vector::SS, delivery.ext()).into());
        }
        self.write_long_frame(sp, words, cpl)?;
        let interrupt_gate = gate.kind() == system_type::INTERRUPT_GATE;
        let cleared = if interrupt_gate { rflags::IF } else { 0 };
        self.clear_flags(cleared | rflags::TF | rflags::NT | rflags::RF);
        if switches {
            let mut ss = Segment { selector: Selector(u16::from(cpl)), ..Segment::default() };
            ss.attributes = u16::from(cpl) << attr::DPL_SHIFT;
            self.set_segment(SegReg::Ss, ss);
        }
        self.set_cpl(cpl);
        let selector = Selector(gate.selector().0 & !3 | u16::from(cpl));
        self.set_segment(SegReg::Cs, Segment::from_descriptor(selector, descriptor));
        self.regs[reg::RSP as usize] = sp;
        self.rip = gate.offset();
        Ok(())
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

    /// A stack pointer from the 64-bit TSS.
    fn tss64_stack(&mut self, delivery: &Delivery, at: u16) -> Result<u64, Fault> {
        if u32::from(at) + 7 > self.tr.limit {
            return Err(delivery.selector_fault(Vector::TS, self.tr.selector));
        }
        let sp = self.load_system::<u64>(self.tr.base.wrapping_add(u64::from(at)))?;
        if !is_canonical48(sp) {
            return Err(Exception::with_code(Vector::SS, delivery.ext()).into());
        }
        Ok(sp)
    }

    fn write_frame(
        &mut self,
        frame: &Frame,
        stack: &Segment,
        sp: u64,
        vector: Vector,
        code: u32,
    ) -> Result<u64, Fault> {
        self.write_frame_at(frame, stack, sp, vector, code, self.cpl)
    }

    /// Writes a frame below `sp` of a stack segment at privilege `cpl`, all or nothing; returns the new stack pointer.
    pub(crate) fn write_frame_at(
        &mut self,
        frame: &Frame,
        stack: &Segment,
        sp: u64,
        vector: Vector,
        code: u32,
        cpl: u8,
    ) -> Result<u64, Fault> {
        let mask = if stack.big() { 0xffff_ffff } else { 0xffff };
        let len = frame.len() as u64;
        let new = sp.wrapping_sub(len) & mask;
        let fault = Err(Exception::with_code(vector, code).into());
        let linear = |offset: u64| offset.wrapping_add(stack.base) & 0xffff_ffff;
        if new + len - 1 <= mask {
            if !within_limit(stack, new, len) {
                return fault;
            }
            self.write_words(linear(new), frame, cpl)?;
            return Ok(new);
        }
        // The stack pointer wraps around between words, never within one.
        let word = frame.word as u64;
        let places = || (1..=len / word).map(|i| sp.wrapping_sub(i * word) & mask);
        for offset in places() {
            if offset + word - 1 > mask || !within_limit(stack, offset, word) {
                return fault;
            }
            self.probe(linear(offset), word, Intent::Write, privilege(cpl))?;
        }
        for (offset, bytes) in places().zip(frame.bytes().rchunks(frame.word)) {
            self.write_linear(linear(offset), bytes, privilege(cpl))?;
        }
        Ok(new)
    }

    /// Writes a frame to ascending linear addresses, all or nothing. Words are pushed from the top, so
    /// the first that cannot be written is the one a page fault names.
    pub(crate) fn write_words(&mut self, linear: u64, frame: &Frame, cpl: u8) -> Done {
        let word = frame.word as u64;
        let top = linear.wrapping_add(frame.len() as u64 - word);
        let one_page = (linear ^ top.wrapping_add(word - 1)) & !PAGE_MASK == 0;
        let words = if one_page { 1 } else { frame.len() as u64 / word };
        for i in 0..words {
            let at = self.system_linear(top.wrapping_sub(i * word));
            self.probe(at, word, Intent::Write, privilege(cpl))?;
        }
        self.write_linear(linear, frame.bytes(), privilege(cpl))
    }

    /// Clears system flags.
    pub(crate) fn clear_flags(&mut self, bits: u64) {
        debug_assert!(bits & rflags::STATUS == 0);
        let cleared = self.system_flags & bits;
        self.system_flags &= !bits;
        if cleared & rflags::AC != 0 {
            self.update_context();
        }
    }
}

/// On whose behalf a frame is written for a handler at `cpl`.
fn privilege(cpl: u8) -> Privilege {
    if cpl == 3 { Privilege::Current } else { Privilege::Supervisor }
}

/// What a second exception during the delivery of `first` becomes; `None` is shutdown. SDM Vol. 3A,
/// "Conditions for Generating a Double Fault".
fn escalate(first: Exception, second: Exception) -> Option<Exception> {
    let double = match (first.vector.class(), second.vector.class()) {
        (Class::DoubleFault, Class::Contributory | Class::PageFault) => return None,
        (Class::Contributory, Class::Contributory) => true,
        (Class::PageFault, Class::Contributory | Class::PageFault) => true,
        _ => false,
    };
    Some(if double { Exception::new(Vector::DF) } else { second })
}

/// Largest frame: a 32-bit call gate's, with old SS:ESP, 31 parameters and old CS:EIP.
const FRAME: usize = 4 * (31 + 4);

/// The words of an interrupt frame, highest address first, at one size.
pub(crate) struct Frame {
    bytes: [u8; FRAME],
    start: usize,
    word: usize,
}

impl Frame {
    /// Empty, of words of 2, 4 or 8 bytes.
    pub(crate) fn new(word: usize) -> Self {
        Self { bytes: [0; FRAME], start: FRAME, word }
    }
    /// Pushes a word.
    pub(crate) fn push(&mut self, value: u64) {
        self.start -= self.word;
        let at = self.start;
        self.bytes[at..at + self.word].copy_from_slice(&value.to_le_bytes()[..self.word]);
    }
    /// In ascending order of address.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes[self.start..]
    }
    /// Bytes pushed.
    pub(crate) fn len(&self) -> usize {
        FRAME - self.start
    }
}

#[cfg(test)]
mod tests;
