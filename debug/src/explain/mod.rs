//! Why a run ended badly, told in the manuals' words.
//!
//! | module | subject |
//! |---|---|
//! | [`triple_fault()`] | the chain of faults that ended in shutdown |
//! | [`error_code`] | exceptions and error codes as words |
//! | [`page_walk`] | a page walk, up to the entry and bit that refused |
//! | [`gate`] | IDT entries, and why an event could not be delivered |
//! | [`code`] | the instructions where the CPU stands |
//!
//! Everything is read from the CPU and its memory after the fact; nothing is recorded for it but the
//! CPU's last few exceptions. Addresses are named by the symbols that are given. Not told: the guest's own
//! call frames.

pub mod code;
pub mod error_code;
pub mod gate;
pub mod page_walk;
mod triple_fault;

#[cfg(test)]
mod tests;

pub use triple_fault::triple_fault;

use crate::dump;
use crate::mode::Mode;
use crate::symbols::Symbols;
use arch::rflags;
use cpu::Cpu;
use memory::Memory;

/// Mode, code size, privilege and whether interrupts are on, in one line.
pub fn situation(cpu: &Cpu) -> String {
    let registers = cpu.registers();
    let mode = Mode::of(registers.cr0, registers.cr4, registers.efer);
    let interrupts = if registers.rflags & rflags::IF != 0 { "on" } else { "off" };
    format!("{mode}, {}-bit code, CPL {}, interrupts {interrupts}", cpu.code_bits(), cpu.cpl())
}

/// What is not emulated and where the guest needs it, in lines, each ended by `\n`.
pub fn unimplemented(cpu: &Cpu, memory: &Memory, what: &str, symbols: &Symbols) -> String {
    let mut out = format!("not emulated: {what}\n");
    out.push_str(&place(cpu, symbols));
    out.push_str(&next_instructions(cpu, memory, symbols));
    out.push_str(&dump::registers(&cpu.registers()));
    out
}

/// Where the CPU stands, in one line, ended by `\n`.
fn place(cpu: &Cpu, symbols: &Symbols) -> String {
    let registers = cpu.registers();
    format!(
        "at {:04x}:{:#x} (linear {}) after {} instructions; {}\n",
        registers.segments[1].selector.0,
        registers.rip,
        symbols.place(cpu.linear_ip()),
        cpu.retired(),
        situation(cpu),
    )
}

/// The instruction that is not emulated, in one line: address, bytes, mnemonic, mode.
pub fn unimplemented_line(cpu: &Cpu, memory: &Memory, what: &str, symbols: &Symbols) -> String {
    let lines = code::at_ip(cpu, memory, 1);
    let code = lines.first().map_or("no memory".to_owned(), ToString::to_string);
    let name = symbols.at(cpu.linear_ip()).map_or(String::new(), |name| format!("in {name}, "));
    format!("{what}: {code} ({name}{})", situation(cpu))
}

/// Who called the BIOS service in whose entry code the CPU stands: INT left his place on the stack.
pub fn bios_caller_line(cpu: &Cpu, memory: &Memory) -> String {
    const SS: usize = 2;
    let registers = cpu.registers();
    let at = registers.segments[SS].base.wrapping_add(registers.gpr[4] & 0xffff);
    let mut frame = [0; 4];
    let len = cpu.debug_read(memory, at & 0xffff_ffff, &mut frame);
    let word = |at: usize| u16::from_le_bytes([frame[at], frame[at + 1]]);
    match len {
        4 => format!("before {:04x}:{:04x}, in real mode", word(2), word(0)),
        _ => "in real mode, with a stack outside memory".to_owned(),
    }
}

/// A CPU that is halted for ever, in lines, each ended by `\n`.
pub fn halted(cpu: &Cpu, memory: &Memory, symbols: &Symbols) -> String {
    let deaf = cpu.rflags() & rflags::IF == 0;
    let why = if deaf {
        "interrupts are off (RFLAGS.IF is clear), so only an NMI could end HLT, and none comes"
    } else {
        "interrupts are on, but no device has an event to come"
    };
    let mut out = format!("halted for ever: {why}\n");
    out.push_str(&place(cpu, symbols));
    out.push_str("after HLT comes:\n");
    out.push_str(&next_instructions(cpu, memory, symbols));
    out.push_str(&dump::registers(&cpu.registers()));
    out
}

fn next_instructions(cpu: &Cpu, memory: &Memory, symbols: &Symbols) -> String {
    let lines = code::at_ip(cpu, memory, 4);
    if lines.is_empty() {
        return "  no memory can be read there\n".to_owned();
    }
    lines.iter().map(|line| format!("  {}\n", line.named(symbols))).collect()
}
