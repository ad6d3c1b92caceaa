//! The words of a frame, and writing them to a stack, all or nothing.

use crate::cpu::{Cpu, Done, Fault};
use crate::mmu::Privilege;
use crate::mmu::segment::within_limit;
use crate::mmu::walk::Intent;
use arch::exception::{Exception, Vector};
use arch::paging::PAGE_MASK;
use arch::segment::Segment;

impl Cpu {
    /// Where a frame goes below `sp` of a stack segment; it must lie within the segment's limits.
    pub(crate) fn frame_place(
        &self,
        frame: &Frame,
        stack: &Segment,
        sp: u64,
        vector: Vector,
        code: u32,
    ) -> Result<Place, Fault> {
        let mask = if stack.big() { 0xffff_ffff } else { 0xffff };
        let (len, word) = (frame.len() as u64, frame.word as u64);
        let place = Place { base: stack.base, mask, top: sp, sp: sp.wrapping_sub(len) & mask };
        let within = |offset: u64, bytes: u64| {
            offset + bytes - 1 <= mask && within_limit(stack, offset, bytes)
        };
        // The stack pointer wraps around between words, never within one.
        let good = stack.usable()
            && if place.wraps(len) {
                (1..=len / word).all(|i| within(sp.wrapping_sub(i * word) & mask, word))
            } else {
                within(place.sp, len)
            };
        if good { Ok(place) } else { Err(Exception::with_code(vector, code).into()) }
    }

    /// Writes a frame to its place at privilege `cpl`, all or nothing; returns the new stack pointer.
    pub(crate) fn write_frame(
        &mut self,
        frame: &Frame,
        place: &Place,
        cpl: u8,
    ) -> Result<u64, Fault> {
        if !place.wraps(frame.len() as u64) {
            self.write_words(place.linear(place.sp), frame, cpl)?;
            return Ok(place.sp);
        }
        let word = frame.word as u64;
        let offsets = || {
            (1..=frame.len() as u64 / word).map(|i| place.top.wrapping_sub(i * word) & place.mask)
        };
        for offset in offsets() {
            self.probe(place.linear(offset), word, Intent::Write, privilege(cpl))?;
        }
        for (offset, bytes) in offsets().zip(frame.bytes().rchunks(frame.word)) {
            self.write_linear(place.linear(offset), bytes, privilege(cpl))?;
        }
        Ok(place.sp)
    }

    /// Both in one.
    pub(crate) fn write_frame_at(
        &mut self,
        frame: &Frame,
        stack: &Segment,
        sp: u64,
        vector: Vector,
        code: u32,
        cpl: u8,
    ) -> Result<u64, Fault> {
        let place = self.frame_place(frame, stack, sp, vector, code)?;
        self.write_frame(frame, &place, cpl)
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

/// Where a frame goes.
pub(crate) struct Place {
    /// The stack segment's base.
    base: u64,
    /// Of the stack pointer.
    mask: u64,
    /// The stack pointer before and after.
    top: u64,
    sp: u64,
}

impl Place {
    fn linear(&self, offset: u64) -> u64 {
        offset.wrapping_add(self.base) & 0xffff_ffff
    }

    /// A frame of `len` bytes does not lie in one piece.
    fn wraps(&self, len: u64) -> bool {
        self.sp + len - 1 > self.mask
    }
}

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
