//! Debian's unmodified kernels, from their packages, boot to user space and power off.
//!
//! The init of `initrd-test.cpio` (`guests/fetch`) prints USERSPACE-UP and /proc/version, then powers
//! off. A boot is some 1.4 G instructions, so each serves several promises; those that are compared
//! with others run once for all.

mod runs;

use runs::{Boot, boot, guest};
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
