//! A run in progress: slices of the guest, and what is looked at between them.
//!
//! The guest runs in slices of instructions; between them output is drained, input delivered, limits
//! and goals are looked at. Slices end at fixed counts, so that goals are met at the same instruction
//! in every run. With a terminal on the console, or `--realtime`, idle time is paced to the host's
//! clock; otherwise it is skipped.

use crate::cli::RunArgs;
use crate::console::{Console, Input};
use crate::drives::Drives;
use crate::failure::Failure;
use crate::files::Output;
use crate::gdb::{Gdb, Turn};
use crate::goal::Watch;
use crate::host;
use crate::logs::RunLog;
use crate::outcome::{Outcome, Reason};
use crate::profile::ProfileTo;
use crate::report::{self, Measures};
use crate::run::no_machine;
use crate::screen::{self, ScreenTo};
use crate::sink::{Sink, Written};
use crate::text;
use crate::timeline::TimelineTo;
use crate::values::{Goal, OnEnd, SerialTo};
use boot::BootPlan;
use debug::gdb::{Debuggee, Report};
use debug::lookup::Lookup;
use debug::report::{self as words, Facts};
use debug::symbols::Symbols;
use machine::{Machine, Stop};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Instructions between two looks at the world.
const SLICE: u64 = 1_000_000;
/// Bytes that may wait for a guest before no more are read from a file or pipe. What a person types is
/// always read, or Ctrl-A x could not be.
const BACKLOG_MAX: usize = 4096;
/// The longest wait before signals and time limits are looked at again.
const NAP: Duration = Duration::from_millis(50);

/// Idle time tied to the host's clock: a point of virtual time and when it was.
struct Pace {
    virtual_ns: u64,
    host: Instant,
}

impl Pace {
    fn now(machine: &Machine) -> Self {
        Self { virtual_ns: machine.now().ns(), host: Instant::now() }
    }

    /// Virtual time at which the host's clock stands.
    fn target(&self) -> arch::time::Instant {
        let elapsed = u64::try_from(self.host.elapsed().as_nanos()).unwrap_or(u64::MAX);
        arch::time::Instant(self.virtual_ns.saturating_add(elapsed))
    }
}

/// A run.
pub(crate) struct Session<'a> {
    args: &'a RunArgs,
    machine: Debuggee,
    gdb: Option<Gdb>,
    /// A bad end that gdb may look at; resumed, the machine ends so.
    held: Option<Reason>,
    serial: Sink,
    debugcon: Sink,
    summary: Option<Output>,
    screen: ScreenTo,
    /// Standard output stands in the middle of a line.
    in_line: bool,
    console: Option<Console>,
    until: Option<Watch>,
    expect: Option<Watch>,
    interrupted: Arc<AtomicBool>,
    pace: Option<Pace>,
    started: Instant,
    lookup: Lookup<'a>,
    log: RunLog,
    measures: Measures,
    profile: Option<ProfileTo>,
    timeline: Option<TimelineTo>,
    drives: Drives,
}

impl<'a> Session<'a> {
    /// Opens what the run reads and writes.
    pub(crate) fn new(
        args: &'a RunArgs,
        machine: Debuggee,
        gdb: Option<Gdb>,
        (lookup, plan): (Lookup<'a>, &BootPlan<'_>),
    ) -> Result<Self, Failure> {
        let log = RunLog::open(args)?;
        let profile = ProfileTo::open(args)?;
        let timeline = TimelineTo::open(args, plan)?;
        let serial = Sink::open(&args.serial, "--serial")?;
        let debugcon = match &args.debugcon {
            Some(to) => Sink::open(to, "--debugcon")?,
            None => Sink::Null,
        };
        let summary = args.summary.as_deref().map(|path| Output::create(path, "--summary"));
        let until = match &args.until {
            Some(Goal::Serial(regex)) => Some(Watch::new(regex.clone())),
            _ => None,
        };
        Ok(Self {
            summary: summary.transpose()?,
            screen: ScreenTo::open(args)?,
            in_line: false,
            until,
            expect: args.expect.clone().map(Watch::new),
            interrupted: signals()?,
            console: (args.serial == SerialTo::Stdio).then(Console::open),
            pace: None,
            started: Instant::now(),
            lookup,
            log,
            measures: Measures::default(),
            profile,
            timeline,
            drives: Drives::default(),
            args,
            machine,
            gdb,
            held: None,
            serial,
            debugcon,
        })
    }

