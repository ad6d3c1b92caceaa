//! Linux by its other ways: 32-bit entry, setup code, vmlinux, and above 4 GiB. Linux
//! `Documentation/x86/boot.rst` and `zero-page.rst`.

use crate::requests::*;
use boot::{BootError, Content, Image, Module, Protocol, ReadError, Request};

const GIB: u64 = 1 << 30;

/// boot.rst, "32-bit Boot Protocol": selectors 0x10 and 0x18, ESI, and zero in EBP, EDI, EBX.
#[test]
fn the_32_bit_entry_state_is_that_of_boot_rst() {
    let image = bzimage32();

    let plan = plan_alone(&image, 64).unwrap();

    assert_eq!(plan.protocol, Protocol::Linux32);
    let entry = &plan.entry;
    assert_eq!(entry.rip, 0x100_0000, "the start of the protected-mode part");
    assert_eq!(entry.gprs[6], plan.placement("boot_params").unwrap().addr.0); // ESI
    assert_eq!((entry.gprs[5], entry.gprs[7], entry.gprs[3]), (0, 0, 0));
    assert_eq!(
        (entry.cr0 & 0x8000_0001, entry.cr4, entry.efer, entry.rflags & 0x200),
        (1, 0, 0, 0)
    );
    let [es, cs, ss, ds, ..] = entry.segments;
    assert_eq!((cs.selector.0, cs.attributes, cs.limit), (0x10, 0xc09b, u32::MAX));
    for data in [es, ss, ds] {
        assert_eq!((data.selector.0, data.attributes), (0x18, 0xc093));
    }
    let gdt = placed(&plan, "boot GDT");
    assert_eq!(u64_at(gdt, 0x10), 0x00cf_9b00_0000_ffff);
    assert_eq!(u64_at(gdt, 0x18), 0x00cf_9300_0000_ffff);
    assert!(plan.placement("entry page tables").is_none());
}

#[test]
fn a_64_bit_kernel_boots_by_its_32_bit_entry_if_asked() {
    let plan_image = bzimage();

    let plan = plan_as(&plan_image, Protocol::Linux32).unwrap();

    assert_eq!(plan.entry.rip, 0x100_0000);
    assert_eq!(u32_at(placed(&plan, "boot_params"), 0x214), 0x100_0000);
}

/// memtest86+ 6.10: protocol 2.12, not relocatable, 1 MiB, command line of 255.
#[test]
fn a_kernel_that_cannot_be_moved_stays_or_is_refused() {
    let image = with(bzimage(), 0x206, &[0x0c, 2]);
    let image = with(with(image, 0x234, &[0]), 0x258, &0x10_0000u64.to_le_bytes());
    let image = with(with(image, 0x260, &0x6_acf8u32.to_le_bytes()), 0x230, &[0, 0x10, 0, 0]);
    let image = with(image, 0x238, &255u32.to_le_bytes());
    let ramdisk = vec![1u8; 3 << 20];

    for protocol in [Protocol::Linux64, Protocol::Linux32] {
        let plan = plan_as(&image, protocol).unwrap();
        assert_eq!(plan.placement("kernel").unwrap().addr.0, 0x10_0000);
        let room = plan.placement("kernel, room to unpack").unwrap();
        assert_eq!(room.range(), 0x10_1000..0x16_acf8);
    }
    let reserved = core::iter::once(0x10_0000..0x11_0000).collect();
    let request = Request { reserved, ..Request::new(&image, 64 * MIB, &PLATFORM) };
    assert_eq!(boot::plan(&request).err().map(|e| e.code()), Some("BOOT-E073"));
    let modules = vec![Module { image: &ramdisk, cmdline: "" }];
    let request = Request { modules, ..Request::new(&image, 5 * MIB, &PLATFORM) };
    assert_eq!(boot::plan(&request).unwrap().placement("module 0").unwrap().addr.0, 2 * MIB);
}

