//! The soft TLB in two layers.
//!
//! The *architectural* layer remembers which translations the guest can observe as cached: fixed
//! geometry, part of the machine's state. Above it, one table of *fast tags* per translation context
//! holds host addresses; a fast tag exists only while its architectural entry does, and may be
//! withheld or dropped at will. Everything special (MMIO, ROM, decoded code, a clear D bit, a
//! watchpoint) is the absence of a tag, so an ordinary access pays one compare for all of it.
//!
//! One of the few files with `unsafe`: reads and writes through host addresses (docs/decisions/0003).
#![allow(unsafe_code)]

use super::walk::Translation;
use crate::flags::Width;
use arch::paging::PAGE_MASK;
use core::ptr::NonNull;
use serde::{Deserialize, Serialize};

/// Data translations kept, a power of two.
pub(crate) const DATA_ENTRIES: usize = 2048;
/// Instruction translations kept, a power of two.
pub(crate) const CODE_ENTRIES: usize = 1024;

/// A tag that no linear address matches: its low bits are set.
const NO_TAG: u64 = u64::MAX;

/// One step of the epoch in a jump tag.
const EPOCH: u64 = 8;

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

const CONTEXTS: usize = 4;

/// ```text
///  0          8           16       24     32
///  | read tag | write tag | addend | pad  |     host address = linear + addend
/// ```
#[repr(C)]
#[derive(Clone, Copy)]
struct Fast {
    /// Linear page that may be read through `addend`, or [`NO_TAG`].
    read: u64,
    /// Linear page that may be written, or [`NO_TAG`].
    write: u64,
    addend: u64,
    _pad: u64,
}

const _: () = assert!(size_of::<Fast>() == 32);
const EMPTY: Fast = Fast { read: NO_TAG, write: NO_TAG, addend: 0, _pad: 0 };

/// An architectural entry.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) struct Entry {
    /// Linear page, or all-ones.
    pub page: u64,
    /// What it translates to.
    pub translation: Translation,
}

const NO_ENTRY: Entry = Entry { page: NO_TAG, translation: Translation::NONE };

/// Counters of the soft TLB, for `--stats`: kept on misses and flushes only.
#[derive(Clone, Copy, Default, Debug)]
pub struct TlbStats {
    /// Loads that no fast tag covered.
    pub slow_loads: u64,
    /// Stores that no fast tag covered.
    pub slow_stores: u64,
    /// Page walks for data.
    pub data_walks: u64,
    /// Page walks for instruction fetches.
    pub code_walks: u64,
    /// Fast tags granted.
    pub tags: u64,
    /// Flushes of everything.
    pub flushes: u64,
    /// Flushes of all that is not global.
    pub flushes_non_global: u64,
    /// Flushes of one page.
    pub flushes_page: u64,
    /// Times a page's write tags were withdrawn because it holds decoded code now.
    pub withdrawn: u64,
    /// Times every fast tag was dropped while translations stayed.
    pub tags_dropped: u64,
    /// Epochs of virtual jump targets.
    pub epochs: u64,
}

impl TlbStats {
    /// Every counter with its name, in the order of reports.
    pub fn rows(&self) -> Vec<(&'static str, u64)> {
        let Self {
            slow_loads,
            slow_stores,
            data_walks,
            code_walks,
            tags,
            flushes,
            flushes_non_global,
            flushes_page,
            withdrawn,
            tags_dropped,
            epochs,
        } = *self;
        vec![
            ("loads without a tag", slow_loads),
            ("stores without a tag", slow_stores),
            ("page walks for data", data_walks),
            ("page walks for code", code_walks),
            ("tags granted", tags),
            ("TLB flushes", flushes),
            ("TLB flushes but global", flushes_non_global),
            ("TLB flushes of a page", flushes_page),
            ("write tags withdrawn", withdrawn),
            ("all tags dropped", tags_dropped),
            ("jump epochs", epochs),
        ]
    }
}

/// Both layers.
pub(crate) struct Tlb {
    /// The fast table of the current context.
    current: NonNull<Fast>,
    fast: Box<[Fast]>,
    data: Box<[Entry]>,
    code: Box<[Entry]>,
    /// Occupied slots of `data`, so that a flush costs what was used.
    used_data: Vec<u16>,
    used_code: Vec<u16>,
    /// What virtual jump targets carry: bits 0-2 the mode they hold in, above them an epoch that
    /// changes whenever a code translation is dropped.
    pub(crate) jump_tag: u64,
    context: Context,
    pub(crate) stats: TlbStats,
}

