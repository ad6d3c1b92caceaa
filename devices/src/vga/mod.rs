//! VGA display adapter: registers, four planes of 64 KiB, and what a monitor would show of them.
//!
//! Follows: IBM VGA/XGA Technical Reference Manual (1992), "VGA Function"; FreeVGA Project, "VGA/SVGA
//! Video Programming". Ports count from 0x3b0, window addresses from 0xa0000. Addresses within planes
//! are those of the hardware: odd/even and chain-4 leave gaps, which word and doubleword mode of the CRT
//! controller skip, so that a program may change between them and find what silicon would give.
//!
//! ```text
//! window --> memory map --> odd/even, chain 4 --> write modes, latches --> planes 0-3
//!                                                                           |
//! text page, picture <-- DAC <-- attribute controller <-- shift registers <-+-- CRTC address
//! ```
//! Time: the beam is where the CRT controller's registers and the dot clock say it is at an instant,
//! counted from power-on; [`Vga::read`] is told the time, and nothing happens by itself.
//!
//! Not emulated: the retrace interrupt, light pen, smooth scrolling (preset row scan, PEL panning),
//! blinking (what blinks is shown), cursor skew, the page bit of odd/even, the palette address source
//! (the palette is always in use and can always be written), address counting by twos and fours, the
//! halved vertical counter, the sequencer's resets, external clocks, and in pictures the border. Of Bochs VBE there is what a VGA BIOS needs to find the adapter: it
//! says that no mode beyond VGA's is possible, and setting one has no effect; there is no linear
//! framebuffer.

mod characters;
mod dac;
mod font;
mod memory;
mod picture;
mod preset;
#[cfg(test)]
mod screen_tests;
pub mod spec;
#[cfg(test)]
mod tests;
mod text;
mod timing;
mod vbe;

use arch::time::Instant;
use dac::Dac;
use memory::Planes;
use serde::{Deserialize, Serialize};
use spec::{attribute, crtc, graphics, miscellaneous, port, sequencer, status0};
use vbe::Vbe;

pub use characters::to_unicode;
pub use picture::Picture;
pub use text::{Cell, Cursor, TextPage};

/// What a port without a register reads.
const OPEN_BUS: u8 = 0xff;

/// One adapter with its memory.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Vga {
    // Registers
    misc: u8,
    feature: u8,
    enable: u8,
    sequencer_index: u8,
    sequencer: [u8; sequencer::COUNT],
    graphics_index: u8,
    graphics: [u8; graphics::COUNT],
    crtc_index: u8,
    crtc: [u8; crtc::COUNT],
    attribute_index: u8,
    /// The next write to the attribute controller is data.
    attribute_data_next: bool,
    attribute: [u8; attribute::COUNT],
    dac: Dac,
    vbe: Vbe,

    // Memory
    planes: Planes,
}

impl Default for Vga {
    fn default() -> Self {
        Self::new()
    }
}

impl Vga {
    /// Power-on: all registers and planes zero; a VGA BIOS has to come.
    pub fn new() -> Self {
        Self {
            misc: 0,
            feature: 0,
            enable: 1,
            sequencer_index: 0,
            sequencer: [0; sequencer::COUNT],
            graphics_index: 0,
            graphics: [0; graphics::COUNT],
            crtc_index: 0,
            crtc: [0; crtc::COUNT],
            attribute_index: 0,
            attribute_data_next: false,
            attribute: [0; attribute::COUNT],
            dac: Dac::new(),
            vbe: Vbe::new(),
            planes: Planes::new(),
        }
    }

    /// The reset pin: registers as at power-on. What is in the planes stays.
    pub fn reset(&mut self) {
        let planes = std::mem::replace(&mut self.planes, Planes::empty());
        *self = Self { planes, ..Self::new() };
    }

    /// Reads the port 0x3b0 + `offset` at an instant.
    pub fn read(&mut self, offset: u8, now: Instant) -> u8 {
        match self.side(offset) {
            port::ATTRIBUTE => self.attribute_index,
            port::ATTRIBUTE_READ => {
                let index = usize::from(self.attribute_index & 0x1f);
                self.attribute.get(index).copied().unwrap_or(0)
            }
            port::MISC_WRITE => status0::SENSE,
            port::ENABLE => self.enable,
            port::SEQUENCER => self.sequencer_index,
            port::SEQUENCER_DATA => {
                self.sequencer.get(usize::from(self.sequencer_index)).copied().unwrap_or(0)
            }
            port::PEL_MASK => self.dac.mask,
            port::DAC_READ => self.dac.state(),
            port::DAC_WRITE => self.dac.write_index(),
            port::DAC_DATA => self.dac.read(),
            port::FEATURE_READ => self.feature,
            port::MISC_READ => self.misc,
            port::GRAPHICS => self.graphics_index,
            port::GRAPHICS_DATA => {
                self.graphics.get(usize::from(self.graphics_index)).copied().unwrap_or(0)
            }
            port::CRTC_COLOR => self.crtc_index,
            CRTC_DATA => self.crtc.get(usize::from(self.crtc_index)).copied().unwrap_or(0),
            port::STATUS1_COLOR => {
                self.attribute_data_next = false;
                self.status1(now)
            }
            _ => OPEN_BUS,
        }
    }

