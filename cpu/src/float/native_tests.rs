//! The host CPU as the oracle: the same operands through the real instructions, under every
//! rounding mode, precision, DAZ, FTZ and (x87) mask. Results and flags must agree bit for bit.
//!
//! SSE is run with all exceptions masked, since an unmasked one would raise SIGFPE; the x87
//! instructions are followed by FNSAVE, which does not wait for a pending exception.
#![allow(unsafe_code, reason = "only the instructions themselves can be the oracle")]

mod x87;

use super::samples::{Sample, each_pair};
use super::*;
use crate::testing::Random;
use core::arch::asm;

/// MXCSR with all exceptions masked and no flag set; rounding mode, DAZ and FTZ from `n`.
fn mxcsr(n: u64) -> u32 {
    let n = n as u32;
    0x1f80 | (n & 3) << 13 | (n >> 2 & 1) << 6 | (n >> 3 & 1) << 15
}

/// Moves a value through the low lane of an XMM register.
trait Lane: Copy {
    fn to_lane(self) -> f64;
    fn from_lane(lane: f64) -> Self;
}

impl Lane for F32 {
    fn to_lane(self) -> f64 {
        f64::from_bits(self.0 as u64)
    }
    fn from_lane(lane: f64) -> Self {
        Self(lane.to_bits() as u32)
    }
}

impl Lane for F64 {
    fn to_lane(self) -> f64 {
        f64::from_bits(self.0)
    }
    fn from_lane(lane: f64) -> Self {
        Self(lane.to_bits())
    }
}

impl Lane for u64 {
    fn to_lane(self) -> f64 {
        f64::from_bits(self)
    }
    fn from_lane(lane: f64) -> Self {
        lane.to_bits()
    }
}

/// Runs SSE instructions on `{a}`, `{b}`, `{c}` under an MXCSR; the result is `{a}`.
macro_rules! sse {
    ($mxcsr:expr, $a:expr, $b:expr, $c:expr, $($line:literal),+) => {{
        let (mut state, mut saved) = ($mxcsr, 0u32);
        let mut lane = $a.to_lane();
        // SAFETY: the instructions touch the named registers only; MXCSR is put back before
        // the block ends, and with all exceptions masked nothing can trap.
        unsafe {
            asm!(
                "stmxcsr [{saved}]", "ldmxcsr [{state}]",
                $($line,)+
                "/* {a} {b} {c} */", // every operand has to be named
                "stmxcsr [{state}]", "ldmxcsr [{saved}]",
                saved = in(reg) &mut saved, state = in(reg) &mut state,
                a = inout(xmm_reg) lane, b = in(xmm_reg) $b.to_lane(), c = in(xmm_reg) $c.to_lane(),
                out("rax") _, out("rcx") _,
            );
        }
        (Lane::from_lane(lane), Exceptions(state as u8 & 0x3f))
    }};
}

/// One binary SSE instruction against one function.
macro_rules! check_sse {
    ($seed:literal, $format:ty, $($line:literal),+; $ours:expr) => {
        each_pair::<$format, $format>($seed, 25_000, |a, b, random| {
            for mxcsr in [0, 8, 16, 24].map(|at| mxcsr(random >> at)) {
                let expected: ($format, Exceptions) = sse!(mxcsr, a, b, 0u64, $($line),+);
                let mut env = Env::from_mxcsr(mxcsr);
                let ours = $ours(&mut env, a, b);
                assert_eq!(
                    (ours, env.raised()), expected,
                    "{:?}: {a:x?}, {b:x?}, MXCSR {mxcsr:#x}", [$($line),+]
                );
            }
        });
    };
}

#[test]
fn single_precision_arithmetic_equals_the_host() {
    check_sse!(1, F32, "addss {a}, {b}"; add::<F32>);
    check_sse!(2, F32, "subss {a}, {b}"; sub::<F32>);
    check_sse!(3, F32, "mulss {a}, {b}"; mul::<F32>);
    check_sse!(4, F32, "divss {a}, {b}"; div::<F32>);
    check_sse!(5, F32, "sqrtss {a}, {b}"; |env: &mut _, _, b: F32| sqrt(env, b));
}

#[test]
fn double_precision_arithmetic_equals_the_host() {
    check_sse!(6, F64, "addsd {a}, {b}"; add::<F64>);
    check_sse!(7, F64, "subsd {a}, {b}"; sub::<F64>);
    check_sse!(8, F64, "mulsd {a}, {b}"; mul::<F64>);
    check_sse!(9, F64, "divsd {a}, {b}"; div::<F64>);
    check_sse!(10, F64, "sqrtsd {a}, {b}"; |env: &mut _, _, b: F64| sqrt(env, b));
}

#[test]
fn minimum_and_maximum_equal_the_host() {
    check_sse!(11, F32, "minss {a}, {b}"; min::<F32>);
    check_sse!(12, F32, "maxss {a}, {b}"; max::<F32>);
    check_sse!(13, F64, "minsd {a}, {b}"; min::<F64>);
    check_sse!(14, F64, "maxsd {a}, {b}"; max::<F64>);
}

#[test]
fn comparisons_equal_the_host() {
    fn flags(order: Order) -> F64 {
        F64(match order {
            Order::Less => 0x01,
            Order::Equal => 0x40,
            Order::Greater => 0x00,
            Order::Unordered => 0x45,
        })
    }
    check_sse!(15, F64, "comisd {a}, {b}", "lahf", "movzx eax, ah", "and eax, 0x45",
        "movq {a}, rax"; |env: &mut _, a: F64, b: F64| flags(compare(env, a, b)));
    check_sse!(16, F64, "ucomisd {a}, {b}", "lahf", "movzx eax, ah", "and eax, 0x45",
        "movq {a}, rax"; |env: &mut _, a: F64, b: F64| flags(compare_quiet(env, a, b)));
}

