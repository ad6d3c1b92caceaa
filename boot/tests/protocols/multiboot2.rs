//! Multiboot 2: Multiboot2 Specification 2.0, "OS image format", "Machine state", "Boot information
//! format".

use crate::requests::*;
use boot::{Blob, BootPlan, Content, Module, Protocol, Request};

/// The tags of the information structure: type and content, walked as a kernel does.
fn tags<'a>(plan: &'a BootPlan<'_>) -> Vec<(u32, &'a [u8])> {
    assert_eq!(plan.protocol, Protocol::Multiboot2);
    let info = placed(plan, "multiboot 2 information");
    assert_eq!(u32_at(info, 0) as usize, info.len(), "total_size");
    let (mut at, mut out) = (8, Vec::new());
    loop {
        let (kind, size) = (u32_at(info, at), u32_at(info, at + 4) as usize);
        out.push((kind, &info[at + 8..at + size]));
        at = (at + size).next_multiple_of(8);
        if kind == 0 {
            assert_eq!((size, at), (8, info.len()));
            return out;
        }
    }
}

fn tag<'a>(plan: &'a BootPlan<'_>, kind: u32) -> &'a [u8] {
    let found = tags(plan).into_iter().find(|tag| tag.0 == kind);
    found.unwrap_or_else(|| panic!("no tag {kind}")).1
}

#[test]
fn the_machine_state_is_the_specifications() {
    let image = mb2_elf32(&[]);

    let plan = plan_alone(&image, 64).unwrap();

    let entry = &plan.entry;
    assert_eq!(entry.gprs[0], 0x36d7_6289);
    let info = plan.placement("multiboot 2 information").unwrap().addr.0;
    assert_eq!((entry.gprs[3], info % 8), (info, 0));
    assert_eq!(entry.rip, ENTRY);
    assert_eq!((entry.cr0 & 0x8000_0001, entry.rflags & 0x2_0200), (1, 0));
    assert!(entry.segments.iter().all(|s| s.base == 0 && s.limit == u32::MAX && s.big()));
}

#[test]
fn information_has_strings_memory_map_and_tables() {
    let image = Blob { name: "xen".into(), bytes: mb2_elf32(&[]) };
    let request = Request { cmdline: "com1=115200", ..Request::new(&image, 64 * MIB, &PLATFORM) };

    let plan = boot::plan(&request).unwrap();

    assert_eq!(tag(&plan, 1), b"xen com1=115200\0");
    assert_eq!(tag(&plan, 2), b"bootscope\0");
    let memory = tag(&plan, 4);
    assert_eq!((u32_at(memory, 0), u32_at(memory, 4)), (639, 63 * 1024));
    let map = tag(&plan, 6);
    assert_eq!((u32_at(map, 0), u32_at(map, 4), map.len()), (24, 0, 8 + 4 * 24));
    let last = &map[8 + 3 * 24..];
    assert_eq!((u64_at(last, 0), u64_at(last, 8)), (0x10_0000, 63 * MIB));
    assert_eq!((u32_at(last, 16), u32_at(last, 20)), (1, 0));
    let smbios = tag(&plan, 13);
    assert_eq!(smbios[..2], [2, 8]);
    assert!(placed(&plan, "SMBIOS").ends_with(&smbios[8..]));
    let (old, new) = (tag(&plan, 14), tag(&plan, 15));
    assert_eq!((old.len(), old[15], new), (20, 0, placed(&plan, "RSDP")));
    let kinds: Vec<_> = tags(&plan).iter().map(|tag| tag.0).collect();
    assert_eq!(kinds, [1, 2, 4, 6, 13, 14, 15, 0]);
}

#[test]
fn without_acpi_there_is_no_rsdp_tag_and_with_vga_there_is_a_text_screen() {
    let image = mb2_elf32(&[]);
    let platform = boot::Platform { acpi: boot::AcpiProfile::Off, vga: true, ..PLATFORM.clone() };

    let plan = boot::plan(&Request::new(&image, 64 * MIB, &platform)).unwrap();

    assert!(!tags(&plan).iter().any(|tag| matches!(tag.0, 14 | 15)));
    let screen = tag(&plan, 8);
    assert_eq!((u64_at(screen, 0), u32_at(screen, 8)), (0xb_8000, 160));
    assert_eq!((u32_at(screen, 12), u32_at(screen, 16), screen[20], screen[21]), (80, 25, 16, 2));
}

