//! ROUNDPS ROUNDPD ROUNDSS ROUNDSD: SDM Vol. 2. To an integral value in the same format, by the immediate's rounding
//! mode or MXCSR's. A denormal raises no DE; PE can be suppressed.

use super::float::{Lane, PackedFloat, Rules, lane, lanes, lanewise};
use crate::cpu::{Cpu, Done};
use crate::decode::op::Op;
use crate::float::{self, Env, Exceptions, Rounding};
use core::marker::PhantomData;

/// Bit 2 of the immediate: as MXCSR.RC says, not as bits 0-1 do.
const BY_MXCSR: u8 = 4;

/// The rounding mode that an immediate chooses, also that of VCVTPS2PH, under one of MXCSR.
#[inline(always)]
pub(crate) fn rounding_of(imm: u8, by_mxcsr: Rounding) -> Rounding {
    if imm & BY_MXCSR != 0 { by_mxcsr } else { Rounding::from_bits(u32::from(imm)) }
}

/// Bit 3: no PE.
const SUPPRESSED: u8 = 8;

/// All that `round` does to lanes under an immediate: the rules for it, and what is raised.
#[inline(always)]
pub(crate) fn rounded<T>(env: &mut Env, imm: u8, round: impl FnOnce(&mut Env) -> T) -> T {
    let mut attempt = env.with_rounding(rounding_of(imm, env.rounding));
    let result = round(&mut attempt);
    let suppressed = if imm & SUPPRESSED != 0 { Exceptions::PE } else { Exceptions::NONE };
    env.raise(attempt.raised().and(suppressed.complement()));
    result
}

/// ROUNDPS ROUNDPD as an operation on lanes: of the second operand.
pub(crate) struct Rounded<F>(PhantomData<F>);

impl<F: Lane> PackedFloat for Rounded<F> {
    #[inline(always)]
    fn lanes(rules: &mut Rules, imm: u8, _first: u128, second: u128) -> u128 {
        rounded(&mut rules.env, imm, |env| {
            lanes::<F>(F::LANES, |i| float::round_to_integral(env, lane(second, i)))
        })
    }
}

/// ROUNDPS ROUNDPD xmm, xmm/m128, imm8.
pub(crate) fn round_packed<F: Lane>(cpu: &mut Cpu, op: &Op) -> Done {
    lanewise::<Rounded<F>>(cpu, op)
}

/// ROUNDSS ROUNDSD xmm, xmm/m32 or m64, imm8: the other lanes stay.
pub(crate) fn round_scalar<F: Lane>(cpu: &mut Cpu, op: &Op) -> Done {
    cpu.sse_ready()?;
    let src = F::from_lane(cpu.xmm_source_low(op)?);
    let mut env = cpu.sse_env();
    let result =
        rounded(&mut env, op.imm as u8, |env| float::round_to_integral(env, src).to_lane());
    cpu.sse_raise(&env)?;
    cpu.merge_low(op.dst, result);
    Ok(())
}
