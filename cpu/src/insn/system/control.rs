//! Control registers, EFER and the PDPTE registers: MOV to and from CRn, CLTS, LMSW, SMSW.
//!
//! SDM Vol. 3A, "Control Registers", "Initializing IA-32e Mode", "PDPTE Registers". RDMSR and WRMSR of EFER are in
//! `insn/msr.rs`.

use super::require_not_prevented;
use crate::cpu::{Cpu, Done, Fault, gp, ud};
use crate::decode::op::Op;
use crate::event_log::{Event, ModeRegister, kind};
use crate::flags::Width;
use crate::mmu::walk::PHYSICAL_BITS;
use arch::control::*;
use arch::paging::pte;
use arch::segment::SegReg;
use memory::{Memory, PhysAddr};

/// MOV r, CRn. The operand is always a full register; `W` is the mode's width.
pub(crate) fn mov_r_cr<W: Width>(cpu: &mut Cpu, op: &Op) -> Done {
    require_control_register(op.src)?;
    cpu.require_cpl0()?;
    let value = match op.src {
        0 => cpu.cr0,
        2 => cpu.cr2,
        3 => cpu.cr3,
        4 => cpu.cr4,
        8 => u64::from(cpu.bus().task_priority()),
        _ => return Err(ud()),
    };
    cpu.set_reg(op.dst, W::from_u64(value));
    Ok(())
}

/// CR1, CR5-CR7 and CR9-CR15 do not exist: #UD at every level.
fn require_control_register(number: u8) -> Done {
    if matches!(number, 0 | 2 | 3 | 4 | 8) { Ok(()) } else { Err(ud()) }
}

/// MOV CRn, r.
pub(crate) fn mov_cr_r<W: Width>(cpu: &mut Cpu, op: &Op) -> Done {
    require_control_register(op.dst)?;
    cpu.require_cpl0()?;
    let value = cpu.reg::<W>(op.src).to_u64();
    match op.dst {
        0 | 4 => {
            if op.dst == 0 {
                cpu.write_cr0(value)?
            } else {
                cpu.write_cr4(value)?
            }
            cpu.leave = true;
        }
        2 => cpu.cr2 = value,
        3 => cpu.write_cr3(value)?,
        8 => {
            if value > 15 {
                return Err(gp(0));
            }
            let access = cpu.access(cpu.memory());
            let outcome = cpu.bus().set_task_priority(access, value as u8);
            cpu.settle(outcome);
        }
        _ => return Err(ud()),
    }
    // The fetch of what follows goes through the new tables.
    cpu.rip = cpu.next_ip(op);
    Ok(())
}

/// CLTS.
pub(crate) fn clts(cpu: &mut Cpu, _op: &Op) -> Done {
    cpu.require_cpl0()?;
    cpu.cr0 &= !cr0::TS;
    cpu.update_simd();
    Ok(())
}

/// LMSW: PE, MP, EM, TS; it cannot clear PE.
pub(crate) fn lmsw(cpu: &mut Cpu, op: &Op) -> Done {
    cpu.require_cpl0()?;
    let value = u64::from(cpu.read_operand::<u16>(op, op.dst)?);
    let low = value & 0xf | cpu.cr0 & cr0::PE;
    cpu.write_cr0(cpu.cr0 & !0xf | low)?;
    cpu.leave = true;
    Ok(())
}

/// SMSW: 16 bits to memory, the operand size in a register.
pub(crate) fn smsw<W: Width>(cpu: &mut Cpu, op: &Op) -> Done {
    require_not_prevented(cpu)?;
    if Cpu::is_memory(op.dst) {
        return cpu.store_mem(op, cpu.cr0 as u16);
    }
    cpu.set_reg(op.dst, W::from_u64(cpu.cr0));
    Ok(())
}

impl Cpu {
    fn log_mode(&mut self, register: ModeRegister, from: u64, to: u64) {
        let (retired, rip) = (self.retired(), self.rip);
        self.log.emit(kind::MODE, retired, || Event::Mode { register, from, to, rip });
    }

    /// #GP for a value of CR0 that the mode forbids: SDM Vol. 3A, "Control Registers"; entering and leaving
    /// long mode, "Initializing IA-32e Mode".
    fn check_cr0(&self, value: u64) -> Done {
        let pg_without_pe = value & cr0::PG != 0 && value & cr0::PE == 0;
        let nw_without_cd = value & cr0::NW != 0 && value & cr0::CD == 0;
        let turns_on = value & !self.cr0 & cr0::PG != 0;
        let turns_off = self.cr0 & !value & cr0::PG != 0;
        let long_code = self.segments[SegReg::Cs as usize].long();
        let refused = value >> 32 != 0
            || pg_without_pe
            || nw_without_cd
            || turns_on && self.enables_long_mode() && (self.cr4 & cr4::PAE == 0 || long_code)
            || turns_off && (self.mode64() || self.cr4 & cr4::PCIDE != 0);
        if refused { Err(gp(0)) } else { Ok(()) }
    }

    /// Paging, once it is turned on, is that of long mode.
    fn enables_long_mode(&self) -> bool {
        self.msrs.efer & efer::LME != 0
    }

