//! The Linux 64-bit entry: Linux `Documentation/x86/boot.rst` and `zero-page.rst`.

use crate::requests::*;
use boot::{Content, Module, Protocol, Request};
use std::io::Write;

#[test]
fn the_64_bit_entry_state_is_that_of_boot_rst() {
    let image = bzimage();

    let plan = plan_alone(&image, 64).unwrap();

    assert_eq!(plan.protocol, Protocol::Linux64);
    let entry = &plan.entry;
    assert_eq!(entry.rip, 0x100_0000 + 0x200);
    assert_eq!(entry.gprs[6], plan.placement("boot_params").unwrap().addr.0); // RSI
    assert_eq!(entry.rflags & 0x200, 0, "interrupts are off");
    assert_eq!(entry.cr0 & 0x8000_0001, 0x8000_0001);
    assert_eq!((entry.cr4, entry.efer), (0x20, 0x500));
    let [es, cs, ss, ds, ..] = entry.segments;
    assert_eq!((cs.selector.0, cs.attributes), (0x10, 0xa09b));
    for data in [es, ss, ds] {
        assert_eq!((data.selector.0, data.attributes), (0x18, 0xc093));
    }
    let gdt = placed(&plan, "boot GDT");
    assert_eq!(u64_at(gdt, 0x10), 0x00af_9b00_0000_ffff);
    assert_eq!(u64_at(gdt, 0x18), 0x00cf_9300_0000_ffff);
}

/// SDM Vol. 3A, "4-Level Paging": the walk of an address must end at the address itself.
#[test]
fn the_page_tables_map_the_first_4_gib_to_themselves() {
    let image = bzimage();
    let plan = plan_alone(&image, 64).unwrap();
    let tables = placed(&plan, "entry page tables");
    let base = plan.placement("entry page tables").unwrap().addr.0;
    assert_eq!(base, plan.entry.cr3);
    let entry_at = |table: u64, index: u64| u64_at(tables, (table - base + 8 * index) as usize);

    for address in [0, 0x7000, 0x2_0000, 0x100_0200, 0x7fff_ffff, 0xc000_0000, 0xffff_ffff_u64] {
        let pml4e = entry_at(base, address >> 39);
        let pdpte = entry_at(pml4e & !0xfff, address >> 30 & 0x1ff);
        let pde = entry_at(pdpte & !0xfff, address >> 21 & 0x1ff);
        assert_eq!(pml4e & 0x83, 3);
        assert_eq!(pdpte & 0x83, 3);
        assert_eq!(pde & 0x83, 0x83, "present, writable, 2 MiB");
        assert_eq!(pde & !0x1f_ffff, address & !0x1f_ffff);
    }
    assert_eq!(entry_at(base, 1), 0, "nothing above 512 GiB");
}

#[test]
fn boot_params_hold_the_kernels_header_and_the_loaders_fields() {
    let (image, ramdisk) = (bzimage(), vec![3u8; 5000]);
    let modules = vec![Module { image: &ramdisk, cmdline: "" }];
    let request =
        Request { modules, cmdline: "quiet", ..Request::new(&image, 64 * MIB, &PLATFORM) };

    let plan = boot::plan(&request).unwrap();

    let page = placed(&plan, "boot_params");
    assert_eq!(page.len(), 4096);
    assert_eq!(page[0x1f1..0x1fa], image[0x1f1..0x1fa]);
    assert_eq!(page[0x1fe..0x210], image[0x1fe..0x210]);
    assert_eq!(page[0x22c..0x250], image[0x22c..0x250]);
    assert_eq!(page[0x258..0x26c], image[0x258..0x26c]);
    assert!(page[0x26c..0x2d0].iter().all(|&byte| byte == 0), "the header ends where it says");
    assert_eq!(page[0x1ef], 0, "sentinel");
    assert_eq!(page[0x210], 0xff);
    assert_eq!(u32_at(page, 0x214), 0x100_0000);
    let module = plan.placement("module 0").unwrap();
    assert_eq!((u64::from(u32_at(page, 0x218)), u32_at(page, 0x21c)), (module.addr.0, 5000));
    assert_eq!(u32_at(page, 0x228), 0x2_0000);
    assert_eq!(u64_at(page, 0x250), 0);
    assert_eq!(u64_at(page, 0x70), 0xe_0000);
    assert_eq!(page[0x1e8], 4);
    assert_eq!(u64_at(page, 0x2d0 + 60), 0x10_0000);
    assert_eq!(u64_at(page, 0x2d0 + 68), 63 * MIB);
    assert_eq!(u32_at(page, 0x2d0 + 76), 1);
    assert!(placed(&plan, "command line and strings").starts_with(b"quiet\0"));
}

