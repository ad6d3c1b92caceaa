//! PAND PANDN POR PXOR, and ANDPS ANDNPS ORPS XORPS ANDPD ANDNPD ORPD XORPD, which are the same
//! operations under another name; PTEST: SDM Vol. 2.

use super::Packed;
use crate::cpu::{Cpu, Done};
use crate::decode::op::Op;
use crate::flags::Status;

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

/// The flags of PTEST: ZF if no bit is in both values, CF if none is in the source alone.
#[inline(always)]
pub(crate) fn test(dst: u128, src: u128) -> Status {
    Status::ordered(!dst & src == 0, dst & src == 0)
}

/// PTEST xmm, xmm/m128.
#[inline(always)]
pub(crate) fn ptest(cpu: &mut Cpu, op: &Op) -> Done {
    cpu.sse_ready()?;
    let src = cpu.xmm_source(op)?;
    cpu.status = test(cpu.xmm(op.dst), src);
    Ok(())
}
