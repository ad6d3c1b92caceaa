//! The constants that FLD1, FLDZ, FLDPI and their kind load: SDM Vol. 2, "FLD1/FLDL2T/...".

use super::convert::one;
use super::{Env, F80, Float, Number, Rounding};

/// Which constant.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Constant {
    /// FLDZ: +0.
    Zero,
    /// FLD1: +1.
    One,
    /// FLDPI: pi.
    Pi,
    /// FLDL2T: the logarithm of 10 to base 2.
    Log2Of10,
    /// FLDL2E: the logarithm of e to base 2.
    Log2OfE,
    /// FLDLG2: the logarithm of 2 to base 10.
    Log10Of2,
    /// FLDLN2: the natural logarithm of 2.
    LnOf2,
}

/// The constant rounded to 64 bits as the rounding mode says. Raises nothing, PE included.
pub fn constant(constant: Constant, rounding: Rounding) -> F80 {
    // The leading 128 bits; all are irrational, so the cut matters to no rounding.
    let (exponent, significand) = match constant {
        Constant::Zero => return F80::zero(false),
        Constant::One => return one(false),
        Constant::Pi => (1, 0xc90f_daa2_2168_c234_c4c6_628b_80dc_1cd1),
        Constant::Log2Of10 => (1, 0xd49a_784b_cd1b_8afe_492b_f6ff_4daf_db4c),
        Constant::Log2OfE => (0, 0xb8aa_3b29_5c17_f0bb_be87_fed0_691d_3e88),
        Constant::Log10Of2 => (-2, 0x9a20_9a84_fbcf_f798_8f89_59ac_0b7c_9178),
        Constant::LnOf2 => (-1, 0xb172_17f7_d1cf_79ab_c9e3_b398_03f2_f6af),
    };
    let mut env = Env::DEFAULT.with_rounding(rounding);
    F80::round_full(&mut env, Number { sign: false, exponent, significand })
}
