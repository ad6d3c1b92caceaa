//! Who may go where: the privilege and type rules of transfers and task switches, as functions of
//! selectors and descriptors alone.
//!
//! SDM Vol. 3A, "Privilege Levels", "Privilege Level Checking When Transferring Program Control Between
//! Code Segments", "Task Switching" (the table of exception conditions); Vol. 2, the pseudo-code of CALL,
//! JMP, RET, IRET and INT n. Presence is looked at last. What an error code names, the callers know.

use arch::exception::Vector;
use arch::segment::{Descriptor, Selector, attr};

/// What a rule says: nothing, or the exception.
pub(crate) type Verdict = Result<(), Vector>;

fn require(good: bool, vector: Vector) -> Verdict {
    if good { Ok(()) } else { Err(vector) }
}

/// L without D, which is what 64-bit code is.
fn is_long(descriptor: Descriptor) -> bool {
    descriptor.attributes() & (attr::L | attr::DB) == attr::L
}

/// L and D both set: reserved in long mode.
fn is_reserved(descriptor: Descriptor) -> bool {
    descriptor.attributes() & (attr::L | attr::DB) == attr::L | attr::DB
}

/// JMP and CALL straight to a code segment.
pub(crate) fn direct(cpl: u8, selector: Selector, code: Descriptor, long_mode: bool) -> Verdict {
    let privilege = if code.is_conforming() {
        code.dpl() <= cpl
    } else {
        selector.rpl() <= cpl && code.dpl() == cpl
    };
    let good = code.is_code() && privilege && !(long_mode && is_reserved(code));
    require(good, Vector::GP)?;
    require(code.present(), Vector::NP)
}

/// The code segment behind a call gate, for CALL, and behind an interrupt or trap gate: as privileged
/// as the program, or more. In long mode it is 64-bit code.
pub(crate) fn behind_gate(cpl: u8, code: Descriptor, long_mode: bool) -> Verdict {
    let good = code.is_code() && code.dpl() <= cpl && (!long_mode || is_long(code));
    require(good, Vector::GP)?;
    require(code.present(), Vector::NP)
}

/// The code segment behind a call gate, for JMP, which stays at its level.
pub(crate) fn jump_behind_gate(cpl: u8, code: Descriptor, long_mode: bool) -> Verdict {
    require(code.is_conforming() || code.dpl() == cpl, Vector::GP)?;
    behind_gate(cpl, code, long_mode)
}

/// The code segment that a RET or IRET goes back to, at the selector's RPL.
pub(crate) fn back_to(cpl: u8, selector: Selector, code: Descriptor, long_mode: bool) -> Verdict {
    let rpl = selector.rpl();
    let privilege = if code.is_conforming() { code.dpl() <= rpl } else { code.dpl() == rpl };
    let good = rpl >= cpl && code.is_code() && privilege && !(long_mode && is_reserved(code));
    require(good, Vector::GP)?;
    require(code.present(), Vector::NP)
}

/// A stack segment for CPL `cpl`; `vector` is #GP for a load and on the way out, #TS on the way in or of a task.
pub(crate) fn stack(cpl: u8, selector: Selector, ss: Descriptor, vector: Vector) -> Verdict {
    let good = selector.rpl() == cpl && ss.dpl() == cpl && ss.is_writable_data();
    require(good, vector)?;
    require(ss.present(), Vector::SS)
}

/// The code segment of a new task, which runs at the selector's RPL.
pub(crate) fn task_code(selector: Selector, code: Descriptor) -> Verdict {
    let rpl = selector.rpl();
    let privilege = if code.is_conforming() { code.dpl() <= rpl } else { code.dpl() == rpl };
    require(code.is_code() && privilege, Vector::TS)?;
    require(code.present(), Vector::NP)
}

/// A segment for DS, ES, FS or GS; `vector` is #GP for a load, and #TS for a new task.
pub(crate) fn data(cpl: u8, selector: Selector, data: Descriptor, vector: Vector) -> Verdict {
    let privilege = data.is_conforming() || data.dpl() >= cpl && data.dpl() >= selector.rpl();
    require(data.is_readable() && privilege, vector)?;
    require(data.present(), Vector::NP)
}

#[cfg(test)]
mod tests;
