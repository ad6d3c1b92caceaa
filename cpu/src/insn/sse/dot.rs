//! DPPS DPPD: SDM Vol. 2. Products of the lanes that the immediate's bits 4-7 choose, +0 for the others; their sum, of
//! neighbours first, to the lanes that bits 0-3 choose, +0 to the others.

use super::float::{Lane, PackedFloat, Rules, lane, lanes, lanewise};
use crate::cpu::{Cpu, Done};
use crate::decode::op::Op;
use crate::float::{self, Env};
use core::marker::PhantomData;

/// The dot product of two values.
#[inline(always)]
fn dot<F: Lane>(env: &mut Env, dst: u128, src: u128, imm: u8) -> u128 {
    let mut product = |i: u32| {
        if imm >> (4 + i) & 1 == 0 {
            return F::zero(false);
        }
        float::mul(env, lane::<F>(dst, i), lane(src, i))
    };
    let products = [0, 1, 2, 3].map(|i| if i < F::LANES { product(i) } else { F::zero(false) });
    let mut sum = float::add(env, products[0], products[1]);
    if F::LANES == 4 {
        let upper = float::add(env, products[2], products[3]);
        sum = float::add(env, sum, upper);
    }
    lanes::<F>(F::LANES, |i| if imm >> i & 1 != 0 { sum } else { F::zero(false) })
}

/// DPPS DPPD as an operation on lanes.
pub(crate) struct Dot<F>(PhantomData<F>);

impl<F: Lane> PackedFloat for Dot<F> {
    #[inline(always)]
    fn lanes(rules: &mut Rules, imm: u8, first: u128, second: u128) -> u128 {
        dot::<F>(&mut rules.env, first, second, imm)
    }
}

/// DPPS DPPD xmm, xmm/m128, imm8.
pub(crate) fn dp<F: Lane>(cpu: &mut Cpu, op: &Op) -> Done {
    lanewise::<Dot<F>>(cpu, op)
}