    /// MOV to CR0.
    fn write_cr0(&mut self, value: u64) -> Done {
        self.check_cr0(value)?;
        let (old, new) = (self.cr0, value & cr0::WRITABLE | cr0::ET);
        let changed = old ^ new;
        let pae_paging =
            new & cr0::PG != 0 && self.cr4 & cr4::PAE != 0 && !self.enables_long_mode();
        if pae_paging && changed & (cr0::PG | cr0::CD | cr0::NW) != 0 {
            // SDM Vol. 3A, "PDPTE Registers".
            self.load_pdptes(self.cr3)?;
        }
        let cs = self.segments[SegReg::Cs as usize];
        self.cr0 = new;
        self.update_simd();
        let active = new & cr0::PG != 0 && self.enables_long_mode();
        let lma = if active { efer::LMA } else { 0 };
        if changed & cr0::PG != 0 && self.msrs.efer & efer::LMA != lma {
            self.set_efer(self.msrs.efer & !efer::LMA | lma);
        }
        if changed & (cr0::PG | cr0::PE | cr0::WP) != 0 {
            self.tlb.flush_all();
        }
        if changed & !new & cr0::PE != 0 {
            self.set_cpl(0);
        }
        self.update_context();
        self.update_mode(cs);
        self.log_mode(ModeRegister::Cr0, old, new);
        Ok(())
    }

    /// MOV to CR3. With CR4.PCIDE bit 63 permits to keep the translations of the new context; only those
    /// of the current one are ever kept (`translation.rs`), so that it spares the forgetting where nothing
    /// changes.
    fn write_cr3(&mut self, value: u64) -> Done {
        let pcide = self.cr4 & cr4::PCIDE != 0;
        let keeps = pcide && value & cr3::NO_FLUSH != 0;
        let value = if pcide { value & !cr3::NO_FLUSH } else { value };
        if self.long_mode() && value >> PHYSICAL_BITS != 0 {
            return Err(gp(0));
        }
        let pae = self.cr4 & cr4::PAE != 0 && !self.long_mode();
        if pae && self.cr0 & cr0::PG != 0 {
            self.load_pdptes(value)?;
        }
        let old = self.cr3;
        self.cr3 = value;
        if !(keeps && old == value) {
            self.tlb.flush_non_global();
        }
        self.log_mode(ModeRegister::Cr3, old, value);
        Ok(())
    }

    /// #GP for a value of CR4 that the mode forbids: SDM Vol. 3A, "Control Registers", "Process-Context
    /// Identifiers", "5-level paging".
    fn check_cr4(&self, value: u64) -> Done {
        let changed = self.cr4 ^ value;
        let sets_pcide = value & changed & cr4::PCIDE != 0;
        let refused = value & !self.model.cr4_mask() != 0
            || self.long_mode() && (value & cr4::PAE == 0 || changed & cr4::LA57 != 0)
            || sets_pcide && (!self.long_mode() || self.cr3 & cr3::PCID != 0);
        if refused { Err(gp(0)) } else { Ok(()) }
    }

    fn write_cr4(&mut self, value: u64) -> Done {
        let old = self.cr4;
        self.check_cr4(value)?;
        let paging = cr4::PSE | cr4::PAE | cr4::PGE | cr4::SMEP | cr4::SMAP | cr4::LA57;
        let pae_paging = value & cr4::PAE != 0 && self.cr0 & cr0::PG != 0 && !self.long_mode();
        if pae_paging && (old ^ value) & paging & !cr4::SMAP != 0 {
            self.load_pdptes(self.cr3)?;
        }
        self.cr4 = value;
        self.update_simd();
        if (old ^ value) & cr4::DE != 0 {
            self.rearm();
        }
        if (old ^ value) & (paging | cr4::PCIDE) != 0 {
            self.tlb.flush_all();
        }
        if (old ^ value) & cr4::PKE != 0 {
            self.tlb.drop_all_tags();
        }
        self.update_context();
        self.log_mode(ModeRegister::Cr4, old, value);
        Ok(())
    }

    /// Sets EFER and what follows from it.
    pub(crate) fn set_efer(&mut self, value: u64) {
        let old = self.msrs.efer;
        self.msrs.efer = value;
        if (old ^ value) & efer::NXE != 0 {
            self.tlb.flush_all();
        }
        let cs = self.segments[SegReg::Cs as usize];
        self.update_mode(cs);
        self.leave = true;
        self.log_mode(ModeRegister::Efer, old, value);
    }

    /// Loads the PDPTE registers of PAE paging; a reserved bit in a present one is #GP(0).
    pub(crate) fn load_pdptes(&mut self, cr3: u64) -> Done {
        self.pdptes = Self::read_pdptes(self.memory(), cr3)?;
        Ok(())
    }

    /// The PDPTEs that a load of CR3 would take.
    pub(crate) fn read_pdptes(memory: &Memory, cr3: u64) -> Result<[u64; 4], Fault> {
        const RESERVED: u64 = !((1 << PHYSICAL_BITS) - 1) | 0x1e6;
        let base = cr3 & 0xffff_ffe0;
        let mut pdptes = [0; 4];
        for (i, pdpte) in pdptes.iter_mut().enumerate() {
            let addr = PhysAddr(base + 8 * i as u64);
            *pdpte = Self::physical_read_u64(memory, addr);
            if *pdpte & pte::P != 0 && *pdpte & RESERVED != 0 {
                return Err(gp(0));
            }
        }
        Ok(pdptes)
    }

    /// Faults as a task switch to this CR3 would.
    pub(crate) fn check_pdptes(&self, cr3: u64) -> Done {
        if self.cr4 & cr4::PAE == 0 {
            return Ok(());
        }
        Self::read_pdptes(self.memory(), cr3).map(|_| ())
    }

    /// Sets CR3 in a task switch, which has checked it. What cannot be loaded stays.
    pub(crate) fn load_task_cr3(&mut self, value: u64) {
        let _ = self.write_cr3(value);
    }
}
