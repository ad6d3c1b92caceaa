//! Loads, stores and fetches of every width by linear address.
//!
//! The fast path is a tag compare in [`tlb`]. Without a tag, [`reach`] translates and makes one where
//! there may be one, and the access is tried again; what has none then (MMIO, ROM, decoded code) goes by
//! physical address. Faults first: an access that crosses pages translates both before it touches
//! either.

pub(crate) mod descriptor;
mod physical;
mod reach;
pub(crate) mod rules;
pub(crate) mod segment;
mod stats;
pub(crate) mod tlb;
pub(crate) mod translations;
pub mod walk;

use crate::cpu::{Cpu, Done, Fault};
use crate::flags::Width;
use arch::exception::{Exception, Vector};
use arch::paging::{PAGE_MASK, PAGE_SIZE};
use memory::{CodeMap, PhysAddr};
pub use stats::TlbStats;
use tlb::Context;
use walk::Intent;

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
        if self.tlb.write_host(linear, W::BYTES).is_none() {
            self.ready_to_write::<W>(linear)?;
        }
        self.load(linear)
    }

    #[inline(never)]
    fn ready_to_write<W: Width>(&mut self, linear: u64) -> Done {
        if self.tlb.code_host(linear, W::BYTES).is_some() {
            return Ok(());
        }
        if let Some(next) = self.crossing::<W>(linear)
            && self.tlb.write_host(linear, 1).is_some()
            && self.tlb.write_host(next, 1).is_some()
        {
            return Ok(());
        }
        self.check_alignment(linear, W::BYTES.into())?;
        self.probe(linear, u64::from(W::BYTES), Intent::Write, Privilege::Current)
    }

    #[inline(never)]
    fn load_slow<W: Width>(&mut self, linear: u64) -> Result<W, Fault> {
        self.tlb.stats.slow_loads += 1;
        if let Some(next) = self.crossing::<W>(linear) {
            return self.load_across(linear, next);
        }
        self.check_alignment(linear, W::BYTES.into())?;
        let at = self.reach(linear, Intent::Read, self.tlb.context())?;
        self.note_access(linear, u64::from(W::BYTES), false);
        match self.tlb.read(linear) {
            Some(value) => Ok(value),
            None => Ok(self.load_physical(at)),
        }
    }

    #[inline(never)]
    fn store_slow<W: Width>(&mut self, linear: u64, value: W) -> Done {
        if self.store_beside_code(linear, value) {
            return Ok(());
        }
        self.tlb.stats.slow_stores += 1;
        if let Some(next) = self.crossing::<W>(linear) {
            return self.store_across(linear, next, value);
        }
        self.check_alignment(linear, W::BYTES.into())?;
        let at = self.reach(linear, Intent::Write, self.tlb.context())?;
        self.note_access(linear, u64::from(W::BYTES), true);
        if !self.tlb.write(linear, value) {
            self.store_physical(at, value);
        }
        Ok(())
    }

    /// Stores to a page that has no write tag only because it holds decoded code, if none of that is
    /// touched. Data beside code is common in small kernels, so this is short.
    #[inline(always)]
    fn store_beside_code<W: Width>(&mut self, linear: u64, value: W) -> bool {
        let Some(host) = self.tlb.code_host(linear, W::BYTES) else { return false };
        let memory = self.memory();
        let (ram, bytes) = (memory.ram(), u64::from(W::BYTES));
        let offset = (host as usize - ram.host_base().as_ptr() as usize) as u64;
        let marked = memory.code().granules(offset / PAGE_SIZE);
        // Without any mark the page may have its tag again: the long way gives it.
        if marked == 0 || marked & CodeMap::granules_of(offset, bytes) != 0 {
            return false;
        }
        self.code.stats.harmless += 1;
        let value = value.to_u64();
        match bytes {
            1 => ram.write_u8(offset, value as u8),
            2 => ram.write_u16(offset, value as u16),
            4 => ram.write_u32(offset, value as u32),
            _ => ram.write_u64(offset, value),
        }
        true
    }

    /// The linear address behind the page end that an access crosses.
    #[inline(always)]
    fn crossing<W: Width>(&self, linear: u64) -> Option<u64> {
        let crosses = linear & PAGE_MASK > PAGE_SIZE - u64::from(W::BYTES);
        crosses.then(|| self.page_behind(linear, Privilege::Current))
    }

    #[inline(always)]
    fn load_across<W: Width>(&mut self, linear: u64, next: u64) -> Result<W, Fault> {
        if let Some(value) = self.tlb.read_across(linear, next) {
            return Ok(value);
        }
        self.check_alignment(linear, W::BYTES.into())?;
        let mut bytes = [0; 8];
        self.read_linear(linear, &mut bytes[..W::BYTES as usize], Privilege::Current)?;
        Ok(W::from_u64(u64::from_le_bytes(bytes)))
    }

    #[inline(always)]
    fn store_across<W: Width>(&mut self, linear: u64, next: u64, value: W) -> Done {
        if self.tlb.write_across(linear, next, value) {
            return Ok(());
        }
        self.check_alignment(linear, W::BYTES.into())?;
        let bytes = value.to_u64().to_le_bytes();
        self.write_linear(linear, &bytes[..W::BYTES as usize], Privilege::Current)
    }

    /// Loads a system structure: supervisor access whatever CPL is.
    pub(crate) fn load_system<W: Width>(&mut self, linear: u64) -> Result<W, Fault> {
        if let Some(value) = self.tlb.read_in(self.context_of(Privilege::System), linear) {
            return Ok(value);
        }
        let mut bytes = [0; 8];
        self.read_linear(linear, &mut bytes[..W::BYTES as usize], Privilege::System)?;
        Ok(W::from_u64(u64::from_le_bytes(bytes)))
    }

    /// Stores to a system structure.
    pub(crate) fn store_system<W: Width>(&mut self, linear: u64, value: W) -> Done {
        if self.tlb.write_in(self.context_of(Privilege::System), linear, value) {
            return Ok(());
        }
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
        self.note_access(linear, out.len() as u64, false);
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
        self.note_access(linear, bytes.len() as u64, true);
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
        let context = self.context_of(privilege);
        let in_first = (PAGE_SIZE - (linear & PAGE_MASK)) as usize;
        let first = self.reach(linear, intent, context)?;
        if bytes <= in_first {
            return Ok((first, None));
        }
        let second = self.reach(self.page_behind(linear, privilege), intent, context)?;
        Ok((first, Some((in_first, second))))
    }

    /// The linear address of the page behind the one of `linear`.
    #[inline(always)]
    fn page_behind(&self, linear: u64, privilege: Privilege) -> u64 {
        let next = (linear | PAGE_MASK).wrapping_add(1);
        if self.ip_mask == u64::MAX {
            return next;
        }
        // 32-bit linear addresses wrap around; those of long mode's system structures do not.
        let program = privilege == Privilege::Current && linear >> 32 == 0;
        if program || !self.long_mode() { next & 0xffff_ffff } else { next }
    }

    /// Alignment checking: CPL 3, CR0.AM, RFLAGS.AC. The context then has no tags, so every access
    /// passes here.
    #[inline(always)]
    pub(crate) fn check_alignment(&self, linear: u64, bytes: u64) -> Done {
        if self.tlb.context() == Context::UserAligned && linear & (bytes - 1) != 0 {
            return Err(Exception::new(Vector::AC).into());
        }
        Ok(())
    }
}

#[cfg(test)]
mod crossing_tests;
#[cfg(test)]
mod extension_tests;
#[cfg(test)]
mod stale_tests;
#[cfg(test)]
mod tests;
