//! Conversations with a running command: what is typed, and what is waited for.
#![allow(dead_code, reason = "each test file that includes this module uses a part of it")]

use std::io::{Read, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

/// The longest wait for an answer. A boot takes seconds; a loaded machine may take many times that.
const PATIENCE: Duration = Duration::from_secs(600);

/// A conversation with a running command.
pub(crate) struct Talk {
    child: Child,
    keyboard: Option<ChildStdin>,
    screen: Receiver<Vec<u8>>,
    /// What came and was not yet expected.
    text: Vec<u8>,
}

impl Talk {
    pub(crate) fn with(mut command: Command) -> Self {
        let pipes = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = pipes.spawn().expect("the command starts");
        let (keyboard, mut stdout) = (child.stdin.take(), child.stdout.take().expect("a pipe"));
        let (sender, screen) = channel();
        thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(len @ 1..) = stdout.read(&mut buffer) {
                if sender.send(buffer[..len].to_vec()).is_err() {
                    return;
                }
            }
        });
        Self { child, keyboard, screen, text: Vec::new() }
    }

    pub(crate) fn types(&mut self, keys: &str) {
        self.keyboard.as_mut().expect("a pipe").write_all(keys.as_bytes()).expect("it listens");
    }

    /// Waits until the text appears; what stands before it is returned.
    pub(crate) fn expects(&mut self, wanted: &str) -> String {
        let end = Instant::now() + PATIENCE;
        loop {
            let found = self.text.windows(wanted.len()).position(|text| text == wanted.as_bytes());
            if let Some(at) = found {
                let rest = self.text.split_off(at + wanted.len());
                let before = std::mem::replace(&mut self.text, rest);
                return String::from_utf8_lossy(&before[..at]).into_owned();
            }
            match self.screen.recv_timeout(end.saturating_duration_since(Instant::now())) {
                Ok(text) => self.text.extend(text),
                Err(error) => self.gives_up(wanted, error),
            }
        }
    }

    fn gives_up(&mut self, wanted: &str, error: RecvTimeoutError) -> ! {
        let _ = self.child.kill();
        panic!("{error} before {wanted:?}; the screen: {}", String::from_utf8_lossy(&self.text));
    }

    /// Waits for the end of the output and of the process; the exit status.
    pub(crate) fn ends(mut self) -> Option<i32> {
        loop {
            match self.screen.recv_timeout(PATIENCE) {
                Ok(_) => {}
                Err(RecvTimeoutError::Disconnected) => break,
                Err(error) => self.gives_up("the end", error),
            }
        }
        self.child.wait().expect("it ends").code()
    }
}

/// A failed expectation leaves no process behind.
impl Drop for Talk {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
