//! The soft TLB in two layers.
//!
//! The *architectural* layer remembers which translations the guest can observe as cached: fixed
//! geometry, part of the machine's state. Above it, one table of *fast tags* per translation context
//! holds host addresses; a fast tag exists only while its architectural entry does, and may be
//! withheld or dropped at will. Everything special (MMIO, ROM, decoded code, a clear D bit, a
//! watchpoint) is the absence of a tag, so an ordinary access pays one compare for all of it.
//!
//! A flush costs what was used: an architectural entry knows which contexts have tags for it, and INVLPG
//! looks at more than its own slots only where large pages were cached nearby. SDM Vol. 3A,
//! "Invalidation of TLBs and Paging-Structure Caches". Not modelled: caches of upper paging structures,
//! translations of other PCIDs than the current (`insn/translation.rs`).
//!
//! One of the few files with `unsafe`: reads and writes through host addresses (docs/decisions/0003).
#![allow(unsafe_code)]

use super::stats::TlbStats;
use super::translations::{Entry, LargeRegions, REGION_BYTES, Slot, TAGS, Table, slot};
use super::walk::Translation;
use crate::decode::jumps::JumpCache;
use crate::flags::Width;
use arch::paging::{PAGE_MASK, PAGE_SIZE};
use core::ptr::NonNull;

/// Data translations kept, a power of two.
pub(crate) const DATA_ENTRIES: usize = 2048;
/// Instruction translations kept, a power of two.
pub(crate) const CODE_ENTRIES: usize = 1024;

/// Size of the largest page.
const HUGE_BYTES: u64 = 1 << 30;

/// A tag that no linear address matches: its low bits are set.
const NO_TAG: u64 = u64::MAX;

/// Code pages that one flush drops from the jump cache one by one.
const DROPPED_PAGES: usize = 16;

/// Which rules a data access is checked by; each has its own table of fast tags.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(usize)]
pub(crate) enum Context {
    /// CPL 0-2, user pages accessible.
    Supervisor = 0,
    /// CPL 3.
    User = 1,
    /// CPL 0-2 with SMAP in force: user pages have no tags.
    SupervisorSmap = 2,
    /// CPL 3 with alignment checking: no tags at all, so that every access is examined.
    UserAligned = 3,
}

impl Context {
    /// User pages alone, by their user rights.
    #[inline(always)]
    pub(crate) fn is_user(self) -> bool {
        matches!(self, Self::User | Self::UserAligned)
    }

    /// User pages are out of reach.
    #[inline(always)]
    pub(crate) fn smap(self) -> bool {
        self == Self::SupervisorSmap
    }
}

const CONTEXTS: usize = 4;
const _: () = assert!(CONTEXTS <= TAGS as usize);

/// What an access proved about a page of RAM.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Right {
    /// It may be read.
    Read,
    /// It may be written too.
    Write,
    /// The same, but it holds decoded code.
    WriteBesideCode,
}

/// ```text
///  0          8           16       24         32
///  | read tag | write tag | addend | code tag |     host address = linear + addend
/// ```
#[repr(C)]
#[derive(Clone, Copy)]
struct Fast {
    /// Linear page that may be read through `addend`, or [`NO_TAG`].
    read: u64,
    /// Linear page that may be written, or [`NO_TAG`].
    write: u64,
    addend: u64,
    /// Linear page that may be written but holds decoded code, or [`NO_TAG`].
    code: u64,
}

const _: () = assert!(size_of::<Fast>() == 32);
impl Fast {
    #[inline(always)]
    fn read_host(&self, linear: u64, bytes: u8) -> Option<*const u8> {
        let last = linear.wrapping_add(u64::from(bytes) - 1) & !PAGE_MASK;
        (self.read == last).then(|| linear.wrapping_add(self.addend) as usize as *const u8)
    }

    #[inline(always)]
    fn write_host(&self, linear: u64, bytes: u8) -> Option<*mut u8> {
        let last = linear.wrapping_add(u64::from(bytes) - 1) & !PAGE_MASK;
        (self.write == last).then(|| linear.wrapping_add(self.addend) as usize as *mut u8)
    }
}

