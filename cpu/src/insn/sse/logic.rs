//! PAND PANDN POR PXOR, and ANDPS ANDNPS ORPS XORPS ANDPD ANDNPD ORPD XORPD, which are the same
//! operations under another name: SDM Vol. 2.

use super::Packed;

macro_rules! bitwise {
    ($($(#[$doc:meta])* $name:ident = |$dst:ident, $src:ident| $result:expr;)*) => {$(
        $(#[$doc])*
        pub(crate) struct $name;
        impl Packed for $name {
            #[inline(always)]
            fn mm($dst: u64, $src: u64) -> u64 {
                $result
            }
            #[inline(always)]
            fn xmm($dst: u128, $src: u128) -> u128 {
                $result
            }
        }
    )*};
}

bitwise! {
    /// PAND, ANDPS, ANDPD.
    Pand = |dst, src| dst & src;
    /// PANDN, ANDNPS, ANDNPD: the destination is the one inverted.
    Pandn = |dst, src| !dst & src;
    /// POR, ORPS, ORPD.
    Por = |dst, src| dst | src;
    /// PXOR, XORPS, XORPD.
    Pxor = |dst, src| dst ^ src;
}
