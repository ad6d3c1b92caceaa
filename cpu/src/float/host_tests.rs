//! The host's results against soft-float's, bit for bit and flag for flag, over special, ordinary and random
//! operands.

use super::host::{self, Inexact, Native, Operation, is_quick, rounding};
use super::*;
use crate::testing::Random;

/// Bits of a format with `fraction` bits of fraction and exponents to `max`: at the ends of the range, near
/// one another (so that sums cancel), with short significands (so that results are exact), or anything.
fn drawn_bits(random: &mut Random, fraction: u32, max: u64) -> u64 {
    let (any, bias) = (random.next(), max / 2);
    let near = bias + any % 70;
    let exponent = random.pick(&[0, 1, 2, max - 1, max, bias, near, near, near, any >> 9 & max]);
    let ones = (1 << fraction) - 1;
    let short = any << (fraction - 5) & ones;
    let half = any << (fraction / 2) & ones;
    let low = random.pick(&[0, 1, ones, 1 << (fraction - 1), short, half, any & ones, any & ones]);
    (random.next() & 1) << (fraction + max.count_ones()) | exponent << fraction | low
}

/// A format in both worlds.
trait Pair: Float {
    type Host: Native;
    fn of(bits: u64) -> Self;
    fn to_bits(self) -> u64;
}
impl Pair for F32 {
    type Host = f32;
    fn of(bits: u64) -> Self {
        Self(bits as u32)
    }
    fn to_bits(self) -> u64 {
        u64::from(self.0)
    }
}
impl Pair for F64 {
    type Host = f64;
    fn of(bits: u64) -> Self {
        Self(bits)
    }
    fn to_bits(self) -> u64 {
        self.0
    }
}

/// MXCSR with everything masked and then: PE set; nothing set; PE set and DAZ and FTZ; PE set and unmasked;
/// all unmasked.
const CONTROLS: [u32; 5] = [0x1fa0, 0x1f80, 0x9fe0, 0x0fa0, 0x0000];
const SAMPLES: u32 = 200_000;

/// The bits and the new MXCSR of a result, if it has no unmasked exception.
fn soft<R>(mxcsr: u32, eval: impl FnOnce(&mut Env) -> R) -> (R, u32, bool) {
    let mut env = Env::from_mxcsr(mxcsr);
    let result = eval(&mut env);
    (result, mxcsr | u32::from(env.raised().0), env.unmasked().is_empty())
}

fn operation<O: Operation, F: Pair>(name: &str, eval: fn(&mut Env, F, F) -> F) {
    let mut random = Random(0x5eed);
    let mut taken = 0;
    for i in 0..SAMPLES {
        let mxcsr = CONTROLS[i as usize % CONTROLS.len()];
        let mut bits = || drawn_bits(&mut random, F::Host::FRACTION, F::Host::EXPONENT_MAX);
        let (a, b) = (bits(), bits());
        let (soft, after, silent) = soft(mxcsr, |env| eval(env, F::of(a), F::of(b)));
        let (x, y) = (F::Host::from_bits(a), F::Host::from_bits(b));
        let careful = rounding(mxcsr).and_then(|inexact| O::careful(x, y, inexact));
        let quick = if is_quick(mxcsr) || !O::ROUNDS { O::quick(x, y) } else { None };
        for (way, result) in [("careful", careful), ("quick", quick)] {
            let Some(result) = result else { continue };
            taken += 1;
            let expected = (soft.to_bits(), after, silent);
            assert_eq!(
                (result.bits(), mxcsr, true),
                expected,
                "{way} {name} {a:x} {b:x} {mxcsr:x}"
            );
        }
    }
    assert!(taken > SAMPLES / 4, "{name}: only {taken} taken from the host");
}

#[test]
fn arithmetic_taken_from_the_host_is_what_soft_float_gives() {
    macro_rules! all {
        ($($operation:ident $eval:expr;)*) => {$(
            operation::<host::$operation, F32>(stringify!($operation), $eval);
            operation::<host::$operation, F64>(stringify!($operation), $eval);
        )*};
    }
    all! {
        Sum add;
        Difference sub;
        Product mul;
        Quotient div;
        Root |env, _, b| sqrt(env, b);
        Lesser min;
        Greater max;
    }
}

