//! PMOVSX and PMOVZX: the low lanes of the source widened. SDM Vol. 2.

use crate::cpu::{Cpu, Done};
use crate::decode::op::Op;
use crate::flags::Width;
use core::marker::PhantomData;

/// Widening of lanes.
pub(crate) trait Extend: 'static {
    /// Integer of as many bytes as the result takes from memory.
    type Source: Width;
    /// The widened lanes of the low bytes of `src`.
    fn eval(src: u64) -> u128;
}

/// PMOVZX from lanes of `F` to lanes of `T`; `S` is as wide as all lanes taken.
pub(crate) struct Pmovzx<F, T, S>(PhantomData<(F, T, S)>);
/// PMOVSX likewise.
pub(crate) struct Pmovsx<F, T, S>(PhantomData<(F, T, S)>);

/// All lanes, each changed by `widen`.
#[inline(always)]
fn lanes<F: Width, T: Width>(src: u64, widen: impl Fn(u64) -> u64) -> u128 {
    (0..128 / T::BITS).fold(0, |value, i| {
        let lane = widen(src >> (i * F::BITS) & F::MASK) & T::MASK;
        value | u128::from(lane) << (i * T::BITS)
    })
}

impl<F: Width, T: Width, S: Width> Extend for Pmovzx<F, T, S> {
    type Source = S;
    #[inline(always)]
    fn eval(src: u64) -> u128 {
        lanes::<F, T>(src, |lane| lane)
    }
}

impl<F: Width, T: Width, S: Width> Extend for Pmovsx<F, T, S> {
    type Source = S;
    #[inline(always)]
    fn eval(src: u64) -> u128 {
        lanes::<F, T>(src, F::sign_extend)
    }
}

/// `op xmm, xmm/m64`, m32 or m16.
#[inline(always)]
pub(crate) fn extend<O: Extend>(cpu: &mut Cpu, op: &Op) -> Done {
    cpu.sse_ready()?;
    let src = cpu.xmm_source_low::<O::Source>(op)?;
    cpu.set_xmm(op.dst, O::eval(src.to_u64()));
    Ok(())
}
