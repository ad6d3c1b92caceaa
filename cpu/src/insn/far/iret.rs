//! IRET: to the same and to outer levels, into and within virtual-8086 mode, back to another task.
//!
//! SDM Vol. 2A, "IRET/IRETD/IRETQ"; Vol. 3B, "Virtual-8086 Mode Extensions".

use super::ret::Back;
use crate::cpu::{Cpu, Done, gp};
use crate::decode::op::Op;
use crate::flags::Width;
use crate::insn::task::{Cause, Switch};
use arch::rflags;
use arch::segment::{SegReg, Segment, Selector};

impl Cpu {
    /// IRET at operand width `W`, in front of `next_ip`.
    fn interrupt_return<W: Width>(&mut self, next_ip: u64) -> Done {
        let word = u64::from(W::BYTES);
        // Even an IRET that faults ends the blocking: SDM Vol. 3A, "Handling Multiple NMIs".
        self.nmi_blocked = false;
        // With VME the 16-bit form has a flag of its own to give back: VIF.
        let virtual_flags = self.v8086() && self.iopl() < 3;
        if virtual_flags && !(self.vme() && W::BITS == 16) {
            return Err(gp(0));
        }
        if self.protected_mode() && !self.v8086() && self.system_flags & rflags::NT != 0 {
            return if self.long_mode() { Err(gp(0)) } else { self.task_return(next_ip) };
        }
        // From the top down, which shows where all of it is missing.
        let flags = self.stack_read::<W>(2 * word)?.to_u64();
        let selector = Selector(self.stack_read::<W>(word)?.to_u64() as u16);
        let ip = self.stack_read::<W>(0)?.to_u64();
        if self.real_addressing() {
            let target = self.real_target(selector.0, ip)?;
            if virtual_flags {
                self.set_virtual_flags(flags)?;
            } else {
                self.return_flags::<W>(flags);
            }
            self.release(3 * word);
            self.enter(&target);
            return Ok(());
        }
        if W::BITS == 32 && flags & rflags::VM != 0 && self.cpl == 0 && !self.long_mode() {
            return self.return_to_v8086(ip, selector, flags);
        }
        // 64-bit mode always pops SS and RSP.
        let outer = if self.mode64() {
            Some(self.read_outer_stack::<W>(3 * word)?)
        } else {
            self.outer_stack::<W>(selector, 3 * word)?
        };
        self.go_back::<W>(&Back { selector, ip, flags: Some(flags), outer, released: 3 * word })
    }

    /// IRET with NT set: back to the task that the current one's TSS links to.
    fn task_return(&mut self, next_ip: u64) -> Done {
        let link = self.task_link()?;
        let switch = Switch { cause: Cause::Return, ext: 0, ip: next_ip, flags: self.rflags() };
        self.switch_task(link, &switch)
    }

    /// The flags that IRET may change at this CPL: IOPL only at CPL 0, IF only if CPL <= IOPL.
    pub(super) fn return_flags<W: Width>(&mut self, flags: u64) {
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
        // ESP, SS, ES, DS, FS, GS; within the stack's limits to the last.
        self.stack_slot::<u32>(32)?;
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
            self.set_segment(register, Segment::v8086(selector));
        }
        self.regs[4] = sp & 0xffff_ffff;
        self.set_cpl(3);
        self.rip = ip;
        Ok(())
    }
}

/// IRET, IRETD, IRETQ.
pub(crate) fn iret<W: Width>(cpu: &mut Cpu, op: &Op) -> Done {
    let next = cpu.next_ip(op);
    cpu.interrupt_return::<W>(next)
}
