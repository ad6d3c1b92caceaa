//! Rows of multiplication and division.

use crate::decode::table::{Rows, rows};
use crate::insn::muldiv::*;

pub(super) const ROWS: Rows = rows! {
    Mul_rm8 => plain(mul::<u8>);
    Mul_rm16 => plain(mul::<u16>);
    Mul_rm32 => plain(mul::<u32>);
    Mul_rm64 => plain(mul::<u64>);
    Imul_r16_rm16_imm16 => plain(imul_three::<u16>);
    Imul_r32_rm32_imm32 => plain(imul_three::<u32>);
    Imul_r64_rm64_imm32 => plain(imul_three::<u64>);
    Imul_r16_rm16_imm8 => plain(imul_three::<u16>);
    Imul_r32_rm32_imm8 => plain(imul_three::<u32>);
    Imul_r64_rm64_imm8 => plain(imul_three::<u64>);
    Imul_rm8 => plain(imul::<u8>);
    Imul_rm16 => plain(imul::<u16>);
    Imul_rm32 => plain(imul::<u32>);
    Imul_rm64 => plain(imul::<u64>);
    Imul_r16_rm16 => plain(imul_two::<u16>);
    Imul_r32_rm32 => plain(imul_two::<u32>);
    Imul_r64_rm64 => plain(imul_two::<u64>);
    Div_rm8 => plain(div::<u8>);
    Div_rm16 => plain(div::<u16>);
    Div_rm32 => plain(div::<u32>);
    Div_rm64 => plain(div::<u64>);
    Idiv_rm8 => plain(idiv::<u8>);
    Idiv_rm16 => plain(idiv::<u16>);
    Idiv_rm32 => plain(idiv::<u32>);
    Idiv_rm64 => plain(idiv::<u64>);
};
