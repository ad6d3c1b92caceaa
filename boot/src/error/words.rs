//! What is wrong, in one sentence with the numbers.

use super::{BootError, Part, mib_up};
use core::fmt;
use core::ops::Range;

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
                write!(
                    f,
                    "{protocol} calls a BIOS, which a machine without PIC and PIT cannot have"
                )
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
            Self::ElfFlags { flags } => {
                write!(f, "ELF flags {flags:#x} have a bit that no x86 kernel sets")
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
                write!(f, "{len:#x} bytes of notes, of {max:#x} that are read in all")
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
            Self::Multiboot2Checksum { sum, .. } => {
                write!(f, "multiboot 2 header sums to {sum:#x}, not 0: bad checksum")
            }
            Self::Multiboot2TooFar { offset, len, max } => {
                write!(
                    f,
                    "multiboot 2 header at {offset:#x} of {len} bytes ends beyond the first {max}"
                )
            }
            Self::Multiboot2Architecture { architecture, .. } => {
                write!(f, "multiboot 2 header is for architecture {architecture}, not i386 (0)")
            }
            Self::Multiboot2Tag { kind, size, left, .. } => write!(
                f,
                "multiboot 2 header tag of type {kind} has {size} bytes, the header {left} more"
            ),
            Self::Multiboot2NoEnd { end, .. } => {
                write!(f, "multiboot 2 header has no end tag before its own end at {end:#x}")
            }
            Self::Multiboot2TagUnknown { kind, .. } => {
                write!(f, "multiboot 2 header requires the unknown tag {kind}")
            }
            Self::Multiboot2Request { wanted, .. } => {
                write!(f, "multiboot 2 header requires information {wanted}, which is not here")
            }
            Self::Multiboot2Efi { .. } => {
                f.write_str("multiboot 2 header requires EFI boot services (tag 7)")
            }
            Self::Multiboot2NoEntry { .. } => {
                f.write_str("multiboot 2 header has an address tag (2) but no entry tag (3)")
            }
            Self::Multiboot2Reloc { min, max, align, .. } => write!(
                f,
                "multiboot 2 relocatable tag asks for alignment {align:#x} within {min:#x}-{max:#x} or \
                 an unknown preference"
            ),
            Self::Multiboot2NoPlace { len, window, align, free } => write!(
                f,
                "relocatable kernel of {len:#x} bytes has no place aligned to {align:#x} within {}; \
                 free is {}",
                Bytes(window),
                RangeList(free)
            ),
            Self::LinuxSetupTooLong { sects, len, max } => write!(
                f,
                "setup_sects {sects} makes {len} bytes of real-mode code, {max} leave room for its stack"
            ),
            Self::LinuxLowTooLong { len, max } => {
                write!(
                    f,
                    "zImage has {len} bytes of protected-mode code, {max} fit below its setup code"
                )
            }
            Self::ElTorito { what, .. } => f.write_str(what),
            Self::BootSectorSignature { found } => {
                write!(f, "the first sector ends with {found:#06x}, not 0xaa55")
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
            Self::MapTooLong { rows, max } => {
                write!(f, "the memory map has {rows} rows, the protocol carries {max}")
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
            Self::FirmwareFile { name, why } => {
                // The name is a file's, which may have several lines.
                write!(f, "cannot offer {} to the firmware: {why}", name.escape_debug())
            }
            Self::PayloadTooLarge { format, max } => {
                write!(f, "{format} payload unpacks to more than {max:#x} bytes")
            }
        }
    }
}