#[test]
fn modules_lie_page_aligned_above_the_kernel_with_their_strings() {
    let image = mb2_elf32(&[mb2_tag(6, false, &[])]);
    let files: Vec<Blob> = ["vmlinuz", "initrd"]
        .map(|name| Blob { name: name.into(), bytes: vec![name.len() as u8; 5000] })
        .into();
    let modules = files.iter().map(|file| Module { image: file, cmdline: "a b" }).collect();

    let plan =
        boot::plan(&Request { modules, ..Request::new(&image, 64 * MIB, &PLATFORM) }).unwrap();

    let found: Vec<_> = tags(&plan).into_iter().filter(|tag| tag.0 == 3).collect();
    assert_eq!(found.len(), 2);
    let mut free = LINKED_AT as u32 + 0x300;
    for ((_, module), file) in found.iter().zip(&files) {
        let (start, end) = (u32_at(module, 0), u32_at(module, 4));
        assert!(start >= free && start % 4096 == 0 && end == start + 5000);
        assert_eq!(module[8..], *format!("{} a b\0", file.name).as_bytes());
        free = end;
    }
}

#[test]
fn an_image_with_an_address_tag_is_loaded_from_the_computed_file_offset() {
    let image = mb2_flat(|_| {});

    let plan = plan_alone(&image, 64).unwrap();

    let kernel = plan.placement("kernel segment 0").unwrap();
    assert_eq!((kernel.addr.0, kernel.len), (LINKED_AT, 0x300));
    assert_eq!(kernel.content, Content::Image { which: 0, offset: 0x20 });
    assert_eq!(plan.placement("kernel segment 0 bss").unwrap().len, 0x500);
    assert_eq!(plan.entry.rip, LINKED_AT + 0x80);
}

/// "load_addr ... -1 means that the file must be loaded from its beginning".
#[test]
fn a_load_address_of_all_ones_loads_from_the_start_of_the_file() {
    let image = mb2_flat(|fields| *fields = [LINKED_AT as u32 + 0x40, u32::MAX, 0, 0]);

    let plan = plan_alone(&image, 64).unwrap();

    let kernel = plan.placement("kernel segment 0").unwrap();
    assert_eq!((kernel.addr.0, kernel.len), (LINKED_AT, 0x400));
    assert_eq!(kernel.content, Content::Image { which: 0, offset: 0 });
}

#[test]
fn the_entry_address_tag_overrules_the_elf_entry() {
    let image = mb2_elf32(&[mb2_tag(3, false, &[LINKED_AT as u32 + 0x44])]);

    assert_eq!(plan_alone(&image, 64).unwrap().entry.rip, LINKED_AT + 0x44);
}

#[test]
fn an_elf64_kernel_is_entered_in_32_bit_mode_at_its_physical_address() {
    let mut data = mb2_header(&[mb2_end()]);
    data.resize(0x200, 0x90);
    let high = 0xffff_ffff_8010_0000;
    let image = elf64(high + 0x40, &[Ph { vaddr: high, ..load(LINKED_AT, data) }]);

    let plan = plan_alone(&image, 64).unwrap();

    assert_eq!((plan.entry.rip, plan.entry.efer), (LINKED_AT + 0x40, 0));
}

/// Relocatable tag: min_addr, max_addr, align, preference.
#[test]
fn a_relocatable_kernel_goes_where_its_tag_prefers() {
    let place = |words: [u32; 4]| {
        let image = mb2_elf32(&[mb2_tag(10, false, &words)]);
        let plan = plan_alone(&image, 64).unwrap();
        let addr = plan.placement("kernel segment 0").unwrap().addr.0;
        assert_eq!(plan.entry.rip, addr + (ENTRY - LINKED_AT));
        assert_eq!(u64::from(u32_at(tag(&plan, 21), 0)), addr, "load base address");
        addr
    };
    let max = 0x2ff_ffff;
    assert_eq!(place([0x10_0000, max, 0x1000, 0]), LINKED_AT, "its own place is good");
    assert_eq!(place([0x20_0000, max, 0x20_0000, 0]), 0x20_0000, "its own is below the window");
    assert_eq!(place([0x10_0000, max, 0x40_0000, 0]), 0x40_0000, "its own is not aligned");
    assert_eq!(place([0x11_0000, max, 0x1000, 1]), 0x11_0000);
    assert_eq!(place([0x11_0000, max, 0x1000, 2]), 0x2ff_f000);
    assert_eq!(place([0x11_0000, u32::MAX, 0x20_0000, 2]), 0x3e0_0000, "below the end of RAM");
}

