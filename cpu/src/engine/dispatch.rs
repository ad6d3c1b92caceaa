//! The dispatcher: finds or builds the block at the instruction pointer and runs it.

use super::branch::{Form, FullTail, Hybrid};
use crate::cpu::{Cpu, Fault, gp};
use crate::decode::block::{Built, Crosses, MAX_BLOCK, MAX_INSN, Request};
use crate::decode::cache::Key;
use crate::decode::op::Op;
use crate::event_log::{Event, kind};
use arch::paging::{PAGE_MASK, PAGE_SIZE};
use arch::rflags;
use core::ops::RangeInclusive;
use memory::{Backing, CodeMap, PhysAddr};
use std::rc::Rc;

/// Which form of the handlers runs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum EngineForm {
    /// Calls in tail position all the way: where the compiler makes them jumps.
    FullTail,
    /// Returns at block ends: everywhere.
    Hybrid,
    /// One instruction, and one iteration of a repeated one, at a time, each decoded anew: slow, and the
    /// yardstick for the others.
    Step,
}

impl EngineForm {
    /// The fastest form that is sound for how this crate was compiled (see `build.rs`).
    pub const BEST: Self = if cfg!(full_tail) { Self::FullTail } else { Self::Hybrid };

    /// True if the form may run: where calls in tail position are no jumps, full tail would overflow the
    /// host's stack.
    pub const fn is_sound(self) -> bool {
        !matches!(self, Self::FullTail) || cfg!(full_tail)
    }
}

/// Runs blocks until control has to come back: the budget is used up, the block was left for an
/// effect on the machine, or an instruction faulted. At most `most` instructions a block.
pub(crate) fn execute(cpu: &mut Cpu, most: usize) {
    match cpu.form {
        EngineForm::FullTail => run::<FullTail>(cpu, most),
        EngineForm::Hybrid | EngineForm::Step => run::<Hybrid>(cpu, most),
    }
    cpu.unlinked = core::ptr::null();
}

fn run<F: Form>(cpu: &mut Cpu, most: usize) {
    cpu.unlinked = core::ptr::null();
    loop {
        cpu.code.retire_left();
        let located = locate::<F>(cpu, most);
        cpu.unlinked = core::ptr::null();
        match located {
            Ok(mut op) => {
                let cpu_ptr: *mut Cpu = cpu;
                while !op.is_null() {
                    // SAFETY: `op` starts a block that is complete and stays allocated until the
                    // dispatcher empties the cache; `cpu_ptr` is the only way to the CPU while handlers
                    // run.
                    op = unsafe { ((*op).handler)(cpu_ptr, op, 0) };
                }
                // Between blocks the count is exact by itself.
                cpu.current = core::ptr::null();
            }
            Err(fault) => cpu.fault = Some(fault),
        }
        if most < MAX_BLOCK || cpu.fault.is_some() && !raised(cpu) {
            return;
        }
        // Whether the breakpoint counts is the run loop's business, RF with it.
        if cpu.leave || cpu.remaining <= 0 || cpu.at_breakpoint() {
            return;
        }
        cpu.end_resume();
    }
}

/// Delivers the exception that ended the chain; false if something else ended it. Its handler is
/// entered from here: what else may be due at its first instruction makes the caller leave.
fn raised(cpu: &mut Cpu) -> bool {
    let Some(Fault::Exception(exception)) = cpu.fault else { return false };
    cpu.fault = None;
    cpu.raise(exception);
    cpu.leave |= cpu.boundary_due();
    cpu.fault.is_none()
}

