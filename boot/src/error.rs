//! Why an image cannot be booted: one variant per cause, the numbers in the variant.
//!
//! `Display` says what is wrong, [`BootError::at`] where, [`BootError::hint`] what to do, and
//! [`BootError::code`] gives the stable number that scripts and the documentation rely on. A code is
//! never reused; the tens group the causes: 00x file, 01x-02x ELF and notes, 03x Linux, 04x multiboot,
//! 05x modules, 06x command line, 07x memory, 08x payloads.

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
    /// A note segment is larger than any real one; nothing walks a gigabyte of notes.
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
            Self::PayloadMissing { .. } => "BOOT-E080",
            Self::PayloadUnknown { .. } => "BOOT-E081",
            Self::PayloadCorrupt { .. } => "BOOT-E082",
            Self::PayloadTooLarge { .. } => "BOOT-E083",
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
            | Self::MultibootAddresses { offset, .. } => kernel(Some(offset)),
            Self::ElfMagic { .. } => kernel(Some(0)),
            Self::ElfClass { .. } => kernel(Some(4)),
            Self::ElfByteOrder { .. } => kernel(Some(5)),
            Self::ElfVersion { .. } => kernel(Some(6)),
            Self::ElfType { .. } => kernel(Some(16)),
            Self::ElfMachine { .. } => kernel(Some(18)),
            Self::LinuxSetupBeyondFile { .. } => kernel(Some(0x1f1)),
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
            Self::RamTooSmall { .. } | Self::KernelNeedsRam { .. } => {
                At { part: Part::Ram, offset: None }
            }
            _ => kernel(None),
        }
    }

    /// What the user can do about it.
    pub fn hint(&self) -> String {
        match self {
            Self::Empty { part: Part::Kernel } => "give the path of a kernel image".into(),
            Self::Empty { .. } => "check the file, or leave the option out".into(),
            Self::Read { .. } => "check the file and its permissions".into(),
            Self::Compressed { format } => format!("unpack it first: {}", unpack_command(format)),
            Self::UnknownFormat { .. } => {
                "give a bzImage, an ELF kernel with a PVH note (CONFIG_PVH), or a multiboot kernel"
                    .into()
            }
            Self::NotOffered { .. } => {
                "leave --protocol out, or see `bootscope inspect` for what the image offers".into()
            }
            Self::NotBuilt { .. } => {
                let built = Protocol::ALL.into_iter().filter(|protocol| protocol.is_built());
                let names: Vec<&str> = built.map(Protocol::name).collect();
                format!("this version boots by {}", names.join(", "))
            }
            Self::ElfTooManyHeaders => {
                "e_phnum 0xffff (PN_XNUM) means the count is in section header 0; no kernel has so many"
                    .into()
            }
            Self::ElfMachine { .. } => "only x86 (3) and x86-64 (62) images can run here".into(),
            Self::ElfType { .. } => "link the kernel (ET_EXEC or ET_DYN); object files cannot boot".into(),
            Self::SegmentOutsideRam { range, ram, .. } => ram_hint(range, ram),
            Self::OutsideRam { range, ram, .. } => ram_hint(range, ram),
            Self::EntryAbove4G { .. } => {
                "link the 32-bit entry below 4 GiB; the note must hold a physical address".into()
            }
            Self::NoPvhNote { .. } => {
                "build the kernel with CONFIG_PVH=y (CONFIG_XEN_PVH alone sets other notes); notes were \
                 looked for in PT_NOTE segments and SHT_NOTE sections, multiboot in the first 8192 bytes"
                    .into()
            }
            Self::LinuxNo64Entry { .. } => "it is a 32-bit kernel; give its ELF vmlinux with a PVH note".into(),
            Self::MultibootTooFar { .. } => {
                "place the header section first in the linker script, before notes".into()
            }
            Self::TooManyModules { max: 0, .. } => "leave the module or --initrd out".into(),
            Self::TooManyModules { .. } => "pack the files into one archive".into(),
            Self::ModuleDoesNotFit { .. } => "give more RAM with -m, or a smaller file".into(),
            Self::CommandLineTooLong { .. } | Self::StringsTooLong { .. } => "shorten it".into(),
            Self::ForbiddenByte { .. } => "remove that byte".into(),
            Self::RamTooSmall { min, .. } => format!("give at least -m {}M", mib_up(*min)),
            Self::KernelNeedsRam { needed, .. } => format!("give at least -m {}M", mib_up(*needed)),
            Self::Conflict { .. } => {
                "link the kernel to other addresses; --explain-boot prints the memory plan".into()
            }
            Self::PayloadMissing { .. } | Self::PayloadUnknown { .. } => {
                "boot it with --protocol linux64, which lets the kernel unpack itself".into()
            }
            Self::Truncated { .. }
            | Self::LinuxShort { .. }
            | Self::LinuxSetupBeyondFile { .. }
            | Self::PayloadCorrupt { .. }
            | Self::PayloadTooLarge { .. } => "the file is damaged or incomplete; fetch it again".into(),
            _ => "the image is malformed; `bootscope inspect` shows its headers".into(),
        }
    }
}

