//! The `bootscope` command: options in, a machine configured and run, words and files out.
//!
//! | module | subject |
//! |---|---|
//! | `cli`, `values` | options and their values, as clap sees them |
//! | `qemu`, `absent` | QEMU's spellings rewritten; names that are reserved and not built |
//! | `failure`, `text` | three-line errors; printing that cannot panic |
//! | `files` | images by positioned reads, files to write |
//! | `drives` | `--drive`, `--cdrom`, and what guests write |
//! | `host` | where Unix, Windows and WASI differ: kinds of files, signals, the terminal |
//! | `inspect`, `mkinitrd` | the commands that boot nothing |
//! | `images`, `builtin` | which files boot, and what boots when none is given |
//! | `run`, `conflicts` | from options to a machine that is booted; options that exclude each other |
//! | `session`, `goal`, `outcome` | the run loop, its goals, its end and the exit status |
//! | `console`, `sink` | the serial port's other end |
//! | `screen`, `png` | the VGA screen as text and as a picture |
//! | `logs`, `report`, `profile`, `timeline` | what is told about a run |
//! | `symbols` | names of addresses: `--symbols`, `--until pc=SYMBOL` |
//! | `gdb` | the socket of `--gdb` |
//! | `cpu_model` | `--cpu` |
//! | `description` | `--domain`, and the command that converts descriptions of domains |
//!
//! Here, and only here, are threads, files, signals and the host's clock: the crates below know none
//! of them.
#![forbid(unsafe_code)]

mod absent;
mod builtin;
mod cli;
mod conflicts;
mod console;
mod cpu_model;
#[cfg(test)]
mod damaged_lines;
mod description;
mod drives;
mod failure;
mod files;
mod firmware;
mod gdb;
mod goal;
mod host;
mod images;
mod inspect;
mod logs;
mod mkinitrd;
mod outcome;
mod png;
mod profile;
mod qemu;
mod report;
mod run;
mod screen;
mod session;
mod sink;
mod symbols;
mod text;
mod timeline;
mod values;

use cli::Command;
use failure::Failure;
use std::ffi::OsString;
use std::process::ExitCode;
use std::time::Instant;

fn main() -> ExitCode {
    let process_start = Instant::now();
    match execute(std::env::args_os().collect(), process_start) {
        Ok(status) => ExitCode::from(status),
        Err(failure) => {
            failure.print();
            ExitCode::from(failure.status)
        }
    }
}

fn execute(args: Vec<OsString>, process_start: Instant) -> Result<u8, Failure> {
    let cli = match cli::parse(qemu::rewrite(args)?) {
        Ok(cli) => cli,
        Err(error) => match Failure::clap(&error) {
            Some(failure) => return Err(failure),
            None => {
                text::output(&error.render().to_string())
                    .map_err(|error| inspect::stdout_failure(&error))?;
                return Ok(0);
            }
        },
    };
    match cli.command {
        Command::Run(args) => run::run(&args, process_start),
        Command::Inspect(args) => inspect::inspect(&args).map(|()| 0),
        Command::ExtractVmlinux(args) => inspect::extract(&args).map(|()| 0),
        Command::Mkinitrd(args) => mkinitrd::run(&args).map(|()| 0),
        Command::Domain(args) => description::convert(&args).map(|()| 0),
    }
}