/// boot.rst, "The Real-Mode Kernel Header", fields marked "write" and "modify".
#[test]
fn setup_code_lies_at_64_kib_with_its_heap_and_the_command_line_above() {
    let (image, ramdisk) = (bzimage(), vec![3u8; 5000]);
    let modules = vec![Module { image: &ramdisk, cmdline: "" }];
    let request = Request {
        modules,
        cmdline: "quiet vga=ask",
        protocol: Some(Protocol::Linux16),
        bios_services: true,
        ..Request::new(&image, 64 * MIB, &PLATFORM)
    };

    let plan = boot::plan(&request).unwrap();

    assert!(plan.needs_bios());
    assert_eq!(plan.placement("setup code").unwrap().addr.0, 0x1_0000);
    let setup = placed(&plan, "setup code");
    assert_eq!((setup.len(), &setup[..0x1f1]), (5 * 512, &image[..0x1f1]));
    assert_eq!(setup[0x270..], image[0x270..5 * 512]);
    assert_eq!((setup[0x210], setup[0x211]), (0xff, 0x81), "loader, CAN_USE_HEAP");
    assert_eq!(u16_at(setup, 0x224), 0xfe00, "heap_end_ptr");
    assert_eq!((u32_at(setup, 0x228), u16_at(setup, 0x1fa)), (0x2_0000, 0xfffd));
    let module = plan.placement("module 0").unwrap();
    assert_eq!((u64::from(u32_at(setup, 0x218)), u32_at(setup, 0x21c)), (module.addr.0, 5000));
    assert!(placed(&plan, "command line and strings").starts_with(b"quiet vga=ask\0"));
    let kernel = plan.placement("kernel").unwrap();
    assert_eq!(kernel.addr.0, 0x10_0000);
    assert_eq!(kernel.content, Content::Image { which: 0, offset: 5 * 512 });
    let room = plan.placement("kernel, room to unpack").unwrap();
    assert_eq!(room.range(), 0x100_0000..0x180_0000, "where it unpacks to");
}

/// boot.rst, "Running the Kernel": CS is 0x20 above the other segments, which are the setup code's.
#[test]
fn the_16_bit_entry_state_is_that_of_boot_rst() {
    let image = bzimage();
    let plan = plan_with_bios(&image, Some(Protocol::Linux16)).unwrap();

    let entry = &plan.entry;
    assert_eq!((entry.cr0 & 1, entry.rflags & 0x200, entry.efer), (0, 0, 0));
    let [es, cs, ss, ds, fs, gs] = entry.segments;
    assert_eq!((cs.selector.0, cs.base, entry.rip), (0x1020, 0x1_0200, 0));
    for data in [es, ss, ds, fs, gs] {
        assert_eq!((data.selector.0, data.base, data.limit), (0x1000, 0x1_0000, 0xffff));
    }
    assert_eq!((entry.gprs[4], entry.idtr.base, entry.idtr.limit), (0xfff0, 0, 0x3ff));
}

/// boot.rst, "The Kernel Command Line": before 2.02 a magic and an offset at 0x20.
#[test]
fn a_kernel_before_2_02_finds_its_command_line_by_an_offset() {
    for (version, flags) in [(0x200, 0x01), (0x201, 0x81)] {
        let image = bzimage_of(version);
        let request = Request {
            cmdline: "root=/dev/hda1",
            bios_services: true,
            ..Request::new(&image, 64 * MIB, &PLATFORM)
        };

        let plan = boot::plan(&request).unwrap();

        let place = plan.placement("setup code").unwrap().addr.0;
        assert_eq!((plan.protocol, place), (Protocol::Linux16, 0x9_0000));
        let setup = placed(&plan, "setup code");
        assert_eq!(u16_at(setup, 0x20), 0xa33f);
        let line = plan.placement("command line and strings").unwrap();
        assert_eq!(u64::from(u16_at(setup, 0x22)), line.addr.0 - 0x9_0000);
        assert!(line.range().end <= 0x9_a000);
        assert_eq!(placed(&plan, "command line and strings"), b"root=/dev/hda1\0");
        assert_eq!((setup[0x211], u32_at(setup, 0x228)), (flags, 0xeeee_eeee));
        assert_eq!(plan.entry.segments[1].selector.0, 0x9020);
        assert_eq!(plan.placement("kernel").unwrap().addr.0, 0x10_0000);
    }
}

