//! Guest-physical memory: RAM, the map of what a physical page is, and bitmaps by page.
//!
//! Everything that writes guest RAM behind the CPU's fast path (slow path, DMA, fw_cfg, debugger,
//! loader) goes through [`Memory`], which records writes to decoded code for the engine to drain before
//! the next instruction.
//!
//! Not modelled: memory types (everything behaves as write-back).

mod addr;
mod code;
mod map;
mod pages;
mod ram;

pub use addr::{PAGE_SIZE, PhysAddr};
pub use code::{CodeMap, GRANULE, StaleBytes};
pub use map::{Backing, Map, Region, RegionKind};
pub use pages::PageSet;
pub use ram::Ram;

use core::cell::RefCell;

/// All of guest-physical memory below the devices.
///
/// Shared by `&` on the machine's thread (it is not `Sync`), interior-mutable like the hardware it
/// stands for.
pub struct Memory {
    ram: Ram,
    map: RefCell<Map>,
    /// Where decoded code came from: a write there must reach the engine.
    code: CodeMap,
    /// RAM pages ever written; pages outside it are still zero.
    touched: PageSet,
    /// RAM offset where ROM begins.
    rom: u64,
}

/// A physical range that is not RAM (or, for writes, not writable) was accessed as memory.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NotRam {
    /// First address of the access that is not RAM.
    pub addr: PhysAddr,
}

impl Memory {
    /// Memory of a PC with `bytes` of RAM: up to `low_end` at 0, the rest from 4 GiB; the VGA window
    /// is a hole. `low_end` must be page-aligned and at least 1 MiB.
    pub fn new(bytes: u64, low_end: u64) -> std::io::Result<Self> {
        Ok(Self::with_map(Ram::new(bytes)?, Map::pc(bytes, low_end)))
    }

    /// Memory of a PC as [`Memory::new`] makes it, and behind its RAM the bytes of a ROM, rounded up to
    /// whole pages: [`Memory::rom_offset`]. No address shows them before [`Memory::show`].
    pub fn with_rom(bytes: u64, low_end: u64, rom: &[u8]) -> std::io::Result<Self> {
        let bytes = bytes & !(PAGE_SIZE - 1);
        let ram = Ram::new(bytes + (rom.len() as u64).next_multiple_of(PAGE_SIZE))?;
        ram.write(bytes, rom);
        let memory = Self { rom: bytes, ..Self::with_map(ram, Map::pc(bytes, low_end)) };
        for page in 0..(rom.len() as u64).div_ceil(PAGE_SIZE) {
            memory.touched.insert(bytes / PAGE_SIZE + page);
        }
        Ok(memory)
    }

    /// RAM offset of the first byte of ROM; the length of RAM if there is none.
    pub fn rom_offset(&self) -> u64 {
        self.rom
    }

    /// Shows a region of RAM or ROM at physical addresses from now on. The CPU has to forget what it
    /// knows of them.
    pub fn show(&self, region: Region) {
        self.map.borrow_mut().show(region);
    }

    /// Shows no memory at these physical addresses (whole pages) from now on, as [`Memory::show`].
    pub fn hide(&self, start: u64, len: u64) {
        self.map.borrow_mut().hide(start, len);
    }

    /// Memory with RAM and a map of the caller's making.
    pub fn with_map(ram: Ram, map: Map) -> Self {
        let pages = ram.len() / PAGE_SIZE;
        Self {
            code: CodeMap::new(pages),
            touched: PageSet::new(pages),
            map: RefCell::new(map),
            rom: ram.len(),
            ram,
        }
    }

    /// The RAM itself, addressed by RAM offset, not by physical address.
    #[inline]
    pub fn ram(&self) -> &Ram {
        &self.ram
    }

    /// What the page at `addr` is.
    #[inline]
    pub fn backing(&self, addr: PhysAddr) -> Backing {
        self.map.borrow().backing(addr)
    }

    /// The regions of the map, ascending.
    pub fn regions(&self) -> Vec<Region> {
        self.map.borrow().regions().to_vec()
    }

    /// Where decoded code came from, and which of it was written.
    #[inline]
    pub fn code(&self) -> &CodeMap {
        &self.code
    }

    /// RAM pages (by RAM offset / 4096) that were ever written.
    #[inline]
    pub fn touched_pages(&self) -> &PageSet {
        &self.touched
    }

    /// Records that `len` bytes at a RAM offset, within one page, are about to be written.
    #[inline]
    pub fn note_write(&self, offset: u64, len: u64) {
        self.touched.insert(offset / PAGE_SIZE);
        self.code.note_write(offset, len);
    }

    /// Records that a RAM page may be written from now on, beside decoded code, without a word.
    #[inline]
    pub fn note_page(&self, page: u64) {
        self.touched.insert(page);
    }

    /// Reads `out.len()` bytes of RAM or ROM at a physical address, across pages.
    pub fn read(&self, addr: PhysAddr, out: &mut [u8]) -> Result<(), NotRam> {
        self.pieces(addr, out.len() as u64, false, |offset, at, len| {
            self.ram.read(offset, &mut out[at..at + len]);
        })
    }

