//! Determinism: the same guest with the same inputs ends in the same state, however the host looks on.
//!
//! Whole boots are compared in `boot_linux.rs`, hosts in `hosts.rs`. Not promised yet: the same state
//! with bytes typed at the console, which arrive when the host has them; there is no record of them.

mod runs;

use bootscope_guests::kernels::ALL;
use runs::{Boot, Scratch, boot, guest};

fn state(boot: &Boot) -> (&str, u64, u64) {
    (boot.text("state_hash"), boot.number("instructions"), boot.number("virtual_ns"))
}

/// Logs, counters, dumps, files and quiet runs are the host's affair.
#[test]
fn looking_on_changes_nothing_in_the_guest() {
    let scratch = Scratch::new("looking-on");
    let (demo, out, log) = (scratch.kernel("demo_pvh"), scratch.path("out"), scratch.path("log"));
    let everything = "int,exc,mode,msr,io,mmio,cpu_reset,fw_cfg,unimp,in_asm,exec";
    let to_file = format!("--serial=file:{out}");
    let ways: [&[&str]; 7] = [
        &["-q"],
        &["--serial=null"],
        &[&to_file, "--stats", "--profile"],
        &["--dump=regs,mem:0x100000+64,walk:0x100000", "--explain-boot"],
        &["-d", everything, "-D", &log],
        &["--profile", "--engine=step"],
        &["--expect=CPU", "--wall-timeout=600", "--engine=interp", "--protocol=pvh"],
    ];
    let plain = boot("looking-on-plain", &[&demo]);
    assert_eq!(plain.status, Some(0), "{}", plain.said);
    for way in ways {
        let other = boot("looking-on-run", &[&[&*demo], way].concat());

        assert_eq!(state(&other), state(&plain), "{way:?}");
    }
    assert_eq!(std::fs::read_to_string(out).unwrap(), plain.console);
}

#[test]
fn every_test_kernel_runs_twice_alike() {
    let scratch = Scratch::new("twice");
    for (name, _) in ALL {
        let kernel = scratch.kernel(name);
        let run = || boot("twice-run", &[&kernel, "--max-insns=300k", "--no-reboot", "-m", "16M"]);

        let (first, second) = (run(), run());

        assert_eq!(state(&first), state(&second), "{name}");
        assert_eq!((first.console, first.status), (second.console, second.status), "{name}");
    }
}

/// What the guest can see is part of the state; what it cannot see is not.
#[test]
fn another_clock_or_another_command_line_is_another_state() {
    let scratch = Scratch::new("inputs");
    let demo = scratch.kernel("demo_pvh");
    let run = |args: &[&str]| boot("inputs-run", &[&[&*demo, "-q"], args].concat());
    let plain = run(&[]);

    for args in [&["--rtc-base=2021-06-01T00:00:00"][..], &["--append=x"], &["-m", "256M"]] {
        assert_ne!(run(args).text("state_hash"), plain.text("state_hash"), "{args:?}");
    }
    let default = run(&["--rtc-base=2020-01-01T00:00:00", "--append=", "-m", "512"]);
    assert_eq!(state(&default), state(&plain));
}

/// A stop in the middle of Linux's decompressor and early boot, where the kernel has just chosen its
/// address at random: by goal, by limit, and under a log.
#[test]
fn linux_stops_at_an_instruction_in_the_same_state_by_limit_goal_and_under_a_log() {
    let Some(kernel) = guest("determinism of linux64", "cloud/vmlinuz") else { return };
    let scratch = Scratch::new("linux-stops");
    let log = scratch.path("log");
    let base = [&*kernel, "--append=console=ttyS0", "-q"];
    let run = |args: &[&str]| boot("linux-stops-run", &[&base[..], args].concat());

    let limit = run(&["--max-insns=250000007"]);
    let goal = run(&["--until=insn=250000007"]);
    let logged = run(&["--until=insn=250000007", "-d", "int,exc,mode,msr", "-D", &log]);

    assert_eq!((limit.status, goal.status), (Some(5), Some(0)), "{}", limit.said);
    assert_eq!(limit.number("instructions"), 250_000_007);
    assert!(limit.console.contains("Linux version 6."), "{}", limit.console);
    assert_eq!(state(&limit), state(&goal));
    assert_eq!(state(&limit), state(&logged));
    assert_eq!(limit.console, logged.console);
}