#[test]
fn the_protected_mode_part_is_loaded_with_room_to_unpack() {
    let image = bzimage();

    let plan = plan_alone(&image, 64).unwrap();

    let kernel = plan.placement("kernel").unwrap();
    assert_eq!((kernel.addr.0, kernel.len), (0x100_0000, 0x1000));
    assert_eq!(kernel.content, Content::Image { which: 0, offset: 5 * 512 });
    let room = plan.placement("kernel, room to unpack").unwrap();
    assert_eq!(room.range(), 0x100_1000..0x180_0000);
}

/// boot.rst: "for backwards compatibility, if the setup_sects field contains 0, the real value is 4".
#[test]
fn setup_sects_0_means_4() {
    let image = with(bzimage(), 0x1f1, &[0]);

    let plan = plan_alone(&image, 64).unwrap();

    let kernel = plan.placement("kernel").unwrap();
    assert_eq!(kernel.content, Content::Image { which: 0, offset: 5 * 512 });
}

/// memtest86+ 6.10 and iPXE: syssize counts paragraphs of 16 bytes, the last one is not padded.
#[test]
fn a_protected_mode_part_that_ends_inside_its_last_paragraph_is_whole() {
    let mut image = bzimage();
    image.truncate(image.len() - 15);

    assert_eq!(plan_alone(&image, 64).unwrap().placement("kernel").unwrap().len, 0x1000 - 15);
}

/// iPXE: protocol 2.07, and text where 2.08 put payload_offset.
#[test]
fn fields_of_a_later_protocol_are_not_read() {
    let image = with(with(bzimage(), 0x206, &[7, 2]), 0x248, b"2.0.1 (C) iPXE");

    let inspection = boot::inspect(&image).unwrap();

    let names: Vec<_> = inspection.protocols.iter().map(|p| (p.name, p.code)).collect();
    let expected = [("linux64", "BOOT-E032"), ("linux32", "BOOT-E005"), ("linux16", "")];
    assert_eq!(names, expected);
}

/// `boot.rst`: such a kernel runs at its load address aligned up, and needs init_size from there.
#[test]
fn a_relocatable_kernel_is_loaded_where_its_alignment_lets_it_stay() {
    let odd = with(bzimage(), 0x258, &0x110_0000u64.to_le_bytes());
    let fixed = with(odd.clone(), 0x234, &[0]);
    let address = |image| plan_alone(image, 64).unwrap().placement("kernel").unwrap().addr.0;

    assert_eq!(address(&odd), 0x120_0000);
    assert_eq!(address(&fixed), 0x110_0000);
    let huge = with(odd, 0x230, &0x8000_0000u32.to_le_bytes());
    assert_eq!(plan_alone(&huge, 64).err().map(|error| error.code()), Some("BOOT-E071"));
}

/// The payload of `bzimage` with something packed in it, at its offset 0x800.
fn bzimage_around(kernel: &[u8]) -> Vec<u8> {
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packer.write_all(kernel).unwrap();
    let packed = packer.finish().unwrap();
    let image = with(bzimage(), 5 * 512 + 0x800, &packed);
    with(image, 0x24c, &(packed.len() as u32).to_le_bytes())
}

