//! The log (`-d LIST -D FILE`): one line for each event, with the instruction count and its meaning.
//!
//! ```text
//! CPU -> Sink (one end of the Log) -> Write
//!                ^ settle(cpu, memory): what could not be told without looking at them
//! ```
//!
//! An event carries no memory, so the disassembly of `in_asm` waits until the owner of the machine
//! calls [`Log::settle`] between two slices of the run, and so does everything after it. The bytes
//! shown are those of that moment; slices of some hundred thousand instructions make that a formality.
//! Without `in_asm` every line is written as it happens, through a buffer; but as long as the names of a
//! kernel in the upper half are looked for ([`Log::names`]), lines with such addresses wait for them.
//!
//! An error of the destination ends the log, not the run: [`Log::finish`] returns the first one.

mod asm;
mod line;
mod words;

#[cfg(test)]
mod tests;

pub use words::{Selection, UnknownWord};

use crate::dump;
use crate::mode::{Control, Mode};
use crate::symbols::{HIGH_HALF, Symbols};
use asm::{Block, CodeSize};
use core::cell::RefCell;
use cpu::Cpu;
use cpu::event_log::{Event, Sink};
use line::Place;
use memory::Memory;
use std::collections::VecDeque;
use std::io::{self, BufWriter, Write};
use std::rc::Rc;
use words::Item;

/// Events that wait for [`Log::settle`] at most; beyond it, blocks are shown without their code.
const PENDING_MAX: usize = 1 << 20;
/// Bytes collected before the destination is written to.
const BUFFER_BYTES: usize = 1 << 16;

/// A log and its destination. Clones are ends of the same log.
#[derive(Clone)]
pub struct Log(Rc<RefCell<Journal>>);

struct Journal {
    selection: Selection,
    out: BufWriter<Box<dyn Write>>,
    error: Option<io::Error>,
    control: Control,
    size: CodeSize,
    pending: VecDeque<(u64, Event)>,
    symbols: Rc<Symbols>,
    /// More names may come.
    seeks_names: bool,
}

impl Log {
    /// A log of what is selected; nothing comes until its [`Log::sink`] is attached to a machine.
    pub fn new(selection: Selection, out: Box<dyn Write>) -> Self {
        Self(Rc::new(RefCell::new(Journal {
            selection,
            out: BufWriter::with_capacity(BUFFER_BYTES, out),
            error: None,
            control: Control::default(),
            size: CodeSize::default(),
            pending: VecDeque::new(),
            symbols: Rc::default(),
            seeks_names: false,
        })))
    }

    /// The kinds of events to attach the sink for.
    pub fn kinds(&self) -> u32 {
        self.0.borrow().selection.kinds()
    }

    /// The end that receives events.
    pub fn sink(&self) -> Box<dyn Sink> {
        Box::new(self.clone())
    }

    /// Addresses are named by these from now on; `more` may come.
    pub fn names(&self, symbols: &Rc<Symbols>, more: bool) {
        let mut journal = self.0.borrow_mut();
        (journal.symbols, journal.seeks_names) = (Rc::clone(symbols), more);
    }

    /// A boot begins, at power-on or after a reset, after `retired` instructions: to be called once
    /// the entry's registers are set. Prints them for `cpu_reset`, and takes the mode from them.
    pub fn reset(&self, retired: u64, cpu: &Cpu, memory: &Memory) {
        self.settle(cpu, memory);
        let mut journal = self.0.borrow_mut();
        if journal.selection.has(Item::CpuReset) {
            journal.put(retired, "reset", "the CPU starts with");
            journal.write(&dump::registers(&cpu.registers()));
        }
    }

    /// Writes what has waited for a look at the CPU and its memory. To be called between slices of
    /// the run, and once before [`Log::finish`].
    pub fn settle(&self, cpu: &Cpu, memory: &Memory) {
        let mut journal = self.0.borrow_mut();
        while let Some((retired, event)) = journal.pending.pop_front() {
            journal.tell(retired, &event, Some((cpu, memory)));
        }
        journal.control = Control::of(cpu);
        journal.size.look(cpu.code_bits());
    }

    /// Writes the rest; the first error of the destination, if there was one.
    pub fn finish(&self) -> io::Result<()> {
        let mut journal = self.0.borrow_mut();
        while let Some((retired, event)) = journal.pending.pop_front() {
            journal.tell(retired, &event, None);
        }
        if let Err(error) = journal.out.flush() {
            journal.error.get_or_insert(error);
        }
        journal.error.take().map_or(Ok(()), Err)
    }
}

impl Sink for Log {
    fn event(&mut self, retired: u64, event: Event) {
        let mut journal = self.0.borrow_mut();
        if journal.error.is_some() {
            return;
        }
        if !journal.waits(&event) {
            journal.tell(retired, &event, None);
            return;
        }
        if journal.pending.len() == PENDING_MAX
            && let Some((retired, oldest)) = journal.pending.pop_front()
        {
            journal.tell(retired, &oldest, None);
        }
        journal.pending.push_back((retired, event));
    }
}

impl Journal {
    /// True if the event is told later: its code is to be looked at, or its address may get a name.
    fn waits(&self, event: &Event) -> bool {
        let unnamed = self.seeks_names && rip_of(event).is_some_and(|rip| rip >= HIGH_HALF);
        self.selection.has(Item::InAsm) || unnamed || !self.pending.is_empty()
    }

