//! Keys, their scan codes, and which of them type a character.
//!
//! Follows: IBM PS/2 Technical Reference, "Keyboard (101- and 102-Key)", scan code sets 2 and 3;
//! Microsoft, "Keyboard Scan Code Specification" (2000), for set 1 as the translation of set 2 and for the
//! keys of 104-key keyboards. Names are those of QEMU's `sendkey`.
//!
//! Not emulated: the shift codes around the grey keys that depend on NumLock and Shift; Pause with Ctrl.

use serde::{Deserialize, Serialize};

/// Prefix of a key that the first AT keyboard did not have.
const EXTENDED: u8 = 0xe0;
/// Prefix of a release in sets 2 and 3.
pub(super) const RELEASE: u8 = 0xf0;
/// Bit of a release in set 1.
const RELEASE_BIT: u8 = 0x80;

/// Two keys of set 2 that are like no other.
const PRINT: u16 = 0xe07c;
const PAUSE: u16 = 0xe177;

/// Name, set 2 (with its prefix), set 3.
type Row = (&'static str, u16, u8);

const KEYS: [Row; 104] = [
    ("esc", 0x76, 0x08),
    ("f1", 0x05, 0x07),
    ("f2", 0x06, 0x0f),
    ("f3", 0x04, 0x17),
    ("f4", 0x0c, 0x1f),
    ("f5", 0x03, 0x27),
    ("f6", 0x0b, 0x2f),
    ("f7", 0x83, 0x37),
    ("f8", 0x0a, 0x3f),
    ("f9", 0x01, 0x47),
    ("f10", 0x09, 0x4f),
    ("f11", 0x78, 0x56),
    ("f12", 0x07, 0x5e),
    ("print", 0xe07c, 0x57),
    ("scroll_lock", 0x7e, 0x5f),
    ("pause", 0xe177, 0x62),
    ("grave_accent", 0x0e, 0x0e),
    ("1", 0x16, 0x16),
    ("2", 0x1e, 0x1e),
    ("3", 0x26, 0x26),
    ("4", 0x25, 0x25),
    ("5", 0x2e, 0x2e),
    ("6", 0x36, 0x36),
    ("7", 0x3d, 0x3d),
    ("8", 0x3e, 0x3e),
    ("9", 0x46, 0x46),
    ("0", 0x45, 0x45),
    ("minus", 0x4e, 0x4e),
    ("equal", 0x55, 0x55),
    ("backspace", 0x66, 0x66),
    ("tab", 0x0d, 0x0d),
    ("q", 0x15, 0x15),
    ("w", 0x1d, 0x1d),
    ("e", 0x24, 0x24),
    ("r", 0x2d, 0x2d),
    ("t", 0x2c, 0x2c),
    ("y", 0x35, 0x35),
    ("u", 0x3c, 0x3c),
    ("i", 0x43, 0x43),
    ("o", 0x44, 0x44),
    ("p", 0x4d, 0x4d),
    ("bracket_left", 0x54, 0x54),
    ("bracket_right", 0x5b, 0x5b),
    ("backslash", 0x5d, 0x5c),
    ("caps_lock", 0x58, 0x14),
    ("a", 0x1c, 0x1c),
    ("s", 0x1b, 0x1b),
    ("d", 0x23, 0x23),
    ("f", 0x2b, 0x2b),
    ("g", 0x34, 0x34),
    ("h", 0x33, 0x33),
    ("j", 0x3b, 0x3b),
    ("k", 0x42, 0x42),
    ("l", 0x4b, 0x4b),
    ("semicolon", 0x4c, 0x4c),
    ("apostrophe", 0x52, 0x52),
    ("ret", 0x5a, 0x5a),
    ("shift", 0x12, 0x12),
    ("z", 0x1a, 0x1a),
    ("x", 0x22, 0x22),
    ("c", 0x21, 0x21),
    ("v", 0x2a, 0x2a),
    ("b", 0x32, 0x32),
    ("n", 0x31, 0x31),
    ("m", 0x3a, 0x3a),
    ("comma", 0x41, 0x41),
    ("dot", 0x49, 0x49),
    ("slash", 0x4a, 0x4a),
    ("shift_r", 0x59, 0x59),
    ("ctrl", 0x14, 0x11),
    ("meta_l", 0xe01f, 0x8b),
    ("alt", 0x11, 0x19),
    ("spc", 0x29, 0x29),
    ("alt_r", 0xe011, 0x39),
    ("meta_r", 0xe027, 0x8c),
    ("menu", 0xe02f, 0x8d),
    ("ctrl_r", 0xe014, 0x58),
    ("insert", 0xe070, 0x67),
    ("home", 0xe06c, 0x6e),
    ("pgup", 0xe07d, 0x6f),
    ("delete", 0xe071, 0x64),
    ("end", 0xe069, 0x65),
    ("pgdn", 0xe07a, 0x6d),
    ("up", 0xe075, 0x63),
    ("left", 0xe06b, 0x61),
    ("down", 0xe072, 0x60),
    ("right", 0xe074, 0x6a),
    ("num_lock", 0x77, 0x76),
    ("kp_divide", 0xe04a, 0x77),
    ("kp_multiply", 0x7c, 0x7e),
    ("kp_subtract", 0x7b, 0x84),
    ("kp_7", 0x6c, 0x6c),
    ("kp_8", 0x75, 0x75),
    ("kp_9", 0x7d, 0x7d),
    ("kp_add", 0x79, 0x7c),
    ("kp_4", 0x6b, 0x6b),
    ("kp_5", 0x73, 0x73),
    ("kp_6", 0x74, 0x74),
    ("kp_1", 0x69, 0x69),
    ("kp_2", 0x72, 0x72),
    ("kp_3", 0x7a, 0x7a),
    ("kp_enter", 0xe05a, 0x79),
    ("kp_0", 0x70, 0x70),
    ("kp_decimal", 0x71, 0x71),
];

/// The characters of the US layout: key name, alone, with Shift.
const US_LAYOUT: [(&str, char, char); 21] = [
    ("grave_accent", '`', '~'),
    ("1", '1', '!'),
    ("2", '2', '@'),
    ("3", '3', '#'),
    ("4", '4', '$'),
    ("5", '5', '%'),
    ("6", '6', '^'),
    ("7", '7', '&'),
    ("8", '8', '*'),
    ("9", '9', '('),
    ("0", '0', ')'),
    ("minus", '-', '_'),
    ("equal", '=', '+'),
    ("bracket_left", '[', '{'),
    ("bracket_right", ']', '}'),
    ("backslash", '\\', '|'),
    ("semicolon", ';', ':'),
    ("apostrophe", '\'', '"'),
    ("comma", ',', '<'),
    ("dot", '.', '>'),
    ("slash", '/', '?'),
];

/// What the controller makes of a code of set 2: the codes of set 1. Codes from 0x80 on pass, but for
/// F7 (0x83) and SysRq (0x84).
pub(super) const fn translate(code: u8) -> u8 {
    const TABLE: [u8; 128] = [
        0xff, 0x43, 0x41, 0x3f, 0x3d, 0x3b, 0x3c, 0x58, 0x64, 0x44, 0x42, 0x40, 0x3e, 0x0f, 0x29,
        0x59, 0x65, 0x38, 0x2a, 0x70, 0x1d, 0x10, 0x02, 0x5a, 0x66, 0x71, 0x2c, 0x1f, 0x1e, 0x11,
        0x03, 0x5b, 0x67, 0x2e, 0x2d, 0x20, 0x12, 0x05, 0x04, 0x5c, 0x68, 0x39, 0x2f, 0x21, 0x14,
        0x13, 0x06, 0x5d, 0x69, 0x31, 0x30, 0x23, 0x22, 0x15, 0x07, 0x5e, 0x6a, 0x72, 0x32, 0x24,
        0x16, 0x08, 0x09, 0x5f, 0x6b, 0x33, 0x25, 0x17, 0x18, 0x0b, 0x0a, 0x60, 0x6c, 0x34, 0x35,
        0x26, 0x27, 0x19, 0x0c, 0x61, 0x6d, 0x73, 0x28, 0x74, 0x1a, 0x0d, 0x62, 0x6e, 0x3a, 0x36,
        0x1c, 0x1b, 0x75, 0x2b, 0x63, 0x76, 0x55, 0x56, 0x77, 0x78, 0x79, 0x7a, 0x0e, 0x7b, 0x7c,
        0x4f, 0x7d, 0x4b, 0x47, 0x7e, 0x7f, 0x6f, 0x52, 0x53, 0x50, 0x4c, 0x4d, 0x48, 0x01, 0x45,
        0x57, 0x4e, 0x51, 0x4a, 0x37, 0x49, 0x46, 0x54,
    ];
    match code {
        0x83 => 0x41,
        0x84 => 0x54,
        0..0x80 => TABLE[code as usize],
        other => other,
    }
}

/// A key of a 104-key keyboard.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Key(u8);

/// A key goes down or comes up.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Stroke {
    /// The key.
    pub key: Key,
    /// Down, not up.
    pub down: bool,
}

