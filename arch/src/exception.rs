//! Exceptions: SDM Vol. 3A, "Interrupt and Exception Handling".

use core::fmt;
use serde::{Deserialize, Serialize};

/// Exception vectors 0 to 31 that are defined.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[repr(u8)]
pub enum Vector {
    /// Divide error.
    DE = 0,
    /// Debug.
    DB = 1,
    /// Non-maskable interrupt.
    NMI = 2,
    /// Breakpoint.
    BP = 3,
    /// Overflow.
    OF = 4,
    /// BOUND range exceeded.
    BR = 5,
    /// Invalid opcode.
    UD = 6,
    /// Device not available.
    NM = 7,
    /// Double fault.
    DF = 8,
    /// Invalid TSS.
    TS = 10,
    /// Segment not present.
    NP = 11,
    /// Stack-segment fault.
    SS = 12,
    /// General protection.
    GP = 13,
    /// Page fault.
    PF = 14,
    /// x87 floating-point error.
    MF = 16,
    /// Alignment check.
    AC = 17,
    /// Machine check.
    MC = 18,
    /// SIMD floating-point exception.
    XM = 19,
}

impl Vector {
    /// True if delivery pushes an error code outside real mode.
    pub const fn has_error_code(self) -> bool {
        matches!(self, Self::DF | Self::TS | Self::NP | Self::SS | Self::GP | Self::PF | Self::AC)
    }

    /// Class for the double-fault rules.
    pub const fn class(self) -> Class {
        match self {
            Self::DE | Self::TS | Self::NP | Self::SS | Self::GP => Class::Contributory,
            Self::PF => Class::PageFault,
            Self::DF => Class::DoubleFault,
            _ => Class::Benign,
        }
    }
}

impl fmt::Display for Vector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{self:?}")
    }
}

/// SDM Vol. 3A, "Interrupt 8 - Double Fault Exception": which second event makes a double fault.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Class {
    /// Never escalates.
    Benign,
    /// Escalates with another contributory one.
    Contributory,
    /// Escalates with a contributory one or another page fault.
    PageFault,
    /// Any further contributory one or page fault shuts the CPU down.
    DoubleFault,
}

/// A fault or trap that an instruction raises: the guest's own, part of the semantics.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Exception {
    /// Which one.
    pub vector: Vector,
    /// Error code; 0 where none is pushed.
    pub error_code: u32,
    /// Faulting linear address, for #PF only: goes to CR2 on delivery.
    pub address: u64,
}

impl Exception {
    /// One without error code (or with error code 0).
    pub const fn new(vector: Vector) -> Self {
        Self { vector, error_code: 0, address: 0 }
    }
    /// One with an error code.
    pub const fn with_code(vector: Vector, error_code: u32) -> Self {
        Self { vector, error_code, address: 0 }
    }
    /// #GP(0).
    pub const fn gp0() -> Self {
        Self::new(Vector::GP)
    }
    /// #UD.
    pub const fn ud() -> Self {
        Self::new(Vector::UD)
    }
    /// #PF with its error code ([`page_fault`] bits) and address.
    pub const fn page_fault(address: u64, error_code: u32) -> Self {
        Self { vector: Vector::PF, error_code, address }
    }
}

/// Page-fault error code bits.
pub mod page_fault {
    /// The page was present: a rights violation.
    pub const P: u32 = 1 << 0;
    /// Write access.
    pub const W: u32 = 1 << 1;
    /// User-mode access.
    pub const U: u32 = 1 << 2;
    /// A reserved bit was set in a paging entry.
    pub const RSVD: u32 = 1 << 3;
    /// Instruction fetch.
    pub const I: u32 = 1 << 4;
    /// Protection key violation.
    pub const PK: u32 = 1 << 5;
}

/// Error code bits of selector-related faults.
pub mod selector_code {
    /// The event was external to the program.
    pub const EXT: u32 = 1 << 0;
    /// The index refers to the IDT.
    pub const IDT: u32 = 1 << 1;
}
