//! Where the beam is. IBM VGA/XGA Technical Reference, "CRT Controller Registers", "Input Status
//! Register 1".
//!
//! A line is horizontal total + 5 characters long, a frame vertical total + 2 lines. Whatever a guest
//! programs, both are more than 0. Retrace lasts from the line of its start register to the next line
//! whose low four bits equal the end register.

use super::Vga;
use super::spec::{crtc, miscellaneous, sequencer, status1};
use arch::time::{Instant, Ratio};

/// The two crystals of the VGA.
const CLOCK_25_MHZ: Ratio = Ratio::hz(25_175_000);
const CLOCK_28_MHZ: Ratio = Ratio::hz(28_322_000);

impl Vga {
    /// Input status 1 at an instant.
    pub(super) fn status1(&self, now: Instant) -> u8 {
        let (line, character) = self.beam(now);
        let displayed = line <= self.vertical(crtc::VERTICAL_END)
            && character <= u64::from(self.crtc[crtc::HORIZONTAL_END]);
        let blank = if displayed { 0 } else { status1::DISPLAY_DISABLED };
        let start = self.vertical(crtc::RETRACE_START);
        // Lines from start to end, of which four bits are compared: 1 to 16.
        let end = u64::from(self.crtc[crtc::RETRACE_END] & 0xf);
        let lines = end.wrapping_sub(start).wrapping_sub(1) % 16 + 1;
        let retrace = (start..start + lines).contains(&line);
        blank | if retrace { status1::VERTICAL_RETRACE } else { 0 }
    }

    /// Line and character column of the beam.
    fn beam(&self, now: Instant) -> (u64, u64) {
        let clock = match self.misc & miscellaneous::CLOCK {
            miscellaneous::CLOCK_28_MHZ => CLOCK_28_MHZ,
            _ => CLOCK_25_MHZ,
        };
        let clocking = self.sequencer[sequencer::CLOCKING];
        let dots = if clocking & sequencer::DOTS_8 != 0 { 8 } else { 9 };
        let dots = if clocking & sequencer::HALF_CLOCK != 0 { 2 * dots } else { dots };
        let characters = clock.ticks(now.ns()) / dots;
        let line_characters = u64::from(self.crtc[crtc::HORIZONTAL_TOTAL]) + 5;
        let lines = self.vertical(crtc::VERTICAL_TOTAL) + 2;
        (characters / line_characters % lines, characters % line_characters)
    }

    /// A vertical register of ten bits: bits 8 and 9 are in the overflow register.
    pub(super) fn vertical(&self, register: usize) -> u64 {
        let overflow = u64::from(self.crtc[crtc::OVERFLOW]);
        let (bit8, bit9) = match register {
            crtc::VERTICAL_TOTAL => (overflow, overflow >> 5),
            crtc::VERTICAL_END => (overflow >> 1, overflow >> 6),
            crtc::RETRACE_START => (overflow >> 2, overflow >> 7),
            crtc::LINE_COMPARE => {
                (overflow >> 4, u64::from(self.crtc[crtc::MAXIMUM_SCAN_LINE]) >> 6)
            }
            _ => (0, 0),
        };
        u64::from(self.crtc[register]) | (bit8 & 1) << 8 | (bit9 & 1) << 9
    }
}
