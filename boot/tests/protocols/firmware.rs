//! What firmware is offered: QEMU `hw/i386/x86.c` (`x86_load_linux`, `load_elfboot`) and
//! `hw/i386/multiboot.c`; QEMU 7.2 with the same images shows the same items.

use crate::requests::*;
use boot::firmware::{self, FirmwareRequest, Items, Rom, way};
use boot::{BootError, BootPlan, Content, Module, Protocol, Request};

const ROM: Rom<'static> = Rom { name: "rom.bin", bytes: &[0x55, 0xaa, 1], boot_index: Some(0) };

fn plan<'a>(request: Request<'a>) -> Result<BootPlan<'a>, BootError> {
    let has_kernel = true;
    let kernel_rom = Some(ROM);
    let wanted =
        FirmwareRequest { request, has_kernel, kernel_rom, option_roms: Vec::new(), vga_rom: None };
    firmware::plan(&wanted)
}

fn items(plan: BootPlan<'_>) -> Items {
    plan.firmware.expect("a plan for firmware")
}

fn file<'a>(items: &'a Items, name: &str) -> &'a [u8] {
    &items.files.iter().find(|(found, _)| found == name).expect(name).1
}

#[test]
fn a_bzimage_is_offered_in_two_parts_with_the_loaders_fields_filled_in() {
    let (image, ramdisk) = (bzimage(), vec![7u8; 5000]);
    let modules = vec![Module { image: &ramdisk, cmdline: "" }];
    let request =
        Request { modules, cmdline: "quiet", ..Request::new(&image, 96 * MIB, &PLATFORM) };

    let items = items(plan(request).unwrap());

    let (setup, kernel) = (items.setup.as_ref().unwrap(), items.kernel.as_ref().unwrap());
    assert_eq!((setup.addr, kernel.addr), (0x1_0000, 0x10_0000));
    assert_eq!(
        [&setup.bytes[..0x1f1], &kernel.bytes].concat().len(),
        image.len() - (setup.bytes.len() - 0x1f1)
    );
    let initrd = items.initrd.as_ref().unwrap();
    assert_eq!(initrd.bytes, ramdisk);
    assert_eq!(initrd.addr % 4096, 0);
    assert!(u64::from(initrd.addr) + 5000 <= 96 * MIB - 0x2_8000, "room for the firmware's tables");
    assert_eq!(setup.bytes[0x210], 0xb0);
    assert_eq!(setup.bytes[0x211] & 0x80, 0x80);
    assert_eq!(u32_at(&setup.bytes, 0x218), initrd.addr);
    assert_eq!(u32_at(&setup.bytes, 0x21c), 5000);
    assert_eq!(u16_at(&setup.bytes, 0x224), 0xfe00);
    assert_eq!(u32_at(&setup.bytes, 0x228), 0x2_0000);
    assert_eq!(items.cmdline.as_ref().unwrap().bytes, b"quiet\0");
    assert_eq!(file(&items, "bootorder"), b"/rom@genroms/rom.bin\0");
    assert_eq!(file(&items, "genroms/rom.bin"), ROM.bytes);
}

#[test]
fn an_elf_kernel_is_in_ram_at_once_and_offered_by_its_entry_alone() {
    let image = pvh64();

    let plan = plan(Request::new(&image, 64 * MIB, &PLATFORM)).unwrap();

    let first = &plan.placements[0];
    assert_eq!(first.addr.0, LINKED_AT);
    assert!(matches!(first.content, Content::Image { which: 0, .. }));
    assert_eq!((plan.protocol, plan.entry.rip), (Protocol::Firmware, 0xfff0));
    let items = items(plan);
    assert_eq!(items.entry, Some(ENTRY as u32));
    assert_eq!(items.loaded.unwrap().0, LINKED_AT as u32);
    assert!(items.kernel.is_none() && items.initrd.is_none());
    assert_eq!(items.setup.unwrap().bytes, image[..image.len().min(8192)]);
}

#[test]
fn a_multiboot_kernel_and_its_modules_are_one_blob_with_addresses_into_it() {
    let (image, module) = (multiboot_elf32(0), b"a module".to_vec());
    let modules = vec![Module { image: &module, cmdline: "x=1" }];
    let request =
        Request { modules, cmdline: "quiet", ..Request::new(&image, 64 * MIB, &PLATFORM) };

    let items = items(plan(request).unwrap());

    let (blob, info) = (items.kernel.unwrap(), items.initrd.unwrap());
    let at = |addr: u32| (addr - blob.addr) as usize;
    let text = |addr: u32| {
        let bytes = &blob.bytes[at(addr)..];
        std::str::from_utf8(bytes.split(|&byte| byte == 0).next().unwrap()).unwrap().to_owned()
    };
    assert_eq!((info.addr, info.bytes.len()), (0x9500, 88));
    assert_eq!(text(u32_at(&info.bytes, 16)), "bytes in memory quiet");
    assert_eq!(u32_at(&info.bytes, 20), 1);
    let list = at(u32_at(&info.bytes, 24));
    let (start, end) = (u32_at(&blob.bytes, list), u32_at(&blob.bytes, list + 4));
    assert_eq!(start % 4096, 0);
    assert_eq!(&blob.bytes[at(start)..at(end)], b"a module");
    assert_eq!(text(u32_at(&blob.bytes, list + 8)), "bytes in memory x=1");
    assert_eq!(u32_at(&info.bytes, 48), 0x9000, "the option ROM puts the map there");
}

