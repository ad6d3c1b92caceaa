//! Event channels: `public/event_channel.h`, with the 2-level ABI of pending and mask bits.
//!
//! An upcall is told to the guest once for each time `evtchn_upcall_pending` is set: as an edge at the local
//! APIC (HVMOP_set_evtchn_upcall_vector), or by the vector of HVM_PARAM_CALLBACK_IRQ past it. Of the latter Xen
//! makes a level: it interrupts again as long as the guest leaves the byte set. Here it does not, and a byte
//! that the guest clears with interrupts masked is told all the same.
//!
//! Not emulated: FIFO ABI (a guest falls back on -ENOSYS), physical interrupts, other domains than the one
//! that has the console.

use super::caller::{Answer, Caller, Errno};
use super::table::{Operation, int, operation};
use super::{Callback, Xen, console, domid};
use memory::Memory;
use serde::Serialize;

/// Ports of a domain: what xl gives by default.
pub(super) const PORTS: usize = 1024;
/// Kinds of virtual interrupts.
const VIRQS: u32 = 24;
/// The timer's.
pub(super) const VIRQ_TIMER: u32 = 0;
/// Those of one vCPU; others belong to the domain.
const VCPU_VIRQS: [u32; 3] = [VIRQ_TIMER, 1, 7];
const ARCH_VIRQ_FIRST: u32 = 16;

/// What a port is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub(super) enum Channel {
    Free,
    /// Port 0.
    Reserved,
    /// Waits for this domain to connect.
    Unbound {
        remote: u16,
    },
    /// Leads to the console.
    Console,
    /// Leads to another port of this domain.
    Loop {
        port: u32,
    },
    Virq(u32),
    Ipi,
}

/// `EVTCHNOP_*`; what is not here answers -ENOSYS: init_control, expand_array and set_priority of the FIFO ABI.
static OPERATIONS: &[(u64, Operation)] = &[
    (0, bind_interdomain),
    (1, bind_virq),
    (2, bind_pirq),
    (3, close),
    (4, send),
    (5, status),
    (6, alloc_unbound),
    (7, bind_ipi),
    (8, bind_vcpu),
    (9, unmask),
    (10, reset),
];

/// event_channel_op(command, structure).
pub(super) fn serve(xen: &mut Xen, caller: &Caller<'_>, args: &[u64; 6]) -> Answer {
    operation(OPERATIONS, int(args[0]))?(xen, caller, args[1])
}

impl Xen {
    fn channel(&self, port: u32) -> Result<Channel, Errno> {
        self.channels.get(port as usize).copied().ok_or(Errno::Inval)
    }

    fn free_port(&self) -> Result<u32, Errno> {
        let free = self.channels.iter().position(|channel| *channel == Channel::Free);
        free.map(|port| port as u32).ok_or(Errno::NoSpc)
    }

    /// Makes a free port something.
    fn bind(&mut self, channel: Channel) -> Result<u32, Errno> {
        let port = self.free_port()?;
        self.channels[port as usize] = channel;
        Ok(port)
    }

    fn close(&mut self, memory: &Memory, port: u32) -> Result<(), Errno> {
        match self.channel(port)? {
            Channel::Free | Channel::Reserved => return Err(Errno::Inval),
            Channel::Loop { port: other } => {
                self.channels[other as usize] = Channel::Unbound { remote: domid::OWN };
            }
            Channel::Console => self.return_input(),
            _ => {}
        }
        self.channels[port as usize] = Channel::Free;
        self.shared.set_pending(memory, port, false);
        Ok(())
    }

    /// An event at a port of the guest.
    pub(super) fn raise(&mut self, memory: &Memory, port: u32) {
        if !self.shared.set_pending(memory, port, true) && !self.shared.is_masked(memory, port) {
            self.notify(memory, port);
        }
    }

