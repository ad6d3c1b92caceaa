//! VCVT instructions, F16C among them: SDM Vol. 2. What does not change the size of an element is an operation
//! like any other (`float.rs`); here are those that widen or narrow, and those of one value.

use super::float::scalar_of;
use super::{L128, Length};
use crate::cpu::{Cpu, Done};
use crate::decode::op::{MEMORY, Op};
use crate::flags::Width;
use crate::float::{self, Env, F16, F32};
use crate::insn::sse::convert::{Narrowing, Round, Widening, from_int, to_general};
use crate::insn::sse::float::{Lane, lane, lanes};
use crate::insn::sse::round::rounding_of;
use crate::insn::sse::{high, join, low};
use crate::mmu::Privilege;
use crate::mmu::walk::Intent;

/// `op xmm1, xmm2/m64` and `op ymm1, xmm2/m128` of a conversion to elements of twice the width.
pub(crate) fn vex_widen<P: Widening, L: Length>(cpu: &mut Cpu, op: &Op) -> Done {
    cpu.avx_ready()?;
    let source = if L::WIDE {
        cpu.ymm_source::<L128>(op, op.src)?[0]
    } else {
        u128::from(cpu.xmm_source_low::<u64>(op)?)
    };
    let mut env = cpu.sse_env();
    let halves = [low(source), high(source)];
    let result = L::lanes(|i| P::widen(&mut env, halves[i]));
    cpu.sse_raise(&env)?;
    cpu.set_ymm(op.dst, result);
    Ok(())
}

/// `op xmm1, xmm2/m128` and `op xmm1, ymm2/m256` of a conversion to elements of half the width.
pub(crate) fn vex_narrow<P: Narrowing, L: Length>(cpu: &mut Cpu, op: &Op) -> Done {
    cpu.avx_ready()?;
    let source = cpu.ymm_source::<L>(op, op.src)?;
    let mut env = cpu.sse_env();
    let halves = L::lanes(|i| P::narrow(&mut env, source[i]).into());
    cpu.sse_raise(&env)?;
    cpu.set_ymm(op.dst, [join(low(halves[0]), low(halves[1])), 0]);
    Ok(())
}

/// VCVTSS2SD VCVTSD2SS.
pub(crate) fn vex_cvt_scalar<F: Lane, G: Lane>(cpu: &mut Cpu, op: &Op) -> Done {
    scalar_of::<F, G::Bits>(cpu, op, |rules, _first, second| {
        float::resize::<F, G>(&mut rules.env, second).to_lane()
    })
}

/// VCVTSI2SS VCVTSI2SD xmm1, xmm2, r/m32 or r/m64.
pub(crate) fn vex_cvtsi2s<F: Lane, W: Width>(cpu: &mut Cpu, op: &Op) -> Done {
    cpu.avx_ready()?;
    let source = cpu.read_operand::<W>(op, op.third())?;
    let mut env = cpu.sse_env();
    let result = from_int::<W, F>(&mut env, source);
    cpu.sse_raise(&env)?;
    cpu.set_vex_scalar(op, result.to_lane());
    Ok(())
}

/// VCVTSS2SI VCVTSD2SI VCVTTSS2SI VCVTTSD2SI r32 or r64, xmm/m.
pub(crate) fn vex_cvts2si<R: Round, F: Lane, W: Width>(cpu: &mut Cpu, op: &Op) -> Done {
    cpu.avx_ready()?;
    to_general::<R, F, W>(cpu, op)
}

/// VCVTPH2PS.
pub(crate) struct HalvesToSingles;

impl Widening for HalvesToSingles {
    #[inline(always)]
    fn widen(env: &mut Env, src: u64) -> u128 {
        lanes::<F32>(4, |i| float::resize::<F16, F32>(env, F16((src >> (16 * i)) as u16)))
    }
}

/// VCVTPS2PH xmm1/m64, xmm2, imm8 and xmm1/m128, ymm2, imm8. Bit 2 of the immediate: round as MXCSR.RC says,
/// not as bits 0-1 do. FTZ does not count.
pub(crate) fn vex_cvtps2ph<L: Length>(cpu: &mut Cpu, op: &Op) -> Done {
    cpu.avx_ready()?;
    let source = cpu.ymm(op.src);
    let rules = cpu.sse_env();
    let mut env = rules.with_rounding(rounding_of(op.imm as u8, rules.rounding));
    env.ftz = false;
    let [first, second] = L::lanes(|half| {
        (0..4).fold(0, |result, i| {
            let narrow = float::resize::<F32, F16>(&mut env, lane(source[half], i));
            result | u128::from(narrow.0) << (16 * i)
        })
    });
    let result = join(low(first), low(second));
    if op.dst != MEMORY {
        cpu.sse_raise(&env)?;
        cpu.set_ymm(op.dst, [result, 0]);
        return Ok(());
    }
    let bytes = L::BYTES / 2;
    let linear = cpu.linear_in(op.segment(), cpu.effective_address(op), bytes, true)?;
    cpu.check_alignment(linear, bytes)?;
    // A store that would fault comes before #XM, and leaves MXCSR as it was: seen on AMD Zen.
    cpu.probe(linear, bytes, Intent::Write, Privilege::Current)?;
    cpu.sse_raise(&env)?;
    cpu.write_linear(linear, &result.to_le_bytes()[..bytes as usize], Privilege::Current)
}
