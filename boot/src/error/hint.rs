//! What the user can do about a refusal.

use super::{BootError, Part, mib_up};
use crate::layout;
use core::ops::Range;

impl BootError {
    /// What the user can do about it.
    pub fn hint(&self) -> String {
        match self {
            Self::Empty { part: Part::Kernel } => "give the path of a kernel image".into(),
            Self::Empty { .. } => "check the file, or leave the option out".into(),
            Self::Read { .. } => "check the file and its permissions".into(),
            Self::Compressed { format } => format!("unpack it first: {}", unpack_command(format)),
            Self::UnknownFormat { .. } => {
                "give a bzImage, an ELF kernel with a PVH note (CONFIG_PVH), a multiboot kernel, or a boot sector"
                    .into()
            }
            Self::NotOffered { .. } => {
                "leave --protocol out, or see `bootscope inspect` for what the image offers".into()
            }
            Self::NotBuilt { .. } => "take --acpi full, or another --protocol".into(),
            Self::ElfTooManyHeaders => {
                "e_phnum 0xffff (PN_XNUM) means the count is in section header 0; no kernel has so many"
                    .into()
            }
            Self::ElfMachine { .. } => "only x86 (3) and x86-64 (62) images can run here".into(),
            Self::ElfType { .. } => "link the kernel (ET_EXEC or ET_DYN); object files cannot boot".into(),
            Self::ElfFlags { .. } => "link for x86 (ld -m elf_x86_64 or elf_i386); its flags are 0".into(),
            Self::SegmentOutsideRam { range, .. } | Self::OutsideRam { range, .. } => ram_hint(range),
            Self::EntryAbove4G { .. } => {
                "link the 32-bit entry below 4 GiB; the note must hold a physical address".into()
            }
            Self::NoPvhNote { .. } => {
                "build the kernel with CONFIG_PVH=y (CONFIG_XEN_PVH alone sets other notes); notes were \
                 looked for in PT_NOTE segments and SHT_NOTE sections, multiboot in the first 8192 bytes; an \
                 ELF vmlinux without a note of Linux boots by --protocol linux64"
                    .into()
            }
            Self::LinuxNotHigh => "start its setup code, which moves it: --protocol linux16".into(),
            Self::LinuxLowTooLong { .. } => "build it as a bzImage".into(),
            Self::LinuxNo64Entry { .. } => "it is a 32-bit kernel: --protocol linux32".into(),
            Self::MultibootVideo { .. } => {
                "only the text mode of a VGA adapter is there; build the kernel without the request, or boot it \
                 without a video mode by --ignore-video"
                    .into()
            }
            Self::Multiboot2Efi { .. } | Self::Multiboot2Request { .. } => {
                "no machine here starts from EFI; mark the tag as optional (flag bit 0)".into()
            }
            Self::Multiboot2TagUnknown { .. } => {
                "tags 0 to 10 are known; mark others as optional (flag bit 0)".into()
            }
            Self::Multiboot2Architecture { .. } => "build the kernel for i386 machines".into(),
            Self::Multiboot2NoPlace { .. } => "give more RAM with -m, or widen the tag's window".into(),
            Self::MapTooLong { .. } => "reserve fewer ranges".into(),
            Self::ElTorito { .. } => {
                "give a disc with a boot image for 80x86 without emulation, or a firmware (--bios)".into()
            }
            Self::BootSectorSignature { .. } => "give the image of a bootable disk".into(),
            Self::MultibootTooFar { .. } | Self::Multiboot2TooFar { .. } => {
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
            Self::FirmwareFile { .. } => "give fewer option ROMs, or one with a shorter file name".into(),
            Self::Truncated { .. }
            | Self::LinuxShort { .. }
            | Self::LinuxSetupBeyondFile { .. }
            | Self::PayloadCorrupt { .. }
            | Self::PayloadTooLarge { .. } => "the file is damaged or incomplete; fetch it again".into(),
            _ => "the image is malformed; `bootscope inspect` shows its headers".into(),
        }
    }
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

/// More RAM helps only where a PC with more would have some: from 1 MiB to 3 GiB.
fn ram_hint(range: &Range<u64>) -> String {
    if range.start >= layout::ACPI_END && range.end <= layout::LOW_RAM_END {
        format!("give at least -m {}M", mib_up(range.end))
    } else {
        "link the kernel to addresses that are RAM on a PC, for example from 1 MiB".into()
    }
}
