//! `-d` and `-D`: which events are logged, and where. What the lines say is `debug::log`'s.

use crate::cli::RunArgs;
use crate::failure::Failure;
use crate::files::Output;
use debug::log::{Log, Selection};
use debug::symbols::Symbols;
use machine::Machine;
use std::io::{self, Write};
use std::rc::Rc;

/// The log of a run, if one was asked for.
pub(crate) struct RunLog(Option<Log>);

impl RunLog {
    /// Opens the log that the options ask for.
    pub(crate) fn open(args: &RunArgs) -> Result<Self, Failure> {
        let selection = match &args.log {
            Some(list) => Selection::parse(list).map_err(|unknown| {
                Failure::usage(unknown.to_string(), "option -d", unknown.hint())
            })?,
            None => Selection::default(),
        };
        if selection.is_empty() {
            return Ok(Self(None));
        }
        let out: Box<dyn Write> = match &args.log_file {
            Some(path) => Box::new(Output::create(path, "-D")?.into_file()),
            None => Box::new(io::stderr()),
        };
        Ok(Self(Some(Log::new(selection, out))))
    }

    /// True if there is one.
    pub(crate) fn is_on(&self) -> bool {
        self.0.is_some()
    }

    /// Addresses are named by these from now on; `more` may come.
    pub(crate) fn names(&self, symbols: &Rc<Symbols>, more: bool) {
        if let Some(log) = &self.0 {
            log.names(symbols, more);
        }
    }

    /// Listens to a machine.
    pub(crate) fn attach(&self, machine: &mut Machine) {
        if let Some(log) = &self.0 {
            machine.attach_log(log.sink(), log.kinds());
        }
    }

    /// A boot begins: the entry's registers are set.
    pub(crate) fn begin_boot(&self, machine: &Machine) {
        if let Some(log) = &self.0 {
            log.reset(machine.retired(), machine.cpu(), machine.memory());
        }
    }

    /// A slice of the run has ended.
    pub(crate) fn settle(&self, machine: &Machine) {
        if let Some(log) = &self.0 {
            log.settle(machine.cpu(), machine.memory());
        }
    }

    /// The run has ended: writes the rest.
    pub(crate) fn finish(&self, machine: &Machine) -> Result<(), Failure> {
        self.settle(machine);
        let Some(log) = &self.0 else { return Ok(()) };
        log.finish().map_err(|error| {
            let error = format!("cannot write the log: {error}");
            Failure::usage(error, "option -d or -D", "check the space on the disk")
        })
    }
}
