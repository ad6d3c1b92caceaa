//! The house rules that a compiler does not check: who may import whom, where `unsafe` may stand,
//! which crate is used where, how modules are called, what tracked files may not contain.
//!
//! The picture is ARCHITECTURE.md, "Import directions". A new edge needs a decision note in
//! docs/decisions and a line in [`EDGES`].

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Who may import whom: package, the workspace's packages it may depend on in any way, and those it
/// may depend on for its tests alone.
const EDGES: &[(&str, &[&str], &[&str])] = &[
    ("bootscope-arch", &[], &[]),
    ("bootscope-memory", &[], &[]),
    ("bootscope-cpu", &["arch", "memory"], &["seeds"]),
    ("bootscope-devices", &["arch", "memory"], &[]),
    ("bootscope-boot", &["arch", "memory"], &["seeds"]),
    ("bootscope-machine", &["arch", "memory", "cpu", "devices", "boot"], &["seeds"]),
    ("bootscope-debug", &["arch", "memory", "cpu", "devices", "boot", "machine"], &["seeds"]),
    ("bootscope-domain", &[], &[]),
    (
        "bootscope",
        &["arch", "memory", "boot", "cpu", "machine", "debug", "domain"],
        &["cpu", "devices", "guests", "seeds"],
    ),
    ("bootscope-guests", &[], &[]),
    ("bootscope-seeds", &[], &[]),
    (
        "bootscope-hostile",
        &["arch", "memory", "cpu", "devices", "boot", "machine", "debug", "domain", "seeds"],
        &[],
    ),
];

/// External crates that have one place: crate, package that depends on it, file or folder whose code
/// names it, and the name in code.
const PLACES: &[(&str, &str, &str, &str)] = &[
    ("iced-x86", "bootscope-cpu", "cpu/src/decode", "iced_x86::"),
    ("memmap2", "bootscope-memory", "memory/src/ram.rs", "memmap2::"),
    ("bitvec", "bootscope-memory", "memory/src/pages.rs", "bitvec::"),
    ("crossbeam", "bootscope", "src", "crossbeam::channel"),
    ("clap", "bootscope", "src/cli.rs", "clap::"),
    ("gdbstub", "bootscope-debug", "debug/src/gdb", "gdbstub::"),
    ("roxmltree", "bootscope-domain", "domain/src/xml", "roxmltree::"),
    ("criterion", "bootscope", "benches", "criterion::"),
];

/// Packages that may depend on these crates besides their place.
const ALSO: &[(&str, &[&str])] = &[("iced-x86", &["bootscope-debug", "bootscope-guests"])];

/// Where `unsafe` may stand: a file, or a folder with a `/` at its end. Test-only files called
/// `native_tests.rs`, and those below `native_tests/`, may have it too: they ask the host's own CPU. So
/// does the silicon oracle, an integration test, in `native.rs` and below `native/`.
const UNSAFE_PLACES: &[&str] = &["memory/src/ram.rs", "cpu/src/mmu/tlb.rs", "cpu/src/engine/"];

/// Names that say nothing about what is inside.
const EMPTY_NAMES: &[&str] = &["util", "utils", "common", "helper", "helpers", "misc"];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A manifest as cargo reads it: package name, and dependencies as (package name, kind).
fn manifests() -> BTreeMap<String, BTreeSet<(String, String)>> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--offline", "--format-version", "1"])
        .current_dir(root())
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let text = |value: &serde_json::Value| value.as_str().unwrap_or("normal").to_owned();
    let packages = metadata["packages"].as_array().expect("packages");
    let package = |package: &serde_json::Value| {
        let dependencies = package["dependencies"].as_array().expect("dependencies");
        let dependencies = dependencies
            .iter()
            .map(|dependency| (text(&dependency["name"]), text(&dependency["kind"])));
        (text(&package["name"]), dependencies.collect())
    };
    packages.iter().map(package).collect()
}

/// The repository's files, relative to its root: those under version control, or, in an unpacked
/// archive, all but build output and fetched guests.
fn tracked() -> Vec<PathBuf> {
    let git = Command::new("git").args(["ls-files", "-z"]).current_dir(root()).output();
    if let Ok(output) = git.as_ref()
        && output.status.success()
        && !output.stdout.is_empty()
    {
        let names = String::from_utf8_lossy(&output.stdout);
        let names = names.split('\0').filter(|name| !name.is_empty()).map(PathBuf::from);
        return names.filter(|name| root().join(name).is_file()).collect();
    }
    let mut found = Vec::new();
    walk(Path::new(""), &mut found);
    found
}

fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(root().join(folder)).expect("a folder").flatten() {
        let path = folder.join(entry.file_name());
        let name = entry.file_name().to_string_lossy().into_owned();
        let output = name == ".git" || name.starts_with("target") || path.ends_with("guests/cache");
        match entry.file_type() {
            Ok(kind) if kind.is_dir() && !output => walk(&path, found),
            Ok(kind) if kind.is_file() => found.push(path),
            _ => {}
        }
    }
}

