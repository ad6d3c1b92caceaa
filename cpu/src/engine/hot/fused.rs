//! FMA3 as frameless handlers, on hosts that have such an instruction: `float::host::fused` in every lane. On
//! x86-64 the handlers are compiled for AVX and FMA and chosen only where the host has both.
//!
//! VFMADDSUB and VFMSUBADD have none.

use super::avx::{set_lanes, set_low_lane};
use super::form::{Form, Need, Operand};
#[cfg(target_arch = "x86_64")]
use super::sse::get;
use super::sse::xmm;
use super::sse_float::{Lanes, lane};
use super::vector::{V, gather, join};
use super::wide::Wide;
use crate::cpu::Cpu;
use crate::decode::op::Op;
use crate::float::host;
use crate::insn::avx::Length;
use crate::insn::avx::fma::{Order, Signs};
use core::marker::PhantomData;

/// Packed, of lanes `N` under a vector length.
pub(crate) struct Packed<N, L>(PhantomData<(N, L)>);
/// Scalar.
pub(crate) struct Scalar<N>(PhantomData<N>);

/// Packed or scalar: computes and writes the destination; false, with nothing changed, if the complete form has to.
pub(crate) trait Shape: 'static {
    /// Bytes of the last operand in memory.
    const BYTES: u8;

    /// # Safety
    /// As for [`crate::engine::Handler`]; what `last` points at can be read, and the host fuses.
    unsafe fn apply<S: Signs, O: Order>(cpu: *mut Cpu, op: *const Op, last: Operand) -> bool;
}

impl<N: Wide, L: Length> Shape for Packed<N, L> {
    const BYTES: u8 = L::BYTES as u8;

    #[inline(always)]
    unsafe fn apply<S: Signs, O: Order>(cpu: *mut Cpu, op: *const Op, last: Operand) -> bool {
        // SAFETY: see the trait.
        unsafe {
            let (dst, src) = (Operand::register(cpu, (*op).dst), Operand::register(cpu, (*op).src));
            let Some(low) = lanes::<S, N>(O::arrange(dst.low, src.low, last.low)) else {
                return false;
            };
            let mut high = join(0, 0);
            if L::WIDE {
                let Some(fused) = lanes::<S, N>(O::arrange(dst.high, src.high, last.high)) else {
                    return false;
                };
                high = fused;
            }
            set_lanes(cpu, (*op).dst, low, high);
        }
        true
    }
}

impl<N: Lanes> Shape for Scalar<N> {
    const BYTES: u8 = size_of::<N>() as u8;

    #[inline(always)]
    unsafe fn apply<S: Signs, O: Order>(cpu: *mut Cpu, op: *const Op, last: Operand) -> bool {
        // SAFETY: see the trait.
        unsafe {
            let dst = xmm(cpu, (*op).dst);
            let operands = O::arrange(dst.cast_const(), xmm(cpu, (*op).src).cast_const(), last.low);
            let Some(result) = one::<S, N>(operands, 0) else { return false };
            set_low_lane(cpu, (*op).dst, result.merge(dst));
        }
        true
    }
}

/// Lane `i` of factors and addend.
///
/// # Safety
/// They can be read.
#[inline(always)]
unsafe fn one<S: Signs, N: Lanes>(
    operands: (*const u8, *const u8, *const u8),
    i: usize,
) -> Option<N> {
    // SAFETY: see above.
    let (a, b, c) =
        unsafe { (lane::<N>(operands.0, i), lane::<N>(operands.1, i), lane::<N>(operands.2, i)) };
    let a = if S::PRODUCT { -a } else { a };
    let c = if S::ADDEND[i % 2] { -c } else { c };
    host::fused(a, b, c)
}

/// Sixteen bytes of lanes.
///
/// # Safety
/// The operands can be read for 16 bytes.
#[inline(always)]
unsafe fn lanes<S: Signs, N: Wide>(operands: (*const u8, *const u8, *const u8)) -> Option<V> {
    // SAFETY: see above.
    unsafe {
        #[cfg(target_arch = "x86_64")]
        {
            let (a, b, c) = (get(operands.0, 0), get(operands.1, 0), get(operands.2, 0));
            if let Some(whole) = super::wide::fused::<S, N>(a, b, c) {
                return Some(whole);
            }
        }
        if N::COUNT == 4 {
            let bits = |i| one::<S, N>(operands, i).map(|lane| lane.bits() as u32);
            return Some(gather([bits(0)?, bits(1)?, bits(2)?, bits(3)?]));
        }
        let bits = |i| one::<S, N>(operands, i).map(N::bits);
        Some(join(bits(0)?, bits(1)?))
    }
}

/// The frameless form of a fused instruction.
pub(crate) struct Fused<S, O, F>(PhantomData<(S, O, F)>);

impl<S: Signs, O: Order, F: Shape> Form for Fused<S, O, F> {
    const BYTES: u8 = F::BYTES;
    const NEED: Need = Need::Fused;
    #[inline(always)]
    unsafe fn apply(cpu: *mut Cpu, op: *const Op, src: Operand) -> bool {
        // SAFETY: see the trait.
        unsafe { host::is_quick((*cpu).sse.mxcsr) && F::apply::<S, O>(cpu, op, src) }
    }
}
