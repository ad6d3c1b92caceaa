//! Far JMP and CALL: within a level, and through call gates to more privileged ones.
//!
//! SDM Vol. 2A, "CALL", "JMP"; Vol. 3A, "Call Gates", "Stack Switching".

use super::{TASK_SWITCH, Target};
use crate::cpu::{Cpu, Done, Fault};
use crate::decode::op::Op;
use crate::deliver::Frame;
use crate::flags::Width;
use crate::mmu::Privilege;
use crate::mmu::descriptor::selector_fault;
use crate::mmu::walk::Intent;
use arch::exception::{Exception, Vector};
use arch::gate::{Gate, tss16, tss32, tss64};
use arch::paging::is_canonical48;
use arch::segment::{Descriptor, SegReg, Segment, Selector, attr, system_type};

impl Cpu {
    /// A direct far transfer to a code segment: privilege rules of JMP and CALL without a gate.
    fn direct_target(
        &mut self,
        selector: Selector,
        descriptor: Descriptor,
        ip: u64,
    ) -> Result<Target, Fault> {
        let allowed = if descriptor.is_conforming() {
            descriptor.dpl() <= self.cpl
        } else {
            selector.rpl() <= self.cpl && descriptor.dpl() == self.cpl
        };
        if !allowed || self.bad_long_code(descriptor) {
            return Err(selector_fault(Vector::GP, selector));
        }
        if !descriptor.present() {
            return Err(selector_fault(Vector::NP, selector));
        }
        let ip = self.checked_ip(descriptor, ip)?;
        let descriptor = self.mark_accessed(selector, descriptor)?;
        let selector = Selector(selector.0 & !3 | u16::from(self.cpl));
        Ok(Target { cs: Segment::from_descriptor(selector, descriptor), ip })
    }

    /// Far JMP.
    fn far_jump(&mut self, selector: Selector, ip: u64) -> Done {
        if self.real_addressing() {
            let target = self.real_target(selector.0, ip)?;
            self.enter(&target);
            return Ok(());
        }
        let descriptor = self.far_descriptor(selector)?;
        let target = if descriptor.is_code() {
            self.direct_target(selector, descriptor, ip)?
        } else {
            let (gate, wide) = self.call_gate(selector, descriptor)?;
            let code = self.gate_code(gate)?;
            if !code.is_conforming() && code.dpl() != self.cpl {
                return Err(selector_fault(Vector::GP, gate.selector()));
            }
            self.gate_target(gate, code, wide, self.cpl)?
        };
        self.enter(&target);
        Ok(())
    }

