//! The state of the x87 unit and its words: SDM Vol. 1, "x87 FPU Execution Environment".

use crate::float::{Class, F80};
use serde::{Deserialize, Serialize};

/// Condition code C0.
pub(crate) const C0: u16 = 1 << 8;
/// Condition code C1: stack overflow, result rounded up, sign of FXAM.
pub(crate) const C1: u16 = 1 << 9;
/// Condition code C2.
pub(crate) const C2: u16 = 1 << 10;
/// Condition code C3.
pub(crate) const C3: u16 = 1 << 14;
/// Stack fault.
pub(crate) const SF: u16 = 1 << 6;
/// Exception summary, and B, its copy since the 387: both follow from the rest of the words.
const ES_AND_B: u16 = 1 << 7 | 1 << 15;
/// The six exceptions, in the status word and, as masks, in the control word.
const EXCEPTIONS: u16 = 0x3f;
/// Bits of the control word that can be set: masks, PC, RC, and X, which means nothing any more.
const CONTROL_WRITABLE: u16 = 0x1f3f;
/// Bit 6 of the control word is reserved and reads as 1.
const CONTROL_FIXED: u16 = 0x40;

/// The x87 unit; the MMX registers are the significands of its registers.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) struct X87State {
    /// Physical registers R0-R7: significand and sign-exponent.
    pub(crate) registers: [(u64, u16); 8],
    /// Control word.
    pub(crate) control: u16,
    /// Status word without TOP, ES and B: C0-C3, SF and the exceptions.
    pub(crate) status: u16,
    /// Top of stack, 0-7.
    pub(crate) top: u8,
    /// Bit n set: physical register n is empty.
    pub(crate) empty: u8,
    /// Last non-control instruction's opcode, 11 bits.
    pub(crate) opcode: u16,
    /// Its instruction pointer.
    pub(crate) ip: u64,
    /// Its code segment.
    pub(crate) cs: u16,
    /// Its memory operand's offset.
    pub(crate) dp: u64,
    /// Its memory operand's segment.
    pub(crate) ds: u16,
}

impl X87State {
    /// After RESET (not FNINIT): SDM Vol. 3A, "Processor State After Power-up".
    pub(crate) fn new() -> Self {
        Self {
            registers: [(0, 0); 8],
            control: CONTROL_FIXED,
            status: 0,
            top: 0,
            // After reset the tag word reads 5555h: valid zeros.
            empty: 0,
            opcode: 0,
            ip: 0,
            cs: 0,
            dp: 0,
            ds: 0,
        }
    }

    /// FNINIT: all registers become empty and keep their contents.
    pub(crate) fn init(&mut self) {
        *self = Self { registers: self.registers, control: 0x37f, empty: 0xff, ..Self::new() };
    }

    // ---- words ----

    /// Sets the control word; reserved bits stay as they are.
    pub(crate) fn set_control_word(&mut self, word: u16) {
        self.control = word & CONTROL_WRITABLE | CONTROL_FIXED;
    }

    /// An exception is flagged and not masked: ES.
    #[inline(always)]
    pub(crate) fn is_pending(&self) -> bool {
        self.status & !self.control & EXCEPTIONS != 0
    }

    /// The status word as FNSTSW stores it.
    pub(crate) fn status_word(&self) -> u16 {
        let summary = if self.is_pending() { ES_AND_B } else { 0 };
        self.status | summary | u16::from(self.top) << 11
    }

    /// Sets the status word from an image. ES and B of the image do not count.
    pub(crate) fn set_status_word(&mut self, word: u16) {
        self.status = word & (C0 | C1 | C2 | C3 | SF | EXCEPTIONS);
        self.top = (word >> 11 & 7) as u8;
    }

    /// The full tag word, two bits for each physical register; derived from the contents.
    pub(crate) fn tag_word(&self) -> u16 {
        (0..8).rev().fold(0, |word, n| word << 2 | self.tag(n))
    }

    fn tag(&self, physical: usize) -> u16 {
        const VALID: u16 = 0;
        const ZERO: u16 = 1;
        const SPECIAL: u16 = 2;
        const EMPTY: u16 = 3;
        if self.empty >> physical & 1 != 0 {
            return EMPTY;
        }
        match self.physical(physical).class() {
            Class::Normal => VALID,
            Class::Zero => ZERO,
            _ => SPECIAL,
        }
    }

    /// Sets the tags from a full tag word: only "empty" is taken over.
    pub(crate) fn set_tag_word(&mut self, word: u16) {
        self.empty = (0..8).fold(0, |empty, n| empty | u8::from(word >> (2 * n) & 3 == 3) << n);
    }

    /// The abridged tag word of FXSAVE: one bit for each physical register, 1 = not empty.
    pub(crate) fn abridged_tag_word(&self) -> u8 {
        !self.empty
    }

    /// Sets the tags from an abridged tag word.
    pub(crate) fn set_abridged_tag_word(&mut self, word: u8) {
        self.empty = !word;
    }

    // ---- the register stack ----

    fn physical(&self, n: usize) -> F80 {
        let (significand, sign_exponent) = self.registers[n];
        F80 { significand, sign_exponent }
    }

    /// Physical number of ST(i).
    fn number(&self, i: u8) -> usize {
        usize::from(self.top.wrapping_add(i) & 7)
    }

    /// The contents of ST(i), whatever its tag.
    pub(crate) fn st(&self, i: u8) -> F80 {
        self.physical(self.number(i))
    }

    /// True if ST(i) is empty.
    pub(crate) fn is_empty(&self, i: u8) -> bool {
        self.empty >> self.number(i) & 1 != 0
    }

    /// Sets ST(i), which is not empty afterwards.
    pub(crate) fn set_st(&mut self, i: u8, value: F80) {
        self.set_contents(i, value);
        self.empty &= !(1 << self.number(i));
    }

    /// Sets the contents of ST(i) and leaves its tag.
    pub(crate) fn set_contents(&mut self, i: u8, value: F80) {
        self.registers[self.number(i)] = (value.significand, value.sign_exponent);
    }

    /// Marks ST(i) empty; its contents stay.
    pub(crate) fn free(&mut self, i: u8) {
        self.empty |= 1 << self.number(i);
    }

    /// Moves TOP: +1 pops without freeing.
    pub(crate) fn rotate(&mut self, by: i8) {
        self.top = self.top.wrapping_add_signed(by) & 7;
    }

    /// Pops: frees ST(0) and moves TOP.
    pub(crate) fn pop(&mut self) {
        self.free(0);
        self.rotate(1);
    }

    /// Pushes, whether or not the register is empty.
    pub(crate) fn push(&mut self, value: F80) {
        self.rotate(-1);
        self.set_st(0, value);
    }
}

impl Default for X87State {
    fn default() -> Self {
        Self::new()
    }
}
