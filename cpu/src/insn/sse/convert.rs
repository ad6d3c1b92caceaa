//! CVT instructions: SDM Vol. 2. Conversions to integers round as MXCSR says or, with a T in the name,
//! toward zero; what does not fit becomes the integer indefinite and raises IE.

use super::float::{Lane, lane, lanes};
use super::lanes::{doubleword, doublewords};
use super::{join, low};
use crate::cpu::{Cpu, Done, Fault};
use crate::decode::op::Op;
use crate::flags::Width;
use crate::float::{self, Env, F32, F64, Rounding};

/// How a conversion to an integer rounds.
pub(crate) trait Round: 'static {
    fn mode(env: &Env) -> Rounding;
}

/// As MXCSR.RC says.
pub(crate) struct ByMxcsr;
impl Round for ByMxcsr {
    fn mode(env: &Env) -> Rounding {
        env.rounding
    }
}

/// Toward zero.
pub(crate) struct Truncate;
impl Round for Truncate {
    fn mode(_env: &Env) -> Rounding {
        Rounding::Zero
    }
}

/// To a signed integer of width `W`.
fn to_int<R: Round, W: Width, F: Lane>(env: &mut Env, value: F) -> W {
    let mode = R::mode(env);
    W::from_u64(float::to_int(env, value, W::BITS, mode) as u64)
}

/// From a signed integer of width `W`.
fn from_int<W: Width, F: Lane>(env: &mut Env, value: W) -> F {
    float::from_int(env, W::sign_extend(value.to_u64()) as i64)
}

/// Two doublewords from the first two lanes.
fn two_ints<R: Round, F: Lane>(env: &mut Env, value: u128) -> u64 {
    let first = to_int::<R, u32, F>(env, lane(value, 0));
    doublewords(first, to_int::<R, u32, F>(env, lane(value, 1)))
}

/// CVTSI2SS CVTSI2SD xmm, r/m32 or r/m64.
pub(crate) fn cvtsi2s<F: Lane, W: Width>(cpu: &mut Cpu, op: &Op) -> Done {
    cpu.sse_ready()?;
    let src = cpu.read_operand::<W>(op, op.src)?;
    let mut env = cpu.sse_env();
    let result = from_int::<W, F>(&mut env, src);
    cpu.sse_raise(&env)?;
    cpu.merge_low(op.dst, result.to_lane());
    Ok(())
}

/// CVTSS2SI CVTSD2SI CVTTSS2SI CVTTSD2SI r32 or r64, xmm/m.
pub(crate) fn cvts2si<R: Round, F: Lane, W: Width>(cpu: &mut Cpu, op: &Op) -> Done {
    cpu.sse_ready()?;
    let src = F::from_lane(cpu.xmm_source_low(op)?);
    let mut env = cpu.sse_env();
    let result = to_int::<R, W, F>(&mut env, src);
    cpu.sse_raise(&env)?;
    cpu.set_reg(op.dst, result);
    Ok(())
}

/// CVTSS2SD CVTSD2SS.
pub(crate) fn cvt_scalar<F: Lane, G: Lane>(cpu: &mut Cpu, op: &Op) -> Done {
    cpu.sse_ready()?;
    let src = F::from_lane(cpu.xmm_source_low(op)?);
    let mut env = cpu.sse_env();
    let result = float::resize::<F, G>(&mut env, src);
    cpu.sse_raise(&env)?;
    cpu.merge_low(op.dst, result.to_lane());
    Ok(())
}

/// CVTPS2PD xmm, xmm/m64.
pub(crate) fn cvtps2pd(cpu: &mut Cpu, op: &Op) -> Done {
    cpu.sse_ready()?;
    let src = u128::from(cpu.xmm_source_low::<u64>(op)?);
    convert(cpu, op, |env| lanes::<F64>(2, |i| float::resize::<F32, F64>(env, lane(src, i))))
}

/// CVTPD2PS xmm, xmm/m128: the upper half becomes zero.
pub(crate) fn cvtpd2ps(cpu: &mut Cpu, op: &Op) -> Done {
    cpu.sse_ready()?;
    let src = cpu.xmm_source(op)?;
    convert(cpu, op, |env| lanes::<F32>(2, |i| float::resize::<F64, F32>(env, lane(src, i))))
}

