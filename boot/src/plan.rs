//! A boot plan: what goes where in guest memory, and the state the processor starts in.
//!
//! Loaders fill a [`Draft`], which claims every range in the ledger; [`BootPlan::write`] then copies.
//! Nothing is written before the whole plan stands, and writing twice gives the same memory as writing
//! once, which is what a restart of the machine does.

use crate::acpi;
use crate::bios;
use crate::e820::{self, Region};
use crate::entry::Entry;
use crate::error::{BootError, Part};
use crate::firmware;
use crate::image::{Blob, Image};
use crate::layout;
use crate::ledger::{Content, Ledger, Placement};
use crate::mp_table;
use crate::platform::{AcpiProfile, Platform};
use crate::protocol::{BIOS_SERVICES, Protocol};
use crate::smbios;
use core::ops::Range;
use memory::{Backing, Memory, PAGE_SIZE, PhysAddr};

/// Most bytes of an image held on the host while it is copied into guest RAM.
const CHUNK: u64 = 256 << 10;

/// A file handed to the kernel, with its string. Linux and PVH call the first one the ramdisk.
#[derive(Clone, Copy)]
pub struct Module<'a> {
    /// Its bytes.
    pub image: &'a dyn Image,
    /// Its arguments; may be empty.
    pub cmdline: &'a str,
}

/// What is to be booted, on which machine.
#[derive(Clone)]
pub struct Request<'a> {
    /// The kernel.
    pub kernel: &'a dyn Image,
    /// Ramdisk or modules, in order.
    pub modules: Vec<Module<'a>>,
    /// The kernel's command line.
    pub cmdline: &'a str,
    /// A protocol to insist on; `None` takes the best the image offers.
    pub protocol: Option<Protocol>,
    /// RAM in bytes.
    pub ram_bytes: u64,
    /// The machine as its tables describe it.
    pub platform: &'a Platform,
    /// Boot a multiboot kernel that requires a video mode, without one.
    pub ignore_video: bool,
    /// The machine serves real-mode BIOS calls: it has a PIC and a PIT.
    pub bios_services: bool,
    /// RAM that the guest's map calls reserved, in any order.
    pub reserved: Vec<Range<u64>>,
}

impl<'a> Request<'a> {
    /// A kernel without modules, command line or wishes.
    pub fn new(kernel: &'a dyn Image, ram_bytes: u64, platform: &'a Platform) -> Self {
        Self {
            kernel,
            modules: Vec::new(),
            cmdline: "",
            protocol: None,
            ram_bytes,
            platform,
            ignore_video: false,
            bios_services: BIOS_SERVICES,
            reserved: Vec::new(),
        }
    }
}

/// Where a plan takes image bytes from.
#[derive(Clone)]
pub enum Source<'a> {
    /// The caller's image.
    Given(&'a dyn Image),
    /// Bytes the plan made itself, such as an unpacked kernel.
    Owned(Blob),
}

impl Source<'_> {
    /// The image, whoever owns it.
    pub fn image(&self) -> &dyn Image {
        match self {
            Self::Given(image) => *image,
            Self::Owned(blob) => blob,
        }
    }
}

/// A validated plan.
#[derive(Clone)]
pub struct BootPlan<'a> {
    /// The protocol it follows.
    pub protocol: Protocol,
    /// The state at the first instruction.
    pub entry: Entry,
    /// What goes where, ascending by address.
    pub placements: Vec<Placement>,
    /// The images that [`Content::Image`] counts: the kernel, then the modules.
    pub images: Vec<Source<'a>>,
    /// The memory map the guest is told.
    pub e820: Vec<Region>,
    /// What `--explain-boot` prints, line by line.
    pub explanation: Vec<String>,
    /// What firmware is offered, if it boots.
    pub firmware: Option<firmware::Items>,
}

/// What the processor and the configuration device need of a plan, once memory is written.
#[derive(Clone)]
pub struct Start {
    /// The state at the first instruction.
    pub entry: Entry,
    /// The memory map the guest is told, for who is asked for it.
    pub e820: Vec<Region>,
    /// What firmware is offered, if it boots.
    pub firmware: Option<firmware::Items>,
    /// The guest calls a BIOS, which tells it that map.
    pub bios: bool,
}

