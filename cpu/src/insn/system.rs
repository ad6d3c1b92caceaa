//! Control and debug registers, descriptor-table registers, HLT, interrupt flag, segment queries.
//!
//! SDM Vol. 2 and Vol. 3A, "System Architecture Overview". Not modelled: caches (INVD and WBINVD do nothing).

use crate::cpu::{Activity, Cpu, Done, Fault, Shadow, gp, ud};
use crate::decode::op::Op;
use crate::event_log::{Event, ModeRegister, kind};
use crate::flags::Width;
use crate::mmu::descriptor::selector_fault;
use crate::mmu::walk::PHYSICAL_BITS;
use arch::control::*;
use arch::debug::{dr6, dr7};
use arch::exception::{Exception, Vector};
use arch::paging::pte;
use arch::rflags;
use arch::segment::{Descriptor, SegReg, Segment, Selector, TableRegister, system_type};
use memory::{Memory, PhysAddr};

// ---- control registers ----

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

    /// MOV to CR0: SDM Vol. 3A, "Control Registers"; entering and leaving long mode, "Initializing
    /// IA-32e Mode".
    fn write_cr0(&mut self, value: u64) -> Done {
        let old = self.cr0;
        let new = value & cr0::WRITABLE | cr0::ET;
        let pg_without_pe = new & cr0::PG != 0 && new & cr0::PE == 0;
        let nw_without_cd = new & cr0::NW != 0 && new & cr0::CD == 0;
        if value >> 32 != 0 || pg_without_pe || nw_without_cd {
            return Err(gp(0));
        }
        let turns_on = new & !old & cr0::PG != 0;
        let turns_off = old & !new & cr0::PG != 0;
        let cs = self.segments[SegReg::Cs as usize];
        if turns_on && self.msrs.efer & efer::LME != 0 {
            if self.cr4 & cr4::PAE == 0 || cs.long() {
                return Err(gp(0));
            }
        } else if new & cr0::PG != 0
            && (old ^ new) & (cr0::PG | cr0::CD | cr0::NW) != 0
            && self.cr4 & cr4::PAE != 0
            && !self.long_mode()
        {
            // SDM Vol. 3A, "PDPTE Registers".
            self.load_pdptes(self.cr3)?;
        }
        if turns_off && (self.mode64() || self.cr4 & cr4::PCIDE != 0) {
            return Err(gp(0));
        }
        self.cr0 = new;
        self.update_simd();
        if turns_on && self.msrs.efer & efer::LME != 0 {
            self.set_efer(self.msrs.efer | efer::LMA);
        }
        if turns_off {
            self.set_efer(self.msrs.efer & !efer::LMA);
        }
        if (old ^ new) & (cr0::PG | cr0::PE | cr0::WP) != 0 {
            self.tlb.flush_all();
        }
        if (old ^ new) & cr0::PE != 0 && new & cr0::PE == 0 {
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

/// INVD, WBINVD and WBNOINVD: no caches to write back.
pub(crate) fn wbinvd(cpu: &mut Cpu, _op: &Op) -> Done {
    cpu.require_cpl0()
}

// ---- debug registers ----

/// DR4 and DR5 are DR6 and DR7 unless CR4.DE forbids them; DR7.GD traps every access.
fn debug_register(cpu: &mut Cpu, number: u8) -> Result<u8, Fault> {
    let number = match number {
        4 | 5 if cpu.cr4 & cr4::DE != 0 => return Err(ud()),
        4 | 5 => number + 2,
        8.. => return Err(ud()),
        _ => number,
    };
    cpu.require_cpl0()?;
    if cpu.dr7 & dr7::GD != 0 {
        cpu.report_debug(dr6::BD);
        return Err(Exception::new(Vector::DB).into());
    }
    Ok(number)
}

/// MOV r, DRn.
pub(crate) fn mov_r_dr<W: Width>(cpu: &mut Cpu, op: &Op) -> Done {
    let value = match debug_register(cpu, op.src)? {
        6 => cpu.dr6,
        7 => cpu.dr7,
        n => cpu.dr[usize::from(n)],
    };
    cpu.set_reg(op.dst, W::from_u64(value));
    Ok(())
}

/// MOV DRn, r.
pub(crate) fn mov_dr_r<W: Width>(cpu: &mut Cpu, op: &Op) -> Done {
    let number = debug_register(cpu, op.dst)?;
    let value = cpu.reg::<W>(op.src).to_u64();
    if number >= 6 && value >> 32 != 0 {
        return Err(gp(0));
    }
    match number {
        6 => cpu.dr6 = value & dr6::WRITABLE | dr6::FIXED,
        7 => cpu.dr7 = value & dr7::WRITABLE | dr7::FIXED,
        n => cpu.dr[usize::from(n)] = value,
    }
    if number != 6 {
        cpu.rearm();
        // What is executed next may have a breakpoint.
        cpu.leave = true;
    }
    Ok(())
}

// ---- descriptor tables ----

/// LGDT and LIDT share the operand: a 16-bit limit, then a base of 24, 32 or 64 bits.
fn load_table<W: Width>(cpu: &mut Cpu, op: &Op) -> Result<TableRegister, Fault> {
    cpu.require_cpl0()?;
    let bytes = if W::BITS == 64 { 10 } else { 6 };
    let at = cpu.linear(op, cpu.effective_address(op), bytes, false)?;
    let limit = cpu.load::<u16>(at)?;
    let base = if W::BITS == 64 {
        cpu.load::<u64>(cpu.linear_behind(at, 2))?
    } else {
        u64::from(cpu.load::<u32>(cpu.linear_behind(at, 2))?)
    };
    let base = if W::BITS == 16 { base & 0xff_ffff } else { base };
    if W::BITS == 64 && !cpu.is_canonical_base(base) {
        return Err(gp(0));
    }
    Ok(TableRegister { base, limit })
}

/// LGDT.
pub(crate) fn lgdt<W: Width>(cpu: &mut Cpu, op: &Op) -> Done {
    cpu.gdtr = load_table::<W>(cpu, op)?;
    Ok(())
}

/// LIDT.
pub(crate) fn lidt<W: Width>(cpu: &mut Cpu, op: &Op) -> Done {
    cpu.idtr = load_table::<W>(cpu, op)?;
    Ok(())
}

/// CR4.UMIP keeps programs from what the system's tables are.
fn require_not_prevented(cpu: &Cpu) -> Done {
    if cpu.cr4 & cr4::UMIP != 0 && cpu.cpl != 0 { Err(gp(0)) } else { Ok(()) }
}

fn store_table<W: Width>(cpu: &mut Cpu, op: &Op, table: TableRegister) -> Done {
    require_not_prevented(cpu)?;
    let mut bytes = [0; 10];
    bytes[..2].copy_from_slice(&table.limit.to_le_bytes());
    bytes[2..].copy_from_slice(&table.base.to_le_bytes());
    let len = if W::BITS == 64 { 10 } else { 6 };
    let at = cpu.linear(op, cpu.effective_address(op), len, true)?;
    cpu.write_linear(at, &bytes[..len as usize], crate::mmu::Privilege::Current)
}

/// SGDT.
pub(crate) fn sgdt<W: Width>(cpu: &mut Cpu, op: &Op) -> Done {
    store_table::<W>(cpu, op, cpu.gdtr)
}

/// SIDT.
pub(crate) fn sidt<W: Width>(cpu: &mut Cpu, op: &Op) -> Done {
    store_table::<W>(cpu, op, cpu.idtr)
}

/// LDT, TSS and their selectors exist only in protected mode.
fn require_protected(cpu: &Cpu) -> Done {
    if cpu.protected_mode() && !cpu.v8086() { Ok(()) } else { Err(ud()) }
}

/// A system descriptor for LLDT and LTR: 16 bytes in long mode.
fn system_descriptor(cpu: &mut Cpu, selector: Selector) -> Result<(Descriptor, u64), Fault> {
    let fault = selector_fault(Vector::GP, selector);
    if selector.is_local() {
        return Err(fault);
    }
    let bytes = if cpu.long_mode() { 16 } else { 8 };
    let address = cpu.descriptor_address(selector, bytes).ok_or(fault)?;
    let descriptor = Descriptor(cpu.load_system::<u64>(address)?);
    let mut base = u64::from(descriptor.base());
    if bytes == 16 {
        let high = cpu.load_system::<u64>(address.wrapping_add(8))?;
        base |= high << 32;
        if !cpu.is_canonical_base(base) || high >> 40 & 0x1f != 0 {
            return Err(fault);
        }
    }
    Ok((descriptor, base))
}

/// LLDT.
pub(crate) fn lldt(cpu: &mut Cpu, op: &Op) -> Done {
    require_protected(cpu)?;
    cpu.require_cpl0()?;
    let selector = Selector(cpu.read_operand::<u16>(op, op.dst)?);
    if selector.is_null() {
        cpu.ldtr = Segment { selector, ..Segment::default() };
        return Ok(());
    }
    let (descriptor, base) = system_descriptor(cpu, selector)?;
    if descriptor.is_code_or_data() || descriptor.kind() != system_type::LDT {
        return Err(selector_fault(Vector::GP, selector));
    }
    if !descriptor.present() {
        return Err(selector_fault(Vector::NP, selector));
    }
    cpu.ldtr = Segment { base, ..Segment::from_descriptor(selector, descriptor) };
    Ok(())
}

/// LTR: marks the TSS busy.
pub(crate) fn ltr(cpu: &mut Cpu, op: &Op) -> Done {
    require_protected(cpu)?;
    cpu.require_cpl0()?;
    let selector = Selector(cpu.read_operand::<u16>(op, op.dst)?);
    if selector.is_null() {
        return Err(gp(0));
    }
    let (descriptor, base) = system_descriptor(cpu, selector)?;
    let available = match descriptor.kind() {
        system_type::TSS_AVAILABLE => true,
        system_type::TSS16_AVAILABLE => !cpu.long_mode(),
        _ => false,
    };
    if descriptor.is_code_or_data() || !available {
        return Err(selector_fault(Vector::GP, selector));
    }
    if !descriptor.present() {
        return Err(selector_fault(Vector::NP, selector));
    }
    let busy = Descriptor(descriptor.0 | 2 << 40);
    if let Some(address) = cpu.descriptor_address(selector, 8) {
        cpu.store_system::<u8>(address.wrapping_add(5), (busy.0 >> 40) as u8)?;
    }
    cpu.tr = Segment { base, ..Segment::from_descriptor(selector, busy) };
    Ok(())
}

/// Stores a selector: 16 bits to memory, zero-extended in a register.
fn store_selector<W: Width>(cpu: &mut Cpu, op: &Op, selector: Selector) -> Done {
    require_protected(cpu)?;
    require_not_prevented(cpu)?;
    if Cpu::is_memory(op.dst) {
        return cpu.store_mem(op, selector.0);
    }
    cpu.set_reg(op.dst, W::from_u64(u64::from(selector.0)));
    Ok(())
}

/// SLDT.
pub(crate) fn sldt<W: Width>(cpu: &mut Cpu, op: &Op) -> Done {
    store_selector::<W>(cpu, op, cpu.ldtr.selector)
}

/// STR.
pub(crate) fn str_<W: Width>(cpu: &mut Cpu, op: &Op) -> Done {
    store_selector::<W>(cpu, op, cpu.tr.selector)
}

// ---- interrupt flag, HLT ----

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

// ---- segment queries ----

/// The descriptor that LAR, LSL, VERR or VERW look at; `None` where they just clear ZF.
fn visible_descriptor(
    cpu: &mut Cpu,
    op: &Op,
    n: u8,
) -> Result<Option<(Selector, Descriptor)>, Fault> {
    require_protected(cpu)?;
    let selector = Selector(cpu.read_operand::<u16>(op, n)?);
    let Some(address) = cpu.descriptor_address(selector, 8) else { return Ok(None) };
    if selector.is_null() {
        return Ok(None);
    }
    Ok(Some((selector, Descriptor(cpu.load_system::<u64>(address)?))))
}

/// True if code at CPL may look at the descriptor through this selector.
fn privileged_for(cpu: &Cpu, selector: Selector, descriptor: Descriptor) -> bool {
    descriptor.is_conforming()
        || (cpu.cpl <= descriptor.dpl() && selector.rpl() <= descriptor.dpl())
}

/// System descriptor types that LAR (`gates` too) and LSL accept: SDM Vol. 2A, "LAR", "LSL".
fn query_accepts(cpu: &Cpu, descriptor: Descriptor, gates: bool) -> bool {
    if descriptor.is_code_or_data() {
        return true;
    }
    let long = cpu.long_mode();
    match descriptor.kind() {
        system_type::LDT | system_type::TSS_AVAILABLE | system_type::TSS_BUSY => true,
        system_type::TSS16_AVAILABLE | system_type::TSS16_BUSY => !long,
        system_type::CALL_GATE => gates,
        system_type::CALL_GATE16 | system_type::TASK_GATE => gates && !long,
        _ => false,
    }
}

/// LAR.
pub(crate) fn lar<W: Width>(cpu: &mut Cpu, op: &Op) -> Done {
    let found = visible_descriptor(cpu, op, op.src)?;
    let value = found.and_then(|(selector, descriptor)| {
        let good =
            query_accepts(cpu, descriptor, true) && privileged_for(cpu, selector, descriptor);
        good.then_some(descriptor.0 >> 32 & 0x00ff_ff00)
    });
    if let Some(value) = value {
        cpu.set_reg(op.dst, W::from_u64(value));
    }
    cpu.status = cpu.status.with_zf(value.is_some());
    Ok(())
}

/// LSL.
pub(crate) fn lsl<W: Width>(cpu: &mut Cpu, op: &Op) -> Done {
    let found = visible_descriptor(cpu, op, op.src)?;
    let value = found.and_then(|(selector, descriptor)| {
        let good =
            query_accepts(cpu, descriptor, false) && privileged_for(cpu, selector, descriptor);
        good.then_some(u64::from(descriptor.limit()))
    });
    if let Some(value) = value {
        cpu.set_reg(op.dst, W::from_u64(value));
    }
    cpu.status = cpu.status.with_zf(value.is_some());
    Ok(())
}

/// VERR (`WRITE` false) and VERW.
pub(crate) fn verify<const WRITE: bool>(cpu: &mut Cpu, op: &Op) -> Done {
    let found = visible_descriptor(cpu, op, op.dst)?;
    let good = found.is_some_and(|(selector, descriptor)| {
        let typed = if WRITE { descriptor.is_writable_data() } else { descriptor.is_readable() };
        typed && privileged_for(cpu, selector, descriptor)
    });
    cpu.status = cpu.status.with_zf(good);
    Ok(())
}

/// ARPL.
pub(crate) fn arpl(cpu: &mut Cpu, op: &Op) -> Done {
    require_protected(cpu)?;
    // What is not changed need not be writable.
    let dst = cpu.read_operand::<u16>(op, op.dst)?;
    let rpl = cpu.reg::<u16>(op.src) & 3;
    let raise = dst & 3 < rpl;
    if raise {
        cpu.write_operand(op, op.dst, dst & !3 | rpl)?;
    }
    cpu.status = cpu.status.with_zf(raise);
    Ok(())
}

#[cfg(test)]
mod tests;
