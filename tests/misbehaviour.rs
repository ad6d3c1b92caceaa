//! Guests and files that misbehave: each ends with a clear error or exit status, never with a panic.
//!
//! How well-behaved runs end, and what a bad command line gets, is in `cli.rs`; what every loader
//! refuses is tested in `boot`. Here: at least one file for every kind of damage, through the command.

mod runs;

use bootscope_guests::asm::Part;
use bootscope_guests::elf::{Class, Image};
use bootscope_guests::kernels;
use runs::{Ran, Scratch, guest, run};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

#[track_caller]
fn assert_refused(ran: &Ran, code: &str, words: &[&str]) {
    assert_eq!(ran.status, Some(2), "{code}: {}", ran.stderr);
    assert!(ran.is_three_line_error(), "{code}: {}", ran.stderr);
    assert!(ran.stderr.starts_with(&format!("error: {code}: ")), "{code}: {}", ran.stderr);
    for word in words {
        assert!(ran.stderr.contains(word), "{code}: {word}: {}", ran.stderr);
    }
    assert_eq!(ran.stdout, "", "{code}");
}

// ---- guests --------------------------------------------------------------------------------------

/// 32-bit code at 1 MiB + 0x100 that turns paging on with one 4 MiB page and writes to the fourth.
const WRITES_TO_A_HOLE: &[u8] = &[
    0x0f, 0x01, 0x1d, 0x80, 0x01, 0x10, 0x00, // lidt [0x100180]: zeros, no gate
    0xb8, 0x83, 0x00, 0x00, 0x00, // mov eax, 0x83: present, writable, 4 MiB
    0xa3, 0x00, 0x10, 0x10, 0x00, // mov [0x101000], eax: PDE 0
    0xb8, 0x00, 0x10, 0x10, 0x00, // mov eax, 0x101000
    0x0f, 0x22, 0xd8, // mov cr3, eax
    0x0f, 0x20, 0xe0, 0x83, 0xc8, 0x10, 0x0f, 0x22, 0xe0, // cr4 |= PSE
    0x0f, 0x20, 0xc0, 0x0d, 0x00, 0x00, 0x00, 0x80, 0x0f, 0x22, 0xc0, // cr0 |= PG
    0xa3, 0x04, 0x00, 0xc0, 0x00, // mov [0xc00004], eax
];

/// A PVH kernel of this code.
fn pvh_kernel(code: &[u8]) -> Vec<u8> {
    let (base, entry) = (0x10_0000, 0x10_0100);
    let part =
        Part { address: entry, bytes: code.to_vec(), lines: vec![], symbols: BTreeMap::new() };
    let (pvh, multiboot) = (Some((entry, 4)), None);
    let end = base + 0x4000;
    Image { class: Class::Elf32, base, end, entry, pvh, multiboot, parts: vec![part] }.bytes()
}

#[test]
fn a_page_fault_that_ends_in_a_triple_fault_is_told_with_its_walk() {
    let scratch = Scratch::new("bad-walk");
    let kernel = scratch.file("kernel", &pvh_kernel(WRITES_TO_A_HOLE));

    let ran = run(&[&kernel, "--max-insns=1M"]);

    assert_eq!(ran.status, Some(4), "{}", ran.stderr);
    let in_order = [
        "#PF -> #GP -> #DF -> #GP",
        "write, not present, supervisor",
        "0xc00004",
        "0x10012d", // the instruction
        "walk of 0xc00004, cr3=0x101000",
        "PDE[3] at 0x10100c = 0x00000000", // the level that fails,
        "bit 0 (P)",                       // and its bit
        "#DF",
        "a3 04 00 c0 00", // the instruction's bytes
        "mov [0xc00004], eax",
        "cr2=0000000000c00004",
        "bootscope: triple fault",
    ];
    let mut rest = &*ran.stderr;
    for word in in_order {
        let at = rest.find(word).unwrap_or_else(|| panic!("{word} in its place: {}", ran.stderr));
        rest = &rest[at..];
    }
}

