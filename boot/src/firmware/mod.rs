//! The firmware way: what an emulator hands to SeaBIOS or qboot so that they start a kernel.
//!
//! Follows QEMU: `docs/specs/fw_cfg.rst` (the items), `hw/i386/x86.c` `x86_load_linux` and
//! `load_elfboot`, `hw/i386/multiboot.c` (what the items hold), `pc-bios/optionrom/` (who reads them).
//! The processor begins at the reset vector; the firmware asks the configuration device for tables and,
//! through an option ROM with a boot entry vector, for the kernel.
//!
//! ```text
//! kernel                    option ROM          items
//! bzImage                   linuxboot_dma.bin   setup part, protected-mode part, command line, ramdisk
//! ELF with a PVH note       pvh.bin             first 8 KiB, entry, command line, ramdisk; its segments
//!                                               are in RAM before the first instruction
//! multiboot 1               multiboot_dma.bin   one blob of kernel and modules, information structure
//! none                      none                the firmware boots a disk or stops
//! ```
//! qboot reads the same items without an option ROM.
//!
//! Not modelled: device trees, EFI, SEV hashes; the option ROMs without DMA.

mod linux;
mod multiboot;
mod pvh;

use crate::acpi;
use crate::detect;
use crate::e820;
use crate::entry::Entry;
use crate::error::{BootError, Part};
use crate::image::Image;
use crate::layout;
use crate::ledger::{Ledger, Placement};
use crate::plan::{BootPlan, Request, Source, check_string, claim_sources};
use crate::protocol::Protocol;
use crate::reader::Reader;
use crate::smbios;
use core::ops::Range;

/// Top of low RAM that firmware takes for its tables: what QEMU's `pc` leaves free.
const TABLES: u64 = 0x2_8000;
/// Most ranges that are reserved: SeaBIOS has room for 32 rows, and adds its own.
const RESERVED_MAX: usize = 16;
/// What an option ROM's boot entry gets as ELF header: its first 8 KiB.
const ELF_HEADER_LEN: u64 = 8192;

/// Bytes and where the guest is to put them.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Item {
    /// Guest-physical address.
    pub addr: u32,
    /// The bytes.
    pub bytes: Vec<u8>,
}

/// What the configuration device offers about a kernel and for the firmware.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Items {
    /// Kernel, or its protected-mode part.
    pub kernel: Option<Item>,
    /// First address and length of a kernel that is in RAM already.
    pub loaded: Option<(u32, u32)>,
    /// Entry address.
    pub entry: Option<u32>,
    /// Real-mode part, or the beginning of an ELF file.
    pub setup: Option<Item>,
    /// Ramdisk; for multiboot the information structure.
    pub initrd: Option<Item>,
    /// Command line with its NUL.
    pub cmdline: Option<Item>,
    /// Named files.
    pub files: Vec<(String, Vec<u8>)>,
}

impl Items {
    /// Physical addresses of which one is the kernel's first instruction, whichever part of the kernel
    /// the firmware chooses to enter: the setup code behind its header, the protected-mode part, the
    /// entry that was named.
    pub fn entries(&self) -> Vec<u64> {
        let setup = self.setup.as_ref().filter(|item| item.addr != 0);
        let setup = setup.map(|item| u64::from(item.addr) + SETUP_CODE);
        let kernel = self.kernel.as_ref().filter(|_| self.entry.is_none());
        let kernel = kernel.map(|item| u64::from(item.addr));
        setup.into_iter().chain(kernel).chain(self.entry.map(u64::from)).collect()
    }
}

/// Where the setup code of a bzImage begins: behind its first sector (`boot.rst`).
const SETUP_CODE: u64 = 0x200;

/// How a kernel is started behind firmware: its protocol and the option ROM for it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Way {
    /// The kernel's own protocol.
    pub protocol: Protocol,
    /// File name of the option ROM, as QEMU ships it.
    pub option_rom: &'static str,
}

const WAYS: [Way; 3] = [
    Way { protocol: Protocol::Linux16, option_rom: "linuxboot_dma.bin" },
    Way { protocol: Protocol::Pvh, option_rom: "pvh.bin" },
    Way { protocol: Protocol::Multiboot1, option_rom: "multiboot_dma.bin" },
];

/// An option ROM or VGA BIOS that the firmware finds as a file.
#[derive(Clone, Copy)]
pub struct Rom<'a> {
    /// File name without directories.
    pub name: &'a str,
    /// Its bytes.
    pub bytes: &'a [u8],
    /// Its place in the boot order, the lowest first; without one the firmware decides.
    pub boot_index: Option<u32>,
}

