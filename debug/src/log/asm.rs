//! Disassembly of decoded blocks (`-d in_asm`).
//!
//! An event says where in RAM a block begins and how many instructions it has, not in which code
//! size. The size is followed from the outside: known when the log looks at the CPU, it changes to
//! the usual one of the mode after an instruction that loads CS. Code of an unusual size (16-bit
//! protected mode, compatibility mode) may therefore be shown wrongly until the next look.

use crate::disassembly::{self, Line};
use crate::mode::Mode;
use cpu::Cpu;
use memory::{Memory, PAGE_SIZE};

/// A decoded block.
#[derive(Clone, Copy)]
pub(super) struct Block {
    pub(super) rip: u64,
    /// RAM offset.
    pub(super) offset: u64,
    pub(super) instructions: u8,
}

/// Follows the code size.
#[derive(Default)]
pub(super) struct CodeSize {
    bits: u32,
    /// CS may have been loaded since.
    far: bool,
}

impl CodeSize {
    /// The size is known.
    pub(super) fn look(&mut self, bits: u32) {
        *self = Self { bits, far: false };
    }

    /// CS may have been loaded.
    pub(super) fn far(&mut self) {
        self.far = true;
    }

    fn at(&mut self, mode: Mode, rip: u64) -> u32 {
        let impossible = match mode {
            Mode::Long => self.bits == 16,
            _ => self.bits == 64,
        };
        if rip > 0xffff_ffff {
            self.bits = 64;
        } else if self.far || self.bits == 0 || impossible {
            self.bits = mode.usual_bits();
        }
        self.far = false;
        self.bits
    }

    /// The block's instructions.
    pub(super) fn disassemble(
        &mut self,
        cpu: &Cpu,
        memory: &Memory,
        mode: Mode,
        block: &Block,
    ) -> Vec<Line> {
        let bits = self.at(mode, block.rip);
        let most = usize::from(block.instructions);
        let mut bytes = ram_bytes(memory, block.offset, most);
        let mut lines = disassembly::disassemble(bits, block.rip, &bytes, most);
        if lines.last().is_some_and(|line| line.text == "(cut)") {
            // The last instruction goes on in another page: the guest's paging knows which.
            let known = bytes.len();
            append_next_page(cpu, memory, block.rip, &mut bytes);
            if bytes.len() > known {
                lines = disassembly::disassemble(bits, block.rip, &bytes, most);
            }
        }
        if lines.iter().any(|line| line.far) {
            self.far();
        }
        lines
    }
}

/// The bytes from a RAM offset to the end of its page, at most as many as the instructions can have.
fn ram_bytes(memory: &Memory, offset: u64, instructions: usize) -> Vec<u8> {
    let page_end = (offset / PAGE_SIZE + 1) * PAGE_SIZE;
    let end = page_end.min(memory.ram().len()).min(offset + 15 * instructions as u64);
    let mut bytes = vec![0; end.saturating_sub(offset) as usize];
    if !bytes.is_empty() {
        memory.ram().read(offset, &mut bytes);
    }
    bytes
}

/// Adds what lies behind `bytes` if the guest still maps the same bytes at `rip`.
fn append_next_page(cpu: &Cpu, memory: &Memory, rip: u64, bytes: &mut Vec<u8>) {
    let base = if cpu.code_bits() == 64 { 0 } else { cpu.registers().segments[1].base };
    let mut again = vec![0; bytes.len() + 15];
    let len = cpu.debug_read(memory, base.wrapping_add(rip), &mut again);
    if len > bytes.len() && again[..bytes.len()] == bytes[..] {
        again.truncate(len);
        *bytes = again;
    }
}
