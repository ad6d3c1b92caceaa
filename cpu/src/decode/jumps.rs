//! The virtual jump cache: where instruction pointers lead, without the dispatcher.
//!
//! An entry holds as long as a fetch would find the target's translation cached and permitted, so going by
//! it never hides a page walk. Entries of one page stand together: when a code translation goes (INVLPG,
//! MOV to CR3, another page in its slot), those of its page are dropped, and global pages keep theirs over
//! a change of address space. What ends more than a few pages ends an epoch instead, an increment.

use super::op::Op;
use arch::paging::{PAGE_MASK, PAGE_SIZE};

/// Entries that one page's targets share, a power of two.
const IN_GROUP: usize = 128;
/// Groups of entries, a power of two.
const GROUPS: usize = 128;
/// One step of the epoch in a tag; below it are the mode bits.
const EPOCH: u64 = 16;

/// An entry of the jump cache.
#[derive(Clone, Copy)]
pub(crate) struct Jump {
    /// Instruction pointer of the target.
    ip: u64,
    /// Epoch and mode under which it holds.
    tag: u64,
    /// The block's first op.
    pub(crate) op: *const Op,
    /// Instruction pointer of the target page's first byte.
    pub(crate) page_ip: u64,
}

const NO_JUMP: Jump = Jump { ip: 0, tag: 0, op: core::ptr::null(), page_ip: 0 };

/// Where virtual jump targets lead.
pub(crate) struct JumpCache {
    entries: Box<[Jump; IN_GROUP * GROUPS]>,
    /// What entries must carry to hold: bits 0-3 the mode, above them the epoch.
    tag: u64,
    /// There are targets whose code segment's base is not 0: their linear page is not that of the
    /// instruction pointer.
    based: bool,
}

impl JumpCache {
    pub(crate) fn new() -> Self {
        let entries = vec![NO_JUMP; IN_GROUP * GROUPS].into_boxed_slice();
        let Ok(entries) = entries.try_into() else { unreachable!("as long as it was made") };
        Self { entries, tag: EPOCH, based: false }
    }

    /// The answer for a target.
    #[inline(always)]
    pub(crate) fn target(&self, ip: u64) -> Option<&Jump> {
        let entry = &self.entries[slot(ip)];
        (entry.ip == ip && entry.tag == self.tag).then_some(entry)
    }

    /// Remembers where an instruction pointer leads. `base` is that of the code segment.
    pub(crate) fn remember(&mut self, ip: u64, base: u64, op: *const Op, page_ip: u64) {
        self.based |= base != 0;
        self.entries[slot(ip)] = Jump { ip, tag: self.tag, op, page_ip };
    }

    /// Forgets the targets in a linear page.
    pub(crate) fn drop_page(&mut self, linear: u64) {
        if self.based {
            self.new_epoch();
            return;
        }
        let first = group(linear) * IN_GROUP;
        for entry in &mut self.entries[first..first + IN_GROUP] {
            if (entry.ip ^ linear) & !PAGE_MASK == 0 {
                entry.tag = 0;
            }
        }
    }

    /// Forgets every target.
    pub(crate) fn new_epoch(&mut self) {
        self.tag += EPOCH;
        self.based = false;
    }

    /// Forgets every target for good: the ops they lead to are about to be freed.
    pub(crate) fn clear(&mut self) {
        self.entries.fill(NO_JUMP);
    }

    /// Sets the mode bits that entries must carry.
    pub(crate) fn set_mode(&mut self, mode: u64) {
        debug_assert!(mode < EPOCH);
        self.tag = self.tag & !(EPOCH - 1) | mode;
    }
}

#[inline(always)]
fn group(ip: u64) -> usize {
    let page = ip / PAGE_SIZE;
    (page ^ page >> 7) as usize % GROUPS
}

#[inline(always)]
fn slot(ip: u64) -> usize {
    group(ip) * IN_GROUP + (ip ^ ip >> 7) as usize % IN_GROUP
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The ops are never looked at here.
    const OP: *const Op = core::ptr::dangling();

    #[test]
    fn a_dropped_page_takes_its_own_targets_and_no_other() {
        let mut jumps = JumpCache::new();
        // Page 0x80 shares the group of page 1.
        for ip in [0x1000, 0x1fff, 0x2000, 0x8_0000] {
            jumps.remember(ip, 0, OP, ip & !PAGE_MASK);
        }
        jumps.drop_page(0x1000);
        let known = [0x1000, 0x1fff, 0x2000, 0x8_0000].map(|ip| jumps.target(ip).is_some());
        assert_eq!(known, [false, false, true, true]);
    }

    #[test]
    fn targets_hold_in_their_mode_and_epoch() {
        let mut jumps = JumpCache::new();
        jumps.set_mode(2);
        jumps.remember(0x1000, 0, OP, 0x1000);
        jumps.set_mode(6);
        assert!(jumps.target(0x1000).is_none());
        jumps.set_mode(2);
        assert!(jumps.target(0x1000).is_some());
        jumps.new_epoch();
        assert!(jumps.target(0x1000).is_none());
    }

    #[test]
    fn targets_of_a_based_code_segment_go_with_any_page() {
        let mut jumps = JumpCache::new();
        jumps.remember(0x100, 0xf_0000, OP, 0);
        jumps.drop_page(0xf_0000);
        assert!(jumps.target(0x100).is_none());
    }
}
