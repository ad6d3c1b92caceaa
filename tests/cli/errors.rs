//! What is refused: three lines, exit status 2, never a panic.

use crate::support::{DEMO, ENOUGH, Scratch, run};
use std::os::unix::net::UnixListener;

#[test]
fn bad_command_lines_are_three_lines_and_status_2() {
    let scratch = Scratch::new("bad-lines");
    let (directory, empty) = (scratch.path(""), scratch.file("empty", b""));
    let rom = scratch.file("rom", &[0; 0x1_0000]);
    let long = format!("--append={}", "x".repeat(100_000));
    let same = format!("--summary={}", scratch.kernel("spin"));
    let image = scratch.file("disk.img", &[0; 512]);
    let snapshot = format!("file={image},snapshot=on");
    let virtio = format!("file={image},if=virtio");
    let qcow2 = format!("file={}", scratch.file("disk.qcow2", b"QFI\xfb\0\0\0\x03"));
    let cases: &[&[&str]] = &[
        &["--no-such-option"],
        &["-boot", "c"],
        &["--kernel"],
        &["vmlinux", "--kernel", "vmlinux"],
        &["/nonexistent/vmlinux"],
        &[""],
        &[&directory],
        &[&empty],
        &["/dev/zero"],
        &[DEMO, "--initrd", "/nonexistent/initrd"],
        &[DEMO, "--initrd", &directory],
        &[DEMO, "--initrd", &empty],
        &[DEMO, "-m", "0"],
        &[DEMO, "-m", "10T"],
        &[DEMO, "-m", "64K"],
        &[DEMO, "-m", "many"],
        &[DEMO, "-m"],
        &[DEMO, "-smp", "2"],
        &[DEMO, "--cpu", "host"],
        &[DEMO, "--cpu", ""],
        &[DEMO, "--cpu", "qemu64,+avx"],
        &[DEMO, "--cpu", "qemu64,nx"],
        &[DEMO, "--timeline=/nonexistent/t.json"],
        &[DEMO, "--acpi", "reduced"],
        &[DEMO, "--reserve", "0x100000"],
        &[DEMO, "--reserve", "0x100000+0"],
        &[DEMO, "--reserve", "0+1M"],
        &[DEMO, "--symbols", "/nonexistent/System.map"],
        &[DEMO, "--serial", "tcp:localhost:1"],
        &[DEMO, "--serial", "file:/nonexistent/log"],
        &[DEMO, "--summary", "/nonexistent/s.json"],
        &[DEMO, "--max-insns", "0"],
        &[DEMO, "--screen", "on"],
        &[DEMO, "--screen", "png="],
        &[DEMO, "--screen", "png=/nonexistent/screen.png"],
        &[DEMO, "--screen", "text", "-vga", "none"],
        &[DEMO, "--until", "screen~x", "-vga", "none"],
        &[DEMO, "--until", "screen~("],
        &[DEMO, "-vga", "cirrus"],
        &[DEMO, "-display", "sdl"],
        &[DEMO, "--until", "pc=no_such_symbol"],
        &[DEMO, "--until", "serial~("],
        &[DEMO, "--until", "pc="],
        &[DEMO, "--until", "pc=0xzz"],
        &[DEMO, "--until", "insn=0"],
        &[DEMO, "--gdb", "1234"],
        &[DEMO, "--gdb", ":70000"],
        &[DEMO, "--gdb", "unix:"],
        &[DEMO, "--gdb", "unix:path=,server=on"],
        &[DEMO, "--gdb", "unix:/nonexistent/s"],
        &[DEMO, "--gdb", ":1234,wait=on"],
        &[DEMO, "-S"],
        &[DEMO, "-s", "--gdb", ":0"],
        &[DEMO, "--expect", "["],
        &[DEMO, "--dump", "everything"],
        &[DEMO, "--engine", "jit"],
        &[DEMO, "--engine", "warp"],
        &[DEMO, "--protocol", "linux16"],
        &[DEMO, "--protocol", "linux64"],
        &[DEMO, "--protocol", "firmware"],
        &[DEMO, "--option-rom", "x"],
        &["--bios", "/nonexistent"],
        &["--bios", &empty],
        &["--bios", DEMO],
        &[DEMO, "--bios", &rom, "--option-rom", DEMO],
        &[DEMO, "--bios", &rom, "--option-rom", &rom],
        &[DEMO, "--bios", &rom, "--option-rom", "rom=,bootindex=1"],
        &[DEMO, "--bios", &rom, "--option-rom", "rom=x,bootindex=first"],
        &[DEMO, "--bios", &rom, "--protocol", "linux64"],
        &[DEMO, "--no-reboot", "--on-reboot", "restart"],
        &[DEMO, "--debug-exit", "ok=1"],
        &[DEMO, "-device", "e1000"],
        &[DEMO, "-D", "/tmp/x"],
        &[DEMO, "-accel", "kvm"],
        &[DEMO, "--rtc-base", "yesterday"],
        &[DEMO, "--append", "a\nb"],
        &[DEMO, &long],
        &[&same[10..], &same],
        &[DEMO, "--drive", "file=/nonexistent.img"],
        &[DEMO, "--drive", &directory],
        &[DEMO, "--drive", "disk.img"],
        &[DEMO, "--drive", &virtio],
        &[DEMO, "--drive", &qcow2],
        &[DEMO, "-hda", &empty],
        &[DEMO, "-hda", &image, "-hdb", &image],
        &[DEMO, "-hdc", &image, "--cdrom", DEMO],
        &[DEMO, "--drive", &snapshot, &["--summary=", &image].concat()],
        &[
            DEMO, "--drive", &snapshot, "--drive", &snapshot, "--drive", &snapshot, "--drive",
            &snapshot, "--cdrom", DEMO,
        ],
        &[DEMO, "--drive", &[&snapshot, ",index=9"].concat()],
        &[DEMO, "--cdrom", "/nonexistent.iso"],
        &[DEMO, "--floppy", &image],
        &["inspect"],
        &["inspect", "/nonexistent"],
        &["inspect", &empty],
        &["extract-vmlinux", DEMO],
        &["extract-vmlinux", DEMO, "-o", "/dev/null"],
        &["mkinitrd", "/nonexistent", "-o", "/dev/null"],
        &["mkinitrd", DEMO, "-o", "/dev/null"],
    ];
    for args in cases {
        let ran = run(args);
        assert_eq!(ran.status, Some(2), "{args:?}: {}", ran.stderr);
        assert!(ran.is_three_line_error(), "{args:?}: {}", ran.stderr);
        assert_eq!(ran.stdout, "", "{args:?}");
    }
}

