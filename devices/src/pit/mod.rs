//! 8254 programmable interval timer and the port 0x61 bits that belong to it.
//!
//! Follows: Intel 8254 datasheet (231164); Intel 82371AB (PIIX4) datasheet, "NMI Status and Control
//! Register", for port 0x61. Counter 0 drives IRQ 0, counter 1 once clocked DRAM refresh, counter 2
//! the speaker; GATE0 and GATE1 are tied high, GATE2 is bit 0 of port 0x61.
//!
//! Time: CLK pulse number k falls on the first nanosecond at which k whole periods of 1,193,182 Hz
//! have passed since power-on, so counts are exact for ever. A count written between two pulses is
//! loaded by the next pulse, as on silicon.
//!
//! Listeners: [`Pit::next_event`] names every edge, rising and falling, of OUT0, and nothing else. A
//! board that stops at each of them and copies `out(0)` to its interrupt controllers shows them each
//! edge; the low pulse of mode 2 lasts one CLK (838 ns). OUT1 and OUT2 are computed when looked at.
//!
//! Not modelled: the 8253's missing read-back, the delay between a write and the CLK that takes it,
//! memory refresh itself (bit 4 of port 0x61 toggles as if counter 1 was programmed with 18), IOCHK#
//! and SERR# (bits 7-6 of port 0x61 are 0).

mod counter;
mod spec;
#[cfg(test)]
mod tests;

pub use spec::{Access, Command, Mode, status};

use arch::time::{Instant, Ratio};
use counter::Counter;
use serde::{Deserialize, Serialize};

/// CLK of all three counters: 14.31818 MHz / 12.
pub const CLOCK: Ratio = Ratio::hz(1_193_182);

/// CLK pulses between two refreshes: the IBM AT programs counter 1 for 15.085 us.
const REFRESH_CLKS: u64 = 18;

/// Bits of port 0x61: PIIX4, "NMI Status and Control Register".
pub mod port61 {
    /// GATE of counter 2.
    pub const GATE2: u8 = 1 << 0;
    /// Speaker data enable: the speaker follows OUT2.
    pub const SPEAKER: u8 = 1 << 1;
    /// Bits 3-0 (with the two NMI masks) read back as written.
    pub const WRITABLE: u8 = 0x0f;
    /// Refresh cycle toggle.
    pub const REFRESH: u8 = 1 << 4;
    /// OUT of counter 2.
    pub const OUT2: u8 = 1 << 5;
}

/// One 8254 in its place in a PC.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Pit {
    counters: [Counter; 3],
    /// Bits 3-0 of port 0x61.
    port61: u8,
    /// CLK pulses since power-on, as of the last `advance`.
    clks: u64,
}

impl Default for Pit {
    fn default() -> Self {
        Self::new()
    }
}

impl Pit {
    /// Power-on: no counter is programmed, every OUT is low, GATE2 is low.
    pub const fn new() -> Self {
        Self {
            counters: [Counter::new(true), Counter::new(true), Counter::new(false)],
            port61: 0,
            clks: 0,
        }
    }

    /// Chipset reset clears port 0x61. The 8254 has no reset pin: its counters keep on counting.
    pub fn reset(&mut self) {
        self.write_port61(0);
    }

    /// Brings the device to `now`; earlier instants change nothing.
    pub fn advance(&mut self, now: Instant) {
        let clks = CLOCK.ticks(now.ns());
        let pulses = clks.saturating_sub(self.clks);
        if pulses == 0 {
            return;
        }
        self.clks = clks;
        for counter in &mut self.counters {
            counter.advance(pulses);
        }
    }

    /// When OUT0 changes next, if it will by itself.
    pub fn next_event(&self) -> Option<Instant> {
        let clks = self.clks.saturating_add(self.counters[0].clks_to_out_change()?);
        Some(Instant(CLOCK.ns(clks)))
    }

    /// Level of the OUT pin of `channel` (0-2; a higher one has no pin and is low).
    pub fn out(&self, channel: u8) -> bool {
        self.counters.get(usize::from(channel)).is_some_and(Counter::out)
    }

    /// Level of the speaker: OUT2 behind its enable bit.
    pub fn speaker(&self) -> bool {
        self.port61 & port61::SPEAKER != 0 && self.out(2)
    }

    /// Reads port 0x40 + `offset` (bits 1-0). The control word cannot be read; the bus floats high.
    pub fn read(&mut self, offset: u8) -> u8 {
        self.counters.get_mut(usize::from(offset & 3)).map_or(0xff, Counter::read)
    }

    /// Writes port 0x40 + `offset` (bits 1-0).
    pub fn write(&mut self, offset: u8, value: u8) {
        match self.counters.get_mut(usize::from(offset & 3)) {
            Some(counter) => counter.write(value),
            None => self.command(value),
        }
    }

    /// Reads port 0x61.
    pub fn read_port61(&self) -> u8 {
        let refresh = if self.clks / REFRESH_CLKS % 2 == 1 { port61::REFRESH } else { 0 };
        let out2 = if self.out(2) { port61::OUT2 } else { 0 };
        self.port61 | refresh | out2
    }

    /// Writes port 0x61.
    pub fn write_port61(&mut self, value: u8) {
        self.port61 = value & port61::WRITABLE;
        self.counters[2].set_gate(value & port61::GATE2 != 0);
    }

    fn command(&mut self, byte: u8) {
        match Command::decode(byte) {
            Command::LatchCount { counter } => self.for_each(1 << counter, Counter::latch_count),
            Command::Program { counter, access, mode, bcd } => {
                self.for_each(1 << counter, |it| it.program(byte, access, mode, bcd));
            }
            Command::ReadBack { counters, count, status } => {
                if count {
                    self.for_each(counters, Counter::latch_count);
                }
                if status {
                    self.for_each(counters, Counter::latch_status);
                }
            }
        }
    }

    /// Applies `action` to each counter whose bit is set.
    fn for_each(&mut self, counters: u8, mut action: impl FnMut(&mut Counter)) {
        for (index, counter) in self.counters.iter_mut().enumerate() {
            if counters >> index & 1 != 0 {
                action(counter);
            }
        }
    }
}
