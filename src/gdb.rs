//! `--gdb`: the socket at which a gdb finds `debug::gdb`, and when the machine stands still for it.
//!
//! A thread accepts one connection after the other and sends what it reads over a bounded channel; the
//! machine's thread polls the channel between slices, or waits on it while gdb looks. A peer that does not
//! read what it is sent is disconnected after a while.

mod address;
mod socket;

pub(crate) use address::{GdbAddress, parse};

use crate::failure::Failure;
use crate::text;
use crossbeam::channel::{Receiver, RecvTimeoutError, Sender, TryRecvError, bounded};
use debug::gdb::{Debuggee, Report, Server, State};
use socket::{Listener, Stream};
use std::io::{self, Read, Write};
use std::thread;
use std::time::Duration;

/// Bytes read at once.
const CHUNK: usize = 4096;
/// Chunks on their way; a peer that sends more has to wait.
const CHUNKS: usize = 16;

/// How long nobody is let in after that failed.
const AGAIN: Duration = Duration::from_millis(50);

/// What the socket's thread tells.
enum Event {
    Connected(Stream),
    Bytes(Vec<u8>),
    Closed,
}

/// What the machine is to do now.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Turn {
    /// Run.
    Run,
    /// Stand still: nothing has come for a while.
    Wait,
    /// End: gdb killed it.
    End,
}

/// The door for gdb.
pub(crate) struct Gdb {
    events: Receiver<Event>,
    connection: Option<(Stream, Server)>,
    /// The machine stands still, whether somebody is connected or not.
    waiting: bool,
    /// It stood still when the present connection was made.
    found_waiting: bool,
    quiet: bool,
    #[cfg(unix)]
    path: Option<std::path::PathBuf>,
}

impl Gdb {
    /// Listens. With `wait` the machine stands still until a gdb lets it go.
    pub(crate) fn open(address: &GdbAddress, wait: bool, quiet: bool) -> Result<Self, Failure> {
        let refused = |error: io::Error| {
            let error = format!("cannot listen: {error}");
            let hint = match address {
                GdbAddress::Tcp { .. } => "choose another port, or port 0 for a free one",
                GdbAddress::Unix(_) => {
                    "name no other file, in a directory that can be written; one process listens"
                }
            };
            Failure::usage(error, format!("option --gdb, {address}"), hint)
        };
        let listener = Listener::bind(address).map_err(refused)?;
        if !quiet {
            let place = listener.place(address).map_err(refused)?;
            let then = if wait { "; the guest waits for it" } else { "" };
            text::error(&format!("bootscope: gdb connects by `target remote {place}`{then}"));
        }
        let (sender, events) = bounded(CHUNKS);
        let started = thread::Builder::new().name("gdb".into()).spawn(move || {
            serve(&listener, &sender);
        });
        started.map_err(refused)?;
        Ok(Self {
            events,
            connection: None,
            waiting: wait,
            found_waiting: wait,
            quiet,
            #[cfg(unix)]
            path: address.path().map(Into::into),
        })
    }

    /// Takes what has come and says what the machine is to do. While it stands still, waits for at most
    /// `time`.
    pub(crate) fn attend(&mut self, debuggee: &mut Debuggee, time: Duration) -> Turn {
        // Not for ever: a peer may send faster than this takes it.
        for _ in 0..CHUNKS {
            match self.events.try_recv() {
                Ok(event) => self.take(debuggee, event),
                Err(TryRecvError::Empty | TryRecvError::Disconnected) => break,
            }
            if let Some(Turn::End) = self.wish() {
                return Turn::End;
            }
        }
        if let Some(turn) = self.wish() {
            return turn;
        }
        match self.events.recv_timeout(time) {
            Ok(event) => {
                self.take(debuggee, event);
                self.wish().unwrap_or(Turn::Wait)
            }
            Err(RecvTimeoutError::Timeout) => Turn::Wait,
            Err(RecvTimeoutError::Disconnected) => {
                // The thread has ended: nobody can connect any more.
                self.waiting = false;
                Turn::Run
            }
        }
    }

    /// What the machine is to do; `None` to stand still.
    fn wish(&mut self) -> Option<Turn> {
        let Some((_, server)) = &self.connection else {
            return if self.waiting { None } else { Some(Turn::Run) };
        };
        match server.state() {
            State::Stopped => None,
            State::Running => Some(Turn::Run),
            State::Killed => Some(Turn::End),
            State::Detached | State::Ended | State::Broken => {
                self.hang_up();
                self.wish()
            }
        }
    }

    fn take(&mut self, debuggee: &mut Debuggee, event: Event) {
        match event {
            Event::Connected(stream) => {
                let server = Server::new(debuggee);
                self.found_waiting = self.waiting;
                self.waiting = true;
                self.connection = Some((stream, server));
            }
            Event::Bytes(bytes) => {
                if let Some((_, server)) = &mut self.connection {
                    server.receive(debuggee, &bytes);
                    self.waiting = match server.state() {
                        State::Stopped => true,
                        State::Broken => self.waiting && self.found_waiting,
                        _ => false,
                    };
                    if server.state() == State::Broken && !self.quiet {
                        text::error("bootscope: gdb sent what is no command; disconnected");
                    }
                }
                self.send();
            }
            Event::Closed => {
                if self.connection.take().is_some() {
                    // What it has set goes with it, and a machine that ran before runs on.
                    debuggee.release();
                    self.waiting &= self.found_waiting;
                }
            }
        }
    }

    /// True while a connected gdb lets the machine run: it wants to know when that stops.
    pub(crate) fn is_running(&self) -> bool {
        self.connection.as_ref().is_some_and(|(_, server)| server.state() == State::Running)
    }

    /// True while gdb is connected, whether the machine runs or stands still.
    pub(crate) fn is_connected(&self) -> bool {
        self.connection.is_some()
    }

    /// Tells gdb why the running machine stopped.
    pub(crate) fn report(&mut self, debuggee: &mut Debuggee, report: Report) {
        if let Some((_, server)) = &mut self.connection {
            server.report(debuggee, report);
            self.waiting = server.state() == State::Stopped;
        }
        self.send();
    }

    /// Sends what is to be sent. A peer that is gone or does not read is let go; the thread will tell.
    fn send(&mut self) {
        if let Some((stream, server)) = &mut self.connection {
            let output = server.take_output();
            if stream.write_all(&output).and_then(|()| stream.flush()).is_err() {
                stream.shutdown();
            }
        }
    }

    fn hang_up(&mut self) {
        if let Some((stream, _)) = self.connection.take() {
            stream.shutdown();
        }
    }
}

impl Drop for Gdb {
    fn drop(&mut self) {
        self.hang_up();
        #[cfg(unix)]
        if let Some(path) = self.path.as_deref().filter(|path| socket::is_socket(path)) {
            let _ = std::fs::remove_file(path);
        }
    }
}

/// One connection after the other, until the machine's thread is gone.
fn serve(listener: &Listener, events: &Sender<Event>) {
    loop {
        let Ok((mut reader, writer)) = listener.accept() else {
            // A peer that was gone at once, or too many open files: the next one may have more luck.
            thread::sleep(AGAIN);
            continue;
        };
        if events.send(Event::Connected(writer)).is_err() {
            return;
        }
        let mut buffer = [0; CHUNK];
        loop {
            match reader.read(&mut buffer) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Ok(0) | Err(_) => break,
                Ok(len) => {
                    if events.send(Event::Bytes(buffer[..len].to_vec())).is_err() {
                        return;
                    }
                }
            }
        }
        if events.send(Event::Closed).is_err() {
            return;
        }
    }
}
