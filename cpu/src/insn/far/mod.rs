//! Transfers between segments: far JMP, CALL and RET, call gates, IRET, INT n.
//!
//! SDM Vol. 2 ("CALL", "JMP", "RET", "IRET", "INT n"), Vol. 3A, "Protection". Here is what the ways into
//! a code segment share.
//!
//! | file | what |
//! |---|---|
//! | `jump_call.rs` | far JMP and CALL, through call gates too |
//! | `ret.rs` | far RET, and what IRET shares with it |
//! | `iret.rs` | IRET, into virtual-8086 mode too |
//! | `int.rs` | INT n, INT3, INTO, INT1; redirection in virtual-8086 mode |
//!
//! The rules of privilege and type are in `mmu/rules.rs`, as functions of descriptors.

mod int;
mod iret;
mod jump_call;
mod ret;

pub(crate) use int::*;
pub(crate) use iret::*;
pub(crate) use jump_call::*;
pub(crate) use ret::*;

use crate::cpu::{Cpu, Fault, gp};
use arch::exception::Vector;
use arch::segment::{Descriptor, SegReg, Segment, Selector, attr};

/// A code segment found good, and where to go in it.
struct Target {
    cs: Segment,
    ip: u64,
}

impl Cpu {
    /// True where selectors name paragraphs, not descriptors.
    fn real_addressing(&self) -> bool {
        !self.protected_mode() || self.v8086()
    }

    /// The CS of a real-mode or V86 transfer; the offset must be within its limit.
    fn real_target(&self, selector: u16, ip: u64) -> Result<Target, Fault> {
        let old = self.segments[SegReg::Cs as usize];
        if ip > u64::from(old.limit) {
            return Err(gp(0));
        }
        let cs = Segment { selector: Selector(selector), base: u64::from(selector) << 4, ..old };
        Ok(Target { cs, ip })
    }

    /// Checks the offset against a code segment about to be entered.
    fn checked_ip(&self, descriptor: Descriptor, ip: u64) -> Result<u64, Fault> {
        let long = self.long_mode() && descriptor.attributes() & attr::L != 0;
        let good = if long { self.is_canonical(ip) } else { ip <= u64::from(descriptor.limit()) };
        if good { Ok(ip) } else { Err(gp(0)) }
    }

    /// Reads the descriptor that a far pointer names; null is #GP(0).
    fn far_descriptor(&mut self, selector: Selector) -> Result<Descriptor, Fault> {
        if selector.is_null() {
            return Err(gp(0));
        }
        self.read_descriptor(selector, Vector::GP)
    }

    fn enter(&mut self, target: &Target) {
        self.set_segment(SegReg::Cs, target.cs);
        self.rip = target.ip;
    }
}

#[cfg(test)]
mod random_tests;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod virtual_tests;
