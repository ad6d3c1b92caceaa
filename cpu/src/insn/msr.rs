//! RDMSR WRMSR: one row per MSR, or per run of them.
//!
//! SDM Vol. 4; AMD APM Vol. 2, "MSR Cross-Reference". A number without a row, one whose feature the model
//! lacks, and one of the other vendor raises #GP and is logged. Rows marked inert hold what was written and do nothing (AMD configuration
//! registers that kernels set). Memory types are in `memory_types.rs`, machine check banks in
//! `machine_check.rs`, the time stamp counter's in `insn/tsc.rs`.
//!
//! Not there, so #GP: most of Intel's own (IA32_FEATURE_CONTROL; of IA32_MISC_ENABLE what it says, not what it
//! could switch), performance counters beyond a K7's, P-states, SPEC_CTRL and its kin, SVM.

mod machine_check;
mod memory_types;

use crate::cpu::{Cpu, Done, Fault, gp, reg};
use crate::decode::op::Op;
use crate::event_log::{Event, kind};
use crate::features::Word;
use crate::insn::tsc;
use arch::apic::base_msr;
use arch::control::{cr0, efer};
use arch::cpuid::{ext1_edx, leaf1_ecx, leaf1_edx, leaf7_ebx, leafd_1_eax};
use arch::msr::*;
use arch::segment::SegReg;
use machine_check::MC_LAST;

type Read = fn(&mut Cpu, u32) -> Result<u64, Fault>;
type Write = fn(&mut Cpu, u32, u64) -> Done;

/// A run of MSRs and how they are read and written.
struct Row {
    first: u32,
    last: u32,
    read: Read,
    write: Write,
    /// Features of which the model must have one.
    needs: Option<(Word, u32)>,
    /// Whose processors have it; `None` for both.
    vendor: Option<Vendor>,
}

/// Who made a processor.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Vendor {
    Amd,
    Intel,
}

const fn one(number: u32, read: Read, write: Write) -> Row {
    range(number, number, read, write)
}
const fn range(first: u32, last: u32, read: Read, write: Write) -> Row {
    Row { first, last, read, write, needs: None, vendor: None }
}
/// Holds what is written and does nothing.
const fn inert(first: u32, last: u32) -> Row {
    range(first, last, inert_read, inert_write)
}

impl Row {
    const fn needs(self, word: Word, bits: u32) -> Self {
        Self { needs: Some((word, bits)), ..self }
    }
    const fn of(self, vendor: Vendor) -> Self {
        Self { vendor: Some(vendor), ..self }
    }
}

/// A register that is a field of `Msrs`: `any` value, or a `canonical` address.
macro_rules! field {
    ($number:expr, $field:ident, any) => {
        one(
            $number,
            |cpu, _| Ok(cpu.msrs.$field),
            |cpu, _, value| {
                cpu.msrs.$field = value;
                Ok(())
            },
        )
    };
    ($number:expr, $field:ident, low32) => {
        one(
            $number,
            |cpu, _| Ok(cpu.msrs.$field),
            |cpu, _, value| {
                cpu.msrs.$field = value & 0xffff_ffff;
                Ok(())
            },
        )
    };
    ($number:expr, $field:ident, canonical) => {
        one(
            $number,
            |cpu, _| Ok(cpu.msrs.$field),
            |cpu, _, value| {
                cpu.msrs.$field = canonical(cpu, value)?;
                Ok(())
            },
        )
    };
}

/// The base of FS or GS.
macro_rules! base {
    ($number:expr, $register:expr) => {
        one(
            $number,
            |cpu, _| Ok(cpu.segments[$register as usize].base),
            |cpu, _, value| {
                let base = canonical(cpu, value)?;
                cpu.set_segment_base($register, base);
                Ok(())
            },
        )
    };
}

