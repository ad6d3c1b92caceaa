//! FMA3 as frameless handlers, on hosts that have such an instruction: `float::host::fused` in every lane. On
//! x86-64 the handlers are compiled for AVX and FMA and chosen only where the host has both.
//!
//! VFMADDSUB and VFMSUBADD have none.

use super::forward::{Base, Index};
use super::newer::Need;
#[cfg(target_arch = "x86_64")]
use super::sse::get;
use super::sse::{Forms, xmm};
use super::sse_float::{Lanes, lane};
use super::vector::{V, gather, join};
use super::vex::{register, set_ymm};
use super::wide::Wide;
use super::{Address, Based, Indexed, Simple, complete};
use crate::cpu::Cpu;
use crate::decode::op::Op;
use crate::engine::next;
use crate::float::host;
use crate::insn::avx::Length;
use crate::insn::avx::fma::{Order, Signs};
use core::marker::PhantomData;

/// Packed, of lanes `N` under a vector length.
pub(crate) struct Packed<N, L>(PhantomData<(N, L)>);
/// Scalar.
pub(crate) struct Scalar<N>(PhantomData<N>);

/// What a fused instruction does with its last operand: false, with nothing changed, if the complete form has to.
pub(crate) trait Fused: 'static {
    /// Bytes of the last operand in memory.
    const BYTES: u8;

    /// # Safety
    /// As for [`crate::engine::Handler`]; what `last` points at can be read, and the host fuses.
    unsafe fn apply<S: Signs, O: Order>(cpu: *mut Cpu, op: *const Op, last: [*const u8; 2])
    -> bool;
}

impl<N: Wide, L: Length> Fused for Packed<N, L> {
    const BYTES: u8 = L::BYTES as u8;

    #[inline(always)]
    unsafe fn apply<S: Signs, O: Order>(
        cpu: *mut Cpu,
        op: *const Op,
        last: [*const u8; 2],
    ) -> bool {
        // SAFETY: see the trait.
        unsafe {
            if !host::is_quick((*cpu).sse.mxcsr) {
                return false;
            }
            let half = |i: usize| {
                O::arrange(register(cpu, (*op).dst, i), register(cpu, (*op).src, i), last[i])
            };
            let Some(low) = lanes::<S, N>(half(0)) else { return false };
            let high = if L::BYTES == 32 {
                let Some(high) = lanes::<S, N>(half(1)) else { return false };
                high
            } else {
                join(0, 0)
            };
            set_ymm(cpu, (*op).dst, low, high);
        }
        true
    }
}

impl<N: Lanes> Fused for Scalar<N> {
    const BYTES: u8 = size_of::<N>() as u8;

    #[inline(always)]
    unsafe fn apply<S: Signs, O: Order>(
        cpu: *mut Cpu,
        op: *const Op,
        last: [*const u8; 2],
    ) -> bool {
        // SAFETY: see the trait.
        unsafe {
            if !host::is_quick((*cpu).sse.mxcsr) {
                return false;
            }
            let dst = xmm(cpu, (*op).dst);
            let operands = O::arrange(dst.cast_const(), xmm(cpu, (*op).src).cast_const(), last[0]);
            let Some(result) = one::<S, N>(operands, 0) else { return false };
            set_ymm(cpu, (*op).dst, result.merge(dst), join(0, 0));
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

/// The handlers of a fused instruction.
struct Handlers<S, O, F>(PhantomData<(S, O, F)>);

impl Forms {
    /// Of an FMA3 instruction.
    pub(crate) const fn fused<S: Signs, O: Order, F: Fused>() -> &'static Self {
        const {
            &Self {
                need: Need::Fused,
                register: Handlers::<S, O, F>::registers,
                memory: [
                    Handlers::<S, O, F>::load::<Simple<Base>>,
                    Handlers::<S, O, F>::load::<Indexed<Base, Index>>,
                    Handlers::<S, O, F>::load::<Based>,
                ],
            }
        }
    }
}

impl<S: Signs, O: Order, F: Fused> Handlers<S, O, F> {
    #[cfg_attr(target_arch = "x86_64", target_feature(enable = "avx,fma"))]
    unsafe fn registers(cpu: *mut Cpu, op: *const Op, last: u64) -> *const Op {
        // SAFETY: as for `Handler`; `frameless` has seen that the host fuses.
        unsafe {
            let third = (*op).third();
            let operand = [register(cpu, third, 0), register(cpu, third, 1)];
            if (*cpu).avx_off || !F::apply::<S, O>(cpu, op, operand) {
                return complete(cpu, op, last);
            }
            next(cpu, op, 0)
        }
    }

    #[cfg_attr(target_arch = "x86_64", target_feature(enable = "avx,fma"))]
    unsafe fn load<A: Address>(cpu: *mut Cpu, op: *const Op, last: u64) -> *const Op {
        // SAFETY: as for `Handler`; a tag covers the operand; `frameless` has seen that the host fuses.
        unsafe {
            let linear = A::linear(cpu, op, last);
            if (*cpu).avx_off {
                return complete(cpu, op, last);
            }
            let Some(host) = (*cpu).tlb.read_host(linear, F::BYTES) else {
                return complete(cpu, op, last);
            };
            if F::apply::<S, O>(cpu, op, [host, host.wrapping_add(16)]) {
                return next(cpu, op, 0);
            }
            complete(cpu, op, last)
        }
    }
}
