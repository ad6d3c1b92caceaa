//! Fixed vectors for every host: exact rationals and leading bits of known irrationals, and the
//! SDM's tables of special cases. `native_tests.rs` goes over the whole range where the host is
//! an x86-64 itself.

use super::*;

const ONE: F80 = f80(0x3fff, 1 << 63);
const THREE: F80 = f80(0x4000, 3 << 62);

const fn f80(sign_exponent: u16, significand: u64) -> F80 {
    F80 { significand, sign_exponent }
}

fn env(rounding: Rounding, precision: Precision) -> Env {
    Env { rounding, precision, ..Env::DEFAULT }
}

/// 1/3 is 0.0101...: its kept part ends in 1 or 0 depending on the width.
#[test]
fn a_third_is_rounded_to_the_width_that_precision_control_asks_for() {
    let rows = [
        (Precision::Extended, Rounding::NearestEven, 0xaaaa_aaaa_aaaa_aaab, true),
        (Precision::Extended, Rounding::Zero, 0xaaaa_aaaa_aaaa_aaaa, false),
        (Precision::Double, Rounding::NearestEven, 0xaaaa_aaaa_aaaa_a800, false),
        (Precision::Double, Rounding::Up, 0xaaaa_aaaa_aaaa_b000, true),
        (Precision::Single, Rounding::NearestEven, 0xaaaa_ab00_0000_0000, true),
        (Precision::Single, Rounding::Down, 0xaaaa_aa00_0000_0000, false),
    ];
    for (precision, rounding, significand, rounded_up) in rows {
        let mut env = env(rounding, precision);

        let third = div(&mut env, ONE, THREE);

        assert_eq!(third, f80(0x3ffd, significand), "{precision:?} {rounding:?}");
        assert_eq!((env.raised(), env.rounded_up), (Exceptions::PE, rounded_up));
    }
}

#[test]
fn the_square_root_of_two_has_its_known_leading_bits() {
    let mut env = Env::DEFAULT;

    assert_eq!(sqrt(&mut env, f80(0x4000, 1 << 63)), f80(0x3fff, 0xb504_f333_f9de_6484));
    assert_eq!(sqrt(&mut env, F64(0x4000_0000_0000_0000)), F64(0x3ff6_a09e_667f_3bcd));
    assert_eq!(sqrt(&mut env, F32(0x4000_0000)), F32(0x3fb5_04f3));
    assert_eq!(env.raised(), Exceptions::PE);
}

#[test]
fn a_tenth_and_two_tenths_make_the_famous_sum() {
    let mut env = Env::DEFAULT;

    let sum = add(&mut env, F64(0x3fb9_9999_9999_999a), F64(0x3fc9_9999_9999_999a));

    assert_eq!(sum, F64(0x3fd3_3333_3333_3334));
}

/// The largest subnormal and half an ulp above it: with an unlimited exponent it rounds to the
/// smallest normal number only from 2^-24 of a relative distance on.
#[test]
fn tininess_is_judged_after_rounding() {
    let just_below_one = F32(0x3f7f_ffff); // 1 - 2^-24
    let mut env = Env::DEFAULT;

    // (2^-126) * (1 - 2^-24) is tiny, and inexact as a subnormal: it rounds to 2^-126.
    let product = mul(&mut env, F32(0x0080_0000), just_below_one);
    assert_eq!(product, F32(0x0080_0000));
    assert_eq!(env.raised(), Exceptions::UE.or(Exceptions::PE));

    // (1 + 2^-23) * 2^-126 * (1 - 2^-24) lies above and is not tiny.
    let mut env = Env::DEFAULT;
    mul(&mut env, F32(0x0080_0001), just_below_one);
    assert_eq!(env.raised(), Exceptions::PE);
}

#[test]
fn an_exact_subnormal_raises_underflow_only_when_unmasked() {
    let (tiny, half) = (F64(0x0010_0000_0000_0000), F64(0x3fe0_0000_0000_0000));
    let mut masked = Env::DEFAULT;
    let mut unmasked = Env { masks: Exceptions::UE.complement(), ..Env::DEFAULT };

    assert_eq!(mul(&mut masked, tiny, half), F64(0x0008_0000_0000_0000));
    mul(&mut unmasked, tiny, half);

    assert_eq!(masked.raised(), Exceptions::NONE);
    assert_eq!(unmasked.unmasked(), Exceptions::UE);
}

#[test]
fn an_unmasked_x87_underflow_wraps_the_exponent_by_24576() {
    let mut env = Env { masks: Exceptions::NONE, ..Env::DEFAULT };

    let square = mul(&mut env, f80(0x0001, 1 << 63), f80(0x0001, 1 << 63));

    // 2^-32764 has the biased exponent -16381.
    assert_eq!(square, f80((24576 - 16381) as u16, 1 << 63));
    assert_eq!((env.unmasked(), env.blocks_result()), (Exceptions::UE, false));
}