/// Ascending by number.
static ROWS: &[Row] = &[
    // The Pentium's machine check address and type: nothing is ever recorded.
    range(0, 1, zero, ignore).needs(Word::Leaf1Edx, leaf1_edx::MCE),
    one(IA32_TSC, |cpu, _| Ok(cpu.tsc()), tsc::write_tsc).needs(Word::Leaf1Edx, leaf1_edx::TSC),
    one(IA32_PLATFORM_ID, zero, refuse).needs(Word::Leaf1Edx, leaf1_edx::CMOV),
    one(IA32_APIC_BASE, machine_read, apic_base_write).needs(Word::Leaf1Edx, leaf1_edx::APIC),
    one(EBL_CR_POWERON, zero, refuse).needs(Word::Leaf1Edx, leaf1_edx::CMOV),
    one(IA32_TSC_ADJUST, |cpu, _| Ok(cpu.msrs.tsc_offset), tsc::write_adjust)
        .needs(Word::Leaf7Ebx, leaf7_ebx::TSC_ADJUST),
    // Loads no microcode; the revision stays.
    one(IA32_BIOS_UPDT_TRIG, zero, ignore).needs(Word::Leaf1Edx, leaf1_edx::CMOV),
    one(IA32_BIOS_SIGN_ID, |_, _| Ok(MICROCODE), ignore).needs(Word::Leaf1Edx, leaf1_edx::CMOV),
    one(IA32_MTRRCAP, memory_types::capabilities, refuse).needs(Word::Leaf1Edx, leaf1_edx::MTRR),
    field!(IA32_SYSENTER_CS, sysenter_cs, any).needs(Word::Leaf1Edx, leaf1_edx::SEP),
    field!(IA32_SYSENTER_ESP, sysenter_esp, canonical).needs(Word::Leaf1Edx, leaf1_edx::SEP),
    field!(IA32_SYSENTER_EIP, sysenter_eip, canonical).needs(Word::Leaf1Edx, leaf1_edx::SEP),
    one(IA32_MCG_CAP, machine_check::capabilities, refuse).needs(Word::Leaf1Edx, leaf1_edx::MCA),
    one(IA32_MCG_STATUS, inert_read, machine_check::write_status)
        .needs(Word::Leaf1Edx, leaf1_edx::MCA),
    inert(IA32_MCG_CTL, IA32_MCG_CTL).needs(Word::Leaf1Edx, leaf1_edx::MCA),
    // What it says stays so.
    one(IA32_MISC_ENABLE, |_, _| Ok(MISC_ENABLE), ignore)
        .needs(Word::Ext1Edx, ext1_edx::LM)
        .of(Vendor::Intel),
    one(IA32_DEBUGCTL, inert_read, write_debugctl).needs(Word::Leaf1Edx, leaf1_edx::CMOV),
    // Last branch and last exception: nothing is recorded.
    range(LAST_BRANCH_FROM, LAST_INT_TO, zero, refuse).needs(Word::Leaf1Edx, leaf1_edx::CMOV),
    range(
        IA32_MTRR_PHYSBASE0,
        IA32_MTRR_PHYSMASK7,
        memory_types::variable_read,
        memory_types::variable_write,
    )
    .needs(Word::Leaf1Edx, leaf1_edx::MTRR),
    one(IA32_MTRR_FIX64K_00000, memory_types::fixed_read, memory_types::fixed_write)
        .needs(Word::Leaf1Edx, leaf1_edx::MTRR),
    range(
        IA32_MTRR_FIX16K_80000,
        IA32_MTRR_FIX16K_A0000,
        memory_types::fixed_read,
        memory_types::fixed_write,
    )
    .needs(Word::Leaf1Edx, leaf1_edx::MTRR),
    range(
        IA32_MTRR_FIX4K_C0000,
        IA32_MTRR_FIX4K_F8000,
        memory_types::fixed_read,
        memory_types::fixed_write,
    )
    .needs(Word::Leaf1Edx, leaf1_edx::MTRR),
    one(IA32_PAT, |cpu, _| Ok(cpu.msrs.pat), memory_types::write_pat)
        .needs(Word::Leaf1Edx, leaf1_edx::PAT),
    one(IA32_MTRR_DEF_TYPE, |cpu, _| Ok(cpu.msrs.mtrr_def_type), memory_types::write_default)
        .needs(Word::Leaf1Edx, leaf1_edx::MTRR),
    range(IA32_MC0_CTL, MC_LAST, inert_read, machine_check::write_bank)
        .needs(Word::Leaf1Edx, leaf1_edx::MCA),
    one(IA32_TSC_DEADLINE, machine_read, machine_write)
        .needs(Word::Leaf1Ecx, leaf1_ecx::TSC_DEADLINE),
    range(X2APIC_FIRST, X2APIC_LAST, machine_read, machine_write)
        .needs(Word::Leaf1Ecx, leaf1_ecx::X2APIC),
    // No supervisor state components.
    one(IA32_XSS, zero, refuse_bits).needs(Word::LeafD1Eax, leafd_1_eax::XSAVES),
    // There if the machine has a hypervisor.
    range(HYPERVISOR_FIRST, HYPERVISOR_LAST, machine_read, machine_write),
    one(IA32_EFER, |cpu, _| Ok(cpu.msrs.efer), |cpu, _, value| cpu.write_efer(value))
        .needs(Word::Ext1Edx, ext1_edx::SYSCALL | ext1_edx::NX | ext1_edx::LM),
    field!(IA32_STAR, star, any).needs(Word::Ext1Edx, ext1_edx::SYSCALL),
    field!(IA32_LSTAR, lstar, canonical).needs(Word::Ext1Edx, ext1_edx::LM),
    field!(IA32_CSTAR, cstar, canonical).needs(Word::Ext1Edx, ext1_edx::LM),
    field!(IA32_FMASK, fmask, low32).needs(Word::Ext1Edx, ext1_edx::LM),
    base!(IA32_FS_BASE, SegReg::Fs).needs(Word::Ext1Edx, ext1_edx::LM),
    base!(IA32_GS_BASE, SegReg::Gs).needs(Word::Ext1Edx, ext1_edx::LM),
    field!(IA32_KERNEL_GS_BASE, kernel_gs_base, canonical).needs(Word::Ext1Edx, ext1_edx::LM),
    field!(IA32_TSC_AUX, tsc_aux, low32).needs(Word::Ext1Edx, ext1_edx::RDTSCP),
    // AMD's own: performance counters that count nothing, memory map, microcode, machine check masks, I/O
    // traps, SMM, workarounds.
    inert(K7_EVNTSEL0, K7_PERFCTR3).needs(Word::Ext1Edx, ext1_edx::LM).of(Vendor::Amd),
    inert(K8_SYSCFG, K8_SYSCFG).needs(Word::Ext1Edx, ext1_edx::LM).of(Vendor::Amd),
    inert(K7_HWCR, NB_CFG).needs(Word::Ext1Edx, ext1_edx::LM).of(Vendor::Amd),
    one(PATCH_LOADER, no_read, ignore).needs(Word::Ext1Edx, ext1_edx::LM).of(Vendor::Amd),
    inert(MC0_CTL_MASK, MC0_CTL_MASK + machine_check::BANKS - 1)
        .needs(Word::Ext1Edx, ext1_edx::LM)
        .of(Vendor::Amd),
    inert(SMI_ON_IO_TRAP0, MMIO_CONF_BASE).needs(Word::Ext1Edx, ext1_edx::LM).of(Vendor::Amd),
    inert(SMM_BASE, IGNNE).needs(Word::Ext1Edx, ext1_edx::LM).of(Vendor::Amd),
    inert(LS_CFG, EX_CFG).needs(Word::Ext1Edx, ext1_edx::LM).of(Vendor::Amd),
];

