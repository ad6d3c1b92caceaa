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
//! address is its first execution, in every engine form. The kernel's addresses come from its ELF file,
//! unpacked on the host; with KASLR, the unpacked kernel is recognised by its first bytes, and its slide
//! by comparing the first code of the upper half with the file. A kernel that only the guest knows (from
//! a disk) is found by its own symbol table in RAM.
//!
//! Not here: milestones of other systems, kernels of 32 bits but for their entry.

use crate::symbols::Symbols;
use boot::elf::{Class, Elf, Segment};
use boot::{Image, linux, payload};
use machine::{Machine, NewCode};

/// First address of the upper half where Linux is linked.
const HIGH_HALF: u64 = 0xffff_ffff_8000_0000;
/// A kernel's slide is a multiple of this, and less than [`SLIDE_MAX`] (Linux `arch/x86`, KASLR).
const SLIDE_STEP: u64 = 2 << 20;
const SLIDE_MAX: u64 = 1 << 30;
/// Bytes of code that are compared.
const SAMPLE: usize = 16;
/// Pieces of code that are compared to find the slide.
const SAMPLES: usize = 12;
/// Pieces of code that are kept in the search for `start_kernel`: a hundred times what Linux runs before it.
const SEEN_MAX: usize = 1 << 20;
/// Largest file that is read for its names.
const KERNEL_MAX: u64 = 1 << 30;
/// RAM that is searched for a kernel's names, from the bottom.
const SEARCHED_MAX: u64 = 1 << 30;

/// A Linux kernel as its ELF file describes it.
struct Kernel {
    bytes: Vec<u8>,
    segments: Vec<Segment>,
    /// Physical address of `startup_64`, as linked.
    entry: u64,
    symbols: Symbols,
}

impl Kernel {
    /// The kernel in an image: an ELF file, or what a bzImage carries.
    fn of(image: &dyn Image) -> Option<Self> {
        let mut prefix = vec![0; image.len().min(0x206) as usize];
        image.read_at(0, &mut prefix).ok()?;
        let bytes = if linux::is_bzimage(&prefix) {
            payload::vmlinux_from_bzimage(image).ok()?
        } else {
            let len = image.len();
            let mut bytes = vec![0; usize::try_from(len).ok().filter(|_| len <= KERNEL_MAX)?];
            image.read_at(0, &mut bytes).ok()?;
            bytes
        };
        let elf = Elf::parse(&bytes).ok()?;
        let segments = elf.loads(bytes.len() as u64).ok()?;
        let entry = elf.entry;
        if elf.class != Class::Elf64 || segments.iter().all(|s| s.vaddr < HIGH_HALF) {
            return None;
        }
        let mut symbols = Symbols::of(&bytes);
        if symbols.is_empty() {
            symbols = Symbols::of_kallsyms(&bytes);
        }
        Some(Self { bytes, segments, entry, symbols })
    }

    /// Bytes of the file at an address, by `place` of a segment.
    fn at(&self, address: u64, place: fn(&Segment) -> u64) -> Option<&[u8]> {
        self.segments.iter().find_map(|segment| {
            let distance = address.checked_sub(place(segment))?;
            let from = usize::try_from(segment.offset.checked_add(distance)?).ok()?;
            (distance.checked_add(SAMPLE as u64)? <= segment.filesz)
                .then(|| self.bytes.get(from..from + SAMPLE))?
        })
    }
}

/// Who looks for the milestones of one boot.
pub struct Timeline {
    kernel: Option<Kernel>,
    /// Physical addresses, one of which is the kernel's entry.
    entries: Vec<u64>,
    entered: bool,
    /// First code of the upper half, until the slide is known.
    high: Vec<NewCode>,
    /// All code of the upper half until `start_kernel` is known.
    seen: Vec<NewCode>,
    slide: Option<u64>,
    start_kernel: Option<u64>,
    names: Option<Symbols>,
    done: bool,
}

