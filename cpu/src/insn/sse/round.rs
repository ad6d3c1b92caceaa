//! ROUNDPS ROUNDPD ROUNDSS ROUNDSD: SDM Vol. 2. To an integral value in the same format, by the immediate's rounding
//! mode or MXCSR's. A denormal raises no DE; PE can be suppressed.

use super::float::{Lane, lane, lanes};
use crate::cpu::{Cpu, Done};
use crate::decode::op::Op;
use crate::float::{self, Env, Exceptions, Rounding};

/// Bit 2 of the immediate: as MXCSR.RC says, not as bits 0-1 do.
const BY_MXCSR: u8 = 4;
/// Bit 3: no PE.
const SUPPRESSED: u8 = 8;

/// All that `round` does to lanes under an immediate: the rules for it, and what is raised.
#[inline(always)]
pub(crate) fn rounded<T>(env: &mut Env, imm: u8, round: impl FnOnce(&mut Env) -> T) -> T {
    let rounding =
        if imm & BY_MXCSR != 0 { env.rounding } else { Rounding::from_bits(u32::from(imm)) };
    let mut attempt = env.with_rounding(rounding);
    let result = round(&mut attempt);
    let suppressed = if imm & SUPPRESSED != 0 { Exceptions::PE } else { Exceptions::NONE };
    env.raise(attempt.raised().and(suppressed.complement()));
    result
}

/// ROUNDPS ROUNDPD xmm, xmm/m128, imm8.
pub(crate) fn round_packed<F: Lane>(cpu: &mut Cpu, op: &Op) -> Done {
    cpu.sse_ready()?;
    let src = cpu.xmm_source(op)?;
    let mut env = cpu.sse_env();
    let result = rounded(&mut env, op.imm as u8, |env| {
        lanes::<F>(F::LANES, |i| float::round_to_integral(env, lane(src, i)))
    });
    cpu.sse_raise(&env)?;
    cpu.set_xmm(op.dst, result);
    Ok(())
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
