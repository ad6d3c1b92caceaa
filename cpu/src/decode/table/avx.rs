//! Rows of the VEX-encoded instructions on packed integers: AVX and AVX2.

use super::{Rows, rows};
use crate::insn::avx::{L128, L256, vex_packed};
use crate::insn::sse::integer::*;
use crate::insn::sse::logic::*;

pub(crate) const ROWS: Rows = rows! {
    // Arithmetic.
    VEX_Vpaddb_xmm_xmm_xmmm128 => plain(vex_packed::<Padd<u8>, L128>);
    VEX_Vpaddb_ymm_ymm_ymmm256 => plain(vex_packed::<Padd<u8>, L256>);
    // Logic.
    VEX_Vpxor_xmm_xmm_xmmm128 => plain(vex_packed::<Pxor, L128>);
    VEX_Vpxor_ymm_ymm_ymmm256 => plain(vex_packed::<Pxor, L256>);
};
