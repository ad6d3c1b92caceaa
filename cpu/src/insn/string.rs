//! MOVS CMPS SCAS LODS STOS INS OUTS, alone and repeated.
//!
//! SDM Vol. 2, "REP/REPE/REPZ/REPNE/REPNZ" and the instructions' own pages; Vol. 1, "String
//! Operations". Every iteration is complete in itself: pointers and counter move with it, a fault in
//! the next one leaves it done, and an interrupt may come between any two. One iteration counts one
//! instruction; a repetition of none counts one too.
//!
//! MOVS, STOS, CMPS, SCAS, INS and OUTS go in pieces ([`StringOp::piece`], `string/pieces.rs`) where that leaves exactly what element
//! by element would leave. Not modelled: the weaker store order of fast string operations, which one
//! processor cannot see.

mod pieces;

use super::alu::{Alu, Cmp};
use super::io::{
    may_access_all_ports, port_in, port_in_many, port_out, port_out_many, require_port,
};
use crate::cpu::{Cpu, Done, Fault, reg};
use crate::decode::op::{AddressSize, Op};
use crate::engine::Repeat;
use crate::flags::Width;
use crate::mmu::Privilege;
use crate::mmu::tlb::Context;
use crate::mmu::walk::Intent;
use arch::exception::{Exception, Vector};
use arch::rflags;
use arch::segment::SegReg;
use memory::Ram;
use pieces::{PORT_PIECE, bytes, compare_until, copy_forward, read, repeat, run, span};

/// One of the string operations. It knows one element; repetition is [`repeated`]'s.
pub(crate) trait StringOp: Copy + 'static {
    /// Reads at DS:SI (DS may be overridden): SI moves.
    const SOURCE: bool = false;
    /// Accesses ES:DI: DI moves.
    const DESTINATION: bool = false;
    /// Sets the flags, so that REPE and REPNE look at ZF.
    const COMPARES: bool = false;

    /// One element. Pointers and counter are the caller's.
    fn element<W: Width>(cpu: &mut Cpu, op: &Op) -> Done;

    /// Up to `most` elements in one piece; 0 where only [`StringOp::element`] is exact. Must not
    /// fault: element by element will.
    #[inline(always)]
    fn piece<W: Width>(_cpu: &mut Cpu, _op: &Op, _most: u64) -> u64 {
        0
    }

    /// Faults if the program may not do it at all, which counts even with a count of 0.
    fn permitted<W: Width>(_cpu: &mut Cpu) -> Done {
        Ok(())
    }
}

/// MOVS.
#[derive(Clone, Copy)]
pub(crate) struct Movs;
/// CMPS.
#[derive(Clone, Copy)]
pub(crate) struct Cmps;
/// SCAS.
#[derive(Clone, Copy)]
pub(crate) struct Scas;
/// LODS.
#[derive(Clone, Copy)]
pub(crate) struct Lods;
/// STOS.
#[derive(Clone, Copy)]
pub(crate) struct Stos;
/// INS.
#[derive(Clone, Copy)]
pub(crate) struct Ins;
/// OUTS.
#[derive(Clone, Copy)]
pub(crate) struct Outs;

/// The form of every string instruction: at most `allowed` iterations.
pub(crate) fn repeated<O: StringOp, W: Width>(cpu: &mut Cpu, op: &Op, allowed: u64) -> Repeat {
    if !op.rep() && !op.repne() {
        let end = O::element::<W>(cpu, op).map(|()| {
            advance::<O, W>(cpu, op, 1);
            true
        });
        return Repeat { iterations: u64::from(end.is_ok()), end };
    }
    let allowed = if stops_after_each(cpu) { 1 } else { allowed };
    let mut iterations = 0;
    let end = iterate::<O, W>(cpu, op, allowed, &mut iterations);
    // The caller pays for them.
    cpu.remaining += iterations as i64;
    Repeat { iterations, end }
}

/// True if an event may be due after the next iteration: a single-step trap, or an interrupt that
/// waited only for the shadow of the instruction before.
fn stops_after_each(cpu: &Cpu) -> bool {
    cpu.system_flags & rflags::TF != 0 || cpu.interruptible()
}

