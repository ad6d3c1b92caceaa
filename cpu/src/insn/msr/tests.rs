//! Which registers there are, and what they refuse.

use crate::features::{MAX, Model, X86_64_V3, X86_64_V3_INTEL};
use crate::testing::Machine;
use arch::exception::Vector;
use arch::msr::*;

const RDMSR: [u8; 2] = [0x0f, 0x32];
const WRMSR: [u8; 2] = [0x0f, 0x30];

fn read(model: Model, number: u32) -> Result<u64, Vector> {
    let mut machine = Machine::with_model(if model.has_named("lm") { 64 } else { 32 }, model);
    machine.regs.gpr[1] = number.into();
    match machine.run_to_fault(&RDMSR) {
        Some(fault) => Err(fault),
        None => Ok(machine.regs.gpr[2] << 32 | machine.regs.gpr[0] & 0xffff_ffff),
    }
}

/// What is read back after a write.
fn written(model: Model, number: u32, value: u64) -> Result<u64, Vector> {
    let mut machine = Machine::with_model(64, model);
    machine.regs.gpr[0] = value & 0xffff_ffff;
    machine.regs.gpr[1] = number.into();
    machine.regs.gpr[2] = value >> 32;
    machine.run(&[WRMSR, RDMSR].concat(), 2);
    match machine.fault() {
        Some(fault) => Err(fault.vector),
        None => Ok(machine.regs.gpr[2] << 32 | machine.regs.gpr[0]),
    }
}

#[test]
fn unknown_registers_and_those_of_missing_features_are_protection_faults() {
    for number in [0x3a, 0x48, 0x10a, 0x1a0, 0x345, 0xc001_0140, 0x4b56_4d00, u32::MAX] {
        assert_eq!(read(MAX, number), Err(Vector::GP), "{number:#x}");
    }
    assert_eq!(read(MAX, IA32_XSS), Ok(0));
    assert_eq!(read(X86_64_V3, IA32_XSS), Err(Vector::GP));
    assert_eq!(read(X86_64_V3, IA32_TSC_ADJUST), Err(Vector::GP));
    let pentium = *Model::by_name("pentium").unwrap();
    for number in [IA32_EFER, IA32_STAR, IA32_PAT, IA32_MTRRCAP, IA32_SYSENTER_CS, K7_HWCR] {
        assert_eq!(read(pentium, number), Err(Vector::GP), "{number:#x}");
    }
    assert!(read(pentium, IA32_TSC).is_ok());
    let i486 = *Model::by_name("486").unwrap();
    assert_eq!(read(i486, IA32_TSC), Err(Vector::UD), "no MSRs at all");
}

/// SDM Vol. 4, "IA32_MISC_ENABLE": fast strings enabled, branch trace and precise event buffers not there.
#[test]
fn each_vendor_has_its_own_registers_alone() {
    assert_eq!(read(X86_64_V3_INTEL, IA32_MISC_ENABLE), Ok(1 | 1 << 11 | 1 << 12));
    let stays = Ok(1 | 1 << 11 | 1 << 12);
    assert_eq!(written(X86_64_V3_INTEL, IA32_MISC_ENABLE, 0), stays);
    assert_eq!(written(X86_64_V3, IA32_MISC_ENABLE, 0), Err(Vector::GP));
    for number in [K7_EVNTSEL0, K8_SYSCFG, K7_HWCR, PATCH_LOADER, SMM_BASE, LS_CFG] {
        assert_eq!(number >> 16, 0xc001);
        assert_eq!(read(X86_64_V3_INTEL, number), Err(Vector::GP), "{number:#x}");
        assert_eq!(written(X86_64_V3_INTEL, number, 0), Err(Vector::GP), "{number:#x}");
        assert!(number == PATCH_LOADER || read(X86_64_V3, number).is_ok(), "{number:#x}");
    }
}

#[test]
fn what_kernels_read_at_boot_is_there() {
    for number in [
        IA32_PLATFORM_ID,
        IA32_BIOS_SIGN_ID,
        IA32_MTRRCAP,
        IA32_PAT,
        IA32_MCG_CAP,
        IA32_MCG_STATUS,
        IA32_DEBUGCTL,
        LAST_BRANCH_FROM,
        K8_SYSCFG,
        K7_HWCR,
        TOP_MEM,
        TOP_MEM2,
        NB_CFG,
        VM_CR,
        K8_INT_PENDING_MSG,
        SMM_ADDR,
        LS_CFG,
        F10_DECFG,
        EBL_CR_POWERON,
    ] {
        assert!(read(MAX, number).is_ok(), "{number:#x}");
    }
    assert_eq!(read(MAX, IA32_BIOS_SIGN_ID), Ok(0x0100_0065));
}

