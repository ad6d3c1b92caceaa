//! Registers, commands and limits of ATA devices: INCITS 361 (ATA/ATAPI-6), "I/O register
//! descriptions", "Command descriptions".

/// Bytes of a sector of a disk.
pub const SECTOR: usize = 512;
/// Most sectors of a DRQ block: what READ and WRITE MULTIPLE may be set to.
pub const MULTIPLE_MAX: u8 = 16;
/// Sectors that 28 bits address.
pub const LBA28_SECTORS_MAX: u64 = 0x0fff_ffff;
/// Sectors that 48 bits address.
pub const LBA48_SECTORS_MAX: u64 = 1 << 48;

/// Offsets in the command block.
pub mod register {
    /// Data port, 16 bits.
    pub const DATA: u8 = 0;
    /// Error (read), Features (write).
    pub const ERROR: u8 = 1;
    /// Sector Count; of a packet device Interrupt Reason.
    pub const COUNT: u8 = 2;
    /// LBA Low, once Sector Number.
    pub const LBA_LOW: u8 = 3;
    /// LBA Mid, once Cylinder Low; of a packet device Byte Count Low.
    pub const LBA_MID: u8 = 4;
    /// LBA High, once Cylinder High; of a packet device Byte Count High.
    pub const LBA_HIGH: u8 = 5;
    /// Device, once Drive/Head.
    pub const DEVICE: u8 = 6;
    /// Status (read), Command (write).
    pub const STATUS: u8 = 7;
}

/// Status register.
pub mod status {
    /// Busy: no other bit is valid.
    pub const BSY: u8 = 0x80;
    /// Device ready.
    pub const DRDY: u8 = 0x40;
    /// Device fault: the medium cannot be written.
    pub const DF: u8 = 0x20;
    /// Seek complete, in later standards "command dependent".
    pub const DSC: u8 = 0x10;
    /// Data request: a word may be transferred.
    pub const DRQ: u8 = 0x08;
    /// Error; of a packet device CHK.
    pub const ERR: u8 = 0x01;
}

/// Error register.
pub mod error {
    /// Interface CRC or uncorrectable: the data of the medium cannot be read.
    pub const UNC: u8 = 0x40;
    /// The address does not exist.
    pub const IDNF: u8 = 0x10;
    /// The command was aborted.
    pub const ABRT: u8 = 0x04;
    /// Diagnostic code: this device passed, and so did device 1 or there is none.
    pub const PASSED: u8 = 0x01;
}

/// Device register.
pub mod device {
    /// The address is an LBA.
    pub const LBA: u8 = 0x40;
    /// Device 1 is selected.
    pub const DEV: u8 = 0x10;
    /// Head, or LBA bits 27-24.
    pub const HEAD: u8 = 0x0f;
    /// Bits that were always one in older standards.
    pub const OBSOLETE: u8 = 0xa0;
}

/// Device Control register.
pub mod control {
    /// High order byte: reads show what was written before the last write.
    pub const HOB: u8 = 0x80;
    /// Software reset, as long as it is set.
    pub const SRST: u8 = 0x04;
    /// Interrupts are disabled.
    pub const NIEN: u8 = 0x02;
}

/// Interrupt Reason register of a packet device.
pub mod reason {
    /// The transfer is of a command or, with IO, of status.
    pub const CD: u8 = 0x01;
    /// The transfer is to the host.
    pub const IO: u8 = 0x02;
}

/// Command codes.
#[allow(missing_docs, reason = "the names are the standard's command names")]
pub mod command {
    pub const NOP: u8 = 0x00;
    pub const DEVICE_RESET: u8 = 0x08;
    pub const RECALIBRATE_FIRST: u8 = 0x10;
    pub const RECALIBRATE_LAST: u8 = 0x1f;
    pub const READ_SECTORS: u8 = 0x20;
    pub const READ_SECTORS_NO_RETRY: u8 = 0x21;
    pub const READ_SECTORS_EXT: u8 = 0x24;
    pub const READ_DMA_EXT: u8 = 0x25;
    pub const READ_NATIVE_MAX_EXT: u8 = 0x27;
    pub const READ_MULTIPLE_EXT: u8 = 0x29;
    pub const WRITE_SECTORS: u8 = 0x30;
    pub const WRITE_SECTORS_NO_RETRY: u8 = 0x31;
    pub const WRITE_SECTORS_EXT: u8 = 0x34;
    pub const WRITE_DMA_EXT: u8 = 0x35;
    pub const WRITE_MULTIPLE_EXT: u8 = 0x39;
    pub const READ_VERIFY: u8 = 0x40;
    pub const READ_VERIFY_NO_RETRY: u8 = 0x41;
    pub const READ_VERIFY_EXT: u8 = 0x42;
    pub const SEEK_FIRST: u8 = 0x70;
    pub const SEEK_LAST: u8 = 0x7f;
    pub const EXECUTE_DEVICE_DIAGNOSTIC: u8 = 0x90;
    pub const INITIALIZE_DEVICE_PARAMETERS: u8 = 0x91;
    pub const STANDBY_IMMEDIATE_OLD: u8 = 0x94;
    pub const IDLE_IMMEDIATE_OLD: u8 = 0x95;
    pub const STANDBY_OLD: u8 = 0x96;
    pub const IDLE_OLD: u8 = 0x97;
    pub const CHECK_POWER_MODE_OLD: u8 = 0x98;
    pub const SLEEP_OLD: u8 = 0x99;
    pub const PACKET: u8 = 0xa0;
    pub const IDENTIFY_PACKET_DEVICE: u8 = 0xa1;
    pub const READ_MULTIPLE: u8 = 0xc4;
    pub const WRITE_MULTIPLE: u8 = 0xc5;
    pub const SET_MULTIPLE_MODE: u8 = 0xc6;
    pub const READ_DMA: u8 = 0xc8;
    pub const READ_DMA_NO_RETRY: u8 = 0xc9;
    pub const WRITE_DMA: u8 = 0xca;
    pub const WRITE_DMA_NO_RETRY: u8 = 0xcb;
    pub const STANDBY_IMMEDIATE: u8 = 0xe0;
    pub const IDLE_IMMEDIATE: u8 = 0xe1;
    pub const STANDBY: u8 = 0xe2;
    pub const IDLE: u8 = 0xe3;
    pub const CHECK_POWER_MODE: u8 = 0xe5;
    pub const SLEEP: u8 = 0xe6;
    pub const FLUSH_CACHE: u8 = 0xe7;
    pub const FLUSH_CACHE_EXT: u8 = 0xea;
    pub const IDENTIFY_DEVICE: u8 = 0xec;
    pub const SET_FEATURES: u8 = 0xef;
    pub const READ_NATIVE_MAX: u8 = 0xf8;
}

/// Subcommands of SET FEATURES, in the Features register.
#[allow(missing_docs, reason = "the names are the standard's subcommand names")]
pub mod feature {
    pub const ENABLE_WRITE_CACHE: u8 = 0x02;
    pub const SET_TRANSFER_MODE: u8 = 0x03;
    pub const DISABLE_READ_LOOK_AHEAD: u8 = 0x55;
    pub const DISABLE_REVERTING: u8 = 0x66;
    pub const DISABLE_WRITE_CACHE: u8 = 0x82;
    pub const ENABLE_READ_LOOK_AHEAD: u8 = 0xaa;
    pub const ENABLE_REVERTING: u8 = 0xcc;
}
