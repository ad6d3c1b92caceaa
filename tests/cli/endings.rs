//! How runs end: exit statuses, the last line, the summary.

use crate::support::{DEMO, ENOUGH, Scratch, run};
use serde_json::Value;

/// Every way to end that a test kernel has, with the status and the summary's word for it.
#[test]
fn each_ending_has_its_exit_status_and_its_word_in_the_summary() {
    let scratch = Scratch::new("endings");
    let cases: &[(&str, &[&str], i32, &str)] = &[
        ("pae", &[ENOUGH], 0, "poweroff"),
        ("reset_cf9", &["--no-reboot"], 3, "reset"),
        ("reset_8042", &["-no-reboot"], 3, "reset"),
        ("triple_fault", &[ENOUGH], 4, "triple-fault"),
        ("spin", &["--max-insns=1k"], 5, "limit"),
        ("spin", &["--wall-timeout=0.05"], 5, "limit"),
        ("spin", &["--until=insn=5000"], 0, "until"),
        ("halt", &[ENOUGH], 7, "halted"),
        ("serial_flood", &["--until=serial~ABC", ENOUGH], 0, "until"),
        ("serial_flood", &["--expect=ABC", "--max-insns=2M"], 5, "limit"),
        ("pae", &["--expect=no such text", ENOUGH], 6, "expect-failed"),
        ("pae", &["--until=serial~no such text", ENOUGH], 6, "expect-failed"),
        (
            "pvh_elf32_note4",
            &["-device", "isa-debug-exit,iobase=0xf4,iosize=4"],
            0x21,
            "debug-exit",
        ),
        (
            "pvh_elf32_note4",
            &["--device=isa-debug-exit,iobase=0xf4", "--debug-exit=ok=0x10"],
            0,
            "debug-exit",
        ),
    ];
    for (kernel, args, status, stop) in cases {
        let (kernel, json) = (scratch.kernel(kernel), scratch.path("summary.json"));
        let mut words = vec![&*kernel, "--serial=null", "--summary", &*json];
        words.extend(*args);

        let ran = run(&words);

        let summary: Value = serde_json::from_slice(&std::fs::read(&json).unwrap()).unwrap();
        assert_eq!(ran.status, Some(*status), "{words:?}: {}", ran.stderr);
        assert_eq!(summary["stop"], *stop, "{words:?}");
        assert_eq!(summary["exit_code"], *status, "{words:?}");
    }
}

#[test]
fn a_limit_of_instructions_is_exact() {
    let scratch = Scratch::new("exact-limit");
    let (kernel, json) = (scratch.kernel("spin"), scratch.path("s.json"));

    run(&[&kernel, "--max-insns", "1234567", "--summary", &json, "-q"]);

    let summary: Value = serde_json::from_slice(&std::fs::read(&json).unwrap()).unwrap();
    assert_eq!(summary["instructions"], 1_234_567);
    assert_eq!(summary["virtual_ns"], 1_234_567, "an instruction takes a nanosecond");
}

#[test]
fn the_summary_has_every_stable_key() {
    let scratch = Scratch::new("keys");
    let json = scratch.path("s.json");

    let ran = run(&[DEMO, "--summary", &json, ENOUGH]);

    assert_eq!(ran.status, Some(0), "{}", ran.stderr);
    let summary: Value = serde_json::from_slice(&std::fs::read(&json).unwrap()).unwrap();
    for key in [
        "stop",
        "exit_code",
        "protocol",
        "engine",
        "instructions",
        "virtual_ns",
        "host_ns",
        "startup_ns",
        "mips",
        "state_hash",
        "devices",
        "counters",
        "milestones",
        "version",
    ] {
        assert!(!summary[key].is_null(), "{key}");
    }
    assert_eq!(summary["protocol"], "pvh");
    assert!(summary["devices"]["uart"].as_u64() > Some(100));
    for counter in ["blocks_built", "dispatcher_entries", "page_walks_for_data", "interrupts"] {
        assert!(summary["counters"][counter].as_u64() > Some(0), "{counter}");
    }
    let names: Vec<&str> = summary["milestones"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["entry", "long_mode", "first_console", "power_off"]);
}