    /// A virtual interrupt, if the guest has bound it.
    pub(super) fn raise_virq(&mut self, memory: &Memory, virq: u32) {
        let bound = self.channels.iter().position(|channel| *channel == Channel::Virq(virq));
        if let Some(port) = bound {
            self.raise(memory, port as u32);
        }
    }

    /// A port is pending and not masked.
    fn notify(&mut self, memory: &Memory, port: u32) {
        if !self.shared.select(memory, port) {
            self.mark_pending(memory);
        }
    }

    /// The vCPU has something to look at.
    pub(super) fn mark_pending(&mut self, memory: &Memory) {
        if !self.shared.set_upcall_pending(memory) {
            self.upcall();
        }
    }

    /// Tells the CPU.
    pub(super) fn upcall(&mut self) {
        if self.upcall_vector != 0 {
            self.effects.lapic_vector = Some(self.upcall_vector);
        } else if matches!(self.callback, Callback::Vector(_)) {
            self.upcall_due = true;
        }
    }

    /// Upcalls go another way from now on: one that still waits for the CPU was told by the old one.
    pub(super) fn reroute(&mut self) {
        self.upcall_due = false;
    }
}

/// `evtchn_alloc_unbound`: dom, remote_dom; port.
fn alloc_unbound(xen: &mut Xen, caller: &Caller<'_>, at: u64) -> Answer {
    const PORT: u64 = 4;
    let fields = caller.read::<8>(at)?;
    Xen::own_domain(fields.u16(0))?;
    let remote = match fields.u16(2) {
        domid::SELF => domid::OWN,
        remote => remote,
    };
    let port = xen.bind(Channel::Unbound { remote })?;
    caller.write_u32(at.wrapping_add(PORT), port)?;
    Ok(0)
}

/// `evtchn_bind_interdomain`: remote_dom, remote_port; local_port. Only this domain has ports to bind to.
fn bind_interdomain(xen: &mut Xen, caller: &Caller<'_>, at: u64) -> Answer {
    const LOCAL_PORT: u64 = 8;
    let fields = caller.read::<12>(at)?;
    if !matches!(fields.u16(0), domid::SELF | domid::OWN) {
        return Err(Errno::Srch);
    }
    let remote = fields.u32(4);
    let local = xen.free_port()?;
    if xen.channel(remote)? != (Channel::Unbound { remote: domid::OWN }) {
        return Err(Errno::Inval);
    }
    xen.channels[local as usize] = Channel::Loop { port: remote };
    xen.channels[remote as usize] = Channel::Loop { port: local };
    // What was sent before may have got lost.
    xen.raise(caller.memory, local);
    caller.write_u32(at.wrapping_add(LOCAL_PORT), local)?;
    Ok(0)
}

/// `evtchn_bind_virq`: virq, vcpu; port.
fn bind_virq(xen: &mut Xen, caller: &Caller<'_>, at: u64) -> Answer {
    const PORT: u64 = 8;
    let fields = caller.read::<12>(at)?;
    let (virq, vcpu) = (fields.u32(0), fields.u32(4));
    if virq >= VIRQS || vcpu != 0 && !is_of_vcpu(virq) {
        return Err(Errno::Inval);
    }
    if vcpu != 0 {
        return Err(Errno::NoEnt);
    }
    if xen.channels.contains(&Channel::Virq(virq)) {
        return Err(Errno::Exist);
    }
    let port = xen.bind(Channel::Virq(virq))?;
    caller.write_u32(at.wrapping_add(PORT), port)?;
    Ok(0)
}

fn is_of_vcpu(virq: u32) -> bool {
    VCPU_VIRQS.contains(&virq) || virq >= ARCH_VIRQ_FIRST
}

/// There is no physical interrupt.
fn bind_pirq(_xen: &mut Xen, caller: &Caller<'_>, at: u64) -> Answer {
    caller.read::<12>(at)?;
    Err(Errno::Inval)
}

