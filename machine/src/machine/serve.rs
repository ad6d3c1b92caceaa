//! Where the machine carries out what guests call: BIOS services, behind the OUT of whose entry code the CPU stands,
//! and hypercalls.

use super::{Machine, Stop};
use crate::bios::{self, After, Bios, Call};
use crate::xen::Served;
use arch::time::Instant;
use boot::bios::service_at;
use boot::e820::Region;
use boot::entry::gpr;
use cpu::event_log::Event;

impl Machine {
    /// BIOS services are there from now on; INT 15h tells this memory map.
    pub(super) fn begin_bios(&mut self, map: &[Region]) {
        self.board.bios = Some(Bios::new(map, self.config.bios_serial));
        bios::begin(&mut self.board, &self.memory);
    }

    /// Serves the hypercall that stands at `rip`. It takes as long as an access to a port.
    pub(super) fn hypercall(&mut self, rip: u64) {
        let Some(answered) = self.board.hypercall(&self.cpu, &self.memory) else { return };
        let Served { name, number, args, result, known, wide } = answered.served;
        let rax = if wide { result as u64 } else { u64::from(result as u32) };
        self.cpu.set_gpr(gpr::RAX as u8, rax);
        let event = Event::Hypercall { name, number, args, result, known, rip };
        self.listeners.borrow_mut().tell(self.cpu.retired(), event);
        if answered.flush {
            self.cpu.forget_memory_map();
        }
        let cost_ns = u64::from(self.config.cost_port_ns);
        self.charged.ns.set(self.charged.ns.get().saturating_add(cost_ns));
        self.cpu.idle_until(self.cpu.now().after(cost_ns));
        if answered.wait {
            self.cpu.wait_for_interrupt();
        }
    }

    /// Carries out the service whose OUT was just executed; elsewhere there was nobody at the port.
    pub(super) fn serve_bios(&mut self) -> Option<Stop> {
        let service = service_at(self.cpu.linear_ip());
        let real = !self.cpu.protected_mode() || self.cpu.v8086();
        let (Some(service), Some(bios)) = (service.filter(|_| real), self.board.bios.take()) else {
            return None;
        };
        let before = self.cpu.registers();
        self.board.catch_up(self.cpu.now());
        let mut call = Call::new(&self.cpu, &self.memory, &mut self.board, &bios);
        let after = call.serve(service);
        let registers = call.into_registers();
        self.board.bios = Some(bios);
        self.board.unsettled = true;
        self.board.finish(0);
        self.cpu.change_registers(&registers);

        let (ax, known) = (before.gpr[0] as u16, after != After::Unknown);
        let name = bios::name_of(service, ax);
        let event = Event::BiosCall { vector: bios::vector_of(service), ax, name, known };
        self.listeners.borrow_mut().tell(self.cpu.retired(), event);
        match after {
            After::GoOn | After::Unknown if self.board.has_news() => return self.requested(),
            After::GoOn | After::Unknown => {}
            After::WaitUntil(end) => self.waits = Some(end),
            After::End(stop) => return Some(stop),
        }
        None
    }

    /// Lets a service that waits have its time, or as much of it as passes until the next event of a device:
    /// then the guest asks again. Beyond `pause` it goes on waiting in the next call, so that the clock of
    /// the host decides about no instruction.
    pub(super) fn wait(&mut self, pause: Instant) -> Option<Stop> {
        let next = self.board.next_event().min(self.waits?);
        if self.before.now.after(next.ns()) > pause {
            return Some(Stop::Slice);
        }
        self.waits = None;
        self.pass_time(next);
        None
    }

    /// Until when a service waits: part of the state, between two calls of a run that is paced.
    pub(crate) fn waits(&self) -> Option<Instant> {
        self.waits
    }
}
