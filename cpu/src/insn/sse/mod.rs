//! MMX, SSE to SSE4 and SSE4A, AES, PCLMULQDQ, SHA and GFNI in their legacy encodings: the registers, who may
//! use them when, and the access to their operands. The instructions stand in the files by the groups of SDM Vol. 1,
//! "Programming with Intel MMX Technology" and "Programming with Intel Streaming SIMD Extensions".
//!
//! Conditions for #UD, #NM, #MF and alignment follow SDM Vol. 2, "Intel SSE Exception Classes" and
//! Vol. 3A, "System Programming for Instruction Set Extensions and Processor Extended States".
//! Packed integers are computed eight bytes at a time in ordinary registers (`lanes.rs`), the same for
//! an MMX register and each half of an XMM register; floating point is `float/`. These are the complete forms,
//! for every operand and mode; the frameless ones of most XMM instructions are in `engine/hot/sse*.rs`.
//!
//! Not modelled: write-combining and the ordering of non-temporal stores (every store is in order), the
//! "misaligned SSE" mode of AMD (MXCSR.MM).

pub(crate) mod aes;
pub(crate) mod approximate;
pub(crate) mod blend;
pub(crate) mod carryless;
pub(crate) mod control;
pub(crate) mod convert;
mod corrections;
pub(crate) mod dot;
pub(crate) mod extend;
pub(crate) mod float;
pub(crate) mod gfni;
pub(crate) mod horizontal;
pub(crate) mod insert;
pub(crate) mod integer;
mod lanes;
pub(crate) mod logic;
pub(crate) mod mmx;
pub(crate) mod moves;
pub(crate) mod multiply;
pub(crate) mod operation;
pub(crate) mod round;
pub(crate) mod sha;
pub(crate) mod shift;
pub(crate) mod shuffle;
pub(crate) mod string;

use crate::cpu::{Cpu, Done, Fault, gp, ud};
use crate::decode::op::Op;
use crate::flags::Width;
use crate::mmu::Privilege;
use arch::control::{cr0, cr4, xcr0};
use arch::exception::{Exception, Vector};
use arch::paging::{PAGE_MASK, PAGE_SIZE};
use arch::segment::SegReg;
use serde::{Deserialize, Serialize};

/// YMM registers, of which XMM are the low halves, and MXCSR.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) struct SseState {
    /// XMM0-15.
    pub(crate) xmm: [u128; 16],
    /// Bits 255:128 of YMM0-15. Apart, so that SSE code need not know of them.
    pub(crate) upper: [u128; 16],
    /// MXCSR.
    pub(crate) mxcsr: u32,
}

impl SseState {
    /// After RESET.
    pub(crate) fn new() -> Self {
        Self { xmm: [0; 16], upper: [0; 16], mxcsr: 0x1f80 }
    }
}

impl Default for SseState {
    fn default() -> Self {
        Self::new()
    }
}

/// Puts two halves together.
#[inline(always)]
pub(crate) fn join(low: u64, high: u64) -> u128 {
    u128::from(low) | u128::from(high) << 64
}

/// The low half.
#[inline(always)]
pub(crate) fn low(value: u128) -> u64 {
    value as u64
}

/// The high half.
#[inline(always)]
pub(crate) fn high(value: u128) -> u64 {
    (value >> 64) as u64
}

/// An operation of two packed operands, in both register widths.
pub(crate) trait Packed: 'static {
    /// On MMX registers.
    fn mm(dst: u64, src: u64) -> u64;
    /// On XMM registers: the same on each half, unless lanes cross.
    #[inline(always)]
    fn xmm(dst: u128, src: u128) -> u128 {
        join(Self::mm(low(dst), low(src)), Self::mm(high(dst), high(src)))
    }
}

/// A file of packed registers.
pub(crate) trait Bank: 'static {
    /// What a register holds.
    type Value: Copy;
    /// #UD, #NM or #MF where the file may not be used now.
    fn ready(cpu: &Cpu) -> Done;
    fn get(cpu: &Cpu, n: u8) -> Self::Value;
    fn set(cpu: &mut Cpu, n: u8, value: Self::Value);
    /// The op's second operand: a register, or a whole memory operand under the rules of most
    /// instructions (alignment for XMM).
    fn source(cpu: &mut Cpu, op: &Op) -> Result<Self::Value, Fault>;
    fn apply<O: Packed>(dst: Self::Value, src: Self::Value) -> Self::Value;
}

/// MM0-7.
pub(crate) struct Mm;
/// XMM0-15.
pub(crate) struct Xmm;

impl Bank for Mm {
    type Value = u64;

    #[inline(always)]
    fn ready(cpu: &Cpu) -> Done {
        cpu.mmx_ready()
    }
    #[inline(always)]
    fn get(cpu: &Cpu, n: u8) -> u64 {
        cpu.mm(n)
    }
    #[inline(always)]
    fn set(cpu: &mut Cpu, n: u8, value: u64) {
        cpu.set_mm(n, value);
    }
    #[inline(always)]
    fn source(cpu: &mut Cpu, op: &Op) -> Result<u64, Fault> {
        cpu.mm_source::<u64>(op)
    }
    #[inline(always)]
    fn apply<O: Packed>(dst: u64, src: u64) -> u64 {
        O::mm(dst, src)
    }
}

