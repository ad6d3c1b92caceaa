//! Rows of the SSE4.1, SSE4.2 and SSE4A instructions.

use super::{Rows, rows};
use crate::float::{F32, F64};
use crate::insn::sse::blend::*;
use crate::insn::sse::dot::dp;
use crate::insn::sse::extend::*;
use crate::insn::sse::insert::*;
use crate::insn::sse::integer::*;
use crate::insn::sse::logic::ptest;
use crate::insn::sse::moves::{load, store_low};
use crate::insn::sse::multiply::*;
use crate::insn::sse::operation::{three, two, two_imm};
use crate::insn::sse::round::{round_packed, round_scalar};
use crate::insn::sse::string::{Explicit, Implicit, pcmpstri, pcmpstrm};
use crate::insn::sse::{Xmm, packed};

pub(crate) const ROWS: Rows = rows! {
    // Arithmetic and comparison.
    Pmulld_xmm_xmmm128 => value(packed::<Pmulld, Xmm>);
    Pmuldq_xmm_xmmm128 => value(packed::<Pmuldq, Xmm>);
    Pminsb_xmm_xmmm128 => value(packed::<Pmins<u8>, Xmm>);
    Pminsd_xmm_xmmm128 => value(packed::<Pmins<u32>, Xmm>);
    Pminuw_xmm_xmmm128 => value(packed::<Pminu<u16>, Xmm>);
    Pminud_xmm_xmmm128 => value(packed::<Pminu<u32>, Xmm>);
    Pmaxsb_xmm_xmmm128 => value(packed::<Pmaxs<u8>, Xmm>);
    Pmaxsd_xmm_xmmm128 => value(packed::<Pmaxs<u32>, Xmm>);
    Pmaxuw_xmm_xmmm128 => value(packed::<Pmaxu<u16>, Xmm>);
    Pmaxud_xmm_xmmm128 => value(packed::<Pmaxu<u32>, Xmm>);
    Pcmpeqq_xmm_xmmm128 => value(packed::<Pcmpeq<u64>, Xmm>);
    Pcmpgtq_xmm_xmmm128 => value(packed::<Pcmpgt<u64>, Xmm>);
    Packusdw_xmm_xmmm128 => value(packed::<Packusdw, Xmm>);
    Phminposuw_xmm_xmmm128 => value(two::<Phminposuw>);
    Mpsadbw_xmm_xmmm128_imm8 => value(two_imm::<Mpsadbw>);
    Ptest_xmm_xmmm128 => value(ptest);
    // Floating point.
    Roundps_xmm_xmmm128_imm8 => plain(round_packed::<F32>);
    Roundpd_xmm_xmmm128_imm8 => plain(round_packed::<F64>);
    Roundss_xmm_xmmm32_imm8 => plain(round_scalar::<F32>);
    Roundsd_xmm_xmmm64_imm8 => plain(round_scalar::<F64>);
    Dpps_xmm_xmmm128_imm8 => plain(dp::<F32>);
    Dppd_xmm_xmmm128_imm8 => plain(dp::<F64>);
    // Texts.
    Pcmpestri_xmm_xmmm128_imm8 => plain(pcmpstri::<Explicit<false>>);
    Pcmpestri64_xmm_xmmm128_imm8 => plain(pcmpstri::<Explicit<true>>);
    Pcmpestrm_xmm_xmmm128_imm8 => plain(pcmpstrm::<Explicit<false>>);
    Pcmpestrm64_xmm_xmmm128_imm8 => plain(pcmpstrm::<Explicit<true>>);
    Pcmpistri_xmm_xmmm128_imm8 => plain(pcmpstri::<Implicit>);
    Pcmpistrm_xmm_xmmm128_imm8 => plain(pcmpstrm::<Implicit>);
    // Blends.
    Pblendw_xmm_xmmm128_imm8 => value(two_imm::<Blend<u16>>);
    Blendps_xmm_xmmm128_imm8 => value(two_imm::<Blend<u32>>);
    Blendpd_xmm_xmmm128_imm8 => value(two_imm::<Blend<u64>>);
    Pblendvb_xmm_xmmm128 => value(three::<Blendv<u8>>);
    Blendvps_xmm_xmmm128 => value(three::<Blendv<u32>>);
    Blendvpd_xmm_xmmm128 => value(three::<Blendv<u64>>);
    // Widening.
    Pmovsxbw_xmm_xmmm64 => value(extend::<Pmovsx<u8, u16, u64>>);
    Pmovsxbd_xmm_xmmm32 => value(extend::<Pmovsx<u8, u32, u32>>);
    Pmovsxbq_xmm_xmmm16 => value(extend::<Pmovsx<u8, u64, u16>>);
    Pmovsxwd_xmm_xmmm64 => value(extend::<Pmovsx<u16, u32, u64>>);
    Pmovsxwq_xmm_xmmm32 => value(extend::<Pmovsx<u16, u64, u32>>);
    Pmovsxdq_xmm_xmmm64 => value(extend::<Pmovsx<u32, u64, u64>>);
    Pmovzxbw_xmm_xmmm64 => value(extend::<Pmovzx<u8, u16, u64>>);
    Pmovzxbd_xmm_xmmm32 => value(extend::<Pmovzx<u8, u32, u32>>);
    Pmovzxbq_xmm_xmmm16 => value(extend::<Pmovzx<u8, u64, u16>>);
    Pmovzxwd_xmm_xmmm64 => value(extend::<Pmovzx<u16, u32, u64>>);
    Pmovzxwq_xmm_xmmm32 => value(extend::<Pmovzx<u16, u64, u32>>);
    Pmovzxdq_xmm_xmmm64 => value(extend::<Pmovzx<u32, u64, u64>>);
    // Elements.
    Pinsrb_xmm_r32m8_imm8 => value(pinsr::<u8>);
    Pinsrb_xmm_r64m8_imm8 => value(pinsr::<u8>);
    Pinsrd_xmm_rm32_imm8 => value(pinsr::<u32>);
    Pinsrq_xmm_rm64_imm8 => value(pinsr::<u64>);
    Insertps_xmm_xmmm32_imm8 => value(insertps);
    Pextrb_r32m8_xmm_imm8 => value(pextr::<u8>);
    Pextrb_r64m8_xmm_imm8 => value(pextr::<u8>);
    Pextrw_r32m16_xmm_imm8 => value(pextr::<u16>);
    Pextrw_r64m16_xmm_imm8 => value(pextr::<u16>);
    Pextrd_rm32_xmm_imm8 => value(pextr::<u32>);
    Pextrq_rm64_xmm_imm8 => value(pextr::<u64>);
    Extractps_rm32_xmm_imm8 => value(pextr::<u32>);
    Extractps_r64m32_xmm_imm8 => value(pextr::<u32>);
    // Moves.
    Movntdqa_xmm_m128 => plain(load::<true>);
    // SSE4A.
    Movntss_m32_xmm => plain(store_low::<u32>);
    Movntsd_m64_xmm => plain(store_low::<u64>);
    Extrq_xmm_imm8_imm8 => value(extrq_imm);
    Extrq_xmm_xmm => value(extrq);
    Insertq_xmm_xmm_imm8_imm8 => value(insertq_imm);
    Insertq_xmm_xmm => value(insertq);
};
