//! Packed integer arithmetic and comparison, PACK, PMOVMSKB: SDM Vol. 2. The lane's width is the type
//! parameter, as in PADDB, PADDW, PADDD, PADDQ. Products of their own kind are in `multiply.rs`, sums of
//! neighbours in `horizontal.rs`.

use super::lanes::{self, doubleword, doublewords, word, words};
use super::{Bank, Packed, high, join, low};
use crate::cpu::{Cpu, Done};
use crate::decode::op::Op;
use crate::flags::Width;
use core::marker::PhantomData;

macro_rules! lane_operations {
    ($($(#[$doc:meta])* $name:ident = $function:expr;)*) => {$(
        $(#[$doc])*
        pub(crate) struct $name<W>(PhantomData<W>);
        impl<W: Width> Packed for $name<W> {
            #[inline(always)]
            fn mm(dst: u64, src: u64) -> u64 {
                $function(dst, src)
            }
        }
    )*};
}

lane_operations! {
    /// PADDB PADDW PADDD PADDQ.
    Padd = lanes::add::<W>;
    /// PSUBB PSUBW PSUBD PSUBQ.
    Psub = lanes::sub::<W>;
    /// PADDSB PADDSW.
    Padds = lanes::add_signed::<W>;
    /// PSUBSB PSUBSW.
    Psubs = lanes::sub_signed::<W>;
    /// PADDUSB PADDUSW.
    Paddus = lanes::add_unsigned::<W>;
    /// PSUBUSB PSUBUSW.
    Psubus = lanes::sub_unsigned::<W>;
    /// PAVGB PAVGW.
    Pavg = lanes::average::<W>;
    /// PCMPEQB PCMPEQW PCMPEQD PCMPEQQ.
    Pcmpeq = lanes::equal::<W>;
    /// PCMPGTB PCMPGTW PCMPGTD PCMPGTQ: signed.
    Pcmpgt = |dst, src| lanes::less::<W>(src, dst);
    /// PMINUB PMINUW PMINUD.
    Pminu = |dst, src| lanes::select(lanes::below::<W>(dst, src), dst, src);
    /// PMAXUB PMAXUW PMAXUD.
    Pmaxu = |dst, src| lanes::select(lanes::below::<W>(dst, src), src, dst);
    /// PMINSB PMINSW PMINSD.
    Pmins = |dst, src| lanes::select(lanes::less::<W>(dst, src), dst, src);
    /// PMAXSB PMAXSW PMAXSD.
    Pmaxs = |dst, src| lanes::select(lanes::less::<W>(dst, src), src, dst);
    /// PABSB PABSW PABSD: of the source. The most negative value stays.
    Pabs = |_dst, src| lanes::negate_where::<W>(lanes::negative::<W>(src), src);
    /// PSIGNB PSIGNW PSIGND: the destination negated, zeroed or kept by the source's sign.
    Psign = |dst, src| {
        lanes::negate_where::<W>(lanes::negative::<W>(src), dst) & !lanes::equal::<W>(src, 0)
    };
}

/// The products of the four words, of which `part` keeps 16 bits.
#[inline(always)]
fn multiply_words(dst: u64, src: u64, part: impl Fn(u16, u16) -> u16) -> u64 {
    words([0, 1, 2, 3].map(|i| part(word(dst, i), word(src, i))))
}

/// Product of two signed words.
#[inline(always)]
fn signed_product(a: u16, b: u16) -> i32 {
    i32::from(a as i16) * i32::from(b as i16)
}

/// PMULLW.
pub(crate) struct Pmullw;
impl Packed for Pmullw {
    #[inline(always)]
    fn mm(dst: u64, src: u64) -> u64 {
        multiply_words(dst, src, u16::wrapping_mul)
    }
}

/// PMULHW.
pub(crate) struct Pmulhw;
impl Packed for Pmulhw {
    #[inline(always)]
    fn mm(dst: u64, src: u64) -> u64 {
        multiply_words(dst, src, |a, b| (signed_product(a, b) >> 16) as u16)
    }
}

/// PMULHUW.
pub(crate) struct Pmulhuw;
impl Packed for Pmulhuw {
    #[inline(always)]
    fn mm(dst: u64, src: u64) -> u64 {
        multiply_words(dst, src, |a, b| ((u32::from(a) * u32::from(b)) >> 16) as u16)
    }
}

/// PMULUDQ.
pub(crate) struct Pmuludq;
impl Packed for Pmuludq {
    #[inline(always)]
    fn mm(dst: u64, src: u64) -> u64 {
        (dst & 0xffff_ffff) * (src & 0xffff_ffff)
    }
}

/// PMADDWD. Only four times 8000h overflows, to 80000000h.
pub(crate) struct Pmaddwd;
impl Packed for Pmaddwd {
    #[inline(always)]
    fn mm(dst: u64, src: u64) -> u64 {
        let product = |i| signed_product(word(dst, i), word(src, i));
        let pair = |i: u32| product(i).wrapping_add(product(i + 1)) as u32;
        doublewords(pair(0), pair(2))
    }
}

/// PSADBW.
pub(crate) struct Psadbw;
impl Packed for Psadbw {
    #[inline(always)]
    fn mm(dst: u64, src: u64) -> u64 {
        let distance = lanes::sub_unsigned::<u8>(dst, src) | lanes::sub_unsigned::<u8>(src, dst);
        const EVEN: u64 = 0x00ff_00ff_00ff_00ff;
        let pairs = (distance & EVEN) + (distance >> 8 & EVEN);
        pairs.wrapping_mul(lanes::ones::<u16>()) >> 48
    }
}

/// The pack instructions: the lanes of both operands narrowed with saturation, the destination's first.
trait Pack {
    /// The four bytes (or two words) that come of eight.
    fn narrow(wide: u64) -> u32;
}

/// Four words narrowed to bytes.
#[inline(always)]
fn narrow_words(wide: u64, saturate: impl Fn(i16) -> u8) -> u32 {
    u32::from_le_bytes([0, 1, 2, 3].map(|i| saturate(word(wide, i) as i16)))
}

macro_rules! packs {
    ($($(#[$doc:meta])* $name:ident = |$wide:ident| $narrowed:expr;)*) => {$(
        $(#[$doc])*
        pub(crate) struct $name;
        impl Pack for $name {
            #[inline(always)]
            fn narrow($wide: u64) -> u32 {
                $narrowed
            }
        }
        impl Packed for $name {
            #[inline(always)]
            fn mm(dst: u64, src: u64) -> u64 {
                doublewords(Self::narrow(dst), Self::narrow(src))
            }
            #[inline(always)]
            fn xmm(dst: u128, src: u128) -> u128 {
                join(Self::mm(low(dst), high(dst)), Self::mm(low(src), high(src)))
            }
        }
    )*};
}

packs! {
    /// PACKSSWB.
    Packsswb = |wide| narrow_words(wide, |w| w.clamp(-0x80, 0x7f) as u8);
    /// PACKUSWB: of signed words.
    Packuswb = |wide| narrow_words(wide, |w| w.clamp(0, 0xff) as u8);
    /// PACKSSDW.
    Packssdw = |wide| {
        let saturate = |d: u32| (d as i32).clamp(-0x8000, 0x7fff) as u32 & 0xffff;
        saturate(doubleword(wide, 0)) | saturate(doubleword(wide, 1)) << 16
    };
    /// PACKUSDW: of signed doublewords.
    Packusdw = |wide| {
        let saturate = |d: u32| (d as i32).clamp(0, 0xffff) as u32;
        saturate(doubleword(wide, 0)) | saturate(doubleword(wide, 1)) << 16
    };
}

/// The top bits of eight bytes.
#[inline(always)]
pub(super) fn byte_signs(bytes: u64) -> u64 {
    // Each top bit is carried to its own place in the top byte; no two products meet.
    (bytes & lanes::signs::<u8>()).wrapping_mul(0x0002_0408_1020_4081) >> 56
}

/// PMOVMSKB r, mm.
#[inline(always)]
pub(crate) fn pmovmskb_mm(cpu: &mut Cpu, op: &Op) -> Done {
    super::Mm::ready(cpu)?;
    let mask = byte_signs(cpu.mm(op.src));
    cpu.touch_mmx();
    cpu.set_reg::<u64>(op.dst, mask);
    Ok(())
}

/// PMOVMSKB r, xmm.
#[inline(always)]
pub(crate) fn pmovmskb_xmm(cpu: &mut Cpu, op: &Op) -> Done {
    cpu.sse_ready()?;
    let bytes = cpu.xmm(op.src);
    cpu.set_reg::<u64>(op.dst, byte_signs(low(bytes)) | byte_signs(high(bytes)) << 8);
    Ok(())
}
