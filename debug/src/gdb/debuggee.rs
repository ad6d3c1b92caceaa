//! The machine under a debugger.

use crate::symbols::Symbols;
use core::ops::{Deref, DerefMut};
use cpu::{DebugStop, WatchKind, Watchpoint};
use machine::Machine;
use std::collections::BTreeMap;
use std::rc::Rc;

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
        if was && self.goal != Some(linear) {
            self.machine.cpu_mut().clear_breakpoint(linear);
        }
        was
    }

    pub(super) fn set_watchpoint(&mut self, linear: u64, bytes: u64, kind: WatchKind) -> bool {
        self.machine.cpu_mut().set_watchpoint(Watchpoint { linear, bytes, kind })
    }

    pub(super) fn clear_watchpoint(&mut self, linear: u64, bytes: u64, kind: WatchKind) -> bool {
        self.machine.cpu_mut().clear_watchpoint(Watchpoint { linear, bytes, kind })
    }

    /// Nobody debugs any more: everything but the goal is removed.
    pub fn release(&mut self) {
        self.breakpoints.clear();
        self.plan = Plan::Continue;
        self.physical = false;
        self.machine.cpu_mut().clear_debugger();
        if let Some(goal) = self.goal {
            self.machine.cpu_mut().set_breakpoint(goal);
        }
    }
}
