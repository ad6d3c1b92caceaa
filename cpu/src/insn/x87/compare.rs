//! FCOM FCOMP FCOMPP FUCOM FUCOMP FUCOMPP FICOM FICOMP FCOMI FCOMIP FUCOMI FUCOMIP FTST FXAM: SDM
//! Vol. 2.

use super::operand::Source;
use super::state::{C0, C1, C2, C3};
use crate::cpu::{Cpu, Done};
use crate::decode::op::Op;
use crate::flags::Status;
use crate::float::{self, Class, Env, F80, Float, Order};
use arch::rflags;

/// How quiet NaNs are taken.
pub(crate) trait Comparison: Copy + 'static {
    /// Compares, raising IE for NaNs by its rule.
    fn eval(env: &mut Env, a: F80, b: F80) -> Order;
}

/// FCOM: every NaN is invalid.
#[derive(Clone, Copy)]
pub(crate) struct Ordered;
impl Comparison for Ordered {
    fn eval(env: &mut Env, a: F80, b: F80) -> Order {
        float::compare(env, a, b)
    }
}

/// FUCOM: only signalling NaNs are invalid.
#[derive(Clone, Copy)]
pub(crate) struct Unordered;
impl Comparison for Unordered {
    fn eval(env: &mut Env, a: F80, b: F80) -> Order {
        float::compare_quiet(env, a, b)
    }
}

impl Cpu {
    /// Sets C3, C2 and C0, also when an unmasked exception keeps the instruction from popping.
    fn x87_set_order(&mut self, order: Order) {
        let codes = match order {
            Order::Greater => 0,
            Order::Less => C0,
            Order::Equal => C3,
            Order::Unordered => C0 | C2 | C3,
        };
        self.x87.set_conditions(C0 | C2 | C3, codes);
    }

    fn x87_pop(&mut self, times: u8) {
        for _ in 0..times {
            self.x87.pop();
        }
    }
}

/// FCOM, FCOMP, FUCOM, FUCOMP with ST(i).
pub(crate) fn fcom<C: Comparison, const POPS: u8>(cpu: &mut Cpu, op: &Op) -> Done {
    fcom_with::<C, POPS>(cpu, op, op.src)
}

/// FCOMPP, FUCOMPP: with ST(1), and both are popped.
pub(crate) fn fcompp<C: Comparison>(cpu: &mut Cpu, op: &Op) -> Done {
    fcom_with::<C, 2>(cpu, op, 1)
}

fn fcom_with<C: Comparison, const POPS: u8>(cpu: &mut Cpu, op: &Op, i: u8) -> Done {
    cpu.x87_check()?;
    let mut work = cpu.x87.work();
    let order = match cpu.x87.operands(&mut work, 0, i) {
        Some((a, b)) => C::eval(&mut work.env, a, b),
        None => Order::Unordered,
    };
    cpu.x87_set_order(order);
    if !work.blocks() {
        cpu.x87_pop(POPS);
    }
    cpu.x87_finish(op, &work);
    Ok(())
}

/// FCOM, FCOMP, FICOM, FICOMP with memory.
pub(crate) fn fcom_mem<S: Source, const POPS: u8>(cpu: &mut Cpu, op: &Op) -> Done {
    cpu.x87_check()?;
    let loaded = S::load(cpu, op)?;
    let mut work = cpu.x87.work();
    let order = match cpu.x87.operand(&mut work, 0) {
        Some(a) => loaded.with(&mut work.env, a, float::compare),
        None => Order::Unordered,
    };
    cpu.x87_set_order(order);
    if !work.blocks() {
        cpu.x87_pop(POPS);
    }
    cpu.x87_finish(op, &work);
    Ok(())
}

/// FTST: ST(0) with +0.
pub(crate) fn ftst(cpu: &mut Cpu, op: &Op) -> Done {
    cpu.x87_check()?;
    let mut work = cpu.x87.work();
    let order = match cpu.x87.operand(&mut work, 0) {
        Some(a) => float::compare(&mut work.env, a, F80::zero(false)),
        None => Order::Unordered,
    };
    cpu.x87_set_order(order);
    cpu.x87_finish(op, &work);
    Ok(())
}

/// FCOMI, FCOMIP, FUCOMI, FUCOMIP: ZF, PF and CF; OF, SF and AF are cleared.
pub(crate) fn fcomi<C: Comparison, const POPS: u8>(cpu: &mut Cpu, op: &Op) -> Done {
    cpu.x87_check()?;
    let mut work = cpu.x87.work();
    let order = match cpu.x87.operands(&mut work, 0, op.src) {
        Some((a, b)) => C::eval(&mut work.env, a, b),
        None => Order::Unordered,
    };
    cpu.status = Status::from_rflags(match order {
        Order::Greater => 0,
        Order::Less => rflags::CF,
        Order::Equal => rflags::ZF,
        Order::Unordered => rflags::ZF | rflags::PF | rflags::CF,
    });
    if !work.blocks() {
        cpu.x87_pop(POPS);
    }
    cpu.x87_finish_keeping_c1(op, &work);
    Ok(())
}

/// FXAM: C3, C2, C0 name the class, C1 is the sign, also of an empty register.
pub(crate) fn fxam(cpu: &mut Cpu, op: &Op) -> Done {
    cpu.x87_check()?;
    let value = cpu.x87.st(0);
    let class = if cpu.x87.is_empty(0) {
        C3 | C0
    } else {
        match value.class() {
            Class::Unsupported => 0,
            Class::Nan => C0,
            Class::Normal => C2,
            Class::Infinity => C2 | C0,
            Class::Zero => C3,
            Class::Denormal => C3 | C2,
        }
    };
    let sign = if value.sign() { C1 } else { 0 };
    cpu.x87.set_conditions(C0 | C1 | C2 | C3, class | sign);
    cpu.x87_note(op);
    Ok(())
}
