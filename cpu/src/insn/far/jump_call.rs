//! Far JMP and CALL: to code segments, through call gates to more privileged ones, and to other tasks.
//!
//! SDM Vol. 2A, "CALL", "JMP"; Vol. 3A, "Call Gates", "Stack Switching". The order of the checks is that
//! of the pseudo-code: code segment, room on the stack, instruction pointer.

use super::Target;
use crate::cpu::{Cpu, Done, Fault};
use crate::decode::op::Op;
use crate::deliver::Frame;
use crate::flags::Width;
use crate::insn::task::{Cause, Switch};
use crate::mmu::Privilege;
use crate::mmu::descriptor::selector_fault;
use crate::mmu::rules;
use crate::mmu::walk::Intent;
use arch::exception::{Exception, Vector};
use arch::gate::{Gate, tss64};
use arch::segment::{Descriptor, SegReg, Segment, Selector, system_type};

/// What a far pointer to a system descriptor leads through.
enum Through {
    /// A call gate; true for one of 32 or 64 bits.
    Gate(Gate, bool),
    /// A task gate or a TSS: the TSS.
    Task(Selector),
}

impl Cpu {
    /// A direct far transfer to a code segment: JMP and CALL without a gate.
    fn direct_target(
        &mut self,
        selector: Selector,
        descriptor: Descriptor,
        ip: u64,
    ) -> Result<Target, Fault> {
        let ip = self.checked_ip(descriptor, ip)?;
        let descriptor = self.mark_accessed(selector, descriptor)?;
        let selector = Selector(selector.0 & !3 | u16::from(self.cpl));
        Ok(Target { cs: Segment::from_descriptor(selector, descriptor), ip })
    }

    /// Far JMP from in front of `next_ip`.
    fn far_jump(&mut self, selector: Selector, ip: u64, next_ip: u64) -> Done {
        if self.real_addressing() {
            let target = self.real_target(selector.0, ip)?;
            self.enter(&target);
            return Ok(());
        }
        let descriptor = self.far_descriptor(selector)?;
        let target = if descriptor.is_code() {
            rules::direct(self.cpl, selector, descriptor, self.long_mode())
                .map_err(|vector| selector_fault(vector, selector))?;
            self.direct_target(selector, descriptor, ip)?
        } else {
            match self.system_target(selector, descriptor)? {
                Through::Task(tss) => return self.far_task(tss, Cause::Jump, next_ip),
                Through::Gate(gate, wide) => {
                    let code = self.gate_code(gate, rules::jump_behind_gate)?;
                    self.gate_target(gate, code, wide, self.cpl)?
                }
            }
        };
        self.enter(&target);
        Ok(())
    }

    fn far_task(&mut self, tss: Selector, cause: Cause, next_ip: u64) -> Done {
        let switch = Switch { cause, ext: 0, ip: next_ip, flags: self.rflags() };
        self.switch_task(tss, &switch)
    }

    /// True for call gates, task gates and TSS. Long mode has no tasks.
    fn is_way(&self, descriptor: Descriptor) -> bool {
        match descriptor.kind() {
            _ if descriptor.is_code_or_data() => false,
            system_type::CALL_GATE => true,
            system_type::CALL_GATE16
            | system_type::TASK_GATE
            | system_type::TSS_AVAILABLE
            | system_type::TSS16_AVAILABLE => !self.long_mode(),
            _ => false,
        }
    }