/// What is to be booted by firmware.
#[derive(Clone)]
pub struct FirmwareRequest<'a> {
    /// Kernel, modules, command line, RAM, platform; the kernel only if [`Self::has_kernel`].
    pub request: Request<'a>,
    /// False: the firmware finds no kernel.
    pub has_kernel: bool,
    /// The option ROM of the kernel's [`Way`].
    pub kernel_rom: Option<Rom<'a>>,
    /// Option ROMs of the user.
    pub option_roms: Vec<Rom<'a>>,
    /// The VGA BIOS.
    pub vga_rom: Option<Rom<'a>>,
}

/// The way to start a kernel behind firmware: by `wanted`, or of the protocols that have an option ROM
/// the best that the image offers.
pub fn way(kernel: &dyn Image, wanted: Option<Protocol>) -> Result<Way, BootError> {
    detect::check_not_empty(kernel, Part::Kernel)?;
    if let Some(wanted) = wanted.filter(|&wanted| wanted != Protocol::Firmware) {
        return WAYS.into_iter().find(|way| way.protocol == wanted).ok_or_else(|| {
            let why = "behind firmware kernels start by linux16, pvh or multiboot1".to_owned();
            BootError::NotOffered { wanted, why }
        });
    }
    let prefix = Reader::new(kernel).prefix(0x206)?;
    if crate::linux::is_bzimage(&prefix) {
        crate::linux::SetupHeader::parse(kernel)?;
        return Ok(WAYS[0]);
    }
    let offers = detect::detect(kernel);
    let offered = |way: &Way| {
        offers.iter().any(|offer| offer.protocol == way.protocol && offer.outcome.is_ok())
    };
    match WAYS.into_iter().find(offered) {
        Some(way) => Ok(way),
        None => Err(detect::refusal(kernel, offers)),
    }
}

/// A plan in the making.
struct Draft {
    ledger: Ledger,
    items: Items,
    placements: Vec<Placement>,
    explanation: Vec<String>,
}

impl Draft {
    /// Where a ramdisk or module of `len` bytes goes: high, below `below` and the firmware's tables.
    fn high(&self, index: usize, len: u64, below: u64) -> Result<u64, BootError> {
        let top = self.ledger.usable().iter().map(|range| range.end);
        let top = top.filter(|&end| end <= layout::LOW_RAM_END).max().unwrap_or(0);
        let below = below.min(top);
        let window = layout::ACPI_END..below;
        self.ledger.highest(len, memory::PAGE_SIZE, &window).ok_or_else(|| {
            let free = self.ledger.free().into_iter().filter(|range| range.start >= window.start);
            BootError::ModuleDoesNotFit { index, len, free: free.collect(), below }
        })
    }

    fn claim(&mut self, name: &str, range: Range<u64>) -> Result<(), BootError> {
        self.ledger.claim(name, range)
    }
}

/// Plans a boot through firmware.
pub fn plan<'a>(wanted: &FirmwareRequest<'a>) -> Result<BootPlan<'a>, BootError> {
    let request = &wanted.request;
    let (ram, min) = (request.ram_bytes, layout::RAM_MIN);
    if ram < min {
        return Err(BootError::RamTooSmall { ram, min });
    }
    let reserved = &request.reserved;
    if reserved.len() > RESERVED_MAX {
        return Err(BootError::MapTooLong { rows: reserved.len(), max: RESERVED_MAX });
    }
    let map = e820::memory_map(ram);
    let map = reserved.iter().fold(map, |map, range| e820::reserve(&map, range));
    let mut draft = Draft {
        ledger: Ledger::new(without_tables(e820::usable(&map))),
        items: Items::default(),
        placements: Vec::new(),
        explanation: vec!["protocol firmware: asked for by --bios".to_owned()],
    };
    if wanted.has_kernel {
        claim_sources(&mut draft.ledger, request)?;
        add_kernel(&mut draft, wanted)?;
    }
    add_files(&mut draft, wanted)?;
    let modules = request.modules.iter().map(|module| Source::Given(module.image));
    let images = core::iter::once(Source::Given(request.kernel)).chain(modules).collect();
    let Draft { items, placements, explanation, .. } = draft;
    Ok(BootPlan {
        protocol: Protocol::Firmware,
        entry: Entry::reset(),
        placements,
        images,
        e820: map,
        explanation,
        firmware: Some(items),
    })
}

/// RAM with 32-bit addresses, as items have them, without what firmware takes for its tables.
fn without_tables(usable: Vec<Range<u64>>) -> Vec<Range<u64>> {
    let mut low: Vec<_> =
        usable.into_iter().filter(|range| range.end <= layout::HIGH_RAM).collect();
    if let Some(last) = low.last_mut() {
        last.end = last.end.saturating_sub(TABLES).max(last.start);
    }
    low
}

fn add_kernel(draft: &mut Draft, wanted: &FirmwareRequest<'_>) -> Result<(), BootError> {
    let request = &wanted.request;
    check_string(Part::CommandLine, request.cmdline)?;
    let way = way(request.kernel, request.protocol)?;
    draft.explanation.push(format!("kernel by {}: option ROM {}", way.protocol, way.option_rom));
    match way.protocol {
        Protocol::Pvh => pvh::add(draft, request),
        Protocol::Multiboot1 => multiboot::add(draft, request),
        _ => linux::add(draft, request),
    }
}