#[test]
fn a_jump_into_nowhere_is_a_triple_fault_that_names_the_place() {
    let scratch = Scratch::new("bad-jump");

    let ran = run(&[&scratch.kernel("jump_nowhere"), "--max-insns=1M"]);

    assert_eq!(ran.status, Some(4), "{}", ran.stderr);
    for word in ["0xc0000000", "#UD", "no memory can be read", "rax=00000000c0000000"] {
        assert!(ran.stderr.contains(word), "{word}: {}", ran.stderr);
    }
}

/// Guests that never end, by both limits: interrupts off, halted, resetting, crashing, flooding.
#[test]
fn a_guest_that_never_ends_is_stopped_by_either_limit() {
    let scratch = Scratch::new("bad-endless");
    // A reset zeroes RAM and boots again: few instructions take long.
    let cases: [(&str, &str, &[&str]); 4] = [
        ("spin", "--max-insns=2M", &[]),
        ("serial_flood", "--max-insns=2M", &[]),
        ("reset_8042", "--max-insns=60", &[]),
        ("triple_fault", "--max-insns=60", &["--on-crash=restart"]),
    ];
    for (kernel, instructions, args) in cases {
        let path = scratch.kernel(kernel);
        for limit in [instructions, "--wall-timeout=0.2"] {
            let start = Instant::now();

            let ran = run(&[&[&*path, limit, "--serial=null", "-m", "16M"], args].concat());

            assert_eq!(ran.status, Some(5), "{kernel} {limit}: {}", ran.last_line());
            let option = limit.split('=').next().expect("a name");
            assert!(ran.last_line().contains(option), "{kernel}: {}", ran.last_line());
            assert!(start.elapsed() < Duration::from_secs(60), "{kernel} {limit}");
        }
    }
}

/// The highest resident memory of a running process in bytes.
#[cfg(target_os = "linux")]
fn peak_memory(process: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.trim().strip_suffix(" kB")?.parse::<u64>().ok()? << 10)
}

/// Nobody reads the flood, then somebody leaves: the guest waits meanwhile, and memory stays small.
#[cfg(target_os = "linux")]
#[test]
fn a_serial_flood_takes_no_memory_whether_it_is_read_or_not() {
    use runs::{bootscope, finished};
    use std::process::Stdio;
    let scratch = Scratch::new("bad-flood");
    let kernel = scratch.kernel("serial_flood");
    for serial in ["--serial=null", "--serial=stdio"] {
        let mut command = bootscope(&[&kernel, serial, "-m", "16M", "--wall-timeout=60"]);
        let piped = command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = piped.spawn().expect("the command starts");
        std::thread::sleep(Duration::from_secs(2));

        let peak = peak_memory(child.id()).expect("a running process");
        drop(child.stdout.take());
        if serial == "--serial=null" {
            child.kill().expect("it runs");
        }
        let ran = finished(child.wait_with_output().expect("it ends"));

        assert!(peak < 100 << 20, "{serial}: {} MiB", peak >> 20);
        assert!(!ran.stderr.contains("panicked"), "{serial}: {}", ran.stderr);
        assert!(serial == "--serial=null" || ran.status == Some(130), "{}", ran.stderr);
    }
}

/// Every character the guest sent arrives, in order.
#[test]
fn a_serial_flood_loses_nothing() {
    let scratch = Scratch::new("bad-flood-whole");

    let ran = run(&[&scratch.kernel("serial_flood"), "--max-insns=2M", "-q"]);

    assert_eq!(ran.status, Some(5));
    let line: String = ('@'..='\x7f').chain(['\n']).collect();
    assert!(ran.stdout.len() >= 400_000, "{}", ran.stdout.len());
    assert!(ran.stdout.as_bytes().chunks(line.len()).all(|part| line.as_bytes().starts_with(part)));
}

