//! One call of a service: the caller's registers, the flags on his stack, his memory, the devices.
//!
//! Addresses of buffers are linear and go through the guest's paging, if it has any. What is written
//! where no memory is gets lost, what is read there is all-ones; the VGA's window is reached.

use super::Bios;
use crate::board::Board;
use arch::rflags;
use arch::segment::{SegReg, Segment};
use arch::time::Instant;
use boot::layout::BDA;
use cpu::{Cpu, Registers};
use memory::{Memory, PAGE_SIZE, PhysAddr};

/// What an access to a device counts for among the bytes that devices move: it costs the guest nothing, and
/// the host its time.
const ACCESS_WORK: u64 = 64;

/// Numbers of the general registers in [`Registers::gpr`].
pub(crate) use boot::entry::gpr as reg;

/// One call.
pub(crate) struct Call<'a> {
    /// Registers, as the caller gets them back.
    pub(super) registers: Registers,
    pub(super) bios: &'a Bios,
    pub(super) board: &'a mut Board,
    pub(super) memory: &'a Memory,
    /// The present.
    pub(super) now: Instant,
    cpu: &'a Cpu,
}

impl<'a> Call<'a> {
    /// A call at the CPU's present; the board has been brought there.
    pub(crate) fn new(
        cpu: &'a Cpu,
        memory: &'a Memory,
        board: &'a mut Board,
        bios: &'a Bios,
    ) -> Self {
        Self { registers: cpu.registers(), bios, board, memory, now: cpu.now(), cpu }
    }

    /// The registers after the call.
    pub(crate) fn into_registers(self) -> Registers {
        self.registers
    }

    // ---- registers ----

    /// The whole 32 bits.
    pub(super) fn long(&self, register: usize) -> u32 {
        self.registers.gpr[register] as u32
    }

    /// The low 16 bits.
    pub(super) fn word(&self, register: usize) -> u16 {
        self.registers.gpr[register] as u16
    }

    /// AL, BL, CL, DL.
    pub(super) fn low(&self, register: usize) -> u8 {
        self.registers.gpr[register] as u8
    }

    /// AH, BH, CH, DH.
    pub(super) fn high(&self, register: usize) -> u8 {
        (self.registers.gpr[register] >> 8) as u8
    }

    pub(super) fn ah(&self) -> u8 {
        self.high(reg::RAX)
    }

    pub(super) fn al(&self) -> u8 {
        self.low(reg::RAX)
    }

    pub(super) fn set_long(&mut self, register: usize, value: u32) {
        self.registers.gpr[register] = value.into();
    }

    pub(super) fn set_word(&mut self, register: usize, value: u16) {
        let kept = self.registers.gpr[register] & !0xffff;
        self.registers.gpr[register] = kept | u64::from(value);
    }

    pub(super) fn set_low(&mut self, register: usize, value: u8) {
        let [_, high] = self.word(register).to_le_bytes();
        self.set_word(register, u16::from_le_bytes([value, high]));
    }

    pub(super) fn set_high(&mut self, register: usize, value: u8) {
        let [low, _] = self.word(register).to_le_bytes();
        self.set_word(register, u16::from_le_bytes([low, value]));
    }

    pub(super) fn set_ah(&mut self, value: u8) {
        self.set_high(reg::RAX, value);
    }

    pub(super) fn set_al(&mut self, value: u8) {
        self.set_low(reg::RAX, value);
    }

    /// ES becomes a real-mode segment. A caller in virtual-8086 mode loads alike.
    pub(super) fn set_es(&mut self, selector: u16) {
        self.registers.segments[SegReg::Es as usize] = Segment::real_mode(selector);
    }

    // ---- flags ----

    /// CF as the entry code sees it, not the caller.
    pub(super) fn tell_entry_code(&mut self, carry: bool) {
        self.registers.rflags = with(self.registers.rflags, rflags::CF, carry);
    }

    /// Success: the caller finds CF clear.
    pub(super) fn succeed(&mut self) {
        self.return_flag(rflags::CF, false);
    }

    /// Failure: the caller finds CF set and this in AH.
    pub(super) fn fail(&mut self, ah: u8) {
        self.set_ah(ah);
        self.return_flag(rflags::CF, true);
    }

    /// A flag as the caller finds it: INT pushed FLAGS, CS and IP.
    pub(super) fn return_flag(&mut self, flag: u64, value: bool) {
        let sp = self.word(reg::RSP).wrapping_add(4);
        let at = self.linear(SegReg::Ss, sp);
        let mut flags = [0; 2];
        self.read(at, &mut flags);
        let flags = with(u16::from_le_bytes(flags).into(), flag, value) as u16;
        self.write(at, &flags.to_le_bytes());
    }

