//! Any host: the demo guest ends in the same state, after the same number of instructions, on another
//! processor, another byte order and in WebAssembly; the stored answers of silicon are replayed on the first two.
//!
//! Each host needs its Rust target, a linker and a program that runs the result; what is missing is
//! noted by [`ledger`]. Not checked: macOS and Windows, whose programs nothing here can run.

mod ledger;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A host: how the command is linked for it and what runs it.
struct Host {
    target: &'static str,
    what: &'static str,
    /// Programs, the first that exists is taken; empty for the target's own.
    linkers: &'static [&'static str],
    /// The program that runs the result and what stands before the result's path.
    runner: &'static [&'static str],
}

const HOSTS: &[Host] = &[
    Host {
        target: "aarch64-unknown-linux-musl",
        what: "64-bit ARM",
        linkers: &["rust-lld"],
        runner: &["qemu-aarch64-static"],
    },
    Host {
        target: "s390x-unknown-linux-gnu",
        what: "big-endian",
        linkers: &["s390x-linux-gnu-gcc"],
        runner: &["qemu-s390x-static", "-L", "/usr/s390x-linux-gnu"],
    },
    Host {
        target: "wasm32-wasip1",
        what: "WebAssembly",
        linkers: &[],
        runner: &["node", "--no-warnings", "tests/hosts/wasi.mjs"],
    },
];

#[derive(Debug, PartialEq, Eq)]
struct End {
    stop: String,
    instructions: u64,
    state_hash: String,
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The folder for what this test builds and writes.
fn folder(target: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("hosts").join(target);
    fs::create_dir_all(&folder).expect("a folder in the target directory");
    folder
}

/// Runs the demo guest and reads its summary. `seen` is the folder as the program sees it.
fn demo(command: &mut Command, folder: &Path, seen: &str) -> End {
    let summary = folder.join("summary.json");
    let _ = fs::remove_file(&summary);
    command.args(["run", "-q", "--serial", "null", "--max-insns", "1G", "--summary"]);
    command.arg(format!("{seen}/summary.json")).current_dir(root()).stdin(Stdio::null());
    let output = command.output().expect("the program starts");
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{command:?}\n{told}");
    let json = fs::read(&summary).expect("a summary");
    let json: serde_json::Value = serde_json::from_slice(&json).expect("JSON");
    let text = |key: &str| json[key].as_str().expect("text").to_owned();
    let instructions = json["instructions"].as_u64().expect("a number");
    End { stop: text("stop"), instructions, state_hash: text("state_hash") }
}

fn exists(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
}

/// rustup keeps `rust-lld` beside the host's libraries and rustc finds it there by name.
fn links(linker: &str) -> bool {
    linker == "rust-lld" || exists(linker)
}

fn has_target(target: &str) -> bool {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let output =
        Command::new(rustc).args(["--print", "target-libdir", "--target", target]).output();
    output.is_ok_and(|output| {
        let folder = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        output.status.success() && Path::new(&folder).is_dir()
    })
}

/// What is missing to build for the host and run there.
fn missing(host: &Host) -> Option<String> {
    if !has_target(host.target) {
        return Some(format!("no Rust target (rustup target add {})", host.target));
    }
    if !host.linkers.is_empty() && !host.linkers.iter().any(|linker| links(linker)) {
        return Some(format!("no linker {}", host.linkers.join(" or ")));
    }
    (!exists(host.runner[0])).then(|| format!("no {}", host.runner[0]))
}

/// The name of cargo's variable of a target: for its linker, its runner.
fn variable(target: &str, what: &str) -> String {
    format!("CARGO_TARGET_{}_{what}", target.to_uppercase().replace('-', "_"))
}

/// Cargo for a host: what it builds is what users get, but for link-time optimisation, which takes long.
fn cargo(host: &Host, command: &str) -> Command {
    let mut cargo = Command::new(env!("CARGO"));
    cargo
        .args([command, "--release", "--quiet", "--target", host.target, "--target-dir"])
        .arg(folder("build"))
        .env("CARGO_PROFILE_RELEASE_LTO", "off")
        .env("CARGO_PROFILE_RELEASE_DEBUG", "0")
        // Flags for this host are not flags for that one.
        .env_remove("RUSTFLAGS")
        .env_remove("CARGO_ENCODED_RUSTFLAGS")
        .current_dir(root());
    if let Some(linker) = host.linkers.iter().find(|linker| links(linker)) {
        cargo.env(variable(host.target, "LINKER"), linker);
    }
    cargo
}

/// Runs cargo to its good end; what it printed.
fn succeed(cargo: &mut Command) -> String {
    let output = cargo.output().expect("cargo runs");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let printed = text(&output.stdout);
    assert!(output.status.success(), "{cargo:?}\n{printed}\n{}", text(&output.stderr));
    printed
}

/// Builds the command.
fn build(host: &Host) -> PathBuf {
    succeed(cargo(host, "build").args(["--bin", "bootscope"]));
    let folder = folder("build").join(host.target).join("release");
    let wasm = host.target.starts_with("wasm32");
    folder.join(if wasm { "bootscope.wasm" } else { "bootscope" })
}

/// The host of a target, if `what` can be done there; else it is noted that it was not.
fn ready(target: &str, what: &str) -> Option<&'static Host> {
    let host = HOSTS.iter().find(|host| host.target == target).expect("a host of the table");
    match missing(host) {
        Some(missing) => ledger::skipped(&format!("{what} on {target}"), &missing),
        None => return Some(host),
    }
    None
}