/// SDM Vol. 1, "Rules for Handling NaNs": SSE takes the first, x87 the larger significand.
#[test]
fn sse_and_x87_choose_between_two_nans_by_their_own_rules() {
    let mut env = Env::DEFAULT;

    let sse = add(&mut env, F32(0x7fc0_0001), F32(0xffc0_0002));
    let x87 = add(&mut env, f80(0x7fff, 0xc000_0000_0000_0001), f80(0xffff, 0xc000_0000_0000_0002));
    assert_eq!((sse, x87), (F32(0x7fc0_0001), f80(0xffff, 0xc000_0000_0000_0002)));
    assert_eq!(env.raised(), Exceptions::NONE);

    assert_eq!(add(&mut env, F32(0x3f80_0000), F32(0xff80_0001)), F32(0xffc0_0001));
    assert_eq!(env.raised(), Exceptions::IE);
}

#[test]
fn an_unmasked_denormal_operand_stops_before_anything_else_is_raised() {
    let mut env = Env { masks: Exceptions::DE.complement(), ..Env::DEFAULT };

    div(&mut env, f80(0, 1), THREE);

    assert!(env.blocks_result());
    assert_eq!(env.raised(), Exceptions::DE);
}

#[test]
fn what_does_not_fit_an_integer_becomes_the_integer_indefinite() {
    for (value, bits, expected) in [
        (F64(0x41e0_0000_0000_0000), 32, i32::MIN as i64), // 2^31
        (F64(0x43e0_0000_0000_0000), 64, i64::MIN),        // 2^63
        (F64(0x7ff8_0000_0000_0000), 32, i32::MIN as i64),
    ] {
        let mut env = Env::DEFAULT;
        assert_eq!(to_int(&mut env, value, bits, Rounding::Zero), expected);
        assert_eq!(env.raised(), Exceptions::IE, "{value:x?}");
    }
    let mut env = Env::DEFAULT;
    assert_eq!(to_int(&mut env, F64(0xc1e0_0000_0000_0000), 32, Rounding::Zero), i32::MIN as i64);
    assert_eq!(env.raised(), Exceptions::NONE);
}

#[test]
fn ties_go_to_the_even_integer() {
    let halves =
        [(0x3fe0_0000_0000_0000, 0), (0x3ff8_0000_0000_0000, 2), (0x4004_0000_0000_0000, 2)];
    for (bits, expected) in halves {
        let mut env = Env::DEFAULT;
        assert_eq!(to_int(&mut env, F64(bits), 32, Rounding::NearestEven), expected);
        assert_eq!(env.raised(), Exceptions::PE);
    }
}

/// 10 rem 3: the truncated quotient is 3 and so is the nearest; 11 rem 3: 3 against 4.
#[test]
fn the_two_remainders_differ_where_the_quotient_rounds_up() {
    let eleven = f80(0x4002, 11 << 60);
    let mut env = Env::DEFAULT;

    let truncated = rem_truncated(&mut env, eleven, THREE);
    let nearest = rem_nearest(&mut env, eleven, THREE);

    assert_eq!((truncated.value, truncated.quotient), (f80(0x4000, 1 << 63), 3)); // 2
    assert_eq!((nearest.value, nearest.quotient), (ONE.negate(), 4));
    assert!(truncated.complete && nearest.complete);
}

#[test]
fn a_far_remainder_is_reduced_in_steps() {
    let mut env = Env::DEFAULT;
    let mut remainder = rem_truncated(&mut env, f80(0x3fff + 1000, 1 << 63), THREE);
    let mut steps = 1;
    while !remainder.complete {
        remainder = rem_truncated(&mut env, remainder.value, THREE);
        steps += 1;
    }

    assert_eq!(remainder.value, ONE); // 2^1000 = 1 mod 3
    assert!(steps < 40);
}

#[test]
fn packed_bcd_goes_to_the_fpu_and_back() {
    let bytes = [0x89, 0x67, 0x45, 0x23, 0x01, 0, 0, 0, 0, 0x80];

    let value = from_bcd(bytes);

    assert_eq!(value, from_int(&mut { Env::DEFAULT }, -123_456_789));
    assert_eq!(to_bcd(&mut { Env::DEFAULT }, value), bytes);
}

#[test]
fn a_value_beyond_18_digits_becomes_the_bcd_indefinite() {
    let mut env = Env::DEFAULT;
    let value = from_int(&mut env, 1_000_000_000_000_000_000);

    assert_eq!(to_bcd(&mut env, value), [0, 0, 0, 0, 0, 0, 0, 0xc0, 0xff, 0xff]);
    assert_eq!(env.raised(), Exceptions::IE);
}

