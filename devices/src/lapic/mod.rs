//! The local APIC of one processor: SDM Vol. 3A, "Advanced Programmable Interrupt Controller
//! (APIC)", in the generation that reports version 0x14 (Pentium 4 and later).
//!
//! | modelled | where |
//! |---|---|
//! | xAPIC register page, software and global disable, time | this file |
//! | IRR, ISR, TMR, priorities, INTA, EOI, error status, LINT pins | `interrupts.rs` |
//! | interrupt command register, destinations, received messages | `message.rs` |
//! | IA32_APIC_BASE, x2APIC registers | `x2apic.rs` |
//! | timer: one-shot, periodic, TSC-deadline | `timer.rs` |
//! | register map and bits | `spec.rs` |
//!
//! Not modelled: LINT polarity (a pin is given as asserted or not), the delivery status of LVT
//! entries (nothing is ever under way when a guest looks), arbitration priority and remote read
//! (dropped after the P6 family), suppression of EOI broadcasts, thermal and performance interrupts
//! (nobody raises them), LVT CMCI. Messages sent by the ICR are edge-triggered whatever the guest
//! asked for, and the de-assert of INIT does nothing, as in the generation modelled.

mod interrupts;
mod message;
pub mod spec;
mod timer;
mod vectors;
mod x2apic;

#[cfg(test)]
mod tests;
#[cfg(test)]
mod timer_tests;

pub use interrupts::{Inta, Lint};
pub use message::Request;
pub use spec::{Destination, IcrMessage};
pub use x2apic::GeneralProtection;

use arch::apic::{DEFAULT_BASE, base_msr};
use arch::time::{Instant, Ratio};
use message::{Outgoing, Requests};
use serde::{Deserialize, Serialize};
use spec::{LvtEntry, Register, TimerMode};
use timer::Timer;
use vectors::VectorSet;

/// What a local APIC is built as.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct LapicConfig {
    /// Initial APIC ID; the xAPIC register shows its low eight bits.
    pub id: u32,
    /// This is the bootstrap processor's.
    pub bootstrap: bool,
    /// Input clock of the timer, before its divider.
    pub timer_clock: Ratio,
    /// Clock of the time-stamp counter.
    pub tsc_clock: Ratio,
    /// TSC-deadline mode exists.
    pub tsc_deadline: bool,
    /// x2APIC mode exists.
    pub x2apic: bool,
    /// Width of a physical address, for the reserved bits of IA32_APIC_BASE.
    pub physical_address_bits: u8,
}

/// A local APIC.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Lapic {
    // Static configuration
    config: LapicConfig,
    // Volatile state
    now: Instant,
    base: u64,
    id: u8,
    tpr: u8,
    ldr: u32,
    dfr: u32,
    svr: u32,
    isr: VectorSet,
    tmr: VectorSet,
    irr: VectorSet,
    /// What a read of the error status register shows.
    esr: u32,
    /// Errors since it was last written.
    errors: u32,
    /// In x2APIC mode the upper half is the destination, in xAPIC mode its top byte is.
    icr: u64,
    lvt: [u32; LvtEntry::COUNT],
    timer: Timer,
    // Inputs
    lint: [bool; 2],
    /// An ExtINT message waits for the processor.
    extint: bool,
    // Outputs
    requests: Requests,
    outgoing: Option<Outgoing>,
    eoi_broadcasts: VectorSet,
}

impl Lapic {
    /// A local APIC at power-on: globally enabled at the default address, software-disabled, every
    /// LVT entry masked ("Local APIC State After Power-Up or Reset").
    pub fn new(config: LapicConfig) -> Self {
        let bootstrap = if config.bootstrap { base_msr::BSP } else { 0 };
        Self {
            config,
            now: Instant::ZERO,
            base: DEFAULT_BASE | base_msr::EN | bootstrap,
            id: config.id as u8,
            tpr: 0,
            ldr: 0,
            dfr: u32::MAX,
            svr: spec::SVR_RESET,
            isr: VectorSet::default(),
            tmr: VectorSet::default(),
            irr: VectorSet::default(),
            esr: 0,
            errors: 0,
            icr: 0,
            lvt: [spec::LVT_MASKED; LvtEntry::COUNT],
            timer: Timer::new(config.timer_clock, config.tsc_clock),
            lint: [false; 2],
            extint: false,
            requests: Requests::default(),
            outgoing: None,
            eoi_broadcasts: VectorSet::default(),
        }
    }

