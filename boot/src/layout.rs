//! The one low-memory map of direct boot, for all protocols.
//!
//! ```text
//! 00000000  interrupt vectors (zero without BIOS services), BIOS data area at 0x400: guests scan it
//! 00000500  GDT, IDT of the entry state; a guest that reloads a segment before its own LGDT lives
//! 00006000  start_info: writable RAM, Xen uses the bytes around it as a stack     | multiboot info
//! 00006040  PVH module list, 31 entries                                           |
//! 00007000  PVH memory map, 126 entries       | Linux boot_params                 | multiboot map
//! 00008000  stack of the Linux 64-bit entry, top at 0x8ff0
//! 00007c00  boot sector (nothing else is then in its way)
//! 00009000  its page tables: PML4, PDPT, four page directories (4 GiB by 2 MiB)
//! 00010000  real-mode part of Linux's 16-bit entry, its heap and stack: 64 KiB
//!           | page directories for a kernel above 4 GiB | at 18000 setup_data
//!           | protected-mode part of a zImage, to 90000
//! 00020000  command line, then module strings: 64 KiB
//! 00080000  left free: application processors start in RAM below 640 KiB
//! 00090000  real-mode part of a kernel before boot protocol 2.02, its command line below 9a000
//! 0009fc00  extended BIOS data area, reserved
//! 000a0000  VGA window, no RAM
//! 000e0000  RSDP and ACPI tables, reserved
//! 000f0000  SMBIOS entry point and structures, reserved
//! 000fc000  MP floating pointer and table, reserved
//! 000fe000  entry code of BIOS services for guests that call them, reserved
//! 00100000  kernel; above it modules
//! ```
//!
//! Not here: where kernels and modules go; that depends on the image and is the ledger's business.

/// Bytes from the start of RAM that every plan needs: the first MiB.
pub const RAM_MIN: u64 = 0x10_0000;
/// End of RAM below 4 GiB: the last GiB is PCI and chip windows, RAM beyond continues at 4 GiB.
pub const LOW_RAM_END: u64 = 0xc000_0000;
/// Where RAM beyond [`LOW_RAM_END`] continues.
pub const HIGH_RAM: u64 = 0x1_0000_0000;

/// BIOS data area.
pub const BDA: u64 = 0x400;
/// Its length in bytes.
pub const BDA_LEN: u64 = 0x100;
/// GDT of the entry state.
pub const GDT: u64 = 0x500;
/// Room for the GDT: eight descriptors.
pub const GDT_LEN: u64 = 0x40;
/// IDT of the entry state (its limit is 0: there is no handler).
pub const IDT: u64 = 0x540;
/// `hvm_start_info`.
pub const START_INFO: u64 = 0x6000;
/// PVH module list.
pub const MODLIST: u64 = 0x6040;
/// Most modules any protocol gets.
pub const MODULES_MAX: usize = 31;
/// PVH memory map.
pub const MEMMAP: u64 = 0x7000;
/// Linux copies the map into 128 entries without a check and may append one (enlighten.c).
pub const MEMMAP_MAX: usize = 126;
/// Linux boot_params ("zero page").
pub const BOOT_PARAMS: u64 = 0x7000;
/// Stack page of the Linux 64-bit entry.
pub const STACK: u64 = 0x8000;
/// Initial RSP: 16-aligned, a few words below the page's end.
pub const STACK_TOP: u64 = 0x8ff0;
/// Page tables of the Linux 64-bit entry.
pub const PAGE_TABLES: u64 = 0x9000;
/// PML4, PDPT and four page directories.
pub const PAGE_TABLES_LEN: u64 = 6 * 0x1000;
/// Page directories of the Linux 64-bit entry for a kernel above 4 GiB.
pub const HIGH_PAGE_TABLES: u64 = 0x1_0000;
/// Room for them: eight directories of 1 GiB each.
pub const HIGH_PAGE_TABLES_LEN: u64 = 8 * 0x1000;
/// Linux setup_data.
pub const SETUP_DATA: u64 = 0x1_8000;
/// Room for it.
pub const SETUP_DATA_LEN: u64 = 0x8000;
/// Real-mode part of Linux's 16-bit entry; its heap and stack end at [`STRINGS`].
pub const REAL_MODE: u64 = 0x1_0000;
/// Protected-mode part of a zImage; it ends at [`REAL_MODE_OLD`].
pub const ZIMAGE: u64 = 0x1_0000;
/// The real-mode part of a zImage, and of a kernel that finds its command line by an offset (boot protocol before 2.02).
pub const REAL_MODE_OLD: u64 = 0x9_0000;
/// End of such a kernel's command line.
pub const CMDLINE_OLD_END: u64 = 0x9_a000;
/// Where a BIOS loads a boot sector.
pub const BOOT_SECTOR: u64 = 0x7c00;
/// Multiboot information structure.
pub const MULTIBOOT_INFO: u64 = 0x6000;
/// Multiboot module list.
pub const MULTIBOOT_MODULES: u64 = 0x6100;
/// Multiboot memory map.
pub const MULTIBOOT_MEMMAP: u64 = 0x7000;
/// ELF section headers of a multiboot kernel, and the sections' names and symbols above it.
pub const MULTIBOOT_SECTIONS: u64 = 0x9000;
/// Room for the section headers.
pub const MULTIBOOT_SECTIONS_LEN: u64 = 0x7000;
/// Command line and module strings.
pub const STRINGS: u64 = 0x2_0000;
/// Room for them.
pub const STRINGS_LEN: u64 = 0x1_0000;
/// Linux copies COMMAND_LINE_SIZE bytes from the pointer whatever the string's length.
pub const CMDLINE_READABLE: u64 = 2048;
/// Extended BIOS data area; RAM below it is the base memory.
pub const EBDA: u64 = 0x9_fc00;
/// End of conventional memory.
pub const EBDA_END: u64 = 0xa_0000;
/// RSDP and ACPI tables.
pub const ACPI: u64 = 0xe_0000;
/// SMBIOS entry point, its structures behind it: guests scan from here in steps of 16 bytes.
pub const SMBIOS: u64 = 0xf_0000;
/// MP floating pointer, its table behind it.
pub const MP_TABLE: u64 = 0xf_c000;
/// Entry code of BIOS services, to the end of the ROM area.
pub const BIOS: u64 = 0xf_e000;
/// End of the ROM area, first byte of extended memory.
pub const ACPI_END: u64 = 0x10_0000;