/// Reads guest memory through a host address.
///
/// # Safety
/// `host` is valid for the width: it comes from a tag that covers it.
#[inline(always)]
pub(crate) unsafe fn read_host<W: Width>(host: *const u8) -> u64 {
    // SAFETY: see above; unaligned reads.
    unsafe {
        match W::BITS {
            8 => u64::from(host.read()),
            16 => u64::from(u16::from_le(host.cast::<u16>().read_unaligned())),
            32 => u64::from(u32::from_le(host.cast::<u32>().read_unaligned())),
            _ => u64::from_le(host.cast::<u64>().read_unaligned()),
        }
    }
}

/// Writes guest memory through a host address.
///
/// # Safety
/// `host` is valid for the width, from a write tag that covers it, and no Rust reference covers it.
#[inline(always)]
pub(crate) unsafe fn write_host<W: Width>(host: *mut u8, value: u64) {
    // SAFETY: see above; unaligned writes.
    unsafe {
        match W::BITS {
            8 => host.write(value as u8),
            16 => host.cast::<u16>().write_unaligned((value as u16).to_le()),
            32 => host.cast::<u32>().write_unaligned((value as u32).to_le()),
            _ => host.cast::<u64>().write_unaligned(value.to_le()),
        }
    }
}

const EMPTY: Fast = Fast { read: NO_TAG, write: NO_TAG, addend: 0, code: NO_TAG };

/// Both layers.
pub(crate) struct Tlb {
    /// The fast table of the current context.
    current: NonNull<Fast>,
    fast: Box<[Fast]>,
    data: Table<DATA_ENTRIES>,
    code: Table<CODE_ENTRIES>,
    /// Where pieces of large pages may be cached, and of those of 1 GiB among them.
    large: LargeRegions<REGION_BYTES>,
    huge: LargeRegions<HUGE_BYTES>,
    /// Where virtual jump targets lead: dropped with the code translations they rest on.
    pub(crate) jumps: JumpCache,
    context: Context,
    pub(crate) stats: TlbStats,
}

impl Tlb {
    /// Empty.
    pub(crate) fn new() -> Self {
        let mut fast = vec![EMPTY; CONTEXTS * DATA_ENTRIES].into_boxed_slice();
        Self {
            current: NonNull::from(&mut fast[0]),
            fast,
            data: Table::new(),
            code: Table::new(),
            large: LargeRegions::default(),
            huge: LargeRegions::default(),
            jumps: JumpCache::new(),
            context: Context::Supervisor,
            stats: TlbStats::default(),
        }
    }

    /// Selects the table that accesses go through.
    pub(crate) fn set_context(&mut self, context: Context) {
        self.context = context;
        self.current = NonNull::from(&mut self.fast[context as usize * DATA_ENTRIES]);
    }

    /// The selected context.
    pub(crate) fn context(&self) -> Context {
        self.context
    }

    /// Host address of a readable access of `bytes` that lies in one page, if a tag covers it.
    ///
    /// The tag is compared with the page of the *last* byte: an access that crosses its page can
    /// only find the entry of its first page, whose tag then differs.
    #[inline(always)]
    pub(crate) fn read_host(&self, linear: u64, bytes: u8) -> Option<*const u8> {
        // SAFETY: `current` points at DATA_ENTRIES entries of `fast`, which `self` owns and never
        // resizes; the slot is below that.
        let entry = unsafe { &*self.current.as_ptr().add(slot(linear, DATA_ENTRIES)) };
        entry.read_host(linear, bytes)
    }

    /// The same for a write.
    #[inline(always)]
    pub(crate) fn write_host(&self, linear: u64, bytes: u8) -> Option<*mut u8> {
        // SAFETY: as in `read_host`.
        let entry = unsafe { &*self.current.as_ptr().add(slot(linear, DATA_ENTRIES)) };
        entry.write_host(linear, bytes)
    }

