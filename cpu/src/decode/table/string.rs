//! Rows of the string instructions and of IN and OUT.

use super::{Rows, rows};
use crate::insn::io::{in_dx, in_imm, out_dx, out_imm};
use crate::insn::string::{Cmps, Ins, Lods, Movs, Outs, Scas, Stos, repeated};

pub(crate) const ROWS: Rows = rows! {
    Movsb_m8_m8 => string(repeated::<Movs, u8>);
    Movsw_m16_m16 => string(repeated::<Movs, u16>);
    Movsd_m32_m32 => string(repeated::<Movs, u32>);
    Movsq_m64_m64 => string(repeated::<Movs, u64>);
    Cmpsb_m8_m8 => string(repeated::<Cmps, u8>);
    Cmpsw_m16_m16 => string(repeated::<Cmps, u16>);
    Cmpsd_m32_m32 => string(repeated::<Cmps, u32>);
    Cmpsq_m64_m64 => string(repeated::<Cmps, u64>);
    Stosb_m8_AL => string(repeated::<Stos, u8>);
    Stosw_m16_AX => string(repeated::<Stos, u16>);
    Stosd_m32_EAX => string(repeated::<Stos, u32>);
    Stosq_m64_RAX => string(repeated::<Stos, u64>);
    Lodsb_AL_m8 => string(repeated::<Lods, u8>);
    Lodsw_AX_m16 => string(repeated::<Lods, u16>);
    Lodsd_EAX_m32 => string(repeated::<Lods, u32>);
    Lodsq_RAX_m64 => string(repeated::<Lods, u64>);
    Scasb_AL_m8 => string(repeated::<Scas, u8>);
    Scasw_AX_m16 => string(repeated::<Scas, u16>);
    Scasd_EAX_m32 => string(repeated::<Scas, u32>);
    Scasq_RAX_m64 => string(repeated::<Scas, u64>);
    Insb_m8_DX => string(repeated::<Ins, u8>);
    Insw_m16_DX => string(repeated::<Ins, u16>);
    Insd_m32_DX => string(repeated::<Ins, u32>);
    Outsb_DX_m8 => string(repeated::<Outs, u8>);
    Outsw_DX_m16 => string(repeated::<Outs, u16>);
    Outsd_DX_m32 => string(repeated::<Outs, u32>);

    In_AL_imm8 => plain(in_imm::<u8>);
    In_AX_imm8 => plain(in_imm::<u16>);
    In_EAX_imm8 => plain(in_imm::<u32>);
    In_AL_DX => plain(in_dx::<u8>);
    In_AX_DX => plain(in_dx::<u16>);
    In_EAX_DX => plain(in_dx::<u32>);
    Out_imm8_AL => plain(out_imm::<u8>);
    Out_imm8_AX => plain(out_imm::<u16>);
    Out_imm8_EAX => plain(out_imm::<u32>);
    Out_DX_AL => plain(out_dx::<u8>);
    Out_DX_AX => plain(out_dx::<u16>);
    Out_DX_EAX => plain(out_dx::<u32>);
};