    /// The reset pin. Time, the time-stamp counter's offset and the levels of the pins are not ours
    /// to reset.
    pub fn reset(&mut self) {
        let mut timer = self.timer.clone();
        timer.reset();
        *self = Self { now: self.now, lint: self.lint, timer, ..Self::new(self.config) };
    }

    /// INIT: as a reset, but the ID and IA32_APIC_BASE stay ("Local APIC State After an INIT
    /// Reset").
    pub fn init(&mut self) {
        let (base, id) = (self.base, self.id);
        self.reset();
        (self.base, self.id) = (base, id);
    }

    /// Virtual wire mode, as firmware leaves the bootstrap processor: software-enabled, the 8259A's
    /// INTR through LINT0, NMI through LINT1 (MultiProcessor Specification 1.4, "Virtual Wire
    /// Mode"). For a boot without firmware.
    pub fn enter_virtual_wire(&mut self) {
        self.write_svr(spec::SVR_RESET | spec::SVR_ENABLE);
        self.write_lvt(LvtEntry::Lint0, 0x700);
        self.write_lvt(LvtEntry::Lint1, 0x400);
    }

    /// Initial APIC ID.
    pub fn initial_id(&self) -> u32 {
        self.config.id
    }

    /// IA32_APIC_BASE bit 11. A globally disabled local APIC has no register page, takes no
    /// messages and passes LINT0 and LINT1 through as INTR and NMI.
    pub fn enabled(&self) -> bool {
        self.base & base_msr::EN != 0
    }

    /// Bit 8 of the spurious-interrupt vector register: fixed interrupts are accepted.
    pub fn software_enabled(&self) -> bool {
        self.svr & spec::SVR_ENABLE != 0
    }

    /// Reads 32 bits of the xAPIC page; `offset` in bytes from its start. A reserved register reads
    /// 0 and is an error for the error status register.
    pub fn read(&mut self, offset: u16) -> u32 {
        match Self::decode(offset) {
            Some(register) => self.read_register(register),
            None => {
                self.error(spec::ESR_ILLEGAL_REGISTER);
                0
            }
        }
    }

    /// Writes 32 bits of the xAPIC page; `offset` in bytes from its start.
    pub fn write(&mut self, offset: u16, value: u32) {
        match Self::decode(offset) {
            Some(Register::Id) => self.id = (value >> 24) as u8,
            Some(Register::Ldr) => self.ldr = value & 0xff00_0000,
            Some(Register::Dfr) => self.dfr = value | 0x0fff_ffff,
            Some(Register::IcrLow) => {
                self.icr = self.icr & !0xffff_ffff | u64::from(value & spec::ICR_WRITABLE);
                self.send(self.icr as u32, (self.icr >> 56) as u32);
            }
            Some(Register::IcrHigh) => {
                self.icr = self.icr & 0xffff_ffff | u64::from(value & 0xff00_0000) << 32;
            }
            Some(register) => self.write_register(register, value),
            None => self.error(spec::ESR_ILLEGAL_REGISTER),
        }
    }

    fn decode(offset: u16) -> Option<Register> {
        if offset & 0xf != 0 || offset >= 0x400 {
            return None;
        }
        match Register::decode((offset >> 4) as u8) {
            Some(Register::SelfIpi) => None, // x2APIC mode only
            register => register,
        }
    }

