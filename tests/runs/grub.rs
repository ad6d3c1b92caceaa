//! An image with GRUB, made by the host's grub-mkrescue: a CD-ROM by El Torito, and a disk with a boot sector.

use super::{Scratch, ledger};
use std::process::Command;

/// GRUB's commands for a kernel and a ramdisk.
const LINUX: &[&str] = &["linux /boot/vmlinuz console=ttyS0 quiet", "initrd /boot/initrd"];

/// The image with a kernel and a ramdisk; `None`, which is noted, where the tools are not there.
pub(crate) fn image(test: &str, scratch: &Scratch, kernel: &str, initrd: &str) -> Option<String> {
    image_of(test, scratch, &[(kernel, "vmlinuz"), (initrd, "initrd")], LINUX)
}

/// The image with these files in /boot, each by its name there, and a menu of one entry.
pub(crate) fn image_of(
    test: &str,
    scratch: &Scratch,
    files: &[(&str, &str)],
    commands: &[&str],
) -> Option<String> {
    let folder = scratch.path("root");
    std::fs::create_dir_all(format!("{folder}/boot/grub")).expect("a folder");
    for (file, name) in files {
        std::fs::copy(file, format!("{folder}/boot/{name}")).expect("a file to copy");
    }
    let menu = format!(
        "serial --unit=0\nterminal_input serial\nterminal_output serial\nset timeout=1\n\
         menuentry \"a kernel\" {{\n{}\n}}\n",
        commands.join("\n")
    );
    std::fs::write(format!("{folder}/boot/grub/grub.cfg"), menu).expect("a file");
    let image = scratch.path("grub.iso");
    let made = Command::new("grub-mkrescue").args(["-o", &image, &folder]).output();
    if made.is_ok_and(|made| made.status.success()) {
        return Some(image);
    }
    let why = "grub-mkrescue is missing or failed (packages grub-pc-bin, xorriso, mtools)";
    ledger::skipped(test, why);
    None
}
