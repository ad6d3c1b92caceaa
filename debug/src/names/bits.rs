//! Bits of control registers, EFER, RFLAGS, MXCSR and paging entries as words.
//!
//! SDM Vol. 3A, "Control Registers", "Paging"; Vol. 1, "EFLAGS Register", "MXCSR Control and Status Register";
//! Vol. 4, IA32_EFER.

use arch::control::{cr0, cr4, efer};
use arch::paging::pte;
use arch::rflags;

/// Bits with their names, the order in which they are printed.
pub type Bits = &'static [(u64, &'static str)];

/// CR0.
pub const CR0: Bits = &[
    (cr0::PG, "PG"),
    (cr0::CD, "CD"),
    (cr0::NW, "NW"),
    (cr0::AM, "AM"),
    (cr0::WP, "WP"),
    (cr0::NE, "NE"),
    (cr0::ET, "ET"),
    (cr0::TS, "TS"),
    (cr0::EM, "EM"),
    (cr0::MP, "MP"),
    (cr0::PE, "PE"),
];

/// CR4.
pub const CR4: Bits = &[
    (cr4::PKE, "PKE"),
    (cr4::SMAP, "SMAP"),
    (cr4::SMEP, "SMEP"),
    (cr4::OSXSAVE, "OSXSAVE"),
    (cr4::PCIDE, "PCIDE"),
    (cr4::FSGSBASE, "FSGSBASE"),
    (cr4::VMXE, "VMXE"),
    (cr4::LA57, "LA57"),
    (cr4::UMIP, "UMIP"),
    (cr4::OSXMMEXCPT, "OSXMMEXCPT"),
    (cr4::OSFXSR, "OSFXSR"),
    (cr4::PCE, "PCE"),
    (cr4::PGE, "PGE"),
    (cr4::MCE, "MCE"),
    (cr4::PAE, "PAE"),
    (cr4::PSE, "PSE"),
    (cr4::DE, "DE"),
    (cr4::TSD, "TSD"),
    (cr4::PVI, "PVI"),
    (cr4::VME, "VME"),
];

/// IA32_EFER.
pub const EFER: Bits = &[
    (efer::FFXSR, "FFXSR"),
    (efer::SVME, "SVME"),
    (efer::NXE, "NXE"),
    (efer::LMA, "LMA"),
    (efer::LME, "LME"),
    (efer::SCE, "SCE"),
];

/// RFLAGS without IOPL.
pub const RFLAGS: Bits = &[
    (rflags::ID, "ID"),
    (rflags::VIP, "VIP"),
    (rflags::VIF, "VIF"),
    (rflags::AC, "AC"),
    (rflags::VM, "VM"),
    (rflags::RF, "RF"),
    (rflags::NT, "NT"),
    (rflags::OF, "OF"),
    (rflags::DF, "DF"),
    (rflags::IF, "IF"),
    (rflags::TF, "TF"),
    (rflags::SF, "SF"),
    (rflags::ZF, "ZF"),
    (rflags::AF, "AF"),
    (rflags::PF, "PF"),
    (rflags::CF, "CF"),
];

/// MXCSR without the rounding mode.
pub const MXCSR: Bits = &[
    (1 << 15, "FZ"),
    (1 << 12, "PM"),
    (1 << 11, "UM"),
    (1 << 10, "OM"),
    (1 << 9, "ZM"),
    (1 << 8, "DM"),
    (1 << 7, "IM"),
    (1 << 6, "DAZ"),
    (1 << 5, "PE"),
    (1 << 4, "UE"),
    (1 << 3, "OE"),
    (1 << 2, "ZE"),
    (1 << 1, "DE"),
    (1 << 0, "IE"),
];

/// A paging entry that names another table.
pub const TABLE_ENTRY: Bits = &[
    (pte::P, "P"),
    (pte::RW, "RW"),
    (pte::US, "US"),
    (pte::PWT, "PWT"),
    (pte::PCD, "PCD"),
    (pte::A, "A"),
    (pte::NX, "NX"),
];

/// A paging entry that maps a page, large or not.
pub const PAGE_ENTRY: Bits = &[
    (pte::P, "P"),
    (pte::RW, "RW"),
    (pte::US, "US"),
    (pte::PWT, "PWT"),
    (pte::PCD, "PCD"),
    (pte::A, "A"),
    (pte::D, "D"),
    (pte::G, "G"),
    (pte::NX, "NX"),
];

/// The names of the bits that are set, and `bit N` for those without a name; `none` for 0.
pub fn words(value: u64, bits: Bits) -> String {
    let mut names: Vec<String> = bits
        .iter()
        .filter(|(mask, _)| value & mask != 0)
        .map(|(_, name)| (*name).to_owned())
        .collect();
    let known = bits.iter().fold(0, |known, (mask, _)| known | mask);
    let unknown = value & !known;
    names.extend((0..64).filter(|bit| unknown >> bit & 1 != 0).map(|bit| format!("bit {bit}")));
    if names.is_empty() { "none".to_owned() } else { names.join(" ") }
}

/// What a change did: `PG set, WP cleared`; `nothing changed` if nothing did.
pub fn change(from: u64, to: u64, bits: Bits) -> String {
    let (set, cleared) = (to & !from, from & !to);
    let mut parts = Vec::new();
    if set != 0 {
        parts.push(format!("{} set", words(set, bits)));
    }
    if cleared != 0 {
        parts.push(format!("{} cleared", words(cleared, bits)));
    }
    if parts.is_empty() { "nothing changed".to_owned() } else { parts.join(", ") }
}
