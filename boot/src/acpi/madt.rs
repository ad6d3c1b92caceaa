//! MADT: processors and interrupt controllers. ACPI Specification 6.5, "Multiple APIC Description
//! Table".
//!
//! Written out here and not with the acpi_tables crate, which has neither interrupt source overrides
//! nor local APIC NMIs.
//!
//! Not modelled: x2APIC entries (no platform has a local APIC id above 254), NMI sources, a second
//! I/O APIC.

use super::fixed::table;
use super::linker::Blob;
use super::*;

/// Revision of the table in ACPI 6.3 and later.
const REVISION: u8 = 5;

/// "Interrupt Controller Structure Types", type and length in bytes.
const LOCAL_APIC: [u8; 2] = [0, 8];
const IO_APIC: [u8; 2] = [1, 12];
const INTERRUPT_SOURCE_OVERRIDE: [u8; 2] = [2, 10];
const LOCAL_APIC_NMI: [u8; 2] = [4, 6];

/// "MPS INTI Flags": polarity and trigger as the bus defines them.
const AS_THE_BUS: u16 = 0;
/// "MPS INTI Flags": active high (01), level (11).
const HIGH_LEVEL: u16 = 0b11_01;

/// Every processor: local APIC NMI entries apply to all of them.
const ALL_PROCESSORS: u8 = 0xff;

/// ISA interrupt, global system interrupt, flags. The timer's wire goes to input 2, because input 0
/// carries the 8259A's INTR; the SCI and the interrupts a PC gives to PCI are level triggered.
const OVERRIDES: [(u8, u32, u16); 5] = [
    (0, 2, AS_THE_BUS),
    (5, 5, HIGH_LEVEL),
    (SCI_IRQ, SCI_IRQ as u32, HIGH_LEVEL),
    (10, 10, HIGH_LEVEL),
    (11, 11, HIGH_LEVEL),
];

/// Hardware-reduced platforms have neither the timer nor the SCI that the overrides are for.
fn overrides(platform: &Platform) -> &'static [(u8, u32, u16)] {
    if platform.acpi == AcpiProfile::Reduced { &[] } else { &OVERRIDES }
}

/// The table for `platform`.
pub(super) fn madt(platform: &Platform) -> Blob {
    const PCAT_COMPAT: u32 = 1;
    let mut body = LAPIC_ADDR.to_le_bytes().to_vec();
    body.extend((if platform.pic { PCAT_COMPAT } else { 0 }).to_le_bytes());
    for id in 0..platform.cpus {
        const ENABLED: u32 = 1;
        body.extend(LOCAL_APIC);
        body.extend([id, id]); // processor UID (the DSDT's _UID), local APIC id
        body.extend(ENABLED.to_le_bytes());
    }
    body.extend(IO_APIC);
    body.extend([0, 0]); // id, reserved
    body.extend(IOAPIC_ADDR.to_le_bytes());
    body.extend(0u32.to_le_bytes()); // first GSI
    for &(irq, gsi, flags) in overrides(platform) {
        body.extend(INTERRUPT_SOURCE_OVERRIDE);
        body.extend([0, irq]); // bus 0 is ISA
        body.extend(gsi.to_le_bytes());
        body.extend(flags.to_le_bytes());
    }
    body.extend(LOCAL_APIC_NMI);
    body.push(ALL_PROCESSORS);
    body.extend(AS_THE_BUS.to_le_bytes());
    body.push(1); // LINT1
    table("APIC", REVISION, &body)
}
