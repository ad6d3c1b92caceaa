//! Who names the addresses of the guest that runs.
//!
//! | source | where its names are |
//! |---|---|
//! | a file of names that the user gives, the ELF file's symbol table | as linked; in the upper half, where the kernel moved itself to |
//! | kallsyms in the kernel's file | the same |
//! | kallsyms in the RAM of a kernel that came from a disk | where it says itself |
//!
//! A source counts more than those below it. With KASLR a kernel chooses its place when it starts; its
//! slide is found by looking where in the upper half its own table of tokens lies, through the page tables
//! that the guest uses, for 512 places at most. Both searches only read: the guest takes the same way with
//! them and without. RAM is searched once in a boot, up to 1 GiB from its bottom.
//!
//! Not here: modules, user programs, kernels of 32 bits.

use crate::explain::page_walk;
use crate::kallsyms;
use crate::kernel::Kernel;
use crate::symbols::{HIGH_HALF, Symbols};
use arch::paging::{PAGE_MASK, pte};
use boot::{Image, elf, linux};
use cpu::Cpu;
use cpu::walk::{self, Intent, PagingState};
use memory::{Memory, PhysAddr};
use std::cell::OnceCell;
use std::rc::Rc;

/// A kernel's slide is a multiple of this, and less than [`SLIDE_MAX`] (Linux `arch/x86`, KASLR).
const SLIDE_STEP: u64 = 2 << 20;
const SLIDE_MAX: u64 = 1 << 30;
/// RAM that is searched for a kernel's names, from the bottom.
const SEARCHED_MAX: u64 = 1 << 30;
/// The address in CR3.
const FRAME_MASK: u64 = ((1 << 52) - 1) & !PAGE_MASK;
/// Of a kernel's two page directories, the one that user programs run with (Linux `pgtable.h`,
/// `PTI_PGTABLE_SWITCH_BIT`).
const USER_PAGES: u64 = 1 << 12;

/// How far the search has come in this boot.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Search {
    /// Nothing has run in the upper half.
    Open,
    /// The slide is known; `None`: the names were in RAM and say where they are.
    Found(Option<u64>),
    /// There are no more names, and will be none.
    Closed,
}

/// The lookup of one run.
pub struct Lookup<'a> {
    image: Option<&'a dyn Image>,
    given: Rc<Symbols>,
    /// The user's names and those of the image's symbol table, as linked; read when somebody asks.
    linked: OnceCell<Rc<Symbols>>,
    kernel: OnceCell<Option<Kernel>>,
    /// The names as linked and the kernel's own.
    whole: OnceCell<Rc<Symbols>>,
    search: Search,
    here: OnceCell<Rc<Symbols>>,
}

impl<'a> Lookup<'a> {
    /// For a boot of `image`, with names that the user gave.
    pub fn new(image: Option<&'a dyn Image>, given: Symbols) -> Self {
        Self {
            image,
            given: Rc::new(given),
            linked: OnceCell::new(),
            kernel: OnceCell::new(),
            whole: OnceCell::new(),
            search: Search::Open,
            here: OnceCell::new(),
        }
    }

    /// A boot begins: the kernel may choose another place.
    pub fn forget(&mut self) {
        self.search = Search::Open;
        self.here = OnceCell::new();
    }

    fn linked(&self) -> &Rc<Symbols> {
        self.linked.get_or_init(|| match self.image {
            Some(image) => self.given.or(&Rc::new(Symbols::of(image))),
            None => Rc::clone(&self.given),
        })
    }

    fn moves(&self) -> bool {
        self.image.is_none_or(may_move)
    }

    /// The names at the addresses where they are, as far as that is known.
    pub fn symbols(&self) -> &Rc<Symbols> {
        self.here.get_or_init(|| match self.moves() {
            true => Rc::new(self.linked().low()),
            false => Rc::clone(self.linked()),
        })
    }

    /// How far the kernel moved itself, once that is known.
    pub fn slide(&self) -> Option<u64> {
        match self.search {
            Search::Found(slide) => slide,
            _ => None,
        }
    }

    /// True as long as [`Lookup::look`] may find more names.
    pub fn is_open(&self) -> bool {
        self.search == Search::Open
    }

    /// The address of a symbol of a kernel that stays where it is linked, which `stays` says of one that
    /// could move.
    pub fn linked_address(&self, name: &str, stays: bool) -> Option<u64> {
        let linked = self.linked().address(name);
        let own = || self.kernel()?.symbols.address(name);
        let found = linked.or_else(own)?;
        let moves = self.moves() && !stays;
        (found < HIGH_HALF || !moves).then_some(found)
    }

    /// The kernel by its file; `None` if that is no Linux, or came from a disk.
    pub fn kernel(&self) -> Option<&Kernel> {
        self.kernel.get_or_init(|| self.image.and_then(Kernel::of)).as_ref()
    }

