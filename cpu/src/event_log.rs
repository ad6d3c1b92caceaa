//! What the logs (`-d`) can tell: events emitted on slow paths, behind one `Option`.
//!
//! Absent, a log costs nothing: no hot path asks for it. The `debug` crate formats the events.

use crate::features::Model;
use iced_x86::Code;
use memory::PhysAddr;

/// One thing that happened.
#[derive(Clone, Copy, PartialEq, Debug)]
#[allow(missing_docs, reason = "the fields are the manuals' words")]
pub enum Event {
    /// An exception is being delivered.
    Exception { vector: u8, error_code: Option<u32>, cr2: u64, cs: u16, rip: u64, cpl: u8 },
    /// An external or software interrupt is being delivered.
    Interrupt { vector: u8, external: bool, cs: u16, rip: u64, cpl: u8 },
    /// CR0, CR3, CR4 or EFER changed.
    Mode { register: ModeRegister, from: u64, to: u64, rip: u64 },
    /// RDMSR or WRMSR; `known` is false when it raised #GP.
    Msr { number: u32, value: u64, write: bool, known: bool, rip: u64 },
    /// IN or OUT.
    Io { port: u16, size: u8, value: u32, write: bool, rip: u64 },
    /// A memory-mapped register access.
    Mmio { addr: PhysAddr, size: u8, value: u64, write: bool },
    /// A block was decoded: its first instruction pointer, RAM offset and instruction count.
    Block { rip: u64, offset: u64, instructions: u8 },
    /// Code was decoded to be executed from here: its first instruction pointer and RAM offset.
    Decoded { rip: u64, offset: u64 },
    /// A block is entered from the dispatcher.
    Enter { rip: u64 },
    /// CPL became 3 for the first time.
    User { rip: u64 },
    /// A BIOS service was carried out, by the machine: interrupt and AX, its name; `known` is false where
    /// there is no such function.
    BiosCall { vector: u8, ax: u16, name: &'static str, known: bool },
    /// Something is not emulated.
    Unimplemented { what: &'static str, rip: u64 },
    /// An instruction raises #UD because the CPU model lacks its feature
    /// ([`crate::features::Model::explain_lack`]).
    Lacking { code: Code, model: Model, rip: u64 },
    /// A hypercall was served, or refused if the machine does not know it. The machine emits it.
    Hypercall {
        name: &'static str,
        number: u64,
        args: [u64; 3],
        result: i64,
        known: bool,
        rip: u64,
    },
}

/// A control register that decides the CPU's mode.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs, reason = "the names are the registers'")]
pub enum ModeRegister {
    Cr0,
    Cr3,
    Cr4,
    Efer,
}

/// Kinds of events, as a bit set that says which are wanted.
pub mod kind {
    /// [`super::Event::Exception`].
    pub const EXCEPTION: u32 = 1 << 0;
    /// [`super::Event::Interrupt`].
    pub const INTERRUPT: u32 = 1 << 1;
    /// [`super::Event::Mode`].
    pub const MODE: u32 = 1 << 2;
    /// [`super::Event::Msr`].
    pub const MSR: u32 = 1 << 3;
    /// [`super::Event::Io`].
    pub const IO: u32 = 1 << 4;
    /// [`super::Event::Mmio`].
    pub const MMIO: u32 = 1 << 5;
    /// [`super::Event::Block`].
    pub const BLOCK: u32 = 1 << 6;
    /// [`super::Event::Enter`]. Wanted, direct links and the jump cache are not used, so that every
    /// block is entered from the dispatcher; the guest sees no difference.
    pub const ENTER: u32 = 1 << 7;
    /// [`super::Event::User`].
    pub const USER: u32 = 1 << 8;
    /// [`super::Event::Unimplemented`].
    pub const UNIMPLEMENTED: u32 = 1 << 9;
    /// [`super::Event::Lacking`].
    pub const LACKING: u32 = 1 << 10;
    /// [`super::Event::Decoded`]. Unlike [`BLOCK`] also for code that runs once and in pieces, so that
    /// the first event of an address is the same in every engine form and slicing.
    pub const DECODED: u32 = 1 << 11;
    /// [`super::Event::BiosCall`]; one of an unknown function is [`UNIMPLEMENTED`] too.
    pub const BIOS: u32 = 1 << 12;
    /// [`super::Event::Hypercall`] that is served.
    pub const HYPERCALL: u32 = 1 << 13;
    /// [`super::Event::Hypercall`] that is not known.
    pub const STRANGE_HYPERCALL: u32 = 1 << 14;
}

/// Receives events, in order. `retired` is the count of instructions before the event.
pub trait Sink {
    /// One event.
    fn event(&mut self, retired: u64, event: Event);
}

/// The log's end in the CPU.
#[derive(Default)]
pub struct EventLog {
    sink: Option<Box<dyn Sink>>,
    wanted: u32,
}

impl EventLog {
    /// Sends the events of the kinds in `wanted` to `sink` from now on.
    pub fn attach(&mut self, sink: Box<dyn Sink>, wanted: u32) {
        self.sink = Some(sink);
        self.wanted = wanted;
    }

    /// True if events of this kind are wanted.
    #[inline]
    pub fn wants(&self, kind: u32) -> bool {
        self.wanted & kind != 0
    }

    /// Emits an event of a kind, built only if wanted.
    #[inline]
    pub(crate) fn emit(&mut self, kind: u32, retired: u64, event: impl FnOnce() -> Event) {
        if self.wanted & kind != 0
            && let Some(sink) = &mut self.sink
        {
            sink.event(retired, event());
        }
    }

    /// Emits a memory-mapped access.
    pub(crate) fn mmio(&mut self, retired: u64, addr: PhysAddr, size: u8, value: u64, write: bool) {
        self.emit(kind::MMIO, retired, || Event::Mmio { addr, size, value, write });
    }
}
