//! The MP configuration table: processors and interrupt wires for guests without ACPI.
//!
//! Follows Intel, MultiProcessor Specification 1.4 (242016), "MP Configuration Table". The floating
//! pointer lies in the BIOS area, on a 16-byte boundary, and the table behind it. Virtual wire mode: the
//! 8259A's output reaches LINT0 of the boot processor, and there is no IMCR.
//!
//! The wires are those the MADT tells of: ISA interrupts to the same input of the I/O APIC but for
//! IRQ 0, which is on input 2; NMI on LINT1 of every processor. With PCI, the pins of each slot follow
//! the PIIX rotation onto [`PCI_IRQS`].
//!
//! Not modelled: default configurations, PCI bridges, the extended entries.

use crate::acpi::{IOAPIC_ADDR, LAPIC_ADDR};
use crate::platform::Platform;

/// ISA interrupts of PIRQA to PIRQD, level triggered, as SeaBIOS programs the PIIX.
pub const PCI_IRQS: [u8; 4] = [10, 10, 11, 11];

const POINTER_LEN: u32 = 16;
const HEADER_LEN: usize = 44;
/// "Spec_Rev" of version 1.4.
const SPEC_REV: u8 = 4;
/// Version registers of the local APIC and of the I/O APIC.
const LAPIC_VERSION: u8 = 0x14;
const IOAPIC_VERSION: u8 = 0x20;
/// Bus ids.
const PCI_BUS: u8 = 0;
const ISA_BUS: u8 = 1;
/// Every local APIC.
const ALL: u8 = 0xff;

/// "Interrupt Type" of interrupt entries.
const INT: u8 = 0;
const NMI: u8 = 1;
const EXT_INT: u8 = 3;
/// "PO, EL": as the bus defines them; active high and level triggered.
const AS_THE_BUS: u16 = 0;
const HIGH_LEVEL: u16 = 0b11_01;

/// Floating pointer and table, for a copy at `addr`.
pub fn build(platform: &Platform, addr: u32) -> Vec<u8> {
    let mut entries: Vec<Vec<u8>> = (0..platform.cpus).map(|id| processor(platform, id)).collect();
    if platform.pci {
        entries.push([&[1, PCI_BUS][..], b"PCI   "].concat());
    }
    entries.push([&[1, ISA_BUS][..], b"ISA   "].concat());
    let io_apic = [&[2, 0, IOAPIC_VERSION, 1][..], &IOAPIC_ADDR.to_le_bytes()].concat();
    entries.push(io_apic);
    if platform.pci {
        entries.extend((1..32).flat_map(pci_slot));
    }
    entries.extend((0..16).filter_map(|irq| isa_interrupt(platform, irq)));
    entries.push(interrupt(4, EXT_INT, AS_THE_BUS, [ISA_BUS, 0, 0, 0]));
    entries.push(interrupt(4, NMI, AS_THE_BUS, [ISA_BUS, 0, ALL, 1]));

    let mut out = pointer(addr);
    out.extend(table(&entries));
    out
}

/// "MP Floating Pointer Structure"; its feature bytes are 0: a table is present, no IMCR.
fn pointer(addr: u32) -> Vec<u8> {
    let mut out = b"_MP_".to_vec();
    out.extend((addr + POINTER_LEN).to_le_bytes());
    out.extend([(POINTER_LEN / 16) as u8, SPEC_REV]);
    out.resize(POINTER_LEN as usize, 0);
    set_checksum(&mut out, 10);
    out
}

fn table(entries: &[Vec<u8>]) -> Vec<u8> {
    let body = entries.concat();
    let mut out = b"PCMP".to_vec();
    out.extend(((HEADER_LEN + body.len()) as u16).to_le_bytes());
    out.extend([SPEC_REV, 0]);
    out.extend(b"BTSCOP  BOOTSCOP PC "); // OEM id, product id
    out.extend([0; 6]); // no OEM table
    out.extend((entries.len() as u16).to_le_bytes());
    out.extend(LAPIC_ADDR.to_le_bytes());
    out.extend([0; 4]); // no extended table
    out.extend(body);
    set_checksum(&mut out, 7);
    out
}

fn set_checksum(bytes: &mut [u8], at: usize) {
    bytes[at] = bytes.iter().fold(0u8, |sum, &byte| sum.wrapping_sub(byte));
}

fn processor(platform: &Platform, id: u8) -> Vec<u8> {
    const ENABLED: u8 = 1;
    const BOOTSTRAP: u8 = 2;
    let flags = if id == 0 { ENABLED | BOOTSTRAP } else { ENABLED };
    let (signature, features) = platform.cpu_signature;
    let mut out = vec![0, id, LAPIC_VERSION, flags];
    out.extend(signature.to_le_bytes());
    out.extend(features.to_le_bytes());
    out.extend([0; 8]);
    out
}

