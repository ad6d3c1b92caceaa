//! FADD FSUB FSUBR FMUL FDIV FDIVR with their integer and popping forms, and the functions of one
//! or two registers that replace an operand: FABS FCHS FSQRT FRNDINT FSCALE FPREM FPREM1 FXTRACT.
//! SDM Vol. 2.

use super::operand::Source;
use super::state::{C0, C1, C2, C3};
use crate::cpu::{Cpu, Done};
use crate::decode::op::Op;
use crate::float::{self, Class, Env, F80, Remainder};

/// An operation of two operands; a function of one takes the first.
pub(crate) trait Operation: Copy + 'static {
    /// `dst op src`.
    fn eval(env: &mut Env, dst: F80, src: F80) -> F80;
}

macro_rules! operations {
    ($($(#[$doc:meta])* $name:ident = |$env:ident, $dst:ident, $src:ident| $value:expr;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy)]
        pub(crate) struct $name;
        impl Operation for $name {
            fn eval($env: &mut Env, $dst: F80, $src: F80) -> F80 {
                $value
            }
        }
    )*};
}
pub(super) use operations;

operations! {
    /// FADD.
    Fadd = |env, a, b| float::add(env, a, b);
    /// FMUL.
    Fmul = |env, a, b| float::mul(env, a, b);
    /// FSUB.
    Fsub = |env, a, b| float::sub(env, a, b);
    /// FSUBR.
    Fsubr = |env, a, b| float::sub(env, b, a);
    /// FDIV.
    Fdiv = |env, a, b| float::div(env, a, b);
    /// FDIVR.
    Fdivr = |env, a, b| float::div(env, b, a);
    /// FABS: any contents, no exception but the stack fault.
    Fabs = |_env, a, _b| a.abs();
    /// FCHS.
    Fchs = |_env, a, _b| a.negate();
    /// FSQRT.
    Fsqrt = |env, a, _b| float::sqrt(env, a);
    /// FRNDINT.
    Frndint = |env, a, _b| float::frndint(env, a);
    /// FSCALE.
    Fscale = |env, a, b| float::scale(env, a, b);
}

/// `op ST, ST(i)`, `op ST(i), ST`, and popping. The indefinite goes to the destination if either is
/// empty.
pub(crate) fn arith<O: Operation, const POPS: bool>(cpu: &mut Cpu, op: &Op) -> Done {
    replace::<O, POPS>(cpu, op, op.dst, op.src)
}

/// A function of ST(0) and ST(1) that replaces ST(0).
pub(crate) fn binary<O: Operation>(cpu: &mut Cpu, op: &Op) -> Done {
    replace::<O, false>(cpu, op, 0, 1)
}

/// A function of ST(0).
pub(crate) fn unary<O: Operation>(cpu: &mut Cpu, op: &Op) -> Done {
    replace::<O, false>(cpu, op, 0, 0)
}

/// A function of ST(1) and ST(0) that replaces ST(1) and pops.
pub(crate) fn binary_pop<O: Operation>(cpu: &mut Cpu, op: &Op) -> Done {
    replace::<O, true>(cpu, op, 1, 0)
}

fn replace<O: Operation, const POPS: bool>(cpu: &mut Cpu, op: &Op, dst: u8, src: u8) -> Done {
    cpu.x87_check()?;
    let mut work = cpu.x87.work();
    let result = match cpu.x87.operands(&mut work, dst, src) {
        Some((a, b)) => O::eval(&mut work.env, a, b),
        None => work.underflow(),
    };
    if !work.blocks() {
        cpu.x87.set_st(dst, result);
        if POPS {
            cpu.x87.pop();
        }
    }
    cpu.x87_finish(op, &work);
    Ok(())
}

/// `op ST, memory`.
pub(crate) fn arith_mem<O: Operation, S: Source>(cpu: &mut Cpu, op: &Op) -> Done {
    cpu.x87_check()?;
    let loaded = S::load(cpu, op)?;
    let mut work = cpu.x87.work();
    let result = match cpu.x87.operand(&mut work, 0) {
        Some(a) => loaded.with(&mut work.env, a, O::eval),
        None => work.underflow(),
    };
    if !work.blocks() {
        cpu.x87.set_st(0, result);
    }
    cpu.x87_finish(op, &work);
    Ok(())
}

/// FXTRACT: ST(0) becomes the exponent, then the significand is pushed.
pub(crate) fn fxtract(cpu: &mut Cpu, op: &Op) -> Done {
    super::transcendental::split(cpu, op, |env, a| Some(float::extract(env, a)))?;
    Ok(())
}

/// FPREM or FPREM1.
pub(crate) trait Partial: Copy + 'static {
    /// ST(0) by ST(1).
    fn eval(env: &mut Env, a: F80, b: F80) -> Remainder;
}

/// FPREM.
#[derive(Clone, Copy)]
pub(crate) struct Truncating;
impl Partial for Truncating {
    fn eval(env: &mut Env, a: F80, b: F80) -> Remainder {
        float::rem_truncated(env, a, b)
    }
}

/// FPREM1.
#[derive(Clone, Copy)]
pub(crate) struct Nearest;
impl Partial for Nearest {
    fn eval(env: &mut Env, a: F80, b: F80) -> Remainder {
        float::rem_nearest(env, a, b)
    }
}

/// FPREM, FPREM1: C2 tells that the reduction is not complete; C0, C3, C1 are the low bits of the
/// quotient. Without a quotient (a NaN, an invalid operation, an unmasked exception) C0 and C3 stay.
pub(crate) fn fprem<P: Partial>(cpu: &mut Cpu, op: &Op) -> Done {
    cpu.x87_check()?;
    let mut work = cpu.x87.work();
    let remainder = match cpu.x87.operands(&mut work, 0, 1) {
        Some((a, b)) => P::eval(&mut work.env, a, b),
        None => Remainder { value: work.underflow(), quotient: 0, complete: true },
    };
    cpu.x87_finish(op, &work);
    cpu.x87.set_conditions(C2, 0);
    if work.blocks() {
        return Ok(());
    }
    cpu.x87.set_st(0, remainder.value);
    if remainder.value.class() == Class::Nan {
        return Ok(());
    }
    let bit = |n: u8, code: u16| if remainder.quotient >> n & 1 != 0 { code } else { 0 };
    let incomplete = if remainder.complete { 0 } else { C2 };
    let codes = bit(2, C0) | bit(1, C3) | bit(0, C1) | incomplete;
    cpu.x87.set_conditions(C0 | C1 | C2 | C3, codes);
    Ok(())
}
