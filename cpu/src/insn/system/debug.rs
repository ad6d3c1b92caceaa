//! MOV to and from debug registers: SDM Vol. 3B, "Debug Registers". What the breakpoints do is in `breakpoints/`.

use crate::cpu::{Cpu, Done, Fault, gp, ud};
use crate::decode::op::Op;
use crate::flags::Width;
use arch::control::cr4;
use arch::debug::{dr6, dr7};
use arch::exception::{Exception, Vector};

/// DR4 and DR5 are DR6 and DR7 unless CR4.DE forbids them; DR7.GD traps every access.
fn debug_register(cpu: &mut Cpu, number: u8) -> Result<u8, Fault> {
    let number = match number {
        4 | 5 if cpu.cr4 & cr4::DE != 0 => return Err(ud()),
        4 | 5 => number + 2,
        8.. => return Err(ud()),
        _ => number,
    };
    cpu.require_cpl0()?;
    if cpu.dr7 & dr7::GD != 0 {
        cpu.report_debug(dr6::BD);
        return Err(Exception::new(Vector::DB).into());
    }
    Ok(number)
}

/// MOV r, DRn.
pub(crate) fn mov_r_dr<W: Width>(cpu: &mut Cpu, op: &Op) -> Done {
    let value = match debug_register(cpu, op.src)? {
        6 => cpu.dr6,
        7 => cpu.dr7,
        n => cpu.dr[usize::from(n)],
    };
    cpu.set_reg(op.dst, W::from_u64(value));
    Ok(())
}

/// MOV DRn, r.
pub(crate) fn mov_dr_r<W: Width>(cpu: &mut Cpu, op: &Op) -> Done {
    let number = debug_register(cpu, op.dst)?;
    let value = cpu.reg::<W>(op.src).to_u64();
    if number >= 6 && value >> 32 != 0 {
        return Err(gp(0));
    }
    match number {
        6 => cpu.dr6 = value & dr6::WRITABLE | dr6::FIXED,
        7 => cpu.dr7 = value & dr7::WRITABLE | dr7::FIXED,
        n => cpu.dr[usize::from(n)] = value,
    }
    if number != 6 {
        cpu.rearm();
        // What is executed next may have a breakpoint.
        cpu.leave = true;
    }
    Ok(())
}