impl Bank for Xmm {
    type Value = u128;

    #[inline(always)]
    fn ready(cpu: &Cpu) -> Done {
        cpu.sse_ready()
    }
    #[inline(always)]
    fn get(cpu: &Cpu, n: u8) -> u128 {
        cpu.xmm(n)
    }
    #[inline(always)]
    fn set(cpu: &mut Cpu, n: u8, value: u128) {
        cpu.set_xmm(n, value);
    }
    #[inline(always)]
    fn source(cpu: &mut Cpu, op: &Op) -> Result<u128, Fault> {
        cpu.xmm_source(op)
    }
    #[inline(always)]
    fn apply<O: Packed>(dst: u128, src: u128) -> u128 {
        O::xmm(dst, src)
    }
}

/// `op reg, reg/mem` on packed registers.
#[inline(always)]
pub(crate) fn packed<O: Packed, B: Bank>(cpu: &mut Cpu, op: &Op) -> Done {
    B::ready(cpu)?;
    let src = B::source(cpu, op)?;
    let dst = B::get(cpu, op.dst);
    B::set(cpu, op.dst, B::apply::<O>(dst, src));
    Ok(())
}

impl Cpu {
    // ---- conditions ----

    /// #UD or #NM unless SSE state may be used: CR0.EM, CR4.OSFXSR, CR0.TS.
    #[inline(always)]
    pub(crate) fn sse_ready(&self) -> Done {
        if self.sse_off { self.simd_refused(self.sse_disabled()) } else { Ok(()) }
    }

    fn sse_disabled(&self) -> bool {
        self.cr4 & cr4::OSFXSR == 0 || self.cr0 & cr0::EM != 0
    }

    /// #UD or #NM unless VEX-encoded vector instructions may be used: protected mode without VM86,
    /// CR4.OSXSAVE, XCR0 with SSE and AVX, CR0.TS.
    #[inline(always)]
    pub(crate) fn avx_ready(&self) -> Done {
        if self.avx_off { self.simd_refused(self.avx_disabled()) } else { Ok(()) }
    }

    fn avx_disabled(&self) -> bool {
        let enabled = self.xcr0 & (xcr0::SSE | xcr0::AVX) == xcr0::SSE | xcr0::AVX;
        !self.vex_exists() || self.cr4 & cr4::OSXSAVE == 0 || !enabled
    }

    /// VEX-encoded instructions exist in protected mode without VM86 only.
    pub(crate) fn vex_exists(&self) -> bool {
        self.protected_mode() && !self.v8086()
    }

    /// Keeps [`Cpu::sse_off`], [`Cpu::avx_off`] and [`Cpu::vex`] after a change of CR0, CR4, XCR0 or RFLAGS.VM, so that
    /// an instruction asks one question.
    pub(crate) fn update_simd(&mut self) {
        self.sse_off = self.cr0 & (cr0::EM | cr0::TS) != 0 || self.cr4 & cr4::OSFXSR == 0;
        self.vex = self.vex_exists();
        self.update_jump_tag();
        self.avx_off = self.avx_disabled() || self.cr0 & cr0::TS != 0;
    }

    /// #UD, #NM or #MF unless MMX state may be used: CR0.EM, CR0.TS, a pending x87 exception.
    #[inline(always)]
    pub(crate) fn mmx_ready(&self) -> Done {
        if self.cr0 & (cr0::EM | cr0::TS) != 0 {
            return self.simd_refused(self.cr0 & cr0::EM != 0);
        }
        self.x87_check_pending()
    }

    #[cold]
    fn simd_refused(&self, disabled: bool) -> Done {
        if disabled {
            return Err(ud());
        }
        Err(Exception::new(Vector::NM).into())
    }

    // ---- registers ----

    /// XMM register `n`.
    #[inline(always)]
    pub(crate) fn xmm(&self, n: u8) -> u128 {
        self.sse.xmm[(n & 15) as usize]
    }

    /// Sets XMM register `n`.
    #[inline(always)]
    pub(crate) fn set_xmm(&mut self, n: u8, value: u128) {
        self.sse.xmm[(n & 15) as usize] = value;
    }

    /// YMM register `n`: low and high half.
    #[inline(always)]
    pub(crate) fn ymm(&self, n: u8) -> [u128; 2] {
        let n = (n & 15) as usize;
        [self.sse.xmm[n], self.sse.upper[n]]
    }

    /// Sets YMM register `n`.
    #[inline(always)]
    pub(crate) fn set_ymm(&mut self, n: u8, [low, high]: [u128; 2]) {
        let n = (n & 15) as usize;
        self.sse.xmm[n] = low;
        self.sse.upper[n] = high;
    }

    /// MM register `n`: the significand of physical x87 register `n`.
    #[inline(always)]
    pub(crate) fn mm(&self, n: u8) -> u64 {
        self.x87.registers[(n & 7) as usize].0
    }

