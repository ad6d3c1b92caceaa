//! Rows of exchanges.

use crate::decode::table::{Rows, rows};
use crate::insn::xchg::*;

pub(super) const ROWS: Rows = rows! {
    Xchg_rm8_r8 => plain(xchg::<u8>);
    Xchg_rm16_r16 => plain(xchg::<u16>);
    Xchg_rm32_r32 => plain(xchg::<u32>);
    Xchg_rm64_r64 => plain(xchg::<u64>);
    Xchg_r16_AX => plain(xchg::<u16>);
    Xchg_r32_EAX => plain(xchg::<u32>);
    Xchg_r64_RAX => plain(xchg::<u64>);
    Xadd_rm8_r8 => plain(xadd::<u8>);
    Xadd_rm16_r16 => plain(xadd::<u16>);
    Xadd_rm32_r32 => plain(xadd::<u32>);
    Xadd_rm64_r64 => plain(xadd::<u64>);
    Cmpxchg_rm8_r8 => plain(cmpxchg::<u8>);
    Cmpxchg_rm16_r16 => plain(cmpxchg::<u16>);
    Cmpxchg_rm32_r32 => plain(cmpxchg::<u32>);
    Cmpxchg_rm64_r64 => plain(cmpxchg::<u64>);
    Cmpxchg8b_m64 => plain(cmpxchg8b);
    Cmpxchg16b_m128 => plain(cmpxchg16b);
};
