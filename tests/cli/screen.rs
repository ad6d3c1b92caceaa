//! `--screen` and `--until screen~`: what a guest writes to its VGA is read back.

use crate::support::{DEMO, ENOUGH, Ran, Scratch, run};

/// What the kernel `screen` shows: its page without the row above it, and the answers of keyboard
/// controller (self-test passed) and keyboard (acknowledged, its identity translated).
const PAGE: &str = "bootscope screen test\nSELF_TEST=00000055\nKEYBOARD=00faab41\n";

fn screen(test: &str, args: &[&str]) -> Ran {
    let scratch = Scratch::new(test);
    let kernel = scratch.kernel("screen");
    let limit: &[&str] =
        if args.iter().any(|arg| arg.starts_with("--max-insns")) { &[] } else { &[ENOUGH] };
    run(&[&[&*kernel, "-q"], limit, args].concat())
}

#[test]
fn the_text_page_is_printed_when_the_run_ends() {
    let ran = screen("screen-text", &["--screen", "text"]);

    assert_eq!((ran.status, &*ran.stdout), (Some(0), PAGE), "{}", ran.stderr);
}

#[test]
fn a_run_ends_when_the_screen_matches() {
    let met = screen("screen-until", &["--screen", "text", "--until", "screen~^KEYBOARD=0+fa"]);
    let unmet = screen("screen-unmet", &["--until", "screen~above the page"]);

    assert_eq!((met.status, &*met.stdout), (Some(0), PAGE), "{}", met.stderr);
    assert_eq!(unmet.status, Some(6), "scrolled away: {}", unmet.stderr);
}

/// The picture of a text screen of 80 x 25 characters of 9 x 16 dots: PNG, IHDR first.
#[test]
fn the_picture_is_a_png_of_the_monitors_size() {
    let scratch = Scratch::new("screen-png");
    let (kernel, file) = (scratch.kernel("screen"), scratch.path("screen.png"));

    let ran = run(&[&kernel, "-q", ENOUGH, "--screen", &format!("png={file}")]);

    assert_eq!((ran.status, &*ran.stdout), (Some(0), ""), "{}", ran.stderr);
    let bytes = std::fs::read(&file).unwrap();
    assert_eq!(&bytes[..8], b"\x89PNG\r\n\x1a\n");
    assert_eq!(&bytes[12..24], b"IHDR\0\0\x02\xd0\0\0\x01\x90", "720 x 400");
}

/// A machine without a VGA: the guest waits for its keyboard for ever.
#[test]
fn without_an_option_there_is_neither_screen_nor_keyboard() {
    let absent = screen("screen-absent", &["--max-insns=1M"]);
    let present = screen("screen-present", &["-vga", "std", "-display", "none"]);

    assert_eq!(absent.status, Some(5), "{}", absent.stderr);
    assert_eq!((present.status, &*present.stdout), (Some(0), ""), "{}", present.stderr);
}

#[test]
fn the_screen_is_printed_on_a_line_of_its_own() {
    let scratch = Scratch::new("screen-line");
    let kernel = scratch.kernel("serial_flood");

    let ran = run(&[&kernel, "-q", "--screen=text", "--max-insns=1000"]);
    let demo = run(&[DEMO, "-q", "--screen=text", ENOUGH]);

    assert_eq!(ran.status, Some(5), "{}", ran.stderr);
    assert_eq!(demo.status, Some(0), "{}", demo.stderr);
    assert!(demo.stdout.starts_with("bootscope demo guest"), "{}", demo.stdout);
}
