//! Rows of the near branches, whose handlers come in both engine forms.

use super::Row;
use crate::engine::Handler;
use crate::engine::branch::*;
use crate::flags;
use iced_x86::Code;

/// The row of a near branch; `None` for anything else.
pub(crate) fn branch_row<F: Form>(code: Code) -> Option<Row> {
    if let Some(handler) = conditional::<F>(code) {
        return Some(Row::goes_on(handler));
    }
    let handler = match code {
        Code::Jmp_rel8_16 | Code::Jmp_rel16 => Branches::<F>::jmp::<Short>(),
        Code::Jmp_rel8_32 | Code::Jmp_rel32_32 | Code::Jmp_rel8_64 | Code::Jmp_rel32_64 => {
            Branches::<F>::jmp::<Full>()
        }
        Code::Call_rel16 => Branches::<F>::call::<u16, Short>(),
        Code::Call_rel32_32 => Branches::<F>::call::<u32, Full>(),
        Code::Call_rel32_64 => Branches::<F>::call::<u64, Full>(),
        Code::Jmp_rm16 => Branches::<F>::jmp_rm::<u16>(),
        Code::Jmp_rm32 => Branches::<F>::jmp_rm::<u32>(),
        Code::Jmp_rm64 => Branches::<F>::jmp_rm::<u64>(),
        Code::Call_rm16 => Branches::<F>::call_rm::<u16>(),
        Code::Call_rm32 => Branches::<F>::call_rm::<u32>(),
        Code::Call_rm64 => Branches::<F>::call_rm::<u64>(),
        Code::Retnw | Code::Retnw_imm16 => Branches::<F>::ret::<u16>(),
        Code::Retnd | Code::Retnd_imm16 => Branches::<F>::ret::<u32>(),
        Code::Retnq | Code::Retnq_imm16 => Branches::<F>::ret::<u64>(),
        _ => return None,
    };
    Some(Row::ends(handler))
}

/// Jcc, LOOPcc and JCXZ: a block goes on behind one that is not taken.
fn conditional<F: Form>(code: Code) -> Option<Handler> {
    macro_rules! jcc {
        ($($rel8_16:ident $rel8_32:ident $rel8_64:ident $rel16:ident $rel32_32:ident $rel32_64:ident
           => $condition:ident;)*) => {
            match code {
                $(Code::$rel8_16 | Code::$rel16 => {
                    return Some(Branches::<F>::jcc::<flags::$condition, Short>());
                }
                Code::$rel8_32 | Code::$rel8_64 | Code::$rel32_32 | Code::$rel32_64 => {
                    return Some(Branches::<F>::jcc::<flags::$condition, Full>());
                })*
                _ => {}
            }
        };
    }
    jcc! {
        Jo_rel8_16 Jo_rel8_32 Jo_rel8_64 Jo_rel16 Jo_rel32_32 Jo_rel32_64 => O;
        Jno_rel8_16 Jno_rel8_32 Jno_rel8_64 Jno_rel16 Jno_rel32_32 Jno_rel32_64 => No;
        Jb_rel8_16 Jb_rel8_32 Jb_rel8_64 Jb_rel16 Jb_rel32_32 Jb_rel32_64 => B;
        Jae_rel8_16 Jae_rel8_32 Jae_rel8_64 Jae_rel16 Jae_rel32_32 Jae_rel32_64 => Ae;
        Je_rel8_16 Je_rel8_32 Je_rel8_64 Je_rel16 Je_rel32_32 Je_rel32_64 => E;
        Jne_rel8_16 Jne_rel8_32 Jne_rel8_64 Jne_rel16 Jne_rel32_32 Jne_rel32_64 => Ne;
        Jbe_rel8_16 Jbe_rel8_32 Jbe_rel8_64 Jbe_rel16 Jbe_rel32_32 Jbe_rel32_64 => Be;
        Ja_rel8_16 Ja_rel8_32 Ja_rel8_64 Ja_rel16 Ja_rel32_32 Ja_rel32_64 => A;
        Js_rel8_16 Js_rel8_32 Js_rel8_64 Js_rel16 Js_rel32_32 Js_rel32_64 => S;
        Jns_rel8_16 Jns_rel8_32 Jns_rel8_64 Jns_rel16 Jns_rel32_32 Jns_rel32_64 => Ns;
        Jp_rel8_16 Jp_rel8_32 Jp_rel8_64 Jp_rel16 Jp_rel32_32 Jp_rel32_64 => P;
        Jnp_rel8_16 Jnp_rel8_32 Jnp_rel8_64 Jnp_rel16 Jnp_rel32_32 Jnp_rel32_64 => Np;
        Jl_rel8_16 Jl_rel8_32 Jl_rel8_64 Jl_rel16 Jl_rel32_32 Jl_rel32_64 => L;
        Jge_rel8_16 Jge_rel8_32 Jge_rel8_64 Jge_rel16 Jge_rel32_32 Jge_rel32_64 => Ge;
        Jle_rel8_16 Jle_rel8_32 Jle_rel8_64 Jle_rel16 Jle_rel32_32 Jle_rel32_64 => Le;
        Jg_rel8_16 Jg_rel8_32 Jg_rel8_64 Jg_rel16 Jg_rel32_32 Jg_rel32_64 => G;
    }
    counted::<F>(code)
}

fn counted<F: Form>(code: Code) -> Option<Handler> {
    macro_rules! counted {
        ($($code:ident => $kind:ident $width:ident $size:ident;)*) => {
            match code {
                $(Code::$code => Some(Branches::<F>::loop_::<$kind, $width, $size>()),)*
                _ => None,
            }
        };
    }
    counted! {
        Loop_rel8_16_CX => LoopAlways u16 Short;
        Loop_rel8_32_CX => LoopAlways u16 Full;
        Loop_rel8_16_ECX => LoopAlways u32 Short;
        Loop_rel8_32_ECX => LoopAlways u32 Full;
        Loop_rel8_64_ECX => LoopAlways u32 Full;
        Loop_rel8_16_RCX => LoopAlways u64 Short;
        Loop_rel8_64_RCX => LoopAlways u64 Full;
        Loope_rel8_16_CX => LoopE u16 Short;
        Loope_rel8_32_CX => LoopE u16 Full;
        Loope_rel8_16_ECX => LoopE u32 Short;
        Loope_rel8_32_ECX => LoopE u32 Full;
        Loope_rel8_64_ECX => LoopE u32 Full;
        Loope_rel8_16_RCX => LoopE u64 Short;
        Loope_rel8_64_RCX => LoopE u64 Full;
        Loopne_rel8_16_CX => LoopNe u16 Short;
        Loopne_rel8_32_CX => LoopNe u16 Full;
        Loopne_rel8_16_ECX => LoopNe u32 Short;
        Loopne_rel8_32_ECX => LoopNe u32 Full;
        Loopne_rel8_64_ECX => LoopNe u32 Full;
        Loopne_rel8_16_RCX => LoopNe u64 Short;
        Loopne_rel8_64_RCX => LoopNe u64 Full;
        Jcxz_rel8_16 => Jcxz u16 Short;
        Jcxz_rel8_32 => Jcxz u16 Full;
        Jecxz_rel8_16 => Jcxz u32 Short;
        Jecxz_rel8_32 => Jcxz u32 Full;
        Jecxz_rel8_64 => Jcxz u32 Full;
        Jrcxz_rel8_16 => Jcxz u64 Short;
        Jrcxz_rel8_64 => Jcxz u64 Full;
    }
}
