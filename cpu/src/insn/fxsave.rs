//! FXSAVE FXRSTOR FXSAVE64 FXRSTOR64: SDM Vol. 2, "FXSAVE"; AMD APM Vol. 2, "Media and x87
//! Processor State".
//!
//! As on AMD Zen: the pointers to the last x87 instruction (FOP, FIP, FCS, FDP, FDS) are saved only
//! while an unmasked x87 exception is pending, and as zeros otherwise; they are always restored.
//!
//! XSAVE and its kin (`xsave.rs`) share the layout of the area.

use crate::cpu::{Cpu, Done, Fault, gp};
use crate::decode::op::Op;
use crate::float::F80;
use crate::insn::area::Area;
use crate::insn::x87::X87State;
use crate::mmu::Privilege;
use crate::mmu::walk::Intent;
use arch::control::{cr0, cr4, efer};
use arch::exception::{Exception, Vector};

/// Bytes of the area; the instruction needs them all to be accessible.
const AREA: usize = 512;
/// Offset of XMM0.
pub(super) const XMM: usize = 160;
/// Offset of ST(0).
pub(super) const ST: usize = 32;
/// Bits of MXCSR that can be set: the word at offset 28. All but the AMD-specific bit 17.
pub(crate) const MXCSR_MASK: u32 = 0xffff;
/// Bits of FOP.
const OPCODE: u16 = 0x7ff;

/// Layout of the pointers: with REX.W (FXSAVE64, XSAVE64) 64-bit offsets and no selectors.
pub(crate) trait Pointers: Copy + 'static {
    /// 64-bit offsets.
    const WIDE: bool;
}

/// FXSAVE, FXRSTOR.
#[derive(Clone, Copy)]
pub(crate) struct Selectors;
impl Pointers for Selectors {
    const WIDE: bool = false;
}

/// FXSAVE64, FXRSTOR64.
#[derive(Clone, Copy)]
pub(crate) struct Offsets;
impl Pointers for Offsets {
    const WIDE: bool = true;
}

impl Cpu {
    /// Checks, and the area.
    fn fx_area(&mut self, op: &Op, intent: Intent) -> Result<Area, Fault> {
        if self.cr0 & (cr0::EM | cr0::TS) != 0 {
            return Err(Exception::new(Vector::NM).into());
        }
        let offset = self.effective_address(op);
        let write = intent == Intent::Write;
        let first = self.linear_in(op.segment(), offset, 4, write)?;
        // AMD: #AC where alignment to 4 is checked, else #GP; before the limit of the rest.
        self.check_alignment(first, 4)?;
        if first & 15 != 0 {
            return Err(gp(0));
        }
        // The last byte is tried first (seen on Zen 5).
        let last = offset.wrapping_add(AREA as u64 - 1) & op.address_mask();
        let last = self.linear_in(op.segment(), last, 1, write)?;
        self.probe(last, 1, intent, Privilege::Current)?;
        Area::new(self, op, AREA, write)
    }

    /// How many XMM registers the area holds: none while the system does not enable SSE or, in
    /// 64-bit mode at CPL 0, with EFER.FFXSR.
    fn fx_xmm_count(&self) -> usize {
        let fast = self.msrs.efer & efer::FFXSR != 0 && self.mode64() && self.cpl == 0;
        match self.cr4 & cr4::OSFXSR != 0 && !fast {
            true if self.mode64() => 16,
            true => 8,
            false => 0,
        }
    }

    /// MXCSR belongs to the area.
    fn fx_has_mxcsr(&self) -> bool {
        self.cr4 & cr4::OSFXSR != 0
    }
}

pub(super) fn put(image: &mut [u8], at: usize, bytes: &[u8]) {
    image[at..at + bytes.len()].copy_from_slice(bytes);
}

pub(super) fn take<const N: usize>(image: &[u8], at: usize) -> [u8; N] {
    let mut bytes = [0; N];
    bytes.copy_from_slice(&image[at..at + N]);
    bytes
}

