//! Breakpoints and watchpoints: one mechanism for the guest's debug registers and for a debugger outside.
//!
//! Nothing in the hot loop looks for them: what is put into the caches changes instead.
//!
//! - *Execution* ([`code`]): in a linear page with a breakpoint, blocks come from a key space of their own
//!   where they are cut before every watched offset. Nothing leads to such an offset but the dispatcher (no
//!   link, no entry of the jump cache), and there the run loop looks before the instruction starts.
//! - *Data* ([`data`]): pages with a watched byte get no fast tags, so every access to them takes the slow
//!   path, where it is compared.
//! - *I/O*: compared at every access to a port, which is slow anyway.
//! - *Branch steps* ([`branch`]): IA32_DEBUGCTL.BTF, looked at only while RFLAGS.TF is set.
//!
//! SDM Vol. 3B, "Debug, Branch Profile, TSC, and Intel Resource Director Technology Features"; Vol. 3A,
//! "Masking Exceptions and Interrupts When Switching Stacks"; AMD APM Vol. 2, "Software-Debug Resources".
//! Where they leave a choice: B0-B3 of DR6 tell of enabled conditions alone and are replaced at every #DB
//! (AMD); LEN is an address mask for I/O too; R/W = 10 without CR4.DE and an execution breakpoint with a
//! length match nothing; an instruction that faults reports no data breakpoint. What is told of Zen 5 was seen
//! there by programs under ptrace (docs/hardware.md).
//!
//! Not modelled: last branch records (setting IA32_DEBUGCTL.LBR is refused), the address-mask MSRs of AMD,
//! RTM and bus-lock debugging (their bits read as fixed).

mod branch;
mod code;
mod data;

use crate::cpu::Cpu;
use arch::control::cr4;
use arch::debug::{dr6, dr7};
use arch::paging::{PAGE_MASK, PAGE_SIZE};
pub(crate) use code::AtCode;
pub(crate) use data::Withheld;
use data::{DataWatch, PortWatch};
use std::rc::Rc;

/// Most breakpoints, and most watchpoints, that a debugger can set.
pub const DEBUGGER_MAX: usize = 1024;

/// Of linear pages at most so many are visited one by one when watchpoints change.
const PAGES_VISITED: u64 = 64;

/// Which accesses a debugger's watchpoint sees.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum WatchKind {
    /// Writes.
    Write,
    /// Reads.
    Read,
    /// Both.
    Access,
}

/// A debugger's watchpoint: any range of linear addresses.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Watchpoint {
    /// First linear address.
    pub linear: u64,
    /// Bytes, at least 1.
    pub bytes: u64,
    /// Which accesses it sees.
    pub kind: WatchKind,
}

/// Why the CPU stopped for a debugger.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DebugStop {
    /// The instruction at this linear address has a breakpoint and has not started.
    Breakpoint {
        /// Linear address of the instruction.
        linear: u64,
    },
    /// The last instruction, or iteration of a repeated one, touched watched bytes and is complete.
    Watchpoint {
        /// The watchpoint.
        watchpoint: Watchpoint,
        /// First watched byte that was touched.
        linear: u64,
    },
}

/// Everything that is watched.
#[derive(Clone, Debug, Default)]
pub(crate) struct Breakpoints {
    /// Where the debugger wants to stop, ascending.
    stops: Vec<u64>,
    /// What the debugger watches.
    watches: Vec<Watchpoint>,

    // ---- what follows from them and from the debug registers ----
    /// Addresses of the guest's enabled execution breakpoints, with their DR6 bits.
    guest: Vec<(u64, u64)>,
    /// All execution breakpoints, ascending.
    code: Vec<u64>,
    /// Their offsets within a page, ascending.
    cuts: Rc<[u16]>,
    /// [`Breakpoints::code`] has changed, and blocks cut by the old ones may still be there.
    recut: bool,
    data: Vec<DataWatch>,
    ports: Vec<PortWatch>,

    // ---- the run in progress ----
    /// DR6 bits of the data and I/O breakpoints that the current instruction has met.
    hits: u64,
    /// The debugger's stop that is due at the next boundary.
    due: Option<DebugStop>,
    /// Retired count and linear address of the execution breakpoint reported last: not again.
    passed: Option<(u64, u64)>,
    /// Retired count at which a repeated string instruction paused between iterations.
    paused: Option<u64>,
}

impl Cpu {
    /// Sets a debugger's breakpoint: the run stops before the instruction at this linear address, in any
    /// address space. False if there are too many.
    pub fn set_breakpoint(&mut self, linear: u64) -> bool {
        let stops = &mut self.breakpoints.stops;
        if let Err(place) = stops.binary_search(&linear) {
            if stops.len() >= DEBUGGER_MAX {
                return false;
            }
            stops.insert(place, linear);
            self.rearm();
        }
        true
    }

