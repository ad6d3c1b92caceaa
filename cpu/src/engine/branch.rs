//! Near branches and block ends: accounting, links, the virtual jump cache.
//!
//! A block's last op pays for the whole block: `remaining -= instructions`. While a full block fits in
//! what remains, control flows from block to block without the dispatcher.

use super::{Handler, next, stop_at};
use crate::cpu::{Cpu, Fault, gp};
use crate::decode::block::MAX_BLOCK;
use crate::decode::op::Op;
use crate::flags::{Condition, Width};
use arch::paging::{PAGE_MASK, PAGE_SIZE};
use core::marker::PhantomData;
use core::ptr::null;

/// How a block's end reaches the next block.
pub(crate) trait Form: 'static {
    /// Goes on with the op at the head of a block.
    ///
    /// # Safety
    /// As for [`Handler`].
    unsafe fn go(cpu: *mut Cpu, op: *const Op) -> *const Op;
}

/// Jumps: nothing returns until the dispatcher is wanted.
pub(crate) struct FullTail;
/// Returns the op to the dispatcher's inner loop.
pub(crate) struct Hybrid;

impl Form for FullTail {
    #[inline(always)]
    unsafe fn go(cpu: *mut Cpu, op: *const Op) -> *const Op {
        // SAFETY: as for `Handler`.
        unsafe { ((*op).handler)(cpu, op, 0) }
    }
}

impl Form for Hybrid {
    #[inline(always)]
    unsafe fn go(_cpu: *mut Cpu, op: *const Op) -> *const Op {
        op
    }
}

/// Restricts a branch target, after the instruction pointer mask of the code segment: 16-bit operand
/// size cuts it to 16 bits.
pub(crate) trait TargetSize: 'static {
    /// Bits that survive.
    const MASK: u64;
}
/// The code segment's own size.
pub(crate) struct Full;
/// 16-bit operand size.
pub(crate) struct Short;
impl TargetSize for Full {
    const MASK: u64 = u64::MAX;
}
impl TargetSize for Short {
    const MASK: u64 = 0xffff;
}

/// The handlers of one form.
pub(crate) struct Branches<F>(PhantomData<F>);

impl<F: Form> Branches<F> {
    /// Handlers as values, for the tables.
    pub(crate) const END: Handler = end::<F>;
    /// JMP rel.
    pub(crate) const fn jmp<S: TargetSize>() -> Handler {
        jmp::<F, S>
    }
    /// Jcc rel.
    pub(crate) const fn jcc<C: Condition, S: TargetSize>() -> Handler {
        jcc::<F, C, S>
    }
    /// CALL rel, pushing a return address of width `W`.
    pub(crate) const fn call<W: Width, S: TargetSize>() -> Handler {
        call::<F, W, S>
    }
    /// JMP r/m.
    pub(crate) const fn jmp_rm<W: Width>() -> Handler {
        jmp_rm::<F, W>
    }
    /// CALL r/m.
    pub(crate) const fn call_rm<W: Width>() -> Handler {
        call_rm::<F, W>
    }
    /// RET, with the bytes to release in `imm`.
    pub(crate) const fn ret<W: Width>() -> Handler {
        ret::<F, W>
    }
    /// LOOPcc and JCXZ: `W` is the counter's width.
    pub(crate) const fn loop_<L: Loop, W: Width, S: TargetSize>() -> Handler {
        loop_::<F, L, W, S>
    }
}

/// A decrement-and-test branch.
pub(crate) trait Loop: 'static {
    /// False for JCXZ, which leaves the counter alone.
    const COUNTS: bool = true;
    /// Taken, given the counter after any decrement, ZF, and the op for its prefixes.
    fn taken(counter: u64, zf: bool, op: &Op) -> bool;
}
/// LOOP.
pub(crate) struct LoopAlways;
/// LOOPE; an F2 prefix makes it LOOPNE (seen on Zen 5).
pub(crate) struct LoopE;
/// LOOPNE; an F3 prefix makes it LOOPE.
pub(crate) struct LoopNe;
/// JCXZ, JECXZ, JRCXZ.
pub(crate) struct Jcxz;
impl Loop for LoopAlways {
    fn taken(counter: u64, _zf: bool, _op: &Op) -> bool {
        counter != 0
    }
}
impl Loop for LoopE {
    fn taken(counter: u64, zf: bool, op: &Op) -> bool {
        counter != 0 && zf != op.repne()
    }
}
impl Loop for LoopNe {
    fn taken(counter: u64, zf: bool, op: &Op) -> bool {
        counter != 0 && zf == op.rep()
    }
}
impl Loop for Jcxz {
    const COUNTS: bool = false;
    fn taken(counter: u64, _zf: bool, _op: &Op) -> bool {
        counter == 0
    }
}