/// The kernel writes 0x10 to port 0xf4, once it has printed its report.
#[test]
fn isa_debug_exit_ends_the_run_only_where_it_is() {
    let scratch = Scratch::new("bad-debug-exit");
    let kernel = scratch.kernel("pvh_elf64_note4");
    let cases: [(&[&str], i32); 6] = [
        (&["--device=isa-debug-exit,iobase=0xf4"], 0x21),
        (&["-device", "isa-debug-exit,iobase=0xf4,iosize=0x04"], 0x21),
        (&["-device", "isa-debug-exit,iobase=0xf4", "--debug-exit=ok=0x10"], 0),
        (&["-device", "isa-debug-exit,iobase=0xf4", "--debug-exit=ok=0x11"], 0x21),
        // QEMU's default port is another; the kernel goes on to its HLT.
        (&["-device", "isa-debug-exit"], 7),
        (&[], 7),
    ];
    for (args, status) in cases {
        let ran = run(&[&[&*kernel, "--max-insns=10M"], args].concat());

        assert_eq!(ran.status, Some(status), "{args:?}: {}", ran.stderr);
    }
}

// ---- files ---------------------------------------------------------------------------------------

/// Offsets of fields in the ELF32 files of `guests/asm`: header, PT_LOAD, PT_NOTE, note.
mod at {
    pub(super) const PHNUM: usize = 0x2c;
    pub(super) const LOAD: usize = 0x34;
    pub(super) const NOTE_HEADER: usize = 0x54;
    pub(super) const THIRD_HEADER: usize = 0x74;
    pub(super) const NOTE: usize = 0xb0;
}

/// A 32-bit little-endian value written over a file.
type Patch = (usize, u32);

/// One kind of damage: the patches, the refusal's code, and words of the refusal.
const DAMAGES: &[(&[Patch], &str, &[&str])] = &[
    (&[(0x24, 0x0001_0004)], "BOOT-E008", &["0x10004"]), // e_flags that QEMU refuses
    (&[(4, 0x0001_0103)], "BOOT-E011", &["offset 0x4"]),
    (&[(4, 0x0001_0201)], "BOOT-E012", &["offset 0x5"]),
    (&[(16, 0x0028_0002)], "BOOT-E014", &["machine 40"]), // ARM
    (&[(16, 0x0003_0001)], "BOOT-E015", &["type 1"]),     // ET_REL
    (&[(0x28, 0x0000_0034)], "BOOT-E016", &["0 bytes"]),  // e_phentsize 0
    (&[(at::PHNUM, 0xffff)], "BOOT-E017", &["PN_XNUM"]),
    (&[(at::LOAD, 0)], "BOOT-E018", &["PT_LOAD"]),
    (&[(at::LOAD + 20, 4)], "BOOT-E019", &["0x4 in memory"]), // p_memsz
    (&[(at::LOAD + 12, 0x7000_0000)], "BOOT-E023", &["0x100100"]), // p_paddr moves, the entry stays
    (&moved(0x7000_0000), "BOOT-E021", &["0x70000000"]),      // beyond RAM
    (&moved(0xffff_f000), "BOOT-E021", &["0xfffff000"]),      // and across 4 GiB
    (&moved(0xf_0000), "BOOT-E021", &["0xf0000"]),            // the ROM area
    (&[(at::LOAD + 20, 0xf000_0000)], "BOOT-E021", &["RAM is"]), // p_memsz beyond RAM
    (&[(at::LOAD + 4, 0x100_0000)], "BOOT-E010", &["0x1000000"]), // p_offset beyond the file
    (&[(0x1c, 0xffff_fff0)], "BOOT-E010", &["program header"]), // e_phoff
    (&[(at::NOTE + 16, 0x9000_0000)], "BOOT-E023", &["0x90000000"]), // the entry
    (&[(at::NOTE, 0xffff_ffff)], "BOOT-E025", &["0xffffffff"]), // n_namesz
    (&[(at::NOTE + 4, 0xffff_ffff)], "BOOT-E025", &["0xffffffff"]), // n_descsz
    (&[(at::NOTE + 4, 0)], "BOOT-E027", &["0 bytes"]),
    (&[(at::NOTE + 8, 17)], "BOOT-E029", &["17"]), // another Xen note
    (&[(at::NOTE_HEADER, 0)], "BOOT-E029", &["18"]), // no PT_NOTE
    (&overlapping(0x10_0800), "BOOT-E022", &["0x100000", "0x100800"]),
];

/// The segment and the note's entry in it, elsewhere.
const fn moved(base: u32) -> [Patch; 2] {
    [(at::LOAD + 12, base), (at::NOTE + 16, base + 0x100)]
}

