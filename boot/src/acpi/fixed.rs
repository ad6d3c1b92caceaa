//! The tables without AML: RSDP, RSDT, XSDT, FADT, FACS and HPET.
//!
//! ACPI Specification 6.5, "Root System Description Pointer", "Extended System Description Table",
//! "Fixed ACPI Description Table", "Firmware ACPI Control Structure"; IA-PC HPET Specification 1.0a,
//! "The ACPI 2.0 HPET Description Table".

use super::linker::{Blob, Checksum, Pointer};
use super::*;
use acpi_tables::Aml;
use acpi_tables::facs::FACS;
use acpi_tables::fadt::{FADTBuilder, Flags};
use acpi_tables::gas::{AccessSize, AddressSpace, GAS};
use acpi_tables::rsdp::Rsdp;
use acpi_tables::sdt::Sdt;

/// Who made the tables; shown by every guest.
const OEM_ID: [u8; 6] = *b"BTSCOP";
const OEM_TABLE_ID: [u8; 8] = *b"BOOTSCOP";
const OEM_REVISION: u32 = 1;

/// Length of the header that begins every table but RSDP and FACS.
const HEADER_LEN: u32 = 36;

/// The serialised form of a structure of the acpi_tables crate.
fn bytes_of(structure: &dyn Aml) -> Vec<u8> {
    let mut bytes = Vec::new();
    structure.to_aml_bytes(&mut bytes);
    bytes
}

/// A table of our own: the standard header, then `body`.
pub(super) fn table(name: &'static str, revision: u8, body: &[u8]) -> Blob {
    let mut signature = [0; 4];
    signature.copy_from_slice(name.as_bytes());
    // The length at once: acpi_tables 0.2 writes a length that grows in the host's byte order.
    let length = HEADER_LEN + body.len() as u32;
    let mut sdt = Sdt::new(signature, length, revision, OEM_ID, OEM_TABLE_ID, OEM_REVISION);
    sdt.write_bytes(HEADER_LEN as usize, body);
    Blob::table(name, sdt.as_slice().to_vec())
}

/// Revision 2; the RSDT is for guests that read no more than ACPI 1.0's part.
pub(super) fn rsdp() -> Blob {
    let bytes = bytes_of(&Rsdp::new(OEM_ID, 0));
    // The first sum is the one of ACPI 1.0; the second covers the first.
    let checksums =
        vec![Checksum { offset: 8, covers: 20 }, Checksum { offset: 32, covers: bytes.len() }];
    let pointers = vec![
        Pointer { offset: 16, size: 4, target: "RSDT" },
        Pointer { offset: 24, size: 8, target: "XSDT" },
    ];
    Blob { name: "RSDP", bytes, align: 16, pointers, checksums }
}

