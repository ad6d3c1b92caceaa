//! Transfers between segments: far JMP, CALL and RET, call gates, IRET, INT n; loads of segment
//! registers.
//!
//! SDM Vol. 2 ("CALL", "JMP", "RET", "IRET", "INT n", "MOV", "LDS"), Vol. 3A, "Protection". Not modelled:
//! hardware task switches (refused as unimplemented).

use crate::cpu::{Cpu, Done, Fault, gp, ud};
use crate::decode::op::Op;
use crate::deliver::{Frame, Source};
use crate::flags::Width;
use crate::mmu::Privilege;
use crate::mmu::descriptor::selector_fault;
use crate::mmu::walk::Intent;
use arch::control::cr4;
use arch::exception::{Exception, Vector};
use arch::gate::{Gate, tss16, tss32, tss64};
use arch::paging::is_canonical48;
use arch::rflags;
use arch::segment::{Descriptor, SegReg, Segment, Selector, attr, system_type};

/// Refused: hardware task switching.
const TASK_SWITCH: Fault = Fault::Unimplemented("hardware task switch");

/// A code segment found good, and where to go in it.
struct Target {
    cs: Segment,
    ip: u64,
}

impl Cpu {
    /// True where selectors name paragraphs, not descriptors.
    fn real_addressing(&self) -> bool {
        !self.protected_mode() || self.v8086()
    }

    /// The CS of a real-mode or V86 transfer; the offset must be within its limit.
    fn real_target(&self, selector: u16, ip: u64) -> Result<Target, Fault> {
        let old = self.segments[SegReg::Cs as usize];
        if ip > u64::from(old.limit) {
            return Err(gp(0));
        }
        let cs = Segment { selector: Selector(selector), base: u64::from(selector) << 4, ..old };
        Ok(Target { cs, ip })
    }

    /// Checks the offset against a code segment about to be entered.
    fn checked_ip(&self, descriptor: Descriptor, ip: u64) -> Result<u64, Fault> {
        let long = self.long_mode() && descriptor.attributes() & attr::L != 0;
        let good = if long { is_canonical48(ip) } else { ip <= u64::from(descriptor.limit()) };
        if good { Ok(ip) } else { Err(gp(0)) }
    }

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

    /// L and D both set: reserved in long mode.
    fn bad_long_code(&self, descriptor: Descriptor) -> bool {
        self.long_mode() && descriptor.attributes() & (attr::L | attr::DB) == attr::L | attr::DB
    }

    /// Reads the descriptor that a far pointer names; null is #GP(0).
    fn far_descriptor(&mut self, selector: Selector) -> Result<Descriptor, Fault> {
        if selector.is_null() {
            return Err(gp(0));
        }
        self.read_descriptor(selector, Vector::GP)
    }

