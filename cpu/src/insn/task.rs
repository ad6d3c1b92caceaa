//! Hardware task switches: by far JMP and CALL to a TSS or task gate, by IRET with NT set, and by task
//! gates in the IDT; 16-bit and 32-bit TSS in any combination.
//!
//! SDM Vol. 3A, "Task Management"; AMD APM Vol. 2, "Task Management". Everything that can fault in the
//! old task is tried before the first change: pages of both TSS and of their descriptors, the PDPTEs of
//! a new CR3. What faults behind that (LDTR, the segment registers, the error code, EIP) faults in the
//! new task, whose registers are then complete: the fault waits in [`Cpu::fault`].
//!
//! Where the manuals leave a choice: docs/hardware.md, "Task switches".
//!
//! Not modelled: the order in which a processor happens to touch the two TSS.

use crate::cpu::{Cpu, Done, Fault, Shadow, gp, reg};
use crate::deliver::Frame;
use crate::mmu::Privilege;
use crate::mmu::rules;
use crate::mmu::walk::Intent;
use arch::control::cr0;
use arch::debug::{dr6, dr7};
use arch::exception::{Exception, Vector};
use arch::gate::{tss16, tss32};
use arch::rflags;
use arch::segment::{Descriptor, SegReg, Segment, Selector, system_type};

/// What brings a task switch about.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Cause {
    /// Far JMP.
    Jump,
    /// Far CALL.
    Call,
    /// IRET with NT set.
    Return,
    /// An exception or interrupt through a task gate, with its error code.
    Event(Option<u32>),
}

/// A task switch to be done.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Switch {
    pub(crate) cause: Cause,
    /// The EXT bit of error codes raised on the way.
    pub(crate) ext: u32,
    /// Instruction pointer of the old task, to be saved.
    pub(crate) ip: u64,
    /// RFLAGS of the old task, to be saved.
    pub(crate) flags: u64,
}

impl Switch {
    fn fault(&self, vector: Vector, selector: Selector) -> Fault {
        Exception::with_code(vector, selector.error_code() | self.ext).into()
    }

    /// The old task stays busy, and the new one leads back to it.
    fn nests(&self) -> bool {
        matches!(self.cause, Cause::Call | Cause::Event(_))
    }

    /// The new TSS has to be busy already.
    fn returns(&self) -> bool {
        self.cause == Cause::Return
    }

    /// What a TSS selector that cannot be used raises.
    fn bad_selector(&self) -> Vector {
        if self.returns() { Vector::TS } else { Vector::GP }
    }
}

/// The registers that a TSS holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
struct Image {
    cr3: u32,
    ip: u32,
    flags: u32,
    regs: [u32; 8],
    /// In encoding order.
    segments: [u16; 6],
    ldt: u16,
    trap: bool,
}

/// Upper half of a general register that a 16-bit TSS loads.
const UPPER: u32 = 0xffff_0000;

impl Image {
    fn from_tss32(tss: &[u8; 104]) -> Self {
        let word = |at: u16| {
            let at = usize::from(at);
            u32::from_le_bytes([tss[at], tss[at + 1], tss[at + 2], tss[at + 3]])
        };
        Self {
            cr3: word(tss32::CR3),
            ip: word(tss32::EIP),
            flags: word(tss32::EIP + 4),
            regs: core::array::from_fn(|n| word(tss32::EIP + 8 + 4 * n as u16)),
            segments: core::array::from_fn(|n| word(tss32::ES + 4 * n as u16) as u16),
            ldt: word(tss32::LDT) as u16,
            trap: word(tss32::TRAP) & 1 != 0,
        }
    }

    /// FS and GS become null, CR3 stays: the 286 had none of them.
    fn from_tss16(tss: &[u8; 44]) -> Self {
        let word = |at: u16| u16::from_le_bytes([tss[usize::from(at)], tss[usize::from(at) + 1]]);
        let mut segments = [0; 6];
        for (n, segment) in segments[..4].iter_mut().enumerate() {
            *segment = word(tss16::ES + 2 * n as u16);
        }
        Self {
            cr3: 0,
            ip: word(tss16::IP).into(),
            flags: word(tss16::IP + 2).into(),
            regs: core::array::from_fn(|n| UPPER | u32::from(word(tss16::IP + 4 + 2 * n as u16))),
            segments,
            ldt: word(tss16::LDT),
            trap: false,
        }
    }
}

