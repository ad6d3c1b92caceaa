//! Commands about files: inspect, mkinitrd, and what a run writes.

use crate::support::{DEMO, ENOUGH, Scratch, run, run_with_input};
use serde_json::Value;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::process::Command;

#[test]
fn inspect_tells_what_the_demo_guest_is() {
    let text = run(&["inspect", DEMO]);
    let json = run(&["inspect", DEMO, "--json"]);

    assert_eq!((text.status, json.status), (Some(0), Some(0)));
    for word in ["pvh", "multiboot1", "LOAD", "0x100000"] {
        assert!(text.stdout.contains(word), "{word}: {}", text.stdout);
    }
    let json: Value = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!(json["protocols"][0]["name"], "pvh");
    assert_eq!(json["protocols"][0]["bootable"], true);
    assert_eq!(json["elf"]["bits"], 32);
    assert_eq!(json["elf"]["notes"][0]["type"], 18, "XEN_ELFNOTE_PHYS32_ENTRY");
    assert!(json["ram_needed"].as_u64() > Some(0x10_0000));
}

/// cpio itself unpacks the archive: names, kinds, permissions and contents come back.
#[test]
fn a_packed_directory_comes_back_from_cpio() {
    if Command::new("cpio").arg("--version").output().is_err() {
        eprintln!("skipped: there is no cpio on this host");
        return;
    }
    let scratch = Scratch::new("mkinitrd");
    let (tree, back) = (scratch.path("tree"), scratch.path("back"));
    std::fs::create_dir_all(format!("{tree}/bin")).unwrap();
    std::fs::create_dir(&back).unwrap();
    std::fs::write(format!("{tree}/bin/program"), b"not padded").unwrap();
    std::fs::set_permissions(format!("{tree}/bin/program"), PermissionsExt::from_mode(0o4755))
        .unwrap();
    symlink("bin/program", format!("{tree}/init")).unwrap();
    let archive = scratch.path("initrd");

    let ran = run(&["mkinitrd", &tree, "-o", &archive]);

    assert_eq!(ran.status, Some(0), "{}", ran.stderr);
    let input = std::fs::File::open(&archive).unwrap();
    let mut cpio = Command::new("cpio");
    cpio.args(["-idm", "--quiet"]).current_dir(&back).stdin(input);
    assert!(cpio.status().unwrap().success());
    let program = format!("{back}/bin/program");
    assert_eq!(std::fs::read(&program).unwrap(), b"not padded");
    assert_eq!(std::fs::metadata(&program).unwrap().mode() & 0o7777, 0o4755);
    assert_eq!(std::fs::read_link(format!("{back}/init")).unwrap().to_str(), Some("bin/program"));
}

#[test]
fn packing_twice_gives_the_same_bytes_and_never_the_archive_itself() {
    let scratch = Scratch::new("pack-twice");
    let tree = scratch.path("tree");
    std::fs::create_dir(&tree).unwrap();
    std::fs::write(format!("{tree}/init"), b"x").unwrap();
    let (first, second) = (scratch.path("1"), scratch.path("2"));

    run(&["mkinitrd", &tree, "-o", &first]);
    run(&["mkinitrd", &tree, "--output", &second]);

    assert_eq!(std::fs::read(&first).unwrap(), std::fs::read(&second).unwrap());
    let inside = run(&["mkinitrd", &tree, "-o", &format!("{tree}/init")]);
    assert_eq!(inside.status, Some(2), "{}", inside.stderr);
    assert_eq!(std::fs::read(format!("{tree}/init")).unwrap(), b"x");
}

#[test]
fn the_console_goes_where_the_serial_option_says() {
    let scratch = Scratch::new("serial");
    let log = scratch.path("log");

    let to_stdout = run(&[DEMO, "-q", ENOUGH]);
    let to_file = run(&[DEMO, "-q", ENOUGH, "--serial", &format!("file:{log}")]);
    let to_nowhere = run(&[DEMO, "-q", ENOUGH, "-serial", "null"]);

    assert!(to_stdout.stdout.starts_with("bootscope demo guest"));
    assert_eq!(std::fs::read_to_string(&log).unwrap(), to_stdout.stdout);
    assert_eq!((&*to_file.stdout, &*to_nowhere.stdout), ("", ""));
}

#[test]
fn the_debug_console_has_a_place_of_its_own() {
    let scratch = Scratch::new("debugcon");
    let (kernel, log) = (scratch.kernel("pvh_elf64_note8"), scratch.path("log"));
    let device = "isa-debug-exit,iobase=0xf4,iosize=1";

    let ran = run(&[&kernel, "-q", "-debugcon", &format!("file:{log}"), "-device", device]);

    assert_eq!(ran.status, Some(0x21), "{}", ran.stderr);
    assert!(!std::fs::read(&log).unwrap().is_empty());
}

/// A kernel may come through a pipe: the shell's `<(zcat vmlinux.gz)`.
#[test]
fn a_kernel_can_be_read_from_a_pipe() {
    let kernel = std::fs::read(DEMO).unwrap();

    let ran = run_with_input(&["/dev/stdin", "-q", ENOUGH], &kernel);

    assert_eq!(ran.status, Some(0), "{}", ran.stderr);
    assert!(ran.stdout.starts_with("bootscope demo guest"));
}

#[test]
fn explaining_a_boot_names_the_protocol_and_the_placements() {
    let ran = run(&[DEMO, "--explain-boot", "-q", ENOUGH]);

    for word in ["protocol pvh", "also offers multiboot1", "entry 0x"] {
        assert!(ran.stdout.contains(word), "{word}: {}", ran.stdout);
    }
}