    /// Writes bytes to RAM at a physical address, across pages; writes nothing if any byte of the
    /// range is not writable RAM.
    pub fn write(&self, addr: PhysAddr, bytes: &[u8]) -> Result<(), NotRam> {
        self.check_writable(addr, bytes.len() as u64)?;
        self.pieces(addr, bytes.len() as u64, true, |offset, at, len| {
            self.note_write(offset, len as u64);
            self.ram.write(offset, &bytes[at..at + len]);
        })
    }

    /// Fills RAM with a byte; writes nothing if any byte of the range is not writable RAM.
    pub fn fill(&self, addr: PhysAddr, len: u64, byte: u8) -> Result<(), NotRam> {
        self.check_writable(addr, len)?;
        self.pieces(addr, len, true, |offset, _, len| {
            self.note_write(offset, len as u64);
            self.ram.fill(offset, len as u64, byte);
        })
    }

    /// Fails with the first address of the range that is not writable RAM.
    pub fn check_writable(&self, addr: PhysAddr, len: u64) -> Result<(), NotRam> {
        self.pieces(addr, len, true, |_, _, _| {})
    }

    /// Little-endian u32 at a physical address.
    #[inline(always)]
    pub fn read_u32(&self, addr: PhysAddr) -> Result<u32, NotRam> {
        match self.within_page(addr, 4) {
            Some(offset) => Ok(self.ram.read_u32(offset)),
            None => self.read_across(addr).map(u32::from_le_bytes),
        }
    }

    /// Little-endian u64 at a physical address.
    #[inline(always)]
    pub fn read_u64(&self, addr: PhysAddr) -> Result<u64, NotRam> {
        match self.within_page(addr, 8) {
            Some(offset) => Ok(self.ram.read_u64(offset)),
            None => self.read_across(addr).map(u64::from_le_bytes),
        }
    }

    #[cold]
    fn read_across<const N: usize>(&self, addr: PhysAddr) -> Result<[u8; N], NotRam> {
        let mut bytes = [0; N];
        self.read(addr, &mut bytes)?;
        Ok(bytes)
    }

    /// RAM offset of a readable range that lies in one page.
    #[inline(always)]
    fn within_page(&self, addr: PhysAddr, len: u64) -> Option<u64> {
        match self.backing(addr) {
            Backing::Ram { offset } | Backing::Rom { offset }
                if addr.page_offset() <= PAGE_SIZE - len =>
            {
                Some(offset + addr.page_offset())
            }
            _ => None,
        }
    }

    /// Cuts a range at page ends and hands (RAM offset, position in range, length) to `f`.
    fn pieces(
        &self,
        addr: PhysAddr,
        len: u64,
        write: bool,
        mut f: impl FnMut(u64, usize, usize),
    ) -> Result<(), NotRam> {
        let map = self.map.borrow();
        let mut done = 0;
        while done < len {
            let Some(here) = addr.0.checked_add(done).map(PhysAddr) else {
                return Err(NotRam { addr });
            };
            let offset = match map.backing(here) {
                Backing::Ram { offset } => offset,
                Backing::Rom { offset } if !write => offset,
                _ => return Err(NotRam { addr: here }),
            };
            let in_page = (PAGE_SIZE - here.page_offset()).min(len - done);
            f(offset + here.page_offset(), done as usize, in_page as usize);
            done += in_page;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GIB: u64 = 1 << 30;

    #[test]
    fn ram_beyond_the_pci_hole_continues_at_4_gib() {
        let memory = Memory::new(4 * GIB, 3 * GIB).unwrap();
        memory.write(PhysAddr(4 * GIB), b"high").unwrap();
        let mut back = [0; 4];
        memory.ram().read(3 * GIB, &mut back);
        assert_eq!(&back, b"high");
        assert_eq!(
            memory.write(PhysAddr(3 * GIB - 2), b"abcd"),
            Err(NotRam { addr: PhysAddr(3 * GIB) })
        );
        let mut zero = [1; 2];
        memory.read(PhysAddr(3 * GIB - 2), &mut zero).unwrap();
        assert_eq!(zero, [0; 2], "a refused write writes nothing");
    }

    #[test]
    fn the_vga_window_is_no_ram() {
        let memory = Memory::new(16 << 20, 3 * GIB).unwrap();
        assert_eq!(
            memory.fill(PhysAddr(0x9_f000), 0x2000, 1),
            Err(NotRam { addr: PhysAddr(0xa_0000) })
        );
        assert_eq!(memory.backing(PhysAddr(0xc_0000)), Backing::Ram { offset: 0xc_0000 });
        assert_eq!(memory.backing(PhysAddr(16 << 20)), Backing::Hole);
    }

    #[test]
    fn a_write_touches_the_pages_of_its_range() {
        let memory = Memory::new(1 << 20, 3 * GIB).unwrap();
        memory.write(PhysAddr(0x1ffe), &[0; 4]).unwrap();
        assert_eq!(memory.touched_pages().to_vec(), [1, 2]);
    }
}
