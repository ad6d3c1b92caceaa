//! The adapter as a VGA BIOS leaves it: mode 3, 80 x 25 characters of 9 x 16 dots.
//!
//! Follows: IBM VGA/XGA Technical Reference, "BIOS Mode Parameters" (register values of mode 3+ and the
//! 64 default colors). A machine without firmware begins so, or its guests would find a dark screen that
//! they have no BIOS to switch on.

use super::spec::{attribute, crtc, graphics, sequencer};
use super::{Vga, font};

const MISC: u8 = 0x67;
const SEQUENCER: [u8; sequencer::COUNT] = [0x03, 0x00, 0x03, 0x00, 0x02];
const CRTC: [u8; crtc::COUNT] = [
    0x5f, 0x4f, 0x50, 0x82, 0x55, 0x81, 0xbf, 0x1f, 0x00, 0x4f, 0x0d, 0x0e, 0x00, 0x00, 0x00, 0x00,
    0x9c, 0x8e, 0x8f, 0x28, 0x1f, 0x96, 0xb9, 0xa3, 0xff,
];
const GRAPHICS: [u8; graphics::COUNT] = [0x00, 0x00, 0x00, 0x00, 0x00, 0x10, 0x0e, 0x0f, 0xff];
const ATTRIBUTE: [u8; attribute::COUNT] = [
    0x00, 0x01, 0x02, 0x03, 0x04, 0x05, 0x14, 0x07, 0x38, 0x39, 0x3a, 0x3b, 0x3c, 0x3d, 0x3e, 0x3f,
    0x0c, 0x00, 0x0f, 0x08, 0x00,
];
/// The palette address source: the palette is in use.
const PALETTE_ON: u8 = 0x20;
/// Characters that the text window holds: 32 KiB.
const TEXT_CELLS: u16 = 0x4000;
/// White on black.
const NORMAL: u8 = 0x07;

impl Vga {
    /// Sets mode 3 with an empty screen, the default colors and a font.
    pub fn enter_text_mode(&mut self) {
        self.misc = MISC;
        self.sequencer = SEQUENCER;
        self.crtc = CRTC;
        self.graphics = GRAPHICS;
        self.attribute = ATTRIBUTE;
        self.attribute_index = PALETTE_ON;
        for number in 0..64 {
            self.dac.set_color(number, default_color(number));
        }
        self.load_font();
        for cell in 0..TEXT_CELLS {
            self.planes.set(2 * cell, 0, b' ');
            self.planes.set(2 * cell, 1, NORMAL);
        }
    }

    /// Puts the font of 8 x 16 dots where text modes look for it.
    pub fn load_font(&mut self) {
        for code in 0..=255 {
            for (line, bits) in (0..).zip(font::glyph(code)) {
                self.planes.set(u16::from(code) * 32 + line, 2, bits);
            }
        }
    }
}

/// Colors 0 to 63: bits 2-0 are two thirds of red, green and blue, bits 5-3 one third.
fn default_color(number: u8) -> [u8; 3] {
    [2, 1, 0].map(|bit| (number >> bit & 1) * 0x2a + (number >> (bit + 3) & 1) * 0x15)
}
