//! Translating where no fast tag is: rights, walks, and the tags for the next time.
//!
//! SDM Vol. 3A, "Paging". A cached translation that does not permit an access is looked up afresh, as
//! silicon does before it faults.

use super::Privilege;
use super::tlb::{Context, Right};
use super::walk::{self, Intent, PagingState, Rule, Translation};
use crate::breakpoints::Withheld;
use crate::cpu::{Cpu, Fault};
use crate::features::Word;
use arch::control::{cr0, cr4};
use arch::cpuid::{ext1_edx, leaf1_edx};
use arch::exception::Exception;
use arch::paging::{PAGE_MASK, PAGE_SIZE};
use arch::rflags;
use memory::{Backing, PhysAddr};

impl Cpu {
    /// Translates one data address, filling both layers of the TLB.
    pub(super) fn reach(
        &mut self,
        linear: u64,
        intent: Intent,
        context: Context,
    ) -> Result<PhysAddr, Fault> {
        let translation = self.translate(linear, intent, context)?;
        self.add_tags(linear, translation, intent, context);
        Ok(PhysAddr(translation.frame() | linear & PAGE_MASK))
    }

    #[inline(always)]
    fn translate(
        &mut self,
        linear: u64,
        intent: Intent,
        context: Context,
    ) -> Result<Translation, Fault> {
        if self.cr0 & cr0::PG == 0 {
            let translation = Translation::identity(linear);
            if self.tlb.lookup_data(linear).is_none() {
                self.tlb.insert_data(linear, translation);
            }
            return Ok(translation);
        }
        if let Some(cached) = self.tlb.lookup_data(linear)
            && self.cached_permits(cached, intent, context)
        {
            return Ok(cached);
        }
        self.tlb.stats.data_walks += 1;
        let state = self.paging_state_in(context);
        match walk::walk(self.memory(), &state, linear, intent) {
            Ok(translation) => {
                self.drain_stale_code();
                self.tlb.insert_data(linear, translation);
                Ok(translation)
            }
            Err(code) => Err(Exception::page_fault(linear, code).into()),
        }
    }

    /// What a cached translation must offer to be used without a walk.
    #[inline(always)]
    fn cached_rule(&self, intent: Intent, context: Context) -> Rule {
        let rule = Rule::of(context.is_user(), context.smap(), self.cr0, self.cr4, intent);
        if intent == Intent::Write { rule.dirty() } else { rule }
    }

    /// True if a cached translation can be used for a data access without a walk.
    #[inline(always)]
    fn cached_permits(&self, cached: Translation, intent: Intent, context: Context) -> bool {
        cached.permits(self.cached_rule(intent, context))
            && (self.cr4 & cr4::PKE == 0 || self.key_permits(cached, intent, context))
    }

    /// True if the page's protection key allows a data access.
    #[cold]
    fn key_permits(&self, cached: Translation, intent: Intent, context: Context) -> bool {
        let denied = walk::key_denies(self.pkru, context.is_user(), self.cr0, cached, intent);
        !(self.long_mode() && denied)
    }

    /// Translates an instruction fetch.
    pub(crate) fn translate_fetch(&mut self, linear: u64) -> Result<Translation, Fault> {
        if self.cr0 & cr0::PG == 0 {
            let translation = Translation::identity(linear);
            if self.tlb.lookup_code(linear).is_none() {
                self.tlb.insert_code(linear, translation);
            }
            return Ok(translation);
        }
        let context = self.tlb.context();
        if let Some(cached) = self.tlb.lookup_code(linear)
            && cached.permits(self.cached_rule(Intent::Fetch, context))
        {
            return Ok(cached);
        }
        self.tlb.stats.code_walks += 1;
        let state = self.paging_state_in(context);
        match walk::walk(self.memory(), &state, linear, Intent::Fetch) {
            Ok(translation) => {
                self.drain_stale_code();
                self.tlb.insert_code(linear, translation);
                Ok(translation)
            }
            Err(code) => Err(Exception::page_fault(linear, code).into()),
        }
    }