/// A TSS as its descriptor gives it.
#[derive(Clone, Copy)]
struct Tss {
    segment: Segment,
    /// Of 32 bits.
    wide: bool,
}

impl Tss {
    fn new(segment: Segment) -> Self {
        Self { segment, wide: segment.attributes & 8 != 0 }
    }

    /// First byte of what a switch away saves, and its length.
    fn saved(self) -> (u16, u16) {
        if self.wide {
            (tss32::EIP, tss32::LDT - tss32::EIP)
        } else {
            (tss16::IP, tss16::LDT - tss16::IP)
        }
    }
}

impl Cpu {
    fn tss_address(&self, tss: Tss, at: u16) -> u64 {
        self.system_linear(tss.segment.base.wrapping_add(u64::from(at)))
    }

    /// Linear address of the type byte of a TSS descriptor in the GDT.
    fn tss_type_address(&self, selector: Selector) -> u64 {
        self.system_linear(self.gdtr.base.wrapping_add(u64::from(selector.offset()) + 5))
    }

    /// The back link of the current task, for IRET.
    pub(crate) fn task_link(&mut self) -> Result<Selector, Fault> {
        let address = self.tss_address(Tss::new(self.tr), tss32::LINK);
        Ok(Selector(self.load_system::<u16>(address)?))
    }

    /// Switches to the task whose TSS `selector` names. A fault that belongs to the old task is
    /// returned, and nothing has changed; one that belongs to the new task waits in `self.fault`.
    pub(crate) fn switch_task(&mut self, selector: Selector, switch: &Switch) -> Done {
        let new = self.new_tss(selector, switch)?;
        let old = Tss::new(self.tr);
        let (first, bytes) = old.saved();
        if u32::from(first + bytes - 1) > old.segment.limit {
            return Err(switch.fault(Vector::TS, old.segment.selector));
        }
        self.probe_switch(old, new, switch)?;
        let image = self.read_task(new)?;
        let tables = new.wide && self.cr0 & cr0::PG != 0 && u64::from(image.cr3) != self.cr3;
        if tables {
            self.check_pdptes(image.cr3.into())?;
        }
        // From here on nothing can fail but in the new task.
        self.leave_task(old, switch)?;
        self.enter_tss(old, new, switch)?;
        if tables {
            self.load_task_cr3(image.cr3.into());
        }
        self.load_image(&image, switch);
        let loaded = self
            .load_task_segments(&image, switch)
            .and_then(|()| self.push_task_error(new, switch))
            .and_then(|()| self.check_task_ip(switch));
        match loaded {
            Ok(()) if image.trap => self.pending_debug |= dr6::BT,
            Ok(()) => {}
            Err(fault) => self.fault = Some(fault),
        }
        // A fault or trap of the new task comes before its first instruction.
        self.leave = true;
        Ok(())
    }

    /// The new TSS, found good.
    fn new_tss(&mut self, selector: Selector, switch: &Switch) -> Result<Tss, Fault> {
        let bad = switch.fault(switch.bad_selector(), selector);
        if selector.is_local() {
            return Err(bad);
        }
        let address = self.descriptor_address(selector, 8).ok_or(bad)?;
        let descriptor = Descriptor(self.load_system::<u64>(address)?);
        let kinds = if switch.returns() {
            [system_type::TSS_BUSY, system_type::TSS16_BUSY]
        } else {
            [system_type::TSS_AVAILABLE, system_type::TSS16_AVAILABLE]
        };
        if descriptor.is_code_or_data() || !kinds.contains(&descriptor.kind()) {
            return Err(bad);
        }
        if !descriptor.present() {
            return Err(switch.fault(Vector::NP, selector));
        }
        let tss = Tss::new(Segment::from_descriptor(selector, descriptor));
        let least = if tss.wide { tss32::MIN_LIMIT } else { tss16::MIN_LIMIT };
        if tss.segment.limit < least {
            return Err(switch.fault(Vector::TS, selector));
        }
        Ok(tss)
    }

