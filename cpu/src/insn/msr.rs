//! RDMSR WRMSR RDTSC RDTSCP RDPMC: one row per MSR.
//!
//! SDM Vol. 4; AMD APM Vol. 2, "MSR Cross-Reference". A number without a row raises #GP and is logged;
//! rows marked inert hold what was written and do nothing (MTRRs: memory types are not modelled; machine
//! check banks: nothing ever fails; AMD configuration registers that Linux sets).

use crate::cpu::{Cpu, Done, Fault, gp, reg};
use crate::decode::op::Op;
use crate::event_log::{Event, kind};
use crate::features::Word;
use arch::control::{cr0, cr4, efer};
use arch::cpuid::ext1_edx;
use arch::msr::*;
use arch::paging::is_canonical48;
use arch::segment::SegReg;

type Read = fn(&mut Cpu, u32) -> Result<u64, Fault>;
type Write = fn(&mut Cpu, u32, u64) -> Done;

/// A run of MSRs and how they are read and written.
struct Row {
    first: u32,
    last: u32,
    read: Read,
    write: Write,
}

const fn one(number: u32, read: Read, write: Write) -> Row {
    Row { first: number, last: number, read, write }
}
const fn range(first: u32, last: u32, read: Read, write: Write) -> Row {
    Row { first, last, read, write }
}

/// Ten machine-check banks of four registers, as a K8 has six and newer parts more.
const MC_LAST: u32 = IA32_MC0_CTL + 4 * MC_BANKS - 1;
const MC_BANKS: u32 = 10;

