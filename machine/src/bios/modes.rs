//! The modes of INT 10h, function 00h: what each sets in the adapter and in the data area.
//!
//! Follows: IBM VGA/XGA Technical Reference, "BIOS Mode Parameters" and the default colors of each.
//! Modes 0 to 3 have 400 lines and characters of 9 x 16 dots. Not there: mode 7 and the monochrome
//! graphics mode 0Fh, mode 11h, what SVGA adds.

/// What the planes hold.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Layout {
    /// Characters and attributes.
    Text,
    /// CGA's two and four colors, from 0xb8000 on.
    Cga,
    /// A bit in each of four planes.
    Planes,
    /// A byte for each pixel.
    Bytes,
}

/// Which colors the DAC gets.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Colors {
    /// The 64 of the EGA.
    Ega,
    /// The 16 of the CGA, four times.
    Cga,
    /// 256: the 16, greys, and hues by saturation and intensity.
    All,
}

/// One mode.
pub(super) struct Mode {
    pub(super) number: u8,
    pub(super) layout: Layout,
    pub(super) colors: Colors,
    /// Characters in a row, rows, lines of a character.
    pub(super) columns: u8,
    pub(super) rows: u8,
    pub(super) character_lines: u8,
    /// Bytes of a page.
    pub(super) page_bytes: u16,
    pub(super) misc: u8,
    /// Sequencer registers 1 to 4.
    pub(super) sequencer: [u8; 4],
    pub(super) crtc: [u8; 25],
    /// Graphics registers 0 to 8.
    pub(super) graphics: [u8; 9],
    /// Attribute registers 0 to 20.
    pub(super) attribute: [u8; 21],
}

const TEXT_GRAPHICS: [u8; 9] = [0, 0, 0, 0, 0, 0x10, 0x0e, 0x0f, 0xff];
const PLANES_GRAPHICS: [u8; 9] = [0, 0, 0, 0, 0, 0, 0x05, 0x0f, 0xff];
const EGA_ATTRIBUTES: [u8; 16] = [
    0x00, 0x01, 0x02, 0x03, 0x04, 0x05, 0x14, 0x07, 0x38, 0x39, 0x3a, 0x3b, 0x3c, 0x3d, 0x3e, 0x3f,
];
const CGA_ATTRIBUTES: [u8; 16] = [
    0x00, 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x10, 0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17,
];
const FOUR_COLORS: [u8; 16] = [
    0x00, 0x13, 0x15, 0x17, 0x02, 0x04, 0x06, 0x07, 0x10, 0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17,
];
const ALL_ATTRIBUTES: [u8; 16] = [
    0x00, 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08, 0x09, 0x0a, 0x0b, 0x0c, 0x0d, 0x0e, 0x0f,
];
const TWO_COLORS: [u8; 16] = [
    0x00, 0x17, 0x17, 0x17, 0x17, 0x17, 0x17, 0x17, 0x17, 0x17, 0x17, 0x17, 0x17, 0x17, 0x17, 0x17,
];

/// Palette, then mode, overscan, planes, panning and color select.
const fn attribute(palette: [u8; 16], mode: u8, planes: u8, panning: u8) -> [u8; 21] {
    let mut all = [0; 21];
    let mut index = 0;
    while index < 16 {
        all[index] = palette[index];
        index += 1;
    }
    (all[16], all[18], all[19]) = (mode, planes, panning);
    all
}

/// The timing of a picture with so many lines.
struct Lines {
    /// Bits 7 and 6 of the miscellaneous output register: the polarities, which tell monitors the size.
    polarity: u8,
    total: u8,
    overflow: u8,
    retrace: [u8; 2],
    display_end: u8,
    blank: [u8; 2],
}

const LINES_350: Lines = Lines {
    polarity: 0x80,
    total: 0xbf,
    overflow: 0x1f,
    retrace: [0x83, 0x85],
    display_end: 0x5d,
    blank: [0x63, 0xba],
};
const LINES_400: Lines = Lines {
    polarity: 0x40,
    total: 0xbf,
    overflow: 0x1f,
    retrace: [0x9c, 0x8e],
    display_end: 0x8f,
    blank: [0x96, 0xb9],
};
const LINES_480: Lines = Lines {
    polarity: 0xc0,
    total: 0x0b,
    overflow: 0x3e,
    retrace: [0xea, 0x8c],
    display_end: 0xdf,
    blank: [0xe7, 0x04],
};

