//! Bochs VBE registers, as far as a VGA BIOS needs them to find the adapter.
//!
//! Follows: Bochs, "VBE Display Interfaces"; what SeaBIOS's VGA BIOS asks (`vgasrc/bochsvga.c`): an ID
//! that reads back as written, the memory's size, and the largest mode, which here is VGA's own 640 x
//! 480 of 4 bits, so that it offers no other. Not emulated: those others; the mode bits of the enable
//! register stay 0.

use super::spec::vbe;
use serde::{Deserialize, Serialize};

/// The largest mode: width, height, bits a pixel.
const LARGEST: [u16; 3] = [640, 480, 4];
/// 256 KiB.
const MEMORY_64K: u16 = 4;

/// Index and registers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Vbe {
    pub(super) index: u16,
    id: u16,
    registers: [u16; vbe::LAST as usize + 1],
}

impl Vbe {
    pub(super) const fn new() -> Self {
        Self { index: 0, id: vbe::ID_LAST, registers: [0; vbe::LAST as usize + 1] }
    }

    pub(super) fn read(&self) -> u16 {
        let asked = self.registers[usize::from(vbe::ENABLE)] & vbe::GET_CAPABILITIES != 0;
        match self.index {
            vbe::ID => self.id,
            vbe::XRES | vbe::YRES | vbe::BPP if asked => LARGEST[usize::from(self.index - 1)],
            vbe::VIDEO_MEMORY_64K => MEMORY_64K,
            index => self.registers.get(usize::from(index)).copied().unwrap_or(0),
        }
    }

    pub(super) fn write(&mut self, value: u16) {
        match self.index {
            vbe::ID if (vbe::ID_FIRST..=vbe::ID_LAST).contains(&value) => self.id = value,
            vbe::ID => {}
            vbe::ENABLE => {
                self.registers[usize::from(vbe::ENABLE)] = value & vbe::GET_CAPABILITIES;
            }
            index => {
                if let Some(register) = self.registers.get_mut(usize::from(index)) {
                    *register = value;
                }
            }
        }
    }
}
