//! Expected values: IBM PS/2 Technical Reference, "Keyboard and Auxiliary Device Controller", "Keyboard
//! (101- and 102-Key)", "Mouse"; the sequences that Linux's i8042 and atkbd drivers and SeaBIOS send.

use super::*;

/// A controller that is polled as a driver does.
struct Bench {
    chip: I8042,
    now: Instant,
}

impl Bench {
    fn new() -> Self {
        Self { chip: I8042::new(), now: Instant::ZERO }
    }

    /// As firmware leaves it.
    fn ready() -> Self {
        let mut bench = Self::new();
        bench.chip.set_up_as_firmware();
        bench
    }

    fn status(&mut self) -> u8 {
        self.chip.advance(self.now);
        self.chip.read(4)
    }

    fn command(&mut self, value: u8) {
        self.chip.advance(self.now);
        self.chip.write(4, value);
    }

    fn data(&mut self, value: u8) {
        self.chip.advance(self.now);
        self.chip.write(0, value);
    }

    fn read(&mut self) -> u8 {
        self.chip.advance(self.now);
        self.chip.read(0)
    }

    fn wait(&mut self, ns: u64) {
        self.now = self.now.after(ns);
        self.chip.advance(self.now);
    }

    /// The next bytes, each waited for by polling the status every 10 us, at most 50 ms.
    fn bytes(&mut self, count: usize) -> Vec<u8> {
        let mut bytes = Vec::new();
        for _ in 0..5000 * count {
            if bytes.len() == count {
                break;
            }
            if self.status() & status::OUTPUT_FULL != 0 {
                bytes.push(self.read());
            }
            self.wait(10_000);
        }
        bytes
    }

    /// Sends a byte to the keyboard and returns so many answers.
    fn keyboard(&mut self, value: u8, answers: usize) -> Vec<u8> {
        self.data(value);
        self.bytes(answers)
    }

    fn mouse(&mut self, value: u8, answers: usize) -> Vec<u8> {
        self.command(0xd4);
        self.data(value);
        self.bytes(answers)
    }

    fn set_command_byte(&mut self, value: u8) {
        self.command(0x60);
        self.data(value);
    }

    fn press(&mut self, text: &str) {
        self.chip.advance(self.now);
        let strokes = strokes_of_text(text).unwrap();
        assert_eq!(self.chip.press(&strokes), strokes.len());
    }
}

// ---- the controller ----

#[test]
fn the_self_test_answers_55_and_sets_the_system_flag() {
    let mut bench = Bench::new();
    assert_eq!(bench.status(), 0x10);
    bench.command(0xaa);
    assert_eq!(bench.status(), 0x1d, "output full, system, command");
    assert_eq!(bench.bytes(1), [0x55]);
    assert_eq!(bench.status(), 0x1c);
    bench.command(0xab);
    bench.command(0xa9);
    assert_eq!(bench.bytes(2), [0, 0], "lines to keyboard and mouse");
}

#[test]
fn the_command_byte_and_the_rest_of_the_ram_read_back() {
    let mut bench = Bench::new();
    bench.set_command_byte(0x65);
    bench.command(0x20);
    assert_eq!(bench.bytes(1), [0x65]);
    bench.command(0x7f);
    bench.data(0x99);
    bench.command(0x3f);
    assert_eq!(bench.bytes(1), [0x99]);
    for (command, expected) in [(0xad, 0x75), (0xa7, 0x75), (0xae, 0x65), (0xa8, 0x45)] {
        bench.command(command);
        bench.command(0x20);
        assert_eq!(bench.bytes(1), [expected], "{command:#x}");
    }
}

/// Linux's probe of the mouse's port (`i8042_check_aux`): a byte looped back comes from the mouse.
#[test]
fn a_byte_put_into_the_mouses_buffer_comes_back_with_its_status_bit_and_irq_12() {
    let mut bench = Bench::new();
    bench.set_command_byte(0x46);
    bench.command(0xd3);
    bench.data(0x5a);
    assert_eq!(bench.status() & 0x21, 0x21);
    assert!(bench.chip.irq_mouse() && !bench.chip.irq_keyboard());
    assert_eq!(bench.read(), 0x5a);
    assert!(!bench.chip.irq_mouse());
    bench.command(0xd2);
    bench.data(0x1c);
    assert_eq!((bench.status() & 0x21, bench.read()), (0x01, 0x1c), "not translated");
}