/// CVTDQ2PS xmm, xmm/m128.
pub(crate) fn cvtdq2ps(cpu: &mut Cpu, op: &Op) -> Done {
    cpu.sse_ready()?;
    let src = cpu.xmm_source(op)?;
    convert(cpu, op, |env| lanes::<F32>(4, |i| from_int(env, (src >> (32 * i)) as u32)))
}

/// CVTDQ2PD xmm, xmm/m64: exact.
pub(crate) fn cvtdq2pd(cpu: &mut Cpu, op: &Op) -> Done {
    cpu.sse_ready()?;
    let src = cpu.xmm_source_low::<u64>(op)?;
    convert(cpu, op, |env| lanes::<F64>(2, |i| from_int(env, doubleword(src, i))))
}

/// CVTPS2DQ CVTTPS2DQ xmm, xmm/m128.
pub(crate) fn cvtps2dq<R: Round>(cpu: &mut Cpu, op: &Op) -> Done {
    cpu.sse_ready()?;
    let src = cpu.xmm_source(op)?;
    convert(cpu, op, |env| {
        let first = two_ints::<R, F32>(env, src);
        join(first, two_ints::<R, F32>(env, src >> 64))
    })
}

/// CVTPD2DQ CVTTPD2DQ xmm, xmm/m128: the upper half becomes zero.
pub(crate) fn cvtpd2dq<R: Round>(cpu: &mut Cpu, op: &Op) -> Done {
    cpu.sse_ready()?;
    let src = cpu.xmm_source(op)?;
    convert(cpu, op, |env| u128::from(two_ints::<R, F64>(env, src)))
}

/// Converts into the destination as a whole.
fn convert(cpu: &mut Cpu, op: &Op, conversion: impl FnOnce(&mut Env) -> u128) -> Done {
    let mut env = cpu.sse_env();
    let result = conversion(&mut env);
    cpu.sse_raise(&env)?;
    cpu.set_xmm(op.dst, result);
    Ok(())
}

/// CVTPI2PS xmm, mm/m64: the upper half stays.
pub(crate) fn cvtpi2ps(cpu: &mut Cpu, op: &Op) -> Done {
    let src = mmx_integers(cpu, op)?;
    let mut env = cpu.sse_env();
    let result = lanes::<F32>(2, |i| from_int(&mut env, doubleword(src, i)));
    cpu.sse_raise(&env)?;
    cpu.merge_low(op.dst, low(result));
    Ok(())
}

/// CVTPI2PD xmm, mm/m64: exact.
pub(crate) fn cvtpi2pd(cpu: &mut Cpu, op: &Op) -> Done {
    let src = mmx_integers(cpu, op)?;
    convert(cpu, op, |env| lanes::<F64>(2, |i| from_int(env, doubleword(src, i))))
}

/// The source of CVTPI2PS and CVTPI2PD. From memory they use no MMX register, and make no transition.
fn mmx_integers(cpu: &mut Cpu, op: &Op) -> Result<u64, Fault> {
    cpu.sse_ready()?;
    if Cpu::is_memory(op.src) {
        return cpu.load_mem(op);
    }
    cpu.x87_check_pending()?;
    cpu.touch_mmx(); // #XM does not undo it: seen on AMD Zen
    Ok(cpu.mm(op.src))
}

/// CVTPS2PI CVTTPS2PI mm, xmm/m64.
pub(crate) fn cvtps2pi<R: Round>(cpu: &mut Cpu, op: &Op) -> Done {
    cpu.sse_ready()?;
    cpu.x87_check_pending()?;
    let src = u128::from(cpu.xmm_source_low::<u64>(op)?);
    let mut env = cpu.sse_env();
    let result = two_ints::<R, F32>(&mut env, src);
    cpu.touch_mmx(); // #XM does not undo it: seen on AMD Zen
    cpu.sse_raise(&env)?;
    cpu.set_mm(op.dst, result);
    Ok(())
}

/// CVTPD2PI CVTTPD2PI mm, xmm/m128.
pub(crate) fn cvtpd2pi<R: Round>(cpu: &mut Cpu, op: &Op) -> Done {
    cpu.sse_ready()?;
    cpu.x87_check_pending()?;
    let src = cpu.xmm_source(op)?;
    let mut env = cpu.sse_env();
    let result = two_ints::<R, F64>(&mut env, src);
    cpu.touch_mmx(); // as above
    cpu.sse_raise(&env)?;
    cpu.set_mm(op.dst, result);
    Ok(())
}
