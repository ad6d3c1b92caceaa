//! CALL, RET and indirect JMP of 64-bit mode without frames.
//!
//! Each falls back to its complete form in `engine/branch.rs` before it has changed anything: no tag for
//! the stack, no link yet, no entry in the jump cache, or a budget near its end.

use super::forward::{Base, Dst, Index, Last, Taken, Value};
use super::select::{AddressForm, by_form};
use super::{Address, Based, Indexed, Simple, read_host, set_slot, slot, write_host};
use crate::cpu::{Cpu, reg};
use crate::decode::block::MAX_BLOCK;
use crate::decode::op::{MEMORY, Op, PAGE_SLOT};
use crate::engine::Handler;
use crate::engine::branch::{self, Form, Full};
use arch::paging::PAGE_MASK;
use iced_x86::{Code, Instruction};

/// The frameless form of a near branch in 64-bit mode, behind an op that passed on the register `last`.
pub(crate) fn select_branch<F: Form>(
    instruction: &Instruction,
    op: &Op,
    last: Option<u8>,
) -> Option<Handler> {
    let taken = Taken::of(op, last);
    match instruction.code() {
        Code::Call_rel32_64 if op.imm <= PAGE_MASK => Some(call::<F>),
        Code::Call_rel32_64 => Some(call_elsewhere::<F>),
        Code::Retnq | Code::Retnq_imm16 => Some(ret::<F>),
        Code::Jmp_rm64 if op.dst == MEMORY => {
            let form = AddressForm::of(op, taken)?;
            Some(by_form!(form, jmp_mem::<F>))
        }
        Code::Call_rm64 if op.dst == MEMORY => {
            let form = AddressForm::of(op, taken)?;
            Some(by_form!(form, call_mem::<F>))
        }
        Code::Jmp_rm64 if taken.dst => Some(jmp_reg::<F, Last>),
        Code::Jmp_rm64 => Some(jmp_reg::<F, Dst>),
        Code::Call_rm64 if taken.dst => Some(call_reg::<F, Last>),
        Code::Call_rm64 => Some(call_reg::<F, Dst>),
        _ => None,
    }
}

/// CALL rel32 within the page.
unsafe fn call<F: Form>(cpu: *mut Cpu, op: *const Op, last: u64) -> *const Op {
    // SAFETY: as for `Handler`. A page with a write tag holds no decoded code, so the push cannot end
    // the block.
    unsafe {
        let link = (*op).link.cast::<Op>();
        let rsp = slot(cpu, reg::RSP).wrapping_sub(8);
        let remaining = (*cpu).remaining - (i64::from((*op).place) + 1);
        if let Some(host) = (*cpu).tlb.write_host(rsp, 8)
            && !link.is_null()
            && remaining >= MAX_BLOCK as i64
        {
            write_host::<u64>(host, next_ip(cpu, op));
            set_slot::<u64>(cpu, reg::RSP, rsp);
            (*cpu).remaining = remaining;
            return F::go(cpu, link);
        }
        branch::call::<F, u64, Full>(cpu, op, last)
    }
}

/// CALL rel32 to another page.
unsafe fn call_elsewhere<F: Form>(cpu: *mut Cpu, op: *const Op, last: u64) -> *const Op {
    // SAFETY: as for `call`.
    unsafe {
        let target = slot(cpu, PAGE_SLOT).wrapping_add((*op).imm);
        match push_and_enter(cpu, op, target) {
            Some(head) => F::go(cpu, head),
            None => branch::call::<F, u64, Full>(cpu, op, last),
        }
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
unsafe fn jmp_reg<F: Form, D: Value>(cpu: *mut Cpu, op: *const Op, last: u64) -> *const Op {
    // SAFETY: as for `Handler`.
    unsafe {
        match enter(cpu, op, D::get(cpu, op, last)) {
            Some(head) => F::go(cpu, head),
            None => branch::jmp_rm::<F, u64>(cpu, op, last),
        }
    }
}

/// JMP m64.
unsafe fn jmp_mem<F: Form, A: Address>(cpu: *mut Cpu, op: *const Op, last: u64) -> *const Op {
    // SAFETY: as for `Handler`.
    unsafe {
        if let Some(host) = (*cpu).tlb.read_host(A::linear(cpu, op, last), 8)
            && let Some(head) = enter(cpu, op, read_host::<u64>(host))
        {
            return F::go(cpu, head);
        }
        branch::jmp_rm::<F, u64>(cpu, op, last)
    }
}

/// CALL r64.
unsafe fn call_reg<F: Form, D: Value>(cpu: *mut Cpu, op: *const Op, last: u64) -> *const Op {
    // SAFETY: as for `call`.
    unsafe {
        match push_and_enter(cpu, op, D::get(cpu, op, last)) {
            Some(head) => F::go(cpu, head),
            None => branch::call_rm::<F, u64>(cpu, op, last),
        }
    }
}

/// CALL m64.
unsafe fn call_mem<F: Form, A: Address>(cpu: *mut Cpu, op: *const Op, last: u64) -> *const Op {
    // SAFETY: as for `call`.
    unsafe {
        if let Some(host) = (*cpu).tlb.read_host(A::linear(cpu, op, last), 8)
            && let Some(head) = push_and_enter(cpu, op, read_host::<u64>(host))
        {
            return F::go(cpu, head);
        }
        branch::call_rm::<F, u64>(cpu, op, last)
    }
}

/// Pushes the return address and enters the block at a virtual address; nothing has changed where
/// either cannot be done here.
///
/// # Safety
/// As for [`Handler`].
#[inline(always)]
unsafe fn push_and_enter(cpu: *mut Cpu, op: *const Op, target: u64) -> Option<*const Op> {
    // SAFETY: as for `Handler`.
    unsafe {
        let rsp = slot(cpu, reg::RSP).wrapping_sub(8);
        let return_ip = next_ip(cpu, op);
        let host = (*cpu).tlb.write_host(rsp, 8)?;
        let head = enter(cpu, op, target)?;
        write_host::<u64>(host, return_ip);
        set_slot::<u64>(cpu, reg::RSP, rsp);
        Some(head)
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
        let entry = (*cpu).tlb.jumps.target(target)?;
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
