//! PCMPESTRI PCMPESTRM PCMPISTRI PCMPISTRM: SDM Vol. 2 and Vol. 1, "String and Text Processing Instructions". One bit
//! an element of the source: whether it is among the destination's elements, in one of its ranges, equal to the one
//! at its place, or where the destination's text begins.

use super::lanes;
use super::{high, join, low};
use crate::cpu::{Cpu, Done, Fault, reg};
use crate::decode::op::Op;
use crate::flags::{Status, Width};
use arch::rflags;

/// The control byte.
#[derive(Clone, Copy)]
struct Control(u8);

impl Control {
    fn are_words(self) -> bool {
        self.0 & 1 != 0
    }
    fn are_signed(self) -> bool {
        self.0 & 2 != 0
    }
    fn elements(self) -> u32 {
        if self.are_words() { 8 } else { 16 }
    }
    fn takes_highest(self) -> bool {
        self.0 & 0x40 != 0
    }
}

/// The outcome of a comparison, of which the instructions give an index, a mask, and flags.
#[derive(Clone, Copy)]
pub(crate) struct Comparison {
    /// IntRes2: one bit an element.
    bits: u32,
    control: Control,
    /// OF SF ZF CF; AF and PF are 0.
    pub(crate) status: Status,
}

impl Comparison {
    /// Of two texts, destination and source.
    #[inline(always)]
    pub(crate) fn of<L: Lengths>(cpu: &Cpu, texts: [u128; 2], imm: u8) -> Self {
        let lengths = match L::explicit(cpu) {
            Some(lengths) => Self::limited(lengths, imm),
            None => texts.map(|text| length(text, Control(imm))),
        };
        Self::new(aggregate(texts, lengths, Control(imm)), lengths, imm)
    }

    /// Explicit lengths count in either direction, up to a full register.
    #[inline(always)]
    pub(crate) fn limited(lengths: [i64; 2], imm: u8) -> [u32; 2] {
        let most = u64::from(Control(imm).elements());
        lengths.map(|length| length.unsigned_abs().min(most) as u32)
    }

    /// From IntRes1 and the lengths of both texts.
    #[inline(always)]
    pub(crate) fn new(found: u32, lengths: [u32; 2], imm: u8) -> Self {
        let control = Control(imm);
        let all = (1 << control.elements()) - 1;
        let valid = lengths.map(|length| (1u32 << length) - 1);
        let found = found & all;
        let bits = match imm >> 4 & 3 {
            1 => found ^ all,
            3 => found ^ valid[1],
            _ => found,
        };
        let flag = |set: bool, flag: u64| if set { flag } else { 0 };
        let flags = flag(bits != 0, rflags::CF)
            | flag(valid[1] != all, rflags::ZF)
            | flag(valid[0] != all, rflags::SF)
            | flag(bits & 1 != 0, rflags::OF);
        Self { bits, control, status: Status::from_rflags(flags) }
    }

    /// What PCMPESTRI, PCMPISTRI and their VEX forms write.
    #[inline(always)]
    pub(crate) fn put_index(self, cpu: &mut Cpu) {
        cpu.set_reg(reg::RCX, self.index());
        cpu.status = self.status;
    }

    /// Place of the first or last bit, or the number of elements if there is none: for ECX.
    #[inline(always)]
    pub(crate) fn index(self) -> u32 {
        if self.bits == 0 {
            return self.control.elements();
        }
        if self.control.takes_highest() { self.bits.ilog2() } else { self.bits.trailing_zeros() }
    }

    /// The bits themselves or elements of ones: for XMM0.
    #[inline(always)]
    pub(crate) fn mask(self) -> u128 {
        if !self.control.takes_highest() {
            return u128::from(self.bits);
        }
        let bits = u64::from(self.bits);
        if self.control.are_words() {
            join(super::blend::spread::<u16>(bits), super::blend::spread::<u16>(bits >> 4))
        } else {
            join(super::blend::spread::<u8>(bits), super::blend::spread::<u8>(bits >> 8))
        }
    }
}

/// Elements before the first zero.
#[inline(always)]
fn length(text: u128, control: Control) -> u32 {
    // The bit above the last element stands for "no zero".
    (equal(text, 0, control) | 1 << control.elements()).trailing_zeros()
}

