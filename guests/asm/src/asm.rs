//! Assembler source that keeps its comments: iced-x86's `CodeAssembler` with named labels, and a
//! record of every comment so that the listing can show it beside the bytes.
//!
//! The [`asm!`](crate::asm!) macro reads nearly as a manual does; operand order and mnemonics are
//! the SDM's:
//!
//! ```
//! # use bootscope_guests::asm;
//! # use iced_x86::code_asm::*;
//! let part = asm::assemble(32, 0x10_0000, |a| {
//! asm! { a =>
//!     /// Waits for ever: with interrupts off, HLT ends only by NMI or reset.
//!     'stop:
//!         cli();
//!         hlt();                      //! a debugger or an NMI may get us past it
//!         jmp('stop);
//! }
//! Ok(())
//! })?;
//! assert_eq!(part.bytes, [0xfa, 0xf4, 0xeb, 0xfc]);
//! # Ok::<(), iced_x86::IcedError>(())
//! ```
//!
//! Not modelled: sections, alignment, expressions on labels. A part is one run of bytes.

use std::collections::BTreeMap;
use std::ops::{Deref, DerefMut};

use iced_x86::code_asm::{AsmMemoryOperand, CodeAssembler, CodeLabel, ptr};
use iced_x86::{BlockEncoderOptions, Code, IcedError, Instruction};

use crate::listing::{self, Line};

/// A piece of source for one operating mode: instructions, data, names, comments.
pub struct Program {
    code: CodeAssembler,
    labels: BTreeMap<&'static str, CodeLabel>,
    notes: Vec<(usize, Note)>,
    // Names for addresses outside of the source.
    defined: BTreeMap<&'static str, u32>,
    // Where labels came to lie in the pass before; empty in the first.
    known: BTreeMap<&'static str, u32>,
    // iced allows one label per instruction; the second takes an instruction of no bytes.
    label_is_pending: bool,
}

