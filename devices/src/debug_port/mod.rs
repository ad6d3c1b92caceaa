//! Ports that exist only in emulators: the debug console of Bochs (0xe9) and of QEMU's firmware
//! builds (0x402), and QEMU's `isa-debug-exit`.
//!
//! Not modelled: input. A byte that is not taken away in time is counted and lost, as on any wire
//! without flow control.

use serde::{Deserialize, Serialize};

/// A debug console: what is written is output, what is read is 0xe9, by which guests find it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct DebugConsole {
    output: Vec<u8>,
    lost: u64,
}

impl DebugConsole {
    /// What a read returns (SeaBIOS: `QEMU_DEBUGCON_READBACK`; Bochs: port e9 hack).
    pub const READ_BACK: u8 = 0xe9;
    /// Bytes held for the board.
    pub const CAPACITY: usize = 4096;

    /// A console at power-on.
    pub const fn new() -> Self {
        Self { output: Vec::new(), lost: 0 }
    }

    /// Reads the port.
    pub const fn read(&self) -> u8 {
        Self::READ_BACK
    }

    /// Writes the port.
    pub fn write(&mut self, byte: u8) {
        if self.output.len() < Self::CAPACITY {
            self.output.push(byte);
        } else {
            self.lost = self.lost.saturating_add(1);
        }
    }

    /// Takes what the guest has written.
    pub fn take_output(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.output)
    }

    /// Bytes dropped because nobody took them.
    pub const fn lost(&self) -> u64 {
        self.lost
    }
}

/// `isa-debug-exit`: a write ends the run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct DebugExit {
    request: Option<u32>,
}

impl DebugExit {
    /// A port at power-on.
    pub const fn new() -> Self {
        Self { request: None }
    }

    /// Reads the port: 0, as QEMU's.
    pub const fn read(&self) -> u32 {
        0
    }

    /// Writes the port, in any width.
    pub fn write(&mut self, value: u32) {
        self.request = Some(value);
    }

    /// Takes the value that the guest wants to end with.
    pub fn take_request(&mut self) -> Option<u32> {
        self.request.take()
    }

    /// The exit status of the emulator for a written value: `(value << 1) | 1`, never 0.
    pub const fn exit_status(value: u32) -> u32 {
        value << 1 | 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_console_is_found_by_its_read_and_hands_out_what_was_written() {
        let mut console = DebugConsole::new();
        assert_eq!(console.read(), 0xe9);
        for byte in *b"SeaBIOS" {
            console.write(byte);
        }
        assert_eq!(console.take_output(), b"SeaBIOS");
        assert_eq!(console.take_output(), b"");
    }

    #[test]
    fn a_console_that_nobody_empties_does_not_grow() {
        let mut console = DebugConsole::new();
        for _ in 0..10_000 {
            console.write(b'x');
        }
        assert_eq!(console.take_output().len(), DebugConsole::CAPACITY);
        assert_eq!(console.lost(), 10_000 - 4096);
    }

    /// QEMU: status `(value << 1) | 1`; measured on 7.2 for the value 0, which ends it with 1.
    #[test]
    fn the_exit_status_is_twice_the_value_plus_one() {
        let mut exit = DebugExit::new();
        assert_eq!(exit.take_request(), None);
        exit.write(0x10);
        assert_eq!(exit.take_request().map(DebugExit::exit_status), Some(33));
        assert_eq!(DebugExit::exit_status(0), 1);
        assert_eq!(DebugExit::exit_status(u32::MAX), u32::MAX);
    }
}
