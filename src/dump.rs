//! `--dump`: registers, physical memory, page walks, as text.

use crate::values::Dump;
use cpu::walk::Intent;
use machine::Machine;
use memory::PhysAddr;
use std::fmt::Write;

const NAMES: [&str; 16] = [
    "rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12", "r13",
    "r14", "r15",
];
/// Bytes in a line of a memory dump.
const LINE: u64 = 16;

/// The text of one item. Writing to a string does not fail, so results are dropped.
pub(crate) fn dump(machine: &Machine, item: &Dump) -> String {
    match *item {
        Dump::Regs => registers(machine),
        Dump::Mem { addr, len } => memory(machine, addr, len),
        Dump::Walk(linear) => walk(machine, linear),
    }
}

fn registers(machine: &Machine) -> String {
    let cpu = machine.cpu();
    let registers = cpu.registers();
    let mut out = String::new();
    for (names, values) in NAMES.chunks(4).zip(registers.gpr.chunks(4)) {
        for (name, value) in names.iter().zip(values) {
            let _ = write!(out, "{name:>3}={value:016x} ");
        }
        out.truncate(out.trim_end().len());
        out.push('\n');
    }
    let (rip, rflags) = (registers.rip, registers.rflags);
    let (bits, cpl) = (cpu.code_bits(), cpu.cpl());
    let _ = writeln!(out, "rip={rip:016x} rflags={rflags:08x} cpl={cpl} code={bits} bit");
    for (name, segment) in ["es", "cs", "ss", "ds", "fs", "gs"].iter().zip(&registers.segments) {
        let _ = writeln!(out, " {name}={}", segment_words(segment));
    }
    let _ = writeln!(out, "ldt={}", segment_words(&registers.ldtr));
    let _ = writeln!(out, " tr={}", segment_words(&registers.tr));
    for (name, table) in [("gdt", registers.gdtr), ("idt", registers.idtr)] {
        let _ = writeln!(out, "{name}=base {:016x} limit {:04x}", table.base, table.limit);
    }
    let (cr0, cr2, cr3, cr4) = (registers.cr0, registers.cr2, registers.cr3, registers.cr4);
    let _ = writeln!(out, "cr0={cr0:08x} cr2={cr2:016x} cr3={cr3:016x} cr4={cr4:08x}");
    let _ = writeln!(out, "efer={:08x} tsc={:016x}", registers.efer, cpu.tsc());
    out
}

fn segment_words(segment: &arch::segment::Segment) -> String {
    let arch::segment::Segment { selector, attributes, limit, base } = *segment;
    format!("{:04x} base {base:016x} limit {limit:08x} attributes {attributes:04x}", selector.0)
}

/// Sixteen bytes a line; what is not RAM is said so, once for a run of such lines.
fn memory(machine: &Machine, addr: u64, len: u64) -> String {
    let mut out = String::new();
    let (mut at, end) = (addr, addr.saturating_add(len));
    let mut absent = false;
    while at < end {
        let piece = (LINE - at % LINE).min(end - at);
        let mut bytes = [0; LINE as usize];
        let bytes = &mut bytes[..piece as usize];
        if machine.memory().read(PhysAddr(at), bytes).is_ok() {
            absent = false;
            let text: String = bytes.iter().map(|&byte| printable(byte)).collect();
            let hex: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            let _ = writeln!(out, "{at:012x}  {:47}  {text}", hex.join(" "));
        } else if !std::mem::replace(&mut absent, true) {
            let _ = writeln!(out, "{at:012x}  not RAM");
        }
        at += piece;
    }
    out
}

fn printable(byte: u8) -> char {
    if byte.is_ascii_graphic() || byte == b' ' { char::from(byte) } else { '.' }
}

/// The entries that a read of a linear address goes through.
pub(crate) fn walk(machine: &Machine, linear: u64) -> String {
    let registers = machine.cpu().registers();
    let mut out = format!("walk of {linear:#018x}, cr3={:#x}\n", registers.cr3);
    let path = machine.cpu().explain_walk(machine.memory(), linear, Intent::Read);
    for step in path.steps.iter().flatten() {
        let (level, addr, entry) = (step.level, step.addr.0, step.entry);
        let _ = writeln!(out, "  level {level}: entry at {addr:#012x} holds {entry:#018x}");
    }
    let _ = match path.end {
        Ok(found) => {
            let addr = found.frame | linear & (memory::PAGE_SIZE - 1);
            let rights = [
                (found.writable, "writable"),
                (found.user, "user"),
                (found.no_execute, "no-execute"),
                (found.global, "global"),
                (found.dirty, "dirty"),
                (found.large, "large page"),
            ];
            let words: Vec<&str> =
                rights.iter().filter(|(set, _)| *set).map(|(_, word)| *word).collect();
            writeln!(out, "  physical {addr:#x} {}", words.join(", "))
        }
        Err(code) => writeln!(out, "  no translation: #PF with error code {code:#x}"),
    };
    out
}
