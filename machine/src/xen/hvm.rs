//! hvm_op: `public/hvm/hvm_op.h`, parameters of `public/hvm/params.h`.
//!
//! A guest may read and set what Xen lets it; the rest is for tools (EPERM). HVM_PARAM_STORE_PFN is 0: there is
//! no xenstore, which kernels take for one that was not set up.

use super::caller::{Answer, Caller, Errno};
use super::table::{Operation, operation};
use super::{Callback, Xen, console, domid};
use memory::PAGE_SIZE;

/// `HVM_PARAM_*`.
mod param {
    pub(super) const CALLBACK_IRQ: u32 = 0;
    pub(super) const STORE_PFN: u32 = 1;
    pub(super) const STORE_EVTCHN: u32 = 2;
    pub(super) const ACPI_S_STATE: u32 = 14;
    pub(super) const VM86_TSS: u32 = 15;
    pub(super) const VPT_ALIGN: u32 = 16;
    pub(super) const CONSOLE_PFN: u32 = 17;
    pub(super) const CONSOLE_EVTCHN: u32 = 18;
    pub(super) const X87_FIP_WIDTH: u32 = 36;
    pub(super) const VM86_TSS_SIZED: u32 = 37;
    pub(super) const COUNT: u32 = 39;
}

/// `HVMOP_*`; what is not here answers -ENOSYS, pagetable_dying (9) too: there are no shadow page tables.
static OPERATIONS: &[(u64, Operation)] = &[
    (0, set_param),
    (1, get_param),
    (5, flush_tlbs),
    (10, get_time),
    (23, set_evtchn_upcall_vector),
];

/// hvm_op(command, structure). Unlike most others Xen takes this command as a long.
pub(super) fn serve(xen: &mut Xen, caller: &Caller<'_>, args: &[u64; 6]) -> Answer {
    operation(OPERATIONS, args[0])?(xen, caller, args[1])
}

/// `xen_hvm_param`: domid, index, value.
fn set_param(xen: &mut Xen, caller: &Caller<'_>, at: u64) -> Answer {
    let fields = caller.read::<16>(at)?;
    let (index, value) = (fields.u32(4), fields.u64(8));
    check(fields.u16(0), index)?;
    match index {
        param::CALLBACK_IRQ => xen.set_callback(caller, value),
        // Neither matters to this machine.
        param::VM86_TSS | param::VM86_TSS_SIZED | param::ACPI_S_STATE | param::VPT_ALIGN => Ok(0),
        param::CONSOLE_EVTCHN | param::STORE_EVTCHN if value != xen.param(index)? => {
            Err(Errno::Exist)
        }
        param::CONSOLE_EVTCHN | param::STORE_EVTCHN => Ok(0),
        _ => Err(Errno::Perm),
    }
}

fn get_param(xen: &mut Xen, caller: &Caller<'_>, at: u64) -> Answer {
    const VALUE: u64 = 8;
    let fields = caller.read::<16>(at)?;
    let index = fields.u32(4);
    check(fields.u16(0), index)?;
    let value = xen.param(index)?;
    caller.write(at.wrapping_add(VALUE), &value.to_le_bytes())?;
    Ok(0)
}

fn check(domain: u16, index: u32) -> Result<(), Errno> {
    if index >= param::COUNT {
        return Err(Errno::Inval);
    }
    match domain {
        domid::OWN | domid::SELF => Ok(()),
        _ => Err(Errno::Srch),
    }
}

impl Xen {
    fn param(&self, index: u32) -> Result<u64, Errno> {
        Ok(match index {
            param::CALLBACK_IRQ => match self.callback {
                Callback::None => 0,
                Callback::Vector(vector) => VIA_VECTOR << 56 | u64::from(vector),
                Callback::Wire(value) => value,
            },
            param::STORE_PFN | param::STORE_EVTCHN => 0,
            param::CONSOLE_PFN => self.console.page() / PAGE_SIZE,
            param::CONSOLE_EVTCHN => u64::from(console::PORT),
            param::VM86_TSS | param::VM86_TSS_SIZED => 0,
            // FPU instruction pointers are 64 bits wide.
            param::X87_FIP_WIDTH => 8,
            _ => return Err(Errno::Perm),
        })
    }

    /// Delivery by a vector. That by GSI and PCI INTx is refused, unless HVMOP_set_evtchn_upcall_vector has made it
    /// meaningless: Linux then sets one only for tools to see.
    fn set_callback(&mut self, caller: &Caller<'_>, value: u64) -> Answer {
        self.callback = match (value >> 56, value) {
            (_, 0) => Callback::None,
            (VIA_VECTOR, _) => Callback::Vector(value as u8),
            (0 | 1, _) if self.upcall_vector != 0 => Callback::Wire(value),
            _ => return Err(Errno::Inval),
        };
        self.reroute();
        self.latch_width(caller);
        if self.shared.is_upcall_pending(caller.memory) {
            self.upcall();
        }
        Ok(0)
    }

    /// The layout of `shared_info` follows the code that sets up its events.
    pub(super) fn latch_width(&mut self, caller: &Caller<'_>) {
        if self.shared.set_narrow(!caller.wide) {
            self.update_time(caller.memory, caller.now);
            self.shared.write_wall_clock(caller.memory, self.unix_s);
        }
    }
}

/// Bits 56 to 63 of HVM_PARAM_CALLBACK_IRQ.
const VIA_VECTOR: u64 = 2;

/// `xen_hvm_evtchn_upcall_vector`: vcpu, vector. Interrupts below 16 are not the local APIC's.
fn set_evtchn_upcall_vector(xen: &mut Xen, caller: &Caller<'_>, at: u64) -> Answer {
    const VECTOR_MIN: u8 = 16;
    let fields = caller.read::<8>(at)?;
    if fields.u8(4) < VECTOR_MIN {
        return Err(Errno::Inval);
    }
    if fields.u32(0) != 0 {
        return Err(Errno::NoEnt);
    }
    xen.reroute();
    xen.upcall_vector = fields.u8(4);
    xen.latch_width(caller);
    xen.upcall();
    Ok(0)
}

fn flush_tlbs(xen: &mut Xen, _caller: &Caller<'_>, at: u64) -> Answer {
    if at != 0 {
        return Err(Errno::Inval);
    }
    xen.effects.flush = true;
    Ok(0)
}

/// `xen_hvm_get_time`: now.
fn get_time(_xen: &mut Xen, caller: &Caller<'_>, at: u64) -> Answer {
    caller.write(at, &caller.now.ns().to_le_bytes())?;
    Ok(0)
}
