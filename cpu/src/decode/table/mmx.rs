//! Rows of the MMX instructions, those that SSE and SSE2 added included.

use super::{Rows, rows};
use crate::insn::sse::insert::{pextrw_mm, pinsrw_mm};
use crate::insn::sse::integer::*;
use crate::insn::sse::logic::*;
use crate::insn::sse::shift::*;
use crate::insn::sse::shuffle::*;
use crate::insn::sse::{Mm, mmx, packed};

pub(crate) const ROWS: Rows = rows! {
    // Arithmetic.
    Paddb_mm_mmm64 => value(packed::<Padd<u8>, Mm>);
    Paddw_mm_mmm64 => value(packed::<Padd<u16>, Mm>);
    Paddd_mm_mmm64 => value(packed::<Padd<u32>, Mm>);
    Paddq_mm_mmm64 => value(packed::<Padd<u64>, Mm>);
    Psubb_mm_mmm64 => value(packed::<Psub<u8>, Mm>);
    Psubw_mm_mmm64 => value(packed::<Psub<u16>, Mm>);
    Psubd_mm_mmm64 => value(packed::<Psub<u32>, Mm>);
    Psubq_mm_mmm64 => value(packed::<Psub<u64>, Mm>);
    Paddsb_mm_mmm64 => value(packed::<Padds<u8>, Mm>);
    Paddsw_mm_mmm64 => value(packed::<Padds<u16>, Mm>);
    Paddusb_mm_mmm64 => value(packed::<Paddus<u8>, Mm>);
    Paddusw_mm_mmm64 => value(packed::<Paddus<u16>, Mm>);
    Psubsb_mm_mmm64 => value(packed::<Psubs<u8>, Mm>);
    Psubsw_mm_mmm64 => value(packed::<Psubs<u16>, Mm>);
    Psubusb_mm_mmm64 => value(packed::<Psubus<u8>, Mm>);
    Psubusw_mm_mmm64 => value(packed::<Psubus<u16>, Mm>);
    Pmullw_mm_mmm64 => value(packed::<Pmullw, Mm>);
    Pmulhw_mm_mmm64 => value(packed::<Pmulhw, Mm>);
    Pmulhuw_mm_mmm64 => value(packed::<Pmulhuw, Mm>);
    Pmuludq_mm_mmm64 => value(packed::<Pmuludq, Mm>);
    Pmaddwd_mm_mmm64 => value(packed::<Pmaddwd, Mm>);
    Psadbw_mm_mmm64 => value(packed::<Psadbw, Mm>);
    Pavgb_mm_mmm64 => value(packed::<Pavg<u8>, Mm>);
    Pavgw_mm_mmm64 => value(packed::<Pavg<u16>, Mm>);
    Pminub_mm_mmm64 => value(packed::<Pminu<u8>, Mm>);
    Pmaxub_mm_mmm64 => value(packed::<Pmaxu<u8>, Mm>);
    Pminsw_mm_mmm64 => value(packed::<Pmins<u16>, Mm>);
    Pmaxsw_mm_mmm64 => value(packed::<Pmaxs<u16>, Mm>);
    // Comparison.
    Pcmpeqb_mm_mmm64 => value(packed::<Pcmpeq<u8>, Mm>);
    Pcmpeqw_mm_mmm64 => value(packed::<Pcmpeq<u16>, Mm>);
    Pcmpeqd_mm_mmm64 => value(packed::<Pcmpeq<u32>, Mm>);
    Pcmpgtb_mm_mmm64 => value(packed::<Pcmpgt<u8>, Mm>);
    Pcmpgtw_mm_mmm64 => value(packed::<Pcmpgt<u16>, Mm>);
    Pcmpgtd_mm_mmm64 => value(packed::<Pcmpgt<u32>, Mm>);
    // Logic.
    Pand_mm_mmm64 => value(packed::<Pand, Mm>);
    Pandn_mm_mmm64 => value(packed::<Pandn, Mm>);
    Por_mm_mmm64 => value(packed::<Por, Mm>);
    Pxor_mm_mmm64 => value(packed::<Pxor, Mm>);
    // Shifts.
    Psllw_mm_mmm64 => value(shift_mm::<Psll<u16>>);
    Psllw_mm_imm8 => value(shift_mm_imm::<Psll<u16>>);
    Pslld_mm_mmm64 => value(shift_mm::<Psll<u32>>);
    Pslld_mm_imm8 => value(shift_mm_imm::<Psll<u32>>);
    Psllq_mm_mmm64 => value(shift_mm::<Psll<u64>>);
    Psllq_mm_imm8 => value(shift_mm_imm::<Psll<u64>>);
    Psrlw_mm_mmm64 => value(shift_mm::<Psrl<u16>>);
    Psrlw_mm_imm8 => value(shift_mm_imm::<Psrl<u16>>);
    Psrld_mm_mmm64 => value(shift_mm::<Psrl<u32>>);
    Psrld_mm_imm8 => value(shift_mm_imm::<Psrl<u32>>);
    Psrlq_mm_mmm64 => value(shift_mm::<Psrl<u64>>);
    Psrlq_mm_imm8 => value(shift_mm_imm::<Psrl<u64>>);
    Psraw_mm_mmm64 => value(shift_mm::<Psra<u16>>);
    Psraw_mm_imm8 => value(shift_mm_imm::<Psra<u16>>);
    Psrad_mm_mmm64 => value(shift_mm::<Psra<u32>>);
    Psrad_mm_imm8 => value(shift_mm_imm::<Psra<u32>>);
    // Pack, unpack, shuffle.
    Packsswb_mm_mmm64 => value(packed::<Packsswb, Mm>);
    Packssdw_mm_mmm64 => value(packed::<Packssdw, Mm>);
    Packuswb_mm_mmm64 => value(packed::<Packuswb, Mm>);
    Punpcklbw_mm_mmm32 => value(punpckl_mm::<u8>);
    Punpckhbw_mm_mmm64 => value(packed::<Punpckh<u8>, Mm>);
    Punpcklwd_mm_mmm32 => value(punpckl_mm::<u16>);
    Punpckhwd_mm_mmm64 => value(packed::<Punpckh<u16>, Mm>);
    Punpckldq_mm_mmm32 => value(punpckl_mm::<u32>);
    Punpckhdq_mm_mmm64 => value(packed::<Punpckh<u32>, Mm>);
    Pshufw_mm_mmm64_imm8 => value(pshufw);
    Pinsrw_mm_r32m16_imm8 => value(pinsrw_mm);
    Pextrw_r32_mm_imm8 => value(pextrw_mm);
    Pmovmskb_r32_mm => value(pmovmskb_mm);
    Pinsrw_mm_r64m16_imm8 => value(pinsrw_mm);
    Pextrw_r64_mm_imm8 => value(pextrw_mm);
    Pmovmskb_r64_mm => value(pmovmskb_mm);
    // Moves.
    Movd_mm_rm32 => value(mmx::movd_load::<u32>);
    Movq_mm_rm64 => value(mmx::movd_load::<u64>);
    Movd_rm32_mm => plain(mmx::movd_store::<u32>);
    Movq_rm64_mm => plain(mmx::movd_store::<u64>);
    Movq_mm_mmm64 => value(mmx::movq_load);
    Movq_mmm64_mm => plain(mmx::movq_store);
    Movntq_m64_mm => plain(mmx::movq_store);
    Movq2dq_xmm_mm => plain(mmx::movq2dq);
    Movdq2q_mm_xmm => plain(mmx::movdq2q);
    Maskmovq_rDI_mm_mm => plain(mmx::maskmovq);
    Emms => plain(mmx::emms);
};
