//! Rows of exchanges.

use crate::decode::table::{Rows, rows};
use crate::insn::xchg::*;

pub(super) const ROWS: Rows = rows! {
    Xchg_rm8_r8 => value(xchg::<u8>);
    Xchg_rm16_r16 => value(xchg::<u16>);
    Xchg_rm32_r32 => value(xchg::<u32>);
    Xchg_rm64_r64 => value(xchg::<u64>);
    Xchg_r16_AX => value(xchg::<u16>);
    Xchg_r32_EAX => value(xchg::<u32>);
    Xchg_r64_RAX => value(xchg::<u64>);
    Xadd_rm8_r8 => value(xadd::<u8>);
    Xadd_rm16_r16 => value(xadd::<u16>);
    Xadd_rm32_r32 => value(xadd::<u32>);
    Xadd_rm64_r64 => value(xadd::<u64>);
    Cmpxchg_rm8_r8 => value(cmpxchg::<u8>);
    Cmpxchg_rm16_r16 => value(cmpxchg::<u16>);
    Cmpxchg_rm32_r32 => value(cmpxchg::<u32>);
    Cmpxchg_rm64_r64 => value(cmpxchg::<u64>);
    Cmpxchg8b_m64 => plain(cmpxchg8b);
    Cmpxchg16b_m128 => plain(cmpxchg16b);
};
