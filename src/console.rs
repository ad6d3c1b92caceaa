//! Standard input as the serial port's other end.
//!
//! A thread reads standard input and sends bytes over a bounded channel; the machine's thread polls the
//! channel between slices, or waits on it while the guest has nothing else to do. Ctrl-A is the escape
//! key, with QEMU's meanings (`-nographic`): Ctrl-A x ends the run, Ctrl-A h helps, Ctrl-A Ctrl-A is a
//! Ctrl-A; other keys after it do nothing.

use crate::host::{self, RawMode};
use crate::text;
use crossbeam::channel::{Receiver, RecvTimeoutError, Sender, TryRecvError, bounded};
use std::io::{self, IsTerminal, Read};
use std::thread;
use std::time::Duration;

/// Bytes read at once. Small, so that a large file on standard input waits there and not in memory.
const CHUNK: usize = 64;
/// Chunks on their way.
const CHUNKS: usize = 16;

const CTRL_A: u8 = 1;
const HELP: &str =
    "\r\nCtrl-A x  end the run\r\nCtrl-A h  this help\r\nCtrl-A Ctrl-A  send Ctrl-A\r";

/// What comes from standard input.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Input {
    /// Bytes for the guest.
    Bytes(Vec<u8>),
    /// Ctrl-A x.
    Quit,
}

/// The reading end.
pub(crate) struct Console {
    receiver: Receiver<Input>,
    open: bool,
    raw: Option<RawMode>,
}

impl Console {
    /// Starts reading standard input, in raw mode if it is a terminal. A terminal that belongs to
    /// another job is left alone: there will be no input.
    pub(crate) fn open() -> Self {
        let (sender, receiver) = bounded(CHUNKS);
        let terminal = io::stdin().is_terminal();
        let usable = !terminal || host::terminal_is_ours();
        let raw = if terminal && usable { RawMode::enter() } else { None };
        let started = usable
            && thread::Builder::new()
                .name("stdin".into())
                .spawn(move || read(&mut io::stdin().lock(), &sender))
                .is_ok();
        Self { receiver, open: started, raw }
    }

    /// True if a person sits at the other end.
    pub(crate) fn is_terminal(&self) -> bool {
        self.raw.is_some()
    }

    /// True while more input may come.
    pub(crate) fn is_open(&self) -> bool {
        self.open
    }

    /// What has come, without waiting.
    pub(crate) fn poll(&mut self) -> Option<Input> {
        if !self.open {
            return None;
        }
        match self.receiver.try_recv() {
            Ok(input) => Some(input),
            Err(TryRecvError::Empty) => None,
            Err(TryRecvError::Disconnected) => {
                self.open = false;
                None
            }
        }
    }

    /// What comes within a time; without input to come, the time passes.
    pub(crate) fn wait(&mut self, time: Duration) -> Option<Input> {
        if !self.open {
            thread::sleep(time);
            return None;
        }
        match self.receiver.recv_timeout(time) {
            Ok(input) => Some(input),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => {
                self.open = false;
                None
            }
        }
    }
}

/// Reads until the end; the channel closes when the sender goes.
fn read(stdin: &mut impl Read, sender: &Sender<Input>) {
    let mut escape = Escape::default();
    let mut buffer = [0; CHUNK];
    loop {
        let len = match stdin.read(&mut buffer) {
            Ok(0) => return,
            Ok(len) => len,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(_) => return,
        };
        let (bytes, end) = escape.feed(&buffer[..len]);
        let sent = bytes.is_empty() || sender.send(Input::Bytes(bytes)).is_ok();
        if end {
            let _ = sender.send(Input::Quit);
        }
        if end || !sent {
            return;
        }
    }
}

/// The state of the escape key.
#[derive(Default)]
struct Escape {
    pressed: bool,
}

impl Escape {
    /// The bytes for the guest, and whether the run is to end.
    fn feed(&mut self, bytes: &[u8]) -> (Vec<u8>, bool) {
        let mut out = Vec::with_capacity(bytes.len());
        for &byte in bytes {
            match (std::mem::take(&mut self.pressed), byte) {
                (false, CTRL_A) => self.pressed = true,
                (false, _) | (true, CTRL_A) => out.push(byte),
                (true, b'x') => return (out, true),
                (true, b'h' | b'?') => text::error(HELP),
                (true, _) => {}
            }
        }
        (out, false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ctrl_a_x_ends_the_run_and_what_came_before_is_delivered() {
        let mut escape = Escape::default();

        assert_eq!(escape.feed(b"ls\x01"), (b"ls".to_vec(), false));
        assert_eq!(escape.feed(b"xyz"), (Vec::new(), true));
    }

    #[test]
    fn ctrl_a_twice_is_ctrl_a_and_an_unknown_key_after_it_is_swallowed() {
        let mut escape = Escape::default();

        assert_eq!(escape.feed(b"a\x01\x01b\x01qc"), (b"a\x01bc".to_vec(), false));
    }

    #[test]
    fn the_channel_closes_at_the_end_of_the_input() {
        let (sender, receiver) = bounded(CHUNKS);

        read(&mut &b"echo\n"[..], &sender);
        drop(sender);

        assert_eq!(receiver.recv(), Ok(Input::Bytes(b"echo\n".to_vec())));
        assert!(receiver.recv().is_err());
    }
}
