//! The profile: how often every instruction was executed, exactly (`--profile`).
//!
//! Off, it costs nothing: no handler of an instruction knows of it. On, each block that is built gets a
//! counting op before its first op and behind each conditional branch in it, which may leave the block: so
//! what lies between two counting ops, a [`Stretch`], is executed as a whole, but for faults and exits. These
//! are slow paths and say where they left. Counts are therefore exact: executed instructions, further
//! iterations of repeated ones and deliveries add up to the instructions retired.
//!
//! The `place` of the instructions stays as it was, so budgets, links, faults and the state hash do too.
//! The complete form behind a frameless one is counted by a form put in its way.
//!
//! Not here: time, host addresses, what the numbers look like (`debug::profile`).

use super::{Handler, next};
use crate::cpu::Cpu;
use crate::decode::block::{Built, CodeSize, MAX_BLOCK, MAX_INSN, Request};
use crate::decode::op::Op;
use arch::paging::PAGE_SIZE;
use core::mem::transmute;
use iced_x86::{Code, FlowControl};
use memory::Memory;
use std::collections::HashMap;

/// Instructions that a profile keeps apart; later ones share the first stretch. A guest that writes new
/// code for ever must not use up the host's memory.
const INSNS_MAX: usize = 1 << 21;

/// Where everything is counted that has no stretch of its own.
const OTHERS: u32 = 0;

/// An instruction of a stretch.
#[derive(Clone, Copy)]
struct Insn {
    code: u16,
    len: u8,
    /// The complete form that [`counted_form`] stands in for, or null.
    form: *const (),
    /// Times the stretch was left before this instruction was done.
    left: u64,
    /// Iterations beyond the first.
    repeated: u64,
    /// Times the frameless form gave up.
    complete: u64,
    /// Times the dispatcher was entered from here.
    dispatched: u64,
}

/// A straight run of instructions.
struct Run {
    rip: u64,
    /// RAM offset of its page; `None` where no memory is.
    page: Option<u64>,
    /// Offset of its first byte in the page.
    offset: u16,
    size: CodeSize,
    /// Its instructions, in `Profile::insns`.
    insns: core::ops::Range<usize>,
    /// Its bytes, in `Profile::bytes`.
    bytes: core::ops::Range<usize>,
}

/// How often every instruction was executed.
pub struct Profile {
    /// Times each run was entered.
    entered: Vec<u64>,
    /// The run being executed.
    current: u32,
    /// Where it was left early, until the dispatcher has seen that.
    left: Option<usize>,
    runs: Vec<Run>,
    insns: Vec<Insn>,
    bytes: Vec<u8>,
    /// Runs by where they begin.
    known: HashMap<(Option<u64>, u16, u8), Vec<u32>>,
    deliveries: u64,
    scratch: Vec<Op>,
}

/// A straight run of instructions, up to a branch or the end of its block, and what became of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Stretch<'a> {
    /// Instruction pointer under which it was built first.
    pub rip: u64,
    /// Code size in bits.
    pub bits: u32,
    /// Times it was entered.
    pub entered: u64,
    /// Its bytes.
    pub bytes: &'a [u8],
    /// Its instructions.
    pub insns: Vec<Executed>,
}

/// An instruction and what became of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Executed {
    /// iced-x86's `Code` number.
    pub code: u16,
    /// Times it retired.
    pub executed: u64,
    /// Iterations beyond one for each time, of a repeated string instruction; each counts as retired.
    pub repeated: u64,
    /// Times its frameless form gave up and the complete one ran.
    pub complete: u64,
    /// Times the dispatcher was entered from here.
    pub dispatched: u64,
}

impl Profile {
    /// Empty.
    pub(crate) fn new() -> Self {
        let others =
            Run { rip: 0, page: None, offset: 0, size: CodeSize::Bits64, insns: 0..0, bytes: 0..0 };
        Self {
            entered: vec![0],
            current: OTHERS,
            left: None,
            runs: vec![others],
            insns: Vec::new(),
            bytes: Vec::new(),
            known: HashMap::new(),
            deliveries: 0,
            scratch: Vec::new(),
        }
    }

    // ---- what is known at the end ----

