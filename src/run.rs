//! `bootscope run`: a machine is built, booted and run until something ends it.
//!
//! The guest runs in slices of instructions; between them output is drained, input delivered, limits
//! and goals are looked at. Slices end at fixed counts, so that goals are met at the same instruction
//! in every run. With a terminal on the console, or `--realtime`, idle time is paced to the host's
//! clock; otherwise it is skipped.

use crate::cli::{Engine, RunArgs};
use crate::console::{Console, Input};
use crate::cpu_model;
use crate::description;
use crate::drives::{self, Drives};
use crate::failure::Failure;
use crate::files::{self, Named, Output};
use crate::firmware::Firmware;
use crate::gdb::{Gdb, Turn};
use crate::goal::Watch;
use crate::host;
use crate::images::Images;
use crate::logs::RunLog;
use crate::outcome::{Outcome, Reason};
use crate::profile::{self, ProfileTo};
use crate::report::{self, Measures};
use crate::screen::{self, ScreenTo};
use crate::sink::{Sink, Written};
use crate::symbols;
use crate::text;
use crate::timeline::{self, TimelineTo};
use crate::values::{Count, Goal, OnEnd, SerialTo};
use boot::{AcpiProfile, BootPlan};
use cpu::features::Model;
use debug::gdb::{Debuggee, Report};
use debug::log::Selection;
use debug::lookup::Lookup;
use debug::report::{self as words, Facts};
use machine::{Machine, MachineConfig, MachineError, Stop};
use std::path::Path;
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

/// Runs a guest and returns the exit status.
pub(crate) fn run(args: &RunArgs, process_start: Instant) -> Result<u8, Failure> {
    let args = &description::applied(args)?;
    check_conflicts(args)?;
    if args.log.as_deref() == Some("help") {
        let _ = text::output(&Selection::help());
        return Ok(0);
    }
    let Some(model) = cpu_model::choose(args.cpu.as_deref())? else { return Ok(0) };
    if args.acpi.0 == AcpiProfile::Reduced {
        check_reduced(args, &model)?;
    }
    let images = Images::open(args)?;
    let firmware = Firmware::open(args, &images)?;
    let mut drives = Drives::open(args)?;
    let config = MachineConfig {
        drives: drives.take_configs(),
        rom: firmware.as_ref().map(Firmware::rom),
        ram_bytes: args.memory.0,
        model,
        acpi: args.acpi.0,
        seed: args.seed,
        rtc_base: args.rtc_base.0,
        debug_exit: args.device.map(|device| (device.iobase, device.iosize)),
        debugcon: args.debugcon.is_some(),
        vga: screen::has_vga(args),
        keyboard: screen::has_keyboard(args),
        engine: args.engine.form(),
        profile: args.profile.is_some(),
        max_instructions: args.max_insns.map_or(u64::MAX, |Count(count)| count),
        boot_order: args.boot_order.clone(),
        name: args.identity.name.clone(),
        uuid: args.identity.uuid,
        ..MachineConfig::default()
    };
    let platform = config.platform();
    let names = images.names();
    let refused = |error: boot::BootError| Failure::boot(&error, &names);
    let plan = match &firmware {
        Some(firmware) => firmware.plan(&images, args, &platform),
        None => boot::plan(&images.request(args, &platform)),
    };
    let plan = plan.map_err(refused)?;
    if let Some(notice) = images.notice.as_deref().filter(|_| !args.quiet) {
        text::error(&format!("bootscope: {notice}"));
    }
    if args.explain_boot {
        let _ = text::output(&(plan.explanation.join("\n") + "\n"));
    }
    let mut machine = Debuggee::new(Machine::new(&config).map_err(no_machine)?);
    machine.boot(&plan).map_err(refused)?;
    let lookup = symbols::open(args, &images)?;
    if let Some(Goal::Pc(place)) = &args.until {
        machine.set_goal(symbols::address_of(place, args, &lookup)?);
    }
    machine.guard_kernel();
    // What may be refused comes before the first file that is emptied.
    let mut session = Session::new(args, machine, open_gdb(args)?, (lookup, &plan))?;
    session.drives = drives;
    session.begin();
    let outcome = session.drive(&plan, process_start)?;
    session.finish(&plan, &outcome)
}

fn open_gdb(args: &RunArgs) -> Result<Option<Gdb>, Failure> {
    let address = args.gdb_address();
    address.map(|address| Gdb::open(&address, args.stopped, args.quiet)).transpose()
}

fn no_machine(error: MachineError) -> Failure {
    Failure::usage(error.to_string(), "the machine's configuration", error.hint())
}

