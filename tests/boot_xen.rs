//! Guests under Xen (`--xen`): Debian's kernels as PVH domains with their console on hvc0, and a guest of our
//! own that calls with arguments which must be refused.
//!
//! Expected answers are those of Xen's public headers (`errno.h`, `event_channel.h`, `hvm/params.h`).

mod runs;

use runs::{Boot, Scratch, boot, guest, run, run_with_input};

/// What the guest prints; negative numbers are errors.
const ANSWERS: &[(&str, i32)] = &[
    ("xen", 0x4000_0005),
    ("version", 4 << 16 | 17),
    ("unknown", -38),
    ("huge", -38),
    ("multicall", -38),
    ("grant_table", -38),
    ("memory_hole", -14),
    ("memory_end", -14),
    ("memory_strange", -3),
    ("event_hole", -14),
    ("event_strange", -22),
    ("event_fifo", -38),
    ("hvm_end", -14),
    ("hvm_strange", -22),
    ("hvm_unknown", -38),
    ("vcpu_up", 1),
    ("vcpu_other", -2),
    ("vcpu_info", -22),
    ("poll", -22),
    ("shutdown_hole", -14),
    ("shutdown_strange", -22),
    ("console_long", -7),
    ("vmcall", 4 << 16 | 17),
    ("by_page", 4 << 16 | 17),
    ("shared_info", 0),
    ("callback", 0),
    ("bind_virq", 0),
    ("port", 2),
    ("timer", 0),
    ("upcalls", 1),
    ("pending", 1 << 2),
    ("console", 0),
];

fn kernel(scratch: &Scratch, name: &str, args: &[&str]) -> Boot {
    boot(name, &[&[&*scratch.kernel("xen"), "--max-insns=10M", "-q"], args].concat())
}

#[test]
fn a_guest_under_xen_is_served_and_refused_as_the_headers_say() {
    let scratch = Scratch::new("xen-answers");
    let log = scratch.path("log");

    let ran = kernel(&scratch, "xen-answers-run", &["--xen", "-d", "unimp", "-D", &log]);

    let lines = |&(name, value): &(&str, i32)| format!("{name}={:08x}\n", value);
    let expected: String = ANSWERS.iter().map(lines).collect();
    let expected = expected.replace("console=", "hello\nconsole=");
    assert_eq!(ran.console.replace('\r', ""), expected);
    assert_eq!((ran.status, ran.text("stop")), (Some(0), "poweroff"), "{}", ran.said);
    assert_eq!(ran.summary["devices"]["xen"].as_u64(), Some(29), "{}", ran.summary["devices"]);
    let log = std::fs::read_to_string(&log).expect("a log");
    for line in
        ["hypercall 60 ?(0x0, 0x0, 0x0) = -38", "hypercall 13 multicall(", "grant_table_op("]
    {
        assert_eq!(log.matches(line).count(), 1, "{line}\n{log}");
    }
    assert!(!log.contains("xen_version"), "what is served is not in this log\n{log}");
}

#[test]
fn the_log_of_xen_tells_of_every_hypercall_where_it_stands() {
    let scratch = Scratch::new("xen-log");
    let log = scratch.path("log");

    let ran = kernel(&scratch, "xen-log-run", &["--xen", "-d", "xen", "-D", &log]);

    let log = std::fs::read_to_string(&log).expect("a log");
    let calls = log.lines().filter(|line| line.contains("hypercall ")).count();
    assert_eq!(ran.summary["devices"]["xen"].as_u64(), Some(calls as u64), "{log}");
    for words in [
        "hypercall 17 xen_version(0x0, 0x0, 0x0) = 262161, at 0x",
        "hypercall 13 multicall(",
        "hypercall 29 sched_op(0x2, ",
    ] {
        assert!(log.contains(words), "{words}\n{log}");
    }
}

#[test]
fn the_same_guest_without_xen_finds_none() {
    let scratch = Scratch::new("xen-none");

    let ran = kernel(&scratch, "xen-none-run", &[]);

    assert_eq!(ran.console, "xen=none\n");
    assert_eq!((ran.status, ran.text("stop")), (Some(0), "poweroff"));
    assert_eq!(ran.summary["devices"]["xen"].as_u64(), Some(0), "{}", ran.summary["devices"]);
}

#[test]
fn a_guest_under_xen_ends_in_the_same_state_in_every_engine_form() {
    let scratch = Scratch::new("xen-forms");
    let forms = ["--engine=auto", "--engine=hybrid", "--engine=step"];
    let [auto, hybrid, step] =
        forms.map(|form| kernel(&scratch, &format!("xen-forms{form}"), &["--xen", form]));
    for other in [hybrid, step] {
        assert_eq!(auto.console, other.console);
        for key in ["state_hash", "instructions", "virtual_ns", "devices"] {
            assert_eq!(auto.summary[key], other.summary[key], "{key}");
        }
    }
}

/// A boot sector: calls `mov al, 'A'; ret` at 0x8000, has Xen write its hypercall page there, and calls it
/// again; AL goes to port 0xe9 each time.
const REWRITTEN: [u8; 54] = [
    0xfa, 0x31, 0xc0, 0x8e, 0xd8, 0x8e, 0xd0, 0xbc, 0x00, 0x7c, 0xc7, 0x06, 0x00, 0x80, 0xb0, 0x41,
    0xc6, 0x06, 0x02, 0x80, 0xc3, 0xe8, 0xe8, 0x03, 0xe6, 0xe9, 0xe8, 0xe3, 0x03, 0xe6, 0xe9, 0x66,
    0xb9, 0x00, 0x00, 0x00, 0x40, 0x66, 0x31, 0xd2, 0x66, 0xb8, 0x00, 0x80, 0x00, 0x00, 0x0f, 0x30,
    0xe8, 0xcd, 0x03, 0xe6, 0xe9, 0xf4,
];

