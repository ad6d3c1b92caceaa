//! FMA3: SDM Vol. 2, VFMADD132PD and its kin. `a * b + c` with one rounding (`float::fma`).
//!
//! The digits of the mnemonic say which operands are multiplied and which is added: 132 is
//! `first * third + second`, 213 `second * first + third`, 231 `second * third + first`. Of several NaNs the one
//! in the order of the digits gives the payload.

use super::{Lanes, Length};
use crate::cpu::{Cpu, Done};
use crate::decode::op::Op;
use crate::flags::Width;
use crate::float::fma;
use crate::insn::sse::float::{Lane, Rules, lane, lanes, merged};

/// Which operand plays which part.
pub(crate) trait Order: 'static {
    /// The factors and the addend of the operands in their order.
    fn arrange<T>(first: T, second: T, third: T) -> (T, T, T);
}

/// `first * third + second`.
pub(crate) struct O132;
/// `second * first + third`.
pub(crate) struct O213;
/// `second * third + first`.
pub(crate) struct O231;

impl Order for O132 {
    #[inline(always)]
    fn arrange<T>(first: T, second: T, third: T) -> (T, T, T) {
        (first, third, second)
    }
}

impl Order for O213 {
    #[inline(always)]
    fn arrange<T>(first: T, second: T, third: T) -> (T, T, T) {
        (second, first, third)
    }
}

impl Order for O231 {
    #[inline(always)]
    fn arrange<T>(first: T, second: T, third: T) -> (T, T, T) {
        (second, third, first)
    }
}

/// The signs of product and addend.
pub(crate) trait Signs: 'static {
    /// The product is taken negative.
    const PRODUCT: bool;
    /// The addend is: in even lanes, in odd lanes.
    const ADDEND: [bool; 2];
}

macro_rules! signs {
    ($($(#[$doc:meta])* $name:ident = $product:literal, $even:literal, $odd:literal;)*) => {$(
        $(#[$doc])*
        pub(crate) struct $name;
        impl Signs for $name {
            const PRODUCT: bool = $product;
            const ADDEND: [bool; 2] = [$even, $odd];
        }
    )*};
}

signs! {
    /// VFMADD.
    Madd = false, false, false;
    /// VFMSUB.
    Msub = false, true, true;
    /// VFNMADD.
    Nmadd = true, false, false;
    /// VFNMSUB.
    Nmsub = true, true, true;
    /// VFMADDSUB: even lanes subtract.
    Maddsub = false, true, false;
    /// VFMSUBADD: even lanes add.
    Msubadd = false, false, true;
}

/// Lane `i` of a result.
#[inline(always)]
fn fused<S: Signs, F: Lane>(rules: &mut Rules, i: u32, (a, b, c): (u128, u128, u128)) -> F {
    let [a, b, c] = [a, b, c].map(|operand| lane::<F>(operand, i));
    fma(&mut rules.env, a, b, c, S::PRODUCT, S::ADDEND[i as usize % 2])
}

/// `op ymm1, ymm2, ymm3/m256`.
pub(crate) fn fma_packed<S: Signs, O: Order, F: Lane, L: Length>(cpu: &mut Cpu, op: &Op) -> Done {
    cpu.avx_ready()?;
    let third: Lanes = cpu.ymm_source::<L>(op, op.third())?;
    let (first, second) = (cpu.ymm(op.dst), cpu.ymm(op.src));
    let mut rules = cpu.float_rules();
    let result = L::lanes(|half| {
        let operands = O::arrange(first[half], second[half], third[half]);
        lanes::<F>(F::LANES, |i| fused::<S, F>(&mut rules, i, operands))
    });
    cpu.sse_raise(&rules.env)?;
    cpu.set_ymm(op.dst, result);
    Ok(())
}

/// `op xmm1, xmm2, xmm3/m32` or `m64`: the rest of the low half stays.
pub(crate) fn fma_scalar<S: Signs, O: Order, F: Lane>(cpu: &mut Cpu, op: &Op) -> Done {
    cpu.avx_ready()?;
    let third = u128::from(cpu.vex_scalar_source::<F::Bits>(op)?.to_u64());
    let (first, second) = (cpu.xmm(op.dst), cpu.xmm(op.src));
    let mut rules = cpu.float_rules();
    let result = fused::<S, F>(&mut rules, 0, O::arrange(first, second, third));
    cpu.sse_raise(&rules.env)?;
    cpu.set_ymm(op.dst, [merged(first, result.to_lane()), 0]);
    Ok(())
}
