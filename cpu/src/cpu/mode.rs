//! Mode and privilege: what follows from CR0, EFER, RFLAGS and the segment registers, and what has to be kept
//! with them when they change.
//!
//! SDM Vol. 3A, "Modes of Operation". Not here: what sets them, by instruction (`insn/system/`, `insn/far/`) or by
//! event (`deliver/`), and the checks before.

use super::{Cpu, Done, gp};
use crate::decode::block::CodeSize;
use crate::event_log::{Event, kind};
use crate::flags::Status;
use arch::control::{cr0, efer};
use arch::rflags;
use arch::segment::{SegReg, Segment};

impl Cpu {
    /// Current privilege level.
    #[inline]
    pub fn cpl(&self) -> u8 {
        self.cpl
    }

    /// CR0.PE.
    #[inline]
    pub fn protected_mode(&self) -> bool {
        self.cr0 & cr0::PE != 0
    }

    /// EFER.LMA: long mode, 64-bit or compatibility.
    #[inline]
    pub fn long_mode(&self) -> bool {
        self.msrs.efer & efer::LMA != 0
    }

    /// 64-bit mode: long mode with CS.L.
    #[inline]
    pub fn mode64(&self) -> bool {
        self.long_mode() && self.segments[SegReg::Cs as usize].long()
    }

    /// Virtual-8086 mode.
    #[inline]
    pub fn v8086(&self) -> bool {
        self.system_flags & rflags::VM != 0
    }

    /// I/O privilege level.
    #[inline]
    pub fn iopl(&self) -> u8 {
        (self.system_flags >> rflags::IOPL_SHIFT & 3) as u8
    }

    /// Keeps what follows from CS, SS and EFER.LMA: code size, instruction pointer mask, epoch of
    /// virtual jump targets (they are keyed by instruction pointer, so another CS base ends them).
    #[inline]
    pub(crate) fn update_mode(&mut self, cs_before: Segment) {
        let cs = self.segments[SegReg::Cs as usize];
        (self.code_size, self.ip_mask) = if self.long_mode() && cs.long() {
            (CodeSize::Bits64, u64::MAX)
        } else if cs.big() {
            (CodeSize::Bits32, 0xffff_ffff)
        } else {
            (CodeSize::Bits16, 0xffff_ffff)
        };
        if (cs.base, cs.limit) != (cs_before.base, cs_before.limit) {
            self.tlb.new_epoch();
        }
        self.update_jump_tag();
    }

    /// Sets CPL and selects the table of fast tags that goes with it.
    #[inline]
    pub(crate) fn set_cpl(&mut self, cpl: u8) {
        if cpl == 3 && !self.seen_user {
            self.seen_user = true;
            let (retired, rip) = (self.retired(), self.rip);
            self.log.emit(kind::USER, retired, || Event::User { rip });
        }
        self.cpl = cpl;
        self.update_jump_tag();
        self.update_context();
    }

    /// RFLAGS with the status flags materialised.
    #[inline]
    pub fn rflags(&self) -> u64 {
        self.system_flags | rflags::FIXED | self.status.to_rflags()
    }

    /// Sets RFLAGS: the caller has decided which bits may change.
    #[inline]
    pub(crate) fn set_rflags(&mut self, flags: u64) {
        let was = self.system_flags;
        self.status = Status::from_rflags(flags);
        self.system_flags = flags & rflags::DEFINED & !rflags::STATUS;
        if (was ^ self.system_flags) & rflags::AC != 0 {
            self.update_context();
        }
        if (was ^ self.system_flags) & rflags::VM != 0 {
            self.update_simd();
        }
    }

    /// A segment register with its hidden part.
    pub fn segment(&self, register: SegReg) -> &Segment {
        &self.segments[register as usize]
    }

    /// Loads a segment register's hidden part without checks and keeps what is derived from it.
    #[inline]
    pub(crate) fn set_segment(&mut self, register: SegReg, segment: Segment) {
        let before = self.segments[register as usize];
        self.segments[register as usize] = segment;
        self.seg_base[register as usize] = segment.base;
        if register == SegReg::Cs {
            self.update_mode(before);
        }
    }

    /// #GP(0) unless CPL is 0.
    #[inline]
    pub(crate) fn require_cpl0(&self) -> Done {
        if self.cpl == 0 { Ok(()) } else { Err(gp(0)) }
    }
}