fn put_pointers<P: Pointers>(x87: &X87State, image: &mut [u8]) {
    if !x87.is_pending() {
        return;
    }
    put(image, 6, &x87.opcode.to_le_bytes());
    put(image, 8, &x87.ip.to_le_bytes());
    put(image, 16, &x87.dp.to_le_bytes());
    if !P::WIDE {
        put(image, 12, &u32::from(x87.cs).to_le_bytes());
        put(image, 20, &u32::from(x87.ds).to_le_bytes());
    }
}

fn take_pointers<P: Pointers>(x87: &mut X87State, image: &[u8]) {
    x87.opcode = u16::from_le_bytes(take(image, 6)) & OPCODE;
    let (ip, dp) = (u64::from_le_bytes(take(image, 8)), u64::from_le_bytes(take(image, 16)));
    if P::WIDE {
        // As wide as linear addresses can be (seen on Zen 5).
        let canonical = |pointer: u64| ((pointer << 7) as i64 >> 7) as u64;
        (x87.ip, x87.cs) = (canonical(ip), 0);
        (x87.dp, x87.ds) = (canonical(dp), 0);
    } else {
        (x87.ip, x87.cs) = (ip & 0xffff_ffff, (ip >> 32) as u16);
        (x87.dp, x87.ds) = (dp & 0xffff_ffff, (dp >> 32) as u16);
    }
}

/// The x87 part of the area: words, pointers, registers.
pub(super) fn put_x87<P: Pointers>(x87: &X87State, image: &mut [u8]) {
    put(image, 0, &x87.control.to_le_bytes());
    put(image, 2, &x87.status_word().to_le_bytes());
    image[4] = x87.abridged_tag_word();
    put_pointers::<P>(x87, image);
    for i in 0..8 {
        put(image, ST + 16 * usize::from(i), &x87.st(i).to_bytes());
    }
}

/// Loads the x87 part.
pub(super) fn take_x87<P: Pointers>(x87: &mut X87State, image: &[u8]) {
    x87.set_control_word(u16::from_le_bytes(take(image, 0)));
    x87.set_status_word(u16::from_le_bytes(take(image, 2)));
    x87.set_abridged_tag_word(image[4]);
    take_pointers::<P>(x87, image);
    for i in 0..8 {
        x87.set_contents(i, F80::from_bytes(take(image, ST + 16 * usize::from(i))));
    }
}

/// FXSAVE and FXSAVE64. Behind the last XMM register nothing is written.
pub(crate) fn fxsave<P: Pointers>(cpu: &mut Cpu, op: &Op) -> Done {
    let area = cpu.fx_area(op, Intent::Write)?;
    area.probe(cpu, 0, AREA, Intent::Write)?;
    let mut image = [0; AREA];
    put_x87::<P>(&cpu.x87, &mut image);
    if !cpu.fx_has_mxcsr() {
        // The two words of MXCSR stay as they are in memory, and so do the XMM registers.
        area.write(cpu, 0, &image[..24])?;
        return area.write(cpu, ST, &image[ST..XMM]);
    }
    put(&mut image, 24, &cpu.sse.mxcsr.to_le_bytes());
    put(&mut image, 28, &MXCSR_MASK.to_le_bytes());
    let xmm = cpu.fx_xmm_count();
    for (register, at) in cpu.sse.xmm.iter().zip((XMM..).step_by(16)).take(xmm) {
        put(&mut image, at, &register.to_le_bytes());
    }
    area.write(cpu, 0, &image[..XMM + 16 * xmm])
}

/// FXRSTOR and FXRSTOR64.
pub(crate) fn fxrstor<P: Pointers>(cpu: &mut Cpu, op: &Op) -> Done {
    let area = cpu.fx_area(op, Intent::Read)?;
    let mut image = [0; AREA];
    area.read(cpu, 0, &mut image)?;
    if cpu.fx_has_mxcsr() {
        let mxcsr = u32::from_le_bytes(take(&image, 24));
        if mxcsr & !MXCSR_MASK != 0 {
            return Err(gp(0));
        }
        cpu.sse.mxcsr = mxcsr;
    }
    take_x87::<P>(&mut cpu.x87, &image);
    cpu.settle_ferr();
    let xmm = cpu.fx_xmm_count();
    for (register, at) in cpu.sse.xmm.iter_mut().zip((XMM..).step_by(16)).take(xmm) {
        *register = u128::from_le_bytes(take(&image, at));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