    /// The machine is booted: those who look on take their places.
    pub(crate) fn begin(&mut self, drives: Drives) {
        self.drives = drives;
        self.pass_names_if_wanted();
        self.log.attach(&mut self.machine);
        self.log.begin_boot(&self.machine);
        if let Some(timeline) = &mut self.timeline {
            timeline.begin(&mut self.machine);
        }
        if self.reports() {
            self.measures.watch_modes(&mut self.machine);
        }
    }

    /// True if addresses are named while the guest runs, and not only in what is said at its end.
    fn names_are_wanted(&self) -> bool {
        self.log.is_on() || self.timeline.is_some() || self.gdb.is_some()
    }

    /// Passes on the names that a boot begins with. If nobody wants any, no table is read.
    fn pass_names_if_wanted(&mut self) {
        if self.names_are_wanted() {
            self.pass_names();
        }
    }

    /// Passes on the names of addresses as far as they are known.
    fn pass_names(&mut self) {
        self.log.names(self.lookup.symbols(), self.lookup.is_open());
        self.machine.set_symbols(self.lookup.symbols());
    }

    /// True for the demo guest, whose run ends with the boot report.
    fn reports(&self) -> bool {
        let demo = self.args.kernel_path().is_none() && self.args.bios.is_none();
        demo && !self.args.quiet
    }

    /// Runs until something ends the run.
    pub(crate) fn drive(
        &mut self,
        plan: &BootPlan<'_>,
        start: Instant,
    ) -> Result<Outcome, Failure> {
        let terminal = self.console.as_ref().is_some_and(Console::is_terminal);
        if terminal || self.args.realtime {
            self.pace = Some(Pace::now(&self.machine));
        }
        self.started = Instant::now();
        self.measures.startup = start.elapsed();
        loop {
            match self.attend_gdb() {
                Turn::Run => {}
                Turn::Wait => match self.limit().or_else(|| self.input(None)) {
                    Some(reason) => return Ok(self.outcome(reason)),
                    None => continue,
                },
                Turn::End => return Ok(self.outcome(Reason::Interrupted)),
            }
            if let Some(reason) = self.held.take() {
                return Ok(self.outcome(reason));
            }
            let stop = self.slice();
            if self.drain()? == Written::Closed {
                return Ok(self.outcome(Reason::Interrupted));
            }
            if self.until_met(stop) {
                return Ok(self.outcome(Reason::Until));
            }
            let ignored = self.machine.ignores_kernel(stop);
            self.tell_gdb(stop);
            let reason = match Reason::of(stop, self.args.debug_exit) {
                Some(Reason::Halted) if self.machine.kernel_ignored() => {
                    Some(Reason::KernelIgnored)
                }
                None if ignored => Some(Reason::KernelIgnored),
                other => other,
            };
            let reason = match reason {
                Some(Reason::Halted) if self.input_may_come() => None,
                Some(reason) if self.action(&reason) == OnEnd::Restart => {
                    self.restart(plan, &reason)?;
                    None
                }
                Some(reason) if self.holds(&reason) => {
                    self.held = Some(reason);
                    None
                }
                other => other,
            };
            let limit = reason.or_else(|| self.limit()).or_else(|| self.take_input(stop));
            if let Some(reason) = limit {
                return Ok(self.outcome(reason));
            }
        }
    }

    /// Lets gdb have its turn.
    fn attend_gdb(&mut self) -> Turn {
        let Some(gdb) = &mut self.gdb else { return Turn::Run };
        let turn = gdb.attend(&mut self.machine, NAP);
        if turn == Turn::Wait
            && let Some(pace) = &mut self.pace
        {
            // The guest is not to run ahead to make up for the time it stood still.
            *pace = Pace::now(&self.machine);
        }
        turn
    }

    /// Tells a gdb that waits for it why the guest stopped.
    fn tell_gdb(&mut self, stop: Stop) {
        let Some(gdb) = self.gdb.as_mut().filter(|gdb| gdb.is_running()) else { return };
        let stepped = self.machine.step_goal().is_some_and(|goal| self.machine.retired() >= goal);
        match stop {
            Stop::Debug(stop) if self.machine.is_gdbs(stop) => {
                gdb.report(&mut self.machine, Report::Debug(stop));
            }
            Stop::Slice | Stop::Debug(_) if stepped => {
                gdb.report(&mut self.machine, Report::Step);
            }
            _ => {}
        }
    }

