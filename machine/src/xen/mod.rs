//! Xen's side of the PVH ABI (`--xen`): what a guest finds that was started under Xen 4.17 as an unprivileged
//! domain of type PVH, as far as a kernel needs it to reach user space.
//!
//! Follows: Xen's public headers (`xen/include/public/`, named in each file), `docs/misc/pvh.pandoc`,
//! `docs/designs/` and the hypercall ABI of `arch-x86/xen-x86_64.h` and `xen-x86_32.h`.
//!
//! | file | what |
//! |---|---|
//! | `table.rs` | all hypercalls by number, and which are served |
//! | `caller.rs` | registers and memory of the guest that calls; error numbers |
//! | `cpuid.rs` | CPUID leaves, the hypercall page |
//! | `shared.rs` | `shared_info` and `vcpu_info`: where they are, and their fields |
//! | `events.rs` | event channels, their delivery (2-level ABI), event_channel_op |
//! | `time.rs` | system time, wall clock, the timer; set_timer_op |
//! | `vcpu.rs`, `sched.rs`, `hvm.rs`, `version.rs`, `memory_op.rs` | the hypercalls of these names |
//! | `console.rs` | the console's ring, console_io |
//!
//! It is a value like a device, but works on guest memory: when its timer is due, or input has come, it asks
//! the board for control before the next instruction ([`Xen::is_due`], [`Xen::attend`]).
//!
//! Not emulated: grant tables and every backend (no block device, no network, no xenstore: HVM_PARAM_STORE_PFN
//! is 0), the FIFO ABI of event channels, physical interrupts, delivery by GSI or PCI INTx, ballooning, more
//! than one processor, suspend, what only a privileged domain may do. A refused operation answers with Xen's
//! error number; each -ENOSYS is logged. Where the page of `shared_info` is moved from, the
//! old bytes stay (Xen leaves a hole).

pub(crate) mod cpuid;

mod caller;
mod console;
mod events;
mod hvm;
mod memory_op;
mod sched;
mod shared;
mod table;
mod time;
mod vcpu;
mod version;

#[cfg(test)]
mod tests;

pub(crate) use console::console_page;

use arch::time::Instant;
use boot::e820::Region;
use caller::{Caller, Errno};
use console::Console;
use cpu::Cpu;
use events::{Channel, PORTS};
use memory::Memory;
use serde::Serialize;
use shared::Shared;
use time::Timers;

/// What a guest with so much RAM finds, in lines for people.
pub(crate) fn explain(ram_bytes: u64) -> Vec<String> {
    let ((major, minor), page) = (cpuid::VERSION, console_page(ram_bytes).start);
    vec![
        format!("Xen {major}.{minor} in CPUID leaf 0x40000000, hypercall page by MSR 0x40000000"),
        format!("Xen: console ring at {page:#x}, event channel {}, hvc0 in Linux", console::PORT),
        "Xen: no xenstore, no grant table, no block or network device".into(),
    ]
}

/// Numbers of the domains there are.
mod domid {
    /// This one.
    pub(super) const OWN: u16 = 1;
    /// Whoever asks.
    pub(super) const SELF: u16 = 0x7ff0;
    /// Who would own backends.
    pub(super) const CONTROL: u16 = 0;
}

/// How CPU 0 learns of events: `public/hvm/params.h`, HVM_PARAM_CALLBACK_IRQ.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
enum Callback {
    None,
    Vector(u8),
    /// A GSI or a PCI line, as the parameter has it. Nothing is delivered by it.
    Wire(u64),
}

/// Why a domain shuts itself down: `public/sched.h`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Shutdown {
    PowerOff,
    Reboot,
    Crash,
}

/// What a call brings about outside of Xen's own state and the guest's memory.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub(crate) struct Effects {
    /// Bytes for the console.
    pub(crate) output: Vec<u8>,
    /// Bytes that the console was sent and that now are for the serial port.
    pub(crate) input: Vec<u8>,
    /// The guest ends.
    pub(crate) shutdown: Option<Shutdown>,
    /// An NMI for the CPU.
    pub(crate) nmi: bool,
    /// A message for the local APIC: an edge with this vector.
    pub(crate) lapic_vector: Option<u8>,
    /// The CPU waits for an interrupt.
    pub(crate) wait: bool,
    /// Translations are to be forgotten.
    pub(crate) flush: bool,
}

/// A call that was served or refused, for the log and for the caller.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Served {
    pub(crate) name: &'static str,
    pub(crate) number: u64,
    pub(crate) args: [u64; 3],
    pub(crate) result: i64,
    /// False for -ENOSYS: nobody serves it.
    pub(crate) known: bool,
    /// It was made in 64-bit mode.
    pub(crate) wide: bool,
}

