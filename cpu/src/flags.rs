//! The status flags, kept lazily: the only place that computes CF, PF, AF, ZF, SF and OF.
//!
//! An arithmetic instruction leaves its result and the vector of carries (or borrows) out of each bit;
//! any flag can be read from these without knowing the producer. Measured choice: docs/decisions/0004.

use arch::rflags;
use serde::{Deserialize, Serialize};

/// An operand width.
pub trait Width: Copy + 'static {
    /// Bits: 8, 16, 32 or 64.
    const BITS: u32;
    /// Bytes.
    const BYTES: u8 = (Self::BITS / 8) as u8;
    /// All ones in the width.
    const MASK: u64 = u64::MAX >> (64 - Self::BITS);
    /// The sign bit.
    const SIGN: u64 = 1 << (Self::BITS - 1);
    /// Zero-extended.
    fn to_u64(self) -> u64;
    /// Truncated.
    fn from_u64(value: u64) -> Self;
    /// `value` sign-extended from this width to 64 bits.
    fn sign_extend(value: u64) -> u64 {
        ((value << (64 - Self::BITS)) as i64 >> (64 - Self::BITS)) as u64
    }
}

macro_rules! widths {
    ($($type:ty)*) => {$(
        impl Width for $type {
            const BITS: u32 = <$type>::BITS;
            #[inline(always)]
            fn to_u64(self) -> u64 {
                u64::from(self)
            }
            #[inline(always)]
            fn from_u64(value: u64) -> Self {
                value as $type
            }
        }
    )*};
}
widths!(u8 u16 u32 u64);

/// The lazy record of the six status flags.
///
/// ```text
/// result   sign-extended result: ZF = (result == 0), SF = bit 63, PF = parity of bits 0-7
/// aux      bit 63 CF | bit 62 OF ^ CF | bits 8-15 flip PF's byte | bit 3 AF | bit 0 flips SF
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Status {
    result: u64,
    aux: u64,
}

const CF_BIT: u64 = 1 << 63;
const OF_BIT: u64 = 1 << 62;
const AF_BIT: u64 = 1 << 3;

impl Status {
    /// All six flags clear.
    pub const CLEAR: Self = Self { result: 1, aux: 0 };

    /// From a result of width `W` (upper bits are ignored) and its carries: bit `i` of `carries` is
    /// the carry (or borrow) out of bit `i`.
    #[inline(always)]
    pub fn from_carries<W: Width>(result: u64, carries: u64) -> Self {
        let aux = if W::BITS == 64 {
            carries & (CF_BIT | OF_BIT | AF_BIT)
        } else {
            carries << (64 - W::BITS) & (CF_BIT | OF_BIT) | carries & AF_BIT
        };
        // Bit 62 of the vector is the carry into the sign bit; CF ^ that is OF, which is how the
        // reader takes it.
        Self { result: W::sign_extend(result), aux }
    }

    /// Of a logical operation: CF, OF and AF are clear.
    #[inline(always)]
    pub fn logic<W: Width>(result: u64) -> Self {
        Self { result: W::sign_extend(result), aux: 0 }
    }

    /// From a result, with CF, OF and AF given.
    #[inline(always)]
    pub fn with<W: Width>(result: u64, cf: bool, of: bool, af: bool) -> Self {
        let aux = (cf as u64) << 63 | ((cf ^ of) as u64) << 62 | (af as u64) << 3;
        Self { result: W::sign_extend(result), aux }
    }

    /// Of a floating-point comparison that is not unordered: CF if less, ZF if equal, else clear.
    #[inline(always)]
    pub fn ordered(less: bool, equal: bool) -> Self {
        // OF is clear, so it differs from CF just where CF is set; the result's own parity would set PF
        // where it is zero.
        let cf = if less { CF_BIT | OF_BIT } else { 0 };
        Self { result: u64::from(!equal), aux: cf | u64::from(equal) << 8 }
    }

    /// From the status bits of an RFLAGS value.
    #[inline(always)]
    pub fn from_rflags(flags: u64) -> Self {
        let zf = flags & rflags::ZF != 0;
        let result = u64::from(!zf); // parity of 0 is even (PF = 1), of 1 odd (PF = 0)
        let flip_pf = zf != (flags & rflags::PF != 0);
        let flip_sf = flags & rflags::SF != 0;
        let (cf, of) = (flags & rflags::CF != 0, flags & rflags::OF != 0);
        let aux = (cf as u64) << 63
            | ((cf ^ of) as u64) << 62
            | (flip_pf as u64) << 8
            | ((flags & rflags::AF != 0) as u64) << 3
            | flip_sf as u64;
        Self { result, aux }
    }

    /// The six flags at their places in RFLAGS.
    pub fn to_rflags(self) -> u64 {
        let bit = |set: bool, flag: u64| if set { flag } else { 0 };
        bit(self.cf(), rflags::CF)
            | bit(self.pf(), rflags::PF)
            | bit(self.af(), rflags::AF)
            | bit(self.zf(), rflags::ZF)
            | bit(self.sf(), rflags::SF)
            | bit(self.of(), rflags::OF)
    }

    /// Carry.
    #[inline(always)]
    pub fn cf(self) -> bool {
        self.aux >> 63 != 0
    }
    /// Overflow.
    #[inline(always)]
    pub fn of(self) -> bool {
        (self.aux ^ self.aux << 1) >> 63 != 0
    }
    /// Auxiliary carry.
    #[inline(always)]
    pub fn af(self) -> bool {
        self.aux & AF_BIT != 0
    }
    /// Zero.
    #[inline(always)]
    pub fn zf(self) -> bool {
        self.result == 0
    }
    /// Sign.
    #[inline(always)]
    pub fn sf(self) -> bool {
        (self.result >> 63) ^ (self.aux & 1) != 0
    }
    /// Parity of the low byte: even.
    #[inline(always)]
    pub fn pf(self) -> bool {
        ((self.result ^ self.aux >> 8) as u8).count_ones() & 1 == 0
    }