fn check(target: &str) {
    let Some(host) = ready(target, "demo guest") else { return };
    let here = folder(&format!("here-beside-{target}")); // tests run side by side
    let here =
        demo(&mut Command::new(env!("CARGO_BIN_EXE_bootscope")), &here, &here.to_string_lossy());
    let (program, folder) = (build(host), folder(target));
    let mut runner = Command::new(host.runner[0]);
    runner.args(&host.runner[1..]).arg(program);
    let there = if host.runner[0] == "node" {
        demo(runner.arg(&folder), &folder, "/out")
    } else {
        demo(&mut runner, &folder, &folder.to_string_lossy())
    };

    assert_eq!(there, here);
    assert_eq!(here.stop, "poweroff");
    ledger::ran(&format!("demo guest on {target} ({}): state {}", host.what, here.state_hash));
}

/// Replays the stored answers of silicon (`cpu/tests/silicon`): arithmetic of another processor, floating point
/// above all, gives what an x86-64 one gave.
fn replay(target: &str) {
    let Some(host) = ready(target, "answers of silicon") else { return };
    let mut cargo = cargo(host, "test");
    cargo.args(["-p", "bootscope-cpu", "--test", "silicon", "--", "stored_answers", "--nocapture"]);
    cargo.env(variable(host.target, "RUNNER"), host.runner.join(" "));

    let printed = succeed(&mut cargo);

    let answers = printed.lines().find(|line| line.contains(" answers of "));
    assert!(printed.contains("1 passed") && answers.is_some(), "{printed}");
    ledger::ran(&format!("on {target}: {}", answers.unwrap_or_default()));
}

#[test]
fn the_demo_guest_ends_in_the_same_state_on_arm() {
    check("aarch64-unknown-linux-musl");
}

#[test]
fn the_demo_guest_ends_in_the_same_state_on_a_big_endian_host() {
    check("s390x-unknown-linux-gnu");
}

#[test]
fn the_demo_guest_ends_in_the_same_state_in_webassembly() {
    check("wasm32-wasip1");
}

#[test]
fn the_stored_answers_of_silicon_are_the_emulators_on_arm() {
    replay("aarch64-unknown-linux-musl");
}

#[test]
fn the_stored_answers_of_silicon_are_the_emulators_on_a_big_endian_host() {
    replay("s390x-unknown-linux-gnu");
}
