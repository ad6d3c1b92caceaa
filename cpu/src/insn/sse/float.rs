//! SSE, SSE2 and SSE3 arithmetic and comparison on floating-point values: SDM Vol. 2, and Vol. 1,
//! "SSE and SSE2 SIMD Floating-Point Exceptions". The values come from `crate::float`.
//!
//! A packed operation computes all lanes under one [`Env`]; if it raised an unmasked exception, MXCSR
//! gets the flags, the destination keeps its value, and #XM (or #UD, without CR4.OSXMMEXCPT) follows. The VEX
//! instructions of `insn/avx/float.rs` are made of the same operations.

use crate::cpu::{Cpu, Done, ud};
use crate::decode::op::Op;
use crate::flags::{Status, Width};
use crate::float::host::{self, Inexact, Native, Operation};
use crate::float::{self, Env, F32, F64, Float, Order, Predicate};
use arch::control::cr4;
use arch::exception::{Exception, Vector};
use arch::rflags;
use core::marker::PhantomData;

/// A floating-point format as the lane of an XMM register.
pub(crate) trait Lane: Float + 'static {
    /// Integer of the same width.
    type Bits: Width;
    /// The host's type of the same format.
    type Host: host::Native;
    /// Lanes of a register.
    const LANES: u32 = 128 / Self::Bits::BITS;
    fn from_lane(bits: Self::Bits) -> Self;
    fn to_lane(self) -> Self::Bits;
}

impl Lane for F32 {
    type Bits = u32;
    type Host = f32;
    fn from_lane(bits: u32) -> Self {
        Self(bits)
    }
    fn to_lane(self) -> u32 {
        self.0
    }
}

impl Lane for F64 {
    type Bits = u64;
    type Host = f64;
    fn from_lane(bits: u64) -> Self {
        Self(bits)
    }
    fn to_lane(self) -> u64 {
        self.0
    }
}

/// Lane `i`.
#[inline(always)]
pub(crate) fn lane<F: Lane>(value: u128, i: u32) -> F {
    F::from_lane(F::Bits::from_u64((value >> (i * F::Bits::BITS)) as u64))
}

/// A register with its lowest element replaced.
#[inline(always)]
pub(crate) fn merged<W: Width>(register: u128, low: W) -> u128 {
    register & !u128::from(W::MASK) | u128::from(low.to_u64())
}

/// A register of lanes, lane `i` being `make(i)`.
#[inline(always)]
fn bits<W: Width>(count: u32, mut make: impl FnMut(u32) -> W) -> u128 {
    (0..count).fold(0, |value, i| value | u128::from(make(i).to_u64()) << (i * W::BITS))
}

/// The first `count` lanes, lane `i` being `make(i)`; the rest is zero.
#[inline(always)]
pub(crate) fn lanes<F: Lane>(count: u32, mut make: impl FnMut(u32) -> F) -> u128 {
    bits(count, |i| make(i).to_lane())
}

impl Cpu {
    /// The rules in MXCSR.
    #[inline(always)]
    pub(crate) fn sse_env(&self) -> Env {
        Env::from_mxcsr(self.sse.mxcsr)
    }

    /// The same, with what they say of the host's results.
    #[inline(always)]
    pub(crate) fn float_rules(&self) -> Rules {
        Rules { env: self.sse_env(), rounding: host::rounding(self.sse.mxcsr) }
    }

    /// Sets the flags raised; #XM or #UD if one of them is unmasked, and then nothing may be stored.
    #[inline(always)]
    pub(crate) fn sse_raise(&mut self, env: &Env) -> Done {
        self.sse.mxcsr |= u32::from(env.raised().0);
        if env.unmasked().is_empty() {
            return Ok(());
        }
        if self.cr4 & cr4::OSXMMEXCPT == 0 {
            return Err(ud());
        }
        Err(Exception::new(Vector::XM).into())
    }
}

/// An operation of two values of one format.
pub(crate) trait Arithmetic: 'static {
    /// The same by the host, where that is safe.
    type Host: Operation;
    /// The result by soft-float.
    fn eval<F: Float>(env: &mut Env, dst: F, src: F) -> F;
    /// The result by whichever way is quicker. `rounding` is what MXCSR says.
    fn result<F: Lane>(env: &mut Env, rounding: Option<Inexact>, dst: F, src: F) -> F {
        let native = |value: F| F::Host::from_bits(value.to_lane().to_u64());
        let by_host = |inexact| Self::Host::careful(native(dst), native(src), inexact);
        match rounding.and_then(by_host) {
            Some(result) => F::from_lane(F::Bits::from_u64(result.bits())),
            None => Self::eval(env, dst, src),
        }
    }
}

