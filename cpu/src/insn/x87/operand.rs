//! Operands in memory: what FLD, FILD and FBLD load and what FADD m32fp and its kin compute with.

use super::numeric::Work;
use crate::cpu::{Cpu, Fault};
use crate::decode::op::Op;
use crate::float::{Class, Env, Exceptions, F32, F64, F80, from_bcd, ordinary, resize};

/// A loaded operand, widened without any judgement: a signalling NaN still signals.
pub(crate) struct Loaded {
    value: F80,
    /// It was denormal in its own format, which the wider one does not show.
    denormal: bool,
}

/// The quiet bit of an 80-bit NaN.
const QUIET: u64 = 1 << 62;

impl Loaded {
    const fn exact(value: F80) -> Self {
        Self { value, denormal: false }
    }

    /// As it is.
    pub(super) fn raw(self) -> F80 {
        self.value
    }

    /// As FLD pushes it: conversion raises DE, or IE and quiets.
    pub(super) fn converted(self, work: &mut Work) -> F80 {
        if self.denormal {
            work.env.raise(Exceptions::DE);
        }
        let mut value = self.value;
        let special = value.sign_exponent & 0x7fff == 0x7fff;
        if special && value.class() == Class::Nan && value.significand & QUIET == 0 {
            work.env.raise(Exceptions::IE);
            value.significand |= QUIET;
        }
        value
    }

    /// Computes with it and a register. DE of the operand counts where DE of a register would: not
    /// with a NaN, an invalid operation or a division by zero.
    pub(super) fn with<R>(
        &self,
        env: &mut Env,
        register: F80,
        operation: impl FnOnce(&mut Env, F80, F80) -> R,
    ) -> R {
        let result = operation(env, register, self.value);
        let refused = || matches!(register.class(), Class::Nan | Class::Unsupported);
        if self.denormal && !refused() && !env.raised().any(Exceptions::IE.or(Exceptions::ZE)) {
            env.raise(Exceptions::DE);
        }
        result
    }
}

/// A format in memory.
pub(crate) trait Source: Copy + 'static {
    /// Conversion on loading raises exceptions (IE, DE).
    const CONVERTS: bool = false;
    /// Loads the op's operand; may fault.
    fn load(cpu: &mut Cpu, op: &Op) -> Result<Loaded, Fault>;
}

/// Single precision.
#[derive(Clone, Copy)]
pub(crate) struct M32fp;
/// Double precision.
#[derive(Clone, Copy)]
pub(crate) struct M64fp;
/// Double extended precision.
#[derive(Clone, Copy)]
pub(crate) struct M80fp;
/// 16-bit integer.
#[derive(Clone, Copy)]
pub(crate) struct M16int;
/// 32-bit integer.
#[derive(Clone, Copy)]
pub(crate) struct M32int;
/// 64-bit integer.
#[derive(Clone, Copy)]
pub(crate) struct M64int;
/// 18 packed BCD digits and a sign.
#[derive(Clone, Copy)]
pub(crate) struct M80bcd;

/// A NaN with `fraction` left-aligned below the integer bit.
fn nan(sign: bool, fraction: u64) -> F80 {
    let sign_exponent = u16::from(sign) << 15 | 0x7fff;
    F80 { significand: 1 << 63 | fraction, sign_exponent }
}

impl Source for M32fp {
    const CONVERTS: bool = true;
    fn load(cpu: &mut Cpu, op: &Op) -> Result<Loaded, Fault> {
        let bits = cpu.load_mem::<u32>(op)?;
        let (exponent, fraction) = (bits >> 23 & 0xff, bits & 0x7f_ffff);
        if exponent == 0xff && fraction != 0 {
            return Ok(Loaded::exact(nan(bits >> 31 != 0, u64::from(fraction) << 40)));
        }
        let value = resize(&mut { Env::DEFAULT }, F32(bits));
        Ok(Loaded { value, denormal: exponent == 0 && fraction != 0 })
    }
}

impl Source for M64fp {
    const CONVERTS: bool = true;
    fn load(cpu: &mut Cpu, op: &Op) -> Result<Loaded, Fault> {
        let bits = cpu.load_mem::<u64>(op)?;
        if let Some(value) = ordinary::from_double(F64(bits)) {
            return Ok(Loaded::exact(value));
        }
        let (exponent, fraction) = (bits >> 52 & 0x7ff, bits & 0xf_ffff_ffff_ffff);
        if exponent == 0x7ff && fraction != 0 {
            return Ok(Loaded::exact(nan(bits >> 63 != 0, fraction << 11)));
        }
        let value = resize(&mut { Env::DEFAULT }, F64(bits));
        Ok(Loaded { value, denormal: exponent == 0 && fraction != 0 })
    }
}

/// An integer is always exact.
fn integer(value: i64) -> Loaded {
    Loaded::exact(ordinary::from_integer(value))
}

impl Source for M16int {
    fn load(cpu: &mut Cpu, op: &Op) -> Result<Loaded, Fault> {
        Ok(integer(i64::from(cpu.load_mem::<u16>(op)? as i16)))
    }
}

impl Source for M32int {
    fn load(cpu: &mut Cpu, op: &Op) -> Result<Loaded, Fault> {
        Ok(integer(i64::from(cpu.load_mem::<u32>(op)? as i32)))
    }
}

impl Source for M64int {
    fn load(cpu: &mut Cpu, op: &Op) -> Result<Loaded, Fault> {
        Ok(integer(cpu.load_mem::<u64>(op)? as i64))
    }
}

impl Source for M80fp {
    fn load(cpu: &mut Cpu, op: &Op) -> Result<Loaded, Fault> {
        Ok(Loaded::exact(F80::from_bytes(cpu.x87_load10(op)?)))
    }
}

impl Source for M80bcd {
    fn load(cpu: &mut Cpu, op: &Op) -> Result<Loaded, Fault> {
        Ok(Loaded::exact(from_bcd(cpu.x87_load10(op)?)))
    }
}