    /// Faults where a page is missing that the switch will access before it is done.
    fn probe_switch(&mut self, old: Tss, new: Tss, switch: &Switch) -> Done {
        let (first, bytes) = old.saved();
        let at = self.tss_address(old, first);
        self.probe(at, bytes.into(), Intent::Write, Privilege::System)?;
        if switch.nests() {
            let link = self.tss_address(new, tss32::LINK);
            self.probe(link, 2, Intent::Write, Privilege::System)?;
        } else {
            let old = self.tss_type_address(old.segment.selector);
            self.probe(old, 1, Intent::Write, Privilege::System)?;
        }
        if !switch.returns() {
            let new = self.tss_type_address(new.segment.selector);
            self.probe(new, 1, Intent::Write, Privilege::System)?;
        }
        Ok(())
    }

    fn read_task(&mut self, tss: Tss) -> Result<Image, Fault> {
        let at = self.tss_address(tss, 0);
        if tss.wide {
            let mut bytes = [0; 104];
            self.read_linear(at, &mut bytes, Privilege::System)?;
            Ok(Image::from_tss32(&bytes))
        } else {
            let mut bytes = [0; 44];
            self.read_linear(at, &mut bytes, Privilege::System)?;
            Ok(Image::from_tss16(&bytes))
        }
    }

    /// Saves the old task and, unless it is to be returned to, makes it available again.
    fn leave_task(&mut self, old: Tss, switch: &Switch) -> Done {
        if !switch.nests() {
            let at = self.tss_type_address(old.segment.selector);
            let kind = self.load_system::<u8>(at)?;
            self.store_system::<u8>(at, kind & !2)?;
        }
        let nt = if switch.returns() { rflags::NT } else { 0 };
        let mut words = [switch.ip as u32, (switch.flags & !nt) as u32, 0, 0, 0, 0, 0, 0, 0, 0];
        for (word, value) in words[2..].iter_mut().zip(self.regs) {
            *word = value as u32;
        }
        let size = if old.wide { 4 } else { 2 };
        let mut at = old.saved().0;
        for word in words {
            let address = self.tss_address(old, at);
            self.write_linear(address, &word.to_le_bytes()[..size], Privilege::System)?;
            at += size as u16;
        }
        // A 16-bit TSS has no place for FS and GS.
        for n in 0..if old.wide { 6 } else { 4 } {
            let address = self.tss_address(old, at + n * size as u16);
            let selector = self.segments[usize::from(n)].selector.0;
            self.store_system::<u16>(address, selector)?;
        }
        Ok(())
    }

    /// Marks the new TSS busy, links it back, and loads TR.
    fn enter_tss(&mut self, old: Tss, new: Tss, switch: &Switch) -> Done {
        if switch.nests() {
            let address = self.tss_address(new, tss32::LINK);
            self.store_system::<u16>(address, old.segment.selector.0)?;
        }
        if !switch.returns() {
            let at = self.tss_type_address(new.segment.selector);
            let kind = self.load_system::<u8>(at)?;
            self.store_system::<u8>(at, kind | 2)?;
        }
        self.tr = new.segment;
        self.tr.attributes |= 2;
        Ok(())
    }

    /// Loads what cannot fault. The segment registers hold their selectors, and nothing behind them.
    fn load_image(&mut self, image: &Image, switch: &Switch) {
        self.cr0 |= cr0::TS;
        self.update_simd();
        if self.dr7 & dr7::LOCAL != 0 {
            self.dr7 &= !dr7::LOCAL;
            self.rearm();
        }
        let nt = if switch.nests() { rflags::NT } else { 0 };
        self.set_rflags(u64::from(image.flags) | nt);
        for (register, &value) in (0..).zip(&image.regs) {
            self.set_reg::<u32>(register, value);
        }
        for register in SegReg::ALL {
            let selector = Selector(image.segments[register as usize]);
            self.set_segment(register, Segment { selector, ..Segment::default() });
        }
        self.ldtr = Segment { selector: Selector(image.ldt), ..Segment::default() };
        self.rip = image.ip.into();
        let cs = Selector(image.segments[SegReg::Cs as usize]);
        self.set_cpl(if self.v8086() { 3 } else { cs.rpl() });
        // Traps and shadows were the old task's.
        self.step = false;
        self.shadow = Shadow::None;
    }

