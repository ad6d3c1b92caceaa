//! fw_cfg: its ports and the fixed items by selector key.
//!
//! QEMU, docs/specs/fw_cfg.rst, and include/standard-headers/linux/qemu_fw_cfg.h.

use devices::fw_cfg::spec::{WRITE_CHANNEL, key};

/// Port of the selector register, 16 bits.
pub const SELECTOR: u16 = 0x510;
/// Port of the data register.
pub const DATA: u16 = 0x511;
/// Last port of the DMA address register.
pub const LAST: u16 = 0x51b;

const ITEMS: &[(u16, &str)] = &[
    (key::SIGNATURE, "signature"),
    (key::ID, "interface version"),
    (key::UUID, "system UUID"),
    (key::RAM_SIZE, "RAM size"),
    (key::NOGRAPHIC, "-nographic"),
    (key::NB_CPUS, "number of CPUs"),
    (key::KERNEL_ADDR, "kernel address"),
    (key::KERNEL_SIZE, "kernel size"),
    (key::INITRD_ADDR, "initrd address"),
    (key::INITRD_SIZE, "initrd size"),
    (key::NUMA, "NUMA nodes"),
    (key::BOOT_MENU, "boot menu"),
    (key::MAX_CPUS, "most CPUs"),
    (key::KERNEL_ENTRY, "kernel entry"),
    (key::KERNEL_DATA, "kernel"),
    (key::INITRD_DATA, "initrd"),
    (key::CMDLINE_ADDR, "command line address"),
    (key::CMDLINE_SIZE, "command line size"),
    (key::CMDLINE_DATA, "command line"),
    (key::SETUP_ADDR, "setup address"),
    (key::SETUP_SIZE, "setup size"),
    (key::SETUP_DATA, "setup"),
    (key::FILE_DIR, "file directory"),
    (key::ACPI_TABLES, "ACPI tables"),
    (key::SMBIOS_ENTRIES, "SMBIOS entries"),
    (key::IRQ0_OVERRIDE, "IRQ 0 override"),
    (key::E820_TABLE, "e820 table"),
    (key::HPET, "HPET"),
];

/// True for the ports of the device.
pub fn is_port(port: u16) -> bool {
    (SELECTOR..=LAST).contains(&port)
}

/// What a selector key means.
pub fn item(selector: u16) -> String {
    let number = selector & !WRITE_CHANNEL;
    let name = match ITEMS.iter().find(|(key, _)| *key == number) {
        Some((_, name)) => (*name).to_owned(),
        None if (key::FILE_FIRST..WRITE_CHANNEL).contains(&number) => {
            format!("file {}", number - key::FILE_FIRST)
        }
        None => "no item".to_owned(),
    };
    if selector & WRITE_CHANNEL != 0 { format!("{name}, for writing") } else { name }
}
