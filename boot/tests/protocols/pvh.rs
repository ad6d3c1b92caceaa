//! PVH: notes in every legal form, the entry state bit for bit, `hvm_start_info` byte for byte.

use crate::requests::*;
use arch::segment::{Segment, Selector, TableRegister};
use boot::{Content, Module, Protocol, Request};

/// Xen `pvh.pandoc`, "x86": CR0.PE alone, CR4 clear, flat 32-bit code and data, a busy 32-bit TSS with
/// base 0 and limit 0x67, VM IF TF clear, EBX = start_info.
#[test]
fn the_entry_state_is_the_documents_bit_for_bit() {
    let image = pvh64();

    let entry = plan_alone(&image, 64).unwrap().entry;

    let segment = |selector, attributes, limit| Segment {
        selector: Selector(selector),
        attributes,
        limit,
        base: 0,
    };
    let data = segment(0x10, 0xc093, 0xffff_ffff);
    let code = segment(0x08, 0xc09b, 0xffff_ffff);
    assert_eq!(entry.rip, ENTRY);
    assert_eq!(entry.cr0, 0x11);
    assert_eq!((entry.cr3, entry.cr4, entry.efer), (0, 0, 0));
    assert_eq!(entry.rflags, 2);
    assert_eq!(entry.segments, [data, code, data, data, data, data]); // ES CS SS DS FS GS
    assert_eq!(entry.tr, segment(0x18, 0x008b, 0x67));
    assert_eq!(entry.ldtr, Segment::default());
    assert_eq!(entry.gdtr, TableRegister { base: 0x500, limit: 0x1f });
    let mut gprs = [0; 16];
    gprs[3] = 0x6000; // RBX
    assert_eq!(entry.gprs, gprs);
}

/// A guest that reloads a segment register before its own LGDT must find the same segments again.
#[test]
fn the_gdt_in_memory_holds_the_segments_of_the_entry_state() {
    let image = pvh64();

    let plan = plan_alone(&image, 64).unwrap();

    let gdt = placed(&plan, "boot GDT");
    let rows: Vec<u64> = gdt.chunks(8).map(|row| u64_at(row, 0)).collect();
    let code = 0x00cf_9b00_0000_ffff;
    assert_eq!(rows, [0, code, 0x00cf_9300_0000_ffff, 0x0000_8b00_0000_0067]);
    assert_eq!(plan.placement("boot GDT").unwrap().addr.0, plan.entry.gdtr.base);
}

#[test]
fn start_info_points_at_map_command_line_and_rsdp() {
    let image = pvh64();
    let request = Request { cmdline: "console=ttyS0", ..Request::new(&image, 64 * MIB, &PLATFORM) };

    let plan = boot::plan(&request).unwrap();

    let info = placed(&plan, "PVH start_info");
    assert_eq!(info.len(), 56);
    assert_eq!(u32_at(info, 0), 0x336e_c578);
    assert_eq!(u32_at(info, 4), 1);
    assert_eq!(u32_at(info, 8), 0);
    // FreeBSD halts on a module list of no modules.
    assert_eq!((u32_at(info, 12), u64_at(info, 16)), (0, 0));
    assert_eq!(u64_at(info, 24), 0x2_0000);
    assert_eq!(u64_at(info, 32), 0xe_0000);
    assert_eq!((u64_at(info, 40), u32_at(info, 48)), (0x7000, 4));
    assert_eq!(u32_at(info, 52), 0);
    let strings = placed(&plan, "command line and strings");
    assert!(strings.starts_with(b"console=ttyS0\0"));
    assert!(strings.len() >= 2048, "Linux copies 2048 bytes whatever the length");
}

#[test]
fn the_memory_map_table_is_sorted_and_typed_as_e820() {
    let image = pvh64();

    let plan = plan_alone(&image, 64).unwrap();

    let rows: Vec<_> = placed(&plan, "PVH memory map")
        .chunks(24)
        .map(|row| (u64_at(row, 0), u64_at(row, 8), u32_at(row, 16), u32_at(row, 20)))
        .collect();
    let expected = [
        (0, 0x9_fc00, 1, 0),
        (0x9_fc00, 0x400, 2, 0),
        (0xe_0000, 0x2_0000, 2, 0),
        (0x10_0000, 63 * MIB, 1, 0),
    ];
    assert_eq!(rows, expected);
}

