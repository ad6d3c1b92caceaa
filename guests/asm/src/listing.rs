//! The listing of assembled source: address, bytes, instruction, comment, one line each, as
//! assemblers have printed them since there are assemblers. Instructions are decoded from the
//! bytes, not printed from the source, so a listing shows what a CPU will read.

use std::collections::BTreeMap;
use std::fmt;

use iced_x86::{
    Code, Decoder, DecoderOptions, Formatter, Instruction, NasmFormatter, SymbolResolver,
    SymbolResult,
};

use crate::asm::Note;

/// A line of a listing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Line {
    /// A comment with a line of its own.
    Comment(String),
    /// A name for the next address.
    Label(String),
    /// A name for memory elsewhere.
    Define(String, u32),
    /// Bytes, what they mean, and the remark beside them.
    Bytes {
        /// Address of the first.
        address: u32,
        /// The bytes.
        bytes: Vec<u8>,
        /// Instruction or data definition.
        text: String,
        /// Empty when there is none.
        remark: String,
    },
}

const BYTES_A_LINE: usize = 8;

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Comment(text) => writeln!(f, "{}", format!("; {text}").trim_end()),
            Self::Label(name) => writeln!(f, "{name}:"),
            Self::Define(name, address) => writeln!(f, "{name:<24} equ   {address:#x}"),
            Self::Bytes { address, bytes, text, remark } => {
                let mut rows = bytes.chunks(BYTES_A_LINE);
                let first = hex(rows.next().unwrap_or_default());
                let remark = if remark.is_empty() { String::new() } else { format!("; {remark}") };
                let line = format!("{address:08x}  {first:<24} {text:<34} {remark}");
                writeln!(f, "{}", line.trim_end())?;
                // Long data: the rest of its bytes, on lines without a text.
                for (row, bytes) in (1u32..).zip(rows) {
                    writeln!(f, "{:08x}  {}", address + row * BYTES_A_LINE as u32, hex(bytes))?;
                }
                Ok(())
            }
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(" ")
}

/// Everything the listing of one part is made from.
pub(crate) struct Source<'a> {
    pub(crate) address: u32,
    pub(crate) bits: u32,
    pub(crate) bytes: &'a [u8],
    pub(crate) instructions: &'a [Instruction],
    /// Of each instruction, from the part's beginning.
    pub(crate) offsets: &'a [u32],
    pub(crate) notes: &'a [(usize, Note)],
    pub(crate) symbols: &'a BTreeMap<&'static str, u32>,
}

impl Source<'_> {
    pub(crate) fn lines(&self) -> Vec<Line> {
        let names = Names(self.symbols.iter().map(|(name, at)| (*at, *name)).collect());
        let mut formatter = NasmFormatter::with_options(Some(Box::new(names)), None);
        let options = formatter.options_mut();
        options.set_hex_prefix("0x");
        options.set_hex_suffix("");
        options.set_uppercase_hex(false);
        options.set_space_after_operand_separator(true);
        options.set_show_branch_size(false);
        options.set_first_operand_char_index(6);

        let mut lines = Vec::new();
        let mut notes = self.notes.iter().peekable();
        let mut index = 0;
        while index < self.instructions.len() {
            let mut remark = "";
            while let Some((_, note)) = notes.next_if(|(at, _)| *at <= index) {
                match note {
                    Note::Comment(text) => lines.push(Line::Comment((*text).to_owned())),
                    Note::Label(name) => lines.push(Line::Label((*name).to_owned())),
                    Note::Define(name, address) => {
                        lines.push(Line::Define((*name).to_owned(), *address));
                    }
                    Note::Remark(text) => remark = text,
                }
            }
            let next = self.end_of_line(index, notes.peek().map(|(at, _)| *at));
            let bytes = self.bytes_of(index, next);
            if !bytes.is_empty() {
                let address = self.address + self.offsets[index];
                let text = match data_size(&self.instructions[index]) {
                    Some(size) => data_text(bytes, size),
                    None => self.instruction_text(&mut formatter, address, bytes),
                };
                let (bytes, remark) = (bytes.to_vec(), remark.to_owned());
                lines.push(Line::Bytes { address, bytes, text, remark });
            }
            index = next;
        }
        lines
    }

    /// iced cuts long data into many pieces; a line takes all up to the next note.
    fn end_of_line(&self, index: usize, next_note: Option<usize>) -> usize {
        let size = data_size(&self.instructions[index]);
        if size.is_none() {
            return index + 1;
        }
        let limit = next_note.unwrap_or(self.instructions.len());
        (index + 1..limit)
            .find(|at| data_size(&self.instructions[*at]) != size)
            .unwrap_or(limit.max(index + 1))
    }

    fn bytes_of(&self, from: usize, to: usize) -> &[u8] {
        let end = self.offsets.get(to).map_or(self.bytes.len(), |offset| *offset as usize);
        &self.bytes[self.offsets[from] as usize..end]
    }

    fn instruction_text(&self, formatter: &mut NasmFormatter, at: u32, bytes: &[u8]) -> String {
        let decoded =
            Decoder::with_ip(self.bits, bytes, u64::from(at), DecoderOptions::NONE).decode();
        let mut text = String::new();
        formatter.format(&decoded, &mut text);
        text
    }
}

/// The size of one datum, when this is data and no instruction.
fn data_size(instruction: &Instruction) -> Option<usize> {
    match instruction.code() {
        Code::DeclareByte => Some(1),
        Code::DeclareWord => Some(2),
        Code::DeclareDword => Some(4),
        Code::DeclareQword => Some(8),
        _ => None,
    }
}

fn data_text(bytes: &[u8], size: usize) -> String {
    let printable = |byte: &u8| (b' '..=b'~').contains(byte) || matches!(byte, b'\n' | b'\r');
    if size == 1
        && let [text @ .., 0] = bytes
        && !text.is_empty()
        && text.iter().all(printable)
    {
        return format!("db    {:?}, 0", String::from_utf8_lossy(text));
    }
    let name = ["db", "dw", "dd", "dq"][size.trailing_zeros() as usize];
    let values: Vec<String> = bytes
        .chunks(size)
        .map(|value| value.iter().rev().map(|byte| format!("{byte:02x}")).collect())
        .map(|digits: String| format!("0x{digits}"))
        .collect();
    if values.len() > 4 {
        return format!("{name}    {} values", values.len());
    }
    format!("{name}    {}", values.join(", "))
}

/// Shows a label's name where an operand is its address.
struct Names(BTreeMap<u32, &'static str>);

impl SymbolResolver for Names {
    fn symbol(
        &mut self,
        _instruction: &Instruction,
        _operand: u32,
        _instruction_operand: Option<u32>,
        address: u64,
        _address_size: u32,
    ) -> Option<SymbolResult<'_>> {
        let name = self.0.get(&u32::try_from(address).ok()?)?;
        Some(SymbolResult::with_str(address, name))
    }
}
