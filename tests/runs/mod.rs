//! Boots for tests: the command is run on a guest to its end; what it printed, said and summed up is
//! read back.
//!
//! Every boot has limits, so that a guest which never ends is a failure and not a hang.
#![allow(
    dead_code,
    unused_imports,
    reason = "each test file that includes this module uses a part of it"
)]

pub(crate) mod grub;
#[path = "../ledger/mod.rs"]
pub(crate) mod ledger;
#[path = "../cli/support.rs"]
mod support;
pub(crate) mod talk;

pub(crate) use support::{Ran, Scratch, bootscope, finished, run, run_with_input};

use serde_json::Value;
use std::path::PathBuf;

/// A finished run with its summary.
pub(crate) struct Boot {
    /// Exit status; `None` if a signal ended the process.
    pub(crate) status: Option<i32>,
    /// COM1, and after it what `--dump` printed.
    pub(crate) console: String,
    /// Standard error.
    pub(crate) said: String,
    /// `--summary`.
    pub(crate) summary: Value,
}

impl Boot {
    /// A text of the summary.
    pub(crate) fn text(&self, key: &str) -> &str {
        self.summary[key].as_str().unwrap_or_else(|| panic!("the summary has no {key}"))
    }

    /// A number of the summary.
    pub(crate) fn number(&self, key: &str) -> u64 {
        self.summary[key].as_u64().unwrap_or_else(|| panic!("the summary has no {key}"))
    }

    /// The names of the milestones in order.
    pub(crate) fn milestones(&self) -> Vec<&str> {
        let rows = self.summary["milestones"].as_array().expect("milestones");
        rows.iter().map(|row| row["name"].as_str().expect("a name")).collect()
    }

    /// RIP as `--dump regs` printed it.
    pub(crate) fn rip(&self) -> u64 {
        let (_, rest) = self.console.rsplit_once("\nrip=").expect("registers");
        u64::from_str_radix(&rest[..16], 16).expect("16 hexadecimal digits")
    }
}

/// Runs the command with a summary. `name` is the scratch folder's and unique among all tests.
pub(crate) fn boot(name: &str, args: &[&str]) -> Boot {
    let scratch = Scratch::new(name);
    let json = scratch.path("summary.json");
    let mut words = vec!["--max-insns=6G", "--wall-timeout=1200", "--summary", &json];
    // The last word on a limit is the caller's: clap takes an option once.
    words.retain(|word| !args.iter().any(|arg| same_option(word, arg)));
    words.extend(args);
    let ran = run(&words);
    let text = std::fs::read(&json).unwrap_or_else(|_| panic!("no summary: {}", ran.stderr));
    let summary = serde_json::from_slice(&text).expect("a summary in JSON");
    Boot { status: ran.status, console: ran.stdout, said: ran.stderr, summary }
}

fn same_option(word: &str, arg: &str) -> bool {
    let name = |text: &str| text.split('=').next().map(str::to_owned);
    word.contains('=') && name(word) == name(arg)
}

/// A ramdisk for 32-bit kernels: an `/init` that says that user space is up, and powers off.
pub(crate) fn i386_archive(scratch: &Scratch) -> String {
    let init = scratch.kernel("init_i386");
    let tree = scratch.path("tree");
    std::fs::create_dir_all(format!("{tree}/dev")).expect("a folder");
    std::fs::copy(&init, format!("{tree}/init")).expect("a program");
    executable(&format!("{tree}/init"));
    let archive = scratch.path("init.cpio");
    assert_eq!(run(&["mkinitrd", &tree, "-o", &archive]).status, Some(0));
    archive
}

/// A fetched guest: below `BOOTSCOPE_GUESTS`, where that names a folder, else as [`ledger::guest`]
/// finds it. `None` if the guests are to be skipped or cannot be had, which is noted.
pub(crate) fn guest(test: &str, file: &str) -> Option<String> {
    let elsewhere = std::env::var_os("BOOTSCOPE_GUESTS").map(|dir| PathBuf::from(dir).join(file));
    let skips = std::env::var_os("BOOTSCOPE_SKIP_GUESTS").is_some_and(|set| set != "0");
    let path = match elsewhere.filter(|path| !skips && path.is_file()) {
        Some(path) => path,
        None => ledger::guest(test, file)?,
    };
    Some(path.into_os_string().into_string().expect("paths of tests are UTF-8"))
}

/// What a test kernel answered: the value of each line `NAME=VALUE` of this name, in order.
pub(crate) fn answers<'a>(text: &'a str, name: &str) -> Vec<&'a str> {
    let lines = text.lines().filter_map(|line| line.split_once('='));
    lines.filter(|(found, _)| *found == name).map(|(_, value)| value).collect()
}

/// The sum of all bytes as test kernels print it of a module.
pub(crate) fn byte_sum(bytes: &[u8]) -> String {
    format!("{:08x}", bytes.iter().fold(0_u32, |sum, byte| sum.wrapping_add((*byte).into())))
}

/// Lets a program be executed: folders are packed with the permissions they have.
pub(crate) fn executable(path: &str) {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(path, mode).expect("permissions");
    }
    #[cfg(not(unix))]
    let _ = path;
}
