//! The page walk: 32-bit, PAE and 4-level paging, with rights, reserved bits, A and D.
//!
//! SDM Vol. 3A, "Paging". Not modelled: 5-level paging, protection keys, PCID (none is advertised).

use arch::control::{cr0, cr4, efer};
use arch::exception::page_fault;
use arch::paging::{PAGE_MASK, pte};
use memory::{Memory, PhysAddr};
use serde::{Deserialize, Serialize};

/// Width of physical addresses: MAXPHYADDR of the CPU models.
pub const PHYSICAL_BITS: u32 = 40;
const FRAME_MASK: u64 = ((1 << PHYSICAL_BITS) - 1) & !PAGE_MASK;
/// Physical-address bits beyond MAXPHYADDR, reserved in 64-bit entries.
const RESERVED_FRAME: u64 = (1 << 52) - (1 << PHYSICAL_BITS);

/// A cached translation of one 4 KiB page.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Translation {
    /// Physical page address.
    pub frame: u64,
    /// Every level allows writes.
    pub writable: bool,
    /// Every level allows user access.
    pub user: bool,
    /// Some level forbids execution.
    pub no_execute: bool,
    /// Survives CR3 loads (CR4.PGE applied).
    pub global: bool,
    /// The D bit is known to be set.
    pub dirty: bool,
    /// Part of a large page.
    pub large: bool,
}

impl Translation {
    /// Placeholder of an empty slot.
    pub const NONE: Self = Self {
        frame: u64::MAX,
        writable: false,
        user: false,
        no_execute: true,
        global: false,
        dirty: false,
        large: false,
    };

    /// Without paging: linear is physical, everything is allowed.
    pub const fn identity(linear: u64) -> Self {
        Self {
            frame: linear & !PAGE_MASK,
            writable: true,
            user: true,
            no_execute: false,
            global: false,
            dirty: true,
            large: false,
        }
    }
}

/// What an access wants.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Intent {
    /// Data read.
    Read,
    /// Data write.
    Write,
    /// Instruction fetch.
    Fetch,
}

/// The control state that a walk depends on.
#[derive(Clone, Copy, Debug)]
pub struct PagingState {
    /// CR0.
    pub cr0: u64,
    /// CR3.
    pub cr3: u64,
    /// CR4.
    pub cr4: u64,
    /// EFER.
    pub efer: u64,
    /// PDPTE registers of PAE paging.
    pub pdptes: [u64; 4],
    /// Access by CPL 3 (explicit; system-structure accesses are supervisor ones).
    pub user: bool,
    /// SMAP applies: CR4.SMAP, and the access is implicit or RFLAGS.AC is clear.
    pub smap: bool,
}

/// One entry that a walk read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Step {
    /// Level: 4 is the PML4, 1 the page table.
    pub level: u8,
    /// Where the entry is.
    pub addr: PhysAddr,
    /// What it holds.
    pub entry: u64,
}

/// A walk's path, for reports: up to four entries, and how it ended.
#[derive(Clone, Copy, Debug)]
pub struct Path {
    /// The entries read, top first.
    pub steps: [Option<Step>; 4],
    /// The translation, or the error code of the page fault.
    pub end: Result<Translation, u32>,
}

/// Walks without touching A and D bits, for reports.
pub fn explain(memory: &Memory, state: &PagingState, linear: u64, intent: Intent) -> Path {
    let mut walker = Walker { memory, state, steps: [None; 4], depth: 0 };
    let end = walker
        .descend(linear)
        .and_then(|leaf| leaf.check(state, intent))
        .map_err(|error| error | access_bits(state, intent));
    Path { steps: walker.steps, end }
}

