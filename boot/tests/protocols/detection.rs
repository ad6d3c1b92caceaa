//! Which protocol an image boots by when nobody says, and what `inspect` and the explanation tell.

use crate::requests::*;
use boot::{Protocol, Request};

/// The offers by `inspect`: name and code, best first.
fn offers(image: &Vec<u8>) -> Vec<(&'static str, &'static str)> {
    let rows = boot::inspect(image).unwrap().protocols;
    let own = rows.iter().filter(|p| !p.reason.contains("payload")); // not what is packed inside
    own.map(|p| (p.name, p.code)).collect()
}

/// An ELF64 kernel that speaks everything an ELF file can.
fn everything() -> Vec<u8> {
    let mut data = mb2_header(&[mb2_end()]);
    data.extend(multiboot_header(0, &[]));
    data.resize(0x200, 0x90);
    let words = [pvh_note(ENTRY), note(b"Linux\0", 0x100, b"6.1\0", 4)].concat();
    elf64(ENTRY, &[load(LINKED_AT, data), notes(words, 4)])
}

#[test]
fn pvh_goes_before_multiboot_2_before_multiboot_1_before_a_plain_vmlinux() {
    let image = everything();
    let order = ["pvh", "multiboot2", "multiboot1", "linux64"].map(|name| (name, ""));
    assert_eq!(offers(&image), order);
    assert_eq!(plan_alone(&image, 64).unwrap().protocol, Protocol::Pvh);

    let no_note = with(image.clone(), ph64(1), &[0]);
    assert_eq!(plan_alone(&no_note, 64).unwrap().protocol, Protocol::Multiboot2);
    let magic_at = ph64(2).next_multiple_of(16);
    let no_mb2 = with(no_note, magic_at, &[0]);
    assert_eq!(plan_alone(&no_mb2, 64).unwrap().protocol, Protocol::Multiboot1);

    assert_eq!(plan_alone(&vmlinux64(), 64).unwrap().protocol, Protocol::Linux64);
}

#[test]
fn a_bzimage_goes_before_all_others_and_by_its_widest_entry() {
    let order = [("linux64", ""), ("linux32", ""), ("linux16", "")];
    assert_eq!(offers(&bzimage())[..3], order);
    let order = [("linux64", "BOOT-E035"), ("linux32", ""), ("linux16", "")];
    assert_eq!(offers(&bzimage32())[..3], order);
    assert_eq!(plan_alone(&bzimage32(), 64).unwrap().protocol, Protocol::Linux32);
}

#[test]
fn an_old_bzimage_boots_by_its_setup_code_where_there_is_a_bios() {
    for version in [0x200, 0x201, 0x202, 0x204, 0x207] {
        let image = bzimage_of(version);

        assert_eq!(plan_without_bios(&image).err().map(|e| e.code()), Some("BOOT-E006"));
        assert_eq!(plan_with_bios(&image, None).unwrap().protocol, Protocol::Linux16);
    }
}

#[test]
fn a_boot_sector_is_the_last_resort_and_wants_a_bios() {
    let disk = boot_disk();

    assert_eq!(plan_without_bios(&disk).err().map(|e| e.code()), Some("BOOT-E006"));
    assert_eq!(plan_with_bios(&disk, None).unwrap().protocol, Protocol::BootSector);
    let mut kernel = multiboot_flat(|_| {});
    put(&mut kernel, 510, &[0x55, 0xaa]);
    assert_eq!(plan_with_bios(&kernel, None).unwrap().protocol, Protocol::Multiboot1);
    assert_eq!(offers(&kernel), [("multiboot1", ""), ("bootsector", "")]);
}

#[test]
fn the_explanation_names_the_choice_the_rest_and_every_placement() {
    let image = everything();
    let plan = plan_alone(&image, 64).unwrap();

    let text = plan.explanation.join("\n");

    for words in [
        "protocol pvh: ELF with a PVH note, entry 0x100010",
        "also offers multiboot2: multiboot 2 header at offset",
        "also offers multiboot1: multiboot header at offset",
        "also offers linux64: ELF with notes of Linux, 64-bit entry",
    ] {
        assert!(text.contains(words), "{words:?} is missing in\n{text}");
    }
    for placement in &plan.placements {
        assert!(text.contains(&placement.name), "{}", placement.name);
    }
}

#[test]
fn inspection_shows_every_tag_of_a_multiboot_2_header_and_what_the_kernel_needs() {
    let tags = [mb2_tag(1, false, &[4, 6]), mb2_tag(77, true, &[1])];
    let image = mb2_elf32(&tags);

    let inspection = boot::inspect(&image).unwrap();

    let names: Vec<_> = inspection.multiboot2.iter().map(|field| field.name).collect();
    assert_eq!(names, ["header offset", "information request", "unknown tag"]);
    assert_eq!(inspection.multiboot2[1].meaning, "required: 0x4 0x6");
    assert!(inspection.to_string().contains("optional: 0x1"));
    let row = &inspection.protocols[1];
    assert_eq!((row.name, row.entry, row.ram_needed), ("multiboot2", Some(ENTRY), Some(0x10_0300)));
}

/// The map with RAM taken out of it, as every protocol then tells it.
#[test]
fn a_reserved_range_is_in_the_map_and_nothing_is_placed_there() {
    let image = bzimage();
    let ramdisk = vec![1u8; 5000];
    let modules = vec![boot::Module { image: &ramdisk, cmdline: "" }];
    let reserved = core::iter::once(0x300_0000..0x400_0000).collect();
    let request = Request { modules, reserved, ..Request::new(&image, 64 * MIB, &PLATFORM) };

    let plan = boot::plan(&request).unwrap();

    assert_eq!(plan.placement("module 0").unwrap().addr.0, 0x300_0000 - 0x2000);
    let last = plan.e820.last().unwrap();
    assert_eq!((last.range(), last.kind.name()), (0x300_0000..0x400_0000, "reserved"));
}