/// Pays for `count` instructions and follows the op's link, if there is one and a block fits.
///
/// # Safety
/// As for [`Handler`].
#[inline(always)]
pub(super) unsafe fn take<F: Form>(
    cpu: *mut Cpu,
    op: *const Op,
    count: i64,
    mask: u64,
) -> *const Op {
    // SAFETY: as for `Handler`.
    unsafe {
        let link = (*op).link.cast::<Op>();
        let remaining = (*cpu).remaining - count;
        if remaining >= MAX_BLOCK as i64 {
            if !link.is_null() && linkable((*cpu).regs[17], mask) {
                (*cpu).remaining = remaining;
                return F::go(cpu, link);
            }
            // Into another page: that page's translation may change without this block, so the way
            // is looked up each time. Entries exist only for targets found good before.
            if (*op).imm > PAGE_MASK {
                let target = (*cpu).regs[17].wrapping_add((*op).imm) & (*cpu).ip_mask & mask;
                if let Some(entry) = (*cpu).tlb.jumps.target(target) {
                    (*cpu).remaining = remaining;
                    (*cpu).regs[17] = entry.page_ip;
                    return F::go(cpu, entry.op);
                }
            }
        }
        take_slow(cpu, op, count, mask)
    }
}

/// True if a target in the page that begins at `page_ip` stays in it. A 16-bit target does not above
/// 64 KiB, where a page's alias below may have linked it. A page may begin below its segment, and
/// `page_ip` below 0: its links are its own (see [`crate::decode::cache::Key::of_segment_from`]).
#[inline(always)]
fn linkable(page_ip: u64, mask: u64) -> bool {
    mask == u64::MAX || page_ip.wrapping_add(PAGE_SIZE) <= mask + 1
}

/// Leaves for the dispatcher at the branch's target, asking it to fill in the link.
#[cold]
#[inline(never)]
unsafe fn take_slow(cpu: *mut Cpu, op: *const Op, count: i64, mask: u64) -> *const Op {
    // SAFETY: as for `Handler`.
    let (cpu, insn) = unsafe { (&mut *cpu, &*op) };
    let whole = cpu.regs[17].wrapping_add(insn.imm);
    let target = whole & cpu.ip_mask & mask;
    // Falling through a block's end is no branch: the fetch is what faults.
    if insn.len != 0
        && let Err(fault) = cpu.check_target(target)
    {
        stop_at(cpu, insn, fault);
        return null();
    }
    cpu.rip = target;
    cpu.remaining -= count;
    // Below the beginning of its segment a target wraps to the segment's end.
    if insn.imm <= PAGE_MASK && linkable(cpu.regs[17], mask) && target == whole {
        cpu.unlinked = op;
    }
    null()
}

impl Cpu {
    /// A near branch's target must be canonical, or within the code segment.
    pub(crate) fn check_target(&self, target: u64) -> Result<(), Fault> {
        let ok = if self.ip_mask == u64::MAX {
            self.is_canonical(target)
        } else {
            target <= u64::from(self.segments[1].limit)
        };
        if ok { Ok(()) } else { Err(gp(0)) }
    }

    /// The same for a call, whose push of a return address of width `W` faults before a bad target.
    fn check_call_target<W: Width>(&mut self, target: u64) -> Result<(), Fault> {
        let good = self.check_target(target);
        if good.is_err() {
            self.probe_push::<W>()?;
        }
        good
    }
}

