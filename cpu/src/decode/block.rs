//! Building a block: a run of instructions within one physical page.
//!
//! A block goes on through conditional branches (a branch not taken falls through in it) and ends at
//! an unconditional transfer, at its page's end, or after [`MAX_BLOCK`] instructions. An instruction
//! that crosses its page's end makes a block of its own, built from both pages.

use super::dead_flags::{self, FlagUse};
use super::fusion::Chain;
use super::lower::lower;
use super::op::{MEMORY, Op};
use super::table;
use super::undefined;
use crate::cpu::{Cpu, Done, Fault, ud};
use crate::engine::branch::{Branches, Form};
use crate::engine::hot::{self, Choice, Leaves};
use crate::engine::{Handler, plain};
use crate::event_log::{Event, kind};
use crate::features::{Model, Offered, Word};
use arch::cpuid::ext1_ecx;
use arch::exception::{Exception, Vector};
use arch::paging::PAGE_SIZE;
use core::ops::RangeInclusive;
use iced_x86::{Code, Decoder, DecoderError, DecoderOptions, EncodingKind, Instruction};
use memory::Memory;
use std::rc::Rc;

/// Most instructions in a block. Control passes from block to block without the dispatcher only while
/// this many fit in the budget.
pub(crate) const MAX_BLOCK: usize = 64;

/// Longest legal instruction in bytes: SDM Vol. 2A, "Instruction Format".
pub(crate) const MAX_INSN: usize = 15;

/// A code segment's operand size.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum CodeSize {
    /// Real mode, virtual-8086 mode, 16-bit segments.
    Bits16 = 0,
    /// 32-bit segments.
    Bits32 = 1,
    /// 64-bit mode.
    Bits64 = 2,
}

impl CodeSize {
    /// As a number of bits.
    pub(crate) const fn bits(self) -> u32 {
        match self {
            Self::Bits16 => 16,
            Self::Bits32 => 32,
            Self::Bits64 => 64,
        }
    }
}

/// What to build.
pub(crate) struct Request {
    /// RAM offset of the page of the first byte; `None` where no memory is.
    pub(crate) page: Option<u64>,
    /// Offset of the first byte in its page.
    pub(crate) offset: u16,
    /// Mode.
    pub(crate) size: CodeSize,
    /// VEX-encoded instructions exist: not in real and virtual-8086 mode.
    pub(crate) vex: bool,
    /// Most instructions to take, at most [`MAX_BLOCK`].
    pub(crate) most: usize,
    /// Bytes within the code segment's limit, counted from the first byte.
    pub(crate) limit: u64,
    /// Page offsets, ascending, before which the block must end: of breakpoints.
    pub(crate) cuts: Option<Rc<[u16]>>,
}

impl Request {
    /// True if no instruction behind the first may start at this page offset.
    fn is_cut(&self, offset: u64) -> bool {
        self.cuts.as_ref().is_some_and(|cuts| cuts.binary_search(&(offset as u16)).is_ok())
    }
}

/// A block as built.
pub(crate) struct Built {
    /// Instructions.
    pub(crate) instructions: u8,
    /// RAM offset of the page behind the end, if the instruction crosses into it.
    pub(crate) second: Option<Option<u64>>,
    /// Bytes it was made from, at least one.
    bytes: u16,
}

impl Built {
    /// First and last byte in the page of the block, which begins at `offset` in it, and those in the
    /// page behind it.
    pub(crate) fn extent(&self, offset: u16) -> (RangeInclusive<u16>, Option<RangeInclusive<u16>>) {
        let end = offset + self.bytes.max(1);
        let page = PAGE_SIZE as u16;
        (offset..=end.min(page) - 1, (end > page).then(|| 0..=end - page - 1))
    }
}

/// Bytes fetched at first: most blocks are shorter.
const FIRST_FETCH: usize = 96;

/// What a block is built in, kept so that building one allocates and clears nothing.
pub(crate) struct Draft {
    /// The ops.
    pub(crate) ops: Vec<Op>,
    uses: Vec<FlagUse>,
    bytes: Box<[u8; MAX_BLOCK * MAX_INSN]>,
}

impl Draft {
    /// Empty.
    pub(crate) fn new() -> Self {
        Self {
            ops: Vec::with_capacity(MAX_BLOCK + 1),
            uses: Vec::with_capacity(MAX_BLOCK),
            bytes: Box::new([0; MAX_BLOCK * MAX_INSN]),
        }
    }
}

/// What the CPU model means to the decoder.
pub(crate) struct Dialect {
    options: u32,
    offered: Offered,
    /// LOCK MOV CR0 means CR8.
    cr8_by_lock: bool,
    /// LAHF and SAHF exist in 64-bit mode.
    lahf64: bool,
}

