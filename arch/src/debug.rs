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
    /// Bits that read as 1.
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
    /// Bits software can change.
    pub const WRITABLE: u64 = 0xffff_2bff;
    /// The local enables and LE, which a task switch clears.
    pub const LOCAL: u64 = 0x155;
    /// Any of the local and global enables.
    pub const ENABLES: u64 = 0xff;
}
