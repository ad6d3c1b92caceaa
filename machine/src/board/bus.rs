//! The board as the CPU sees it: every access brings the present, is answered, and settles the wires.

use super::{Board, Counted};
use crate::clock::Timed;
use crate::xen::Xen;
use arch::msr::{
    HYPERVISOR_FIRST, HYPERVISOR_LAST, IA32_APIC_BASE, IA32_TSC_DEADLINE, X2APIC_FIRST, X2APIC_LAST,
};
use cpu::bus::{Access, Bus, Outcome};
use devices::lapic::Inta;
use memory::PhysAddr;

impl Bus for Board {
    fn port_in(&mut self, access: Access<'_>, port: u16, size: u8) -> (u32, Outcome) {
        self.catch_up(access.now);
        let value = self.read_port(port, size);
        (value, self.finish(self.cost_port_ns))
    }

    fn port_out(&mut self, access: Access<'_>, port: u16, size: u8, value: u32) -> Outcome {
        self.catch_up(access.now);
        self.write_port(port, size, value, access.memory);
        self.finish(self.cost_port_ns)
    }

    fn port_in_many(
        &mut self,
        access: Access<'_>,
        port: u16,
        size: u8,
        step_ns: u32,
        out: &mut [u8],
    ) -> Option<(usize, Outcome)> {
        self.catch_up(access.now);
        let most = out.len() / usize::from(size);
        let (register, plain) = self.plain_register(port, size, most, false)?;
        let elements = self.elements_before_event(step_ns, plain);
        self.read_plain(register, size, &mut out[..elements * usize::from(size)]);
        Some((elements, self.finish_many(step_ns, elements)))
    }

    fn port_out_many(
        &mut self,
        access: Access<'_>,
        port: u16,
        size: u8,
        step_ns: u32,
        data: &[u8],
    ) -> Option<(usize, Outcome)> {
        self.catch_up(access.now);
        let most = data.len() / usize::from(size);
        let (register, plain) = self.plain_register(port, size, most, true)?;
        let elements = self.elements_before_event(step_ns, plain);
        self.write_plain(register, size, &data[..elements * usize::from(size)]);
        Some((elements, self.finish_many(step_ns, elements)))
    }

    fn mmio_read(&mut self, access: Access<'_>, addr: PhysAddr, size: u8) -> (u64, Outcome) {
        self.catch_up(access.now);
        let value = self.read_mmio(addr, size);
        (value, self.finish(self.cost_mmio_ns))
    }

    fn mmio_write(&mut self, access: Access<'_>, addr: PhysAddr, size: u8, value: u64) -> Outcome {
        self.catch_up(access.now);
        self.write_mmio(addr, size, value, access.memory);
        self.finish(self.cost_mmio_ns)
    }

    fn state(&self) -> Outcome {
        Outcome {
            cost_ns: 0,
            next_event: self.agenda.next(),
            lines: self.lines,
            stop: self.has_news() || self.xen_is_due(),
        }
    }

    fn acknowledge(&mut self, access: Access<'_>) -> (u8, Outcome) {
        self.catch_up(access.now);
        let upcall = self.xen.as_mut().and_then(|xen| xen.take_callback());
        let vector = upcall.unwrap_or_else(|| match self.lapic.acknowledge() {
            Inta::Vector(vector) => vector,
            Inta::ExtInt => self.pic.acknowledge(),
        });
        self.unsettled = true;
        (vector, self.finish(0))
    }

    fn take_nmi(&mut self) -> Outcome {
        self.lines.nmi = false;
        self.state()
    }

    fn set_ferr(&mut self, access: Access<'_>, level: bool) -> Outcome {
        self.catch_up(access.now);
        self.ferr.set_ferr(level);
        self.unsettled = true;
        self.finish(0)
    }

    fn msr_read(&mut self, access: Access<'_>, msr: u32) -> Option<(u64, Outcome)> {
        self.catch_up(access.now);
        self.bring(Timed::Lapic);
        let value = match msr {
            IA32_APIC_BASE => self.lapic.base_msr(),
            IA32_TSC_DEADLINE if self.tsc_deadline => self.lapic.tsc_deadline(),
            X2APIC_FIRST..=X2APIC_LAST => self.lapic.read_msr(msr).ok()?,
            HYPERVISOR_FIRST..=HYPERVISOR_LAST => {
                self.xen.as_ref()?;
                return Some((Xen::read_msr(msr)?, self.finish(0)));
            }
            _ => return None,
        };
        self.count(Counted::Lapic);
        self.unsettled = true;
        Some((value, self.finish(0)))
    }

    fn msr_write(&mut self, access: Access<'_>, msr: u32, value: u64) -> Option<Outcome> {
        self.catch_up(access.now);
        self.bring(Timed::Lapic);
        match msr {
            IA32_APIC_BASE => self.lapic.set_base_msr(value).ok()?,
            IA32_TSC_DEADLINE if self.tsc_deadline => self.lapic.set_tsc_deadline(value),
            X2APIC_FIRST..=X2APIC_LAST => self.lapic.write_msr(msr, value).ok()?,
            HYPERVISOR_FIRST..=HYPERVISOR_LAST => {
                self.xen.as_ref()?.write_msr(msr, value, access.memory)?;
                return Some(self.finish(0));
            }
            _ => return None,
        }
        self.count(Counted::Lapic);
        self.refresh(Timed::Lapic);
        self.unsettled = true;
        Some(self.finish(0))
    }

    fn set_tsc_offset(&mut self, access: Access<'_>, offset: u64) -> Outcome {
        self.catch_up(access.now);
        self.bring(Timed::Lapic);
        self.lapic.set_tsc_offset(offset);
        if let Some(xen) = &mut self.xen {
            xen.set_tsc_offset(offset);
        }
        self.refresh(Timed::Lapic);
        self.unsettled = true;
        self.finish(0)
    }

    fn task_priority(&self) -> u8 {
        self.lapic.cr8()
    }

    fn set_task_priority(&mut self, access: Access<'_>, priority: u8) -> Outcome {
        self.catch_up(access.now);
        self.lapic.set_cr8(priority & 0xf);
        self.unsettled = true;
        self.finish(0)
    }
}
