//! The firmware way: SeaBIOS and qboot as distributions ship them, with the option ROMs of QEMU.

mod runs;

use bootscope_guests::roms;
use runs::talk::Talk;
use runs::{Boot, Scratch, boot, bootscope, grub, guest};

const APPEND: &str = "console=ttyS0 quiet";

/// What a boot through firmware needs; `None` where guests are skipped.
struct Files {
    rom: String,
    kernel: String,
    initrd: String,
}

fn files(test: &str, rom: &str, kernel: &str) -> Option<Files> {
    let initrd = guest(test, "initrd-test.cpio")?;
    Some(Files { rom: guest(test, rom)?, kernel: guest(test, kernel)?, initrd })
}

/// The paths of several fetched guests; `None` where guests are skipped.
fn guests<const N: usize>(test: &str, files: [&str; N]) -> Option<[String; N]> {
    let paths: Option<Vec<String>> = files.iter().map(|file| guest(test, file)).collect();
    paths?.try_into().ok()
}

fn to_user_space(test: &str, rom: &str, kernel: &str) -> Option<Boot> {
    let files = files(test, rom, kernel)?;
    let args = ["--bios", &files.rom, "--kernel", &files.kernel, "--initrd", &files.initrd];
    let boot = boot(test, &[&args[..], &["--append", APPEND, "--explain-boot"]].concat());

    assert_eq!(boot.status, Some(0), "{rom} {kernel}: {}", boot.said);
    assert_eq!((boot.text("protocol"), boot.text("stop")), ("firmware", "poweroff"));
    assert!(boot.console.contains("USERSPACE-UP"), "{rom} {kernel}");
    Some(boot)
}

#[test]
fn seabios_starts_a_bzimage_by_the_boot_entry_of_linuxboot() {
    let test = "fw-seabios-bzimage";
    let Some(boot) = to_user_space(test, "roms/bios-256k.bin", "cloud/vmlinuz") else { return };

    assert!(boot.console.contains("option ROM linuxboot_dma.bin"));
    assert!(boot.console.contains("/rom@genroms/linuxboot_dma.bin"));
}

#[test]
fn seabios_starts_an_elf_kernel_by_pvh_bin() {
    to_user_space("fw-seabios-pvh", "roms/bios-256k.bin", "cloud/vmlinux");
}

#[test]
fn qboot_starts_a_bzimage_and_an_elf_kernel() {
    to_user_space("fw-qboot-bzimage", "roms/qboot.rom", "cloud/vmlinuz");
    to_user_space("fw-qboot-pvh", "roms/qboot.rom", "cloud/vmlinux");
}

/// SeaBIOS as built for QEMU's microvm has no driver for disks or a keyboard; what it needs for a kernel is
/// there. (Debian's qemu-system-data calls qboot by the same name.)
#[test]
fn seabios_for_microvm_starts_a_bzimage_and_an_elf_kernel() {
    to_user_space("fw-microvm-bzimage", "roms/bios-microvm.bin", "cloud/vmlinuz");
    to_user_space("fw-microvm-pvh", "roms/bios-microvm.bin", "cloud/vmlinux");
}

/// U-Boot is a firmware of its own: it sets up the chipset and asks for a key on the serial line.
#[test]
fn u_boot_reaches_its_prompt_and_answers() {
    let Some(rom) = guest("fw-u-boot", "roms/u-boot.rom") else { return };
    let mut talk = Talk::with(bootscope(&["--bios", &rom, "--max-insns=20G"]));

    let banner = talk.expects("Hit any key to stop autoboot");
    talk.types("\n");
    talk.expects("=> ");
    talk.types("bdinfo\n");
    let answer = talk.expects("=> ");
    talk.types("\x01x");

    assert!(banner.contains("U-Boot 20") && banner.contains("DRAM:  512 MiB"), "{banner}");
    assert!(answer.contains("size     = 0x20000000"), "{answer}");
    assert_eq!(talk.ends(), Some(130), "Ctrl-A x");
}

