//! The decoded instruction: one cache-friendly record, built once, executed many times.

use crate::engine::Handler;

/// Register slot that always reads as zero: the absent base or index of an effective address.
pub(crate) const ZERO_SLOT: u8 = 16;
/// Register slot of the instruction pointer at offset 0 of the current page: RIP-relative operands.
pub(crate) const PAGE_SLOT: u8 = 17;
/// Marks AH, CH, DH, BH in an 8-bit register number: bits 8-15 of register `n & 3`.
pub(crate) const HIGH_BYTE: u8 = 0x80;
/// Value of [`Op::src`] (or `dst`) for an operand in memory.
pub(crate) const MEMORY: u8 = 0x40;

/// Where [`Op::imm`] holds the number of a third operand, and of a fourth.
pub(crate) const THIRD_SHIFT: u32 = 48;
pub(crate) const FOURTH_SHIFT: u32 = 56;

/// Address size of a memory operand, in [`Op::attr`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub(crate) enum AddressSize {
    /// 16-bit offsets.
    A16 = 0,
    /// 32-bit offsets.
    A32 = 1,
    /// 64-bit offsets.
    A64 = 2,
}

impl AddressSize {
    /// Mask of an offset of this size.
    #[inline(always)]
    pub(crate) const fn mask(self) -> u64 {
        match self {
            Self::A64 => u64::MAX,
            Self::A32 => 0xffff_ffff,
            Self::A16 => 0xffff,
        }
    }
}

/// One decoded instruction (or a pseudo-instruction that ends a block).
///
/// ```text
///  0        8        16       24     28   29   30   31    32    33   34    35  36     38   40
///  | handler| imm    | link   | disp |dst |src |base|index|scale|attr|place|len|offset|code|
/// ```
#[repr(C)]
#[derive(Clone, Copy)]
pub(crate) struct Op {
    /// What executes it.
    pub handler: Handler,
    /// Immediate, sign- or zero-extended as the instruction wants it; for near branches the target
    /// relative to the page's first byte; for 64-bit absolute addresses the address. Bits 32-39: a second
    /// immediate of 8 bits. Bits 48-55 and 56-63: a third and a fourth operand ([`Op::third`]).
    pub imm: u64,
    /// Branches: the op at the target, once linked (null before). Hot memory forms: the complete form
    /// that takes over when the fast path misses, as a `Handler`.
    pub link: *const (),
    /// Displacement; for RIP-relative operands relative to the page's first byte.
    pub disp: i32,
    /// Register of the first operand, or [`MEMORY`].
    pub dst: u8,
    /// Register of the second operand, or [`MEMORY`]. Which is which is the instruction's own order
    /// (SDM operand order).
    pub src: u8,
    /// Base register slot.
    pub base: u8,
    /// Index register slot.
    pub index: u8,
    /// Shift count of the index (0-3) in bits 0-1.
    pub scale: u8,
    /// Segment register number (bits 0-2), address size (bits 4-5), REP prefix (bit 6), REPNE (bit 7).
    pub attr: u8,
    /// Instructions of the block before this one.
    pub place: u8,
    /// Length in bytes.
    pub len: u8,
    /// Offset of its first byte within its page.
    pub offset: u16,
    /// iced-x86 `Code` number, for reports.
    pub code: u16,
}

// Eight ops fill five cache lines; a larger record costs dispatch speed (engine.md, part 2).
#[cfg(target_pointer_width = "64")]
const _: () = assert!(size_of::<Op>() == 40);

impl Op {
    /// Segment register number of the memory operand, in encoding order.
    pub(crate) fn segment(&self) -> usize {
        (self.attr & 7) as usize
    }
    /// Address size of the memory operand (or of a string instruction's counters).
    pub(crate) fn address_size(&self) -> AddressSize {
        match self.attr >> 4 & 3 {
            0 => AddressSize::A16,
            1 => AddressSize::A32,
            _ => AddressSize::A64,
        }
    }
    /// Register of the third operand, or [`MEMORY`], of an instruction with an immediate of 8 bits or none.
    pub(crate) fn third(&self) -> u8 {
        (self.imm >> THIRD_SHIFT) as u8
    }
    /// Register of the fourth operand: VEX instructions that name it in an immediate.
    pub(crate) fn fourth(&self) -> u8 {
        (self.imm >> FOURTH_SHIFT) as u8
    }
    /// Mask of an offset of that size.
    #[inline(always)]
    pub(crate) fn address_mask(&self) -> u64 {
        self.address_size().mask()
    }
    /// F3 prefix on a string instruction or LOOPcc.
    pub(crate) fn rep(&self) -> bool {
        self.attr & 0x40 != 0
    }
    /// F2 prefix on a string instruction or LOOPcc.
    pub(crate) fn repne(&self) -> bool {
        self.attr & 0x80 != 0
    }
}