macro_rules! arithmetic {
    ($($(#[$doc:meta])* $name:ident, $host:ident = $function:expr;)*) => {$(
        $(#[$doc])*
        pub(crate) struct $name;
        impl Arithmetic for $name {
            type Host = host::$host;
            #[inline(always)]
            fn eval<F: Float>(env: &mut Env, dst: F, src: F) -> F {
                $function(env, dst, src)
            }
        }
    )*};
}

arithmetic! {
    /// ADDPS ADDPD ADDSS ADDSD.
    Add, Sum = float::add;
    /// SUBPS SUBPD SUBSS SUBSD.
    Sub, Difference = float::sub;
    /// MULPS MULPD MULSS MULSD.
    Mul, Product = float::mul;
    /// DIVPS DIVPD DIVSS DIVSD.
    Div, Quotient = float::div;
    /// MINPS MINPD MINSS MINSD.
    Min, Lesser = float::min;
    /// MAXPS MAXPD MAXSS MAXSD.
    Max, Greater = float::max;
    /// SQRTPS SQRTPD SQRTSS SQRTSD: of the second operand.
    Sqrt, Root = |env, _dst, src| float::sqrt(env, src);
}

/// The rules that an instruction computes under, and what its lanes have raised so far.
pub(crate) struct Rules {
    pub(crate) env: Env,
    /// What MXCSR says of results that the host may compute.
    pub(crate) rounding: Option<Inexact>,
}

/// An operation on two packed operands of 128 bits; `imm` is the instruction's immediate byte.
pub(crate) trait PackedFloat: 'static {
    fn lanes(rules: &mut Rules, imm: u8, first: u128, second: u128) -> u128;
}

/// Lane by lane.
pub(crate) struct Each<O, F>(PhantomData<(O, F)>);
/// HADDPS and its kin: of neighbours, the first operand's first.
pub(crate) struct Neighbours<O, F>(PhantomData<(O, F)>);
/// ADDSUBPS ADDSUBPD: even lanes are subtracted, odd ones added.
pub(crate) struct AddSub<F>(PhantomData<F>);
/// CMPPS CMPPD, of which `BITS` of the immediate count: 7 of them in their VEX forms 31.
pub(crate) struct Compared<F, const BITS: u8>(PhantomData<F>);

impl<O: Arithmetic, F: Lane> PackedFloat for Each<O, F> {
    #[inline(always)]
    fn lanes(rules: &mut Rules, _imm: u8, first: u128, second: u128) -> u128 {
        let Rules { env, rounding } = rules;
        lanes::<F>(F::LANES, |i| O::result(env, *rounding, lane(first, i), lane(second, i)))
    }
}

impl<O: Arithmetic, F: Lane> PackedFloat for Neighbours<O, F> {
    #[inline(always)]
    fn lanes(rules: &mut Rules, _imm: u8, first: u128, second: u128) -> u128 {
        lanes::<F>(F::LANES, |i| {
            let half = F::LANES / 2;
            let from = if i < half { first } else { second };
            let pair = i % half * 2;
            O::result(&mut rules.env, rules.rounding, lane(from, pair), lane(from, pair + 1))
        })
    }
}

impl<F: Lane> PackedFloat for AddSub<F> {
    #[inline(always)]
    fn lanes(rules: &mut Rules, _imm: u8, first: u128, second: u128) -> u128 {
        lanes::<F>(F::LANES, |i| {
            let operation = if i % 2 == 0 { Sub::result::<F> } else { Add::result::<F> };
            operation(&mut rules.env, rules.rounding, lane(first, i), lane(second, i))
        })
    }
}

impl<F: Lane, const BITS: u8> PackedFloat for Compared<F, BITS> {
    #[inline(always)]
    fn lanes(rules: &mut Rules, imm: u8, first: u128, second: u128) -> u128 {
        let predicate = Predicate::from_bits(imm & BITS);
        bits(F::LANES, |i| mask::<F>(&mut rules.env, predicate, lane(first, i), lane(second, i)))
    }
}

/// `op xmm, xmm/m128` and, for some, an immediate.
#[inline(always)]
pub(crate) fn lanewise<P: PackedFloat>(cpu: &mut Cpu, op: &Op) -> Done {
    cpu.sse_ready()?;
    let src = cpu.xmm_source(op)?;
    let dst = cpu.xmm(op.dst);
    let mut rules = cpu.float_rules();
    let result = P::lanes(&mut rules, op.imm as u8, dst, src);
    cpu.sse_raise(&rules.env)?;
    cpu.set_xmm(op.dst, result);
    Ok(())
}

/// `op xmm, xmm/m128`, lane by lane.
pub(crate) fn packed<O: Arithmetic, F: Lane>(cpu: &mut Cpu, op: &Op) -> Done {
    lanewise::<Each<O, F>>(cpu, op)
}

/// `op xmm, xmm/m32` or `m64`: the other lanes stay.
pub(crate) fn scalar<O: Arithmetic, F: Lane>(cpu: &mut Cpu, op: &Op) -> Done {
    cpu.sse_ready()?;
    let src = F::from_lane(cpu.xmm_source_low(op)?);
    let dst = lane::<F>(cpu.xmm(op.dst), 0);
    let (mut env, rounding) = (cpu.sse_env(), host::rounding(cpu.sse.mxcsr));
    let result = O::result(&mut env, rounding, dst, src);
    cpu.sse_raise(&env)?;
    cpu.merge_low(op.dst, result.to_lane());
    Ok(())
}

/// HADDPS HADDPD HSUBPS HSUBPD.
pub(crate) fn horizontal<O: Arithmetic, F: Lane>(cpu: &mut Cpu, op: &Op) -> Done {
    lanewise::<Neighbours<O, F>>(cpu, op)
}

/// ADDSUBPS ADDSUBPD.
pub(crate) fn addsub<F: Lane>(cpu: &mut Cpu, op: &Op) -> Done {
    lanewise::<AddSub<F>>(cpu, op)
}

/// The mask that a comparison stores.
pub(crate) fn mask<F: Lane>(env: &mut Env, predicate: Predicate, dst: F, src: F) -> F::Bits {
    F::Bits::from_u64(if predicate.holds(env, dst, src) { u64::MAX } else { 0 })
}

/// Predicate of CMPPS and its kin: three bits of the immediate, the others are ignored.
fn predicate(op: &Op) -> Predicate {
    Predicate::from_bits(op.imm as u8 & 7)
}

/// CMPPS CMPPD.
pub(crate) fn cmp_packed<F: Lane>(cpu: &mut Cpu, op: &Op) -> Done {
    lanewise::<Compared<F, 7>>(cpu, op)
}

/// CMPSS CMPSD.
pub(crate) fn cmp_scalar<F: Lane>(cpu: &mut Cpu, op: &Op) -> Done {
    cpu.sse_ready()?;
    let src = F::from_lane(cpu.xmm_source_low(op)?);
    let dst = lane::<F>(cpu.xmm(op.dst), 0);
    let mut env = cpu.sse_env();
    let result = mask(&mut env, predicate(op), dst, src);
    cpu.sse_raise(&env)?;
    cpu.merge_low(op.dst, result);
    Ok(())
}

/// COMISS COMISD: a quiet NaN raises IE.
pub(crate) fn comis<F: Lane>(cpu: &mut Cpu, op: &Op) -> Done {
    cpu.sse_ready()?;
    compare::<F>(cpu, op, float::compare)
}

/// UCOMISS UCOMISD: only a signalling NaN raises IE.
pub(crate) fn ucomis<F: Lane>(cpu: &mut Cpu, op: &Op) -> Done {
    cpu.sse_ready()?;
    compare::<F>(cpu, op, float::compare_quiet)
}

/// Compares into ZF, PF and CF; OF, SF and AF become 0.
pub(crate) fn compare<F: Lane>(
    cpu: &mut Cpu,
    op: &Op,
    order: impl Fn(&mut Env, F, F) -> Order,
) -> Done {
    let src = F::from_lane(cpu.xmm_source_low(op)?);
    let dst = lane::<F>(cpu.xmm(op.dst), 0);
    let mut env = cpu.sse_env();
    let flags = match order(&mut env, dst, src) {
        Order::Greater => 0,
        Order::Less => rflags::CF,
        Order::Equal => rflags::ZF,
        Order::Unordered => rflags::ZF | rflags::PF | rflags::CF,
    };
    cpu.sse_raise(&env)?;
    cpu.status = Status::from_rflags(flags);
    Ok(())
}