/// The first op to execute at the instruction pointer, with the page slot set up for it.
fn locate<F: Form>(cpu: &mut Cpu, most: usize) -> Result<*const Op, Fault> {
    let resynced = core::mem::take(&mut cpu.code.resynced);
    if most == MAX_BLOCK
        && cpu.unlinked.is_null()
        && !resynced
        && let Some(head) = cpu.known_target()
    {
        if let Some(profile) = &mut cpu.profile {
            profile.go_on();
        }
        return Ok(head);
    }
    // A block for one use is not worth a link, and building the next one may move its ops.
    if cpu.code.is_scratch(cpu.unlinked) {
        cpu.unlinked = core::ptr::null();
    }
    cpu.code.stats.dispatched += 1;
    if let Some(profile) = &mut cpu.profile {
        profile.dispatch();
    }
    let (linear, limit) = cpu.code_address()?;
    let offset = linear & PAGE_MASK;
    let translation = cpu.translate_fetch(linear)?;
    let memory = cpu.memory();
    let page = match memory.backing(PhysAddr(translation.frame())) {
        Backing::Ram { offset } | Backing::Rom { offset } => Some(offset),
        Backing::Hole => None,
    };
    cpu.regs[17] = cpu.rip.wrapping_sub(offset);
    let (size, vex) = (cpu.code_size, cpu.vex);
    cpu.log.emit(kind::ENTER, cpu.budget_end.wrapping_sub(cpu.remaining as u64), || Event::Enter {
        rip: cpu.rip,
    });
    // Only where the segment covers the rest of the page may blocks be shared and linked. One that
    // begins within the page shares them with no other: what lies below is not in it.
    let covered = limit >= PAGE_SIZE - offset;
    let begin = offset.saturating_sub(cpu.rip);
    // A block may cross into the next page, where the segment has to reach too.
    let crosses = offset > PAGE_SIZE - MAX_INSN as u64;
    let reaches = !crosses || limit >= PAGE_SIZE - offset + MAX_INSN as u64;
    let budget = most.min(cpu.remaining.max(1) as usize);
    // An instruction alone (behind STI, under a single step) is worth keeping too, but not by the
    // yardstick.
    let cached = most == MAX_BLOCK || most == 1 && cpu.form != EngineForm::Step;
    if let (Some(page), true, true) = (page, covered && reaches, cached) {
        if cpu.code.is_full() {
            empty(cpu);
            cpu.unlinked = core::ptr::null();
        }
        let cut = cpu.breakpoints.cuts(linear);
        let key = Key::new(page + offset, size, vex).of_segment_from(begin as u16);
        let key = match (most, &cut) {
            (1, _) => key.single(),
            (_, Some(_)) => key.cut(),
            (_, None) => key,
        };
        // Nothing but the dispatcher leads to where a breakpoint may be.
        let open = cut.as_ref().is_none_or(|cuts| cuts.binary_search(&(offset as u16)).is_err());
        let block = match cpu.code.find(key) {
            Some(block) => block,
            None => build_cached::<F>(cpu, page, offset, (key, most, cut))?,
        };
        if usize::from(block.instructions) <= budget && second_holds(cpu, linear, block.second)? {
            let linkable = most == MAX_BLOCK && block.second.is_none() && open;
            if linkable && !cpu.log.wants(kind::ENTER) {
                link(cpu, block.head);
            }
            return Ok(block.head);
        }
    }
    // A block for one use: it ends where the budget ends, or where the segment does.
    // Its page may not be watched, so it may be more than one instruction only where a cached block
    // was too long.
    let most = if covered && reaches { budget } else { 1 };
    let cuts = cpu.breakpoints.cuts(linear);
    let request = Request { page, offset: offset as u16, size, vex, most, limit, cuts };
    build::<F>(cpu, &request, linear)?;
    cpu.code.stats.cut += 1;
    Ok(cpu.code.draft.ops.as_ptr())
}

/// Fills in the branch that led here, or the jump cache.
fn link(cpu: &mut Cpu, head: *const Op) {
    let unlinked = cpu.unlinked;
    if unlinked.is_null() {
        cpu.tlb.jumps.remember(cpu.rip, cpu.seg_base[1], head, cpu.regs[17]);
        cpu.code.stats.jump_misses += 1;
    } else {
        cpu.code.stats.linked += 1;
        debug_assert!(cpu.code.holds(unlinked), "only published blocks are linked");
        // SAFETY: the op is in the arena (`locate` forgets others), which has not been emptied since its
        // handler returned, and its block has not been dropped (it is forgotten then); nothing else
        // refers to it now.
        unsafe { (*unlinked.cast_mut()).link = head.cast() };
    }
}

