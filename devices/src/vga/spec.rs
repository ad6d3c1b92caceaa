//! Registers of the VGA: IBM VGA/XGA Technical Reference Manual (1992), "VGA Registers"; FreeVGA Project,
//! "VGA/SVGA Video Programming", chapters of the same names; for the last group Bochs, "VBE Display
//! Interfaces" (`docs/specs/standard-vga.txt` of QEMU).

/// Ports, counted from 0x3b0.
pub mod port {
    /// CRT controller index on a monochrome adapter (0x3b4); data at the next port.
    pub const CRTC_MONO: u8 = 0x04;
    /// Input status 1 and feature control on a monochrome adapter (0x3ba).
    pub const STATUS1_MONO: u8 = 0x0a;
    /// Attribute controller: index and data when written (0x3c0).
    pub const ATTRIBUTE: u8 = 0x10;
    /// Attribute controller: data when read (0x3c1).
    pub const ATTRIBUTE_READ: u8 = 0x11;
    /// Input status 0 when read, miscellaneous output when written (0x3c2).
    pub const MISC_WRITE: u8 = 0x12;
    /// Video subsystem enable (0x3c3).
    pub const ENABLE: u8 = 0x13;
    /// Sequencer index (0x3c4); data at the next port.
    pub const SEQUENCER: u8 = 0x14;
    /// Sequencer data (0x3c5).
    pub const SEQUENCER_DATA: u8 = 0x15;
    /// PEL mask (0x3c6).
    pub const PEL_MASK: u8 = 0x16;
    /// DAC state when read, read index when written (0x3c7).
    pub const DAC_READ: u8 = 0x17;
    /// DAC write index (0x3c8).
    pub const DAC_WRITE: u8 = 0x18;
    /// DAC data (0x3c9).
    pub const DAC_DATA: u8 = 0x19;
    /// Feature control when read (0x3ca).
    pub const FEATURE_READ: u8 = 0x1a;
    /// Miscellaneous output when read (0x3cc).
    pub const MISC_READ: u8 = 0x1c;
    /// Graphics controller index (0x3ce).
    pub const GRAPHICS: u8 = 0x1e;
    /// Graphics controller data (0x3cf).
    pub const GRAPHICS_DATA: u8 = 0x1f;
    /// CRT controller index on a colour adapter (0x3d4); data at the next port.
    pub const CRTC_COLOR: u8 = 0x24;
    /// Input status 1 and feature control on a colour adapter (0x3da).
    pub const STATUS1_COLOR: u8 = 0x2a;
}

/// Miscellaneous output register.
pub mod miscellaneous {
    /// I/O address select: the CRT controller is at 0x3dx, not at 0x3bx.
    pub const COLOR: u8 = 1 << 0;
    /// The processor may access display memory.
    pub const RAM_ENABLE: u8 = 1 << 1;
    /// Clock select, bits 3-2.
    pub const CLOCK: u8 = 3 << 2;
    /// Clock select 1: 28.322 MHz; 0 is 25.175 MHz.
    pub const CLOCK_28_MHZ: u8 = 1 << 2;
}

/// Input status 0.
pub mod status0 {
    /// A monitor is attached: the comparators of the DAC sense it.
    pub const SENSE: u8 = 1 << 4;
}

/// Input status 1.
pub mod status1 {
    /// The beam is outside of the picture, to the side or above or below.
    pub const DISPLAY_DISABLED: u8 = 1 << 0;
    /// Vertical retrace.
    pub const VERTICAL_RETRACE: u8 = 1 << 3;
}

/// Sequencer.
pub mod sequencer {
    /// Number of registers.
    pub const COUNT: usize = 5;
    /// Bits that exist, register by register.
    pub const MASKS: [u8; COUNT] = [0x03, 0x3d, 0x0f, 0x3f, 0x0e];
    /// Clocking mode.
    pub const CLOCKING: usize = 1;
    /// Map mask: which planes are written.
    pub const MAP_MASK: usize = 2;
    /// Character map select.
    pub const CHARACTER_MAP: usize = 3;
    /// Memory mode.
    pub const MEMORY_MODE: usize = 4;