/// A build with debug assertions has frames in its handlers: full tail would overflow the stack.
#[test]
#[cfg(debug_assertions)]
fn the_full_tail_engine_is_refused_where_it_is_not_sound() {
    let ran = run(&[DEMO, "--engine", "tail"]);

    assert_eq!(ran.status, Some(2), "{}", ran.stderr);
    assert!(ran.is_three_line_error() && ran.stderr.contains("full-tail"), "{}", ran.stderr);
}

#[test]
fn the_hint_about_help_names_the_command_that_was_misused() {
    for command in ["inspect", "extract-vmlinux", "mkinitrd"] {
        let ran = run(&[command]);

        let hint = format!("hint: see `bootscope {command} --help`");
        assert!(ran.stderr.contains(&hint), "{}", ran.stderr);
    }
}

#[test]
fn names_that_are_not_built_say_so() {
    let options = ["--floppy", "--history", "--trace", "--on-fault", "--record", "-fda"];
    let commands = ["replay", "gdb-script", "debug", "report", "explain", "runner"];
    for word in options {
        let ran = run(&[DEMO, word, "x"]);
        assert_eq!(ran.status, Some(2), "{word}");
        assert!(
            ran.is_three_line_error() && ran.stderr.contains("not in this version"),
            "{}",
            ran.stderr
        );
    }
    for word in commands {
        let ran = run(&[word, "x"]);
        assert_eq!(ran.status, Some(2), "{word}");
        assert!(
            ran.is_three_line_error() && ran.stderr.contains("not in this version"),
            "{}",
            ran.stderr
        );
    }
}