/// Translates a linear address by walking: sets A on the path, D for writes. `Err` is the error code
/// of the page fault.
pub fn walk(
    memory: &Memory,
    state: &PagingState,
    linear: u64,
    intent: Intent,
) -> Result<Translation, u32> {
    let mut walker = Walker { memory, state, steps: [None; 4], depth: 0 };
    let mut translation = walker
        .descend(linear)
        .and_then(|leaf| leaf.check(state, intent))
        .map_err(|error| error | access_bits(state, intent))?;
    let wide = state.cr4 & cr4::PAE != 0;
    for i in 0..walker.depth {
        let Some(step) = walker.steps[i] else { continue };
        let leaf = i + 1 == walker.depth;
        let dirty = if leaf && intent == Intent::Write { pte::D } else { 0 };
        let wanted = step.entry | pte::A | dirty;
        if wanted != step.entry {
            store_entry(memory, step.addr, wanted, wide);
        }
        if leaf {
            translation.dirty = wanted & pte::D != 0;
        }
    }
    Ok(translation)
}

/// Error code bits that say what the access was. I/D is reported only with NX or SMEP enabled.
fn access_bits(state: &PagingState, intent: Intent) -> u32 {
    let fetch_reported =
        (state.efer & efer::NXE != 0 && state.cr4 & cr4::PAE != 0) || state.cr4 & cr4::SMEP != 0;
    let mut bits = if state.user { page_fault::U } else { 0 };
    match intent {
        Intent::Write => bits |= page_fault::W,
        Intent::Fetch if fetch_reported => bits |= page_fault::I,
        _ => {}
    }
    bits
}

fn store_entry(memory: &Memory, addr: PhysAddr, entry: u64, wide: bool) {
    // A table outside RAM keeps no A and D bits, as ROM would not.
    let _ = if wide {
        memory.write(addr, &entry.to_le_bytes())
    } else {
        memory.write(addr, &(entry as u32).to_le_bytes())
    };
}

/// What a complete walk found, before rights are judged.
struct Leaf {
    translation: Translation,
}

impl Leaf {
    /// SDM Vol. 3A, "Access Rights". `Err` is a protection violation.
    fn check(self, state: &PagingState, intent: Intent) -> Result<Translation, u32> {
        permits(&self.translation, state, intent).then_some(self.translation).ok_or(page_fault::P)
    }
}

/// True if a translation allows an access.
pub fn permits(translation: &Translation, state: &PagingState, intent: Intent) -> bool {
    if state.user {
        return translation.user
            && match intent {
                Intent::Read => true,
                Intent::Write => translation.writable,
                Intent::Fetch => !translation.no_execute,
            };
    }
    match intent {
        Intent::Read => !(translation.user && state.smap),
        Intent::Write => {
            !(translation.user && state.smap) && (translation.writable || state.cr0 & cr0::WP == 0)
        }
        Intent::Fetch => {
            let smep = translation.user && state.cr4 & cr4::SMEP != 0;
            !translation.no_execute && !smep
        }
    }
}

struct Walker<'a> {
    memory: &'a Memory,
    state: &'a PagingState,
    steps: [Option<Step>; 4],
    depth: usize,
}