fn rust_files() -> Vec<(String, String)> {
    let rust = tracked().into_iter().filter(|path| path.extension().is_some_and(|e| e == "rs"));
    rust.map(|path| {
        let text = fs::read_to_string(root().join(&path)).expect("UTF-8 source");
        (path.to_string_lossy().replace('\\', "/"), text)
    })
    .collect()
}

/// Rust source with comments and string contents blanked: what is left is code.
fn code(source: &str) -> String {
    let bytes = source.as_bytes();
    let mut out = String::with_capacity(source.len());
    let mut at = 0;
    while at < bytes.len() {
        let rest = &source[at..];
        let skipped = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            rest.find("*/").map_or(rest.len(), |end| end + 2)
        } else if rest.starts_with('"') {
            string_len(rest.as_bytes())
        } else if let Some(len) = raw_string_len(rest).filter(|_| !ends_in_word(&out)) {
            len
        } else if rest.starts_with("'\"'") || rest.starts_with("'\\\"'") {
            rest[1..].find('\'').map_or(1, |end| end + 2)
        } else {
            0
        };
        if skipped == 0 {
            let next = rest.chars().next().expect("not at the end");
            out.push(next);
            at += next.len_utf8();
        } else {
            out.push(' ');
            at += skipped;
        }
    }
    out
}

fn ends_in_word(text: &str) -> bool {
    text.ends_with(|last: char| last.is_alphanumeric() || last == '_')
}

fn string_len(text: &[u8]) -> usize {
    let mut at = 1;
    while at < text.len() && text[at] != b'"' {
        at += if text[at] == b'\\' { 2 } else { 1 };
    }
    (at + 1).min(text.len())
}

fn raw_string_len(text: &str) -> Option<usize> {
    let after = text.strip_prefix("br").or_else(|| text.strip_prefix('r'))?;
    let hashes = after.len() - after.trim_start_matches('#').len();
    let body = after[hashes..].strip_prefix('"')?;
    let end = format!("\"{}", "#".repeat(hashes));
    let start = text.len() - body.len();
    Some(body.find(&end).map_or(text.len(), |at| start + at + end.len()))
}

fn words(code: &str) -> impl Iterator<Item = &str> {
    code.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|word| !word.is_empty())
}

fn is_native_test(path: &str) -> bool {
    path.ends_with("/native_tests.rs")
        || path.contains("/native_tests/")
        || path.starts_with("cpu/tests/silicon/native")
}

fn may_be_unsafe(path: &str) -> bool {
    let allowed = |place: &str| path == place || (place.ends_with('/') && path.starts_with(place));
    UNSAFE_PLACES.iter().any(|place| allowed(place)) || is_native_test(path)
}

#[test]
fn every_edge_between_workspace_crates_is_in_the_picture() {
    let manifests = manifests();
    let mut problems = Vec::new();
    for (package, dependencies) in &manifests {
        let Some((_, normal, testing)) = EDGES.iter().find(|row| row.0 == package) else {
            problems.push(format!("{package} is not in the picture"));
            continue;
        };
        for (name, kind) in dependencies.iter().filter(|(name, _)| manifests.contains_key(name)) {
            let short = name.trim_start_matches("bootscope-");
            let allowed = normal.contains(&short) || (kind == "dev" && testing.contains(&short));
            if !allowed {
                problems.push(format!("{package} -> {name} ({kind})"));
            }
        }
    }

    assert!(problems.is_empty(), "edges without a decision note:\n{}", problems.join("\n"));
}

