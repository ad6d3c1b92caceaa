//! Rows of decimal adjustments.

use crate::decode::table::{Rows, rows};
use crate::insn::bcd::*;

pub(super) const ROWS: Rows = rows! {
    Daa => plain(daa);
    Das => plain(das);
    Aaa => plain(aaa);
    Aas => plain(aas);
    Aam_imm8 => plain(aam);
    Aad_imm8 => plain(aad);
};