/// Instructions and deliveries of a profile are all that retired, to the last one.
#[test]
fn a_profile_accounts_for_every_instruction_and_shows_kinds_code_and_slow_paths() {
    let scratch = Scratch::new("profile");
    let (json, file) = (scratch.path("s.json"), scratch.path("profile"));

    let printed = run(&[DEMO, "-q", "--profile", "--summary", &json, ENOUGH]);
    let written = run(&[DEMO, "-q", &format!("--profile={file}"), ENOUGH]);

    assert_eq!((printed.status, written.status), (Some(0), Some(0)), "{}", printed.stderr);
    let (_, text) = printed.stdout.split_once("Profile: ").expect("a profile");
    let head = text.lines().next().unwrap().replace(',', "");
    let words: Vec<&str> = head.split(' ').collect();
    let ["instructions", "in", _, "straight", "runs", deliveries, "deliveries"] = words[1..] else {
        panic!("{head}");
    };
    let number = |word: &str| word.parse::<u64>().unwrap();
    let summary: Value = serde_json::from_slice(&std::fs::read(&json).unwrap()).unwrap();
    assert_eq!(number(words[0]) + number(deliveries), summary["instructions"]);
    for title in ["instruction kind", "straight run", "complete forms", "dispatcher entered"] {
        assert!(text.contains(title), "{text}");
    }
    assert_eq!(std::fs::read_to_string(file).unwrap(), format!("Profile: {text}"));
    assert!(!written.stdout.contains("Profile: "));
}

#[test]
fn the_last_line_says_how_it_ended_and_q_silences_it() {
    let loud = run(&[DEMO, ENOUGH]);
    let quiet = run(&[DEMO, ENOUGH, "-q"]);

    let last = loud.last_line();
    for word in ["powered off", "instructions", "s virtual", "s host", "MIPS", "state "] {
        assert!(last.contains(word), "{word}: {last}");
    }
    assert_eq!(quiet.stderr, "");
    assert_eq!(quiet.stdout, loud.stdout);
}

#[test]
fn two_runs_end_in_the_same_state() {
    let hash =
        |ran: &crate::support::Ran| ran.last_line().split("state ").nth(1).unwrap().to_owned();

    let (first, second) = (run(&[DEMO, ENOUGH]), run(&[DEMO, ENOUGH, "--stats", "--dump=regs"]));

    assert_eq!(hash(&first).len(), 32);
    assert_eq!(hash(&first), hash(&second));
}

#[test]
fn no_arguments_boot_the_demo_guest_and_end_with_the_boot_report() {
    let ran = run(&[]);

    assert_eq!(ran.status, Some(0), "{}", ran.stderr);
    assert!(ran.stdout.starts_with("bootscope demo guest"));
    let (_, report) = ran.stdout.split_once("Boot report").expect("a report");
    for word in ["pvh", "long mode", "interrupts", "#PF", "instructions", "virtual time", "MIPS"] {
        assert!(report.contains(word), "{word}: {report}");
    }
    assert!(ran.last_line().contains("powered off"));
}

/// What is only read may be named twice.
#[test]
fn one_file_can_be_kernel_and_ramdisk() {
    let ran = run(&[DEMO, "--initrd", DEMO, "-q", ENOUGH]);

    assert_eq!(ran.status, Some(0), "{}", ran.stderr);
}

#[test]
fn a_guest_that_resets_boots_again_unless_told_otherwise() {
    let scratch = Scratch::new("restart");
    let kernel = scratch.kernel("reset_cf9");

    let ran = run(&[&kernel, "--max-insns=1k"]);

    assert_eq!(ran.status, Some(5), "{}", ran.stderr);
    assert!(ran.stderr.lines().filter(|line| line.contains("boots again")).count() > 10);
}

#[test]
fn a_crash_can_restart_the_machine_too() {
    let scratch = Scratch::new("crash-restart");
    let kernel = scratch.kernel("triple_fault");

    let ran = run(&[&kernel, "--on-crash=restart", "--max-insns=100", "-q"]);

    assert_eq!(ran.status, Some(5), "{}", ran.stderr);
}

#[test]
fn a_triple_fault_is_told_with_its_chain() {
    let scratch = Scratch::new("triple-fault");
    let kernel = scratch.kernel("triple_fault");

    let ran = run(&[&kernel]);

    for word in ["triple fault", "#UD", "#GP", "#DF"] {
        assert!(ran.stderr.contains(word), "{word}: {}", ran.stderr);
    }
}

#[test]
fn dumps_show_registers_memory_and_walks() {
    let args = ["--dump=regs,mem:0x100000+16,walk:0x100000,mem:0xfffff000+64", "-q", ENOUGH];

    let ran = run(&[&[DEMO][..], &args].concat());

    for word in ["rax=", "cr3=", "0000000000100000  7f 45 4c 46", "PML4E[0]", "-- --"] {
        assert!(ran.stdout.contains(word), "{word}: {}", ran.stdout);
    }
}
