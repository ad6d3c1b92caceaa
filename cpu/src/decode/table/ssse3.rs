//! Rows of the SSSE3 instructions, on MMX and XMM registers.

use super::{Rows, rows};
use crate::insn::sse::horizontal::*;
use crate::insn::sse::integer::*;
use crate::insn::sse::multiply::*;
use crate::insn::sse::operation::two_imm;
use crate::insn::sse::shuffle::*;
use crate::insn::sse::{Mm, Xmm, packed};

pub(crate) const ROWS: Rows = rows! {
    Pshufb_mm_mmm64 => value(packed::<Pshufb, Mm>);
    Phaddw_mm_mmm64 => value(packed::<Phadd<u16>, Mm>);
    Phaddd_mm_mmm64 => value(packed::<Phadd<u32>, Mm>);
    Phaddsw_mm_mmm64 => value(packed::<Phadds<u16>, Mm>);
    Phsubw_mm_mmm64 => value(packed::<Phsub<u16>, Mm>);
    Phsubd_mm_mmm64 => value(packed::<Phsub<u32>, Mm>);
    Phsubsw_mm_mmm64 => value(packed::<Phsubs<u16>, Mm>);
    Pmaddubsw_mm_mmm64 => value(packed::<Pmaddubsw, Mm>);
    Psignb_mm_mmm64 => value(packed::<Psign<u8>, Mm>);
    Psignw_mm_mmm64 => value(packed::<Psign<u16>, Mm>);
    Psignd_mm_mmm64 => value(packed::<Psign<u32>, Mm>);
    Pmulhrsw_mm_mmm64 => value(packed::<Pmulhrsw, Mm>);
    Pabsb_mm_mmm64 => value(packed::<Pabs<u8>, Mm>);
    Pabsw_mm_mmm64 => value(packed::<Pabs<u16>, Mm>);
    Pabsd_mm_mmm64 => value(packed::<Pabs<u32>, Mm>);
    Palignr_mm_mmm64_imm8 => value(palignr_mm);
    Pshufb_xmm_xmmm128 => value(packed::<Pshufb, Xmm>);
    Phaddw_xmm_xmmm128 => value(packed::<Phadd<u16>, Xmm>);
    Phaddd_xmm_xmmm128 => value(packed::<Phadd<u32>, Xmm>);
    Phaddsw_xmm_xmmm128 => value(packed::<Phadds<u16>, Xmm>);
    Phsubw_xmm_xmmm128 => value(packed::<Phsub<u16>, Xmm>);
    Phsubd_xmm_xmmm128 => value(packed::<Phsub<u32>, Xmm>);
    Phsubsw_xmm_xmmm128 => value(packed::<Phsubs<u16>, Xmm>);
    Pmaddubsw_xmm_xmmm128 => value(packed::<Pmaddubsw, Xmm>);
    Psignb_xmm_xmmm128 => value(packed::<Psign<u8>, Xmm>);
    Psignw_xmm_xmmm128 => value(packed::<Psign<u16>, Xmm>);
    Psignd_xmm_xmmm128 => value(packed::<Psign<u32>, Xmm>);
    Pmulhrsw_xmm_xmmm128 => value(packed::<Pmulhrsw, Xmm>);
    Pabsb_xmm_xmmm128 => value(packed::<Pabs<u8>, Xmm>);
    Pabsw_xmm_xmmm128 => value(packed::<Pabs<u16>, Xmm>);
    Pabsd_xmm_xmmm128 => value(packed::<Pabs<u32>, Xmm>);
    Palignr_xmm_xmmm128_imm8 => value(two_imm::<Palignr>);
};