    /// Removes a debugger's breakpoint; false if there was none.
    pub fn clear_breakpoint(&mut self, linear: u64) -> bool {
        let stops = &mut self.breakpoints.stops;
        let Ok(place) = stops.binary_search(&linear) else { return false };
        stops.remove(place);
        self.rearm();
        true
    }

    /// Sets a debugger's watchpoint; false if it is empty or there are too many.
    pub fn set_watchpoint(&mut self, watchpoint: Watchpoint) -> bool {
        let watches = &mut self.breakpoints.watches;
        if watchpoint.bytes == 0 || watches.len() >= DEBUGGER_MAX {
            return false;
        }
        if !watches.contains(&watchpoint) {
            watches.push(watchpoint);
            self.rearm();
        }
        true
    }

    /// Removes a debugger's watchpoint; false if there was none.
    pub fn clear_watchpoint(&mut self, watchpoint: Watchpoint) -> bool {
        let watches = &mut self.breakpoints.watches;
        let Some(place) = watches.iter().position(|watch| *watch == watchpoint) else {
            return false;
        };
        watches.remove(place);
        self.rearm();
        true
    }

    /// Removes everything that a debugger has set.
    pub fn clear_debugger(&mut self) {
        self.breakpoints.stops.clear();
        self.breakpoints.watches.clear();
        self.breakpoints.due = None;
        self.rearm();
    }

    /// Lets the next run start with the current instruction even if it has a debugger's breakpoint.
    pub fn pass_breakpoint(&mut self) {
        self.breakpoints.passed = Some((self.retired(), self.linear_ip()));
    }

    /// Takes what a debugger has set over from the CPU that this one replaces.
    pub fn continue_debugger(&mut self, before: &mut Self) {
        self.breakpoints.stops = core::mem::take(&mut before.breakpoints.stops);
        self.breakpoints.watches = core::mem::take(&mut before.breakpoints.watches);
        self.rearm();
    }

    /// Derives what is watched after a change of a debug register, of CR4.DE or of the debugger's wishes.
    pub(crate) fn rearm(&mut self) {
        let de = self.cr4 & cr4::DE != 0;
        let state = &mut self.breakpoints;
        state.guest.clear();
        state.ports.clear();
        let mut data = Vec::new();
        for watch in &state.watches {
            data.push(DataWatch::of_debugger(watch));
        }
        for n in 0..4 {
            if self.dr7 & dr7::enable(n) == 0 {
                continue;
            }
            let (at, len, bit) = (self.dr[n as usize], dr7::len(self.dr7, n), dr6::b(n));
            match dr7::kind(self.dr7, n) {
                dr7::EXECUTE if len == 1 => state.guest.push((at, bit)),
                dr7::WRITE => data.push(DataWatch::of_guest(at, len, false, bit)),
                dr7::ACCESS => data.push(DataWatch::of_guest(at, len, true, bit)),
                dr7::PORT if de => state.ports.push(PortWatch::new(at, len, bit)),
                _ => {}
            }
        }
        self.arm_code();
        self.arm_data(data);
    }

    /// Replaces what is watched in memory; the pages concerned lose their fast tags.
    fn arm_data(&mut self, data: Vec<DataWatch>) {
        if self.breakpoints.data == data {
            return;
        }
        let old = core::mem::replace(&mut self.breakpoints.data, data);
        for watch in old.iter().chain(&self.breakpoints.data) {
            let pages = ((watch.first & PAGE_MASK) + watch.beyond).div_ceil(PAGE_SIZE) + 1;
            if pages > PAGES_VISITED {
                self.tlb.drop_all_tags();
                return;
            }
            for page in 0..pages {
                self.tlb.drop_page_tags(watch.first.wrapping_add(page * PAGE_SIZE));
            }
        }
    }

    /// DR6 as a #DB of these conditions leaves it. BTF ends with every #DB.
    pub(crate) fn report_debug(&mut self, conditions: u64) {
        self.dr6 = self.dr6 & !dr6::CONDITIONS | conditions;
        self.end_branch_steps();
    }

    /// At a boundary: what the instruction that has just retired has met becomes pending.
    pub(crate) fn collect_hits(&mut self) {
        self.pending_debug |= core::mem::take(&mut self.breakpoints.hits);
    }

    /// The current instruction faulted: it reports no data breakpoint.
    pub(crate) fn forget_hits(&mut self) {
        self.breakpoints.hits = 0;
        if let Some(DebugStop::Watchpoint { .. }) = self.breakpoints.due {
            self.breakpoints.due = None;
        }
    }

    /// The debugger's stop that is due at this boundary.
    pub(crate) fn take_debug_stop(&mut self) -> Option<DebugStop> {
        self.breakpoints.due.take()
    }
}

#[cfg(all(test, target_arch = "x86_64", target_os = "linux"))]
mod native_tests;
#[cfg(test)]
mod tests;
