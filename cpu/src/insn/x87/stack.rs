//! FFREE FFREEP FINCSTP FDECSTP FNOP: SDM Vol. 2. FFREEP is in AMD's tables and in no manual's text.

use super::state::C1;
use crate::cpu::{Cpu, Done};
use crate::decode::op::Op;

/// FFREE ST(i).
pub(crate) fn ffree(cpu: &mut Cpu, op: &Op) -> Done {
    cpu.x87_check()?;
    cpu.x87.free(op.dst);
    cpu.x87.set_conditions(C1, 0);
    cpu.x87_note(op);
    Ok(())
}

/// FFREEP ST(i): FFREE, and pops.
pub(crate) fn ffreep(cpu: &mut Cpu, op: &Op) -> Done {
    cpu.x87_check()?;
    cpu.x87.free(op.dst);
    cpu.x87.pop();
    cpu.x87.set_conditions(C1, 0);
    cpu.x87_note(op);
    Ok(())
}

/// FINCSTP (+1) and FDECSTP (-1): TOP moves, the tags do not change.
pub(crate) fn rotate<const BY: i8>(cpu: &mut Cpu, op: &Op) -> Done {
    cpu.x87_check()?;
    cpu.x87.rotate(BY);
    cpu.x87.set_conditions(C1, 0);
    cpu.x87_note(op);
    Ok(())
}

/// FNOP.
pub(crate) fn fnop(cpu: &mut Cpu, op: &Op) -> Done {
    cpu.x87_check()?;
    cpu.x87_note(op);
    Ok(())
}
