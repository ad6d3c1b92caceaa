//! VEX forms of the floating-point instructions of SSE: SDM Vol. 2, and Vol. 1, "Programming with Intel AVX, FMA,
//! and Intel AVX2". The operations are those of `insn/sse/`; all lanes of up to 256 bits share one set of rules,
//! and if one of them raised an unmasked exception, none is written.
//!
//! A scalar instruction takes the rest of the low half from VEX.vvvv and ignores VEX.L.

use super::{Lanes, Length};
use crate::cpu::{Cpu, Done, Fault};
use crate::decode::op::Op;
use crate::flags::Width;
use crate::float::{self, F32, Predicate};
use crate::insn::sse::approximate::Approximate;
use crate::insn::sse::float::{
    Arithmetic, Lane, PackedFloat, Rules, compare, lane, lanes, mask, merged,
};
use crate::insn::sse::low;
use crate::insn::sse::round::rounded;

/// `op ymm1, ymm2, ymm3/m256` and, for some, an immediate.
pub(crate) fn vex_lanes<P: PackedFloat, L: Length>(cpu: &mut Cpu, op: &Op) -> Done {
    cpu.avx_ready()?;
    let second = cpu.ymm_source::<L>(op, op.third())?;
    let first = cpu.ymm(op.src);
    finish::<P, L>(cpu, op, first, second)
}

/// `op ymm1, ymm2/m256` and, for some, an immediate: an operation of its second operand alone.
pub(crate) fn vex_unary<P: PackedFloat, L: Length>(cpu: &mut Cpu, op: &Op) -> Done {
    cpu.avx_ready()?;
    let source = cpu.ymm_source::<L>(op, op.src)?;
    finish::<P, L>(cpu, op, source, source)
}

#[inline(always)]
fn finish<P: PackedFloat, L: Length>(cpu: &mut Cpu, op: &Op, first: Lanes, second: Lanes) -> Done {
    let mut rules = cpu.float_rules();
    let imm = op.imm as u8;
    let result = L::lanes(|i| P::lanes(&mut rules, imm, first[i], second[i]));
    cpu.sse_raise(&rules.env)?;
    cpu.set_ymm(op.dst, result);
    Ok(())
}

impl Cpu {
    /// The third operand of a scalar instruction: the low part of a register, or memory of just that width.
    #[inline(always)]
    pub(super) fn vex_scalar_source<W: Width>(&mut self, op: &Op) -> Result<W, Fault> {
        if Self::is_memory(op.third()) {
            return self.load_mem(op);
        }
        Ok(W::from_u64(low(self.xmm(op.third()))))
    }

    /// Writes a scalar result into the register that VEX.vvvv names, as the destination.
    #[inline(always)]
    pub(super) fn set_vex_scalar<W: Width>(&mut self, op: &Op, result: W) {
        self.set_ymm(op.dst, [merged(self.xmm(op.src), result), 0]);
    }
}

/// `op xmm1, xmm2, xmm3/m32` or `m64` of an operation on one value each.
#[inline(always)]
pub(super) fn scalar_of<F: Lane, W: Width>(
    cpu: &mut Cpu,
    op: &Op,
    operation: impl FnOnce(&mut Rules, F, F) -> W,
) -> Done {
    cpu.avx_ready()?;
    let second = F::from_lane(cpu.vex_scalar_source(op)?);
    let first = lane::<F>(cpu.xmm(op.src), 0);
    let mut rules = cpu.float_rules();
    let result = operation(&mut rules, first, second);
    cpu.sse_raise(&rules.env)?;
    cpu.set_vex_scalar(op, result);
    Ok(())
}

/// VADDSS and its kin.
pub(crate) fn vex_scalar<O: Arithmetic, F: Lane>(cpu: &mut Cpu, op: &Op) -> Done {
    scalar_of::<F, F::Bits>(cpu, op, |rules, first, second| {
        O::result(&mut rules.env, rules.rounding, first, second).to_lane()
    })
}

/// VCMPSS VCMPSD.
pub(crate) fn vex_cmp_scalar<F: Lane>(cpu: &mut Cpu, op: &Op) -> Done {
    let predicate = Predicate::from_bits(op.imm as u8);
    scalar_of::<F, F::Bits>(cpu, op, |rules, first, second| {
        mask(&mut rules.env, predicate, first, second)
    })
}

/// VROUNDSS VROUNDSD.
pub(crate) fn vex_round_scalar<F: Lane>(cpu: &mut Cpu, op: &Op) -> Done {
    let imm = op.imm as u8;
    scalar_of::<F, F::Bits>(cpu, op, |rules, _first, second| {
        rounded(&mut rules.env, imm, |env| float::round_to_integral(env, second)).to_lane()
    })
}

/// VCOMISS VCOMISD.
pub(crate) fn vex_comis<F: Lane>(cpu: &mut Cpu, op: &Op) -> Done {
    cpu.avx_ready()?;
    compare::<F>(cpu, op, float::compare)
}

/// VUCOMISS VUCOMISD.
pub(crate) fn vex_ucomis<F: Lane>(cpu: &mut Cpu, op: &Op) -> Done {
    cpu.avx_ready()?;
    compare::<F>(cpu, op, float::compare_quiet)
}

/// VRCPPS VRSQRTPS: no exceptions.
pub(crate) fn vex_approximate<O: Approximate, L: Length>(cpu: &mut Cpu, op: &Op) -> Done {
    cpu.avx_ready()?;
    let source = cpu.ymm_source::<L>(op, op.src)?;
    let result = L::lanes(|half| lanes::<F32>(4, |i| F32(O::of(lane::<F32>(source[half], i).0))));
    cpu.set_ymm(op.dst, result);
    Ok(())
}

/// VRCPSS VRSQRTSS.
pub(crate) fn vex_approximate_scalar<O: Approximate>(cpu: &mut Cpu, op: &Op) -> Done {
    cpu.avx_ready()?;
    let source = cpu.vex_scalar_source::<u32>(op)?;
    cpu.set_vex_scalar(op, O::of(source));
    Ok(())
}
