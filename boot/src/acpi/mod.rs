//! ACPI tables: for direct boot as a firmware would have left them below 1 MiB, and for a firmware to
//! place itself.
//!
//! Follows the ACPI Specification 6.5, "ACPI Software Programming Model" (layouts) and "ACPI Source
//! Language" (the namespace). [`build`] describes a [`Platform`] as blobs of bytes with named pointers
//! between them; the `linker` gives each blob its address, fills in the pointers and the checksums.
//! Addresses are known in that one place only, so that [`for_firmware`] hands the same blobs to a
//! firmware, with a script that links them.
//!
//! ```text
//!  RSDP --> RSDT (the same list in 32 bits, for guests of ACPI 1.0)
//!    `----> XSDT --> FADT --> FACS (the guest writes its global lock there)
//!                    |  `---> DSDT (sleep state S5, processors, COM1, RTC, virtio-mmio)
//!                    MADT     (local APICs, I/O APIC, IRQ 0 -> GSI 2, NMI on LINT1)
//!                    HPET     (only if the platform has one)
//! ```
//!
//! Two profiles: `full` with the fixed PM registers, and `reduced` ("Hardware-Reduced ACPI"), whose
//! machine has no PIC, PIT or RTC: three byte registers for sleep and reset, and no FACS. A guest
//! without those timers must know its TSC's frequency by CPUID leaf 0x15.
//!
//! Not modelled: sleep states other than S5 (so the FACS waking vector is never
//! jumped to); interrupt routing of PCI slots without a function; processor C-, P- and T-states; thermal zones,
//! batteries, fixed or control-method buttons; SMM (there is no SMI command port, hence no ACPI
//! enable handshake: `SCI_EN` must read 1 from the first instruction on).
//!
//! Evidence: QEMU 7.2's `pc` machine has the same register blocks, and Debian's Linux 6.1 run there on
//! these tables alone (`acpi_rsdp=`) brought up 4 processors, took every override, found COM1 and the
//! RTC as PNP devices, used the PM timer, restarted by the reset register and powered off by S5.
//!
//! Two decisions a guest can see: `SMI_CMD` is 0, which tells ACPICA that the machine is in ACPI mode
//! already; and the FADT names its FACS by the 32-bit pointer alone, because the specification forbids
//! both ("X_FIRMWARE_CTRL").

mod dsdt;
mod fixed;
mod linker;
mod madt;
mod table_loader;

#[cfg(test)]
mod tests;

use crate::platform::{AcpiProfile, Platform};
use linker::Blob;
pub use table_loader::FirmwareFiles;

/// Where the RSDP lies: start of the BIOS area that a guest scans in steps of 16 bytes (ACPI 6.5,
/// "Finding the RSDP on IA-PC Systems").
pub const RSDP_ADDR: u64 = 0xe_0000;
/// First address the tables must not reach: 0xf0000 on belongs to SMBIOS and the MP table.
pub const TABLES_END: u64 = 0xf_0000;

/// Interrupt of the ACPI hardware (SCI), an ISA interrupt and level triggered.
pub const SCI_IRQ: u8 = 9;
/// PM1a event block: status at +0, enable at +2.
pub const PM1A_EVT_PORT: u16 = 0x600;
/// PM1a control: `SCI_EN`, `SLP_TYP`, `SLP_EN`.
pub const PM1A_CNT_PORT: u16 = 0x604;
/// PM timer: 24 bits at 3.579545 MHz.
pub const PM_TMR_PORT: u16 = 0x608;
/// General-purpose event block 0: two status bytes, two enable bytes.
pub const GPE0_PORT: u16 = 0xafe0;
/// Reset control register.
pub const RESET_PORT: u16 = 0xcf9;
/// What a guest writes to [`RESET_PORT`]: full, hard, now.
pub const RESET_VALUE: u8 = 0x0e;
/// `SLP_TYP` that means S5; the `_S5_` object and the PM1a control register agree on it.
pub const SLP_TYP_S5: u8 = 0;
/// Sleep control register of the reduced profile: `SLP_TYP` in bits 2-4, `SLP_EN` in bit 5. Where
/// QEMU's generic event device has it.
pub const SLEEP_CONTROL_ADDR: u64 = 0xfea0_0200;
/// Sleep status register of the reduced profile: `WAK_STS` in bit 7, write 1 to clear.
pub const SLEEP_STATUS_ADDR: u64 = SLEEP_CONTROL_ADDR + 1;
/// Reset register of the reduced profile.
pub const REDUCED_RESET_ADDR: u64 = SLEEP_CONTROL_ADDR + 2;
/// What a guest writes to [`REDUCED_RESET_ADDR`].
pub const REDUCED_RESET_VALUE: u8 = 0x42;
/// `SLP_TYP` that means S5 in [`SLEEP_CONTROL_ADDR`].
pub const REDUCED_SLP_TYP_S5: u8 = 5;
/// Local APIC page of every processor.
pub const LAPIC_ADDR: u32 = 0xfee0_0000;
/// The one I/O APIC; its inputs are GSI 0 to 23.
pub const IOAPIC_ADDR: u32 = 0xfec0_0000;
/// HPET register block.
pub const HPET_ADDR: u32 = 0xfed0_0000;

