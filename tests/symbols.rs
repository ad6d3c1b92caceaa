//! Names of addresses: of a stripped kernel that chooses its own place, in the log, in the story of an end
//! and for `--until`; and a file of names for a kernel that has some.

mod runs;

use runs::{Boot, Scratch, boot, guest, run};

const APPEND: [&str; 2] = ["--append", "console=ttyS0 quiet"];

/// What a boot must not show a difference in.
fn course(boot: &Boot) -> (&str, u64, u64) {
    (boot.text("state_hash"), boot.number("instructions"), boot.number("virtual_ns"))
}

/// 130 M instructions: the kernel has unpacked itself and runs in the upper half.
#[test]
fn a_stripped_kernel_that_moved_itself_is_named_in_the_log_and_takes_the_same_way() {
    let test = "symbols-log";
    let Some(kernel) = guest(test, "cloud/vmlinuz") else { return };
    let scratch = Scratch::new("symbols-log-file");
    let file = scratch.path("log");
    let args = [&["--kernel", &*kernel, "--max-insns=130M"][..], &APPEND].concat();

    let plain = boot(test, &args);
    let logged = boot("symbols-logged", &[&args[..], &["-d", "msr,mode", "-D", &file]].concat());

    assert_eq!(course(&plain), course(&logged));
    let log = std::fs::read_to_string(&file).expect("a log");
    let upper: Vec<_> = log.lines().filter(|line| line.contains(" at 0xffffffff")).collect();
    assert!(upper.len() > 20, "{log}");
    for line in upper {
        assert!(line.ends_with('>') && line.contains(" <"), "{line}");
    }
    assert!(log.contains("<secondary_startup_64_no_verify+"), "the first code there too: {log}");
}

#[test]
fn a_stripped_elf_kernel_stops_at_a_symbol_and_one_that_moves_itself_says_why_not() {
    let test = "symbols-until";
    let (Some(elf), Some(packed)) = (guest(test, "cloud/vmlinux"), guest(test, "cloud/vmlinuz"))
    else {
        return;
    };
    let until = ["--until", "pc=start_kernel", "--dump", "regs"];

    let stopped = boot(test, &[&["--kernel", &*elf][..], &APPEND, &until].concat());
    let args = ["--kernel", &*packed, "--append", "nokaslr"];
    let fixed = boot("symbols-nokaslr", &[&args[..], &until].concat());
    let refused = run(&[&["-q", "--kernel", &*packed][..], &APPEND, &until].concat());

    assert_eq!((stopped.status, fixed.status), (Some(0), Some(0)), "{}", stopped.said);
    assert_eq!(stopped.rip(), fixed.rip());
    assert!(stopped.rip() >= 0xffff_ffff_8000_0000);
    assert!(refused.is_three_line_error() && refused.stderr.contains("nokaslr"), "{refused:?}");
}

/// The kernel without ACPI cannot power off, and halts for ever in a function that has a name.
#[test]
fn the_story_of_a_halt_names_the_function() {
    let test = "symbols-halt";
    let (Some(kernel), Some(initrd)) =
        (guest(test, "cloud/vmlinuz"), guest(test, "initrd-test.cpio"))
    else {
        return;
    };
    let args = ["--kernel", &*kernel, "--initrd", &*initrd, "--acpi=off"];

    let boot = boot(test, &[&args[..], &APPEND].concat());

    assert_eq!(boot.status, Some(7), "{}", boot.said);
    assert!(boot.said.contains(" <stop_this_cpu+0x"), "{}", boot.said);
}

#[test]
fn a_file_of_names_names_a_kernel_without_any() {
    let scratch = Scratch::new("symbols-file");
    let kernel = scratch.kernel("triple_fault");
    let entry = boot("symbols-entry", &[&kernel, "--until=insn=1", "--dump=regs"]).rip();
    let names = scratch.file("System.map", format!("{:x} T first\n", entry & !0xff).as_bytes());
    let empty = scratch.file("empty", b"nothing\n");

    let told = run(&[&kernel, "--symbols", &names]);
    let refused = run(&[&kernel, "--symbols", &empty]);

    assert_eq!(told.status, Some(4));
    assert!(told.stderr.contains(" <first+0x"), "{}", told.stderr);
    assert!(refused.is_three_line_error() && refused.stderr.contains("no symbols"), "{refused:?}");
}
