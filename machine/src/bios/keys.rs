//! What a scan code of set 1 means to INT 16h: code and character, by the keys that are held.
//!
//! Follows: IBM BIOS Interface Technical Reference, "INT 16H - Keyboard", "Keyboard Scan Codes and ASCII
//! Values", US layout.

/// Bits of the shift flags at 0x417.
pub(super) const RIGHT_SHIFT: u8 = 1 << 0;
pub(super) const LEFT_SHIFT: u8 = 1 << 1;
pub(super) const CTRL: u8 = 1 << 2;
pub(super) const ALT: u8 = 1 << 3;
pub(super) const SCROLL_LOCK: u8 = 1 << 4;
pub(super) const NUM_LOCK: u8 = 1 << 5;
pub(super) const CAPS_LOCK: u8 = 1 << 6;
pub(super) const INSERT: u8 = 1 << 7;

/// Bits at 0x418: keys that are held. The locks and Insert have the bits of what they toggle.
pub(super) const LEFT_CTRL: u8 = 1 << 0;
pub(super) const LEFT_ALT: u8 = 1 << 1;
pub(super) const SYSTEM_REQUEST: u8 = 1 << 2;

/// Bits at 0x496: more keys that are held.
pub(super) const RIGHT_CTRL: u8 = 1 << 2;
pub(super) const RIGHT_ALT: u8 = 1 << 3;

/// What the data area knows of the keys that are held.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Held {
    /// 0x417.
    pub(super) shift: u8,
    /// 0x418.
    pub(super) more: u8,
    /// 0x496.
    pub(super) right: u8,
}

impl Held {
    /// As INT 16h, 12h tells them in AH: Ctrl and Alt of both sides, the locks, and the system request key
    /// where 0x418 has Insert.
    pub(super) fn extended(self) -> u8 {
        let locks = SCROLL_LOCK | NUM_LOCK | CAPS_LOCK;
        let left = self.more & (LEFT_CTRL | LEFT_ALT | locks);
        left | self.right & (RIGHT_CTRL | RIGHT_ALT) | (self.more & SYSTEM_REQUEST) << 5
    }
}

/// How a key changes the flags.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Shift {
    /// Shift: this bit at 0x417, while it is held.
    Plain(u8),
    /// Ctrl and Alt on the left: the bits at 0x417 and 0x418.
    Left(u8, u8),
    /// On the right: the bits at 0x417 and 0x496.
    Right(u8, u8),
    /// Changes this bit at 0x417 each time it is pressed; the same at 0x418 while it is held.
    Toggle(u8),
    /// The bit at 0x418 alone.
    More(u8),
}

impl Shift {
    /// The flags after the key was pressed or released.
    pub(super) fn change(self, flags: Held, released: bool) -> Held {
        let put = |flags: u8, bit: u8| if released { flags & !bit } else { flags | bit };
        let Held { mut shift, mut more, mut right } = flags;
        match self {
            Self::Plain(bit) => shift = put(shift, bit),
            Self::Left(_, bit) | Self::More(bit) => more = put(more, bit),
            Self::Right(_, bit) => right = put(right, bit),
            Self::Toggle(bit) => {
                // A key that repeats was not pressed again.
                shift ^= if released { 0 } else { bit & !more };
                more = put(more, bit);
            }
        }
        if let Self::Left(bit, _) | Self::Right(bit, _) = self {
            let left_bit = if bit == CTRL { LEFT_CTRL } else { LEFT_ALT };
            let right_bit = if bit == CTRL { RIGHT_CTRL } else { RIGHT_ALT };
            let held = more & left_bit != 0 || right & right_bit != 0;
            shift = if held { shift | bit } else { shift & !bit };
        }
        Held { shift, more, right }
    }
}

