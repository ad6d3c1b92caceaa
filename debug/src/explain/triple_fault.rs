//! The story of a triple fault: the chain of exceptions, why each could not be delivered, and the
//! state in which it began.
//!
//! SDM Vol. 3A, "Conditions for Generating a Double Fault", "Interrupt 8 - Double Fault Exception".
//! Told after the shutdown, from the tables as they are then.

use super::{code, error_code, gate, page_walk, situation};
use crate::dump;
use crate::symbols::Symbols;
use arch::exception::{Class, Exception, Vector, page_fault, selector_code};
use core::fmt::Write;
use cpu::walk::Intent;
use cpu::{Cpu, FaultRecord};
use memory::Memory;

/// The chain of faults with each page walk, the instruction, the IDT entries and the registers, in
/// lines, each ended by `\n`.
pub fn triple_fault(cpu: &Cpu, memory: &Memory, symbols: &Symbols) -> String {
    let records = cpu.recent_faults();
    let chain = last_chain(&records);
    let mut out = format!("triple fault after {} instructions: ", cpu.retired());
    out.push_str(&summary(cpu, memory, chain));
    out.push_str("\n\nthe chain:\n");
    for line in chain_lines(cpu, memory, chain, symbols) {
        let _ = writeln!(out, "  {line}");
    }
    if records.len() > chain.len() {
        out.push_str("\nexceptions before it, which were delivered:\n");
        for record in &records[..records.len() - chain.len()] {
            let _ = writeln!(out, "  {}", record_line(record, symbols));
        }
    }
    out.push_str("\nthe instruction:\n");
    out.push_str(&instruction(cpu, memory, chain, symbols));
    let _ = write!(out, "\nstate: {}\n{}", situation(cpu), dump::registers(&cpu.registers()));
    out.push_str(&stack(cpu, memory, symbols));
    out
}

/// The exceptions of the last instruction. A delivery that succeeds counts as an instruction, so
/// exceptions with the same count could not be delivered.
fn last_chain(records: &[FaultRecord]) -> &[FaultRecord] {
    let Some(last) = records.last() else { return records };
    let start = records.iter().rposition(|record| record.retired != last.retired);
    &records[start.map_or(0, |before| before + 1)..]
}

/// What the CPU tries to deliver once `second` has come up during the delivery of `first`; `None`
/// is shutdown.
fn next(first: Vector, second: Vector) -> Option<Vector> {
    match (first.class(), second.class()) {
        (Class::DoubleFault, Class::Contributory | Class::PageFault) => None,
        (Class::Contributory, Class::Contributory)
        | (Class::PageFault, Class::Contributory | Class::PageFault) => Some(Vector::DF),
        _ => Some(second),
    }
}

/// The whole chain in one line, `#PF -> #GP -> #DF -> #GP -> shutdown`, with what stood in the way of the
/// double fault's handler.
fn summary(cpu: &Cpu, memory: &Memory, chain: &[FaultRecord]) -> String {
    let Some(first) = chain.first() else {
        return "no exception is on record".to_owned();
    };
    let mut words = vec![first.exception.vector.to_string()];
    let mut current = Some(first.exception.vector);
    for record in &chain[1..] {
        words.push(record.exception.vector.to_string());
        current = current.and_then(|vector| next(vector, record.exception.vector));
        match current {
            Some(Vector::DF) => words.push("#DF".to_owned()),
            Some(_) => {}
            None => words.push("shutdown".to_owned()),
        }
    }
    let reason = match (cpu.registers().idtr.limit, chain.last()) {
        (0, _) => "the guest has no IDT (its limit is 0)".to_owned(),
        (_, Some(last)) if chain.len() > 1 => {
            let causes = gate::cause(cpu, memory, Vector::DF as u8, &last.exception);
            causes.last().cloned().unwrap_or_default()
        }
        _ => gate::entry(cpu, memory, Vector::DF as u8),
    };
    format!("{}; {reason}", words.join(" -> "))
}

fn record_line(record: &FaultRecord, symbols: &Symbols) -> String {
    format!(
        "{} ({}) at rip {:#x}{}, CPL {}, after {} instructions",
        error_code::exception(&record.exception),
        error_code::title(record.exception.vector),
        record.rip,
        symbols.suffix(record.linear_ip),
        record.cpl,
        record.retired,
    )
}

