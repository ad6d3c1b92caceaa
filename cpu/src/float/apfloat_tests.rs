//! LLVM's arithmetic (`rustc_apfloat`) as the oracle: on any host, for all three formats, in all four rounding
//! modes, with flags.
//!
//! It has no denormal-operand flag, no precision control, no C1, no square root, and its NaNs are its own: DE is
//! left out, a NaN need only be one. It finds a result tiny by its rounding as a denormal, x86 by its rounding
//! without a limit to the exponent: where the smallest normal number comes out, UE is left out. It does not call
//! it an overflow if the largest finite number comes out: there OE is left out.

use super::samples::Sample;
use super::*;
use crate::testing::{Random, samples};
use rustc_apfloat::ieee::{Double, Single, X87DoubleExtended};
use rustc_apfloat::{Float as _, FloatConvert, Round, Status, StatusAnd};

/// A format in both worlds.
trait Pair: Sample {
    type Theirs: rustc_apfloat::Float + Copy;
    fn bits(self) -> u128;
    fn of(bits: u128) -> Self;
    /// An encoding of the interchange format: LLVM has no others.
    fn is_canonical(self) -> bool {
        true
    }
    fn theirs(self) -> Self::Theirs {
        Self::Theirs::from_bits(self.bits())
    }
}

impl Pair for F32 {
    type Theirs = Single;
    fn bits(self) -> u128 {
        self.0.into()
    }
    fn of(bits: u128) -> Self {
        Self(bits as u32)
    }
}

impl Pair for F64 {
    type Theirs = Double;
    fn bits(self) -> u128 {
        self.0.into()
    }
    fn of(bits: u128) -> Self {
        Self(bits as u64)
    }
}

impl Pair for F80 {
    type Theirs = X87DoubleExtended;
    fn bits(self) -> u128 {
        u128::from(self.sign_exponent) << 64 | u128::from(self.significand)
    }
    fn of(bits: u128) -> Self {
        Self { significand: bits as u64, sign_exponent: (bits >> 64) as u16 }
    }
    fn is_canonical(self) -> bool {
        (self.sign_exponent & 0x7fff != 0) == (self.significand >> 63 != 0)
    }
}

const MODES: [(Rounding, Round); 4] = [
    (Rounding::NearestEven, Round::NearestTiesToEven),
    (Rounding::Down, Round::TowardNegative),
    (Rounding::Up, Round::TowardPositive),
    (Rounding::Zero, Round::TowardZero),
];

/// Their status as our flags.
fn flags(status: Status) -> Exceptions {
    let pairs = [
        (Status::INVALID_OP, Exceptions::IE),
        (Status::DIV_BY_ZERO, Exceptions::ZE),
        (Status::OVERFLOW, Exceptions::OE),
        (Status::UNDERFLOW, Exceptions::UE),
        (Status::INEXACT, Exceptions::PE),
    ];
    let set = pairs.iter().filter(|(theirs, _)| status.contains(*theirs));
    set.fold(Exceptions::NONE, |all, (_, ours)| all.or(*ours))
}

/// Compares a result and its flags.
fn agree<F: Pair>(case: &dyn Fn() -> String, env: &Env, ours: F, theirs: StatusAnd<F::Theirs>) {
    let value = F::of(theirs.value.to_bits());
    let is = |exponent, significand| {
        [false, true].iter().any(|&sign| value == F::pack(sign, exponent, significand))
    };
    let unclear = match () {
        () if is(1, INTEGER) => Exceptions::UE,
        () if is(F::EXPONENT_MAX - 1, u64::MAX) => Exceptions::OE,
        () => Exceptions::NONE,
    };
    let ignored = Exceptions::DE.or(unclear).complement();
    let same = if theirs.value.is_nan() { ours.theirs().is_nan() } else { ours == value };
    let expected = flags(theirs.status).and(ignored);
    assert!(
        same && env.raised().and(ignored) == expected,
        "{}: ours {ours:x?} {:?}, theirs {value:x?} {expected:?}",
        case(),
        env.raised()
    );
}

/// Operands: corners as often as random ones.
fn operands<F: Pair, const N: usize>(random: &mut Random, corners: &[F]) -> [F; N] {
    core::array::from_fn(|_| {
        loop {
            let value = if random.one_in(2) { random.pick(corners) } else { F::sample(random) };
            if value.is_canonical() {
                return value;
            }
        }
    })
}