/// Everything the firmware finds by name.
fn add_files(draft: &mut Draft, wanted: &FirmwareRequest<'_>) -> Result<(), BootError> {
    let files = &mut draft.items.files;
    let platform = wanted.request.platform;
    files.push(("etc/e820".into(), memory_rows(&wanted.request)));
    if let Some(acpi) = acpi::for_firmware(platform) {
        files.push(("etc/acpi/tables".into(), acpi.tables));
        files.push(("etc/acpi/rsdp".into(), acpi.rsdp));
        files.push(("etc/table-loader".into(), acpi.loader));
    }
    let smbios = smbios::build(platform, wanted.request.ram_bytes);
    files.push(("etc/smbios/smbios-tables".into(), smbios.tables));
    files.push(("etc/smbios/smbios-anchor".into(), smbios.anchor));
    if let Some(rom) = wanted.vga_rom {
        files.push((format!("vgaroms/{}", rom.name), rom.bytes.to_vec()));
    }
    let mut order: Vec<(u32, String)> = Vec::new();
    for rom in wanted.kernel_rom.iter().chain(&wanted.option_roms) {
        let name = format!("genroms/{}", rom.name);
        let taken = files.iter().any(|(other, _)| *other == name);
        let index_taken = order.iter().any(|(other, _)| Some(*other) == rom.boot_index);
        if taken || index_taken || name.contains('\n') {
            let why =
                if index_taken { "its boot index is taken" } else { "its name is taken or unfit" };
            return Err(BootError::FirmwareFile { name, why: why.to_owned() });
        }
        order.extend(rom.boot_index.map(|index| (index, format!("/rom@{name}"))));
        files.push((name, rom.bytes.to_vec()));
    }
    order.sort();
    let roms = order.iter().map(|(_, path)| path.as_str());
    let devices = platform.boot_order.iter().map(String::as_str);
    let order = roms.chain(devices).collect::<Vec<_>>().join("\n");
    if !order.is_empty() {
        draft.explanation.push(format!("boot order {}", order.replace('\n', ", ")));
        draft.items.files.push(("bootorder".into(), nul_terminated(&order)));
    }
    Ok(())
}

/// `etc/e820`: 20 bytes for each run of RAM, and behind them for what of it is reserved. What is reserved
/// below 1 MiB the firmware knows better.
fn memory_rows(request: &Request<'_>) -> Vec<u8> {
    let low = request.ram_bytes.min(layout::LOW_RAM_END);
    let ram = [0..low, layout::HIGH_RAM..layout::HIGH_RAM + (request.ram_bytes - low)];
    let within =
        |range: &Range<u64>, ram: &Range<u64>| range.start.max(ram.start)..range.end.min(ram.end);
    let reserved = request.reserved.iter();
    let reserved = reserved.flat_map(|range| ram.iter().map(move |ram| within(range, ram)));
    let rows = ram.iter().cloned().map(|range| (range, e820::Kind::Ram));
    let rows = rows.chain(reserved.map(|range| (range, e820::Kind::Reserved)));
    let mut out = Vec::new();
    for (range, kind) in rows.filter(|(range, _)| !range.is_empty()) {
        out.extend(range.start.to_le_bytes());
        out.extend((range.end - range.start).to_le_bytes());
        out.extend((kind as u32).to_le_bytes());
    }
    out
}

fn nul_terminated(text: &str) -> Vec<u8> {
    text.bytes().chain([0]).collect()
}

/// All of an image from `offset` on, at most `len` bytes.
fn bytes_of(image: &dyn Image, part: Part, offset: u64, len: u64) -> Result<Vec<u8>, BootError> {
    let mut bytes = vec![0; len as usize];
    image.read_at(offset, &mut bytes).map_err(|error| BootError::Read { part, error })?;
    Ok(bytes)
}

/// The ramdisk as an item; protocols with one ramdisk refuse more.
fn add_ramdisk(
    draft: &mut Draft,
    request: &Request<'_>,
    protocol: Protocol,
    below: u64,
) -> Result<(), BootError> {
    let module = match request.modules.as_slice() {
        [] => return Ok(()),
        [module] => module,
        more => return Err(BootError::TooManyModules { protocol, count: more.len(), max: 1 }),
    };
    let len = module.image.len();
    let addr = draft.high(0, len, below)?;
    draft.claim("ramdisk", addr..addr + len)?;
    let bytes = bytes_of(module.image, Part::Module(0), 0, len)?;
    draft.explanation.push(format!("ramdisk: {len} bytes at {addr:#x}"));
    draft.items.initrd = Some(Item { addr: addr as u32, bytes });
    Ok(())
}