    /// A call gate's own checks; task gates and TSSs are refused. True for a gate of 32 or 64 bits.
    fn call_gate(
        &mut self,
        selector: Selector,
        descriptor: Descriptor,
    ) -> Result<(Gate, bool), Fault> {
        let fault = |vector| Err(selector_fault(vector, selector));
        if descriptor.is_code_or_data() {
            return fault(Vector::GP);
        }
        let long = self.long_mode();
        let wide = match descriptor.kind() {
            system_type::CALL_GATE => true,
            system_type::CALL_GATE16 if !long => false,
            system_type::TASK_GATE | system_type::TSS_AVAILABLE | system_type::TSS16_AVAILABLE
                if !long =>
            {
                return Err(TASK_SWITCH);
            }
            _ => return fault(Vector::GP),
        };
        if descriptor.dpl() < self.cpl || descriptor.dpl() < selector.rpl() {
            return fault(Vector::GP);
        }
        let mut gate = Gate { low: descriptor.0, high: 0 };
        if long {
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
        Ok((gate, wide))
    }

    /// The code segment descriptor behind a call gate.
    fn gate_code(&mut self, gate: Gate) -> Result<Descriptor, Fault> {
        let selector = gate.selector();
        let code = self.far_descriptor(selector)?;
        let long_ok = !self.long_mode() || code.attributes() & (attr::L | attr::DB) == attr::L;
        if !code.is_code() || code.dpl() > self.cpl || !long_ok {
            return Err(selector_fault(Vector::GP, selector));
        }
        if !code.present() {
            return Err(selector_fault(Vector::NP, selector));
        }
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
        let cs = self.segments[SegReg::Cs as usize].selector;
        if self.real_addressing() {
            let target = self.real_target(selector.0, ip)?;
            self.push_far::<W>(cs, return_ip)?;
            self.enter(&target);
            return Ok(());
        }
        let descriptor = self.far_descriptor(selector)?;
        if descriptor.is_code() {
            let target = self.direct_target(selector, descriptor, ip)?;
            self.push_far::<W>(cs, return_ip)?;
            self.enter(&target);
            return Ok(());
        }
        let (gate, wide) = self.call_gate(selector, descriptor)?;
        let code = self.gate_code(gate)?;
        let cpl = if code.is_conforming() { self.cpl } else { code.dpl() };
        let target = self.gate_target(gate, code, wide, cpl)?;
        if cpl < self.cpl {
            self.call_inner(gate, wide, cpl, return_ip)?;
        } else if self.long_mode() {
            self.push_far::<u64>(cs, return_ip)?;
        } else if wide {
            self.push_far::<u32>(cs, return_ip)?;
        } else {
            self.push_far::<u16>(cs, return_ip)?;
        }
        self.set_cpl(cpl);
        self.enter(&target);
        Ok(())
    }

    /// Pushes CS and the return address, both or neither.
    fn push_far<W: Width>(&mut self, cs: Selector, ip: u64) -> Done {
        let bytes = u64::from(W::BYTES);
        let upper = self.stack_offset(bytes.wrapping_neg());
        let lower = self.stack_offset((2 * bytes).wrapping_neg());
        let upper_at = self.linear_in(SegReg::Ss as usize, upper, bytes, true)?;
        let lower_at = self.linear_in(SegReg::Ss as usize, lower, bytes, true)?;
        // The upper word is pushed first; it changes only when the lower one's page is writable too.
        self.probe(upper_at, bytes, Intent::Write, Privilege::Current)?;
        self.probe(lower_at, bytes, Intent::Write, Privilege::Current)?;
        self.store(upper_at, W::from_u64(u64::from(cs.0)))?;
        self.store(lower_at, W::from_u64(ip))?;
        self.set_stack_pointer(lower);
        Ok(())
    }

    /// Switches to the stack of a more privileged level, as a call gate does: old SS:SP, parameters,
    /// old CS:IP.
    fn call_inner(&mut self, gate: Gate, wide: bool, cpl: u8, return_ip: u64) -> Done {
        let (old_ss, old_cs) = (
            self.segments[SegReg::Ss as usize].selector,
            self.segments[SegReg::Cs as usize].selector,
        );
        let old_sp = self.regs[4];
        if self.long_mode() {
            let at = tss64::rsp(cpl);
            if u32::from(at) + 7 > self.tr.limit {
                return Err(selector_fault(Vector::TS, self.tr.selector));
            }
            let sp = self.load_system::<u64>(self.tr.base.wrapping_add(u64::from(at)))?;
            let mut frame = Frame::new(8);
            for word in [u64::from(old_ss.0), old_sp, u64::from(old_cs.0), return_ip] {
                frame.push(word);
            }
            let sp = sp.wrapping_sub(frame.len() as u64);
            if !is_canonical48(sp) || !is_canonical48(sp.wrapping_add(31)) {
                return Err(Exception::new(Vector::SS).into());
            }
            self.write_words(sp, &frame, cpl)?;
            let attributes = u16::from(cpl) << attr::DPL_SHIFT;
            let ss =
                Segment { selector: Selector(u16::from(cpl)), attributes, ..Segment::default() };
            self.set_segment(SegReg::Ss, ss);
            self.regs[4] = sp;
            return Ok(());
        }
        let (at, size) =
            if self.tr.attributes & 8 != 0 { (tss32::esp(cpl), 4) } else { (tss16::sp(cpl), 2) };
        if u32::from(at) + size + 1 > self.tr.limit {
            return Err(selector_fault(Vector::TS, self.tr.selector));
        }
        let base = self.system_linear(self.tr.base.wrapping_add(u64::from(at)));
        let (sp, ss) = if size == 4 {
            (
                u64::from(self.load_system::<u32>(base)?),
                self.load_system::<u16>(self.system_linear(base + 4))?,
            )
        } else {
            (
                u64::from(self.load_system::<u16>(base)?),
                self.load_system::<u16>(self.system_linear(base + 2))?,
            )
        };
        let stack = self.checked_inner_ss(Selector(ss), cpl, 0)?;
        let word = if wide { 4 } else { 2 };
        let mut parameters = [0u64; 31];
        let count = usize::from(gate.parameter_count());
        for (i, parameter) in parameters[..count].iter_mut().enumerate() {
            let delta = i as u64 * word;
            *parameter = if wide {
                u64::from(self.stack_read::<u32>(delta)?)
            } else {
                u64::from(self.stack_read::<u16>(delta)?)
            };
        }
        let mut frame = Frame::new(word as usize);
        frame.push(u64::from(old_ss.0));
        frame.push(old_sp);
        for parameter in parameters[..count].iter().rev() {
            frame.push(*parameter);
        }
        frame.push(u64::from(old_cs.0));
        frame.push(return_ip);
        let code = stack.selector.error_code();
        let sp = self.write_frame_at(&frame, &stack, sp, Vector::SS, code, cpl)?;
        self.set_segment(SegReg::Ss, stack);
        self.set_stack_pointer(sp);
        Ok(())
    }
}

/// JMP ptr16:16/32.
pub(crate) fn jmp_ptr(cpu: &mut Cpu, op: &Op) -> Done {
    cpu.far_jump(Selector((op.imm >> 32) as u16), op.imm & 0xffff_ffff)
}

/// CALL ptr16:16/32.
pub(crate) fn call_ptr<W: Width>(cpu: &mut Cpu, op: &Op) -> Done {
    let next = cpu.next_ip(op);
    cpu.far_call::<W>(Selector((op.imm >> 32) as u16), op.imm & 0xffff_ffff, next)
}

/// Offset and selector of a far pointer in memory.
pub(crate) fn far_pointer<W: Width>(cpu: &mut Cpu, op: &Op) -> Result<(Selector, u64), Fault> {
    let ea = cpu.effective_address(op);
    let bytes = u64::from(W::BYTES);
    let offset_at = cpu.linear_in(op.segment(), ea, bytes + 2, false)?;
    let offset = cpu.load::<W>(offset_at)?.to_u64();
    let selector = cpu.load::<u16>(cpu.linear_behind(offset_at, bytes))?;
    Ok((Selector(selector), offset))
}

/// JMP m16:16/32/64.
pub(crate) fn jmp_far_mem<W: Width>(cpu: &mut Cpu, op: &Op) -> Done {
    let (selector, offset) = far_pointer::<W>(cpu, op)?;
    cpu.far_jump(selector, offset)
}

/// CALL m16:16/32/64.
pub(crate) fn call_far_mem<W: Width>(cpu: &mut Cpu, op: &Op) -> Done {
    let (selector, offset) = far_pointer::<W>(cpu, op)?;
    let next = cpu.next_ip(op);
    cpu.far_call::<W>(selector, offset, next)
}
