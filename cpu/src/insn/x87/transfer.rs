//! FLD FILD FBLD, the constants, FST FSTP FIST FISTP FISTTP FBSTP, FXCH, FCMOVcc: SDM Vol. 2.

use super::numeric::Work;
use super::operand::{M16int, M32fp, M32int, M64fp, M64int, M80bcd, M80fp, Source};
use crate::cpu::{Cpu, Done};
use crate::decode::op::Op;
use crate::flags::Condition;
use crate::float::{
    self, Constant, Env, F32, F64, F80, Rounding, constant, ordinary, to_bcd, to_int,
};
use crate::mmu::Privilege;
use crate::mmu::walk::Intent;
use core::marker::PhantomData;

impl Cpu {
    /// Pushes what `value` makes, unless there is no room or IE is unmasked. An unmasked DE does
    /// not keep a value from being pushed.
    fn x87_push(&mut self, op: &Op, value: impl FnOnce(&Self, &mut Work) -> F80) {
        let mut work = self.x87.work();
        let value = if self.x87.is_empty(7) { value(self, &mut work) } else { work.overflow() };
        if !work.is_invalid() {
            self.x87.push(value);
        }
        self.x87_finish(op, &work);
    }
}

/// FLD, FILD, FBLD from memory.
pub(crate) fn fld<S: Source>(cpu: &mut Cpu, op: &Op) -> Done {
    cpu.x87_check()?;
    let loaded = S::load(cpu, op)?;
    cpu.x87_push(op, |_, work| if S::CONVERTS { loaded.converted(work) } else { loaded.raw() });
    Ok(())
}

/// FLD ST(i). An empty source counts before a lack of room.
pub(crate) fn fld_st(cpu: &mut Cpu, op: &Op) -> Done {
    cpu.x87_check()?;
    let mut work = cpu.x87.work();
    let value = match cpu.x87.operand(&mut work, op.dst) {
        None => work.underflow(),
        Some(_) if !cpu.x87.is_empty(7) => work.overflow(),
        Some(value) => value,
    };
    if !work.blocks() {
        cpu.x87.push(value);
    }
    cpu.x87_finish(op, &work);
    Ok(())
}

/// A constant of FLD1 and its kin.
pub(crate) trait Known: Copy + 'static {
    /// Which.
    const CONSTANT: Constant;
}

macro_rules! known {
    ($($name:ident)*) => {$(
        #[derive(Clone, Copy)]
        pub(crate) struct $name;
        impl Known for $name {
            const CONSTANT: Constant = Constant::$name;
        }
    )*};
}
known!(Zero One Pi Log2Of10 Log2OfE Log10Of2 LnOf2);

/// FLDZ FLD1 FLDPI FLDL2T FLDL2E FLDLG2 FLDLN2: rounded as RC says.
pub(crate) fn fld_constant<K: Known>(cpu: &mut Cpu, op: &Op) -> Done {
    cpu.x87_check()?;
    cpu.x87_push(op, |_, work| constant(K::CONSTANT, work.env.rounding));
    Ok(())
}

/// A format to store in.
pub(crate) trait Sink: Copy + 'static {
    /// The bits to store, in an array of which `BYTES` count.
    fn encode(env: &mut Env, value: F80) -> [u8; 10];
    /// Their number.
    const BYTES: u8;
}

/// The first ten bytes of sixteen.
fn low(bits: u64) -> [u8; 10] {
    let mut bytes = [0; 10];
    bytes[..8].copy_from_slice(&bits.to_le_bytes());
    bytes
}

impl Sink for M32fp {
    const BYTES: u8 = 4;
    fn encode(env: &mut Env, value: F80) -> [u8; 10] {
        low(u64::from(float::store::<F32>(env, value).0))
    }
}

impl Sink for M64fp {
    const BYTES: u8 = 8;
    fn encode(env: &mut Env, value: F80) -> [u8; 10] {
        let ordinary = ordinary::to_double(env, value);
        low(ordinary.unwrap_or_else(|| float::store::<F64>(env, value)).0)
    }
}

impl Sink for M80fp {
    const BYTES: u8 = 10;
    fn encode(_env: &mut Env, value: F80) -> [u8; 10] {
        value.to_bytes()
    }
}

impl Sink for M80bcd {
    const BYTES: u8 = 10;
    fn encode(env: &mut Env, value: F80) -> [u8; 10] {
        to_bcd(env, value)
    }
}

macro_rules! integer_sinks {
    ($($name:ident $bytes:literal)*) => {$(
        impl Sink for $name {
            const BYTES: u8 = $bytes;
            fn encode(env: &mut Env, value: F80) -> [u8; 10] {
                let rounding = env.rounding;
                low(to_int(env, value, 8 * $bytes, rounding) as u64)
            }
        }
    )*};
}
integer_sinks!(M16int 2 M32int 4 M64int 8);

