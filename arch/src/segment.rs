//! Selectors, segment descriptors and the hidden part of segment registers: SDM Vol. 3A,
//! "Segment Selectors", "Segment Registers", "Segment Descriptors".

use serde::{Deserialize, Serialize};

/// The segment registers in the order of their instruction encoding (SDM Vol. 2, sreg field).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[repr(u8)]
#[allow(missing_docs, reason = "the names are the registers'")]
pub enum SegReg {
    Es,
    Cs,
    Ss,
    Ds,
    Fs,
    Gs,
}

impl SegReg {
    /// All six, in encoding order.
    pub const ALL: [Self; 6] = [Self::Es, Self::Cs, Self::Ss, Self::Ds, Self::Fs, Self::Gs];
}

/// A segment selector.
#[derive(Clone, Copy, PartialEq, Eq, Default, Hash, Debug, Serialize, Deserialize)]
pub struct Selector(pub u16);

impl Selector {
    /// Requested privilege level.
    pub const fn rpl(self) -> u8 {
        (self.0 & 3) as u8
    }
    /// True if it names the LDT.
    pub const fn is_local(self) -> bool {
        self.0 & 4 != 0
    }
    /// Byte offset of the descriptor in its table.
    pub const fn offset(self) -> u16 {
        self.0 & !7
    }
    /// True for 0 to 3, which name no descriptor.
    pub const fn is_null(self) -> bool {
        self.0 & !3 == 0
    }
    /// As the selector part of an error code: RPL bits replaced by EXT = IDT = 0.
    pub const fn error_code(self) -> u32 {
        (self.0 & !3) as u32
    }
}

/// Attribute bits of a descriptor, as they stand in bits 8-23 of its upper half, shifted down by 8
/// (the VMX "access rights" layout): type 0-3, S 4, DPL 5-6, P 7, AVL 12, L 13, D/B 14, G 15.
pub mod attr {
    /// Type field: accessed (code and data).
    pub const ACCESSED: u16 = 1 << 0;
    /// Data: writable. Code: readable.
    pub const WRITABLE_OR_READABLE: u16 = 1 << 1;
    /// Data: expand down. Code: conforming.
    pub const EXPAND_DOWN_OR_CONFORMING: u16 = 1 << 2;
    /// Code segment (with S set).
    pub const CODE: u16 = 1 << 3;
    /// Code or data, not system.
    pub const S: u16 = 1 << 4;
    /// Position of DPL.
    pub const DPL_SHIFT: u32 = 5;
    /// Present.
    pub const P: u16 = 1 << 7;
    /// Available to software.
    pub const AVL: u16 = 1 << 12;
    /// 64-bit code.
    pub const L: u16 = 1 << 13;
    /// Default operation size; "big" for data.
    pub const DB: u16 = 1 << 14;
    /// Granularity: limit counts 4 KiB pages.
    pub const G: u16 = 1 << 15;
}

/// System descriptor types (S = 0).
pub mod system_type {
    /// Available 16-bit TSS.
    pub const TSS16_AVAILABLE: u8 = 1;
    /// LDT.
    pub const LDT: u8 = 2;
    /// Busy 16-bit TSS.
    pub const TSS16_BUSY: u8 = 3;
    /// 16-bit call gate.
    pub const CALL_GATE16: u8 = 4;
    /// Task gate.
    pub const TASK_GATE: u8 = 5;
    /// 16-bit interrupt gate.
    pub const INTERRUPT_GATE16: u8 = 6;
    /// 16-bit trap gate.
    pub const TRAP_GATE16: u8 = 7;
    /// Available 32-bit or 64-bit TSS.
    pub const TSS_AVAILABLE: u8 = 9;
    /// Busy 32-bit or 64-bit TSS.
    pub const TSS_BUSY: u8 = 11;
    /// Call gate, 32-bit or 64-bit.
    pub const CALL_GATE: u8 = 12;
    /// Interrupt gate, 32-bit or 64-bit.
    pub const INTERRUPT_GATE: u8 = 14;
    /// Trap gate, 32-bit or 64-bit.
    pub const TRAP_GATE: u8 = 15;
}

/// An 8-byte descriptor of a GDT or LDT (the low half of the 16-byte ones of long mode).
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug, Serialize, Deserialize)]
pub struct Descriptor(pub u64);