/// Ascending by number.
static ROWS: &[Row] = &[
    one(IA32_TSC, |cpu, _| Ok(cpu.tsc()), write_tsc),
    one(IA32_PLATFORM_ID, zero, refuse),
    one(IA32_APIC_BASE, apic_read, apic_write),
    one(IA32_BIOS_SIGN_ID, inert_read, inert_write),
    one(IA32_MTRRCAP, |_, _| Ok(0x508), refuse),
    one(
        IA32_SYSENTER_CS,
        |cpu, _| Ok(cpu.msrs.sysenter_cs),
        |cpu, _, v| {
            cpu.msrs.sysenter_cs = v;
            Ok(())
        },
    ),
    one(
        IA32_SYSENTER_ESP,
        |cpu, _| Ok(cpu.msrs.sysenter_esp),
        |cpu, _, v| {
            cpu.msrs.sysenter_esp = canonical(v)?;
            Ok(())
        },
    ),
    one(
        IA32_SYSENTER_EIP,
        |cpu, _| Ok(cpu.msrs.sysenter_eip),
        |cpu, _, v| {
            cpu.msrs.sysenter_eip = canonical(v)?;
            Ok(())
        },
    ),
    one(IA32_MCG_CAP, |_, _| Ok(0x100 | MC_BANKS as u64), refuse),
    one(IA32_MCG_STATUS, inert_read, inert_write),
    one(IA32_MCG_CTL, inert_read, inert_write),
    one(IA32_DEBUGCTL, inert_read, write_debugctl),
    range(IA32_MTRR_PHYSBASE0, IA32_MTRR_PHYSMASK7, mtrr_variable_read, mtrr_variable_write),
    one(IA32_MTRR_FIX64K_00000, mtrr_fixed_read, mtrr_fixed_write),
    range(IA32_MTRR_FIX16K_80000, IA32_MTRR_FIX16K_A0000, mtrr_fixed_read, mtrr_fixed_write),
    range(IA32_MTRR_FIX4K_C0000, IA32_MTRR_FIX4K_F8000, mtrr_fixed_read, mtrr_fixed_write),
    one(IA32_PAT, |cpu, _| Ok(cpu.msrs.pat), write_pat),
    one(
        IA32_MTRR_DEF_TYPE,
        |cpu, _| Ok(cpu.msrs.mtrr_def_type),
        |cpu, _, v| {
            if v & !0xcff != 0 || !memory_type(v as u8) {
                return Err(gp(0));
            }
            cpu.msrs.mtrr_def_type = v;
            Ok(())
        },
    ),
    range(IA32_MC0_CTL, MC_LAST, inert_read, inert_write),
    one(IA32_TSC_DEADLINE, apic_read, apic_write),
    range(X2APIC_FIRST, X2APIC_LAST, apic_read, apic_write),
    one(IA32_EFER, |cpu, _| Ok(cpu.msrs.efer), |cpu, _, v| cpu.write_efer(v)),
    one(
        IA32_STAR,
        |cpu, _| Ok(cpu.msrs.star),
        |cpu, _, v| {
            cpu.msrs.star = v;
            Ok(())
        },
    ),
    one(
        IA32_LSTAR,
        |cpu, _| Ok(cpu.msrs.lstar),
        |cpu, _, v| {
            cpu.msrs.lstar = canonical(v)?;
            Ok(())
        },
    ),
    one(
        IA32_CSTAR,
        |cpu, _| Ok(cpu.msrs.cstar),
        |cpu, _, v| {
            cpu.msrs.cstar = canonical(v)?;
            Ok(())
        },
    ),
    one(
        IA32_FMASK,
        |cpu, _| Ok(cpu.msrs.fmask),
        |cpu, _, v| {
            cpu.msrs.fmask = v & 0xffff_ffff;
            Ok(())
        },
    ),
    one(
        IA32_FS_BASE,
        |cpu, _| Ok(cpu.segments[SegReg::Fs as usize].base),
        |cpu, _, v| {
            cpu.set_segment_base(SegReg::Fs, canonical(v)?);
            Ok(())
        },
    ),
    one(
        IA32_GS_BASE,
        |cpu, _| Ok(cpu.segments[SegReg::Gs as usize].base),
        |cpu, _, v| {
            cpu.set_segment_base(SegReg::Gs, canonical(v)?);
            Ok(())
        },
    ),
    one(
        IA32_KERNEL_GS_BASE,
        |cpu, _| Ok(cpu.msrs.kernel_gs_base),
        |cpu, _, v| {
            cpu.msrs.kernel_gs_base = canonical(v)?;
            Ok(())
        },
    ),
    one(IA32_TSC_AUX, tsc_aux_read, tsc_aux_write),
    range(K7_EVNTSEL0, K7_PERFCTR3, inert_read, inert_write),
    one(K8_SYSCFG, inert_read, inert_write),
    one(K7_HWCR, inert_read, inert_write),
    one(K8_INT_PENDING_MSG, inert_read, inert_write),
    one(VM_CR, inert_read, inert_write),
    one(F10_DECFG, inert_read, inert_write),
];

fn row(number: u32) -> Option<&'static Row> {
    let i = ROWS.partition_point(|row| row.last < number);
    ROWS.get(i).filter(|row| row.first <= number)
}

fn canonical(value: u64) -> Result<u64, Fault> {
    if is_canonical48(value) { Ok(value) } else { Err(gp(0)) }
}

fn zero(_cpu: &mut Cpu, _number: u32) -> Result<u64, Fault> {
    Ok(0)
}

fn refuse(_cpu: &mut Cpu, _number: u32, _value: u64) -> Done {
    Err(gp(0))
}

fn inert_read(cpu: &mut Cpu, number: u32) -> Result<u64, Fault> {
    let inert = &cpu.msrs.inert;
    let found = inert.binary_search_by_key(&number, |&(number, _)| number);
    Ok(found.map_or(0, |i| inert[i].1))
}

fn inert_write(cpu: &mut Cpu, number: u32, value: u64) -> Done {
    let inert = &mut cpu.msrs.inert;
    match inert.binary_search_by_key(&number, |&(number, _)| number) {
        Ok(i) => inert[i].1 = value,
        // Bounded by the number of inert rows.
        Err(i) => inert.insert(i, (number, value)),
    }
    Ok(())
}