    /// An instruction pointer with its name. In real mode it is no address.
    fn place(&self, rip: u64) -> String {
        match self.control.mode() {
            Mode::Real => format!("{rip:#x}"),
            _ => self.symbols.place(rip),
        }
    }

    fn put(&mut self, retired: u64, word: &str, text: &str) {
        self.write(&line::line(retired, word, text));
    }

    fn write(&mut self, text: &str) {
        if self.error.is_none()
            && let Err(error) = self.out.write_all(text.as_bytes())
        {
            self.error = Some(error);
        }
    }

    /// Writes the lines of one event. `world` is given where code can be looked at.
    fn tell(&mut self, retired: u64, event: &Event, world: Option<(&Cpu, &Memory)>) {
        let switch = self.control.follow(event);
        let wants = |item: Item| self.selection.has(item);
        match *event {
            Event::Exception { vector, error_code, cr2, cs, rip, cpl } => {
                self.size.far();
                if wants(Item::Exc) || wants(Item::Int) {
                    let place = Place { cs, rip: self.place(rip), cpl };
                    let cr2 = self.place(cr2);
                    self.put(retired, "exc", &line::exception(vector, error_code, &cr2, &place));
                }
            }
            Event::Interrupt { vector, external, cs, rip, cpl } => {
                self.size.far();
                if wants(Item::Int) {
                    let place = Place { cs, rip: self.place(rip), cpl };
                    self.put(retired, "int", &line::interrupt(vector, external, &place));
                }
            }
            Event::Mode { register, from, to, rip } if wants(Item::Mode) => {
                let rip = self.place(rip);
                self.put(retired, "mode", &line::mode(register, (from, to), switch, &rip));
            }
            Event::Decoded { .. } => {}
            Event::User { rip } if wants(Item::Mode) => {
                let rip = self.place(rip);
                self.put(retired, "mode", &format!("first instruction at CPL 3, at {rip}"));
            }
            Event::Msr { number, value, write, known, rip } => {
                let rip = self.place(rip);
                self.put(retired, "msr", &line::msr(number, value, write, known, &rip));
            }
            Event::Io { port, size, value, write, rip } => {
                let word = if line::is_fw_cfg(event) { "fw_cfg" } else { "io" };
                if wants(Item::Io) || wants(Item::FwCfg) && word == "fw_cfg" {
                    let rip = self.place(rip);
                    self.put(retired, word, &line::io(port, size, value, write, &rip));
                }
            }
            Event::Mmio { addr, size, value, write } => {
                self.put(retired, "mmio", &line::mmio(addr.0, size, value, write));
            }
            Event::Block { rip, offset, instructions } => {
                self.tell_block(retired, &Block { rip, offset, instructions }, world);
            }
            Event::Enter { rip } => {
                let rip = self.place(rip);
                self.put(retired, "exec", &rip);
            }
            Event::BiosCall { vector, ax, name, known } => {
                let word = if wants(Item::Bios) { "bios" } else { "unimp" };
                self.put(retired, word, &line::bios_call(vector, ax, name, known));
            }
            Event::Unimplemented { what, rip } => {
                let rip = self.place(rip);
                self.put(retired, "unimp", &format!("{what}, at {rip}"));
            }
            Event::Lacking { code, ref model, rip } => {
                let why = model.explain_lack(code).unwrap_or_default();
                let rip = self.place(rip);
                self.put(retired, "unimp", &format!("{why}: #UD, at {rip}"));
            }
            Event::Hypercall { name, number, args, result, rip, .. } => {
                let word = if wants(Item::Xen) { "xen" } else { "unimp" };
                let rip = self.place(rip);
                self.put(retired, word, &line::hypercall(name, number, &args, result, &rip));
            }
            Event::Mode { .. } | Event::User { .. } => {}
        }
    }

    fn tell_block(&mut self, retired: u64, block: &Block, world: Option<(&Cpu, &Memory)>) {
        let Block { rip, offset, instructions } = *block;
        let place = self.place(rip);
        let head = format!("block at {place}, RAM offset {offset:#x}, {instructions} instructions");
        let Some((cpu, memory)) = world else {
            self.put(retired, "in_asm", &format!("{head}, code not looked at in time"));
            return;
        };
        self.put(retired, "in_asm", &head);
        let mode = self.control.mode();
        for line in self.size.disassemble(cpu, memory, mode, block) {
            self.write(&format!("{:20}{}\n", "", line.named(&self.symbols)));
        }
    }
}

/// The instruction pointer that an event tells.
fn rip_of(event: &Event) -> Option<u64> {
    match *event {
        Event::Exception { rip, .. }
        | Event::Interrupt { rip, .. }
        | Event::Mode { rip, .. }
        | Event::User { rip }
        | Event::Msr { rip, .. }
        | Event::Io { rip, .. }
        | Event::Block { rip, .. }
        | Event::Enter { rip }
        | Event::Unimplemented { rip, .. }
        | Event::Lacking { rip, .. }
        | Event::Hypercall { rip, .. } => Some(rip),
        _ => None,
    }
}