    // ---- memory ----

    /// The linear address of an offset in a segment.
    pub(super) fn linear(&self, segment: SegReg, offset: u16) -> u64 {
        let base = self.registers.segments[segment as usize].base;
        base.wrapping_add(offset.into()) & 0xffff_ffff
    }

    /// Reads from a linear address on.
    pub(super) fn read(&mut self, linear: u64, out: &mut [u8]) {
        for_pages(linear, out.len(), |linear, piece| match self.physical(linear) {
            Some(at) => self.read_physical(at.0, &mut out[piece]),
            None => out[piece].fill(0xff),
        });
    }

    /// Writes from a linear address on.
    pub(super) fn write(&mut self, linear: u64, bytes: &[u8]) {
        for_pages(linear, bytes.len(), |linear, piece| {
            if let Some(at) = self.physical(linear) {
                self.write_physical(at.0, &bytes[piece]);
            }
        });
    }

    /// Reads physical memory.
    pub(super) fn read_physical(&mut self, at: u64, out: &mut [u8]) {
        for_pages(at, out.len(), |at, piece| {
            if self.memory.read(PhysAddr(at), &mut out[piece.clone()]).is_err() {
                for (at, byte) in (at..).zip(&mut out[piece]) {
                    *byte = self.read_window(at);
                }
            }
        });
    }

    /// Writes physical memory.
    pub(super) fn write_physical(&mut self, at: u64, bytes: &[u8]) {
        for_pages(at, bytes.len(), |at, piece| {
            let bytes = &bytes[piece];
            if self.memory.write(PhysAddr(at), bytes).is_err() {
                for (at, &byte) in (at..).zip(bytes) {
                    self.write_window(at, byte);
                }
            }
        });
    }

    fn read_window(&mut self, at: u64) -> u8 {
        let Some(offset) = self.board.in_vga_window(at) else { return 0xff };
        self.note_accesses(1);
        self.board.read_vga_memory(offset, 1) as u8
    }

    fn write_window(&mut self, at: u64, byte: u8) {
        if let Some(offset) = self.board.in_vga_window(at) {
            self.note_accesses(1);
            self.board.write_vga_memory(offset, 1, byte.into());
        }
    }

    fn physical(&self, linear: u64) -> Option<PhysAddr> {
        self.cpu.debug_translate(self.memory, linear)
    }

    // ---- data area ----

    pub(super) fn bda8(&self, offset: u64) -> u8 {
        let mut byte = [0];
        // The data area is RAM on every machine.
        let _ = self.memory.read(PhysAddr(BDA + offset), &mut byte);
        byte[0]
    }

    pub(super) fn bda16(&self, offset: u64) -> u16 {
        u16::from_le_bytes([self.bda8(offset), self.bda8(offset + 1)])
    }

    pub(super) fn bda32(&self, offset: u64) -> u32 {
        u32::from(self.bda16(offset)) | u32::from(self.bda16(offset + 2)) << 16
    }

    pub(super) fn set_bda8(&mut self, offset: u64, value: u8) {
        let _ = self.memory.write(PhysAddr(BDA + offset), &[value]);
    }

    pub(super) fn set_bda16(&mut self, offset: u64, value: u16) {
        let _ = self.memory.write(PhysAddr(BDA + offset), &value.to_le_bytes());
    }

    pub(super) fn set_bda32(&mut self, offset: u64, value: u32) {
        let _ = self.memory.write(PhysAddr(BDA + offset), &value.to_le_bytes());
    }

    // ---- ports ----

    /// The service touches devices so many times.
    pub(super) fn note_accesses(&mut self, count: u32) {
        self.board.note_moved(ACCESS_WORK * u64::from(count));
    }

    pub(super) fn inb(&mut self, port: u16) -> u8 {
        self.note_accesses(1);
        self.board.read_port(port, 1) as u8
    }

    pub(super) fn outb(&mut self, port: u16, value: u8) {
        self.note_accesses(1);
        self.board.write_port(port, 1, value.into(), self.memory);
    }
}

fn with(flags: u64, flag: u64, value: bool) -> u64 {
    if value { flags | flag } else { flags & !flag }
}

/// Calls for each piece of a range that lies within a page: its address, and its place in the range.
fn for_pages(from: u64, len: usize, mut each: impl FnMut(u64, core::ops::Range<usize>)) {
    let mut done = 0;
    while done < len {
        let at = from.wrapping_add(done as u64);
        let piece = ((PAGE_SIZE - at % PAGE_SIZE) as usize).min(len - done);
        each(at, done..done + piece);
        done += piece;
    }
}