/// A third program header: one more PT_LOAD, of 4 KiB without bytes in the file.
const fn overlapping(base: u32) -> [Patch; 4] {
    let third = at::THIRD_HEADER;
    [(at::PHNUM, 3), (third, 1), (third + 12, base), (third + 20, 0x1000)]
}

fn patched(patches: &[Patch]) -> Vec<u8> {
    let mut kernel = kernels::triple_fault();
    for (offset, value) in patches {
        kernel[*offset..offset + 4].copy_from_slice(&value.to_le_bytes());
    }
    kernel
}

#[test]
fn each_kind_of_damage_to_an_elf_kernel_has_its_code_in_run_and_inspect() {
    let scratch = Scratch::new("bad-elf");
    for (patches, code, words) in DAMAGES {
        let file = scratch.file("kernel", &patched(patches));

        assert_refused(&run(&[&file, "--protocol=pvh"]), code, words);
        let inspected = run(&["inspect", &file]);
        assert!(!inspected.stderr.contains("panicked"), "{patches:?}: {}", inspected.stderr);
        assert!(matches!(inspected.status, Some(0 | 2)), "{patches:?}: {}", inspected.stderr);
    }
}

/// A cut file is refused or, where only unused bytes are gone, runs; it never panics.
#[test]
fn a_kernel_cut_anywhere_never_panics() {
    let scratch = Scratch::new("bad-cut");
    for kernel in [kernels::triple_fault(), kernels::mb1_flat()] {
        for len in (0..kernel.len()).step_by(17) {
            let file = scratch.file("kernel", &kernel[..len]);

            let ran = run(&[&file, "-m", "16M", "--max-insns=10k", "--serial=null"]);

            assert!(matches!(ran.status, Some(0..=7)), "{len} bytes: {}", ran.stderr);
            assert!(ran.status != Some(2) || ran.is_three_line_error(), "{}", ran.stderr);
        }
    }
}

#[test]
fn a_kernel_with_any_header_byte_changed_never_panics() {
    let scratch = Scratch::new("bad-bytes");
    for kernel in [kernels::triple_fault(), kernels::mb1_elf64()] {
        for offset in (0..0xe0).step_by(2) {
            let mut damaged = kernel.clone();
            damaged[offset] ^= 0xff;
            let file = scratch.file("kernel", &damaged);

            let ran = run(&[&file, "-m", "16M", "--max-insns=10k", "--serial=null"]);

            assert!(matches!(ran.status, Some(0..=7)), "byte {offset:#x}: {}", ran.stderr);
            assert!(ran.status != Some(2) || ran.is_three_line_error(), "{}", ran.stderr);
        }
    }
}

#[test]
fn files_that_are_no_kernel_are_called_what_they_are() {
    let scratch = Scratch::new("bad-files");
    let noise: Vec<u8> = (1..5000_u32).map(|i| (i.wrapping_mul(0x9e37_79b1) >> 13) as u8).collect();
    let cases: [(&str, &[u8], &str, &str); 5] = [
        ("empty", b"", "BOOT-E001", "empty"),
        ("noise", &noise, "BOOT-E004", "format"),
        ("text", b"#!/bin/sh\necho not a kernel\n", "BOOT-E004", "format"),
        ("xz", b"\xfd7zXZ\x00\x00\x04\xe6\xd6\xb4\x46", "BOOT-E003", "xz"),
        ("zstd", b"\x28\xb5\x2f\xfd\x04\x58\x00\x00", "BOOT-E003", "zstd"),
    ];
    for (name, bytes, code, word) in cases {
        let ran = run(&[&scratch.file(name, bytes)]);

        assert_refused(&ran, code, &[word, name]);
    }
}

// ---- what does not fit ---------------------------------------------------------------------------

#[test]
fn a_command_line_that_is_too_long_is_refused_with_both_lengths() {
    let scratch = Scratch::new("bad-cmdline");
    let kernel = scratch.kernel("pvh_elf32_note4");
    let line = "x".repeat(2048);

    let ran = run(&[&kernel, "--append", &line]);

    assert_refused(&ran, "BOOT-E060", &["2048", "2047", "--append"]);
}

