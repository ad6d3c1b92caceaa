//! CVT instructions: SDM Vol. 2. Conversions to integers round as MXCSR says or, with a T in the name,
//! toward zero; what does not fit becomes the integer indefinite and raises IE.

use super::float::{Lane, PackedFloat, Rules, lane, lanes, lanewise};
use super::lanes::{doubleword, doublewords};
use super::{join, low};
use crate::cpu::{Cpu, Done, Fault};
use crate::decode::op::Op;
use crate::flags::Width;
use crate::float::{self, Env, F32, F64, Rounding};
use core::marker::PhantomData;

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
pub(crate) fn from_int<W: Width, F: Lane>(env: &mut Env, value: W) -> F {
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
    to_general::<R, F, W>(cpu, op)
}

/// The same when SSE or AVX may be used.
pub(crate) fn to_general<R: Round, F: Lane, W: Width>(cpu: &mut Cpu, op: &Op) -> Done {
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

/// A conversion to elements of twice the width: of 64 bits to 128.
pub(crate) trait Widening: 'static {
    fn widen(env: &mut Env, src: u64) -> u128;
}

/// A conversion to elements of half the width: of 128 bits to 64.
pub(crate) trait Narrowing: 'static {
    fn narrow(env: &mut Env, src: u128) -> u64;
}

/// CVTPS2PD.
pub(crate) struct SinglesToDoubles;
/// CVTDQ2PD: exact.
pub(crate) struct IntsToDoubles;
/// CVTPD2PS.
pub(crate) struct DoublesToSingles;
/// CVTPD2DQ CVTTPD2DQ.
pub(crate) struct DoublesToInts<R>(PhantomData<R>);
/// CVTDQ2PS.
pub(crate) struct IntsToSingles;
/// CVTPS2DQ CVTTPS2DQ.
pub(crate) struct SinglesToInts<R>(PhantomData<R>);

impl Widening for SinglesToDoubles {
    #[inline(always)]
    fn widen(env: &mut Env, src: u64) -> u128 {
        lanes::<F64>(2, |i| float::resize::<F32, F64>(env, lane(src.into(), i)))
    }
}

impl Widening for IntsToDoubles {
    #[inline(always)]
    fn widen(env: &mut Env, src: u64) -> u128 {
        lanes::<F64>(2, |i| from_int(env, doubleword(src, i)))
    }
}

impl Narrowing for DoublesToSingles {
    #[inline(always)]
    fn narrow(env: &mut Env, src: u128) -> u64 {
        low(lanes::<F32>(2, |i| float::resize::<F64, F32>(env, lane(src, i))))
    }
}

impl<R: Round> Narrowing for DoublesToInts<R> {
    #[inline(always)]
    fn narrow(env: &mut Env, src: u128) -> u64 {
        two_ints::<R, F64>(env, src)
    }
}

impl PackedFloat for IntsToSingles {
    #[inline(always)]
    fn lanes(rules: &mut Rules, _imm: u8, _first: u128, second: u128) -> u128 {
        lanes::<F32>(4, |i| from_int(&mut rules.env, (second >> (32 * i)) as u32))
    }
}

impl<R: Round> PackedFloat for SinglesToInts<R> {
    #[inline(always)]
    fn lanes(rules: &mut Rules, _imm: u8, _first: u128, second: u128) -> u128 {
        let low = two_ints::<R, F32>(&mut rules.env, second);
        join(low, two_ints::<R, F32>(&mut rules.env, second >> 64))
    }
}

/// `op xmm, xmm/m64` of a conversion to wider elements.
fn widen<P: Widening>(cpu: &mut Cpu, op: &Op) -> Done {
    cpu.sse_ready()?;
    let src = cpu.xmm_source_low::<u64>(op)?;
    convert(cpu, op, |env| P::widen(env, src))
}

/// `op xmm, xmm/m128` of a conversion to narrower elements: the upper half becomes zero.
fn narrow<P: Narrowing>(cpu: &mut Cpu, op: &Op) -> Done {
    cpu.sse_ready()?;
    let src = cpu.xmm_source(op)?;
    convert(cpu, op, |env| P::narrow(env, src).into())
}

/// CVTPS2PD xmm, xmm/m64.
pub(crate) fn cvtps2pd(cpu: &mut Cpu, op: &Op) -> Done {
    widen::<SinglesToDoubles>(cpu, op)
}

/// CVTDQ2PD xmm, xmm/m64.
pub(crate) fn cvtdq2pd(cpu: &mut Cpu, op: &Op) -> Done {
    widen::<IntsToDoubles>(cpu, op)
}

/// CVTPD2PS xmm, xmm/m128.
pub(crate) fn cvtpd2ps(cpu: &mut Cpu, op: &Op) -> Done {
    narrow::<DoublesToSingles>(cpu, op)
}

/// CVTPD2DQ CVTTPD2DQ xmm, xmm/m128.
pub(crate) fn cvtpd2dq<R: Round>(cpu: &mut Cpu, op: &Op) -> Done {
    narrow::<DoublesToInts<R>>(cpu, op)
}

/// CVTDQ2PS xmm, xmm/m128.
pub(crate) fn cvtdq2ps(cpu: &mut Cpu, op: &Op) -> Done {
    lanewise::<IntsToSingles>(cpu, op)
}

/// CVTPS2DQ CVTTPS2DQ xmm, xmm/m128.
pub(crate) fn cvtps2dq<R: Round>(cpu: &mut Cpu, op: &Op) -> Done {
    lanewise::<SinglesToInts<R>>(cpu, op)
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