/// Xen prefers the top of RAM and has a dom0 kernel as module.
#[test]
fn modules_find_room_below_a_kernel_that_lies_at_the_end_of_ram() {
    let image = mb2_elf32(&[mb2_tag(10, false, &[0x20_0000, u32::MAX, 0x20_0000, 2])]);
    let files = [vec![1u8; 3 << 20], vec![2u8; 5000]];
    let modules = files.iter().map(|file| Module { image: file, cmdline: "" }).collect();

    let plan =
        boot::plan(&Request { modules, ..Request::new(&image, 64 * MIB, &PLATFORM) }).unwrap();

    assert_eq!(plan.placement("kernel segment 0").unwrap().addr.0, 0x3e0_0000);
    assert_eq!(plan.placement("module 0").unwrap().addr.0, 0x10_0000);
    assert_eq!(plan.placement("module 1").unwrap().addr.0, 0x40_0000);
}

#[test]
fn a_flat_image_is_relocated_too() {
    let mut image = mb2_flat(|_| {});
    let fields = [LINKED_AT as u32 + 0x20, LINKED_AT as u32, 0, 0];
    let tags = [
        mb2_tag(2, false, &fields),
        mb2_tag(3, false, &[LINKED_AT as u32 + 0x90]),
        mb2_tag(10, false, &[0x80_0000, 0x100_0000, 0x10_0000, 1]),
        mb2_end(),
    ];
    put(&mut image, 0x40, &mb2_header(&tags));

    let plan = plan_alone(&image, 64).unwrap();

    assert_eq!(plan.placement("kernel segment 0").unwrap().addr.0, 0x80_0000);
    assert_eq!(plan.entry.rip, 0x80_0090);
}

#[test]
fn optional_tags_that_are_unknown_or_for_efi_are_skipped() {
    let image = mb2_elf32(&[
        mb2_tag(77, true, &[1, 2, 3]),
        mb2_tag(7, true, &[]),
        mb2_tag(9, false, &[1]),
        mb2_tag(1, true, &[11, 99]),
        mb2_tag(1, false, &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 13, 14, 15, 16, 21]),
        mb2_tag(5, true, &[1024, 768, 32]),
        mb2_tag(4, true, &[1]),
    ]);

    assert!(plan_alone(&image, 64).is_ok());
}

#[test]
fn section_headers_travel_in_their_tag() {
    let mut image = mb2_elf32(&[]);
    let table = image.len();
    image.extend([0u8; 80]);
    put(&mut image, table + 40 + 4, &3u32.to_le_bytes()); // SHT_STRTAB
    put(&mut image, table + 40 + 16, &(table as u32).to_le_bytes());
    put(&mut image, table + 40 + 20, &0x10u32.to_le_bytes());
    put(&mut image, 32, &(table as u32).to_le_bytes());
    put(&mut image, 46, &[40, 0, 2, 0, 1, 0]); // e_shentsize, e_shnum, e_shstrndx

    let plan = plan_alone(&image, 64).unwrap();

    let sections = tag(&plan, 9);
    assert_eq!([0, 4, 8].map(|at| u32_at(sections, at)), [2, 40, 1], "number, size, names");
    let strings = plan.placement("kernel section 1").unwrap().addr.0;
    assert_eq!(u64::from(u32_at(&sections[12 + 40..], 12)), strings, "sh_addr");
}

fn code_of(image: &Vec<u8>) -> &'static str {
    match plan_alone(image, 64) {
        Ok(plan) => panic!("accepted as {}", plan.protocol),
        Err(error) => {
            assert!(!error.to_string().is_empty() && !error.hint().is_empty());
            assert!(!error.at().to_string().is_empty());
            error.code()
        }
    }
}

/// A flat file whose header has these tags, the end tag only if given.
fn header_only(tags: &[Vec<u8>]) -> Vec<u8> {
    let mut out = mb2_header(tags);
    out.resize(0x200, 0);
    out
}