    /// Clocking mode: characters are 8 dots wide, not 9.
    pub const DOTS_8: u8 = 1 << 0;
    /// Clocking mode: the dot clock is halved.
    pub const HALF_CLOCK: u8 = 1 << 3;
    /// Clocking mode: the screen is off.
    pub const SCREEN_OFF: u8 = 1 << 5;
    /// Memory mode: odd/even is off for writes.
    pub const SEQUENTIAL: u8 = 1 << 2;
    /// Memory mode: chain 4.
    pub const CHAIN_4: u8 = 1 << 3;
}

/// Graphics controller.
pub mod graphics {
    /// Number of registers.
    pub const COUNT: usize = 9;
    /// Bits that exist, register by register.
    pub const MASKS: [u8; COUNT] = [0x0f, 0x0f, 0x0f, 0x1f, 0x03, 0x7b, 0x0f, 0x0f, 0xff];
    /// Set/reset.
    pub const SET_RESET: usize = 0;
    /// Enable set/reset.
    pub const ENABLE_SET_RESET: usize = 1;
    /// Color compare.
    pub const COLOR_COMPARE: usize = 2;
    /// Data rotate, and the function in bits 4-3.
    pub const DATA_ROTATE: usize = 3;
    /// Read map select.
    pub const READ_MAP: usize = 4;
    /// Mode.
    pub const MODE: usize = 5;
    /// Miscellaneous.
    pub const MISC: usize = 6;
    /// Color don't care: a clear bit leaves its plane out of the comparison.
    pub const COLOR_CARE: usize = 7;
    /// Bit mask.
    pub const BIT_MASK: usize = 8;

    /// Mode: write mode, bits 1-0.
    pub const WRITE_MODE: u8 = 3;
    /// Mode: reads compare colors.
    pub const READ_COMPARE: u8 = 1 << 3;
    /// Mode: odd/even reads.
    pub const READ_ODD_EVEN: u8 = 1 << 4;
    /// Mode: shift registers are interleaved for 4 colors.
    pub const SHIFT_INTERLEAVE: u8 = 1 << 5;
    /// Mode: shift registers are loaded for 256 colors.
    pub const SHIFT_256: u8 = 1 << 6;
    /// Miscellaneous: graphics, not text.
    pub const GRAPHICS_MODE: u8 = 1 << 0;
    /// Miscellaneous: address bit 0 chooses between odd and even planes.
    pub const CHAIN_ODD_EVEN: u8 = 1 << 1;

    /// First address and length of the window by bits 3-2 of the miscellaneous register ("Memory
    /// Map"), counted from 0xa0000.
    pub const WINDOWS: [(u32, u32); 4] =
        [(0, 0x2_0000), (0, 0x1_0000), (0x1_0000, 0x8000), (0x1_8000, 0x8000)];
}

/// CRT controller.
pub mod crtc {
    /// Number of registers.
    pub const COUNT: usize = 0x19;
    /// Horizontal total, in characters less 5.
    pub const HORIZONTAL_TOTAL: usize = 0x00;
    /// End of horizontal display, in characters less 1.
    pub const HORIZONTAL_END: usize = 0x01;
    /// Vertical total, in lines less 2.
    pub const VERTICAL_TOTAL: usize = 0x06;
    /// Bits 8 and 9 of the vertical registers.
    pub const OVERFLOW: usize = 0x07;
    /// Preset row scan.
    pub const PRESET_ROW: usize = 0x08;
    /// Maximum scan line; double scanning; bit 9 of line compare.
    pub const MAXIMUM_SCAN_LINE: usize = 0x09;
    /// Cursor start line.
    pub const CURSOR_START: usize = 0x0a;
    /// Cursor end line.
    pub const CURSOR_END: usize = 0x0b;
    /// Start address, high; low follows.
    pub const START_HIGH: usize = 0x0c;
    /// Cursor location, high; low follows.
    pub const CURSOR_HIGH: usize = 0x0e;
    /// Vertical retrace start.
    pub const RETRACE_START: usize = 0x10;
    /// Vertical retrace end, and the protection of registers 0-7.
    pub const RETRACE_END: usize = 0x11;
    /// End of vertical display, in lines less 1.
    pub const VERTICAL_END: usize = 0x12;
    /// Offset from row to row.
    pub const OFFSET: usize = 0x13;
    /// Underline location; doubleword mode.
    pub const UNDERLINE: usize = 0x14;
    /// Mode control.
    pub const MODE: usize = 0x17;
    /// Line compare.
    pub const LINE_COMPARE: usize = 0x18;

