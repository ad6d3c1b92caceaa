//! The machine under a debugger.
//!
//! Three may want the machine to stop at one address: gdb, the goal of a run, and the guard that sees
//! firmware start a disk although it has a kernel. Each has its own breakpoints here; the CPU has one at
//! an address as long as any of them does.

use crate::symbols::Symbols;
use core::ops::{Deref, DerefMut};
use cpu::{DebugStop, WatchKind, Watchpoint};
use machine::{Machine, Stop};
use std::collections::BTreeMap;
use std::rc::Rc;

/// Where firmware puts a boot sector and starts it: IBM PC/AT Technical Reference, INT 19h.
const BOOT_SECTOR: u64 = 0x7c00;

/// Which of gdb's two kinds of breakpoints are set at an address.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub(super) struct Kinds {
    pub(super) software: bool,
    pub(super) hardware: bool,
}

/// What gdb has asked the machine to do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Plan {
    /// Run.
    Continue,
    /// Run until so many instructions have retired.
    Step(u64),
}

/// A machine with what a debugger has set in it. It is a [`Machine`] to everybody else.
pub struct Debuggee {
    machine: Machine,
    pub(super) plan: Plan,
    /// Addresses are physical.
    pub(super) physical: bool,
    breakpoints: BTreeMap<u64, Kinds>,
    /// A breakpoint of the command's own, which gdb cannot remove.
    goal: Option<u64>,
    /// Names for `monitor`.
    pub(super) symbols: Rc<Symbols>,
    /// There is a breakpoint at the boot sector, because firmware should start a kernel.
    guarded: bool,
}

impl Deref for Debuggee {
    type Target = Machine;
    fn deref(&self) -> &Machine {
        &self.machine
    }
}

impl DerefMut for Debuggee {
    fn deref_mut(&mut self) -> &mut Machine {
        &mut self.machine
    }
}

impl Debuggee {
    /// A machine that no debugger looks at yet.
    pub fn new(machine: Machine) -> Self {
        Self {
            machine,
            plan: Plan::Continue,
            physical: false,
            breakpoints: BTreeMap::new(),
            goal: None,
            symbols: Rc::default(),
            guarded: false,
        }
    }

    /// `monitor` names addresses by these from now on.
    pub fn set_symbols(&mut self, symbols: &Rc<Symbols>) {
        self.symbols = Rc::clone(symbols);
    }

    /// Stops the machine before the instruction at a linear address, whoever else debugs it.
    pub fn set_goal(&mut self, linear: u64) {
        self.goal = Some(linear);
        self.machine.cpu_mut().set_breakpoint(linear);
    }

    /// True if the stop is at the goal.
    pub fn is_goal(&self, stop: DebugStop) -> bool {
        matches!(stop, DebugStop::Breakpoint { linear } if self.goal == Some(linear))
    }

    /// Watches that firmware does not start a boot sector before it has asked for the kernel it is
    /// offered. To be called after each boot; without firmware or kernel there is nothing to watch.
    pub fn guard_kernel(&mut self) {
        if self.machine.kernel_ignored() {
            self.guarded = self.machine.cpu_mut().set_breakpoint(BOOT_SECTOR);
        } else {
            self.drop_guard();
        }
    }

    /// True if the machine has stopped where firmware starts a boot sector, and its kernel was not asked
    /// for: the firmware is one that does not know of fw_cfg. Looked at once in a boot.
    pub fn ignores_kernel(&mut self, stop: Stop) -> bool {
        let sector = Stop::Debug(DebugStop::Breakpoint { linear: BOOT_SECTOR });
        let here = self.guarded && stop == sector;
        if here {
            self.drop_guard();
        }
        here && self.machine.kernel_ignored()
    }

    fn drop_guard(&mut self) {
        self.guarded = false;
        self.clear_unless_wanted(BOOT_SECTOR);
    }

    /// True if gdb has set what stopped the machine.
    pub fn is_gdbs(&self, stop: DebugStop) -> bool {
        match stop {
            DebugStop::Breakpoint { linear } => self.breakpoints.contains_key(&linear),
            DebugStop::Watchpoint { .. } => true,
        }
    }

    /// Removes the CPU's breakpoint at an address where nobody has one any more.
    fn clear_unless_wanted(&mut self, linear: u64) {
        let guard = self.guarded && linear == BOOT_SECTOR;
        if !guard && self.goal != Some(linear) && !self.breakpoints.contains_key(&linear) {
            self.machine.cpu_mut().clear_breakpoint(linear);
        }
    }

    /// The count of retired instructions at which a step is done; `None` unless one is asked for.
    pub fn step_goal(&self) -> Option<u64> {
        match self.plan {
            Plan::Continue => None,
            Plan::Step(goal) => Some(goal),
        }
    }

    /// What kinds of gdb's breakpoints are at an address.
    pub(super) fn kinds(&self, linear: u64) -> Kinds {
        self.breakpoints.get(&linear).copied().unwrap_or_default()
    }

    /// Changes what kinds are at an address; false if there are too many.
    pub(super) fn change_breakpoint(&mut self, linear: u64, change: fn(&mut Kinds)) -> bool {
        let mut kinds = self.kinds(linear);
        change(&mut kinds);
        if kinds != Kinds::default() {
            let set = self.machine.cpu_mut().set_breakpoint(linear);
            if set {
                self.breakpoints.insert(linear, kinds);
            }
            return set;
        }
        let was = self.breakpoints.remove(&linear).is_some();
        self.clear_unless_wanted(linear);
        was
    }

    pub(super) fn set_watchpoint(&mut self, linear: u64, bytes: u64, kind: WatchKind) -> bool {
        self.machine.cpu_mut().set_watchpoint(Watchpoint { linear, bytes, kind })
    }

    pub(super) fn clear_watchpoint(&mut self, linear: u64, bytes: u64, kind: WatchKind) -> bool {
        self.machine.cpu_mut().clear_watchpoint(Watchpoint { linear, bytes, kind })
    }

    /// Nobody debugs any more: everything but the goal and the guard is removed.
    pub fn release(&mut self) {
        self.breakpoints.clear();
        self.plan = Plan::Continue;
        self.physical = false;
        self.machine.cpu_mut().clear_debugger();
        let guard = self.guarded.then_some(BOOT_SECTOR);
        for linear in self.goal.into_iter().chain(guard) {
            self.machine.cpu_mut().set_breakpoint(linear);
        }
    }
}