/// True if the page behind a crossing instruction still is where the block took its bytes from.
fn second_holds(cpu: &mut Cpu, linear: u64, second: Option<u64>) -> Result<bool, Fault> {
    let Some(second) = second else { return Ok(true) };
    Ok(second_page(cpu, linear)? == Some(second))
}

/// RAM offset of the page behind the one of `linear`.
fn second_page(cpu: &mut Cpu, linear: u64) -> Result<Option<u64>, Fault> {
    let mut next = (linear & !PAGE_MASK).wrapping_add(PAGE_SIZE);
    if cpu.ip_mask != u64::MAX {
        next &= 0xffff_ffff;
    } else if !cpu.is_canonical(next) {
        return Err(gp(0));
    }
    let translation = cpu.translate_fetch(next)?;
    Ok(match cpu.memory().backing(PhysAddr(translation.frame())) {
        Backing::Ram { offset } | Backing::Rom { offset } => Some(offset),
        Backing::Hole => None,
    })
}

/// Builds a block into the draft.
fn build<F: Form>(cpu: &mut Cpu, request: &Request, linear: u64) -> Result<Built, Fault> {
    let memory = cpu.memory();
    let built = match cpu.code.build::<F>(memory, request, None) {
        Ok(built) => built,
        Err(Crosses) => {
            let second = second_page(cpu, linear)?;
            let built = cpu.code.build::<F>(memory, request, Some(second));
            built.unwrap_or_else(|Crosses| unreachable!("the page behind was given"))
        }
    };
    if let Some(profile) = &mut cpu.profile {
        profile.instrument(memory, request, &built, cpu.rip, &mut cpu.code.draft.ops);
    }
    Ok(built)
}

/// Builds and publishes the block, and lets writes to its pages be noticed from now on.
fn build_cached<F: Form>(
    cpu: &mut Cpu,
    page: u64,
    offset: u64,
    (key, most, cuts): (Key, usize, Option<Rc<[u16]>>),
) -> Result<crate::decode::cache::Block, Fault> {
    let request = Request {
        page: Some(page),
        offset: offset as u16,
        size: cpu.code_size,
        vex: cpu.vex,
        most,
        limit: u64::MAX,
        cuts,
    };
    let linear = cpu.rip.wrapping_add(if cpu.ip_mask == u64::MAX { 0 } else { cpu.seg_base[1] });
    let built = build::<F>(cpu, &request, linear)?;
    let (bytes, rest) = built.extent(offset as u16);
    watch(cpu, page, &bytes);
    if let (Some(second), Some(rest)) = (built.second.flatten(), rest) {
        watch(cpu, second, &rest);
    }
    let retired = cpu.budget_end.wrapping_sub(cpu.remaining as u64);
    let decoded = Event::Decoded { rip: cpu.rip, offset: page + offset };
    cpu.log.emit(kind::DECODED, retired, || decoded);
    if most == MAX_BLOCK {
        cpu.log.emit(kind::BLOCK, retired, || Event::Block {
            rip: cpu.rip,
            offset: page + offset,
            instructions: built.instructions,
        });
    }
    Ok(cpu.code.publish(key, &built))
}

/// Marks bytes of a RAM page as decoded; the first withdraw the write tags of the page's mappings.
fn watch(cpu: &mut Cpu, page: u64, bytes: &RangeInclusive<u16>) {
    let (first, last) = (u64::from(*bytes.start()), u64::from(*bytes.end()));
    let granules = CodeMap::granules_of(first, last - first + 1);
    if cpu.memory().code().mark(page / PAGE_SIZE, granules) {
        if cpu.memory().backing(PhysAddr(page)) == (Backing::Ram { offset: page }) {
            cpu.tlb.withdraw_write(page);
        } else {
            // Where RAM offset and physical address differ, aliases are not worth finding.
            cpu.tlb.drop_all_tags();
        }
    }
}