/// `wire`: source bus, source interrupt, destination APIC, its input.
fn interrupt(entry: u8, kind: u8, flags: u16, wire: [u8; 4]) -> Vec<u8> {
    [&[entry, kind][..], &flags.to_le_bytes(), &wire].concat()
}

/// The four pins of a slot: PIIX3 datasheet, "PIRQx Route Control"; the board rotates them by slot.
fn pci_slot(slot: u8) -> impl Iterator<Item = Vec<u8>> {
    (0..4).map(move |pin| {
        let irq = PCI_IRQS[usize::from(slot - 1 + pin) % PCI_IRQS.len()];
        interrupt(3, INT, HIGH_LEVEL, [PCI_BUS, slot << 2 | pin, 0, irq])
    })
}

/// IRQ 2 is the cascade and reaches no input; its input is the timer's. PCI's are no ISA interrupts.
fn isa_interrupt(platform: &Platform, irq: u8) -> Option<Vec<u8>> {
    let input = match irq {
        0 => 2,
        2 => return None,
        irq if platform.pci && PCI_IRQS.contains(&irq) => return None,
        irq => irq,
    };
    Some(interrupt(3, INT, AS_THE_BUS, [ISA_BUS, irq, 0, input]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sum(bytes: &[u8]) -> u8 {
        bytes.iter().fold(0, |sum: u8, &byte| sum.wrapping_add(byte))
    }

    #[test]
    fn pointer_and_table_add_up_to_zero_and_state_their_lengths() {
        for platform in
            [Platform::default(), Platform { cpus: 255, pci: true, ..Platform::default() }]
        {
            let out = build(&platform, 0xf_0000);
            let table = &out[16..];

            assert_eq!((&out[..8], sum(&out[..16])), (&b"_MP_\x10\x00\x0f\x00"[..], 0));
            assert_eq!((&table[..4], sum(table)), (&b"PCMP"[..], 0));
            assert_eq!(usize::from(u16::from_le_bytes([table[4], table[5]])), table.len());
            assert_eq!(table[36..40], [0, 0, 0xe0, 0xfe]);
        }
    }

    /// "Base MP Configuration Table Entries": processors have 20 bytes, all others 8.
    fn entries(platform: &Platform) -> Vec<Vec<u8>> {
        let out = build(platform, 0);
        let (mut rest, mut found) = (&out[16 + 44..], Vec::new());
        while let Some(&kind) = rest.first() {
            let (entry, after) = rest.split_at(if kind == 0 { 20 } else { 8 });
            found.push(entry.to_vec());
            rest = after;
        }
        assert_eq!(found.len(), usize::from(u16::from_le_bytes([out[50], out[51]])));
        found
    }

    #[test]
    fn the_timer_is_on_input_2_and_the_cascade_on_none() {
        let entries = entries(&Platform { cpus: 2, ..Platform::default() });

        let wires: Vec<_> = entries.iter().filter(|e| e[0] == 3).map(|e| (e[5], e[7])).collect();
        assert_eq!(wires.len(), 15);
        assert_eq!(wires[..3], [(0, 2), (1, 1), (3, 3)]);
        let local: Vec<_> = entries.iter().filter(|e| e[0] == 4).collect();
        assert_eq!(local[0][1..], [3, 0, 0, 1, 0, 0, 0], "ExtINT on LINT0");
        assert_eq!(local[1][1..], [1, 0, 0, 1, 0, 0xff, 1], "NMI on every LINT1");
        assert_eq!((entries[0][3], entries[1][3]), (3, 1), "one bootstrap processor");
    }

    #[test]
    fn pci_pins_rotate_by_slot_onto_level_triggered_inputs() {
        let entries = entries(&Platform { pci: true, ..Platform::default() });

        let wire = |slot: u8, pin: u8| {
            let found = entries.iter().find(|e| e[0] == 3 && e[4] == 0 && e[5] == slot << 2 | pin);
            found.map(|e| (u16::from_le_bytes([e[2], e[3]]), e[7]))
        };
        assert_eq!(wire(1, 0), Some((0b1101, 10)));
        assert_eq!(wire(1, 3), Some((0b1101, 11)));
        assert_eq!(wire(3, 0), Some((0b1101, 11)));
        assert_eq!(wire(31, 2), Some((0b1101, 10)));
        assert!(!entries.iter().any(|e| e[0] == 3 && e[4] == 1 && e[5] == 10));
    }
}
