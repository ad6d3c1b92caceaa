//! One connection.

use super::debuggee::Debuggee;
use super::framing::{Framing, PACKET, Piece, packet};
use cpu::{DebugStop, WatchKind};
use gdbstub::common::Signal;
use gdbstub::conn::Connection;
use gdbstub::stub::state_machine::GdbStubStateMachine;
use gdbstub::stub::{DisconnectReason, GdbStub, GdbStubError, SingleThreadStopReason};
use gdbstub::target::ext::breakpoints;

/// What the connection wants of the machine.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum State {
    /// It stands still while gdb looks.
    Stopped,
    /// It runs, at most to [`Debuggee::step_goal`], until [`Server::report`] says why it stopped.
    Running,
    /// gdb let go of it: it runs as if nobody had been there.
    Detached,
    /// gdb wants the run to end.
    Killed,
    /// gdb was told that the run has ended.
    Ended,
    /// What came was not understood; the connection is of no more use.
    Broken,
}

/// Why a running machine stopped.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Report {
    /// A breakpoint or watchpoint.
    Debug(DebugStop),
    /// The step is done.
    Step,
    /// The machine cannot go on by itself, with a signal's number: 4 SIGILL, 5 SIGTRAP, 11 SIGSEGV.
    Signal(u8),
    /// The run has ended with an exit status.
    Exited(u8),
}

type Stub = GdbStubStateMachine<'static, Debuggee, Outgoing>;
type StubError = GdbStubError<core::convert::Infallible, core::convert::Infallible>;

/// What gdbstub writes, until it is taken.
#[derive(Default)]
struct Outgoing(Vec<u8>);

impl Connection for Outgoing {
    type Error = core::convert::Infallible;

    fn write(&mut self, byte: u8) -> Result<(), Self::Error> {
        self.0.push(byte);
        Ok(())
    }

    fn flush(&mut self) -> Result<(), Self::Error> {
        Ok(())
    }
}

/// The protocol's side of one connection. When it begins the machine is stopped.
pub struct Server {
    stub: Option<Stub>,
    framing: Framing,
    /// Packets are acknowledged, until gdb asks not to.
    acknowledges: bool,
    output: Vec<u8>,
    state: State,
}

impl Server {
    /// For a connection that has just been made. The machine must be stopped.
    pub fn new(debuggee: &mut Debuggee) -> Self {
        debuggee.release();
        let stub = GdbStub::builder(Outgoing::default()).packet_buffer_size(PACKET).build();
        // It allocates its buffer itself, and the session begins without reading anything.
        let stub = stub.ok().and_then(|stub| stub.run_state_machine(debuggee).ok());
        let state = if stub.is_some() { State::Stopped } else { State::Broken };
        let (framing, output) = (Framing::default(), Vec::new());
        Self { stub, framing, acknowledges: true, output, state }
    }

    /// What the connection wants of the machine.
    pub fn state(&self) -> State {
        self.state
    }

    /// Takes what is to be sent.
    pub fn take_output(&mut self) -> Vec<u8> {
        core::mem::take(&mut self.output)
    }

    /// The peer sent bytes. The machine may be running; it stands still during the call.
    pub fn receive(&mut self, debuggee: &mut Debuggee, bytes: &[u8]) {
        for &byte in bytes {
            if !matches!(self.state, State::Stopped | State::Running) {
                break;
            }
            let Some(piece) = self.framing.push(byte) else { continue };
            match piece {
                Piece::Pass(bytes) => {
                    let quiet = bytes.starts_with(b"$QStartNoAckMode#");
                    bytes.iter().for_each(|&byte| self.pass(debuggee, byte));
                    self.acknowledges &= !quiet;
                }
                Piece::Physical(None) => {
                    self.answer(if debuggee.physical { "1" } else { "0" });
                }
                Piece::Physical(Some(on)) => {
                    debuggee.physical = on;
                    self.answer("OK");
                }
                Piece::Again if self.acknowledges => self.output.push(b'-'),
                Piece::Again => {}
                Piece::TooLong => self.stub = None,
            }
            self.settle(debuggee);
        }
    }