    /// LDTR first: the other selectors may lead into the LDT.
    fn load_task_segments(&mut self, image: &Image, switch: &Switch) -> Done {
        self.load_task_ldt(Selector(image.ldt), switch)?;
        let selector = |register: SegReg| Selector(image.segments[register as usize]);
        if self.v8086() {
            for register in SegReg::ALL {
                self.set_segment(register, Segment::v8086(selector(register).0));
            }
            return Ok(());
        }
        let cpl = self.cpl;
        let cs = selector(SegReg::Cs);
        self.load_task_segment(SegReg::Cs, switch, |descriptor| rules::task_code(cs, descriptor))?;
        let ss = selector(SegReg::Ss);
        self.load_task_segment(SegReg::Ss, switch, |descriptor| {
            rules::stack(cpl, ss, descriptor, Vector::TS)
        })?;
        for register in [SegReg::Ds, SegReg::Es, SegReg::Fs, SegReg::Gs] {
            let selector = selector(register);
            if !selector.is_null() {
                self.load_task_segment(register, switch, |descriptor| {
                    rules::data(cpl, selector, descriptor, Vector::TS)
                })?;
            }
        }
        Ok(())
    }

    fn load_task_ldt(&mut self, selector: Selector, switch: &Switch) -> Done {
        if selector.is_null() {
            return Ok(());
        }
        let bad = switch.fault(Vector::TS, selector);
        if selector.is_local() {
            return Err(bad);
        }
        let address = self.descriptor_address(selector, 8).ok_or(bad)?;
        let descriptor = Descriptor(self.load_system::<u64>(address)?);
        let ldt = !descriptor.is_code_or_data() && descriptor.kind() == system_type::LDT;
        if !ldt || !descriptor.present() {
            return Err(bad);
        }
        self.ldtr = Segment::from_descriptor(selector, descriptor);
        Ok(())
    }

    /// Loads a segment register whose selector is there already. Null is #TS here.
    fn load_task_segment(
        &mut self,
        register: SegReg,
        switch: &Switch,
        rule: impl FnOnce(Descriptor) -> rules::Verdict,
    ) -> Done {
        let selector = self.segments[register as usize].selector;
        let Some(address) = self.descriptor_address(selector, 8) else {
            return Err(switch.fault(Vector::TS, selector));
        };
        let descriptor = Descriptor(self.load_system::<u64>(address)?);
        rule(descriptor).map_err(|vector| switch.fault(vector, selector))?;
        let descriptor = self.mark_accessed(selector, descriptor)?;
        self.set_segment(register, Segment::from_descriptor(selector, descriptor));
        Ok(())
    }

    /// An exception's error code goes to the new task's stack, at the size of its TSS.
    fn push_task_error(&mut self, new: Tss, switch: &Switch) -> Done {
        let Cause::Event(Some(code)) = switch.cause else { return Ok(()) };
        let mut frame = Frame::new(if new.wide { 4 } else { 2 });
        frame.push(code.into());
        let ss = self.segments[SegReg::Ss as usize];
        let sp = self.regs[reg::RSP as usize];
        let sp = self.write_frame_at(&frame, &ss, sp, Vector::SS, switch.ext, self.cpl)?;
        self.set_stack_pointer(sp);
        Ok(())
    }

    fn check_task_ip(&self, switch: &Switch) -> Done {
        let limit = self.segments[SegReg::Cs as usize].limit;
        if self.rip > u64::from(limit) { Err(gp(switch.ext)) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests;
