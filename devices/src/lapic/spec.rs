//! The registers of the local APIC in the manual's words: SDM Vol. 3A, "Advanced Programmable
//! Interrupt Controller (APIC)": "Local APIC Register Address Map", "Local Vector Table",
//! "Interrupt Command Register (ICR)", "Extended XAPIC (x2APIC)".

use arch::apic::DeliveryMode;
use serde::{Deserialize, Serialize};

/// Version register: an xAPIC (0x14) whose last LVT entry is number 5, without suppression of EOI
/// broadcasts.
pub const VERSION: u32 = 0x0005_0014;

/// Software enable, bit 8 of the spurious-interrupt vector register.
pub const SVR_ENABLE: u32 = 1 << 8;
/// Bits of the spurious-interrupt vector register that hold what is written: vector, software
/// enable, focus processor checking.
pub const SVR_WRITABLE: u32 = 0x3ff;
/// Spurious-interrupt vector register after reset: software-disabled.
pub const SVR_RESET: u32 = 0xff;

/// Remote IRR of a level-triggered LINT entry, read-only.
pub const LVT_REMOTE_IRR: u32 = 1 << 14;
/// Level-triggered, LINT entries only.
pub const LVT_LEVEL: u32 = 1 << 15;
/// Masked.
pub const LVT_MASKED: u32 = 1 << 16;

/// Delivery status, read-only: a message waits to be taken.
pub const ICR_PENDING: u32 = 1 << 12;
/// Logical destination mode.
pub const ICR_LOGICAL: u32 = 1 << 11;
/// Assert, as opposed to the de-assert of an INIT level.
pub const ICR_ASSERT: u32 = 1 << 14;
/// Level-triggered.
pub const ICR_LEVEL: u32 = 1 << 15;
/// Bits of the low ICR half that hold what is written.
pub const ICR_WRITABLE: u32 = 0x000c_cfff;

/// Error status register: an illegal vector was to be sent.
pub const ESR_SEND_ILLEGAL_VECTOR: u32 = 1 << 5;
/// Error status register: an illegal vector was received, also from the own LVT.
pub const ESR_RECEIVE_ILLEGAL_VECTOR: u32 = 1 << 6;
/// Error status register: a register that does not exist was accessed.
pub const ESR_ILLEGAL_REGISTER: u32 = 1 << 7;

/// The lowest vector an interrupt message may carry; 0 to 15 are illegal.
pub const FIRST_LEGAL_VECTOR: u8 = 16;

/// A register, by its place in the map: bits 4 to 11 of the xAPIC page offset, or the MSR number
/// less 0x800.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs, reason = "the names are the manual's")]
pub enum Register {
    Id,
    Version,
    Tpr,
    Apr,
    Ppr,
    Eoi,
    Rrd,
    Ldr,
    Dfr,
    Svr,
    /// 32 bits of the in-service register.
    Isr(u8),
    /// 32 bits of the trigger mode register.
    Tmr(u8),
    /// 32 bits of the interrupt request register.
    Irr(u8),
    Esr,
    /// In x2APIC mode: all 64 bits of the ICR.
    IcrLow,
    IcrHigh,
    Lvt(LvtEntry),
    InitialCount,
    CurrentCount,
    DivideConfiguration,
    /// x2APIC mode only.
    SelfIpi,
}

