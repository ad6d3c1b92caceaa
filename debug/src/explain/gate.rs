//! Why an event could not be delivered: the IDT entry, the descriptor, the stack.
//!
//! SDM Vol. 3A, "Interrupt Descriptor Table (IDT)", "64-Bit Processing", "Interrupt Stack Table".

use super::error_code;
use crate::dump::system_kind;
use crate::mode::Mode;
use arch::control::cr0;
use arch::exception::{Exception, Vector, selector_code};
use arch::gate::Gate;
use arch::segment::{Descriptor, SegReg, Selector, attr};
use cpu::{Cpu, Registers};
use memory::Memory;

/// Stack below the stack pointer in which a fault is taken for a failed push of a frame.
const FRAME_BYTES_MAX: u64 = 256;

fn mode(registers: &Registers) -> Mode {
    Mode::of(registers.cr0, registers.cr4, registers.efer)
}

fn read_u64(cpu: &Cpu, memory: &Memory, linear: u64) -> Option<u64> {
    let mut bytes = [0; 8];
    (cpu.debug_read(memory, linear, &mut bytes) == 8).then(|| u64::from_le_bytes(bytes))
}

/// An IDT entry in words: where it is and what it holds, or why there is none.
pub fn entry(cpu: &Cpu, memory: &Memory, vector: u8) -> String {
    let registers = cpu.registers();
    let (mode, idtr) = (mode(&registers), registers.idtr);
    let size: u64 = match mode {
        Mode::Real => 4,
        Mode::Long => 16,
        _ => 8,
    };
    let at = u64::from(vector) * size;
    let name = if mode == Mode::Real { "interrupt vector" } else { "IDT entry" };
    let place = idtr.base.wrapping_add(at);
    if at + size - 1 > u64::from(idtr.limit) {
        return format!(
            "{name} {vector} would be at {place:#x}, beyond the IDT (base {:#x}, limit {:#x})",
            idtr.base, idtr.limit
        );
    }
    let Some(low) = read_u64(cpu, memory, place) else {
        return format!("{name} {vector} at {place:#x}: no memory is mapped there");
    };
    if mode == Mode::Real {
        let (segment, offset) = (low >> 16 & 0xffff, low & 0xffff);
        return format!("{name} {vector} at {place:#x}: {segment:04x}:{offset:04x}");
    }
    let high = match size {
        16 => read_u64(cpu, memory, place.wrapping_add(8)).unwrap_or(0),
        _ => 0,
    };
    let bytes = if size == 16 { format!("{high:016x}_{low:016x}") } else { format!("{low:016x}") };
    format!("{name} {vector} at {place:#x} = {bytes}: {}", gate_words(Gate { low, high }, mode))
}

fn gate_words(gate: Gate, mode: Mode) -> String {
    if gate.low == 0 && gate.high == 0 {
        return "all zero, no gate".to_owned();
    }
    let kind = if gate.is_system() { system_kind(gate.kind(), mode) } else { "not a gate" };
    let present = if gate.present() { "" } else { ", NOT PRESENT" };
    let stack = match (mode, gate.ist()) {
        (Mode::Long, n) if n != 0 => format!(", IST {n}"),
        _ => String::new(),
    };
    format!(
        "{kind} to {:04x}:{:#x}, DPL {}{stack}{present}",
        gate.selector().0,
        gate.offset(),
        gate.dpl()
    )
}