/// `evtchn_bind_ipi`: vcpu; port.
fn bind_ipi(xen: &mut Xen, caller: &Caller<'_>, at: u64) -> Answer {
    const PORT: u64 = 4;
    if caller.read::<8>(at)?.u32(0) != 0 {
        return Err(Errno::NoEnt);
    }
    let port = xen.bind(Channel::Ipi)?;
    caller.write_u32(at.wrapping_add(PORT), port)?;
    Ok(0)
}

/// `evtchn_close`: port.
fn close(xen: &mut Xen, caller: &Caller<'_>, at: u64) -> Answer {
    let port = caller.read::<4>(at)?.u32(0);
    xen.close(caller.memory, port).map(|()| 0)
}

/// `evtchn_send`: port. To a port that nobody has connected to it is lost.
fn send(xen: &mut Xen, caller: &Caller<'_>, at: u64) -> Answer {
    let port = caller.read::<4>(at)?.u32(0);
    match xen.channel(port)? {
        Channel::Unbound { .. } => {}
        Channel::Console => xen.console_notified(caller.memory),
        Channel::Loop { port } => xen.raise(caller.memory, port),
        Channel::Ipi => xen.raise(caller.memory, port),
        Channel::Free | Channel::Reserved | Channel::Virq(_) => return Err(Errno::Inval),
    }
    Ok(0)
}

/// `evtchn_status`: dom, port; status, vcpu, and what it is bound to.
fn status(xen: &mut Xen, caller: &Caller<'_>, at: u64) -> Answer {
    const STATUS: u64 = 8;
    let fields = caller.read::<24>(at)?;
    Xen::own_domain(fields.u16(0))?;
    let (kind, first, second) = match xen.channel(fields.u32(4))? {
        Channel::Free | Channel::Reserved => (0u32, 0u32, 0u32),
        Channel::Unbound { remote } => (1, remote.into(), 0),
        Channel::Console => (2, domid::CONTROL.into(), console::PORT),
        Channel::Loop { port } => (2, domid::OWN.into(), port),
        Channel::Virq(virq) => (4, virq, 0),
        Channel::Ipi => (5, 0, 0),
    };
    let mut out = [0; 16];
    for (place, value) in out.chunks_exact_mut(4).zip([kind, 0, first, second]) {
        place.copy_from_slice(&value.to_le_bytes());
    }
    caller.write(at.wrapping_add(STATUS), &out)?;
    Ok(0)
}

/// `evtchn_bind_vcpu`: port, vcpu. There is one vCPU.
fn bind_vcpu(xen: &mut Xen, caller: &Caller<'_>, at: u64) -> Answer {
    let fields = caller.read::<8>(at)?;
    if fields.u32(4) != 0 {
        return Err(Errno::NoEnt);
    }
    match xen.channel(fields.u32(0))? {
        Channel::Unbound { .. } | Channel::Console | Channel::Loop { .. } => Ok(0),
        Channel::Virq(virq) if !is_of_vcpu(virq) => Ok(0),
        _ => Err(Errno::Inval),
    }
}

/// `evtchn_unmask`: port.
fn unmask(xen: &mut Xen, caller: &Caller<'_>, at: u64) -> Answer {
    let (memory, port) = (caller.memory, caller.read::<4>(at)?.u32(0));
    xen.channel(port)?;
    if xen.shared.unmask(memory, port) && xen.shared.is_pending(memory, port) {
        xen.notify(memory, port);
    }
    Ok(0)
}

/// `evtchn_reset`: dom. All ports are closed but the console's, which nobody could open again.
fn reset(xen: &mut Xen, caller: &Caller<'_>, at: u64) -> Answer {
    Xen::own_domain(caller.read::<2>(at)?.u16(0))?;
    for port in 0..PORTS as u32 {
        if xen.channel(port)? != Channel::Console {
            // Free ports need not be closed.
            let _ = xen.close(caller.memory, port);
        }
    }
    Ok(0)
}
