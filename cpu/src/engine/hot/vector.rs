//! Sixteen bytes as the host computes with them, and the packed integer operations on them.
//!
//! On x86-64 hosts an operation is the very instruction that the guest executes (SSE2 is part of every such
//! host); elsewhere it is the portable one from `insn/sse/`, which is the definition and the test oracle.
//!
//! Every write of an XMM register here is one of 16 bytes. A host that has two smaller stores on the way
//! cannot hand them to a load of 16 bytes and waits until they are in its cache.

use crate::insn::sse::integer::*;
use crate::insn::sse::logic::*;
#[cfg(not(target_arch = "x86_64"))]
use crate::insn::sse::shift::both;
use crate::insn::sse::shift::{Psll, Psra, Psrl};
use crate::insn::sse::shuffle::{Punpckh, Punpckl};
#[cfg(target_arch = "x86_64")]
use core::arch::x86_64::*;

/// Sixteen bytes.
#[cfg(target_arch = "x86_64")]
pub(super) type V = __m128i;
/// Sixteen bytes.
#[cfg(not(target_arch = "x86_64"))]
pub(super) type V = u128;

/// Puts two halves together.
#[inline(always)]
pub(super) fn join(low: u64, high: u64) -> V {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: SSE2 is there on every x86-64 host.
    return unsafe { _mm_set_epi64x(high as i64, low as i64) };
    #[cfg(not(target_arch = "x86_64"))]
    crate::insn::sse::join(low, high)
}

/// As a number.
#[cfg(not(target_arch = "x86_64"))]
#[inline(always)]
pub(super) fn to_bits(value: V) -> u128 {
    value
}

/// From a number.
#[inline(always)]
pub(super) fn from_bits(bits: u128) -> V {
    join(bits as u64, (bits >> 64) as u64)
}

/// Puts four doublewords together, the lowest first.
#[inline(always)]
pub(super) fn gather([a, b, c, d]: [u32; 4]) -> V {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: SSE2 is there on every x86-64 host.
    return unsafe { _mm_set_epi32(d as i32, c as i32, b as i32, a as i32) };
    #[cfg(not(target_arch = "x86_64"))]
    join(u64::from(a) | u64::from(b) << 32, u64::from(c) | u64::from(d) << 32)
}

/// Puts four floats together, the lowest first: without a way through general registers.
#[inline(always)]
pub(super) fn gather_floats([a, b, c, d]: [f32; 4]) -> V {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: SSE is there on every x86-64 host.
    return unsafe { _mm_castps_si128(_mm_set_ps(d, c, b, a)) };
    #[cfg(not(target_arch = "x86_64"))]
    gather([a.to_bits(), b.to_bits(), c.to_bits(), d.to_bits()])
}

/// The top bits of the sixteen bytes.
#[inline(always)]
pub(super) fn byte_signs(value: V) -> u32 {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: SSE2 is there on every x86-64 host.
    return unsafe { _mm_movemask_epi8(value) as u32 };
    #[cfg(not(target_arch = "x86_64"))]
    (0..16).fold(0, |mask, i| mask | ((value >> (8 * i + 7) & 1) as u32) << i)
}

/// The top bits of the four doublewords.
#[inline(always)]
pub(super) fn doubleword_signs(value: V) -> u32 {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: SSE2 is there on every x86-64 host.
    return unsafe { _mm_movemask_ps(_mm_castsi128_ps(value)) as u32 };
    #[cfg(not(target_arch = "x86_64"))]
    (0..4).fold(0, |mask, i| mask | ((value >> (32 * i + 31) & 1) as u32) << i)
}

/// A packed operation: of the destination and the source.
pub(crate) trait Native: 'static {
    fn eval(dst: V, src: V) -> V;
}