    /// The same with another CF; every other flag stays.
    #[inline(always)]
    #[must_use]
    pub fn with_cf(self, cf: bool) -> Self {
        let flip = (self.aux ^ (cf as u64) << 63) & CF_BIT;
        Self { result: self.result, aux: self.aux ^ flip ^ flip >> 1 }
    }

    /// The same with another CF and OF; every other flag stays.
    #[inline(always)]
    #[must_use]
    pub fn with_cf_of(self, cf: bool, of: bool) -> Self {
        let aux = self.aux & !(CF_BIT | OF_BIT);
        Self { result: self.result, aux: aux | u64::from(cf) << 63 | u64::from(cf ^ of) << 62 }
    }

    /// The same with another ZF; every other flag stays.
    #[must_use]
    pub fn with_zf(self, zf: bool) -> Self {
        let flags = self.to_rflags() & !rflags::ZF;
        Self::from_rflags(flags | (u64::from(zf) * rflags::ZF))
    }
}

/// The sixteen conditions of Jcc, SETcc and CMOVcc: SDM Vol. 1, Appendix B, "EFLAGS Condition Codes".
pub trait Condition: Copy + 'static {
    /// True if it holds.
    fn holds(status: Status) -> bool;
}

macro_rules! conditions {
    ($($(#[$doc:meta])* $name:ident = |$s:ident| $test:expr;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy)]
        pub struct $name;
        impl Condition for $name {
            #[inline(always)]
            fn holds($s: Status) -> bool {
                $test
            }
        }
    )*};
}

conditions! {
    /// Overflow.
    O = |s| s.of();
    /// Not overflow.
    No = |s| !s.of();
    /// Below (unsigned).
    B = |s| s.cf();
    /// Above or equal.
    Ae = |s| !s.cf();
    /// Equal.
    E = |s| s.zf();
    /// Not equal.
    Ne = |s| !s.zf();
    /// Below or equal.
    Be = |s| s.cf() | s.zf();
    /// Above.
    A = |s| !(s.cf() | s.zf());
    /// Sign.
    S = |s| s.sf();
    /// Not sign.
    Ns = |s| !s.sf();
    /// Parity even.
    P = |s| s.pf();
    /// Parity odd.
    Np = |s| !s.pf();
    /// Less (signed).
    L = |s| s.sf() != s.of();
    /// Greater or equal.
    Ge = |s| s.sf() == s.of();
    /// Less or equal.
    Le = |s| s.zf() | (s.sf() != s.of());
    /// Greater.
    G = |s| !s.zf() & (s.sf() == s.of());
}

/// The condition that the low four bits of an opcode name.
pub(crate) fn holds(code: u8, status: Status) -> bool {
    const IN_ORDER: [fn(Status) -> bool; 16] = [
        O::holds,
        No::holds,
        B::holds,
        Ae::holds,
        E::holds,
        Ne::holds,
        Be::holds,
        A::holds,
        S::holds,
        Ns::holds,
        P::holds,
        Np::holds,
        L::holds,
        Ge::holds,
        Le::holds,
        G::holds,
    ];
    IN_ORDER[usize::from(code & 15)](status)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_combination_of_flags_survives_the_lazy_form() {
        for bits in 0..64u64 {
            let pick = |n: u32, flag: u64| if bits >> n & 1 != 0 { flag } else { 0 };
            let flags = pick(0, rflags::CF)
                | pick(1, rflags::PF)
                | pick(2, rflags::AF)
                | pick(3, rflags::ZF)
                | pick(4, rflags::SF)
                | pick(5, rflags::OF);
            let status = Status::from_rflags(flags);
            assert_eq!(status.to_rflags(), flags);
            assert_eq!(status.with_cf(true).to_rflags(), flags | rflags::CF);
            assert_eq!(status.with_cf(false).to_rflags(), flags & !rflags::CF);
            let rest = flags & !(rflags::CF | rflags::OF);
            assert_eq!(status.with_cf_of(true, false).to_rflags(), rest | rflags::CF);
            assert_eq!(status.with_cf_of(false, true).to_rflags(), rest | rflags::OF);
            assert_eq!(status.with_zf(true).to_rflags(), flags | rflags::ZF);
            assert_eq!(status.with_zf(false).to_rflags(), flags & !rflags::ZF);
        }
        assert_eq!(Status::CLEAR.to_rflags(), 0);
    }

    /// Exhaustive over 8-bit ADD, against the definition of each flag.
    #[test]
    fn carries_give_the_flags_of_an_addition() {
        for a in 0..=255u8 {
            for b in 0..=255u8 {
                let sum = u64::from(a) + u64::from(b);
                let (x, y) = (u64::from(a), u64::from(b));
                let status = Status::from_carries::<u8>(sum, (x & y) | ((x | y) & !sum));
                assert_eq!(status.cf(), a.checked_add(b).is_none());
                assert_eq!(status.of(), (a as i8).checked_add(b as i8).is_none());
                assert_eq!(status.af(), (a & 15) + (b & 15) > 15);
                assert_eq!(status.zf(), a.wrapping_add(b) == 0);
                assert_eq!(status.sf(), (a.wrapping_add(b) as i8) < 0);
                assert_eq!(status.pf(), a.wrapping_add(b).count_ones() % 2 == 0);
            }
        }
    }
}