impl Key {
    /// The key of a name, such as `ret`, `f1` or `a`.
    pub fn named(name: &str) -> Option<Self> {
        let index = KEYS.iter().position(|row| row.0 == name)?;
        u8::try_from(index).ok().map(Self)
    }

    /// The key of a row of the table.
    #[cfg(test)]
    pub(super) const fn numbered(number: u8) -> Self {
        Self(number)
    }

    fn row(self) -> Row {
        KEYS.get(usize::from(self.0)).copied().unwrap_or(KEYS[0])
    }

    /// The code of set 3.
    pub(super) fn set3(self) -> u8 {
        self.row().2
    }
}

impl Stroke {
    /// The bytes in a scan code set, 1 to 3, all others counted as 2.
    pub(super) fn codes(self, set: u8) -> Vec<u8> {
        match set {
            1 => self.set1(),
            3 if self.down => vec![self.key.set3()],
            3 => vec![RELEASE, self.key.set3()],
            _ => self.set2(),
        }
    }

    fn set2(self) -> Vec<u8> {
        let wide = self.key.row().1;
        let [prefix, code] = wide.to_be_bytes();
        match (wide, self.down) {
            // Pause tells its release at once; Print Screen comes with a shift of its own.
            (PAUSE, true) => vec![0xe1, 0x14, 0x77, 0xe1, RELEASE, 0x14, RELEASE, 0x77],
            (PAUSE, false) => Vec::new(),
            (PRINT, true) => vec![EXTENDED, 0x12, EXTENDED, code],
            (PRINT, false) => vec![EXTENDED, RELEASE, code, EXTENDED, RELEASE, 0x12],
            (_, true) if prefix != 0 => vec![prefix, code],
            (_, true) => vec![code],
            (_, false) if prefix != 0 => vec![prefix, RELEASE, code],
            (_, false) => vec![RELEASE, code],
        }
    }

