//! One of the three counters of an 8254, clocked by counting CLK pulses.
//!
//! [`Counter::clk`] is one CLK pulse in the words of the datasheet. [`Counter::advance`] and
//! [`Counter::clks_to_out_change`] are derived from it: they skip the pulses that only decrement, so
//! that a billion pulses cost no more than a few steps, and cannot disagree with it.

use super::spec::{Access, Mode, status};
use serde::{Deserialize, Serialize};

/// One counter with its latches.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Counter {
    // Pins
    gate: bool,
    out: bool,

    // Control word
    /// Bits 5-0 as written: the status byte repeats them.
    control: u8,
    access: Access,
    mode: Mode,
    bcd: bool,

    // Count register (CR)
    count_register: u16,
    /// Low byte of a 16-bit count whose high byte is awaited.
    low_byte: Option<u8>,
    /// A whole count was written since the control word.
    has_count: bool,
    /// NULL COUNT: the count register has not been loaded since it was written.
    null_count: bool,

    // Counting element (CE)
    /// 0 to 0x10000 (0 to 10000 in BCD); its maximum reads as 0.
    counting_element: u32,
    /// Mode 3 spends one more CLK in the high half of an odd count.
    odd: bool,
    /// CE was loaded and follows CLK.
    running: bool,
    /// The next CLK loads CE: a count was written or a trigger seen.
    load_due: bool,
    /// OUT will change when CE reaches 0 (modes 0, 1, 4, 5); after that CE wraps unnoticed.
    armed: bool,

    // Read logic
    latched_count: Option<u16>,
    latched_status: Option<u8>,
    /// The next read of a 16-bit count returns the high byte.
    high_byte_next: bool,
}

impl Counter {
    /// Power-on. The datasheet leaves mode, count and OUT undefined; here it is mode 0 before any
    /// count, with OUT low.
    pub(super) const fn new(gate: bool) -> Self {
        Self {
            gate,
            out: false,
            control: 0x30,
            access: Access::Word,
            mode: Mode::InterruptOnTerminalCount,
            bcd: false,
            count_register: 0,
            low_byte: None,
            has_count: false,
            null_count: true,
            counting_element: 0,
            odd: false,
            running: false,
            load_due: false,
            armed: false,
            latched_count: None,
            latched_status: None,
            high_byte_next: false,
        }
    }

    pub(super) const fn out(&self) -> bool {
        self.out
    }

    /// A control word resets the control logic and puts OUT into its initial state at once:
    /// "Operational Description", "Mode Programming".
    pub(super) fn program(&mut self, control: u8, access: Access, mode: Mode, bcd: bool) {
        *self = Self {
            out: mode != Mode::InterruptOnTerminalCount,
            control: control & status::CONTROL,
            access,
            mode,
            bcd,
            counting_element: self.counting_element,
            ..Self::new(self.gate)
        };
    }

    /// A byte written to the counter's port.
    pub(super) fn write(&mut self, value: u8) {
        let high = u16::from(value) << 8;
        match (self.access, self.low_byte) {
            (Access::Lsb, _) => self.write_count(u16::from(value)),
            (Access::Msb, _) => self.write_count(high),
            (Access::Word, Some(low)) => {
                self.low_byte = None;
                self.write_count(high | u16::from(low));
            }
            (Access::Word, None) => {
                self.low_byte = Some(value);
                if self.mode == Mode::InterruptOnTerminalCount {
                    // "Writing the first byte disables counting. OUT is set low immediately."
                    self.running = false;
                    self.load_due = false;
                    self.out = false;
                }
            }
        }
    }

    fn write_count(&mut self, count: u16) {
        self.count_register = count;
        self.has_count = true;
        self.null_count = true;
        match self.mode {
            Mode::InterruptOnTerminalCount => {
                self.out = false;
                self.load_due = true;
            }
            Mode::SoftwareTriggeredStrobe => self.load_due = true,
            // A running period or half period is finished first.
            Mode::RateGenerator | Mode::SquareWave => self.load_due |= !self.running,
            Mode::RetriggerableOneShot | Mode::HardwareTriggeredStrobe => {}
        }
    }

