//! Gate descriptors and task-state segments: SDM Vol. 3A, "IDT Descriptors", "Task-State Segment".

use crate::segment::{Selector, attr};

/// An IDT gate or call gate; `high` is the upper half of a 16-byte gate of long mode, else 0.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Gate {
    /// Bytes 0-7.
    pub low: u64,
    /// Bytes 8-15 of a 64-bit gate.
    pub high: u64,
}

impl Gate {
    /// Type field, [`crate::segment::system_type`].
    pub const fn kind(self) -> u8 {
        (self.low >> 40 & 0xf) as u8
    }
    /// S bit: must be 0 for a gate.
    pub const fn is_system(self) -> bool {
        self.low >> 40 & attr::S as u64 == 0
    }
    /// Present.
    pub const fn present(self) -> bool {
        self.low >> 47 & 1 != 0
    }
    /// Descriptor privilege level.
    pub const fn dpl(self) -> u8 {
        (self.low >> 45 & 3) as u8
    }
    /// Target code segment (or TSS, for a task gate).
    pub const fn selector(self) -> Selector {
        Selector((self.low >> 16) as u16)
    }
    /// Target offset: 16, 32 or 64 bits as the gate's size has them.
    pub const fn offset(self) -> u64 {
        self.low & 0xffff | self.low >> 32 & 0xffff_0000 | (self.high & 0xffff_ffff) << 32
    }
    /// Interrupt stack table index of a 64-bit gate.
    pub const fn ist(self) -> u8 {
        (self.low >> 32 & 7) as u8
    }
    /// Parameter count of a call gate.
    pub const fn parameter_count(self) -> u8 {
        (self.low >> 32 & 0x1f) as u8
    }
}

/// Byte offsets in the 64-bit TSS.
pub mod tss64 {
    /// RSP for CPL `n`.
    pub const fn rsp(n: u8) -> u16 {
        4 + 8 * n as u16
    }
    /// Interrupt stack table entry 1-7.
    pub const fn ist(n: u8) -> u16 {
        0x24 + 8 * (n as u16 - 1)
    }
    /// I/O map base field.
    pub const IOMAP_BASE: u16 = 0x66;
}

/// Byte offsets in the 32-bit TSS.
pub mod tss32 {
    /// Back link.
    pub const LINK: u16 = 0;
    /// ESP for CPL `n`; SS follows.
    pub const fn esp(n: u8) -> u16 {
        4 + 8 * n as u16
    }
    /// CR3.
    pub const CR3: u16 = 0x1c;
    /// EIP; EFLAGS, the eight general registers in encoding order and, in four bytes each, the six
    /// segment registers in encoding order follow.
    pub const EIP: u16 = 0x20;
    /// ES, the first of the segment registers.
    pub const ES: u16 = 0x48;
    /// LDT selector.
    pub const LDT: u16 = 0x60;
    /// Debug trap flag, bit 0.
    pub const TRAP: u16 = 0x64;
    /// I/O map base field.
    pub const IOMAP_BASE: u16 = 0x66;
    /// The least limit a 32-bit TSS may have.
    pub const MIN_LIMIT: u32 = 0x67;
}

/// Byte offsets in the 16-bit TSS.
pub mod tss16 {
    /// Back link.
    pub const LINK: u16 = 0;
    /// SP for CPL `n`; SS follows.
    pub const fn sp(n: u8) -> u16 {
        2 + 4 * n as u16
    }
    /// IP; FLAGS, the eight general registers and ES CS SS DS follow.
    pub const IP: u16 = 0x0e;
    /// ES, the first of the segment registers.
    pub const ES: u16 = 0x22;
    /// LDT selector.
    pub const LDT: u16 = 0x2a;
    /// The least limit a 16-bit TSS may have.
    pub const MIN_LIMIT: u32 = 0x2b;
}