/// boot.rst, "Memory Layout" and "Loading The Rest of The Kernel": without LOADED_HIGH at 0x10000, which makes
/// it "pretty much a requirement" to have the real-mode part at 0x90000.
#[test]
fn a_zimage_lies_at_64_kib_below_its_setup_code() {
    let zimage = |version| {
        let image = with(bzimage_of(version), 0x211, &[0]);
        with(image, 0x214, &0x1000u32.to_le_bytes())
    };
    let plan = |image: &Vec<u8>, cmdline: &str| {
        let request = Request {
            cmdline,
            protocol: Some(Protocol::Linux16),
            bios_services: true,
            ..Request::new(image, 64 * MIB, &PLATFORM)
        };
        boot::plan(&request).map(|plan| {
            let place = |name: &str| plan.placement(name).unwrap().range();
            let setup = placed(&plan, "setup code");
            let pointers = (u16_at(setup, 0x20), u16_at(setup, 0x22), u32_at(setup, 0x228));
            (
                place("setup code").start,
                place("kernel"),
                place("command line and strings"),
                pointers,
            )
        })
    };
    for version in [0x200, 0x201, 0x202, 0x205, 0x20f] {
        let image = zimage(version);
        let (setup, kernel, line, (magic, offset, pointer)) = plan(&image, "quiet").unwrap();
        assert_eq!((setup, kernel), (0x9_0000, 0x1_0000..0x1_1000), "{version:#x}");
        assert!(line.start > setup && line.end <= 0x9_a000, "{line:x?}");
        if version < 0x202 {
            assert_eq!((magic, u64::from(offset)), (0xa33f, line.start - setup), "{version:#x}");
        } else {
            assert_eq!(u64::from(pointer), line.start, "{version:#x}");
        }
        assert!(plan(&image, &"x".repeat(255)).is_ok());
        assert_eq!(plan(&image, &"x".repeat(256)).err().map(|e| e.code()), Some("BOOT-E060"));
        let auto = plan_with_bios(&image, None);
        let expected = if version < 0x20c { Ok(Protocol::Linux16) } else { Err("BOOT-E036") };
        assert_eq!(auto.map(|plan| plan.protocol).map_err(|e| e.code()), expected);
    }
    let mut image = zimage(0x201);
    image.resize(5 * 512 + 0x8_0000, 0x90);
    assert_eq!(plan(&image, "quiet").unwrap().1, 0x1_0000..0x9_0000);
    image.push(0x90);
    assert_eq!(plan(&image, "quiet").err().map(|e| e.code()), Some("BOOT-E094"));
}

/// boot.rst names the protocol that brought each limit: initrd_addr_max 2.03, cmdline_size 2.06.
#[test]
fn old_kernels_have_the_limits_that_boot_rst_implies() {
    let ramdisk = vec![3u8; 5000];
    for version in [0x202, 0x203, 0x205, 0x206, 0x207] {
        let image = bzimage_of(version);
        let plan = |len: usize, mib: u64| {
            let (cmdline, modules) =
                ("x".repeat(len), vec![Module { image: &ramdisk, cmdline: "" }]);
            let request = Request {
                cmdline: &cmdline,
                modules,
                bios_services: true,
                ..Request::new(&image, mib * MIB, &PLATFORM)
            };
            boot::plan(&request).map(|plan| plan.placement("module 0").unwrap().addr.0)
        };
        let limit = if version >= 0x206 { 2047 } else { 255 };
        assert!(plan(limit, 64).is_ok() && plan(limit + 1, 64).is_err(), "{version:#x}");
        let end = if version >= 0x203 { 0x8000_0000 } else { 0x3800_0000 };
        assert_eq!(plan(0, 4096).unwrap(), end - 0x2000, "{version:#x}");
    }
}

#[test]
fn setup_code_without_room_for_its_stack_is_refused() {
    let mut image = with(bzimage(), 0x1f1, &[126]);
    put(&mut image, 0x248, &[0; 8]);
    image.resize(128 * 512 + 0x2000, 0x90);

    let refused = plan_with_bios(&image, Some(Protocol::Linux16));

    assert_eq!(refused.err().map(|e| e.code()), Some("BOOT-E092"));
}

#[test]
fn a_boot_sector_starts_in_real_mode_at_7c00_with_the_disk_in_dl() {
    let disk = boot_disk();

    let plan = plan_with_bios(&disk, None).unwrap();

    assert!(plan.needs_bios());
    let sector = plan.placement("boot sector").unwrap();
    assert_eq!((sector.addr.0, sector.len), (0x7c00, 512));
    let entry = &plan.entry;
    assert_eq!((entry.rip, entry.gprs[2], entry.cr0 & 1), (0x7c00, 0x80, 0));
    assert!(entry.segments.iter().all(|s| s.base == 0 && s.limit == 0xffff));
    let unsigned = with(disk.clone(), 510, &[0]);
    let refused = plan_with_bios(&unsigned, Some(Protocol::BootSector));
    assert_eq!(refused.err().map(|e| e.code()), Some("BOOT-E093"));
    let short = plan_with_bios(&vec![0x55; 100], Some(Protocol::BootSector)).err();
    assert_eq!(short.map(|e| e.code()), Some("BOOT-E010"));
    let request =
        Request { cmdline: "x", bios_services: true, ..Request::new(&disk, 64 * MIB, &PLATFORM) };
    assert_eq!(boot::plan(&request).err().map(|e| e.code()), Some("BOOT-E060"));
}

