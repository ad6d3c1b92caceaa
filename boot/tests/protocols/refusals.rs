//! Bad input: every row must be refused with its stable code, before anything is written. The rows are
//! those that other loaders run, hang on, accept or crash on.

use crate::requests::*;
use boot::{BootError, Module, Protocol, Request};

fn code_of(result: Result<boot::BootPlan<'_>, BootError>) -> &'static str {
    match result {
        Ok(plan) => panic!("accepted as {}", plan.protocol),
        Err(error) => {
            assert!(!error.to_string().is_empty() && !error.hint().is_empty());
            assert!(!error.at().to_string().is_empty());
            error.code()
        }
    }
}

/// Asserts each row's code with 64 MiB and the protocol found by content.
fn check(rows: Vec<(&str, Vec<u8>, &str)>) {
    for (case, image, code) in rows {
        assert_eq!(code_of(plan_alone(&image, 64)), code, "{case}");
    }
}

fn cut(image: Vec<u8>, len: usize) -> Vec<u8> {
    image[..len].to_vec()
}

fn ph(index: usize, field: usize, value: u64) -> Vec<u8> {
    with(pvh64(), ph64(index) + field, &value.to_le_bytes())
}

#[test]
fn files_that_are_no_kernels_are_refused_by_what_they_are() {
    let mut vmlinux_xz = vec![0xfd, b'7', b'z', b'X', b'Z', 0];
    vmlinux_xz.resize(100, 1);
    check(vec![
        ("empty", vec![], "BOOT-E001"),
        ("one byte", vec![0x7f], "BOOT-E004"),
        ("text", b"root:x:0:0:root:/root:/bin/bash\n".to_vec(), "BOOT-E004"),
        ("xz", vmlinux_xz, "BOOT-E003"),
        ("zstd", vec![0x28, 0xb5, 0x2f, 0xfd, 0, 0], "BOOT-E003"),
        ("lz4", vec![0x02, 0x21, 0x4c, 0x18, 0, 0], "BOOT-E003"),
        ("gzip that ends early", vec![0x1f, 0x8b, 8, 0, 0], "BOOT-E082"),
    ]);
}

#[test]
fn broken_elf_headers_are_refused() {
    let image = pvh64();
    check(vec![
        ("only the magic", cut(pvh64(), 4), "BOOT-E010"),
        ("truncated header", cut(pvh64(), 40), "BOOT-E010"),
        ("truncated program headers", cut(pvh64(), 100), "BOOT-E010"),
        ("truncated segment", cut(pvh64(), image.len() - 40), "BOOT-E010"),
        ("phoff beyond the file", with(pvh64(), 32, &0x10_0000u64.to_le_bytes()), "BOOT-E010"),
        ("phoff near 2^64", with(pvh64(), 32, &(u64::MAX - 8).to_le_bytes()), "BOOT-E010"),
        ("phnum 65535", with(pvh64(), 56, &[0xff, 0xff]), "BOOT-E017"),
        ("phnum 65534", with(pvh64(), 56, &[0xfe, 0xff]), "BOOT-E010"),
        ("phentsize 0", with(pvh64(), 54, &[0, 0]), "BOOT-E016"),
        ("phentsize of the other class", with(pvh64(), 54, &[32, 0]), "BOOT-E016"),
        ("no program header", with(pvh64(), 56, &[0, 0]), "BOOT-E018"),
        ("class 3", with(pvh64(), 4, &[3]), "BOOT-E011"),
        ("big endian", with(pvh64(), 5, &[2]), "BOOT-E012"),
        ("version 0", with(pvh64(), 6, &[0]), "BOOT-E013"),
        ("machine ARM", with(pvh64(), 18, &[40, 0]), "BOOT-E014"),
        ("ET_REL", with(pvh64(), 16, &[1, 0]), "BOOT-E015"),
        ("ET_CORE", with(pvh64(), 16, &[4, 0]), "BOOT-E015"),
    ]);
}

#[test]
fn broken_segments_are_refused() {
    let two = |second: u64| {
        let segments = [load(LINKED_AT, code()), load(second, code()), notes(pvh_note(ENTRY), 4)];
        elf64(ENTRY, &segments)
    };
    check(vec![
        ("filesz > memsz", ph(0, P_MEMSZ, 0x1ff), "BOOT-E019"),
        ("filesz huge", ph(0, P_FILESZ, u64::MAX - 0x1000), "BOOT-E010"),
        ("offset beyond the file", ph(0, P_OFFSET, 0x1000_0000), "BOOT-E010"),
        ("memsz 128 TiB", ph(0, P_MEMSZ, 1 << 47), "BOOT-E021"),
        ("paddr + memsz wraps", ph(0, P_MEMSZ, u64::MAX - 0x1000), "BOOT-E020"),
        ("paddr beyond RAM", two(0x1000_0000), "BOOT-E021"),
        ("segment in 0xf0000", two(0xf_0000), "BOOT-E021"),
        ("segment in the VGA window", two(0xa_0000), "BOOT-E021"),
        ("segment below 4 GiB where there is no RAM", two(0xffff_0000), "BOOT-E021"),
        ("overlapping segments", two(LINKED_AT + 0x2ff), "BOOT-E022"),
        ("the same segment twice", two(LINKED_AT), "BOOT-E022"),
        ("segment over the start_info", two(0x6000), "BOOT-E072"),
        ("segment over the boot GDT", two(0x500), "BOOT-E072"),
        ("segment over the command line", two(0x1_ff00), "BOOT-E072"),
        ("no PT_LOAD", with(pvh64(), ph64(0), &[6]), "BOOT-E018"),
    ]);
}

#[test]
fn broken_notes_and_entries_are_refused() {
    let alone = |data| pvh64_with_notes(data, 4);
    let raw = |namesz: u32, descsz: u32| {
        let mut data = pvh_note(ENTRY);
        put(&mut data, 0, &namesz.to_le_bytes());
        put(&mut data, 4, &descsz.to_le_bytes());
        alone(data)
    };
    let entry = |entry| alone(pvh_note(entry));
    let disagree = [pvh_note(ENTRY), pvh_note(ENTRY + 4)].concat();
    let reloc = |words: [u32; 3]| {
        let desc: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
        alone([pvh_note(ENTRY), note(b"Xen\0", 19, &desc, 4)].concat())
    };
    check(vec![
        ("namesz 0xffffffff", raw(u32::MAX, 8), "BOOT-E025"),
        ("descsz 0xffffffff", raw(4, u32::MAX), "BOOT-E025"),
        ("both", raw(u32::MAX, u32::MAX), "BOOT-E025"),
        ("descsz one past the segment", raw(4, 9), "BOOT-E025"),
        ("no content", alone(note(b"Xen\0", 18, &[], 4)), "BOOT-E027"),
        ("three bytes of content", alone(note(b"Xen\0", 18, &[0; 3], 4)), "BOOT-E027"),
        ("two notes that disagree", alone(disagree), "BOOT-E028"),
        ("another owner's type 18", alone(note(b"GNU\0", 18, &[0; 8], 4)), "BOOT-E029"),
        ("owner without its NUL", alone(note(b"Xen", 18, &[0; 8], 4)), "BOOT-E029"),
        ("other Xen notes only", alone(note(b"Xen\0", 1, &[0; 8], 4)), "BOOT-E029"),
        ("no note, no multiboot", elf64(ENTRY, &[load(LINKED_AT, code())]), "BOOT-E029"),
        ("entry outside every segment", entry(LINKED_AT - 1), "BOOT-E023"),
        ("entry at the segment's end", entry(LINKED_AT + 0x300), "BOOT-E023"),
        ("entry above 32 bits", entry(0xffff_ffff_8100_0000), "BOOT-E024"),
        ("relocation alignment 3", reloc([3, 0, u32::MAX]), "BOOT-E030"),
        ("relocation window empty", reloc([0x1000, 0x2000, 0x1000]), "BOOT-E030"),
        ("2 MiB of notes", alone(vec![0; 2 << 20]), "BOOT-E026"),
    ]);
}

/// Segments may share bytes of the file, so a small file can announce gigabytes of notes.
#[test]
fn notes_that_are_too_many_only_all_together_are_refused() {
    let half = || notes(vec![0; 600 << 10], 4);
    let mut shared = vec![0; ph64(60_001)];
    put(&mut shared, 0, &elf64(ENTRY, &[load(LINKED_AT, Vec::new())]));
    put(&mut shared, 56, &60_001u16.to_le_bytes());
    for index in 1..=60_000 {
        put(&mut shared, ph64(index), &[4]); // empty, but to be looked at
    }

    check(vec![
        ("two", elf64(ENTRY, &[load(LINKED_AT, code()), half(), half()]), "BOOT-E026"),
        ("60,000 empty ones", shared, "BOOT-E026"),
    ]);
}

/// QEMU 7.2 refuses these bits in `load_elfboot` (`hw/i386/x86.c`).
#[test]
fn elf_flags_that_qemu_refuses_are_refused_for_pvh() {
    let small = elf32(ENTRY as u32, &[load(LINKED_AT, code()), notes(pvh_note(ENTRY), 4)]);
    let flags = |flags: u32| with(pvh64(), 48, &flags.to_le_bytes());
    check(vec![
        ("bit 2", flags(4), "BOOT-E008"),
        ("bit 16", flags(0x1_0000), "BOOT-E008"),
        ("both, 32 bits", with(small, 36, &0x1_0004u32.to_le_bytes()), "BOOT-E008"),
    ]);
    assert!(plan_alone(&flags(8), 64).is_ok(), "an unknown flag that no loader minds");
}

#[test]
fn broken_bzimages_are_refused() {
    let field = |at, bytes: &[u8]| with(bzimage(), at, bytes);
    check(vec![
        ("setup header cut", cut(bzimage(), 0x207), "BOOT-E010"),
        ("setup header cut inside", cut(bzimage(), 0x240), "BOOT-E010"),
        ("setup_sects 255 > file", field(0x1f1, &[255]), "BOOT-E033"),
        ("setup cut", cut(bzimage(), 5 * 512), "BOOT-E033"),
        ("setup_sects 0, truly 4, of a file with 4", field(0x248, &[0, 9]), "BOOT-E038"),
        ("setup_sects 1, truly 4", field(0x1f1, &[1]), "BOOT-E038"),
        ("protected part a paragraph short", cut(bzimage(), bzimage().len() - 16), "BOOT-E034"),
        ("protected part gone", cut(bzimage(), 5 * 512 + 1), "BOOT-E034"),
        ("boot_flag 0", field(0x1fe, &[0, 0]), "BOOT-E031"),
        ("version 0", field(0x206, &[0, 0]), "BOOT-E032"),
        ("a zImage", field(0x211, &[0]), "BOOT-E036"),
        ("kernel_alignment 3", field(0x230, &[3, 0, 0]), "BOOT-E037"),
        ("init_size 0", field(0x260, &[0; 4]), "BOOT-E039"),
        ("init_size beyond RAM", field(0x260, &[0xff; 4]), "BOOT-E071"),
        ("pref_address beyond RAM", field(0x258, &[0xff; 8]), "BOOT-E071"),
        ("no code at the entry", with(bzimage(), 5 * 512 + 0x200, &[0; 16]), "BOOT-E038"),
    ]);
    let by_setup_code = plan_alone(&field(0x206, &[4, 2]), 64).map(|plan| plan.protocol);
    assert_eq!(by_setup_code, Ok(Protocol::Linux16), "version 2.04 has no other entry");
}

/// Measured elsewhere: with too little RAM a bzImage hangs without a word.
#[test]
fn a_kernel_that_does_not_fit_says_how_many_mib_it_needs() {
    let image = bzimage(); // 16 MiB + 8 MiB

    let Err(error) = plan_alone(&image, 23) else { panic!("accepted") };

    assert_eq!(error, BootError::KernelNeedsRam { needed: 24 * MIB, ram: 23 * MIB });
    assert_eq!(error.hint(), "give at least -m 24M");
    assert!(plan_alone(&image, 24).is_ok());
}

#[test]
fn broken_multiboot_headers_are_refused() {
    let flat = |change: fn(&mut [u32; 5])| multiboot_flat(change);
    let bad_checksum = with(flat(|_| {}), 0x48, &[1]);
    let far = {
        let mut out = vec![0; 8192 - 8];
        out.extend(multiboot_header(0, &[]));
        out.resize(10000, 0);
        out
    };
    check(vec![
        ("checksum", bad_checksum, "BOOT-E040"),
        ("header one word beyond 8192 bytes", far, "BOOT-E041"),
        ("no address fields, no ELF", with(vec![1; 64], 0, &multiboot_header(0, &[])), "BOOT-E046"),
        ("unknown required flag bit 3", multiboot_elf32(1 << 3), "BOOT-E042"),
        ("unknown required flag bit 15", multiboot_elf32(1 << 15), "BOOT-E042"),
        ("header below load", flat(|f| f[1] = f[0] + 4), "BOOT-E044"),
        ("load_end below load", flat(|f| f[2] = f[1] - 1), "BOOT-E044"),
        ("bss_end below load_end", flat(|f| f[3] = f[2] - 1), "BOOT-E044"),
        ("load begins before the file", flat(|f| f[0] += 0x21), "BOOT-E045"),
        ("load_end huge", flat(|f| f[2] = u32::MAX), "BOOT-E045"),
        ("bss of 4 GiB", flat(|f| f[3] = u32::MAX), "BOOT-E021"),
        (
            "loaded into the ROM area",
            flat(|f| f.iter_mut().for_each(|a| *a -= 0x1_0000)),
            "BOOT-E021",
        ),
        ("entry outside", flat(|f| f[4] = 0x20_0000), "BOOT-E023"),
    ]);
}

#[test]
fn a_multiboot_video_mode_is_refused_unless_it_may_be_ignored() {
    let image = multiboot_elf32(1 << 2);
    let request = Request::new(&image, 64 * MIB, &PLATFORM);

    assert_eq!(code_of(boot::plan(&request)), "BOOT-E043");
    assert!(boot::plan(&Request { ignore_video: true, ..request }).is_ok());
}

#[test]
fn protocols_that_are_not_built_or_not_offered_are_refused_by_name() {
    let (elf, bzimage, flat) = (pvh64(), bzimage(), multiboot_flat(|_| {}));
    for protocol in [Protocol::Linux16, Protocol::BootSector, Protocol::ElTorito] {
        let request = Request::new(&elf, 64 * MIB, &PLATFORM);
        let request = Request { protocol: Some(protocol), bios_services: false, ..request };
        assert_eq!(code_of(boot::plan(&request)), "BOOT-E006");
    }
    assert_eq!(code_of(plan_as(&elf, Protocol::Firmware)), "BOOT-E005", "it takes a ROM");
    assert_eq!(code_of(plan_as(&elf, Protocol::Linux32)), "BOOT-E005");
    assert_eq!(code_of(plan_as(&flat, Protocol::Linux32)), "BOOT-E005");
    assert_eq!(code_of(plan_as(&elf, Protocol::Multiboot2)), "BOOT-E005");
    assert_eq!(code_of(plan_as(&flat, Protocol::Linux64)), "BOOT-E005");
    assert_eq!(code_of(plan_with_bios(&elf, Some(Protocol::Linux16))), "BOOT-E005");
    let small = elf32(ENTRY as u32, &[load(LINKED_AT, code())]);
    assert_eq!(code_of(plan_as(&small, Protocol::Linux64)), "BOOT-E005");
    assert_eq!(code_of(plan_as(&elf, Protocol::Multiboot1)), "BOOT-E005");
    assert_eq!(code_of(plan_as(&bzimage, Protocol::Multiboot1)), "BOOT-E005");
    assert_eq!(code_of(plan_as(&flat, Protocol::Pvh)), "BOOT-E005");
}

#[test]
fn strings_and_modules_that_a_protocol_cannot_carry_are_refused() {
    let (elf, bzimage) = (pvh64(), bzimage());
    let (empty, module) = (Vec::new(), vec![1u8; 100]);
    let with_cmdline = |kernel, cmdline| {
        code_of(boot::plan(&Request { cmdline, ..Request::new(kernel, 64 * MIB, &PLATFORM) }))
    };
    let long = "x".repeat(2048);
    assert_eq!(with_cmdline(&elf, &long), "BOOT-E060");
    assert_eq!(with_cmdline(&bzimage, &long), "BOOT-E060");
    assert_eq!(with_cmdline(&elf, "a\0b"), "BOOT-E051");
    assert_eq!(with_cmdline(&bzimage, "a\nb"), "BOOT-E051");

    let with_modules = |kernel, image, cmdline, count| {
        let modules = vec![Module { image, cmdline }; count];
        code_of(boot::plan(&Request { modules, ..Request::new(kernel, 64 * MIB, &PLATFORM) }))
    };
    assert_eq!(with_modules(&elf, &module, "a\nb", 1), "BOOT-E051");
    assert_eq!(with_modules(&elf, &module, "", 32), "BOOT-E050");
    assert_eq!(with_modules(&bzimage, &module, "", 2), "BOOT-E050");
    assert_eq!(with_modules(&elf, &empty, "", 1), "BOOT-E001");
    assert_eq!(with_modules(&elf, &module, &"y".repeat(4000), 20), "BOOT-E061");
}

#[test]
fn a_ramdisk_larger_than_free_ram_names_the_free_ranges() {
    let (kernel, ramdisk) = (pvh64(), vec![1u8; 64 << 20]);
    let modules = vec![Module { image: &ramdisk, cmdline: "" }];
    let request = Request { modules, ..Request::new(&kernel, 64 * MIB, &PLATFORM) };

    let Err(error) = boot::plan(&request) else { panic!("accepted") };

    let free = core::iter::once(LINKED_AT + 0x300..64 * MIB).collect();
    let expected = BootError::ModuleDoesNotFit { index: 0, len: 64 * MIB, free, below: 64 * MIB };
    assert_eq!(error, expected);
    assert_eq!(error.code(), "BOOT-E052");
}

#[test]
fn a_machine_without_a_mebibyte_is_refused() {
    let image = pvh64();

    let request = Request::new(&image, 512 << 10, &PLATFORM);

    assert_eq!(code_of(boot::plan(&request)), "BOOT-E070");
}
