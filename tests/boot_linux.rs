//! Debian's unmodified kernels, from their packages, boot to user space and power off.
//!
//! The init of `initrd-test.cpio` (`guests/fetch`) prints USERSPACE-UP and /proc/version, then powers
//! off. A boot is some 1.4 G instructions, so each serves several promises; those that are compared
//! with others run once for all.

mod runs;

use runs::{Boot, Scratch, boot, executable, guest, i386_archive, run};
use std::sync::OnceLock;

const CONSOLE: &str = "--append=console=ttyS0";
/// Virtual memory map of Linux (`Documentation/arch/x86/x86_64/mm.rst`): kernel text, 512 MiB to 1 GiB.
const KERNEL_TEXT: std::ops::Range<u64> = 0xffff_ffff_8000_0000..0xffff_ffff_c000_0000;

/// Boots a kernel of `guests/cache` with the test initramfs.
fn boot_debian(name: &str, kernel: &str, args: &[&str]) -> Option<Boot> {
    let (kernel, initrd) = (guest(name, kernel)?, guest(name, "initrd-test.cpio")?);
    Some(boot(name, &[&[&*kernel, "--initrd", &*initrd, CONSOLE, "-q"], args].concat()))
}

/// The cloud kernel by PVH, with the registers at its end.
fn cloud_by_pvh() -> Option<&'static Boot> {
    static BOOT: OnceLock<Option<Boot>> = OnceLock::new();
    let boot =
        || boot_debian("linux-cloud-pvh", "cloud/vmlinux", &["--dump=regs", "--protocol=pvh"]);
    BOOT.get_or_init(boot).as_ref()
}

#[track_caller]
fn assert_has(boot: &Boot, words: &[&str]) {
    for word in words {
        assert!(boot.console.contains(word), "{word}\n{}\n{}", boot.console, boot.said);
    }
}

#[track_caller]
fn assert_reached_user_space_and_powered_off(boot: &Boot) {
    assert_has(boot, &["\nUSERSPACE-UP\r\n", "\nLinux version 6.", "reboot: Power down"]);
    assert_eq!((boot.status, boot.text("stop")), (Some(0), "poweroff"), "{}", boot.said);
    assert_eq!(boot.number("exit_code"), 0);
    assert_eq!(boot.milestones().last(), Some(&"power_off"));
    assert!(boot.milestones().contains(&"user"), "{:?}", boot.milestones());
}

#[track_caller]
fn assert_same(first: &Boot, second: &Boot) {
    assert_eq!(first.console, second.console);
    for key in ["state_hash", "instructions", "virtual_ns", "devices"] {
        assert_eq!(first.summary[key], second.summary[key], "{key}");
    }
}

/// The same kernel, so the same machine at the end, to the last bit of RAM.
#[test]
fn the_cloud_kernel_boots_by_pvh_and_out_of_its_bzimage_to_the_same_state() {
    let Some(elf) = cloud_by_pvh() else { return };
    let args = ["--dump=regs", "--protocol=pvh"];
    let packed = boot_debian("linux-cloud-packed", "cloud/vmlinuz", &args).expect("a guest");

    assert_reached_user_space_and_powered_off(elf);
    assert_eq!(elf.milestones(), ["entry", "long_mode", "first_console", "user", "power_off"]);
    assert_eq!(elf.text("protocol"), "pvh");
    // The TSC is measured by the PIT at its stated 1 GHz, to a tenth of a thousandth; the ACPI tables are
    // taken without complaint.
    let mhz = elf.console.split("tsc: Detected ").nth(1).and_then(|rest| rest.split(' ').next());
    let mhz: f64 = mhz.and_then(|mhz| mhz.parse().ok()).expect("a measured frequency");
    assert!((999.9..1000.1).contains(&mhz), "{mhz}");
    assert_has(elf, &["ACPI: RSDP 0x00000000000E0000"]);
    for complaint in ["ACPI Error", "ACPI BIOS Error", "ACPI Warning", "Call Trace", "BUG:"] {
        assert!(!elf.console.contains(complaint), "{complaint}: {}", elf.console);
    }
    assert_same(elf, &packed);
}

#[test]
fn the_generic_kernel_boots_by_pvh_twice_to_the_same_state() {
    let args = ["--protocol=pvh"];
    let Some(first) = boot_debian("linux-generic", "generic/vmlinux", &args) else { return };
    let again = boot_debian("linux-generic-again", "generic/vmlinux", &args).expect("a guest");

    assert_reached_user_space_and_powered_off(&first);
    assert_same(&first, &again);
}

/// The decompressor moves the kernel: the instruction that powers off lies elsewhere by a multiple of
/// 2 MiB.
#[test]
fn the_bzimage_boots_by_its_64_bit_entry_and_chooses_its_address() {
    let Some(fixed) = cloud_by_pvh() else { return };
    let args = ["--dump=regs"];
    let moved = boot_debian("linux-cloud-linux64", "cloud/vmlinuz", &args).expect("a guest");

    assert_reached_user_space_and_powered_off(&moved);
    assert_eq!(moved.text("protocol"), "linux64", "a bzImage's own protocol comes first");
    assert!(KERNEL_TEXT.contains(&fixed.rip()) && KERNEL_TEXT.contains(&moved.rip()));
    let slide = moved.rip().abs_diff(fixed.rip());
    assert!(slide != 0 && slide.is_multiple_of(0x20_0000), "{slide:#x}");
}