/// Whole MiB that hold `bytes`.
pub(crate) fn mib_up(bytes: u64) -> u64 {
    bytes.div_ceil(1 << 20)
}

fn unpack_command(format: &str) -> &'static str {
    match format {
        "gzip" => "gzip -dc FILE > vmlinux",
        "xz" => "xz -dc FILE > vmlinux",
        "zstd" => "zstd -dc FILE > vmlinux",
        "lz4" => "lz4 -dc FILE > vmlinux",
        "bzip2" => "bzip2 -dc FILE > vmlinux",
        "lzma" => "xz --format=lzma -dc FILE > vmlinux",
        _ => "with the tool that packed it",
    }
}

/// More RAM helps only if the range would then be RAM: below 3 GiB and not in a PC's holes.
fn ram_hint(range: &Range<u64>, ram: &[Range<u64>]) -> String {
    let above_all = ram.iter().all(|piece| range.start >= piece.end || range.start >= 0x10_0000);
    if above_all && range.start >= 0x10_0000 && range.end <= crate::layout::LOW_RAM_END {
        format!("give at least -m {}M", mib_up(range.end))
    } else {
        "link the kernel to addresses that are RAM on a PC, for example from 1 MiB".into()
    }
}

/// A half-open range as people read them.
struct Bytes<'a>(&'a Range<u64>);

impl fmt::Display for Bytes<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#x}-{:#x}", self.0.start, self.0.end.saturating_sub(1))
    }
}

/// A list of ranges, `none` when empty.
struct RangeList<'a>(&'a [Range<u64>]);

impl fmt::Display for RangeList<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("none");
        }
        for (index, range) in self.0.iter().enumerate() {
            write!(f, "{}{}", if index == 0 { "" } else { ", " }, Bytes(range))?;
        }
        Ok(())
    }
}

impl core::error::Error for BootError {}

impl From<ReadError> for BootError {
    fn from(error: ReadError) -> Self {
        Self::Read { part: Part::Kernel, error }
    }
}

