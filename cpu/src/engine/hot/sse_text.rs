//! PCMPESTRI PCMPESTRM PCMPISTRI PCMPISTRM as frameless handlers: the host's instruction finds the elements, the rest
//! is as in the complete forms (`insn/sse/string.rs`).

use super::form::{Form, Need, Operand};
use super::set_slot;
use super::sse::{get, set_value, value};
#[cfg(not(target_arch = "x86_64"))]
use super::vector::to_bits;
use super::vector::{V, from_bits};
use crate::cpu::{Cpu, reg};
use crate::decode::op::Op;
use crate::insn::sse::string::{Comparison, Lengths};
#[cfg(target_arch = "x86_64")]
use core::arch::x86_64::*;
use core::marker::PhantomData;

/// PCMPESTRI, PCMPISTRI (true): an index to ECX; PCMPESTRM, PCMPISTRM: a mask to XMM0.
pub(crate) struct Texts<L, const INDEX: bool>(PhantomData<L>);

/// IntRes1 of two texts. The host's instruction gives it for each of the sixteen formats and aggregations.
///
/// # Safety
/// The host has SSE4.2.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
unsafe fn aggregate([dst, src]: [V; 2], [dst_len, src_len]: [u32; 2], imm: u8) -> u32 {
    macro_rules! by_imm {
        ($($imm:literal)*) => {
            match imm & 15 {
                $($imm => _mm_cmpestrm::<$imm>(dst, dst_len as i32, src, src_len as i32),)*
                _ => _mm_cmpestrm::<15>(dst, dst_len as i32, src, src_len as i32),
            }
        };
    }
    // SAFETY: see above.
    unsafe { _mm_cvtsi128_si32(by_imm!(0 1 2 3 4 5 6 7 8 9 10 11 12 13 14)) as u32 }
}

/// The comparison of two texts.
///
/// # Safety
/// The host has SSE4.2; `cpu` is valid.
#[inline(always)]
unsafe fn compare<L: Lengths>(cpu: *const Cpu, texts: [V; 2], imm: u8) -> Comparison {
    // SAFETY: see above.
    unsafe {
        #[cfg(target_arch = "x86_64")]
        {
            let lengths = match L::explicit(&*cpu) {
                Some(lengths) => Comparison::limited(lengths, imm),
                None => texts.map(|text| length(text, imm)),
            };
            Comparison::new(aggregate(texts, lengths, imm), lengths, imm)
        }
        #[cfg(not(target_arch = "x86_64"))]
        Comparison::of::<L>(&*cpu, texts.map(to_bits), imm)
    }
}

/// Elements before the first zero.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
fn length(text: V, imm: u8) -> u32 {
    // SAFETY: SSE2 is there on every x86-64 host.
    unsafe {
        let zero = _mm_setzero_si128();
        if imm & 1 == 0 {
            let zeros = _mm_movemask_epi8(_mm_cmpeq_epi8(text, zero)) as u32;
            (zeros | 1 << 16).trailing_zeros()
        } else {
            let zeros = _mm_movemask_epi8(_mm_cmpeq_epi16(text, zero)) as u32;
            (zeros | 1 << 16).trailing_zeros() / 2
        }
    }
}

impl<L: Lengths, const INDEX: bool> Form for Texts<L, INDEX> {
    const BYTES: u8 = 16;
    const ALIGNED: Option<bool> = Some(false);
    const NEED: Need = Need::Sse4;
    #[inline(always)]
    unsafe fn apply(cpu: *mut Cpu, op: *const Op, src: Operand) -> bool {
        // SAFETY: see the trait; the handler needs SSE4.
        unsafe {
            let texts = [value(cpu, (*op).dst), get(src.low, 0)];
            let comparison = compare::<L>(cpu, texts, (*op).imm as u8);
            if INDEX {
                set_slot::<u32>(cpu, reg::RCX, u64::from(comparison.index()));
            } else {
                set_value(cpu, 0, from_bits(comparison.mask()));
            }
            (*cpu).status = comparison.status;
        }
        true
    }
}