/// The same unpacking as by the 64-bit entry, after a way through 32-bit mode.
#[test]
fn the_bzimage_boots_by_its_32_bit_entry() {
    let args = ["--protocol=linux32"];
    let Some(boot) = boot_debian("linux-cloud-linux32", "cloud/vmlinuz", &args) else { return };

    assert_reached_user_space_and_powered_off(&boot);
    assert_eq!(boot.text("protocol"), "linux32");
}

/// An ELF vmlinux has a 64-bit entry beside PVH's.
#[test]
fn the_vmlinux_boots_by_its_64_bit_entry() {
    let args = ["--protocol=linux64"];
    let Some(boot) = boot_debian("linux-vmlinux-linux64", "cloud/vmlinux", &args) else { return };

    assert_reached_user_space_and_powered_off(&boot);
    assert_eq!(boot.text("protocol"), "linux64");
}

/// The kernel of Debian's 32-bit installer has neither a 64-bit entry nor a PVH note.
#[test]
fn a_32_bit_kernel_boots_by_its_32_bit_entry_to_user_space() {
    let Some(kernel) = guest("linux-i386", "i386/vmlinuz") else { return };
    let scratch = Scratch::new("linux-i386-init");
    let archive = i386_archive(&scratch);

    // XZ by 32-bit code: 6.8 G instructions.
    let args = ["--initrd", &*archive, CONSOLE, "--max-insns=8G"];
    let boot = boot("linux-i386-run", &[&[&*kernel], &args[..]].concat());

    assert_has(&boot, &["USERSPACE-UP", "reboot: Power down"]);
    assert_eq!((boot.status, boot.text("protocol")), (Some(0), "linux32"), "{}", boot.said);
}

/// memtest86+ cannot be moved, starts at 1 MiB and takes a command line of 255 characters.
#[test]
fn memtest86_is_planned_where_it_is_linked() {
    let Some(kernel) = guest("memtest86+", "memtest/x64.bin") else { return };
    let long = format!("--append={}", "x".repeat(256));

    let boot = boot("memtest", &[&kernel, "--explain-boot", "--max-insns=1M"]);
    let refused = run(&[&kernel, &long]);

    assert_eq!((boot.text("protocol"), boot.text("stop")), ("linux64", "limit"), "{}", boot.said);
    for words in ["64-bit entry, loaded at 0x100000", "also offers linux32", "protocol 2.12"] {
        assert!(boot.console.contains(words), "{words}: {}", boot.console);
    }
    assert_eq!(refused.status, Some(2));
    assert!(refused.stderr.contains("command line is 256 bytes"), "{}", refused.stderr);
}

/// Without `--initrd`, the built-in initramfs boots, and the user is told.
#[test]
fn the_built_in_initramfs_boots_in_128_mib() {
    let Some(kernel) = guest("built-in initramfs", "cloud/vmlinux") else { return };

    let boot = boot("linux-built-in", &[&kernel, "-m", "128M", CONSOLE]);

    assert_reached_user_space_and_powered_off(&boot);
    assert_has(&boot, &["[mem 0x0000000000100000-0x0000000007ffffff] usable"]);
    assert!(boot.said.contains("built-in initramfs"), "{}", boot.said);
    assert!(boot.said.lines().last().is_some_and(|line| line.contains("powered off")));
}

#[test]
fn ram_of_3_gib_ends_below_the_devices() {
    let Some(boot) = boot_debian("linux-3g", "cloud/vmlinux", &["-m", "3G"]) else { return };

    assert_reached_user_space_and_powered_off(&boot);
    assert_has(&boot, &["[mem 0x0000000000100000-0x00000000bfffffff] usable", "K/3145336K avail"]);
}

#[test]
fn ram_of_5_gib_continues_above_4_gib() {
    let Some(boot) = boot_debian("linux-5g", "cloud/vmlinux", &["-m", "5G"]) else { return };

    assert_reached_user_space_and_powered_off(&boot);
    assert_has(&boot, &["[mem 0x0000000100000000-0x000000017fffffff] usable", "K/5242488K avail"]);
}