    /// True if gdb is to look at the guest before it ends so: it has been told, if not of a breakpoint
    /// of its own at the same place.
    fn holds(&mut self, reason: &Reason) -> bool {
        let preserve = self.action(reason) == OnEnd::Preserve;
        let Some(gdb) = self.gdb.as_mut().filter(|gdb| gdb.is_connected()) else { return false };
        let signal = match reason {
            Reason::TripleFault | Reason::Crashed => 11,
            Reason::Unimplemented(_) => 4,
            Reason::Halted | Reason::GaveUp(_) | Reason::KernelIgnored => 5,
            _ if preserve => 5,
            _ => return false,
        };
        if gdb.is_running() {
            gdb.report(&mut self.machine, Report::Signal(signal));
        }
        true
    }

    /// Runs the guest for a slice.
    fn slice(&mut self) -> Stop {
        let mut limit = (self.machine.retired() / SLICE + 1).saturating_mul(SLICE);
        if let Some(goal) = self.machine.step_goal() {
            limit = limit.min(goal);
        }
        if let Some(Goal::Insn(goal)) = self.args.until {
            limit = limit.min(goal);
        }
        let from = (self.machine.retired(), self.measures.guest);
        let before = Instant::now();
        let stop = match &self.pace {
            Some(pace) => self.machine.run_until(limit, pace.target()),
            None => self.machine.run(limit),
        };
        self.measures.guest += before.elapsed();
        if self.names_are_wanted() && self.lookup.look(self.machine.cpu(), self.machine.memory()) {
            self.pass_names();
        }
        if let Some(timeline) = &mut self.timeline {
            timeline.settle(&mut self.machine, &self.lookup);
        }
        self.measures.note(self.machine.milestones(), from, self.machine.retired());
        self.log.settle(&self.machine);
        stop
    }

    /// Passes on what the guest has written.
    fn drain(&mut self) -> Result<Written, Failure> {
        self.drives.flush(&mut self.machine)?;
        let bytes = self.machine.take_serial_output();
        for watch in self.until.iter_mut().chain(&mut self.expect) {
            watch.feed(&bytes);
        }
        if let (Sink::Stdout, Some(last)) = (&self.serial, bytes.last()) {
            self.in_line = *last != b'\n';
        }
        let serial = self.serial.write(&bytes)?;
        let debugcon = self.debugcon.write(&self.machine.take_debugcon_output())?;
        Ok(if serial == Written::Closed { serial } else { debugcon })
    }

    fn until_met(&self, stop: Stop) -> bool {
        match &self.args.until {
            Some(Goal::Pc(_)) => {
                matches!(stop, Stop::Debug(stop) if self.machine.is_goal(stop))
            }
            Some(Goal::Insn(goal)) => self.machine.retired() >= *goal,
            Some(Goal::Serial(_)) => self.until.as_ref().is_some_and(Watch::found),
            Some(Goal::Screen(regex)) => screen::matches(&self.machine, regex),
            None => false,
        }
    }

    fn limit(&self) -> Option<Reason> {
        if self.interrupted.load(Ordering::Relaxed) {
            return Some(Reason::Interrupted);
        }
        let limit = Duration::from_secs_f64(self.args.wall_timeout?);
        (self.started.elapsed() >= limit).then_some(Reason::Limit("--wall-timeout"))
    }

    /// True if a halted guest can still be woken by a key.
    fn input_may_come(&self) -> bool {
        self.console.as_ref().is_some_and(Console::is_open) && self.machine.waiting_for_input()
    }

    /// Takes input; waits for it as long as the guest has nothing to do.
    fn take_input(&mut self, stop: Stop) -> Option<Reason> {
        let wait = self.idle_time(stop);
        self.input(wait)
    }

    /// Takes input, or waits for it so long.
    fn input(&mut self, wait: Option<Duration>) -> Option<Reason> {
        let full = self.machine.serial_backlog() >= BACKLOG_MAX;
        let console = self.console.as_mut().filter(|console| console.is_terminal() || !full);
        let input = match (console, wait) {
            (Some(console), Some(time)) => console.wait(time),
            (Some(console), None) => console.poll(),
            (None, Some(time)) => {
                std::thread::sleep(time);
                None
            }
            (None, None) => None,
        };
        match input {
            Some(Input::Bytes(bytes)) => self.machine.serial_input(&bytes),
            Some(Input::Quit) => return Some(Reason::Interrupted),
            None => {}
        }
        None
    }

    /// How long to wait before the guest goes on, if it is idle; at most a nap.
    fn idle_time(&mut self, stop: Stop) -> Option<Duration> {
        if stop == Stop::HaltedForever {
            return Some(NAP);
        }
        let pace = self.pace.as_mut()?;
        let target = pace.target();
        match self.machine.idle_until() {
            Some(until) if until > target => {
                Some(Duration::from_nanos(until.since(target)).min(NAP))
            }
            Some(_) => None,
            // A busy guest is not to run ahead later to make up for the time it lost.
            None => {
                *pace = Pace::now(&self.machine);
                None
            }
        }
    }

