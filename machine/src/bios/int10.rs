//! INT 10h: the VGA, by its own registers and memory.
//!
//! Follows: IBM VGA/XGA Technical Reference, "BIOS" and "INT 10H - Video"; the data area's fields from 0x449
//! on. Without an adapter the data area still follows, and functions 12h and 1Ah stay without answer,
//! by which programs know.

use super::modes::{self, Layout, Mode};
use super::{After, Call};
use crate::bios::call::reg;
use arch::segment::SegReg;
use boot::bios::bda;

/// Ports of the adapter.
mod port {
    pub(super) const ATTRIBUTE: u16 = 0x3c0;
    pub(super) const ATTRIBUTE_READ: u16 = 0x3c1;
    pub(super) const MISC_WRITE: u16 = 0x3c2;
    pub(super) const SEQUENCER: u16 = 0x3c4;
    pub(super) const PEL_MASK: u16 = 0x3c6;
    pub(super) const DAC_READ: u16 = 0x3c7;
    pub(super) const DAC_WRITE: u16 = 0x3c8;
    pub(super) const DAC_DATA: u16 = 0x3c9;
    pub(super) const GRAPHICS: u16 = 0x3ce;
    pub(super) const CRTC: u16 = 0x3d4;
    pub(super) const STATUS1: u16 = 0x3da;
}

/// The attribute controller shows what its palette says.
const PALETTE_ON: u8 = 0x20;
/// AL of function 00h: the screen is not cleared.
const KEEP: u8 = 0x80;
/// CRT controller: cursor shape, start address, cursor address, and what protects 0 to 7.
const CURSOR_START: u8 = 0x0a;
const START: u8 = 0x0c;
const CURSOR: u8 = 0x0e;
const RETRACE_END: u8 = 0x11;
/// Offset of text memory, and of graphics memory, in the adapter's window.
pub(super) const TEXT: u32 = 0x1_8000;
const GRAPHICS_BYTES: u32 = 0x1_0000;
const TEXT_BYTES: u32 = 0x8000;

