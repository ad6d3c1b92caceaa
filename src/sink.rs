//! Where a character device's output goes.

use crate::failure::Failure;
use crate::files::Output;
use crate::values::SerialTo;
use std::io::{self, Write};

/// A destination.
pub(crate) enum Sink {
    /// Standard output.
    Stdout,
    /// Nowhere.
    Null,
    /// A file.
    File(Output),
}

/// What became of some output.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Written {
    /// It is written.
    All,
    /// Nobody reads standard output any more.
    Closed,
}

impl Sink {
    /// Opens the destination of an option.
    pub(crate) fn open(to: &SerialTo, option: &'static str) -> Result<Self, Failure> {
        Ok(match to {
            SerialTo::Stdio => Self::Stdout,
            SerialTo::Null => Self::Null,
            SerialTo::File(path) => Self::File(Output::create(path, option)?),
        })
    }

    /// Writes bytes at once: a person may be waiting for them.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> Result<Written, Failure> {
        if bytes.is_empty() {
            return Ok(Written::All);
        }
        match self {
            Self::Null => {}
            Self::File(output) => output.write(bytes)?,
            Self::Stdout => {
                let mut stdout = io::stdout().lock();
                match stdout.write_all(bytes).and_then(|()| stdout.flush()) {
                    Ok(()) => {}
                    Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                        return Ok(Written::Closed);
                    }
                    Err(error) => {
                        let error = format!("cannot write the guest's output: {error}");
                        let hint = "check the space on the disk, or use --serial null";
                        return Err(Failure::usage(error, "standard output", hint));
                    }
                }
            }
        }
        Ok(Written::All)
    }
}