/// Three operands of which often the last almost cancels the product of the others.
#[test]
fn fused_results_taken_from_the_host_are_what_soft_float_gives() {
    fn all<F: Pair>() {
        let mut random = Random(0xf3a);
        let mut taken = 0;
        for i in 0..SAMPLES {
            let mut bits = || drawn_bits(&mut random, F::Host::FRACTION, F::Host::EXPONENT_MAX);
            let [a, b, c] = [bits(), bits(), bits()].map(F::of);
            let product = mul(&mut { Env::DEFAULT }, a, b);
            let c = if i % 3 == 0 {
                F::of(product.to_bits() ^ 1 << (8 * size_of::<F>() - 1))
            } else {
                c
            };
            let (soft, after, silent) = soft(0x1fa0, |env| fma(env, a, b, c, false, false));
            let native = |value: F| F::Host::from_bits(value.to_bits());
            let Some(result) = host::fused(native(a), native(b), native(c)) else { continue };
            taken += 1;
            let expected = (soft.to_bits(), after, silent);
            assert_eq!((result.bits(), 0x1fa0, true), expected, "{a:x?} {b:x?} {c:x?}");
        }
        assert!(taken > SAMPLES / 4, "only {taken} taken from the host");
    }
    all::<F32>();
    all::<F64>();
}

/// Under MXCSR with PE clear a quotient or root is taken only if it is exact; that must not be never.
#[test]
fn exact_results_are_taken_while_pe_is_clear() {
    let open = Inexact::Open;
    assert_eq!(host::Sum::careful(0.1, 0.2, open), None);
    assert_eq!(host::Sum::careful(0.5, 0.25, open), Some(0.75));
    assert_eq!(host::Product::careful(3.0, 5.0, open), Some(15.0));
    assert_eq!(host::Product::careful(0.1, 0.1, open), None);
    assert_eq!(host::Quotient::careful(15.0, 5.0, open), Some(3.0));
    assert_eq!(host::Quotient::careful(1.0, 3.0, open), None);
    assert_eq!(host::Root::careful(0.0, 2.25, open), Some(1.5));
    assert_eq!(host::Root::careful(0.0, 2.0, open), None);
    assert_eq!(host::Product::careful(0.0f32, -5.0, open).map(f32::to_bits), Some(1 << 31));
}

#[test]
fn comparisons_taken_from_the_host_are_what_soft_float_gives() {
    fn all<F: Pair>() {
        let mut random = Random(0xc0);
        let mut taken = 0;
        for _ in 0..SAMPLES {
            let mut bits = || drawn_bits(&mut random, F::Host::FRACTION, F::Host::EXPONENT_MAX);
            let a = bits();
            let b = if a & 2 == 0 { a } else { bits() };
            let (order, after, silent) = soft(0, |env| compare(env, F::of(a), F::of(b)));
            let by_host = host::compare(F::Host::from_bits(a), F::Host::from_bits(b));
            let Some((less, equal)) = by_host else { continue };
            taken += 1;
            let expected = (order == Order::Less, order == Order::Equal, after, silent);
            assert_eq!((less, equal, 0, true), expected, "{a:x} {b:x}");
            assert_ne!(order, Order::Unordered);
        }
        assert!(taken > SAMPLES / 4);
    }
    all::<F32>();
    all::<F64>();
}

#[test]
fn conversions_to_integers_taken_from_the_host_are_what_soft_float_gives() {
    fn all<F: Pair>() {
        let mut random = Random(0x1_17);
        for i in 0..SAMPLES {
            let mxcsr = CONTROLS[i as usize % CONTROLS.len()];
            let bits = random.pick(&[32, 64]);
            let a = drawn_bits(&mut random, F::Host::FRACTION, F::Host::EXPONENT_MAX);
            let x = F::Host::from_bits(a);
            for (mode, by_host) in [
                (Rounding::Zero, host::truncate(x, bits, host::inexact(mxcsr))),
                (Rounding::NearestEven, rounding(mxcsr).and_then(|i| host::nearest(x, bits, i))),
            ] {
                let Some(by_host) = by_host else { continue };
                let expected = soft(mxcsr, |env| to_int(env, F::of(a), bits, mode));
                assert_eq!(
                    (by_host, mxcsr, true),
                    expected,
                    "{a:x} to {bits} bits, {mode:?}, {mxcsr:x}"
                );
            }
        }
    }
    all::<F32>();
    all::<F64>();
    // Ties go to even, on both sides of zero.
    let nearest = |x: f64| host::nearest(x, 32, Inexact::Known);
    assert_eq!([0.5, 1.5, -2.5, -0.5].map(nearest), [0, 2, -2, 0].map(Some));
    assert_eq!(nearest(2_147_483_647.5), None);
}