/// What the listing shows beside the instruction with the index it is stored under.
pub(crate) enum Note {
    Comment(&'static str),
    Label(&'static str),
    Define(&'static str, u32),
    Remark(&'static str),
}

/// An assembled [`Program`].
pub struct Part {
    /// Where its first byte belongs.
    pub address: u32,
    /// Code and data.
    pub bytes: Vec<u8>,
    /// Its listing.
    pub lines: Vec<Line>,
    /// The address of each label.
    pub symbols: BTreeMap<&'static str, u32>,
}

/// Assembles source for 16, 32 or 64 bits, to lie at `address`. In two passes: outside of 64-bit
/// mode a label in memory is an absolute address, which is known only after the first.
///
/// # Errors
/// When the encoder refuses something, or a label was used and never bound.
///
/// # Panics
/// When the passes disagree: an address was used where its value changes an instruction's length.
pub fn assemble(
    bits: u32,
    address: u32,
    source: impl Fn(&mut Program) -> Result<(), IcedError>,
) -> Result<Part, IcedError> {
    let pass = |known| {
        let mut program = Program::new(bits, known)?;
        source(&mut program)?;
        program.assemble(address)
    };
    let first = pass(BTreeMap::new())?;
    let second = pass(first.symbols.clone())?;
    assert!(first.symbols == second.symbols, "the two passes disagree");
    Ok(second)
}

impl Program {
    fn new(bits: u32, known: BTreeMap<&'static str, u32>) -> Result<Self, IcedError> {
        Ok(Self {
            code: CodeAssembler::new(bits)?,
            labels: BTreeMap::new(),
            notes: Vec::new(),
            defined: BTreeMap::new(),
            known,
            label_is_pending: false,
        })
    }

    /// The label of this name, for an operand: it may be bound later.
    pub fn label(&mut self, name: &'static str) -> CodeLabel {
        let name = name.trim_start_matches('\'');
        *self.labels.entry(name).or_insert_with(|| self.code.create_label())
    }

    /// Gives the next instruction this name.
    ///
    /// # Errors
    /// When the name is bound already.
    pub fn bind(&mut self, name: &'static str) -> Result<(), IcedError> {
        if self.label_is_pending {
            self.code.zero_bytes()?;
        }
        let name = name.trim_start_matches('\'');
        let mut label = self.label(name);
        self.code.set_label(&mut label)?;
        self.labels.insert(name, label);
        self.label_is_pending = true;
        self.note(Note::Label(name));
        Ok(())
    }

    /// Names memory outside of this source, such as a variable that has no bytes in the file.
    pub fn define(&mut self, name: &'static str, address: u32) {
        self.defined.insert(name, address);
        self.note(Note::Define(name, address));
    }

    /// A label without a name, for source that a loop writes many times.
    pub fn local_label(&mut self) -> CodeLabel {
        self.code.create_label()
    }

    /// Gives the next instruction a label of [`Self::local_label`].
    ///
    /// # Errors
    /// When it is bound already.
    pub fn bind_local(&mut self, mut label: CodeLabel) -> Result<(), IcedError> {
        self.code.set_label(&mut label)?;
        self.code.zero_bytes()
    }

    /// A comment on lines of its own, before what comes next.
    pub fn comment(&mut self, text: &'static str) {
        self.note(Note::Comment(text.strip_prefix(' ').unwrap_or(text)));
    }

    /// A comment on the line of what comes next.
    pub fn remark(&mut self, text: &'static str) {
        self.note(Note::Remark(text.trim()));
    }

    /// Called before each instruction or datum.
    pub fn next(&mut self) {
        self.label_is_pending = false;
    }

    fn note(&mut self, note: Note) {
        self.notes.push((self.code.instructions().len(), note));
    }

    /// `JMP ptr16:32`, direct: the way from one code segment into another.
    ///
    /// # Errors
    /// When the encoder refuses it.
    pub fn jmp_far(&mut self, selector: u16, offset: u32) -> Result<(), IcedError> {
        let jump = Instruction::with_far_branch(Code::Jmp_ptr1632, selector, offset)?;
        self.code.add_instruction(jump)
    }

    /// `REP STOSD`.
    ///
    /// # Errors
    /// When the encoder refuses it.
    pub fn rep_stosd(&mut self) -> Result<(), IcedError> {
        self.code.rep().stosd()
    }

    /// `REP STOSW`.
    ///
    /// # Errors
    /// When the encoder refuses it.
    pub fn rep_stosw(&mut self) -> Result<(), IcedError> {
        self.code.rep().stosw()
    }

    /// `REP MOVSB`.
    ///
    /// # Errors
    /// When the encoder refuses it.
    pub fn rep_movsb(&mut self) -> Result<(), IcedError> {
        self.code.rep().movsb()
    }

    /// `REP INSW`.
    ///
    /// # Errors
    /// When the encoder refuses it.
    pub fn rep_insw(&mut self) -> Result<(), IcedError> {
        self.code.rep().insw()
    }

    /// `REP OUTSW`.
    ///
    /// # Errors
    /// When the encoder refuses it.
    pub fn rep_outsw(&mut self) -> Result<(), IcedError> {
        self.code.rep().outsw()
    }

    /// Memory at a label: RIP-relative in 64-bit code, else at its address.
    pub fn place(&mut self, name: &'static str) -> AsmMemoryOperand {
        let is_label = !self.defined.contains_key(name.trim_start_matches('\''));
        if is_label && self.code.bitness() == 64 {
            ptr(self.label(name))
        } else {
            ptr(self.address(name))
        }
    }

    /// The address of a label or a defined name, as a number. The first pass gets one of the
    /// same length for a label.
    pub fn address(&self, name: &'static str) -> u32 {
        const SOME_ADDRESS: u32 = 0x10_0000;
        let name = name.trim_start_matches('\'');
        self.defined.get(name).or(self.known.get(name)).copied().unwrap_or(SOME_ADDRESS)
    }

    /// The 32-bit address of a label, as data.
    ///
    /// # Errors
    /// When the encoder refuses it.
    pub fn dd_address(&mut self, name: &'static str) -> Result<(), IcedError> {
        let address = self.address(name);
        self.code.dd(&[address])
    }

    /// Text that ends with a NUL.
    ///
    /// # Errors
    /// When the encoder refuses it.
    pub fn text(&mut self, text: &str) -> Result<(), IcedError> {
        let mut bytes = text.as_bytes().to_vec();
        bytes.push(0);
        self.code.db(&bytes)
    }

    fn assemble(mut self, address: u32) -> Result<Part, IcedError> {
        let options = BlockEncoderOptions::RETURN_NEW_INSTRUCTION_OFFSETS;
        let result = self.code.assemble_options(u64::from(address), options)?.inner;
        let (bytes, offsets) = (result.code_buffer, result.new_instruction_offsets);
        let mut symbols = self.defined;
        for (index, note) in &self.notes {
            if let Note::Label(name) = note {
                symbols.insert(*name, address + offsets[*index]);
            }
        }
        let source = listing::Source {
            address,
            bits: self.code.bitness(),
            bytes: &bytes,
            instructions: self.code.instructions(),
            offsets: &offsets,
            notes: &self.notes,
            symbols: &symbols,
        };
        let lines = source.lines();
        Ok(Part { address, bytes, lines, symbols })
    }
}

impl Part {
    /// The address of a label.
    ///
    /// # Panics
    /// When there is none of this name: the source names its own labels.
    pub fn symbol(&self, name: &str) -> u32 {
        *self.symbols.get(name).unwrap_or_else(|| panic!("no label '{name}'"))
    }
}

impl Deref for Program {
    type Target = CodeAssembler;
    fn deref(&self) -> &CodeAssembler {
        &self.code
    }
}

impl DerefMut for Program {
    fn deref_mut(&mut self) -> &mut CodeAssembler {
        &mut self.code
    }
}

/// Assembler lines for a [`Program`]: `'label:`, `mnemonic(operands);`, `///` comments on lines
/// of their own and `//!` comments at the end of a line. Doc comments, because a macro sees no
/// others and the listing wants them. A label operand is `'name`; in memory `ptr('name)`,
/// `dword_ptr('name)` and so on. Errors leave by `?`.
#[macro_export]
macro_rules! asm {
    ($a:ident => $(
        $(#[doc = $before:literal])*
        $($label:lifetime : $(#[doc = $after:literal])*)*
        $op:ident $operands:tt ;
        $(#![doc = $remark:literal])?
    )*) => {{ $(
        $($a.comment($before);)*
        $($a.bind(stringify!($label))?; $($a.comment($after);)*)*
        $a.next();
        $($a.remark($remark);)?
        $crate::asm!(@line $a $op $operands);
    )* }};
    (@line $a:ident $op:ident ()) => { $a.$op()? };
    (@line $a:ident $op:ident ($label:lifetime)) => {{
        let label = $a.label(stringify!($label));
        $a.$op(label)?
    }};
    (@line $a:ident $op:ident ($size:ident($label:lifetime))) => {{
        let place = $a.place(stringify!($label));
        $a.$op($size(place))?
    }};
    (@line $a:ident $op:ident ($size:ident($label:lifetime), $source:expr)) => {{
        let place = $a.place(stringify!($label));
        $a.$op($size(place), $source)?
    }};
    (@line $a:ident $op:ident ($destination:expr, $size:ident($label:lifetime))) => {{
        let place = $a.place(stringify!($label));
        $a.$op($destination, $size(place))?
    }};
    (@line $a:ident $op:ident ($($operand:expr),+)) => { $a.$op($($operand),+)? };
}
