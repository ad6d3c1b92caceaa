//! Loads, stores and fetches of every width by linear address.
//!
//! The fast path is a tag compare in [`tlb`]; everything else (a translation not cached, a page end
//! crossed, MMIO, ROM, decoded code, alignment checks) comes here. Faults first: an access that
//! crosses pages translates both before it touches either.

pub(crate) mod descriptor;
pub(crate) mod segment;
pub(crate) mod tlb;
pub mod walk;

use crate::cpu::{Cpu, Done, Fault};
use crate::flags::Width;
use arch::control::{cr0, cr4};
use arch::exception::{Exception, Vector};
use arch::paging::{PAGE_MASK, PAGE_SIZE};
use arch::rflags;
use memory::{Backing, PhysAddr};
use tlb::Context;
use walk::{Intent, PagingState, Translation};

/// On whose behalf memory is accessed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Privilege {
    /// The running program, at CPL.
    Current,
    /// The CPU itself: descriptor tables, gates, TSS. SMAP applies whatever RFLAGS.AC says.
    System,
    /// The level below 3 that is being entered: stack frames. Not implicit, so RFLAGS.AC counts.
    Supervisor,
}

impl Cpu {
    /// Loads at a linear address that segmentation has checked.
    #[inline(always)]
    pub(crate) fn load<W: Width>(&mut self, linear: u64) -> Result<W, Fault> {
        match self.tlb.read(linear) {
            Some(value) => Ok(value),
            None => self.load_slow(linear),
        }
    }

    /// Stores at a linear address that segmentation has checked.
    #[inline(always)]
    pub(crate) fn store<W: Width>(&mut self, linear: u64, value: W) -> Done {
        if self.tlb.write(linear, value) { Ok(()) } else { self.store_slow(linear, value) }
    }

    /// Loads what the instruction will store back: a missing write right faults now, as a write
    /// (silicon reports W = 1 for every read-modify-write).
    pub(crate) fn load_for_write<W: Width>(&mut self, linear: u64) -> Result<W, Fault> {
        if self.tlb.write_host(linear, W::BYTES).is_some() {
            return self.load(linear);
        }
        self.check_alignment(linear, W::BYTES)?;
        self.probe(linear, u64::from(W::BYTES), Intent::Write, Privilege::Current)?;
        self.load(linear)
    }

    #[cold]
    #[inline(never)]
    fn load_slow<W: Width>(&mut self, linear: u64) -> Result<W, Fault> {
        self.tlb.stats.slow_loads += 1;
        self.check_alignment(linear, W::BYTES)?;
        let mut bytes = [0; 8];
        self.read_linear(linear, &mut bytes[..W::BYTES as usize], Privilege::Current)?;
        Ok(W::from_u64(u64::from_le_bytes(bytes)))
    }

    #[cold]
    #[inline(never)]
    fn store_slow<W: Width>(&mut self, linear: u64, value: W) -> Done {
        self.tlb.stats.slow_stores += 1;
        self.check_alignment(linear, W::BYTES)?;
        let bytes = value.to_u64().to_le_bytes();
        self.write_linear(linear, &bytes[..W::BYTES as usize], Privilege::Current)
    }

    /// Loads a system structure: supervisor access whatever CPL is.
    pub(crate) fn load_system<W: Width>(&mut self, linear: u64) -> Result<W, Fault> {
        let mut bytes = [0; 8];
        self.read_linear(linear, &mut bytes[..W::BYTES as usize], Privilege::System)?;
        Ok(W::from_u64(u64::from_le_bytes(bytes)))
    }

    /// Stores to a system structure.
    pub(crate) fn store_system<W: Width>(&mut self, linear: u64, value: W) -> Done {
        let bytes = value.to_u64().to_le_bytes();
        self.write_linear(linear, &bytes[..W::BYTES as usize], Privilege::System)
    }

    /// Reads up to a page of bytes; both pages of a crossing are translated before either is read.
    pub(crate) fn read_linear(
        &mut self,
        linear: u64,
        out: &mut [u8],
        privilege: Privilege,
    ) -> Done {
        let (first, rest) = self.split(linear, out.len(), Intent::Read, privilege)?;
        let in_first = rest.map_or(out.len(), |(in_first, _)| in_first);
        self.read_physical(first, &mut out[..in_first]);
        if let Some((_, second)) = rest {
            self.read_physical(second, &mut out[in_first..]);
        }
        Ok(())
    }

