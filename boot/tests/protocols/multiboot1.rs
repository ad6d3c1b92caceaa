//! Multiboot 1: Multiboot Specification 0.6.96, machine state and boot information.

use crate::requests::*;
use boot::{Blob, BootPlan, Content, Module, Protocol, Request};

fn info_of<'a>(plan: &'a BootPlan<'_>) -> &'a [u8] {
    assert_eq!(plan.protocol, Protocol::Multiboot1);
    placed(plan, "multiboot information")
}

#[test]
fn the_machine_state_is_the_specifications() {
    let image = multiboot_elf32(3);

    let plan = plan_alone(&image, 64).unwrap();

    let entry = &plan.entry;
    assert_eq!(entry.gprs[0], 0x2bad_b002);
    assert_eq!(entry.gprs[3], plan.placement("multiboot information").unwrap().addr.0);
    assert_eq!(entry.rip, ENTRY);
    assert_eq!(entry.cr0 & 0x8000_0001, 1);
    assert_eq!(entry.rflags & 0x2_0200, 0);
    assert!(entry.segments.iter().all(|s| s.base == 0 && s.limit == u32::MAX && s.big()));
}

#[test]
fn an_image_with_address_fields_is_loaded_from_the_computed_file_offset() {
    let image = multiboot_flat(|_| {});

    let plan = plan_alone(&image, 64).unwrap();

    let kernel = plan.placement("kernel segment 0").unwrap();
    assert_eq!((kernel.addr.0, kernel.len), (LINKED_AT, 0x300));
    assert_eq!(kernel.content, Content::Image { which: 0, offset: 0x20 });
    let bss = plan.placement("kernel segment 0 bss").unwrap();
    assert_eq!((bss.addr.0, bss.len), (LINKED_AT + 0x300, 0x500));
    assert_eq!(plan.entry.rip, LINKED_AT + 0x60);
}

#[test]
fn load_end_0_means_the_whole_file_and_bss_end_0_no_bss() {
    let image = multiboot_flat(|fields| (fields[2], fields[3]) = (0, 0));

    let plan = plan_alone(&image, 64).unwrap();

    assert_eq!(plan.placement("kernel segment 0").unwrap().len, 0x400 - 0x20);
    assert!(plan.placement("kernel segment 0 bss").is_none());
}

/// Flag bit 16: "the fields at offsets 12-28 are valid"; loaders then do not look at the ELF header.
#[test]
fn address_fields_win_over_an_elf_header() {
    let mut image = elf32(ENTRY as u32, &[load(0x20_0000, vec![0x90; 0x200])]);
    let fields = [0x10_0080, 0x10_0000, 0, 0, 0x10_0100];
    put(&mut image, 0x80, &multiboot_header(1 << 16, &fields));

    let plan = plan_alone(&image, 64).unwrap();

    assert_eq!(plan.entry.rip, 0x10_0100);
    assert_eq!(plan.placement("kernel segment 0").unwrap().addr.0, 0x10_0000);
}

#[test]
fn an_elf64_kernel_with_a_virtual_entry_starts_at_its_physical_address() {
    let mut data = multiboot_header(0, &[]);
    data.resize(0x200, 0x90);
    let high = 0xffff_ffff_8010_0000;
    let segment = Ph { vaddr: high, ..load(LINKED_AT, data) };
    let image = elf64(high + 0x40, &[segment]);

    assert_eq!(plan_alone(&image, 64).unwrap().entry.rip, LINKED_AT + 0x40);
}

/// Another loader takes first to last segment as one blob and clears what lies between.
#[test]
fn gaps_between_segments_are_left_alone() {
    let mut data = multiboot_header(0, &[]);
    data.resize(0x100, 0x90);
    let image = elf32(ENTRY as u32, &[load(0x8_0000, code()), load(LINKED_AT, data)]);

    let plan = plan_alone(&image, 64).unwrap();

    let kernel = plan.placements.iter().filter(|p| p.name.starts_with("kernel segment"));
    let bytes: u64 = kernel.map(|p| p.len).sum();
    assert_eq!(bytes, 0x300 + 0x200);
}

#[test]
fn information_has_memory_strings_and_map() {
    let mut image = Blob { name: "xen.gz".into(), bytes: multiboot_elf32(3) };
    image.name = "xen".into();
    let request = Request { cmdline: "com1=115200", ..Request::new(&image, 64 * MIB, &PLATFORM) };

    let plan = boot::plan(&request).unwrap();

    let info = info_of(&plan);
    assert_eq!(u32_at(info, 0), 0b10_0100_1101); // memory, cmdline, modules, map, loader name
    assert_eq!((u32_at(info, 4), u32_at(info, 8)), (639, 63 * 1024));
    let strings = placed(&plan, "command line and strings");
    let string = |at: usize| {
        let from = &strings[u32_at(info, at) as usize - 0x2_0000..];
        from.split(|&byte| byte == 0).next().unwrap()
    };
    assert_eq!(string(16), b"xen com1=115200", "the first word is the file's name");
    assert_eq!(string(64), b"bootscope");
    let map = placed(&plan, "multiboot memory map");
    assert_eq!(u32_at(info, 44) as usize, map.len());
    assert_eq!(u32_at(info, 48), 0x7000);
    assert_eq!(map.len(), 4 * 24);
    assert!(map.chunks(24).all(|row| u32_at(row, 0) == 20));
    assert_eq!((u64_at(map, 76), u64_at(map, 84), u32_at(map, 92)), (0x10_0000, 63 * MIB, 1));
}

