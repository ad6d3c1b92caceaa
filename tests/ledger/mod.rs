//! What ran and what did not: tests that need a guest or a tool which may be missing say so here.
//!
//! Each line goes to standard error and, if `BOOTSCOPE_TEST_LOG` names a file, to its end; `./test`
//! prints that file when all is done, so that nothing is skipped silently.
#![allow(dead_code, reason = "each test file that includes this module uses a part of it")]

use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

/// Notes that something ran.
pub(crate) fn ran(what: &str) {
    note(&format!("ran      {what}"));
}

/// Notes that something did not run, and why.
pub(crate) fn skipped(what: &str, why: &str) {
    note(&format!("skipped  {what}: {why}"));
}

fn note(line: &str) {
    eprintln!("{line}");
    if let Some(log) = std::env::var_os("BOOTSCOPE_TEST_LOG") {
        let log = OpenOptions::new().create(true).append(true).open(log);
        let _ = log.and_then(|mut log| log.write_all(format!("{line}\n").as_bytes()));
    }
}

fn is_set(variable: &str) -> bool {
    std::env::var_os(variable).is_some_and(|value| !value.is_empty() && value != "0")
}

/// A file below `guests/cache`, fetched if it is missing; `test` is told if it cannot be had.
///
/// With `BOOTSCOPE_SKIP_GUESTS=1` nothing is fetched or booted and `None` is noted as skipped. With
/// `BOOTSCOPE_REQUIRE_GUESTS=1` a guest that cannot be had is a failure.
pub(crate) fn guest(test: &str, file: &str) -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let path = root.join("guests/cache").join(file);
    if is_set("BOOTSCOPE_SKIP_GUESTS") {
        skipped(test, "BOOTSCOPE_SKIP_GUESTS is set");
        return None;
    }
    static FETCHED: OnceLock<bool> = OnceLock::new();
    if !path.is_file() {
        let fetch = || {
            let mut fetch = Command::new(root.join("guests/fetch"));
            fetch.stdin(Stdio::null()).status().is_ok_and(|status| status.success())
        };
        FETCHED.get_or_init(fetch);
    }
    if path.is_file() {
        return Some(path);
    }
    assert!(
        !is_set("BOOTSCOPE_REQUIRE_GUESTS"),
        "guests/cache/{file} is missing and guests/fetch did not get it"
    );
    skipped(test, &format!("guests/cache/{file} is missing and guests/fetch did not get it"));
    None
}