/// IntRes1: the bits before polarity; those beyond the elements are anything.
#[inline(always)]
fn aggregate([dst, src]: [u128; 2], [dst_len, src_len]: [u32; 2], control: Control) -> u32 {
    let (dst_valid, src_valid) = ((1u32 << dst_len) - 1, (1u32 << src_len) - 1);
    match control.0 >> 2 & 3 {
        // Equal any.
        0 => {
            (0..dst_len).fold(0, |found, i| found | equal(src, broadcast(dst, i, control), control))
                & src_valid
        }
        // Ranges: pairs of a lower and an upper bound, an odd last one counts for nothing.
        1 => {
            (0..dst_len / 2).fold(0, |found, i| {
                let (from, to) =
                    (broadcast(dst, 2 * i, control), broadcast(dst, 2 * i + 1, control));
                found | !(below(src, from, control) | below(to, src, control))
            }) & src_valid
        }
        // Equal each: two elements behind the ends are equal.
        2 => equal(dst, src, control) & dst_valid & src_valid | !(dst_valid | src_valid),
        // Equal ordered: what would lie beyond the source's register is not looked at.
        _ => (0..dst_len).fold(u32::MAX, |found, i| {
            let matches = equal(src, broadcast(dst, i, control), control) & src_valid;
            found & (matches | u32::MAX << control.elements()) >> i
        }),
    }
}

/// Element `i` in every place.
#[inline(always)]
fn broadcast(text: u128, i: u32, control: Control) -> u128 {
    let half = if control.are_words() {
        u64::from((text >> (16 * i)) as u16) * lanes::ones::<u16>()
    } else {
        u64::from((text >> (8 * i)) as u8) * lanes::ones::<u8>()
    };
    join(half, half)
}

/// One bit for each pair of elements of which `test` has the top bit.
#[inline(always)]
fn bits_of<W: Width>(a: u128, b: u128, test: impl Fn(u64, u64) -> u64) -> u32 {
    let (first, second) = (test(low(a), low(b)), test(high(a), high(b)));
    let per_half = 64 / W::BITS;
    tops::<W>(first) | tops::<W>(second) << per_half
}

/// The top bits of the lanes of eight bytes.
#[inline(always)]
fn tops<W: Width>(lanes: u64) -> u32 {
    if W::BITS == 8 {
        return super::integer::byte_signs(lanes) as u32;
    }
    // Each bit is carried to its own place in the top four; no two products meet.
    const PLACES: u64 = 1 << 60 | 1 << 45 | 1 << 30 | 1 << 15;
    ((lanes >> 15 & lanes::ones::<u16>()).wrapping_mul(PLACES) >> 60) as u32
}

#[inline(always)]
fn equal(a: u128, b: u128, control: Control) -> u32 {
    if control.are_words() {
        bits_of::<u16>(a, b, lanes::equal::<u16>)
    } else {
        bits_of::<u8>(a, b, lanes::equal::<u8>)
    }
}

/// `a < b`, signed or unsigned.
#[inline(always)]
fn below(a: u128, b: u128, control: Control) -> u32 {
    match (control.are_words(), control.are_signed()) {
        (false, false) => bits_of::<u8>(a, b, lanes::below::<u8>),
        (false, true) => bits_of::<u8>(a, b, lanes::less::<u8>),
        (true, false) => bits_of::<u16>(a, b, lanes::below::<u16>),
        (true, true) => bits_of::<u16>(a, b, lanes::less::<u16>),
    }
}

/// Where a comparison gets the lengths.
pub(crate) trait Lengths: 'static {
    /// Those of destination and source; `None` if a zero ends a text.
    fn explicit(cpu: &Cpu) -> Option<[i64; 2]>;
}

/// PCMPISTR.
pub(crate) struct Implicit;
/// PCMPESTR: from EAX and EDX, or RAX and RDX.
pub(crate) struct Explicit<const WIDE: bool>;

impl Lengths for Implicit {
    #[inline(always)]
    fn explicit(_cpu: &Cpu) -> Option<[i64; 2]> {
        None
    }
}

impl<const WIDE: bool> Lengths for Explicit<WIDE> {
    #[inline(always)]
    fn explicit(cpu: &Cpu) -> Option<[i64; 2]> {
        Some([reg::RAX, reg::RDX].map(|n| {
            let value = cpu.reg::<u64>(n);
            if WIDE { value as i64 } else { i64::from(value as i32) }
        }))
    }
}

/// The comparison of an op's operands. The one in memory need not be aligned.
#[inline(always)]
fn compared<L: Lengths>(cpu: &mut Cpu, op: &Op) -> Result<Comparison, Fault> {
    cpu.sse_ready()?;
    let src = if Cpu::is_memory(op.src) { cpu.load_xmm::<false>(op)? } else { cpu.xmm(op.src) };
    Ok(Comparison::of::<L>(cpu, [cpu.xmm(op.dst), src], op.imm as u8))
}

/// PCMPESTRI, PCMPISTRI xmm, xmm/m128, imm8.
pub(crate) fn pcmpstri<L: Lengths>(cpu: &mut Cpu, op: &Op) -> Done {
    compared::<L>(cpu, op)?.put_index(cpu);
    Ok(())
}

/// PCMPESTRM, PCMPISTRM xmm, xmm/m128, imm8.
pub(crate) fn pcmpstrm<L: Lengths>(cpu: &mut Cpu, op: &Op) -> Done {
    let comparison = compared::<L>(cpu, op)?;
    cpu.set_xmm(0, comparison.mask());
    cpu.status = comparison.status;
    Ok(())
}