/// All operations of one format.
fn arithmetic<F: Pair>() {
    let mut random = Random(0xa9f1);
    let corners = F::corners();
    for _ in 0..samples(20_000) {
        let [a, b, mut c] = operands::<F, 3>(&mut random, &corners);
        if random.one_in(2) {
            // An addend that almost cancels the product.
            c = mul(&mut { Env::DEFAULT }, a, b);
        }
        if !c.is_canonical() {
            continue;
        }
        let (x, y, z) = (a.theirs(), b.theirs(), c.theirs());
        for (rounding, round) in MODES {
            let env = Env::DEFAULT.with_rounding(rounding);
            let check = |name: &str, ours: &dyn Fn(&mut Env) -> F, theirs| {
                let mut env = env;
                let result = ours(&mut env);
                let case = || format!("{name} {a:x?} {b:x?} {c:x?} {rounding:?}");
                agree(&case, &env, result, theirs);
            };
            check("add", &|env| add(env, a, b), x.add_r(y, round));
            check("sub", &|env| sub(env, a, b), x.sub_r(y, round));
            check("mul", &|env| mul(env, a, b), x.mul_r(y, round));
            check("div", &|env| div(env, a, b), x.div_r(y, round));
            // No instruction fuses 80 bits; with a NaN as addend LLVM finds infinity times zero invalid all the same.
            if F::FULL.precision < 64 && !z.is_nan() {
                check("fma", &|env| fma(env, a, b, c, false, false), x.mul_add_r(y, z, round));
                check("fnmadd", &|env| fma(env, a, b, c, true, false), (-x).mul_add_r(y, z, round));
            }
            check("round", &|env| round_to_integral(env, a), x.round_to_integral(round));
            integer(env, round, a);
        }
        order(a, b);
    }
}

/// To and from integers.
fn integer<F: Pair>(env: Env, round: Round, value: F) {
    for bits in [16, 32, 64] {
        let mut env = env;
        let rounding = env.rounding;
        let ours = to_int(&mut env, value, bits, rounding);
        let mut exact = false;
        let theirs = value.theirs().to_i128_r(bits as usize, round, &mut exact);
        let expected = flags(theirs.status);
        let invalid = expected.any(Exceptions::IE);
        let value_expected = if invalid { i64::MIN >> (64 - bits) } else { theirs.value as i64 };
        let raised = env.raised();
        assert_eq!((ours, raised), (value_expected, expected), "{value:x?} {bits} {round:?}");
    }
    let number = value.bits() as u64 as i64;
    let mut env = env;
    let ours = from_int::<F>(&mut env, number);
    let theirs = F::Theirs::from_i128_r(i128::from(number), round);
    agree(&|| format!("from {number:x} {round:?}"), &env, ours, theirs);
}

fn order<F: Pair>(a: F, b: F) {
    let expected = match a.theirs().partial_cmp(&b.theirs()) {
        Some(core::cmp::Ordering::Less) => Order::Less,
        Some(core::cmp::Ordering::Equal) => Order::Equal,
        Some(core::cmp::Ordering::Greater) => Order::Greater,
        None => Order::Unordered,
    };
    assert_eq!(compare(&mut { Env::DEFAULT }, a, b), expected, "{a:x?} {b:x?}");
}

/// From one format to another.
fn conversion<F: Pair, G: Pair>()
where
    F::Theirs: FloatConvert<G::Theirs>,
{
    let mut random = Random(0xc0f1);
    let corners = F::corners();
    for _ in 0..samples(20_000) {
        let [value] = operands::<F, 1>(&mut random, &corners);
        for (rounding, round) in MODES {
            let mut env = Env::DEFAULT.with_rounding(rounding);
            let ours: G = resize(&mut env, value);
            let theirs = value.theirs().convert_r(round, &mut { false });
            agree(&|| format!("{value:x?} {rounding:?}"), &env, ours, theirs);
        }
    }
}

#[test]
fn single_precision_equals_llvm() {
    arithmetic::<F32>();
}

#[test]
fn double_precision_equals_llvm() {
    arithmetic::<F64>();
}

#[test]
fn extended_precision_equals_llvm() {
    arithmetic::<F80>();
}

#[test]
fn conversions_between_formats_equal_llvm() {
    conversion::<F32, F64>();
    conversion::<F32, F80>();
    conversion::<F64, F32>();
    conversion::<F64, F80>();
    conversion::<F80, F32>();
    conversion::<F80, F64>();
}
