//! SYSCALL SYSRET SYSENTER SYSEXIT SWAPGS.
//!
//! AMD APM Vol. 3 and SDM Vol. 2B. The vendors differ, and the model's decides:
//!
//! | | AMD | Intel |
//! |---|---|---|
//! | SYSCALL, SYSRET outside 64-bit mode | legacy and compatibility mode too | #UD |
//! | SYSENTER, SYSEXIT in long mode | #UD | to 64-bit code |
//! | SYSRET to a non-canonical address | not checked: the fetch at CPL 3 faults | #GP(0) at CPL 0 |
//! | SYSRET and the hidden part of SS | stays, but for the level | flat |

use crate::cpu::{Cpu, Done, Fault, gp, reg, ud};
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
    require_syscall(cpu)?;
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
    require_syscall(cpu)?;
    if !cpu.protected_mode() || cpu.cpl != 0 {
        return Err(gp(0));
    }
    let selector = cpu.msrs.star >> 48;
    let target = cpu.regs[reg::RCX as usize];
    if W::BITS == 64 && !cpu.is_canonical(target) && !cpu.model.is_amd() {
        return Err(gp(0));
    }
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
    let ss = flat((selector & !3) + 8, 3, DATA);
    if cpu.model.is_amd() {
        let kept = &mut cpu.segments[SegReg::Ss as usize];
        kept.selector = ss.selector;
        kept.attributes |= 3 << attr::DPL_SHIFT;
    } else {
        cpu.set_segment(SegReg::Ss, ss);
    }
    cpu.set_cpl(3);
    step_by_new_flags(cpu);
    Ok(())
}

/// EFER.SCE, and where the vendor wants it, 64-bit mode.
fn require_syscall(cpu: &Cpu) -> Done {
    let enabled = cpu.msrs.efer & efer::SCE != 0;
    if enabled && (cpu.mode64() || cpu.model.is_amd()) { Ok(()) } else { Err(ud()) }
}

/// What SYSENTER and SYSEXIT want; returns the selector they start from.
fn require_sysenter(cpu: &Cpu) -> Result<u64, Fault> {
    if cpu.long_mode() && cpu.model.is_amd() {
        return Err(ud());
    }
    let selector = cpu.msrs.sysenter_cs;
    if !cpu.protected_mode() || selector & 0xfffc == 0 { Err(gp(0)) } else { Ok(selector & !3) }
}

/// Sets the stack pointer and the instruction pointer: 64 bits or, zero-extended, 32.
fn set_pointers(cpu: &mut Cpu, wide: bool, rsp: u64, rip: u64) {
    let mask = if wide { u64::MAX } else { 0xffff_ffff };
    cpu.regs[reg::RSP as usize] = rsp & mask;
    cpu.rip = rip & mask;
}

/// SYSENTER.
pub(crate) fn sysenter(cpu: &mut Cpu, _op: &Op) -> Done {
    let selector = require_sysenter(cpu)?;
    let long = cpu.long_mode();
    cpu.clear_flags(rflags::VM | rflags::IF | rflags::RF);
    let size = if long { attr::L } else { attr::DB };
    cpu.set_segment(SegReg::Cs, flat(selector, 0, CODE | size));
    cpu.set_segment(SegReg::Ss, flat(selector + 8, 0, DATA));
    set_pointers(cpu, long, cpu.msrs.sysenter_esp, cpu.msrs.sysenter_eip);
    cpu.set_cpl(0);
    Ok(())
}

/// SYSEXIT at operand width `W`: 64 bits returns to 64-bit mode.
pub(crate) fn sysexit<W: Width>(cpu: &mut Cpu, _op: &Op) -> Done {
    let selector = require_sysenter(cpu)?;
    cpu.require_cpl0()?;
    let (rip, rsp) = (cpu.regs[reg::RDX as usize], cpu.regs[reg::RCX as usize]);
    let wide = W::BITS == 64;
    if wide && !(cpu.is_canonical(rip) && cpu.is_canonical(rsp)) {
        return Err(gp(0));
    }
    let (at, size) = if wide { (32, attr::L) } else { (16, attr::DB) };
    cpu.set_segment(SegReg::Cs, flat(selector + at, 3, CODE | size));
    cpu.set_segment(SegReg::Ss, flat(selector + at + 8, 3, DATA));
    set_pointers(cpu, wide, rsp, rip);
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
