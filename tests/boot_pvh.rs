//! PVH: the state and the structures that a kernel finds at its first instruction.
//!
//! The kernels (`guests/asm`, `kernels::entry_state`) save every register before they change one and
//! print what they saved. Expected values: Xen `docs/misc/pvh.pandoc`, "x86/HVM direct boot ABI";
//! `public/arch-x86/hvm/start_info.h`; the memory plan of ARCHITECTURE.md.

mod runs;

use runs::{Scratch, answers, boot, byte_sum, run};

/// Runs an entry-state kernel; it reports on the debug console and leaves by isa-debug-exit.
fn report(scratch: &Scratch, kernel: &str, args: &[&str]) -> String {
    let kernel = scratch.kernel(kernel);
    let device = ["--device=isa-debug-exit,iobase=0xf4", "--debug-exit=ok=0x10", "-q"];
    let ran =
        run(&[&[&*kernel, "--debugcon=stdio", "--max-insns=10M"], &device[..], args].concat());
    assert_eq!(ran.status, Some(0), "{}", ran.stderr);
    assert!(ran.stdout.contains("\nend\n"), "{}", ran.stdout);
    ran.stdout
}

/// All of it but the IDT's base, which means nothing with a limit of 0.
const ENTRY_STATE: &[(&str, &str)] = &[
    // EBX points at start_info; what the ABI leaves open is 0, so that every run begins alike.
    ("eax", "00000000"),
    ("ebx", "00006000"),
    ("ecx", "00000000"),
    ("edx", "00000000"),
    ("esi", "00000000"),
    ("edi", "00000000"),
    ("ebp", "00000000"),
    ("esp", "00000000"),
    // VM, IF, TF and DF are clear; bit 1 is fixed.
    ("eflags", "00000002"),
    // PE; "all the other writeable bits are cleared", and ET reads 1.
    ("cr0", "00000011"),
    ("cr2", "00000000"),
    ("cr3", "00000000"),
    ("cr4", "00000000"),
    ("efer", "00000000"),
    // SDM Vol. 3A, "Processor State After Reset".
    ("dr6", "ffff0ff0"),
    ("dr7", "00000400"),
    // Enabled, default type write-back; no fixed range differs.
    ("mtrr_def_type", "00000806"),
    // 32-bit, readable code: base 0, limit 4 GiB.
    ("cs", "00000008"),
    ("cs.access", "00cf9b00"),
    ("cs.limit", "ffffffff"),
    // 32-bit, writable data, the same in all.
    ("ds", "00000010"),
    ("ds.access", "00cf9300"),
    ("ds.limit", "ffffffff"),
    ("es", "00000010"),
    ("es.access", "00cf9300"),
    ("es.limit", "ffffffff"),
    ("ss", "00000010"),
    ("ss.access", "00cf9300"),
    ("ss.limit", "ffffffff"),
    ("fs", "00000010"),
    ("fs.access", "00cf9300"),
    ("fs.limit", "ffffffff"),
    ("gs", "00000010"),
    ("gs.access", "00cf9300"),
    ("gs.limit", "ffffffff"),
    // "a 32-bit TSS (active) with a base of '0' and a limit of '0x67'".
    ("tr", "00000018"),
    ("tr.access", "00008b00"),
    ("tr.limit", "00000067"),
    ("ldtr", "00000000"),
    ("idtr.limit", "00000000"),
    ("gdtr.base", "00000500"),
    ("gdtr.limit", "0000001f"),
];

#[test]
fn a_pvh_kernel_of_either_class_and_note_size_enters_in_the_state_of_the_abi() {
    let scratch = Scratch::new("pvh-entry");
    for kernel in ["pvh_elf32_note4", "pvh_elf32_note8", "pvh_elf64_note4", "pvh_elf64_note8"] {
        let text = report(&scratch, kernel, &[]);

        for (name, value) in ENTRY_STATE {
            assert_eq!(answers(&text, name), [*value], "{kernel}: {name}");
        }
        // A kernel that reloads a segment before its own LGDT finds the descriptors in RAM.
        let gdt = ["0000000000000000", "00cf9b000000ffff", "00cf93000000ffff", "00008b0000000067"];
        assert_eq!(answers(&text, "gdt"), gdt, "{kernel}");
    }
}

#[test]
fn start_info_without_modules_has_no_list_and_an_empty_command_line() {
    let scratch = Scratch::new("pvh-start-info");

    let text = report(&scratch, "pvh_elf64_note8", &[]);

    let expected = [
        ("magic", "336ec578"),
        ("version", "00000001"),
        ("flags", "00000000"),
        ("nr_modules", "00000000"),
        // FreeBSD halts on a list of no modules.
        ("modlist_paddr", "0000000000000000"),
        ("cmdline_paddr", "0000000000020000"),
        ("rsdp_paddr", "00000000000e0000"),
        ("memmap_paddr", "0000000000007000"),
        ("memmap_entries", "00000004"),
        ("reserved", "00000000"),
    ];
    for (field, value) in expected {
        assert_eq!(answers(&text, &format!("start_info.{field}")), [value], "{field}");
    }
    assert_eq!(answers(&text, "cmdline"), ["\"\""], "never NULL: FreeBSD compares it");
    assert!(answers(&text, "module").is_empty());
}

#[test]
fn the_command_line_arrives_unchanged_and_fits_up_to_2047_bytes() {
    let scratch = Scratch::new("pvh-cmdline");
    for line in ["console=ttyS0 a=\"b c\"  --x", &*"y".repeat(2047)] {
        let text = report(&scratch, "pvh_elf32_note4", &["--append", line]);

        assert_eq!(answers(&text, "cmdline"), [format!("\"{line}\"")]);
    }
}