/// Pays for the block and goes to an address known only now.
///
/// # Safety
/// As for [`Handler`].
#[inline(always)]
unsafe fn indirect<F: Form>(cpu: *mut Cpu, op: *const Op, target: u64) -> *const Op {
    // SAFETY: as for `Handler`.
    unsafe {
        let count = i64::from((*op).place) + 1;
        let remaining = (*cpu).remaining - count;
        if remaining >= MAX_BLOCK as i64
            && !(*cpu).leave
            && let Some(entry) = (*cpu).tlb.jumps.target(target)
        {
            (*cpu).remaining = remaining;
            (*cpu).regs[17] = entry.page_ip;
            return F::go(cpu, entry.op);
        }
        indirect_slow(cpu, op, target)
    }
}

#[cold]
#[inline(never)]
unsafe fn indirect_slow(cpu: *mut Cpu, op: *const Op, target: u64) -> *const Op {
    // SAFETY: as for `Handler`.
    let (cpu, op) = unsafe { (&mut *cpu, &*op) };
    cpu.rip = target;
    cpu.remaining -= i64::from(op.place) + 1;
    null()
}

/// The pseudo-op behind a block's last instruction: falls through to the next address.
unsafe fn end<F: Form>(cpu: *mut Cpu, op: *const Op, _last: u64) -> *const Op {
    // SAFETY: as for `Handler`.
    unsafe { take::<F>(cpu, op, i64::from((*op).place), u64::MAX) }
}

unsafe fn jmp<F: Form, S: TargetSize>(cpu: *mut Cpu, op: *const Op, _last: u64) -> *const Op {
    // SAFETY: as for `Handler`.
    unsafe { take::<F>(cpu, op, i64::from((*op).place) + 1, S::MASK) }
}

unsafe fn jcc<F: Form, C: Condition, S: TargetSize>(
    cpu: *mut Cpu,
    op: *const Op,
    last: u64,
) -> *const Op {
    // SAFETY: as for `Handler`. A branch not taken is no end: the block goes on behind it.
    unsafe {
        if C::holds((*cpu).status) {
            take::<F>(cpu, op, i64::from((*op).place) + 1, S::MASK)
        } else {
            next(cpu, op, last)
        }
    }
}

/// Out of line: the hot forms jump here, and would keep its frame.
#[inline(never)]
pub(super) unsafe fn call<F: Form, W: Width, S: TargetSize>(
    cpu: *mut Cpu,
    op: *const Op,
    _last: u64,
) -> *const Op {
    // SAFETY: as for `Handler`.
    unsafe {
        if push_return::<W>(&mut *cpu, &*op, S::MASK) {
            let count = i64::from((*op).place) + 1;
            // The push reached a device or decoded code: the dispatcher has to see that first.
            if (*cpu).leave {
                return take_slow(cpu, op, count, S::MASK);
            }
            take::<F>(cpu, op, count, S::MASK)
        } else {
            null()
        }
    }
}

/// Pushes the return address of a relative call, after the target was found good; false on a fault.
#[inline(always)]
fn push_return<W: Width>(cpu: &mut Cpu, op: &Op, mask: u64) -> bool {
    if op.link.is_null() || mask != u64::MAX {
        // Not linked yet: the target has not been checked before.
        let target = cpu.regs[17].wrapping_add(op.imm) & cpu.ip_mask & mask;
        if let Err(fault) = cpu.check_call_target::<W>(target) {
            stop_at(cpu, op, fault);
            return false;
        }
    }
    push_next(cpu, op, W::from_u64(cpu.next_ip(op)))
}

/// Pushes a return address; false on a fault.
fn push_next<W: Width>(cpu: &mut Cpu, op: &Op, value: W) -> bool {
    cpu.current = op;
    match cpu.push(value) {
        Ok(()) => true,
        Err(fault) => {
            stop_at(cpu, op, fault);
            false
        }
    }
}

/// Out of line: the hot forms jump here, and would keep its frame.
#[inline(never)]
pub(super) unsafe fn jmp_rm<F: Form, W: Width>(
    cpu: *mut Cpu,
    op: *const Op,
    _last: u64,
) -> *const Op {
    // SAFETY: as for `Handler`.
    unsafe {
        match target_of::<W>(&mut *cpu, &*op) {
            Some(target) => indirect::<F>(cpu, op, target),
            None => null(),
        }
    }
}