/// A decompressor enters the vmlinux inside it like this; there is no header to copy.
#[test]
fn a_vmlinux_without_a_pvh_note_is_entered_like_its_own_decompressor_does() {
    let (image, ramdisk) = (vmlinux64(), vec![3u8; 5000]);
    let modules = vec![Module { image: &ramdisk, cmdline: "" }];

    let plan =
        boot::plan(&Request { modules, ..Request::new(&image, 64 * MIB, &PLATFORM) }).unwrap();

    assert_eq!((plan.protocol, plan.entry.rip, plan.entry.efer), (Protocol::Linux64, ENTRY, 0x500));
    let page = placed(&plan, "boot_params");
    assert_eq!((u16_at(page, 0x1fe), &page[0x202..0x206]), (0xaa55, &b"HdrS"[..]));
    assert_eq!((u16_at(page, 0x206), page[0x210]), (0x20f, 0xff));
    assert_eq!(u32_at(page, 0x21c), 5000);
    assert_eq!(plan.placement("kernel segment 0").unwrap().addr.0, LINKED_AT);
}

#[test]
fn an_elf32_vmlinux_is_entered_by_the_32_bit_way() {
    let salt = note(b"Linux\0", 0x100, b"6.1.0\0", 4);
    let image = elf32(ENTRY as u32, &[load(LINKED_AT, code()), notes(salt, 4)]);

    let plan = plan_alone(&image, 64).unwrap();

    assert_eq!((plan.protocol, plan.entry.rip), (Protocol::Linux32, ENTRY));
    assert_eq!(plan.entry.gprs[6], 0x7000);
}

#[test]
fn any_elf64_file_is_entered_by_the_64_bit_way_if_asked_and_not_by_itself() {
    let image = elf64(ENTRY, &[load(LINKED_AT, code())]);

    assert_eq!(plan_alone(&image, 64).err().map(|e| e.code()), Some("BOOT-E029"));
    assert_eq!(plan_as(&image, Protocol::Linux64).unwrap().entry.rip, ENTRY);
}

/// A ramdisk that has a length and no bytes; planning reads none.
struct Huge(u64);

impl Image for Huge {
    fn name(&self) -> &str {
        "huge"
    }
    fn len(&self) -> u64 {
        self.0
    }
    fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<(), ReadError> {
        Err(ReadError::past_end(self, offset, buf.len() as u64))
    }
}

fn with_huge(kernel: &Vec<u8>, len: u64, ram: u64) -> Result<(u64, Vec<u8>), BootError> {
    let ramdisk = Huge(len);
    let modules = vec![Module { image: &ramdisk, cmdline: "" }];
    let plan = boot::plan(&Request { modules, ..Request::new(kernel, ram, &PLATFORM) })?;
    let page = placed(&plan, "boot_params").to_vec();
    Ok((plan.placement("module 0").unwrap().addr.0, page))
}

/// zero-page.rst: ext_ramdisk_image 0x0c0, ext_ramdisk_size 0x0c4.
#[test]
fn a_ramdisk_without_room_below_goes_above_4_gib_if_the_kernel_reaches_there() {
    let image = bzimage();

    let (addr, page) = with_huge(&image, 5 * GIB, 10 * GIB).unwrap();

    assert_eq!(addr, 11 * GIB - 5 * GIB);
    assert_eq!((u32_at(&page, 0x218), u32_at(&page, 0xc0)), (0x8000_0000, 1));
    assert_eq!((u32_at(&page, 0x21c), u32_at(&page, 0xc4)), (0x4000_0000, 1));
    let only_below = with(bzimage(), 0x236, &[1]);
    let refused = with_huge(&only_below, 5 * GIB, 10 * GIB).unwrap_err();
    assert_eq!(refused.code(), "BOOT-E052");
    assert_eq!(with_huge(&bzimage32(), 5 * GIB, 10 * GIB).unwrap_err().code(), "BOOT-E052");
}