fn chain_lines(
    cpu: &Cpu,
    memory: &Memory,
    chain: &[FaultRecord],
    symbols: &Symbols,
) -> Vec<String> {
    let mut lines = Vec::new();
    let mut current: Option<Vector> = None;
    for (number, record) in chain.iter().enumerate() {
        lines.push(format!("{}. {}", number + 1, record_line(record, symbols)));
        let second = &record.exception;
        let same = |other: &FaultRecord| other.exception == *second && other.cr3 == record.cr3;
        match chain[..number].iter().position(same) {
            Some(before) if second.vector == Vector::PF => {
                lines.extend(indent(vec![format!("the same walk as in {}", before + 1)]));
            }
            _ => lines.extend(indent(walk_lines(cpu, memory, record))),
        }
        if second.vector == Vector::UD {
            lines
                .extend(indent(code::lacking(cpu, memory, record.linear_ip).into_iter().collect()));
        }
        let Some(first) = current else {
            current = Some(second.vector);
            if second.error_code & selector_code::EXT != 0 && names_selector(second) {
                lines.extend(indent(interrupted(cpu, memory, second)));
            }
            continue;
        };
        let mut told = vec![format!("raised by the delivery of {first}:")];
        told.extend(gate::cause(cpu, memory, first as u8, second));
        current = next(first, second.vector);
        told.push(match current {
            Some(Vector::DF) => format!("{first} and then {} make a double fault", second.vector),
            Some(vector) => format!("{vector} is delivered instead"),
            None => format!("{} during a double fault: the CPU shuts down", second.vector),
        });
        lines.extend(indent(told));
    }
    lines
}

fn indent(lines: Vec<String>) -> impl Iterator<Item = String> {
    lines.into_iter().map(|line| format!("     {line}"))
}

fn names_selector(exception: &Exception) -> bool {
    matches!(exception.vector, Vector::TS | Vector::NP | Vector::SS | Vector::GP)
}

/// The first exception came up while an interrupt was being delivered.
fn interrupted(cpu: &Cpu, memory: &Memory, exception: &Exception) -> Vec<String> {
    let mut lines =
        vec!["raised by the delivery of an interrupt, not by the instruction".to_owned()];
    if exception.error_code & selector_code::IDT != 0 {
        let vector = (exception.error_code >> 3 & 0xff) as u8;
        lines.push(gate::entry(cpu, memory, vector));
    }
    lines
}

/// The walk of a page fault's address, with the rights of that access.
fn walk_lines(cpu: &Cpu, memory: &Memory, record: &FaultRecord) -> Vec<String> {
    let exception = &record.exception;
    if exception.vector != Vector::PF {
        return Vec::new();
    }
    let code = exception.error_code;
    let state = page_walk::state_at(cpu, memory, record.cr3, code & page_fault::U != 0);
    // Without NX and SMEP the code does not tell a fetch from a read.
    let fetch = code & page_fault::I != 0 || exception.address == record.linear_ip;
    let intent = match (fetch, code & page_fault::W != 0) {
        (true, _) => Intent::Fetch,
        (false, true) => Intent::Write,
        (false, false) => Intent::Read,
    };
    let mut lines = vec![format!("walk of {:#x}, cr3={:#x}:", exception.address, record.cr3)];
    let walk = page_walk::lines(memory, &state, exception.address, intent);
    let now_fine = !walk.last().is_some_and(|line| line.starts_with("refused"));
    lines.extend(walk.into_iter().map(|line| format!("  {line}")));
    if now_fine {
        lines.push(
            "  now it would succeed: the tables have changed since, or the guest used a \
                    translation it had not invalidated"
                .to_owned(),
        );
    }
    lines
}

fn instruction(cpu: &Cpu, memory: &Memory, chain: &[FaultRecord], symbols: &Symbols) -> String {
    let (rip, linear) = match chain.first() {
        Some(record) => (record.rip, record.linear_ip),
        None => (cpu.registers().rip, cpu.linear_ip()),
    };
    let lines = code::at(cpu, memory, rip, linear, 4);
    if lines.is_empty() {
        return format!("  {rip:#x} (linear {linear:#x}): no memory can be read there\n");
    }
    lines.iter().map(|line| format!("  {}\n", line.named(symbols))).collect()
}

/// Words on the stack, for return addresses; below them those that have names.
fn stack(cpu: &Cpu, memory: &Memory, symbols: &Symbols) -> String {
    const WORDS: usize = 8;
    let registers = cpu.registers();
    let (size, mask) = match cpu.code_bits() {
        64 => (8, u64::MAX),
        32 => (4, 0xffff_ffff),
        _ => (2, 0xffff),
    };
    let base = if size == 8 { 0 } else { registers.segments[2].base };
    let rsp = registers.gpr[4] & mask;
    let mut bytes = [0; WORDS * 8];
    let bytes = &mut bytes[..WORDS * size];
    let len = cpu.debug_read(memory, base.wrapping_add(rsp), bytes);
    let value =
        |word: &[u8]| word.iter().rev().fold(0u64, |value, byte| value << 8 | u64::from(*byte));
    let values: Vec<u64> = bytes[..len].chunks_exact(size).map(value).collect();
    let words: Vec<String> =
        values.iter().map(|value| format!("{value:0width$x}", width = size * 2)).collect();
    let words = if words.is_empty() { "not mapped".to_owned() } else { words.join(" ") };
    let mut out = format!("stack at {rsp:#x}: {words}\n");
    // Offsets of 16 bits are no addresses.
    let names = values.iter().filter(|_| size > 2).filter_map(|&at| Some((at, symbols.at(at)?)));
    for (at, name) in names {
        let _ = writeln!(out, "  {at:#x} <{name}>");
    }
    out
}