    /// Writes the port 0x3b0 + `offset`.
    pub fn write(&mut self, offset: u8, value: u8) {
        match self.side(offset) {
            port::ATTRIBUTE => self.write_attribute(value),
            port::MISC_WRITE => self.misc = value,
            port::ENABLE => self.enable = value & 1,
            port::SEQUENCER => self.sequencer_index = value & 7,
            port::SEQUENCER_DATA => {
                let index = usize::from(self.sequencer_index);
                if let Some(register) = self.sequencer.get_mut(index) {
                    *register = value & sequencer::MASKS[index];
                }
            }
            port::PEL_MASK => self.dac.mask = value,
            port::DAC_READ => self.dac.set_read_index(value),
            port::DAC_WRITE => self.dac.set_write_index(value),
            port::DAC_DATA => self.dac.write(value),
            port::GRAPHICS => self.graphics_index = value & 0xf,
            port::GRAPHICS_DATA => {
                let index = usize::from(self.graphics_index);
                if let Some(register) = self.graphics.get_mut(index) {
                    *register = value & graphics::MASKS[index];
                }
            }
            port::CRTC_COLOR => self.crtc_index = value & 0x3f,
            CRTC_DATA => self.write_crtc(value),
            port::STATUS1_COLOR => self.feature = value & 3,
            _ => {}
        }
    }

    /// Reads a Bochs VBE register: index (0) or data (1).
    pub fn read_vbe(&self, offset: u8) -> u16 {
        if offset == 0 { self.vbe.index } else { self.vbe.read() }
    }

    /// Writes a Bochs VBE register: index (0) or data (1).
    pub fn write_vbe(&mut self, offset: u8, value: u16) {
        if offset == 0 {
            self.vbe.index = value;
        } else {
            self.vbe.write(value);
        }
    }

    /// The registers that follow the I/O address select bit answer on one side alone: there they are
    /// taken as those of the colour side; on the other side, and where no register is, nobody answers.
    fn side(&self, offset: u8) -> u8 {
        const MONO: [u8; 3] = [port::CRTC_MONO, port::CRTC_MONO + 1, port::STATUS1_MONO];
        const COLOR: [u8; 3] = [port::CRTC_COLOR, CRTC_DATA, port::STATUS1_COLOR];
        let color = self.misc & miscellaneous::COLOR != 0;
        let (here, other) = if color { (COLOR, MONO) } else { (MONO, COLOR) };
        if let Some(which) = here.iter().position(|&port| port == offset) {
            return COLOR[which];
        }
        if other.contains(&offset) { NOWHERE } else { offset }
    }

    /// Index and data take turns at one port: "Attribute Controller Registers".
    fn write_attribute(&mut self, value: u8) {
        if !std::mem::replace(&mut self.attribute_data_next, true) {
            self.attribute_index = value & attribute::INDEX_BITS;
            return;
        }
        self.attribute_data_next = false;
        let index = usize::from(self.attribute_index & 0x1f);
        if let Some(register) = self.attribute.get_mut(index) {
            *register = if index < attribute::MODE { value & 0x3f } else { value };
        }
    }

    /// Registers 0-7 can be protected, all but bit 8 of line compare: "Vertical Retrace End".
    fn write_crtc(&mut self, value: u8) {
        let index = usize::from(self.crtc_index);
        let protected = self.crtc[crtc::RETRACE_END] & crtc::PROTECT != 0;
        let writable = match index {
            crtc::OVERFLOW if protected => crtc::LINE_COMPARE_8,
            0..=crtc::OVERFLOW if protected => 0,
            _ => 0xff,
        };
        if let Some(register) = self.crtc.get_mut(index) {
            *register = *register & !writable | value & writable;
        }
    }

    /// True if the planes are shown as characters.
    fn is_text(&self) -> bool {
        self.graphics[graphics::MISC] & graphics::GRAPHICS_MODE == 0
    }
}

/// CRT controller data on the colour side.
const CRTC_DATA: u8 = port::CRTC_COLOR + 1;
/// An offset at which there is no register.
const NOWHERE: u8 = 0xff;
