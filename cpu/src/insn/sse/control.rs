//! LDMXCSR STMXCSR, fences, CLFLUSH: SDM Vol. 2. Memory is in order and caches are not
//! modelled, so fences do nothing, and CLFLUSH only faults as a load would.

use crate::cpu::{Cpu, Done, gp};
use crate::decode::op::Op;
use crate::mmu::Privilege;
use crate::mmu::segment::within_limit;
use crate::mmu::walk::Intent;
use arch::segment::attr;

/// Bits of MXCSR that can be set: with DAZ, without AMD's MM.
const MXCSR_MASK: u32 = 0xffff;

/// LDMXCSR m32.
pub(crate) fn ldmxcsr(cpu: &mut Cpu, op: &Op) -> Done {
    cpu.sse_ready()?;
    load_mxcsr(cpu, op)
}

/// Loads MXCSR from memory.
pub(crate) fn load_mxcsr(cpu: &mut Cpu, op: &Op) -> Done {
    let value = cpu.load_mem::<u32>(op)?;
    if value & !MXCSR_MASK != 0 {
        return Err(gp(0));
    }
    cpu.sse.mxcsr = value;
    Ok(())
}

/// STMXCSR m32.
pub(crate) fn stmxcsr(cpu: &mut Cpu, op: &Op) -> Done {
    cpu.sse_ready()?;
    cpu.store_mem(op, cpu.sse.mxcsr)
}

/// LFENCE, MFENCE, SFENCE.
#[inline(always)]
pub(crate) fn fence(_cpu: &mut Cpu, _op: &Op) -> Done {
    Ok(())
}

/// CLFLUSH, CLFLUSHOPT, CLWB m8: the faults of a load of one byte, except that an execute-only code
/// segment is allowed.
pub(crate) fn clflush(cpu: &mut Cpu, op: &Op) -> Done {
    let offset = cpu.effective_address(op);
    let linear = match cpu.linear(op, offset, 1, false) {
        Ok(linear) => linear,
        Err(fault) => cpu.execute_only(op.segment(), offset).ok_or(fault)?,
    };
    cpu.probe(linear, 1, Intent::Read, Privilege::Current)?;
    // To a watchpoint it is a load (seen on Zen 5).
    cpu.note_access(linear, 1, false);
    Ok(())
}

impl Cpu {
    /// Linear address of a byte in an execute-only code segment.
    fn execute_only(&self, register: usize, offset: u64) -> Option<u64> {
        let segment = &self.segments[register];
        let execute_only = self.ip_mask != u64::MAX
            && self.protected_mode()
            && !self.v8086()
            && segment.usable()
            && segment.attributes & (attr::CODE | attr::WRITABLE_OR_READABLE) == attr::CODE;
        (execute_only && within_limit(segment, offset, 1))
            .then(|| offset.wrapping_add(segment.base) & 0xffff_ffff)
    }
}