#[test]
fn a_boot_refusal_names_its_code_its_file_and_the_byte() {
    let scratch = Scratch::new("refusal");
    let mut kernel = bootscope_guests::kernels::triple_fault();
    kernel[5] = 2; // EI_DATA: big endian
    let path = scratch.file("big-endian", &kernel);

    let ran = run(&[&path]);
    let inspected = run(&["inspect", &path]);

    assert!(ran.stderr.starts_with("error: BOOT-E012: "), "{}", ran.stderr);
    assert!(ran.stderr.contains(&format!("at: {path}, offset 0x5")), "{}", ran.stderr);
    assert_eq!(inspected.stderr, ran.stderr, "the same refusals as `run`");
    assert_eq!(inspected.status, Some(2));
}

#[test]
fn an_output_file_is_not_touched_when_the_command_line_is_refused() {
    let scratch = Scratch::new("untouched");
    let file = scratch.file("kernel", b"precious");
    let [serial, summary, profile] = ["--serial=file:", "--summary=", "--profile="]
        .map(|option| format!("{option}{}", scratch.file(&option[2..6], b"precious")));
    let outputs = [&*serial, &*summary, &*profile];

    for args in [
        &[&*file, "--summary", &*file][..],
        &[&file, "--gdb", &file],
        &[DEMO, "--until", "pc=no_such_symbol"],
        &[DEMO, "--gdb", "unix:/nonexistent/s"],
        &[DEMO, "-d", "nonsense"],
        &[DEMO, "-m", "1M"],
    ] {
        let outputs = if args[0] == DEMO { &outputs[..] } else { &[] };
        let ran = run(&[args, outputs].concat());

        assert_eq!(ran.status, Some(2), "{args:?}: {}", ran.stderr);
        for name in ["kernel", "seri", "summ", "prof"] {
            assert_eq!(std::fs::read(scratch.path(name)).unwrap(), b"precious", "{args:?}: {name}");
        }
    }
}

#[test]
fn a_gdb_socket_takes_the_place_of_a_forgotten_socket_and_of_nothing_else() {
    let scratch = Scratch::new("gdb-socket");
    let (file, link) = (scratch.file("file", b"precious"), scratch.path("link"));
    let (left, busy) = (scratch.path("left"), scratch.path("busy"));
    drop(UnixListener::bind(&left).unwrap());
    std::os::unix::fs::symlink(&left, &link).unwrap();
    let listening = UnixListener::bind(&busy).unwrap();

    for path in [&file, &link, &busy, &scratch.path("")] {
        let ran = run(&[DEMO, ENOUGH, "--gdb", &format!("unix:{path}")]);

        assert_eq!(ran.status, Some(2), "{path}: {}", ran.stderr);
        assert!(ran.is_three_line_error(), "{path}: {}", ran.stderr);
        assert!(std::fs::symlink_metadata(path).is_ok(), "{path}");
    }
    let ran = run(&[DEMO, ENOUGH, "--gdb", &left]);

    assert_eq!(ran.status, Some(0), "{}", ran.stderr);
    assert!(!std::fs::exists(&left).unwrap(), "it is removed with the run");
    assert_eq!(std::fs::read(&file).unwrap(), b"precious");
    drop(listening);
}

#[test]
fn help_and_version_are_no_errors() {
    for args in
        [&["--help"][..], &["--version"], &["-h"], &["run", "--help"], &["inspect", "--help"]]
    {
        let ran = run(args);
        assert_eq!(ran.status, Some(0), "{args:?}");
        assert!(ran.stdout.contains("bootscope"), "{args:?}: {}", ran.stdout);
    }
    assert_eq!(run(&["--cpu", "help"]).status, Some(0));
}
