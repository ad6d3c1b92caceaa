//! AVX, AVX2 and their kin: VEX-encoded vector instructions. Who may use them when, the access to their
//! operands, and how the operations of `insn/sse/` become VEX instructions of 128 and 256 bits.
//!
//! SDM Vol. 1, "Programming with Intel AVX, FMA, and Intel AVX2"; Vol. 2, "AVX and SSE Instruction Exception
//! Classification". A VEX instruction writes all 256 bits of its destination: those of 128 bits and scalar
//! ones clear the upper half. Most work on two lanes of 128 bits, each as SSE does.
//!
//! Operands are positional ([`Op::third`]): `op.dst` is written, `op.src` is VEX.vvvv where the instruction
//! has one, and the operand from ModRM is the last. These are the complete forms, for every operand and mode;
//! the frameless ones of most of them are in `engine/hot/avx*.rs`.
//!
//! Not modelled: AVX-512 (EVEX), AMX, FMA4, XOP.

pub(crate) mod convert;
pub(crate) mod element;
pub(crate) mod float;
pub(crate) mod fma;
pub(crate) mod gather;
pub(crate) mod mask;
pub(crate) mod moves;
pub(crate) mod shift;
pub(crate) mod shuffle;
pub(crate) mod test;

use crate::cpu::{Cpu, Done, Fault, gp};
use crate::decode::op::Op;
use crate::insn::sse::join;
use crate::insn::sse::operation::{Binary, BinaryImm, Ternary};
use crate::mmu::Privilege;
use arch::paging::{PAGE_MASK, PAGE_SIZE};

/// A 256-bit register or operand: its lanes, the low one first.
pub(crate) type Lanes = [u128; 2];

/// The vector length of an instruction, VEX.L.
pub(crate) trait Length: 'static {
    /// Bytes of a whole register operand.
    const BYTES: u64;
    /// There is an upper lane.
    const WIDE: bool = Self::BYTES == 32;

    /// A result of its lanes: nothing is above the vector length.
    #[inline(always)]
    fn lanes(mut lane: impl FnMut(usize) -> u128) -> Lanes {
        [lane(0), if Self::WIDE { lane(1) } else { 0 }]
    }
    /// What is left of a value: nothing above the vector length.
    #[inline(always)]
    fn cut(value: Lanes) -> Lanes {
        Self::lanes(|i| value[i])
    }
}

/// VEX.128.
pub(crate) struct L128;
/// VEX.256.
pub(crate) struct L256;

impl Length for L128 {
    const BYTES: u64 = 16;
}

impl Length for L256 {
    const BYTES: u64 = 32;
}

/// `op ymm1, ymm2, ymm3/m256` of an operation that works lane by lane, and the same on XMM registers.
#[inline(always)]
pub(crate) fn vex_packed<O: Binary, L: Length>(cpu: &mut Cpu, op: &Op) -> Done {
    cpu.avx_ready()?;
    let src = cpu.ymm_source::<L>(op, op.third())?;
    let first = cpu.ymm(op.src);
    cpu.set_ymm(op.dst, L::lanes(|i| O::eval(first[i], src[i])));
    Ok(())
}

/// `op ymm1, ymm2/m256`: of one value.
#[inline(always)]
pub(crate) fn vex_single<O: Binary, L: Length>(cpu: &mut Cpu, op: &Op) -> Done {
    cpu.avx_ready()?;
    let src = cpu.ymm_source::<L>(op, op.src)?;
    cpu.set_ymm(op.dst, L::lanes(|i| O::eval(src[i], src[i])));
    Ok(())
}

/// `op ymm1, ymm2, ymm3/m256, imm8`. Of the immediate, the upper lane takes the bits above `STEP`.
#[inline(always)]
pub(crate) fn vex_packed_imm<O: BinaryImm, L: Length, const STEP: usize>(
    cpu: &mut Cpu,
    op: &Op,
) -> Done {
    cpu.avx_ready()?;
    let src = cpu.ymm_source::<L>(op, op.third())?;
    let (first, imm) = (cpu.ymm(op.src), op.imm as u8);
    cpu.set_ymm(op.dst, L::lanes(|i| O::eval(first[i], src[i], imm >> (i * STEP))));
    Ok(())
}

/// `op ymm1, ymm2/m256, imm8`: of one value.
#[inline(always)]
pub(crate) fn vex_single_imm<O: BinaryImm, L: Length, const STEP: usize>(
    cpu: &mut Cpu,
    op: &Op,
) -> Done {
    cpu.avx_ready()?;
    let src = cpu.ymm_source::<L>(op, op.src)?;
    let imm = op.imm as u8;
    cpu.set_ymm(op.dst, L::lanes(|i| O::eval(src[i], src[i], imm >> (i * STEP))));
    Ok(())
}

