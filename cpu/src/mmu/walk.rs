//! The page walk: 32-bit, PAE, 4-level and 5-level paging, with rights, protection keys, reserved bits, A
//! and D.
//!
//! SDM Vol. 3A, "Paging". Models with 8-byte entries all have physical addresses of [`PHYSICAL_BITS`]; what
//! else depends on the model is in [`PagingState`].

use arch::control::{cr0, cr4, efer};
use arch::exception::page_fault;
use arch::paging::{PAGE_MASK, pte};
use memory::{Memory, PhysAddr};
use serde::{Deserialize, Serialize};

/// Width of physical addresses: MAXPHYADDR of the CPU models.
pub const PHYSICAL_BITS: u32 = 40;
/// A translation's mark of a 1 GiB page.
const HUGE: u64 = 1 << 9;
/// Where a translation keeps its page.
const FRAME_BITS: u64 = ((1 << 52) - 1) & !PAGE_MASK;
const FRAME_MASK: u64 = ((1 << PHYSICAL_BITS) - 1) & !PAGE_MASK;
/// Physical-address bits beyond MAXPHYADDR, reserved in 64-bit entries.
const RESERVED_FRAME: u64 = (1 << 52) - (1 << PHYSICAL_BITS);

/// A cached translation of one 4 KiB page: one word in the shape of the entry that maps it, with RW, US
/// and NX as all levels together give them.
///
/// ```text
/// 63   62  59    51            12  9      8   7    6   2    1
/// | NX | key |..| physical page  | 1 GiB | G | PS | D | US | RW |   G: CR4.PGE applied; PS: part of a
/// ```                                                               large page; D: known to be set
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(from = "Fields", into = "Fields")]
pub struct Translation(u64);

/// A translation as snapshots write it.
#[derive(Serialize, Deserialize)]
struct Fields {
    frame: u64,
    writable: bool,
    user: bool,
    no_execute: bool,
    global: bool,
    dirty: bool,
    large: bool,
    huge: bool,
    key: u8,
}

impl From<Translation> for Fields {
    fn from(translation: Translation) -> Self {
        Self {
            frame: translation.frame(),
            writable: translation.writable(),
            user: translation.user(),
            no_execute: translation.no_execute(),
            global: translation.global(),
            dirty: translation.dirty(),
            large: translation.large(),
            huge: translation.huge(),
            key: translation.key(),
        }
    }
}

impl From<Fields> for Translation {
    fn from(fields: Fields) -> Self {
        let bit = |on: bool, bit: u64| if on { bit } else { 0 };
        Self(
            fields.frame & FRAME_BITS
                | bit(fields.writable, pte::RW)
                | bit(fields.user, pte::US)
                | bit(fields.no_execute, pte::NX)
                | bit(fields.global, pte::G)
                | bit(fields.dirty, pte::D)
                | bit(fields.large, pte::PS)
                | bit(fields.huge, HUGE)
                | u64::from(fields.key) << pte::KEY_SHIFT & pte::KEY,
        )
    }
}

impl Translation {
    /// Bits that no translation uses: the TLB keeps notes of its own there.
    pub(crate) const UNUSED: u64 = 0x7f << 52;

    /// Without paging: linear is physical, everything is allowed.
    pub const fn identity(linear: u64) -> Self {
        Self(linear & FRAME_BITS | pte::RW | pte::US | pte::D)
    }

    /// The word that [`Translation::word`] gave.
    #[inline(always)]
    pub(crate) const fn from_word(word: u64) -> Self {
        Self(word & !Self::UNUSED)
    }

    /// All of it.
    #[inline(always)]
    pub(crate) const fn word(self) -> u64 {
        self.0
    }

    /// Physical page address.
    #[inline(always)]
    pub const fn frame(self) -> u64 {
        self.0 & FRAME_BITS
    }

    /// Every level allows writes.
    pub const fn writable(self) -> bool {
        self.0 & pte::RW != 0
    }

    /// Every level allows user access.
    pub const fn user(self) -> bool {
        self.0 & pte::US != 0
    }

    /// Some level forbids execution.
    pub const fn no_execute(self) -> bool {
        self.0 & pte::NX != 0
    }

    /// Survives CR3 loads (CR4.PGE applied).
    pub const fn global(self) -> bool {
        self.0 & pte::G != 0
    }