/// IA32_BIOS_SIGN_ID: the patch level that QEMU and KVM show for AMD.
const MICROCODE: u64 = 0x0100_0065;

/// IA32_MISC_ENABLE: fast strings; neither branch trace nor precise event buffers.
const MISC_ENABLE: u64 = 1 | 1 << 11 | 1 << 12;

/// The row of a number that the model has.
fn row(cpu: &Cpu, number: u32) -> Option<&'static Row> {
    let i = ROWS.partition_point(|row| row.last < number);
    let there = |row: &&Row| {
        let offered = row.needs.is_none_or(|(word, bits)| cpu.model.has(word, bits));
        let made_by = if cpu.model.is_amd() { Vendor::Amd } else { Vendor::Intel };
        offered && row.vendor.is_none_or(|vendor| vendor == made_by)
    };
    ROWS.get(i).filter(|row| row.first <= number).filter(there)
}

fn canonical(cpu: &Cpu, value: u64) -> Result<u64, Fault> {
    if cpu.is_canonical_base(value) { Ok(value) } else { Err(gp(0)) }
}

fn zero(_cpu: &mut Cpu, _number: u32) -> Result<u64, Fault> {
    Ok(0)
}

/// Write-only.
fn no_read(_cpu: &mut Cpu, _number: u32) -> Result<u64, Fault> {
    Err(gp(0))
}

