//! The power management block of ACPI: PM1a event and control, PM timer, GPE0. ACPI 6.4, "ACPI
//! Hardware Specification"; layout of the PIIX4 (Intel 82371AB).
//!
//! Beside it the two small reset registers of the chipset, `reset.rs`.
//!
//! Not modelled: SMM and the legacy mode behind SCI_EN = 0 (SCI_EN reads 1 from power-on and cannot
//! be cleared, so that no ACPI-enable handshake is needed), sleep states other than soft off (the
//! board is told of them), throttling, bus-master arbitration, the global lock's other side.

mod reset;
mod sleep;
pub mod spec;
#[cfg(test)]
mod tests;

pub use reset::{Port92, Reset, ResetControl};
pub use sleep::{SLEEP_BLOCK_LEN, SleepBlock, SleepRequest};

use arch::time::Instant;
use serde::{Deserialize, Serialize};

/// The guest set SLP_EN.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Sleep {
    /// S5, soft off.
    PowerOff,
    /// A sleep type that the ACPI tables do not offer.
    Other(u8),
}

/// The PM block.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Pm {
    now: Instant,
    pm1_sts: u16,
    pm1_en: u16,
    pm1_cnt: u16,
    gpe0_sts: u16,
    gpe0_en: u16,
    /// GPE inputs that are asserted.
    gpe0_lines: u16,
    sleep: Option<Sleep>,
}

impl Default for Pm {
    fn default() -> Self {
        Self::new()
    }
}

impl Pm {
    /// The block at power-on, in ACPI mode.
    pub fn new() -> Self {
        Self {
            now: Instant::ZERO,
            pm1_sts: 0,
            pm1_en: 0,
            pm1_cnt: spec::SCI_EN,
            gpe0_sts: 0,
            gpe0_en: 0,
            gpe0_lines: 0,
            sleep: None,
        }
    }

    /// The reset pin. The timer runs on.
    pub fn reset(&mut self) {
        *self = Self { now: self.now, gpe0_lines: self.gpe0_lines, ..Self::new() };
    }

    /// Lets time pass up to `now`: each change of the timer's highest bit sets TMR_STS.
    pub fn advance(&mut self, now: Instant) {
        let now = self.now.max(now);
        if half_wraps(self.now) != half_wraps(now) {
            self.pm1_sts |= spec::TMR;
        }
        self.now = now;
    }

    /// The next instant at which the timer raises SCI; `None` unless TMR_EN is set and TMR_STS is
    /// clear.
    pub fn next_event(&self) -> Option<Instant> {
        if self.pm1_en & spec::TMR == 0 || self.pm1_sts & spec::TMR != 0 {
            return None;
        }
        let ticks = (half_wraps(self.now) + 1) << (spec::TIMER_BITS - 1);
        let at = spec::TIMER_CLOCK.ns(ticks);
        (at != u64::MAX).then_some(Instant(at))
    }

    /// The PM timer: 24 bits.
    pub fn timer(&self) -> u32 {
        spec::TIMER_CLOCK.ticks(self.now.ns()) as u32 & ((1 << spec::TIMER_BITS) - 1)
    }

    /// Reads `len` (1, 2 or 4) bytes of the PM1/timer block. Bytes of no register read 0.
    pub fn read(&self, offset: u16, len: u8) -> u32 {
        let mut block = [0; spec::BLOCK_LEN as usize];
        block[..2].copy_from_slice(&self.pm1_sts.to_le_bytes());
        block[2..4].copy_from_slice(&self.pm1_en.to_le_bytes());
        block[4..6].copy_from_slice(&self.pm1_cnt.to_le_bytes());
        block[8..].copy_from_slice(&self.timer().to_le_bytes());
        gather(&block, offset, len)
    }