/// The shift key with this code, when these are held at 0x417. The shifts that keyboards invent around
/// extended keys are none. Insert is one besides being a key, if it is pressed alone and types no digit.
pub(super) fn shift(code: u8, extended: bool, released: bool, flags: u8) -> Option<Shift> {
    const INSERT_CODE: u8 = 0x52;
    let shifted = flags & (LEFT_SHIFT | RIGHT_SHIFT) != 0;
    let digit = !extended && shifted != (flags & NUM_LOCK != 0);
    let alone = flags & (CTRL | ALT) == 0;
    Some(match (code, extended) {
        (0x1d, false) => Shift::Left(CTRL, LEFT_CTRL),
        (0x1d, true) => Shift::Right(CTRL, RIGHT_CTRL),
        (0x38, false) => Shift::Left(ALT, LEFT_ALT),
        (0x38, true) => Shift::Right(ALT, RIGHT_ALT),
        (0x2a, false) => Shift::Plain(LEFT_SHIFT),
        (0x36, false) => Shift::Plain(RIGHT_SHIFT),
        (0x2a | 0x36, true) => Shift::Plain(0),
        (0x3a, false) => Shift::Toggle(CAPS_LOCK),
        (0x45, false) => Shift::Toggle(NUM_LOCK),
        (0x46, false) => Shift::Toggle(SCROLL_LOCK),
        (0x54, false) => Shift::More(SYSTEM_REQUEST),
        (INSERT_CODE, _) if released || alone && !digit => Shift::Toggle(INSERT),
        _ => return None,
    })
}

/// Code in the high byte, character in the low one: plain, with Shift, with Ctrl, with Alt. 0 is no key.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Key {
    code: u8,
    extended: bool,
    words: [u16; 4],
}

impl Key {
    /// The key with this code.
    pub(super) fn of(code: u8, extended: bool) -> Option<Self> {
        if extended {
            let row = EXTENDED.iter().find(|row| row.0 == code);
            return row.map(|row| Self { code, extended, words: row.1 });
        }
        let words = letter(code).or_else(|| PLAIN.get(usize::from(code)).copied());
        words.filter(|words| *words != [0; 4]).map(|words| Self { code, extended, words })
    }

    /// What it is with these shift flags.
    pub(super) fn with(self, flags: u8) -> Option<u16> {
        let shifted = flags & (LEFT_SHIFT | RIGHT_SHIFT) != 0;
        let keypad = !self.extended && (0x47..=0x53).contains(&self.code);
        let locked = match (keypad, letter(self.code).is_some() && !self.extended) {
            (true, _) => flags & NUM_LOCK != 0,
            (false, true) => flags & CAPS_LOCK != 0,
            _ => false,
        };
        let column = match () {
            () if flags & ALT != 0 => 3,
            () if flags & CTRL != 0 => 2,
            () => usize::from(shifted != locked),
        };
        Some(self.words[column]).filter(|&word| word != 0)
    }
}

/// The key that types a character which came in over a serial line: what terminals send for Enter and
/// Backspace is theirs.
pub(super) fn of_character(character: u8) -> Option<u16> {
    let character = match character {
        b'\n' => b'\r',
        0x7f => 0x08,
        other => other,
    };
    let codes = (0..PLAIN.len() as u8).filter_map(|code| Key::of(code, false));
    let words = codes.flat_map(|key| [key.words[0], key.words[1], key.words[2]]);
    words.into_iter().find(|&word| word & 0xff == u16::from(character) && word & 0xff != 0)
}

/// Letters by their codes: the words follow from the character.
fn letter(code: u8) -> Option<[u16; 4]> {
    const ROWS: [(u8, &[u8]); 3] =
        [(0x10, b"qwertyuiop"), (0x1e, b"asdfghjkl"), (0x2c, b"zxcvbnm")];
    let character = ROWS
        .iter()
        .find_map(|(first, row)| row.get(usize::from(code.checked_sub(*first)?)).copied())?;
    let upper = u16::from(code) << 8;
    let small = u16::from(character);
    Some([upper | small, upper | (small & !0x20), upper | (small & 0x1f), upper])
}

