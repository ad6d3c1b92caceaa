//! A page walk told step by step, up to the entry and the bit that refused the access.
//!
//! SDM Vol. 3A, "Paging", "Access Rights", "Page-Fault Exceptions". The walk itself is the CPU's
//! (`cpu::walk`); this module gives reasons. The story is of the tables as they are now: a guest that
//! has changed them since, or has used a stale translation, sees another end than its fault.

use crate::names::bits::{self, words};
use arch::control::{cr0, cr4, efer};
use arch::cpuid::{ext1_edx, leaf1_edx};
use arch::paging::{PAGE_MASK, pte};
use arch::rflags;
use cpu::Cpu;
use cpu::features::Word;
use cpu::walk::{self, Intent, PHYSICAL_BITS, PagingState, Path, Step, Translation};
use memory::{Memory, PhysAddr};

/// The paging state of the program that runs now.
pub fn state_of(cpu: &Cpu, memory: &Memory) -> PagingState {
    let user = cpu.cpl() == 3;
    state_at(cpu, memory, cpu.registers().cr3, user)
}

/// The paging state with another CR3, for an access by user or supervisor code.
pub fn state_at(cpu: &Cpu, memory: &Memory, cr3: u64, user: bool) -> PagingState {
    let registers = cpu.registers();
    let smap = registers.cr4 & cr4::SMAP != 0 && registers.rflags & rflags::AC == 0;
    PagingState {
        cr0: registers.cr0,
        cr3,
        cr4: registers.cr4,
        efer: registers.efer,
        pdptes: pdptes(memory, cr3),
        user,
        smap: smap && !user,
        pkru: cpu.extended().pkru,
        huge_pages: cpu.model().has(Word::Ext1Edx, ext1_edx::PDPE1GB),
        pse36: cpu.model().has(Word::Leaf1Edx, leaf1_edx::PSE36),
    }
}

/// What PAE paging would load at MOV to CR3; memory may have changed since the guest did it.
fn pdptes(memory: &Memory, cr3: u64) -> [u64; 4] {
    let base = cr3 & 0xffff_ffe0;
    core::array::from_fn(|i| memory.read_u64(PhysAddr(base + 8 * i as u64)).unwrap_or(u64::MAX))
}

/// How many levels the paging mode walks through.
fn levels(state: &PagingState) -> u8 {
    match (state.cr4 & cr4::PAE != 0, state.efer & efer::LMA != 0) {
        (true, true) => state.levels(),
        (true, false) => 3,
        (false, _) => 2,
    }
}

/// The walk of a linear address in lines: one for each entry, then how it ends and why.
pub fn lines(memory: &Memory, state: &PagingState, linear: u64, intent: Intent) -> Vec<String> {
    if state.cr0 & cr0::PG == 0 {
        return vec![format!("paging is off: physical {linear:#x}")];
    }
    let path = walk::explain(memory, state, linear, intent);
    let mut lines = Vec::new();
    if levels(state) == 3 {
        let index = (linear >> 30 & 3) as usize;
        let entry = state.pdptes[index];
        lines.push(format!(
            "PDPTE[{index}] (register) = {entry:#018x}: {}",
            bit_words(entry, false)
        ));
    }
    lines.extend(path.steps.iter().flatten().map(|step| entry_line(memory, state, linear, step)));
    lines.push(match path.end {
        Ok(translation) => page_line(&translation, linear),
        Err(code) => format!("refused: {}", refusal(state, &path, linear, intent, code)),
    });
    lines
}

fn page_line(translation: &Translation, linear: u64) -> String {
    let rights = [
        (true, if translation.writable() { "writable" } else { "read only" }),
        (true, if translation.user() { "user" } else { "supervisor" }),
        (translation.no_execute(), "no execute"),
        (translation.global(), "global"),
        (translation.dirty(), "dirty"),
        (translation.large(), "large page"),
    ];
    let words: Vec<&str> = rights.iter().filter(|(on, _)| *on).map(|(_, word)| *word).collect();
    format!("physical {:#x}: {}", translation.frame() | linear & PAGE_MASK, words.join(", "))
}

/// The manual's name of an entry at a level.
fn entry_name(level: u8) -> &'static str {
    match level {
        5 => "PML5E",
        4 => "PML4E",
        3 => "PDPTE",
        2 => "PDE",
        _ => "PTE",
    }
}

/// Position of the index field of a level in a linear address, and the field's width in bits.
fn index_field(state: &PagingState, level: u8) -> (u32, u32) {
    let width = if state.cr4 & cr4::PAE != 0 { 9 } else { 10 };
    (12 + width * u32::from(level.saturating_sub(1)), width)
}

fn index(state: &PagingState, level: u8, linear: u64) -> u64 {
    let (shift, width) = index_field(state, level);
    linear >> shift & ((1 << width) - 1)
}

/// True if the entry maps a page rather than naming a table.
fn maps_page(state: &PagingState, step: &Step) -> bool {
    let large_allowed = state.cr4 & (cr4::PAE | cr4::PSE) != 0;
    let large = match step.level {
        2 => large_allowed,
        3 => state.huge_pages,
        _ => false,
    };
    step.level == 1 || large && step.entry & pte::PS != 0
}

