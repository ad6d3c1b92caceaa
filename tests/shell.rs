//! An interactive shell on the serial console: typed commands are answered, Ctrl-C reaches the guest.
//!
//! Through pipes as a program types, and through a pseudo-terminal (`script` of util-linux) as a person
//! does. Idle time must be paced to the host's clock for a `sleep` to be there when Ctrl-C comes; over
//! pipes, `--realtime` asks for that.

mod runs;

use runs::talk::Talk;
use runs::{Scratch, bootscope, guest, ledger};
use std::process::Command;

#[test]
fn a_shell_answers_ctrl_c_interrupts_and_leaving_it_powers_off() {
    let test = "interactive shell";
    let Some(kernel) = guest(test, "cloud/vmlinux") else { return };
    let Some(initrd) = guest(test, "initrd-shell.cpio") else { return };
    let append = "--append=console=ttyS0 quiet";
    let args = [&*kernel, "--initrd", &*initrd, append, "--realtime", "-m", "256M"];
    let mut shell = Talk::with(bootscope(&args));

    shell.expects("USERSPACE-UP");
    shell.expects("/ # ");
    shell.types("echo $((6 * 7))-answered\n");
    shell.expects("\n42-answered\r\n");
    shell.expects("/ # ");
    // The shell edits lines with the terminal raw; what is typed before it runs a command is not the
    // terminal's business. So each command first says that it runs.
    shell.types("echo go; cat\n");
    shell.expects("\ngo\r\n");
    shell.types("line by line\n");
    shell.expects("line by line\r\nline by line\r\n"); // the terminal's echo, and cat
    shell.types("\x04"); // end of file
    shell.expects("/ # ");
    shell.types("echo go; sleep 100000\n");
    shell.expects("\ngo\r\n");
    shell.types("\x03");
    shell.expects("^C");
    shell.expects("/ # ");
    shell.types("echo status $?\n");
    shell.expects("\nstatus 130\r\n");
    shell.types("exit\n");
    shell.expects("reboot: Power down");

    assert_eq!(shell.ends(), Some(0));
}

/// On a terminal, the keys that would stop a host program go to the guest.
#[test]
fn on_a_terminal_ctrl_c_and_ctrl_backslash_reach_the_guest() {
    let probe = Command::new("script").arg("--version").output();
    if !probe.is_ok_and(|out| String::from_utf8_lossy(&out.stdout).contains("util-linux")) {
        return ledger::skipped(
            "console on a pseudo-terminal",
            "there is no `script` of util-linux",
        );
    }
    let scratch = Scratch::new("shell-terminal");
    let (program, kernel) = (env!("CARGO_BIN_EXE_bootscope"), scratch.kernel("echo"));
    let mut script = Command::new("script");
    script.args(["-qefc", &format!("'{program}' run '{kernel}' -q"), "/dev/null"]);
    let mut terminal = Talk::with(script);

    terminal.expects("ready"); // the terminal is in raw mode from here on
    terminal.types("a\x03b\x1cc\x1ad\x04e\r");
    let before = terminal.expects("a\x03b\x1cc\x1ad\x04e\r");
    terminal.types("q");

    assert_eq!(before.trim(), "", "the guest alone echoes");
    assert_eq!(terminal.ends(), Some(0));
}
