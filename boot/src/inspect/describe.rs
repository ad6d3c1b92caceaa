//! Words for headers, segments and notes, and an inspection as text.

use super::{Field, Inspection, NoteInfo, SegmentInfo};
use crate::elf::{self, Note, Segment};
use crate::error::mib_up;
use crate::linux::{LOADED_HIGH, SetupHeader, XLF_KERNEL_64};
use crate::multiboot1::{self, Kernel};
use crate::multiboot2;
use crate::pvh;
use crate::reader::{u32_at, u64_at};
use core::fmt;

pub(super) fn segment(segment: &Segment) -> SegmentInfo {
    let kind = match segment.kind {
        elf::PT_LOAD => "LOAD".to_owned(),
        2 => "DYNAMIC".to_owned(),
        elf::PT_NOTE => "NOTE".to_owned(),
        0x6474_e551 => "GNU_STACK".to_owned(),
        0x6474_e552 => "GNU_RELRO".to_owned(),
        0x6474_e553 => "GNU_PROPERTY".to_owned(),
        other => format!("{other:#x}"),
    };
    let flag = |bit: u32, letter| if segment.flags & bit != 0 { letter } else { '-' };
    SegmentInfo {
        index: segment.index,
        kind,
        flags: [flag(4, 'R'), flag(2, 'W'), flag(1, 'X')].into_iter().collect(),
        offset: segment.offset,
        vaddr: segment.vaddr,
        paddr: segment.paddr,
        filesz: segment.filesz,
        memsz: segment.memsz,
        align: segment.align,
    }
}

pub(super) fn note(note: &Note) -> NoteInfo {
    let (name, meaning) = match note.owner.as_str() {
        "Xen" => (pvh::xen_note_name(note.kind).unwrap_or(""), xen_meaning(note.kind)),
        "GNU" => (gnu_note_name(note.kind), "not for loaders"),
        "Linux" => (linux_note_name(note.kind), "not for loaders"),
        _ => ("", "unknown owner, ignored"),
    };
    NoteInfo {
        offset: note.offset,
        owner: note.owner.clone(),
        kind: note.kind,
        name: name.to_owned(),
        size: note.descsz,
        value: value(note),
        meaning: meaning.to_owned(),
    }
}

fn xen_meaning(kind: u32) -> &'static str {
    match kind {
        pvh::ENTRY_NOTE => "PVH: physical address of the 32-bit entry",
        pvh::RELOC_NOTE => "PVH: alignment, lowest and highest address the kernel may be moved to",
        _ => "for Xen's paravirtual loader, ignored",
    }
}

fn gnu_note_name(kind: u32) -> &'static str {
    match kind {
        1 => "ABI_TAG",
        3 => "BUILD_ID",
        5 => "PROPERTY",
        _ => "",
    }
}

/// Linux `include/linux/build-salt.h` and `include/linux/elfnote-lto.h`.
fn linux_note_name(kind: u32) -> &'static str {
    match kind {
        0x100 => "BUILD_SALT",
        0x101 => "LTO_INFO",
        _ => "",
    }
}

/// Text if it is text, a number if it has the size of one, else the first bytes.
fn value(note: &Note) -> String {
    let text = note.desc.strip_suffix(b"\0").unwrap_or(&note.desc);
    let printable = |byte: &u8| (b' '..=b'~').contains(byte);
    match note.descsz {
        0 => String::new(),
        12 if note.is_xen() && note.kind == pvh::RELOC_NOTE => {
            let words = [0, 4, 8].map(|at| format!("{:#x}", u32_at(&note.desc, at)));
            words.join(" ")
        }
        _ if !text.is_empty() && text.iter().all(printable) => {
            String::from_utf8_lossy(text).into_owned()
        }
        4 => format!("{:#x}", u32_at(&note.desc, 0)),
        8 => format!("{:#x}", u64_at(&note.desc, 0)),
        _ => note.desc.iter().map(|byte| format!("{byte:02x}")).collect(),
    }
}

fn bits(value: u64, names: &[(u64, &str)]) -> String {
    let set: Vec<&str> =
        names.iter().filter(|(bit, _)| value & bit != 0).map(|&(_, name)| name).collect();
    set.join(" ")
}

pub(super) fn linux_fields(header: &SetupHeader) -> Vec<Field> {
    const LOADFLAGS: [(u64, &str); 5] = [
        (LOADED_HIGH as u64, "LOADED_HIGH"),
        (1 << 1, "KASLR"),
        (1 << 5, "QUIET"),
        (1 << 6, "KEEP_SEGMENTS"),
        (1 << 7, "CAN_USE_HEAP"),
    ];
    const XLOADFLAGS: [(u64, &str); 7] = [
        (XLF_KERNEL_64 as u64, "KERNEL_64"),
        (1 << 1, "CAN_BE_LOADED_ABOVE_4G"),
        (1 << 2, "EFI_HANDOVER_32"),
        (1 << 3, "EFI_HANDOVER_64"),
        (1 << 4, "EFI_KEXEC"),
        (1 << 5, "5LEVEL"),
        (1 << 6, "5LEVEL_ENABLED"),
    ];
    let field = |name, value, meaning: String| Field { name, value, meaning };
    let plain = |name, value| Field { name, value, meaning: String::new() };
    let sects = if header.setup_sects == 0 { "stands for 4" } else { "" };
    let version = format!("protocol {}.{:02}", header.version >> 8, header.version & 0xff);
    let (loadflags, xloadflags) = (header.loadflags.into(), header.xloadflags.into());
    vec![
        field("setup_sects", header.setup_sects.into(), sects.to_owned()),
        field(
            "syssize",
            header.syssize.into(),
            format!("{} bytes", u64::from(header.syssize) * 16),
        ),
        field("version", header.version.into(), version),
        field("loadflags", loadflags, bits(loadflags, &LOADFLAGS)),
        plain("code32_start", header.code32_start.into()),
        plain("initrd_addr_max", header.initrd_addr_max.into()),
        plain("kernel_alignment", header.kernel_alignment.into()),
        plain("relocatable_kernel", header.relocatable_kernel.into()),
        plain("min_alignment", header.min_alignment.into()),
        field("xloadflags", xloadflags, bits(xloadflags, &XLOADFLAGS)),
        plain("cmdline_size", header.cmdline_size.into()),
        plain("payload_offset", header.payload_offset.into()),
        plain("payload_length", header.payload_length.into()),
        plain("pref_address", header.pref_address),
        field(
            "init_size",
            header.init_size.into(),
            format!("{} MiB", mib_up(header.init_size.into())),
        ),
    ]
}

