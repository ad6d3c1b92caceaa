//! An image with GRUB, made by the host's grub-mkrescue: a CD-ROM by El Torito, and a disk with a boot sector.

use super::{Scratch, ledger};
use std::process::Command;

const GRUB_CFG: &str = "serial --unit=0
terminal_input serial
terminal_output serial
set timeout=1
menuentry \"a kernel\" {
    linux /boot/vmlinuz console=ttyS0 quiet
    initrd /boot/initrd
}
";

/// The image with a kernel and a ramdisk; `None`, which is noted, where the tools are not there.
pub(crate) fn image(test: &str, scratch: &Scratch, kernel: &str, initrd: &str) -> Option<String> {
    let folder = scratch.path("root");
    std::fs::create_dir_all(format!("{folder}/boot/grub")).expect("a folder");
    std::fs::copy(kernel, format!("{folder}/boot/vmlinuz")).expect("a kernel");
    std::fs::copy(initrd, format!("{folder}/boot/initrd")).expect("a ramdisk");
    std::fs::write(format!("{folder}/boot/grub/grub.cfg"), GRUB_CFG).expect("a file");
    let image = scratch.path("grub.iso");
    let made = Command::new("grub-mkrescue").args(["-o", &image, &folder]).output();
    if made.is_ok_and(|made| made.status.success()) {
        return Some(image);
    }
    let why = "grub-mkrescue is missing or failed (packages grub-pc-bin, xorriso, mtools)";
    ledger::skipped(test, why);
    None
}