    /// The D bit is known to be set.
    #[inline(always)]
    pub const fn dirty(self) -> bool {
        self.0 & pte::D != 0
    }

    /// Part of a large page.
    pub const fn large(self) -> bool {
        self.0 & pte::PS != 0
    }

    /// Part of a 1 GiB page.
    pub const fn huge(self) -> bool {
        self.0 & HUGE != 0
    }

    /// Protection key of a user page.
    pub const fn key(self) -> u8 {
        ((self.0 & pte::KEY) >> pte::KEY_SHIFT) as u8
    }

    /// True if an access under this rule is allowed.
    #[inline(always)]
    pub(crate) const fn permits(self, rule: Rule) -> bool {
        self.0 & rule.set == rule.set && self.0 & rule.clear == 0
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
    /// PKRU.
    pub pkru: u32,
    /// The model has pages of 1 GiB.
    pub huge_pages: bool,
    /// The model has 4 MiB pages above 4 GiB: PSE-36.
    pub pse36: bool,
}

/// One entry that a walk read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Step {
    /// Level: 5 is the PML5, 4 the PML4, 1 the page table.
    pub level: u8,
    /// Where the entry is.
    pub addr: PhysAddr,
    /// What it holds.
    pub entry: u64,
}

/// Most entries that a walk reads.
const LEVELS: usize = 5;

/// A walk's path, for reports: up to five entries, and how it ended.
#[derive(Clone, Copy, Debug)]
pub struct Path {
    /// The entries read, top first.
    pub steps: [Option<Step>; LEVELS],
    /// The translation, or the error code of the page fault.
    pub end: Result<Translation, u32>,
}

/// What a page's rights must be for an access: bits of the translation that must be set, and clear.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rule {
    set: u64,
    clear: u64,
}

impl Rule {
    /// SDM Vol. 3A, "Determination of Access Rights".
    #[inline(always)]
    pub(crate) fn of(user: bool, smap: bool, cr0: u64, cr4: u64, intent: Intent) -> Self {
        let bit = |on: bool, bit: u64| if on { bit } else { 0 };
        let set = match intent {
            Intent::Write => bit(user || cr0 & cr0::WP != 0, pte::RW),
            Intent::Read | Intent::Fetch => 0,
        };
        let clear = match intent {
            Intent::Read | Intent::Write => bit(!user && smap, pte::US),
            Intent::Fetch => pte::NX | bit(!user && cr4 & cr4::SMEP != 0, pte::US),
        };
        Self { set: set | bit(user, pte::US), clear }
    }

    /// The same, and the D bit must be known to be set: what a cached translation must offer to be
    /// written through.
    #[inline(always)]
    pub(crate) const fn dirty(self) -> Self {
        Self { set: self.set | pte::D, ..self }
    }
}

impl PagingState {
    #[inline(always)]
    fn rule(&self, intent: Intent) -> Rule {
        Rule::of(self.user, self.smap, self.cr0, self.cr4, intent)
    }

    /// Levels of 8-byte tables from the one that CR3 names; 2 of 4-byte ones, or below the PDPTE registers.
    pub fn levels(&self) -> u8 {
        match (self.efer & efer::LMA != 0, self.cr4 & cr4::LA57 != 0) {
            (true, true) => 5,
            (true, false) => 4,
            (false, _) => 2,
        }
    }

    /// True if the page's protection key denies the access.
    fn key_denies(&self, translation: Translation, intent: Intent) -> bool {
        self.cr4 & cr4::PKE != 0
            && self.efer & efer::LMA != 0
            && key_denies(self.pkru, self.user, self.cr0, translation, intent)
    }
}

/// SDM Vol. 3A, "Protection Keys": data accesses to user pages, where CR4.PKE is set. Bit 0 of a key's two
/// in PKRU forbids all, bit 1 writes, to a supervisor only with CR0.WP.
pub(crate) fn key_denies(
    pkru: u32,
    user: bool,
    cr0: u64,
    translation: Translation,
    intent: Intent,
) -> bool {
    let rights = pkru >> (2 * translation.key()) & 3;
    let writes = intent == Intent::Write && (user || cr0 & cr0::WP != 0);
    let denied = rights & 1 != 0 || rights & 2 != 0 && writes;
    denied && intent != Intent::Fetch && translation.user()
}