/// Slot of a linear address in a table of `size` entries.
#[inline(always)]
fn slot(linear: u64, size: usize) -> usize {
    (linear >> 12) as usize & (size - 1)
}

impl Tlb {
    /// Empty.
    pub(crate) fn new() -> Self {
        let mut fast = vec![EMPTY; CONTEXTS * DATA_ENTRIES].into_boxed_slice();
        Self {
            current: NonNull::from(&mut fast[0]),
            fast,
            data: vec![NO_ENTRY; DATA_ENTRIES].into_boxed_slice(),
            code: vec![NO_ENTRY; CODE_ENTRIES].into_boxed_slice(),
            used_data: Vec::new(),
            used_code: Vec::new(),
            jump_tag: EPOCH,
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
        let last = linear.wrapping_add(u64::from(bytes) - 1) & !PAGE_MASK;
        (entry.read == last).then(|| linear.wrapping_add(entry.addend) as usize as *const u8)
    }

    /// The same for a write.
    #[inline(always)]
    pub(crate) fn write_host(&self, linear: u64, bytes: u8) -> Option<*mut u8> {
        // SAFETY: as in `read_host`.
        let entry = unsafe { &*self.current.as_ptr().add(slot(linear, DATA_ENTRIES)) };
        let last = linear.wrapping_add(u64::from(bytes) - 1) & !PAGE_MASK;
        (entry.write == last).then(|| linear.wrapping_add(entry.addend) as usize as *mut u8)
    }

    /// Reads through a tag.
    #[inline(always)]
    pub(crate) fn read<W: Width>(&self, linear: u64) -> Option<W> {
        let host = self.read_host(linear, W::BYTES)?;
        // SAFETY: a read tag exists only for a page whose host address lies in guest RAM, which
        // outlives the tag (`Cpu::run` flushes when it is given other memory); the access stays in
        // that page.
        let value = unsafe {
            match W::BITS {
                8 => u64::from(host.read()),
                16 => u64::from(u16::from_le(host.cast::<u16>().read_unaligned())),
                32 => u64::from(u32::from_le(host.cast::<u32>().read_unaligned())),
                _ => u64::from_le(host.cast::<u64>().read_unaligned()),
            }
        };
        Some(W::from_u64(value))
    }

    /// Writes through a tag; false if there is none.
    #[inline(always)]
    pub(crate) fn write<W: Width>(&self, linear: u64, value: W) -> bool {
        let Some(host) = self.write_host(linear, W::BYTES) else { return false };
        let value = value.to_u64();
        // SAFETY: as in `read`; no Rust reference into guest RAM ever exists.
        unsafe {
            match W::BITS {
                8 => host.write(value as u8),
                16 => host.cast::<u16>().write_unaligned((value as u16).to_le()),
                32 => host.cast::<u32>().write_unaligned((value as u32).to_le()),
                _ => host.cast::<u64>().write_unaligned(value.to_le()),
            }
        }
        true
    }

    /// The architectural data translation of a linear address.
    #[inline]
    pub(crate) fn lookup_data(&self, linear: u64) -> Option<Translation> {
        let entry = &self.data[slot(linear, DATA_ENTRIES)];
        (entry.page == linear & !PAGE_MASK).then_some(entry.translation)
    }

    /// The architectural code translation of a linear address.
    #[inline]
    pub(crate) fn lookup_code(&self, linear: u64) -> Option<Translation> {
        let entry = &self.code[slot(linear, CODE_ENTRIES)];
        (entry.page == linear & !PAGE_MASK).then_some(entry.translation)
    }

    /// Caches a data translation; the slot's former one and its tags go.
    pub(crate) fn insert_data(&mut self, linear: u64, translation: Translation) {
        let slot = slot(linear, DATA_ENTRIES);
        if self.data[slot].page == NO_TAG {
            self.used_data.push(slot as u16);
        }
        self.data[slot] = Entry { page: linear & !PAGE_MASK, translation };
        self.drop_tags(slot);
    }

    /// Caches a code translation.
    pub(crate) fn insert_code(&mut self, linear: u64, translation: Translation) {
        let slot = slot(linear, CODE_ENTRIES);
        if self.code[slot].page == NO_TAG {
            self.used_code.push(slot as u16);
        } else {
            self.new_epoch();
        }
        self.code[slot] = Entry { page: linear & !PAGE_MASK, translation };
    }

    /// Adds fast tags for a page in the current context: `host` is the host address of its first
    /// byte, valid for a page.
    pub(crate) fn add_tags(&mut self, linear: u64, host: *const u8, read: bool, write: bool) {
        if self.context == Context::UserAligned {
            return;
        }
        self.stats.tags += 1;
        let page = linear & !PAGE_MASK;
        let index = self.context as usize * DATA_ENTRIES + slot(linear, DATA_ENTRIES);
        let entry = &mut self.fast[index];
        entry.addend = (host as usize as u64).wrapping_sub(page);
        if read {
            entry.read = page;
        }
        if write {
            entry.write = page;
        }
    }

    fn drop_tags(&mut self, slot: usize) {
        for context in 0..CONTEXTS {
            self.fast[context * DATA_ENTRIES + slot] = EMPTY;
        }
    }

    /// Withdraws the write tags of every page whose frame is `frame`: it holds decoded code now.
    pub(crate) fn withdraw_write(&mut self, frame: u64) {
        self.stats.withdrawn += 1;
        for i in 0..self.used_data.len() {
            let slot = usize::from(self.used_data[i]);
            if self.data[slot].translation.frame == frame {
                for context in 0..CONTEXTS {
                    self.fast[context * DATA_ENTRIES + slot].write = NO_TAG;
                }
            }
        }
    }

    /// Drops every fast tag; translations stay.
    pub(crate) fn drop_all_tags(&mut self) {
        self.stats.tags_dropped += 1;
        for i in 0..self.used_data.len() {
            self.drop_tags(usize::from(self.used_data[i]));
        }
    }

    /// Forgets every translation, global ones too.
    pub(crate) fn flush_all(&mut self) {
        self.stats.flushes += 1;
        self.flush(|_| true);
    }

    /// Forgets every translation that is not global: MOV to CR3.
    pub(crate) fn flush_non_global(&mut self) {
        self.stats.flushes_non_global += 1;
        self.flush(|entry| !entry.translation.global);
    }

    /// Forgets the translations of one linear page, and all of large pages, which may cover it:
    /// INVLPG.
    pub(crate) fn flush_page(&mut self, linear: u64) {
        self.stats.flushes_page += 1;
        let page = linear & !PAGE_MASK;
        self.flush(|entry| entry.page == page || entry.translation.large);
    }

    fn flush(&mut self, goes: impl Fn(&Entry) -> bool) {
        let mut used = core::mem::take(&mut self.used_data);
        used.retain(|&slot| {
            let slot = usize::from(slot);
            let go = goes(&self.data[slot]);
            if go {
                self.data[slot] = NO_ENTRY;
                self.drop_tags(slot);
            }
            !go
        });
        self.used_data = used;
        let code = &mut self.code;
        self.used_code.retain(|&slot| {
            let entry = &mut code[usize::from(slot)];
            let go = goes(entry);
            if go {
                *entry = NO_ENTRY;
            }
            !go
        });
        self.new_epoch();
    }

    /// Ends the validity of every virtual jump target.
    pub(crate) fn new_epoch(&mut self) {
        self.stats.epochs += 1;
        self.jump_tag += EPOCH;
    }

    /// Sets the mode bits of the jump tag.
    pub(crate) fn set_jump_mode(&mut self, mode: u64) {
        self.jump_tag = self.jump_tag & !(EPOCH - 1) | mode;
    }

    /// The architectural entries, for snapshots: data, then code; occupied slots only, in order.
    pub(crate) fn entries(&self) -> (Vec<Entry>, Vec<Entry>) {
        let occupied = |table: &[Entry]| -> Vec<Entry> {
            table.iter().filter(|entry| entry.page != NO_TAG).copied().collect()
        };
        (occupied(&self.data), occupied(&self.code))
    }
}

impl Default for Tlb {
    fn default() -> Self {
        Self::new()
    }
}