#[test]
fn the_output_port_holds_a20_and_the_reset_line() {
    let mut bench = Bench::new();
    assert!(bench.chip.a20());
    bench.command(0xd1);
    bench.data(0xdd);
    assert!(!bench.chip.a20() && !bench.chip.take_reset());
    bench.command(0xd0);
    assert_eq!(bench.bytes(1), [0xcd]);
    bench.command(0xdf);
    assert!(bench.chip.a20());
    bench.command(0xd1);
    bench.data(0xfe);
    assert!(bench.chip.take_reset() && !bench.chip.take_reset());
}

#[test]
fn a_pulse_resets_if_its_bit_0_is_clear() {
    for command in 0xf0..=0xff {
        let mut bench = Bench::new();
        bench.command(command);
        assert_eq!(bench.chip.take_reset(), command & 1 == 0, "{command:#x}");
    }
}

#[test]
fn an_answer_waits_for_the_output_buffer() {
    let mut bench = Bench::ready();
    bench.press("a");
    bench.wait(2_000_000);
    bench.command(0xaa);
    assert_eq!(bench.read(), 0x1e);
    assert_eq!(bench.status() & 1, 0, "IRQ 1 falls in between");
    assert_eq!(bench.chip.next_event(), Some(bench.now.after(20_000)));
    assert_eq!(bench.bytes(2), [0x55, 0x9e]);
}

/// The second answer waits, and is still on its way when the third comes, which takes its place.
#[test]
fn an_answer_on_its_way_gives_way_to_the_next_command_s() {
    let mut bench = Bench::ready();
    bench.command(0xaa);
    bench.command(0xa9);
    assert_eq!(bench.read(), 0x55);
    let due = bench.now.after(CONTROLLER_NS);
    assert_eq!((bench.status() & 1, bench.chip.next_event()), (0, Some(due)));

    bench.command(0x20);

    assert_eq!((bench.status() & 1, bench.chip.next_event()), (0, Some(due)), "not at once");
    bench.wait(CONTROLLER_NS - 1);
    assert_eq!(bench.status() & 1, 0);
    bench.wait(1);
    assert_eq!((bench.status() & 1, bench.read()), (1, 0x65), "the command byte");
    bench.wait(1_000_000);
    assert_eq!((bench.status() & 1, bench.chip.next_event()), (0, None), "nothing else");
}

// ---- the keyboard ----

/// SeaBIOS `keyboard_init` and Linux `atkbd_probe`, with the times of the bytes on the line.
#[test]
fn a_command_takes_its_time_to_the_keyboard_and_the_answer_back() {
    let mut bench = Bench::ready();
    bench.data(0xf4);
    assert_eq!(bench.status() & 0x03, 0x02, "input buffer full");
    assert_eq!(bench.chip.next_event(), Some(Instant(880_000)));
    bench.wait(880_000);
    assert_eq!(bench.status() & 0x03, 0x00);
    assert_eq!(bench.chip.next_event(), Some(Instant(1_760_000)));
    bench.wait(879_999);
    assert!(!bench.chip.irq_keyboard());
    bench.wait(1);
    assert!(bench.chip.irq_keyboard());
    assert_eq!(bench.chip.next_event(), None, "waits to be read");
    assert_eq!(bench.read(), 0xfa);
    assert!(!bench.chip.irq_keyboard());
}

#[test]
fn keyboard_commands_are_answered() {
    let mut bench = Bench::ready();
    bench.set_command_byte(0x24);
    assert_eq!(bench.keyboard(0xff, 2), [0xfa, 0xaa]);
    assert_eq!(bench.keyboard(0xf2, 3), [0xfa, 0xab, 0x83]);
    assert_eq!(bench.keyboard(0xee, 1), [0xee]);
    assert_eq!((bench.keyboard(0xed, 1), bench.keyboard(0x05, 1)), (vec![0xfa], vec![0xfa]));
    assert_eq!(bench.chip.lights(), 5);
    assert_eq!((bench.keyboard(0xf3, 1), bench.keyboard(0x00, 1)), (vec![0xfa], vec![0xfa]));
    assert_eq!((bench.keyboard(0xf0, 1), bench.keyboard(0x00, 2)), (vec![0xfa], vec![0xfa, 0x02]));
    assert_eq!(bench.keyboard(0xfe, 1), [0x02], "again");
    assert_eq!(bench.keyboard(0x01, 1), [0xfe], "no command");
    assert_eq!((bench.keyboard(0xed, 1), bench.keyboard(0xf4, 1)), (vec![0xfa], vec![0xfa]));
    assert_eq!(bench.chip.lights(), 5, "a command in place of the argument");
    assert_eq!((bench.keyboard(0xf0, 1), bench.keyboard(0x09, 1)), (vec![0xfa], vec![0xfe]));
    assert_eq!(bench.keyboard(0x03, 1), [0xfa]);
}

