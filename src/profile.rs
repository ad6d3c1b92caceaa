//! `--profile`: where the profile goes when the run has ended. What it says is `debug::profile`'s.

use crate::cli::RunArgs;
use crate::failure::Failure;
use crate::files::Output;
use debug::profile;
use debug::symbols::Symbols;
use machine::Machine;
use std::path::Path;

/// The option's value that means standard output.
const STDOUT: &str = "-";

/// The profile that was asked for.
pub(crate) struct ProfileTo {
    file: Option<Output>,
}

impl ProfileTo {
    /// Opens the file; `None` if no profile is wanted.
    pub(crate) fn open(args: &RunArgs) -> Result<Option<Self>, Failure> {
        if args.profile.is_none() {
            return Ok(None);
        }
        let file = path(args).map(|path| Output::create(path, "--profile")).transpose()?;
        Ok(Some(Self { file }))
    }

    /// Writes the profile of a run that has ended; returns what belongs on standard output.
    pub(crate) fn finish(
        &mut self,
        machine: &Machine,
        symbols: &Symbols,
    ) -> Result<String, Failure> {
        let text = profile::text(machine, symbols);
        match &mut self.file {
            Some(file) => file.write(text.as_bytes()).map(|()| String::new()),
            None => Ok(text),
        }
    }
}

/// The file that `--profile` names, if it names one.
pub(crate) fn path(args: &RunArgs) -> Option<&Path> {
    args.profile.as_deref().filter(|path| *path != Path::new(STDOUT))
}
