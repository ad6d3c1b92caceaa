//! Options and commands that have a name but are not built: each answers with an error.
//!
//! The names are reserved, so that a script written for a later version fails clearly in this one
//! instead of being misread.

use crate::failure::Failure;

/// A name and what to do without it.
type Row = (&'static str, &'static str);

const NO_DEBUGGER: &str = "connect gdb (--gdb), or stop with --until and look with --dump";
const RERUN: &str = "runs are deterministic: the same command gives the same run";

const OPTIONS: &[Row] = &[
    ("--floppy", "there is no floppy drive; give the image as a disk: --drive file=F"),
    ("--history", NO_DEBUGGER),
    ("--trace", "see -d help for what can be logged"),
    ("--on-fault", "-d int logs faults"),
    ("--record", RERUN),
];

const COMMANDS: &[Row] = &[
    ("replay", RERUN),
    ("gdb-script", NO_DEBUGGER),
    ("debug", NO_DEBUGGER),
    ("report", "`bootscope run --summary F.json` writes the facts of a run"),
    ("explain", "look it up in the manual"),
    ("runner", "set `runner = \"bootscope run\"`"),
];

/// Refuses an option that is not built; `name` as written, with its dashes.
pub(crate) fn check_option(name: &str) -> Result<(), Failure> {
    match OPTIONS.iter().find(|(option, _)| *option == name) {
        Some((option, hint)) => Err(Failure::not_built(option, &format!("option {option}"), hint)),
        None => Ok(()),
    }
}

/// Refuses a command that is not built.
pub(crate) fn check_command(name: &str) -> Result<(), Failure> {
    match COMMANDS.iter().find(|(command, _)| *command == name) {
        Some((command, hint)) => {
            let what = format!("the command `{command}`");
            let hint = format!("{hint}; a kernel of this name is `./{command}`");
            Err(Failure::not_built(&what, "the command line", &hint))
        }
        None => Ok(()),
    }
}