    fn enter(&mut self, target: &Target) {
        self.set_segment(SegReg::Cs, target.cs);
        self.rip = target.ip;
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

    /// Far RET with words of width `W`, releasing `extra` bytes.
    fn far_return<W: Width>(&mut self, extra: u64) -> Done {
        let word = u64::from(W::BYTES);
        let ip = self.stack_read::<W>(0)?.to_u64();
        let selector = Selector(self.stack_read::<W>(word)?.to_u64() as u16);
        if self.real_addressing() {
            let target = self.real_target(selector.0, ip)?;
            self.release(2 * word + extra);
            self.enter(&target);
            return Ok(());
        }
        let descriptor = self.return_descriptor(selector)?;
        let ip = self.checked_ip(descriptor, ip)?;
        let cpl = selector.rpl();
        if cpl == self.cpl {
            let descriptor = self.mark_accessed(selector, descriptor)?;
            self.release(2 * word + extra);
            let cs = Segment::from_descriptor(selector, descriptor);
            self.enter(&Target { cs, ip });
            return Ok(());
        }
        let sp = self.stack_read::<W>(2 * word + extra)?.to_u64();
        let ss = Selector(self.stack_read::<W>(3 * word + extra)?.to_u64() as u16);
        let stack = self.outer_ss(ss, cpl, descriptor)?;
        let descriptor = self.mark_accessed(selector, descriptor)?;
        self.set_segment(SegReg::Ss, stack);
        self.leave_to_outer(cpl);
        let cs = Segment::from_descriptor(selector, descriptor);
        self.enter(&Target { cs, ip });
        self.set_outer_stack_pointer::<W>(sp.wrapping_add(extra));
        Ok(())
    }

    /// The code segment a RET or IRET goes back to: privilege rules.
    fn return_descriptor(&mut self, selector: Selector) -> Result<Descriptor, Fault> {
        let descriptor = self.far_descriptor(selector)?;
        let privilege = if descriptor.is_conforming() {
            descriptor.dpl() <= selector.rpl()
        } else {
            descriptor.dpl() == selector.rpl()
        };
        if selector.rpl() < self.cpl
            || !descriptor.is_code()
            || !privilege
            || self.bad_long_code(descriptor)
        {
            return Err(selector_fault(Vector::GP, selector));
        }
        if !descriptor.present() {
            return Err(selector_fault(Vector::NP, selector));
        }
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
            let attributes = u16::from(cpl) << attr::DPL_SHIFT;
            return Ok(Segment { selector, attributes, ..Segment::default() });
        }
        let descriptor = self.read_descriptor(selector, Vector::GP)?;
        if selector.rpl() != cpl || !descriptor.is_writable_data() || descriptor.dpl() != cpl {
            return Err(selector_fault(Vector::GP, selector));
        }
        if !descriptor.present() {
            return Err(selector_fault(Vector::SS, selector));
        }
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
            if segment.usable() && !conforming && segment.dpl() < cpl {
                self.set_segment(register, Segment::default());
            }
        }
    }

    /// The stack pointer popped with an outer SS: at the operand size for a 16-bit frame, else by the
    /// new stack's width.
    fn set_outer_stack_pointer<W: Width>(&mut self, sp: u64) {
        if self.ip_mask == u64::MAX || W::BITS > 16 {
            let mask = self.stack_mask();
            self.regs[4] =
                if mask == 0xffff { self.regs[4] & !0xffff | sp & 0xffff } else { sp & mask };
        } else {
            self.set_stack_pointer(sp & 0xffff);
        }
    }

    /// IRET at operand width `W`.
    fn interrupt_return<W: Width>(&mut self) -> Done {
        let word = u64::from(W::BYTES);
        // Even an IRET that faults ends the blocking: SDM Vol. 3A, "Handling Multiple NMIs".
        self.nmi_blocked = false;
        if self.v8086() && self.iopl() != 3 {
            return Err(gp(0));
        }
        if self.protected_mode() && !self.v8086() && self.system_flags & rflags::NT != 0 {
            return Err(if self.long_mode() { gp(0) } else { TASK_SWITCH });
        }
        let ip = self.stack_read::<W>(0)?.to_u64();
        let selector = Selector(self.stack_read::<W>(word)?.to_u64() as u16);
        let flags = self.stack_read::<W>(2 * word)?.to_u64();
        if self.real_addressing() {
            let target = self.real_target(selector.0, ip)?;
            self.release(3 * word);
            self.enter(&target);
            self.return_flags::<W>(flags);
            return Ok(());
        }
        if W::BITS == 32 && flags & rflags::VM != 0 && self.cpl == 0 && !self.long_mode() {
            return self.return_to_v8086(ip, selector, flags);
        }
        let descriptor = self.return_descriptor(selector)?;
        let ip = self.checked_ip(descriptor, ip)?;
        let cpl = selector.rpl();
        // 64-bit mode always pops SS:RSP.
        if cpl > self.cpl || self.mode64() {
            let sp = self.stack_read::<W>(3 * word)?.to_u64();
            let ss = Selector(self.stack_read::<W>(4 * word)?.to_u64() as u16);
            let stack = self.outer_ss(ss, cpl, descriptor)?;
            let descriptor = self.mark_accessed(selector, descriptor)?;
            self.return_flags::<W>(flags);
            self.set_segment(SegReg::Ss, stack);
            self.leave_to_outer(cpl);
            let cs = Segment::from_descriptor(selector, descriptor);
            self.enter(&Target { cs, ip });
            self.set_outer_stack_pointer::<W>(sp);
        } else {
            let descriptor = self.mark_accessed(selector, descriptor)?;
            self.release(3 * word);
            self.return_flags::<W>(flags);
            let cs = Segment::from_descriptor(selector, descriptor);
            self.enter(&Target { cs, ip });
        }
        Ok(())
    }

    /// The flags that IRET may change at this CPL: IOPL only at CPL 0, IF only if CPL <= IOPL.
    fn return_flags<W: Width>(&mut self, flags: u64) {
        let mut changeable = rflags::STATUS | rflags::TF | rflags::DF | rflags::NT;
        if W::BITS > 16 {
            changeable |= rflags::RF | rflags::AC | rflags::ID;
        }
        let real = !self.protected_mode();
        if real || self.cpl <= self.iopl() {
            changeable |= rflags::IF;
        }
        if real || (self.cpl == 0 && !self.v8086()) {
            changeable |= rflags::IOPL;
            if W::BITS > 16 && !real {
                changeable |= rflags::VIF | rflags::VIP;
            }
        }
        // The status flags are all among those that change.
        self.set_rflags(self.system_flags & !changeable | flags & changeable);
    }

    fn return_to_v8086(&mut self, ip: u64, cs: Selector, flags: u64) -> Done {
        let mut words = [0u64; 6];
        for (i, word) in words.iter_mut().enumerate() {
            *word = u64::from(self.stack_read::<u32>(12 + 4 * i as u64)?);
        }
        // The target is checked as V86 code: a 64 KiB segment.
        if ip > 0xffff {
            return Err(gp(0));
        }
        let [sp, ss, es, ds, fs, gs] = words;
        self.set_rflags(flags & rflags::DEFINED);
        let order = [
            (SegReg::Ss, ss as u16),
            (SegReg::Es, es as u16),
            (SegReg::Ds, ds as u16),
            (SegReg::Fs, fs as u16),
            (SegReg::Gs, gs as u16),
            (SegReg::Cs, cs.0),
        ];
        for (register, selector) in order {
            let mut segment = Segment::real_mode(selector);
            segment.attributes |= 3 << attr::DPL_SHIFT;
            self.set_segment(register, segment);
        }
        self.regs[4] = sp & 0xffff_ffff;
        self.set_cpl(3);
        self.rip = ip;
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
fn far_pointer<W: Width>(cpu: &mut Cpu, op: &Op) -> Result<(Selector, u64), Fault> {
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

/// RETF, RETF imm16.
pub(crate) fn retf<W: Width>(cpu: &mut Cpu, op: &Op) -> Done {
    cpu.far_return::<W>(op.imm & 0xffff)
}

/// IRET, IRETD, IRETQ.
pub(crate) fn iret<W: Width>(cpu: &mut Cpu, _op: &Op) -> Done {
    cpu.interrupt_return::<W>()
}

/// INT imm8. In virtual-8086 mode it needs IOPL 3 (without VME).
pub(crate) fn int_imm8(cpu: &mut Cpu, op: &Op) -> Done {
    if cpu.v8086() && cpu.iopl() != 3 {
        // With CR4.VME redirection would be looked up in the TSS; no model offers VME.
        debug_assert!(cpu.cr4 & cr4::VME == 0);
        return Err(gp(0));
    }
    let next = cpu.next_ip(op);
    cpu.software_interrupt(op.imm as u8, next, Source::Software)
}

/// INT3.
pub(crate) fn int3(cpu: &mut Cpu, op: &Op) -> Done {
    let next = cpu.next_ip(op);
    cpu.software_interrupt(Vector::BP as u8, next, Source::Software)
}

/// INT1 (ICEBP): a #DB whose gate's DPL is not checked.
pub(crate) fn int1(cpu: &mut Cpu, op: &Op) -> Done {
    let next = cpu.next_ip(op);
    cpu.software_interrupt(Vector::DB as u8, next, Source::Privileged)
}

/// INTO.
pub(crate) fn into(cpu: &mut Cpu, op: &Op) -> Done {
    let next = cpu.next_ip(op);
    if cpu.status.of() {
        return cpu.software_interrupt(Vector::OF as u8, next, Source::Software);
    }
    cpu.rip = next;
    Ok(())
}

/// MOV Sreg, r/m16.
pub(crate) fn mov_sreg_rm(cpu: &mut Cpu, op: &Op) -> Done {
    let selector = Selector(cpu.read_operand::<u16>(op, op.src)?);
    load_sreg(cpu, op.dst, selector)
}

/// Loads a segment register other than CS; a load of SS shadows the next instruction.
fn load_sreg(cpu: &mut Cpu, number: u8, selector: Selector) -> Done {
    let register = match number {
        0 => SegReg::Es,
        2 => SegReg::Ss,
        3 => SegReg::Ds,
        4 => SegReg::Fs,
        5 => SegReg::Gs,
        // MOV CS is #UD; 6 and 7 name no register.
        _ => return Err(ud()),
    };
    cpu.load_data_segment(register, selector)?;
    if register == SegReg::Ss {
        cpu.shadow_mov_ss();
    }
    Ok(())
}

/// MOV r/m, Sreg: 16 bits to memory, zero-extended to the operand size in a register.
pub(crate) fn mov_rm_sreg<W: Width>(cpu: &mut Cpu, op: &Op) -> Done {
    let selector = u64::from(cpu.segments[(op.src & 7) as usize % 6].selector.0);
    if Cpu::is_memory(op.dst) {
        return cpu.store_mem(op, selector as u16);
    }
    cpu.set_reg(op.dst, W::from_u64(selector));
    Ok(())
}

/// POP Sreg at operand width `W`.
pub(crate) fn pop_sreg<W: Width>(cpu: &mut Cpu, op: &Op) -> Done {
    let selector = Selector(cpu.stack_read::<W>(0)?.to_u64() as u16);
    let released = u64::from(W::BYTES);
    // The stack pointer moves at the old stack's width: SS may be what is popped.
    let sp = cpu.stack_offset(released);
    let mask = cpu.stack_mask();
    load_sreg(cpu, op.dst, selector)?;
    let old = cpu.regs[4];
    cpu.regs[4] = if mask == 0xffff { old & !mask | sp } else { sp };
    Ok(())
}

/// LES LDS LSS LFS LGS: `REGISTER` is the segment register's number.
pub(crate) fn load_far<W: Width, const REGISTER: u8>(cpu: &mut Cpu, op: &Op) -> Done {
    let (selector, offset) = far_pointer::<W>(cpu, op)?;
    load_sreg(cpu, REGISTER, selector)?;
    // LSS does not open a shadow: it loads the pointer itself.
    cpu.shadow = crate::cpu::Shadow::None;
    cpu.set_reg(op.dst, W::from_u64(offset));
    Ok(())
}

impl Cpu {
    /// MOV SS and POP SS hold off interrupts and debug traps for one instruction.
    fn shadow_mov_ss(&mut self) {
        self.shadow = crate::cpu::Shadow::MovSs;
        self.leave = true;
    }
}

#[cfg(test)]
mod tests;
