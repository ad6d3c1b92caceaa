//! MOV, MOVZX, MOVSX, LEA, PUSH and POP.

use super::{Address, complete, get, read_host, set_slot, slot, write_host};
use crate::cpu::{Cpu, reg};
use crate::decode::op::Op;
use crate::engine::next;
use crate::flags::Width;

/// `MOV r, m`, and MOVZX where the destination `D` is wider than the source `W`.
pub(super) unsafe fn load<D: Width, W: Width, A: Address>(
    cpu: *mut Cpu,
    op: *const Op,
) -> *const Op {
    // SAFETY: as for `Handler`.
    unsafe {
        let Some(host) = (*cpu).tlb.read_host(A::linear(cpu, op), W::BYTES) else {
            return complete(cpu, op);
        };
        set_slot::<D>(cpu, (*op).dst, read_host::<W>(host));
        next(cpu, op)
    }
}

/// `MOVSX r, m`.
pub(super) unsafe fn load_signed<D: Width, W: Width, A: Address>(
    cpu: *mut Cpu,
    op: *const Op,
) -> *const Op {
    // SAFETY: as for `Handler`.
    unsafe {
        let Some(host) = (*cpu).tlb.read_host(A::linear(cpu, op), W::BYTES) else {
            return complete(cpu, op);
        };
        set_slot::<D>(cpu, (*op).dst, W::sign_extend(read_host::<W>(host)));
        next(cpu, op)
    }
}

/// `MOV m, r`.
pub(super) unsafe fn store<W: Width, A: Address>(cpu: *mut Cpu, op: *const Op) -> *const Op {
    // SAFETY: as for `Handler`.
    unsafe {
        let Some(host) = (*cpu).tlb.write_host(A::linear(cpu, op), W::BYTES) else {
            return complete(cpu, op);
        };
        write_host::<W>(host, get::<W>(cpu, (*op).src));
        next(cpu, op)
    }
}

/// `MOV m, imm`.
pub(super) unsafe fn store_imm<W: Width, A: Address>(cpu: *mut Cpu, op: *const Op) -> *const Op {
    // SAFETY: as for `Handler`.
    unsafe {
        let Some(host) = (*cpu).tlb.write_host(A::linear(cpu, op), W::BYTES) else {
            return complete(cpu, op);
        };
        write_host::<W>(host, (*op).imm);
        next(cpu, op)
    }
}

/// `MOV r, r`, and MOVZX.
pub(super) unsafe fn mov_reg<D: Width, W: Width>(cpu: *mut Cpu, op: *const Op) -> *const Op {
    // SAFETY: as for `Handler`.
    unsafe {
        set_slot::<D>(cpu, (*op).dst, get::<W>(cpu, (*op).src));
        next(cpu, op)
    }
}

/// `MOV r, imm`.
pub(super) unsafe fn mov_imm<W: Width>(cpu: *mut Cpu, op: *const Op) -> *const Op {
    // SAFETY: as for `Handler`.
    unsafe {
        set_slot::<W>(cpu, (*op).dst, (*op).imm);
        next(cpu, op)
    }
}

/// LEA: `A` is [`super::Simple`] or [`super::Indexed`], whatever the segment.
pub(super) unsafe fn lea<W: Width, A: Address>(cpu: *mut Cpu, op: *const Op) -> *const Op {
    // SAFETY: as for `Handler`.
    unsafe {
        set_slot::<W>(cpu, (*op).dst, A::linear(cpu, op));
        next(cpu, op)
    }
}

/// `PUSH r64`.
pub(super) unsafe fn push(cpu: *mut Cpu, op: *const Op) -> *const Op {
    // SAFETY: as for `Handler`.
    unsafe {
        let rsp = slot(cpu, reg::RSP).wrapping_sub(8);
        let Some(host) = (*cpu).tlb.write_host(rsp, 8) else { return complete(cpu, op) };
        write_host::<u64>(host, slot(cpu, (*op).dst));
        set_slot::<u64>(cpu, reg::RSP, rsp);
        next(cpu, op)
    }
}

/// `POP r64`.
pub(super) unsafe fn pop(cpu: *mut Cpu, op: *const Op) -> *const Op {
    // SAFETY: as for `Handler`.
    unsafe {
        let rsp = slot(cpu, reg::RSP);
        let Some(host) = (*cpu).tlb.read_host(rsp, 8) else { return complete(cpu, op) };
        let value = read_host::<u64>(host);
        set_slot::<u64>(cpu, reg::RSP, rsp.wrapping_add(8));
        // Last, so that POP RSP keeps the value popped.
        set_slot::<u64>(cpu, (*op).dst, value);
        next(cpu, op)
    }
}
