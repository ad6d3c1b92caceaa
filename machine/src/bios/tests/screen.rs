//! INT 10h.

use super::{BUFFER, Bench, ax, config, disk};
use crate::MachineConfig;
use crate::bios::call::reg;

#[test]
fn text_is_written_wrapped_and_scrolled() {
    let mut bench = Bench::new(&config());
    bench.print("one\r\ntwo\x08\x08\x08TW");
    assert_eq!(bench.lines(), ["one", "TWo"]);
    bench.print(&"\r\nx".repeat(25));
    bench.print(&"y".repeat(81));
    let lines = bench.lines();
    assert_eq!((lines.len(), lines[23].as_str()), (25, format!("x{}", "y".repeat(79)).as_str()));
    assert_eq!(lines[24], "yy");
    let answer = bench.call(0x10, &[(reg::RAX, 0x0300)]);
    assert_eq!((answer.gpr[reg::RDX], answer.gpr[reg::RCX]), (0x1802, 0x0607));
    // Scroll the window 1,1 to 3,4 down by one in colour 1eh, then read what came.
    bench.call(
        0x10,
        &[(reg::RAX, 0x0701), (reg::RBX, 0x1e00), (reg::RCX, 0x0101), (reg::RDX, 0x0304)],
    );
    bench.call(0x10, &[(reg::RAX, 0x0200), (reg::RDX, 0x0102)]);
    assert_eq!(ax(&bench.call(0x10, &[(reg::RAX, 0x0800)])), 0x1e20);
    bench.call(0x10, &[(reg::RAX, 0x0941), (reg::RBX, 0x4f), (reg::RCX, 3)]);
    assert_eq!(ax(&bench.call(0x10, &[(reg::RAX, 0x0800)])), 0x4f41);
    assert_eq!(bench.lines()[1], "x AAA");
}

#[test]
fn a_string_is_written_in_parts_and_all_registers_stay() {
    let mut bench = Bench::new(&config());
    let text: String = ('A'..='z').cycle().take(150).collect();
    bench.write(BUFFER, text.as_bytes());
    let place = |mode: u32| {
        let (from, len) = (BUFFER as u32, 150);
        [
            (reg::RAX, 0x1300 | mode),
            (reg::RBX, 0x1f),
            (reg::RCX, len),
            (reg::RDX, 0x0205),
            (reg::RBP, from),
        ]
    };
    for (mode, cursor) in [(0, 0), (1, 0x034b)] {
        let answer = bench.call(0x10, &place(mode));
        for (register, value) in place(mode) {
            assert_eq!(answer.gpr[register], u64::from(value), "{register}");
        }
        assert_eq!(bench.lines()[2..4].concat().trim_start(), &text[..], "{mode}");
        let answer = bench.call(0x10, &[(reg::RAX, 0x0300)]);
        assert_eq!(answer.gpr[reg::RDX], cursor, "{mode}");
    }
    // Each character with its attribute, behind the end of the segment at its beginning again.
    bench.write(0x1_fffe, b"x\x2e");
    bench.write(0x1_0000, b"y\x4e");
    let segment = [(reg::RAX, 0x1303), (reg::RCX, 2), (reg::RDX, 0x0600), (reg::RBP, 0xfffe)];
    bench.call_with_es(0x1000, 0x10, &segment);
    for (column, cell) in [(0, 0x2e78), (1, 0x4e79)] {
        bench.call(0x10, &[(reg::RAX, 0x0200), (reg::RDX, 0x0600 + column)]);
        assert_eq!(ax(&bench.call(0x10, &[(reg::RAX, 0x0800)])), cell);
    }
}

/// The window of the VGA is memory to every service.
#[test]
fn the_screen_is_written_to_disk_and_printed_as_a_string() {
    let drives = [disk(64, false), None, None, None];
    let mut bench = Bench::new(&MachineConfig { drives, ..config() });
    bench.print("AB");
    bench.call_with_es(0xb800, 0x13, &[(reg::RAX, 0x0301), (reg::RCX, 1), (reg::RDX, 0x80)]);
    assert!(!bench.failed());
    assert_eq!(bench.machine.take_drive_writes(0)[0].bytes[..4], *b"A\x07B\x07");
    bench.call_with_es(0xb800, 0x10, &[(reg::RAX, 0x1303), (reg::RCX, 2), (reg::RDX, 0x0100)]);
    assert_eq!(bench.lines(), ["AB", "AB"]);
}

#[test]
fn modes_are_set_told_and_cleared() {
    let mut bench = Bench::new(&config());
    bench.print("gone");
    for mode in [0x00, 0x01, 0x04, 0x05, 0x06, 0x0d, 0x0e, 0x10, 0x12, 0x13, 0x02, 0x03] {
        bench.call(0x10, &[(reg::RAX, mode)]);
        let answer = bench.call(0x10, &[(reg::RAX, 0x0f00)]);
        let columns = if matches!(mode, 0 | 1 | 4 | 5 | 0x0d | 0x13) { 40 } else { 80 };
        assert_eq!(u32::from(ax(&answer)), columns << 8 | mode);
        let is_text = mode < 4;
        assert_eq!(bench.machine.text_page().is_some(), is_text, "{mode:#x}");
        let picture = bench.machine.picture().unwrap();
        assert!(picture.width >= 320 && picture.height >= 350, "{mode:#x}");
    }
    assert_eq!(bench.lines(), [""; 0]);
    bench.call(0x10, &[(reg::RAX, 0x0099)]);
    assert_eq!(ax(&bench.call(0x10, &[(reg::RAX, 0x0f00)])), 0x5003, "an unknown mode");
}

/// Plane 2 holds the characters of text modes, and pixels of others.
#[test]
fn a_text_mode_has_its_font_whether_the_screen_is_cleared_or_not() {
    let picture = |modes: &[u32]| {
        let mut bench = Bench::new(&config());
        for &mode in modes {
            bench.call(0x10, &[(reg::RAX, mode)]);
        }
        bench.call(0x10, &[(reg::RAX, 0x0600), (reg::RBX, 0x0700), (reg::RDX, 0x184f)]);
        bench.print("Text");
        bench.machine.picture().unwrap()
    };
    let expected = picture(&[3]);
    assert_eq!(picture(&[0x12, 3]), expected);
    assert_eq!(picture(&[0x12, 0x83]), expected);
}

#[test]
fn pixels_are_what_was_written_in_planes_and_bytes() {
    let mut bench = Bench::new(&config());
    for (mode, color) in [(0x13, 0xc3), (0x12, 0x0b)] {
        bench.call(0x10, &[(reg::RAX, mode)]);
        let at = [(reg::RCX, 301), (reg::RDX, 150)];
        bench.call(0x10, &[&[(reg::RAX, 0x0c00 | color)], &at[..]].concat());
        let answer = bench.call(0x10, &[&[(reg::RAX, 0x0d00)], &at[..]].concat());
        assert_eq!(ax(&answer) as u8, color as u8);
        let beside = [(reg::RAX, 0x0d00), (reg::RCX, 302), (reg::RDX, 150)];
        assert_eq!(ax(&bench.call(0x10, &beside)) as u8, 0);
    }
}
