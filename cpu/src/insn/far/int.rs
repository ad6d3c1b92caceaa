//! INT n, INT3, INTO, INT1: SDM Vol. 2A, "INT n/INTO/INT3/INT1".

use crate::cpu::{Cpu, Done, gp};
use crate::decode::op::Op;
use crate::deliver::Source;
use arch::control::cr4;
use arch::exception::Vector;

/// INT imm8. In virtual-8086 mode it needs IOPL 3 (without VME).
pub(crate) fn int_imm8(cpu: &mut Cpu, op: &Op) -> Done {
    if cpu.v8086() && cpu.iopl() != 3 {
        // With CR4.VME redirection would be looked up in the TSS; no model offers VME.
        debug_assert!(cpu.cr4 & cr4::VME == 0);
        return Err(gp(0));
    }
    let next = cpu.next_ip(op);
    cpu.software_interrupt(op.imm as u8, next, Source::Software)
}

/// INT3.
pub(crate) fn int3(cpu: &mut Cpu, op: &Op) -> Done {
    let next = cpu.next_ip(op);
    cpu.software_interrupt(Vector::BP as u8, next, Source::Software)
}

/// INT1 (ICEBP): a #DB whose gate's DPL is not checked.
pub(crate) fn int1(cpu: &mut Cpu, op: &Op) -> Done {
    let next = cpu.next_ip(op);
    cpu.software_interrupt(Vector::DB as u8, next, Source::Privileged)
}

/// INTO.
pub(crate) fn into(cpu: &mut Cpu, op: &Op) -> Done {
    let next = cpu.next_ip(op);
    if cpu.status.of() {
        return cpu.software_interrupt(Vector::OF as u8, next, Source::Software);
    }
    cpu.rip = next;
    Ok(())
}
