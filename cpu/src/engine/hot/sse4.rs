//! The operations of SSSE3, SSE4, AES, PCLMULQDQ, SHA and AVX2's own shifts and permutes on sixteen bytes, each with
//! the host's instruction.

use super::form::{Form, Need, Operand};
use super::host_operation::HostOperation;
use super::sse::{get, set_value};
use super::vector::{V, join};
use crate::cpu::Cpu;
use crate::decode::op::Op;
use crate::flags::Width;
use crate::insn::avx::shift::Each;
use crate::insn::avx::shuffle::{Permilpd, Permilps};
use crate::insn::sse::aes::*;
use crate::insn::sse::blend::{Blend, Blendv};
use crate::insn::sse::carryless::Pclmulqdq;
use crate::insn::sse::extend::{Extend, Pmovsx, Pmovzx};
use crate::insn::sse::horizontal::*;
use crate::insn::sse::integer::*;
use crate::insn::sse::multiply::*;
#[cfg(not(target_arch = "x86_64"))]
use crate::insn::sse::operation::{Binary, BinaryImm, Ternary};
use crate::insn::sse::sha::*;
use crate::insn::sse::shift::{Psll, Psra, Psrl};
use crate::insn::sse::shuffle::{Palignr, Pshufb};
#[cfg(target_arch = "x86_64")]
use core::arch::x86_64::*;
use core::marker::PhantomData;

/// Operations with the host's instruction: of two values, of the source alone, of three, with an immediate.
macro_rules! operations {
    ($need:ident $aligned:literal: $($kind:ident $operation:ty => $instruction:ident;)*) => {$(
        impl HostOperation for $operation {
            const NEED: Need = Need::$need;
            const ALIGNED: bool = $aligned;
            #[inline(always)]
            unsafe fn eval(dst: V, src: V, third: V, imm: u8) -> V {
                let _ = (dst, third, imm);
                #[cfg(target_arch = "x86_64")]
                // SAFETY: the host has it, says the caller.
                return unsafe { operations!(@host $kind $instruction dst src third imm) };
                #[cfg(not(target_arch = "x86_64"))]
                operations!(@portable $kind $operation, dst src third imm)
            }
        }
    )*};
    (@host two $instruction:ident $dst:ident $src:ident $third:ident $imm:ident) => {
        $instruction($dst, $src)
    };
    (@host one $instruction:ident $dst:ident $src:ident $third:ident $imm:ident) => {
        $instruction($src)
    };
    (@host three $instruction:ident $dst:ident $src:ident $third:ident $imm:ident) => {
        $instruction($dst, $src, $third)
    };
    (@host imm $instruction:ident $dst:ident $src:ident $third:ident $imm:ident) => {
        $instruction($dst, $src, $imm)
    };
    (@portable three $operation:ty, $dst:ident $src:ident $third:ident $imm:ident) => {
        <$operation as Ternary>::eval($dst, $src, $third)
    };
    (@portable imm $operation:ty, $dst:ident $src:ident $third:ident $imm:ident) => {
        <$operation as BinaryImm>::eval($dst, $src, $imm)
    };
    (@portable $kind:ident $operation:ty, $dst:ident $src:ident $third:ident $imm:ident) => {
        <$operation as Binary>::eval($dst, $src)
    };
}

operations! { Sse4 true:
    two Pshufb => _mm_shuffle_epi8;
    two Phadd<u16> => _mm_hadd_epi16;
    two Phadd<u32> => _mm_hadd_epi32;
    two Phadds<u16> => _mm_hadds_epi16;
    two Phsub<u16> => _mm_hsub_epi16;
    two Phsub<u32> => _mm_hsub_epi32;
    two Phsubs<u16> => _mm_hsubs_epi16;
    two Pmaddubsw => _mm_maddubs_epi16;
    two Pmulhrsw => _mm_mulhrs_epi16;
    two Psign<u8> => _mm_sign_epi8;
    two Psign<u16> => _mm_sign_epi16;
    two Psign<u32> => _mm_sign_epi32;
    one Pabs<u8> => _mm_abs_epi8;
    one Pabs<u16> => _mm_abs_epi16;
    one Pabs<u32> => _mm_abs_epi32;
    two Pmulld => _mm_mullo_epi32;
    two Pmuldq => _mm_mul_epi32;
    two Pmins<u8> => _mm_min_epi8;
    two Pmins<u32> => _mm_min_epi32;
    two Pminu<u16> => _mm_min_epu16;
    two Pminu<u32> => _mm_min_epu32;
    two Pmaxs<u8> => _mm_max_epi8;
    two Pmaxs<u32> => _mm_max_epi32;
    two Pmaxu<u16> => _mm_max_epu16;
    two Pmaxu<u32> => _mm_max_epu32;
    two Pcmpeq<u64> => _mm_cmpeq_epi64;
    two Pcmpgt<u64> => _mm_cmpgt_epi64;
    two Packusdw => _mm_packus_epi32;
    one Phminposuw => _mm_minpos_epu16;
    three Blendv<u8> => _mm_blendv_epi8;
    three Blendv<u32> => blend_by_sign_of_doublewords;
    three Blendv<u64> => blend_by_sign_of_quadwords;
    imm Blend<u16> => blend_words;
    imm Blend<u32> => blend_doublewords;
    imm Blend<u64> => blend_quadwords;
    imm Palignr => align_right;
}

