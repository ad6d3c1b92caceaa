//! How far a boot has come, seen from outside, and the CPU's event log for everybody who listens.
//!
//! The CPU has one log; the machine keeps its end and passes each event on to whoever asked for its
//! kind. The milestones listen like the others, so they cost nothing where nothing happens.
//!
//! | milestone | when |
//! |---|---|
//! | `entry` | before the first instruction of a boot |
//! | `long_mode` | EFER.LMA becomes 1 |
//! | `first_console` | the first byte written to the serial port's data register |
//! | `user` | the first instruction at CPL 3 |
//! | `power_off` | S5 |
//! | `reset` | the guest reset the machine |

use arch::control::{cr0, efer};
use arch::time::Instant;
use core::cell::{Cell, RefCell};
use cpu::event_log::{Event, ModeRegister, Sink, kind};
use serde::{Deserialize, Serialize};
use std::rc::Rc;

/// The kinds of events that the milestones are made of.
const KINDS: u32 = kind::MODE | kind::USER;

/// A step of a boot. Counts and times go on over a restart.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Milestone {
    /// Its name, from the table above.
    pub name: String,
    /// Instructions retired before it.
    pub instructions: u64,
    /// Virtual nanoseconds since the first power-on.
    pub virtual_ns: u64,
    /// Accesses to devices before it.
    pub accesses: u64,
}

/// Code that was decoded for the first time, or again after it was written to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NewCode {
    /// Its first instruction pointer.
    pub rip: u64,
    /// Where it lies in RAM; below 3 GiB that is its physical address.
    pub offset: u64,
    /// Instructions retired before it ran.
    pub instructions: u64,
    /// Virtual time then.
    pub virtual_ns: u64,
    /// Accesses to devices before it.
    pub accesses: u64,
}

impl NewCode {
    /// The milestone that is reached with it.
    pub fn milestone(&self, name: &str) -> Milestone {
        let &Self { instructions, virtual_ns, accesses, .. } = self;
        Milestone { name: name.to_owned(), instructions, virtual_ns, accesses }
    }
}

/// What is charged beyond instructions, shared between the board, which charges, and who tells it.
#[derive(Default)]
pub(crate) struct Charged {
    /// Virtual nanoseconds.
    pub(crate) ns: Cell<u64>,
    /// Accesses to devices.
    pub(crate) accesses: Cell<u64>,
}

/// Who listens to the CPU.
pub(crate) struct Listeners {
    milestones: Vec<Milestone>,
    /// The milestones of this boot so far are those from here on.
    boot_start: usize,
    /// EFER.LME as last written, so that CR0.PG tells of long mode too.
    lme: bool,
    sinks: Vec<(u32, Box<dyn Sink>)>,
    ns_per_insn: u64,
    /// Instructions and time before the last restart.
    retired_before: u64,
    ns_before: u64,
    charged: Rc<Charged>,
    /// Code decoded since somebody took it, if somebody wants it.
    new_code: Option<Vec<NewCode>>,
}

/// Most pieces of new code that are kept until somebody takes them: what half a slice could bring.
const NEW_CODE_MAX: usize = 1 << 19;

impl Listeners {
    pub(crate) fn new(ns_per_insn: u32, charged: Rc<Charged>) -> Self {
        Self {
            milestones: Vec::new(),
            boot_start: 0,
            lme: false,
            sinks: Vec::new(),
            ns_per_insn: u64::from(ns_per_insn),
            retired_before: 0,
            ns_before: 0,
            charged,
            new_code: None,
        }
    }

    /// A boot begins, after that many instructions and that much time of earlier ones.
    pub(crate) fn begin_boot(&mut self, retired_before: u64, ns_before: u64) {
        (self.retired_before, self.ns_before) = (retired_before, ns_before);
        self.boot_start = self.milestones.len();
        self.lme = false;
    }

    /// Adds somebody who listens to these kinds of events.
    pub(crate) fn add(&mut self, sink: Box<dyn Sink>, kinds: u32) {
        self.sinks.push((kinds, sink));
    }

    /// All kinds that anybody listens to.
    pub(crate) fn kinds(&self) -> u32 {
        let code = if self.new_code.is_some() { kind::DECODED } else { 0 };
        self.sinks.iter().fold(KINDS | code, |kinds, (wanted, _)| kinds | wanted)
    }

    /// The milestones so far.
    pub(crate) fn milestones(&self) -> &[Milestone] {
        &self.milestones
    }

