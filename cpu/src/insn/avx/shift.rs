//! VPSLLx VPSRLx VPSRAx by one count for all lanes, and VPSLLVx VPSRLVx VPSRAVD by a count for each: SDM Vol. 2.

use super::Length;
use crate::cpu::{Cpu, Done};
use crate::decode::op::Op;
use crate::flags::Width;
use crate::insn::sse::shift::{Shift, both};
use crate::insn::sse::{Packed, low};
use core::marker::PhantomData;

/// `op ymm1, ymm2, xmm3/m128`: the count is the low half of 16 bytes, whatever the vector length.
#[inline(always)]
pub(crate) fn vex_shift<S: Shift, L: Length>(cpu: &mut Cpu, op: &Op) -> Done {
    cpu.avx_ready()?;
    let [src, _] = cpu.ymm_source::<super::L128>(op, op.third())?;
    let (first, count) = (cpu.ymm(op.src), low(src));
    cpu.set_ymm(op.dst, L::lanes(|i| both::<S>(first[i], count)));
    Ok(())
}

/// `op ymm1, ymm2, imm8`.
#[inline(always)]
pub(crate) fn vex_shift_imm<S: Shift, L: Length>(cpu: &mut Cpu, op: &Op) -> Done {
    cpu.avx_ready()?;
    let (src, count) = (cpu.ymm(op.src), op.imm & 0xff);
    cpu.set_ymm(op.dst, L::lanes(|i| both::<S>(src[i], count)));
    Ok(())
}

/// VPSLLVD VPSLLVQ, VPSRLVD VPSRLVQ, VPSRAVD: each lane of `W` by the second operand's of the same place.
pub(crate) struct Each<S, W>(PhantomData<(S, W)>);

impl<S: Shift, W: Width> Packed for Each<S, W> {
    #[inline(always)]
    fn mm(dst: u64, src: u64) -> u64 {
        // A lane alone in its place: what the shift carries in comes from itself.
        let lane = |i: u32| {
            let at = i * W::BITS;
            S::shift(dst & W::MASK << at, src >> at & W::MASK) & W::MASK << at
        };
        (0..64 / W::BITS).fold(0, |all, i| all | lane(i))
    }
}