#[test]
fn too_many_modules_are_refused() {
    let scratch = Scratch::new("bad-modules");
    let (kernel, file) = (scratch.kernel("pvh_elf32_note4"), scratch.file("m", b"m"));
    let mut args = vec![&*kernel];
    args.extend(["--module", &*file].repeat(32));

    assert_refused(&run(&args), "BOOT-E050", &["32", "31"]);
}

/// How much RAM is needed is said, and is enough.
#[test]
fn a_kernel_that_needs_more_ram_says_how_much() {
    let test = "kernels in too little RAM";
    for (file, protocol) in
        [("cloud/vmlinux", "pvh"), ("cloud/vmlinuz", "pvh"), ("cloud/vmlinuz", "linux64")]
    {
        let Some(kernel) = guest(test, file) else { return };
        let args = [&*kernel, "--initrd=none", "--protocol", protocol, "-q"];

        let ran = run(&[&args[..], &["-m", "24M"]].concat());

        let hint = ran.stderr.lines().last().unwrap_or("");
        let size = hint.strip_prefix("hint: give at least -m ").unwrap_or_else(|| panic!("{hint}"));
        assert_eq!(ran.status, Some(2), "{}", ran.stderr);
        assert!(ran.stderr.starts_with("error: BOOT-E"), "{}", ran.stderr);
        let enough = run(&[&args[..], &["-m", size, "--max-insns=1k"]].concat());
        assert_eq!(enough.status, Some(5), "{size}: {}", enough.stderr);
    }
}

#[test]
fn an_initrd_that_does_not_fit_is_refused_with_the_room_there_is() {
    let Some(kernel) = guest("an initrd too large", "cloud/vmlinux") else { return };
    let Some(vmlinuz) = guest("an initrd too large", "cloud/vmlinuz") else { return };
    for kernel in [kernel, vmlinuz] {
        let ran = run(&[&kernel, "-m", "72M", "--initrd", "/dev/zero"]);
        assert_eq!(ran.status, Some(2), "{}", ran.stderr);
        let scratch = Scratch::new("bad-initrd");
        let large = scratch.file("large", &vec![0; 48 << 20]);

        let ran = run(&[&kernel, "-m", "72M", "--initrd", &large]);

        assert_refused(&ran, "BOOT-E052", &["50331648", "free", &large]);
    }
}

/// A bzImage that is cut, or whose payload is damaged.
#[test]
fn a_damaged_bzimage_is_refused_and_says_where() {
    let Some(kernel) = guest("a damaged bzImage", "cloud/vmlinuz") else { return };
    let scratch = Scratch::new("bad-bzimage");
    let whole = std::fs::read(kernel).expect("a kernel");
    let with = |offset: usize, byte: u8| {
        let mut image = whole.clone();
        image[offset] = byte;
        image
    };
    let mut scrambled = whole.clone();
    let middle = scrambled.len() / 2;
    scrambled[middle..middle + 4096].fill(0xa5);
    let cases: [(&str, Vec<u8>, &str, &[&str]); 6] = [
        ("half", whole[..middle].to_vec(), "linux64", &["BOOT-E034"]),
        ("half", whole[..middle].to_vec(), "pvh", &["BOOT-E0"]),
        ("sector", whole[..1024].to_vec(), "linux64", &["BOOT-E033"]),
        ("boot-flag", with(0x1fe, 0), "linux64", &["BOOT-E031", "0x1fe"]),
        ("setup-sects", with(0x1f1, 0xff), "linux64", &["BOOT-E0"]),
        ("payload", scrambled, "pvh", &["BOOT-E082"]),
    ];
    for (name, image, protocol, words) in cases {
        let file = scratch.file(name, &image);

        let ran = run(&[&file, "--protocol", protocol]);

        assert_eq!(ran.status, Some(2), "{name}: {}", ran.stderr);
        assert!(ran.is_three_line_error(), "{name}: {}", ran.stderr);
        assert!(words.iter().all(|word| ran.stderr.contains(word)), "{name}: {}", ran.stderr);
    }
}