fn iterate<O: StringOp, W: Width>(
    cpu: &mut Cpu,
    op: &Op,
    mut allowed: u64,
    iterations: &mut u64,
) -> Result<bool, Fault> {
    let size = op.address_size();
    let mut count = cpu.regs[reg::RCX as usize] & size.mask();
    if count == 0 {
        O::permitted::<W>(cpu)?;
    }
    // With a count of 0 no register is written, not even its upper half (measured on Zen 5).
    while count != 0 {
        let done = match O::piece::<W>(cpu, op, count.min(allowed)) {
            0 => {
                O::element::<W>(cpu, op)?;
                1
            }
            done => done,
        };
        advance::<O, W>(cpu, op, done);
        count -= done;
        set_at_size(cpu, reg::RCX, size, count);
        *iterations += done;
        // The clock runs along, so that a device is accessed at its iteration's own time, and an
        // access may bring the end of the budget nearer.
        cpu.remaining -= done as i64;
        allowed = (allowed - done).min((cpu.remaining - i64::from(op.place)).max(0) as u64);
        // REPE goes on while equal, REPNE while not. The flags of the completed iterations stay when
        // the next one faults (Zen 5; Intel restores those from before the instruction).
        if count == 0 || O::COMPARES && cpu.status.zf() == op.repne() {
            return Ok(true);
        }
        if allowed == 0 || cpu.leave {
            return Ok(false);
        }
    }
    Ok(true)
}

// ---- pointers and counter ----

/// Sets a register at the address size: 32-bit writes zero the upper half, 16-bit ones keep the rest.
#[inline(always)]
fn set_at_size(cpu: &mut Cpu, register: u8, size: AddressSize, value: u64) {
    match size {
        AddressSize::A16 => cpu.set_reg(register, value as u16),
        AddressSize::A32 => cpu.set_reg(register, value as u32),
        AddressSize::A64 => cpu.set_reg(register, value),
    }
}

/// Moves the pointers past `elements`, in the direction of DF.
#[inline(always)]
fn advance<O: StringOp, W: Width>(cpu: &mut Cpu, op: &Op, elements: u64) {
    let bytes = elements.wrapping_mul(u64::from(W::BYTES));
    let delta = if backward(cpu) { bytes.wrapping_neg() } else { bytes };
    for (moves, register) in [(O::SOURCE, reg::RSI), (O::DESTINATION, reg::RDI)] {
        if moves {
            let to = cpu.regs[register as usize].wrapping_add(delta);
            set_at_size(cpu, register, op.address_size(), to);
        }
    }
}

fn backward(cpu: &Cpu) -> bool {
    cpu.system_flags & rflags::DF != 0
}

// ---- operands ----

/// The segment of the source. In 64-bit mode overrides by ES, CS, SS and DS are null prefixes.
fn source_segment(cpu: &Cpu, op: &Op) -> usize {
    let segment = op.segment();
    let ignored = cpu.ip_mask == u64::MAX && segment < SegReg::Fs as usize;
    if ignored { SegReg::Ds as usize } else { segment }
}

fn source<W: Width>(cpu: &Cpu, op: &Op) -> Result<u64, Fault> {
    let offset = cpu.regs[reg::RSI as usize] & op.address_mask();
    cpu.linear_in(source_segment(cpu, op), offset, u64::from(W::BYTES), false)
}

/// ES:DI; the segment cannot be overridden.
fn destination<W: Width>(cpu: &Cpu, op: &Op, write: bool) -> Result<u64, Fault> {
    let offset = cpu.regs[reg::RDI as usize] & op.address_mask();
    cpu.linear_in(SegReg::Es as usize, offset, u64::from(W::BYTES), write)
}

/// Raises what the access would raise, without making it: an element whose other half faults must not
/// have read from or written to a device.
#[inline(always)]
fn ready<W: Width>(cpu: &mut Cpu, linear: u64, intent: Intent) -> Done {
    if tag(cpu, linear, W::BYTES, intent).is_some() {
        return Ok(());
    }
    if checks_alignment(cpu) && linear & (u64::from(W::BYTES) - 1) != 0 {
        return Err(Exception::new(Vector::AC).into());
    }
    cpu.probe(linear, u64::from(W::BYTES), intent, Privilege::Current)
}

fn checks_alignment(cpu: &Cpu) -> bool {
    cpu.tlb.context() == Context::UserAligned
}

/// Host address behind a fast tag.
#[inline(always)]
fn tag(cpu: &Cpu, linear: u64, bytes: u8, intent: Intent) -> Option<*const u8> {
    match intent {
        Intent::Write => cpu.tlb.write_host(linear, bytes).map(<*mut u8>::cast_const),
        _ => cpu.tlb.read_host(linear, bytes),
    }
}

