//! Instruction bytes as text, Intel syntax.
//!
//! The decoder is iced-x86's, as in the CPU; this module only asks it to print.

use crate::symbols::Symbols;
use core::fmt;
use iced_x86::{
    Code, Decoder, DecoderOptions, FlowControl, Formatter, Instruction, IntelFormatter, OpKind,
};

/// One instruction.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Line {
    /// Its instruction pointer.
    pub rip: u64,
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// The text; `(bad)` for bytes that are no instruction, `(cut)` where the bytes end too early.
    pub text: String,
    /// It may load CS, and so change the code size.
    pub far: bool,
    /// The address that it names: a branch's target, or memory relative to the instruction pointer.
    pub target: Option<u64>,
}

impl Line {
    /// The line with the name of the address that it names.
    pub fn named(&self, symbols: &Symbols) -> String {
        format!("{self}{}", self.target.map_or(String::new(), |target| symbols.suffix(target)))
    }
}

/// Bytes shown of an instruction before the text moves to the right.
const COLUMN_BYTES: usize = 10;

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes: Vec<String> = self.bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        let width = COLUMN_BYTES * 3 - 1;
        write!(f, "{:#x}: {:width$}  {}", self.rip, bytes.join(" "), self.text)
    }
}

/// Disassembles at most `most` instructions from the start of `bytes`, which stand at `rip` in code
/// of 16, 32 or 64 bits. Stops after bytes that are no instruction.
pub fn disassemble(bits: u32, rip: u64, bytes: &[u8], most: usize) -> Vec<Line> {
    let bits = if matches!(bits, 16 | 32) { bits } else { 64 };
    let mut decoder = Decoder::with_ip(bits, bytes, rip, DecoderOptions::NONE);
    let mut formatter = formatter();
    let mut lines = Vec::new();
    while lines.len() < most && decoder.can_decode() {
        let start = decoder.position();
        let instruction = decoder.decode();
        let end = decoder.position();
        let invalid = instruction.is_invalid();
        let cut = invalid && bytes.len() - start < 15 && end == bytes.len();
        let mut text = String::new();
        match (invalid, cut) {
            (false, _) => formatter.format(&instruction, &mut text),
            (true, false) => text.push_str("(bad)"),
            (true, true) => text.push_str("(cut)"),
        }
        lines.push(Line {
            rip: instruction.ip(),
            bytes: bytes[start..end.max(start)].to_vec(),
            text,
            far: loads_cs(&instruction),
            target: target(&instruction),
        });
        if invalid {
            break;
        }
    }
    lines
}

fn formatter() -> IntelFormatter {
    let mut formatter = IntelFormatter::new();
    let options = formatter.options_mut();
    options.set_hex_prefix("0x");
    options.set_hex_suffix("");
    options.set_uppercase_hex(false);
    options.set_space_after_operand_separator(true);
    options.set_branch_leading_zeros(false);
    formatter
}

fn target(instruction: &Instruction) -> Option<u64> {
    if instruction.is_ip_rel_memory_operand() {
        return Some(instruction.ip_rel_memory_address());
    }
    let near = matches!(
        instruction.op0_kind(),
        OpKind::NearBranch16 | OpKind::NearBranch32 | OpKind::NearBranch64
    );
    (!instruction.is_invalid() && near).then(|| instruction.near_branch_target())
}

fn loads_cs(instruction: &Instruction) -> bool {
    match instruction.flow_control() {
        FlowControl::Interrupt => true,
        FlowControl::UnconditionalBranch | FlowControl::IndirectBranch => {
            instruction.is_jmp_far() || instruction.is_jmp_far_indirect()
        }
        FlowControl::Call | FlowControl::IndirectCall => {
            instruction.is_call_far()
                || instruction.is_call_far_indirect()
                || matches!(instruction.code(), Code::Syscall | Code::Sysenter)
        }
        FlowControl::Return => !matches!(
            instruction.code(),
            Code::Retnw
                | Code::Retnd
                | Code::Retnq
                | Code::Retnw_imm16
                | Code::Retnd_imm16
                | Code::Retnq_imm16
        ),
        _ => false,
    }
}