#[test]
fn compare_predicates_equal_the_host() {
    fn mask(env: &mut Env, predicate: u8, a: F32, b: F32) -> F32 {
        F32(if Predicate::from_bits(predicate).holds(env, a, b) { u32::MAX } else { 0 })
    }
    macro_rules! predicates {
        ($($line:literal $n:literal),+) => {$(
            check_sse!(17, F32, $line; |env: &mut _, a: F32, b: F32| mask(env, $n, a, b));
        )+};
    }
    predicates!("cmpss {a}, {b}, 0" 0, "cmpss {a}, {b}, 1" 1, "cmpss {a}, {b}, 2" 2,
        "cmpss {a}, {b}, 3" 3, "cmpss {a}, {b}, 4" 4, "cmpss {a}, {b}, 5" 5,
        "cmpss {a}, {b}, 6" 6, "cmpss {a}, {b}, 7" 7);
    if std::is_x86_feature_detected!("avx") {
        predicates!("vcmpss {a}, {a}, {b}, 8" 8, "vcmpss {a}, {a}, {b}, 13" 13,
            "vcmpss {a}, {a}, {b}, 11" 11, "vcmpss {a}, {a}, {b}, 18" 18,
            "vcmpss {a}, {a}, {b}, 27" 27, "vcmpss {a}, {a}, {b}, 31" 31);
    }
}

#[test]
fn conversions_equal_the_host() {
    check_sse!(20, F64, "cvtsd2ss {a}, {b}", "movd eax, {a}", "movq {a}, rax";
        |env: &mut _, _, b: F64| F64(resize::<F64, F32>(env, b).0 as u64));
    check_sse!(21, F32, "cvtss2sd {a}, {b}", "movq rax, {a}", "mov ecx, eax", "shr rax, 32",
    "xor eax, ecx", "movq {a}, rax"; |env: &mut _, _, b: F32| {
        let wide = resize::<F32, F64>(env, b).0;
        F32((wide ^ wide >> 32) as u32)
    });
    check_sse!(22, F64, "cvtsd2si rax, {b}", "movq {a}, rax"; |env: &mut Env, _, b: F64| {
        F64(to_int(env, b, 64, env.rounding) as u64)
    });
    check_sse!(23, F64, "cvttsd2si eax, {b}", "movq {a}, rax"; |env: &mut Env, _, b: F64| {
        F64(to_int(env, b, 32, Rounding::Zero) as u32 as u64)
    });
    check_sse!(24, F32, "cvtss2si eax, {b}", "movq {a}, rax"; |env: &mut Env, _, b: F32| {
        F32(to_int(env, b, 32, env.rounding) as u32)
    });
    check_sse!(25, F64, "movq rax, {b}", "cvtsi2sd {a}, rax"; |env: &mut Env, _, b: F64| {
        from_int::<F64>(env, b.0 as i64)
    });
    check_sse!(26, F32, "movd eax, {b}", "cvtsi2ss {a}, eax"; |env: &mut Env, _, b: F32| {
        from_int::<F32>(env, b.0 as i32 as i64)
    });
}

#[test]
fn rounding_to_integral_equals_the_host() {
    if !std::is_x86_feature_detected!("sse4.1") {
        return;
    }
    check_sse!(27, F32, "roundss {a}, {b}, 4"; |env: &mut _, _, b: F32| round_to_integral(env, b));
    check_sse!(28, F64, "roundsd {a}, {b}, 4"; |env: &mut _, _, b: F64| round_to_integral(env, b));
}

#[test]
fn fused_multiply_add_equals_the_host() {
    if !std::is_x86_feature_detected!("fma") {
        return;
    }
    fn check<F: Sample + Lane>(
        count: u32,
        native: fn(u32, F, F, F) -> (F, Exceptions),
        negated: fn(u32, F, F, F) -> (F, Exceptions),
    ) {
        let mut random = Random(31);
        let corners = F::corners();
        let mut pick = move || match random.below(3) {
            0 => corners[random.below(corners.len() as u64) as usize],
            _ => F::sample(&mut random),
        };
        for _ in 0..count {
            let (a, b, mut c) = (pick(), pick(), pick());
            // Half the time the addend almost cancels the product.
            if pick().unpack(&Env::DEFAULT).sign {
                c = mul(&mut { Env::DEFAULT }, a, b);
            }
            for mxcsr in (0..16).map(mxcsr) {
                for (native, negate) in [(native, false), (negated, true)] {
                    let mut env = Env::from_mxcsr(mxcsr);
                    let ours = fma(&mut env, a, b, c, negate, false);
                    let expected = native(mxcsr, a, b, c);
                    let case = format!("{a:x?} * {b:x?} + {c:x?}, {negate}, MXCSR {mxcsr:#x}");
                    assert_eq!((ours, env.raised()), expected, "{case}");
                }
            }
        }
    }
    check::<F32>(
        40_000,
        |m, a, b, c| sse!(m, a, b, c, "vfmadd132ss {a}, {c}, {b}"),
        |m, a, b, c| sse!(m, a, b, c, "vfnmadd132ss {a}, {c}, {b}"),
    );
    check::<F64>(
        40_000,
        |m, a, b, c| sse!(m, a, b, c, "vfmadd132sd {a}, {c}, {b}"),
        |m, a, b, c| sse!(m, a, b, c, "vfnmadd132sd {a}, {c}, {b}"),
    );
}
