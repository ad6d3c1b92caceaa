//! INT 16h: keys; INT 09h: a byte of the keyboard.
//!
//! Follows: IBM BIOS Interface Technical Reference, "INT 16H - Keyboard", "INT 09H - Keyboard", and the
//! ring of 15 keys in the data area.

use super::keys::{self, Held, Key};
use super::{After, Call};
use crate::bios::call::reg;
use crate::board::Request;
use arch::rflags;
use boot::bios::bda;

const KEYBOARD_DATA: u16 = 0x60;
const KEYBOARD_STATUS: u16 = 0x64;
/// Status: a byte waits; it is the mouse's.
const OUTPUT_FULL: u8 = 1 << 0;
const FROM_MOUSE: u8 = 1 << 5;
/// Prefixes and the bit of a release.
const EXTENDED: u8 = 0xe0;
const PAUSE: u8 = 0xe1;
const RELEASE: u8 = 0x80;
/// Flags at [`bda::KEYBOARD_FLAGS`]: the prefixes that came last.
const AFTER_EXTENDED: u8 = 1 << 1;
const AFTER_PAUSE: u8 = 1 << 0;
/// The last code of the keyboards that functions 00h to 02h know.
const OLD_CODES_LAST: u8 = 0x84;
/// Places that head and tail can point to: even offsets of a byte.
const PLACES: usize = 128;