    /// Writes up to a page of bytes; both pages of a crossing are translated before either is written.
    pub(crate) fn write_linear(&mut self, linear: u64, bytes: &[u8], privilege: Privilege) -> Done {
        let (first, rest) = self.split(linear, bytes.len(), Intent::Write, privilege)?;
        let in_first = rest.map_or(bytes.len(), |(in_first, _)| in_first);
        self.write_physical(first, &bytes[..in_first]);
        if let Some((_, second)) = rest {
            self.write_physical(second, &bytes[in_first..]);
        }
        Ok(())
    }

    /// Translates a range of at most a page without accessing it: faults as the access would.
    pub(crate) fn probe(
        &mut self,
        linear: u64,
        bytes: u64,
        intent: Intent,
        privilege: Privilege,
    ) -> Done {
        self.split(linear, bytes as usize, intent, privilege).map(|_| ())
    }

    /// Physical address of the first byte, and, where the range crosses its page, how many bytes lie
    /// before the crossing and the physical address behind it.
    fn split(
        &mut self,
        linear: u64,
        bytes: usize,
        intent: Intent,
        privilege: Privilege,
    ) -> Result<(PhysAddr, Option<(usize, PhysAddr)>), Fault> {
        let in_first = (PAGE_SIZE - (linear & PAGE_MASK)) as usize;
        let first = self.translate(linear, intent, privilege)?;
        if bytes <= in_first {
            return Ok((first, None));
        }
        let mut next = linear.wrapping_add(in_first as u64);
        // 32-bit linear addresses wrap around; those of long mode's system structures do not.
        let program = privilege == Privilege::Current && linear >> 32 == 0;
        if self.ip_mask != u64::MAX && (program || !self.long_mode()) {
            next &= 0xffff_ffff;
        }
        let second = self.translate(next, intent, privilege)?;
        Ok((first, Some((in_first, second))))
    }

    /// Translates one data address, filling the TLB.
    fn translate(
        &mut self,
        linear: u64,
        intent: Intent,
        privilege: Privilege,
    ) -> Result<PhysAddr, Fault> {
        let translation = self.translate_page(linear, intent, privilege)?;
        if privilege == Privilege::Current {
            self.add_tags(linear, &translation, intent);
        }
        Ok(PhysAddr(translation.frame | linear & PAGE_MASK))
    }

    fn translate_page(
        &mut self,
        linear: u64,
        intent: Intent,
        privilege: Privilege,
    ) -> Result<Translation, Fault> {
        if self.cr0 & cr0::PG == 0 {
            let translation = Translation::identity(linear);
            if self.tlb.lookup_data(linear).is_none() {
                self.tlb.insert_data(linear, translation);
            }
            return Ok(translation);
        }
        let state = self.paging_state(privilege);
        if let Some(cached) = self.tlb.lookup_data(linear) {
            let usable =
                walk::permits(&cached, &state, intent) && (intent != Intent::Write || cached.dirty);
            if usable {
                return Ok(cached);
            }
        }
        // A cached translation that does not permit the access is looked up afresh, as silicon does
        // before it faults.
        self.tlb.stats.data_walks += 1;
        match walk::walk(self.memory(), &state, linear, intent) {
            Ok(translation) => {
                self.drain_stale_code();
                self.tlb.insert_data(linear, translation);
                Ok(translation)
            }
            Err(code) => Err(Exception::page_fault(linear, code).into()),
        }
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
        let state = self.paging_state(Privilege::Current);
        if let Some(cached) = self.tlb.lookup_code(linear)
            && walk::permits(&cached, &state, Intent::Fetch)
        {
            return Ok(cached);
        }
        self.tlb.stats.code_walks += 1;
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
        let user = privilege == Privilege::Current && self.cpl == 3;
        let implicit = privilege == Privilege::System;
        PagingState {
            cr0: self.cr0,
            cr3: self.cr3,
            cr4: self.cr4,
            efer: self.msrs.efer,
            pdptes: self.pdptes,
            user,
            smap: self.cr4 & cr4::SMAP != 0 && (implicit || self.system_flags & rflags::AC == 0),
        }
    }

