//! The boot timeline: how far a Linux kernel has come, found without its help.
//!
//! | milestone | what it is |
//! |---|---|
//! | `fw_start` | first instruction at the reset vector |
//! | `fw_do_boot` | the firmware's last question to the configuration device before the kernel |
//! | `kernel_entry` | first instruction of the kernel image: setup code, decompressor or kernel |
//! | `startup_64` | first instruction of the unpacked kernel |
//! | `high_half` | first instruction in the upper half of the address space |
//! | `start_kernel` | the function of that name |
//!
//! The machine has the others (`long_mode`, `first_console`, `user`, `power_off`). All of it is read off
//! the CPU's decoding: code that runs for the first time is decoded, so that the first decoding at an
//! address is its first execution, in every engine form. The unpacked kernel is recognised by its first
//! bytes; where its functions are, with KASLR too, is [`Lookup`]'s to say.
//!
//! Not here: milestones of other systems, kernels of 32 bits but for their entry.

use crate::kernel::SAMPLE;
use crate::lookup::Lookup;
use crate::symbols::{HIGH_HALF, Symbols};
use machine::{Machine, NewCode};
use std::rc::Rc;

/// The decompressor moves a kernel by multiples of this (Linux `arch/x86`, KASLR).
const SLIDE_STEP: u64 = 2 << 20;
/// Pieces of code that are kept in the search for `start_kernel`: a hundred times what Linux runs before it.
const SEEN_MAX: usize = 1 << 20;

/// Who looks for the milestones of one boot.
pub struct Timeline {
    /// Physical addresses, one of which is the kernel's entry.
    entries: Vec<u64>,
    entered: bool,
    /// All code of the upper half until `start_kernel` is known.
    seen: Vec<NewCode>,
    /// How many of these are known not to be `start_kernel`.
    compared: usize,
    start_kernel: Option<u64>,
    /// The names that were last searched for it.
    searched: Option<Rc<Symbols>>,
    done: bool,
}

impl Timeline {
    /// For a boot that enters the kernel at one of these physical addresses.
    pub fn new(entries: Vec<u64>) -> Self {
        let entered = entries.is_empty();
        Self {
            entries,
            entered,
            seen: Vec::new(),
            compared: 0,
            start_kernel: None,
            searched: None,
            done: false,
        }
    }

    /// Begins to watch a machine that was booted, `by_firmware` or directly.
    pub fn begin(&mut self, machine: &mut Machine, by_firmware: bool) {
        let Some(first) = machine.milestones().into_iter().rfind(|one| one.name == "entry") else {
            return;
        };
        let name = if by_firmware { "fw_start" } else { "kernel_entry" };
        self.entered |= !by_firmware;
        machine.add_milestone(machine::Milestone { name: name.to_owned(), ..first });
        machine.keep_new_code(true);
    }

    /// Looks at what has run since the last call: to be called after each slice, once `lookup` has looked.
    pub fn settle(&mut self, machine: &mut Machine, lookup: &Lookup<'_>) {
        if self.done {
            return;
        }
        for code in machine.take_new_code() {
            self.look(machine, lookup, &code);
        }
        if self.start_kernel.is_none() && !self.seen.is_empty() {
            self.search(lookup.symbols());
            self.done = self.start_kernel.is_none() && !lookup.is_open();
        }
        if self.done || self.seen.len() >= SEEN_MAX {
            return self.finish(machine);
        }
        let Some(start_kernel) = self.start_kernel else { return };
        if let Some(code) = self.seen[self.compared..].iter().find(|code| code.rip == start_kernel)
        {
            machine.add_milestone(code.milestone("start_kernel"));
            self.finish(machine);
        }
        self.compared = self.seen.len();
    }

    /// Looks for the function among names that are new.
    fn search(&mut self, names: &Rc<Symbols>) {
        if !self.searched.as_ref().is_some_and(|known| Rc::ptr_eq(known, names)) {
            self.start_kernel = names.address("start_kernel");
            self.searched = Some(Rc::clone(names));
        }
    }

    /// Looks no further.
    fn finish(&mut self, machine: &mut Machine) {
        (self.done, self.seen) = (true, Vec::new());
        machine.keep_new_code(false);
    }

    fn look(&mut self, machine: &mut Machine, lookup: &Lookup<'_>, code: &NewCode) {
        if !self.entered && self.entries.contains(&code.offset) {
            self.entered = true;
            if let Some(query) = machine.last_firmware_query() {
                machine.add_milestone(query.milestone("fw_do_boot"));
            }
            machine.add_milestone(code.milestone("kernel_entry"));
        }
        if code.rip >= HIGH_HALF {
            machine.add_milestone(code.milestone("high_half"));
            if self.seen.len() < SEEN_MAX {
                self.seen.push(*code);
            }
        } else if self.entered && is_startup(machine, lookup, code) {
            machine.add_milestone(code.milestone("startup_64"));
        }
    }
}

/// True at the first instruction of the unpacked kernel, wherever it lies.
fn is_startup(machine: &Machine, lookup: &Lookup<'_>, code: &NewCode) -> bool {
    let Some(kernel) = lookup.kernel().filter(|_| code.rip == code.offset) else { return false };
    code.offset % SLIDE_STEP == kernel.entry % SLIDE_STEP
        && kernel.at(kernel.entry, |segment| segment.paddr) == Some(&sample(machine, code)[..])
}

/// What lies at a piece of code now.
fn sample(machine: &Machine, code: &NewCode) -> [u8; SAMPLE] {
    let mut bytes = [0; SAMPLE];
    let ram = machine.memory().ram();
    if code.offset + SAMPLE as u64 <= ram.len() {
        ram.read(code.offset, &mut bytes);
    }
    bytes
}