/// Reads and checks the target operand of an indirect branch; `None` on a fault.
#[inline(always)]
fn target_of<W: Width>(cpu: &mut Cpu, op: &Op) -> Option<u64> {
    cpu.current = op;
    let target = cpu.read_operand::<W>(op, op.dst).and_then(|target| {
        let target = target.to_u64();
        cpu.check_target(target).map(|()| target)
    });
    match target {
        Ok(target) => Some(target),
        Err(fault) => {
            stop_at(cpu, op, fault);
            None
        }
    }
}

/// The same for a call.
#[inline(always)]
fn call_target_of<W: Width>(cpu: &mut Cpu, op: &Op) -> Option<u64> {
    cpu.current = op;
    let target = cpu.read_operand::<W>(op, op.dst).and_then(|target| {
        let target = target.to_u64();
        cpu.check_call_target::<W>(target).map(|()| target)
    });
    match target {
        Ok(target) => Some(target),
        Err(fault) => {
            stop_at(cpu, op, fault);
            None
        }
    }
}

/// Out of line: the hot forms jump here, and would keep its frame.
#[inline(never)]
pub(super) unsafe fn call_rm<F: Form, W: Width>(
    cpu: *mut Cpu,
    op: *const Op,
    _last: u64,
) -> *const Op {
    // SAFETY: as for `Handler`.
    unsafe {
        let Some(target) = call_target_of::<W>(&mut *cpu, &*op) else { return null() };
        let return_ip = W::from_u64((*cpu).next_ip(&*op));
        if push_next(&mut *cpu, &*op, return_ip) { indirect::<F>(cpu, op, target) } else { null() }
    }
}

/// Out of line: the hot forms jump here, and would keep its frame.
#[inline(never)]
pub(super) unsafe fn ret<F: Form, W: Width>(cpu: *mut Cpu, op: *const Op, _last: u64) -> *const Op {
    // SAFETY: as for `Handler`.
    unsafe {
        match pop_target::<W>(&mut *cpu, &*op) {
            Some(target) => indirect::<F>(cpu, op, target),
            None => null(),
        }
    }
}

/// Pops and checks the target of a RET: a bad target leaves RIP and RSP unchanged.
#[inline(always)]
fn pop_target<W: Width>(cpu: &mut Cpu, op: &Op) -> Option<u64> {
    cpu.current = op;
    let target = cpu.stack_read::<W>(0).and_then(|target| {
        let target = target.to_u64();
        cpu.check_target(target).map(|()| target)
    });
    match target {
        Ok(target) => {
            cpu.release(u64::from(W::BYTES) + op.imm);
            Some(target)
        }
        Err(fault) => {
            stop_at(cpu, op, fault);
            None
        }
    }
}

unsafe fn loop_<F: Form, L: Loop, W: Width, S: TargetSize>(
    cpu: *mut Cpu,
    op: *const Op,
    last: u64,
) -> *const Op {
    // SAFETY: as for `Handler`.
    unsafe {
        if count_down::<L, W>(&mut *cpu, &*op, S::MASK) {
            take::<F>(cpu, op, i64::from((*op).place) + 1, S::MASK)
        } else if (*cpu).fault.is_some() {
            null()
        } else {
            next(cpu, op, last)
        }
    }
}

/// Decrements and tests the counter. A taken branch to a bad target faults with the counter unchanged.
fn count_down<L: Loop, W: Width>(cpu: &mut Cpu, op: &Op, mask: u64) -> bool {
    let counter = cpu.reg::<W>(1).to_u64();
    let after = if L::COUNTS { counter.wrapping_sub(1) & W::MASK } else { counter };
    let taken = L::taken(after, cpu.status.zf(), op);
    if taken {
        let target = cpu.regs[17].wrapping_add(op.imm) & cpu.ip_mask & mask;
        if let Err(fault) = cpu.check_target(target) {
            stop_at(cpu, op, fault);
            return false;
        }
    }
    if L::COUNTS {
        cpu.set_reg(1, W::from_u64(after));
    }
    taken
}
