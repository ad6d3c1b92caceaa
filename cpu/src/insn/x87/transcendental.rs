//! FSIN FCOS FSINCOS FPTAN FPATAN F2XM1 FYL2X FYL2XP1: SDM Vol. 2.
//!
//! Results are correctly rounded; processors may differ in the last place, also from each other.

use super::arithmetic::{Operation, operations};
use super::state::C2;
use crate::cpu::{Cpu, Done, Fault};
use crate::decode::op::Op;
use crate::float::{self, Env, F80};

operations! {
    /// F2XM1.
    F2xm1 = |env, a, _b| float::exp2_minus_1(env, a);
    /// FYL2X: ST(1) and ST(0).
    Fyl2x = |env, y, x| float::y_log2_x(env, y, x);
    /// FYL2XP1: ST(1) and ST(0).
    Fyl2xp1 = |env, y, x| float::y_log2_x_plus_1(env, y, x);
    /// FPATAN: ST(1) and ST(0).
    Fpatan = |env, y, x| float::atan2(env, y, x);
}

/// A function of an angle; `None` outside of its range.
pub(crate) trait Angle: Copy + 'static {
    /// Of ST(0).
    fn eval(env: &mut Env, a: F80) -> Option<F80>;
}

/// FSIN.
#[derive(Clone, Copy)]
pub(crate) struct Sine;
impl Angle for Sine {
    fn eval(env: &mut Env, a: F80) -> Option<F80> {
        float::sin(env, a)
    }
}

/// FCOS.
#[derive(Clone, Copy)]
pub(crate) struct Cosine;
impl Angle for Cosine {
    fn eval(env: &mut Env, a: F80) -> Option<F80> {
        float::cos(env, a)
    }
}

/// FSIN, FCOS: out of range sets C2 and changes nothing else.
pub(crate) fn angle<A: Angle>(cpu: &mut Cpu, op: &Op) -> Done {
    cpu.x87_check()?;
    let mut work = cpu.x87.work();
    let result = match cpu.x87.operand(&mut work, 0) {
        Some(a) => A::eval(&mut work.env, a),
        None => Some(work.underflow()),
    };
    if let (Some(value), false) = (result, work.blocks()) {
        cpu.x87.set_st(0, value);
    }
    cpu.x87.set_conditions(C2, if result.is_none() { C2 } else { 0 });
    cpu.x87_finish(op, &work);
    Ok(())
}

/// FSINCOS: ST(0) becomes the sine, then the cosine is pushed.
pub(crate) fn fsincos(cpu: &mut Cpu, op: &Op) -> Done {
    split_angle(cpu, op, float::sin_cos)
}

/// FPTAN: ST(0) becomes the tangent, then 1 is pushed.
pub(crate) fn fptan(cpu: &mut Cpu, op: &Op) -> Done {
    split_angle(cpu, op, float::tan)
}

type TwoResults = Option<(F80, F80)>;

fn split_angle(cpu: &mut Cpu, op: &Op, eval: fn(&mut Env, F80) -> TwoResults) -> Done {
    let results = split(cpu, op, eval)?;
    cpu.x87.set_conditions(C2, if results.is_none() { C2 } else { 0 });
    Ok(())
}

/// Replaces ST(0) and pushes a second result.
pub(super) fn split(
    cpu: &mut Cpu,
    op: &Op,
    eval: impl FnOnce(&mut Env, F80) -> TwoResults,
) -> Result<TwoResults, Fault> {
    cpu.x87_check()?;
    let mut work = cpu.x87.work();
    let results = match cpu.x87.operand(&mut work, 0) {
        None => Some(twice(work.underflow())),
        Some(_) if !cpu.x87.is_empty(7) => Some(twice(work.overflow())),
        Some(a) => eval(&mut work.env, a),
    };
    if let (Some((replacing, pushed)), false) = (results, work.blocks()) {
        cpu.x87.set_st(0, replacing);
        cpu.x87.push(pushed);
    }
    cpu.x87_finish(op, &work);
    Ok(results)
}

fn twice(value: F80) -> (F80, F80) {
    (value, value)
}