    /// A milestone is reached at this instruction of the boot; only the first time counts.
    pub(crate) fn reach(&mut self, name: &str, retired: u64, now: Instant) {
        let accesses = self.charged.accesses.get();
        self.reach_after(name, (retired, now, accesses));
    }

    /// As [`Listeners::reach`], when it is told later: with the count of accesses of that moment.
    pub(crate) fn reach_after(
        &mut self,
        name: &str,
        (retired, now, accesses): (u64, Instant, u64),
    ) {
        let instructions = self.retired_before + retired;
        let virtual_ns = self.ns_before + now.ns();
        self.add_milestone(Milestone { name: name.to_owned(), instructions, virtual_ns, accesses });
    }

    /// Adds a milestone in its place; only the first of a name counts in each boot.
    pub(crate) fn add_milestone(&mut self, milestone: Milestone) {
        if !self.reached(&milestone.name) {
            // The board may report the console later than the CPU reported what came after it.
            let earlier = |other: &Milestone| other.instructions <= milestone.instructions;
            let place = self.milestones.partition_point(earlier);
            self.milestones.insert(place, milestone);
        }
    }

    /// Keeps new code for [`Listeners::take_new_code`], or does so no longer.
    pub(crate) fn keep_new_code(&mut self, keep: bool) {
        self.new_code = keep.then(Vec::new);
    }

    /// New code since it was last taken, in order.
    pub(crate) fn take_new_code(&mut self) -> Vec<NewCode> {
        self.new_code.as_mut().map(std::mem::take).unwrap_or_default()
    }

    fn note_code(&mut self, retired: u64, rip: u64, offset: u64) {
        let virtual_ns = self.ns_before + retired * self.ns_per_insn + self.charged.ns.get();
        let (instructions, accesses) = (self.retired_before + retired, self.charged.accesses.get());
        if let Some(code) = self.new_code.as_mut().filter(|code| code.len() < NEW_CODE_MAX) {
            code.push(NewCode { rip, offset, instructions, virtual_ns, accesses });
        }
    }

    /// Passes an event of this boot on to whoever asked for its kind.
    pub(crate) fn tell(&mut self, retired: u64, event: Event) {
        let kind = kind_of(&event);
        if kind & KINDS != 0 {
            self.watch(retired, &event);
        }
        if let Event::Decoded { rip, offset } = event {
            self.note_code(retired, rip, offset);
        }
        let total = self.retired_before + retired;
        for (wanted, sink) in &mut self.sinks {
            if *wanted & kind != 0 {
                sink.event(total, event);
            }
        }
    }

    fn reached(&self, name: &str) -> bool {
        self.milestones[self.boot_start..].iter().any(|milestone| milestone.name == name)
    }

    fn watch(&mut self, retired: u64, event: &Event) {
        let name = match *event {
            Event::Mode { register: ModeRegister::Efer, to, .. } => {
                self.lme = to & efer::LME != 0;
                if to & efer::LMA == 0 {
                    return;
                }
                "long_mode"
            }
            Event::Mode { register: ModeRegister::Cr0, to, .. }
                if self.lme && to & cr0::PG != 0 =>
            {
                "long_mode"
            }
            Event::User { .. } => "user",
            _ => return,
        };
        let now = Instant(retired * self.ns_per_insn + self.charged.ns.get());
        self.reach(name, retired, now);
    }
}

/// The end of the CPU's log.
pub(crate) struct Tap(pub(crate) Rc<RefCell<Listeners>>);

impl Sink for Tap {
    fn event(&mut self, retired: u64, event: Event) {
        self.0.borrow_mut().tell(retired, event);
    }
}

const fn kind_of(event: &Event) -> u32 {
    match event {
        Event::Exception { .. } => kind::EXCEPTION,
        Event::Interrupt { .. } => kind::INTERRUPT,
        Event::Mode { .. } => kind::MODE,
        Event::Msr { .. } => kind::MSR,
        Event::Io { .. } => kind::IO,
        Event::Mmio { .. } => kind::MMIO,
        Event::Block { .. } => kind::BLOCK,
        Event::Decoded { .. } => kind::DECODED,
        Event::Enter { .. } => kind::ENTER,
        Event::User { .. } => kind::USER,
        Event::Unimplemented { .. } => kind::UNIMPLEMENTED,
        Event::Lacking { .. } => kind::LACKING,
        Event::BiosCall { known: true, .. } => kind::BIOS,
        Event::BiosCall { known: false, .. } => kind::BIOS | kind::UNIMPLEMENTED,
        Event::Hypercall { known: true, .. } => kind::HYPERCALL,
        Event::Hypercall { known: false, .. } => kind::STRANGE_HYPERCALL,
    }
}
