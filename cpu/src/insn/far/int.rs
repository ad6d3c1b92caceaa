//! INT n, INT3, INTO, INT1: SDM Vol. 2A, "INT n/INTO/INT3/INT1"; Vol. 3B, "Class 3: Software Interrupt
//! Handling in Virtual-8086 Mode".

use crate::cpu::{Cpu, Done, gp};
use crate::decode::op::Op;
use crate::deliver::Source;
use arch::exception::Vector;
use arch::gate::tss32;
use arch::rflags;
use arch::segment::{Segment, system_type};

/// Bytes of the software interrupt redirection bit map, which ends where the I/O bit map begins.
const REDIRECTION_MAP: u64 = 32;

/// INT imm8. In virtual-8086 mode it needs IOPL 3, or CR4.VME with its bit in the redirection map
/// clear, which leads to the 8086 program's own handler.
pub(crate) fn int_imm8(cpu: &mut Cpu, op: &Op) -> Done {
    let next = cpu.next_ip(op);
    let vector = op.imm as u8;
    if cpu.v8086() {
        if cpu.vme() && !cpu.is_redirected_to_monitor(vector)? {
            return cpu.redirect_interrupt(vector, next);
        }
        if cpu.iopl() != 3 {
            return Err(gp(0));
        }
    }
    cpu.software_interrupt(vector, next, Source::Software)
}

/// INT3.
pub(crate) fn int3(cpu: &mut Cpu, op: &Op) -> Done {
    let next = cpu.next_ip(op);
    cpu.software_interrupt(Vector::BP as u8, next, Source::Software)
}

/// INT1 (ICEBP): a #DB whose gate's DPL is not checked.
pub(crate) fn int1(cpu: &mut Cpu, op: &Op) -> Done {
    let next = cpu.next_ip(op);
    cpu.software_interrupt(Vector::DB as u8, next, Source::Privileged)
}

/// INTO.
pub(crate) fn into(cpu: &mut Cpu, op: &Op) -> Done {
    let next = cpu.next_ip(op);
    if cpu.status.of() {
        return cpu.software_interrupt(Vector::OF as u8, next, Source::Software);
    }
    cpu.rip = next;
    Ok(())
}

impl Cpu {
    /// The vector's bit in the redirection map of the TSS: set for the protected-mode handler.
    fn is_redirected_to_monitor(&mut self, vector: u8) -> Result<bool, crate::cpu::Fault> {
        let kind = (self.tr.attributes & 0xf) as u8;
        let has_map = matches!(kind, system_type::TSS_AVAILABLE | system_type::TSS_BUSY);
        if !self.tr.usable() || !has_map || self.tr.limit < tss32::MIN_LIMIT {
            return Err(gp(0));
        }
        let at = |tr: &Segment, offset: u64| tr.base.wrapping_add(offset) & 0xffff_ffff;
        let field = at(&self.tr, tss32::IOMAP_BASE.into());
        let io_map = u64::from(self.load_system::<u16>(field)?);
        let place = io_map.wrapping_sub(REDIRECTION_MAP).wrapping_add(u64::from(vector / 8));
        if place > u64::from(self.tr.limit) {
            return Err(gp(0));
        }
        let byte = self.load_system::<u8>(at(&self.tr, place))?;
        Ok(byte >> (vector & 7) & 1 != 0)
    }

    /// Through the interrupt vector table at linear address 0, at the level of the 8086 program. With
    /// IOPL below 3 the program sees VIF as IF, and IOPL 3.
    fn redirect_interrupt(&mut self, vector: u8, next_ip: u64) -> Done {
        self.log_interrupt(vector, false);
        let mut flags = self.rflags();
        let interrupts = if self.iopl() < 3 { rflags::VIF } else { rflags::IF };
        if self.iopl() < 3 {
            let virtual_if = if flags & rflags::VIF != 0 { rflags::IF } else { 0 };
            flags = flags & !rflags::IF | virtual_if | rflags::IOPL;
        }
        let entry = self.load_system::<u32>(u64::from(vector) * 4)?;
        self.through_ivt(entry, flags, next_ip)?;
        self.clear_flags(interrupts | rflags::TF | rflags::RF);
        self.step = false;
        self.stats.software += 1;
        Ok(())
    }
}
