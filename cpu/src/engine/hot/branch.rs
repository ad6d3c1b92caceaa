//! CALL, RET and indirect JMP of 64-bit mode without frames.
//!
//! Each falls back to its complete form in `engine/branch.rs` before it has changed anything: no tag for
//! the stack, no link yet, no entry in the jump cache, or a budget near its end.

use super::{read_host, set_slot, slot, write_host};
use crate::cpu::{Cpu, reg};
use crate::decode::block::MAX_BLOCK;
use crate::decode::op::{MEMORY, Op, PAGE_SLOT};
use crate::engine::Handler;
use crate::engine::branch::{self, Form, Full};
use iced_x86::{Code, Instruction};

/// The frameless form of a near branch in 64-bit mode.
pub(crate) fn select_branch<F: Form>(instruction: &Instruction, op: &Op) -> Option<Handler> {
    match instruction.code() {
        Code::Call_rel32_64 => Some(call::<F>),
        Code::Retnq | Code::Retnq_imm16 => Some(ret::<F>),
        Code::Jmp_rm64 if op.dst != MEMORY => Some(jmp_reg::<F>),
        Code::Call_rm64 if op.dst != MEMORY => Some(call_reg::<F>),
        _ => None,
    }
}

/// CALL rel32.
unsafe fn call<F: Form>(cpu: *mut Cpu, op: *const Op, last: u64) -> *const Op {
    // SAFETY: as for `Handler`. A page with a write tag holds no decoded code, so the push cannot end
    // the block.
    unsafe {
        let rsp = slot(cpu, reg::RSP).wrapping_sub(8);
        let return_ip = next_ip(cpu, op);
        if let Some(host) = (*cpu).tlb.write_host(rsp, 8)
            && let Some(head) = follow(cpu, op)
        {
            write_host::<u64>(host, return_ip);
            set_slot::<u64>(cpu, reg::RSP, rsp);
            return F::go(cpu, head);
        }
        branch::call::<F, u64, Full>(cpu, op, last)
    }
}

/// RET and RET imm16.
unsafe fn ret<F: Form>(cpu: *mut Cpu, op: *const Op, last: u64) -> *const Op {
    // SAFETY: as for `Handler`.
    unsafe {
        let rsp = slot(cpu, reg::RSP);
        if let Some(host) = (*cpu).tlb.read_host(rsp, 8) {
            let target = read_host::<u64>(host);
            if let Some(head) = enter(cpu, op, target) {
                set_slot::<u64>(cpu, reg::RSP, rsp.wrapping_add(8).wrapping_add((*op).imm));
                return F::go(cpu, head);
            }
        }
        branch::ret::<F, u64>(cpu, op, last)
    }
}

/// JMP r64.
unsafe fn jmp_reg<F: Form>(cpu: *mut Cpu, op: *const Op, last: u64) -> *const Op {
    // SAFETY: as for `Handler`.
    unsafe {
        match enter(cpu, op, slot(cpu, (*op).dst)) {
            Some(head) => F::go(cpu, head),
            None => branch::jmp_rm::<F, u64>(cpu, op, last),
        }
    }
}

/// CALL r64.
unsafe fn call_reg<F: Form>(cpu: *mut Cpu, op: *const Op, last: u64) -> *const Op {
    // SAFETY: as for `Handler`.
    unsafe {
        let rsp = slot(cpu, reg::RSP).wrapping_sub(8);
        let target = slot(cpu, (*op).dst);
        let return_ip = next_ip(cpu, op);
        if let Some(host) = (*cpu).tlb.write_host(rsp, 8)
            && let Some(head) = enter(cpu, op, target)
        {
            write_host::<u64>(host, return_ip);
            set_slot::<u64>(cpu, reg::RSP, rsp);
            return F::go(cpu, head);
        }
        branch::call_rm::<F, u64>(cpu, op, last)
    }
}

/// Pays for the block and enters the direct target's: by its link, or across a page's end by the jump
/// cache.
#[inline(always)]
unsafe fn follow(cpu: *mut Cpu, op: *const Op) -> Option<*const Op> {
    // SAFETY: as for `Handler`.
    unsafe {
        let link = (*op).link.cast::<Op>();
        if link.is_null() {
            return enter(cpu, op, slot(cpu, PAGE_SLOT).wrapping_add((*op).imm));
        }
        let remaining = (*cpu).remaining - (i64::from((*op).place) + 1);
        if remaining < MAX_BLOCK as i64 {
            return None;
        }
        (*cpu).remaining = remaining;
        Some(link)
    }
}

/// Pays for the block and enters the one at a virtual address, if the jump cache knows it. An entry
/// exists only for addresses that were entered before, so it is canonical and executable.
#[inline(always)]
unsafe fn enter(cpu: *mut Cpu, op: *const Op, target: u64) -> Option<*const Op> {
    // SAFETY: as for `Handler`.
    unsafe {
        let remaining = (*cpu).remaining - (i64::from((*op).place) + 1);
        if remaining < MAX_BLOCK as i64 {
            return None;
        }
        let entry = (*cpu).code.jump_target(target, (*cpu).jump_tag())?;
        (*cpu).remaining = remaining;
        let head = entry.op;
        let page_ip = entry.page_ip;
        (*cpu).regs[PAGE_SLOT as usize] = page_ip;
        Some(head)
    }
}

#[inline(always)]
unsafe fn next_ip(cpu: *const Cpu, op: *const Op) -> u64 {
    // SAFETY: as for `Handler`.
    unsafe { slot(cpu, PAGE_SLOT).wrapping_add(u64::from((*op).offset) + u64::from((*op).len)) }
}
