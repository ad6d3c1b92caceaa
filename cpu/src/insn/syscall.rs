//! SYSCALL SYSRET SYSENTER SYSEXIT SWAPGS.
//!
//! AMD APM Vol. 3 and SDM Vol. 2B. The models are AuthenticAMD: SYSCALL works in legacy and compatibility
//! mode, SYSENTER and SYSEXIT are #UD in long mode, and SYSRET does not check its target (the fetch at
//! CPL 3 faults instead).

use crate::cpu::{Cpu, Done, gp, reg, ud};
use crate::decode::op::Op;
use crate::flags::Width;
use arch::control::efer;
use arch::rflags;
use arch::segment::{SegReg, Segment, Selector, attr};

/// A flat segment as these instructions load it, whatever the GDT says.
fn flat(selector: u64, cpl: u8, kind: u16) -> Segment {
    Segment {
        selector: Selector(selector as u16 & !3 | u16::from(cpl)),
        attributes: attr::P | attr::S | attr::G | u16::from(cpl) << attr::DPL_SHIFT | kind,
        limit: 0xffff_ffff,
        base: 0,
    }
}

/// Type bits of a readable, accessed code segment.
const CODE: u16 = attr::CODE | attr::WRITABLE_OR_READABLE | attr::ACCESSED;
/// Type bits of a writable, accessed, 32-bit data segment.
const DATA: u16 = attr::WRITABLE_OR_READABLE | attr::ACCESSED | attr::DB;

/// SYSCALL.
pub(crate) fn syscall(cpu: &mut Cpu, op: &Op) -> Done {
    if cpu.msrs.efer & efer::SCE == 0 {
        return Err(ud());
    }
    let selector = cpu.msrs.star >> 32;
    let next = cpu.next_ip(op);
    if cpu.long_mode() {
        let flags = cpu.rflags();
        let target = if cpu.mode64() { cpu.msrs.lstar } else { cpu.msrs.cstar };
        cpu.regs[reg::RCX as usize] = next;
        cpu.regs[11] = flags & !rflags::RF;
        cpu.set_rflags(flags & !cpu.msrs.fmask & !rflags::RF);
        cpu.set_segment(SegReg::Cs, flat(selector, 0, CODE | attr::L));
        cpu.rip = target;
    } else {
        cpu.set_reg::<u32>(reg::RCX, next as u32);
        cpu.clear_flags(rflags::IF | rflags::VM | rflags::RF);
        cpu.set_segment(SegReg::Cs, flat(selector, 0, CODE | attr::DB));
        cpu.rip = cpu.msrs.star & 0xffff_ffff;
    }
    cpu.set_segment(SegReg::Ss, flat((selector & !3) + 8, 0, DATA));
    cpu.set_cpl(0);
    step_by_new_flags(cpu);
    Ok(())
}

/// SYSCALL and SYSRET are stepped by the TF they leave, not by the one they found: a TF in FMASK keeps
/// the trap out of the kernel, and the program sees it at the instruction it returns to.
fn step_by_new_flags(cpu: &mut Cpu) {
    cpu.step = cpu.system_flags & rflags::TF != 0;
}

/// SYSRET at operand width `W`: 64 bits returns to 64-bit mode, 32 to compatibility mode.
pub(crate) fn sysret<W: Width>(cpu: &mut Cpu, _op: &Op) -> Done {
    if cpu.msrs.efer & efer::SCE == 0 {
        return Err(ud());
    }
    if !cpu.protected_mode() || cpu.cpl != 0 {
        return Err(gp(0));
    }
    let selector = cpu.msrs.star >> 48;
    let target = cpu.regs[reg::RCX as usize];
    if cpu.long_mode() {
        let flags = cpu.regs[11];
        cpu.set_rflags(flags & (rflags::DEFINED & !(rflags::RF | rflags::VM)));
    } else {
        cpu.set_rflags(cpu.rflags() | rflags::IF);
    }
    if W::BITS == 64 {
        cpu.set_segment(SegReg::Cs, flat((selector & !3) + 16, 3, CODE | attr::L));
        cpu.rip = target;
    } else {
        cpu.set_segment(SegReg::Cs, flat(selector, 3, CODE | attr::DB));
        cpu.rip = target & 0xffff_ffff;
    }
    cpu.set_segment(SegReg::Ss, flat((selector & !3) + 8, 3, DATA));
    cpu.set_cpl(3);
    step_by_new_flags(cpu);
    Ok(())
}

/// SYSENTER.
pub(crate) fn sysenter(cpu: &mut Cpu, _op: &Op) -> Done {
    if cpu.long_mode() {
        return Err(ud());
    }
    if !cpu.protected_mode() || cpu.msrs.sysenter_cs & 0xfffc == 0 {
        return Err(gp(0));
    }
    let selector = cpu.msrs.sysenter_cs;
    cpu.clear_flags(rflags::VM | rflags::IF | rflags::RF);
    cpu.set_segment(SegReg::Cs, flat(selector, 0, CODE | attr::DB));
    cpu.set_segment(SegReg::Ss, flat((selector & !3) + 8, 0, DATA));
    cpu.set_reg::<u32>(reg::RSP, cpu.msrs.sysenter_esp as u32);
    cpu.rip = cpu.msrs.sysenter_eip & 0xffff_ffff;
    cpu.set_cpl(0);
    Ok(())
}

/// SYSEXIT.
pub(crate) fn sysexit(cpu: &mut Cpu, _op: &Op) -> Done {
    if cpu.long_mode() {
        return Err(ud());
    }
    let selector = cpu.msrs.sysenter_cs;
    if !cpu.protected_mode() || selector & 0xfffc == 0 || cpu.cpl != 0 {
        return Err(gp(0));
    }
    let (rip, rsp) = (cpu.regs[reg::RDX as usize], cpu.regs[reg::RCX as usize]);
    cpu.set_segment(SegReg::Cs, flat((selector & !3) + 16, 3, CODE | attr::DB));
    cpu.set_segment(SegReg::Ss, flat((selector & !3) + 24, 3, DATA));
    cpu.set_reg::<u32>(reg::RSP, rsp as u32);
    cpu.rip = rip & 0xffff_ffff;
    cpu.set_cpl(3);
    Ok(())
}

/// SWAPGS.
pub(crate) fn swapgs(cpu: &mut Cpu, _op: &Op) -> Done {
    if !cpu.mode64() {
        return Err(ud());
    }
    cpu.require_cpl0()?;
    let base = cpu.segments[SegReg::Gs as usize].base;
    cpu.set_segment_base(SegReg::Gs, cpu.msrs.kernel_gs_base);
    cpu.msrs.kernel_gs_base = base;
    Ok(())
}

impl Cpu {
    /// Sets FS.base or GS.base alone.
    pub(crate) fn set_segment_base(&mut self, register: SegReg, base: u64) {
        self.segments[register as usize].base = base;
        self.seg_base[register as usize] = base;
    }
}

#[cfg(test)]
mod tests;
