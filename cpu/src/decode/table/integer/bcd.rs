//! Rows of decimal adjustments.

use crate::decode::table::{Rows, rows};
use crate::insn::bcd::*;

pub(super) const ROWS: Rows = rows! {
    Daa => value(daa);
    Das => value(das);
    Aaa => value(aaa);
    Aas => value(aas);
    Aam_imm8 => value(aam);
    Aad_imm8 => value(aad);
};