/// Read-only.
fn refuse(_cpu: &mut Cpu, _number: u32, _value: u64) -> Done {
    Err(gp(0))
}

/// All bits are reserved.
fn refuse_bits(_cpu: &mut Cpu, _number: u32, value: u64) -> Done {
    if value != 0 { Err(gp(0)) } else { Ok(()) }
}

fn ignore(_cpu: &mut Cpu, _number: u32, _value: u64) -> Done {
    Ok(())
}

pub(super) fn inert_read(cpu: &mut Cpu, number: u32) -> Result<u64, Fault> {
    Ok(inert_value(cpu, number))
}

fn inert_value(cpu: &Cpu, number: u32) -> u64 {
    let inert = &cpu.msrs.inert;
    let found = inert.binary_search_by_key(&number, |&(number, _)| number);
    found.map_or(0, |i| inert[i].1)
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

/// LBR is not modelled.
fn write_debugctl(cpu: &mut Cpu, number: u32, value: u64) -> Done {
    if value & 1 != 0 {
        return Err(Fault::Unimplemented("IA32_DEBUGCTL with LBR"));
    }
    inert_write(cpu, number, value)
}

impl Cpu {
    /// IA32_DEBUGCTL.
    pub(crate) fn debugctl(&self) -> u64 {
        inert_value(self, IA32_DEBUGCTL)
    }

    /// Sets IA32_DEBUGCTL.
    pub(crate) fn set_debugctl(&mut self, value: u64) {
        // What holds any value cannot refuse one.
        let _ = inert_write(self, IA32_DEBUGCTL, value);
    }
}

/// RDMSR of a register that the machine owns.
fn machine_read(cpu: &mut Cpu, number: u32) -> Result<u64, Fault> {
    let access = cpu.access(cpu.memory());
    let (value, outcome) = cpu.bus().msr_read(access, number).ok_or(gp(0))?;
    cpu.settle(outcome);
    Ok(value)
}

/// WRMSR of one. It may write memory that holds decoded code.
fn machine_write(cpu: &mut Cpu, number: u32, value: u64) -> Done {
    let access = cpu.access(cpu.memory());
    let outcome = cpu.bus().msr_write(access, number, value).ok_or(gp(0))?;
    cpu.settle(outcome);
    cpu.drain_stale_code();
    Ok(())
}

/// CPUID tells whether the APIC is enabled.
fn apic_base_write(cpu: &mut Cpu, number: u32, value: u64) -> Done {
    machine_write(cpu, number, value)?;
    cpu.apic_enabled = value & base_msr::EN != 0;
    Ok(())
}

/// RDMSR.
pub(crate) fn rdmsr(cpu: &mut Cpu, op: &Op) -> Done {
    cpu.require_cpl0()?;
    let number = cpu.reg::<u32>(reg::RCX);
    let result = match row(cpu, number) {
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
    let result = match row(cpu, number) {
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

impl Cpu {
    /// WRMSR to IA32_EFER.
    fn write_efer(&mut self, value: u64) -> Done {
        let old = self.msrs.efer;
        // LME cannot change while paging is on; LMA is the CPU's own.
        let lme_locked = self.cr0 & cr0::PG != 0 && (old ^ value) & efer::LME != 0;
        if value & !(self.model.efer_mask() | efer::LMA) != 0 || lme_locked {
            return Err(gp(0));
        }
        self.set_efer(value & !efer::LMA | old & efer::LMA);
        Ok(())
    }
}

#[cfg(test)]
mod tests;
