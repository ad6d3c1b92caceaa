//! AVX, AVX2 and their kin: VEX-encoded vector instructions. Who may use them when, the access to their
//! operands, and how the operations of `insn/sse/` become VEX instructions of 128 and 256 bits.
//!
//! SDM Vol. 1, "Programming with Intel AVX, FMA, and Intel AVX2"; Vol. 2, "AVX and SSE Instruction Exception
//! Classification". A VEX instruction writes all 256 bits of its destination: those of 128 bits and scalar
//! ones clear the upper half. Most work on two lanes of 128 bits, each as SSE does.
//!
//! Operands are positional ([`Op::third`]): `op.dst` is written, `op.src` is VEX.vvvv where the instruction
//! has one, and the operand from ModRM is the last.
//!
//! Not modelled: AVX-512 (EVEX), AMX, FMA4, XOP.

pub(crate) mod convert;
pub(crate) mod float;
pub(crate) mod fma;

use crate::cpu::{Cpu, Done, Fault};
use crate::decode::op::Op;
use crate::insn::sse::{Packed, join};
use crate::mmu::Privilege;

/// A 256-bit register or operand: its lanes, the low one first.
pub(crate) type Lanes = [u128; 2];

/// The vector length of an instruction, VEX.L.
pub(crate) trait Length: 'static {
    /// Bytes of a whole register operand.
    const BYTES: u64;
    /// What is left of a result: nothing above the vector length.
    fn cut(value: Lanes) -> Lanes;
}

/// VEX.128.
pub(crate) struct L128;
/// VEX.256.
pub(crate) struct L256;

impl Length for L128 {
    const BYTES: u64 = 16;
    #[inline(always)]
    fn cut([low, _]: Lanes) -> Lanes {
        [low, 0]
    }
}

impl Length for L256 {
    const BYTES: u64 = 32;
    #[inline(always)]
    fn cut(value: Lanes) -> Lanes {
        value
    }
}

/// `op ymm1, ymm2, ymm3/m256` of an operation that works lane by lane, and the same on XMM registers.
#[inline(always)]
pub(crate) fn vex_packed<O: Packed, L: Length>(cpu: &mut Cpu, op: &Op) -> Done {
    cpu.avx_ready()?;
    let src = cpu.ymm_source::<L>(op, op.third())?;
    let first = cpu.ymm(op.src);
    cpu.set_ymm(op.dst, L::cut([O::xmm(first[0], src[0]), O::xmm(first[1], src[1])]));
    Ok(())
}

impl Cpu {
    /// Operand `n` of the op: a register, or memory of the vector's length at any alignment.
    #[inline(always)]
    pub(crate) fn ymm_source<L: Length>(&mut self, op: &Op, n: u8) -> Result<Lanes, Fault> {
        if Self::is_memory(n) { self.load_ymm::<L>(op) } else { Ok(self.ymm(n)) }
    }

    /// Loads the op's memory operand of the vector's length; what is above it is 0.
    #[inline(always)]
    pub(crate) fn load_ymm<L: Length>(&mut self, op: &Op) -> Result<Lanes, Fault> {
        let linear = self.linear_in(op.segment(), self.effective_address(op), L::BYTES, false)?;
        let mut bytes = [0; 32];
        let bytes = &mut bytes[..L::BYTES as usize];
        self.check_alignment_of(linear, 16)?; // of 32 bytes too: seen on AMD Zen
        self.read_linear(linear, bytes, Privilege::Current)?;
        Ok(lanes(bytes))
    }
}

/// Lanes of 16 or 32 bytes.
fn lanes(bytes: &[u8]) -> Lanes {
    let mut lanes = [0; 2];
    for (lane, bytes) in lanes.iter_mut().zip(bytes.chunks_exact(16)) {
        let half = |at| u64::from_le_bytes(core::array::from_fn(|i| bytes[at + i]));
        *lane = join(half(0), half(8));
    }
    lanes
}

#[cfg(test)]
mod tests;