/// SeaBIOS, Xen, a kernel for dom0 and its ramdisk.
const XEN: [&str; 4] = ["roms/bios-256k.bin", "xen/xen.elf", "cloud/vmlinuz", "initrd-test.cpio"];
const XEN_APPEND: &str = "com1=115200,8n1 console=com1 dom0_mem=512M";
const DOM0_APPEND: &str = "console=hvc0 earlyprintk=xen";

fn assert_dom0_runs_its_init(boot: &Boot) {
    assert_eq!((boot.status, boot.text("stop")), (Some(0), "until"), "{}", boot.said);
    for words in ["(XEN) Command line: ", XEN_APPEND, "Run /init as init process"] {
        assert!(boot.console.contains(words), "{words}\n{}", boot.console);
    }
}

#[test]
fn xen_behind_seabios_boots_a_dom0_kernel_by_multiboot() {
    let test = "fw-seabios-xen";
    let Some([rom, xen, kernel, initrd]) = guests(test, XEN) else { return };
    let dom0 = format!("{kernel} {DOM0_APPEND}");
    let modules = ["--module", &dom0, "--module", &initrd, "-m", "1G"];
    let goal = ["--append", XEN_APPEND, "--until", "serial~Run /init as init process"];

    let boot = boot(test, &[&["--bios", &rom, "--kernel", &xen], &modules[..], &goal].concat());

    assert_dom0_runs_its_init(&boot);
}

#[test]
fn grub_boots_xen_and_its_dom0_kernel_by_multiboot_1_and_2() {
    let test = "fw-grub-xen";
    let Some([rom, xen, kernel, initrd]) = guests(test, XEN) else { return };
    for version in ["", "2"] {
        let scratch = Scratch::new(&format!("fw-grub-xen-image{version}"));
        let menu = [
            format!("multiboot{version} /boot/xen {XEN_APPEND}"),
            format!("module{version} /boot/vmlinuz {DOM0_APPEND}"),
            format!("module{version} /boot/initrd"),
        ];
        let files = [(&*xen, "xen"), (&*kernel, "vmlinuz"), (&*initrd, "initrd")];
        let menu = [&*menu[0], &menu[1], &menu[2]];
        let Some(disc) = grub::image_of(test, &scratch, &files, &menu) else { return };
        let goal = ["-m", "1G", "--until", "serial~Run /init as init process"];

        let boot = boot(test, &[&["--bios", &rom, "--cdrom", &disc], &goal[..]].concat());

        assert_dom0_runs_its_init(&boot);
        assert!(boot.console.contains("(XEN) Bootloader: GRUB"), "multiboot{version}");
    }
}

#[test]
fn without_a_kernel_seabios_says_so_on_the_debug_port_and_boots_nothing() {
    let test = "fw-seabios-alone";
    let Some(rom) = guest(test, "roms/bios.bin") else { return };
    let scratch = Scratch::new("fw-seabios-alone-log");
    let log = scratch.path("debugcon");

    let args = ["--bios", &rom, "--debugcon", &format!("file:{log}"), "--max-insns", "60M"];
    let boot = boot(test, &args);

    let said = std::fs::read_to_string(&log).unwrap();
    assert!(said.starts_with("SeaBIOS (version"), "{said}");
    assert!(said.contains("No bootable device."), "{said}");
    assert_ne!(boot.status, Some(0));
}

