//! The words of a frame, and writing them to a stack, all or nothing.

use crate::cpu::{Cpu, Done, Fault};
use crate::mmu::Privilege;
use crate::mmu::segment::within_limit;
use crate::mmu::walk::Intent;
use arch::exception::{Exception, Vector};
use arch::paging::PAGE_MASK;
use arch::segment::Segment;

impl Cpu {
    pub(super) fn write_frame(
        &mut self,
        frame: &Frame,
        stack: &Segment,
        sp: u64,
        vector: Vector,
        code: u32,
    ) -> Result<u64, Fault> {
        self.write_frame_at(frame, stack, sp, vector, code, self.cpl)
    }

    /// Writes a frame below `sp` of a stack segment at privilege `cpl`, all or nothing; returns the new stack pointer.
    pub(crate) fn write_frame_at(
        &mut self,
        frame: &Frame,
        stack: &Segment,
        sp: u64,
        vector: Vector,
        code: u32,
        cpl: u8,
    ) -> Result<u64, Fault> {
        let mask = if stack.big() { 0xffff_ffff } else { 0xffff };
        let len = frame.len() as u64;
        let new = sp.wrapping_sub(len) & mask;
        let fault = Err(Exception::with_code(vector, code).into());
        let linear = |offset: u64| offset.wrapping_add(stack.base) & 0xffff_ffff;
        if new + len - 1 <= mask {
            if !within_limit(stack, new, len) {
                return fault;
            }
            self.write_words(linear(new), frame, cpl)?;
            return Ok(new);
        }
        // The stack pointer wraps around between words, never within one.
        let word = frame.word as u64;
        let places = || (1..=len / word).map(|i| sp.wrapping_sub(i * word) & mask);
        for offset in places() {
            if offset + word - 1 > mask || !within_limit(stack, offset, word) {
                return fault;
            }
            self.probe(linear(offset), word, Intent::Write, privilege(cpl))?;
        }
        for (offset, bytes) in places().zip(frame.bytes().rchunks(frame.word)) {
            self.write_linear(linear(offset), bytes, privilege(cpl))?;
        }
        Ok(new)
    }

    /// Writes a frame to ascending linear addresses, all or nothing. Words are pushed from the top, so
    /// the first that cannot be written is the one a page fault names.
    pub(crate) fn write_words(&mut self, linear: u64, frame: &Frame, cpl: u8) -> Done {
        let word = frame.word as u64;
        let top = linear.wrapping_add(frame.len() as u64 - word);
        let one_page = (linear ^ top.wrapping_add(word - 1)) & !PAGE_MASK == 0;
        let words = if one_page { 1 } else { frame.len() as u64 / word };
        for i in 0..words {
            let at = self.system_linear(top.wrapping_sub(i * word));
            self.probe(at, word, Intent::Write, privilege(cpl))?;
        }
        self.write_linear(linear, frame.bytes(), privilege(cpl))
    }
}

/// On whose behalf a frame is written for a handler at `cpl`.
pub(super) fn privilege(cpl: u8) -> Privilege {
    if cpl == 3 { Privilege::Current } else { Privilege::Supervisor }
}

/// Largest frame: a 32-bit call gate's, with old SS:ESP, 31 parameters and old CS:EIP.
const FRAME: usize = 4 * (31 + 4);

/// The words of an interrupt frame, highest address first, at one size.
pub(crate) struct Frame {
    bytes: [u8; FRAME],
    start: usize,
    word: usize,
}

impl Frame {
    /// Empty, of words of 2, 4 or 8 bytes.
    pub(crate) fn new(word: usize) -> Self {
        Self { bytes: [0; FRAME], start: FRAME, word }
    }
    /// Pushes a word.
    pub(crate) fn push(&mut self, value: u64) {
        self.start -= self.word;
        let at = self.start;
        self.bytes[at..at + self.word].copy_from_slice(&value.to_le_bytes()[..self.word]);
    }
    /// In ascending order of address.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes[self.start..]
    }
    /// Bytes pushed.
    pub(crate) fn len(&self) -> usize {
        FRAME - self.start
    }
}