/// LBR and BTF are not modelled.
fn write_debugctl(cpu: &mut Cpu, number: u32, value: u64) -> Done {
    if value & 3 != 0 {
        return Err(Fault::Unimplemented("IA32_DEBUGCTL with LBR or BTF"));
    }
    inert_write(cpu, number, value)
}

fn write_tsc(cpu: &mut Cpu, _number: u32, value: u64) -> Done {
    let ticks = cpu.tsc().wrapping_sub(cpu.msrs.tsc_offset);
    cpu.msrs.tsc_offset = value.wrapping_sub(ticks);
    Ok(())
}

fn apic_read(cpu: &mut Cpu, number: u32) -> Result<u64, Fault> {
    let access = cpu.access(cpu.memory());
    let (value, outcome) = cpu.bus().apic_msr_read(access, number).ok_or(gp(0))?;
    cpu.settle(outcome);
    Ok(value)
}

fn apic_write(cpu: &mut Cpu, number: u32, value: u64) -> Done {
    let access = cpu.access(cpu.memory());
    let outcome = cpu.bus().apic_msr_write(access, number, value).ok_or(gp(0))?;
    cpu.settle(outcome);
    Ok(())
}

/// UC, WC, WT, WP, WB.
fn memory_type(value: u8) -> bool {
    matches!(value, 0 | 1 | 4 | 5 | 6)
}

/// PAT also has UC- (7).
fn write_pat(cpu: &mut Cpu, _number: u32, value: u64) -> Done {
    if !value.to_le_bytes().iter().all(|&kind| memory_type(kind) || kind == 7) {
        return Err(gp(0));
    }
    cpu.msrs.pat = value;
    Ok(())
}

fn mtrr_variable_read(cpu: &mut Cpu, number: u32) -> Result<u64, Fault> {
    Ok(cpu.msrs.mtrr_variable[(number - IA32_MTRR_PHYSBASE0) as usize])
}

fn mtrr_variable_write(cpu: &mut Cpu, number: u32, value: u64) -> Done {
    cpu.msrs.mtrr_variable[(number - IA32_MTRR_PHYSBASE0) as usize] = value;
    Ok(())
}

/// Place of a fixed MTRR in ascending order.
fn fixed_index(number: u32) -> usize {
    match number {
        IA32_MTRR_FIX64K_00000 => 0,
        IA32_MTRR_FIX16K_80000..=IA32_MTRR_FIX16K_A0000 => {
            1 + (number - IA32_MTRR_FIX16K_80000) as usize
        }
        _ => 3 + (number - IA32_MTRR_FIX4K_C0000) as usize,
    }
}

fn mtrr_fixed_read(cpu: &mut Cpu, number: u32) -> Result<u64, Fault> {
    Ok(cpu.msrs.mtrr_fixed[fixed_index(number)])
}

fn mtrr_fixed_write(cpu: &mut Cpu, number: u32, value: u64) -> Done {
    if !value.to_le_bytes().iter().all(|&kind| memory_type(kind)) {
        return Err(gp(0));
    }
    cpu.msrs.mtrr_fixed[fixed_index(number)] = value;
    Ok(())
}

fn tsc_aux_read(cpu: &mut Cpu, _number: u32) -> Result<u64, Fault> {
    if !cpu.model.has(Word::Ext1Edx, ext1_edx::RDTSCP) {
        return Err(gp(0));
    }
    Ok(cpu.msrs.tsc_aux)
}

fn tsc_aux_write(cpu: &mut Cpu, _number: u32, value: u64) -> Done {
    if !cpu.model.has(Word::Ext1Edx, ext1_edx::RDTSCP) {
        return Err(gp(0));
    }
    cpu.msrs.tsc_aux = value & 0xffff_ffff;
    Ok(())
}

