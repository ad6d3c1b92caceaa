//! VPTEST VTESTPS VTESTPD: SDM Vol. 2. ZF if no bit is in both operands, CF if none is in the second alone; the other
//! status flags become 0.

use super::Length;
use crate::cpu::{Cpu, Done};
use crate::decode::op::Op;
use crate::flags::{Status, Width};
use core::marker::PhantomData;

/// Which bits of the operands are looked at.
pub(crate) trait Tested: 'static {
    fn bits() -> u128;
}

/// All: VPTEST.
pub(crate) struct All;
/// The sign of every lane: VTESTPS, VTESTPD.
pub(crate) struct Signs<W>(PhantomData<W>);

impl Tested for All {
    #[inline(always)]
    fn bits() -> u128 {
        u128::MAX
    }
}

impl<W: Width> Tested for Signs<W> {
    #[inline(always)]
    fn bits() -> u128 {
        (u128::MAX / u128::from(W::MASK)) << (W::BITS - 1)
    }
}

/// `op ymm1, ymm2/m256`.
#[inline(always)]
pub(crate) fn vex_test<T: Tested, L: Length>(cpu: &mut Cpu, op: &Op) -> Done {
    cpu.avx_ready()?;
    let src = cpu.ymm_source::<L>(op, op.src)?;
    let first = cpu.ymm(op.dst);
    let both = L::lanes(|i| first[i] & src[i] & T::bits());
    let alone = L::lanes(|i| !first[i] & src[i] & T::bits());
    cpu.status = Status::ordered(alone == [0; 2], both == [0; 2]);
    Ok(())
}
