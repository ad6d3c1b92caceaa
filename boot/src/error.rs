//! Why an image cannot be booted: one variant per cause, the numbers in the variant.
//!
//! `Display` says what is wrong, [`BootError::at`] where, [`BootError::hint`] what to do, and
//! [`BootError::code`] gives the stable number that scripts and the documentation rely on. A code is
//! never reused; the tens group the causes: 00x file, 01x-02x ELF and notes, 03x Linux, 04x multiboot 1,
//! 05x modules, 06x command line, 07x memory, 08x payloads, 09x firmware and real
//! mode, 10x and 110 multiboot 2.

mod codes;
mod hint;
mod words;

pub use codes::{CODES, explain};

use crate::image::ReadError;
use crate::protocol::Protocol;
use core::fmt;
use core::ops::Range;

/// The part of a boot request that an error is about.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Part {
    /// The kernel image.
    Kernel,
    /// The module or ramdisk with this index.
    Module(usize),
    /// The command line (`--append`).
    CommandLine,
    /// The size of guest RAM (`-m`).
    Ram,
    /// The choice of protocol (`--protocol`).
    Protocol,
}

/// Where an error lies: a part of the request and, for images, the byte.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct At {
    /// Which input.
    pub part: Part,
    /// Offset in the image, if one byte is to blame.
    pub offset: Option<u64>,
}

impl fmt::Display for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.part {
            Part::Kernel => f.write_str("kernel image")?,
            Part::Module(index) => write!(f, "module {index}")?,
            Part::CommandLine => f.write_str("command line (--append)")?,
            Part::Ram => f.write_str("RAM size (-m)")?,
            Part::Protocol => f.write_str("--protocol")?,
        }
        match self.offset {
            Some(offset) => write!(f, ", offset {offset:#x}"),
            None => Ok(()),
        }
    }
}

