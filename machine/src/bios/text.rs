//! Text of INT 10h: cells, teletype, strings, scrolling.
//!
//! Follows: IBM BIOS Interface Technical Reference, "INT 10H - Video", functions 06h to 0Ah, 0Eh and 13h.
//! Teletype writes to the page that is shown, as BIOSes do, whatever BH says. In graphics modes the cursor
//! moves and nothing is drawn.

use super::int10::TEXT;
use super::modes::Layout;
use super::{After, Call};
use crate::bios::call::reg;
use arch::segment::SegReg;
use boot::bios::bda;

/// White on black.
pub(super) const NORMAL: u8 = 0x07;
const BELL: u8 = 0x07;
const BACKSPACE: u8 = 0x08;
const LINE_FEED: u8 = 0x0a;
const RETURN: u8 = 0x0d;
/// Bytes of text memory.
const TEXT_MASK: u32 = 0x7fff;
/// The largest screen of any adapter's text modes; the data area is the guest's and may say more.
const COLUMNS_MAX: u8 = 132;
const ROWS_MAX: u8 = 60;
/// Characters that one OUT of the entry code writes of a string.
const PART_LEN: u16 = 64;

/// A part of the screen, edges included.
#[derive(Clone, Copy)]
struct Window {
    top: u8,
    left: u8,
    bottom: u8,
    right: u8,
}

