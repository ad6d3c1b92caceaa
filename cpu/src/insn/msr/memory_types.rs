//! MTRRs and the PAT as state, with the checks of their reserved bits: SDM Vol. 3A, "Memory Cache Control".
//!
//! Memory types have no effect: there are no caches.

use crate::cpu::{Cpu, Done, Fault, gp};
use crate::mmu::walk::PHYSICAL_BITS;
use arch::msr::*;

/// IA32_MTRRCAP: eight variable ranges, fixed ranges, write combining.
pub(super) fn capabilities(_cpu: &mut Cpu, _number: u32) -> Result<u64, Fault> {
    Ok(0x508)
}

/// UC, WC, WT, WP, WB.
fn memory_type(value: u8) -> bool {
    matches!(value, 0 | 1 | 4 | 5 | 6)
}

/// PAT also has UC- (7).
pub(super) fn write_pat(cpu: &mut Cpu, _number: u32, value: u64) -> Done {
    if !value.to_le_bytes().iter().all(|&kind| memory_type(kind) || kind == 7) {
        return Err(gp(0));
    }
    cpu.msrs.pat = value;
    Ok(())
}

/// IA32_MTRR_DEF_TYPE: type, FE, E.
pub(super) fn write_default(cpu: &mut Cpu, _number: u32, value: u64) -> Done {
    if value & !0xcff != 0 || !memory_type(value as u8) {
        return Err(gp(0));
    }
    cpu.msrs.mtrr_def_type = value;
    Ok(())
}

pub(super) fn variable_read(cpu: &mut Cpu, number: u32) -> Result<u64, Fault> {
    Ok(cpu.msrs.mtrr_variable[(number - IA32_MTRR_PHYSBASE0) as usize])
}

/// A base has a type, a mask its V bit; bits beyond the physical address are reserved in both.
pub(super) fn variable_write(cpu: &mut Cpu, number: u32, value: u64) -> Done {
    let address = (1 << PHYSICAL_BITS) - 0x1000;
    let is_base = number & 1 == 0;
    let legal = if is_base {
        value & !(address | 0xff) == 0 && memory_type(value as u8)
    } else {
        value & !(address | 1 << 11) == 0
    };
    if !legal {
        return Err(gp(0));
    }
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

pub(super) fn fixed_read(cpu: &mut Cpu, number: u32) -> Result<u64, Fault> {
    Ok(cpu.msrs.mtrr_fixed[fixed_index(number)])
}

pub(super) fn fixed_write(cpu: &mut Cpu, number: u32, value: u64) -> Done {
    if !value.to_le_bytes().iter().all(|&kind| memory_type(kind)) {
        return Err(gp(0));
    }
    cpu.msrs.mtrr_fixed[fixed_index(number)] = value;
    Ok(())
}
