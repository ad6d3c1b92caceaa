use super::*;

const COUNTER_2: u8 = 2;
const CONTROL: u8 = 3;

/// The first nanosecond of CLK pulse `clk`.
fn at(clk: u64) -> Instant {
    Instant(CLOCK.ns(clk))
}

/// A PIT with counter 2 gated on.
fn gated() -> Pit {
    let mut pit = Pit::new();
    pit.write_port61(port61::GATE2);
    pit
}

/// Counter 2 programmed with an LSB-only count.
fn programmed(mode: u8, count: u8) -> Pit {
    let mut pit = gated();
    pit.write(CONTROL, 0x90 | mode << 1);
    pit.write(COUNTER_2, count);
    pit
}

/// Count and OUT of counter 2 after each of `clks` pulses, as the datasheet's figures print them.
fn waveform(pit: &mut Pit, clks: u64) -> (Vec<u8>, String) {
    let first = pit.clks + 1;
    (first..first + clks)
        .map(|clk| {
            pit.advance(at(clk));
            (pit.read(COUNTER_2), if pit.out(2) { 'H' } else { '_' })
        })
        .unzip()
}

fn count_of(pit: &mut Pit) -> u16 {
    u16::from_le_bytes([pit.read(COUNTER_2), pit.read(COUNTER_2)])
}

/// 8254 datasheet, Figure 15 "Mode 0": CW=10, LSB=4.
#[test]
fn mode_0_rises_one_clk_after_the_count_and_wraps() {
    let mut pit = programmed(0, 4);

    let (counts, out) = waveform(&mut pit, 7);

    assert_eq!(counts, [4, 3, 2, 1, 0, 0xff, 0xfe]);
    assert_eq!(out, "____HHH");
}

#[test]
fn mode_0_holds_while_gate_is_low() {
    let mut pit = programmed(0, 3);
    waveform(&mut pit, 2);

    pit.write_port61(0);
    assert_eq!(waveform(&mut pit, 3), (vec![2, 2, 2], "___".into()));
    pit.write_port61(1);
    assert_eq!(waveform(&mut pit, 3), (vec![1, 0, 0xff], "_HH".into()));
}

#[test]
fn mode_0_new_count_starts_over_and_its_first_byte_stops_counting() {
    let mut pit = gated();
    pit.write(CONTROL, 0xb0);
    pit.write(COUNTER_2, 2);
    pit.write(COUNTER_2, 0);
    pit.advance(at(5));
    assert!(pit.out(2));

    pit.write(COUNTER_2, 3);
    assert!(!pit.out(2));
    pit.advance(at(9));
    assert_eq!(count_of(&mut pit), 0xfffe, "stopped where it was");
    pit.write(COUNTER_2, 0);
    pit.advance(at(12));
    assert!(!pit.out(2));
    pit.advance(at(13));
    assert!(pit.out(2));
}

/// Figure 16 "Mode 1": CW=12, LSB=3, retriggered.
#[test]
fn mode_1_is_a_retriggerable_one_shot() {
    let mut pit = programmed(1, 3);
    pit.write_port61(0);
    assert_eq!(waveform(&mut pit, 3).1, "HHH");

    pit.write_port61(1);
    assert_eq!(waveform(&mut pit, 5), (vec![3, 2, 1, 0, 0xff], "___HH".into()));
    pit.write_port61(0);
    pit.write_port61(1);
    assert_eq!(waveform(&mut pit, 2), (vec![3, 2], "__".into()));
    pit.write_port61(0);
    pit.write_port61(1);
    assert_eq!(waveform(&mut pit, 4), (vec![3, 2, 1, 0], "___H".into()));
}

/// Figure 17 "Mode 2": CW=14, LSB=3.
#[test]
fn mode_2_is_low_for_the_clk_at_count_one() {
    let mut pit = programmed(2, 3);

    let (counts, out) = waveform(&mut pit, 7);

    assert_eq!(counts, [3, 2, 1, 3, 2, 1, 3]);
    assert_eq!(out, "HH_HH_H");
}

#[test]
fn mode_2_gate_lifts_out_at_once_and_its_return_reloads() {
    let mut pit = programmed(2, 3);
    waveform(&mut pit, 3);
    assert!(!pit.out(2));

    pit.write_port61(0);
    assert!(pit.out(2));
    assert_eq!(waveform(&mut pit, 2), (vec![1, 1], "HH".into()));
    pit.write_port61(1);
    assert_eq!(waveform(&mut pit, 3), (vec![3, 2, 1], "HH_".into()));
}

/// Figure 17: a count written during a period is taken at its end.
#[test]
fn mode_2_finishes_the_period_before_a_new_count() {
    let mut pit = programmed(2, 4);
    waveform(&mut pit, 2);

    pit.write(COUNTER_2, 5);

    assert_eq!(waveform(&mut pit, 5), (vec![2, 1, 5, 4, 3], "H_HHH".into()));
}

