//! How decoded instructions are executed: the seam that every engine form fits.
//!
//! A [`Handler`] executes one op and continues with the next in tail position. Two forms come from one
//! source: *full tail* (a block's last op jumps straight to the next block) where the compiler turns
//! calls in tail position into jumps, and *hybrid* (it returns the next block to a small loop; depth
//! is bounded by the block's length) elsewhere: debug builds, wasm. A handler that returns null hands
//! control to the dispatcher, with `Cpu::rip` and the count settled.
//!
//! `unsafe` lives in this folder; the semantic forms in `insn/` are safe.
#![allow(unsafe_code)]

pub(crate) mod arena;
pub(crate) mod branch;
pub(crate) mod dispatch;
pub(crate) mod hot;
pub(crate) mod profile;
pub(crate) mod world;

use crate::cpu::{Cpu, Done, Fault};
use crate::decode::block::MAX_BLOCK;
use crate::decode::op::{MEMORY, Op};

/// Executes one op. Returns the op to go on with, or null for the dispatcher.
///
/// The last argument hands a value from op to op in a host register: the general register that the op
/// before wrote, where the block builder says so (`hot/forward.rs`). A chain of dependent instructions
/// then does not wait for its values to come back from memory. Reading the register's slot is always
/// right too.
///
/// # Safety
/// `cpu` is valid and not otherwise borrowed; the op is in a published block (or a scratch one) and
/// followed by the rest of its block.
pub(crate) type Handler = unsafe fn(*mut Cpu, *const Op, u64) -> *const Op;

/// An instruction's complete semantic form.
pub(crate) trait Semantic: Fn(&mut Cpu, &Op) -> Done + Copy + 'static {}
impl<F: Fn(&mut Cpu, &Op) -> Done + Copy + 'static> Semantic for F {}

/// Produces the value of a function item type: it has no bytes.
#[inline(always)]
fn conjure<F: Copy>() -> F {
    const { assert!(size_of::<F>() == 0, "only function items, which are zero-sized") };
    // SAFETY: a read of zero bytes from a dangling, aligned pointer; function item types are
    // inhabited because a value was passed to `plain` and its kin.
    unsafe { core::ptr::NonNull::<F>::dangling().read() }
}

/// Continues with the next op of the block.
///
/// # Safety
/// As for [`Handler`]; the op is not the last of its block.
#[inline(always)]
pub(crate) unsafe fn next(cpu: *mut Cpu, op: *const Op, last: u64) -> *const Op {
    // SAFETY: every block ends with an op that does not come here.
    unsafe {
        let op = op.add(1);
        ((*op).handler)(cpu, op, last)
    }
}

/// Handler of an instruction that goes on with the following one.
pub(crate) const fn plain<F: Semantic>(_form: F) -> Handler {
    run_plain::<F>
}

/// Handler of an instruction that touches nothing but registers and flags: its form in line. For forms
/// whose operands turned out to be registers.
pub(crate) const fn registers_only<F: Semantic>(_form: F) -> Handler {
    run_registers_only::<F>
}

unsafe fn run_registers_only<F: Semantic>(cpu: *mut Cpu, op: *const Op, _last: u64) -> *const Op {
    // SAFETY: as for `Handler`; the block builder chose this handler because neither operand is in
    // memory, and saying so lets the compiler drop the memory paths, whose locals would keep a frame.
    unsafe {
        core::hint::assert_unchecked((*op).dst != MEMORY && (*op).src != MEMORY);
        match conjure::<F>()(&mut *cpu, &*op) {
            Ok(()) => next(cpu, op, 0),
            Err(fault) => stop_at_cold(cpu, op, fault),
        }
    }
}

/// Handler of the same kind of instruction whose flags nobody will read: the compiler drops their
/// computation, because the old ones are put back.
pub(crate) const fn registers_only_flagless<F: Semantic>(_form: F) -> Handler {
    run_registers_only_flagless::<F>
}

unsafe fn run_registers_only_flagless<F: Semantic>(
    cpu: *mut Cpu,
    op: *const Op,
    _last: u64,
) -> *const Op {
    // SAFETY: as for `run_registers_only`.
    unsafe {
        core::hint::assert_unchecked((*op).dst != MEMORY && (*op).src != MEMORY);
        let status = (*cpu).status;
        match conjure::<F>()(&mut *cpu, &*op) {
            Ok(()) => {
                (*cpu).status = status;
                next(cpu, op, 0)
            }
            Err(fault) => stop_at_cold(cpu, op, fault),
        }
    }
}

/// # Safety
/// As for [`Handler`].
#[cold]
#[inline(never)]
unsafe fn stop_at_cold(cpu: *mut Cpu, op: *const Op, fault: Fault) -> *const Op {
    // SAFETY: as for `Handler`.
    unsafe { stop_at(&mut *cpu, &*op, fault) };
    core::ptr::null()
}

/// Handler of an instruction that sets `Cpu::rip` itself.
pub(crate) const fn jump<F: Semantic>(_form: F) -> Handler {
    run_jump::<F>
}

/// What a repeated string instruction did.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Repeat {
    /// Iterations completed in this go.
    pub(crate) iterations: u64,
    /// How the go ended: the instruction is finished, stays (budget, page end), or faulted.
    pub(crate) end: Result<bool, Fault>,
}