    /// Grants fast access to a page that the last access proved permitted: RAM only, and writes only
    /// to pages without decoded code.
    fn add_tags(&mut self, linear: u64, translation: &Translation, intent: Intent) {
        let memory = self.memory();
        let (offset, writable) = match memory.backing(PhysAddr(translation.frame)) {
            Backing::Ram { offset } => (offset, true),
            Backing::Rom { offset } => (offset, false),
            Backing::Hole => return,
        };
        let page = offset / PAGE_SIZE;
        let write = intent == Intent::Write && writable && !memory.code_pages().contains(page);
        if write {
            memory.note_write(page);
        }
        let host = memory.ram().host_base().as_ptr().wrapping_add(offset as usize);
        // A write proves the read right too: paging has no write-only pages.
        self.tlb.add_tags(linear, host, true, write);
    }

    /// Alignment checking: CPL 3, CR0.AM, RFLAGS.AC. The context then has no tags, so every access
    /// passes here.
    fn check_alignment(&self, linear: u64, bytes: u8) -> Done {
        if self.tlb.context() == Context::UserAligned && linear & (u64::from(bytes) - 1) != 0 {
            return Err(Exception::new(Vector::AC).into());
        }
        Ok(())
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

    /// Reads physical memory within one page: RAM, ROM or MMIO.
    fn read_physical(&mut self, addr: PhysAddr, out: &mut [u8]) {
        let memory = self.memory();
        match memory.backing(addr) {
            Backing::Ram { offset } | Backing::Rom { offset } => {
                memory.ram().read(offset + addr.page_offset(), out);
            }
            Backing::Hole => self.mmio(addr, out, |cpu, addr, chunk| {
                let value = cpu.mmio_read(addr, chunk.len() as u8).to_le_bytes();
                chunk.copy_from_slice(&value[..chunk.len()]);
            }),
        }
    }

    /// Writes physical memory within one page. Bytes written where no RAM is go to the board.
    fn write_physical(&mut self, addr: PhysAddr, bytes: &[u8]) {
        let memory = self.memory();
        if let Backing::Ram { offset } = memory.backing(addr) {
            memory.note_write(offset / PAGE_SIZE);
            memory.ram().write(offset + addr.page_offset(), bytes);
            self.drain_stale_code();
            return;
        }
        let mut copy = [0; 4096];
        let copy = &mut copy[..bytes.len()];
        copy.copy_from_slice(bytes);
        self.mmio(addr, copy, |cpu, addr, chunk| {
            let mut value = [0; 8];
            value[..chunk.len()].copy_from_slice(chunk);
            cpu.mmio_write(addr, chunk.len() as u8, u64::from_le_bytes(value));
        });
    }

    /// Cuts a range into naturally aligned accesses of at most 8 bytes.
    fn mmio(
        &mut self,
        addr: PhysAddr,
        mut bytes: &mut [u8],
        mut access: impl FnMut(&mut Self, PhysAddr, &mut [u8]),
    ) {
        let mut addr = addr.0;
        while !bytes.is_empty() {
            let aligned = 1 << addr.trailing_zeros().min(3);
            let len = (1 << bytes.len().min(8).ilog2()).min(aligned);
            let (chunk, rest) = bytes.split_at_mut(len);
            access(self, PhysAddr(addr), chunk);
            addr += len as u64;
            bytes = rest;
        }
    }

    fn mmio_read(&mut self, addr: PhysAddr, size: u8) -> u64 {
        let memory = self.memory();
        let access = self.access(memory);
        let (value, outcome) = self.bus().mmio_read(access, addr, size);
        self.log.mmio(self.retired(), addr, size, value, false);
        self.settle(outcome);
        value
    }

    fn mmio_write(&mut self, addr: PhysAddr, size: u8, value: u64) {
        let memory = self.memory();
        let access = self.access(memory);
        self.log.mmio(self.retired(), addr, size, value, true);
        let outcome = self.bus().mmio_write(access, addr, size, value);
        self.settle(outcome);
        self.drain_stale_code();
    }
}

#[cfg(test)]
mod tests;