    fn set1(self) -> Vec<u8> {
        let mut release = 0;
        let mut bytes = Vec::new();
        for code in self.set2() {
            if code == RELEASE {
                release = RELEASE_BIT;
            } else {
                bytes.push(translate(code) | release);
                release = 0;
            }
        }
        bytes
    }
}

/// The strokes that type a character on a US keyboard, Shift or Ctrl around them; `None` if no key does.
/// A line feed is Enter, DEL is Backspace, other control characters are letters with Ctrl.
pub fn strokes_of(character: char) -> Option<Vec<Stroke>> {
    let name = match character {
        '\n' | '\r' => "ret",
        '\t' => "tab",
        ' ' => "spc",
        '\x1b' => "esc",
        '\x08' | '\x7f' => "backspace",
        _ => return typed(character),
    };
    Some(around(Key::named(name)?, None))
}

fn typed(character: char) -> Option<Vec<Stroke>> {
    let letter = |character: char| Key::named(character.encode_utf8(&mut [0; 4]));
    match character {
        'a'..='z' => Some(around(letter(character)?, None)),
        'A'..='Z' => Some(around(letter(character.to_ascii_lowercase())?, Some("shift"))),
        '\x01'..='\x1a' => {
            let letter = letter(char::from(character as u8 + b'a' - 1))?;
            Some(around(letter, Some("ctrl")))
        }
        _ => {
            let row = US_LAYOUT.iter().find(|row| row.1 == character || row.2 == character)?;
            let modifier = (row.2 == character).then_some("shift");
            Some(around(Key::named(row.0)?, modifier))
        }
    }
}

/// The key down and up, the modifier around it.
fn around(key: Key, modifier: Option<&str>) -> Vec<Stroke> {
    let modifier = modifier.and_then(Key::named);
    let stroke = |key: Key, down: bool| Stroke { key, down };
    let mut strokes = Vec::new();
    strokes.extend(modifier.map(|key| stroke(key, true)));
    strokes.extend([stroke(key, true), stroke(key, false)]);
    strokes.extend(modifier.map(|key| stroke(key, false)));
    strokes
}