    /// The same for a write to a page that has no write tag only because it holds decoded code: the
    /// caller looks where in the page.
    #[inline(always)]
    pub(crate) fn code_host(&self, linear: u64, bytes: u8) -> Option<*mut u8> {
        // SAFETY: as in `read_host`.
        let entry = unsafe { &*self.current.as_ptr().add(slot(linear, DATA_ENTRIES)) };
        let last = linear.wrapping_add(u64::from(bytes) - 1) & !PAGE_MASK;
        (entry.code == last).then(|| linear.wrapping_add(entry.addend) as usize as *mut u8)
    }

    /// Reads through a tag.
    #[inline(always)]
    pub(crate) fn read<W: Width>(&self, linear: u64) -> Option<W> {
        let host = self.read_host(linear, W::BYTES)?;
        // SAFETY: a read tag exists only for a page whose host address lies in guest RAM, which
        // outlives the tag (`Cpu::run` flushes when it is given other memory); the access stays in
        // that page.
        Some(unsafe { W::from_u64(read_host::<W>(host)) })
    }

    /// Writes through a tag; false if there is none.
    #[inline(always)]
    pub(crate) fn write<W: Width>(&self, linear: u64, value: W) -> bool {
        let Some(host) = self.write_host(linear, W::BYTES) else { return false };
        // SAFETY: as in `read`; no Rust reference into guest RAM ever exists.
        unsafe { write_host::<W>(host, value.to_u64()) };
        true
    }

    /// Reads through the tags of a context that need not be the current one.
    #[inline]
    pub(crate) fn read_in<W: Width>(&self, context: Context, linear: u64) -> Option<W> {
        let host = self.fast_entry(context, linear).read_host(linear, W::BYTES)?;
        // SAFETY: as in `read`.
        Some(unsafe { W::from_u64(read_host::<W>(host)) })
    }

    /// Writes through the tags of a context that need not be the current one; false without a tag.
    #[inline]
    pub(crate) fn write_in<W: Width>(&self, context: Context, linear: u64, value: W) -> bool {
        let entry = self.fast_entry(context, linear);
        let Some(host) = entry.write_host(linear, W::BYTES) else { return false };
        // SAFETY: as in `write`.
        unsafe { write_host::<W>(host, value.to_u64()) };
        true
    }

    #[inline(always)]
    fn fast_entry(&self, context: Context, linear: u64) -> &Fast {
        &self.fast[context as usize * DATA_ENTRIES + slot(linear, DATA_ENTRIES)]
    }

    /// Reads across a page end: `next` is the linear address behind it. Both pages must have tags.
    #[inline(always)]
    pub(crate) fn read_across<W: Width>(&self, linear: u64, next: u64) -> Option<W> {
        let (first, second) = (self.read_host(linear, 1)?, self.read_host(next, 1)?);
        let behind = PAGE_SIZE - (linear & PAGE_MASK);
        debug_assert!(behind < u64::from(W::BYTES) && next & PAGE_MASK == 0);
        // SAFETY: as in `read`: the last 8 bytes of one page and the first 8 of the other.
        let (low, high) = unsafe {
            (read_host::<u64>(first.wrapping_sub(8 - behind as usize)), read_host::<u64>(second))
        };
        Some(W::from_u64(low >> (64 - 8 * behind) | high << (8 * behind)))
    }

    /// Writes across a page end; false, and nothing written, unless both pages have tags.
    #[inline(always)]
    pub(crate) fn write_across<W: Width>(&self, linear: u64, next: u64, value: W) -> bool {
        let (Some(first), Some(second)) = (self.write_host(linear, 1), self.write_host(next, 1))
        else {
            return false;
        };
        let behind = PAGE_SIZE - (linear & PAGE_MASK);
        debug_assert!(behind < u64::from(W::BYTES) && next & PAGE_MASK == 0);
        let first = first.wrapping_sub(8 - behind as usize);
        let (keep, shift) = (64 - 8 * behind, 8 * behind);
        let value = value.to_u64();
        // SAFETY: as in `read_across`, and a write tag implies that the page can be read. The bytes
        // around the access are written back as they are: nobody else runs meanwhile.
        unsafe {
            let low = read_host::<u64>(first);
            write_host::<u64>(first, low & ((1 << keep) - 1) | value << keep);
            let high = read_host::<u64>(second);
            let mask = (W::MASK) >> shift;
            write_host::<u64>(second, high & !mask | value >> shift);
        }
        true
    }

