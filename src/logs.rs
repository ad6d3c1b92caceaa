//! `-d` and `-D`: which events are logged, and where.

use crate::cli::RunArgs;
use crate::failure::Failure;
use machine::Machine;

/// Attaches the logs that the options ask for.
pub(crate) fn attach(
    _machine: &mut Machine,
    args: &RunArgs,
    _names: &[String],
) -> Result<(), Failure> {
    match &args.log {
        None => Ok(()),
        Some(_) => Err(Failure::not_built("logging", "option -d", "see --stats and --dump")),
    }
}