/// RDMSR.
pub(crate) fn rdmsr(cpu: &mut Cpu, op: &Op) -> Done {
    cpu.require_cpl0()?;
    let number = cpu.reg::<u32>(reg::RCX);
    let result = match row(number) {
        Some(row) => (row.read)(cpu, number),
        None => Err(gp(0)),
    };
    let (retired, rip) = (cpu.retired(), cpu.ip_of(op));
    cpu.log.emit(kind::MSR, retired, || Event::Msr {
        number,
        value: result.unwrap_or(0),
        write: false,
        known: result.is_ok(),
        rip,
    });
    let value = result?;
    cpu.set_reg(reg::RAX, value as u32);
    cpu.set_reg(reg::RDX, (value >> 32) as u32);
    Ok(())
}

/// WRMSR.
pub(crate) fn wrmsr(cpu: &mut Cpu, op: &Op) -> Done {
    cpu.require_cpl0()?;
    let number = cpu.reg::<u32>(reg::RCX);
    let value = u64::from(cpu.reg::<u32>(reg::RDX)) << 32 | u64::from(cpu.reg::<u32>(reg::RAX));
    let result = match row(number) {
        Some(row) => (row.write)(cpu, number, value),
        None => Err(gp(0)),
    };
    let (retired, rip) = (cpu.retired(), cpu.ip_of(op));
    cpu.log.emit(kind::MSR, retired, || Event::Msr {
        number,
        value,
        write: true,
        known: result.is_ok(),
        rip,
    });
    result
}

/// RDTSC: outside CPL 0 only with CR4.TSD clear.
pub(crate) fn rdtsc(cpu: &mut Cpu, _op: &Op) -> Done {
    if cpu.cr4 & cr4::TSD != 0 && cpu.cpl != 0 && cpu.cr0 & cr0::PE != 0 {
        return Err(gp(0));
    }
    let tsc = cpu.tsc();
    cpu.set_reg(reg::RAX, tsc as u32);
    cpu.set_reg(reg::RDX, (tsc >> 32) as u32);
    Ok(())
}

/// RDTSCP.
pub(crate) fn rdtscp(cpu: &mut Cpu, op: &Op) -> Done {
    rdtsc(cpu, op)?;
    cpu.set_reg(reg::RCX, cpu.msrs.tsc_aux as u32);
    Ok(())
}

/// RDPMC: the four counters of a K7, which count nothing.
pub(crate) fn rdpmc(cpu: &mut Cpu, _op: &Op) -> Done {
    if cpu.cr4 & cr4::PCE == 0 && cpu.cpl != 0 {
        return Err(gp(0));
    }
    let counter = cpu.reg::<u32>(reg::RCX);
    if counter > 3 {
        return Err(gp(0));
    }
    let value = inert_read(cpu, K7_PERFCTR3 - 3 + counter)?;
    cpu.set_reg(reg::RAX, value as u32);
    cpu.set_reg(reg::RDX, (value >> 32) as u32);
    Ok(())
}

impl Cpu {
    /// WRMSR to IA32_EFER.
    fn write_efer(&mut self, value: u64) -> Done {
        let mut allowed = efer::LMA;
        if self.model.has(Word::Ext1Edx, ext1_edx::SYSCALL) {
            allowed |= efer::SCE;
        }
        if self.model.has(Word::Ext1Edx, ext1_edx::NX) {
            allowed |= efer::NXE;
        }
        if self.model.has(Word::Ext1Edx, ext1_edx::LM) {
            allowed |= efer::LME;
        }
        let old = self.msrs.efer;
        // LME cannot change while paging is on; LMA is the CPU's own.
        let lme_locked = self.cr0 & cr0::PG != 0 && (old ^ value) & efer::LME != 0;
        if value & !allowed != 0 || lme_locked {
            return Err(gp(0));
        }
        self.set_efer(value & !efer::LMA | old & efer::LMA);
        Ok(())
    }
}