    /// Sets MM register `n`, with what every MMX write does to the x87 state.
    #[inline(always)]
    pub(crate) fn set_mm(&mut self, n: u8, value: u64) {
        self.x87.registers[(n & 7) as usize] = (value, 0xffff);
        self.touch_mmx();
    }

    /// The transition to MMX that every MMX instruction makes, reading ones too: TOP is 0 and all tags
    /// are valid. SDM Vol. 3A, "Effect of MMX Instructions on the x87 FPU State".
    #[inline(always)]
    pub(crate) fn touch_mmx(&mut self) {
        self.x87.top = 0;
        self.x87.empty = 0;
    }

    // ---- operands ----

    /// The second operand of most SSE instructions: a register, or 16 aligned bytes.
    #[inline(always)]
    pub(crate) fn xmm_source(&mut self, op: &Op) -> Result<u128, Fault> {
        if Self::is_memory(op.src) { self.load_xmm::<true>(op) } else { Ok(self.xmm(op.src)) }
    }

    /// The second operand of a scalar SSE instruction: the low part of a register, or memory of just
    /// that width.
    #[inline(always)]
    pub(crate) fn xmm_source_low<W: Width>(&mut self, op: &Op) -> Result<W, Fault> {
        if Self::is_memory(op.src) {
            return self.load_mem(op);
        }
        Ok(W::from_u64(low(self.xmm(op.src))))
    }

    /// The second operand of an MMX instruction, of which `W` is read in memory.
    #[inline(always)]
    pub(crate) fn mm_source<W: Width>(&mut self, op: &Op) -> Result<u64, Fault> {
        if Self::is_memory(op.src) {
            return Ok(self.load_mem::<W>(op)?.to_u64());
        }
        Ok(self.mm(op.src))
    }

    /// Linear address of the op's 16-byte memory operand. #GP(0) for a misaligned one comes before
    /// all else, also before the #SS of a non-canonical address (seen on AMD Zen).
    #[inline(always)]
    fn linear_xmm<const ALIGNED: bool>(&self, op: &Op, write: bool) -> Result<u64, Fault> {
        let offset = self.effective_address(op);
        match self.linear(op, offset, 16, write) {
            Ok(linear) if !ALIGNED || linear & 15 == 0 => Ok(linear),
            Ok(_) => Err(gp(0)),
            Err(fault) => Err(if ALIGNED { self.refused_xmm(op, offset, fault) } else { fault }),
        }
    }

    #[cold]
    fn refused_xmm(&self, op: &Op, offset: u64, fault: Fault) -> Fault {
        if self.is_misaligned(op, offset, 16) { gp(0) } else { fault }
    }

    /// True if effective address `offset` leads to a linear address that is no multiple of `bytes`, be it
    /// one that can be accessed or not.
    pub(crate) fn is_misaligned(&self, op: &Op, offset: u64, bytes: u64) -> bool {
        let flat = self.ip_mask == u64::MAX && op.segment() < SegReg::Fs as usize;
        let base = if flat { 0 } else { self.seg_base[op.segment()] };
        offset.wrapping_add(base) & (bytes - 1) != 0
    }

    /// Loads the op's 16-byte memory operand.
    #[inline(always)]
    pub(crate) fn load_xmm<const ALIGNED: bool>(&mut self, op: &Op) -> Result<u128, Fault> {
        let linear = self.linear_xmm::<ALIGNED>(op, false)?;
        if ALIGNED || linear & PAGE_MASK <= PAGE_SIZE - 16 {
            let halves = (self.tlb.read(linear), self.tlb.read(linear.wrapping_add(8)));
            if let (Some(low), Some(high)) = halves {
                return Ok(join(low, high));
            }
        }
        self.load_xmm_slow(linear)
    }

    #[cold]
    #[inline(never)]
    fn load_xmm_slow(&mut self, linear: u64) -> Result<u128, Fault> {
        self.check_alignment(linear, 16)?; // of unaligned moves too: seen on AMD Zen; Intel leaves it open
        let mut bytes = [0; 16];
        self.read_linear(linear, &mut bytes, Privilege::Current)?;
        Ok(u128::from_le_bytes(bytes))
    }

    /// Stores to the op's 16-byte memory operand.
    #[inline(always)]
    pub(crate) fn store_xmm<const ALIGNED: bool>(&mut self, op: &Op, value: u128) -> Done {
        let linear = self.linear_xmm::<ALIGNED>(op, true)?;
        // Within one page both halves find the same tag.
        if (ALIGNED || linear & PAGE_MASK <= PAGE_SIZE - 16)
            && self.tlb.write(linear, low(value))
            && self.tlb.write(linear.wrapping_add(8), high(value))
        {
            return Ok(());
        }
        self.store_xmm_slow(linear, value)
    }

    #[cold]
    #[inline(never)]
    fn store_xmm_slow(&mut self, linear: u64, value: u128) -> Done {
        self.check_alignment(linear, 16)?; // of unaligned moves too: seen on AMD Zen; Intel leaves it open
        self.write_linear(linear, &value.to_le_bytes(), Privilege::Current)
    }
}

#[cfg(all(test, target_arch = "x86_64", target_os = "linux"))]
pub(super) mod native_tests;
#[cfg(test)]
mod tests;