/// `op ymm1, ymm2, ymm3/m256, ymm4`.
#[inline(always)]
pub(crate) fn vex_ternary<O: Ternary, L: Length>(cpu: &mut Cpu, op: &Op) -> Done {
    cpu.avx_ready()?;
    let src = cpu.ymm_source::<L>(op, op.third())?;
    let (first, third) = (cpu.ymm(op.src), cpu.ymm(op.fourth()));
    cpu.set_ymm(op.dst, L::lanes(|i| O::eval(first[i], src[i], third[i])));
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
        self.load_lanes(linear, L::BYTES)
    }

    /// Loads the op's memory operand, which has to be aligned to its length.
    pub(crate) fn load_ymm_aligned<L: Length>(&mut self, op: &Op) -> Result<Lanes, Fault> {
        let linear = self.linear_ymm_aligned::<L>(op, false)?;
        self.load_lanes(linear, L::BYTES)
    }

    /// Stores the op's memory operand of the vector's length at any alignment.
    pub(crate) fn store_ymm<L: Length>(&mut self, op: &Op, value: Lanes) -> Done {
        let linear = self.linear_in(op.segment(), self.effective_address(op), L::BYTES, true)?;
        self.store_lanes(linear, L::BYTES, value)
    }

    /// Stores the op's memory operand, which has to be aligned to its length.
    pub(crate) fn store_ymm_aligned<L: Length>(&mut self, op: &Op, value: Lanes) -> Done {
        let linear = self.linear_ymm_aligned::<L>(op, true)?;
        self.store_lanes(linear, L::BYTES, value)
    }

    /// Linear address of the op's aligned operand: #GP(0) for a misaligned one comes before all else.
    fn linear_ymm_aligned<L: Length>(&self, op: &Op, write: bool) -> Result<u64, Fault> {
        let offset = self.effective_address(op);
        if self.is_misaligned(op, offset, L::BYTES) {
            return Err(gp(0));
        }
        self.linear_in(op.segment(), offset, L::BYTES, write)
    }

    /// Loads up to 32 bytes, of which none needs to be aligned; the rest is 0.
    #[inline]
    pub(crate) fn load_lanes(&mut self, linear: u64, bytes: u64) -> Result<Lanes, Fault> {
        if bytes >= 16 && linear & PAGE_MASK <= PAGE_SIZE - bytes {
            // Within one page all parts find the same tag.
            let mut words = [0; 4];
            let count = bytes as usize / 8;
            let read = |(i, word): (u64, &mut u64)| match self.tlb.read(linear + 8 * i) {
                Some(value) => {
                    *word = value;
                    true
                }
                None => false,
            };
            if (0..).zip(&mut words[..count]).all(read) {
                return Ok([join(words[0], words[1]), join(words[2], words[3])]);
            }
        }
        self.load_lanes_slow(linear, bytes)
    }

    #[cold]
    #[inline(never)]
    fn load_lanes_slow(&mut self, linear: u64, bytes: u64) -> Result<Lanes, Fault> {
        self.check_alignment(linear, bytes.min(16))?; // of 32 too: seen on AMD Zen
        let mut buffer = [0; 32];
        self.read_linear(linear, &mut buffer[..bytes as usize], Privilege::Current)?;
        Ok(lanes(&buffer))
    }

    /// Stores the low 16 or 32 bytes of a value, at any alignment.
    #[inline]
    pub(crate) fn store_lanes(&mut self, linear: u64, bytes: u64, value: Lanes) -> Done {
        let words = words(value);
        // Within one page all parts find the same tag: either none is written or all are.
        if linear & PAGE_MASK <= PAGE_SIZE - bytes
            && (0..)
                .zip(&words[..bytes as usize / 8])
                .all(|(i, &word)| self.tlb.write(linear + 8 * i, word))
        {
            return Ok(());
        }
        self.store_lanes_slow(linear, bytes, value)
    }

    #[cold]
    #[inline(never)]
    fn store_lanes_slow(&mut self, linear: u64, bytes: u64, value: Lanes) -> Done {
        self.check_alignment(linear, bytes.min(16))?; // of 32 too: seen on AMD Zen
        let mut buffer = [0; 32];
        buffer[..16].copy_from_slice(&value[0].to_le_bytes());
        buffer[16..].copy_from_slice(&value[1].to_le_bytes());
        self.write_linear(linear, &buffer[..bytes as usize], Privilege::Current)
    }
}

/// The lanes of 32 bytes.
fn lanes(bytes: &[u8; 32]) -> Lanes {
    let word = |at| u64::from_le_bytes(core::array::from_fn(|i| bytes[at + i]));
    [join(word(0), word(8)), join(word(16), word(24))]
}

/// The quadwords of a value, the lowest first.
fn words([low, high]: Lanes) -> [u64; 4] {
    [low as u64, (low >> 64) as u64, high as u64, (high >> 64) as u64]
}

#[cfg(all(test, target_arch = "x86_64", target_os = "linux"))]
mod native_tests;
#[cfg(test)]
mod tests;