    fn action(&self, reason: &Reason) -> OnEnd {
        match reason {
            Reason::PowerOff => self.args.on_poweroff,
            Reason::Reset => self.args.reboot_action(),
            Reason::TripleFault | Reason::Crashed => self.args.on_crash,
            _ => OnEnd::Destroy,
        }
    }

    fn restart(&mut self, plan: &BootPlan<'_>, reason: &Reason) -> Result<(), Failure> {
        if !self.args.quiet {
            let what = Outcome { reason: reason.clone(), unmet: None }.sentence();
            text::error(&format!("bootscope: {what}; the machine boots again"));
        }
        self.machine.reset().map_err(no_machine)?;
        self.machine.boot(plan).map_err(|error| Failure::boot(&error, &[]))?;
        self.lookup.forget();
        self.pass_names_if_wanted();
        self.machine.guard_kernel();
        self.log.begin_boot(&self.machine);
        Ok(())
    }

    fn outcome(&self, reason: Reason) -> Outcome {
        let ended = Outcome::guest_ended(&reason);
        let missed = |watch: &Option<Watch>| watch.as_ref().is_some_and(|watch| !watch.found());
        let unmet = match reason {
            _ if ended && missed(&self.expect) => Some("--expect"),
            Reason::Until if missed(&self.expect) => Some("--expect"),
            _ if ended && self.args.until.is_some() => Some("--until"),
            _ => None,
        };
        Outcome { reason, unmet }
    }

    /// The names for what is said after the run; none if nothing of it has addresses.
    fn last_names(&mut self, outcome: &Outcome) -> Rc<Symbols> {
        if outcome.reason.has_story() || self.profile.is_some() {
            self.lookup.look_last(self.machine.cpu(), self.machine.memory());
        } else if !self.reports() {
            return Rc::default();
        }
        Rc::clone(self.lookup.symbols())
    }

    /// Everything that is said and written after the run.
    pub(crate) fn finish(mut self, plan: &BootPlan<'_>, outcome: &Outcome) -> Result<u8, Failure> {
        if let Some(mut gdb) = self.gdb.take() {
            gdb.report(&mut self.machine, Report::Exited(outcome.status()));
        }
        // The terminal is the user's again before anything is printed.
        drop(self.console.take());
        self.log.finish(&self.machine)?;
        let hash = self.machine.state_hash();
        let symbols = self.last_names(outcome);
        let facts = Facts {
            symbols: Rc::clone(&symbols),
            ..self.measures.facts(&self.machine, plan, outcome, hash)
        };
        if let Some(story) = report::story(&self.machine, &outcome.reason, &symbols) {
            text::error(&story);
        }
        let dumps = self.args.dump.iter().map(|item| report::dump(&self.machine, item));
        let mut out = self.screen.finish(&self.machine, self.args.quiet)?;
        if self.in_line && !out.is_empty() {
            out.insert(0, '\n');
        }
        out.extend(dumps);
        if self.args.stats {
            out += &words::stats(&facts);
        }
        if let Some(profile) = &mut self.profile {
            out += &profile.finish(&self.machine, &symbols)?;
        }
        if let Some(timeline) = &mut self.timeline {
            out += &timeline.finish(&self.measures, self.lookup.slide())?;
        }
        if self.reports() {
            out += &format!("\n{}", words::boot(&facts));
        }
        let _ = text::output(&out);
        if let Some(summary) = &mut self.summary {
            let json = report::summary(&facts, outcome, &self.measures);
            summary.write(format!("{json:#}\n").as_bytes())?;
        }
        if !self.args.quiet {
            if let Some(watch) = self.expect.as_ref().filter(|_| outcome.unmet == Some("--expect"))
            {
                text::error(&format!("bootscope: no output matched {:?}", watch.pattern()));
            }
            for refusal in Drives::refusals(&self.machine) {
                text::error(&format!("bootscope: {refusal}"));
            }
            text::error(&words::last_line(&facts));
        }
        Ok(outcome.status())
    }
}

/// A flag that the user's interruption raises.
fn signals() -> Result<Arc<AtomicBool>, Failure> {
    host::interrupt_flag().map_err(|error| {
        let error = format!("cannot handle signals: {error}");
        Failure::internal(error, "the operating system", "report this as a bug")
    })
}