/// By code; letters are not in it.
const PLAIN: [[u16; 4]; 0x59] = {
    let rows: [(u8, [u16; 4]); 54] = [
        (0x01, [0x011b, 0x011b, 0x011b, 0x0100]), // Esc
        (0x02, [0x0231, 0x0221, 0, 0x7800]),
        (0x03, [0x0332, 0x0340, 0x0300, 0x7900]),
        (0x04, [0x0433, 0x0423, 0, 0x7a00]),
        (0x05, [0x0534, 0x0524, 0, 0x7b00]),
        (0x06, [0x0635, 0x0625, 0, 0x7c00]),
        (0x07, [0x0736, 0x075e, 0x071e, 0x7d00]),
        (0x08, [0x0837, 0x0826, 0, 0x7e00]),
        (0x09, [0x0938, 0x092a, 0, 0x7f00]),
        (0x0a, [0x0a39, 0x0a28, 0, 0x8000]),
        (0x0b, [0x0b30, 0x0b29, 0, 0x8100]),
        (0x0c, [0x0c2d, 0x0c5f, 0x0c1f, 0x8200]),
        (0x0d, [0x0d3d, 0x0d2b, 0, 0x8300]),
        (0x0e, [0x0e08, 0x0e08, 0x0e7f, 0x0e00]), // Backspace
        (0x0f, [0x0f09, 0x0f00, 0x9400, 0xa500]), // Tab
        (0x1a, [0x1a5b, 0x1a7b, 0x1a1b, 0x1a00]),
        (0x1b, [0x1b5d, 0x1b7d, 0x1b1d, 0x1b00]),
        (0x1c, [0x1c0d, 0x1c0d, 0x1c0a, 0x1c00]), // Enter
        (0x27, [0x273b, 0x273a, 0, 0x2700]),
        (0x28, [0x2827, 0x2822, 0, 0x2800]),
        (0x29, [0x2960, 0x297e, 0, 0x2900]),
        (0x2b, [0x2b5c, 0x2b7c, 0x2b1c, 0x2b00]),
        (0x33, [0x332c, 0x333c, 0, 0x3300]),
        (0x34, [0x342e, 0x343e, 0, 0x3400]),
        (0x35, [0x352f, 0x353f, 0, 0x3500]),
        (0x37, [0x372a, 0x372a, 0x9600, 0x3700]), // keypad *
        (0x39, [0x3920, 0x3920, 0x3920, 0x3920]),
        (0x3b, [0x3b00, 0x5400, 0x5e00, 0x6800]), // F1
        (0x3c, [0x3c00, 0x5500, 0x5f00, 0x6900]),
        (0x3d, [0x3d00, 0x5600, 0x6000, 0x6a00]),
        (0x3e, [0x3e00, 0x5700, 0x6100, 0x6b00]),
        (0x3f, [0x3f00, 0x5800, 0x6200, 0x6c00]),
        (0x40, [0x4000, 0x5900, 0x6300, 0x6d00]),
        (0x41, [0x4100, 0x5a00, 0x6400, 0x6e00]),
        (0x42, [0x4200, 0x5b00, 0x6500, 0x6f00]),
        (0x43, [0x4300, 0x5c00, 0x6600, 0x7000]),
        (0x44, [0x4400, 0x5d00, 0x6700, 0x7100]), // F10
        (0x47, [0x4700, 0x4737, 0x7700, 0]),      // keypad
        (0x48, [0x4800, 0x4838, 0x8d00, 0]),
        (0x49, [0x4900, 0x4939, 0x8400, 0]),
        (0x4a, [0x4a2d, 0x4a2d, 0x8e00, 0x4a00]),
        (0x4b, [0x4b00, 0x4b34, 0x7300, 0]),
        (0x4c, [0x4cf0, 0x4c35, 0x8f00, 0]),
        (0x4d, [0x4d00, 0x4d36, 0x7400, 0]),
        (0x4e, [0x4e2b, 0x4e2b, 0x9000, 0x4e00]),
        (0x4f, [0x4f00, 0x4f31, 0x7500, 0]),
        (0x50, [0x5000, 0x5032, 0x9100, 0]),
        (0x51, [0x5100, 0x5133, 0x7600, 0]),
        (0x52, [0x5200, 0x5230, 0x9200, 0]),
        (0x53, [0x5300, 0x532e, 0x9300, 0]),
        (0x56, [0x565c, 0x567c, 0, 0]),
        (0x57, [0x8500, 0x8700, 0x8900, 0x8b00]), // F11
        (0x58, [0x8600, 0x8800, 0x8a00, 0x8c00]), // F12
        (0x54, [0, 0, 0, 0]),                     // Print Screen with Alt
    ];
    let mut table = [[0; 4]; 0x59];
    let mut index = 0;
    while index < rows.len() {
        table[rows[index].0 as usize] = rows[index].1;
        index += 1;
    }
    table
};