impl BootPlan<'_> {
    /// The part of the plan that does not look at images any more.
    pub fn start(&self) -> Start {
        let (entry, e820) = (self.entry.clone(), self.e820.clone());
        let bios = self.needs_bios();
        Start { entry, e820, firmware: self.firmware.clone(), bios }
    }

    /// Copies every placement into guest memory, in chunks. Zero ranges are cleared only where a page
    /// was ever written, so a fresh machine pays nothing and a restarted one is as clean.
    pub fn write(&self, memory: &Memory) -> Result<(), BootError> {
        for placement in &self.placements {
            match &placement.content {
                Content::Bytes(bytes) => store(memory, placement, placement.addr, bytes)?,
                Content::Image { which, offset } => {
                    if let Some(source) = self.images.get(*which) {
                        let part = which.checked_sub(1).map_or(Part::Kernel, Part::Module);
                        copy(memory, placement, (source.image(), part), *offset)?;
                    }
                }
                Content::Zero => clear(memory, placement)?,
                Content::Reserved => {}
            }
        }
        Ok(())
    }

    /// The first instructions call a BIOS: interrupt vectors and services must be there, and answer
    /// INT 15h E820 with [`BootPlan::e820`].
    pub fn needs_bios(&self) -> bool {
        self.protocol.needs_bios()
    }

    /// The placement with this name.
    pub fn placement(&self, name: &str) -> Option<&Placement> {
        self.placements.iter().find(|placement| placement.name == name)
    }
}

/// Keeps everybody off images that lie in guest RAM: what is placed over them would be read back.
pub(crate) fn claim_sources(ledger: &mut Ledger, request: &Request<'_>) -> Result<(), BootError> {
    let modules = request.modules.iter().map(|module| module.image);
    for image in core::iter::once(request.kernel).chain(modules) {
        if let Some(range) = image.guest_range().filter(|range| !range.is_empty()) {
            ledger.claim(&format!("{}, where it lies", image.name()), range)?;
        }
    }
    Ok(())
}

fn outside(placement: &Placement, addr: PhysAddr) -> BootError {
    let (name, start) = (placement.name.clone(), addr.0);
    BootError::OutsideRam { name, range: start..placement.range().end, ram: Vec::new() }
}

fn store(
    memory: &Memory,
    placement: &Placement,
    addr: PhysAddr,
    bytes: &[u8],
) -> Result<(), BootError> {
    memory.write(addr, bytes).map_err(|not_ram| outside(placement, not_ram.addr))
}

fn copy(
    memory: &Memory,
    placement: &Placement,
    (image, part): (&dyn Image, Part),
    offset: u64,
) -> Result<(), BootError> {
    let mut buffer = vec![0; placement.len.min(CHUNK) as usize];
    let mut done = 0;
    while done < placement.len {
        let piece = (placement.len - done).min(CHUNK);
        let buffer = &mut buffer[..piece as usize];
        let read = image.read_at(offset.saturating_add(done), buffer);
        read.map_err(|error| BootError::Read { part, error })?;
        store(memory, placement, PhysAddr(placement.addr.0 + done), buffer)?;
        done += piece;
    }
    Ok(())
}

fn clear(memory: &Memory, placement: &Placement) -> Result<(), BootError> {
    let Range { mut start, end } = placement.range();
    while start < end {
        let addr = PhysAddr(start);
        let piece = (PAGE_SIZE - addr.page_offset()).min(end - start);
        let fresh = match memory.backing(addr) {
            Backing::Ram { offset } => !memory.touched_pages().contains(offset / PAGE_SIZE),
            _ => false,
        };
        if !fresh {
            memory.fill(addr, piece, 0).map_err(|not_ram| outside(placement, not_ram.addr))?;
        }
        start += piece;
    }
    Ok(())
}

/// A plan in the making.
pub(crate) struct Draft<'a> {
    pub(crate) ledger: Ledger,
    pub(crate) e820: Vec<Region>,
    /// Physical address of the RSDP, 0 without ACPI.
    pub(crate) rsdp: u64,
    placements: Vec<Placement>,
    images: Vec<Source<'a>>,
    explanation: Vec<String>,
}

impl<'a> Draft<'a> {
    /// A draft with what every protocol places: BIOS data areas, descriptor table, ACPI, SMBIOS and MP
    /// tables. The images are the kernel, then the request's modules.
    pub(crate) fn new(
        request: &Request<'a>,
        kernel: Source<'a>,
        gdt: Vec<u8>,
    ) -> Result<Self, BootError> {
        Self::with(request, kernel, gdt, false)
    }