/// xloadflags bit 1; the page tables must map all of init_size from there.
#[test]
fn a_kernel_without_room_below_goes_above_4_gib_and_is_mapped_there() {
    let init_size = 0xbf00_0000u32; // with pref_address 16 MiB it just does not fit below 3 GiB
    let image = with(bzimage(), 0x260, &(init_size + 0x20_0000).to_le_bytes());

    let plan = boot::plan(&Request::new(&image, 10 * GIB, &PLATFORM)).unwrap();

    let load = plan.placement("kernel").unwrap().addr.0;
    assert_eq!((load, plan.entry.rip), (4 * GIB, 4 * GIB + 0x200));
    let tables = [placed(&plan, "entry page tables"), placed(&plan, "entry page tables, high")];
    let at = |addr: u64| match addr {
        0x9000..0x1_0000 => u64_at(tables[0], addr as usize - 0x9000),
        _ => u64_at(tables[1], addr as usize - 0x1_0000),
    };
    for address in [0, 3 * GIB, load, load + 0x200, load + u64::from(init_size) + 0x1f_ffff] {
        let pdpte = at((at(0x9000) & !0xfff) + 8 * (address >> 30));
        let pde = at((pdpte & !0xfff) + 8 * (address >> 21 & 0x1ff));
        assert_eq!((pdpte & 0x83, pde & 0x83), (3, 0x83), "{address:#x}");
        assert_eq!(pde & !0x1f_ffff, address & !0x1f_ffff);
    }
    let only_below = with(image.clone(), 0x236, &[1]);
    let refused = boot::plan(&Request::new(&only_below, 10 * GIB, &PLATFORM)).err();
    assert_eq!(refused.map(|e| e.code()), Some("BOOT-E071"));
    let little = boot::plan(&Request::new(&image, 3 * GIB, &PLATFORM)).err();
    assert_eq!(little.map(|e| e.code()), Some("BOOT-E071"));
}

/// A second segment far above the first: init_size has no room for the distance, the page tables have.
#[test]
fn a_vmlinux_that_spans_more_than_4_gib_is_mapped_whole_or_refused() {
    let salt = note(b"Linux\0", 0x100, b"6.1.0\0", 4);
    let segments = [load(LINKED_AT, code()), load(5 * GIB, code()), notes(salt, 4)];
    let image = elf64(ENTRY, &segments);

    let plan = boot::plan(&Request::new(&image, 8 * GIB, &PLATFORM)).unwrap();

    let tables = [placed(&plan, "entry page tables"), placed(&plan, "entry page tables, high")];
    let pdpte = u64_at(tables[0], 0x1000 + 8 * 5);
    assert_eq!(pdpte & 3, 3);
    let directory = (pdpte & !0xfff) as usize - 0x1_0000;
    assert_eq!(u64_at(tables[1], directory) & !0xfff, 5 * GIB);
    assert_eq!(plan_alone(&image, 64).err().map(|e| e.code()), Some("BOOT-E021"));
}

/// boot.rst, "syssize": before 2.04 two bytes, not to be trusted for a kernel that is loaded high.
#[test]
fn the_size_of_an_old_kernel_is_that_of_its_file() {
    for (version, code) in [(0x203, None), (0x204, Some("BOOT-E034"))] {
        let mut image = with(bzimage_of(version), 0x1f4, &[0, 0, 0x34, 0x12]);
        image.resize(5 * 512 + 0x11_2340, 0x90);
        let request = Request { bios_services: true, ..Request::new(&image, 64 * MIB, &PLATFORM) };

        let plan = boot::plan(&request);

        let loaded = plan.as_ref().map(|plan| {
            let range = plan.placement("kernel").unwrap().range();
            range.end - range.start
        });
        assert_eq!(loaded.as_ref().err().map(|e| e.code()), code, "{version:#x}");
        assert!(code.is_some() || loaded.is_ok_and(|len| len == 0x11_2340));
    }
}

