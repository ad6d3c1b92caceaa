//! Debug registers: SDM Vol. 3B, "Debug Registers".

/// DR6 bits.
pub mod dr6 {
    /// Breakpoint condition of DR`n`.
    pub const fn b(n: u32) -> u64 {
        1 << n
    }
    /// A debug register was accessed with DR7.GD set.
    pub const BD: u64 = 1 << 13;
    /// Single step.
    pub const BS: u64 = 1 << 14;
    /// Task switch with T bit set.
    pub const BT: u64 = 1 << 15;
    /// All breakpoint conditions.
    pub const CONDITIONS: u64 = 0xf;
    /// Bits that read as 1; those of RTM and bus-lock debugging among them.
    pub const FIXED: u64 = 0xffff_0ff0;
    /// Bits software can change.
    pub const WRITABLE: u64 = 0xe00f;
}

/// DR7 bits.
pub mod dr7 {
    /// General detect.
    pub const GD: u64 = 1 << 13;
    /// Bit that reads as 1; also the reset value.
    pub const FIXED: u64 = 1 << 10;
    /// Bits software can change: without RTM (bit 11).
    pub const WRITABLE: u64 = 0xffff_23ff;
    /// The local enables and LE: a task switch clears them.
    pub const LOCAL: u64 = 0x155;

    /// L and G of breakpoint `n`.
    pub const fn enable(n: u32) -> u64 {
        3 << (2 * n)
    }
    /// R/W of breakpoint `n` in a DR7 value.
    pub const fn kind(dr7: u64, n: u32) -> u64 {
        dr7 >> (16 + 4 * n) & 3
    }
    /// R/W: instruction execution.
    pub const EXECUTE: u64 = 0;
    /// R/W: data writes.
    pub const WRITE: u64 = 1;
    /// R/W: I/O, with CR4.DE.
    pub const PORT: u64 = 2;
    /// R/W: data reads and writes.
    pub const ACCESS: u64 = 3;
    /// Bytes that LEN of breakpoint `n` in a DR7 value covers.
    pub const fn len(dr7: u64, n: u32) -> u64 {
        match dr7 >> (18 + 4 * n) & 3 {
            0 => 1,
            1 => 2,
            2 => 8,
            _ => 4,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_of_dr7_are_where_the_manual_draws_them() {
        // L3, R/W3 = 11, LEN3 = 10; G0, R/W0 = 01, LEN0 = 11.
        let value = 1 << 6 | 0b1011 << 28 | 1 << 1 | 0b1101 << 16;

        assert_eq!((dr7::kind(value, 3), dr7::len(value, 3)), (dr7::ACCESS, 8));
        assert_eq!((dr7::kind(value, 0), dr7::len(value, 0)), (dr7::WRITE, 4));
        let enabled = [0, 1, 2, 3].map(|n| value & dr7::enable(n) != 0);
        assert_eq!(enabled, [true, false, false, true]);
    }
}