impl Timeline {
    /// For a boot of `image` that enters the kernel at one of these physical addresses.
    pub fn new(image: Option<&dyn Image>, entries: Vec<u64>) -> Self {
        Self {
            kernel: image.and_then(Kernel::of),
            entered: entries.is_empty(),
            entries,
            high: Vec::new(),
            seen: Vec::new(),
            slide: None,
            start_kernel: None,
            names: None,
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

    /// The kernel's names at the addresses where they are, once that is known.
    pub fn symbols(&self) -> Option<&Symbols> {
        self.names.as_ref()
    }

    /// How far the kernel moved itself, once that is known.
    pub fn slide(&self) -> Option<u64> {
        self.slide
    }

    /// Looks at what has run since the last call: to be called after each slice.
    pub fn settle(&mut self, machine: &mut Machine) {
        if self.done {
            return;
        }
        for code in machine.take_new_code() {
            self.look(machine, &code);
        }
        if !self.high.is_empty() && self.names.is_none() {
            self.find_names(machine);
        }
        if self.done || self.seen.len() >= SEEN_MAX {
            return self.finish(machine);
        }
        let Some(start_kernel) = self.start_kernel else { return };
        if let Some(code) = self.seen.iter().find(|code| code.rip == start_kernel) {
            machine.add_milestone(code.milestone("start_kernel"));
            self.finish(machine);
        }
    }

    /// Looks no further.
    fn finish(&mut self, machine: &mut Machine) {
        (self.done, self.seen) = (true, Vec::new());
        machine.keep_new_code(false);
    }

    fn look(&mut self, machine: &mut Machine, code: &NewCode) {
        if !self.entered && self.entries.contains(&code.offset) {
            self.entered = true;
            if let Some(query) = machine.last_firmware_query() {
                machine.add_milestone(query.milestone("fw_do_boot"));
            }
            machine.add_milestone(code.milestone("kernel_entry"));
        }
        if code.rip >= HIGH_HALF {
            machine.add_milestone(code.milestone("high_half"));
            if self.high.len() < SAMPLES {
                self.high.push(*code);
            }
            if self.seen.len() < SEEN_MAX {
                self.seen.push(*code);
            }
        } else if self.entered && self.is_startup(machine, code) {
            machine.add_milestone(code.milestone("startup_64"));
        }
    }

    /// True at the first instruction of the unpacked kernel, wherever it lies.
    fn is_startup(&self, machine: &Machine, code: &NewCode) -> bool {
        let Some(kernel) = &self.kernel else { return false };
        let aligned = code.offset % SLIDE_STEP == kernel.entry % SLIDE_STEP;
        aligned
            && code.rip == code.offset
            && kernel.at(kernel.entry, |segment| segment.paddr) == Some(&sample(machine, code)[..])
    }

    /// The slide and the names, once the upper half runs.
    fn find_names(&mut self, machine: &Machine) {
        let names = match &self.kernel {
            Some(kernel) => {
                let Some(slide) = slide(machine, kernel, &self.high) else { return };
                self.slide = Some(slide);
                kernel.symbols.slid(slide)
            }
            None => names_in_ram(machine),
        };
        self.start_kernel = names.address("start_kernel");
        self.names = Some(names);
        if self.start_kernel.is_none() {
            self.done = true;
        }
    }
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

/// The slide at which most bytes of the samples are those of the file; all but a few must be, because
/// relocation changes some.
fn slide(machine: &Machine, kernel: &Kernel, high: &[NewCode]) -> Option<u64> {
    let samples: Vec<_> = high.iter().map(|code| (code.rip, sample(machine, code))).collect();
    let equal = |slide: u64| -> usize {
        let one = |&(rip, ref bytes): &(u64, [u8; SAMPLE])| {
            let file = kernel.at(rip.wrapping_sub(slide), |segment| segment.vaddr);
            file.map_or(0, |file| file.iter().zip(bytes).filter(|(a, b)| a == b).count())
        };
        samples.iter().map(one).sum()
    };
    let slides = (0..SLIDE_MAX / SLIDE_STEP).map(|step| step * SLIDE_STEP);
    let (count, slide) =
        slides.map(|slide| (equal(slide), slide)).max_by_key(|&(n, s)| (n, u64::MAX - s))?;
    (count * 4 >= samples.len() * SAMPLE * 3).then_some(slide)
}

/// The names of a kernel that runs, from its table in RAM.
fn names_in_ram(machine: &Machine) -> Symbols {
    let ram = machine.memory().ram();
    let mut bytes = vec![0; ram.len().min(SEARCHED_MAX) as usize];
    ram.read(0, &mut bytes);
    Symbols::of_kallsyms(&bytes)
}
