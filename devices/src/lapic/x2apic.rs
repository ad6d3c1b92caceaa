//! The local APIC through MSRs: IA32_APIC_BASE and the x2APIC registers. SDM Vol. 3A, "Local APIC
//! Status and Location" and "Extended XAPIC (x2APIC)".

use super::Lapic;
use super::spec::{self, Register};
use arch::apic::base_msr;
use arch::msr::{X2APIC_FIRST, X2APIC_LAST};

/// The RDMSR or WRMSR raises #GP(0).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct GeneralProtection;

/// The two mode bits of IA32_APIC_BASE.
const MODE: u64 = base_msr::EN | base_msr::EXTD;

impl Lapic {
    /// IA32_APIC_BASE.
    pub fn base_msr(&self) -> u64 {
        self.base
    }

    /// Physical address of the xAPIC register page.
    pub fn page(&self) -> u64 {
        self.base & !0xfff
    }

    /// True in x2APIC mode: the registers are MSRs and the page is gone.
    pub fn x2apic_mode(&self) -> bool {
        self.base & MODE == MODE
    }

    /// True if the register page answers: [`Lapic::enabled`] and not in x2APIC mode.
    pub fn has_page(&self) -> bool {
        self.base & MODE == base_msr::EN
    }

    /// Writes IA32_APIC_BASE. Disabling forgets the state; a mode change that "x2APIC State
    /// Transitions" does not draw, and reserved bits, are #GP.
    pub fn set_base_msr(&mut self, value: u64) -> Result<(), GeneralProtection> {
        let address =
            u64::MAX >> 64u32.saturating_sub(u32::from(self.config.physical_address_bits).max(1));
        let mode_bits = if self.config.x2apic { MODE } else { base_msr::EN };
        if value & !(address & !0xfff | base_msr::BSP | mode_bits) != 0 {
            return Err(GeneralProtection);
        }
        let (from, to) = (self.base & MODE, value & MODE);
        let drawn = match to {
            base_msr::EXTD => false,      // enabled as x2APIC only
            MODE => from != 0,            // not straight from disabled
            base_msr::EN => from != MODE, // not straight back to xAPIC
            _ => true,
        };
        if !drawn {
            return Err(GeneralProtection);
        }
        if to == 0 && from != 0 {
            self.reset();
        }
        self.base = value;
        Ok(())
    }

    /// Reads an x2APIC register, `msr` from 0x800 to 0x8ff.
    pub fn read_msr(&self, msr: u32) -> Result<u64, GeneralProtection> {
        match self.decode_msr(msr)? {
            Register::Id => Ok(u64::from(self.config.id)),
            Register::Ldr => Ok(u64::from(self.x2apic_ldr())),
            Register::IcrLow => Ok(self.icr),
            Register::Eoi | Register::SelfIpi => Err(GeneralProtection), // write-only
            register => Ok(u64::from(self.read_register(register))),
        }
    }

    /// Writes an x2APIC register, `msr` from 0x800 to 0x8ff.
    pub fn write_msr(&mut self, msr: u32, value: u64) -> Result<(), GeneralProtection> {
        let register = self.decode_msr(msr)?;
        let Some(writable) = self.x2apic_writable(register) else {
            return Err(GeneralProtection);
        };
        if value & !writable != 0 {
            return Err(GeneralProtection);
        }
        match register {
            Register::IcrLow => {
                self.icr = value & !u64::from(spec::ICR_PENDING);
                self.send(value as u32, (value >> 32) as u32);
            }
            // The same message as an ICR write with the self shorthand.
            Register::SelfIpi => self.send(value as u32 | 1 << 18, 0),
            register => self.write_register(register, value as u32),
        }
        Ok(())
    }

    /// Logical x2APIC ID: a cluster of sixteen processors and a bit in it.
    pub(super) fn x2apic_ldr(&self) -> u32 {
        self.config.id >> 4 << 16 | 1 << (self.config.id & 0xf)
    }

    fn decode_msr(&self, msr: u32) -> Result<Register, GeneralProtection> {
        if !self.x2apic_mode() || !(X2APIC_FIRST..=X2APIC_LAST).contains(&msr) {
            return Err(GeneralProtection);
        }
        match Register::decode((msr - X2APIC_FIRST) as u8) {
            None | Some(Register::Apr | Register::Rrd | Register::Dfr | Register::IcrHigh) => {
                Err(GeneralProtection)
            }
            Some(register) => Ok(register),
        }
    }

    /// The bits of a register that may be written as 1, `None` for a read-only register.
    fn x2apic_writable(&self, register: Register) -> Option<u64> {
        Some(match register {
            Register::Tpr | Register::SelfIpi => 0xff,
            Register::Eoi | Register::Esr => 0,
            Register::Svr => u64::from(spec::SVR_WRITABLE),
            Register::IcrLow => {
                u64::from(spec::ICR_WRITABLE | spec::ICR_PENDING) | 0xffff_ffff << 32
            }
            // Delivery status and remote IRR are read-only, not reserved: guests write them back.
            Register::Lvt(entry) => {
                u64::from(self.lvt_writable(entry) | spec::ICR_PENDING | spec::LVT_REMOTE_IRR)
            }
            Register::InitialCount => 0xffff_ffff,
            Register::DivideConfiguration => 0xb,
            _ => return None,
        })
    }
}
