//! What leaves the board: the guest's requests and output, and what it moved, until whoever runs the machine takes it.
//!
//! The run pauses where there is news. Every access asks for it, so it is one flag, kept by what changes it.

use super::Board;
use arch::time::Instant;
use devices::pm::Sleep;

/// Bytes of guest output at which the run pauses, so that who runs the machine can take them.
const OUTPUT_PAUSE: usize = 1 << 16;

/// Bytes that devices moved to and from memory and drives at which the run pauses. A transfer costs the
/// guest one instruction and the host its time, and the host is to look at its clock now and then.
const MOVED_PAUSE: u64 = 64 << 20;

/// What the guest asks of whoever runs the machine.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Request {
    /// S5.
    PowerOff,
    /// Reset, or INIT.
    Reset,
    /// isa-debug-exit, with the exit status.
    DebugExit(u32),
    /// The guest says that it has crashed.
    Crash,
    /// Memory has to show what the chipset says now.
    Remap,
    /// A BIOS service, if the CPU stands in its entry code.
    Bios,
}

/// Instructions retired before, virtual time, accesses to devices before.
pub(crate) type Moment = (u64, Instant, u64);

/// What waits to be taken.
#[derive(Default)]
pub(super) struct Outgoing {
    request: Option<Request>,
    serial: Vec<u8>,
    debug: Vec<u8>,
    /// When the first byte went to the console, until somebody takes it.
    first_console: Option<Moment>,
    console_used: bool,
    /// Bytes that devices have moved since the run went on, for [`MOVED_PAUSE`].
    moved: u64,
    /// There is a request, much output, or much moved.
    news: bool,
}

impl Outgoing {
    /// To be called after every change.
    fn look(&mut self) {
        let much = self.serial.len().max(self.debug.len()) >= OUTPUT_PAUSE;
        self.news = self.request.is_some() || much || self.moved >= MOVED_PAUSE;
    }

    /// Output of the machine before a reset.
    pub(super) fn inherit(&mut self, old: Self) {
        (self.serial, self.debug) = (old.serial, old.debug);
        self.look();
    }
}

impl Board {
    /// Whoever runs the machine has something to take or to look at.
    #[inline]
    pub(crate) fn has_news(&self) -> bool {
        self.out.news
    }

    /// The guest asks for something; the first request stands until it is taken.
    pub(crate) fn request(&mut self, request: Request) {
        // A changed map is carried out whatever else is asked for.
        if matches!(self.out.request, None | Some(Request::Remap)) {
            self.out.request = Some(request);
        }
        self.out.news = true;
    }

    /// Takes what the guest asked for.
    pub(crate) fn take_request(&mut self) -> Option<Request> {
        let request = self.out.request.take();
        self.out.look();
        request
    }

    /// S5 ends the run; sleep types that the ACPI tables do not offer do nothing.
    pub(crate) fn take_sleep(&mut self) {
        if self.pm.take_sleep() == Some(Sleep::PowerOff) {
            self.request(Request::PowerOff);
        }
    }

    /// Takes what the serial port has sent.
    #[inline]
    pub(crate) fn take_serial_bytes(&mut self) {
        while let Some(byte) = self.uart.take_output() {
            self.put_console(&[byte]);
        }
    }

    /// Bytes leave by the console.
    pub(super) fn put_console(&mut self, bytes: &[u8]) {
        if !bytes.is_empty() && !std::mem::replace(&mut self.out.console_used, true) {
            self.out.first_console = Some(self.moment());
        }
        self.out.serial.extend_from_slice(bytes);
        self.out.look();
    }

    /// Takes what the debug console was given.
    pub(crate) fn take_debug_bytes(&mut self) {
        self.out.debug.extend(self.debug_console.take_output());
        self.out.look();
    }

    /// Devices have moved bytes at the guest's wish, in no time of its own.
    pub(crate) fn note_moved(&mut self, bytes: u64) {
        self.out.moved = self.out.moved.saturating_add(bytes);
        self.out.look();
    }

    /// The run goes on: what was moved before does not count.
    pub(crate) fn begin_slice(&mut self) {
        self.out.moved = 0;
        self.out.look();
    }

    /// Takes the serial output so far.
    pub(crate) fn take_serial_output(&mut self) -> Vec<u8> {
        let bytes = std::mem::take(&mut self.out.serial);
        self.out.look();
        bytes
    }

    /// Takes the debug console's output so far.
    pub(crate) fn take_debugcon_output(&mut self) -> Vec<u8> {
        let bytes = std::mem::take(&mut self.out.debug);
        self.out.look();
        bytes
    }

    /// Takes when the first byte went to the console.
    pub(crate) fn take_first_console(&mut self) -> Option<Moment> {
        self.out.first_console.take()
    }
}