    /// Writes `len` (1, 2 or 4) bytes of the PM1/timer block.
    pub fn write(&mut self, offset: u16, len: u8, value: u32) {
        for (at, byte) in scatter(offset, len, value) {
            let (byte, shift) = (u16::from(byte), 8 * (at & 1));
            match at & !1 {
                spec::PM1_STS => self.pm1_sts &= !(byte << shift),
                spec::PM1_EN => {
                    self.pm1_en = replace_byte(self.pm1_en, shift, byte) & spec::PM1_EN_MASK;
                }
                spec::PM1_CNT => self.write_control(replace_byte(self.pm1_cnt, shift, byte)),
                _ => {} // the timer is read-only
            }
        }
    }

    fn write_control(&mut self, value: u16) {
        self.pm1_cnt = value & (spec::BM_RLD | spec::SLP_TYP) | spec::SCI_EN;
        if value & spec::SLP_EN != 0 {
            let slp_typ = ((value & spec::SLP_TYP) >> spec::SLP_TYP_SHIFT) as u8;
            self.sleep =
                Some(if slp_typ == spec::S5 { Sleep::PowerOff } else { Sleep::Other(slp_typ) });
        }
    }

    /// Reads `len` (1, 2 or 4) bytes of the GPE0 block.
    pub fn read_gpe0(&self, offset: u16, len: u8) -> u32 {
        let mut block = [0; spec::GPE0_LEN as usize];
        block[..2].copy_from_slice(&self.gpe0_sts.to_le_bytes());
        block[2..].copy_from_slice(&self.gpe0_en.to_le_bytes());
        gather(&block, offset, len)
    }

    /// Writes `len` (1, 2 or 4) bytes of the GPE0 block. A status bit whose input is still asserted
    /// cannot be cleared.
    pub fn write_gpe0(&mut self, offset: u16, len: u8, value: u32) {
        for (at, byte) in scatter(offset, len, value) {
            let (byte, shift) = (u16::from(byte), 8 * (at & 1));
            match at & !1 {
                0 => self.gpe0_sts = self.gpe0_sts & !(byte << shift) | self.gpe0_lines,
                2 => self.gpe0_en = replace_byte(self.gpe0_en, shift, byte),
                _ => {}
            }
        }
    }

    /// Sets a general-purpose event input, 0 to 15.
    pub fn set_gpe0(&mut self, gpe: u8, asserted: bool) {
        let Some(bit) = 1u16.checked_shl(u32::from(gpe)) else { return };
        if asserted {
            self.gpe0_lines |= bit;
            self.gpe0_sts |= bit;
        } else {
            self.gpe0_lines &= !bit;
        }
    }

    /// The power button is pressed: PWRBTN_STS.
    pub fn press_power_button(&mut self) {
        self.pm1_sts |= spec::PWRBTN;
    }

    /// The system control interrupt, active while an enabled event stands.
    pub fn sci(&self) -> bool {
        self.pm1_sts & self.pm1_en & spec::PM1_EN_MASK != 0 || self.gpe0_sts & self.gpe0_en != 0
    }

    /// Takes the request to sleep or power off.
    pub fn take_sleep(&mut self) -> Option<Sleep> {
        self.sleep.take()
    }
}

/// How often the highest bit of the timer has changed since power-on.
fn half_wraps(now: Instant) -> u64 {
    spec::TIMER_CLOCK.ticks(now.ns()) >> (spec::TIMER_BITS - 1)
}

fn replace_byte(register: u16, shift: u16, byte: u16) -> u16 {
    register & !(0xff << shift) | byte << shift
}

/// `len` bytes of a register block as a little-endian number; bytes past its end are 0.
fn gather(block: &[u8], offset: u16, len: u8) -> u32 {
    let mut bytes = [0; 4];
    for (at, byte) in bytes.iter_mut().take(usize::from(len)).enumerate() {
        *byte = block.get(usize::from(offset) + at).copied().unwrap_or(0);
    }
    u32::from_le_bytes(bytes)
}

/// The bytes of a little-endian number with the offsets they are written to, lowest first.
fn scatter(offset: u16, len: u8, value: u32) -> impl Iterator<Item = (u16, u8)> {
    value
        .to_le_bytes()
        .into_iter()
        .take(usize::from(len))
        .enumerate()
        .map(move |(at, byte)| (offset.wrapping_add(at as u16), byte))
}