#[test]
fn integral_values_taken_from_the_host_are_what_soft_float_gives() {
    fn all<F: Pair>() {
        let mut random = Random(0x1_4e6);
        let mut taken = 0;
        for i in 0..SAMPLES {
            let mxcsr = CONTROLS[i as usize % CONTROLS.len()];
            let a = drawn_bits(&mut random, F::Host::FRACTION, F::Host::EXPONENT_MAX);
            for mode in 0..4 {
                let mode = Rounding::from_bits(mode);
                let x = F::Host::from_bits(a);
                let Some(y) = host::integral(x, mode, host::inexact(mxcsr)) else { continue };
                taken += 1;
                let expected = soft(mxcsr, |env| {
                    *env = env.with_rounding(mode);
                    round_to_integral(env, F::of(a)).to_bits()
                });
                assert_eq!((y.bits(), mxcsr, true), expected, "{a:x} {mode:?}");
            }
        }
        assert!(taken > SAMPLES, "{taken}");
    }
    all::<F32>();
    all::<F64>();
}

#[test]
fn conversions_from_integers_and_between_formats_are_what_soft_float_gives() {
    let mut random = Random(0xf0);
    for i in 0..SAMPLES {
        let mxcsr = CONTROLS[i as usize % CONTROLS.len()];
        let inexact = rounding(mxcsr).unwrap_or(Inexact::Open);
        let integer = (random.next() as i64) >> (random.next() % 64);
        if let Some(x) = host::from_int::<f32>(integer, inexact) {
            let expected = soft(mxcsr, |env| from_int::<F32>(env, integer));
            assert_eq!((F32(x.to_bits()), mxcsr, true), expected, "{integer}");
        }
        if let Some(x) = host::from_int::<f64>(integer, inexact) {
            let expected = soft(mxcsr, |env| from_int::<F64>(env, integer));
            assert_eq!((F64(x.to_bits()), mxcsr, true), expected, "{integer}");
        }
        let single = drawn_bits(&mut random, 23, 0xff) as u32;
        if let Some(x) = host::widen(f32::from_bits(single)) {
            let expected = soft(mxcsr, |env| resize::<F32, F64>(env, F32(single)));
            assert_eq!((F64(x.to_bits()), mxcsr, true), expected, "{single:x}");
        }
        let noise = random.next() >> random.pick(&[12, 36, 63]);
        let near = f64::from(f32::from_bits(single)).to_bits() ^ noise;
        let double = if i % 2 == 0 { near } else { drawn_bits(&mut random, 52, 0x7ff) };
        let narrow = rounding(mxcsr).and_then(|i| host::narrow(f64::from_bits(double), i));
        if let Some(x) = narrow {
            let expected = soft(mxcsr, |env| resize::<F64, F32>(env, F64(double)));
            assert_eq!((F32(x.to_bits()), mxcsr, true), expected, "{double:x}");
        }
    }
}

/// Operands of the 80-bit format, mostly normal and often near one another.
fn extended(random: &mut Random) -> F80 {
    let bits = random.next();
    let near = 0x3fff + (bits % 70) as u16;
    let exponent =
        random.pick(&[0, 1, 2, 0x7ffe, 0x7fff, near, near, near, near, bits as u16 & 0x7fff]);
    let low = random.pick(&[0, 1, u64::MAX, 1 << 62, bits << 40, bits << 11, bits, bits]);
    let integer = if bits >> 60 == 0 { 0 } else { 1 << 63 };
    let sign = (random.next() as u16) << 15;
    F80 { significand: low & (u64::MAX >> 1) | integer, sign_exponent: sign | exponent }
}