#[test]
fn addresses_must_be_canonical_for_what_the_processor_supports() {
    for number in [IA32_LSTAR, IA32_FS_BASE, IA32_KERNEL_GS_BASE, IA32_SYSENTER_ESP] {
        let wide = 0x00ff_ffff_ffff_ffff;
        assert_eq!(written(MAX, number, wide), Ok(wide), "57 bits with 5-level paging");
        assert_eq!(written(X86_64_V3, number, wide), Err(Vector::GP));
        assert_eq!(written(MAX, number, 1 << 63), Err(Vector::GP));
    }
}

#[test]
fn memory_type_registers_check_their_reserved_bits() {
    let mask0 = IA32_MTRR_PHYSBASE0 + 1;
    for (number, good) in [
        (IA32_MTRR_PHYSBASE0, 0xff_ffff_f006),
        (mask0, 0xff_0000_0800),
        (IA32_MTRR_DEF_TYPE, 0xc06),
        (IA32_PAT, 0x0007_0406_0007_0401),
        (IA32_MTRR_FIX4K_C0000, 0x0606_0606_0505_0000),
    ] {
        assert_eq!(written(MAX, number, good), Ok(good), "{number:#x}");
    }
    for (number, bad) in [
        (IA32_MTRR_PHYSBASE0, 2),
        (IA32_MTRR_PHYSBASE0, 0x106),
        (IA32_MTRR_PHYSBASE0, 1 << 40),
        (mask0, 0x400),
        (mask0, 1 << 40 | 0x800),
        (IA32_MTRR_DEF_TYPE, 0x1006),
        (IA32_MTRR_DEF_TYPE, 7),
        (IA32_PAT, 2),
        (IA32_MTRR_FIX64K_00000, 7),
        (IA32_MTRRCAP, 0),
    ] {
        assert_eq!(written(MAX, number, bad), Err(Vector::GP), "{number:#x} {bad:#x}");
    }
}

#[test]
fn machine_check_status_takes_zeros_and_control_anything() {
    assert_eq!(written(MAX, IA32_MC0_CTL, u64::MAX), Ok(u64::MAX));
    assert_eq!(written(MAX, IA32_MC0_CTL + 1, 0), Ok(0));
    assert_eq!(written(MAX, IA32_MC0_CTL + 1, 1), Err(Vector::GP));
    assert_eq!(written(MAX, IA32_MCG_STATUS, 8), Err(Vector::GP));
}

#[test]
fn efer_bits_follow_the_model() {
    use arch::control::efer::*;
    let now = LME | LMA;
    assert_eq!(written(MAX, IA32_EFER, now | SCE | NXE | FFXSR), Ok(now | SCE | NXE | FFXSR));
    assert_eq!(written(X86_64_V3, IA32_EFER, now | FFXSR), Err(Vector::GP));
    assert_eq!(written(MAX, IA32_EFER, now | SVME), Err(Vector::GP));
    assert_eq!(written(MAX, IA32_EFER, LMA), Err(Vector::GP), "LME while paging is on");
}

#[test]
fn a_write_to_the_time_stamp_counter_shows_in_its_adjustment() {
    let mut machine = Machine::with_model(64, MAX);
    machine.regs.gpr[1] = IA32_TSC_ADJUST.into();
    (machine.regs.gpr[0], machine.regs.gpr[2]) = (0x1000, 0);
    let set_tsc = [0xb9, 0x10, 0, 0, 0, 0x0f, 0x30]; // mov ecx, 10h; wrmsr
    let get_adjust = [0xb9, 0x3b, 0, 0, 0, 0x0f, 0x32]; // mov ecx, 3bh; rdmsr
    machine.run(&[&WRMSR[..], &set_tsc, &get_adjust].concat(), 5);

    assert_eq!(machine.fault(), None);
    // Two instructions went before the write of 1000h to the counter, a tick each.
    assert_eq!(machine.regs.gpr[0], 0x1000 - 2);
    assert_eq!(machine.bus.tsc_offsets, [0x1000, 0x1000 - 2]);
}
