//! binary16 as F16C converts it: SDM Vol. 2, VCVTPH2PS, VCVTPS2PH. No arithmetic is done in it.
//!
//! A denormal half is exact in single precision, so it counts as an ordinary number: no DE, and no zero under
//! DAZ. Results ignore FTZ; the caller clears it.

use super::binary::{choose_first, unpack};
use super::round::Format;
use super::{Env, Float, Kind, Operand};

/// The bits of a half-precision value.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct F16(pub u16);

#[allow(private_interfaces, reason = "see the trait")]
impl Float for F16 {
    const EXPONENT_MAX: i32 = 0x1f;
    const FULL: Format = Format { precision: 11, emin: -14, wrap: 0 };

    fn unpack(self, _env: &Env) -> Operand {
        let exponent = i32::from(self.0 >> 10 & 0x1f);
        let fraction = u64::from(self.0 & 0x3ff) << 53;
        let operand = unpack(self.0 >> 15 != 0, exponent, fraction, Self::EXPONENT_MAX, false);
        match operand.kind {
            Kind::Denormal => Operand { kind: Kind::Normal, ..operand },
            _ => operand,
        }
    }

    fn pack(sign: bool, exponent: i32, significand: u64) -> Self {
        let fraction = (significand >> 53) as u16 & 0x3ff;
        Self(u16::from(sign) << 15 | (exponent as u16) << 10 | fraction)
    }

    fn choose_nan(a: &Operand, b: &Operand) -> Operand {
        choose_first(a, b)
    }
}
