//! Arithmetic and logic with a memory operand.

use super::{Address, complete, get, read_host, set_slot, write_host};
use crate::cpu::Cpu;
use crate::decode::op::Op;
use crate::engine::next;
use crate::flags::Width;
use crate::insn::alu::Alu;

/// `op r, m`.
pub(super) unsafe fn reg_mem<O: Alu, W: Width, A: Address>(
    cpu: *mut Cpu,
    op: *const Op,
) -> *const Op {
    // SAFETY: as for `Handler`.
    unsafe {
        let Some(host) = (*cpu).tlb.read_host(A::linear(cpu, op), W::BYTES) else {
            return complete(cpu, op);
        };
        let src = read_host::<W>(host);
        let cf = O::READS_CF && (*cpu).status.cf();
        let (result, status) = O::eval::<W>(get::<W>(cpu, (*op).dst), src, cf);
        (*cpu).status = status;
        if O::WRITES {
            set_slot::<W>(cpu, (*op).dst, result);
        }
        next(cpu, op)
    }
}

/// `op m, r`.
pub(super) unsafe fn mem_reg<O: Alu, W: Width, A: Address>(
    cpu: *mut Cpu,
    op: *const Op,
) -> *const Op {
    // SAFETY: as for `Handler`.
    unsafe { mem::<O, W, A>(cpu, op, get::<W>(cpu, (*op).src)) }
}

/// `op m, imm`.
pub(super) unsafe fn mem_imm<O: Alu, W: Width, A: Address>(
    cpu: *mut Cpu,
    op: *const Op,
) -> *const Op {
    // SAFETY: as for `Handler`.
    unsafe { mem::<O, W, A>(cpu, op, (*op).imm & W::MASK) }
}

#[inline(always)]
unsafe fn mem<O: Alu, W: Width, A: Address>(cpu: *mut Cpu, op: *const Op, src: u64) -> *const Op {
    // SAFETY: as for `Handler`. A write tag implies that the page can be read.
    unsafe {
        let linear = A::linear(cpu, op);
        let cf = O::READS_CF && (*cpu).status.cf();
        if O::WRITES {
            let Some(host) = (*cpu).tlb.write_host(linear, W::BYTES) else {
                return complete(cpu, op);
            };
            let (result, status) = O::eval::<W>(read_host::<W>(host), src, cf);
            write_host::<W>(host, result);
            (*cpu).status = status;
        } else {
            let Some(host) = (*cpu).tlb.read_host(linear, W::BYTES) else {
                return complete(cpu, op);
            };
            (*cpu).status = O::eval::<W>(read_host::<W>(host), src, cf).1;
        }
        next(cpu, op)
    }
}
