//! Rows of the SSSE3 instructions, on MMX and XMM registers.

use super::{Rows, rows};
use crate::engine::hot::form::*;
use crate::engine::hot::host_operation::Replacing;
use crate::insn::sse::horizontal::*;
use crate::insn::sse::integer::*;
use crate::insn::sse::multiply::*;
use crate::insn::sse::operation::{two, two_imm};
use crate::insn::sse::shuffle::*;
use crate::insn::sse::{Mm, packed};

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
    Pshufb_xmm_xmmm128 => host(Pshufb);
    Phaddw_xmm_xmmm128 => host(Phadd<u16>);
    Phaddd_xmm_xmmm128 => host(Phadd<u32>);
    Phaddsw_xmm_xmmm128 => host(Phadds<u16>);
    Phsubw_xmm_xmmm128 => host(Phsub<u16>);
    Phsubd_xmm_xmmm128 => host(Phsub<u32>);
    Phsubsw_xmm_xmmm128 => host(Phsubs<u16>);
    Pmaddubsw_xmm_xmmm128 => host(Pmaddubsw);
    Psignb_xmm_xmmm128 => host(Psign<u8>);
    Psignw_xmm_xmmm128 => host(Psign<u16>);
    Psignd_xmm_xmmm128 => host(Psign<u32>);
    Pmulhrsw_xmm_xmmm128 => host(Pmulhrsw);
    Pabsb_xmm_xmmm128 => host(Pabs<u8>);
    Pabsw_xmm_xmmm128 => host(Pabs<u16>);
    Pabsd_xmm_xmmm128 => host(Pabs<u32>);
    Palignr_xmm_xmmm128_imm8 => sse(two_imm::<Palignr>, Replacing<Palignr>);
};