/// Handler of a string instruction: `form` gets the number of iterations it may do.
pub(crate) const fn string<F>(_form: F) -> Handler
where
    F: Fn(&mut Cpu, &Op, u64) -> Repeat + Copy + 'static,
{
    run_string::<F>
}

unsafe fn run_plain<F: Semantic>(cpu: *mut Cpu, op: *const Op, _last: u64) -> *const Op {
    // SAFETY: as for `Handler`. The call is kept out of line so that nothing of its frame is alive
    // in the tail call.
    unsafe {
        if complete::<F>(&mut *cpu, &*op) {
            next(cpu, op, written(cpu, op))
        } else {
            core::ptr::null()
        }
    }
}

/// What a complete form left in its first operand, if that is a general register.
///
/// # Safety
/// As for [`Handler`].
#[inline(always)]
unsafe fn written(cpu: *const Cpu, op: *const Op) -> u64 {
    // SAFETY: as for `Handler`.
    unsafe { (*cpu).regs[((*op).dst & 15) as usize] }
}

/// Runs a semantic form; true to go on in the block.
#[inline(never)]
fn complete<F: Semantic>(cpu: &mut Cpu, op: &Op) -> bool {
    cpu.current = op;
    match conjure::<F>()(cpu, op) {
        Ok(()) if cpu.leave => stop_after(cpu, op),
        Ok(()) => return true,
        Err(fault) => stop_at(cpu, op, fault),
    }
    false
}

#[inline(never)]
unsafe fn run_jump<F: Semantic>(cpu: *mut Cpu, op: *const Op, _last: u64) -> *const Op {
    // SAFETY: as for `Handler`.
    let (cpu, op) = unsafe { (&mut *cpu, &*op) };
    cpu.current = op;
    match conjure::<F>()(cpu, op) {
        Ok(()) => {
            cpu.remaining -= i64::from(op.place) + 1;
            cpu.current = core::ptr::null();
            // The dispatcher's inner loop goes on with it, in both forms.
            return cpu.after_transfer();
        }
        Err(fault) => stop_at(cpu, op, fault),
    }
    core::ptr::null()
}

unsafe fn run_string<F>(cpu: *mut Cpu, op: *const Op, _last: u64) -> *const Op
where
    F: Fn(&mut Cpu, &Op, u64) -> Repeat + Copy + 'static,
{
    // SAFETY: as for `Handler`.
    unsafe { if repeat::<F>(&mut *cpu, &*op) { next(cpu, op, 0) } else { core::ptr::null() } }
}

/// Runs a string instruction; true to go on in the block.
#[inline(never)]
fn repeat<F>(cpu: &mut Cpu, op: &Op) -> bool
where
    F: Fn(&mut Cpu, &Op, u64) -> Repeat + Copy + 'static,
{
    cpu.current = op;
    let allowed = (cpu.remaining - i64::from(op.place)).max(1) as u64;
    let done = conjure::<F>()(cpu, op, allowed);
    if let Some(profile) = &mut cpu.profile {
        // The iteration that ends the instruction is counted with its run.
        let further = done.iterations - u64::from(done.end == Ok(true) && done.iterations > 0);
        profile.repeat(op, further);
    }
    match done.end {
        Ok(true) => {
            // One iteration counts one instruction, and none counts one too.
            cpu.remaining -= done.iterations.max(1) as i64 - 1;
            // The rest of the block must still fit in the budget.
            let fits = done.iterations <= 1 || cpu.remaining >= 2 * MAX_BLOCK as i64;
            if fits && !cpu.leave {
                return true;
            }
            stop_after(cpu, op);
        }
        Ok(false) => {
            cpu.remaining -= done.iterations as i64;
            settle_at(cpu, op);
            if done.iterations > 0 {
                cpu.pause_repetition();
            }
        }
        Err(fault) => {
            cpu.remaining -= done.iterations as i64;
            stop_at(cpu, op, fault);
        }
    }
    false
}

/// Leaves the block behind `op`: it and all before it have retired.
pub(crate) fn stop_after(cpu: &mut Cpu, op: &Op) {
    cpu.rip = cpu.next_ip(op);
    cpu.remaining -= i64::from(op.place) + 1;
    cpu.current = core::ptr::null();
    if let Some(profile) = &mut cpu.profile {
        profile.leave(op, true);
    }
}

/// Leaves the block before `op`: all before it have retired.
pub(crate) fn settle_at(cpu: &mut Cpu, op: &Op) {
    cpu.rip = cpu.ip_of(op);
    cpu.remaining -= i64::from(op.place);
    cpu.current = core::ptr::null();
    if let Some(profile) = &mut cpu.profile {
        profile.leave(op, false);
    }
}

/// Leaves the block because `op` faulted.
#[cold]
pub(crate) fn stop_at(cpu: &mut Cpu, op: &Op, fault: Fault) {
    settle_at(cpu, op);
    cpu.fault = Some(fault);
}

impl Cpu {
    /// Instruction pointer of an op of the current page.
    #[inline(always)]
    pub(crate) fn ip_of(&self, op: &Op) -> u64 {
        self.regs[17].wrapping_add(u64::from(op.offset)) & self.ip_mask
    }

    /// Instruction pointer behind an op of the current page.
    #[inline(always)]
    pub(crate) fn next_ip(&self, op: &Op) -> u64 {
        self.regs[17].wrapping_add(u64::from(op.offset) + u64::from(op.len)) & self.ip_mask
    }
}

#[cfg(test)]
mod code_tests;
#[cfg(test)]
mod tests;