#[test]
fn broken_headers_and_tags_are_refused() {
    let tag_at = 0x60 + 16; // the first tag of an ELF32 image with one segment
    let one = || mb2_elf32(&[mb2_tag(1, false, &[6])]);
    let size = |size: u32| with(one(), tag_at + 4, &size.to_le_bytes());
    let mips = {
        let mut image = mb2_elf32(&[]);
        put(&mut image, 0x60 + 4, &4u32.to_le_bytes());
        let sum = u32_at(&image, 0x60 + 12).wrapping_sub(4);
        with(image, 0x60 + 12, &sum.to_le_bytes())
    };
    let far = [vec![0; 32768 - 8], mb2_header(&[mb2_end()]), vec![0; 100]].concat();
    let rows = [
        ("checksum", with(one(), 0x60 + 12, &[0, 0]), "BOOT-E100"),
        ("magic at the last 8 of 32768 bytes", far, "BOOT-E101"),
        ("architecture MIPS", mips, "BOOT-E102"),
        ("tag size 0", size(0), "BOOT-E103"),
        ("tag size 7", size(7), "BOOT-E103"),
        ("tag past the header", size(0x100), "BOOT-E103"),
        ("tag size near 4 GiB", size(u32::MAX - 7), "BOOT-E103"),
        ("entry tag of 8 bytes", mb2_elf32(&[mb2_tag(3, false, &[])]), "BOOT-E103"),
        ("address tag of 20 bytes", mb2_elf32(&[mb2_tag(2, false, &[0; 3])]), "BOOT-E103"),
        ("no tag at all", header_only(&[]), "BOOT-E104"),
        ("no end tag", header_only(&[mb2_tag(6, false, &[])]), "BOOT-E104"),
        ("unknown required tag", mb2_elf32(&[mb2_tag(11, false, &[])]), "BOOT-E105"),
        ("unknown required information", mb2_elf32(&[mb2_tag(1, false, &[22])]), "BOOT-E106"),
        ("EFI system table required", mb2_elf32(&[mb2_tag(1, false, &[6, 12])]), "BOOT-E106"),
        ("EFI boot services required", mb2_elf32(&[mb2_tag(7, false, &[])]), "BOOT-E107"),
        ("graphics required", mb2_elf32(&[mb2_tag(5, false, &[0, 0, 32])]), "BOOT-E043"),
        ("console required, no screen", mb2_elf32(&[mb2_tag(4, false, &[3])]), "BOOT-E043"),
        (
            "address tag without entry",
            header_only(&[mb2_tag(2, false, &[0x10_0000, 0x10_0000, 0, 0]), mb2_end()]),
            "BOOT-E108",
        ),
        ("alignment 3", mb2_elf32(&[mb2_tag(10, false, &[0, u32::MAX, 3, 0])]), "BOOT-E109"),
        ("preference 3", mb2_elf32(&[mb2_tag(10, false, &[0, u32::MAX, 1, 3])]), "BOOT-E109"),
        ("empty window", mb2_elf32(&[mb2_tag(10, false, &[5, 5, 1, 0])]), "BOOT-E109"),
        (
            "window without RAM",
            mb2_elf32(&[mb2_tag(10, false, &[0x500_0000, 0x600_0000, 1, 0])]),
            "BOOT-E110",
        ),
        ("no file format", header_only(&[mb2_end()]), "BOOT-E046"),
        ("header_addr below the header", mb2_flat(|f| (f[0], f[1]) = (8, u32::MAX)), "BOOT-E044"),
        ("load_end below load", mb2_flat(|f| f[2] = f[1] - 1), "BOOT-E044"),
        ("bytes the file does not have", mb2_flat(|f| f[2] = u32::MAX), "BOOT-E045"),
        ("bss of 4 GiB", mb2_flat(|f| f[3] = u32::MAX), "BOOT-E021"),
        ("entry outside", mb2_elf32(&[mb2_tag(3, false, &[0x20_0000])]), "BOOT-E023"),
    ];
    for (case, image, code) in rows {
        let found = boot::plan(&Request {
            protocol: Some(Protocol::Multiboot2),
            ..Request::new(&image, 64 * MIB, &PLATFORM)
        });
        assert_eq!(found.err().map(|error| error.code()), Some(code), "{case}");
        code_of(&image); // whatever else it may look like, it is refused
    }
}

#[test]
fn a_required_video_mode_is_ignored_on_request() {
    let image = mb2_elf32(&[mb2_tag(5, false, &[1024, 768, 32])]);

    let request = Request::new(&image, 64 * MIB, &PLATFORM);

    assert!(boot::plan(&Request { ignore_video: true, ..request }).is_ok());
}