#[test]
fn the_translated_identity_of_the_keyboard_is_ab_41() {
    let mut bench = Bench::ready();
    assert_eq!(bench.keyboard(0xf2, 3), [0xfa, 0xab, 0x41]);
}

#[test]
fn a_held_clock_keeps_scan_codes_back_until_it_is_let_go() {
    let mut bench = Bench::ready();
    bench.command(0xad);
    bench.press("a");
    bench.wait(50_000_000);
    assert_eq!((bench.status() & 1, bench.chip.next_event()), (0, None));
    bench.command(0xae);
    assert_eq!(bench.chip.next_event(), Some(bench.now.after(BYTE_NS)));
    assert_eq!(bench.bytes(2), [0x1e, 0x9e]);
}

/// Enter, the right Ctrl key, F7, Pause, Print Screen in the three sets; set 1 natively and by translation.
#[test]
fn keys_send_the_codes_of_each_set() {
    type Codes = &'static [u8];
    let keys: [(&str, Codes, Codes, Codes); 5] = [
        ("ret", &[0x1c, 0x9c], &[0x5a, 0xf0, 0x5a], &[0x5a]),
        ("ctrl_r", &[0xe0, 0x1d, 0xe0, 0x9d], &[0xe0, 0x14, 0xe0, 0xf0, 0x14], &[0x58]),
        ("f7", &[0x41, 0xc1], &[0x83, 0xf0, 0x83], &[0x37]),
        (
            "pause",
            &[0xe1, 0x1d, 0x45, 0xe1, 0x9d, 0xc5],
            &[0xe1, 0x14, 0x77, 0xe1, 0xf0, 0x14, 0xf0, 0x77],
            &[0x62],
        ),
        (
            "print",
            &[0xe0, 0x2a, 0xe0, 0x37, 0xe0, 0xb7, 0xe0, 0xaa],
            &[0xe0, 0x12, 0xe0, 0x7c, 0xe0, 0xf0, 0x7c, 0xe0, 0xf0, 0x12],
            &[0x57],
        ),
    ];
    for (name, set1, set2, set3) in keys {
        let key = Key::named(name).unwrap();
        let strokes = [Stroke { key, down: true }, Stroke { key, down: false }];
        for (command_byte, set, expected) in
            [(0x65, 2, set1), (0x25, 1, set1), (0x25, 2, set2), (0x25, 3, set3)]
        {
            let mut bench = Bench::ready();
            bench.set_command_byte(command_byte);
            assert_eq!(bench.keyboard(0xf0, 1), [0xfa]);
            assert_eq!(bench.keyboard(set, 1), [0xfa]);
            bench.chip.press(&strokes);
            let bytes = bench.bytes(expected.len());
            assert_eq!(bytes, expected, "{name}, set {set}, {command_byte:#x}");
            bench.wait(100_000_000);
            assert_eq!(bench.status() & 1, 0, "{name}, set {set}: no more");
        }
    }
}

#[test]
fn in_set_3_a_key_tells_its_release_when_told_to() {
    let mut bench = Bench::ready();
    bench.set_command_byte(0x25);
    for (byte, answer) in [(0xf0, 0xfa), (0x03, 0xfa), (0xfc, 0xfa), (0x1c, 0xfa), (0xf4, 0xfa)] {
        assert_eq!(bench.keyboard(byte, 1), [answer], "{byte:#x}");
    }
    bench.press("asA");
    let shifted = [0x12, 0x1c, 0xf0, 0x1c, 0xf0, 0x12];
    assert_eq!(bench.bytes(4), [0x1c, 0xf0, 0x1c, 0x1b]);
    assert_eq!(bench.bytes(6), shifted, "Shift tells its release by default");
    assert_eq!(bench.keyboard(0xf7, 1), [0xfa]);
    bench.press("a");
    assert_eq!(bench.bytes(2), [0x1c]);
}

/// Set 1 codes of a US keyboard.
#[test]
fn characters_are_typed_with_shift_and_ctrl_where_they_need_it() {
    let mut bench = Bench::ready();
    bench.press("a\nQ~\x03 ");
    let expected: [&[u8]; 6] = [
        &[0x1e, 0x9e],
        &[0x1c, 0x9c],
        &[0x2a, 0x10, 0x90, 0xaa],
        &[0x2a, 0x29, 0xa9, 0xaa],
        &[0x1d, 0x2e, 0xae, 0x9d],
        &[0x39, 0xb9],
    ];
    for codes in expected {
        assert_eq!(bench.bytes(codes.len()), codes);
    }
    assert_eq!(strokes_of('é'), None);
    assert_eq!(strokes_of_text("ok\u{20ac}"), None);
    assert!((' '..='~').all(|character| strokes_of(character).is_some()));
}

