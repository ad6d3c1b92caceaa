//! FNINIT FNCLEX FLDCW FNSTCW FNSTSW FWAIT FNENI FNDISI FNSETPM: SDM Vol. 2.
//!
//! The forms without N (FINIT, FCLEX, FSTCW, FSTSW) are an FWAIT and then one of these. None of
//! these instructions changes the pointers to the last instruction.

use crate::cpu::{Cpu, Done};
use crate::decode::op::Op;
use crate::insn::x87::nm;
use crate::insn::x87::state::{C0, C1, C2, C3};
use arch::control::cr0;

/// FNINIT.
pub(crate) fn fninit(cpu: &mut Cpu, _op: &Op) -> Done {
    cpu.x87_check_available()?;
    cpu.x87.init();
    cpu.settle_ferr();
    Ok(())
}

/// FNCLEX: the condition codes stay.
pub(crate) fn fnclex(cpu: &mut Cpu, _op: &Op) -> Done {
    cpu.x87_check_available()?;
    cpu.x87.status &= C0 | C1 | C2 | C3;
    cpu.settle_ferr();
    Ok(())
}

/// FLDCW. An exception that the new word unmasks is pending for the next waiting instruction.
pub(crate) fn fldcw(cpu: &mut Cpu, op: &Op) -> Done {
    cpu.x87_check()?;
    let word = cpu.load_mem::<u16>(op)?;
    cpu.x87.set_control_word(word);
    cpu.settle_ferr();
    Ok(())
}

/// FNSTCW.
pub(crate) fn fnstcw(cpu: &mut Cpu, op: &Op) -> Done {
    cpu.x87_check_available()?;
    cpu.store_mem(op, cpu.x87.control)
}

/// FNSTSW to memory or AX.
pub(crate) fn fnstsw(cpu: &mut Cpu, op: &Op) -> Done {
    cpu.x87_check_available()?;
    let word = cpu.x87.status_word();
    cpu.write_operand(op, op.dst, word)
}

/// WAIT (FWAIT): #NM only with both MP and TS.
pub(crate) fn wait(cpu: &mut Cpu, _op: &Op) -> Done {
    const MONITORED: u64 = cr0::MP | cr0::TS;
    if cpu.cr0 & MONITORED == MONITORED {
        return Err(nm());
    }
    cpu.x87_check_pending()
}

/// FNENI, FNDISI (8087) and FNSETPM (287): they do nothing since the 387.
pub(crate) fn obsolete(cpu: &mut Cpu, _op: &Op) -> Done {
    cpu.x87_check_available()
}