const _: () = {
    assert!(BDA + BDA_LEN <= GDT);
    assert!(GDT + GDT_LEN <= IDT);
    assert!(START_INFO + 56 <= MODLIST);
    assert!(MODLIST + MODULES_MAX as u64 * 32 <= MEMMAP);
    assert!(MEMMAP + MEMMAP_MAX as u64 * 24 <= STACK);
    assert!(BOOT_PARAMS + 0x1000 <= STACK);
    assert!(STACK_TOP < STACK + 0x1000 && STACK_TOP.is_multiple_of(16));
    assert!(STACK + 0x1000 <= PAGE_TABLES && PAGE_TABLES.is_multiple_of(0x1000));
    assert!(PAGE_TABLES + PAGE_TABLES_LEN <= HIGH_PAGE_TABLES);
    assert!(HIGH_PAGE_TABLES + HIGH_PAGE_TABLES_LEN <= SETUP_DATA);
    assert!(SETUP_DATA + SETUP_DATA_LEN <= STRINGS);
    assert!(PAGE_TABLES + PAGE_TABLES_LEN <= REAL_MODE && REAL_MODE + 0x1_0000 == STRINGS);
    assert!(PAGE_TABLES + PAGE_TABLES_LEN <= ZIMAGE && ZIMAGE < REAL_MODE_OLD);
    assert!(REAL_MODE_OLD < CMDLINE_OLD_END && CMDLINE_OLD_END <= EBDA);
    assert!(MULTIBOOT_INFO + 116 <= MULTIBOOT_MODULES);
    assert!(MULTIBOOT_MODULES + MODULES_MAX as u64 * 16 <= MULTIBOOT_MEMMAP);
    assert!(MULTIBOOT_MEMMAP + MEMMAP_MAX as u64 * 24 <= MULTIBOOT_SECTIONS);
    assert!(MULTIBOOT_SECTIONS + MULTIBOOT_SECTIONS_LEN <= STRINGS);
    assert!(STRINGS + STRINGS_LEN <= 0x8_0000, "application processors need RAM below 640 KiB");
    assert!(
        EBDA < EBDA_END
            && EBDA_END < ACPI
            && ACPI < SMBIOS
            && SMBIOS < MP_TABLE
            && MP_TABLE < BIOS
            && BIOS < ACPI_END
    );
    assert!(crate::acpi::TABLES_END == SMBIOS && ACPI_END == RAM_MIN);
    assert!(LOW_RAM_END < HIGH_RAM);
};
