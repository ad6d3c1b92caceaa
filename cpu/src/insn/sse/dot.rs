//! DPPS DPPD VDPPS VDPPD: SDM Vol. 2. Products of the lanes that the immediate's bits 4-7 choose, +0 for the others; their
//! sum, of neighbours first, to the lanes that bits 0-3 choose, +0 to the others.
//!
//! As on AMD Zen: the products, the sums of neighbours and the last sum are stages, of both halves of a YMM register
//! together. An unmasked exception ends the instruction with its stage, and flags of earlier stages stay.

use super::float::{Lane, lane, lanes};
use crate::cpu::{Cpu, Done};
use crate::decode::op::Op;
use crate::float::{self, Env};
use crate::insn::avx::{Lanes, Length};

/// The dot products of two values, half by half; of no meaning if an unmasked exception was raised.
#[inline(always)]
fn dot<F: Lane, const HALVES: usize>(
    env: &mut Env,
    values: [[u128; 2]; HALVES],
    imm: u8,
) -> [u128; HALVES] {
    let chosen = |i: u32| i < F::LANES && imm >> (4 + i) & 1 != 0;
    let products = values.map(|[first, second]| {
        [0, 1, 2, 3].map(|i| match chosen(i) {
            true => float::mul(env, lane::<F>(first, i), lane(second, i)),
            false => F::zero(false),
        })
    });
    if !env.next_stage() {
        return [0; HALVES];
    }
    let mut sums = products.map(|[a, b, ..]| float::add(env, a, b));
    if F::LANES == 4 {
        let upper = products.map(|[.., c, d]| float::add(env, c, d));
        if !env.next_stage() {
            return [0; HALVES];
        }
        for (sum, upper) in sums.iter_mut().zip(upper) {
            *sum = float::add(env, *sum, upper);
        }
    }
    sums.map(|sum| lanes::<F>(F::LANES, |i| if imm >> i & 1 != 0 { sum } else { F::zero(false) }))
}

/// DPPS DPPD xmm, xmm/m128, imm8.
pub(crate) fn dp<F: Lane>(cpu: &mut Cpu, op: &Op) -> Done {
    cpu.sse_ready()?;
    let second = cpu.xmm_source(op)?;
    let mut env = cpu.sse_env();
    let [result] = dot::<F, 1>(&mut env, [[cpu.xmm(op.dst), second]], op.imm as u8);
    cpu.sse_raise(&env)?;
    cpu.set_xmm(op.dst, result);
    Ok(())
}

/// VDPPS VDPPD ymm1, ymm2, ymm3/m256, imm8.
pub(crate) fn vex_dp<F: Lane, L: Length>(cpu: &mut Cpu, op: &Op) -> Done {
    cpu.avx_ready()?;
    let second = cpu.ymm_source::<L>(op, op.third())?;
    let (first, imm) = (cpu.ymm(op.src), op.imm as u8);
    let mut env = cpu.sse_env();
    let half = |i: usize| [first[i], second[i]];
    let result: Lanes = match L::WIDE {
        true => dot::<F, 2>(&mut env, [half(0), half(1)], imm),
        false => [dot::<F, 1>(&mut env, [half(0)], imm)[0], 0],
    };
    cpu.sse_raise(&env)?;
    cpu.set_ymm(op.dst, result);
    Ok(())
}
