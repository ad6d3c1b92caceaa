//! The CPU's operating mode by its control registers, followed through the events of a log.
//!
//! SDM Vol. 3A, "Modes of Operation", "Paging Modes and Control Bits". The code size within long and
//! protected mode depends on CS and is not part of it.

use arch::control::{cr0, cr4, efer};
use core::fmt;
use cpu::Cpu;
use cpu::event_log::{Event, ModeRegister};

/// How addresses are made.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mode {
    /// CR0.PE clear.
    Real,
    /// Protected mode without paging.
    Protected,
    /// Protected mode, 32-bit paging.
    Paging32,
    /// Protected mode, PAE paging.
    Pae,
    /// IA-32e mode.
    Long,
}

impl Mode {
    /// From CR0, CR4 and EFER.
    pub const fn of(cr0: u64, cr4: u64, efer: u64) -> Self {
        if cr0 & cr0::PE == 0 {
            Self::Real
        } else if efer & efer::LMA != 0 {
            Self::Long
        } else if cr0 & cr0::PG == 0 || efer & efer::LME != 0 {
            // LME with PG and without LMA exists only between the two events of a switch.
            Self::Protected
        } else if cr4 & cr4::PAE != 0 {
            Self::Pae
        } else {
            Self::Paging32
        }
    }

    /// Code size in bits that nearly all code of the mode has.
    pub const fn usual_bits(self) -> u32 {
        match self {
            Self::Real => 16,
            Self::Protected | Self::Paging32 | Self::Pae => 32,
            Self::Long => 64,
        }
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Real => "real mode",
            Self::Protected => "protected mode without paging",
            Self::Paging32 => "protected mode with 32-bit paging",
            Self::Pae => "protected mode with PAE paging",
            Self::Long => "long mode",
        })
    }
}

/// The control registers as the events of a log report them.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Control {
    cr0: u64,
    cr4: u64,
    efer: u64,
}

impl Control {
    /// What a CPU has now.
    pub fn of(cpu: &Cpu) -> Self {
        let registers = cpu.registers();
        Self { cr0: registers.cr0, cr4: registers.cr4, efer: registers.efer }
    }

    /// The mode they make.
    pub const fn mode(&self) -> Mode {
        Mode::of(self.cr0, self.cr4, self.efer)
    }

    /// Takes an event in; tells the mode before and after if it changed.
    pub fn follow(&mut self, event: &Event) -> Option<(Mode, Mode)> {
        let Event::Mode { register, to, .. } = *event else { return None };
        let before = self.mode();
        match register {
            ModeRegister::Cr0 => self.cr0 = to,
            ModeRegister::Cr3 => {}
            ModeRegister::Cr4 => self.cr4 = to,
            ModeRegister::Efer => {
                self.efer = to;
                if to & efer::LMA != 0 {
                    // The CPU sets LMA because CR0.PG was set; CR0's own event follows.
                    self.cr0 |= cr0::PG | cr0::PE;
                }
            }
        }
        let after = self.mode();
        (before != after).then_some((before, after))
    }
}
