//! A mouse with three buttons that lies still: it answers whatever it is asked.
//!
//! Follows: IBM PS/2 Technical Reference, "Mouse". Not emulated: movement and buttons, so that stream mode
//! never reports anything; the wheel.

use super::spec::device;
use arch::time::Instant;
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// The self-test.
const SELF_TEST_NS: u64 = 5_000_000;
/// A report of no movement: bit 3 is always set.
const AT_REST: [u8; 3] = [0x08, 0, 0];

/// A command whose argument has not come.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
enum Expecting {
    Rate,
    Resolution,
}

/// One mouse.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Mouse {
    remote: bool,
    wrapping: bool,
    enabled: bool,
    scaling_2_1: bool,
    resolution: u8,
    rate: u8,
    expecting: Option<Expecting>,
    last_sent: u8,
    answers: VecDeque<(u8, Instant)>,
}

impl Mouse {
    /// Power-on, the self-test passed and told.
    pub(super) const fn new() -> Self {
        Self {
            remote: false,
            wrapping: false,
            enabled: false,
            scaling_2_1: false,
            resolution: 2,
            rate: 100,
            expecting: None,
            last_sent: 0,
            answers: VecDeque::new(),
        }
    }

    /// When the next byte is ready to be sent.
    pub(super) fn ready_at(&self) -> Option<Instant> {
        self.answers.front().map(|byte| byte.1)
    }

    /// Takes the byte that is sent.
    pub(super) fn send(&mut self) -> Option<u8> {
        let (byte, _) = self.answers.pop_front()?;
        self.last_sent = byte;
        Some(byte)
    }

    /// A byte of the host has arrived.
    pub(super) fn receive(&mut self, byte: u8, now: Instant) {
        self.answers.clear();
        if self.wrapping && byte != device::RESET && byte != device::END_WRAP {
            return self.answer(&[byte], now);
        }
        match self.expecting.take() {
            Some(Expecting::Rate) => {
                self.rate = byte;
                self.answer(&[device::ACKNOWLEDGE], now);
            }
            Some(Expecting::Resolution) => {
                self.resolution = byte & 3;
                self.answer(&[device::ACKNOWLEDGE], now);
            }
            None => self.command(byte, now),
        }
    }

    fn answer(&mut self, bytes: &[u8], at: Instant) {
        self.answers.extend(bytes.iter().map(|&byte| (byte, at)));
    }

    fn command(&mut self, byte: u8, now: Instant) {
        let acknowledged = match byte {
            device::RESEND => self.last_sent,
            device::SCALING_1_1..=device::ECHO | device::SCAN_SET => device::ACKNOWLEDGE,
            device::IDENTIFY..=device::SET_DEFAULTS | device::RESET => device::ACKNOWLEDGE,
            _ => device::SEND_AGAIN,
        };
        self.answer(&[acknowledged], now);
        match byte {
            device::SCALING_1_1 | device::SCALING_2_1 => {
                self.scaling_2_1 = byte == device::SCALING_2_1;
            }
            device::SET_RESOLUTION => self.expecting = Some(Expecting::Resolution),
            device::STATUS => self.answer(&self.status(), now),
            device::STREAM_MODE | device::SCAN_SET => self.remote = byte == device::SCAN_SET,
            device::READ_DATA => self.answer(&AT_REST, now),
            device::END_WRAP | device::ECHO => self.wrapping = byte == device::ECHO,
            device::IDENTIFY => self.answer(&[device::MOUSE_ID], now),
            device::SET_RATE => self.expecting = Some(Expecting::Rate),
            device::ENABLE => self.enabled = true,
            device::DISABLE => self.enabled = false,
            device::SET_DEFAULTS => self.set_defaults(),
            device::RESET => {
                self.set_defaults();
                let done = [device::TEST_PASSED, device::MOUSE_ID];
                self.answer(&done, now.after(SELF_TEST_NS));
            }
            _ => {}
        }
    }

    /// "Status Request": modes, resolution, sample rate.
    fn status(&self) -> [u8; 3] {
        let bit = |set: bool, bit: u8| u8::from(set) << bit;
        let modes = bit(self.remote, 6) | bit(self.enabled, 5) | bit(self.scaling_2_1, 4);
        [modes, self.resolution, self.rate]
    }

    fn set_defaults(&mut self) {
        *self = Self { answers: std::mem::take(&mut self.answers), ..Self::new() };
    }
}