#[test]
fn modules_are_listed_with_strings_and_leave_free_ram_above_them() {
    let (image, first, second) = (pvh64(), vec![1u8; 5000], vec![2u8; 0x3000]);
    let modules = vec![
        Module { image: &first, cmdline: "" },
        Module { image: &second, cmdline: "second module" },
    ];
    let request = Request { modules, cmdline: "root", ..Request::new(&image, 64 * MIB, &PLATFORM) };

    let plan = boot::plan(&request).unwrap();

    let info = placed(&plan, "PVH start_info");
    assert_eq!((u32_at(info, 12), u64_at(info, 16)), (2, 0x6040));
    let list = placed(&plan, "PVH module list");
    assert_eq!(list.len(), 64);
    let strings = placed(&plan, "command line and strings");
    for (index, (len, text)) in
        [(5000, &b"\0"[..]), (0x3000, b"second module\0")].iter().enumerate()
    {
        let row = &list[32 * index..32 * index + 32];
        let placement = plan.placement(&format!("module {index}")).unwrap();
        assert_eq!(u64_at(row, 0), placement.addr.0);
        assert_eq!(u64_at(row, 0) % 4096, 0);
        assert_eq!(u64_at(row, 8), *len);
        let string = (u64_at(row, 16) - 0x2_0000) as usize;
        assert!(strings[string..].starts_with(text));
        assert_eq!(u64_at(row, 24), 0);
        assert_eq!(placement.content, Content::Image { which: index + 1, offset: 0 });
        assert!(placement.range().end <= 56 * MIB, "an eighth stays free above");
    }
}

/// A ramdisk that fits only without the spare room still boots.
#[test]
fn a_module_may_use_the_top_of_ram_if_it_must() {
    let (image, module) = (pvh64(), vec![1u8; 61 << 20]);
    let modules = vec![Module { image: &module, cmdline: "" }];

    let plan = boot::plan(&Request { modules, ..Request::new(&image, 64 * MIB, &PLATFORM) });

    assert_eq!(plan.unwrap().placement("module 0").unwrap().addr.0, 3 * MIB);
}

#[test]
fn without_acpi_the_rsdp_address_is_zero_and_no_table_is_placed() {
    let image = pvh64();
    let platform = boot::Platform { acpi: boot::AcpiProfile::Off, ..PLATFORM.clone() };

    let plan = boot::plan(&Request::new(&image, 64 * MIB, &platform)).unwrap();

    assert_eq!(u64_at(placed(&plan, "PVH start_info"), 32), 0);
    assert!(plan.placements.iter().all(|p| !(0xe_0000..0xf_0000).contains(&p.addr.0)));
}

fn entry_of(image: &Vec<u8>) -> u64 {
    let plan = plan_alone(image, 64).unwrap();
    assert_eq!(plan.protocol, Protocol::Pvh);
    plan.entry.rip
}

#[test]
fn the_note_is_found_in_every_legal_form() {
    let entry = ENTRY as u32;
    let four = note(b"Xen\0", 18, &entry.to_le_bytes(), 4);
    let eight = pvh_note(ENTRY);
    let others: Vec<u8> =
        [1, 3, 5, 6, 7, 9, 10, 15, 17].iter().flat_map(|&k| note(b"Xen\0", k, b"x\0", 4)).collect();
    let gnu = note(b"GNU\0", 5, &[0; 16], 8);
    let build_id = note(b"GNU\0", 3, &[0; 20], 4);
    // With padding to 8 after the name, only a walk by 8 finds the second note.
    let padded = [note(b"Linux\0\0", 257, &[0; 4], 8), note(b"Xen\0", 18, &ENTRY.to_le_bytes(), 8)];
    let forms = [
        ("4 bytes", four.clone(), 4),
        ("8 bytes", eight.clone(), 4),
        ("12 bytes", note(b"Xen\0", 18, &[&ENTRY.to_le_bytes()[..], &[9; 4]].concat(), 4), 4),
        ("after other Xen notes", [others, eight.clone()].concat(), 4),
        ("p_align 8, padded to 4", [build_id.clone(), four.clone()].concat(), 8),
        ("p_align 8, after a property note", [gnu, four.clone()].concat(), 8),
        ("p_align 8, padded to 8", padded.concat(), 8),
        ("p_align 0", four.clone(), 0),
        ("twice the same", [four.clone(), eight.clone()].concat(), 4),
        ("before a malformed one", [four.clone(), vec![0xff; 16]].concat(), 4),
        ("last note unpadded", [build_id, four.clone()].concat(), 4),
    ];
    for (form, data, align) in forms {
        assert_eq!(entry_of(&pvh64_with_notes(data, align)), ENTRY, "{form}");
    }
}