#[test]
fn inspection_of_a_bzimage_tells_whether_the_kernel_inside_speaks_pvh() {
    let protocols = |image: &Vec<u8>| {
        let rows = boot::inspect(image).unwrap().protocols;
        rows.iter().map(|p| (p.name, p.code, p.entry)).collect::<Vec<_>>()
    };

    let speaks = protocols(&bzimage_around(&pvh64()));
    let silent = protocols(&bzimage_around(&elf64(ENTRY, &[load(LINKED_AT, code())])));

    let by_32 = ("linux32", "", Some(0x100_0000));
    let by_64 = ("linux64", "", Some(0x100_0200));
    let by_16 = ("linux16", "", Some(0x1_0200));
    assert_eq!(speaks, [by_64, by_32, by_16, ("pvh", "", Some(ENTRY))]);
    assert_eq!(silent[..3], [by_64, by_32, by_16]);
    assert_eq!(silent.last(), Some(&("pvh", "BOOT-E029", None)));
}

#[test]
fn the_ramdisk_lies_as_high_as_ram_and_the_kernel_allow() {
    let ramdisk = vec![3u8; 5000];
    let address = |image: &Vec<u8>, mib: u64| {
        let modules = vec![Module { image: &ramdisk, cmdline: "" }];
        let plan = boot::plan(&Request { modules, ..Request::new(image, mib * MIB, &PLATFORM) });
        plan.unwrap().placement("module 0").unwrap().addr.0
    };
    assert_eq!(address(&bzimage(), 64), 64 * MIB - 0x2000);
    assert_eq!(address(&bzimage(), 8192), 0x8000_0000 - 0x2000, "initrd_addr_max");
    let reaches_4_gib = with(bzimage(), 0x22c, &[0xff; 4]);
    assert_eq!(address(&reaches_4_gib, 8192), 0xc000_0000 - 0x2000, "low RAM ends at 3 GiB");
    let low = with(bzimage(), 0x22c, &(0x100_0000u32 - 1).to_le_bytes());
    assert_eq!(address(&low, 64), 0x100_0000 - 0x2000);
}

/// 24 MiB hold the kernel exactly; the ramdisk then goes below it and never into init_size.
#[test]
fn the_ramdisk_never_overlaps_the_room_to_unpack() {
    let (image, ramdisk) = (bzimage(), vec![3u8; 5000]);
    let modules = vec![Module { image: &ramdisk, cmdline: "" }];

    let plan =
        boot::plan(&Request { modules, ..Request::new(&image, 24 * MIB, &PLATFORM) }).unwrap();

    assert_eq!(plan.placement("module 0").unwrap().range().end.next_multiple_of(4096), 0x100_0000);
}

#[test]
fn the_longest_command_line_is_the_kernels_own() {
    let image = bzimage();
    let accepts = |len: usize, image: &Vec<u8>| {
        let cmdline = "x".repeat(len);
        boot::plan(&Request { cmdline: &cmdline, ..Request::new(image, 64 * MIB, &PLATFORM) })
            .is_ok()
    };
    assert!(accepts(2047, &image) && !accepts(2048, &image));
    let short = with(bzimage(), 0x238, &255u32.to_le_bytes());
    assert!(accepts(255, &short) && !accepts(256, &short));
}

#[test]
fn bytes_appended_beyond_the_kernels_room_are_not_loaded() {
    let mut image = bzimage();
    image.resize(image.len() + (16 << 20), 0xee);

    let plan = plan_alone(&image, 64).unwrap();

    assert_eq!(plan.placement("kernel").unwrap().len, 0x80_0000);
}

#[test]
fn a_vga_platform_gets_a_text_screen_in_screen_info() {
    let image = bzimage();
    let platform = boot::Platform { vga: true, ..PLATFORM.clone() };

    let plan = boot::plan(&Request::new(&image, 64 * MIB, &platform)).unwrap();

    let page = placed(&plan, "boot_params");
    assert_eq!((page[6], page[7], page[0xe], page[0xf]), (3, 80, 25, 1));
    assert_eq!(u16_at(page, 0x10), 16);
}
