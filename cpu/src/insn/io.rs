//! IN and OUT, and what INS and OUTS share with them.
//!
//! SDM Vol. 1, "I/O Port Addressing", "Protected-Mode I/O"; Vol. 3B, "Virtual-8086 Mode", "I/O
//! Permission Bit Map". An access takes time, and it may change interrupt wires, memory that holds
//! decoded code, or the machine itself: [`Cpu::settle`] says what follows.

use crate::cpu::{Cpu, Done, gp, reg};
use crate::decode::op::Op;
use crate::event_log::{Event, kind};
use crate::flags::Width;
use arch::gate::tss32;
use arch::segment::system_type;

/// `IN AL/AX/EAX, imm8`.
pub(crate) fn in_imm<W: Width>(cpu: &mut Cpu, op: &Op) -> Done {
    input::<W>(cpu, op, u16::from(op.imm as u8))
}

/// `IN AL/AX/EAX, DX`.
pub(crate) fn in_dx<W: Width>(cpu: &mut Cpu, op: &Op) -> Done {
    input::<W>(cpu, op, cpu.reg(reg::RDX))
}

/// `OUT imm8, AL/AX/EAX`.
pub(crate) fn out_imm<W: Width>(cpu: &mut Cpu, op: &Op) -> Done {
    output::<W>(cpu, op, u16::from(op.imm as u8))
}

/// `OUT DX, AL/AX/EAX`.
pub(crate) fn out_dx<W: Width>(cpu: &mut Cpu, op: &Op) -> Done {
    output::<W>(cpu, op, cpu.reg(reg::RDX))
}

fn input<W: Width>(cpu: &mut Cpu, op: &Op, port: u16) -> Done {
    require_port::<W>(cpu, port)?;
    let value = port_in::<W>(cpu, op, port);
    cpu.set_reg(reg::RAX, value);
    Ok(())
}

fn output<W: Width>(cpu: &mut Cpu, op: &Op, port: u16) -> Done {
    require_port::<W>(cpu, port)?;
    port_out(cpu, op, port, cpu.reg::<W>(reg::RAX));
    Ok(())
}

/// #GP(0) unless the program may access all of the `W::BYTES` ports from `port`: by privilege, or by
/// the bit map of the current TSS (always by the bit map in virtual-8086 mode).
pub(crate) fn require_port<W: Width>(cpu: &mut Cpu, port: u16) -> Done {
    if may_access_all_ports(cpu) {
        return Ok(());
    }
    require_port_of_map::<W>(cpu, port)
}

/// The same by the bit map alone.
#[cold]
#[inline(never)]
fn require_port_of_map<W: Width>(cpu: &mut Cpu, port: u16) -> Done {
    let kind = (cpu.tr.attributes & 0xf) as u8;
    let has_map = matches!(kind, system_type::TSS_AVAILABLE | system_type::TSS_BUSY);
    if !cpu.tr.usable() || !has_map || cpu.tr.limit < tss32::MIN_LIMIT {
        return Err(gp(0));
    }
    // The field stands at the same offset in the 32-bit and in the 64-bit TSS.
    let map = u64::from(load_tss(cpu, u64::from(tss32::IOMAP_BASE))?);
    let place = map + u64::from(port / 8);
    // Two bytes are always read, so the last byte of the map serves no port: SDM, "the byte following
    // the bit map must be within the limit".
    if place + 1 > u64::from(cpu.tr.limit) {
        return Err(gp(0));
    }
    let denied = load_tss(cpu, place)? >> (port & 7) & ((1 << W::BYTES) - 1);
    if denied == 0 { Ok(()) } else { Err(gp(0)) }
}

fn load_tss(cpu: &mut Cpu, offset: u64) -> Result<u16, crate::cpu::Fault> {
    let address = cpu.system_linear(cpu.tr.base.wrapping_add(offset));
    cpu.load_system::<u16>(address)
}

/// Reads a port that the program may read.
pub(crate) fn port_in<W: Width>(cpu: &mut Cpu, op: &Op, port: u16) -> W {
    let access = cpu.access(cpu.memory());
    let (value, outcome) = cpu.bus().port_in(access, port, W::BYTES);
    log_io::<W>(cpu, op, port, value, false);
    cpu.settle(outcome);
    cpu.note_port(port, W::BYTES);
    cpu.drain_stale_code();
    W::from_u64(u64::from(value))
}

/// Writes a port that the program may write.
pub(crate) fn port_out<W: Width>(cpu: &mut Cpu, op: &Op, port: u16, value: W) {
    let value = value.to_u64() as u32;
    log_io::<W>(cpu, op, port, value, true);
    let access = cpu.access(cpu.memory());
    let outcome = cpu.bus().port_out(access, port, W::BYTES, value);
    cpu.settle(outcome);
    cpu.note_port(port, W::BYTES);
    cpu.drain_stale_code();
}

/// True if the program may access every port by its privilege, whatever the bit map says.
pub(crate) fn may_access_all_ports(cpu: &Cpu) -> bool {
    !cpu.protected_mode() || cpu.cpl() <= cpu.iopl() && !cpu.v8086()
}

/// Reads a port for elements of INS, as many as can be read in one go; 0 where one by one is exact.
/// The program may access the port.
pub(crate) fn port_in_many<W: Width>(cpu: &mut Cpu, port: u16, out: &mut [u8]) -> usize {
    if cpu.log.wants(kind::IO) || cpu.watches_ports() {
        return 0;
    }
    let (access, step_ns) = (cpu.access(cpu.memory()), cpu.ns_per_insn);
    let Some((elements, outcome)) = cpu.bus().port_in_many(access, port, W::BYTES, step_ns, out)
    else {
        return 0;
    };
    cpu.settle(outcome);
    elements
}

/// The same for writes.
pub(crate) fn port_out_many<W: Width>(cpu: &mut Cpu, port: u16, data: &[u8]) -> usize {
    if cpu.log.wants(kind::IO) || cpu.watches_ports() {
        return 0;
    }
    let (access, step_ns) = (cpu.access(cpu.memory()), cpu.ns_per_insn);
    let Some((elements, outcome)) = cpu.bus().port_out_many(access, port, W::BYTES, step_ns, data)
    else {
        return 0;
    };
    cpu.settle(outcome);
    elements
}

#[inline]
fn log_io<W: Width>(cpu: &mut Cpu, op: &Op, port: u16, value: u32, write: bool) {
    if cpu.log.wants(kind::IO) {
        emit_io(cpu, op, port, W::BYTES, value, write);
    }
}

#[cold]
#[inline(never)]
fn emit_io(cpu: &mut Cpu, op: &Op, port: u16, size: u8, value: u32, write: bool) {
    let (retired, rip) = (cpu.retired(), cpu.ip_of(op));
    cpu.log.emit(kind::IO, retired, || Event::Io { port, size, value, write, rip });
}

#[cfg(test)]
mod tests;
