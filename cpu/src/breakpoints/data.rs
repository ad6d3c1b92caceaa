//! Data watchpoints and I/O breakpoints: traps behind the instruction.

use super::{DebugStop, WatchKind, Watchpoint};
use crate::cpu::Cpu;
use arch::paging::{PAGE_MASK, PAGE_SIZE};

/// Whose watchpoint it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Owner {
    /// The guest's, with its DR6 bit.
    Guest(u64),
    Debugger(Watchpoint),
}

/// A watched range.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct DataWatch {
    pub(super) first: u64,
    /// Bytes behind the first.
    pub(super) beyond: u64,
    reads: bool,
    writes: bool,
    owner: Owner,
}

impl DataWatch {
    pub(super) fn of_debugger(watchpoint: &Watchpoint) -> Self {
        Self {
            first: watchpoint.linear,
            // A range ends where the address space does.
            beyond: (watchpoint.bytes - 1).min(!watchpoint.linear),
            reads: watchpoint.kind != WatchKind::Write,
            writes: watchpoint.kind != WatchKind::Read,
            owner: Owner::Debugger(*watchpoint),
        }
    }

    /// The length masks the address.
    pub(super) fn of_guest(at: u64, len: u64, reads: bool, bit: u64) -> Self {
        let first = at & !(len - 1);
        Self { first, beyond: len - 1, reads, writes: true, owner: Owner::Guest(bit) }
    }

    /// First watched byte of an access.
    fn touched(&self, linear: u64, bytes: u64) -> Option<u64> {
        if linear.wrapping_sub(self.first) <= self.beyond {
            Some(linear)
        } else if self.first.wrapping_sub(linear) < bytes {
            Some(self.first)
        } else {
            None
        }
    }
}

/// Watched ports.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct PortWatch {
    first: u64,
    ports: u64,
    bit: u64,
}

impl PortWatch {
    pub(super) fn new(at: u64, len: u64, bit: u64) -> Self {
        Self { first: at & !(len - 1), ports: len, bit }
    }
}

/// What a page with watched bytes may have of fast tags.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Withheld {
    /// None are withheld.
    Nothing,
    /// No write tag.
    Writes,
    /// No tag.
    All,
}

impl Cpu {
    /// What is withheld from a page because something in it is watched.
    #[inline(always)]
    pub(crate) fn withheld_tags(&self, linear: u64) -> Withheld {
        if self.breakpoints.data.is_empty() { Withheld::Nothing } else { self.withheld(linear) }
    }

    #[cold]
    #[inline(never)]
    fn withheld(&self, linear: u64) -> Withheld {
        let page = linear & !PAGE_MASK;
        let in_page = |watch: &&DataWatch| watch.touched(page, PAGE_SIZE).is_some();
        self.breakpoints.data.iter().filter(in_page).fold(Withheld::Nothing, |most, watch| {
            if watch.reads || most == Withheld::All { Withheld::All } else { Withheld::Writes }
        })
    }

    /// An access without a tag, which did not fault: is it watched?
    #[inline(always)]
    pub(crate) fn note_access(&mut self, linear: u64, bytes: u64, write: bool) {
        if !self.breakpoints.data.is_empty() {
            self.compare_access(linear, bytes, write);
        }
    }

    #[cold]
    #[inline(never)]
    fn compare_access(&mut self, linear: u64, bytes: u64, write: bool) {
        for watch in &self.breakpoints.data {
            if !(if write { watch.writes } else { watch.reads }) {
                continue;
            }
            let Some(at) = watch.touched(linear, bytes) else { continue };
            self.leave = true;
            match watch.owner {
                Owner::Guest(bit) => self.breakpoints.hits |= bit,
                Owner::Debugger(watchpoint) => {
                    let stop = DebugStop::Watchpoint { watchpoint, linear: at };
                    self.breakpoints.due.get_or_insert(stop);
                }
            }
        }
    }

    /// An access to a port: is it watched?
    #[inline(always)]
    pub(crate) fn note_port(&mut self, port: u16, bytes: u8) {
        for watch in &self.breakpoints.ports {
            let (port, bytes) = (u64::from(port), u64::from(bytes));
            if port < watch.first.saturating_add(watch.ports) && watch.first < port + bytes {
                self.breakpoints.hits |= watch.bit;
                self.leave = true;
            }
        }
    }

    /// True if accesses to ports have to be looked at one by one.
    pub(crate) fn watches_ports(&self) -> bool {
        !self.breakpoints.ports.is_empty()
    }
}