    /// The same for a guest that calls a BIOS: with its interrupt vectors and entry code.
    pub(crate) fn with_bios(request: &Request<'a>, kernel: Source<'a>) -> Result<Self, BootError> {
        let mut draft = Self::with(request, kernel, Vec::new(), true)?;
        draft.bytes("interrupt vectors", 0, bios::vectors())?;
        draft.put_reserved("BIOS services", layout::BIOS, bios::code())?;
        Ok(draft)
    }

    fn with(
        request: &Request<'a>,
        kernel: Source<'a>,
        gdt: Vec<u8>,
        services: bool,
    ) -> Result<Self, BootError> {
        let ram = request.ram_bytes;
        if ram < layout::RAM_MIN {
            return Err(BootError::RamTooSmall { ram, min: layout::RAM_MIN });
        }
        let map = e820::memory_map(ram);
        let e820 = request.reserved.iter().fold(map, |map, range| e820::reserve(&map, range));
        let modules = request.modules.iter().map(|module| Source::Given(module.image));
        let mut draft = Self {
            ledger: Ledger::new(e820::usable(&e820)),
            e820,
            rsdp: 0,
            placements: Vec::new(),
            images: core::iter::once(kernel).chain(modules).collect(),
            explanation: Vec::new(),
        };
        claim_sources(&mut draft.ledger, request)?;
        draft.bytes("BIOS data area", layout::BDA, bios::data_area(request.platform, services))?;
        draft.bytes("boot GDT", layout::GDT, gdt)?;
        draft.put_reserved("EBDA", layout::EBDA, extended_bios_data_area())?;
        let tables = acpi::build(request.platform);
        draft.rsdp = tables.rsdp;
        for (addr, bytes, name) in tables.blobs {
            draft.put_reserved(name, addr, bytes)?;
        }
        let smbios = smbios::build(request.platform, ram).placed_at(layout::SMBIOS as u32);
        draft.put_reserved("SMBIOS", layout::SMBIOS, smbios)?;
        // It names local APICs, and its interrupt modes need an 8259A.
        let platform = request.platform;
        if platform.lapic && platform.pic && platform.acpi != AcpiProfile::Reduced {
            let table = mp_table::build(request.platform, layout::MP_TABLE as u32);
            draft.put_reserved("MP table", layout::MP_TABLE, table)?;
        }
        Ok(draft)
    }

    /// Adds a line to what `--explain-boot` prints.
    pub(crate) fn explain(&mut self, line: impl Into<String>) {
        self.explanation.push(line.into());
    }

    /// Places bytes in usable RAM.
    pub(crate) fn bytes(&mut self, name: &str, addr: u64, bytes: Vec<u8>) -> Result<(), BootError> {
        let len = bytes.len() as u64;
        self.put(name, addr, len, Content::Bytes(bytes))
    }

    /// Places a part of image `which`.
    pub(crate) fn image(
        &mut self,
        name: &str,
        addr: u64,
        len: u64,
        which: usize,
        offset: u64,
    ) -> Result<(), BootError> {
        self.put(name, addr, len, Content::Image { which, offset })
    }

    /// Places any content in usable RAM.
    pub(crate) fn put(
        &mut self,
        name: &str,
        addr: u64,
        len: u64,
        content: Content,
    ) -> Result<(), BootError> {
        self.ledger.claim(name, addr..addr.saturating_add(len))?;
        self.push(name, addr, len, content);
        Ok(())
    }

    /// Fills a range that was claimed before.
    pub(crate) fn claimed(&mut self, name: &str, addr: u64, bytes: Vec<u8>) {
        let len = bytes.len() as u64;
        self.push(name, addr, len, Content::Bytes(bytes));
    }

    fn put_reserved(&mut self, name: &str, addr: u64, bytes: Vec<u8>) -> Result<(), BootError> {
        let len = bytes.len() as u64;
        self.ledger.claim_reserved(name, addr..addr.saturating_add(len))?;
        self.push(name, addr, len, Content::Bytes(bytes));
        Ok(())
    }

    fn push(&mut self, name: &str, addr: u64, len: u64, content: Content) {
        if len > 0 {
            let (name, addr) = (name.to_owned(), PhysAddr(addr));
            self.placements.push(Placement { name, addr, len, content });
        }
    }

