//! State as text, for `--dump regs,mem:ADDR+LEN,walk:ADDR` and for the stories of bad ends.
//!
//! SDM Vol. 3A, "System Architecture Overview". Not shown: x87, SSE, debug registers, MSRs other than
//! EFER.

use crate::explain::page_walk;
use crate::mode::Mode;
use crate::names::bits::{self, words};
use arch::rflags;
use arch::segment::{SegReg, Segment, attr, system_type};
use core::fmt::Write;
use cpu::walk::Intent;
use cpu::{Cpu, Registers};
use memory::{Memory, PhysAddr};

const GPR: [&str; 16] = [
    "rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12", "r13",
    "r14", "r15",
];

/// Registers in lines, each ended by `\n`.
pub fn registers(registers: &Registers) -> String {
    // Writing to a string does not fail.
    let mut out = String::new();
    for row in 0..4 {
        let cells: Vec<String> = (0..4)
            .map(|column| {
                let at = row * 4 + column;
                format!("{:>3}={:016x}", GPR[at], registers.gpr[at])
            })
            .collect();
        let _ = writeln!(out, "{}", cells.join(" "));
    }
    let flags = registers.rflags;
    let _ = writeln!(
        out,
        "rip={:016x} rflags={flags:08x} [{}, IOPL {}]",
        registers.rip,
        words(flags & !rflags::FIXED & !rflags::IOPL, bits::RFLAGS),
        (flags & rflags::IOPL) >> rflags::IOPL_SHIFT,
    );
    let mode = Mode::of(registers.cr0, registers.cr4, registers.efer);
    for register in SegReg::ALL {
        let name = format!("{register:?}").to_lowercase();
        let _ = writeln!(out, " {name}={}", segment(&registers.segments[register as usize], mode));
    }
    let _ = writeln!(out, "ldt={}", segment(&registers.ldtr, mode));
    let _ = writeln!(out, " tr={}", segment(&registers.tr, mode));
    for (name, table) in [("gdt", registers.gdtr), ("idt", registers.idtr)] {
        let _ = writeln!(out, "{name}=base {:016x} limit {:04x}", table.base, table.limit);
    }
    let (cr0, cr4, efer) = (registers.cr0, registers.cr4, registers.efer);
    let _ = writeln!(out, "cr0={cr0:08x} [{}]", words(cr0, bits::CR0));
    let _ = writeln!(out, "cr2={:016x} cr3={:016x}", registers.cr2, registers.cr3);
    let _ = writeln!(out, "cr4={cr4:08x} [{}]", words(cr4, bits::CR4));
    let _ = writeln!(out, "efer={efer:08x} [{}], {mode}", words(efer, bits::EFER));
    out
}

/// A segment register's parts and what they mean.
fn segment(segment: &Segment, mode: Mode) -> String {
    format!(
        "{:04x} base {:016x} limit {:08x} attributes {:04x} ({})",
        segment.selector.0,
        segment.base,
        segment.limit,
        segment.attributes,
        kind(segment, mode),
    )
}

fn kind(segment: &Segment, mode: Mode) -> String {
    if !segment.usable() {
        return "unusable".to_owned();
    }
    let attributes = segment.attributes;
    let has = |bit: u16| attributes & bit != 0;
    if !has(attr::S) {
        let kind = system_kind((attributes & 0xf) as u8, mode);
        return kind.to_owned();
    }
    let size = match (has(attr::CODE), has(attr::L), has(attr::DB)) {
        (true, true, _) => "64-bit code",
        (true, false, true) => "32-bit code",
        (true, false, false) => "16-bit code",
        (false, _, true) => "32-bit data",
        (false, _, false) => "16-bit data",
    };
    let access = match (has(attr::CODE), has(attr::WRITABLE_OR_READABLE)) {
        (true, true) => ", readable",
        (true, false) => ", execute only",
        (false, true) => ", writable",
        (false, false) => ", read only",
    };
    let special = match (has(attr::CODE), has(attr::EXPAND_DOWN_OR_CONFORMING)) {
        (_, false) => "",
        (true, true) => ", conforming",
        (false, true) => ", expand down",
    };
    format!("{size}{access}{special}, DPL {}", segment.dpl())
}