    /// The own checks of a call gate, task gate or TSS descriptor.
    fn system_target(
        &mut self,
        selector: Selector,
        descriptor: Descriptor,
    ) -> Result<Through, Fault> {
        let fault = |vector| Err(selector_fault(vector, selector));
        let privileged = descriptor.dpl() >= self.cpl && descriptor.dpl() >= selector.rpl();
        if !self.is_way(descriptor) || !privileged {
            return fault(Vector::GP);
        }
        let kind = descriptor.kind();
        if matches!(kind, system_type::TSS_AVAILABLE | system_type::TSS16_AVAILABLE) {
            return Ok(Through::Task(selector));
        }
        let mut gate = Gate { low: descriptor.0, high: 0 };
        if self.long_mode() {
            let Some(address) = self.descriptor_address(selector, 16) else {
                return fault(Vector::GP);
            };
            gate.high = self.load_system::<u64>(address.wrapping_add(8))?;
            // The upper half's type field must be 0.
            if gate.high >> 40 & 0x1f != 0 {
                return fault(Vector::GP);
            }
        }
        if !descriptor.present() {
            return fault(Vector::NP);
        }
        if kind == system_type::TASK_GATE {
            return Ok(Through::Task(gate.selector()));
        }
        Ok(Through::Gate(gate, kind == system_type::CALL_GATE))
    }

    /// The code segment descriptor behind a call gate.
    fn gate_code(
        &mut self,
        gate: Gate,
        rule: fn(u8, Descriptor, bool) -> rules::Verdict,
    ) -> Result<Descriptor, Fault> {
        let selector = gate.selector();
        let code = self.far_descriptor(selector)?;
        rule(self.cpl, code, self.long_mode())
            .map_err(|vector| selector_fault(vector, selector))?;
        Ok(code)
    }

    fn gate_target(
        &mut self,
        gate: Gate,
        code: Descriptor,
        wide: bool,
        cpl: u8,
    ) -> Result<Target, Fault> {
        let ip = if wide { gate.offset() } else { gate.offset() & 0xffff };
        let ip = self.checked_ip(code, ip)?;
        let code = self.mark_accessed(gate.selector(), code)?;
        // After a gate CS.RPL is the new CPL.
        let selector = Selector(gate.selector().0 & !3 | u16::from(cpl));
        Ok(Target { cs: Segment::from_descriptor(selector, code), ip })
    }

    /// Far CALL with return words of width `W`.
    fn far_call<W: Width>(&mut self, selector: Selector, ip: u64, return_ip: u64) -> Done {
        if self.real_addressing() {
            let slots = self.far_slots::<W>()?;
            let target = self.real_target(selector.0, ip)?;
            self.push_far::<W>(slots, return_ip)?;
            self.enter(&target);
            return Ok(());
        }
        let descriptor = self.far_descriptor(selector)?;
        if descriptor.is_code() {
            rules::direct(self.cpl, selector, descriptor, self.long_mode())
                .map_err(|vector| selector_fault(vector, selector))?;
            return self.call_direct::<W>(selector, descriptor, ip, return_ip);
        }
        match self.system_target(selector, descriptor)? {
            Through::Task(tss) => self.far_task(tss, Cause::Call, return_ip),
            Through::Gate(gate, wide) => self.call_gate(gate, wide, return_ip),
        }
    }

    /// To a code segment without a gate. As on Zen 5: it pushes in the mode of the new code segment, on a stack of 64
    /// bits or within the limit of SS, then checks the instruction pointer. What was pushed before a fault stays in
    /// memory.
    fn call_direct<W: Width>(
        &mut self,
        selector: Selector,
        descriptor: Descriptor,
        ip: u64,
        return_ip: u64,
    ) -> Done {
        let (cs, sp) = (self.segments[SegReg::Cs as usize], self.regs[4]);
        self.set_segment(SegReg::Cs, Segment::from_descriptor(selector, descriptor));
        let target = self
            .push(W::from_u64(cs.selector.0.into()))
            .and_then(|()| self.push(W::from_u64(return_ip)))
            .and_then(|()| self.direct_target(selector, descriptor, ip));
        match target {
            Ok(target) => {
                self.enter(&target);
                Ok(())
            }
            Err(fault) => {
                self.set_segment(SegReg::Cs, cs);
                self.regs[4] = sp;
                Err(fault)
            }
        }
    }

