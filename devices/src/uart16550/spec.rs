//! Registers of the 16550A: National Semiconductor PC16550D datasheet, "Registers".

/// Interrupt enable register bits (offset 1, DLAB = 0).
pub mod ier {
    /// ERBFI: received data available, and character timeout.
    pub const RECEIVED_DATA: u8 = 1 << 0;
    /// ETBEI: transmitter holding register empty.
    pub const THR_EMPTY: u8 = 1 << 1;
    /// ELSI: receiver line status.
    pub const LINE_STATUS: u8 = 1 << 2;
    /// EDSSI: modem status.
    pub const MODEM_STATUS: u8 = 1 << 3;
    /// The bits that exist; the others read 0, which tells a 16550A from a 16750.
    pub const MASK: u8 = 0x0f;
}

/// FIFO control register bits (offset 2, write).
pub mod fcr {
    /// Both FIFOs on; a change of this bit empties them.
    pub const ENABLE: u8 = 1 << 0;
    /// Empties the receiver FIFO; clears itself.
    pub const CLEAR_RX: u8 = 1 << 1;
    /// Receiver trigger level in bytes, by bits 7-6.
    pub const TRIGGER_LEVELS: [usize; 4] = [1, 4, 8, 14];
}

/// Interrupt identification register values (offset 2, read), in descending priority.
pub mod iir {
    /// Receiver line status.
    pub const LINE_STATUS: u8 = 0x06;
    /// Received data available (trigger level reached).
    pub const RECEIVED_DATA: u8 = 0x04;
    /// Character timeout (data below the trigger level).
    pub const TIMEOUT: u8 = 0x0c;
    /// Transmitter holding register empty.
    pub const THR_EMPTY: u8 = 0x02;
    /// Modem status.
    pub const MODEM_STATUS: u8 = 0x00;
    /// Nothing pending.
    pub const NONE: u8 = 0x01;
    /// Bits 7-6: both set while the FIFOs are on.
    pub const FIFOS_ON: u8 = 0xc0;
}

/// Line control register bits (offset 3).
pub mod lcr {
    /// Divisor latch access bit: offsets 0 and 1 are the divisor.
    pub const DLAB: u8 = 1 << 7;
}

/// Modem control register bits (offset 4).
pub mod mcr {
    /// Data terminal ready.
    pub const DTR: u8 = 1 << 0;
    /// Request to send.
    pub const RTS: u8 = 1 << 1;
    /// User output 1.
    pub const OUT1: u8 = 1 << 2;
    /// User output 2: connects INTR to the bus in every PC.
    pub const OUT2: u8 = 1 << 3;
    /// Local loopback.
    pub const LOOP: u8 = 1 << 4;
    /// The bits that exist.
    pub const MASK: u8 = 0x1f;
}

/// Line status register bits (offset 5).
pub mod lsr {
    /// Data ready.
    pub const DATA_READY: u8 = 1 << 0;
    /// Overrun error; cleared by reading.
    pub const OVERRUN: u8 = 1 << 1;
    /// Transmitter holding register empty.
    pub const THR_EMPTY: u8 = 1 << 5;
    /// Transmitter empty.
    pub const TX_EMPTY: u8 = 1 << 6;
}

/// Modem status register bits (offset 6). Bits 3-0 are changes of bits 7-4 since the last read.
pub mod msr {
    /// Delta of clear to send.
    pub const DELTA_CTS: u8 = 1 << 0;
    /// Delta of data set ready.
    pub const DELTA_DSR: u8 = 1 << 1;
    /// Trailing edge of ring indicator.
    pub const TRAILING_RI: u8 = 1 << 2;
    /// Delta of data carrier detect.
    pub const DELTA_DCD: u8 = 1 << 3;
    /// Clear to send.
    pub const CTS: u8 = 1 << 4;
    /// Data set ready.
    pub const DSR: u8 = 1 << 5;
    /// Ring indicator.
    pub const RI: u8 = 1 << 6;
    /// Data carrier detect.
    pub const DCD: u8 = 1 << 7;
}
