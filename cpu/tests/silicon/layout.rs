//! Where everything lies, on the host and in the emulator alike: linear addresses, pages and their
//! rights, segment descriptors, and what memory holds before an instruction.
//!
//! ```text
//! 0x1000_1000  2 pages of code: readable, executable, filled with INT3; nothing before and behind
//! 0x2000_0000  8 pages of data: rw rw -- ro rw ro -- rw; nothing before and behind
//! 0x12_3456_7000  1 page of data: rw; beyond 4 GiB
//! ```
//!
//! Segments are those of Linux: flat ones in the GDT, and an LDT of ours ([`LDT`]).

/// The random numbers of everything here.
pub(crate) use seeds::Random;

/// First page of the code.
pub(crate) const CODE: u64 = 0x1000_1000;
/// Pages of code.
pub(crate) const CODE_PAGES: usize = 2;
/// First page of the data.
pub(crate) const DATA: u64 = 0x2000_0000;
/// The data page that only 64-bit addresses reach.
pub(crate) const HIGH: u64 = 0x12_3456_7000;
/// Bytes of a page.
pub(crate) const PAGE: usize = 4096;

/// What a page lets CPL 3 do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Rights {
    /// Read and execute.
    Code,
    /// Read.
    ReadOnly,
    /// Read and write.
    ReadWrite,
}

/// All mapped pages: address, rights.
pub(crate) const PAGES: [(u64, Rights); 9] = [
    (CODE, Rights::Code),
    (CODE + 0x1000, Rights::Code),
    (DATA, Rights::ReadWrite),
    (DATA + 0x1000, Rights::ReadWrite),
    (DATA + 0x3000, Rights::ReadOnly),
    (DATA + 0x4000, Rights::ReadWrite),
    (DATA + 0x5000, Rights::ReadOnly),
    (DATA + 0x7000, Rights::ReadWrite),
    (HIGH, Rights::ReadWrite),
];

/// Bytes of all pages, in the order of [`PAGES`].
pub(crate) const BYTES: usize = PAGES.len() * PAGE;
/// The first of those that are data.
pub(crate) const DATA_AT: usize = CODE_PAGES * PAGE;

/// Index of the byte at a linear address among all bytes.
pub(crate) fn index(linear: u64) -> Option<usize> {
    let page = PAGES.iter().position(|&(at, _)| at == linear & !0xfff)?;
    Some(page * PAGE + (linear & 0xfff) as usize)
}

/// Linear address of a byte.
pub(crate) fn linear(index: usize) -> u64 {
    PAGES[index / PAGE].0 + (index % PAGE) as u64
}

/// An entry of the LDT, in the words of `struct user_desc` of Linux.
#[derive(Clone, Copy)]
pub(crate) struct Local {
    /// Base.
    pub(crate) base: u32,
    /// Limit, 20 bits.
    pub(crate) limit: u32,
    /// D or B bit.
    pub(crate) big: bool,
    /// 0 data, 1 data that expands down, 2 code, 3 conforming code.
    pub(crate) contents: u32,
    /// Not writable or not readable.
    pub(crate) exec_or_read_only: bool,
    /// Granularity of 4 KiB.
    pub(crate) pages: bool,
    /// Not present.
    pub(crate) absent: bool,
}

const fn local(base: u64, limit: u32, big: bool, contents: u32) -> Local {
    Local {
        base: base as u32,
        limit,
        big,
        contents,
        exec_or_read_only: false,
        pages: false,
        absent: false,
    }
}

/// The LDT. The first two entries are what 16-bit code runs in.
pub(crate) const LDT: [Local; 10] = [
    local(CODE, 0xffff, false, 2),
    local(DATA, 0xffff, false, 0),
    local(DATA + 0x100, 0x1eff, true, 0),
    local(DATA, 0x0fff, true, 1),
    local(DATA + 0x10, 0x0ff7, false, 1),
    Local { absent: true, ..local(DATA, 0xffff, true, 0) },
    local(CODE, 0xffff, true, 2),
    Local { exec_or_read_only: true, ..local(DATA, 0x1fff, true, 0) },
    // Linux lets no program have conforming code that is present.
    Local { absent: true, ..local(0, 0xfffff, true, 3) },
    Local { pages: true, ..local(DATA + 0x400, 1, true, 0) },
];

/// Selector of an entry of the LDT.
pub(crate) const fn local_selector(entry: usize) -> u16 {
    (entry as u16) << 3 | 7
}

impl Local {
    /// Its descriptor, as Linux makes it (accessed from the beginning, DPL 3, AVL set).
    pub(crate) fn descriptor(&self) -> u64 {
        let kind = u64::from(!self.exec_or_read_only) << 1 | u64::from(self.contents) << 2 | 1;
        let attributes = kind
            | 1 << 4
            | 3 << 5
            | u64::from(!self.absent) << 7
            | 1 << 12
            | u64::from(self.big) << 14
            | u64::from(self.pages) << 15;
        descriptor(self.base, self.limit, attributes as u16)
    }
}

/// A descriptor of its parts; attributes as in `arch::segment::attr`.
pub(crate) fn descriptor(base: u32, limit: u32, attributes: u16) -> u64 {
    arch::segment::Descriptor::new(base, limit, attributes).0
}

/// The flat selectors of Linux: 32-bit code, data, 64-bit code.
pub(crate) const CS32: u16 = 0x23;
/// Data.
pub(crate) const FLAT: u16 = 0x2b;
/// 64-bit code.
pub(crate) const CS64: u16 = 0x33;
/// 16-bit code, in the LDT.
pub(crate) const CS16: u16 = local_selector(0);
/// 16-bit data and stack, in the LDT.
pub(crate) const DS16: u16 = local_selector(1);

/// The GDT of Linux as far as CPL 3 can see it: offset, limit, attributes. The kernel's own segments
/// are there too, so that naming them gives the same faults.
pub(crate) const GDT: [(u16, u32, u16); 9] = [
    (0x08, 0xfffff, 0xc09b),
    (0x10, 0xfffff, 0xa09b),
    (0x18, 0xfffff, 0xc093),
    (0x20, 0xfffff, 0xc0fb),
    (0x28, 0xfffff, 0xc0f3),
    (0x30, 0xfffff, 0xa0fb),
    (0x40, 0x4087, 0x008b),
    (0x50, LDT.len() as u32 * 8 - 1, 0x0082),
    // Its limit is the number of the processor.
    (0x78, 0, 0x40f5),
];

/// What memory holds before anything is placed: INT3 in the code, numbers of all kinds in the data.
pub(crate) fn background() -> Vec<u8> {
    let mut bytes = vec![0xcc; BYTES];
    let mut random = Random(0x5111_c0de);
    for word in bytes[DATA_AT..].chunks_exact_mut(8) {
        word.copy_from_slice(&super::contents::word(&mut random).to_le_bytes());
    }
    bytes
}
