//! An enhanced keyboard: commands and answers, scan code sets 1 to 3, and who types on it.
//!
//! Follows: IBM PS/2 Technical Reference, "Keyboard (101- and 102-Key)". Strokes wait in a queue of their
//! own and become scan codes one after the other as the keyboard's buffer empties, so that a buffer
//! overrun, which a person cannot cause either, does not happen.
//!
//! Not emulated: typematic repetition, key types beyond whether a release is sent (set 3).

use super::keys::{Stroke, strokes_of};
use super::spec::device;
use arch::time::Instant;
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// Strokes that may wait.
pub const STROKES_MAX: usize = 1024;
/// From stroke to stroke.
const STROKE_NS: u64 = 10_000_000;
/// The self-test. IBM's keyboard takes 300 to 500 ms; a faster one spares guests the wait.
const SELF_TEST_NS: u64 = 5_000_000;
/// The last byte that is an argument where one is expected; from the next on it is another command.
const LAST_ARGUMENT: u8 = 0xec;
/// The highest code of set 3.
const SET_3_LAST: u8 = 0x8d;
/// Keys of set 3 that tell their release unless told otherwise: Ctrl, Shift, Caps Lock, Alt, Shift.
const RELEASES: [u8; 5] = [0x11, 0x12, 0x14, 0x19, 0x59];

/// A command whose argument has not come.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
enum Expecting {
    Lights,
    ScanSet,
    Rate,
    /// Codes of keys that from now on do or do not tell their release.
    Keys {
        releases: bool,
    },
}

/// One keyboard.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Keyboard {
    scanning: bool,
    set: u8,
    lights: u8,
    rate: u8,
    /// By codes of set 3, one bit each: the release is told.
    releases: [u8; 32],
    expecting: Option<Expecting>,
    last_sent: u8,
    /// Answers, which go first, and scan codes: the byte, and when it is ready.
    answers: VecDeque<(u8, Instant)>,
    codes: VecDeque<(u8, Instant)>,
    strokes: VecDeque<Stroke>,
    /// When the next stroke may come.
    stroke_at: Instant,
}

impl Keyboard {
    /// Power-on, the self-test passed and told.
    pub(super) fn new() -> Self {
        let mut keyboard = Self {
            scanning: true,
            set: 2,
            lights: 0,
            rate: 0,
            releases: [0; 32],
            expecting: None,
            last_sent: 0,
            answers: VecDeque::new(),
            codes: VecDeque::new(),
            strokes: VecDeque::new(),
            stroke_at: Instant::ZERO,
        };
        keyboard.set_defaults();
        keyboard
    }

    /// Types as many of the strokes as there is room for, and tells how many.
    pub(super) fn press(&mut self, strokes: &[Stroke], now: Instant) -> usize {
        let room = STROKES_MAX.saturating_sub(self.strokes.len());
        let taken = &strokes[..strokes.len().min(room)];
        self.stroke_at = self.stroke_at.max(now);
        self.strokes.extend(taken);
        taken.len()
    }

    /// Lights: Scroll Lock, Num Lock, Caps Lock in bits 0 to 2.
    pub(super) fn lights(&self) -> u8 {
        self.lights
    }

    /// When the next byte is ready to be sent.
    pub(super) fn ready_at(&self) -> Option<Instant> {
        let waiting = self.answers.front().or(self.codes.front()).map(|byte| byte.1);
        waiting.or_else(|| self.types().then_some(self.stroke_at))
    }

    /// Takes the byte that is sent.
    pub(super) fn send(&mut self, now: Instant) -> Option<u8> {
        while self.answers.is_empty() && self.codes.is_empty() && self.types() {
            self.strike(now);
        }
        let (byte, _) = self.answers.pop_front().or_else(|| self.codes.pop_front())?;
        self.last_sent = byte;
        Some(byte)
    }

    /// A byte of the host has arrived.
    pub(super) fn receive(&mut self, byte: u8, now: Instant) {
        self.answers.clear();
        match self.expecting.take() {
            Some(expecting) if byte <= LAST_ARGUMENT => self.argument(expecting, byte, now),
            _ => self.command(byte, now),
        }
    }

