//! FNSTENV FLDENV FNSAVE FRSTOR: SDM Vol. 2, and Vol. 1, "x87 FPU Environment and State in Memory".
//!
//! Four layouts: 16-bit or 32-bit by operand size (14 or 28 bytes), protected or real by mode.
//! In real mode the pointers are linear addresses with no segments, and the opcode shares a word
//! with their upper bits.

use super::X87State;
use crate::cpu::{Cpu, Done};
use crate::decode::op::Op;
use crate::float::F80;
use crate::mmu::Privilege;
use crate::mmu::walk::Intent;

/// Bytes of the eight registers in the image of FNSAVE.
const REGISTERS: usize = 80;
/// Bytes of the longest environment.
const LONGEST: usize = 28;
/// All exceptions masked, in the control word.
const ALL_MASKED: u16 = 0x3f;
/// Bits of FOP.
const OPCODE: u16 = 0x7ff;

/// Size of an environment: by operand size.
pub(crate) trait EnvironmentSize: Copy + 'static {
    /// Bytes of a field; there are seven.
    const FIELD: usize;
    /// Bytes of the environment.
    const BYTES: usize = Self::FIELD * 7;
}

/// 16-bit operand size: 14 bytes.
#[derive(Clone, Copy)]
pub(crate) struct Env14;
impl EnvironmentSize for Env14 {
    const FIELD: usize = 2;
}

/// 32-bit operand size: 28 bytes.
#[derive(Clone, Copy)]
pub(crate) struct Env28;
impl EnvironmentSize for Env28 {
    const FIELD: usize = 4;
}

impl Cpu {
    /// The real-address layouts are used; also in virtual-8086 mode.
    fn x87_real_layout(&self) -> bool {
        !self.protected_mode() || self.v8086()
    }
}

/// Linear address in real mode of a pointer, which may already be one (with segment 0).
fn real_linear(segment: u16, offset: u64) -> u32 {
    (u32::from(segment) << 4).wrapping_add(offset as u32)
}

/// The seven fields, as 32-bit ones: the 16-bit layouts are their lower halves but for real mode.
fn fields<S: EnvironmentSize>(x87: &X87State, real: bool) -> [u32; 7] {
    /// The reserved upper halves read as ones.
    const ONES: u32 = 0xffff_0000;
    let mut out = [
        ONES | u32::from(x87.control),
        ONES | u32::from(x87.status_word()),
        ONES | u32::from(x87.tag_word()),
        0,
        0,
        0,
        0,
    ];
    let opcode = u32::from(x87.opcode);
    if !real {
        out[3] = x87.ip as u32;
        out[4] = u32::from(x87.cs) | opcode << 16;
        out[5] = x87.dp as u32;
        out[6] = ONES | u32::from(x87.ds);
        return out;
    }
    let (ip, dp) = (real_linear(x87.cs, x87.ip), real_linear(x87.ds, x87.dp));
    out[3] = ONES | ip;
    out[5] = ONES | dp;
    if S::FIELD == 2 {
        out[4] = ip >> 4 & 0xf000 | opcode;
        out[6] = dp >> 4 & 0xf000;
    } else {
        out[3] = ONES | ip & 0xffff;
        out[4] = ip >> 4 & 0x0fff_f000 | opcode;
        out[5] = ONES | dp & 0xffff;
        out[6] = dp >> 4 & 0x0fff_f000;
    }
    out
}

/// Writes the environment to the front of an image.
fn put_environment<S: EnvironmentSize>(x87: &X87State, real: bool, image: &mut [u8]) {
    for (chunk, field) in image.chunks_exact_mut(S::FIELD).zip(fields::<S>(x87, real)) {
        chunk.copy_from_slice(&field.to_le_bytes()[..S::FIELD]);
    }
}

/// Takes over what was `read` of an image of `len` bytes: in front of a fault (seen on Zen 5) status and tag word and
/// each register that were read, and the pointers if all of the environment was. The control word comes last.
fn take<S: EnvironmentSize>(x87: &mut X87State, real: bool, read: &[u8], len: usize) {
    let mut fields = [0u32; 7];
    for (field, chunk) in fields.iter_mut().zip(read.chunks_exact(S::FIELD)) {
        let mut bytes = [0; 4];
        bytes[..S::FIELD].copy_from_slice(chunk);
        *field = u32::from_le_bytes(bytes);
    }
    let has = |fields: usize| read.len() >= fields * S::FIELD;
    if has(2) {
        x87.set_status_word(fields[1] as u16);
    }
    if has(3) {
        x87.set_tag_word(fields[2] as u16);
    }
    if has(7) {
        take_pointers::<S>(x87, real, &fields);
    }
    let registers = read.get(S::BYTES..).unwrap_or_default();
    for (i, bytes) in (0..8).zip(registers.chunks_exact(10)) {
        let mut value = [0; 10];
        value.copy_from_slice(bytes);
        x87.set_contents(i, F80::from_bytes(value));
    }
    if read.len() == len {
        x87.set_control_word(fields[0] as u16);
    }
}

