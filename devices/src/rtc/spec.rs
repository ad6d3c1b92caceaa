//! Registers of the MC146818: Motorola MC146818 datasheet (1984), "Address Map" and "Registers".

/// Register numbers.
pub mod register {
    /// Seconds, 0-59.
    pub const SECONDS: u8 = 0x00;
    /// Seconds alarm.
    pub const SECONDS_ALARM: u8 = 0x01;
    /// Minutes, 0-59.
    pub const MINUTES: u8 = 0x02;
    /// Minutes alarm.
    pub const MINUTES_ALARM: u8 = 0x03;
    /// Hours, 0-23 or 1-12 with bit 7 for PM.
    pub const HOURS: u8 = 0x04;
    /// Hours alarm.
    pub const HOURS_ALARM: u8 = 0x05;
    /// Day of the week, 1 (Sunday) to 7.
    pub const DAY_OF_WEEK: u8 = 0x06;
    /// Day of the month, 1-31.
    pub const DAY_OF_MONTH: u8 = 0x07;
    /// Month, 1-12.
    pub const MONTH: u8 = 0x08;
    /// Year of the century, 0-99.
    pub const YEAR: u8 = 0x09;
    /// Register A.
    pub const A: u8 = 0x0a;
    /// Register B.
    pub const B: u8 = 0x0b;
    /// Register C.
    pub const C: u8 = 0x0c;
    /// Register D.
    pub const D: u8 = 0x0d;
    /// Century: not in the MC146818; the place PCs use and FADT.CENTURY names.
    pub const CENTURY: u8 = 0x32;
}

/// Register A bits.
pub mod a {
    /// Update in progress (read only).
    pub const UIP: u8 = 1 << 7;
    /// DV2-DV0: time base and divider reset.
    pub const DV: u8 = 0x70;
    /// DV = 010: the 32,768 Hz crystal runs the divider.
    pub const DV_32768_HZ: u8 = 0x20;
    /// RS3-RS0: rate of the periodic interrupt.
    pub const RS: u8 = 0x0f;
}

/// Register B bits.
pub mod b {
    /// Stops updates while the program sets the time.
    pub const SET: u8 = 1 << 7;
    /// Periodic interrupt enable.
    pub const PIE: u8 = 1 << 6;
    /// Alarm interrupt enable.
    pub const AIE: u8 = 1 << 5;
    /// Update-ended interrupt enable.
    pub const UIE: u8 = 1 << 4;
    /// Square wave enable.
    pub const SQWE: u8 = 1 << 3;
    /// Data mode: binary instead of BCD.
    pub const DM: u8 = 1 << 2;
    /// 24-hour instead of 12-hour mode.
    pub const HOURS_24: u8 = 1 << 1;
}

/// Register C bits; the flags PF, AF, UF stand where register B has their enables.
pub mod c {
    /// Interrupt request: any flag with its enable.
    pub const IRQF: u8 = 1 << 7;
    /// Periodic flag.
    pub const PF: u8 = 1 << 6;
    /// Alarm flag.
    pub const AF: u8 = 1 << 5;
    /// Update-ended flag.
    pub const UF: u8 = 1 << 4;
}

/// Register D bits.
pub mod d {
    /// Valid RAM and time: the battery is good.
    pub const VRT: u8 = 1 << 7;
}
