//! The code where a CPU stands: bytes and disassembly, read through the guest's paging.

use crate::disassembly::{Line, disassemble};
use cpu::Cpu;
use iced_x86::{Decoder, DecoderOptions};
use memory::Memory;

/// Most bytes of an instruction: SDM Vol. 2A, "Instruction Format".
const INSTRUCTION_MAX: usize = 15;

/// At most `most` instructions from the instruction pointer on; none if nothing can be read there.
pub fn at_ip(cpu: &Cpu, memory: &Memory, most: usize) -> Vec<Line> {
    at(cpu, memory, cpu.registers().rip, cpu.linear_ip(), most)
}

/// The same for instructions at an instruction pointer and its linear address.
pub fn at(cpu: &Cpu, memory: &Memory, rip: u64, linear: u64, most: usize) -> Vec<Line> {
    let mut bytes = vec![0; INSTRUCTION_MAX * most.min(64)];
    let len = cpu.debug_read(memory, linear, &mut bytes);
    bytes.truncate(len);
    disassemble(cpu.code_bits(), rip, &bytes, most)
}

/// Why the instruction at a linear address does not exist on the CPU model, if that is so.
pub fn lacking(cpu: &Cpu, memory: &Memory, linear: u64) -> Option<String> {
    let mut bytes = [0; INSTRUCTION_MAX];
    let len = cpu.debug_read(memory, linear, &mut bytes);
    let options = DecoderOptions::NO_WBNOINVD;
    let instruction = Decoder::new(cpu.code_bits(), &bytes[..len], options).decode();
    cpu.model().explain_lack(instruction.code())
}