impl Walker<'_> {
    fn descend(&mut self, linear: u64) -> Result<Leaf, u32> {
        if self.state.cr4 & cr4::PAE == 0 {
            return self.two_level(linear);
        }
        let reserved = RESERVED_FRAME | if self.state.efer & efer::NXE != 0 { 0 } else { pte::NX };
        let mut rights = Rights::ALL;
        let mut table = if self.state.efer & efer::LMA != 0 {
            let top = self.wide_entry(4, self.state.cr3 & FRAME_MASK, linear >> 39)?;
            // PS is reserved in a PML4E.
            rights.and(top, reserved | pte::PS)?;
            let entry = self.wide_entry(3, top & FRAME_MASK, linear >> 30)?;
            // 1 GiB pages are not advertised, so PS is reserved here too.
            rights.and(entry, reserved | pte::PS)?;
            entry & FRAME_MASK
        } else {
            let pdpte = self.state.pdptes[(linear >> 30 & 3) as usize];
            if pdpte & pte::P == 0 {
                return Err(0);
            }
            pdpte & FRAME_MASK
        };
        // Outside long mode bits 52-62 are reserved; in it they are ignored.
        let reserved =
            if self.state.efer & efer::LMA != 0 { reserved } else { reserved | 0x7ff << 52 };
        let entry = self.wide_entry(2, table, linear >> 21)?;
        if entry & pte::PS != 0 {
            // Bits 13-20 of a 2 MiB page's entry are reserved.
            rights.and(entry, reserved | 0x1f_e000)?;
            let frame = entry & FRAME_MASK & !0x1f_ffff | linear & 0x1f_f000;
            return Ok(self.leaf(rights, entry, frame, true));
        }
        rights.and(entry, reserved)?;
        table = entry & FRAME_MASK;
        let entry = self.wide_entry(1, table, linear >> 12)?;
        rights.and(entry, reserved)?;
        Ok(self.leaf(rights, entry, entry & FRAME_MASK, false))
    }

    /// 32-bit paging: 4-byte entries, 4 MiB pages with CR4.PSE (PSE-36 addresses).
    fn two_level(&mut self, linear: u64) -> Result<Leaf, u32> {
        let mut rights = Rights::ALL;
        let entry = self.narrow_entry(2, self.state.cr3 & 0xffff_f000, linear >> 22)?;
        if entry & pte::PS != 0 && self.state.cr4 & cr4::PSE != 0 {
            // PSE-36: bits 13-20 are address bits 32-39; bit 21 is reserved.
            rights.and(entry, 1 << 21)?;
            let frame = entry & 0xffc0_0000 | (entry >> 13 & 0xff) << 32 | linear & 0x3f_f000;
            return Ok(self.leaf(rights, entry, frame, true));
        }
        rights.and(entry, 0)?;
        let entry = self.narrow_entry(1, entry & 0xffff_f000, linear >> 12)?;
        rights.and(entry, 0)?;
        Ok(self.leaf(rights, entry, entry & 0xffff_f000, false))
    }

    fn leaf(&self, rights: Rights, entry: u64, frame: u64, large: bool) -> Leaf {
        Leaf {
            translation: Translation {
                frame,
                writable: rights.writable,
                user: rights.user,
                no_execute: rights.no_execute,
                global: entry & pte::G != 0 && self.state.cr4 & cr4::PGE != 0,
                dirty: entry & pte::D != 0,
                large,
            },
        }
    }

    fn wide_entry(&mut self, level: u8, table: u64, index: u64) -> Result<u64, u32> {
        let addr = PhysAddr(table + (index & 0x1ff) * 8);
        // An address without memory reads as all-ones, as an open bus does.
        let entry = self.memory.read_u64(addr).unwrap_or(u64::MAX);
        self.note(level, addr, entry)
    }

    fn narrow_entry(&mut self, level: u8, table: u64, index: u64) -> Result<u64, u32> {
        let addr = PhysAddr(table + (index & 0x3ff) * 4);
        let entry = u64::from(self.memory.read_u32(addr).unwrap_or(u32::MAX));
        self.note(level, addr, entry)
    }

    fn note(&mut self, level: u8, addr: PhysAddr, entry: u64) -> Result<u64, u32> {
        self.steps[self.depth] = Some(Step { level, addr, entry });
        self.depth += 1;
        if entry & pte::P == 0 { Err(0) } else { Ok(entry) }
    }
}

/// Rights accumulated down the path.
struct Rights {
    writable: bool,
    user: bool,
    no_execute: bool,
}

impl Rights {
    const ALL: Self = Self { writable: true, user: true, no_execute: false };

    /// Adds an entry's rights; a reserved bit set in it is an error.
    fn and(&mut self, entry: u64, reserved: u64) -> Result<(), u32> {
        if entry & reserved != 0 {
            return Err(page_fault::P | page_fault::RSVD);
        }
        self.writable &= entry & pte::RW != 0;
        self.user &= entry & pte::US != 0;
        // With NXE clear the bit is reserved and was refused above; 32-bit entries have none.
        self.no_execute |= entry & pte::NX != 0;
        Ok(())
    }
}
