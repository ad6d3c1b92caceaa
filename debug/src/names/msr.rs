//! Names of model-specific registers, and the meaning of the values that change the machine.
//!
//! SDM Vol. 4; AMD APM Vol. 2, "MSR Cross-Reference"; Linux, Documentation/virt/kvm/x86/msr.rst and
//! the Hyper-V TLFS for the numbers of hypervisors that guests probe.

use super::{bits, mmio};
use arch::apic::base_msr;
use arch::msr::*;

const NAMES: &[(u32, &str)] = &[
    (0x0, "IA32_P5_MC_ADDR"),
    (0x1, "IA32_P5_MC_TYPE"),
    (IA32_TSC, "IA32_TSC"),
    (IA32_PLATFORM_ID, "IA32_PLATFORM_ID"),
    (IA32_APIC_BASE, "IA32_APIC_BASE"),
    (EBL_CR_POWERON, "EBL_CR_POWERON"),
    (0x34, "SMI_COUNT"),
    (IA32_FEATURE_CONTROL, "IA32_FEATURE_CONTROL"),
    (IA32_TSC_ADJUST, "IA32_TSC_ADJUST"),
    (0x48, "IA32_SPEC_CTRL"),
    (0x49, "IA32_PRED_CMD"),
    (IA32_BIOS_UPDT_TRIG, "IA32_BIOS_UPDT_TRIG"),
    (IA32_BIOS_SIGN_ID, "IA32_BIOS_SIGN_ID"),
    (0xc1, "IA32_PMC0"),
    (0xcd, "FSB_FREQ"),
    (0xce, "PLATFORM_INFO"),
    (0xe7, "IA32_MPERF"),
    (0xe8, "IA32_APERF"),
    (IA32_MTRRCAP, "IA32_MTRRCAP"),
    (0x10a, "IA32_ARCH_CAPABILITIES"),
    (0x10b, "IA32_FLUSH_CMD"),
    (0x122, "IA32_TSX_CTRL"),
    (0x140, "MISC_FEATURES_ENABLES"),
    (IA32_SYSENTER_CS, "IA32_SYSENTER_CS"),
    (IA32_SYSENTER_ESP, "IA32_SYSENTER_ESP"),
    (IA32_SYSENTER_EIP, "IA32_SYSENTER_EIP"),
    (IA32_MCG_CAP, "IA32_MCG_CAP"),
    (IA32_MCG_STATUS, "IA32_MCG_STATUS"),
    (IA32_MCG_CTL, "IA32_MCG_CTL"),
    (0x186, "IA32_PERFEVTSEL0"),
    (0x198, "IA32_PERF_STATUS"),
    (0x199, "IA32_PERF_CTL"),
    (0x19a, "IA32_CLOCK_MODULATION"),
    (0x19b, "IA32_THERM_INTERRUPT"),
    (0x19c, "IA32_THERM_STATUS"),
    (IA32_MISC_ENABLE, "IA32_MISC_ENABLE"),
    (0x1a2, "TEMPERATURE_TARGET"),
    (0x1b0, "IA32_ENERGY_PERF_BIAS"),
    (0x1c9, "LASTBRANCH_TOS"),
    (IA32_DEBUGCTL, "IA32_DEBUGCTL"),
    (IA32_MTRR_FIX64K_00000, "IA32_MTRR_FIX64K_00000"),
    (IA32_MTRR_FIX16K_80000, "IA32_MTRR_FIX16K_80000"),
    (IA32_MTRR_FIX16K_A0000, "IA32_MTRR_FIX16K_A0000"),
    (IA32_PAT, "IA32_PAT"),
    (IA32_MTRR_DEF_TYPE, "IA32_MTRR_DEF_TYPE"),
    (0x309, "IA32_FIXED_CTR0"),
    (0x345, "IA32_PERF_CAPABILITIES"),
    (0x38d, "IA32_FIXED_CTR_CTRL"),
    (0x38f, "IA32_PERF_GLOBAL_CTRL"),
    (0x480, "IA32_VMX_BASIC"),
    (0x4e0, "SMI_COUNT_CONTROL"),
    (0x606, "RAPL_POWER_UNIT"),
    (IA32_TSC_DEADLINE, "IA32_TSC_DEADLINE"),
    (0xd90, "IA32_BNDCFGS"),
    (IA32_XSS, "IA32_XSS"),
    (IA32_EFER, "IA32_EFER"),
    (IA32_STAR, "IA32_STAR"),
    (IA32_LSTAR, "IA32_LSTAR"),
    (IA32_CSTAR, "IA32_CSTAR"),
    (IA32_FMASK, "IA32_FMASK"),
    (IA32_FS_BASE, "IA32_FS_BASE"),
    (IA32_GS_BASE, "IA32_GS_BASE"),
    (IA32_KERNEL_GS_BASE, "IA32_KERNEL_GS_BASE"),
    (IA32_TSC_AUX, "IA32_TSC_AUX"),
    (K8_SYSCFG, "SYSCFG"),
    (K7_HWCR, "HWCR"),
    (TOP_MEM, "TOP_MEM"),
    (TOP_MEM2, "TOP_MEM2"),
    (NB_CFG, "NB_CFG"),
    (PATCH_LOADER, "PATCH_LOADER"),
    (MMIO_CONF_BASE, "MMIO_CONF_BASE"),
    (SMM_BASE, "SMM_BASE"),
    (SMM_ADDR, "SMM_ADDR"),
    (LAST_BRANCH_FROM, "LastBranchFromIP"),
    (K8_INT_PENDING_MSG, "INT_PENDING"),
    (0xc001_0061, "PSTATE_CUR_LIMIT"),
    (0xc001_0062, "PSTATE_CTL"),
    (0xc001_0063, "PSTATE_STATUS"),
    (VM_CR, "VM_CR"),
    (0xc001_0140, "OSVW_ID_LENGTH"),
    (0xc001_0141, "OSVW_STATUS"),
    (0xc001_1004, "CPUID_FN_1"),
    (LS_CFG, "LS_CFG"),
    (0xc001_1022, "DC_CFG"),
    (0xc001_1023, "BU_CFG"),
    (F10_DECFG, "DE_CFG"),
    (0x11, "KVM wall clock, old number"),
    (0x12, "KVM system time, old number"),
    (0x4b56_4d00, "KVM wall clock"),
    (0x4b56_4d01, "KVM system time"),
    (0x4000_0000, "Hyper-V guest OS id"),
    (0x4000_0001, "Hyper-V hypercall page"),
];

