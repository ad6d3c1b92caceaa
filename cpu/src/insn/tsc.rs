//! RDTSC RDTSCP RDPID RDPMC, and the MSRs that move the time stamp counter.
//!
//! SDM Vol. 3B, "Time-Stamp Counter"; AMD APM Vol. 3. The counter is the virtual clock's ticks and an offset,
//! which IA32_TSC_ADJUST shows: it is 0 after RESET, and a write to either register moves both.

use super::msr::inert_read;
use crate::cpu::{Cpu, Done, gp, reg};
use crate::decode::op::Op;
use arch::control::{cr0, cr4};
use arch::msr::K7_PERFCTR3;

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

/// RDPID.
pub(crate) fn rdpid(cpu: &mut Cpu, op: &Op) -> Done {
    cpu.regs[usize::from(op.dst & 15)] = cpu.msrs.tsc_aux;
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

/// WRMSR to IA32_TIME_STAMP_COUNTER.
pub(super) fn write_tsc(cpu: &mut Cpu, number: u32, value: u64) -> Done {
    let ticks = cpu.tsc().wrapping_sub(cpu.msrs.tsc_offset);
    write_adjust(cpu, number, value.wrapping_sub(ticks))
}

/// WRMSR to IA32_TSC_ADJUST: the counter moves, and with it when the local APIC's deadline comes.
pub(super) fn write_adjust(cpu: &mut Cpu, _number: u32, value: u64) -> Done {
    cpu.msrs.tsc_offset = value;
    let access = cpu.access(cpu.memory());
    let outcome = cpu.bus().set_tsc_offset(access, value);
    cpu.settle(outcome);
    Ok(())
}