    fn call_gate(&mut self, gate: Gate, wide: bool, return_ip: u64) -> Done {
        let code = self.gate_code(gate, rules::behind_gate)?;
        if !code.is_conforming() && code.dpl() < self.cpl {
            return self.call_inner(gate, code, wide, return_ip);
        }
        if self.long_mode() {
            self.call_same::<u64>(gate, code, wide, return_ip)
        } else if wide {
            self.call_same::<u32>(gate, code, wide, return_ip)
        } else {
            self.call_same::<u16>(gate, code, wide, return_ip)
        }
    }

    /// Through a call gate without a change of level.
    fn call_same<W: Width>(
        &mut self,
        gate: Gate,
        code: Descriptor,
        wide: bool,
        return_ip: u64,
    ) -> Done {
        let slots = self.far_slots::<W>()?;
        let target = self.gate_target(gate, code, wide, self.cpl)?;
        self.push_far::<W>(slots, return_ip)?;
        self.enter(&target);
        Ok(())
    }

    /// Linear addresses for CS and for the return address below it, within the stack's limits.
    fn far_slots<W: Width>(&self) -> Result<(u64, u64), Fault> {
        let bytes = u64::from(W::BYTES);
        let upper = self.stack_offset(bytes.wrapping_neg());
        let lower = self.stack_offset((2 * bytes).wrapping_neg());
        let upper = self.linear_in(SegReg::Ss as usize, upper, bytes, true)?;
        Ok((upper, self.linear_in(SegReg::Ss as usize, lower, bytes, true)?))
    }

    /// Pushes CS and the return address, both or neither.
    fn push_far<W: Width>(&mut self, (upper, lower): (u64, u64), ip: u64) -> Done {
        let bytes = u64::from(W::BYTES);
        let cs = self.segments[SegReg::Cs as usize].selector;
        // The upper word is pushed first; it changes only when the lower one's page is writable too.
        self.probe(upper, bytes, Intent::Write, Privilege::Current)?;
        self.probe(lower, bytes, Intent::Write, Privilege::Current)?;
        self.store(upper, W::from_u64(u64::from(cs.0)))?;
        self.store(lower, W::from_u64(ip))?;
        self.release((2 * bytes).wrapping_neg());
        Ok(())
    }

    /// Through a call gate to a more privileged level, onto its stack: old SS:SP, parameters, old CS:IP.
    fn call_inner(&mut self, gate: Gate, code: Descriptor, wide: bool, return_ip: u64) -> Done {
        let cpl = code.dpl();
        if self.long_mode() {
            return self.call_inner_long(gate, code, return_ip);
        }
        let (stack, sp) = self.inner_stack(cpl, 0)?;
        let frame = self.call_frame(gate, wide, return_ip)?;
        let error = stack.selector.error_code();
        let place = self.frame_place(&frame, &stack, sp, Vector::SS, error)?;
        let target = self.gate_target(gate, code, wide, cpl)?;
        let sp = self.write_frame(&frame, &place, cpl)?;
        self.set_segment(SegReg::Ss, stack);
        self.set_stack_pointer(sp);
        self.set_cpl(cpl);
        self.enter(&target);
        Ok(())
    }

    /// What a call gate to an inner level pushes, parameters from the outer stack included.
    fn call_frame(&mut self, gate: Gate, wide: bool, return_ip: u64) -> Result<Frame, Fault> {
        let word = if wide { 4 } else { 2 };
        let mut parameters = [0u64; 31];
        let count = usize::from(gate.parameter_count());
        for (i, parameter) in (0..).zip(&mut parameters[..count]) {
            *parameter = if wide {
                self.stack_read::<u32>(i * word)?.into()
            } else {
                self.stack_read::<u16>(i * word)?.into()
            };
        }
        let selector = |register: SegReg| u64::from(self.segments[register as usize].selector.0);
        let mut frame = Frame::new(word as usize);
        frame.push(selector(SegReg::Ss));
        frame.push(self.regs[4]);
        for parameter in parameters[..count].iter().rev() {
            frame.push(*parameter);
        }
        frame.push(selector(SegReg::Cs));
        frame.push(return_ip);
        Ok(frame)
    }