impl Dialect {
    /// Of a model, which runs under a hypervisor if it has hypercalls.
    pub(crate) fn of(model: &Model, hypercalls: bool) -> Self {
        let mut offered = Offered::by(model);
        if hypercalls {
            offered.add(Code::Vmcall);
            offered.add(Code::Vmmcall);
        }
        Self {
            options: options(model),
            offered,
            cr8_by_lock: model.has(Word::Ext1Ecx, ext1_ecx::CR8_LEGACY),
            lahf64: model.has(Word::Ext1Ecx, ext1_ecx::LAHF_LM),
        }
    }
}

/// Decoder options that follow from what the CPU model lacks.
fn options(model: &Model) -> u32 {
    let mut options = DecoderOptions::NO_WBNOINVD;
    if model.is_amd() {
        // 66h before near branches in 64-bit mode, no far pointers of 80 bits, LOCK MOV CR0 for CR8.
        options |= DecoderOptions::AMD;
    }
    if !model.has_lzcnt() {
        // Without LZCNT the F3 prefix of 0FBD is ignored: BSR.
        options |= DecoderOptions::NO_MPFX_0FBD;
    }
    if !model.has_tzcnt() {
        options |= DecoderOptions::NO_MPFX_0FBC;
    }
    options
}

/// Copies code bytes of one page; addresses without memory read as all-ones.
fn fetch(memory: &Memory, page: Option<u64>, offset: u64, out: &mut [u8]) {
    match page {
        Some(page) => memory.ram().read(page + offset, out),
        None => out.fill(0xff),
    }
}

/// The first instruction crosses into the next page, which has to be translated first.
#[derive(Debug)]
pub(crate) struct Crosses;

/// Builds a block into the draft. `second` is the RAM offset of the following page, for when the first
/// instruction needs it.
pub(crate) fn build<F: Form>(
    memory: &Memory,
    dialect: &Dialect,
    request: &Request,
    second: Option<Option<u64>>,
    draft: &mut Draft,
) -> Result<Built, Crosses> {
    let Draft { ops, uses, bytes } = draft;
    ops.clear();
    uses.clear();
    let start = u64::from(request.offset);
    let in_page = (PAGE_SIZE - start) as usize;
    // Bytes beyond the segment's limit are not fetched.
    let limit = usize::try_from(request.limit).unwrap_or(usize::MAX);
    let all = in_page.min(request.most * MAX_INSN).min(limit);
    let mut len = all.min(FIRST_FETCH);
    fetch(memory, request.page, start, &mut bytes[..len]);
    let mut built = Built { instructions: 0, second: None, bytes: 0 };
    let complete = len >= MAX_INSN
        || first_is_complete(request, dialect, &bytes[..len])
        || !request.vex && begins_as_vex(&bytes[..len]);
    if !complete && len as u64 == request.limit {
        ops.push(Op { offset: request.offset, ..lower(&Instruction::default(), LIMIT_FAULT, 0) });
        built.instructions = 1;
        return Ok(built);
    }
    if !complete && len == in_page {
        let page = second.ok_or(Crosses)?;
        fetch(memory, page, 0, &mut bytes[in_page..MAX_INSN]);
        built.second = Some(page);
        len = MAX_INSN;
    }
    let most = if built.second.is_some() { 1 } else { request.most };
    let mut decoder = decoder(request, dialect, &bytes[..len], 0);
    let mut instruction = Instruction::default();
    let mut chain = Chain::new();
    while usize::from(built.instructions) < most {
        if built.instructions > 0 && request.is_cut(decoder.ip()) {
            break;
        }
        decoder.decode_out(&mut instruction);
        let done = usize::from(built.bytes);
        let taken = taken_in(request, dialect, &decoder, &mut instruction, &bytes[done..len]);
        if done + taken.min(MAX_INSN) > len {
            if len < all {
                fetch(memory, request.page, start + len as u64, &mut bytes[len..all]);
                len = all;
                decoder = self::decoder(request, dialect, &bytes[..len], built.bytes);
                continue;
            }
            if built.instructions > 0 {
                break;
            }
        }
        let end = instruction.next_ip() - start;
        let row = if end > request.limit {
            // SDM Vol. 3A, "Limit Checking": a fetch beyond the code segment.
            table::Row::ends(LIMIT_FAULT)
        } else {
            row_of::<F>(&instruction, request, dialect, taken > MAX_INSN)
        };
        let (mut op, choice) =
            specialise::<F>(request, &instruction, &row, built.instructions, chain.last());
        if row.keeps_opcode {
            op.imm = x87_opcode(&bytes[end as usize - instruction.len()..end as usize]);
        }
        if request.size == CodeSize::Bits64 {
            chain.join::<F>(ops, uses, &instruction, &op);
        }
        uses.push(FlagUse::of(&instruction, &choice));
        ops.push(op);
        built.instructions += 1;
        built.bytes = (end as usize).min(len) as u16;
        if row.ends {
            if instruction.is_invalid() {
                // What it is may have been decided by bytes behind its length.
                built.bytes = (usize::from(built.bytes) + MAX_INSN).min(len) as u16;
            }
            dead_flags::eliminate(ops, uses);
            return Ok(built);
        }
        chain.advance(&instruction, choice.leaves);
    }
    dead_flags::eliminate(ops, uses);
    let offset = (decoder_offset(ops) & 0xffff) as u16;
    ops.push(end_op::<F>(offset, built.instructions));
    Ok(built)
}