fn compare<W: Width>(cpu: &mut Cpu, first: W, second: W) {
    (_, cpu.status) = Cmp::eval::<W>(first.to_u64(), second.to_u64(), false);
}

// ---- the operations ----

impl StringOp for Movs {
    const SOURCE: bool = true;
    const DESTINATION: bool = true;

    #[inline(always)]
    fn element<W: Width>(cpu: &mut Cpu, op: &Op) -> Done {
        let from = source::<W>(cpu, op)?;
        ready::<W>(cpu, from, Intent::Read)?;
        let to = destination::<W>(cpu, op, true)?;
        ready::<W>(cpu, to, Intent::Write)?;
        let value = cpu.load::<W>(from)?;
        cpu.store(to, value)
    }

    fn piece<W: Width>(cpu: &mut Cpu, op: &Op, most: u64) -> u64 {
        if most < 2 || backward(cpu) {
            return 0;
        }
        let segment = source_segment(cpu, op);
        let Some(from) = run::<W>(cpu, op, (segment, reg::RSI), Intent::Read, most) else {
            return 0;
        };
        let es = SegReg::Es as usize;
        let Some(to) = run::<W>(cpu, op, (es, reg::RDI), Intent::Write, from.elements) else {
            return 0;
        };
        // An element that overlaps the one it is copied to is read whole before any of it changes.
        let ahead = to.offset.wrapping_sub(from.offset);
        if ahead != 0 && ahead < u64::from(W::BYTES) {
            return 0;
        }
        copy_forward(cpu.memory().ram(), from.offset, to.offset, to.elements * bytes::<W>());
        to.elements
    }
}

impl StringOp for Stos {
    const DESTINATION: bool = true;

    #[inline(always)]
    fn element<W: Width>(cpu: &mut Cpu, op: &Op) -> Done {
        let to = destination::<W>(cpu, op, true)?;
        let value = cpu.reg::<W>(reg::RAX);
        cpu.store(to, value)
    }

    fn piece<W: Width>(cpu: &mut Cpu, op: &Op, most: u64) -> u64 {
        if most < 2 || backward(cpu) {
            return 0;
        }
        let es = SegReg::Es as usize;
        let Some(to) = run::<W>(cpu, op, (es, reg::RDI), Intent::Write, most) else {
            return 0;
        };
        let (ram, len) = (cpu.memory().ram(), to.elements * bytes::<W>());
        let value = cpu.reg::<W>(reg::RAX).to_u64().to_le_bytes();
        let element = &value[..usize::from(W::BYTES)];
        if element.iter().all(|&byte| byte == element[0]) {
            ram.fill(to.offset, len, element[0]);
        } else {
            ram.write(to.offset, element);
            copy_forward(ram, to.offset, to.offset + bytes::<W>(), len - bytes::<W>());
        }
        to.elements
    }
}

impl StringOp for Lods {
    const SOURCE: bool = true;

    #[inline(always)]
    fn element<W: Width>(cpu: &mut Cpu, op: &Op) -> Done {
        let from = source::<W>(cpu, op)?;
        let value = cpu.load::<W>(from)?;
        cpu.set_reg(reg::RAX, value);
        Ok(())
    }
}

impl StringOp for Cmps {
    const SOURCE: bool = true;
    const DESTINATION: bool = true;
    const COMPARES: bool = true;

    #[inline(always)]
    fn element<W: Width>(cpu: &mut Cpu, op: &Op) -> Done {
        let from = source::<W>(cpu, op)?;
        ready::<W>(cpu, from, Intent::Read)?;
        let with = destination::<W>(cpu, op, false)?;
        ready::<W>(cpu, with, Intent::Read)?;
        let first = cpu.load::<W>(from)?;
        let second = cpu.load::<W>(with)?;
        compare(cpu, first, second);
        Ok(())
    }

    fn piece<W: Width>(cpu: &mut Cpu, op: &Op, most: u64) -> u64 {
        if most < 2 || backward(cpu) {
            return 0;
        }
        let segment = source_segment(cpu, op);
        let Some(from) = run::<W>(cpu, op, (segment, reg::RSI), Intent::Read, most) else {
            return 0;
        };
        let es = SegReg::Es as usize;
        let Some(with) = run::<W>(cpu, op, (es, reg::RDI), Intent::Read, from.elements) else {
            return 0;
        };
        let spans = |ram: &Ram, at| [span(ram, from.offset + at), span(ram, with.offset + at)];
        compare_until::<W>(cpu, op.repne(), with.elements, spans, |ram, at| {
            (read::<W>(ram, from.offset + at), read::<W>(ram, with.offset + at))
        })
    }
}