    fn types(&self) -> bool {
        self.scanning && !self.strokes.is_empty()
    }

    /// Turns the next stroke into scan codes.
    fn strike(&mut self, now: Instant) {
        let Some(stroke) = self.strokes.pop_front() else { return };
        self.stroke_at = now.after(STROKE_NS);
        let silent = self.set == 3 && !stroke.down && !self.tells_release(stroke.key.set3());
        if !silent {
            self.codes.extend(stroke.codes(self.set).into_iter().map(|code| (code, now)));
        }
    }

    fn answer(&mut self, bytes: &[u8], at: Instant) {
        self.answers.extend(bytes.iter().map(|&byte| (byte, at)));
    }

    fn command(&mut self, byte: u8, now: Instant) {
        let acknowledged = match byte {
            device::ECHO => device::ECHO,
            device::RESEND => self.last_sent,
            0..=LAST_ARGUMENT | 0xef | 0xf1 => device::SEND_AGAIN,
            _ => device::ACKNOWLEDGE,
        };
        self.answer(&[acknowledged], now);
        match byte {
            device::SET_LIGHTS => self.expecting = Some(Expecting::Lights),
            device::SCAN_SET => self.expecting = Some(Expecting::ScanSet),
            device::IDENTIFY => self.answer(&device::KEYBOARD_ID, now),
            device::SET_RATE => self.expecting = Some(Expecting::Rate),
            device::ENABLE => {
                self.codes.clear();
                self.scanning = true;
            }
            device::DISABLE | device::SET_DEFAULTS => {
                self.set_defaults();
                self.scanning = byte == device::SET_DEFAULTS && self.scanning;
            }
            // Typematic; make and break; make; all three.
            0xf7 | 0xf9 => self.releases = [0; 32],
            0xf8 | 0xfa => self.releases = [0xff; 32],
            0xfb | 0xfd => self.expecting = Some(Expecting::Keys { releases: false }),
            0xfc => self.expecting = Some(Expecting::Keys { releases: true }),
            device::RESET => {
                self.set_defaults();
                self.scanning = true;
                self.answer(&[device::TEST_PASSED], now.after(SELF_TEST_NS));
            }
            _ => {}
        }
    }

    fn argument(&mut self, expecting: Expecting, byte: u8, now: Instant) {
        let understood = match expecting {
            Expecting::Lights => byte <= 7,
            Expecting::ScanSet => byte <= 3,
            Expecting::Rate => byte <= 0x7f,
            Expecting::Keys { .. } => byte <= SET_3_LAST,
        };
        if !understood {
            self.expecting = Some(expecting);
            return self.answer(&[device::SEND_AGAIN], now);
        }
        self.answer(&[device::ACKNOWLEDGE], now);
        match expecting {
            Expecting::Lights => self.lights = byte,
            Expecting::ScanSet if byte == 0 => self.answer(&[self.set], now),
            Expecting::ScanSet => {
                self.set = byte;
                self.codes.clear();
            }
            Expecting::Rate => self.rate = byte,
            Expecting::Keys { releases } => {
                let bit = 1 << (byte & 7);
                let place = &mut self.releases[usize::from(byte >> 3)];
                *place = if releases { *place | bit } else { *place & !bit };
                self.expecting = Some(expecting); // more may follow, until a command
            }
        }
    }

    fn set_defaults(&mut self) {
        self.set = 2;
        self.rate = 0x2b; // 10.9 a second after 500 ms
        self.codes.clear();
        self.releases = [0; 32];
        for code in RELEASES {
            self.releases[usize::from(code >> 3)] |= 1 << (code & 7);
        }
    }

    fn tells_release(&self, code: u8) -> bool {
        self.releases[usize::from(code >> 3)] >> (code & 7) & 1 != 0
    }
}

/// The strokes that type a text; `None` at the first character that no key types.
pub fn strokes_of_text(text: &str) -> Option<Vec<Stroke>> {
    let strokes: Option<Vec<_>> = text.chars().map(strokes_of).collect();
    strokes.map(|strokes| strokes.concat())
}