/// A machine without PIC, PIT, RTC and PM timer tells its time by the TSC alone.
fn check_reduced(args: &RunArgs, model: &Model) -> Result<(), Failure> {
    let place = "option --acpi reduced";
    if args.bios.is_some() {
        let error = "the machine has no PIT and no RTC, which firmware needs";
        return Err(Failure::usage(error, place, "leave out --bios, or take --acpi full"));
    }
    let told = args.append.split_whitespace().any(|word| word.starts_with("tsc_early_khz="));
    if told || model.tells_tsc_to_linux() {
        return Ok(());
    }
    let error = format!(
        "Linux does not take the TSC's frequency (CPUID leaf 0x15) from CPU model {}, and nothing else \
         tells it",
        model.name,
    );
    let hint =
        "take --cpu x86-64-v3-intel, or add tsc_early_khz=1000000 to --append, or take --acpi full";
    Err(Failure::usage(error, place, hint))
}

/// Options that contradict each other or what there is.
fn check_conflicts(args: &RunArgs) -> Result<(), Failure> {
    if args.engine == Engine::Jit {
        let hint =
            "leave the option out: auto takes the interpreter, and the guest sees no difference";
        return Err(Failure::not_built("the compiler `jit`", "option --engine", hint));
    }
    if args.stopped && args.gdb_address().is_none() {
        let error = "nobody could let the guest go";
        return Err(Failure::usage(error, "option -S", "add -s or --gdb ADDR"));
    }
    if args.debug_exit.is_some() && args.device.is_none() {
        let error = "there is no isa-debug-exit whose value could be mapped";
        let hint = "add --device isa-debug-exit,iobase=0xf4";
        return Err(Failure::usage(error, "option --debug-exit", hint));
    }
    screen::check(args)?;
    let mut files: Vec<Named<'_>> = Vec::new();
    files.extend(args.kernel_path().map(|path| Named::read(path, "--kernel")));
    files.extend(args.domain.as_deref().map(|path| Named::read(path, "--domain")));
    files.extend(args.initrd.as_deref().map(|path| Named::read(Path::new(path), "--initrd")));
    for module in &args.module {
        let file = module.split(' ').next().unwrap_or(module);
        files.push(Named::read(Path::new(file), "--module"));
    }
    let gdb = args.gdb_address();
    files.extend(gdb.as_ref().and_then(|gdb| gdb.path()).map(|path| Named::written(path, "--gdb")));
    files.extend(drives::named(args));
    files.extend(args.bios.as_deref().map(|path| Named::read(path, "--bios")));
    files.extend(args.option_rom.iter().map(|rom| Named::read(rom.path(), "--option-rom")));
    files.extend(args.summary.as_deref().map(|path| Named::written(path, "--summary")));
    files.extend(screen::path(args).map(|path| Named::written(path, "--screen")));
    files.extend(profile::path(args).map(|path| Named::written(path, "--profile")));
    files.extend(timeline::path(args).map(|path| Named::written(path, "--timeline")));
    files.extend(args.symbols.as_deref().map(|path| Named::read(path, "--symbols")));
    files.extend(args.log_file.as_deref().map(|path| Named::written(path, "-D")));
    if let SerialTo::File(path) = &args.serial {
        files.push(Named::written(path, "--serial"));
    }
    if let Some(SerialTo::File(path)) = &args.debugcon {
        files.push(Named::written(path, "--debugcon"));
    }
    files::check_distinct(&files)
}

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
struct Session<'a> {
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
    fn new(
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
    fn begin(&mut self) {
        self.pass_names();
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
    fn drive(&mut self, plan: &BootPlan<'_>, start: Instant) -> Result<Outcome, Failure> {
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
            Reason::TripleFault => 11,
            Reason::Unimplemented(_) => 4,
            Reason::Halted | Reason::KernelIgnored => 5,
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
            Reason::TripleFault => self.args.on_crash,
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
        self.pass_names();
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

    /// Everything that is said and written after the run.
    fn finish(mut self, plan: &BootPlan<'_>, outcome: &Outcome) -> Result<u8, Failure> {
        if let Some(mut gdb) = self.gdb.take() {
            gdb.report(&mut self.machine, Report::Exited(outcome.status()));
        }
        // The terminal is the user's again before anything is printed.
        drop(self.console.take());
        self.log.finish(&self.machine)?;
        let hash = self.machine.state_hash();
        if outcome.reason.has_story() || self.profile.is_some() {
            self.lookup.look_last(self.machine.cpu(), self.machine.memory());
        }
        let symbols = Rc::clone(self.lookup.symbols());
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