/// Address, size, type, and the reserved word that must be 0.
#[test]
fn the_memory_map_is_sorted_and_continues_at_4_gib() {
    let scratch = Scratch::new("pvh-map");
    let low = [
        "0000000000000000 000000000009fc00 00000001 00000000",
        "000000000009fc00 0000000000000400 00000002 00000000",
        "00000000000e0000 0000000000020000 00000002 00000000",
    ];
    let cases: [(&str, &[&str]); 4] = [
        ("16M", &["0000000000100000 0000000000f00000 00000001 00000000"]),
        ("512M", &["0000000000100000 000000001ff00000 00000001 00000000"]),
        ("3G", &["0000000000100000 00000000bff00000 00000001 00000000"]),
        (
            "5G",
            &[
                "0000000000100000 00000000bff00000 00000001 00000000",
                "0000000100000000 0000000080000000 00000001 00000000",
            ],
        ),
    ];
    for (size, high) in cases {
        let text = report(&scratch, "pvh_elf32_note4", &["-m", size]);

        assert_eq!(answers(&text, "memmap"), [&low[..], high].concat(), "-m {size}");
    }
}

/// FreeBSD allocates above the highest module, so there must be RAM; 32-bit pointers must reach all.
#[test]
fn modules_arrive_whole_with_their_strings_below_4_gib_and_below_free_ram() {
    let scratch = Scratch::new("pvh-modules");
    let large: Vec<u8> = (0..70_001_u32).map(|i| (i.wrapping_mul(i) >> 7) as u8).collect();
    let (first, second) = (scratch.file("first", b"a module"), scratch.file("second", &large));
    for (size, ram_end) in [("32M", 32 << 20), ("5G", 0xc000_0000_u64)] {
        let (with_string, without) = (format!("{first} key=\"v w\""), second.clone());
        let args = ["-m", size, "--module", &with_string, "--module", &without];

        let text = report(&scratch, "pvh_elf64_note4", &args);

        assert_eq!(answers(&text, "start_info.nr_modules"), ["00000002"]);
        let modules = answers(&text, "module");
        let expected = [(b"a module".len(), byte_sum(b"a module"), "\"key=\"v w\"\""), {
            (large.len(), byte_sum(&large), "\"\"")
        }];
        assert_eq!(modules.len(), 2);
        for (module, (len, sum, string)) in modules.iter().zip(expected) {
            let (addr, rest) = module.split_once(' ').unwrap();
            assert_eq!(rest, format!("{len:016x} {sum} {string}"));
            let addr = u64::from_str_radix(addr, 16).unwrap();
            assert!(addr.is_multiple_of(4096) && addr > 0x10_a000, "{addr:#x}");
            assert!(addr + (len as u64) + (1 << 20) < ram_end, "{addr:#x}: free RAM above");
        }
    }
}

#[test]
fn an_rsdp_is_where_start_info_says_unless_acpi_is_off() {
    let scratch = Scratch::new("pvh-rsdp");

    let full = report(&scratch, "pvh_elf32_note4", &["--dump=mem:0xe0000+16"]);
    let off = report(&scratch, "pvh_elf32_note4", &["--acpi=off"]);

    assert_eq!(answers(&full, "start_info.rsdp_paddr"), ["00000000000e0000"]);
    assert!(full.contains("52 53 44 20 50 54 52 20"), "\"RSD PTR \": {full}");
    assert_eq!(answers(&off, "start_info.rsdp_paddr"), ["0000000000000000"]);
}

/// Five levels, pages of 1 GiB, protection keys, PCIDs and their faults: what the largest model has.
#[test]
fn the_newer_parts_of_paging_work_on_the_model_that_has_them() {
    let scratch = Scratch::new("pvh-paging");

    for (model, console) in [
        ("max", "PAGING OK\n"),
        ("qemu64", "PAGING: the processor lacks LA57, PKU, PCID or pages of 1 GiB\n"),
    ] {
        let run = boot("pvh-paging-run", &["--cpu", model, &scratch.kernel("paging")]);

        assert_eq!((run.status, run.console.as_str()), (Some(0), console), "{}", run.said);
    }
}

/// 32-bit code with PAE paging of its own: mapping, accessed and dirty bits, INVLPG, page faults.
#[test]
fn a_32_bit_kernel_pages_by_pae() {
    let scratch = Scratch::new("pvh-pae");

    let pae = boot("pvh-pae-run", &[&scratch.kernel("pae")]);

    assert_eq!(pae.status, Some(0), "{}", pae.said);
    assert_eq!(pae.console, "PAE OK\n");
    assert_eq!((pae.text("protocol"), pae.text("stop")), ("pvh", "poweroff"));
}

#[test]
fn a_kernel_without_the_wanted_protocol_is_refused_by_name() {
    let scratch = Scratch::new("pvh-wanted");
    for (kernel, wanted) in
        [("pvh_elf32_note4", "multiboot1"), ("pvh_elf32_note4", "linux64"), ("mb1_elf32", "pvh")]
    {
        let ran = run(&[&scratch.kernel(kernel), "--protocol", wanted]);

        assert_eq!(ran.status, Some(2), "{}", ran.stderr);
        assert!(ran.is_three_line_error(), "{}", ran.stderr);
        assert!(ran.stderr.starts_with("error: BOOT-E"), "{}", ran.stderr);
        assert!(ran.stderr.contains(wanted) || ran.stderr.contains("18"), "{}", ran.stderr);
    }
}
