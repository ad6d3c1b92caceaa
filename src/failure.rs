//! Errors as the user sees them: three lines, `error:` what, `at:` where, `hint:` what to do.
//!
//! Everything the command can refuse ends as a [`Failure`]: words of the command line, files, boot
//! images, and errors of the machine's host. What a guest does is never one of these.

use crate::cli::is_command;
use crate::text;
use boot::{BootError, Part};
use clap::error::{ContextKind, ContextValue, ErrorKind};
use std::fmt;

/// Exit status for usage, file and option errors.
pub(crate) const USAGE: u8 = 2;
/// Exit status for errors that are ours or the host's.
pub(crate) const INTERNAL: u8 = 1;

/// Why the command gives up.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Failure {
    /// What is wrong, with the numbers.
    pub(crate) error: String,
    /// The file and offset, or the option.
    pub(crate) at: String,
    /// What to do about it.
    pub(crate) hint: String,
    /// The exit status.
    pub(crate) status: u8,
}

impl Failure {
    /// An error the user can mend: exit status 2.
    pub(crate) fn usage(
        error: impl Into<String>,
        at: impl Into<String>,
        hint: impl Into<String>,
    ) -> Self {
        Self { error: error.into(), at: at.into(), hint: hint.into(), status: USAGE }
    }

    /// An error the user can only report: exit status 1.
    pub(crate) fn internal(
        error: impl Into<String>,
        at: impl Into<String>,
        hint: impl Into<String>,
    ) -> Self {
        Self { status: INTERNAL, ..Self::usage(error, at, hint) }
    }

    /// A word of the command line that names something this version does not have.
    pub(crate) fn not_built(what: &str, at: &str, hint: &str) -> Self {
        Self::usage(format!("{what} is not in this version"), at, hint)
    }

    /// A boot refusal; `files` are the names of the kernel and of its modules, in this order.
    pub(crate) fn boot(error: &BootError, files: &[String]) -> Self {
        let at = error.at();
        let file = match at.part {
            Part::Kernel => files.first(),
            Part::Module(index) => files.get(index + 1),
            _ => None,
        };
        let place = match (file, at.offset) {
            (Some(file), Some(offset)) => format!("{file}, offset {offset:#x}"),
            (Some(file), None) => file.clone(),
            (None, _) => at.to_string(),
        };
        Self::usage(format!("{}: {error}", error.code()), place, error.hint())
    }

    /// What clap found wrong; `None` for `--help` and `--version`, which are no errors.
    pub(crate) fn clap(error: &clap::Error) -> Option<Self> {
        if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) {
            return None;
        }
        let context = |kind| error.get(kind).map(words).filter(|words| !words.is_empty());
        let at = context(ContextKind::InvalidArg)
            .or_else(|| context(ContextKind::InvalidSubcommand))
            .map_or("the command line".to_owned(), |arg| match arg.starts_with('-') {
                true => format!("option {arg}"),
                false => format!("argument {arg}"),
            });
        let rendered = error.to_string();
        let first = rendered.lines().next().unwrap_or("bad command line");
        let mut what = first.strip_prefix("error: ").unwrap_or(first).to_owned();
        let usage = rendered.lines().find_map(|line| line.strip_prefix("Usage: bootscope "));
        let command = usage.and_then(|usage| usage.split(' ').next()).filter(|it| is_command(it));
        let mut hint = format!("see `bootscope {} --help`", command.unwrap_or("run"));
        if let Some(bad) = source_of(error) {
            let value = context(ContextKind::InvalidValue).unwrap_or_default();
            (what, hint) = (format!("{value:?}: {}", bad.why), bad.hint.clone());
        } else if error.kind() == ErrorKind::MissingRequiredArgument {
            what = format!("{at} is missing");
        } else if let Some(near) =
            context(ContextKind::SuggestedArg).or_else(|| context(ContextKind::SuggestedValue))
        {
            hint = format!("did you mean {near}?");
        } else if let Some(values) = context(ContextKind::ValidValue) {
            hint = format!("one of {values}");
        }
        Some(Self::usage(what, at, hint))
    }

    /// Prints the three lines on standard error.
    pub(crate) fn print(&self) {
        text::error(&self.to_string());
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A file name may hold a line end; three lines stay three.
        let line = |text: &str| text.replace(['\n', '\r'], " ");
        writeln!(f, "error: {}", line(&self.error))?;
        writeln!(f, "at: {}", line(&self.at))?;
        write!(f, "hint: {}", line(&self.hint))
    }
}

/// A value of an option that its parser refuses, with advice.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct BadValue {
    /// What is wrong with it.
    pub(crate) why: String,
    /// What to write instead.
    pub(crate) hint: String,
}

impl BadValue {
    /// A refusal.
    pub(crate) fn new(why: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { why: why.into(), hint: hint.into() }
    }
}

impl fmt::Display for BadValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.why)
    }
}

impl std::error::Error for BadValue {}

fn source_of(error: &clap::Error) -> Option<&BadValue> {
    std::error::Error::source(error)?.downcast_ref()
}

fn words(value: &ContextValue) -> String {
    match value {
        ContextValue::String(text) => text.clone(),
        ContextValue::Strings(texts) => texts.join(", "),
        ContextValue::StyledStr(text) => text.to_string(),
        ContextValue::StyledStrs(texts) => {
            texts.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
        }
        other => other.to_string(),
    }
}