#[test]
fn three_modules_lie_page_aligned_above_the_kernel_with_their_strings() {
    let image = multiboot_elf32(1);
    let files: Vec<Blob> = ["vmlinuz", "initrd", "policy"]
        .map(|name| Blob { name: name.into(), bytes: vec![name.len() as u8; 5000] })
        .into();
    let modules =
        files.iter().map(|file| Module { image: file, cmdline: "root=/dev/sda" }).collect();

    let plan =
        boot::plan(&Request { modules, ..Request::new(&image, 64 * MIB, &PLATFORM) }).unwrap();

    let info = info_of(&plan);
    assert_eq!((u32_at(info, 20), u32_at(info, 24)), (3, 0x6100));
    let list = placed(&plan, "multiboot module list");
    let strings = placed(&plan, "command line and strings");
    let mut last_end = LINKED_AT as u32 + 0x300;
    for (row, file) in list.chunks(16).zip(&files) {
        let (start, end, string) = (u32_at(row, 0), u32_at(row, 4), u32_at(row, 8));
        assert!(start >= last_end && start % 4096 == 0);
        assert_eq!(end, start + 5000);
        let expected = format!("{} root=/dev/sda\0", file.name);
        assert!(strings[string as usize - 0x2_0000..].starts_with(expected.as_bytes()));
        last_end = end;
    }
}

#[test]
fn symbol_tables_outside_the_segments_are_loaded_and_their_headers_say_where() {
    let mut image = multiboot_elf32(0);
    let symbols_at = image.len();
    image.extend([0xabu8; 0x60]);
    let table = image.len();
    let mut symtab = [0; 40];
    put(&mut symtab, 4, &2u32.to_le_bytes()); // SHT_SYMTAB
    put(&mut symtab, 16, &(symbols_at as u32).to_le_bytes());
    put(&mut symtab, 20, &0x60u32.to_le_bytes());
    image.extend([[0; 40], symtab].concat());
    put(&mut image, 32, &(table as u32).to_le_bytes());
    put(&mut image, 46, &[40, 0, 2, 0, 1, 0]); // e_shentsize, e_shnum, e_shstrndx

    let plan = plan_alone(&image, 64).unwrap();

    let info = info_of(&plan);
    assert_ne!(u32_at(info, 0) & 1 << 5, 0);
    assert_eq!([28, 32, 36, 40].map(|at| u32_at(info, at)), [2, 40, 0x9000, 1]);
    let headers = placed(&plan, "multiboot section headers");
    let symbols = plan.placement("kernel section 1").unwrap();
    assert_eq!(u64::from(u32_at(headers, 40 + 12)), symbols.addr.0);
    assert_eq!(symbols.content, Content::Image { which: 0, offset: symbols_at as u64 });
}

#[test]
fn a_kernel_with_both_headers_boots_by_pvh_and_by_multiboot_if_asked() {
    let mut data = multiboot_header(0, &[]);
    data.resize(0x200, 0x90);
    let image = elf64(ENTRY, &[load(LINKED_AT, data), notes(pvh_note(ENTRY), 4)]);

    assert_eq!(plan_alone(&image, 64).unwrap().protocol, Protocol::Pvh);
    assert_eq!(plan_as(&image, Protocol::Multiboot1).unwrap().protocol, Protocol::Multiboot1);
}

/// Real kernels link parts of themselves to low addresses.
#[test]
fn the_tables_move_out_of_the_way_of_a_kernel_linked_low() {
    let mut data = multiboot_header(0, &[]);
    data.resize(0x200, 0x90);
    let low = Ph { memsz: 0x2_8000, ..load(0x2000, vec![0xcc; 0x100]) };
    let image = elf32(ENTRY as u32, &[load(LINKED_AT, data), low]);

    let plan = plan_alone(&image, 64).unwrap();

    let info = plan.placement("multiboot information").unwrap().addr.0;
    assert_eq!((plan.entry.gprs[3], info), (info, info));
    assert!((0x1000..0x2000).contains(&info), "{info:#x}");
    let strings = plan.placement("command line and strings").unwrap().addr.0;
    let cmdline = u64::from(u32_at(info_of(&plan), 16));
    assert!(cmdline == strings && (0x2_a000..0x8_0000).contains(&strings), "{strings:#x}");
}

/// "framebuffer_addr" and those behind it; type 2 is EGA text.
#[test]
fn a_vga_adapter_is_told_as_a_text_framebuffer_and_satisfies_a_text_mode_request() {
    let words = [0, 0, 0, 0, 0, 1, 80, 25, 0]; // address fields unused, mode_type 1
    let mut data = multiboot_header(1 << 2, &words);
    data.resize(0x200, 0x90);
    let image = elf32(ENTRY as u32, &[load(LINKED_AT, data)]);
    let vga = boot::Platform { vga: true, ..PLATFORM.clone() };

    assert!(plan_alone(&image, 64).is_err(), "without an adapter");
    let plan = boot::plan(&Request::new(&image, 64 * MIB, &vga)).unwrap();

    let info = info_of(&plan);
    assert_ne!(u32_at(info, 0) & 1 << 12, 0);
    assert_eq!(u64_at(info, 88), 0xb_8000);
    assert_eq!([96, 100, 104].map(|at| u32_at(info, at)), [160, 80, 25]);
    assert_eq!((info[108], info[109]), (16, 2));
    let linear = with(image, 0x60 + 32, &[0]);
    assert!(boot::plan(&Request::new(&linear, 64 * MIB, &vga)).is_err(), "a graphics mode");
}