    /// The control state for a walk.
    pub(crate) fn paging_state(&self, privilege: Privilege) -> PagingState {
        self.paging_state_in(self.context_of(privilege))
    }

    #[inline(always)]
    fn paging_state_in(&self, context: Context) -> PagingState {
        PagingState {
            cr0: self.cr0,
            cr3: self.cr3,
            cr4: self.cr4,
            efer: self.msrs.efer,
            pdptes: self.pdptes,
            user: context.is_user(),
            smap: context.smap(),
            pkru: self.pkru,
            huge_pages: self.model.has(Word::Ext1Edx, ext1_edx::PDPE1GB),
            pse36: self.model.has(Word::Leaf1Edx, leaf1_edx::PSE36),
        }
    }

    /// Grants fast access to a page that the last access proved permitted: RAM only, writes only to pages
    /// without decoded code, and nothing that a watchpoint has to see.
    #[inline(always)]
    fn add_tags(
        &mut self,
        linear: u64,
        translation: Translation,
        intent: Intent,
        context: Context,
    ) {
        let memory = self.memory();
        let (offset, ram) = match memory.backing(PhysAddr(translation.frame())) {
            Backing::Ram { offset } => (offset, true),
            Backing::Rom { offset } => (offset, false),
            Backing::Hole => return,
        };
        let page = offset / PAGE_SIZE;
        let withheld = self.withheld_tags(linear);
        if withheld == Withheld::All {
            return;
        }
        let ram = ram && withheld == Withheld::Nothing;
        let right =
            if !ram || intent != Intent::Write && !self.write_will_do(page, translation, context) {
                Right::Read
            } else if memory.code().contains(page) {
                Right::WriteBesideCode
            } else {
                Right::Write
            };
        if right != Right::Read {
            memory.note_page(page);
        }
        let host = memory.ram().host_base().as_ptr().wrapping_add(offset as usize);
        // A write proves the read right too: paging has no write-only pages.
        self.tlb.add_tags(context, linear, host, right);
    }

    /// True if a write to a page just read would change nothing but its bytes: allowed, its D bit known
    /// to be set, and not its first.
    #[inline(always)]
    fn write_will_do(&self, page: u64, translation: Translation, context: Context) -> bool {
        let allowed =
            self.cr0 & cr0::PG == 0 || self.cached_permits(translation, Intent::Write, context);
        allowed && self.memory().touched_pages().contains(page)
    }

    /// The rules that an access on somebody's behalf is checked by.
    #[inline(always)]
    pub(crate) fn context_of(&self, privilege: Privilege) -> Context {
        let smap = self.cr4 & cr4::SMAP != 0;
        match privilege {
            Privilege::Current => self.tlb.context(),
            Privilege::System if smap => Context::SupervisorSmap,
            Privilege::Supervisor if smap && self.system_flags & rflags::AC == 0 => {
                Context::SupervisorSmap
            }
            Privilege::System | Privilege::Supervisor => Context::Supervisor,
        }
    }

    /// The map of physical memory has changed: nothing that was translated holds any more. Code that
    /// was decoded stays with the RAM or ROM it came from.
    pub fn forget_memory_map(&mut self) {
        self.tlb.flush_all();
    }

    /// Selects the table of fast tags after a change of CPL, CR0, CR4 or RFLAGS.AC.
    pub(crate) fn update_context(&mut self) {
        let ac = self.system_flags & rflags::AC != 0;
        let context = if self.cpl == 3 {
            if ac && self.cr0 & cr0::AM != 0 { Context::UserAligned } else { Context::User }
        } else if self.cr4 & cr4::SMAP != 0 && !ac {
            Context::SupervisorSmap
        } else {
            Context::Supervisor
        };
        self.tlb.set_context(context);
    }
}