/// Below 4 GiB only 32 MiB are free: the kernel needs 51 MiB to unpack itself, and the ramdisk is larger too.
/// Both say that they may lie above (xloadflags bit 1, ext_ramdisk_image).
#[test]
fn a_kernel_and_its_ramdisk_boot_from_above_4_gib() {
    let test = "linux-above-4g";
    let (Some(kernel), Some(busybox)) = (guest(test, "cloud/vmlinuz"), guest(test, "busybox"))
    else {
        return;
    };
    let scratch = Scratch::new("linux-above-4g-files");
    let tree = scratch.path("tree");
    for folder in ["bin", "dev", "proc"] {
        std::fs::create_dir_all(format!("{tree}/{folder}")).expect("a folder");
    }
    std::fs::copy(busybox, format!("{tree}/bin/busybox")).expect("a program");
    std::fs::write(format!("{tree}/ballast"), vec![0; 40 << 20]).expect("a file");
    let script = "#!/bin/busybox sh\n/bin/busybox echo USERSPACE-UP\n\
                  /bin/busybox mount -t proc proc /proc\n/bin/busybox cat /proc/version\n\
                  /bin/busybox poweroff -f\n";
    std::fs::write(format!("{tree}/init"), script).expect("a script");
    for program in ["init", "bin/busybox"] {
        executable(&format!("{tree}/{program}"));
    }
    let archive = scratch.path("large.cpio");
    assert_eq!(run(&["mkinitrd", &tree, "-o", &archive]).status, Some(0));
    let (low, all) = ("--reserve=0x2000000+0xbe000000", ["-m", "6G", "--explain-boot", CONSOLE]);

    let boot = boot(test, &[&[&*kernel, "--initrd", &archive, low], &all[..]].concat());

    assert_reached_user_space_and_powered_off(&boot);
    assert_has(
        &boot,
        &[
            "64-bit entry, loaded at 0x100000000",
            "RAMDISK: [mem 0x1b",
            "BIOS-e820: [mem 0x0000000002000000-0x00000000bfffffff] reserved",
        ],
    );
}

/// Without ACPI there is no way to power off: Linux halts with interrupts off.
#[test]
fn without_acpi_the_kernel_reaches_user_space_and_halts() {
    let Some(boot) = boot_debian("linux-no-acpi", "cloud/vmlinux", &["--acpi=off"]) else {
        return;
    };

    assert_has(&boot, &["\nUSERSPACE-UP\r\n", "reboot: System halted"]);
    assert!(!boot.console.contains("ACPI: RSDP"), "{}", boot.console);
    assert_eq!((boot.status, boot.text("stop")), (Some(7), "halted"), "{}", boot.said);
    assert!(boot.said.contains("interrupts are off"), "{}", boot.said);
    assert!(!boot.milestones().contains(&"power_off"));
}

/// Hardware-reduced ACPI: no PIC, PIT, RTC and PM timer. The kernel is told how fast the TSC is, sets up the
/// local APIC's timer by it, and powers off by the sleep control register.
#[test]
fn with_reduced_acpi_the_kernel_needs_no_legacy_device_and_powers_off() {
    let test = "linux-reduced";
    let (Some(kernel), Some(initrd)) =
        (guest(test, "cloud/vmlinux"), guest(test, "initrd-test.cpio"))
    else {
        return;
    };
    let append = "--append=console=ttyS0 tsc_early_khz=1000000";

    let boot = boot(test, &[&kernel, "--initrd", &initrd, "--acpi=reduced", append]);

    assert_has(&boot, &["tsc: Detected 1000.000 MHz", "USERSPACE-UP", "reboot: Power down"]);
    assert_eq!((boot.status, boot.text("stop")), (Some(0), "poweroff"), "{}", boot.said);
    for device in ["pic", "pit", "rtc"] {
        assert_eq!(boot.summary["devices"][device], 0, "{device}");
    }
}

/// The same without a word on the command line: Linux takes the TSC's frequency, and with it the local APIC
/// timer's, from CPUID leaf 0x15 of an Intel processor, and then needs no other clock.
#[test]
fn with_reduced_acpi_an_intel_model_tells_the_frequency_itself() {
    let args = ["--acpi=reduced", "--cpu=x86-64-v3-intel"];
    let Some(boot) = boot_debian("linux-reduced-intel", "cloud/vmlinux", &args) else { return };

    assert_reached_user_space_and_powered_off(&boot);
    assert_has(&boot, &["tsc: Detected 1000.000 MHz", "TSC deadline timer available"]);
    for complaint in ["unchecked MSR", "unstable", "Call Trace"] {
        assert!(!boot.console.contains(complaint), "{complaint}: {}", boot.console);
    }
    for device in ["pic", "pit", "rtc"] {
        assert_eq!(boot.summary["devices"][device], 0, "{device}");
    }
}

/// No root file system at all: the kernel panics, and `panic=-1` resets at once.
#[test]
fn a_kernel_panic_ends_in_a_reset_that_no_reboot_reports() {
    let Some(kernel) = guest("kernel panic", "cloud/vmlinux") else { return };
    let append = "--append=console=ttyS0 panic=-1";

    let boot = boot("linux-panic", &[&kernel, "--initrd=none", append, "--no-reboot"]);

    assert_has(&boot, &["Kernel panic - not syncing: VFS: Unable to mount root fs"]);
    assert_eq!((boot.status, boot.text("stop")), (Some(3), "reset"), "{}", boot.said);
    assert!(!boot.said.contains("built-in"), "{}", boot.said);
}
