//! The text page: which characters a monitor shows, read out of planes 0 and 1 as the CRT controller
//! walks through them. IBM VGA/XGA Technical Reference, "CRT Controller Registers", "Alphanumeric Modes".

use super::spec::{crtc, sequencer};
use super::{Vga, characters};

/// One character on the screen.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Cell {
    /// Its code in the font, as a rule of code page 437.
    pub character: u8,
    /// Colors: foreground in bits 3-0, background in bits 6-4, blinking in bit 7.
    pub attribute: u8,
}

/// Where the cursor is and how it looks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Cursor {
    /// Row from the top, from 0.
    pub row: usize,
    /// Column from the left, from 0.
    pub column: usize,
    /// First scan line of the character that it fills.
    pub first_line: u8,
    /// The last one.
    pub last_line: u8,
}

/// A screen of text.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TextPage {
    /// Characters in a row, 1 to 256.
    pub columns: usize,
    /// Scan lines of a character.
    pub font_height: usize,
    /// Row after row.
    pub cells: Vec<Cell>,
    /// The cursor, if it is on and on the screen.
    pub cursor: Option<Cursor>,
}

impl TextPage {
    /// The rows from top to bottom.
    pub fn rows(&self) -> impl Iterator<Item = &[Cell]> {
        self.cells.chunks(self.columns.max(1))
    }

    /// The rows as text without colors; spaces at their ends are left out.
    pub fn lines(&self) -> Vec<String> {
        let line = |row: &[Cell]| {
            let text: String =
                row.iter().map(|cell| characters::to_unicode(cell.character)).collect();
            text.trim_end_matches([' ', '\u{a0}']).to_owned()
        };
        self.rows().map(line).collect()
    }
}

/// A place that the CRT controller has come to.
pub(super) struct Scan {
    /// Memory address of the row's first character: what the address counter holds.
    pub(super) address: u16,
    /// Scan line within the row.
    pub(super) line: u8,
}

impl Vga {
    /// The text on the screen; `None` in a graphics mode.
    pub fn text_page(&self) -> Option<TextPage> {
        if !self.is_text() {
            return None;
        }
        let (columns, height) = (self.columns(), self.row_height());
        let rows = (self.lines() / height).max(1);
        let mut page = TextPage { columns, font_height: height, cells: Vec::new(), cursor: None };
        for row in 0..rows {
            let start = self.scan(row * height).address;
            for column in 0..columns {
                let address = start.wrapping_add(column as u16);
                let [character, attribute, ..] = self.planes.at(self.plane_address(address, 0));
                page.cells.push(Cell { character, attribute });
                if page.cursor.is_none() && address == self.cursor_address() {
                    page.cursor = self.cursor_at(row, column);
                }
            }
        }
        Some(page)
    }

    /// Characters in a row.
    pub(super) fn columns(&self) -> usize {
        usize::from(self.crtc[crtc::HORIZONTAL_END]) + 1
    }

    /// Scan lines of the picture.
    pub(super) fn lines(&self) -> usize {
        self.vertical(crtc::VERTICAL_END) as usize + 1
    }

    /// Scan lines of a row, doubled ones counted twice.
    pub(super) fn row_height(&self) -> usize {
        let register = self.crtc[crtc::MAXIMUM_SCAN_LINE];
        (usize::from(register & crtc::ROW_LINES) + 1) << (register >> 7)
    }

    /// Dots of a character.
    pub(super) fn character_width(&self) -> usize {
        if self.sequencer[sequencer::CLOCKING] & sequencer::DOTS_8 != 0 { 8 } else { 9 }
    }

    /// Where the CRT controller is at the beginning of a scan line: below the line of line compare it
    /// begins anew at address 0.
    pub(super) fn scan(&self, line: usize) -> Scan {
        let compare = self.vertical(crtc::LINE_COMPARE) as usize;
        let (start, line) =
            if line > compare { (0, line - compare - 1) } else { (self.start_address(), line) };
        let height = self.row_height();
        let pitch = 2 * usize::from(self.crtc[crtc::OFFSET]);
        let address = start.wrapping_add((line / height * pitch) as u16);
        let doubled = self.crtc[crtc::MAXIMUM_SCAN_LINE] >> 7;
        Scan { address, line: ((line % height) >> doubled) as u8 }
    }

    /// The address within the planes for one of the address counter: byte, word or doubleword mode, and
    /// row scan bits in place of address bits 13 and 14.
    pub(super) fn plane_address(&self, counter: u16, line: u8) -> u16 {
        let mode = self.crtc[crtc::MODE];
        let mut address = if self.crtc[crtc::UNDERLINE] & crtc::DOUBLEWORD != 0 {
            counter << 2 | counter >> 12 & 3
        } else if mode & crtc::BYTE_MODE != 0 {
            counter
        } else {
            let wrap = if mode & crtc::ADDRESS_WRAP != 0 { 15 } else { 13 };
            counter << 1 | counter >> wrap & 1
        };
        if mode & crtc::NO_CGA_ROWS == 0 {
            address = address & !(1 << 13) | u16::from(line & 1) << 13;
        }
        if mode & crtc::NO_HERCULES_ROWS == 0 {
            address = address & !(1 << 14) | u16::from(line >> 1 & 1) << 14;
        }
        address
    }

    fn start_address(&self) -> u16 {
        self.crtc_pair(crtc::START_HIGH)
    }

    /// The cursor's place as the address counter names it.
    pub(super) fn cursor_address(&self) -> u16 {
        self.crtc_pair(crtc::CURSOR_HIGH)
    }

    fn crtc_pair(&self, high: usize) -> u16 {
        u16::from_be_bytes([self.crtc[high], self.crtc[high + 1]])
    }

    /// First and last scan line of the cursor, if it is on; one whose end comes before its start is not
    /// shown.
    pub(super) fn cursor_lines(&self) -> Option<(u8, u8)> {
        let start = self.crtc[crtc::CURSOR_START];
        let (first, last) = (start & 0x1f, self.crtc[crtc::CURSOR_END] & 0x1f);
        (start & crtc::CURSOR_OFF == 0 && first <= last).then_some((first, last))
    }

    fn cursor_at(&self, row: usize, column: usize) -> Option<Cursor> {
        let (first_line, last_line) = self.cursor_lines()?;
        Some(Cursor { row, column, first_line, last_line })
    }
}