fn empty(cpu: &mut Cpu) {
    cpu.code.stats.emptied += 1;
    cpu.tlb.jumps.clear();
    let code = cpu.memory().code();
    for page in cpu.code.empty() {
        code.set(page, 0);
    }
}

/// The head of a dropped block, to which links and the jump cache may still lead: on to the place of the
/// block that took over, or to the dispatcher.
///
/// # Safety
/// As for [`super::Handler`].
pub(super) unsafe fn resync(cpu: *mut Cpu, op: *const Op, _: u64) -> *const Op {
    // SAFETY: as for `Handler`; a head's link is null or leads to a published block's or a dropped one's.
    unsafe {
        let link = (*op).link.cast::<Op>();
        if link.is_null() {
            // The block is not entered: nothing of it counts as left.
            (*cpu).rip = (*cpu).ip_of(&*op);
            (*cpu).code.resynced = true;
        }
        link
    }
}

impl Cpu {
    /// The block at the instruction pointer, if the jump cache knows it and it fits in the budget. An
    /// entry holds only while the fetch would find its translation cached and permitted.
    #[inline]
    fn known_target(&mut self) -> Option<*const Op> {
        if self.remaining < MAX_BLOCK as i64 {
            return None;
        }
        let entry = self.tlb.jumps.target(self.rip)?;
        let (head, page_ip) = (entry.op, entry.page_ip);
        self.regs[17] = page_ip;
        Some(head)
    }

    /// The block to go on with behind an instruction that has set the instruction pointer and perhaps
    /// flags, privilege or mode; null for the dispatcher.
    #[inline]
    pub(crate) fn after_transfer(&mut self) -> *const Op {
        self.leave |= self.boundary_due();
        if !self.leave
            && let Some(head) = self.known_target()
        {
            self.end_resume();
            return head;
        }
        core::ptr::null()
    }

    /// True if something may have to be done before the next instruction besides what ends the budget:
    /// an interrupt, a single step.
    #[inline]
    pub(crate) fn boundary_due(&self) -> bool {
        self.system_flags & rflags::TF != 0 || self.interruptible()
    }

    /// RF covers one instruction, and only instruction breakpoints look at it, before that starts. What
    /// faults pushes it set anyway.
    #[inline]
    pub(crate) fn end_resume(&mut self) {
        self.system_flags &= !rflags::RF;
    }

    /// Linear address of the instruction pointer, and how many bytes from it the code segment allows.
    fn code_address(&self) -> Result<(u64, u64), Fault> {
        if self.ip_mask == u64::MAX {
            // SYSRET on AMD and others leave the check to the fetch.
            return if self.is_canonical(self.rip) { Ok((self.rip, u64::MAX)) } else { Err(gp(0)) };
        }
        let limit = u64::from(self.segments[1].limit);
        if self.rip > limit {
            return Err(gp(0));
        }
        let linear = self.rip.wrapping_add(self.segments[1].base) & 0xffff_ffff;
        Ok((linear, limit - self.rip + 1))
    }

    /// Drops the blocks whose bytes were written; leaves the current one if it is among them.
    #[inline]
    pub(crate) fn drain_stale_code(&mut self) {
        if self.memory().code().has_stale() {
            self.drop_stale_code();
        }
    }

    #[cold]
    #[inline(never)]
    fn drop_stale_code(&mut self) {
        let code = self.memory().code();
        for (page, bytes) in code.take_stale() {
            let dropped = self.code.drop_written(page, &bytes, self.current, code);
            self.leave |= dropped.current;
            if dropped.any {
                self.unlinked = core::ptr::null();
            } else {
                self.code.stats.harmless += 1;
            }
        }
    }

    /// Keeps the jump tag's mode bits after a change of CPL, code size, or real and virtual-8086 mode.
    pub(crate) fn update_jump_tag(&mut self) {
        let (user, vex) = (u64::from(self.cpl == 3), u64::from(self.vex));
        self.tlb.jumps.set_mode(vex << 3 | user << 2 | self.code_size as u64);
    }
}
