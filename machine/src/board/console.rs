//! What a person would sit at: the VGA and the keyboard controller as the board knows them. A machine may
//! be without either; then their ports and addresses are nobody's.

use super::Board;
use crate::clock::Timed;
use crate::ports::ones;
use devices::i8042::Stroke;
use devices::vga::{Picture, TextPage};

/// First address of the VGA's window, and its length.
pub(crate) const VGA_WINDOW: u64 = 0xa_0000;
pub(crate) const VGA_WINDOW_LEN: u64 = 0x2_0000;

impl Board {
    // ---- screen ----

    /// The text on the screen; `None` without a VGA and in a graphics mode.
    pub(crate) fn text_page(&self) -> Option<TextPage> {
        self.vga.as_ref()?.text_page()
    }

    /// What the monitor shows; `None` without a VGA.
    pub(crate) fn picture(&self) -> Option<Picture> {
        self.vga.as_ref().map(|vga| vga.picture())
    }

    /// IN from the VGA's port at this offset from 0x3b0.
    pub(crate) fn read_vga(&mut self, offset: u8) -> u8 {
        let now = self.now;
        self.vga.as_mut().map_or(0xff, |vga| vga.read(offset, now))
    }

    /// OUT to it.
    pub(crate) fn write_vga(&mut self, offset: u8, value: u8) {
        if let Some(vga) = &mut self.vga {
            vga.write(offset, value);
        }
    }

    /// IN of a 16-bit VBE register: index (0) or data (1).
    pub(crate) fn read_vbe(&self, offset: u8) -> u32 {
        self.vga.as_ref().map_or(ones(2), |vga| u32::from(vga.read_vbe(offset)))
    }

    /// OUT to it.
    pub(crate) fn write_vbe(&mut self, offset: u8, value: u16) {
        if let Some(vga) = &mut self.vga {
            vga.write_vbe(offset, value);
        }
    }

    /// Offset in the VGA's window, if the adapter answers there.
    pub(crate) fn in_vga_window(&self, addr: u64) -> Option<u32> {
        let offset = addr.checked_sub(VGA_WINDOW).filter(|&offset| offset < VGA_WINDOW_LEN)?;
        let offset = offset as u32;
        self.vga.as_ref()?.claims(offset).then_some(offset)
    }

    /// Read of `size` bytes of display memory, byte by byte from the lowest.
    pub(crate) fn read_vga_memory(&mut self, offset: u32, size: u8) -> u64 {
        let Some(vga) = &mut self.vga else { return u64::MAX };
        (0..u32::from(size))
            .fold(0, |value, at| value | u64::from(vga.read_memory(offset + at)) << (8 * at))
    }

    /// Write of `size` bytes of display memory, byte by byte from the lowest.
    pub(crate) fn write_vga_memory(&mut self, offset: u32, size: u8, value: u64) {
        let Some(vga) = &mut self.vga else { return };
        for at in 0..u32::from(size) {
            vga.write_memory(offset + at, (value >> (8 * at)) as u8);
        }
    }

    // ---- keyboard ----

    /// IN from the keyboard controller's port at this offset from 0x60.
    pub(crate) fn read_keyboard(&mut self, offset: u8) -> u8 {
        self.bring(Timed::Keyboard);
        let value = self.keyboard.as_mut().map_or(0xff, |keyboard| keyboard.read(offset));
        self.refresh(Timed::Keyboard);
        self.watch_level(Timed::Keyboard);
        value
    }

    /// OUT to it. Without a controller there is nobody to pulse the reset line, but the chipset does.
    pub(crate) fn write_keyboard(&mut self, offset: u8, value: u8) {
        const COMMAND: u8 = 4;
        const PULSE_RESET: u8 = 0xfe;
        self.bring(Timed::Keyboard);
        let reset = match &mut self.keyboard {
            Some(keyboard) => {
                keyboard.write(offset, value);
                keyboard.take_reset()
            }
            None => offset == COMMAND && value == PULSE_RESET,
        };
        if reset {
            self.request(super::Request::Reset);
        }
        self.refresh(Timed::Keyboard);
        self.watch_level(Timed::Keyboard);
    }

    /// Types as many of the strokes as the keyboard's queue has room for, and tells how many.
    pub(crate) fn press(&mut self, strokes: &[Stroke], now: arch::time::Instant) -> usize {
        self.catch_up(now);
        self.bring(Timed::Keyboard);
        let taken = self.keyboard.as_mut().map_or(0, |keyboard| keyboard.press(strokes));
        self.refresh(Timed::Keyboard);
        taken
    }

    /// Levels of IRQ 1 and IRQ 12.
    #[inline]
    pub(super) fn keyboard_levels(&self) -> (bool, bool) {
        let levels = self.keyboard.as_ref();
        levels.map_or((false, false), |chip| (chip.irq_keyboard(), chip.irq_mouse()))
    }
}
