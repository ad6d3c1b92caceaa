//! Runs that serve a gdb, and what a gdb says that connects to them.

use super::runs::{Boot, Scratch, bootscope, ledger};
use serde_json::Value;
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;

/// What a command of gdb's script that prints is told by.
const MARK: &str = "@@";

/// True if there is a gdb; noted as skipped if not.
pub(crate) fn gdb_exists(test: &str) -> bool {
    static EXISTS: OnceLock<bool> = OnceLock::new();
    let exists = *EXISTS.get_or_init(|| {
        let words = ["-nx", "-batch", "-ex", "set architecture i386:x86-64"];
        let output = Command::new("gdb").args(words).stdin(Stdio::null()).output();
        output.is_ok_and(|output| {
            String::from_utf8_lossy(&output.stdout).contains("set to \"i386:x86-64\"")
        })
    });
    if !exists {
        ledger::skipped(test, "there is no gdb for x86-64 (Debian package `gdb`)");
    }
    exists
}

/// A run that serves gdb.
pub(crate) struct Served {
    pub(crate) child: Child,
    said: BufReader<std::process::ChildStderr>,
    /// Where a gdb connects.
    pub(crate) place: String,
    scratch: Scratch,
}

/// How a served run ended.
pub(crate) struct Ended {
    pub(crate) status: Option<i32>,
    pub(crate) said: String,
    pub(crate) summary: Value,
}

impl Served {
    /// Starts the command and waits until it listens.
    pub(crate) fn start(name: &str, gdb: &[&str], args: &[&str]) -> Self {
        let scratch = Scratch::new(name);
        let json = scratch.path("summary.json");
        let words = ["--wall-timeout=600", "--serial=null", "--summary", &json];
        let mut child = bootscope(&[gdb, &words, args].concat())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the command starts");
        let mut said = BufReader::new(child.stderr.take().expect("a pipe"));
        let mut line = String::new();
        while !line.contains("target remote ") {
            line.clear();
            let len = said.read_line(&mut line).expect("a line");
            assert!(len > 0, "the command ended before it listened");
        }
        let place = line.split(['`', ' ']).skip_while(|word| *word != "remote").nth(1);
        let place = place.expect("an address").to_owned();
        Self { child, said, place, scratch }
    }

    /// Stopped before the first instruction, at a free port.
    pub(crate) fn stopped(name: &str, args: &[&str]) -> Self {
        Self::start(name, &["--gdb=127.0.0.1:0", "-S"], args)
    }

    /// What a gdb says that connects and takes these commands.
    pub(crate) fn gdb(&self, commands: &[&str]) -> String {
        let output = self.gdb_command(commands).output().expect("gdb runs");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        text(&output.stdout) + &text(&output.stderr)
    }

    /// True if a gdb that comes now, or one of the next, finds that the guest has gone on.
    pub(crate) fn runs_beyond(&self, insns: u64) -> bool {
        (0..10).any(|_| {
            let text = self.gdb(&["printf \"@@%lu\\n\", $insns", "detach"]);
            let now: Option<u64> = marked(&text).first().and_then(|value| value.parse().ok());
            now.unwrap_or_else(|| panic!("no count: {text}")) > insns
        })
    }

    fn gdb_command(&self, commands: &[&str]) -> Command {
        let mut command = Command::new("gdb");
        command.args(["-nx", "-batch", "-iex", "set confirm off", "-iex", "set pagination off"]);
        command.args(["-ex", "set remotetimeout 300", "-ex"]);
        command.arg(format!("target remote {}", self.place));
        for words in commands {
            command.args(["-ex", words]);
        }
        command.stdin(Stdio::null());
        command
    }

    /// Waits for the end.
    pub(crate) fn end(mut self) -> Ended {
        let mut said = String::new();
        self.said.read_to_string(&mut said).expect("text");
        let status = self.child.wait().expect("the command ends").code();
        let json = std::fs::read(self.scratch.path("summary.json"));
        let json = json.unwrap_or_else(|_| panic!("no summary: {said}"));
        Ended { status, said, summary: serde_json::from_slice(&json).expect("a summary") }
    }
}

impl Drop for Served {
    /// A test that failed leaves no process behind.
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The lines that `printf "@@..."` printed, without the mark.
pub(crate) fn marked(text: &str) -> Vec<&str> {
    text.lines().filter_map(|line| line.split_once(MARK).map(|(_, rest)| rest)).collect()
}

/// The same end as a run that nobody debugged.
#[track_caller]
pub(crate) fn assert_ended_as(ended: &Ended, plain: &Boot) {
    assert_eq!(ended.status, plain.status, "{}", ended.said);
    for key in ["stop", "instructions", "virtual_ns", "state_hash"] {
        assert_eq!(ended.summary[key], plain.summary[key], "{key}");
    }
}