    /// The architectural data translation of a linear address.
    #[inline(always)]
    pub(crate) fn lookup_data(&self, linear: u64) -> Option<Translation> {
        self.data.lookup(linear)
    }

    /// The architectural code translation of a linear address.
    #[inline(always)]
    pub(crate) fn lookup_code(&self, linear: u64) -> Option<Translation> {
        self.code.lookup(linear)
    }

    /// Caches a data translation; the slot's former one and its tags go.
    #[inline(always)]
    pub(crate) fn insert_data(&mut self, linear: u64, translation: Translation) {
        let old = self.data.insert(linear, translation);
        self.drop_tags(slot(linear, DATA_ENTRIES), old.tagged());
        if translation.large() {
            self.note_large(linear, translation);
        }
    }

    /// Caches a code translation.
    pub(crate) fn insert_code(&mut self, linear: u64, translation: Translation) {
        let old = self.code.insert(linear, translation);
        if old.is_occupied() {
            self.jumps.drop_page(old.page);
        }
        if translation.large() {
            self.note_large(linear, translation);
        }
    }

    fn note_large(&mut self, linear: u64, translation: Translation) {
        self.large.add(linear);
        if translation.huge() {
            self.huge.add(linear);
        }
    }

    /// Adds fast tags in a context for a page whose data translation is cached: `host` is the host
    /// address of its first byte, valid for a page.
    #[inline(always)]
    pub(crate) fn add_tags(
        &mut self,
        context: Context,
        linear: u64,
        host: *const u8,
        right: Right,
    ) {
        if context == Context::UserAligned {
            return;
        }
        self.stats.tags += 1;
        let page = linear & !PAGE_MASK;
        let at = slot(linear, DATA_ENTRIES);
        debug_assert_eq!(self.data.slots[at].page, page, "tags without a translation");
        self.data.slots[at].note_tags(context as u32);
        let entry = &mut self.fast[context as usize * DATA_ENTRIES + at];
        entry.addend = (host as usize as u64).wrapping_sub(page);
        entry.read = page;
        if right != Right::Read {
            let code = right == Right::WriteBesideCode;
            (entry.write, entry.code) = if code { (NO_TAG, page) } else { (page, NO_TAG) };
        }
    }

    /// Empties a slot of the fast tables of some contexts, one bit each.
    #[inline(always)]
    fn drop_tags(&mut self, at: usize, mut contexts: u64) {
        while contexts != 0 {
            self.fast[contexts.trailing_zeros() as usize * DATA_ENTRIES + at] = EMPTY;
            contexts &= contexts - 1;
        }
    }

    /// Withdraws the write tags of every page whose frame is `frame`: it holds decoded code now.
    pub(crate) fn withdraw_write(&mut self, frame: u64) {
        self.stats.withdrawn += 1;
        for word in 0..self.data.words() {
            for at in self.data.occupied(word) {
                if self.data.slots[at].translation().frame() == frame {
                    for context in 0..CONTEXTS {
                        let entry = &mut self.fast[context * DATA_ENTRIES + at];
                        if entry.write != NO_TAG {
                            entry.code = core::mem::replace(&mut entry.write, NO_TAG);
                        }
                    }
                }
            }
        }
    }

    /// Drops the fast tags of one linear page; its translation stays.
    pub(crate) fn drop_page_tags(&mut self, linear: u64) {
        let at = slot(linear, DATA_ENTRIES);
        if self.data.slots[at].page == linear & !PAGE_MASK {
            let tagged = self.data.slots[at].take_tags();
            self.drop_tags(at, tagged);
        }
    }

