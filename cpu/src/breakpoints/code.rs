//! Execution breakpoints: faults before the instruction, matched by the linear address of its first byte.

use super::{Breakpoints, DebugStop};
use crate::cpu::Cpu;
use arch::paging::PAGE_MASK;
use arch::rflags;
use std::rc::Rc;

/// What waits at the instruction that is about to start.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum AtCode {
    /// Nothing.
    Nothing,
    /// A #DB of the guest's, with its DR6 bits.
    Guest(u64),
    /// The debugger.
    Debugger(DebugStop),
}

impl Breakpoints {
    /// Offsets at which blocks of a linear page are cut; `None` for a page without a breakpoint. They are
    /// those of all breakpoints, because pages that are mapped twice share their blocks.
    #[inline]
    pub(crate) fn cuts(&self, linear: u64) -> Option<Rc<[u16]>> {
        if self.code.is_empty() || !self.in_page(linear) {
            return None;
        }
        Some(Rc::clone(&self.cuts))
    }

    #[cold]
    #[inline(never)]
    fn in_page(&self, linear: u64) -> bool {
        let page = linear & !PAGE_MASK;
        let first = self.code.partition_point(|&at| at < page);
        self.code.get(first).is_some_and(|at| at & !PAGE_MASK == page)
    }
}

impl Cpu {
    /// True if a breakpoint may be at the instruction pointer: the run loop has to look.
    #[inline]
    pub(crate) fn at_breakpoint(&self) -> bool {
        !self.breakpoints.code.is_empty() && self.is_breakpoint(self.linear_ip())
    }

    #[cold]
    #[inline(never)]
    fn is_breakpoint(&self, linear: u64) -> bool {
        self.breakpoints.code.binary_search(&linear).is_ok()
    }

    /// What waits at the instruction that is about to start. RF suppresses the guest's breakpoints; the
    /// debugger's are met once. A load of SS before it suppresses none: Intel says so, Zen does not.
    pub(crate) fn code_breakpoint(&mut self) -> AtCode {
        if !self.at_breakpoint() {
            return AtCode::Nothing;
        }
        let linear = self.linear_ip();
        let here = (self.retired(), linear);
        let state = &mut self.breakpoints;
        let between = state.paused == Some(here.0);
        if !between && state.passed != Some(here) && state.stops.binary_search(&linear).is_ok() {
            state.passed = Some(here);
            return AtCode::Debugger(DebugStop::Breakpoint { linear });
        }
        if self.system_flags & rflags::RF != 0 {
            return AtCode::Nothing;
        }
        let met = self.breakpoints.guest.iter().filter(|(at, _)| *at == linear);
        match met.fold(0, |bits, (_, bit)| bits | bit) {
            0 => AtCode::Nothing,
            bits => AtCode::Guest(bits),
        }
    }

    /// A repeated string instruction stays at its place between two iterations. What is pushed there has
    /// RF set, and its breakpoint is not met again: SDM Vol. 3B, "Instruction-Breakpoint Exception
    /// Condition".
    pub(crate) fn pause_repetition(&mut self) {
        self.system_flags |= rflags::RF;
        self.breakpoints.paused = Some(self.retired());
    }

    /// A step between two iterations, where nothing watched was touched, finds RF as it was before (seen on Zen 5).
    pub(crate) fn keep_resume(&mut self, before: u64) {
        if self.breakpoints.paused == Some(self.retired()) && self.breakpoints.hits == 0 {
            self.system_flags = self.system_flags & !rflags::RF | before;
        }
    }

    /// Derives where blocks are cut.
    pub(super) fn arm_code(&mut self) {
        let state = &mut self.breakpoints;
        let guest = state.guest.iter().map(|(at, _)| *at);
        let mut code: Vec<u64> = state.stops.iter().copied().chain(guest).collect();
        code.sort_unstable();
        code.dedup();
        if code == state.code {
            return;
        }
        let mut cuts: Vec<u16> = code.iter().map(|at| (at & PAGE_MASK) as u16).collect();
        cuts.sort_unstable();
        cuts.dedup();
        state.cuts = cuts.into();
        state.code = code;
        state.recut = true;
    }

    /// Drops the blocks that were cut by other breakpoints than there are now, and every way that leads
    /// past those. Only at a boundary: no block is being executed.
    #[inline]
    pub(crate) fn recut_blocks(&mut self) {
        if core::mem::take(&mut self.breakpoints.recut) {
            self.drop_cut_blocks();
        }
    }

    #[cold]
    #[inline(never)]
    fn drop_cut_blocks(&mut self) {
        self.unlinked = core::ptr::null();
        self.tlb.new_epoch();
        let code = self.memory().code();
        self.code.drop_cut(code);
    }
}
