//! Firmware that starts a boot sector although it was given a kernel: gdb and goals come before the end.

use super::runs::{Scratch, boot};
use super::served::{Served, gdb_exists, marked};

/// A firmware that starts a boot sector at once, the option ROM it does not look at, and a kernel.
fn ignorant_firmware(scratch: &Scratch) -> [String; 4] {
    let mut rom = vec![0; 0x2_0000];
    rom[0x1_fff0..0x1_fff5].copy_from_slice(&[0xea, 0x00, 0x7c, 0x00, 0x00]); // jmp 0000:7c00
    scratch.file("multiboot_dma.bin", &[0; 512]);
    let (bios, kernel) = (scratch.file("bios.bin", &rom), scratch.kernel("mb1_elf32"));
    ["--bios".into(), bios, "--kernel".into(), kernel]
}

/// The run would end with an error there: gdb is told first, of its breakpoint or of a signal.
#[test]
fn a_breakpoint_at_the_boot_sector_stops_although_the_kernel_is_ignored() {
    if !gdb_exists("gdb at the boot sector") {
        return;
    }
    let scratch = Scratch::new("gdb-boot-sector-files");
    let files = ignorant_firmware(&scratch);
    let args = files.each_ref().map(|word| &**word);
    for (breakpoint, told) in [("hbreak *0x7c00", "Breakpoint 1, "), ("p 1", "SIGTRAP")] {
        let served = Served::stopped("gdb-boot-sector", &args);
        let text = served.gdb(&[breakpoint, "continue", "printf \"@@%lx\\n\", $rip", "continue"]);
        let ended = served.end();

        assert_eq!(marked(&text), ["7c00"], "{text}");
        assert!(text.contains(told), "{text}");
        assert!(text.contains("exited with code 02"), "{text}");
        assert_eq!((ended.status, &ended.summary["stop"]), (Some(2), &"error".into()));
        assert!(ended.said.contains("it has not asked for the kernel"), "{}", ended.said);
    }
}

#[test]
fn a_goal_at_the_boot_sector_is_reached_although_the_kernel_is_ignored() {
    let scratch = Scratch::new("until-boot-sector-files");
    let files = ignorant_firmware(&scratch);
    let mut args: Vec<&str> = files.iter().map(|word| &**word).collect();
    let ignored = boot("until-boot-sector-not", &args);
    assert_eq!((ignored.status, ignored.text("stop")), (Some(2), "error"), "{}", ignored.said);

    args.push("--until=pc=0x7c00");
    let ended = boot("until-boot-sector", &args);

    assert_eq!((ended.status, ended.text("stop")), (Some(0), "until"), "{}", ended.said);
}