/// Takes the pointers and the opcode from the fields of an environment.
fn take_pointers<S: EnvironmentSize>(x87: &mut X87State, real: bool, fields: &[u32; 7]) {
    let narrow = S::FIELD == 2;
    if !real {
        (x87.ip, x87.cs) = (u64::from(fields[3]), fields[4] as u16);
        (x87.dp, x87.ds) = (u64::from(fields[5]), fields[6] as u16);
        // The 16-bit protected layout has no opcode: it reads as 0 afterwards.
        x87.opcode = (fields[4] >> 16) as u16 & OPCODE;
        return;
    }
    let upper = if narrow { 0xf000 } else { 0x0fff_f000 };
    let linear = |low: u32, high: u32| u64::from(low & 0xffff | (high & upper) << 4);
    (x87.ip, x87.cs) = (linear(fields[3], fields[4]), 0);
    (x87.dp, x87.ds) = (linear(fields[5], fields[6]), 0);
    x87.opcode = fields[4] as u16 & OPCODE;
}

impl Cpu {
    /// Tries an image of fields of size `S`: its first field, then its last byte, which shows in CR2 where they lie in
    /// different pages (seen on Zen 5).
    fn try_image<S: EnvironmentSize>(&mut self, op: &Op, len: usize, intent: Intent) -> Done {
        let write = intent == Intent::Write;
        let first = self.x87_operand(op, S::FIELD as u8, write)?;
        self.check_alignment(first, S::FIELD as u64)?;
        self.probe(first, S::FIELD as u64, intent, Privilege::Current)?;
        let last = self.x87_operand_behind(op, len as u64 - 1, 1, write)?;
        self.probe(last, 1, intent, Privilege::Current)
    }

    /// Reads the parts of an image one after the other, and tells how many bytes. Their offsets wrap around each for
    /// itself, so that one behind a wrap can fault.
    fn read_image<S: EnvironmentSize>(&mut self, op: &Op, image: &mut [u8]) -> (usize, Done) {
        let tried = self.try_image::<S>(op, image.len(), Intent::Read);
        if tried.is_err() {
            return (0, tried);
        }
        for (at, len) in parts::<S>(image.len()) {
            let linear = self.x87_operand_behind(op, at as u64, len as u8, false);
            let part = &mut image[at..at + len];
            let read = linear.and_then(|at| self.read_linear(at, part, Privilege::Current));
            if read.is_err() {
                return (at, read);
            }
        }
        (image.len(), Ok(()))
    }

    /// Writes them likewise. One that faults behind a wrap leaves those before it in memory (seen on Zen 5).
    fn write_image<S: EnvironmentSize>(&mut self, op: &Op, image: &[u8]) -> Done {
        self.try_image::<S>(op, image.len(), Intent::Write)?;
        for (at, len) in parts::<S>(image.len()) {
            let linear = self.x87_operand_behind(op, at as u64, len as u8, true)?;
            self.write_linear(linear, &image[at..at + len], Privilege::Current)?;
        }
        Ok(())
    }
}

/// Place and length of every access to an image of `len` bytes: the fields of the environment, then of every register
/// its significand and the rest.
fn parts<S: EnvironmentSize>(len: usize) -> impl Iterator<Item = (usize, usize)> {
    let fields = (0..S::BYTES).step_by(S::FIELD).map(|at| (at, S::FIELD));
    let registers = (S::BYTES..len).step_by(10).flat_map(|at| [(at, 8), (at + 8, 2)]);
    fields.chain(registers)
}

/// FNSTENV: stores, then masks all exceptions.
pub(crate) fn fnstenv<S: EnvironmentSize>(cpu: &mut Cpu, op: &Op) -> Done {
    cpu.x87_check_available()?;
    let mut image = [0; LONGEST];
    let image = &mut image[..S::BYTES];
    put_environment::<S>(&cpu.x87, cpu.x87_real_layout(), image);
    cpu.write_image::<S>(op, image)?;
    cpu.x87.control |= ALL_MASKED;
    cpu.settle_ferr();
    Ok(())
}

/// Loads an image, of an environment or with the registers.
fn load<S: EnvironmentSize>(cpu: &mut Cpu, op: &Op, image: &mut [u8]) -> Done {
    cpu.x87_check()?;
    let (read, end) = cpu.read_image::<S>(op, image);
    let real = cpu.x87_real_layout();
    take::<S>(&mut cpu.x87, real, &image[..read], image.len());
    cpu.settle_ferr();
    end
}

/// FLDENV.
pub(crate) fn fldenv<S: EnvironmentSize>(cpu: &mut Cpu, op: &Op) -> Done {
    load::<S>(cpu, op, &mut [0; LONGEST][..S::BYTES])
}

/// FNSAVE: the environment and ST(0)-ST(7); then as FNINIT.
pub(crate) fn fnsave<S: EnvironmentSize>(cpu: &mut Cpu, op: &Op) -> Done {
    cpu.x87_check_available()?;
    let mut image = [0; LONGEST + REGISTERS];
    let image = &mut image[..S::BYTES + REGISTERS];
    put_environment::<S>(&cpu.x87, cpu.x87_real_layout(), &mut image[..S::BYTES]);
    for (i, bytes) in (0..8).zip(image[S::BYTES..].chunks_exact_mut(10)) {
        bytes.copy_from_slice(&cpu.x87.st(i).to_bytes());
    }
    cpu.write_image::<S>(op, image)?;
    cpu.x87.init();
    cpu.settle_ferr();
    Ok(())
}

/// FRSTOR.
pub(crate) fn frstor<S: EnvironmentSize>(cpu: &mut Cpu, op: &Op) -> Done {
    load::<S>(cpu, op, &mut [0; LONGEST + REGISTERS][..S::BYTES + REGISTERS])
}