#[test]
fn a_hypercall_page_over_code_that_has_run_is_what_runs_next() {
    let scratch = Scratch::new("xen-rewritten");
    let mut sector = [0; 512];
    sector[..REWRITTEN.len()].copy_from_slice(&REWRITTEN);
    sector[510..].copy_from_slice(&[0x55, 0xaa]);
    let image = scratch.file("sector.img", &sector);
    let forms = ["--engine=auto", "--engine=hybrid", "--engine=step"].map(|form| {
        let name = format!("xen-rewritten{form}");
        boot(&name, &[&image, "--xen", "--debugcon=stdio", "--max-insns=1000", form, "-q"])
    });
    for other in &forms {
        assert_eq!(other.summary["state_hash"], forms[2].summary["state_hash"]);
        assert!(!other.console.contains("AAA"), "{:?}", other.console);
    }
}

/// As a triple fault is: what users of the summary know a crash by.
#[test]
fn a_guest_that_tells_of_its_crash_ends_as_on_crash_says() {
    let scratch = Scratch::new("xen-crash");
    let kernel = scratch.kernel("xen_crash");

    let ended = boot("xen-crash-run", &[&kernel, "--xen", "--max-insns=1M"]);
    let again = ["--xen", "--on-crash=restart", "--max-insns=1k"];
    let again = boot("xen-crash-again", &[&[&*kernel], &again[..]].concat());

    assert_eq!((ended.status, ended.text("stop")), (Some(4), "triple-fault"), "{}", ended.said);
    assert!(ended.said.contains("the guest reports a crash"), "{}", ended.said);
    assert_eq!((again.status, again.text("stop")), (Some(5), "limit"), "{}", again.said);
    assert!(again.said.matches("boots again").count() > 10, "{}", again.said);
}

#[test]
fn xen_is_refused_where_no_guest_could_find_it() {
    let scratch = Scratch::new("xen-refused");
    let kernel = scratch.kernel("xen");
    let ran = run(&[&kernel, "--xen", "--cpu=486"]);
    assert_eq!(ran.status, Some(2));
    assert_eq!(
        ran.stderr,
        "error: CPU model 486 shows no hypervisor, so no guest would find Xen\n\
         at: the machine's configuration\nhint: take --cpu qemu64 or a newer one\n"
    );
    let ran = run(&[&kernel, "--xen", "--bios=bios-256k.bin"]);
    assert_eq!(ran.status, Some(2));
    assert!(ran.stderr.contains("--bios"), "{}", ran.stderr);
}

#[test]
fn the_explanation_says_what_of_xen_there_is() {
    let scratch = Scratch::new("xen-explain");
    let ran = kernel(&scratch, "xen-explain-run", &["--xen", "--explain-boot", "-m", "64M"]);
    for words in [
        "Xen 4.17 in CPUID leaf 0x40000000",
        "Xen: console ring at 0x3fff000, event channel 1",
        "map 0x003fff000-0x003ffffff reserved",
    ] {
        assert!(ran.console.contains(words), "{words}\n{}", ran.console);
    }
}

#[track_caller]
fn assert_boots_as_a_pvh_domain(name: &str, kernel: &str) {
    let (Some(kernel), Some(initrd)) = (guest(name, kernel), guest(name, "initrd-test.cpio"))
    else {
        return;
    };
    let args = ["--xen", "--initrd", &*initrd, "--append=console=hvc0", "-q"];

    let ran = boot(name, &[&[&*kernel], &args[..]].concat());

    for words in [
        "Hypervisor detected: Xen HVM",
        "Booting kernel on Xen PVH",
        "xen:events: Using 2-level ABI",
        "printk: console [hvc0] enabled",
        "clocksource: Switched to clocksource xen",
        "\nUSERSPACE-UP\r\n",
        "reboot: Power down",
    ] {
        assert!(ran.console.contains(words), "{words}\n{}\n{}", ran.console, ran.said);
    }
    assert_eq!((ran.status, ran.text("stop")), (Some(0), "poweroff"), "{}", ran.said);
    assert!(ran.milestones().contains(&"user"), "{:?}", ran.milestones());
}

#[test]
fn the_cloud_kernel_boots_as_a_pvh_domain_to_user_space_on_hvc0() {
    assert_boots_as_a_pvh_domain("xen-cloud", "cloud/vmlinux");
}

#[test]
fn the_generic_kernel_boots_as_a_pvh_domain_to_user_space_on_hvc0() {
    assert_boots_as_a_pvh_domain("xen-generic", "generic/vmlinux");
}

/// Typed before the guest knows of its console.
#[test]
fn a_shell_on_hvc0_takes_what_is_typed() {
    let name = "xen-shell";
    let (Some(kernel), Some(initrd)) =
        (guest(name, "cloud/vmlinux"), guest(name, "initrd-shell.cpio"))
    else {
        return;
    };
    let args = ["--xen", &*kernel, "--initrd", &*initrd, "--append=console=hvc0", "-q"];
    let limits = ["--max-insns=6G", "--wall-timeout=1200"];

    let typed = b"echo $((6 * 7))-typed\npoweroff -f\n";
    let ran = run_with_input(&[&args[..], &limits].concat(), typed);

    assert!(ran.stdout.contains("42-typed"), "{}", ran.stdout);
    assert_eq!(ran.status, Some(0), "{}", ran.stdout);
}