impl Descriptor {
    /// Descriptor with a base, a byte limit already reduced to its 20-bit field, and attributes.
    pub const fn new(base: u32, limit_field: u32, attributes: u16) -> Self {
        let low = (limit_field & 0xffff) as u64 | ((base & 0xffff) as u64) << 16;
        let high = (base >> 16 & 0xff) as u64
            | (attributes as u64) << 8 & 0x00f0_ff00
            | (limit_field & 0xf_0000) as u64
            | (base & 0xff00_0000) as u64;
        Self(low | high << 32)
    }
    /// 32-bit base.
    pub const fn base(self) -> u32 {
        (self.0 >> 16 & 0xff_ffff) as u32 | (self.0 >> 32 & 0xff00_0000) as u32
    }
    /// Limit in bytes, granularity applied.
    pub const fn limit(self) -> u32 {
        let field = (self.0 & 0xffff) as u32 | (self.0 >> 32 & 0xf_0000) as u32;
        if self.attributes() & attr::G != 0 { field << 12 | 0xfff } else { field }
    }
    /// Attribute bits as in [`attr`].
    pub const fn attributes(self) -> u16 {
        (self.0 >> 40 & 0xf0ff) as u16
    }
    /// Descriptor privilege level.
    pub const fn dpl(self) -> u8 {
        (self.attributes() >> attr::DPL_SHIFT & 3) as u8
    }
    /// Type field, four bits.
    pub const fn kind(self) -> u8 {
        (self.attributes() & 0xf) as u8
    }
    /// Present.
    pub const fn present(self) -> bool {
        self.attributes() & attr::P != 0
    }
    /// Code or data (S = 1).
    pub const fn is_code_or_data(self) -> bool {
        self.attributes() & attr::S != 0
    }
    /// Code segment.
    pub const fn is_code(self) -> bool {
        self.attributes() & (attr::S | attr::CODE) == attr::S | attr::CODE
    }
    /// Conforming code segment.
    pub const fn is_conforming(self) -> bool {
        self.is_code() && self.attributes() & attr::EXPAND_DOWN_OR_CONFORMING != 0
    }
    /// Data segment that can be written.
    pub const fn is_writable_data(self) -> bool {
        self.attributes() & (attr::S | attr::CODE | attr::WRITABLE_OR_READABLE)
            == attr::S | attr::WRITABLE_OR_READABLE
    }
    /// Data segment, or code segment that can be read.
    pub const fn is_readable(self) -> bool {
        self.is_code_or_data()
            && (!self.is_code() || self.attributes() & attr::WRITABLE_OR_READABLE != 0)
    }
}

/// A segment register with its hidden part.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug, Serialize, Deserialize)]
pub struct Segment {
    /// The visible selector.
    pub selector: Selector,
    /// Attribute bits as in [`attr`]; 0 marks an unusable (null) segment.
    pub attributes: u16,
    /// Limit in bytes, granularity applied.
    pub limit: u32,
    /// Base linear address.
    pub base: u64,
}

impl Segment {
    /// What a real-mode load leaves: base = selector * 16; limit and attributes as after reset.
    pub const fn real_mode(selector: u16) -> Self {
        Self {
            selector: Selector(selector),
            attributes: attr::P | attr::S | attr::WRITABLE_OR_READABLE | attr::ACCESSED,
            limit: 0xffff,
            base: (selector as u64) << 4,
        }
    }
    /// What a load in virtual-8086 mode leaves: as in real mode, at privilege level 3.
    pub const fn v8086(selector: u16) -> Self {
        let segment = Self::real_mode(selector);
        Self { attributes: segment.attributes | 3 << attr::DPL_SHIFT, ..segment }
    }
    /// SS with a null selector, as 64-bit mode may have it: unusable, but of a privilege level.
    pub const fn null_stack(selector: Selector, cpl: u8) -> Self {
        Self { selector, attributes: (cpl as u16) << attr::DPL_SHIFT, limit: 0, base: 0 }
    }
    /// Hidden part filled from a descriptor.
    pub const fn from_descriptor(selector: Selector, descriptor: Descriptor) -> Self {
        Self {
            selector,
            attributes: descriptor.attributes(),
            limit: descriptor.limit(),
            base: descriptor.base() as u64,
        }
    }
    /// Descriptor privilege level.
    pub const fn dpl(&self) -> u8 {
        (self.attributes >> attr::DPL_SHIFT & 3) as u8
    }
    /// True unless it was loaded with a null selector.
    pub const fn usable(&self) -> bool {
        self.attributes & attr::P != 0
    }
    /// D/B bit.
    pub const fn big(&self) -> bool {
        self.attributes & attr::DB != 0
    }
    /// L bit.
    pub const fn long(&self) -> bool {
        self.attributes & attr::L != 0
    }
}

/// GDTR or IDTR.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug, Serialize, Deserialize)]
pub struct TableRegister {
    /// Base linear address.
    pub base: u64,
    /// Limit in bytes (size minus one).
    pub limit: u16,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_descriptor_keeps_its_fields() {
        let flat_code = Descriptor::new(0, 0xfffff, 0xc09b);
        assert_eq!(flat_code.0, 0x00cf_9b00_0000_ffff);
        assert_eq!(flat_code.limit(), 0xffff_ffff);
        assert_eq!(flat_code.attributes(), 0xc09b);
        let odd = Descriptor::new(0x1234_5678, 0x9_abcd, 0x0093);
        assert_eq!(odd.base(), 0x1234_5678);
        assert_eq!(odd.limit(), 0x9_abcd);
    }
}