/// The op of an instruction with its leanest handler, behind an op that passed on the register `last`.
fn specialise<F: Form>(
    request: &Request,
    instruction: &Instruction,
    row: &table::Row,
    place: u8,
    last: Option<u8>,
) -> (Op, Choice) {
    let mut op = lower(instruction, row.handler, place);
    let mut choice = Choice {
        handler: row.handler,
        flagless: None,
        registers: false,
        leaves: if instruction.is_jcc_short_or_near() { Leaves::Same } else { Leaves::Nothing },
    };
    if request.size == CodeSize::Bits64
        && let Some(hot) = hot::select_branch::<F>(instruction, &op, last)
    {
        // A branch keeps its link for the target; its complete form is known without one.
        choice.handler = hot;
    } else if request.size == CodeSize::Bits64
        && !row.ends
        && let Some(hot) = hot::select(instruction, &op, last)
    {
        op.link = op.handler as *const ();
        choice = hot;
    } else if let Some(hot) =
        row.frameless.and_then(|forms| hot::frameless(forms, &op, request.size))
    {
        op.link = op.handler as *const ();
        choice.handler = hot;
    } else if let Some(handler) = row.registers
        && op.dst != MEMORY
        && op.src != MEMORY
    {
        let flagless = row.flagless;
        choice = Choice { handler, flagless, registers: true, leaves: Leaves::Nothing };
    }
    op.handler = choice.handler;
    (op, choice)
}

/// FOP of an x87 instruction: the low three bits of its first opcode byte, and the ModRM byte.
fn x87_opcode(bytes: &[u8]) -> u64 {
    // No prefix looks like an x87 opcode.
    let at = bytes.iter().position(|byte| byte & 0xf8 == 0xd8).unwrap_or(0);
    let modrm = bytes.get(at + 1).copied().unwrap_or(0);
    u64::from(bytes[at] & 7) << 8 | u64::from(modrm)
}

/// Page offset behind the last op.
fn decoder_offset(ops: &[Op]) -> u64 {
    ops.last().map_or(0, |op| u64::from(op.offset) + u64::from(op.len))
}

/// The pseudo-op that falls through to the next block.
fn end_op<F: Form>(offset: u16, place: u8) -> Op {
    let mut op = lower(&Instruction::default(), Branches::<F>::END, place);
    op.offset = offset;
    op.len = 0;
    op.imm = u64::from(offset);
    op.code = Code::INVALID as u16;
    op
}

/// A decoder of the bytes behind the first `done`.
fn decoder<'a>(request: &Request, dialect: &Dialect, bytes: &'a [u8], done: u16) -> Decoder<'a> {
    let ip = u64::from(request.offset) + u64::from(done);
    Decoder::with_ip(request.size.bits(), &bytes[usize::from(done)..], ip, dialect.options)
}

/// True if the first instruction lies within the bytes.
fn first_is_complete(request: &Request, dialect: &Dialect, bytes: &[u8]) -> bool {
    let mut decoder = decoder(request, dialect, bytes, 0);
    let mut instruction = decoder.decode();
    let taken = taken_in(request, dialect, &decoder, &mut instruction, bytes);
    taken.min(MAX_INSN) <= bytes.len()
}

/// How many bytes the processor takes in for an instruction just decoded: more than there are if it is
/// not all there, more than [`MAX_INSN`] if it is too long. What iced-x86 sees otherwise than a processor
/// is set right.
fn taken_in(
    request: &Request,
    dialect: &Dialect,
    decoder: &Decoder<'_>,
    instruction: &mut Instruction,
    bytes: &[u8],
) -> usize {
    let amd = dialect.options & DecoderOptions::AMD != 0;
    if decoder.last_error() == DecoderError::NoMoreBytes {
        let known = if amd { undefined::length_by_opcode(bytes, request.size) } else { None };
        return known.unwrap_or(bytes.len() + 1);
    }
    if instruction.is_invalid() {
        return undefined::length(bytes, request.size, dialect.options);
    }
    set_right(request, dialect, instruction, bytes);
    // AMD's processors have EXTRQ and INSERTQ, with two immediates, where others have VMREAD.
    let vmread = matches!(instruction.code(), Code::Vmread_rm32_r32 | Code::Vmread_rm64_r64);
    instruction.len() + if amd && vmread { 2 } else { 0 }
}

