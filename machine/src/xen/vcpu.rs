//! vcpu_op: `public/vcpu.h`. The one vCPU is up.
//!
//! Not emulated: bringing up others; the runstate area is written when it is registered and not kept up to date
//! (nothing is ever stolen from the guest; time in HLT counts as running).

use super::caller::{Answer, Caller, Errno};
use super::shared::VCPU_INFO;
use super::table::{Operation, int, operation};
use super::{Shutdown, Xen, time};
use arch::time::Instant;
use memory::PAGE_SIZE;

/// `VCPUOP_*`; what is not here answers -ENOSYS: get_physid (12), areas by physical address (14 to 16).
static OPERATIONS: &[(u64, Operation)] = &[
    (0, initialise),
    (1, |_, _, _| Ok(0)), // up: it is
    (2, down),
    (3, |_, _, _| Ok(1)), // is_up
    (4, get_runstate_info),
    (5, register_runstate_memory_area),
    (6, set_periodic_timer),
    (7, stop_periodic_timer),
    (8, set_singleshot_timer),
    (9, stop_singleshot_timer),
    (10, register_vcpu_info),
    (11, send_nmi),
    (13, register_vcpu_time_memory_area),
];

/// vcpu_op(command, vcpu, structure).
pub(super) fn serve(xen: &mut Xen, caller: &Caller<'_>, args: &[u64; 6]) -> Answer {
    let [command, vcpu, at, ..] = *args;
    if int(vcpu) != 0 {
        return Err(Errno::NoEnt);
    }
    operation(OPERATIONS, int(command))?(xen, caller, at)
}

/// It was when the domain started.
fn initialise(_xen: &mut Xen, _caller: &Caller<'_>, _at: u64) -> Answer {
    Err(Errno::Exist)
}

/// With its last vCPU the domain goes.
fn down(xen: &mut Xen, _caller: &Caller<'_>, _at: u64) -> Answer {
    xen.effects.shutdown = Some(Shutdown::PowerOff);
    Ok(0)
}

fn send_nmi(xen: &mut Xen, _caller: &Caller<'_>, _at: u64) -> Answer {
    xen.effects.nmi = true;
    Ok(0)
}

/// `vcpu_runstate_info`: running since the start. The 64-bit numbers of 32-bit code lie four bytes lower.
fn write_runstate(caller: &Caller<'_>, at: u64) -> Answer {
    let entry_time = if caller.wide { 8 } else { 4 };
    let mut out = [0; 48];
    let times = entry_time + 8;
    out[times..times + 8].copy_from_slice(&caller.now.ns().to_le_bytes());
    caller.write(at, &out[..times + 4 * 8])?;
    Ok(0)
}

fn get_runstate_info(_xen: &mut Xen, caller: &Caller<'_>, at: u64) -> Answer {
    write_runstate(caller, at)
}

/// The structure is a union that holds a linear address.
fn register_runstate_memory_area(_xen: &mut Xen, caller: &Caller<'_>, at: u64) -> Answer {
    let area = caller.read::<8>(at)?.long(0, caller.long());
    // None: the guest takes its registration back. An area that cannot be written is no error to Xen.
    if area != 0 {
        let _ = write_runstate(caller, area);
    }
    Ok(0)
}

/// `vcpu_set_periodic_timer`: period_ns.
fn set_periodic_timer(xen: &mut Xen, caller: &Caller<'_>, at: u64) -> Answer {
    let period_ns = caller.read::<8>(at)?.u64(0);
    xen.timers.set_periodic(period_ns, caller.now).map(|()| 0)
}

fn stop_periodic_timer(xen: &mut Xen, _caller: &Caller<'_>, _at: u64) -> Answer {
    xen.timers.stop_periodic();
    Ok(0)
}

/// `vcpu_set_singleshot_timer`: timeout_abs_ns, flags.
fn set_singleshot_timer(xen: &mut Xen, caller: &Caller<'_>, at: u64) -> Answer {
    const FUTURE: u32 = 1;
    let fields = caller.read::<12>(at)?;
    let timeout = Instant(fields.u64(0));
    if fields.u32(8) & FUTURE != 0 && timeout < caller.now {
        return Err(Errno::Time);
    }
    xen.timers.set_single(Some(timeout));
    Ok(0)
}

fn stop_singleshot_timer(xen: &mut Xen, _caller: &Caller<'_>, _at: u64) -> Answer {
    xen.timers.set_single(None);
    Ok(0)
}

/// `vcpu_register_vcpu_info`: mfn, offset. Once, within a page of RAM.
fn register_vcpu_info(xen: &mut Xen, caller: &Caller<'_>, at: u64) -> Answer {
    let fields = caller.read::<16>(at)?;
    let (frame, offset) = (fields.u64(0), u64::from(fields.u32(8)));
    if offset > PAGE_SIZE - VCPU_INFO || !caller.is_ram_page(frame) {
        return Err(Errno::Inval);
    }
    if !xen.shared.move_vcpu_info(caller.memory, frame * PAGE_SIZE + offset) {
        return Err(Errno::Inval);
    }
    // Nothing may get lost.
    xen.shared.select_all(caller.memory);
    xen.mark_pending(caller.memory);
    Ok(0)
}

/// `vcpu_register_time_memory_area`: a linear address, within a page here.
fn register_vcpu_time_memory_area(xen: &mut Xen, caller: &Caller<'_>, at: u64) -> Answer {
    let area = caller.read::<8>(at)?.long(0, caller.long());
    xen.time_area = if area == 0 { None } else { Some(caller.place(area, time::INFO)?) };
    xen.update_time(caller.memory, caller.now);
    Ok(0)
}