const _: () = {
    assert!(RSDP_ADDR.is_multiple_of(16), "a guest scans for the RSDP in steps of 16");
    assert!(RSDP_ADDR >= 0xe_0000 && TABLES_END <= 0x10_0000, "a guest scans 0xe0000-0xfffff");
    assert!(RSDP_ADDR < TABLES_END);
    assert!(LAPIC_ADDR as u64 == arch::apic::DEFAULT_BASE);
    assert!(PM1A_EVT_PORT + 4 == PM1A_CNT_PORT && PM1A_CNT_PORT + 4 == PM_TMR_PORT);
    assert!(IOAPIC_ADDR < HPET_ADDR && HPET_ADDR < LAPIC_ADDR);
};

/// A copy of the RSDP for guests that want ACPI 1.0's: 20 bytes, revision 0. Empty without ACPI.
pub(crate) fn rsdp_version_1(rsdp: &[u8]) -> Vec<u8> {
    const REVISION: usize = 15;
    const CHECKSUM: usize = 8;
    let mut out = rsdp.get(..20).unwrap_or_default().to_vec();
    if !out.is_empty() {
        out[REVISION] = 0;
        out[CHECKSUM] = 0;
        out[CHECKSUM] = linker::sum_of(&out).wrapping_neg();
    }
    out
}

/// Tables with their final addresses, ready to be copied into guest memory.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct AcpiTables {
    /// Physical address of the RSDP; 0 when there are no tables.
    pub rsdp: u64,
    /// Physical address, bytes and signature of each table, in ascending order.
    pub blobs: Vec<(u64, Vec<u8>, &'static str)>,
}

/// The tables that describe `platform`; none with [`AcpiProfile::Off`].
///
/// Cannot fail: a test checks that the largest platform (255 processors, 256 virtio windows) leaves
/// more than a quarter of the room.
pub fn build(platform: &Platform) -> AcpiTables {
    match describe(platform) {
        None => AcpiTables::default(),
        Some(blobs) => {
            let blobs = linker::place(blobs, RSDP_ADDR);
            AcpiTables { rsdp: RSDP_ADDR, blobs }
        }
    }
}

/// The same tables as fw_cfg files, for a firmware that places and links them; `None` with
/// [`AcpiProfile::Off`].
pub fn for_firmware(platform: &Platform) -> Option<FirmwareFiles> {
    describe(platform).map(table_loader::files)
}

/// The unlinked tables. The RSDP comes first: it is the only one found by its place.
fn describe(platform: &Platform) -> Option<Vec<Blob>> {
    let platform = &match platform.acpi {
        AcpiProfile::Off => return None,
        AcpiProfile::Full => platform.clone(),
        AcpiProfile::Reduced => Platform { pic: false, rtc: false, ..platform.clone() },
    };
    let mut listed = vec![fixed::fadt(platform)];
    if platform.lapic {
        listed.push(madt::madt(platform));
    }
    if platform.hpet {
        listed.push(fixed::hpet());
    }
    let names: Vec<_> = listed.iter().map(|table| table.name).collect();
    let mut blobs = vec![fixed::rsdp()];
    if platform.acpi == AcpiProfile::Full {
        blobs.push(fixed::facs());
    }
    blobs.push(fixed::rsdt(&names));
    blobs.push(fixed::xsdt(&names));
    blobs.append(&mut listed);
    blobs.push(dsdt::dsdt(platform));
    Some(blobs)
}
