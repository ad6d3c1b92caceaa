//! What a physical page is: RAM, ROM, or nothing that memory answers for.
//!
//! Device registers are not in this map: a page without backing goes to the board, which knows MMIO. A
//! chipset may show other memory at an address while the guest runs (PAM registers, see [`Map::show`]).

use crate::{PAGE_SIZE, PhysAddr};

/// What stands behind a physical page.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Backing {
    /// Read and written at this RAM offset (of the page's first byte).
    Ram {
        /// Offset of the page in [`crate::Ram`].
        offset: u64,
    },
    /// Read at this RAM offset; writes go to the board.
    Rom {
        /// Offset of the page in [`crate::Ram`].
        offset: u64,
    },
    /// No memory: MMIO or an open bus.
    Hole,
}

/// Kind of a mapped region.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RegionKind {
    /// Ordinary memory.
    Ram,
    /// Read-only memory.
    Rom,
}

/// A run of pages backed by consecutive RAM offsets.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Region {
    /// First physical address, page-aligned.
    pub start: u64,
    /// Length in bytes, whole pages.
    pub len: u64,
    /// RAM offset of the first byte, page-aligned.
    pub offset: u64,
    /// RAM or ROM.
    pub kind: RegionKind,
}

/// First address of the VGA window, the hole in low memory of every PC.
const VGA_START: u64 = 0xa_0000;
/// Its end.
const VGA_END: u64 = 0xc_0000;
/// Where RAM above the PCI hole continues.
const HIGH_START: u64 = 1 << 32;

/// The regions, ascending and without overlap.
#[derive(Clone, Debug)]
pub struct Map {
    regions: Vec<Region>,
}

impl Map {
    /// The PC's map: RAM to `low_end` except the VGA window, the rest from 4 GiB.
    ///
    /// ```text
    /// 0        a0000   c0000            low_end       4 GiB
    /// | RAM    | hole  | RAM ...        | hole        | RAM ...
    /// ```
    /// RAM offsets below `low_end` equal physical addresses (the 128 KiB behind the window are lost).
    pub fn pc(bytes: u64, low_end: u64) -> Self {
        assert!(low_end.is_multiple_of(PAGE_SIZE) && low_end > VGA_END && low_end <= HIGH_START);
        let bytes = bytes & !(PAGE_SIZE - 1);
        let low = bytes.min(low_end);
        let ram = |start: u64, end: u64, offset: u64| Region {
            start,
            len: end.saturating_sub(start),
            offset,
            kind: RegionKind::Ram,
        };
        let mut regions = vec![
            ram(0, low.min(VGA_START), 0),
            ram(VGA_END, low, VGA_END),
            ram(HIGH_START, HIGH_START + (bytes - low), low),
        ];
        regions.retain(|region| region.len != 0);
        Self { regions }
    }

    /// The regions, ascending.
    pub fn regions(&self) -> &[Region] {
        &self.regions
    }

    /// Shows `region` at its addresses, over whatever was there. Start, length and offset are whole
    /// pages.
    pub fn show(&mut self, region: Region) {
        let whole = [region.start, region.len, region.offset];
        assert!(whole.iter().all(|bytes| bytes.is_multiple_of(PAGE_SIZE)), "{region:x?}");
        self.hide(region.start, region.len);
        self.regions.push(region);
        self.regions.retain(|region| region.len != 0);
        self.regions.sort_by_key(|region| region.start);
        self.regions.dedup_by(|next, last| {
            let follows = last.start + last.len == next.start
                && last.offset + last.len == next.offset
                && last.kind == next.kind;
            if follows {
                last.len += next.len;
            }
            follows
        });
    }

    /// Shows no memory at these addresses.
    pub fn hide(&mut self, start: u64, len: u64) {
        let end = start + len;
        let mut regions = Vec::with_capacity(self.regions.len() + 2);
        for old in self.regions.drain(..) {
            let old_end = old.start + old.len;
            if old.start < start {
                regions.push(Region { len: old.len.min(start - old.start), ..old });
            }
            if old_end > end {
                let from = old.start.max(end);
                let offset = old.offset + (from - old.start);
                regions.push(Region { start: from, len: old_end - from, offset, ..old });
            }
        }
        self.regions = regions;
    }

    /// What stands behind the page of `addr`.
    #[inline]
    pub fn backing(&self, addr: PhysAddr) -> Backing {
        let page = addr.page_base().0;
        for region in &self.regions {
            if page >= region.start && page - region.start < region.len {
                let offset = region.offset + (page - region.start);
                return match region.kind {
                    RegionKind::Ram => Backing::Ram { offset },
                    RegionKind::Rom => Backing::Rom { offset },
                };
            }
        }
        Backing::Hole
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(map: &Map, addr: u64) -> Backing {
        map.backing(PhysAddr(addr))
    }

    #[test]
    fn a_shown_region_covers_its_addresses_and_nothing_beside_them() {
        let mut map = Map::pc(16 << 20, 3 << 30);
        let rom =
            Region { start: 0xf_0000, len: 0x1_0000, offset: 16 << 20, kind: RegionKind::Rom };

        map.show(rom);

        assert_eq!(at(&map, 0xe_f000), Backing::Ram { offset: 0xe_f000 });
        assert_eq!(at(&map, 0xf_0000), Backing::Rom { offset: 16 << 20 });
        assert_eq!(at(&map, 0xf_f000), Backing::Rom { offset: (16 << 20) + 0xf000 });
        assert_eq!(at(&map, 0x10_0000), Backing::Ram { offset: 0x10_0000 });
        assert_eq!(map.regions().len(), 4);
    }

    #[test]
    fn ram_shown_again_where_rom_was_leaves_the_map_as_it_was() {
        let before = Map::pc(16 << 20, 3 << 30);
        let mut map = before.clone();
        let ram = |start| Region { start, len: 0x4000, offset: start, kind: RegionKind::Ram };
        for start in [0xc_0000, 0xc_4000, 0xe_c000] {
            map.show(Region { offset: 16 << 20, kind: RegionKind::Rom, ..ram(start) });
        }

        for start in [0xc_4000, 0xc_0000, 0xe_c000] {
            map.show(ram(start));
        }

        assert_eq!(map.regions(), before.regions());
    }
}
