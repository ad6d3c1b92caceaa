//! Placements and the ledger that keeps them apart: every write claims a named range first, and a
//! conflict names both claimants.
//!
//! The ledger knows the machine's usable RAM. A range in the reserved part of the map (ACPI tables,
//! EBDA) is claimed with [`Ledger::claim_reserved`] by those who own it. Free space is searched from
//! below or from above, deterministically.

use crate::error::BootError;
use core::ops::Range;
use memory::PhysAddr;
use std::collections::BTreeMap;

/// What a placement is filled with.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Content {
    /// These bytes.
    Bytes(Vec<u8>),
    /// Bytes of an image of the plan, from `offset` on.
    Image {
        /// Index of the image in the plan.
        which: usize,
        /// First byte of it.
        offset: u64,
    },
    /// Zeros.
    Zero,
    /// Nothing: the guest was promised the range, its content does not matter.
    Reserved,
}

/// A named range of guest memory and what goes there.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Placement {
    /// What it is, for messages.
    pub name: String,
    /// First byte.
    pub addr: PhysAddr,
    /// Length in bytes.
    pub len: u64,
    /// The bytes.
    pub content: Content,
}

impl Placement {
    /// The half-open range it fills.
    pub fn range(&self) -> Range<u64> {
        self.addr.0..self.addr.0.saturating_add(self.len)
    }
}

/// Who owns which part of guest memory.
#[derive(Clone, Debug)]
pub struct Ledger {
    usable: Vec<Range<u64>>,
    /// Start -> (end, name); the ranges do not overlap.
    claims: BTreeMap<u64, (u64, String)>,
}

impl Ledger {
    /// A ledger over usable RAM: ascending ranges without overlap.
    pub fn new(usable: Vec<Range<u64>>) -> Self {
        Self { usable, claims: BTreeMap::new() }
    }

    /// Usable RAM.
    pub fn usable(&self) -> &[Range<u64>] {
        &self.usable
    }

    /// True if the whole range is usable RAM.
    pub fn is_ram(&self, range: &Range<u64>) -> bool {
        self.usable.iter().any(|ram| ram.start <= range.start && range.end <= ram.end)
    }

    /// Claims a range of usable RAM. An empty range claims nothing.
    pub fn claim(&mut self, name: &str, range: Range<u64>) -> Result<(), BootError> {
        if range.is_empty() {
            return Ok(());
        }
        if !self.is_ram(&range) {
            let (name, ram) = (name.to_owned(), self.usable.clone());
            return Err(BootError::OutsideRam { name, range, ram });
        }
        self.claim_reserved(name, range)
    }

    /// Claims a range that the map reserves for its owner.
    pub fn claim_reserved(&mut self, name: &str, range: Range<u64>) -> Result<(), BootError> {
        if let Some((other, taken)) = self.claimant(&range) {
            let first = (other.to_owned(), taken);
            return Err(BootError::Conflict { first, second: (name.to_owned(), range) });
        }
        self.claims.insert(range.start, (range.end, name.to_owned()));
        Ok(())
    }

    /// The first claim that shares a byte with the range.
    pub fn claimant(&self, range: &Range<u64>) -> Option<(&str, Range<u64>)> {
        let (&start, (end, name)) = self.claims.range(..range.end).next_back()?;
        // Claims do not overlap, so the last one that starts before our end reaches furthest.
        (*end > range.start).then_some((name.as_str(), start..*end))
    }

    /// True if the whole range is usable RAM that nobody has claimed.
    pub fn is_free(&self, range: &Range<u64>) -> bool {
        self.is_ram(range) && self.claimant(range).is_none()
    }

    /// Usable RAM nobody has claimed, ascending.
    pub fn free(&self) -> Vec<Range<u64>> {
        let mut out = Vec::new();
        for ram in &self.usable {
            let mut from = ram.start;
            for (&start, (end, _)) in self.claims.range(..ram.end) {
                if *end <= from {
                    continue;
                }
                if start > from {
                    out.push(from..start);
                }
                from = *end;
            }
            if from < ram.end {
                out.push(from..ram.end);
            }
        }
        out
    }

    /// Lowest free place for `len` bytes with its start aligned, within a window.
    pub fn lowest(&self, len: u64, align: u64, window: &Range<u64>) -> Option<u64> {
        self.free().into_iter().find_map(|free| {
            let at = crate::reader::align_up(free.start.max(window.start), align)?;
            (at.checked_add(len)? <= free.end.min(window.end)).then_some(at)
        })
    }

    /// Highest free place for `len` bytes with its start aligned, within a window.
    pub fn highest(&self, len: u64, align: u64, window: &Range<u64>) -> Option<u64> {
        self.free().into_iter().rev().find_map(|free| {
            let at = free.end.min(window.end).checked_sub(len)? & !(align - 1);
            (at >= free.start.max(window.start)).then_some(at)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ledger() -> Ledger {
        Ledger::new(vec![0x1000..0x9000, 0x10_0000..0x20_0000])
    }

    #[test]
    fn a_conflict_names_both_claimants_and_their_ranges() {
        let mut ledger = ledger();
        ledger.claim("kernel", 0x10_0000..0x18_0000).unwrap();

        let refused = ledger.claim("initrd", 0x17_f000..0x19_0000);

        let first = ("kernel".to_owned(), 0x10_0000..0x18_0000);
        let second = ("initrd".to_owned(), 0x17_f000..0x19_0000);
        assert_eq!(refused, Err(BootError::Conflict { first, second }));
    }

    #[test]
    fn a_claim_around_or_inside_another_is_a_conflict() {
        for range in [0x2000..0x3000, 0x1fff..0x3001, 0x2400..0x2500, 0x2fff..0x4000] {
            let mut ledger = ledger();
            ledger.claim("a", 0x2000..0x3000).unwrap();

            assert!(ledger.claim("b", range.clone()).is_err(), "{range:x?}");
        }
    }

    #[test]
    fn neighbours_do_not_conflict_and_free_space_is_what_remains() {
        let mut ledger = ledger();
        ledger.claim("a", 0x2000..0x3000).unwrap();
        ledger.claim("b", 0x3000..0x4000).unwrap();
        ledger.claim("c", 0x1000..0x2000).unwrap();
        ledger.claim_reserved("tables", 0xe_0000..0xf_0000).unwrap();

        assert_eq!(ledger.free(), [0x4000..0x9000, 0x10_0000..0x20_0000]);
        assert_eq!(ledger.lowest(0x6000, 0x1000, &(0..u64::MAX)), Some(0x10_0000));
        assert_eq!(ledger.lowest(0x100, 0x1000, &(0x4001..u64::MAX)), Some(0x5000));
        assert_eq!(ledger.highest(0x1800, 0x1000, &(0..0x10_0000)), Some(0x7000));
        assert_eq!(ledger.highest(0x20_0000, 0x1000, &(0..u64::MAX)), None);
    }

    #[test]
    fn a_claim_across_a_hole_is_outside_ram() {
        let refused = ledger().claim("kernel", 0x8000..0x10_1000);

        assert!(matches!(refused, Err(BootError::OutsideRam { .. })));
    }
}
