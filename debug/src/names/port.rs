//! Names of I/O ports.
//!
//! Intel 82371AB (PIIX4) datasheet, "I/O Address Map"; the devices' own datasheets; QEMU's
//! documentation for ports that only emulators have; `boot::acpi` for those the ACPI tables announce.

use super::fw_cfg;
use boot::acpi;
use core::ops::RangeInclusive;

/// First port, last port, name when read, name when written.
pub(super) type Row = (RangeInclusive<u16>, &'static str, &'static str);

const PM1A_STS: u16 = acpi::PM1A_EVT_PORT;
const PM1A_EN: u16 = acpi::PM1A_EVT_PORT + 2;
const PM1A_CNT: u16 = acpi::PM1A_CNT_PORT;
const PM_TMR: u16 = acpi::PM_TMR_PORT;
const GPE0_STS: u16 = acpi::GPE0_PORT;

/// Ascending, without overlap.
pub(super) const PORTS: &[Row] = &[
    (0x00..=0x0f, "DMA 1", "DMA 1"),
    (0x20..=0x20, "PIC 1 IRR/ISR", "PIC 1 ICW1/OCW2/OCW3"),
    (0x21..=0x21, "PIC 1 IMR", "PIC 1 OCW1 or ICW2-4"),
    (0x40..=0x40, "PIT counter 0", "PIT counter 0"),
    (0x41..=0x41, "PIT counter 1", "PIT counter 1"),
    (0x42..=0x42, "PIT counter 2", "PIT counter 2"),
    (0x43..=0x43, "PIT control", "PIT control word"),
    (0x60..=0x60, "keyboard data", "keyboard data"),
    (0x61..=0x61, "port 61h: NMI status, PIT gate and OUT 2", "port 61h: PIT gate 2, speaker"),
    (0x64..=0x64, "keyboard status", "keyboard command"),
    (0x70..=0x70, "CMOS index", "CMOS index, NMI mask"),
    (0x71..=0x71, "CMOS data", "CMOS data"),
    (0x80..=0x80, "POST code", "POST code, I/O delay"),
    (0x81..=0x8f, "DMA page", "DMA page"),
    (0x92..=0x92, "port 92h", "port 92h: A20, fast reset"),
    (0xa0..=0xa0, "PIC 2 IRR/ISR", "PIC 2 ICW1/OCW2/OCW3"),
    (0xa1..=0xa1, "PIC 2 IMR", "PIC 2 OCW1 or ICW2-4"),
    (0xb2..=0xb3, "APM", "APM"),
    (0xc0..=0xdf, "DMA 2", "DMA 2"),
    (0xe9..=0xe9, "debug console", "debug console"),
    (0xed..=0xed, "I/O delay", "I/O delay"),
    (0xf0..=0xf0, "FERR#", "FERR# clear"),
    (0xf4..=0xf4, "isa-debug-exit at 0xf4", "isa-debug-exit at 0xf4"),
    (0x170..=0x177, "IDE secondary", "IDE secondary"),
    (0x1ce..=0x1ce, "Bochs VBE index", "Bochs VBE index"),
    (0x1cf..=0x1cf, "Bochs VBE data", "Bochs VBE data"),
    (0x1f0..=0x1f7, "IDE primary", "IDE primary"),
    (0x376..=0x376, "IDE secondary control", "IDE secondary control"),
    (0x378..=0x37f, "LPT1", "LPT1"),
    (0x3b0..=0x3bb, "VGA", "VGA"),
    (0x3c0..=0x3df, "VGA", "VGA"),
    (0x3f0..=0x3f5, "floppy", "floppy"),
    (0x3f6..=0x3f6, "IDE primary control", "IDE primary control"),
    (0x3f7..=0x3f7, "floppy", "floppy"),
    (0x402..=0x402, "debug console", "debug console"),
    (0x4d0..=0x4d0, "ELCR 1", "ELCR 1"),
    (0x4d1..=0x4d1, "ELCR 2", "ELCR 2"),
    (0x501..=0x502, "isa-debug-exit", "isa-debug-exit"),
    (fw_cfg::SELECTOR..=fw_cfg::SELECTOR, "fw_cfg selector", "fw_cfg selector"),
    (fw_cfg::DATA..=fw_cfg::DATA, "fw_cfg data", "fw_cfg data"),
    (0x514..=0x517, "fw_cfg DMA address, high", "fw_cfg DMA address, high"),
    (0x518..=0x51b, "fw_cfg DMA address, low", "fw_cfg DMA address, low: start"),
    (PM1A_STS..=PM1A_STS + 1, "PM1a status", "PM1a status"),
    (PM1A_EN..=PM1A_EN + 1, "PM1a enable", "PM1a enable"),
    (PM1A_CNT..=PM1A_CNT + 1, "PM1a control", "PM1a control: sleep"),
    (PM_TMR..=PM_TMR + 3, "PM timer", "PM timer"),
    (0xcf8..=0xcf8, "PCI configuration address", "PCI configuration address"),
    (acpi::RESET_PORT..=acpi::RESET_PORT, "reset control", "reset control"),
    (0xcfa..=0xcfb, "PCI configuration address", "PCI configuration address"),
    (0xcfc..=0xcff, "PCI configuration data", "PCI configuration data"),
    (GPE0_STS..=GPE0_STS + 3, "GPE0", "GPE0"),
];

/// The serial ports of a PC.
const COM: [(u16, &str); 4] = [(0x3f8, "COM1"), (0x2f8, "COM2"), (0x3e8, "COM3"), (0x2e8, "COM4")];

/// 16550 registers by offset: read, written. Offsets 0 and 1 are the divisor while LCR.DLAB is set.
const UART: [(&str, &str); 8] = [
    ("RBR", "THR"),
    ("IER", "IER"),
    ("IIR", "FCR"),
    ("LCR", "LCR"),
    ("MCR", "MCR"),
    ("LSR", "LSR"),
    ("MSR", "MSR"),
    ("SCR", "SCR"),
];

/// The name of a port as it is read or written; `None` where a PC has nothing.
pub fn port(port: u16, write: bool) -> Option<String> {
    if let Some((base, name)) = COM.iter().find(|(base, _)| port & !7 == *base) {
        let (read, written) = UART[usize::from(port - base)];
        return Some(format!("{name} {}", if write { written } else { read }));
    }
    let (_, read, written) = PORTS.iter().find(|(range, _, _)| range.contains(&port))?;
    Some((if write { *written } else { *read }).to_owned())
}