/// One 32-bit pointer per listed table.
pub(super) fn rsdt(listed: &[&'static str]) -> Blob {
    let mut blob = table("RSDT", 1, &vec![0; 4 * listed.len()]);
    for (index, &name) in listed.iter().enumerate() {
        blob = blob.pointer(HEADER_LEN as usize + 4 * index, 4, name);
    }
    blob
}

/// One 64-bit pointer per listed table. The DSDT is not listed: the FADT points to it.
pub(super) fn xsdt(listed: &[&'static str]) -> Blob {
    let mut blob = table("XSDT", 1, &vec![0; 8 * listed.len()]);
    for (index, &name) in listed.iter().enumerate() {
        blob = blob.pointer(HEADER_LEN as usize + 8 * index, 8, name);
    }
    blob
}

/// The structure the guest and a firmware would share; 64-byte aligned, without header or checksum.
pub(super) fn facs() -> Blob {
    let mut facs = FACS::new();
    facs.version = 2; // ACPI 4.0 and later
    Blob {
        name: "FACS",
        bytes: bytes_of(&facs),
        align: 64,
        pointers: Vec::new(),
        checksums: Vec::new(),
    }
}

/// An I/O port register block as a Generic Address Structure.
fn port(address: u16, bits: u8, access: AccessSize) -> GAS {
    GAS::new(AddressSpace::SystemIo, bits, 0, access, address.into())
}

/// A byte register in memory as a Generic Address Structure.
fn register(address: u64) -> GAS {
    GAS::new(AddressSpace::SystemMemory, 8, 0, AccessSize::ByteAccess, address)
}

/// What FADTs of all profiles have: header and flags. A button's flag that is set means: no such
/// button in the fixed registers.
fn common_fadt(platform: &Platform) -> FADTBuilder {
    let mut fadt = FADTBuilder::new(OEM_ID, OEM_TABLE_ID, OEM_REVISION)
        .flag(Flags::Wbinvd)
        .flag(Flags::ProcC1)
        .flag(Flags::PwrButton)
        .flag(Flags::SlpButton)
        .flag(Flags::ResetRegSup);
    fadt.iapc_boot_arch = boot_arch(platform).into();
    fadt
}

/// FADT 6.5 of the platform's profile.
pub(super) fn fadt(platform: &Platform) -> Blob {
    match platform.acpi {
        AcpiProfile::Reduced => reduced_fadt(platform),
        AcpiProfile::Full | AcpiProfile::Off => full_fadt(platform),
    }
}

/// "Hardware-Reduced ACPI": three byte registers in place of all fixed hardware, and no FACS, which
/// nobody would share.
fn reduced_fadt(platform: &Platform) -> Blob {
    let mut fadt = common_fadt(platform).flag(Flags::HwReducedAcpi);
    fadt.sleep_control_reg = register(SLEEP_CONTROL_ADDR);
    fadt.sleep_status_reg = register(SLEEP_STATUS_ADDR);
    fadt.reset_reg = register(REDUCED_RESET_ADDR);
    fadt.reset_value = REDUCED_RESET_VALUE;
    Blob::table("FACP", bytes_of(&fadt.finalize())).pointer(FADT_DSDT, 4, "DSDT").pointer(
        FADT_X_DSDT,
        8,
        "DSDT",
    )
}

/// FADT 6.5 with the fixed hardware of [`super`]'s port constants, each named twice as the
/// specification asks: by the 32-bit field and by the equal `X_` field.
fn full_fadt(platform: &Platform) -> Blob {
    let mut fadt = common_fadt(platform).flag(Flags::FixRtc);
    fadt.sci_int = u16::from(SCI_IRQ).into();
    fadt.pm1a_evt_blk = u32::from(PM1A_EVT_PORT).into();
    fadt.pm1a_cnt_blk = u32::from(PM1A_CNT_PORT).into();
    fadt.pm_tmr_blk = u32::from(PM_TMR_PORT).into();
    fadt.gpe0_blk = u32::from(GPE0_PORT).into();
    fadt.pm1_evt_len = 4;
    fadt.pm1_cnt_len = 2;
    fadt.pm_tmr_len = 4;
    fadt.gpe0_blk_len = 4;
    fadt.x_pm1a_evt_blk = port(PM1A_EVT_PORT, 32, AccessSize::WordAccess);
    fadt.x_pm1a_cnt_blk = port(PM1A_CNT_PORT, 16, AccessSize::WordAccess);
    fadt.x_pm_tmr_blk = port(PM_TMR_PORT, 32, AccessSize::DwordAccess);
    fadt.x_gpe0_blk = port(GPE0_PORT, 32, AccessSize::ByteAccess);
    // Latencies above 100 and 1000 microseconds say: no C2, no C3.
    fadt.p_lvl2_lat = 0xfff.into();
    fadt.p_lvl3_lat = 0xfff.into();
    fadt.century = if platform.rtc { CMOS_CENTURY } else { 0 };
    fadt.reset_reg = port(RESET_PORT, 8, AccessSize::ByteAccess);
    fadt.reset_value = RESET_VALUE;
    Blob::table("FACP", bytes_of(&fadt.finalize()))
        .pointer(FADT_FIRMWARE_CTRL, 4, "FACS")
        .pointer(FADT_DSDT, 4, "DSDT")
        .pointer(FADT_X_DSDT, 8, "DSDT")
}

/// CMOS index of the century, as on every PC since the PS/2.
const CMOS_CENTURY: u8 = 0x32;

// Offsets of the FADT's pointers.
const FADT_FIRMWARE_CTRL: usize = 36;
const FADT_DSDT: usize = 40;
const FADT_X_DSDT: usize = 140;

/// "IA-PC Boot Architecture Flags": what a guest may touch or skip without looking.
fn boot_arch(platform: &Platform) -> u16 {
    const LEGACY_DEVICES: u16 = 1 << 0;
    const I8042: u16 = 1 << 1;
    const VGA_NOT_PRESENT: u16 = 1 << 2;
    const CMOS_RTC_NOT_PRESENT: u16 = 1 << 5;
    let mut flags = 0;
    let legacy = !platform.serial_ports.is_empty() || platform.i8042 || platform.rtc;
    for (set, flag) in [
        (legacy, LEGACY_DEVICES),
        (platform.i8042, I8042),
        (!platform.vga, VGA_NOT_PRESENT),
        (!platform.rtc, CMOS_RTC_NOT_PRESENT),
    ] {
        if set {
            flags |= flag;
        }
    }
    flags
}

/// Event timer block 0 at [`HPET_ADDR`].
pub(super) fn hpet() -> Blob {
    /// Low half of the capabilities register: vendor 8086h, legacy replacement, 64-bit, 3 timers.
    const BLOCK_ID: u32 = 0x8086_a201;
    /// Shortest period in periodic mode without lost interrupts, in ticks.
    const MIN_TICK: u16 = 100;
    let mut body = BLOCK_ID.to_le_bytes().to_vec();
    body.extend([0, 64, 0, 0]); // memory, 64 bits wide, offset 0
    body.extend(u64::from(HPET_ADDR).to_le_bytes());
    body.push(0); // sequence number
    body.extend(MIN_TICK.to_le_bytes());
    body.push(0); // no page protection promised
    table("HPET", 1, &body)
}
