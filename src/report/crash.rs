//! The story of a triple fault, and of an instruction that is not emulated.

use crate::dump;
use crate::failure::Failure;
use arch::exception::{Vector, page_fault};
use machine::Machine;
use std::fmt::Write;

/// The chain of faults, the page walk of each page fault, and the instruction.
pub(crate) fn triple_fault(machine: &Machine) -> String {
    let mut out =
        String::from("triple fault: an exception could not be delivered, nor the double fault\n");
    for fault in machine.cpu().recent_faults() {
        let (vector, code) = (fault.exception.vector, fault.exception.error_code);
        let _ = write!(out, "  {vector} {}", vector_title(vector as usize));
        if vector.has_error_code() {
            let _ = write!(out, ", error code {code:#x}");
        }
        let (rip, cpl, retired) = (fault.rip, fault.cpl, fault.retired);
        let _ = writeln!(out, " at {rip:#x}, CPL {cpl}, after {retired} instructions");
        if vector == Vector::PF {
            let address = fault.exception.address;
            let _ = writeln!(out, "    {} at {address:#x}", page_fault_words(code));
            for line in dump::walk(machine, address).lines() {
                let _ = writeln!(out, "    {line}");
            }
        }
    }
    let registers = machine.cpu().registers();
    let idt = registers.idtr;
    let _ = writeln!(out, "  IDT at {:#x}, limit {:#x}", idt.base, idt.limit);
    let _ = write!(out, "  {}", instruction(machine));
    out
}

/// An error for what the machine does not have.
pub(crate) fn unimplemented(machine: &Machine, what: &str) -> Failure {
    Failure::internal(
        format!("the guest needs {what}, which is not emulated"),
        instruction(machine),
        "report it with the kernel's name and this line",
    )
}

fn instruction(machine: &Machine) -> String {
    let at = machine.stopped_at();
    let bytes: Vec<String> = at.bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("instruction at rip {:#x} ({} bit code): {}", at.rip, at.bits, bytes.join(" "))
}

/// What was tried: SDM Vol. 3A, "Page-Fault Exceptions".
fn page_fault_words(code: u32) -> String {
    let action = match code {
        code if code & page_fault::I != 0 => "fetch",
        code if code & page_fault::W != 0 => "write",
        _ => "read",
    };
    let who = if code & page_fault::U != 0 { "user" } else { "supervisor" };
    let why = match code {
        code if code & page_fault::RSVD != 0 => "a reserved bit is set",
        code if code & page_fault::P != 0 => "the page's rights forbid it",
        _ => "the page is not present",
    };
    format!("{who} {action}, {why}")
}

/// Mnemonics of the vectors: SDM Vol. 3A, "Protected-Mode Exceptions and Interrupts".
const VECTORS: [(&str, &str); 20] = [
    ("#DE", "divide error"),
    ("#DB", "debug"),
    ("NMI", "non-maskable interrupt"),
    ("#BP", "breakpoint"),
    ("#OF", "overflow"),
    ("#BR", "bound range exceeded"),
    ("#UD", "invalid opcode"),
    ("#NM", "device not available"),
    ("#DF", "double fault"),
    ("9", ""),
    ("#TS", "invalid TSS"),
    ("#NP", "segment not present"),
    ("#SS", "stack fault"),
    ("#GP", "general protection"),
    ("#PF", "page fault"),
    ("15", ""),
    ("#MF", "x87 error"),
    ("#AC", "alignment check"),
    ("#MC", "machine check"),
    ("#XM", "SIMD error"),
];

/// `#PF` for 14.
pub(crate) fn vector_name(vector: usize) -> String {
    VECTORS.get(vector).map_or_else(|| vector.to_string(), |row| row.0.to_owned())
}

fn vector_title(vector: usize) -> &'static str {
    VECTORS.get(vector).map_or("", |row| row.1)
}