impl StringOp for Scas {
    const DESTINATION: bool = true;
    const COMPARES: bool = true;

    #[inline(always)]
    fn element<W: Width>(cpu: &mut Cpu, op: &Op) -> Done {
        let with = destination::<W>(cpu, op, false)?;
        let second = cpu.load::<W>(with)?;
        compare(cpu, cpu.reg::<W>(reg::RAX), second);
        Ok(())
    }

    fn piece<W: Width>(cpu: &mut Cpu, op: &Op, most: u64) -> u64 {
        if most < 2 || backward(cpu) {
            return 0;
        }
        let es = SegReg::Es as usize;
        let Some(with) = run::<W>(cpu, op, (es, reg::RDI), Intent::Read, most) else {
            return 0;
        };
        let first = cpu.reg::<W>(reg::RAX);
        let wanted = repeat(first);
        let spans = |ram: &Ram, at| [wanted, span(ram, with.offset + at)];
        compare_until::<W>(cpu, op.repne(), with.elements, spans, |ram, at| {
            (first, read::<W>(ram, with.offset + at))
        })
    }
}

impl StringOp for Ins {
    const DESTINATION: bool = true;

    fn element<W: Width>(cpu: &mut Cpu, op: &Op) -> Done {
        let port = cpu.reg::<u16>(reg::RDX);
        require_port::<W>(cpu, port)?;
        let to = destination::<W>(cpu, op, true)?;
        ready::<W>(cpu, to, Intent::Write)?;
        let value = port_in::<W>(cpu, op, port);
        cpu.store(to, value)
    }

    fn piece<W: Width>(cpu: &mut Cpu, op: &Op, most: u64) -> u64 {
        // Elements may be written over the bit map that permits the next one.
        if most < 2 || backward(cpu) || !may_access_all_ports(cpu) {
            return 0;
        }
        let es = (SegReg::Es as usize, reg::RDI);
        let most = most.min(PORT_PIECE as u64 / bytes::<W>());
        let Some(to) = run::<W>(cpu, op, es, Intent::Write, most) else { return 0 };
        let mut data = [0; PORT_PIECE];
        let data = &mut data[..(to.elements * bytes::<W>()) as usize];
        let elements = port_in_many::<W>(cpu, cpu.reg::<u16>(reg::RDX), data);
        cpu.memory().ram().write(to.offset, &data[..elements * usize::from(W::BYTES)]);
        elements as u64
    }

    fn permitted<W: Width>(cpu: &mut Cpu) -> Done {
        require_port::<W>(cpu, cpu.reg(reg::RDX))
    }
}

impl StringOp for Outs {
    const SOURCE: bool = true;

    fn element<W: Width>(cpu: &mut Cpu, op: &Op) -> Done {
        let port = cpu.reg::<u16>(reg::RDX);
        require_port::<W>(cpu, port)?;
        let from = source::<W>(cpu, op)?;
        let value = cpu.load::<W>(from)?;
        port_out(cpu, op, port, value);
        Ok(())
    }

    fn piece<W: Width>(cpu: &mut Cpu, op: &Op, most: u64) -> u64 {
        if most < 2 || backward(cpu) || !may_access_all_ports(cpu) {
            return 0;
        }
        let source = (source_segment(cpu, op), reg::RSI);
        let most = most.min(PORT_PIECE as u64 / bytes::<W>());
        let Some(from) = run::<W>(cpu, op, source, Intent::Read, most) else { return 0 };
        let mut data = [0; PORT_PIECE];
        let data = &mut data[..(from.elements * bytes::<W>()) as usize];
        cpu.memory().ram().read(from.offset, data);
        port_out_many::<W>(cpu, cpu.reg::<u16>(reg::RDX), data) as u64
    }

    fn permitted<W: Width>(cpu: &mut Cpu) -> Done {
        require_port::<W>(cpu, cpu.reg(reg::RDX))
    }
}

#[cfg(all(test, target_arch = "x86_64"))]
mod native_tests;
#[cfg(test)]
mod tests;
