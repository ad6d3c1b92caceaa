//! VMASKMOVPS VMASKMOVPD VPMASKMOVD VPMASKMOVQ: elements of memory whose mask has its top bit set. The others are not
//! accessed and cannot fault. SDM Vol. 2.

use super::{Lanes, Length};
use crate::cpu::{Cpu, Done, Fault};
use crate::decode::op::Op;
use crate::flags::Width;
use crate::mmu::Privilege;
use crate::mmu::walk::Intent;

/// Bit offset of element `i` in its lane.
#[inline(always)]
fn place<W: Width>(i: usize) -> u32 {
    (i as u32 * W::BITS) & 127
}

/// Element `i` of a value.
#[inline(always)]
pub(super) fn element<W: Width>(value: &Lanes, i: usize) -> W {
    W::from_u64((value[i * W::BITS as usize / 128] >> place::<W>(i)) as u64 & W::MASK)
}

/// Replaces element `i` of a value.
#[inline(always)]
pub(super) fn set_element<W: Width>(value: &mut Lanes, i: usize, element: W) {
    let lane = &mut value[i * W::BITS as usize / 128];
    let at = place::<W>(i);
    *lane = *lane & !(u128::from(W::MASK) << at) | u128::from(element.to_u64()) << at;
}

/// True if the mask selects element `i`.
#[inline(always)]
pub(super) fn selects<W: Width>(mask: &Lanes, i: usize) -> bool {
    element::<W>(mask, i).to_u64() >> (W::BITS - 1) != 0
}

/// Elements of `W` in a register.
fn count<W: Width, L: Length>() -> usize {
    L::BYTES as usize / usize::from(W::BYTES)
}

/// `op ymm1, ymm2, m256`: what is not loaded becomes zero.
pub(crate) fn load<W: Width, L: Length>(cpu: &mut Cpu, op: &Op) -> Done {
    cpu.avx_ready()?;
    let mask = cpu.ymm(op.src);
    let mut value = [0; 2];
    for i in 0..count::<W, L>() {
        if selects::<W>(&mask, i) {
            let linear = linear::<W>(cpu, op, i, false)?;
            set_element::<W>(&mut value, i, load_element(cpu, linear)?);
        }
    }
    cpu.set_ymm(op.dst, value);
    Ok(())
}

/// `op m256, ymm1, ymm2`.
pub(crate) fn store<W: Width, L: Length>(cpu: &mut Cpu, op: &Op) -> Done {
    cpu.avx_ready()?;
    let (mask, value) = (cpu.ymm(op.src), cpu.ymm(op.third()));
    for i in 0..count::<W, L>() {
        if selects::<W>(&mask, i) {
            let linear = linear::<W>(cpu, op, i, true)?;
            cpu.probe(linear, u64::from(W::BYTES), Intent::Write, Privilege::Current)?;
        }
    }
    for i in 0..count::<W, L>() {
        if selects::<W>(&mask, i) {
            let linear = linear::<W>(cpu, op, i, true)?;
            store_element(cpu, linear, element::<W>(&value, i))?;
        }
    }
    Ok(())
}

/// Loads an element, which may be misaligned under alignment checking too: seen on AMD Zen.
pub(super) fn load_element<W: Width>(cpu: &mut Cpu, linear: u64) -> Result<W, Fault> {
    if let Some(value) = cpu.tlb.read(linear) {
        return Ok(value);
    }
    let mut bytes = [0; 8];
    cpu.read_linear(linear, &mut bytes[..usize::from(W::BYTES)], Privilege::Current)?;
    Ok(W::from_u64(u64::from_le_bytes(bytes)))
}

/// Stores an element likewise.
fn store_element<W: Width>(cpu: &mut Cpu, linear: u64, element: W) -> Done {
    if cpu.tlb.write(linear, element) {
        return Ok(());
    }
    let bytes = element.to_u64().to_le_bytes();
    cpu.write_linear(linear, &bytes[..usize::from(W::BYTES)], Privilege::Current)
}

/// Linear address of element `i` of the op's memory operand. The address size wraps that of the first alone: behind it
/// the offset grows beyond, where a limit may refuse it (seen on AMD Zen).
fn linear<W: Width>(cpu: &Cpu, op: &Op, i: usize, write: bool) -> Result<u64, Fault> {
    let offset = cpu.effective_address(op).wrapping_add(i as u64 * u64::from(W::BYTES));
    cpu.linear(op, offset, W::BYTES, write)
}