    /// Looks whether the kernel runs by now, and where: to be called between two slices of the run. True
    /// if other names are known than before.
    pub fn look(&mut self, cpu: &Cpu, memory: &Memory) -> bool {
        if !self.is_open() || !has_upper_half(cpu, memory) {
            return false;
        }
        if let Some(kernel) = self.kernel() {
            let Some(slide) = slide(cpu, memory, kernel) else { return false };
            let whole = self.whole.get_or_init(|| self.linked().or(&kernel.symbols));
            let here = OnceCell::from(slid(whole, slide));
            (self.search, self.here) = (Search::Found(Some(slide)), here);
            return true;
        }
        // A kernel without a file to recognise it by: once it runs, its names are in RAM.
        runs_upper_half(cpu) && self.search_ram(memory)
    }

    /// Looks for the last time: also where page tables lead nowhere any more.
    pub fn look_last(&mut self, cpu: &Cpu, memory: &Memory) {
        if !self.look(cpu, memory) && self.is_open() && runs_upper_half(cpu) {
            self.search_ram(memory);
        }
    }

    fn search_ram(&mut self, memory: &Memory) -> bool {
        let found = Rc::new(names_in_ram(memory));
        self.search = if found.is_empty() { Search::Closed } else { Search::Found(None) };
        let linked = match common_slide(self.linked(), &found) {
            Some(slide) => slid(self.linked(), slide),
            None => Rc::clone(self.symbols()),
        };
        self.here = OnceCell::from(linked.or(&found));
        true
    }
}

/// The names of a kernel that moved itself so far.
fn slid(linked: &Rc<Symbols>, slide: u64) -> Rc<Symbols> {
    if slide == 0 { Rc::clone(linked) } else { Rc::new(linked.slid(slide)) }
}

/// True for an image whose kernel chooses its place itself: all but an ELF file, which is loaded as linked.
fn may_move(image: &dyn Image) -> bool {
    let mut prefix = vec![0; image.len().min(0x206) as usize];
    image.read_at(0, &mut prefix).is_err() || linux::is_bzimage(&prefix) || !elf::is_elf(&prefix)
}

/// True if anything can be mapped in the upper half: 64-bit paging, with an entry for it.
fn has_upper_half(cpu: &Cpu, memory: &Memory) -> bool {
    use arch::control::{cr0, efer};
    let registers = cpu.registers();
    let long = registers.cr0 & cr0::PG != 0 && registers.efer & efer::LMA != 0;
    let mapped = |cr3: u64| {
        let last = PhysAddr((cr3 & FRAME_MASK) + 511 * 8);
        memory.read_u64(last).is_ok_and(|entry| entry & pte::P != 0)
    };
    long && tables(registers.cr3).into_iter().any(mapped)
}

/// The top page tables that may map the kernel: those in use, and with page table isolation their twin.
fn tables(cr3: u64) -> [u64; 2] {
    [cr3, cr3 & !USER_PAGES]
}

/// True if code of the upper half runs, or has just been interrupted by a fault.
fn runs_upper_half(cpu: &Cpu) -> bool {
    let faulted = cpu.recent_faults().last().is_some_and(|fault| fault.rip >= HIGH_HALF);
    cpu.linear_ip() >= HIGH_HALF || faulted
}

/// The slide at which the kernel's mark lies in the guest's memory.
fn slide(cpu: &Cpu, memory: &Memory, kernel: &Kernel) -> Option<u64> {
    let states = tables(cpu.registers().cr3);
    let states = states.map(|cr3| page_walk::state_at(cpu, memory, cr3, false));
    let (address, mark) = kernel.mark();
    let slides = (0..SLIDE_MAX / SLIDE_STEP).map(|step| step * SLIDE_STEP);
    let lies = |at: u64| states.iter().any(|state| holds(memory, state, at, mark));
    slides.into_iter().find(|slide| address.checked_add(*slide).is_some_and(lies))
}

/// True if these bytes are mapped at a linear address.
fn holds(memory: &Memory, state: &PagingState, linear: u64, bytes: &[u8]) -> bool {
    let mut done = 0;
    while done < bytes.len() {
        let Some(at) = linear.checked_add(done as u64) else { return false };
        let Ok(page) = walk::explain(memory, state, at, Intent::Read).end else { return false };
        let len = ((PAGE_MASK + 1 - (at & PAGE_MASK)) as usize).min(bytes.len() - done);
        let mut found = vec![0; len];
        let there = memory.read(PhysAddr(page.frame() | at & PAGE_MASK), &mut found);
        if there.is_err() || found != bytes[done..done + len] {
            return false;
        }
        done += len;
    }
    true
}

/// The names of a kernel that runs, from its table in RAM.
fn names_in_ram(memory: &Memory) -> Symbols {
    let ram = memory.ram();
    let mut bytes = vec![0; ram.len().min(SEARCHED_MAX) as usize];
    ram.read(0, &mut bytes);
    kallsyms::find(&bytes).map_or_else(Symbols::default, |table| Symbols::of_kallsyms(table.names))
}

/// How much higher the names that were found lie than the same ones as linked.
fn common_slide(linked: &Symbols, found: &Symbols) -> Option<u64> {
    const EVERYWHERE: [&str; 3] = ["_text", "startup_64", "start_kernel"];
    let both = |name: &&str| Some((found.address(name)?, linked.address(name)?));
    let (found, linked) = EVERYWHERE.iter().find_map(both)?;
    found.checked_sub(linked)
}

#[cfg(test)]
mod tests;