    /// The running machine stopped.
    pub fn report(&mut self, debuggee: &mut Debuggee, report: Report) {
        let reason = reason_of(debuggee, report);
        self.step(|stub| match stub {
            GdbStubStateMachine::Running(stub) => stub.report_stop(debuggee, reason),
            other => Ok(other),
        });
        self.settle(debuggee);
    }

    fn answer(&mut self, body: &str) {
        if self.acknowledges {
            self.output.push(b'+');
        }
        self.output.extend(packet(body));
    }

    /// Hands a byte to gdbstub.
    fn pass(&mut self, debuggee: &mut Debuggee, byte: u8) {
        self.step(|stub| match stub {
            GdbStubStateMachine::Idle(stub) => stub.incoming_data(debuggee, byte),
            GdbStubStateMachine::Running(stub) => stub.incoming_data(debuggee, byte),
            other => Ok(other),
        });
        self.step(|stub| match stub {
            GdbStubStateMachine::CtrlCInterrupt(stub) => {
                let reason = SingleThreadStopReason::Signal(Signal::SIGINT);
                stub.interrupt_handled(debuggee, Some(reason))
            }
            other => Ok(other),
        });
    }

    /// Moves gdbstub on and collects what it writes. After an error there is none any more.
    fn step(&mut self, go: impl FnOnce(Stub) -> Result<Stub, StubError>) {
        let moved = self.stub.take().map(go);
        if let Some(Ok(mut stub)) = moved {
            let written = match &mut stub {
                GdbStubStateMachine::Idle(stub) => &mut stub.borrow_conn().0,
                GdbStubStateMachine::Running(stub) => &mut stub.borrow_conn().0,
                GdbStubStateMachine::CtrlCInterrupt(stub) => &mut stub.borrow_conn().0,
                GdbStubStateMachine::Disconnected(stub) => &mut stub.borrow_conn().0,
            };
            self.output.append(written);
            self.stub = Some(stub);
        }
    }

    /// Follows gdbstub's state. When the connection is done, nothing of it stays in the machine.
    fn settle(&mut self, debuggee: &mut Debuggee) {
        self.state = match &self.stub {
            None => State::Broken,
            Some(GdbStubStateMachine::Idle(_)) => State::Stopped,
            Some(GdbStubStateMachine::Running(_) | GdbStubStateMachine::CtrlCInterrupt(_)) => {
                State::Running
            }
            Some(GdbStubStateMachine::Disconnected(stub)) => match stub.get_reason() {
                DisconnectReason::Disconnect => State::Detached,
                DisconnectReason::Kill => State::Killed,
                DisconnectReason::TargetExited(_) | DisconnectReason::TargetTerminated(_) => {
                    State::Ended
                }
            },
        };
        if !matches!(self.state, State::Stopped | State::Running) {
            debuggee.release();
        }
    }
}

fn reason_of(debuggee: &Debuggee, report: Report) -> SingleThreadStopReason<u64> {
    match report {
        Report::Debug(DebugStop::Breakpoint { linear }) => {
            // gdb takes a reason only of a kind that it set.
            let kinds = debuggee.kinds(linear);
            if kinds.hardware && !kinds.software {
                SingleThreadStopReason::HwBreak(())
            } else {
                SingleThreadStopReason::SwBreak(())
            }
        }
        Report::Debug(DebugStop::Watchpoint { watchpoint, linear }) => {
            let kind = match watchpoint.kind {
                WatchKind::Write => breakpoints::WatchKind::Write,
                WatchKind::Read => breakpoints::WatchKind::Read,
                WatchKind::Access => breakpoints::WatchKind::ReadWrite,
            };
            SingleThreadStopReason::Watch { tid: (), kind, addr: linear }
        }
        Report::Step => SingleThreadStopReason::DoneStep,
        Report::Signal(number) => SingleThreadStopReason::Signal(Signal(number)),
        Report::Exited(status) => SingleThreadStopReason::Exited(status),
    }
}