    /// The bytes placed under this name.
    pub(crate) fn placed(&self, name: &str) -> Option<&[u8]> {
        let placement = self.placements.iter().find(|placement| placement.name == name)?;
        match &placement.content {
            Content::Bytes(bytes) => Some(bytes),
            _ => None,
        }
    }

    /// Refuses a memory map that is too long for the protocol.
    pub(crate) fn check_map(&self, max: usize) -> Result<(), BootError> {
        let rows = self.e820.len();
        if rows > max { Err(BootError::MapTooLong { rows, max }) } else { Ok(()) }
    }

    /// Length of module `index`.
    pub(crate) fn module_len(&self, index: usize) -> u64 {
        self.images.get(index + 1).map_or(0, |source| source.image().len())
    }

    /// Places module `index` at `addr`, or reports where free RAM is if there was no such address.
    pub(crate) fn module(
        &mut self,
        index: usize,
        addr: Option<u64>,
        below: u64,
    ) -> Result<u64, BootError> {
        let len = self.module_len(index);
        let Some(addr) = addr else {
            let free =
                self.ledger.free().into_iter().filter(|range| range.start >= layout::ACPI_END);
            return Err(BootError::ModuleDoesNotFit { index, len, free: free.collect(), below });
        };
        self.image(&format!("module {index}"), addr, len, index + 1, 0)?;
        Ok(addr)
    }

    /// The finished plan.
    pub(crate) fn finish(mut self, protocol: Protocol, entry: Entry) -> BootPlan<'a> {
        self.placements.sort_by_key(|placement| placement.addr);
        let mut explanation = self.explanation;
        explanation.push(format!("entry {:#x}", entry.rip));
        for placement in &self.placements {
            let Range { start, end } = placement.range();
            explanation.push(format!("{start:#011x}-{:#011x} {}", end - 1, placement.name));
        }
        for region in &self.e820 {
            let (start, end) = (region.addr, region.range().end - 1);
            explanation.push(format!("map {start:#011x}-{end:#011x} {}", region.kind.name()));
        }
        let Self { placements, images, e820, .. } = self;
        BootPlan { protocol, entry, placements, images, e820, explanation, firmware: None }
    }
}

/// Strings for the guest, NUL-terminated, one after another, by default from [`layout::STRINGS`].
pub(crate) struct Strings {
    base: u64,
    bytes: Vec<u8>,
}

impl Default for Strings {
    fn default() -> Self {
        Self::at(layout::STRINGS)
    }
}

impl Strings {
    /// Strings from `base` on, where [`layout::STRINGS_LEN`] bytes are free.
    pub(crate) fn at(base: u64) -> Self {
        Self { base, bytes: Vec::new() }
    }

    /// Adds a string and returns its address. The bytes are checked: a NUL or a line end inside would
    /// reach the guest as something else than the user wrote.
    pub(crate) fn add(&mut self, part: Part, text: &str) -> Result<u64, BootError> {
        check_string(part, text)?;
        let addr = self.base + self.bytes.len() as u64;
        self.bytes.extend_from_slice(text.as_bytes());
        self.bytes.push(0);
        Ok(addr)
    }

    /// Leaves at least `len` readable bytes after `addr`, the address of an earlier string.
    pub(crate) fn pad(&mut self, addr: u64, len: u64) {
        let wanted = (addr - self.base + len) as usize;
        self.bytes.resize(self.bytes.len().max(wanted), 0);
    }

    /// Places the strings.
    pub(crate) fn place(self, draft: &mut Draft<'_>) -> Result<(), BootError> {
        let len = self.bytes.len() as u64;
        if len > layout::STRINGS_LEN {
            return Err(BootError::StringsTooLong { len, max: layout::STRINGS_LEN });
        }
        draft.bytes("command line and strings", self.base, self.bytes)
    }
}

/// Refuses a string with a NUL or a line end.
pub(crate) fn check_string(part: Part, text: &str) -> Result<(), BootError> {
    match text.bytes().position(|byte| matches!(byte, 0 | b'\n' | b'\r')) {
        None => Ok(()),
        Some(position) => {
            Err(BootError::ForbiddenByte { part, byte: text.as_bytes()[position], position })
        }
    }
}

/// The EBDA's first byte is its length in KiB; the rest is empty.
fn extended_bios_data_area() -> Vec<u8> {
    let len = layout::EBDA_END - layout::EBDA;
    let mut out = vec![0; len as usize];
    out[0] = (len >> 10) as u8;
    out
}