/// The miscellaneous output register, besides the polarities: color addresses, memory, the upper half; and
/// the clock for characters of 9 dots or of 8.
const MISC_9_DOTS: u8 = 0x27;
const MISC_8_DOTS: u8 = 0x23;

/// The CRT controller: horizontal timing, and what stands behind it. `scan_line` is register 9, `underline`
/// register 14h.
const fn crtc(
    horizontal: [u8; 6],
    lines: &Lines,
    scan_line: u8,
    offset: u8,
    underline: u8,
    mode: u8,
) -> [u8; 25] {
    let [h0, h1, h2, h3, h4, h5] = horizontal;
    let Lines { total, overflow, retrace, display_end, blank, .. } = *lines;
    [
        h0,
        h1,
        h2,
        h3,
        h4,
        h5,
        total,
        overflow,
        0,
        scan_line,
        0,
        0,
        0,
        0,
        0,
        0, // cursor and start
        retrace[0],
        retrace[1],
        display_end,
        offset,
        underline,
        blank[0],
        blank[1],
        mode,
        0xff,
    ]
}

/// For 40 and 80 characters, and for 320 and 640 dots.
const TEXT_40: [u8; 6] = [0x2d, 0x27, 0x28, 0x90, 0x2b, 0xa0];
const TEXT_80: [u8; 6] = [0x5f, 0x4f, 0x50, 0x82, 0x55, 0x81];
const GRAPHICS_320: [u8; 6] = [0x2d, 0x27, 0x28, 0x90, 0x2b, 0x80];
const GRAPHICS_640: [u8; 6] = [0x5f, 0x4f, 0x50, 0x82, 0x54, 0x80];

const fn text(number: u8) -> Mode {
    let wide = number > 1;
    let (horizontal, offset) = if wide { (TEXT_80, 0x28) } else { (TEXT_40, 0x14) };
    let mut crtc = crtc(horizontal, &LINES_400, 0x4f, offset, 0x1f, 0xa3);
    (crtc[10], crtc[11]) = (0x0d, 0x0e);
    Mode {
        number,
        layout: Layout::Text,
        colors: Colors::Ega,
        columns: if wide { 80 } else { 40 },
        rows: 25,
        character_lines: 16,
        page_bytes: if wide { 0x1000 } else { 0x800 },
        misc: LINES_400.polarity | MISC_9_DOTS,
        sequencer: [if wide { 0x00 } else { 0x08 }, 0x03, 0x00, 0x02],
        crtc,
        graphics: TEXT_GRAPHICS,
        attribute: attribute(EGA_ATTRIBUTES, 0x0c, 0x0f, 0x08),
    }
}

const ALL_MODES: [Mode; 11] = [
    text(0),
    text(1),
    text(2),
    text(3),
    Mode {
        number: 0x04,
        layout: Layout::Cga,
        colors: Colors::Cga,
        columns: 40,
        rows: 25,
        character_lines: 8,
        page_bytes: 0x4000,
        misc: LINES_400.polarity | MISC_8_DOTS,
        sequencer: [0x09, 0x03, 0x00, 0x02],
        crtc: crtc(GRAPHICS_320, &LINES_400, 0xc1, 0x14, 0x00, 0xa2),
        graphics: [0, 0, 0, 0, 0, 0x30, 0x0f, 0x0f, 0xff],
        attribute: attribute(FOUR_COLORS, 0x01, 0x03, 0x00),
    },
    Mode {
        number: 0x06,
        layout: Layout::Cga,
        colors: Colors::Cga,
        columns: 80,
        rows: 25,
        character_lines: 8,
        page_bytes: 0x4000,
        misc: LINES_400.polarity | MISC_8_DOTS,
        sequencer: [0x01, 0x01, 0x00, 0x06],
        crtc: crtc(GRAPHICS_640, &LINES_400, 0xc1, 0x28, 0x00, 0xc2),
        graphics: [0, 0, 0, 0, 0, 0x00, 0x0d, 0x0f, 0xff],
        attribute: attribute(TWO_COLORS, 0x01, 0x01, 0x00),
    },
    planes(0x0d, (40, 25, 8), 0x2000, &LINES_400),
    planes(0x0e, (80, 25, 8), 0x4000, &LINES_400),
    planes(0x10, (80, 25, 14), 0x8000, &LINES_350),
    planes(0x12, (80, 30, 16), 0xa000, &LINES_480),
    Mode {
        number: 0x13,
        layout: Layout::Bytes,
        colors: Colors::All,
        columns: 40,
        rows: 25,
        character_lines: 8,
        page_bytes: 0xfa00,
        misc: LINES_400.polarity | MISC_8_DOTS,
        sequencer: [0x01, 0x0f, 0x00, 0x0e],
        crtc: crtc(GRAPHICS_640, &LINES_400, 0x41, 0x28, 0x40, 0xa3),
        graphics: [0, 0, 0, 0, 0, 0x40, 0x05, 0x0f, 0xff],
        attribute: attribute(ALL_ATTRIBUTES, 0x41, 0x0f, 0x00),
    },
];