/// (1 + 2^-52)^2 - (1 + 2^-51) is 2^-104: two roundings would lose it.
#[test]
fn a_fused_multiply_add_rounds_once() {
    let a = F64(0x3ff0_0000_0000_0001);
    let c = F64(0x3ff0_0000_0000_0002);
    let mut env = Env::DEFAULT;

    let result = fma(&mut env, a, a, c, false, true);

    assert_eq!(result, F64((1023 - 104) << 52));
    assert_eq!(env.raised(), Exceptions::NONE);
}

#[test]
fn unsupported_encodings_are_invalid_operands() {
    let unnormal = f80(0x3fff, 1 << 62);
    let mut env = Env::DEFAULT;

    assert_eq!(add(&mut env, unnormal, ONE), F80::indefinite());
    assert_eq!(env.raised(), Exceptions::IE);
    assert_eq!(unnormal.class(), Class::Unsupported);
}

#[test]
fn mxcsr_and_control_word_are_read_by_their_fields() {
    let sse = Env::from_mxcsr(0x1f80 | 0x6000 | 0x8000 | 0x40);
    assert_eq!((sse.rounding, sse.daz, sse.ftz), (Rounding::Zero, true, true));
    assert_eq!(sse.masks, Exceptions::ALL);

    let x87 = Env::from_control_word(0x0672);
    assert_eq!((x87.rounding, x87.precision), (Rounding::Down, Precision::Double));
    assert_eq!(x87.masks, Exceptions(0x32));
}

/// Reference values: computed with 400-bit arithmetic (mpmath) and rounded to nearest.
#[test]
fn transcendental_functions_are_rounded_correctly_at_known_points() {
    let mut env = Env::DEFAULT;
    let (half, eighth) = (f80(0x3ffe, 1 << 63), f80(0x3ffc, 1 << 63));
    let minus_two = f80(0xc000, 1 << 63);

    assert_eq!(sin(&mut env, ONE), Some(f80(0x3ffe, 0xd76a_a478_4867_7021)));
    assert_eq!(cos(&mut env, ONE), Some(f80(0x3ffe, 0x8a51_407d_a834_5c92)));
    assert_eq!(tan(&mut env, ONE), Some((f80(0x3fff, 0xc759_22e5_f71d_2dc5), ONE)));
    assert_eq!(atan2(&mut env, ONE, ONE), f80(0x3ffe, 0xc90f_daa2_2168_c235));
    assert_eq!(atan2(&mut env, ONE, minus_two), f80(0x4000, 0xab63_739c_bfad_72cc));
    assert_eq!(exp2_minus_1(&mut env, half), f80(0x3ffd, 0xd413_cccf_e779_9211));
    assert_eq!(exp2_minus_1(&mut env, half.negate()), f80(0xbffd, 0x95f6_1998_0c43_36f7));
    assert_eq!(y_log2_x(&mut env, ONE, THREE), f80(0x3fff, 0xcae0_0d1c_fdeb_43d0));
    assert_eq!(y_log2_x_plus_1(&mut env, ONE, eighth), f80(0x3ffc, 0xae00_d1cf_deb4_3cfd));
    assert_eq!(env.raised(), Exceptions::PE);
}

/// The SDM's 66-bit pi is a little less than pi: FSIN of the nearest value to pi shows
/// the difference to that pi, exactly 2^-64, and not the one to the true pi.
#[test]
fn angles_are_reduced_with_the_66_bit_pi() {
    let pi = constant(Constant::Pi, Rounding::NearestEven);
    let mut env = Env::DEFAULT;

    assert_eq!(sin(&mut env, pi), Some(f80(0x3fff - 64, 1 << 63).negate()));
    let large = f80(0x3fff + 62, 1 << 63);
    assert_eq!(sin(&mut env, large), Some(f80(0xbffe, 0xb506_a9dd_559c_f157)));
}

#[test]
fn an_angle_of_two_to_the_63_is_out_of_range_and_raises_nothing() {
    let mut env = Env::DEFAULT;

    assert_eq!(sin(&mut env, f80(0x3fff + 63, 1 << 63)), None);
    assert_eq!(env.raised(), Exceptions::NONE);
}

#[test]
fn a_predicate_beyond_15_signals_where_its_twin_is_quiet() {
    let (one, nan) = (F32(0x3f80_0000), F32(0x7fc0_0000));
    for (predicate, signals) in [(0, false), (1, true), (16, true), (17, false)] {
        let mut env = Env::DEFAULT;
        assert!(!Predicate::from_bits(predicate).holds(&mut env, one, nan));
        assert_eq!(env.raised().any(Exceptions::IE), signals, "{predicate}");
    }
}

#[test]
fn pi_is_loaded_as_the_rounding_mode_says_without_a_flag() {
    assert_eq!(constant(Constant::Pi, Rounding::Up).significand & 0xf, 5);
    assert_eq!(constant(Constant::Pi, Rounding::Down).significand & 0xf, 4);
}
