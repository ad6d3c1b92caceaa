//! Control and debug registers, descriptor-table registers, HLT, interrupt flag, segment queries.
//!
//! SDM Vol. 2 and Vol. 3A, "System Architecture Overview". Not modelled: caches (INVD and WBINVD do nothing).
//!
//! | file | what |
//! |---|---|
//! | `control.rs` | control registers, EFER, PDPTE registers |
//! | `debug.rs` | MOV of debug registers |
//! | `tables.rs` | GDTR, IDTR, LDTR, TR |
//! | `query.rs` | LAR, LSL, VERR, VERW, ARPL |

mod control;
mod debug;
mod query;
mod tables;

pub(crate) use control::*;
pub(crate) use debug::*;
pub(crate) use query::*;
pub(crate) use tables::*;

use crate::cpu::{Activity, Cpu, Done, Fault, Shadow, gp, ud};
use crate::decode::op::Op;
use arch::control::cr4;
use arch::rflags;

/// LDT, TSS and their selectors exist only in protected mode.
fn require_protected(cpu: &Cpu) -> Done {
    if cpu.protected_mode() && !cpu.v8086() { Ok(()) } else { Err(ud()) }
}

/// CR4.UMIP keeps programs from what the system's tables are.
fn require_not_prevented(cpu: &Cpu) -> Done {
    if cpu.cr4 & cr4::UMIP != 0 && cpu.cpl != 0 { Err(gp(0)) } else { Ok(()) }
}

/// Which flag CLI and STI change: IF, or VIF by CR4.VME in virtual-8086 mode and by CR4.PVI at CPL 3.
/// #GP(0) where neither: SDM Vol. 2A, "CLI" and "STI", their decision tables.
fn interrupt_flag(cpu: &Cpu) -> Result<u64, Fault> {
    let cpl = if cpu.protected_mode() { cpu.cpl } else { 0 };
    let extension = if cpu.v8086() { cr4::VME } else { cr4::PVI };
    if cpl <= cpu.iopl() {
        Ok(rflags::IF)
    } else if cpl == 3 && cpu.cr4 & extension != 0 {
        Ok(rflags::VIF)
    } else {
        Err(gp(0))
    }
}

/// CLI.
pub(crate) fn cli(cpu: &mut Cpu, _op: &Op) -> Done {
    cpu.system_flags &= !interrupt_flag(cpu)?;
    Ok(())
}

/// STI: if IF was clear, interrupts wait for one more instruction. VIF cannot be set while a virtual
/// interrupt is pending: that is for the monitor.
pub(crate) fn sti(cpu: &mut Cpu, op: &Op) -> Done {
    if interrupt_flag(cpu)? == rflags::VIF {
        if cpu.system_flags & rflags::VIP != 0 {
            return Err(gp(0));
        }
        cpu.system_flags |= rflags::VIF;
        return Ok(());
    }
    if cpu.system_flags & rflags::IF == 0 {
        cpu.system_flags |= rflags::IF;
        if cpu.boundary_matters(op) {
            cpu.shadow = Shadow::Sti;
            cpu.leave = true;
        }
    }
    Ok(())
}

impl Cpu {
    /// True if something may be recognised at the boundary behind `op`: an interrupt is requested, or
    /// the budget ends there. Otherwise no request can come before the block is left anyway, because
    /// requests change only at bus accesses and budget ends; then a shadow has nothing to hide.
    pub(crate) fn boundary_matters(&self, op: &Op) -> bool {
        self.lines.intr || self.lines.nmi || self.remaining <= i64::from(op.place) + 1
    }
}

/// INVD, WBINVD and WBNOINVD: no caches to write back.
pub(crate) fn wbinvd(cpu: &mut Cpu, _op: &Op) -> Done {
    cpu.require_cpl0()
}

/// HLT.
pub(crate) fn hlt(cpu: &mut Cpu, _op: &Op) -> Done {
    cpu.require_cpl0()?;
    cpu.activity = Activity::Halted;
    cpu.leave = true;
    Ok(())
}

/// STAC and CLAC: `SET` is the new RFLAGS.AC.
pub(crate) fn set_ac<const SET: bool>(cpu: &mut Cpu, _op: &Op) -> Done {
    if cpu.cpl != 0 {
        return Err(ud());
    }
    let ac = if SET { rflags::AC } else { 0 };
    cpu.system_flags = cpu.system_flags & !rflags::AC | ac;
    cpu.update_context();
    Ok(())
}

/// RSM outside system-management mode.
pub(crate) fn rsm(_cpu: &mut Cpu, _op: &Op) -> Done {
    Err(ud())
}

#[cfg(test)]
mod tests;
