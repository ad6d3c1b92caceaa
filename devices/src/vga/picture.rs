//! The picture on the monitor, dot by dot: text with the font in plane 2, and the graphics modes. IBM
//! VGA/XGA Technical Reference, "Attribute Controller Registers", "Video Memory Organization".
//!
//! A dot is one of the full dot clock: where the clock is halved every dot is shown twice, and so is a
//! PEL of 256 colors. Width and height are thus those of the monitor's picture.

use super::Vga;
use super::spec::{attribute, crtc, graphics, sequencer};
use super::text::Scan;

/// Characters whose 9th dot repeats the 8th: lines and blocks.
const LINE_GRAPHICS: core::ops::RangeInclusive<u8> = 0xc0..=0xdf;
/// Where the eight fonts lie in plane 2, in units of 8 KiB, by the bits of the character map select register.
const FONT_PLACES: [u16; 8] = [0, 2, 4, 6, 1, 3, 5, 7];
/// Bytes of a character's shape.
const GLYPH_BYTES: u16 = 32;

/// Colors, row after row.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Picture {
    /// Dots in a row, at most 4608.
    pub width: usize,
    /// Rows, at most 1024.
    pub height: usize,
    /// Red, green, blue of every dot.
    pub rgb: Vec<u8>,
}

impl Vga {
    /// What the monitor shows now. A screen that is switched off is black.
    pub fn picture(&self) -> Picture {
        let clocking = self.sequencer[sequencer::CLOCKING];
        let repeat = if clocking & sequencer::HALF_CLOCK != 0 { 2 } else { 1 };
        let width = self.columns() * self.character_width() * repeat;
        let height = self.lines();
        let mut rgb = Vec::with_capacity(3 * width * height);
        if clocking & sequencer::SCREEN_OFF != 0 {
            rgb.resize(3 * width * height, 0);
            return Picture { width, height, rgb };
        }
        let colors = self.colors();
        let mut dots = Vec::new();
        for line in 0..height {
            dots.clear();
            let scan = self.scan(line);
            if self.is_text() {
                self.text_line(&scan, &mut dots);
            } else {
                self.graphics_line(&scan, &mut dots);
            }
            for &dot in &dots {
                for _ in 0..repeat {
                    rgb.extend_from_slice(&colors[usize::from(dot)]);
                }
            }
        }
        Picture { width, height, rgb }
    }

    /// The color of each value that leaves the shift registers.
    fn colors(&self) -> [[u8; 3]; 256] {
        core::array::from_fn(|dot| self.dac.shown(self.color_number(dot as u8)))
    }

    /// The number of a color in the DAC: through the palette unless PELs have 8 bits.
    fn color_number(&self, dot: u8) -> u8 {
        let mode = self.attribute[attribute::MODE];
        if mode & attribute::PEL_8_BITS != 0 {
            return dot;
        }
        let enabled = dot & self.attribute[attribute::PLANES] & 0xf;
        let palette = self.attribute[usize::from(enabled)];
        let select = self.attribute[attribute::COLOR_SELECT];
        let low = match mode & attribute::PALETTE_45_SELECT {
            0 => palette & 0x3f,
            _ => palette & 0xf | select << 4 & 0x30,
        };
        low | select << 4 & 0xc0
    }

    fn text_line(&self, scan: &Scan, dots: &mut Vec<u8>) {
        let mode = self.attribute[attribute::MODE];
        let cursor =
            self.cursor_lines().filter(|(first, last)| (*first..=*last).contains(&scan.line));
        for column in 0..self.columns() {
            let address = scan.address.wrapping_add(column as u16);
            let [character, colors, ..] = self.planes.at(self.plane_address(address, scan.line));
            let mut shape = self.glyph_line(character, colors, scan.line);
            if mode & attribute::MONO != 0
                && colors & 7 == 1
                && scan.line == self.crtc[crtc::UNDERLINE] & 0x1f
            {
                shape = 0x1ff;
            }
            if cursor.is_some() && address == self.cursor_address() {
                shape = 0x1ff;
            }
            let background =
                if mode & attribute::BLINK != 0 { colors >> 4 & 7 } else { colors >> 4 };
            for dot in 0..self.character_width() {
                dots.push(if shape & 0x100 >> dot != 0 { colors & 0xf } else { background });
            }
        }
    }

    /// Nine dots of a character, the leftmost in bit 8.
    fn glyph_line(&self, character: u8, colors: u8, line: u8) -> u16 {
        let select = self.sequencer[sequencer::CHARACTER_MAP];
        let font = match colors & 8 {
            0 => select & 3 | select >> 2 & 4,
            _ => select >> 2 & 3 | select >> 3 & 4,
        };
        let place = FONT_PLACES[usize::from(font)] << 13;
        let at = place + u16::from(character) * GLYPH_BYTES + u16::from(line & 0x1f);
        let eight = u16::from(self.planes.at(at)[2]) << 1;
        let repeats = self.attribute[attribute::MODE] & attribute::LINE_GRAPHICS != 0
            && LINE_GRAPHICS.contains(&character);
        if repeats { eight | eight >> 1 & 1 } else { eight }
    }

    /// Eight dots for each character clock: the shift registers are loaded in one of three ways.
    fn graphics_line(&self, scan: &Scan, dots: &mut Vec<u8>) {
        let mode = self.graphics[graphics::MODE];
        for column in 0..self.columns() {
            let address = scan.address.wrapping_add(column as u16);
            let bytes = self.planes.at(self.plane_address(address, scan.line));
            if mode & graphics::SHIFT_256 != 0 {
                dots.extend(bytes.iter().flat_map(|&byte| [byte, byte]));
            } else if mode & graphics::SHIFT_INTERLEAVE != 0 {
                dots.extend((0..8).map(|dot| interleaved_dot(bytes, dot)));
            } else {
                dots.extend((0..8).map(|dot| planar_dot(bytes, dot)));
            }
            // A ninth dot, which no graphics mode has, is blank.
            dots.extend(core::iter::repeat_n(0, self.character_width() - 8));
        }
    }
}

/// One bit from each plane.
fn planar_dot(bytes: [u8; 4], dot: u8) -> u8 {
    let bit = |plane: usize| bytes[plane] >> (7 - dot) & 1;
    bit(0) | bit(1) << 1 | bit(2) << 2 | bit(3) << 3
}

/// Two bits from an even plane, then from an odd one; the upper planes give the upper two bits.
fn interleaved_dot(bytes: [u8; 4], dot: u8) -> u8 {
    let (odd, shift) = (usize::from(dot >> 2), 6 - 2 * (dot & 3));
    let pair = |plane: usize| bytes[plane] >> shift & 3;
    pair(odd) | pair(odd + 2) << 2
}