/// Figure 18 "Mode 3": CW=16, LSB=4.
#[test]
fn mode_3_even_count_is_a_square_wave() {
    let mut pit = programmed(3, 4);

    let (counts, out) = waveform(&mut pit, 8);

    assert_eq!(counts, [4, 2, 4, 2, 4, 2, 4, 2]);
    assert_eq!(out, "HH__HH__");
}

/// Figure 18, LSB=5: high for (N+1)/2, low for (N-1)/2.
#[test]
fn mode_3_odd_count_is_high_one_clk_longer() {
    let mut pit = programmed(3, 5);

    let (counts, out) = waveform(&mut pit, 10);

    assert_eq!(counts, [4, 2, 0, 4, 2, 4, 2, 0, 4, 2]);
    assert_eq!(out, "HHH__HHH__");
}

/// Figure 19 "Mode 4": CW=18, LSB=3.
#[test]
fn mode_4_strobes_for_one_clk_once() {
    let mut pit = programmed(4, 3);

    let (counts, out) = waveform(&mut pit, 7);

    assert_eq!(counts, [3, 2, 1, 0, 0xff, 0xfe, 0xfd]);
    assert_eq!(out, "HHH_HHH");
}

/// Figure 20 "Mode 5": CW=1A, LSB=3.
#[test]
fn mode_5_strobes_after_a_trigger() {
    let mut pit = programmed(5, 3);
    pit.write_port61(0);
    assert_eq!(waveform(&mut pit, 5).1, "HHHHH");

    pit.write_port61(1);
    assert_eq!(waveform(&mut pit, 6), (vec![3, 2, 1, 0, 0xff, 0xfe], "HHH_HH".into()));
}

#[test]
fn a_count_of_zero_is_the_maximum() {
    let mut pit = gated();
    pit.write(CONTROL, 0xb0);
    pit.write(COUNTER_2, 0);
    pit.write(COUNTER_2, 0);

    pit.advance(at(1));
    assert_eq!(count_of(&mut pit), 0);
    pit.advance(at(2));
    assert_eq!(count_of(&mut pit), 0xffff);
    pit.advance(at(65_536));
    assert!(!pit.out(2));
    pit.advance(at(65_537));
    assert!(pit.out(2));
}

#[test]
fn bcd_counts_in_decimal_digits() {
    let mut pit = gated();
    pit.write(CONTROL, 0xb1);
    pit.write(COUNTER_2, 0x00);
    pit.write(COUNTER_2, 0x10);

    pit.advance(at(2));
    assert_eq!(count_of(&mut pit), 0x0999);
    pit.advance(at(1_001));
    assert!(pit.out(2));
    pit.advance(at(1_002));
    assert_eq!(count_of(&mut pit), 0x9999);
}

#[test]
fn a_latched_count_stands_until_both_bytes_are_read() {
    let mut pit = gated();
    pit.write(CONTROL, 0xb0);
    pit.write(COUNTER_2, 0x34);
    pit.write(COUNTER_2, 0x12);
    pit.advance(at(1));

    pit.write(CONTROL, 0x80);
    pit.advance(at(500));
    pit.write(CONTROL, 0x80); // ignored: latched already

    assert_eq!(count_of(&mut pit), 0x1234);
    assert_eq!(count_of(&mut pit), 0x1234 - 499);
}

/// Regression by design: read-back of two counters must latch both. "Read-Back Command".
#[test]
fn read_back_latches_every_selected_counter() {
    let byte = 0b1101_1010; // SC=11, latch count, not status, counters 2 and 0

    let command = Command::decode(byte);

    assert_eq!(command, Command::ReadBack { counters: 0b101, count: true, status: false });
}

#[test]
fn read_back_returns_status_before_count() {
    let mut pit = gated();
    pit.write(CONTROL, 0xb4);
    pit.write(COUNTER_2, 0x08);
    pit.write(COUNTER_2, 0x00);

    pit.write(CONTROL, 0xe8); // status of counter 2, before the first CLK
    assert_eq!(pit.read(COUNTER_2), 0xf4, "OUT, null count, word, mode 2");
    pit.advance(at(2));
    pit.write(CONTROL, 0xc8); // count and status
    pit.advance(at(4));

    assert_eq!(pit.read(COUNTER_2), 0xb4);
    assert_eq!(count_of(&mut pit), 7);
}

#[test]
fn msb_only_access_moves_the_high_byte() {
    let mut pit = gated();
    pit.write(CONTROL, 0xa0);
    pit.write(COUNTER_2, 0x12);

    pit.advance(at(1));
    assert_eq!(pit.read(COUNTER_2), 0x12);
    pit.advance(at(2));
    assert_eq!(pit.read(COUNTER_2), 0x11);
}

#[test]
fn a_control_word_drops_latches_and_half_written_counts() {
    let mut pit = gated();
    pit.write(CONTROL, 0xb0);
    pit.write(COUNTER_2, 9);
    pit.write(CONTROL, 0x80);

    pit.write(CONTROL, 0xb0);
    pit.write(COUNTER_2, 5);
    pit.write(COUNTER_2, 0);
    pit.advance(at(1));

    assert_eq!(count_of(&mut pit), 5);
}

#[test]
fn the_control_port_reads_as_a_floating_bus() {
    assert_eq!(Pit::new().read(CONTROL), 0xff);
}