fn bit_words(entry: u64, page: bool) -> String {
    let table = if page { bits::PAGE_ENTRY } else { bits::TABLE_ENTRY };
    let known = table.iter().fold(0, |known, (mask, _)| known | mask);
    words(entry & known, table)
}

fn entry_line(memory: &Memory, state: &PagingState, linear: u64, step: &Step) -> String {
    let (name, at) = (entry_name(step.level), index(state, step.level, linear));
    let page = maps_page(state, step);
    let large = if page && step.level > 1 { " PS" } else { "" };
    let nothing = if memory.read_u32(step.addr).is_err() { " (no RAM there)" } else { "" };
    let digits = if state.cr4 & cr4::PAE != 0 { 18 } else { 10 };
    format!(
        "{name}[{at}] at {} = {:#0digits$x}: {}{large}{nothing}",
        step.addr,
        step.entry,
        bit_words(step.entry, page),
    )
}

/// Why the access ended with this error code.
fn refusal(state: &PagingState, path: &Path, linear: u64, intent: Intent, code: u32) -> String {
    use arch::exception::page_fault as pf;
    let Some(last) = path.steps.iter().flatten().last() else {
        let at = linear >> 30 & 3;
        return format!("bit 0 (P) of PDPTE[{at}] is clear");
    };
    let place = format!("{}[{}]", entry_name(last.level), index(state, last.level, linear));
    if code & pf::P == 0 {
        return format!("bit 0 (P) of the {place} is clear: not present");
    }
    if code & pf::RSVD != 0 {
        let reserved = last.entry & reserved_bits(state, last);
        let bits: Vec<String> =
            (0..64).filter(|bit| reserved >> bit & 1 != 0).map(|bit| bit.to_string()).collect();
        return format!("the {place} has reserved bits set: {}", bits.join(" "));
    }
    if code & pf::PK != 0 {
        let key = (last.entry & pte::KEY) >> pte::KEY_SHIFT;
        let rights = state.pkru >> (2 * key) & 3;
        return format!("protection key {key} of the {place} has rights {rights:02b} in PKRU");
    }
    rights(state, path, linear, intent)
}

/// Bits that must be 0 in an entry: SDM Vol. 3A, the tables "Format of ... Entry".
fn reserved_bits(state: &PagingState, step: &Step) -> u64 {
    let page = maps_page(state, step);
    if state.cr4 & cr4::PAE == 0 {
        let large = if state.pse36 { 1 << 21 } else { 0x3f_e000 };
        return if page && step.level == 2 { large } else { 0 };
    }
    let frame = (1 << 52) - (1 << PHYSICAL_BITS);
    let no_execute = if state.efer & efer::NXE != 0 { 0 } else { pte::NX };
    let size = if step.level > 2 && !page { pte::PS } else { 0 };
    let large = match step.level {
        2 if page => 0x1f_e000,
        3 if page => 0x3fff_e000,
        _ => 0,
    };
    let upper = if state.efer & efer::LMA != 0 { 0 } else { 0x7ff << 52 };
    frame | no_execute | size | large | upper
}

/// Which entry or which control bit denies an access to a page that is there.
fn rights(state: &PagingState, path: &Path, linear: u64, intent: Intent) -> String {
    let lacking = |mask: u64| -> Vec<String> {
        let steps = path.steps.iter().flatten().filter(|step| step.entry & mask == 0);
        steps
            .map(|step| format!("{}[{}]", entry_name(step.level), index(state, step.level, linear)))
            .collect()
    };
    let (no_user, no_write) = (lacking(pte::US), lacking(pte::RW));
    let no_execute: Vec<String> = path
        .steps
        .iter()
        .flatten()
        .filter(|step| state.efer & efer::NXE != 0 && step.entry & pte::NX != 0)
        .map(|step| format!("{}[{}]", entry_name(step.level), index(state, step.level, linear)))
        .collect();
    if state.user && !no_user.is_empty() {
        return format!("a user access, but bit 2 (US) is clear in {}", no_user.join(", "));
    }
    if intent == Intent::Fetch && !no_execute.is_empty() {
        return format!("a fetch, but bit 63 (NX) is set in {}", no_execute.join(", "));
    }
    if intent == Intent::Fetch && !state.user && no_user.is_empty() && state.cr4 & cr4::SMEP != 0 {
        return "a supervisor fetch from a user page, and CR4.SMEP is set".to_owned();
    }
    if !state.user && state.smap && no_user.is_empty() {
        return "a supervisor access to a user page, CR4.SMAP is set and RFLAGS.AC clear"
            .to_owned();
    }
    if intent == Intent::Write && !no_write.is_empty() {
        let wp = if state.user { "" } else { ", and CR0.WP is set" };
        return format!("a write, but bit 1 (RW) is clear in {}{wp}", no_write.join(", "));
    }
    "the rights of the entries do not allow it".to_owned()
}
