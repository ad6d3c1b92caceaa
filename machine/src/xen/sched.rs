//! sched_op: `public/sched.h`.
//!
//! A poll returns at once, as one may that another event woke. Not emulated: suspend, watchdogs.

use super::caller::{Answer, Caller, Errno};
use super::table::{Operation, int, operation};
use super::{Shutdown, Xen};

/// `SCHEDOP_*`; what is not here answers -ENOSYS: watchdog (6).
static OPERATIONS: &[(u64, Operation)] = &[
    (0, |_, _, _| Ok(0)), // yield: there is nobody else
    (1, block),
    (2, shutdown),
    (3, poll),
    (4, remote_shutdown),
    (5, shutdown_code),
    (7, |_, _, _| Err(Errno::Perm)), // pin_override: the hardware domain's
];

/// sched_op(command, structure).
pub(super) fn serve(xen: &mut Xen, caller: &Caller<'_>, args: &[u64; 6]) -> Answer {
    operation(OPERATIONS, int(args[0]))?(xen, caller, args[1])
}

/// Upcalls are unmasked; if there is one, it is not waited for.
fn block(xen: &mut Xen, caller: &Caller<'_>, _at: u64) -> Answer {
    xen.shared.unmask_upcalls(caller.memory);
    xen.effects.wait = !xen.shared.is_upcall_pending(caller.memory);
    Ok(0)
}

/// `sched_shutdown`: reason.
fn shutdown(xen: &mut Xen, caller: &Caller<'_>, at: u64) -> Answer {
    let reason = match caller.read::<4>(at)?.u32(0) {
        0 => Shutdown::PowerOff,
        1 => Shutdown::Reboot,
        // 2 is suspend.
        3 | 4 => Shutdown::Crash,
        5 => Shutdown::Reboot, // soft reset: a new start of the domain here
        _ => return Err(Errno::Inval),
    };
    xen.effects.shutdown = Some(reason);
    Ok(0)
}

/// The reason of a shutdown by other means: it is kept by nobody.
fn shutdown_code(_xen: &mut Xen, caller: &Caller<'_>, at: u64) -> Answer {
    caller.read::<4>(at)?;
    Ok(0)
}

/// `sched_poll`: ports, nr_ports, timeout.
fn poll(xen: &mut Xen, caller: &Caller<'_>, at: u64) -> Answer {
    const PORTS_MAX: u32 = 128;
    let (long, fields) = (caller.long(), caller.read::<16>(at)?);
    let (ports, count) = (fields.long(0, long), fields.u32(long));
    if count > PORTS_MAX {
        return Err(Errno::Inval);
    }
    for n in 0..u64::from(count) {
        let port = caller.read::<4>(ports.wrapping_add(4 * n))?.u32(0);
        if port as usize >= xen.channels.len() {
            return Err(Errno::Inval);
        }
    }
    Ok(0)
}

/// `sched_remote_shutdown`: domain_id. Of others, which nobody here may.
fn remote_shutdown(_xen: &mut Xen, caller: &Caller<'_>, at: u64) -> Answer {
    match caller.read::<8>(at)?.u16(0) {
        super::domid::CONTROL => Err(Errno::Perm),
        _ => Err(Errno::Srch),
    }
}
