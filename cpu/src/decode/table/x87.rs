//! Rows of the x87 instructions, FXSAVE and FXRSTOR.
//!
//! The decoder gives WAIT and the non-waiting form separately, never the waiting forms (Fstcw and
//! its kin); nor does it decode what only the 287 and 387SL had (Frstpm, Fstdw, Fstsg).

use super::{Rows, rows};
use crate::insn::x87::*;
use crate::insn::xsave::{Offsets, Selectors, fxrstor, fxsave};

pub(crate) const ROWS: Rows = rows! {
    Wait => plain(wait);
    Fninit => plain(fninit);
    Fnclex => plain(fnclex);
    Fneni => plain(obsolete);
    Fndisi => plain(obsolete);
    Fnsetpm => plain(obsolete);
    Fldcw_m2byte => plain(fldcw);
    Fnstcw_m2byte => plain(fnstcw);
    Fnstsw_m2byte => plain(fnstsw);
    Fnstsw_AX => plain(fnstsw);
    Fldenv_m14byte => plain(fldenv::<Env14>);
    Fldenv_m28byte => plain(fldenv::<Env28>);
    Fnstenv_m14byte => plain(fnstenv::<Env14>);
    Fnstenv_m28byte => plain(fnstenv::<Env28>);
    Frstor_m94byte => plain(frstor::<Env14>);
    Frstor_m108byte => plain(frstor::<Env28>);
    Fnsave_m94byte => plain(fnsave::<Env14>);
    Fnsave_m108byte => plain(fnsave::<Env28>);
    Fxsave_m512byte => plain(fxsave::<Selectors>);
    Fxsave64_m512byte => plain(fxsave::<Offsets>);
    Fxrstor_m512byte => plain(fxrstor::<Selectors>);
    Fxrstor64_m512byte => plain(fxrstor::<Offsets>);
};