#[test]
fn port61_shows_gate_speaker_refresh_and_out2() {
    let mut pit = programmed(0, 2);
    pit.write_port61(0xff);
    assert_eq!(pit.read_port61(), 0x0f);
    assert!(!pit.speaker());

    pit.advance(at(3));
    assert_eq!(pit.read_port61(), 0x2f);
    assert!(pit.speaker());
    pit.advance(at(18));
    assert_eq!(pit.read_port61(), 0x3f);
    pit.advance(at(36));
    pit.write_port61(0);
    assert_eq!(pit.read_port61(), 0x20);
}

/// Linux `pit_calibrate_tsc`: mode 0 on counter 2, then port 0x61 until OUT2; 50 ms in its first try.
#[test]
fn out2_rises_after_the_programmed_time() {
    let mut pit = gated();
    let start = Instant(123_456_789);
    pit.advance(start);
    pit.write(CONTROL, 0xb0);
    let latch = 1_193_182 / 20;
    pit.write(COUNTER_2, latch as u8);
    pit.write(COUNTER_2, (latch >> 8) as u8);

    pit.advance(start + 49_999_000);
    assert_eq!(pit.read_port61() & port61::OUT2, 0);
    pit.advance(start + 50_002_000);
    assert_ne!(pit.read_port61() & port61::OUT2, 0);
}

/// Linux HZ=250 periodic tick: 4772 CLKs; after an hour of edges no nanosecond has been lost.
#[test]
fn mode_2_events_never_drift() {
    let mut pit = Pit::new();
    pit.write(CONTROL, 0x34);
    pit.write(0, 0xa4);
    pit.write(0, 0x12);

    for rise in 1..=100_000 {
        for level in [false, true] {
            // Pulse 1 loads the first count and lifts nothing: mode 2 begins high.
            let event = pit.next_event().unwrap();
            pit.advance(event);
            assert_eq!(pit.out(0), level);
        }
        assert_eq!(pit.clks, 1 + 4772 * rise);
    }
}

/// A small generator: the tests must not depend on the host.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, below: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (self.0 >> 33) % below
    }

    /// One guest access, to counter 0 or 2; small counts, so that all edges come often.
    fn access(&mut self, pit: &mut Pit) {
        let counter = self.roll(2) as u8 * 2;
        match self.roll(8) {
            0 => pit.write(CONTROL, counter << 6 | 0x10 | self.roll(16) as u8),
            1 => pit.write(CONTROL, counter << 6 | 0x30 | self.roll(16) as u8),
            2 => pit.write(CONTROL, 0xc0 | self.roll(64) as u8),
            3..=5 => pit.write(counter, self.roll(12) as u8 * self.roll(2) as u8),
            6 => drop(pit.read(counter)),
            _ => pit.write_port61(self.roll(2) as u8),
        }
    }
}

/// One jump, random steps and every single CLK end in the same state, and `next_event` names exactly
/// the CLK at which OUT0 changes.
#[test]
fn jumping_stepping_and_prediction_agree() {
    let mut dice = Dice(7);
    let (mut jumps, mut strides, mut steps) = (Pit::new(), Pit::new(), Pit::new());
    for _ in 0..4_000 {
        let seed = dice.roll(u64::MAX);
        for pit in [&mut jumps, &mut strides, &mut steps] {
            Dice(seed).access(pit);
        }
        let end = steps.clks + dice.roll(80);
        let mut predicted = steps.next_event();
        while steps.clks < end {
            let before = steps.out(0);
            steps.advance(at(steps.clks + 1));
            let changed = before != steps.out(0);
            assert_eq!(changed, predicted == Some(at(steps.clks)), "{steps:?}");
            predicted = steps.next_event();
        }
        while strides.clks < end {
            let stride = 1 + dice.roll(20);
            strides.advance(at(end.min(strides.clks + stride)));
        }
        jumps.advance(at(end));
        assert_eq!(jumps, steps);
        assert_eq!(strides, steps);
    }
}

/// The single CLK is itself checked: `jumping_...` proves the shortcut equal to it, this proves that a
/// century in one call neither hangs nor overflows.
#[test]
fn a_century_passes_in_one_call() {
    for mode in 0..6 {
        for count in [0, 1, 2, 3, 255] {
            let mut pit = programmed(mode, count);
            pit.advance(Instant(u64::MAX / 6));
            assert!(pit.clks > 3_000_000_000_000_000);
        }
    }
}

#[test]
fn unprogrammed_counters_are_silent() {
    let mut pit = Pit::new();

    pit.advance(at(1_000_000));

    assert_eq!(pit.next_event(), None);
    assert_eq!([0, 1, 2, 3].map(|channel| pit.out(channel)), [false; 4]);
}

#[test]
fn reset_drops_the_gate_but_not_the_counters() {
    let mut pit = programmed(2, 100);
    pit.advance(at(11));

    pit.reset();
    pit.advance(at(20));

    assert_eq!(pit.read_port61() & 0x0f, 0);
    assert_eq!(pit.read(COUNTER_2), 90);
}