    /// Maximum scan line: bits 4-0.
    pub const ROW_LINES: u8 = 0x1f;
    /// Maximum scan line: each line is shown twice.
    pub const DOUBLE_SCAN: u8 = 1 << 7;
    /// Cursor start: the cursor is off.
    pub const CURSOR_OFF: u8 = 1 << 5;
    /// Vertical retrace end: registers 0-7 are protected.
    pub const PROTECT: u8 = 1 << 7;
    /// Overflow: bit 8 of line compare, which is never protected.
    pub const LINE_COMPARE_8: u8 = 1 << 4;
    /// Underline location: doubleword mode.
    pub const DOUBLEWORD: u8 = 1 << 6;
    /// Mode control: address bit 13 is not row scan bit 0 ("compatibility mode support").
    pub const NO_CGA_ROWS: u8 = 1 << 0;
    /// Mode control: address bit 14 is not row scan bit 1.
    pub const NO_HERCULES_ROWS: u8 = 1 << 1;
    /// Mode control: word mode wraps at address bit 15, not 13.
    pub const ADDRESS_WRAP: u8 = 1 << 5;
    /// Mode control: byte mode, not word mode.
    pub const BYTE_MODE: u8 = 1 << 6;
}

/// Attribute controller.
pub mod attribute {
    /// Number of registers: 16 of palette, then these.
    pub const COUNT: usize = 0x15;
    /// Mode control.
    pub const MODE: usize = 0x10;
    /// Overscan color.
    pub const OVERSCAN: usize = 0x11;
    /// Color plane enable.
    pub const PLANES: usize = 0x12;
    /// Horizontal PEL panning.
    pub const PANNING: usize = 0x13;
    /// Color select.
    pub const COLOR_SELECT: usize = 0x14;
    /// Bits of the index register: the index itself and the palette address source.
    pub const INDEX_BITS: u8 = 0x3f;

    /// Mode control: monochrome attributes.
    pub const MONO: u8 = 1 << 1;
    /// Mode control: the 9th dot of line graphics characters repeats the 8th.
    pub const LINE_GRAPHICS: u8 = 1 << 2;
    /// Mode control: attribute bit 7 blinks.
    pub const BLINK: u8 = 1 << 3;
    /// Mode control: a PEL is 8 bits, over two dot clocks.
    pub const PEL_8_BITS: u8 = 1 << 6;
    /// Mode control: palette bits 5-4 come from the color select register.
    pub const PALETTE_45_SELECT: u8 = 1 << 7;
}

/// Bochs VBE registers.
pub mod vbe {
    /// Version of the interface: 0xb0c0 to 0xb0c5.
    pub const ID: u16 = 0;
    /// Width.
    pub const XRES: u16 = 1;
    /// Height.
    pub const YRES: u16 = 2;
    /// Bits per pixel.
    pub const BPP: u16 = 3;
    /// Mode bits.
    pub const ENABLE: u16 = 4;
    /// Highest index of a register that holds what was written.
    pub const LAST: u16 = 9;
    /// Display memory in units of 64 KiB.
    pub const VIDEO_MEMORY_64K: u16 = 10;

    /// First value of [`ID`].
    pub const ID_FIRST: u16 = 0xb0c0;
    /// Last value of [`ID`] that is taken.
    pub const ID_LAST: u16 = 0xb0c5;
    /// [`ENABLE`]: the size registers tell the most that is possible.
    pub const GET_CAPABILITIES: u16 = 1 << 1;
}