#[test]
fn every_key_has_its_own_codes_in_every_set() {
    for set in 1..=3 {
        let mut seen = std::collections::BTreeSet::new();
        for key in (0..104).map(Key::numbered) {
            let down = Stroke { key, down: true }.codes(set);
            assert!(!down.is_empty() && seen.insert(down.clone()), "set {set}: {down:x?}");
        }
    }
}

#[test]
fn the_queue_of_strokes_is_bounded_and_waits_while_the_keyboard_is_disabled() {
    let mut bench = Bench::ready();
    assert_eq!(bench.keyboard(0xf5, 1), [0xfa]);
    let strokes = strokes_of('x').unwrap().repeat(1000);
    assert_eq!(bench.chip.press(&strokes), STROKES_MAX);
    assert_eq!(bench.chip.press(&strokes), 0);
    assert_eq!(bench.chip.next_event(), None);
    assert_eq!(bench.keyboard(0xf4, 1), [0xfa]);
    let codes = bench.bytes(STROKES_MAX);
    assert_eq!(codes.len(), STROKES_MAX);
    assert!(codes.chunks(2).all(|pair| pair == [0x2d, 0xad]));
}

// ---- the mouse ----

/// What Linux's psmouse driver asks of a mouse that it takes for a plain one.
#[test]
fn the_mouse_answers_as_one_that_lies_still() {
    let mut bench = Bench::ready();
    bench.command(0xa8);
    assert_eq!(bench.mouse(0xff, 3), [0xfa, 0xaa, 0x00]);
    assert_eq!(bench.mouse(0xf2, 2), [0xfa, 0x00]);
    for byte in [0xf3, 200, 0xf3, 100, 0xf3, 80] {
        assert_eq!(bench.mouse(byte, 1), [0xfa]);
    }
    assert_eq!(bench.mouse(0xf2, 2), [0xfa, 0x00], "no wheel");
    for byte in [0xe8, 3, 0xe7, 0xf4] {
        assert_eq!(bench.mouse(byte, 1), [0xfa]);
    }
    assert_eq!(bench.mouse(0xe9, 4), [0xfa, 0x30, 3, 80]);
    assert_eq!(bench.mouse(0xeb, 4), [0xfa, 0x08, 0, 0]);
    assert_eq!(bench.mouse(0xe1, 1), [0xfe], "not a TrackPoint");
    assert_eq!((bench.mouse(0xee, 1), bench.mouse(0x77, 1)), (vec![0xfa], vec![0x77]));
    assert_eq!(bench.mouse(0xec, 1), [0xfa]);
    assert_eq!(bench.mouse(0xf6, 1), [0xfa]);
    assert_eq!(bench.mouse(0xe9, 4), [0xfa, 0x00, 2, 100]);
    assert_eq!(bench.mouse(0xf2, 1), [0xfa]);
    assert_eq!(bench.status() & 0x20, 0);
    bench.wait(1_000_000);
    assert_eq!(bench.status() & 0x21, 0x21);
}

// ---- whatever a guest does ----

/// The invariant behind the lazy clock: looking often or seldom makes no difference.
#[test]
fn a_controller_that_is_looked_at_often_ends_in_the_same_state() {
    let run = |steps: u64| {
        let mut bench = Bench::ready();
        bench.press("hello");
        bench.data(0xff);
        for step in 1..=steps {
            bench.chip.advance(Instant(40_000_000 * step / steps));
        }
        bench.chip
    };
    assert_eq!(run(1), run(3));
    assert_eq!(run(1), run(10_000));
}

#[test]
fn random_accesses_never_panic_and_never_let_a_queue_grow() {
    let mut bench = Bench::ready();
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    for _ in 0..200_000 {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        match state & 7 {
            0 => _ = bench.read(),
            1 => _ = bench.status(),
            2 => bench.command((state >> 8) as u8),
            3 => bench.data((state >> 8) as u8),
            4 => bench.data(0xe8 + (state >> 8) as u8 % 24),
            5 => _ = bench.chip.press(&strokes_of('x').unwrap()),
            _ => bench.wait(state >> 8 & 0xf_ffff),
        }
    }
    bench.chip.advance(Instant(u64::MAX));
}