    /// Every stretch that was entered.
    pub fn stretches(&self) -> impl Iterator<Item = Stretch<'_>> {
        let runs = self.runs.iter().zip(&self.entered).skip(1);
        runs.filter(|(_, entered)| **entered > 0).map(|(run, &entered)| {
            let mut rest = entered;
            let insn = |insn: &Insn| {
                rest -= insn.left;
                Executed {
                    code: insn.code,
                    executed: rest,
                    repeated: insn.repeated,
                    complete: insn.complete,
                    dispatched: insn.dispatched,
                }
            };
            Stretch {
                rip: run.rip,
                bits: run.size.bits(),
                entered,
                bytes: &self.bytes[run.bytes.clone()],
                insns: self.insns[run.insns.clone()].iter().map(insn).collect(),
            }
        })
    }

    /// Instructions counted: with the deliveries all that retired, unless there was too much code to keep
    /// it apart.
    pub fn executed(&self) -> u64 {
        let insns = self.stretches().flat_map(|stretch| stretch.insns);
        insns.map(|insn| insn.executed + insn.repeated).sum()
    }

    /// Deliveries of interrupts and exceptions, each of which counts as an instruction.
    pub fn deliveries(&self) -> u64 {
        self.deliveries
    }

    // ---- while blocks are built ----

    /// Puts counting ops into a block that was built from memory for `request` at `rip`.
    pub(crate) fn instrument(
        &mut self,
        memory: &Memory,
        request: &Request,
        built: &Built,
        rip: u64,
        ops: &mut Vec<Op>,
    ) {
        let mut bytes = [0xff; MAX_BLOCK * MAX_INSN];
        let bytes = code_bytes(memory, request, built, ops, &mut bytes);
        let block = core::mem::replace(ops, core::mem::take(&mut self.scratch));
        ops.clear();
        let mut rest = &block[..];
        while let Some(&first) = rest.first() {
            let len = rest.iter().position(may_leave).map_or(rest.len(), |place| place + 1);
            let (stretch, behind) = rest.split_at(len);
            let from = usize::from(first.offset - request.offset);
            let run = Run {
                rip: rip.wrapping_add(from as u64),
                page: request.page,
                offset: first.offset,
                size: request.size,
                insns: 0..0,
                bytes: 0..0,
            };
            let insns: Vec<Insn> = stretch.iter().filter(is_instruction).map(insn).collect();
            let number = self.number(run, &insns, bytes.get(from..).unwrap_or_default());
            if !insns.is_empty() || ops.is_empty() {
                let (imm, link) = (u64::from(number), core::ptr::null());
                ops.push(Op { handler: count, imm, link, len: 0, code: 0, ..first });
            }
            let at = ops.len();
            ops.extend_from_slice(stretch);
            for op in ops[at..].iter_mut().filter(|op| number != OTHERS && !op.link.is_null()) {
                op.link = counted_form as Handler as *const ();
            }
            rest = behind;
        }
        self.scratch = block;
    }

    /// The number of a run: an old one if it has been built before.
    fn number(&mut self, mut run: Run, insns: &[Insn], bytes: &[u8]) -> u32 {
        let len = insns.iter().map(|insn| usize::from(insn.len)).sum::<usize>().min(bytes.len());
        if insns.is_empty() || self.insns.len() + insns.len() > INSNS_MAX {
            return OTHERS;
        }
        let key = (run.page, run.offset, run.size as u8);
        let known = self.known.entry(key).or_default();
        let same = |number: &&u32| {
            let old = &self.runs[**number as usize];
            let forms =
                |all: &[Insn]| -> Vec<*const ()> { all.iter().map(|insn| insn.form).collect() };
            self.bytes[old.bytes.clone()] == bytes[..len]
                && forms(&self.insns[old.insns.clone()]) == forms(insns)
        };
        if let Some(&number) = known.iter().find(same) {
            return number;
        }
        let number = self.runs.len() as u32;
        known.push(number);
        run.insns = self.insns.len()..self.insns.len() + insns.len();
        run.bytes = self.bytes.len()..self.bytes.len() + len;
        self.insns.extend_from_slice(insns);
        self.bytes.extend_from_slice(&bytes[..len]);
        self.runs.push(run);
        self.entered.push(0);
        number
    }

    // ---- while the guest runs ----

    /// A run begins.
    #[inline(always)]
    fn enter(&mut self, number: u32) {
        self.current = number;
        if let Some(entered) = self.entered.get_mut(number as usize) {
            *entered += 1;
        }
    }

    /// The instruction of the current run at a page offset, as an index into `insns`.
    fn find(&self, offset: u16) -> Option<usize> {
        let run = &self.runs[self.current as usize];
        let mut at = run.offset;
        run.insns.clone().find(|&insn| {
            let found = at == offset;
            at += u16::from(self.insns[insn].len);
            found
        })
    }

    /// The current run is left at `op`, which was done or not.
    pub(crate) fn leave(&mut self, op: &Op, done: bool) {
        self.left = self.find(op.offset);
        let Some(at) = self.left else { return };
        let first_undone = at + usize::from(done);
        if first_undone < self.runs[self.current as usize].insns.end {
            self.insns[first_undone].left += 1;
        }
    }

    /// A repeated string instruction did so many iterations beyond the one that `leave` and the entries
    /// of its run account for.
    pub(crate) fn repeat(&mut self, op: &Op, iterations: u64) {
        if let Some(at) = self.find(op.offset) {
            self.insns[at].repeated += iterations;
        }
    }

    /// The next block was known after all.
    pub(crate) fn go_on(&mut self) {
        self.left = None;
    }

    /// The dispatcher looks for the next block.
    pub(crate) fn dispatch(&mut self) {
        let last = || self.runs[self.current as usize].insns.clone().last();
        if let Some(at) = self.left.take().or_else(last) {
            self.insns[at].dispatched += 1;
        }
    }

    /// Deliveries are instructions; those of INT n are taken back, as INT n counts already.
    pub(crate) fn deliver(&mut self, counts: bool) {
        self.deliveries = if counts { self.deliveries + 1 } else { self.deliveries - 1 };
    }
}

