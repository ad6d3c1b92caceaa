//! MONITOR MWAIT: SDM Vol. 2B; AMD APM Vol. 3.
//!
//! MWAIT waits as HLT does; with ECX bit 0 an interrupt ends it even if IF is clear, without being taken.
//! There is one processor, so nobody writes to the monitored line while it waits but a device, and a device
//! that has written raises its interrupt: the line is checked for access and then forgotten.
//!
//! Not modelled: MONITORX and MWAITX, MWAIT's timer, sleep states (all hints are as good as C1), MWAIT that
//! falls through because the line was written between MONITOR and MWAIT.

use crate::cpu::{Activity, Cpu, Done, gp, reg, ud};
use crate::decode::op::Op;
use crate::mmu::Privilege;
use crate::mmu::walk::Intent;
use arch::rflags;

/// Level 0 only, else #UD (AMD: unless HWCR says otherwise, which is not modelled).
fn require_level0(cpu: &Cpu) -> Done {
    if cpu.cpl == 0 { Ok(()) } else { Err(ud()) }
}

/// MONITOR: DS:rAX is accessed as a byte would be; no extensions in ECX.
pub(crate) fn monitor(cpu: &mut Cpu, op: &Op) -> Done {
    require_level0(cpu)?;
    if cpu.reg::<u32>(reg::RCX) != 0 {
        return Err(gp(0));
    }
    let linear = cpu.linear(op, cpu.effective_address(op), 1, false)?;
    cpu.probe(linear, 1, Intent::Read, Privilege::Current)
}

/// MWAIT: the only extension is bit 0 of ECX.
pub(crate) fn mwait(cpu: &mut Cpu, _op: &Op) -> Done {
    require_level0(cpu)?;
    let extensions = cpu.reg::<u32>(reg::RCX);
    if extensions & !1 != 0 {
        return Err(gp(0));
    }
    // With nothing that could wake it, it completes at once, as any false wake-up may.
    let masked = cpu.system_flags & rflags::IF == 0;
    if !masked || extensions & 1 != 0 {
        cpu.activity = if masked { Activity::Waiting } else { Activity::Halted };
        cpu.leave = true;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::Exit;
    use crate::cpu::Activity;
    use crate::features::MAX;
    use crate::testing::{CODE, Machine};
    use arch::exception::Vector;

    const MWAIT: [u8; 3] = [0x0f, 0x01, 0xc9];

    #[test]
    fn mwait_with_interrupts_masked_waits_for_a_request_and_goes_on_behind_itself() {
        let mut machine = Machine::with_model(64, MAX);
        machine.regs.gpr[1] = 1;
        let exit = machine.run(&[&MWAIT[..], &[0x90]].concat(), 5);
        assert_eq!((exit, machine.cpu.activity()), (Exit::Halted, Activity::Waiting));

        machine.bus.outcome.lines.intr = true;
        machine.resume(1);

        assert_eq!((machine.cpu.activity(), machine.regs.rip), (Activity::Running, CODE + 4));
    }

    #[test]
    fn monitor_faults_on_a_missing_page_and_outside_level_0() {
        let mut machine = Machine::with_model(64, MAX);
        machine.map(0x2_0000, 0);
        machine.regs.gpr[0] = 0x2_0000;
        assert_eq!(machine.run_to_fault(&[0x0f, 0x01, 0xc8]), Some(Vector::PF));
        let mut user = Machine::with_model(64, MAX);
        user.set_segments(64, 3);
        assert_eq!(user.run_to_fault(&MWAIT), Some(Vector::UD));
    }
}