#[test]
fn each_kind_of_kernel_has_its_option_rom_and_an_impossible_wish_is_refused() {
    assert_eq!(way(&bzimage(), None).unwrap().option_rom, "linuxboot_dma.bin");
    assert_eq!(way(&pvh64(), None).unwrap().option_rom, "pvh.bin");
    assert_eq!(way(&multiboot_elf32(0), None).unwrap().option_rom, "multiboot_dma.bin");

    let refused = way(&bzimage(), Some(Protocol::Linux64));

    assert!(matches!(refused, Err(BootError::NotOffered { wanted: Protocol::Linux64, .. })));
    assert!(matches!(way(&vec![1u8; 100], None), Err(BootError::UnknownFormat { .. })));
}

/// The items' addresses have 32 bits, and a blob must not be as large as a guest's memory.
#[test]
fn a_segment_above_4_gib_is_refused_where_the_protocol_could_not_say_it() {
    let image =
        elf64(ENTRY, &[load(LINKED_AT, code()), load(5 << 30, code()), notes(pvh_note(ENTRY), 4)]);

    let refused = plan(Request::new(&image, 8 << 30, &PLATFORM)).err();

    assert!(matches!(refused, Some(BootError::SegmentOutsideRam { index: 1, .. })), "{refused:?}");
}

/// The fields are the image's, and whatever it says must not overflow.
#[test]
fn a_bzimage_that_wants_to_unpack_where_no_ram_is_is_refused() {
    for pref in [u64::MAX, u64::MAX - 1, 3 << 30] {
        let image = with(bzimage(), 0x258, &pref.to_le_bytes());

        let refused = plan(Request::new(&image, 96 * MIB, &PLATFORM)).err();

        assert!(matches!(refused, Some(BootError::KernelNeedsRam { .. })), "{pref:#x} {refused:?}");
    }
}

#[test]
fn two_roms_of_one_name_or_one_boot_index_are_refused() {
    let image = pvh64();
    let other = Rom { name: "other.bin", ..ROM };
    for rom in [Rom { boot_index: None, ..ROM }, other] {
        let wanted = FirmwareRequest {
            request: Request::new(&image, 64 * MIB, &PLATFORM),
            has_kernel: true,
            kernel_rom: Some(ROM),
            option_roms: vec![rom],
            vga_rom: None,
        };

        let refused = firmware::plan(&wanted).err();

        assert!(matches!(refused, Some(BootError::FirmwareFile { .. })), "{refused:?}");
    }
}

#[test]
fn a_ramdisk_that_leaves_no_room_for_the_firmwares_tables_is_refused() {
    let (image, ramdisk) = (pvh64(), vec![7u8; 63 << 20]);
    let modules = vec![Module { image: &ramdisk, cmdline: "" }];
    let request = Request { modules, ..Request::new(&image, 64 * MIB, &PLATFORM) };

    let refused = plan(request).err();

    // 64 MiB less 160 KiB of tables, less the first MiB and the kernel.
    assert!(matches!(refused, Some(BootError::ModuleDoesNotFit { .. })), "{refused:?}");
}

/// QEMU `hw/i386/e820_memory_layout.c`: 20 bytes a row. SeaBIOS takes them in their order, a later one on top.
#[test]
fn reserved_ranges_are_rows_behind_those_of_ram_and_kept_free() {
    let (image, ramdisk) = (bzimage(), vec![7u8; 5000]);
    let modules = vec![Module { image: &ramdisk, cmdline: "" }];
    let top = 64 * MIB;
    let request = |reserved| Request {
        modules: modules.clone(),
        reserved,
        ..Request::new(&image, 96 * MIB, &PLATFORM)
    };

    // The second one has its end where no RAM is.
    let planned = plan(request(vec![top..80 * MIB, 95 * MIB..1 << 40])).unwrap();

    let offered = items(planned);
    let rows: Vec<_> = file(&offered, "etc/e820")
        .chunks(20)
        .map(|row| (u64_at(row, 0), u64_at(row, 8), u32_at(row, 16)))
        .collect();
    assert_eq!(rows, [(0, 96 * MIB, 1), (top, 16 * MIB, 2), (95 * MIB, MIB, 2)]);
    let initrd = u64::from(offered.initrd.as_ref().unwrap().addr);
    assert!((80 * MIB..95 * MIB).contains(&initrd), "{initrd:#x}");
    let many = (0..17).map(|at| (at + 20) * MIB..(at + 20) * MIB + 1).collect();
    assert_eq!(plan(request(many)).err(), Some(BootError::MapTooLong { rows: 17, max: 16 }));
}