/// True for an op that stands for an instruction.
fn is_instruction(op: &&Op) -> bool {
    op.len != 0
}

/// True for a conditional branch: behind it the block goes on only if it is not taken.
fn may_leave(op: &Op) -> bool {
    let code = Code::try_from(usize::from(op.code)).unwrap_or(Code::INVALID);
    code.flow_control() == FlowControl::ConditionalBranch
}

fn insn(op: &Op) -> Insn {
    Insn {
        code: op.code,
        len: op.len,
        form: op.link,
        left: 0,
        repeated: 0,
        complete: 0,
        dispatched: 0,
    }
}

/// The bytes that a block was built from.
fn code_bytes<'a>(
    memory: &Memory,
    request: &Request,
    built: &Built,
    ops: &[Op],
    out: &'a mut [u8],
) -> &'a [u8] {
    let in_page = (PAGE_SIZE - u64::from(request.offset)) as usize;
    let len = ops.iter().map(|op| usize::from(op.len)).sum::<usize>().min(out.len());
    let out = &mut out[..len];
    let (first, second) = out.split_at_mut(len.min(in_page));
    if let Some(page) = request.page {
        memory.ram().read(page + u64::from(request.offset), first);
    }
    if let Some(page) = built.second.flatten() {
        memory.ram().read(page, second);
    }
    out
}

/// Counts an entry into the run whose number is the op's immediate.
unsafe fn count(cpu: *mut Cpu, op: *const Op, last: u64) -> *const Op {
    // SAFETY: as for `Handler`; the block builder never ends a block with this op.
    unsafe {
        if let Some(profile) = &mut (*cpu).profile {
            profile.enter((*op).imm as u32);
        }
        next(cpu, op, last)
    }
}

/// Stands in for the complete form of a frameless handler.
unsafe fn counted_form(cpu: *mut Cpu, op: *const Op, last: u64) -> *const Op {
    // SAFETY: as for `Handler`; what is found is the complete form that `select` was given for this op.
    unsafe {
        let form = transmute::<*const (), Handler>(complete_form(&mut *cpu, &*op));
        form(cpu, op, last)
    }
}

/// The form that [`counted_form`] replaced.
#[inline(never)]
fn complete_form(cpu: &mut Cpu, op: &Op) -> *const () {
    let Some(profile) = &mut cpu.profile else {
        unreachable!("a profiled block without a profile")
    };
    let Some(at) = profile.find(op.offset) else { unreachable!("the op is of the current run") };
    let insn = &mut profile.insns[at];
    insn.complete += 1;
    insn.form
}

#[cfg(test)]
mod tests;
