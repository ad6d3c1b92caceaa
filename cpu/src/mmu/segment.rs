//! Effective address to linear address: segment bases, limits, types, canonical addresses.
//!
//! SDM Vol. 3A, "Protection": limit and type checks come before paging, so a #GP or #SS wins over a
//! #PF. TCG checks no data limits; silicon does.

use crate::cpu::{Cpu, Fault};
use crate::decode::op::Op;
use crate::features::Word;
use arch::control::cr4;
use arch::cpuid::leaf7_ecx;
use arch::exception::{Exception, Vector};
use arch::paging;
use arch::segment::{SegReg, Segment, attr};

/// True if `bytes` at `offset` lie within the segment.
pub(crate) fn within_limit(segment: &Segment, offset: u64, bytes: u64) -> bool {
    let last = offset + bytes - 1;
    let expand_down = segment.attributes & (attr::CODE | attr::EXPAND_DOWN_OR_CONFORMING)
        == attr::EXPAND_DOWN_OR_CONFORMING;
    if expand_down {
        let top = if segment.big() { 0xffff_ffff } else { 0xffff };
        offset > u64::from(segment.limit) && last <= top
    } else {
        last <= u64::from(segment.limit)
    }
}

impl Cpu {
    /// True if a linear address of 64-bit mode is canonical: 48 bits, 57 with CR4.LA57.
    #[inline(always)]
    pub(crate) fn is_canonical(&self, address: u64) -> bool {
        paging::is_canonical(address, if self.cr4 & cr4::LA57 != 0 { 57 } else { 48 })
    }

    /// True if an address may be a base in a descriptor table register, a hidden part or an MSR, or named
    /// by INVLPG: what the processor supports counts there, not the paging in force (seen on processors
    /// with 5-level paging: docs/hardware.md).
    pub(crate) fn is_canonical_base(&self, address: u64) -> bool {
        let wide = self.model.has(Word::Leaf7Ecx, leaf7_ecx::LA57);
        paging::is_canonical(address, if wide { 57 } else { 48 })
    }

    /// Linear address of `bytes` at effective address `ea` in the op's segment, checked.
    #[inline]
    pub(crate) fn linear(&self, op: &Op, ea: u64, bytes: u8, write: bool) -> Result<u64, Fault> {
        self.linear_in(op.segment(), ea, u64::from(bytes), write)
    }

    /// Linear address of `bytes` at offset `ea` of a segment register, checked.
    #[inline]
    pub(crate) fn linear_in(
        &self,
        register: usize,
        ea: u64,
        bytes: u64,
        write: bool,
    ) -> Result<u64, Fault> {
        if self.ip_mask == u64::MAX {
            let mut linear = ea;
            if register >= SegReg::Fs as usize {
                if self.is_refused_offset(ea, bytes) {
                    return Err(segment_fault(register));
                }
                linear = ea.wrapping_add(self.seg_base[register]);
            }
            let last = linear.wrapping_add(bytes - 1);
            if !self.is_canonical(linear) || !self.is_canonical(last) {
                return Err(segment_fault(register));
            }
            return Ok(linear);
        }
        self.linear_legacy(register, ea, bytes, write)
    }

    /// AMD's processors refuse a non-canonical offset in FS and GS also where the base makes it canonical (seen on
    /// Zen 5).
    #[inline]
    fn is_refused_offset(&self, offset: u64, bytes: u64) -> bool {
        let canonical = |address| self.is_canonical(address);
        (!canonical(offset) || !canonical(offset.wrapping_add(bytes - 1))) && self.model.is_amd()
    }

    /// The linear address `bytes` behind another, in the program's linear address space: 32-bit ones
    /// wrap around.
    pub(crate) fn linear_behind(&self, linear: u64, bytes: u64) -> u64 {
        let behind = linear.wrapping_add(bytes);
        if self.ip_mask == u64::MAX { behind } else { behind & 0xffff_ffff }
    }

    fn linear_legacy(
        &self,
        register: usize,
        ea: u64,
        bytes: u64,
        write: bool,
    ) -> Result<u64, Fault> {
        let segment = &self.segments[register];
        if self.protected_mode() && !self.v8086() {
            let code = segment.attributes & attr::CODE != 0;
            let allowed = segment.attributes & attr::WRITABLE_OR_READABLE != 0;
            let typed = if write { !code && allowed } else { !code || allowed };
            if !segment.usable() || !typed {
                return Err(segment_fault(register));
            }
        }
        if !within_limit(segment, ea, bytes) {
            return Err(segment_fault(register));
        }
        Ok(ea.wrapping_add(segment.base) & 0xffff_ffff)
    }
}

/// #SS(0) for the stack segment, #GP(0) for the others.
pub(crate) fn segment_fault(register: usize) -> Fault {
    let vector = if Cpu::stack_fault(register) { Vector::SS } else { Vector::GP };
    Fault::Exception(Exception::new(vector))
}