    /// A byte read from the counter's port: latched status, latched count, or the count itself.
    pub(super) fn read(&mut self) -> u8 {
        if let Some(status) = self.latched_status.take() {
            return status;
        }
        let [low, high] = self.latched_count.unwrap_or(self.count()).to_le_bytes();
        let (byte, last) = match self.access {
            Access::Lsb => (low, true),
            Access::Msb => (high, true),
            Access::Word => {
                self.high_byte_next = !self.high_byte_next;
                if self.high_byte_next { (low, false) } else { (high, true) }
            }
        };
        if last {
            self.latched_count = None;
        }
        byte
    }

    /// A count latched before stays until it is read: "Counter Latch Command".
    pub(super) fn latch_count(&mut self) {
        self.latched_count = self.latched_count.or(Some(self.count()));
    }

    /// Likewise for the status: "Read-Back Command".
    pub(super) fn latch_status(&mut self) {
        let out = if self.out { status::OUT } else { 0 };
        let null_count = if self.null_count { status::NULL_COUNT } else { 0 };
        self.latched_status = self.latched_status.or(Some(out | null_count | self.control));
    }

    /// CE as the output latch shows it.
    fn count(&self) -> u16 {
        let value = self.counting_element % self.modulus();
        if !self.bcd {
            return value as u16;
        }
        let digit = |place: u32| (value / 10u32.pow(place) % 10) << (4 * place);
        (0..4).fold(0, |digits, place| digits | digit(place)) as u16
    }

    /// The GATE pin: "Gate Pin Operations Summary".
    pub(super) fn set_gate(&mut self, level: bool) {
        let rising = level && !self.gate;
        self.gate = level;
        if rising
            && self.has_count
            && (self.mode.is_hardware_triggered() || self.mode.is_periodic())
        {
            self.load_due = true;
        }
        if !level && self.mode.is_periodic() {
            self.out = true;
        }
    }

    /// Runs `clks` CLK pulses.
    pub(super) fn advance(&mut self, mut clks: u64) {
        while clks > 0 {
            let Some(quiet) = self.quiet_clks() else { return self.decrement(clks) };
            if self.repeats() {
                clks %= u64::from(self.reload_value());
            }
            let quiet = quiet.min(clks);
            self.decrement(quiet);
            clks -= quiet;
            if clks > 0 {
                self.clk();
                clks -= 1;
            }
        }
    }

    /// CLK pulses until OUT changes by itself; `None` if only a write or GATE can change it.
    pub(super) fn clks_to_out_change(&self) -> Option<u64> {
        /// A load, the odd pulse of mode 3 and a period of a new count: no wait is longer.
        const STEPS_MAX: usize = 8;
        let mut probe = self.clone();
        let mut clks = 0;
        for _ in 0..STEPS_MAX {
            let quiet = probe.quiet_clks()?;
            probe.decrement(quiet);
            probe.clk();
            clks += quiet + 1;
            if probe.out != self.out {
                return Some(clks);
            }
        }
        None
    }

    /// One CLK pulse.
    fn clk(&mut self) {
        if self.mode.is_strobe() {
            self.out = true; // a strobe lasts one CLK, whatever GATE does
        }
        if self.load_due {
            return self.load();
        }
        if !self.counts() {
            return;
        }
        match self.mode {
            Mode::RateGenerator => self.clk_rate_generator(),
            Mode::SquareWave => self.clk_square_wave(),
            _ => {
                self.decrement(1);
                if self.armed && self.counting_element == 0 {
                    self.armed = false;
                    self.out = !self.mode.is_strobe();
                }
            }
        }
    }