/// An integer format, truncating whatever RC says: FISTTP.
#[derive(Clone, Copy)]
pub(crate) struct Truncated<S>(PhantomData<S>);

impl<S: Sink> Sink for Truncated<S> {
    const BYTES: u8 = S::BYTES;
    fn encode(env: &mut Env, value: F80) -> [u8; 10] {
        env.rounding = Rounding::Zero;
        S::encode(env, value)
    }
}

/// FST, FSTP, FIST, FISTP, FISTTP, FBSTP to memory. The store comes first: if it faults, nothing
/// has happened.
pub(crate) fn fst<S: Sink, const POPS: bool>(cpu: &mut Cpu, op: &Op) -> Done {
    cpu.x87_check()?;
    let mut work = cpu.x87.work();
    let value = match cpu.x87.operand(&mut work, 0) {
        Some(value) => value,
        None => work.underflow(),
    };
    let bytes = S::encode(&mut work.env, value);
    if work.blocks_store() {
        // A bad address counts before the exception.
        cpu.probe_sink::<S>(op)?;
    } else {
        let mut bits = [0; 8];
        bits.copy_from_slice(&bytes[..8]);
        let bits = u64::from_le_bytes(bits);
        match S::BYTES {
            2 => cpu.store_mem(op, bits as u16)?,
            4 => cpu.store_mem(op, bits as u32)?,
            8 => cpu.store_mem(op, bits)?,
            _ => cpu.x87_store10(op, &bytes)?,
        }
        if POPS {
            cpu.x87.pop();
        }
    }
    cpu.x87_finish(op, &work);
    Ok(())
}

impl Cpu {
    /// Faults if a sink's memory cannot be written, without touching it.
    #[cold]
    fn probe_sink<S: Sink>(&mut self, op: &Op) -> Done {
        if S::BYTES == 10 {
            return self.x87_operand10(op, Intent::Write).map(|_| ());
        }
        let linear = self.x87_operand(op, S::BYTES, true)?;
        self.check_alignment(linear, S::BYTES.into())?;
        self.probe(linear, S::BYTES.into(), Intent::Write, Privilege::Current)
    }
}

/// FST ST(i), FSTP ST(i).
pub(crate) fn fst_st<const POPS: bool>(cpu: &mut Cpu, op: &Op) -> Done {
    cpu.x87_check()?;
    let mut work = cpu.x87.work();
    let value = match cpu.x87.operand(&mut work, 0) {
        Some(value) => value,
        None => work.underflow(),
    };
    if !work.blocks() {
        cpu.x87.set_st(op.dst, value);
        if POPS {
            cpu.x87.pop();
        }
    }
    cpu.x87_finish(op, &work);
    Ok(())
}

/// FSTPNCE ST(i) (D9 D8+i), which no manual describes: as FSTP, but with ST(0) empty it only pops,
/// without a stack fault.
pub(crate) fn fstpnce(cpu: &mut Cpu, op: &Op) -> Done {
    if !cpu.x87.is_empty(0) {
        return fst_st::<true>(cpu, op);
    }
    cpu.x87_check()?;
    let work = cpu.x87.work();
    cpu.x87.pop();
    cpu.x87_finish(op, &work);
    Ok(())
}

/// FXCH ST(i).
pub(crate) fn fxch(cpu: &mut Cpu, op: &Op) -> Done {
    cpu.x87_check()?;
    let mut work = cpu.x87.work();
    let mut operand = |i| match cpu.x87.operand(&mut work, i) {
        Some(value) => value,
        None => work.underflow(),
    };
    let (a, b) = (operand(0), operand(op.src));
    if !work.blocks() {
        cpu.x87.set_st(0, b);
        cpu.x87.set_st(op.src, a);
    }
    cpu.x87_finish(op, &work);
    Ok(())
}

/// FCMOVcc ST(0), ST(i). An empty register faults whether or not the condition holds.
pub(crate) fn fcmov<C: Condition>(cpu: &mut Cpu, op: &Op) -> Done {
    cpu.x87_check()?;
    let mut work = cpu.x87.work();
    let moved = match cpu.x87.operands(&mut work, 0, op.src) {
        Some((_, value)) => C::holds(cpu.status).then_some(value),
        None => Some(work.underflow()),
    };
    if let (Some(value), false) = (moved, work.blocks()) {
        cpu.x87.set_st(0, value);
    }
    cpu.x87_finish_keeping_c1(op, &work);
    Ok(())
}
