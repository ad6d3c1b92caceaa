//! Rows of the SSE4.1, SSE4.2 and SSE4A instructions.

use super::{Rows, rows};
use crate::engine::hot::form::*;
use crate::engine::hot::host_operation::Replacing;
use crate::engine::hot::sse_integer::{Inserted, Merged, Whole};
use crate::engine::hot::sse_round::{Round, RoundLanes};
use crate::engine::hot::sse_text::Texts;
use crate::engine::hot::sse4::Widened;
use crate::engine::hot::vector_out::*;
use crate::float::{F32, F64};
use crate::insn::avx::L128;
use crate::insn::avx::test::All;
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

pub(crate) const ROWS: Rows = rows! {
    // Arithmetic and comparison.
    Pmulld_xmm_xmmm128 => host(Pmulld);
    Pmuldq_xmm_xmmm128 => host(Pmuldq);
    Pminsb_xmm_xmmm128 => host(Pmins<u8>);
    Pminsd_xmm_xmmm128 => host(Pmins<u32>);
    Pminuw_xmm_xmmm128 => host(Pminu<u16>);
    Pminud_xmm_xmmm128 => host(Pminu<u32>);
    Pmaxsb_xmm_xmmm128 => host(Pmaxs<u8>);
    Pmaxsd_xmm_xmmm128 => host(Pmaxs<u32>);
    Pmaxuw_xmm_xmmm128 => host(Pmaxu<u16>);
    Pmaxud_xmm_xmmm128 => host(Pmaxu<u32>);
    Pcmpeqq_xmm_xmmm128 => host(Pcmpeq<u64>);
    Pcmpgtq_xmm_xmmm128 => host(Pcmpgt<u64>);
    Packusdw_xmm_xmmm128 => host(Packusdw);
    Phminposuw_xmm_xmmm128 => host(Phminposuw);
    Mpsadbw_xmm_xmmm128_imm8 => value(two_imm::<Mpsadbw>);
    Ptest_xmm_xmmm128 => sse(ptest, Test<All, L128>);
    // Floating point.
    Roundps_xmm_xmmm128_imm8 => sse(round_packed::<F32>, RoundLanes<f32>);
    Roundpd_xmm_xmmm128_imm8 => sse(round_packed::<F64>, RoundLanes<f64>);
    Roundss_xmm_xmmm32_imm8 => sse(round_scalar::<F32>, Round<f32>);
    Roundsd_xmm_xmmm64_imm8 => sse(round_scalar::<F64>, Round<f64>);
    Dpps_xmm_xmmm128_imm8 => plain(dp::<F32>);
    Dppd_xmm_xmmm128_imm8 => plain(dp::<F64>);
    // Texts.
    Pcmpestri_xmm_xmmm128_imm8 => sse(pcmpstri::<Explicit<false>>, Texts<Explicit<false>, true>);
    Pcmpestri64_xmm_xmmm128_imm8 => sse(pcmpstri::<Explicit<true>>, Texts<Explicit<true>, true>);
    Pcmpestrm_xmm_xmmm128_imm8 => sse(pcmpstrm::<Explicit<false>>, Texts<Explicit<false>, false>);
    Pcmpestrm64_xmm_xmmm128_imm8 => sse(pcmpstrm::<Explicit<true>>, Texts<Explicit<true>, false>);
    Pcmpistri_xmm_xmmm128_imm8 => sse(pcmpstri::<Implicit>, Texts<Implicit, true>);
    Pcmpistrm_xmm_xmmm128_imm8 => sse(pcmpstrm::<Implicit>, Texts<Implicit, false>);
    // Blends.
    Pblendw_xmm_xmmm128_imm8 => sse(two_imm::<Blend<u16>>, Replacing<Blend<u16>>);
    Blendps_xmm_xmmm128_imm8 => sse(two_imm::<Blend<u32>>, Replacing<Blend<u32>>);
    Blendpd_xmm_xmmm128_imm8 => sse(two_imm::<Blend<u64>>, Replacing<Blend<u64>>);
    Pblendvb_xmm_xmmm128 => sse(three::<Blendv<u8>>, Replacing<Blendv<u8>>);
    Blendvps_xmm_xmmm128 => sse(three::<Blendv<u32>>, Replacing<Blendv<u32>>);
    Blendvpd_xmm_xmmm128 => sse(three::<Blendv<u64>>, Replacing<Blendv<u64>>);
    // Widening.
    Pmovsxbw_xmm_xmmm64 => sse(extend::<Pmovsx<u8, u16, u64>>, Widened<Pmovsx<u8, u16, u64>>);
    Pmovsxbd_xmm_xmmm32 => sse(extend::<Pmovsx<u8, u32, u32>>, Widened<Pmovsx<u8, u32, u32>>);
    Pmovsxbq_xmm_xmmm16 => sse(extend::<Pmovsx<u8, u64, u16>>, Widened<Pmovsx<u8, u64, u16>>);
    Pmovsxwd_xmm_xmmm64 => sse(extend::<Pmovsx<u16, u32, u64>>, Widened<Pmovsx<u16, u32, u64>>);
    Pmovsxwq_xmm_xmmm32 => sse(extend::<Pmovsx<u16, u64, u32>>, Widened<Pmovsx<u16, u64, u32>>);
    Pmovsxdq_xmm_xmmm64 => sse(extend::<Pmovsx<u32, u64, u64>>, Widened<Pmovsx<u32, u64, u64>>);
    Pmovzxbw_xmm_xmmm64 => sse(extend::<Pmovzx<u8, u16, u64>>, Widened<Pmovzx<u8, u16, u64>>);
    Pmovzxbd_xmm_xmmm32 => sse(extend::<Pmovzx<u8, u32, u32>>, Widened<Pmovzx<u8, u32, u32>>);
    Pmovzxbq_xmm_xmmm16 => sse(extend::<Pmovzx<u8, u64, u16>>, Widened<Pmovzx<u8, u64, u16>>);
    Pmovzxwd_xmm_xmmm64 => sse(extend::<Pmovzx<u16, u32, u64>>, Widened<Pmovzx<u16, u32, u64>>);
    Pmovzxwq_xmm_xmmm32 => sse(extend::<Pmovzx<u16, u64, u32>>, Widened<Pmovzx<u16, u64, u32>>);
    Pmovzxdq_xmm_xmmm64 => sse(extend::<Pmovzx<u32, u64, u64>>, Widened<Pmovzx<u32, u64, u64>>);
    // Elements.
    Pinsrb_xmm_r32m8_imm8 => sse_general(pinsr::<u8>, Inserted<u8>);
    Pinsrb_xmm_r64m8_imm8 => sse_general(pinsr::<u8>, Inserted<u8>);
    Pinsrd_xmm_rm32_imm8 => sse_general(pinsr::<u32>, Inserted<u32>);
    Pinsrq_xmm_rm64_imm8 => sse_general(pinsr::<u64>, Inserted<u64>);
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
    Movntdqa_xmm_m128 => sse(load::<true>, Whole<true>);
    // SSE4A.
    Movntss_m32_xmm => sse_store(store_low::<u32>, Merged<u32>, StoreLow<u32>);
    Movntsd_m64_xmm => sse_store(store_low::<u64>, Merged<u64>, StoreLow<u64>);
    Extrq_xmm_imm8_imm8 => value(extrq_imm);
    Extrq_xmm_xmm => value(extrq);
    Insertq_xmm_xmm_imm8_imm8 => value(insertq_imm);
    Insertq_xmm_xmm => value(insertq);
};