impl Call<'_> {
    // ---- cells ----

    fn is_text(&self) -> bool {
        self.current().is_some_and(|mode| mode.layout == Layout::Text)
    }

    fn columns(&self) -> u8 {
        self.bda8(bda::COLUMNS).clamp(1, COLUMNS_MAX)
    }

    fn last_row(&self) -> u8 {
        self.bda8(bda::LAST_ROW).min(ROWS_MAX - 1)
    }

    fn cell_offset(&self, page: u8, row: u8, column: u8) -> u32 {
        let within = u32::from(row) * u32::from(self.columns()) + u32::from(column);
        let page = u32::from(page & 7) * u32::from(self.bda16(bda::PAGE_BYTES));
        TEXT + ((page + 2 * within) & TEXT_MASK)
    }

    /// Character and attribute.
    fn cell(&mut self, at: u32) -> [u8; 2] {
        (self.board.read_vga_memory(at, 2) as u16).to_le_bytes()
    }

    fn set_cell(&mut self, at: u32, cell: [u8; 2]) {
        self.note_accesses(1);
        if self.is_text() {
            self.board.write_vga_memory(at, 2, u16::from_le_bytes(cell).into());
        }
    }

    // ---- functions ----

    /// 08h.
    pub(super) fn read_cell(&mut self) -> bool {
        let page = self.high(reg::RBX);
        let [column, row] = self.cursor(page).to_le_bytes();
        let at = self.cell_offset(page, row, column);
        let [character, attribute] = self.cell(at);
        self.set_al(character);
        self.set_ah(attribute);
        true
    }

    /// 09h and 0Ah: the character CX times from the cursor on, which stays.
    pub(super) fn write_cells(&mut self, with_attribute: bool) -> bool {
        let (character, attribute) = (self.al(), self.low(reg::RBX));
        let page = self.high(reg::RBX);
        let [column, row] = self.cursor(page).to_le_bytes();
        let first = self.cell_offset(page, row, column) - TEXT;
        for index in 0..u32::from(self.word(reg::RCX)).min(TEXT_MASK / 2 + 1) {
            let at = TEXT + ((first + 2 * index) & TEXT_MASK);
            let [_, kept] = self.cell(at);
            self.set_cell(at, [character, if with_attribute { attribute } else { kept }]);
        }
        true
    }

    /// 13h, after the entry code has saved CX, DX and BP: the cursor goes to DX, and where it was is there.
    pub(super) fn begin_string(&mut self) -> After {
        let (page, place) = (self.high(reg::RBX), self.word(reg::RDX));
        let before = self.cursor(page);
        self.set_cursor(page, place);
        self.set_word(reg::RDX, before);
        After::GoOn
    }

    /// The next of the CX characters at ES:BP. The entry code calls again while there are more; so the time
    /// of a long string is made of many instructions. AL bit 0 leaves the cursor behind the string, bit 1
    /// says that each character has its attribute.
    pub(super) fn part_of_string(&mut self) -> After {
        let (al, page) = (self.al(), self.high(reg::RBX));
        let with_attributes = al & 2 != 0;
        let size = if with_attributes { 2 } else { 1 };
        let left = self.word(reg::RCX);
        for _ in 0..left.min(PART_LEN) {
            let at = self.word(reg::RBP);
            let mut bytes = [0, self.low(reg::RBX)];
            self.read(self.linear(SegReg::Es, at), &mut bytes[..size]);
            self.teletype(page, bytes[0], Some(bytes[1]));
            self.copy_to_serial(bytes[0]);
            self.set_word(reg::RBP, at.wrapping_add(size as u16));
        }
        let left = left.saturating_sub(PART_LEN);
        self.set_word(reg::RCX, left);
        self.tell_entry_code(left > 0);
        if left == 0 && al & 1 == 0 {
            let before = self.word(reg::RDX);
            self.set_cursor(page, before);
        }
        After::GoOn
    }

    /// A character at the cursor, which moves; control characters move it alone. Without an attribute the
    /// cell keeps its own.
    pub(super) fn teletype(&mut self, page: u8, character: u8, attribute: Option<u8>) {
        let [mut column, mut row] = self.cursor(page).to_le_bytes();
        match character {
            BELL => return,
            BACKSPACE => column = column.saturating_sub(1),
            RETURN => column = 0,
            LINE_FEED => row = row.saturating_add(1),
            _ => {
                let at = self.cell_offset(page, row, column);
                let [_, kept] = self.cell(at);
                self.set_cell(at, [character, attribute.unwrap_or(kept)]);
                column = column.saturating_add(1);
            }
        }
        if column >= self.columns() {
            (column, row) = (0, row.saturating_add(1));
        }
        let last = self.last_row();
        if row > last {
            row = last;
            self.scroll_for_a_line(page);
        }
        self.set_cursor(page, u16::from_le_bytes([column, row]));
    }

    /// One line up; the new one has the colors of the line that was last.
    fn scroll_for_a_line(&mut self, page: u8) {
        let (bottom, right) = (self.last_row(), self.columns() - 1);
        let at = self.cell_offset(page, bottom, 0);
        let [_, attribute] = self.cell(at);
        let window = Window { top: 0, left: 0, bottom, right };
        self.scroll(page, window, 1, attribute, true);
    }

    /// 06h and 07h: the window from CH, CL to DH, DL by AL lines, 0 for all.
    pub(super) fn scroll_window(&mut self) -> bool {
        let (last, right) = (self.last_row(), self.columns() - 1);
        let window = Window {
            top: self.high(reg::RCX),
            left: self.low(reg::RCX),
            bottom: self.high(reg::RDX).min(last),
            right: self.low(reg::RDX).min(right),
        };
        let (page, attribute) = (self.bda8(bda::ACTIVE_PAGE), self.high(reg::RBX));
        let up = self.ah() == 0x06;
        self.scroll(page, window, self.al(), attribute, up);
        true
    }

    fn scroll(&mut self, page: u8, window: Window, lines: u8, attribute: u8, up: bool) {
        let Window { top, left, bottom, right } = window;
        if top > bottom || left > right {
            return;
        }
        let height = bottom - top + 1;
        let lines = if lines == 0 { height } else { lines.min(height) };
        for index in 0..height {
            // Rows are filled in the order in which none is overwritten before it is read.
            let row = if up { top + index } else { bottom - index };
            let from = (index + lines < height).then(|| if up { row + lines } else { row - lines });
            for column in left..=right {
                let cell = match from {
                    Some(from) => {
                        let at = self.cell_offset(page, from, column);
                        self.cell(at)
                    }
                    None => [b' ', attribute],
                };
                let at = self.cell_offset(page, row, column);
                self.set_cell(at, cell);
            }
        }
    }

    /// What people read on COM1, where they do not look at the screen.
    pub(super) fn copy_to_serial(&mut self, character: u8) {
        if self.bios.serial {
            self.send_serial_byte(character);
        }
    }
}
