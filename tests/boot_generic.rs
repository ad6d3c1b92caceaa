//! Debian's kernel for every PC by every way there is: to user space and power-off.
//!
//! `boot_linux.rs` and `boot_firmware.rs` ask more of each way, with the cloud kernel, whose payload unpacks
//! faster: here it is XZ, 4.5 G instructions. By PVH the same kernel boots in `boot_linux.rs`.

mod runs;

use runs::{Scratch, boot, grub, guest};

const KERNEL: &str = "generic/vmlinuz";
const SEABIOS: &str = "roms/bios-256k.bin";

/// Boots with the test initramfs unless the arguments end with a drive, whose GRUB has it.
fn reaches_user_space(test: &str, args: &[&str], protocol: &str) {
    let args = [&["--max-insns=9G"], args].concat();

    let boot = boot(test, &args);

    assert_eq!((boot.status, boot.text("stop")), (Some(0), "poweroff"), "{}", boot.said);
    assert_eq!(boot.text("protocol"), protocol);
    assert!(boot.console.contains("USERSPACE-UP"), "{}", boot.console);
}

fn by_kernel(test: &str, kernel: &str, bios: Option<&str>, args: &[&str], protocol: &str) {
    let (Some(kernel), Some(initrd)) = (guest(test, kernel), guest(test, "initrd-test.cpio"))
    else {
        return;
    };
    let append = ["--append", "console=ttyS0 quiet"];
    let mut words = vec!["--kernel", &*kernel, "--initrd", &*initrd];
    let bios = match bios.map(|bios| guest(test, bios)) {
        Some(None) => return,
        Some(Some(bios)) => bios,
        None => String::new(),
    };
    if !bios.is_empty() {
        words.extend(["--bios", &bios]);
    }
    reaches_user_space(test, &[&words[..], args, &append].concat(), protocol);
}

#[test]
fn the_generic_kernel_by_its_64_bit_entry() {
    by_kernel("generic-linux64", KERNEL, None, &[], "linux64");
}

#[test]
fn the_generic_kernel_by_its_32_bit_entry() {
    by_kernel("generic-linux32", KERNEL, None, &["--protocol=linux32"], "linux32");
}

#[test]
fn the_generic_kernel_by_its_setup_code() {
    by_kernel("generic-linux16", KERNEL, None, &["--protocol=linux16"], "linux16");
}

#[test]
fn the_generic_kernel_behind_seabios_by_linuxboot() {
    by_kernel("generic-seabios", KERNEL, Some(SEABIOS), &[], "firmware");
}

#[test]
fn the_generic_elf_kernel_behind_seabios_by_pvh_bin() {
    by_kernel("generic-seabios-pvh", "generic/vmlinux", Some(SEABIOS), &[], "firmware");
}

#[test]
fn the_generic_kernel_behind_qboot_as_bzimage_and_as_elf() {
    by_kernel("generic-qboot", KERNEL, Some("roms/qboot.rom"), &[], "firmware");
    by_kernel("generic-qboot-pvh", "generic/vmlinux", Some("roms/qboot.rom"), &[], "firmware");
}

#[test]
fn the_generic_kernel_by_grub_from_disk_and_from_cd_rom() {
    let test = "generic-grub";
    let files = [SEABIOS, KERNEL, "initrd-test.cpio"];
    let Some(paths) = files.map(|file| guest(test, file)).into_iter().collect::<Option<Vec<_>>>()
    else {
        return;
    };
    let scratch = Scratch::new("generic-grub-image");
    let Some(image) = grub::image(test, &scratch, &paths[1], &paths[2]) else { return };
    let disk = format!("--drive=file={image},format=raw,if=ide,snapshot=on");

    for way in [&["--cdrom", &*image][..], &[&*disk]] {
        reaches_user_space(
            "generic-grub-boot",
            &[&["--bios", &*paths[0]], way].concat(),
            "firmware",
        );
    }
}