    /// What both register files show, in xAPIC form where they differ.
    fn read_register(&self, register: Register) -> u32 {
        match register {
            Register::Id => u32::from(self.id) << 24,
            Register::Version => spec::VERSION,
            Register::Tpr => u32::from(self.tpr),
            Register::Ppr => u32::from(self.ppr()),
            Register::Ldr => self.ldr,
            Register::Dfr => self.dfr,
            Register::Svr => self.svr,
            Register::Isr(index) => self.isr.word(index),
            Register::Tmr(index) => self.tmr.word(index),
            Register::Irr(index) => self.irr.word(index),
            Register::Esr => self.esr,
            Register::IcrLow if self.outgoing.is_some() => self.icr as u32 | spec::ICR_PENDING,
            Register::IcrLow => self.icr as u32,
            Register::IcrHigh => (self.icr >> 32) as u32,
            Register::Lvt(entry) => self.lvt[entry as usize],
            Register::InitialCount => self.timer.initial_count(),
            Register::CurrentCount => self.timer.current_count(self.now),
            Register::DivideConfiguration => self.timer.divide_configuration(),
            Register::Apr | Register::Rrd | Register::Eoi | Register::SelfIpi => 0,
        }
    }

    /// What both register files do alike. Writes to read-only registers are ignored.
    fn write_register(&mut self, register: Register, value: u32) {
        match register {
            Register::Tpr => self.tpr = value as u8,
            Register::Eoi => self.eoi(),
            Register::Svr => self.write_svr(value),
            Register::Esr => self.esr = std::mem::take(&mut self.errors),
            Register::Lvt(entry) => self.write_lvt(entry, value),
            Register::InitialCount => self.timer.set_initial_count(value, self.now),
            Register::DivideConfiguration => {
                self.timer.set_divide_configuration(value, self.now);
            }
            _ => {}
        }
    }

    fn write_svr(&mut self, value: u32) {
        self.svr = value & spec::SVR_WRITABLE;
        if !self.software_enabled() {
            for lvt in &mut self.lvt {
                *lvt |= spec::LVT_MASKED;
            }
        }
    }

    fn write_lvt(&mut self, entry: LvtEntry, value: u32) {
        let mut lvt = value & self.lvt_writable(entry);
        if !self.software_enabled() {
            lvt |= spec::LVT_MASKED;
        }
        if Self::level_sensitive(lvt) {
            lvt |= self.lvt[entry as usize] & spec::LVT_REMOTE_IRR;
        }
        self.lvt[entry as usize] = lvt;
        match entry {
            LvtEntry::Timer => self.timer.set_mode(TimerMode::from_lvt(lvt)),
            LvtEntry::Lint0 => self.sense_level(Lint::Lint0),
            LvtEntry::Lint1 => self.sense_level(Lint::Lint1),
            _ => {}
        }
    }

    fn lvt_writable(&self, entry: LvtEntry) -> u32 {
        match entry {
            LvtEntry::Timer if !self.config.tsc_deadline => entry.writable() & !(1 << 18),
            _ => entry.writable(),
        }
    }

    /// Lets time pass up to `now`.
    pub fn advance(&mut self, now: Instant) {
        self.now = self.now.max(now);
        self.run_timer();
    }

    /// The next instant at which the timer asks for an interrupt; `None` while its entry is masked.
    pub fn next_event(&self) -> Option<Instant> {
        if self.lvt[LvtEntry::Timer as usize] & spec::LVT_MASKED != 0 {
            return None;
        }
        self.timer.next_expiry(self.now)
    }

    /// IA32_TSC_DEADLINE; 0 when disarmed or in another timer mode.
    pub fn tsc_deadline(&self) -> u64 {
        self.timer.tsc_deadline()
    }

    /// Writes IA32_TSC_DEADLINE. A deadline that has passed expires at once.
    pub fn set_tsc_deadline(&mut self, deadline: u64) {
        self.timer.set_tsc_deadline(deadline);
        self.run_timer();
    }

    /// Sets what the time-stamp counter shows beyond the ticks of its clock since power-on, modulo
    /// 2^64: after a write to IA32_TIME_STAMP_COUNTER or IA32_TSC_ADJUST.
    pub fn set_tsc_offset(&mut self, offset: u64) {
        self.timer.set_tsc_offset(offset);
        self.run_timer();
    }

    fn run_timer(&mut self) {
        if self.timer.run(self.now) {
            self.signal(LvtEntry::Timer);
        }
    }
}