    /// "When the initial count has decremented to 1, OUT goes low for one CLK pulse. OUT then goes
    /// high again, the counter reloads the initial count and the process is repeated."
    fn clk_rate_generator(&mut self) {
        if self.counting_element > 1 {
            self.counting_element -= 1;
            self.out = self.counting_element > 1;
        } else {
            self.reload();
            self.out = true;
        }
    }

    /// Decrements by two; the half period of an odd count that begins high has one pulse more.
    fn clk_square_wave(&mut self) {
        let extra_pulse = self.counting_element == 2 && self.odd && self.out;
        if self.counting_element > 2 || extra_pulse {
            self.counting_element -= 2;
        } else {
            self.reload();
            // A count of 1, which the datasheet forbids, has no low half.
            self.out = !self.out || self.counting_element == 0;
        }
    }

    /// CR goes to CE: the first count, a new count or a trigger. This CLK does not decrement.
    fn load(&mut self) {
        self.load_due = false;
        self.running = true;
        self.armed = true;
        self.out =
            !matches!(self.mode, Mode::InterruptOnTerminalCount | Mode::RetriggerableOneShot);
        self.reload();
    }

    fn reload(&mut self) {
        let count = self.reload_value();
        self.odd = count % 2 == 1;
        let is_square = self.mode == Mode::SquareWave;
        self.counting_element = if is_square { count & !1 } else { count };
        self.null_count = false;
    }

    /// The count register as a number of CLKs; 0 stands for the maximum.
    fn reload_value(&self) -> u32 {
        let cr = u32::from(self.count_register);
        let value = if self.bcd {
            (0..4).rev().fold(0, |value, digit| value * 10 + (cr >> (4 * digit) & 0xf))
        } else {
            cr
        };
        if value == 0 { self.modulus() } else { value }
    }

    const fn modulus(&self) -> u32 {
        if self.bcd { 10_000 } else { 0x1_0000 }
    }

    /// Whether CLK decrements CE now: GATE stops all modes but the two it triggers.
    const fn counts(&self) -> bool {
        self.running && (self.gate || self.mode.is_hardware_triggered())
    }

    /// Modes 2 and 3 in a settled state come back to it after one period.
    const fn repeats(&self) -> bool {
        self.mode.is_periodic() && self.counts() && !self.load_due && !self.null_count
    }

    /// How many of the next CLK pulses only decrement CE. `None`: all of them, for ever.
    fn quiet_clks(&self) -> Option<u64> {
        let ce = u64::from(self.counting_element);
        if self.load_due || (self.mode.is_strobe() && !self.out) {
            return Some(0);
        }
        if !self.counts() {
            return None;
        }
        match self.mode {
            Mode::RateGenerator | Mode::SquareWave if self.is_constant() => None,
            Mode::RateGenerator => Some(ce.saturating_sub(2)),
            Mode::SquareWave => Some(ce.saturating_sub(2) / 2),
            _ if self.armed => Some(ce.saturating_sub(1)),
            _ => None,
        }
    }

    /// The count of 1, forbidden in modes 2 and 3: reloaded at every CLK, OUT always high.
    fn is_constant(&self) -> bool {
        self.repeats() && self.reload_value() == 1 && self.out
    }

    /// `clks` pulses that do nothing but count down, within [`Self::quiet_clks`].
    fn decrement(&mut self, clks: u64) {
        if clks == 0 || !self.counts() {
            return; // also keeps the maximum count apart from the 0 it reads as
        }
        match self.mode {
            Mode::RateGenerator | Mode::SquareWave if self.is_constant() => {}
            Mode::RateGenerator => self.counting_element -= clks as u32,
            Mode::SquareWave => self.counting_element -= 2 * clks as u32,
            _ => {
                let modulus = u64::from(self.modulus());
                let ce = u64::from(self.counting_element) + modulus - clks % modulus;
                self.counting_element = (ce % modulus) as u32;
            }
        }
    }
}