impl Register {
    /// The register at a place in the map, `None` for the reserved ones.
    pub const fn decode(place: u8) -> Option<Self> {
        Some(match place {
            0x02 => Self::Id,
            0x03 => Self::Version,
            0x08 => Self::Tpr,
            0x09 => Self::Apr,
            0x0a => Self::Ppr,
            0x0b => Self::Eoi,
            0x0c => Self::Rrd,
            0x0d => Self::Ldr,
            0x0e => Self::Dfr,
            0x0f => Self::Svr,
            0x10..=0x17 => Self::Isr(place - 0x10),
            0x18..=0x1f => Self::Tmr(place - 0x18),
            0x20..=0x27 => Self::Irr(place - 0x20),
            0x28 => Self::Esr,
            0x30 => Self::IcrLow,
            0x31 => Self::IcrHigh,
            0x32 => Self::Lvt(LvtEntry::Timer),
            0x33 => Self::Lvt(LvtEntry::Thermal),
            0x34 => Self::Lvt(LvtEntry::Performance),
            0x35 => Self::Lvt(LvtEntry::Lint0),
            0x36 => Self::Lvt(LvtEntry::Lint1),
            0x37 => Self::Lvt(LvtEntry::Error),
            0x38 => Self::InitialCount,
            0x39 => Self::CurrentCount,
            0x3e => Self::DivideConfiguration,
            0x3f => Self::SelfIpi,
            _ => return None,
        })
    }
}

/// An entry of the local vector table, in the order of the register map.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs, reason = "the names are the manual's")]
pub enum LvtEntry {
    Timer,
    Thermal,
    Performance,
    Lint0,
    Lint1,
    Error,
}

impl LvtEntry {
    /// How many entries there are.
    pub const COUNT: usize = 6;

    /// The bits that hold what is written: "Local Vector Table (LVT)", the figure. The polarity of
    /// the LINT entries is held but has no effect, see the module's list.
    pub const fn writable(self) -> u32 {
        match self {
            Self::Timer => 0x0007_00ff,
            Self::Thermal | Self::Performance => 0x0001_07ff,
            Self::Lint0 | Self::Lint1 => 0x0001_a7ff,
            Self::Error => 0x0001_00ff,
        }
    }
}

/// What the timer does, bits 17 and 18 of its LVT entry.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum TimerMode {
    /// Counts down once.
    OneShot,
    /// Counts down again and again.
    Periodic,
    /// Compares the time-stamp counter with IA32_TSC_DEADLINE.
    TscDeadline,
    /// The reserved encoding: the timer stands still.
    Reserved,
}

impl TimerMode {
    /// The mode that a timer LVT entry asks for.
    pub const fn from_lvt(lvt: u32) -> Self {
        match lvt >> 17 & 3 {
            0 => Self::OneShot,
            1 => Self::Periodic,
            2 => Self::TscDeadline,
            _ => Self::Reserved,
        }
    }
}

/// Input clock ticks per count for a divide configuration register: its bits 0, 1 and 3 are a
/// power of two less one, and 7 means no division.
pub const fn divisor(divide_configuration: u32) -> u64 {
    let code = divide_configuration & 3 | divide_configuration >> 1 & 4;
    if code == 7 { 1 } else { 2 << code }
}

/// Whom an interrupt message is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Destination {
    /// The local APIC with this ID; 0xff and 0xffff_ffff are everybody.
    Physical(u32),
    /// The local APICs whose logical destination register matches.
    Logical(u32),
    /// Every local APIC, the sender too.
    AllIncludingSelf,
    /// Every local APIC but the sender.
    AllExcludingSelf,
}

/// An interprocessor interrupt on its way: what was written to the interrupt command register.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct IcrMessage {
    /// What the receivers shall do.
    pub mode: DeliveryMode,
    /// Vector; for a start-up message the page number of the entry point.
    pub vector: u8,
    /// Trigger mode: level instead of edge.
    pub level: bool,
    /// Whom it is for.
    pub destination: Destination,
}

/// A shorthand, bits 18 and 19 of the low ICR half.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Shorthand {
    /// None: the destination field counts.
    None,
    /// The sender alone.
    Itself,
    /// Everybody.
    AllIncludingSelf,
    /// Everybody but the sender.
    AllExcludingSelf,
}

impl Shorthand {
    /// The shorthand that the low ICR half asks for.
    pub const fn from_icr(low: u32) -> Self {
        match low >> 18 & 3 {
            0 => Self::None,
            1 => Self::Itself,
            2 => Self::AllIncludingSelf,
            _ => Self::AllExcludingSelf,
        }
    }
}