pub(super) fn multiboot_fields(kernel: &Kernel) -> Vec<Field> {
    const FLAGS: [(u64, &str); 4] = [
        (multiboot1::PAGE_ALIGN as u64, "PAGE_ALIGN"),
        (multiboot1::MEMORY_INFO as u64, "MEMORY_INFO"),
        (multiboot1::VIDEO_MODE as u64, "VIDEO_MODE"),
        (multiboot1::ADDRESSES as u64, "ADDRESSES"),
    ];
    let flags = kernel.header.flags.into();
    let plain = |name, value: u32| Field { name, value: value.into(), meaning: String::new() };
    let mut out = vec![
        Field { name: "header offset", value: kernel.header.offset, meaning: String::new() },
        Field { name: "flags", value: flags, meaning: bits(flags, &FLAGS) },
    ];
    if let Some(addresses) = kernel.header.addresses {
        out.extend([
            plain("header_addr", addresses.header_addr),
            plain("load_addr", addresses.load_addr),
            plain("load_end_addr", addresses.load_end_addr),
            plain("bss_end_addr", addresses.bss_end_addr),
            plain("entry_addr", addresses.entry_addr),
        ]);
    }
    out
}

/// One row a tag: its offset in the file, and what it says.
pub(super) fn multiboot2_fields(kernel: &multiboot2::Kernel) -> Vec<Field> {
    let header = &kernel.header;
    let mut out =
        vec![Field { name: "header offset", value: header.offset, meaning: String::new() }];
    for tag in &header.tags {
        let optional = if tag.optional { "optional" } else { "required" };
        let words: Vec<String> = tag.words.iter().map(|word| format!("{word:#x}")).collect();
        let meaning = format!("{optional}: {}", words.join(" "));
        out.push(Field { name: multiboot2_tag_name(tag.kind), value: tag.offset, meaning });
    }
    out
}

fn multiboot2_tag_name(kind: u16) -> &'static str {
    match kind {
        1 => "information request",
        2 => "address",
        3 => "entry address",
        4 => "console flags",
        5 => "framebuffer",
        6 => "module alignment",
        7 => "EFI boot services",
        8 => "EFI i386 entry",
        9 => "EFI amd64 entry",
        10 => "relocatable",
        _ => "unknown tag",
    }
}

impl fmt::Display for Inspection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}: {} bytes", self.name, self.len)?;
        if let Some(compression) = self.compression {
            writeln!(f, "compressed with {compression}; what follows is inside")?;
        }
        self.write_protocols(f)?;
        self.write_elf(f)?;
        write_fields(f, "Linux setup header", &self.linux)?;
        write_fields(f, "multiboot header", &self.multiboot1)?;
        write_fields(f, "multiboot 2 header, tags at their offsets", &self.multiboot2)
    }
}

fn write_fields(f: &mut fmt::Formatter<'_>, title: &str, fields: &[Field]) -> fmt::Result {
    if !fields.is_empty() {
        writeln!(f, "\n{title}")?;
    }
    for field in fields {
        let gap = if field.meaning.is_empty() { "" } else { "  " };
        writeln!(f, "  {:<20}{:#x}{gap}{}", field.name, field.value, field.meaning)?;
    }
    Ok(())
}

impl Inspection {
    fn write_protocols(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "\nprotocols, best first")?;
        for protocol in &self.protocols {
            let mark = if protocol.bootable { "yes" } else { "no " };
            writeln!(f, "  {mark} {:<12}{}", protocol.name, protocol.reason)?;
            if let (true, Some(needed)) = (protocol.bootable, protocol.ram_needed) {
                writeln!(f, "      needs {} MiB of RAM, to {needed:#x}", mib_up(needed))?;
            }
        }
        Ok(())
    }

    fn write_elf(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(elf) = &self.elf else {
            return Ok(());
        };
        writeln!(f, "\nELF{} {}, entry {:#x}", elf.bits, elf.machine, elf.entry)?;
        writeln!(f, "  segment       offset     physical    in file  in memory  flags  virtual")?;
        for s in &elf.segments {
            write!(f, "  {:>2} {:<8}{:>#10x} {:>#12x}", s.index, s.kind, s.offset, s.paddr)?;
            writeln!(f, " {:>#10x} {:>#10x}  {}    {:#x}", s.filesz, s.memsz, s.flags, s.vaddr)?;
        }
        if !elf.notes.is_empty() {
            writeln!(f, "notes")?;
        }
        for n in &elf.notes {
            writeln!(f, "  {} {} {}: {} ({})", n.owner, n.kind, n.name, n.value, n.meaning)?;
        }
        Ok(())
    }
}