/// Why a boot request was refused.
#[derive(Clone, PartialEq, Eq, Debug)]
#[allow(missing_docs, reason = "fields carry the numbers that the variant's sentence names")]
pub enum BootError {
    /// The image has no byte.
    Empty { part: Part },
    /// The image could not be read.
    Read { part: Part, error: ReadError },
    /// The kernel is a compressed file of a kind that is not unpacked.
    Compressed { format: &'static str },
    /// No protocol recognises the image.
    UnknownFormat { found: String },
    /// The wanted protocol is not one the image offers.
    NotOffered { wanted: Protocol, why: String },
    /// The protocol exists but this version has no loader for it.
    NotBuilt { protocol: Protocol },

    /// A structure reaches past the end of the file.
    Truncated { what: &'static str, offset: u64, end: u64, len: u64 },
    /// The file does not begin with the ELF magic.
    ElfMagic { found: Vec<u8> },
    /// EI_CLASS is neither 32 nor 64 bit.
    ElfClass { class: u8 },
    /// EI_DATA is not little endian.
    ElfByteOrder { data: u8 },
    /// EI_VERSION or e_version is not 1.
    ElfVersion { version: u32 },
    /// e_machine is not x86.
    ElfMachine { machine: u16 },
    /// e_type is not ET_EXEC or ET_DYN.
    ElfType { kind: u16 },
    /// e_flags has one of the bits that QEMU's PVH loader refuses.
    ElfFlags { flags: u32 },
    /// e_phentsize does not match the class.
    ElfPhentsize { size: u16, expected: u16 },
    /// e_phnum is PN_XNUM.
    ElfTooManyHeaders,
    /// No PT_LOAD segment with content.
    ElfNothingToLoad,
    /// p_filesz exceeds p_memsz.
    SegmentFileLarger { index: usize, filesz: u64, memsz: u64 },
    /// p_paddr + p_memsz passes the end of the address space.
    SegmentWraps { index: usize, paddr: u64, memsz: u64 },
    /// A segment lies, at least partly, where there is no RAM.
    SegmentOutsideRam { index: usize, range: Range<u64>, ram: Vec<Range<u64>> },
    /// Two segments claim the same bytes.
    SegmentsOverlap { first: (usize, Range<u64>), second: (usize, Range<u64>) },
    /// The entry point lies in no loaded segment.
    EntryOutsideSegments { entry: u64 },
    /// A 32-bit protocol was given an entry point above 4 GiB.
    EntryAbove4G { entry: u64 },
    /// A note's sizes reach past its segment.
    NoteMalformed { offset: u64, namesz: u32, descsz: u32, available: u64 },
    /// There are more notes than any real file has; nothing walks a gigabyte of them.
    NotesTooLarge { offset: u64, len: u64, max: u64 },
    /// The PVH note has no room for an address.
    PvhNoteShort { offset: u64, descsz: u32 },
    /// Two PVH notes name different entries.
    PvhNotesDisagree { first: u64, second: u64 },
    /// The ELF file has no PVH note; `multiboot` if it has a multiboot header instead.
    NoPvhNote { seen: Vec<u32>, multiboot: bool },
    /// XEN_ELFNOTE_PHYS32_RELOC asks for something impossible.
    PvhReloc { align: u32, min: u32, max: u32 },

    /// boot_flag is not 0xAA55.
    LinuxBootFlag { flag: u16 },
    /// Boot protocol older than this loader accepts.
    LinuxVersion { version: u16, min: u16 },
    /// The real-mode part is longer than the file.
    LinuxSetupBeyondFile { sects: u8, end: u64, len: u64 },
    /// The protected-mode part is shorter than the header says.
    LinuxShort { syssize_bytes: u64, present: u64 },
    /// The kernel has no 64-bit entry (xloadflags bit 0).
    LinuxNo64Entry { xloadflags: u16 },
    /// The kernel is not loaded high (a zImage).
    LinuxNotHigh,
    /// kernel_alignment is no power of two.
    LinuxAlignment { align: u32 },
    /// No code at the entry or no compressed kernel at its place: setup_sects is wrong.
    LinuxSetupSects { sects: u8, offset: u64 },
    /// init_size or the protected-mode part is absurd.
    LinuxInitSize { init_size: u32, payload: u64 },

    /// The multiboot header's three words do not sum to zero.
    MultibootChecksum { offset: u64, sum: u32 },
    /// A multiboot magic lies beyond the part of the file that loaders search.
    MultibootTooFar { offset: u64, max: u64 },
    /// Required feature bits this loader does not know.
    MultibootFlags { offset: u64, flags: u32, unknown: u32 },
    /// The kernel requires a video mode.
    MultibootVideo { offset: u64 },
    /// Address fields contradict each other.
    MultibootAddresses { offset: u64, what: &'static str, low: u64, high: u64 },
    /// No address fields, and no ELF file either: nothing says where the kernel loads.
    MultibootNotElf { offset: u64 },
    /// The address fields load bytes the file does not have.
    MultibootBeyondFile { start: i128, end: u64, len: u64 },

    /// The multiboot 2 header's first four words do not sum to zero.
    Multiboot2Checksum { offset: u64, sum: u32 },
    /// A multiboot 2 header does not lie in the part of the file that loaders search.
    Multiboot2TooFar { offset: u64, len: u64, max: u64 },
    /// The multiboot 2 header is for another processor.
    Multiboot2Architecture { offset: u64, architecture: u32 },
    /// A header tag is shorter than its type asks for or reaches past the header.
    Multiboot2Tag { offset: u64, kind: u16, size: u32, left: u64 },
    /// The tags do not end with an end tag.
    Multiboot2NoEnd { offset: u64, end: u64 },
    /// A required header tag that this loader does not know.
    Multiboot2TagUnknown { offset: u64, kind: u16 },
    /// A required information request that no machine here can answer.
    Multiboot2Request { offset: u64, wanted: u32 },
    /// The kernel requires EFI boot services.
    Multiboot2Efi { offset: u64 },
    /// An address tag without an entry address tag.
    Multiboot2NoEntry { offset: u64 },
    /// The relocatable tag asks for something impossible.
    Multiboot2Reloc { offset: u64, min: u32, max: u32, align: u32 },
    /// Free RAM has no place that suits the relocatable tag.
    Multiboot2NoPlace { len: u64, window: Range<u64>, align: u32, free: Vec<Range<u64>> },

    /// Boot sector and setup code leave no room for heap and stack.
    LinuxSetupTooLong { sects: u8, len: u64, max: u64 },
    /// The protected-mode part of a zImage is longer than real-mode memory has room for.
    LinuxLowTooLong { len: u64, max: u64 },
    /// A CD-ROM's boot record or catalog cannot be followed.
    ElTorito { offset: u64, what: String },
    /// The first sector does not end with 55 aa.
    BootSectorSignature { found: u16 },

    /// The protocol has no use for modules, or not for so many.
    TooManyModules { protocol: Protocol, count: usize, max: usize },
    /// A string holds a byte that the protocol cannot carry.
    ForbiddenByte { part: Part, byte: u8, position: usize },
    /// A module does not fit into free RAM.
    ModuleDoesNotFit { index: usize, len: u64, free: Vec<Range<u64>>, below: u64 },

    /// The command line is longer than the kernel accepts.
    CommandLineTooLong { len: usize, max: usize },
    /// Command line and module strings together exceed the space reserved for them.
    StringsTooLong { len: u64, max: u64 },

    /// RAM is smaller than any protocol can use.
    RamTooSmall { ram: u64, min: u64 },
    /// The kernel needs more RAM than there is.
    KernelNeedsRam { needed: u64, ram: u64 },
    /// Two placements claim the same bytes.
    Conflict { first: (String, Range<u64>), second: (String, Range<u64>) },
    /// The memory map has more rows than the protocol can carry.
    MapTooLong { rows: usize, max: usize },
    /// A placement lies, at least partly, where there is no RAM.
    OutsideRam { name: String, range: Range<u64>, ram: Vec<Range<u64>> },

    /// The bzImage header points to no payload (protocol before 2.08, or length 0).
    PayloadMissing { version: u16 },
    /// The payload's compression is not known.
    PayloadUnknown { magic: [u8; 8] },
    /// The payload does not unpack.
    PayloadCorrupt { format: &'static str, why: String },
    /// The payload unpacks to more than a kernel can be.
    PayloadTooLarge { format: &'static str, max: u64 },

    /// A file cannot be offered to firmware.
    FirmwareFile { name: String, why: String },
}

impl BootError {
    /// The stable code, `BOOT-Ennn`.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Empty { .. } => "BOOT-E001",
            Self::Read { .. } => "BOOT-E002",
            Self::Compressed { .. } => "BOOT-E003",
            Self::UnknownFormat { .. } => "BOOT-E004",
            Self::NotOffered { .. } => "BOOT-E005",
            Self::NotBuilt { .. } => "BOOT-E006",
            Self::Truncated { .. } => "BOOT-E010",
            Self::ElfMagic { .. } => "BOOT-E009",
            Self::ElfClass { .. } => "BOOT-E011",
            Self::ElfByteOrder { .. } => "BOOT-E012",
            Self::ElfVersion { .. } => "BOOT-E013",
            Self::ElfMachine { .. } => "BOOT-E014",
            Self::ElfType { .. } => "BOOT-E015",
            Self::ElfFlags { .. } => "BOOT-E008",
            Self::ElfPhentsize { .. } => "BOOT-E016",
            Self::ElfTooManyHeaders => "BOOT-E017",
            Self::ElfNothingToLoad => "BOOT-E018",
            Self::SegmentFileLarger { .. } => "BOOT-E019",
            Self::SegmentWraps { .. } => "BOOT-E020",
            Self::SegmentOutsideRam { .. } => "BOOT-E021",
            Self::SegmentsOverlap { .. } => "BOOT-E022",
            Self::EntryOutsideSegments { .. } => "BOOT-E023",
            Self::EntryAbove4G { .. } => "BOOT-E024",
            Self::NoteMalformed { .. } => "BOOT-E025",
            Self::NotesTooLarge { .. } => "BOOT-E026",
            Self::PvhNoteShort { .. } => "BOOT-E027",
            Self::PvhNotesDisagree { .. } => "BOOT-E028",
            Self::NoPvhNote { .. } => "BOOT-E029",
            Self::PvhReloc { .. } => "BOOT-E030",
            Self::LinuxBootFlag { .. } => "BOOT-E031",
            Self::LinuxVersion { .. } => "BOOT-E032",
            Self::LinuxSetupBeyondFile { .. } => "BOOT-E033",
            Self::LinuxShort { .. } => "BOOT-E034",
            Self::LinuxNo64Entry { .. } => "BOOT-E035",
            Self::LinuxNotHigh => "BOOT-E036",
            Self::LinuxAlignment { .. } => "BOOT-E037",
            Self::LinuxSetupSects { .. } => "BOOT-E038",
            Self::LinuxInitSize { .. } => "BOOT-E039",
            Self::MultibootChecksum { .. } => "BOOT-E040",
            Self::MultibootTooFar { .. } => "BOOT-E041",
            Self::MultibootFlags { .. } => "BOOT-E042",
            Self::MultibootVideo { .. } => "BOOT-E043",
            Self::MultibootAddresses { .. } => "BOOT-E044",
            Self::MultibootBeyondFile { .. } => "BOOT-E045",
            Self::MultibootNotElf { .. } => "BOOT-E046",
            Self::TooManyModules { .. } => "BOOT-E050",
            Self::ForbiddenByte { .. } => "BOOT-E051",
            Self::ModuleDoesNotFit { .. } => "BOOT-E052",
            Self::CommandLineTooLong { .. } => "BOOT-E060",
            Self::StringsTooLong { .. } => "BOOT-E061",
            Self::RamTooSmall { .. } => "BOOT-E070",
            Self::KernelNeedsRam { .. } => "BOOT-E071",
            Self::Conflict { .. } => "BOOT-E072",
            Self::OutsideRam { .. } => "BOOT-E073",
            Self::MapTooLong { .. } => "BOOT-E074",
            Self::PayloadMissing { .. } => "BOOT-E080",
            Self::PayloadUnknown { .. } => "BOOT-E081",
            Self::PayloadCorrupt { .. } => "BOOT-E082",
            Self::PayloadTooLarge { .. } => "BOOT-E083",
            Self::FirmwareFile { .. } => "BOOT-E090",
            Self::LinuxSetupTooLong { .. } => "BOOT-E092",
            Self::BootSectorSignature { .. } => "BOOT-E093",
            Self::LinuxLowTooLong { .. } => "BOOT-E094",
            Self::ElTorito { .. } => "BOOT-E095",
            Self::Multiboot2Checksum { .. } => "BOOT-E100",
            Self::Multiboot2TooFar { .. } => "BOOT-E101",
            Self::Multiboot2Architecture { .. } => "BOOT-E102",
            Self::Multiboot2Tag { .. } => "BOOT-E103",
            Self::Multiboot2NoEnd { .. } => "BOOT-E104",
            Self::Multiboot2TagUnknown { .. } => "BOOT-E105",
            Self::Multiboot2Request { .. } => "BOOT-E106",
            Self::Multiboot2Efi { .. } => "BOOT-E107",
            Self::Multiboot2NoEntry { .. } => "BOOT-E108",
            Self::Multiboot2Reloc { .. } => "BOOT-E109",
            Self::Multiboot2NoPlace { .. } => "BOOT-E110",
        }
    }
}

impl BootError {
    /// Which input is to blame, and the byte where one is.
    pub fn at(&self) -> At {
        let kernel = |offset| At { part: Part::Kernel, offset };
        match *self {
            Self::Empty { part } | Self::ForbiddenByte { part, .. } => At { part, offset: None },
            Self::Read { part, ref error } => At { part, offset: Some(error.offset) },
            Self::Truncated { offset, .. }
            | Self::NoteMalformed { offset, .. }
            | Self::NotesTooLarge { offset, .. }
            | Self::PvhNoteShort { offset, .. }
            | Self::LinuxSetupSects { offset, .. }
            | Self::MultibootChecksum { offset, .. }
            | Self::MultibootTooFar { offset, .. }
            | Self::MultibootFlags { offset, .. }
            | Self::MultibootVideo { offset }
            | Self::MultibootNotElf { offset }
            | Self::MultibootAddresses { offset, .. }
            | Self::Multiboot2Checksum { offset, .. }
            | Self::Multiboot2TooFar { offset, .. }
            | Self::Multiboot2Architecture { offset, .. }
            | Self::Multiboot2Tag { offset, .. }
            | Self::Multiboot2NoEnd { offset, .. }
            | Self::Multiboot2TagUnknown { offset, .. }
            | Self::Multiboot2Request { offset, .. }
            | Self::Multiboot2Efi { offset }
            | Self::Multiboot2NoEntry { offset }
            | Self::Multiboot2Reloc { offset, .. }
            | Self::ElTorito { offset, .. } => kernel(Some(offset)),
            Self::BootSectorSignature { .. } => kernel(Some(510)),
            Self::ElfMagic { .. } => kernel(Some(0)),
            Self::ElfClass { .. } => kernel(Some(4)),
            Self::ElfByteOrder { .. } => kernel(Some(5)),
            Self::ElfVersion { .. } => kernel(Some(6)),
            Self::ElfType { .. } => kernel(Some(16)),
            Self::ElfMachine { .. } => kernel(Some(18)),
            Self::ElfFlags { .. } => kernel(None),
            Self::LinuxSetupBeyondFile { .. } | Self::LinuxSetupTooLong { .. } => {
                kernel(Some(0x1f1))
            }
            Self::LinuxShort { .. } => kernel(Some(0x1f4)),
            Self::LinuxBootFlag { .. } => kernel(Some(0x1fe)),
            Self::LinuxVersion { .. } => kernel(Some(0x206)),
            Self::LinuxNotHigh => kernel(Some(0x211)),
            Self::LinuxAlignment { .. } => kernel(Some(0x230)),
            Self::LinuxNo64Entry { .. } => kernel(Some(0x236)),
            Self::LinuxInitSize { .. } => kernel(Some(0x260)),
            Self::NotOffered { .. } | Self::NotBuilt { .. } => {
                At { part: Part::Protocol, offset: None }
            }
            Self::ModuleDoesNotFit { index, .. } => At { part: Part::Module(index), offset: None },
            Self::TooManyModules { max, .. } => At { part: Part::Module(max), offset: None },
            Self::CommandLineTooLong { .. } | Self::StringsTooLong { .. } => {
                At { part: Part::CommandLine, offset: None }
            }
            Self::RamTooSmall { .. }
            | Self::KernelNeedsRam { .. }
            | Self::MapTooLong { .. }
            | Self::Multiboot2NoPlace { .. } => At { part: Part::Ram, offset: None },
            _ => kernel(None),
        }
    }
}

impl core::error::Error for BootError {}

impl From<ReadError> for BootError {
    fn from(error: ReadError) -> Self {
        Self::Read { part: Part::Kernel, error }
    }
}

/// Whole MiB that hold `bytes`.
pub(crate) fn mib_up(bytes: u64) -> u64 {
    bytes.div_ceil(1 << 20)
}