/// Walks without touching A and D bits, for reports.
pub fn explain(memory: &Memory, state: &PagingState, linear: u64, intent: Intent) -> Path {
    let mut walker = Walker::new(memory, state);
    let end = walker.judge(linear, intent);
    let top = state.levels();
    let mut steps = [None; LEVELS];
    for (i, step) in steps.iter_mut().enumerate().take(walker.depth) {
        let addr = PhysAddr(walker.addrs[i]);
        *step = Some(Step { level: top - i as u8, addr, entry: walker.entries[i] });
    }
    Path { steps, end }
}

/// Translates a linear address by walking: sets A on the path, D for writes. `Err` is the error code
/// of the page fault.
#[inline]
pub fn walk(
    memory: &Memory,
    state: &PagingState,
    linear: u64,
    intent: Intent,
) -> Result<Translation, u32> {
    let mut walker = Walker::new(memory, state);
    let translation = walker.judge(linear, intent)?;
    let soils = intent == Intent::Write && !translation.dirty();
    if walker.all & pte::A != 0 && !soils {
        return Ok(translation);
    }
    walker.mark(soils);
    Ok(if soils { Translation(translation.0 | pte::D) } else { translation })
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

/// A walk under way: where it has been, and what all entries have in common.
struct Walker<'a> {
    memory: &'a Memory,
    state: &'a PagingState,
    addrs: [u64; LEVELS],
    entries: [u64; LEVELS],
    depth: usize,
    /// Bits set in every entry.
    all: u64,
    /// Bits set in any entry.
    any: u64,
}

impl<'a> Walker<'a> {
    #[inline(always)]
    fn new(memory: &'a Memory, state: &'a PagingState) -> Self {
        let (addrs, entries) = ([0; LEVELS], [0; LEVELS]);
        Self { memory, state, addrs, entries, depth: 0, all: u64::MAX, any: 0 }
    }

    /// The translation, if there is one and it allows the access; else the page fault's error code.
    #[inline(always)]
    fn judge(&mut self, linear: u64, intent: Intent) -> Result<Translation, u32> {
        let error = match self.descend(linear) {
            Ok(found) => {
                let denied = self.state.key_denies(found, intent);
                if found.permits(self.state.rule(intent)) && !denied {
                    return Ok(found);
                }
                page_fault::P | if denied { page_fault::PK } else { 0 }
            }
            Err(error) => error,
        };
        Err(error | access_bits(self.state, intent))
    }

    #[inline(always)]
    fn descend(&mut self, linear: u64) -> Result<Translation, u32> {
        if self.state.cr4 & cr4::PAE == 0 {
            return self.two_level(linear);
        }
        let reserved = RESERVED_FRAME | if self.state.efer & efer::NXE != 0 { 0 } else { pte::NX };
        if self.state.efer & efer::LMA == 0 {
            let pdpte = self.state.pdptes[(linear >> 30 & 3) as usize];
            if pdpte & pte::P == 0 {
                return Err(0);
            }
            // Outside long mode bits 52-62 are reserved; in it they are ignored.
            return self.directory(pdpte, linear, reserved | 0x7ff << 52);
        }
        // PS is reserved in a PML5E and a PML4E, and without 1 GiB pages in a PDPTE.
        let mut top = self.state.cr3;
        if self.state.cr4 & cr4::LA57 != 0 {
            top = self.wide_entry(top, linear >> 48, reserved | pte::PS)?;
        }
        let top = self.wide_entry(top, linear >> 39, reserved | pte::PS)?;
        let size = if self.state.huge_pages { 0 } else { pte::PS };
        let entry = self.wide_entry(top, linear >> 30, reserved | size)?;
        if entry & pte::PS != 0 {
            return self.huge(entry, linear);
        }
        self.directory(entry, linear, reserved)
    }

    /// A page of 1 GiB: bits 13-29 of its entry are reserved.
    #[cold]
    fn huge(&self, entry: u64, linear: u64) -> Result<Translation, u32> {
        if entry & 0x3fff_e000 != 0 {
            return Err(page_fault::P | page_fault::RSVD);
        }
        let frame = entry & FRAME_MASK & !0x3fff_ffff | linear & 0x3fff_f000;
        Ok(self.leaf(entry, frame, pte::PS | HUGE))
    }