operations! { Aes true:
    two Aesenc => _mm_aesenc_si128;
    two Aesenclast => _mm_aesenclast_si128;
    two Aesdec => _mm_aesdec_si128;
    two Aesdeclast => _mm_aesdeclast_si128;
    one Aesimc => _mm_aesimc_si128;
    imm Pclmulqdq => multiply_polynomials;
}

operations! { Avx2 true:
    two Each<Psll<u32>, u32> => _mm_sllv_epi32;
    two Each<Psll<u64>, u64> => _mm_sllv_epi64;
    two Each<Psrl<u32>, u32> => _mm_srlv_epi32;
    two Each<Psrl<u64>, u64> => _mm_srlv_epi64;
    two Each<Psra<u32>, u32> => _mm_srav_epi32;
    two Permilps => permute_doublewords;
    two Permilpd => permute_quadwords;
}

operations! { Sha false:
    two Sha1nexte => _mm_sha1nexte_epu32;
    two Sha1msg1 => _mm_sha1msg1_epu32;
    two Sha1msg2 => _mm_sha1msg2_epu32;
    two Sha256msg1 => _mm_sha256msg1_epu32;
    two Sha256msg2 => _mm_sha256msg2_epu32;
    three Sha256rnds2 => _mm_sha256rnds2_epu32;
    imm Sha1rnds4 => four_rounds;
}

// ---- those that need more than one instruction of the host ----

#[cfg(target_arch = "x86_64")]
#[inline(always)]
unsafe fn permute_doublewords(dst: V, src: V) -> V {
    // SAFETY: the host has AVX, says the caller.
    unsafe { _mm_castps_si128(_mm_permutevar_ps(_mm_castsi128_ps(dst), src)) }
}

#[cfg(target_arch = "x86_64")]
#[inline(always)]
unsafe fn permute_quadwords(dst: V, src: V) -> V {
    // SAFETY: the host has AVX, says the caller.
    unsafe { _mm_castpd_si128(_mm_permutevar_pd(_mm_castsi128_pd(dst), src)) }
}

#[cfg(target_arch = "x86_64")]
#[inline(always)]
unsafe fn blend_by_sign_of_doublewords(dst: V, src: V, third: V) -> V {
    // SAFETY: the host has SSE4.1, says the caller.
    unsafe {
        let as_floats = |value| _mm_castsi128_ps(value);
        _mm_castps_si128(_mm_blendv_ps(as_floats(dst), as_floats(src), as_floats(third)))
    }
}

#[cfg(target_arch = "x86_64")]
#[inline(always)]
unsafe fn blend_by_sign_of_quadwords(dst: V, src: V, third: V) -> V {
    // SAFETY: the host has SSE4.1, says the caller.
    unsafe {
        let as_floats = |value| _mm_castsi128_pd(value);
        _mm_castpd_si128(_mm_blendv_pd(as_floats(dst), as_floats(src), as_floats(third)))
    }
}

/// The immediate's bits become lanes, each compared with its own bit.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
unsafe fn blend_words(dst: V, src: V, imm: u8) -> V {
    // SAFETY: the host has SSE4.1, says the caller.
    unsafe {
        let bits = _mm_set_epi16(128, 64, 32, 16, 8, 4, 2, 1);
        let chosen = _mm_and_si128(_mm_set1_epi16(i16::from(imm)), bits);
        _mm_blendv_epi8(dst, src, _mm_cmpeq_epi16(chosen, bits))
    }
}

#[cfg(target_arch = "x86_64")]
#[inline(always)]
unsafe fn blend_doublewords(dst: V, src: V, imm: u8) -> V {
    // SAFETY: the host has SSE4.1, says the caller.
    unsafe {
        let bits = _mm_set_epi32(8, 4, 2, 1);
        let chosen = _mm_and_si128(_mm_set1_epi32(i32::from(imm)), bits);
        _mm_blendv_epi8(dst, src, _mm_cmpeq_epi32(chosen, bits))
    }
}