/// `native!` lists two-operand operations, `shifts!` shifts whose count is the low half of the source.
macro_rules! native {
    ($($operation:ty => $instruction:ident;)*) => {$(
        native!(@$operation, $instruction, <$operation as crate::insn::sse::Packed>::xmm);
    )*};
    (@$operation:ty, $instruction:ident, $portable:expr) => {
        impl Native for $operation {
            #[inline(always)]
            fn eval(dst: V, src: V) -> V {
                #[cfg(target_arch = "x86_64")]
                // SAFETY: SSE2 is there on every x86-64 host.
                return unsafe { $instruction(dst, src) };
                #[cfg(not(target_arch = "x86_64"))]
                $portable(dst, src)
            }
        }
    };
}

native! {
    Padd<u8> => _mm_add_epi8;
    Padd<u16> => _mm_add_epi16;
    Padd<u32> => _mm_add_epi32;
    Padd<u64> => _mm_add_epi64;
    Psub<u8> => _mm_sub_epi8;
    Psub<u16> => _mm_sub_epi16;
    Psub<u32> => _mm_sub_epi32;
    Psub<u64> => _mm_sub_epi64;
    Padds<u8> => _mm_adds_epi8;
    Padds<u16> => _mm_adds_epi16;
    Paddus<u8> => _mm_adds_epu8;
    Paddus<u16> => _mm_adds_epu16;
    Psubs<u8> => _mm_subs_epi8;
    Psubs<u16> => _mm_subs_epi16;
    Psubus<u8> => _mm_subs_epu8;
    Psubus<u16> => _mm_subs_epu16;
    Pmullw => _mm_mullo_epi16;
    Pmulhw => _mm_mulhi_epi16;
    Pmulhuw => _mm_mulhi_epu16;
    Pmuludq => _mm_mul_epu32;
    Pmaddwd => _mm_madd_epi16;
    Psadbw => _mm_sad_epu8;
    Pavg<u8> => _mm_avg_epu8;
    Pavg<u16> => _mm_avg_epu16;
    Pminu<u8> => _mm_min_epu8;
    Pmaxu<u8> => _mm_max_epu8;
    Pmins<u16> => _mm_min_epi16;
    Pmaxs<u16> => _mm_max_epi16;
    Pcmpeq<u8> => _mm_cmpeq_epi8;
    Pcmpeq<u16> => _mm_cmpeq_epi16;
    Pcmpeq<u32> => _mm_cmpeq_epi32;
    Pcmpgt<u8> => _mm_cmpgt_epi8;
    Pcmpgt<u16> => _mm_cmpgt_epi16;
    Pcmpgt<u32> => _mm_cmpgt_epi32;
    Pand => _mm_and_si128;
    Pandn => _mm_andnot_si128;
    Por => _mm_or_si128;
    Pxor => _mm_xor_si128;
    Packsswb => _mm_packs_epi16;
    Packssdw => _mm_packs_epi32;
    Packuswb => _mm_packus_epi16;
    Punpckl<u8> => _mm_unpacklo_epi8;
    Punpckl<u16> => _mm_unpacklo_epi16;
    Punpckl<u32> => _mm_unpacklo_epi32;
    Punpckh<u8> => _mm_unpackhi_epi8;
    Punpckh<u16> => _mm_unpackhi_epi16;
    Punpckh<u32> => _mm_unpackhi_epi32;
}

macro_rules! shifts {
    ($($operation:ty => $instruction:ident;)*) => {$(
        native!(@$operation, $instruction, |dst, src| both::<$operation>(dst, src as u64));
    )*};
}

shifts! {
    Psll<u16> => _mm_sll_epi16;
    Psll<u32> => _mm_sll_epi32;
    Psll<u64> => _mm_sll_epi64;
    Psrl<u16> => _mm_srl_epi16;
    Psrl<u32> => _mm_srl_epi32;
    Psrl<u64> => _mm_srl_epi64;
    Psra<u16> => _mm_sra_epi16;
    Psra<u32> => _mm_sra_epi32;
}
