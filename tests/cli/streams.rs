//! Standard input and output: what is typed or piped in, what happens when the other side goes.

use crate::support::{ENOUGH, Scratch, bootscope, finished, run, run_with_input};
use std::io::Read;
use std::process::Stdio;
use std::time::{Duration, Instant};

#[test]
fn what_is_piped_in_reaches_the_serial_port() {
    let scratch = Scratch::new("echo");
    let kernel = scratch.kernel("echo");

    let ran = run_with_input(&[&kernel, "-q", "--wall-timeout=60"], b"hello q");

    assert_eq!(ran.status, Some(0), "{}", ran.stderr);
    assert_eq!(ran.stdout, "ready\nhello q");
}

#[test]
fn ctrl_a_x_ends_the_run_and_ctrl_a_h_helps() {
    let scratch = Scratch::new("escape");
    let kernel = scratch.kernel("spin");

    let ran = run_with_input(&[&kernel, "--wall-timeout=60"], b"\x01h\x01x");

    assert_eq!(ran.status, Some(130), "{}", ran.stderr);
    assert!(ran.stderr.contains("Ctrl-A x"), "{}", ran.stderr);
    assert!(ran.last_line().contains("interrupted"), "{}", ran.stderr);
}

/// `bootscope ... | head -1`: the reader goes away, and the run ends instead of panicking.
#[test]
fn a_reader_that_leaves_ends_the_run() {
    let scratch = Scratch::new("broken-pipe");
    let kernel = scratch.kernel("serial_flood");
    let mut command = bootscope(&[&kernel, "--wall-timeout=60"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();

    let mut some = [0; 64];
    child.stdout.take().unwrap().read_exact(&mut some).unwrap();
    let ran = finished(child.wait_with_output().unwrap());

    assert_eq!(ran.status, Some(130), "{}", ran.stderr);
    assert!(!ran.stderr.contains("panicked"), "{}", ran.stderr);
}

#[test]
fn a_full_disk_under_standard_output_is_an_error() {
    let scratch = Scratch::new("full");
    let kernel = scratch.kernel("serial_flood");
    let Ok(full) = std::fs::File::create("/dev/full") else { return };

    let output = bootscope(&[&kernel, ENOUGH]).stdout(full).output().unwrap();

    let ran = finished(output);
    assert_eq!(ran.status, Some(2), "{}", ran.stderr);
    assert!(ran.is_three_line_error(), "{}", ran.stderr);
}

/// A guest that halts for ever with nobody to wake it must not wait, however stdin looks.
#[test]
fn a_halted_guest_with_closed_input_ends_at_once() {
    let scratch = Scratch::new("halted");
    let kernel = scratch.kernel("halt");
    let start = Instant::now();

    let ran = run(&[&kernel]);

    assert_eq!(ran.status, Some(7), "{}", ran.stderr);
    assert!(start.elapsed() < Duration::from_secs(20));
}