const fn planes(
    number: u8,
    (columns, rows, character_lines): (u8, u8, u8),
    page_bytes: u16,
    lines: &Lines,
) -> Mode {
    // Of 200 lines each is shown twice, in the colors of the CGA.
    let doubled = character_lines == 8;
    let (horizontal, clocking, offset) =
        if columns == 40 { (GRAPHICS_320, 0x09, 0x14) } else { (GRAPHICS_640, 0x01, 0x28) };
    let scan_line = if doubled { 0xc0 } else { 0x40 };
    let underline = if character_lines == 14 { 0x0f } else { 0 };
    Mode {
        number,
        layout: Layout::Planes,
        colors: if doubled { Colors::Cga } else { Colors::Ega },
        columns,
        rows,
        character_lines,
        page_bytes,
        misc: lines.polarity | MISC_8_DOTS,
        sequencer: [clocking, 0x0f, 0x00, 0x06],
        crtc: crtc(horizontal, lines, scan_line, offset, underline, 0xe3),
        graphics: PLANES_GRAPHICS,
        attribute: attribute(if doubled { CGA_ATTRIBUTES } else { EGA_ATTRIBUTES }, 1, 0x0f, 0),
    }
}

/// The mode with this number. Mode 5 is mode 4 without a color burst, which the adapter does not have.
pub(super) fn mode(number: u8) -> Option<&'static Mode> {
    static MODES: [Mode; 11] = ALL_MODES;
    let number = if number == 5 { 4 } else { number };
    MODES.iter().find(|mode| mode.number == number)
}

/// Color `number` of a palette, each of red, green and blue 0 to 63.
pub(super) fn color(colors: Colors, number: u8) -> [u8; 3] {
    match (colors, number) {
        (Colors::Ega, 0..64) => {
            [2, 1, 0].map(|bit| (number >> bit & 1) * 0x2a + (number >> (bit + 3) & 1) * 0x15)
        }
        (Colors::Cga, 0..64) => cga(number & 7, number & 0x10 != 0),
        (Colors::All, 0..16) => cga(number & 7, number & 8 != 0),
        (Colors::All, 16..32) => [GREYS[usize::from(number - 16)]; 3],
        (Colors::All, 32..248) => hue(number - 32),
        _ => [0; 3],
    }
}

/// The eight colors of the CGA; dark yellow is brown.
fn cga(number: u8, bright: bool) -> [u8; 3] {
    let base = if bright { 0x15 } else { 0 };
    let [red, green, blue] = [2, 1, 0].map(|bit| base + (number >> bit & 1) * 0x2a);
    if number == 6 && !bright { [red, 0x15, blue] } else { [red, green, blue] }
}

const GREYS: [u8; 16] = [0, 5, 8, 11, 14, 17, 20, 24, 28, 32, 36, 40, 45, 50, 56, 63];
/// Five steps from the least to the most of a component, by intensity and saturation.
const STEPS: [[u8; 5]; 9] = [
    [0, 16, 31, 47, 63],
    [31, 39, 47, 55, 63],
    [45, 49, 54, 58, 63],
    [0, 7, 14, 21, 28],
    [14, 17, 21, 24, 28],
    [20, 22, 24, 26, 28],
    [0, 4, 8, 12, 16],
    [8, 10, 12, 14, 16],
    [11, 12, 13, 15, 16],
];

/// 24 hues, from blue by red and green back to blue, in nine kinds.
fn hue(number: u8) -> [u8; 3] {
    let steps = STEPS[usize::from(number / 24)];
    let (sixth, step) = (number % 24 / 4, usize::from(number % 4));
    let (least, most, up, down) = (steps[0], steps[4], steps[step], steps[4 - step]);
    match sixth {
        0 => [up, least, most],
        1 => [most, least, down],
        2 => [most, up, least],
        3 => [down, most, least],
        4 => [least, most, up],
        _ => [least, down, most],
    }
}