/// The hypervisor, as one domain sees it.
#[derive(Clone, PartialEq, Serialize)]
pub(crate) struct Xen {
    // Static configuration
    /// RAM in bytes.
    ram_bytes: u64,
    /// Seconds since 1970 at power-on.
    unix_s: u64,
    /// AMD's instruction in the hypercall page.
    amd: bool,
    /// What XENMEM_memory_map tells.
    #[serde(skip)]
    map: Vec<Region>,

    // State
    shared: Shared,
    /// Event channels by port.
    channels: Vec<Channel>,
    callback: Callback,
    /// HVMOP_set_evtchn_upcall_vector; 0 for none.
    upcall_vector: u8,
    /// An upcall waits for the CPU to take [`Callback::Vector`].
    upcall_due: bool,
    timers: Timers,
    /// What the guest added to its time stamp counter.
    tsc_offset: u64,
    /// Physical address of the copy of the time that the guest asked for.
    time_area: Option<u64>,
    /// The copies of the time are out of date.
    time_stale: bool,
    console: Console,

    #[serde(skip)]
    effects: Effects,
}

impl Xen {
    /// A domain at its start; `unix_s` is what the clock shows.
    pub(crate) fn new(ram_bytes: u64, unix_s: u64, amd: bool) -> Self {
        let mut channels = vec![Channel::Free; PORTS];
        channels[0] = Channel::Reserved;
        channels[console::PORT as usize] = Channel::Console;
        let mut xen = Self {
            ram_bytes,
            unix_s,
            amd,
            map: Vec::new(),
            shared: Shared::new(),
            channels,
            callback: Callback::None,
            upcall_vector: 0,
            upcall_due: false,
            timers: Timers::default(),
            tsc_offset: 0,
            time_area: None,
            time_stale: false,
            console: Console::new(console_page(ram_bytes).start),
            effects: Effects::default(),
        };
        xen.shared.write_hidden_time(unix_s);
        xen
    }

    /// Sets the memory map that the guest may ask for.
    pub(crate) fn set_map(&mut self, map: &[Region]) {
        self.map = map.to_vec();
    }

    /// Serves the hypercall whose instruction the CPU has just executed: number and arguments are in its
    /// registers. Changes guest memory, but not the CPU.
    pub(crate) fn hypercall(&mut self, cpu: &Cpu, memory: &Memory, now: Instant) -> Served {
        let caller = Caller::new(cpu, memory, now);
        let (number, args) = caller.call();
        let row = table::row(number);
        let answer = match row.and_then(|row| row.serve) {
            _ if !caller.may_call() => Err(Errno::Perm),
            Some(serve) => serve(self, &caller, &args),
            None => Err(Errno::NoSys),
        };
        let [first, second, third, ..] = args;
        Served {
            name: row.map_or("?", |row| row.name),
            number,
            args: [first, second, third],
            result: answer.unwrap_or_else(Errno::result),
            known: answer != Err(Errno::NoSys),
            wide: caller.wide,
        }
    }

    /// Takes what happened outside since the last time.
    pub(crate) fn take_effects(&mut self) -> Effects {
        core::mem::take(&mut self.effects)
    }

    /// The vector of an upcall that the CPU has to take now, past the local APIC.
    pub(crate) fn callback(&self) -> Option<u8> {
        match self.callback {
            Callback::Vector(vector) if self.upcall_due => Some(vector),
            _ => None,
        }
    }

    /// The CPU takes it.
    pub(crate) fn take_callback(&mut self) -> Option<u8> {
        let vector = self.callback()?;
        self.upcall_due = false;
        Some(vector)
    }

    /// When the timer is due next.
    pub(crate) fn next_event(&self) -> Option<Instant> {
        self.timers.next_event()
    }

    /// Notes that the timer is due, if it is.
    pub(crate) fn advance(&mut self, to: Instant) {
        self.timers.advance(to);
    }

    /// True if there is work on guest memory.
    pub(crate) fn is_due(&self) -> bool {
        self.timers.is_due() || self.time_stale || self.console.has_news()
    }

    /// Does it.
    pub(crate) fn attend(&mut self, memory: &Memory, now: Instant) {
        if core::mem::take(&mut self.time_stale) {
            self.update_time(memory, now);
        }
        if self.timers.expire(now) {
            self.raise_virq(memory, events::VIRQ_TIMER);
        }
        self.pass_input(memory);
    }

    /// The time stamp counter shows something else from now on.
    pub(crate) fn set_tsc_offset(&mut self, offset: u64) {
        self.tsc_offset = offset;
        self.time_stale = true;
    }

    /// Refuses other domains than the caller's: EPERM for what would be somebody, ESRCH for nobody.
    fn own_domain(domain: u16) -> Result<(), Errno> {
        match domain {
            domid::OWN | domid::SELF => Ok(()),
            domid::CONTROL => Err(Errno::Perm),
            _ => Err(Errno::Srch),
        }
    }
}