#[test]
fn the_ordinary_case_of_80_bits_is_what_the_general_way_gives() {
    let mut random = Random(0x80);
    let mut taken = [0; 5];
    for i in 0..SAMPLES {
        let (a, b) = (extended(&mut random), extended(&mut random));
        let masks =
            if i % 2 == 0 { Exceptions::ALL } else { Exceptions(random.next() as u8 & 0x3f) };
        let precision = random.pick(&[Precision::Extended, Precision::Double, Precision::Single]);
        let start = Env { masks, precision, ..Env::DEFAULT };
        let mut same =
            |n: usize, short: &dyn Fn(&mut Env) -> Option<F80>, long: &dyn Fn(&mut Env) -> F80| {
                let (mut one, mut other) = (start, start);
                let Some(result) = short(&mut one) else {
                    assert_eq!(one, start, "nothing is raised without a result");
                    return;
                };
                taken[n] += 1;
                assert_eq!((result, one), (long(&mut other), other), "{n} {a:x?} {b:x?}");
            };
        for negate in [false, true] {
            same(0, &|e| ordinary::sum(e, a, b, negate), &|e| arith::general_sum(e, a, b, negate));
        }
        same(1, &|e| ordinary::product(e, a, b), &|e| arith::general_product(e, a, b));
        same(2, &|e| ordinary::quotient(e, a, b), &|e| arith::general_quotient(e, a, b));
        same(3, &|e| ordinary::root(e, a), &|e| arith::general_root(e, a));
        if let Some(order) = ordinary::compare(a, b) {
            let general = compare::general_order(&mut { start }, a, b, true);
            let named = [Order::Less, Order::Equal, Order::Greater][(order as i8 + 1) as usize];
            assert_eq!(named, general, "{a:x?} {b:x?}");
            taken[4] += 1;
        }
    }
    assert!(taken.iter().all(|&n| n > SAMPLES / 8), "{taken:?}");
}

/// Roots of squares and of their neighbours, where a host's square root is most easily off.
#[test]
fn the_root_of_a_square_and_of_its_neighbours_is_exact() {
    let mut random = Random(0x5c);
    for _ in 0..SAMPLES {
        let root = random.next() | 1 << 63;
        let near = root & random.pick(&[u64::MAX << 32, u64::MAX << 30, u64::MAX]);
        let top = ((u128::from(near) * u128::from(near)) >> 64) as u64;
        let significand = top.wrapping_add(random.pick(&[0, 1, u64::MAX])) | 1 << 63;
        for sign_exponent in [0x3fff, 0x4000] {
            let a = F80 { significand, sign_exponent };
            let (mut one, mut other) = (Env::DEFAULT, Env::DEFAULT);
            let expected = arith::general_root(&mut other, a);
            assert_eq!(ordinary::root(&mut one, a), Some(expected), "{a:x?}");
            assert_eq!(one, other);
        }
    }
}

#[test]
fn ordinary_conversions_of_80_bits_are_what_the_general_way_gives() {
    let mut random = Random(0xc8);
    for _ in 0..SAMPLES {
        let double = drawn_bits(&mut random, 52, 0x7ff);
        if let Some(value) = ordinary::from_double(F64(double)) {
            let mut env = Env::DEFAULT;
            assert_eq!(value, resize(&mut env, F64(double)), "{double:x}");
            assert_eq!(env, Env::DEFAULT);
        }
        let integer = (random.next() as i64) >> (random.next() % 64);
        assert_eq!(ordinary::from_integer(integer), from_int(&mut { Env::DEFAULT }, integer));
        let a = extended(&mut random);
        for masks in [Exceptions::ALL, Exceptions::NONE] {
            let (mut one, mut other) =
                (Env { masks, ..Env::DEFAULT }, Env { masks, ..Env::DEFAULT });
            if let Some(value) = ordinary::to_double(&mut one, a) {
                assert_eq!((value, one), (store::<F64>(&mut other, a), other), "{a:x?}");
            }
        }
        for rounding in [Rounding::NearestEven, Rounding::Zero, Rounding::Up] {
            for bits in [16, 32, 64] {
                let (mut one, mut other) = (Env::DEFAULT, Env::DEFAULT);
                let integer = to_int(&mut one, a, bits, rounding);
                let general = convert::general_integer(&mut other, a, bits, rounding);
                assert_eq!((integer, one), (general, other), "{a:x?} {bits} {rounding:?}");
            }
        }
    }
    assert_eq!(ordinary::from_integer(i64::MIN), from_int(&mut { Env::DEFAULT }, i64::MIN));
}