/// Keys behind a prefix: their characters say so, or their codes.
const EXTENDED: [(u8, [u16; 4]); 12] = [
    (0x1c, [0xe00d, 0xe00d, 0xe00a, 0xa600]), // keypad Enter
    (0x35, [0xe02f, 0xe02f, 0x9500, 0xa400]), // keypad /
    (0x47, [0x47e0, 0x47e0, 0x77e0, 0x9700]), // Home
    (0x48, [0x48e0, 0x48e0, 0x8de0, 0x9800]),
    (0x49, [0x49e0, 0x49e0, 0x84e0, 0x9900]),
    (0x4b, [0x4be0, 0x4be0, 0x73e0, 0x9b00]),
    (0x4d, [0x4de0, 0x4de0, 0x74e0, 0x9d00]),
    (0x4f, [0x4fe0, 0x4fe0, 0x75e0, 0x9f00]),
    (0x50, [0x50e0, 0x50e0, 0x91e0, 0xa000]),
    (0x51, [0x51e0, 0x51e0, 0x76e0, 0xa100]),
    (0x52, [0x52e0, 0x52e0, 0x92e0, 0xa200]),
    (0x53, [0x53e0, 0x53e0, 0x93e0, 0xa300]), // Delete
];

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(code: u8, extended: bool, flags: u8) -> Option<u16> {
        Key::of(code, extended).and_then(|key| key.with(flags))
    }

    /// IBM BIOS Interface Technical Reference, "Keyboard Scan Codes and ASCII Values".
    #[test]
    fn keys_mean_what_the_held_keys_make_of_them() {
        assert_eq!(typed(0x1e, false, 0), Some(0x1e61));
        assert_eq!(typed(0x1e, false, LEFT_SHIFT), Some(0x1e41));
        assert_eq!(typed(0x1e, false, CAPS_LOCK), Some(0x1e41));
        assert_eq!(typed(0x1e, false, CAPS_LOCK | RIGHT_SHIFT), Some(0x1e61));
        assert_eq!(typed(0x30, false, CTRL), Some(0x3002));
        assert_eq!(typed(0x1e, false, ALT), Some(0x1e00));
        assert_eq!(typed(0x03, false, CAPS_LOCK), Some(0x0332), "no letter");
        assert_eq!(typed(0x47, false, NUM_LOCK), Some(0x4737));
        assert_eq!(typed(0x47, true, NUM_LOCK), Some(0x47e0));
        assert_eq!(typed(0x3b, false, CTRL), Some(0x5e00));
        assert_eq!(typed(0x02, false, CTRL), None);
        assert_eq!(typed(0x7f, false, 0), None);
    }

    #[test]
    fn every_printable_character_can_be_typed_over_a_serial_line() {
        for character in 0x20..0x7f {
            let key = of_character(character).unwrap_or_else(|| panic!("{character:#x}"));
            assert_eq!(key as u8, character);
        }
        assert_eq!(of_character(b'\n'), Some(0x1c0d));
        assert_eq!(of_character(0x02), Some(0x3002), "Ctrl-B");
        assert_eq!(of_character(0x1b), Some(0x011b));
        assert_eq!((of_character(0), of_character(0xe4)), (None, None));
    }
}