/// Bochs' BIOS has a debug port and ACPI tables of its own, and asks fw_cfg for nothing. The disk would
/// power off.
#[test]
fn a_firmware_that_does_not_ask_for_its_kernel_ends_with_an_error_and_boots_no_disk() {
    let test = "fw-bochs";
    let (Some(bios), Some(kernel)) = (guest(test, "roms/bochs.bin"), guest(test, "cloud/vmlinuz"))
    else {
        return;
    };
    let scratch = Scratch::new("fw-bochs-disk");
    let off = [0xba, 0x04, 0x06, 0xb8, 0x01, 0x20, 0xef]; // mov dx, 0x604; mov ax, 0x2001; out dx, ax
    let mut sectors = vec![0; 1 << 20];
    sectors[..off.len()].copy_from_slice(&off);
    sectors[510..512].copy_from_slice(&[0x55, 0xaa]);
    let disk = format!("--drive=file={},format=raw", scratch.file("disk.img", &sectors));

    let args = ["--bios", &bios, "--kernel", &kernel, "--debugcon", "stdio", "--max-insns", "300M"];
    let boot = boot(test, &[&args[..], &[&*disk]].concat());

    assert!(boot.console.contains("Starting rombios32"), "{}", boot.console);
    assert_eq!((boot.status, boot.text("stop")), (Some(2), "error"), "{}", boot.said);
    assert!(boot.said.contains("it has not asked for the kernel"), "{}", boot.said);
}

/// BIOS Boot Specification: of two devices with a boot entry vector the order decides, and a ROM that
/// took INT 19h goes before all of them.
#[test]
fn the_boot_order_decides_which_rom_is_started_and_int_19h_is_there_to_be_taken() {
    let test = "fw-order";
    let Some(bios) = guest(test, "roms/bios-256k.bin") else { return };
    let scratch = Scratch::new("fw-order-roms");
    let first = scratch.file("a.rom", &roms::boot_entry("ROM A"));
    let second = scratch.file("b.rom", &roms::boot_entry("ROM B"));
    let hook = scratch.file("hook.rom", &roms::int19_hook("HOOK"));
    let with = |rom: &str, index: u32| format!("--option-rom=rom={rom},bootindex={index}");
    let started = |words: &[&str]| {
        let boot = boot(test, &[&["--bios", &bios, "--max-insns", "100M"], words].concat());
        assert_eq!(boot.status, Some(0), "{words:?}: {}", boot.said);
        boot.console.lines().last().unwrap_or("").trim_end().to_owned()
    };

    assert_eq!(started(&[&with(&first, 0), &with(&second, 1)]), "ROM A");
    assert_eq!(started(&[&with(&first, 1), &with(&second, 0)]), "ROM B");
    assert_eq!(started(&["--option-rom", &second]), "ROM B", "the only device there is");
    assert_eq!(started(&["--option-rom", &hook, &with(&first, 0)]), "HOOK");
}

/// El Torito: SeaBIOS loads the boot image of the CD-ROM by PIO. The screen is read as text.
#[test]
fn memtest86_begins_its_tests_from_a_cd_rom() {
    let test = "fw-memtest";
    let (Some(bios), Some(disc)) =
        (guest(test, "roms/bios-256k.bin"), guest(test, "memtest/x64.iso"))
    else {
        return;
    };

    let goal = ["--screen", "text", "--until", "screen~Test #0"];
    let boot = boot(test, &[&["--bios", &bios, "--cdrom", &disc][..], &goal].concat());

    assert_eq!(boot.status, Some(0), "{}", boot.said);
    assert!(boot.console.contains("Memtest86+ v"), "{}", boot.console);
}

/// GRUB's own image is both: a CD-ROM by El Torito, and a disk with a boot sector.
#[test]
fn grub_shows_its_menu_on_the_serial_line_and_boots_from_cd_rom_and_disk() {
    let test = "fw-grub";
    let files = ["roms/bios-256k.bin", "cloud/vmlinuz", "initrd-test.cpio"];
    let Some([rom, kernel, initrd]) = guests(test, files) else { return };
    let scratch = Scratch::new("fw-grub-image");
    let Some(image) = grub::image(test, &scratch, &kernel, &initrd) else { return };
    let disk = format!("--drive=file={image},format=raw,if=ide,snapshot=on");

    for way in [&["--cdrom", &image][..], &[&disk]] {
        let boot = boot(test, &[&["--bios", &rom], way].concat());

        assert_eq!(boot.status, Some(0), "{way:?}: {}", boot.said);
        assert!(boot.console.contains("GNU GRUB"), "{way:?}");
        assert!(boot.console.contains("USERSPACE-UP"), "{way:?}");
    }
}