    /// The lower two levels of 8-byte entries.
    #[inline(always)]
    fn directory(&mut self, above: u64, linear: u64, reserved: u64) -> Result<Translation, u32> {
        let entry = self.wide_entry(above, linear >> 21, reserved)?;
        if entry & pte::PS != 0 {
            // Bits 13-20 of a 2 MiB page's entry are reserved.
            if entry & 0x1f_e000 != 0 {
                return Err(page_fault::P | page_fault::RSVD);
            }
            let frame = entry & FRAME_MASK & !0x1f_ffff | linear & 0x1f_f000;
            return Ok(self.leaf(entry, frame, pte::PS));
        }
        let entry = self.wide_entry(entry, linear >> 12, reserved)?;
        Ok(self.leaf(entry, entry & FRAME_MASK, 0))
    }

    /// 32-bit paging: 4-byte entries, 4 MiB pages with CR4.PSE (PSE-36 addresses).
    #[inline(never)]
    fn two_level(&mut self, linear: u64) -> Result<Translation, u32> {
        let entry = self.narrow_entry(self.state.cr3, linear >> 22)?;
        if entry & pte::PS != 0 && self.state.cr4 & cr4::PSE != 0 {
            // PSE-36: bits 13-20 are address bits 32-39; bit 21 is reserved. Without it all are.
            let reserved = if self.state.pse36 { 1 << 21 } else { 0x3f_e000 };
            if entry & reserved != 0 {
                return Err(page_fault::P | page_fault::RSVD);
            }
            let frame = entry & 0xffc0_0000 | (entry >> 13 & 0xff) << 32 | linear & 0x3f_f000;
            return Ok(self.leaf(entry, frame, pte::PS));
        }
        let entry = self.narrow_entry(entry, linear >> 12)?;
        Ok(self.leaf(entry, entry & 0xffff_f000, 0))
    }

    /// The translation that the last entry read gives. (With NXE clear, NX is reserved and was refused;
    /// 4-byte entries have none, and no key; outside long mode the key's bits are reserved.)
    #[inline(always)]
    fn leaf(&self, entry: u64, frame: u64, large: u64) -> Translation {
        let global = pte::KEY | if self.state.cr4 & cr4::PGE != 0 { pte::G } else { 0 };
        let rights = self.all & (pte::RW | pte::US) | self.any & pte::NX;
        Translation(frame | rights | entry & (pte::D | global) | large)
    }

    /// The entry at `index` of the table that `above` points to: present, without reserved bits.
    #[inline(always)]
    fn wide_entry(&mut self, above: u64, index: u64, reserved: u64) -> Result<u64, u32> {
        let addr = (above & FRAME_MASK) + (index & 0x1ff) * 8;
        // An address without memory reads as all-ones, as an open bus does.
        let entry = self.memory.read_u64(PhysAddr(addr)).unwrap_or(u64::MAX);
        self.note(addr, entry)?;
        if entry & reserved != 0 {
            return Err(page_fault::P | page_fault::RSVD);
        }
        Ok(entry)
    }

    fn narrow_entry(&mut self, above: u64, index: u64) -> Result<u64, u32> {
        let addr = (above & 0xffff_f000) + (index & 0x3ff) * 4;
        let entry = u64::from(self.memory.read_u32(PhysAddr(addr)).unwrap_or(u32::MAX));
        self.note(addr, entry)?;
        Ok(entry)
    }

    #[inline(always)]
    fn note(&mut self, addr: u64, entry: u64) -> Result<(), u32> {
        self.addrs[self.depth] = addr;
        self.entries[self.depth] = entry;
        self.depth += 1;
        self.all &= entry;
        self.any |= entry;
        if entry & pte::P == 0 { Err(0) } else { Ok(()) }
    }

    /// Sets A where it is clear, and D in the last entry if `soils`.
    #[cold]
    #[inline(never)]
    fn mark(&self, soils: bool) {
        for i in 0..self.depth {
            let last = i + 1 == self.depth;
            let wanted = self.entries[i] | pte::A | if last && soils { pte::D } else { 0 };
            if wanted != self.entries[i] {
                self.store_entry(PhysAddr(self.addrs[i]), wanted);
            }
        }
    }

    fn store_entry(&self, addr: PhysAddr, entry: u64) {
        // A table outside RAM keeps no A and D bits, as ROM would not.
        let _ = if self.state.cr4 & cr4::PAE != 0 {
            self.memory.write(addr, &entry.to_le_bytes())
        } else {
            self.memory.write(addr, &(entry as u32).to_le_bytes())
        };
    }
}