impl Call<'_> {
    /// CF as the entry code sees it asks it for the string of function 13h.
    pub(super) fn int10(&mut self) -> After {
        self.tell_entry_code(false);
        let known = match self.ah() {
            0x00 => self.set_mode(self.al()),
            0x01 => self.set_cursor_shape(),
            0x02 => {
                let (page, place) = (self.high(reg::RBX), self.word(reg::RDX));
                self.set_cursor(page, place);
                true
            }
            0x03 => {
                let (page, shape) = (self.high(reg::RBX), self.bda16(bda::CURSOR_SHAPE));
                let place = self.cursor(page);
                self.set_word(reg::RCX, shape);
                self.set_word(reg::RDX, place);
                true
            }
            0x05 => self.show_page(self.al()),
            0x06 | 0x07 => self.scroll_window(),
            0x08 => self.read_cell(),
            0x09 => self.write_cells(true),
            0x0a => self.write_cells(false),
            0x0c => self.write_pixel(),
            0x0d => self.read_pixel(),
            0x0e => {
                let (character, page) = (self.al(), self.bda8(bda::ACTIVE_PAGE));
                self.teletype(page, character, None);
                self.copy_to_serial(character);
                true
            }
            0x0f => self.tell_mode(),
            0x10 => self.palette(),
            0x11 => self.tell_font(),
            0x12 => self.tell_configuration(),
            0x13 => {
                self.tell_entry_code(true);
                true
            }
            0x1a => self.display_combination(),
            0x4f => {
                self.set_word(reg::RAX, 0x0100); // AL is not 4Fh: there is no VBE
                true
            }
            _ => false,
        };
        if known { After::GoOn } else { After::Unknown }
    }

    fn has_adapter(&self) -> bool {
        self.board.vga.is_some()
    }

    // ---- registers of the adapter ----

    pub(super) fn set_crtc(&mut self, index: u8, value: u8) {
        self.outb(port::CRTC, index);
        self.outb(port::CRTC + 1, value);
    }

    /// Two registers that hold one number, the high byte first.
    fn set_crtc_word(&mut self, index: u8, value: u16) {
        let [low, high] = value.to_le_bytes();
        self.set_crtc(index, high);
        self.set_crtc(index + 1, low);
    }

    fn set_graphics(&mut self, index: u8, value: u8) {
        self.outb(port::GRAPHICS, index);
        self.outb(port::GRAPHICS + 1, value);
    }

    fn set_sequencer(&mut self, index: u8, value: u8) {
        self.outb(port::SEQUENCER, index);
        self.outb(port::SEQUENCER + 1, value);
    }

    fn set_attribute(&mut self, index: u8, value: u8) {
        self.inb(port::STATUS1); // the next write is an index
        self.outb(port::ATTRIBUTE, index);
        self.outb(port::ATTRIBUTE, value);
        self.outb(port::ATTRIBUTE, PALETTE_ON);
    }

    fn attribute(&mut self, index: u8) -> u8 {
        self.inb(port::STATUS1);
        self.outb(port::ATTRIBUTE, index);
        let value = self.inb(port::ATTRIBUTE_READ);
        self.inb(port::STATUS1);
        self.outb(port::ATTRIBUTE, PALETTE_ON);
        value
    }

    fn set_color(&mut self, number: u8, color: [u8; 3]) {
        self.outb(port::DAC_WRITE, number);
        for part in color {
            self.outb(port::DAC_DATA, part);
        }
    }

    fn color(&mut self, number: u8) -> [u8; 3] {
        self.outb(port::DAC_READ, number);
        [(); 3].map(|()| self.inb(port::DAC_DATA))
    }

    // ---- modes ----

    pub(super) fn current(&self) -> Option<&'static Mode> {
        modes::mode(self.bda8(bda::VIDEO_MODE) & !KEEP)
    }

    fn set_mode(&mut self, al: u8) -> bool {
        let Some(mode) = modes::mode(al & !KEEP) else { return false };
        self.set_registers_of(mode);
        for number in 0..=255 {
            self.set_color(number, modes::color(mode.colors, number));
        }
        if mode.layout == Layout::Text
            && let Some(vga) = &mut self.board.vga
        {
            vga.load_font(); // graphics were drawn over it
        }
        if al & KEEP == 0 {
            self.clear(mode);
        }
        self.remember_mode(mode, al);
        // What IBM's BIOS leaves there.
        self.set_al(match al & !KEEP {
            0x06 => 0x3f,
            0..=7 => 0x30,
            _ => 0x20,
        });
        true
    }

    fn set_registers_of(&mut self, mode: &Mode) {
        self.outb(port::MISC_WRITE, mode.misc);
        self.set_sequencer(0, 0x03);
        for (index, &value) in (1..).zip(&mode.sequencer) {
            self.set_sequencer(index, value);
        }
        self.set_crtc(RETRACE_END, 0);
        for (index, &value) in (0..).zip(&mode.crtc) {
            self.set_crtc(index, value);
        }
        for (index, &value) in (0..).zip(&mode.graphics) {
            self.set_graphics(index, value);
        }
        for (index, &value) in (0..).zip(&mode.attribute) {
            self.set_attribute(index, value);
        }
        self.outb(port::PEL_MASK, 0xff);
    }

    fn clear(&mut self, mode: &Mode) {
        let (from, len, pattern) = match mode.layout {
            Layout::Text => (TEXT, TEXT_BYTES, [b' ', super::text::NORMAL]),
            Layout::Cga => (TEXT, TEXT_BYTES, [0; 2]),
            Layout::Planes | Layout::Bytes => (0, GRAPHICS_BYTES, [0; 2]),
        };
        let Some(vga) = &mut self.board.vga else { return };
        for at in 0..len {
            vga.write_memory(from + at, pattern[(at & 1) as usize]);
        }
        self.note_accesses(len);
    }

    fn remember_mode(&mut self, mode: &Mode, al: u8) {
        self.set_bda8(bda::VIDEO_MODE, al & !KEEP);
        self.set_bda16(bda::COLUMNS, mode.columns.into());
        self.set_bda16(bda::PAGE_BYTES, mode.page_bytes);
        self.set_bda16(bda::PAGE_START, 0);
        for page in 0..8 {
            self.set_bda16(bda::CURSORS + 2 * page, 0);
        }
        self.set_bda16(bda::CURSOR_SHAPE, 0x0607);
        self.set_bda8(bda::ACTIVE_PAGE, 0);
        self.set_bda16(bda::CRTC_PORT, port::CRTC);
        self.set_bda8(bda::LAST_ROW, mode.rows - 1);
        self.set_bda16(bda::CHARACTER_LINES, mode.character_lines.into());
        let control = self.bda8(bda::VIDEO_CONTROL) & !KEEP;
        self.set_bda8(bda::VIDEO_CONTROL, control | al & KEEP);
        self.show_cursor();
    }

    /// 0Fh.
    fn tell_mode(&mut self) -> bool {
        let kept = self.bda8(bda::VIDEO_CONTROL) & KEEP;
        let (mode, columns) = (self.bda8(bda::VIDEO_MODE), self.bda8(bda::COLUMNS));
        self.set_al(mode | kept);
        self.set_ah(columns);
        let page = self.bda8(bda::ACTIVE_PAGE);
        self.set_high(reg::RBX, page);
        true
    }

    // ---- cursor and pages ----

    /// Row and column of a page's cursor.
    pub(super) fn cursor(&self, page: u8) -> u16 {
        self.bda16(bda::CURSORS + 2 * u64::from(page & 7))
    }

    pub(super) fn set_cursor(&mut self, page: u8, place: u16) {
        self.set_bda16(bda::CURSORS + 2 * u64::from(page & 7), place);
        if page == self.bda8(bda::ACTIVE_PAGE) {
            self.show_cursor();
        }
    }

    /// Moves the adapter's cursor to that of the page that is shown.
    fn show_cursor(&mut self) {
        let page = self.bda8(bda::ACTIVE_PAGE);
        let [column, row] = self.cursor(page).to_le_bytes();
        let columns = self.bda16(bda::COLUMNS);
        let within = u16::from(row).wrapping_mul(columns).wrapping_add(column.into());
        let start = self.bda16(bda::PAGE_START) / 2;
        self.set_crtc_word(CURSOR, start.wrapping_add(within));
    }

    /// 01h: a shape for characters of 8 lines is stretched to those there are.
    fn set_cursor_shape(&mut self) -> bool {
        const OFF: u8 = 0x20;
        let shape = self.word(reg::RCX);
        self.set_bda16(bda::CURSOR_SHAPE, shape);
        let [mut last, mut first] = shape.to_le_bytes();
        let lines = self.bda8(bda::CHARACTER_LINES);
        if lines > 8 && last < 8 && first < OFF {
            let stretched = |line: u8| ((u16::from(line) + 1) * u16::from(lines) / 8) as u8;
            first = if last == first.wrapping_add(1) {
                stretched(last).saturating_sub(2)
            } else {
                stretched(first).saturating_sub(1)
            };
            last = stretched(last).saturating_sub(1);
        }
        self.set_crtc(CURSOR_START, first);
        self.set_crtc(CURSOR_START + 1, last);
        true
    }

    /// 05h.
    fn show_page(&mut self, page: u8) -> bool {
        if page >= 8 {
            return false;
        }
        let start = u16::from(page).wrapping_mul(self.bda16(bda::PAGE_BYTES));
        self.set_bda16(bda::PAGE_START, start);
        self.set_bda8(bda::ACTIVE_PAGE, page);
        let text = self.current().is_some_and(|mode| mode.layout == Layout::Text);
        self.set_crtc_word(START, if text { start / 2 } else { start });
        self.show_cursor();
        true
    }

    // ---- what the adapter is ----

    /// 11h: of a font only its size; there is none to point to.
    fn tell_font(&mut self) -> bool {
        const INFORMATION: u8 = 0x30;
        if self.al() != INFORMATION {
            return false;
        }
        let lines = self.bda16(bda::CHARACTER_LINES);
        let last = self.bda8(bda::LAST_ROW);
        self.set_word(reg::RCX, lines);
        self.set_low(reg::RDX, last);
        self.set_es(0);
        self.set_word(reg::RBP, 0);
        true
    }

    /// 12h, BL 10h: color, 256 KiB.
    fn tell_configuration(&mut self) -> bool {
        if self.low(reg::RBX) != 0x10 || !self.has_adapter() {
            return false;
        }
        let switches = self.bda8(bda::VIDEO_SWITCHES) & 0xf;
        self.set_word(reg::RBX, 0x0003);
        self.set_word(reg::RCX, switches.into());
        true
    }

    /// 1Ah: a VGA with a color display, and no other adapter.
    fn display_combination(&mut self) -> bool {
        const VGA_COLOR: u16 = 8;
        if !self.has_adapter() {
            return false;
        }
        match self.al() {
            0 => self.set_word(reg::RBX, VGA_COLOR),
            1 => {}
            _ => return false,
        }
        self.set_al(0x1a);
        true
    }

    // ---- colors ----

    /// 10h.
    fn palette(&mut self) -> bool {
        const OVERSCAN: u8 = 0x11;
        const MODE: u8 = 0x10;
        const BLINK: u8 = 1 << 3;
        let (bl, bh) = (self.low(reg::RBX), self.high(reg::RBX));
        let table = self.linear(SegReg::Es, self.word(reg::RDX));
        match self.al() {
            0x00 if bl <= OVERSCAN + 3 => self.set_attribute(bl, bh),
            0x01 => self.set_attribute(OVERSCAN, bh),
            0x02 => {
                let mut colors = [0; 17];
                self.read(table, &mut colors);
                for (index, &color) in (0..16).zip(&colors) {
                    self.set_attribute(index, color);
                }
                self.set_attribute(OVERSCAN, colors[16]);
            }
            0x03 => {
                let mode = self.attribute(MODE) & !BLINK;
                self.set_attribute(MODE, if bl & 1 != 0 { mode | BLINK } else { mode });
            }
            0x07 if bl <= OVERSCAN + 3 => {
                let value = self.attribute(bl);
                self.set_high(reg::RBX, value);
            }
            0x08 => {
                let value = self.attribute(OVERSCAN);
                self.set_high(reg::RBX, value);
            }
            0x10 => {
                let color = [self.high(reg::RDX), self.high(reg::RCX), self.low(reg::RCX)];
                self.set_color(bl, color);
            }
            0x12 => {
                for (number, at) in self.block_of_colors(table) {
                    let mut color = [0; 3];
                    self.read(at, &mut color);
                    self.set_color(number, color);
                }
            }
            0x15 => {
                let [red, green, blue] = self.color(bl);
                self.set_high(reg::RDX, red);
                self.set_high(reg::RCX, green);
                self.set_low(reg::RCX, blue);
            }
            0x17 => {
                for (number, at) in self.block_of_colors(table) {
                    let color = self.color(number);
                    self.write(at, &color);
                }
            }
            _ => return false,
        }
        true
    }

    /// CX colors from BX on, and where each has its three bytes.
    fn block_of_colors(&self, table: u64) -> impl Iterator<Item = (u8, u64)> + use<> {
        let (first, count) = (self.word(reg::RBX), self.word(reg::RCX).min(256));
        (0..count).map(move |index| {
            (first.wrapping_add(index) as u8, table.wrapping_add(3 * u64::from(index)))
        })
    }

    // ---- pixels ----

    /// Offset in the window of the pixel at CX, DX, and its bit in planes; `None` off the screen.
    fn pixel(&self) -> Option<(&'static Mode, u32, u8)> {
        let mode = self.current()?;
        let (x, y) = (u32::from(self.word(reg::RCX)), u32::from(self.word(reg::RDX)));
        let width = u32::from(mode.columns) * 8;
        let height = u32::from(mode.rows) * u32::from(mode.character_lines);
        if x >= width || y >= height {
            return None;
        }
        match mode.layout {
            Layout::Bytes => Some((mode, y * width + x, 0xff)),
            Layout::Planes => Some((mode, (y * width + x) / 8, 0x80 >> (x % 8))),
            Layout::Text | Layout::Cga => None,
        }
    }

    /// 0Ch: in planes by write mode 2; AL bit 7 combines by exclusive or.
    fn write_pixel(&mut self) -> bool {
        let Some((mode, at, bit)) = self.pixel() else { return self.off_the_screen() };
        let color = self.al();
        if mode.layout == Layout::Bytes {
            self.board.write_vga_memory(at, 1, color.into());
            return true;
        }
        let function = if color & 0x80 != 0 { 0x18 } else { 0 };
        for (index, value) in [(8, bit), (5, 2), (3, function)] {
            self.set_graphics(index, value);
        }
        self.board.read_vga_memory(at, 1); // fills the latches
        self.board.write_vga_memory(at, 1, color.into());
        for (index, value) in [(8, 0xff), (5, mode.graphics[5]), (3, 0)] {
            self.set_graphics(index, value);
        }
        true
    }

    /// 0Dh.
    fn read_pixel(&mut self) -> bool {
        let Some((mode, at, bit)) = self.pixel() else { return self.off_the_screen() };
        let mut color = 0;
        if mode.layout == Layout::Bytes {
            color = self.board.read_vga_memory(at, 1) as u8;
        } else {
            for plane in 0..4 {
                self.set_graphics(4, plane);
                let byte = self.board.read_vga_memory(at, 1) as u8;
                color |= u8::from(byte & bit != 0) << plane;
            }
            self.set_graphics(4, 0);
        }
        self.set_al(color);
        true
    }

    /// Pixels beyond the edges are no error; in other modes there are none.
    fn off_the_screen(&self) -> bool {
        let layout = self.current().map(|mode| mode.layout);
        matches!(layout, Some(Layout::Bytes | Layout::Planes))
    }
}