#[test]
fn external_crates_are_used_where_the_picture_puts_them() {
    let (manifests, files) = (manifests(), rust_files());
    let mut problems = Vec::new();
    for (name, package, place, in_code) in PLACES {
        let also = ALSO.iter().find(|row| row.0 == *name).map_or(&[][..], |row| row.1);
        for (user, dependencies) in &manifests {
            let uses = dependencies.iter().any(|dependency| dependency.0 == *name);
            if uses != (user == package) && !also.contains(&user.as_str()) {
                problems.push(format!("{user}: {name} belongs to {package}"));
            }
        }
        let named = files.iter().any(|(path, text)| {
            (path == place || path.starts_with(&format!("{place}/")))
                && code(text).contains(in_code)
        });
        if !named {
            problems.push(format!("{name} is not used in {place}"));
        }
    }

    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

#[test]
fn unsafe_stands_only_in_the_named_files() {
    let keyword = concat!("un", "safe");
    let mut problems = Vec::new();
    for (path, text) in rust_files().iter().filter(|(path, _)| !may_be_unsafe(path)) {
        let code = code(text);
        let allowed = code.contains(&format!("allow({keyword}_code"))
            || code.contains(&format!("expect({keyword}_code"));
        if allowed || words(&code).any(|word| word == keyword) {
            problems.push(path.clone());
        }
    }

    assert!(problems.is_empty(), "{keyword} in {}", problems.join(", "));
}

/// The exception for tests holds only where tests are: nothing of it may be in a product build.
#[test]
fn native_tests_are_compiled_for_tests_alone() {
    let mut declarations = 0;
    for (path, text) in rust_files() {
        let lines: Vec<&str> = text.lines().map(str::trim).collect();
        let declared = lines.iter().position(|line| *line == "mod native_tests;");
        if let Some(at) = declared {
            declarations += 1;
            let gated =
                at > 0 && lines[at - 1].starts_with("#[cfg(") && lines[at - 1].contains("test");
            assert!(gated, "{path}: `mod native_tests` has no #[cfg(test)] directly above it");
        }
    }

    assert!(declarations > 0, "no native tests found: has the name changed?");
}

/// The decision that allows it lists each file with what it executes.
#[test]
fn native_tests_are_named_in_the_decision_that_lets_them_be() {
    let keyword = concat!("un", "safe");
    let decision = root().join("docs/decisions/0003-where-unsafe-lives.md");
    let decision = fs::read_to_string(decision).expect("decision 0003");
    let native = rust_files().into_iter().filter(|(path, _)| is_native_test(path));
    let unnamed = native.filter(|(path, text)| {
        let within = ["cpu/src/", "cpu/tests/silicon/"];
        let short = within.iter().find_map(|folder| path.strip_prefix(folder)).unwrap_or(path);
        words(&code(text)).any(|word| word == keyword) && !decision.contains(&format!("`{short}`"))
    });
    let unnamed: Vec<String> = unnamed.map(|(path, _)| path).collect();

    assert!(unnamed.is_empty(), "not in decision 0003: {}", unnamed.join(", "));
}

#[test]
fn library_crates_name_no_thread_file_socket_or_host_clock() {
    const HOST: &[&str] = &["std::thread", "std::fs", "std::net", "std::process", "SystemTime"];
    let libraries = [
        "arch/src",
        "memory/src",
        "cpu/src",
        "devices/src",
        "boot/src",
        "machine/src",
        "domain/src",
    ];
    let mut problems = Vec::new();
    for (path, text) in rust_files() {
        let library = libraries.iter().any(|folder| path.starts_with(folder));
        if library && !path.contains("tests") {
            let product = text.split("#[cfg(test)]\nmod tests").next().unwrap_or_default();
            let code = code(product);
            let found =
                HOST.iter().chain(&["std::time::Instant"]).filter(|name| code.contains(**name));
            problems.extend(found.map(|name| format!("{path}: {name}")));
        }
    }

    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

#[test]
fn no_module_has_an_empty_name() {
    for (path, text) in rust_files() {
        let parts = path.trim_end_matches(".rs").split('/');
        let named: Vec<_> = parts.filter(|part| EMPTY_NAMES.contains(part)).collect();
        assert!(named.is_empty(), "{path}: say what is inside");
        let code = code(&text);
        let mut words = words(&code);
        while let Some(word) = words.next() {
            if word == "mod" {
                let name = words.next().unwrap_or_default();
                assert!(!EMPTY_NAMES.contains(&name), "{path}: mod {name}: say what is inside");
            }
        }
    }
}

/// Names of one machine or one mirror make a clone fail elsewhere. (Split, so that this file passes.)
#[test]
fn tracked_files_name_no_package_registry_and_no_path_of_one_machine() {
    const NAMES: &[&str] = &[
        concat!("index.crates", ".io"),
        concat!("static.crates", ".io"),
        concat!("deb.debian", ".org"),
        concat!("ftp.debian", ".org"),
        concat!("snapshot.debian", ".org"),
        concat!("registry.npmjs", ".org"),
        concat!("pypi", ".org"),
        concat!("pythonhosted", ".org"),
        concat!("proxy.golang", ".org"),
        concat!("/wo", "rk/"),
        concat!("/ho", "me/"),
        concat!("/Us", "ers/"),
        concat!("/ro", "ot/."),
        concat!("/tmp/tar", "get"),
    ];
    let mut problems = Vec::new();
    for path in tracked() {
        let text = fs::read(root().join(&path)).expect("a tracked file");
        let text = String::from_utf8_lossy(&text);
        let found = NAMES.iter().filter(|name| text.contains(**name));
        problems.extend(found.map(|name| format!("{}: {name}", path.display())));
    }
    let lock = fs::read_to_string(root().join("Cargo.lock")).expect("Cargo.lock is committed");
    let index = concat!("registry+https://github.com/rust-lang/crates", ".io-index");
    let sources = lock.lines().filter_map(|line| line.strip_prefix("source = "));
    problems.extend(sources.filter(|source| source.trim_matches('"') != index).map(str::to_owned));

    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

#[test]
fn comments_and_strings_are_not_code() {
    let source = "a /* b */ c // d\n\"e \\\" f\" g r#\"h \" i\"# j '\"' k";

    assert_eq!(words(&code(source)).collect::<Vec<_>>(), ["a", "c", "g", "j", "k"]);
}