/// Decodes anew what iced-x86 sees otherwise than the processor.
fn set_right(request: &Request, dialect: &Dialect, instruction: &mut Instruction, bytes: &[u8]) {
    use Code::*;
    let len = instruction.len();
    let options = match instruction.code() {
        // LOCK MOV CR0 is MOV CR8 where the model says so.
        Mov_r32_cr | Mov_r64_cr | Mov_cr_r32 | Mov_cr_r64
            if !dialect.cr8_by_lock && bytes[..len - 3].contains(&0xf0) =>
        {
            dialect.options & !DecoderOptions::AMD
        }
        // With REX.W a far CALL through memory pushes words of 64 bits, although AMD's offset has 32.
        Call_m1632 if undefined::has_rex_w(bytes, request.size) => {
            dialect.options & !DecoderOptions::AMD
        }
        // With REX.B, F3 90 is no PAUSE but an exchange with R8.
        Pause if request.size == CodeSize::Bits64 && bytes[len - 2] & 0xf1 == 0x41 => {
            dialect.options | DecoderOptions::NO_PAUSE
        }
        // With W they are VPEXTRQ and VPINSRQ, which 64-bit mode alone has; Intel's processors ignore W elsewhere.
        VEX_Vpextrd_rm32_xmm_imm8 | VEX_Vpinsrd_xmm_xmm_rm32_imm8
            if dialect.options & DecoderOptions::AMD != 0 && undefined::has_vex_w(bytes) =>
        {
            return instruction.set_code(INVALID);
        }
        _ => return,
    };
    let bits = request.size.bits();
    *instruction = Decoder::with_ip(bits, bytes, instruction.ip(), options).decode();
}

/// True for LES or LDS of a register behind any prefixes: a VEX prefix, where that exists.
fn begins_as_vex(bytes: &[u8]) -> bool {
    matches!(undefined::behind_legacy_prefixes(bytes), [0xc4 | 0xc5, 0xc0..=0xff, ..])
}

/// The table row of an instruction: what executes it and whether it ends its block.
fn row_of<F: Form>(
    instruction: &Instruction,
    request: &Request,
    dialect: &Dialect,
    too_long: bool,
) -> table::Row {
    let code = instruction.code();
    if too_long {
        return table::Row::ends(plain(too_long_fault));
    }
    if code == Code::INVALID || !request.vex && instruction.encoding() != EncodingKind::Legacy {
        return table::Row::ends(plain(invalid));
    }
    if !dialect.offered.contains(code) {
        return table::Row::ends(plain(lacking));
    }
    let flags_of_ah = matches!(code, Code::Lahf | Code::Sahf);
    if flags_of_ah && request.size == CodeSize::Bits64 && !dialect.lahf64 {
        return table::Row::ends(plain(invalid));
    }
    // Near branches have no row in the table: their handlers come in forms.
    table::row(code)
        .or_else(|| table::branch_row::<F>(code))
        .unwrap_or(table::Row::ends(UNIMPLEMENTED))
}

const UNIMPLEMENTED: Handler = plain(unimplemented_insn);
const LIMIT_FAULT: Handler = plain(limit_fault);

fn invalid(_cpu: &mut Cpu, _op: &Op) -> Done {
    Err(ud())
}

/// The model lacks the instruction's feature.
fn lacking(cpu: &mut Cpu, op: &Op) -> Done {
    let (retired, rip, model) = (cpu.retired(), cpu.ip_of(op), *cpu.model());
    let code = Code::try_from(usize::from(op.code)).unwrap_or(Code::INVALID);
    cpu.log.emit(kind::LACKING, retired, || Event::Lacking { code, model, rip });
    Err(ud())
}

fn too_long_fault(_cpu: &mut Cpu, _op: &Op) -> Done {
    Err(Exception::gp0().into())
}

fn limit_fault(_cpu: &mut Cpu, _op: &Op) -> Done {
    Err(Exception::new(Vector::GP).into())
}

fn unimplemented_insn(_cpu: &mut Cpu, _op: &Op) -> Done {
    Err(Fault::Unimplemented("instruction without a row in decode/table"))
}