#[cfg(target_arch = "x86_64")]
#[inline(always)]
unsafe fn blend_quadwords(dst: V, src: V, imm: u8) -> V {
    // SAFETY: the host has SSE4.1, says the caller.
    unsafe {
        let bits = _mm_set_epi32(2, 2, 1, 1);
        let chosen = _mm_and_si128(_mm_set1_epi32(i32::from(imm)), bits);
        _mm_blendv_epi8(dst, src, _mm_cmpeq_epi32(chosen, bits))
    }
}

/// Places for PSHUFB that move bytes down by `n` from entry 16 + `n` on, and up by 16 - `n` from entry `n` on; those
/// outside give zero.
#[cfg(target_arch = "x86_64")]
static PLACES: [u8; 64] = {
    let mut places = [0x80; 64];
    let mut i = 0;
    while i < 16 {
        places[16 + i] = i as u8;
        i += 1;
    }
    places
};

#[cfg(target_arch = "x86_64")]
#[inline(always)]
unsafe fn align_right(dst: V, src: V, imm: u8) -> V {
    // SAFETY: the host has SSSE3, says the caller; 16 bytes from entry 48 at most lie within the table.
    unsafe {
        let by = usize::from(if imm < 32 { imm } else { 32 });
        let from = |at: usize| get::<V>(PLACES.as_ptr(), at);
        _mm_or_si128(_mm_shuffle_epi8(src, from(16 + by)), _mm_shuffle_epi8(dst, from(by)))
    }
}

#[cfg(target_arch = "x86_64")]
#[inline(always)]
unsafe fn multiply_polynomials(dst: V, src: V, imm: u8) -> V {
    // SAFETY: the host has PCLMULQDQ, says the caller.
    unsafe {
        let half = |value, bit: u8| {
            if imm & bit != 0 { _mm_unpackhi_epi64(value, value) } else { value }
        };
        _mm_clmulepi64_si128::<0>(half(dst, 1), half(src, 0x10))
    }
}

#[cfg(target_arch = "x86_64")]
#[inline(always)]
unsafe fn four_rounds(dst: V, src: V, imm: u8) -> V {
    // SAFETY: the host has SHA, says the caller.
    unsafe {
        match imm & 3 {
            0 => _mm_sha1rnds4_epu32::<0>(dst, src),
            1 => _mm_sha1rnds4_epu32::<1>(dst, src),
            2 => _mm_sha1rnds4_epu32::<2>(dst, src),
            _ => _mm_sha1rnds4_epu32::<3>(dst, src),
        }
    }
}

// ---- widening ----

/// PMOVSX PMOVZX.
pub(crate) struct Widened<O>(PhantomData<O>);

/// A widening with the host's instruction.
pub(crate) trait Widen: Extend {
    /// The widened lanes.
    ///
    /// # Safety
    /// The host has SSE4.1.
    unsafe fn eval_native(src: V) -> V;
}

macro_rules! widen {
    ($($operation:ty => $instruction:ident;)*) => {$(
        impl Widen for $operation {
            #[inline(always)]
            unsafe fn eval_native(src: V) -> V {
                #[cfg(target_arch = "x86_64")]
                // SAFETY: the host has it, says the caller.
                return unsafe { $instruction(src) };
                #[cfg(not(target_arch = "x86_64"))]
                <$operation as Extend>::eval(src as u64)
            }
        }
    )*};
}

widen! {
    Pmovsx<u8, u16, u64> => _mm_cvtepi8_epi16;
    Pmovsx<u8, u32, u32> => _mm_cvtepi8_epi32;
    Pmovsx<u8, u64, u16> => _mm_cvtepi8_epi64;
    Pmovsx<u16, u32, u64> => _mm_cvtepi16_epi32;
    Pmovsx<u16, u64, u32> => _mm_cvtepi16_epi64;
    Pmovsx<u32, u64, u64> => _mm_cvtepi32_epi64;
    Pmovzx<u8, u16, u64> => _mm_cvtepu8_epi16;
    Pmovzx<u8, u32, u32> => _mm_cvtepu8_epi32;
    Pmovzx<u8, u64, u16> => _mm_cvtepu8_epi64;
    Pmovzx<u16, u32, u64> => _mm_cvtepu16_epi32;
    Pmovzx<u16, u64, u32> => _mm_cvtepu16_epi64;
    Pmovzx<u32, u64, u64> => _mm_cvtepu32_epi64;
}

impl<O: Widen> Form for Widened<O> {
    const BYTES: u8 = O::Source::BYTES;
    const NEED: Need = Need::Sse4;
    #[inline(always)]
    unsafe fn apply(cpu: *mut Cpu, op: *const Op, src: Operand) -> bool {
        // SAFETY: see the trait; the handler needs SSE4.
        unsafe {
            let src = join(get::<O::Source>(src.low, 0).to_u64(), 0);
            set_value(cpu, (*op).dst, O::eval_native(src));
        }
        true
    }
}
