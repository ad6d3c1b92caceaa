//! Bad input of every family through the command itself: kernels, packed kernels, modules, option ROMs,
//! firmware, descriptions of domains. Each row is a made file and its stable code, or that it is accepted;
//! a refusal is three lines, exit status 2, and never a panic.
//!
//! The rows of the loaders are the cases that other emulators and loaders run, hang on or crash on; all of
//! them, against the library, are in `boot/tests/protocols`. Random damage is in `fuzz/hostile`.

mod runs;

use runs::{Scratch, run};
use seeds::images::*;
use seeds::{packed, roms};

/// What becomes of a row.
enum End {
    /// Refused with this code, or, where there are no codes, with these words.
    Refused(&'static str),
    /// Taken: the command goes on.
    Accepted,
}

use End::{Accepted, Refused};

fn cut(image: Vec<u8>, len: usize) -> Vec<u8> {
    image[..len].to_vec()
}

fn ph(field: usize, value: u64) -> Vec<u8> {
    with(pvh64(), ph64(0) + field, &value.to_le_bytes())
}

fn two_segments(second: u64) -> Vec<u8> {
    elf64(ENTRY, &[load(LINKED_AT, code()), load(second, code()), notes(pvh_note(ENTRY), 4)])
}

fn raw_note(namesz: u32, descsz: u32) -> Vec<u8> {
    let mut data = pvh_note(ENTRY);
    put(&mut data, 0, &namesz.to_le_bytes());
    put(&mut data, 4, &descsz.to_le_bytes());
    pvh64_with_notes(data, 4)
}

fn elf_rows() -> Vec<(&'static str, Vec<u8>, End)> {
    let twice = [notes(pvh_note(ENTRY), 4), notes(note(b"GNU\0", 3, &[1; 20], 4), 4)];
    vec![
        ("empty", vec![], Refused("BOOT-E001")),
        ("one byte", vec![0x7f], Refused("BOOT-E004")),
        ("truncated header", cut(pvh64(), 40), Refused("BOOT-E010")),
        ("truncated program headers", cut(pvh64(), 100), Refused("BOOT-E010")),
        ("truncated segment", cut(pvh64(), pvh64().len() - 40), Refused("BOOT-E010")),
        ("phoff beyond", with(pvh64(), 32, &0x10_0000u64.to_le_bytes()), Refused("BOOT-E010")),
        ("phnum 65535", with(pvh64(), 56, &[0xff, 0xff]), Refused("BOOT-E017")),
        ("phentsize 0", with(pvh64(), 54, &[0, 0]), Refused("BOOT-E016")),
        ("filesz above memsz", ph(P_MEMSZ, 0x1ff), Refused("BOOT-E019")),
        ("memsz 128 TiB", ph(P_MEMSZ, 1 << 47), Refused("BOOT-E021")),
        ("filesz huge", ph(P_FILESZ, u64::MAX - 0x1000), Refused("BOOT-E010")),
        ("paddr and size wrap", ph(P_MEMSZ, u64::MAX - 0x1000), Refused("BOOT-E020")),
        ("paddr beyond RAM", two_segments(0x1000_0000), Refused("BOOT-E021")),
        ("segment in 0xf0000", two_segments(0xf_0000), Refused("BOOT-E021")),
        ("overlapping segments", two_segments(LINKED_AT + 0x2ff), Refused("BOOT-E022")),
        ("namesz 0xffffffff", raw_note(u32::MAX, 8), Refused("BOOT-E025")),
        ("descsz 0xffffffff", raw_note(4, u32::MAX), Refused("BOOT-E025")),
        ("desc of 0 bytes", raw_note(4, 0), Refused("BOOT-E027")),
        ("entry outside", pvh64_with_notes(pvh_note(ENTRY - 0x11), 4), Refused("BOOT-E023")),
        ("entry above 32 bits", pvh64_with_notes(pvh_note(1 << 32), 4), Refused("BOOT-E024")),
        ("no PT_LOAD", with(pvh64(), ph64(0), &[6]), Refused("BOOT-E018")),
        ("no note", elf64(ENTRY, &[load(LINKED_AT, code())]), Refused("BOOT-E029")),
        ("big endian", with(pvh64(), 5, &[2]), Refused("BOOT-E012")),
        ("machine ARM", with(pvh64(), 18, &[40, 0]), Refused("BOOT-E014")),
        ("ET_REL", with(pvh64(), 16, &[1, 0]), Refused("BOOT-E015")),
        ("p_align 8, note aligned to 4", pvh64_with_notes(pvh_note(ENTRY), 8), Accepted),
        ("two PT_NOTE", elf64(ENTRY, &[&[load(LINKED_AT, code())], &twice[..]].concat()), Accepted),
    ]
}

fn linux_rows() -> Vec<(&'static str, Vec<u8>, End)> {
    let field = |at, bytes: &[u8]| with(bzimage(), at, bytes);
    let packed = |format: &str| packed::samples().find(|row| row.0 == format).expect("a format").1;
    // lzop's signature is all that is looked at: nothing here unpacks LZO.
    let lzop = [&b"\x89LZO\0\r\n\x1a\n"[..], &[0; 64]].concat();
    vec![
        ("setup_sects 0 means 4", field(0x1f1, &[0]), Accepted),
        ("setup_sects 255", field(0x1f1, &[255]), Refused("BOOT-E033")),
        ("setup cut", cut(bzimage(), 5 * 512), Refused("BOOT-E033")),
        ("kernel short", cut(bzimage(), bzimage().len() - 16), Refused("BOOT-E034")),
        ("boot_flag 0", field(0x1fe, &[0, 0]), Refused("BOOT-E031")),
        ("version 0", field(0x206, &[0, 0]), Refused("BOOT-E032")),
        ("init_size beyond RAM", field(0x260, &[0xff; 4]), Refused("BOOT-E071")),
        ("gzip cut", cut(packed("gzip"), 40), Refused("BOOT-E082")),
        ("gzip of no kernel", packed("gzip"), Refused("BOOT-E011")),
        ("xz", packed("xz"), Refused("BOOT-E003")),
        ("zstd", packed("zstd"), Refused("BOOT-E003")),
        ("lzo", lzop, Refused("BOOT-E003")),
    ]
}

fn multiboot_rows() -> Vec<(&'static str, Vec<u8>, End)> {
    let flat = |change: fn(&mut [u32; 5])| multiboot_flat(change);
    let tags = |tags: &[Vec<u8>]| mb2_elf32(tags);
    // The first tag of an ELF32 image with one segment.
    let size =
        |size: u32| with(tags(&[mb2_tag(1, false, &[6])]), 0x60 + 16 + 4, &size.to_le_bytes());
    let no_end = {
        let mut out = mb2_header(&[mb2_tag(6, false, &[])]);
        out.resize(0x200, 0);
        out
    };
    vec![
        ("header below load", flat(|f| f[1] = f[0] + 4), Refused("BOOT-E044")),
        ("load_end below load", flat(|f| f[2] = f[1] - 1), Refused("BOOT-E044")),
        ("bss below load_end", flat(|f| f[3] = f[2] - 1), Refused("BOOT-E044")),
        ("load before the file", flat(|f| f[0] += 0x21), Refused("BOOT-E045")),
        ("load_end huge", flat(|f| f[2] = u32::MAX), Refused("BOOT-E045")),
        ("bss of 4 GiB", flat(|f| f[3] = u32::MAX), Refused("BOOT-E021")),
        ("flag 3", multiboot_elf32(1 << 3), Refused("BOOT-E042")),
        ("video", multiboot_elf32(1 << 2), Refused("BOOT-E043")),
        ("checksum", with(flat(|_| {}), 0x48, &[1]), Refused("BOOT-E040")),
        ("tag size 0", size(0), Refused("BOOT-E103")),
        ("tag past the header", size(0x100), Refused("BOOT-E103")),
        ("unknown tag", tags(&[mb2_tag(11, false, &[])]), Refused("BOOT-E105")),
        ("unknown tag, optional", tags(&[mb2_tag(11, true, &[])]), Accepted),
        ("no end tag", no_end, Refused("BOOT-E104")),
        ("EFI", tags(&[mb2_tag(7, false, &[])]), Refused("BOOT-E107")),
        ("alignment 3", tags(&[mb2_tag(10, false, &[0, u32::MAX, 3, 0])]), Refused("BOOT-E109")),
    ]
}

/// Runs every row as a kernel with so many arguments.
#[track_caller]
fn check(family: &str, rows: Vec<(&str, Vec<u8>, End)>) {
    let scratch = Scratch::new(&format!("bad-input-{family}"));
    for (case, bytes, end) in rows {
        let file = scratch.file("input", &bytes);
        let common = ["-m", "64M", "-q", "--serial=null", "--initrd=none"];

        let ran = run(&[&common[..], &[&file, "--max-insns=100"]].concat());

        assert!(!ran.stderr.contains("panicked"), "{case}: {}", ran.stderr);
        match end {
            Refused(code) => {
                assert_eq!(ran.status, Some(2), "{case}: {}", ran.stderr);
                assert!(ran.is_three_line_error(), "{case}: {}", ran.stderr);
                assert!(
                    ran.stderr.starts_with(&format!("error: {code}")),
                    "{case}: {}",
                    ran.stderr
                );
            }
            // Made kernels hold no code worth running: however the guest ends, it has begun.
            Accepted => assert_ne!(ran.status, Some(2), "{case}: {}", ran.stderr),
        }
    }
}

#[test]
fn bad_elf_kernels_are_refused_with_their_codes() {
    check("elf", elf_rows());
}

#[test]
fn bad_bzimages_and_packed_files_are_refused_with_their_codes() {
    check("linux", linux_rows());
}

#[test]
fn bad_multiboot_kernels_are_refused_with_their_codes() {
    check("multiboot", multiboot_rows());
}

#[test]
fn modules_that_are_too_many_or_too_large_are_refused_with_their_codes() {
    let scratch = Scratch::new("bad-input-modules");
    let large = scratch.file("large", &vec![1; 20 << 20]);
    let small = scratch.file("small", b"module");
    for (name, image) in [("pvh", pvh64()), ("mb1", multiboot_elf32(0)), ("mb2", mb2_elf32(&[]))] {
        let kernel = scratch.file(name, &image);
        for (module, count, code) in [
            (&large, 4, "BOOT-E052"), // 80 MiB together
            (&small, 32, "BOOT-E050"),
            (&format!("{small} a\nb"), 1, "BOOT-E051"),
        ] {
            let modules = ["--module", module].repeat(count);

            let ran = run(&[&[&*kernel, "-m", "64M"], &modules[..]].concat());

            assert_eq!(ran.status, Some(2), "{name}, {count}: {}", ran.stderr);
            assert!(ran.is_three_line_error(), "{name}, {count}: {}", ran.stderr);
            assert!(ran.stderr.contains(code), "{name}, {count}: {}", ran.stderr);
        }
    }
}

/// A firmware that stops the processor for ever: cli; hlt.
const HALT: &[u8] = &[0xfa, 0xf4];
/// Its exit status.
const HALTED: Option<i32> = Some(7);

#[test]
fn firmware_of_odd_sizes_is_refused_and_of_whole_64_kib_is_taken() {
    let scratch = Scratch::new("bad-input-firmware");
    let unit = 0x1_0000;
    for (len, end) in [
        (0, Refused("0 bytes")),
        (1, Refused("1 bytes")),
        (512, Refused("512 bytes")),
        (unit - 1, Refused("65535 bytes")),
        (unit, Accepted),
        (unit + 16, Refused("65552 bytes")),
        (3 * unit, Accepted),
        (8 << 20, Accepted),
        ((8 << 20) + 1, Refused("8388609 bytes")),
        (9 << 20, Refused("9437184 bytes")),
    ] {
        let rom = scratch.file("rom", &roms::firmware(len, HALT));

        let ran = run(&["--bios", &rom, "-m", "16M", "-q", "--max-insns=1k"]);

        match end {
            Refused(words) => {
                assert_eq!(ran.status, Some(2), "{len}: {}", ran.stderr);
                assert!(ran.is_three_line_error(), "{len}: {}", ran.stderr);
                assert!(ran.stderr.contains(words), "{len}: {}", ran.stderr);
            }
            Accepted => assert_eq!(ran.status, HALTED, "{len}: {}", ran.stderr),
        }
    }
}

#[test]
fn option_roms_that_no_firmware_would_take_are_refused() {
    let scratch = Scratch::new("bad-input-option-roms");
    let firmware = scratch.file("firmware", &roms::firmware(0x1_0000, HALT));
    let sound = roms::option_rom(2, &[0xcb]);
    let rows: Vec<(&str, Vec<u8>, End)> = vec![
        ("sound", sound.clone(), Accepted),
        ("longer than it says", [&sound[..], &[1; 700]].concat(), Accepted),
        ("empty", vec![], Refused("0 bytes")),
        ("two bytes", vec![0x55, 0xaa], Refused("signature")),
        ("no signature", with(sound.clone(), 0, &[0xaa, 0x55]), Refused("signature")),
        ("length 0", with(sound.clone(), 2, &[0]), Refused("0 bytes")),
        ("shorter than it says", cut(sound.clone(), 1023), Refused("1024 bytes")),
        ("length 255", with(sound.clone(), 2, &[255]), Refused("130560 bytes")),
        ("a sum of 1", with(sound.clone(), 100, &[1]), Refused("0x01")),
        ("over 8 MiB", vec![0x55; (8 << 20) + 1], Refused("8388609 bytes")),
    ];
    for (case, bytes, end) in rows {
        let rom = scratch.file("option.rom", &bytes);

        let ran =
            run(&["--bios", &firmware, "--option-rom", &rom, "-m", "16M", "-q", "--max-insns=1k"]);

        match end {
            Refused(words) => {
                assert_eq!(ran.status, Some(2), "{case}: {}", ran.stderr);
                assert!(ran.is_three_line_error(), "{case}: {}", ran.stderr);
                assert!(ran.stderr.contains(words), "{case}: {}", ran.stderr);
            }
            Accepted => assert_eq!(ran.status, HALTED, "{case}: {}", ran.stderr),
        }
    }
}

#[test]
fn more_option_roms_than_firmware_is_told_of_and_names_it_cannot_carry_are_refused() {
    let scratch = Scratch::new("bad-input-rom-names");
    let firmware = scratch.file("firmware", &roms::firmware(0x1_0000, HALT));
    let rom = |name: &str| scratch.file(name, &roms::option_rom(1, &[0xcb]));
    let many: Vec<String> = (0..40).map(|number| rom(&format!("{number}.rom"))).collect();
    let many: Vec<&str> = many.iter().flat_map(|file| ["--option-rom", file]).collect();
    let long = rom(&"x".repeat(80));
    let twice = rom("same.rom");
    let lines = rom("a\nb.rom");
    for (case, args) in [
        ("40 of them", many),
        ("a name of 80 bytes", vec!["--option-rom", &long]),
        ("one name twice", vec!["--option-rom", &twice, "--option-rom", &twice]),
        ("a name of two lines", vec!["--option-rom", &lines]),
    ] {
        let ran = run(&[&["--bios", &firmware, "-m", "16M", "-q"], &args[..]].concat());

        assert_eq!(ran.status, Some(2), "{case}: {}", ran.stderr);
        assert!(ran.is_three_line_error(), "{case}: {}", ran.stderr);
        assert!(ran.stderr.starts_with("error: BOOT-E090"), "{case}: {}", ran.stderr);
    }
}

#[test]
fn descriptions_that_are_none_are_refused_where_they_break() {
    let scratch = Scratch::new("bad-input-domains");
    let deep = "<a>".repeat(20_000);
    let parens = "(".repeat(20_000);
    let long = format!("<domain>{}</domain>", "<x/>".repeat(2_000_000));
    let entity = "<!DOCTYPE d [<!ENTITY a 'aa'><!ENTITY b '&a;&a;&a;'>]><domain>&b;</domain>";
    // What the message must hold: the cause where the words are ours, else the place.
    let rows: &[(&str, &[u8], &str)] = &[
        ("empty", b"", "line 1, column 1\n"),
        ("a NUL", b"\0", "0x00"),
        ("neither form", b"domain", "neither XML"),
        ("cut", b"<domain type='xen'><name>x</name>", "line 1, column 34\n"),
        ("cut in a tag", b"<domain type='xe", "line 1, column 17\n"),
        ("two roots", b"<domain/><domain/>", "line 1, column 10\n"),
        ("an attribute twice", b"<domain type='a' type='b'/>", "line 1, column 18\n"),
        ("no UTF-8", b"<domain>\xff\xfe</domain>", "line 1, column 9\n"),
        ("deep", deep.as_bytes(), "line 1, column 60001\n"),
        ("entities", entity.as_bytes(), "a document type"),
        ("8 MB", long.as_bytes(), "at most 65536"),
        ("open parentheses", parens.as_bytes(), "deeper than 32"),
        ("a string without end", b"(vm (name 'x", "line 1, column 11\n"),
        ("one parenthesis too many", b"(vm))", "after the last )"),
        ("another program's", b"(gimp (version 2))", "(gimp ...)"),
        (
            "no memory",
            b"<domain type='xen'><name>a</name><memory>-1</memory></domain>",
            "line 1, column 42\n",
        ),
        (
            "too much",
            b"<domain type='xen'><name>a</name><memory unit='EiB'>99999999</memory></domain>",
            "line 1, column 53\n",
        ),
    ];
    for (case, bytes, words) in rows {
        let file = scratch.file("domain", bytes);

        for args in [&["--domain", &*file][..], &["domain", &file, "--to", "xml"]] {
            let ran = run(args);

            assert_eq!(ran.status, Some(2), "{case}: {}", ran.stderr);
            assert!(ran.is_three_line_error(), "{case}: {}", ran.stderr);
            assert!(ran.stderr.contains(words), "{case}: {}", ran.stderr);
        }
    }
}