/// The register's name; `None` for a number nobody has given one.
pub fn msr(number: u32) -> Option<String> {
    if let Some((_, name)) = NAMES.iter().find(|(row, _)| *row == number) {
        return Some((*name).to_owned());
    }
    let bank = ["CTL", "STATUS", "ADDR", "MISC"];
    Some(match number {
        IA32_MTRR_PHYSBASE0..=IA32_MTRR_PHYSMASK7 => {
            let half = if number & 1 == 0 { "BASE" } else { "MASK" };
            format!("IA32_MTRR_PHYS{half}{}", (number - IA32_MTRR_PHYSBASE0) / 2)
        }
        IA32_MTRR_FIX4K_C0000..=IA32_MTRR_FIX4K_F8000 => {
            let start = 0xc_0000 + (number - IA32_MTRR_FIX4K_C0000) * 0x8000;
            format!("IA32_MTRR_FIX4K_{start:X}")
        }
        IA32_MC0_CTL..=0x47f => {
            let at = number - IA32_MC0_CTL;
            format!("IA32_MC{}_{}", at / 4, bank[(at % 4) as usize])
        }
        X2APIC_FIRST..=X2APIC_LAST => {
            format!("x2APIC {}", mmio::lapic(u64::from(number - X2APIC_FIRST) << 4))
        }
        K7_EVNTSEL0..=0xc001_0003 => format!("PERF_CTL{}", number - K7_EVNTSEL0),
        0xc001_0004..=K7_PERFCTR3 => format!("PERF_CTR{}", number - 0xc001_0004),
        _ => return None,
    })
}

/// What a value in the register says, where it says more than a number.
pub fn value(number: u32, value: u64) -> Option<String> {
    Some(match number {
        IA32_EFER => bits::words(value, bits::EFER),
        IA32_APIC_BASE => {
            let state = match (value & base_msr::EN != 0, value & base_msr::EXTD != 0) {
                (false, _) => "disabled",
                (true, false) => "xAPIC",
                (true, true) => "x2APIC",
            };
            let bsp = if value & base_msr::BSP != 0 { ", BSP" } else { "" };
            format!("base {:#x}, {state}{bsp}", value & !0xfff)
        }
        IA32_STAR => format!(
            "SYSCALL CS {:#06x}, SYSRET CS {:#06x}",
            value >> 32 & 0xffff,
            value >> 48 & 0xffff
        ),
        IA32_FMASK => bits::words(value, bits::RFLAGS),
        _ => return None,
    })
}