/// A descriptor of the GDT in words. Descriptors of an LDT are not looked up.
fn descriptor(cpu: &Cpu, memory: &Memory, selector: Selector) -> String {
    let gdtr = cpu.registers().gdtr;
    if selector.is_local() {
        return format!("selector {:#x} names the LDT", selector.0);
    }
    let at = u64::from(selector.offset());
    if at + 7 > u64::from(gdtr.limit) {
        return format!(
            "selector {:#x} is beyond the GDT (base {:#x}, limit {:#x})",
            selector.0, gdtr.base, gdtr.limit
        );
    }
    let Some(raw) = read_u64(cpu, memory, gdtr.base.wrapping_add(at)) else {
        return format!("the GDT at {:#x} is not mapped", gdtr.base);
    };
    let descriptor = Descriptor(raw);
    let attributes = descriptor.attributes();
    let kind = match (descriptor.is_code(), attributes & attr::S != 0) {
        (true, _) if attributes & attr::L != 0 => "64-bit code",
        (true, _) if attributes & attr::DB != 0 => "32-bit code",
        (true, _) => "16-bit code",
        (false, true) => "data",
        (false, false) => "a system descriptor",
    };
    let present = if descriptor.present() { "" } else { ", NOT PRESENT" };
    format!("GDT entry {:#x} = {raw:016x}: {kind}, DPL {}{present}", selector.0, descriptor.dpl())
}

/// Why delivery through `vector` raised `second`, in one or more lines.
pub(super) fn cause(cpu: &Cpu, memory: &Memory, vector: u8, second: &Exception) -> Vec<String> {
    let mut lines = vec![entry(cpu, memory, vector)];
    let code = second.error_code;
    match second.vector {
        Vector::PF => lines.push(place_of(cpu, memory, vector, second.address)),
        Vector::SS => lines.push("the handler's stack cannot take the frame".to_owned()),
        Vector::TS | Vector::NP | Vector::GP if code & selector_code::IDT == 0 => {
            let selector = Selector((code & 0xfffc) as u16);
            if !selector.is_null() {
                lines.push(descriptor(cpu, memory, selector));
            }
        }
        _ => {}
    }
    lines
}

/// What stands at a linear address that delivery could not reach.
fn place_of(cpu: &Cpu, memory: &Memory, vector: u8, address: u64) -> String {
    let registers = cpu.registers();
    let within = |base: u64, limit: u64| address.wrapping_sub(base) <= limit;
    let what = if within(registers.idtr.base, u64::from(registers.idtr.limit)) {
        format!("the IDT, entry of {}", error_code::vector(vector))
    } else if within(registers.gdtr.base, u64::from(registers.gdtr.limit)) {
        "the GDT".to_owned()
    } else if within(registers.tr.base, u64::from(registers.tr.limit)) {
        "the TSS".to_owned()
    } else if let Some(stack) = handler_stack(cpu, memory, vector)
        && stack.wrapping_sub(address) <= FRAME_BYTES_MAX
    {
        format!("the handler's stack, whose top is {stack:#x}")
    } else {
        "neither IDT, GDT, TSS nor a known stack".to_owned()
    };
    format!("{address:#x} is in {what}")
}

/// The linear stack pointer from which the frame is pushed.
fn handler_stack(cpu: &Cpu, memory: &Memory, vector: u8) -> Option<u64> {
    let registers = cpu.registers();
    let (base, tss) = (registers.segments[SegReg::Ss as usize].base, registers.tr.base);
    let rsp = registers.gpr[4];
    if registers.cr0 & cr0::PE == 0 {
        return Some(base.wrapping_add(rsp & 0xffff));
    }
    if mode(&registers) != Mode::Long {
        return Some(if cpu.cpl() == 0 {
            base.wrapping_add(rsp) & 0xffff_ffff
        } else {
            read_u64(cpu, memory, tss.wrapping_add(4))? & 0xffff_ffff
        });
    }
    let place = registers.idtr.base.wrapping_add(u64::from(vector) * 16);
    let gate = Gate { low: read_u64(cpu, memory, place)?, high: 0 };
    let at = match (gate.ist(), cpu.cpl()) {
        (0, 0) => return Some(rsp),
        (0, _) => arch::gate::tss64::rsp(0),
        (n, _) => arch::gate::tss64::ist(n),
    };
    read_u64(cpu, memory, tss.wrapping_add(u64::from(at)))
}
