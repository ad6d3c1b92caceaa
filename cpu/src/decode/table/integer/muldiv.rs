//! Rows of multiplication and division.

use crate::decode::table::{Rows, rows};
use crate::insn::muldiv::*;

pub(super) const ROWS: Rows = rows! {
    Mul_rm8 => value(mul::<u8>);
    Mul_rm16 => value(mul::<u16>);
    Mul_rm32 => value(mul::<u32>);
    Mul_rm64 => value(mul::<u64>);
    Imul_r16_rm16_imm16 => arith(imul_three::<u16>);
    Imul_r32_rm32_imm32 => arith(imul_three::<u32>);
    Imul_r64_rm64_imm32 => arith(imul_three::<u64>);
    Imul_r16_rm16_imm8 => arith(imul_three::<u16>);
    Imul_r32_rm32_imm8 => arith(imul_three::<u32>);
    Imul_r64_rm64_imm8 => arith(imul_three::<u64>);
    Imul_rm8 => value(imul::<u8>);
    Imul_rm16 => value(imul::<u16>);
    Imul_rm32 => value(imul::<u32>);
    Imul_rm64 => value(imul::<u64>);
    Imul_r16_rm16 => arith(imul_two::<u16>);
    Imul_r32_rm32 => arith(imul_two::<u32>);
    Imul_r64_rm64 => arith(imul_two::<u64>);
    Div_rm8 => value(div::<u8>);
    Div_rm16 => value(div::<u16>);
    Div_rm32 => value(div::<u32>);
    Div_rm64 => value(div::<u64>);
    Idiv_rm8 => value(idiv::<u8>);
    Idiv_rm16 => value(idiv::<u16>);
    Idiv_rm32 => value(idiv::<u32>);
    Idiv_rm64 => value(idiv::<u64>);
};