/// The name of a system descriptor's type: SDM Vol. 3A, "System-Segment and Gate-Descriptor Types".
pub(crate) fn system_kind(kind: u8, mode: Mode) -> &'static str {
    let long = mode == Mode::Long;
    match kind {
        system_type::TSS16_AVAILABLE => "16-bit TSS, available",
        system_type::LDT => "LDT",
        system_type::TSS16_BUSY => "16-bit TSS, busy",
        system_type::CALL_GATE16 => "16-bit call gate",
        system_type::TASK_GATE => "task gate",
        system_type::INTERRUPT_GATE16 => "16-bit interrupt gate",
        system_type::TRAP_GATE16 => "16-bit trap gate",
        system_type::TSS_AVAILABLE if long => "64-bit TSS, available",
        system_type::TSS_AVAILABLE => "32-bit TSS, available",
        system_type::TSS_BUSY if long => "64-bit TSS, busy",
        system_type::TSS_BUSY => "32-bit TSS, busy",
        system_type::CALL_GATE if long => "64-bit call gate",
        system_type::CALL_GATE => "32-bit call gate",
        system_type::INTERRUPT_GATE if long => "64-bit interrupt gate",
        system_type::INTERRUPT_GATE => "32-bit interrupt gate",
        system_type::TRAP_GATE if long => "64-bit trap gate",
        system_type::TRAP_GATE => "32-bit trap gate",
        _ => "reserved type",
    }
}

/// Bytes of a memory dump's line.
const LINE: u64 = 16;

/// Physical memory, sixteen bytes a line with their characters. A line equal to the one before is
/// left out and a `*` stands for the run of them; bytes where no memory answers are `--`.
pub fn memory(memory: &Memory, addr: PhysAddr, len: u64) -> String {
    let mut out = String::new();
    let end = addr.0.saturating_add(len);
    let mut at = addr.0;
    let mut before: Option<Vec<Option<u8>>> = None;
    let mut starred = false;
    while at < end {
        let piece = (LINE - at % LINE).min(end - at);
        let bytes = line_bytes(memory, at, piece as usize);
        let last = at + piece == end;
        if before.as_ref() == Some(&bytes) && !last {
            if !starred {
                out.push_str("*\n");
            }
            starred = true;
        } else {
            starred = false;
            let _ = writeln!(out, "{}", hex_line(at, &bytes));
        }
        before = Some(bytes);
        at += piece;
    }
    out
}

fn line_bytes(memory: &Memory, at: u64, len: usize) -> Vec<Option<u8>> {
    let mut bytes = [0; LINE as usize];
    // Memory changes its kind at page ends only, and a line lies within a page.
    match memory.read(PhysAddr(at), &mut bytes[..len]) {
        Ok(()) => bytes[..len].iter().map(|byte| Some(*byte)).collect(),
        Err(_) => vec![None; len],
    }
}

fn hex_line(at: u64, bytes: &[Option<u8>]) -> String {
    let hex: Vec<String> = bytes
        .iter()
        .map(|byte| byte.map_or("--".to_owned(), |byte| format!("{byte:02x}")))
        .collect();
    let text: String = bytes
        .iter()
        .map(|byte| match byte {
            Some(byte) if byte.is_ascii_graphic() || *byte == b' ' => char::from(*byte),
            Some(_) => '.',
            None => ' ',
        })
        .collect();
    format!("{at:016x}  {:47}  |{text}|", hex.join(" "))
}

/// What a read of a linear address by the running program goes through.
pub fn walk(cpu: &Cpu, memory: &Memory, linear: u64) -> String {
    let state = page_walk::state_of(cpu, memory);
    let mut out = format!("walk of {linear:#018x}, cr3={:#x}\n", state.cr3);
    for line in page_walk::lines(memory, &state, linear, Intent::Read) {
        let _ = writeln!(out, "  {line}");
    }
    out
}

#[cfg(test)]
mod tests;
