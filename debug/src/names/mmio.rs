//! Names of memory-mapped registers at the addresses where a PC has them.
//!
//! SDM Vol. 3A, "Local APIC Register Address Map"; Intel 82093AA (I/O APIC) datasheet, "Register
//! Description"; IA-PC HPET specification, "Memory Map". Not known here: a local APIC that the guest
//! has moved.

use arch::apic;

const PAGE: u64 = 4096;
const IOAPIC: u64 = boot::acpi::IOAPIC_ADDR as u64;
const HPET: u64 = 0xfed0_0000;
const VGA: core::ops::Range<u64> = 0xa_0000..0xc_0000;

/// Registers at single places: offset and name.
type Rows = &'static [(u64, &'static str)];

const LAPIC_REGISTERS: Rows = &[
    (0x20, "ID"),
    (0x30, "version"),
    (0x80, "TPR"),
    (0x90, "APR"),
    (0xa0, "PPR"),
    (0xb0, "EOI"),
    (0xc0, "RRD"),
    (0xd0, "LDR"),
    (0xe0, "DFR"),
    (0xf0, "SVR"),
    (0x280, "ESR"),
    (0x2f0, "LVT CMCI"),
    (0x300, "ICR low"),
    (0x310, "ICR high"),
    (0x320, "LVT timer"),
    (0x330, "LVT thermal"),
    (0x340, "LVT performance"),
    (0x350, "LVT LINT0"),
    (0x360, "LVT LINT1"),
    (0x370, "LVT error"),
    (0x380, "timer initial count"),
    (0x390, "timer current count"),
    (0x3e0, "timer divide"),
];

const IOAPIC_REGISTERS: Rows = &[(0, "IOREGSEL"), (0x10, "IOWIN"), (0x40, "EOI")];

const HPET_REGISTERS: Rows = &[
    (0, "capabilities"),
    (4, "period"),
    (0x10, "configuration"),
    (0x20, "interrupt status"),
    (0xf0, "counter"),
    (0xf4, "counter high"),
];

/// The name of the register at a physical address; `None` where a PC has nothing.
pub fn mmio(addr: u64) -> Option<String> {
    if VGA.contains(&addr) {
        return Some("VGA window".to_owned());
    }
    let offset = addr % PAGE;
    match addr - offset {
        apic::DEFAULT_BASE => Some(format!("LAPIC {}", lapic(offset & !0xf))),
        IOAPIC => Some(format!("I/O APIC {}", row(IOAPIC_REGISTERS, offset & !3))),
        HPET => Some(format!("HPET {}", hpet(offset & !3))),
        _ => None,
    }
}

/// The name of a local APIC register by its offset in the page; the x2APIC MSRs are numbered alike.
pub fn lapic(offset: u64) -> String {
    let word = |first: u64| (offset - first) / 0x10;
    match offset {
        0x100..=0x170 => format!("ISR {}", word(0x100)),
        0x180..=0x1f0 => format!("TMR {}", word(0x180)),
        0x200..=0x270 => format!("IRR {}", word(0x200)),
        _ => row(LAPIC_REGISTERS, offset),
    }
}

fn hpet(offset: u64) -> String {
    if (0x100..0x500).contains(&offset) {
        let part = ["configuration", "comparator", "FSB route", "reserved"];
        return format!("timer {} {}", (offset - 0x100) / 0x20, part[(offset / 8 % 4) as usize]);
    }
    row(HPET_REGISTERS, offset)
}

fn row(rows: Rows, offset: u64) -> String {
    match rows.iter().find(|(at, _)| *at == offset) {
        Some((_, name)) => (*name).to_owned(),
        None => format!("reserved {offset:#x}"),
    }
}