    /// The same in long mode: no parameters, and SS becomes null.
    fn call_inner_long(&mut self, gate: Gate, code: Descriptor, return_ip: u64) -> Done {
        let cpl = code.dpl();
        let sp = self.tss64_stack(tss64::rsp(cpl), 0)?;
        let selector = |register: SegReg| u64::from(self.segments[register as usize].selector.0);
        let mut frame = Frame::new(8);
        for word in [selector(SegReg::Ss), self.regs[4], selector(SegReg::Cs), return_ip] {
            frame.push(word);
        }
        let sp = sp.wrapping_sub(frame.len() as u64);
        if !self.is_canonical(sp) || !self.is_canonical(sp.wrapping_add(31)) {
            return Err(Exception::new(Vector::SS).into());
        }
        let target = self.gate_target(gate, code, true, cpl)?;
        self.write_words(sp, &frame, cpl)?;
        self.set_segment(SegReg::Ss, Segment::null_stack(Selector(u16::from(cpl)), cpl));
        self.regs[4] = sp;
        self.set_cpl(cpl);
        self.enter(&target);
        Ok(())
    }
}

/// JMP ptr16:16/32.
pub(crate) fn jmp_ptr(cpu: &mut Cpu, op: &Op) -> Done {
    let next = cpu.next_ip(op);
    cpu.far_jump(Selector((op.imm >> 32) as u16), op.imm & 0xffff_ffff, next)
}

/// CALL ptr16:16/32.
pub(crate) fn call_ptr<W: Width>(cpu: &mut Cpu, op: &Op) -> Done {
    let next = cpu.next_ip(op);
    cpu.far_call::<W>(Selector((op.imm >> 32) as u16), op.imm & 0xffff_ffff, next)
}

/// Offset and selector of a far pointer in memory. AMD's processors know no offset of 64 bits: with
/// REX.W they take one of 32, although a CALL then pushes words of 64 (docs/hardware.md).
pub(crate) fn far_pointer<W: Width>(cpu: &mut Cpu, op: &Op) -> Result<(Selector, u64), Fault> {
    if W::BITS == 64 && cpu.model.is_amd() {
        return load_pointer::<u32>(cpu, op);
    }
    load_pointer::<W>(cpu, op)
}

fn load_pointer<W: Width>(cpu: &mut Cpu, op: &Op) -> Result<(Selector, u64), Fault> {
    let ea = cpu.effective_address(op);
    let offset_at = cpu.linear_in(op.segment(), ea, W::BYTES.into(), false)?;
    let offset = cpu.load::<W>(offset_at)?.to_u64();
    // The selector is an access of its own: its place is checked after the offset was read.
    let behind = ea.wrapping_add(W::BYTES.into()) & op.address_mask();
    let selector_at = cpu.linear_in(op.segment(), behind, 2, false)?;
    let selector = cpu.load::<u16>(selector_at)?;
    Ok((Selector(selector), offset))
}

/// JMP m16:16/32/64.
pub(crate) fn jmp_far_mem<W: Width>(cpu: &mut Cpu, op: &Op) -> Done {
    let (selector, offset) = far_pointer::<W>(cpu, op)?;
    let next = cpu.next_ip(op);
    cpu.far_jump(selector, offset, next)
}

/// CALL m16:16/32/64.
pub(crate) fn call_far_mem<W: Width>(cpu: &mut Cpu, op: &Op) -> Done {
    let (selector, offset) = far_pointer::<W>(cpu, op)?;
    let next = cpu.next_ip(op);
    cpu.far_call::<W>(selector, offset, next)
}