/// Another loader forgets the entry when a second PT_NOTE follows.
#[test]
fn the_note_is_found_in_either_of_two_note_segments() {
    let other = || notes(note(b"GNU\0", 3, &[0; 20], 4), 4);
    let ours = || notes(pvh_note(ENTRY), 4);
    for order in [[other(), ours()], [ours(), other()]] {
        let [a, b] = order;
        assert_eq!(entry_of(&elf64(ENTRY, &[load(LINKED_AT, code()), a, b])), ENTRY);
    }
}

#[test]
fn a_note_in_a_section_alone_is_found() {
    let mut image = elf64(ENTRY, &[load(LINKED_AT, code())]);
    let note_at = image.len();
    let data = pvh_note(ENTRY);
    image.extend(&data);
    let table = image.len();
    let mut section = vec![0; 64];
    put(&mut section, 4, &7u32.to_le_bytes()); // SHT_NOTE
    put(&mut section, 24, &(note_at as u64).to_le_bytes());
    put(&mut section, 32, &(data.len() as u64).to_le_bytes());
    image.extend([vec![0; 64], section].concat());
    put(&mut image, 40, &(table as u64).to_le_bytes());
    put(&mut image, 58, &[64, 0, 2, 0]); // e_shentsize, e_shnum

    assert_eq!(entry_of(&image), ENTRY);
}

#[test]
fn an_elf32_kernel_with_a_4_byte_note_boots() {
    let note = note(b"Xen\0", 18, &(ENTRY as u32).to_le_bytes(), 4);
    let image = elf32(ENTRY as u32, &[load(LINKED_AT, code()), notes(note, 4)]);

    assert_eq!(entry_of(&image), ENTRY);
}

#[test]
fn segments_load_at_their_physical_addresses_with_zeros_behind() {
    let image = pvh64();

    let plan = plan_alone(&image, 64).unwrap();

    let segment = plan.placement("kernel segment 0").unwrap();
    assert_eq!((segment.addr.0, segment.len), (LINKED_AT, 0x200));
    let bss = plan.placement("kernel segment 0 bss").unwrap();
    assert_eq!((bss.addr.0, bss.len), (LINKED_AT + 0x200, 0x100));
    assert_eq!(bss.content, Content::Zero);
}

fn relocatable(linked_at: u64, words: &[u32]) -> Vec<u8> {
    let desc: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
    let notes_data = [pvh_note(linked_at + 0x10), note(b"Xen\0", 19, &desc, 4)].concat();
    elf64(linked_at, &[load(linked_at, code()), notes(notes_data, 4)])
}

#[test]
fn a_relocatable_kernel_stays_where_it_is_linked_if_that_is_free_ram() {
    assert_eq!(entry_of(&relocatable(LINKED_AT, &[0x20_0000, 0x100_0000, 0x3fff_ffff])), ENTRY);
}

/// Debian's 6.12 cloud kernel: alignment 2 MiB, minimum 16 MiB, maximum 0x3fffffff.
#[test]
fn a_relocatable_kernel_outside_ram_moves_to_the_lowest_place_its_note_allows() {
    let image = relocatable(0x2000_0000, &[0x20_0000, 0x100_0000, 0x3fff_ffff]);

    let plan = plan_alone(&image, 64).unwrap();

    assert_eq!(plan.entry.rip, 0x100_0010);
    assert_eq!(plan.placement("kernel segment 0").unwrap().addr.0, 0x100_0000);
}

#[test]
fn relocation_fields_that_are_absent_have_the_headers_defaults() {
    // No field at all: the largest p_align of a page or more, from address 0 on.
    let image = relocatable(0x2000_0000, &[]);
    assert_eq!(plan_alone(&image, 64).unwrap().entry.rip, 0x1010);

    // Maximum below what fits: refused as if it could not move.
    let image = relocatable(0x2000_0000, &[0x1000, 0x100_0000, 0x100_00ff]);
    assert!(plan_alone(&image, 64).is_err());
}
