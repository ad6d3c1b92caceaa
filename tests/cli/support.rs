//! Running the command and looking at what came out.

use bootscope_guests::kernels::{ALL, PROGRAMS};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// Instructions that every guest here finishes in; what does not end is a failure and not a hang.
pub(crate) const ENOUGH: &str = "--max-insns=200M";

/// The command, with nothing on standard input.
pub(crate) fn bootscope(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_bootscope"));
    command.args(args).stdin(Stdio::null());
    command
}

/// What a finished command left.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) status: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ran {
    /// The last line of standard error.
    pub(crate) fn last_line(&self) -> &str {
        self.stderr.lines().last().unwrap_or("")
    }

    /// True for exactly three lines of the documented form.
    pub(crate) fn is_three_line_error(&self) -> bool {
        let starts: Vec<bool> = self
            .stderr
            .lines()
            .zip(["error: ", "at: ", "hint: "])
            .map(|(line, start)| line.len() > start.len() && line.starts_with(start))
            .collect();
        self.stderr.lines().count() == 3 && starts == [true; 3]
    }
}

/// Runs the command to its end.
pub(crate) fn run(args: &[&str]) -> Ran {
    finished(bootscope(args).output().expect("the command starts"))
}

/// Runs the command to its end with these bytes piped in and nothing behind them.
pub(crate) fn run_with_input(args: &[&str], input: &[u8]) -> Ran {
    let mut command = bootscope(args);
    let pipes = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = pipes.spawn().expect("the command starts");
    // It may end before it has read everything.
    let _ = child.stdin.take().expect("a pipe").write_all(input);
    finished(child.wait_with_output().expect("the command ends"))
}

/// Reads what a command left.
pub(crate) fn finished(output: Output) -> Ran {
    Ran {
        status: output.status.code(),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// A directory of one test, removed with it.
pub(crate) struct Scratch(PathBuf);

impl Scratch {
    /// An empty directory with the test's name.
    pub(crate) fn new(test: &str) -> Self {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("cli-{test}"));
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir_all(&path).expect("a scratch directory can be made");
        Self(path)
    }

    /// A path in it.
    pub(crate) fn path(&self, name: &str) -> String {
        self.0.join(name).to_str().expect("paths of tests are UTF-8").to_owned()
    }

    /// Writes a file and returns its path.
    pub(crate) fn file(&self, name: &str, bytes: &[u8]) -> String {
        let path = self.path(name);
        std::fs::write(&path, bytes).expect("a scratch file can be written");
        path
    }

    /// Writes a test kernel by its name and returns its path.
    pub(crate) fn kernel(&self, name: &str) -> String {
        let mut all = ALL.iter().chain(PROGRAMS);
        let (_, make) = all.find(|(known, _)| *known == name).expect("a test kernel");
        self.file(name, &make())
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// The demo guest's file.
pub(crate) const DEMO: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/guests/demo/demo.elf");
