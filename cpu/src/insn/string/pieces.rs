//! Many elements at once: where they lie in RAM, and what is done with them there.
//!
//! A piece may stand for elements only where it leaves exactly what they would leave one by one: plain RAM of one
//! page whose tag allows the access, no fault, no wrap, no watcher. Not here: which operation takes what pieces
//! ([`StringOp::piece`](super::StringOp::piece)).

use super::{checks_alignment, compare, tag};
use crate::cpu::Cpu;
use crate::decode::op::Op;
use crate::flags::Width;
use crate::mmu::Privilege;
use crate::mmu::walk::Intent;
use arch::paging::{PAGE_MASK, PAGE_SIZE};
use memory::Ram;

/// Bytes that go to or come from a port in one piece.
pub(super) const PORT_PIECE: usize = 512;

/// Elements that lie one behind the other in a page of RAM.
#[derive(Clone, Copy)]
pub(super) struct Run {
    /// RAM offset of the first.
    pub(super) offset: u64,
    /// How many; at least one.
    pub(super) elements: u64,
}

/// Bytes of an element.
pub(super) const fn bytes<W: Width>() -> u64 {
    W::BYTES as u64
}

/// The elements upward from where a pointer register is: as many as lie in its page, in the segment
/// and below the pointer's wrap, at most `most`. `None` where an access is not plain RAM, or faults.
#[inline]
pub(super) fn run<W: Width>(
    cpu: &mut Cpu,
    op: &Op,
    (segment, pointer): (usize, u8),
    intent: Intent,
    most: u64,
) -> Option<Run> {
    if checks_alignment(cpu) {
        return None;
    }
    let mask = op.address_mask();
    let offset = cpu.regs[pointer as usize] & mask;
    let write = intent == Intent::Write;
    let linear = cpu.linear_in(segment, offset, bytes::<W>(), write).ok()?;
    let room = (PAGE_SIZE - (linear & PAGE_MASK)).min((mask - offset).saturating_add(1));
    let elements = most.min(room / bytes::<W>());
    if elements == 0 {
        return None;
    }
    cpu.linear_in(segment, offset, elements * bytes::<W>(), write).ok()?;
    let host = match tag(cpu, linear, W::BYTES, intent) {
        Some(host) => host,
        None => {
            cpu.probe(linear, bytes::<W>(), intent, Privilege::Current).ok()?;
            tag(cpu, linear, W::BYTES, intent)?
        }
    };
    let base = cpu.memory().ram().host_base().as_ptr() as usize;
    Some(Run { offset: (host as usize - base) as u64, elements })
}

/// Bytes that [`compare_until`] looks through at once.
const SPAN: usize = 32;

/// So many bytes of memory.
#[inline(always)]
pub(super) fn span(ram: &Ram, offset: u64) -> [u8; SPAN] {
    let mut bytes = [0; SPAN];
    ram.read(offset, &mut bytes);
    bytes
}

/// A span full of one element.
#[inline(always)]
pub(super) fn repeat<W: Width>(element: W) -> [u8; SPAN] {
    let bytes = element.to_u64().to_le_bytes();
    core::array::from_fn(|at| bytes[at % W::BYTES as usize])
}

/// True if two spans have an element that is equal (`equal`) or different (not `equal`). Without a way
/// out in between: the compiler makes a few vector instructions of it.
#[inline(always)]
fn have<W: Width>([first, second]: &[[u8; SPAN]; 2], equal: bool) -> bool {
    let elements = |bytes: &[u8; SPAN], at: usize| {
        let mut element = [0; 8];
        element[..W::BYTES as usize].copy_from_slice(&bytes[at..at + W::BYTES as usize]);
        u64::from_le_bytes(element)
    };
    (0..SPAN)
        .step_by(W::BYTES as usize)
        .fold(false, |found, at| found | ((elements(first, at) == elements(second, at)) == equal))
}

/// Compares pairs of elements until one is equal (`equal`) or different (not `equal`), or `elements`
/// are compared; returns how many were. `spans` and `pair` get the distance in bytes from the first.
#[inline(always)]
pub(super) fn compare_until<W: Width>(
    cpu: &mut Cpu,
    equal: bool,
    elements: u64,
    spans: impl Fn(&Ram, u64) -> [[u8; SPAN]; 2],
    pair: impl Fn(&Ram, u64) -> (W, W),
) -> u64 {
    let ram = cpu.memory().ram();
    let at_once = SPAN as u64 / bytes::<W>();
    let mut done = 0;
    while elements - done > at_once && !have::<W>(&spans(ram, done * bytes::<W>()), equal) {
        done += at_once;
    }
    loop {
        let (first, second) = pair(ram, done * bytes::<W>());
        done += 1;
        if done == elements || (first.to_u64() == second.to_u64()) == equal {
            compare(cpu, first, second);
            return done;
        }
    }
}

/// An element.
#[inline(always)]
pub(super) fn read<W: Width>(ram: &Ram, offset: u64) -> W {
    W::from_u64(match W::BITS {
        8 => u64::from(ram.read_u8(offset)),
        16 => u64::from(ram.read_u16(offset)),
        32 => u64::from(ram.read_u32(offset)),
        _ => ram.read_u64(offset),
    })
}

/// Copies as ascending elements would, where no element overlaps its own copy: a destination that
/// starts within the source repeats what lies before it.
pub(super) fn copy_forward(ram: &Ram, from: u64, to: u64, len: u64) {
    let ahead = to.wrapping_sub(from);
    if ahead == 0 || ahead >= len {
        ram.copy(from, to, len);
        return;
    }
    let mut done = 0;
    while done < len {
        // What has been copied repeats with period `ahead`, so each turn may copy it all again.
        let part = (ahead + done).min(len - done);
        ram.copy(from, to + done, part);
        done += part;
    }
}