impl Call<'_> {
    /// CF as the entry code sees it asks it to wait for a key.
    pub(super) fn int16(&mut self) -> After {
        self.tell_entry_code(false);
        self.type_serial_input();
        let ah = self.ah();
        match ah {
            0x00 | 0x10 => match self.next_key(ah == 0x10) {
                Some(key) => {
                    self.set_word(reg::RAX, key);
                    self.drop_key();
                }
                None => self.tell_entry_code(true),
            },
            0x01 | 0x11 => {
                let key = self.next_key(ah == 0x11);
                if let Some(key) = key {
                    self.set_word(reg::RAX, key);
                }
                self.return_flag(rflags::ZF, key.is_none());
            }
            0x02 => {
                let flags = self.bda8(bda::SHIFT_FLAGS);
                self.set_al(flags);
            }
            0x03 => {} // a keyboard that does not repeat
            0x05 => {
                let key = self.word(reg::RCX);
                let full = !self.store_key(key);
                self.set_al(full.into());
            }
            0x12 => {
                let held = self.held();
                self.set_al(held.shift);
                self.set_ah(held.extended());
            }
            _ => return self.unknown(),
        }
        After::GoOn
    }

    /// The next key as the old or the extended functions tell it; keys that they do not know are dropped. A
    /// guest may have bent the ring so that its head never comes to its tail.
    fn next_key(&mut self, extended: bool) -> Option<u16> {
        for _ in 0..PLACES {
            if self.bda16(bda::KEY_HEAD) == self.bda16(bda::KEY_TAIL) {
                break;
            }
            let key = self.bda16(self.ring_place(bda::KEY_HEAD));
            let [character, code] = key.to_le_bytes();
            if extended {
                // F0h marks keys that old keyboards lack and that have no character.
                let character = if character == 0xf0 { 0 } else { character };
                return Some(u16::from_le_bytes([character, code]));
            }
            match (character, code) {
                (character, EXTENDED) if character != 0 => {
                    // The keypad's Enter and slash, with their prefix for a code.
                    let old = if character == b'/' { 0x35 } else { 0x1c };
                    return Some(u16::from_le_bytes([character, old]));
                }
                (EXTENDED, code) if code != 0 => return Some(u16::from_le_bytes([0, code])),
                (0xf0, _) => self.drop_key(),
                (_, code) if code > OLD_CODES_LAST => self.drop_key(),
                _ => return Some(key),
            }
        }
        None
    }

    /// Offset in the data area that head or tail of the ring point to; a guest may have put anything there.
    fn ring_place(&self, pointer: u64) -> u64 {
        u64::from(self.bda16(pointer) & 0xfe)
    }

    fn after_in_ring(&self, pointer: u64) -> u16 {
        let next = self.bda16(pointer).wrapping_add(2);
        if next >= self.bda16(bda::KEYS_END) { self.bda16(bda::KEYS_START) } else { next }
    }

    fn drop_key(&mut self) {
        let next = self.after_in_ring(bda::KEY_HEAD);
        self.set_bda16(bda::KEY_HEAD, next);
    }

    /// Puts a key into the ring; false if it is full.
    fn store_key(&mut self, key: u16) -> bool {
        let next = self.after_in_ring(bda::KEY_TAIL);
        if next == self.bda16(bda::KEY_HEAD) {
            return false;
        }
        self.set_bda16(self.ring_place(bda::KEY_TAIL), key);
        self.set_bda16(bda::KEY_TAIL, next);
        true
    }

    fn has_room(&self) -> bool {
        self.after_in_ring(bda::KEY_TAIL) != self.bda16(bda::KEY_HEAD)
    }

    /// What has come in at COM1 is typed, where text goes there too.
    fn type_serial_input(&mut self) {
        while self.bios.serial && self.has_room() {
            let Some(byte) = self.take_serial_byte() else { return };
            if let Some(key) = keys::of_character(byte) {
                self.store_key(key);
            }
        }
    }

    // ---- INT 09h ----

    /// IRQ 1.
    pub(super) fn key(&mut self) -> After {
        let status = self.inb(KEYBOARD_STATUS);
        if status & (OUTPUT_FULL | FROM_MOUSE) == OUTPUT_FULL {
            let code = self.inb(KEYBOARD_DATA);
            self.scan_code(code);
        }
        After::GoOn
    }

    fn scan_code(&mut self, code: u8) {
        let flags = self.bda8(bda::KEYBOARD_FLAGS);
        if let EXTENDED | PAUSE = code {
            let prefix = if code == PAUSE { AFTER_PAUSE } else { AFTER_EXTENDED };
            self.set_bda8(bda::KEYBOARD_FLAGS, flags | prefix);
            return;
        }
        // Pause is e1 1d 45, and the same released.
        let pause = flags & AFTER_PAUSE != 0;
        let extended = flags & AFTER_EXTENDED != 0;
        let ends = !pause || code & !RELEASE == 0x45;
        let prefixes = if ends { AFTER_EXTENDED | AFTER_PAUSE } else { AFTER_EXTENDED };
        self.set_bda8(bda::KEYBOARD_FLAGS, flags & !prefixes);
        if pause {
            return;
        }
        let (code, released) = (code & !RELEASE, code & RELEASE != 0);
        let held = self.held();
        let shift = keys::shift(code, extended, released, held.shift);
        if let Some(shift) = shift {
            let Held { shift, more, right } = shift.change(held, released);
            self.set_bda8(bda::SHIFT_FLAGS, shift);
            self.set_bda8(bda::MORE_FLAGS, more);
            self.set_bda8(bda::KEYBOARD_FLAGS, right);
        }
        if !released {
            self.press(code, extended);
        }
    }

    /// The keys that are held, and the locks.
    fn held(&self) -> Held {
        Held {
            shift: self.bda8(bda::SHIFT_FLAGS),
            more: self.bda8(bda::MORE_FLAGS),
            right: self.bda8(bda::KEYBOARD_FLAGS),
        }
    }

    fn press(&mut self, code: u8, extended: bool) {
        const DELETE: u8 = 0x53;
        let flags = self.bda8(bda::SHIFT_FLAGS);
        if code == DELETE && flags & keys::CTRL != 0 && flags & keys::ALT != 0 {
            self.board.request(Request::Reset);
            return;
        }
        if let Some(key) = Key::of(code, extended).and_then(|key| key.with(flags)) {
            self.store_key(key);
        }
    }
}