/// zero-page.rst: e820_table holds 128; boot.rst: SETUP_E820_EXT carries the rest.
#[test]
fn a_long_memory_map_goes_on_in_setup_data() {
    let image = bzimage();
    let holes = |count: u64| (0..count).map(|i| 0x200_0000 + i * 0x2000..0x200_1000 + i * 0x2000);
    let plan = |count| {
        let reserved = holes(count).collect();
        boot::plan(&Request { reserved, ..Request::new(&image, 64 * MIB, &PLATFORM) })
    };

    let plan_100 = plan(100).unwrap();

    assert_eq!(plan_100.e820.len(), 4 + 2 * 100);
    let page = placed(&plan_100, "boot_params");
    assert_eq!(page[0x1e8], 128);
    let data = plan_100.placement("setup_data (memory map)").unwrap();
    assert_eq!(u64_at(page, 0x250), data.addr.0);
    let data = placed(&plan_100, "setup_data (memory map)");
    assert_eq!((u64_at(data, 0), u32_at(data, 8)), (0, 1), "next, SETUP_E820_EXT");
    assert_eq!(u32_at(data, 12), (204 - 128) * 20);
    let (row, region) = (&data[16..36], plan_100.e820[128]);
    assert_eq!(
        (u64_at(row, 0), u64_at(row, 8), u32_at(row, 16)),
        (region.addr, region.len, region.kind as u32)
    );
    let few = plan(62).unwrap();
    assert_eq!(u64_at(placed(&few, "boot_params"), 0x250), 0, "128 rows fit");
    assert_eq!(plan(1000).err().map(|e| e.code()), Some("BOOT-E074"));
}

/// enlighten.c copies the PVH map into a table of 128 without looking.
#[test]
fn a_memory_map_too_long_for_pvh_is_refused() {
    let image = pvh64();
    let reserved = (0..62u64).map(|i| 0x200_0000 + i * 0x2000..0x200_1000 + i * 0x2000).collect();

    let request = Request { reserved, ..Request::new(&image, 64 * MIB, &PLATFORM) };

    assert_eq!(boot::plan(&request).err().map(|e| e.code()), Some("BOOT-E074"));
}

/// El Torito 1.0, sections 2 and 3.
#[test]
fn a_cd_rom_starts_in_real_mode_with_its_drive_in_dl() {
    let image = boot_disc();
    let plan = plan_with_bios(&image, None).unwrap();
    assert_eq!((plan.protocol, plan.needs_bios()), (Protocol::ElTorito, true));
    let (entry, place) = (&plan.entry, plan.placement("boot image").unwrap());
    assert_eq!((place.range(), entry.rip), (0x7c00..0x8400, 0x7c00));
    assert_eq!(place.content, Content::Image { which: 0, offset: 20 * 2048 });
    assert_eq!((entry.segments[1].selector.0, entry.gprs[2]), (0, 0xe0));
    let as_disk = plan_with_bios(&image, Some(Protocol::BootSector)).unwrap();
    assert_eq!(as_disk.entry.gprs[2], 0x80);

    let elsewhere = with(image, 19 * 2048 + 34, &0x2123u16.to_le_bytes());
    let plan = plan_with_bios(&elsewhere, None).unwrap();
    assert_eq!((plan.entry.segments[1].selector.0, plan.entry.rip), (0x2000, 0x1230));
    assert_eq!(plan.placement("boot image").unwrap().addr.0, 0x2_1230);
}

#[test]
fn a_cd_rom_whose_catalog_leads_nowhere_is_refused() {
    const CATALOG: usize = 19 * 2048;
    let refused = |at, bytes: &[u8]| {
        let image = with(boot_disc(), at, bytes);
        plan_with_bios(&image, Some(Protocol::ElTorito)).err().map(|error| error.code())
    };
    for (at, bytes, code) in [
        (17 * 2048 + 7, &b"EL CAMINO"[..], "BOOT-E095"),
        (17 * 2048 + 0x47, &[0xff; 4], "BOOT-E010"),
        (CATALOG, &[2], "BOOT-E095"),
        (CATALOG + 1, &[0xef], "BOOT-E095"),
        (CATALOG + 28, &[0xaa, 0x56], "BOOT-E095"),
        (CATALOG + 28, &[0xab, 0x56, 0x54], "BOOT-E095"),
        (CATALOG + 32, &[0], "BOOT-E095"),
        (CATALOG + 33, &[2], "BOOT-E095"),
        (CATALOG + 34, &0xa000u16.to_le_bytes(), "BOOT-E073"),
        (CATALOG + 34, &0x0040u16.to_le_bytes(), "BOOT-E072"),
        (CATALOG + 38, &[0, 0], "BOOT-E095"),
        (CATALOG + 38, &[0xff, 0xff], "BOOT-E010"),
        (CATALOG + 40, &[0xff; 4], "BOOT-E010"),
    ] {
        assert_eq!(refused(at, bytes), Some(code), "{at:#x}");
    }
}
