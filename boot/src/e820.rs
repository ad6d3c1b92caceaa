//! The memory map a guest is told: sorted, without overlap, types as INT 15h E820 numbers them
//! (ACPI Specification, "Address Range Types").
//!
//! Conventional memory below the EBDA, the ROM area with the ACPI tables as reserved, extended memory
//! up to 3 GiB, the rest from 4 GiB. The VGA window and the chip windows below 4 GiB are holes and
//! named by nothing; Linux treats what the map leaves out as not RAM.

use crate::layout;
use core::ops::Range;

/// What a range is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u32)]
pub enum Kind {
    /// Free for the guest.
    Ram = 1,
    /// Not to be used.
    Reserved = 2,
    /// ACPI tables, free once read.
    Acpi = 3,
    /// ACPI non-volatile storage.
    Nvs = 4,
}

impl Kind {
    /// Word for messages.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ram => "RAM",
            Self::Reserved => "reserved",
            Self::Acpi => "ACPI data",
            Self::Nvs => "ACPI NVS",
        }
    }
}

/// One row of the map.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Region {
    /// First physical address.
    pub addr: u64,
    /// Length in bytes, never 0.
    pub len: u64,
    /// What it is.
    pub kind: Kind,
}

impl Region {
    /// The region as a half-open range.
    pub const fn range(&self) -> Range<u64> {
        self.addr..self.addr + self.len
    }
}

/// The map of a PC with `ram_bytes` of RAM, ascending.
pub fn memory_map(ram_bytes: u64) -> Vec<Region> {
    let ram = ram_bytes & !0xfff;
    let low_end = ram.min(layout::LOW_RAM_END);
    let high_end = layout::HIGH_RAM.saturating_add(ram - low_end);
    let rows = [
        (0..layout::EBDA, Kind::Ram),
        (layout::EBDA..layout::EBDA_END, Kind::Reserved),
        (layout::ACPI..layout::ACPI_END, Kind::Reserved),
        (layout::ACPI_END..low_end, Kind::Ram),
        (layout::HIGH_RAM..high_end, Kind::Ram),
    ];
    rows.into_iter()
        .filter(|(range, _)| range.start < range.end)
        .map(|(range, kind)| Region { addr: range.start, len: range.end - range.start, kind })
        .collect()
}

/// The map with `range` reserved wherever it is RAM; other rows stay.
pub fn reserve(map: &[Region], range: &Range<u64>) -> Vec<Region> {
    let mut out = Vec::new();
    for region in map {
        let whole = region.range();
        let (start, end) = (whole.start.max(range.start), whole.end.min(range.end));
        if region.kind != Kind::Ram || start >= end {
            out.push(*region);
            continue;
        }
        let pieces = [
            (whole.start..start, Kind::Ram),
            (start..end, Kind::Reserved),
            (end..whole.end, Kind::Ram),
        ];
        let pieces = pieces.into_iter().filter(|(piece, _)| !piece.is_empty());
        out.extend(pieces.map(|(piece, kind)| Region {
            addr: piece.start,
            len: piece.end - piece.start,
            kind,
        }));
    }
    out
}

/// The ranges of the map a guest may use.
pub fn usable(map: &[Region]) -> Vec<Range<u64>> {
    map.iter().filter(|region| region.kind == Kind::Ram).map(Region::range).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_a_gibibyte_is_one_extended_range() {
        let map = memory_map(512 << 20);

        let rows: Vec<_> = map.iter().map(|r| (r.addr, r.addr + r.len, r.kind)).collect();
        let expected = [
            (0, 0x9_fc00, Kind::Ram),
            (0x9_fc00, 0xa_0000, Kind::Reserved),
            (0xe_0000, 0x10_0000, Kind::Reserved),
            (0x10_0000, 0x2000_0000, Kind::Ram),
        ];
        assert_eq!(rows, expected);
    }

    #[test]
    fn ram_beyond_3_gib_continues_at_4_gib() {
        let map = memory_map(4 << 30);

        assert_eq!(usable(&map)[1..], [0x10_0000..0xc000_0000, 0x1_0000_0000..0x1_4000_0000]);
    }

    #[test]
    fn a_reserved_range_splits_ram_and_leaves_other_rows_alone() {
        let map = memory_map(512 << 20);

        let split = reserve(&map, &(0x9_f000..0x20_0000));

        let rows: Vec<_> = split.iter().map(|r| (r.addr, r.addr + r.len, r.kind)).collect();
        let expected = [
            (0, 0x9_f000, Kind::Ram),
            (0x9_f000, 0x9_fc00, Kind::Reserved),
            (0x9_fc00, 0xa_0000, Kind::Reserved),
            (0xe_0000, 0x10_0000, Kind::Reserved),
            (0x10_0000, 0x20_0000, Kind::Reserved),
            (0x20_0000, 0x2000_0000, Kind::Ram),
        ];
        assert_eq!(rows, expected);
        assert_eq!(reserve(&map, &(0x4000_0000..0x5000_0000)), map);
    }

    #[test]
    fn no_ram_size_makes_an_empty_or_overlapping_row() {
        for ram in [0, 4096, 1 << 20, (1 << 20) + 5, 3 << 30, (3 << 30) + 1, u64::MAX] {
            let map = memory_map(ram);

            assert!(map.iter().all(|region| region.len > 0), "{ram:#x}");
            assert!(map.windows(2).all(|w| w[0].range().end <= w[1].addr), "{ram:#x}");
            assert!(map.len() <= layout::MEMMAP_MAX);
        }
    }
}