impl fmt::Display for BootError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty { part: Part::Module(index) } => write!(f, "module {index} is empty"),
            Self::Empty { .. } => f.write_str("the image is empty"),
            Self::Read { error, .. } => error.fmt(f),
            Self::Compressed { format } => write!(f, "the kernel file is compressed with {format}"),
            Self::UnknownFormat { found } => {
                write!(f, "no known kernel format: {found}")
            }
            Self::NotOffered { wanted, why } => {
                write!(f, "the image cannot boot by {wanted}: {why}")
            }
            Self::NotBuilt { protocol } => {
                write!(f, "there is no {protocol} loader in this version")
            }
            Self::Truncated { what, end, len, .. } => {
                write!(f, "{what} needs bytes up to {end:#x}, the file ends at {len:#x}")
            }
            Self::ElfMagic { found } => {
                write!(f, "the file begins with {found:02x?}, not with the ELF magic")
            }
            Self::ElfClass { class } => {
                write!(f, "ELF class {class} is neither 32 (1) nor 64 bit (2)")
            }
            Self::ElfByteOrder { data } => {
                write!(f, "ELF data encoding {data} is not little endian (1); x86 has no other")
            }
            Self::ElfVersion { version } => write!(f, "ELF version {version} is not 1"),
            Self::ElfMachine { machine } => write!(f, "ELF machine {machine} is not x86"),
            Self::ElfType { kind } => {
                write!(f, "ELF type {kind} is not an executable (2) or shared (3) image")
            }
            Self::ElfPhentsize { size, expected } => {
                write!(f, "ELF program headers are {size} bytes each, the class has {expected}")
            }
            Self::ElfTooManyHeaders => {
                f.write_str("ELF has 65535 or more program headers (PN_XNUM)")
            }
            Self::ElfNothingToLoad => f.write_str("ELF has no PT_LOAD segment with content"),
            Self::SegmentFileLarger { index, filesz, memsz } => {
                write!(
                    f,
                    "segment {index} has {filesz:#x} bytes in the file but only {memsz:#x} in memory"
                )
            }
            Self::SegmentWraps { index, paddr, memsz } => {
                write!(f, "segment {index} at {paddr:#x} with {memsz:#x} bytes passes 2^64")
            }
            Self::SegmentOutsideRam { index, range, ram } => {
                write!(
                    f,
                    "segment {index} at {} is not all RAM; RAM is {}",
                    Bytes(range),
                    RangeList(ram)
                )
            }
            Self::SegmentsOverlap { first, second } => {
                write!(f, "segment {} at {} overlaps ", first.0, Bytes(&first.1))?;
                write!(f, "segment {} at {}", second.0, Bytes(&second.1))
            }
            Self::EntryOutsideSegments { entry } => {
                write!(f, "entry point {entry:#x} lies in no loaded segment")
            }
            Self::EntryAbove4G { entry } => {
                write!(f, "32-bit entry point {entry:#x} lies above 4 GiB")
            }
            Self::NoteMalformed { namesz, descsz, available, .. } => write!(
                f,
                "note with name size {namesz:#x} and content size {descsz:#x} in {available:#x} bytes"
            ),
            Self::NotesTooLarge { len, max, .. } => {
                write!(f, "note segment of {len:#x} bytes, at most {max:#x} are read")
            }
            Self::PvhNoteShort { descsz, .. } => {
                write!(f, "PVH entry note holds {descsz} bytes, an address needs 4")
            }
            Self::PvhNotesDisagree { first, second } => {
                write!(
                    f,
                    "two PVH entry notes name different addresses, {first:#x} and {second:#x}"
                )
            }
            Self::NoPvhNote { seen, multiboot } => {
                f.write_str("ELF has no XEN_ELFNOTE_PHYS32_ENTRY (18) note")?;
                if !seen.is_empty() {
                    write!(f, " among its Xen notes {seen:?}")?;
                }
                if *multiboot { Ok(()) } else { f.write_str(", and no multiboot header") }
            }
            Self::PvhReloc { align, min, max } => write!(
                f,
                "PVH relocation note asks for alignment {align:#x} within {min:#x}-{max:#x}, which holds no place"
            ),
            Self::LinuxBootFlag { flag } => {
                write!(f, "bzImage boot_flag is {flag:#06x}, not 0xaa55")
            }
            Self::LinuxVersion { version, min } => {
                let (a, b, c, d) = (version >> 8, version & 0xff, min >> 8, min & 0xff);
                write!(f, "boot protocol {a}.{b:02} is older than {c}.{d:02}")
            }
            Self::LinuxSetupBeyondFile { sects, end, len } => write!(
                f,
                "setup_sects {sects} puts the kernel at {end:#x}, the file ends at {len:#x}"
            ),
            Self::LinuxShort { syssize_bytes, present } => write!(
                f,
                "syssize promises {syssize_bytes:#x} bytes of protected-mode code, the file has {present:#x}"
            ),
            Self::LinuxNo64Entry { xloadflags } => {
                write!(f, "kernel has no 64-bit entry (xloadflags {xloadflags:#x}, bit 0 clear)")
            }
            Self::LinuxNotHigh => f.write_str("kernel is not loaded high (a zImage)"),
            Self::LinuxAlignment { align } => {
                write!(f, "kernel_alignment {align:#x} is no power of two")
            }
            Self::LinuxSetupSects { sects, .. } => {
                write!(f, "neither code nor a compressed kernel where setup_sects {sects} leads")
            }
            Self::LinuxInitSize { init_size, payload } => {
                write!(
                    f,
                    "init_size {init_size:#x} is smaller than the kernel's {payload:#x} bytes"
                )
            }
            Self::MultibootChecksum { sum, .. } => {
                write!(f, "multiboot header sums to {sum:#x}, not 0: bad checksum")
            }
            Self::MultibootTooFar { offset, max } => {
                write!(f, "multiboot header at {offset:#x} lies beyond the first {max} bytes")
            }
            Self::MultibootFlags { flags, unknown, .. } => {
                write!(f, "multiboot flags {flags:#x} require unknown features {unknown:#x}")
            }
            Self::MultibootVideo { .. } => {
                f.write_str("multiboot header requires a video mode (flag bit 2)")
            }
            Self::MultibootNotElf { .. } => {
                f.write_str("multiboot header without address fields in a file that is no ELF")
            }
            Self::MultibootAddresses { what, low, high, .. } => {
                write!(f, "multiboot {what}: {high:#x} lies below {low:#x}")
            }
            Self::MultibootBeyondFile { start, end, len } => {
                write!(
                    f,
                    "multiboot address fields load file bytes {start} to {end}, the file has {len}"
                )
            }
            Self::TooManyModules { protocol, count, max } => {
                write!(f, "{count} modules given, {protocol} takes at most {max}")
            }
            Self::ForbiddenByte { part: Part::Module(index), byte, position } => {
                write!(f, "string of module {index} has byte {byte:#04x} at position {position}")
            }
            Self::ForbiddenByte { byte, position, .. } => {
                write!(f, "command line has byte {byte:#04x} at position {position}")
            }
            Self::ModuleDoesNotFit { index, len, free, below } => write!(
                f,
                "module {index} of {len} bytes fits into no free RAM below {below:#x}; free is {}",
                RangeList(free)
            ),
            Self::CommandLineTooLong { len, max } => {
                write!(f, "command line is {len} bytes, the kernel accepts {max}")
            }
            Self::StringsTooLong { len, max } => {
                write!(f, "command line and module strings need {len} bytes, {max} are reserved")
            }
            Self::RamTooSmall { ram, min } => {
                write!(f, "{} KiB of RAM, a PC needs at least {} KiB", ram >> 10, min >> 10)
            }
            Self::KernelNeedsRam { needed, ram } => write!(
                f,
                "kernel needs RAM up to {needed:#x} ({} MiB), the machine has {} MiB",
                mib_up(*needed),
                ram >> 20
            ),
            Self::Conflict { first, second } => {
                write!(f, "{} at {} overlaps ", first.0, Bytes(&first.1))?;
                write!(f, "{} at {}", second.0, Bytes(&second.1))
            }
            Self::OutsideRam { name, range, ram } => {
                write!(f, "{name} at {} is not all RAM; RAM is {}", Bytes(range), RangeList(ram))
            }
            Self::PayloadMissing { version } => write!(
                f,
                "bzImage of boot protocol {}.{:02} names no payload to unpack",
                version >> 8,
                version & 0xff
            ),
            Self::PayloadUnknown { magic } => {
                write!(
                    f,
                    "bzImage payload begins with {magic:02x?}, which no known compression does"
                )
            }
            Self::PayloadCorrupt { format, why } => {
                write!(f, "{format} payload does not unpack: {why}")
            }
            Self::PayloadTooLarge { format, max } => {
                write!(f, "{format} payload unpacks to more than {max:#x} bytes")
            }
        }
    }
}
