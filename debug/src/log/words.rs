//! The words of `-d LIST`.

use core::fmt;
use cpu::event_log::kind;

/// What the log shows: a set of words.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Selection(u32);

/// One word of the list.
struct Row {
    word: &'static str,
    item: Item,
    /// Events it needs.
    kinds: u32,
    meaning: &'static str,
}

/// What a word stands for; the place in the enumeration is the bit in a [`Selection`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Item {
    Int,
    Exc,
    Mode,
    Msr,
    Io,
    Mmio,
    CpuReset,
    FwCfg,
    Bios,
    Unimp,
    InAsm,
    Exec,
    Xen,
}

/// `-d int` of QEMU shows exceptions too, so here it does.
const WORDS: [Row; 13] = [
    row("int", Item::Int, kind::INTERRUPT | kind::EXCEPTION, "interrupts and exceptions delivered"),
    row("exc", Item::Exc, kind::EXCEPTION, "exceptions delivered, with decoded error codes"),
    row("mode", Item::Mode, kind::MODE | kind::USER, "changes of CR0, CR3, CR4, EFER; first CPL 3"),
    row("msr", Item::Msr, kind::MSR, "RDMSR and WRMSR"),
    row("io", Item::Io, kind::IO, "IN and OUT"),
    row("mmio", Item::Mmio, kind::MMIO, "accesses to memory-mapped registers"),
    row("cpu_reset", Item::CpuReset, 0, "the registers when a boot begins"),
    row("fw_cfg", Item::FwCfg, kind::IO, "accesses to fw_cfg, with the items' names"),
    row("bios", Item::Bios, kind::BIOS, "BIOS services, with the functions' names"),
    row(
        "unimp",
        Item::Unimp,
        kind::UNIMPLEMENTED | kind::LACKING | kind::STRANGE_HYPERCALL,
        "what is not emulated, and instructions that the CPU model lacks",
    ),
    // The modes of the CPU say in which code size to disassemble.
    row(
        "in_asm",
        Item::InAsm,
        kind::BLOCK | kind::MODE | kind::INTERRUPT | kind::EXCEPTION,
        "disassembly of each block of code when it is decoded",
    ),
    row("exec", Item::Exec, kind::ENTER, "each block of code when it is entered (slow, long)"),
    row(
        "xen",
        Item::Xen,
        kind::HYPERCALL | kind::STRANGE_HYPERCALL,
        "hypercalls, with what they were answered (--xen)",
    ),
];

const fn row(word: &'static str, item: Item, kinds: u32, meaning: &'static str) -> Row {
    Row { word, item, kinds, meaning }
}

/// A word that is none.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct UnknownWord(String);

impl fmt::Display for UnknownWord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} is nothing that can be logged", self.0)
    }
}

impl std::error::Error for UnknownWord {}

impl UnknownWord {
    /// What to write instead.
    pub fn hint(&self) -> String {
        let words: Vec<&str> = WORDS.iter().map(|row| row.word).collect();
        format!("a list, separated by commas, of {}", words.join(", "))
    }
}

impl Selection {
    /// From words separated by commas; empty ones do not count, so an empty list selects nothing.
    pub fn parse(list: &str) -> Result<Self, UnknownWord> {
        let words = list.split(',').map(str::trim).filter(|word| !word.is_empty());
        words.into_iter().try_fold(Self::default(), |selection, word| {
            let row = WORDS.iter().find(|row| row.word == word);
            let row = row.ok_or_else(|| UnknownWord(word.to_owned()))?;
            Ok(Self(selection.0 | 1 << row.item as u32))
        })
    }

    /// The words and what they show, in lines, each ended by `\n`: what `-d help` prints.
    pub fn help() -> String {
        WORDS.iter().map(|row| format!("{:<10} {}\n", row.word, row.meaning)).collect()
    }

    /// True if nothing is selected.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The kinds of events that it needs from the CPU.
    pub fn kinds(self) -> u32 {
        WORDS.iter().filter(|row| self.has(row.item)).fold(0, |kinds, row| kinds | row.kinds)
    }

    pub(super) const fn has(self, item: Item) -> bool {
        self.0 >> item as u32 & 1 != 0
    }
}