    /// Drops every fast tag; translations stay.
    pub(crate) fn drop_all_tags(&mut self) {
        self.stats.tags_dropped += 1;
        for word in 0..self.data.words() {
            for at in self.data.occupied(word) {
                let tagged = self.data.slots[at].take_tags();
                self.drop_tags(at, tagged);
            }
        }
    }

    /// Forgets every translation, global ones too.
    pub(crate) fn flush_all(&mut self) {
        self.stats.flushes += 1;
        for word in 0..self.data.words() {
            self.data.occupied(word).for_each(|at| self.drop_data(at));
        }
        for word in 0..self.code.words() {
            self.code.occupied(word).for_each(|at| {
                self.code.vacate(at);
            });
        }
        self.large = LargeRegions::default();
        self.huge = LargeRegions::default();
        // Targets without paging rest on no translation, and go too.
        self.new_epoch();
    }

    /// Forgets every translation that is not global: MOV to CR3. Which regions may hold pieces of large
    /// pages stays as it is: too many cost time alone.
    pub(crate) fn flush_non_global(&mut self) {
        self.stats.flushes_non_global += 1;
        for word in 0..self.data.words() {
            self.data.local(word).for_each(|at| self.drop_data(at));
        }
        let mut pages = 0;
        for word in 0..self.code.words() {
            for at in self.code.local(word) {
                let slot = self.code.vacate(at);
                pages += 1;
                // Beyond a few, ending the epoch is cheaper.
                if pages <= DROPPED_PAGES {
                    self.jumps.drop_page(slot.page);
                }
            }
        }
        if pages > DROPPED_PAGES {
            self.new_epoch();
        }
    }

    fn drop_data(&mut self, at: usize) {
        let tagged = self.data.vacate(at).tagged();
        self.drop_tags(at, tagged);
    }

    /// Forgets the translations of one linear page, and all pieces of the large page of `large_bytes`
    /// that may cover it, or of the 1 GiB page where there may be one: INVLPG. True if a code translation was
    /// among them.
    pub(crate) fn flush_page(&mut self, linear: u64, large_bytes: u64) -> bool {
        self.stats.flushes_page += 1;
        let page = linear & !PAGE_MASK;
        let mut code = false;
        if self.data.lookup(page).is_some() {
            self.drop_data(slot(page, DATA_ENTRIES));
        }
        if self.code.lookup(page).is_some() {
            self.code.vacate(slot(page, CODE_ENTRIES));
            self.jumps.drop_page(page);
            code = true;
        }
        let large_bytes = if self.huge.may_hold(linear) { HUGE_BYTES } else { large_bytes };
        let start = linear & !(large_bytes - 1);
        for region in 0..large_bytes / REGION_BYTES {
            let region = start + region * REGION_BYTES;
            if self.large.may_hold(region) {
                code |= self.flush_large(region);
            }
        }
        code
    }

    /// Forgets the pieces of large pages in a 2 MiB region. True if there was code among them.
    #[inline(never)]
    fn flush_large(&mut self, start: u64) -> bool {
        let mut code = false;
        let piece = |slot: Slot| slot.is_large_piece_of(start);
        for linear in (start..=start + (REGION_BYTES - PAGE_SIZE)).step_by(PAGE_SIZE as usize) {
            let at = slot(linear, DATA_ENTRIES);
            if piece(self.data.slots[at]) {
                self.drop_data(at);
            }
            let at = slot(linear, CODE_ENTRIES);
            if piece(self.code.slots[at]) {
                self.code.vacate(at);
                self.jumps.drop_page(linear);
                code = true;
            }
        }
        code
    }

    /// Ends the validity of every virtual jump target.
    pub(crate) fn new_epoch(&mut self) {
        self.stats.epochs += 1;
        self.jumps.new_epoch();
    }

    /// The architectural entries, for snapshots: data, then code; occupied slots only, in order.
    pub(crate) fn entries(&self) -> (Vec<Entry>, Vec<Entry>) {
        (self.data.entries(), self.code.entries())
    }
}

impl Default for Tlb {
    fn default() -> Self {
        Self::new()
    }
}
